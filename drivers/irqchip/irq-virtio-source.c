// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: which devices are served, from when to when
 *
 * A device is taken over just before its driver's probe: ATTACH, then its MSI
 * domain is replaced. It is given back when its driver is gone, and with it the
 * per-device MSI domain.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/device.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../virtio/virtio_irq_compat.h"
#include "irq-virtio.h"

/**
 * virtio_irq_put_source - drop a reference to a PCI function
 * @src: the source; without the last reference its endpoint is detached
 *
 * Context: process context, sleeps.
 */
void virtio_irq_put_source(struct virtio_irq_source *src)
{
	if (!refcount_dec_and_test(&src->refs))
		return;
	virtio_irq_detach(src->ep);
	put_device(src->dev);
	kfree(src);
}

static u32 virtio_irq_endpoint_id(struct pci_dev *pdev)
{
	return pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev);
}

/* A controller, of whichever scope it is in */
static bool virtio_irq_is_controller(const struct pci_dev *pdev)
{
	return pdev->vendor == PCI_VENDOR_ID_REDHAT_QUMRANET &&
	       pdev->device == VIRTIO_IRQ_PCI_DEVICE_ID;
}

static bool virtio_irq_serves(struct virtio_irq_domains *doms, struct pci_dev *pdev)
{
	struct device *ctrl = virtio_irq_dev(doms->vi), *up;
	int segment = -1, in_scope;

	/* The capability, too: x86 hands a domain to devices without interrupts */
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL || !(pdev->msi_cap || pdev->msix_cap))
		return false;
	/* An endpoint has 16 bits for the segment; 0 is the host bridge's */
	if ((unsigned int)pci_domain_nr(pdev->bus) > U16_MAX || !virtio_irq_endpoint_id(pdev))
		return false;
	/* Two of them would wait for each other's drivers, and for each other's answers */
	if (virtio_irq_is_controller(pdev))
		return false;
	/* Never the controller itself or a bridge above: they cannot depend on it */
	for (up = ctrl->parent; up; up = up->parent) {
		if (up == &pdev->dev)
			return false;
		if (dev_is_pci(up))
			segment = pci_domain_nr(to_pci_dev(up)->bus);
	}

	/* Not on PCI and no scope: -1, no function is served */
	in_scope = virtio_irq_in_scope(doms->vi, virtio_irq_endpoint_id(pdev));
	if (in_scope < 0)
		return pci_domain_nr(pdev->bus) == segment;
	return in_scope;
}

/* The caller holds the device's lock, or the device is gone */
static void virtio_irq_give_back(struct virtio_irq_domains *doms, struct virtio_irq_source *src)
{
	virtio_irq_del_source(doms, src);
	if (dev_get_msi_domain(src->dev) == src->parent->domain)
		dev_set_msi_domain(src->dev, src->parent->parent);
	/* Its driver should have seen to it: until then it is not served again */
	if (refcount_read(&src->refs) > 1)
		dev_err(src->dev, "virtio-irq: stays attached for %u devices that use its stores\n",
			refcount_read(&src->refs) - 1);
	virtio_irq_put_source(src);
}

/*
 * Did the driver of a child create a per-device domain on the old parent in the
 * meantime? It does not take this device's lock. If it used the new parent,
 * virtio_irq_init_dev_msi_info() has seen it.
 */
static bool virtio_irq_too_late(struct virtio_irq_source *src)
{
	/*
	 * Either the new parent is seen there, or the data is seen here:
	 * msi_create_device_irq_domain() makes the data, takes the MSI mutex, and
	 * then uses the parent.
	 */
	smp_mb();
	if (!READ_ONCE(src->dev->msi.data))
		return false;
	guard(msi_descs_lock)(src->dev);
	return !src->write_msi_msg;
}

/* What an administrator can do about a function that is not served */
#define VIRTIO_IRQ_ADVICE "write %s to /sys/bus/pci/drivers/%s/unbind, then to bind\n"

static const char *virtio_irq_driver_name(const struct pci_dev *pdev)
{
	return pdev->dev.driver ? pdev->dev.driver->name : "DRIVER";
}

/* A function in scope whose parent is not one that this domain knows */
static void virtio_irq_explain_parent(struct virtio_irq_domains *doms, struct pci_dev *pdev)
{
	struct irq_domain *p = dev_get_msi_domain(&pdev->dev);
	struct virtio_irq_parent *other = virtio_irq_parent_of(p);
	struct device *ctrl = virtio_irq_dev(doms->vi);

	if (other && other->doms != doms)
		pci_warn(pdev, "virtio-irq: in the scope of %s, too, stays with %s\n",
			 dev_name(ctrl), dev_name(virtio_irq_dev(other->doms->vi)));
	if (other)
		return;

	/* It is the same for all functions, as a rule */
	if (xchg(&doms->parent_explained, true))
		pci_dbg(pdev, "virtio-irq: not on this MSI parent domain\n");
	else
		dev_warn(ctrl, "%s and functions like it are not served: their MSI parent domain is not supported (%s)\n",
			 pci_name(pdev), p ? p->name ?: "unnamed" : "none");
}

