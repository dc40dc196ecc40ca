/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests alone need of what differs between kernels, see virtio_irq_compat.h
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_KUNIT_COMPAT_H
#define _VIRTIO_IRQ_KUNIT_COMPAT_H

#include <kunit/test.h>
#include <linux/irq.h>
#include <linux/irqnr.h>
#include <linux/pci.h>
#include <linux/version.h>

/* Interrupt numbers are below it */
static inline unsigned int kunit_nr_irqs(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	return nr_irqs;
#else
	return irq_get_nr_irqs();
#endif
}

/* Need moves not wait for the next interrupt? */
static inline bool kunit_irq_moves_at_once(struct irq_data *d)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
	return irqd_can_move_in_process_context(d);
#else
	return irq_can_move_in_process_context(d);
#endif
}

/* Can the function write its messages to any address, or to those of 32 bits only? */
static inline void kunit_set_64bit_msi(struct pci_dev *pdev, bool can)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	pdev->no_64bit_msi = !can;
#else
	pdev->msi_addr_mask = can ? DMA_BIT_MASK(64) : DMA_BIT_MASK(32);
#endif
}

/* Are a request and its reply mapped beforehand, where the DMA API is used? */
static inline bool kunit_premaps(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	return true;
#else
	return false;
#endif
}

/* A generator of parameters, name##_gen_params(), from one that needs no test */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define KUNIT_GENERATOR(name, next)						\
	static const void *name##_gen_params(const void *prev, char *desc)	\
	{									\
		return next(prev, desc);					\
	}
#else
#define KUNIT_GENERATOR(name, next)						\
	static const void *name##_gen_params(struct kunit *test, const void *prev, char *desc) \
	{									\
		return next(prev, desc);					\
	}
#endif

#endif /* _VIRTIO_IRQ_KUNIT_COMPAT_H */
