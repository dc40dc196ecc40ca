// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: life of a core, of its endpoints and of a vector's
 * resources; messages; what is visible.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_irq_internal.h"

_Static_assert(VIRTIO_IRQ_BLOCKED_UNKNOWN - VIRTIO_IRQ_FAULT_R_UNKNOWN ==
	       VIRTIO_IRQ_BLOCKED_SIZE - VIRTIO_IRQ_FAULT_R_SIZE,
	       "verdicts are in the order of the FAULT reasons");

uint8_t virtio_irq_sane_status(uint8_t status)
{
	return status <= VIRTIO_IRQ_S_DEVERR ? status : VIRTIO_IRQ_S_DEVERR;
}

/* Core */

static bool config_valid(const struct virtio_irq_core_config *config)
{
	return config->max_vectors >= 1 &&
	       config->max_vectors <= VIRTIO_IRQ_CORE_MAX_VECTORS &&
	       config->max_endpoints >= 1 &&
	       config->max_endpoints <= VIRTIO_IRQ_CORE_MAX_ENDPOINTS &&
	       config->max_count >= 1 && config->max_count <= VIRTIO_IRQ_CORE_MAX_COUNT &&
	       config->tlv_size >= VIRTIO_IRQ_CORE_TLV_MIN &&
	       config->tlv_size <= VIRTIO_IRQ_CORE_TLV_MAX && config->tlv_size % 8 == 0;
}

static bool ops_valid(const struct virtio_irq_ops *ops)
{
	return ops->attach && ops->detach && ops->check_route && ops->deliver &&
	       !ops->commit == !ops->release;
}

struct virtio_irq_core *virtio_irq_core_new(const struct virtio_irq_core_config *config,
					    const struct virtio_irq_ops *ops, void *opaque)
{
	struct virtio_irq_core *core;

	if (!config_valid(config) || !ops_valid(ops)) {
		errno = EINVAL;
		return NULL;
	}

	core = calloc(1, sizeof(*core));
	if (!core)
		goto err_nomem;
	core->config = *config;
	core->ops = ops;
	core->opaque = opaque;
	core->quotas = (struct virtio_irq_quotas) {
		.vectors = UINT32_MAX,
		.endpoint_vectors = UINT32_MAX,
		.committed = UINT32_MAX,
		.pool = UINT32_MAX,
	};
	virtio_irq_event_init(core);
	if (!virtio_irq_table_init(core))
		goto err_free;
	return core;

err_free:
	free(core);
err_nomem:
	errno = ENOMEM;
	return NULL;
}

void virtio_irq_core_free(struct virtio_irq_core *core)
{
	if (!core)
		return;
	virtio_irq_core_reset(core);
	virtio_irq_table_destroy(core);
	free(core);
}

void virtio_irq_core_reset(struct virtio_irq_core *core)
{
	while (core->ep_first)
		virtio_irq_ep_detach(core, core->ep_first);
	virtio_irq_event_reset(core);
	virtio_irq_table_trim(core);
}

void virtio_irq_core_get_quotas(const struct virtio_irq_core *core, struct virtio_irq_quotas *q)
{
	*q = core->quotas;
}

void virtio_irq_core_set_quotas(struct virtio_irq_core *core, const struct virtio_irq_quotas *q)
{
	core->quotas = *q;
}

size_t virtio_irq_core_rsp_max(const struct virtio_irq_core *core)
{
	/* VIRTIO_IRQ_CORE_TLV_MIN makes ATTACH's reply the longest */
	return sizeof(struct virtio_irq_rsp_attach) + core->config.tlv_size;
}

void virtio_irq_core_set_features(struct virtio_irq_core *core, uint64_t features)
{
	core->features = features;
}

uint64_t virtio_irq_core_work(const struct virtio_irq_core *core)
{
	return core->work;
}

