// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq: the parents that are known, and what each of them needs
 *
 *	x86 vector	a move changes the route; the parent is told first
 *	GICv2m		a move is the distributor's business, the route stays
 *	GICv3 ITS	as GICv2m; wants to know the sender before anything is allocated
 *	RISC-V IMSIC	a move changes the route, and tells the top chip in the midst of it
 *
 * It is a whitelist: a parent must do exactly what this domain knows of it.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/property.h>
#include <linux/sizes.h>

#include "irq-virtio.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/hw_irq.h>
#endif
#ifdef CONFIG_RISCV_IMSIC
#include <linux/irqchip/riscv-imsic.h>
#endif

/* The two fields of a message that make local APICs ignore it, whatever the rest */
#define VIRTIO_IRQ_X86_INERT_ADDRESS	(VIRTIO_IRQ_X86_WINDOW_START | BIT(2))
#define VIRTIO_IRQ_X86_DELIVERY_MODE	GENMASK(10, 8)
#define VIRTIO_IRQ_X86_RESERVED_MODE	0x300

/* A frame of GICv2m is a page, an ITS has two of 64K: registers, and the doorbell */
#define VIRTIO_IRQ_V2M_FRAME_SIZE	SZ_4K
#define VIRTIO_IRQ_ITS_FRAME_SIZE	SZ_64K

/**
 * virtio_irq_x86_is_inert - does x86 ignore a message that no host translates?
 * @pair: the message
 * @route: not looked at
 *
 * One form is ignored by every local APIC, and by KVM's and QEMU's models of it: to
 * logical destination 0, which is nobody, without redirection hint and not in the
 * remappable format, and with the delivery mode that is reserved. Address bits that
 * select no destination must be clear, too: QEMU takes them for a register of the APIC.
 *
 * Context: any.
 * Return: true if it does nothing; or is no interrupt message, by its address.
 */
bool virtio_irq_x86_is_inert(const struct virtio_irq_msg *pair,
			     const struct virtio_irq_msg *route)
{
	if (pair->address < VIRTIO_IRQ_X86_WINDOW_START ||
	    pair->address > VIRTIO_IRQ_X86_WINDOW_END)
		return true;
	return pair->address == VIRTIO_IRQ_X86_INERT_ADDRESS &&
	       (pair->data & VIRTIO_IRQ_X86_DELIVERY_MODE) == VIRTIO_IRQ_X86_RESERVED_MODE;
}

/**
 * virtio_irq_v2m_is_inert - is a message none for a GICv2m?
 * @pair: the message
 * @route: what the GICv2m composed: its doorbell, and an interrupt of the distributor
 *
 * Context: any.
 * Return: true if it does not go to the frame of that doorbell.
 */
bool virtio_irq_v2m_is_inert(const struct virtio_irq_msg *pair,
			     const struct virtio_irq_msg *route)
{
	u64 frame = ALIGN_DOWN(route->address, VIRTIO_IRQ_V2M_FRAME_SIZE);

	return pair->address < frame || pair->address - frame >= VIRTIO_IRQ_V2M_FRAME_SIZE;
}

/**
 * virtio_irq_its_is_inert - is a message none for an ITS?
 * @pair: the message
 * @route: what the ITS composed: GITS_TRANSLATER, and an event of the sender's. Behind
 *	an SMMU the address is what that translates to the register
 *
 * Context: any.
 * Return: true if it goes to neither of the frames of that ITS.
 */
bool virtio_irq_its_is_inert(const struct virtio_irq_msg *pair,
			     const struct virtio_irq_msg *route)
{
	u64 frames = ALIGN_DOWN(route->address, VIRTIO_IRQ_ITS_FRAME_SIZE) -
		     VIRTIO_IRQ_ITS_FRAME_SIZE;

	return pair->address - frames >= 2 * VIRTIO_IRQ_ITS_FRAME_SIZE;
}

#ifdef CONFIG_RISCV_IMSIC
/* Of any hart and guest: see "MSI Target Address Scheme" in riscv-imsic.h */
static bool virtio_irq_imsic_is_inert(const struct virtio_irq_msg *pair,
				      const struct virtio_irq_msg *route)
{
	const struct imsic_global_config *imsic = imsic_get_global_config();
	unsigned int low = imsic->hart_index_bits + imsic->guest_index_bits + IMSIC_MMIO_PAGE_SHIFT;
	u64 group = (BIT_ULL(imsic->group_index_bits) - 1) << imsic->group_index_shift;

	return (pair->address & ~(group | (BIT_ULL(low) - 1))) != imsic->base_addr;
}

