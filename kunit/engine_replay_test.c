// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: what recovery tells the host again
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>

#include "domain_fixture.h"
#include "engine_fixture.h"

#define MANY		300

/* One request after the other about one thing, and what becomes of each, in any order */
struct fact_step {
	u64 stamp;
	bool on;
	bool sent;
	int err;
};

struct fact_case {
	const char *name;
	struct fact_step steps[6];
	bool has;
	bool unsure;
};

#define TAKE(stamp)		{ (stamp), true, true, 0 }
#define GIVE(stamp)		{ (stamp), false, true, 0 }
#define TAKEN(stamp, err)	{ (stamp), true, false, (err) }
#define GIVEN(stamp, err)	{ (stamp), false, false, (err) }

static const struct fact_case facts[] = {
	{ "granted", { TAKE(1), TAKEN(1, 0) }, true, false },
	{ "refused", { TAKE(1), TAKEN(1, -ENOSPC) }, false, false },
	{ "malformed", { TAKE(1), TAKEN(1, -EIO) }, false, true },
	{ "no answer", { TAKE(1), TAKEN(1, -ETIMEDOUT) }, false, true },
	{ "refused later", { TAKE(1), TAKEN(1, 0), TAKE(2), TAKEN(2, -EPERM) }, true, false },
	{ "malformed later", { TAKE(1), TAKEN(1, 0), TAKE(2), TAKEN(2, -EIO) }, true, true },
	{ "granted after silence", { TAKE(1), TAKEN(1, -ETIMEDOUT), TAKE(2), TAKEN(2, 0) }, true,
	  false },
	{ "refused after silence", { TAKE(1), TAKEN(1, -ETIMEDOUT), TAKE(2), TAKEN(2, -EPERM) },
	  false, true },
	{ "the second refused", { TAKE(1), TAKE(2), TAKEN(1, 0), TAKEN(2, -EPERM) }, false, true },
	{ "the second granted", { TAKE(1), TAKE(2), TAKEN(1, -EIO), TAKEN(2, 0) }, true, false },
	{ "the second answered first", { TAKE(1), TAKE(2), TAKEN(2, 0), TAKEN(1, -EIO) }, true,
	  false },
	{ "given back", { TAKE(1), TAKEN(1, 0), GIVE(2), GIVEN(2, 0) }, false, false },
	{ "about to be given back", { TAKE(1), TAKEN(1, 0), GIVE(2) }, false, true },
	{ "kept", { TAKE(1), TAKEN(1, 0), GIVE(2), GIVEN(2, -EIO) }, false, true },
	{ "given back at once", { TAKE(1), GIVE(2), TAKEN(1, 0), GIVEN(2, 0) }, false, false },
	{ "given back, answered first", { TAKE(1), GIVE(2), GIVEN(2, 0), TAKEN(1, 0) }, false,
	  false },
	{ "taken again", { GIVE(1), TAKE(2), TAKEN(2, 0), GIVEN(1, 0) }, true, false },
	{ "taken again, in order", { GIVE(1), TAKE(2), GIVEN(1, 0), TAKEN(2, 0) }, true, false },
	{ "not taken again", { GIVE(1), TAKE(2), GIVEN(1, 0), TAKEN(2, -EPERM) }, false, true },
};

KUNIT_ARRAY_PARAM_DESC(fact, facts, name);

static void fact(struct kunit *test)
{
	const struct fact_case *c = test->param_value;
	struct virtio_irq_fact f = { };
	unsigned int i, busy = 0;

	for (i = 0; i < ARRAY_SIZE(c->steps) && c->steps[i].stamp; i++) {
		const struct fact_step *s = &c->steps[i];

		if (s->sent)
			__virtio_irq_fact_sent(&f, s->stamp, s->on);
		else
			__virtio_irq_fact_answered(&f, s->stamp, s->on, s->err);
		busy += s->sent ? 1 : -1;
		KUNIT_EXPECT_EQ(test, f.busy, busy);
	}
	KUNIT_EXPECT_EQ(test, f.has, c->has);
	KUNIT_EXPECT_EQ(test, f.unsure, c->unsure);
	KUNIT_EXPECT_FALSE(test, f.want);
}

/* Many vectors are told with few notifications, and as few answers are waited for */
static void many_with_few_notifications(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	struct virtio_irq_vector *vec;
	unsigned int i;

	e.host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, MANY, 0, 64), MANY);
	for (i = 0; i < MANY; i++) {
		vec = virtio_irq_take(&e.ep->msi, i);
		KUNIT_ASSERT_NOT_NULL(test, vec);
		KUNIT_ASSERT_EQ(test, virtio_irq_commit(vec), 0);
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	}
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	/* ATTACH; ALLOC of 256; and for each half of a ring of COMMIT and of ACTIVATE */
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ALLOC), 2);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_COMMIT), MANY);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), MANY);
	KUNIT_EXPECT_LE(test, e.host->notifications,
			2 + 2 * DIV_ROUND_UP(MANY, e.vi->num_slots / 2));
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, i)->armed);
	KUNIT_EXPECT_EQ(test, e.vi->replaying, 0);
	engine_settle(test, &e);
}

