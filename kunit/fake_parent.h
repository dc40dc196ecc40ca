/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU-side MSI parent domain for tests: it records what it is asked, composes
 * a message of its own for each interrupt, and refuses when told to.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_FAKE_PARENT_H
#define _VIRTIO_IRQ_FAKE_PARENT_H

#include <kunit/test.h>
#include <linux/irqdomain.h>
#include <linux/list.h>
#include <linux/msi.h>
#include <linux/spinlock.h>

#include "irq-virtio.h"

/* What it composes: as x86 does, the CPU in the address, the vector in the data */
#define FAKE_ROUTE_ADDRESS	0xfee00000ULL
#define FAKE_ROUTE_CPU_SHIFT	12
#define FAKE_FIRST_VECTOR	0x30
#define FAKE_RESERVED_VECTOR	0xef
/* Its rule for what it ignores: the data is no number of a vector */
#define FAKE_VECTORS_END	0x100

enum fake_parent_op {
	FAKE_PARENT_ANY,
	FAKE_PARENT_ALLOC,
	FAKE_PARENT_FREE,
	FAKE_PARENT_RESERVE,		/* activate with reserve */
	FAKE_PARENT_ACTIVATE,		/* activate without */
	FAKE_PARENT_DEACTIVATE,
	FAKE_PARENT_SET_AFFINITY,
	FAKE_PARENT_REQUEST_RESOURCES,
	FAKE_PARENT_RELEASE_RESOURCES,
	FAKE_PARENT_MASK,
	FAKE_PARENT_UNMASK,
	FAKE_PARENT_RETRIGGER,
	FAKE_PARENT_INIT_DEV,		/* init_dev_msi_info; refused with false */
	FAKE_PARENT_PREPARE,		/* msi_prepare, if it PREPARES */
	FAKE_PARENT_STARTUP,
	FAKE_PARENT_NUM_OPS,
};

/**
 * struct fake_parent_caps - what a parent is like
 * @reservation: an interrupt has a vector from its request to its end only
 * @full_chip: the chip has mask, unmask, request_resources, release_resources
 * @mask_parent: the MSI domains shall mask here, too
 * @no_affinity: the chip cannot move interrupts
 * @startup: the per-device chips have irq_startup, as PCI's may have
 * @unknown: a domain that virtio-irq does not know
 * @kind: VIRTIO_IRQ_PARENT_*, what is known of it; 0: VIRTIO_IRQ_PARENT_BLOCKS
 */
struct fake_parent_caps {
	bool			reservation;
	bool			full_chip;
	bool			mask_parent;
	bool			no_affinity;
	bool			startup;
	bool			unknown;
	unsigned int		kind;
};

/**
 * struct fake_parent - the domain
 * @msi_info: for per-device domains that read it, if it PREPARES
 * @msi_ops: its operations
 * @kind: what virtio-irq is told of it
 * @test: the test it lives as long as
 * @caps: what it is like
 * @domain: to be found as an MSI parent
 * @ops: what makes it one
 *
 * @lock: guards all below
 * @irqs: one record per interrupt
 * @calls: how often each operation was called
 * @next_vector: for the next interrupt that gets one
 * @move: the next set_affinity moves to another vector, whatever the mask says
 * @fail: refuse calls of an operation: let @skip go, then refuse @times with @err
 * @allocated: interrupts
 * @activated: interrupts that are activated
 * @resources: interrupts that hold resources
 * @misuse: calls that contradict the state
 * @prepared: the device that msi_prepare was called for last
 * @prepared_nvec: for how many interrupts
 */
struct fake_parent {
	struct msi_domain_info	msi_info;
	struct msi_domain_ops	msi_ops;
	struct virtio_irq_parent_kind kind;
	struct kunit		*test;
	struct fake_parent_caps	caps;
	struct irq_domain	*domain;
	struct msi_parent_ops	ops;

	raw_spinlock_t		lock;
	struct list_head	irqs;
	unsigned int		calls[FAKE_PARENT_NUM_OPS];
	u32			next_vector;
	bool			move;
	struct {
		enum fake_parent_op op;
		unsigned int	skip;
		unsigned int	times;
		int		err;
	}			fail;
	unsigned int		allocated;
	unsigned int		activated;
	unsigned int		resources;
	unsigned int		misuse;
	struct device		*prepared;
	int			prepared_nvec;

	/* Called when it has written its message for a move, and not moved yet, if it WRITES */
	void (*on_write)(void *data);
	void			*on_write_data;
	/* Called when an allocation has succeeded here, and not yet above */
	void (*on_alloc)(void *data);
	void			*on_alloc_data;
};

struct fake_parent *fake_parent_new(struct kunit *test, const struct fake_parent_caps *caps);
void fake_parent_fail(struct fake_parent *parent, enum fake_parent_op op, unsigned int skip,
		      unsigned int times, int err);
struct virtio_irq_msg fake_parent_route(struct fake_parent *parent, unsigned int virq);
int fake_parent_set_affinity(struct fake_parent *parent, unsigned int virq,
			     const struct cpumask *mask);

#endif /* _VIRTIO_IRQ_FAKE_PARENT_H */