static bool virtio_irq_is_imsic(const struct irq_domain *p)
{
	return p->bus_token == DOMAIN_BUS_NEXUS && !p->parent && imsic_get_global_config() &&
	       fwnode_device_is_compatible(p->fwnode, "riscv,imsics");
}
#endif

#ifdef CONFIG_X86_LOCAL_APIC
/* DMAR and AMDVI would do, if they claimed isolation for their own functions only */
static bool virtio_irq_is_x86(const struct irq_domain *p)
{
	return p == x86_vector_domain;
}
#endif

#ifdef CONFIG_ARM64
/* Nothing is exported to compare with; these names occur in no other place */
static bool virtio_irq_has_prefix(const struct irq_domain *p, const char *prefix)
{
	return p->bus_token == DOMAIN_BUS_NEXUS && p->msi_parent_ops->prefix &&
	       !strcmp(p->msi_parent_ops->prefix, prefix);
}

static bool virtio_irq_is_v2m(const struct irq_domain *p)
{
	return virtio_irq_has_prefix(p, "GICv2m-");
}

static bool virtio_irq_is_its(const struct irq_domain *p)
{
	return virtio_irq_has_prefix(p, "ITS-");
}
#endif

#if IS_ENABLED(CONFIG_VIRTIO_IRQ_KUNIT_TEST)
const struct irq_domain_ops *virtio_irq_kunit_parent_ops;
const struct virtio_irq_parent_kind *virtio_irq_kunit_parent_kind;
#endif

static const struct virtio_irq_parent_kind virtio_irq_parent_kinds[] = {
#ifdef CONFIG_X86_LOCAL_APIC
	{
		.is		= virtio_irq_is_x86,
		.is_inert	= virtio_irq_x86_is_inert,
		.flags		= VIRTIO_IRQ_PARENT_BLOCKS,
	},
#endif
#ifdef CONFIG_ARM64
	{
		.is		= virtio_irq_is_v2m,
		.is_inert	= virtio_irq_v2m_is_inert,
		.flags		= VIRTIO_IRQ_PARENT_BLOCKS,
	},
	{
		.is		= virtio_irq_is_its,
		.is_inert	= virtio_irq_its_is_inert,
		.flags		= VIRTIO_IRQ_PARENT_BLOCKS | VIRTIO_IRQ_PARENT_PREPARES |
				  VIRTIO_IRQ_PARENT_ISOLATES,
	},
#endif
#ifdef CONFIG_RISCV_IMSIC
	{
		.is		= virtio_irq_is_imsic,
		.is_inert	= virtio_irq_imsic_is_inert,
		.flags		= VIRTIO_IRQ_PARENT_WRITES,
	},
#endif
	{ }
};

/* Is inherited by what is stacked on it */
static bool virtio_irq_claims_isolation(const struct irq_domain *p)
{
	for (; p; p = p->parent)
		if (p->flags & IRQ_DOMAIN_FLAG_ISOLATED_MSI)
			return true;
	return false;
}

static const struct virtio_irq_parent_kind *virtio_irq_find_kind(const struct irq_domain *p)
{
	const struct virtio_irq_parent_kind *kind;

#if IS_ENABLED(CONFIG_VIRTIO_IRQ_KUNIT_TEST)
	if (p->ops == virtio_irq_kunit_parent_ops)
		return virtio_irq_kunit_parent_kind;
#endif
	for (kind = virtio_irq_parent_kinds; kind->is; kind++)
		if (kind->is(p))
			return kind;
	return NULL;
}

/**
 * virtio_irq_parent_kind - what is known of a CPU-side domain
 * @p: the domain, or NULL
 *
 * Context: any.
 * Return: its kind; NULL if none of its interrupts can be served.
 */
const struct virtio_irq_parent_kind *virtio_irq_parent_kind(struct irq_domain *p)
{
	const struct virtio_irq_parent_kind *kind;

	if (!p || !irq_domain_is_msi_parent(p))
		return NULL;
	kind = virtio_irq_find_kind(p);
	if (!kind)
		return NULL;
	/* For what is served nobody would vouch, but for a parent that sees to it itself */
	if (!(kind->flags & VIRTIO_IRQ_PARENT_ISOLATES) && virtio_irq_claims_isolation(p))
		return NULL;
	return kind;
}
