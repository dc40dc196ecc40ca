// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: devices that keep their messages in a store of their own
 *
 * A struct device has one MSI domain, and that of a PCI function is taken by
 * its MSI or MSI-X. So a driver binds another device, a child of the function,
 * to slots of a store. On it the core makes a per-device MSI domain, in which
 * the driver's callbacks stand for the table. See Documentation/ims.rst.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "irq-virtio.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/hw_irq.h>
#endif

/* What the core can number in one per-device MSI domain */
#define VIRTIO_IRQ_IMS_MAX_COUNT	(MSI_MAX_INDEX + 1)

/*
 * Another device may give the block back between reservation and use. That it
 * does so every time means that something else is wrong.
 */
#define VIRTIO_IRQ_IMS_TRIES		8

static struct virtio_irq_ims_dev *virtio_irq_ims_find(struct device *dev)
{
	struct virtio_irq_parent *parent = virtio_irq_parent_of(dev_get_msi_domain(dev));
	struct virtio_irq_source *src;

	src = parent ? virtio_irq_find_source(parent->doms, dev) : NULL;
	return src ? src->ims : NULL;
}

/*
 * The per-device MSI domain. Its interrupts have the binding as chip data.
 */

static void virtio_irq_ims_mask(struct irq_data *d)
{
	struct virtio_irq_ims_dev *imsd = d->chip_data;

	imsd->ims.ops->mask(irq_data_get_msi_desc(d));
	irq_chip_mask_parent(d);
}

static void virtio_irq_ims_unmask(struct irq_data *d)
{
	struct virtio_irq_ims_dev *imsd = d->chip_data;

	irq_chip_unmask_parent(d);
	imsd->ims.ops->unmask(irq_data_get_msi_desc(d));
}

/* A device must not send half of one message and half of another */
static void virtio_irq_ims_write_msg(struct irq_data *d, struct msi_msg *msg)
{
	struct virtio_irq_ims_dev *imsd = d->chip_data;
	const struct virtio_irq_ims_ops *ops = imsd->ims.ops;
	struct msi_desc *desc = irq_data_get_msi_desc(d);
	bool live = !irqd_irq_masked(d);

	if (live)
		ops->mask(desc);
	ops->write_msg(desc, msg);
	/* For get_cached_msi_msg(), after a reset of the device */
	desc->msg = *msg;
	if (live)
		ops->unmask(desc);
}

/*
 * msi_check_reservation_mode() grants it to PCI only. Without it the x86 vector
 * domain keeps the vector when the interrupt is freed, until it is removed.
 */
static int virtio_irq_ims_request_resources(struct irq_data *d)
{
	struct irq_desc *desc = irq_data_to_desc(d);

	/* An affinity that is set at this time is in the same word */
	scoped_guard(raw_spinlock_irqsave, &desc->lock)
		irqd_set_can_reserve(d);
	return irq_chip_request_resources_parent(d);
}

/**
 * virtio_irq_ims_drop - no interrupt is made of the reserved vector
 * @imsd: the binding
 *
 * Context: any; the device's MSI mutex is held, or the device has no MSI domain.
 */
void virtio_irq_ims_drop(struct virtio_irq_ims_dev *imsd)
{
	if (imsd->taken)
		virtio_irq_free(imsd->taken);
	imsd->taken = NULL;
}

/**
 * virtio_irq_ims_take - the vector for the interrupt that is being made
 * @imsd: the binding
 *
 * Context: any; the device's MSI mutex is held.
 * Return: what was reserved when its descriptor was prepared.
 */
struct virtio_irq_vector *virtio_irq_ims_take(struct virtio_irq_ims_dev *imsd)
{
	struct virtio_irq_vector *vec = imsd->taken;

	imsd->taken = NULL;
	return vec;
}

/*
 * Reserved and taken in one, as other devices that use the store may give back a
 * block none of whose vectors is taken
 */
