// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of a virtio-irq device, from the contract
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
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
	window->head.type = cpu_to_le16(VIRTIO_IRQ_TLV_T_WINDOW);
	window->head.length = cpu_to_le16(sizeof(*window) - sizeof(window->head));
	window->start = cpu_to_le64(host->window_start);
	window->end = cpu_to_le64(host->window_end);
	store->head.type = cpu_to_le16(VIRTIO_IRQ_TLV_T_STORE);
	store->head.length = cpu_to_le16(sizeof(*store) - sizeof(store->head));
	store->multi_msi = host->multi_msi;
	store->flags = host->store_flags;
	store->size = cpu_to_le32(FAKE_VECTORS);
	return sizeof(*reply) + FAKE_TLV_SIZE;
}

static void fake_free(struct fake_host *host, struct fake_vector *vec)
{
	if (vec->allocated)
		host->allocated--;
	memset(vec, 0, sizeof(*vec));
}

static size_t fake_alloc(struct fake_host *host, struct fake_endpoint *ep,
			 const struct virtio_irq_req_alloc *req, u8 *rsp)
{
	struct virtio_irq_rsp_alloc *reply = (void *)rsp;
	u32 first = le32_to_cpu(req->first), count = le32_to_cpu(req->count), granted = 0;
	bool block = req->flags & cpu_to_le16(VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);

	if (first + count > FAKE_VECTORS || !count)
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	if (req->addr_width < 64 && host->window_start >> req->addr_width)
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	if (block && host->allocated + count > host->quota)
		return fake_status(rsp, VIRTIO_IRQ_S_QUOTA);
	while (granted < count && (ep->vectors[first + granted].allocated ||
				   host->allocated < host->quota)) {
		struct fake_vector *vec = &ep->vectors[first + granted];

		host->allocated += !vec->allocated;
		vec->allocated = true;
		vec->committed |= !!(req->flags & cpu_to_le16(VIRTIO_IRQ_ALLOC_F_COMMIT));
		/* Small numbers, for stores of 16 bits; aligned to 32 for blocks */
		vec->pair = 0x400 + first + granted;
		granted++;
	}
	if (!granted)
		return fake_status(rsp, VIRTIO_IRQ_S_QUOTA);
	memset(reply, 0, sizeof(*reply));
	reply->granted = cpu_to_le32(granted);
	return sizeof(*reply);
}

static size_t fake_range(struct fake_host *host, struct fake_endpoint *ep,
			 const struct virtio_irq_req_range *req, u8 *rsp)
{
	u32 i, first = le32_to_cpu(req->first), count = le32_to_cpu(req->count);

	if (first + count > FAKE_VECTORS || !count)
		return fake_status(rsp, VIRTIO_IRQ_S_RANGE);
	for (i = first; i < first + count; i++) {
		struct fake_vector *vec = &ep->vectors[i];

		if (req->head.type == VIRTIO_IRQ_T_FREE) {
			fake_free(host, vec);
			continue;
		}
		if (!vec->allocated)
			return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
		vec->committed = req->head.type == VIRTIO_IRQ_T_COMMIT;
	}
	return fake_status(rsp, VIRTIO_IRQ_S_OK);
}

static size_t fake_activate(struct fake_endpoint *ep, const struct virtio_irq_req_activate *req,
			    u8 *rsp)
{
	struct virtio_irq_rsp_activate *reply = (void *)rsp;
	u32 index = le32_to_cpu(req->index);
	struct fake_vector *vec;

	if (index >= FAKE_VECTORS || !ep->vectors[index].allocated)
		return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
	vec = &ep->vectors[index];
	vec->armed = true;
	vec->route_address = le64_to_cpu(req->address);
	vec->route_data = le32_to_cpu(req->data);
	memset(reply, 0, sizeof(*reply));
	reply->address = cpu_to_le64(FAKE_PAIR_ADDRESS);
	reply->data = cpu_to_le32(vec->pair);
	return sizeof(*reply);
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

	if (req_len < sizeof(*head))
		return fake_status(rsp, VIRTIO_IRQ_S_INVAL);
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
		ep->attached = false;
		return fake_status(rsp, VIRTIO_IRQ_S_OK);
	case VIRTIO_IRQ_T_ALLOC:
		return fake_alloc(host, ep, (const void *)req, rsp);
	case VIRTIO_IRQ_T_COMMIT:
	case VIRTIO_IRQ_T_RELEASE:
	case VIRTIO_IRQ_T_FREE:
		return fake_range(host, ep, (const void *)req, rsp);
	case VIRTIO_IRQ_T_ACTIVATE:
		return fake_activate(ep, (const void *)req, rsp);
	case VIRTIO_IRQ_T_DEACTIVATE:
		index = le32_to_cpu(((const struct virtio_irq_req_deactivate *)req)->index);
		if (index >= FAKE_VECTORS || !ep->vectors[index].allocated)
			return fake_status(rsp, VIRTIO_IRQ_S_NOENT);
		ep->vectors[index].armed = false;
		return fake_status(rsp, VIRTIO_IRQ_S_OK);
	}
	return fake_status(rsp, VIRTIO_IRQ_S_UNSUPP);
}
