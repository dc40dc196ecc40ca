// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of interrupt message stores: vectors that come and go one by one
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "fake_ims.h"

#define NO_PASID	VIRTIO_IRQ_NO_PASID
#define BLOCK		VIRTIO_IRQ_BLOCK_SIZE

/* UML has 64 interrupts beside its own; so that they are in more than one block */
#define MANY		(IS_ENABLED(CONFIG_UML) ? 60 : 200)
#define MANY_FIRST	32
#define MANY_BLOCKS	DIV_ROUND_UP(MANY_FIRST + MANY, BLOCK)

static const struct fake_parent_caps no_reservation = { };
static const struct fake_parent_caps full_chip = { .reservation = true, .full_chip = true };
static const struct fake_parent_caps masking = { .full_chip = true, .mask_parent = true };

static struct fake_ims *with_slots(struct kunit *test, u32 first, u32 count)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);

	fake_ims_start(d);
	return fake_ims_bound(d, first, count);
}

static void finish(struct fake_ims *ims)
{
	fake_ims_finish(ims);
	domain_expect_idle(ims->d);
}

/* The device has the host's pair, the host has the parent's route */
static void expect_armed(struct fake_ims *ims, unsigned int index)
{
	struct fake_vector *vec = fake_ims_vector(ims, index);
	struct fake_ims_slot *slot = &ims->slots[index];
	struct virtio_irq_msg route = fake_parent_route(ims->d->parent, slot->virq);
	struct kunit *test = ims->d->test;

	KUNIT_EXPECT_TRUE(test, vec->armed);
	KUNIT_EXPECT_EQ(test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(test, vec->route_data, route.data);
	DOMAIN_EXPECT_MSG(test, slot->msg, FAKE_PAIR_ADDRESS, vec->pair);
	KUNIT_EXPECT_FALSE(test, slot->masked);
	fake_ims_expect_works(ims, index);
}

struct kind {
	const char *name;
	const struct fake_parent_caps *parent;
};

static const struct kind kinds[] = {
	{ "reservation", &domain_reservation },
	{ "no reservation", &no_reservation },
	{ "full chip", &full_chip },
	{ "masking", &masking },
};

KUNIT_ARRAY_PARAM_DESC(kind, kinds, name);

static void life_of_one(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct domain *d = fake_ims_world(test, kind->parent);
	struct fake_ims_slot *slot;
	struct fake_vector *vec;
	struct fake_ims *ims;
	struct msi_map map;
	char name[64];

	fake_ims_start(d);
	ims = fake_ims_bound(d, 8, 16);
	slot = &ims->slots[3];
	vec = fake_ims_vector(ims, 3);

	map = virtio_irq_ims_add(fake_ims_dev(ims), 3, &map, NO_PASID);
	KUNIT_ASSERT_EQ(test, map.index, 3);
	/* Reserved, and no more than that */
	KUNIT_EXPECT_TRUE(test, vec->allocated);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_EQ(test, slot->writes, 0);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 0);
	domain_expect_counts(d, 1, 0, 0, 0);

	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 3, map.virq), 0);
	KUNIT_EXPECT_PTR_EQ(test, slot->cookie, (void *)&map);
	KUNIT_EXPECT_EQ(test, slot->writes, 1);
	expect_armed(ims, 3);
	domain_expect_counts(d, 1, 1, 0, 0);
	snprintf(name, sizeof(name), "VIRTIO-FAKE-IMS-%s", dev_name(fake_ims_dev(ims)));
	KUNIT_EXPECT_STREQ(test, irq_get_irq_data(map.virq)->chip->name, name);

	fake_ims_free(ims, 3);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_TRUE(test, vec->allocated);
	KUNIT_EXPECT_TRUE(test, slot->masked);
	DOMAIN_EXPECT_MSG(test, slot->msg, 0, 0);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 0);

	/* And again, with another CPU vector perhaps */
	KUNIT_ASSERT_EQ(test, fake_ims_request(ims, 3, map.virq), 0);
	expect_armed(ims, 3);
	fake_ims_free(ims, 3);
	virtio_irq_ims_remove(fake_ims_dev(ims), map);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	/* The block is kept for the next, and goes with the binding */
	domain_expect_counts(d, 1, 2, 2, 0);
	finish(ims);
	domain_expect_counts(d, 1, 2, 2, 1);
}

