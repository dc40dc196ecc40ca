// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: pairs that nobody honours, and sources that
 * are masked meanwhile
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "domain_fixture.h"
#include "fake_ims.h"
#include "irq-virtio.h"

static const struct fake_pci_caps msi_unmaskable = { .msi = true, .msi_64 = true };

/*
 * Pairs that do something if they reach the parent's hardware are refused
 */

struct x86_message {
	const char *name;
	u64 address;
	u32 data;
	bool inert;
};

static const struct x86_message x86_messages[] = {
	{ "the form", 0xfee00004, 0x300, true },
	{ "with 32 bits of data", 0xfee00004, 0xfffffbff, true },
	{ "physical destination", 0xfee00000, 0x300 },
	{ "destination", 0xfee01004, 0x300 },
	{ "all destinations", 0xfeeff004, 0x300 },
	{ "extended destination", 0xfee00024, 0x300 },
	{ "remappable", 0xfee00014, 0x300 },
	{ "redirection hint", 0xfee0000c, 0x300 },
	{ "misaligned", 0xfee00006, 0x300 },
	{ "fixed", 0xfee00004, 0x030 },
	{ "lowest priority", 0xfee00004, 0x130 },
	{ "SMI", 0xfee00004, 0x230 },
	{ "NMI", 0xfee00004, 0x430 },
	{ "INIT", 0xfee00004, 0x530 },
	{ "SIPI", 0xfee00004, 0x630 },
	{ "ExtINT", 0xfee00004, 0x730 },
	{ "no message, below", 0xfedffffc, 0x030, true },
	{ "no message, above", 0xfef00000, 0x030, true },
	{ "no message, above 4G", 0x1fee00000, 0x030, true },
};

KUNIT_ARRAY_PARAM_DESC(x86_message, x86_messages, name);

static void inert_on_x86(struct kunit *test)
{
	const struct x86_message *m = test->param_value;
	const struct virtio_irq_msg msg = { .address = m->address, .data = m->data };

	KUNIT_EXPECT_EQ(test, virtio_irq_x86_is_inert(&msg, NULL), m->inert);
}

static void pair_that_is_not_inert(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	/* Would be a vector of the parent's */
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, FAKE_FIRST_VECTOR);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), 0, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), 0);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void ims_pair_that_is_not_inert(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 8);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, FAKE_FIRST_VECTOR);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, VIRTIO_IRQ_NO_PASID), -EIO);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, VIRTIO_IRQ_NO_PASID), 0);
	fake_ims_expect_works(ims, 0);
	fake_ims_finish(ims);
	domain_expect_idle(d);
}

/*
 * A reset of the device
 */

#define VECTORS	4

static struct domain *world;
static struct fake_ims *world_ims;

static bool masked(unsigned int index)
{
	return fake_pci_msix_masked(world->fn, index);
}

static unsigned int virq_of(unsigned int index)
{
	return pci_irq_vector(world->fn->pdev, index);
}

static void expect_all_masked(struct fake_host *host)
{
	unsigned int i;

	for (i = 0; i < VECTORS; i++)
		KUNIT_EXPECT_TRUE(world->test, masked(i));
}

static struct domain *with_irqs(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, VECTORS, VECTORS, PCI_IRQ_MSIX),
			VECTORS);
	for (i = 0; i < VECTORS; i++) {
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
		irq_set_status_flags(pci_irq_vector(d->fn->pdev, i), IRQ_DISABLE_UNLAZY);
	}
	world = d;
	return d;
}

/* Resets the device; @in_reset is called in between */
static void reset(struct domain *d, void (*in_reset)(struct fake_host *host))
{
	d->host->in_reset = in_reset;
	KUNIT_EXPECT_EQ(d->test, virtio_irq_ask_reset(d->vi), 0);
	d->host->in_reset = NULL;
}

