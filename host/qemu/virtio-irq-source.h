/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: a PCI function as a source of messages
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#ifndef HW_VIRTIO_IRQ_SOURCE_H
#define HW_VIRTIO_IRQ_SOURCE_H

#include "virtio-irq.h"

#define TYPE_VIRTIO_IRQ_SOURCE "virtio-irq-source"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOIRQSource, VIRTIO_IRQ_SOURCE)

/*
 * An object of its own because another thread may hold a FlatView with the
 * region for a while after it was removed; that keeps the region's owner alive
 * (memory_region_ref()).
 */
struct VirtIOIRQSource {
    Object parent_obj;

    /* NULL once the function or the controller is unrealized */
    VirtIOIRQ *s;
    PCIDevice *pdev; /* a reference */
    /* While it is attached */
    struct virtio_irq_ep *ep;
    /* It is a function of the host, and its interrupts are the host's */
    bool is_host;
    /* Is the region in the function's address space? */
    bool shown;
    /* Since the machine was reset */
    bool was_attached;
    uint64_t window_start;
    /* What is below our region: the bus master region leads there, for ever */
    AddressSpace *below;
    /* Of the message that is being delivered */
    uint16_t requester_id;
    MemoryRegion mr;
};

#endif /* HW_VIRTIO_IRQ_SOURCE_H */
