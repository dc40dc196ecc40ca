// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: reservations and commitments
 *
 * Which vectors the domain wants the host to hold, on the records, and the records'
 * own lives. virtio_irq_grant.c asks the host. Giving back never waits.
 *
 * Where many records are gone through in one hold of the lock, this is done with
 * xas_for_each(): xa_for_each_range() begins anew for each.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/log2.h>
#include <linux/slab.h>

#include "virtio_irq_internal.h"

/*
 * Giving back. FREE is posted and collected: M.free() comes once per interrupt, but the
 * last one of a store gives back the whole range, in one request and one exit.
 */

static void __virtio_irq_range_add(struct virtio_irq_range *r, u32 first, u32 last)
{
	r->first = r->valid ? min(r->first, first) : first;
	r->last = r->valid ? max(r->last, last) : last;
	r->valid = true;
}

/* Nobody wants it any more. With its reservation goes what depends on that */
static void __virtio_irq_ungrant(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;

	if (!vec->res.want)
		return;
	vec->res.want = false;
	vec->refusal = 0;
	vec->com_alloc = false;
	__virtio_irq_fact_void(&vec->com);
	__virtio_irq_fact_void(&vec->arm);
	store->num_granted--;
	__virtio_irq_range_add(&store->to_free, vec->index, vec->index);
	if (list_empty(&store->node))
		list_add_tail(&store->node, &store->ep->vi->collected);
}

static int __virtio_irq_flush_store(struct virtio_irq_store *store, unsigned int *left)
{
	struct virtio_irq_range *range = &store->to_free;
	XA_STATE(xas, &store->vectors, range->first);
	struct virtio_irq_vector *vec;
	int err;

	guard(rcu)();
	xas_for_each(&xas, vec, range->last) {
		if (xas_retry(&xas, vec))
			continue;
		if (vec->res.want || vec->res.busy || !__virtio_irq_fact_may(&vec->res))
			continue;
		range->first = vec->index;
		err = *left ? __virtio_irq_post_free(vec, false) : -EAGAIN;
		if (err)
			return err;
		--*left;
	}
	return 0;
}

/**
 * __virtio_irq_flush_frees - queue the FREEs that were collected
 * @vi: the controller
 *
 * Context: any, vi->lock held. What cannot be queued is left to recovery (the
 * queue does not work) or to the flush timer (no slot is idle, or they are too many
 * for one hold of the lock).
 */
void __virtio_irq_flush_frees(struct virtio_irq *vi)
{
	unsigned int left = VIRTIO_IRQ_MAX_FREES;
	struct virtio_irq_store *store, *next;
	int err;

	lockdep_assert_held(&vi->lock);

	list_for_each_entry_safe(store, next, &vi->collected, node) {
		err = __virtio_irq_flush_store(store, &left);
		if (err == -EAGAIN)
			return;
		if (err)
			__virtio_irq_mark(vi);
		store->to_free.valid = false;
		list_del_init(&store->node);
	}
}

/* Give everything back that was granted */
static void __virtio_irq_retire(struct virtio_irq_store *store)
{
	XA_STATE(xas, &store->vectors, 0);
	struct virtio_irq_vector *vec;

	guard(rcu)();
	xas_for_each(&xas, vec, ULONG_MAX)
		if (!xas_retry(&xas, vec))
			__virtio_irq_ungrant(vec);
	store->block_count = 0;
	store->block_known = false;
}

/*
 * Blocks of stores from 1 on
 */

static u32 virtio_irq_last_of(const struct virtio_irq_block *block)
{
	return block->first + VIRTIO_IRQ_BLOCK_SIZE - 1;
}

static void __virtio_irq_use_block(struct virtio_irq_store *store,
				   struct virtio_irq_block *block)
{
	block->in_use++;
	if (store->idle_block == block)
		store->idle_block = NULL;
	list_del_init(&block->node);
}

/* Is any vector of the block granted? */
static bool __virtio_irq_block_granted(struct virtio_irq_store *store,
				       struct virtio_irq_block *block)
{
	XA_STATE(xas, &store->vectors, block->first);
	struct virtio_irq_vector *vec;

	guard(rcu)();
	xas_for_each(&xas, vec, virtio_irq_last_of(block))
		if (!xas_retry(&xas, vec) && vec->res.want)
			return true;
	return false;
}

