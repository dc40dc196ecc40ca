// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: requests and statuses
 *
 * One typed builder for each request, and what a status means.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>

#include "virtio_irq_internal.h"
#include "virtio_irq_layout.h"

static const char * const virtio_irq_type_names[VIRTIO_IRQ_NUM_TYPES] = {
	[VIRTIO_IRQ_T_ATTACH]		= "ATTACH",
	[VIRTIO_IRQ_T_DETACH]		= "DETACH",
	[VIRTIO_IRQ_T_ALLOC]		= "ALLOC",
	[VIRTIO_IRQ_T_COMMIT]		= "COMMIT",
	[VIRTIO_IRQ_T_RELEASE]		= "RELEASE",
	[VIRTIO_IRQ_T_ACTIVATE]		= "ACTIVATE",
	[VIRTIO_IRQ_T_DEACTIVATE]	= "DEACTIVATE",
	[VIRTIO_IRQ_T_FREE]		= "FREE",
};

/**
 * virtio_irq_type_name - what a request is called
 * @type: VIRTIO_IRQ_T_*
 *
 * Context: any.
 * Return: its name in the specification.
 */
const char *virtio_irq_type_name(u8 type)
{
	return type && type < VIRTIO_IRQ_NUM_TYPES ? virtio_irq_type_names[type] : "?";
}

/**
 * virtio_irq_status_errno - a status as the driver's callers get it
 * @status: VIRTIO_IRQ_S_*
 *
 * Context: any.
 * Return: 0 or an errno; an unknown status is the device's error, as DEVERR is.
 */
int virtio_irq_status_errno(u8 status)
{
	switch (status) {
	case VIRTIO_IRQ_S_OK:
		return 0;
	case VIRTIO_IRQ_S_UNSUPP:
		return -EOPNOTSUPP;
	case VIRTIO_IRQ_S_INVAL:
		return -EINVAL;
	case VIRTIO_IRQ_S_RANGE:
		return -ERANGE;
	case VIRTIO_IRQ_S_NOENT:
		return -ENOENT;
	case VIRTIO_IRQ_S_PERM:
		return -EPERM;
	case VIRTIO_IRQ_S_BUSY:
		/* Never -EBUSY: request_irq() and irq_set_affinity() read that otherwise */
		return -EAGAIN;
	case VIRTIO_IRQ_S_NOMEM:
		return -ENOMEM;
	case VIRTIO_IRQ_S_NOSPC:
		return -ENOSPC;
	case VIRTIO_IRQ_S_QUOTA:
		return -EDQUOT;
	default:
		return -EIO;
	}
}

/**
 * virtio_irq_reason - why the host refused, for people
 * @err: what virtio_irq_status_errno() made of it, or another error of a request
 *
 * Context: any.
 * Return: words that follow "the host refused ...: ".
 */
const char *virtio_irq_reason(int err)
{
	switch (err) {
	case -EOPNOTSUPP:
		return "it does not support that";
	case -EINVAL:
		return "it takes the request for malformed";
	case -ERANGE:
		return "out of its bounds";
	case -ENOENT:
		return "it knows no such thing";
	case -EPERM:
		return "its policy does not allow that";
	case -EAGAIN:
		return "it is busy";
	case -ENOMEM:
		return "it has no memory";
	case -ENOSPC:
		return "its pool is empty";
	case -EDQUOT:
		return "quota of this guest or device";
	case -ETIMEDOUT:
		return "no answer";
	default:
		return "it failed, or its answer was malformed";
	}
}

/*
 * Typed builders. What is called when the request has an end is up to the caller.
 */

void virtio_irq_build_attach(struct virtio_irq_call *call, u32 endpoint, void *reply, u16 ok_len)
{
	*call = (struct virtio_irq_call) {
		.req.attach.head.type		= VIRTIO_IRQ_T_ATTACH,
		.req.attach.head.endpoint	= cpu_to_le32(endpoint),
		.req_len			= sizeof(struct virtio_irq_req_attach),
		.ok_len				= ok_len,
		.reply				= reply,
	};
}

void virtio_irq_build_detach(struct virtio_irq_call *call, u32 endpoint)
{
	*call = (struct virtio_irq_call) {
		.req.detach.head.type		= VIRTIO_IRQ_T_DETACH,
		.req.detach.head.endpoint	= cpu_to_le32(endpoint),
		.req_len			= sizeof(struct virtio_irq_req_detach),
		.ok_len				= sizeof(struct virtio_irq_rsp_head),
	};
}

