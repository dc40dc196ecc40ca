// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: the stores that are not MSI or MSI-X
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Slots in BAR 2, and records in memory that the device reads when it fires, see
 * ims_testdev_regs.h. Only virtio-irq knows what to put in there, see
 * linux/irqchip/irq-virtio.h. Where that is built in, one child device has all of
 * a store, and vectors come and go one at a time. Where it is a module, a device's
 * vectors are allocated all at once, so each of them gets a child device.
 */

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "ims_testdev.h"

/* A message is part of what could be a queue's context. */
#define ITD_RECORD_STRIDE	64

struct itd_record {
	__le32	addr_lo;
	__le32	addr_hi;
	__le32	data;
	__le32	ctrl;
	__le32	pending;
};

static_assert(offsetof(struct itd_record, addr_lo) == IMS_TESTDEV_RECORD_ADDR_LO);
static_assert(offsetof(struct itd_record, addr_hi) == IMS_TESTDEV_RECORD_ADDR_HI);
static_assert(offsetof(struct itd_record, data) == IMS_TESTDEV_RECORD_DATA);
static_assert(offsetof(struct itd_record, ctrl) == IMS_TESTDEV_RECORD_CTRL);
static_assert(offsetof(struct itd_record, pending) == IMS_TESTDEV_RECORD_PENDING);

static struct itd_record *itd_record(struct itd_vector *v)
{
	return v->store->records + v->index * ITD_RECORD_STRIDE;
}

static void itd_put_ctrl(struct itd_vector *v)
{
	if (v->store->number == IMS_TESTDEV_STORE_RECORDS)
		WRITE_ONCE(itd_record(v)->ctrl, cpu_to_le32(v->ctrl));
	else
		itd_write(v, IMS_TESTDEV_SLOT_CTRL, v->ctrl);
}

static void itd_put_pasid(struct itd_vector *v, u32 pasid)
{
	v->ctrl &= ~(IMS_TESTDEV_CTRL_PASID_MASK | IMS_TESTDEV_CTRL_PASID_VALID);
	if (pasid != VIRTIO_IRQ_NO_PASID)
		v->ctrl |= FIELD_PREP(IMS_TESTDEV_CTRL_PASID_MASK, pasid) |
			   IMS_TESTDEV_CTRL_PASID_VALID;
	itd_put_ctrl(v);
}

static u32 itd_ctrl_to_pasid(u32 ctrl)
{
	if (!(ctrl & IMS_TESTDEV_CTRL_PASID_VALID))
		return VIRTIO_IRQ_NO_PASID;
	return FIELD_GET(IMS_TESTDEV_CTRL_PASID_MASK, ctrl);
}

/* What virtio-irq calls, with the irq_desc's raw lock held */

/* A binding's data is the first one of its vectors. */
static struct itd_vector *itd_desc_to_vector(struct msi_desc *desc, void *data)
{
	struct itd_vector *first = data;
	struct itd_vector *v = first + desc->msi_index;
	void *cookie = desc->data.icookie.ptr;

	/* Added at this index, or at any */
	WARN_ON_ONCE(cookie && cookie != v);
	return v;
}

static void itd_set_pasid(struct msi_desc *desc, u32 pasid, void *data)
{
	itd_put_pasid(itd_desc_to_vector(desc, data), pasid);
}

static void itd_slot_write_msg(struct msi_desc *desc, struct msi_msg *msg, void *data)
{
	struct itd_vector *v = itd_desc_to_vector(desc, data);

	itd_write(v, IMS_TESTDEV_SLOT_ADDR_LO, msg->address_lo);
	itd_write(v, IMS_TESTDEV_SLOT_ADDR_HI, msg->address_hi);
	itd_write(v, IMS_TESTDEV_SLOT_DATA, msg->data);
}

static void itd_slot_mask(struct msi_desc *desc, void *data)
{
	struct itd_vector *v = itd_desc_to_vector(desc, data);

	v->ctrl |= IMS_TESTDEV_CTRL_MASK;
	itd_put_ctrl(v);
	/* Messages sent before arrive before the answer to this. */
	itd_read(v, IMS_TESTDEV_SLOT_CTRL);
}

static void itd_slot_unmask(struct msi_desc *desc, void *data)
{
	struct itd_vector *v = itd_desc_to_vector(desc, data);

	v->ctrl &= ~IMS_TESTDEV_CTRL_MASK;
	itd_put_ctrl(v);
}

