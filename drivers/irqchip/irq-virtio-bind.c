// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: which device is bound to which slots of an interrupt message store
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "irq-virtio.h"

/* What the core can number in one per-device MSI domain */
#define VIRTIO_IRQ_IMS_MAX_COUNT	(MSI_MAX_INDEX + 1)

/* Guards who is bound to what: bindings, virtio_irq_store::owner; of all controllers */
static DEFINE_MUTEX(virtio_irq_ims_lock);

/* Do interrupts of the device exist? */
static bool virtio_irq_ims_busy(struct virtio_irq_ims_dev *imsd)
{
	u32 first = imsd->ims.first, last = first + imsd->count - 1;
	struct virtio_irq_ims_store *owner = imsd->src.store->owner;
	struct virtio_irq_vector *vec;
	unsigned long index;

	/* Other devices of the store may have records freed that nobody uses */
	guard(mutex)(&owner->lock);
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

static bool virtio_irq_ims_is_below(struct device *dev, struct device *function)
{
	while (dev && dev != function)
		dev = dev->parent;
	return dev;
}

/* What a driver can have done wrong, whoever serves it */
static int virtio_irq_ims_check(struct device *dev, struct pci_dev *pdev,
				const struct virtio_irq_ims *ims)
{
	const struct virtio_irq_ims_ops *ops = ims->ops;
	const char *wrong = NULL;

	if (dev_is_pci(dev))
		wrong = "a PCI function has an MSI domain of its own";
	else if (!virtio_irq_ims_is_below(dev, &pdev->dev))
		wrong = "not below the function in the device tree";
	else if (!ops || !ops->write_msg || !ops->mask || !ops->unmask)
		wrong = "a callback is missing";
	else if (!ims->store)
		wrong = "store 0 is the function's MSI";
	else if (ims->addr_width < 2 || ims->addr_width > 64)
		wrong = "addr_width is not in 2..64";
	if (!wrong)
		return 0;
	dev_err(dev, "virtio-irq: not bound to store %u of %s: %s\n", ims->store,
		pci_name(pdev), wrong);
	return -EINVAL;
}

/* With virtio_irq_ims_lock: the slots are this device's from now on */
static int virtio_irq_ims_claim(struct virtio_irq_ims_dev *imsd)
{
	struct virtio_irq_store *store = imsd->src.store;
	struct virtio_irq_ims_store *owner = store->owner;
	const struct virtio_irq_ims *ims = &imsd->ims;
	u64 first = ims->first, end = store->size ?: BIT_ULL(32);
	struct virtio_irq_ims_dev *other;

	if (ims->count > VIRTIO_IRQ_IMS_MAX_COUNT || first >= end || ims->count > end - first) {
		dev_err(imsd->src.dev, "virtio-irq: no %u slots from %u on, store %u has %llu, a device can have %u\n",
			ims->count, ims->first, ims->store, end, VIRTIO_IRQ_IMS_MAX_COUNT);
		return -ERANGE;
	}
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
		if (other->ims.addr_width != ims->addr_width ||
		    other->ims.data16 != ims->data16) {
			dev_err(imsd->src.dev, "virtio-irq: needs other addresses or data in store %u than %s\n",
				ims->store, dev_name(other->src.dev));
			return -EINVAL;
		}
		if (first < (u64)other->ims.first + other->count &&
		    other->ims.first < first + imsd->count) {
			dev_err(imsd->src.dev, "virtio-irq: slots of store %u belong to %s\n",
				ims->store, dev_name(other->src.dev));
			return -EBUSY;
		}
	}
	list_add_tail(&imsd->node, &owner->devs);
	return 0;
}

/* With virtio_irq_ims_lock */
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

