// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: the real driver on a real ring
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioport.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "fake_host.h"
#include "virtio_irq_internal.h"

#define EP		0x18
#define LAZY		BIT_ULL(VIRTIO_IRQ_F_LAZY)
#define RING_RESET	BIT_ULL(VIRTIO_F_RING_RESET)

/* Bounds that make a test of a timeout short, in ms */
#define POLL_MS		20
#define SLEEP_MS	200

static const struct virtio_irq_msg route_a = { .address = 0xfee01000, .data = 0x31 };
static const struct virtio_irq_msg route_b = { .address = 0xfee02000, .data = 0x42 };

struct engine {
	struct fake_host *host;
	struct virtio_irq *vi;
	struct virtio_irq_endpoint *ep;
};

static int engine_init(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = POLL_MS;
	virtio_irq_sleep_timeout_ms = SLEEP_MS;
	return 0;
}

static void engine_exit(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = 1000;
	virtio_irq_sleep_timeout_ms = 30000;
}

static struct engine engine_start(struct kunit *test, u64 features)
{
	struct engine e = { .host = fake_host_new(test, features) };

	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	fake_host_forget_log(e.host);
	return e;
}

/* Reserve one vector and take it for an interrupt */
static struct virtio_irq_vector *engine_vector(struct kunit *test, struct engine *e, u32 index)
{
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e->ep->msi, index, 1, 0, 64), 1);
	vec = virtio_irq_take(&e->ep->msi, index);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	return vec;
}

static struct fake_vector *engine_fake(struct engine *e, u32 index)
{
	return &fake_host_endpoint(e->host, EP)->vectors[index];
}

static void engine_settle(struct kunit *test, struct engine *e)
{
	unsigned int i;

	/* A note or a mark queues the worker; it may queue itself again */
	for (i = 0; i < 500; i++) {
		flush_delayed_work(&e->vi->recover);
		if (READ_ONCE(e->vi->state) == VIRTIO_IRQ_READY &&
		    !delayed_work_pending(&e->vi->recover))
			return;
		msleep(20);
	}
	KUNIT_FAIL(test, "the engine is not ready, state %d", e->vi->state);
}

/*
 * The wire
 */

static void wire_attach(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);
	static const u8 want[16] = { VIRTIO_IRQ_T_ATTACH, 0, 0, 0, 0x34, 0x12, 1, 0 };
	struct virtio_irq_endpoint *ep;

	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	ep = virtio_irq_attach(host->vi, 0x11234);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep);
	KUNIT_EXPECT_EQ(test, host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, host->log[0].bytes, want, sizeof(want));
	KUNIT_EXPECT_EQ(test, ep->window_start, FAKE_WINDOW_START);
	KUNIT_EXPECT_EQ(test, ep->window_end, FAKE_WINDOW_END);
	KUNIT_EXPECT_EQ(test, ep->msi.size, FAKE_VECTORS);
	KUNIT_EXPECT_EQ(test, ep->msi.multi_msi, 5);
	KUNIT_EXPECT_FALSE(test, ep->isolated);
}

static void wire_detach(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	static const u8 want[16] = { VIRTIO_IRQ_T_DETACH, 0, 0, 0, EP };

	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, e.host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, e.host->log[0].bytes, want, sizeof(want));
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP));
	KUNIT_EXPECT_TRUE(test, list_empty(&e.vi->endpoints));
}

static void wire_alloc(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	static const u8 want[24] = {
		VIRTIO_IRQ_T_ALLOC, 0, 0, 0, EP, 0, 0, 0, 0, 0,
		VIRTIO_IRQ_ALLOC_F_COMMIT | VIRTIO_IRQ_ALLOC_F_CONTIGUOUS |
			VIRTIO_IRQ_ALLOC_F_DATA16, 0,
		0, 0, 0, 0, 4, 0, 0, 0, 32, 0, 0, 0
	};

	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, VIRTIO_IRQ_ALLOC_COMMIT |
					       VIRTIO_IRQ_ALLOC_CONTIGUOUS |
					       VIRTIO_IRQ_ALLOC_DATA16, 32), 4);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, e.host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, e.host->log[0].bytes, want, sizeof(want));
}

