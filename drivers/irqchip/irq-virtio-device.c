// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: per-device MSI domains, and the sources that devices are
 *
 * What a virtio-irq domain changes in the MSI domains that the core makes for the
 * devices on it, and where the host is asked for what they need.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>

#include "../virtio/virtio_irq_compat.h"
#include "irq-virtio.h"

/*
 * Sources, by their devices
 */

static struct virtio_irq_source *__virtio_irq_find_source(struct virtio_irq_domains *doms,
							  struct device *dev)
{
	struct virtio_irq_source *src;

	hash_for_each_possible(doms->sources, src, node, (unsigned long)dev)
		if (src->dev == dev)
			return src;
	return NULL;
}

/**
 * virtio_irq_find_source - the source that a device is
 * @doms: the controller's domains
 * @dev: the device
 *
 * Context: process context, sleeps.
 * Return: the source; NULL if the device is not served.
 */
struct virtio_irq_source *virtio_irq_find_source(struct virtio_irq_domains *doms,
						 struct device *dev)
{
	guard(mutex)(&doms->sources_lock);
	return __virtio_irq_find_source(doms, dev);
}

/**
 * virtio_irq_add_source - a device is served from now on
 * @doms: the controller's domains
 * @src: the source that it is
 *
 * Context: process context, sleeps.
 */
void virtio_irq_add_source(struct virtio_irq_domains *doms, struct virtio_irq_source *src)
{
	guard(mutex)(&doms->sources_lock);
	hash_add(doms->sources, &src->node, (unsigned long)src->dev);
}

/**
 * virtio_irq_del_source - a device is not served any more
 * @doms: the controller's domains
 * @src: the source that it was
 *
 * Context: process context, sleeps.
 */
void virtio_irq_del_source(struct virtio_irq_domains *doms, struct virtio_irq_source *src)
{
	guard(mutex)(&doms->sources_lock);
	hash_del(&src->node);
}

/**
 * virtio_irq_get_source - find a PCI function, and keep its endpoint
 * @doms: the controller's domains
 * @dev: the function
 *
 * Context: process context, sleeps.
 * Return: the source with a reference, for virtio_irq_put_source(); NULL if the
 * function is not served.
 */
struct virtio_irq_source *virtio_irq_get_source(struct virtio_irq_domains *doms,
						struct device *dev)
{
	struct virtio_irq_source *src;

	guard(mutex)(&doms->sources_lock);
	src = __virtio_irq_find_source(doms, dev);
	if (src)
		refcount_inc(&src->refs);
	return src;
}

/*
 * What the virtio-irq domain changes in a per-device MSI domain. Its chip and
 * ops are copies that belong to the device.
 */

/* As msi_domain_set_affinity(), which is not exported */
static int virtio_irq_msi_set_affinity(struct irq_data *d, const struct cpumask *mask,
				       bool force)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	int ret;

	ret = irq_chip_set_affinity_parent(d, mask, force);
	if (ret >= 0 && ret != IRQ_SET_MASK_OK_DONE)
		virtio_irq_write_source(d);
	/* Recovery has nothing to do any more for a vector that this has armed */
	if (vec->held && virtio_irq_is_honoured(vec))
		virtio_irq_let_go(d);
	return ret;
}

/*
 * A parent that WRITES points the device to its new vector and looks then what has arrived
 * at the old one. That message is the route: once the host has answered nothing arrives
 * there any more, and the parent misses none. It cannot be told that the host failed;
 * recovery sends the route again, then, and raises the interrupt.
 */
static void virtio_irq_write_while_moving(struct irq_data *d, struct msi_msg *msg)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;
	struct virtio_irq_msg route;

	if (!vec->moving) {
		src->write_store(d, msg);
		return;
	}
	virtio_irq_route_from_msi_msg(msg, &route);
	virtio_irq_reroute_now(vec, &route);
}

/*
 * A multi-MSI function has one message, that of its first vector. The core
 * writes it when the first interrupt is activated and zeroes it when that one
 * is deactivated, whatever the others do. Here it stands as long as one of them
 * is activated.
 */
static void virtio_irq_write_msi_block(struct irq_data *d, struct msi_msg *msg)
{
	struct msi_desc *desc = irq_data_get_msi_desc(d);
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;
	struct msi_msg first = *msg;
	unsigned long flags;
	u32 number;

	if (desc->nvec_used == 1) {
		src->write_msi_msg(d, msg);
		return;
	}

	/* At most 32, by PCI */
	number = vec->index - desc->msi_index;
	raw_spin_lock_irqsave(&src->block_lock, flags);
	if (msg->address_lo || msg->address_hi || msg->data) {
		/* The function puts the number of the vector in the low bits */
		first.data -= number;
		src->block_users |= BIT(number);
		src->write_msi_msg(irq_get_irq_data(desc->irq), &first);
	} else {
		src->block_users &= ~BIT(number);
		if (!src->block_users)
			src->write_msi_msg(irq_get_irq_data(desc->irq), &first);
	}
	raw_spin_unlock_irqrestore(&src->block_lock, flags);
}

