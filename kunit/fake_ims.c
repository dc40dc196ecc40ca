// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device with an interrupt message store
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/interrupt.h>
#include <linux/irq.h>

#include "fake_ims.h"

/*
 * The callbacks of its driver
 */

static struct fake_ims_slot *fake_ims_slot(struct msi_desc *desc, void *data)
{
	struct fake_ims *ims = data;
	struct fake_ims_slot *slot = &ims->slots[desc->msi_index];

	ims->misuse += !irqs_disabled();
	ims->misuse += desc->dev != fake_ims_dev(ims);
	/* Without one it is the first call for an interrupt that is being added */
	if (desc->irq)
		ims->misuse += !raw_spin_is_locked(&irq_to_desc(desc->irq)->lock);
	slot->cookie = desc->data.icookie.ptr;
	return slot;
}

static void fake_ims_write_msg(struct msi_desc *desc, struct msi_msg *msg, void *data)
{
	struct fake_ims_slot *slot = fake_ims_slot(desc, data);
	struct fake_ims *ims = data;

	ims->misuse += !slot->masked;
	slot->writes++;
	slot->msg.address = (u64)msg->address_hi << 32 | msg->address_lo;
	slot->msg.data = msg->data;
}

static void fake_ims_mask(struct msi_desc *desc, void *data)
{
	fake_ims_slot(desc, data)->masked = true;
}

static void fake_ims_unmask(struct msi_desc *desc, void *data)
{
	fake_ims_slot(desc, data)->masked = false;
}

static void fake_ims_set_pasid(struct msi_desc *desc, u32 pasid, void *data)
{
	struct fake_ims_slot *slot = fake_ims_slot(desc, data);
	struct fake_ims *ims = data;

	ims->misuse += !slot->masked;
	slot->pasid = pasid;
	if (ims->on_set_pasid)
		ims->on_set_pasid(ims, desc->msi_index);
}

const struct virtio_irq_ims_ops fake_ims_ops = {
	.write_msg	= fake_ims_write_msg,
	.mask		= fake_ims_mask,
	.unmask		= fake_ims_unmask,
	.set_pasid	= fake_ims_set_pasid,
};

/*
 * The device and its driver
 */

/* A driver has no data before its probe: the device whose driver is bound again */
static struct fake_ims *fake_ims_rebound;

static int fake_ims_probe(struct platform_device *pdev)
{
	struct fake_ims *ims = fake_ims_rebound;

	if (!ims)
		return 0;
	platform_set_drvdata(pdev, ims);
	return ims->in_probe ? ims->in_probe(ims) : 0;
}

static void fake_ims_driver_remove(struct platform_device *pdev)
{
	struct fake_ims *ims = platform_get_drvdata(pdev);

	ims->removed = true;
	if (!ims->careless)
		fake_ims_finish(ims);
}

static struct platform_driver fake_ims_driver = {
	.driver.name	= "virtio-irq-fake-ims",
	.probe		= fake_ims_probe,
	.remove		= fake_ims_driver_remove,
};

static void fake_ims_unregister_driver(void *unused)
{
	platform_driver_unregister(&fake_ims_driver);
}

/**
 * fake_ims_delete - the device goes, and its driver before
 * @ims: the device
 */
void fake_ims_delete(struct fake_ims *ims)
{
	if (ims->pdev)
		platform_device_unregister(ims->pdev);
	ims->pdev = NULL;
}

static void fake_ims_end(void *data)
{
	struct fake_ims *ims = data;

	fake_ims_delete(ims);
	KUNIT_EXPECT_EQ(ims->d->test, ims->misuse, 0);
	kfree(ims);
}

/**
 * fake_ims_world - a host with two stores, that is not on the bus yet
 * @test: the test
 * @caps: of the parent
 */
struct domain *fake_ims_world(struct kunit *test, const struct fake_parent_caps *caps)
{
	struct domain *d = domain_new(test, caps, DOMAIN_SCOPE |
						  BIT_ULL(VIRTIO_IRQ_F_PASID));

	d->host->ims_store = FAKE_IMS_STORE;
	d->host->pasid_width = 20;
	KUNIT_ASSERT_EQ(test, platform_driver_register(&fake_ims_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_ims_unregister_driver, NULL), 0);
	return d;
}

/**
 * fake_ims_start - put the host on the bus, and a function whose store it is
 * @d: the world
 */
void fake_ims_start(struct domain *d)
{
	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_TRUE(d->test, domain_served(d, d->fn));
	fake_host_forget_log(d->host);
}

/**
 * fake_ims_device - a device with slots, that is not bound to them
 * @d: the world
 * @first: its first slot in the store
 * @count: how many; all are masked
 */
