// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of a virtio-irq device, from the contract
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/log2.h>

#include "fake_host.h"

static size_t fake_status(u8 *rsp, u8 status)
{
	memset(rsp, 0, sizeof(struct virtio_irq_rsp_head));
	rsp[0] = status;
	return sizeof(struct virtio_irq_rsp_head);
}

struct fake_endpoint *fake_host_endpoint(struct fake_host *host, u32 id)
{
	int i;

	for (i = 0; i < FAKE_ENDPOINTS; i++)
		if (host->endpoints[i].attached && host->endpoints[i].id == id)
			return &host->endpoints[i];
	return NULL;
}

static size_t fake_attach(struct fake_host *host, u32 id, u8 *rsp)
{
	struct virtio_irq_rsp_attach *reply = (void *)rsp;
	struct virtio_irq_tlv_window *window = (void *)reply->tlvs;
	struct virtio_irq_tlv_store *store = (void *)(window + 1);
	struct fake_endpoint *ep = fake_host_endpoint(host, id);
	int i;

	for (i = 0; !ep && i < FAKE_ENDPOINTS; i++) {
		if (host->endpoints[i].attached)
			continue;
		ep = &host->endpoints[i];
		memset(ep, 0, sizeof(*ep));
		ep->attached = true;
		ep->id = id;
	}
	if (!ep)
		return fake_status(rsp, VIRTIO_IRQ_S_NOSPC);

	memset(reply, 0, sizeof(*reply) + FAKE_TLV_SIZE);
	reply->flags = cpu_to_le32(host->attach_flags);
	window->head.type = cpu_to_le16(VIRTIO_IRQ_TLV_T_WINDOW);
	window->head.length = cpu_to_le16(sizeof(*window) - sizeof(window->head));
	window->start = cpu_to_le64(host->window_start);
	window->end = cpu_to_le64(host->window_end);
	store->head.type = cpu_to_le16(VIRTIO_IRQ_TLV_T_STORE);
	store->head.length = cpu_to_le16(sizeof(*store) - sizeof(store->head));
	store->multi_msi = host->multi_msi;
	store->flags = host->store_flags;
	store->size = cpu_to_le32(FAKE_VECTORS);
	if (host->ims_store) {
		*(++store) = (struct virtio_irq_tlv_store) {
			.head.type	= cpu_to_le16(VIRTIO_IRQ_TLV_T_STORE),
			.head.length	= cpu_to_le16(sizeof(*store) - sizeof(store->head)),
			.store		= cpu_to_le16(host->ims_store),
			.flags		= host->ims_flags,
			.size		= cpu_to_le32(host->ims_open ? 0 : FAKE_IMS_VECTORS),
		};
	}
	if (host->pasid_width)
		*(struct virtio_irq_tlv_pasid *)(store + 1) = (struct virtio_irq_tlv_pasid) {
			.head.type	= cpu_to_le16(VIRTIO_IRQ_TLV_T_PASID),
			.head.length	= cpu_to_le16(sizeof(struct virtio_irq_tlv_pasid) -
						      sizeof(struct virtio_irq_tlv_head)),
			.width		= host->pasid_width,
		};
	if (host->own_tlvs)
		memcpy(reply->tlvs, host->tlvs, FAKE_TLV_SIZE);
	return sizeof(*reply) + FAKE_TLV_SIZE;
}

/* The vectors of a store, NULL if the endpoint has none of this number */
static struct fake_vector *fake_vectors(struct fake_host *host, struct fake_endpoint *ep,
					__le16 store, u32 *size)
{
	*size = store ? FAKE_IMS_VECTORS : FAKE_VECTORS;
	if (!store)
		return ep->vectors;
	return le16_to_cpu(store) == host->ims_store ? ep->ims : NULL;
}

static void fake_free(struct fake_host *host, struct fake_vector *vec)
{
	if (vec->allocated)
		host->allocated--;
	memset(vec, 0, sizeof(*vec));
}

/* The values of a block are free when all its vectors are */
static void fake_free_of_block(struct fake_host *host, struct fake_vector *vectors, u32 index)
{
	u32 first = vectors[index].first, count = vectors[index].count, i;

	fake_free(host, &vectors[index]);
	vectors[index].first = first;
	vectors[index].count = count;
	for (i = 0; i < count; i++)
		if (vectors[first + i].allocated)
			return;
	for (i = 0; i < count; i++)
		vectors[first + i].count = 0;
}

/* Is an index allocated for the same needs, or for none? */
static bool fake_alike(const struct fake_vector *vec, const struct virtio_irq_req_alloc *req)
{
	u16 flags = le16_to_cpu(req->flags) & ~VIRTIO_IRQ_ALLOC_F_COMMIT;

	if (!vec->allocated)
		return !vec->count;
	return vec->flags == flags && vec->addr_width == req->addr_width;
}

