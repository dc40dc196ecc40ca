/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: paravirtual interrupt controller
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * virtio-irq.c            properties, features, life and reset of the device
 * virtio-irq-queue.c      the request queue: kept back, carried out, held
 * virtio-irq-source.c     functions: their region, their messages, their routes
 * virtio-irq-host.c       what requests need of the host
 * virtio-irq-scope.c      which functions, and where messages are
 * virtio-irq-isolation.c  functions that have no way around us
 * virtio-irq-kvm.c        messages that KVM delivers without us
 * virtio-irq-vfio*.c      functions of the host, and its interrupts; see
 *                         virtio-irq-vfio-internal.h
 * virtio-irq-event.c      buffers for events
 * virtio-irq-control.c    what an administrator does to the guest's vectors
 * virtio-irq-vmstate.c    migration
 * virtio-irq-stores.h     for functions with stores other than MSI and MSI-X
 * virtio-irq-qom.c        what an administrator sees and sets
 * virtio-irq-pci.c        virtio-pci binding
 * virtio-irq-test.c       a controller that does wrong what it is told to
 *
 * What a request means is the business of the device core, virtio_irq_core.h.
 * Everything here runs under the big QEMU lock, but for the threads of
 * virtio-irq-vfio-worker.c.
 */

#ifndef HW_VIRTIO_IRQ_H
#define HW_VIRTIO_IRQ_H

#include "compat.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-pci.h"
#include "qom/object.h"
#include "virtio-irq-kvm.h"
#include "virtio_irq_core.h"

#define TYPE_VIRTIO_IRQ "virtio-irq-device"
OBJECT_DECLARE_TYPE(VirtIOIRQ, VirtIOIRQClass, VIRTIO_IRQ)

/*
 * A request that was popped. If it needs something of the host it is kept back
 * until that is there; then it is carried out, and its answer may be held.
 */
typedef struct VirtIOIRQHeld {
    VirtQueueElement elem; /* first: virtqueue_pop() allocates it with us */
    /* One byte more, to tell a request that is too long */
    uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX + 1] QEMU_ALIGNED(8);
    size_t req_size;
    struct virtio_irq_names names;
    /* The host was asked on its behalf */
    bool asked;
    /* Not before this time, QEMU_CLOCK_VIRTUAL in ns */
    int64_t deadline;
    uint32_t used;
    uint32_t rsp_size;
    uint8_t *rsp;
    QTAILQ_ENTRY(VirtIOIRQHeld) next;
} VirtIOIRQHeld;

/* A buffer of eventq */
typedef struct VirtIOIRQBuffer VirtIOIRQBuffer;

/* Since when are there vectors of this kind? Seconds since 1970 */
typedef struct VirtIOIRQSince {
    int64_t stale;
    int64_t revoked;
} VirtIOIRQSince;

/* While the queues are worked on */
typedef struct VirtIOIRQTurn {
    DeviceState *transport;
    bool was_taken;
} VirtIOIRQTurn;

/*
 * The path of a function in a migration stream; it does not depend on buses'
 * numbers
 */
typedef struct VirtIOIRQPath {
    uint8_t path[256];
} VirtIOIRQPath;

struct VirtIOIRQ {
    VirtIODevice parent_obj;

    VirtQueue *requestq;
    struct virtio_irq_core *core;
    uint8_t *rsp;
    size_t rsp_max;
    QEMUBH *bh;
    VMChangeStateEntry *vm_state;
    QLIST_ENTRY(VirtIOIRQ) next;

    /* A request or a delivery is under way; a notification waits for the bh */
    bool busy;
    /* In this turn */
    bool has_answered;
    bool has_held;
    /* Answers in the used ring that the guest has not been shown */
    unsigned int num_ready;
    /* Not carried out yet, in the order of the queue */
    QTAILQ_HEAD(, VirtIOIRQHeld) kept;
    /* What is carried out now has not got all of the host that it needs */
    bool at_once;
    /* Carried out, in the order of their deadlines */
    QTAILQ_HEAD(, VirtIOIRQHeld) held;
    QEMUTimer *timer;
    uint64_t kicks;

    /* NULL: there are no events. Those that are available, and not used yet */
    VirtQueue *eventq;
    QTAILQ_HEAD(, VirtIOIRQBuffer) buffers;
    QEMUBH *event_bh;
    /* So many of those to be popped are older than the migration */
    uint32_t num_old_buffers;
    VirtIOIRQSince since;

