// SPDX-License-Identifier: GPL-2.0-only
/*
 * An MSI parent domain for tests
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>

#include "fake_parent.h"
#include "virtio_irq_compat.h"

struct fake_parent_irq {
	struct list_head	node;
	struct fake_parent	*parent;
	unsigned int		virq;
	unsigned int		cpu;
	u32			vector;
	bool			activated;
	bool			resources;
};

/* Counts the call; returns what it is to be refused with */
static int __fake_parent_call(struct fake_parent *parent, enum fake_parent_op op)
{
	lockdep_assert_held(&parent->lock);

	parent->calls[op]++;
	if (!parent->fail.times || (parent->fail.op && parent->fail.op != op))
		return 0;
	if (parent->fail.skip) {
		parent->fail.skip--;
		return 0;
	}
	parent->fail.times--;
	return parent->fail.err;
}

/* One that cannot fail is no step to be refused */
static void __fake_parent_count(struct fake_parent *parent, enum fake_parent_op op)
{
	lockdep_assert_held(&parent->lock);

	parent->calls[op]++;
}

static void __fake_parent_check(struct fake_parent *parent, bool sound)
{
	if (!sound)
		parent->misuse++;
}

/*
 * Chip
 */

static void fake_parent_compose(struct irq_data *d, struct msi_msg *msg)
{
	struct fake_parent_irq *irq = d->chip_data;
	unsigned long flags;

	raw_spin_lock_irqsave(&irq->parent->lock, flags);
	msg->address_hi = 0;
	msg->address_lo = FAKE_ROUTE_ADDRESS | irq->cpu << FAKE_ROUTE_CPU_SHIFT;
	msg->data = irq->vector;
	raw_spin_unlock_irqrestore(&irq->parent->lock, flags);
}

/*
 * As imsic_irq_set_affinity(): the device is pointed to the new vector, then what is
 * pending at the old one is looked at
 */
static void fake_parent_write(struct irq_data *d, unsigned int cpu, u32 vector)
{
	struct fake_parent_irq *irq = d->chip_data;
	struct irq_data *top = irq_get_irq_data(d->irq);
	struct msi_msg msg = {
		.address_lo = FAKE_ROUTE_ADDRESS | cpu << FAKE_ROUTE_CPU_SHIFT,
		.data = vector,
	};

	top->chip->irq_write_msi_msg(top, &msg);
	if (irq->parent->on_write)
		irq->parent->on_write(irq->parent->on_write_data);
}

static int fake_parent_chip_set_affinity(struct irq_data *d, const struct cpumask *mask,
					 bool force)
{
	struct fake_parent_irq *irq = d->chip_data;
	struct fake_parent *parent = irq->parent;
	bool writes = parent->kind.flags & VIRTIO_IRQ_PARENT_WRITES, moves;
	unsigned int cpu = cpumask_any_and(mask, cpu_online_mask);
	unsigned long flags;
	u32 vector = 0;
	int err;

	raw_spin_lock_irqsave(&parent->lock, flags);
	err = __fake_parent_call(parent, FAKE_PARENT_SET_AFFINITY);
	if (!err && cpu >= nr_cpu_ids)
		err = -EINVAL;
	moves = !err && (cpu != irq->cpu || parent->move);
	if (moves) {
		vector = parent->next_vector++;
		parent->move = false;
	}
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	if (err)
		return err;
	/* Its users call this with desc->lock held */
	if (moves && writes)
		fake_parent_write(d, cpu, vector);
	if (moves) {
		raw_spin_lock_irqsave(&parent->lock, flags);
		irq->vector = vector;
		irq->cpu = cpu;
		raw_spin_unlock_irqrestore(&parent->lock, flags);
	}
	irq_data_update_effective_affinity(d, cpumask_of(cpu));
	if (writes)
		return IRQ_SET_MASK_OK_DONE;
	/* As x86: also if nothing moved */
	return IRQ_SET_MASK_OK;
}

static void fake_parent_ack(struct irq_data *d)
{
	/* As apic_ack_irq(): what was refused with -EBUSY is made up for here */
	irq_move_irq(d);
}

static void fake_parent_eoi(struct irq_data *d)
{
}

static void fake_parent_chip_count(struct irq_data *d, enum fake_parent_op op)
{
	struct fake_parent_irq *irq = d->chip_data;
	unsigned long flags;

	raw_spin_lock_irqsave(&irq->parent->lock, flags);
	__fake_parent_count(irq->parent, op);
	raw_spin_unlock_irqrestore(&irq->parent->lock, flags);
}