/* All of it is free, or the block or its first vectors */
static bool fake_block_alike(const struct fake_vector *vec,
			     const struct virtio_irq_req_alloc *req)
{
	u32 first = le32_to_cpu(req->first), count = le32_to_cpu(req->count), i;

	for (i = 0; i < count; i++)
		if (!fake_alike(&vec[first + i], req) ||
		    vec[first + i].allocated != vec[first].allocated)
			return false;
	return !vec[first].allocated ||
	       (vec[first].first == first && count <= vec[first].count &&
		roundup_pow_of_two(count) == roundup_pow_of_two(vec[first].count));
}

static size_t fake_alloc(struct fake_host *host, struct fake_endpoint *ep,
			 const struct virtio_irq_req_alloc *req, u8 *rsp)
{
	struct virtio_irq_rsp_alloc *reply = (void *)rsp;
	u32 first = le32_to_cpu(req->first), count = le32_to_cpu(req->count), granted = 0, size;
	struct fake_vector *vectors = fake_vectors(host, ep, req->store, &size);
	bool block = req->flags & cpu_to_le16(VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
	u8 reason = VIRTIO_IRQ_S_OK;

	if (!vectors)
		return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
	if (first + count > size || !count || count > le32_to_cpu(host->config.max_count))
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	if (req->addr_width < 64 && host->window_start >> req->addr_width)
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	if (block && !fake_block_alike(vectors, req))
		return fake_status(rsp, VIRTIO_IRQ_S_BUSY);
	for (; block && granted < count; granted++)
		if (vectors[first + granted].revoked)
			return fake_status(rsp, vectors[first + granted].revoked);
	granted = 0;
	if (block && !vectors[first].allocated && host->allocated + count > host->quota)
		return fake_status(rsp, VIRTIO_IRQ_S_QUOTA);
	for (; granted < count; granted++) {
		struct fake_vector *vec = &vectors[first + granted];

		if (!fake_alike(vec, req))
			reason = VIRTIO_IRQ_S_BUSY;
		else if (vec->revoked)
			reason = vec->revoked;
		else if (!vec->allocated && host->allocated >= host->quota)
			reason = VIRTIO_IRQ_S_QUOTA;
		if (reason)
			break;
		host->allocated += !vec->allocated;
		if (block && !vec->allocated) {
			vec->first = first;
			vec->count = count;
		}
		/* Small numbers, for stores of 16 bits; aligned to 32 for blocks */
		if (!vec->allocated)
			vec->pair = FAKE_PAIR_DATA((req->store ? FAKE_VECTORS : 0) + first +
						   granted);
		vec->allocated = true;
		vec->flags = le16_to_cpu(req->flags) & ~VIRTIO_IRQ_ALLOC_F_COMMIT;
		vec->addr_width = req->addr_width;
		vec->committed |= !!(req->flags & cpu_to_le16(VIRTIO_IRQ_ALLOC_F_COMMIT));
	}
	if (!granted)
		return fake_status(rsp, reason);
	memset(reply, 0, sizeof(*reply));
	reply->granted = cpu_to_le32(granted);
	reply->reason = reason;
	return sizeof(*reply);
}

static size_t fake_range(struct fake_host *host, struct fake_endpoint *ep,
			 const struct virtio_irq_req_range *req, u8 *rsp)
{
	u32 i, first = le32_to_cpu(req->first), count = le32_to_cpu(req->count), size;
	struct fake_vector *vectors = fake_vectors(host, ep, req->store, &size);

	if (!vectors)
		return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
	if (first + count > size || !count || count > le32_to_cpu(host->config.max_count))
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	for (i = first; i < first + count; i++) {
		struct fake_vector *vec = &vectors[i];

		if (req->head.type == VIRTIO_IRQ_T_FREE) {
			fake_free_of_block(host, vectors, i);
			continue;
		}
		if (!vec->allocated)
			return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
		if (vec->revoked && req->head.type == VIRTIO_IRQ_T_COMMIT)
			return fake_status(rsp, vec->revoked);
		vec->committed = req->head.type == VIRTIO_IRQ_T_COMMIT;
	}
	return fake_status(rsp, VIRTIO_IRQ_S_OK);
}

static size_t fake_activate(struct fake_host *host, struct fake_endpoint *ep,
			    const struct virtio_irq_req_activate *req, u8 *rsp)
{
	struct virtio_irq_rsp_activate *reply = (void *)rsp;
	bool pasid = req->flags & cpu_to_le16(VIRTIO_IRQ_ACTIVATE_F_PASID_VALID);
	u32 index = le32_to_cpu(req->index), size;
	struct fake_vector *vec = fake_vectors(host, ep, req->store, &size);

	if (pasid && !host->pasid_width)
		return fake_status(rsp, VIRTIO_IRQ_S_UNSUPP);
	if (!vec || index >= size || !vec[index].allocated)
		return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
	if (pasid && le32_to_cpu(req->pasid) >> host->pasid_width)
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	vec += index;
	if (vec->revoked)
		return fake_status(rsp, vec->revoked);
	if (host->commit_first && !vec->committed && !vec->armed)
		return fake_status(rsp, VIRTIO_IRQ_S_BUSY);
	vec->armed = true;
	vec->route_address = le64_to_cpu(req->address);
	vec->route_data = le32_to_cpu(req->data);
	vec->pasid = pasid ? le32_to_cpu(req->pasid) : VIRTIO_IRQ_NO_PASID;
	memset(reply, 0, sizeof(*reply));
	reply->address = cpu_to_le64(host->pair_address);
	reply->data = cpu_to_le32(vec->pair);
	return sizeof(*reply);
}

static size_t fake_deactivate(struct fake_host *host, struct fake_endpoint *ep,
			      const struct virtio_irq_req_deactivate *req, u8 *rsp)
{
	u32 index = le32_to_cpu(req->index), size;
	struct fake_vector *vec = fake_vectors(host, ep, req->store, &size);

	if (!vec || index >= size || !vec[index].allocated)
		return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
	vec[index].armed = false;
	return fake_status(rsp, VIRTIO_IRQ_S_OK);
}

static bool fake_zero(const u8 *bytes, size_t len)
{
	return !memchr_inv(bytes, 0, len);
}

/* Length, reserved fields, and fields that no flag makes valid */
static bool fake_wellformed(const u8 *req, u32 len)
{
	const struct virtio_irq_req_deactivate *deactivate = (const void *)req;
	const struct virtio_irq_req_activate *activate = (const void *)req;
	const struct virtio_irq_req_attach *attach = (const void *)req;
	const struct virtio_irq_req_alloc *alloc = (const void *)req;
	const struct virtio_irq_req_range *range = (const void *)req;
	u16 flags;

	if (!fake_zero(attach->head.reserved, sizeof(attach->head.reserved)))
		return false;
	switch (req[0]) {
	case VIRTIO_IRQ_T_ATTACH:
	case VIRTIO_IRQ_T_DETACH:
		return len == sizeof(*attach) && fake_zero(attach->reserved,
							   sizeof(attach->reserved));
	case VIRTIO_IRQ_T_ALLOC:
		flags = le16_to_cpu(alloc->flags);
		return len == sizeof(*alloc) && flags <= 7 &&
		       fake_zero(alloc->reserved, sizeof(alloc->reserved)) &&
		       alloc->addr_width >= 2 && alloc->addr_width <= 64;
	case VIRTIO_IRQ_T_ACTIVATE:
		flags = le16_to_cpu(activate->flags);
		return len == sizeof(*activate) && flags <= 1 && (flags || !activate->pasid);
	case VIRTIO_IRQ_T_DEACTIVATE:
		return len == sizeof(*deactivate) && fake_zero(deactivate->reserved,
							       sizeof(deactivate->reserved));
	default:
		return len == sizeof(*range) && fake_zero(range->reserved,
							  sizeof(range->reserved)) &&
		       fake_zero(range->reserved2, sizeof(range->reserved2));
	}
}

/**
 * fake_model_request - carry out one request
 * @host: the host, its lock held
 * @req: the device-readable part
 * @req_len: its length
 * @rsp: the device-writable part, large enough
 *
 * Return: the used length.
 */
size_t fake_model_request(struct fake_host *host, const u8 *req, u32 req_len, u8 *rsp)
{
	const struct virtio_irq_req_head *head = (const void *)req;
	struct fake_endpoint *ep;
	u32 id, index;

	if (req_len < sizeof(*head) || !fake_wellformed(req, req_len)) {
		host->malformed++;
		return fake_status(rsp, VIRTIO_IRQ_S_INVAL);
	}
	id = le32_to_cpu(head->endpoint);
	ep = fake_host_endpoint(host, id);

	if (head->type == VIRTIO_IRQ_T_ATTACH)
		return fake_attach(host, id, rsp);
	if (!ep) {
		bool fine = head->type == VIRTIO_IRQ_T_DETACH || head->type == VIRTIO_IRQ_T_FREE;

		return fake_status(rsp, fine ? VIRTIO_IRQ_S_OK : VIRTIO_IRQ_S_NOENT);
	}

	switch (head->type) {
	case VIRTIO_IRQ_T_DETACH:
		for (index = 0; index < FAKE_VECTORS; index++)
			fake_free(host, &ep->vectors[index]);
		for (index = 0; index < FAKE_IMS_VECTORS; index++)
			fake_free(host, &ep->ims[index]);
		ep->attached = false;
		return fake_status(rsp, VIRTIO_IRQ_S_OK);
	case VIRTIO_IRQ_T_ALLOC:
		return fake_alloc(host, ep, (const void *)req, rsp);
	case VIRTIO_IRQ_T_COMMIT:
	case VIRTIO_IRQ_T_RELEASE:
	case VIRTIO_IRQ_T_FREE:
		return fake_range(host, ep, (const void *)req, rsp);
	case VIRTIO_IRQ_T_ACTIVATE:
		return fake_activate(host, ep, (const void *)req, rsp);
	case VIRTIO_IRQ_T_DEACTIVATE:
		return fake_deactivate(host, ep, (const void *)req, rsp);
	}
	return fake_status(rsp, VIRTIO_IRQ_S_UNSUPP);
}
