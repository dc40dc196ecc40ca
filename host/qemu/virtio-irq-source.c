/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: PCI functions as sources of messages
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * An I/O region covers the MSI window in the address space that only this
 * function writes to, in front of any IOMMU. So the region that is hit says
 * who sent a message: the requester ID does not, since plain DMA carries none
 * (pci_dma_rw() uses MEMTXATTRS_UNSPECIFIED) and functions behind a PCIe-to-
 * PCI bridge share one.
 *
 * A region that comes or goes makes QEMU compute the address spaces of all
 * functions anew. So ATTACH and DETACH only change a pointer: regions come
 * when a driver does, all in one transaction, and stay until the machine is
 * reset. One whose function is not attached passes everything on.
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/qdev-core.h"
#include "virtio-irq-source.h"
#include "virtio-irq-stores.h"
#include "virtio-irq-vfio.h"
#include "trace.h"

/*
 * Of the pair address in the window. A pair may reach the platform without us:
 * it stays in the function's table when the guest detaches the function or
 * resets us. On x86 this address says logical mode and destination 0, to which
 * no CPU ever belongs, so such a message ends nowhere. In physical mode it
 * would be a message to CPU 0, and with a bit above the third QEMU's APIC
 * would take it for the number of a register and note an error.
 */
#define PAIR_OFFSET 0x4

/* The MSI address and data formats of x86, as in hw/i386/apic-msidef.h */
#define X86_MSI_BASE 0xfee00000
#define X86_MSI_BASE_SHIFT 20
/* Redirection hint, remappable format, destination and its extension */
#define X86_MSI_ADDRESS_MASK 0x000ffff8
#define X86_MSI_LOGICAL 0x4
#define X86_MSI_DELIVERY_MODE_MASK 0x700
#define X86_MSI_DELIVERY_MODE_RESERVED 0x300

