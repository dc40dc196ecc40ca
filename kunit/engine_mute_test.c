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

#include "domain_fixture.h"
#include "engine_fixture.h"

static void mute_activate(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *armed = engine_vector(test, &e, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 1);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(armed, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 1);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 1);
	/* It took effect all the same: recovery has undone it, and nothing else */
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 1)->armed);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
}

static void mute_reroute(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

static void mute_alloc(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 16, 0, 64), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 16, 0, 64), 16);
}

static void mute_detach(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);

	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_DETACH, 1, 0);
	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(e.host, EP));
	engine_settle(test, &e);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP));
	KUNIT_EXPECT_TRUE(test, list_empty(&e.vi->endpoints));
}

static void mute_attach(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
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
	struct engine e = engine_start(test, LAZY);
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

/* The late answer gives the slot back, and changes nothing */
static void late_answer_is_inert(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, 1);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	fake_host_speak(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 1, 1, 0, 64), 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.late, 1);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, 0);
	KUNIT_EXPECT_FALSE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, vec->arm.want);
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
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	/* detach_buf() leaves nothing behind for the second: the queue may break */
	fake_host_rule(e.host, FAKE_TWICE, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b) ? -1 : 0,
			virtqueue_is_broken(e.vi->vq) ? -1 : 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
}

static void used_id_never_submitted(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_WRONG_ID, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	engine_settle(test, &e);
	/* Nothing less puts an end to a broken queue */
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
}

static void slots_exhausted(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
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
	struct engine e = engine_start(test, LAZY);
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

/* Silence is not broken by resets: what is not answered stays with the device */
static void silent_for_a_while(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	fake_host_rule(e.host, FAKE_SILENT, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ETIMEDOUT);
	for (i = 0; i < 500 && READ_ONCE(e.vi->abandoned) < 3; i++)
		msleep(20);
	KUNIT_EXPECT_GE(test, READ_ONCE(e.vi->abandoned), 3);
	KUNIT_EXPECT_NE(test, READ_ONCE(e.vi->state), VIRTIO_IRQ_READY);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
}

/* As many requests as there are slots are given up, all but the one that is recovery's */
static void fill_with_abandoned(struct kunit *test, struct engine *e,
				struct virtio_irq_vector *vec)
{
	unsigned int i, failed = 0;
	bool notify;

	fake_host_rule(e->host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, UINT_MAX, 0);
	raw_spin_lock_irq(&e->vi->lock);
	for (i = 0; i < e->vi->num_slots - 1; i++) {
		struct virtio_irq_call call;

		virtio_irq_build_release(&call, vec);
		failed += !!__virtio_irq_post(e->vi, &call);
	}
	notify = __virtio_irq_notify_lazy(e->vi, true);
	raw_spin_unlock_irq(&e->vi->lock);
	virtio_irq_notify(e->vi, notify);
	raw_spin_lock_irq(&e->vi->lock);
	__virtio_irq_abandon(e->vi);
	raw_spin_unlock_irq(&e->vi->lock);
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, e->host->num_held, e->vi->num_slots - 1);
	KUNIT_EXPECT_EQ(test, e->vi->abandoned, e->vi->num_slots - 1);
	fake_host_rule(e->host, FAKE_NONE, 0, 0, 0);
}

/* No slot is left and none will be: nobody waits for one, and nothing is forgotten */
static void full_of_abandoned(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_vector *other = engine_vector(test, &e, 1);
	u64 start;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fill_with_abandoned(test, &e, vec);
	/* Whoever waits in vain is seen */
	virtio_irq_poll_timeout_ms = 20000;
	virtio_irq_sleep_timeout_ms = 20000;
	engine_hold(&e);
	start = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(other, &route_a, false), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	virtio_irq_deactivate(other);
	virtio_irq_free(other);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_a.address);
	engine_let(&e);
	/* Recovery has a slot of its own, and does it one after the other */
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 1)->allocated);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, e.vi->num_slots - 1);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
}

/* The slot of recovery was given up, too: it sends nothing, and sees late answers all the same */
static void full_to_the_last(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fill_with_abandoned(test, &e, vec);
	domain_log_start();
	fake_host_rule(e.host, FAKE_SILENT, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, e.vi->num_slots);
	flush_delayed_work(&e.vi->recover);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_BROKEN);
	domain_log_stop();
	/* As long as it lasts */
	KUNIT_EXPECT_EQ(test, domain_log_count("requests was answered"), 1);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

/* What helps if it never answers: the administrator's reset gives every slot back */
static void full_until_reset(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fill_with_abandoned(test, &e, vec);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, 0);
	KUNIT_EXPECT_EQ(test, engine_idle(&e), e.vi->num_slots);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
}