uint8_t virtio_irq_limited(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   enum virtio_irq_limit limit)
{
	core->stats.limited[limit]++;
	ep->limited++;
	switch (limit) {
	case VIRTIO_IRQ_LIMIT_VECTORS:
	case VIRTIO_IRQ_LIMIT_ENDPOINT_VECTORS:
	case VIRTIO_IRQ_LIMIT_COMMITTED:
		return VIRTIO_IRQ_S_QUOTA;
	default:
		return VIRTIO_IRQ_S_NOSPC;
	}
}

/* Endpoints */

bool virtio_irq_ep_has_window(const struct virtio_irq_ep *ep)
{
	return ep->info.window_start <= ep->info.window_end;
}

bool virtio_irq_addr_width_valid(uint8_t width)
{
	return width >= 2 && width <= 64;
}

bool virtio_irq_address_fits(uint64_t address, uint8_t width)
{
	return width >= 64 || !(address >> width);
}

const struct virtio_irq_store_info *virtio_irq_ep_store(const struct virtio_irq_ep *ep,
							uint16_t store)
{
	for (unsigned int i = 0; i < ep->info.num_stores; i++)
		if (ep->info.stores[i].store == store)
			return &ep->info.stores[i];
	return NULL;
}

bool virtio_irq_store_has(const struct virtio_irq_store_info *store, uint32_t first,
			  uint32_t count)
{
	return !store->size || (first < store->size && store->size - first >= count);
}

static size_t tlvs_size(const struct virtio_irq_ep *ep)
{
	return sizeof(struct virtio_irq_tlv_window) * virtio_irq_ep_has_window(ep) +
	       sizeof(struct virtio_irq_tlv_pasid) * !!ep->info.pasid_width +
	       sizeof(struct virtio_irq_tlv_store) * ep->info.num_stores;
}

static bool store_valid(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
			const struct virtio_irq_store_info *store)
{
	uint8_t flags = VIRTIO_IRQ_STORE_F_COMMIT;

	if (ep->info.pasid_width)
		flags |= VIRTIO_IRQ_STORE_F_PASID;
	return store->multi_msi <= VIRTIO_IRQ_MAX_ORDER && !(store->flags & ~flags) &&
	       (core->config.ims || store->store == VIRTIO_IRQ_STORE_MSI) &&
	       /* The first one of that number */
	       virtio_irq_ep_store(ep, store->store) == store;
}

/* What a guest is told must be what the specification allows */
static bool ep_info_valid(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep)
{
	const struct virtio_irq_ep_info *info = &ep->info;

	if (info->num_stores > VIRTIO_IRQ_CORE_MAX_STORES ||
	    info->pasid_width > VIRTIO_IRQ_MAX_PASID_WIDTH ||
	    tlvs_size(ep) > core->config.tlv_size)
		return false;
	for (unsigned int i = 0; i < info->num_stores; i++)
		if (!store_valid(core, ep, &info->stores[i]))
			return false;
	if (!virtio_irq_ep_has_window(ep))
		return !info->num_stores;
	return info->window_start % 4 == 0 && info->window_end % 4 == 3 &&
	       info->pair_address >= info->window_start &&
	       info->pair_address <= info->window_end && info->pair_address % 4 == 0;
}

/*
 * What the driver is told is less than what the VMM has said: a driver without
 * PASIDs cannot use a store whose messages all have one, nobody is isolated
 * without the feature, and no request has more than max_count vectors.
 */
static void adapt_info(const struct virtio_irq_core *core, struct virtio_irq_ep_info *info)
{
	bool pasid = virtio_irq_has_feature(core, VIRTIO_IRQ_F_PASID);
	unsigned int n = 0;

	for (unsigned int i = 0; i < info->num_stores; i++) {
		struct virtio_irq_store_info store = info->stores[i];

		while (UINT32_C(1) << store.multi_msi > core->config.max_count)
			store.multi_msi--;
		if (pasid || !(store.flags & VIRTIO_IRQ_STORE_F_PASID))
			info->stores[n++] = store;
	}
	info->num_stores = n;
	if (!pasid)
		info->pasid_width = 0;
	if (!virtio_irq_has_feature(core, VIRTIO_IRQ_F_ISOLATED))
		info->isolated = false;
}

