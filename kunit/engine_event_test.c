// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: pairs that change, and what is asked of
 * the host then
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/io.h>

#include "event_fixture.h"
#include "kunit_compat.h"

/*
 * The queue
 */

/* DRV-86, DRV-87; the length of each is looked at when it is used */
static void buffers(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, event_available(ev.e.host), FAKE_EVENT_RING);
	KUNIT_EXPECT_EQ(test, ev.e.host->event_notifications, 1);
	for (i = 0; i < 3 * FAKE_EVENT_RING; i++) {
		KUNIT_ASSERT_TRUE(test, fake_event(ev.e.host, FAULT, EP, 0, 0, 1, 0));
		event_read(ev.e.vi);
		KUNIT_EXPECT_EQ(test, event_available(ev.e.host), FAKE_EVENT_RING + i + 1);
	}
	KUNIT_EXPECT_EQ(test, ev.e.host->event_notifications, 1 + i);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.events[FAULT], i);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 0);
}

/* DRV-3: without the feature there is no such queue */
static void no_queue(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);

	KUNIT_EXPECT_NULL(test, e.host->evq);
	KUNIT_EXPECT_NULL(test, e.vi->evq);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	KUNIT_EXPECT_NULL(test, e.host->evq);
}

static void small_queue(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS);
	struct event ev;

	host->event_ring = 2;
	ev = event_with(test, host, 0);
	fake_host_stale(host, EP, 0, 0, 1, 0);
	fake_host_stale(host, EP, 0, 1, 1, 0);
	KUNIT_EXPECT_FALSE(test, fake_event(host, STALE, EP, 0, 2, 1, 0));
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	event_expect_settled(test, &ev, 1);
	KUNIT_EXPECT_TRUE(test, fake_event(host, STALE, EP, 0, 2, 1, 0));
	engine_settle(test, &ev.e);
}

/* The device is set up again when its queue is as large as before */
static void smaller_queue(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	ev.e.host->event_ring = 32;
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(ev.e.vi), -ETIMEDOUT);
	KUNIT_EXPECT_NULL(test, ev.e.host->evq);
	ev.e.host->event_ring = FAKE_EVENT_RING;
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

static void access_platform(struct kunit *test)
{
	struct event ev = event_start(test, BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));

	KUNIT_EXPECT_EQ(test, kunit_premaps(), !!ev.e.vi->dma_dev);
	fake_host_stale(ev.e.host, EP, 0, 1, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 1);
	event_expect_told(test, 1, 1, 1);
}

/*
 * STALE
 */

/* DRV-89, DRV-90: for those that are named, with the route and the PASID that are in force */
static void another_pair(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | PASID);
	const struct virtio_irq_req_activate *req;
	struct event ev;
	u32 before;

	host->pasid_width = 20;
	ev = event_with(test, host, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_set_pasid(ev.vec[1], 0x51), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_reroute(ev.vec[1], &route_b), 0);
	fake_host_forget_log(host);
	before = event_pair_of(&ev, 1);
	fake_host_stale(host, EP, 0, 1, 1, 0);
	engine_settle(test, &ev.e);

	KUNIT_ASSERT_EQ(test, host->num_requests, 1);
	req = (const void *)host->log[0].bytes;
	KUNIT_EXPECT_EQ(test, req->head.type, VIRTIO_IRQ_T_ACTIVATE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->index), 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(req->address), route_b.address);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->data), route_b.data);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->pasid), 0x51);
	KUNIT_EXPECT_NE(test, event_pair_of(&ev, 1), before);
	event_expect_settled(test, &ev, 1);
	event_expect_told(test, 0, 0, 0);
	event_expect_told(test, 1, 1, 1);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.moved, 1);
}

/* DRV-91 */
static void same_pair(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_event(ev.e.host, STALE, EP, 0, 2, 1, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 1);
	event_expect_settled(test, &ev, 2);
	event_expect_told(test, 2, 1, 1);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.moved, 0);
}

/* Nothing can have been lost */
static void still_valid(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_host_stale(ev.e.host, EP, 0, 0, 1, STILL_VALID);
	fake_event(ev.e.host, STALE, EP, 0, 1, 1, STILL_VALID);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 2);
	event_expect_settled(test, &ev, 0);
	event_expect_settled(test, &ev, 1);
	event_expect_told(test, 0, 1, 0);
	event_expect_told(test, 1, 1, 0);
}

