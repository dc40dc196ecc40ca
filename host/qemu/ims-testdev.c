// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ims-testdev: a PCI function that exists to send interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What it does, and its registers, are described in ims_testdev_regs.h.
 *
 *   -device ims-testdev,id=t0[,vectors=N][,msi=N][,msi64=off][,msi-mask=off]
 *
 * vectors: size of the MSI-X table, 0 for no MSI-X; msi: number of MSI vectors,
 * 0 for no MSI; msi64=off: an MSI capability that holds 32-bit addresses only;
 * msi-mask=off: no per-vector mask and pending bits in it.
 *
 * The host sees the counters too, and can fire:
 *
 *   qom-get /machine/peripheral/t0 fired-total      also owed-, acked-,
 *                                                   abandoned-total
 *   qom-get /machine/peripheral/t0 fired            one number per vector, also
 *                                                   owed, acked, abandoned
 *   qom-set /machine/peripheral/t0 fire "3,100"     100 interrupts on vector 3
 *
 * A message leaves through the function's own bus master address space under
 * its own requester ID, be it fired or raw, as any device's would.
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "qapi/qapi-builtin-visit.h"
#include "qapi/visitor.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qom/object.h"
#include "compat.h"
#include "ims_testdev_regs.h"
#include "trace.h"

#define TYPE_IMS_TESTDEV "ims-testdev"
OBJECT_DECLARE_SIMPLE_TYPE(ImsTestdevState, IMS_TESTDEV)

QEMU_BUILD_BUG_ON(IMS_TESTDEV_VECTOR(IMS_TESTDEV_MAX_VECTORS) >
                  IMS_TESTDEV_REGS_SIZE);

typedef struct ImsTestdevCounts {
    uint64_t owed;
    uint64_t fired;
    uint64_t acked;
    uint64_t abandoned;
} ImsTestdevCounts;

typedef struct ImsTestdevVector {
    ImsTestdevState *dev;
    QEMUTimer timer;
    uint32_t owed;
    /* The next three wrap; fired - acked - abandoned is 0 or 1 */
    uint32_t fired;
    uint32_t acked;
    uint32_t abandoned;
    uint32_t gap;
} ImsTestdevVector;

struct ImsTestdevState {
    PCIDevice pdev;
    MemoryRegion regs;

    /* Properties */
    uint32_t msix_vectors;
    uint32_t msi_vectors;
    bool msi64;
    bool msi_mask;

    uint32_t nr_vectors;
    ImsTestdevVector *vectors;
    /* Over all vectors; .owed is only summed up when somebody asks */
    ImsTestdevCounts total;
    ImsTestdevCounts snapshot;

    uint64_t raw_addr;
    uint32_t raw_data;
    uint32_t raw_result;
    uint32_t raw_sent;
};

static const char *ims_testdev_name(ImsTestdevState *s)
{
    DeviceState *dev = DEVICE(s);

    return dev->id ?: dev->canonical_path ?: TYPE_IMS_TESTDEV;
}

static uint32_t ims_testdev_index(ImsTestdevVector *v)
{
    return v - v->dev->vectors;
}

static bool ims_testdev_outstanding(const ImsTestdevVector *v)
{
    return v->fired - v->acked - v->abandoned;
}

static uint32_t ims_testdev_mode(ImsTestdevState *s)
{
    if (msix_enabled(&s->pdev)) {
        return IMS_TESTDEV_MODE_MSIX;
    }
    if (msi_enabled(&s->pdev)) {
        return IMS_TESTDEV_MODE_MSI;
    }
    return IMS_TESTDEV_MODE_NONE;
}

/* The pending bits of the MSI capability, NULL if it has none */
static uint8_t *ims_testdev_msi_pending_bits(ImsTestdevState *s)
{
    if (!msi_present(&s->pdev) || !s->msi_mask) {
        return NULL;
    }
    return s->pdev.config + s->pdev.msi_cap +
           (s->msi64 ? PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32);
}

