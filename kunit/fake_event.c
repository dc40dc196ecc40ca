// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host has to say: eventq's other side, pairs that change, vectors that are
 * revoked
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/virtio_ring.h>

#include "fake_host.h"
#include "virtio_irq_internal.h"

static bool __fake_event_place(struct fake_host *host, const struct virtio_irq_event *event,
			       u32 len)
{
	struct vring_avail *avail = phys_to_virt(virtqueue_get_avail_addr(host->evq));
	struct vring_used *used = phys_to_virt(virtqueue_get_used_addr(host->evq));
	struct vring_desc *desc = phys_to_virt(virtqueue_get_desc_addr(host->evq));
	u16 head, idx = le16_to_cpu((__force __le16)used->idx);

	if (host->last_event == le16_to_cpu((__force __le16)READ_ONCE(avail->idx)))
		return false;
	head = le16_to_cpu((__force __le16)avail->ring[host->last_event++ % host->event_ring]);
	desc += head;
	/* DRV-86 */
	if (le32_to_cpu((__force __le32)desc->len) < sizeof(*event) ||
	    !(le16_to_cpu((__force __le16)desc->flags) & VRING_DESC_F_WRITE))
		host->malformed++;
	memcpy(phys_to_virt(le64_to_cpu((__force __le64)desc->addr)), event, sizeof(*event));
	used->ring[idx % host->event_ring].id = (__force __virtio32)cpu_to_le32(head);
	used->ring[idx % host->event_ring].len = (__force __virtio32)cpu_to_le32(len);
	/* The element before its index */
	smp_wmb();
	used->idx = (__force __virtio16)cpu_to_le16(idx + 1);
	return true;
}

/**
 * fake_event_place - use a buffer of eventq
 * @host: the host
 * @event: what is written to it
 * @len: the used length
 *
 * Without an interrupt.
 *
 * Return: false if there is no buffer.
 */
bool fake_event_place(struct fake_host *host, const struct virtio_irq_event *event, u32 len)
{
	guard(raw_spinlock_irqsave)(&host->lock);
	return __fake_event_place(host, event, len);
}

/**
 * fake_event_interrupt - eventq's interrupt, unless the driver does not want it
 * @host: the host
 */
void fake_event_interrupt(struct fake_host *host)
{
	struct vring_avail *avail = phys_to_virt(virtqueue_get_avail_addr(host->evq));

	if (!(le16_to_cpu((__force __le16)READ_ONCE(avail->flags)) & VRING_AVAIL_F_NO_INTERRUPT))
		vring_interrupt(0, host->evq);
}

static bool __fake_event(struct fake_host *host, u8 type, u32 endpoint, u16 store, u32 first,
			 u32 count, u32 flags)
{
	const struct virtio_irq_event event = {
		.type		= type,
		.reason		= type == VIRTIO_IRQ_EVENT_T_REVOKED ? VIRTIO_IRQ_S_QUOTA : 0,
		.store		= cpu_to_le16(store),
		.endpoint	= cpu_to_le32(endpoint),
		.first		= cpu_to_le32(first),
		.count		= cpu_to_le32(count),
		.flags		= cpu_to_le32(flags),
	};

	return __fake_event_place(host, &event, sizeof(event));
}

/**
 * fake_event - say something about vectors, with an interrupt
 * @host: the host
 * @type: VIRTIO_IRQ_EVENT_T_*
 * @endpoint: which endpoint
 * @store: which store
 * @first: first vector
 * @count: how many
 * @flags: VIRTIO_IRQ_EVENT_F_*
 *
 * Return: false if there is no buffer.
 */
bool fake_event(struct fake_host *host, u8 type, u32 endpoint, u16 store, u32 first, u32 count,
		u32 flags)
{
	bool placed;

	scoped_guard(raw_spinlock_irqsave, &host->lock)
		placed = __fake_event(host, type, endpoint, store, first, count, flags);
	fake_event_interrupt(host);
	return placed;
}

