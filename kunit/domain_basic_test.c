// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: the life of an interrupt
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include "domain_fixture.h"

static const struct fake_parent_caps with_reservation = { .reservation = true };

static void one_msi(struct kunit *test)
{
	struct domain *d = domain_with(test, &with_reservation, &domain_msi);
	struct pci_dev *pdev = d->fn->pdev;
	struct fake_vector *vec = domain_vector(d, d->fn, 0);
	struct virtio_irq_msg route;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI), 1);
	KUNIT_EXPECT_TRUE(test, vec->allocated);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);

	/* The device has the host's pair, the host has the parent's route */
	route = fake_parent_route(d->parent, pci_irq_vector(pdev, 0));
	KUNIT_EXPECT_TRUE(test, vec->armed);
	KUNIT_EXPECT_EQ(test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(test, vec->route_data, route.data);
	KUNIT_EXPECT_NE(test, route.data, FAKE_RESERVED_VECTOR);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, vec->pair);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_enabled(d->fn));
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 0));
	domain_fire(d, d->fn, 0);

	fake_pci_free(d->fn, 0);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	pci_free_irq_vectors(pdev);
	domain_expect_idle(d);
}

static struct kunit_case basic_cases[] = {
	KUNIT_CASE(one_msi),
	{ }
};

static struct kunit_suite basic_suite = {
	.name = "virtio-irq-domain",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = basic_cases,
};

kunit_test_suite(basic_suite);
