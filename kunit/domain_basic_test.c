// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: the life of an interrupt
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "domain_fixture.h"

static const struct fake_parent_caps no_reservation = { };
static const struct fake_parent_caps full_chip = { .reservation = true, .full_chip = true };
static const struct fake_parent_caps masking = { .full_chip = true, .mask_parent = true };

static const struct fake_pci_caps msi_unmaskable = { .msi = true, .msi_64 = true };
static const struct fake_pci_caps msi_32 = { .msi = true, .msi_mask = true, .msi_log2 = 3 };
static const struct fake_pci_caps msi_and_msix = {
	.msi = true, .msi_64 = true, .msi_mask = true, .msi_log2 = 2, .msix = 8,
};

static struct virtio_irq_msg message(struct fake_pci_function *fn, unsigned int index)
{
	return fn->pdev->msix_enabled ? fake_pci_msix_message(fn, index) :
					fake_pci_msi_message(fn);
}

/*
 * Every kind of parent and of store
 */

struct kind {
	const char *name;
	const struct fake_parent_caps *parent;
	const struct fake_pci_caps *fn;
	unsigned int flags;
	/* Armed when the vectors are allocated */
	bool early;
};

static const struct kind kinds[] = {
	{ "MSI-X", &domain_reservation, &domain_msix, PCI_IRQ_MSIX, false },
	{ "MSI-X, no reservation", &no_reservation, &domain_msix, PCI_IRQ_MSIX, false },
	{ "MSI-X, full chip", &full_chip, &domain_msix, PCI_IRQ_MSIX, false },
	{ "MSI-X, masking parent", &masking, &domain_msix, PCI_IRQ_MSIX, false },
	{ "MSI", &domain_reservation, &domain_msi, PCI_IRQ_MSI, false },
	{ "MSI, no reservation", &no_reservation, &domain_msi, PCI_IRQ_MSI, true },
	{ "MSI, masking parent", &masking, &domain_msi, PCI_IRQ_MSI, true },
	{ "MSI 32 bit", &domain_reservation, &msi_32, PCI_IRQ_MSI, false },
	{ "MSI unmaskable", &domain_reservation, &msi_unmaskable, PCI_IRQ_MSI, true },
	{ "MSI unmaskable, no reservation", &no_reservation, &msi_unmaskable, PCI_IRQ_MSI, true },
};

KUNIT_ARRAY_PARAM_DESC(kind, kinds, name);

/* The device has the host's pair, the host has the parent's route */
static void expect_armed(struct domain *d, unsigned int index)
{
	struct kunit *test = d->test;
	struct fake_vector *vec = domain_vector(d, d->fn, index);
	struct virtio_irq_msg route = fake_parent_route(d->parent,
							pci_irq_vector(d->fn->pdev, index));

	KUNIT_EXPECT_TRUE(test, vec->armed);
	KUNIT_EXPECT_EQ(test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(test, vec->route_data, route.data);
	KUNIT_EXPECT_NE(test, route.data, FAKE_RESERVED_VECTOR);
	DOMAIN_EXPECT_MSG(test, message(d->fn, index), FAKE_PAIR_ADDRESS, vec->pair);
}

static void life_of_one(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct domain *d = domain_with(test, kind->parent, kind->fn);
	struct pci_dev *pdev = d->fn->pdev;
	struct fake_vector *vec = domain_vector(d, d->fn, 0);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(pdev, 1, 1, kind->flags), 1);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 1);
	KUNIT_EXPECT_EQ(test, vec->armed, kind->early);
	domain_expect_counts(d, 1, kind->early, 0, 0);
	if (!kind->early)
		DOMAIN_EXPECT_MSG(test, message(d->fn, 0), 0, 0);

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	expect_armed(d, 0);
	domain_expect_counts(d, 1, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 1);
	domain_fire(d, d->fn, 0);

	fake_pci_free(d->fn, 0);
	KUNIT_EXPECT_FALSE(test, vec->armed);
	KUNIT_EXPECT_TRUE(test, vec->allocated);
	DOMAIN_EXPECT_MSG(test, message(d->fn, 0), 0, 0);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 0);

	pci_free_irq_vectors(pdev);
	domain_expect_counts(d, 1, 1, 1, 1);
	domain_expect_idle(d);
}

