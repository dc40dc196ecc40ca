// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: what parents differ in
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>
#include <linux/log2.h>

#include "domain_fixture.h"
#include "fake_ims.h"
#include "irq-virtio.h"

/* What the host has never said: a message that is still there was not rewritten */
#define UNTOUCHED		0xdeadbeef

static const struct fake_parent_caps writing = { .kind = VIRTIO_IRQ_PARENT_WRITES };

static const struct fake_parent_caps preparing = {
	.kind = VIRTIO_IRQ_PARENT_PREPARES | VIRTIO_IRQ_PARENT_BLOCKS,
};

static const struct fake_parent_caps isolating = {
	.kind = VIRTIO_IRQ_PARENT_ISOLATES | VIRTIO_IRQ_PARENT_BLOCKS,
};

/*
 * Pairs that would be messages to the parent's own hardware
 */

struct doorbell {
	const char *name;
	bool (*is_inert)(const struct virtio_irq_msg *pair, const struct virtio_irq_msg *route);
	u64 route;
	u64 pair;
	bool inert;
};

static const struct doorbell doorbells[] = {
	{ "v2m, its doorbell", virtio_irq_v2m_is_inert, 0x08020040, 0x08020040 },
	{ "v2m, its first register", virtio_irq_v2m_is_inert, 0x08020040, 0x08020000 },
	{ "v2m, its last word", virtio_irq_v2m_is_inert, 0x08020040, 0x08020ffc },
	{ "v2m, below", virtio_irq_v2m_is_inert, 0x08020040, 0x0801fffc, true },
	{ "v2m, above", virtio_irq_v2m_is_inert, 0x08020040, 0x08021000, true },
	{ "v2m, above 4G", virtio_irq_v2m_is_inert, 0x08020040, 0x108020040, true },
	{ "ITS, its doorbell", virtio_irq_its_is_inert, 0x08090040, 0x08090040 },
	{ "ITS, its control register", virtio_irq_its_is_inert, 0x08090040, 0x08080000 },
	{ "ITS, its last word", virtio_irq_its_is_inert, 0x08090040, 0x0809fffc },
	{ "ITS, below", virtio_irq_its_is_inert, 0x08090040, 0x0807fffc, true },
	{ "ITS, above", virtio_irq_its_is_inert, 0x08090040, 0x080a0000, true },
	{ "ITS, above 4G", virtio_irq_its_is_inert, 0x08090040, 0x108090040, true },
};

KUNIT_ARRAY_PARAM_DESC(doorbell, doorbells, name);

static void inert_at_doorbell(struct kunit *test)
{
	const struct doorbell *d = test->param_value;
	const struct virtio_irq_msg route = { .address = d->route, .data = 64 };
	const struct virtio_irq_msg pair = { .address = d->pair, .data = 64 };

	KUNIT_EXPECT_EQ(test, d->is_inert(&pair, &route), d->inert);
}

/*
 * One that writes its message when an interrupt moves
 */

/* One vector, requested, its entry in the table marked; a host with LAZY */
static struct domain *with_irq(struct kunit *test)
{
	struct domain *d = domain_new(test, &writing, DOMAIN_SCOPE | DOMAIN_LAZY);

	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	d->fn->table[2] = cpu_to_le32(UNTOUCHED);
	fake_host_forget_log(d->host);
	return d;
}

static unsigned int virq_of(struct domain *d)
{
	return pci_irq_vector(d->fn->pdev, 0);
}

static int move(struct domain *d)
{
	d->parent->move = true;
	return fake_parent_set_affinity(d->parent, virq_of(d), cpumask_of(0));
}

