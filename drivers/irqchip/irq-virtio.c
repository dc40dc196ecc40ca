// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: the irq domain between a CPU-side parent and per-device MSI domains
 *
 *	per-device MSI domain	PCI/MSI, PCI/MSI-X or a store's, made by the core and
 *				changed by irq-virtio-device.c
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

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/hw_irq.h>
#endif

#include "../virtio/virtio_irq_compat.h"
#include "irq-virtio.h"

/*
 * Slots of a function's stores that a parent is told of that PREPARES. It has to have room
 * for them from the function's first interrupt on, whoever uses them later
 */
#define VIRTIO_IRQ_PREPARED_SLOTS	4096

/*
 * The chip of the virtio-irq domain. The core calls it through
 * irq_chip_*_parent(), which do not look for NULL.
 */

/*
 * irq_chip_compose_msi_msg() would begin at this domain and is not exported. Inlined, as each
 * move comes here
 */
static __always_inline void virtio_irq_parent_route(struct irq_data *d,
						    struct virtio_irq_msg *route)
{
	struct msi_msg msg = { };

	for (d = d->parent_data; d; d = d->parent_data) {
		if (d->chip && d->chip->irq_compose_msi_msg) {
			d->chip->irq_compose_msi_msg(d, &msg);
			break;
		}
	}
	virtio_irq_route_from_msi_msg(&msg, route);
}

/*
 * The old CPU's vector can go now that no message leads to it any more. What does that
 * is not exported: a module's waits for the next interrupt, as that of native MSI does.
 */
static void virtio_irq_cleanup_vector(struct irq_data *d)
{
#if defined(CONFIG_X86_LOCAL_APIC) && !defined(MODULE)
	if (d->parent_data->domain == x86_vector_domain)
		vector_schedule_cleanup(irqd_cfg(d));
#endif
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
	.irq_compose_msi_msg	= virtio_irq_compose_msi_msg,
	.irq_request_resources	= virtio_irq_chip_request_resources,
	.irq_release_resources	= virtio_irq_chip_release_resources,
};

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

static int virtio_irq_msi_prepare(struct irq_domain *domain, struct device *dev, int nvec,
				  msi_alloc_info_t *arg)
{
	struct virtio_irq_parent *parent = domain->host_data;
	const struct msi_domain_info *below = parent->parent->host_data;
	struct virtio_irq_source *src = virtio_irq_find_source(parent->doms, dev);
	unsigned int slots = 0;

	/* It makes its room for a sender once, and the function's first interrupt is first */
	if (src)
		slots = min(READ_ONCE(src->ep->ims_slots), VIRTIO_IRQ_PREPARED_SLOTS);
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
