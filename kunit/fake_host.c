// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtio transport for tests: the ring is the real one of the virtio core,
 * its other side is walked here by hand, at the addresses that the driver gave.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/device.h>
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/vmalloc.h>

#include "fake_host.h"

static struct fake_host *to_fake(struct virtio_device *vdev)
{
	return container_of(vdev, struct fake_host, vdev);
}

/**
 * fake_used - put an element into the used ring
 * @host: the host, its lock held
 * @id: as it would be the head of a request
 * @len: the used length
 */
void fake_used(struct fake_host *host, u32 id, u32 len)
{
	struct vring_used *used = phys_to_virt(virtqueue_get_used_addr(host->vq));
	u16 idx = le16_to_cpu((__force __le16)used->idx);

	used->ring[idx % FAKE_RING].id = (__force __virtio32)cpu_to_le32(id);
	used->ring[idx % FAKE_RING].len = (__force __virtio32)cpu_to_le32(len);
	/* The element before its index */
	smp_wmb();
	used->idx = (__force __virtio16)cpu_to_le16(idx + 1);
}

/**
 * fake_hold - keep an answer back until fake_host_speak()
 * @host: the host, its lock held
 * @head: head of the request
 * @len: the used length
 */
void fake_hold(struct fake_host *host, u16 head, u32 len)
{
	host->held[host->num_held].head = head;
	host->held[host->num_held].len = len;
	host->num_held++;
}

static enum fake_fault fake_rule(struct fake_host *host, u8 type, u64 *arg)
{
	if (!host->rule.times || (host->rule.type && host->rule.type != type))
		return FAKE_NONE;
	if (host->rule.skip) {
		host->rule.skip--;
		return FAKE_NONE;
	}
	host->rule.times--;
	*arg = host->rule.arg;
	return host->rule.fault;
}

static void fake_one(struct fake_host *host, u16 head)
{
	struct vring_desc *desc = phys_to_virt(virtqueue_get_desc_addr(host->vq));
	struct vring_desc *out = &desc[head];
	struct vring_desc *in = &desc[le16_to_cpu((__force __le16)out->next)];
	u8 *req = phys_to_virt(le64_to_cpu((__force __le64)out->addr));
	u8 *rsp = phys_to_virt(le64_to_cpu((__force __le64)in->addr));
	u32 req_len = le32_to_cpu((__force __le32)out->len);
	struct virtio_irq_rsp_activate *pair = (void *)rsp;
	struct fake_request *log = &host->log[host->num_requests++ % FAKE_LOG];
	enum fake_fault fault;
	u64 arg = 0;
	size_t len;

	log->len = req_len;
	memcpy(log->bytes, req, min_t(u32, req_len, sizeof(log->bytes)));
	if (host->answer) {
		host->answer(host, head, req, req_len, rsp,
			     le32_to_cpu((__force __le32)in->len));
		return;
	}
	fault = fake_rule(host, req[0], &arg);
	if (fault == FAKE_LOST)
		return;
	if (fault == FAKE_REFUSE) {
		memset(rsp, 0, sizeof(struct virtio_irq_rsp_head));
		rsp[0] = arg;
		fake_used(host, head, sizeof(struct virtio_irq_rsp_head));
		return;
	}

	len = fake_model_request(host, req, req_len, rsp);
	switch (fault) {
	case FAKE_LENGTH:
		len = arg;
		break;
	case FAKE_STATUS:
		rsp[0] = arg;
		break;
	case FAKE_ADDRESS:
		pair->address = cpu_to_le64(arg);
		break;
	case FAKE_DATA:
		pair->data = cpu_to_le32(arg);
		break;
	case FAKE_GRANTED:
		((struct virtio_irq_rsp_alloc *)rsp)->granted = cpu_to_le32(arg);
		((struct virtio_irq_rsp_alloc *)rsp)->reason = arg >> 32;
		break;
	case FAKE_SLOW:
		mdelay(arg);
		break;
	case FAKE_SILENT:
		fake_hold(host, head, len);
		return;
	case FAKE_TWICE:
		fake_used(host, head, len);
		break;
	case FAKE_WRONG_ID:
		fake_used(host, FAKE_RING + 5, len);
		return;
	default:
		break;
	}
	fake_used(host, head, len);
}

static u8 *fake_req(struct fake_host *host, u16 head)
{
	struct vring_desc *desc = phys_to_virt(virtqueue_get_desc_addr(host->vq));

	return phys_to_virt(le64_to_cpu((__force __le64)desc[head].addr));
}

static void fake_preview(struct fake_host *host, struct vring_avail *avail)
{
	u16 end = le16_to_cpu((__force __le16)READ_ONCE(avail->idx)), i;

	for (i = READ_ONCE(host->last_avail); i != end; i++)
		host->in_notify(host, fake_req(host, le16_to_cpu((__force __le16)
								   avail->ring[i % FAKE_RING])));
}