/* Our region sits in front of bus_master_enable_region */
static bool may_access(VirtIOIRQSource *src)
{
    return src->pdev->qdev.realized && pci_device_is_on(src->pdev) &&
           pci_get_word(src->pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* What is no pair of ours goes where it would have gone without us */

static MemTxResult source_read_below(VirtIOIRQSource *src, uint64_t address,
                                     uint64_t *val, unsigned int size,
                                     MemTxAttrs attrs)
{
    uint8_t buf[8] = { };
    MemTxResult result;

    result = address_space_read(src->below, address, attrs, buf, size);
    *val = ldn_le_p(buf, size);
    return result;
}

static MemTxResult source_write_below(VirtIOIRQSource *src, uint64_t address,
                                      uint64_t val, unsigned int size,
                                      MemTxAttrs attrs)
{
    uint8_t buf[8];

    stn_le_p(buf, size, val);
    return address_space_write(src->below, address, attrs, buf, size);
}

static MemTxResult source_read(void *opaque, hwaddr offset, uint64_t *val,
                               unsigned int size, MemTxAttrs attrs)
{
    VirtIOIRQSource *src = opaque;

    *val = 0;
    if (!may_access(src)) {
        return MEMTX_DECODE_ERROR;
    }
    return source_read_below(src, src->window_start + offset, val, size, attrs);
}

/* Would the platform do nothing at all with this message? */
static bool is_inert(VirtIOIRQSource *src, uint64_t address, uint64_t val,
                     MemTxAttrs attrs)
{
    if (address >> X86_MSI_BASE_SHIFT == X86_MSI_BASE >> X86_MSI_BASE_SHIFT) {
        return !(address & X86_MSI_ADDRESS_MASK) && address & X86_MSI_LOGICAL &&
               (val & X86_MSI_DELIVERY_MODE_MASK) ==
               X86_MSI_DELIVERY_MODE_RESERVED;
    }
    return !address_space_access_valid(src->below, address, sizeof(uint32_t),
                                       true, attrs);
}

/* A message of a function that was attached, and is not any more */
static void count_raw(VirtIOIRQSource *src, uint64_t address, uint64_t val,
                      MemTxAttrs attrs)
{
    bool inert = is_inert(src, address, val, attrs);
    uint16_t bdf = pci_get_bdf(src->pdev);

    trace_virtio_irq_raw(0, PCI_BUS_NUM(bdf), PCI_SLOT(bdf), PCI_FUNC(bdf),
                         address, val, inert ? "inert" : "live");
    if (inert) {
        src->s->raw_inert++;
    } else {
        src->s->raw_live++;
    }
}

static enum virtio_irq_verdict judge(VirtIOIRQSource *src, uint64_t address,
                                     uint64_t val, unsigned int size,
                                     uint32_t pasid, MemTxAttrs attrs)
{
    bool has_pasid = pasid != VIRTIO_IRQ_NO_PASID;
    struct virtio_irq_core *core = src->s->core;
    enum virtio_irq_verdict verdict;
    uint32_t endpoint;

    /* Delivery may lead to a reset, and then there is no endpoint any more */
    endpoint = virtio_irq_core_ep_id(src->ep);
    /* MSIs have it, but plain DMA does not say who it is from */
    src->requester_id = attrs.requester_id ?: pci_requester_id(src->pdev);
    if (size == sizeof(uint32_t) && !(address % sizeof(uint32_t))) {
        verdict = virtio_irq_core_message(core, src->ep, address, val,
                                          has_pasid, has_pasid ? pasid : 0);
    } else {
        verdict = virtio_irq_core_bad_write(core, src->ep, address);
    }
    trace_virtio_irq_message(endpoint >> 16, PCI_BUS_NUM(endpoint),
                             PCI_SLOT(endpoint), PCI_FUNC(endpoint), address,
                             size, val, has_pasid ? (int64_t)pasid : -1,
                             virtio_irq_verdict_name(verdict));
    return verdict;
}

/* A write of the function into the MSI window */
static MemTxResult source_message(VirtIOIRQSource *src, uint64_t address,
                                  uint64_t val, unsigned int size,
                                  uint32_t pasid, MemTxAttrs attrs)
{
    enum virtio_irq_verdict verdict = VIRTIO_IRQ_PASS;
    MemTxResult result = MEMTX_OK;
    uint16_t bdf;

    if (!may_access(src)) {
        bdf = pci_get_bdf(src->pdev);
        trace_virtio_irq_no_bus_master(0, PCI_BUS_NUM(bdf), PCI_SLOT(bdf),
                                       PCI_FUNC(bdf), address);
        return MEMTX_DECODE_ERROR;
    }

    /* What is served now may unplug the function */
    object_ref(&src->parent_obj);
    if (src->ep) {
        virtio_irq_serve_before_message(src->s);
    }
    if (src->ep) {
        verdict = judge(src, address, val, size, pasid, attrs);
    } else if (src->s && src->was_attached) {
        count_raw(src, address, val, attrs);
    }
    /* Writes are posted: the function does not learn that it is blocked */
    if (verdict == VIRTIO_IRQ_PASS) {
        result = source_write_below(src, address, val, size, attrs);
    }
    object_unref(&src->parent_obj);
    return result;
}

static MemTxResult source_write(void *opaque, hwaddr offset, uint64_t val,
                                unsigned int size, MemTxAttrs attrs)
{
    VirtIOIRQSource *src = opaque;

    return source_message(src, src->window_start + offset, val, size,
                          VIRTIO_IRQ_NO_PASID, attrs);
}

static const MemoryRegionOps source_ops = {
    .read_with_attrs = source_read,
    .write_with_attrs = source_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    /*
     * Everything is let in as it is. With 4 bytes as the only valid size,
     * flatview_write_continue() would cut a longer write into messages.
     */
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/*
 * MemTxAttrs have no PASID. So a message with one does not travel through the
 * function's address space; it is handed to the region that it would hit there.
 */
MemTxResult virtio_irq_send(PCIDevice *pdev, hwaddr address, uint32_t data,
                            uint32_t pasid)
{
    MemTxAttrs attrs = { .requester_id = pci_requester_id(pdev) };
    MemoryRegionSection section = { };
    MemTxResult result;

    if (pasid != VIRTIO_IRQ_NO_PASID) {
        section = memory_region_find(&pdev->bus_master_container_region,
                                     address, sizeof(data));
    }
    if (section.mr && section.mr->ops == &source_ops) {
        result = source_message(section.mr->opaque, address, data, sizeof(data),
                                pasid, attrs);
    } else {
        address_space_stl_le(&pdev->bus_master_as, address, data, attrs,
                             &result);
    }
    if (section.mr) {
        memory_region_unref(section.mr);
    }
    return result;
}

/* Regions */

static VirtIOIRQSource *source_new(VirtIOIRQ *s, PCIDevice *pdev)
{
    VirtIOIRQSource *src;

    src = VIRTIO_IRQ_SOURCE(object_new(TYPE_VIRTIO_IRQ_SOURCE));
    src->s = s;
    src->pdev = pdev;
    object_ref(OBJECT(pdev));
    src->is_host = virtio_irq_vfio_is(pdev);
    src->window_start = s->window_start;
    /* Its owner is no device, so a device may use it in its MMIO handlers */
    memory_region_init_io(&src->mr, OBJECT(src), &source_ops, src,
                          "virtio-irq-source",
                          s->window_end - s->window_start + 1);
    return src;
}

static void source_show(VirtIOIRQSource *src)
{
    if (src->shown) {
        return;
    }
    src->shown = true;
    /* Not before: machines set up IOMMUs when all devices are realized */
    src->below = pci_device_iommu_address_space(src->pdev);
    memory_region_add_subregion_overlap(&src->pdev->bus_master_container_region,
                                        src->window_start, &src->mr, 1);
}

static void source_hide(VirtIOIRQSource *src)
{
    if (!src->shown) {
        return;
    }
    src->shown = false;
    memory_region_del_subregion(&src->pdev->bus_master_container_region,
                                &src->mr);
}

static void source_delete(VirtIOIRQSource *src)
{
    if (src) {
        source_hide(src);
        src->s = NULL;
        object_unref(OBJECT(src));
    }
}

/*
 * Scopes do not overlap, but bus numbers change, and with them the controller
 * that a function is in the scope of. False if another one still has it
 * attached.
 */
static bool take_from_others(VirtIOIRQ *s, PCIDevice *pdev)
{
    VirtIOIRQSource *src;
    VirtIOIRQ *other;

    QLIST_FOREACH(other, &virtio_irq_controllers, next) {
        src = other == s ? NULL : g_hash_table_lookup(other->functions, pdev);
        if (src && src->ep) {
            return false;
        }
        if (src) {
            source_hide(src);
            src->was_attached = false;
        }
    }
    return true;
}

/* Endpoints */

static bool is_controller(PCIDevice *pdev)
{
    VirtIOIRQ *s;

    QLIST_FOREACH(s, &virtio_irq_controllers, next) {
        if (s->own_function == pdev) {
            return true;
        }
    }
    return false;
}

/*
 * Not pci_find_device(): virtio-mmio knows no bus to start from, and a root bus
 * of a PCI expander does not lead to the others. QEMU's machines have one
 * segment.
 */
static PCIDevice *find_function(VirtIOIRQ *s, uint16_t bdf)
{
    PCIDevice *pdev, *found = NULL;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, (gpointer *)&pdev, NULL)) {
        PCIBus *bus = pci_get_bus(pdev);

        if (pdev->devfn != (bdf & UINT8_MAX) ||
            pci_bus_num(bus) != PCI_BUS_NUM(bdf)) {
            continue;
        }
        /* Behind a bridge that has no bus number yet; or switched off */
        if ((!pci_bus_is_root(bus) && !pci_bus_num(bus)) ||
            !pci_device_is_on(pdev)) {
            continue;
        }
        if (found) {
            return NULL; /* the guest gave two buses the same number */
        }
        found = pdev;
    }
    return found;
}

PCIDevice *virtio_irq_find_attached(VirtIOIRQ *s, uint32_t endpoint)
{
    VirtIOIRQSource *src;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&src)) {
        if (src && src->ep && virtio_irq_core_ep_id(src->ep) == endpoint) {
            return src->pdev;
        }
    }
    g_assert_not_reached();
}

