// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: the irq domain between a CPU-side parent and per-device MSI domains
 *
 *	per-device MSI domain	PCI/MSI, PCI/MSI-X or a store's, made by the core
 *	  virtio-irq domain	this file
 *	    parent domain	composes the route, see irq-virtio-parent.c
 *
 * The parent's message goes to the host as the route, the host's pair goes to
 * the device. The engine (drivers/virtio) does the asking.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../virtio/virtio_irq_compat.h"
#include "irq-virtio.h"

/* What the virtio-irq domain itself can do beyond its parent, if that takes BLOCKS */
#define VIRTIO_IRQ_MSI_FLAGS_ADDED	MSI_FLAG_MULTI_PCI_MSI

/*
 * Slots of a function's stores that a parent is told of that PREPARES. It has to have room
 * for them from the function's first interrupt on, whoever uses them later
 */
#define VIRTIO_IRQ_PREPARED_SLOTS	4096

/*
 * The chip of the virtio-irq domain. The core calls it through
 * irq_chip_*_parent(), which do not look for NULL.
 */

static void virtio_irq_from_msi_msg(const struct msi_msg *msg, struct virtio_irq_msg *route)
{
	route->address = (u64)msg->address_hi << 32 | msg->address_lo;
	route->data = msg->data;
}

/* irq_chip_compose_msi_msg() would begin at this domain and is not exported */
static void virtio_irq_parent_route(struct irq_data *d, struct virtio_irq_msg *route)
{
	struct msi_msg msg = { };

	for (d = d->parent_data; d; d = d->parent_data) {
		if (d->chip && d->chip->irq_compose_msi_msg) {
			d->chip->irq_compose_msi_msg(d, &msg);
			break;
		}
	}
	virtio_irq_from_msi_msg(&msg, route);
}

static void virtio_irq_to_msi_msg(const struct virtio_irq_msg *pair, struct msi_msg *msg)
{
	msg->address_hi = upper_32_bits(pair->address);
	msg->address_lo = lower_32_bits(pair->address);
	msg->data = pair->data;
}

static void virtio_irq_chip_compose(struct irq_data *d, struct msi_msg *msg)
{
	struct virtio_irq_msg pair;

	virtio_irq_compose(d->chip_data, &pair);
	virtio_irq_to_msi_msg(&pair, msg);
}

/*
 * Runs with the raw desc->lock held, in hard interrupt and in stop_machine()
 * too. Once the parent has moved there is no way back: apic_set_affinity() says
 * -EBUSY until an interrupt arrives at the new vector. The error of the host is
 * no error of the move, then: the record is dirty until recovery sends the route.
 */
static int virtio_irq_chip_set_affinity(struct irq_data *d, const struct cpumask *mask,
					bool force)
{
	const struct virtio_irq_parent *dom = d->domain->host_data;
	struct virtio_irq_vector *vec = d->chip_data;
	struct irq_data *parent = d->parent_data;
	struct virtio_irq_msg route;
	int ret;

	if (!parent->chip->irq_set_affinity)
		return -EINVAL;
	vec->moving = true;
	ret = parent->chip->irq_set_affinity(parent, mask, force);
	vec->moving = false;
	if (ret < 0)
		return ret;

	/* Of such a one virtio_irq_write_while_moving() has told the host */
	if (!(dom->kind->flags & VIRTIO_IRQ_PARENT_WRITES)) {
		virtio_irq_parent_route(d, &route);
		if (!virtio_irq_reroute(vec, &route))
			virtio_irq_cleanup_vector(d);
	}
	/* The pair of an armed vector is constant: the device is left alone */
	return virtio_irq_needs_rewrite(vec) ? IRQ_SET_MASK_OK : IRQ_SET_MASK_OK_DONE;
}

/* The sleepable hook whose error is request_irq()'s error */
static int virtio_irq_chip_request_resources(struct irq_data *d)
{
	int err;

	err = virtio_irq_commit(d->chip_data);
	if (err)
		return err;
	err = irq_chip_request_resources_parent(d);
	if (err)
		virtio_irq_release(d->chip_data);
	return err;
}

