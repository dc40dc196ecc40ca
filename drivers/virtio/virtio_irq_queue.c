// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the request queue
 *
 * Slots, submission, answers. virtio_irq_wait.c has the ways of waiting for one.
 *
 * What a request is about is not known here. Whoever makes one says what is to be
 * called when it takes its place in the queue, and when its end is known.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/timekeeping.h>
#include <linux/virtio_ring.h>

#include "virtio_irq_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/virtio_irq.h>

/* Interrupts are off for so long: half of what the hard lockup detector bears */
static int virtio_irq_set_poll_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, 5000);
}

static const struct kernel_param_ops virtio_irq_poll_timeout_ops = {
	.set	= virtio_irq_set_poll_timeout,
	.get	= param_get_uint,
};

unsigned int virtio_irq_poll_timeout_ms = 1000;
module_param_cb(poll_timeout_ms, &virtio_irq_poll_timeout_ops, &virtio_irq_poll_timeout_ms, 0644);
__MODULE_PARM_TYPE(poll_timeout_ms, "uint");
MODULE_PARM_DESC(poll_timeout_ms,
		 "Bound of a wait with interrupts off, in ms: 1 to 5000, default 1000");

/* Tasks do not sleep for longer than the hung task detector bears */
static int virtio_irq_set_sleep_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, 100000);
}

static const struct kernel_param_ops virtio_irq_sleep_timeout_ops = {
	.set	= virtio_irq_set_sleep_timeout,
	.get	= param_get_uint,
};

unsigned int virtio_irq_sleep_timeout_ms = 30000;
module_param_cb(sleep_timeout_ms, &virtio_irq_sleep_timeout_ops, &virtio_irq_sleep_timeout_ms,
		0644);
__MODULE_PARM_TYPE(sleep_timeout_ms, "uint");
MODULE_PARM_DESC(sleep_timeout_ms,
		 "Bound of a wait that sleeps, in ms: 1 to 100000, default 30000");

static void __virtio_irq_put_slot(struct virtio_irq *vi, struct virtio_irq_slot *slot)
{
	lockdep_assert_held(&vi->lock);

	slot->owner = NULL;
	WRITE_ONCE(slot->state, VIRTIO_IRQ_SLOT_IDLE);
	slot->next = vi->idle;
	vi->idle = slot;
}

/* The end of a request is known; returns what a waiter is told */
static int __virtio_irq_finish(struct virtio_irq *vi, struct virtio_irq_slot *slot, int err,
			       const void *reply)
{
	if (slot->state == VIRTIO_IRQ_SLOT_POSTED) {
		vi->posted--;
		vi->replaying -= slot->recovery;
	}
	return slot->ops ? slot->ops->complete(slot, err, reply) : err;
}

/**
 * __virtio_irq_give_slot_up - nobody waits for an answer any more
 * @vi: the controller
 * @slot: of a request; stays with the device until it answers
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_give_slot_up(struct virtio_irq *vi, struct virtio_irq_slot *slot)
{
	lockdep_assert_held(&vi->lock);

	__virtio_irq_finish(vi, slot, -ETIMEDOUT, NULL);
	slot->reply = NULL;
	vi->abandoned++;
	WRITE_ONCE(slot->state, VIRTIO_IRQ_SLOT_ABANDONED);
}

/**
 * __virtio_irq_abandon - give up what nobody waits for
 * @vi: the controller
 *
 * An answer is missing, so these may never be answered, either.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_abandon(struct virtio_irq *vi)
{
	unsigned int i;

	lockdep_assert_held(&vi->lock);

	for (i = 0; i < vi->num_slots; i++)
		if (vi->slots[i].state == VIRTIO_IRQ_SLOT_POSTED)
			__virtio_irq_give_slot_up(vi, &vi->slots[i]);
}

/**
 * __virtio_irq_drop - a reset of the device gave a request back without an answer
 * @vi: the controller
 * @slot: the request
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_drop(struct virtio_irq *vi, struct virtio_irq_slot *slot)
{
	lockdep_assert_held(&vi->lock);

	vi->stats.dropped++;
	if (slot->state == VIRTIO_IRQ_SLOT_ABANDONED)
		vi->abandoned--;
	else
		__virtio_irq_finish(vi, slot, -ERESTART, NULL);
	if (slot->state == VIRTIO_IRQ_SLOT_WAITED)
		/* Pairs with the acquire in virtio_irq_poll_once(), virtio_irq_wait.c */
		smp_store_release(&slot->state, VIRTIO_IRQ_SLOT_DROPPED);
	else
		__virtio_irq_put_slot(vi, slot);
}

