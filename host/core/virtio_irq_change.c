// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: pairs that change, and vectors that are taken away.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * A pair changes by its generation, so a vector keeps its slot, and a block its
 * place: whatever a vector's pair was before, no other one gets it until the
 * vector is freed. Two of the generations may be in use at a time, the right one
 * and the one that the driver was told. They take turns while both are honoured,
 * so that nothing is lost however often a pair changes and however late the driver
 * gets to know.
 *
 * After a migration the address may be another one. Then the old pair is not
 * honoured, and it is only needed to tell the driver the same again before it has
 * seen the event.
 */
#include <errno.h>
#include <stdlib.h>

#include "virtio_irq_internal.h"

/* A vector, or the block that it is in, as slots of a line */
struct group {
	struct virtio_irq_line *line;
	uint32_t slots;
};

static struct group group_of(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
			     const struct virtio_irq_vector *v)
{
	struct group group;
	unsigned int slot;

	group.line = virtio_irq_data_line(core, ep, v->data, &slot);
	group.slots = virtio_irq_block_mask(slot, group.line->order);
	return group;
}

/* The next one from slot *@slot on, which is advanced; freed ones as well */
static struct virtio_irq_vector *next_in(const struct virtio_irq_core *core,
					 const struct group *group, unsigned int *slot)
{
	while (*slot < VIRTIO_IRQ_LINE) {
		unsigned int n = (*slot)++;

		if (group->slots >> n & 1 && group->line->vectors[n])
			return virtio_irq_vector_at(core, group->line->vectors[n]);
	}
	return NULL;
}

static bool any_armed(const struct virtio_irq_core *core, const struct group *group)
{
	struct virtio_irq_vector *v;
	unsigned int slot = 0;

	while ((v = next_in(core, group, &slot)))
		if (v->state & VIRTIO_IRQ_V_ARMED)
			return true;
	return false;
}

/* All changes of the bits go through here, for the gauges' sake */
static void set_bits(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		     struct virtio_irq_vector *v, uint8_t clear, uint8_t set)
{
	uint8_t before = v->change;

	v->change = ((before & ~clear) | set) & VIRTIO_IRQ_5_BITS;
	core->num_changed -= !!(before & (VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_REVOKED));
	core->num_changed += !!(v->change & (VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_REVOKED));
	if (before & VIRTIO_IRQ_C_REVOKED) {
		core->stats.revoked--;
		ep->revoked--;
	} else if (virtio_irq_is_stale(before)) {
		core->stats.stale--;
	}
	if (v->change & VIRTIO_IRQ_C_REVOKED) {
		core->stats.revoked++;
		ep->revoked++;
	} else if (virtio_irq_is_stale(v->change)) {
		core->stats.stale++;
	}
	if (!(v->change & VIRTIO_IRQ_C_REVOKED))
		v->reason = 0;
	if (!(v->change & VIRTIO_IRQ_C_STALE))
		v->told = 0;
	if (!(v->change & (VIRTIO_IRQ_C_TOLD_OTHER | VIRTIO_IRQ_C_OTHER_VALID)))
		v->other = 0;
}

/* The driver goes by the pair that is right */
static void clear_stale(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			struct virtio_irq_vector *v, uint8_t more)
{
	if (!(v->change & VIRTIO_IRQ_C_REVOKED))
		virtio_irq_clear_waiting(core, ep, v);
	set_bits(core, ep, v,
		 (uint8_t)(VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_TOLD_OTHER |
			   VIRTIO_IRQ_C_GIVEN_BACK | more), 0);
}

struct virtio_irq_msg virtio_irq_vector_told(const struct virtio_irq_ep *ep,
					     const struct virtio_irq_vector *v)
{
	struct virtio_irq_msg pair = {
		.address = ep->info.pair_address,
		.data = v->data,
	};

	if (v->change & VIRTIO_IRQ_C_TOLD_OTHER)
		pair.data = virtio_irq_data_in(v->data, v->other);
	if (v->told)
		pair.address = ep->old_addresses[v->told - 1];
	return pair;
}

void virtio_irq_vector_answered(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				struct virtio_irq_vector *v, const struct virtio_irq_msg *pair)
{
	if (!(v->change & VIRTIO_IRQ_C_STALE))
		return;
	/* What was waiting to be told is known by now, if it is the right pair */
	if (!virtio_irq_is_waiting(core, ep, v) || v->state & VIRTIO_IRQ_V_HOST_PAIR ||
	    (pair->address == ep->info.pair_address && pair->data == v->data))
		clear_stale(core, ep, v, 0);
	else
		set_bits(core, ep, v, VIRTIO_IRQ_C_GIVEN_BACK, 0);
}

