// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the KUnit suites of events share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/io.h>
#include <linux/virtio_ring.h>

#include "event_fixture.h"

struct event_told event_told;

const struct virtio_irq_event event_stale_of_0 = {
	.type		= STALE,
	.endpoint	= cpu_to_le32(EP),
	.count		= cpu_to_le32(1),
};

static bool tell_replayed(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec,
			  bool retrigger)
{
	struct virtio_irq_msg pair;

	if (event_told.busy)
		return false;
	event_told.replayed[vec->index]++;
	event_told.retriggered[vec->index] += retrigger;
	virtio_irq_compose(vec, &pair);
	return true;
}

static void tell_shut(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec)
{
	event_told.shut[vec->index]++;
	virtio_irq_take_out(vec);
}

static bool tell_hold(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec)
{
	return false;
}

static void tell_rescan(struct virtio_irq_domains *doms)
{
}

static const struct virtio_irq_domain_ops tell_ops = {
	.hold		= tell_hold,
	.replayed	= tell_replayed,
	.shut		= tell_shut,
	.rescan		= tell_rescan,
};

void event_arm(struct kunit *test, struct event *ev, u32 flags)
{
	struct virtio_irq_msg pair;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&ev->e.ep->msi, 0, VECTORS, flags, 64), VECTORS);
	for (i = 0; i < VECTORS; i++) {
		ev->vec[i] = virtio_irq_take(&ev->e.ep->msi, i);
		KUNIT_ASSERT_NOT_NULL(test, ev->vec[i]);
		KUNIT_ASSERT_EQ(test, virtio_irq_commit(ev->vec[i]), 0);
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(ev->vec[i], &route_a, false), 0);
		virtio_irq_compose(ev->vec[i], &pair);
	}
	fake_host_forget_log(ev->e.host);
	memset(&event_told, 0, sizeof(event_told));
	ev->e.vi->domain = &tell_ops;
}

struct event event_with(struct kunit *test, struct fake_host *host, u32 flags)
{
	struct event ev = { .e.host = host };

	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	ev.e.vi = host->vi;
	ev.e.ep = virtio_irq_attach(ev.e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ev.e.ep);
	event_arm(test, &ev, flags);
	return ev;
}

struct event event_start(struct kunit *test, u64 features)
{
	return event_with(test, fake_host_new(test, EVENTS | features), 0);
}

u32 event_pair_of(struct event *ev, unsigned int i)
{
	struct virtio_irq_msg pair;

	virtio_irq_compose(ev->vec[i], &pair);
	return pair.data;
}

/* The vector is armed with the pair that the host has, and nothing is left to do */
void event_expect_settled(struct kunit *test, struct event *ev, unsigned int i)
{
	struct virtio_irq_vector *vec = ev->vec[i];
	struct fake_vector *fake = engine_fake(&ev->e, i);

	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, vec->arm.unsure);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_FALSE(test, vec->stale);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
	KUNIT_EXPECT_EQ(test, vec->revoked, 0);
	KUNIT_EXPECT_FALSE(test, virtio_irq_needs_rewrite(vec));
	KUNIT_EXPECT_TRUE(test, fake->armed);
	KUNIT_EXPECT_EQ(test, fake->route_data, vec->route.data);
	KUNIT_EXPECT_EQ(test, fake->pasid, vec->pasid);
	KUNIT_EXPECT_EQ(test, event_pair_of(ev, i), fake->pair);
}

void event_expect_told(struct kunit *test, unsigned int i, unsigned int replayed,
		       unsigned int retriggered)
{
	KUNIT_EXPECT_EQ_MSG(test, event_told.replayed[i], replayed, "vector %u", i);
	KUNIT_EXPECT_EQ_MSG(test, event_told.retriggered[i], retriggered, "vector %u", i);
}

/* In the used ring, and the driver has not been interrupted */
void event_place(struct kunit *test, struct fake_host *host, const struct virtio_irq_event *event)
{
	KUNIT_ASSERT_TRUE(test, fake_event_place(host, event, sizeof(*event)));
}

u16 event_available(struct fake_host *host)
{
	struct vring_avail *avail = phys_to_virt(virtqueue_get_avail_addr(host->evq));

	return le16_to_cpu((__force __le16)READ_ONCE(avail->idx));
}

bool event_wants_interrupt(struct fake_host *host)
{
	struct vring_avail *avail = phys_to_virt(virtqueue_get_avail_addr(host->evq));

	return !(le16_to_cpu((__force __le16)READ_ONCE(avail->flags)) & VRING_AVAIL_F_NO_INTERRUPT);
}

char *event_shown(struct kunit *test, struct virtio_irq *vi,
		  int (*show)(struct seq_file *m, void *unused))
{
	struct seq_file *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->size = 16384;
	m->buf = kunit_kzalloc(test, m->size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->buf);
	m->private = vi;
	KUNIT_ASSERT_EQ(test, show(m, NULL), 0);
	KUNIT_ASSERT_LT(test, m->count, m->size);
	return m->buf;
}
