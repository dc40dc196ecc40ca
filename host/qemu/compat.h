/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences between QEMU 7.2 and 10.x that concern this directory
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#ifndef VIRTIO_IRQ_COMPAT_H
#define VIRTIO_IRQ_COMPAT_H

#include "qemu/main-loop.h"
#include "hw/qdev-core.h"
#include "hw/virtio/virtio.h"

/* 8.0 took struct PCIDevice out of hw/pci/pci.h */
#if __has_include("hw/pci/pci_device.h")
#include "hw/pci/pci_device.h"
#else
#include "hw/pci/pci.h"
#endif

/* 10.0 renamed sysemu/ to system/ and later moved exec/memory.h there */
#if __has_include("system/kvm.h")
#include "system/kvm.h"
#include "system/reset.h"
#include "system/runstate.h"
#else
#include "sysemu/kvm.h"
#include "sysemu/reset.h"
#include "sysemu/runstate.h"
#endif
#if __has_include("system/memory.h")
#include "system/memory.h"
#include "system/address-spaces.h"
#else
#include "exec/memory.h"
#include "exec/address-spaces.h"
#endif

/* 10.0: properties are const and no longer terminated */
#if QEMU_VERSION_MAJOR >= 10
#define COMPAT_PROPERTY const Property
#define COMPAT_PROPERTIES_END
#else
#define COMPAT_PROPERTY Property
#define COMPAT_PROPERTIES_END DEFINE_PROP_END_OF_LIST(),
#endif

/* 10.1: the data of class_init is const */
#if QEMU_VERSION_MAJOR > 10 || \
    (QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR >= 1)
#define COMPAT_CLASS_DATA const void
#else
#define COMPAT_CLASS_DATA void
#endif

/* Debian's 7.2 has it, upstream's has not. The guard is the transport's */
#ifndef virtio_bh_new_guarded
#define virtio_bh_new_guarded(dev, cb, opaque) \
    qemu_bh_new_guarded((cb), (opaque), \
        &qdev_get_parent_bus(dev)->parent->mem_reentrancy_guard)
#endif

/* 10.0: VFs that are switched off stay realized */
static inline bool pci_device_is_on(PCIDevice *pdev)
{
#if QEMU_VERSION_MAJOR >= 10
    return pdev->enabled;
#else
    return pdev->has_power;
#endif
}

#endif /* VIRTIO_IRQ_COMPAT_H */
