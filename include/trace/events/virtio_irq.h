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
