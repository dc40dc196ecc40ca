/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: endpoints as sources of messages
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * While a PCI function is attached, an I/O region covers the MSI window in the
 * address space that only this function writes to, in front of any IOMMU. So
 * the region that is hit says who sent a message: the requester ID does not,
 * since plain DMA carries none (pci_dma_rw() uses MEMTXATTRS_UNSPECIFIED) and
 * functions behind a PCIe-to-PCI bridge share one.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/qdev-core.h"
#include "virtio-irq.h"
#include "virtio-irq-stores.h"
#include "trace.h"

/*
 * Where messages of the platform go, SDM volume 3 "Message Address Register
 * Format". The guest must not be able to make us write anywhere else.
 */
#define X86_MSI_START 0xfee00000ULL
#define X86_MSI_END 0xfeefffffULL

/* Any address in the window will do; this one is no valid xAPIC message */
#define PAIR_OFFSET 0x10

/* log2 of what MSI can have, PCI_MSI_FLAGS_QMASK */
#define MSI_MAX_LOG2 5

#define TYPE_VIRTIO_IRQ_SOURCE "virtio-irq-source"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOIRQSource, VIRTIO_IRQ_SOURCE)

/*
 * An object of its own because the region outlives the attachment: another
 * thread may still hold a FlatView with it, which keeps its owner alive
 * (memory_region_ref()).
 */
struct VirtIOIRQSource {
    Object parent_obj;

    /* NULL once detached, and then @s must not be used */
    struct virtio_irq_ep *ep;
    VirtIOIRQ *s;
    PCIDevice *pdev; /* a reference */
    uint64_t window_start;
    /* What is below our region, for ever: the bus master region leads there */
    AddressSpace *below;
    /* Of the message that is being delivered */
    uint16_t requester_id;
    MemoryRegion mr;
};

