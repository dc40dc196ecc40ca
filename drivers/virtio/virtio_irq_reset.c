// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: reset of the device
 *
 * The last resort: the device asks for it, or the administrator does. The host
 * then knows nothing any more, the records know everything. What each lost is
 * marked in them, and recovery goes through the records as it always does.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "virtio_irq_internal.h"

/* One ALLOC of a replay; its reservations are looked at with interrupts off */
#define VIRTIO_IRQ_REPLAY_COUNT	256U

/**
 * virtio_irq_ask_reset - reset the device by the administrator's word
 * @vi: the controller
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: 0 when requests are answered again; -ETIMEDOUT if they are not yet,
 * recovery goes on; -ENODEV after removal.
 */
int virtio_irq_ask_reset(struct virtio_irq *vi)
{
	raw_spin_lock_irq(&vi->lock);
	if (vi->state == VIRTIO_IRQ_GONE) {
		raw_spin_unlock_irq(&vi->lock);
		return -ENODEV;
	}
	vi->reset_asked = true;
	if (vi->state == VIRTIO_IRQ_READY) {
		vi->broken_at = ktime_get_mono_fast_ns();
		vi->state = VIRTIO_IRQ_BROKEN;
	}
	__virtio_irq_hurry(vi);
	raw_spin_unlock_irq(&vi->lock);

	wait_event_timeout(vi->wait, virtio_irq_settled(vi),
			   msecs_to_jiffies(READ_ONCE(virtio_irq_sleep_timeout_ms)));
	if (READ_ONCE(vi->state) == VIRTIO_IRQ_GONE)
		return -ENODEV;
	return READ_ONCE(vi->reset_asked) || !virtio_irq_settled(vi) ? -ETIMEDOUT : 0;
}

/**
 * virtio_irq_needs_reset - does nothing less than a reset of the device help?
 * @vi: the controller
 *
 * Context: process context; reads a device register.
 * Return: true if virtio_irq_device_reset() is due.
 */
bool virtio_irq_needs_reset(struct virtio_irq *vi)
{
	u8 status;

	/* One that failed has left the device without a queue */
	if (READ_ONCE(vi->reset_asked) || !vi->vq)
		return true;
	status = vi->vdev->config->get_status(vi->vdev);
	/* All ones: it has left the bus */
	return status != 0xff && (status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void virtio_irq_forget_vector(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;

	raw_spin_lock_irq(&vi->lock);
	vec->unreserved = __virtio_irq_is_granted(vec);
	vec->uncommitted = vec->committed;
	vec->release_lost = false;
	if (vec->wanted) {
		/* Its messages went to a pair that nobody honoured meanwhile */
		vec->lossy |= vec->armed || vec->maybe_armed;
		vec->dirty = true;
	}
	vec->armed = false;
	vec->maybe_armed = false;
	raw_spin_unlock_irq(&vi->lock);
}

static void virtio_irq_forget_store(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec;
	unsigned long index;

	raw_spin_lock_irq(&vi->lock);
	store->lost = true;
	store->unfreed.valid = false;
	store->owed = false;
	store->block_known = false;
	raw_spin_unlock_irq(&vi->lock);
	xa_for_each(&store->vectors, index, vec)
		virtio_irq_forget_vector(vec);
}

/* The host has forgotten everything, so there is nothing to be undone either */
static void virtio_irq_forget_host(struct virtio_irq *vi)
{
	struct virtio_irq_endpoint *ep, *next;
	struct virtio_irq_store *store;

	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry_safe(ep, next, &vi->endpoints, node) {
		if (ep->detached) {
			list_del(&ep->node);
			virtio_irq_endpoint_free(ep);
			continue;
		}
		ep->lost = true;
		list_for_each_entry(store, &ep->stores, ep_node)
			virtio_irq_forget_store(store);
	}
}

static void virtio_irq_add_status(struct virtio_device *vdev, u8 status)
{
	vdev->config->set_status(vdev, vdev->config->get_status(vdev) | status);
}

/* As virtio_device_restore(), which is there only with CONFIG_PM_SLEEP */
static int virtio_irq_reinit(struct virtio_irq *vi)
{
	struct virtio_device *vdev = vi->vdev;
	int err;

	virtio_irq_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_irq_add_status(vdev, VIRTIO_CONFIG_S_DRIVER);
	err = vdev->config->finalize_features(vdev);
	if (err)
		goto failed;
	virtio_irq_add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		err = -EIO;
		goto failed;
	}
	err = virtio_irq_read_config(vi);
	if (err)
		goto failed;
	err = virtio_irq_queue_find(vi);
	if (err)
		goto failed;
	virtio_device_ready(vdev);
	virtio_irq_queue_go(vi);
	return 0;

failed:
	virtio_irq_add_status(vdev, VIRTIO_CONFIG_S_FAILED);
	return err;
}

/**
 * virtio_irq_device_reset - reset the device and set it up again
 * @vi: the controller, in RECOVERING
 *
 * Afterwards every record differs from what the host knows, and says so.
 *
 * Context: process context, sleeps; recovery only.
 * Return: 0 or an errno; then there is no queue, and it has to be tried again.
 */
int virtio_irq_device_reset(struct virtio_irq *vi)
{
	struct virtio_device *vdev = vi->vdev;
	int err;

	/* virtio-pci would wait for a device that has left the bus for ever */
	if (vdev->config->get_status(vdev) == 0xff)
		return -ENODEV;

	dev_notice(&vdev->dev, "%s, resetting it\n",
		   vi->reset_asked ? "a reset was asked for" : "the device needs a reset");
	virtio_irq_queue_stop(vi);
	virtio_reset_device(vdev);
	virtio_irq_queue_drop(vi);
	/* What was answered before, and is not in the records yet, is lost */
	raw_spin_lock_irq(&vi->lock);
	vi->epoch++;
	raw_spin_unlock_irq(&vi->lock);
	virtio_irq_forget_host(vi);

	err = virtio_irq_reinit(vi);
	if (err) {
		dev_err_ratelimited(&vdev->dev, "the device cannot be set up again: %pe\n",
				    ERR_PTR(err));
		return err;
	}
	raw_spin_lock_irq(&vi->lock);
	vi->reset_asked = false;
	vi->stats.device_resets++;
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}

/* The next vectors from *@first on that one ALLOC can ask for again; false: none */
static bool virtio_irq_next_lost(struct virtio_irq_store *store, unsigned long *first,
				 struct virtio_irq_call *call, struct virtio_irq_rsp_alloc *reply)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec, *start = NULL;
	unsigned long index;
	u32 count = 0, max;
	u16 flags = 0;

	raw_spin_lock_irq(&vi->lock);
	max = min(vi->max_count, max(VIRTIO_IRQ_REPLAY_COUNT, store->block_count));
	xa_for_each_start(&store->vectors, index, vec, *first) {
		if (!__virtio_irq_is_granted(vec) || !vec->unreserved) {
			if (start)
				break;
			continue;
		}
		if (!start) {
			start = vec;
		} else if (index != start->index + count || count == max ||
			   vec->addr_width != start->addr_width ||
			   vec->data16 != start->data16 ||
			   vec->commit_alloc != start->commit_alloc) {
			break;
		}
		count++;
	}
	if (start) {
		flags |= start->commit_alloc ? VIRTIO_IRQ_ALLOC_F_COMMIT : 0;
		flags |= start->data16 ? VIRTIO_IRQ_ALLOC_F_DATA16 : 0;
		/* A block is the only thing that its store holds, see virtio_irq_alloc() */
		flags |= store->block_count ? VIRTIO_IRQ_ALLOC_F_CONTIGUOUS : 0;
		virtio_irq_build_alloc(call, store, start->index, count, flags,
				       start->addr_width, reply);
		call->replayed = store;
		call->changes = store->freed;
		*first = start->index;
	}
	raw_spin_unlock_irq(&vi->lock);
	return start;
}