/*
 * The VMM gets the endpoint's handle in ops->attach, so there has to be one
 * before it is known whether there is such a function. A refused one is kept
 * for the next ATTACH: all the endpoints that do not exist cost one together.
 * The VMM comes before the limit, so that a function that is never served is
 * PERM also when all places are taken.
 */
uint8_t virtio_irq_ep_attach(struct virtio_irq_core *core, uint32_t id,
			     struct virtio_irq_ep **epp)
{
	struct virtio_irq_ep *ep;
	uint8_t status;

	if (!core->ep_spare)
		core->ep_spare = malloc(sizeof(*core->ep_spare));
	ep = core->ep_spare;
	if (!ep)
		return VIRTIO_IRQ_S_NOMEM;

	*ep = (struct virtio_irq_ep) {
		.id = id,
		.info = {
			.window_start = UINT64_MAX,
			.window_end = 0,
		},
		.host_start = UINT64_MAX,
	};
	status = core->ops->attach(core->opaque, ep, id, &ep->info);
	if (status != VIRTIO_IRQ_S_OK)
		return virtio_irq_sane_status(status);
	if (core->stats.endpoints >= core->config.max_endpoints)
		status = virtio_irq_limited(core, ep, VIRTIO_IRQ_LIMIT_MAX_ENDPOINTS);
	else if (!ep_info_valid(core, ep))
		status = VIRTIO_IRQ_S_DEVERR;
	if (status != VIRTIO_IRQ_S_OK) {
		core->ops->detach(core->opaque, ep, ep->info.priv);
		return status;
	}
	adapt_info(core, &ep->info);

	core->ep_spare = NULL;
	virtio_irq_ep_insert(core, ep);
	*epp = ep;
	return VIRTIO_IRQ_S_OK;
}

void virtio_irq_ep_detach(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	struct virtio_irq_vector *v;

	while (ep->allocated) {
		v = virtio_irq_vector_next(core, ep, NULL);
		/* Soon there is one: a block is deleted with its last vector */
		while (v->state & VIRTIO_IRQ_V_FREED)
			v = virtio_irq_vector_next(core, ep, v);
		virtio_irq_vector_free(core, ep, v);
	}
	virtio_irq_event_detach(core, ep);
	virtio_irq_ep_remove(core, ep);
	core->ops->detach(core->opaque, ep, ep->info.priv);
	free(ep->data16);
	free(ep);
}

void virtio_irq_core_endpoint_gone(struct virtio_irq_core *core, uint32_t endpoint)
{
	struct virtio_irq_ep *ep = virtio_irq_ep_find(core, endpoint);

	if (ep)
		virtio_irq_ep_detach(core, ep);
}

uint32_t virtio_irq_core_ep_id(const struct virtio_irq_ep *ep)
{
	return ep->id;
}

/* What a vector holds */

uint8_t virtio_irq_vector_charge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				 struct virtio_irq_vector *v, uint32_t flag)
{
	uint8_t status;

	/* This guest's own limit says more than that of the pool it shares */
	if (core->stats.committed >= core->quotas.committed)
		return virtio_irq_limited(core, ep, VIRTIO_IRQ_LIMIT_COMMITTED);
	if (core->stats.committed >= core->quotas.pool)
		return virtio_irq_limited(core, ep, VIRTIO_IRQ_LIMIT_POOL);
	if (core->ops->commit) {
		status = core->ops->commit(core->opaque, ep->info.priv, v->store, v->index);
		if (status != VIRTIO_IRQ_S_OK)
			return virtio_irq_sane_status(status);
	}
	v->state |= flag;
	core->stats.committed++;
	return VIRTIO_IRQ_S_OK;
}

void virtio_irq_vector_uncharge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				struct virtio_irq_vector *v, uint32_t flag)
{
	bool charged = v->state & VIRTIO_IRQ_V_CHARGED;

	v->state &= ~flag;
	if (!charged || v->state & VIRTIO_IRQ_V_CHARGED)
		return;
	core->stats.committed--;
	if (core->ops->release)
		core->ops->release(core->opaque, ep->info.priv, v->store, v->index);
}

