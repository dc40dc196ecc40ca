// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: the PCI function and the operations on its vectors
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * An ordinary PCI driver: it uses what the PCI and interrupt cores offer to every
 * driver and knows nothing of the interrupt controller. The device has no INTx
 * pin, so nothing can be papered over by falling back to it. What the device
 * does is described in ims_testdev_regs.h, how the driver is told what to do in
 * ims_testdev_ctl.c.
 */

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/overflow.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "ims_testdev.h"

static irqreturn_t itd_handler(int irq, void *data)
{
	struct itd_vector *v = data;

	WRITE_ONCE(v->last_cpu, smp_processor_id());

	/* This access also makes the device send the next interrupt it owes. */
	if (itd_read(v, IMS_TESTDEV_CLAIM) != 1) {
		atomic64_inc(&v->spurious);
		return IRQ_NONE;
	}

	atomic64_inc(&v->handled);
	return IRQ_HANDLED;
}

/**
 * itd_request - request a vector's interrupt
 * @v: the vector
 *
 * Context: Process context, v->lock held.
 * Return: what request_irq() returned, -ENXIO if the vector is not allocated,
 * -EALREADY if it was requested already.
 */
int itd_request(struct itd_vector *v)
{
	int ret;

	if (!v->virq)
		return -ENXIO;
	if (v->requested)
		return -EALREADY;

	ret = request_irq(v->virq, itd_handler, 0, v->name, v);
	v->requested = !ret;
	return ret;
}

/**
 * itd_free - free a vector's interrupt
 * @v: the vector
 *
 * Context: Process context, v->lock held.
 * Return: 0, or -ENXIO if it was not requested.
 */
int itd_free(struct itd_vector *v)
{
	if (!v->requested)
		return -ENXIO;

	itd_set_wake(v, false);
	free_irq(v->virq, v);
	v->requested = false;
	v->disabled = false;
	return 0;
}

/**
 * itd_disable - disable_irq()
 * @v: the vector
 * @lazy: mask it only if it sends nevertheless, as is usual; else at once
 *
 * Context: Process context, v->lock held.
 * Return: 0, -ENXIO if the vector is not requested, -EALREADY if it is disabled.
 */
int itd_disable(struct itd_vector *v, bool lazy)
{
	if (!v->requested)
		return -ENXIO;
	if (v->disabled)
		return -EALREADY;

	if (lazy)
		irq_clear_status_flags(v->virq, IRQ_DISABLE_UNLAZY);
	else
		irq_set_status_flags(v->virq, IRQ_DISABLE_UNLAZY);
	disable_irq(v->virq);
	v->disabled = true;
	return 0;
}

/**
 * itd_enable - enable_irq()
 * @v: the vector
 *
 * Context: Process context, v->lock held.
 * Return: 0, or -ENXIO if the vector is not disabled.
 */
int itd_enable(struct itd_vector *v)
{
	if (!v->disabled)
		return -ENXIO;

	enable_irq(v->virq);
	v->disabled = false;
	return 0;
}

/**
 * itd_set_wake - enable_irq_wake() or disable_irq_wake()
 * @v: the vector
 * @on: its interrupt is to wake the system from suspend-to-idle, or not any more
 *
 * Context: Process context, v->lock held.
 * Return: 0, what irq_set_irq_wake() returned, -ENXIO if the vector is not requested.
 */
int itd_set_wake(struct itd_vector *v, bool on)
{
	int ret;

	if (!v->requested)
		return -ENXIO;
	if (v->wakes == on)
		return 0;

	ret = irq_set_irq_wake(v->virq, on);
	if (!ret)
		v->wakes = on;
	return ret;
}

static int itd_add_at(struct itd_dev *itd, unsigned int index,
		      struct msi_map *map)
{
	*map = pci_msix_alloc_irq_at(itd->pdev, index, NULL);
	return min(map->index, 0);
}

/**
 * itd_add - add one MSI-X vector to those that exist
 * @v: the vector
 *
 * Context: Process context, v->lock held.
 * Return: 0, the error of pci_msix_alloc_irq_at(), or -EEXIST if the vector is
 * allocated already.
 */
