// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: multi-MSI blocks and dynamic MSI-X
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "domain_fixture.h"

static const struct fake_parent_caps no_reservation = { };

static const struct fake_pci_caps msi_unmaskable_8 = {
	.msi = true, .msi_64 = true, .msi_log2 = 3,
};

static void finish(struct domain *d)
{
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static struct domain *with_block(struct kunit *test, const struct fake_parent_caps *caps,
				 const struct fake_pci_caps *fn, unsigned int count)
{
	struct domain *d = domain_with(test, caps, fn);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, count, count, PCI_IRQ_MSI), count);
	return d;
}

/*
 * Multi-MSI: one message, of which the function changes the low bits
 */

static void block_of_8(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 8);
	const struct virtio_irq_req_alloc *req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	const struct msi_domain_info *info;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags),
			VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 8);
	domain_expect_counts(d, 1, 0, 0, 0);
	/* What the parent has not, and virtio-irq adds */
	info = irq_get_irq_data(pci_irq_vector(d->fn->pdev, 0))->domain->host_data;
	KUNIT_EXPECT_TRUE(test, info->flags & MSI_FLAG_MULTI_PCI_MSI);

	for (i = 0; i < 8; i++) {
		struct fake_vector *vec = domain_vector(d, d->fn, i);
		unsigned int virq = pci_irq_vector(d->fn->pdev, i);

		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
		/* Each has a route of its own, all have one message */
		KUNIT_EXPECT_TRUE(test, vec->armed);
		KUNIT_EXPECT_EQ(test, vec->route_data, fake_parent_route(d->parent, virq).data);
		DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
				  domain_vector(d, d->fn, 0)->pair);
		domain_fire(d, d->fn, i);
	}
	for (i = 0; i < 8; i++)
		fake_pci_free(d->fn, i);
	domain_expect_counts(d, 1, 8, 8, 0);
	finish(d);
}

/* The core writes when the first of them is activated, here it is the third */
static void block_without_its_first(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 4);

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 2), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 0)->armed);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 2)->armed);
	fake_pci_free(d->fn, 2);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	finish(d);
}

/* The core zeroes the message when the first is deactivated: the others need it */
static void block_loses_its_first(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 4);
	u32 base = domain_vector(d, d->fn, 0)->pair;

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 3), 0);
	fake_pci_free(d->fn, 0);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 0)->armed);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, base);
	domain_fire(d, d->fn, 3);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	fake_pci_free(d->fn, 3);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, base);
	fake_pci_free(d->fn, 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	finish(d);
}

/* Two CPUs deactivate the last two: each has written before the host is told of the other */
static void block_loses_two_at_a_time(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 4);
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, 1));
	struct msi_msg none = { };

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 2), 0);
	/* The first half of msi_domain_deactivate() */
	data->chip->irq_write_msi_msg(data, &none);
	KUNIT_EXPECT_NE(test, fake_pci_msi_message(d->fn).data, 0);
	fake_pci_free(d->fn, 2);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	fake_pci_free(d->fn, 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	/* And the next one has it again */
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 3), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	fake_pci_free(d->fn, 3);
	finish(d);
}

static void block_refusal_leaves_the_message(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 4);
	u32 base = domain_vector(d, d->fn, 0)->pair;

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EDQUOT);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, base);
	domain_fire(d, d->fn, 1);
	fake_pci_free(d->fn, 1);
	finish(d);
}

/* All or nothing: the core tries with one vector then */
static void block_refused(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msi);

	d->host->quota = 3;
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSI), 1);
	domain_expect_counts(d, 2, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 1);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	fake_pci_free(d->fn, 0);
	finish(d);
}

static void block_of_no_power_of_two(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 3);
	const struct virtio_irq_req_alloc *req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);

	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 3);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 2), 0);
	/* The function replaces two bits of the data, so they have to be 0 */
	KUNIT_EXPECT_EQ(test, fake_pci_msi_message(d->fn).data & 3, 0);
	fake_pci_free(d->fn, 2);
	finish(d);
}

static void block_misaligned(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 4);

	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x402);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	domain_settle(d);
	finish(d);
}

static void block_of_another_base(struct kunit *test)
{
	struct domain *d = with_block(test, &domain_reservation, &domain_msi, 4);
	u32 base = domain_vector(d, d->fn, 0)->pair;

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, base + 4 + 1);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -EIO);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, base);
	fake_pci_free(d->fn, 0);
	domain_settle(d);
	finish(d);
}

