// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: routes
 *
 * ACTIVATE and DEACTIVATE, on the records. See virtio_irq_driver.c for the idea.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "virtio_irq_internal.h"

/*
 * Typed builders, one per request
 */

void virtio_irq_put_pasid(struct virtio_irq_call *call, const struct virtio_irq_vector *vec)
{
	u32 pasid = READ_ONCE(vec->pasid);
	bool valid = pasid != VIRTIO_IRQ_NO_PASID;

	call->req.activate.flags = cpu_to_le16(valid ? VIRTIO_IRQ_ACTIVATE_F_PASID_VALID : 0);
	call->req.activate.pasid = cpu_to_le32(valid ? pasid : 0);
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
	virtio_irq_put_pasid(call, vec);
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
 * Routes
 */

/* Not wanted any more. The host is told if it may hold the vector armed */
static void __virtio_irq_disarm(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;

	vec->wanted = false;
	vec->armed = false;
	vec->dirty = false;
	vec->lossy = false;
	/* The answer to a request of recovery, too, does not count any more */
	vec->stamp = ++vi->stamp;
	if (!vec->maybe_armed)
		return;
	virtio_irq_build_deactivate(&call, vec);
	if (__virtio_irq_post(vi, &call))
		__virtio_irq_mark(vi);
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
	if (err != -ENOENT || !vec->unreserved)
		return err;
	return vec->refusal ?: READ_ONCE(vec->store->ep->refusal) ?: -ETIMEDOUT;
}

/**
 * __virtio_irq_note_route - keep the failure of an ACTIVATE for the log
 * @vec: the record
 * @err: why
 * @again: it is sent again and again, and logged once
 *
 * Context: any, vi->lock held.
 */
void __virtio_irq_note_route(struct virtio_irq_vector *vec, int err, bool again)
{
	struct virtio_irq_note note = virtio_irq_note_of(vec, VIRTIO_IRQ_T_ACTIVATE, err);

	/* The queue is broken, and that is logged */
	if (err == -ETIMEDOUT || err == -ENODEV || vec->logged)
		return;
	__virtio_irq_note(vec->store->ep->vi, &note);
	vec->logged = again;
}

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

	if (vec->store->flags & VIRTIO_IRQ_STORE_F_PASID && vec->pasid == VIRTIO_IRQ_NO_PASID)
		return -EINVAL;

	virtio_irq_build_activate(&call, vec, route, &reply);
	call.route = route;
	err = virtio_irq_call_atomic(vi, &call);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	err = __virtio_irq_cause(vec, err);
	if (keep) {
		vec->dirty = true;
		vec->lossy = true;
		__virtio_irq_mark(vi);
	} else {
		__virtio_irq_disarm(vec);
		notify = __virtio_irq_notify_lazy(vi, true);
	}
	__virtio_irq_note_route(vec, err, keep);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
	return err;
}

/*
 * Has the host been told of this route? Without the lock: only recovery can change
 * these while desc->lock is held, and it sends the route that the record has.
 */
static bool virtio_irq_is_routed(const struct virtio_irq_vector *vec,
				 const struct virtio_irq_msg *route)
{
	/* Pairs with the release in __virtio_irq_activated() */
	return smp_load_acquire(&vec->armed) && !READ_ONCE(vec->dirty) &&
	       vec->route.address == route->address && vec->route.data == route->data;
}

/* The parent has moved, and the host may not know: recovery tells it, and retriggers */
static int __virtio_irq_reroute_failed(struct virtio_irq_vector *vec, int err)
{
	err = __virtio_irq_cause(vec, err);
	vec->dirty = true;
	vec->lossy = true;
	__virtio_irq_mark(vec->store->ep->vi);
	__virtio_irq_note_route(vec, err, true);
	return err;
}

/* With LAZY the host has seen this before the next message, and the pair stays */
static int virtio_irq_post_route(struct virtio_irq_vector *vec, const struct virtio_irq_msg *route)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;
	unsigned long flags;
	bool notify;
	int err;

	virtio_irq_build_activate(&call, vec, route, NULL);
	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->route = *route;
	/* Not armed: the device was reset, and recovery is about to arm it */
	err = vec->armed ? __virtio_irq_post(vi, &call) : -ERESTART;
	/* There is no time to wait for recovery, nor for a slot */
	if (err)
		err = __virtio_irq_reroute_failed(vec, err == -ENODEV ? err : -ETIMEDOUT);
	notify = __virtio_irq_notify_lazy(vi, false);
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
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_rsp_activate reply;
	struct virtio_irq_call call;
	unsigned long flags;
	int err;

	if (!vec->wanted || virtio_irq_is_routed(vec, route))
		return 0;
	if (virtio_irq_is_lazy(vi) && READ_ONCE(vec->armed))
		return virtio_irq_post_route(vec, route);

	virtio_irq_build_activate(&call, vec, route, &reply);
	call.route = route;
	err = virtio_irq_call_atomic(vi, &call);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	err = __virtio_irq_reroute_failed(vec, err);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return err;
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
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_rsp_activate reply;
	struct virtio_irq_call call;
	struct virtio_irq_msg route;
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
	route = vec->route;
	/* A dirty one is sent by recovery, and blocked until then */
	tell = vec->wanted && !vec->dirty && old != pasid;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	if (!tell)
		return 0;

	virtio_irq_build_activate(&call, vec, &route, &reply);
	err = virtio_irq_call_atomic(vi, &call);
	if (!err)
		return 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vec->pasid = old;
	/* A refusal has changed nothing; otherwise the host may block @old until then */
	if (err == -EIO || err == -ETIMEDOUT) {
		vec->dirty = true;
		vec->lossy = true;
		__virtio_irq_mark(vi);
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
	/*
	 * Without the lock: desc->lock keeps the interrupt's own calls away, and
	 * recovery writes a store itself if its ACTIVATE has changed the pair.
	 */
	return vec->wanted && (READ_ONCE(vec->composed.data) != READ_ONCE(vec->pair.data) ||
			       READ_ONCE(vec->composed.address) != READ_ONCE(vec->pair.address));
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
	/* Pairs with the release in __virtio_irq_activated() */
	return smp_load_acquire(&vec->armed) && !READ_ONCE(vec->dirty) &&
	       READ_ONCE(vec->store->ep->vi->state) == VIRTIO_IRQ_READY;
}
