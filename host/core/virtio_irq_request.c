// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: requests, as bytes.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * A request is judged in this order, and nothing changes before all of it has
 * passed: its length and the room for its answer, reserved fields and unknown
 * flags (INVAL); what is not offered (UNSUPP); values that are out of bounds
 * whatever the endpoint (RANGE); what it names (NOENT); then its meaning. From the
 * flags on this is the business of virtio_irq_handlers.c.
 */
#include <string.h>

#include "virtio_irq_internal.h"

#define FIELD_SIZE(t, f)	sizeof(((struct t *)0)->f)

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
		.fn = virtio_irq_do_attach,
	},
	[VIRTIO_IRQ_T_DETACH] = {
		.req_size = sizeof(struct virtio_irq_req_detach),
		.rsp_size = sizeof(struct virtio_irq_rsp_head),
		.reserved = RESERVED(virtio_irq_req_detach, reserved),
		.fn = virtio_irq_do_detach,
	},
	[VIRTIO_IRQ_T_ALLOC] = {
		.req_size = sizeof(struct virtio_irq_req_alloc),
		.rsp_size = sizeof(struct virtio_irq_rsp_alloc),
		.reserved = RESERVED(virtio_irq_req_alloc, reserved),
		.fn = virtio_irq_do_alloc,
	},
	[VIRTIO_IRQ_T_COMMIT] = RANGE_REQUEST(virtio_irq_do_commit),
	[VIRTIO_IRQ_T_RELEASE] = RANGE_REQUEST(virtio_irq_do_release),
	[VIRTIO_IRQ_T_ACTIVATE] = {
		.req_size = sizeof(struct virtio_irq_req_activate),
		.rsp_size = sizeof(struct virtio_irq_rsp_activate),
		.fn = virtio_irq_do_activate,
	},
	[VIRTIO_IRQ_T_DEACTIVATE] = {
		.req_size = sizeof(struct virtio_irq_req_deactivate),
		.rsp_size = sizeof(struct virtio_irq_rsp_head),
		.reserved = RESERVED(virtio_irq_req_deactivate, reserved),
		.fn = virtio_irq_do_deactivate,
	},
	[VIRTIO_IRQ_T_FREE] = RANGE_REQUEST(virtio_irq_do_free),
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
	struct virtio_irq_range range;

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
		if (!virtio_irq_range_valid(core, &range))
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

void virtio_irq_core_walk_commits(struct virtio_irq_core *core, const void *req, size_t req_size,
				  size_t rsp_size,
				  bool (*fn)(void *arg, void *priv, uint16_t store,
					     uint32_t index),
				  void *arg)
{
	if (well_formed(core, req, req_size, rsp_size))
		virtio_irq_walk_commits(core, req, fn, arg);
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