static void virtio_irq_chip_release_resources(struct irq_data *d)
{
	irq_chip_release_resources_parent(d);
	virtio_irq_release(d->chip_data);
}

/* The x86 vector domain's chip has neither of the two */
static void virtio_irq_chip_mask(struct irq_data *d)
{
	if (d->parent_data->chip->irq_mask)
		irq_chip_mask_parent(d);
}

static void virtio_irq_chip_unmask(struct irq_data *d)
{
	if (d->parent_data->chip->irq_unmask)
		irq_chip_unmask_parent(d);
}

static struct irq_chip virtio_irq_chip = {
	.name			= "virtio-irq",
	.irq_ack		= irq_chip_ack_parent,
	.irq_eoi		= irq_chip_eoi_parent,
	.irq_mask		= virtio_irq_chip_mask,
	.irq_unmask		= virtio_irq_chip_unmask,
	.irq_retrigger		= irq_chip_retrigger_hierarchy,
	.irq_set_affinity	= virtio_irq_chip_set_affinity,
	.irq_compose_msi_msg	= virtio_irq_chip_compose,
	.irq_request_resources	= virtio_irq_chip_request_resources,
	.irq_release_resources	= virtio_irq_chip_release_resources,
};

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
 * Sources are held, that is masked behind the core's back, while no host delivers
 * what they send: then it waits in them. The core's own masks stay as they are.
 */

/**
 * virtio_irq_source_of - whose per-device MSI domain is it?
 * @domain: one whose parent is a virtio-irq domain
 *
 * Context: any.
 * Return: the source.
 */
struct virtio_irq_source *virtio_irq_source_of(const struct irq_domain *domain)
{
	const struct msi_domain_info *info = domain->host_data;

	return info->chip_data;
}

/**
 * virtio_irq_is_live - may a source send at this time?
 * @d: the interrupt, of the per-device domain; desc->lock is held
 *
 * Context: any.
 * Return: false if it is masked, by the core or here.
 */
bool virtio_irq_is_live(struct irq_data *d)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;

	return !irqd_irq_masked(d) && !vec->held;
}

/**
 * virtio_irq_unmask_source - irq_unmask of per-device domains
 * @d: the interrupt; desc->lock is held
 *
 * Context: any.
 */
void virtio_irq_unmask_source(struct irq_data *d)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;

	/* virtio_irq_let_go() makes up for it */
	if (!vec->held)
		src->unmask(d);
}

/* irq_startup of those per-device domains that have one; it would unmask the source, too */
static unsigned int virtio_irq_startup_source(struct irq_data *d)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;

	if (!vec->held)
		return src->startup(d);
	irq_chip_unmask_parent(d);
	return 0;
}

static bool virtio_irq_can_hold(struct irq_data *d)
{
	struct virtio_irq_source *src = d->chip_data;

	return src->ims || irq_data_get_msi_desc(d)->pci.msi_attrib.can_mask;
}

/* desc->lock is held; true if the source sends nothing from now on */
static bool virtio_irq_hold_back(struct irq_data *d)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;

	if (!irqd_is_activated(d) || !virtio_irq_can_hold(d))
		return false;
	if (virtio_irq_is_live(d))
		src->mask(d);
	vec->held = true;
	return true;
}

/* What the source sends is delivered from now on; desc->lock is held */
static void virtio_irq_let_go(struct irq_data *d)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;

	/* What has been taken out of its store is back before it sends anything */
	if (!vec->held || virtio_irq_is_out(vec))
		return;
	vec->held = false;
	if (!irqd_irq_masked(d))
		src->unmask(d);
}

/**
 * virtio_irq_hold - keep a source from sending until its vector is armed again
 * @doms: the controller's domains
 * @vec: the record
 *
 * For the time in which the host does not know its pair, before it forgets it.
 * The source sends what happened meanwhile when virtio_irq_replayed() is called, or
 * when the interrupt is moved and the host has acknowledged that.
 *
 * Context: process context, sleeps.
 * Return: true if it sends nothing until then and forgets nothing; false if it
 * cannot be masked, or there is no interrupt that is activated.
 */
