// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of QEMU's ivshmem-doorbell, a function that QEMU itself never
 * raises an interrupt for: an eventfd of KVM rings another one
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * The driver takes all vectors that there are for it, counts nothing itself
 * (/proc/interrupts does) and has one attribute:
 *
 *   ring    write the number of a vector: the function rings its own doorbell
 */

#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kstrtox.h>
#include <linux/pci.h>

#include "ims_testdev.h"

#define IVSHMEM_DEVICE_ID	0x1110
#define IVSHMEM_BAR_REGS	0
#define IVSHMEM_IVPOSITION	8
#define IVSHMEM_DOORBELL	12
#define IVSHMEM_MAX_VECTORS	16

struct itd_ivshmem {
	void __iomem *regs;
};

static irqreturn_t itd_ivshmem_handler(int irq, void *data)
{
	return IRQ_HANDLED;
}

static ssize_t ring_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct itd_ivshmem *bell = dev_get_drvdata(dev);
	u16 vector;
	int ret;

	ret = kstrtou16(buf, 0, &vector);
	if (ret)
		return ret;

	writel(readl(bell->regs + IVSHMEM_IVPOSITION) << 16 | vector,
	       bell->regs + IVSHMEM_DOORBELL);
	return count;
}
static DEVICE_ATTR_WO(ring);

static struct attribute *itd_ivshmem_attrs[] = {
	&dev_attr_ring.attr,
	NULL
};
ATTRIBUTE_GROUPS(itd_ivshmem);

static int itd_ivshmem_probe(struct pci_dev *pdev,
			     const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct itd_ivshmem *bell;
	int nr, i, ret;

	/* All of it is undone by the device core. */
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	bell = devm_kzalloc(dev, sizeof(*bell), GFP_KERNEL);
	if (!bell)
		return -ENOMEM;

	bell->regs = pcim_iomap(pdev, IVSHMEM_BAR_REGS, 0);
	if (!bell->regs)
		return -ENOMEM;

	pci_set_drvdata(pdev, bell);
	pci_set_master(pdev);
	nr = pci_alloc_irq_vectors(pdev, 1, IVSHMEM_MAX_VECTORS, PCI_IRQ_MSIX);
	if (nr < 0)
		return nr;

	for (i = 0; i < nr; i++) {
		char *name = devm_kasprintf(dev, GFP_KERNEL, "ivshmem-%d", i);

		if (!name)
			return -ENOMEM;
		ret = devm_request_irq(dev, pci_irq_vector(pdev, i),
				       itd_ivshmem_handler, 0, name, pdev);
		if (ret)
			return ret;
	}
	return 0;
}

static const struct pci_device_id itd_ivshmem_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE_ID) },
	{ }
};

/* Beside the function that the module is named after. */
struct pci_driver itd_ivshmem_driver = {
	.name		= "ims-testdev-ivshmem",
	.id_table	= itd_ivshmem_ids,
	.probe		= itd_ivshmem_probe,
	.dev_groups	= itd_ivshmem_groups,
};