static int fake_parent_retrigger(struct irq_data *d)
{
	fake_parent_chip_count(d, FAKE_PARENT_RETRIGGER);
	return 1;
}

static void fake_parent_mask(struct irq_data *d)
{
	fake_parent_chip_count(d, FAKE_PARENT_MASK);
}

static void fake_parent_unmask(struct irq_data *d)
{
	fake_parent_chip_count(d, FAKE_PARENT_UNMASK);
}

static int fake_parent_request_resources(struct irq_data *d)
{
	struct fake_parent_irq *irq = d->chip_data;
	struct fake_parent *parent = irq->parent;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&parent->lock, flags);
	err = __fake_parent_call(parent, FAKE_PARENT_REQUEST_RESOURCES);
	if (!err) {
		__fake_parent_check(parent, !irq->resources);
		irq->resources = true;
		parent->resources++;
	}
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	return err;
}

static void fake_parent_release_resources(struct irq_data *d)
{
	struct fake_parent_irq *irq = d->chip_data;
	struct fake_parent *parent = irq->parent;
	unsigned long flags;

	raw_spin_lock_irqsave(&parent->lock, flags);
	__fake_parent_count(parent, FAKE_PARENT_RELEASE_RESOURCES);
	__fake_parent_check(parent, irq->resources);
	irq->resources = false;
	parent->resources--;
	raw_spin_unlock_irqrestore(&parent->lock, flags);
}

/* As the x86 vector domain's: nothing to mask or to hold */
static struct irq_chip fake_parent_chip = {
	.name			= "fake-parent",
	.irq_ack		= fake_parent_ack,
	.irq_eoi		= fake_parent_eoi,
	.irq_set_affinity	= fake_parent_chip_set_affinity,
	.irq_compose_msi_msg	= fake_parent_compose,
	.irq_retrigger		= fake_parent_retrigger,
};

static struct irq_chip fake_parent_full_chip = {
	.name			= "fake-parent-full",
	.irq_ack		= fake_parent_ack,
	.irq_eoi		= fake_parent_eoi,
	.irq_mask		= fake_parent_mask,
	.irq_unmask		= fake_parent_unmask,
	.irq_set_affinity	= fake_parent_chip_set_affinity,
	.irq_compose_msi_msg	= fake_parent_compose,
	.irq_retrigger		= fake_parent_retrigger,
	.irq_request_resources	= fake_parent_request_resources,
	.irq_release_resources	= fake_parent_release_resources,
};

static struct irq_chip fake_parent_fixed_chip = {
	.name			= "fake-parent-fixed",
	.irq_ack		= fake_parent_ack,
	.irq_eoi		= fake_parent_eoi,
	.irq_compose_msi_msg	= fake_parent_compose,
	.irq_retrigger		= fake_parent_retrigger,
};

static struct irq_chip *fake_parent_chip_of(const struct fake_parent *parent)
{
	if (parent->caps.no_affinity)
		return &fake_parent_fixed_chip;
	return parent->caps.full_chip ? &fake_parent_full_chip : &fake_parent_chip;
}

/*
 * Domain
 */

static void fake_parent_drop(struct fake_parent_irq *irq)
{
	struct fake_parent *parent = irq->parent;
	unsigned long flags;

	raw_spin_lock_irqsave(&parent->lock, flags);
	__fake_parent_check(parent, !irq->activated && !irq->resources);
	list_del(&irq->node);
	parent->allocated--;
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	kfree(irq);
}

static void fake_parent_free(struct irq_domain *domain, unsigned int virq, unsigned int nr_irqs)
{
	struct fake_parent *parent = domain->host_data;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&parent->lock, flags);
	__fake_parent_count(parent, FAKE_PARENT_FREE);
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	for (i = 0; i < nr_irqs; i++) {
		struct irq_data *d = irq_domain_get_irq_data(domain, virq + i);

		fake_parent_drop(d->chip_data);
		irq_domain_reset_irq_data(d);
	}
}