bool virtio_irq_hold(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec)
{
	struct irq_desc *desc;
	struct irq_data *d;
	unsigned long flags;
	bool held;

	guard(mutex)(&doms->virqs_lock);
	if (!vec->virq)
		return false;
	d = irq_get_irq_data(vec->virq);
	desc = irq_data_to_desc(d);

	raw_spin_lock_irqsave(&desc->lock, flags);
	held = virtio_irq_hold_back(d);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return held;
}

/**
 * virtio_irq_shut - the host delivers nothing of a vector any more
 * @doms: the controller's domains
 * @vec: the record
 *
 * Masks the source and takes the pair out of its store, until virtio_irq_replayed(). One
 * that cannot be masked keeps its pair, which is inert: it would send whatever its
 * store holds.
 *
 * Context: process context, sleeps.
 */
void virtio_irq_shut(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec)
{
	struct msi_msg none = { };
	struct irq_desc *desc;
	struct irq_data *d;
	unsigned long flags;

	guard(mutex)(&doms->virqs_lock);
	if (!vec->virq)
		return;
	d = irq_get_irq_data(vec->virq);
	desc = irq_data_to_desc(d);

	raw_spin_lock_irqsave(&desc->lock, flags);
	/* Or it has been freed and requested anew meanwhile */
	if (READ_ONCE(vec->revoked) && virtio_irq_hold_back(d)) {
		virtio_irq_take_out(vec);
		d->chip->irq_write_msi_msg(d, &none);
	}
	raw_spin_unlock_irqrestore(&desc->lock, flags);
}

/*
 * The virtio-irq domain
 */

/*
 * Under the root domain's mutex, on x86 one for all interrupts of the guest: so
 * the host was asked before, in virtio_irq_prepare_desc().
 */
static int virtio_irq_domain_alloc(struct irq_domain *domain, unsigned int virq,
				   unsigned int nr_irqs, void *arg)
{
	/* The per-device domain was made for this source */
	struct virtio_irq_source *src = virtio_irq_source_of(irq_get_irq_data(virq)->domain);
	struct virtio_irq_parent *parent = domain->host_data;
	struct virtio_irq_domains *doms = parent->doms;
	msi_alloc_info_t *info = arg;
	struct msi_desc *desc = info->desc;
	unsigned int i;
	int err;

	if (src->alloc_error)
		return src->alloc_error;

	err = irq_domain_alloc_irqs_parent(domain, virq, nr_irqs, arg);
	if (err)
		goto trim;

	for (i = 0; i < nr_irqs; i++) {
		struct virtio_irq_vector *vec;
		struct irq_data *top;

		vec = src->ops->take(src, desc->msi_index + i);
		if (!vec) {
			err = -ENOSPC;
			goto undo;
		}
		mutex_lock(&doms->virqs_lock);
		vec->virq = virq + i;
		mutex_unlock(&doms->virqs_lock);

		irq_domain_set_hwirq_and_chip(domain, virq + i, virq + i, &virtio_irq_chip, vec);
		/* The core leaves it NULL; __setup_irq() then pins the module */
		top = irq_get_irq_data(virq + i);
		irq_data_to_desc(top)->owner = THIS_MODULE;
		/* The host re-routes at once, so moves need no interrupt */
		virtio_irq_move_at_once(virq + i);
	}
	return 0;

undo:
	while (i--) {
		struct irq_data *d = irq_domain_get_irq_data(domain, virq + i);
		struct virtio_irq_vector *vec = d->chip_data;

		mutex_lock(&doms->virqs_lock);
		vec->virq = 0;
		mutex_unlock(&doms->virqs_lock);
		virtio_irq_free(vec);
	}
	irq_domain_free_irqs_common(domain, virq, nr_irqs);
trim:
	/* The core gives up here: what was granted for the rest is not needed */
	src->ops->drop(src);
	return err;
}