/* Its messages go by either pair until the store holds the new one, whatever is asked */
static void still_valid_and_moved(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	event_told.busy = true;
	fake_host_stale(ev.e.host, EP, 0, 0, 1, STILL_VALID);
	event_read(ev.e.vi);
	flush_delayed_work(&ev.e.vi->recover);
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(ev.vec[0]));
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_a), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	event_told.busy = false;
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 0);
	KUNIT_EXPECT_GE(test, event_told.replayed[0], 1);
}

struct names {
	const char *name;
	u16 store;
	u32 endpoint;
	u32 first;
	u32 count;
	u32 flags;
	/* Bits of vectors, of both endpoints */
	unsigned int here, other;
};

static const struct names names[] = {
	{ "one", 0, EP, 1, 1, 0, 0x2, 0 },
	{ "some", 0, EP, 1, 2, 0, 0x6, 0 },
	{ "more than there are", 0, EP, 2, 1000, 0, 0xc, 0 },
	{ "up to the last name", 0, EP, 3, U32_MAX, 0, 0x8, 0 },
	{ "all names", 0, EP, 0, U32_MAX, 0, 0xf, 0 },
	{ "none", 0, EP, 1, 0, 0, 0, 0 },
	{ "that do not exist", 0, EP, 1000, 5, 0, 0, 0 },
	{ "another store", 7, EP, 0, 4, 0, 0, 0 },
	{ "another endpoint", 0, OTHER, 0, 2, 0, 0, 0x3 },
	{ "all of the endpoint", 0, EP, 0, 0, ALL, 0xf, 0 },
	{ "all of all", 0, 0, 0, 0, ALL, 0xf, 0xf },
	{ "all, whatever the rest says", 7, EP, 9, 1, ALL, 0xf, 0 },
	{ "unknown flags", 0, EP, 1, 1, 0xfe000000, 0x2, 0 },
	{ "unknown endpoint", 0, EP + 1, 0, 4, 0, 0, 0 },
	{ "no endpoint", 0, 0, 0, 4, 0, 0, 0 },
	{ "all of an unknown endpoint", 0, EP + 1, 0, 0, ALL, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(names, names, name);

static void named(struct kunit *test)
{
	const struct names *n = test->param_value;
	struct event ev = event_start(test, LAZY), other = { };
	unsigned int i;

	other.e = ev.e;
	other.e.ep = virtio_irq_attach(ev.e.vi, OTHER);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other.e.ep);
	event_arm(test, &other, 0);
	fake_event(ev.e.host, STALE, n->endpoint, n->store, n->first, n->count, n->flags);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests,
			hweight32(n->here) + hweight32(n->other));
	for (i = 0; i < VECTORS; i++)
		event_expect_told(test, i, !!(n->here & BIT(i)) + !!(n->other & BIT(i)),
				  !!(n->here & BIT(i)) + !!(n->other & BIT(i)));
	for (i = 0; i < ev.e.host->num_requests; i++) {
		const struct virtio_irq_req_activate *req = (const void *)ev.e.host->log[i].bytes;
		unsigned int bits = le32_to_cpu(req->head.endpoint) == EP ? n->here : n->other;

		KUNIT_EXPECT_TRUE(test, bits & BIT(le32_to_cpu(req->index)));
	}
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.events[0],
			n->endpoint != EP && n->endpoint != OTHER &&
			(n->endpoint || !(n->flags & ALL)));
}