struct fake_ims *fake_ims_device(struct domain *d, u32 first, u32 count)
{
	struct fake_ims *ims = kzalloc(sizeof(*ims), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(d->test, ims);
	ims->d = d;
	ims->ims = (struct virtio_irq_ims) {
		.name		= "FAKE-IMS",
		.ops		= &fake_ims_ops,
		.data		= ims,
		.store		= FAKE_IMS_STORE,
		.first		= first,
		.count		= count,
		.addr_width	= 64,
	};
	for (i = 0; i < FAKE_IMS_VECTORS; i++) {
		ims->slots[i].masked = true;
		ims->slots[i].pasid = VIRTIO_IRQ_NO_PASID;
	}
	KUNIT_ASSERT_EQ(d->test, kunit_add_action_or_reset(d->test, fake_ims_end, ims), 0);
	ims->pdev = platform_device_alloc("virtio-irq-fake-ims", PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_NULL(d->test, ims->pdev);
	ims->pdev->dev.parent = &d->fn->pdev->dev;
	platform_set_drvdata(ims->pdev, ims);
	KUNIT_ASSERT_EQ(d->test, platform_device_add(ims->pdev), 0);
	KUNIT_ASSERT_NOT_NULL(d->test, fake_ims_dev(ims)->driver);
	return ims;
}

/**
 * fake_ims_rebind - the next life of the device's driver
 * @ims: the device
 *
 * Return: 0, or an errno if there is none.
 */
int fake_ims_rebind(struct fake_ims *ims)
{
	int ret;

	device_release_driver(fake_ims_dev(ims));
	fake_ims_rebound = ims;
	ret = device_attach(fake_ims_dev(ims));
	fake_ims_rebound = NULL;
	if (ret < 0)
		return ret;
	return ret ? 0 : -ENODEV;
}

/**
 * fake_ims_bound - a device that is ready for vectors one by one
 * @d: the world
 * @first: its first slot in the store
 * @count: how many
 */
struct fake_ims *fake_ims_bound(struct domain *d, u32 first, u32 count)
{
	struct fake_ims *ims = fake_ims_device(d, first, count);

	KUNIT_ASSERT_EQ(d->test, virtio_irq_ims_bind(fake_ims_dev(ims), d->fn->pdev, &ims->ims), 0);
	KUNIT_ASSERT_EQ(d->test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	return ims;
}

/*
 * Vectors
 */

/**
 * fake_ims_add - add a vector and request its interrupt
 * @ims: the device
 * @index: its slot, or MSI_ANY_INDEX
 * @pasid: its PASID
 *
 * Return: the slot, or an errno of either.
 */
int fake_ims_add(struct fake_ims *ims, unsigned int index, u32 pasid)
{
	struct msi_map map = virtio_irq_ims_add(fake_ims_dev(ims), index, &ims->slots, pasid);
	int err;

	if (map.index < 0)
		return map.index;
	ims->maps[map.index] = map;
	err = fake_ims_request(ims, map.index, map.virq);
	if (err) {
		virtio_irq_ims_remove(fake_ims_dev(ims), map);
		return err;
	}
	return map.index;
}

static irqreturn_t fake_ims_handler(int irq, void *data)
{
	struct fake_ims_slot *slot = data;

	atomic_inc(&slot->handled);
	return IRQ_HANDLED;
}

int fake_ims_request(struct fake_ims *ims, unsigned int index, unsigned int virq)
{
	struct fake_ims_slot *slot = &ims->slots[index];
	int err = request_irq(virq, fake_ims_handler, 0, "fake-ims", slot);

	slot->virq = err ? 0 : virq;
	return err;
}

void fake_ims_free(struct fake_ims *ims, unsigned int index)
{
	struct fake_ims_slot *slot = &ims->slots[index];

	free_irq(slot->virq, slot);
	slot->virq = 0;
}

void fake_ims_remove(struct fake_ims *ims, unsigned int index)
{
	fake_ims_free(ims, index);
	virtio_irq_ims_remove(fake_ims_dev(ims), ims->maps[index]);
}

/* What the host holds of a slot */
struct fake_vector *fake_ims_vector(struct fake_ims *ims, unsigned int index)
{
	struct fake_endpoint *ep = fake_host_endpoint(ims->d->host,
						      fake_pci_endpoint(ims->d->fn));

	KUNIT_ASSERT_NOT_NULL(ims->d->test, ep);
	return &ep->ims[ims->ims.first + index];
}

/**
 * fake_ims_fire - send a slot's message
 * @ims: the device
 * @index: the slot
 *
 * Return: did the host let it through?
 */
bool fake_ims_fire(struct fake_ims *ims, unsigned int index)
{
	struct fake_vector *vec = fake_ims_vector(ims, index);
	struct fake_ims_slot *slot = &ims->slots[index];

	if (slot->masked || !vec->armed || slot->msg.address != ims->d->host->pair_address ||
	    slot->msg.data != vec->pair || slot->pasid != vec->pasid)
		return false;
	return !generic_handle_irq_safe(slot->virq);
}

void fake_ims_expect_works(struct fake_ims *ims, unsigned int index)
{
	struct fake_ims_slot *slot = &ims->slots[index];
	int handled = atomic_read(&slot->handled);

	KUNIT_EXPECT_TRUE(ims->d->test, fake_ims_fire(ims, index));
	KUNIT_EXPECT_EQ(ims->d->test, atomic_read(&slot->handled), handled + 1);
}

/**
 * fake_ims_finish - give everything back
 * @ims: the device
 */
void fake_ims_finish(struct fake_ims *ims)
{
	unsigned int i;

	for (i = 0; i < FAKE_IMS_VECTORS; i++)
		if (ims->slots[i].virq)
			fake_ims_free(ims, i);
	virtio_irq_ims_remove_domain(fake_ims_dev(ims));
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}
