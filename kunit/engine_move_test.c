// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: moves that nobody waits for
 *
 * With LAZY the host has seen a route before it delivers the next message, so a
 * re-route of an armed vector is left in the ring.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/pm.h>

#include "engine_fixture.h"

#define PASID		BIT_ULL(VIRTIO_IRQ_F_PASID)
#define MOVES		64

static struct virtio_irq_vector *armed(struct kunit *test, struct engine *e, u32 index)
{
	struct virtio_irq_vector *vec = engine_vector(test, e, index);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	return vec;
}

/* What the host does before it delivers a message, and the driver's look at the answers */
static void see(struct engine *e)
{
	virtio_irq_flush_timer(&e->vi->timer);
}

static void expect_route(struct kunit *test, struct engine *e, u32 index,
			 const struct virtio_irq_msg *route)
{
	KUNIT_EXPECT_TRUE(test, engine_fake(e, index)->armed);
	KUNIT_EXPECT_EQ(test, engine_fake(e, index)->route_address, route->address);
	KUNIT_EXPECT_EQ(test, engine_fake(e, index)->route_data, route->data);
}

/* The record is as it is when nothing has ever failed */
static void expect_in_step(struct kunit *test, struct virtio_irq_vector *vec)
{
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
	KUNIT_EXPECT_EQ(test, vec->arm.busy, 0);
}

static void move_waits_in_the_ring(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	struct virtio_irq_msg pair;

	virtio_irq_compose(vec, &pair);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 0);
	KUNIT_EXPECT_FALSE(test, virtio_irq_needs_rewrite(vec));
	/* Until a timer at the latest */
	msleep(2 * VIRTIO_IRQ_FLUSH_MS);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
	KUNIT_EXPECT_FALSE(test, virtio_irq_needs_rewrite(vec));
}

/* The budget of `make bench` */
static void moves_of_64_vectors(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[MOVES];
	unsigned int i;

	for (i = 0; i < MOVES; i++)
		vec[i] = armed(test, &e, i);
	see(&e);
	fake_host_forget_log(e.host);
	for (i = 0; i < MOVES; i++)
		KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec[i], &route_b), 0);
	see(&e);
	KUNIT_EXPECT_LE(test, e.host->notifications, 2);
	for (i = 0; i < MOVES; i++) {
		expect_route(test, &e, i, &route_b);
		expect_in_step(test, vec[i]);
	}
}

/* Without LAZY, or with strict=1, a move is in effect when it returns */
static void eager_move(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	e.vi->strict = true;
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	expect_route(test, &e, 0, &route_b);
}

static void same_move_twice(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	see(&e);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	see(&e);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), 1);
	expect_route(test, &e, 0, &route_b);
}

/* What the host acknowledged last is not where it will route the vector */
static void moved_back_before_the_answer(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	see(&e);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_a), 0);
	see(&e);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), 2);
	expect_route(test, &e, 0, &route_a);
	expect_in_step(test, vec);
}

/* A failure comes back with the answer: the route is sent again, messages are made up for */
static void refused_later(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	/* The worker comes later */
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	see(&e);
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	KUNIT_EXPECT_TRUE(test, vec->lossy);
	expect_route(test, &e, 0, &route_a);
	engine_let(&e);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
	KUNIT_EXPECT_EQ(test, e.vi->stats.replays, 1);
}

/* A failure that is in the log already is made good as well */
static void refused_and_logged(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	vec->logged = true;
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	see(&e);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
}

/* Refused for long: tried again less and less often, not as fast as it is refused */
static void refused_for_long(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	see(&e);
	fake_host_forget_log(e.host);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	see(&e);
	msleep(500);
	/* At once, and after 50, 100, 200 and 400 ms */
	KUNIT_EXPECT_GE(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), 3);
	KUNIT_EXPECT_LE(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), 8);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
}

/* A later route is in effect, but not what the device sent before that */
static void refused_and_moved_on(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	const struct virtio_irq_msg route_c = { .address = 0xfee03000, .data = 0x53 };

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_c), 0);
	see(&e);
	expect_route(test, &e, 0, &route_c);
	KUNIT_EXPECT_TRUE(test, vec->lossy);
	engine_let(&e);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_c);
	expect_in_step(test, vec);
}

/* Nor does the answer to a PASID say anything of a route that was refused before it */
static void refused_and_a_pasid_refused(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY | PASID) };
	struct virtio_irq_vector *vec;

	e.host->pasid_width = 8;
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	vec = armed(test, &e, 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 2, VIRTIO_IRQ_S_PERM);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 1), -EPERM);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_b);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->pasid, VIRTIO_IRQ_NO_PASID);
	expect_in_step(test, vec);
}

/* DRV-59: the pair of an armed vector is constant, also where nobody waits for it */
static void another_pair(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	struct virtio_irq_msg before, after;

	virtio_irq_compose(vec, &before);
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x777);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	see(&e);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	virtio_irq_compose(vec, &after);
	KUNIT_EXPECT_EQ(test, before.data, after.data);
	engine_let(&e);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
}

/* More moves than slots: half a ring is told at a time, and nothing has to be repeated */
static void more_moves_than_slots(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	unsigned int i, moves = 3 * e.vi->num_slots;

	see(&e);
	fake_host_forget_log(e.host);
	for (i = 0; i < moves; i++)
		KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, i & 1 ? &route_a : &route_b), 0);
	see(&e);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), moves);
	KUNIT_EXPECT_LE(test, e.host->notifications, 7);
	KUNIT_EXPECT_EQ(test, e.vi->stats.replays, 0);
	expect_route(test, &e, 0, &route_a);
	expect_in_step(test, vec);
}

