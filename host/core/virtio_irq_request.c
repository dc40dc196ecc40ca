// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: requests.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * A request is judged in this order, and nothing changes before all of it has
 * passed: its length and the room for its answer, reserved fields and unknown
 * flags (INVAL); what is not offered (UNSUPP); values that are out of bounds
 * whatever the endpoint (RANGE); what it names (NOENT); then its meaning.
 */
#include <string.h>

#include "virtio_irq_internal.h"

#define FIELD_SIZE(t, f)	sizeof(((struct t *)0)->f)

#define GET16(req, t, f)	virtio_irq_get16((req) + offsetof(struct t, f))
#define GET32(req, t, f)	virtio_irq_get32((req) + offsetof(struct t, f))
#define GET64(req, t, f)	virtio_irq_get64((req) + offsetof(struct t, f))
#define PUT16(rsp, t, f, v)	virtio_irq_put16((rsp) + offsetof(struct t, f), v)
#define PUT32(rsp, t, f, v)	virtio_irq_put32((rsp) + offsetof(struct t, f), v)
#define PUT64(rsp, t, f, v)	virtio_irq_put64((rsp) + offsetof(struct t, f), v)

#define ALLOC_FLAGS							\
	(VIRTIO_IRQ_ALLOC_F_COMMIT | VIRTIO_IRQ_ALLOC_F_CONTIGUOUS |	\
	 VIRTIO_IRQ_ALLOC_F_DATA16)

/* [first, first + count) of a store */
struct range {
	uint16_t store;
	uint32_t first;
	uint32_t count;
};

struct alloc {
	struct range range;
	const struct virtio_irq_store_info *store;
	/* What the vectors are to be */
	struct virtio_irq_vector like;
	bool commit;
};

static bool store_offered(const struct virtio_irq_core *core, uint16_t store)
{
	return core->config.ims || store == VIRTIO_IRQ_STORE_MSI;
}

static bool range_valid(const struct virtio_irq_core *core, const struct range *range)
{
	return range->count >= 1 && range->count <= core->config.max_count &&
	       range->count - 1 <= UINT32_MAX - range->first;
}

/* ATTACH and DETACH */

static uint8_t *put_tlv(uint8_t *p, uint16_t type, size_t size)
{
	virtio_irq_put16(p + offsetof(struct virtio_irq_tlv_head, type), type);
	virtio_irq_put16(p + offsetof(struct virtio_irq_tlv_head, length),
			 (uint16_t)(size - sizeof(struct virtio_irq_tlv_head)));
	return p + size;
}

static uint8_t *put_store(uint8_t *p, const struct virtio_irq_store_info *store)
{
	PUT16(p, virtio_irq_tlv_store, store, store->store);
	p[offsetof(struct virtio_irq_tlv_store, multi_msi)] = store->multi_msi;
	p[offsetof(struct virtio_irq_tlv_store, flags)] = store->flags;
	PUT32(p, virtio_irq_tlv_store, size, store->size);
	return put_tlv(p, VIRTIO_IRQ_TLV_T_STORE, sizeof(struct virtio_irq_tlv_store));
}

_Static_assert(sizeof(struct virtio_irq_tlv_window) % 8 == 0 &&
	       sizeof(struct virtio_irq_tlv_pasid) % 8 == 0 &&
	       sizeof(struct virtio_irq_tlv_store) % 8 == 0, "TLVs follow without a gap");
_Static_assert(sizeof(struct virtio_irq_tlv_window) + sizeof(struct virtio_irq_tlv_store) <=
	       VIRTIO_IRQ_CORE_TLV_MIN, "all TLVs fit");

static uint8_t do_attach(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	uint32_t id = GET32(req, virtio_irq_req_head, endpoint);
	struct virtio_irq_ep *ep = virtio_irq_ep_find(core, id);
	uint8_t *p = rsp + offsetof(struct virtio_irq_rsp_attach, tlvs);
	uint8_t status;

	if (!ep) {
		status = virtio_irq_ep_attach(core, id, &ep);
		if (status != VIRTIO_IRQ_S_OK)
			return status;
	}
	virtio_irq_reread_done(ep);

	if (ep->info.isolated)
		PUT32(rsp, virtio_irq_rsp_attach, flags, VIRTIO_IRQ_ATTACH_F_ISOLATED);
	if (virtio_irq_ep_has_window(ep)) {
		PUT64(p, virtio_irq_tlv_window, start, ep->info.window_start);
		PUT64(p, virtio_irq_tlv_window, end, ep->info.window_end);
		p = put_tlv(p, VIRTIO_IRQ_TLV_T_WINDOW, sizeof(struct virtio_irq_tlv_window));
	}
	for (unsigned int i = 0; i < ep->info.num_stores; i++)
		p = put_store(p, &ep->info.stores[i]);
	if (ep->info.pasid_width) {
		p[offsetof(struct virtio_irq_tlv_pasid, width)] = ep->info.pasid_width;
		put_tlv(p, VIRTIO_IRQ_TLV_T_PASID, sizeof(struct virtio_irq_tlv_pasid));
	}
	return VIRTIO_IRQ_S_OK;
}

