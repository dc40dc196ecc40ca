/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: functions of the host
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * hw/vfio/pci.c asks the host for an interrupt when the guest unmasks a vector.
 * That is too late for a refusal: nobody can answer a write to an MSI-X table.
 * And it asks for all of them again when one is added that the host had not
 * been asked for, and ever again when the guest masks and unmasks.
 *
 * While a controller has the function attached, the host's interrupts are
 * those that the guest has committed, each asked for alone. Mask and unmask
 * decide who takes it from its eventfd: KVM, with an irqfd, while the vector
 * is unmasked; else we, for the pending bit. If KVM has no route left, we
 * deliver, through the region of virtio-irq-source.c.
 *
 * The host may take long for an interrupt, so a thread asks for it, that of
 * virtio-irq-vfio-worker.c, while the request that needs it is kept back.
 * virtio-irq-vfio-update.c decides what is to be done next: there is one job at
 * a time, as the kernel does one at a time. Nobody waits for it but who turns
 * MSI-X or MSI off, by the guest's word or with a reset or unplug of the
 * function: pci.c goes on with INTx, for which the kernel would make it wait as
 * well. That is for the one job that is under way; all that waits behind it is
 * dropped.
 *
 * The host has MSI's vectors in one block, which can only be changed by taking
 * all of it back. A COMMIT before the guest turns MSI on makes it larger,
 * while nobody uses it. The first one after that asks for all that the guest
 * has turned on. The last RELEASE gives the block back.
 *
 * Who has MSI-X or MSI while it is on, pci.c or we, is settled when the guest
 * turns it on. If the function is detached meanwhile it stays ours, and what
 * the guest unmasks or writes gets its interrupt then, as it would from pci.c.
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "qemu/error-report.h"
#include "hw/pci/msix.h"
#include "virtio-irq-kvm.h"
#include "virtio-irq-vfio-internal.h"
#include "trace.h"

/* By VFIOPCIDevice; those that are attached, or used by us */
GHashTable *vfio_irq_functions;

Function *vfio_irq_find_function(VFIOPCIDevice *vdev)
{
    return vfio_irq_functions ?
           g_hash_table_lookup(vfio_irq_functions, vdev) : NULL;
}

static void function_free(void *opaque)
{
    Function *f = opaque;

    virtio_irq_vfio_worker_cleanup(&f->worker);
    g_free(f->vectors);
    g_free(f);
}

static Function *get_function(VFIOPCIDevice *vdev)
{
    Function *f = vfio_irq_find_function(vdev);
    unsigned int i;

    if (f) {
        return f;
    }
    if (!vfio_irq_functions) {
        vfio_irq_functions = g_hash_table_new_full(NULL, NULL, NULL,
                                                   function_free);
    }
    f = g_new0(Function, 1);
    f->vdev = vdev;
    f->num_vectors = MAX(vdev->msix ? vdev->msix->entries : 0,
                         msi_present(&vdev->pdev) ? MSI_VECTORS_MAX : 0);
    f->vectors = g_new0(Vector, f->num_vectors);
    for (i = 0; i < f->num_vectors; i++) {
        f->vectors[i].function = f;
    }
    virtio_irq_vfio_worker_init(&f->worker, &vdev->vbasedev,
                                vdev->msix ? vdev->msix->entries : 0,
                                vfio_irq_host_answered, f);
    g_hash_table_insert(vfio_irq_functions, vdev, f);
    return f;
}

void vfio_irq_put_function(Function *f)
{
    if (!f->attached && f->use == USE_NOTHING) {
        g_hash_table_remove(vfio_irq_functions, f->vdev);
    }
}

/* Of INTx and MSI the host has one at a time */
static void take_msi(Function *f)
{
    if (f->use == USE_NOTHING) {
        virtio_irq_vfio_disable_interrupts(f->vdev);
        f->vdev->interrupt = VFIO_INT_MSI;
        f->use = USE_MSI_HELD;
    }
}

/* hw/vfio/pci.c */

void virtio_irq_vfio_msix_on(VFIOPCIDevice *vdev)
{
    Function *f = vfio_irq_find_function(vdev);
    unsigned int i;

    if (!f) {
        return;
    }
    f->use = USE_MSIX;
    f->enabled = false;
    for (i = 0; i < f->num_vectors; i++) {
        f->vectors[i].unmasked = false;
        f->vectors[i].refusal = 0;
    }
    vfio_irq_update_quickly(f);
}