static void block_larger_than_the_store(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE);

	d->host->multi_msi = 1;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msi);
	fake_pci_plug(d->fn);
	fake_host_forget_log(d->host);
	/* Not worth a request; the core asks for one vector then */
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSI), 1);
	domain_expect_counts(d, 1, 0, 0, 0);
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSI), 2);
	finish(d);
}

static void block_of_32(struct kunit *test)
{
	struct domain *d = with_block(test, &no_reservation, &domain_msi, 32);
	unsigned int i;

	for (i = 0; i < 32; i++)
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
	for (i = 0; i < 32; i++)
		domain_fire(d, d->fn, i);
	domain_expect_counts(d, 1, 32, 0, 0);
	for (i = 0; i < 32; i++)
		fake_pci_free(d->fn, i);
	finish(d);
}

/* Activated one after the other at allocation: the fourth fails, all go */
static void block_refused_at_allocation(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_unmaskable_8);
	const struct virtio_irq_req_alloc *req;

	fake_parent_fail(d->parent, FAKE_PARENT_ACTIVATE, 3, 1, -EXFULL);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 8, 8, PCI_IRQ_MSI), -EXFULL);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), VIRTIO_IRQ_ALLOC_F_COMMIT |
			VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	domain_expect_counts(d, 1, 3, 3, 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	domain_expect_idle(d);
}

static void block_parent_refuses(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msi);

	fake_parent_fail(d->parent, FAKE_PARENT_ALLOC, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 8, PCI_IRQ_MSI), 1);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 1);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 1);
	finish(d);
}

/* Each is freed whole before the next is asked for, lazily or not */
static void block_after_block(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation,
				      DOMAIN_SCOPE | DOMAIN_LAZY);
	unsigned int count, i;

	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msi);
	for (count = 32; count; count /= 2) {
		KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, count, count,
							    PCI_IRQ_MSI), count);
		KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), count);
		for (i = 0; i < count; i++)
			KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
		for (i = 0; i < count; i++)
			fake_pci_free(d->fn, i);
		pci_free_irq_vectors(d->fn->pdev);
	}
	domain_expect_idle(d);
}

/*
 * MSI-X vectors that come and go one by one
 */

static struct domain *with_msix(struct kunit *test, unsigned int count)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, count, count, PCI_IRQ_MSIX),
			count);
	KUNIT_ASSERT_TRUE(test, pci_msix_can_alloc_dyn(d->fn->pdev));
	fake_host_forget_log(d->host);
	return d;
}

static void dynamic_any_index(struct kunit *test)
{
	struct domain *d = with_msix(test, 2);
	const struct virtio_irq_req_alloc *req;
	struct msi_map map = pci_msix_alloc_irq_at(d->fn->pdev, MSI_ANY_INDEX, NULL);

	KUNIT_ASSERT_EQ(test, map.index, 2);
	domain_expect_counts(d, 1, 0, 0, 0);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), 2);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 1);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 3);

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 2), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 2), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 2)->pair);
	domain_fire(d, d->fn, 2);
	fake_pci_free(d->fn, 2);
	pci_msix_free_irq(d->fn->pdev, map);
	finish(d);
}

/* R2: what comes and goes is nothing to those that stay */
static void dynamic_leaves_others_alone(struct kunit *test)
{
	struct domain *d = with_msix(test, 2);
	struct virtio_irq_msg before;
	struct msi_map map;
	int i;

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	before = fake_pci_msix_message(d->fn, 1);
	fake_host_forget_log(d->host);
	for (i = 0; i < 5; i++) {
		map = pci_msix_alloc_irq_at(d->fn->pdev, 20 + i, NULL);
		KUNIT_ASSERT_EQ(test, map.index, 20 + i);
		KUNIT_EXPECT_FALSE(test, fake_pci_msix_masked(d->fn, 1));
		pci_msix_free_irq(d->fn->pdev, map);
		DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), before.address,
				  before.data);
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 1)->armed);
	}
	domain_fire(d, d->fn, 1);
	/* None of them was named in a request */
	domain_expect_counts(d, 5, 0, 0, fake_host_count(d->host, VIRTIO_IRQ_T_FREE));
	fake_pci_free(d->fn, 0);
	fake_pci_free(d->fn, 1);
	finish(d);
}

static void dynamic_same_index_again(struct kunit *test)
{
	struct domain *d = with_msix(test, 1);
	struct msi_map map;
	int i;

	for (i = 0; i < 3; i++) {
		map = pci_msix_alloc_irq_at(d->fn->pdev, 9, NULL);
		KUNIT_ASSERT_EQ(test, map.index, 9);
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 9)->allocated);
		pci_msix_free_irq(d->fn->pdev, map);
	}
	finish(d);
}