/* What is not armed is not asked for: before it is, after it was, and when it is gone */
static void not_armed(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	virtio_irq_deactivate(ev.vec[0]);
	virtio_irq_deactivate(ev.vec[1]);
	virtio_irq_free(ev.vec[1]);
	virtio_irq_flush_timer(&ev.e.vi->timer);
	engine_settle(test, &ev.e);
	fake_host_forget_log(ev.e.host);
	fake_host_stale(ev.e.host, EP, 0, 0, VECTORS, 0);
	fake_event(ev.e.host, STALE, EP, 0, 100, 10, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 2);
	KUNIT_EXPECT_FALSE(test, ev.vec[0]->stale || ev.vec[0]->dirty);
	event_expect_told(test, 0, 0, 0);
	event_expect_told(test, 1, 0, 0);
	event_expect_settled(test, &ev, 2);
	event_expect_settled(test, &ev, 3);

	/* Whoever arms it gets the pair that it has by then */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[0], &route_b, false), 0);
	KUNIT_EXPECT_EQ(test, event_pair_of(&ev, 0), engine_fake(&ev.e, 0)->pair);
	for (i = 0; i < VECTORS; i++)
		if (i != 1)
			virtio_irq_deactivate(ev.vec[i]);
	engine_settle(test, &ev.e);
}

/* For a vector that is a new one by then it is a hint, and does no harm */
static void late(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	virtio_irq_deactivate(ev.vec[3]);
	virtio_irq_free(ev.vec[3]);
	virtio_irq_flush_timer(&ev.e.vi->timer);
	ev.vec[3] = engine_vector(test, &ev.e, 3);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(ev.vec[3], &route_b, false), 0);
	event_pair_of(&ev, 3);
	fake_host_forget_log(ev.e.host);
	fake_event(ev.e.host, STALE, EP, 0, 3, 1, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 1);
	event_expect_settled(test, &ev, 3);
}

/* Between the event and the worker */
static void gone_in_between(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	engine_hold(&ev.e);
	fake_host_stale(ev.e.host, EP, 0, 0, VECTORS, 0);
	virtio_irq_deactivate(ev.vec[0]);
	virtio_irq_free(ev.vec[0]);
	virtio_irq_deactivate(ev.vec[1]);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&ev.e, 0)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&ev.e, 1)->armed);
	event_expect_settled(test, &ev, 2);
	event_expect_told(test, 0, 0, 0);
	event_expect_told(test, 1, 0, 0);
	event_expect_told(test, 2, 1, 1);
}

/* Nothing is left of it when the interrupt is gone */
static void gone_before_it_is_asked(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	disable_delayed_work_sync(&ev.e.vi->recover);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	event_read(ev.e.vi);
	KUNIT_EXPECT_TRUE(test, ev.vec[0]->stale);
	virtio_irq_deactivate(ev.vec[0]);
	KUNIT_EXPECT_FALSE(test, ev.vec[0]->stale);
	enable_delayed_work(&ev.e.vi->recover);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&ev.e, 0)->armed);
	event_expect_told(test, 0, 0, 0);
}

static void move_window(struct fake_host *host)
{
	host->window_start = NEW_WINDOW;
	host->window_end = NEW_WINDOW + 0xfff;
	host->pair_address = NEW_WINDOW + 0x20;
}

/* DRV-89: a window that has moved, and the pairs with it */
static void reread(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct fake_host *host = ev.e.host;
	struct virtio_irq_msg pair;

	move_window(host);
	fake_event(host, STALE, EP, 0, 0, 0, ALL | REREAD);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, host->num_requests, 1 + VECTORS);
	KUNIT_EXPECT_EQ(test, host->log[0].bytes[0], VIRTIO_IRQ_T_ATTACH);
	KUNIT_EXPECT_EQ(test, ev.e.ep->window_start, NEW_WINDOW);
	KUNIT_EXPECT_FALSE(test, ev.e.ep->reread);
	virtio_irq_compose(ev.vec[3], &pair);
	KUNIT_EXPECT_EQ(test, pair.address, NEW_WINDOW + 0x20);
	event_expect_settled(test, &ev, 3);
	event_expect_told(test, 3, 1, 1);
}

/* Moves and requests that come before ATTACH: nothing is lost, and no refusal reported */
static void before_reread(struct kunit *test)
{
	struct event ev = event_start(test, 0);
	struct fake_host *host = ev.e.host;
	struct virtio_irq_vector *vec;

	vec = engine_vector(test, &ev.e, 8);
	engine_hold(&ev.e);
	move_window(host);
	fake_event(host, STALE, EP, 0, 0, 0, ALL | REREAD);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[1], &route_b), -EREMCHG);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_b, false), -EREMCHG);
	KUNIT_EXPECT_TRUE(test, vec->arm.want);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, engine_fake(&ev.e, 1)->route_data, route_b.data);
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, vec->pair.address, NEW_WINDOW + 0x20);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.malformed, 0);
}

