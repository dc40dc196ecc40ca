/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI segment that exists for a test only: a host bridge whose configuration
 * space is memory, functions with MSI and MSI-X capabilities, and a driver that
 * binds to them. The PCI and MSI cores on top are the real ones.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_FAKE_PCI_H
#define _VIRTIO_IRQ_FAKE_PCI_H

#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>

#include "virtio_irq.h"

/* Unlike any bus of the machine that runs the test */
#define FAKE_PCI_SEGMENT	7
#define FAKE_PCI_BUS		0x40
#define FAKE_PCI_LAST_BUS	0x4f

#define FAKE_PCI_FUNCTIONS	8
#define FAKE_PCI_MAX_IRQS	64

/* One page of table per function, in BAR 0 */
#define FAKE_PCI_MAX_MSIX	(SZ_4K / PCI_MSIX_ENTRY_SIZE)

/**
 * struct fake_pci_caps - what a function is like
 * @msi: has an MSI capability
 * @msi_64: that holds 64-bit addresses
 * @msi_mask: that has mask bits
 * @msi_log2: log2 of the messages it asks for
 * @msix: entries of its MSI-X table, 0: no MSI-X
 * @bridge: a PCI-to-PCI bridge
 * @controller: has the IDs of a virtio-irq
 */
struct fake_pci_caps {
	bool			msi;
	bool			msi_64;
	bool			msi_mask;
	u8			msi_log2;
	u16			msix;
	bool			bridge;
	bool			controller;
};

/**
 * struct fake_pci_function - a function, plugged in or not
 * @test: the test it lives as long as
 * @pci: segment that it belongs to
 * @pdev: its device while it is plugged in
 * @busnr: bus number
 * @devfn: device and function number
 * @present: answers on the bus
 * @config: configuration space
 * @writable: which of its bits software can write
 * @table: MSI-X table
 * @bound: the test's driver is bound to it
 * @probe_error: what the driver's probe returns
 * @in_probe: called by the driver's probe
 * @in_remove: called by the driver's remove, before the vectors are freed
 * @irqs: interrupts that were requested, freed by the driver's remove
 * @num_irqs: how many
 * @handled: calls of the handler
 */
struct fake_pci_function {
	struct kunit		*test;
	struct fake_pci		*pci;
	struct pci_dev		*pdev;
	u8			busnr;
	u8			devfn;
	bool			present;
	u8			config[PCI_CFG_SPACE_SIZE];
	u8			writable[PCI_CFG_SPACE_SIZE];
	__le32			*table;
	bool			bound;
	int			probe_error;
	void (*in_probe)(struct fake_pci_function *fn);
	void (*in_remove)(struct fake_pci_function *fn);
	unsigned int		irqs[FAKE_PCI_MAX_IRQS];
	unsigned int		num_irqs;
	atomic_t		handled;
};

struct fake_pci *fake_pci_new(struct kunit *test, int segment, struct irq_domain *msi);
void fake_pci_set_msi_domain(struct fake_pci *pci, struct irq_domain *msi);
struct fake_pci_function *fake_pci_function(struct fake_pci *pci, u8 busnr, u8 devfn,
					    const struct fake_pci_caps *caps);
struct pci_dev *fake_pci_plug(struct fake_pci_function *fn);
void fake_pci_unplug(struct fake_pci_function *fn);
u32 fake_pci_endpoint(struct fake_pci_function *fn);

struct virtio_irq_msg fake_pci_msi_message(struct fake_pci_function *fn);
bool fake_pci_msi_enabled(struct fake_pci_function *fn);
bool fake_pci_msi_masked(struct fake_pci_function *fn, unsigned int index);
struct virtio_irq_msg fake_pci_msix_message(struct fake_pci_function *fn, unsigned int index);
bool fake_pci_msix_masked(struct fake_pci_function *fn, unsigned int index);

int fake_pci_bind(struct fake_pci_function *fn);
void fake_pci_unbind(struct fake_pci_function *fn);
int fake_pci_request(struct fake_pci_function *fn, unsigned int index);
void fake_pci_free(struct fake_pci_function *fn, unsigned int index);

#endif /* _VIRTIO_IRQ_FAKE_PCI_H */