static int virtio_irq_ims_reserve(struct virtio_irq_ims_dev *imsd, u32 slot)
{
	struct virtio_irq_store *store = imsd->src.store;
	struct virtio_irq_ims_store *owner = store->owner;
	unsigned int flags = imsd->ims.data16 ? VIRTIO_IRQ_ALLOC_DATA16 : 0;
	unsigned int tries;
	int err;

	guard(mutex)(&owner->lock);
	for (tries = 0; tries < VIRTIO_IRQ_IMS_TRIES; tries++) {
		err = virtio_irq_reserve(store, slot, flags, imsd->ims.addr_width);
		if (err)
			return err;
		imsd->taken = virtio_irq_take(store, slot);
		if (!imsd->taken)
			continue;
		if (imsd->pasid != VIRTIO_IRQ_NO_PASID)
			err = virtio_irq_set_pasid(imsd->taken, imsd->pasid);
		if (err)
			virtio_irq_ims_drop(imsd);
		return err;
	}
	return -EAGAIN;
}

/* Under the MSI mutex only: the place to ask the host, see virtio_irq_prepare_desc() */
static void virtio_irq_ims_prepare_desc(struct irq_domain *domain, msi_alloc_info_t *arg,
					struct msi_desc *desc)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(desc->dev);
	struct virtio_irq_source *src;

	if (WARN_ON_ONCE(!imsd))
		return;
	src = &imsd->src;
	if (src->prepare_desc)
		src->prepare_desc(domain, arg, desc);

	/* Left from an allocation that failed later, where the core calls nobody */
	virtio_irq_ims_drop(imsd);
	src->alloc_error = virtio_irq_ims_reserve(imsd, imsd->ims.first + desc->msi_index);
	if (src->alloc_error)
		dev_warn_ratelimited(src->dev, "virtio-irq: slot %u of store %u not reserved: %pe\n",
				     imsd->ims.first + desc->msi_index, imsd->ims.store,
				     ERR_PTR(src->alloc_error));
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
static void virtio_irq_ims_post_free(struct irq_domain *domain, struct device *dev)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(dev);

	if (imsd)
		virtio_irq_ims_drop(imsd);
}
#endif

#ifdef CONFIG_X86_LOCAL_APIC
/* As x86_msi_prepare(), which looks at the bus token of a PCI domain */
static int virtio_irq_ims_msi_prepare(struct irq_domain *domain, struct device *dev, int nvec,
				      msi_alloc_info_t *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->type = X86_IRQ_ALLOC_TYPE_PCI_MSIX;
	return 0;
}
#endif

/**
 * virtio_irq_ims_accepts - may this per-device MSI domain be made?
 * @imsd: the binding
 * @info: what the domain is to be like
 *
 * Context: process context, the device's MSI mutex is held.
 * Return: true if it may.
 */
bool virtio_irq_ims_accepts(struct virtio_irq_ims_dev *imsd, const struct msi_domain_info *info)
{
	if (info->bus_token != DOMAIN_BUS_DEVICE_MSI)
		return false;
	if (info->hwsize > imsd->count) {
		dev_err(imsd->src.dev, "virtio-irq: %u vectors, bound to %u slots\n",
			info->hwsize, imsd->count);
		return false;
	}
	return true;
}

/**
 * virtio_irq_ims_init_info - what a store changes in a per-device MSI domain
 * @imsd: the binding
 * @info: the domain, as the parent domain has left it
 *
 * Context: process context, the device's MSI mutex is held.
 */
void virtio_irq_ims_init_info(struct virtio_irq_ims_dev *imsd, struct msi_domain_info *info)
{
	/* PCI's: the first reads desc->pci, and slots stay masked until request_irq() */
	info->flags &= ~(MSI_FLAG_MUST_REACTIVATE | MSI_FLAG_ACTIVATE_EARLY);
	info->flags |= MSI_FLAG_ALLOC_SIMPLE_MSI_DESCS | MSI_FLAG_FREE_MSI_DESCS;

	imsd->src.prepare_desc = info->ops->prepare_desc;
	info->ops->prepare_desc = virtio_irq_ims_prepare_desc;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	info->ops->msi_post_free = virtio_irq_ims_post_free;
#endif
#ifdef CONFIG_X86_LOCAL_APIC
	info->ops->msi_prepare = virtio_irq_ims_msi_prepare;
#endif

	info->chip->irq_mask = virtio_irq_ims_mask;
	info->chip->irq_unmask = virtio_irq_ims_unmask;
	info->chip->irq_write_msi_msg = virtio_irq_ims_write_msg;
	info->chip->irq_request_resources = virtio_irq_ims_request_resources;
	info->chip_data = imsd;
}

