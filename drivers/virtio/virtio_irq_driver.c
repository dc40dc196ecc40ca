// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the virtio driver and the operations
 *
 * One record per vector says what the domain wants and what the host
 * acknowledged. Whatever goes wrong leaves a difference between the two, and
 * virtio_irq_replay.c removes it.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "virtio_irq_internal.h"

static bool virtio_irq_strict;
module_param_named(strict, virtio_irq_strict, bool, 0444);
MODULE_PARM_DESC(strict,
		 "Notify the device of every request at once, even if it offers LAZY: default N");

/* Also how a device says that it needs a reset. May be a hard interrupt */
static void virtio_irq_config_changed(struct virtio_device *vdev)
{
	struct virtio_irq *vi = vdev->priv;
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vi->config_changed = true;
	__virtio_irq_recover_now(vi);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

static ssize_t reset_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct virtio_irq *vi = dev_to_virtio(dev)->priv;
	bool yes;
	int err;

	err = kstrtobool(buf, &yes);
	if (err || !yes)
		return err ?: -EINVAL;
	err = virtio_irq_ask_reset(vi);
	return err ?: count;
}
static DEVICE_ATTR_WO(reset);

static struct attribute *virtio_irq_attrs[] = {
	&dev_attr_reset.attr,
	NULL
};
ATTRIBUTE_GROUPS(virtio_irq);

static int virtio_irq_validate(struct virtio_device *vdev)
{
	/* virtqueue_add() must not allocate under a raw lock */
	__virtio_clear_bit(vdev, VIRTIO_RING_F_INDIRECT_DESC);
	/*
	 * Whether to notify is decided under the lock, and done without it. With
	 * EVENT_IDX one notification stands for several requests: a CPU that is
	 * interrupted in between would keep the others' requests from the device.
	 */
	__virtio_clear_bit(vdev, VIRTIO_RING_F_EVENT_IDX);
	return 0;
}

static int virtio_irq_probe(struct virtio_device *vdev)
{
	struct virtio_irq *vi;
	int err;

	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
		dev_err(&vdev->dev, "the device is not a virtio 1 device\n");
		return -ENODEV;
	}

	vi = kzalloc(sizeof(*vi), GFP_KERNEL);
	if (!vi)
		return -ENOMEM;
	vdev->priv = vi;
	vi->vdev = vdev;
	vi->strict = virtio_irq_strict;
	raw_spin_lock_init(&vi->lock);
	ratelimit_state_init(&vi->log_limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	ratelimit_state_init(&vi->event_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	mutex_init(&vi->endpoints_lock);
	INIT_LIST_HEAD(&vi->endpoints);
	INIT_LIST_HEAD(&vi->collected);
	vi->flush = __virtio_irq_flush_frees;
	INIT_DELAYED_WORK(&vi->recover, virtio_irq_recover);
	INIT_DELAYED_WORK(&vi->read_events, virtio_irq_read_events);
	INIT_DEFERRABLE_WORK(&vi->watch, virtio_irq_watch);
	vi->reboot.notifier_call = virtio_irq_reboot;
	init_waitqueue_head(&vi->wait);
	timer_setup(&vi->timer, virtio_irq_flush_timer, 0);
	vi->backoff = VIRTIO_IRQ_BACKOFF_MIN_MS;
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_EVENTQ))
		vi->features |= BIT(VIRTIO_IRQ_F_EVENTQ);
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_LAZY))
		vi->features |= BIT(VIRTIO_IRQ_F_LAZY);
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_ISOLATED))
		vi->features |= BIT(VIRTIO_IRQ_F_ISOLATED);
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_SCOPE))
		vi->features |= BIT(VIRTIO_IRQ_F_SCOPE);
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_PASID))
		vi->features |= BIT(VIRTIO_IRQ_F_PASID);

	err = virtio_irq_read_config(vi);
	if (err)
		goto free_vi;
	vi->wq = alloc_ordered_workqueue("virtio_irq", WQ_MEM_RECLAIM);
	if (!vi->wq) {
		err = -ENOMEM;
		goto free_vi;
	}
	err = virtio_irq_queue_init(vi);
	if (err)
		goto free_wq;

	virtio_device_ready(vdev);
	virtio_irq_queue_go(vi);
	vi->domain = &virtio_irq_domain_side;
	vi->doms = virtio_irq_domains_create(vi);
	if (IS_ERR(vi->doms)) {
		err = PTR_ERR(vi->doms);
		goto reset;
	}
	virtio_irq_debugfs_add(vi);
	dev_info(&vdev->dev, "%u slots,%s%s%s at most %u vectors per request\n", vi->num_slots,
		 vi->features & BIT(VIRTIO_IRQ_F_EVENTQ) ? " events," : "",
		 vi->features & BIT(VIRTIO_IRQ_F_LAZY) && !vi->strict ? " lazy," : "",
		 vi->features & BIT(VIRTIO_IRQ_F_SCOPE) ? " scoped," : "", vi->max_count);
	register_reboot_notifier(&vi->reboot);
	queue_delayed_work(vi->wq, &vi->watch, msecs_to_jiffies(VIRTIO_IRQ_WATCH_MS));
	virtio_irq_domains_start(vi->doms);
	return 0;

