// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: vectors that the host takes away
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>

#include "event_fixture.h"

static void expect_revoked(struct kunit *test, struct event *ev, unsigned int i, int err)
{
	struct virtio_irq_vector *vec = ev->vec[i];

	KUNIT_EXPECT_EQ(test, vec->revoked, err);
	KUNIT_EXPECT_FALSE(test, vec->arm.has);
	KUNIT_EXPECT_TRUE(test, vec->arm.want);
	KUNIT_EXPECT_FALSE(test, vec->stale);
	KUNIT_EXPECT_FALSE(test, virtio_irq_needs_rewrite(vec));
	KUNIT_EXPECT_FALSE(test, engine_fake(&ev->e, i)->armed);
}

struct revoked {
	const char *name;
	u8 status;
	int err;
};

static const struct revoked revocations[] = {
	{ "QUOTA", VIRTIO_IRQ_S_QUOTA, -EDQUOT },
	{ "NOSPC", VIRTIO_IRQ_S_NOSPC, -ENOSPC },
	{ "PERM", VIRTIO_IRQ_S_PERM, -EPERM },
};

KUNIT_ARRAY_PARAM_DESC(revoked, revocations, name);

/* DRV-92; and it is asked for again when the host says so, not before */
static void revoked_and_lifted(struct kunit *test)
{
	const struct revoked *r = test->param_value;
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, 0);
	fake_host_revoked(host, EP, 0, 1, 2, r->status);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, host->num_requests, 2);
	expect_revoked(test, &ev, 1, r->err);
	expect_revoked(test, &ev, 2, r->err);
	KUNIT_EXPECT_EQ(test, event_told.shut[1], 1);
	KUNIT_EXPECT_EQ(test, event_told.shut[0], 0);
	event_expect_told(test, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.revoked, 2);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 0)->armed);

	/* A move is put down, and whatever else happens nobody asks */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[1], &route_b), 0);
	mod_delayed_work(ev.e.vi->wq, &ev.e.vi->recover, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, host->num_requests, 2);

	/* Said again: asked again, and told once */
	fake_event(host, REVOKED, EP, 0, 1, 1, 0);
	engine_settle(test, &ev.e);
	expect_revoked(test, &ev, 1, r->err);
	KUNIT_EXPECT_EQ(test, event_told.shut[1], 1);
	KUNIT_EXPECT_EQ(test, ev.e.vi->stats.revoked, 2);

	fake_host_revoked(host, EP, 0, 1, 2, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 1);
	event_expect_settled(test, &ev, 2);
	KUNIT_EXPECT_EQ(test, engine_fake(&ev.e, 1)->route_data, route_b.data);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 1)->committed);
	event_expect_told(test, 1, 1, 1);
	event_expect_told(test, 2, 1, 1);
}

/* What ALLOC has committed, ALLOC commits again: the vector alone, or its block */
static void committed_by_alloc(struct kunit *test, u32 flags)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;
	unsigned int i;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, VIRTIO_IRQ_ALLOC_COMMIT | flags);
	fake_host_revoked(host, EP, 0, 0, VECTORS, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++)
		expect_revoked(test, &ev, i, -EDQUOT);
	KUNIT_EXPECT_EQ(test, fake_host_count(host, VIRTIO_IRQ_T_ACTIVATE), VECTORS);
	/* One of them is given back nevertheless, where they can be had one by one */
	if (!flags) {
		fake_host_revoke(host, EP, 0, 2, 1, 0);
		fake_event(host, STALE, EP, 0, 0, 0, ALL);
		engine_settle(test, &ev.e);
		event_expect_settled(test, &ev, 2);
		KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 2)->committed);
		expect_revoked(test, &ev, 1, -EDQUOT);
		expect_revoked(test, &ev, 3, -EDQUOT);
	}
	fake_host_revoked(host, EP, 0, 0, VECTORS, 0);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++) {
		event_expect_settled(test, &ev, i);
		KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, i)->committed);
	}
	KUNIT_EXPECT_EQ(test, host->allocated, VECTORS);
	for (i = 0; i < VECTORS; i++) {
		virtio_irq_deactivate(ev.vec[i]);
		virtio_irq_free(ev.vec[i]);
	}
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, host->allocated, 0);
}

