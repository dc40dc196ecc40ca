/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: which functions a controller serves, and where messages are
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "exec/target_page.h"
#include "hw/boards.h"
#include "hw/pci/pci_bus.h"
#include "virtio-irq.h"

/*
 * Where messages of the platform go, SDM volume 3 "Message Address Register
 * Format". The guest must not be able to make us write anywhere else.
 */
#define X86_MSI_START 0xfee00000ULL
#define X86_MSI_END 0xfeefffffULL

/*
 * Elsewhere a page at which nothing answers without us (DEV-160), and below 4G
 * for functions that have no longer addresses: hw/arm/virt.c has nothing
 * between the frame of GICv2m and the hypervisor's interface of the GIC,
 * hw/riscv/virt.c nothing between the IMSICs of supervisors and the ECAM.
 */
#ifdef TARGET_RISCV
#define VIRT_HOLE_START 0x29000000ULL
#else
#define VIRT_HOLE_START 0x08021000ULL
#endif
#define VIRT_HOLE_SIZE 0x1000
/*
 * With an SMMU in front, and with it addresses that the guest gives to buffers
 * as it likes: one that no SMMU translates. They have 48 bits, or 52.
 */
#define VIRT_SMMU_HOLE_START (1ULL << 52)

bool virtio_irq_in_scope(VirtIOIRQ *s, uint32_t endpoint)
{
    unsigned int i;

    /* QEMU's machines have one segment, and that is ours */
    if (endpoint > UINT16_MAX) {
        return false;
    }
    for (i = 0; i < s->num_scopes; i++) {
        if (endpoint >= le16_to_cpu(s->scopes[i].pci.bdf_start) &&
            endpoint <= le16_to_cpu(s->scopes[i].pci.bdf_end)) {
            return true;
        }
    }
    return !s->num_scopes;
}

static bool scopes_overlap(VirtIOIRQ *a, VirtIOIRQ *b)
{
    unsigned int i, j;

    if (!a->num_scopes || !b->num_scopes) {
        return true;
    }
    for (i = 0; i < a->num_scopes; i++) {
        for (j = 0; j < b->num_scopes; j++) {
            if (le16_to_cpu(a->scopes[i].pci.bdf_start) <=
                le16_to_cpu(b->scopes[j].pci.bdf_end) &&
                le16_to_cpu(b->scopes[j].pci.bdf_start) <=
                le16_to_cpu(a->scopes[i].pci.bdf_end)) {
                return true;
            }
        }
    }
    return false;
}

/*
 * Both would answer for such a function, and only one would see its messages
 * (DEV-22)
 */
bool virtio_irq_check_overlap(VirtIOIRQ *s, Error **errp)
{
    DeviceState *transport;
    VirtIOIRQ *other;

    QLIST_FOREACH(other, &virtio_irq_controllers, next) {
        if (scopes_overlap(s, other)) {
            transport = qdev_get_parent_bus(DEVICE(other))->parent;
            error_setg(errp, "scope: '%s' serves some of these functions "
                       "already", transport->id ?: DEVICE(other)->id ?:
                       transport->canonical_path);
            error_append_hint(errp, "A controller without scope= serves all "
                              "functions.\n");
            return false;
        }
    }
    return true;
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
    uint64_t page = qemu_target_page_size(), at = s->window_start;
    MemoryRegionSection section;

    if (!QEMU_IS_ALIGNED(s->window_start, page) ||
        !QEMU_IS_ALIGNED(s->window_end + 1, page) ||
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

bool virtio_irq_parse_address(const char **text, uint16_t *bdf)
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
        if (!virtio_irq_parse_address(&p, &start)) {
            goto bad;
        }
        end = start;
        if (*p == '-') {
            p++;
            if (!virtio_irq_parse_address(&p, &end)) {
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

/* What suits the machine */
static bool default_window(VirtIOIRQ *s, Error **errp)
{
#ifdef TARGET_I386
    s->window_start = X86_MSI_START;
    s->window_end = X86_MSI_END;
#else
    Object *machine = qdev_get_machine();
    g_autofree char *iommu = NULL;

    if (!object_dynamic_cast(machine, MACHINE_TYPE_NAME("virt"))) {
        error_setg(errp, "window: there is no default for this machine");
        error_append_hint(errp, "It has to be a page at which nothing "
                          "answers.\n");
        return false;
    }
    if (object_property_find(machine, "iommu")) {
        iommu = object_property_get_str(machine, "iommu", NULL);
    }
    s->window_start = g_strcmp0(iommu, "smmuv3") ? VIRT_HOLE_START :
                                                   VIRT_SMMU_HOLE_START;
    s->window_end = s->window_start + VIRT_HOLE_SIZE - 1;
#endif
    return true;
}

bool virtio_irq_parse_properties(VirtIOIRQ *s, Error **errp)
{
    if (!(s->window_text ? parse_range("window", s->window_text,
                                       &s->window_start, &s->window_end, errp) :
                           default_window(s, errp))) {
        return false;
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