static void wire_activate(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	static const u8 want[32] = {
		VIRTIO_IRQ_T_ACTIVATE, 0, 0, 0, EP, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0,
		0x00, 0x10, 0xe0, 0xfe, 0, 0, 0, 0, 0x31, 0, 0, 0, 0, 0, 0, 0
	};
	struct virtio_irq_vector *vec = engine_vector(test, &e, 7);
	struct virtio_irq_msg pair;

	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, e.host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, e.host->log[0].bytes, want, sizeof(want));
	virtio_irq_compose(vec, &pair);
	KUNIT_EXPECT_EQ(test, pair.address, FAKE_PAIR_ADDRESS);
	KUNIT_EXPECT_EQ(test, pair.data, engine_fake(&e, 7)->pair);
}

static void wire_deactivate(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	static const u8 want[16] = {
		VIRTIO_IRQ_T_DEACTIVATE, 0, 0, 0, EP, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0
	};
	struct virtio_irq_vector *vec = engine_vector(test, &e, 9);
	struct virtio_irq_msg pair;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_forget_log(e.host);
	virtio_irq_deactivate(vec);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, e.host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, e.host->log[0].bytes, want, sizeof(want));
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 9)->armed);
	virtio_irq_compose(vec, &pair);
	KUNIT_EXPECT_EQ(test, pair.address, 0);
	KUNIT_EXPECT_EQ(test, pair.data, 0);
}

static void wire_free(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	static const u8 want[24] = {
		VIRTIO_IRQ_T_FREE, 0, 0, 0, EP, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0
	};

	virtio_irq_free(engine_vector(test, &e, 5));
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 2);
	KUNIT_EXPECT_EQ(test, e.host->log[1].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, e.host->log[1].bytes, want, sizeof(want));
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 5)->allocated);
}

static void wire_commit_release(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);
	static const u8 want[24] = {
		VIRTIO_IRQ_T_COMMIT, 0, 0, 0, EP, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0
	};
	struct engine e = { .host = host };
	struct virtio_irq_vector *vec;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	vec = engine_vector(test, &e, 3);
	fake_host_forget_log(host);

	KUNIT_EXPECT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_EXPECT_EQ(test, host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, host->log[0].bytes, want, sizeof(want));
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 3)->committed);
	/* Once is enough */
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_EXPECT_EQ(test, host->num_requests, 1);
	virtio_irq_release(vec);
	KUNIT_EXPECT_EQ(test, host->log[1].bytes[0], VIRTIO_IRQ_T_RELEASE);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 3)->committed);
	/* Nothing is left to release */
	virtio_irq_release(vec);
	KUNIT_EXPECT_EQ(test, host->num_requests, 2);
}

static void commit_only_where_wanted(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
}

/*
 * Answers
 */

struct status_case {
	u8 status;
	int err;
	const char *name;
};

static const struct status_case status_cases[] = {
	{ VIRTIO_IRQ_S_UNSUPP, -EOPNOTSUPP, "UNSUPP" },
	{ VIRTIO_IRQ_S_INVAL, -EINVAL, "INVAL" },
	{ VIRTIO_IRQ_S_RANGE, -ERANGE, "RANGE" },
	{ VIRTIO_IRQ_S_NOENT, -ENOENT, "NOENT" },
	{ VIRTIO_IRQ_S_PERM, -EPERM, "PERM" },
	{ VIRTIO_IRQ_S_BUSY, -EAGAIN, "BUSY" },
	{ VIRTIO_IRQ_S_NOMEM, -ENOMEM, "NOMEM" },
	{ VIRTIO_IRQ_S_NOSPC, -ENOSPC, "NOSPC" },
	{ VIRTIO_IRQ_S_QUOTA, -EDQUOT, "QUOTA" },
	{ VIRTIO_IRQ_S_DEVERR, -EIO, "DEVERR" },
	{ 0x0b, -EIO, "unknown" },
	{ 0xff, -EIO, "ff" },
};

static void status_desc(const struct status_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(status, status_cases, status_desc);

static void status_of_activate(struct kunit *test)
{
	const struct status_case *c = test->param_value;
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, c->status);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), c->err);
	KUNIT_EXPECT_FALSE(test, vec->wanted);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	/* The next one succeeds */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

static void status_of_alloc(struct kunit *test)
{
	const struct status_case *c = test->param_value;
	struct engine e = engine_start(test, LAZY | RING_RESET);

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, c->status);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), c->err);
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(&e.ep->msi, 0));
	KUNIT_EXPECT_NULL(test, virtio_irq_take(&e.ep->msi, 0));
}

static const unsigned int lengths[] = { 0, 1, 4, 7, 8, 9, 12, 16, 23, 25, 32, 47, 48, 4096 };