/* With virtio_irq_ims_lock */
static void virtio_irq_ims_release(struct virtio_irq_ims_dev *imsd)
{
	struct virtio_irq_source *src = &imsd->src;

	virtio_irq_del_source(src->parent->doms, src);
	if (dev_get_msi_domain(src->dev) == src->parent->domain)
		dev_set_msi_domain(src->dev, imsd->former);
	src->ops->drop(src);
	virtio_irq_ims_unclaim(imsd);
	list_del(&imsd->lifetime);
	virtio_irq_put_source(imsd->function);
	put_device(src->dev);
	mutex_destroy(&imsd->add_lock);
	kfree(imsd);
}

/* With virtio_irq_ims_lock */
static void virtio_irq_ims_undo(struct virtio_irq_ims_dev *imsd)
{
	/* They would use freed memory */
	if (!WARN_ON_ONCE(virtio_irq_ims_busy(imsd)))
		virtio_irq_ims_release(imsd);
}

/* The driver is unbound that has, or whose function has, the store's slots */
static void virtio_irq_ims_lifetime_ends(struct device *dev, void *res)
{
	struct virtio_irq_ims_dev *imsd, *next;
	struct list_head *bound = res;

	guard(mutex)(&virtio_irq_ims_lock);
	list_for_each_entry_safe(imsd, next, bound, lifetime) {
		list_del_init(&imsd->lifetime);
		virtio_irq_ims_undo(imsd);
	}
}

/*
 * A binding ends with the driver of its device, or with that of the function. With
 * virtio_irq_ims_lock. A function may have thousands: its driver has one resource for
 * all of them, and none of them looks for its own when it ends by itself.
 */
static int virtio_irq_ims_begin_lifetime(struct virtio_irq_ims_dev *imsd)
{
	struct device *dev = imsd->src.dev->driver ? imsd->src.dev : imsd->function->dev;
	struct list_head *bound;

	if (!dev->driver)
		return -ENODEV;
	bound = devres_find(dev, virtio_irq_ims_lifetime_ends, NULL, NULL);
	if (!bound) {
		bound = devres_alloc(virtio_irq_ims_lifetime_ends, sizeof(*bound), GFP_KERNEL);
		if (!bound)
			return -ENOMEM;
		INIT_LIST_HEAD(bound);
		devres_add(dev, bound);
	}
	/* The last one ends first, as resources do */
	list_add(&imsd->lifetime, bound);
	return 0;
}

/**
 * virtio_irq_check_deferral - shall a probe that lacks a controller be tried again?
 * @dev: the device that is probed
 *
 * Context: process context.
 * Return: -EPROBE_DEFER as long as the driver core waits for drivers, or an errno.
 */
int virtio_irq_check_deferral(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(virtio_irq_check_deferral, dev);
	return driver_deferred_probe_check_state(dev);
}

/* On the bus, and not set up: its driver, or virtio's for its bus, is still to come */
static bool virtio_irq_controller_comes(void)
{
	struct pci_dev *pdev = NULL;
	struct device *vdev;
	bool ready = true;

	while ((pdev = pci_get_device(PCI_VENDOR_ID_REDHAT_QUMRANET, VIRTIO_IRQ_PCI_DEVICE_ID,
				      pdev))) {
		vdev = device_find_any_child(&pdev->dev);
		ready = vdev && device_is_bound(vdev);
		put_device(vdev);
		if (!ready) {
			pci_dev_put(pdev);
			break;
		}
	}
	return !ready;
}

static int virtio_irq_ims_not_served(struct pci_dev *pdev)
{
	if (virtio_irq_controller_comes() &&
	    virtio_irq_check_deferral(&pdev->dev) == -EPROBE_DEFER)
		return -EPROBE_DEFER;
	return -ENODEV;
}

