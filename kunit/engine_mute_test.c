// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: a host that does not answer
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/virtio_ring.h>

#include "engine_fixture.h"

static void mute_activate(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *armed = engine_vector(test, &e, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 1);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(armed, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 1);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->resets, 1);
	/* It took effect all the same: recovery has undone it, and nothing else */
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 1)->armed);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
}

static void mute_reroute(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

static void mute_alloc(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 16, 0, 64), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 16, 0, 64), 16);
}

static void mute_detach(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);

	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_DETACH, 1, 0);
	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(e.host, EP));
	engine_settle(test, &e);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP));
	KUNIT_EXPECT_TRUE(test, list_empty(&e.vi->endpoints));
}

static void mute_attach(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_endpoint *ep;

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ATTACH, 1, 0);
	ep = virtio_irq_attach(e.vi, EP + 8);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ep), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP + 8));
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(e.host, EP));
}

static void mute_free(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(vec);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	/* Nobody waits for FREE; the next timeout finds out */
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 9, 1, 0, 64), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
}

/* Without a queue reset the late answer gives the slot back, and changes nothing */
static void late_answer_is_inert(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->resets, 0);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	fake_host_speak(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 1, 1, 0, 64), 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.late, 1);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_FALSE(test, vec->wanted);
}

static void late_attach_answer_is_inert(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_endpoint *ep;

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ATTACH, 1, 0);
	ep = virtio_irq_attach(e.vi, EP + 8);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ep), -ETIMEDOUT);
	engine_settle(test, &e);
	fake_host_speak(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 1, 0, 64), 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.late, 1);
}

static void answered_twice(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	/* detach_buf() leaves nothing behind for the second: the queue breaks */
	fake_host_rule(e.host, FAKE_TWICE, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false) ? -1 : 0,
			virtqueue_is_broken(e.vi->vq) ? -1 : 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
}

static void used_id_never_submitted(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_WRONG_ID, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
}

static void slots_exhausted(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec[160];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, ARRAY_SIZE(vec), 0, 64),
			ARRAY_SIZE(vec));
	for (i = 0; i < ARRAY_SIZE(vec); i++) {
		vec[i] = virtio_irq_take(&e.ep->msi, i);
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec[i], &route_a, false), 0);
	}
	/* More than there are slots, and no answer to any */
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_DEACTIVATE, ARRAY_SIZE(vec), 0);
	for (i = 0; i < ARRAY_SIZE(vec); i++)
		virtio_irq_deactivate(vec[i]);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	for (i = 0; i < ARRAY_SIZE(vec); i++)
		KUNIT_EXPECT_FALSE(test, engine_fake(&e, i)->armed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec[0], &route_a, false), 0);
}

static void requests_fail_fast_while_broken(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	u64 start;

	/* Long enough that a loaded machine does not look slow */
	virtio_irq_poll_timeout_ms = 500;
	/* The ping fails as well, so it stays broken */
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	start = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 250 * NSEC_PER_MSEC);
	virtio_irq_poll_timeout_ms = POLL_MS;
	/* A managed one is kept meanwhile */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ETIMEDOUT);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/* No queue reset: it stays broken, and tries again until there is one */
static void queue_reset_refused(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	e.host->can_reset = false;
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ETIMEDOUT);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_BROKEN);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	e.host->can_reset = true;
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->resets, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/* FREE without an answer, and nobody asks for anything afterwards */
static void posted_without_an_answer(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(vec);
	for (i = 0; i < 100 && !e.host->resets; i++)
		msleep(20);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->resets, 1);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
}

/* Without a queue reset they are repeated, and what is answered later counts for nothing */
static void posted_is_given_up(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *freed = engine_vector(test, &e, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 1);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(freed);
	virtio_irq_flush_timer(&e.vi->timer);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_DEACTIVATE, 1, 0);
	virtio_irq_deactivate(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 2);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_FREE), 2);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_DEACTIVATE), 2);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_EQ(test, e.ep->msi.frees, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->stats.late, 1);
	KUNIT_EXPECT_TRUE(test, vec->armed);
	/* The slot of the other one stays with the device */
	KUNIT_EXPECT_EQ(test, hlist_count_nodes(&e.vi->idle), e.vi->num_slots - 1);
}

/* A move that failed lost messages; a later one that succeeds must not hide that */
static void lossy_until_retriggered(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	/* Atomic, as on the way down of a CPU: the worker comes later */
	engine_hold(&e);
	preempt_disable();
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_a, false), 0);
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_TRUE(test, vec->lossy);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
}

/* The late answer to a request of a removed endpoint touches nothing of it; KASAN watches */
static void late_answer_to_the_dead(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_DEACTIVATE, 1, 0);
	virtio_irq_deactivate(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 1);
	virtio_irq_free(vec);
	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_TRUE(test, list_empty(&e.vi->endpoints));
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
}

