// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the life of the virtqueues
 *
 * Found at probe and after a reset of the device, gone with the device. What
 * travels in them is virtio_irq_queue.c's and virtio_irq_event.c's.
 *
 * A reset of the queue alone is not used: virtio core waits for its end without a
 * bound, and it would be the answer to a device that answers nothing.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/dma-mapping.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "virtio_irq_compat.h"
#include "virtio_irq_internal.h"

/* Each slot's request and reply start on a cache line of their own */
#define VIRTIO_IRQ_REQ_STRIDE	ALIGN(sizeof(union virtio_irq_req), SMP_CACHE_BYTES)

static size_t virtio_irq_rsp_stride(const struct virtio_irq *vi)
{
	size_t len = max(sizeof(struct virtio_irq_rsp_attach) + vi->tlv_size,
			 sizeof(struct virtio_irq_rsp_activate));

	return ALIGN(len, SMP_CACHE_BYTES);
}

/**
 * virtio_irq_queue_stop - let nobody touch the virtqueue any more
 * @vi: the controller, whose state keeps new requests out
 *
 * Context: process context, sleeps.
 */
void virtio_irq_queue_stop(struct virtio_irq *vi)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	__virtio_irq_reap(vi);
	WRITE_ONCE(vi->resetting, true);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	/* Those who notify */
	synchronize_rcu();
}

/**
 * virtio_irq_queue_go - the virtqueues work, and requestq is empty
 * @vi: the controller, after DRIVER_OK
 *
 * Context: process context, sleeps.
 */
void virtio_irq_queue_go(struct virtio_irq *vi)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	virtqueue_disable_cb(vi->vq);
	vi->unnotified = 0;
	WRITE_ONCE(vi->resetting, false);
	__virtio_irq_events_go(vi);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	virtio_irq_act_on_events(vi);
}

/**
 * virtio_irq_queue_drop - the device has been reset: take its queues away
 * @vi: the controller, after virtio_irq_queue_stop()
 *
 * Context: process context, sleeps.
 */
void virtio_irq_queue_drop(struct virtio_irq *vi)
{
	struct virtio_irq_slot *slot;

	if (!vi->vq)
		return;
	while ((slot = virtqueue_detach_unused_buf(vi->vq))) {
		raw_spin_lock_irq(&vi->lock);
		__virtio_irq_drop(vi, slot);
		raw_spin_unlock_irq(&vi->lock);
	}
	virtio_irq_events_drop(vi);
	vi->vdev->config->del_vqs(vi->vdev);
	vi->vq = NULL;
	vi->evq = NULL;
}

static int virtio_irq_find_queues(struct virtio_irq *vi)
{
	/* Without a callback virtio-pci gives a queue VIRTIO_MSI_NO_VECTOR */
	struct virtqueue_info info[] = {
		[VIRTIO_IRQ_VQ_REQUEST]	= { "request" },
		[VIRTIO_IRQ_VQ_EVENT]	= { "event", virtio_irq_event_callback },
	};
	bool events = vi->features & BIT(VIRTIO_IRQ_F_EVENTQ);
	struct virtqueue *vqs[ARRAY_SIZE(info)] = { };
	int err;

	err = virtio_find_vqs(vi->vdev, events ? 2 : 1, vqs, info, NULL);
	if (err)
		return err;
	vi->vq = vqs[VIRTIO_IRQ_VQ_REQUEST];
	vi->evq = vqs[VIRTIO_IRQ_VQ_EVENT];
	return 0;
}

/* What was allocated for them was so by the first size */
static int virtio_irq_check_queue(struct virtio_irq *vi, struct virtqueue *vq,
				  const char *name, unsigned int least)
{
	unsigned int size = virtqueue_get_vring_size(vq);

	if (size >= least)
		return 0;
	dev_err(&vi->vdev->dev, "%s has %u descriptors, needs %u\n", name, size, least);
	return -EINVAL;
}

/*
 * Unless they were mapped beforehand, the ring maps a request and its reply under a raw
 * lock, as it does for any driver. But for PREEMPT_RT, that does not sleep.
 */
static int virtio_irq_check_mapping(struct virtio_irq *vi)
{
	if (vi->dma_dev || !IS_ENABLED(CONFIG_PREEMPT_RT) ||
	    !virtio_has_feature(vi->vdev, VIRTIO_F_ACCESS_PLATFORM))
		return 0;
	dev_err(&vi->vdev->dev,
		"VIRTIO_F_ACCESS_PLATFORM would map DMA under a raw lock on this kernel\n");
	return -EOPNOTSUPP;
}

/**
 * virtio_irq_queue_find - find the queues again after virtio_irq_queue_drop()
 * @vi: the controller
 *
 * Context: process context, sleeps.
 * Return: 0 or an errno; the queue is used from virtio_irq_queue_go() on.
 */
