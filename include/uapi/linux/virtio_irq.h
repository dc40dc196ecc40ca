/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtio interrupt controller (virtio-irq) definitions
 *
 * The contract between a guest driver and a device. Its prose, with numbered
 * requirements for both sides, is Documentation/virtio-irq-spec.rst.
 *
 * All fields are little-endian and naturally aligned. Reserved fields are
 * written as zero. A reserved field that is not zero in a request is INVAL; in
 * a reply or an event the driver ignores it.
 */
#ifndef _UAPI_LINUX_VIRTIO_IRQ_H
#define _UAPI_LINUX_VIRTIO_IRQ_H

#include <linux/types.h>

#ifndef VIRTIO_ID_IRQ
/*
 * Provisional: the last device ID that virtio-pci drivers accept (PCI device ID
 * 0x1040 + 63 = 0x107f). Override it with -DVIRTIO_ID_IRQ=n on both sides.
 */
#define VIRTIO_ID_IRQ				63
#endif

/* Virtqueues */
#define VIRTIO_IRQ_VQ_REQUEST			0
#define VIRTIO_IRQ_VQ_EVENT			1

/* Smallest number of descriptors in requestq */
#define VIRTIO_IRQ_REQUESTQ_MIN			256

/* Feature bits */
#define VIRTIO_IRQ_F_EVENTQ			0	/* eventq; pairs may change or be revoked */
#define VIRTIO_IRQ_F_SCOPE			1	/* config.scopes says which endpoints */
#define VIRTIO_IRQ_F_ISOLATED			2	/* ATTACH may answer ISOLATED */
#define VIRTIO_IRQ_F_PASID			3	/* ACTIVATE may carry a PASID */
#define VIRTIO_IRQ_F_LAZY			4	/* requests are seen before messages */

/* Scope entries, in the manner of ACPI VIOT */
#define VIRTIO_IRQ_SCOPE_T_NONE			0
#define VIRTIO_IRQ_SCOPE_T_PCI_RANGE		1
#define VIRTIO_IRQ_SCOPE_T_MMIO			2

#define VIRTIO_IRQ_MAX_SCOPES			12

struct virtio_irq_scope_pci {
	__u8					type;
	__u8					reserved[3];
	__le16					segment;
	__le16					bdf_start;
	__le16					bdf_end;	/* inclusive */
	__le16					reserved2;
	__le32					endpoint_start;
};

struct virtio_irq_scope_mmio {
	__u8					type;
	__u8					reserved[3];
	__le32					endpoint;
	__le64					base;
};

union virtio_irq_scope {
	__u8					type;
	struct virtio_irq_scope_pci		pci;
	struct virtio_irq_scope_mmio		mmio;
};

struct virtio_irq_config {
	/* Vectors that can be allocated at one time, all endpoints together */
	__le32					max_vectors;
	/* Endpoints that can be attached at one time */
	__le32					max_endpoints;
	/* Largest count in a request */
	__le32					max_count;
	/* Bytes of TLVs in the reply to ATTACH, a multiple of 8 */
	__le32					tlv_size;
	__le16					num_scopes;
	__u8					reserved[6];
	union virtio_irq_scope			scopes[VIRTIO_IRQ_MAX_SCOPES];
};

/* Request types */
#define VIRTIO_IRQ_T_ATTACH			0x01
#define VIRTIO_IRQ_T_DETACH			0x02
#define VIRTIO_IRQ_T_ALLOC			0x03
#define VIRTIO_IRQ_T_COMMIT			0x04
#define VIRTIO_IRQ_T_RELEASE			0x05
#define VIRTIO_IRQ_T_ACTIVATE			0x06
#define VIRTIO_IRQ_T_DEACTIVATE			0x07
#define VIRTIO_IRQ_T_FREE			0x08

/* Status */
#define VIRTIO_IRQ_S_OK				0x00
#define VIRTIO_IRQ_S_UNSUPP			0x01	/* unknown type or feature */
#define VIRTIO_IRQ_S_INVAL			0x02	/* malformed request */
#define VIRTIO_IRQ_S_RANGE			0x03	/* a value is out of bounds */
#define VIRTIO_IRQ_S_NOENT			0x04	/* no such endpoint, store or vector */
#define VIRTIO_IRQ_S_PERM			0x05	/* not allowed by the host's policy */
#define VIRTIO_IRQ_S_BUSY			0x06	/* try again later */
#define VIRTIO_IRQ_S_NOMEM			0x07	/* the host has no memory */
#define VIRTIO_IRQ_S_NOSPC			0x08	/* the pool is empty */
#define VIRTIO_IRQ_S_QUOTA			0x09	/* limit of this guest or endpoint */
#define VIRTIO_IRQ_S_DEVERR			0x0a	/* the device failed */

/* Store 0 is the function's own MSI or MSI-X, others are IMS stores */
#define VIRTIO_IRQ_STORE_MSI			0

struct virtio_irq_req_head {
	__u8					type;
	__u8					reserved[3];
	/* PCI: segment << 16 | bus << 8 | devfn of the function itself */
	__le32					endpoint;
};

/* Start of the device-writable part; a refusal is these 8 bytes alone */
struct virtio_irq_rsp_head {
	__u8					status;
	__u8					reserved[7];
};

/* VIRTIO_IRQ_T_ATTACH */
#define VIRTIO_IRQ_ATTACH_F_ISOLATED		(1 << 0)

struct virtio_irq_req_attach {
	struct virtio_irq_req_head		head;
	__u8					reserved[8];
};

struct virtio_irq_rsp_attach {
	struct virtio_irq_rsp_head		head;
	__le32					flags;
	__u8					reserved[4];
	/* config.tlv_size bytes, 8-byte aligned TLVs, the rest is zero */
	__u8					tlvs[];
};

