// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: routes
 *
 * ACTIVATE and DEACTIVATE, on the records. See struct virtio_irq_fact for the idea.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/log2.h>
#include <linux/timekeeping.h>

#include "virtio_irq_internal.h"

static struct virtio_irq *to_vi(const struct virtio_irq_vector *vec)
{
	return vec->store->ep->vi;
}

/**
 * __virtio_irq_cause - what a vector's request really failed for
 * @vec: the record
 * @err: the host's answer to COMMIT or ACTIVATE
 *
 * After a reset the host knows a vector only when it has reserved it again. It
 * may have refused that.
 *
 * Context: any, vi->lock held.
 * Return: an errno; -ETIMEDOUT if the host has not been asked yet.
 */
int __virtio_irq_cause(const struct virtio_irq_vector *vec, int err)
{
	if (err != -ENOENT || vec->res.has)
		return err;
	return vec->refusal ?: READ_ONCE(vec->store->ep->refusal) ?: -ETIMEDOUT;
}

/**
 * __virtio_irq_failed - a request that nobody waits for failed
 * @vec: the record
 * @slot: the request
 * @err: why
 *
 * Recovery sends it again; later, if it was its own.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_failed(struct virtio_irq_vector *vec, const struct virtio_irq_slot *slot,
			 int err)
{
	struct virtio_irq *vi = slot->vi;

	if (!slot->recovery) {
		__virtio_irq_mark(vi);
		return;
	}
	vec->failed = vi->replay;
	vi->replay_err = vi->replay_err ?: err;
}

/**
 * __virtio_irq_check_debt - does the host have to be told something again?
 * @slot: a request, which has come to its end
 * @f: what it was about
 *
 * Recovery has left it alone until now, and looks itself when its own has ended.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_check_debt(const struct virtio_irq_slot *slot, const struct virtio_irq_fact *f)
{
	if (!slot->recovery && !f->busy && !f->want && f->unsure)
		__virtio_irq_mark(slot->vi);
}

/**
 * __virtio_irq_not_given_back - a DEACTIVATE or RELEASE failed
 * @vec: the record
 * @slot: the request
 * @err: why
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_not_given_back(struct virtio_irq_vector *vec,
				 const struct virtio_irq_slot *slot, int err)
{
	struct virtio_irq_note note = virtio_irq_note_of(vec, slot->type, err);

	if (err != -ETIMEDOUT)
		__virtio_irq_note(slot->vi, &note, !slot->recovery);
	__virtio_irq_failed(vec, slot, err);
}

/* For the log. @again: it is sent again and again, and logged once */
static void __virtio_irq_note_route(struct virtio_irq_vector *vec, int err, bool again, bool wake)
{
	struct virtio_irq_note note = virtio_irq_note_of(vec, VIRTIO_IRQ_T_ACTIVATE, err);

	/* The queue is broken, and that is logged; or the host has said so before */
	if (err == -ETIMEDOUT || err == -ENODEV || err == -EREMCHG || vec->logged)
		return;
	__virtio_irq_note(to_vi(vec), &note, wake);
	vec->logged = again;
}

static bool virtio_irq_same(const struct virtio_irq_msg *a, const struct virtio_irq_msg *b)
{
	return a->address == b->address && a->data == b->data;
}

/* Is a pair that of a block's vector, as far as that is known? */
static bool virtio_irq_is_of_block(const struct virtio_irq_vector *vec,
				   const struct virtio_irq_msg *pair)
{
	const struct virtio_irq_store *store = vec->store;

	return store->block_known && pair->address == store->block.address &&
	       pair->data - vec->index == store->block.data;
}