void virtio_irq_build_alloc(struct virtio_irq_call *call,
			    const struct virtio_irq_store *store, u32 first, u32 count,
			    u16 flags, u8 addr_width)
{
	*call = (struct virtio_irq_call) {
		.req.alloc.head.type		= VIRTIO_IRQ_T_ALLOC,
		.req.alloc.head.endpoint	= cpu_to_le32(store->ep->id),
		.req.alloc.store		= cpu_to_le16(store->id),
		.req.alloc.flags		= cpu_to_le16(flags),
		.req.alloc.first		= cpu_to_le32(first),
		.req.alloc.count		= cpu_to_le32(count),
		.req.alloc.addr_width		= addr_width,
		.req_len			= sizeof(struct virtio_irq_req_alloc),
		.ok_len				= sizeof(struct virtio_irq_rsp_alloc),
		.first				= first,
		.count				= count,
	};
}

static void virtio_irq_build_range(struct virtio_irq_call *call, u8 type,
				   const struct virtio_irq_store *store, u32 first, u32 count)
{
	*call = (struct virtio_irq_call) {
		.req.range.head.type		= type,
		.req.range.head.endpoint	= cpu_to_le32(store->ep->id),
		.req.range.store		= cpu_to_le16(store->id),
		.req.range.first		= cpu_to_le32(first),
		.req.range.count		= cpu_to_le32(count),
		.req_len			= sizeof(struct virtio_irq_req_range),
		.ok_len				= sizeof(struct virtio_irq_rsp_head),
		.first				= first,
		.count				= count,
	};
}

void virtio_irq_build_free(struct virtio_irq_call *call, const struct virtio_irq_store *store,
			   u32 first, u32 count)
{
	virtio_irq_build_range(call, VIRTIO_IRQ_T_FREE, store, first, count);
}

void virtio_irq_build_commit(struct virtio_irq_call *call, const struct virtio_irq_vector *vec)
{
	virtio_irq_build_range(call, VIRTIO_IRQ_T_COMMIT, vec->store, vec->index, 1);
}

void virtio_irq_build_release(struct virtio_irq_call *call, const struct virtio_irq_vector *vec)
{
	virtio_irq_build_range(call, VIRTIO_IRQ_T_RELEASE, vec->store, vec->index, 1);
}

void virtio_irq_build_activate(struct virtio_irq_call *call, const struct virtio_irq_vector *vec,
			       const struct virtio_irq_msg *route, u32 pasid)
{
	bool valid = pasid != VIRTIO_IRQ_NO_PASID;
	u16 flags = valid ? VIRTIO_IRQ_ACTIVATE_F_PASID_VALID : 0;

	/* A move is this and little else, and to clear all of it first would take twice as long */
	call->req.activate = (struct virtio_irq_req_activate) {
		.head.type	= VIRTIO_IRQ_T_ACTIVATE,
		.head.endpoint	= cpu_to_le32(vec->store->ep->id),
		.store		= cpu_to_le16(vec->store->id),
		.flags		= cpu_to_le16(flags),
		.index		= cpu_to_le32(vec->index),
		.address	= cpu_to_le64(route->address),
		.data		= cpu_to_le32(route->data),
		.pasid		= cpu_to_le32(valid ? pasid : 0),
	};
	call->req_len = sizeof(struct virtio_irq_req_activate);
	call->ok_len = sizeof(struct virtio_irq_rsp_activate);
	call->first = vec->index;
	call->count = 1;
	call->reply = NULL;
	call->ops = NULL;
	call->context = NULL;
	call->owner = NULL;
	call->stamp = 0;
	call->took = 0;
	call->recovery = false;
}

void virtio_irq_build_deactivate(struct virtio_irq_call *call,
				 const struct virtio_irq_vector *vec)
{
	*call = (struct virtio_irq_call) {
		.req.deactivate.head.type	= VIRTIO_IRQ_T_DEACTIVATE,
		.req.deactivate.head.endpoint	= cpu_to_le32(vec->store->ep->id),
		.req.deactivate.store		= cpu_to_le16(vec->store->id),
		.req.deactivate.index		= cpu_to_le32(vec->index),
		.req_len			= sizeof(struct virtio_irq_req_deactivate),
		.ok_len				= sizeof(struct virtio_irq_rsp_head),
		.first				= vec->index,
		.count				= 1,
	};
}
