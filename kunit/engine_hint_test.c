// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: events of all kinds, too many of them, at
 * an inconvenient time, and of a host that is not to be trusted
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/pm.h>
#include <linux/virtio_ring.h>
#include <trace/events/virtio_irq.h>

#include "event_fixture.h"

static void place_fault(struct fake_host *host, u32 endpoint, u32 number, u32 flags)
{
	const struct virtio_irq_event event = {
		.type		= FAULT,
		.reason		= VIRTIO_IRQ_FAULT_R_PASID,
		.endpoint	= cpu_to_le32(endpoint),
		.first		= cpu_to_le32(3),
		.count		= cpu_to_le32(2),
		.address	= cpu_to_le64(FAKE_PAIR_ADDRESS),
		.data		= cpu_to_le32(number),
		.flags		= cpu_to_le32(flags),
	};

	fake_event_place(host, &event, sizeof(event));
	fake_event_interrupt(host);
}

/* The last ones are kept */
static void faults_are_kept(struct kunit *test)
{
	static const char oldest[] =
		"ms ago: 0000:00:03.0 messages 2, one of them fee00004/102 pasid 77 store 0";
	static const char after_others[] =
		"fee00004/105 pasid 77 store 0 vector 3: another PASID, others before it dropped\n";
	struct event ev = event_start(test, LAZY);
	unsigned int i;
	char *text;

	for (i = 0; i < VIRTIO_IRQ_NUM_FAULTS + 2; i++) {
		place_fault(ev.e.host, EP, 0x100 + i,
			    VIRTIO_IRQ_EVENT_F_PASID_VALID | 0x77 |
			    (i == 5 ? VIRTIO_IRQ_EVENT_F_OVERFLOW : 0));
		engine_settle(test, &ev.e);
	}
	/* DRV-88 */
	place_fault(ev.e.host, EP + 1, 0xbad, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.blocked, 2 * i);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.overflows, 1);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.events[0], 1);

	text = event_shown(test, ev.e.vi, virtio_irq_faults_show);
	KUNIT_EXPECT_NULL(test, strstr(text, "fee00004/101 "));
	KUNIT_EXPECT_NULL(test, strstr(text, "/bad "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, oldest));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "fee00004/111 "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, after_others));
	/* The last one comes last */
	KUNIT_EXPECT_TRUE(test, strstr(text, "fee00004/110 ") < strstr(text, "fee00004/111 "));
	KUNIT_EXPECT_TRUE(test, strstr(text, "fee00004/102 ") < strstr(text, "fee00004/103 "));
	KUNIT_EXPECT_TRUE(test, strstr(text, "fee00004/103 ") < strstr(text, "fee00004/110 "));
	text = event_shown(test, ev.e.vi, virtio_irq_stats_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "event FAULT: 19\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "messages blocked: 36\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "faults dropped: 0 here, 1 times by the host\n"));
}

/* Before the worker comes: FAULTs leave room for what is of consequence */
static void flood_of_faults(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	engine_hold(&ev.e);
	for (i = 0; i < 2 * VIRTIO_IRQ_MAX_EVENTS; i++) {
		place_fault(ev.e.host, EP, i, 0);
		raw_spin_lock_irq(&ev.e.vi->lock);
		__virtio_irq_look_for_reread(ev.e.ep);
		raw_spin_unlock_irq(&ev.e.vi->lock);
	}
	KUNIT_EXPECT_EQ(test, ev.e.vi->num_news, VIRTIO_IRQ_MAX_FAULT_EVENTS);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.faults_dropped,
			i - VIRTIO_IRQ_MAX_FAULT_EVENTS);
	KUNIT_EXPECT_EQ(test, ev.e.vi->num_faults, VIRTIO_IRQ_MAX_FAULT_EVENTS);
	event_expect_told(test, 1, 0, 0);
}

