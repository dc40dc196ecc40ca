// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: save and load.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Load believes nothing. What a guest could not have got from the requests of
 * this core it does not get from a stream either.
 */
#include <errno.h>
#include <string.h>

#include "virtio_irq_internal.h"

/* What is the same in virtio_irq_vector.state and virtio_irq_saved_vector.flags */
static const struct {
	uint32_t state;
	uint32_t flag;
} flags[] = {
	{ VIRTIO_IRQ_V_ARMED, VIRTIO_IRQ_SAVED_ARMED },
	{ VIRTIO_IRQ_V_COMMITTED, VIRTIO_IRQ_SAVED_COMMITTED },
	{ VIRTIO_IRQ_V_CONTIGUOUS, VIRTIO_IRQ_SAVED_CONTIGUOUS },
	{ VIRTIO_IRQ_V_DATA16, VIRTIO_IRQ_SAVED_DATA16 },
	{ VIRTIO_IRQ_V_PASID_VALID, VIRTIO_IRQ_SAVED_PASID_VALID },
	{ VIRTIO_IRQ_V_FREED, VIRTIO_IRQ_SAVED_FREED },
	{ VIRTIO_IRQ_V_HOST_PAIR, VIRTIO_IRQ_SAVED_HOST_PAIR },
};

/* What is the same in virtio_irq_vector.change */
static const struct {
	uint8_t change;
	uint32_t flag;
} change_flags[] = {
	{ VIRTIO_IRQ_C_STALE, VIRTIO_IRQ_SAVED_STALE },
	{ VIRTIO_IRQ_C_TOLD_OTHER, VIRTIO_IRQ_SAVED_TOLD_OTHER },
	{ VIRTIO_IRQ_C_OTHER_VALID, VIRTIO_IRQ_SAVED_OTHER_VALID },
	{ VIRTIO_IRQ_C_REVOKED, VIRTIO_IRQ_SAVED_REVOKED },
	{ VIRTIO_IRQ_C_GIVEN_BACK, VIRTIO_IRQ_SAVED_GIVEN_BACK },
};

/* Save */

static uint8_t save_ep_flags(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep)
{
	uint8_t saved = 0;

	if (ep->reread)
		saved |= VIRTIO_IRQ_SAVED_REREAD;
	if (virtio_irq_reread_waits(ep))
		saved |= VIRTIO_IRQ_SAVED_REREAD_WAITS;
	if (ep->fault_unread && ep->fault_buffers == core->buffers)
		saved |= VIRTIO_IRQ_SAVED_FAULT_UNREAD;
	if (ep->fault_count || core->overflow)
		saved |= VIRTIO_IRQ_SAVED_OVERFLOW;
	return saved;
}

static struct virtio_irq_saved_endpoint save_ep(const struct virtio_irq_core *core,
						const struct virtio_irq_ep *ep)
{
	const struct virtio_irq_ep_info *info = &ep->info;
	struct virtio_irq_saved_endpoint saved = {
		.id = ep->id,
		.isolated = info->isolated,
		.pasid_width = info->pasid_width,
		.num_stores = (uint8_t)info->num_stores,
		.flags = save_ep_flags(core, ep),
		.window_start = info->window_start,
		.window_end = info->window_end,
		.pair_address = info->pair_address,
	};

	for (unsigned int i = 0; i < info->num_stores; i++)
		saved.stores[i] = info->stores[i];
	return saved;
}

static struct virtio_irq_saved_vector save_vector(const struct virtio_irq_core *core,
						  const struct virtio_irq_ep *ep,
						  const struct virtio_irq_vector *v)
{
	struct virtio_irq_saved_vector saved = {
		.index = v->index,
		.data = v->data,
		.route_address = virtio_irq_join(v->route_address),
		.route_data = v->route_data,
		.pasid = v->state & VIRTIO_IRQ_V_PASID_VALUE,
		.store = v->store,
		.addr_width = v->addr_width,
		.order = v->order,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++)
		if (v->state & flags[i].state)
			saved.flags |= flags[i].flag;
	if (!v->change)
		return saved;
	for (unsigned int i = 0; i < ARRAY_SIZE(change_flags); i++)
		if (v->change & change_flags[i].change)
			saved.flags |= change_flags[i].flag;
	if (virtio_irq_is_waiting(core, ep, v))
		saved.flags |= VIRTIO_IRQ_SAVED_WAITING;
	if (v->change & (VIRTIO_IRQ_C_TOLD_OTHER | VIRTIO_IRQ_C_OTHER_VALID))
		saved.other_data = virtio_irq_data_in(v->data, v->other);
	if (v->told)
		saved.told_address = ep->old_addresses[v->told - 1];
	saved.reason = v->reason;
	return saved;
}

