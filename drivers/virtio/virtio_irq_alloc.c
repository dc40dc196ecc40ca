// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: reservations
 *
 * Which vectors the host holds for us: ALLOC, COMMIT, RELEASE, FREE. Giving
 * back never waits.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/log2.h>
#include <linux/slab.h>

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

void __virtio_irq_range_add(struct virtio_irq_range *r, u32 first, u32 last)
{
	r->first = r->valid ? min(r->first, first) : first;
	r->last = r->valid ? max(r->last, last) : last;
	r->valid = true;
}

/* The host may hold these, and no FREE is under way: leave them to recovery */
static void __virtio_irq_owe(struct virtio_irq_store *store, u32 first, u32 last)
{
	__virtio_irq_range_add(&store->unfreed, first, last);
	store->owed = true;
	__virtio_irq_mark(store->ep->vi);
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

static void __virtio_irq_ungrant(struct virtio_irq_vector *vec)
{
	if (!__virtio_irq_is_granted(vec))
		return;
	vec->generation = 0;
	vec->store->num_granted--;
}

/* Give everything back that was ever granted, in one FREE */
static void __virtio_irq_retire(struct virtio_irq_store *store)
{
	if (store->granted.valid)
		__virtio_irq_set_pending(store, store->granted.first, store->granted.last);
	store->granted.valid = false;
	store->generation++;
	store->num_granted = 0;
	store->freed++;
	store->block_count = 0;
	store->block_known = false;
}

/* Collect the vectors whose FREE is to be queued, while others stay */
static void __virtio_irq_free_later(struct virtio_irq_store *store, u32 first, u32 last)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_range *p = &store->pending;
	/* Of 32 bits: the last one does not border on the first */
	bool apart = last + 1ULL != p->first && first != p->last + 1ULL;

	store->freed++;
	if (p->valid && apart)
		__virtio_irq_flush_frees(vi);
	if (!p->valid) {
		__virtio_irq_set_pending(store, first, last);
	} else if (!apart) {
		__virtio_irq_range_add(p, first, last);
	} else {
		/* Not one slot is idle */
		__virtio_irq_owe(store, first, last);
	}
}

static void __virtio_irq_use_block(struct virtio_irq_store *store,
				   struct virtio_irq_block *block)
{
	block->in_use++;
	if (store->idle_block == block)
		store->idle_block = NULL;
	list_del_init(&block->node);
}

/* Is or was any vector of the block granted in that generation of the store? */
static bool __virtio_irq_block_granted(struct virtio_irq_store *store,
				       struct virtio_irq_block *block, u32 generation)
{
	u32 last = block->first + VIRTIO_IRQ_BLOCK_SIZE - 1;
	struct virtio_irq_vector *vec;
	unsigned long index;

	xa_for_each_range(&store->vectors, index, vec, block->first, last)
		if (vec->generation == generation)
			return true;
	return false;
}

/* None of the block is in use: keep it for the next, and give up the one kept before */
static void __virtio_irq_keep_block(struct virtio_irq_store *store,
				    struct virtio_irq_block *block)
{
	struct virtio_irq_block *old = store->idle_block;
	struct virtio_irq_vector *vec;
	unsigned long index;
	u32 last;

	store->idle_block = block;
	if (!old || old == block)
		return;
	last = old->first + VIRTIO_IRQ_BLOCK_SIZE - 1;
	xa_for_each_range(&store->vectors, index, vec, old->first, last)
		__virtio_irq_ungrant(vec);
	__virtio_irq_free_later(store, old->first, last);
	list_add_tail(&old->node, &store->unused);
}

/* A block all whose requests are answered; out of the list */
static struct virtio_irq_block *__virtio_irq_next_unused(struct virtio_irq_store *store)
{
	struct virtio_irq_block *block;
	struct virtio_irq_vector *vec;
	unsigned long index;
	u32 last;

	/* Recovery frees by the records */
	if (store->pending.valid || store->unfreed.valid)
		return NULL;
	block = list_first_entry_or_null(&store->unused, struct virtio_irq_block, node);
	if (!block)
		return NULL;
	last = block->first + VIRTIO_IRQ_BLOCK_SIZE - 1;
	xa_for_each_range(&store->vectors, index, vec, block->first, last)
		if (vec->posted)
			return NULL;
	list_del_init(&block->node);
	return block;
}

