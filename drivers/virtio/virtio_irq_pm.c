// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: suspend, hibernation, and the end of the kernel
 *
 * Device links have the devices that are served suspended before the controller and
 * resumed after it. Their interrupts go on meanwhile: they may wake the system, and
 * those of a CPU that goes down are moved, long after virtio-pci has taken the
 * controller its bus mastering. So the device is left as it is and armed interrupts
 * stay armed, and the engine is FROZEN: what the host would have to be told is put
 * down in the records only. When the controller resumes, its device was reset (by the
 * platform, and by virtio core in any case if it called the driver's restore()) or was
 * not. Recovery finds out, tells it all or only what is new, and has finished before
 * the next device resumes.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/pm.h>
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>

#include "virtio_irq_internal.h"

/* Requests that the device has, or is yet to get, and that were not given up */
static bool __virtio_irq_is_busy(struct virtio_irq *vi)
{
	unsigned int i;

	if (!list_empty(&vi->collected))
		return true;
	for (i = 0; i < vi->num_slots; i++)
		if (vi->slots[i].state == VIRTIO_IRQ_SLOT_POSTED ||
		    vi->slots[i].state == VIRTIO_IRQ_SLOT_WAITED)
			return true;
	return false;
}

/*
 * FROZEN from now on. What was posted is sent before, and answered if the host answers
 * soon: with LAZY it counts from the next message on, but only as long as the device
 * can read the ring.
 */
static void virtio_irq_drain(struct virtio_irq *vi)
{
	unsigned long end = jiffies + msecs_to_jiffies(READ_ONCE(virtio_irq_poll_timeout_ms));
	bool notify;

	raw_spin_lock_irq(&vi->lock);
	while (vi->state == VIRTIO_IRQ_READY && !time_after(jiffies, end)) {
		__virtio_irq_reap(vi);
		vi->flush(vi);
		notify = __virtio_irq_notify_lazy(vi, true);
		raw_spin_unlock_irq(&vi->lock);
		virtio_irq_notify(vi, notify);

		raw_spin_lock_irq(&vi->lock);
		__virtio_irq_reap(vi);
		if (!__virtio_irq_is_busy(vi))
			break;
		raw_spin_unlock_irq(&vi->lock);
		usleep_range(100, 200);
		raw_spin_lock_irq(&vi->lock);
	}
	if (vi->state != VIRTIO_IRQ_GONE)
		__virtio_irq_set_state(vi, VIRTIO_IRQ_FROZEN);
	raw_spin_unlock_irq(&vi->lock);
}

static void virtio_irq_freeze(struct virtio_irq *vi)
{
	virtio_irq_drain(vi);
	cancel_delayed_work_sync(&vi->watch);
	cancel_delayed_work_sync(&vi->read_events);
	cancel_delayed_work_sync(&vi->recover);
	timer_delete_sync(&vi->timer);
	virtio_irq_queue_stop(vi);
}

static int virtio_irq_pm_suspend(struct device *dev)
{
	virtio_irq_freeze(dev_to_virtio(dev)->priv);
	return 0;
}

/*
 * Hibernation: while the image is made nothing may write to memory, and the kernel in
 * the image must not find a device that writes to where another kernel's queue was.
 */
static int virtio_irq_pm_freeze(struct device *dev)
{
	struct virtio_irq *vi = dev_to_virtio(dev)->priv;

	virtio_irq_freeze(vi);
	if (virtio_irq_off_the_bus(vi))
		return 0;
	virtio_reset_device(vi->vdev);
	virtio_irq_host_reset(vi, false);
	return 0;
}

/**
 * virtio_irq_restore - virtio core has reset the device and agreed upon its features
 * @vdev: the device
 *
 * Called for the parent of the virtio device, so before the device itself resumes. A
 * transport that leaves the device as it is in its sleep does not call it.
 *
 * Context: process context, sleeps.
 * Return: 0, always: what failed is tried again by recovery, and after an error virtio
 * core would not report a change of the configuration any more.
 */
int virtio_irq_restore(struct virtio_device *vdev)
{
	struct virtio_irq *vi = vdev->priv;
	int err;

	virtio_irq_host_reset(vi, false);
	err = virtio_irq_setup(vi);
	if (err)
		dev_err(&vdev->dev, "the device cannot be set up again: %pe\n", ERR_PTR(err));
	return 0;
}

/* Before the devices that are served resume: they ask for interrupts, or wait for one */
static int virtio_irq_pm_resume(struct device *dev)
{
	struct virtio_irq *vi = dev_to_virtio(dev)->priv;
	long left;

	raw_spin_lock_irq(&vi->lock);
	if (vi->state != VIRTIO_IRQ_FROZEN) {
		raw_spin_unlock_irq(&vi->lock);
		return 0;
	}
	raw_spin_unlock_irq(&vi->lock);

	/* Nobody has reset it: the queue is as it was */
	if (vi->vq)
		virtio_irq_queue_go(vi);
	raw_spin_lock_irq(&vi->lock);
	vi->thawed = true;
	/* For virtio_irq_recovery_wait() */
	vi->broken_at = ktime_get_mono_fast_ns();
	__virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
	__virtio_irq_recover_now(vi);
	queue_delayed_work(vi->wq, &vi->watch, msecs_to_jiffies(VIRTIO_IRQ_WATCH_MS));
	raw_spin_unlock_irq(&vi->lock);

	left = wait_event_timeout(vi->wait, virtio_irq_settled(vi),
				  msecs_to_jiffies(READ_ONCE(virtio_irq_sleep_timeout_ms)));
	if (!left) {
		dev_err(dev, "no answer after the system resumed: recovering\n");
		raw_spin_lock_irq(&vi->lock);
		vi->thawed = false;
		raw_spin_unlock_irq(&vi->lock);
	}
	return 0;
}

/*
 * Of the virtio device, not of its transport: virtio-pci calls the virtio driver's
 * freeze() only for devices that are reset in their sleep, but none can be asked in it.
 */
const struct dev_pm_ops virtio_irq_pm_ops = {
	.suspend	= pm_sleep_ptr(virtio_irq_pm_suspend),
	.resume		= pm_sleep_ptr(virtio_irq_pm_resume),
	.freeze		= pm_sleep_ptr(virtio_irq_pm_freeze),
	.thaw		= pm_sleep_ptr(virtio_irq_pm_resume),
	.poweroff	= pm_sleep_ptr(virtio_irq_pm_freeze),
	.restore	= pm_sleep_ptr(virtio_irq_pm_resume),
};

/**
 * virtio_irq_reboot - the kernel ends: nothing is set up again from now on
 * @nb: vi->reboot
 * @action: SYS_*, or kexec's
 * @data: unused
 *
 * The devices that are served are shut down first and may still give back what they
 * have. Then virtio_dev_shutdown() breaks the queue and resets the device, of which it
 * does not tell the driver. Recovery would find a broken queue and a device without
 * DRIVER_OK, and would have the device write to memory that is the next kernel's.
 *
 * Context: process context, sleeps.
 * Return: NOTIFY_DONE.
 */
int virtio_irq_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	struct virtio_irq *vi = container_of(nb, struct virtio_irq, reboot);

	raw_spin_lock_irq(&vi->lock);
	vi->last_orders = true;
	/* There will be no recovery */
	if (vi->state != VIRTIO_IRQ_READY)
		__virtio_irq_set_state(vi, VIRTIO_IRQ_GONE);
	raw_spin_unlock_irq(&vi->lock);
	wake_up_all(&vi->wait);

	cancel_delayed_work_sync(&vi->watch);
	cancel_delayed_work_sync(&vi->read_events);
	cancel_delayed_work_sync(&vi->recover);
	timer_delete_sync(&vi->timer);
	return NOTIFY_DONE;
}