/* Armed with a pair that the driver could not take yet, and given up before it could */
static void given_up_before_reread(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &ev.e, 8);

	engine_hold(&ev.e);
	move_window(ev.e.host);
	fake_event(ev.e.host, STALE, EP, 0, 0, 0, ALL | REREAD);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_b, false), -EREMCHG);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 8)->armed);
	virtio_irq_deactivate(vec);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&ev.e, 8)->armed);
}

/* Without REREAD there is no excuse */
static void no_reread(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &ev.e, 8);

	engine_hold(&ev.e);
	ev.e.host->pair_address = NEW_WINDOW + 0x20;
	fake_event(ev.e.host, STALE, EP, 0, 0, 0, ALL);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_b, false), -EIO);
	ev.e.host->pair_address = FAKE_PAIR_ADDRESS;
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&ev.e, 8)->armed);
}

static struct fake_host *late_host;

static void speak_late(struct work_struct *work)
{
	fake_host_speak(late_host);
}

static DECLARE_DELAYED_WORK(late_work, speak_late);

/* request_irq() waits for the answer to ATTACH, and no longer */
static void waited_for_reread(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned long start = jiffies, i;

	virtio_irq_sleep_timeout_ms = 30000;
	virtio_irq_poll_timeout_ms = 5000;
	fake_host_rule(ev.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ATTACH, 1, 0);
	fake_event(ev.e.host, STALE, EP, 0, 0, 0, ALL | REREAD);
	for (i = 0; i < 100 && !READ_ONCE(ev.e.ep->reread); i++)
		usleep_range(1000, 2000);
	late_host = ev.e.host;
	schedule_delayed_work(&late_work, msecs_to_jiffies(100));
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(ev.vec[0]), 0);
	KUNIT_EXPECT_FALSE(test, ev.e.ep->reread);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - start), VIRTIO_IRQ_RECOVERY_WAIT_MS);
	cancel_delayed_work_sync(&late_work);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

/* The answer to ATTACH may be of the time before */
static void reread_in_transit(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct virtio_irq_endpoint *other;

	fake_host_rule(ev.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ATTACH, 1, 0);
	/* The model attaches it when it is asked */
	fake_event(ev.e.host, STALE, OTHER, 0, 0, 0, ALL | REREAD);
	disable_delayed_work_sync(&ev.e.vi->read_events);
	enable_delayed_work(&ev.e.vi->read_events);
	raw_spin_lock_irq(&ev.e.vi->lock);
	queue_delayed_work(ev.e.vi->wq, &ev.e.vi->read_events, msecs_to_jiffies(30));
	raw_spin_unlock_irq(&ev.e.vi->lock);
	late_host = ev.e.host;
	schedule_delayed_work(&late_work, msecs_to_jiffies(90));
	other = virtio_irq_attach(ev.e.vi, OTHER);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	cancel_delayed_work_sync(&late_work);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_FALSE(test, other->reread);
	KUNIT_EXPECT_EQ(test, fake_host_count(ev.e.host, VIRTIO_IRQ_T_ATTACH), 2);
}

/* A window that is none is not used; what is armed stays as it is */
static void reread_nonsense(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	struct fake_host *host = ev.e.host;
	u32 before = event_pair_of(&ev, 0);

	host->window_start = NEW_WINDOW + 0x1000;
	host->window_end = NEW_WINDOW;
	fake_host_stale(host, EP, 0, 0, 1, REREAD);
	event_read(ev.e.vi);
	flush_delayed_work(&ev.e.vi->recover);
	KUNIT_EXPECT_TRUE(test, ev.e.ep->reread);
	KUNIT_EXPECT_EQ(test, ev.e.ep->window_start, FAKE_WINDOW_START);
	KUNIT_EXPECT_EQ(test, event_pair_of(&ev, 0), before);
	KUNIT_EXPECT_EQ(test, fake_host_count(host, VIRTIO_IRQ_T_ACTIVATE), 0);
	host->window_start = FAKE_WINDOW_START;
	host->window_end = FAKE_WINDOW_END;
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_FALSE(test, ev.e.ep->reread);
	event_expect_settled(test, &ev, 0);
	event_expect_told(test, 0, 1, 1);
}