static void __virtio_irq_give_block_up(struct virtio_irq_store *store,
				       struct virtio_irq_block *block)
{
	XA_STATE(xas, &store->vectors, block->first);
	struct virtio_irq_vector *vec;

	guard(rcu)();
	xas_for_each(&xas, vec, virtio_irq_last_of(block))
		if (!xas_retry(&xas, vec))
			__virtio_irq_ungrant(vec);
	list_move_tail(&block->node, &store->unused);
}

/* None of the block is in use: keep it for the next, and give up the one kept before */
static void __virtio_irq_keep_block(struct virtio_irq_store *store,
				    struct virtio_irq_block *block)
{
	struct virtio_irq_block *old = store->idle_block;

	store->idle_block = block;
	if (old && old != block)
		__virtio_irq_give_block_up(store, old);
}

/* Has the host none of it, and no request that names it? */
static bool __virtio_irq_is_idle(const struct virtio_irq_vector *vec)
{
	return !__virtio_irq_fact_may(&vec->res) && !vec->res.busy && !vec->com.busy &&
	       !vec->arm.busy;
}

static bool __virtio_irq_block_is_idle(struct virtio_irq_store *store,
				       struct virtio_irq_block *block)
{
	XA_STATE(xas, &store->vectors, block->first);
	struct virtio_irq_vector *vec;

	guard(rcu)();
	xas_for_each(&xas, vec, virtio_irq_last_of(block))
		if (!xas_retry(&xas, vec) && !__virtio_irq_is_idle(vec))
			return false;
	return true;
}

/* A block all whose requests are answered; out of the list */
static struct virtio_irq_block *__virtio_irq_next_unused(struct virtio_irq_store *store)
{
	struct virtio_irq_block *block;

	block = list_first_entry_or_null(&store->unused, struct virtio_irq_block, node);
	if (!block || !__virtio_irq_block_is_idle(store, block))
		return NULL;
	list_del_init(&block->node);
	return block;
}

static void virtio_irq_free_block(struct virtio_irq_store *store, struct virtio_irq_block *block)
{
	XA_STATE(xas, &store->vectors, block->first);
	struct virtio_irq_vector *vec;

	xa_erase(&store->blocks, block->first / VIRTIO_IRQ_BLOCK_SIZE);
	xas_lock(&xas);
	xas_for_each(&xas, vec, virtio_irq_last_of(block)) {
		xas_store(&xas, NULL);
		kfree(vec);
	}
	xas_unlock(&xas);
	kfree(block);
}

/* Free the records of blocks that were given back: there may be ever new ones */
static void virtio_irq_free_unused(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_block *block;

	/* Recovery goes through them; the next one does it, then */
	if (list_empty(&store->unused) || !mutex_trylock(&vi->endpoints_lock))
		return;
	for (;;) {
		raw_spin_lock_irq(&vi->lock);
		block = __virtio_irq_next_unused(store);
		raw_spin_unlock_irq(&vi->lock);
		if (!block)
			break;
		virtio_irq_free_block(store, block);
	}
	mutex_unlock(&vi->endpoints_lock);
}

static struct virtio_irq_block *virtio_irq_get_block(struct virtio_irq_store *store, u32 index)
{
	unsigned long key = index / VIRTIO_IRQ_BLOCK_SIZE;
	struct virtio_irq_block *block = xa_load(&store->blocks, key);

	if (block)
		return block;
	block = kzalloc(sizeof(*block), GFP_KERNEL);
	if (!block)
		return NULL;
	block->first = rounddown(index, VIRTIO_IRQ_BLOCK_SIZE);
	INIT_LIST_HEAD(&block->node);
	if (xa_insert(&store->blocks, key, block, GFP_KERNEL)) {
		kfree(block);
		return NULL;
	}
	return block;
}

/*
 * What the domain calls
 */

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
		vec->pasid = VIRTIO_IRQ_NO_PASID;
		if (store->id) {
			vec->block = virtio_irq_get_block(store, first + i);
			if (!vec->block) {
				kfree(vec);
				return -ENOMEM;
			}
		}
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
	granted = vec && vec->res.want;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return granted;
}

