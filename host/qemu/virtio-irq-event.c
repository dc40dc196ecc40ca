/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: events
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What there is to tell is the device core's business, see virtio_irq_event.c
 * there. Here are the buffers that the driver has made available for it. They
 * are popped as soon as that is known, since a FAULT may have to wait for the
 * next one, and used in the order of the ring: so those that are left can be
 * put back when the machine migrates.
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "virtio-irq.h"
#include "trace.h"

#define EVENTQ_SIZE 64

struct VirtIOIRQBuffer {
    VirtQueueElement elem; /* first: virtqueue_pop() allocates it with us */
    QTAILQ_ENTRY(VirtIOIRQBuffer) next;
};

static bool queue_runs(VirtIOIRQ *s)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);

    return s->eventq && !vdev->broken && runstate_is_running() &&
           (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
           virtio_vdev_has_feature(vdev, VIRTIO_IRQ_F_EVENTQ) &&
           virtio_queue_ready(s->eventq);
}

/* At most one ring; what else there is comes in the next turn */
static void take_buffers(VirtIOIRQ *s)
{
    int budget = virtio_queue_get_num(VIRTIO_DEVICE(s), VIRTIO_IRQ_VQ_EVENT);
    VirtIOIRQBuffer *buffer;

    while (budget-- && (buffer = virtqueue_pop(s->eventq, sizeof(*buffer)))) {
        QTAILQ_INSERT_TAIL(&s->buffers, buffer, next);
        if (s->num_old_buffers) {
            s->num_old_buffers--;
        } else {
            virtio_irq_core_event_buffer(s->core);
        }
    }
    if (!VIRTIO_DEVICE(s)->broken && !virtio_queue_empty(s->eventq)) {
        qemu_bh_schedule(s->event_bh);
    }
}

static void trace_event(VirtIOIRQ *s, const struct virtio_irq_event *event)
{
    static const char *const types[] = { "none", "stale", "revoked", "fault" };
    uint32_t endpoint = le32_to_cpu(event->endpoint);
    g_autofree char *address = NULL;

    if (!trace_event_get_state_backends(TRACE_VIRTIO_IRQ_EVENT)) {
        return;
    }
    address = g_strdup_printf("%04x:%02x:%02x.%x", endpoint >> 16,
                              PCI_BUS_NUM(endpoint), PCI_SLOT(endpoint),
                              PCI_FUNC(endpoint));
    trace_virtio_irq_event(s, types[event->type], event->reason, address,
                           le16_to_cpu(event->store),
                           le32_to_cpu(event->first),
                           le32_to_cpu(event->count),
                           le32_to_cpu(event->flags));
}

/* *@used is the used length; false: there is none */
static bool next_event(VirtIOIRQ *s, struct virtio_irq_event *event,
                       uint32_t *used)
{
    VirtIOIRQClass *vic = VIRTIO_IRQ_GET_CLASS(s);

    if (vic->next_event && vic->next_event(s, event, used)) {
        return true;
    }
    if (!virtio_irq_core_next_event(s->core, event)) {
        return false;
    }
    trace_event(s, event);
    return true;
}

/* False: there is no buffer, or nothing to put into it */
static bool place_one(VirtIOIRQ *s)
{
    VirtIOIRQBuffer *buffer = QTAILQ_FIRST(&s->buffers);
    struct virtio_irq_event event = { };
    size_t size = sizeof(event);
    uint32_t used = size;

    QEMU_BUILD_BUG_ON(sizeof(event) != VIRTIO_IRQ_CORE_EVENT_SIZE);
    if (!buffer) {
        return false;
    }
    if (iov_size(buffer->elem.in_sg, buffer->elem.in_num) < size) {
        size = used = 0;
        trace_virtio_irq_short_buffer(s, buffer->elem.index);
    } else if (!next_event(s, &event, &used)) {
        return false;
    }
    QTAILQ_REMOVE(&s->buffers, buffer, next);
    iov_from_buf(buffer->elem.in_sg, buffer->elem.in_num, 0, &event,
                 MIN(size, used));
    virtqueue_push(s->eventq, &buffer->elem, used);
    g_free(buffer);
    return true;
}

void virtio_irq_events_run(VirtIOIRQ *s)
{
    VirtIOIRQTurn turn;
    bool any = false;

    if (!queue_runs(s)) {
        return;
    }
    if (s->busy) {
        qemu_bh_schedule(s->event_bh);
        return;
    }
    turn = virtio_irq_turn_begin(s);
    s->busy = true;
    take_buffers(s);
    /* A buffer may lie where writing to it resets or unplugs us */
    while (s->core && queue_runs(s) && place_one(s)) {
        any = true;
    }
    s->busy = false;
    if (s->core && any) {
        virtio_notify(VIRTIO_DEVICE(s), s->eventq);
    }
    virtio_irq_turn_end(s, turn, false);
}

static void events_bh(void *opaque)
{
    virtio_irq_events_run(opaque);
}

void virtio_irq_events_tell(VirtIOIRQ *s)
{
    qemu_bh_schedule(s->event_bh);
}

static void handle_eventq(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_irq_events_run(VIRTIO_IRQ(vdev));
}

void virtio_irq_events_drop_buffers(VirtIOIRQ *s)
{
    VirtIOIRQBuffer *buffer;

    while ((buffer = QTAILQ_FIRST(&s->buffers))) {
        QTAILQ_REMOVE(&s->buffers, buffer, next);
        virtqueue_detach_element(s->eventq, &buffer->elem, 0);
        g_free(buffer);
    }
    s->num_old_buffers = 0;
}

void virtio_irq_events_put_back(VirtIOIRQ *s)
{
    VirtIOIRQBuffer *buffer;

    while ((buffer = QTAILQ_LAST(&s->buffers))) {
        QTAILQ_REMOVE(&s->buffers, buffer, next);
        virtqueue_unpop(s->eventq, &buffer->elem, 0);
        g_free(buffer);
        s->num_old_buffers++;
    }
}

void virtio_irq_events_init(VirtIOIRQ *s)
{
    s->event_bh = virtio_bh_new_guarded(DEVICE(s), events_bh, s);
    if (s->events) {
        s->eventq = virtio_add_queue(VIRTIO_DEVICE(s), EVENTQ_SIZE,
                                     handle_eventq);
    }
}

void virtio_irq_events_cleanup(VirtIOIRQ *s)
{
    virtio_irq_events_drop_buffers(s);
    qemu_bh_delete(s->event_bh);
    if (s->eventq) {
        virtio_delete_queue(s->eventq);
    }
}
