// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of interrupt message stores: recovery, loadable drivers, and who
 * may go when
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/random.h>
#include <linux/workqueue.h>

#include "fake_ims.h"

#define NO_PASID	VIRTIO_IRQ_NO_PASID

static struct domain *started(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);

	fake_ims_start(d);
	return d;
}

static void finish(struct fake_ims *ims)
{
	fake_ims_finish(ims);
	domain_expect_idle(ims->d);
}

static int bind(struct fake_ims *ims)
{
	return virtio_irq_ims_bind(fake_ims_dev(ims), ims->d->fn->pdev, &ims->ims);
}

static void expect_armed(struct fake_ims *ims, unsigned int index)
{
	struct virtio_irq_msg route = fake_parent_route(ims->d->parent, ims->slots[index].virq);

	KUNIT_EXPECT_EQ(ims->d->test, fake_ims_vector(ims, index)->route_data, route.data);
	fake_ims_expect_works(ims, index);
}

/*
 * Recovery
 */

static void reset_restores_everything(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 200);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, 77), 1);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 150, 78), 150);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_add(fake_ims_dev(ims), 151, NULL, 79).index, 151);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	for (i = 0; i < 2; i++) {
		expect_armed(ims, i);
		KUNIT_EXPECT_EQ(test, ims->slots[i].writes, 1);
	}
	expect_armed(ims, 150);
	KUNIT_EXPECT_FALSE(test, fake_ims_vector(ims, 151)->armed);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, 150)->pasid, 78);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	finish(ims);
}

/* The slot is written without its driver's help, and masked meanwhile */
static void reset_brings_another_pair(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x12345);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, ims->slots[0].msg, FAKE_PAIR_ADDRESS, 0x12345);
	KUNIT_EXPECT_EQ(test, ims->slots[0].writes, 2);
	KUNIT_EXPECT_FALSE(test, ims->slots[0].masked);
	KUNIT_EXPECT_EQ(test, ims->slots[1].writes, 1);
	KUNIT_EXPECT_EQ(test, ims->misuse, 0);
	expect_armed(ims, 1);
	finish(ims);
}

static void move_without_an_answer(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 5), 0);
	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, ims->slots[0].virq,
						       cpumask_of(0)), 0);
	domain_settle(d);
	expect_armed(ims, 0);
	KUNIT_EXPECT_EQ(test, ims->slots[0].writes, 1);
	finish(ims);
}

static void alloc_without_an_answer(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 200);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 100, NO_PASID), -ETIMEDOUT);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->host->allocated, VIRTIO_IRQ_BLOCK_SIZE);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 100, NO_PASID), 100);
	expect_armed(ims, 0);
	expect_armed(ims, 100);
	finish(ims);
}

/*
 * What a loadable driver on a stock kernel does
 */

static void not_called(struct msi_desc *desc, struct msi_msg *msg)
{
	struct fake_ims *ims = dev_get_drvdata(desc->dev);

	ims->misuse++;
}

static int init_irqs(struct fake_ims *ims, unsigned int nvec)
{
	return platform_device_msi_init_and_alloc_irqs(fake_ims_dev(ims), nvec, not_called);
}

static void fixed_number(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 8, 8);
	struct device *dev = fake_ims_dev(ims);
	int i;

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	KUNIT_EXPECT_EQ(test, init_irqs(ims, 9), -ENODEV);
	KUNIT_ASSERT_EQ(test, init_irqs(ims, 4), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(dev), -EBUSY);
	domain_expect_counts(d, 1, 0, 0, 0);
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, fake_ims_request(ims, i, msi_get_virq(dev, i)), 0);
	for (i = 0; i < 4; i++) {
		DOMAIN_EXPECT_MSG(test, ims->slots[i].msg, FAKE_PAIR_ADDRESS,
				  FAKE_PAIR_DATA(FAKE_VECTORS + 8 + i));
		KUNIT_EXPECT_NULL(test, ims->slots[i].cookie);
		expect_armed(ims, i);
	}
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[2].virq, 9), 0);
	KUNIT_EXPECT_EQ(test, ims->slots[2].pasid, 9);
	expect_armed(ims, 2);
	for (i = 0; i < 4; i++)
		fake_ims_free(ims, i);
	platform_device_msi_free_irqs_all(dev);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);

	/* And another number */
	KUNIT_ASSERT_EQ(test, init_irqs(ims, 8), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 7, msi_get_virq(dev, 7)), 0);
	expect_armed(ims, 7);
	fake_ims_free(ims, 7);
	platform_device_msi_free_irqs_all(dev);
	finish(ims);
}

