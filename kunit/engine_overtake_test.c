// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: what is overtaken by something
 * else while it is under way
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/static_stub.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/virtio_ring.h>

#include "engine_fixture.h"

/* A FREE that was refused is sent again, whatever the answers to later ones */
static void refused_free_and_a_later_one(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *a = engine_vector(test, &e, 0);
	struct virtio_irq_vector *b = engine_vector(test, &e, 8);

	engine_vector(test, &e, 16);
	/* The worker comes later */
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_FREE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_free(a);
	virtio_irq_flush_timer(&e.vi->timer);
	virtio_irq_free(b);
	virtio_irq_flush_timer(&e.vi->timer);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->allocated);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_FALSE(test, e.ep->msi.to_free.valid);
}

/* It is made good at once, although the answer to another one is not there yet */
static void refused_free_and_an_earlier_one(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *a = engine_vector(test, &e, 0);
	struct virtio_irq_vector *b = engine_vector(test, &e, 8);

	engine_vector(test, &e, 16);
	virtio_irq_sleep_timeout_ms = 10000;
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(a);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 1);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_FREE, 1, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_free(b);
	virtio_irq_flush_timer(&e.vi->timer);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 8)->allocated);
	KUNIT_EXPECT_EQ(test, a->res.busy, 1);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 8)->allocated);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_FALSE(test, e.ep->msi.to_free.valid);
}

/* No more at once than a request may name, and what stays in between */
static void refused_free_in_parts(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	unsigned int i;

	e.host->config.max_count = cpu_to_le32(4);
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	engine_vector(test, &e, 9);
	for (i = 0; i < 16; i += 4)
		KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, i, 4, 0, 64), 4);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_FREE, 4, VIRTIO_IRQ_S_DEVERR);
	/* 0..8 and 10..15: three requests and two, the last of them is answered well */
	virtio_irq_trim(&e.ep->msi);
	virtio_irq_flush_timer(&e.vi->timer);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 9)->allocated);
	KUNIT_EXPECT_FALSE(test, e.ep->msi.to_free.valid);
	/* The last one is not sent again */
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_FREE), 9);
}

/* Of a host that wants a FREE for each vector: one is in use, 200 are not */
static struct engine one_by_one(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	unsigned int i;

	/* Nothing gets lost here */
	virtio_irq_sleep_timeout_ms = 10000;
	e.host->config.max_count = cpu_to_le32(1);
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	engine_vector(test, &e, 300);
	for (i = 0; i < 200; i++)
		KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, i, 1, 0, 64), 1);
	return e;
}

/* Interrupts are off for some of them, then for others; and nobody has to come for that */
static void many_frees(struct kunit *test)
{
	struct engine e = one_by_one(test);
	const u64 *sent = &e.vi->stats.requests[VIRTIO_IRQ_T_FREE];
	u64 before, after;
	unsigned int i;

	virtio_irq_trim(&e.ep->msi);
	raw_spin_lock_irq(&e.vi->lock);
	before = *sent;
	__virtio_irq_flush_frees(e.vi);
	after = *sent;
	raw_spin_unlock_irq(&e.vi->lock);
	/* The timer may have come first */
	KUNIT_EXPECT_TRUE(test, !(before % 64) || before == 200);
	KUNIT_EXPECT_LE(test, after - before, 64);
	virtio_irq_flush_timer(&e.vi->timer);
	for (i = 0; i < 100 && READ_ONCE(e.host->allocated) > 1; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 0);
}

/* What is granted again is not freed by what comes late */
static void many_frees_and_an_alloc(struct kunit *test)
{
	struct engine e = one_by_one(test);

	virtio_irq_trim(&e.ep->msi);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 199, 1, 0, 64), 1);
	virtio_irq_flush_timer(&e.vi->timer);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 199)->allocated);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2);
}

/* The device may not read the ring when the controller sleeps */
static void many_frees_before_sleep(struct kunit *test)
{
	struct engine e = one_by_one(test);
	struct device *dev = &e.vi->vdev->dev;

	virtio_irq_trim(&e.ep->msi);
	/* Not for a host that is slow because the machine is */
	virtio_irq_poll_timeout_ms = 10000;
	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.suspend(dev), 0);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.resume(dev), 0);
}

/* Nor does the answer to a FREE settle an ALLOC that had none */
static void malformed_alloc_and_a_free(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *a = engine_vector(test, &e, 0);

	engine_vector(test, &e, 16);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(a);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 1);
	fake_host_rule(e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, 15);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 4, 0, 64), -EIO);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 5);
	flush_delayed_work(&e.vi->recover);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);
	raw_spin_lock_irq(&e.vi->lock);
	__virtio_irq_mark(e.vi);
	raw_spin_unlock_irq(&e.vi->lock);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
}

