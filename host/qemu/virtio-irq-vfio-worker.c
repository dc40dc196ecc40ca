/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: the host is asked for interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include "qemu/main-loop.h"
#include "virtio-irq-vfio-worker.h"
#include "trace.h"

/* In the thread */

/*
 * Have some of the host's vectors signal what their eventfds say, or nothing.
 * What has not been enabled yet is, if the host can do that.
 */
static int set_irqs(VirtIOIRQVfioWorker *w, unsigned int first,
                    unsigned int count, const int32_t *fds)
{
    size_t size = sizeof(struct vfio_irq_set) + count * sizeof(int32_t);
    g_autofree struct vfio_irq_set *set = g_malloc0(size);
    unsigned int i;
    int ret;

    set->argsz = size;
    set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    set->index = w->job.index;
    set->start = first;
    set->count = count;
    for (i = 0; i < count; i++) {
        ((int32_t *)set->data)[i] = fds ? fds[i] : -1;
    }
    ret = ioctl(w->vbasedev->fd, VFIO_DEVICE_SET_IRQS, set);
    if (ret < 0) {
        ret = -errno;
    }
    trace_virtio_irq_vfio_set_irqs(w->vbasedev->name, set->index, first, count,
                                   fds, ret);
    return ret;
}

static void disable(VirtIOIRQVfioWorker *w)
{
    vfio_disable_irqindex(w->vbasedev, w->job.index);
    w->num_enabled = 0;
}

/*
 * Enable the host's MSI-X, for all vectors if none can be added later. None of
 * them is requested, so that this takes no vector of the host's CPUs.
 */
static int enable_msix(VirtIOIRQVfioWorker *w)
{
    unsigned int count = w->fixed ? w->num_msix : 1;
    int ret;

    ret = set_irqs(w, 0, count, NULL);
    if (ret > 0 && ret < count) {
        count = ret;
        ret = set_irqs(w, 0, count, NULL);
    }
    w->num_enabled = ret ? 0 : count;
    return ret;
}

/* Room for a vector, without any harm to those that there are */
static int enable_msix_for(VirtIOIRQVfioWorker *w, unsigned int nr)
{
    int ret;

    if (w->num_enabled && (!w->fixed || nr < w->num_enabled)) {
        return 0;
    }
    if (w->job.others) {
        return -EBUSY;
    }
    if (w->num_enabled) {
        disable(w);
    }
    ret = enable_msix(w);
    if (!ret && w->fixed && nr >= w->num_enabled) {
        ret = -ENOSPC;
    }
    return ret;
}

/* Make the block larger, all or nothing */
static int start_block(VirtIOIRQVfioWorker *w)
{
    int ret;

    if (w->num_enabled) {
        disable(w);
    }
    ret = set_irqs(w, 0, w->job.count, w->job.fds);
    w->num_enabled = ret ? 0 : w->job.count;
    return ret;
}

static int work(VirtIOIRQVfioWorker *w)
{
    switch (w->job.type) {
    case JOB_ENABLE:
        return enable_msix(w);
    case JOB_START:
        return enable_msix_for(w, w->job.nr) ?:
               set_irqs(w, w->job.nr, 1, w->job.fds);
    case JOB_STOP:
        return set_irqs(w, w->job.nr, 1, NULL);
    case JOB_START_BLOCK:
        return start_block(w);
    case JOB_DISABLE:
        disable(w);
        return 0;
    default:
        g_assert_not_reached();
    }
}

static void *worker_thread(void *opaque)
{
    VirtIOIRQVfioWorker *w = opaque;

    for (;;) {
        qemu_sem_wait(&w->todo);
        if (w->quit) {
            return NULL;
        }
        w->result = work(w);
        qemu_sem_post(&w->finished);
        qemu_bh_schedule(w->bh);
    }
}

/* With the big QEMU lock */

/* Can the host not add vectors to those that MSI-X was enabled with? */
static bool is_fixed(VirtIOIRQVfioWorker *w)
{
    struct vfio_irq_info info = {
        .argsz = sizeof(info),
        .index = VFIO_PCI_MSIX_IRQ_INDEX,
    };

    return ioctl(w->vbasedev->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) ||
           info.flags & VFIO_IRQ_INFO_NORESIZE;
}

void virtio_irq_vfio_worker_init(VirtIOIRQVfioWorker *w, VFIODevice *vbasedev,
                                 unsigned int num_msix, QEMUBHFunc *cb,
                                 void *opaque)
{
    w->vbasedev = vbasedev;
    w->num_msix = num_msix;
    w->fixed = is_fixed(w);
    w->bh = qemu_bh_new(cb, opaque);
    qemu_sem_init(&w->todo, 0);
    qemu_sem_init(&w->finished, 0);
    qemu_thread_create(&w->thread, "virtio-irq-vfio", worker_thread, w,
                       QEMU_THREAD_JOINABLE);
}

void virtio_irq_vfio_worker_cleanup(VirtIOIRQVfioWorker *w)
{
    assert(!virtio_irq_vfio_worker_busy(w));
    w->quit = true;
    qemu_sem_post(&w->todo);
    qemu_thread_join(&w->thread);
    qemu_bh_delete(w->bh);
    qemu_sem_destroy(&w->todo);
    qemu_sem_destroy(&w->finished);
}

void virtio_irq_vfio_worker_post(VirtIOIRQVfioWorker *w,
                                 const VirtIOIRQVfioJob *job)
{
    assert(!virtio_irq_vfio_worker_busy(w));
    w->job = *job;
    qemu_sem_post(&w->todo);
}

bool virtio_irq_vfio_worker_wait(VirtIOIRQVfioWorker *w, int ms,
                                 VirtIOIRQVfioJob *job, int *result)
{
    if (!virtio_irq_vfio_worker_busy(w)) {
        return false;
    }
    if (ms < 0) {
        qemu_sem_wait(&w->finished);
    } else if (qemu_sem_timedwait(&w->finished, ms)) {
        return false;
    }
    g_clear_pointer(&w->job.fds, g_free);
    *job = w->job;
    *result = w->result;
    w->job.type = JOB_NONE;
    return true;
}
