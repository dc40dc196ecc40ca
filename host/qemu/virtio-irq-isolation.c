/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: functions that can be vouched for
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * The region of virtio-irq-source.c is in front of all that a function writes
 * through its bus master address space. A guest that hands an isolated function
 * to a user relies on that: so it must be known of the function that it has no
 * other way to memory, and the rest of what it writes must be the business of
 * an IOMMU.
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-blk.h"
#include "hw/virtio/virtio-bus.h"
#include "hw/virtio/virtio-net.h"
#include "hw/virtio/virtio-rng.h"
#include "hw/virtio/virtio-scsi.h"
#include "hw/virtio/virtio-serial.h"
#include "virtio-irq.h"
#include "virtio-irq-vfio.h"

/* Does VFIO take functions whose interrupts the host does not remap? */
#define UNSAFE_INTERRUPTS \
    "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

/* They access memory with pci_dma_rw() and its like, and in no other way */
static const char *const pci_types[] = {
    "nvme", "e1000e", "igb", "igbvf", "pci-xhci", "ims-testdev",
};

/*
 * The same of virtio devices that use the address space of their function.
 * Backends in other processes and in the kernel have the guest's RAM, and
 * nothing else; but vDPA's are functions of the host.
 */
static const char *const virtio_types[] = {
    TYPE_VIRTIO_BLK, TYPE_VIRTIO_NET, TYPE_VIRTIO_RNG, TYPE_VIRTIO_SCSI,
    TYPE_VIRTIO_SERIAL,
};

static bool is_one_of(Object *obj, const char *const *types, size_t num)
{
    size_t i;

    for (i = 0; i < num; i++) {
        if (object_dynamic_cast(obj, types[i])) {
            return true;
        }
    }
    return false;
}

static bool has_vdpa(VirtIODevice *vdev)
{
    NICPeers *peers;
    int i;

    if (!object_dynamic_cast(OBJECT(vdev), TYPE_VIRTIO_NET)) {
        return false;
    }
    peers = &VIRTIO_NET(vdev)->nic_conf.peers;
    for (i = 0; i < peers->queues; i++) {
        if (peers->ncs[i] &&
            peers->ncs[i]->info->type == NET_CLIENT_DRIVER_VHOST_VDPA) {
            return true;
        }
    }
    return false;
}

static bool virtio_is_confined(PCIDevice *pdev)
{
    VirtIODevice *vdev = virtio_bus_get_device(&VIRTIO_PCI(pdev)->bus);

    /* Without iommu_platform=on it is all of the guest's memory */
    return vdev && vdev->dma_as == &pdev->bus_master_as && !has_vdpa(vdev) &&
           is_one_of(OBJECT(vdev), virtio_types, ARRAY_SIZE(virtio_types));
}

/* Its messages are the host's business, and those of other DMA are, too */
static bool host_is_safe(void)
{
    g_autofree char *value = NULL;

    return g_file_get_contents(UNSAFE_INTERRUPTS, &value, NULL, NULL) &&
           value[0] == 'N';
}

bool virtio_irq_isolates(PCIDevice *pdev, AddressSpace *below)
{
    if (below == &address_space_memory) {
        return false;
    }
    if (virtio_irq_vfio_is(pdev)) {
        return host_is_safe();
    }
    if (object_dynamic_cast(OBJECT(pdev), TYPE_VIRTIO_PCI)) {
        return virtio_is_confined(pdev);
    }
    return is_one_of(OBJECT(pdev), pci_types, ARRAY_SIZE(pci_types));
}
