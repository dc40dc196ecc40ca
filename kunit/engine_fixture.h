/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites of the virtio-irq request engine share: the real driver
 * on a real ring, one endpoint, and short timeouts
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_ENGINE_FIXTURE_H
#define _VIRTIO_IRQ_ENGINE_FIXTURE_H

#include <kunit/test.h>
#include <linux/virtio_config.h>

#include "fake_host.h"
#include "virtio_irq_internal.h"

#define EP		0x18
#define LAZY		BIT_ULL(VIRTIO_IRQ_F_LAZY)
#define EVENTS		BIT_ULL(VIRTIO_IRQ_F_EVENTQ)

/* Bounds that make a test of a timeout short, in ms */
#define POLL_MS		20
#define SLEEP_MS	200

extern const struct virtio_irq_msg route_a;
extern const struct virtio_irq_msg route_b;

struct engine {
	struct fake_host *host;
	struct virtio_irq *vi;
	struct virtio_irq_endpoint *ep;
};

int engine_init(struct kunit *test);
void engine_exit(struct kunit *test);
struct engine engine_start(struct kunit *test, u64 features);
struct virtio_irq_vector *engine_vector(struct kunit *test, struct engine *e, u32 index);
struct fake_vector *engine_fake(struct engine *e, u32 index);
void engine_hold(struct engine *e);
void engine_let(struct engine *e);
void engine_settle(struct kunit *test, struct engine *e);

/* Slots that are idle */
static inline unsigned int engine_idle(const struct engine *e)
{
	const struct virtio_irq_slot *slot;
	unsigned int count = 0;

	for (slot = e->vi->idle; slot; slot = slot->next)
		count++;
	return count;
}

#endif /* _VIRTIO_IRQ_ENGINE_FIXTURE_H */
