// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the host is made to hold what the records say
 *
 * Each record says what is wanted, what the host has, and whether that is sure. What
 * differs is given back, reserved, committed or armed. For one record after the other
 * the first of its differences is found, and the request that mends it put in the ring,
 * in one hold of the lock: nobody can come in between. The host is notified of many of
 * them at once, and their answers go into the records. So it is done again until there
 * is no difference.
 *
 * A timeout, a refusal, a late answer, a reset of the device and a suspend of the system
 * leave such differences and nothing else. The recovery worker does this, in process
 * context.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>

#include "virtio_irq_internal.h"

enum virtio_irq_told {
	VIRTIO_IRQ_TOLD_NOTHING,
	VIRTIO_IRQ_TOLD_FAST,
	VIRTIO_IRQ_TOLD_SLOW,
};

/*
 * The first difference, the destructive ones first. 0, or -EAGAIN if there is no slot,
 * -ETIMEDOUT or -ENODEV.
 */
static int __virtio_irq_tell(struct virtio_irq_vector *vec, enum virtio_irq_told *told)
{
	const struct virtio_irq_fact *res = &vec->res, *com = &vec->com, *arm = &vec->arm;

	*told = VIRTIO_IRQ_TOLD_NOTHING;
	/* Later: the host has just refused it */
	if (vec->failed == vec->store->ep->vi->replay)
		return 0;

	*told = VIRTIO_IRQ_TOLD_FAST;
	if (!res->want && !res->busy && __virtio_irq_fact_may(res))
		return __virtio_irq_post_free(vec, true);
	/* A posted one is under way, and its refusal brings recovery back */
	if (res->want && !arm->want && !arm->busy && __virtio_irq_fact_may(arm))
		return __virtio_irq_post_deactivate(vec, true);
	if (res->want && !com->want && !com->busy && __virtio_irq_fact_may(com))
		return __virtio_irq_post_release(vec, true);

	*told = VIRTIO_IRQ_TOLD_NOTHING;
	/* Later: the host says so itself, by STALE */
	if (vec->revoked && !vec->stale)
		return 0;

	/* Nothing more can come of it before ALLOC is answered well */
	*told = VIRTIO_IRQ_TOLD_SLOW;
	if (res->want && !res->has && !res->busy)
		return __virtio_irq_post_alloc(vec);
	if (res->has && com->want && !com->has && !com->busy)
		return __virtio_irq_post_commit(vec);

	*told = VIRTIO_IRQ_TOLD_FAST;
	if (res->has && arm->want && vec->dirty && (!com->want || com->has))
		return __virtio_irq_post_activate(vec, true);

	*told = VIRTIO_IRQ_TOLD_NOTHING;
	return 0;
}

/* How long the host may take for one of these */
static unsigned int virtio_irq_timeout_of(enum virtio_irq_told told)
{
	return told == VIRTIO_IRQ_TOLD_SLOW ? READ_ONCE(virtio_irq_sleep_timeout_ms) :
					      READ_ONCE(virtio_irq_poll_timeout_ms);
}

/* As __virtio_irq_tell(), and waits for a slot. @all: what was told before this one */
static int virtio_irq_tell(struct virtio_irq_vector *vec, enum virtio_irq_told *all)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	unsigned long end = jiffies + msecs_to_jiffies(READ_ONCE(virtio_irq_poll_timeout_ms));
	enum virtio_irq_told told;
	unsigned int ours;
	bool notify;
	int err;

	for (;;) {
		raw_spin_lock_irq(&vi->lock);
		err = __virtio_irq_tell(vec, &told);
		ours = vi->replaying;
		notify = __virtio_irq_notify_half(vi);
		raw_spin_unlock_irq(&vi->lock);
		virtio_irq_notify(vi, notify);

		if (!err)
			*all = max(*all, told);
		if (err != -EAGAIN && (err != -ETIMEDOUT || !ours))
			return err;
		if (!ours && time_after(jiffies, end))
			return -ETIMEDOUT;
		/* As many are under way as there are slots, ours or those of others */
		err = virtio_irq_await(vi, ours / 2, virtio_irq_timeout_of(*all));
		if (err)
			return err;
		if (!ours)
			usleep_range(100, 200);
	}
}

/* An endpoint that recovery may ask about */
static bool virtio_irq_is_attached(const struct virtio_irq_endpoint *ep)
{
	return !ep->in_transit && !ep->detached && !ep->lost && !ep->reread;
}

/* Once through all records. Returns 0, or an errno if there is no use in going on */
static int virtio_irq_tell_all(struct virtio_irq *vi, enum virtio_irq_told *all)
{
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;
	int err;

	*all = VIRTIO_IRQ_TOLD_NOTHING;
	list_for_each_entry(ep, &vi->endpoints, node) {
		if (!virtio_irq_is_attached(ep))
			continue;
		list_for_each_entry(store, &ep->stores, ep_node) {
			xa_for_each(&store->vectors, index, vec) {
				err = virtio_irq_tell(vec, all);
				if (err)
					return err;
			}
		}
	}
	return 0;
}