static uint8_t do_detach(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	(void)rsp;
	virtio_irq_core_endpoint_gone(core, GET32(req, virtio_irq_req_head, endpoint));
	return VIRTIO_IRQ_S_OK;
}

/* Ranges of vectors */

/* Every vector of the range is allocated, and none revoked; all or nothing */
static uint8_t commit_all(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  const struct range *range)
{
	uint8_t status = VIRTIO_IRQ_S_OK;
	struct virtio_irq_vector *v;
	uint32_t i;

	for (i = 0; i < range->count && status == VIRTIO_IRQ_S_OK; i++) {
		v = virtio_irq_vector_find(core, ep, range->store, range->first + i);
		if (!(v->state & VIRTIO_IRQ_V_CHARGED))
			status = virtio_irq_vector_charge(core, ep, v, VIRTIO_IRQ_V_TAKEN);
	}
	while (i--) {
		v = virtio_irq_vector_find(core, ep, range->store, range->first + i);
		if (status == VIRTIO_IRQ_S_OK)
			v->state |= VIRTIO_IRQ_V_COMMITTED;
		virtio_irq_vector_uncharge(core, ep, v, VIRTIO_IRQ_V_TAKEN);
	}
	return status;
}

static void free_range(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		       const struct range *range)
{
	struct virtio_irq_vector *v;

	for (uint32_t i = 0; i < range->count && ep->allocated; i++) {
		v = virtio_irq_vector_find(core, ep, range->store, range->first + i);
		if (v)
			virtio_irq_vector_free(core, ep, v);
	}
}

/* ALLOC */

/* May the endpoint have @num more, and is there memory for them? */
static uint8_t check_room(struct virtio_irq_core *core, struct virtio_irq_ep *ep, uint32_t num)
{
	const struct virtio_irq_quotas *quotas = &core->quotas;
	uint32_t all = core->stats.allocated;

	if (ep->allocated >= quotas->endpoint_vectors ||
	    quotas->endpoint_vectors - ep->allocated < num)
		return virtio_irq_limited(core, ep, VIRTIO_IRQ_LIMIT_ENDPOINT_VECTORS);
	if (all >= quotas->vectors || quotas->vectors - all < num)
		return virtio_irq_limited(core, ep, VIRTIO_IRQ_LIMIT_VECTORS);
	/* The table is shared by all endpoints: the less specific limit comes last */
	if (virtio_irq_vector_room(core) < num)
		return virtio_irq_limited(core, ep, VIRTIO_IRQ_LIMIT_MAX_VECTORS);
	return virtio_irq_vector_reserve(core, num) ? VIRTIO_IRQ_S_OK : VIRTIO_IRQ_S_NOMEM;
}

static bool alike(const struct virtio_irq_vector *v, const struct alloc *alloc)
{
	return (v->state & VIRTIO_IRQ_V_ALIKE) == alloc->like.state &&
	       v->addr_width == alloc->like.addr_width && v->order == alloc->like.order;
}

/* Reserve @count vectors from the range's @i-th on, as one block if there are more */
static uint8_t reserve(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		       struct alloc *alloc, uint32_t i, uint32_t count)
{
	uint8_t status = check_room(core, ep, count);

	if (status == VIRTIO_IRQ_S_OK)
		status = virtio_irq_data_take(core, ep, alloc->like.state & VIRTIO_IRQ_V_DATA16,
					      alloc->like.order, &alloc->like.data);
	if (status != VIRTIO_IRQ_S_OK)
		return status;
	alloc->like.index = alloc->range.first + i;
	while (count--) {
		virtio_irq_vector_add(core, ep, &alloc->like);
		alloc->like.index++;
		alloc->like.data++;
	}
	return VIRTIO_IRQ_S_OK;
}

