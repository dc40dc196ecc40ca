/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: what requests need of the host, and what it takes away
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "virtio-irq-source.h"
#include "virtio-irq-vfio.h"
#include "trace.h"

/*
 * So long a request of the guest's may wait for the host in all, with others
 * for the big QEMU lock, before it is kept back
 */
#define QUICK_NS SCALE_MS

/* Requests that need something of the host */

typedef struct Preparation {
    VirtIOIRQHeld *held;
    int64_t start;
    bool wait;
    bool done;
    /* Those of functions that are not the host's */
    unsigned int others;
} Preparation;

static bool prepare_vector(void *arg, void *priv, uint16_t store,
                           uint32_t index)
{
    VirtIOIRQSource *src = priv;
    Preparation *p = arg;
    int ret, ms = -1;

    /* The whole request is for one store of one function */
    if (store != VIRTIO_IRQ_STORE_MSI) {
        return false;
    }
    if (!src->is_host) {
        p->others++;
        return VIRTIO_IRQ_GET_CLASS(src->s)->prepare;
    }
    if (!p->wait) {
        ms = get_clock() - p->start < QUICK_NS ? 1 : 0;
    }
    p->held->asked = true;
    ret = virtio_irq_vfio_prepare(src->pdev, index, p->held, ms);
    p->done = ret != -EINPROGRESS;
    return !ret;
}

bool virtio_irq_sources_prepare(VirtIOIRQ *s, VirtIOIRQHeld *held, bool wait)
{
    Preparation p = {
        .held = held,
        .start = get_clock(),
        .wait = wait,
        .done = true,
    };

    virtio_irq_core_walk_commits(s->core, held->req, held->req_size,
                                 held->rsp_size, prepare_vector, &p);
    if (p.others && !wait && VIRTIO_IRQ_GET_CLASS(s)->prepare) {
        return VIRTIO_IRQ_GET_CLASS(s)->prepare(s, held, p.others);
    }
    return p.done;
}

void virtio_irq_sources_prepared(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    VirtIOIRQSource *src;
    GHashTableIter iter;

    if (!held->asked) {
        return;
    }
    held->asked = false;
    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&src)) {
        if (src && src->ep && src->is_host &&
            virtio_irq_core_ep_id(src->ep) == held->names.endpoint) {
            virtio_irq_vfio_prepared(src->pdev, held);
            return;
        }
    }
}

/* Its driver cannot be refused it any more, but it can be told */
static void revoke_lost(VirtIOIRQ *s, VirtIOIRQSource *src, uint32_t nr,
                        int error)
{
    const struct virtio_irq_which which = {
        .endpoint = virtio_irq_core_ep_id(src->ep),
        .store = VIRTIO_IRQ_STORE_MSI,
        .first = nr,
        .last = nr,
    };
    uint8_t reason = virtio_irq_status_from_errno(error);
    VirtIOIRQSince since = virtio_irq_since_begin(s);
    int ret;

    if (reason != VIRTIO_IRQ_S_PERM && reason != VIRTIO_IRQ_S_QUOTA) {
        reason = VIRTIO_IRQ_S_NOSPC;
    }
    ret = virtio_irq_core_revoke(s->core, &which, reason);
    virtio_irq_since_end(s, since);
    trace_virtio_irq_lost(s, src->pdev->name, nr, error, ret);
}

void virtio_irq_sources_lost(VirtIOIRQ *s)
{
    VirtIOIRQSource *src;
    GHashTableIter iter;
    uint32_t nr;
    int error;

    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&src)) {
        while (src && src->ep && src->is_host &&
               (error = virtio_irq_vfio_lost(src->pdev, &nr))) {
            revoke_lost(s, src, nr, error);
        }
    }
}