/* What the interrupt is for: masked and unmasked where it can be */
static void mask_and_unmask(struct kunit *test)
{
	const struct kind *kind = test->param_value;
	struct domain *d = domain_with(test, kind->parent, kind->fn);
	bool msix = kind->flags == PCI_IRQ_MSIX;
	bool maskable = msix || kind->fn->msi_mask;
	unsigned int virq, masks, unmasks;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, kind->flags), 1);
	if (maskable)
		KUNIT_EXPECT_TRUE(test, msix ? fake_pci_msix_masked(d->fn, 0) :
					       fake_pci_msi_masked(d->fn, 0));
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	if (maskable)
		KUNIT_EXPECT_FALSE(test, msix ? fake_pci_msix_masked(d->fn, 0) :
						fake_pci_msi_masked(d->fn, 0));

	/* Disabled is lazy: the mask comes with the interrupt that nobody wants */
	virq = pci_irq_vector(d->fn->pdev, 0);
	irq_set_status_flags(virq, IRQ_DISABLE_UNLAZY);
	fake_host_forget_log(d->host);
	masks = d->parent->calls[FAKE_PARENT_MASK];
	unmasks = d->parent->calls[FAKE_PARENT_UNMASK];
	disable_irq(virq);
	if (maskable)
		KUNIT_EXPECT_TRUE(test, msix ? fake_pci_msix_masked(d->fn, 0) :
					       fake_pci_msi_masked(d->fn, 0));
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_MASK] - masks,
			kind->parent->mask_parent);
	enable_irq(virq);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_UNMASK] - unmasks,
			kind->parent->mask_parent);
	if (maskable)
		KUNIT_EXPECT_FALSE(test, msix ? fake_pci_msix_masked(d->fn, 0) :
						fake_pci_msi_masked(d->fn, 0));
	/* A matter between the driver and its device */
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	expect_armed(d, 0);

	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/*
 * Allocation
 */

static void alloc_asks_once(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	const struct virtio_irq_req_alloc *req;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 16, 16, PCI_IRQ_MSIX), 16);
	domain_expect_counts(d, 1, 0, 0, 0);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->head.endpoint), fake_pci_endpoint(d->fn));
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->store), VIRTIO_IRQ_STORE_MSI);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 16);
	KUNIT_EXPECT_EQ(test, req->addr_width, 64);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 16);

	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_counts(d, 1, 0, 0, 1);
	domain_expect_idle(d);
}

/* Consecutive indices go together, whatever the driver picks */
static void alloc_asks_per_run(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	struct msix_entry entries[] = {
		{ .entry = 2 }, { .entry = 3 }, { .entry = 4 }, { .entry = 9 }, { .entry = 10 },
	};
	const struct virtio_irq_req_alloc *req;

	KUNIT_ASSERT_EQ(test, pci_enable_msix_exact(d->fn->pdev, entries, 5), 0);
	domain_expect_counts(d, 2, 0, 0, 0);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), 2);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 3);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), 9);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 2);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 5);
	pci_disable_msix(d->fn->pdev);
	domain_expect_idle(d);
}

static void reservation_asks_nothing(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msi);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RESERVE], 1);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_ACTIVATE], 0);
	domain_expect_counts(d, 1, 0, 0, 0);
	/* The dummy message of the parent is nothing that a device may hold */
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);

	/* Never requested, so never deactivated */
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_DEACTIVATE], 0);
	domain_expect_counts(d, 1, 0, 0, 1);
	domain_expect_idle(d);
}

static void no_early_activation_of_msix(struct kunit *test)
{
	struct domain *d = domain_with(test, &no_reservation, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSIX), 4);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RESERVE], 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_ACTIVATE], 0);
	domain_expect_counts(d, 1, 0, 0, 0);
	/* So that a refusal is request_irq()'s error here, too */
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 3), -EDQUOT);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void unmaskable_is_armed_before_it_is_enabled(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_unmaskable);
	const struct virtio_irq_req_alloc *req;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags),
			VIRTIO_IRQ_ALLOC_F_COMMIT | VIRTIO_IRQ_ALLOC_F_DATA16);
	expect_armed(d, 0);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_enabled(d->fn));
	/* The first request finds it activated */
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	domain_expect_counts(d, 1, 1, 0, 0);
	fake_pci_free(d->fn, 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	domain_expect_counts(d, 1, 2, 1, 0);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void unmaskable_freed_without_request(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_unmaskable);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_counts(d, 1, 1, 1, 1);
	domain_expect_idle(d);
}