uint8_t virtio_irq_check_route(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       const struct virtio_irq_msg *route)
{
	if (route->address % 4)
		return VIRTIO_IRQ_S_RANGE;
	return virtio_irq_sane_status(core->ops->check_route(core->opaque, ep->info.priv, route));
}

uint8_t virtio_irq_check_pasid(const struct virtio_irq_ep *ep,
			       const struct virtio_irq_store_info *store, uint32_t pasid)
{
	if (!pasid)
		return store->flags & VIRTIO_IRQ_STORE_F_PASID ? VIRTIO_IRQ_S_INVAL :
								 VIRTIO_IRQ_S_OK;
	if (!ep->info.pasid_width)
		return VIRTIO_IRQ_S_PERM;
	if ((pasid & VIRTIO_IRQ_V_PASID_VALUE) >> ep->info.pasid_width)
		return VIRTIO_IRQ_S_RANGE;
	return VIRTIO_IRQ_S_OK;
}

struct virtio_irq_msg virtio_irq_vector_route(const struct virtio_irq_vector *v)
{
	return (struct virtio_irq_msg) {
		.address = virtio_irq_join(v->route_address),
		.data = v->route_data,
	};
}

/* What a guest's driver would refuse */
static bool host_pair_valid(const struct virtio_irq_ep *ep, const struct virtio_irq_vector *v,
			    const struct virtio_irq_msg *pair)
{
	return pair->address % 4 == 0 && pair->address >= ep->info.window_start &&
	       pair->address <= ep->info.window_end &&
	       virtio_irq_address_fits(pair->address, v->addr_width) &&
	       (!(v->state & VIRTIO_IRQ_V_DATA16) || pair->data <= UINT16_MAX);
}

static struct virtio_irq_msg own_pair(const struct virtio_irq_ep *ep,
				      const struct virtio_irq_vector *v)
{
	return (struct virtio_irq_msg) {
		.address = ep->info.pair_address,
		.data = v->data,
	};
}

uint8_t virtio_irq_vector_pair(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       struct virtio_irq_vector *v, struct virtio_irq_msg *pair)
{
	if (!core->ops->pair ||
	    !core->ops->pair(core->opaque, ep->info.priv, v->store, v->index, pair)) {
		v->state &= ~VIRTIO_IRQ_V_HOST_PAIR;
		/* The old one until the driver could know that there is another one */
		*pair = virtio_irq_vector_told(ep, v);
		if (v->change & VIRTIO_IRQ_C_STALE && !virtio_irq_is_waiting(core, ep, v))
			*pair = own_pair(ep, v);
		return VIRTIO_IRQ_S_OK;
	}
	if (!host_pair_valid(ep, v, pair))
		return VIRTIO_IRQ_S_DEVERR;
	v->state |= VIRTIO_IRQ_V_HOST_PAIR;
	if (pair->address < ep->host_start)
		ep->host_start = pair->address;
	if (pair->address > ep->host_end)
		ep->host_end = pair->address;
	return VIRTIO_IRQ_S_OK;
}

void virtio_irq_route_changed(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      const struct virtio_irq_vector *v)
{
	if (core->ops->route_changed)
		core->ops->route_changed(core->opaque, ep->info.priv, v->store, v->index);
}

/*
 * The resource stays with a vector as long as it is armed, so that a re-route
 * never needs one: x86 cannot undo the move that the guest has already made.
 */
uint8_t virtio_irq_vector_arm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v, const struct virtio_irq_msg *route,
			      uint32_t pasid, struct virtio_irq_msg *pair)
{
	uint32_t state = (v->state & ~VIRTIO_IRQ_V_PASID) | VIRTIO_IRQ_V_ARMED | pasid;
	bool changed = v->state != state || virtio_irq_join(v->route_address) != route->address ||
		       v->route_data != route->data;
	uint8_t status = VIRTIO_IRQ_S_OK;

	if (!(v->state & VIRTIO_IRQ_V_CHARGED))
		status = virtio_irq_vector_charge(core, ep, v, VIRTIO_IRQ_V_TAKEN);
	if (status == VIRTIO_IRQ_S_OK)
		status = virtio_irq_vector_pair(core, ep, v, pair);
	if (status == VIRTIO_IRQ_S_OK) {
		if (!(v->state & VIRTIO_IRQ_V_ARMED))
			core->stats.armed++;
		v->state = (v->state & ~VIRTIO_IRQ_V_PASID) | VIRTIO_IRQ_V_ARMED | pasid;
		virtio_irq_split(v->route_address, route->address);
		v->route_data = route->data;
		if (changed)
			virtio_irq_route_changed(core, ep, v);
	}
	virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_TAKEN);
	return status;
}

