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

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

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
	return config->max_vectors >= 1 && config->max_vectors <= UINT32_C(1) << 24 &&
	       config->max_endpoints >= 1 && config->max_endpoints <= UINT32_C(1) << 20 &&
	       config->max_count >= 1 && config->max_count <= UINT32_C(1) << 16 &&
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
	core->pasid = features >> VIRTIO_IRQ_F_PASID & 1;
}

/* Endpoints */

bool virtio_irq_ep_has_window(const struct virtio_irq_ep *ep)
{
	return ep->info.window_start <= ep->info.window_end;
}

bool virtio_irq_ep_fits(const struct virtio_irq_ep *ep, uint8_t width)
{
	return width >= 64 || !(ep->info.pair_address >> width);
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
	return info->pair_address >= info->window_start &&
	       info->pair_address <= info->window_end && info->pair_address % 4 == 0;
}

/* A driver without PASIDs cannot use a store whose messages all have one */
static void hide_pasids(struct virtio_irq_ep_info *info)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < info->num_stores; i++)
		if (!(info->stores[i].flags & VIRTIO_IRQ_STORE_F_PASID))
			info->stores[n++] = info->stores[i];
	info->num_stores = n;
	info->pasid_width = 0;
}

/*
 * The VMM gets the endpoint's handle in ops->attach, so there has to be one
 * before it is known whether there is such a function. A refused one is kept
 * for the next ATTACH: all the endpoints that do not exist cost one together.
 */
uint8_t virtio_irq_ep_attach(struct virtio_irq_core *core, uint32_t id,
			     struct virtio_irq_ep **epp)
{
	struct virtio_irq_ep *ep;
	uint8_t status;

	if (core->stats.endpoints >= core->config.max_endpoints)
		return VIRTIO_IRQ_S_NOSPC;
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
	};
	status = core->ops->attach(core->opaque, ep, id, &ep->info);
	if (status != VIRTIO_IRQ_S_OK)
		return virtio_irq_sane_status(status);
	if (!ep_info_valid(core, ep)) {
		core->ops->detach(core->opaque, ep, ep->info.priv);
		return VIRTIO_IRQ_S_DEVERR;
	}
	if (!core->pasid)
		hide_pasids(&ep->info);

	core->ep_spare = NULL;
	virtio_irq_ep_insert(core, ep);
	*epp = ep;
	return VIRTIO_IRQ_S_OK;
}

void virtio_irq_ep_detach(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	while (ep->first)
		virtio_irq_vector_free(core, ep, virtio_irq_vector_at(core, ep->first));
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
		return VIRTIO_IRQ_S_QUOTA;
	if (core->stats.committed >= core->quotas.pool)
		return VIRTIO_IRQ_S_NOSPC;
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

struct virtio_irq_msg virtio_irq_vector_route(const struct virtio_irq_vector *v)
{
	return (struct virtio_irq_msg) {
		.address = virtio_irq_join(v->route_address),
		.data = v->route_data,
	};
}

/*
 * The resource stays with a vector as long as it is armed, so that a re-route
 * never needs one: x86 cannot undo the move that the guest has already made.
 */
uint8_t virtio_irq_vector_arm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v, const struct virtio_irq_msg *route,
			      uint32_t pasid)
{
	uint8_t status;

	if (!(v->state & VIRTIO_IRQ_V_CHARGED)) {
		status = virtio_irq_vector_charge(core, ep, v, VIRTIO_IRQ_V_ARMED);
		if (status != VIRTIO_IRQ_S_OK)
			return status;
		core->stats.armed++;
	} else if (!(v->state & VIRTIO_IRQ_V_ARMED)) {
		v->state |= VIRTIO_IRQ_V_ARMED;
		core->stats.armed++;
	}
	v->state = (v->state & ~VIRTIO_IRQ_V_PASID) | pasid;
	virtio_irq_split(v->route_address, route->address);
	v->route_data = route->data;
	return VIRTIO_IRQ_S_OK;
}

void virtio_irq_vector_disarm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v)
{
	if (!(v->state & VIRTIO_IRQ_V_ARMED))
		return;
	v->state &= ~VIRTIO_IRQ_V_PASID;
	virtio_irq_split(v->route_address, 0);
	v->route_data = 0;
	core->stats.armed--;
	virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_ARMED);
}

void virtio_irq_vector_free(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			    struct virtio_irq_vector *v)
{
	virtio_irq_vector_disarm(core, ep, v);
	virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_COMMITTED);
	virtio_irq_vector_del(core, ep, v);
}

/* Messages */

