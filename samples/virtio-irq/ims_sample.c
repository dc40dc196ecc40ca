// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample: a driver for a device with an interrupt message store
 *
 * The device is QEMU's ims-testdev with bar-slots=N. Think of each of its slots as a
 * queue of a real device: it has a doorbell, which makes the device send interrupts,
 * a register from which the handler learns whether one of them was its own, and a
 * slot in a BAR, in which the driver stores the message that the device is to send.
 *
 * A queue has the message in its slot if a virtio-irq serves the device, else an
 * entry of the MSI-X table, as in any other driver. It does not matter to the rest
 * of the driver which. Documentation/ims.rst goes through it.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/platform_device.h>

#include <linux/irqchip/irq-virtio.h>

#include "ims_testdev_regs.h"

#define SAMPLE_NAME	"ims-sample"

static unsigned int queues = 4;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "Queues to be used of each device, at most; default 4");

/**
 * struct sample_queue - a queue of the device
 * @regs: its registers
 * @ctrl: the control word of its slot; guarded by desc->lock of its interrupt
 * @virq: its interrupt
 * @done: interrupts handled
 */
struct sample_queue {
	void __iomem	*regs;
	u32		ctrl;
	unsigned int	virq;
	atomic_t	done;
};

/**
 * struct sample - a device
 * @pdev: the PCI function
 * @store: the device that has the slots, as the function's own MSI domain is that of
 *	its MSI-X; NULL if MSI-X is used
 * @num: queues that have an interrupt
 * @max: queues there are
 * @queue: the queues
 */
struct sample {
	struct pci_dev		*pdev;
	struct platform_device	*store;
	unsigned int		num;
	unsigned int		max;
	struct sample_queue	queue[] __counted_by(max);
};

/*
 * The slots. All of these run with desc->lock held and interrupts off: registers are
 * written, nothing is waited for.
 */

static struct sample_queue *sample_queue_of(const struct msi_desc *desc, void *data)
{
	struct sample *s = data;

	return &s->queue[desc->msi_index];
}

static void sample_write_msg(struct msi_desc *desc, struct msi_msg *msg, void *data)
{
	struct sample_queue *q = sample_queue_of(desc, data);

	/* The slot is masked, so nothing sends a half of this and a half of what was there */
	writel(msg->address_lo, q->regs + IMS_TESTDEV_SLOT_ADDR_LO);
	writel(msg->address_hi, q->regs + IMS_TESTDEV_SLOT_ADDR_HI);
	writel(msg->data, q->regs + IMS_TESTDEV_SLOT_DATA);
}

static void sample_mask(struct msi_desc *desc, void *data)
{
	struct sample_queue *q = sample_queue_of(desc, data);

	q->ctrl |= IMS_TESTDEV_CTRL_MASK;
	writel(q->ctrl, q->regs + IMS_TESTDEV_SLOT_CTRL);
	/* When this is answered, what the device sent before has arrived */
	readl(q->regs + IMS_TESTDEV_SLOT_CTRL);
}

static void sample_unmask(struct msi_desc *desc, void *data)
{
	struct sample_queue *q = sample_queue_of(desc, data);

	q->ctrl &= ~IMS_TESTDEV_CTRL_MASK;
	writel(q->ctrl, q->regs + IMS_TESTDEV_SLOT_CTRL);
}

static const struct virtio_irq_ims_ops sample_ims_ops = {
	.write_msg	= sample_write_msg,
	.mask		= sample_mask,
	.unmask		= sample_unmask,
};

static irqreturn_t sample_handler(int irq, void *data)
{
	struct sample_queue *q = data;

	if (!readl(q->regs + IMS_TESTDEV_CLAIM))
		return IRQ_NONE;
	atomic_inc(&q->done);
	return IRQ_HANDLED;
}

/*
 * Interrupts from the store: how many, or an errno. -EPROBE_DEFER and -ENODEV are the
 * binding's, -EDQUOT or -ENOSPC are what the host says.
 */
static int sample_get_store(struct sample *s, unsigned int num, void __iomem *bar)
{
	const struct platform_device_info info = {
		.parent	= &s->pdev->dev,
		.name	= SAMPLE_NAME,
		.id	= PLATFORM_DEVID_AUTO,
	};
	const struct virtio_irq_ims ims = {
		.ops		= &sample_ims_ops,
		.data		= s,
		.store		= IMS_TESTDEV_STORE_SLOTS,
		.count		= num,
		.addr_width	= 64,
	};
	struct platform_device *store;
	struct device *dev;
	unsigned int i;
	int err;

	/* Masked before the first call, and as long as no interrupt is requested */
	for (i = 0; i < num; i++) {
		struct sample_queue *q = &s->queue[i];

		q->regs = bar + IMS_TESTDEV_STORE_VECTOR(IMS_TESTDEV_STORE_SLOTS, i);
		q->ctrl = IMS_TESTDEV_CTRL_MASK;
		writel(q->ctrl, q->regs + IMS_TESTDEV_SLOT_CTRL);
	}

	store = platform_device_register_full(&info);
	if (IS_ERR(store))
		return PTR_ERR(store);
	dev = &store->dev;

	err = virtio_irq_ims_bind(dev, s->pdev, &ims);
	if (err)
		goto err_unregister;
	err = virtio_irq_ims_alloc_irqs(dev, num);
	if (err)
		goto err_unbind;
	for (i = 0; i < num; i++)
		s->queue[i].virq = msi_get_virq(dev, i);
	s->store = store;
	return num;

err_unbind:
	virtio_irq_ims_unbind(dev);
err_unregister:
	platform_device_unregister(store);
	return err;
}

