// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: on the real x86 vector domain
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irq.h>
#include <asm/hw_irq.h>
#include <asm/irq_vectors.h>
#include <asm/smp.h>

#include "domain_fixture.h"

static const struct fake_parent_caps unused = { };

static const struct fake_pci_caps msi_unmaskable = { .msi = true, .msi_64 = true };

static struct domain *on_x86(struct kunit *test, const struct fake_pci_caps *caps)
{
	struct domain *d = domain_new(test, &unused, DOMAIN_SCOPE);

	domain_start(d);
	fake_pci_set_msi_domain(d->pci, x86_vector_domain);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, caps);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_TRUE(test, d->fn->bound);
	KUNIT_ASSERT_PTR_EQ(test, dev_get_msi_domain(&d->fn->pdev->dev)->parent, x86_vector_domain);
	KUNIT_ASSERT_NOT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(d->fn)));
	fake_host_forget_log(d->host);
	return d;
}

static struct irq_cfg *cfg_of(struct domain *d, unsigned int index)
{
	return irqd_cfg(irq_get_irq_data(pci_irq_vector(d->fn->pdev, index)));
}

/* The host would send what the CPU's interrupt controller takes */
static void expect_route(struct domain *d, unsigned int index)
{
	struct fake_vector *vec = domain_vector(d, d->fn, index);

	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_EQ(d->test, vec->route_data & 0xff, cfg_of(d, index)->vector);
	KUNIT_EXPECT_EQ(d->test, vec->route_address,
			0xfee00000 | cfg_of(d, index)->dest_apicid << 12);
}

/* A real interrupt, by the way of the local APIC */
static void expect_delivery(struct domain *d, unsigned int index)
{
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, index));
	struct irq_desc *desc = irq_data_to_desc(data);
	int before = atomic_read(&d->fn->handled), i;

	raw_spin_lock_irq(&desc->lock);
	KUNIT_EXPECT_EQ(d->test, data->chip->irq_retrigger(data), 1);
	raw_spin_unlock_irq(&desc->lock);
	for (i = 0; i < 50 && atomic_read(&d->fn->handled) == before; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(d->test, atomic_read(&d->fn->handled), before + 1);
}

static void finish(struct domain *d)
{
	while (d->fn->num_irqs)
		fake_pci_free(d->fn, d->fn->num_irqs - 1);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void life_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_EXPECT_EQ(test, cfg_of(d, 1)->vector, MANAGED_IRQ_SHUTDOWN_VECTOR);
	domain_expect_counts(d, 1, 0, 0, 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	/* Once: the set_affinity at its start changes nothing */
	domain_expect_counts(d, 1, 1, 0, 0);
	expect_route(d, 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 1)->pair);
	expect_delivery(d, 1);
	fake_pci_free(d->fn, 1);
	KUNIT_EXPECT_EQ(test, cfg_of(d, 1)->vector, MANAGED_IRQ_SHUTDOWN_VECTOR);
	finish(d);
}

static void refused_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EDQUOT);
	/* The CPU's vector is free again */
	KUNIT_EXPECT_EQ(test, cfg_of(d, 0)->vector, MANAGED_IRQ_SHUTDOWN_VECTOR);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	expect_delivery(d, 0);
	finish(d);
}

/* What a local APIC would take for an interrupt is no pair: DRV-112 */
static void live_pair_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x430);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	fake_host_rule(d->host, FAKE_ADDRESS, VIRTIO_IRQ_T_ACTIVATE, 1, FAKE_WINDOW_START);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), 0, 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	expect_delivery(d, 0);
	finish(d);
}

static void unmaskable_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &msi_unmaskable);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	expect_route(d, 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	expect_delivery(d, 0);
	finish(d);
}

/* What x86 has not of its own without interrupt remapping */
static void multi_msi_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &domain_msi);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 8, 8, PCI_IRQ_MSI), 8);
	for (i = 0; i < 8; i++) {
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
		expect_route(d, i);
	}
	for (i = 0; i < 8; i++)
		expect_delivery(d, i);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	finish(d);
}

/* No interrupt arrives in between: the old vector is cleaned up all the same */
static void moved_back_and_forth_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &domain_msix);
	unsigned int virq, i;

	KUNIT_ASSERT_GE(test, num_online_cpus(), 2);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	virq = pci_irq_vector(d->fn->pdev, 0);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, irq_set_affinity(virq, cpumask_of(!(i & 1))), 0);
		KUNIT_EXPECT_FALSE(test, irqd_is_setaffinity_pending(irq_get_irq_data(virq)));
		expect_route(d, 0);
		KUNIT_EXPECT_EQ(test, cfg_of(d, 0)->dest_apicid,
				cpu_physical_id(!(i & 1)));
		/* The cleanup is a timer on the old CPU */
		msleep(50);
	}
	expect_delivery(d, 0);
	finish(d);
}

static void cpu_goes_on_x86(struct kunit *test)
{
	struct domain *d = on_x86(test, &domain_msix);
	unsigned int virq;

	KUNIT_ASSERT_GE(test, num_online_cpus(), 2);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	virq = pci_irq_vector(d->fn->pdev, 0);
	KUNIT_ASSERT_EQ(test, irq_set_affinity(virq, cpumask_of(1)), 0);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	domain_settle(d);
	expect_route(d, 0);
	KUNIT_EXPECT_EQ(test, cfg_of(d, 0)->dest_apicid, cpu_physical_id(0));
	/* What was lost has been made up for, by one interrupt */
	msleep(50);
	KUNIT_EXPECT_EQ(test, atomic_read(&d->fn->handled), 1);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	expect_delivery(d, 0);
	finish(d);
}

static struct kunit_case x86_cases[] = {
	KUNIT_CASE(life_on_x86),
	KUNIT_CASE(refused_on_x86),
	KUNIT_CASE(live_pair_on_x86),
	KUNIT_CASE(unmaskable_on_x86),
	KUNIT_CASE(multi_msi_on_x86),
	KUNIT_CASE(moved_back_and_forth_on_x86),
	KUNIT_CASE(cpu_goes_on_x86),
	{ }
};

static struct kunit_suite x86_suite = {
	.name = "virtio-irq-domain-x86",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = x86_cases,
};

kunit_test_suite(x86_suite);