/* Reserve, and commit if asked to, one vector */
static uint8_t alloc_one(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			 struct alloc *alloc, uint32_t i)
{
	const struct range one = {
		.store = alloc->range.store,
		.first = alloc->range.first + i,
		.count = 1,
	};
	struct virtio_irq_vector *v;
	uint8_t status;

	if (!virtio_irq_store_has(alloc->store, one.first, 1))
		return VIRTIO_IRQ_S_RANGE;
	v = virtio_irq_vector_find_any(core, ep, one.store, one.first);
	/* What waits for its block is of one, and is not alike */
	if (v && !alike(v, alloc))
		return VIRTIO_IRQ_S_BUSY;
	if (v && v->reason)
		return v->reason;
	if (!v) {
		status = reserve(core, ep, alloc, i, 1);
		if (status != VIRTIO_IRQ_S_OK)
			return status;
	}
	if (!alloc->commit)
		return VIRTIO_IRQ_S_OK;
	status = commit_all(core, ep, &one);
	if (status != VIRTIO_IRQ_S_OK && !v)
		free_range(core, ep, &one);
	return status;
}

/* Is every vector of the range where one block has it? */
static bool is_block(struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
		     const struct alloc *alloc)
{
	const struct range *range = &alloc->range;
	const struct virtio_irq_vector *v;
	uint32_t base = 0;

	for (uint32_t i = 0; i < range->count; i++) {
		v = virtio_irq_vector_find(core, ep, range->store, range->first + i);
		if (!v || !alike(v, alloc))
			return false;
		if (!i)
			base = v->data;
		if (v->data != base + i)
			return false;
	}
	return !(base & ((UINT32_C(1) << alloc->like.order) - 1));
}

/* Why the first one of the block was taken away that was, else OK */
static uint8_t block_reason(struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
			    const struct range *range)
{
	uint8_t reason = VIRTIO_IRQ_S_OK;

	for (uint32_t i = 0; i < range->count && reason == VIRTIO_IRQ_S_OK; i++)
		reason = virtio_irq_vector_find(core, ep, range->store, range->first + i)->reason;
	return reason;
}

static bool is_free(struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
		    const struct range *range)
{
	for (uint32_t i = 0; i < range->count; i++)
		if (virtio_irq_vector_find_any(core, ep, range->store, range->first + i))
			return false;
	return true;
}

static void set_order(struct alloc *alloc)
{
	while (alloc->like.order < VIRTIO_IRQ_MAX_ORDER &&
	       UINT32_C(1) << alloc->like.order < alloc->range.count)
		alloc->like.order++;
}

/* Can the store have a block of that many vectors, and there? */
static bool block_possible(const struct alloc *alloc)
{
	return alloc->range.count <= UINT32_C(1) << alloc->like.order &&
	       alloc->like.order <= alloc->store->multi_msi &&
	       virtio_irq_store_has(alloc->store, alloc->range.first, alloc->range.count);
}

/*
 * All or nothing. A block that has lost vectors to FREE cannot be completed: it
 * has to be freed as a whole first, so a guest sees each value with one meaning.
 */
static uint8_t alloc_block(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   struct alloc *alloc)
{
	const struct range *range = &alloc->range;
	bool is_new = false;
	uint8_t status;

	set_order(alloc);
	if (!block_possible(alloc))
		return VIRTIO_IRQ_S_RANGE;

	if (!is_block(core, ep, alloc)) {
		if (!is_free(core, ep, range))
			return VIRTIO_IRQ_S_BUSY;
		status = reserve(core, ep, alloc, 0, range->count);
		if (status != VIRTIO_IRQ_S_OK)
			return status;
		is_new = true;
	}
	status = block_reason(core, ep, range);
	if (status != VIRTIO_IRQ_S_OK)
		return status;
	if (!alloc->commit)
		return VIRTIO_IRQ_S_OK;

	status = commit_all(core, ep, range);
	if (status != VIRTIO_IRQ_S_OK && is_new)
		free_range(core, ep, range);
	return status;
}

/* Is it one that can be granted? A status, and the rest of *@alloc if OK */
static uint8_t get_alloc(struct virtio_irq_core *core, const uint8_t *req, struct alloc *alloc,
			 struct virtio_irq_ep **epp)
{
	uint16_t flags = GET16(req, virtio_irq_req_alloc, flags);