    /* Every PCIDevice there is -> its VirtIOIRQSource, NULL for a bridge */
    GHashTable *functions;
    DeviceListener listener;
    PCIDevice *own_function;
    /* Messages of functions that are not attached any more */
    uint64_t raw_inert;
    uint64_t raw_live;

    uint64_t window_start, window_end;
    uint64_t route_start, route_end;
    union virtio_irq_scope scopes[VIRTIO_IRQ_MAX_SCOPES];
    unsigned int num_scopes;

    struct virtio_irq_quotas quotas;
    bool enforce_quotas;

    /* A migration stream, on its way out or in */
    int32_t num_saved_endpoints;
    int32_t num_saved_vectors;
    struct virtio_irq_saved_endpoint *saved_endpoints;
    VirtIOIRQPath *saved_paths;
    struct virtio_irq_saved_vector *saved_vectors;
    /* While it is loaded: an endpoint's number -> its PCIDevice */
    GHashTable *loading;

    /* Properties */
    struct virtio_irq_core_config config;
    bool lazy;
    bool isolation;
    bool events;
    /* Of virtio-irq-test.c: no function may do without COMMIT */
    bool commit_first;
    uint8_t pasid_bits;
    char *scope_text;
    char *window_text;
    char *route_window_text;
};

/* What virtio-irq-test.c does in another way */
struct VirtIOIRQClass {
    VirtioDeviceClass parent_class;

    /* Serve the queue, after a notification or where the last turn ended */
    void (*run)(VirtIOIRQ *s);
    /*
     * Carry out a request, as virtio_irq_core_request(). Its answer is held
     * until *@deadline, QEMU_CLOCK_VIRTUAL in ns, if that is set.
     */
    size_t (*request)(VirtIOIRQ *s, const void *req, size_t req_size, void *rsp,
                      size_t rsp_size, int64_t *deadline);
    /*
     * Optional: has the host what a request needs for so many vectors of a
     * function that is not the host's? @bh is scheduled when that may be so.
     */
    bool (*prepare)(VirtIOIRQ *s, VirtIOIRQHeld *held, unsigned int vectors);
    /*
     * Optional: an event that goes before those of the core; false: there is
     * none. *@used is the used length to be said, and is the event's size.
     */
    bool (*next_event)(VirtIOIRQ *s, struct virtio_irq_event *event,
                       uint32_t *used);
};

/* virtio-irq.c */

/* Every realized controller */
typedef QLIST_HEAD(, VirtIOIRQ) VirtIOIRQList;
extern VirtIOIRQList virtio_irq_controllers;

/* virtio-irq-queue.c */

void virtio_irq_requestq_init(VirtIOIRQ *s);
/* For the end of the device, in front of and behind that of the core */
void virtio_irq_requestq_stop(VirtIOIRQ *s);
void virtio_irq_requestq_cleanup(VirtIOIRQ *s);
/* No request is under way any more; with LAZY those that disarm take effect */
void virtio_irq_requestq_reset(VirtIOIRQ *s);
/* The same, and the vectors go as well */
void virtio_irq_requestq_drop(VirtIOIRQ *s);
/* Of VirtIOIRQClass */
void virtio_irq_run(VirtIOIRQ *s);
size_t virtio_irq_request(VirtIOIRQ *s, const void *req, size_t req_size,
                          void *rsp, size_t rsp_size, int64_t *deadline);

/*
 * Before a message is delivered: carry out what the guest had put into the
 * request queue by now (VIRTIO_IRQ_F_LAZY).
 */
void virtio_irq_serve_before_message(VirtIOIRQ *s);
/*
 * Around everything that writes to buffers of the guest's; what that may lead
 * to is said there. False if we were unrealized meanwhile. @notify: of answers.
 */
VirtIOIRQTurn virtio_irq_turn_begin(VirtIOIRQ *s);
bool virtio_irq_turn_end(VirtIOIRQ *s, VirtIOIRQTurn turn, bool notify);
/* Held requests, in the order in which they are answered */
void virtio_irq_hold(VirtIOIRQ *s, VirtIOIRQHeld *held);
void virtio_irq_drop_held(VirtIOIRQ *s);
void virtio_irq_complete_held(VirtIOIRQ *s);
unsigned int virtio_irq_num_held(VirtIOIRQ *s);
unsigned int virtio_irq_num_kept(VirtIOIRQ *s);