/* How long somebody waited; nobody did for a request that was posted */
static void __virtio_irq_account(struct virtio_irq *vi, struct virtio_irq_slot *slot)
{
	u64 ns = ktime_get_mono_fast_ns() - slot->start;
	unsigned int bucket = fls64(div_u64(ns, NSEC_PER_USEC));

	slot->took = ns;
	bucket = min(bucket, VIRTIO_IRQ_NUM_BUCKETS - 1U);
	vi->stats.latency[slot->type][bucket]++;
	vi->stats.worst[slot->type] = max(vi->stats.worst[slot->type], ns);
}

/* One answer. @len: used length as the device says, which is not trusted */
static void __virtio_irq_answered(struct virtio_irq *vi, struct virtio_irq_slot *slot,
				  unsigned int len)
{
	void *reply = slot->reply ?: &vi->reply;
	struct virtio_irq_rsp_head *head = reply;
	int err;

	if (slot->state == VIRTIO_IRQ_SLOT_ABANDONED) {
		/* Too late: recovery asks again or undoes it, by the records */
		vi->stats.late++;
		vi->abandoned--;
		__virtio_irq_put_slot(vi, slot);
		return;
	}

	/*
	 * One copy, then only the copy is looked at: a hostile host may change
	 * the answer at any time. Without a reply ok_len is at most that of vi->reply.
	 */
	if (slot->reply)
		memcpy(reply, slot->rsp, min_t(unsigned int, len, slot->ok_len));
	else
		memcpy(&vi->reply, slot->rsp, sizeof(vi->reply));

	if (len == slot->ok_len && head->status == VIRTIO_IRQ_S_OK) {
		err = 0;
	} else if (len == sizeof(*head) && head->status != VIRTIO_IRQ_S_OK) {
		err = virtio_irq_status_errno(head->status);
	} else {
		vi->stats.malformed++;
		err = -EIO;
	}
	if (!err || (len >= sizeof(*head) && head->status < VIRTIO_IRQ_NUM_STATUSES))
		vi->stats.statuses[head->status]++;

	err = __virtio_irq_finish(vi, slot, err, reply);
	slot->took = 0;
	if (slot->state == VIRTIO_IRQ_SLOT_WAITED)
		__virtio_irq_account(vi, slot);
	trace_virtio_irq_reply(slot - vi->slots, slot->type, len, err, slot->took);

	if (slot->state == VIRTIO_IRQ_SLOT_WAITED) {
		slot->err = err;
		/* Pairs with the acquire in virtio_irq_poll_once(), virtio_irq_wait.c */
		smp_store_release(&slot->state, VIRTIO_IRQ_SLOT_DONE);
		return;
	}
	__virtio_irq_put_slot(vi, slot);
}

/**
 * __virtio_irq_reap - take every answer out of the ring, for whoever waits for it
 * @vi: the controller
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_reap(struct virtio_irq *vi)
{
	struct virtio_irq_slot *slot;
	unsigned int len;

	lockdep_assert_held(&vi->lock);

	if (vi->resetting)
		return;
	while ((slot = virtqueue_get_buf(vi->vq, &len)))
		__virtio_irq_answered(vi, slot, len);
}

static noinline void __virtio_irq_trace_request(struct virtio_irq *vi,
						struct virtio_irq_slot *slot,
						const union virtio_irq_req *req)
{
	bool route = slot->type == VIRTIO_IRQ_T_ACTIVATE;
	/* Where all requests that name vectors have it */
	u16 store = slot->count ? le16_to_cpu(req->range.store) : 0;

	trace_virtio_irq_request(slot - vi->slots, slot->type, slot->endpoint, store, slot->first,
				 slot->count, route ? le64_to_cpu(req->activate.address) : 0,
				 route ? le32_to_cpu(req->activate.data) : 0);
}