void virtio_irq_core_count(const struct virtio_irq_core *core, uint32_t *num_endpoints,
			   uint32_t *num_vectors)
{
	*num_endpoints = core->stats.endpoints;
	/* With the freed ones of blocks */
	*num_vectors = core->config.max_vectors - virtio_irq_vector_room(core);
}

void virtio_irq_core_save(const struct virtio_irq_core *core,
			  struct virtio_irq_saved_endpoint *endpoints,
			  struct virtio_irq_saved_vector *vectors)
{
	const struct virtio_irq_vector *v;
	const struct virtio_irq_ep *ep;

	for (ep = core->ep_first; ep; ep = ep->next, endpoints++) {
		*endpoints = save_ep(core, ep);
		/* A freed vector has a place only in a block that is there already */
		for (uint32_t freed = 0; freed <= VIRTIO_IRQ_V_FREED; freed += VIRTIO_IRQ_V_FREED) {
			v = NULL;
			while ((v = virtio_irq_vector_next(core, ep, v))) {
				if ((v->state & VIRTIO_IRQ_V_FREED) != freed)
					continue;
				*vectors++ = save_vector(core, ep, v);
				endpoints->num_vectors++;
			}
		}
	}
}

/* Load */

static bool same_window(const struct virtio_irq_saved_endpoint *a,
			const struct virtio_irq_ep_info *b)
{
	return a->window_start == b->window_start && a->window_end == b->window_end &&
	       a->pair_address == b->pair_address;
}

/* What else the guest was told at ATTACH has to be true here as well */
static bool same_info(const struct virtio_irq_saved_endpoint *a,
		      const struct virtio_irq_ep_info *b)
{
	if (a->isolated != b->isolated || a->pasid_width != b->pasid_width ||
	    a->num_stores != b->num_stores)
		return false;
	for (unsigned int i = 0; i < a->num_stores; i++) {
		const struct virtio_irq_store_info *s = &a->stores[i], *t = &b->stores[i];

		if (s->store != t->store || s->flags != t->flags ||
		    s->multi_msi != t->multi_msi || s->size != t->size)
			return false;
	}
	return true;
}

static bool ep_flags_valid(const struct virtio_irq_core *core,
			   const struct virtio_irq_saved_endpoint *saved)
{
	const uint8_t known = VIRTIO_IRQ_SAVED_REREAD | VIRTIO_IRQ_SAVED_REREAD_WAITS |
			      VIRTIO_IRQ_SAVED_FAULT_UNREAD | VIRTIO_IRQ_SAVED_OVERFLOW;

	if (saved->flags & ~(virtio_irq_has_events(core) ? known : 0))
		return false;
	return saved->flags & VIRTIO_IRQ_SAVED_REREAD ||
	       !(saved->flags & VIRTIO_IRQ_SAVED_REREAD_WAITS);
}

static void load_ep_flags(struct virtio_irq_core *core, struct virtio_irq_ep *ep, uint8_t saved)
{
	ep->reread = saved & VIRTIO_IRQ_SAVED_REREAD;
	if (saved & VIRTIO_IRQ_SAVED_REREAD_WAITS)
		virtio_irq_set_reread(core, ep);
	ep->fault_unread = saved & VIRTIO_IRQ_SAVED_FAULT_UNREAD;
	ep->fault_buffers = core->buffers;
	core->overflow |= !!(saved & VIRTIO_IRQ_SAVED_OVERFLOW);
}

static int load_ep(struct virtio_irq_core *core, const struct virtio_irq_saved_endpoint *saved,
		   struct virtio_irq_ep **ep)
{
	static const struct virtio_irq_store_info none;

	if (virtio_irq_ep_find(core, saved->id) ||
	    saved->num_stores > VIRTIO_IRQ_CORE_MAX_STORES || !ep_flags_valid(core, saved))
		return -EINVAL;
	for (unsigned int i = saved->num_stores; i < VIRTIO_IRQ_CORE_MAX_STORES; i++)
		if (memcmp(&saved->stores[i], &none, sizeof(none)))
			return -EINVAL;
	switch (virtio_irq_ep_attach(core, saved->id, ep)) {
	case VIRTIO_IRQ_S_OK:
		if (!same_info(saved, &(*ep)->info) ||
		    (!virtio_irq_has_events(core) && !same_window(saved, &(*ep)->info)))
			return -ENODEV;
		load_ep_flags(core, *ep, saved->flags);
		return 0;
	case VIRTIO_IRQ_S_NOMEM:
		return -ENOMEM;
	default:
		return -ENODEV;
	}
}

