// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ims-testdev: a PCI function that exists to send interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What it does, and its registers, are described in ims_testdev_regs.h.
 *
 *   -device ims-testdev,id=t0[,vectors=N][,msi=N][,msi64=off][,msi-mask=off]
 *       [,bar-slots=N][,bar-addr32=on][,bar-data16=on]
 *       [,memory-slots=N][,memory-addr32=on][,memory-data16=on]
 *       [,memory-pasid=on][,drop-disabled=on][,pm=on]
 *
 * vectors: size of the MSI-X table, 0 for no MSI-X; msi: number of MSI vectors,
 * 0 for no MSI; msi64=off: an MSI capability that holds 32-bit addresses only;
 * msi-mask=off: no per-vector mask and pending bits in it; drop-disabled=on:
 * what it has to say while neither is enabled is lost; pm=on: it has a Power
 * Management capability. In D3hot it sends nothing and its registers are not
 * there; back in D0 it was reset.
 *
 * bar-slots, memory-slots: sizes of stores 1 and 2, 0 (the default) for none;
 * addr32, data16: 32-bit addresses, 16-bit data only; memory-pasid=on:
 * virtio-irq is told that every message of store 2 has a PASID.
 *
 * The host sees the counters too, and can fire:
 *
 *   qom-get /machine/peripheral/t0 fired-total      also owed-, acked-,
 *                                                   abandoned-total
 *   qom-get /machine/peripheral/t0 fired            one number per vector, also
 *                                                   owed, acked, abandoned
 *   qom-set /machine/peripheral/t0 fire "3,100"     100 interrupts on vector 3
 *   qom-get /machine/peripheral/t0 slot-fired       the same of stores 1 and 2:
 *   qom-get /machine/peripheral/t0 record-fired     totals are over all stores
 *   qom-set /machine/peripheral/t0 fire "2:3,100"
 *
 * A message leaves through the function's own bus master address space under
 * its own requester ID, be it fired or raw, as any device's would.
 *
 * The function can be reset by itself (FLR), by the Advanced Features
 * capability that conventional PCI has for that: who passes it through to one
 * guest after the other (VFIO) wants nothing of the last one to be left.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "ims-testdev.h"
#include "trace.h"

QEMU_BUILD_BUG_ON(IMS_TESTDEV_VECTOR(IMS_TESTDEV_MAX_VECTORS) >
                  IMS_TESTDEV_REGS_SIZE);

/* D0 to D3hot, 0 to 3 */
static unsigned int ims_testdev_power_state(ImsTestdevState *s)
{
    return s->pm ? pci_get_word(s->pdev.config + s->pm_cap + PCI_PM_CTRL) &
                   PCI_PM_CTRL_STATE_MASK : 0;
}