int itd_add(struct itd_vector *v)
{
	struct msi_map map;
	int ret;

	if (v->virq)
		return -EEXIST;

	ret = itd_add_at(v->itd, v->index, &map);
	if (ret)
		return ret;

	v->virq = map.virq;
	v->dynamic = true;
	return 0;
}

/**
 * itd_add_any - add one MSI-X vector, the PCI core chooses which
 * @itd: the device
 *
 * Context: Process context, itd->life held for reading, no vector's lock.
 * Return: index of the vector, the error of pci_msix_alloc_irq_at(), or -EBUSY
 * while the churn job runs: it needs the indices that it gave back for a moment.
 */
int itd_add_any(struct itd_dev *itd)
{
	struct itd_vector *v;
	struct msi_map map;
	int ret;

	/* Also keeps the job from being started meanwhile. */
	guard(mutex)(&itd->job_lock);
	if (itd->churn.running)
		return -EBUSY;

	ret = itd_add_at(itd, MSI_ANY_INDEX, &map);
	if (ret)
		return ret;

	v = &itd->vec[map.index];
	guard(mutex)(&v->lock);
	v->virq = map.virq;
	v->dynamic = true;
	return map.index;
}

/**
 * itd_remove - remove a vector that itd_add() or itd_add_any() added
 * @v: the vector
 *
 * Context: Process context, v->lock held.
 * Return: 0, -ENXIO if it was not added, -EBUSY if it is requested.
 */
int itd_remove(struct itd_vector *v)
{
	if (!v->dynamic)
		return -ENXIO;
	if (v->requested)
		return -EBUSY;

	pci_msix_free_irq(v->itd->pdev, (struct msi_map) {
		.index	= v->index,
		.virq	= v->virq,
	});
	v->virq = 0;
	v->dynamic = false;
	return 0;
}

/**
 * itd_move - make a CPU the target of a vector
 * @v: the vector
 * @cpu: the CPU
 *
 * Context: Process context, v->lock held.
 * Return: what irq_set_affinity() returned, -ENXIO if the vector is not
 * allocated, -EINVAL if @cpu is not online.
 */
int itd_move(struct itd_vector *v, unsigned int cpu)
{
	if (!v->virq)
		return -ENXIO;
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;

	return irq_set_affinity(v->virq, cpumask_of(cpu));
}

