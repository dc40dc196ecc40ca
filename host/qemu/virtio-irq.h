/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: paravirtual interrupt controller
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * virtio-irq.c           queues, requests, features, reset, migration
 * virtio-irq-source.c    endpoints: their region, their messages, their routes
 * virtio-irq-stores.h    for functions with stores other than MSI and MSI-X
 * virtio-irq-qom.c       what an administrator and a tester see and set
 * virtio-irq-pci.c       virtio-pci binding
 *
 * What a request means is the business of the device core, virtio_irq_core.h.
 * Everything here runs under the big QEMU lock.
 */

#ifndef HW_VIRTIO_IRQ_H
#define HW_VIRTIO_IRQ_H

#include "compat.h"
#include "hw/virtio/virtio.h"
#include "qom/object.h"
#include "virtio_irq_core.h"
#include "virtio_irq_inject.h"

#define TYPE_VIRTIO_IRQ "virtio-irq-device"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOIRQ, VIRTIO_IRQ)

/* A request that was popped and carried out, and whose answer is kept back */
typedef struct VirtIOIRQHeld {
    VirtQueueElement elem; /* first: virtqueue_pop() allocates it with us */
    /* Not before this time, QEMU_CLOCK_VIRTUAL in ns */
    int64_t deadline;
    uint32_t used;
    uint32_t rsp_size;
    uint8_t *rsp;
    QTAILQ_ENTRY(VirtIOIRQHeld) next;
} VirtIOIRQHeld;

struct VirtIOIRQ {
    VirtIODevice parent_obj;

    VirtQueue *requestq;
    VirtQueue *eventq;
    struct virtio_irq_core *core;
    uint8_t *rsp;
    size_t rsp_max;
    QEMUBH *bh;
    VMChangeStateEntry *vm_state;

    /* A request or a delivery is under way; a notification waits for the bh */
    bool busy;
    QTAILQ_HEAD(, VirtIOIRQHeld) held;
    QEMUTimer *timer;
    uint64_t kicks;

    /* Every PCIDevice there is -> its VirtIOIRQSource while it is attached */
    GHashTable *functions;
    DeviceListener listener;
    PCIDevice *own_function;

    uint64_t window_start, window_end;
    uint64_t route_start, route_end;
    union virtio_irq_scope scopes[VIRTIO_IRQ_MAX_SCOPES];
    unsigned int num_scopes;

    struct virtio_irq_quotas quotas;
    struct virtio_irq_inject inject;

    /* Properties */
    struct virtio_irq_core_config config;
    bool lazy;
    uint8_t pasid_bits;
    char *scope_text;
    char *window_text;
    char *route_window_text;
};

/* virtio-irq.c */

/*
 * Before a message is delivered: carry out what the guest had put into the
 * request queue by now (VIRTIO_IRQ_F_LAZY).
 */
void virtio_irq_serve_before_message(VirtIOIRQ *s);
/* The tester's mute has changed: give the answers that may be given now */
void virtio_irq_mute_changed(VirtIOIRQ *s);
unsigned int virtio_irq_num_held(VirtIOIRQ *s);

/* virtio-irq-source.c */

extern const struct virtio_irq_ops virtio_irq_ops;

/* Parse the properties scope=, window= and route-window= */
bool virtio_irq_parse_properties(VirtIOIRQ *s, Error **errp);
void virtio_irq_sources_init(VirtIOIRQ *s);
void virtio_irq_sources_cleanup(VirtIOIRQ *s);

/* virtio-irq-qom.c */

void virtio_irq_class_add_properties(ObjectClass *klass);
/* Make them reachable on the proxy too, /machine/peripheral/<id> */
void virtio_irq_alias_properties(Object *proxy, Object *device);

#endif /* HW_VIRTIO_IRQ_H */
