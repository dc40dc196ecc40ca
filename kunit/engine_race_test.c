// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: another CPU between recovery's
 * decision and its request
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>

#include "engine_fixture.h"

struct sleeper {
	struct work_struct work;
	struct virtio_irq_store *store;
	int ret;
};

static void sleeper_alloc(struct work_struct *work)
{
	struct sleeper *s = container_of(work, struct sleeper, work);

	s->ret = virtio_irq_alloc(s->store, 8, 4, 0, 64);
}

/*
 * Recovery decides what is due, and submits it, in one hold of the lock: so another CPU
 * comes before that or after it. Here it comes after: the answer to what recovery has
 * sent is held back, while the host has done it, until the other CPU is done as well.
 */
struct race {
	struct engine e;
	struct virtio_irq_vector *vec;
	struct virtio_irq_vector *other;
};

static void race_start(struct kunit *test, struct race *r)
{
	r->e.host = fake_host_new(test, LAZY);
	r->e.host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(r->e.host), 0);
	r->e.vi = r->e.host->vi;
	r->e.ep = virtio_irq_attach(r->e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->e.ep);
	r->vec = engine_vector(test, &r->e, 0);
	r->other = engine_vector(test, &r->e, 1);
	/* Recovery does not lose patience, nor does anybody else */
	virtio_irq_poll_timeout_ms = 5000;
	virtio_irq_sleep_timeout_ms = 10000;
	/* Not before race_sent() */
	engine_hold(&r->e);
}

/* Let recovery send what is due, whose answer does not come before race_end() */
static void race_sent(struct kunit *test, struct race *r, u8 type)
{
	unsigned int i;

	fake_host_rule(r->e.host, FAKE_SILENT, type, 1, 0);
	engine_let(&r->e);
	for (i = 0; i < 100 && !READ_ONCE(r->e.host->num_held); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, r->e.host->num_held, 1);
}

static void race_end(struct kunit *test, struct race *r)
{
	virtio_irq_flush_timer(&r->e.vi->timer);
	fake_host_speak(r->e.host);
	engine_settle(test, &r->e);
	KUNIT_EXPECT_EQ(test, r->e.vi->state, VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, r->e.vi->stats.recoveries, 0);
}

/* Deactivated, with recovery's ACTIVATE in the ring before that */
static void arm_and_deactivate(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(r.vec, &route_a, true), -ENOMEM);
	race_sent(test, &r, VIRTIO_IRQ_T_ACTIVATE);
	virtio_irq_deactivate(r.vec);
	race_end(test, &r);
	KUNIT_EXPECT_FALSE(test, engine_fake(&r.e, 0)->armed);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&r.vec->arm));
}

/* Moved once more, with success, while recovery arms it: it still retriggers */
static void arm_and_move(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	/* Who moves it waits for the answer */
	r.e.vi->strict = true;
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(r.vec, &route_b, false), 0);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.vec, &route_a), -EIO);
	KUNIT_EXPECT_TRUE(test, r.vec->lossy);
	race_sent(test, &r, VIRTIO_IRQ_T_ACTIVATE);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.vec, &route_b), 0);
	race_end(test, &r);
	KUNIT_EXPECT_FALSE(test, r.vec->dirty);
	KUNIT_EXPECT_FALSE(test, r.vec->lossy);
	KUNIT_EXPECT_EQ(test, engine_fake(&r.e, 0)->route_address, route_b.address);
}

/* Moved, which fails, while recovery arms it with the route of before */
static void arm_and_fail_to_move(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(r.vec, &route_b, false), 0);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	r.e.vi->strict = true;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.vec, &route_a), -EIO);
	race_sent(test, &r, VIRTIO_IRQ_T_ACTIVATE);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.vec, &route_b), -EIO);
	race_end(test, &r);
	KUNIT_EXPECT_FALSE(test, r.vec->dirty);
	KUNIT_EXPECT_FALSE(test, r.vec->lossy);
	KUNIT_EXPECT_EQ(test, engine_fake(&r.e, 0)->route_address, route_b.address);
}

/* Activated, with recovery's DEACTIVATE in the ring before that */
static void disarm_and_activate(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(r.vec, &route_a, false), 0);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_DEACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_deactivate(r.vec);
	virtio_irq_flush_timer(&r.e.vi->timer);
	race_sent(test, &r, VIRTIO_IRQ_T_DEACTIVATE);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(r.vec, &route_b, false), 0);
	race_end(test, &r);
	KUNIT_EXPECT_TRUE(test, r.vec->arm.has);
	KUNIT_EXPECT_TRUE(test, engine_fake(&r.e, 0)->armed);
	KUNIT_EXPECT_EQ(test, engine_fake(&r.e, 0)->route_address, route_b.address);
}

