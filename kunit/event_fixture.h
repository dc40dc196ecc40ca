/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites of events share: four vectors that are armed, and something
 * that stands for the domain
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_EVENT_FIXTURE_H
#define _VIRTIO_IRQ_EVENT_FIXTURE_H

#include <linux/seq_file.h>

#include "engine_fixture.h"

#define PASID		BIT_ULL(VIRTIO_IRQ_F_PASID)
#define STALE		VIRTIO_IRQ_EVENT_T_STALE
#define REVOKED		VIRTIO_IRQ_EVENT_T_REVOKED
#define FAULT		VIRTIO_IRQ_EVENT_T_FAULT
#define ALL		VIRTIO_IRQ_EVENT_F_ALL
#define REREAD		VIRTIO_IRQ_EVENT_F_REREAD
#define STILL_VALID	VIRTIO_IRQ_EVENT_F_STILL_VALID

#define OTHER		(EP + 8)
#define VECTORS		4
/* Some have one more */
#define TOLD		16

/* Neither memory nor what it was before */
#define NEW_WINDOW	0xfd000000ULL

/* What the domain was asked for, which has no interrupts here */
struct event_told {
	unsigned int replayed[TOLD];
	unsigned int retriggered[TOLD];
	unsigned int shut[TOLD];
	bool busy;
};

struct event {
	struct engine e;
	struct virtio_irq_vector *vec[VECTORS];
};

extern struct event_told event_told;
extern const struct virtio_irq_event event_stale_of_0;

void event_arm(struct kunit *test, struct event *ev, u32 flags);
struct event event_with(struct kunit *test, struct fake_host *host, u32 flags);
struct event event_start(struct kunit *test, u64 features);
u32 event_pair_of(struct event *ev, unsigned int i);
void event_expect_settled(struct kunit *test, struct event *ev, unsigned int i);
void event_expect_told(struct kunit *test, unsigned int i, unsigned int replayed,
		       unsigned int retriggered);
void event_place(struct kunit *test, struct fake_host *host, const struct virtio_irq_event *event);
u16 event_available(struct fake_host *host);
bool event_wants_interrupt(struct fake_host *host);
char *event_shown(struct kunit *test, struct virtio_irq *vi,
		  int (*show)(struct seq_file *m, void *unused));

#endif /* _VIRTIO_IRQ_EVENT_FIXTURE_H */
