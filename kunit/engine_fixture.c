// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the KUnit suites of the virtio-irq request engine share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>

#include "engine_fixture.h"

const struct virtio_irq_msg route_a = { .address = 0xfee01000, .data = 0x31 };
const struct virtio_irq_msg route_b = { .address = 0xfee02000, .data = 0x42 };

int engine_init(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = POLL_MS;
	virtio_irq_sleep_timeout_ms = SLEEP_MS;
	return 0;
}

void engine_exit(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = 1000;
	virtio_irq_sleep_timeout_ms = 30000;
}

struct engine engine_start(struct kunit *test, u64 features)
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
struct virtio_irq_vector *engine_vector(struct kunit *test, struct engine *e, u32 index)
{
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e->ep->msi, index, 1, 0, 64), 1);
	vec = virtio_irq_take(&e->ep->msi, index);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	return vec;
}

struct fake_vector *engine_fake(struct engine *e, u32 index)
{
	return &fake_host_endpoint(e->host, EP)->vectors[index];
}

/* The worker does not come as far as the records until engine_let(), on no CPU */
void engine_hold(struct engine *e)
{
	mutex_lock(&e->vi->endpoints_lock);
}

void engine_let(struct engine *e)
{
	mutex_unlock(&e->vi->endpoints_lock);
}

/* What is counted is what the records say */
static void engine_check_counts(struct kunit *test, struct engine *e)
{
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;

	guard(mutex)(&e->vi->endpoints_lock);
	list_for_each_entry(ep, &e->vi->endpoints, node) {
		list_for_each_entry(store, &ep->stores, ep_node) {
			unsigned int granted = 0, in_use = 0;

			xa_for_each(&store->vectors, index, vec) {
				granted += vec->res.want;
				in_use += vec->in_use;
			}
			KUNIT_EXPECT_EQ(test, store->num_granted, granted);
			KUNIT_EXPECT_EQ(test, store->in_use, in_use);
		}
	}
}

void engine_settle(struct kunit *test, struct engine *e)
{
	unsigned long end = jiffies + 10 * HZ;

	do {
		/* What the host has said calls for recovery */
		flush_delayed_work(&e->vi->read_events);
		/* A note or a mark queues the worker; it may queue itself again */
		flush_delayed_work(&e->vi->recover);
		if (READ_ONCE(e->vi->state) == VIRTIO_IRQ_READY && !READ_ONCE(e->vi->posted) &&
		    !delayed_work_pending(&e->vi->read_events) &&
		    !delayed_work_pending(&e->vi->recover)) {
			engine_check_counts(test, e);
			return;
		}
		usleep_range(1000, 2000);
		/* What nobody waits for may have no answer, its timer finds out */
		virtio_irq_flush_timer(&e->vi->timer);
	} while (time_before(jiffies, end));
	KUNIT_FAIL(test, "the engine is not ready, state %d", e->vi->state);
}