static void expect_route(struct domain *d)
{
	struct virtio_irq_msg route = fake_parent_route(d->parent, virq_of(d));
	struct fake_vector *vec = domain_vector(d, d->fn, 0);

	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_EQ(d->test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(d->test, vec->route_data, route.data);
}

static void finish(struct domain *d)
{
	KUNIT_EXPECT_EQ(d->test, fake_pci_msix_message(d->fn, 0).data, UNTOUCHED);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static u32 old_vector;

/*
 * From now on the parent looks what has arrived at the old vector: nothing more may. With
 * desc->lock held
 */
static void expect_answered(void *data)
{
	struct domain *d = data;
	struct fake_vector *vec = domain_vector(d, d->fn, 0);

	KUNIT_EXPECT_EQ(d->test, fake_host_count(d->host, VIRTIO_IRQ_T_ACTIVATE), 1);
	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_NE(d->test, vec->route_data, old_vector);
}

static void moved_by_its_message(struct kunit *test)
{
	struct domain *d = with_irq(test);

	old_vector = fake_parent_route(d->parent, virq_of(d)).data;
	d->parent->on_write = expect_answered;
	d->parent->on_write_data = d;
	KUNIT_EXPECT_EQ(test, move(d), 0);
	KUNIT_EXPECT_NE(test, fake_parent_route(d->parent, virq_of(d)).data, old_vector);
	domain_expect_counts(d, 0, 1, 0, 0);
	expect_route(d);
	domain_fire(d, d->fn, 0);
	domain_settle(d);
	domain_expect_counts(d, 0, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	finish(d);
}

static void not_moved(struct kunit *test)
{
	struct domain *d = with_irq(test);

	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq_of(d), cpumask_of(0)), 0);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	fake_parent_fail(d->parent, FAKE_PARENT_SET_AFFINITY, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, move(d), -ENOSPC);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(d);
}

/* It cannot be told: recovery sends the route, and makes up for what may be lost */
static void host_refuses_move(struct kunit *test)
{
	struct domain *d = with_irq(test);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	/* Holds recovery up, which may be faster on another CPU */
	mutex_lock(&d->vi->endpoints_lock);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_expect_counts(d, 0, 1, 0, 0);
	mutex_unlock(&d->vi->endpoints_lock);
	domain_settle(d);
	domain_expect_counts(d, 0, 2, 0, 0);
	expect_route(d);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(d);
}

/* One wait, however often it is looked at */
static void host_mute_at_move(struct kunit *test)
{
	struct domain *d = with_irq(test);

	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->vi->stats.recoveries, 1);
	expect_route(d);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(d);
}

/* Not activated: nothing is routed yet, and the parent's message is not for the device */
static void moved_before_request(struct kunit *test)
{
	struct domain *d = with_irq(test);
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, 1));
	struct irq_desc *desc = irq_data_to_desc(data);

	d->fn->table[PCI_MSIX_ENTRY_SIZE / 4 + 2] = cpu_to_le32(UNTOUCHED);
	raw_spin_lock_irq(&desc->lock);
	d->parent->move = true;
	KUNIT_EXPECT_GE(test, data->chip->irq_set_affinity(data, cpumask_of(0), false), 0);
	raw_spin_unlock_irq(&desc->lock);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_msix_message(d->fn, 1).data, UNTOUCHED);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 1)->pair);
	fake_pci_free(d->fn, 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), 0, 0);
	finish(d);
}

/* It makes one interrupt at a time, and cannot be asked for more */
static void no_blocks(struct kunit *test)
{
	struct domain *d = domain_with(test, &writing, &domain_msi);
	const struct msi_domain_info *info;

	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 8, PCI_IRQ_MSI), -ENOSPC);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 8, PCI_IRQ_MSI), 1);
	info = irq_get_irq_data(virq_of(d))->domain->host_data;
	KUNIT_EXPECT_FALSE(test, info->flags & MSI_FLAG_MULTI_PCI_MSI);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void ims_moved_by_its_message(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &writing);
	struct fake_vector *vec;
	struct fake_ims *ims;
	unsigned int writes;
	u32 before;

	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 8);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 3, 5), 3);
	vec = fake_ims_vector(ims, 3);
	writes = ims->slots[3].writes;
	before = vec->route_data;

	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, ims->slots[3].virq,
						       cpumask_of(0)), 0);
	KUNIT_EXPECT_NE(test, vec->route_data, before);
	KUNIT_EXPECT_EQ(test, vec->route_data,
			fake_parent_route(d->parent, ims->slots[3].virq).data);
	KUNIT_EXPECT_EQ(test, ims->slots[3].writes, writes);
	/* The top chip's message is not the store's own any more: it is an interrupt of one */
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[3].virq, 6), 0);
	fake_ims_expect_works(ims, 3);
	fake_ims_finish(ims);
	domain_expect_idle(d);
}