static void move(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct domain *d = fake_ims_world(test, kind->parent);
	struct fake_ims *ims;

	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 16);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 5, NO_PASID), 5);
	fake_host_forget_log(d->host);
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, ims->slots[5].virq,
						       cpumask_of(0)), 0);
	/* One request, and the store is left alone */
	domain_expect_counts(d, 0, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, ims->slots[5].writes, 1);
	expect_armed(ims, 5);
	finish(ims);
}

static void mask_and_unmask(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct domain *d = fake_ims_world(test, kind->parent);
	unsigned int masks, unmasks, virq;
	bool chip = kind->parent->full_chip;
	struct fake_ims *ims;

	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 16);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	virq = ims->slots[0].virq;
	irq_set_status_flags(virq, IRQ_DISABLE_UNLAZY);
	masks = d->parent->calls[FAKE_PARENT_MASK];
	unmasks = d->parent->calls[FAKE_PARENT_UNMASK];
	fake_host_forget_log(d->host);

	disable_irq(virq);
	KUNIT_EXPECT_TRUE(test, ims->slots[0].masked);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_MASK], masks + chip);
	KUNIT_EXPECT_FALSE(test, fake_ims_fire(ims, 0));
	enable_irq(virq);
	KUNIT_EXPECT_FALSE(test, ims->slots[0].masked);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_UNMASK], unmasks + chip);
	fake_ims_expect_works(ims, 0);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(ims);
}

/*
 * Indices
 */

static void any_index(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test, 100, 4);
	int i;

	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), 2);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 3, NO_PASID), 3);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 3, NO_PASID), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 4, NO_PASID), -ERANGE);
	fake_ims_remove(ims, 2);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), 2);
	for (i = 0; i < 4; i++)
		expect_armed(ims, i);
	/* From 101 on to the end of the block, and 100 */
	domain_expect_counts(ims->d, 2, 5, 1, 0);
	finish(ims);
}

/* One by one, and each step leaves the others alone */
static void many(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test, MANY_FIRST, FAKE_IMS_VECTORS - MANY_FIRST);
	struct domain *d = ims->d;
	unsigned int i, k, writes;

	for (i = 0; i < MANY; i++) {
		KUNIT_ASSERT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), i);
		for (k = 0; k <= i; k++) {
			KUNIT_ASSERT_EQ(test, ims->slots[k].writes, 1);
			KUNIT_ASSERT_TRUE(test, fake_ims_fire(ims, k));
		}
	}
	domain_expect_counts(d, MANY_BLOCKS, MANY, 0, 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_COMMIT), 0);

	/* Every third one goes and comes back */
	for (i = 0; i < MANY; i += 3)
		fake_ims_remove(ims, i);
	for (i = 0, writes = 0; i < MANY; i++) {
		KUNIT_EXPECT_EQ(test, fake_ims_fire(ims, i), i % 3 != 0);
		writes += ims->slots[i].writes;
	}
	/* One more for each that went */
	KUNIT_EXPECT_EQ(test, writes, MANY + DIV_ROUND_UP(MANY, 3));
	for (i = 0; i < MANY; i += 3)
		KUNIT_ASSERT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), i);
	for (i = 0; i < MANY; i++)
		expect_armed(ims, i);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ALLOC), MANY_BLOCKS);
	finish(ims);
}

/* Whole life, 64 of them: no request but ACTIVATE and DEACTIVATE for each */
static void budget(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;
	unsigned int i, n = 0;

	d->host->features |= DOMAIN_LAZY;
	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 64);
	d->host->notifications = 0;
	for (i = 0; i < 64; i++) {
		KUNIT_ASSERT_EQ(test, fake_ims_add(ims, i, NO_PASID), i);
		d->parent->move = true;
		n += !fake_parent_set_affinity(d->parent, ims->slots[i].virq, cpumask_of(0));
		fake_ims_remove(ims, i);
	}
	finish(ims);
	KUNIT_EXPECT_EQ(test, n, 64);
	domain_expect_counts(d, 1, 2 * 64, 64, 1);
	/* 64 * 2.2 */
	KUNIT_EXPECT_LE(test, d->host->notifications, 140);
}

/*
 * What the store can hold
 */