/* Requested again, with recovery's RELEASE in the ring before that */
static void release_and_commit(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(r.vec), 0);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_RELEASE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_release(r.vec);
	virtio_irq_flush_timer(&r.e.vi->timer);
	race_sent(test, &r, VIRTIO_IRQ_T_RELEASE);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(r.vec), 0);
	race_end(test, &r);
	KUNIT_EXPECT_TRUE(test, r.vec->com.want && r.vec->com.has && !r.vec->com.unsure);
	KUNIT_EXPECT_TRUE(test, engine_fake(&r.e, 0)->committed);
}

/* A COMMIT that is refused does not make up for an earlier one without a proper answer */
static void refused_commit_after_a_malformed_one(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	fake_host_rule(r.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_COMMIT, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(r.vec), -EIO);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_COMMIT, 1, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(r.vec), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, engine_fake(&r.e, 0)->committed);
	engine_let(&r.e);
	engine_settle(test, &r.e);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&r.vec->com));
	KUNIT_EXPECT_FALSE(test, engine_fake(&r.e, 0)->committed);
}

/* Nor does one of ACTIVATE */
static void refused_activate_after_a_malformed_one(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	fake_host_rule(r.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ACTIVATE, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(r.vec, &route_a, true), -EIO);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.vec, &route_b), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, engine_fake(&r.e, 0)->armed);
	virtio_irq_deactivate(r.vec);
	virtio_irq_flush_timer(&r.e.vi->timer);
	KUNIT_EXPECT_FALSE(test, engine_fake(&r.e, 0)->armed);
	engine_let(&r.e);
	engine_settle(test, &r.e);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&r.vec->arm));
}

/* Nor does the answer to a RELEASE that went before it */
static void earlier_release_does_not_count(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(r.vec), 0);
	fake_host_rule(r.e.host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, 1, 0);
	virtio_irq_release(r.vec);
	virtio_irq_flush_timer(&r.e.vi->timer);
	KUNIT_ASSERT_EQ(test, r.e.host->num_held, 1);
	fake_host_rule(r.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_COMMIT, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(r.vec), -EIO);
	KUNIT_EXPECT_TRUE(test, engine_fake(&r.e, 0)->committed);
	engine_let(&r.e);
	flush_delayed_work(&r.e.vi->recover);
	fake_host_speak(r.e.host);
	virtio_irq_flush_timer(&r.e.vi->timer);
	engine_settle(test, &r.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&r.e, 0)->committed);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&r.vec->com));
}

static void expect_granted(struct kunit *test, struct race *r)
{
	unsigned int i;

	for (i = 8; i < 12; i++) {
		struct virtio_irq_vector *vec = xa_load(&r->e.ep->msi.vectors, i);

		KUNIT_EXPECT_TRUE(test, virtio_irq_granted(&r->e.ep->msi, i));
		KUNIT_EXPECT_TRUE(test, vec->res.has && !vec->res.unsure);
		KUNIT_EXPECT_TRUE(test, engine_fake(&r->e, i)->allocated);
	}
}

/* Allocated again, with recovery's FREE in the ring before that */
static void free_and_alloc(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	fake_host_rule(r.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, 15);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&r.e.ep->msi, 8, 4, 0, 64), -EIO);
	race_sent(test, &r, VIRTIO_IRQ_T_FREE);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&r.e.ep->msi, 8, 4, 0, 64), 4);
	race_end(test, &r);
	expect_granted(test, &r);
}

/* An ALLOC is under way when recovery looks for what to free */
static void alloc_under_way(struct kunit *test)
{
	struct sleeper s = { };
	struct race r = { };
	unsigned int i;

	race_start(test, &r);
	fake_host_rule(r.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, 15);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&r.e.ep->msi, 8, 4, 0, 64), -EIO);
	fake_host_rule(r.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ALLOC, 1, 0);
	s.store = &r.e.ep->msi;
	INIT_WORK_ONSTACK(&s.work, sleeper_alloc);
	schedule_work(&s.work);
	for (i = 0; i < 100 && !READ_ONCE(r.e.host->num_held); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, r.e.host->num_held, 1);
	engine_let(&r.e);
	flush_delayed_work(&r.e.vi->recover);
	KUNIT_EXPECT_EQ(test, fake_host_count(r.e.host, VIRTIO_IRQ_T_FREE), 0);
	fake_host_speak(r.e.host);
	flush_work(&s.work);
	destroy_work_on_stack(&s.work);
	engine_settle(test, &r.e);
	KUNIT_EXPECT_EQ(test, s.ret, 4);
	expect_granted(test, &r);
}

/* Freed, with recovery's ALLOC, after a reset, in the ring before that */
static void reserve_and_free(struct kunit *test)
{
	struct race r = { };

	race_start(test, &r);
	engine_let(&r.e);
	fake_host_rule(r.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(r.e.vi), 0);
	engine_hold(&r.e);
	race_sent(test, &r, VIRTIO_IRQ_T_ALLOC);
	virtio_irq_free(r.other);
	virtio_irq_flush_timer(&r.e.vi->timer);
	fake_host_speak(r.e.host);
	engine_settle(test, &r.e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&r.e, 0)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&r.e, 1)->allocated);
	KUNIT_EXPECT_EQ(test, r.e.host->allocated, 1);
}