/*
 * Where a migration stream says that an endpoint is, or where its number says
 */
static PCIDevice *find_endpoint(VirtIOIRQ *s, uint32_t endpoint)
{
    if (s->loading) {
        return g_hash_table_lookup(s->loading, GUINT_TO_POINTER(endpoint));
    }
    return find_function(s, endpoint);
}

static uint8_t find_attachable(VirtIOIRQ *s, uint32_t endpoint,
                               VirtIOIRQSource **src)
{
    PCIDevice *pdev;

    *src = NULL;
    /* 00:00.0 is the host bridge, and how messages without a source look */
    if (!endpoint || !virtio_irq_in_scope(s, endpoint)) {
        return VIRTIO_IRQ_S_PERM;
    }
    pdev = find_endpoint(s, endpoint);
    if (!pdev) {
        return VIRTIO_IRQ_S_NOENT;
    }
    *src = g_hash_table_lookup(s->functions, pdev);
    if (!*src || is_controller(pdev)) {
        return VIRTIO_IRQ_S_PERM;
    }
    /* Renumbered while it was attached */
    if ((*src)->ep || !take_from_others(s, pdev)) {
        return VIRTIO_IRQ_S_BUSY;
    }
    return VIRTIO_IRQ_S_OK;
}

/*
 * Store 0 holds what MSI-X and MSI can have, and MSI wants all of its own at
 * once
 */
