// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: vectors
 *
 * Reservations and routes, on the records. See virtio_irq.c for the idea.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/slab.h>
#include <linux/log2.h>

#include "virtio_irq_internal.h"

/*
 * Typed builders, one per request
 */

void virtio_irq_build_alloc(struct virtio_irq_call *call,
			    const struct virtio_irq_store *store, u32 first, u32 count,
			    u16 flags, u8 addr_width, struct virtio_irq_rsp_alloc *reply)
{
	*call = (struct virtio_irq_call) {
		.req.alloc.head.type		= VIRTIO_IRQ_T_ALLOC,
		.req.alloc.head.endpoint	= cpu_to_le32(store->ep->id),
		.req.alloc.store		= cpu_to_le16(store->id),
		.req.alloc.flags		= cpu_to_le16(flags),
		.req.alloc.first		= cpu_to_le32(first),
		.req.alloc.count		= cpu_to_le32(count),
		.req.alloc.addr_width		= addr_width,
		.req_len			= sizeof(struct virtio_irq_req_alloc),
		.ok_len				= sizeof(*reply),
		.reply				= reply,
	};
}

static void virtio_irq_build_range(struct virtio_irq_call *call, u8 type,
				   const struct virtio_irq_store *store, u32 first, u32 count)
{
	*call = (struct virtio_irq_call) {
		.req.range.head.type		= type,
		.req.range.head.endpoint	= cpu_to_le32(store->ep->id),
		.req.range.store		= cpu_to_le16(store->id),
		.req.range.first		= cpu_to_le32(first),
		.req.range.count		= cpu_to_le32(count),
		.req_len			= sizeof(struct virtio_irq_req_range),
		.ok_len				= sizeof(struct virtio_irq_rsp_head),
	};
}

void virtio_irq_build_free(struct virtio_irq_call *call, struct virtio_irq_store *store,
			   u32 first, u32 count)
{
	virtio_irq_build_range(call, VIRTIO_IRQ_T_FREE, store, first, count);
	call->store = store;
}

void virtio_irq_build_commit(struct virtio_irq_call *call, struct virtio_irq_vector *vec)
{
	virtio_irq_build_range(call, VIRTIO_IRQ_T_COMMIT, vec->store, vec->index, 1);
	call->rel = vec;
}

void virtio_irq_build_release(struct virtio_irq_call *call, struct virtio_irq_vector *vec)
{
	virtio_irq_build_range(call, VIRTIO_IRQ_T_RELEASE, vec->store, vec->index, 1);
	call->rel = vec;
}

void virtio_irq_build_activate(struct virtio_irq_call *call, struct virtio_irq_vector *vec,
			       const struct virtio_irq_msg *route,
			       struct virtio_irq_rsp_activate *reply)
{
	*call = (struct virtio_irq_call) {
		.req.activate.head.type		= VIRTIO_IRQ_T_ACTIVATE,
		.req.activate.head.endpoint	= cpu_to_le32(vec->store->ep->id),
		.req.activate.store		= cpu_to_le16(vec->store->id),
		.req.activate.index		= cpu_to_le32(vec->index),
		.req.activate.address		= cpu_to_le64(route->address),
		.req.activate.data		= cpu_to_le32(route->data),
		.req_len			= sizeof(struct virtio_irq_req_activate),
		.ok_len				= sizeof(*reply),
		.reply				= reply,
		.vec				= vec,
	};
}

void virtio_irq_build_deactivate(struct virtio_irq_call *call, struct virtio_irq_vector *vec)
{
	*call = (struct virtio_irq_call) {
		.req.deactivate.head.type	= VIRTIO_IRQ_T_DEACTIVATE,
		.req.deactivate.head.endpoint	= cpu_to_le32(vec->store->ep->id),
		.req.deactivate.store		= cpu_to_le16(vec->store->id),
		.req.deactivate.index		= cpu_to_le32(vec->index),
		.req_len			= sizeof(struct virtio_irq_req_deactivate),
		.ok_len				= sizeof(struct virtio_irq_rsp_head),
		.vec				= vec,
	};
}

/*
 * Reservations
 */