/*
 * The pair address of an endpoint is ours alone: whatever arrives there and is
 * not armed goes nowhere, also from an endpoint that is not isolated, and is
 * called FREED. Whether that vector was freed, has never been armed, or never
 * existed makes no difference to anyone: it is a message that a store of this
 * endpoint should not hold. Elsewhere in the window the endpoint writes for
 * itself, as it did before ATTACH, unless it is isolated.
 */
static enum virtio_irq_verdict judge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				     uint64_t address, uint32_t data,
				     bool has_pasid, uint32_t pasid,
				     struct virtio_irq_vector **vector)
{
	struct virtio_irq_vector *v;

	if (!virtio_irq_ep_has_window(ep) || address != ep->info.pair_address)
		return ep->info.isolated ? VIRTIO_IRQ_BLOCKED_UNKNOWN : VIRTIO_IRQ_PASS;
	v = virtio_irq_vector_find_data(core, ep, data);
	if (!v || !(v->state & VIRTIO_IRQ_V_ARMED))
		return VIRTIO_IRQ_BLOCKED_FREED;
	/* No PASID and PASID 0 are different; one of more than 20 bits is none at all */
	if (has_pasid && pasid > VIRTIO_IRQ_PASID_MASK)
		return VIRTIO_IRQ_BLOCKED_PASID;
	if ((v->state & VIRTIO_IRQ_V_PASID) != (has_pasid ? VIRTIO_IRQ_V_PASID_VALID | pasid : 0))
		return VIRTIO_IRQ_BLOCKED_PASID;
	*vector = v;
	return VIRTIO_IRQ_DELIVERED;
}

enum virtio_irq_verdict virtio_irq_core_message(struct virtio_irq_core *core,
						struct virtio_irq_ep *ep,
						uint64_t address, uint32_t data,
						bool has_pasid, uint32_t pasid)
{
	struct virtio_irq_vector *v = NULL;
	enum virtio_irq_verdict verdict;
	struct virtio_irq_msg route;

	verdict = judge(core, ep, address, data, has_pasid, pasid, &v);
	core->stats.messages[verdict]++;
	if (verdict == VIRTIO_IRQ_DELIVERED) {
		virtio_irq_split(v->delivered, virtio_irq_join(v->delivered) + 1);
		route = virtio_irq_vector_route(v);
		/* Last, with a copy: delivery may lead to anything */
		core->ops->deliver(core->opaque, ep->info.priv, &route);
	}
	return verdict;
}

enum virtio_irq_verdict virtio_irq_core_bad_write(struct virtio_irq_core *core,
						  struct virtio_irq_ep *ep)
{
	enum virtio_irq_verdict verdict;

	verdict = ep->info.isolated ? VIRTIO_IRQ_BLOCKED_SIZE : VIRTIO_IRQ_PASS;
	core->stats.messages[verdict]++;
	return verdict;
}

/* What is visible */

void virtio_irq_core_get_stats(const struct virtio_irq_core *core, struct virtio_irq_stats *stats)
{
	*stats = core->stats;
}

static void describe(const struct virtio_irq_ep *ep, const struct virtio_irq_vector *v,
		     struct virtio_irq_vector_info *info)
{
	*info = (struct virtio_irq_vector_info) {
		.endpoint = ep->id,
		.store = v->store,
		.index = v->index,
		.armed = v->state & VIRTIO_IRQ_V_ARMED,
		.committed = v->state & VIRTIO_IRQ_V_CHARGED,
		.contiguous = v->state & VIRTIO_IRQ_V_CONTIGUOUS,
		.pair = {
			.address = ep->info.pair_address,
			.data = v->data,
		},
		.route = virtio_irq_vector_route(v),
		.has_pasid = v->state & VIRTIO_IRQ_V_PASID_VALID,
		.pasid = v->state & VIRTIO_IRQ_V_PASID_VALUE,
		.delivered = virtio_irq_join(v->delivered),
		.routed = v->routed,
	};
}

void virtio_irq_core_walk_vectors(const struct virtio_irq_core *core,
				  bool (*fn)(void *arg, const struct virtio_irq_vector_info *v),
				  void *arg)
{
	struct virtio_irq_vector_info info;
	const struct virtio_irq_vector *v;
	const struct virtio_irq_ep *ep;

	for (ep = core->ep_first; ep; ep = ep->next) {
		for (virtio_irq_link link = ep->first; link; link = v->ep_next) {
			v = virtio_irq_vector_at(core, link);
			describe(ep, v, &info);
			if (!fn(arg, &info))
				return;
		}
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