int virtio_irq_queue_find(struct virtio_irq *vi)
{
	int err;

	err = virtio_irq_find_queues(vi);
	if (err)
		return err;
	virtqueue_disable_cb(vi->vq);

	err = virtio_irq_check_queue(vi, vi->vq, "requestq",
				     max(VIRTIO_IRQ_REQUESTQ_MIN, 2 * vi->num_slots));
	if (!err && vi->evq)
		err = virtio_irq_check_queue(vi, vi->evq, "eventq", max(1, vi->num_event_bufs));
	if (err)
		goto drop;
	vi->dma_dev = virtio_irq_premap(vi->vq);
	if (!IS_ERR(vi->dma_dev) && vi->evq)
		vi->dma_dev = virtio_irq_premap(vi->evq);
	if (IS_ERR(vi->dma_dev)) {
		err = PTR_ERR(vi->dma_dev);
		vi->dma_dev = NULL;
		goto drop;
	}
	err = virtio_irq_check_mapping(vi);
	if (err)
		goto drop;
	return 0;

drop:
	virtio_irq_queue_drop(vi);
	return err;
}

static void virtio_irq_free_shared(struct virtio_irq *vi)
{
	if (vi->dma_dev)
		dma_free_coherent(vi->dma_dev, vi->shared_size, vi->shared, vi->shared_dma);
	else
		kfree(vi->shared);
}

/**
 * virtio_irq_queue_init - find the queues and allocate slots and buffers
 * @vi: the controller
 *
 * Context: process context, sleeps.
 * Return: 0 or an errno.
 */
int virtio_irq_queue_init(struct virtio_irq *vi)
{
	size_t rsp_stride = virtio_irq_rsp_stride(vi);
	unsigned int i;
	int err;

	err = virtio_irq_queue_find(vi);
	if (err)
		return err;

	/* Two descriptors each, see virtio_irq_validate() */
	vi->num_slots = min(virtqueue_get_vring_size(vi->vq) / 2, VIRTIO_IRQ_MAX_SLOTS);
	vi->slots = kcalloc(vi->num_slots, sizeof(*vi->slots), GFP_KERNEL);
	if (!vi->slots) {
		err = -ENOMEM;
		goto del_vqs;
	}
	vi->shared_size = vi->num_slots * (VIRTIO_IRQ_REQ_STRIDE + rsp_stride);
	if (vi->dma_dev)
		vi->shared = dma_alloc_coherent(vi->dma_dev, vi->shared_size,
						&vi->shared_dma, GFP_KERNEL);
	else
		vi->shared = kzalloc(vi->shared_size, GFP_KERNEL);
	if (!vi->shared) {
		err = -ENOMEM;
		goto free_slots;
	}

	for (i = 0; i < vi->num_slots; i++) {
		struct virtio_irq_slot *slot = &vi->slots[i];
		size_t offset = i * (VIRTIO_IRQ_REQ_STRIDE + rsp_stride);

		slot->vi = vi;
		slot->req = vi->shared + offset;
		slot->rsp = vi->shared + offset + VIRTIO_IRQ_REQ_STRIDE;
		sg_init_table(&slot->out, 1);
		sg_init_table(&slot->in, 1);
		slot->sgs[0] = &slot->out;
		slot->sgs[1] = &slot->in;
		if (vi->dma_dev) {
			/*
			 * The addresses are all that the ring takes. There need not be a
			 * struct page that virt_to_page() finds: an IOMMU's memory is remapped
			 */
			sg_dma_address(&slot->out) = vi->shared_dma + offset;
			sg_dma_address(&slot->in) = sg_dma_address(&slot->out) +
						    VIRTIO_IRQ_REQ_STRIDE;
		} else {
			sg_set_buf(&slot->out, slot->req, VIRTIO_IRQ_REQ_STRIDE);
			sg_set_buf(&slot->in, slot->rsp, rsp_stride);
		}
		slot->next = vi->idle;
		vi->idle = slot;
	}
	err = virtio_irq_events_init(vi);
	if (err)
		goto free_shared;
	return 0;

free_shared:
	virtio_irq_free_shared(vi);
free_slots:
	kfree(vi->slots);
del_vqs:
	virtio_irq_queue_drop(vi);
	return err;
}

/**
 * virtio_irq_queue_exit - free what virtio_irq_queue_init() made
 * @vi: the controller; the device has been reset, so it owns no buffer any more
 *
 * Context: process context, sleeps.
 */
void virtio_irq_queue_exit(struct virtio_irq *vi)
{
	virtio_irq_queue_drop(vi);
	virtio_irq_events_exit(vi);
	virtio_irq_free_shared(vi);
	kfree(vi->slots);
}