/**
 * __virtio_irq_make_stale - the host has said that the pair of a vector may change
 * @vec: the record
 *
 * From now on another pair is legal in an answer, until the store holds it. Pairs of a
 * block change together: the first one that is answered says where to.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_make_stale(struct virtio_irq_vector *vec)
{
	if (!vec->stale && !vec->revoked)
		vec->since = ktime_get_mono_fast_ns();
	vec->stale = true;
	if (virtio_irq_is_of_block(vec, &vec->pair))
		vec->store->block_known = false;
}

/**
 * __virtio_irq_uncommit - what a vector was committed by is over, or may be
 * @vec: the record
 * @whole: its block, too: where ALLOC has committed that, it can be asked for as a
 *	whole only
 *
 * Recovery asks again for what is wanted.
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_uncommit(struct virtio_irq_vector *vec, bool whole)
{
	struct virtio_irq_store *store = vec->store;
	XA_STATE(xas, &store->vectors, store->block_count ? 0 : vec->index);
	unsigned long last = store->block_count ? ULONG_MAX : vec->index;

	vec->com.has = false;
	vec->com.unsure = vec->com.want;
	if (!vec->com_alloc || (store->block_count && !whole))
		return;
	guard(rcu)();
	xas_for_each(&xas, vec, last) {
		if (xas_retry(&xas, vec) || !vec->res.want)
			continue;
		vec->res.has = false;
		vec->res.unsure = true;
	}
}

/**
 * __virtio_irq_revoke - has the host revoked a vector?
 * @vec: the record
 * @err: why the host refuses to arm it
 *
 * If so it delivers nothing until the host says that it is stale. Recovery leaves it
 * alone until then, and does what virtio_irq_tell_owner() does. What of it the host
 * holds nevertheless is given back with the interrupt.
 *
 * Context: any, vi->lock held.
 * Return: true if it has; only a vector that is stale can be.
 */
bool __virtio_irq_revoke(struct virtio_irq_vector *vec, int err)
{
	if (!vec->stale || !vec->arm.want ||
	    (err != -ENOSPC && err != -EDQUOT && err != -EPERM))
		return false;
	if (!vec->revoked) {
		vec->since = ktime_get_mono_fast_ns();
		to_vi(vec)->stats.revoked++;
	}
	if (vec->revoked != err)
		vec->logged = false;
	vec->revoked = err;
	vec->stale = false;
	vec->arm.has = false;
	vec->arm.unsure = true;
	vec->dirty = true;
	vec->lossy = true;
	__virtio_irq_uncommit(vec, false);
	return true;
}

/* Nothing that the host has said of it is of interest any more */
static void __virtio_irq_end_question(struct virtio_irq_vector *vec)
{
	vec->stale = false;
	vec->revoked = 0;
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

	/* The store cannot be rewritten atomically, so the host has to say so before */
	if (vec->arm.has && !__virtio_irq_look_for_stale(vec))
		return -EIO;

	/* Or the window is what has changed, and ATTACH comes first */
	if (pair->address < ep->window_start || pair->address > ep->window_end)
		return __virtio_irq_look_for_reread(ep) ? -EREMCHG : -EIO;
	if (!IS_ALIGNED(pair->address, 4))
		return -EIO;
	if (vec->addr_width < 64 && pair->address >> vec->addr_width)
		return -EIO;
	if (vec->data16 && pair->data > U16_MAX)
		return -EIO;
	/* The store may send it while no host looks: in a reset of the device, or after */
	if (ep->is_inert && !ep->is_inert(pair, &vec->route))
		return -EIO;

	if (store->block_count) {
		u32 base = pair->data - vec->index;

		/* The function replaces the low bits by the vector's number */
		if (base & (roundup_pow_of_two(store->block_count) - 1))
			return -EIO;
		/* One that is being armed may learn first that the others have moved */
		if (store->block_known && !virtio_irq_is_of_block(vec, pair) &&
		    (vec->arm.has || !__virtio_irq_look_for_stale(vec)))
			return -EIO;
		store->block.address = pair->address;
		store->block.data = base;
		store->block_known = true;
	}
	return 0;
}

static void virtio_irq_activate_sent(struct virtio_irq_slot *slot)
{
	struct virtio_irq_vector *vec = slot->context;

	__virtio_irq_fact_sent(&vec->arm, slot->stamp, true);
	/* Whoever learns that it failed says so */
	vec->dirty = false;
}