static void virtio_irq_domain_free(struct irq_domain *domain, unsigned int virq,
				   unsigned int nr_irqs)
{
	struct virtio_irq_parent *parent = domain->host_data;
	struct virtio_irq_domains *doms = parent->doms;
	unsigned int i;

	for (i = 0; i < nr_irqs; i++) {
		struct irq_data *d = irq_domain_get_irq_data(domain, virq + i);
		struct virtio_irq_vector *vec = d->chip_data;

		mutex_lock(&doms->virqs_lock);
		vec->virq = 0;
		mutex_unlock(&doms->virqs_lock);
		virtio_irq_free(vec);
	}
	irq_domain_free_irqs_common(domain, virq, nr_irqs);
}

static int virtio_irq_domain_activate(struct irq_domain *domain, struct irq_data *d,
				      bool reserve)
{
	bool managed = irqd_affinity_is_managed(d);
	struct virtio_irq_vector *vec = d->chip_data;
	struct virtio_irq_msg route;
	bool kept;
	int err;

	/* The parent has only a reservation, and no deactivate would follow */
	if (reserve)
		return 0;

	virtio_irq_parent_route(d, &route);
	err = virtio_irq_activate(vec, &route, managed);
	/*
	 * __irq_startup_managed() WARNs, and request_irq() returns 0 whatever is
	 * returned here. The commitment was made at allocation, so this is a
	 * passing failure of the queue: recovery arms it. So it does if the host
	 * moves its pairs just now. Until then there is no pair that the source
	 * may send. Whatever held it before is over.
	 */
	if (err == -EREMCHG && !managed && !virtio_irq_can_hold(irq_get_irq_data(d->irq))) {
		virtio_irq_deactivate(vec);
		err = -EAGAIN;
	}
	kept = managed || err == -EREMCHG;
	vec->held = kept && err;
	return kept ? 0 : err;
}

static void virtio_irq_domain_deactivate(struct irq_domain *domain, struct irq_data *d)
{
	virtio_irq_deactivate(d->chip_data);
}

/* Firmware knows nothing of this domain, no lookup may find it */
static int virtio_irq_domain_select(struct irq_domain *domain, struct irq_fwspec *fwspec,
				    enum irq_domain_bus_token bus_token)
{
	return 0;
}

#ifdef CONFIG_GENERIC_IRQ_DEBUGFS
/* Of a domain or of an interrupt: irq_debug_show_data() passes no domain */
static void virtio_irq_domain_debug_show(struct seq_file *m, struct irq_domain *domain,
					 struct irq_data *d, int ind)
{
	struct virtio_irq_vector *vec;
	struct virtio_irq_parent *parent;

	if (d) {
		/* The core shows interrupts while they are made and removed, too */
		vec = READ_ONCE(d->chip_data);
		if (vec)
			virtio_irq_show_vector(m, ind, vec);
		return;
	}
	parent = domain->host_data;
	seq_printf(m, "%*scontroller: %s%s\n", ind, "",
		   dev_name(virtio_irq_dev(parent->doms->vi)),
		   parent->isolated ? " isolated" : "");
}
#endif

static const struct irq_domain_ops virtio_irq_domain_ops = {
	.select		= virtio_irq_domain_select,
	.alloc		= virtio_irq_domain_alloc,
	.free		= virtio_irq_domain_free,
	.activate	= virtio_irq_domain_activate,
	.deactivate	= virtio_irq_domain_deactivate,
#ifdef CONFIG_GENERIC_IRQ_DEBUGFS
	.debug_show	= virtio_irq_domain_debug_show,
#endif
};

/*
 * What the virtio-irq domain changes in a per-device MSI domain. Its chip and
 * ops are copies that belong to the device.
 */

/* As msi_domain_set_affinity(), which is not exported */
static int virtio_irq_msi_set_affinity(struct irq_data *d, const struct cpumask *mask,
				       bool force)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct msi_msg msg = { };
	int ret;

	ret = irq_chip_set_affinity_parent(d, mask, force);
	if (ret >= 0 && ret != IRQ_SET_MASK_OK_DONE) {
		virtio_irq_chip_compose(d->parent_data, &msg);
		d->chip->irq_write_msi_msg(d, &msg);
	}
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
	virtio_irq_from_msi_msg(msg, &route);
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