	*alloc = (struct alloc) {
		.range = {
			.store = GET16(req, virtio_irq_req_alloc, store),
			.first = GET32(req, virtio_irq_req_alloc, first),
			.count = GET32(req, virtio_irq_req_alloc, count),
		},
		.like = {
			.store = GET16(req, virtio_irq_req_alloc, store),
			.addr_width = req[offsetof(struct virtio_irq_req_alloc, addr_width)],
		},
		.commit = flags & VIRTIO_IRQ_ALLOC_F_COMMIT,
	};

	if (flags & ~ALLOC_FLAGS)
		return VIRTIO_IRQ_S_INVAL;
	if (flags & VIRTIO_IRQ_ALLOC_F_DATA16)
		alloc->like.state |= VIRTIO_IRQ_V_DATA16;
	if (flags & VIRTIO_IRQ_ALLOC_F_CONTIGUOUS)
		alloc->like.state |= VIRTIO_IRQ_V_CONTIGUOUS;
	if (!store_offered(core, alloc->range.store))
		return VIRTIO_IRQ_S_UNSUPP;
	if (!range_valid(core, &alloc->range) ||
	    !virtio_irq_addr_width_valid(alloc->like.addr_width))
		return VIRTIO_IRQ_S_RANGE;
	*epp = virtio_irq_ep_find(core, GET32(req, virtio_irq_req_head, endpoint));
	if (*epp)
		alloc->store = virtio_irq_ep_store(*epp, alloc->range.store);
	if (!alloc->store)
		return VIRTIO_IRQ_S_NOENT;
	/* An address cut off would hit something else */
	if (!virtio_irq_address_fits((*epp)->info.pair_address, alloc->like.addr_width))
		return VIRTIO_IRQ_S_RANGE;
	return VIRTIO_IRQ_S_OK;
}

static uint8_t do_alloc(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	uint32_t granted = 0;
	struct alloc alloc;
	uint8_t status;

	status = get_alloc(core, req, &alloc, &ep);
	if (status != VIRTIO_IRQ_S_OK)
		return status;

	if (alloc.like.state & VIRTIO_IRQ_V_CONTIGUOUS) {
		status = alloc_block(core, ep, &alloc);
		if (status == VIRTIO_IRQ_S_OK)
			granted = alloc.range.count;
	} else {
		do {
			status = alloc_one(core, ep, &alloc, granted);
			if (status == VIRTIO_IRQ_S_OK)
				granted++;
		} while (status == VIRTIO_IRQ_S_OK && granted < alloc.range.count);
	}

	if (!granted)
		return status;
	PUT32(rsp, virtio_irq_rsp_alloc, granted, granted);
	/* What ended the prefix, OK if nothing did */
	rsp[offsetof(struct virtio_irq_rsp_alloc, reason)] = status;
	return VIRTIO_IRQ_S_OK;
}

/* COMMIT, RELEASE, FREE */

/* What the three have in common: status, and *@ep, which may be NULL if OK */
static uint8_t get_range(const struct virtio_irq_core *core, const uint8_t *req,
			 struct range *range, struct virtio_irq_ep **ep)
{
	range->store = GET16(req, virtio_irq_req_range, store);
	range->first = GET32(req, virtio_irq_req_range, first);
	range->count = GET32(req, virtio_irq_req_range, count);
	if (!store_offered(core, range->store))
		return VIRTIO_IRQ_S_UNSUPP;
	if (!range_valid(core, range))
		return VIRTIO_IRQ_S_RANGE;
	*ep = virtio_irq_ep_find(core, GET32(req, virtio_irq_req_head, endpoint));
	return VIRTIO_IRQ_S_OK;
}

/*
 * The same, and every vector of it has to be there; *@reason is why the first one
 * was taken away that was, else OK
 */
static uint8_t get_vectors(struct virtio_irq_core *core, const uint8_t *req,
			   struct range *range, struct virtio_irq_ep **ep, uint8_t *reason)
{
	uint8_t status = get_range(core, req, range, ep);
	const struct virtio_irq_vector *v;

	*reason = VIRTIO_IRQ_S_OK;
	if (status != VIRTIO_IRQ_S_OK)
		return status;
	if (!*ep)
		return VIRTIO_IRQ_S_NOENT;
	for (uint32_t i = 0; i < range->count; i++) {
		v = virtio_irq_vector_find(core, *ep, range->store, range->first + i);
		if (!v)
			return VIRTIO_IRQ_S_NOENT;
		if (*reason == VIRTIO_IRQ_S_OK)
			*reason = v->reason;
	}
	return VIRTIO_IRQ_S_OK;
}

