// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Model of a conforming device: pairs that change, vectors that are taken away,
 * and what the driver is told.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <string.h>

#include "fuzz_model.h"

bool same_block(const struct mvec *v, const struct mvec *w)
{
	return v->contiguous && w->contiguous && v->store == w->store &&
	       v->block_first == w->block_first;
}

/* Those of @v's block, of which it may be the only one; freed ones as well */
static bool in_group(const struct mvec *v, const struct mvec *w)
{
	return w->allocated && (v == w || same_block(v, w));
}

static bool any_armed(const struct mep *mep, const struct mvec *v)
{
	for (unsigned int i = 0; i < MAX_VECTORS; i++)
		if (in_group(v, &mep->vec[i]) && mep->vec[i].armed)
			return true;
	return false;
}

static bool any_stale(const struct mep *mep, const struct mvec *v)
{
	for (unsigned int i = 0; i < MAX_VECTORS; i++)
		if (in_group(v, &mep->vec[i]) && mep->vec[i].stale)
			return true;
	return false;
}

void model_not_stale(struct mvec *v)
{
	v->stale = false;
	v->given_back = false;
	v->told_address = 0;
	v->told_data = 0;
	if (!v->reason)
		v->waiting = false;
}

/* It is not armed, or not any more */
void model_settle(struct mep *mep, struct mvec *v)
{
	if (!v->stale && !v->other_valid)
		return;
	if (any_armed(mep, v)) {
		if (!v->stale)
			v->other_valid = false;
		return;
	}
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *w = &mep->vec[i];

		if (in_group(v, w)) {
			model_not_stale(w);
			w->other_valid = false;
		}
	}
}

struct virtio_irq_msg model_told(const struct mep *mep, const struct mvec *v)
{
	struct virtio_irq_msg pair = {
		.address = pair_address(mep),
		.data = v->data,
	};

	if (v->stale && v->waiting) {
		if (v->told_address)
			pair.address = v->told_address;
		if (v->told_data)
			pair.data = v->told_data;
	}
	return pair;
}

bool model_knows(const struct mvec *v, uint32_t data)
{
	return v->data == data || (v->told_data && v->told_data == data) ||
	       (v->other_valid && v->other == data);
}

/* Commands */

/* What it comes to is the core's to say, see learn() */
static void new_pair(struct mvec *v, bool still_valid)
{
	v->learn = true;
	v->must_be = v->other_valid && still_valid ? v->other : 0;
	v->past[v->num_past++ % PAST] = v->data;
	if (v->reason || v->freed)
		return;
	v->told_data = v->data;
	v->other = v->data;
	v->other_valid = still_valid;
}

bool model_change(struct mep *mep, struct mvec *v, bool still_valid)
{
	bool again = any_stale(mep, v);

	if (!any_armed(mep, v))
		return false;
	for (unsigned int i = 0; i < MAX_VECTORS; i++)
		if (in_group(v, &mep->vec[i]) && mep->vec[i].host)
			return false;
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *w = &mep->vec[i];

		if (!in_group(v, w))
			continue;
		if (!again)
			new_pair(w, still_valid);
		if (w->reason || w->freed)
			continue;
		w->other_valid &= still_valid;
		w->stale = true;
		w->given_back = false;
		w->waiting = true;
		m.changes += w->armed;
	}
	return v->armed;
}

bool model_revoke(struct mep *mep, struct mvec *v, uint8_t reason)
{
	if (v->reason == reason)
		return false;
	model_disarm(mep, v);
	v->committed = false;
	model_not_stale(v);
	v->other_valid = false;
	v->reason = reason;
	v->waiting = true;
	return true;
}

bool model_unrevoke(struct mep *mep, struct mvec *v)
{
	const struct mvec *mate = NULL;

	if (!v->reason)
		return false;
	v->reason = 0;
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		const struct mvec *w = &mep->vec[i];

		if (w != v && in_group(v, w) && w->stale && (!mate || w->index > mate->index))
			mate = w;
	}
	v->stale = true;
	v->given_back = true;
	v->waiting = true;
	if (mate) {
		v->told_address = mate->told_address;
		v->told_data = mate->told_data ? mate->told_data + (v->index - mate->index) : 0;
		v->other_valid = mate->other_valid;
		v->other = mate->other + (v->index - mate->index);
	}
	return true;
}

/* The pair address is another one here: what the guest knows it to be was @old */
void model_moved(struct mep *mep, uint64_t old)
{
	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *v = &mep->vec[i];

		if (!v->allocated || v->freed || v->reason || (!v->stale && !any_armed(mep, v)))
			continue;
		v->stale = true;
		v->waiting = true;
		v->other_valid = false;
		if (!v->told_address)
			v->told_address = old;
	}
	mep->reread = true;
	mep->reread_waits = true;
}

/* Faults */

void model_blocked(struct mep *mep, enum virtio_irq_verdict verdict, const struct mvec *v,
		   uint64_t address, uint32_t data, bool has_pasid, uint32_t pasid)
{
	struct mfault f = {
		.address = address,
		.data = data,
		.flags = has_pasid && pasid <= 0xfffff ? 1u << 20 | pasid : 0,
		.first = v ? v->index : 0,
		.store = v ? v->store : 0,
		.reason = verdict == VIRTIO_IRQ_BLOCKED_PASID ? VIRTIO_IRQ_FAULT_R_PASID :
			  verdict == VIRTIO_IRQ_BLOCKED_SIZE ? VIRTIO_IRQ_FAULT_R_SIZE :
							       VIRTIO_IRQ_FAULT_R_UNKNOWN,
	};

	if (!m.events || (verdict == VIRTIO_IRQ_BLOCKED_FREED && v))
		return;
	f.count = mep->fault.count;
	if (!f.count) {
		f.count = 1;
		mep->fault = f;
	} else if (!memcmp(&mep->fault, &f, sizeof(f))) {
		mep->fault.count++;
	} else {
		m.overflow = true;
		m.dropped++;
	}
}

void model_drop_faults(struct mep *mep)
{
	m.overflow |= !!mep->fault.count;
	m.dropped += mep->fault.count;
	memset(&mep->fault, 0, sizeof(mep->fault));
	mep->fault_unread = false;
	mep->reread = false;
	mep->reread_waits = false;
	memset(mep->old, 0, sizeof(mep->old));
}
