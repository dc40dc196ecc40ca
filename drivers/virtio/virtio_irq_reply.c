// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: answers
 *
 * What a host may answer, and what an answer does to a vector's record. The
 * host is not trusted here.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/log2.h>
#include <linux/timekeeping.h>
#include <trace/events/virtio_irq.h>

#include "virtio_irq_internal.h"

/**
 * virtio_irq_status_errno - a status as the driver's callers get it
 * @status: VIRTIO_IRQ_S_*
 *
 * Context: any.
 * Return: 0 or an errno; an unknown status is the device's error, as DEVERR is.
 */
int virtio_irq_status_errno(u8 status)
{
	switch (status) {
	case VIRTIO_IRQ_S_OK:
		return 0;
	case VIRTIO_IRQ_S_UNSUPP:
		return -EOPNOTSUPP;
	case VIRTIO_IRQ_S_INVAL:
		return -EINVAL;
	case VIRTIO_IRQ_S_RANGE:
		return -ERANGE;
	case VIRTIO_IRQ_S_NOENT:
		return -ENOENT;
	case VIRTIO_IRQ_S_PERM:
		return -EPERM;
	case VIRTIO_IRQ_S_BUSY:
		/* Never -EBUSY: request_irq() and irq_set_affinity() read that otherwise */
		return -EAGAIN;
	case VIRTIO_IRQ_S_NOMEM:
		return -ENOMEM;
	case VIRTIO_IRQ_S_NOSPC:
		return -ENOSPC;
	case VIRTIO_IRQ_S_QUOTA:
		return -EDQUOT;
	default:
		return -EIO;
	}
}

/**
 * virtio_irq_reason - why the host refused, for people
 * @err: what virtio_irq_status_errno() made of it, or another error of a request
 *
 * Context: any.
 * Return: words that follow "the host refused ...: ".
 */
const char *virtio_irq_reason(int err)
{
	switch (err) {
	case -EOPNOTSUPP:
		return "it does not support that";
	case -EINVAL:
		return "it takes the request for malformed";
	case -ERANGE:
		return "out of its bounds";
	case -ENOENT:
		return "it knows no such thing";
	case -EPERM:
		return "its policy does not allow that";
	case -EAGAIN:
		return "it is busy";
	case -ENOMEM:
		return "it has no memory";
	case -ENOSPC:
		return "its pool is empty";
	case -EDQUOT:
		return "quota of this guest or device";
	case -ETIMEDOUT:
		return "no answer";
	default:
		return "it failed, or its answer was malformed";
	}
}

static void __virtio_irq_vector_not_posted(struct virtio_irq *vi, struct virtio_irq_vector *vec)
{
	if (!vec || --vec->posted)
		return;
	/* Recovery has left it alone until now */
	if ((vec->maybe_armed && !vec->wanted) || (vec->release_lost && !vec->committed))
		__virtio_irq_mark(vi);
}

static void __virtio_irq_not_posted(struct virtio_irq *vi, struct virtio_irq_slot *slot)
{
	vi->posted--;
	__virtio_irq_vector_not_posted(vi, slot->vec);
	__virtio_irq_vector_not_posted(vi, slot->rel);
}

/*
 * A route that nobody waits for is not in effect: recovery sends it again. The parent
 * may have given up what the old one leads to, so what the device sent meanwhile may
 * be lost, even if a later route is in effect by now.
 */
static void __virtio_irq_route_failed(struct virtio_irq *vi, struct virtio_irq_vector *vec, int err)
{
	if (!vec || !vec->wanted)
		return;
	vec->dirty = true;
	vec->lossy = true;
	__virtio_irq_note_route(vec, __virtio_irq_cause(vec, err), true);
	__virtio_irq_mark(vi);
}

