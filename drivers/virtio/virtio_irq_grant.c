// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the requests for reservations and commitments
 *
 * ALLOC, COMMIT, RELEASE and FREE, from the records to their answers in the records.
 * See struct virtio_irq_fact for the idea.
 *
 * Where many records are gone through in one hold of the lock, this is done with
 * xas_for_each(): xa_for_each_range() begins anew for each.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include "virtio_irq_internal.h"

/* All records that a request names */
static void __virtio_irq_range_sent(struct virtio_irq_slot *slot, bool on)
{
	struct virtio_irq_store *store = slot->context;
	XA_STATE(xas, &store->vectors, slot->first);
	struct virtio_irq_vector *vec;

	guard(rcu)();
	xas_for_each(&xas, vec, slot->first + slot->count - 1)
		if (!xas_retry(&xas, vec))
			__virtio_irq_fact_sent(&vec->res, slot->stamp, on);
}

static void virtio_irq_alloc_sent(struct virtio_irq_slot *slot)
{
	__virtio_irq_range_sent(slot, true);
}

/* How many vectors an answer grants, all but the first few of none; @err: why not more */
static u32 virtio_irq_granted_by(const struct virtio_irq_slot *slot, const void *reply, int *err)
{
	const struct virtio_irq_store *store = slot->context;
	const struct virtio_irq_rsp_alloc *rsp = reply;
	u32 granted;

	if (*err)
		return 0;
	granted = le32_to_cpu(rsp->granted);
	if (granted < 1 || granted > slot->count ||
	    (store->block_count && granted != slot->count)) {
		*err = -EIO;
		return 0;
	}
	/* A host that grants less and says nothing is wrong */
	if (granted < slot->count)
		*err = virtio_irq_status_errno(rsp->reason) ?: -EIO;
	return granted;
}

static void __virtio_irq_grant(struct virtio_irq_vector *vec)
{
	vec->store->num_granted += !vec->res.want;
	vec->res.want = true;
	vec->refusal = 0;
}

static int virtio_irq_alloc_complete(struct virtio_irq_slot *slot, int err, const void *reply)
{
	u32 granted = virtio_irq_granted_by(slot, reply, &err), refused = 0;
	struct virtio_irq_store *store = slot->context;
	XA_STATE(xas, &store->vectors, slot->first);
	struct virtio_irq_vector *vec;
	struct virtio_irq_note note = { };

	guard(rcu)();
	xas_for_each(&xas, vec, slot->first + slot->count - 1) {
		bool got;
		int why;

		if (xas_retry(&xas, vec))
			continue;
		got = vec->index - slot->first < granted;
		/* What follows a prefix is as it was, whatever ended that */
		why = got ? 0 : granted ? -ENOSPC : err;
		__virtio_irq_fact_answered(&vec->res, slot->stamp, true, why);
		if (!slot->recovery) {
			if (got)
				__virtio_irq_grant(vec);
			__virtio_irq_check_debt(slot, &vec->res);
			continue;
		}
		/* Recovery's: somebody may have given it back meanwhile */
		if (err == -ERESTART)
			continue;
		/* Of a block, which is asked for as a whole, some are revoked and others not */
		if (!got && store->block_count && vec->arm.has) {
			vec->res.has = true;
			vec->res.unsure = false;
			continue;
		}
		if (!got && (__virtio_irq_revoke(vec, err) || vec->revoked)) {
			vec->refusal = err;
			continue;
		}
		if (!got) {
			if (!refused++)
				note = virtio_irq_note_of(vec, slot->type, err);
			/* It is about several */
			note.virq = 0;
			note.valid |= vec->refusal != err;
			__virtio_irq_failed(vec, slot, err);
		}
		vec->refusal = got ? 0 : err;
	}
	note.count = refused;
	if (note.valid && err != -ETIMEDOUT)
		__virtio_irq_note(slot->vi, &note, false);
	/* Whoever waits looks at how many there are, and why not more */
	return granted ? 0 : err;
}

static const struct virtio_irq_call_ops virtio_irq_alloc_ops = {
	.sent		= virtio_irq_alloc_sent,
	.complete	= virtio_irq_alloc_complete,
};

static void virtio_irq_free_sent(struct virtio_irq_slot *slot)
{
	__virtio_irq_range_sent(slot, false);
}

