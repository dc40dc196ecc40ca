/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ims-testdev: a PCI function that exists to send interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Register map, shared by the device (QEMU) and its guest driver (Linux).
 *
 * Every register is 4 bytes, little-endian, and takes aligned 4-byte accesses
 * only. Offsets that are not listed read as zero and ignore writes.
 *
 * BAR 0 starts with the global registers. One block of IMS_TESTDEV_VECTOR_SIZE
 * bytes per vector follows at IMS_TESTDEV_VECTOR_BASE. BAR 1 holds the MSI-X
 * table and PBA. BAR 2 exists only if the function has interrupt message stores
 * (below), and holds the blocks of their vectors. The function has no INTx pin.
 *
 * The fire engine
 * ---------------
 * Writing N to a vector's FIRE register makes the device owe N interrupts on
 * that vector. It has at most one of them outstanding: the next one is sent
 * after the guest acknowledged the last. Therefore nothing can be coalesced, and
 *
 *	fired == acknowledged + abandoned + outstanding (0 or 1)
 *
 * holds all the time. An interrupt that was lost between the device and the
 * handler leaves its vector outstanding for ever. Vectors do not wait for each
 * other.
 *
 * While the vector cannot send (neither MSI nor MSI-X enabled, bus mastering
 * off, or beyond the number of MSI vectors enabled) what is owed stays owed. With
 * the property drop-disabled, an interrupt that a vector of store 0 owes at that
 * time is lost, as it is with functions that send a message once and keep nothing:
 * one when MSI or MSI-X is disabled while the vector waits for no acknowledgment, and
 * one after each gap until it is enabled. It counts as fired and as abandoned.
 * A vector that is masked fires into its pending bit, as PCI demands, and the
 * message leaves when it is unmasked; that counts as fired once.
 *
 * Interrupt message stores
 * ------------------------
 * Besides MSI and MSI-X, which are store 0, the function can have two stores of
 * its own (IMS). Their vectors have a fire engine each, exactly as above, and
 * do not depend on MSI, MSI-X or their enable bits.
 *
 * Store 1, slots: messages in registers of BAR 2. Every access to them is an
 * exit, and is traced.
 *
 * Store 2, records: messages in guest memory, in what could be a queue's
 * context. The guest says where record 0 is (RECORD_BASE, a bus address) and
 * how far apart records are (RECORD_STRIDE); the device reads a record by DMA
 * each time when it fires, and nobody notices when the guest writes it:
 *
 *	struct {				32 bytes, little-endian
 *		le32 addr_lo;			IMS_TESTDEV_RECORD_ADDR_LO
 *		le32 addr_hi;			IMS_TESTDEV_RECORD_ADDR_HI
 *		le32 data;			IMS_TESTDEV_RECORD_DATA
 *		le32 ctrl;			IMS_TESTDEV_RECORD_CTRL
 *		le32 pending;			IMS_TESTDEV_RECORD_PENDING
 *		le32 unused[3];			the driver's own
 *	};
 *
 * The device writes nothing but .pending. ctrl is the same for both stores:
 * a mask bit, and the PASID that the message carries. A slot comes out of reset
 * masked and otherwise zero; records are what the guest's memory holds, so the
 * driver has to mask all of them before it sets RECORD_STRIDE.
 *
 * What a vector of a store holds is sent as it is, be it right, stale or wrong.
 * A vector cannot send, and what is owed stays owed, while bus mastering is off,
 * while it is not masked and its address is 0, and, of a record, while the
 * stride is 0 or its memory cannot be accessed. The device tries again when a
 * register of the slot is written, or at KICK.
 *
 * Masking a record. To fire a masked one, the device
 *
 *	1. sets .pending to 1; the vector is fired, STATUS_PENDING;
 *	2. reads the record again. Still masked: it waits for KICK. Not masked any
 *	   more: it sets .pending to 0, and the message leaves.
 *
 * The driver unmasks by clearing the mask bit; then, after a full barrier
 * (mb()), it reads .pending, and writes KICK if that is not 0. One of both sees
 * the other, and in the usual case an unmask takes no exit. A KICK too many does
 * no harm. To mask is to set the bit; a message may leave until the device has
 * read that. To change a message the driver masks the record, writes address and
 * data, and unmasks it after a write barrier; before the device uses what it has
 * read it looks at the mask once more, so no half-written message leaves.
 */
#ifndef IMS_TESTDEV_REGS_H
#define IMS_TESTDEV_REGS_H

/* QEMU's own vendor; the device ID is not used by any device of QEMU's */
#define IMS_TESTDEV_VENDOR_ID		0x1234
#define IMS_TESTDEV_DEVICE_ID		0x11f5