/* More requests than slots, from one that sleeps: it waits for room */
static void no_slot_for_a_sleeper(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, UINT_MAX, 0);
	for (i = 0; i < e.vi->num_slots; i++) {
		struct virtio_irq_call call;
		int err;

		virtio_irq_build_release(&call, vec);
		raw_spin_lock_irq(&e.vi->lock);
		err = __virtio_irq_post(e.vi, &call);
		raw_spin_unlock_irq(&e.vi->lock);
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	KUNIT_EXPECT_TRUE(test, hlist_empty(&e.vi->idle));
	/* It would miss the answers to these when the sleeper has waited for as long */
	timer_delete_sync(&e.vi->timer);
	/* Nor does recovery look for room before the atomic one has */
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 1, 1, 0, 64), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_READY);
	/* Nor for an atomic one */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 1);
	engine_let(&e);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

static void no_slot_to_free(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_vector *a = engine_vector(test, &e, 8);
	struct virtio_irq_vector *b = engine_vector(test, &e, 16);
	unsigned int i, failed = 0;

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, UINT_MAX, 0);
	raw_spin_lock_irq(&e.vi->lock);
	for (i = 0; i < e.vi->num_slots; i++) {
		struct virtio_irq_call call;

		virtio_irq_build_release(&call, vec);
		failed += !!__virtio_irq_post(e.vi, &call);
	}
	raw_spin_unlock_irq(&e.vi->lock);
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&e.vi->idle));
	engine_hold(&e);
	/* Apart from each other: a request each, and there is room for none */
	virtio_irq_free(a);
	virtio_irq_free(b);
	KUNIT_EXPECT_TRUE(test, e.ep->msi.pending.valid);
	KUNIT_EXPECT_TRUE(test, e.ep->msi.owed);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 3);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 8)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 16)->allocated);
}

/* The device looks at the ring by itself and wants no notification */
static void notification_not_wanted(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct vring_used *used = phys_to_virt(virtqueue_get_used_addr(e.host->vq));
	u64 kicks = e.vi->stats.kicks;

	fake_host_forget_log(e.host);
	used->flags = cpu_to_virtio16(&e.host->vdev, VRING_USED_F_NO_NOTIFY);
	virtio_irq_free(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.kicks, kicks);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 0);
	used->flags = 0;
	/* That is when it does */
	virtqueue_notify(e.host->vq);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
}

/* More requests than slots that nobody was notified of: a notification makes room */
static void full_ring_is_notified(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i, failed = 0;

	fake_host_forget_log(e.host);
	raw_spin_lock_irq(&e.vi->lock);
	for (i = 0; i < e.vi->num_slots + 8; i++) {
		struct virtio_irq_call call;

		virtio_irq_build_release(&call, vec);
		failed += !!__virtio_irq_post(e.vi, &call);
	}
	raw_spin_unlock_irq(&e.vi->lock);
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, e.vi->num_slots + 8);
	engine_settle(test, &e);
}

/* An answer that comes after a later request was sent says nothing of what that did */
static void earlier_deactivate_does_not_count(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	/* The worker comes later */
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_DEACTIVATE, 1, 0);
	virtio_irq_deactivate(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_b, false), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.host->num_held, 2);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_TRUE(test, vec->maybe_armed);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
}

static struct kunit_case mute_cases[] = {
	KUNIT_CASE(mute_activate),
	KUNIT_CASE(mute_reroute),
	KUNIT_CASE(mute_alloc),
	KUNIT_CASE(mute_detach),
	KUNIT_CASE(mute_attach),
	KUNIT_CASE(mute_free),
	KUNIT_CASE(late_answer_is_inert),
	KUNIT_CASE(late_attach_answer_is_inert),
	KUNIT_CASE(answered_twice),
	KUNIT_CASE(used_id_never_submitted),
	KUNIT_CASE(slots_exhausted),
	KUNIT_CASE(requests_fail_fast_while_broken),
	KUNIT_CASE(queue_reset_refused),
	KUNIT_CASE(posted_without_an_answer),
	KUNIT_CASE(posted_is_given_up),
	KUNIT_CASE(lossy_until_retriggered),
	KUNIT_CASE(late_answer_to_the_dead),
	KUNIT_CASE(no_slot_for_a_sleeper),
	KUNIT_CASE(no_slot_to_free),
	KUNIT_CASE(notification_not_wanted),
	KUNIT_CASE(full_ring_is_notified),
	KUNIT_CASE(earlier_deactivate_does_not_count),
	{ }
};

static struct kunit_suite mute_suite = {
	.name		= "virtio-irq-mute",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= mute_cases,
};

kunit_test_suite(mute_suite);