static const struct virtio_irq_ims_ops itd_slot_ops = {
	.write_msg	= itd_slot_write_msg,
	.mask		= itd_slot_mask,
	.unmask		= itd_slot_unmask,
	.set_pasid	= itd_set_pasid,
};

static void itd_record_write_msg(struct msi_desc *desc, struct msi_msg *msg, void *data)
{
	struct itd_record *record = itd_record(itd_desc_to_vector(desc, data));

	WRITE_ONCE(record->addr_lo, cpu_to_le32(msg->address_lo));
	WRITE_ONCE(record->addr_hi, cpu_to_le32(msg->address_hi));
	WRITE_ONCE(record->data, cpu_to_le32(msg->data));
}

/*
 * Nothing is read from the device: it is emulated, and sends in the same step in
 * which it looked at the mask. Whatever the host is asked next comes after that.
 */
static void itd_record_mask(struct msi_desc *desc, void *data)
{
	struct itd_vector *v = itd_desc_to_vector(desc, data);

	v->ctrl |= IMS_TESTDEV_CTRL_MASK;
	itd_put_ctrl(v);
	/* The mask before a new message */
	dma_wmb();
}

static void itd_record_unmask(struct msi_desc *desc, void *data)
{
	struct itd_vector *v = itd_desc_to_vector(desc, data);

	/* The new message before the mask */
	dma_wmb();
	v->ctrl &= ~IMS_TESTDEV_CTRL_MASK;
	itd_put_ctrl(v);
	/* The device sets .pending and then looks at the mask again: one sees it. */
	mb();
	if (READ_ONCE(itd_record(v)->pending))
		itd_write(v, IMS_TESTDEV_KICK, 1);
}

static const struct virtio_irq_ims_ops itd_record_ops = {
	.write_msg	= itd_record_write_msg,
	.mask		= itd_record_mask,
	.unmask		= itd_record_unmask,
	.set_pasid	= itd_set_pasid,
};

/**
 * itd_store_get_message - read a vector's message from its store
 * @v: the vector, of store 1 or 2, allocated
 * @msg: where to put it
 *
 * Context: Process context, v->lock held.
 */
void itd_store_get_message(struct itd_vector *v, struct itd_message *msg)
{
	u32 ctrl;

	if (v->store->number == IMS_TESTDEV_STORE_RECORDS) {
		struct itd_record *record = itd_record(v);

		msg->address = le32_to_cpu(READ_ONCE(record->addr_lo));
		msg->address |= (u64)le32_to_cpu(READ_ONCE(record->addr_hi)) << 32;
		msg->data = le32_to_cpu(READ_ONCE(record->data));
		ctrl = le32_to_cpu(READ_ONCE(record->ctrl));
	} else {
		msg->address = itd_read(v, IMS_TESTDEV_SLOT_ADDR_LO);
		msg->address |= (u64)itd_read(v, IMS_TESTDEV_SLOT_ADDR_HI) << 32;
		msg->data = itd_read(v, IMS_TESTDEV_SLOT_DATA);
		ctrl = itd_read(v, IMS_TESTDEV_SLOT_CTRL);
	}
	msg->masked = ctrl & IMS_TESTDEV_CTRL_MASK;
	msg->pasid = itd_ctrl_to_pasid(ctrl);
}

static void itd_reset_vector(struct itd_vector *v)
{
	v->ctrl = IMS_TESTDEV_CTRL_MASK;
	itd_put_ctrl(v);
}

static void itd_reset_store(struct itd_store *store)
{
	for (u32 i = 0; i < store->nr_vectors; i++)
		itd_reset_vector(&store->vec[i]);
}

static void itd_show_records(struct itd_store *store)
{
	struct itd_dev *itd = store->itd;

	writel(lower_32_bits(store->records_dma),
	       itd->regs + IMS_TESTDEV_RECORD_BASE_LO);
	writel(upper_32_bits(store->records_dma),
	       itd->regs + IMS_TESTDEV_RECORD_BASE_HI);
	writel(ITD_RECORD_STRIDE, itd->regs + IMS_TESTDEV_RECORD_STRIDE);
}

static int itd_alloc_records(struct itd_store *store)
{
	struct itd_dev *itd = store->itd;

	store->records = dma_alloc_coherent(&itd->pdev->dev,
					    store->nr_vectors * ITD_RECORD_STRIDE,
					    &store->records_dma, GFP_KERNEL);
	if (!store->records)
		return -ENOMEM;

	itd_reset_store(store);
	itd_show_records(store);
	return 0;
}