void virtio_irq_vfio_msix_off(VFIOPCIDevice *vdev)
{
    Function *f = vfio_irq_find_function(vdev);

    if (f && f->use == USE_MSIX) {
        vfio_irq_end_use(f, VFIO_PCI_MSIX_IRQ_INDEX);
    }
}

bool virtio_irq_vfio_unmask(VFIOPCIDevice *vdev, unsigned int nr,
                            const MSIMessage *msg)
{
    Function *f = vfio_irq_find_function(vdev);
    Vector *v;

    if (!f || f->use != USE_MSIX) {
        return false;
    }
    v = &f->vectors[nr];
    if (!msg) {
        return true;
    }
    v->unmasked = true;
    if (v->used) {
        vfio_irq_leave_to_kvm(v);
    } else if (!f->attached) {
        vfio_irq_start_late(v);
    }
    clear_bit(nr, vdev->msix->pending);
    if (find_first_bit(vdev->msix->pending, vdev->msix->entries) ==
        vdev->msix->entries) {
        memory_region_set_enabled(&vdev->pdev.msix_pba_mmio, false);
    }
    return true;
}

bool virtio_irq_vfio_mask(VFIOPCIDevice *vdev, unsigned int nr)
{
    Function *f = vfio_irq_find_function(vdev);
    Vector *v;

    if (!f || f->use != USE_MSIX) {
        return false;
    }
    v = &f->vectors[nr];
    v->unmasked = false;
    if (v->used) {
        vfio_irq_take_from_kvm(v);
    }
    return true;
}

bool virtio_irq_vfio_msi_on(VFIOPCIDevice *vdev)
{
    Function *f = vfio_irq_find_function(vdev);
    unsigned int i;

    if (!f) {
        return false;
    }
    take_msi(f);
    f->use = USE_MSI;
    for (i = 0; i < f->num_vectors; i++) {
        f->vectors[i].refusal = 0;
        if (f->vectors[i].used) {
            vfio_irq_leave_to_kvm(&f->vectors[i]);
        }
    }
    vfio_irq_update_quickly(f);
    return true;
}

void virtio_irq_vfio_msi_changed(VFIOPCIDevice *vdev)
{
    Function *f = vfio_irq_find_function(vdev);
    unsigned int i;

    if (!f || f->use != USE_MSI) {
        return;
    }
    if (!f->attached && !f->num_on) {
        vfio_irq_start_late(&f->vectors[0]);
    }
    for (i = 0; i < f->num_vectors; i++) {
        if (f->vectors[i].used) {
            virtio_irq_kvm_route_changed(&vdev->pdev, i);
        }
    }
    virtio_irq_kvm_commit();
}

void virtio_irq_vfio_msi_off(VFIOPCIDevice *vdev)
{
    Function *f = vfio_irq_find_function(vdev);

    if (f && (f->use == USE_MSI || f->use == USE_MSI_HELD)) {
        vfio_irq_end_use(f, VFIO_PCI_MSI_IRQ_INDEX);
    }
}

/* The controller */

bool virtio_irq_vfio_is(PCIDevice *pdev)
{
    return object_dynamic_cast(OBJECT(pdev), TYPE_VFIO_PCI);
}

bool virtio_irq_vfio_attach(PCIDevice *pdev, QEMUBH *answered)
{
    VFIOPCIDevice *vdev = VFIO_PCI(pdev);
    Function *f = vfio_irq_find_function(vdev);

    if ((msix_enabled(pdev) && !(f && f->use == USE_MSIX)) ||
        (msi_enabled(pdev) && !(f && f->use == USE_MSI))) {
        warn_report("virtio-irq: %s cannot be attached while it uses MSI",
                    vdev->vbasedev.name);
        return false;
    }
    f = get_function(vdev);
    f->attached = true;
    f->answered = answered;
    return true;
}

void virtio_irq_vfio_detach(PCIDevice *pdev)
{
    Function *f = vfio_irq_find_function(VFIO_PCI(pdev));
    unsigned int i;

    for (i = 0; i < f->num_vectors; i++) {
        f->vectors[i].request = NULL;
        f->vectors[i].refusal = 0;
    }
    f->attached = false;
    f->answered = NULL;
    if (f->use == USE_NOTHING) {
        vfio_irq_put_function(f);
    } else {
        vfio_irq_update(f);
    }
}