/*
 * A route that nobody waits for is not in effect: recovery sends it again. The parent
 * may have given up what the old one leads to, so what the device sent meanwhile may
 * be lost, even if a later route is in effect by now.
 */
static void __virtio_irq_route_failed(struct virtio_irq_vector *vec,
				      const struct virtio_irq_slot *slot, int err)
{
	vec->dirty = true;
	if (!slot->recovery)
		vec->lossy = true;
	/* It may have been revoked, and given back without being committed */
	if (err == -EAGAIN && vec->stale)
		__virtio_irq_uncommit(vec, true);
	err = __virtio_irq_cause(vec, err);
	__virtio_irq_note_route(vec, err, true, !slot->recovery);
	__virtio_irq_failed(vec, slot, err);
}

/* Is the answer what every move has: the pair that there is, and nobody has questioned it? */
static bool __virtio_irq_is_unchanged(const struct virtio_irq_vector *vec,
				      const struct virtio_irq_rsp_activate *rsp)
{
	return vec->arm.has && !vec->stale && le64_to_cpu(rsp->address) == vec->pair.address &&
	       le32_to_cpu(rsp->data) == vec->pair.data;
}

/* Not inlined, as moves do not come here */
static noinline int __virtio_irq_take_pair(struct virtio_irq_vector *vec,
					   const struct virtio_irq_rsp_activate *rsp)
{
	const struct virtio_irq_msg pair = {
		.address	= le64_to_cpu(rsp->address),
		.data		= le32_to_cpu(rsp->data),
	};
	int err;

	err = __virtio_irq_check_pair(vec, &pair);
	if (err)
		return err;
	to_vi(vec)->stats.moved += vec->stale && !virtio_irq_same(&pair, &vec->pair);
	vec->pair = pair;
	return 0;
}

static int virtio_irq_activate_complete(struct virtio_irq_slot *slot, int err, const void *reply)
{
	struct virtio_irq_vector *vec = slot->context;
	bool last, stale;

	/* If a later request names it, that one's answer counts */
	if (!err && vec->arm.stamp == slot->stamp) {
		if (!__virtio_irq_is_unchanged(vec, reply))
			err = __virtio_irq_take_pair(vec, reply);
		if (!err) {
			vec->logged = false;
			vec->revoked = 0;
			slot->vi->stats.replays += slot->recovery;
		}
	}
	stale = vec->stale;
	last = __virtio_irq_fact_answered(&vec->arm, slot->stamp, true, err);
	/* Whoever is about to arm it is told, and nobody else is concerned */
	if (err && last && (vec->arm.has || slot->recovery) && __virtio_irq_revoke(vec, err))
		;
	/* After a reset of the device each record says what is due anyway */
	else if (err && err != -ERESTART && vec->arm.want && slot->state == VIRTIO_IRQ_SLOT_POSTED)
		__virtio_irq_route_failed(vec, slot, err);
	else
		__virtio_irq_check_debt(slot, &vec->arm);
	/* The store may have to be written, and messages to be made up for */
	if (stale && !slot->recovery)
		__virtio_irq_mark(slot->vi);
	return err;
}

static const struct virtio_irq_call_ops virtio_irq_activate_ops = {
	.sent		= virtio_irq_activate_sent,
	.complete	= virtio_irq_activate_complete,
};

/* The request that tells the host what the record says of the vector's route */
static void __virtio_irq_build_route(struct virtio_irq_call *call, struct virtio_irq_vector *vec)
{
	virtio_irq_build_activate(call, vec, &vec->route, vec->pasid);
	call->ops = &virtio_irq_activate_ops;
	call->context = vec;
	call->owner = vec->store->ep;
}

/*
 * Tell the host of it and wait for the answer; vi->lock is dropped. Not inlined: a request that
 * is posted has no need of the one that this has on its stack.
 */
static noinline int virtio_irq_ask_route(struct virtio_irq_vector *vec, unsigned long flags)
	__releases(&to_vi(vec)->lock)
{
	struct virtio_irq_call call __uninitialized;

	__virtio_irq_build_route(&call, vec);
	return virtio_irq_call_atomic(to_vi(vec), &call, flags);
}

