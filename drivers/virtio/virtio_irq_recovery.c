// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: recovery
 *
 * One worker. It prints what atomic paths could not, mends a queue that does
 * not answer, and makes the host hold what the records say: what differs is
 * freed, detached, disarmed, released or armed again. It takes neither a
 * device's MSI mutex nor an interrupt's request_mutex, whose owners may be
 * waiting for it.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "virtio_irq_internal.h"

/* How often recovery looks again at what changed meanwhile, before it lets go */
#define VIRTIO_IRQ_MAX_PASSES	4

/**
 * virtio_irq_print_failure - log a request that failed
 * @vi: the controller
 * @type: VIRTIO_IRQ_T_*
 * @endpoint: endpoint that it named
 * @index: vector that it named
 * @err: why
 *
 * Context: process context.
 */
void virtio_irq_print_failure(struct virtio_irq *vi, u8 type, u32 endpoint, u32 index, int err)
{
	dev_warn_ratelimited(&vi->vdev->dev, "%04x:%02x:%02x.%u: %s of vector %u failed: %pe\n",
			     endpoint >> 16, endpoint >> 8 & 0xff, endpoint >> 3 & 0x1f,
			     endpoint & 7, virtio_irq_type_name(type), index, ERR_PTR(err));
}

static void virtio_irq_print_notes(struct virtio_irq *vi)
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
			"no answer to %s of %04x:%02x:%02x.%u, vector %u: recovering, armed interrupts continue\n",
			virtio_irq_type_name(broken.type), broken.endpoint >> 16,
			broken.endpoint >> 8 & 0xff, broken.endpoint >> 3 & 0x1f,
			broken.endpoint & 7, broken.index);
	for (i = 0; i < ARRAY_SIZE(notes); i++)
		if (notes[i].valid)
			virtio_irq_print_failure(vi, notes[i].type, notes[i].endpoint,
						 notes[i].index, notes[i].err);
	if (lost)
		dev_warn_ratelimited(&vi->vdev->dev, "%u more failures\n", lost);
}

static bool virtio_irq_set_state(struct virtio_irq *vi, enum virtio_irq_state state)
{
	bool ok;

	raw_spin_lock_irq(&vi->lock);
	ok = vi->state != VIRTIO_IRQ_GONE;
	if (ok && vi->state == VIRTIO_IRQ_READY && state == VIRTIO_IRQ_BROKEN)
		vi->broken_at = ktime_get_mono_fast_ns();
	if (ok)
		vi->state = state;
	raw_spin_unlock_irq(&vi->lock);
	return ok;
}

/* Does the host answer? Asking an attached endpoint again changes nothing */
static int virtio_irq_ping(struct virtio_irq *vi)
{
	struct virtio_irq_rsp_attach *reply __free(kfree) =
		kzalloc(sizeof(*reply) + vi->tlv_size, GFP_KERNEL);
	struct virtio_irq_endpoint *ep;
	int err;

	if (!reply)
		return -ENOMEM;
	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry(ep, &vi->endpoints, node) {
		if (ep->detached || ep->in_transit)
			continue;
		err = virtio_irq_call_attach(vi, ep->id, reply, true,
					     virtio_irq_poll_timeout_ms);
		return err == -ETIMEDOUT || err == -ENODEV ? err : 0;
	}
	/* Endpoint 0, the host bridge, is never served: OK changes nothing */
	err = virtio_irq_call_detach(vi, 0, true);
	return err == -ETIMEDOUT || err == -ENODEV ? err : 0;
}

/* BROKEN: make the queue work again */
static int virtio_irq_reopen(struct virtio_irq *vi)
{
	int err;

	if (!virtio_irq_set_state(vi, VIRTIO_IRQ_RECOVERING))
		return -ENODEV;
	if (virtio_irq_needs_reset(vi)) {
		err = virtio_irq_device_reset(vi);
		if (err)
			virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
		return err;
	}
	err = virtio_irq_queue_reset(vi);
	/* Without a queue reset the late answers give the slots back */
	if (err == -ENOENT) {
		raw_spin_lock_irq(&vi->lock);
		__virtio_irq_abandon(vi);
		raw_spin_unlock_irq(&vi->lock);
		err = virtqueue_is_broken(vi->vq) ? -EIO : 0;
	}
	if (!err)
		err = virtio_irq_ping(vi);
	if (err)
		virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
	return err;
}