static void length_desc(const unsigned int *len, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u", *len);
}

KUNIT_ARRAY_PARAM(length, lengths, length_desc);

/* 24 is right, everything else is an error, and what may be armed is disarmed */
static void length_of_activate(struct kunit *test)
{
	unsigned int len = *(const unsigned int *)test->param_value;
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ACTIVATE, 1, len);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -EIO);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, e.vi->stats.malformed, 1);
}

static void length_of_alloc(struct kunit *test)
{
	unsigned int len = *(const unsigned int *)test->param_value;
	struct engine e = engine_start(test, 0);

	if (len == sizeof(struct virtio_irq_rsp_alloc))
		len++;
	fake_host_rule(e.host, FAKE_LENGTH, VIRTIO_IRQ_T_ALLOC, 1, len);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(&e.ep->msi, 0));
	/* The host holds them; recovery gives them back */
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
}

static void granted_out_of_bounds(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, U32_MAX);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	/* A block is all or nothing */
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 3);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, VIRTIO_IRQ_ALLOC_CONTIGUOUS, 64),
			-EIO);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
}

static void partial_grant(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	e.host->quota = 8;
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 64, 0, 64), 8);
	KUNIT_EXPECT_TRUE(test, virtio_irq_granted(&e.ep->msi, 7));
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(&e.ep->msi, 8));
	KUNIT_EXPECT_NOT_NULL(test, virtio_irq_take(&e.ep->msi, 0));
	KUNIT_EXPECT_NULL(test, virtio_irq_take(&e.ep->msi, 8));
	/* Nor twice */
	KUNIT_EXPECT_NULL(test, virtio_irq_take(&e.ep->msi, 0));
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -EDQUOT);
}

static void alloc_beyond_the_store(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, FAKE_VECTORS, 1, 0, 64), -ERANGE);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, FAKE_VECTORS - 1, 2, 0, 64), -ERANGE);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 1, U32_MAX, 0, 64), -ERANGE);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 33, VIRTIO_IRQ_ALLOC_CONTIGUOUS, 64),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
}

static void alloc_store_too_narrow(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);
	struct virtio_irq_endpoint *ep;

	host->window_start = 0x1000000000ULL;
	host->window_end = 0x10000fffffULL;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&ep->msi, 0, 1, 0, 32), -ERANGE);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&ep->msi, 0, 1, 0, 64), 1);
}

/*
 * Pairs
 */

static void pair_refused(struct kunit *test, enum fake_fault fault, u64 arg)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_msg pair;

	fake_host_rule(e.host, fault, VIRTIO_IRQ_T_ACTIVATE, 1, arg);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -EIO);
	virtio_irq_compose(vec, &pair);
	KUNIT_EXPECT_EQ(test, pair.address, 0);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
}

static void pair_below_window(struct kunit *test)
{
	pair_refused(test, FAKE_ADDRESS, FAKE_WINDOW_START - 4);
}

static void pair_above_window(struct kunit *test)
{
	pair_refused(test, FAKE_ADDRESS, FAKE_WINDOW_END + 1);
}

static void pair_above_4g(struct kunit *test)
{
	pair_refused(test, FAKE_ADDRESS, BIT_ULL(32) | FAKE_PAIR_ADDRESS);
}

static void pair_misaligned(struct kunit *test)
{
	pair_refused(test, FAKE_ADDRESS, FAKE_PAIR_ADDRESS + 2);
}

static void pair_data_over_16_bits(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 1, VIRTIO_IRQ_ALLOC_DATA16, 64), 1);
	vec = virtio_irq_take(&e.ep->msi, 0);
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x10000);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -EIO);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
}

static void pair_changed_by_reroute(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_msg before, after;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_compose(vec, &before);
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x777);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), -EIO);
	virtio_irq_compose(vec, &after);
	KUNIT_EXPECT_EQ(test, before.data, after.data);
	/* Recovery asks again, and the host behaves by then */
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, vec->acked.address, route_b.address);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_data, route_b.data);
}