static void finish(struct domain *d)
{
	while (d->fn->num_irqs)
		free_irq(d->fn->irqs[--d->fn->num_irqs], d->fn);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* Nothing is lost in them, so nobody is disturbed by an interrupt that was none */
static void masked_while_reset(struct kunit *test)
{
	struct domain *d = with_irqs(test);
	unsigned int i;

	reset(d, expect_all_masked);
	domain_settle(d);
	for (i = 0; i < VECTORS; i++) {
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->armed);
		KUNIT_EXPECT_FALSE(test, masked(i));
	}
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	finish(d);
}

static void masked_msi_while_reset(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msi);

	world = d;
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSI), 4);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	reset(d, NULL);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_masked(d->fn, 0));
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 1));
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	finish(d);
}

/* It may have sent something meanwhile */
static void raised_if_it_cannot_be_masked(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_unmaskable);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	reset(d, NULL);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(d);
}

/* They were masked too late: the host had forgotten their pairs before */
static void raised_if_it_was_reset_before(struct kunit *test)
{
	struct domain *d = with_irqs(test);

	d->host->status = 0;
	reset(d, expect_all_masked);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, masked(0));
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], VECTORS);
	finish(d);
}

/* The masks of the core and of drivers are theirs */
static void disable_and_enable(struct fake_host *host)
{
	disable_irq(virq_of(0));
	enable_irq(virq_of(1));
	disable_irq(virq_of(2));
	enable_irq(virq_of(2));
	expect_all_masked(host);
}

static void disabled_and_enabled_while_reset(struct kunit *test)
{
	struct domain *d = with_irqs(test);

	disable_irq(virq_of(1));
	disable_irq(virq_of(3));
	reset(d, disable_and_enable);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, masked(0));
	KUNIT_EXPECT_FALSE(test, masked(1));
	KUNIT_EXPECT_FALSE(test, masked(2));
	KUNIT_EXPECT_TRUE(test, masked(3));
	enable_irq(virq_of(0));
	enable_irq(virq_of(3));
	KUNIT_EXPECT_FALSE(test, masked(0));
	KUNIT_EXPECT_FALSE(test, masked(3));
	finish(d);
}

static void free_two(struct fake_host *host)
{
	fake_pci_free(world->fn, 1);
	fake_pci_free(world->fn, 2);
	expect_all_masked(host);
}

static void freed_while_reset(struct kunit *test)
{
	struct domain *d = with_irqs(test);

	reset(d, free_two);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, masked(1));
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	KUNIT_EXPECT_FALSE(test, masked(0));
	KUNIT_EXPECT_FALSE(test, masked(1));
	KUNIT_EXPECT_TRUE(test, masked(2));
	finish(d);
}

/* The parent moves it; the host hears of that with the replay */
static void move_one(struct fake_host *host)
{
	world->parent->move = true;
	KUNIT_EXPECT_EQ(world->test, fake_parent_set_affinity(world->parent, virq_of(1),
							      cpumask_of(0)), 0);
	/* And one that is where it was */
	KUNIT_EXPECT_EQ(world->test, fake_parent_set_affinity(world->parent, virq_of(2),
							      cpumask_of(0)), 0);
	expect_all_masked(host);
}

static void moved_while_reset(struct kunit *test)
{
	struct domain *d = with_irqs(test);
	struct virtio_irq_msg route;

	reset(d, move_one);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, masked(1));
	KUNIT_EXPECT_FALSE(test, masked(2));
	route = fake_parent_route(d->parent, virq_of(1));
	KUNIT_EXPECT_EQ(test, domain_vector(d, d->fn, 1)->route_data, route.data);
	finish(d);
}

/* What the host refuses keeps silent until it is granted */
static void masked_until_granted(struct kunit *test)
{
	struct domain *d = with_irqs(test);

	d->host->quota = 2;
	reset(d, expect_all_masked);
	KUNIT_EXPECT_FALSE(test, masked(0));
	KUNIT_EXPECT_TRUE(test, masked(2));
	disable_irq(virq_of(2));
	enable_irq(virq_of(2));
	KUNIT_EXPECT_TRUE(test, masked(2));
	d->host->quota = UINT_MAX;
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, masked(2));
	KUNIT_EXPECT_FALSE(test, masked(3));
	finish(d);
}