/*
 * virtio-irq may write the slot at the same time, with the irq_desc's lock held. If
 * it did so before, its message is the cached one as soon as that lock was free.
 */
static void itd_restore_slot(struct itd_vector *v)
{
	struct msi_msg msg, now;
	u32 ctrl;

	guard(mutex)(&v->lock);

	if (!v->virq)
		return;
	get_cached_msi_msg(v->virq, &now);
	do {
		msg = now;
		ctrl = READ_ONCE(v->ctrl);
		itd_write(v, IMS_TESTDEV_SLOT_ADDR_LO, msg.address_lo);
		itd_write(v, IMS_TESTDEV_SLOT_ADDR_HI, msg.address_hi);
		itd_write(v, IMS_TESTDEV_SLOT_DATA, msg.data);
		itd_write(v, IMS_TESTDEV_SLOT_CTRL, ctrl);
		/* Takes the lock, changes nothing */
		irq_clear_status_flags(v->virq, 0);
		get_cached_msi_msg(v->virq, &now);
	} while (now.address_lo != msg.address_lo || now.address_hi != msg.address_hi ||
		 now.data != msg.data || READ_ONCE(v->ctrl) != ctrl);
}

/**
 * itd_store_restore - give the device back what it may have lost with its power
 * @store: store 1 or 2, open
 *
 * Context: Process context, itd->life held for writing. Bus mastering is off, so
 * that no half-written message leaves.
 */
void itd_store_restore(struct itd_store *store)
{
	/* Records are in memory */
	if (store->number == IMS_TESTDEV_STORE_RECORDS) {
		itd_show_records(store);
		return;
	}
	for (u32 i = 0; i < store->nr_vectors; i++)
		itd_restore_slot(&store->vec[i]);
}

static void itd_free_records(struct itd_store *store)
{
	struct itd_dev *itd = store->itd;

	writel(0, itd->regs + IMS_TESTDEV_RECORD_STRIDE);
	/* What the device has begun is done when this is answered. */
	readl(itd->regs + IMS_TESTDEV_RECORD_STRIDE);
	dma_free_coherent(&itd->pdev->dev, store->nr_vectors * ITD_RECORD_STRIDE,
			  store->records, store->records_dma);
	store->records = NULL;
}

/* True: all of them, and the module stays. */
static bool itd_api_get(struct itd_ims_api *api)
{
	api->bind = symbol_get(virtio_irq_ims_bind);
	api->unbind = symbol_get(virtio_irq_ims_unbind);
	api->alloc_irqs = symbol_get(virtio_irq_ims_alloc_irqs);
	api->free_irqs = symbol_get(virtio_irq_ims_free_irqs);
	api->create_domain = symbol_get(virtio_irq_ims_create_domain);
	api->remove_domain = symbol_get(virtio_irq_ims_remove_domain);
	api->add = symbol_get(virtio_irq_ims_add);
	api->remove = symbol_get(virtio_irq_ims_remove);
	api->set_pasid = symbol_get(virtio_irq_ims_set_pasid);

	return api->bind && api->unbind && api->alloc_irqs && api->free_irqs &&
	       api->create_domain && api->remove_domain && api->add && api->remove &&
	       api->set_pasid;
}

static void itd_api_put(struct itd_ims_api *api)
{
	if (api->bind)
		symbol_put(virtio_irq_ims_bind);
	if (api->unbind)
		symbol_put(virtio_irq_ims_unbind);
	if (api->alloc_irqs)
		symbol_put(virtio_irq_ims_alloc_irqs);
	if (api->free_irqs)
		symbol_put(virtio_irq_ims_free_irqs);
	if (api->create_domain)
		symbol_put(virtio_irq_ims_create_domain);
	if (api->remove_domain)
		symbol_put(virtio_irq_ims_remove_domain);
	if (api->add)
		symbol_put(virtio_irq_ims_add);
	if (api->remove)
		symbol_put(virtio_irq_ims_remove);
	if (api->set_pasid)
		symbol_put(virtio_irq_ims_set_pasid);
}

static void itd_child_release(struct device *dev)
{
	kfree(dev);
}

/* @index: the vector that the device is for, or "all" */
static struct device *itd_child_create(struct itd_vector *first,
				       const char *index)
{
	struct pci_dev *pdev = first->itd->pdev;
	struct device *child;
	int ret;

	child = kzalloc(sizeof(*child), GFP_KERNEL);
	if (!child)
		return ERR_PTR(-ENOMEM);
	device_initialize(child);
	child->parent = &pdev->dev;
	child->release = itd_child_release;

	ret = dev_set_name(child, "ims-testdev-%s-%u-%s", pci_name(pdev),
			   first->store->number, index);
	if (!ret)
		ret = device_add(child);
	if (ret) {
		put_device(child);
		return ERR_PTR(ret);
	}
	return child;
}

