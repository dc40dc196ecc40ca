// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: devices that keep their messages in a store of their own
 *
 * A struct device has one MSI domain, and that of a PCI function is taken by
 * its MSI or MSI-X. So a driver binds another device, a child of the function,
 * to slots of a store. On it the core makes a per-device MSI domain, in which
 * the driver's callbacks stand for the table.
 * See Documentation/ims.rst.
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

#include "../virtio/virtio_irq_compat.h"
#include "irq-virtio.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/hw_irq.h>
#endif

/*
 * Another device may give the block back between reservation and use. That it
 * does so every time means that something else is wrong.
 */
#define VIRTIO_IRQ_IMS_TRIES		8

/*
 * The per-device MSI domain. Its interrupts have the source as chip data.
 */

static struct virtio_irq_ims_dev *virtio_irq_ims_of(struct irq_data *d)
{
	struct virtio_irq_source *src = d->chip_data;

	return src->ims;
}

static void virtio_irq_ims_mask(struct irq_data *d)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_of(d);

	imsd->ims.ops->mask(irq_data_get_msi_desc(d), imsd->ims.data);
	irq_chip_mask_parent(d);
}

static void virtio_irq_ims_unmask(struct irq_data *d)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_of(d);

	irq_chip_unmask_parent(d);
	imsd->ims.ops->unmask(irq_data_get_msi_desc(d), imsd->ims.data);
}

/* A device must not send half of one message and half of another */
static void virtio_irq_ims_write_msg(struct irq_data *d, struct msi_msg *msg)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_of(d);
	const struct virtio_irq_ims_ops *ops = imsd->ims.ops;
	struct msi_desc *desc = irq_data_get_msi_desc(d);
	bool live = virtio_irq_is_live(d);

	if (live)
		ops->mask(desc, imsd->ims.data);
	ops->write_msg(desc, msg, imsd->ims.data);
	/* For get_cached_msi_msg(), after a reset of the device */
	desc->msg = *msg;
	if (live)
		ops->unmask(desc, imsd->ims.data);
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

/* The device's MSI mutex is held, or the device has no MSI domain */
static void virtio_irq_ims_drop(struct virtio_irq_source *src)
{
	struct virtio_irq_ims_dev *imsd = src->ims;

	if (imsd->taken)
		virtio_irq_free(imsd->taken);
	imsd->taken = NULL;
}

/* What was reserved when its descriptor was prepared */
static struct virtio_irq_vector *virtio_irq_ims_take(struct virtio_irq_source *src, u32 index)
{
	struct virtio_irq_vector *vec = src->ims->taken;

	src->ims->taken = NULL;
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
			virtio_irq_ims_drop(&imsd->src);
		return err;
	}
	return -EAGAIN;
}

/* Under the MSI mutex only: the place to ask the host, see virtio_irq_prepare_desc() */
static void virtio_irq_ims_prepare_desc(struct irq_domain *domain, msi_alloc_info_t *arg,
					struct msi_desc *desc)
{
	struct virtio_irq_source *src = virtio_irq_source_of(domain);
	struct virtio_irq_ims_dev *imsd = src->ims;

	if (src->prepare_desc)
		src->prepare_desc(domain, arg, desc);

	/* Left from an allocation that failed later, where the core calls nobody */
	virtio_irq_ims_drop(&imsd->src);
	src->alloc_error = virtio_irq_ims_reserve(imsd, imsd->ims.first + desc->msi_index);
	if (src->alloc_error)
		dev_warn_ratelimited(src->dev, "virtio-irq: slot %u of store %u not reserved: %pe\n",
				     imsd->ims.first + desc->msi_index, imsd->ims.store,
				     ERR_PTR(src->alloc_error));
}

static void virtio_irq_ims_post_free(struct irq_domain *domain, struct device *dev)
{
	virtio_irq_ims_drop(virtio_irq_source_of(domain));
}

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

/* A parent that PREPARES knows senders by their numbers: the function is the sender */
static int virtio_irq_ims_prepare_function(struct irq_domain *domain, struct device *dev,
					   int nvec, msi_alloc_info_t *arg)
{
	struct virtio_irq_source *src = virtio_irq_source_of(domain);

	return src->msi_prepare(domain, src->ims->function->dev, nvec, arg);
}

static bool virtio_irq_ims_accepts(struct virtio_irq_source *src,
				   const struct msi_domain_info *info)
{
	struct virtio_irq_ims_dev *imsd = src->ims;

	if (info->bus_token != DOMAIN_BUS_DEVICE_MSI)
		return false;
	if (info->hwsize > imsd->count) {
		dev_err(imsd->src.dev, "virtio-irq: %u vectors, bound to %u slots\n",
			info->hwsize, imsd->count);
		return false;
	}
	return true;
}