static void narrow_store(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	const struct virtio_irq_req_alloc *req;
	struct fake_ims *ims;

	fake_ims_start(d);
	ims = fake_ims_device(d, 0, 8);
	ims->ims.addr_width = 32;
	ims->ims.data16 = true;
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_bind(fake_ims_dev(ims), d->fn->pdev, &ims->ims), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->store), FAKE_IMS_STORE);
	KUNIT_EXPECT_EQ(test, req->addr_width, 32);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), VIRTIO_IRQ_ALLOC_F_DATA16);
	expect_armed(ims, 0);

	/* The host is not believed */
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x10000);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), -EIO);
	fake_host_rule(d->host, FAKE_ADDRESS, VIRTIO_IRQ_T_ACTIVATE, 1, BIT_ULL(32) + 0xfee00000);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), -EIO);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);
	expect_armed(ims, 0);
	expect_armed(ims, 1);
	finish(ims);
}

static void window_too_high(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	d->host->window_start = FAKE_WINDOW_START | BIT_ULL(52);
	d->host->window_end = FAKE_WINDOW_END | BIT_ULL(52);
	fake_ims_start(d);
	ims = fake_ims_device(d, 0, 8);
	ims->ims.addr_width = 32;
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_bind(fake_ims_dev(ims), d->fn->pdev, &ims->ims), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 0, NO_PASID), -ERANGE);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(ims);
}

/*
 * Refusals
 */

struct refusal {
	const char *name;
	u8 status;
	int err;
};

static const struct refusal refusals[] = {
	{ "QUOTA", VIRTIO_IRQ_S_QUOTA, -EDQUOT },
	{ "NOSPC", VIRTIO_IRQ_S_NOSPC, -ENOSPC },
	{ "BUSY", VIRTIO_IRQ_S_BUSY, -EAGAIN },
	{ "PERM", VIRTIO_IRQ_S_PERM, -EPERM },
	{ "NOMEM", VIRTIO_IRQ_S_NOMEM, -ENOMEM },
	{ "DEVERR", VIRTIO_IRQ_S_DEVERR, -EIO },
};

KUNIT_ARRAY_PARAM_DESC(refusal, refusals, name);

static void reservation_refused(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;
	struct fake_ims *ims = with_slots(test, 62, 10);
	struct domain *d = ims->d;

	/* The third one is in another block */
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, refusal->status);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 2, NO_PASID), refusal->err);
	expect_armed(ims, 0);
	expect_armed(ims, 1);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 2);
	/* The next attempts are not the refusal's business */
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 2, NO_PASID), 2);
	expect_armed(ims, 2);
	finish(ims);
}

static void activation_refused(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;
	struct fake_ims *ims = with_slots(test, 0, 10);
	struct domain *d = ims->d;
	struct msi_map map;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);
	map = virtio_irq_ims_add(fake_ims_dev(ims), 2, NULL, NO_PASID);
	KUNIT_ASSERT_EQ(test, map.index, 2);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, refusal->status);
	KUNIT_EXPECT_EQ(test, fake_ims_request(ims, 2, map.virq), refusal->err);
	KUNIT_EXPECT_EQ(test, ims->slots[2].writes, 0);
	KUNIT_EXPECT_TRUE(test, ims->slots[2].masked);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 2);
	expect_armed(ims, 0);
	expect_armed(ims, 1);
	KUNIT_EXPECT_EQ(test, fake_ims_request(ims, 2, map.virq), 0);
	expect_armed(ims, 2);
	finish(ims);
}

/* What the host has, down to the last vector */
static void quota(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test, 0, 10);
	struct domain *d = ims->d;
	int i;

	d->host->quota = 3;
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, fake_ims_add(ims, i, NO_PASID), i);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 3, NO_PASID), -EDQUOT);
	/* A slot that was reserved once may be used again */
	fake_ims_remove(ims, 1);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, MSI_ANY_INDEX, NO_PASID), 1);
	for (i = 0; i < 3; i++)
		expect_armed(ims, i);
	finish(ims);
}