/*
 * Bindings
 */

/* Do interrupts of the device exist? */
static bool virtio_irq_ims_busy(struct virtio_irq_ims_dev *imsd)
{
	u32 first = imsd->ims.first, last = first + imsd->count - 1;
	struct virtio_irq_vector *vec;
	unsigned long index;

	guard(mutex)(&imsd->src.parent->doms->virqs_lock);
	xa_for_each_range(&imsd->src.store->vectors, index, vec, first, last)
		if (vec->virq)
			return true;
	return false;
}

/* It composes for PCI functions only, by their requester ID */
static bool virtio_irq_ims_remapped(const struct irq_domain *p)
{
	return p->bus_token == DOMAIN_BUS_DMAR || p->bus_token == DOMAIN_BUS_AMDVI;
}

static bool virtio_irq_ims_valid(const struct virtio_irq_ims *ims)
{
	return ims->ops && ims->ops->write_msg && ims->ops->mask && ims->ops->unmask &&
	       ims->store && ims->addr_width >= 2 && ims->addr_width <= 64;
}

/* With the controller's ims_lock: the slots are this device's from now on */
static int virtio_irq_ims_claim(struct virtio_irq_ims_dev *imsd)
{
	struct virtio_irq_store *store = imsd->src.store;
	struct virtio_irq_ims_store *owner = store->owner;
	const struct virtio_irq_ims *ims = &imsd->ims;
	u64 first = ims->first, end = store->size ?: BIT_ULL(32);
	struct virtio_irq_ims_dev *other;

	if (ims->count > VIRTIO_IRQ_IMS_MAX_COUNT || first >= end || ims->count > end - first)
		return -ERANGE;
	imsd->count = ims->count ?: min(end - first, VIRTIO_IRQ_IMS_MAX_COUNT);

	if (!owner) {
		owner = kzalloc(sizeof(*owner), GFP_KERNEL);
		if (!owner)
			return -ENOMEM;
		mutex_init(&owner->lock);
		INIT_LIST_HEAD(&owner->devs);
		store->owner = owner;
	}
	list_for_each_entry(other, &owner->devs, node) {
		/* A block is reserved for whoever comes first, for the needs of all */
		if (other->ims.addr_width != ims->addr_width || other->ims.data16 != ims->data16)
			return -EINVAL;
		if (first < (u64)other->ims.first + other->count &&
		    other->ims.first < first + imsd->count)
			return -EBUSY;
	}
	list_add_tail(&imsd->node, &owner->devs);
	return 0;
}

/* With the controller's ims_lock */
static void virtio_irq_ims_unclaim(struct virtio_irq_ims_dev *imsd)
{
	struct virtio_irq_store *store = imsd->src.store;
	struct virtio_irq_ims_store *owner = store->owner;

	list_del(&imsd->node);
	if (!list_empty(&owner->devs))
		return;
	virtio_irq_store_release(store);
	store->owner = NULL;
	mutex_destroy(&owner->lock);
	kfree(owner);
}

static void virtio_irq_ims_release(struct virtio_irq_ims_dev *imsd)
{
	struct virtio_irq_source *src = &imsd->src;
	struct virtio_irq_domains *doms = src->parent->doms;

	virtio_irq_del_source(doms, src);
	if (dev_get_msi_domain(src->dev) == src->parent->domain)
		dev_set_msi_domain(src->dev, imsd->former);
	virtio_irq_ims_drop(imsd);
	mutex_lock(&doms->ims_lock);
	virtio_irq_ims_unclaim(imsd);
	mutex_unlock(&doms->ims_lock);
	virtio_irq_put_source(imsd->function);
	put_device(src->dev);
	mutex_destroy(&imsd->add_lock);
	kfree(imsd);
}