void virtio_irq_vector_delivered(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				 struct virtio_irq_vector *v, uint32_t data)
{
	/* The store holds the new pair, so the old one does not come any more */
	if (data == v->data && !(v->change & VIRTIO_IRQ_C_STALE))
		set_bits(core, ep, v, VIRTIO_IRQ_C_OTHER_VALID, 0);
}

void virtio_irq_vector_settle(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v)
{
	struct virtio_irq_vector *w;
	unsigned int slot = 0;
	struct group group;

	if (!(v->change & (VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_OTHER_VALID)))
		return;
	group = group_of(core, ep, v);
	if (!any_armed(core, &group)) {
		while ((w = next_in(core, &group, &slot)))
			clear_stale(core, ep, w, VIRTIO_IRQ_C_OTHER_VALID);
	} else if (!(v->change & VIRTIO_IRQ_C_STALE)) {
		set_bits(core, ep, v, VIRTIO_IRQ_C_OTHER_VALID, 0);
	}
}

void virtio_irq_vector_forget(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v)
{
	virtio_irq_clear_waiting(core, ep, v);
	set_bits(core, ep, v, UINT8_MAX, 0);
}

/* A place for an address that the driver goes by; 0: there is none left */
static uint8_t remember(struct virtio_irq_ep *ep, uint64_t address)
{
	for (uint8_t i = 0; i < VIRTIO_IRQ_OLD_ADDRESSES; i++) {
		if (!ep->old_addresses[i])
			ep->old_addresses[i] = address;
		if (ep->old_addresses[i] == address)
			return (uint8_t)(i + 1);
	}
	return 0;
}

bool virtio_irq_vector_set_change(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				  struct virtio_irq_vector *v,
				  const struct virtio_irq_vector *saved, bool waits,
				  uint64_t told)
{
	v->other = saved->other;
	v->reason = saved->reason;
	v->told = (told ? remember(ep, told) : 0) & VIRTIO_IRQ_3_BITS;
	if (told && !v->told)
		return false;
	set_bits(core, ep, v, 0, saved->change);
	if (waits)
		virtio_irq_set_waiting(core, ep, v);
	return true;
}

bool virtio_irq_ep_moved(struct virtio_irq_core *core, struct virtio_irq_ep *ep, uint64_t old)
{
	uint8_t told = remember(ep, old);
	struct virtio_irq_vector *v = NULL;
	struct group group;

	if (!told)
		return false;
	while ((v = virtio_irq_vector_next(core, ep, v))) {
		if (v->state & VIRTIO_IRQ_V_FREED || v->change & VIRTIO_IRQ_C_REVOKED)
			continue;
		group = group_of(core, ep, v);
		if (!(v->change & VIRTIO_IRQ_C_STALE) && !any_armed(core, &group))
			continue;
		set_bits(core, ep, v, VIRTIO_IRQ_C_OTHER_VALID, VIRTIO_IRQ_C_STALE);
		if (!v->told)
			v->told = told & VIRTIO_IRQ_3_BITS;
		virtio_irq_set_waiting(core, ep, v);
	}
	virtio_irq_set_reread(core, ep);
	return true;
}

/* What a command is for */

/* The next one of the endpoint, after @v, that is meant */
static struct virtio_irq_vector *next_meant(const struct virtio_irq_core *core,
					    const struct virtio_irq_ep *ep,
					    const struct virtio_irq_which *which,
					    const struct virtio_irq_vector *last)
{
	struct virtio_irq_vector *v = virtio_irq_vector_next(core, ep, last);

	while (v && (v->state & VIRTIO_IRQ_V_FREED || v->index < which->first ||
		     v->index > which->last || (!which->all_stores && v->store != which->store)))
		v = virtio_irq_vector_next(core, ep, v);
	return v;
}

/* Calls @fn for every vector that is meant; how often it has returned true */
static int for_each(struct virtio_irq_core *core, const struct virtio_irq_which *which,
		    bool (*fn)(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       struct virtio_irq_vector *v, uint8_t arg),
		    uint8_t arg)
{
	struct virtio_irq_vector *v;
	struct virtio_irq_ep *ep;
	int num = 0;

	if (!virtio_irq_has_events(core))
		return -EOPNOTSUPP;
	for (ep = core->ep_first; ep; ep = ep->next) {
		if (!which->all_endpoints && ep->id != which->endpoint)
			continue;
		v = NULL;
		while ((v = next_meant(core, ep, which, v)))
			num += fn(core, ep, v, arg);
	}
	virtio_irq_tell(core);
	return num;
}