/* A child that virtio-irq serves, with @count vectors */
static struct device *itd_child_bind(struct itd_vector *first, u32 count)
{
	struct itd_store *store = first->store;
	struct virtio_irq_ims ims = store->ims;
	struct device *child;
	char index[12] = "all";
	int ret;

	if (count == 1)
		snprintf(index, sizeof(index), "%u", first->index);
	child = itd_child_create(first, index);
	if (IS_ERR(child))
		return child;

	ims.data = first;
	ims.first = first->index;
	ims.count = count;
	ret = store->api.bind(child, store->itd->pdev, &ims);
	if (ret) {
		device_unregister(child);
		return ERR_PTR(ret);
	}
	return child;
}

static void itd_child_unbind(struct itd_store *store, struct device *child)
{
	store->api.unbind(child);
	device_unregister(child);
}

static void itd_each_remove(struct itd_vector *v)
{
	v->store->api.free_irqs(v->child);
	itd_child_unbind(v->store, v->child);
	v->child = NULL;
}

/* Add a vector that has a child of its own. Returns its virq. */
static int itd_each_add(struct itd_vector *v, u32 pasid)
{
	struct itd_store *store = v->store;
	struct device *child;
	int ret;

	child = itd_child_bind(v, 1);
	if (IS_ERR(child))
		return PTR_ERR(child);

	v->child = child;
	ret = store->api.alloc_irqs(child, 1);
	if (!ret)
		ret = msi_get_virq(child, 0);
	if (ret > 0 && pasid != VIRTIO_IRQ_NO_PASID)
		ret = store->api.set_pasid(ret, pasid) ?: ret;
	if (ret < 0)
		itd_each_remove(v);
	return ret;
}

/**
 * itd_store_add - add one vector to those that exist in a store
 * @v: the vector, of store 1 or 2
 * @pasid: what its messages carry, or VIRTIO_IRQ_NO_PASID
 *
 * Context: Process context, itd->life held for reading and v->lock held.
 * Return: 0, the error of virtio_irq_ims_add() or of what stands for it, -EEXIST
 * if the vector is allocated already, -ENXIO if the store is not open.
 */
int itd_store_add(struct itd_vector *v, u32 pasid)
{
	struct itd_store *store = v->store;
	struct msi_map map = {};

	if (!store->open)
		return -ENXIO;
	if (v->virq)
		return -EEXIST;

	if (store->child)
		map = store->api.add(store->child, v->index, v, pasid);
	else
		map.virq = itd_each_add(v, pasid);
	if (map.index < 0)
		return map.index;
	if (map.virq < 0)
		return map.virq;

	v->virq = map.virq;
	v->dynamic = true;
	return 0;
}

/* Whoever allocates for a whole device chooses the index, too. */
static int itd_each_add_any(struct itd_store *store, u32 pasid)
{
	for (u32 i = 0; i < store->nr_vectors; i++) {
		struct itd_vector *v = &store->vec[i];

		guard(mutex)(&v->lock);
		if (!v->virq)
			return itd_store_add(v, pasid) ?: (int)i;
	}
	return -ENOSPC;
}

/**
 * itd_store_add_any - add one vector to a store, at any index
 * @store: store 1 or 2
 * @pasid: what its messages carry, or VIRTIO_IRQ_NO_PASID
 *
 * Context: Process context, itd->life held for reading, no vector's lock.
 * Return: index of the vector, an error as from itd_store_add(), or -EBUSY while
 * the stress job runs: it needs the indices that it gave back for a moment.
 */
int itd_store_add_any(struct itd_store *store, u32 pasid)
{
	struct itd_vector *v;
	struct msi_map map;

	if (!store->open)
		return -ENXIO;
	/* Also keeps the job from being started meanwhile. */
	guard(mutex)(&store->itd->job_lock);
	if (store->itd->stress.running)
		return -EBUSY;
	if (!store->child)
		return itd_each_add_any(store, pasid);

	map = store->api.add(store->child, MSI_ANY_INDEX, NULL, pasid);
	if (map.index < 0)
		return map.index;

	v = &store->vec[map.index];
	guard(mutex)(&v->lock);
	v->virq = map.virq;
	v->dynamic = true;
	return map.index;
}