/**
 * __virtio_irq_break_call - the queue does not work, as a request shows
 * @vi: the controller
 * @call: the request
 * @err: what became of it, as an errno
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_break_call(struct virtio_irq *vi, const struct virtio_irq_call *call, int err)
{
	__virtio_irq_break(vi, call->req.head.type, le32_to_cpu(call->req.head.endpoint),
			   call->first, err);
}

/*
 * The slot for a request. The last one is recovery's: how else could it find out that
 * the host answers again, which may have answered none of all the others?
 */
static struct virtio_irq_slot *__virtio_irq_idle_slot(struct virtio_irq *vi, bool recovery)
{
	struct virtio_irq_slot *slot = vi->idle;

	lockdep_assert_held(&vi->lock);

	return slot && (recovery || slot->next) ? slot : NULL;
}

/*
 * Put one request in the ring: its slot, or an ERR_PTR(). -EAGAIN: no slot is idle yet.
 * -ETIMEDOUT: nor will one be, as all the others were given up. -ERESTART: not before
 * READY. The caller notifies, after it has dropped the lock.
 */
static struct virtio_irq_slot *__virtio_irq_submit(struct virtio_irq *vi,
						   const struct virtio_irq_call *call)
{
	const size_t fixed = sizeof(struct virtio_irq_rsp_activate);
	const union virtio_irq_req *req = &call->req;
	struct virtio_irq_slot *slot;
	int err;

	lockdep_assert_held(&vi->lock);

	if (vi->state == VIRTIO_IRQ_GONE || vi->state == VIRTIO_IRQ_ABSENT)
		return ERR_PTR(-ENODEV);
	if (vi->state != VIRTIO_IRQ_READY && !call->recovery)
		return ERR_PTR(-ERESTART);
	if (vi->resetting || (call->recovery && !virtio_irq_may_recover(vi)))
		return ERR_PTR(-ETIMEDOUT);
	slot = __virtio_irq_idle_slot(vi, call->recovery);
	if (!slot)
		return ERR_PTR(vi->abandoned < vi->num_slots - 1 ? -EAGAIN : -ETIMEDOUT);

	/* All of it, which is faster than what there is of it */
	*slot->req = *req;
	/* Whatever the device leaves out is no success. All but ATTACH have no more */
	memset(slot->rsp, 0xff, fixed);
	if (call->ok_len > fixed)
		memset(slot->rsp + fixed, 0xff, call->ok_len - fixed);
	slot->out.length = call->req_len;
	slot->in.length = call->ok_len;

	slot->type = req->head.type;
	slot->ok_len = call->ok_len;
	err = virtqueue_add_sgs(vi->vq, slot->sgs, 1, 1, slot, GFP_ATOMIC);
	if (err) {
		/* A slot is two descriptors of the ring, so there is room */
		__virtio_irq_break_call(vi, call, -ETIMEDOUT);
		return ERR_PTR(-ETIMEDOUT);
	}

	vi->idle = slot->next;
	slot->recovery = call->recovery;
	slot->endpoint = le32_to_cpu(req->head.endpoint);
	slot->first = call->first;
	slot->count = call->count;
	slot->reply = call->reply;
	slot->ops = call->ops;
	slot->context = call->context;
	slot->owner = call->owner;
	slot->stamp = ++vi->stamp;
	WRITE_ONCE(slot->state, VIRTIO_IRQ_SLOT_POSTED);
	vi->stats.requests[slot->type]++;
	vi->unnotified++;
	if (trace_virtio_irq_request_enabled())
		__virtio_irq_trace_request(vi, slot, req);
	if (slot->ops)
		slot->ops->sent(slot);
	return slot;
}

/**
 * __virtio_irq_kick_prepare - is a notification due for what was submitted?
 * @vi: the controller
 *
 * Context: any, vi->lock held.
 * Return: true if the caller must call virtio_irq_notify() without the lock.
 */
bool __virtio_irq_kick_prepare(struct virtio_irq *vi)
{
	unsigned int requests = vi->unnotified;

	lockdep_assert_held(&vi->lock);

	vi->unnotified = 0;
	if (vi->resetting || !virtqueue_kick_prepare(vi->vq))
		return false;
	vi->stats.kicks++;
	trace_virtio_irq_notify(requests);
	return true;
}