static bool fake_notify(struct virtqueue *vq)
{
	struct fake_host *host = to_fake(vq->vdev);
	struct vring_avail *avail = phys_to_virt(virtqueue_get_avail_addr(vq));
	unsigned long flags;

	if (host->in_notify)
		fake_preview(host, avail);
	raw_spin_lock_irqsave(&host->lock, flags);
	host->notifications++;
	while (host->last_avail != le16_to_cpu((__force __le16)READ_ONCE(avail->idx))) {
		u16 slot = host->last_avail++ % FAKE_RING;

		fake_one(host, le16_to_cpu((__force __le16)avail->ring[slot]));
	}
	raw_spin_unlock_irqrestore(&host->lock, flags);
	return true;
}

/* What matters of eventq is what is available in it when there is something to say */
static bool fake_notify_event(struct virtqueue *vq)
{
	to_fake(vq->vdev)->event_notifications++;
	return true;
}

static void fake_get(struct virtio_device *vdev, unsigned int offset, void *buf, unsigned int len)
{
	memcpy(buf, (u8 *)&to_fake(vdev)->config + offset, len);
}

static u32 fake_generation(struct virtio_device *vdev)
{
	struct fake_host *host = to_fake(vdev);

	if (host->restless) {
		host->restless--;
		host->generation++;
	}
	if (host->in_config)
		host->in_config(host);
	return host->generation;
}

static u8 fake_get_status(struct virtio_device *vdev)
{
	return to_fake(vdev)->status;
}

static void fake_set_status(struct virtio_device *vdev, u8 status)
{
	if (to_fake(vdev)->no_features)
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	to_fake(vdev)->status = status;
}

static void fake_reset(struct virtio_device *vdev)
{
	struct fake_host *host = to_fake(vdev);

	host->status = 0;
	host->last_avail = 0;
	host->last_event = 0;
	host->num_held = 0;
	host->allocated = 0;
	memset(host->endpoints, 0, sizeof(host->endpoints));
	if (host->in_reset)
		host->in_reset(host);
}

static int fake_find_vqs(struct virtio_device *vdev, unsigned int nvqs, struct virtqueue *vqs[],
			 struct virtqueue_info info[], struct irq_affinity *desc)
{
	struct fake_host *host = to_fake(vdev);

	/* The second one is there with EVENTQ only, and the driver takes both */
	if (nvqs != 1 + virtio_has_feature(vdev, VIRTIO_IRQ_F_EVENTQ))
		return -EINVAL;
	if (host->no_queue > 0) {
		host->no_queue--;
		return -ENOENT;
	}
	vqs[0] = vring_create_virtqueue(0, host->ring, SMP_CACHE_BYTES, vdev, true, false, false,
					fake_notify, info[0].callback, info[0].name);
	if (!vqs[0])
		return -ENOMEM;
	host->vq = vqs[0];
	if (nvqs == 1)
		return 0;
	vqs[1] = vring_create_virtqueue(1, host->event_ring, SMP_CACHE_BYTES, vdev, true, false,
					false, fake_notify_event, info[1].callback, info[1].name);
	if (!vqs[1]) {
		vring_del_virtqueue(host->vq);
		host->vq = NULL;
		return -ENOMEM;
	}
	host->evq = vqs[1];
	return 0;
}

static void fake_del_vqs(struct virtio_device *vdev)
{
	struct fake_host *host = to_fake(vdev);

	vring_del_virtqueue(host->vq);
	host->vq = NULL;
	if (host->evq)
		vring_del_virtqueue(host->evq);
	host->evq = NULL;
}

static u64 fake_get_features(struct virtio_device *vdev)
{
	return to_fake(vdev)->features;
}

static int fake_finalize_features(struct virtio_device *vdev)
{
	if (to_fake(vdev)->no_finalize > 0) {
		to_fake(vdev)->no_finalize--;
		return -EINVAL;
	}
	vring_transport_features(vdev);
	return 0;
}

static const char *fake_bus_name(struct virtio_device *vdev)
{
	return "fake";
}

static const struct virtio_config_ops fake_config_ops = {
	.get			= fake_get,
	.generation		= fake_generation,
	.get_status		= fake_get_status,
	.set_status		= fake_set_status,
	.reset			= fake_reset,
	.find_vqs		= fake_find_vqs,
	.del_vqs		= fake_del_vqs,
	.get_features		= fake_get_features,
	.finalize_features	= fake_finalize_features,
	.bus_name		= fake_bus_name,
};

static void fake_release(struct device *dev)
{
	vfree(container_of(dev, struct fake_host, vdev.dev));
}