/* Changes */

/* All of a block have the same one */
static uint8_t new_generation(const struct virtio_irq_core *core, const struct group *group,
			      const struct virtio_irq_vector *v)
{
	const struct virtio_irq_vector *w;
	unsigned int slot = 0;

	while ((w = next_in(core, group, &slot)))
		if (w->change & VIRTIO_IRQ_C_OTHER_VALID)
			return w->other;
	return virtio_irq_data_next_generation(v->data);
}

static bool any_of_the_host(const struct virtio_irq_core *core, const struct group *group)
{
	struct virtio_irq_vector *v;
	unsigned int slot = 0;

	while ((v = next_in(core, group, &slot)))
		if (v->state & VIRTIO_IRQ_V_HOST_PAIR)
			return true;
	return false;
}

static bool any_stale(const struct virtio_irq_core *core, const struct group *group)
{
	struct virtio_irq_vector *v;
	unsigned int slot = 0;

	while ((v = next_in(core, group, &slot)))
		if (v->change & VIRTIO_IRQ_C_STALE)
			return true;
	return false;
}

/*
 * One whose driver has not asked yet already has another pair than that one goes
 * by, so it keeps it. That the old one is honoured cannot be promised again once it
 * was not.
 */
static bool change_pair(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			struct virtio_irq_vector *v, uint8_t still_valid)
{
	struct group group = group_of(core, ep, v);
	bool again = any_stale(core, &group);
	uint8_t to, old, keep;
	unsigned int slot = 0;

	if (any_of_the_host(core, &group) || !any_armed(core, &group))
		return false;
	to = new_generation(core, &group, v);
	keep = still_valid ? VIRTIO_IRQ_C_OTHER_VALID : 0;
	for (struct virtio_irq_vector *w; (w = next_in(core, &group, &slot));) {
		old = virtio_irq_data_generation(w->data);
		if (!again) {
			w->data = virtio_irq_data_in(w->data, to);
			w->other = old;
		}
		/* What was revoked is told nothing until it is not any more */
		if (w->state & VIRTIO_IRQ_V_FREED || w->change & VIRTIO_IRQ_C_REVOKED) {
			w->other = 0;
			continue;
		}
		set_bits(core, ep, w,
			 (uint8_t)(VIRTIO_IRQ_C_GIVEN_BACK | (VIRTIO_IRQ_C_OTHER_VALID & ~keep)),
			 again ? VIRTIO_IRQ_C_STALE :
			 VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_TOLD_OTHER | keep);
		virtio_irq_set_waiting(core, ep, w);
		if (w->state & VIRTIO_IRQ_V_ARMED)
			virtio_irq_route_changed(core, ep, w);
	}
	return v->state & VIRTIO_IRQ_V_ARMED;
}

int virtio_irq_core_change_pairs(struct virtio_irq_core *core,
				 const struct virtio_irq_which *which, bool still_valid)
{
	return for_each(core, which, change_pair, still_valid);
}

bool virtio_irq_reason_valid(uint8_t reason)
{
	return reason == VIRTIO_IRQ_S_PERM || reason == VIRTIO_IRQ_S_NOSPC ||
	       reason == VIRTIO_IRQ_S_QUOTA;
}

static bool revoke_vector(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  struct virtio_irq_vector *v, uint8_t reason)
{
	if (v->change & VIRTIO_IRQ_C_REVOKED && v->reason == reason)
		return false;
	virtio_irq_vector_disarm(core, ep, v);
	virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_COMMITTED);
	set_bits(core, ep, v, UINT8_MAX, VIRTIO_IRQ_C_REVOKED);
	v->reason = reason & VIRTIO_IRQ_4_BITS;
	virtio_irq_set_waiting(core, ep, v);
	return true;
}

int virtio_irq_core_revoke(struct virtio_irq_core *core, const struct virtio_irq_which *which,
			   uint8_t reason)
{
	if (!virtio_irq_reason_valid(reason))
		return -EINVAL;
	return for_each(core, which, revoke_vector, reason);
}

