/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: functions of the host: what it is to be asked for next
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "virtio-irq-vfio-internal.h"

/*
 * So long we wait for an answer of the host that was just asked. Most have
 * given it by then, and the guest finds its own when it comes back from its
 * notification.
 */
#define QUICK_MS 1

bool vfio_irq_is_wanted(Vector *v)
{
    return v->committed || v->late || v->request;
}

/* Nobody can be told that it fails */
static void check_late(Vector *v, int ret)
{
    if (ret) {
        error_report("virtio-irq: %s: no interrupt for vector %u, which the "
                     "guest uses: %s", v->function->vdev->vbasedev.name,
                     vfio_irq_nr(v), ret < 0 ? strerror(-ret) : "too many");
    }
}

static void tell_controller(Function *f)
{
    if (f->answered) {
        qemu_bh_schedule(f->answered);
    }
}

static void refused(Vector *v, int ret)
{
    vfio_irq_set_off(v);
    v->refusal = ret;
    if (v->committed || v->late) {
        check_late(v, ret);
    }
    if (v->committed) {
        v->lost = ret;
        tell_controller(v->function);
    }
}

/*
 * What the guest has released is there for its other functions, also when the
 * host takes its time to take it back.
 */
static bool postpone(Function *f, int ret)
{
    GHashTableIter iter;
    Function *other;
    unsigned int i;

    if (ret <= 0 && ret != -ENOSPC) {
        return false;
    }
    g_hash_table_iter_init(&iter, vfio_irq_functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&other)) {
        if (other == f) {
            continue;
        }
        for (i = 0; i < other->num_vectors; i++) {
            Vector *v = &other->vectors[i];

            if (v->host == HOST_STOPPING ||
                (v->host == HOST_ON && !vfio_irq_is_wanted(v))) {
                f->postponed = true;
                return true;
            }
        }
    }
    return false;
}

/* The host has taken something back */
static void go_on_with_postponed(void)
{
    GHashTableIter iter;
    Function *f;

    g_hash_table_iter_init(&iter, vfio_irq_functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&f)) {
        if (f->postponed) {
            f->postponed = false;
            qemu_bh_schedule(f->worker.bh);
        }
    }
}

static void post_msix(Function *f, VirtIOIRQVfioJobType type, Vector *v)
{
    VirtIOIRQVfioJob job = {
        .type = type,
        .index = VFIO_PCI_MSIX_IRQ_INDEX,
        .others = f->num_on,
    };

    if (v) {
        job.nr = vfio_irq_nr(v);
    }
    if (type == JOB_START) {
        job.fds = g_new(int32_t, 1);
        job.fds[0] = event_notifier_get_fd(&v->event);
    }
    virtio_irq_vfio_worker_post(&f->worker, &job);
}

/* False: there is nothing to be done */
static bool update_msix(Function *f)
{
    unsigned int i;

    if (!f->enabled) {
        /* If it fails, the first COMMIT tries again, and says so */
        f->enabled = true;
        post_msix(f, JOB_ENABLE, NULL);
        return true;
    }
    for (i = 0; i < f->num_vectors; i++) {
        Vector *v = &f->vectors[i];

        if (v->host == HOST_ON && !vfio_irq_is_wanted(v)) {
            vfio_irq_set_stopping(v);
            post_msix(f, JOB_STOP, v);
            return true;
        }
    }
    for (i = 0; i < f->vdev->msix->entries && !f->postponed; i++) {
        Vector *v = &f->vectors[i];
        int ret;

        if (v->host != HOST_OFF || !vfio_irq_is_wanted(v) || v->refusal) {
            continue;
        }
        ret = vfio_irq_new_event(v);
        if (ret) {
            refused(v, ret);
            continue;
        }
        v->host = HOST_STARTING;
        post_msix(f, JOB_START, v);
        return true;
    }
    return false;
}

static void post_block(Function *f, unsigned int count)
{
    VirtIOIRQVfioJob job = {
        .type = count ? JOB_START_BLOCK : JOB_DISABLE,
        .index = VFIO_PCI_MSI_IRQ_INDEX,
        .count = count,
        .fds = g_new(int32_t, count),
    };
    unsigned int i;

    for (i = 0; i < count; i++) {
        job.fds[i] = event_notifier_get_fd(&f->vectors[i].event);
    }
    virtio_irq_vfio_worker_post(&f->worker, &job);
}

static void block_refused(Function *f, int ret)
{
    unsigned int i;

    for (i = 0; i < f->num_vectors; i++) {
        Vector *v = &f->vectors[i];

        if (f->use == USE_MSI && vfio_irq_is_wanted(v)) {
            refused(v, ret);
        } else {
            /* If it is committed it is tried again when MSI is turned on */
            vfio_irq_set_off(v);
            v->refusal = vfio_irq_is_wanted(v) ? ret : 0;
        }
    }
}

/* Of those that there have to be, they are the first ones */
static unsigned int num_wanted(Function *f, bool requested)
{
    unsigned int count = f->num_vectors;

    while (count) {
        Vector *v = &f->vectors[count - 1];

        if (v->committed || v->late || (requested && v->request)) {
            break;
        }
        count--;
    }
    return count;
}