static void __virtio_irq_start_timer(struct virtio_irq *vi)
{
	lockdep_assert_held(&vi->lock);

	if (!timer_pending(&vi->timer) && virtio_irq_may_recover(vi))
		mod_timer(&vi->timer, jiffies + msecs_to_jiffies(VIRTIO_IRQ_FLUSH_MS));
}

/**
 * __virtio_irq_notify_lazy - decide about a notification for posted requests
 * @vi: the controller
 * @now: it must not wait
 *
 * Context: vi->lock held. Arms the flush timer if the notification may wait.
 * Return: true if the caller must call virtio_irq_notify() without the lock.
 */
bool __virtio_irq_notify_lazy(struct virtio_irq *vi, bool now)
{
	lockdep_assert_held(&vi->lock);

	if (!vi->unnotified && list_empty(&vi->collected))
		return false;
	if (!virtio_irq_is_lazy(vi))
		now = true;
	if (vi->unnotified && (now || vi->unnotified >= vi->num_slots / 2))
		return __virtio_irq_kick_prepare(vi);
	__virtio_irq_start_timer(vi);
	return false;
}

/**
 * __virtio_irq_notify_half - decide about a notification for one of many requests
 * @vi: the controller
 *
 * For recovery, which calls virtio_irq_await() when it has posted them all.
 *
 * Context: vi->lock held.
 * Return: true if the caller must call virtio_irq_notify() without the lock.
 */
bool __virtio_irq_notify_half(struct virtio_irq *vi)
{
	return vi->unnotified >= vi->num_slots / 2 && __virtio_irq_kick_prepare(vi);
}

/**
 * virtio_irq_notify_device - notify the device
 * @vi: the controller
 *
 * Context: any, without vi->lock: a host that answers inside the notification
 * must not make other CPUs spin with interrupts off meanwhile.
 */
void virtio_irq_notify_device(struct virtio_irq *vi)
{
	/* A reset of the device takes the queue away, see virtio_irq_queue_drop() */
	rcu_read_lock();
	if (!READ_ONCE(vi->resetting))
		virtqueue_notify(vi->vq);
	rcu_read_unlock();
}

/**
 * __virtio_irq_post - submit a request that nobody waits for
 * @vi: the controller
 * @call: the request
 *
 * A full ring is notified and reaped once: a device that answers inside the
 * notification makes room. This is the one notification under the lock, it
 * happens only if half a ring of requests is still unanswered.
 *
 * Context: any, vi->lock held.
 * Return: 0, -EAGAIN if no slot is idle, -ETIMEDOUT if none will be, -ERESTART or
 * -ENODEV by the state.
 */
int __virtio_irq_post(struct virtio_irq *vi, struct virtio_irq_call *call)
{
	struct virtio_irq_slot *slot;

	slot = __virtio_irq_submit(vi, call);
	if (slot == ERR_PTR(-EAGAIN)) {
		__virtio_irq_reap(vi);
		if (!__virtio_irq_idle_slot(vi, call->recovery)) {
			virtio_irq_notify(vi, __virtio_irq_kick_prepare(vi));
			__virtio_irq_reap(vi);
		}
		slot = __virtio_irq_submit(vi, call);
	}
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	slot->since = jiffies;
	vi->posted++;
	vi->replaying += slot->recovery;
	/* It looks at the answer, too */
	__virtio_irq_start_timer(vi);
	return 0;
}

/* Nobody waits for these, so nobody else finds out that there is no answer */
static void __virtio_irq_check_posted(struct virtio_irq *vi)
{
	unsigned long limit = jiffies - msecs_to_jiffies(READ_ONCE(virtio_irq_sleep_timeout_ms));
	unsigned int i;

	for (i = 0; i < vi->num_slots; i++) {
		struct virtio_irq_slot *slot = &vi->slots[i];

		if (slot->state != VIRTIO_IRQ_SLOT_POSTED || !time_before(slot->since, limit))
			continue;
		vi->stats.timeouts++;
		__virtio_irq_break(vi, slot->type, slot->endpoint, slot->first, -ETIMEDOUT);
		return;
	}
}