static void parent_has_no_more(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test, 0, 10);
	struct domain *d = ims->d;
	struct msi_map map;

	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	fake_parent_fail(d->parent, FAKE_PARENT_ALLOC, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), -ENOSPC);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), 1);

	map = virtio_irq_ims_add(fake_ims_dev(ims), 2, NULL, NO_PASID);
	KUNIT_ASSERT_EQ(test, map.index, 2);
	fake_parent_fail(d->parent, FAKE_PARENT_ACTIVATE, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, fake_ims_request(ims, 2, map.virq), -ENOSPC);
	KUNIT_EXPECT_FALSE(test, fake_ims_vector(ims, 2)->armed);
	expect_armed(ims, 0);
	expect_armed(ims, 1);
	domain_expect_counts(d, 1, 2, 0, 0);
	finish(ims);
}

/* A store that wants COMMIT: the refusal is request_irq()'s, before any vector */
static void commit(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	d->host->ims_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 10);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_EXPECT_TRUE(test, fake_ims_vector(ims, 0)->committed);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_COMMIT, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 1, NO_PASID), -EDQUOT);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ACTIVATE), 1);
	expect_armed(ims, 0);
	fake_ims_free(ims, 0);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, fake_ims_vector(ims, 0)->committed);
	finish(ims);
}

/*
 * Several devices
 */

static void two_devices_one_store(struct kunit *test)
{
	struct fake_ims *a = with_slots(test, 0, 4), *b;
	struct domain *d = a->d;
	int i;

	b = fake_ims_bound(d, 4, 4);
	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_EQ(test, fake_ims_add(a, i, NO_PASID), i);
		KUNIT_ASSERT_EQ(test, fake_ims_add(b, i, NO_PASID), i);
	}
	/* They share the block */
	domain_expect_counts(d, 1, 8, 0, 0);
	for (i = 0; i < 4; i++) {
		expect_armed(a, i);
		expect_armed(b, i);
	}
	KUNIT_EXPECT_PTR_NE(test, fake_ims_vector(a, 0), fake_ims_vector(b, 0));

	fake_ims_finish(a);
	for (i = 0; i < 4; i++)
		expect_armed(b, i);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_FREE), 0);
	finish(b);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_FREE), 1);
}

/* MSI-X of the function and its store do not see each other */
static void beside_msix(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test, 0, 8);
	struct domain *d = ims->d;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, NO_PASID), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	expect_armed(ims, 0);
	domain_fire(d, d->fn, 0);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	expect_armed(ims, 0);
	finish(ims);
}

/* The driver leaves its vectors to the domain's end */
static void domain_removed_with_vectors(struct kunit *test)
{
	struct fake_ims *ims = with_slots(test, 0, 8);
	struct msi_map map = { .index = -EINVAL };

	KUNIT_ASSERT_EQ(test, virtio_irq_ims_add(fake_ims_dev(ims), 1, NULL, NO_PASID).index, 1);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_add(fake_ims_dev(ims), 6, NULL, NO_PASID).index, 6);
	/* As it was returned by an add that failed */
	virtio_irq_ims_remove(fake_ims_dev(ims), map);
	KUNIT_EXPECT_EQ(test, ims->d->parent->allocated, 2);
	virtio_irq_ims_remove_domain(fake_ims_dev(ims));
	KUNIT_EXPECT_EQ(test, ims->d->parent->allocated, 0);
	map.index = 1;
	virtio_irq_ims_remove(fake_ims_dev(ims), map);
	virtio_irq_ims_remove_domain(fake_ims_dev(ims));
	finish(ims);
}

static struct kunit_case ims_vector_cases[] = {
	KUNIT_CASE_PARAM(life_of_one, kind_gen_params),
	KUNIT_CASE_PARAM(move, kind_gen_params),
	KUNIT_CASE_PARAM(mask_and_unmask, kind_gen_params),
	KUNIT_CASE(any_index),
	KUNIT_CASE(many),
	KUNIT_CASE(budget),
	KUNIT_CASE(narrow_store),
	KUNIT_CASE(window_too_high),
	KUNIT_CASE_PARAM(reservation_refused, refusal_gen_params),
	KUNIT_CASE_PARAM(activation_refused, refusal_gen_params),
	KUNIT_CASE(quota),
	KUNIT_CASE(parent_has_no_more),
	KUNIT_CASE(commit),
	KUNIT_CASE(two_devices_one_store),
	KUNIT_CASE(beside_msix),
	KUNIT_CASE(domain_removed_with_vectors),
	{ }
};

static struct kunit_suite ims_vector_suite = {
	.name = "virtio-irq-ims-vector",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = ims_vector_cases,
};

kunit_test_suite(ims_vector_suite);
