// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the device core: what the host does to vectors, and eventq.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <string.h>

#include "fuzz_model.h"

/* What the core has made of a pair that changes */

static void learn(struct mep *mep, struct mvec *v, uint32_t data)
{
	CHECK(data != v->data);
	CHECK(!v->must_be || data == v->must_be);
	CHECK(v->data16 == (data <= 0xffff) && (data >> 8 & 7) == 3);
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		const struct mvec *w = &mep->vec[i];

		/* Of a block they change one after the other */
		CHECK(!w->allocated || w == v || same_block(v, w) || !model_knows(w, data));
	}
	v->data = data;
	v->learn = false;
	v->must_be = 0;
	/* Told what is right after all */
	if (v->told_data == data)
		v->told_data = 0;
}

void learn_data(struct mep *mep, struct mvec *v, uint32_t data)
{
	if (v->learn)
		learn(mep, v, data);
}

/* What is freed is seen by nobody, but goes with its block */
void learn_freed(struct mep *mep)
{
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *v = &mep->vec[i];

		for (unsigned int j = 0; v->allocated && v->learn && j < MAX_VECTORS; j++) {
			const struct mvec *w = &mep->vec[j];

			if (w->allocated && !w->learn && same_block(v, w)) {
				v->data = w->data + (v->index - w->index);
				v->learn = false;
			}
		}
	}
}

/* A value that was of a vector's pair is nobody else's until that is freed */
void check_not_past(const struct mep *mep, const struct mvec *v)
{
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		const struct mvec *w = &mep->vec[i];

		for (unsigned int j = 0; w->allocated && w != v && j < PAST; j++)
			CHECK(w->past[j] != v->data);
	}
}

/* Commands */

static bool meant(const struct virtio_irq_which *which, unsigned int e, const struct mvec *v)
{
	return v->allocated && !v->freed &&
	       (which->all_endpoints || which->endpoint == ep_ids[e]) &&
	       (which->all_stores || which->store == v->store) &&
	       v->index >= which->first && v->index <= which->last;
}

void step_command(struct input *in)
{
	static const uint8_t reasons[] = { VIRTIO_IRQ_S_PERM, VIRTIO_IRQ_S_NOSPC,
					   VIRTIO_IRQ_S_QUOTA };
	uint8_t what = byte(in), how = byte(in), reason = reasons[how % 3];
	struct virtio_irq_which which = {
		.all_endpoints = how & 0x80,
		.endpoint = ep_ids[how >> 5 & 3],
		.all_stores = how & 0x10,
		.store = byte(in) % 3,
		.last = UINT32_MAX,
	};
	int num = 0, ret;

	if (how & 8) {
		which.first = byte(in) % 50;
		which.last = which.first + byte(in) % 8;
	}
	for (unsigned int e = 0; m.events && e < NUM_EPS; e++) {
		for (unsigned int i = 0; m.ep[e].attached && i < MAX_VECTORS; i++) {
			struct mvec *v = &m.ep[e].vec[i];

			if (!meant(&which, e, v))
				continue;
			if (what < 140)
				num += model_change(&m.ep[e], v, what & 1);
			else if (what < 200)
				num += model_revoke(&m.ep[e], v, reason);
			else
				num += model_unrevoke(&m.ep[e], v);
		}
	}
	if (what < 140)
		ret = virtio_irq_core_change_pairs(m.core, &which, what & 1);
	else if (what < 200)
		ret = virtio_irq_core_revoke(m.core, &which, reason);
	else
		ret = virtio_irq_core_unrevoke(m.core, &which);
	CHECK(ret == (m.events ? num : -EOPNOTSUPP));
	check_all();
}

/* eventq */

static unsigned int kind_of(const struct mvec *v)
{
	return v->reason ? 0x100u | v->reason : v->other_valid;
}

static void check_range(const uint8_t *p, struct mep *mep)
{
	uint32_t first = le(p + 8, 4), count = le(p + 12, 4);
	uint16_t store = (uint16_t)le(p + 2, 2);
	unsigned int kind = p[0] == VIRTIO_IRQ_EVENT_T_REVOKED ? 0x100u | p[1] :
			    !!(le(p + 28, 4) & VIRTIO_IRQ_EVENT_F_STILL_VALID);

	CHECK(count && count <= MAX_COUNT);
	for (uint32_t i = 0; i < count; i++) {
		struct mvec *v = find_vec(mep, store, first + i);

		CHECK(v && v->waiting && kind_of(v) == kind);
		v->waiting = false;
	}
}

