// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: suspend, runtime PM, resets by others, shutdown
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * The function may lose its power meanwhile, or keep it: either way it starts from
 * cleared registers afterwards. What was owed is owed again then, and what was
 * counted stays counted. An interrupt that had left and was not handled before the
 * function went to sleep remains a difference between fired and handled.
 *
 * A function that is to wake the system is left at work instead, if it keeps its power
 * for sure. What it sends waits for the system, or wakes it.
 *
 * With "auto" in power/control it sleeps whenever no command is carried out, and owes
 * meanwhile what it owes.
 */

#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/msi.h>
#include <linux/suspend.h>

#include "ims_testdev.h"

/* How long interrupts on their way may take to be handled, in ms */
#define ITD_SETTLE_MS	2000

static unsigned int shutdown_ms;
module_param(shutdown_ms, uint, 0444);
MODULE_PARM_DESC(shutdown_ms,
		 "how long the function takes to shut down, as a slow disk does");

/* Wait until nothing is on its way: handled, or in the pending bit of one that is masked */
static u32 itd_wait_quiet(struct itd_vector *v, unsigned long deadline)
{
	for (;;) {
		/* Before the look, which then comes after the deadline once. */
		bool late = time_after(jiffies, deadline);
		u32 status = itd_read(v, IMS_TESTDEV_STATUS);

		if (!(status & IMS_TESTDEV_STATUS_OUTSTANDING) ||
		    status & IMS_TESTDEV_STATUS_PENDING || late)
			return status;
		usleep_range(200, 1000);
	}
}

static void itd_save_vector(struct itd_vector *v, unsigned long deadline)
{
	u32 status;

	guard(mutex)(&v->lock);

	status = itd_wait_quiet(v, deadline);
	v->gap = itd_read(v, IMS_TESTDEV_GAP);
	v->owed = itd_read(v, IMS_TESTDEV_FIRE);
	v->kept.fired += itd_read(v, IMS_TESTDEV_FIRED);
	v->kept.acked += itd_read(v, IMS_TESTDEV_ACKED);
	v->kept.abandoned += itd_read(v, IMS_TESTDEV_ABANDONED);
	/* The pending bit goes with the power, and it never left */
	if (status & IMS_TESTDEV_STATUS_PENDING) {
		v->kept.fired--;
		v->owed++;
	}
}

static bool itd_store_in_use(struct itd_store *store)
{
	return store->number == IMS_TESTDEV_STORE_MSI || store->open;
}

/* Nothing is sent any more, and all that the function knows is put down; life is held */
static void itd_quiesce(struct itd_dev *itd)
{
	unsigned long deadline;

	/* From now on what is owed stays owed. */
	pci_clear_master(itd->pdev);
	deadline = jiffies + msecs_to_jiffies(ITD_SETTLE_MS);
	for (u32 s = 0; s < ITD_STORES; s++) {
		struct itd_store *store = &itd->store[s];

		for (u32 i = 0; itd_store_in_use(store) && i < store->nr_vectors; i++)
			itd_save_vector(&store->vec[i], deadline);
	}
	writel(1, itd->regs + IMS_TESTDEV_CLEAR);
}

/* Is the function left as it is? Then it may not lose its power either */
static bool itd_stays_up(struct itd_dev *itd)
{
	if (pm_suspend_target_state != PM_SUSPEND_TO_IDLE)
		return false;
	for (u32 s = 0; s < ITD_STORES; s++) {
		struct itd_store *store = &itd->store[s];

		for (u32 i = 0; itd_store_in_use(store) && i < store->nr_vectors; i++)
			if (store->vec[i].wakes)
				return true;
	}
	return false;
}

static int itd_suspend(struct device *dev)
{
	struct itd_dev *itd = dev_get_drvdata(dev);

	guard(rwsem_write)(&itd->life);

	/* They would wait for interrupts that do not come */
	if (itd_jobs_running(itd))
		return -EBUSY;
	if (!itd_stays_up(itd))
		itd_quiesce(itd);
	return 0;
}

static void itd_restore_vector(struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	if (v->gap)
		itd_write(v, IMS_TESTDEV_GAP, v->gap);
	if (v->owed)
		itd_write(v, IMS_TESTDEV_FIRE, v->owed);
	v->owed = 0;
}

/* The PCI core, or whoever has reset the function, has restored MSI and MSI-X; life is held */
static void itd_revive(struct itd_dev *itd)
{
	for (u32 s = IMS_TESTDEV_STORE_SLOTS; s < ITD_STORES; s++)
		if (itd->store[s].open)
			itd_store_restore(&itd->store[s]);
	pci_set_master(itd->pdev);
	for (u32 s = 0; s < ITD_STORES; s++) {
		struct itd_store *store = &itd->store[s];

		for (u32 i = 0; itd_store_in_use(store) && i < store->nr_vectors; i++)
			itd_restore_vector(&store->vec[i]);
	}
	/* For itd_slot_reset() */
	pci_save_state(itd->pdev);
}

static int itd_resume(struct device *dev)
{
	struct itd_dev *itd = dev_get_drvdata(dev);

	guard(rwsem_write)(&itd->life);

	if (!itd_stays_up(itd))
		itd_revive(itd);
	return 0;
}

static int itd_runtime_suspend(struct device *dev)
{
	struct itd_dev *itd = dev_get_drvdata(dev);

	guard(rwsem_write)(&itd->life);

	if (itd_jobs_running(itd))
		return -EBUSY;
	itd_quiesce(itd);
	return 0;
}

static int itd_runtime_resume(struct device *dev)
{
	struct itd_dev *itd = dev_get_drvdata(dev);

	guard(rwsem_write)(&itd->life);

	itd_revive(itd);
	return 0;
}

/* Somebody resets the function (FLR) or its bus. No job may run, and no command be given */
static void itd_reset_prepare(struct pci_dev *pdev)
{
	struct itd_dev *itd = pci_get_drvdata(pdev);

	guard(rwsem_write)(&itd->life);

	itd_quiesce(itd);
}

static void itd_reset_done(struct pci_dev *pdev)
{
	struct itd_dev *itd = pci_get_drvdata(pdev);

	guard(rwsem_write)(&itd->life);

	itd_revive(itd);
}

/*
 * What it knows is still to be had: the errors are those of the port above it, and are
 * injected there.
 */
static pci_ers_result_t itd_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;

	itd_reset_prepare(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t itd_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

const struct pci_error_handlers itd_err_handlers = {
	.error_detected	= itd_error_detected,
	.slot_reset	= itd_slot_reset,
	.resume		= itd_reset_done,
	.reset_prepare	= itd_reset_prepare,
	.reset_done	= itd_reset_done,
};

/**
 * itd_shutdown - the machine is shut down, or another kernel started
 * @pdev: the PCI function
 *
 * Context: Process context, sleeps.
 */
void itd_shutdown(struct pci_dev *pdev)
{
	msleep(shutdown_ms);
}

/* For hibernation, too: what the image has of the function is as old as the image */
const struct dev_pm_ops itd_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(itd_suspend, itd_resume)
	RUNTIME_PM_OPS(itd_runtime_suspend, itd_runtime_resume, NULL)
};
