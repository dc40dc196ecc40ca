/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtio_irq

#if !defined(_TRACE_VIRTIO_IRQ_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VIRTIO_IRQ_H

#include <linux/tracepoint.h>
#include <uapi/linux/virtio_irq.h>

#define virtio_irq_show_type(type)					\
	__print_symbolic(type,						\
			 { VIRTIO_IRQ_T_ATTACH,		"ATTACH" },	\
			 { VIRTIO_IRQ_T_DETACH,		"DETACH" },	\
			 { VIRTIO_IRQ_T_ALLOC,		"ALLOC" },	\
			 { VIRTIO_IRQ_T_COMMIT,		"COMMIT" },	\
			 { VIRTIO_IRQ_T_RELEASE,	"RELEASE" },	\
			 { VIRTIO_IRQ_T_ACTIVATE,	"ACTIVATE" },	\
			 { VIRTIO_IRQ_T_DEACTIVATE,	"DEACTIVATE" },	\
			 { VIRTIO_IRQ_T_FREE,		"FREE" })

#define virtio_irq_show_event(type)					\
	__print_symbolic(type,						\
			 { VIRTIO_IRQ_EVENT_T_STALE,	"STALE" },	\
			 { VIRTIO_IRQ_EVENT_T_REVOKED,	"REVOKED" },	\
			 { VIRTIO_IRQ_EVENT_T_FAULT,	"FAULT" })

struct virtio_irq_news;

/* A request was put in the ring */
TRACE_EVENT(virtio_irq_request,
	TP_PROTO(unsigned int slot, u8 type, u32 endpoint, u16 store, u32 first,
		 u32 count, u64 address, u32 data),
	TP_ARGS(slot, type, endpoint, store, first, count, address, data),
	TP_STRUCT__entry(
		__field(unsigned int, slot)
		__field(u8, type)
		__field(u32, endpoint)
		__field(u16, store)
		__field(u32, first)
		__field(u32, count)
		__field(u64, address)
		__field(u32, data)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->type = type;
		__entry->endpoint = endpoint;
		__entry->store = store;
		__entry->first = first;
		__entry->count = count;
		__entry->address = address;
		__entry->data = data;
	),
	TP_printk("slot=%u %s endpoint=%08x store=%u first=%u count=%u route=%llx/%x",
		  __entry->slot, virtio_irq_show_type(__entry->type),
		  __entry->endpoint, __entry->store, __entry->first,
		  __entry->count, __entry->address, __entry->data)
);

/* Its answer came; err is the status as an errno, ns is 0 if nobody waited for it */
TRACE_EVENT(virtio_irq_reply,
	TP_PROTO(unsigned int slot, u8 type, unsigned int len, int err, u64 ns),
	TP_ARGS(slot, type, len, err, ns),
	TP_STRUCT__entry(
		__field(unsigned int, slot)
		__field(u8, type)
		__field(unsigned int, len)
		__field(int, err)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->type = type;
		__entry->len = len;
		__entry->err = err;
		__entry->ns = ns;
	),
	TP_printk("slot=%u %s len=%u err=%d ns=%llu",
		  __entry->slot, virtio_irq_show_type(__entry->type),
		  __entry->len, __entry->err, __entry->ns)
);

/* The device was notified */
TRACE_EVENT(virtio_irq_notify,
	TP_PROTO(unsigned int requests),
	TP_ARGS(requests),
	TP_STRUCT__entry(
		__field(unsigned int, requests)
	),
	TP_fast_assign(
		__entry->requests = requests;
	),
	TP_printk("requests=%u", __entry->requests)
);

/* An event was read from eventq; len is what the device says it is long */
TRACE_EVENT(virtio_irq_event,
	TP_PROTO(unsigned int len, const struct virtio_irq_news *news),
	TP_ARGS(len, news),
	TP_STRUCT__entry(
		__field(unsigned int, len)
		__field(u8, type)
		__field(u8, reason)
		__field(u16, store)
		__field(u32, endpoint)
		__field(u32, first)
		__field(u32, count)
		__field(u64, address)
		__field(u32, data)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->len = len;
		__entry->type = news->type;
		__entry->reason = news->reason;
		__entry->store = news->store;
		__entry->endpoint = news->endpoint;
		__entry->first = news->first;
		__entry->count = news->count;
		__entry->address = news->address;
		__entry->data = news->data;
		__entry->flags = news->flags;
	),
	TP_printk("len=%u %s reason=%u endpoint=%08x store=%u first=%u count=%u message=%llx/%x flags=%x",
		  __entry->len, virtio_irq_show_event(__entry->type),
		  __entry->reason, __entry->endpoint, __entry->store,
		  __entry->first, __entry->count, __entry->address,
		  __entry->data, __entry->flags)
);

/* The host has disarmed a vector that is wanted; err is why, as an errno */
TRACE_EVENT(virtio_irq_revoked,
	TP_PROTO(u32 endpoint, u16 store, u32 index, unsigned int virq, int err),
	TP_ARGS(endpoint, store, index, virq, err),
	TP_STRUCT__entry(
		__field(u32, endpoint)
		__field(u16, store)
		__field(u32, index)
		__field(unsigned int, virq)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->endpoint = endpoint;
		__entry->store = store;
		__entry->index = index;
		__entry->virq = virq;
		__entry->err = err;
	),
	TP_printk("endpoint=%08x store=%u index=%u irq=%u err=%d",
		  __entry->endpoint, __entry->store, __entry->index,
		  __entry->virq, __entry->err)
);

/* The engine changed its state, see enum virtio_irq_state */
TRACE_EVENT(virtio_irq_state,
	TP_PROTO(int from, int to),
	TP_ARGS(from, to),
	TP_STRUCT__entry(
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%d -> %d", __entry->from, __entry->to)
);

#endif /* _TRACE_VIRTIO_IRQ_H */

#include <trace/define_trace.h>