/*
 * Neither MSI nor MSI-X forgets its pending bits while it is disabled, so both
 * are looked at, whichever is enabled.
 */
static bool ims_testdev_pending(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->dev;
    uint32_t i = ims_testdev_index(v);
    uint8_t *msi = ims_testdev_msi_pending_bits(s);

    if (i < s->msix_vectors && s->pdev.msix_pba[i / 8] & (1 << i % 8)) {
        return true;
    }
    return i < s->msi_vectors && msi && pci_get_long(msi) & (1U << i);
}

/*
 * "If a masked Vector has its Pending bit Set, and the associated underlying
 * interrupt events are somehow satisfied [...], the Function must Clear the
 * Pending bit" (PCI Express, "Per-vector Masking and Function Masking").
 */
static void ims_testdev_clear_pending(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->dev;
    uint32_t i = ims_testdev_index(v);
    uint8_t *msi = ims_testdev_msi_pending_bits(s);

    if (i < s->msix_vectors) {
        msix_clr_pending(&s->pdev, i);
    }
    if (i < s->msi_vectors && msi) {
        pci_long_test_and_clear_mask(msi, 1U << i);
    }
}

/*
 * Raise the vector's interrupt. The only place that knows where its message is
 * kept. False if it cannot be raised at present.
 */
static bool ims_testdev_raise(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->dev;
    PCIDevice *pdev = &s->pdev;
    uint32_t i = ims_testdev_index(v);
    MSIMessage msg;
    bool masked;

    /*
     * msix_notify() and msi_notify() would let the message vanish in the
     * disabled bus master region.
     */
    if (!(pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
        return false;
    }

    switch (ims_testdev_mode(s)) {
    case IMS_TESTDEV_MODE_MSIX:
        if (i >= s->msix_vectors) {
            return false;
        }
        msg = msix_get_message(pdev, i);
        masked = msix_is_masked(pdev, i);
        trace_ims_testdev_fire(ims_testdev_name(s), i, msg.address, msg.data,
                               masked, v->fired);
        msix_notify(pdev, i);
        return true;
    case IMS_TESTDEV_MODE_MSI:
        /* msi_notify() asserts this */
        if (i >= msi_nr_vectors_allocated(pdev)) {
            return false;
        }
        msg = msi_get_message(pdev, i);
        masked = msi_is_masked(pdev, i);
        trace_ims_testdev_fire(ims_testdev_name(s), i, msg.address, msg.data,
                               masked, v->fired);
        msi_notify(pdev, i);
        return true;
    default:
        return false;
    }
}

/* Fire the next interrupt if there is one to fire */
static void ims_testdev_kick(ImsTestdevVector *v)
{
    if (!v->owed || ims_testdev_outstanding(v) || timer_pending(&v->timer)) {
        return;
    }
    /*
     * Counted first: whoever gets the message may look at the counters before
     * this function is back.
     */
    v->owed--;
    v->fired++;
    v->dev->total.fired++;
    if (!ims_testdev_raise(v)) {
        v->owed++;
        v->fired--;
        v->dev->total.fired--;
    }
}

static void ims_testdev_gap_over(void *opaque)
{
    ims_testdev_kick(opaque);
}

static void ims_testdev_owe(ImsTestdevVector *v, uint32_t count)
{
    v->owed = MIN((uint64_t)v->owed + count, UINT32_MAX);
    ims_testdev_kick(v);
}

static uint32_t ims_testdev_claim(ImsTestdevVector *v)
{
    /* One in the pending bit has not left: it is not what the guest got */
    bool outstanding = ims_testdev_outstanding(v) && !ims_testdev_pending(v);

    if (outstanding) {
        v->acked++;
        v->dev->total.acked++;
    }
    trace_ims_testdev_claim(ims_testdev_name(v->dev), ims_testdev_index(v),
                            outstanding, v->acked);
    if (outstanding) {
        if (v->gap && v->owed) {
            timer_mod(&v->timer,
                      qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + v->gap);
        } else {
            ims_testdev_kick(v);
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
            ims_testdev_clear_pending(v);
            v->fired--;
            v->dev->total.fired--;
        } else {
            v->abandoned++;
            v->dev->total.abandoned++;
            abandoned = true;
        }
    }
    if (owed || abandoned) {
        trace_ims_testdev_cancel(ims_testdev_name(v->dev), ims_testdev_index(v),
                                 owed, abandoned);
    }
}

static void ims_testdev_clear(ImsTestdevState *s)
{
    for (uint32_t i = 0; i < s->nr_vectors; i++) {
        ImsTestdevVector *v = &s->vectors[i];

        ims_testdev_cancel(v);
        v->fired = 0;
        v->acked = 0;
        v->abandoned = 0;
        v->gap = 0;
    }
    memset(&s->total, 0, sizeof(s->total));
    memset(&s->snapshot, 0, sizeof(s->snapshot));
}

static ImsTestdevCounts ims_testdev_sum(ImsTestdevState *s)
{
    ImsTestdevCounts sum = s->total;

    sum.owed = 0;
    for (uint32_t i = 0; i < s->nr_vectors; i++) {
        sum.owed += s->vectors[i].owed;
    }
    return sum;
}

static void ims_testdev_send_raw(ImsTestdevState *s)
{
    MemTxAttrs attrs = { .requester_id = pci_requester_id(&s->pdev) };
    MemTxResult result;

    address_space_stl_le(&s->pdev.bus_master_as, s->raw_addr, s->raw_data,
                         attrs, &result);
    s->raw_result = result;
    s->raw_sent++;
    trace_ims_testdev_raw(ims_testdev_name(s), s->raw_addr, s->raw_data,
                          s->raw_result);
}

static uint32_t ims_testdev_vector_read(ImsTestdevVector *v, hwaddr reg)
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
               (timer_pending(&v->timer) ? IMS_TESTDEV_STATUS_GAP : 0);
    case IMS_TESTDEV_ABANDONED:
        return v->abandoned;
    default:
        return 0;
    }
}

