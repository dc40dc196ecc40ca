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

/* What the other CPU does, once, when recovery is about to send @type (after @skip of them) */
struct meanwhile {
	u8 type;
	void (*act)(struct meanwhile *m);
	struct engine e;
	struct virtio_irq_vector *vec;
	struct virtio_irq_vector *other;
	struct sleeper *sleeper;
	unsigned int skip;
	unsigned int done;
	enum virtio_irq_state state;
	int ret;
};

static void race_hook(struct virtio_irq *vi, const struct virtio_irq_call *call)
{
	struct meanwhile *m = vi->test_data;

	if (!call || !call->recovery || call->req.head.type != m->type || m->done)
		return;
	if (m->skip) {
		m->skip--;
		return;
	}
	m->done++;
	m->act(m);
}

static void race_start(struct kunit *test, struct meanwhile *m, u8 type,
		       void (*act)(struct meanwhile *m))
{
	m->type = type;
	m->act = act;
	m->e.host = fake_host_new(test, LAZY);
	m->e.host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(m->e.host), 0);
	m->e.vi = m->e.host->vi;
	m->e.ep = virtio_irq_attach(m->e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m->e.ep);
	m->vec = engine_vector(test, &m->e, 0);
	m->other = engine_vector(test, &m->e, 1);
}

/* Let the worker do what it has to, with the other CPU in between */
static void race_run(struct kunit *test, struct meanwhile *m)
{
	m->e.vi->test_data = m;
	m->e.vi->test_hook = race_hook;
	raw_spin_lock_irq(&m->e.vi->lock);
	__virtio_irq_mark(m->e.vi);
	raw_spin_unlock_irq(&m->e.vi->lock);
	engine_settle(test, &m->e);
	m->e.vi->test_hook = NULL;
	virtio_irq_flush_timer(&m->e.vi->timer);
	KUNIT_EXPECT_EQ(test, m->done, 1);
}

static void do_deactivate(struct meanwhile *m)
{
	virtio_irq_deactivate(m->vec);
}

/* Deactivated while recovery was about to arm it */
static void arm_and_deactivate(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, VIRTIO_IRQ_T_ACTIVATE, do_deactivate);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(m.vec, &route_a, true), -ENOMEM);
	race_run(test, &m);
	KUNIT_EXPECT_FALSE(test, engine_fake(&m.e, 0)->armed);
	KUNIT_EXPECT_FALSE(test, m.vec->maybe_armed);
}

static void do_move(struct meanwhile *m)
{
	m->ret = virtio_irq_reroute(m->vec, &route_b);
}

/* Moved once more, with success, while recovery was about to arm it: it still retriggers */
static void arm_and_move(struct kunit *test)
{
	struct meanwhile m = { .ret = 1 };

	race_start(test, &m, VIRTIO_IRQ_T_ACTIVATE, do_move);
	/* Who moves it waits for the answer */
	m.e.vi->strict = true;
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(m.vec, &route_b, false), 0);
	engine_hold(&m.e);
	fake_host_rule(m.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(m.vec, &route_a), -EIO);
	KUNIT_EXPECT_TRUE(test, m.vec->lossy);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	engine_let(&m.e);
	engine_settle(test, &m.e);
	m.e.vi->test_hook = NULL;
	KUNIT_EXPECT_EQ(test, m.done, 1);
	KUNIT_EXPECT_EQ(test, m.ret, 0);
	KUNIT_EXPECT_FALSE(test, m.vec->dirty);
	KUNIT_EXPECT_FALSE(test, m.vec->lossy);
	KUNIT_EXPECT_EQ(test, engine_fake(&m.e, 0)->route_address, route_b.address);
}

static void do_activate(struct meanwhile *m)
{
	m->ret = virtio_irq_activate(m->vec, &route_b, false);
}

/* Activated while recovery was about to disarm it */
static void disarm_and_activate(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, VIRTIO_IRQ_T_DEACTIVATE, do_activate);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(m.vec, &route_a, false), 0);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_DEACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_deactivate(m.vec);
	virtio_irq_flush_timer(&m.e.vi->timer);
	race_run(test, &m);
	KUNIT_EXPECT_EQ(test, m.ret, 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, 0)->armed);
	KUNIT_EXPECT_EQ(test, engine_fake(&m.e, 0)->route_address, route_b.address);
}

static void do_commit(struct meanwhile *m)
{
	m->ret = virtio_irq_commit(m->vec);
}

