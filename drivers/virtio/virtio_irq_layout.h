/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-irq: the layout of what is shared with the other side, asserted
 *
 * Included once by each side, after include/uapi/linux/virtio_irq.h.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_LAYOUT_H
#define _VIRTIO_IRQ_LAYOUT_H

#define VIRTIO_IRQ_SIZE(t, s)						\
	static_assert(sizeof(t) == (s), #t " has a fixed size")
#define VIRTIO_IRQ_AT(t, f, o)						\
	static_assert(offsetof(struct t, f) == (o), #t "." #f " has a fixed offset")

VIRTIO_IRQ_SIZE(union virtio_irq_scope, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_scope_pci, 16);
VIRTIO_IRQ_AT(virtio_irq_scope_pci, segment, 4);
VIRTIO_IRQ_AT(virtio_irq_scope_pci, bdf_start, 6);
VIRTIO_IRQ_AT(virtio_irq_scope_pci, bdf_end, 8);
VIRTIO_IRQ_AT(virtio_irq_scope_pci, endpoint_start, 12);
VIRTIO_IRQ_SIZE(struct virtio_irq_scope_mmio, 16);
VIRTIO_IRQ_AT(virtio_irq_scope_mmio, endpoint, 4);
VIRTIO_IRQ_AT(virtio_irq_scope_mmio, base, 8);
VIRTIO_IRQ_SIZE(struct virtio_irq_config, 216);
VIRTIO_IRQ_AT(virtio_irq_config, max_vectors, 0);
VIRTIO_IRQ_AT(virtio_irq_config, max_endpoints, 4);
VIRTIO_IRQ_AT(virtio_irq_config, max_count, 8);
VIRTIO_IRQ_AT(virtio_irq_config, tlv_size, 12);
VIRTIO_IRQ_AT(virtio_irq_config, num_scopes, 16);
VIRTIO_IRQ_AT(virtio_irq_config, scopes, 24);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_head, 8);
VIRTIO_IRQ_AT(virtio_irq_req_head, endpoint, 4);
VIRTIO_IRQ_SIZE(struct virtio_irq_rsp_head, 8);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_attach, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_rsp_attach, 16);
VIRTIO_IRQ_AT(virtio_irq_rsp_attach, flags, 8);
VIRTIO_IRQ_AT(virtio_irq_rsp_attach, tlvs, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_tlv_head, 4);
VIRTIO_IRQ_AT(virtio_irq_tlv_head, length, 2);
VIRTIO_IRQ_SIZE(struct virtio_irq_tlv_window, 24);
VIRTIO_IRQ_AT(virtio_irq_tlv_window, start, 8);
VIRTIO_IRQ_AT(virtio_irq_tlv_window, end, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_tlv_store, 16);
VIRTIO_IRQ_AT(virtio_irq_tlv_store, store, 4);
VIRTIO_IRQ_AT(virtio_irq_tlv_store, multi_msi, 6);
VIRTIO_IRQ_AT(virtio_irq_tlv_store, flags, 7);
VIRTIO_IRQ_AT(virtio_irq_tlv_store, size, 8);
VIRTIO_IRQ_SIZE(struct virtio_irq_tlv_pasid, 8);
VIRTIO_IRQ_AT(virtio_irq_tlv_pasid, width, 4);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_detach, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_alloc, 24);
VIRTIO_IRQ_AT(virtio_irq_req_alloc, store, 8);
VIRTIO_IRQ_AT(virtio_irq_req_alloc, flags, 10);
VIRTIO_IRQ_AT(virtio_irq_req_alloc, first, 12);
VIRTIO_IRQ_AT(virtio_irq_req_alloc, count, 16);
VIRTIO_IRQ_AT(virtio_irq_req_alloc, addr_width, 20);
VIRTIO_IRQ_SIZE(struct virtio_irq_rsp_alloc, 16);
VIRTIO_IRQ_AT(virtio_irq_rsp_alloc, granted, 8);
VIRTIO_IRQ_AT(virtio_irq_rsp_alloc, reason, 12);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_range, 24);
VIRTIO_IRQ_AT(virtio_irq_req_range, store, 8);
VIRTIO_IRQ_AT(virtio_irq_req_range, first, 12);
VIRTIO_IRQ_AT(virtio_irq_req_range, count, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_activate, 32);
VIRTIO_IRQ_AT(virtio_irq_req_activate, store, 8);
VIRTIO_IRQ_AT(virtio_irq_req_activate, flags, 10);
VIRTIO_IRQ_AT(virtio_irq_req_activate, index, 12);
VIRTIO_IRQ_AT(virtio_irq_req_activate, address, 16);
VIRTIO_IRQ_AT(virtio_irq_req_activate, data, 24);
VIRTIO_IRQ_AT(virtio_irq_req_activate, pasid, 28);
VIRTIO_IRQ_SIZE(struct virtio_irq_rsp_activate, 24);
VIRTIO_IRQ_AT(virtio_irq_rsp_activate, address, 8);
VIRTIO_IRQ_AT(virtio_irq_rsp_activate, data, 16);
VIRTIO_IRQ_SIZE(struct virtio_irq_req_deactivate, 16);
VIRTIO_IRQ_AT(virtio_irq_req_deactivate, store, 8);
VIRTIO_IRQ_AT(virtio_irq_req_deactivate, index, 12);
VIRTIO_IRQ_SIZE(struct virtio_irq_event, 32);
VIRTIO_IRQ_AT(virtio_irq_event, reason, 1);
VIRTIO_IRQ_AT(virtio_irq_event, store, 2);
VIRTIO_IRQ_AT(virtio_irq_event, endpoint, 4);
VIRTIO_IRQ_AT(virtio_irq_event, first, 8);
VIRTIO_IRQ_AT(virtio_irq_event, count, 12);
VIRTIO_IRQ_AT(virtio_irq_event, address, 16);
VIRTIO_IRQ_AT(virtio_irq_event, data, 24);
VIRTIO_IRQ_AT(virtio_irq_event, flags, 28);

#undef VIRTIO_IRQ_AT
#undef VIRTIO_IRQ_SIZE

#endif /* _VIRTIO_IRQ_LAYOUT_H */
