// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ims-testdev: the fire engine, as ims_testdev_regs.h describes it
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "ims-testdev.h"
#include "trace.h"

const char *ims_testdev_name(ImsTestdevState *s)
{
    DeviceState *dev = DEVICE(s);

    return dev->id ?: dev->canonical_path ?: TYPE_IMS_TESTDEV;
}

uint32_t ims_testdev_store_number(ImsTestdevVector *v)
{
    return v->store - v->store->dev->stores;
}

uint32_t ims_testdev_index(ImsTestdevVector *v)
{
    return v - v->store->vectors;
}

static bool ims_testdev_outstanding(const ImsTestdevVector *v)
{
    return v->fired - v->acked - v->abandoned;
}

/* Is it in the pending bit? */
static bool ims_testdev_pending(ImsTestdevVector *v)
{
    return v->store->ops->pending(v);
}

/* Neither MSI nor MSI-X is on, and the function keeps nothing until one is */
static bool ims_testdev_drops(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->store->dev;

    return s->drop_disabled &&
           ims_testdev_store_number(v) == IMS_TESTDEV_STORE_MSI &&
           ims_testdev_mode(s) == IMS_TESTDEV_MODE_NONE;
}

static void ims_testdev_drop(ImsTestdevVector *v)
{
    v->owed--;
    v->fired++;
    v->abandoned++;
    v->store->dev->total.fired++;
    v->store->dev->total.abandoned++;
    trace_ims_testdev_cancel(ims_testdev_name(v->store->dev),
                             ims_testdev_store_number(v), ims_testdev_index(v),
                             0, true);
    if (v->gap && v->owed) {
        timer_mod(&v->timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + v->gap);
    }
}

void ims_testdev_retry(ImsTestdevVector *v)
{
    if (v->store->ops->flush_pending && ims_testdev_pending(v)) {
        v->store->ops->flush_pending(v);
    }
    if (!v->owed || ims_testdev_outstanding(v) || timer_pending(&v->timer)) {
        return;
    }
    /*
     * Counted first: whoever gets the message may look at the counters before
     * this function is back.
     */
    v->owed--;
    v->fired++;
    v->store->dev->total.fired++;
    if (!v->store->ops->raise(v)) {
        v->owed++;
        v->fired--;
        v->store->dev->total.fired--;
        if (ims_testdev_drops(v)) {
            ims_testdev_drop(v);
        }
    }
}

static void ims_testdev_gap_over(void *opaque)
{
    ims_testdev_retry(opaque);
}

void ims_testdev_owe(ImsTestdevVector *v, uint32_t count)
{
    v->owed = MIN((uint64_t)v->owed + count, UINT32_MAX);
    ims_testdev_retry(v);
}

static uint32_t ims_testdev_claim(ImsTestdevVector *v)
{
    /* One in the pending bit has not left: it is not what the guest got */
    bool outstanding = ims_testdev_outstanding(v) && !ims_testdev_pending(v);

    if (outstanding) {
        v->acked++;
        v->store->dev->total.acked++;
    }
    trace_ims_testdev_claim(ims_testdev_name(v->store->dev),
                            ims_testdev_store_number(v), ims_testdev_index(v),
                            outstanding, v->acked);
    if (outstanding) {
        if (v->gap && v->owed) {
            timer_mod(&v->timer,
                      qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + v->gap);
        } else {
            ims_testdev_retry(v);
        }
    }
    return outstanding;
}

static void ims_testdev_cancel(ImsTestdevVector *v)
{
    bool abandoned = false;
    uint32_t owed = v->owed;

    timer_del(&v->timer);
    v->owed = 0;
    if (ims_testdev_outstanding(v)) {
        if (ims_testdev_pending(v)) {
            v->store->ops->clear_pending(v);
            v->fired--;
            v->store->dev->total.fired--;
        } else {
            v->abandoned++;
            v->store->dev->total.abandoned++;
            abandoned = true;
        }
    }
    if (owed || abandoned) {
        trace_ims_testdev_cancel(ims_testdev_name(v->store->dev),
                                 ims_testdev_store_number(v),
                                 ims_testdev_index(v), owed, abandoned);
    }
}

static void ims_testdev_for_each(ImsTestdevState *s,
                                 void (*fn)(ImsTestdevVector *v))
{
    for (unsigned int n = 0; n < ARRAY_SIZE(s->stores); n++) {
        for (uint32_t i = 0; i < s->stores[n].nr_vectors; i++) {
            fn(&s->stores[n].vectors[i]);
        }
    }
}

static void ims_testdev_clear_vector(ImsTestdevVector *v)
{
    ims_testdev_cancel(v);
    v->fired = 0;
    v->acked = 0;
    v->abandoned = 0;
    v->gap = 0;
}