/* Free the records of blocks that were given back: there may be ever new ones */
static void virtio_irq_free_unused(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_block *block;
	struct virtio_irq_vector *vec;
	unsigned long index;

	/* Recovery goes through them; the next one does it, then */
	if (list_empty(&store->unused) || !mutex_trylock(&vi->endpoints_lock))
		return;
	for (;;) {
		raw_spin_lock_irq(&vi->lock);
		block = __virtio_irq_next_unused(store);
		raw_spin_unlock_irq(&vi->lock);
		if (!block)
			break;
		xa_erase(&store->blocks, block->first / VIRTIO_IRQ_BLOCK_SIZE);
		xa_for_each_range(&store->vectors, index, vec, block->first,
				  block->first + VIRTIO_IRQ_BLOCK_SIZE - 1) {
			xa_erase(&store->vectors, index);
			kfree(vec);
		}
		kfree(block);
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
	granted = vec && __virtio_irq_is_granted(vec);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return granted;
}

/* The records say what became of an ALLOC: recovery may free again */
static void __virtio_irq_recorded(struct virtio_irq *vi, struct virtio_irq_call *call)
{
	struct virtio_irq_store *store = call->granting;

	if (call->counted)
		store->allocs--;
	if (store->unfreed.valid)
		__virtio_irq_mark(vi);
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
	unsigned long flags;
	u32 granted, i;
	u16 wire = 0;
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

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* Left from an attempt with other needs, MSI-X before MSI for example */
	if (!store->id && !store->in_use && store->granted.valid)
		__virtio_irq_retire(store);
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	virtio_irq_build_alloc(&call, store, first, count, wire, addr_width, &reply);
	/* Recovery must not free what this is about to get */
	call.granting = store;
	err = virtio_irq_call_sleep(vi, &call, virtio_irq_sleep_timeout_ms);
	virtio_irq_test_hook(vi, &call);
	granted = le32_to_cpu(reply.granted);
	if (!err && (granted < 1 || granted > count ||
		     ((wire & VIRTIO_IRQ_ALLOC_F_CONTIGUOUS) && granted != count)))
		err = -EIO;
	if (err) {
		raw_spin_lock_irqsave(&vi->lock, flags);
		/* A refusal changed nothing; otherwise the host may hold them */
		if (err == -ETIMEDOUT || err == -EIO)
			__virtio_irq_owe(store, first, first + count - 1);
		__virtio_irq_recorded(vi, &call);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		return err;
	}

	/* A host that grants less and says nothing is wrong */
	if (granted < count)
		store->refusal = virtio_irq_status_errno(reply.reason) ?: -EIO;
	raw_spin_lock_irq(&vi->lock);
	for (i = 0; i < granted; i++) {
		struct virtio_irq_vector *vec = xa_load(&store->vectors, first + i);

		if (!__virtio_irq_is_granted(vec))
			store->num_granted++;
		vec->generation = store->generation;
		/* A reset of the device since the answer took it again */
		vec->unreserved = call.epoch != vi->epoch;
		vec->refusal = 0;
		vec->addr_width = addr_width;
		vec->data16 = !!(alloc_flags & VIRTIO_IRQ_ALLOC_DATA16);
		vec->commit_alloc = !!(alloc_flags & VIRTIO_IRQ_ALLOC_COMMIT);
		/*
		 * Of a block, which is small, recovery must see all or nothing: it
		 * is reserved in one request
		 */
		if (!(wire & VIRTIO_IRQ_ALLOC_F_CONTIGUOUS))
			__virtio_irq_relax(vi);
	}
	__virtio_irq_range_add(&store->granted, first, first + granted - 1);
	if (wire & VIRTIO_IRQ_ALLOC_F_CONTIGUOUS) {
		store->block_count = count;
		store->block_known = false;
	}
	if (call.epoch != vi->epoch) {
		store->lost = true;
		__virtio_irq_mark(vi);
	}
	__virtio_irq_recorded(vi, &call);
	raw_spin_unlock_irq(&vi->lock);
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
	if (vec && __virtio_irq_is_granted(vec) && !vec->in_use) {
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
	vec->in_use = false;
	vec->wanted = false;
	vec->armed = false;
	vec->dirty = false;
	vec->lossy = false;
	vec->logged = false;
	vec->committed = false;
	vec->uncommitted = false;
	vec->pasid = VIRTIO_IRQ_NO_PASID;
	memset(&vec->pair, 0, sizeof(vec->pair));
	store->in_use--;

	if (vec->block) {
		/* Still reserved. The host may not have seen its DEACTIVATE yet */
		if (!--vec->block->in_use)
			__virtio_irq_keep_block(store, vec->block);
	} else {
		/* The range in store->unfreed stands for the host's side from now on */
		vec->stamp = ++vi->stamp;
		__virtio_irq_ungrant(vec);
		vec->maybe_armed = false;
		vec->commit_alloc = false;
		vec->release_lost = false;
		vec->unreserved = false;
		if (store->in_use) {
			__virtio_irq_free_later(store, vec->index, vec->index);
		} else {
			__virtio_irq_retire(store);
			__virtio_irq_flush_frees(vi);
			notify = __virtio_irq_notify_lazy(vi, true);
		}
	}
	if (!notify)
		notify = __virtio_irq_notify_lazy(vi, false);
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
		if (__virtio_irq_block_granted(store, block, store->generation))
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
		if (__virtio_irq_is_granted(vec) && !vec->in_use) {
			__virtio_irq_ungrant(vec);
			__virtio_irq_free_later(store, vec->index, vec->index);
		}
		notify = __virtio_irq_notify_lazy(vi, false);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		virtio_irq_notify(vi, notify);
	}
}

/**
 * virtio_irq_store_release - give back everything of a store
 * @store: a store from 1 on, none of its vectors belongs to an interrupt
 *
 * By blocks that are reserved: its indices may be far apart, and a request names
 * no more than max_count of them.
 *
 * Context: any, never waits.
 */
void virtio_irq_store_release(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_block *block;
	unsigned long flags, key;
	u32 generation;
	bool notify;

	raw_spin_lock_irqsave(&vi->lock, flags);
	generation = store->generation++;
	store->num_granted = 0;
	store->granted.valid = false;
	store->idle_block = NULL;
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	/* One by one: the lock is taken with interrupts off */
	xa_for_each(&store->blocks, key, block) {
		raw_spin_lock_irqsave(&vi->lock, flags);
		if (__virtio_irq_block_granted(store, block, generation))
			__virtio_irq_free_later(store, block->first,
						block->first + VIRTIO_IRQ_BLOCK_SIZE - 1);
		list_move_tail(&block->node, &store->unused);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
	}

	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_flush_frees(vi);
	notify = __virtio_irq_notify_lazy(vi, true);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
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
	struct virtio_irq_note note;
	unsigned long flags;
	int err;

	if (!virtio_irq_settled(vi))
		wait_event_timeout(vi->wait, virtio_irq_settled(vi),
				   msecs_to_jiffies(virtio_irq_recovery_wait(vi)));

	/* Stable: request_mutex of the interrupt is held */
	if (!(store->flags & VIRTIO_IRQ_STORE_F_COMMIT) || vec->commit_alloc || vec->committed)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* Recovery must not release what this is about to get */
	vec->committed = true;
	vec->committing = true;
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	virtio_irq_build_commit(&call, vec);
	err = virtio_irq_call_sleep(vi, &call, virtio_irq_sleep_timeout_ms);
	virtio_irq_test_hook(vi, &call);

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->committed = !err;
	vec->committing = false;
	/* A reset of the device since the answer took it again */
	vec->uncommitted = !err && call.epoch != vi->epoch;
	if (vec->uncommitted)
		__virtio_irq_mark(vi);
	/* Without a proper answer the host may hold a commitment; a refusal changes nothing */
	if (!err)
		vec->release_lost = false;
	else if (err == -ETIMEDOUT || err == -EIO)
		vec->release_lost = true;
	if (vec->release_lost)
		__virtio_irq_mark(vi);
	err = __virtio_irq_cause(vec, err);
	note = virtio_irq_note_of(vec, VIRTIO_IRQ_T_COMMIT, err);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	/* An unanswered one has broken the queue, which is logged */
	if (err && err != -ETIMEDOUT && err != -ENODEV)
		virtio_irq_print_failure(vi, &note);
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
