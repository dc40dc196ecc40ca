// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: its files in debugfs
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What they contain is described in ims_testdev_ctl.c.
 */

#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/irq.h>
#include <linux/pm_runtime.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "ims_testdev.h"

/**
 * struct itd_session - an open ctl file
 * @itd: the device
 * @lock: guards the rest
 * @pos: how much of @result was read
 * @result: result line of the last command written through this file
 */
struct itd_session {
	struct itd_dev	*itd;
	struct mutex	lock;	/* guards pos and result */
	loff_t		pos;
	char		result[ITD_RESULT_SIZE];
};

static struct dentry *itd_root;

static int itd_ctl_open(struct inode *inode, struct file *file)
{
	struct itd_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	session->itd = inode->i_private;
	mutex_init(&session->lock);
	file->private_data = session;
	/* A refused write would leave a file position where it is. */
	return stream_open(inode, file);
}

static int itd_ctl_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t itd_ctl_write(struct file *file, const char __user *ubuf,
			     size_t len, loff_t *ppos)
{
	struct itd_session *session = file->private_data;
	struct itd_dev *itd = session->itd;
	char text[ITD_MAX_COMMAND + 1];
	int ret;

	char *result __free(kfree) = kzalloc(ITD_RESULT_SIZE, GFP_KERNEL);
	if (!result)
		return -ENOMEM;
	if (len > ITD_MAX_COMMAND)
		return -E2BIG;
	if (copy_from_user(text, ubuf, len))
		return -EFAULT;
	text[len] = '\0';

	ret = itd_execute(itd, strim(text), result);
	scoped_guard(mutex, &session->lock) {
		strscpy(session->result, result, sizeof(session->result));
		session->pos = 0;
	}
	scoped_guard(mutex, &itd->result_lock)
		strscpy(itd->result, result, sizeof(itd->result));

	return ret < 0 ? ret : len;
}

static ssize_t itd_ctl_read(struct file *file, char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	struct itd_session *session = file->private_data;

	guard(mutex)(&session->lock);
	return simple_read_from_buffer(ubuf, len, &session->pos, session->result,
				       strlen(session->result));
}

static const struct file_operations itd_ctl_fops = {
	.owner		= THIS_MODULE,
	.open		= itd_ctl_open,
	.release	= itd_ctl_release,
	.read		= itd_ctl_read,
	.write		= itd_ctl_write,
};

