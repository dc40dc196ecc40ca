// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: what is true of a vector, as far as we know
 *
 * All that changes a struct virtio_irq_fact, but for __virtio_irq_fact_sent(), which is
 * short, and @want, which whoever wants it sets. All of it runs with the engine's lock held.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include "virtio_irq_internal.h"

/**
 * __virtio_irq_fact_answered - what became of a request is known
 * @f: the fact
 * @stamp: number of the request
 * @on: it was to take it; else to give it back
 * @err: 0, the host's refusal, or why it is not known what the host has done
 *
 * Context: any, vi->lock held.
 * Return: true if it was the last one, so that its answer counts.
 */
bool __virtio_irq_fact_answered(struct virtio_irq_fact *f, u64 stamp, bool on, int err)
{
	bool last = f->stamp == stamp;

	f->busy--;
	if (last && !err) {
		f->stamp = 0;
		f->unsure = false;
		/* Pairs with the acquire in virtio_irq_is_routed() */
		smp_store_release(&f->has, on);
	} else if (f->stamp && on && !virtio_irq_is_refusal(err)) {
		/* If there is a later one, that may be refused, and changes nothing then */
		f->unsure = true;
	}
	return last;
}

/**
 * __virtio_irq_fact_may - does the host have it, or may it?
 * @f: the fact
 *
 * Context: any, vi->lock held.
 * Return: true if it does or may, apart from what requests under way will do.
 */
bool __virtio_irq_fact_may(const struct virtio_irq_fact *f)
{
	return f->has || f->unsure;
}

/**
 * __virtio_irq_fact_is_sure - is all well?
 * @f: the fact
 *
 * Context: any, vi->lock held.
 * Return: true if the host has what it shall have, and that is sure.
 */
bool __virtio_irq_fact_is_sure(const struct virtio_irq_fact *f)
{
	return f->want == f->has && !f->unsure && !f->busy;
}

/**
 * __virtio_irq_fact_forget - the host has been reset: it has nothing
 * @f: the fact
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_fact_forget(struct virtio_irq_fact *f)
{
	f->has = false;
	f->unsure = false;
	f->stamp = 0;
}

/**
 * __virtio_irq_fact_void - it is given up with what it depends on
 * @f: the fact
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_fact_void(struct virtio_irq_fact *f)
{
	f->want = false;
	__virtio_irq_fact_forget(f);
}