static void unmaskable_refused(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_unmaskable);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), -EDQUOT);
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_enabled(d->fn));
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	domain_expect_idle(d);
}

static void partial_grant(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	unsigned int i;

	d->host->quota = 5;
	domain_log_start();
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 16, PCI_IRQ_MSIX), 5);
	domain_log_stop();
	/* 5 of 16, and why; the core tries with 5 then */
	domain_expect_counts(d, 2, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, domain_log_count("the host "), 1);
	domain_expect_told_once(test,
				"virtio-irq: the host granted 5 of 16 vectors: quota of this guest or device (-EDQUOT)");
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 5);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 5);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, i), 0);
		expect_armed(d, i);
	}
	for (i = 0; i < 5; i++)
		fake_pci_free(d->fn, i);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);

	/* Later there is room */
	d->host->quota = UINT_MAX;
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 16, PCI_IRQ_MSIX), 16);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* Each attempt of the core is refused, which is one refusal to an administrator */
static void refusal_is_told_once(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_and_msix);

	d->host->quota = 0;
	domain_log_start();
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSIX | PCI_IRQ_MSI),
			-ENOSPC);
	domain_log_stop();
	KUNIT_EXPECT_GT(test, fake_host_count(d->host, VIRTIO_IRQ_T_ALLOC), 2);
	KUNIT_EXPECT_EQ(test, domain_log_count("the host "), 1);
	domain_expect_told_once(test,
				"the host refused 4 vectors from 0 on: quota of this guest or device (-EDQUOT)");
	domain_expect_idle(d);

	/* The next one is another, when there was a grant in between */
	d->host->quota = UINT_MAX;
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	pci_free_irq_vectors(d->fn->pdev);
	d->host->quota = 0;
	domain_log_start();
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), -ENOSPC);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, domain_log_count("the host refused 1 vector from 0 on: quota"), 1);
	domain_expect_idle(d);
}

/* The host takes requests for one vector each: that is no refusal of the others */
static void max_count_is_no_refusal(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE);

	d->host->config.max_count = cpu_to_le32(1);
	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_host_forget_log(d->host);
	domain_log_start();
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 3, 3, PCI_IRQ_MSIX), 3);
	domain_log_stop();
	domain_expect_counts(d, 3, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, domain_log_count("the host "), 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void partial_grant_is_not_enough(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	d->host->quota = 5;
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 6, 16, PCI_IRQ_MSIX), -ENOSPC);
	domain_expect_idle(d);
}

static void refused_alloc_falls_back_to_msi(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_and_msix);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_NOSPC);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4,
						    PCI_IRQ_MSIX | PCI_IRQ_MSI), 4);
	KUNIT_EXPECT_TRUE(test, d->fn->pdev->msi_enabled);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	expect_armed(d, 0);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* A driver that was granted too little goes back to MSI: nothing stays granted for MSI-X */
static void msix_then_msi(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_and_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 8, 8, PCI_IRQ_MSIX), 8);
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSI), 4);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 4);
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 8, 8, PCI_IRQ_MSIX), 8);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 8);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void parent_refuses_alloc(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	fake_parent_fail(d->parent, FAKE_PARENT_ALLOC, 0, UINT_MAX, -ENOMEM);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 8, PCI_IRQ_MSIX), -ENOSPC);
	/* The host had granted all of them */
	domain_expect_idle(d);
	fake_parent_fail(d->parent, FAKE_PARENT_ANY, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 8, PCI_IRQ_MSIX), 8);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

struct thief {
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
};

static void steal(void *data)
{
	struct thief *thief = data;

	thief->vec = virtio_irq_take(thief->store, 2);
}

/* The third of four vectors is gone when its interrupt is made: all is undone */
static void grant_gone_meanwhile(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &msi_32);
	struct virtio_irq_endpoint *ep = list_first_entry(&d->vi->endpoints,
							  struct virtio_irq_endpoint, node);
	struct thief thief = { .store = &ep->msi };

	d->parent->on_alloc = steal;
	d->parent->on_alloc_data = &thief;
	KUNIT_EXPECT_LT(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSI), 0);
	d->parent->on_alloc = NULL;
	KUNIT_ASSERT_NOT_NULL(test, thief.vec);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	virtio_irq_free(thief.vec);
	domain_expect_idle(d);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSI), 4);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void parent_refuses_third_alloc(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	fake_parent_fail(d->parent, FAKE_PARENT_ALLOC, 2, 1, -ENOSPC);
	/* The core frees the two, and tries again with two */
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 8, PCI_IRQ_MSIX), 2);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 2);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), 2);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