/* What COMMIT has to say; -EINPROGRESS: the host is to be asked */
static int verdict(Vector *v)
{
    Function *f = v->function;
    unsigned int nr = vfio_irq_nr(v);

    if (v->host == HOST_ON) {
        return 0;
    }
    if (v->refusal) {
        return v->refusal;
    }
    switch (f->use) {
    case USE_MSIX:
        return nr < f->vdev->msix->entries ? -EINPROGRESS : -EBUSY;
    case USE_MSI:
        return f->num_on || nr >= msi_nr_vectors_allocated(&f->vdev->pdev) ?
               -EBUSY : -EINPROGRESS;
    default:
        /* MSI-X would have to be on by now */
        return msi_present(&f->vdev->pdev) && nr < MSI_VECTORS_MAX ?
               -EINPROGRESS : -EBUSY;
    }
}

/* Of a request that the host was not asked for yet */
static int new_request(Vector *v, const void *request)
{
    Function *f = v->function;
    unsigned int i;
    int ret;

    v->refusal = 0;
    ret = verdict(v);
    if (ret && ret != -EINPROGRESS) {
        return ret;
    }
    v->request = request;
    if (ret) {
        take_msi(f);
        /* A block is asked for as a whole */
        for (i = 0; f->use != USE_MSIX && i < f->num_vectors; i++) {
            if (!f->vectors[i].request) {
                f->vectors[i].refusal = 0;
            }
        }
    }
    return ret;
}

int virtio_irq_vfio_prepare(PCIDevice *pdev, uint32_t nr, const void *request,
                            int ms)
{
    Function *f = vfio_irq_find_function(VFIO_PCI(pdev));
    Vector *v = &f->vectors[nr];
    bool busy;
    int ret;

    ret = v->request == request ? verdict(v) : new_request(v, request);
    while (ret == -EINPROGRESS) {
        busy = virtio_irq_vfio_worker_busy(&f->worker);
        vfio_irq_update(f);
        ret = verdict(v);
        if (ret != -EINPROGRESS) {
            break;
        }
        if (!virtio_irq_vfio_worker_busy(&f->worker) && !f->postponed) {
            return v->refusal = -EBUSY;
        }
        /* Not for what others have asked for */
        if ((busy && ms >= 0) || !vfio_irq_await(f, ms)) {
            break;
        }
        ret = verdict(v);
    }
    return ret;
}

void virtio_irq_vfio_prepared(PCIDevice *pdev, const void *request)
{
    Function *f = vfio_irq_find_function(VFIO_PCI(pdev));
    unsigned int i;

    for (i = 0; i < f->num_vectors; i++) {
        Vector *v = &f->vectors[i];

        if (v->request == request) {
            v->request = NULL;
            v->refusal = 0;
        }
    }
    vfio_irq_update_quickly(f);
}

int virtio_irq_vfio_commit(PCIDevice *pdev, uint32_t nr, bool at_once)
{
    Function *f = vfio_irq_find_function(VFIO_PCI(pdev));
    Vector *v = &f->vectors[nr];
    int ret;

    /* A migration stream has no request that could be kept back */
    if (!at_once && !v->request) {
        virtio_irq_vfio_prepare(pdev, nr, v, -1);
    }
    ret = verdict(v);
    if (v->request == v) {
        v->request = NULL;
        v->refusal = 0;
    }
    if (ret) {
        vfio_irq_update(f);
        return ret == -EINPROGRESS ? -EBUSY : ret;
    }
    v->committed = true;
    vfio_irq_use(v);
    return 0;
}

int virtio_irq_vfio_lost(PCIDevice *pdev, uint32_t *nr)
{
    Function *f = vfio_irq_find_function(VFIO_PCI(pdev));
    unsigned int i;
    int lost;

    for (i = 0; i < f->num_vectors; i++) {
        lost = f->vectors[i].lost;
        if (lost) {
            f->vectors[i].lost = 0;
            *nr = i;
            return lost;
        }
    }
    return 0;
}

void virtio_irq_vfio_release(PCIDevice *pdev, uint32_t nr)
{
    Function *f = vfio_irq_find_function(VFIO_PCI(pdev));
    Vector *v = &f->vectors[nr];

    v->committed = false;
    v->refusal = 0;
    v->lost = 0;
    if (f->use == USE_MSIX) {
        vfio_irq_unuse(v);
    }
    vfio_irq_update_quickly(f);
}
