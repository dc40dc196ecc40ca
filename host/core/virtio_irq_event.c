// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: events.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What has to be told is a state of vectors and endpoints, and takes no memory of
 * its own: a bit of a line for each vector, and one message for each endpoint. Lines
 * and endpoints with something to tell are in lists, so the next event is always the
 * first one's, however many there are.
 */
#include <string.h>

#include "virtio_irq_internal.h"

#define PUT(p, f, n, v)	virtio_irq_put##n((p) + offsetof(struct virtio_irq_event, f), v)

#define CONTAINER(node, t, f)	((struct t *)((char *)(node) - offsetof(struct t, f)))

_Static_assert(sizeof(struct virtio_irq_event) == VIRTIO_IRQ_CORE_EVENT_SIZE, "of an event");

/* Lists */

static void node_init(struct virtio_irq_node *head)
{
	head->next = head;
	head->prev = head;
}

static bool list_empty(const struct virtio_irq_node *head)
{
	return head->next == head;
}

static void node_add(struct virtio_irq_node *head, struct virtio_irq_node *node)
{
	if (node->next)
		return;
	node->next = head;
	node->prev = head->prev;
	node->prev->next = node;
	head->prev = node;
}

static void node_del(struct virtio_irq_node *node)
{
	if (!node->next)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = NULL;
}

void virtio_irq_event_init(struct virtio_irq_core *core)
{
	node_init(&core->waiting);
	node_init(&core->rereads);
	node_init(&core->faults);
}

bool virtio_irq_has_events(const struct virtio_irq_core *core)
{
	return core->ops->event && virtio_irq_has_feature(core, VIRTIO_IRQ_F_EVENTQ);
}

/* What waits */

static struct virtio_irq_line *line_of(const struct virtio_irq_core *core,
				       const struct virtio_irq_ep *ep,
				       const struct virtio_irq_vector *v, uint32_t *bit)
{
	struct virtio_irq_line *line;
	unsigned int slot;

	line = virtio_irq_data_line(core, ep, v->data, &slot);
	*bit = UINT32_C(1) << slot;
	return line;
}

void virtio_irq_set_waiting(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			    const struct virtio_irq_vector *v)
{
	struct virtio_irq_line *line;
	uint32_t bit;

	line = line_of(core, ep, v, &bit);
	if (line->waiting & bit)
		return;
	line->waiting |= bit;
	core->stats.waiting++;
	node_add(&core->waiting, &line->wait_node);
}

void virtio_irq_clear_waiting(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      const struct virtio_irq_vector *v)
{
	struct virtio_irq_line *line;
	uint32_t bit;

	line = line_of(core, ep, v, &bit);
	if (!(line->waiting & bit))
		return;
	line->waiting &= ~bit;
	core->stats.waiting--;
	if (!line->waiting)
		node_del(&line->wait_node);
}

bool virtio_irq_is_waiting(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
			   const struct virtio_irq_vector *v)
{
	uint32_t bit;

	return line_of(core, ep, v, &bit)->waiting & bit;
}

void virtio_irq_set_reread(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	ep->reread = true;
	node_add(&core->rereads, &ep->reread_node);
}

bool virtio_irq_reread_waits(const struct virtio_irq_ep *ep)
{
	return ep->reread_node.next;
}

void virtio_irq_reread_done(struct virtio_irq_ep *ep)
{
	if (!virtio_irq_reread_waits(ep))
		ep->reread = false;
}

/* May the endpoint's next FAULT be placed? The last one has to be read first */
static bool fault_ready(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep)
{
	return !ep->fault_unread || ep->fault_buffers != core->buffers;
}

void virtio_irq_tell(struct virtio_irq_core *core)
{
	if (virtio_irq_has_events(core) &&
	    (!list_empty(&core->waiting) || !list_empty(&core->rereads)))
		core->ops->event(core->opaque);
}

/* Faults */

static void drop_faults(struct virtio_irq_core *core, uint32_t num)
{
	core->stats.faults_dropped += num;
	if (num)
		core->overflow = true;
}

