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
#include <linux/pci.h>
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "virtio_irq_internal.h"

/* What a device that is not there reads as */
#define VIRTIO_IRQ_STATUS_ABSENT	0xff

static bool virtio_irq_was_reset(struct virtio_irq *vi)
{
	enum virtio_irq_state state = READ_ONCE(vi->state);

	return state == VIRTIO_IRQ_GONE ||
	       (state == VIRTIO_IRQ_READY && !READ_ONCE(vi->reset_asked));
}

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
	if (vi->state == VIRTIO_IRQ_READY)
		__virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
	__virtio_irq_recover_now(vi);
	raw_spin_unlock_irq(&vi->lock);

	wait_event_timeout(vi->wait, virtio_irq_was_reset(vi),
			   msecs_to_jiffies(READ_ONCE(virtio_irq_sleep_timeout_ms)));
	if (READ_ONCE(vi->state) == VIRTIO_IRQ_GONE)
		return -ENODEV;
	return virtio_irq_was_reset(vi) ? 0 : -ETIMEDOUT;
}

/**
 * virtio_irq_reset_reason - does nothing less than a reset of the device help?
 * @vi: the controller
 *
 * Context: process context; reads a device register.
 * Return: why virtio_irq_device_reset() is due, or NULL.
 */
const char *virtio_irq_reset_reason(struct virtio_irq *vi)
{
	u8 status = vi->vdev->config->get_status(vi->vdev);

	if (status == VIRTIO_IRQ_STATUS_ABSENT)
		return "it has left the bus";
	if (READ_ONCE(vi->reset_asked))
		return "a reset was asked for";
	/* A reset that failed has left the device without a queue */
	if (!vi->vq)
		return "the device is not set up";
	/* BAD_RING(): a used id that was never submitted, and nothing comes out any more */
	if (virtqueue_is_broken(vi->vq))
		return "the virtqueue is broken";
	if (vi->evq && virtqueue_is_broken(vi->evq))
		return "the event queue is broken";
	if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return "the device needs a reset";
	/* A function level reset, or virtio core could not set it up when it resumed */
	if (!(status & VIRTIO_CONFIG_S_DRIVER_OK))
		return "somebody else has reset the device";
	return NULL;
}

/**
 * virtio_irq_off_the_bus - has the device left the bus?
 * @vi: the controller
 *
 * So has one, for a moment, while its function is being reset.
 *
 * Context: any; reads a device register.
 * Return: true if it has.
 */
bool virtio_irq_off_the_bus(struct virtio_irq *vi)
{
	u8 status = vi->vdev->config->get_status(vi->vdev);
	struct device *parent = vi->vdev->dev.parent;

	if (status == VIRTIO_IRQ_STATUS_ABSENT)
		return true;
	/* Some hosts have memory that nobody decodes read as 0, like one that was reset */
	return !status && parent && dev_is_pci(parent) &&
	       !pci_device_is_present(to_pci_dev(parent));
}

/**
 * virtio_irq_watch - was the device reset while nobody asked anything of it?
 * @work: vi->watch, deferrable
 *
 * Nobody tells a virtio driver of a function level reset. The devices that are served
 * would wait for interrupts that do not come until somebody makes a request.
 *
 * Context: process context on vi->wq.
 */
void virtio_irq_watch(struct work_struct *work)
{
	struct virtio_irq *vi = container_of(to_delayed_work(work), struct virtio_irq, watch);

	/* In any other state recovery has the device in view */
	if (READ_ONCE(vi->state) == VIRTIO_IRQ_READY && !list_empty_careful(&vi->endpoints) &&
	    virtio_irq_reset_reason(vi)) {
		raw_spin_lock_irq(&vi->lock);
		if (vi->state == VIRTIO_IRQ_READY) {
			__virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
			__virtio_irq_recover_now(vi);
		}
		raw_spin_unlock_irq(&vi->lock);
	}
	raw_spin_lock_irq(&vi->lock);
	if (virtio_irq_may_recover(vi))
		queue_delayed_work(vi->wq, &vi->watch, msecs_to_jiffies(VIRTIO_IRQ_WATCH_MS));
	raw_spin_unlock_irq(&vi->lock);
}

static void virtio_irq_forget_vector(struct virtio_irq_vector *vec, bool delivered)
{
	struct virtio_irq *vi = vec->store->ep->vi;

	raw_spin_lock_irq(&vi->lock);
	if (vec->arm.want) {
		/* Its messages go to a pair that nobody honours, or wait in its source */
		vec->lossy |= __virtio_irq_fact_may(&vec->arm) &&
			      !(delivered && READ_ONCE(vec->held));
		vec->dirty = true;
	}
	/* Asked for anew, like all others */
	vec->stale = false;
	vec->revoked = 0;
	__virtio_irq_fact_forget(&vec->res);
	__virtio_irq_fact_forget(&vec->com);
	__virtio_irq_fact_forget(&vec->arm);
	raw_spin_unlock_irq(&vi->lock);
}