static void block_arithmetic(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[4];
	int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, VIRTIO_IRQ_ALLOC_CONTIGUOUS |
					       VIRTIO_IRQ_ALLOC_DATA16, 64), 4);
	for (i = 0; i < 4; i++)
		vec[i] = virtio_irq_take(&e.ep->msi, i);
	/* A base that is not aligned to the block */
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x402);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec[0], &route_a, false), -EIO);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec[0], &route_a, false), 0);
	/* A pair that is not the first one's plus the number */
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x502);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec[2], &route_a, false), -EIO);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec[2], &route_a, false), 0);
	KUNIT_EXPECT_FALSE(test, virtio_irq_block_idle(vec[0]));
	virtio_irq_deactivate(vec[2]);
	KUNIT_EXPECT_TRUE(test, virtio_irq_block_idle(vec[0]));
}

/*
 * Routes
 */

static void reroute_unchanged_is_free(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_msg pair;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(vec));
	virtio_irq_compose(vec, &pair);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_FALSE(test, virtio_irq_needs_rewrite(vec));
}

static void reroute_not_activated_is_free(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
}

static void reroute_after_deactivate_asks_again(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_deactivate(vec);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ACTIVATE), 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

static void refused_reroute_is_replayed(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 2, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_EQ(test, e.vi->stats.replays, 1);
}

/* A managed interrupt: nobody could be told, so it is kept and armed later */
static void kept_activation_is_replayed(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, vec->wanted);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, vec->armed);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(vec));
}

/*
 * Notifications
 */

static void lazy_deactivate_waits_in_the_ring(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_forget_log(e.host);
	virtio_irq_deactivate(vec);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 0);
	/* Until a timer at the latest */
	msleep(2 * VIRTIO_IRQ_FLUSH_MS);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
}

static void without_lazy_deactivate_notifies(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_forget_log(e.host);
	virtio_irq_deactivate(vec);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
}

static void next_request_takes_the_lazy_along(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_forget_log(e.host);
	virtio_irq_deactivate(vec);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_b, false), 0);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	KUNIT_ASSERT_EQ(test, e.host->num_requests, 2);
	KUNIT_EXPECT_EQ(test, e.host->log[0].bytes[0], VIRTIO_IRQ_T_DEACTIVATE);
	KUNIT_EXPECT_EQ(test, e.host->log[1].bytes[0], VIRTIO_IRQ_T_ACTIVATE);
	/* In queue order: the late answer to the first does not disarm the record */
	KUNIT_EXPECT_TRUE(test, vec->armed);
	KUNIT_EXPECT_TRUE(test, vec->maybe_armed);
}

/* The budget: 64 vectors, one notification to allocate, two to free, one to release */
static void life_of_64_vectors(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[64];
	int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 64, 0, 64), 64);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	for (i = 0; i < 64; i++) {
		vec[i] = virtio_irq_take(&e.ep->msi, i);
		KUNIT_ASSERT_NOT_NULL(test, vec[i]);
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec[i], &route_a, false), 0);
	}
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1 + 64);
	for (i = 0; i < 64; i++)
		virtio_irq_deactivate(vec[i]);
	KUNIT_EXPECT_LE(test, e.host->notifications, 1 + 64 + 2);
	fake_host_forget_log(e.host);
	for (i = 0; i < 64; i++)
		virtio_irq_free(vec[i]);
	KUNIT_EXPECT_EQ(test, e.host->notifications, 1);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_FREE), 1);
}

static void free_from_the_middle(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[8];
	int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 8, 0, 64), 8);
	for (i = 0; i < 8; i++)
		vec[i] = virtio_irq_take(&e.ep->msi, i);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec[4], &route_a, false), 0);
	virtio_irq_free(vec[3]);
	virtio_irq_free(vec[2]);
	virtio_irq_free(vec[6]);
	/* Asking for it again brings what is pending in order */
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 3, 1, 0, 64), 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 3)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 2)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 6)->allocated);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 4)->armed);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 5)->allocated);
	KUNIT_EXPECT_NOT_NULL(test, virtio_irq_take(&e.ep->msi, 3));
}

/*
 * A host that does not answer
 */

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
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
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

	/* The ping fails as well, so it stays broken */
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	start = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, POLL_MS * NSEC_PER_MSEC / 2);
	/* A managed one is kept meanwhile */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ETIMEDOUT);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/*
 * Controllers
 */

static void removed_with_everything_in_use(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY | RING_RESET);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, 0, UINT_MAX, 0);
	virtio_irq_deactivate(vec);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b, false), 0);
	/* The test's end removes the device; KASAN watches */
}