/* What the store is like stands in each record, for recovery */
static void __virtio_irq_set_needs(struct virtio_irq_store *store, u32 first, u32 count,
				   unsigned int alloc_flags, unsigned int addr_width)
{
	XA_STATE(xas, &store->vectors, first);
	struct virtio_irq_vector *vec;

	/* Left from an attempt with other needs, MSI-X before MSI for example */
	if (!store->id && !store->in_use)
		__virtio_irq_retire(store);
	if (alloc_flags & VIRTIO_IRQ_ALLOC_CONTIGUOUS) {
		store->block_count = count;
		store->block_known = false;
	}
	guard(rcu)();
	xas_for_each(&xas, vec, first + count - 1) {
		if (xas_retry(&xas, vec) || vec->res.want)
			continue;
		vec->addr_width = addr_width;
		vec->data16 = !!(alloc_flags & VIRTIO_IRQ_ALLOC_DATA16);
		vec->com_alloc = !!(alloc_flags & VIRTIO_IRQ_ALLOC_COMMIT);
	}
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
 * Return: the number granted, 1 .. @count (with CONTIGUOUS always @count). If it is
 * less than @count, virtio_irq_store::refusal says why, or is 0 if the host was
 * asked for no more, as it takes no larger requests. Otherwise an errno: the host's
 * refusal, -ERANGE if the store cannot hold any address of the endpoint's window or
 * has no such slot, -EIO, -ETIMEDOUT, -ENODEV, -ENOMEM.
 */
int virtio_irq_alloc(struct virtio_irq_store *store, u32 first, u32 count,
		     unsigned int alloc_flags, unsigned int addr_width)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_rsp_alloc reply;
	struct virtio_irq_call call;
	u16 wire = 0;
	u32 granted;
	int err;

	store->refusal = 0;
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
	raw_spin_lock_irq(&vi->lock);
	__virtio_irq_set_needs(store, first, count, alloc_flags, addr_width);
	raw_spin_unlock_irq(&vi->lock);

	virtio_irq_prepare_alloc(&call, store, first, count, wire, addr_width);
	call.reply = &reply;
	err = virtio_irq_call_sleep(vi, &call, virtio_irq_sleep_timeout_ms);
	if (err)
		return err;
	granted = le32_to_cpu(reply.granted);
	if (granted < count)
		store->refusal = virtio_irq_status_errno(reply.reason) ?: -EIO;
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
	if (vec && vec->res.want && !vec->in_use) {
		vec->in_use = true;
		store->in_use++;
		if (vec->block)
			__virtio_irq_use_block(store, vec->block);
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
 * Context: any, never waits.
 */
void virtio_irq_free(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	unsigned long flags;
	bool last, notify;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->in_use = false;
	vec->arm.want = false;
	vec->com.want = false;
	vec->dirty = false;
	vec->lossy = false;
	vec->logged = false;
	vec->stale = false;
	vec->revoked = 0;
	vec->pasid = VIRTIO_IRQ_NO_PASID;
	memset(&vec->pair, 0, sizeof(vec->pair));
	last = !--store->in_use && !store->id;

	if (vec->block) {
		/* Still reserved. The host may not have seen its DEACTIVATE yet */
		if (!--vec->block->in_use)
			__virtio_irq_keep_block(store, vec->block);
	} else if (last) {
		__virtio_irq_retire(store);
		__virtio_irq_flush_frees(vi);
	} else {
		__virtio_irq_ungrant(vec);
	}
	notify = __virtio_irq_notify_lazy(vi, last);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}

/**
 * virtio_irq_reserve - make sure that a vector of a store is reserved
 * @store: a store from 1 on
 * @index: slot in @store
 * @alloc_flags: VIRTIO_IRQ_ALLOC_*, but CONTIGUOUS
 * @addr_width: the store holds addresses below 1 << @addr_width
 *
 * Asks for the rest of the vector's block as well, so that the next ones cost
 * nothing; what the host grants begins with the vector. Frees the records of blocks
 * that were given back. The caller serialises the calls for one store, and whoever
 * looks for records of vectors that are not its own.
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: 0, or an errno as virtio_irq_alloc().
 */
int virtio_irq_reserve(struct virtio_irq_store *store, u32 index, unsigned int alloc_flags,
		       unsigned int addr_width)
{
	u32 count = VIRTIO_IRQ_BLOCK_SIZE - index % VIRTIO_IRQ_BLOCK_SIZE;
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_block *block;
	unsigned long flags;
	bool notify;
	int ret;

	if (virtio_irq_granted(store, index))
		return 0;
	if (store->size && index < store->size)
		count = min(count, store->size - index);
	block = virtio_irq_get_block(store, index);
	if (!block)
		return -ENOMEM;

	/* Nobody must give it back while the host is asked for more of it */
	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_use_block(store, block);
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	ret = virtio_irq_alloc(store, index, count, alloc_flags, addr_width);

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* On success the caller is about to use it */
	if (!--block->in_use && ret < 0) {
		if (__virtio_irq_block_granted(store, block))
			__virtio_irq_keep_block(store, block);
		else
			list_add_tail(&block->node, &store->unused);
	}
	notify = __virtio_irq_notify_lazy(vi, false);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
	virtio_irq_free_unused(store);
	return min(ret, 0);
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

	/* The rule, and this comes with each vector that is freed alone */
	if (READ_ONCE(store->num_granted) == READ_ONCE(store->in_use))
		return;

	/* One by one: the lock is taken with interrupts off */
	xa_for_each(&store->vectors, index, vec) {
		raw_spin_lock_irqsave(&vi->lock, flags);
		if (!vec->in_use)
			__virtio_irq_ungrant(vec);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
	}
	raw_spin_lock_irqsave(&vi->lock, flags);
	notify = __virtio_irq_notify_lazy(vi, false);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}

/**
 * virtio_irq_store_release - give back everything of a store
 * @store: a store from 1 on, none of its vectors belongs to an interrupt
 *
 * Context: any, never waits.
 */
void virtio_irq_store_release(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_block *block;
	unsigned long flags, key;
	bool notify;

	/* One by one: the lock is taken with interrupts off */
	xa_for_each(&store->blocks, key, block) {
		raw_spin_lock_irqsave(&vi->lock, flags);
		__virtio_irq_give_block_up(store, block);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
	}

	raw_spin_lock_irqsave(&vi->lock, flags);
	store->idle_block = NULL;
	__virtio_irq_flush_frees(vi);
	notify = __virtio_irq_notify_lazy(vi, true);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}

/* Not inlined: most stores do not ask for it */
static noinline int virtio_irq_send_commit(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;
	struct virtio_irq_note note;
	unsigned long flags;
	int err;

	virtio_irq_prepare_commit(&call, vec);
	err = virtio_irq_call_sleep(vi, &call, virtio_irq_sleep_timeout_ms);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	err = __virtio_irq_cause(vec, err);
	note = virtio_irq_note_of(vec, VIRTIO_IRQ_T_COMMIT, err);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	/* An unanswered one has broken the queue, which is logged */
	if (err != -ETIMEDOUT && err != -ENODEV)
		virtio_irq_print_failure(vi, &note);
	return err;
}

/**
 * virtio_irq_commit - make sure that the vector's next ACTIVATE cannot fail for
 * lack of a resource, where its store asks for that
 * @vec: the record
 *
 * Also gives a recovery that is under way the time to finish, or to learn where pairs
 * lie now, so that request_irq() does not fail for it.
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: 0 or the host's refusal as an errno, -ETIMEDOUT, -ENODEV, -EIO.
 */
int virtio_irq_commit(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;

	if (!virtio_irq_settled(vi) || READ_ONCE(store->ep->reread))
		wait_event_timeout(vi->wait,
				   virtio_irq_settled(vi) && !READ_ONCE(store->ep->reread),
				   msecs_to_jiffies(virtio_irq_recovery_wait(vi)));

	/* Stable: request_mutex of the interrupt is held */
	if (!(store->flags & VIRTIO_IRQ_STORE_F_COMMIT) || vec->com_alloc || vec->com.want)
		return 0;
	return virtio_irq_send_commit(vec);
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
	unsigned long flags;
	bool notify = false;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (vec->com.want) {
		vec->com.want = false;
		if ((__virtio_irq_fact_may(&vec->com) || vec->com.busy) &&
		    __virtio_irq_post_release(vec, false))
			__virtio_irq_mark(vi);
		notify = __virtio_irq_notify_lazy(vi, false);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
}