/**
 * __virtio_irq_abandon - give up what nobody waits for
 * @vi: the controller
 *
 * An answer is missing, so these may never be answered, either. Recovery repeats
 * them, by the records; the slots stay with the device until it answers.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_abandon(struct virtio_irq *vi)
{
	unsigned int i;

	lockdep_assert_held(&vi->lock);

	for (i = 0; i < vi->num_slots; i++) {
		struct virtio_irq_slot *slot = &vi->slots[i];

		if (slot->state != VIRTIO_IRQ_SLOT_POSTED)
			continue;
		__virtio_irq_not_posted(vi, slot);
		if (slot->type == VIRTIO_IRQ_T_ACTIVATE)
			__virtio_irq_route_failed(vi, slot->vec, -ETIMEDOUT);
		if (slot->store) {
			slot->store->frees--;
			slot->store->owed = true;
		}
		slot->vec = NULL;
		slot->rel = NULL;
		slot->store = NULL;
		vi->abandoned++;
		WRITE_ONCE(slot->state, VIRTIO_IRQ_SLOT_ABANDONED);
	}
}

void __virtio_irq_put_slot(struct virtio_irq *vi, struct virtio_irq_slot *slot)
{
	lockdep_assert_held(&vi->lock);

	if (slot->state == VIRTIO_IRQ_SLOT_POSTED)
		__virtio_irq_not_posted(vi, slot);
	else if (slot->state == VIRTIO_IRQ_SLOT_ABANDONED)
		vi->abandoned--;
	slot->vec = NULL;
	slot->store = NULL;
	slot->rel = NULL;
	slot->reply = NULL;
	WRITE_ONCE(slot->state, VIRTIO_IRQ_SLOT_IDLE);
	hlist_add_head(&slot->node, &vi->idle);
}

/*
 * What the driver demands of a pair. The host is not trusted: the pair is where
 * a device will write.
 */
static int __virtio_irq_check_pair(struct virtio_irq_vector *vec,
				   const struct virtio_irq_msg *pair)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq_endpoint *ep = store->ep;

	if (pair->address < ep->window_start || pair->address > ep->window_end)
		return -EIO;
	if (!IS_ALIGNED(pair->address, 4))
		return -EIO;
	if (vec->addr_width < 64 && pair->address >> vec->addr_width)
		return -EIO;
	if (vec->data16 && pair->data > U16_MAX)
		return -EIO;
	/* The store may send it while no host looks: in a reset of the device, or after */
	if (ep->is_inert && !ep->is_inert(pair))
		return -EIO;

	/* The store cannot be rewritten atomically, see the specification */
	if (vec->armed && (pair->address != vec->pair.address ||
			   pair->data != vec->pair.data))
		return -EIO;

	if (store->block_count) {
		u32 base = pair->data - vec->index;

		/* The function replaces the low bits by the vector's number */
		if (base & (roundup_pow_of_two(store->block_count) - 1))
			return -EIO;
		if (store->block_known && (pair->address != store->block.address ||
					   base != store->block.data))
			return -EIO;
		store->block.address = pair->address;
		store->block.data = base;
		store->block_known = true;
	}
	return 0;
}

static int __virtio_irq_activated(struct virtio_irq_slot *slot, int err,
				  const struct virtio_irq_rsp_activate *rsp)
{
	struct virtio_irq_vector *vec = slot->vec;
	struct virtio_irq_msg pair;

	/* Gone, or a later request names it: that one's answer counts */
	if (!vec || vec->stamp != slot->stamp)
		return err;

	if (err) {
		/* A refusal changes nothing, anything else may have armed it */
		if (err != -EIO)
			vec->maybe_armed = vec->armed;
		return err;
	}

	pair.address = le64_to_cpu(rsp->address);
	pair.data = le32_to_cpu(rsp->data);
	err = __virtio_irq_check_pair(vec, &pair);
	if (err)
		return err;

	vec->pair = pair;
	vec->maybe_armed = true;
	/* Pairs with the acquire in virtio_irq_is_routed() */
	smp_store_release(&vec->armed, true);
	vec->logged = false;
	return 0;
}

/* Nobody waits for a posted request: recovery repeats it, with its back-off */
static void __virtio_irq_refused(struct virtio_irq *vi, struct virtio_irq_slot *slot,
				 struct virtio_irq_vector *vec, int err)
{
	struct virtio_irq_note note = virtio_irq_note_of(vec, slot->type, err);

	if (slot->state == VIRTIO_IRQ_SLOT_POSTED)
		__virtio_irq_note(vi, &note);
}

static void __virtio_irq_deactivated(struct virtio_irq *vi, struct virtio_irq_slot *slot, int err)
{
	struct virtio_irq_vector *vec = slot->vec;

	if (!vec || vec->stamp != slot->stamp)
		return;
	/* NOENT: the host does not know it, so it delivers nothing either */
	if (!err || err == -ENOENT)
		vec->maybe_armed = false;
	else
		__virtio_irq_refused(vi, slot, vec, err);
}