/* Interrupts from the MSI-X table: what the driver would do without a store */
static int sample_get_msix(struct sample *s, void __iomem *bar)
{
	int num, i;

	num = pci_alloc_irq_vectors(s->pdev, 1, s->max, PCI_IRQ_MSIX);
	for (i = 0; i < num; i++) {
		s->queue[i].regs = bar + IMS_TESTDEV_VECTOR(i);
		s->queue[i].virq = pci_irq_vector(s->pdev, i);
	}
	return num;
}

static void sample_put_interrupts(struct sample *s)
{
	while (s->num) {
		struct sample_queue *q = &s->queue[--s->num];

		free_irq(q->virq, q);
	}
	if (!s->store) {
		pci_free_irq_vectors(s->pdev);
		return;
	}
	virtio_irq_ims_free_irqs(&s->store->dev);
	virtio_irq_ims_unbind(&s->store->dev);
	platform_device_unregister(s->store);
}

/* With as many queues as there are interrupts: one of them is enough */
static int sample_request(struct sample *s, unsigned int got)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < got && !err; i++) {
		struct sample_queue *q = &s->queue[i];

		/* Where the host has none left, this is where it says so */
		err = request_irq(q->virq, sample_handler, 0, SAMPLE_NAME, q);
		if (!err)
			s->num++;
	}
	if (err)
		pci_warn(s->pdev, "%u of %u queues: %pe\n", s->num, got, ERR_PTR(err));
	return s->num ? 0 : err;
}

static ssize_t done_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sample *s = dev_get_drvdata(dev);
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < s->num; i++)
		sum += (unsigned int)atomic_read(&s->queue[i].done);
	return sysfs_emit(buf, "%llu\n", sum);
}
static DEVICE_ATTR_RO(done);

static ssize_t queues_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sample *s = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u %s\n", s->num, s->store ? "store" : "msix");
}
static DEVICE_ATTR_RO(queues);

static ssize_t ring_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t count)
{
	struct sample *s = dev_get_drvdata(dev);
	unsigned int i;
	u32 times;
	int err;

	err = kstrtou32(buf, 0, &times);
	if (err)
		return err;
	for (i = 0; i < s->num; i++)
		writel(times, s->queue[i].regs + IMS_TESTDEV_FIRE);
	return count;
}
static DEVICE_ATTR_WO(ring);

static struct attribute *sample_attrs[] = {
	&dev_attr_done.attr,
	&dev_attr_queues.attr,
	&dev_attr_ring.attr,
	NULL
};
ATTRIBUTE_GROUPS(sample);

/* How many interrupts there are, at least one; or an errno */
static int sample_get_interrupts(struct sample *s, void __iomem *regs)
{
	unsigned int slots = min(s->max, readl(regs + IMS_TESTDEV_SLOTS));
	void __iomem *bar;
	int got;

	if (slots) {
		bar = pcim_iomap(s->pdev, IMS_TESTDEV_BAR_STORES, 0);
		if (!bar)
			return -ENOMEM;
		got = sample_get_store(s, slots, bar);
		if (got > 0 || got == -EPROBE_DEFER)
			return got;
		/* There is nobody who serves the store, for example */
		pci_info(s->pdev, "no interrupts from the store: %pe\n", ERR_PTR(got));
	}
	return sample_get_msix(s, regs);
}

static int sample_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	unsigned int max = clamp(queues, 1U, IMS_TESTDEV_MAX_VECTORS);
	void __iomem *regs;
	struct sample *s;
	int got, err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	regs = pcim_iomap(pdev, IMS_TESTDEV_BAR_REGS, 0);
	if (!regs)
		return -ENOMEM;
	if (readl(regs + IMS_TESTDEV_ID) != IMS_TESTDEV_ID_VALUE)
		return -ENODEV;

	s = devm_kzalloc(&pdev->dev, struct_size(s, queue, max), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->max = max;
	s->pdev = pdev;
	pci_set_drvdata(pdev, s);
	pci_set_master(pdev);

	got = sample_get_interrupts(s, regs);
	if (got < 0)
		return got;
	err = sample_request(s, got);
	if (err)
		sample_put_interrupts(s);
	return err;
}

static void sample_remove(struct pci_dev *pdev)
{
	struct sample *s = pci_get_drvdata(pdev);
	unsigned int i;

	/* The device is quiet before its interrupts go */
	for (i = 0; i < s->num; i++)
		writel(1, s->queue[i].regs + IMS_TESTDEV_CANCEL);
	sample_put_interrupts(s);
	pci_clear_master(pdev);
}

static const struct pci_device_id sample_ids[] = {
	{ PCI_DEVICE(IMS_TESTDEV_VENDOR_ID, IMS_TESTDEV_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, sample_ids);

static struct pci_driver sample_driver = {
	.name		= SAMPLE_NAME,
	.id_table	= sample_ids,
	.probe		= sample_probe,
	.remove		= sample_remove,
	.dev_groups	= sample_groups,
};
module_pci_driver(sample_driver);

MODULE_DESCRIPTION("Sample driver for a device with an interrupt message store");
MODULE_AUTHOR("The virtio-irq authors");
MODULE_LICENSE("GPL");