static int virtio_irq_free_complete(struct virtio_irq_slot *slot, int err, const void *reply)
{
	struct virtio_irq_store *store = slot->context;
	struct virtio_irq_note note = {
		.endpoint	= slot->endpoint,
		.store		= store->id,
		.index		= slot->first,
		.type		= slot->type,
		.err		= err,
	};
	XA_STATE(xas, &store->vectors, slot->first);
	struct virtio_irq_vector *vec;

	guard(rcu)();
	xas_for_each(&xas, vec, slot->first + slot->count - 1) {
		if (xas_retry(&xas, vec))
			continue;
		if (__virtio_irq_fact_answered(&vec->res, slot->stamp, false, err) && err &&
		    err != -ERESTART)
			__virtio_irq_failed(vec, slot, err);
	}
	if (err && err != -ETIMEDOUT && err != -ERESTART)
		__virtio_irq_note(slot->vi, &note, !slot->recovery);
	return err;
}

static const struct virtio_irq_call_ops virtio_irq_free_ops = {
	.sent		= virtio_irq_free_sent,
	.complete	= virtio_irq_free_complete,
};

static void virtio_irq_commit_sent(struct virtio_irq_slot *slot)
{
	struct virtio_irq_vector *vec = slot->context;

	__virtio_irq_fact_sent(&vec->com, slot->stamp, true);
}

static int virtio_irq_commit_complete(struct virtio_irq_slot *slot, int err, const void *reply)
{
	struct virtio_irq_vector *vec = slot->context;
	struct virtio_irq_note note = virtio_irq_note_of(vec, slot->type, err);

	__virtio_irq_fact_answered(&vec->com, slot->stamp, true, err);
	if (!slot->recovery) {
		/* request_irq() has it from now on; without an answer recovery gives it back */
		vec->com.want |= !err;
		__virtio_irq_check_debt(slot, &vec->com);
		return err;
	}
	if (err == -ERESTART || __virtio_irq_revoke(vec, err))
		return err;
	if (err)
		__virtio_irq_failed(vec, slot, err);
	if (err && err != -ETIMEDOUT && vec->refusal != err)
		__virtio_irq_note(slot->vi, &note, false);
	vec->refusal = err;
	return err;
}

static const struct virtio_irq_call_ops virtio_irq_commit_ops = {
	.sent		= virtio_irq_commit_sent,
	.complete	= virtio_irq_commit_complete,
};

static void virtio_irq_release_sent(struct virtio_irq_slot *slot)
{
	struct virtio_irq_vector *vec = slot->context;

	__virtio_irq_fact_sent(&vec->com, slot->stamp, false);
}

static int virtio_irq_release_complete(struct virtio_irq_slot *slot, int err, const void *reply)
{
	struct virtio_irq_vector *vec = slot->context;

	/* What the host does not know it has not committed */
	if (err == -ENOENT)
		err = 0;
	/* A later COMMIT may have committed it again */
	if (!__virtio_irq_fact_answered(&vec->com, slot->stamp, false, err))
		__virtio_irq_check_debt(slot, &vec->com);
	else if (err && err != -ERESTART)
		__virtio_irq_not_given_back(vec, slot, err);
	return err;
}

static const struct virtio_irq_call_ops virtio_irq_release_ops = {
	.sent		= virtio_irq_release_sent,
	.complete	= virtio_irq_release_complete,
};

static void virtio_irq_call_is(struct virtio_irq_call *call, struct virtio_irq_endpoint *owner,
			       const struct virtio_irq_call_ops *ops, void *context, bool recovery)
{
	call->owner = owner;
	call->ops = ops;
	call->context = context;
	call->recovery = recovery;
}

/**
 * virtio_irq_prepare_alloc - an ALLOC whose answer goes into the records
 * @call: to be filled in; not for recovery
 * @store: the store
 * @first: first slot, of which there is a record, as of all others
 * @count: number of slots, at least 1
 * @flags: VIRTIO_IRQ_ALLOC_F_*
 * @addr_width: the store holds addresses below 1 << @addr_width
 *
 * Context: any.
 */
void virtio_irq_prepare_alloc(struct virtio_irq_call *call, struct virtio_irq_store *store,
			      u32 first, u32 count, u16 flags, u8 addr_width)
{
	virtio_irq_build_alloc(call, store, first, count, flags, addr_width);
	virtio_irq_call_is(call, store->ep, &virtio_irq_alloc_ops, store, false);
}