static void __virtio_irq_released(struct virtio_irq *vi, struct virtio_irq_slot *slot, int err)
{
	struct virtio_irq_vector *vec = slot->rel;

	/* A later COMMIT may have committed it again */
	if (!vec || vec->rel_stamp != slot->stamp)
		return;
	if (!err || err == -ENOENT)
		vec->release_lost = false;
	else
		__virtio_irq_refused(vi, slot, vec, err);
}

static void __virtio_irq_freed(struct virtio_irq *vi, struct virtio_irq_slot *slot, int err)
{
	struct virtio_irq_store *store = slot->store;
	struct virtio_irq_note note = { .type = VIRTIO_IRQ_T_FREE, .err = err };

	if (!store)
		return;
	store->frees--;
	if (err) {
		store->owed = true;
		note.endpoint = store->ep->id;
		note.store = store->id;
		__virtio_irq_note(vi, &note);
	}
	if (store->frees)
		return;
	/* Recovery has left it alone until now */
	if (store->owed)
		__virtio_irq_mark(vi);
	else
		store->unfreed.valid = false;
}

static void __virtio_irq_account(struct virtio_irq *vi, struct virtio_irq_slot *slot,
				 unsigned int len, int err)
{
	u64 ns = ktime_get_mono_fast_ns() - slot->start;
	unsigned int bucket = fls64(div_u64(ns, NSEC_PER_USEC));

	slot->took = ns;
	bucket = min(bucket, VIRTIO_IRQ_NUM_BUCKETS - 1U);
	vi->stats.latency[slot->type][bucket]++;
	vi->stats.worst[slot->type] = max(vi->stats.worst[slot->type], ns);
	trace_virtio_irq_reply(slot - vi->slots, slot->type, len, err, ns);
}

/**
 * __virtio_irq_complete - take one answer
 * @vi: the controller
 * @slot: the request
 * @len: used length as the device says
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_complete(struct virtio_irq *vi, struct virtio_irq_slot *slot,
			   unsigned int len)
{
	union {
		struct virtio_irq_rsp_head	head;
		struct virtio_irq_rsp_activate	activate;
	} copy = { };
	void *reply = slot->reply ?: &copy;
	struct virtio_irq_rsp_head *head = reply;
	int err;

	if (slot->state == VIRTIO_IRQ_SLOT_ABANDONED) {
		/* Too late: recovery asks again or undoes it, by the record */
		vi->stats.late++;
		__virtio_irq_put_slot(vi, slot);
		return;
	}

	/*
	 * One copy, then only the copy is looked at: a hostile host may change
	 * the answer at any time. Without a reply ok_len is at most sizeof(copy).
	 */
	memcpy(reply, slot->rsp, min_t(unsigned int, len, slot->ok_len));

	if (len == slot->ok_len && head->status == VIRTIO_IRQ_S_OK) {
		err = 0;
	} else if (len == sizeof(*head) && head->status != VIRTIO_IRQ_S_OK) {
		err = virtio_irq_status_errno(head->status);
	} else {
		vi->stats.malformed++;
		err = -EIO;
	}
	if (len >= sizeof(*head) && head->status < VIRTIO_IRQ_NUM_STATUSES)
		vi->stats.statuses[head->status]++;

	switch (slot->type) {
	case VIRTIO_IRQ_T_ACTIVATE:
		err = __virtio_irq_activated(slot, err, reply);
		if (err && slot->state == VIRTIO_IRQ_SLOT_POSTED)
			__virtio_irq_route_failed(vi, slot->vec, err);
		break;
	case VIRTIO_IRQ_T_DEACTIVATE:
		__virtio_irq_deactivated(vi, slot, err);
		break;
	case VIRTIO_IRQ_T_RELEASE:
		__virtio_irq_released(vi, slot, err);
		break;
	case VIRTIO_IRQ_T_FREE:
		__virtio_irq_freed(vi, slot, err);
		break;
	}
	__virtio_irq_account(vi, slot, len, err);

	if (slot->state == VIRTIO_IRQ_SLOT_WAITED) {
		slot->err = err;
		slot->epoch = vi->epoch;
		/* Pairs with the acquire in virtio_irq_poll_once() */
		smp_store_release(&slot->state, VIRTIO_IRQ_SLOT_DONE);
		return;
	}
	__virtio_irq_put_slot(vi, slot);
}
