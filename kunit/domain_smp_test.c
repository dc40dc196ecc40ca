// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: CPUs that go and come back
 *
 * The host is asked from stop_machine(), when all other CPUs wait with
 * interrupts off. Needs two CPUs.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cpu.h>
#include <linux/irq.h>

#include "domain_fixture.h"

static struct domain *with_features(struct kunit *test, u64 features)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE | features);

	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_GE(test, num_online_cpus(), 2);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	KUNIT_ASSERT_EQ(test, irq_set_affinity(pci_irq_vector(d->fn->pdev, 0), cpumask_of(1)), 0);
	domain_settle(d);
	fake_host_forget_log(d->host);
	return d;
}

static struct domain *with_irq_on_cpu1(struct kunit *test)
{
	return with_features(test, 0);
}

static unsigned int routed_to(struct domain *d, unsigned int index)
{
	return (domain_vector(d, d->fn, index)->route_address - FAKE_ROUTE_ADDRESS) >>
	       FAKE_ROUTE_CPU_SHIFT;
}

static void finish(struct domain *d)
{
	while (d->fn->num_irqs)
		fake_pci_free(d->fn, d->fn->num_irqs - 1);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void moved_to_another_cpu(struct kunit *test)
{
	struct domain *d = with_irq_on_cpu1(test);
	unsigned int virq = pci_irq_vector(d->fn->pdev, 0);

	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 1);
	KUNIT_EXPECT_EQ(test, irq_set_affinity(virq, cpumask_of(0)), 0);
	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 0);
	/* In process context and at once, without an interrupt */
	KUNIT_EXPECT_FALSE(test, irqd_is_setaffinity_pending(irq_get_irq_data(virq)));
	domain_expect_counts(d, 0, 1, 0, 0);
	finish(d);
}

static void cpu_goes(struct kunit *test)
{
	struct domain *d = with_irq_on_cpu1(test);

	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 0);
	domain_expect_counts(d, 0, 1, 0, 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	domain_fire(d, d->fn, 0);
	finish(d);
}

/* Nobody waits for the host while all other CPUs wait, however slow it is */
static void cpu_goes_lazily(struct kunit *test)
{
	struct domain *d = with_features(test, DOMAIN_LAZY);

	/* The timer does not miss the answer */
	virtio_irq_sleep_timeout_ms = 20000;
	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	virtio_irq_flush_timer(&d->vi->timer);
	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 0);
	domain_expect_counts(d, 0, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, d->vi->state, VIRTIO_IRQ_READY);
	fake_host_speak(d->host);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->vi->stats.timeouts, 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	domain_fire(d, d->fn, 0);
	finish(d);
}

static void cpu_goes_lazily_and_host_refuses(struct kunit *test)
{
	struct domain *d = with_features(test, DOMAIN_LAZY);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	finish(d);
}

/* Messages went to a CPU that was not there: made up for when the route is in force */
static void cpu_goes_and_host_refuses(struct kunit *test)
{
	struct domain *d = with_irq_on_cpu1(test);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	finish(d);
}

/* Bounded, although nothing else runs meanwhile */
static void cpu_goes_and_host_is_mute(struct kunit *test)
{
	struct domain *d = with_irq_on_cpu1(test);

	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, routed_to(d, 0), 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	KUNIT_EXPECT_EQ(test, add_cpu(1), 0);
	finish(d);
}

/* Two vectors, one for each CPU; returns the one of CPU 1 */
static struct domain *with_managed(struct kunit *test, unsigned int *index)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, num_online_cpus(), 2);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2,
						    PCI_IRQ_MSIX | PCI_IRQ_AFFINITY), 2);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
		if (cpumask_test_cpu(1, pci_irq_get_affinity(d->fn->pdev, i)))
			*index = i;
	}
	KUNIT_EXPECT_EQ(test, routed_to(d, *index), 1);
	KUNIT_EXPECT_EQ(test, routed_to(d, !*index), 0);
	fake_host_forget_log(d->host);
	return d;
}

static void managed_cpu_goes_and_comes(struct kunit *test)
{
	unsigned int i = 0;
	struct domain *d = with_managed(test, &i);

	/* It is shut down, not moved */
	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, i)->armed);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->committed);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, !i)->armed);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, i), 0, 0);
	domain_expect_counts(d, 0, 0, 1, 0);

	KUNIT_ASSERT_EQ(test, add_cpu(1), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->armed);
	KUNIT_EXPECT_EQ(test, routed_to(d, i), 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, i), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, i)->pair);
	domain_fire(d, d->fn, i);
	finish(d);
}

static void managed_cpu_comes_and_host_refuses(struct kunit *test)
{
	unsigned int i = 0;
	struct domain *d = with_managed(test, &i);

	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 2, VIRTIO_IRQ_S_NOSPC);
	KUNIT_ASSERT_EQ(test, add_cpu(1), 0);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->armed);
	KUNIT_EXPECT_EQ(test, routed_to(d, i), 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, i), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, i)->pair);
	finish(d);
}

/* Requested while its CPU is away: not started, so nothing is asked */
static void managed_requested_without_its_cpu(struct kunit *test)
{
	unsigned int i = 0;
	struct domain *d = with_managed(test, &i);

	KUNIT_ASSERT_EQ(test, remove_cpu(1), 0);
	fake_pci_free(d->fn, i);
	fake_host_forget_log(d->host);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, i), 0);
	domain_expect_counts(d, 0, 0, 0, 0);
	KUNIT_ASSERT_EQ(test, add_cpu(1), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->armed);
	KUNIT_EXPECT_EQ(test, routed_to(d, i), 1);
	finish(d);
}

static struct kunit_case smp_cases[] = {
	KUNIT_CASE(moved_to_another_cpu),
	KUNIT_CASE(cpu_goes),
	KUNIT_CASE(cpu_goes_lazily),
	KUNIT_CASE(cpu_goes_lazily_and_host_refuses),
	KUNIT_CASE(cpu_goes_and_host_refuses),
	KUNIT_CASE(cpu_goes_and_host_is_mute),
	KUNIT_CASE(managed_cpu_goes_and_comes),
	KUNIT_CASE(managed_cpu_comes_and_host_refuses),
	KUNIT_CASE(managed_requested_without_its_cpu),
	{ }
};

static struct kunit_suite smp_suite = {
	.name = "virtio-irq-domain-smp",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = smp_cases,
};

kunit_test_suite(smp_suite);