/* The rest of unpack(): what events are about */
static bool unpack_change(const struct virtio_irq_core *core,
			  const struct virtio_irq_saved_vector *saved,
			  struct virtio_irq_vector *v)
{
	const uint8_t others = VIRTIO_IRQ_C_TOLD_OTHER | VIRTIO_IRQ_C_OTHER_VALID;
	bool waits = saved->flags & VIRTIO_IRQ_SAVED_WAITING;

	for (unsigned int i = 0; i < ARRAY_SIZE(change_flags); i++)
		if (saved->flags & change_flags[i].flag)
			v->change = (v->change | change_flags[i].change) & VIRTIO_IRQ_5_BITS;
	v->reason = saved->reason & VIRTIO_IRQ_4_BITS;

	if ((v->change || waits) &&
	    (!virtio_irq_has_events(core) || v->state & VIRTIO_IRQ_V_FREED))
		return false;
	if (waits && !(v->change & (VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_REVOKED)))
		return false;
	if (saved->told_address &&
	    (!(v->change & VIRTIO_IRQ_C_STALE) || saved->told_address % 4))
		return false;
	if (v->change & (VIRTIO_IRQ_C_TOLD_OTHER | VIRTIO_IRQ_C_GIVEN_BACK) &&
	    !(v->change & VIRTIO_IRQ_C_STALE))
		return false;
	if (v->change & VIRTIO_IRQ_C_GIVEN_BACK && v->state & VIRTIO_IRQ_V_ARMED)
		return false;
	if (v->change & VIRTIO_IRQ_C_REVOKED)
		return v->change == VIRTIO_IRQ_C_REVOKED && !saved->other_data &&
		       virtio_irq_reason_valid(v->reason) && saved->reason == v->reason &&
		       !(v->state & VIRTIO_IRQ_V_CHARGED);
	if (saved->reason)
		return false;
	if (!(v->change & others))
		return !saved->other_data;
	v->other = virtio_irq_data_generation(saved->other_data);
	return saved->other_data != saved->data &&
	       virtio_irq_data_same_slot(saved->data, saved->other_data) &&
	       (v->change & VIRTIO_IRQ_C_STALE || v->state & VIRTIO_IRQ_V_ARMED);
}

/* The saved one as it would be in the table; false: no request makes such a vector */
static bool unpack(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
		   const struct virtio_irq_saved_vector *saved, struct virtio_irq_vector *v)
{
	const struct virtio_irq_store_info *store = virtio_irq_ep_store(ep, saved->store);
	uint32_t known = VIRTIO_IRQ_SAVED_WAITING;

	*v = (struct virtio_irq_vector) {
		.index = saved->index,
		.data = saved->data,
		.route_data = saved->route_data,
		.state = saved->pasid,
		.store = saved->store,
		.addr_width = saved->addr_width,
		.order = saved->order & VIRTIO_IRQ_4_BITS,
	};
	virtio_irq_split(v->route_address, saved->route_address);
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		known |= flags[i].flag;
		if (saved->flags & flags[i].flag)
			v->state |= flags[i].state;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(change_flags); i++)
		known |= change_flags[i].flag;

	if (saved->flags & ~known || saved->pasid > VIRTIO_IRQ_PASID_MASK || !store ||
	    !virtio_irq_store_has(store, v->index, 1) ||
	    !virtio_irq_addr_width_valid(v->addr_width) ||
	    !virtio_irq_address_fits(ep->info.pair_address, v->addr_width) ||
	    saved->order > (v->state & VIRTIO_IRQ_V_CONTIGUOUS ? store->multi_msi : 0) ||
	    !unpack_change(core, saved, v))
		return false;
	if (v->state & VIRTIO_IRQ_V_FREED && v->state & VIRTIO_IRQ_V_CHARGED)
		return false;
	if (!(v->state & VIRTIO_IRQ_V_ARMED))
		return !saved->route_address && !saved->route_data &&
		       !(v->state & VIRTIO_IRQ_V_PASID);
	return (v->state & VIRTIO_IRQ_V_PASID_VALID || !saved->pasid) &&
	       virtio_irq_check_pasid(ep, store, v->state & VIRTIO_IRQ_V_PASID) ==
	       VIRTIO_IRQ_S_OK;
}

static int errno_of(uint8_t status)
{
	switch (status) {
	case VIRTIO_IRQ_S_OK:
		return 0;
	case VIRTIO_IRQ_S_NOMEM:
		return -ENOMEM;
	default:
		return -ENOSPC;
	}
}