static void __virtio_irq_range_add(struct virtio_irq_range *r, u32 first, u32 last)
{
	r->first = r->valid ? min(r->first, first) : first;
	r->last = r->valid ? max(r->last, last) : last;
	r->valid = true;
}

static void __virtio_irq_set_pending(struct virtio_irq_store *store, u32 first, u32 last)
{
	struct virtio_irq *vi = store->ep->vi;

	store->pending = (struct virtio_irq_range) {
		.first	= first,
		.last	= last,
		.valid	= true,
	};
	if (list_empty(&store->node))
		list_add_tail(&store->node, &vi->pending);
}

/* Give everything back that was ever granted, in one FREE */
static void __virtio_irq_retire(struct virtio_irq_store *store)
{
	if (store->granted.valid)
		__virtio_irq_set_pending(store, store->granted.first, store->granted.last);
	store->granted.valid = false;
	store->generation++;
	store->freed++;
	store->block_count = 0;
	store->block_known = false;
}

/* Collect the vectors whose FREE is to be queued, while others stay */
static void __virtio_irq_free_later(struct virtio_irq_store *store, u32 index)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_range *p = &store->pending;
	bool apart = index + 1 != p->first && index != p->last + 1;

	if (p->valid && apart)
		__virtio_irq_flush_frees(vi);
	if (!p->valid) {
		__virtio_irq_set_pending(store, index, index);
	} else if (!apart) {
		__virtio_irq_range_add(p, index, index);
	} else {
		/* Not one slot is idle: leave it to recovery */
		__virtio_irq_range_add(&store->unfreed, index, index);
		__virtio_irq_mark(vi);
	}
}

static int virtio_irq_make_records(struct virtio_irq_store *store, u32 first, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct virtio_irq_vector *vec;
		int err;

		if (xa_load(&store->vectors, first + i))
			continue;
		vec = kzalloc(sizeof(*vec), GFP_KERNEL);
		if (!vec)
			return -ENOMEM;
		vec->store = store;
		vec->index = first + i;
		err = xa_insert(&store->vectors, first + i, vec, GFP_KERNEL);
		if (err) {
			kfree(vec);
			return err;
		}
	}
	return 0;
}

/**
 * virtio_irq_granted - is a vector reserved at the host?
 * @store: the store
 * @index: slot in @store
 *
 * Context: any.
 * Return: true if virtio_irq_take() would succeed.
 */
bool virtio_irq_granted(struct virtio_irq_store *store, u32 index)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec = xa_load(&store->vectors, index);
	unsigned long flags;
	bool granted;

	raw_spin_lock_irqsave(&vi->lock, flags);
	granted = vec && vec->generation == store->generation;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return granted;
}

/**
 * virtio_irq_alloc - reserve vectors at the host
 * @store: the store
 * @first: first slot
 * @count: number of slots, at least 1
 * @alloc_flags: VIRTIO_IRQ_ALLOC_*
 * @addr_width: the store holds addresses below 1 << @addr_width
 *
 * The caller serialises the calls for one store (the core does, by the device's
 * MSI mutex).
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: the number granted, 1 .. @count (with CONTIGUOUS always @count), or an
 * errno: the host's refusal, -ERANGE if the store cannot hold any address of
 * the endpoint's window or has no such slot, -EIO, -ETIMEDOUT, -ENODEV, -ENOMEM.
 */