static void describe_msi(VirtIOIRQ *s, PCIDevice *pdev,
                         struct virtio_irq_ep_info *info)
{
    struct virtio_irq_store_info msi = { .store = VIRTIO_IRQ_STORE_MSI };
    uint8_t order;

    /* The host may refuse one: it is asked where a refusal is an answer */
    if (virtio_irq_vfio_is(pdev) || s->commit_first) {
        msi.flags = VIRTIO_IRQ_STORE_F_COMMIT;
    }
    if (msix_present(pdev)) {
        msi.size = pdev->msix_entries_nr;
    }
    if (msi_present(pdev)) {
        order = (pci_get_word(pdev->config + pdev->msi_cap + PCI_MSI_FLAGS) &
                 PCI_MSI_FLAGS_QMASK) >> ctz32(PCI_MSI_FLAGS_QMASK);
        msi.size = MAX(msi.size, 1U << order);
        msi.multi_msi = order;
    }
    if (msi.size) {
        info->stores[info->num_stores++] = msi;
    }
}

/* Which stores the endpoint has, and which PASIDs */
static void describe_endpoint(VirtIOIRQ *s, PCIDevice *pdev,
                              struct virtio_irq_ep_info *info)
{
    VirtIOIRQStoresInfo own = { };
    unsigned int i;

    describe_msi(s, pdev, info);
    if (!object_dynamic_cast(OBJECT(pdev), TYPE_VIRTIO_IRQ_STORES)) {
        return;
    }
    VIRTIO_IRQ_STORES_GET_CLASS(pdev)->describe(VIRTIO_IRQ_STORES(pdev), &own);
    assert(own.num_stores <= VIRTIO_IRQ_STORES_MAX);
    info->pasid_width = MIN(own.pasid_width, s->pasid_bits);
    for (i = 0; i < own.num_stores; i++) {
        if (own.stores[i].needs_pasid && !info->pasid_width) {
            continue;
        }
        info->stores[info->num_stores++] = (struct virtio_irq_store_info) {
            .store = own.stores[i].number,
            .flags = own.stores[i].needs_pasid ? VIRTIO_IRQ_STORE_F_PASID : 0,
            .size = own.stores[i].size,
        };
    }
}

static uint8_t virtio_irq_attach(void *opaque, struct virtio_irq_ep *ep,
                                 uint32_t endpoint,
                                 struct virtio_irq_ep_info *info)
{
    VirtIOIRQ *s = opaque;
    VirtIOIRQSource *src;
    uint8_t status;

    status = find_attachable(s, endpoint, &src);
    if (status == VIRTIO_IRQ_S_OK && src->is_host &&
        !virtio_irq_vfio_attach(src->pdev, s->bh)) {
        status = VIRTIO_IRQ_S_BUSY;
    }
    trace_virtio_irq_attach(s, endpoint >> 16, PCI_BUS_NUM(endpoint),
                            PCI_SLOT(endpoint), PCI_FUNC(endpoint),
                            src ? src->pdev->name : "-",
                            virtio_irq_status_name(status));
    if (status != VIRTIO_IRQ_S_OK) {
        return status;
    }

    source_show(src);
    src->ep = ep;
    src->was_attached = true;

    info->priv = src;
    info->window_start = s->window_start;
    info->window_end = s->window_end;
    info->pair_address = s->window_start + PAIR_OFFSET;
    info->isolated = s->isolation && virtio_irq_isolates(src->pdev, src->below);
    describe_endpoint(s, src->pdev, info);
    return VIRTIO_IRQ_S_OK;
}

static void virtio_irq_detach(void *opaque, struct virtio_irq_ep *ep,
                              void *priv)
{
    uint32_t endpoint = virtio_irq_core_ep_id(ep);
    VirtIOIRQSource *src = priv;
    VirtIOIRQ *s = opaque;

    trace_virtio_irq_detach(opaque, endpoint >> 16, PCI_BUS_NUM(endpoint),
                            PCI_SLOT(endpoint), PCI_FUNC(endpoint));
    src->ep = NULL;
    if (src->is_host) {
        virtio_irq_vfio_detach(src->pdev);
        /* What waits for it need not wait any more */
        qemu_bh_schedule(s->bh);
    }
}