/* Unbinds the device before the controller goes */
static bool virtio_irq_link(struct virtio_irq_domains *doms, struct virtio_irq_source *src)
{
	return device_link_add(src->dev, virtio_irq_dev(doms->vi), DL_FLAG_AUTOREMOVE_CONSUMER);
}

static void virtio_irq_warn_left(struct pci_dev *pdev, const char *what, int err)
{
	pci_warn(pdev, "virtio-irq: %s: %pe; keeps its MSI domain, to try again " VIRTIO_IRQ_ADVICE,
		 what, ERR_PTR(err), pci_name(pdev), virtio_irq_driver_name(pdev));
}

/* The device's lock is held, it has no MSI data */
static void virtio_irq_take_over(struct virtio_irq_domains *doms, struct pci_dev *pdev)
{
	struct irq_domain *p = dev_get_msi_domain(&pdev->dev);
	const struct virtio_irq_parent_kind *kind = virtio_irq_parent_kind(p);
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_source *src;
	int err;

	if (!kind) {
		virtio_irq_explain_parent(doms, pdev);
		return;
	}

	ep = virtio_irq_attach(doms->vi, virtio_irq_endpoint_id(pdev));
	if (IS_ERR(ep)) {
		/* NOENT says that the host does not serve it */
		if (PTR_ERR(ep) != -ENOENT)
			virtio_irq_warn_left(pdev, "not attached", PTR_ERR(ep));
		return;
	}
	ep->is_inert = kind->is_inert;

	src = kzalloc(sizeof(*src), GFP_KERNEL);
	if (!src) {
		err = -ENOMEM;
		goto detach;
	}
	refcount_set(&src->refs, 1);
	src->ops = &virtio_irq_function_ops;
	src->dev = get_device(&pdev->dev);
	src->ep = ep;
	src->store = &ep->msi;
	raw_spin_lock_init(&src->block_lock);
	src->parent = virtio_irq_get_parent(doms, p, kind, ep->isolated);
	if (IS_ERR(src->parent)) {
		err = PTR_ERR(src->parent);
		goto put;
	}

	virtio_irq_add_source(doms, src);
	dev_set_msi_domain(src->dev, src->parent->domain);
	if (virtio_irq_too_late(src)) {
		err = -EBUSY;
		goto give_back;
	}
	if (!virtio_irq_link(doms, src)) {
		err = -EINVAL;
		goto give_back;
	}
	pci_dbg(pdev, "virtio-irq: served by %s\n", dev_name(virtio_irq_dev(doms->vi)));
	return;

give_back:
	virtio_irq_give_back(doms, src);
	goto warn;
put:
	put_device(src->dev);
	kfree(src);
detach:
	virtio_irq_detach(ep);
warn:
	virtio_irq_warn_left(pdev, "not taken over", err);
}

static int virtio_irq_bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct virtio_irq_domains *doms = container_of(nb, struct virtio_irq_domains, nb);
	struct device *dev = data;
	struct virtio_irq_source *src = virtio_irq_find_source(doms, dev);
	struct pci_dev *pdev = to_pci_dev(dev);

	switch (action) {
	case BUS_NOTIFY_BIND_DRIVER:
		/*
		 * Left from a probe that failed, with which the core has dropped its
		 * link; the bus may have been renumbered
		 */
		if (src && src->ep->id == virtio_irq_endpoint_id(pdev) &&
		    virtio_irq_link(doms, src))
			break;
		if (src)
			virtio_irq_give_back(doms, src);
		if (virtio_irq_serves(doms, pdev) && !dev->msi.data)
			virtio_irq_take_over(doms, pdev);
		break;
	case BUS_NOTIFY_DRIVER_NOT_BOUND:
		/* really_probe() frees the MSI data only after this */
		if (src)
			queue_work(doms->wq, &doms->walk);
		break;
	case BUS_NOTIFY_UNBOUND_DRIVER:
	case BUS_NOTIFY_REMOVED_DEVICE:
		if (src && !dev->msi.data)
			virtio_irq_give_back(doms, src);
		break;
	}
	return NOTIFY_OK;
}

/* A device that was bound before the controller came */
static int virtio_irq_walk_one(struct device *dev, void *data)
{
	struct virtio_irq_domains *doms = data;
	struct pci_dev *pdev = to_pci_dev(dev);
	struct virtio_irq_source *src;

	/* Before the lock is taken: the controller's own function may be locked by us */
	if (!virtio_irq_serves(doms, pdev))
		return 0;

	guard(device)(dev);
	src = virtio_irq_find_source(doms, dev);
	if (src) {
		if (!dev->driver && !dev->msi.data)
			virtio_irq_give_back(doms, src);
		return 0;
	}
	if (!doms->walk_bound || !dev->driver)
		return 0;
	if (!dev->msi.data)
		virtio_irq_take_over(doms, pdev);
	else if (virtio_irq_parent_kind(dev_get_msi_domain(dev)))
		pci_info(pdev,
			 "virtio-irq: has interrupts already and keeps them; to move it "
			 VIRTIO_IRQ_ADVICE, pci_name(pdev), virtio_irq_driver_name(pdev));
	else
		virtio_irq_explain_parent(doms, pdev);
	return 0;
}