int virtio_irq_alloc(struct virtio_irq_store *store, u32 first, u32 count,
		     unsigned int alloc_flags, unsigned int addr_width)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_rsp_alloc reply;
	struct virtio_irq_call call;
	unsigned long flags;
	u32 granted, i;
	u16 wire = 0;
	int err;

	if (addr_width < 64 && store->ep->window_start >> addr_width)
		return -ERANGE;
	if (store->size && (first >= store->size || count > store->size - first))
		return -ERANGE;
	if (alloc_flags & VIRTIO_IRQ_ALLOC_CONTIGUOUS) {
		if (order_base_2(count) > store->multi_msi || count > vi->max_count)
			return -ERANGE;
		wire |= VIRTIO_IRQ_ALLOC_F_CONTIGUOUS;
	}
	if (alloc_flags & VIRTIO_IRQ_ALLOC_COMMIT)
		wire |= VIRTIO_IRQ_ALLOC_F_COMMIT;
	if (alloc_flags & VIRTIO_IRQ_ALLOC_DATA16)
		wire |= VIRTIO_IRQ_ALLOC_F_DATA16;
	count = min(count, vi->max_count);

	err = virtio_irq_make_records(store, first, count);
	if (err)
		return err;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* Left from an attempt with other needs, MSI-X before MSI for example */
	if (!store->in_use && store->granted.valid)
		__virtio_irq_retire(store);
	/* Recovery must not free what this is about to get */
	store->allocs++;
	store->changes++;
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	virtio_irq_build_alloc(&call, store, first, count, wire, addr_width, &reply);
	err = virtio_irq_call_sleep(vi, &call, virtio_irq_sleep_timeout_ms);
	granted = le32_to_cpu(reply.granted);
	if (!err && (granted < 1 || granted > count ||
		     ((wire & VIRTIO_IRQ_ALLOC_F_CONTIGUOUS) && granted != count)))
		err = -EIO;
	if (err) {
		raw_spin_lock_irqsave(&vi->lock, flags);
		/* A refusal changed nothing; otherwise the host may hold them */
		if (err == -ETIMEDOUT || err == -EIO)
			__virtio_irq_range_add(&store->unfreed, first, first + count - 1);
		store->allocs--;
		if (store->unfreed.valid)
			__virtio_irq_mark(vi);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		return err;
	}

	/* One by one: the lock is taken with interrupts off */
	for (i = 0; i < granted; i++) {
		struct virtio_irq_vector *vec = xa_load(&store->vectors, first + i);

		raw_spin_lock_irqsave(&vi->lock, flags);
		vec->generation = store->generation;
		vec->unreserved = false;
		vec->addr_width = addr_width;
		vec->data16 = !!(alloc_flags & VIRTIO_IRQ_ALLOC_DATA16);
		vec->commit_alloc = !!(alloc_flags & VIRTIO_IRQ_ALLOC_COMMIT);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
	}

	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_range_add(&store->granted, first, first + granted - 1);
	if (wire & VIRTIO_IRQ_ALLOC_F_CONTIGUOUS) {
		store->block_count = count;
		store->block_known = false;
	}
	store->allocs--;
	if (store->unfreed.valid)
		__virtio_irq_mark(vi);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return granted;
}

/**
 * virtio_irq_take - use a reserved vector for an interrupt
 * @store: the store
 * @index: slot in @store
 *
 * Context: any.
 * Return: the record, or NULL if the vector is not reserved.
 */
struct virtio_irq_vector *virtio_irq_take(struct virtio_irq_store *store, u32 index)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec = xa_load(&store->vectors, index);
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (vec && vec->generation == store->generation && !vec->in_use) {
		vec->in_use = true;
		store->in_use++;
	} else {
		vec = NULL;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return vec;
}

/**
 * virtio_irq_free - the interrupt is gone, give its vector back
 * @vec: the record, deactivated
 *
 * FREE is posted and collected: M.free() comes once per interrupt, but the last
 * one of a store gives back the whole range, in one request and one exit.
 *
 * Context: any, never waits.
 */