void virtio_irq_vector_disarm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v)
{
	if (v->state & VIRTIO_IRQ_V_ARMED) {
		/* The resource stays until nothing leads to it any more */
		v->state &= ~(VIRTIO_IRQ_V_PASID | VIRTIO_IRQ_V_ARMED);
		v->state |= VIRTIO_IRQ_V_TAKEN;
		virtio_irq_split(v->route_address, 0);
		v->route_data = 0;
		core->stats.armed--;
		virtio_irq_route_changed(core, ep, v);
		virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_TAKEN);
	}
	virtio_irq_vector_settle(core, ep, v);
}

void virtio_irq_vector_free(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			    struct virtio_irq_vector *v)
{
	virtio_irq_vector_disarm(core, ep, v);
	virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_COMMITTED);
	virtio_irq_vector_del(core, ep, v);
}

/* Messages */

/* Does, or did, a pair of the endpoint have this address? */
static bool is_pair_address(const struct virtio_irq_ep *ep, uint64_t address)
{
	if (!virtio_irq_ep_has_window(ep))
		return false;
	for (unsigned int i = 0; i < VIRTIO_IRQ_OLD_ADDRESSES; i++)
		if (address && address == ep->old_addresses[i])
			return true;
	/*
	 * The pairs that the host has chosen are too many to remember. Whatever
	 * lies between two of them nobody else uses either.
	 */
	return address == ep->info.pair_address ||
	       (address >= ep->host_start && address <= ep->host_end);
}

/*
 * The pair address of an endpoint is ours alone: whatever arrives there and is
 * not armed goes nowhere, also from an endpoint that is not isolated, and is
 * called FREED. Whether that vector was freed, has never been armed, or never
 * existed makes no difference to anyone: it is a message that a store of this
 * endpoint should not hold. Elsewhere in the window the endpoint writes for
 * itself, as it did before ATTACH, unless it is isolated.
 *
 * *@vector is the one with this data, whatever the verdict; NULL if there is none.
 */
static enum virtio_irq_verdict judge(const struct virtio_irq_core *core,
				     const struct virtio_irq_ep *ep,
				     uint64_t address, uint32_t data,
				     bool has_pasid, uint32_t pasid,
				     struct virtio_irq_vector **vector)
{
	struct virtio_irq_vector *v = NULL;

	*vector = NULL;
	if (!is_pair_address(ep, address))
		return ep->info.isolated ? VIRTIO_IRQ_BLOCKED_UNKNOWN : VIRTIO_IRQ_PASS;
	if (address == ep->info.pair_address)
		v = virtio_irq_vector_by_data(core, ep, data);
	*vector = v;
	if (!v || !(v->state & VIRTIO_IRQ_V_ARMED) || v->state & VIRTIO_IRQ_V_HOST_PAIR)
		return VIRTIO_IRQ_BLOCKED_FREED;
	if (data != v->data && !(v->change & VIRTIO_IRQ_C_OTHER_VALID))
		return VIRTIO_IRQ_BLOCKED_FREED;
	/* No PASID and PASID 0 are different; one of more than 20 bits is none at all */
	if (has_pasid && pasid > VIRTIO_IRQ_PASID_MASK)
		return VIRTIO_IRQ_BLOCKED_PASID;
	if ((v->state & VIRTIO_IRQ_V_PASID) != (has_pasid ? VIRTIO_IRQ_V_PASID_VALID | pasid : 0))
		return VIRTIO_IRQ_BLOCKED_PASID;
	return VIRTIO_IRQ_DELIVERED;
}