/**
 * virtio_irq_call_recovery - send a request of recovery
 * @vi: the controller
 * @call: the request
 * @timeout_ms: bound of the wait in milliseconds
 *
 * Context: process context, sleeps; recovery only.
 * Return: as virtio_irq_call_sleep(), or -ECANCELED if it is not due any more.
 */
int virtio_irq_call_recovery(struct virtio_irq *vi, struct virtio_irq_call *call,
			     unsigned int timeout_ms)
{
	call->recovery = true;
	return virtio_irq_call_sleep(vi, call, timeout_ms);
}

/* The next vectors in @range that the host may hold and nobody was granted; 0: none */
static u32 virtio_irq_next_unfreed(struct virtio_irq_store *store,
				   const struct virtio_irq_range *range, u64 *first)
{
	struct virtio_irq_vector *vec;
	unsigned long index;
	u32 count = 0;

	if (*first > range->last)
		return 0;
	/* Without a record it was never asked for: indices may be far apart */
	xa_for_each_range(&store->vectors, index, vec, *first, range->last) {
		if (count && (index != *first + count || count == store->ep->vi->max_count))
			break;
		if (virtio_irq_granted(store, index)) {
			if (count)
				break;
			continue;
		}
		if (!count++)
			*first = index;
	}
	return count;
}

/* FREE what the host may hold and nobody was granted, in runs */
static int virtio_irq_replay_free(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_range range;
	struct virtio_irq_call call;
	u64 changes, freed, first;
	u32 count;
	int err;

	raw_spin_lock_irq(&vi->lock);
	range = store->unfreed;
	/* What is granted may not be in the records yet; both mark when they are done */
	if (store->frees || store->allocs)
		range.valid = false;
	changes = store->changes;
	freed = store->freed;
	raw_spin_unlock_irq(&vi->lock);
	if (!range.valid)
		return 0;

	for (first = range.first; (count = virtio_irq_next_unfreed(store, &range, &first));
	     first += count) {
		virtio_irq_build_free(&call, store, first, count);
		/* Not posted, so not counted in store->frees */
		call.store = NULL;
		call.replayed = store;
		call.changes = changes;
		err = virtio_irq_call_recovery(vi, &call, virtio_irq_poll_timeout_ms);
		/* virtio_irq_alloc() marks again when it is done */
		if (err)
			return err == -ECANCELED ? 0 : err;
	}

	raw_spin_lock_irq(&vi->lock);
	/* What was freed, or not answered, meanwhile may lie in the same bounds */
	if (!store->frees && store->freed == freed && store->changes == changes &&
	    store->unfreed.first == range.first && store->unfreed.last == range.last) {
		store->unfreed.valid = false;
		store->owed = false;
	}
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}

enum virtio_irq_action {
	VIRTIO_IRQ_NOTHING,
	VIRTIO_IRQ_DISARM,
	VIRTIO_IRQ_RELEASE,
	VIRTIO_IRQ_COMMIT,
	VIRTIO_IRQ_ARM,
	VIRTIO_IRQ_RETRIGGER,
};

/* What the host has to be told of a vector, the destructive first */
static enum virtio_irq_action virtio_irq_next_action(struct virtio_irq_vector *vec,
						     struct virtio_irq_msg *route)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	enum virtio_irq_action action = VIRTIO_IRQ_NOTHING;

	raw_spin_lock_irq(&vi->lock);
	if (!__virtio_irq_is_granted(vec))
		;
	/* A posted one is under way, and its refusal brings recovery back */
	else if (vec->maybe_armed && !vec->wanted && !vec->posted)
		action = VIRTIO_IRQ_DISARM;
	else if (vec->release_lost && !vec->committed && !vec->posted)
		action = VIRTIO_IRQ_RELEASE;
	else if (vec->unreserved)
		/* Nothing more can come of it before ALLOC is answered well */
		;
	else if (vec->uncommitted && vec->committed && !vec->committing)
		action = VIRTIO_IRQ_COMMIT;
	else if (vec->dirty && vec->wanted)
		action = VIRTIO_IRQ_ARM;
	else if (vec->lossy && vec->armed)
		/* A later route of another CPU has armed it meanwhile */
		action = VIRTIO_IRQ_RETRIGGER;
	*route = vec->route;
	raw_spin_unlock_irq(&vi->lock);
	return action;
}