/* A reset takes a FREE along that has no answer; no later one is taken for that one */
static void free_until_reset(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *taken = engine_vector(test, &e, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 8);

	engine_vector(test, &e, 16);
	/* Recovery does not miss its answer */
	virtio_irq_sleep_timeout_ms = 10000;
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(taken);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_ASSERT_EQ(test, taken->res.busy, 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, taken->res.busy, 0);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2);

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_FREE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_free(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 8)->allocated);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
}

/* A host that was reset and set up again by others answers, and knows of nothing */
static void forgotten_by_the_host(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_vector *idle = engine_vector(test, &e, 1);
	unsigned int round;

	for (round = 1; round <= 2; round++) {
		fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ALLOC, 1, 0);
		engine_hold(&e);
		KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -ETIMEDOUT);
		e.host->allocated = 0;
		memset(e.host->endpoints, 0, sizeof(e.host->endpoints));
		engine_let(&e);
		engine_settle(test, &e);
		KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, round);
		KUNIT_EXPECT_EQ(test, e.host->allocated, 2);
		/* Asked about a vector that is not armed, and then about one that is */
		if (round == 1) {
			KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
			continue;
		}
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
		KUNIT_EXPECT_FALSE(test, engine_fake(&e, 1)->armed);
		KUNIT_EXPECT_FALSE(test, idle->arm.want);
	}
}

/* A function that has left the machine is not known either, which is no reason for a reset */
static void only_one_is_forgotten(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_endpoint *other = virtio_irq_attach(e.vi, EP + 8);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ALLOC, 1, 0);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&other->msi, 0, 1, 0, 64), -ETIMEDOUT);
	e.host->allocated = 0;
	memset(fake_host_endpoint(e.host, EP), 0, sizeof(struct fake_endpoint));
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ATTACH, 1, VIRTIO_IRQ_S_NOENT);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->rule.times, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&other->msi, 0, 1, 0, 64), 1);
}

/* FREE without an answer, and nobody asks for anything afterwards */
static void posted_without_an_answer(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(vec);
	for (i = 0; i < 100 && !READ_ONCE(e.vi->stats.recoveries); i++)
		msleep(20);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 1);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
}

/* They are repeated, and what is answered later counts for nothing */
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
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&freed->res));
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.vi->stats.late, 1);
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	/* The slot of the other one stays with the device */
	KUNIT_EXPECT_EQ(test, engine_idle(&e), e.vi->num_slots - 1);
}

/* A move that failed lost messages; a later one that succeeds must not hide that */
static void lossy_until_retriggered(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	/* Atomic, as on the way down of a CPU: the worker comes later */
	engine_hold(&e);
	preempt_disable();
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -EAGAIN);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_a), 0);
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
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, UINT_MAX, 0);
	for (i = 0; i < e.vi->num_slots - 1; i++) {
		struct virtio_irq_call call;
		int err;

		virtio_irq_build_release(&call, vec);
		raw_spin_lock_irq(&e.vi->lock);
		err = __virtio_irq_post(e.vi, &call);
		raw_spin_unlock_irq(&e.vi->lock);
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	KUNIT_EXPECT_EQ(test, engine_idle(&e), 1);
	/* It would miss the answers to these when the sleeper has waited for as long */
	timer_delete_sync(&e.vi->timer);
	/* Nor does recovery look for room before the atomic one has */
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 1, 1, 0, 64), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_READY);
	/* Nor for an atomic one */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
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
	for (i = 0; i < e.vi->num_slots - 1; i++) {
		struct virtio_irq_call call;

		virtio_irq_build_release(&call, vec);
		failed += !!__virtio_irq_post(e.vi, &call);
	}
	raw_spin_unlock_irq(&e.vi->lock);
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, engine_idle(&e), 1);
	engine_hold(&e);
	/* Apart from each other: a request each, and there is room for none */
	virtio_irq_free(a);
	virtio_irq_free(b);
	KUNIT_EXPECT_TRUE(test, e.ep->msi.to_free.valid);
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
	KUNIT_EXPECT_TRUE(test, __virtio_irq_fact_may(&vec->arm));
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
	KUNIT_CASE(silent_for_a_while),
	KUNIT_CASE(full_of_abandoned),
	KUNIT_CASE(full_to_the_last),
	KUNIT_CASE(full_until_reset),
	KUNIT_CASE(free_until_reset),
	KUNIT_CASE(forgotten_by_the_host),
	KUNIT_CASE(only_one_is_forgotten),
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