static void itd_get_msix_message(struct itd_vector *v, struct itd_message *msg)
{
	void __iomem *entry = v->itd->msix_table + v->index * PCI_MSIX_ENTRY_SIZE;

	msg->address = readl(entry + PCI_MSIX_ENTRY_LOWER_ADDR);
	msg->address |= (u64)readl(entry + PCI_MSIX_ENTRY_UPPER_ADDR) << 32;
	msg->data = readl(entry + PCI_MSIX_ENTRY_DATA);
	msg->masked = readl(entry + PCI_MSIX_ENTRY_VECTOR_CTRL) &
		      PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void itd_get_msi_message(struct itd_vector *v, struct itd_message *msg)
{
	struct pci_dev *pdev = v->itd->pdev;
	int cap = pdev->msi_cap;
	u32 lo, hi = 0, mask = 0;
	u16 flags, data;
	bool is64;

	pci_read_config_word(pdev, cap + PCI_MSI_FLAGS, &flags);
	is64 = flags & PCI_MSI_FLAGS_64BIT;
	pci_read_config_dword(pdev, cap + PCI_MSI_ADDRESS_LO, &lo);
	if (is64)
		pci_read_config_dword(pdev, cap + PCI_MSI_ADDRESS_HI, &hi);
	pci_read_config_word(pdev, cap + (is64 ? PCI_MSI_DATA_64 :
						 PCI_MSI_DATA_32), &data);
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		pci_read_config_dword(pdev, cap + (is64 ? PCI_MSI_MASK_64 :
							  PCI_MSI_MASK_32),
				      &mask);

	/* Multiple messages: the function puts the number into the low bits. */
	data &= ~((1U << FIELD_GET(PCI_MSI_FLAGS_QSIZE, flags)) - 1);
	msg->address = (u64)hi << 32 | lo;
	msg->data = data | v->index;
	msg->masked = mask & BIT(v->index);
}

/**
 * itd_get_message - read a vector's message from the device
 * @v: the vector
 * @msg: where to put it
 *
 * Context: Process context, v->lock held.
 * Return: 0, or -ENXIO if the vector is not allocated.
 */
int itd_get_message(struct itd_vector *v, struct itd_message *msg)
{
	if (!v->virq)
		return -ENXIO;

	msg->pasid = VIRTIO_IRQ_NO_PASID;
	if (v->store->number)
		itd_store_get_message(v, msg);
	else if (v->itd->pdev->msix_enabled)
		itd_get_msix_message(v, msg);
	else
		itd_get_msi_message(v, msg);
	return 0;
}

/**
 * itd_vector_is_settled - was all that a vector was owed handled?
 * @v: the vector
 *
 * Context: Process context, v->lock held.
 * Return: 0, -EAGAIN: not yet, -ENXIO if the vector is not requested.
 */
int itd_vector_is_settled(struct itd_vector *v)
{
	if (!v->requested)
		return -ENXIO;
	if (itd_read(v, IMS_TESTDEV_FIRE) ||
	    itd_read(v, IMS_TESTDEV_STATUS) & IMS_TESTDEV_STATUS_OUTSTANDING)
		return -EAGAIN;

	/* The handler claims first and counts then. */
	synchronize_irq(v->virq);
	return 0;
}

/**
 * itd_vector_settled - wait until all that a vector was owed is handled
 * @v: the vector
 * @deadline: when to give up, in jiffies
 *
 * The device knows best what it owes: the host may have told it to fire, too.
 *
 * Context: Process context, without v->lock. Sleeps.
 * Return: 0, -ETIMEDOUT, -EINTR, -ENXIO if the vector is not requested, -ENODEV
 * if the driver is being unbound.
 */
int itd_vector_settled(struct itd_vector *v, unsigned long deadline)
{
	for (;;) {
		/* Before the look, which then comes after the deadline once. */
		bool late = time_after(jiffies, deadline);
		int ret;

		scoped_guard(mutex, &v->lock)
			ret = itd_vector_is_settled(v);
		if (ret != -EAGAIN)
			return ret;
		if (READ_ONCE(v->itd->gone))
			return -ENODEV;
		if (signal_pending(current))
			return -EINTR;
		if (late)
			return -ETIMEDOUT;
		usleep_range(200, 1000);
	}
}

/**
 * itd_count - add a vector's counters to a sum
 * @v: the vector
 * @sum: the sum
 *
 * Context: Any context.
 */
void itd_count(struct itd_vector *v, struct itd_counts *sum)
{
	sum->owed += itd_read(v, IMS_TESTDEV_FIRE);
	sum->fired += v->kept.fired + itd_read(v, IMS_TESTDEV_FIRED);
	sum->acked += v->kept.acked + itd_read(v, IMS_TESTDEV_ACKED);
	sum->abandoned += v->kept.abandoned + itd_read(v, IMS_TESTDEV_ABANDONED);
	sum->handled += atomic64_read(&v->handled);
	sum->spurious += atomic64_read(&v->spurious);
}

static void itd_clear_store(struct itd_store *store)
{
	for (u32 i = 0; i < store->nr_vectors; i++) {
		struct itd_vector *v = &store->vec[i];

		if (v->requested)
			synchronize_irq(v->virq);
		v->kept = (struct itd_counts) {};
		atomic64_set(&v->handled, 0);
		atomic64_set(&v->spurious, 0);
		WRITE_ONCE(v->last_cpu, -1);
	}
}

/**
 * itd_clear - cancel all that is owed and clear the counters of both sides
 * @itd: the device
 *
 * Context: Process context.
 * Return: 0, or -EBUSY while a job runs.
 */
int itd_clear(struct itd_dev *itd)
{
	guard(rwsem_write)(&itd->life);

	if (itd_jobs_running(itd))
		return -EBUSY;

	writel(1, itd->regs + IMS_TESTDEV_CLEAR);
	for (u32 i = 0; i < ITD_STORES; i++)
		itd_clear_store(&itd->store[i]);
	return 0;
}

static void itd_raw_setup(struct itd_dev *itd, const struct itd_message *msg)
{
	u32 pasid = 0;

	lockdep_assert_held(&itd->raw_lock);

	if (msg->pasid != VIRTIO_IRQ_NO_PASID)
		pasid = msg->pasid | IMS_TESTDEV_RAW_PASID_VALID;
	writel(lower_32_bits(msg->address), itd->regs + IMS_TESTDEV_RAW_ADDR_LO);
	writel(upper_32_bits(msg->address), itd->regs + IMS_TESTDEV_RAW_ADDR_HI);
	writel(msg->data, itd->regs + IMS_TESTDEV_RAW_DATA);
	writel(pasid, itd->regs + IMS_TESTDEV_RAW_PASID);
}

static u32 itd_raw_send(struct itd_dev *itd)
{
	lockdep_assert_held(&itd->raw_lock);

	writel(1, itd->regs + IMS_TESTDEV_RAW_SEND);
	return readl(itd->regs + IMS_TESTDEV_RAW_RESULT);
}

/**
 * itd_raw - make the function write 4 bytes anywhere on the bus
 * @itd: the device
 * @msg: where and what, and with which PASID
 *
 * Context: Process context.
 * Return: IMS_TESTDEV_RAW_RESULT as of this write.
 */
u32 itd_raw(struct itd_dev *itd, const struct itd_message *msg)
{
	guard(mutex)(&itd->raw_lock);

	itd_raw_setup(itd, msg);
	return itd_raw_send(itd);
}

/**
 * itd_free_and_raw - free a vector, then send the message that it had
 * @v: the vector
 * @times: how often to send it
 * @msg: filled in with the message
 * @bus: filled in with the result of the last one, as itd_raw() returns it
 *
 * A single register access lies between the end of free_irq() and the message.
 *
 * Context: Process context, v->lock held.
 * Return: 0, or -ENXIO if the vector is not requested.
 */
int itd_free_and_raw(struct itd_vector *v, u32 times, struct itd_message *msg,
		     u32 *bus)
{
	struct itd_dev *itd = v->itd;

	if (!v->requested)
		return -ENXIO;

	guard(mutex)(&itd->raw_lock);
	itd_get_message(v, msg);
	itd_raw_setup(itd, msg);
	itd_free(v);
	while (times--)
		*bus = itd_raw_send(itd);
	return 0;
}

/**
 * itd_alloc - allocate vectors
 * @itd: the device
 * @flags: PCI_IRQ_*
 * @min: at least
 * @max: at most
 * @affd: for managed vectors, with PCI_IRQ_AFFINITY, else NULL
 *
 * Context: Process context.
 * Return: number of vectors, the error of pci_alloc_irq_vectors_affinity(), or
 * -EBUSY if there are vectors already.
 */
int itd_alloc(struct itd_dev *itd, unsigned int flags, unsigned int min,
	      unsigned int max, struct irq_affinity *affd)
{
	struct pci_dev *pdev = itd->pdev;
	int nvecs;

	guard(rwsem_write)(&itd->life);

	if (pci_dev_msi_enabled(pdev))
		return -EBUSY;

	nvecs = pci_alloc_irq_vectors_affinity(pdev, min, max, flags, affd);
	for (int i = 0; i < nvecs; i++)
		itd->vec[i].virq = pci_irq_vector(pdev, i);
	return nvecs;
}

/**
 * itd_release - free all that is requested and release all vectors
 * @itd: the device
 *
 * What is owed is cancelled.
 *
 * Context: Process context.
 * Return: 0, -ENXIO if there are no vectors, -EBUSY while a job runs.
 */
int itd_release(struct itd_dev *itd)
{
	guard(rwsem_write)(&itd->life);

	if (itd_jobs_running(itd))
		return -EBUSY;
	if (!pci_dev_msi_enabled(itd->pdev))
		return -ENXIO;

	for (u32 i = 0; i < itd->nr_vectors; i++) {
		struct itd_vector *v = &itd->vec[i];

		itd_free(v);
		/* Else a pending bit would hit the vector's next owner. */
		itd_write(v, IMS_TESTDEV_CANCEL, 1);
		v->virq = 0;
		v->dynamic = false;
	}
	pci_free_irq_vectors(itd->pdev);
	return 0;
}

static int itd_map_msix_table(struct itd_dev *itd)
{
	struct pci_dev *pdev = itd->pdev;
	u32 nr = readl(itd->regs + IMS_TESTDEV_MSIX_VECTORS);
	u32 table;

	if (!nr)
		return 0;

	/* The PCI core has its own mapping, which it shows to nobody. */
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	itd->msix_table = ioremap(pci_resource_start(pdev, FIELD_GET(PCI_MSIX_TABLE_BIR, table)) +
				  (table & PCI_MSIX_TABLE_OFFSET),
				  nr * PCI_MSIX_ENTRY_SIZE);
	return itd->msix_table ? 0 : -ENOMEM;
}

/**
 * itd_init_vector - prepare a vector
 * @store: its store, which has elements for all of its vectors
 * @index: its number there
 * @regs: its register block
 *
 * Context: Process context.
 */
void itd_init_vector(struct itd_store *store, u32 index, void __iomem *regs)
{
	struct itd_vector *v = &store->vec[index];
	struct itd_dev *itd = store->itd;

	v->itd = itd;
	v->store = store;
	v->regs = regs;
	v->index = index;
	v->last_cpu = -1;
	mutex_init(&v->lock);
	if (store->number)
		snprintf(v->name, sizeof(v->name), "ims-testdev-%s-%u-%u",
			 pci_name(itd->pdev), store->number, index);
	else
		snprintf(v->name, sizeof(v->name), "ims-testdev-%s-%u",
			 pci_name(itd->pdev), index);
}

/* The vectors of MSI and MSI-X; itd_stores_init() does the rest. */
static void itd_init_msi(struct itd_dev *itd)
{
	struct itd_store *store = &itd->store[IMS_TESTDEV_STORE_MSI];

	for (u32 i = 0; i < ITD_STORES; i++) {
		itd->store[i].itd = itd;
		itd->store[i].number = i;
	}
	store->vec = itd->vec;
	store->nr_vectors = itd->nr_vectors;
	for (u32 i = 0; i < itd->nr_vectors; i++)
		itd_init_vector(store, i, itd->regs + IMS_TESTDEV_VECTOR(i));
}

static int itd_check_device(struct pci_dev *pdev, void __iomem *regs)
{
	u32 id = readl(regs + IMS_TESTDEV_ID);
	u32 version = readl(regs + IMS_TESTDEV_VERSION);
	u32 vectors = readl(regs + IMS_TESTDEV_VECTORS);

	if (id == IMS_TESTDEV_ID_VALUE &&
	    version == IMS_TESTDEV_VERSION_VALUE &&
	    vectors <= IMS_TESTDEV_MAX_VECTORS)
		return 0;

	dev_err(&pdev->dev, "not a device this driver knows: ID %#x version %u vectors %u\n",
		id, version, vectors);
	return -ENODEV;
}

static int itd_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct itd_dev *itd;
	void __iomem *regs;
	u32 nr;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;

	ret = pci_request_region(pdev, IMS_TESTDEV_BAR_REGS, KBUILD_MODNAME);
	if (ret)
		goto err_disable;

	regs = pci_iomap(pdev, IMS_TESTDEV_BAR_REGS, IMS_TESTDEV_REGS_SIZE);
	if (!regs) {
		ret = -ENOMEM;
		goto err_release_region;
	}

	ret = itd_check_device(pdev, regs);
	if (ret)
		goto err_iounmap;

	nr = readl(regs + IMS_TESTDEV_VECTORS);
	itd = kvzalloc(struct_size(itd, vec, nr), GFP_KERNEL);
	if (!itd) {
		ret = -ENOMEM;
		goto err_iounmap;
	}
	itd->pdev = pdev;
	itd->regs = regs;
	itd->nr_vectors = nr;
	init_rwsem(&itd->life);
	mutex_init(&itd->raw_lock);
	mutex_init(&itd->job_lock);
	mutex_init(&itd->result_lock);
	itd_init_msi(itd);
	itd_jobs_init(itd);

	ret = itd_map_msix_table(itd);
	if (ret)
		goto err_free;

	ret = itd_stores_init(itd);
	if (ret)
		goto err_unmap_table;

	itd->wq = alloc_workqueue("ims-testdev-%s", WQ_UNBOUND, 0, pci_name(pdev));
	if (!itd->wq) {
		ret = -ENOMEM;
		goto err_stores;
	}
	ret = itd_stress_init(itd);
	if (ret)
		goto err_wq;

	pci_set_drvdata(pdev, itd);
	pci_set_master(pdev);
	/* What slot_reset() restores */
	pci_save_state(pdev);
	writel(1, regs + IMS_TESTDEV_CLEAR);
	itd_ctl_create(itd);
	/* The PCI core's, for the probe; it stays in D0 unless the administrator says "auto" */
	pm_runtime_put_noidle(&pdev->dev);
	return 0;

err_wq:
	destroy_workqueue(itd->wq);
err_stores:
	itd_stores_exit(itd);
err_unmap_table:
	if (itd->msix_table)
		iounmap(itd->msix_table);
err_free:
	kvfree(itd);
err_iounmap:
	pci_iounmap(pdev, regs);
err_release_region:
	pci_release_region(pdev, IMS_TESTDEV_BAR_REGS);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void itd_pci_remove(struct pci_dev *pdev)
{
	struct itd_dev *itd = pci_get_drvdata(pdev);

	pm_runtime_get_noresume(&pdev->dev);
	/* In this order: the removal waits for commands, and they may wait. */
	WRITE_ONCE(itd->gone, true);
	itd_ctl_remove(itd);
	itd_job_stop(&itd->churn);
	itd_job_stop(&itd->mover);
	itd_stress_exit(itd);
	destroy_workqueue(itd->wq);
	itd_stores_exit(itd);
	itd_release(itd);
	if (itd->msix_table)
		iounmap(itd->msix_table);
	pci_iounmap(pdev, itd->regs);
	pci_clear_master(pdev);
	pci_release_region(pdev, IMS_TESTDEV_BAR_REGS);
	pci_disable_device(pdev);
	kvfree(itd);
}

static const struct pci_device_id itd_ids[] = {
	{ PCI_DEVICE(IMS_TESTDEV_VENDOR_ID, IMS_TESTDEV_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, itd_ids);

static struct pci_driver itd_driver = {
	.name		= "ims-testdev",
	.id_table	= itd_ids,
	.probe		= itd_probe,
	.remove		= itd_pci_remove,
	.shutdown	= itd_shutdown,
	.err_handler	= &itd_err_handlers,
	.driver.pm	= pm_ptr(&itd_pm_ops),
};

static int __init itd_init(void)
{
	int ret;

	itd_ctl_init();
	ret = pci_register_driver(&itd_driver);
	if (ret)
		goto err_ctl;

	ret = pci_register_driver(&itd_ivshmem_driver);
	if (ret)
		goto err_unregister;

	return 0;

err_unregister:
	pci_unregister_driver(&itd_driver);
err_ctl:
	itd_ctl_exit();
	return ret;
}
module_init(itd_init);

static void __exit itd_exit(void)
{
	pci_unregister_driver(&itd_ivshmem_driver);
	pci_unregister_driver(&itd_driver);
	itd_ctl_exit();
}
module_exit(itd_exit);

MODULE_DESCRIPTION("Interrupt test device of the virtio-irq project");
MODULE_LICENSE("GPL");