static bool virtio_irq_init_dev_msi_info(struct device *dev, struct irq_domain *domain,
					 struct irq_domain *real_parent,
					 struct msi_domain_info *info)
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

/**
 * virtio_irq_parent_of - is it one of ours?
 * @domain: any irq domain, or NULL
 *
 * Context: any.
 * Return: what belongs to a virtio-irq domain, NULL if @domain is none.
 */
struct virtio_irq_parent *virtio_irq_parent_of(struct irq_domain *domain)
{
	return domain && domain->ops == &virtio_irq_domain_ops ? domain->host_data : NULL;
}

/**
 * virtio_irq_ims_find - the binding of a device
 * @dev: the device
 *
 * Context: process context, sleeps. The caller keeps the binding, or holds
 * the lock of all bindings.
 * Return: the binding; NULL if there is none.
 */
struct virtio_irq_ims_dev *virtio_irq_ims_find(struct device *dev)
{
	struct virtio_irq_parent *parent = virtio_irq_parent_of(dev_get_msi_domain(dev));
	struct virtio_irq_source *src;

	src = parent ? virtio_irq_find_source(parent->doms, dev) : NULL;
	return src ? src->ims : NULL;
}

/*
 * What per-device domains on a parent that PREPARES call in the domain below them.
 */

/* A parent makes its room for a sender once, and the function's first interrupt is first */
static unsigned int virtio_irq_count_slots(const struct virtio_irq_endpoint *ep)
{
	const struct virtio_irq_store *store;
	unsigned int slots = 0;

	list_for_each_entry(store, &ep->stores, ep_node)
		if (store->id)
			slots += min(store->size ?: U32_MAX, VIRTIO_IRQ_PREPARED_SLOTS - slots);
	return slots;
}

static int virtio_irq_msi_prepare(struct irq_domain *domain, struct device *dev, int nvec,
				  msi_alloc_info_t *arg)
{
	struct virtio_irq_parent *parent = domain->host_data;
	const struct msi_domain_info *below = parent->parent->host_data;
	struct virtio_irq_source *src = virtio_irq_find_source(parent->doms, dev);
	unsigned int slots = src ? virtio_irq_count_slots(src->ep) : 0;

	/* its_create_device() WARNs if it is no power of two; before, it is one */
	if (slots)
		nvec = roundup_pow_of_two(nvec + slots);
	return below->ops->msi_prepare(parent->parent, dev, nvec, arg);
}

static void virtio_irq_msi_teardown(struct irq_domain *domain, msi_alloc_info_t *arg)
{
	struct virtio_irq_parent *parent = domain->host_data;
	const struct msi_domain_info *below = parent->parent->host_data;

	virtio_irq_call_teardown(below->ops, parent->parent, arg);
}

static int virtio_irq_domain_init(struct irq_domain *domain)
{
	struct virtio_irq_parent *parent = domain->host_data;

	domain->msi_parent_ops = &parent->ops;
	return 0;
}

/*
 * A parent that PREPARES may look for the sender's number in the map of the node that it
 * has from a device tree, by the domain's node. Then @parent->fwnode stays NULL.
 */
static struct irq_domain *virtio_irq_instantiate(struct virtio_irq_parent *parent,
						 const char *name)
{
	struct irq_domain *p = parent->parent;
	struct irq_domain_info info = {
		.domain_flags	= IRQ_DOMAIN_FLAG_MSI_PARENT |
				  (parent->isolated ? IRQ_DOMAIN_FLAG_ISOLATED_MSI : 0),
		/* Any but ANY and GENERIC_MSI, which x86 looks up */
		.bus_token	= DOMAIN_BUS_NEXUS,
		.ops		= &virtio_irq_domain_ops,
		.parent		= p,
		.init		= virtio_irq_domain_init,
		.host_data	= parent,
	};

	if (parent->kind->flags & VIRTIO_IRQ_PARENT_PREPARES && is_of_node(p->fwnode)) {
		info.fwnode = p->fwnode;
		info.name_suffix = name;
	} else {
		parent->fwnode = irq_domain_alloc_named_fwnode(name);
		if (!parent->fwnode)
			return ERR_PTR(-ENOMEM);
		info.fwnode = parent->fwnode;
	}
	return irq_domain_instantiate(&info);
}

