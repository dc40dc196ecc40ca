// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ims-testdev: interrupt message stores, as ims_testdev_regs.h describes them
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Slots are registers of BAR 2, records are guest memory. Where a message comes
 * from, and where its pending bit is, is all that differs between them.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "ims-testdev.h"
#include "trace.h"

QEMU_BUILD_BUG_ON(IMS_TESTDEV_STORE_VECTOR(IMS_TESTDEV_NUM_STORES, 0) !=
                  IMS_TESTDEV_STORES_SIZE);
/* Where a block's common registers end, and those of its store begin */
QEMU_BUILD_BUG_ON(IMS_TESTDEV_SLOT_ADDR_LO != IMS_TESTDEV_VECTOR_SIZE);
/* A record's address is read in one piece, its message up to .pending */
QEMU_BUILD_BUG_ON(IMS_TESTDEV_RECORD_ADDR_HI != IMS_TESTDEV_RECORD_ADDR_LO + 4);
QEMU_BUILD_BUG_ON(IMS_TESTDEV_RECORD_PENDING != IMS_TESTDEV_RECORD_CTRL + 4);

#define PASID_BITS 20
QEMU_BUILD_BUG_ON(IMS_TESTDEV_CTRL_PASID_MASK >> IMS_TESTDEV_CTRL_PASID_SHIFT !=
                  (1 << PASID_BITS) - 1);

#define CTRL_BITS (IMS_TESTDEV_CTRL_MASK | IMS_TESTDEV_CTRL_PASID_VALID | \
                   IMS_TESTDEV_CTRL_PASID_MASK)

/*
 * How often a record is read, at most, until it is twice the same. A driver
 * that keeps the rules changes it once at a time, and needs longer for it.
 */
#define RECORD_READS 8
#define RECORD_AGAIN_NS SCALE_US

static bool is_record(ImsTestdevVector *v)
{
    return ims_testdev_store_number(v) == IMS_TESTDEV_STORE_RECORDS;
}

/* False if there are no records, or this one's memory cannot be accessed */
static bool access_record(ImsTestdevVector *v, DMADirection dir,
                          hwaddr offset, void *buf, size_t size)
{
    ImsTestdevState *s = v->store->dev;
    MemReentrancyGuard *guard = &DEVICE(s)->mem_reentrancy_guard;
    MemTxAttrs attrs = { .requester_id = pci_requester_id(&s->pdev) };
    uint32_t i = ims_testdev_index(v);
    hwaddr addr = s->record_base + (uint64_t)i * s->record_stride + offset;
    bool engaged = guard->engaged_in_io;
    MemTxResult result;

    if (!s->record_stride) {
        return false;
    }
    /* A guest may place records in our own BARs; timers have no such guard */
    guard->engaged_in_io = true;
    result = pci_dma_rw(&s->pdev, addr, buf, size, dir, attrs);
    guard->engaged_in_io = engaged;
    v->dma_error = result != MEMTX_OK;
    trace_ims_testdev_record(ims_testdev_name(s), i, addr,
                             dir == DMA_DIRECTION_TO_DEVICE ? "read" : "write",
                             result);
    return !v->dma_error;
}

/*
 * The mask is looked at twice, as drivers are promised, and so is all the rest:
 * a driver may have masked, changed and unmasked the record in between.
 */
static bool fetch_record(ImsTestdevVector *v, ImsTestdevMessage *msg)
{
    ImsTestdevState *s = v->store->dev;
    uint8_t last[IMS_TESTDEV_RECORD_PENDING];
    uint8_t now[IMS_TESTDEV_RECORD_PENDING];

    for (int reads = 0; reads < RECORD_READS; reads++) {
        if (!access_record(v, DMA_DIRECTION_TO_DEVICE, 0, now, sizeof(now))) {
            return false;
        }
        if (reads && !memcmp(now, last, sizeof(now))) {
            msg->addr = ldq_le_p(now + IMS_TESTDEV_RECORD_ADDR_LO);
            if (s->memory_addr32) {
                msg->addr &= UINT32_MAX;
            }
            msg->data = ldl_le_p(now + IMS_TESTDEV_RECORD_DATA);
            if (s->memory_data16) {
                msg->data &= UINT16_MAX;
            }
            msg->ctrl = ldl_le_p(now + IMS_TESTDEV_RECORD_CTRL);
            return true;
        }
        memcpy(last, now, sizeof(last));
    }
    /* Not for ever, and nobody is going to tell us when it is over */
    timer_mod(&v->timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + RECORD_AGAIN_NS);
    return false;
}