enum virtio_irq_verdict virtio_irq_core_message(struct virtio_irq_core *core,
						struct virtio_irq_ep *ep,
						uint64_t address, uint32_t data,
						bool has_pasid, uint32_t pasid)
{
	struct virtio_irq_msg msg, route;
	enum virtio_irq_verdict verdict;
	struct virtio_irq_vector *v;

	verdict = judge(core, ep, address, data, has_pasid, pasid, &v);
	core->stats.messages[verdict]++;
	if (verdict > VIRTIO_IRQ_PASS) {
		msg = (struct virtio_irq_msg) { .address = address, .data = data };
		virtio_irq_blocked(core, ep, verdict, v, &msg, has_pasid, pasid);
	} else if (verdict == VIRTIO_IRQ_DELIVERED) {
		if (v->change)
			virtio_irq_vector_delivered(core, ep, v, data);
		virtio_irq_split(v->delivered, virtio_irq_join(v->delivered) + 1);
		route = virtio_irq_vector_route(v);
		/* Last, with a copy: delivery may lead to anything */
		core->ops->deliver(core->opaque, ep->info.priv, &route);
	}
	return verdict;
}

enum virtio_irq_verdict virtio_irq_core_resolve(const struct virtio_irq_core *core,
						const struct virtio_irq_ep *ep,
						uint64_t address, uint32_t data,
						bool has_pasid, uint32_t pasid,
						struct virtio_irq_msg *route)
{
	enum virtio_irq_verdict verdict;
	struct virtio_irq_vector *v;

	verdict = judge(core, ep, address, data, has_pasid, pasid, &v);
	if (verdict == VIRTIO_IRQ_DELIVERED)
		*route = virtio_irq_vector_route(v);
	return verdict;
}

enum virtio_irq_verdict virtio_irq_core_bad_write(struct virtio_irq_core *core,
						  struct virtio_irq_ep *ep, uint64_t address)
{
	const struct virtio_irq_msg msg = { .address = address };
	enum virtio_irq_verdict verdict;

	verdict = ep->info.isolated ? VIRTIO_IRQ_BLOCKED_SIZE : VIRTIO_IRQ_PASS;
	core->stats.messages[verdict]++;
	if (verdict != VIRTIO_IRQ_PASS)
		virtio_irq_blocked(core, ep, verdict, NULL, &msg, false, 0);
	return verdict;
}

/* What is visible */

void virtio_irq_core_get_stats(const struct virtio_irq_core *core, struct virtio_irq_stats *stats)
{
	*stats = core->stats;
}

static void describe(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
		     const struct virtio_irq_vector *v, struct virtio_irq_vector_info *info)
{
	*info = (struct virtio_irq_vector_info) {
		.endpoint = ep->id,
		.store = v->store,
		.index = v->index,
		.armed = v->state & VIRTIO_IRQ_V_ARMED,
		.committed = v->state & VIRTIO_IRQ_V_CHARGED,
		.contiguous = v->state & VIRTIO_IRQ_V_CONTIGUOUS,
		.pair = own_pair(ep, v),
		.route = virtio_irq_vector_route(v),
		.has_pasid = v->state & VIRTIO_IRQ_V_PASID_VALID,
		.pasid = v->state & VIRTIO_IRQ_V_PASID_VALUE,
		.stale = virtio_irq_is_stale(v->change),
		.revoked = v->reason,
		.delivered = virtio_irq_join(v->delivered),
		.routed = v->routed,
	};
	if (v->state & VIRTIO_IRQ_V_HOST_PAIR)
		core->ops->pair(core->opaque, ep->info.priv, v->store, v->index, &info->pair);
}

