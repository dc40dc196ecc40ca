/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: for models of PCI functions with interrupt message stores
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Store 0 is a function's MSI and MSI-X, which virtio-irq knows. A function
 * with stores of its own (IMS), or whose messages can carry a PASID, says so by
 * implementing TYPE_VIRTIO_IRQ_STORES, and sends with virtio_irq_send().
 */

#ifndef HW_VIRTIO_IRQ_STORES_H
#define HW_VIRTIO_IRQ_STORES_H

#include "compat.h"
#include "qom/object.h"

#define TYPE_VIRTIO_IRQ_STORES "virtio-irq-stores"
typedef struct VirtIOIRQStores VirtIOIRQStores;
typedef struct VirtIOIRQStoresClass VirtIOIRQStoresClass;
DECLARE_CLASS_CHECKERS(VirtIOIRQStoresClass, VIRTIO_IRQ_STORES,
                       TYPE_VIRTIO_IRQ_STORES)
#define VIRTIO_IRQ_STORES(obj) \
    INTERFACE_CHECK(VirtIOIRQStores, (obj), TYPE_VIRTIO_IRQ_STORES)

/* Besides store 0 */
#define VIRTIO_IRQ_STORES_MAX 7

typedef struct VirtIOIRQStore {
    /* Not 0 */
    uint16_t number;
    /* Its messages all carry a PASID: hidden from drivers that have none */
    bool needs_pasid;
    /* Number of vectors; 0: as many as the guest likes */
    uint32_t size;
} VirtIOIRQStore;

typedef struct VirtIOIRQStoresInfo {
    /* PASIDs of this function are below 1 << pasid_width; 0: it has none */
    uint8_t pasid_width;
    unsigned int num_stores;
    VirtIOIRQStore stores[VIRTIO_IRQ_STORES_MAX];
} VirtIOIRQStoresInfo;

struct VirtIOIRQStoresClass {
    InterfaceClass parent_class;

    /*
     * Fill @info, which is zero, when the guest attaches the function. A
     * realized function always gives the same answer.
     */
    void (*describe)(VirtIOIRQStores *obj, VirtIOIRQStoresInfo *info);
};

#define VIRTIO_IRQ_NO_PASID UINT32_MAX

/**
 * virtio_irq_send: send an interrupt message as a PCI function
 *
 * @pdev: the function
 * @address: where to, little-endian, 4 bytes
 * @data: what is written
 * @pasid: the PASID that the message carries, or %VIRTIO_IRQ_NO_PASID
 *
 * While no virtio-irq serves the function this is an ordinary write, and the
 * PASID is lost.
 *
 * Returns: what the bus says. Writes are posted: %MEMTX_OK for a message that
 * was blocked, too.
 */
MemTxResult virtio_irq_send(PCIDevice *pdev, hwaddr address, uint32_t data,
                            uint32_t pasid);

#endif /* HW_VIRTIO_IRQ_STORES_H */