static int fake_parent_alloc_one(struct fake_parent *parent, unsigned int virq)
{
	struct fake_parent_irq *irq = kzalloc(sizeof(*irq), GFP_KERNEL);
	struct irq_data *d = irq_domain_get_irq_data(parent->domain, virq);
	unsigned long flags;

	if (!irq)
		return -ENOMEM;
	irq->parent = parent;
	irq->virq = virq;
	raw_spin_lock_irqsave(&parent->lock, flags);
	irq->vector = parent->caps.reservation ? FAKE_RESERVED_VECTOR : parent->next_vector++;
	list_add_tail(&irq->node, &parent->irqs);
	parent->allocated++;
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	irq_domain_set_info(parent->domain, virq, virq, fake_parent_chip_of(parent), irq,
			    handle_edge_irq, NULL, NULL);
	irq_data_update_effective_affinity(d, cpumask_of(0));
	return 0;
}

static int fake_parent_alloc(struct irq_domain *domain, unsigned int virq, unsigned int nr_irqs,
			     void *arg)
{
	struct fake_parent *parent = domain->host_data;
	unsigned long flags;
	unsigned int i;
	int err;

	raw_spin_lock_irqsave(&parent->lock, flags);
	err = __fake_parent_call(parent, FAKE_PARENT_ALLOC);
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	for (i = 0; !err && i < nr_irqs; i++) {
		err = fake_parent_alloc_one(parent, virq + i);
		if (err)
			break;
	}
	while (err && i--)
		fake_parent_drop(irq_domain_get_irq_data(domain, virq + i)->chip_data);
	if (!err && parent->on_alloc)
		parent->on_alloc(parent->on_alloc_data);
	return err;
}

static int fake_parent_activate(struct irq_domain *domain, struct irq_data *d, bool reserve)
{
	struct fake_parent_irq *irq = d->chip_data;
	struct fake_parent *parent = irq->parent;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&parent->lock, flags);
	err = __fake_parent_call(parent, reserve ? FAKE_PARENT_RESERVE : FAKE_PARENT_ACTIVATE);
	__fake_parent_check(parent, !irq->activated);
	/* Only a parent with reservation mode may be asked for a reservation */
	__fake_parent_check(parent, !reserve || parent->caps.reservation);
	if (!err && !reserve) {
		irq->activated = true;
		parent->activated++;
		if (parent->caps.reservation)
			irq->vector = parent->next_vector++;
	}
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	return err;
}

static void fake_parent_deactivate(struct irq_domain *domain, struct irq_data *d)
{
	struct fake_parent_irq *irq = d->chip_data;
	struct fake_parent *parent = irq->parent;
	unsigned long flags;

	raw_spin_lock_irqsave(&parent->lock, flags);
	__fake_parent_count(parent, FAKE_PARENT_DEACTIVATE);
	__fake_parent_check(parent, irq->activated);
	if (irq->activated)
		parent->activated--;
	irq->activated = false;
	if (parent->caps.reservation)
		irq->vector = FAKE_RESERVED_VECTOR;
	raw_spin_unlock_irqrestore(&parent->lock, flags);
}

static const struct irq_domain_ops fake_parent_domain_ops = {
	.alloc		= fake_parent_alloc,
	.free		= fake_parent_free,
	.activate	= fake_parent_activate,
	.deactivate	= fake_parent_deactivate,
};

/* The same, but unknown to virtio-irq */
static const struct irq_domain_ops fake_parent_unknown_domain_ops = {
	.alloc		= fake_parent_alloc,
	.free		= fake_parent_free,
	.activate	= fake_parent_activate,
	.deactivate	= fake_parent_deactivate,
};

/*
 * As msi_set_affinity() of x86: what the parent composes goes to the device,
 * whatever domain is in between
 */
static int fake_parent_msi_set_affinity(struct irq_data *d, const struct cpumask *mask, bool force)
{
	struct irq_data *parent = d->parent_data;
	struct msi_msg msg = { };
	int ret;

	ret = parent->chip->irq_set_affinity(parent, mask, force);
	if (ret < 0 || ret == IRQ_SET_MASK_OK_DONE)
		return ret;
	while (parent->parent_data)
		parent = parent->parent_data;
	fake_parent_compose(parent, &msg);
	d->chip->irq_write_msi_msg(d, &msg);
	return ret;
}

/* As its_pci_msi_prepare() and its_msi_teardown(), of a per-device domain */
static int fake_parent_device_prepare(struct irq_domain *domain, struct device *dev, int nvec,
				      msi_alloc_info_t *arg)
{
	struct msi_domain_info *info = msi_get_domain_info(domain);

	nvec = max_t(int, nvec, info->hwsize);
	info = msi_get_domain_info(domain->parent);
	return info->ops->msi_prepare(domain->parent, dev, nvec, arg);
}