void virtio_irq_core_walk_vectors(const struct virtio_irq_core *core,
				  bool (*fn)(void *arg, const struct virtio_irq_vector_info *v),
				  void *arg)
{
	struct virtio_irq_vector_info info;
	const struct virtio_irq_vector *v;
	const struct virtio_irq_ep *ep;

	for (ep = core->ep_first; ep; ep = ep->next) {
		v = NULL;
		while ((v = virtio_irq_vector_next(core, ep, v))) {
			if (v->state & VIRTIO_IRQ_V_FREED)
				continue;
			describe(core, ep, v, &info);
			if (!fn(arg, &info))
				return;
		}
	}
}

void virtio_irq_core_walk_endpoints(const struct virtio_irq_core *core,
				    bool (*fn)(void *arg,
					       const struct virtio_irq_endpoint_info *ep),
				    void *arg)
{
	const struct virtio_irq_ep *ep;

	for (ep = core->ep_first; ep; ep = ep->next) {
		const struct virtio_irq_endpoint_info info = {
			.endpoint = ep->id,
			.allocated = ep->allocated,
			.refused = ep->refused,
			.limited = ep->limited,
		};

		if (!fn(arg, &info))
			return;
	}
}

uint8_t virtio_irq_status_from_errno(int result)
{
	if (result > 0)
		return VIRTIO_IRQ_S_NOSPC;
	switch (result) {
	case 0:
		return VIRTIO_IRQ_S_OK;
	case -ENOSPC:
		return VIRTIO_IRQ_S_NOSPC;
	case -ENOMEM:
		return VIRTIO_IRQ_S_NOMEM;
	case -EBUSY:
	case -EAGAIN:
		return VIRTIO_IRQ_S_BUSY;
	case -EPERM:
	case -EACCES:
		return VIRTIO_IRQ_S_PERM;
#ifdef EDQUOT
	case -EDQUOT:
		return VIRTIO_IRQ_S_QUOTA;
#endif
	default:
		return VIRTIO_IRQ_S_DEVERR;
	}
}

const char *virtio_irq_type_name(uint8_t type)
{
	static const char *const names[] = {
		[VIRTIO_IRQ_T_ATTACH] = "attach",
		[VIRTIO_IRQ_T_DETACH] = "detach",
		[VIRTIO_IRQ_T_ALLOC] = "alloc",
		[VIRTIO_IRQ_T_COMMIT] = "commit",
		[VIRTIO_IRQ_T_RELEASE] = "release",
		[VIRTIO_IRQ_T_ACTIVATE] = "activate",
		[VIRTIO_IRQ_T_DEACTIVATE] = "deactivate",
		[VIRTIO_IRQ_T_FREE] = "free",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

const char *virtio_irq_status_name(uint8_t status)
{
	static const char *const names[] = {
		[VIRTIO_IRQ_S_OK] = "ok",
		[VIRTIO_IRQ_S_UNSUPP] = "unsupp",
		[VIRTIO_IRQ_S_INVAL] = "inval",
		[VIRTIO_IRQ_S_RANGE] = "range",
		[VIRTIO_IRQ_S_NOENT] = "noent",
		[VIRTIO_IRQ_S_PERM] = "perm",
		[VIRTIO_IRQ_S_BUSY] = "busy",
		[VIRTIO_IRQ_S_NOMEM] = "nomem",
		[VIRTIO_IRQ_S_NOSPC] = "nospc",
		[VIRTIO_IRQ_S_QUOTA] = "quota",
		[VIRTIO_IRQ_S_DEVERR] = "deverr",
	};

	return status < ARRAY_SIZE(names) ? names[status] : NULL;
}

const char *virtio_irq_verdict_name(enum virtio_irq_verdict verdict)
{
	static const char *const names[] = {
		[VIRTIO_IRQ_DELIVERED] = "delivered",
		[VIRTIO_IRQ_PASS] = "pass",
		[VIRTIO_IRQ_BLOCKED_UNKNOWN] = "unknown",
		[VIRTIO_IRQ_BLOCKED_FREED] = "freed",
		[VIRTIO_IRQ_BLOCKED_PASID] = "pasid",
		[VIRTIO_IRQ_BLOCKED_SIZE] = "size",
	};

	return (size_t)verdict < ARRAY_SIZE(names) ? names[verdict] : NULL;
}