void virtio_irq_free(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	unsigned long flags;
	bool notify = false;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* The range in store->unfreed stands for the host's side from now on */
	vec->stamp = ++vi->stamp;
	vec->generation = 0;
	vec->in_use = false;
	vec->wanted = false;
	vec->armed = false;
	vec->maybe_armed = false;
	vec->dirty = false;
	vec->lossy = false;
	vec->logged = false;
	vec->commit_alloc = false;
	vec->committed = false;
	vec->release_lost = false;
	vec->unreserved = false;
	vec->uncommitted = false;
	store->freed++;
	memset(&vec->pair, 0, sizeof(vec->pair));
	memset(&vec->acked, 0, sizeof(vec->acked));

	if (!--store->in_use) {
		__virtio_irq_retire(store);
		__virtio_irq_flush_frees(vi);
		notify = __virtio_irq_notify_lazy(vi, true);
	} else {
		__virtio_irq_free_later(store, vec->index);
		notify = __virtio_irq_notify_lazy(vi, false);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}

/**
 * virtio_irq_trim - give back what was granted and is not used
 * @store: the store
 *
 * For an allocation that failed after the host's grant. The caller serialises
 * this with virtio_irq_alloc() and virtio_irq_take() for the store.
 *
 * Context: any, never waits.
 */
void virtio_irq_trim(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec;
	unsigned long flags, index;
	bool notify;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (!store->in_use) {
		__virtio_irq_retire(store);
		__virtio_irq_flush_frees(vi);
	}
	notify = __virtio_irq_notify_lazy(vi, true);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);

	/* One by one: the lock is taken with interrupts off */
	xa_for_each(&store->vectors, index, vec) {
		raw_spin_lock_irqsave(&vi->lock, flags);
		if (vec->generation == store->generation && !vec->in_use) {
			vec->generation = 0;
			vec->unreserved = false;
			store->freed++;
			__virtio_irq_free_later(store, vec->index);
		}
		notify = __virtio_irq_notify_lazy(vi, false);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		virtio_irq_notify(vi, notify);
	}
}

/**
 * virtio_irq_commit - make sure that the vector's next ACTIVATE cannot fail for
 * lack of a resource, where its store asks for that
 * @vec: the record
 *
 * Also gives a recovery that is under way the time to finish, so that
 * request_irq() does not fail for it.
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: 0 or the host's refusal as an errno, -ETIMEDOUT, -ENODEV, -EIO.
 */
