// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: its state, and what the worker is told
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/timekeeping.h>
#include <trace/events/virtio_irq.h>

#include "virtio_irq_internal.h"

/**
 * __virtio_irq_set_state - the one place where the state changes
 * @vi: the controller
 * @state: the new one
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_set_state(struct virtio_irq *vi, enum virtio_irq_state state)
{
	lockdep_assert_held(&vi->lock);

	if (vi->state == state)
		return;
	if (vi->state == VIRTIO_IRQ_READY)
		vi->broken_at = ktime_get_mono_fast_ns();
	trace_virtio_irq_state(vi->state, state);
	WRITE_ONCE(vi->state, state);
}

/**
 * __virtio_irq_mark - more for recovery to do
 * @vi: the controller
 *
 * It must not declare READY on what it saw before. A worker that sleeps because the
 * host has refused something is woken, one that sleeps because the host is silent is
 * not.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_mark(struct virtio_irq *vi)
{
	lockdep_assert_held(&vi->lock);

	vi->marks++;
	if (!virtio_irq_may_recover(vi))
		return;
	if (vi->state == VIRTIO_IRQ_READY)
		mod_delayed_work(vi->wq, &vi->recover, 0);
	else
		queue_delayed_work(vi->wq, &vi->recover, 0);
}

/**
 * __virtio_irq_hurry - something new: what recovery has waited for so far does not count
 * @vi: the controller
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_hurry(struct virtio_irq *vi)
{
	lockdep_assert_held(&vi->lock);

	vi->marks++;
	vi->backoff = VIRTIO_IRQ_BACKOFF_MIN_MS;
	if (virtio_irq_may_recover(vi))
		mod_delayed_work(vi->wq, &vi->recover, 0);
}

/**
 * __virtio_irq_note - keep a failure for the worker, which may print it
 * @vi: the controller
 * @note: what failed, and why
 *
 * A serial console under desc->lock costs milliseconds.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_note(struct virtio_irq *vi, const struct virtio_irq_note *note)
{
	unsigned int i;

	lockdep_assert_held(&vi->lock);

	for (i = 0; i < ARRAY_SIZE(vi->notes); i++) {
		if (vi->notes[i].valid)
			continue;
		vi->notes[i] = *note;
		vi->notes[i].valid = true;
		break;
	}
	if (i == ARRAY_SIZE(vi->notes))
		vi->notes_lost++;
	if (virtio_irq_may_recover(vi))
		queue_delayed_work(vi->wq, &vi->recover, 0);
}

/**
 * __virtio_irq_break - fail what comes, let the worker mend it
 * @vi: the controller
 * @type: VIRTIO_IRQ_T_* of the request that had no answer
 * @endpoint: endpoint that it named
 * @vec: vector that it named, or NULL
 * @err: -ETIMEDOUT, or -ETIME if answers come too late
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_break(struct virtio_irq *vi, u8 type, u32 endpoint,
			const struct virtio_irq_vector *vec, int err)
{
	lockdep_assert_held(&vi->lock);

	/* virtio_dev_shutdown() has broken the queue and reset the device */
	if (vi->last_orders) {
		__virtio_irq_set_state(vi, VIRTIO_IRQ_GONE);
		return;
	}
	if (vi->state == VIRTIO_IRQ_READY) {
		vi->broken_note = (struct virtio_irq_note) {
			.endpoint	= endpoint,
			.index		= vec ? vec->index : 0,
			.type		= type,
			.err		= err,
			.valid		= true,
		};
		__virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
		__virtio_irq_hurry(vi);
		return;
	}
	__virtio_irq_mark(vi);
}

/**
 * __virtio_irq_break_call - __virtio_irq_break() for a request as it was built
 * @vi: the controller
 * @call: the request
 * @err: likewise
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_break_call(struct virtio_irq *vi, const struct virtio_irq_call *call, int err)
{
	__virtio_irq_break(vi, call->req.head.type, le32_to_cpu(call->req.head.endpoint),
			   call->vec ?: call->rel, err);
}