static uint8_t do_commit(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	struct range range;
	uint8_t status, reason;

	(void)rsp;
	status = get_vectors(core, req, &range, &ep, &reason);
	if (status == VIRTIO_IRQ_S_OK)
		status = reason;
	if (status == VIRTIO_IRQ_S_OK)
		status = commit_all(core, ep, &range);
	return status;
}

static uint8_t do_release(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	struct range range;
	uint8_t status, reason;

	(void)rsp;
	status = get_vectors(core, req, &range, &ep, &reason);
	if (status != VIRTIO_IRQ_S_OK)
		return status;
	for (uint32_t i = 0; i < range.count; i++)
		virtio_irq_vector_uncharge(core, ep,
					   virtio_irq_vector_find(core, ep, range.store,
								  range.first + i),
					   VIRTIO_IRQ_V_COMMITTED);
	return VIRTIO_IRQ_S_OK;
}

/* The endpoint may be gone: the guest learns of that later than we do */
static uint8_t do_free(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	struct range range;
	uint8_t status;

	(void)rsp;
	status = get_range(core, req, &range, &ep);
	if (status == VIRTIO_IRQ_S_OK && ep)
		free_range(core, ep, &range);
	return status;
}

/* ACTIVATE and DEACTIVATE */

static uint8_t do_activate(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	uint16_t store = GET16(req, virtio_irq_req_activate, store);
	uint16_t flags = GET16(req, virtio_irq_req_activate, flags);
	struct virtio_irq_msg route = {
		.address = GET64(req, virtio_irq_req_activate, address),
		.data = GET32(req, virtio_irq_req_activate, data),
	};
	uint32_t pasid = GET32(req, virtio_irq_req_activate, pasid);
	const struct virtio_irq_store_info *info;
	struct virtio_irq_vector *v;
	struct virtio_irq_msg pair;
	struct virtio_irq_ep *ep;
	uint8_t status;

	if (flags & ~VIRTIO_IRQ_ACTIVATE_F_PASID_VALID)
		return VIRTIO_IRQ_S_INVAL;
	/* Without its flag the field is a reserved one */
	if (!flags && pasid)
		return VIRTIO_IRQ_S_INVAL;
	if ((flags && !virtio_irq_has_feature(core, VIRTIO_IRQ_F_PASID)) ||
	    !store_offered(core, store))
		return VIRTIO_IRQ_S_UNSUPP;
	if (pasid > VIRTIO_IRQ_PASID_MASK)
		return VIRTIO_IRQ_S_RANGE;
	if (flags)
		pasid |= VIRTIO_IRQ_V_PASID_VALID;
	if (core->ops->pending &&
	    core->ops->pending(core->opaque, GET32(req, virtio_irq_req_head, endpoint), store,
			       GET32(req, virtio_irq_req_activate, index)))
		return VIRTIO_IRQ_S_BUSY;
	ep = virtio_irq_ep_find(core, GET32(req, virtio_irq_req_head, endpoint));
	if (!ep)
		return VIRTIO_IRQ_S_NOENT;
	v = virtio_irq_vector_find(core, ep, store, GET32(req, virtio_irq_req_activate, index));
	if (!v)
		return VIRTIO_IRQ_S_NOENT;

	if (v->reason)
		return v->reason;

	/* What is allocated is in a store that exists */
	info = virtio_irq_ep_store(ep, store);
	/* COMMIT has to come first: it may take longer than this request may */
	if (info->flags & VIRTIO_IRQ_STORE_F_COMMIT && !(v->state & VIRTIO_IRQ_V_CHARGED))
		return VIRTIO_IRQ_S_BUSY;
	status = virtio_irq_check_route(core, ep, &route);
	if (status == VIRTIO_IRQ_S_OK)
		status = virtio_irq_check_pasid(ep, info, pasid);
	if (status == VIRTIO_IRQ_S_OK)
		status = virtio_irq_vector_arm(core, ep, v, &route, pasid, &pair);
	if (status != VIRTIO_IRQ_S_OK)
		return status;
	v->routed++;
	virtio_irq_vector_answered(core, ep, v, &pair);

	PUT64(rsp, virtio_irq_rsp_activate, address, pair.address);
	PUT32(rsp, virtio_irq_rsp_activate, data, pair.data);
	return VIRTIO_IRQ_S_OK;
}

