// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: recovery
 *
 * One worker. It prints what atomic paths could not, waits for a host that does
 * not answer, and makes the host hold what the records say, see
 * virtio_irq_replay.c. It takes neither a device's MSI mutex nor an interrupt's
 * request_mutex, whose owners may be waiting for it.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "virtio_irq_internal.h"

static bool virtio_irq_set_state(struct virtio_irq *vi, enum virtio_irq_state state)
{
	bool ok;

	raw_spin_lock_irq(&vi->lock);
	ok = virtio_irq_may_recover(vi);
	if (ok)
		__virtio_irq_set_state(vi, state);
	else if (vi->last_orders && vi->state != VIRTIO_IRQ_READY)
		__virtio_irq_set_state(vi, VIRTIO_IRQ_GONE);
	raw_spin_unlock_irq(&vi->lock);
	return ok;
}

/* A vector of which the host holds exactly what the record says, as far as is known */
static struct virtio_irq_vector *virtio_irq_in_step(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq *vi = ep->vi;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;

	list_for_each_entry(store, &ep->stores, ep_node) {
		xa_for_each(&store->vectors, index, vec) {
			bool same;

			raw_spin_lock_irq(&vi->lock);
			same = vec->res.want && __virtio_irq_fact_is_sure(&vec->res) &&
			       __virtio_irq_fact_is_sure(&vec->arm) && !vec->dirty;
			raw_spin_unlock_irq(&vi->lock);
			if (same)
				return vec;
		}
	}
	return NULL;
}

/* Tell the host of one vector what it knows. NOENT: it does not know the vector */
static int virtio_irq_ping_vector(struct virtio_irq *vi, struct virtio_irq_vector *vec)
{
	struct virtio_irq_call call;

	/* If this changes meanwhile, the record says so, and reconciliation follows */
	raw_spin_lock_irq(&vi->lock);
	if (vec->arm.want)
		virtio_irq_build_activate(&call, vec, &vec->route, vec->pasid);
	else
		virtio_irq_build_deactivate(&call, vec);
	raw_spin_unlock_irq(&vi->lock);
	call.recovery = true;
	return virtio_irq_call_sleep(vi, &call, virtio_irq_poll_timeout_ms);
}

/*
 * Does the host answer, and does it still know what it acknowledged? It may have been
 * reset behind the driver's back and set up again, as virtio_device_restore() does.
 * Returns 0, -ETIMEDOUT or -ENODEV, or -ENOENT if it has forgotten.
 */
static int virtio_irq_ping(struct virtio_irq *vi)
{
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_vector *vec;
	int err;

	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry(ep, &vi->endpoints, node) {
		if (ep->detached || ep->in_transit || ep->lost)
			continue;
		vec = virtio_irq_in_step(ep);
		if (!vec)
			continue;
		err = virtio_irq_ping_vector(vi, vec);
		if (err == -ENOENT) {
			/* The function may have left the machine, which says nothing of others */
			err = virtio_irq_reattach(ep);
			if (err == -ENOENT)
				continue;
			return err == -ETIMEDOUT || err == -ENODEV || err == -ENOMEM ? err :
										      -ENOENT;
		}
		return err == -ETIMEDOUT || err == -ENODEV ? err : 0;
	}
	/* Endpoint 0, the host bridge, is never served: OK changes nothing */
	err = virtio_irq_call_detach(vi, 0, true);
	return err == -ETIMEDOUT || err == -ENODEV ? err : 0;
}

/*
 * BROKEN: does the host answer again? What it has not answered stays with it. Those
 * requests were sent before all that follow, so they do no harm whenever they take
 * effect.
 */
static int virtio_irq_reopen(struct virtio_irq *vi)
{
	bool absent = READ_ONCE(vi->state) == VIRTIO_IRQ_ABSENT;
	const char *reason;
	bool full;
	int err;

	if (virtio_irq_off_the_bus(vi)) {
		if (!virtio_irq_set_state(vi, VIRTIO_IRQ_ABSENT))
			return -ENODEV;
		wake_up_all(&vi->wait);
		if (!absent)
			dev_err(&vi->vdev->dev, "the device has left the bus\n");
		return -ENXIO;
	}
	if (!virtio_irq_set_state(vi, VIRTIO_IRQ_RECOVERING))
		return -ENODEV;
	reason = absent ? "it is back on the bus" : virtio_irq_reset_reason(vi);
	if (reason) {
		err = virtio_irq_device_reset(vi, reason);
		if (err)
			virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
		return err;
	}
	raw_spin_lock_irq(&vi->lock);
	__virtio_irq_abandon(vi);
	full = vi->abandoned >= vi->num_slots - 1;
	raw_spin_unlock_irq(&vi->lock);
	if (full && !vi->full_told)
		dev_err(&vi->vdev->dev,
			"none of %u requests was answered: unless the host makes up for it, write 1 to /sys/bus/virtio/devices/%s/reset\n",
			vi->num_slots - 1, dev_name(&vi->vdev->dev));
	vi->full_told |= full;
	err = virtio_irq_ping(vi);
	if (err == -ENOENT)
		err = virtio_irq_device_reset(vi, "the host has forgotten its endpoints");
	if (err)
		virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
	return err;
}

