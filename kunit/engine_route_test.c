// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: routes and notifications
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioport.h>
#include <linux/virtio_ring.h>

#include "engine_fixture.h"

static void reroute_unchanged_is_free(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_msg pair;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_TRUE(test, virtio_irq_needs_rewrite(vec));
	virtio_irq_compose(vec, &pair);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_a), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_FALSE(test, virtio_irq_needs_rewrite(vec));
}

static void reroute_not_activated_is_free(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
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
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 2, VIRTIO_IRQ_S_NOSPC);
	/* The worker may be faster than this, on another CPU */
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, vec->dirty);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_EQ(test, e.vi->stats.replays, 1);
}

/*
 * The old route may work when the new one is refused, and end before that is
 * sent again: nobody tells the engine when the parent gives the old one away.
 */
static void refused_reroute_is_lossy(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, vec->lossy);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
}

/* A managed interrupt: nobody could be told, so it is kept and armed later */
static void kept_activation_is_replayed(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, true), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, vec->arm.want);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
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
	KUNIT_EXPECT_TRUE(test, vec->arm.has);
	KUNIT_EXPECT_TRUE(test, __virtio_irq_fact_may(&vec->arm));
}

/* What the host does not know it does not have: there is nothing to be repeated */
static void unknown_is_given_back(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	struct virtio_irq_vector *vec;

	e.host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	vec = engine_vector(test, &e, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_STATUS, VIRTIO_IRQ_T_DEACTIVATE, 1, VIRTIO_IRQ_S_NOENT);
	virtio_irq_deactivate(vec);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_DEACTIVATE), 1);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&vec->arm));
	fake_host_rule(e.host, FAKE_STATUS, VIRTIO_IRQ_T_RELEASE, 1, VIRTIO_IRQ_S_NOENT);
	virtio_irq_release(vec);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_RELEASE), 1);
	KUNIT_EXPECT_FALSE(test, __virtio_irq_fact_may(&vec->com));
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

/* On x86 a move to another CPU changes the address, a move on one CPU the data */
static void reroute_of_either_half(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_msg route = route_a;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route, false), 0);
	route.address = route_b.address;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route), 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_data, route_a.data);
	route.data = route_b.data;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route), 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_data, route_b.data);
}

/* The last free gives back what was never used, too; it is not there any more */
static void free_takes_all_grants(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 8, 0, 64), 8);
	vec = virtio_irq_take(&e.ep->msi, 3);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	virtio_irq_free(vec);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(&e.ep->msi, 0));
	KUNIT_EXPECT_NULL(test, virtio_irq_take(&e.ep->msi, 7));
}

/* An allocation that failed in the guest keeps only what is in use */
static void trim_keeps_what_is_in_use(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 8, 0, 64), 8);
	vec = virtio_irq_take(&e.ep->msi, 3);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	virtio_irq_trim(&e.ep->msi);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 3)->allocated);
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(&e.ep->msi, 0));
	engine_settle(test, &e);
	virtio_irq_free(vec);
	virtio_irq_trim(&e.ep->msi);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
}

static struct kunit_case route_cases[] = {
	KUNIT_CASE(reroute_unchanged_is_free),
	KUNIT_CASE(reroute_not_activated_is_free),
	KUNIT_CASE(reroute_of_either_half),
	KUNIT_CASE(reroute_after_deactivate_asks_again),
	KUNIT_CASE(refused_reroute_is_replayed),
	KUNIT_CASE(refused_reroute_is_lossy),
	KUNIT_CASE(kept_activation_is_replayed),
	KUNIT_CASE(lazy_deactivate_waits_in_the_ring),
	KUNIT_CASE(without_lazy_deactivate_notifies),
	KUNIT_CASE(next_request_takes_the_lazy_along),
	KUNIT_CASE(unknown_is_given_back),
	KUNIT_CASE(life_of_64_vectors),
	KUNIT_CASE(free_from_the_middle),
	KUNIT_CASE(free_takes_all_grants),
	KUNIT_CASE(trim_keeps_what_is_in_use),
	{ }
};

static struct kunit_suite route_suite = {
	.name		= "virtio-irq-route",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= route_cases,
};

kunit_test_suite(route_suite);
