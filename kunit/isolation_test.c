// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: functions that the host isolates
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/msi.h>

#include "domain_fixture.h"

#define ISOLATED	BIT_ULL(VIRTIO_IRQ_F_ISOLATED)

static struct domain *isolation_new(struct kunit *test, u64 features, u32 attach_flags)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE | features);

	d->host->attach_flags = attach_flags;
	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	return d;
}

static bool claimed(struct domain *d)
{
	return msi_device_has_isolated_msi(&d->fn->pdev->dev);
}

static void claimed_on_the_hosts_word(struct kunit *test)
{
	struct domain *d = isolation_new(test, ISOLATED, VIRTIO_IRQ_ATTACH_F_ISOLATED);

	KUNIT_EXPECT_TRUE(test, claimed(d));
	domain_expect_works(d, d->fn);
	fake_pci_unbind(d->fn);
	KUNIT_EXPECT_FALSE(test, claimed(d));
}

/* DRV-80: the host says so of each endpoint, and one that it does not isolate has none */
static void not_claimed_without(struct kunit *test)
{
	struct domain *d = isolation_new(test, ISOLATED, 0);

	KUNIT_EXPECT_FALSE(test, claimed(d));
	domain_expect_works(d, d->fn);
}

/* DRV-80: a bit that nobody has negotiated means nothing */
static void not_claimed_unless_negotiated(struct kunit *test)
{
	struct domain *d = isolation_new(test, 0, VIRTIO_IRQ_ATTACH_F_ISOLATED);

	KUNIT_EXPECT_FALSE(test, claimed(d));
	domain_expect_works(d, d->fn);
}

/* One domain for those that are, and one for those that are not */
static void neighbours(struct kunit *test)
{
	struct domain *d = isolation_new(test, ISOLATED, VIRTIO_IRQ_ATTACH_F_ISOLATED);
	struct fake_pci_function *first = d->fn;

	d->host->attach_flags = 0;
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN + 8, &domain_msix);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	KUNIT_EXPECT_FALSE(test, claimed(d));
	domain_expect_works(d, d->fn);
	d->fn = first;
	KUNIT_EXPECT_TRUE(test, claimed(d));
	domain_expect_works(d, d->fn);
}

/*
 * Somebody may have been handed the function on the host's word: it is not served by a
 * host that has taken that back in a reset, until it gives it again.
 */
static void reset_takes_the_word_back(struct kunit *test)
{
	struct domain *d = isolation_new(test, ISOLATED, VIRTIO_IRQ_ATTACH_F_ISOLATED);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	d->host->attach_flags = 0;
	domain_log_start();
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -EPERM);
	msleep(2 * VIRTIO_IRQ_BACKOFF_MIN_MS);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, domain_log_count("to attach it"), 1);
	KUNIT_EXPECT_GE(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);

	d->host->attach_flags = VIRTIO_IRQ_ATTACH_F_ISOLATED;
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	while (d->fn->num_irqs)
		free_irq(d->fn->irqs[--d->fn->num_irqs], d->fn);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static struct kunit_case isolation_cases[] = {
	KUNIT_CASE(claimed_on_the_hosts_word),
	KUNIT_CASE(not_claimed_without),
	KUNIT_CASE(not_claimed_unless_negotiated),
	KUNIT_CASE(neighbours),
	KUNIT_CASE(reset_takes_the_word_back),
	{ }
};

static struct kunit_suite isolation_suite = {
	.name = "virtio-irq-isolation",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = isolation_cases,
};

kunit_test_suite(isolation_suite);