/* TLVs: the next one starts at the next multiple of 8 after 4 + length */
#define VIRTIO_IRQ_TLV_T_NONE			0	/* end of the list */
#define VIRTIO_IRQ_TLV_T_WINDOW			1
#define VIRTIO_IRQ_TLV_T_STORE			2
#define VIRTIO_IRQ_TLV_T_PASID			3

struct virtio_irq_tlv_head {
	__le16					type;
	__le16					length;		/* of what follows */
};

/* Every pair address of this endpoint lies in [start, end] */
struct virtio_irq_tlv_window {
	struct virtio_irq_tlv_head		head;
	__u8					reserved[4];
	__le64					start;
	__le64					end;		/* inclusive */
};

#define VIRTIO_IRQ_STORE_F_COMMIT		(1 << 0) /* wants COMMIT before ACTIVATE */
#define VIRTIO_IRQ_STORE_F_PASID		(1 << 1) /* ACTIVATE needs a PASID */

struct virtio_irq_tlv_store {
	struct virtio_irq_tlv_head		head;
	__le16					store;
	/* log2 of the largest CONTIGUOUS block, 0: one vector */
	__u8					multi_msi;
	__u8					flags;
	/* Number of indices, 0: no fixed size */
	__le32					size;
	__u8					reserved[4];
};

struct virtio_irq_tlv_pasid {
	struct virtio_irq_tlv_head		head;
	/* PASIDs below 1 << width may be used, at most 20 */
	__u8					width;
	__u8					reserved[3];
};

/* VIRTIO_IRQ_T_DETACH */
struct virtio_irq_req_detach {
	struct virtio_irq_req_head		head;
	__u8					reserved[8];
};

/* VIRTIO_IRQ_T_ALLOC */
#define VIRTIO_IRQ_ALLOC_F_COMMIT		(1 << 0) /* reserved and committed */
#define VIRTIO_IRQ_ALLOC_F_CONTIGUOUS		(1 << 1) /* one aligned block */
#define VIRTIO_IRQ_ALLOC_F_DATA16		(1 << 2) /* 16 bits of data */

struct virtio_irq_req_alloc {
	struct virtio_irq_req_head		head;
	__le16					store;
	__le16					flags;
	__le32					first;
	__le32					count;
	/* The store holds addresses below 1 << addr_width, 2..64 */
	__u8					addr_width;
	__u8					reserved[3];
};

struct virtio_irq_rsp_alloc {
	struct virtio_irq_rsp_head		head;
	__le32					granted;	/* 1..count */
	/* VIRTIO_IRQ_S_* of the first vector without a grant; 0: all have one */
	__u8					reason;
	__u8					reserved[3];
};

/* VIRTIO_IRQ_T_COMMIT, VIRTIO_IRQ_T_RELEASE, VIRTIO_IRQ_T_FREE */
struct virtio_irq_req_range {
	struct virtio_irq_req_head		head;
	__le16					store;
	__u8					reserved[2];
	__le32					first;
	__le32					count;
	__u8					reserved2[4];
};

/* VIRTIO_IRQ_T_ACTIVATE */
#define VIRTIO_IRQ_ACTIVATE_F_PASID_VALID	(1 << 0)

#define VIRTIO_IRQ_PASID_MASK			0xfffff

struct virtio_irq_req_activate {
	struct virtio_irq_req_head		head;
	__le16					store;
	__le16					flags;
	__le32					index;
	/* The route: the message that the parent domain composed */
	__le64					address;
	__le32					data;
	__le32					pasid;
};

struct virtio_irq_rsp_activate {
	struct virtio_irq_rsp_head		head;
	/* The pair: what the store must hold */
	__le64					address;
	__le32					data;
	__u8					reserved[4];
};

/* VIRTIO_IRQ_T_DEACTIVATE */
struct virtio_irq_req_deactivate {
	struct virtio_irq_req_head		head;
	__le16					store;
	__u8					reserved[2];
	__le32					index;
};

/* Events */
#define VIRTIO_IRQ_EVENT_T_STALE		0x01
#define VIRTIO_IRQ_EVENT_T_REVOKED		0x02
#define VIRTIO_IRQ_EVENT_T_FAULT		0x03

/* Reasons of a FAULT; the reason of a REVOKED is a status */
#define VIRTIO_IRQ_FAULT_R_UNKNOWN		0x00	/* no pair of this endpoint */
#define VIRTIO_IRQ_FAULT_R_FREED		0x01	/* a pair that is not armed */
#define VIRTIO_IRQ_FAULT_R_PASID		0x02	/* another PASID */
#define VIRTIO_IRQ_FAULT_R_SIZE			0x03	/* not one aligned 4-byte write */

#define VIRTIO_IRQ_EVENT_F_PASID_VALID		(1 << 20)
#define VIRTIO_IRQ_EVENT_F_REREAD		(1 << 21) /* ATTACH again first */
#define VIRTIO_IRQ_EVENT_F_STILL_VALID		(1 << 22) /* the old pair works too */
#define VIRTIO_IRQ_EVENT_F_ALL			(1 << 23) /* every vector */
#define VIRTIO_IRQ_EVENT_F_OVERFLOW		(1 << 24) /* FAULTs were dropped */

struct virtio_irq_event {
	__u8					type;
	__u8					reason;
	__le16					store;
	__le32					endpoint;
	__le32					first;
	/* Vectors; FAULT: messages that this event stands for */
	__le32					count;
	__le64					address;
	__le32					data;
	/* VIRTIO_IRQ_EVENT_F_*, bits 0..19 a PASID */
	__le32					flags;
};

#endif /* _UAPI_LINUX_VIRTIO_IRQ_H */