static uint8_t virtio_irq_check_route(void *opaque, void *priv,
                                      const struct virtio_irq_msg *route)
{
    MSIMessage msg = { .address = route->address, .data = route->data };
    VirtIOIRQSource *src = priv;
    VirtIOIRQ *s = opaque;

    if (route->address % sizeof(uint32_t) ||
        route->address < s->route_start ||
        route->address > s->route_end ||
        !virtio_irq_kvm_expressible(src->pdev, &msg)) {
        return VIRTIO_IRQ_S_RANGE;
    }
    return VIRTIO_IRQ_S_OK;
}

/*
 * What the function could have sent itself, had we not been there: any vIOMMU
 * and interrupt remapping see it as theirs. Our own region is above this
 * address space, so this does not come back.
 */
static void virtio_irq_deliver(void *opaque, void *priv,
                               const struct virtio_irq_msg *route)
{
    VirtIOIRQ *s = opaque;
    VirtIOIRQSource *src = priv;
    MemTxAttrs attrs = { };
    bool busy = s->busy;

    attrs.requester_id = src->requester_id;
    trace_virtio_irq_deliver(0, PCI_BUS_NUM(src->requester_id),
                             PCI_SLOT(src->requester_id),
                             PCI_FUNC(src->requester_id), route->address,
                             route->data);
    /* On machines without a route window this could hit our own doorbell */
    s->busy = true;
    address_space_stl_le(src->below, route->address, route->data, attrs, NULL);
    s->busy = busy;
}

static uint8_t virtio_irq_commit(void *opaque, void *priv, uint16_t store,
                                 uint32_t index)
{
    VirtIOIRQSource *src = priv;
    VirtIOIRQ *s = opaque;

    if (!src->is_host || store != VIRTIO_IRQ_STORE_MSI) {
        return s->at_once ? VIRTIO_IRQ_S_BUSY : VIRTIO_IRQ_S_OK;
    }
    return virtio_irq_status_from_errno(
        virtio_irq_vfio_commit(src->pdev, index, s->at_once));
}

static bool virtio_irq_pending(void *opaque, uint32_t endpoint, uint16_t store,
                               uint32_t index)
{
    const struct virtio_irq_names names = {
        .endpoint = endpoint,
        .store = store,
        .first = index,
        .last = index,
    };

    return virtio_irq_is_kept(opaque, &names);
}

static void virtio_irq_release(void *opaque, void *priv, uint16_t store,
                               uint32_t index)
{
    VirtIOIRQSource *src = priv;

    if (src->is_host && store == VIRTIO_IRQ_STORE_MSI) {
        virtio_irq_vfio_release(src->pdev, index);
    }
}

static void virtio_irq_route_changed(void *opaque, void *priv, uint16_t store,
                                     uint32_t index)
{
    VirtIOIRQSource *src = priv;

    /* What a store of the function's own sends, no irqfd does */
    if (store == VIRTIO_IRQ_STORE_MSI) {
        virtio_irq_kvm_route_changed(src->pdev, index);
    }
}

static void virtio_irq_event(void *opaque)
{
    virtio_irq_events_tell(opaque);
}

const struct virtio_irq_ops virtio_irq_ops = {
    .attach = virtio_irq_attach,
    .detach = virtio_irq_detach,
    .check_route = virtio_irq_check_route,
    .deliver = virtio_irq_deliver,
    .commit = virtio_irq_commit,
    .release = virtio_irq_release,
    .route_changed = virtio_irq_route_changed,
    .pending = virtio_irq_pending,
    .event = virtio_irq_event,
};

/*
 * Of virtio-irq-kvm.c. KVM takes every message for one to a CPU, wherever its
 * address is: a pair that a function has kept in a window elsewhere must not
 * become an interrupt.
 */
static enum virtio_irq_verdict translate(PCIDevice *pdev, const MSIMessage *msg,
                                         MSIMessage *route)
{
    enum virtio_irq_verdict verdict = VIRTIO_IRQ_PASS;
    VirtIOIRQSource *src = NULL;
    struct virtio_irq_msg to;
    VirtIOIRQ *s;

    QLIST_FOREACH(s, &virtio_irq_controllers, next) {
        src = g_hash_table_lookup(s->functions, pdev);
        if (src && src->ep) {
            verdict = virtio_irq_core_resolve(s->core, src->ep, msg->address,
                                              msg->data, false, 0, &to);
            break;
        }
    }
    if (verdict == VIRTIO_IRQ_DELIVERED) {
        *route = (MSIMessage) { .address = to.address, .data = to.data };
    } else if (verdict == VIRTIO_IRQ_PASS && src &&
               msg->address >> X86_MSI_BASE_SHIFT !=
               X86_MSI_BASE >> X86_MSI_BASE_SHIFT) {
        verdict = VIRTIO_IRQ_BLOCKED_UNKNOWN;
    }
    return verdict;
}