/* What the vector holds at present; false if that is not known */
static bool fetch(ImsTestdevVector *v, ImsTestdevMessage *msg)
{
    if (is_record(v)) {
        return fetch_record(v, msg);
    }
    *msg = v->slot;
    return true;
}

static bool set_pending(ImsTestdevVector *v, bool pending)
{
    uint8_t buf[4];

    stl_le_p(buf, pending);
    if (is_record(v) &&
        !access_record(v, DMA_DIRECTION_FROM_DEVICE, IMS_TESTDEV_RECORD_PENDING,
                       buf, sizeof(buf)) && pending) {
        return false;
    }
    v->pending = pending;
    return true;
}

static void trace_fire(ImsTestdevVector *v, const ImsTestdevMessage *msg)
{
    trace_ims_testdev_fire(ims_testdev_name(v->store->dev),
                           ims_testdev_store_number(v), ims_testdev_index(v),
                           msg->addr, msg->data,
                           msg->ctrl & IMS_TESTDEV_CTRL_MASK, v->fired);
}

static bool may_send(ImsTestdevVector *v, const ImsTestdevMessage *msg)
{
    return !(msg->ctrl & IMS_TESTDEV_CTRL_MASK) && msg->addr;
}

static void send_message(ImsTestdevVector *v, const ImsTestdevMessage *msg)
{
    uint32_t pasid = VIRTIO_IRQ_NO_PASID;

    if (msg->ctrl & IMS_TESTDEV_CTRL_PASID_VALID) {
        pasid = msg->ctrl >> IMS_TESTDEV_CTRL_PASID_SHIFT;
    }
    trace_fire(v, msg);
    virtio_irq_send(&v->store->dev->pdev, msg->addr, msg->data, pasid);
}

static void flush_pending(ImsTestdevVector *v)
{
    ImsTestdevMessage msg;

    if (!ims_testdev_is_master(v->store->dev) || !fetch(v, &msg) ||
        !may_send(v, &msg)) {
        return;
    }
    set_pending(v, false);
    send_message(v, &msg);
}

static bool raise_message(ImsTestdevVector *v)
{
    ImsTestdevMessage msg;

    if (!ims_testdev_is_master(v->store->dev) || !fetch(v, &msg)) {
        return false;
    }
    if (may_send(v, &msg)) {
        send_message(v, &msg);
        return true;
    }
    if (!(msg.ctrl & IMS_TESTDEV_CTRL_MASK) || !set_pending(v, true)) {
        return false;
    }
    trace_fire(v, &msg);
    /* Who unmasked a record before it was pending has seen nothing to kick */
    flush_pending(v);
    return true;
}

static bool is_pending(ImsTestdevVector *v)
{
    return v->pending;
}

static void clear_pending(ImsTestdevVector *v)
{
    set_pending(v, false);
}

static const ImsTestdevStoreOps store_ops = {
    .raise = raise_message,
    .pending = is_pending,
    .clear_pending = clear_pending,
    .flush_pending = flush_pending,
};

/* BAR 2 */

static uint32_t read_slot(ImsTestdevVector *v, hwaddr reg)
{
    switch (reg) {
    case IMS_TESTDEV_SLOT_ADDR_LO:
        return extract64(v->slot.addr, 0, 32);
    case IMS_TESTDEV_SLOT_ADDR_HI:
        return extract64(v->slot.addr, 32, 32);
    case IMS_TESTDEV_SLOT_DATA:
        return v->slot.data;
    case IMS_TESTDEV_SLOT_CTRL:
        return v->slot.ctrl;
    default:
        return 0;
    }
}

static void write_slot(ImsTestdevVector *v, hwaddr reg, uint32_t val)
{
    ImsTestdevState *s = v->store->dev;

    switch (reg) {
    case IMS_TESTDEV_SLOT_ADDR_LO:
        v->slot.addr = deposit64(v->slot.addr, 0, 32, val);
        break;
    case IMS_TESTDEV_SLOT_ADDR_HI:
        v->slot.addr = deposit64(v->slot.addr, 32, 32, s->bar_addr32 ? 0 : val);
        break;
    case IMS_TESTDEV_SLOT_DATA:
        v->slot.data = s->bar_data16 ? val & UINT16_MAX : val;
        break;
    case IMS_TESTDEV_SLOT_CTRL:
        v->slot.ctrl = val & CTRL_BITS;
        break;
    default:
        return;
    }
    ims_testdev_retry(v);
}