/* More of them than the ring takes are not answered */
static void many_without_an_answer(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, MANY, 0, 64), MANY);
	for (i = 0; i < MANY; i++)
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(virtio_irq_take(&e.ep->msi, i), &route_a,
							  false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, MANY, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), -ETIMEDOUT);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->abandoned, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, i)->armed);
}

/* Recovery waits no longer for a fast request than anybody else does */
static void fast_is_not_waited_for(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	virtio_irq_sleep_timeout_ms = 60000;
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -EAGAIN);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	engine_let(&e);
	for (i = 0; i < 100 && !READ_ONCE(e.vi->stats.timeouts); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 1);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/* DRV-48 holds for an ALLOC after a reset of the device, too */
static void part_of_a_block(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, VIRTIO_IRQ_ALLOC_CONTIGUOUS, 64),
			4);
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_NOT_NULL(test, virtio_irq_take(&e.ep->msi, i));
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 3);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	/* No answer at all: the whole is asked for again, not the fourth by itself */
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ALLOC), 2);
	for (i = 0; i < e.host->num_requests; i++) {
		const struct virtio_irq_req_alloc *req = (const void *)e.host->log[i].bytes;

		if (req->head.type == VIRTIO_IRQ_T_ALLOC)
			KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 4);
	}
	KUNIT_EXPECT_EQ(test, e.host->allocated, 4);
}

/*
 * One FREE is refused: others are sent, and reservations are made.
 * virtio_irq_alloc() owes the host two runs, as vector 2 between them is granted.
 */
static void free_refused(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 2);

	/* What has begun before all is as it is to be would do it twice */
	disable_delayed_work_sync(&e.vi->recover);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 77);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 6, 0, 64), -EIO);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 6);
	raw_spin_lock_irq(&e.vi->lock);
	vec->res.has = false;
	raw_spin_unlock_irq(&e.vi->lock);
	fake_host_forget_log(e.host);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_FREE, 1, VIRTIO_IRQ_S_DEVERR);
	e.vi->backoff = VIRTIO_IRQ_BACKOFF_MAX_MS;
	enable_delayed_work(&e.vi->recover);
	mod_delayed_work(e.vi->wq, &e.vi->recover, 0);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_FREE), 2);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 3)->allocated);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ALLOC), 1);
	KUNIT_EXPECT_TRUE(test, vec->res.has);
	/* And again later */
	KUNIT_EXPECT_TRUE(test, ((struct virtio_irq_vector *)
				 xa_load(&e.ep->msi.vectors, 0))->res.unsure);
	mod_delayed_work(e.vi->wq, &e.vi->recover, 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
}

/* What a refusal looks like in the log, where the engine has nobody to tell */
struct told {
	const char *name;
	u8 type;
	const char *text;
};

static const struct told told[] = {
	{ "COMMIT", VIRTIO_IRQ_T_COMMIT, "commit vector 1 of store 0" },
	{ "RELEASE", VIRTIO_IRQ_T_RELEASE, "release vector 1 of store 0" },
	{ "ACTIVATE", VIRTIO_IRQ_T_ACTIVATE, "arm vector 1 of store 0" },
	{ "DEACTIVATE", VIRTIO_IRQ_T_DEACTIVATE, "disarm vector 1 of store 0" },
	{ "FREE", VIRTIO_IRQ_T_FREE, "free vectors of store 0" },
	{ "DETACH", VIRTIO_IRQ_T_DETACH, "detach it" },
};

KUNIT_ARRAY_PARAM_DESC(told, told, name);