/* The answer to one FREE is taken while the next one looks for a slot, which is lost then */
static void free_answered_while_the_next_is_posted(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_vector *other = engine_vector(test, &e, 8);
	struct virtio_irq_vector *stays = engine_vector(test, &e, 16);

	virtio_irq_sleep_timeout_ms = 10000;
	fake_host_rule(e.host, FAKE_SILENT, 0, UINT_MAX, 0);
	virtio_irq_free(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_ASSERT_EQ(test, vec->res.busy, 1);
	while (engine_idle(&e) > 1) {
		struct virtio_irq_call call;
		int err;

		virtio_irq_build_release(&call, stays);
		raw_spin_lock_irq(&e.vi->lock);
		err = __virtio_irq_post(e.vi, &call);
		raw_spin_unlock_irq(&e.vi->lock);
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	fake_host_speak(e.host);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_FREE, 1, 0);
	virtio_irq_free(other);
	raw_spin_lock_irq(&e.vi->lock);
	KUNIT_EXPECT_EQ(test, engine_idle(&e), 1);
	__virtio_irq_flush_frees(e.vi);
	raw_spin_unlock_irq(&e.vi->lock);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, vec->res.busy, 0);
	KUNIT_EXPECT_EQ(test, other->res.busy, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 8)->allocated);
	virtio_irq_sleep_timeout_ms = SLEEP_MS;
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 1);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
}

struct sleeper {
	struct work_struct	work;
	struct virtio_irq_store	*store;
	struct virtio_irq_vector *vec;
	unsigned int		flags;
	int			ret;
};

static void sleeper_alloc(struct work_struct *work)
{
	struct sleeper *s = container_of(work, struct sleeper, work);

	s->ret = virtio_irq_alloc(s->store, 0, 4, s->flags, 64);
}

/* An ALLOC that waits for READY does not keep recovery from the FREE that comes before it */
static void free_before_an_alloc_that_waits(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	/* Other needs: the host refuses them as long as the vector is reserved */
	struct sleeper s = { .store = &e.ep->msi, .flags = VIRTIO_IRQ_ALLOC_DATA16 };

	virtio_irq_sleep_timeout_ms = 10000;
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	virtio_irq_free(vec);
	INIT_WORK_ONSTACK(&s.work, sleeper_alloc);
	schedule_work(&s.work);
	msleep(50);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->allocated);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	flush_work(&s.work);
	destroy_work_on_stack(&s.work);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, s.ret, 4);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 4);
	KUNIT_EXPECT_EQ(test, vec->res.busy, 0);
}

static void sleeper_commit(struct work_struct *work)
{
	struct sleeper *s = container_of(work, struct sleeper, work);

	s->ret = virtio_irq_commit(s->vec);
}

/* A COMMIT that a reset took from the ring is sent again by who waits for it, and by nobody else */
static void committing_during_a_reset(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	struct sleeper s = { };
	unsigned int i;

	virtio_irq_sleep_timeout_ms = 10000;
	e.host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	s.vec = engine_vector(test, &e, 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_COMMIT, 1, 0);
	INIT_WORK_ONSTACK(&s.work, sleeper_commit);
	schedule_work(&s.work);
	for (i = 0; i < 100 && READ_ONCE(e.host->rule.times); i++)
		msleep(20);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	flush_work(&s.work);
	destroy_work_on_stack(&s.work);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, s.ret, 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_COMMIT), 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->committed);
	KUNIT_EXPECT_TRUE(test, s.vec->com.has);
}

/* One that is refused again does not keep others from theirs */
static void one_lost_reservation_is_refused(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 2, VIRTIO_IRQ_ALLOC_COMMIT, 64), 2);
	KUNIT_ASSERT_NOT_NULL(test, virtio_irq_take(&e.ep->msi, 0));
	KUNIT_ASSERT_NOT_NULL(test, virtio_irq_take(&e.ep->msi, 1));
	engine_vector(test, &e, 2);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_QUOTA);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	KUNIT_EXPECT_GE(test, fake_host_count(e.host, VIRTIO_IRQ_T_ALLOC), 2);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 2)->allocated);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 3);
}

/* Deactivated while the engine cannot send anything, and recovery is just arming it */
static void deactivated_while_recovery_arms(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	/* As far as the ping, no CPU's worker comes farther */
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ETIMEDOUT);
	virtio_irq_poll_timeout_ms = 2000;
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	engine_let(&e);
	for (i = 0; i < 100 && !READ_ONCE(e.host->num_held); i++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, e.host->num_held, 1);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_RECOVERING);
	virtio_irq_deactivate(vec);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&vec->arm));
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
}

/* A host that answers nothing at all is asked less and less often */
static void silence_is_backed_off(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;
	u64 start;

	start = ktime_get_mono_fast_ns();
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	/* The request that was not answered, and a ping each time */
	for (i = 0; i < 500 && READ_ONCE(e.vi->abandoned) < 5; i++)
		msleep(20);
	/* 50, 100 and 200 ms in between, beside what each waits for an answer */
	KUNIT_EXPECT_EQ(test, READ_ONCE(e.vi->abandoned), 5);
	KUNIT_EXPECT_GE(test, ktime_get_mono_fast_ns() - start, 350 * NSEC_PER_MSEC);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &e);
}

