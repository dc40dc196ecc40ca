// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of interrupt message stores: on the real x86 vector domain
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irq.h>
#include <asm/hw_irq.h>
#include <asm/irq_vectors.h>
#include <asm/smp.h>

#include "fake_ims.h"

#define NO_PASID	VIRTIO_IRQ_NO_PASID

static const struct fake_parent_caps unused = { };

static struct fake_ims *on_x86(struct kunit *test, u32 count)
{
	struct domain *d = fake_ims_world(test, &unused);

	fake_pci_set_msi_domain(d->pci, x86_vector_domain);
	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_PTR_EQ(test, dev_get_msi_domain(&d->fn->pdev->dev)->parent, x86_vector_domain);
	fake_host_forget_log(d->host);
	return fake_ims_bound(d, 0, count);
}

static struct irq_cfg *cfg_of(struct fake_ims *ims, unsigned int index)
{
	return irqd_cfg(irq_get_irq_data(ims->slots[index].virq));
}

/* The host would send what the CPU's interrupt controller takes */
static bool routed(struct fake_ims *ims, unsigned int index)
{
	struct fake_vector *vec = fake_ims_vector(ims, index);
	struct irq_cfg *cfg = cfg_of(ims, index);

	return vec->armed && (vec->route_data & 0xff) == cfg->vector &&
	       vec->route_address == (0xfee00000 | cfg->dest_apicid << 12) &&
	       ims->slots[index].msg.data == vec->pair && !ims->slots[index].masked;
}

/* A real interrupt, by the way of the local APIC */
static bool delivered(struct fake_ims *ims, unsigned int index)
{
	struct fake_ims_slot *slot = &ims->slots[index];
	struct irq_data *data = irq_get_irq_data(slot->virq);
	struct irq_desc *desc = irq_data_to_desc(data);
	int before = atomic_read(&slot->handled), i;
	bool sent;

	raw_spin_lock_irq(&desc->lock);
	sent = data->chip->irq_retrigger(data);
	raw_spin_unlock_irq(&desc->lock);
	for (i = 0; i < 50 && atomic_read(&slot->handled) == before; i++)
		msleep(20);
	return sent && atomic_read(&slot->handled) == before + 1;
}

static void finish(struct fake_ims *ims)
{
	fake_ims_finish(ims);
	domain_expect_idle(ims->d);
}

static void life_on_x86(struct kunit *test)
{
	struct fake_ims *ims = on_x86(test, 8);
	struct msi_map map = virtio_irq_ims_add(fake_ims_dev(ims), 2, NULL, 3);
	struct irq_cfg *cfg;

	KUNIT_ASSERT_EQ(test, map.index, 2);
	domain_expect_counts(ims->d, 1, 0, 0, 0);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 2, map.virq), 0);
	/* Once: the set_affinity at its start changes nothing */
	domain_expect_counts(ims->d, 1, 1, 0, 0);
	KUNIT_EXPECT_TRUE(test, routed(ims, 2));
	KUNIT_EXPECT_TRUE(test, delivered(ims, 2));
	fake_ims_free(ims, 2);
	/* The CPU's vector is free again */
	cfg = irqd_cfg(irq_get_irq_data(map.virq));
	KUNIT_EXPECT_EQ(test, cfg->vector, MANAGED_IRQ_SHUTDOWN_VECTOR);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 2, map.virq), 0);
	KUNIT_EXPECT_TRUE(test, routed(ims, 2));
	KUNIT_EXPECT_TRUE(test, delivered(ims, 2));
	finish(ims);
}

static void refused_on_x86(struct kunit *test)
{
	struct fake_ims *ims = on_x86(test, 8);
	struct msi_map map = virtio_irq_ims_add(fake_ims_dev(ims), 2, NULL, 3);
	struct irq_cfg *cfg;

	KUNIT_ASSERT_EQ(test, map.index, 2);
	fake_host_rule(ims->d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, fake_ims_request(ims, 2, map.virq), -EDQUOT);
	cfg = irqd_cfg(irq_get_irq_data(map.virq));
	KUNIT_EXPECT_EQ(test, cfg->vector, MANAGED_IRQ_SHUTDOWN_VECTOR);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 2, map.virq), 0);
	KUNIT_EXPECT_TRUE(test, delivered(ims, 2));
	finish(ims);
}