static void check_fault(const uint8_t *p, struct mep *mep)
{
	struct mfault f = {
		.address = (uint64_t)le(p + 20, 4) << 32 | le(p + 16, 4),
		.data = le(p + 24, 4),
		.flags = le(p + 28, 4) & ~(uint32_t)VIRTIO_IRQ_EVENT_F_OVERFLOW,
		.first = le(p + 8, 4),
		.count = le(p + 12, 4),
		.store = (uint16_t)le(p + 2, 2),
		.reason = p[1],
	};

	CHECK(f.count && !memcmp(&f, &mep->fault, sizeof(f)));
	CHECK(!!(le(p + 28, 4) & VIRTIO_IRQ_EVENT_F_OVERFLOW) == m.overflow);
	CHECK(!mep->fault_unread || mep->fault_buffers != m.buffers);
	m.overflow = false;
	memset(&mep->fault, 0, sizeof(mep->fault));
	mep->fault_unread = true;
	mep->fault_buffers = m.buffers;
}

static void check_event(const uint8_t *p)
{
	int e = ep_index(le(p + 4, 4));
	struct mep *mep;

	CHECK(e >= 0 && m.ep[e].attached);
	mep = &m.ep[e];
	if (p[0] == VIRTIO_IRQ_EVENT_T_FAULT) {
		check_fault(p, mep);
		return;
	}
	CHECK(all_zero(p, 16, 28));
	if (le(p + 28, 4) & VIRTIO_IRQ_EVENT_F_ALL) {
		CHECK(p[0] == VIRTIO_IRQ_EVENT_T_STALE && mep->reread_waits);
		CHECK(le(p + 28, 4) ==
		      (VIRTIO_IRQ_EVENT_F_ALL | VIRTIO_IRQ_EVENT_F_REREAD));
		CHECK(all_zero(p, 1, 4) && all_zero(p, 8, 16));
		mep->reread_waits = false;
		for (unsigned int i = 0; i < MAX_VECTORS; i++)
			if (!mep->vec[i].reason)
				mep->vec[i].waiting = false;
		return;
	}
	CHECK(p[0] == VIRTIO_IRQ_EVENT_T_STALE ? !p[1] : p[0] == VIRTIO_IRQ_EVENT_T_REVOKED);
	CHECK(!(le(p + 28, 4) & ~(p[0] == VIRTIO_IRQ_EVENT_T_STALE ?
				  (uint32_t)VIRTIO_IRQ_EVENT_F_STILL_VALID : 0u)));
	check_range(p, mep);
}

/* Is there really none? */
static void check_no_event(void)
{
	for (unsigned int e = 0; e < NUM_EPS; e++) {
		const struct mep *mep = &m.ep[e];

		CHECK(!mep->reread_waits);
		CHECK(!mep->fault.count ||
		      (mep->fault_unread && mep->fault_buffers == m.buffers));
		for (unsigned int i = 0; i < MAX_VECTORS; i++)
			CHECK(!mep->vec[i].waiting);
	}
}

void step_buffers(struct input *in)
{
	unsigned int num = byte(in) % 4, places = byte(in) % 8;
	uint8_t *event = malloc(VIRTIO_IRQ_CORE_EVENT_SIZE);

	CHECK(event);
	while (num--) {
		virtio_irq_core_event_buffer(m.core);
		m.buffers++;
	}
	while (places--) {
		if (!virtio_irq_core_next_event(m.core, event)) {
			if (m.events)
				check_no_event();
			break;
		}
		CHECK(m.events);
		check_event(event);
	}
	free(event);
	check_all();
}

void step_eventq_reset(void)
{
	virtio_irq_core_eventq_reset(m.core);
	for (unsigned int e = 0; e < NUM_EPS; e++) {
		m.ep[e].reread_waits = m.ep[e].reread;
		for (unsigned int i = 0; i < MAX_VECTORS; i++) {
			struct mvec *v = &m.ep[e].vec[i];

			v->waiting |= v->stale || v->reason;
		}
	}
	check_all();
}

/* Of everything that waits the driver has to be told some time: it does not get lost */
void check_events(const struct virtio_irq_stats *s)
{
	uint32_t stale = 0, revoked = 0, waiting = 0;

	for (unsigned int e = 0; e < NUM_EPS; e++) {
		for (unsigned int i = 0; i < MAX_VECTORS; i++) {
			const struct mvec *v = &m.ep[e].vec[i];

			stale += v->stale && !v->given_back && !v->reason;
			revoked += !!v->reason;
			waiting += v->waiting;
		}
	}
	CHECK(s->stale == stale && s->revoked == revoked && s->waiting == waiting);
	CHECK(s->faults_dropped == m.dropped);
}
