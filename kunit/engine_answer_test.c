// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: what a host may answer
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioport.h>
#include <linux/virtio_ring.h>

#include "engine_fixture.h"

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
	KUNIT_EXPECT_FALSE(test, vec->arm.want);
	KUNIT_EXPECT_FALSE(test, vec->arm.has);
	KUNIT_EXPECT_FALSE(test, engine_fake(&e, 0)->armed);
	/* The next one succeeds */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

static void status_of_alloc(struct kunit *test)
{
	const struct status_case *c = test->param_value;
	struct engine e = engine_start(test, LAZY);

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
	KUNIT_EXPECT_FALSE(test, vec->arm.has);
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

/* What follows a prefix is not the host's, and is not given back */
static void granted_in_part(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	e.host->quota = 2;
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 2);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, -EDQUOT);
	raw_spin_lock_irq(&e.vi->lock);
	__virtio_irq_mark(e.vi);
	raw_spin_unlock_irq(&e.vi->lock);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_FREE), 0);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2);
}

static void granted_out_of_bounds(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 5);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	/* That is no refusal, whatever it says: the host may hold them, and here it does */
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1,
		       (u64)VIRTIO_IRQ_S_QUOTA << 32);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, U32_MAX);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), -EIO);
	/* A block is all or nothing. What the host holds from before is not in its way */
	engine_settle(test, &e);
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
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, -EDQUOT);
	KUNIT_EXPECT_TRUE(test, virtio_irq_granted(&e.ep->msi, 7));
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(&e.ep->msi, 8));
	KUNIT_EXPECT_NOT_NULL(test, virtio_irq_take(&e.ep->msi, 0));
	KUNIT_EXPECT_NULL(test, virtio_irq_take(&e.ep->msi, 8));
	/* Nor twice */
	KUNIT_EXPECT_NULL(test, virtio_irq_take(&e.ep->msi, 0));
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -EDQUOT);
}

/* Less than asked for has a reason, and what is left out because of max_count has none */
static void reason_of_a_partial_grant(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	/* It does not say why */
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 2);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 2);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, -EIO);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 4);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, 0);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1,
		       2 | (u64)VIRTIO_IRQ_S_NOMEM << 32);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 2);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, -ENOMEM);
	/* Nor is this one a reason, and of a full grant there is none */
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 2 | 0x77ULL << 32);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 2);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, -EIO);
	fake_host_rule(e.host, FAKE_GRANTED, VIRTIO_IRQ_T_ALLOC, 1, 4 | 0x77ULL << 32);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 4);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, 0);
	e.vi->max_count = 2;
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, 0, 64), 2);
	KUNIT_EXPECT_EQ(test, e.ep->msi.refusal, 0);
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
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_msg before, after;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_compose(vec, &before);
	fake_host_rule(e.host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x777);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -EIO);
	virtio_irq_compose(vec, &after);
	KUNIT_EXPECT_EQ(test, before.data, after.data);
	/* Recovery asks again, and the host behaves by then */
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
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
}

/* Freed one by one, with another request in between: the values are free with the last one */
static void block_freed_in_pieces(struct kunit *test)
{
	const unsigned int flags = VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16;
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[4];
	int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, flags, 64), 4);
	for (i = 0; i < 4; i++)
		vec[i] = virtio_irq_take(&e.ep->msi, i);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec[0], &route_a, false), 0);
	virtio_irq_free(vec[1]);
	virtio_irq_free(vec[2]);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2);
	/* Nor does the host give it out by itself */
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 1, 1, VIRTIO_IRQ_ALLOC_DATA16, 64),
			-EAGAIN);
	virtio_irq_deactivate(vec[0]);
	virtio_irq_free(vec[3]);
	virtio_irq_flush_timer(&e.vi->timer);
	virtio_irq_free(vec[0]);
	/* The same function again, with a block, with fewer, and with MSI-X */
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, flags, 64), 4);
	virtio_irq_trim(&e.ep->msi);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 2, flags, 64), 2);
	virtio_irq_trim(&e.ep->msi);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 8, 0, 64), 8);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 8);
}

/* A reset of the device finds a block of which half is freed */
static void block_freed_in_a_reset(struct kunit *test)
{
	const unsigned int flags = VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16;
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[4];
	int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, flags, 64), 4);
	for (i = 0; i < 4; i++)
		vec[i] = virtio_irq_take(&e.ep->msi, i);
	virtio_irq_free(vec[0]);
	virtio_irq_free(vec[1]);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2);
	virtio_irq_free(vec[2]);
	virtio_irq_free(vec[3]);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, flags, 64), 4);
}

/* Larger requests than the host takes are not sent: ALLOC asks for less, FREE is cut */
static void no_more_than_max_count(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, LAZY);
	const struct virtio_irq_req_range *req;
	struct engine e = { .host = host };
	struct virtio_irq_vector *vec;
	unsigned int i, freed = 0;

	host->config.max_count = cpu_to_le32(16);
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 64, 0, 64), 16);
	vec = virtio_irq_take(&e.ep->msi, 0);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 16; i < 64; i += 16)
		KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, i, 64 - i, 0, 64), 16);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 64, 32, VIRTIO_IRQ_ALLOC_CONTIGUOUS, 64),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, host->allocated, 64);
	fake_host_forget_log(host);
	virtio_irq_free(vec);
	KUNIT_EXPECT_EQ(test, host->allocated, 0);
	KUNIT_EXPECT_EQ(test, host->num_requests, 4);
	for (i = 0; i < 4; i++) {
		req = (const void *)host->log[i].bytes;
		KUNIT_EXPECT_EQ(test, req->head.type, VIRTIO_IRQ_T_FREE);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), freed);
		freed += le32_to_cpu(req->count);
	}
	KUNIT_EXPECT_EQ(test, freed, 64);
}

static struct kunit_case answer_cases[] = {
	KUNIT_CASE_PARAM(status_of_activate, status_gen_params),
	KUNIT_CASE_PARAM(status_of_alloc, status_gen_params),
	KUNIT_CASE_PARAM(length_of_activate, length_gen_params),
	KUNIT_CASE_PARAM(length_of_alloc, length_gen_params),
	KUNIT_CASE(granted_in_part),
	KUNIT_CASE(granted_out_of_bounds),
	KUNIT_CASE(partial_grant),
	KUNIT_CASE(reason_of_a_partial_grant),
	KUNIT_CASE(alloc_beyond_the_store),
	KUNIT_CASE(alloc_store_too_narrow),
	KUNIT_CASE(no_more_than_max_count),
	KUNIT_CASE(pair_below_window),
	KUNIT_CASE(pair_above_window),
	KUNIT_CASE(pair_above_4g),
	KUNIT_CASE(pair_misaligned),
	KUNIT_CASE(pair_data_over_16_bits),
	KUNIT_CASE(pair_changed_by_reroute),
	KUNIT_CASE(block_arithmetic),
	KUNIT_CASE(block_freed_in_pieces),
	KUNIT_CASE(block_freed_in_a_reset),
	{ }
};

static struct kunit_suite answer_suite = {
	.name		= "virtio-irq-answer",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= answer_cases,
};

kunit_test_suite(answer_suite);