#define IMS_TESTDEV_BAR_REGS		0
#define IMS_TESTDEV_BAR_MSIX		1
#define IMS_TESTDEV_BAR_STORES		2
#define IMS_TESTDEV_REGS_SIZE		0x20000
#define IMS_TESTDEV_STORES_SIZE		0x40000

/* Of each store; 32 for MSI */
#define IMS_TESTDEV_MAX_VECTORS		2048

/* Store numbers, as virtio-irq has them */
#define IMS_TESTDEV_STORE_MSI		0
#define IMS_TESTDEV_STORE_SLOTS		1
#define IMS_TESTDEV_STORE_RECORDS	2

/* Global registers */

/* RO: "IMST" in memory */
#define IMS_TESTDEV_ID			0x00
#define   IMS_TESTDEV_ID_VALUE		0x54534d49
/* RO: version of this map; a change that breaks a driver raises it */
#define IMS_TESTDEV_VERSION		0x04
#define   IMS_TESTDEV_VERSION_VALUE	1
/* RO: number of vector blocks in BAR 0, the larger one of the next two */
#define IMS_TESTDEV_VECTORS		0x08
/* RO: size of the MSI-X table, 0 without MSI-X */
#define IMS_TESTDEV_MSIX_VECTORS	0x0c
/* RO: number of MSI vectors, 0 without MSI */
#define IMS_TESTDEV_MSI_VECTORS		0x10
/* RO: how interrupts leave at present */
#define IMS_TESTDEV_MODE		0x14
#define   IMS_TESTDEV_MODE_NONE		0
#define   IMS_TESTDEV_MODE_MSI		1
#define   IMS_TESTDEV_MODE_MSIX		2
/* WO: any value: cancel every vector of every store, clear counters and gaps */
#define IMS_TESTDEV_CLEAR		0x18
/*
 * WO: any value: copy the sums over all vectors of all stores into the registers below, all
 * at the same moment, so that the halves and the sums fit together
 */
#define IMS_TESTDEV_SNAPSHOT		0x1c
/* RO: the sums as of the last SNAPSHOT, 64 bits each */
#define IMS_TESTDEV_SUM_OWED_LO		0x20
#define IMS_TESTDEV_SUM_OWED_HI		0x24
#define IMS_TESTDEV_SUM_FIRED_LO	0x28
#define IMS_TESTDEV_SUM_FIRED_HI	0x2c
#define IMS_TESTDEV_SUM_ACKED_LO	0x30
#define IMS_TESTDEV_SUM_ACKED_HI	0x34
#define IMS_TESTDEV_SUM_ABANDONED_LO	0x38
#define IMS_TESTDEV_SUM_ABANDONED_HI	0x3c

/*
 * Raw messages: what a device does that ignores its own MSI and MSI-X
 * capability, or uses a PASID or what a slot once held. A write to RAW_SEND makes
 * the function write the 4 bytes RAW_DATA to the bus address RAW_ADDR under its
 * own requester ID, and with RAW_PASID if that is valid.
 */
#define IMS_TESTDEV_RAW_ADDR_LO		0x40
#define IMS_TESTDEV_RAW_ADDR_HI		0x44
#define IMS_TESTDEV_RAW_DATA		0x48
/* WO: any value */
#define IMS_TESTDEV_RAW_SEND		0x4c
/* RO: 0: the last raw message was accepted by the bus, else its error bits */
#define IMS_TESTDEV_RAW_RESULT		0x50
#define   IMS_TESTDEV_RAW_RESULT_NONE	0xffffffff	/* none sent yet */
/* RO: raw messages sent, accepted or not */
#define IMS_TESTDEV_RAW_SENT		0x54
/* RW: the PASID of raw messages; 0, the default: none */
#define IMS_TESTDEV_RAW_PASID		0x58
#define   IMS_TESTDEV_RAW_PASID_MASK	0x000fffff
#define   IMS_TESTDEV_RAW_PASID_VALID	0x80000000

/* RO: number of slots, store 1; 0: there is no such store */
#define IMS_TESTDEV_SLOTS		0x60
/* RO: number of records, store 2; 0: there is no such store */
#define IMS_TESTDEV_RECORDS		0x64
/* RO: what the stores can hold */
#define IMS_TESTDEV_STORE_FLAGS		0x68
#define   IMS_TESTDEV_STORE_SLOT_ADDR32		0x1	/* SLOT_ADDR_HI is 0 */
#define   IMS_TESTDEV_STORE_SLOT_DATA16		0x2	/* 16 bits of SLOT_DATA */
#define   IMS_TESTDEV_STORE_RECORD_ADDR32	0x4	/* .addr_hi is not looked at */
#define   IMS_TESTDEV_STORE_RECORD_DATA16	0x8	/* 16 bits of .data */
/* RW: bus address of record 0, a multiple of 32; the low 5 bits are 0 */
#define IMS_TESTDEV_RECORD_BASE_LO	0x70
#define IMS_TESTDEV_RECORD_BASE_HI	0x74
/* RW: from one record to the next, a multiple of 32; 0, the default: no records */
#define IMS_TESTDEV_RECORD_STRIDE	0x78