static bool same_fault(const struct virtio_irq_fault *a, const struct virtio_irq_fault *b)
{
	return a->address == b->address && a->data == b->data && a->flags == b->flags &&
	       a->reason == b->reason && a->store == b->store && a->first == b->first;
}

static void fault(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		  const struct virtio_irq_fault *fault)
{
	if (!ep->fault_count) {
		ep->fault = *fault;
		ep->fault_count = 1;
		node_add(&core->faults, &ep->fault_node);
		if (fault_ready(core, ep))
			core->ops->event(core->opaque);
	} else if (same_fault(&ep->fault, fault) && ep->fault_count < UINT32_MAX) {
		ep->fault_count++;
	} else {
		drop_faults(core, 1);
	}
}

void virtio_irq_blocked(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			enum virtio_irq_verdict verdict, const struct virtio_irq_vector *v,
			const struct virtio_irq_msg *msg, bool has_pasid, uint32_t pasid)
{
	struct virtio_irq_fault f = {
		.address = msg->address,
		.data = msg->data,
		.reason = (uint8_t)(verdict - VIRTIO_IRQ_BLOCKED_UNKNOWN +
				    VIRTIO_IRQ_FAULT_R_UNKNOWN),
	};

	if (!virtio_irq_has_events(core))
		return;
	if (verdict == VIRTIO_IRQ_BLOCKED_FREED) {
		/* One that is masked too late, or changes: nobody's fault */
		if (v)
			return;
		f.reason = VIRTIO_IRQ_FAULT_R_UNKNOWN;
	}
	if (has_pasid && pasid <= VIRTIO_IRQ_PASID_MASK)
		f.flags = VIRTIO_IRQ_EVENT_F_PASID_VALID | pasid;
	if (v) {
		f.store = v->store;
		f.first = v->index;
	}
	fault(core, ep, &f);
}

void virtio_irq_event_detach(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	node_del(&ep->reread_node);
	node_del(&ep->fault_node);
	drop_faults(core, ep->fault_count);
}

void virtio_irq_event_reset(struct virtio_irq_core *core)
{
	core->buffers = 0;
	core->overflow = false;
}

/* Placing them */

static void put_event(uint8_t *p, uint8_t type, uint8_t reason, uint32_t endpoint,
		      uint32_t flags)
{
	p[offsetof(struct virtio_irq_event, type)] = type;
	p[offsetof(struct virtio_irq_event, reason)] = reason;
	PUT(p, endpoint, 32, endpoint);
	PUT(p, flags, 32, flags);
}

/* A new window is told before pairs in it are */
static bool place_reread(struct virtio_irq_core *core, uint8_t *p)
{
	struct virtio_irq_vector *v = NULL;
	struct virtio_irq_ep *ep;

	if (list_empty(&core->rereads))
		return false;
	ep = CONTAINER(core->rereads.next, virtio_irq_ep, reread_node);
	node_del(&ep->reread_node);
	/* It names all of them */
	while ((v = virtio_irq_vector_next(core, ep, v)))
		if (!(v->change & VIRTIO_IRQ_C_REVOKED))
			virtio_irq_clear_waiting(core, ep, v);
	put_event(p, VIRTIO_IRQ_EVENT_T_STALE, 0, ep->id,
		  VIRTIO_IRQ_EVENT_F_REREAD | VIRTIO_IRQ_EVENT_F_ALL);
	return true;
}

/* What is the same in one event; of a vector that waits */
static unsigned int kind_of(const struct virtio_irq_vector *v)
{
	if (v->change & VIRTIO_IRQ_C_REVOKED)
		return VIRTIO_IRQ_C_REVOKED | (unsigned int)v->reason << 8;
	return VIRTIO_IRQ_C_STALE | (v->change & VIRTIO_IRQ_C_OTHER_VALID);
}

/* A vector like @kind that waits too does not any more: it goes into the same event */
static bool take_in(struct virtio_irq_core *core, struct virtio_irq_ep *ep, unsigned int kind,
		    uint16_t store, uint32_t index)
{
	struct virtio_irq_vector *v = virtio_irq_vector_find(core, ep, store, index);

	if (!v || !virtio_irq_is_waiting(core, ep, v) || kind_of(v) != kind)
		return false;
	virtio_irq_clear_waiting(core, ep, v);
	return true;
}