/*
 * DRV-93: the answer comes first, and the STALE lies in the used ring
 */

static void unread_and_moved(struct kunit *test)
{
	struct event ev = event_start(test, 0);

	engine_hold(&ev.e);
	fake_host_move(ev.e.host, EP, 0, 0, 1);
	event_place(test, ev.e.host, &event_stale_of_0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	/* Whoever moves it writes the store */
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(ev.vec[0]));
	KUNIT_EXPECT_FALSE(test, ev.vec[0]->dirty);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.moved, 1);
}

static void unread_and_posted(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_host_move(ev.e.host, EP, 0, 0, 1);
	event_place(test, ev.e.host, &event_stale_of_0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	engine_hold(&ev.e);
	virtio_irq_flush_timer(&ev.e.vi->timer);
	/* It is no failure: recovery writes the store */
	KUNIT_EXPECT_FALSE(test, ev.vec[0]->dirty);
	KUNIT_EXPECT_TRUE(test, ev.vec[0]->stale);
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(ev.vec[0]));
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
}

static void unread_and_pasid(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | PASID | LAZY);
	struct event ev;

	host->pasid_width = 20;
	ev = event_with(test, host, 0);
	fake_host_move(host, EP, 0, 0, 1);
	event_place(test, host, &event_stale_of_0);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(ev.vec[0], 9), 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&ev.e, 0)->pasid, 9);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
}

/* One that does not name it is no excuse */
static void unread_of_another(struct kunit *test)
{
	struct event ev = event_start(test, 0);

	fake_host_move(ev.e.host, EP, 0, 1, 1);
	event_place(test, ev.e.host, &event_stale_of_0);
	engine_hold(&ev.e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[1], &route_b), -EIO);
	KUNIT_EXPECT_TRUE(test, ev.vec[1]->dirty);
	KUNIT_EXPECT_FALSE(test, ev.vec[1]->stale);
	fake_host_move(ev.e.host, EP, 0, 1, 1);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 1);
}

/* Nor is a FAULT */
static void unread_fault(struct kunit *test)
{
	struct event ev = event_start(test, 0);
	struct virtio_irq_event event = event_stale_of_0;

	event.type = FAULT;
	fake_host_move(ev.e.host, EP, 0, 0, 1);
	event_place(test, ev.e.host, &event);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), -EIO);
	fake_host_move(ev.e.host, EP, 0, 0, 1);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

/* A move whose answer is under way when the worker comes: that one says where to */
static void moved_and_unanswered(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	disable_delayed_work_sync(&ev.e.vi->recover);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	event_read(ev.e.vi);
	KUNIT_EXPECT_TRUE(test, ev.vec[0]->stale);
	fake_host_rule(ev.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	virtio_irq_flush_timer(&ev.e.vi->timer);
	enable_delayed_work(&ev.e.vi->recover);
	mod_delayed_work(ev.e.vi->wq, &ev.e.vi->recover, 0);
	flush_delayed_work(&ev.e.vi->recover);
	event_expect_told(test, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, ev.vec[0]->stale);
	fake_host_speak(ev.e.host);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 1);
	event_expect_settled(test, &ev, 0);
	event_expect_told(test, 0, 1, 1);
}

/* The pair that is answered is checked like any other one */
struct bad_pair {
	const char *name;
	enum fake_fault fault;
	u64 arg;
};

static const struct bad_pair bad_pairs[] = {
	{ "below the window", FAKE_ADDRESS, FAKE_WINDOW_START - 4 },
	{ "above the window", FAKE_ADDRESS, FAKE_WINDOW_END + 1 },
	{ "misaligned", FAKE_ADDRESS, FAKE_WINDOW_START + 2 },
	{ "too long", FAKE_LENGTH, 25 },
};

KUNIT_ARRAY_PARAM_DESC(bad_pair, bad_pairs, name);