/* The ring is full of what the host does not answer: nobody waits for it, recovery does */
static void ring_is_full(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	unsigned int i, failed = 0;
	u64 start;

	/* Who waits is seen */
	virtio_irq_poll_timeout_ms = 20000;
	virtio_irq_sleep_timeout_ms = 20000;
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, UINT_MAX, 0);
	raw_spin_lock_irq(&e.vi->lock);
	for (i = 0; i < e.vi->num_slots - 1; i++) {
		struct virtio_irq_call call;

		virtio_irq_build_release(&call, vec);
		failed += !!__virtio_irq_post(e.vi, &call);
	}
	raw_spin_unlock_irq(&e.vi->lock);
	KUNIT_EXPECT_EQ(test, failed, 0);
	/* Nor does recovery look for room yet */
	engine_hold(&e);
	start = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	KUNIT_EXPECT_TRUE(test, vec->lossy);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 0);
	expect_route(test, &e, 0, &route_a);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_let(&e);
	engine_settle(test, &e);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
}

/* The host has not even taken it: the timer finds out, and recovery sends it again */
static void no_answer(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	unsigned int i;

	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	for (i = 0; i < 100 && !READ_ONCE(e.vi->stats.recoveries); i++)
		msleep(20);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 1);
	KUNIT_EXPECT_GE(test, e.vi->stats.replays, 1);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
}

/* The device is reset with the route in the ring, which it has not seen */
static void reset_in_between(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	see(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.dropped, 1);
	expect_route(test, &e, 0, &route_b);
	expect_in_step(test, vec);
}

/* The controller sleeps, when its device may not read the ring: it has seen it before */
static void suspended_in_between(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	struct device *dev = &e.vi->vdev->dev;

	/* Not for a host that is slow because the machine is */
	virtio_irq_poll_timeout_ms = 10000;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.suspend(dev), 0);
	expect_route(test, &e, 0, &route_b);
	KUNIT_EXPECT_EQ(test, vec->arm.busy, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.resume(dev), 0);
	engine_settle(test, &e);
	expect_in_step(test, vec);
}

/* In queue order, and the refusal of a route that nobody wants any more is nothing */
static void deactivated_right_after(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	see(&e);
	fake_host_forget_log(e.host);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	virtio_irq_deactivate(vec);
	see(&e);
	KUNIT_ASSERT_EQ(test, e.host->num_requests, 2);
	KUNIT_EXPECT_EQ(test, e.host->log[0].bytes[0], VIRTIO_IRQ_T_ACTIVATE);
	KUNIT_EXPECT_EQ(test, e.host->log[1].bytes[0], VIRTIO_IRQ_T_DEACTIVATE);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 2);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&vec->arm));
	/* The next activation is one */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	expect_route(test, &e, 0, &route_a);
}

/* The answer to a move that is over has a pair that is over, too */
static void former_pair(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);
	struct virtio_irq_msg pair;

	see(&e);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	virtio_irq_deactivate(vec);
	see(&e);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 1);
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, FAKE_PAIR_DATA(77));
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_speak(e.host);
	see(&e);
	engine_settle(test, &e);
	virtio_irq_compose(vec, &pair);
	KUNIT_EXPECT_EQ(test, pair.data, FAKE_PAIR_DATA(77));
	expect_in_step(test, vec);
	KUNIT_EXPECT_EQ(test, e.vi->stats.replays, 0);
}

/* The records are gone when the answer comes; KASAN watches */
static void freed_right_after(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = armed(test, &e, 0);

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	virtio_irq_deactivate(vec);
	virtio_irq_free(vec);
	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_EQ(test, e.host->num_held, 1);
	fake_host_speak(e.host);
	see(&e);
	KUNIT_EXPECT_EQ(test, e.vi->posted, 0);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_READY);
}

/* It has no pair yet, so there is something to wait for */
static void not_armed_is_waited_for(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	engine_hold(&e);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	expect_route(test, &e, 0, &route_b);
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(vec));
	engine_let(&e);
	engine_settle(test, &e);
	expect_in_step(test, vec);
}

static struct kunit_case move_cases[] = {
	KUNIT_CASE(move_waits_in_the_ring),
	KUNIT_CASE(moves_of_64_vectors),
	KUNIT_CASE(eager_move),
	KUNIT_CASE(same_move_twice),
	KUNIT_CASE(moved_back_before_the_answer),
	KUNIT_CASE(refused_later),
	KUNIT_CASE(refused_and_logged),
	KUNIT_CASE(refused_for_long),
	KUNIT_CASE(refused_and_moved_on),
	KUNIT_CASE(refused_and_a_pasid_refused),
	KUNIT_CASE(another_pair),
	KUNIT_CASE(more_moves_than_slots),
	KUNIT_CASE(ring_is_full),
	KUNIT_CASE(no_answer),
	KUNIT_CASE(reset_in_between),
	KUNIT_CASE(suspended_in_between),
	KUNIT_CASE(deactivated_right_after),
	KUNIT_CASE(former_pair),
	KUNIT_CASE(freed_right_after),
	KUNIT_CASE(not_armed_is_waited_for),
	{ }
};

static struct kunit_suite move_suite = {
	.name		= "virtio-irq-move",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= move_cases,
};

kunit_test_suite(move_suite);
