// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: what lies in the ring
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioport.h>
#include <linux/virtio_ring.h>

#include <trace/events/virtio_irq.h>

#include "engine_fixture.h"

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

/* What ALLOC has committed needs no COMMIT, and no RELEASE either */
static void commit_not_where_alloc_has(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_vector *vec;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep);
	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&ep->msi, 0, 1, VIRTIO_IRQ_ALLOC_COMMIT, 64), 1);
	vec = virtio_irq_take(&ep->msi, 0);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	fake_host_forget_log(host);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(vec), 0);
	virtio_irq_release(vec);
	KUNIT_EXPECT_EQ(test, host->num_requests, 0);
}

struct traced {
	u8	type;
	u32	endpoint;
	u16	store;
	u32	first;
	u32	count;
	u64	address;
	u32	data;
};

struct trace {
	struct traced	events[16];
	unsigned int	num;
};

static void trace_request(void *data, unsigned int slot, u8 type, u32 endpoint, u16 store,
			  u32 first, u32 count, u64 address, u32 route_data)
{
	struct trace *t = data;

	if (t->num < ARRAY_SIZE(t->events))
		t->events[t->num] = (struct traced) { type, endpoint, store, first, count,
						      address, route_data };
	t->num++;
}

/* What an administrator sees of each request */
static void traced_as_sent(struct kunit *test)
{
	const u32 id = EP + 8;
	const struct traced want[] = {
		{ VIRTIO_IRQ_T_ATTACH, id },
		{ VIRTIO_IRQ_T_ALLOC, id, 0, 4, 3 },
		{ VIRTIO_IRQ_T_COMMIT, id, 0, 5, 1 },
		{ VIRTIO_IRQ_T_ACTIVATE, id, 0, 5, 1, route_a.address, route_a.data },
		{ VIRTIO_IRQ_T_DEACTIVATE, id, 0, 5, 1 },
		{ VIRTIO_IRQ_T_RELEASE, id, 0, 5, 1 },
		/* The last one takes along what was granted and not taken */
		{ VIRTIO_IRQ_T_FREE, id, 0, 4, 3 },
		{ VIRTIO_IRQ_T_DETACH, id },
	};
	struct fake_host *host = fake_host_new(test, 0);
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_vector *vec;
	struct trace t = { };
	unsigned int i;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_ASSERT_EQ(test, register_trace_virtio_irq_request(trace_request, &t), 0);
	ep = virtio_irq_attach(host->vi, id);
	if (!IS_ERR(ep)) {
		virtio_irq_alloc(&ep->msi, 4, 3, 0, 64);
		vec = virtio_irq_take(&ep->msi, 5);
		if (vec) {
			virtio_irq_commit(vec);
			virtio_irq_activate(vec, &route_a, false);
			virtio_irq_deactivate(vec);
			virtio_irq_release(vec);
			virtio_irq_free(vec);
		}
		virtio_irq_detach(ep);
	}
	unregister_trace_virtio_irq_request(trace_request, &t);
	tracepoint_synchronize_unregister();

	KUNIT_ASSERT_EQ(test, t.num, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_EXPECT_EQ(test, t.events[i].type, want[i].type);
		KUNIT_EXPECT_EQ(test, t.events[i].endpoint, want[i].endpoint);
		KUNIT_EXPECT_EQ(test, t.events[i].store, want[i].store);
		KUNIT_EXPECT_EQ(test, t.events[i].first, want[i].first);
		KUNIT_EXPECT_EQ(test, t.events[i].count, want[i].count);
		KUNIT_EXPECT_EQ(test, t.events[i].address, want[i].address);
		KUNIT_EXPECT_EQ(test, t.events[i].data, want[i].data);
	}
}

static struct kunit_case wire_cases[] = {
	KUNIT_CASE(wire_attach),
	KUNIT_CASE(wire_detach),
	KUNIT_CASE(wire_alloc),
	KUNIT_CASE(wire_activate),
	KUNIT_CASE(wire_deactivate),
	KUNIT_CASE(wire_free),
	KUNIT_CASE(wire_commit_release),
	KUNIT_CASE(commit_only_where_wanted),
	KUNIT_CASE(commit_not_where_alloc_has),
	KUNIT_CASE(traced_as_sent),
	{ }
};

static struct kunit_suite wire_suite = {
	.name		= "virtio-irq-wire",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= wire_cases,
};

kunit_test_suite(wire_suite);
