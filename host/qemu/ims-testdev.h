/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ims-testdev: a PCI function that exists to send interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * ims-testdev.c          the function: registers, MSI and MSI-X, migration
 * ims-testdev-engine.c   the fire engine, the same for every store
 * ims-testdev-stores.c   slots in BAR 2, records in guest memory
 * ims-testdev-qom.c      what the host sees and does
 *
 * Everything here runs under the big QEMU lock.
 */

#ifndef HW_IMS_TESTDEV_H
#define HW_IMS_TESTDEV_H

#include "compat.h"
#include "qemu/timer.h"
#include "qom/object.h"
#include "ims_testdev_regs.h"
#include "virtio-irq-stores.h"

#define TYPE_IMS_TESTDEV "ims-testdev"
OBJECT_DECLARE_SIMPLE_TYPE(ImsTestdevState, IMS_TESTDEV)

typedef struct ImsTestdevCounts {
    uint64_t owed;
    uint64_t fired;
    uint64_t acked;
    uint64_t abandoned;
} ImsTestdevCounts;

typedef struct ImsTestdevStore ImsTestdevStore;

/* Of a slot or a record */
typedef struct ImsTestdevMessage {
    uint64_t addr;
    uint32_t data;
    uint32_t ctrl;
} ImsTestdevMessage;

typedef struct ImsTestdevVector {
    ImsTestdevStore *store;
    QEMUTimer timer;
    uint32_t owed;
    /* The next three wrap; fired - acked - abandoned is 0 or 1 */
    uint32_t fired;
    uint32_t acked;
    uint32_t abandoned;
    uint32_t gap;

    /* Not of store 0, where PCI has them */
    bool pending;
    ImsTestdevMessage slot;
    /* The last access to the record failed */
    bool dma_error;
} ImsTestdevVector;

/* Where messages and pending bits are is all that differs between stores */
typedef struct ImsTestdevStoreOps {
    /*
     * Send the vector's message, or set its pending bit if it is masked. False
     * if it cannot be sent at present.
     */
    bool (*raise)(ImsTestdevVector *v);
    bool (*pending)(ImsTestdevVector *v);
    void (*clear_pending)(ImsTestdevVector *v);
    /*
     * Send the message of a vector that is pending, if it can be sent now. NULL
     * if that is PCI's business.
     */
    void (*flush_pending)(ImsTestdevVector *v);
} ImsTestdevStoreOps;

#define IMS_TESTDEV_NUM_STORES (IMS_TESTDEV_STORE_RECORDS + 1)

struct ImsTestdevStore {
    ImsTestdevState *dev;
    const ImsTestdevStoreOps *ops;
    uint32_t nr_vectors;
    ImsTestdevVector *vectors;
};

struct ImsTestdevState {
    PCIDevice pdev;
    MemoryRegion regs;
    MemoryRegion stores_mr;
    /* Where the Advanced Features and Power Management capabilities are */
    int af_cap;
    int pm_cap;

    /* Properties */
    uint32_t msix_vectors;
    uint32_t msi_vectors;
    bool msi64;
    bool msi_mask;
    bool drop_disabled;
    bool pm;
    uint32_t bar_slots;
    uint32_t memory_slots;
    bool bar_addr32;
    bool bar_data16;
    bool memory_addr32;
    bool memory_data16;
    bool memory_pasid;

    /* By their number */
    ImsTestdevStore stores[IMS_TESTDEV_NUM_STORES];
    /* Over all vectors; .owed is only summed up when somebody asks */
    ImsTestdevCounts total;
    ImsTestdevCounts snapshot;

    uint64_t raw_addr;
    uint32_t raw_data;
    uint32_t raw_result;
    uint32_t raw_sent;
    uint32_t raw_pasid;

    uint64_t record_base;
    uint32_t record_stride;
};

/* ims-testdev.c */

bool ims_testdev_is_master(ImsTestdevState *s);
/* IMS_TESTDEV_MODE */
uint32_t ims_testdev_mode(ImsTestdevState *s);

/* ims-testdev-engine.c */

extern const VMStateDescription vmstate_ims_testdev_vector;

void ims_testdev_init_store(ImsTestdevState *s, unsigned int number,
                            const ImsTestdevStoreOps *ops, uint32_t nr_vectors);
void ims_testdev_cleanup_stores(ImsTestdevState *s);
const char *ims_testdev_name(ImsTestdevState *s);
uint32_t ims_testdev_store_number(ImsTestdevVector *v);
uint32_t ims_testdev_index(ImsTestdevVector *v);
/* @count more interrupts on this vector */
void ims_testdev_owe(ImsTestdevVector *v, uint32_t count);
/* What kept vectors from sending may have ended */
void ims_testdev_retry(ImsTestdevVector *v);
void ims_testdev_retry_all(ImsTestdevState *s);
/* Neither MSI nor MSI-X is enabled, and one of them was */
void ims_testdev_disabled(ImsTestdevState *s);
/* IMS_TESTDEV_CLEAR */
void ims_testdev_clear(ImsTestdevState *s);
ImsTestdevCounts ims_testdev_sum(ImsTestdevState *s);
/* The registers that the block of any vector has */
uint32_t ims_testdev_vector_read(ImsTestdevVector *v, hwaddr reg);
void ims_testdev_vector_write(ImsTestdevVector *v, hwaddr reg, uint32_t val);

/* ims-testdev-stores.c */

extern const VMStateDescription vmstate_ims_testdev_stores;

void ims_testdev_stores_init(ImsTestdevState *s);
/* What the vectors hold. Before ims_testdev_clear(): a reset does no DMA */
void ims_testdev_stores_reset(ImsTestdevState *s);
void ims_testdev_describe(VirtIOIRQStores *obj, VirtIOIRQStoresInfo *info);

/* ims-testdev-qom.c */

void ims_testdev_class_add_properties(ObjectClass *klass);

#endif /* HW_IMS_TESTDEV_H */