/* BAR 0: one block per vector of store 0 */
#define IMS_TESTDEV_VECTOR_BASE		0x1000
#define IMS_TESTDEV_VECTOR_SIZE		0x20
#define IMS_TESTDEV_VECTOR(i) \
	(IMS_TESTDEV_VECTOR_BASE + (i) * IMS_TESTDEV_VECTOR_SIZE)

/* In each block, whatever the store */

/* RW: write N: N more interrupts owed (sticks at 2^32 - 1); read: still owed */
#define IMS_TESTDEV_FIRE		0x00
/* RO: interrupts fired, the outstanding one included; wraps */
#define IMS_TESTDEV_FIRED		0x04
/* RO: interrupts acknowledged; wraps */
#define IMS_TESTDEV_ACKED		0x08
/*
 * RO, *with a side effect*: for the interrupt handler. 1: the interrupt was
 * outstanding and is hereby acknowledged. 0: none was, so whatever interrupted
 * the handler's CPU was not the fire engine; nothing changes.
 */
#define IMS_TESTDEV_CLAIM		0x0c
/*
 * RW: time in ns of the guest's clock between an acknowledgment and the next
 * fire, which then comes from a timer and not from within the guest's access.
 * 0, the default: fire at once.
 */
#define IMS_TESTDEV_GAP			0x10
/* RO */
#define IMS_TESTDEV_STATUS		0x14
#define   IMS_TESTDEV_STATUS_OUTSTANDING	0x1
#define   IMS_TESTDEV_STATUS_PENDING		0x2	/* in the pending bit */
#define   IMS_TESTDEV_STATUS_GAP		0x4	/* waits out its gap */
#define   IMS_TESTDEV_STATUS_DMA_ERROR		0x8	/* last access to the record */
/*
 * WO: any value: nothing is owed any more. An interrupt in the pending bit is
 * withdrawn, and was never fired. One that has left already is abandoned.
 */
#define IMS_TESTDEV_CANCEL		0x18
/* RO: interrupts abandoned; wraps */
#define IMS_TESTDEV_ABANDONED		0x1c

/* BAR 2: one block per vector of stores 1 and 2 */
#define IMS_TESTDEV_STORE_VECTOR_SIZE	0x40
#define IMS_TESTDEV_STORE_VECTOR(store, i) \
	(((store) - 1) * IMS_TESTDEV_MAX_VECTORS * IMS_TESTDEV_STORE_VECTOR_SIZE + \
	 (i) * IMS_TESTDEV_STORE_VECTOR_SIZE)

/* Store 1 only: the slot. RW */
#define IMS_TESTDEV_SLOT_ADDR_LO	0x20
#define IMS_TESTDEV_SLOT_ADDR_HI	0x24
#define IMS_TESTDEV_SLOT_DATA		0x28
#define IMS_TESTDEV_SLOT_CTRL		0x2c
/*
 * Store 2 only: WO, any value: look at the record again: send what is pending
 * if it is not masked any more, and what is owed
 */
#define IMS_TESTDEV_KICK		0x30

/*
 * SLOT_CTRL and ctrl of a record; other bits are ignored.
 *
 * To wait until nothing of a slot that is being masked is on its way: write SLOT_CTRL,
 * then read it, or any other register of the device. Messages that the device sent
 * before it answers arrive before the answer. Of a record: write ctrl, dma_wmb(). The
 * device looks at ctrl and sends in one step, so nothing that is done after that sees
 * a message of the record.
 */
#define IMS_TESTDEV_CTRL_MASK		0x00000001
#define IMS_TESTDEV_CTRL_PASID_VALID	0x00000002
#define IMS_TESTDEV_CTRL_PASID_SHIFT	12
#define IMS_TESTDEV_CTRL_PASID_MASK	0xfffff000

/* Offsets in a record */
#define IMS_TESTDEV_RECORD_ADDR_LO	0x00
#define IMS_TESTDEV_RECORD_ADDR_HI	0x04
#define IMS_TESTDEV_RECORD_DATA		0x08
#define IMS_TESTDEV_RECORD_CTRL		0x0c
#define IMS_TESTDEV_RECORD_PENDING	0x10
#define IMS_TESTDEV_RECORD_SIZE		0x20

#endif