/* Nothing is left of how the slots were used before */
static void fixed_number_after_one_by_one(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8);
	struct device *dev = fake_ims_dev(ims);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 5), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, 6), 1);
	fake_ims_remove(ims, 0);
	fake_ims_remove(ims, 1);
	virtio_irq_ims_remove_domain(dev);
	KUNIT_ASSERT_EQ(test, init_irqs(ims, 1), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 0, msi_get_virq(dev, 0)), 0);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, 0)->pasid, NO_PASID);
	fake_ims_free(ims, 0);
	platform_device_msi_free_irqs_all(dev);
	finish(ims);
}

static void fixed_number_refused(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 60, 8);
	struct device *dev = fake_ims_dev(ims);

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	/* The second block */
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_QUOTA);
	fake_host_skip(d->host, 1);
	KUNIT_EXPECT_EQ(test, init_irqs(ims, 8), -ENOSPC);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	platform_device_msi_free_irqs_all(dev);
	KUNIT_EXPECT_EQ(test, init_irqs(ims, 8), 0);
	platform_device_msi_free_irqs_all(dev);
	finish(ims);
}

/* The driver's own function for it, which says what the host said */
static void fixed_number_by_virtio_irq(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 60, 8);
	struct device *dev = fake_ims_dev(ims);
	int i;

	KUNIT_EXPECT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), -ENODEV);
	virtio_irq_ims_free_irqs(dev);
	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	virtio_irq_ims_free_irqs(dev);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 9), -ENODEV);
	/* The second block */
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_QUOTA);
	fake_host_skip(d->host, 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), -EDQUOT);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	virtio_irq_ims_free_irqs(dev);
	/* And what others say is not the host's word of before */
	fake_parent_fail(d->parent, FAKE_PARENT_ALLOC, 0, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), -ENOSPC);

	KUNIT_ASSERT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), -EBUSY);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(dev), -EBUSY);
	for (i = 0; i < 8; i++) {
		KUNIT_ASSERT_EQ(test, fake_ims_request(ims, i, msi_get_virq(dev, i)), 0);
		expect_armed(ims, i);
	}
	for (i = 0; i < 8; i++)
		fake_ims_free(ims, i);
	virtio_irq_ims_free_irqs(dev);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(dev), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), -EBUSY);
	virtio_irq_ims_free_irqs(dev);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	finish(ims);
}

/* One by one on a stock kernel: a device for each */
static void device_per_vector(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims[4];
	int i;

	for (i = 0; i < 4; i++) {
		ims[i] = fake_ims_device(d, i, 1);
		KUNIT_ASSERT_EQ(test, bind(ims[i]), 0);
		KUNIT_ASSERT_EQ(test, init_irqs(ims[i], 1), 0);
		KUNIT_ASSERT_EQ(test, fake_ims_request(ims[i], 0,
						       msi_get_virq(fake_ims_dev(ims[i]), 0)), 0);
	}
	domain_expect_counts(d, 1, 4, 0, 0);
	fake_ims_free(ims[1], 0);
	platform_device_msi_free_irqs_all(fake_ims_dev(ims[1]));
	virtio_irq_ims_unbind(fake_ims_dev(ims[1]));
	for (i = 0; i < 4; i++)
		if (i != 1)
			expect_armed(ims[i], 0);
	for (i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		fake_ims_free(ims[i], 0);
		platform_device_msi_free_irqs_all(fake_ims_dev(ims[i]));
		virtio_irq_ims_unbind(fake_ims_dev(ims[i]));
	}
	domain_expect_idle(d);
}

/*
 * Who may go when
 */

/* It should not, but its endpoint is there as long as its store is used */
static void functions_driver_goes_first(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8), *other;

	other = fake_ims_device(d, 8, 8);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	fake_pci_unbind(d->fn);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&d->fn->pdev->dev), d->parent->domain);
	expect_armed(ims, 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);
	expect_armed(ims, 1);
	KUNIT_EXPECT_EQ(test, bind(other), -ENODEV);

	/* Until then it cannot be served anew, but works */
	KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&d->fn->pdev->dev), d->parent->domain);
	fake_pci_unbind(d->fn);

	fake_ims_finish(ims);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(d->fn)));
	KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, d->fn));
	KUNIT_EXPECT_EQ(test, bind(other), 0);
	finish(other);
}

static void function_is_unplugged(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	fake_ims_delete(ims);
	KUNIT_EXPECT_TRUE(test, ims->removed);
	fake_pci_unplug(d->fn);
	domain_expect_idle(d);
}