/**
 * virtio_irq_ims_bind - have virtio-irq serve a device's slots of a store
 * @dev: the device, registered, below @pdev in the device tree, never a PCI function
 * @pdev: the function that sends the messages; its driver is bound, or in its probe
 * @ims: the slots; copied
 *
 * Several devices may share a store, each with slots of its own. Every slot is
 * masked until its interrupt is requested.
 *
 * Then either virtio_irq_ims_alloc_irqs() makes a fixed number of interrupts, from
 * the first slot on; or virtio_irq_ims_create_domain() prepares for
 * virtio_irq_ims_add().
 *
 * The binding ends with virtio_irq_ims_unbind(); or without it when @dev's driver is
 * unbound, or, if @dev has none now, that of @pdev.
 *
 * Context: process context, sleeps; usually in the probe of @dev or @pdev.
 * Return: 0, or
 *
 * * -EPROBE_DEFER - no virtio-irq serves @pdev, and a controller is on the PCI bus
 *   whose driver has not been bound to it yet, as long as the driver core waits for
 *   drivers (deferred_probe_timeout)
 * * -ENODEV - no virtio-irq serves @pdev, nor will until its driver is bound anew
 * * -EOPNOTSUPP - an IOMMU remaps the interrupts of @pdev
 * * -ENOENT - the host knows no such store of @pdev
 * * -ERANGE - the store has no such slots
 * * -EBUSY - another device has some of the slots; or @dev has MSI data, which it
 *   keeps until its driver is unbound, and for ever if it has none
 * * -EINVAL - @ims is not what the structure's description says, or not what others
 *   that use the store say; or @dev is not below @pdev, or cannot depend on the
 *   controller
 * * -ENOMEM
 *
 * What is wrong with the arguments is in the log.
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

	err = virtio_irq_ims_check(dev, pdev, ims);
	if (err)
		return err;
	/* Served or not: no virtio-irq can help there */
	if (domain && virtio_irq_ims_remapped(parent ? parent->parent : domain))
		return -EOPNOTSUPP;
	if (!parent)
		return virtio_irq_ims_not_served(pdev);

	guard(mutex)(&virtio_irq_ims_lock);
	/* A per-device MSI domain would stay on the parent that it was made on */
	if (dev->msi.data || virtio_irq_ims_find(dev)) {
		dev_err(dev, "virtio-irq: %s\n", dev->msi.data ? "has had interrupts" :
								 "is bound already");
		return -EBUSY;
	}
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
	imsd->src.ops = &virtio_irq_ims_source_ops;
	imsd->src.dev = get_device(dev);
	imsd->src.parent = parent;
	imsd->src.ep = function->ep;
	imsd->src.ims = imsd;
	imsd->src.store = virtio_irq_find_store(function->ep, ims->store);
	if (!imsd->src.store) {
		err = -ENOENT;
		goto free;
	}

	err = virtio_irq_ims_claim(imsd);
	if (err)
		goto free;
	err = virtio_irq_ims_begin_lifetime(imsd);
	if (err) {
		virtio_irq_ims_unclaim(imsd);
		goto free;
	}
	virtio_irq_add_source(doms, &imsd->src);
	dev_set_msi_domain(dev, parent->domain);
	/*
	 * Unbinds the device's driver before the controller goes. Without a driver
	 * it is the function's, which has such a link of its own, that unbinds the
	 * device; device_links_driver_cleanup() would WARN of this one.
	 */
	if (dev->driver &&
	    !device_link_add(dev, virtio_irq_dev(doms->vi), DL_FLAG_AUTOREMOVE_CONSUMER)) {
		dev_err(dev, "virtio-irq: cannot depend on %s\n",
			dev_name(virtio_irq_dev(doms->vi)));
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
 * The domain was removed by virtio_irq_ims_free_irqs() or
 * virtio_irq_ims_remove_domain(). The last device of a store gives the store's
 * reservations back. Does nothing if @dev is not bound, as after the controller
 * is gone.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_ims_unbind(struct device *dev)
{
	struct virtio_irq_ims_dev *imsd;

	guard(mutex)(&virtio_irq_ims_lock);
	imsd = virtio_irq_ims_find(dev);
	if (imsd)
		virtio_irq_ims_undo(imsd);
}
EXPORT_SYMBOL_GPL(virtio_irq_ims_unbind);