/* One step. Returns 1 if there may be another one, 0 if not, or an errno */
static int virtio_irq_replay_step(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_rsp_activate reply;
	struct virtio_irq_call call;
	struct virtio_irq_msg route;
	bool retrigger;
	int err;

	switch (virtio_irq_next_action(vec, &route)) {
	case VIRTIO_IRQ_DISARM:
		virtio_irq_build_deactivate(&call, vec);
		err = virtio_irq_call_recovery(vi, &call, virtio_irq_poll_timeout_ms);
		break;
	case VIRTIO_IRQ_RELEASE:
		virtio_irq_build_release(&call, vec);
		err = virtio_irq_call_recovery(vi, &call, virtio_irq_poll_timeout_ms);
		break;
	case VIRTIO_IRQ_COMMIT:
		err = virtio_irq_replay_commit(vec);
		break;
	case VIRTIO_IRQ_ARM:
		virtio_irq_build_activate(&call, vec, &route, &reply);
		err = virtio_irq_call_recovery(vi, &call, virtio_irq_poll_timeout_ms);
		if (err)
			break;
		raw_spin_lock_irq(&vi->lock);
		vi->stats.replays++;
		raw_spin_unlock_irq(&vi->lock);
		fallthrough;
	case VIRTIO_IRQ_RETRIGGER:
		raw_spin_lock_irq(&vi->lock);
		/* Dirty again: a later route failed, too, and its replay retriggers */
		retrigger = vec->lossy && !vec->dirty;
		if (retrigger)
			vec->lossy = false;
		else if (vec->lossy)
			/* Or it is under way, and nobody retriggers when it is answered */
			__virtio_irq_mark(vi);
		raw_spin_unlock_irq(&vi->lock);
		virtio_irq_replayed(vi->doms, vec, retrigger);
		return 0;
	default:
		return 0;
	}
	/* Whoever made it unnecessary has told the host already */
	if (err == -ECANCELED)
		return 0;
	return err ?: 1;
}

static int virtio_irq_replay_vector(struct virtio_irq_vector *vec)
{
	unsigned int steps = 0;
	int ret;

	/* Not for ever with one that others change all the time: there are more passes */
	do {
		ret = virtio_irq_replay_step(vec);
	} while (ret > 0 && ++steps < VIRTIO_IRQ_MAX_PASSES);
	return min(ret, 0);
}

static int virtio_irq_reconcile_store(struct virtio_irq_store *store)
{
	struct virtio_irq_vector *vec;
	unsigned long index;
	int err, ret;

	err = virtio_irq_replay_free(store);
	if (!err)
		err = virtio_irq_replay_alloc(store);
	xa_for_each(&store->vectors, index, vec) {
		if (err == -ETIMEDOUT || err == -ENODEV)
			return err;
		ret = virtio_irq_replay_vector(vec);
		err = ret ?: err;
	}
	return err;
}

static int virtio_irq_reconcile_endpoint(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq_store *store;
	int err, left = 0;

	if (ep->lost) {
		err = virtio_irq_reattach(ep);
		if (err) {
			virtio_irq_print_failure(ep->vi, VIRTIO_IRQ_T_ATTACH, ep->id, 0, err);
			return err;
		}
		ep->lost = false;
	}
	list_for_each_entry(store, &ep->stores, ep_node) {
		err = virtio_irq_reconcile_store(store);
		if (err == -ETIMEDOUT || err == -ENODEV)
			return err;
		left = err ?: left;
	}
	return left;
}

/* Returns 0, or the last error: there is something left to do */
static int virtio_irq_reconcile(struct virtio_irq *vi)
{
	struct virtio_irq_endpoint *ep, *next;
	int err, left = 0;

	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry_safe(ep, next, &vi->endpoints, node) {
		if (ep->in_transit)
			continue;
		if (ep->detached) {
			err = virtio_irq_call_detach(vi, ep->id, true);
			if (!err) {
				list_del(&ep->node);
				virtio_irq_endpoint_free(ep);
			}
		} else {
			err = virtio_irq_reconcile_endpoint(ep);
		}
		if (err == -ETIMEDOUT || err == -ENODEV)
			return err;
		left = err ?: left;
	}
	return left;
}

