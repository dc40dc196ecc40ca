// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: its state, what the worker is told, and the log
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/static_stub.h>
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
 * virtio_irq_settled - is there no use in waiting for recovery?
 * @vi: the controller
 *
 * Context: any.
 * Return: true if requests are answered, or will not be.
 */
bool virtio_irq_settled(struct virtio_irq *vi)
{
	enum virtio_irq_state state;

	KUNIT_STATIC_STUB_REDIRECT(virtio_irq_settled, vi);
	state = READ_ONCE(vi->state);
	return state == VIRTIO_IRQ_READY || state == VIRTIO_IRQ_ABSENT ||
	       state == VIRTIO_IRQ_GONE;
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
 * __virtio_irq_recover_now - there is something new: recovery does not wait any longer
 * @vi: the controller
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_recover_now(struct virtio_irq *vi)
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
 * @wake: the worker has to be told; not if it finds out by itself
 *
 * A serial console under desc->lock costs milliseconds.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_note(struct virtio_irq *vi, const struct virtio_irq_note *note, bool wake)
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
	if (wake && virtio_irq_may_recover(vi))
		queue_delayed_work(vi->wq, &vi->recover, 0);
}

/**
 * __virtio_irq_break - fail what comes, let the worker mend it
 * @vi: the controller
 * @type: VIRTIO_IRQ_T_* of the request that had no answer
 * @endpoint: endpoint that it named
 * @index: first vector that it named
 * @err: -ETIMEDOUT, or -ETIME if answers come too late
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_break(struct virtio_irq *vi, u8 type, u32 endpoint, u32 index, int err)
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
			.index		= index,
			.type		= type,
			.err		= err,
			.valid		= true,
		};
		__virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
		__virtio_irq_recover_now(vi);
		return;
	}
	__virtio_irq_mark(vi);
}

/**
 * virtio_irq_note_of - what went wrong with one vector
 * @vec: the record
 * @type: VIRTIO_IRQ_T_*
 * @err: why
 *
 * Context: any.
 * Return: the note, to be printed or kept.
 */
struct virtio_irq_note virtio_irq_note_of(const struct virtio_irq_vector *vec, u8 type, int err)
{
	return (struct virtio_irq_note) {
		.endpoint	= vec->store->ep->id,
		.store		= vec->store->id,
		.index		= vec->index,
		.count		= 1,
		.virq		= READ_ONCE(vec->virq),
		.type		= type,
		.err		= err,
	};
}

/* Follows "the host refused to " */
static const char * const virtio_irq_verbs[VIRTIO_IRQ_NUM_TYPES] = {
	[VIRTIO_IRQ_T_ATTACH]		= "attach it",
	[VIRTIO_IRQ_T_DETACH]		= "detach it",
	[VIRTIO_IRQ_T_ALLOC]		= "reserve",
	[VIRTIO_IRQ_T_COMMIT]		= "commit",
	[VIRTIO_IRQ_T_RELEASE]		= "release",
	[VIRTIO_IRQ_T_ACTIVATE]		= "arm",
	[VIRTIO_IRQ_T_DEACTIVATE]	= "disarm",
	[VIRTIO_IRQ_T_FREE]		= "free",
};

/* What a failure is about, after a blank */
static void virtio_irq_name(const struct virtio_irq_note *note, char *what, size_t size)
{
	if (note->type == VIRTIO_IRQ_T_ATTACH || note->type == VIRTIO_IRQ_T_DETACH)
		*what = '\0';
	else if (note->virq)
		snprintf(what, size, " interrupt %u (store %u, vector %u)", note->virq,
			 note->store, note->index);
	else if (note->count == 1)
		snprintf(what, size, " vector %u of store %u", note->index, note->store);
	else if (note->count)
		snprintf(what, size, " vectors %u-%u of store %u", note->index,
			 note->index + note->count - 1, note->store);
	else
		snprintf(what, size, " vectors of store %u", note->store);
}

/**
 * virtio_irq_print_revoked - log that the host delivers nothing of a vector any more
 * @vi: the controller
 * @note: which one, and why
 *
 * Context: process context.
 */
void virtio_irq_print_revoked(struct virtio_irq *vi, const struct virtio_irq_note *note)
{
	u32 endpoint = note->endpoint;
	char what[64];

	virtio_irq_name(note, what, sizeof(what));
	dev_warn(&vi->vdev->dev, "%04x:%02x:%02x.%u: the host has revoked%s: %s (%pe)\n",
		 endpoint >> 16, endpoint >> 8 & 0xff, endpoint >> 3 & 0x1f, endpoint & 7, what,
		 virtio_irq_reason(note->err), ERR_PTR(note->err));
}

/**
 * virtio_irq_print_refusal - log a request that failed
 * @vi: the controller
 * @note: what went wrong
 *
 * Context: process context.
 */
void virtio_irq_print_refusal(struct virtio_irq *vi, const struct virtio_irq_note *note)
{
	u32 endpoint = note->endpoint;
	char what[64];

	virtio_irq_name(note, what, sizeof(what));
	dev_warn(&vi->vdev->dev, "%04x:%02x:%02x.%u: the host %s to %s%s: %s (%pe)\n",
		 endpoint >> 16, endpoint >> 8 & 0xff, endpoint >> 3 & 0x1f, endpoint & 7,
		 note->err == -ETIMEDOUT ? "was asked" : "refused",
		 virtio_irq_verbs[note->type], what, virtio_irq_reason(note->err),
		 ERR_PTR(note->err));
}

/**
 * virtio_irq_print_failure - log a request that failed, and may fail often
 * @vi: the controller
 * @note: what went wrong
 *
 * Context: process context.
 */
void virtio_irq_print_failure(struct virtio_irq *vi, const struct virtio_irq_note *note)
{
	if (__ratelimit(&vi->log_limit))
		virtio_irq_print_refusal(vi, note);
}

/**
 * virtio_irq_print_notes - log what failed where that was not possible
 * @vi: the controller
 *
 * Context: process context; the worker.
 */
void virtio_irq_print_notes(struct virtio_irq *vi)
{
	struct virtio_irq_note notes[ARRAY_SIZE(vi->notes)], broken;
	unsigned int lost, i;

	raw_spin_lock_irq(&vi->lock);
	memcpy(notes, vi->notes, sizeof(notes));
	memset(vi->notes, 0, sizeof(vi->notes));
	lost = vi->notes_lost;
	vi->notes_lost = 0;
	broken = vi->broken_note;
	vi->broken_note.valid = false;
	raw_spin_unlock_irq(&vi->lock);

	if (broken.valid)
		dev_err(&vi->vdev->dev,
			"%s to %s of %04x:%02x:%02x.%u, vector %u: recovering\n",
			broken.err == -ETIME ? "answers come too late" : "no answer",
			virtio_irq_type_name(broken.type), broken.endpoint >> 16,
			broken.endpoint >> 8 & 0xff, broken.endpoint >> 3 & 0x1f,
			broken.endpoint & 7, broken.index);
	for (i = 0; i < ARRAY_SIZE(notes); i++)
		if (notes[i].valid)
			virtio_irq_print_failure(vi, &notes[i]);
	if (lost)
		dev_warn_ratelimited(&vi->vdev->dev, "%u more failures\n", lost);
}