/* Requested again while recovery was about to release it */
static void release_and_commit(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, VIRTIO_IRQ_T_RELEASE, do_commit);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(m.vec), 0);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_RELEASE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_release(m.vec);
	virtio_irq_flush_timer(&m.e.vi->timer);
	race_run(test, &m);
	KUNIT_EXPECT_EQ(test, m.ret, 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, 0)->committed);
}

static void do_refused_commit(struct meanwhile *m)
{
	fake_host_rule(m->e.host, FAKE_REFUSE, VIRTIO_IRQ_T_COMMIT, 1, VIRTIO_IRQ_S_NOSPC);
	m->ret = virtio_irq_commit(m->vec);
}

/* A COMMIT that is refused does not make up for an earlier one without a proper answer */
static void release_and_refused_commit(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, VIRTIO_IRQ_T_RELEASE, do_refused_commit);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_COMMIT, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(m.vec), -EIO);
	race_run(test, &m);
	KUNIT_EXPECT_EQ(test, m.ret, -ENOSPC);
	KUNIT_EXPECT_FALSE(test, m.vec->release_lost);
	KUNIT_EXPECT_FALSE(test, engine_fake(&m.e, 0)->committed);
}

/* Nor does the answer to a RELEASE that went before it */
static void earlier_release_does_not_count(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, 0, NULL);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(m.vec), 0);
	fake_host_rule(m.e.host, FAKE_SILENT, VIRTIO_IRQ_T_RELEASE, 1, 0);
	virtio_irq_release(m.vec);
	virtio_irq_flush_timer(&m.e.vi->timer);
	KUNIT_ASSERT_EQ(test, m.e.host->num_held, 1);
	fake_host_rule(m.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_COMMIT, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(m.vec), -EIO);
	KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, 0)->committed);
	flush_delayed_work(&m.e.vi->recover);
	fake_host_speak(m.e.host);
	virtio_irq_flush_timer(&m.e.vi->timer);
	engine_settle(test, &m.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&m.e, 0)->committed);
	KUNIT_EXPECT_FALSE(test, m.vec->release_lost);
}

static void do_alloc(struct meanwhile *m)
{
	m->ret = virtio_irq_alloc(&m->e.ep->msi, 8, 4, 0, 64);
}

/* Allocated again while recovery was about to free it */
static void free_and_alloc(struct kunit *test)
{
	struct meanwhile m = { };
	unsigned int i;

	race_start(test, &m, VIRTIO_IRQ_T_FREE, do_alloc);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, 15);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&m.e.ep->msi, 8, 4, 0, 64), -EIO);
	race_run(test, &m);
	KUNIT_EXPECT_EQ(test, m.ret, 4);
	for (i = 8; i < 12; i++) {
		KUNIT_EXPECT_TRUE(test, virtio_irq_granted(&m.e.ep->msi, i));
		KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, i)->allocated);
	}
}

static void do_alloc_begin(struct meanwhile *m)
{
	/* As far as virtio_irq_alloc() has come when it waits for its turn */
	raw_spin_lock_irq(&m->e.vi->lock);
	m->e.ep->msi.allocs++;
	raw_spin_unlock_irq(&m->e.vi->lock);
}

/* An ALLOC is about to be sent while recovery was about to free */
static void free_and_alloc_under_way(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, VIRTIO_IRQ_T_FREE, do_alloc_begin);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, 15);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&m.e.ep->msi, 8, 4, 0, 64), -EIO);
	race_run(test, &m);
	KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, 8)->allocated);
	raw_spin_lock_irq(&m.e.vi->lock);
	m.e.ep->msi.allocs--;
	__virtio_irq_mark(m.e.vi);
	raw_spin_unlock_irq(&m.e.vi->lock);
	engine_settle(test, &m.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&m.e, 8)->allocated);
}

static void do_speak(struct meanwhile *m)
{
	unsigned int i;

	fake_host_speak(m->e.host);
	for (i = 0; i < 100 && !READ_ONCE(m->sleeper->ret); i++)
		msleep(20);
}