/* Addresses that the store of @desc can hold, as a number of bits */
static unsigned int virtio_irq_addr_width(const struct msi_desc *desc)
{
	struct pci_dev *pdev = to_pci_dev(desc->dev);

	if (!desc->pci.msi_attrib.is_msix && !desc->pci.msi_attrib.is_64)
		return 32;
	return virtio_irq_msi_addr_width(pdev);
}

/* The vectors that one ALLOC can ask for: consecutive, alike, without an interrupt */
static u32 virtio_irq_run(struct msi_desc *desc, struct virtio_irq_store *store)
{
	bool spread = desc->affinity;
	struct device *dev = desc->dev;
	u32 count = 0, next = 0;

	if (!desc->pci.msi_attrib.is_msix)
		return desc->nvec_used;

	for (desc = msi_domain_first_desc(dev, MSI_DEFAULT_DOMAIN, MSI_DESC_NOTASSOCIATED); desc;
	     desc = msi_next_desc(dev, MSI_DEFAULT_DOMAIN, MSI_DESC_NOTASSOCIATED)) {
		if (count && (desc->msi_index != next || virtio_irq_granted(store, next)))
			break;
		if (!!desc->affinity != spread)
			break;
		next = desc->msi_index + 1;
		count++;
	}
	return count;
}

/* The core tries again with less, and MSI if MSI-X fails: one line for all of that */
static void virtio_irq_tell_refusal(struct virtio_irq_source *src, u32 first, u32 count,
				    int granted, int err)
{
	if (err == src->told)
		return;
	src->told = err;
	if (granted > 0)
		dev_warn(src->dev, "virtio-irq: the host granted %d of %u vectors: %s (%pe)\n",
			 granted, count, virtio_irq_reason(err), ERR_PTR(err));
	else
		dev_warn(src->dev, "virtio-irq: the host refused %u vector%s from %u on: %s (%pe)\n",
			 count, count == 1 ? "" : "s", first, virtio_irq_reason(err),
			 ERR_PTR(err));
}

/*
 * Called for each descriptor, under the device's MSI mutex only: the place to
 * ask the host. The first call asks for all that follow.
 */
static void virtio_irq_prepare_desc(struct irq_domain *domain, msi_alloc_info_t *arg,
				    struct msi_desc *desc)
{
	struct virtio_irq_source *src = virtio_irq_source_of(domain);
	struct virtio_irq_store *store = src->store;
	unsigned int width, flags = 0;
	bool msix;
	u32 count;
	int ret;

	if (src->prepare_desc)
		src->prepare_desc(domain, arg, desc);

	src->alloc_error = 0;
	msix = desc->pci.msi_attrib.is_msix;
	if (msix && virtio_irq_granted(store, desc->msi_index))
		return;
	/* The answer to the request before has said so */
	if (src->refused && src->refused_from == desc->msi_index) {
		src->alloc_error = src->refused;
		src->refused = 0;
		return;
	}

	width = virtio_irq_addr_width(desc);
	count = virtio_irq_run(desc, store);
	/*
	 * Activated before request_irq(), or where request_irq() cannot fail. A
	 * driver that has the core spread its vectors gets all of them committed,
	 * the few that are not managed too: the managed ones would leave nothing
	 * for NVMe's admin queue, whose vector is the first.
	 */
	if (desc->affinity || (!msix && !desc->pci.msi_attrib.can_mask))
		flags |= VIRTIO_IRQ_ALLOC_COMMIT;
	if (!msix)
		flags |= VIRTIO_IRQ_ALLOC_DATA16;
	if (count > 1 && !msix)
		flags |= VIRTIO_IRQ_ALLOC_CONTIGUOUS;

	ret = virtio_irq_alloc(store, desc->msi_index, count, flags, width);
	/* The core makes -ENOSPC or a smaller number of it */
	src->alloc_error = min(ret, 0);
	src->refused = store->refusal;
	src->refused_from = desc->msi_index + max(ret, 0);
	if (ret < 0 || store->refusal)
		virtio_irq_tell_refusal(src, desc->msi_index, count, ret,
					min(ret, 0) ?: store->refusal);
	else
		src->told = 0;
}