bool ims_testdev_is_master(ImsTestdevState *s)
{
    return !ims_testdev_power_state(s) &&
           pci_get_word(s->pdev.config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

uint32_t ims_testdev_mode(ImsTestdevState *s)
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
static bool ims_testdev_msi_pending(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->store->dev;
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
static void ims_testdev_msi_clear_pending(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->store->dev;
    uint32_t i = ims_testdev_index(v);
    uint8_t *msi = ims_testdev_msi_pending_bits(s);

    if (i < s->msix_vectors) {
        msix_clr_pending(&s->pdev, i);
    }
    if (i < s->msi_vectors && msi) {
        pci_long_test_and_clear_mask(msi, 1U << i);
    }
}

static bool ims_testdev_msi_raise(ImsTestdevVector *v)
{
    ImsTestdevState *s = v->store->dev;
    PCIDevice *pdev = &s->pdev;
    uint32_t i = ims_testdev_index(v);
    MSIMessage msg;
    bool masked;

    /*
     * msix_notify() and msi_notify() would let the message vanish in the
     * disabled bus master region.
     */
    if (!ims_testdev_is_master(s)) {
        return false;
    }

    switch (ims_testdev_mode(s)) {
    case IMS_TESTDEV_MODE_MSIX:
        if (i >= s->msix_vectors) {
            return false;
        }
        msg = msix_get_message(pdev, i);
        masked = msix_is_masked(pdev, i);
        trace_ims_testdev_fire(ims_testdev_name(s), IMS_TESTDEV_STORE_MSI, i,
                               msg.address, msg.data, masked, v->fired);
        msix_notify(pdev, i);
        return true;
    case IMS_TESTDEV_MODE_MSI:
        /* msi_notify() asserts this */
        if (i >= msi_nr_vectors_allocated(pdev)) {
            return false;
        }
        msg = msi_get_message(pdev, i);
        masked = msi_is_masked(pdev, i);
        trace_ims_testdev_fire(ims_testdev_name(s), IMS_TESTDEV_STORE_MSI, i,
                               msg.address, msg.data, masked, v->fired);
        msi_notify(pdev, i);
        return true;
    default:
        return false;
    }
}

static const ImsTestdevStoreOps ims_testdev_msi_ops = {
    .raise = ims_testdev_msi_raise,
    .pending = ims_testdev_msi_pending,
    .clear_pending = ims_testdev_msi_clear_pending,
};

static void ims_testdev_send_raw(ImsTestdevState *s)
{
    uint32_t pasid = VIRTIO_IRQ_NO_PASID;

    if (s->raw_pasid & IMS_TESTDEV_RAW_PASID_VALID) {
        pasid = s->raw_pasid & IMS_TESTDEV_RAW_PASID_MASK;
    }
    s->raw_result = virtio_irq_send(&s->pdev, s->raw_addr, s->raw_data, pasid);
    s->raw_sent++;
    trace_ims_testdev_raw(ims_testdev_name(s), s->raw_addr, s->raw_data,
                          s->raw_pasid, s->raw_result);
}

static uint32_t ims_testdev_store_flags(ImsTestdevState *s)
{
    return (s->bar_addr32 ? IMS_TESTDEV_STORE_SLOT_ADDR32 : 0) |
           (s->bar_data16 ? IMS_TESTDEV_STORE_SLOT_DATA16 : 0) |
           (s->memory_addr32 ? IMS_TESTDEV_STORE_RECORD_ADDR32 : 0) |
           (s->memory_data16 ? IMS_TESTDEV_STORE_RECORD_DATA16 : 0);
}

/* The vector whose block contains @addr, NULL if none does */
static ImsTestdevVector *ims_testdev_at(ImsTestdevState *s, hwaddr addr)
{
    ImsTestdevStore *store = &s->stores[IMS_TESTDEV_STORE_MSI];
    hwaddr i;

    if (addr < IMS_TESTDEV_VECTOR_BASE) {
        return NULL;
    }
    i = (addr - IMS_TESTDEV_VECTOR_BASE) / IMS_TESTDEV_VECTOR_SIZE;
    return i < store->nr_vectors ? &store->vectors[i] : NULL;
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
        return s->stores[IMS_TESTDEV_STORE_MSI].nr_vectors;
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
    case IMS_TESTDEV_RAW_PASID:
        return s->raw_pasid;
    case IMS_TESTDEV_SLOTS:
        return s->bar_slots;
    case IMS_TESTDEV_RECORDS:
        return s->memory_slots;
    case IMS_TESTDEV_STORE_FLAGS:
        return ims_testdev_store_flags(s);
    case IMS_TESTDEV_RECORD_BASE_LO:
        return extract64(s->record_base, 0, 32);
    case IMS_TESTDEV_RECORD_BASE_HI:
        return extract64(s->record_base, 32, 32);
    case IMS_TESTDEV_RECORD_STRIDE:
        return s->record_stride;
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
    case IMS_TESTDEV_RAW_PASID:
        s->raw_pasid = val & (IMS_TESTDEV_RAW_PASID_VALID |
                              IMS_TESTDEV_RAW_PASID_MASK);
        break;
    case IMS_TESTDEV_RECORD_BASE_LO:
        s->record_base = deposit64(s->record_base, 0, 32,
                                   val & -IMS_TESTDEV_RECORD_SIZE);
        break;
    case IMS_TESTDEV_RECORD_BASE_HI:
        s->record_base = deposit64(s->record_base, 32, 32, val);
        break;
    case IMS_TESTDEV_RECORD_STRIDE:
        s->record_stride = val & -IMS_TESTDEV_RECORD_SIZE;
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

/* Does a write to configuration space ask for a function-level reset? */
static bool ims_testdev_wants_flr(ImsTestdevState *s, uint32_t addr,
                                  uint32_t val, int len)
{
    uint32_t ctrl = s->af_cap + PCI_AF_CTRL;

    return range_covers_byte(addr, len, ctrl) &&
           (val >> 8 * (ctrl - addr)) & PCI_AF_CTRL_FLR;
}

static void ims_testdev_update_power(ImsTestdevState *s)
{
    bool on = !ims_testdev_power_state(s);

    memory_region_set_enabled(&s->regs, on);
    if (s->bar_slots || s->memory_slots) {
        memory_region_set_enabled(&s->stores_mr, on);
    }
}

static void ims_testdev_write_config(PCIDevice *pdev, uint32_t addr,
                                     uint32_t val, int len)
{
    ImsTestdevState *s = IMS_TESTDEV(pdev);
    bool was_enabled = ims_testdev_mode(s) != IMS_TESTDEV_MODE_NONE;
    bool was_on = !ims_testdev_power_state(s);

    pci_default_write_config(pdev, addr, val, len);
    if (!was_on && !ims_testdev_power_state(s)) {
        /* No_Soft_Reset is clear */
        pci_device_reset(pdev);
        return;
    }
    ims_testdev_update_power(s);
    if (was_enabled && ims_testdev_mode(s) == IMS_TESTDEV_MODE_NONE) {
        ims_testdev_disabled(s);
    }
    if (ims_testdev_wants_flr(s, addr, val, len)) {
        pci_device_reset(pdev);
        return;
    }
    /* Bus mastering, MSI or MSI-X may have been enabled: send what is owed */
    ims_testdev_retry_all(s);
}

static void ims_testdev_reset(DeviceState *dev)
{
    ImsTestdevState *s = IMS_TESTDEV(dev);

    if (s->pm) {
        pci_word_test_and_clear_mask(s->pdev.config + s->pm_cap + PCI_PM_CTRL,
                                     PCI_PM_CTRL_STATE_MASK);
    }
    ims_testdev_update_power(s);
    ims_testdev_stores_reset(s);
    ims_testdev_clear(s);
    s->raw_addr = 0;
    s->raw_data = 0;
    s->raw_result = IMS_TESTDEV_RAW_RESULT_NONE;
    s->raw_sent = 0;
    s->raw_pasid = 0;
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
    if (s->bar_slots > IMS_TESTDEV_MAX_VECTORS ||
        s->memory_slots > IMS_TESTDEV_MAX_VECTORS) {
        error_setg(errp, "bar-slots and memory-slots must be at most %d",
                   IMS_TESTDEV_MAX_VECTORS);
        return;
    }

    memory_region_init_io(&s->regs, OBJECT(s), &ims_testdev_ops, s,
                          TYPE_IMS_TESTDEV "-regs", IMS_TESTDEV_REGS_SIZE);
    pci_register_bar(pdev, IMS_TESTDEV_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->regs);

    s->af_cap = pci_add_capability(pdev, PCI_CAP_ID_AF, 0, PCI_CAP_AF_SIZEOF,
                                   errp);
    if (s->af_cap < 0) {
        return;
    }
    pdev->config[s->af_cap + PCI_AF_LENGTH] = PCI_CAP_AF_SIZEOF;
    pdev->config[s->af_cap + PCI_AF_CAP] = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;

    if (s->pm) {
        s->pm_cap = pci_add_capability(pdev, PCI_CAP_ID_PM, 0, PCI_PM_SIZEOF,
                                       errp);
        if (s->pm_cap < 0) {
            return;
        }
        pci_set_word(pdev->config + s->pm_cap + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
        pci_set_word(pdev->wmask + s->pm_cap + PCI_PM_CTRL,
                     PCI_PM_CTRL_STATE_MASK);
    }

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

    ims_testdev_init_store(s, IMS_TESTDEV_STORE_MSI, &ims_testdev_msi_ops,
                           MAX(s->msix_vectors, s->msi_vectors));
    ims_testdev_stores_init(s);
}

static void ims_testdev_exit(PCIDevice *pdev)
{
    ims_testdev_cleanup_stores(IMS_TESTDEV(pdev));
    msix_uninit_exclusive_bar(pdev);
    msi_uninit(pdev);
}

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

static bool ims_testdev_raw_pasid_needed(void *opaque)
{
    return IMS_TESTDEV(opaque)->raw_pasid;
}

static int ims_testdev_raw_pasid_post_load(void *opaque, int version_id)
{
    if (IMS_TESTDEV(opaque)->raw_pasid & ~(IMS_TESTDEV_RAW_PASID_VALID |
                                           IMS_TESTDEV_RAW_PASID_MASK)) {
        error_report("%s: no such PASID", TYPE_IMS_TESTDEV);
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription vmstate_ims_testdev_raw_pasid = {
    .name = TYPE_IMS_TESTDEV "/raw-pasid",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = ims_testdev_raw_pasid_needed,
    .post_load = ims_testdev_raw_pasid_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_UINT32(raw_pasid, ImsTestdevState),
        VMSTATE_END_OF_LIST()
    }
};

static int ims_testdev_post_load(void *opaque, int version_id)
{
    ims_testdev_update_power(opaque);
    return 0;
}

static const VMStateDescription vmstate_ims_testdev = {
    .name = TYPE_IMS_TESTDEV,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = ims_testdev_post_load,
    .fields = (VMStateField[]) {
        /* With the configuration space comes the MSI capability */
        VMSTATE_PCI_DEVICE(pdev, ImsTestdevState),
        VMSTATE_MSIX(pdev, ImsTestdevState),
        VMSTATE_UINT32_EQUAL(stores[IMS_TESTDEV_STORE_MSI].nr_vectors,
                             ImsTestdevState, NULL),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(
            stores[IMS_TESTDEV_STORE_MSI].vectors, ImsTestdevState,
            stores[IMS_TESTDEV_STORE_MSI].nr_vectors,
            vmstate_ims_testdev_vector, ImsTestdevVector),
        VMSTATE_STRUCT(total, ImsTestdevState, 1, vmstate_ims_testdev_counts,
                       ImsTestdevCounts),
        VMSTATE_STRUCT(snapshot, ImsTestdevState, 1,
                       vmstate_ims_testdev_counts, ImsTestdevCounts),
        VMSTATE_UINT64(raw_addr, ImsTestdevState),
        VMSTATE_UINT32(raw_data, ImsTestdevState),
        VMSTATE_UINT32(raw_result, ImsTestdevState),
        VMSTATE_UINT32(raw_sent, ImsTestdevState),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * []) {
        &vmstate_ims_testdev_stores,
        &vmstate_ims_testdev_raw_pasid,
        NULL
    }
};

static COMPAT_PROPERTY ims_testdev_properties[] = {
    DEFINE_PROP_UINT32("vectors", ImsTestdevState, msix_vectors, 64),
    DEFINE_PROP_UINT32("msi", ImsTestdevState, msi_vectors, 32),
    DEFINE_PROP_BOOL("msi64", ImsTestdevState, msi64, true),
    DEFINE_PROP_BOOL("msi-mask", ImsTestdevState, msi_mask, true),
    DEFINE_PROP_BOOL("drop-disabled", ImsTestdevState, drop_disabled, false),
    DEFINE_PROP_BOOL("pm", ImsTestdevState, pm, false),
    DEFINE_PROP_UINT32("bar-slots", ImsTestdevState, bar_slots, 0),
    DEFINE_PROP_BOOL("bar-addr32", ImsTestdevState, bar_addr32, false),
    DEFINE_PROP_BOOL("bar-data16", ImsTestdevState, bar_data16, false),
    DEFINE_PROP_UINT32("memory-slots", ImsTestdevState, memory_slots, 0),
    DEFINE_PROP_BOOL("memory-addr32", ImsTestdevState, memory_addr32, false),
    DEFINE_PROP_BOOL("memory-data16", ImsTestdevState, memory_data16, false),
    DEFINE_PROP_BOOL("memory-pasid", ImsTestdevState, memory_pasid, false),
    COMPAT_PROPERTIES_END
};

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

    VIRTIO_IRQ_STORES_CLASS(klass)->describe = ims_testdev_describe;
    ims_testdev_class_add_properties(klass);
}

static const TypeInfo ims_testdev_info = {
    .name = TYPE_IMS_TESTDEV,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(ImsTestdevState),
    .class_init = ims_testdev_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { TYPE_VIRTIO_IRQ_STORES },
        { },
    },
};

static void ims_testdev_register_types(void)
{
    type_register_static(&ims_testdev_info);
}
type_init(ims_testdev_register_types)
