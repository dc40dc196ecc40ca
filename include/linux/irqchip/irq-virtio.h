/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-irq for drivers of devices with interrupt message stores
 *
 * A store keeps interrupt messages where its device likes: slots in a BAR, or
 * records in queue contexts in memory. See Documentation/ims.rst.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _LINUX_IRQCHIP_IRQ_VIRTIO_H
#define _LINUX_IRQCHIP_IRQ_VIRTIO_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/msi_api.h>
#include <linux/types.h>

struct device;
struct msi_desc;
struct msi_msg;
struct pci_dev;

/* Messages carry no PASID */
#define VIRTIO_IRQ_NO_PASID	U32_MAX

/**
 * struct virtio_irq_ims_ops - how a driver reaches the slots of its store
 * @write_msg: store a message. The slot is masked meanwhile. All zero when the
 *	interrupt has been freed: no message is valid then.
 * @mask: keep the slot from sending. On return no message that was sent before
 *	may be on its way any more: registers are read back. An event in a masked
 *	slot stays pending, and is sent once the slot is unmasked.
 * @unmask: undo @mask
 * @set_pasid: store the PASID that the slot's messages carry, or
 *	VIRTIO_IRQ_NO_PASID. The slot is masked meanwhile. Optional: where the
 *	device takes the PASID from elsewhere.
 *
 * msi_desc::msi_index is the slot's number within the binding (0 is
 * virtio_irq_ims::first), msi_desc::dev the device, msi_desc::data.icookie.ptr
 * the cookie of virtio_irq_ims_add(); data is virtio_irq_ims::data.
 *
 * Context: all are called with the interrupt's raw desc->lock held and interrupts
 * off, in hard interrupt context and in stop_machine(), too.
 */
struct virtio_irq_ims_ops {
	void (*write_msg)(struct msi_desc *desc, struct msi_msg *msg, void *data);
	void (*mask)(struct msi_desc *desc, void *data);
	void (*unmask)(struct msi_desc *desc, void *data);
	void (*set_pasid)(struct msi_desc *desc, u32 pasid, void *data);
};

/**
 * struct virtio_irq_ims - slots of a store that a device binds
 * @name: of the irq chip that virtio_irq_ims_create_domain() makes, NULL: "IMS"
 * @ops: how the driver reaches the slots
 * @data: for the driver, passed to its callbacks
 * @store: number of the store, from 1 on
 * @first: first slot
 * @count: number of slots; 0: as many as the store has, or as Linux numbers if
 *	it has no fixed size, which is 65536 per device
 * @addr_width: a slot holds addresses below 1 << @addr_width, 2 .. 64
 * @data16: a slot holds 16 bits of data, else 32
 *
 * Devices that share a store agree about @addr_width and @data16.
 */
struct virtio_irq_ims {
	const char			*name;
	const struct virtio_irq_ims_ops	*ops;
	void				*data;
	u16				store;
	u32				first;
	u32				count;
	u8				addr_width;
	bool				data16;
};

#if IS_REACHABLE(CONFIG_VIRTIO_IRQ)
int virtio_irq_ims_bind(struct device *dev, struct pci_dev *pdev,
			const struct virtio_irq_ims *ims);
void virtio_irq_ims_unbind(struct device *dev);
int virtio_irq_ims_alloc_irqs(struct device *dev, unsigned int nvec);
void virtio_irq_ims_free_irqs(struct device *dev);
int virtio_irq_ims_create_domain(struct device *dev);
void virtio_irq_ims_remove_domain(struct device *dev);
struct msi_map virtio_irq_ims_add(struct device *dev, unsigned int index, void *cookie,
				  u32 pasid);
void virtio_irq_ims_remove(struct device *dev, struct msi_map map);
int virtio_irq_ims_set_pasid(unsigned int virq, u32 pasid);
#else
static inline int virtio_irq_ims_bind(struct device *dev, struct pci_dev *pdev,
				      const struct virtio_irq_ims *ims)
{
	return -ENODEV;
}

static inline void virtio_irq_ims_unbind(struct device *dev) { }

static inline int virtio_irq_ims_alloc_irqs(struct device *dev, unsigned int nvec)
{
	return -ENODEV;
}

static inline void virtio_irq_ims_free_irqs(struct device *dev) { }

static inline int virtio_irq_ims_create_domain(struct device *dev)
{
	return -ENODEV;
}

static inline void virtio_irq_ims_remove_domain(struct device *dev) { }

static inline struct msi_map virtio_irq_ims_add(struct device *dev, unsigned int index,
						void *cookie, u32 pasid)
{
	return (struct msi_map) { .index = -ENODEV };
}

static inline void virtio_irq_ims_remove(struct device *dev, struct msi_map map) { }

static inline int virtio_irq_ims_set_pasid(unsigned int virq, u32 pasid)
{
	return -ENODEV;
}
#endif

#endif /* _LINUX_IRQCHIP_IRQ_VIRTIO_H */