/**
 * virtio_irq_prepare_commit - a COMMIT whose answer goes into the record
 * @call: to be filled in; not for recovery
 * @vec: the record
 *
 * Context: any.
 */
void virtio_irq_prepare_commit(struct virtio_irq_call *call, struct virtio_irq_vector *vec)
{
	virtio_irq_build_commit(call, vec);
	virtio_irq_call_is(call, vec->store->ep, &virtio_irq_commit_ops, vec, false);
}

/**
 * __virtio_irq_post_free - give vectors back to the host
 * @vec: the first one, and those after it that nobody wants go with it
 * @recovery: for recovery
 *
 * Context: any, vi->lock held.
 * Return: as __virtio_irq_post().
 */
int __virtio_irq_post_free(struct virtio_irq_vector *vec, bool recovery)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	u32 first = vec->index, next = first, last = first;
	u32 max = min(VIRTIO_IRQ_MAX_RUN, vi->max_count) - 1;
	XA_STATE(xas, &store->vectors, first);
	struct virtio_irq_call call;

	guard(rcu)();
	xas_for_each(&xas, vec, min(U32_MAX - first, max) + first) {
		if (xas_retry(&xas, vec))
			continue;
		if (vec->index != next || vec->res.want || vec->res.busy)
			break;
		if (__virtio_irq_fact_may(&vec->res))
			last = next;
		next++;
	}
	virtio_irq_build_free(&call, store, first, last - first + 1);
	virtio_irq_call_is(&call, store->ep, &virtio_irq_free_ops, store, recovery);
	return __virtio_irq_post(vi, &call);
}

/**
 * __virtio_irq_post_alloc - reserve again what a reset of the device took
 * @vec: the first one, and those after it that go together with it
 *
 * Context: any, vi->lock held; recovery only.
 * Return: as __virtio_irq_post().
 */
int __virtio_irq_post_alloc(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	u32 first = vec->index, max = max(VIRTIO_IRQ_MAX_RUN, store->block_count), count;
	const struct virtio_irq_vector *start = vec;
	struct virtio_irq_call call;
	u16 flags = 0;

	max = min(max, vi->max_count);
	for (count = 1; count < max && first + count > first; count++) {
		vec = xa_load(&store->vectors, first + count);
		if (!vec || !vec->res.want || vec->res.has || vec->res.busy ||
		    vec->failed == vi->replay || vec->addr_width != start->addr_width ||
		    vec->data16 != start->data16 || vec->com_alloc != start->com_alloc)
			break;
		/* One refusal may not be that of all, and it is left alone then */
		if (vec->stale && !store->block_count)
			break;
	}
	flags |= start->com_alloc ? VIRTIO_IRQ_ALLOC_F_COMMIT : 0;
	flags |= start->data16 ? VIRTIO_IRQ_ALLOC_F_DATA16 : 0;
	/* A block is the only thing that its store holds, see virtio_irq_alloc() */
	flags |= store->block_count ? VIRTIO_IRQ_ALLOC_F_CONTIGUOUS : 0;
	virtio_irq_prepare_alloc(&call, store, first, count, flags, start->addr_width);
	call.recovery = true;
	return __virtio_irq_post(vi, &call);
}

/**
 * __virtio_irq_post_commit - commit again what a reset of the device took
 * @vec: the record
 *
 * Context: any, vi->lock held; recovery only.
 * Return: as __virtio_irq_post().
 */
int __virtio_irq_post_commit(struct virtio_irq_vector *vec)
{
	struct virtio_irq_call call;

	virtio_irq_prepare_commit(&call, vec);
	call.recovery = true;
	return __virtio_irq_post(vec->store->ep->vi, &call);
}

/**
 * __virtio_irq_post_release - give a commitment back
 * @vec: the record
 * @recovery: for recovery
 *
 * Context: any, vi->lock held.
 * Return: as __virtio_irq_post().
 */
int __virtio_irq_post_release(struct virtio_irq_vector *vec, bool recovery)
{
	struct virtio_irq_call call;

	virtio_irq_build_release(&call, vec);
	virtio_irq_call_is(&call, vec->store->ep, &virtio_irq_release_ops, vec, recovery);
	return __virtio_irq_post(vec->store->ep->vi, &call);
}
