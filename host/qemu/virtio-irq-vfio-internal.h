/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: functions of the host, between the files of virtio-irq-vfio
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * virtio-irq-vfio.c         what the guest does, and what a controller wants
 * virtio-irq-vfio-update.c  what the host is to be asked for next
 * virtio-irq-vfio-vector.c  who takes an interrupt from its eventfd
 * virtio-irq-vfio-worker.c  the host is asked, without the big QEMU lock
 */

#ifndef HW_VIRTIO_IRQ_VFIO_INTERNAL_H
#define HW_VIRTIO_IRQ_VFIO_INTERNAL_H

#include "hw/vfio/pci.h"
#include "virtio-irq-vfio.h"
#include "virtio-irq-vfio-worker.h"

/* A limit of MSI itself */
#define MSI_VECTORS_MAX 32

typedef struct Function Function;

typedef enum Host {
    HOST_OFF,
    HOST_STARTING,
    /* It signals the vector's event */
    HOST_ON,
    HOST_STOPPING,
} Host;

typedef struct Vector {
    Function *function;
    /* By the guest, with COMMIT */
    bool committed;
    /* By the guest, with what it does to a function that is not attached */
    bool late;
    /* A request that is kept back until the host has answered */
    const void *request;
    /* What the host has refused with; forgotten when the request is over */
    int refusal;
    /* The same, of one that is committed; until the controller knows */
    int lost;
    bool unmasked;
    Host host;
    /* There unless @host is HOST_OFF */
    EventNotifier event;
    /* KVM or we take it from @event, and deliver it */
    bool used;
    /* Its route; negative if it has none, not yet or since KVM had none left */
    int virq;
    /* KVM takes it from @event, and not our handler */
    bool irqfd;
} Vector;

/* What of the function's interrupts is ours */
typedef enum Use {
    USE_NOTHING,
    USE_MSIX,
    /* For what is committed, while the guest has not turned it on */
    USE_MSI_HELD,
    USE_MSI,
} Use;

struct Function {
    VFIOPCIDevice *vdev;
    bool attached;
    Use use;
    /* MSI-X or MSI is being turned off */
    bool ending;
    /* The host has been asked to turn MSI-X on */
    bool enabled;
    /* The host has refused what other functions are about to give back */
    bool postponed;
    /* Vectors with HOST_ON */
    unsigned int num_on;
    unsigned int num_vectors;
    Vector *vectors;
    VirtIOIRQVfioWorker worker;
    /* The controller's: the host has answered */
    QEMUBH *answered;
};

static inline unsigned int vfio_irq_nr(Vector *v)
{
    return v - v->function->vectors;
}

/* virtio-irq-vfio.c */

/* By VFIOPCIDevice; those that are attached, or used by us */
extern GHashTable *vfio_irq_functions;

Function *vfio_irq_find_function(VFIOPCIDevice *vdev);
/* It may be gone after that */
void vfio_irq_put_function(Function *f);

/* virtio-irq-vfio-update.c */

bool vfio_irq_is_wanted(Vector *v);
/* Ask the host for what is to be done next, unless it has not answered */
void vfio_irq_update(Function *f);
/*
 * The same, and wait for a moment for what it has begun. @f may be gone after
 * that unless it is attached.
 */
void vfio_irq_update_quickly(Function *f);
/* At most so many milliseconds; false: there is no job, or it goes on */
bool vfio_irq_await(Function *f, int ms);
/* MSI-X or MSI is off: nothing is under way, and the host has nothing */
void vfio_irq_end_use(Function *f, uint32_t index);
/* Of a function that is not attached: pci.c would have done it, at once */
void vfio_irq_start_late(Vector *v);
/* Of the worker, in the main loop */
void vfio_irq_host_answered(void *opaque);

/* virtio-irq-vfio-vector.c */

int vfio_irq_new_event(Vector *v);
/* Whoever is to take it from @event does; nobody does */
void vfio_irq_use(Vector *v);
void vfio_irq_unuse(Vector *v);
void vfio_irq_leave_to_kvm(Vector *v);
void vfio_irq_take_from_kvm(Vector *v);
/* What the host does */
void vfio_irq_set_on(Vector *v);
void vfio_irq_set_stopping(Vector *v);
void vfio_irq_set_off(Vector *v);
void vfio_irq_all_off(Function *f);

#endif /* HW_VIRTIO_IRQ_VFIO_INTERNAL_H */
