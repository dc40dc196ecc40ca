/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: virtio-pci binding
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "virtio-irq.h"

#define TYPE_VIRTIO_IRQ_PCI "virtio-irq-pci"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOIRQPCI, VIRTIO_IRQ_PCI)

struct VirtIOIRQPCI {
    VirtIOPCIProxy parent_obj;
    VirtIOIRQ vdev;
};

/* For configuration changes, and for events; requestq is polled */
#define VIRTIO_IRQ_PCI_MSIX_VECTORS 2

static void virtio_irq_pci_realize(VirtIOPCIProxy *vpci_dev, Error **errp)
{
    /*
     * The child that virtio_instance_init_common() makes, here and of a tester
     */
    Object *vdev = object_resolve_path_component(OBJECT(vpci_dev),
                                                 "virtio-backend");

    /* Not the usual property: "vectors" is what an administrator reads here */
    vpci_dev->nvectors = VIRTIO_IRQ_PCI_MSIX_VECTORS -
                         !VIRTIO_IRQ(vdev)->events;
    virtio_pci_force_virtio_1(vpci_dev);
    qdev_realize(DEVICE(vdev), BUS(&vpci_dev->bus), errp);
}

void virtio_irq_pci_class_init(ObjectClass *klass, COMPAT_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VirtioPCIClass *k = VIRTIO_PCI_CLASS(klass);
    PCIDeviceClass *pcidev_k = PCI_DEVICE_CLASS(klass);

    k->realize = virtio_irq_pci_realize;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    dc->desc = "Paravirtual interrupt controller";
    pcidev_k->revision = VIRTIO_PCI_ABI_VERSION;
    pcidev_k->class_id = PCI_CLASS_SYSTEM_OTHER;
}

static void virtio_irq_pci_instance_init(Object *obj)
{
    VirtIOIRQPCI *dev = VIRTIO_IRQ_PCI(obj);

    virtio_instance_init_common(obj, &dev->vdev, sizeof(dev->vdev),
                                TYPE_VIRTIO_IRQ);
    virtio_irq_alias_properties(obj, OBJECT(&dev->vdev));
}

static const VirtioPCIDeviceTypeInfo virtio_irq_pci_info = {
    .generic_name = TYPE_VIRTIO_IRQ_PCI,
    .instance_size = sizeof(VirtIOIRQPCI),
    .instance_init = virtio_irq_pci_instance_init,
    .class_init = virtio_irq_pci_class_init,
};

static void virtio_irq_pci_register(void)
{
    virtio_pci_types_register(&virtio_irq_pci_info);
}

type_init(virtio_irq_pci_register)