/**
 * virtio_irq_ims_bind - have virtio-irq serve a device's slots of a store
 * @dev: the device, registered; usually a child of @pdev, never a PCI function
 * @pdev: the function that sends the messages, its driver bound until @dev is unbound
 * @ims: the slots; copied
 *
 * Several devices may share a store, each with slots of its own. Every slot is
 * masked until its interrupt is requested.
 *
 * Then either platform_device_msi_init_and_alloc_irqs() makes a fixed number of
 * interrupts, from the first slot on, its callback is not used; or
 * virtio_irq_ims_create_domain() prepares for virtio_irq_ims_add().
 *
 * Context: process context, sleeps; usually in the probe of @dev or @pdev.
 * Return: 0; -ENODEV if no virtio-irq serves @pdev, -EOPNOTSUPP if its interrupts
 * are remapped by an IOMMU, -ENOENT if the function has no such store, -ERANGE if
 * that has no such slots, -EBUSY if another device has them or @dev has MSI data,
 * which it keeps until its driver is unbound, -EINVAL if @ims is not what the
 * structure's description says or @dev cannot depend on the controller, -ENOMEM.
 */
int virtio_irq_ims_bind(struct device *dev, struct pci_dev *pdev,
			const struct virtio_irq_ims *ims)
{
	struct irq_domain *domain = dev_get_msi_domain(&pdev->dev);
	struct virtio_irq_parent *parent = virtio_irq_parent_of(domain);
	struct virtio_irq_source *function;
	struct virtio_irq_domains *doms;
	struct virtio_irq_ims_dev *imsd;
	int err;

	if (!virtio_irq_ims_valid(ims) || dev_is_pci(dev))
		return -EINVAL;
	if (!domain)
		return -ENODEV;
	/* Served or not: no virtio-irq can help there */
	if (virtio_irq_ims_remapped(parent ? parent->parent : domain))
		return -EOPNOTSUPP;
	if (!parent)
		return -ENODEV;
	/* A per-device MSI domain would stay on the parent that it was made on */
	if (dev->msi.data || virtio_irq_ims_find(dev))
		return -EBUSY;
	doms = parent->doms;
	/* Without one the domain was inherited from the bus */
	function = virtio_irq_get_source(doms, &pdev->dev);
	if (!function)
		return -ENODEV;

	imsd = kzalloc(sizeof(*imsd), GFP_KERNEL);
	if (!imsd) {
		err = -ENOMEM;
		goto put_function;
	}
	imsd->function = function;
	imsd->ims = *ims;
	imsd->pasid = VIRTIO_IRQ_NO_PASID;
	mutex_init(&imsd->add_lock);
	imsd->former = dev_get_msi_domain(dev);
	imsd->src.dev = get_device(dev);
	imsd->src.parent = parent;
	imsd->src.ep = function->ep;
	imsd->src.ims = imsd;
	imsd->src.store = virtio_irq_find_store(function->ep, ims->store);
	if (!imsd->src.store) {
		err = -ENOENT;
		goto free;
	}

	mutex_lock(&doms->ims_lock);
	err = virtio_irq_ims_claim(imsd);
	mutex_unlock(&doms->ims_lock);
	if (err)
		goto free;
	virtio_irq_add_source(doms, &imsd->src);
	dev_set_msi_domain(dev, parent->domain);
	/*
	 * Unbinds the device's driver before the controller goes. Without a driver
	 * it is the function's, which has such a link of its own, that unbinds the
	 * device; device_links_driver_cleanup() would WARN of this one.
	 */
	if (dev->driver &&
	    !device_link_add(dev, virtio_irq_dev(doms->vi), DL_FLAG_AUTOREMOVE_CONSUMER)) {
		virtio_irq_ims_release(imsd);
		return -EINVAL;
	}
	return 0;

free:
	put_device(dev);
	mutex_destroy(&imsd->add_lock);
	kfree(imsd);
put_function:
	virtio_irq_put_source(function);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_bind);

/**
 * virtio_irq_ims_unbind - undo virtio_irq_ims_bind()
 * @dev: the device, its MSI domain removed
 *
 * The domain was removed by platform_device_msi_free_irqs_all() or
 * virtio_irq_ims_remove_domain(). The last device of a store gives the store's
 * reservations back. Does nothing if @dev is not bound, as after the controller
 * is gone.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_ims_unbind(struct device *dev)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(dev);

	/* They would use freed memory */
	if (imsd && !WARN_ON_ONCE(virtio_irq_ims_busy(imsd)))
		virtio_irq_ims_release(imsd);
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_unbind);