/*
 * The vector whose block contains @addr, NULL if there is none; store and index
 * are what they would be then.
 */
static ImsTestdevVector *vector_at(ImsTestdevState *s, hwaddr addr,
                                   uint32_t *store, uint32_t *index)
{
    uint32_t n = addr / IMS_TESTDEV_STORE_VECTOR_SIZE;

    *store = IMS_TESTDEV_STORE_SLOTS + n / IMS_TESTDEV_MAX_VECTORS;
    *index = n % IMS_TESTDEV_MAX_VECTORS;
    return *index < s->stores[*store].nr_vectors ?
           &s->stores[*store].vectors[*index] : NULL;
}

static uint64_t ims_testdev_stores_read(void *opaque, hwaddr addr,
                                        unsigned size)
{
    ImsTestdevState *s = opaque;
    hwaddr reg = addr % IMS_TESTDEV_STORE_VECTOR_SIZE;
    uint32_t store, index, val = 0;
    ImsTestdevVector *v = vector_at(s, addr, &store, &index);

    if (v && reg < IMS_TESTDEV_VECTOR_SIZE) {
        val = ims_testdev_vector_read(v, reg);
    } else if (v && !is_record(v)) {
        val = read_slot(v, reg);
    }
    trace_ims_testdev_store_read(ims_testdev_name(s), store, index, reg, val);
    return val;
}

static void ims_testdev_stores_write(void *opaque, hwaddr addr, uint64_t val,
                                     unsigned size)
{
    ImsTestdevState *s = opaque;
    hwaddr reg = addr % IMS_TESTDEV_STORE_VECTOR_SIZE;
    uint32_t store, index;
    ImsTestdevVector *v = vector_at(s, addr, &store, &index);

    trace_ims_testdev_store_write(ims_testdev_name(s), store, index, reg, val);
    if (!v) {
        return;
    }
    if (reg < IMS_TESTDEV_VECTOR_SIZE) {
        ims_testdev_vector_write(v, reg, val);
    } else if (!is_record(v)) {
        write_slot(v, reg, val);
    } else if (reg == IMS_TESTDEV_KICK) {
        ims_testdev_retry(v);
    }
}

static const MemoryRegionOps ims_testdev_stores_ops = {
    .read = ims_testdev_stores_read,
    .write = ims_testdev_stores_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid.min_access_size = 4,
    .valid.max_access_size = 4,
    .impl.min_access_size = 4,
    .impl.max_access_size = 4,
};

static bool has_stores(ImsTestdevState *s)
{
    return s->bar_slots || s->memory_slots;
}

void ims_testdev_stores_init(ImsTestdevState *s)
{
    if (!has_stores(s)) {
        return;
    }
    memory_region_init_io(&s->stores_mr, OBJECT(s), &ims_testdev_stores_ops, s,
                          TYPE_IMS_TESTDEV "-stores", IMS_TESTDEV_STORES_SIZE);
    pci_register_bar(&s->pdev, IMS_TESTDEV_BAR_STORES,
                     PCI_BASE_ADDRESS_SPACE_MEMORY, &s->stores_mr);
    ims_testdev_init_store(s, IMS_TESTDEV_STORE_SLOTS, &store_ops,
                           s->bar_slots);
    ims_testdev_init_store(s, IMS_TESTDEV_STORE_RECORDS, &store_ops,
                           s->memory_slots);
}

void ims_testdev_stores_reset(ImsTestdevState *s)
{
    ImsTestdevStore *slots = &s->stores[IMS_TESTDEV_STORE_SLOTS];
    ImsTestdevStore *records = &s->stores[IMS_TESTDEV_STORE_RECORDS];

    s->record_base = 0;
    s->record_stride = 0;
    for (uint32_t i = 0; i < slots->nr_vectors; i++) {
        slots->vectors[i].slot = (ImsTestdevMessage) {
            .ctrl = IMS_TESTDEV_CTRL_MASK,
        };
    }
    for (uint32_t i = 0; i < records->nr_vectors; i++) {
        records->vectors[i].dma_error = false;
    }
}