static void fake_parent_device_teardown(struct irq_domain *domain, msi_alloc_info_t *arg)
{
	virtio_irq_call_teardown(msi_get_domain_info(domain->parent)->ops, domain->parent, arg);
}

/* As its_msi_prepare() */
static int fake_parent_prepare(struct irq_domain *domain, struct device *dev, int nvec,
			       msi_alloc_info_t *arg)
{
	struct fake_parent *parent = domain->host_data;
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&parent->lock, flags);
	__fake_parent_check(parent, domain == parent->domain && nvec > 0);
	err = __fake_parent_call(parent, FAKE_PARENT_PREPARE);
	parent->prepared = dev;
	parent->prepared_nvec = nvec;
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	memset(arg, 0, sizeof(*arg));
	return err;
}

static void fake_parent_teardown(struct irq_domain *domain, msi_alloc_info_t *arg)
{
	struct fake_parent *parent = domain->host_data;

	parent->prepared = NULL;
}

/* As pci_irq_startup_msix() */
static unsigned int fake_parent_startup(struct irq_data *d)
{
	fake_parent_chip_count(d->parent_data->parent_data, FAKE_PARENT_STARTUP);
	irq_chip_unmask_parent(d);
	pci_msi_unmask_irq(d);
	return 0;
}

/* As msi_lib_init_dev_msi_info() and x86_init_dev_msi_info() */
static bool fake_parent_init_dev_msi_info(struct device *dev, struct irq_domain *domain,
					  struct irq_domain *real_parent,
					  struct msi_domain_info *info)
{
	struct fake_parent *parent = real_parent->host_data;
	unsigned long flags;
	int err;

	if (WARN_ON_ONCE(domain != real_parent))
		return false;
	raw_spin_lock_irqsave(&parent->lock, flags);
	err = __fake_parent_call(parent, FAKE_PARENT_INIT_DEV);
	raw_spin_unlock_irqrestore(&parent->lock, flags);
	if (err)
		return false;

	info->flags &= parent->ops.supported_flags;
	info->flags |= parent->ops.required_flags;
	/* The template has it on architectures whose parents may have it */
	if (parent->caps.reservation)
		info->flags |= MSI_FLAG_MUST_REACTIVATE;
	else
		info->flags &= ~MSI_FLAG_MUST_REACTIVATE;
	info->chip->irq_ack = irq_chip_ack_parent;
	info->chip->irq_eoi = irq_chip_eoi_parent;
	info->chip->irq_retrigger = irq_chip_retrigger_hierarchy;
	info->chip->irq_set_affinity = fake_parent_msi_set_affinity;
	info->chip->flags |= IRQCHIP_SKIP_SET_WAKE | IRQCHIP_AFFINITY_PRE_STARTUP;
	info->handler = handle_edge_irq;
	info->handler_name = "edge";
	if (parent->caps.startup)
		info->chip->irq_startup = fake_parent_startup;
	if (parent->kind.flags & VIRTIO_IRQ_PARENT_PREPARES) {
		info->ops->msi_prepare = fake_parent_device_prepare;
		virtio_irq_set_teardown(info->ops, fake_parent_device_teardown);
	}
	return true;
}

static int fake_parent_domain_init(struct irq_domain *domain)
{
	struct fake_parent *parent = domain->host_data;

	domain->msi_parent_ops = &parent->ops;
	return 0;
}

static void fake_parent_delete(void *data)
{
	struct fake_parent *parent = data;
	struct fwnode_handle *fwnode = parent->domain->fwnode;

	/* Whoever is still there would use freed memory */
	KUNIT_EXPECT_EQ(parent->test, parent->allocated, 0);
	KUNIT_EXPECT_EQ(parent->test, parent->activated, 0);
	KUNIT_EXPECT_EQ(parent->test, parent->resources, 0);
	KUNIT_EXPECT_EQ(parent->test, parent->misuse, 0);
	irq_domain_remove(parent->domain);
	irq_domain_free_fwnode(fwnode);
	kfree(parent);
}

static bool fake_parent_is_inert(const struct virtio_irq_msg *pair,
				 const struct virtio_irq_msg *route)
{
	/* The route is one of its own, too */
	return pair->data >= FAKE_VECTORS_END && route->address >= FAKE_ROUTE_ADDRESS;
}

