// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: reset of the controller under interrupts
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/irq.h>

#include "domain_fixture.h"

static struct domain *with_commit(struct kunit *test, const struct fake_pci_caps *fn)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE);

	d->host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, fn);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	return d;
}

static struct domain *with_irqs(struct kunit *test, unsigned int vectors, unsigned int requested)
{
	struct domain *d = with_commit(test, &domain_msix);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, vectors, vectors, PCI_IRQ_MSIX),
			vectors);
	for (i = 0; i < requested; i++)
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
	fake_host_forget_log(d->host);
	return d;
}

static void finish(struct domain *d)
{
	while (d->fn->num_irqs)
		free_irq(d->fn->irqs[--d->fn->num_irqs], d->fn);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void expect_armed(struct domain *d, unsigned int index)
{
	struct fake_vector *vec = domain_vector(d, d->fn, index);
	struct virtio_irq_msg route = fake_parent_route(d->parent,
							pci_irq_vector(d->fn->pdev, index));

	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_TRUE(d->test, vec->committed);
	KUNIT_EXPECT_EQ(d->test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(d->test, vec->route_data, route.data);
}

static void reset_restores_everything(struct kunit *test)
{
	struct domain *d = with_irqs(test, 6, 3);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 6);
	for (i = 0; i < 3; i++) {
		expect_armed(d, i);
		DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, i), FAKE_PAIR_ADDRESS,
				  domain_vector(d, d->fn, i)->pair);
	}
	for (i = 3; i < 6; i++) {
		KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, i)->armed);
		KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, i)->committed);
	}
	/* Whatever happened meanwhile waited in their sources */
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	/* In one ALLOC, not six */
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_COMMIT), 3);
	domain_expect_counts(d, 1, 3, 0, 0);

	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 4), 0);
	expect_armed(d, 4);
	finish(d);
}

static void reset_asked_by_the_device(struct kunit *test)
{
	struct domain *d = with_irqs(test, 2, 1);

	d->host->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(&d->host->vdev);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->host->status & VIRTIO_CONFIG_S_NEEDS_RESET, 0);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	expect_armed(d, 0);
	finish(d);
}

/* The device's table is written without its driver's help */
static void reset_brings_another_pair(struct kunit *test)
{
	struct domain *d = with_irqs(test, 2, 2);

	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x12345);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), FAKE_PAIR_ADDRESS, 0x12345);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 1)->pair);
	KUNIT_EXPECT_FALSE(test, fake_pci_msix_masked(d->fn, 0));
	expect_armed(d, 0);
	finish(d);
}

static void reset_moves_a_block(struct kunit *test)
{
	struct domain *d = with_commit(test, &domain_msi);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSI), 4);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x881);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 4);
	/* Its first vector is not requested, the message is its message all the same */
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, 0x880);
	expect_armed(d, 1);
	finish(d);
}

/* The interrupt that is masked is rewritten, too; it has no handler to lose one for */
static void reset_while_disabled(struct kunit *test)
{
	struct domain *d = with_irqs(test, 1, 1);
	unsigned int virq = pci_irq_vector(d->fn->pdev, 0);

	irq_set_status_flags(virq, IRQ_DISABLE_UNLAZY);
	disable_irq(virq);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x999);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), FAKE_PAIR_ADDRESS, 0x999);
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, 0));
	enable_irq(virq);
	KUNIT_EXPECT_FALSE(test, fake_pci_msix_masked(d->fn, 0));
	finish(d);
}

/* The host has less than before: what it refuses is asked for again and again */
static void reset_with_less_to_have(struct kunit *test)
{
	struct domain *d = with_irqs(test, 4, 4);

	d->host->quota = 2;
	/* Requests are answered again, so this is a success */
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(d->vi->state), VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 2);
	expect_armed(d, 0);
	expect_armed(d, 1);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 2)->armed);
	/* A move of it fails for the same reason */
	domain_log_start();
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, pci_irq_vector(d->fn->pdev, 2),
						       cpumask_of(0)), 0);
	flush_delayed_work(&d->vi->recover);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, domain_log_count("to arm"), 1);
	KUNIT_EXPECT_EQ(test, domain_log_count("(store 0, vector 2): quota of this guest"), 1);

	d->host->quota = UINT_MAX;
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 4);
	expect_armed(d, 2);
	expect_armed(d, 3);
	finish(d);
}

/* ATTACH is refused after a reset: the interrupts wait, freeing them does not */
static void reset_and_freed_unattached(struct kunit *test)
{
	struct domain *d = with_irqs(test, 2, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ATTACH, UINT_MAX, VIRTIO_IRQ_S_PERM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(d->fn)));
	fake_pci_unbind(d->fn);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_expect_idle(d);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&d->fn->pdev->dev), d->parent->domain);

	KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, d->fn));
}

struct refused_case {
	const char *name;
	u8 store_flags;
};