/**
 * virtio_irq_flush_timer - look after the requests that nobody waits for
 * @t: vi->timer
 *
 * Notifies the device of those that wait in the ring, and takes their answers.
 *
 * Context: timer.
 */
void virtio_irq_flush_timer(struct timer_list *t)
{
	struct virtio_irq *vi = container_of(t, struct virtio_irq, timer);
	unsigned long flags;
	bool notify;

	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_reap(vi);
	vi->flush(vi);
	notify = __virtio_irq_notify_lazy(vi, true);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);

	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_reap(vi);
	if (vi->posted && vi->state == VIRTIO_IRQ_READY) {
		__virtio_irq_check_posted(vi);
		__virtio_irq_start_timer(vi);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

/**
 * __virtio_irq_start - submit a request for a waiter
 * @vi: the controller
 * @call: the request
 * @slotp: its slot
 * @notify: the caller must call virtio_irq_notify() without the lock
 *
 * Everything queued before goes along with the notification.
 *
 * Context: any, vi->lock held.
 * Return: 0; -EAGAIN if no slot is idle, -ETIMEDOUT if none will be, -ERESTART or
 * -ENODEV by the state.
 */
int __virtio_irq_start(struct virtio_irq *vi, struct virtio_irq_call *call,
		       struct virtio_irq_slot **slotp, bool *notify)
{
	struct virtio_irq_slot *slot;

	lockdep_assert_held(&vi->lock);

	*notify = false;
	if (!__virtio_irq_idle_slot(vi, call->recovery))
		__virtio_irq_reap(vi);
	if (!list_empty(&vi->collected) && !call->recovery)
		vi->flush(vi);
	/* No ALLOC overtakes a FREE of the same vectors */
	slot = call->recovery || list_empty(&vi->collected) ?
		__virtio_irq_submit(vi, call) : ERR_PTR(-EAGAIN);
	if (!IS_ERR(slot)) {
		call->stamp = slot->stamp;
		slot->start = ktime_get_mono_fast_ns();
		WRITE_ONCE(slot->state, VIRTIO_IRQ_SLOT_WAITED);
		*slotp = slot;
	}
	if (!IS_ERR(slot) || slot == ERR_PTR(-EAGAIN))
		*notify = __virtio_irq_kick_prepare(vi);
	return PTR_ERR_OR_ZERO(slot);
}

/**
 * __virtio_irq_take_answer - is there one?
 * @vi: the controller
 * @call: the request
 * @slot: its slot, idle after an answer
 *
 * Context: any, vi->lock held.
 * Return: the answer's errno; -ERESTART if a reset dropped the request; -EINPROGRESS
 * if there is nothing yet.
 */
int __virtio_irq_take_answer(struct virtio_irq *vi, struct virtio_irq_call *call,
			     struct virtio_irq_slot *slot)
{
	int err;

	lockdep_assert_held(&vi->lock);

	switch (slot->state) {
	case VIRTIO_IRQ_SLOT_DONE:
		err = slot->err;
		call->took = slot->took;
		break;
	case VIRTIO_IRQ_SLOT_DROPPED:
		err = -ERESTART;
		break;
	default:
		return -EINPROGRESS;
	}
	__virtio_irq_put_slot(vi, slot);
	return err;
}

/**
 * __virtio_irq_give_replay_up - give up what recovery has posted
 * @vi: the controller
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_give_replay_up(struct virtio_irq *vi)
{
	unsigned int i;

	lockdep_assert_held(&vi->lock);

	vi->stats.timeouts++;
	for (i = 0; i < vi->num_slots; i++)
		if (vi->slots[i].state == VIRTIO_IRQ_SLOT_POSTED && vi->slots[i].recovery)
			__virtio_irq_give_slot_up(vi, &vi->slots[i]);
}

/**
 * virtio_irq_disown - nobody wants to know what becomes of some requests
 * @vi: the controller
 * @owner: of what these requests are about, which is about to be freed
 *
 * Context: any.
 */
void virtio_irq_disown(struct virtio_irq *vi, const void *owner)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&vi->lock, flags);
	for (i = 0; i < vi->num_slots; i++)
		if (vi->slots[i].owner == owner)
			vi->slots[i].ops = NULL;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}
