// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: each request with each length
 * and each status of its answer, and each of them unanswered
 *
 * Whatever the answer, the caller gets the error that it stands for, and when
 * recovery is done the host holds what the driver thinks it does.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include "engine_fixture.h"

#define OTHER		(EP + 8)

struct request {
	const char *name;
	u8 type;
	/* Used length of a success */
	u32 ok_len;
	/* The caller waits for the answer, and gets an error */
	bool waited;
};

static const struct request requests[] = {
	{ "ATTACH", VIRTIO_IRQ_T_ATTACH, 16 + FAKE_TLV_SIZE, true },
	{ "DETACH", VIRTIO_IRQ_T_DETACH, 8, false },
	{ "ALLOC", VIRTIO_IRQ_T_ALLOC, 16, true },
	{ "COMMIT", VIRTIO_IRQ_T_COMMIT, 8, true },
	{ "RELEASE", VIRTIO_IRQ_T_RELEASE, 8, false },
	{ "ACTIVATE", VIRTIO_IRQ_T_ACTIVATE, 24, true },
	{ "DEACTIVATE", VIRTIO_IRQ_T_DEACTIVATE, 8, false },
	{ "FREE", VIRTIO_IRQ_T_FREE, 8, false },
};

KUNIT_ARRAY_PARAM_DESC(request, requests, name);

/* Those whose success is longer than a refusal */
static const struct request long_requests[] = {
	{ "ATTACH", VIRTIO_IRQ_T_ATTACH, 16 + FAKE_TLV_SIZE, true },
	{ "ALLOC", VIRTIO_IRQ_T_ALLOC, 16, true },
	{ "ACTIVATE", VIRTIO_IRQ_T_ACTIVATE, 24, true },
};

KUNIT_ARRAY_PARAM_DESC(long_request, long_requests, name);

struct every {
	struct engine e;
	const struct request *request;
	struct virtio_irq_vector *vec;
	struct virtio_irq_endpoint *other;
};

static struct every every_start(struct kunit *test)
{
	struct every v = { .request = test->param_value };

	v.e.host = fake_host_new(test, LAZY);
	v.e.host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(v.e.host), 0);
	v.e.vi = v.e.host->vi;
	v.e.ep = virtio_irq_attach(v.e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, v.e.ep);
	return v;
}

/* Everything that the request needs to have happened before */
static void every_prepare(struct kunit *test, struct every *v)
{
	v->vec = engine_vector(test, &v->e, 0);
	switch (v->request->type) {
	case VIRTIO_IRQ_T_DETACH:
		v->other = virtio_irq_attach(v->e.vi, OTHER);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, v->other);
		break;
	case VIRTIO_IRQ_T_RELEASE:
		KUNIT_ASSERT_EQ(test, virtio_irq_commit(v->vec), 0);
		break;
	case VIRTIO_IRQ_T_DEACTIVATE:
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(v->vec, &route_a, false), 0);
		break;
	}
}

/* The request itself; 0 where nobody is told */
static int every_do(struct every *v)
{
	int ret = 0;

	switch (v->request->type) {
	case VIRTIO_IRQ_T_ATTACH:
		v->other = virtio_irq_attach(v->e.vi, OTHER);
		ret = PTR_ERR_OR_ZERO(v->other);
		break;
	case VIRTIO_IRQ_T_DETACH:
		virtio_irq_detach(v->other);
		break;
	case VIRTIO_IRQ_T_ALLOC:
		ret = min(virtio_irq_alloc(&v->e.ep->msi, 100, 4, 0, 64), 0);
		break;
	case VIRTIO_IRQ_T_COMMIT:
		ret = virtio_irq_commit(v->vec);
		break;
	case VIRTIO_IRQ_T_RELEASE:
		virtio_irq_release(v->vec);
		break;
	case VIRTIO_IRQ_T_ACTIVATE:
		ret = virtio_irq_activate(v->vec, &route_a, false);
		break;
	case VIRTIO_IRQ_T_DEACTIVATE:
		virtio_irq_deactivate(v->vec);
		break;
	case VIRTIO_IRQ_T_FREE:
		virtio_irq_free(v->vec);
		v->vec = NULL;
		break;
	}
	/* Lazy ones are not waited for by anybody; make the host see them */
	virtio_irq_flush_timer(&v->e.vi->timer);
	return ret;
}

/* It failed, or was made good: neither side holds anything of it */
static void every_check(struct kunit *test, struct every *v, const char *what, unsigned int number)
{
	struct fake_vector *vec = engine_fake(&v->e, 0);

	KUNIT_EXPECT_NULL_MSG(test, fake_host_endpoint(v->e.host, OTHER), "%s %u", what, number);
	KUNIT_EXPECT_TRUE_MSG(test, list_is_singular(&v->e.vi->endpoints), "%s %u", what, number);
	KUNIT_EXPECT_EQ_MSG(test, v->e.host->allocated, v->vec ? 1 : 0, "%s %u", what, number);
	KUNIT_EXPECT_FALSE_MSG(test, vec->committed, "%s %u", what, number);
	KUNIT_EXPECT_FALSE_MSG(test, vec->armed, "%s %u", what, number);
	if (v->vec) {
		KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&v->vec->arm));
		KUNIT_EXPECT_FALSE(test, v->vec->com.want || __virtio_irq_fact_may(&v->vec->com));
		virtio_irq_free(v->vec);
	}
	KUNIT_EXPECT_EQ_MSG(test, v->e.host->allocated, 0, "%s %u", what, number);
	v->vec = NULL;
	v->other = NULL;
}