static struct fake_vector *fake_vector(struct fake_host *host, u32 id, u16 store, u32 index)
{
	struct fake_endpoint *ep = fake_host_endpoint(host, id);

	return store ? &ep->ims[index] : &ep->vectors[index];
}

static void __fake_host_move(struct fake_host *host, u32 id, u16 store, u32 first, u32 count)
{
	u32 i;

	for (i = first; i < first + count; i++)
		fake_vector(host, id, store, i)->pair ^= FAKE_PAIR_MOVED;
}

/**
 * fake_host_move - vectors have other pairs from now on; nobody is told
 * @host: the host
 * @id: which endpoint
 * @store: which store
 * @first: first vector
 * @count: how many
 */
void fake_host_move(struct fake_host *host, u32 id, u16 store, u32 first, u32 count)
{
	guard(raw_spinlock_irqsave)(&host->lock);
	__fake_host_move(host, id, store, first, count);
}

/**
 * fake_host_stale - vectors have other pairs, and the driver is told, if it can be
 * @host: the host
 * @id: which endpoint
 * @store: which store
 * @first: first vector
 * @count: how many
 * @flags: VIRTIO_IRQ_EVENT_F_*
 */
void fake_host_stale(struct fake_host *host, u32 id, u16 store, u32 first, u32 count, u32 flags)
{
	scoped_guard(raw_spinlock_irqsave, &host->lock)
		if (__fake_event(host, VIRTIO_IRQ_EVENT_T_STALE, id, store, first, count, flags))
			__fake_host_move(host, id, store, first, count);
	fake_event_interrupt(host);
}

static void __fake_host_revoke(struct fake_host *host, u32 id, u16 store, u32 first, u32 count,
			       u8 status)
{
	u32 i;

	for (i = first; i < first + count; i++) {
		struct fake_vector *vec = fake_vector(host, id, store, i);

		vec->revoked = status;
		if (status) {
			vec->armed = false;
			vec->committed = false;
		}
	}
}

/**
 * fake_host_revoke - vectors are disarmed, and neither armed nor committed again
 * @host: the host
 * @id: which endpoint
 * @store: which store
 * @first: first vector
 * @count: how many
 * @status: VIRTIO_IRQ_S_*; 0: they can be had again
 *
 * Nobody is told.
 */
void fake_host_revoke(struct fake_host *host, u32 id, u16 store, u32 first, u32 count, u8 status)
{
	guard(raw_spinlock_irqsave)(&host->lock);
	__fake_host_revoke(host, id, store, first, count, status);
}

/**
 * fake_host_revoked - vectors are revoked, or can be had again, and the driver is told
 * @host: the host
 * @id: which endpoint
 * @store: which store
 * @first: first vector
 * @count: how many
 * @status: VIRTIO_IRQ_S_*; 0: they can be had again
 *
 * Nothing happens if it cannot be told.
 */
void fake_host_revoked(struct fake_host *host, u32 id, u16 store, u32 first, u32 count,
		       u8 status)
{
	u8 type = status ? VIRTIO_IRQ_EVENT_T_REVOKED : VIRTIO_IRQ_EVENT_T_STALE;

	scoped_guard(raw_spinlock_irqsave, &host->lock)
		if (__fake_event(host, type, id, store, first, count, 0))
			__fake_host_revoke(host, id, store, first, count, status);
	fake_event_interrupt(host);
}

/**
 * event_read - have the driver read eventq now, without the pause between two looks
 * @vi: the driver's side
 */
void event_read(struct virtio_irq *vi)
{
	raw_spin_lock_irq(&vi->lock);
	vi->events_looked = jiffies - msecs_to_jiffies(VIRTIO_IRQ_EVENT_PAUSE_MS);
	raw_spin_unlock_irq(&vi->lock);
	mod_delayed_work(vi->wq, &vi->read_events, 0);
	flush_delayed_work(&vi->read_events);
}
