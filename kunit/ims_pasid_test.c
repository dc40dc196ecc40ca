// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of interrupt message stores: PASIDs
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "fake_ims.h"

#define NO_PASID	VIRTIO_IRQ_NO_PASID

static struct fake_ims *with_slots(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);

	fake_ims_start(d);
	return fake_ims_bound(d, 0, 16);
}

static void finish(struct fake_ims *ims)
{
	fake_ims_finish(ims);
	domain_expect_idle(ims->d);
}

/* The device sends it, the host wants it */
static void expect_pasid(struct fake_ims *ims, unsigned int index, u32 pasid)
{
	struct kunit *test = ims->d->test;

	KUNIT_EXPECT_EQ(test, ims->slots[index].pasid, pasid);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, index)->pasid, pasid);
	KUNIT_EXPECT_FALSE(test, ims->slots[index].masked);
	fake_ims_expect_works(ims, index);
}

static void add_with_pasid(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 3, 0xfffff), 3);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 4, 0), 4);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 5, NO_PASID), 5);
	expect_pasid(ims, 3, 0xfffff);
	expect_pasid(ims, 4, 0);
	expect_pasid(ims, 5, NO_PASID);
	domain_expect_counts(ims->d, 1, 3, 0, 0);

	/* The next one in the slot has nothing of it */
	fake_ims_remove(ims, 3);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 3, NO_PASID), 3);
	expect_pasid(ims, 3, NO_PASID);
	finish(ims);
}

static void add_refused(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	struct domain *d = ims->d;

	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, 0x100000), -ERANGE);
	KUNIT_EXPECT_EQ(test, ims->slots[0].pasid, NO_PASID);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, 1), 0);
	expect_pasid(ims, 0, 1);
	finish(ims);
}

static void host_without_pasids(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	d->host->pasid_width = 0;
	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 16);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, 1), -EOPNOTSUPP);
	expect_pasid(ims, 0, NO_PASID);
	finish(ims);
}

static void store_needs_one(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	d->host->ims_flags = VIRTIO_IRQ_STORE_F_PASID;
	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 16);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, NO_PASID), -EINVAL);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, 7), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, NO_PASID), -EINVAL);
	expect_pasid(ims, 0, 7);
	finish(ims);
}

/* The slot is masked while device and host differ */
static void check_order(struct fake_ims *ims, unsigned int index)
{
	struct kunit *test = ims->d->test;

	KUNIT_EXPECT_TRUE(test, ims->slots[index].masked);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, index)->pasid, ims->slots[index].pasid);
}

static void set_live(struct kunit *test)
{
	static const u32 pasids[] = { 5, 6, NO_PASID, 0, 0xfffff };
	struct fake_ims *ims = with_slots(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, 4), 1);
	fake_host_forget_log(ims->d->host);
	ims->on_set_pasid = check_order;
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, pasids[i]), 0);
		expect_pasid(ims, 0, pasids[i]);
	}
	KUNIT_EXPECT_EQ(test, ims->slots[0].writes, 1);
	domain_expect_counts(ims->d, 0, ARRAY_SIZE(pasids), 0, 0);
	/* What it is already */
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, 0xfffff), 0);
	domain_expect_counts(ims->d, 0, ARRAY_SIZE(pasids), 0, 0);
	expect_pasid(ims, 1, 4);

	/* A device that sends another one is blocked */
	ims->slots[0].pasid = 1;
	KUNIT_EXPECT_FALSE(test, fake_ims_fire(ims, 0));
	ims->on_set_pasid = NULL;
	finish(ims);
}

static void set_with_interrupts_off(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	unsigned long flags;
	int err;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	local_irq_save(flags);
	err = virtio_irq_ims_set_pasid(ims->slots[0].virq, 5);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, err, 0);
	expect_pasid(ims, 0, 5);
	finish(ims);
}

static void set_while_disabled(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	unsigned int virq;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	virq = ims->slots[0].virq;
	irq_set_status_flags(virq, IRQ_DISABLE_UNLAZY);
	disable_irq(virq);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(virq, 5), 0);
	KUNIT_EXPECT_TRUE(test, ims->slots[0].masked);
	enable_irq(virq);
	expect_pasid(ims, 0, 5);
	finish(ims);
}

/* Before request_irq() and after free_irq() the host need not be told yet */
static void set_while_not_requested(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	struct domain *d = ims->d;
	struct msi_map map = virtio_irq_ims_add(fake_ims_dev(ims), 0, NULL, 1);

	KUNIT_ASSERT_EQ(test, map.index, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(map.virq, 0x100000), -ERANGE);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(map.virq, 2), 0);
	KUNIT_EXPECT_TRUE(test, ims->slots[0].masked);
	domain_expect_counts(d, 1, 0, 0, 0);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 0, map.virq), 0);
	expect_pasid(ims, 0, 2);

	fake_ims_free(ims, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(map.virq, 3), 0);
	KUNIT_EXPECT_TRUE(test, ims->slots[0].masked);
	domain_expect_counts(d, 1, 1, 1, 0);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 0, map.virq), 0);
	expect_pasid(ims, 0, 3);
	finish(ims);
}

static void set_refused(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	unsigned int virq;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	virq = ims->slots[0].virq;
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(virq, 0x100000), -ERANGE);
	expect_pasid(ims, 0, 4);
	fake_host_rule(ims->d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_PERM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(virq, 5), -EPERM);
	expect_pasid(ims, 0, 4);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(virq, 5), 0);
	expect_pasid(ims, 0, 5);
	finish(ims);
}

/*
 * The host has changed over and does not say so: until recovery has changed it
 * back it blocks the former PASID, which is the one that the device sends
 */
static void set_without_an_answer(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	struct domain *d = ims->d;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	/* Holds recovery up, which may be faster on another CPU */
	mutex_lock(&d->vi->endpoints_lock);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, 5), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ims->slots[0].pasid, 4);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, 0)->pasid, 5);
	mutex_unlock(&d->vi->endpoints_lock);
	domain_settle(d);
	expect_pasid(ims, 0, 4);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(ims);
}

/* Recovery sends both; until then the host blocks what the device sends */
static void set_while_a_move_is_due(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	struct domain *d = ims->d;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	d->parent->move = true;
	mutex_lock(&d->vi->endpoints_lock);
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, ims->slots[0].virq,
						       cpumask_of(0)), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, 5), 0);
	mutex_unlock(&d->vi->endpoints_lock);
	domain_settle(d);
	expect_pasid(ims, 0, 5);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(ims);
}

static void no_such_interrupt(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test);
	struct domain *d = ims->d;
	unsigned int virq;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	virq = pci_irq_vector(d->fn->pdev, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(virq, 1), -EINVAL);
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(virq, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(U32_MAX, 1), -EINVAL);
	finish(ims);
}

static struct kunit_case ims_pasid_cases[] = {
	KUNIT_CASE(add_with_pasid),
	KUNIT_CASE(add_refused),
	KUNIT_CASE(host_without_pasids),
	KUNIT_CASE(store_needs_one),
	KUNIT_CASE(set_live),
	KUNIT_CASE(set_with_interrupts_off),
	KUNIT_CASE(set_while_disabled),
	KUNIT_CASE(set_while_not_requested),
	KUNIT_CASE(set_refused),
	KUNIT_CASE(set_without_an_answer),
	KUNIT_CASE(set_while_a_move_is_due),
	KUNIT_CASE(no_such_interrupt),
	{ }
};

static struct kunit_suite ims_pasid_suite = {
	.name = "virtio-irq-ims-pasid",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = ims_pasid_cases,
};

kunit_test_suite(ims_pasid_suite);