static void every_case(struct kunit *test, struct every *v, enum fake_fault fault, u64 arg,
		       int err, const char *what)
{
	int ret;

	every_prepare(test, v);
	fake_host_rule(v->e.host, fault, v->request->type, 1, arg);
	ret = every_do(v);
	KUNIT_EXPECT_EQ_MSG(test, ret, v->request->waited ? err : 0, "%s %llu", what, arg);
	fake_host_rule(v->e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &v->e);
	every_check(test, v, what, arg);
}

static void every_length(struct kunit *test)
{
	struct every v = every_start(test);
	u64 malformed = 0;
	u32 len;

	for (len = 0; len <= 2 * v.request->ok_len; len++) {
		if (len == v.request->ok_len)
			continue;
		every_case(test, &v, FAKE_LENGTH, len, -EIO, "length");
		malformed++;
	}
	KUNIT_EXPECT_EQ(test, v.e.vi->stats.malformed, malformed);
	every_case(test, &v, FAKE_LENGTH, U32_MAX, -EIO, "length");
}

/* A refusal that is as long as a success is none */
static void every_long_refusal(struct kunit *test)
{
	struct every v = every_start(test);
	unsigned int status;

	for (status = 1; status <= VIRTIO_IRQ_S_DEVERR; status++)
		every_case(test, &v, FAKE_STATUS, status, -EIO, "long refusal");
	KUNIT_EXPECT_EQ(test, v.e.vi->stats.malformed, VIRTIO_IRQ_S_DEVERR);
}

static void every_status(struct kunit *test)
{
	static const int errors[] = {
		[VIRTIO_IRQ_S_UNSUPP]	= -EOPNOTSUPP,
		[VIRTIO_IRQ_S_INVAL]	= -EINVAL,
		[VIRTIO_IRQ_S_RANGE]	= -ERANGE,
		[VIRTIO_IRQ_S_NOENT]	= -ENOENT,
		[VIRTIO_IRQ_S_PERM]	= -EPERM,
		[VIRTIO_IRQ_S_BUSY]	= -EAGAIN,
		[VIRTIO_IRQ_S_NOMEM]	= -ENOMEM,
		[VIRTIO_IRQ_S_NOSPC]	= -ENOSPC,
		[VIRTIO_IRQ_S_QUOTA]	= -EDQUOT,
		[VIRTIO_IRQ_S_DEVERR]	= -EIO,
		[VIRTIO_IRQ_S_DEVERR + 1] = -EIO,
		[0xff]			= -EIO,
	};
	struct every v = every_start(test);
	unsigned int status;

	for (status = 1; status < ARRAY_SIZE(errors); status++) {
		if (!errors[status])
			continue;
		/* To these two, NOENT says that what is wanted is so already */
		if (status == VIRTIO_IRQ_S_NOENT && (v.request->type == VIRTIO_IRQ_T_RELEASE ||
						     v.request->type == VIRTIO_IRQ_T_DEACTIVATE))
			continue;
		every_case(test, &v, FAKE_REFUSE, status, errors[status], "status");
	}
	KUNIT_EXPECT_EQ(test, v.e.vi->stats.malformed, 0);
	KUNIT_EXPECT_EQ(test, v.e.vi->stats.timeouts, 0);
}

/* Carried out or not, nothing tells; those that nobody waits for need a later timeout */
static void every_silence(struct kunit *test)
{
	static const enum fake_fault faults[] = { FAKE_SILENT, FAKE_LOST };
	struct every v = every_start(test);
	unsigned int i;

	virtio_irq_sleep_timeout_ms = 40;
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		every_prepare(test, &v);
		fake_host_rule(v.e.host, faults[i], v.request->type, 1, 0);
		KUNIT_EXPECT_EQ(test, every_do(&v), v.request->waited ? -ETIMEDOUT : 0);
		if (!v.request->waited && v.request->type != VIRTIO_IRQ_T_DETACH) {
			fake_host_rule(v.e.host, FAKE_LOST, VIRTIO_IRQ_T_ATTACH, 1, 0);
			KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(v.e.vi, OTHER)),
					-ETIMEDOUT);
		}
		fake_host_rule(v.e.host, FAKE_NONE, 0, 0, 0);
		engine_settle(test, &v.e);
		every_check(test, &v, "silence", i);
		KUNIT_EXPECT_EQ(test, v.e.vi->stats.recoveries, i + 1);
	}
}

/* Broken by the transport: no answer can come, so nobody waits for one */
static void every_broken_queue(struct kunit *test)
{
	struct every v = every_start(test);
	u64 start;

	every_prepare(test, &v);
	virtio_irq_poll_timeout_ms = 20000;
	virtio_irq_sleep_timeout_ms = 20000;
	virtio_break_device(&v.e.host->vdev);
	start = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_EQ(test, every_do(&v), v.request->waited ? -ETIMEDOUT : 0);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 5 * NSEC_PER_SEC);
	/* Nothing less than a reset of the device mends it */
	engine_settle(test, &v.e);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, v.e.vi->stats.device_resets, 1);
	every_check(test, &v, "broken queue", 0);
}

static struct kunit_case every_cases[] = {
	KUNIT_CASE_PARAM(every_length, request_gen_params),
	KUNIT_CASE_PARAM(every_long_refusal, long_request_gen_params),
	KUNIT_CASE_PARAM(every_status, request_gen_params),
	KUNIT_CASE_PARAM(every_silence, request_gen_params),
	KUNIT_CASE_PARAM(every_broken_queue, request_gen_params),
	{ }
};

static struct kunit_suite every_suite = {
	.name		= "virtio-irq-every",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= every_cases,
};

kunit_test_suite(every_suite);