void ims_testdev_clear(ImsTestdevState *s)
{
    ims_testdev_for_each(s, ims_testdev_clear_vector);
    memset(&s->total, 0, sizeof(s->total));
    memset(&s->snapshot, 0, sizeof(s->snapshot));
}

/* However short that is, it is then that each vector had something to say */
static void ims_testdev_drop_one(ImsTestdevVector *v)
{
    if (ims_testdev_drops(v) && v->owed && !ims_testdev_outstanding(v)) {
        ims_testdev_drop(v);
    }
}

void ims_testdev_disabled(ImsTestdevState *s)
{
    ims_testdev_for_each(s, ims_testdev_drop_one);
}

void ims_testdev_retry_all(ImsTestdevState *s)
{
    ims_testdev_for_each(s, ims_testdev_retry);
}

ImsTestdevCounts ims_testdev_sum(ImsTestdevState *s)
{
    ImsTestdevCounts sum = s->total;

    sum.owed = 0;
    for (unsigned int n = 0; n < ARRAY_SIZE(s->stores); n++) {
        for (uint32_t i = 0; i < s->stores[n].nr_vectors; i++) {
            sum.owed += s->stores[n].vectors[i].owed;
        }
    }
    return sum;
}

uint32_t ims_testdev_vector_read(ImsTestdevVector *v, hwaddr reg)
{
    switch (reg) {
    case IMS_TESTDEV_FIRE:
        return v->owed;
    case IMS_TESTDEV_FIRED:
        return v->fired;
    case IMS_TESTDEV_ACKED:
        return v->acked;
    case IMS_TESTDEV_CLAIM:
        return ims_testdev_claim(v);
    case IMS_TESTDEV_GAP:
        return v->gap;
    case IMS_TESTDEV_STATUS:
        return (ims_testdev_outstanding(v) ?
                IMS_TESTDEV_STATUS_OUTSTANDING : 0) |
               (ims_testdev_pending(v) ? IMS_TESTDEV_STATUS_PENDING : 0) |
               (timer_pending(&v->timer) ? IMS_TESTDEV_STATUS_GAP : 0) |
               (v->dma_error ? IMS_TESTDEV_STATUS_DMA_ERROR : 0);
    case IMS_TESTDEV_ABANDONED:
        return v->abandoned;
    default:
        return 0;
    }
}

void ims_testdev_vector_write(ImsTestdevVector *v, hwaddr reg, uint32_t val)
{
    switch (reg) {
    case IMS_TESTDEV_FIRE:
        ims_testdev_owe(v, val);
        break;
    case IMS_TESTDEV_GAP:
        v->gap = val;
        break;
    case IMS_TESTDEV_CANCEL:
        ims_testdev_cancel(v);
        break;
    default:
        break;
    }
}

void ims_testdev_init_store(ImsTestdevState *s, unsigned int number,
                            const ImsTestdevStoreOps *ops, uint32_t nr_vectors)
{
    ImsTestdevStore *store = &s->stores[number];

    store->dev = s;
    store->ops = ops;
    store->nr_vectors = nr_vectors;
    store->vectors = g_new0(ImsTestdevVector, nr_vectors);
    for (uint32_t i = 0; i < nr_vectors; i++) {
        store->vectors[i].store = store;
        timer_init_ns(&store->vectors[i].timer, QEMU_CLOCK_VIRTUAL,
                      ims_testdev_gap_over, &store->vectors[i]);
    }
}

static void ims_testdev_stop_vector(ImsTestdevVector *v)
{
    timer_del(&v->timer);
}

void ims_testdev_cleanup_stores(ImsTestdevState *s)
{
    ims_testdev_for_each(s, ims_testdev_stop_vector);
    for (unsigned int n = 0; n < ARRAY_SIZE(s->stores); n++) {
        s->stores[n].nr_vectors = 0;
        g_clear_pointer(&s->stores[n].vectors, g_free);
    }
}

static int ims_testdev_vector_post_load(void *opaque, int version_id)
{
    ImsTestdevVector *v = opaque;

    if (v->fired - v->acked - v->abandoned > 1) {
        error_report("%s: vector %" PRIu32 " has more than one interrupt "
                     "outstanding", TYPE_IMS_TESTDEV, ims_testdev_index(v));
        return -EINVAL;
    }
    return 0;
}

const VMStateDescription vmstate_ims_testdev_vector = {
    .name = TYPE_IMS_TESTDEV "/vector",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = ims_testdev_vector_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_UINT32(owed, ImsTestdevVector),
        VMSTATE_UINT32(fired, ImsTestdevVector),
        VMSTATE_UINT32(acked, ImsTestdevVector),
        VMSTATE_UINT32(abandoned, ImsTestdevVector),
        VMSTATE_UINT32(gap, ImsTestdevVector),
        VMSTATE_TIMER(timer, ImsTestdevVector),
        VMSTATE_END_OF_LIST()
    }
};
