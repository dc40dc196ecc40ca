/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: functions of the host: who takes an interrupt from its eventfd
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "virtio-irq-kvm.h"
#include "virtio-irq-vfio-internal.h"
#include "trace.h"

/* Can the vector send a message now? */
static bool guest_has(Vector *v)
{
    PCIDevice *pdev = &v->function->vdev->pdev;

    return v->function->use == USE_MSIX ||
           (v->function->use == USE_MSI &&
            vfio_irq_nr(v) < msi_nr_vectors_allocated(pdev));
}

static bool is_masked(Vector *v)
{
    PCIDevice *pdev = &v->function->vdev->pdev;

    return v->function->use == USE_MSIX ?
           msix_is_masked(pdev, vfio_irq_nr(v)) :
           msi_is_masked(pdev, vfio_irq_nr(v));
}

/*
 * A vector that is masked has something to say. It keeps that, whatever becomes
 * of the host's interrupt meanwhile, as a function does that knows nothing of
 * us: who masks a vector may be sure of that.
 */
static void set_pending(Vector *v)
{
    VFIOPCIDevice *vdev = v->function->vdev;
    unsigned int nr = vfio_irq_nr(v);

    if (v->function->use == USE_MSI) {
        msi_notify(&vdev->pdev, nr);
        return;
    }
    /* Of the pending bits, which pci.c hides, the other ones go with its use */
    set_bit(nr, vdev->msix->pending);
    memory_region_set_enabled(&vdev->pdev.msix_pba_mmio, true);
    msix_set_pending(&vdev->pdev, nr);
}

/* The host's interrupt has come, and it is not for KVM */
static void vector_interrupt(void *opaque)
{
    Vector *v = opaque;
    VFIOPCIDevice *vdev = v->function->vdev;
    unsigned int nr = vfio_irq_nr(v);

    if (!event_notifier_test_and_clear(&v->event) || !guest_has(v)) {
        return;
    }
    trace_virtio_irq_vfio_interrupt(vdev->vbasedev.name, nr);
    if (is_masked(v)) {
        set_pending(v);
    } else if (v->function->use == USE_MSI) {
        msi_notify(&vdev->pdev, nr);
    } else {
        msix_notify(&vdev->pdev, nr);
    }
}

/* Nobody takes it any more. It may still have come */
static void last_look(Vector *v)
{
    if (event_notifier_test_and_clear(&v->event) && guest_has(v) &&
        !v->function->ending && is_masked(v)) {
        set_pending(v);
    }
}

/* What KVM has taken is injected by then; the rest of @event is for us */
void vfio_irq_take_from_kvm(Vector *v)
{
    if (v->irqfd) {
        kvm_irqchip_remove_irqfd_notifier_gsi(kvm_state, &v->event, v->virq);
        v->irqfd = false;
        qemu_set_fd_handler(event_notifier_get_fd(&v->event), vector_interrupt,
                            NULL, v);
    }
}

/* KVM looks at @event first: what has come in by then is not lost */
void vfio_irq_leave_to_kvm(Vector *v)
{
    VFIOPCIDevice *vdev = v->function->vdev;

    if (v->irqfd || !guest_has(v) ||
        (v->function->use == USE_MSIX ? vdev->no_kvm_msix : vdev->no_kvm_msi)) {
        return;
    }
    /* Both see what the guest has written to its table by now */
    if (v->virq < 0) {
        v->virq = virtio_irq_kvm_add_route(&vdev->pdev, vfio_irq_nr(v));
    } else {
        virtio_irq_kvm_route_changed(&vdev->pdev, vfio_irq_nr(v));
    }
    virtio_irq_kvm_commit();
    if (v->virq < 0) {
        return;
    }
    qemu_set_fd_handler(event_notifier_get_fd(&v->event), NULL, NULL, NULL);
    if (kvm_irqchip_add_irqfd_notifier_gsi(kvm_state, &v->event, NULL,
                                           v->virq) < 0) {
        qemu_set_fd_handler(event_notifier_get_fd(&v->event), vector_interrupt,
                            NULL, v);
        return;
    }
    v->irqfd = true;
}

int vfio_irq_new_event(Vector *v)
{
    int ret = event_notifier_init(&v->event, 0);

    /* The limit of files is a pool like others */
    return ret == -EMFILE || ret == -ENFILE ? -ENOSPC : ret;
}

void vfio_irq_use(Vector *v)
{
    Function *f = v->function;

    if (v->used) {
        return;
    }
    v->used = true;
    v->virq = -1;
    qemu_set_fd_handler(event_notifier_get_fd(&v->event), vector_interrupt,
                        NULL, v);
    if (f->use == USE_MSIX) {
        msix_vector_use(&f->vdev->pdev, vfio_irq_nr(v));
        if (test_bit(vfio_irq_nr(v), f->vdev->msix->pending)) {
            msix_set_pending(&f->vdev->pdev, vfio_irq_nr(v));
        }
    }
    if (f->use != USE_MSIX || v->unmasked) {
        vfio_irq_leave_to_kvm(v);
    }
}

void vfio_irq_unuse(Vector *v)
{
    Function *f = v->function;

    if (!v->used) {
        return;
    }
    v->used = false;
    vfio_irq_take_from_kvm(v);
    qemu_set_fd_handler(event_notifier_get_fd(&v->event), NULL, NULL, NULL);
    last_look(v);
    if (v->virq >= 0) {
        kvm_irqchip_release_virq(kvm_state, v->virq);
    }
    if (f->use == USE_MSIX) {
        msix_vector_unuse(&f->vdev->pdev, vfio_irq_nr(v));
    }
}

void vfio_irq_set_stopping(Vector *v)
{
    if (v->host == HOST_ON) {
        vfio_irq_unuse(v);
        v->host = HOST_STOPPING;
        v->function->num_on--;
    }
}

/* The host has nothing to do with it */
void vfio_irq_set_off(Vector *v)
{
    vfio_irq_set_stopping(v);
    if (v->host != HOST_OFF) {
        last_look(v);
        event_notifier_cleanup(&v->event);
        v->host = HOST_OFF;
    }
}

void vfio_irq_all_off(Function *f)
{
    unsigned int i;

    for (i = 0; i < f->num_vectors; i++) {
        vfio_irq_set_off(&f->vectors[i]);
    }
}

void vfio_irq_set_on(Vector *v)
{
    v->host = HOST_ON;
    v->function->num_on++;
}