static void ims_testdev_vector_write(ImsTestdevVector *v, hwaddr reg,
                                     uint32_t val)
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

/* The vector whose block contains @addr, NULL if none does */
static ImsTestdevVector *ims_testdev_at(ImsTestdevState *s, hwaddr addr)
{
    hwaddr i;

    if (addr < IMS_TESTDEV_VECTOR_BASE) {
        return NULL;
    }
    i = (addr - IMS_TESTDEV_VECTOR_BASE) / IMS_TESTDEV_VECTOR_SIZE;
    return i < s->nr_vectors ? &s->vectors[i] : NULL;
}

static uint64_t ims_testdev_read(void *opaque, hwaddr addr, unsigned size)
{
    ImsTestdevState *s = opaque;
    ImsTestdevVector *v = ims_testdev_at(s, addr);

    if (v) {
        return ims_testdev_vector_read(v, addr % IMS_TESTDEV_VECTOR_SIZE);
    }

    switch (addr) {
    case IMS_TESTDEV_ID:
        return IMS_TESTDEV_ID_VALUE;
    case IMS_TESTDEV_VERSION:
        return IMS_TESTDEV_VERSION_VALUE;
    case IMS_TESTDEV_VECTORS:
        return s->nr_vectors;
    case IMS_TESTDEV_MSIX_VECTORS:
        return s->msix_vectors;
    case IMS_TESTDEV_MSI_VECTORS:
        return s->msi_vectors;
    case IMS_TESTDEV_MODE:
        return ims_testdev_mode(s);
    case IMS_TESTDEV_SUM_OWED_LO:
        return extract64(s->snapshot.owed, 0, 32);
    case IMS_TESTDEV_SUM_OWED_HI:
        return extract64(s->snapshot.owed, 32, 32);
    case IMS_TESTDEV_SUM_FIRED_LO:
        return extract64(s->snapshot.fired, 0, 32);
    case IMS_TESTDEV_SUM_FIRED_HI:
        return extract64(s->snapshot.fired, 32, 32);
    case IMS_TESTDEV_SUM_ACKED_LO:
        return extract64(s->snapshot.acked, 0, 32);
    case IMS_TESTDEV_SUM_ACKED_HI:
        return extract64(s->snapshot.acked, 32, 32);
    case IMS_TESTDEV_SUM_ABANDONED_LO:
        return extract64(s->snapshot.abandoned, 0, 32);
    case IMS_TESTDEV_SUM_ABANDONED_HI:
        return extract64(s->snapshot.abandoned, 32, 32);
    case IMS_TESTDEV_RAW_ADDR_LO:
        return extract64(s->raw_addr, 0, 32);
    case IMS_TESTDEV_RAW_ADDR_HI:
        return extract64(s->raw_addr, 32, 32);
    case IMS_TESTDEV_RAW_DATA:
        return s->raw_data;
    case IMS_TESTDEV_RAW_RESULT:
        return s->raw_result;
    case IMS_TESTDEV_RAW_SENT:
        return s->raw_sent;
    default:
        return 0;
    }
}