/**
 * __virtio_irq_post_activate - tell the host of a vector's route
 * @vec: the record
 * @recovery: for recovery
 *
 * Context: any, vi->lock held.
 * Return: as __virtio_irq_post().
 */
int __virtio_irq_post_activate(struct virtio_irq_vector *vec, bool recovery)
{
	struct virtio_irq_call call __uninitialized;

	__virtio_irq_build_route(&call, vec);
	call.recovery = recovery;
	return __virtio_irq_post(to_vi(vec), &call);
}

static void virtio_irq_deactivate_sent(struct virtio_irq_slot *slot)
{
	struct virtio_irq_vector *vec = slot->context;

	__virtio_irq_fact_sent(&vec->arm, slot->stamp, false);
}

static int virtio_irq_deactivate_complete(struct virtio_irq_slot *slot, int err,
					  const void *reply)
{
	struct virtio_irq_vector *vec = slot->context;

	/* What the host does not know delivers nothing either */
	if (err == -ENOENT)
		err = 0;
	if (!__virtio_irq_fact_answered(&vec->arm, slot->stamp, false, err))
		__virtio_irq_check_debt(slot, &vec->arm);
	else if (err && err != -ERESTART)
		__virtio_irq_not_given_back(vec, slot, err);
	return err;
}

static const struct virtio_irq_call_ops virtio_irq_deactivate_ops = {
	.sent		= virtio_irq_deactivate_sent,
	.complete	= virtio_irq_deactivate_complete,
};

/**
 * __virtio_irq_post_deactivate - have the host disarm a vector
 * @vec: the record
 * @recovery: for recovery
 *
 * Context: any, vi->lock held.
 * Return: as __virtio_irq_post().
 */
int __virtio_irq_post_deactivate(struct virtio_irq_vector *vec, bool recovery)
{
	struct virtio_irq_call call __uninitialized;

	virtio_irq_build_deactivate(&call, vec);
	call.ops = &virtio_irq_deactivate_ops;
	call.context = vec;
	call.owner = vec->store->ep;
	call.recovery = recovery;
	return __virtio_irq_post(to_vi(vec), &call);
}

/* Not wanted any more. The host is told if it may hold the vector armed */
static void __virtio_irq_disarm(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = to_vi(vec);
	bool tell = __virtio_irq_fact_may(&vec->arm) || vec->arm.busy;

	__virtio_irq_fact_void(&vec->arm);
	__virtio_irq_end_question(vec);
	vec->arm.unsure = tell;
	vec->dirty = false;
	vec->lossy = false;
	if (tell && __virtio_irq_post_deactivate(vec, false))
		__virtio_irq_mark(vi);
}

/* The host may not know where the parent routes it: recovery tells it, and retriggers */
static void __virtio_irq_keep_route(struct virtio_irq_vector *vec)
{
	vec->dirty = true;
	vec->lossy = true;
	__virtio_irq_mark(to_vi(vec));
}

/**
 * virtio_irq_activate - arm a vector
 * @vec: the record
 * @route: the message that the parent domain composed
 * @keep: on failure keep the route, recovery sends it again
 *
 * Context: any, polls for at most poll_timeout_ms with interrupts off.
 * Return: 0, or the host's refusal as an errno, -EIO if the pair is not one that
 * the store may hold, -ETIMEDOUT or -ENODEV; -EREMCHG if the host has changed where its
 * pairs lie and has to be asked first: the route is kept then, too.
 */