static void dynamic_index_in_use(struct kunit *test)
{
	struct domain *d = with_msix(test, 2);
	struct msi_map map = pci_msix_alloc_irq_at(d->fn->pdev, 1, NULL);

	KUNIT_EXPECT_EQ(test, map.index, -EBUSY);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(d);
}

static void dynamic_refused(struct kunit *test)
{
	struct domain *d = with_msix(test, 2);
	struct msi_map map;

	d->host->quota = 2;
	map = pci_msix_alloc_irq_at(d->fn->pdev, MSI_ANY_INDEX, NULL);
	KUNIT_EXPECT_EQ(test, map.index, -ENOSPC);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 2);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 2);
	d->host->quota = 3;
	map = pci_msix_alloc_irq_at(d->fn->pdev, MSI_ANY_INDEX, NULL);
	KUNIT_EXPECT_EQ(test, map.index, 2);
	pci_msix_free_irq(d->fn->pdev, map);
	finish(d);
}

static void dynamic_parent_refuses(struct kunit *test)
{
	struct domain *d = with_msix(test, 2);
	struct msi_map map;

	fake_parent_fail(d->parent, FAKE_PARENT_ALLOC, 0, 1, -ENOMEM);
	map = pci_msix_alloc_irq_at(d->fn->pdev, 7, NULL);
	KUNIT_EXPECT_EQ(test, map.index, -ENOSPC);
	/* Its FREE may be lazy: the timer or the next request takes it along */
	map = pci_msix_alloc_irq_at(d->fn->pdev, 8, NULL);
	KUNIT_ASSERT_EQ(test, map.index, 8);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 7)->allocated);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 3);
	pci_msix_free_irq(d->fn->pdev, map);
	finish(d);
}

static void dynamic_with_affinity(struct kunit *test)
{
	struct domain *d = with_msix(test, 1);
	struct irq_affinity_desc affdesc = { };
	const struct virtio_irq_req_alloc *req;
	struct msi_map map;

	/* A hint, not managed: committed as those that the core spreads */
	cpumask_copy(&affdesc.mask, cpumask_of(0));
	map = pci_msix_alloc_irq_at(d->fn->pdev, MSI_ANY_INDEX, &affdesc);
	KUNIT_ASSERT_EQ(test, map.index, 1);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), VIRTIO_IRQ_ALLOC_F_COMMIT);
	pci_msix_free_irq(d->fn->pdev, map);
	finish(d);
}

/* The vectors of the middle are gone at the host when they are gone here */
static void dynamic_freed_from_the_middle(struct kunit *test)
{
	struct domain *d = with_msix(test, 8);
	struct msi_map map;
	unsigned int i;

	for (i = 2; i < 6; i++) {
		map.index = i;
		map.virq = pci_irq_vector(d->fn->pdev, i);
		pci_msix_free_irq(d->fn->pdev, map);
	}
	/* In the ring with the next request, as one range */
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	domain_expect_counts(d, 0, 1, 0, 1);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, domain_vector(d, d->fn, i)->allocated, i < 2 || i > 5);
	fake_pci_free(d->fn, 0);
	finish(d);
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(block_of_8),
	KUNIT_CASE(block_without_its_first),
	KUNIT_CASE(block_loses_its_first),
	KUNIT_CASE(block_loses_two_at_a_time),
	KUNIT_CASE(block_refusal_leaves_the_message),
	KUNIT_CASE(block_refused),
	KUNIT_CASE(block_of_no_power_of_two),
	KUNIT_CASE(block_misaligned),
	KUNIT_CASE(block_of_another_base),
	KUNIT_CASE(block_larger_than_the_store),
	KUNIT_CASE(block_of_32),
	KUNIT_CASE(block_refused_at_allocation),
	KUNIT_CASE(block_parent_refuses),
	KUNIT_CASE(block_after_block),
	KUNIT_CASE(dynamic_any_index),
	KUNIT_CASE(dynamic_leaves_others_alone),
	KUNIT_CASE(dynamic_same_index_again),
	KUNIT_CASE(dynamic_index_in_use),
	KUNIT_CASE(dynamic_refused),
	KUNIT_CASE(dynamic_parent_refuses),
	KUNIT_CASE(dynamic_with_affinity),
	KUNIT_CASE(dynamic_freed_from_the_middle),
	{ }
};

static struct kunit_suite block_suite = {
	.name = "virtio-irq-domain-block",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = block_cases,
};

kunit_test_suite(block_suite);