static void virtio_irq_forget_store(struct virtio_irq_store *store, bool delivered)
{
	struct virtio_irq *vi = store->ep->vi;
	struct virtio_irq_vector *vec;
	unsigned long index;

	raw_spin_lock_irq(&vi->lock);
	store->block_known = false;
	raw_spin_unlock_irq(&vi->lock);
	xa_for_each(&store->vectors, index, vec)
		virtio_irq_forget_vector(vec, delivered);
}

/* The host has forgotten everything, so there is nothing to be undone either */
static void virtio_irq_forget_host(struct virtio_irq *vi, bool delivered)
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
		WRITE_ONCE(ep->reread, false);
		list_for_each_entry(store, &ep->stores, ep_node)
			virtio_irq_forget_store(store, delivered);
	}
}

/*
 * Nobody honours a pair from the reset on until its vector is armed again. So the
 * sources that can be masked are, and what happens meanwhile waits in them. Returns
 * true if what they sent before was delivered: the device was not reset before.
 */
static bool virtio_irq_hold_sources(struct virtio_irq *vi)
{
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;

	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry(ep, &vi->endpoints, node)
		list_for_each_entry(store, &ep->stores, ep_node)
			xa_for_each(&store->vectors, index, vec)
				if (READ_ONCE(vec->arm.want))
					vi->domain->hold(vi->doms, vec);
	return vi->vdev->config->get_status(vi->vdev) & VIRTIO_CONFIG_S_DRIVER_OK;
}

/**
 * virtio_irq_host_reset - the device has been reset: the host knows nothing any more
 * @vi: the controller, after virtio_irq_queue_stop()
 * @delivered: nothing is lost of what sources sent that are held
 *
 * Context: process context, sleeps.
 */
void virtio_irq_host_reset(struct virtio_irq *vi, bool delivered)
{
	virtio_irq_queue_drop(vi);
	virtio_irq_forget_host(vi, delivered);
}

/**
 * virtio_irq_setup - the features are agreed upon: make requests possible
 * @vi: the controller, after virtio_irq_host_reset()
 *
 * Context: process context, sleeps.
 * Return: 0 or an errno; then there is no queue.
 */
int virtio_irq_setup(struct virtio_irq *vi)
{
	int err;

	err = virtio_irq_read_config(vi);
	if (err)
		return err;
	err = virtio_irq_queue_find(vi);
	if (err)
		return err;
	virtio_device_ready(vi->vdev);
	virtio_irq_queue_go(vi);
	vi->reset_err = 0;
	raw_spin_lock_irq(&vi->lock);
	vi->reset_asked = false;
	vi->stats.device_resets++;
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}

/* As virtio_device_restore(), which is there only with CONFIG_PM_SLEEP */
static int virtio_irq_reinit(struct virtio_irq *vi)
{
	struct virtio_device *vdev = vi->vdev;
	int err;

	virtio_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_add_status(vdev, VIRTIO_CONFIG_S_DRIVER);
	err = vdev->config->finalize_features(vdev);
	if (err)
		goto failed;
	virtio_add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		err = -EIO;
		goto failed;
	}
	err = virtio_irq_setup(vi);
	if (err)
		goto failed;
	return 0;

failed:
	virtio_add_status(vdev, VIRTIO_CONFIG_S_FAILED);
	return err;
}

/**
 * virtio_irq_device_reset - reset the device and set it up again
 * @vi: the controller, in RECOVERING
 * @reason: why, see virtio_irq_reset_reason()
 *
 * Afterwards every record differs from what the host knows, and says so.
 *
 * Context: process context, sleeps; recovery only.
 * Return: 0 or an errno; then there is no queue, and it has to be tried again.
 */
int virtio_irq_device_reset(struct virtio_irq *vi, const char *reason)
{
	struct virtio_device *vdev = vi->vdev;
	bool delivered;
	int err;

	/* virtio-pci would wait for a device that has left the bus for ever */
	if (virtio_irq_off_the_bus(vi))
		return -ENXIO;

	/* It is tried until it works, and told once */
	if (!vi->reset_err)
		dev_notice(&vdev->dev, "resetting the device: %s\n", reason);
	delivered = virtio_irq_hold_sources(vi);
	virtio_irq_queue_stop(vi);
	virtio_reset_device(vdev);
	virtio_irq_host_reset(vi, delivered);

	err = virtio_irq_reinit(vi);
	if (err && err != vi->reset_err)
		dev_err(&vdev->dev, "the device cannot be set up again: %pe\n", ERR_PTR(err));
	if (err)
		vi->reset_err = err;
	return err;
}