/* In a block that is stale the driver goes by the same base for all of it */
static bool unrevoke(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		     struct virtio_irq_vector *v, uint8_t arg)
{
	struct group group = group_of(core, ep, v);
	uint8_t bits = VIRTIO_IRQ_C_STALE;
	struct virtio_irq_vector *w;
	unsigned int slot = 0;

	(void)arg;
	if (!(v->change & VIRTIO_IRQ_C_REVOKED))
		return false;
	while ((w = next_in(core, &group, &slot))) {
		if (w->change & VIRTIO_IRQ_C_REVOKED || !(w->change & VIRTIO_IRQ_C_STALE))
			continue;
		bits = w->change;
		v->other = w->other;
		v->told = w->told;
	}
	set_bits(core, ep, v, VIRTIO_IRQ_C_REVOKED, bits | VIRTIO_IRQ_C_GIVEN_BACK);
	virtio_irq_set_waiting(core, ep, v);
	return true;
}

int virtio_irq_core_unrevoke(struct virtio_irq_core *core, const struct virtio_irq_which *which)
{
	return for_each(core, which, unrevoke, 0);
}

/* Quotas */

struct candidate {
	struct virtio_irq_ep *ep;
	struct virtio_irq_vector *v;
};

/* Who has to go first comes first */
static int compare(const void *a, const void *b)
{
	const struct virtio_irq_vector *v = ((const struct candidate *)a)->v;
	const struct virtio_irq_vector *w = ((const struct candidate *)b)->v;

	if ((v->state ^ w->state) & VIRTIO_IRQ_V_ARMED)
		return v->state & VIRTIO_IRQ_V_ARMED ? 1 : -1;
	if (v->index != w->index)
		return v->index < w->index ? 1 : -1;
	if (v->store != w->store)
		return v->store < w->store ? 1 : -1;
	return v->endpoint < w->endpoint ? 1 : -1;
}

/* So many of @only's vectors, NULL: of all; how many, or a negative errno */
static int revoke_some(struct virtio_irq_core *core, const struct virtio_irq_ep *only,
		       bool charged, uint32_t num, uint8_t reason)
{
	struct candidate *list;
	struct virtio_irq_ep *ep;
	struct virtio_irq_vector *v;
	uint32_t n = 0;

	if (!num)
		return 0;
	list = calloc(only ? only->allocated : core->stats.allocated, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (ep = core->ep_first; ep; ep = ep->next) {
		v = NULL;
		while ((!only || ep == only) && (v = virtio_irq_vector_next(core, ep, v))) {
			if (v->state & VIRTIO_IRQ_V_FREED || v->change & VIRTIO_IRQ_C_REVOKED ||
			    (charged && !(v->state & VIRTIO_IRQ_V_CHARGED)))
				continue;
			list[n++] = (struct candidate) { .ep = ep, .v = v };
		}
	}
	qsort(list, n, sizeof(*list), compare);
	for (uint32_t i = 0; i < num; i++)
		revoke_vector(core, list[i].ep, list[i].v, reason);
	free(list);
	return (int)num;
}

static uint32_t excess(uint32_t have, uint32_t limit)
{
	return have > limit ? have - limit : 0;
}

int virtio_irq_core_enforce_quotas(struct virtio_irq_core *core)
{
	const struct virtio_irq_quotas *quotas = &core->quotas;
	struct virtio_irq_stats *s = &core->stats;
	struct virtio_irq_ep *ep;
	int ret = 0, num = 0;

	if (!virtio_irq_has_events(core))
		return -EOPNOTSUPP;
	for (ep = core->ep_first; ep && ret >= 0; ep = ep->next) {
		ret = revoke_some(core, ep, false,
				  excess(ep->allocated - ep->revoked, quotas->endpoint_vectors),
				  VIRTIO_IRQ_S_QUOTA);
		num += ret;
	}
	if (ret >= 0) {
		ret = revoke_some(core, NULL, false,
				  excess(s->allocated - s->revoked, quotas->vectors),
				  VIRTIO_IRQ_S_QUOTA);
		num += ret;
	}
	if (ret >= 0) {
		ret = revoke_some(core, NULL, true, excess(s->committed, quotas->committed),
				  VIRTIO_IRQ_S_QUOTA);
		num += ret;
	}
	if (ret >= 0) {
		ret = revoke_some(core, NULL, true, excess(s->committed, quotas->pool),
				  VIRTIO_IRQ_S_NOSPC);
		num += ret;
	}
	virtio_irq_tell(core);
	return ret < 0 ? ret : num;
}