static bool place_change(struct virtio_irq_core *core, uint8_t *p)
{
	struct virtio_irq_vector *v;
	struct virtio_irq_line *line;
	struct virtio_irq_ep *ep;
	uint32_t first, count = 1;
	unsigned int slot = 0;
	unsigned int kind;
	uint16_t store;

	if (list_empty(&core->waiting))
		return false;
	line = CONTAINER(core->waiting.next, virtio_irq_line, wait_node);
	while (!(line->waiting >> slot & 1))
		slot++;
	ep = line->ep;
	v = virtio_irq_vector_at(core, line->vectors[slot]);
	kind = kind_of(v);
	store = v->store;
	first = v->index;
	virtio_irq_clear_waiting(core, ep, v);
	while (count < core->config.max_count && first &&
	       take_in(core, ep, kind, store, first - 1)) {
		first--;
		count++;
	}
	while (count < core->config.max_count && first + count &&
	       take_in(core, ep, kind, store, first + count))
		count++;

	if (v->change & VIRTIO_IRQ_C_REVOKED)
		put_event(p, VIRTIO_IRQ_EVENT_T_REVOKED, v->reason, ep->id, 0);
	else
		put_event(p, VIRTIO_IRQ_EVENT_T_STALE, 0, ep->id,
			  v->change & VIRTIO_IRQ_C_OTHER_VALID ?
			  VIRTIO_IRQ_EVENT_F_STILL_VALID : 0);
	PUT(p, store, 16, store);
	PUT(p, first, 32, first);
	PUT(p, count, 32, count);
	return true;
}

/*
 * Those that are not ready each have one among the buffers that the driver has not
 * made available again, so no more of them are passed over than there are buffers.
 */
static bool place_fault(struct virtio_irq_core *core, uint8_t *p)
{
	struct virtio_irq_node *node = core->faults.next;
	struct virtio_irq_ep *ep;

	while (node != &core->faults &&
	       !fault_ready(core, CONTAINER(node, virtio_irq_ep, fault_node)))
		node = node->next;
	if (node == &core->faults)
		return false;
	ep = CONTAINER(node, virtio_irq_ep, fault_node);
	put_event(p, VIRTIO_IRQ_EVENT_T_FAULT, ep->fault.reason, ep->id,
		  ep->fault.flags | (core->overflow ? VIRTIO_IRQ_EVENT_F_OVERFLOW : 0));
	PUT(p, store, 16, ep->fault.store);
	PUT(p, first, 32, ep->fault.first);
	PUT(p, count, 32, ep->fault_count);
	PUT(p, address, 64, ep->fault.address);
	PUT(p, data, 32, ep->fault.data);

	core->overflow = false;
	node_del(&ep->fault_node);
	ep->fault_count = 0;
	ep->fault_unread = true;
	ep->fault_buffers = core->buffers;
	return true;
}

bool virtio_irq_core_next_event(struct virtio_irq_core *core, void *event)
{
	uint8_t *p = event;

	if (!virtio_irq_has_events(core))
		return false;
	memset(p, 0, VIRTIO_IRQ_CORE_EVENT_SIZE);
	if (!place_reread(core, p) && !place_change(core, p) && !place_fault(core, p))
		return false;
	core->stats.events[p[offsetof(struct virtio_irq_event, type)]]++;
	return true;
}

void virtio_irq_core_event_buffer(struct virtio_irq_core *core)
{
	core->buffers++;
}

void virtio_irq_core_eventq_reset(struct virtio_irq_core *core)
{
	struct virtio_irq_vector *v;
	struct virtio_irq_ep *ep;

	for (ep = core->ep_first; ep; ep = ep->next) {
		if (ep->reread)
			virtio_irq_set_reread(core, ep);
		v = NULL;
		while (core->num_changed && (v = virtio_irq_vector_next(core, ep, v)))
			if (v->change & (VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_REVOKED))
				virtio_irq_set_waiting(core, ep, v);
	}
	virtio_irq_tell(core);
}