/*
 * PCI functions
 */

static bool virtio_irq_function_accepts(struct virtio_irq_source *src,
					const struct msi_domain_info *info)
{
	return info->bus_token == DOMAIN_BUS_PCI_DEVICE_MSI ||
	       info->bus_token == DOMAIN_BUS_PCI_DEVICE_MSIX;
}

/* What was granted and has no interrupt, as the allocation failed, is given back */
static void virtio_irq_post_free(struct irq_domain *domain, struct device *dev)
{
	virtio_irq_trim(virtio_irq_source_of(domain)->store);
}

static void virtio_irq_function_init_info(struct virtio_irq_source *src,
					  struct msi_domain_info *info)
{
	src->mask = info->chip->irq_mask;
	src->unmask = info->chip->irq_unmask;
	info->chip->irq_unmask = virtio_irq_unmask_source;
	src->startup = info->chip->irq_startup;
	if (src->startup)
		info->chip->irq_startup = virtio_irq_startup_source;
	src->prepare_desc = info->ops->prepare_desc;
	info->ops->prepare_desc = virtio_irq_prepare_desc;
	virtio_irq_set_post_free(info->ops, virtio_irq_post_free);
	src->write_msi_msg = info->chip->irq_write_msi_msg;
	if (info->bus_token == DOMAIN_BUS_PCI_DEVICE_MSI)
		info->chip->irq_write_msi_msg = virtio_irq_write_msi_block;
}

static struct virtio_irq_vector *virtio_irq_function_take(struct virtio_irq_source *src, u32 index)
{
	return virtio_irq_take(src->store, index);
}

static void virtio_irq_function_drop(struct virtio_irq_source *src)
{
	virtio_irq_trim(src->store);
}

const struct virtio_irq_source_ops virtio_irq_function_ops = {
	.accepts	= virtio_irq_function_accepts,
	.init_info	= virtio_irq_function_init_info,
	.take		= virtio_irq_function_take,
	.drop		= virtio_irq_function_drop,
};

/**
 * virtio_irq_init_dev_msi_info - change a per-device MSI domain that is about to be made
 * @dev: the device
 * @domain: the domain that it is made on
 * @real_parent: the domain on which it is to be
 * @info: what it will be like
 *
 * Context: process context, sleeps; the device's MSI mutex is held.
 * Return: false if there must not be one: the device is not served, or not by @domain.
 */
bool virtio_irq_init_dev_msi_info(struct device *dev, struct irq_domain *domain,
				  struct irq_domain *real_parent, struct msi_domain_info *info)
{
	struct virtio_irq_parent *parent = domain->host_data;
	struct irq_domain *p = parent->parent;
	u32 added = info->flags & VIRTIO_IRQ_MSI_FLAGS_ADDED & parent->ops.supported_flags;
	enum irq_domain_bus_token token;
	struct virtio_irq_source *src;

	/* A hot-added device may inherit the domain from its bus; it was not taken over */
	src = virtio_irq_find_source(parent->doms, dev);
	if (!src || domain != real_parent || !src->ops->accepts(src, info))
		return false;

	/*
	 * With the parent itself: its callback knows no stranger as real parent.
	 * x86 knows PCI only, and a store is a table as that of MSI-X is.
	 */
	token = info->bus_token;
	if (src->ims)
		info->bus_token = DOMAIN_BUS_PCI_DEVICE_MSIX;
	if (!p->msi_parent_ops->init_dev_msi_info(dev, p, p, info))
		return false;
	info->bus_token = token;
	info->flags |= added;

	/*
	 * Without reservation mode the core would activate at allocation, where
	 * an error does not reach request_irq(). MSI-X entries are masked until
	 * then; unmaskable MSI needs its message before it is enabled.
	 */
	if (!(info->flags & MSI_FLAG_MUST_REACTIVATE) &&
	    info->bus_token == DOMAIN_BUS_PCI_DEVICE_MSIX)
		info->flags &= ~MSI_FLAG_ACTIVATE_EARLY;

	/* x86's own composes behind this domain's back */
	info->chip->irq_set_affinity = virtio_irq_msi_set_affinity;
	info->chip->irq_request_resources = irq_chip_request_resources_parent;
	info->chip->irq_release_resources = irq_chip_release_resources_parent;
	virtio_irq_chip_moves_at_once(info->chip);
	info->chip_data = src;
	src->ops->init_info(src, info);
	if (parent->kind->flags & VIRTIO_IRQ_PARENT_WRITES) {
		src->write_store = info->chip->irq_write_msi_msg;
		info->chip->irq_write_msi_msg = virtio_irq_write_while_moving;
	}
	return true;
}