#ifdef CONFIG_GENERIC_IRQ_DEBUGFS
/* What /sys/kernel/debug/irq says of the domain and of an interrupt */
static void shown_in_debugfs(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	struct irq_domain *msi = dev_get_msi_domain(&d->fn->pdev->dev);
	struct seq_file m = { .size = 1024, .buf = kunit_kzalloc(test, 1024, GFP_KERNEL) };
	struct irq_data *data, early = { .domain = msi };
	char want[80];

	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	/* Its file is there before its allocation is complete, and until it is gone */
	msi->ops->debug_show(&m, NULL, &early, 1);
	KUNIT_EXPECT_EQ(test, m.count, 0);
	msi->ops->debug_show(&m, msi, NULL, 1);
	snprintf(want, sizeof(want), " controller: %s\n", dev_name(&d->host->vdev.dev));
	KUNIT_EXPECT_STREQ(test, m.buf, want);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	memset(m.buf, 0, m.size);
	m.count = 0;
	data = irq_domain_get_irq_data(msi, pci_irq_vector(d->fn->pdev, 1));
	KUNIT_EXPECT_STREQ(test, data->chip->name, "virtio-irq");
	/* As irq_debug_show_data() does */
	msi->ops->debug_show(&m, NULL, data, 1);
	snprintf(want, sizeof(want), " vector 1: irq %u granted wanted armed ", data->irq);
	KUNIT_EXPECT_EQ(test, strncmp(m.buf, want, strlen(want)), 0);
	snprintf(want, sizeof(want), "pair %llx/%x\n", FAKE_PAIR_ADDRESS,
		 domain_vector(d, d->fn, 1)->pair);
	KUNIT_EXPECT_NOT_NULL(test, strstr(m.buf, want));
	fake_pci_free(d->fn, 1);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}
#endif

/* A lookup for a bus does not find it; one for any bus does not ask, and needs its node */
static void not_to_be_looked_up(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);
	struct irq_domain *msi = dev_get_msi_domain(&d->fn->pdev->dev);
	static const enum irq_domain_bus_token tokens[] = {
		DOMAIN_BUS_NEXUS, DOMAIN_BUS_PCI_MSI, DOMAIN_BUS_GENERIC_MSI,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tokens); i++)
		KUNIT_EXPECT_PTR_NE(test, irq_find_matching_fwnode(msi->fwnode, tokens[i]), msi);
}

static struct kunit_case basic_cases[] = {
	KUNIT_CASE_PARAM(life_of_one, kind_gen_params),
	KUNIT_CASE_PARAM(mask_and_unmask, kind_gen_params),
	KUNIT_CASE(alloc_asks_once),
	KUNIT_CASE(alloc_asks_per_run),
	KUNIT_CASE(reservation_asks_nothing),
	KUNIT_CASE(no_early_activation_of_msix),
	KUNIT_CASE(unmaskable_is_armed_before_it_is_enabled),
	KUNIT_CASE(unmaskable_freed_without_request),
	KUNIT_CASE(unmaskable_refused),
	KUNIT_CASE(partial_grant),
	KUNIT_CASE(refusal_is_told_once),
	KUNIT_CASE(max_count_is_no_refusal),
	KUNIT_CASE(partial_grant_is_not_enough),
	KUNIT_CASE(refused_alloc_falls_back_to_msi),
	KUNIT_CASE(msix_then_msi),
	KUNIT_CASE(parent_refuses_alloc),
	KUNIT_CASE(grant_gone_meanwhile),
	KUNIT_CASE(parent_refuses_third_alloc),
#ifdef CONFIG_GENERIC_IRQ_DEBUGFS
	KUNIT_CASE(shown_in_debugfs),
#endif
	KUNIT_CASE(not_to_be_looked_up),
	{ }
};

static struct kunit_suite basic_suite = {
	.name = "virtio-irq-domain",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = basic_cases,
};

kunit_test_suite(basic_suite);