/* Is there a request that is kept back and names some of these vectors? */
bool virtio_irq_is_kept(VirtIOIRQ *s, const struct virtio_irq_names *names);
/*
 * For migration: carry out what is kept back, and hold the answers. Waits for
 * the host.
 */
void virtio_irq_carry_out_kept(VirtIOIRQ *s);

/* virtio-irq-source.c */

extern const struct virtio_irq_ops virtio_irq_ops;

void virtio_irq_sources_init(VirtIOIRQ *s);
void virtio_irq_sources_cleanup(VirtIOIRQ *s);
/*
 * A driver has come: functions that it may attach get their regions, all at
 * once
 */
void virtio_irq_sources_show(VirtIOIRQ *s);
/* The function that is attached as @endpoint, which there is */
PCIDevice *virtio_irq_find_attached(VirtIOIRQ *s, uint32_t endpoint);

/* virtio-irq-host.c */

/*
 * Ask the host for what a request needs. False: it has not answered, and the
 * controller's bh is scheduled when it has. With @wait it is waited for.
 */
bool virtio_irq_sources_prepare(VirtIOIRQ *s, VirtIOIRQHeld *held, bool wait);
/* The request was carried out, or dropped: what it has not taken goes back */
void virtio_irq_sources_prepared(VirtIOIRQ *s, VirtIOIRQHeld *held);
/* What the host has taken away, or does not give again, is revoked */
void virtio_irq_sources_lost(VirtIOIRQ *s);

/* virtio-irq-scope.c */

/* Parse the properties scope=, window= and route-window= */
bool virtio_irq_parse_properties(VirtIOIRQ *s, Error **errp);
/* Is there another controller that serves a function of ours? */
bool virtio_irq_check_overlap(VirtIOIRQ *s, Error **errp);
bool virtio_irq_in_scope(VirtIOIRQ *s, uint32_t endpoint);
/* SSSS:BB:DD.F, of segment 0; what follows it is left in *@text */
bool virtio_irq_parse_address(const char **text, uint16_t *bdf);

/* virtio-irq-event.c */

void virtio_irq_events_init(VirtIOIRQ *s);
void virtio_irq_events_cleanup(VirtIOIRQ *s);
/* Place what can be placed; the same, as soon as the machine runs */
void virtio_irq_events_run(VirtIOIRQ *s);
void virtio_irq_events_tell(VirtIOIRQ *s);
/* The queue is reset; for migration, the ring is as if none had been popped */
void virtio_irq_events_drop_buffers(VirtIOIRQ *s);
void virtio_irq_events_put_back(VirtIOIRQ *s);

/* virtio-irq-control.c */

/* Around what makes vectors stale or revoked, and may change their routes */
VirtIOIRQSince virtio_irq_since_begin(VirtIOIRQ *s);
void virtio_irq_since_end(VirtIOIRQ *s, VirtIOIRQSince before);
/* If the administrator wants that */
void virtio_irq_enforce_quotas(VirtIOIRQ *s);
void virtio_irq_class_add_controls(ObjectClass *klass);
void virtio_irq_alias_controls(Object *proxy, Object *device);

/* virtio-irq-isolation.c */

/*
 * Is every interrupt message that the function can write one that passes our
 * region, which is in front of @below?
 */
bool virtio_irq_isolates(PCIDevice *pdev, AddressSpace *below);

/* virtio-irq-vmstate.c */

extern const VMStateDescription vmstate_virtio_irq;

/* virtio-irq-qom.c */

/* A quota that the device's size makes void is a mistake */
bool virtio_irq_check_quota(VirtIOIRQ *s, Error **errp);
void virtio_irq_class_add_properties(ObjectClass *klass);
/* Make them reachable on the proxy too, /machine/peripheral/<id> */
void virtio_irq_alias_property(Object *proxy, Object *device, const char *name);
void virtio_irq_alias_properties(Object *proxy, Object *device);

/* virtio-irq-pci.c */

void virtio_irq_pci_class_init(ObjectClass *klass, COMPAT_CLASS_DATA *data);

#endif /* HW_VIRTIO_IRQ_H */