/* Our region sits in front of bus_master_enable_region */
static bool may_access(VirtIOIRQSource *src)
{
    return src->pdev->qdev.realized &&
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

/* A write of the function into the MSI window */
static MemTxResult source_message(VirtIOIRQSource *src, uint64_t address,
                                  uint64_t val, unsigned int size,
                                  uint32_t pasid, MemTxAttrs attrs)
{
    bool has_pasid = pasid != VIRTIO_IRQ_NO_PASID;
    enum virtio_irq_verdict verdict = VIRTIO_IRQ_PASS;
    MemTxResult result = MEMTX_OK;

    if (!may_access(src)) {
        trace_virtio_irq_no_bus_master(src->pdev->name, address);
        return MEMTX_DECODE_ERROR;
    }

    /*
     * Already detached: looked up in a FlatView of before. A DETACH may also be
     * among the requests that are served now.
     */
    object_ref(&src->parent_obj);
    if (src->ep) {
        virtio_irq_serve_before_message(src->s);
    }
    if (src->ep) {
        /* MSIs have it, but plain DMA does not say who it is from */
        src->requester_id = attrs.requester_id ?: pci_requester_id(src->pdev);
        if (size == sizeof(uint32_t) && !(address % sizeof(uint32_t))) {
            verdict = virtio_irq_core_message(src->s->core, src->ep, address,
                                              val, has_pasid,
                                              has_pasid ? pasid : 0);
        } else {
            verdict = virtio_irq_core_bad_write(src->s->core, src->ep);
        }
        trace_virtio_irq_message(src->s, virtio_irq_core_ep_id(src->ep),
                                 address, size, val,
                                 has_pasid ? (int64_t)pasid : -1,
                                 virtio_irq_verdict_name(verdict));
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

static bool in_scope(VirtIOIRQ *s, uint16_t bdf)
{
    unsigned int i;

    if (!s->num_scopes) {
        return true;
    }
    for (i = 0; i < s->num_scopes; i++) {
        if (bdf >= le16_to_cpu(s->scopes[i].pci.bdf_start) &&
            bdf <= le16_to_cpu(s->scopes[i].pci.bdf_end)) {
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

        /* Behind a bridge that has no bus number yet */
        if (!pci_bus_is_root(bus) && !pci_bus_num(bus)) {
            continue;
        }
        if (pci_get_bdf(pdev) == bdf) {
            if (found) {
                return NULL; /* the guest gave two buses the same number */
            }
            found = pdev;
        }
    }
    return found;
}

static uint8_t find_attachable(VirtIOIRQ *s, uint32_t endpoint,
                               PCIDevice **pdev)
{
    uint8_t header_type;

    *pdev = NULL;
    if (endpoint > UINT16_MAX) {
        return VIRTIO_IRQ_S_NOENT; /* another segment */
    }
    /* 00:00.0 is the host bridge, and how messages without a source look */
    if (!endpoint || !in_scope(s, endpoint)) {
        return VIRTIO_IRQ_S_PERM;
    }
    *pdev = find_function(s, endpoint);
    if (!*pdev) {
        return VIRTIO_IRQ_S_NOENT;
    }
    header_type = pci_get_byte((*pdev)->config + PCI_HEADER_TYPE) &
                  ~PCI_HEADER_TYPE_MULTI_FUNCTION;
    if (header_type != PCI_HEADER_TYPE_NORMAL || *pdev == s->own_function) {
        return VIRTIO_IRQ_S_PERM;
    }
    if (g_hash_table_lookup(s->functions, *pdev)) {
        return VIRTIO_IRQ_S_BUSY; /* renumbered while attached */
    }
    return VIRTIO_IRQ_S_OK;
}

/* Which stores the endpoint has, and which PASIDs */
static void describe_endpoint(VirtIOIRQ *s, PCIDevice *pdev,
                              struct virtio_irq_ep_info *info)
{
    struct virtio_irq_store_info msi = { .store = VIRTIO_IRQ_STORE_MSI };
    VirtIOIRQStoresInfo own = { };
    unsigned int i;

    if (msix_present(pdev)) {
        msi.size = pdev->msix_entries_nr;
    }
    if (msi_present(pdev)) {
        msi.size = MAX(msi.size, 1U << MSI_MAX_LOG2);
        msi.multi_msi = MSI_MAX_LOG2;
    }
    if (msi.size) {
        info->stores[info->num_stores++] = msi;
    }

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
    PCIDevice *pdev;
    uint8_t status;

    status = find_attachable(s, endpoint, &pdev);
    trace_virtio_irq_attach(s, endpoint, pdev ? pdev->name : "-",
                            virtio_irq_status_name(status));
    if (status != VIRTIO_IRQ_S_OK) {
        return status;
    }

    src = VIRTIO_IRQ_SOURCE(object_new(TYPE_VIRTIO_IRQ_SOURCE));
    src->ep = ep;
    src->s = s;
    src->pdev = pdev;
    object_ref(OBJECT(pdev));
    src->window_start = s->window_start;
    src->below = pci_device_iommu_address_space(pdev);
    memory_region_init_io(&src->mr, OBJECT(src), &source_ops, src,
                          "virtio-irq-source",
                          s->window_end - s->window_start + 1);
    /* A device may send a message from its own MMIO handler */
    src->mr.disable_reentrancy_guard = true;
    memory_region_add_subregion_overlap(&pdev->bus_master_container_region,
                                        s->window_start, &src->mr, 1);
    g_hash_table_replace(s->functions, pdev, src);

    info->priv = src;
    info->window_start = s->window_start;
    info->window_end = s->window_end;
    info->pair_address = s->window_start + PAIR_OFFSET;
    describe_endpoint(s, pdev, info);
    return VIRTIO_IRQ_S_OK;
}

static void virtio_irq_detach(void *opaque, struct virtio_irq_ep *ep,
                              void *priv)
{
    VirtIOIRQ *s = opaque;
    VirtIOIRQSource *src = priv;

    trace_virtio_irq_detach(s, virtio_irq_core_ep_id(ep));
    g_hash_table_replace(s->functions, src->pdev, NULL);
    memory_region_del_subregion(&src->pdev->bus_master_container_region,
                                &src->mr);
    src->ep = NULL;
    object_unref(OBJECT(src));
}

static uint8_t virtio_irq_check_route(void *opaque, void *priv,
                                      const struct virtio_irq_msg *route)
{
    VirtIOIRQ *s = opaque;

    if (route->address % sizeof(uint32_t) ||
        route->address < s->route_start ||
        route->address > s->route_end) {
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
    trace_virtio_irq_deliver(s, attrs.requester_id, route->address,
                             route->data);
    /* On machines without a route window this could hit our own doorbell */
    s->busy = true;
    address_space_stl_le(src->below, route->address, route->data, attrs, NULL);
    s->busy = busy;
}

const struct virtio_irq_ops virtio_irq_ops = {
    .attach = virtio_irq_attach,
    .detach = virtio_irq_detach,
    .check_route = virtio_irq_check_route,
    .deliver = virtio_irq_deliver,
};

static void virtio_irq_device_realized(DeviceListener *listener,
                                       DeviceState *dev)
{
    VirtIOIRQ *s = container_of(listener, VirtIOIRQ, listener);
    PCIDevice *pdev;

    pdev = (PCIDevice *)object_dynamic_cast(OBJECT(dev), TYPE_PCI_DEVICE);
    if (pdev) {
        g_hash_table_insert(s->functions, pdev, NULL);
    }
}

static void virtio_irq_device_unrealized(DeviceListener *listener,
                                         DeviceState *dev)
{
    VirtIOIRQ *s = container_of(listener, VirtIOIRQ, listener);
    VirtIOIRQSource *src = g_hash_table_lookup(s->functions, dev);

    if (src) {
        virtio_irq_core_endpoint_gone(s->core, virtio_irq_core_ep_id(src->ep));
    }
    g_hash_table_remove(s->functions, dev);
}

void virtio_irq_sources_init(VirtIOIRQ *s)
{
    s->functions = g_hash_table_new(NULL, NULL);
    s->listener.realize = virtio_irq_device_realized;
    s->listener.unrealize = virtio_irq_device_unrealized;
    /* Calls back for what is there already */
    device_listener_register(&s->listener);
}

void virtio_irq_sources_cleanup(VirtIOIRQ *s)
{
    device_listener_unregister(&s->listener);
    g_clear_pointer(&s->functions, g_hash_table_destroy);
}

/* "0xSTART-0xEND", inclusive */
static bool parse_range(const char *name, const char *text, uint64_t *start,
                        uint64_t *end, Error **errp)
{
    const char *p;

    if (qemu_strtou64(text, &p, 0, start) || *p != '-' ||
        qemu_strtou64(p + 1, NULL, 0, end) || *start > *end) {
        error_setg(errp, "%s: '%s' is not a range like 0x%llx-0x%llx", name,
                   text, X86_MSI_START, X86_MSI_END);
        return false;
    }
    return true;
}

static bool parse_window(VirtIOIRQ *s, Error **errp)
{
    MemoryRegionSection section;
    uint64_t at = s->window_start;

    if (!QEMU_IS_ALIGNED(s->window_start, TARGET_PAGE_SIZE) ||
        !QEMU_IS_ALIGNED(s->window_end + 1, TARGET_PAGE_SIZE) ||
        s->window_end + 1 == 0) {
        error_setg(errp, "window: it must begin and end at a page's boundary");
        return false;
    }
    /* It hides what is below from the DMA of every attached function */
    while (at <= s->window_end) {
        section = memory_region_find(get_system_memory(), at,
                                     s->window_end - at + 1);
        if (!section.mr) {
            break;
        }
        memory_region_unref(section.mr);
        if (memory_region_is_ram(section.mr)) {
            error_setg(errp, "window: there is guest RAM at 0x%" PRIx64,
                       (uint64_t)section.offset_within_address_space);
            return false;
        }
        at = section.offset_within_address_space + int128_get64(section.size);
    }
    return true;
}

static bool parse_bdf(const char **text, uint16_t *bdf)
{
    unsigned int segment, bus, slot, function;
    int n = 0;

    if (sscanf(*text, "%4x:%2x:%2x.%1x%n", &segment, &bus, &slot, &function,
               &n) != 4 || segment || slot > PCI_SLOT(UINT8_MAX) ||
        function > PCI_FUNC(UINT8_MAX)) {
        return false;
    }
    *text += n;
    *bdf = PCI_BUILD_BDF(bus, PCI_DEVFN(slot, function));
    return true;
}

/* "SSSS:BB:DD.F[-SSSS:BB:DD.F][;...]" */
static bool parse_scopes(VirtIOIRQ *s, Error **errp)
{
    g_auto(GStrv) entries = g_strsplit(s->scope_text, ";", -1);
    uint16_t start, end;
    const char *p;
    unsigned int i;

    for (i = 0; entries[i]; i++) {
        p = entries[i];

        if (i == VIRTIO_IRQ_MAX_SCOPES) {
            error_setg(errp, "scope: there can be at most %d entries",
                       VIRTIO_IRQ_MAX_SCOPES);
            return false;
        }
        if (!parse_bdf(&p, &start)) {
            goto bad;
        }
        end = start;
        if (*p == '-') {
            p++;
            if (!parse_bdf(&p, &end)) {
                goto bad;
            }
        }
        if (*p || start > end) {
            goto bad;
        }
        s->scopes[i].pci = (struct virtio_irq_scope_pci) {
            .type = VIRTIO_IRQ_SCOPE_T_PCI_RANGE,
            .bdf_start = cpu_to_le16(start),
            .bdf_end = cpu_to_le16(end),
            .endpoint_start = cpu_to_le32(start),
        };
    }
    if (!i) {
        goto bad;
    }
    s->num_scopes = i;
    return true;

bad:
    error_setg(errp, "scope: '%s' is not a range of PCI functions like "
               "0000:00:03.0-0000:01:1f.7", entries[i] ? entries[i] : "");
    error_append_hint(errp, "The segment is 0000 on every machine.\n");
    return false;
}

bool virtio_irq_parse_properties(VirtIOIRQ *s, Error **errp)
{
    s->window_start = X86_MSI_START;
    s->window_end = X86_MSI_END;
    if (s->window_text) {
        if (!parse_range("window", s->window_text, &s->window_start,
                         &s->window_end, errp)) {
            return false;
        }
    }
    if (!parse_window(s, errp)) {
        return false;
    }

#ifdef TARGET_I386
    s->route_start = X86_MSI_START;
    s->route_end = X86_MSI_END;
#else
    /* No fixed place: as far as the function's own DMA would reach */
    s->route_start = 0;
    s->route_end = UINT64_MAX;
#endif
    if (s->route_window_text &&
        !parse_range("route-window", s->route_window_text, &s->route_start,
                     &s->route_end, errp)) {
        return false;
    }

    s->num_scopes = 0;
    memset(s->scopes, 0, sizeof(s->scopes));
    return !s->scope_text || parse_scopes(s, errp);
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