/**
 * virtio_irq_ims_expel - the controller goes
 * @imsd: a binding that its driver has not undone, although it was unbound
 *
 * Context: process context, sleeps.
 */
void virtio_irq_ims_expel(struct virtio_irq_ims_dev *imsd)
{
	WARN_ON_ONCE(virtio_irq_ims_busy(imsd));
	virtio_irq_ims_release(imsd);
}

/**
 * virtio_irq_ims_set_pasid - change the PASID of a vector
 * @virq: interrupt of a device that is bound
 * @pasid: what its messages shall carry, or VIRTIO_IRQ_NO_PASID
 *
 * Works at any time, while the vector fires, too: its slot is masked, the host
 * told, virtio_irq_ims_ops::set_pasid called, the slot unmasked. Messages with
 * another PASID are blocked. On failure the former PASID stays in force.
 *
 * Context: any; polls with interrupts off, at most poll_timeout_ms.
 * Return: 0; -EINVAL if @virq is no such interrupt, or its store needs a PASID;
 * -EOPNOTSUPP if the host has none for the function, -ERANGE if @pasid is too
 * large; or the host's refusal as an errno, -EIO, -ETIMEDOUT, -ENODEV.
 */
int virtio_irq_ims_set_pasid(unsigned int virq, u32 pasid)
{
	struct irq_data *d = irq_get_irq_data(virq);
	const struct virtio_irq_ims_ops *ops;
	struct virtio_irq_ims_dev *imsd;
	struct msi_desc *msi;
	struct irq_desc *desc;
	unsigned long flags;
	bool live;
	int err;

	if (!d || !d->chip || d->chip->irq_write_msi_msg != virtio_irq_ims_write_msg)
		return -EINVAL;
	imsd = d->chip_data;
	ops = imsd->ims.ops;
	msi = irq_data_get_msi_desc(d);
	desc = irq_data_to_desc(d);

	raw_spin_lock_irqsave(&desc->lock, flags);
	live = !irqd_irq_masked(d);
	if (live)
		ops->mask(msi);
	err = virtio_irq_set_pasid(d->parent_data->chip_data, pasid);
	if (!err && ops->set_pasid)
		ops->set_pasid(msi, pasid);
	if (live)
		ops->unmask(msi);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_set_pasid);

/*
 * One vector at a time. The core exports none of what this needs, so it exists in
 * a kernel only that has the driver built in.
 */

#ifndef MODULE
static bool virtio_irq_ims_has_domain(struct device *dev)
{
	return dev->msi.data &&
	       msi_match_device_irq_domain(dev, MSI_DEFAULT_DOMAIN, DOMAIN_BUS_DEVICE_MSI);
}

static void virtio_irq_ims_set_desc(msi_alloc_info_t *arg, struct msi_desc *desc)
{
	arg->desc = desc;
	arg->hwirq = desc->msi_index;
}

static int virtio_irq_ims_make_domain(struct virtio_irq_ims_dev *imsd)
{
	const struct msi_domain_template template = {
		.chip = {
			.name	= imsd->ims.name ?: "IMS",
		},
		.ops = {
			.set_desc = virtio_irq_ims_set_desc,
		},
		.info = {
			.bus_token = DOMAIN_BUS_DEVICE_MSI,
		},
	};

	if (virtio_irq_ims_has_domain(imsd->src.dev))
		return -EBUSY;
	/* It says no more, and the parent refuses nothing that a binding allows */
	if (!msi_create_device_irq_domain(imsd->src.dev, MSI_DEFAULT_DOMAIN, &template,
					  imsd->count, NULL, NULL))
		return -ENOMEM;
	return 0;
}

