// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the device, its features and its configuration
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/virtio_config.h>

#include "virtio_irq_internal.h"

/* How often the configuration may change while it is read */
#define VIRTIO_IRQ_CONFIG_TRIES		16

/**
 * virtio_irq_dev - the device of a controller
 * @vi: the controller
 *
 * Context: any.
 * Return: its virtio device, which messages and links name.
 */
struct device *virtio_irq_dev(struct virtio_irq *vi)
{
	return &vi->vdev->dev;
}

/**
 * virtio_irq_isolates - may the host vouch for an endpoint?
 * @vi: the controller
 *
 * Context: any.
 * Return: true if it offers that and the driver has accepted.
 */
bool virtio_irq_isolates(struct virtio_irq *vi)
{
	return vi->features & BIT(VIRTIO_IRQ_F_ISOLATED);
}

/**
 * virtio_irq_in_scope - does the host say that it serves a PCI endpoint?
 * @vi: the controller
 * @id: segment << 16 | bus << 8 | devfn
 *
 * Context: any.
 * Return: 1 if it does, 0 if not, -ENOENT if the host does not say.
 */
int virtio_irq_in_scope(struct virtio_irq *vi, u32 id)
{
	unsigned long flags;
	bool found = false;
	unsigned int i;

	if (!(vi->features & BIT(VIRTIO_IRQ_F_SCOPE)))
		return -ENOENT;

	raw_spin_lock_irqsave(&vi->lock, flags);
	for (i = 0; i < vi->num_scopes; i++) {
		const struct virtio_irq_scope_pci *pci = &vi->scopes[i].pci;
		u32 first = le16_to_cpu(pci->segment) << 16 | le16_to_cpu(pci->bdf_start);

		/* An endpoint is named by where it is, so that is where a range starts */
		if (pci->type == VIRTIO_IRQ_SCOPE_T_PCI_RANGE &&
		    le32_to_cpu(pci->endpoint_start) == first &&
		    id >> 16 == le16_to_cpu(pci->segment) &&
		    (id & 0xffff) >= le16_to_cpu(pci->bdf_start) &&
		    (id & 0xffff) <= le16_to_cpu(pci->bdf_end))
			found = true;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return found;
}

static u32 virtio_irq_generation(struct virtio_device *vdev)
{
	return vdev->config->generation ? vdev->config->generation(vdev) : 0;
}

static u16 virtio_irq_read_scopes(struct virtio_device *vdev, union virtio_irq_scope *scopes)
{
	u16 num, i;

	virtio_cread_le(vdev, struct virtio_irq_config, num_scopes, &num);
	for (i = 0; i < min(num, VIRTIO_IRQ_MAX_SCOPES); i++) {
		u16 segment, start, end;
		u32 endpoint;

		/* Platform devices are not served, what is left of theirs is no range */
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].type, &scopes[i].type);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.segment, &segment);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.bdf_start, &start);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.bdf_end, &end);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.endpoint_start,
				&endpoint);
		scopes[i].pci.segment = cpu_to_le16(segment);
		scopes[i].pci.bdf_start = cpu_to_le16(start);
		scopes[i].pci.bdf_end = cpu_to_le16(end);
		scopes[i].pci.endpoint_start = cpu_to_le32(endpoint);
	}
	return num;
}

/**
 * virtio_irq_read_config - read the configuration, at probe and when it changed
 * @vi: the controller
 *
 * Context: process context, sleeps.
 * Return: 0; -EINVAL if it makes no sense, -EAGAIN if it does not keep still; then
 * nothing of it is used.
 */
int virtio_irq_read_config(struct virtio_irq *vi)
{
	union virtio_irq_scope scopes[VIRTIO_IRQ_MAX_SCOPES] = { };
	struct virtio_device *vdev = vi->vdev;
	u32 max_count, tlv_size, generation;
	unsigned int tries = 0;
	u16 num_scopes = 0;

	do {
		if (tries++ == VIRTIO_IRQ_CONFIG_TRIES) {
			dev_err_ratelimited(&vdev->dev, "config: changes all the time\n");
			return -EAGAIN;
		}
		generation = virtio_irq_generation(vdev);
		virtio_cread_le(vdev, struct virtio_irq_config, max_count, &max_count);
		virtio_cread_le(vdev, struct virtio_irq_config, tlv_size, &tlv_size);
		if (vi->features & BIT(VIRTIO_IRQ_F_SCOPE))
			num_scopes = virtio_irq_read_scopes(vdev, scopes);
	} while (generation != virtio_irq_generation(vdev));

	if (!max_count) {
		dev_err_ratelimited(&vdev->dev, "config: max_count is 0\n");
		return -EINVAL;
	}
	if (tlv_size < sizeof(struct virtio_irq_tlv_window) ||
	    tlv_size > VIRTIO_IRQ_MAX_TLV_SIZE || !IS_ALIGNED(tlv_size, 8)) {
		dev_err_ratelimited(&vdev->dev,
				    "config: tlv_size %u is not a multiple of 8 in %zu..%u\n",
				    tlv_size, sizeof(struct virtio_irq_tlv_window),
				    VIRTIO_IRQ_MAX_TLV_SIZE);
		return -EINVAL;
	}
	/* The slots have been made for it */
	if (vi->slots && tlv_size > vi->tlv_size) {
		dev_err_ratelimited(&vdev->dev, "config: tlv_size has grown from %u to %u\n",
				    vi->tlv_size, tlv_size);
		return -EINVAL;
	}
	if (vi->features & BIT(VIRTIO_IRQ_F_SCOPE) &&
	    (!num_scopes || num_scopes > VIRTIO_IRQ_MAX_SCOPES)) {
		dev_err_ratelimited(&vdev->dev, "config: %u scopes, not 1..%u\n", num_scopes,
				    VIRTIO_IRQ_MAX_SCOPES);
		return -EINVAL;
	}

	raw_spin_lock_irq(&vi->lock);
	vi->max_count = max_count;
	vi->tlv_size = tlv_size;
	vi->num_scopes = num_scopes;
	memcpy(vi->scopes, scopes, sizeof(vi->scopes));
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}