static uint8_t do_deactivate(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	uint16_t store = GET16(req, virtio_irq_req_deactivate, store);
	struct virtio_irq_vector *v;
	struct virtio_irq_ep *ep;

	(void)rsp;
	if (!store_offered(core, store))
		return VIRTIO_IRQ_S_UNSUPP;
	ep = virtio_irq_ep_find(core, GET32(req, virtio_irq_req_head, endpoint));
	if (!ep)
		return VIRTIO_IRQ_S_NOENT;
	v = virtio_irq_vector_find(core, ep, store,
				   GET32(req, virtio_irq_req_deactivate, index));
	if (!v)
		return VIRTIO_IRQ_S_NOENT;
	virtio_irq_vector_disarm(core, ep, v);
	return VIRTIO_IRQ_S_OK;
}

/* All of them */

/* Bit n: byte n of the request is reserved */
#define RESERVED(t, f)	(((UINT32_C(1) << FIELD_SIZE(t, f)) - 1) << offsetof(struct t, f))

struct request_type {
	size_t req_size;
	size_t rsp_size;
	uint32_t reserved;
	/* Returns a status; OK: the reply after its head is in @rsp */
	uint8_t (*fn)(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
};

#define RANGE_REQUEST(func)						\
	{								\
		.req_size = sizeof(struct virtio_irq_req_range),	\
		.rsp_size = sizeof(struct virtio_irq_rsp_head),		\
		.reserved = RESERVED(virtio_irq_req_range, reserved) |	\
			    RESERVED(virtio_irq_req_range, reserved2),	\
		.fn = func,						\
	}

static const struct request_type request_types[] = {
	[VIRTIO_IRQ_T_ATTACH] = {
		.req_size = sizeof(struct virtio_irq_req_attach),
		/* and config.tlv_size */
		.rsp_size = sizeof(struct virtio_irq_rsp_attach),
		.reserved = RESERVED(virtio_irq_req_attach, reserved),
		.fn = do_attach,
	},
	[VIRTIO_IRQ_T_DETACH] = {
		.req_size = sizeof(struct virtio_irq_req_detach),
		.rsp_size = sizeof(struct virtio_irq_rsp_head),
		.reserved = RESERVED(virtio_irq_req_detach, reserved),
		.fn = do_detach,
	},
	[VIRTIO_IRQ_T_ALLOC] = {
		.req_size = sizeof(struct virtio_irq_req_alloc),
		.rsp_size = sizeof(struct virtio_irq_rsp_alloc),
		.reserved = RESERVED(virtio_irq_req_alloc, reserved),
		.fn = do_alloc,
	},
	[VIRTIO_IRQ_T_COMMIT] = RANGE_REQUEST(do_commit),
	[VIRTIO_IRQ_T_RELEASE] = RANGE_REQUEST(do_release),
	[VIRTIO_IRQ_T_ACTIVATE] = {
		.req_size = sizeof(struct virtio_irq_req_activate),
		.rsp_size = sizeof(struct virtio_irq_rsp_activate),
		.fn = do_activate,
	},
	[VIRTIO_IRQ_T_DEACTIVATE] = {
		.req_size = sizeof(struct virtio_irq_req_deactivate),
		.rsp_size = sizeof(struct virtio_irq_rsp_head),
		.reserved = RESERVED(virtio_irq_req_deactivate, reserved),
		.fn = do_deactivate,
	},
	[VIRTIO_IRQ_T_FREE] = RANGE_REQUEST(do_free),
};

_Static_assert(ARRAY_SIZE(request_types) ==
	       FIELD_SIZE(virtio_irq_stats, requests) / sizeof(uint64_t), "one counter per type");
_Static_assert(VIRTIO_IRQ_S_DEVERR + 1 ==
	       FIELD_SIZE(virtio_irq_stats, statuses) / sizeof(uint64_t), "one per status");
_Static_assert(sizeof(struct virtio_irq_req_activate) == VIRTIO_IRQ_CORE_REQ_MAX,
	       "ACTIVATE is the longest request");

static bool reserved_clear(const struct request_type *type, const uint8_t *req)
{
	uint32_t reserved = type->reserved | RESERVED(virtio_irq_req_head, reserved);

	for (size_t i = 0; i < type->req_size; i++)
		if (reserved >> i & 1 && req[i])
			return false;
	return true;
}

/* Not what the guest has asked wrongly, but what this host does not give it */
static void count_refusal(struct virtio_irq_core *core, const uint8_t *req, uint8_t status)
{
	struct virtio_irq_ep *ep;

	if (status < VIRTIO_IRQ_S_PERM)
		return;
	ep = virtio_irq_ep_find(core, GET32(req, virtio_irq_req_head, endpoint));
	if (ep)
		ep->refused++;
}

/* NULL: it is malformed, and answered by virtio_irq_core_request() at once */
static const struct request_type *well_formed(const struct virtio_irq_core *core,
					      const uint8_t *req, size_t req_size,
					      size_t rsp_size)
{
	const struct request_type *type;
	size_t success_size;
	uint8_t number;

	if (req_size < sizeof(struct virtio_irq_req_head))
		return NULL;
	number = req[offsetof(struct virtio_irq_req_head, type)];
	if (!number || number >= ARRAY_SIZE(request_types))
		return NULL;
	type = &request_types[number];
	success_size = type->rsp_size;
	if (number == VIRTIO_IRQ_T_ATTACH)
		success_size += core->config.tlv_size;
	return req_size == type->req_size && rsp_size >= success_size &&
	       reserved_clear(type, req) ? type : NULL;
}

bool virtio_irq_core_names(const struct virtio_irq_core *core, const void *req, size_t req_size,
			   size_t rsp_size, struct virtio_irq_names *names)
{
	const uint8_t *in = req;
	struct range range;

	if (!well_formed(core, in, req_size, rsp_size))
		return false;
	*names = (struct virtio_irq_names) {
		.type = in[offsetof(struct virtio_irq_req_head, type)],
		.endpoint = GET32(in, virtio_irq_req_head, endpoint),
	};
	switch (names->type) {
	case VIRTIO_IRQ_T_ATTACH:
		names->none = virtio_irq_ep_find(core, names->endpoint);
		names->all = !names->none;
		return true;
	case VIRTIO_IRQ_T_DETACH:
		names->all = true;
		return true;
	case VIRTIO_IRQ_T_ACTIVATE:
	case VIRTIO_IRQ_T_DEACTIVATE:
		names->store = GET16(in, virtio_irq_req_deactivate, store);
		names->first = GET32(in, virtio_irq_req_deactivate, index);
		names->last = names->first;
		return true;
	default:
		/* ALLOC, COMMIT, RELEASE, FREE: store, first and count are in one place */
		range.store = GET16(in, virtio_irq_req_range, store);
		range.first = GET32(in, virtio_irq_req_range, first);
		range.count = GET32(in, virtio_irq_req_range, count);
		if (!range_valid(core, &range))
			return false;
		names->store = range.store;
		names->first = range.first;
		names->last = range.first + (range.count - 1);
		return true;
	}
}

bool virtio_irq_names_common(const struct virtio_irq_names *a, const struct virtio_irq_names *b)
{
	if (a->endpoint != b->endpoint || a->none || b->none)
		return false;
	return a->all || b->all ||
	       (a->store == b->store && a->first <= b->last && b->first <= a->last);
}

struct walk {
	struct virtio_irq_core *core;
	struct virtio_irq_ep *ep;
	/* What the limits leave */
	uint32_t commits;
	uint32_t vectors;
	bool (*fn)(void *arg, void *priv, uint16_t store, uint32_t index);
	void *arg;
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t room(uint32_t limit, uint32_t taken)
{
	return limit > taken ? limit - taken : 0;
}

/* @v is the vector, NULL if it is to be allocated; false: the request ends here */
static bool walk_vector(struct walk *walk, const struct virtio_irq_vector *v, uint16_t store,
			uint32_t index)
{
	if (v ? v->reason : !walk->vectors--)
		return false;
	if (v && v->state & VIRTIO_IRQ_V_CHARGED)
		return true;
	return walk->commits-- && walk->fn(walk->arg, walk->ep->info.priv, store, index);
}

static void walk_alloc(struct walk *walk, const uint8_t *req)
{
	const struct virtio_irq_vector *v;
	struct alloc alloc;
	uint32_t index;

	if (get_alloc(walk->core, req, &alloc, &walk->ep) != VIRTIO_IRQ_S_OK || !alloc.commit)
		return;
	walk->vectors = least(room(walk->core->quotas.endpoint_vectors, walk->ep->allocated),
			      room(walk->core->quotas.vectors, walk->core->stats.allocated));
	walk->vectors = least(walk->vectors, virtio_irq_vector_room(walk->core));
	if (alloc.like.state & VIRTIO_IRQ_V_CONTIGUOUS) {
		set_order(&alloc);
		if (!block_possible(&alloc))
			return;
		if (is_block(walk->core, walk->ep, &alloc) ?
		    block_reason(walk->core, walk->ep, &alloc.range) != VIRTIO_IRQ_S_OK :
		    alloc.range.count > walk->vectors ||
		    !is_free(walk->core, walk->ep, &alloc.range))
			return;
	}
	for (uint32_t i = 0; i < alloc.range.count; i++) {
		index = alloc.range.first + i;
		if (!virtio_irq_store_has(alloc.store, index, 1))
			return;
		v = virtio_irq_vector_find_any(walk->core, walk->ep, alloc.range.store, index);
		if ((v && !alike(v, &alloc)) ||
		    !walk_vector(walk, v, alloc.range.store, index))
			return;
	}
}

static void walk_commit(struct walk *walk, const uint8_t *req)
{
	const struct virtio_irq_vector *v;
	struct range range;
	uint8_t reason;
	uint32_t index;

	if (get_vectors(walk->core, req, &range, &walk->ep, &reason) != VIRTIO_IRQ_S_OK ||
	    reason != VIRTIO_IRQ_S_OK)
		return;
	for (uint32_t i = 0; i < range.count; i++) {
		index = range.first + i;
		v = virtio_irq_vector_find(walk->core, walk->ep, range.store, index);
		if (!walk_vector(walk, v, range.store, index))
			return;
	}
}

void virtio_irq_core_walk_commits(struct virtio_irq_core *core, const void *req, size_t req_size,
				  size_t rsp_size,
				  bool (*fn)(void *arg, void *priv, uint16_t store,
					     uint32_t index),
				  void *arg)
{
	struct walk walk = {
		.core = core,
		.commits = room(least(core->quotas.committed, core->quotas.pool),
				core->stats.committed),
		.fn = fn,
		.arg = arg,
	};
	const uint8_t *in = req;

	if (!well_formed(core, in, req_size, rsp_size))
		return;
	switch (in[offsetof(struct virtio_irq_req_head, type)]) {
	case VIRTIO_IRQ_T_ALLOC:
		walk_alloc(&walk, in);
		break;
	case VIRTIO_IRQ_T_COMMIT:
		walk_commit(&walk, in);
		break;
	}
}

size_t virtio_irq_core_request(struct virtio_irq_core *core, const void *req, size_t req_size,
			       void *rsp, size_t rsp_size)
{
	const size_t head_size = sizeof(struct virtio_irq_rsp_head);
	const struct request_type *type = NULL;
	const uint8_t *in = req;
	uint8_t *out = rsp;
	size_t success_size = head_size;
	uint8_t number = 0;
	uint8_t status;

	if (req_size >= sizeof(struct virtio_irq_req_head)) {
		number = in[offsetof(struct virtio_irq_req_head, type)];
		if (number && number < ARRAY_SIZE(request_types))
			type = &request_types[number];
	}
	core->stats.requests[type ? number : 0]++;
	core->work++;

	if (type) {
		success_size = type->rsp_size;
		if (number == VIRTIO_IRQ_T_ATTACH)
			success_size += core->config.tlv_size;
	}
	/* Of an unknown type any length may be the right one */
	if (rsp_size < success_size ||
	    (type ? req_size != type->req_size : req_size < sizeof(struct virtio_irq_req_head))) {
		core->stats.malformed++;
		if (rsp_size < head_size)
			return 0;
		status = VIRTIO_IRQ_S_INVAL;
	} else if (!type) {
		status = VIRTIO_IRQ_S_UNSUPP;
	} else if (!reserved_clear(type, in)) {
		status = VIRTIO_IRQ_S_INVAL;
	} else {
		memset(out, 0, success_size);
		status = type->fn(core, in, out);
		count_refusal(core, in, status);
	}

	core->stats.statuses[status]++;
	memset(out, 0, head_size);
	out[offsetof(struct virtio_irq_rsp_head, status)] = status;
	return status == VIRTIO_IRQ_S_OK ? success_size : head_size;
}
