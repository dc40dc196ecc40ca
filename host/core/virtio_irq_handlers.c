// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: what the requests mean.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * virtio_irq_request.c has looked at lengths and reserved fields. The order of what
 * is looked at here is said there, too.
 */
#include "virtio_irq_internal.h"

#define ALLOC_FLAGS							\
	(VIRTIO_IRQ_ALLOC_F_COMMIT | VIRTIO_IRQ_ALLOC_F_CONTIGUOUS |	\
	 VIRTIO_IRQ_ALLOC_F_DATA16)

struct alloc {
	struct virtio_irq_range range;
	const struct virtio_irq_store_info *store;
	/* What the vectors are to be */
	struct virtio_irq_vector like;
	bool commit;
};

static bool store_offered(const struct virtio_irq_core *core, uint16_t store)
{
	return core->config.ims || store == VIRTIO_IRQ_STORE_MSI;
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

uint8_t virtio_irq_do_attach(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
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

uint8_t virtio_irq_do_detach(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	(void)rsp;
	virtio_irq_core_endpoint_gone(core, GET32(req, virtio_irq_req_head, endpoint));
	return VIRTIO_IRQ_S_OK;
}

/* Ranges of vectors */

/* Every vector of the range is allocated, and none revoked; all or nothing */
static uint8_t commit_all(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  const struct virtio_irq_range *range)
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
		       const struct virtio_irq_range *range)
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
	const struct virtio_irq_range one = {
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
	const struct virtio_irq_range *range = &alloc->range;
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
			    const struct virtio_irq_range *range)
{
	uint8_t reason = VIRTIO_IRQ_S_OK;

	for (uint32_t i = 0; i < range->count && reason == VIRTIO_IRQ_S_OK; i++)
		reason = virtio_irq_vector_find(core, ep, range->store, range->first + i)->reason;
	return reason;
}

static bool is_free(struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
		    const struct virtio_irq_range *range)
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
	const struct virtio_irq_range *range = &alloc->range;
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
	uint8_t addr_width = req[offsetof(struct virtio_irq_req_alloc, addr_width)];
	uint16_t flags = GET16(req, virtio_irq_req_alloc, flags);

	*alloc = (struct alloc) {
		.range = {
			.store = GET16(req, virtio_irq_req_alloc, store),
			.first = GET32(req, virtio_irq_req_alloc, first),
			.count = GET32(req, virtio_irq_req_alloc, count),
		},
		.like = {
			.store = GET16(req, virtio_irq_req_alloc, store),
			.addr_width = addr_width,
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
	if (!virtio_irq_range_valid(core, &alloc->range) ||
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

uint8_t virtio_irq_do_alloc(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
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
			 struct virtio_irq_range *range, struct virtio_irq_ep **ep)
{
	range->store = GET16(req, virtio_irq_req_range, store);
	range->first = GET32(req, virtio_irq_req_range, first);
	range->count = GET32(req, virtio_irq_req_range, count);
	if (!store_offered(core, range->store))
		return VIRTIO_IRQ_S_UNSUPP;
	if (!virtio_irq_range_valid(core, range))
		return VIRTIO_IRQ_S_RANGE;
	*ep = virtio_irq_ep_find(core, GET32(req, virtio_irq_req_head, endpoint));
	return VIRTIO_IRQ_S_OK;
}

/*
 * The same, and every vector of it has to be there; *@reason is why the first one
 * was taken away that was, else OK
 */
static uint8_t get_vectors(struct virtio_irq_core *core, const uint8_t *req,
			   struct virtio_irq_range *range, struct virtio_irq_ep **ep,
			   uint8_t *reason)
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

uint8_t virtio_irq_do_commit(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	struct virtio_irq_range range;
	uint8_t status, reason;

	(void)rsp;
	status = get_vectors(core, req, &range, &ep, &reason);
	if (status == VIRTIO_IRQ_S_OK)
		status = reason;
	if (status == VIRTIO_IRQ_S_OK)
		status = commit_all(core, ep, &range);
	return status;
}

uint8_t virtio_irq_do_release(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	struct virtio_irq_range range;
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
uint8_t virtio_irq_do_free(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
{
	struct virtio_irq_ep *ep;
	struct virtio_irq_range range;
	uint8_t status;

	(void)rsp;
	status = get_range(core, req, &range, &ep);
	if (status == VIRTIO_IRQ_S_OK && ep)
		free_range(core, ep, &range);
	return status;
}

/* ACTIVATE and DEACTIVATE */

uint8_t virtio_irq_do_activate(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
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

uint8_t virtio_irq_do_deactivate(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp)
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
	struct virtio_irq_range range;
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

void virtio_irq_walk_commits(struct virtio_irq_core *core, const uint8_t *req,
			     bool (*fn)(void *arg, void *priv, uint16_t store, uint32_t index),
			     void *arg)
{
	struct walk walk = {
		.core = core,
		.commits = room(least(core->quotas.committed, core->quotas.pool),
				core->stats.committed),
		.fn = fn,
		.arg = arg,
	};

	switch (req[offsetof(struct virtio_irq_req_head, type)]) {
	case VIRTIO_IRQ_T_ALLOC:
		walk_alloc(&walk, req);
		break;
	case VIRTIO_IRQ_T_COMMIT:
		walk_commit(&walk, req);
		break;
	}
}