static void virtio_irq_recover_later(struct virtio_irq *vi)
{
	raw_spin_lock_irq(&vi->lock);
	if (virtio_irq_may_recover(vi))
		queue_delayed_work(vi->wq, &vi->recover, msecs_to_jiffies(vi->backoff));
	vi->backoff = min(2 * vi->backoff, VIRTIO_IRQ_BACKOFF_MAX_MS);
	raw_spin_unlock_irq(&vi->lock);
}

/* RECOVERING ends unless something changed that reconcile has not seen */
static bool virtio_irq_settle(struct virtio_irq *vi, u64 marks, bool force)
{
	u64 since = 0;
	bool ok, woke = false, quiet = false;

	raw_spin_lock_irq(&vi->lock);
	ok = marks == vi->marks || force;
	if (ok && vi->state == VIRTIO_IRQ_RECOVERING) {
		since = vi->broken_at;
		quiet = vi->thawed;
		vi->thawed = false;
		__virtio_irq_set_state(vi, VIRTIO_IRQ_READY);
		vi->stats.recoveries++;
		woke = true;
	}
	raw_spin_unlock_irq(&vi->lock);

	if (woke) {
		vi->full_told = false;
		wake_up_all(&vi->wait);
	}
	if (woke && !quiet)
		dev_notice(&vi->vdev->dev, "the host answers again, after %llu ms\n",
			   div_u64(ktime_get_mono_fast_ns() - since, NSEC_PER_MSEC));
	return ok;
}

/* A change of the configuration, or a device that needs a reset */
static void virtio_irq_config(struct virtio_irq *vi)
{
	bool changed, asked;

	raw_spin_lock_irq(&vi->lock);
	changed = vi->config_changed;
	vi->config_changed = false;
	/* Asked for while another recovery was under way */
	asked = vi->reset_asked;
	raw_spin_unlock_irq(&vi->lock);
	if (!changed && !asked)
		return;

	if (virtio_irq_reset_reason(vi)) {
		virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
	} else if (!virtio_irq_read_config(vi)) {
		raw_spin_lock_irq(&vi->lock);
		if (!vi->stopping)
			vi->domain->rescan(vi->doms);
		raw_spin_unlock_irq(&vi->lock);
	}
}

static void virtio_irq_do_recover(struct virtio_irq *vi)
{
	unsigned int pass;
	u64 marks;
	int err;

	virtio_irq_print_notes(vi);
	/* It cannot be read, and is read when the device is back */
	if (READ_ONCE(vi->state) != VIRTIO_IRQ_ABSENT)
		virtio_irq_config(vi);

	if (READ_ONCE(vi->state) == VIRTIO_IRQ_BROKEN ||
	    READ_ONCE(vi->state) == VIRTIO_IRQ_ABSENT) {
		err = virtio_irq_reopen(vi);
		if (err) {
			if (err != -ENODEV)
				virtio_irq_recover_later(vi);
			return;
		}
	}

	for (pass = 1; ; pass++) {
		virtio_irq_act_on_events(vi);
		raw_spin_lock_irq(&vi->lock);
		marks = vi->marks;
		raw_spin_unlock_irq(&vi->lock);

		err = virtio_irq_reconcile(vi);
		virtio_irq_print_notes(vi);
		if (err == -ENODEV)
			return;
		if (err == -ETIMEDOUT) {
			virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
			virtio_irq_recover_later(vi);
			return;
		}
		if (virtio_irq_settle(vi, marks, pass == VIRTIO_IRQ_MAX_PASSES))
			break;
	}

	/* A refused replay is tried again later, the queue itself is fine */
	if (err) {
		virtio_irq_recover_later(vi);
		return;
	}
	raw_spin_lock_irq(&vi->lock);
	vi->backoff = VIRTIO_IRQ_BACKOFF_MIN_MS;
	raw_spin_unlock_irq(&vi->lock);
}

/**
 * virtio_irq_recover - the recovery worker
 * @work: vi->recover
 *
 * Context: process context on vi->wq, sleeps.
 */
void virtio_irq_recover(struct work_struct *work)
{
	struct virtio_irq *vi = container_of(to_delayed_work(work), struct virtio_irq, recover);
	/* The disk that reclaim writes to may be waiting for this */
	unsigned int noio = memalloc_noio_save();

	virtio_irq_do_recover(vi);
	memalloc_noio_restore(noio);
}