/**
 * itd_store_remove - remove a vector from a store
 * @v: the vector, of store 1 or 2
 *
 * Context: Process context, v->lock held.
 * Return: 0, -ENXIO if it was not added, -EBUSY if it is requested.
 */
int itd_store_remove(struct itd_vector *v)
{
	struct itd_store *store = v->store;

	if (!v->virq)
		return -ENXIO;
	if (v->requested)
		return -EBUSY;

	if (store->child)
		store->api.remove(store->child, (struct msi_map) {
			.index	= v->index,
			.virq	= v->virq,
		});
	else
		itd_each_remove(v);
	v->virq = 0;
	v->dynamic = false;
	/* The next owner may have no PASID. */
	itd_reset_vector(v);
	return 0;
}

/**
 * itd_store_set_pasid - change the PASID of a vector, live or not
 * @v: the vector, of store 1 or 2
 * @pasid: what its messages carry, or VIRTIO_IRQ_NO_PASID
 *
 * Context: Process context, v->lock held.
 * Return: 0, the error of virtio_irq_ims_set_pasid(), -ENXIO if the vector is not
 * allocated.
 */
int itd_store_set_pasid(struct itd_vector *v, u32 pasid)
{
	return v->virq ? v->store->api.set_pasid(v->virq, pasid) : -ENXIO;
}

/**
 * itd_store_forge_pasid - change the PASID in the store, and tell nobody
 * @v: the vector, of store 1 or 2
 * @pasid: what its messages carry, or VIRTIO_IRQ_NO_PASID
 *
 * Context: Process context, v->lock held.
 * Return: 0, -ENXIO if the vector is not requested, -EBUSY if it is disabled.
 */
int itd_store_forge_pasid(struct itd_vector *v, u32 pasid)
{
	int ret;

	if (v->disabled)
		return -EBUSY;
	/* Of all that changes the control word nothing happens until it is enabled. */
	ret = itd_disable(v, false);
	if (ret)
		return ret;
	itd_put_pasid(v, pasid);
	return itd_enable(v);
}

/* One child for all vectors, if they can be added to it one at a time */
static int itd_bind_all(struct itd_store *store)
{
	struct device *child;
	int ret;

	child = itd_child_bind(store->vec, store->nr_vectors);
	if (IS_ERR(child))
		return PTR_ERR(child);

	ret = store->api.create_domain(child);
	if (!ret) {
		store->child = child;
		return 0;
	}
	itd_child_unbind(store, child);
	/* Not with virtio-irq as a module; itd_each_add() then */
	return ret == -EOPNOTSUPP ? 0 : ret;
}

static int itd_store_setup(struct itd_store *store)
{
	int ret;

	store->api = (struct itd_ims_api) {};
	if (!itd_api_get(&store->api)) {
		ret = -ENODEV;
		goto err_put;
	}

	if (store->number == IMS_TESTDEV_STORE_RECORDS) {
		ret = itd_alloc_records(store);
		if (ret)
			goto err_put;
	} else {
		itd_reset_store(store);
	}

	ret = itd_bind_all(store);
	if (ret)
		goto err_free;
	return 0;

err_free:
	if (store->records)
		itd_free_records(store);
err_put:
	itd_api_put(&store->api);
	return ret;
}

/**
 * itd_store_open - have virtio-irq serve a store
 * @store: store 1 or 2
 *
 * Context: Process context.
 * Return: 0; -ENOENT if the device has no such store, -EBUSY if it is open; the
 * error of virtio_irq_ims_bind(), -ENODEV without virtio-irq; then MSI and MSI-X
 * go on working.
 */
int itd_store_open(struct itd_store *store)
{
	struct device *dev = &store->itd->pdev->dev;
	int ret;

	guard(rwsem_write)(&store->itd->life);

	if (!store->nr_vectors)
		return -ENOENT;
	if (store->open)
		return -EBUSY;

	ret = itd_store_setup(store);
	if (ret) {
		dev_info(dev, "store %u cannot be used: %pe; MSI and MSI-X only\n",
			 store->number, ERR_PTR(ret));
		return ret;
	}
	store->open = true;
	dev_info(dev, "store %u: %u vectors, %s\n", store->number, store->nr_vectors,
		 store->child ? "one device for all" : "a device for each");
	return 0;
}

/**
 * itd_store_close - free and remove all vectors, and what itd_store_open() did
 * @store: store 1 or 2
 *
 * What is owed is cancelled.
 *
 * Context: Process context.
 * Return: 0, -ENXIO if it is not open, -EBUSY while a job runs.
 */