reset:
	raw_spin_lock_irq(&vi->lock);
	__virtio_irq_set_state(vi, VIRTIO_IRQ_GONE);
	raw_spin_unlock_irq(&vi->lock);
	cancel_delayed_work_sync(&vi->read_events);
	cancel_delayed_work_sync(&vi->recover);
	virtio_reset_device(vdev);
	virtio_irq_queue_exit(vi);
free_wq:
	destroy_workqueue(vi->wq);
free_vi:
	kfree(vi);
	return err;
}

static void virtio_irq_remove(struct virtio_device *vdev)
{
	struct virtio_irq *vi = vdev->priv;
	struct virtio_irq_endpoint *ep, *next;
	unsigned long flags;

	unregister_reboot_notifier(&vi->reboot);
	/* The worker may be about to act upon a change of the configuration */
	raw_spin_lock_irqsave(&vi->lock, flags);
	vi->stopping = true;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	/* Detaches every endpoint, so the queue still works */
	virtio_irq_domains_remove(vi->doms);
	/* No request is made any more, and nobody waits for the answer to one */
	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_set_state(vi, VIRTIO_IRQ_GONE);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	wake_up_all(&vi->wait);

	virtio_irq_debugfs_remove(vi);
	timer_shutdown_sync(&vi->timer);
	cancel_delayed_work_sync(&vi->watch);
	cancel_delayed_work_sync(&vi->read_events);
	cancel_delayed_work_sync(&vi->recover);
	virtio_irq_domains_free(vi->doms);
	/*
	 * A wait that has no bound of ours, as in the worker that was waited for: virtio
	 * core wants a driver to reset its device, and virtio-pci then waits until the
	 * device says that it is done
	 */
	virtio_reset_device(vdev);

	/* Those whose DETACH had no answer; the reset has given them back */
	list_for_each_entry_safe(ep, next, &vi->endpoints, node)
		virtio_irq_endpoint_free(ep);
	destroy_workqueue(vi->wq);
	virtio_irq_queue_exit(vi);
	kfree(vi);
}

static const struct virtio_device_id virtio_irq_ids[] = {
	{ VIRTIO_ID_IRQ, VIRTIO_DEV_ANY_ID },
	{ }
};
MODULE_DEVICE_TABLE(virtio, virtio_irq_ids);

static const unsigned int virtio_irq_features[] = {
	VIRTIO_IRQ_F_EVENTQ,
	VIRTIO_IRQ_F_SCOPE,
	VIRTIO_IRQ_F_ISOLATED,
	VIRTIO_IRQ_F_PASID,
	VIRTIO_IRQ_F_LAZY,
};

static struct virtio_driver virtio_irq_driver = {
	.driver.name		= KBUILD_MODNAME,
	.driver.owner		= THIS_MODULE,
	/* Unbinding takes every interrupt of the guest's disks away */
	.driver.suppress_bind_attrs = true,
	.driver.dev_groups	= virtio_irq_groups,
	.driver.pm		= pm_sleep_ptr(&virtio_irq_pm_ops),
	.id_table		= virtio_irq_ids,
	.feature_table		= virtio_irq_features,
	.feature_table_size	= ARRAY_SIZE(virtio_irq_features),
	.validate		= virtio_irq_validate,
	.probe			= virtio_irq_probe,
	.remove			= virtio_irq_remove,
	.config_changed		= virtio_irq_config_changed,
	.restore		= virtio_irq_restore,
};
module_virtio_driver(virtio_irq_driver);

MODULE_DESCRIPTION("Virtio interrupt controller");
MODULE_AUTHOR("The virtio-irq authors");
MODULE_LICENSE("GPL");