static void ims_testdev_write(void *opaque, hwaddr addr, uint64_t val,
                              unsigned size)
{
    ImsTestdevState *s = opaque;
    ImsTestdevVector *v = ims_testdev_at(s, addr);

    if (v) {
        ims_testdev_vector_write(v, addr % IMS_TESTDEV_VECTOR_SIZE, val);
        return;
    }

    switch (addr) {
    case IMS_TESTDEV_CLEAR:
        ims_testdev_clear(s);
        break;
    case IMS_TESTDEV_SNAPSHOT:
        s->snapshot = ims_testdev_sum(s);
        break;
    case IMS_TESTDEV_RAW_ADDR_LO:
        s->raw_addr = deposit64(s->raw_addr, 0, 32, val);
        break;
    case IMS_TESTDEV_RAW_ADDR_HI:
        s->raw_addr = deposit64(s->raw_addr, 32, 32, val);
        break;
    case IMS_TESTDEV_RAW_DATA:
        s->raw_data = val;
        break;
    case IMS_TESTDEV_RAW_SEND:
        ims_testdev_send_raw(s);
        break;
    default:
        break;
    }
}

static const MemoryRegionOps ims_testdev_ops = {
    .read = ims_testdev_read,
    .write = ims_testdev_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid.min_access_size = 4,
    .valid.max_access_size = 4,
    .impl.min_access_size = 4,
    .impl.max_access_size = 4,
};

static void ims_testdev_write_config(PCIDevice *pdev, uint32_t addr,
                                     uint32_t val, int len)
{
    ImsTestdevState *s = IMS_TESTDEV(pdev);

    pci_default_write_config(pdev, addr, val, len);
    /* Bus mastering, MSI or MSI-X may have been enabled: send what is owed */
    for (uint32_t i = 0; i < s->nr_vectors; i++) {
        ims_testdev_kick(&s->vectors[i]);
    }
}

static void ims_testdev_reset(DeviceState *dev)
{
    ImsTestdevState *s = IMS_TESTDEV(dev);

    ims_testdev_clear(s);
    s->raw_addr = 0;
    s->raw_data = 0;
    s->raw_result = IMS_TESTDEV_RAW_RESULT_NONE;
    s->raw_sent = 0;
}