/* Too many that differ: every vector is asked for, once */
static void flood_of_stales(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	engine_hold(&ev.e);
	fake_host_move(ev.e.host, EP, 0, 0, VECTORS);
	for (i = 0; i < 3 * VIRTIO_IRQ_MAX_EVENTS; i++) {
		KUNIT_ASSERT_TRUE(test, fake_event(ev.e.host, STALE, EP, 0, 1000 + i, 1, 0));
		raw_spin_lock_irq(&ev.e.vi->lock);
		__virtio_irq_look_for_reread(ev.e.ep);
		raw_spin_unlock_irq(&ev.e.vi->lock);
	}
	KUNIT_EXPECT_EQ(test, ev.e.vi->num_news, VIRTIO_IRQ_MAX_EVENTS);
	/* DRV-93 holds for what was merged, too */
	raw_spin_lock_irq(&ev.e.vi->lock);
	KUNIT_EXPECT_TRUE(test, __virtio_irq_look_for_stale(ev.vec[0]));
	raw_spin_unlock_irq(&ev.e.vi->lock);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++) {
		event_expect_settled(test, &ev, i);
		event_expect_told(test, i, 1, 1);
	}
	KUNIT_EXPECT_EQ(test, fake_host_count(ev.e.host, VIRTIO_IRQ_T_ATTACH), 1);
	KUNIT_EXPECT_GT(test, ev.e.vi->stats.events_merged, VIRTIO_IRQ_MAX_EVENTS);
}

/* The same again and again is one */
static void repeated(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	engine_hold(&ev.e);
	for (i = 0; i < 2 * FAKE_EVENT_RING; i++) {
		KUNIT_ASSERT_TRUE(test, fake_event(ev.e.host, STALE, EP, 0, 1, 1, 0));
		raw_spin_lock_irq(&ev.e.vi->lock);
		__virtio_irq_look_for_reread(ev.e.ep);
		raw_spin_unlock_irq(&ev.e.vi->lock);
	}
	KUNIT_EXPECT_EQ(test, ev.e.vi->num_news, 2);
	/* The worker comes, there is no need to call it again */
	KUNIT_EXPECT_FALSE(test, event_wants_interrupt(ev.e.host));
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_TRUE(test, event_wants_interrupt(ev.e.host));
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 1);
	event_expect_told(test, 1, 1, 1);
}

/* However fast the host is, the worker looks so often and no more */
static void paced(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned long start = jiffies, ms;
	unsigned int i;

	/* The second one waits for a timer, however soon the worker could come */
	event_read(ev.e.vi);
	ev.e.vi->events_looked = jiffies;
	fake_event(ev.e.host, STALE, EP, 0, 1, 1, 0);
	KUNIT_EXPECT_TRUE(test, timer_pending(&ev.e.vi->read_events.timer));
	engine_settle(test, &ev.e);
	event_expect_told(test, 1, 1, 1);
	for (i = 0; i < 200; i++) {
		fake_event(ev.e.host, STALE, EP, 0, 0, 1, 0);
		usleep_range(200, 400);
	}
	engine_settle(test, &ev.e);
	ms = jiffies_to_msecs(jiffies - start);
	KUNIT_EXPECT_GE(test, event_told.replayed[0], 1);
	KUNIT_EXPECT_LE(test, event_told.replayed[0], 2 + 2 * (ms / VIRTIO_IRQ_EVENT_PAUSE_MS));
	event_expect_settled(test, &ev, 0);
}

struct hostile_event {
	const char *name;
	u8 type;
	u32 len;
};

static const struct hostile_event hostile_events[] = {
	{ "length 0", STALE, 0 },
	{ "short", STALE, 31 },
	{ "long", STALE, 33 },
	{ "absurdly long", STALE, U32_MAX },
	{ "type 0", 0, 32 },
	{ "type 4", 4, 32 },
	{ "type 255", 255, 32 },
};

KUNIT_ARRAY_PARAM_DESC(hostile_event, hostile_events, name);

/* DRV-88; and the buffer is available again */
static void ignored(struct kunit *test)
{
	const struct hostile_event *h = test->param_value;
	struct virtio_irq_event event = event_stale_of_0;
	struct event ev = event_start(test, LAZY);

	event.type = h->type;
	event.flags = cpu_to_le32(ALL | REREAD);
	KUNIT_ASSERT_TRUE(test, fake_event_place(ev.e.host, &event, h->len));
	fake_event_interrupt(ev.e.host);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.events[0], 1);
	KUNIT_EXPECT_EQ(test, event_available(ev.e.host), FAKE_EVENT_RING + 1);
	event_expect_settled(test, &ev, 0);
}