static void controller_gone(struct domain *d)
{
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_EQ(d->test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(d->test, d->host->allocated, 0);
	KUNIT_EXPECT_PTR_EQ(d->test, dev_get_msi_domain(&d->fn->pdev->dev), d->parent->domain);
}

static void controller_goes(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	controller_gone(d);
	KUNIT_EXPECT_TRUE(test, ims->removed);
	KUNIT_EXPECT_EQ(test, atomic_read(&ims->slots[0].handled), 0);
	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(fake_ims_dev(ims)));
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

static void functions_driver_and_controller_go_first(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_bound(d, 0, 8);

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	fake_pci_unbind(d->fn);
	controller_gone(d);
	KUNIT_EXPECT_TRUE(test, ims->removed);
	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(fake_ims_dev(ims)));
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(d->fn)));
}

static void controller_goes_and_nobody_unbinds(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8), *gone;

	ims->careless = true;
	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	gone = fake_ims_device(d, 8, 8);
	gone->careless = true;
	KUNIT_ASSERT_EQ(test, bind(gone), 0);
	fake_ims_delete(gone);
	controller_gone(d);
	KUNIT_EXPECT_TRUE(test, ims->removed);
	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(fake_ims_dev(ims)));
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

/* The domain that a device had before is its domain again */
static void former_domain(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	dev_set_msi_domain(fake_ims_dev(ims), d->parent->domain);
	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	KUNIT_EXPECT_PTR_NE(test, dev_get_msi_domain(fake_ims_dev(ims)), d->parent->domain);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(fake_ims_dev(ims)), d->parent->domain);
}

/*
 * At the same time
 */

#define STRESS_SLOTS	96U
#define STRESS_ROUNDS	200

struct stress {
	struct work_struct work;
	struct fake_ims *ims;
	unsigned int errors;
};

/* Vectors come and go in blocks that others use, too */
static void stress(struct work_struct *work)
{
	struct stress *s = container_of(work, struct stress, work);
	unsigned int round, index, virq;

	for (round = 0; round < STRESS_ROUNDS; round++) {
		index = get_random_u32_below(STRESS_SLOTS);
		virq = s->ims->slots[index].virq;
		if (!virq)
			s->errors += fake_ims_add(s->ims, index, 1) != index;
		else if (round % 3)
			fake_ims_remove(s->ims, index);
		else
			s->errors += !!virtio_irq_ims_set_pasid(virq, round);
		/* Not more than UML has interrupts for */
		if (round % 16 == 15)
			for (index = 0; index < STRESS_SLOTS; index++)
				if (s->ims->slots[index].virq)
					fake_ims_remove(s->ims, index);
		cond_resched();
	}
}

static void devices_at_the_same_time(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct stress *s = kunit_kcalloc(test, 3, sizeof(*s), GFP_KERNEL);
	unsigned int i, index;

	KUNIT_ASSERT_NOT_NULL(test, s);
	d->host->features |= DOMAIN_LAZY;
	fake_ims_start(d);
	for (i = 0; i < 3; i++) {
		s[i].ims = fake_ims_bound(d, i * STRESS_SLOTS, STRESS_SLOTS);
		INIT_WORK(&s[i].work, stress);
	}
	for (i = 0; i < 3; i++)
		queue_work(system_unbound_wq, &s[i].work);
	for (i = 0; i < 3; i++)
		flush_work(&s[i].work);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, s[i].errors, 0);
		for (index = 0; index < STRESS_SLOTS; index++)
			if (s[i].ims->slots[index].virq)
				expect_armed(s[i].ims, index);
		fake_ims_finish(s[i].ims);
	}
	domain_expect_idle(d);
}

static struct kunit_case ims_life_cases[] = {
	KUNIT_CASE(reset_restores_everything),
	KUNIT_CASE(reset_brings_another_pair),
	KUNIT_CASE(move_without_an_answer),
	KUNIT_CASE(alloc_without_an_answer),
	KUNIT_CASE(fixed_number),
	KUNIT_CASE(fixed_number_after_one_by_one),
	KUNIT_CASE(fixed_number_refused),
	KUNIT_CASE(fixed_number_by_virtio_irq),
	KUNIT_CASE(device_per_vector),
	KUNIT_CASE(functions_driver_goes_first),
	KUNIT_CASE(function_is_unplugged),
	KUNIT_CASE(controller_goes),
	KUNIT_CASE(functions_driver_and_controller_go_first),
	KUNIT_CASE(controller_goes_and_nobody_unbinds),
	KUNIT_CASE(former_domain),
	KUNIT_CASE(devices_at_the_same_time),
	{ }
};

static struct kunit_suite ims_life_suite = {
	.name = "virtio-irq-ims-life",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = ims_life_cases,
};

kunit_test_suite(ims_life_suite);