static void virtio_irq_again(struct virtio_irq *vi)
{
	raw_spin_lock_irq(&vi->lock);
	if (vi->state != VIRTIO_IRQ_GONE)
		queue_delayed_work(vi->wq, &vi->recover, msecs_to_jiffies(vi->backoff));
	vi->backoff = min(2 * vi->backoff, VIRTIO_IRQ_BACKOFF_MAX_MS);
	raw_spin_unlock_irq(&vi->lock);
}

/* RECOVERING ends unless something changed that reconcile has not seen */
static bool virtio_irq_settle(struct virtio_irq *vi, u64 marks, bool force)
{
	u64 since = 0;
	bool ok, woke = false;

	raw_spin_lock_irq(&vi->lock);
	ok = marks == vi->marks || force;
	if (ok && vi->state == VIRTIO_IRQ_RECOVERING) {
		since = vi->broken_at;
		vi->state = VIRTIO_IRQ_READY;
		woke = true;
	}
	raw_spin_unlock_irq(&vi->lock);

	if (woke) {
		wake_up_all(&vi->wait);
		dev_notice(&vi->vdev->dev, "the host answers again, after %llu ms\n",
			   div_u64(ktime_get_mono_fast_ns() - since, NSEC_PER_MSEC));
	}
	return ok;
}

/* A change of the configuration, or a device that needs a reset */
static void virtio_irq_config(struct virtio_irq *vi)
{
	bool changed, asked;

	raw_spin_lock_irq(&vi->lock);
	changed = vi->config_changed;
	vi->config_changed = false;
	/* Asked for while another recovery was under way */
	asked = vi->reset_asked;
	raw_spin_unlock_irq(&vi->lock);
	if (!changed && !asked)
		return;

	if (virtio_irq_needs_reset(vi)) {
		virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
	} else if (!virtio_irq_read_config(vi)) {
		virtio_irq_test_hook(vi, NULL);
		raw_spin_lock_irq(&vi->lock);
		if (!vi->stopping)
			virtio_irq_domains_rescan(vi->doms);
		raw_spin_unlock_irq(&vi->lock);
	}
}

static void virtio_irq_do_recover(struct virtio_irq *vi)
{
	unsigned int pass;
	u64 marks;
	int err;

	virtio_irq_print_notes(vi);
	virtio_irq_config(vi);

	if (READ_ONCE(vi->state) == VIRTIO_IRQ_BROKEN) {
		err = virtio_irq_reopen(vi);
		if (err) {
			if (err != -ENODEV)
				virtio_irq_again(vi);
			return;
		}
	}

	for (pass = 1; ; pass++) {
		raw_spin_lock_irq(&vi->lock);
		marks = vi->marks;
		raw_spin_unlock_irq(&vi->lock);

		err = virtio_irq_reconcile(vi);
		if (err == -ENODEV)
			return;
		if (err == -ETIMEDOUT) {
			virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
			virtio_irq_again(vi);
			return;
		}
		if (virtio_irq_settle(vi, marks, pass == VIRTIO_IRQ_MAX_PASSES))
			break;
	}

	/* A refused replay is tried again later, the queue itself is fine */
	if (err) {
		virtio_irq_again(vi);
		return;
	}
	raw_spin_lock_irq(&vi->lock);
	vi->backoff = VIRTIO_IRQ_BACKOFF_MIN_MS;
	raw_spin_unlock_irq(&vi->lock);
}

/**
 * virtio_irq_recover - the recovery worker
 * @work: vi->recover
 *
 * Context: process context on vi->wq, sleeps.
 */
void virtio_irq_recover(struct work_struct *work)
{
	struct virtio_irq *vi = container_of(to_delayed_work(work), struct virtio_irq, recover);
	/* The disk that reclaim writes to may be waiting for this */
	unsigned int noio = memalloc_noio_save();

	virtio_irq_do_recover(vi);
	memalloc_noio_restore(noio);
}