int virtio_irq_activate(struct virtio_irq_vector *vec,
			const struct virtio_irq_msg *route, bool keep)
{
	struct virtio_irq *vi = to_vi(vec);
	unsigned long flags;
	bool notify = false;
	int err;

	if (vec->store->flags & VIRTIO_IRQ_STORE_F_PASID && vec->pasid == VIRTIO_IRQ_NO_PASID)
		return -EINVAL;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->arm.want = true;
	vec->route = *route;
	err = virtio_irq_ask_route(vec, flags);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	err = __virtio_irq_cause(vec, err);
	keep |= err == -EREMCHG;
	if (keep) {
		__virtio_irq_keep_route(vec);
	} else {
		__virtio_irq_disarm(vec);
		notify = __virtio_irq_notify_lazy(vi, true);
	}
	__virtio_irq_note_route(vec, err, keep, true);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
	return err;
}

/*
 * Has the host been told of this route, or need not be? Without the lock: only recovery
 * can change these while desc->lock is held, and it sends the route that the record has.
 */
static bool virtio_irq_is_routed(const struct virtio_irq_vector *vec,
				 const struct virtio_irq_msg *route)
{
	if (!vec->arm.want)
		return true;
	/* Pairs with the release in __virtio_irq_fact_answered() */
	return smp_load_acquire(&vec->arm.has) && !READ_ONCE(vec->dirty) &&
	       vec->route.address == route->address && vec->route.data == route->data;
}