static const struct refused_case refused_cases[] = {
	{ "COMMIT", VIRTIO_IRQ_STORE_F_COMMIT },
	{ "ACTIVATE", 0 },
};

KUNIT_ARRAY_PARAM_DESC(refused, refused_cases, name);

/* Who requests what the host does not reserve again gets the host's reason, and so does the log */
static void reset_and_requested_unreserved(struct kunit *test)
{
	const struct refused_case *c = test->param_value;
	struct domain *d = with_irqs(test, 4, 1);
	unsigned int i;

	d->host->store_flags = c->store_flags;
	d->host->quota = 2;
	domain_log_start();
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 3), -EDQUOT);
	/* It is asked for again and again, and told once */
	for (i = 0; i < 20 && fake_host_count(d->host, VIRTIO_IRQ_T_ALLOC) < 3; i++)
		msleep(50);
	KUNIT_EXPECT_GE(test, fake_host_count(d->host, VIRTIO_IRQ_T_ALLOC), 3);
	domain_log_stop();
	domain_expect_told_once(test,
				"0007:40:01.0: the host refused to reserve vectors 2-3 of store 0: quota of this guest or device (-EDQUOT)");
	KUNIT_EXPECT_EQ(test, domain_log_count("to reserve"), 1);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);

	d->host->quota = UINT_MAX;
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 3), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 3)->armed);
	finish(d);
}

static void reset_and_requested_unattached(struct kunit *test)
{
	struct domain *d = with_irqs(test, 2, 1);

	domain_log_start();
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ATTACH, UINT_MAX, VIRTIO_IRQ_S_PERM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -EPERM);
	msleep(2 * VIRTIO_IRQ_BACKOFF_MIN_MS);
	domain_log_stop();
	domain_expect_told_once(test,
				"0007:40:01.0: the host refused to attach it: its policy does not allow that (-EPERM)");
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_settle(d);
	expect_armed(d, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	expect_armed(d, 1);
	finish(d);
}

/* COMMIT and ACTIVATE after a reset: told once, and done in the end */
static void reset_and_refused(struct kunit *test, u8 type, const char *told)
{
	struct domain *d = with_irqs(test, 2, 1);
	char text[100];

	snprintf(text, sizeof(text),
		 "0007:40:01.0: the host refused to %s interrupt %u (store 0, vector 0): its pool is empty (-ENOSPC)",
		 told, pci_irq_vector(d->fn->pdev, 0));
	domain_log_start();
	fake_host_rule(d->host, FAKE_REFUSE, type, 3, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, domain_log_count(text), 1);
	KUNIT_EXPECT_EQ(test, domain_log_count("the host refused"), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, type), 4);
	expect_armed(d, 0);
	finish(d);
}

static void reset_and_uncommitted(struct kunit *test)
{
	reset_and_refused(test, VIRTIO_IRQ_T_COMMIT, "commit");
}

static void reset_and_not_armed(struct kunit *test)
{
	reset_and_refused(test, VIRTIO_IRQ_T_ACTIVATE, "arm");
}

static void reset_while_mute(struct kunit *test)
{
	struct domain *d = with_irqs(test, 2, 1);

	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -ETIMEDOUT);
	fake_host_rule(d->host, FAKE_LOST, 0, 2, 0);
	virtio_irq_ask_reset(d->vi);
	domain_settle(d);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	expect_armed(d, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	expect_armed(d, 1);
	finish(d);
}

static void reset_again_and_again(struct kunit *test)
{
	struct domain *d = with_irqs(test, 4, 2);
	int i;

	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
		/* Between two of them the interrupts move */
		d->parent->move = true;
		KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent,
							       pci_irq_vector(d->fn->pdev, 1),
							       cpumask_of(0)), 0);
	}
	domain_settle(d);
	expect_armed(d, 0);
	expect_armed(d, 1);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 4);
	finish(d);
}

static struct kunit_case reset_cases[] = {
	KUNIT_CASE(reset_restores_everything),
	KUNIT_CASE(reset_asked_by_the_device),
	KUNIT_CASE(reset_brings_another_pair),
	KUNIT_CASE(reset_moves_a_block),
	KUNIT_CASE(reset_while_disabled),
	KUNIT_CASE(reset_with_less_to_have),
	KUNIT_CASE(reset_and_freed_unattached),
	KUNIT_CASE_PARAM(reset_and_requested_unreserved, refused_gen_params),
	KUNIT_CASE(reset_and_requested_unattached),
	KUNIT_CASE(reset_and_uncommitted),
	KUNIT_CASE(reset_and_not_armed),
	KUNIT_CASE(reset_while_mute),
	KUNIT_CASE(reset_again_and_again),
	{ }
};

static struct kunit_suite reset_suite = {
	.name = "virtio-irq-domain-reset",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = reset_cases,
};

kunit_test_suite(reset_suite);
