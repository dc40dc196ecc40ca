/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: the host is asked for interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#ifndef HW_VIRTIO_IRQ_VFIO_WORKER_H
#define HW_VIRTIO_IRQ_VFIO_WORKER_H

#include "qemu/thread.h"
#include "hw/vfio/vfio-common.h"

typedef enum VirtIOIRQVfioJobType {
    JOB_NONE,
    /* Turn MSI-X on, without an interrupt */
    JOB_ENABLE,
    /* MSI-X: an interrupt for one vector; the opposite */
    JOB_START,
    JOB_STOP,
    /* MSI: all of the block, from vector 0 on; the opposite. MSI-X: off */
    JOB_START_BLOCK,
    JOB_DISABLE,
} VirtIOIRQVfioJobType;

typedef struct VirtIOIRQVfioJob {
    VirtIOIRQVfioJobType type;
    /* VFIO_PCI_MSIX_IRQ_INDEX or VFIO_PCI_MSI_IRQ_INDEX */
    uint32_t index;
    /* Of the vector; how many there are in the block */
    unsigned int nr;
    unsigned int count;
    /* What they are to signal; the worker frees it */
    int32_t *fds;
    /* Other vectors signal already, and must go on to do so */
    bool others;
} VirtIOIRQVfioJob;

/*
 * VFIO_DEVICE_SET_IRQS may take the host milliseconds or seconds, and the
 * kernel carries out one for a function at a time. So each function has a
 * thread that does it, one job at a time and without the big QEMU lock.
 * Everything else here is called with that lock.
 */
typedef struct VirtIOIRQVfioWorker {
    VFIODevice *vbasedev;
    unsigned int num_msix;
    /* The host cannot add vectors to those that MSI-X was enabled with */
    bool fixed;

    /* Of whoever has the job: the worker until @finished is posted, or we */
    VirtIOIRQVfioJob job;
    int result;
    /* Vectors that the host's MSI-X or MSI was enabled with, 0 if it is off */
    unsigned int num_enabled;

    QemuThread thread;
    QemuSemaphore todo;
    QemuSemaphore finished;
    /* Scheduled when a job is finished */
    QEMUBH *bh;
    bool quit;
} VirtIOIRQVfioWorker;

void virtio_irq_vfio_worker_init(VirtIOIRQVfioWorker *w, VFIODevice *vbasedev,
                                 unsigned int num_msix, QEMUBHFunc *cb,
                                 void *opaque);
/* It must have no job */
void virtio_irq_vfio_worker_cleanup(VirtIOIRQVfioWorker *w);

static inline bool virtio_irq_vfio_worker_busy(VirtIOIRQVfioWorker *w)
{
    return w->job.type != JOB_NONE;
}

/* It must have no job. One, @job */
void virtio_irq_vfio_worker_post(VirtIOIRQVfioWorker *w,
                                 const VirtIOIRQVfioJob *job);
/*
 * Wait for the end of the job, at most so many milliseconds, negative: without
 * a limit. True: @job is what it was, and *@result 0, a negative errno, or a
 * positive number, of VFIO's: so many vectors would have been possible.
 */
bool virtio_irq_vfio_worker_wait(VirtIOIRQVfioWorker *w, int ms,
                                 VirtIOIRQVfioJob *job, int *result);

#endif /* HW_VIRTIO_IRQ_VFIO_WORKER_H */