/* What fails while recovery is under way is made good before READY */
static void ready_after_the_last(struct kunit *test)
{
	struct race r = { };
	unsigned int i;

	race_start(test, &r);
	engine_let(&r.e);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(r.other, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(r.vec, &route_a, false), 0);
	r.e.vi->strict = true;
	virtio_irq_poll_timeout_ms = POLL_MS;
	engine_hold(&r.e);
	fake_host_rule(r.e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.vec, &route_b), -ETIMEDOUT);
	virtio_irq_poll_timeout_ms = 5000;
	/* Not the ping, which is about the other one */
	fake_host_rule(r.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	fake_host_skip(r.e.host, 1);
	engine_let(&r.e);
	for (i = 0; i < 100 && !READ_ONCE(r.e.host->num_held); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, r.e.host->num_held, 1);
	KUNIT_EXPECT_EQ(test, r.e.vi->state, VIRTIO_IRQ_RECOVERING);
	/* Recovery has gone by */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(r.other, &route_b), -ETIMEDOUT);
	fake_host_forget_log(r.e.host);
	fake_host_speak(r.e.host);
	wait_event_timeout(r.e.vi->wait, virtio_irq_settled(r.e.vi), 5 * HZ);
	KUNIT_EXPECT_EQ(test, r.e.vi->state, VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, engine_fake(&r.e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_EQ(test, engine_fake(&r.e, 1)->route_address, route_b.address);
	engine_settle(test, &r.e);
}

/* The answer to an ACTIVATE comes after the vector was deactivated again */
static void overtaken_activate(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	virtio_irq_poll_timeout_ms = 2000;
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ENOMEM);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	engine_let(&e);
	for (i = 0; i < 100 && !READ_ONCE(e.host->num_held); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 1);
	virtio_irq_deactivate(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&vec->arm));
	/* A move of it is nothing, and the next activation asks */
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/* As another CPU's virtio_irq_reroute(), up to where it waits */
static void reroute_begin(struct engine *e, struct virtio_irq_vector *vec)
{
	bool notify;

	raw_spin_lock_irq(&e->vi->lock);
	vec->route = route_b;
	__virtio_irq_post_activate(vec, false);
	notify = __virtio_irq_notify_lazy(e->vi, true);
	raw_spin_unlock_irq(&e->vi->lock);
	virtio_irq_notify(e->vi, notify);
}

/* Another CPU's route is the later one, and answered when recovery has gone by */
static void overtaken_replay_retriggers(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	virtio_irq_poll_timeout_ms = 2000;
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, vec->lossy);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 2, 0);
	engine_let(&e);
	for (i = 0; i < 100 && !READ_ONCE(e.host->num_held); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 1);
	reroute_begin(&e, vec);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 2);
	/* The answer to recovery's, and later the other one */
	raw_spin_lock_irq(&e.host->lock);
	fake_used(e.host, e.host->held[0].head, e.host->held[0].len);
	e.host->held[0] = e.host->held[--e.host->num_held];
	raw_spin_unlock_irq(&e.host->lock);
	for (i = 0; i < 100 && work_busy(&e.vi->recover.work); i++)
		msleep(20);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
}

/* A reset of the device drops the request of somebody who sleeps: it is sent once more */
static void dropped_is_sent_again(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct sleeper s = { .store = &e.ep->msi };
	unsigned int i;

	virtio_irq_sleep_timeout_ms = 10000;
	INIT_WORK_ONSTACK(&s.work, sleeper_alloc);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ALLOC, 1, 0);
	schedule_work(&s.work);
	for (i = 0; i < 100 && READ_ONCE(e.host->rule.times); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	flush_work(&s.work);
	destroy_work_on_stack(&s.work);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, s.ret, 4);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.dropped, 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 0);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 5);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE(arm_and_deactivate),
	KUNIT_CASE(arm_and_move),
	KUNIT_CASE(arm_and_fail_to_move),
	KUNIT_CASE(disarm_and_activate),
	KUNIT_CASE(release_and_commit),
	KUNIT_CASE(refused_commit_after_a_malformed_one),
	KUNIT_CASE(refused_activate_after_a_malformed_one),
	KUNIT_CASE(earlier_release_does_not_count),
	KUNIT_CASE(free_and_alloc),
	KUNIT_CASE(alloc_under_way),
	KUNIT_CASE(reserve_and_free),
	KUNIT_CASE(ready_after_the_last),
	KUNIT_CASE(overtaken_activate),
	KUNIT_CASE(overtaken_replay_retriggers),
	KUNIT_CASE(dropped_is_sent_again),
	{ }
};

static struct kunit_suite race_suite = {
	.name		= "virtio-irq-race",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= race_cases,
};

kunit_test_suite(race_suite);