/* Functions come and go */

static void virtio_irq_device_realized(DeviceListener *listener,
                                       DeviceState *dev)
{
    VirtIOIRQ *s = container_of(listener, VirtIOIRQ, listener);
    uint8_t header_type;
    PCIDevice *pdev;

    pdev = (PCIDevice *)object_dynamic_cast(OBJECT(dev), TYPE_PCI_DEVICE);
    if (!pdev) {
        return;
    }
    header_type = pci_get_byte(pdev->config + PCI_HEADER_TYPE) &
                  ~PCI_HEADER_TYPE_MULTI_FUNCTION;
    g_hash_table_insert(s->functions, pdev,
                        header_type == PCI_HEADER_TYPE_NORMAL ?
                        source_new(s, pdev) : NULL);
}

static void virtio_irq_device_unrealized(DeviceListener *listener,
                                         DeviceState *dev)
{
    VirtIOIRQ *s = container_of(listener, VirtIOIRQ, listener);
    VirtIOIRQSource *src = g_hash_table_lookup(s->functions, dev);

    if (src && src->ep) {
        virtio_irq_core_endpoint_gone(s->core, virtio_irq_core_ep_id(src->ep));
        virtio_irq_kvm_commit();
    }
    /* Deletes the source */
    g_hash_table_remove(s->functions, dev);
}

void virtio_irq_sources_show(VirtIOIRQ *s)
{
    VirtIOIRQSource *src;
    GHashTableIter iter;

    memory_region_transaction_begin();
    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&src)) {
        if (src && virtio_irq_in_scope(s, pci_get_bdf(src->pdev)) &&
            !is_controller(src->pdev) && take_from_others(s, src->pdev)) {
            source_show(src);
        }
    }
    memory_region_transaction_commit();
}

/* Of the machine: firmware then places BARs without our regions in the way */
static void virtio_irq_machine_reset(void *opaque)
{
    VirtIOIRQ *s = opaque;
    VirtIOIRQSource *src;
    GHashTableIter iter;

    memory_region_transaction_begin();
    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&src)) {
        if (src) {
            source_hide(src);
            src->was_attached = false;
        }
    }
    memory_region_transaction_commit();
}

void virtio_irq_sources_init(VirtIOIRQ *s)
{
    s->functions = g_hash_table_new_full(NULL, NULL, NULL,
                                         (GDestroyNotify)source_delete);
    virtio_irq_kvm_init(translate);
    s->listener.realize = virtio_irq_device_realized;
    s->listener.unrealize = virtio_irq_device_unrealized;
    /* Calls back for what is there already */
    device_listener_register(&s->listener);
    qemu_register_reset(virtio_irq_machine_reset, s);
}

void virtio_irq_sources_cleanup(VirtIOIRQ *s)
{
    qemu_unregister_reset(virtio_irq_machine_reset, s);
    device_listener_unregister(&s->listener);
    memory_region_transaction_begin();
    g_clear_pointer(&s->functions, g_hash_table_destroy);
    memory_region_transaction_commit();
}

static void virtio_irq_source_finalize(Object *obj)
{
    object_unref(OBJECT(VIRTIO_IRQ_SOURCE(obj)->pdev));
}

static const TypeInfo virtio_irq_source_info = {
    .name = TYPE_VIRTIO_IRQ_SOURCE,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(VirtIOIRQSource),
    .instance_finalize = virtio_irq_source_finalize,
};

static const TypeInfo virtio_irq_stores_info = {
    .name = TYPE_VIRTIO_IRQ_STORES,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(VirtIOIRQStoresClass),
};

QEMU_BUILD_BUG_ON(VIRTIO_IRQ_STORES_MAX + 1 > VIRTIO_IRQ_CORE_MAX_STORES);

static void virtio_irq_source_register(void)
{
    type_register_static(&virtio_irq_source_info);
    type_register_static(&virtio_irq_stores_info);
}

type_init(virtio_irq_source_register)