static int itd_result_show(struct seq_file *m, void *unused)
{
	struct itd_dev *itd = m->private;

	guard(mutex)(&itd->result_lock);
	seq_puts(m, itd->result);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(itd_result);

static void itd_show_vector(struct seq_file *m, struct itd_vector *v)
{
	struct itd_counts c = {};
	struct itd_message msg;
	u32 status;

	guard(mutex)(&v->lock);

	/* There may be thousands, and each register is an exit. */
	if (!v->virq && v->store->number != IMS_TESTDEV_STORE_MSI)
		return;
	itd_count(v, &c);
	if (!v->virq && !c.fired && !c.owed)
		return;
	status = itd_read(v, IMS_TESTDEV_STATUS);

	seq_printf(m, "%u ", v->index);
	if (v->virq)
		seq_printf(m, "%d ", v->virq);
	else
		seq_puts(m, "- ");
	seq_printf(m, "%s %s %llu %llu %llu %llu %llu %llu %s ",
		   v->requested ? "requested" : v->virq ? "allocated" : "free",
		   v->churned ? "churn" : v->dynamic ? "added" : "-",
		   c.handled, c.spurious, c.owed, c.fired, c.acked, c.abandoned,
		   status & IMS_TESTDEV_STATUS_PENDING ? "pending" :
		   status & IMS_TESTDEV_STATUS_OUTSTANDING ? "outstanding" :
		   status & IMS_TESTDEV_STATUS_GAP ? "gap" : "-");
	if (READ_ONCE(v->last_cpu) >= 0)
		seq_printf(m, "%d ", READ_ONCE(v->last_cpu));
	else
		seq_puts(m, "- ");
	if (itd_get_message(v, &msg)) {
		seq_puts(m, "- - - - -\n");
		return;
	}
	seq_printf(m, "%*pbl %#llx %#x %d ",
		   cpumask_pr_args(irq_get_effective_affinity_mask(v->virq)),
		   msg.address, msg.data, msg.masked);
	if (msg.pasid == VIRTIO_IRQ_NO_PASID)
		seq_puts(m, "-\n");
	else
		seq_printf(m, "%#x\n", msg.pasid);
}

static int itd_vectors_show(struct seq_file *m, void *unused)
{
	struct itd_store *store = m->private;
	struct device *dev = &store->itd->pdev->dev;
	int ret;

	ret = pm_runtime_resume_and_get(dev);
	if (ret)
		return ret;
	seq_puts(m, "index virq state how handled spurious owed fired acked abandoned device last_cpu affinity address data masked pasid\n");
	scoped_guard(rwsem_read, &store->itd->life)
		for (u32 i = 0; i < store->nr_vectors; i++)
			itd_show_vector(m, &store->vec[i]);
	pm_runtime_put(dev);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(itd_vectors);

static u64 itd_read64(struct itd_dev *itd, u32 reg)
{
	return readl(itd->regs + reg) | (u64)readl(itd->regs + reg + 4) << 32;
}

static void itd_show_info(struct seq_file *m, struct itd_dev *itd)
{
	static const char * const modes[] = { "none", "msi", "msix" };
	u32 mode;

	/* The snapshot must not be replaced while it is read. */
	guard(mutex)(&itd->raw_lock);

	mode = readl(itd->regs + IMS_TESTDEV_MODE);
	writel(1, itd->regs + IMS_TESTDEV_SNAPSHOT);
	seq_printf(m, "version %u\n", readl(itd->regs + IMS_TESTDEV_VERSION));
	seq_printf(m, "vectors %u\n", itd->nr_vectors);
	seq_printf(m, "msix_vectors %u\n", readl(itd->regs + IMS_TESTDEV_MSIX_VECTORS));
	seq_printf(m, "msi_vectors %u\n", readl(itd->regs + IMS_TESTDEV_MSI_VECTORS));
	seq_printf(m, "slots %u\n", itd->store[IMS_TESTDEV_STORE_SLOTS].nr_vectors);
	seq_printf(m, "records %u\n", itd->store[IMS_TESTDEV_STORE_RECORDS].nr_vectors);
	seq_printf(m, "mode %s\n", mode < ARRAY_SIZE(modes) ? modes[mode] : "?");
	seq_printf(m, "add %s\n", pci_msix_can_alloc_dyn(itd->pdev) ? "yes" : "no");
	seq_printf(m, "owed %llu\n", itd_read64(itd, IMS_TESTDEV_SUM_OWED_LO));
	seq_printf(m, "fired %llu\n", itd_read64(itd, IMS_TESTDEV_SUM_FIRED_LO));
	seq_printf(m, "acked %llu\n", itd_read64(itd, IMS_TESTDEV_SUM_ACKED_LO));
	seq_printf(m, "abandoned %llu\n", itd_read64(itd, IMS_TESTDEV_SUM_ABANDONED_LO));
	seq_printf(m, "raw_sent %u\n", readl(itd->regs + IMS_TESTDEV_RAW_SENT));
}

static int itd_info_show(struct seq_file *m, void *unused)
{
	struct itd_dev *itd = m->private;
	int ret;

	ret = pm_runtime_resume_and_get(&itd->pdev->dev);
	if (ret)
		return ret;
	itd_show_info(m, itd);
	pm_runtime_put(&itd->pdev->dev);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(itd_info);

/**
 * itd_ctl_create - create a device's files
 * @itd: the device, ready for commands
 *
 * Context: Process context.
 */
void itd_ctl_create(struct itd_dev *itd)
{
	itd->dir = debugfs_create_dir(pci_name(itd->pdev), itd_root);
	debugfs_create_file("ctl", 0600, itd->dir, itd, &itd_ctl_fops);
	debugfs_create_file("result", 0400, itd->dir, itd, &itd_result_fops);
	debugfs_create_file("vectors", 0400, itd->dir,
			    &itd->store[IMS_TESTDEV_STORE_MSI], &itd_vectors_fops);
	debugfs_create_file("slots", 0400, itd->dir,
			    &itd->store[IMS_TESTDEV_STORE_SLOTS], &itd_vectors_fops);
	debugfs_create_file("records", 0400, itd->dir,
			    &itd->store[IMS_TESTDEV_STORE_RECORDS], &itd_vectors_fops);
	debugfs_create_file("info", 0400, itd->dir, itd, &itd_info_fops);
}

/**
 * itd_ctl_remove - remove a device's files
 * @itd: the device
 *
 * Context: Process context. Waits for commands that are being run.
 */
void itd_ctl_remove(struct itd_dev *itd)
{
	debugfs_remove(itd->dir);
}

/**
 * itd_ctl_init - create the directory of all devices
 *
 * Context: Process context.
 */
void itd_ctl_init(void)
{
	itd_root = debugfs_create_dir("ims-testdev", NULL);
}

/**
 * itd_ctl_exit - remove the directory of all devices
 *
 * Context: Process context.
 */
void itd_ctl_exit(void)
{
	debugfs_remove(itd_root);
}