/* One that was sent before recovery looked, and is in the records before it frees */
static void free_and_alloc_answered(struct kunit *test)
{
	struct sleeper s = { };
	struct meanwhile m = { .sleeper = &s };
	unsigned int i;

	race_start(test, &m, VIRTIO_IRQ_T_FREE, do_speak);
	virtio_irq_sleep_timeout_ms = 10000;
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	engine_hold(&m.e);
	fake_host_rule(m.e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, 15);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&m.e.ep->msi, 8, 4, 0, 64), -EIO);
	fake_host_rule(m.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ALLOC, 1, 0);
	s.store = &m.e.ep->msi;
	INIT_WORK_ONSTACK(&s.work, sleeper_alloc);
	schedule_work(&s.work);
	for (i = 0; i < 100 && !READ_ONCE(m.e.host->num_held); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, m.e.host->num_held, 1);
	engine_let(&m.e);
	flush_delayed_work(&m.e.vi->recover);
	if (!m.done)
		do_speak(&m);
	flush_work(&s.work);
	destroy_work_on_stack(&s.work);
	engine_settle(test, &m.e);
	m.e.vi->test_hook = NULL;
	KUNIT_EXPECT_EQ(test, s.ret, 4);
	for (i = 8; i < 12; i++) {
		KUNIT_EXPECT_TRUE(test, virtio_irq_granted(&m.e.ep->msi, i));
		KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, i)->allocated);
	}
}

static void do_free(struct meanwhile *m)
{
	virtio_irq_free(m->other);
	/* Its FREE goes first, what recovery is about to reserve would stay reserved */
	virtio_irq_flush_timer(&m->e.vi->timer);
}

/* Freed while recovery was about to reserve it again, which it was refused before */
static void reserve_and_free(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, VIRTIO_IRQ_T_ALLOC, do_free);
	/* Not the one that is refused */
	m.skip = 1;
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = race_hook;
	fake_host_rule(m.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(m.e.vi), 0);
	KUNIT_EXPECT_EQ(test, m.e.vi->state, VIRTIO_IRQ_READY);
	race_run(test, &m);
	KUNIT_EXPECT_TRUE(test, engine_fake(&m.e, 0)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&m.e, 1)->allocated);
	KUNIT_EXPECT_EQ(test, m.e.host->allocated, 1);
}

static void do_second(struct meanwhile *m)
{
	/* In the next pass, if that comes before READY */
	m->state = READ_ONCE(m->e.vi->state);
}

static void do_reroute(struct meanwhile *m)
{
	/* Fails at once, the engine is RECOVERING */
	m->ret = virtio_irq_reroute(m->other, &route_b);
	m->act = do_second;
	m->done = 0;
	m->type = 0;
}

static void pass_hook(struct virtio_irq *vi, const struct virtio_irq_call *call)
{
	struct meanwhile *m = vi->test_data;

	if (!call || !call->recovery || call->req.head.type != VIRTIO_IRQ_T_ACTIVATE)
		return;
	if (call->vec == m->vec && m->act == do_reroute)
		do_reroute(m);
	else if (call->vec == m->other)
		do_second(m);
}

/* What fails while recovery is under way is made good before READY */
static void ready_after_the_last(struct kunit *test)
{
	struct meanwhile m = { };

	race_start(test, &m, 0, do_reroute);
	/* Who moves it waits for the answer */
	m.e.vi->strict = true;
	/* The later one first, so that its replay has gone by */
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(m.other, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(m.vec, &route_a, false), 0);
	swap(m.vec, m.other);
	m.e.vi->test_data = &m;
	m.e.vi->test_hook = pass_hook;
	fake_host_rule(m.e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(m.vec, &route_b), -ETIMEDOUT);
	engine_settle(test, &m.e);
	m.e.vi->test_hook = NULL;
	KUNIT_EXPECT_EQ(test, m.ret, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, m.state, VIRTIO_IRQ_RECOVERING);
	KUNIT_EXPECT_EQ(test, engine_fake(&m.e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_EQ(test, engine_fake(&m.e, 1)->route_address, route_b.address);
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
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_FALSE(test, vec->maybe_armed);
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
	struct virtio_irq_rsp_activate reply;
	struct virtio_irq_call call;
	bool notify;

	raw_spin_lock_irq(&e->vi->lock);
	vec->route = route_b;
	virtio_irq_build_activate(&call, vec, &route_b, &reply);
	call.reply = NULL;
	__virtio_irq_post(e->vi, &call);
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
	KUNIT_EXPECT_TRUE(test, vec->armed);
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
	KUNIT_CASE(disarm_and_activate),
	KUNIT_CASE(release_and_commit),
	KUNIT_CASE(release_and_refused_commit),
	KUNIT_CASE(earlier_release_does_not_count),
	KUNIT_CASE(free_and_alloc),
	KUNIT_CASE(free_and_alloc_under_way),
	KUNIT_CASE(free_and_alloc_answered),
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