static void bad_config(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->config.max_count = 0;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void bad_tlv_size(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->config.tlv_size = cpu_to_le32(60);
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void huge_tlv_size(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->config.tlv_size = cpu_to_le32(0x80000000);
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void scope_without_entries(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_SCOPE));

	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void scope_ranges(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_SCOPE));
	struct virtio_irq_scope_pci *pci = &host->config.scopes[0].pci;

	host->config.num_scopes = cpu_to_le16(1);
	pci->type = VIRTIO_IRQ_SCOPE_T_PCI_RANGE;
	pci->segment = cpu_to_le16(1);
	pci->bdf_start = cpu_to_le16(0x10);
	pci->bdf_end = cpu_to_le16(0x20);
	pci->endpoint_start = cpu_to_le32(0x10010);
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x10010), 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x10020), 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x1000f), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x10021), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x18), 0);
}

static void no_scope_is_not_nothing(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(e.vi, 0x18), -ENOENT);
}

static void window_reversed(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->window_end = host->window_start - 1;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(host->vi, EP)), -EINVAL);
	/* And the host is told */
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(host, EP));
}

static void window_over_ram(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);
	struct resource *ram = request_mem_region(0x7e00000000ULL, 0x100000, "test RAM");

	KUNIT_ASSERT_NOT_NULL(test, ram);
	ram->flags |= IORESOURCE_SYSTEM_RAM;
	host->window_start = 0x7e00080000ULL;
	host->window_end = 0x7e001fffffULL;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(host->vi, EP)), -EPERM);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(host, EP));
	ram->flags &= ~IORESOURCE_SYSTEM_RAM;
	ram->flags |= IORESOURCE_BUSY | IORESOURCE_MEM;
	release_mem_region(0x7e00000000ULL, 0x100000);
}

static void attached_twice(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(e.vi, EP)), -EAGAIN);
}

static struct kunit_case engine_cases[] = {
	KUNIT_CASE(wire_attach),
	KUNIT_CASE(wire_detach),
	KUNIT_CASE(wire_alloc),
	KUNIT_CASE(wire_activate),
	KUNIT_CASE(wire_deactivate),
	KUNIT_CASE(wire_free),
	KUNIT_CASE(wire_commit_release),
	KUNIT_CASE(commit_only_where_wanted),
	KUNIT_CASE_PARAM(status_of_activate, status_gen_params),
	KUNIT_CASE_PARAM(status_of_alloc, status_gen_params),
	KUNIT_CASE_PARAM(length_of_activate, length_gen_params),
	KUNIT_CASE_PARAM(length_of_alloc, length_gen_params),
	KUNIT_CASE(granted_out_of_bounds),
	KUNIT_CASE(partial_grant),
	KUNIT_CASE(alloc_beyond_the_store),
	KUNIT_CASE(alloc_store_too_narrow),
	KUNIT_CASE(pair_below_window),
	KUNIT_CASE(pair_above_window),
	KUNIT_CASE(pair_above_4g),
	KUNIT_CASE(pair_misaligned),
	KUNIT_CASE(pair_data_over_16_bits),
	KUNIT_CASE(pair_changed_by_reroute),
	KUNIT_CASE(block_arithmetic),
	KUNIT_CASE(reroute_unchanged_is_free),
	KUNIT_CASE(reroute_not_activated_is_free),
	KUNIT_CASE(reroute_after_deactivate_asks_again),
	KUNIT_CASE(refused_reroute_is_replayed),
	KUNIT_CASE(kept_activation_is_replayed),
	KUNIT_CASE(lazy_deactivate_waits_in_the_ring),
	KUNIT_CASE(without_lazy_deactivate_notifies),
	KUNIT_CASE(next_request_takes_the_lazy_along),
	KUNIT_CASE(life_of_64_vectors),
	KUNIT_CASE(free_from_the_middle),
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
	KUNIT_CASE(removed_with_everything_in_use),
	KUNIT_CASE(bad_config),
	KUNIT_CASE(bad_tlv_size),
	KUNIT_CASE(huge_tlv_size),
	KUNIT_CASE(scope_without_entries),
	KUNIT_CASE(scope_ranges),
	KUNIT_CASE(no_scope_is_not_nothing),
	KUNIT_CASE(window_reversed),
	KUNIT_CASE(window_over_ram),
	KUNIT_CASE(attached_twice),
	{ }
};

static struct kunit_suite engine_suite = {
	.name = "virtio-irq-engine",
	.init = engine_init,
	.exit = engine_exit,
	.test_cases = engine_cases,
};

kunit_test_suite(engine_suite);