static void noio_hook(struct fake_host *host, const u8 *req)
{
	unsigned int *seen = host->data;

	if (req[0] == VIRTIO_IRQ_T_ACTIVATE && current->flags & PF_WQ_WORKER)
		*seen = current->flags & PF_MEMALLOC_NOIO ? 2 : 1;
}

/* The worker must not wait for a disk that waits for the worker */
static void recovery_starts_no_io(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int seen = 0;

	e.host->data = &seen;
	e.host->in_notify = noio_hook;
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ETIMEDOUT);
	engine_settle(test, &e);
	e.host->in_notify = NULL;
	KUNIT_EXPECT_EQ(test, seen, 2);
}

/* With EVENT_IDX the notification of one CPU would stand for the requests of others */
static void every_request_is_notified(struct kunit *test)
{
	struct engine e = engine_start(test, BIT_ULL(VIRTIO_RING_F_EVENT_IDX));
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_call call;
	bool notify;
	int err;

	KUNIT_EXPECT_FALSE(test, virtio_has_feature(&e.host->vdev, VIRTIO_RING_F_EVENT_IDX));
	/* A CPU that is interrupted before it notifies */
	virtio_irq_build_release(&call, vec);
	raw_spin_lock_irq(&e.vi->lock);
	err = __virtio_irq_post(e.vi, &call);
	notify = __virtio_irq_notify_lazy(e.vi, true);
	raw_spin_unlock_irq(&e.vi->lock);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_notify(e.vi, notify);
	engine_settle(test, &e);
}

static unsigned int come_and_go_times;

/* READY ends just before the request, and comes back just after it was refused */
static bool come_and_go(struct virtio_irq *vi)
{
	raw_spin_lock_irq(&vi->lock);
	vi->state = ++come_and_go_times % 4 ? VIRTIO_IRQ_BROKEN : VIRTIO_IRQ_READY;
	raw_spin_unlock_irq(&vi->lock);
	return true;
}

/* Whoever may sleep waits until it can send, however often READY comes and goes */
static void ready_comes_and_goes(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	unsigned int i;

	virtio_irq_sleep_timeout_ms = 10000;
	come_and_go_times = 0;
	kunit_activate_static_stub(test, virtio_irq_settled, come_and_go);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, i, 1, 0, 64), 1);
	kunit_deactivate_static_stub(test, virtio_irq_settled);
	/* Four times each, if recovery is not as fast as the stub */
	KUNIT_EXPECT_GT(test, come_and_go_times, 100);
	engine_settle(test, &e);
}

struct removal {
	struct completion	read;
};

static void removal_hook(struct fake_host *host)
{
	struct removal *r = host->data;
	unsigned int i;

	complete(&r->read);
	for (i = 0; i < 100 && !READ_ONCE(host->vi->stopping); i++)
		msleep(20);
	/* Until the domains are gone; KASAN watches */
	msleep(200);
}

/* The device goes while its new configuration is about to be acted upon */
static void removed_with_a_new_configuration(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	struct removal r;

	init_completion(&r.read);
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.host->data = &r;
	e.host->in_config = removal_hook;
	virtio_config_changed(&e.host->vdev);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&r.read, 5 * HZ), 0);
	device_release_driver(&e.host->vdev.dev);
	KUNIT_EXPECT_NULL(test, e.host->vdev.dev.driver);
}

static struct kunit_case overtake_cases[] = {
	KUNIT_CASE(refused_free_and_a_later_one),
	KUNIT_CASE(refused_free_and_an_earlier_one),
	KUNIT_CASE(refused_free_in_parts),
	KUNIT_CASE(many_frees),
	KUNIT_CASE(many_frees_and_an_alloc),
	KUNIT_CASE(many_frees_before_sleep),
	KUNIT_CASE(malformed_alloc_and_a_free),
	KUNIT_CASE(free_answered_while_the_next_is_posted),
	KUNIT_CASE(free_before_an_alloc_that_waits),
	KUNIT_CASE(committing_during_a_reset),
	KUNIT_CASE(one_lost_reservation_is_refused),
	KUNIT_CASE(deactivated_while_recovery_arms),
	KUNIT_CASE(silence_is_backed_off),
	KUNIT_CASE(recovery_starts_no_io),
	KUNIT_CASE(every_request_is_notified),
	KUNIT_CASE(ready_comes_and_goes),
	KUNIT_CASE(removed_with_a_new_configuration),
	{ }
};

static struct kunit_suite overtake_suite = {
	.name		= "virtio-irq-overtake",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= overtake_cases,
};

kunit_test_suite(overtake_suite);