/* Tell the host of a route; if it may be @posted nobody waits for the answer */
static noinline int virtio_irq_change_route(struct virtio_irq_vector *vec,
					    const struct virtio_irq_msg *route, bool posted)
{
	struct virtio_irq *vi = to_vi(vec);
	unsigned long flags;
	bool notify = false;
	int err;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->route = *route;
	if (unlikely(vec->revoked)) {
		/* Recovery tells it if the host thinks better of it */
		vec->dirty = true;
		if (vec->stale)
			__virtio_irq_mark(vi);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		return 0;
	}
	if (posted && virtio_irq_is_lazy(vi) && vec->arm.has) {
		err = __virtio_irq_post_activate(vec, false);
		notify = __virtio_irq_notify_lazy(vi, false);
		/* There is no time to wait for recovery, nor for a slot */
		if (err && err != -ENODEV)
			err = -ETIMEDOUT;
	} else {
		err = virtio_irq_ask_route(vec, flags);
		if (!err)
			return 0;
		raw_spin_lock_irqsave(&vi->lock, flags);
	}
	if (err) {
		err = __virtio_irq_cause(vec, err);
		__virtio_irq_keep_route(vec);
		__virtio_irq_note_route(vec, err, true, true);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
	return err;
}

/**
 * virtio_irq_reroute - the parent moved an armed vector
 * @vec: the record
 * @route: the message that the parent domain composes now
 *
 * Asks nothing of the host if it was told of the route already. With LAZY the host
 * sees the route before it delivers another message, and there is nothing to wait
 * for: the request stays in the ring as a DEACTIVATE does. Otherwise the host has
 * to have answered before the parent gives the old CPU's vector away, which it may
 * do at any time from now on: when that CPU goes offline, or when an interrupt
 * arrives at the new one.
 *
 * A failure is no error to the caller, who cannot undo the parent's move, and may be
 * known only later. The vector is dirty then: recovery sends the route again, and
 * retriggers the interrupt.
 *
 * Context: any. Polls for at most poll_timeout_ms with interrupts off; with LAZY it
 * never waits if the vector is armed.
 * Return: 0, or why the route is known not to be in effect yet.
 */
int virtio_irq_reroute(struct virtio_irq_vector *vec, const struct virtio_irq_msg *route)
{
	if (virtio_irq_is_routed(vec, route))
		return 0;
	return virtio_irq_change_route(vec, route, true);
}

/**
 * virtio_irq_reroute_now - the parent is about to move an armed vector
 * @vec: the record
 * @route: the message that the parent domain will take
 *
 * As virtio_irq_reroute(), for a parent that looks next at what has arrived by the old
 * route. When this returns 0 nothing arrives there any more: each message that came
 * before the host's answer was handed over. So LAZY makes no difference.
 *
 * Context: any, polls for at most poll_timeout_ms with interrupts off.
 * Return: 0, or why the route is known not to be in effect yet.
 */
int virtio_irq_reroute_now(struct virtio_irq_vector *vec, const struct virtio_irq_msg *route)
{
	if (virtio_irq_is_routed(vec, route))
		return 0;
	return virtio_irq_change_route(vec, route, false);
}

/**
 * virtio_irq_set_pasid - which PASID the messages of a vector must carry
 * @vec: the record; the caller serialises with the vector's other routes
 * @pasid: the PASID, or VIRTIO_IRQ_NO_PASID
 *
 * An armed vector changes over at once and keeps its pair. On failure the former
 * PASID stays in force; if the host did not answer, recovery sees to that.
 *
 * Context: any, polls for at most poll_timeout_ms with interrupts off.
 * Return: 0; -EOPNOTSUPP if the host has no PASIDs for this endpoint, -ERANGE if
 * @pasid is too large for it, -EINVAL if its store needs one; or the host's
 * refusal as an errno, -EIO, -ETIMEDOUT, -ENODEV.
 */
int virtio_irq_set_pasid(struct virtio_irq_vector *vec, u32 pasid)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = to_vi(vec);
	struct virtio_irq_call call;
	unsigned long flags;
	bool tell;
	u32 old;
	int err;

	if (pasid == VIRTIO_IRQ_NO_PASID) {
		if (store->flags & VIRTIO_IRQ_STORE_F_PASID)
			return -EINVAL;
	} else if (!store->ep->pasid_width) {
		return -EOPNOTSUPP;
	} else if (pasid >> store->ep->pasid_width) {
		return -ERANGE;
	}

	raw_spin_lock_irqsave(&vi->lock, flags);
	old = vec->pasid;
	vec->pasid = pasid;
	/* A dirty one is sent by recovery, and blocked until then */
	tell = vec->arm.want && !vec->dirty && old != pasid;
	if (!tell) {
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		return 0;
	}
	__virtio_irq_build_route(&call, vec);
	err = virtio_irq_call_atomic(vi, &call, flags);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->pasid = old;
	/*
	 * A refusal has changed nothing, unless recovery has sent the route meanwhile, and
	 * @pasid with it. Then, and otherwise, the host may block @old until it is told
	 */
	if (!virtio_irq_is_refusal(err) || vec->arm.stamp != call.stamp)
		__virtio_irq_keep_route(vec);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return err == -EREMCHG ? -EAGAIN : err;
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
	struct virtio_irq *vi = to_vi(vec);
	unsigned long flags;
	bool notify;

	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_disarm(vec);
	vec->logged = false;
	notify = __virtio_irq_notify_lazy(vi, false);
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
	if (vec->arm.want)
		*pair = vec->pair;
	else
		*pair = (struct virtio_irq_msg) { };
	vec->composed = *pair;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

/**
 * virtio_irq_take_out - the store does not hold the pair of a vector any more
 * @vec: the record
 *
 * Context: any.
 */
void virtio_irq_take_out(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = to_vi(vec);
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->composed = (struct virtio_irq_msg) { };
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

/**
 * virtio_irq_is_out - has virtio_irq_take_out() been called, and nothing composed since?
 * @vec: the record; desc->lock is held
 *
 * Context: any.
 * Return: true if the store holds no pair.
 */
bool virtio_irq_is_out(const struct virtio_irq_vector *vec)
{
	return !READ_ONCE(vec->composed.address) && !READ_ONCE(vec->composed.data);
}

/**
 * virtio_irq_is_honoured - does the host deliver what a vector's source sends?
 * @vec: the record; desc->lock is held
 *
 * Not while a reset of the device may be under way, which begins with a state that
 * is not READY and masks the source afterwards, under desc->lock.
 *
 * Context: any.
 * Return: true if it is armed with the route that is wanted, and stays so.
 */
bool virtio_irq_is_honoured(struct virtio_irq_vector *vec)
{
	/* Pairs with the release in __virtio_irq_fact_answered() */
	return smp_load_acquire(&vec->arm.has) && !READ_ONCE(vec->dirty) &&
	       READ_ONCE(vec->store->ep->vi->state) == VIRTIO_IRQ_READY;
}