static void fixed_number_on_x86(struct kunit *test)
{
	struct fake_ims *ims = on_x86(test, 8);
	struct device *dev = fake_ims_dev(ims);

	virtio_irq_ims_remove_domain(dev);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_alloc_irqs(dev, 8), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 7, msi_get_virq(dev, 7)), 0);
	KUNIT_EXPECT_TRUE(test, routed(ims, 7));
	KUNIT_EXPECT_TRUE(test, delivered(ims, 7));
	fake_ims_free(ims, 7);
	virtio_irq_ims_free_irqs(dev);
	finish(ims);
}

/* Until x86 has no more vectors: its errno, and those before go on */
static void as_many_as_x86_has(struct kunit *test)
{
	struct fake_ims *ims = on_x86(test, FAKE_IMS_VECTORS);
	unsigned int count, virq, i;
	int ret = 0;

	for (count = 0; count < FAKE_IMS_VECTORS; count++) {
		ret = fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID);
		if (ret < 0)
			break;
		KUNIT_ASSERT_EQ(test, ret, count);
	}
	KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
	/* About 200 for each CPU, less what the machine has in use */
	KUNIT_EXPECT_GT(test, count, 150 * num_online_cpus());
	for (i = 0; i < count; i++)
		KUNIT_EXPECT_TRUE(test, routed(ims, i));
	for (i = 0; i < count; i += 25)
		KUNIT_EXPECT_TRUE(test, delivered(ims, i));
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, count, NO_PASID), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, ims->slots[count].masked);

	fake_ims_remove(ims, 100);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, count, NO_PASID), count);
	KUNIT_EXPECT_TRUE(test, delivered(ims, count));
	KUNIT_EXPECT_TRUE(test, delivered(ims, 99));

	/* One that is freed and not removed makes room, too, and has to find some itself */
	virq = ims->slots[99].virq;
	fake_ims_free(ims, 99);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, count + 1, NO_PASID), count + 1);
	KUNIT_EXPECT_EQ(test, fake_ims_request(ims, 99, virq), -ENOSPC);
	fake_ims_remove(ims, count);
	KUNIT_EXPECT_EQ(test, fake_ims_request(ims, 99, virq), 0);
	KUNIT_EXPECT_TRUE(test, routed(ims, 99));
	KUNIT_EXPECT_TRUE(test, delivered(ims, 99));
	finish(ims);
}

/* No interrupt arrives in between: the old vector is cleaned up all the same */
static void moved_back_and_forth_on_x86(struct kunit *test)
{
	struct fake_ims *ims = on_x86(test, 8);
	unsigned int virq, i;

	KUNIT_ASSERT_GE(test, num_online_cpus(), 2);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	virq = ims->slots[0].virq;
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, irq_set_affinity(virq, cpumask_of(!(i & 1))), 0);
		KUNIT_EXPECT_FALSE(test, irqd_is_setaffinity_pending(irq_get_irq_data(virq)));
		KUNIT_EXPECT_TRUE(test, routed(ims, 0));
		KUNIT_EXPECT_EQ(test, cfg_of(ims, 0)->dest_apicid, cpu_physical_id(!(i & 1)));
		/* The cleanup is a timer on the old CPU */
		msleep(50);
	}
	KUNIT_EXPECT_EQ(test, ims->slots[0].writes, 1);
	KUNIT_EXPECT_TRUE(test, delivered(ims, 0));
	finish(ims);
}

static void cpu_goes_on_x86(struct kunit *test)
{
	struct fake_ims *ims = on_x86(test, 8);

	KUNIT_ASSERT_GE(test, num_online_cpus(), 2);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 4), 0);
	KUNIT_ASSERT_EQ(test, irq_set_affinity(ims->slots[0].virq, cpumask_of(1)), 0);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	KUNIT_EXPECT_TRUE(test, routed(ims, 0));
	KUNIT_EXPECT_EQ(test, cfg_of(ims, 0)->dest_apicid, cpu_physical_id(0));
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, 0)->pasid, 4);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	KUNIT_EXPECT_TRUE(test, delivered(ims, 0));
	finish(ims);
}

static struct kunit_case ims_x86_cases[] = {
	KUNIT_CASE(life_on_x86),
	KUNIT_CASE(refused_on_x86),
	KUNIT_CASE(fixed_number_on_x86),
	KUNIT_CASE(as_many_as_x86_has),
	KUNIT_CASE(moved_back_and_forth_on_x86),
	KUNIT_CASE(cpu_goes_on_x86),
	{ }
};

static struct kunit_suite ims_x86_suite = {
	.name = "virtio-irq-ims-x86",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = ims_x86_cases,
};

kunit_test_suite(ims_x86_suite);