/* How large should the block be? As it is, if nothing else can be done */
static unsigned int block_size(Function *f)
{
    unsigned int i;
    bool refusal = false;

    if (!num_wanted(f, true)) {
        return 0;
    }
    for (i = 0; i < f->num_vectors; i++) {
        refusal |= f->vectors[i].refusal;
    }
    if (refusal || (f->use == USE_MSI && f->num_on)) {
        return f->num_on;
    }
    if (f->use == USE_MSI) {
        return MAX(num_wanted(f, false),
                   msi_nr_vectors_allocated(&f->vdev->pdev));
    }
    return MAX(f->num_on, num_wanted(f, true));
}

static bool update_msi(Function *f)
{
    unsigned int i, count = block_size(f);
    int ret = 0;

    if (count == f->num_on || (count && f->postponed)) {
        return false;
    }
    if (!count) {
        for (i = 0; i < f->num_vectors; i++) {
            vfio_irq_set_stopping(&f->vectors[i]);
        }
        post_block(f, 0);
        return true;
    }
    for (i = 0; i < count && !ret; i++) {
        Vector *v = &f->vectors[i];

        if (v->host == HOST_OFF) {
            ret = vfio_irq_new_event(v);
            v->host = ret ? HOST_OFF : HOST_STARTING;
        }
    }
    if (ret) {
        block_refused(f, ret);
        post_block(f, 0);
    } else {
        post_block(f, count);
    }
    return true;
}

void vfio_irq_update(Function *f)
{
    if (f->ending || virtio_irq_vfio_worker_busy(&f->worker)) {
        return;
    }
    if (f->use == USE_MSIX) {
        update_msix(f);
    } else if (f->use != USE_NOTHING && !update_msi(f) &&
               f->use == USE_MSI_HELD && !num_wanted(f, true)) {
        /* Back to INTx; @f may be gone after that */
        virtio_irq_vfio_disable_msi(f->vdev);
    }
}

/* A job is over */
static void finished(Function *f, const VirtIOIRQVfioJob *job, int ret)
{
    Vector *v = &f->vectors[job->nr];
    unsigned int i;

    switch (job->type) {
    case JOB_START:
        if (ret && postpone(f, ret)) {
            vfio_irq_set_off(v);
        } else if (ret) {
            refused(v, ret);
        } else {
            vfio_irq_set_on(v);
            if (v->committed || v->late) {
                vfio_irq_use(v);
            }
        }
        break;
    case JOB_STOP:
        vfio_irq_set_off(v);
        go_on_with_postponed();
        break;
    case JOB_START_BLOCK:
        if (ret && postpone(f, ret)) {
            vfio_irq_all_off(f);
            break;
        }
        if (ret) {
            block_refused(f, ret);
            break;
        }
        for (i = 0; i < job->count; i++) {
            if (f->vectors[i].host == HOST_STARTING) {
                vfio_irq_set_on(&f->vectors[i]);
            }
            vfio_irq_use(&f->vectors[i]);
        }
        break;
    case JOB_DISABLE:
        vfio_irq_all_off(f);
        go_on_with_postponed();
        break;
    default:
        break;
    }
}

/* At most so many milliseconds; false: there is no job, or it goes on */
bool vfio_irq_await(Function *f, int ms)
{
    VirtIOIRQVfioJob job;
    int ret;

    if (!virtio_irq_vfio_worker_wait(&f->worker, ms, &job, &ret)) {
        return false;
    }
    finished(f, &job, ret);
    tell_controller(f);
    return true;
}

void vfio_irq_host_answered(void *opaque)
{
    Function *f = opaque;

    vfio_irq_await(f, 0);
    vfio_irq_update(f);
}

void vfio_irq_update_quickly(Function *f)
{
    if (virtio_irq_vfio_worker_busy(&f->worker)) {
        return;
    }
    while (vfio_irq_update(f), virtio_irq_vfio_worker_busy(&f->worker)) {
        if (!vfio_irq_await(f, QUICK_MS)) {
            return;
        }
    }
}

/* MSI-X or MSI is off: nothing is under way, and the host has nothing */
void vfio_irq_end_use(Function *f, uint32_t index)
{
    unsigned int i;

    f->ending = true;
    vfio_irq_await(f, -1);
    if (f->worker.num_enabled) {
        vfio_disable_irqindex(&f->vdev->vbasedev, index);
        f->worker.num_enabled = 0;
    }
    for (i = 0; i < f->num_vectors; i++) {
        Vector *v = &f->vectors[i];

        vfio_irq_set_off(v);
        v->late = false;
        /* It would have to be on */
        v->refusal = v->request ? -EBUSY : 0;
    }
    f->use = USE_NOTHING;
    f->ending = false;
    f->postponed = false;
    go_on_with_postponed();
    tell_controller(f);
    vfio_irq_put_function(f);
}

/* Of a function that is not attached: pci.c would have done it, at once */
void vfio_irq_start_late(Vector *v)
{
    Function *f = v->function;

    v->late = true;
    v->refusal = 0;
    while (v->host != HOST_ON && !v->refusal) {
        vfio_irq_update(f);
        if (!vfio_irq_await(f, -1)) {
            return;
        }
    }
    vfio_irq_update(f);
}
