// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the host is made to hold what the records say
 *
 * What differs is freed, detached, disarmed, released, reserved, committed or
 * armed again. The recovery worker does this, in process context.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include "virtio_irq_internal.h"

/* One ALLOC of a replay; its reservations are looked at with interrupts off */
#define VIRTIO_IRQ_REPLAY_COUNT	256U

/* As virtio_irq_call_sleep(), or -ECANCELED if it is not due any more */
static int virtio_irq_call_recovery(struct virtio_irq *vi, struct virtio_irq_call *call,
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
	int err, left = 0;
	u32 count;

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
		if (err == -ECANCELED)
			return left;
		if (err == -ETIMEDOUT || err == -ENODEV)
			return err;
		/* The others may be freed */
		left = err ?: left;
	}
	if (left)
		return left;

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

/* The next vectors from *@first on that one ALLOC can ask for again; false: none */
static bool virtio_irq_next_lost(struct virtio_irq_store *store, unsigned long *first,
				 struct virtio_irq_call *call, struct virtio_irq_rsp_alloc *reply)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec, *start = NULL;
	unsigned long index;
	u32 count = 0, max;
	u16 flags = 0;

	raw_spin_lock_irq(&vi->lock);
	max = min(vi->max_count, max(VIRTIO_IRQ_REPLAY_COUNT, store->block_count));
	xa_for_each_start(&store->vectors, index, vec, *first) {
		if (!__virtio_irq_is_granted(vec) || !vec->unreserved) {
			if (start)
				break;
			/* There may be many of these */
			__virtio_irq_relax(vi);
			continue;
		}
		if (!start) {
			start = vec;
		} else if (index != start->index + count || count == max ||
			   vec->addr_width != start->addr_width ||
			   vec->data16 != start->data16 ||
			   vec->commit_alloc != start->commit_alloc) {
			break;
		}
		count++;
	}
	if (start) {
		flags |= start->commit_alloc ? VIRTIO_IRQ_ALLOC_F_COMMIT : 0;
		flags |= start->data16 ? VIRTIO_IRQ_ALLOC_F_DATA16 : 0;
		/* A block is the only thing that its store holds, see virtio_irq_alloc() */
		flags |= store->block_count ? VIRTIO_IRQ_ALLOC_F_CONTIGUOUS : 0;
		virtio_irq_build_alloc(call, store, start->index, count, flags,
				       start->addr_width, reply);
		call->replayed = store;
		call->changes = store->freed;
		*first = start->index;
	}
	raw_spin_unlock_irq(&vi->lock);
	return start;
}

/* Each record says what became of an ALLOC; true: that is news */
static bool virtio_irq_note_refusal(struct virtio_irq_store *store, u32 first, u32 count, int err)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec;
	bool news = false;
	u32 i;

	for (i = 0; i < count; i++) {
		vec = xa_load(&store->vectors, first + i);
		raw_spin_lock_irq(&vi->lock);
		if (!err)
			vec->unreserved = false;
		news |= vec->unreserved && vec->refusal != err;
		vec->refusal = err;
		raw_spin_unlock_irq(&vi->lock);
	}
	return news;
}

