/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: functions of the host
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Included by hw/vfio/pci.c, too; see tools/place-in-qemu.
 */

#ifndef HW_VIRTIO_IRQ_VFIO_H
#define HW_VIRTIO_IRQ_VFIO_H

#include "compat.h"
#include "hw/pci/msi.h"
#include CONFIG_DEVICES

/*
 * 10.0 began to take hw/vfio apart, which this does not follow yet. There
 * hw/vfio/pci.c has the interrupts for itself: their routes are ours all the
 * same, but what the host refuses is a message in QEMU's log.
 */
#if defined(CONFIG_VFIO_PCI) && QEMU_VERSION_MAJOR < 10

typedef struct VFIOPCIDevice VFIOPCIDevice;

/* For hw/vfio/pci.c */

/* The guest has turned MSI-X on, off */
void virtio_irq_vfio_msix_on(VFIOPCIDevice *vdev);
void virtio_irq_vfio_msix_off(VFIOPCIDevice *vdev);
/*
 * The guest has unmasked, masked a vector, @msg NULL: neither. True: that is
 * done, and the rest of the vector is not pci.c's business
 */
bool virtio_irq_vfio_unmask(VFIOPCIDevice *vdev, unsigned int nr,
                            const MSIMessage *msg);
bool virtio_irq_vfio_mask(VFIOPCIDevice *vdev, unsigned int nr);
/* The same for MSI, which is all of it or nothing; its message was changed */
bool virtio_irq_vfio_msi_on(VFIOPCIDevice *vdev);
void virtio_irq_vfio_msi_off(VFIOPCIDevice *vdev);
void virtio_irq_vfio_msi_changed(VFIOPCIDevice *vdev);

/* Of hw/vfio/pci.c */
void virtio_irq_vfio_disable_interrupts(VFIOPCIDevice *vdev);
void virtio_irq_vfio_disable_msi(VFIOPCIDevice *vdev);

/* For the controller */

bool virtio_irq_vfio_is(PCIDevice *pdev);
/*
 * False: it has interrupts now that we know nothing of. @answered is scheduled
 * whenever virtio_irq_vfio_prepare() may have another result.
 */
bool virtio_irq_vfio_attach(PCIDevice *pdev, QEMUBH *answered);
void virtio_irq_vfio_detach(PCIDevice *pdev);
/*
 * Get the host's interrupt for a vector, on behalf of a request. What
 * virtio_irq_vfio_commit() will say, or -EINPROGRESS, if the host has not
 * answered. It is waited for so many milliseconds, if it has nothing else to do
 * first; negative: without a limit.
 */
int virtio_irq_vfio_prepare(PCIDevice *pdev, uint32_t nr, const void *request,
                            int ms);
/* The request is over: what it has got and not committed is given back */
void virtio_irq_vfio_prepared(PCIDevice *pdev, const void *request);
/*
 * The host's interrupt for a vector is the guest's. 0, a negative errno, or a
 * positive number, of VFIO's: so many would have been possible. With @at_once
 * -EBUSY if the host has not answered, else it is waited for, which is for a
 * machine that does not run. The opposite
 */
int virtio_irq_vfio_commit(PCIDevice *pdev, uint32_t nr, bool at_once);
void virtio_irq_vfio_release(PCIDevice *pdev, uint32_t nr);
/*
 * A vector that was committed, and that the host does not have any more: as the
 * result of a commit; 0: there is none. Each is told once; to be looked at when
 * @answered is scheduled.
 */
int virtio_irq_vfio_lost(PCIDevice *pdev, uint32_t *nr);

#else

static inline bool virtio_irq_vfio_is(PCIDevice *pdev)
{
    return false;
}

static inline bool virtio_irq_vfio_attach(PCIDevice *pdev, QEMUBH *answered)
{
    return true;
}

static inline void virtio_irq_vfio_detach(PCIDevice *pdev)
{
}

static inline int virtio_irq_vfio_prepare(PCIDevice *pdev, uint32_t nr,
                                          const void *request, int ms)
{
    return 0;
}

static inline void virtio_irq_vfio_prepared(PCIDevice *pdev,
                                            const void *request)
{
}

static inline int virtio_irq_vfio_commit(PCIDevice *pdev, uint32_t nr,
                                         bool at_once)
{
    return 0;
}

static inline void virtio_irq_vfio_release(PCIDevice *pdev, uint32_t nr)
{
}

static inline int virtio_irq_vfio_lost(PCIDevice *pdev, uint32_t *nr)
{
    return 0;
}

#endif

#endif /* HW_VIRTIO_IRQ_VFIO_H */