/* A move arms it before recovery comes to it again */
static void armed_by_a_move(struct kunit *test)
{
	struct domain *d = with_irqs(test);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_BUSY);
	reset(d, expect_all_masked);
	KUNIT_EXPECT_TRUE(test, masked(1));
	disable_delayed_work_sync(&d->vi->recover);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq_of(1), cpumask_of(0)), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 1)->armed);
	KUNIT_EXPECT_FALSE(test, masked(1));
	KUNIT_EXPECT_TRUE(test, masked(2));
	enable_delayed_work(&d->vi->recover);
	queue_delayed_work(d->vi->wq, &d->vi->recover, 0);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, masked(2));
	finish(d);
}

/* Reset, and reset again before everything is as it was */
static void reset_twice(struct kunit *test)
{
	struct domain *d = with_irqs(test);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ATTACH, UINT_MAX, VIRTIO_IRQ_S_NOSPC);
	reset(d, expect_all_masked);
	reset(d, expect_all_masked);
	KUNIT_EXPECT_TRUE(test, masked(0));
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, masked(0));
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	finish(d);
}

/*
 * Stores are masked by their callbacks
 */

static void use_while_reset(struct fake_host *host)
{
	struct fake_ims *ims = world_ims;

	KUNIT_EXPECT_TRUE(world->test, ims->slots[0].masked);
	KUNIT_EXPECT_TRUE(world->test, ims->slots[1].masked);
	/* Told with the replay */
	KUNIT_EXPECT_EQ(world->test, virtio_irq_ims_set_pasid(ims->slots[0].virq, 99), -ETIMEDOUT);
	disable_irq(ims->slots[1].virq);
	enable_irq(ims->slots[1].virq);
	KUNIT_EXPECT_TRUE(world->test, ims->slots[0].masked);
	KUNIT_EXPECT_TRUE(world->test, ims->slots[1].masked);
}

static void ims_masked_while_reset(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 8);
	world = d;
	world_ims = ims;
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 5), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, 6), 1);
	irq_set_status_flags(ims->slots[1].virq, IRQ_DISABLE_UNLAZY);
	/* The pair is written before the slot is unmasked */
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, FAKE_PAIR_DATA(0x1234));
	reset(d, use_while_reset);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, ims->slots[0].masked);
	DOMAIN_EXPECT_MSG(test, ims->slots[0].msg, FAKE_PAIR_ADDRESS, FAKE_PAIR_DATA(0x1234));
	fake_ims_expect_works(ims, 1);
	/* The host may have blocked what the first one sent with either PASID */
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	fake_ims_finish(ims);
	domain_expect_idle(d);
}

static struct kunit_case hold_cases[] = {
	KUNIT_CASE_PARAM(inert_on_x86, x86_message_gen_params),
	KUNIT_CASE(pair_that_is_not_inert),
	KUNIT_CASE(ims_pair_that_is_not_inert),
	KUNIT_CASE(masked_while_reset),
	KUNIT_CASE(masked_msi_while_reset),
	KUNIT_CASE(raised_if_it_cannot_be_masked),
	KUNIT_CASE(raised_if_it_was_reset_before),
	KUNIT_CASE(disabled_and_enabled_while_reset),
	KUNIT_CASE(freed_while_reset),
	KUNIT_CASE(moved_while_reset),
	KUNIT_CASE(masked_until_granted),
	KUNIT_CASE(armed_by_a_move),
	KUNIT_CASE(reset_twice),
	KUNIT_CASE(ims_masked_while_reset),
	{ }
};

static struct kunit_suite hold_suite = {
	.name = "virtio-irq-domain-hold",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = hold_cases,
};

kunit_test_suite(hold_suite);