static void revoked_of_alloc(struct kunit *test)
{
	committed_by_alloc(test, 0);
}

static void revoked_block(struct kunit *test)
{
	committed_by_alloc(test, VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16);
}

/* The rest of it works as before, and the whole is asked for when it can be had again */
static void revoked_part_of_a_block(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;
	unsigned int i;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, VIRTIO_IRQ_ALLOC_COMMIT | VIRTIO_IRQ_ALLOC_CONTIGUOUS |
			VIRTIO_IRQ_ALLOC_DATA16);
	fake_host_revoked(host, EP, 0, 2, 1, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	expect_revoked(test, &ev, 2, -EDQUOT);
	for (i = 0; i < VECTORS; i++)
		if (i != 2)
			event_expect_settled(test, &ev, i);
	KUNIT_EXPECT_EQ(test, fake_host_count(host, VIRTIO_IRQ_T_ALLOC), 0);
	/* Asked for in vain, as something else is said of it */
	fake_event(host, STALE, EP, 0, 0, 1, 0);
	engine_settle(test, &ev.e);
	expect_revoked(test, &ev, 2, -EDQUOT);
	for (i = 0; i < VECTORS; i++)
		if (i != 2)
			event_expect_settled(test, &ev, i);
	KUNIT_EXPECT_EQ(test, fake_host_count(host, VIRTIO_IRQ_T_ALLOC), 1);
	/* And moves, also if the host refuses that for a while */
	fake_host_rule(host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&ev.e, 0)->route_data, route_b.data);
	fake_host_revoked(host, EP, 0, 2, 1, 0);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++) {
		event_expect_settled(test, &ev, i);
		KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, i)->committed);
	}
}

/* Also of a host that would do without */
static void revoked_and_committed_again(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	ev = event_with(test, host, 0);
	fake_host_revoked(host, EP, 0, 1, 1, VIRTIO_IRQ_S_NOSPC);
	engine_settle(test, &ev.e);
	fake_host_revoked(host, EP, 0, 1, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 1)->committed);
}

/* Given up while it is revoked, and committed again when it is requested the next time */
static void revoked_of_alloc_and_requested(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, VIRTIO_IRQ_ALLOC_COMMIT);
	fake_host_revoked(host, EP, 0, 1, 1, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	virtio_irq_deactivate(ev.vec[1]);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[1], &route_a, false), -EDQUOT);
	fake_host_revoked(host, EP, 0, 1, 1, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 1)->committed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[1], &route_a, false), 0);
}

static void revoked_of_alloc_and_freed(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;
	unsigned int i;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	ev = event_with(test, host, VIRTIO_IRQ_ALLOC_COMMIT);
	fake_host_revoked(host, EP, 0, 0, VECTORS, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	for (i = 0; i < VECTORS; i++) {
		virtio_irq_deactivate(ev.vec[i]);
		virtio_irq_free(ev.vec[i]);
	}
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_EQ(test, host->allocated, 0);
}

/* Not armed, but committed with its reservation, and lifted before anybody armed it */
static void revoked_while_committed(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, VIRTIO_IRQ_ALLOC_COMMIT);
	virtio_irq_deactivate(ev.vec[2]);
	engine_settle(test, &ev.e);
	fake_host_revoked(host, EP, 0, 2, 1, VIRTIO_IRQ_S_QUOTA);
	event_read(ev.e.vi);
	flush_delayed_work(&ev.e.vi->recover);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[2], &route_b, false), -EDQUOT);
	fake_host_revoke(host, EP, 0, 2, 1, 0);
	engine_settle(test, &ev.e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 2)->committed);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[2], &route_b, false), 0);
}