static void ims_testdev_realize(PCIDevice *pdev, Error **errp)
{
    ImsTestdevState *s = IMS_TESTDEV(pdev);

    if (s->msix_vectors > IMS_TESTDEV_MAX_VECTORS) {
        error_setg(errp, "vectors must be at most %d", IMS_TESTDEV_MAX_VECTORS);
        return;
    }
    if (s->msi_vectors > 32 ||
        (s->msi_vectors && !is_power_of_2(s->msi_vectors))) {
        error_setg(errp, "msi must be 0, 1, 2, 4, 8, 16 or 32");
        return;
    }

    memory_region_init_io(&s->regs, OBJECT(s), &ims_testdev_ops, s,
                          TYPE_IMS_TESTDEV "-regs", IMS_TESTDEV_REGS_SIZE);
    pci_register_bar(pdev, IMS_TESTDEV_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->regs);

    if (s->msi_vectors &&
        msi_init(pdev, 0, s->msi_vectors, s->msi64, s->msi_mask, errp)) {
        return;
    }
    if (s->msix_vectors) {
        if (msix_init_exclusive_bar(pdev, s->msix_vectors, IMS_TESTDEV_BAR_MSIX,
                                    errp)) {
            msi_uninit(pdev);
            return;
        }
        for (uint32_t i = 0; i < s->msix_vectors; i++) {
            msix_vector_use(pdev, i);
        }
    }

    s->vectors = g_new0(ImsTestdevVector, MAX(s->msix_vectors, s->msi_vectors));
    s->nr_vectors = MAX(s->msix_vectors, s->msi_vectors);
    for (uint32_t i = 0; i < s->nr_vectors; i++) {
        s->vectors[i].dev = s;
        timer_init_ns(&s->vectors[i].timer, QEMU_CLOCK_VIRTUAL,
                      ims_testdev_gap_over, &s->vectors[i]);
    }
}