void ims_testdev_describe(VirtIOIRQStores *obj, VirtIOIRQStoresInfo *info)
{
    ImsTestdevState *s = IMS_TESTDEV(obj);

    if (s->bar_slots) {
        info->stores[info->num_stores++] = (VirtIOIRQStore) {
            .number = IMS_TESTDEV_STORE_SLOTS,
            .size = s->bar_slots,
        };
    }
    if (s->memory_slots) {
        info->stores[info->num_stores++] = (VirtIOIRQStore) {
            .number = IMS_TESTDEV_STORE_RECORDS,
            .size = s->memory_slots,
            .needs_pasid = s->memory_pasid,
        };
    }
    info->pasid_width = has_stores(s) ? PASID_BITS : 0;
}

/* Migration */

static int ims_testdev_message_post_load(void *opaque, int version_id)
{
    ImsTestdevVector *v = opaque;
    ImsTestdevState *s = v->store->dev;

    /* Its counters come before */
    if (v->pending && v->fired - v->acked - v->abandoned != 1) {
        error_report("%s: vector %" PRIu32 " of store %" PRIu32 " is pending "
                     "without having been fired", TYPE_IMS_TESTDEV,
                     ims_testdev_index(v), ims_testdev_store_number(v));
        return -EINVAL;
    }
    if (v->slot.ctrl & ~CTRL_BITS ||
        (s->bar_addr32 && v->slot.addr > UINT32_MAX) ||
        (s->bar_data16 && v->slot.data > UINT16_MAX)) {
        error_report("%s: slot %" PRIu32 " holds what it cannot hold",
                     TYPE_IMS_TESTDEV, ims_testdev_index(v));
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription vmstate_ims_testdev_message = {
    .name = TYPE_IMS_TESTDEV "/message",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = ims_testdev_message_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_BOOL(pending, ImsTestdevVector),
        VMSTATE_BOOL(dma_error, ImsTestdevVector),
        VMSTATE_UINT64(slot.addr, ImsTestdevVector),
        VMSTATE_UINT32(slot.data, ImsTestdevVector),
        VMSTATE_UINT32(slot.ctrl, ImsTestdevVector),
        VMSTATE_END_OF_LIST()
    }
};

static bool ims_testdev_stores_needed(void *opaque)
{
    return has_stores(opaque);
}

static int ims_testdev_stores_post_load(void *opaque, int version_id)
{
    ImsTestdevState *s = opaque;

    if ((s->record_base | s->record_stride) % IMS_TESTDEV_RECORD_SIZE) {
        error_report("%s: records are not aligned", TYPE_IMS_TESTDEV);
        return -EINVAL;
    }
    return 0;
}

const VMStateDescription vmstate_ims_testdev_stores = {
    .name = TYPE_IMS_TESTDEV "/stores",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = ims_testdev_stores_needed,
    .post_load = ims_testdev_stores_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_UINT32_EQUAL(stores[IMS_TESTDEV_STORE_SLOTS].nr_vectors,
                             ImsTestdevState, NULL),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(
            stores[IMS_TESTDEV_STORE_SLOTS].vectors, ImsTestdevState,
            stores[IMS_TESTDEV_STORE_SLOTS].nr_vectors,
            vmstate_ims_testdev_vector, ImsTestdevVector),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(
            stores[IMS_TESTDEV_STORE_SLOTS].vectors, ImsTestdevState,
            stores[IMS_TESTDEV_STORE_SLOTS].nr_vectors,
            vmstate_ims_testdev_message, ImsTestdevVector),
        VMSTATE_UINT32_EQUAL(stores[IMS_TESTDEV_STORE_RECORDS].nr_vectors,
                             ImsTestdevState, NULL),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(
            stores[IMS_TESTDEV_STORE_RECORDS].vectors, ImsTestdevState,
            stores[IMS_TESTDEV_STORE_RECORDS].nr_vectors,
            vmstate_ims_testdev_vector, ImsTestdevVector),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(
            stores[IMS_TESTDEV_STORE_RECORDS].vectors, ImsTestdevState,
            stores[IMS_TESTDEV_STORE_RECORDS].nr_vectors,
            vmstate_ims_testdev_message, ImsTestdevVector),
        VMSTATE_UINT64(record_base, ImsTestdevState),
        VMSTATE_UINT32(record_stride, ImsTestdevState),
        VMSTATE_END_OF_LIST()
    }
};