/* Who requests it gets the host's answer, and who gives it up leaves nothing behind */
static void revoked_and_requested(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_host_revoked(ev.e.host, EP, 0, 0, 1, VIRTIO_IRQ_S_NOSPC);
	engine_settle(test, &ev.e);
	expect_revoked(test, &ev, 0, -ENOSPC);
	virtio_irq_deactivate(ev.vec[0]);
	KUNIT_EXPECT_EQ(test, ev.vec[0]->revoked, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[0], &route_a, false), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ev.vec[0]->revoked, 0);
	fake_host_revoke(ev.e.host, EP, 0, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(ev.vec[0], &route_a, false), 0);
	event_pair_of(&ev, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
}

/* Moved before the worker has read it: the refusal is no failure of the move */
static void revoked_and_moved(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	engine_hold(&ev.e);
	fake_host_revoked(ev.e.host, EP, 0, 0, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	virtio_irq_flush_timer(&ev.e.vi->timer);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	expect_revoked(test, &ev, 0, -EDQUOT);
	KUNIT_EXPECT_EQ(test, event_told.shut[0], 1);
	fake_host_revoked(ev.e.host, EP, 0, 0, 1, 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&ev.e, 0)->route_data, route_b.data);
}

/* Its ACTIVATE is under way, with the route of before */
static void moved_while_it_is_lifted(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	unsigned int i;

	fake_host_revoked(ev.e.host, EP, 0, 0, 1, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	virtio_irq_poll_timeout_ms = 5000;
	fake_host_rule(ev.e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	fake_host_revoked(ev.e.host, EP, 0, 0, 1, 0);
	for (i = 0; i < 1000 && !READ_ONCE(ev.e.host->num_held); i++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	fake_host_speak(ev.e.host);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&ev.e, 0)->route_data, route_b.data);
}

/* Given back before the worker has read it: armed, and its commitment is gone */
static void revoked_and_lifted_unread(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	struct event ev;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, 0);
	engine_hold(&ev.e);
	fake_host_revoked(host, EP, 0, 1, 1, VIRTIO_IRQ_S_QUOTA);
	fake_host_revoke(host, EP, 0, 1, 1, 0);
	engine_let(&ev.e);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, 1)->committed);
	event_expect_told(test, 1, 1, 1);
	KUNIT_EXPECT_EQ(test, event_told.shut[1], 0);
}

static void revoked_and_reset(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_host_revoked(ev.e.host, EP, 0, 0, 1, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	/* The model has forgotten it with everything else */
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(ev.e.vi), 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, event_told.retriggered[0], 1);
}

/* A refusal without such an event is one, and is asked for again */
static void refused_without_an_event(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);

	fake_host_rule(ev.e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 2, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(ev.vec[0], &route_b), 0);
	engine_settle(test, &ev.e);
	event_expect_settled(test, &ev, 0);
	KUNIT_EXPECT_EQ(test, event_told.shut[0], 0);
	KUNIT_EXPECT_EQ(test, ev.e.host->num_requests, 3);
}

/*
 * Each request that follows from an event fails once
 */

static const struct {
	const char *name;
	enum fake_fault fault;
	u64 arg;
} failures[] = {
	{ "BUSY", FAKE_REFUSE, VIRTIO_IRQ_S_BUSY },
	{ "NOMEM", FAKE_REFUSE, VIRTIO_IRQ_S_NOMEM },
	{ "DEVERR but done", FAKE_STATUS, VIRTIO_IRQ_S_DEVERR },
	{ "long answer", FAKE_LENGTH, 999 },
	{ "lost", FAKE_LOST },
	{ "done but silent", FAKE_SILENT },
};

KUNIT_ARRAY_PARAM_DESC(failure, failures, name);

