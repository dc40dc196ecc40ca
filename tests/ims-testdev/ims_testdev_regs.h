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
 * table and PBA. The function has no INTx pin.
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
 * off, or beyond the number of MSI vectors enabled) what is owed stays owed.
 * A vector that is masked fires into its pending bit, as PCI demands, and the
 * message leaves when it is unmasked; that counts as fired once.
 */
#ifndef IMS_TESTDEV_REGS_H
#define IMS_TESTDEV_REGS_H

/* QEMU's own vendor; the device ID is not used by any device of QEMU's */
#define IMS_TESTDEV_VENDOR_ID		0x1234
#define IMS_TESTDEV_DEVICE_ID		0x11f5

#define IMS_TESTDEV_BAR_REGS		0
#define IMS_TESTDEV_BAR_MSIX		1
#define IMS_TESTDEV_REGS_SIZE		0x20000

#define IMS_TESTDEV_MAX_VECTORS		2048

/* Global registers */

/* RO: "IMST" in memory */
#define IMS_TESTDEV_ID			0x00
#define   IMS_TESTDEV_ID_VALUE		0x54534d49
/* RO: version of this map; a change that breaks a driver raises it */
#define IMS_TESTDEV_VERSION		0x04
#define   IMS_TESTDEV_VERSION_VALUE	1
/* RO: number of vector blocks, the larger one of the next two */
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
/* WO: any value: cancel every vector, clear every counter and gap */
#define IMS_TESTDEV_CLEAR		0x18
/*
 * WO: any value: copy the sums over all vectors into the registers below, all
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
 * capability. A write to RAW_SEND makes the function write the 4 bytes RAW_DATA
 * to the bus address RAW_ADDR under its own requester ID.
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

/* One block per vector */
#define IMS_TESTDEV_VECTOR_BASE		0x1000
#define IMS_TESTDEV_VECTOR_SIZE		0x20
#define IMS_TESTDEV_VECTOR(i) \
	(IMS_TESTDEV_VECTOR_BASE + (i) * IMS_TESTDEV_VECTOR_SIZE)

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
/*
 * WO: any value: nothing is owed any more. An interrupt in the pending bit is
 * withdrawn, and was never fired. One that has left already is abandoned.
 */
#define IMS_TESTDEV_CANCEL		0x18
/* RO: interrupts abandoned; wraps */
#define IMS_TESTDEV_ABANDONED		0x1c

#endif