static void virtio_irq_ims_init_info(struct virtio_irq_source *src, struct msi_domain_info *info)
{
	/* PCI's: the first reads desc->pci, and slots stay masked until request_irq() */
	info->flags &= ~(MSI_FLAG_MUST_REACTIVATE | MSI_FLAG_ACTIVATE_EARLY);
	info->flags |= MSI_FLAG_ALLOC_SIMPLE_MSI_DESCS | MSI_FLAG_FREE_MSI_DESCS;

	src->prepare_desc = info->ops->prepare_desc;
	info->ops->prepare_desc = virtio_irq_ims_prepare_desc;
	virtio_irq_set_post_free(info->ops, virtio_irq_ims_post_free);
	src->msi_prepare = info->ops->msi_prepare;
#ifdef CONFIG_X86_LOCAL_APIC
	info->ops->msi_prepare = virtio_irq_ims_msi_prepare;
#endif
	if (src->parent->kind->flags & VIRTIO_IRQ_PARENT_PREPARES)
		info->ops->msi_prepare = virtio_irq_ims_prepare_function;

	src->mask = virtio_irq_ims_mask;
	src->unmask = virtio_irq_ims_unmask;
	info->chip->irq_mask = virtio_irq_ims_mask;
	info->chip->irq_unmask = virtio_irq_unmask_source;
	info->chip->irq_write_msi_msg = virtio_irq_ims_write_msg;
	info->chip->irq_request_resources = virtio_irq_ims_request_resources;
}

const struct virtio_irq_source_ops virtio_irq_ims_source_ops = {
	.accepts	= virtio_irq_ims_accepts,
	.init_info	= virtio_irq_ims_init_info,
	.take		= virtio_irq_ims_take,
	.drop		= virtio_irq_ims_drop,
};

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

	if (!d || !d->chip || d->chip->irq_mask != virtio_irq_ims_mask)
		return -EINVAL;
	imsd = virtio_irq_ims_of(d);
	ops = imsd->ims.ops;
	msi = irq_data_get_msi_desc(d);
	desc = irq_data_to_desc(d);

	raw_spin_lock_irqsave(&desc->lock, flags);
	live = virtio_irq_is_live(d);
	if (live)
		ops->mask(msi, imsd->ims.data);
	err = virtio_irq_set_pasid(d->parent_data->chip_data, pasid);
	if (!err && ops->set_pasid)
		ops->set_pasid(msi, pasid, imsd->ims.data);
	if (live)
		ops->unmask(msi, imsd->ims.data);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_set_pasid);

/* Made by virtio_irq_ims_create_domain(), or by the core's own functions */
static bool virtio_irq_ims_has_domain(struct device *dev)
{
#ifdef MODULE
	return false;
#else
	return dev->msi.data &&
	       msi_match_device_irq_domain(dev, MSI_DEFAULT_DOMAIN, DOMAIN_BUS_DEVICE_MSI);
#endif
}

/* The core asks for one, and virtio_irq_ims_init_info() replaces it */
static void virtio_irq_ims_unused(struct msi_desc *desc, struct msi_msg *msg)
{
}

/**
 * virtio_irq_ims_alloc_irqs - make a fixed number of interrupts
 * @dev: a device that is bound and has no MSI domain
 * @nvec: how many, from the first slot on
 *
 * msi_get_virq() tells their numbers. Works in every kernel.
 *
 * Context: process context, sleeps for at most sleep_timeout_ms per 64 slots.
 * Return: 0; -ENODEV if @dev is not bound or has fewer slots, -EBUSY if it has an MSI
 * domain, the host's refusal as an errno, -ENOSPC if the parent domain has not so
 * many interrupts, -ENOMEM. Then there are none.
 */
int virtio_irq_ims_alloc_irqs(struct device *dev, unsigned int nvec)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(dev);
	int err;

	if (!imsd)
		return -ENODEV;
	if (imsd->fixed || virtio_irq_ims_has_domain(dev))
		return -EBUSY;
	imsd->src.alloc_error = 0;
	err = platform_device_msi_init_and_alloc_irqs(dev, nvec, virtio_irq_ims_unused);
	imsd->fixed = !err;
	/* Without a domain there is nothing to undo */
	if (!err || err == -ENODEV)
		return err;
	/* The core makes -ENOSPC of whatever the host said */
	err = imsd->src.alloc_error ?: err;
	platform_device_msi_free_irqs_all(dev);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_alloc_irqs);

/**
 * virtio_irq_ims_free_irqs - undo virtio_irq_ims_alloc_irqs()
 * @dev: the device, every interrupt of it freed by free_irq()
 *
 * Does nothing if there are none.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_ims_free_irqs(struct device *dev)
{
	struct virtio_irq_ims_dev *imsd = virtio_irq_ims_find(dev);

	if (!imsd || !imsd->fixed)
		return;
	imsd->fixed = false;
	platform_device_msi_free_irqs_all(dev);
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_free_irqs);

/*
 * One vector at a time. The core exports none of what this needs, so it exists in
 * a kernel only that has the driver built in.
 */

#ifndef MODULE
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
		ops->set_pasid(irq_data_get_msi_desc(d), pasid, imsd->ims.data);
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