/**
 * fake_parent_new - an MSI parent domain
 * @test: the test it lives as long as; at its end nothing may be allocated
 * @caps: what it is like
 */
struct fake_parent *fake_parent_new(struct kunit *test, const struct fake_parent_caps *caps)
{
	struct fake_parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	struct irq_domain_info info = {
		.domain_flags	= IRQ_DOMAIN_FLAG_MSI_PARENT,
		.bus_token	= DOMAIN_BUS_NEXUS,
		.ops		= caps->unknown ? &fake_parent_unknown_domain_ops :
						  &fake_parent_domain_ops,
		.init		= fake_parent_domain_init,
		.host_data	= parent,
		.hwirq_max	= ~0U,
	};

	KUNIT_ASSERT_NOT_NULL(test, parent);
	parent->test = test;
	parent->caps = *caps;
	parent->kind.is_inert = fake_parent_is_inert;
	parent->kind.flags = caps->kind ?: VIRTIO_IRQ_PARENT_BLOCKS;
	parent->msi_ops.msi_prepare = fake_parent_prepare;
	virtio_irq_set_teardown(&parent->msi_ops, fake_parent_teardown);
	parent->msi_info.ops = &parent->msi_ops;
	parent->next_vector = FAKE_FIRST_VECTOR;
	raw_spin_lock_init(&parent->lock);
	INIT_LIST_HEAD(&parent->irqs);
	parent->ops.supported_flags = MSI_GENERIC_FLAGS_MASK | MSI_FLAG_PCI_MSIX |
				      MSI_FLAG_PCI_MSIX_ALLOC_DYN;
	parent->ops.required_flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS;
	if (caps->mask_parent)
		parent->ops.required_flags |= MSI_FLAG_PCI_MSI_MASK_PARENT;
	parent->ops.bus_select_token = DOMAIN_BUS_NEXUS;
	parent->ops.prefix = "FAKE-";
	parent->ops.init_dev_msi_info = fake_parent_init_dev_msi_info;

	info.fwnode = irq_domain_alloc_named_id_fwnode("fake-parent", caps->unknown);
	KUNIT_ASSERT_NOT_NULL(test, info.fwnode);
	parent->domain = irq_domain_instantiate(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parent->domain);
	virtio_irq_kunit_parent_ops = &fake_parent_domain_ops;
	if (!caps->unknown)
		virtio_irq_kunit_parent_kind = &parent->kind;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_parent_delete, parent), 0);
	return parent;
}

/**
 * fake_parent_fail - refuse
 * @parent: the domain
 * @op: calls of this operation, or of any
 * @skip: how many of them succeed first
 * @times: how many of them are refused then
 * @err: with what
 */
void fake_parent_fail(struct fake_parent *parent, enum fake_parent_op op, unsigned int skip,
		      unsigned int times, int err)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&parent->lock, flags);
	parent->fail.op = op;
	parent->fail.skip = skip;
	parent->fail.times = times;
	parent->fail.err = err;
	raw_spin_unlock_irqrestore(&parent->lock, flags);
}

/**
 * fake_parent_route - what it would compose for an interrupt now
 * @parent: the domain
 * @virq: the interrupt
 */
struct virtio_irq_msg fake_parent_route(struct fake_parent *parent, unsigned int virq)
{
	struct irq_data *d = irq_domain_get_irq_data(parent->domain, virq);
	struct msi_msg msg = { };

	KUNIT_ASSERT_NOT_NULL(parent->test, d);
	fake_parent_compose(d, &msg);
	return (struct virtio_irq_msg) { .address = msg.address_lo, .data = msg.data };
}

/**
 * fake_parent_set_affinity - irq_set_affinity()
 * @parent: the domain
 * @virq: the interrupt, activated
 * @mask: where to
 *
 * A kernel without SMP has none: then the top chip is called as
 * irq_do_set_affinity() does.
 */
int fake_parent_set_affinity(struct fake_parent *parent, unsigned int virq,
			     const struct cpumask *mask)
{
#ifdef CONFIG_SMP
	return irq_set_affinity(virq, mask);
#else
	struct irq_data *d = irq_get_irq_data(virq);
	struct irq_desc *desc = irq_data_to_desc(d);
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&desc->lock, flags);
	ret = d->chip->irq_set_affinity(d, mask, false);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return ret < 0 ? ret : 0;
#endif
}