static void bad_new_pair(struct kunit *test)
{
	const struct bad_pair *bad = test->param_value;
	struct event ev = event_start(test, LAZY);
	u32 before = event_pair_of(&ev, 0);

	fake_host_rule(ev.e.host, bad->fault, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, bad->arg);
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	event_read(ev.e.vi);
	flush_delayed_work(&ev.e.vi->recover);
	KUNIT_EXPECT_GE(test, ev.e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, event_pair_of(&ev, 0), before);
	event_expect_told(test, 0, 0, 0);
	fake_host_rule(ev.e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	event_expect_told(test, 0, 1, 1);
}

/* Pairs of a block change together, whichever of them is named, and are a block again */
static void block(struct kunit *test)
{
	struct event ev = event_with(test, fake_host_new(test, EVENTS | LAZY),
				     VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16);
	unsigned int i;

	fake_host_move(ev.e.host, EP, 0, 0, VECTORS);
	fake_event(ev.e.host, STALE, EP, 0, 2, 1, 0);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++) {
		event_expect_settled(test, &ev, i);
		event_expect_told(test, i, 1, 1);
		KUNIT_EXPECT_EQ(test, event_pair_of(&ev, i), event_pair_of(&ev, 0) + i);
	}
	KUNIT_EXPECT_EQ(test, ev.e.ep->msi.block.data, event_pair_of(&ev, 0));
}

/* One of them is requested before the worker has read that all have moved */
static void block_that_grows(struct kunit *test)
{
	struct event ev = event_with(test, fake_host_new(test, EVENTS | LAZY),
				     VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16);
	unsigned int i;

	virtio_irq_deactivate(ev.vec[3]);
	engine_settle(test, &ev.e);
	engine_hold(&ev.e);
	fake_host_move(ev.e.host, EP, 0, 0, VECTORS);
	event_place(test, ev.e.host, &event_stale_of_0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[3], &route_b, false), 0);
	KUNIT_EXPECT_EQ(test, event_pair_of(&ev, 3), engine_fake(&ev.e, 3)->pair);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++)
		event_expect_settled(test, &ev, i);
}

/* DRV-58: some have moved and some have not */
static void part_of_a_block(struct kunit *test)
{
	struct event ev = event_with(test, fake_host_new(test, EVENTS | LAZY),
				     VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16);
	unsigned int i;

	fake_host_stale(ev.e.host, EP, 0, 0, 2, 0);
	event_read(ev.e.vi);
	flush_delayed_work(&ev.e.vi->recover);
	KUNIT_EXPECT_TRUE(test, ev.vec[2]->dirty);
	KUNIT_EXPECT_TRUE(test, ev.vec[3]->dirty);
	fake_host_move(ev.e.host, EP, 0, 2, 2);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++)
		event_expect_settled(test, &ev, i);
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE(buffers),
	KUNIT_CASE(no_queue),
	KUNIT_CASE(small_queue),
	KUNIT_CASE(smaller_queue),
	KUNIT_CASE(access_platform),
	KUNIT_CASE(another_pair),
	KUNIT_CASE(same_pair),
	KUNIT_CASE(still_valid),
	KUNIT_CASE(still_valid_and_moved),
	KUNIT_CASE_PARAM(named, names_gen_params),
	KUNIT_CASE(not_armed),
	KUNIT_CASE(late),
	KUNIT_CASE(gone_in_between),
	KUNIT_CASE(gone_before_it_is_asked),
	KUNIT_CASE(reread),
	KUNIT_CASE(before_reread),
	KUNIT_CASE(given_up_before_reread),
	KUNIT_CASE(no_reread),
	KUNIT_CASE(waited_for_reread),
	KUNIT_CASE(reread_in_transit),
	KUNIT_CASE(reread_nonsense),
	KUNIT_CASE(unread_and_moved),
	KUNIT_CASE(unread_and_posted),
	KUNIT_CASE(unread_and_pasid),
	KUNIT_CASE(unread_of_another),
	KUNIT_CASE(unread_fault),
	KUNIT_CASE(moved_and_unanswered),
	KUNIT_CASE_PARAM(bad_new_pair, bad_pair_gen_params),
	KUNIT_CASE(block),
	KUNIT_CASE(block_that_grows),
	KUNIT_CASE(part_of_a_block),
	{ }
};

static struct kunit_suite event_suite = {
	.name		= "virtio-irq-event",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= event_cases,
};

kunit_test_suite(event_suite);