/*
 * One that wants to know the sender before anything is allocated
 */

static void prepared_for_function(struct kunit *test)
{
	struct domain *d = domain_with(test, &preparing, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSIX), 4);
	KUNIT_EXPECT_PTR_EQ(test, d->parent->prepared, &d->fn->pdev->dev);
	/* The whole table, and there is no other store */
	KUNIT_EXPECT_EQ(test, d->parent->prepared_nvec, domain_msix.msix);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 3), 0);
	domain_fire(d, d->fn, 3);
	fake_pci_free(d->fn, 3);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void prepare_refused(struct kunit *test)
{
	struct domain *d = domain_with(test, &preparing, &domain_msix);

	fake_parent_fail(d->parent, FAKE_PARENT_PREPARE, 0, 1, -ENOMEM);
	KUNIT_EXPECT_LT(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSIX), 0);
	domain_expect_idle(d);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSIX), 4);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* Its room is made for the first, and the function is the sender of all */
static void prepared_for_store(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &preparing);
	struct fake_ims *ims;

	fake_ims_start(d);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_EXPECT_EQ(test, d->parent->prepared_nvec,
			roundup_pow_of_two(domain_msix.msix + FAKE_IMS_VECTORS));

	ims = fake_ims_bound(d, 0, 8);
	d->parent->prepared = NULL;
	d->parent->prepared_nvec = 0;
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, VIRTIO_IRQ_NO_PASID), 0);
	if (d->parent->prepared) {
		KUNIT_EXPECT_PTR_EQ(test, d->parent->prepared, &d->fn->pdev->dev);
		KUNIT_EXPECT_GE(test, d->parent->prepared_nvec, FAKE_IMS_VECTORS);
	}
	fake_ims_expect_works(ims, 0);
	fake_ims_finish(ims);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* No size is no reason for as much room as there are numbers */
static void prepared_for_open_store(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &preparing);

	d->host->ims_open = true;
	fake_ims_start(d);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_EXPECT_EQ(test, d->parent->prepared_nvec,
			roundup_pow_of_two(domain_msix.msix + 4096));
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* DRV-80: it keeps its promise for what is routed to it, too */
static void isolated_by_its_parent(struct kunit *test)
{
	struct domain *d = domain_new(test, &isolating, DOMAIN_SCOPE);
	struct fake_pci_function *fn;

	d->parent->domain->flags |= IRQ_DOMAIN_FLAG_ISOLATED_MSI;
	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_TRUE(test, domain_served(d, fn));
	KUNIT_EXPECT_TRUE(test, msi_device_has_isolated_msi(&fn->pdev->dev));
	domain_expect_works(d, fn);
}

static struct kunit_case parent_cases[] = {
	KUNIT_CASE_PARAM(inert_at_doorbell, doorbell_gen_params),
	KUNIT_CASE(moved_by_its_message),
	KUNIT_CASE(not_moved),
	KUNIT_CASE(host_refuses_move),
	KUNIT_CASE(host_mute_at_move),
	KUNIT_CASE(moved_before_request),
	KUNIT_CASE(no_blocks),
	KUNIT_CASE(ims_moved_by_its_message),
	KUNIT_CASE(prepared_for_function),
	KUNIT_CASE(prepare_refused),
	KUNIT_CASE(prepared_for_store),
	KUNIT_CASE(prepared_for_open_store),
	KUNIT_CASE(isolated_by_its_parent),
	{ }
};

static struct kunit_suite parent_suite = {
	.name = "virtio-irq-domain-parent",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = parent_cases,
};

kunit_test_suite(parent_suite);