/*
 * Does the host route it as the record says, with the pair of the record? The answer to a
 * move of a stale vector, which is under way, may bring another one.
 */
static bool __virtio_irq_is_routed(const struct virtio_irq_vector *vec)
{
	return vec->arm.want && vec->arm.has && !vec->dirty && !(vec->stale && vec->arm.busy);
}

/* The host routes it: the domain may have to write its store, and makes up for messages */
static int virtio_irq_tell_domain(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	bool due, retrigger, done;

	raw_spin_lock_irq(&vi->lock);
	due = __virtio_irq_is_routed(vec);
	retrigger = due && vec->lossy;
	due = retrigger || (due && (READ_ONCE(vec->held) || vec->stale ||
				    virtio_irq_needs_rewrite(vec)));
	if (retrigger)
		vec->lossy = false;
	raw_spin_unlock_irq(&vi->lock);
	if (!due)
		return 0;

	done = vi->domain->replayed(vi->doms, vec, retrigger);
	raw_spin_lock_irq(&vi->lock);
	/* The interrupt is being activated: again, when it is */
	if (!done)
		vec->lossy |= retrigger && vec->arm.want;
	else if (__virtio_irq_is_routed(vec))
		vec->stale = false;
	raw_spin_unlock_irq(&vi->lock);
	return done ? 0 : -EAGAIN;
}

static int virtio_irq_tell_domains(struct virtio_irq *vi)
{
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;
	int err, left = 0;

	list_for_each_entry(ep, &vi->endpoints, node) {
		if (!virtio_irq_is_attached(ep))
			continue;
		list_for_each_entry(store, &ep->stores, ep_node) {
			xa_for_each(&store->vectors, index, vec) {
				err = virtio_irq_tell_domain(vec);
				left = err ?: left;
			}
		}
		virtio_irq_tell_owner(ep);
	}
	return left;
}

static int virtio_irq_reconcile_endpoint(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq_note note = { .endpoint = ep->id, .type = VIRTIO_IRQ_T_ATTACH };
	int err;

	if (ep->detached) {
		err = virtio_irq_call_detach(ep->vi, ep->id, true);
		if (!err) {
			list_del(&ep->node);
			virtio_irq_endpoint_free(ep);
		}
		return err;
	}
	if (!ep->lost && !ep->reread)
		return 0;
	err = ep->lost ? virtio_irq_reattach(ep) : virtio_irq_reread(ep);
	note.err = err;
	if (err && err != ep->refusal)
		virtio_irq_print_refusal(ep->vi, &note);
	WRITE_ONCE(ep->refusal, err);
	if (err)
		return err;
	ep->lost = false;
	WRITE_ONCE(ep->reread, false);
	wake_up_all(&ep->vi->wait);
	return 0;
}

static int virtio_irq_reconcile_endpoints(struct virtio_irq *vi)
{
	struct virtio_irq_endpoint *ep, *next;
	int err, left = 0;

	list_for_each_entry_safe(ep, next, &vi->endpoints, node) {
		if (ep->in_transit)
			continue;
		err = virtio_irq_reconcile_endpoint(ep);
		if (err == -ETIMEDOUT || err == -ENODEV)
			return err;
		left = err ?: left;
	}
	return left;
}

/* Until there is no difference, or none that the host does not refuse to mend */
static int virtio_irq_reconcile_vectors(struct virtio_irq *vi)
{
	enum virtio_irq_told told;
	unsigned int pass;
	int err;

	raw_spin_lock_irq(&vi->lock);
	/* Not the number that records start with */
	vi->replay = vi->replay + 1 ?: 1;
	vi->replay_err = 0;
	raw_spin_unlock_irq(&vi->lock);

	/*
	 * Not for ever with one that others change all the time: each of their
	 * changes has called for another reconciliation
	 */
	for (pass = 0; pass < VIRTIO_IRQ_MAX_PASSES; pass++) {
		err = virtio_irq_tell_all(vi, &told);
		if (err)
			return err;
		if (told == VIRTIO_IRQ_TOLD_NOTHING)
			break;
		err = virtio_irq_await(vi, 0, virtio_irq_timeout_of(told));
		if (err)
			return err;
	}
	err = virtio_irq_tell_domains(vi);
	return READ_ONCE(vi->replay_err) ?: err;
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
	int err, left;

	guard(mutex)(&vi->endpoints_lock);
	left = virtio_irq_reconcile_endpoints(vi);
	if (left == -ETIMEDOUT || left == -ENODEV)
		return left;
	err = virtio_irq_reconcile_vectors(vi);
	return err ?: left;
}
