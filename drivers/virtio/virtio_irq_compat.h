/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-irq: what differs between the kernels that one source serves, 6.12 to 7.3.
 * It stands here and nowhere else; tools/series takes it out for the newest of them.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_COMPAT_H
#define _VIRTIO_IRQ_COMPAT_H

#include <linux/cleanup.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/version.h>
#include <linux/virtio.h>

/*
 * An interrupt moves when it is told to and waits for no interrupt: a flag of each
 * interrupt once, now the chip's default, which x86 and RISC-V override.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
static inline void virtio_irq_move_at_once(unsigned int virq)
{
	irq_set_status_flags(virq, IRQ_MOVE_PCNTXT);
}

static inline void virtio_irq_chip_moves_at_once(struct irq_chip *chip)
{
}
#else
static inline void virtio_irq_move_at_once(unsigned int virq)
{
}

static inline void virtio_irq_chip_moves_at_once(struct irq_chip *chip)
{
	chip->flags &= ~IRQCHIP_MOVE_DEFERRED;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
DEFINE_LOCK_GUARD_1(msi_descs_lock, struct device, msi_lock_descs(_T->lock),
		    msi_unlock_descs(_T->lock));
#endif

/*
 * virtqueue_add_sgs() would map for DMA under a raw lock, with locks that may sleep:
 * the device that buffers are mapped for once and for all, NULL if they need not be.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
static inline struct device *virtio_irq_premap(struct virtqueue *vq)
{
	struct device *dev = virtqueue_dma_dev(vq);
	int err = dev ? virtqueue_set_dma_premapped(vq) : 0;

	return err ? ERR_PTR(err) : dev;
}
#else
/* A request and its reply can no longer be premapped one by one: the ring maps them */
static inline struct device *virtio_irq_premap(struct virtqueue *vq)
{
	return NULL;
}
#endif

/*
 * An allocation may fail at steps of the core that come before the domain's, or after
 * it. Up to 6.17 the core calls this then, under the device's MSI mutex; since 6.18 it
 * calls nobody, and the next allocation or the end of the device's driver has to do.
 */
static inline void virtio_irq_set_post_free(struct msi_domain_ops *ops,
					    void (*post_free)(struct irq_domain *domain,
							      struct device *dev))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	ops->msi_post_free = post_free;
#endif
}

/* The end of what msi_prepare has begun, once for each per-device domain */
static inline void virtio_irq_set_teardown(struct msi_domain_ops *ops,
					   void (*teardown)(struct irq_domain *domain,
							    msi_alloc_info_t *arg))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	ops->msi_teardown = teardown;
#endif
}

static inline void virtio_irq_call_teardown(const struct msi_domain_ops *ops,
					    struct irq_domain *domain, msi_alloc_info_t *arg)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	ops->msi_teardown(domain, arg);
#endif
}

/* Bits of the addresses that a function can write its messages to */
static inline unsigned int virtio_irq_msi_addr_width(const struct pci_dev *pdev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	return pdev->no_64bit_msi ? 32 : 64;
#else
	return fls64(pdev->msi_addr_mask);
#endif
}

#endif /* _VIRTIO_IRQ_COMPAT_H */