static void fake_unregister(void *data)
{
	struct kunit *test = kunit_get_current_test();

	/* The contract holds for the driver as well */
	if (test)
		KUNIT_EXPECT_EQ(test, to_fake(data)->malformed, 0);
	unregister_virtio_device(data);
}

/**
 * fake_host_new - a host that is not yet on the bus
 * @test: the test it lives as long as
 * @features: bits that it offers beyond VERSION_1
 */
struct fake_host *fake_host_new(struct kunit *test, u64 features)
{
	struct fake_host *host = vzalloc(sizeof(*host));
	static unsigned int number;
	char name[32];

	KUNIT_ASSERT_NOT_NULL(test, host);
	raw_spin_lock_init(&host->lock);
	host->features = BIT_ULL(VIRTIO_F_VERSION_1) | features;
	host->quota = UINT_MAX;
	host->multi_msi = 5;
	host->ring = FAKE_RING;
	host->event_ring = FAKE_EVENT_RING;
	host->pair_address = FAKE_PAIR_ADDRESS;
	host->window_start = FAKE_WINDOW_START;
	host->window_end = FAKE_WINDOW_END;
	host->config.max_vectors = cpu_to_le32(FAKE_VECTORS);
	host->config.max_endpoints = cpu_to_le32(FAKE_ENDPOINTS);
	host->config.max_count = cpu_to_le32(FAKE_VECTORS);
	host->config.tlv_size = cpu_to_le32(FAKE_TLV_SIZE);
	host->vdev.id.device = VIRTIO_ID_IRQ;
	host->vdev.id.vendor = 0x1af4;
	host->vdev.config = &fake_config_ops;
	host->vdev.dev.release = fake_release;
	/* A test may have several */
	snprintf(name, sizeof(name), "virtio-irq-host%u", number++);
	host->vdev.dev.parent = kunit_device_register(test, name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, host->vdev.dev.parent);
	/* Who maps for DMA gets physical addresses, which is what the ring is walked by */
	host->vdev.dev.parent->dma_mask = &host->vdev.dev.parent->coherent_dma_mask;
	host->vdev.dev.parent->coherent_dma_mask = DMA_BIT_MASK(64);
	return host;
}

/**
 * fake_host_start - put it on the bus, where the driver probes it
 * @host: the host, gone with the test or with this failing
 *
 * Return: 0, or -ENODEV if the driver did not take it.
 */
int fake_host_start(struct fake_host *host)
{
	struct kunit *test = current->kunit_test;
	int err = register_virtio_device(&host->vdev);

	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_unregister, &host->vdev), 0);
	host->vi = host->vdev.dev.driver ? host->vdev.priv : NULL;
	return host->vi ? 0 : -ENODEV;
}

/**
 * fake_host_rule - misbehave
 * @host: the host
 * @fault: how
 * @type: towards requests of this type, 0: any
 * @times: how often
 * @arg: see enum fake_fault
 */
void fake_host_rule(struct fake_host *host, enum fake_fault fault, u8 type,
		    unsigned int times, u64 arg)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&host->lock, flags);
	host->rule.fault = fault;
	host->rule.type = type;
	host->rule.skip = 0;
	host->rule.times = times;
	host->rule.arg = arg;
	raw_spin_unlock_irqrestore(&host->lock, flags);
}

/**
 * fake_host_skip - behave for some time before the rule applies
 * @host: the host
 * @skip: requests of the rule's type that are answered as usual first
 */
void fake_host_skip(struct fake_host *host, unsigned int skip)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&host->lock, flags);
	host->rule.skip = skip;
	raw_spin_unlock_irqrestore(&host->lock, flags);
}

/**
 * fake_host_speak - give the answers that FAKE_SILENT held, the last one first
 * @host: the host
 */
void fake_host_speak(struct fake_host *host)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&host->lock, flags);
	while (host->num_held) {
		host->num_held--;
		fake_used(host, host->held[host->num_held].head, host->held[host->num_held].len);
	}
	raw_spin_unlock_irqrestore(&host->lock, flags);
}

/**
 * fake_host_forget_log - begin to count anew
 * @host: the host
 */
void fake_host_forget_log(struct fake_host *host)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&host->lock, flags);
	host->num_requests = 0;
	host->notifications = 0;
	raw_spin_unlock_irqrestore(&host->lock, flags);
}

/**
 * fake_host_count - requests of a type in the log
 * @host: the host
 * @type: VIRTIO_IRQ_T_*
 */
unsigned int fake_host_count(struct fake_host *host, u8 type)
{
	unsigned int i, count = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&host->lock, flags);
	for (i = 0; i < min(host->num_requests, FAKE_LOG); i++)
		count += host->log[i].bytes[0] == type;
	raw_spin_unlock_irqrestore(&host->lock, flags);
	return count;
}

MODULE_DESCRIPTION("In-kernel host for tests of the virtio interrupt controller");
MODULE_LICENSE("GPL");