int itd_store_close(struct itd_store *store)
{
	guard(rwsem_write)(&store->itd->life);

	if (itd_jobs_running(store->itd))
		return -EBUSY;
	if (!store->open)
		return -ENXIO;

	for (u32 i = 0; i < store->nr_vectors; i++) {
		struct itd_vector *v = &store->vec[i];

		if (!v->virq)
			continue;
		itd_free(v);
		/* Else a pending interrupt would hit the vector's next owner. */
		itd_write(v, IMS_TESTDEV_CANCEL, 1);
		itd_store_remove(v);
	}
	if (store->child) {
		store->api.remove_domain(store->child);
		itd_child_unbind(store, store->child);
		store->child = NULL;
	}
	if (store->records)
		itd_free_records(store);
	itd_api_put(&store->api);
	store->open = false;
	return 0;
}

static int itd_store_init(struct itd_store *store, u32 nr, bool addr32, bool data16)
{
	store->ims.store = store->number;
	store->ims.addr_width = addr32 ? 32 : 64;
	store->ims.data16 = data16;

	if (!nr)
		return 0;
	store->vec = kvcalloc(nr, sizeof(*store->vec), GFP_KERNEL);
	if (!store->vec)
		return -ENOMEM;
	store->nr_vectors = nr;
	for (u32 i = 0; i < nr; i++)
		itd_init_vector(store, i, store->itd->store_regs +
				IMS_TESTDEV_STORE_VECTOR(store->number, i));
	return 0;
}

/**
 * itd_stores_init - prepare the stores that the device has
 * @itd: the device
 *
 * Context: Process context.
 * Return: 0, or a negative error.
 */
int itd_stores_init(struct itd_dev *itd)
{
	struct itd_store *slots = &itd->store[IMS_TESTDEV_STORE_SLOTS];
	struct itd_store *records = &itd->store[IMS_TESTDEV_STORE_RECORDS];
	u32 nr_slots = readl(itd->regs + IMS_TESTDEV_SLOTS);
	u32 nr_records = readl(itd->regs + IMS_TESTDEV_RECORDS);
	u32 flags = readl(itd->regs + IMS_TESTDEV_STORE_FLAGS);
	struct pci_dev *pdev = itd->pdev;
	int ret;

	slots->ims.name = "ITD-SLOTS";
	slots->ims.ops = &itd_slot_ops;
	records->ims.name = "ITD-RECORDS";
	records->ims.ops = &itd_record_ops;

	if (!nr_slots && !nr_records)
		return 0;
	if (nr_slots > IMS_TESTDEV_MAX_VECTORS || nr_records > IMS_TESTDEV_MAX_VECTORS)
		return -ENODEV;

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	ret = pci_request_region(pdev, IMS_TESTDEV_BAR_STORES, KBUILD_MODNAME);
	if (ret)
		return ret;
	itd->store_regs = pci_iomap(pdev, IMS_TESTDEV_BAR_STORES,
				    IMS_TESTDEV_STORES_SIZE);
	if (!itd->store_regs) {
		pci_release_region(pdev, IMS_TESTDEV_BAR_STORES);
		return -ENOMEM;
	}

	ret = itd_store_init(slots, nr_slots,
			     flags & IMS_TESTDEV_STORE_SLOT_ADDR32,
			     flags & IMS_TESTDEV_STORE_SLOT_DATA16);
	if (!ret)
		ret = itd_store_init(records, nr_records,
				     flags & IMS_TESTDEV_STORE_RECORD_ADDR32,
				     flags & IMS_TESTDEV_STORE_RECORD_DATA16);
	if (ret)
		itd_stores_exit(itd);
	return ret;
}

/**
 * itd_stores_exit - undo itd_stores_init()
 * @itd: the device; no job runs
 *
 * Context: Process context.
 */
void itd_stores_exit(struct itd_dev *itd)
{
	for (u32 i = IMS_TESTDEV_STORE_SLOTS; i < ITD_STORES; i++) {
		itd_store_close(&itd->store[i]);
		kvfree(itd->store[i].vec);
		itd->store[i].vec = NULL;
		itd->store[i].nr_vectors = 0;
	}
	if (itd->store_regs) {
		pci_iounmap(itd->pdev, itd->store_regs);
		pci_release_region(itd->pdev, IMS_TESTDEV_BAR_STORES);
		itd->store_regs = NULL;
	}
}