/**
 * virtio_irq_replay_alloc - reserve again what a device reset took
 * @store: the store
 *
 * Context: process context, sleeps; recovery only.
 * Return: 0, or an errno if something is left to do.
 */
int virtio_irq_replay_alloc(struct virtio_irq_store *store)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_rsp_alloc reply;
	struct virtio_irq_vector *vec;
	struct virtio_irq_call call;
	unsigned long first = 0;
	u32 count, granted, i;
	int err, left = 0;
	bool lost;

	/* First: what is granted meanwhile may be lost, too */
	raw_spin_lock_irq(&vi->lock);
	lost = store->lost;
	store->lost = false;
	raw_spin_unlock_irq(&vi->lock);
	if (!lost)
		return 0;

	while (virtio_irq_next_lost(store, &first, &call, &reply)) {
		count = le32_to_cpu(call.req.alloc.count);
		err = virtio_irq_call_recovery(vi, &call, virtio_irq_sleep_timeout_ms);
		/* Some of them were freed meanwhile: look again */
		if (err == -ECANCELED)
			continue;
		granted = le32_to_cpu(reply.granted);
		if (!err && (granted < 1 || granted > count))
			err = -EIO;
		if (err) {
			virtio_irq_print_failure(vi, VIRTIO_IRQ_T_ALLOC, store->ep->id, first,
						 err);
			left = err;
			if (err == -ETIMEDOUT || err == -ENODEV)
				break;
			/* Others, with other needs, may be granted */
			first += count;
			continue;
		}
		for (i = 0; i < granted; i++) {
			vec = xa_load(&store->vectors, first + i);
			raw_spin_lock_irq(&vi->lock);
			vec->unreserved = false;
			raw_spin_unlock_irq(&vi->lock);
		}
		first += granted;
	}

	if (left) {
		raw_spin_lock_irq(&vi->lock);
		store->lost = true;
		raw_spin_unlock_irq(&vi->lock);
	}
	return left;
}

/**
 * virtio_irq_replay_commit - commit again what a device reset took
 * @vec: the record
 *
 * Context: process context, sleeps; recovery only.
 * Return: 0, or an errno if it is left to do.
 */
int virtio_irq_replay_commit(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_call call;
	int err;

	virtio_irq_build_commit(&call, vec);
	err = virtio_irq_call_recovery(vi, &call, virtio_irq_sleep_timeout_ms);
	if (!err) {
		raw_spin_lock_irq(&vi->lock);
		vec->uncommitted = false;
		raw_spin_unlock_irq(&vi->lock);
	} else if (err != -ECANCELED) {
		virtio_irq_print_failure(vi, VIRTIO_IRQ_T_COMMIT, vec->store->ep->id, vec->index,
					 err);
	}
	return err;
}
