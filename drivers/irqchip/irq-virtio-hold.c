// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: sources that may not send for a while
 *
 * Sources are held, that is masked behind the core's back, while no host delivers
 * what they send: then it waits in them. The core's own masks stay as they are.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>

#include "irq-virtio.h"

/**
 * virtio_irq_compose_msi_msg - irq_compose_msi_msg of the virtio-irq domain
 * @d: the interrupt, of that domain
 * @msg: where the host's pair is to stand
 *
 * Context: any.
 */
void virtio_irq_compose_msi_msg(struct irq_data *d, struct msi_msg *msg)
{
	struct virtio_irq_msg pair;

	virtio_irq_compose(d->chip_data, &pair);
	msg->address_hi = upper_32_bits(pair.address);
	msg->address_lo = lower_32_bits(pair.address);
	msg->data = pair.data;
}

/**
 * virtio_irq_write_source - write the host's pair to its store
 * @d: the interrupt, of the per-device domain; desc->lock is held
 *
 * Context: any.
 */
void virtio_irq_write_source(struct irq_data *d)
{
	struct msi_msg msg = { };

	virtio_irq_compose_msi_msg(d->parent_data, &msg);
	d->chip->irq_write_msi_msg(d, &msg);
}

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

/**
 * virtio_irq_startup_source - irq_startup of those per-device domains that have one
 * @d: the interrupt; desc->lock is held
 *
 * It would unmask the source, too.
 *
 * Context: any.
 * Return: as irq_chip::irq_startup.
 */
unsigned int virtio_irq_startup_source(struct irq_data *d)
{
	struct virtio_irq_vector *vec = d->parent_data->chip_data;
	struct virtio_irq_source *src = d->chip_data;

	if (!vec->held)
		return src->startup(d);
	irq_chip_unmask_parent(d);
	return 0;
}

/**
 * virtio_irq_can_hold - can a source be masked, and forgets nothing meanwhile?
 * @d: the interrupt, of the per-device domain
 *
 * Context: any.
 * Return: true if it can be.
 */
bool virtio_irq_can_hold(struct irq_data *d)
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

/**
 * virtio_irq_let_go - what a source sends is delivered from now on
 * @d: the interrupt, of the per-device domain; desc->lock is held
 *
 * Context: any.
 */
void virtio_irq_let_go(struct irq_data *d)
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
		virtio_irq_write_source(d);
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