/* Commit and arm, as @saved is */
static int load_state(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		      struct virtio_irq_vector *v, const struct virtio_irq_vector *saved)
{
	const struct virtio_irq_msg route = virtio_irq_vector_route(saved);
	uint8_t status = VIRTIO_IRQ_S_OK;
	struct virtio_irq_msg pair;

	if (saved->state & VIRTIO_IRQ_V_COMMITTED)
		status = virtio_irq_vector_charge(core, ep, v, VIRTIO_IRQ_V_COMMITTED);
	if (status != VIRTIO_IRQ_S_OK || !(saved->state & VIRTIO_IRQ_V_ARMED))
		return errno_of(status);
	if (virtio_irq_check_route(core, ep, &route) != VIRTIO_IRQ_S_OK)
		return -EINVAL;
	status = virtio_irq_vector_arm(core, ep, v, &route, saved->state & VIRTIO_IRQ_V_PASID,
				       &pair);
	/* The guest's stores hold another pair than the one that this host has chosen */
	if (v->state & VIRTIO_IRQ_V_HOST_PAIR || status == VIRTIO_IRQ_S_DEVERR)
		return -ENODEV;
	return errno_of(status);
}

static int load_vector(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		       const struct virtio_irq_saved_vector *saved, bool moved)
{
	struct virtio_irq_vector wanted, new;
	struct virtio_irq_vector *v;
	int err;

	/* A store that cannot hold an address of this host's window */
	if (moved && !virtio_irq_address_fits(ep->info.pair_address, saved->addr_width))
		return -ENODEV;
	if (!unpack(core, ep, saved, &wanted) ||
	    virtio_irq_vector_find_any(core, ep, wanted.store, wanted.index))
		return -EINVAL;
	if (wanted.state & VIRTIO_IRQ_V_HOST_PAIR)
		return -ENODEV;
	if (!virtio_irq_vector_reserve(core, 1))
		return -ENOMEM;
	err = virtio_irq_data_claim(core, ep, &wanted);
	if (err)
		return err;

	new = wanted;
	new.state &= VIRTIO_IRQ_V_CONTIGUOUS | VIRTIO_IRQ_V_DATA16;
	new.change = 0;
	new.reason = 0;
	new.other = 0;
	virtio_irq_split(new.route_address, 0);
	new.route_data = 0;
	v = virtio_irq_vector_add(core, ep, &new);
	if (wanted.state & VIRTIO_IRQ_V_FREED) {
		virtio_irq_vector_del(core, ep, v);
		return 0;
	}
	err = load_state(core, ep, v, &wanted);
	if (!err && !virtio_irq_vector_set_change(core, ep, v, &wanted,
						  saved->flags & VIRTIO_IRQ_SAVED_WAITING,
						  saved->told_address))
		err = -ENODEV;
	return err;
}

static int load_all(struct virtio_irq_core *core,
		    const struct virtio_irq_saved_endpoint *endpoints, uint32_t num_endpoints,
		    const struct virtio_irq_saved_vector *vectors, uint32_t num_vectors)
{
	struct virtio_irq_ep *ep;
	bool moved;
	int err;

	if (num_endpoints > core->config.max_endpoints ||
	    num_vectors > core->config.max_vectors)
		return -EINVAL;
	for (; num_endpoints--; endpoints++) {
		if (endpoints->num_vectors > num_vectors)
			return -EINVAL;
		num_vectors -= endpoints->num_vectors;
		err = load_ep(core, endpoints, &ep);
		moved = !err && !same_window(endpoints, &ep->info);
		for (uint32_t i = 0; !err && i < endpoints->num_vectors; i++)
			err = load_vector(core, ep, vectors++, moved);
		if (!err && moved && !virtio_irq_ep_moved(core, ep, endpoints->pair_address))
			err = -ENODEV;
		if (err)
			return err;
	}
	return num_vectors ? -EINVAL : 0;
}

int virtio_irq_core_load(struct virtio_irq_core *core,
			 const struct virtio_irq_saved_endpoint *endpoints,
			 uint32_t num_endpoints,
			 const struct virtio_irq_saved_vector *vectors, uint32_t num_vectors)
{
	struct virtio_irq_quotas quotas = core->quotas;
	int err;

	if (core->stats.endpoints)
		return -EINVAL;

	/* What is taken already stays, whatever the limits are here */
	core->quotas.committed = UINT32_MAX;
	core->quotas.pool = UINT32_MAX;
	err = load_all(core, endpoints, num_endpoints, vectors, num_vectors);
	core->quotas = quotas;
	if (err)
		virtio_irq_core_reset(core);
	else
		virtio_irq_tell(core);
	/* Endpoints say whether FAULTs were dropped; if there is none, that may be */
	if (!err && !num_endpoints && virtio_irq_has_events(core))
		core->overflow = true;
	return err;
}