/* Reserve again what a device reset took */
static int virtio_irq_replay_alloc(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_rsp_alloc reply;
	struct virtio_irq_call call;
	struct virtio_irq_note note;
	unsigned long first = 0;
	u32 count, granted;
	int err, left = 0;
	bool lost, block;

	/* First: what is granted meanwhile may be lost, too */
	raw_spin_lock_irq(&vi->lock);
	lost = store->lost;
	store->lost = false;
	raw_spin_unlock_irq(&vi->lock);
	if (!lost)
		return 0;

	while (virtio_irq_next_lost(store, &first, &call, &reply)) {
		count = le32_to_cpu(call.req.alloc.count);
		err = virtio_irq_call_recovery(vi, &call, virtio_irq_sleep_timeout_ms);
		/* Some of them were freed meanwhile: look again */
		if (err == -ECANCELED)
			continue;
		granted = le32_to_cpu(reply.granted);
		note = (struct virtio_irq_note) {
			.endpoint	= store->ep->id,
			.store		= store->id,
			.index		= first,
			.count		= count,
			.type		= VIRTIO_IRQ_T_ALLOC,
		};
		block = call.req.alloc.flags & cpu_to_le16(VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
		if (!err && (granted < 1 || granted > count || (block && granted != count)))
			err = -EIO;
		if (err)
			granted = 0;
		else
			virtio_irq_note_refusal(store, first, granted, 0);
		if (granted < count) {
			/* The answer to a request that is granted in part says why */
			left = err ?: virtio_irq_status_errno(reply.reason) ?: -EIO;
			note.index += granted;
			note.count -= granted;
			note.err = left;
			if (virtio_irq_note_refusal(store, note.index, note.count, left))
				virtio_irq_print_refusal(vi, &note);
		}
		if (err == -ETIMEDOUT || err == -ENODEV)
			break;
		/* Others, with other needs, may be granted */
		first += count;
	}

	if (left) {
		raw_spin_lock_irq(&vi->lock);
		store->lost = true;
		raw_spin_unlock_irq(&vi->lock);
	}
	return left;
}

/* Commit again what a device reset took */
static int virtio_irq_replay_commit(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;
	struct virtio_irq_note note;
	bool news;
	int err;

	virtio_irq_build_commit(&call, vec);
	err = virtio_irq_call_recovery(vi, &call, virtio_irq_sleep_timeout_ms);
	if (err == -ECANCELED)
		return err;

	raw_spin_lock_irq(&vi->lock);
	if (!err)
		vec->uncommitted = false;
	news = err && vec->refusal != err;
	vec->refusal = err;
	note = virtio_irq_note_of(vec, VIRTIO_IRQ_T_COMMIT, err);
	raw_spin_unlock_irq(&vi->lock);
	if (news)
		virtio_irq_print_refusal(vi, &note);
	return err;
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
		raw_spin_lock_irq(&vi->lock);
		if (err && err != -ECANCELED) {
			vec->dirty |= vec->wanted;
			__virtio_irq_note_route(vec, err, true);
		} else if (!err) {
			vi->stats.replays++;
		}
		raw_spin_unlock_irq(&vi->lock);
		if (err)
			break;
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
		if (virtio_irq_replayed(vi->doms, vec, retrigger))
			return 0;
		/* The interrupt is being activated: again, when it is */
		raw_spin_lock_irq(&vi->lock);
		vec->lossy = vec->wanted;
		raw_spin_unlock_irq(&vi->lock);
		return -EAGAIN;
	default:
		return 0;
	}
	/* Another CPU has made this one unnecessary. Another one may be due for that */
	if (err == -ECANCELED)
		return 1;
	return err ?: 1;
}

static int virtio_irq_replay_vector(struct virtio_irq_vector *vec)
{
	unsigned int steps = 0;
	int ret;

	/*
	 * Not for ever with one that others change all the time: each of their
	 * changes has called for another pass
	 */
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
	if (err == -ETIMEDOUT || err == -ENODEV)
		return err;
	ret = virtio_irq_replay_alloc(store);
	err = ret ?: err;
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
	struct virtio_irq_note note = { .endpoint = ep->id, .type = VIRTIO_IRQ_T_ATTACH };
	struct virtio_irq_store *store;
	int err, left = 0;

	if (ep->lost) {
		err = virtio_irq_reattach(ep);
		if (err) {
			note.err = err;
			if (err != ep->refusal)
				virtio_irq_print_refusal(ep->vi, &note);
			WRITE_ONCE(ep->refusal, err);
			return err;
		}
		ep->lost = false;
		WRITE_ONCE(ep->refusal, 0);
	}
	list_for_each_entry(store, &ep->stores, ep_node) {
		err = virtio_irq_reconcile_store(store);
		if (err == -ETIMEDOUT || err == -ENODEV)
			return err;
		left = err ?: left;
	}
	return left;
}

/**
 * virtio_irq_reconcile - tell the host everything that differs from the records
 * @vi: the controller, its requests answered
 *
 * Context: process context, sleeps; recovery only.
 * Return: 0, or an errno if there is something left to do; with -ETIMEDOUT or
 * -ENODEV nothing more was asked.
 */
int virtio_irq_reconcile(struct virtio_irq *vi)
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