static void virtio_irq_walk(struct work_struct *work)
{
	struct virtio_irq_domains *doms = container_of(work, struct virtio_irq_domains, walk);

	doms->walk_bound = xchg(&doms->walk_asked, false);
	bus_for_each_dev(&pci_bus_type, NULL, doms, virtio_irq_walk_one);
}

/**
 * virtio_irq_domains_create - the domain side of a controller
 * @vi: its engine
 *
 * Context: process context, sleeps.
 * Return: the domains, or an ERR_PTR().
 */
struct virtio_irq_domains *virtio_irq_domains_create(struct virtio_irq *vi)
{
	struct virtio_irq_domains *doms = kzalloc(sizeof(*doms), GFP_KERNEL);

	if (!doms)
		return ERR_PTR(-ENOMEM);
	/*
	 * The walk waits for locks of devices, whose probes may wait for anything, and
	 * for the host: nobody else's work may wait for it.
	 */
	doms->wq = alloc_ordered_workqueue("virtio_irq_walk", 0);
	if (!doms->wq) {
		kfree(doms);
		return ERR_PTR(-ENOMEM);
	}
	doms->vi = vi;
	doms->nb.notifier_call = virtio_irq_bus_notify;
	doms->walk_asked = true;
	INIT_WORK(&doms->walk, virtio_irq_walk);
	INIT_LIST_HEAD(&doms->parents);
	mutex_init(&doms->parents_lock);
	mutex_init(&doms->virqs_lock);
	mutex_init(&doms->sources_lock);
	hash_init(doms->sources);
	return doms;
}

/**
 * virtio_irq_domains_start - take devices over from now on
 * @doms: the domains of a controller that answers requests
 *
 * Devices that are bound later are taken over when they are bound, those that
 * are bound now by a work item: device_link_add() wants a supplier whose probe
 * is complete.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_domains_start(struct virtio_irq_domains *doms)
{
	bus_register_notifier(&pci_bus_type, &doms->nb);
	queue_work(doms->wq, &doms->walk);
}

/* The scope has changed */
static void virtio_irq_domains_rescan(struct virtio_irq_domains *doms)
{
	xchg(&doms->walk_asked, true);
	queue_work(doms->wq, &doms->walk);
}

/* Any function that is served. Nobody else removes one meanwhile */
static struct virtio_irq_source *virtio_irq_first_function(struct virtio_irq_domains *doms)
{
	struct virtio_irq_source *src;
	int bucket;

	guard(mutex)(&doms->sources_lock);
	hash_for_each(doms->sources, bucket, src, node)
		if (!src->ims)
			return src;
	return NULL;
}

/**
 * virtio_irq_domains_remove - give every device back
 * @doms: the domains; the driver core has unbound all consumers
 *
 * The engine's worker may still look whether there is something for it to do.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_domains_remove(struct virtio_irq_domains *doms)
{
	struct virtio_irq_parent *parent, *next;
	struct virtio_irq_source *src;

	bus_unregister_notifier(&pci_bus_type, &doms->nb);
	cancel_work_sync(&doms->walk);

	/* Drivers that are unbound here unbind the devices that use their stores */
	while ((src = virtio_irq_first_function(doms))) {
		struct device *dev = get_device(src->dev);

		/*
		 * Without a link because it was never bound to the end, or with one
		 * that the walk made when the core had unbound the consumers:
		 * device_links_driver_cleanup() would WARN of that
		 */
		if (dev->driver)
			device_release_driver(dev);
		device_lock(dev);
		virtio_irq_give_back(doms, src);
		device_unlock(dev);
		put_device(dev);
	}
	/* Bindings to stores have ended, each with a driver that was unbound */
	WARN_ON_ONCE(!hash_empty(doms->sources));

	list_for_each_entry_safe(parent, next, &doms->parents, node) {
		irq_domain_remove(parent->domain);
		irq_domain_free_fwnode(parent->fwnode);
		kfree(parent);
	}
	destroy_workqueue(doms->wq);
}

/**
 * virtio_irq_domains_free - the end of what virtio_irq_domains_create() made
 * @doms: the domains, removed; the engine's worker has ended
 *
 * Context: any.
 */
void virtio_irq_domains_free(struct virtio_irq_domains *doms)
{
	kfree(doms);
}

const struct virtio_irq_domain_ops virtio_irq_domain_side = {
	.hold		= virtio_irq_hold,
	.replayed	= virtio_irq_replayed,
	.shut		= virtio_irq_shut,
	.rescan		= virtio_irq_domains_rescan,
};
