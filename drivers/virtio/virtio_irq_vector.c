// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: routes
 *
 * ACTIVATE and DEACTIVATE, on the records. See virtio_irq.c for the idea.
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
	if (keep) {
		vec->dirty = true;
		vec->lossy = true;
		__virtio_irq_mark(vi);
	} else {
		__virtio_irq_disarm(vec);
		notify = __virtio_irq_notify_lazy(vi, true);
	}
	if (err != -ETIMEDOUT && err != -ENODEV && !vec->logged) {
		__virtio_irq_note(vi, VIRTIO_IRQ_T_ACTIVATE, vec->store->ep->id, vec->index, err);
		vec->logged = keep;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_notify(vi, notify);
	return err;
}

/*
 * Does the host route the vector so already? Without the lock: only recovery can
 * change these while desc->lock is held, and it sends the route that the record has.
 */
static bool virtio_irq_is_acked(const struct virtio_irq_vector *vec,
				const struct virtio_irq_msg *route)
{
	/* Pairs with the release in __virtio_irq_activated() */
	return !smp_load_acquire(&vec->dirty) && READ_ONCE(vec->armed) &&
	       READ_ONCE(vec->acked.address) == route->address &&
	       READ_ONCE(vec->acked.data) == route->data &&
	       READ_ONCE(vec->acked_pasid) == READ_ONCE(vec->pasid);
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
	int err;

	if (!vec->wanted || virtio_irq_is_acked(vec, route))
		return 0;

	virtio_irq_build_activate(&call, vec, route, &reply);
	call.route = route;
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
	vec->lossy |= vec->dirty && old != pasid;
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