static void every_step_fails(struct kunit *test)
{
	typeof(failures[0]) *f = test->param_value;
	struct fake_host *host = fake_host_new(test, EVENTS | LAZY);
	unsigned int step, i, moved = 0;
	struct event ev;
	bool hit = true;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	host->commit_first = true;
	ev = event_with(test, host, 0);
	for (step = 0; hit && step < 40; step++) {
		fake_host_rule(host, f->fault, 0, 1, f->arg);
		fake_host_skip(host, step);
		/* All of them move, the last one is revoked, too, and given back later */
		fake_host_stale(host, EP, 0, 0, VECTORS, REREAD);
		fake_host_revoked(host, EP, 0, VECTORS - 1, 1, VIRTIO_IRQ_S_NOSPC);
		engine_settle(test, &ev.e);
		KUNIT_EXPECT_EQ(test, ev.vec[VECTORS - 1]->revoked, -ENOSPC);
		fake_host_revoked(host, EP, 0, VECTORS - 1, 1, 0);
		engine_settle(test, &ev.e);
		hit = !host->rule.times;
		fake_host_rule(host, FAKE_NONE, 0, 0, 0);
		fake_host_speak(host);
		engine_settle(test, &ev.e);
		moved++;
		for (i = 0; i < VECTORS; i++) {
			event_expect_settled(test, &ev, i);
			KUNIT_EXPECT_TRUE(test, engine_fake(&ev.e, i)->committed);
			KUNIT_EXPECT_GE(test, event_told.retriggered[i], moved);
		}
		KUNIT_EXPECT_EQ(test, ev.e.vi->stats.device_resets, 0);
	}
	KUNIT_EXPECT_FALSE(test, hit);
	/* ATTACH, ACTIVATEs; COMMIT and ACTIVATE of the last one */
	KUNIT_EXPECT_GT(test, step, 1 + VECTORS + 2);
}

/* What an administrator reads */
static void debugfs(struct kunit *test)
{
	struct event ev = event_start(test, LAZY);
	char *text;

	fake_host_revoked(ev.e.host, EP, 0, 1, 1, VIRTIO_IRQ_S_QUOTA);
	engine_settle(test, &ev.e);
	event_told.busy = true;
	fake_host_stale(ev.e.host, EP, 0, 0, 1, 0);
	event_read(ev.e.vi);
	flush_delayed_work(&ev.e.vi->recover);
	raw_spin_lock_irq(&ev.e.vi->lock);
	ev.vec[2]->dirty = true;
	raw_spin_unlock_irq(&ev.e.vi->lock);
	text = event_shown(test, ev.e.vi, virtio_irq_stats_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "event STALE: 1\nevent REVOKED: 1\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "pairs changed: 1\nvectors revoked: 1\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "stale now: 1, since "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "revoked now: 1, since "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "retried now: 1\n"));
	text = event_shown(test, ev.e.vi, virtio_irq_endpoints_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " stale since "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " ms: quota of this guest or device\n"));
	event_told.busy = false;
	mod_delayed_work(ev.e.vi->wq, &ev.e.vi->recover, 0);
	engine_settle(test, &ev.e);
	text = event_shown(test, ev.e.vi, virtio_irq_stats_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "stale now: 0\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "retried now: 0\n"));
}

static struct kunit_case revoke_cases[] = {
	KUNIT_CASE_PARAM(revoked_and_lifted, revoked_gen_params),
	KUNIT_CASE(revoked_of_alloc),
	KUNIT_CASE(revoked_block),
	KUNIT_CASE(revoked_part_of_a_block),
	KUNIT_CASE(revoked_and_committed_again),
	KUNIT_CASE(revoked_of_alloc_and_requested),
	KUNIT_CASE(revoked_of_alloc_and_freed),
	KUNIT_CASE(revoked_while_committed),
	KUNIT_CASE(revoked_and_requested),
	KUNIT_CASE(revoked_and_moved),
	KUNIT_CASE(moved_while_it_is_lifted),
	KUNIT_CASE(revoked_and_lifted_unread),
	KUNIT_CASE(revoked_and_reset),
	KUNIT_CASE(refused_without_an_event),
	KUNIT_CASE_PARAM(every_step_fails, failure_gen_params),
	KUNIT_CASE(debugfs),
	{ }
};

static struct kunit_suite revoke_suite = {
	.name		= "virtio-irq-event-revoke",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= revoke_cases,
};

kunit_test_suite(revoke_suite);