/* A used id that was never available: nothing less than a reset helps */
static void used_id_never_available(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct vring_used *used = phys_to_virt(virtqueue_get_used_addr(ev.e.host->evq));

	used->ring[0].id = (__force __virtio32)cpu_to_le32(FAKE_EVENT_RING + 5);
	used->idx = (__force __virtio16)cpu_to_le16(1);
	fake_event_interrupt(ev.e.host);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_EQ(test, event_available(ev.e.host), FAKE_EVENT_RING);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

/* An interrupt for nothing */
static void nothing_to_say(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	for (i = 0; i < 100; i++)
		virtio_irq_event_callback(ev.e.vi->evq);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 0);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

/*
 * What is traced
 */

struct trace {
	struct virtio_irq_news news[4];
	unsigned int len[4];
	unsigned int num;
	unsigned int revoked;
};

static void trace_event(void *data, unsigned int len, const struct virtio_irq_news *news)
{
	struct trace *t = data;

	if (t->num < ARRAY_SIZE(t->news)) {
		t->news[t->num] = *news;
		t->len[t->num] = len;
	}
	t->num++;
}

static void trace_revoked(void *data, u32 endpoint, u16 store, u32 index, unsigned int virq,
			  int err)
{
	struct trace *t = data;

	t->revoked += endpoint == EP && !store && index == 2 && !virq && err == -EDQUOT;
}

static void traced(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct trace t = { };

	KUNIT_ASSERT_EQ(test, register_trace_virtio_irq_event(trace_event, &t), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtio_irq_revoked(trace_revoked, &t), 0);
	fake_host_revoked(ev.e.host, EP, 0, 2, 1, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	place_fault(ev.e.host, EP + 1, 0x1234, VIRTIO_IRQ_EVENT_F_PASID_VALID | 7);
	engine_settle(test, &ev.e);
	unregister_trace_virtio_irq_event(trace_event, &t);
	unregister_trace_virtio_irq_revoked(trace_revoked, &t);
	tracepoint_synchronize_unregister();

	KUNIT_ASSERT_EQ(test, t.num, 2);
	KUNIT_EXPECT_EQ(test, t.revoked, 1);
	KUNIT_EXPECT_EQ(test, t.len[0], 32);
	KUNIT_EXPECT_EQ(test, t.news[0].type, REVOKED);
	KUNIT_EXPECT_EQ(test, t.news[0].reason, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, t.news[0].endpoint, EP);
	KUNIT_EXPECT_EQ(test, t.news[0].first, 2);
	KUNIT_EXPECT_EQ(test, t.news[0].count, 1);
	KUNIT_EXPECT_EQ(test, t.news[1].type, FAULT);
	KUNIT_EXPECT_EQ(test, t.news[1].address, FAKE_PAIR_ADDRESS);
	KUNIT_EXPECT_EQ(test, t.news[1].data, 0x1234);
	KUNIT_EXPECT_EQ(test, t.news[1].flags, VIRTIO_IRQ_EVENT_F_PASID_VALID | 7);
}

/*
 * At an inconvenient time
 */

static void say_stale(struct fake_host *host)
{
	if (host->evq)
		fake_event(host, STALE, EP, 0, 0, VECTORS, 0);
}

/* The reset makes up for everything, also for what was said before it */
static void said_before_a_reset(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	disable_delayed_work_sync(&ev.e.vi->read_events);
	say_stale(ev.e.host);
	raw_spin_lock_irq(&ev.e.vi->lock);
	__virtio_irq_look_for_reread(ev.e.ep);
	raw_spin_unlock_irq(&ev.e.vi->lock);
	KUNIT_EXPECT_EQ(test, ev.e.vi->num_news, 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(ev.e.vi), 0);
	enable_delayed_work(&ev.e.vi->read_events);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++) {
		event_expect_settled(test, &ev, i);
		event_expect_told(test, i, 1, 1);
	}
	/* It is forgotten, not about an endpoint that is not attached */
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.events[0], 0);
	KUNIT_EXPECT_EQ(test, event_available(ev.e.host), FAKE_EVENT_RING);
	say_stale(ev.e.host);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

/* The queue is there, and nobody may touch it any more */
static void said_during_a_reset(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	ev.e.host->in_reset = say_stale;
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(ev.e.vi), 0);
	ev.e.host->in_reset = NULL;
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
}