int virtio_irq_commit(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_call call;
	unsigned long flags;
	int err;

	wait_event_timeout(vi->wait, virtio_irq_settled(vi),
			   msecs_to_jiffies(VIRTIO_IRQ_RECOVERY_WAIT_MS));

	/* Stable: request_mutex of the interrupt is held */
	if (!(store->flags & VIRTIO_IRQ_STORE_F_COMMIT) || vec->commit_alloc || vec->committed)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* Recovery must not release what this is about to get */
	vec->committed = true;
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	virtio_irq_build_commit(&call, vec);
	err = virtio_irq_call_sleep(vi, &call, virtio_irq_sleep_timeout_ms);

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->committed = !err;
	vec->uncommitted = false;
	/* Without a proper answer the host may hold a commitment */
	if (err == -ETIMEDOUT || err == -EIO) {
		vec->release_lost = true;
		__virtio_irq_mark(vi);
	} else {
		vec->release_lost = false;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return err;
}

/**
 * virtio_irq_release - undo virtio_irq_commit()
 * @vec: the record
 *
 * Context: any, never waits.
 */
void virtio_irq_release(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;
	unsigned long flags;
	bool notify = false;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (vec->committed) {
		vec->committed = false;
		vec->uncommitted = false;
		/* Until it is answered */
		vec->release_lost = true;
		virtio_irq_build_release(&call, vec);
		if (__virtio_irq_post(vi, &call))
			__virtio_irq_mark(vi);
		notify = __virtio_irq_notify_lazy(vi, false);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}

/*
 * Routes
 */

/**
 * virtio_irq_activate - arm a vector
 * @vec: the record
 * @route: the message that the parent domain composed
 * @keep: on failure keep the route, recovery sends it again
 *
 * Context: any, polls for at most poll_timeout_ms with interrupts off.
 * Return: 0, or the host's refusal as an errno, -EIO if the pair is not one that
 * the store may hold, -ETIMEDOUT or -ENODEV.
 */
int virtio_irq_activate(struct virtio_irq_vector *vec,
			const struct virtio_irq_msg *route, bool keep)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_rsp_activate reply;
	struct virtio_irq_call call;
	unsigned long flags;
	bool notify = false;
	int err;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->wanted = true;
	vec->route = *route;
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	virtio_irq_build_activate(&call, vec, route, &reply);
	err = virtio_irq_call_atomic(vi, &call);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (keep) {
		vec->dirty = true;
		vec->lossy = true;
		__virtio_irq_mark(vi);
	} else {
		vec->wanted = false;
		if (vec->maybe_armed) {
			virtio_irq_build_deactivate(&call, vec);
			if (__virtio_irq_post(vi, &call))
				__virtio_irq_mark(vi);
			notify = __virtio_irq_notify_lazy(vi, true);
		}
	}
	if (err != -ETIMEDOUT && err != -ENODEV && !vec->logged) {
		__virtio_irq_note(vi, VIRTIO_IRQ_T_ACTIVATE, vec->store->ep->id, vec->index, err);
		vec->logged = keep;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
	return err;
}

/**
 * virtio_irq_reroute - the parent moved an armed vector
 * @vec: the record
 * @route: the message that the parent domain composes now
 * @lossy: the old route leads nowhere, so messages are lost if this fails
 *
 * Asks nothing of the host if it knows the route already. A failure is no
 * error to the caller, who cannot undo the parent's move: the vector is dirty
 * and recovery sends the route again.
 *
 * Context: any, polls for at most poll_timeout_ms with interrupts off.
 * Return: 0, or why the route is not in effect yet.
 */
int virtio_irq_reroute(struct virtio_irq_vector *vec,
		       const struct virtio_irq_msg *route, bool lossy)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_rsp_activate reply;
	struct virtio_irq_call call;
	unsigned long flags;
	bool same;
	int err;

	raw_spin_lock_irqsave(&vi->lock, flags);
	same = !vec->wanted || (vec->armed && !vec->dirty &&
				vec->acked.address == route->address &&
				vec->acked.data == route->data);
	vec->route = *route;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	if (same)
		return 0;

	virtio_irq_build_activate(&call, vec, route, &reply);
	err = virtio_irq_call_atomic(vi, &call);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->dirty = true;
	vec->lossy |= lossy;
	__virtio_irq_mark(vi);
	if (err != -ETIMEDOUT && err != -ENODEV && !vec->logged) {
		__virtio_irq_note(vi, VIRTIO_IRQ_T_ACTIVATE, vec->store->ep->id, vec->index, err);
		vec->logged = true;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return err;
}

/**
 * virtio_irq_deactivate - disarm a vector
 * @vec: the record
 *
 * Context: any, never waits. With LAZY the host sees the request before the
 * next message, otherwise it is notified at once.
 */
void virtio_irq_deactivate(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;
	unsigned long flags;
	bool notify = false;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->wanted = false;
	vec->armed = false;
	vec->dirty = false;
	vec->lossy = false;
	vec->logged = false;
	if (vec->maybe_armed) {
		virtio_irq_build_deactivate(&call, vec);
		if (__virtio_irq_post(vi, &call))
			__virtio_irq_mark(vi);
		notify = __virtio_irq_notify_lazy(vi, false);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}

/**
 * virtio_irq_compose - what the store must hold now
 * @vec: the record
 * @pair: the pair; all zero while there is none, as msi_domain_deactivate() writes
 *
 * Context: any.
 */
void virtio_irq_compose(struct virtio_irq_vector *vec, struct virtio_irq_msg *pair)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (vec->wanted)
		*pair = vec->pair;
	else
		*pair = (struct virtio_irq_msg) { };
	vec->composed = *pair;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

/**
 * virtio_irq_needs_rewrite - has the pair changed since it was composed?
 * @vec: the record
 *
 * Context: any.
 * Return: true if the store must be written again.
 */
bool virtio_irq_needs_rewrite(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	unsigned long flags;
	bool rewrite;

	raw_spin_lock_irqsave(&vi->lock, flags);
	rewrite = vec->wanted && (vec->composed.address != vec->pair.address ||
				  vec->composed.data != vec->pair.data);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return rewrite;
}

/**
 * virtio_irq_block_idle - is a vector the last of its contiguous block?
 * @vec: the record
 *
 * Context: any.
 * Return: true if no other vector of the block is activated.
 */
bool virtio_irq_block_idle(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *other;
	unsigned long flags, index;
	bool idle = true;

	if (!store->block_count)
		return true;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* At most 32 */
	xa_for_each_range(&store->vectors, index, other, 0, store->block_count - 1)
		if (other != vec && other->wanted)
			idle = false;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return idle;
}