static void ims_testdev_exit(PCIDevice *pdev)
{
    ImsTestdevState *s = IMS_TESTDEV(pdev);

    for (uint32_t i = 0; i < s->nr_vectors; i++) {
        timer_del(&s->vectors[i].timer);
    }
    s->nr_vectors = 0;
    g_clear_pointer(&s->vectors, g_free);
    msix_uninit_exclusive_bar(pdev);
    msi_uninit(pdev);
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

static const VMStateDescription vmstate_ims_testdev_vector = {
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

static const VMStateDescription vmstate_ims_testdev_counts = {
    .name = TYPE_IMS_TESTDEV "/counts",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (VMStateField[]) {
        VMSTATE_UINT64(owed, ImsTestdevCounts),
        VMSTATE_UINT64(fired, ImsTestdevCounts),
        VMSTATE_UINT64(acked, ImsTestdevCounts),
        VMSTATE_UINT64(abandoned, ImsTestdevCounts),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_ims_testdev = {
    .name = TYPE_IMS_TESTDEV,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (VMStateField[]) {
        /* With the configuration space comes the MSI capability */
        VMSTATE_PCI_DEVICE(pdev, ImsTestdevState),
        VMSTATE_MSIX(pdev, ImsTestdevState),
        VMSTATE_UINT32_EQUAL(nr_vectors, ImsTestdevState, NULL),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(vectors, ImsTestdevState,
                                             nr_vectors,
                                             vmstate_ims_testdev_vector,
                                             ImsTestdevVector),
        VMSTATE_STRUCT(total, ImsTestdevState, 1, vmstate_ims_testdev_counts,
                       ImsTestdevCounts),
        VMSTATE_STRUCT(snapshot, ImsTestdevState, 1,
                       vmstate_ims_testdev_counts, ImsTestdevCounts),
        VMSTATE_UINT64(raw_addr, ImsTestdevState),
        VMSTATE_UINT32(raw_data, ImsTestdevState),
        VMSTATE_UINT32(raw_result, ImsTestdevState),
        VMSTATE_UINT32(raw_sent, ImsTestdevState),
        VMSTATE_END_OF_LIST()
    }
};

/*
 * QOM: what the host may read and do. The opaque of a counter's property is its
 * offset, in ImsTestdevCounts for a total, in ImsTestdevVector for a list.
 */

static void ims_testdev_get_total(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    ImsTestdevCounts sum = ims_testdev_sum(IMS_TESTDEV(obj));
    uint64_t value = *(uint64_t *)((char *)&sum + (uintptr_t)opaque);

    visit_type_uint64(v, name, &value, errp);
}

static void ims_testdev_get_list(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    ImsTestdevState *s = IMS_TESTDEV(obj);
    uint32List *list = NULL, **tail = &list;

    for (uint32_t i = 0; i < s->nr_vectors; i++) {
        QAPI_LIST_APPEND(tail, *(uint32_t *)((char *)&s->vectors[i] +
                                             (uintptr_t)opaque));
    }
    visit_type_uint32List(v, name, &list, errp);
    qapi_free_uint32List(list);
}

static void ims_testdev_set_fire(Object *obj, const char *value, Error **errp)
{
    ImsTestdevState *s = IMS_TESTDEV(obj);
    unsigned int vector, count;
    const char *end;

    if (qemu_strtoui(value, &end, 0, &vector) || *end != ',' ||
        qemu_strtoui(end + 1, NULL, 0, &count)) {
        error_setg(errp, "fire takes \"VECTOR,COUNT\", not \"%s\"", value);
        return;
    }
    if (vector >= s->nr_vectors) {
        error_setg(errp, "no vector %u, there are %" PRIu32, vector,
                   s->nr_vectors);
        return;
    }
    ims_testdev_owe(&s->vectors[vector], count);
}

static COMPAT_PROPERTY ims_testdev_properties[] = {
    DEFINE_PROP_UINT32("vectors", ImsTestdevState, msix_vectors, 64),
    DEFINE_PROP_UINT32("msi", ImsTestdevState, msi_vectors, 32),
    DEFINE_PROP_BOOL("msi64", ImsTestdevState, msi64, true),
    DEFINE_PROP_BOOL("msi-mask", ImsTestdevState, msi_mask, true),
    COMPAT_PROPERTIES_END
};

#define IMS_TESTDEV_ADD_COUNTER(klass, field, text) do {                     \
    object_class_property_add(klass, #field "-total", "uint64",              \
        ims_testdev_get_total, NULL, NULL,                                   \
        (void *)(uintptr_t)offsetof(ImsTestdevCounts, field));               \
    object_class_property_set_description(klass, #field "-total",            \
                                          "Interrupts " text);               \
    object_class_property_add(klass, #field, "uint32List",                   \
        ims_testdev_get_list, NULL, NULL,                                    \
        (void *)(uintptr_t)offsetof(ImsTestdevVector, field));               \
    object_class_property_set_description(klass, #field,                     \
                                          "Interrupts " text ", per vector"); \
} while (0)

static void ims_testdev_class_init(ObjectClass *klass, COMPAT_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = ims_testdev_realize;
    k->exit = ims_testdev_exit;
    k->config_write = ims_testdev_write_config;
    k->vendor_id = IMS_TESTDEV_VENDOR_ID;
    k->device_id = IMS_TESTDEV_DEVICE_ID;
    k->revision = IMS_TESTDEV_VERSION_VALUE;
    k->class_id = PCI_CLASS_OTHERS;
    dc->desc = "Interrupt source for tests";
#if QEMU_VERSION_MAJOR >= 10
    device_class_set_legacy_reset(dc, ims_testdev_reset);
#else
    dc->reset = ims_testdev_reset;
#endif
    dc->vmsd = &vmstate_ims_testdev;
    device_class_set_props(dc, ims_testdev_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);

    IMS_TESTDEV_ADD_COUNTER(klass, owed, "still to be fired");
    IMS_TESTDEV_ADD_COUNTER(klass, fired, "fired");
    IMS_TESTDEV_ADD_COUNTER(klass, acked, "acknowledged by the guest");
    IMS_TESTDEV_ADD_COUNTER(klass, abandoned, "cancelled after they had left");
    object_class_property_add_str(klass, "fire", NULL, ims_testdev_set_fire);
    object_class_property_set_description(klass, "fire",
        "\"VECTOR,COUNT\": fire that many more interrupts on that vector");
}

static const TypeInfo ims_testdev_info = {
    .name = TYPE_IMS_TESTDEV,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(ImsTestdevState),
    .class_init = ims_testdev_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

static void ims_testdev_register_types(void)
{
    type_register_static(&ims_testdev_info);
}
type_init(ims_testdev_register_types)