/**
 * virtio_irq_get_parent - the virtio-irq domain for a parent and a kind
 * @doms: the controller's domains
 * @p: the CPU-side parent
 * @kind: what is known of it
 * @isolated: for endpoints that the host isolates
 *
 * Made when the first device needs it, removed with the controller.
 *
 * Context: process context, sleeps.
 * Return: the domain's record, or an ERR_PTR().
 */
struct virtio_irq_parent *virtio_irq_get_parent(struct virtio_irq_domains *doms,
						struct irq_domain *p,
						const struct virtio_irq_parent_kind *kind,
						bool isolated)
{
	struct device *ctrl = virtio_irq_dev(doms->vi);
	struct virtio_irq_parent *parent;
	char *name;

	guard(mutex)(&doms->parents_lock);
	list_for_each_entry(parent, &doms->parents, node)
		if (parent->parent == p && parent->isolated == isolated)
			return parent;

	parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	if (!parent)
		return ERR_PTR(-ENOMEM);
	parent->doms = doms;
	parent->parent = p;
	parent->kind = kind;
	parent->isolated = isolated;
	if (kind->flags & VIRTIO_IRQ_PARENT_PREPARES) {
		parent->msi_ops.msi_prepare = virtio_irq_msi_prepare;
		virtio_irq_set_teardown(&parent->msi_ops, virtio_irq_msi_teardown);
		parent->msi_info.ops = &parent->msi_ops;
	}
	parent->ops = *p->msi_parent_ops;
	if (kind->flags & VIRTIO_IRQ_PARENT_BLOCKS)
		parent->ops.supported_flags |= VIRTIO_IRQ_MSI_FLAGS_ADDED;
	parent->ops.bus_select_token = DOMAIN_BUS_NEXUS;
	parent->ops.prefix = "VIRTIO-";
	parent->ops.init_dev_msi_info = virtio_irq_init_dev_msi_info;

	name = kasprintf(GFP_KERNEL, "%s-%s%s", p->name ?: "parent", dev_name(ctrl),
			 isolated ? "-isolated" : "");
	parent->domain = name ? virtio_irq_instantiate(parent, name) : ERR_PTR(-ENOMEM);
	kfree(name);
	if (IS_ERR(parent->domain)) {
		int err = PTR_ERR(parent->domain);

		irq_domain_free_fwnode(parent->fwnode);
		kfree(parent);
		return ERR_PTR(err);
	}
	list_add_tail(&parent->node, &doms->parents);
	return parent;
}

/**
 * virtio_irq_replayed - recovery has armed a dirty vector
 * @doms: the controller's domains
 * @vec: the record
 * @retrigger: messages may have been lost
 *
 * Writes the store if the pair is new to it, and lets the source send again.
 *
 * Context: process context, sleeps.
 * Return: false if the core is in the middle of the activation, for which it does
 * not hold desc->lock where it activates an interrupt before it is requested. It
 * may write what it composed before. Then this has to be called again.
 */
bool virtio_irq_replayed(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec,
			 bool retrigger)
{
	struct irq_desc *desc;
	struct irq_data *d;
	struct msi_msg msg = { };
	unsigned long flags;
	bool activated;

	guard(mutex)(&doms->virqs_lock);
	if (!vec->virq)
		return true;
	d = irq_get_irq_data(vec->virq);
	desc = irq_data_to_desc(d);

	raw_spin_lock_irqsave(&desc->lock, flags);
	activated = irqd_is_activated(d);
	if (activated && virtio_irq_needs_rewrite(vec)) {
		virtio_irq_chip_compose(d->parent_data, &msg);
		d->chip->irq_write_msi_msg(d, &msg);
		/* Meanwhile it may have sent half of one and half of the other */
		retrigger |= !virtio_irq_can_hold(d);
	}
	if (activated)
		virtio_irq_let_go(d);
	if (activated && retrigger)
		irq_chip_retrigger_hierarchy(d);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return activated || !READ_ONCE(vec->arm.want);
}