static void refusal_in_the_log(struct kunit *test)
{
	const struct told *t = test->param_value;
	struct fake_host *host = fake_host_new(test, LAZY);
	struct engine e = { .host = host };
	struct virtio_irq_endpoint *other;
	struct virtio_irq_vector *vec;
	char text[120];

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	other = virtio_irq_attach(e.vi, EP + 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	vec = engine_vector(test, &e, 1);
	domain_log_start();
	fake_host_rule(host, FAKE_REFUSE, t->type, 1, VIRTIO_IRQ_S_NOMEM);
	if (!virtio_irq_commit(vec) && !virtio_irq_activate(vec, &route_a, false))
		virtio_irq_deactivate(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	virtio_irq_release(vec);
	/* With the vector's reservation goes what is committed */
	virtio_irq_flush_timer(&e.vi->timer);
	virtio_irq_free(vec);
	virtio_irq_detach(other);
	engine_settle(test, &e);
	domain_log_stop();
	snprintf(text, sizeof(text),
		 "0000:00:03.%u: the host refused to %s: it has no memory (-ENOMEM)",
		 t->type == VIRTIO_IRQ_T_DETACH, t->text);
	KUNIT_EXPECT_EQ(test, domain_log_count(text), 1);
	KUNIT_EXPECT_EQ(test, domain_log_count("the host "), 1);
}

/* Somebody who tries all the time does not fill the log */
static void refusals_in_the_log(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_NOMEM);
	domain_log_start();
	for (i = 0; i < 3 * DEFAULT_RATELIMIT_BURST; i++) {
		KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ENOMEM);
		flush_delayed_work(&e.vi->recover);
	}
	domain_log_stop();
	KUNIT_EXPECT_GE(test, domain_log_count("the host refused to arm"), 1);
	KUNIT_EXPECT_LE(test, domain_log_count("the host refused to arm"),
			2 * DEFAULT_RATELIMIT_BURST);
}

/* Each status has words of its own */
static void reasons_differ(struct kunit *test)
{
	u8 a, b;

	for (a = VIRTIO_IRQ_S_OK + 1; a < VIRTIO_IRQ_S_DEVERR; a++)
		for (b = a + 1; b <= VIRTIO_IRQ_S_DEVERR; b++)
			KUNIT_EXPECT_STRNEQ(test, virtio_irq_reason(virtio_irq_status_errno(a)),
					    virtio_irq_reason(virtio_irq_status_errno(b)));
	KUNIT_EXPECT_STREQ(test, virtio_irq_reason(-EDQUOT), "quota of this guest or device");
	KUNIT_EXPECT_STREQ(test, virtio_irq_reason(-ETIMEDOUT), "no answer");
}

/* The domain, which is told of one vector, and has to do with another one by then */
static struct {
	struct virtio_irq *vi;
	struct virtio_irq_vector *other;
	unsigned int calls;
	enum virtio_irq_state state;
} more_work;

static bool more_work_replayed(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec,
			       bool retrigger)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&more_work.vi->lock, flags);
	if (!more_work.calls++) {
		more_work.other->dirty = true;
		more_work.other->lossy = true;
		__virtio_irq_mark(more_work.vi);
	} else {
		more_work.state = more_work.vi->state;
	}
	raw_spin_unlock_irqrestore(&more_work.vi->lock, flags);
	return true;
}

static bool more_work_hold(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec)
{
	return false;
}

static void more_work_rescan(struct virtio_irq_domains *doms)
{
}

static const struct virtio_irq_domain_ops more_work_ops = {
	.hold		= more_work_hold,
	.replayed	= more_work_replayed,
	.rescan		= more_work_rescan,
};

/* READY is not said before that is done as well: request_irq() waits for it */
static void more_work_while_it_recovers(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_vector *other = engine_vector(test, &e, 1);
	struct virtio_irq_msg pair;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(other, &route_a, false), 0);
	virtio_irq_compose(vec, &pair);
	virtio_irq_compose(other, &pair);
	memset(&more_work, 0, sizeof(more_work));
	more_work.vi = e.vi;
	more_work.other = other;
	e.vi->domain = &more_work_ops;
	raw_spin_lock_irq(&e.vi->lock);
	vec->dirty = true;
	vec->lossy = true;
	__virtio_irq_set_state(e.vi, VIRTIO_IRQ_BROKEN);
	__virtio_irq_recover_now(e.vi);
	raw_spin_unlock_irq(&e.vi->lock);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, more_work.calls, 2);
	KUNIT_EXPECT_EQ(test, more_work.state, VIRTIO_IRQ_RECOVERING);
	KUNIT_EXPECT_FALSE(test, other->dirty || other->lossy);
}

static struct kunit_case replay_cases[] = {
	KUNIT_CASE_PARAM(fact, fact_gen_params),
	KUNIT_CASE(more_work_while_it_recovers),
	KUNIT_CASE(many_with_few_notifications),
	KUNIT_CASE(many_without_an_answer),
	KUNIT_CASE(fast_is_not_waited_for),
	KUNIT_CASE(part_of_a_block),
	KUNIT_CASE(free_refused),
	KUNIT_CASE_PARAM(refusal_in_the_log, told_gen_params),
	KUNIT_CASE(refusals_in_the_log),
	KUNIT_CASE(reasons_differ),
	{ }
};

static struct kunit_suite replay_suite = {
	.name		= "virtio-irq-replay",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= replay_cases,
};

kunit_test_suite(replay_suite);