/* Nothing is asked while the system sleeps, and nothing is forgotten */
static void said_while_frozen(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct device *dev = &host->vdev.dev;
	struct event ev;

	/* Buffers are not added a second time, where there would be room */
	host->event_ring = 2 * VIRTIO_IRQ_MAX_EVENTS;
	ev = event_with(test, host, 0);
	/* Read, and not yet acted upon */
	disable_delayed_work_sync(&ev.e.vi->read_events);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	raw_spin_lock_irq(&ev.e.vi->lock);
	__virtio_irq_look_for_reread(ev.e.ep);
	raw_spin_unlock_irq(&ev.e.vi->lock);
	enable_delayed_work(&ev.e.vi->read_events);
	queue_delayed_work(ev.e.vi->wq, &ev.e.vi->read_events, 60 * HZ);
	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.suspend(dev), 0);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&ev.e.vi->read_events));
	fake_host_stale(ev.e.host, EP, 0, 1, 1, 0);
	msleep(3 * VIRTIO_IRQ_EVENT_PAUSE_MS);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 0);
	/* However short it was, before the next device resumes */
	ev.e.vi->events_looked = jiffies;
	KUNIT_EXPECT_EQ(test, virtio_irq_pm_ops.resume(dev), 0);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	event_expect_settled(test, &ev, 1);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[1], 1);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_EQ(test, event_available(host), VIRTIO_IRQ_MAX_EVENTS + 2);
	/* And the next one is heard */
	fake_host_stale(ev.e.host, EP, 0, 2, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 2);
}

/* With everything in use, and more to come than anybody reads */
static void removed_with_events(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	engine_hold(&ev.e);
	for (i = 0; i < FAKE_EVENT_RING; i++)
		fake_event(ev.e.host, i & 1 ? STALE : FAULT, EP, 0, i, 1, ALL | REREAD);
	for (i = 0; i < VECTORS; i++) {
		virtio_irq_deactivate(ev.vec[i]);
		virtio_irq_free(ev.vec[i]);
	}
	engine_let(&ev.e);
	ev.e.vi->domain = &virtio_irq_domain_side;
	device_release_driver(&ev.e.host->vdev.dev);
	KUNIT_EXPECT_NULL(test, ev.e.host->vq);
	KUNIT_EXPECT_NULL(test, ev.e.host->evq);
}

/* While the host is silent nothing is asked; what was said counts when it is back */
static void said_by_a_silent_host(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_host_rule(ev.e.host, FAKE_LOST, 0, 3, 0);
	fake_host_stale(ev.e.host, EP, 0, 0, VECTORS, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	event_expect_settled(test, &ev, 3);
	KUNIT_EXPECT_GE(test, ev.e.vi->stats.timeouts, 1);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
}

static struct kunit_case hint_cases[] = {
	KUNIT_CASE(faults_are_kept),
	KUNIT_CASE(flood_of_faults),
	KUNIT_CASE(flood_of_stales),
	KUNIT_CASE(repeated),
	KUNIT_CASE(paced),
	KUNIT_CASE_PARAM(ignored, hostile_event_gen_params),
	KUNIT_CASE(used_id_never_available),
	KUNIT_CASE(nothing_to_say),
	KUNIT_CASE(traced),
	KUNIT_CASE(said_before_a_reset),
	KUNIT_CASE(said_during_a_reset),
	KUNIT_CASE(said_while_frozen),
	KUNIT_CASE(removed_with_events),
	KUNIT_CASE(said_by_a_silent_host),
	{ }
};

static struct kunit_suite hint_suite = {
	.name		= "virtio-irq-event-hint",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= hint_cases,
};

kunit_test_suite(hint_suite);