static struct msi_map virtio_irq_ims_alloc_at(struct virtio_irq_ims_dev *imsd,
					      unsigned int index, void *cookie, u32 pasid)
{
	union msi_instance_cookie icookie = { .ptr = cookie };
	const struct virtio_irq_ims_ops *ops = imsd->ims.ops;
	struct device *dev = imsd->src.dev;
	struct msi_map map = { };
	struct irq_desc *desc;
	struct irq_data *d;

	if (!virtio_irq_ims_has_domain(dev)) {
		map.index = -ENODEV;
		return map;
	}
	if (pasid == VIRTIO_IRQ_NO_PASID && imsd->src.store->flags & VIRTIO_IRQ_STORE_F_PASID) {
		map.index = -EINVAL;
		return map;
	}

	guard(mutex)(&imsd->add_lock);
	imsd->pasid = pasid;
	imsd->src.alloc_error = 0;
	map = msi_domain_alloc_irq_at(dev, MSI_DEFAULT_DOMAIN, index, NULL, &icookie);
	imsd->pasid = VIRTIO_IRQ_NO_PASID;
	if (map.index < 0) {
		/* The core makes -ENOSPC of whatever the host said */
		map.index = imsd->src.alloc_error ?: map.index;
		return map;
	}

	d = irq_get_irq_data(map.virq);
	desc = irq_data_to_desc(d);
	guard(raw_spinlock_irqsave)(&desc->lock);
	if (ops->set_pasid)
		ops->set_pasid(irq_data_get_msi_desc(d), pasid);
	return map;
}
#endif

/**
 * virtio_irq_ims_create_domain - prepare for vectors one by one
 * @dev: a device that is bound
 *
 * Context: process context, sleeps.
 * Return: 0; -ENODEV if @dev is not bound, -EBUSY if it has an MSI domain,
 * -ENOMEM, -EOPNOTSUPP if the driver is a module.
 */
int virtio_irq_ims_create_domain(struct device *dev)
{
#ifdef MODULE
	return -EOPNOTSUPP;
#else
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(dev);

	return imsd ? virtio_irq_ims_make_domain(imsd) : -ENODEV;
#endif
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_create_domain);

/**
 * virtio_irq_ims_remove_domain - undo virtio_irq_ims_create_domain()
 * @dev: the device, every interrupt of it freed by free_irq()
 *
 * Removes the vectors that are left.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_ims_remove_domain(struct device *dev)
{
#ifndef MODULE
	if (!virtio_irq_ims_find(dev) || !virtio_irq_ims_has_domain(dev))
		return;
	msi_domain_free_irqs_all(dev, MSI_DEFAULT_DOMAIN);
	msi_remove_device_irq_domain(dev, MSI_DEFAULT_DOMAIN);
#endif
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_remove_domain);

/**
 * virtio_irq_ims_add - add a vector
 * @dev: a device with virtio_irq_ims_create_domain()
 * @index: its slot, from 0 on; or MSI_ANY_INDEX for the first that is free
 * @cookie: for the driver, in msi_desc::data.icookie.ptr
 * @pasid: what its messages will carry, or VIRTIO_IRQ_NO_PASID
 *
 * Leaves the others alone. The slot is masked, and stays so until
 * request_irq() of msi_map::virq; virtio_irq_ims_ops::set_pasid is called.
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: msi_map::index is the slot and msi_map::virq the interrupt; or
 * msi_map::index is -ENODEV without a domain, -ERANGE if @index is too large,
 * -EBUSY if it, or every one, is in use, the host's refusal as an errno, one of
 * virtio_irq_ims_set_pasid() for @pasid, -ENOSPC if the parent domain has no more
 * interrupts, -ENOMEM, -EOPNOTSUPP if the driver is a module.
 */
struct msi_map virtio_irq_ims_add(struct device *dev, unsigned int index, void *cookie,
				  u32 pasid)
{
#ifdef MODULE
	return (struct msi_map) { .index = -EOPNOTSUPP };
#else
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(dev);

	if (!imsd)
		return (struct msi_map) { .index = -ENODEV };
	return virtio_irq_ims_alloc_at(imsd, index, cookie, pasid);
#endif
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_add);

/**
 * virtio_irq_ims_remove - remove a vector
 * @dev: the device
 * @map: what virtio_irq_ims_add() returned, freed by free_irq() if it was requested
 *
 * Leaves the others alone, and never waits for the host.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_ims_remove(struct device *dev, struct msi_map map)
{
#ifndef MODULE
	if (map.index < 0 || !virtio_irq_ims_has_domain(dev))
		return;
	msi_domain_free_irqs_range(dev, MSI_DEFAULT_DOMAIN, map.index, map.index);
#endif
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_remove);
