// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: request_irq() and what it is told
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "domain_fixture.h"
#include "kunit_compat.h"

static const struct fake_parent_caps full_chip = { .reservation = true, .full_chip = true };

static const struct fake_pci_caps msi_32 = { .msi = true, .msi_mask = true };

/* A function with MSI-X vectors, none of them requested */
static struct domain *with_vectors(struct kunit *test, const struct fake_parent_caps *caps,
				   unsigned int count)
{
	struct domain *d = domain_with(test, caps, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, count, count, PCI_IRQ_MSIX),
			count);
	fake_host_forget_log(d->host);
	return d;
}

/* The same, with a store that wants COMMIT */
static struct domain *with_commit(struct kunit *test, const struct fake_parent_caps *caps,
				  unsigned int count)
{
	struct domain *d = domain_new(test, caps, DOMAIN_SCOPE);

	d->host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, count, count, PCI_IRQ_MSIX),
			count);
	fake_host_forget_log(d->host);
	return d;
}

static void finish(struct domain *d)
{
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* As it was before the request that failed */
static void expect_untouched(struct domain *d, unsigned int index)
{
	struct kunit *test = d->test;

	KUNIT_EXPECT_EQ(test, d->parent->activated, 0);
	KUNIT_EXPECT_EQ(test, d->parent->resources, 0);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, index)->armed);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, index)->committed);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, index)->allocated);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, index), 0, 0);
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, index));
}

static void expect_works(struct domain *d, unsigned int index)
{
	struct kunit *test = d->test;
	struct fake_vector *vec = domain_vector(d, d->fn, index);

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, index), 0);
	KUNIT_EXPECT_TRUE(test, vec->armed);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, index), FAKE_PAIR_ADDRESS, vec->pair);
	domain_fire(d, d->fn, index);
	fake_pci_free(d->fn, index);
}

/*
 * Refusals
 */

struct refusal {
	u8 status;
	int err;
	const char *name;
};

static const struct refusal refusals[] = {
	{ VIRTIO_IRQ_S_UNSUPP, -EOPNOTSUPP, "UNSUPP" },
	{ VIRTIO_IRQ_S_INVAL, -EINVAL, "INVAL" },
	{ VIRTIO_IRQ_S_RANGE, -ERANGE, "RANGE" },
	{ VIRTIO_IRQ_S_NOENT, -ENOENT, "NOENT" },
	{ VIRTIO_IRQ_S_PERM, -EPERM, "PERM" },
	{ VIRTIO_IRQ_S_BUSY, -EAGAIN, "BUSY" },
	{ VIRTIO_IRQ_S_NOMEM, -ENOMEM, "NOMEM" },
	{ VIRTIO_IRQ_S_NOSPC, -ENOSPC, "NOSPC" },
	{ VIRTIO_IRQ_S_QUOTA, -EDQUOT, "QUOTA" },
	{ VIRTIO_IRQ_S_DEVERR, -EIO, "DEVERR" },
};

KUNIT_ARRAY_PARAM_DESC(refusal, refusals, name);

static void refused_activate(struct kunit *test)
{
	const struct refusal *r = test->param_value;
	struct domain *d = with_vectors(test, &domain_reservation, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, r->status);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), r->err);
	domain_settle(d);
	expect_untouched(d, 1);
	expect_works(d, 1);
	finish(d);
}

static void refused_commit(struct kunit *test)
{
	const struct refusal *r = test->param_value;
	struct domain *d = with_commit(test, &domain_reservation, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_COMMIT, 1, r->status);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), r->err);
	domain_settle(d);
	/* It did not get as far as the parent */
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_ACTIVATE], 0);
	domain_expect_counts(d, 0, 0, 0, 0);
	expect_untouched(d, 1);
	expect_works(d, 1);
	finish(d);
}

static void refused_alloc(struct kunit *test)
{
	const struct refusal *r = test->param_value;
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, UINT_MAX, r->status);
	/* The core makes one error of all */
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSIX), -ENOSPC);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_ALLOC], 0);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_expect_idle(d);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSIX), 4);
	finish(d);
}

static void commit_and_release(struct kunit *test)
{
	struct domain *d = with_commit(test, &domain_reservation, 2);

	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 1)->committed);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 1)->committed);
	/* DRV-51: COMMIT comes first */
	KUNIT_EXPECT_EQ(test, d->host->log[0].bytes[0], VIRTIO_IRQ_T_COMMIT);
	KUNIT_EXPECT_EQ(test, d->host->log[1].bytes[0], VIRTIO_IRQ_T_ACTIVATE);
	fake_pci_free(d->fn, 1);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 1)->committed);
	KUNIT_EXPECT_EQ(test, d->host->log[2].bytes[0], VIRTIO_IRQ_T_DEACTIVATE);
	KUNIT_EXPECT_EQ(test, d->host->log[3].bytes[0], VIRTIO_IRQ_T_RELEASE);
	expect_works(d, 1);
	finish(d);
}

static void refused_activate_releases(struct kunit *test)
{
	struct domain *d = with_commit(test, &full_chip, 1);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_PERM);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EPERM);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_RELEASE), 1);
	domain_settle(d);
	expect_untouched(d, 0);
	expect_works(d, 0);
	finish(d);
}

static void parent_refuses_resources(struct kunit *test)
{
	struct domain *d = with_commit(test, &full_chip, 1);

	fake_parent_fail(d->parent, FAKE_PARENT_REQUEST_RESOURCES, 0, 1, -ENXIO);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -ENXIO);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_COMMIT), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RELEASE_RESOURCES], 0);
	expect_untouched(d, 0);
	expect_works(d, 0);
	finish(d);
}

static void parent_refuses_activate(struct kunit *test)
{
	struct domain *d = with_commit(test, &full_chip, 1);

	fake_parent_fail(d->parent, FAKE_PARENT_ACTIVATE, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -ENOSPC);
	domain_expect_counts(d, 0, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_RELEASE), 1);
	expect_untouched(d, 0);
	expect_works(d, 0);
	finish(d);
}

/* What the host does to one vector is nothing to the others */
static void refusal_leaves_others_alone(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 4);
	struct virtio_irq_msg before;

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	before = fake_pci_msix_message(d->fn, 0);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -EDQUOT);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), before.address, before.data);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	domain_fire(d, d->fn, 0);
	fake_pci_free(d->fn, 0);
	finish(d);
}

/*
 * Silence and nonsense
 */

static void mute_activate(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 2);

	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -ETIMEDOUT);
	/* It took effect at the host: recovery disarms it */
	domain_settle(d);
	expect_untouched(d, 1);
	expect_works(d, 1);
	finish(d);
}

static void mute_commit(struct kunit *test)
{
	struct domain *d = with_commit(test, &domain_reservation, 2);

	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_COMMIT, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), -ETIMEDOUT);
	domain_settle(d);
	expect_untouched(d, 1);
	expect_works(d, 1);
	finish(d);
}

static void mute_alloc(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ALLOC, 1, 0);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSIX), -ENOSPC);
	domain_expect_idle(d);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 4, 4, PCI_IRQ_MSIX), 4);
	finish(d);
}

/* Whoever requests while the engine recovers waits, and succeeds */
static void request_waits_for_recovery(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 2);

	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -ETIMEDOUT);
	KUNIT_EXPECT_NE(test, READ_ONCE(d->vi->state), VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	fake_pci_free(d->fn, 1);
	finish(d);
}

static void pair_outside_the_window(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 1);

	fake_host_rule(d->host, FAKE_ADDRESS, VIRTIO_IRQ_T_ACTIVATE, 1, FAKE_WINDOW_END + 1);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	domain_settle(d);
	expect_untouched(d, 0);
	expect_works(d, 0);
	finish(d);
}

/*
 * Stores that hold less than a pair
 */

static void msi_has_16_bits_of_data(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msi);
	const struct virtio_irq_req_alloc *req;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), VIRTIO_IRQ_ALLOC_F_DATA16);
	KUNIT_EXPECT_EQ(test, req->addr_width, 64);
	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x10000);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	/* Above all not 0 */
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_masked(d->fn, 0));
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 0)->armed);
	finish(d);
}

static void msix_has_32_bits_of_data(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 1);

	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x12345678);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), FAKE_PAIR_ADDRESS, 0x12345678);
	fake_pci_free(d->fn, 0);
	finish(d);
}

/* A window that begins in the first 4 GiB and ends above them */
static struct domain *with_wide_window(struct kunit *test, const struct fake_pci_caps *fn)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE);

	d->host->window_end = 0x1feefffffULL;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, fn);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	fake_host_forget_log(d->host);
	return d;
}

static void msi_32_gets_no_longer_address(struct kunit *test)
{
	struct domain *d = with_wide_window(test, &msi_32);
	const struct virtio_irq_req_alloc *req;

	/* The capability counts, too, not only what the PCI core makes of it */
	kunit_set_64bit_msi(d->fn->pdev, true);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, req->addr_width, 32);
	fake_host_rule(d->host, FAKE_ADDRESS, VIRTIO_IRQ_T_ACTIVATE, 1, 0x1fee00000ULL);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	domain_settle(d);
	finish(d);
}

static void msix_gets_a_longer_address(struct kunit *test)
{
	struct domain *d = with_wide_window(test, &domain_msix);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	fake_host_rule(d->host, FAKE_ADDRESS, VIRTIO_IRQ_T_ACTIVATE, 1, 0x1fee00000ULL);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), 0);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 0), 0x1fee00000ULL,
			  domain_vector(d, d->fn, 0)->pair);
	fake_pci_free(d->fn, 0);
	finish(d);
}

static void msix_of_a_function_with_32_bits(struct kunit *test)
{
	struct domain *d = with_wide_window(test, &domain_msix);
	const struct virtio_irq_req_alloc *req;

	kunit_set_64bit_msi(d->fn->pdev, false);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	KUNIT_EXPECT_EQ(test, req->addr_width, 32);
	fake_host_rule(d->host, FAKE_ADDRESS, VIRTIO_IRQ_T_ACTIVATE, 1, 0x1fee00000ULL);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 0), -EIO);
	domain_settle(d);
	finish(d);
}

static void window_out_of_reach(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE);

	d->host->window_start = 0x100000000ULL;
	d->host->window_end = 0x1000fffffULL;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &msi_32);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	fake_host_forget_log(d->host);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), -ENOSPC);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	domain_expect_idle(d);
}

/*
 * Again and again
 */

static void free_and_request_again(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 2);
	struct fake_vector *vec = domain_vector(d, d->fn, 1);
	u32 data = 0;
	int i;

	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
		/* With reservation mode each time another vector of the CPU */
		KUNIT_EXPECT_NE(test, vec->route_data, data);
		data = vec->route_data;
		KUNIT_EXPECT_EQ(test, fake_parent_route(d->parent,
							pci_irq_vector(d->fn->pdev, 1)).data, data);
		fake_pci_free(d->fn, 1);
		KUNIT_EXPECT_FALSE(test, vec->armed);
	}
	domain_expect_counts(d, 0, 3, 3, 0);
	finish(d);
}

static irqreturn_t nobody(int irq, void *data)
{
	return IRQ_NONE;
}

/* Requested, but not started: armed all the same, and started without a request */
static void start_later(struct kunit *test)
{
	struct domain *d = with_vectors(test, &domain_reservation, 1);
	unsigned int virq = pci_irq_vector(d->fn->pdev, 0);

	KUNIT_ASSERT_EQ(test, request_irq(virq, nobody, IRQF_NO_AUTOEN, "later", d), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, 0));
	enable_irq(virq);
	KUNIT_EXPECT_FALSE(test, fake_pci_msix_masked(d->fn, 0));
	disable_irq(virq);
	enable_irq(virq);
	domain_expect_counts(d, 0, 1, 0, 0);
	free_irq(virq, d);
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, 0));
	domain_expect_counts(d, 0, 1, 1, 0);
	finish(d);
}

/* The second action of a line is not the host's business */
static void shared_by_two_handlers(struct kunit *test)
{
	struct domain *d = with_commit(test, &domain_reservation, 1);
	unsigned int virq = pci_irq_vector(d->fn->pdev, 0);

	KUNIT_ASSERT_EQ(test, request_irq(virq, nobody, IRQF_SHARED, "first", d), 0);
	KUNIT_ASSERT_EQ(test, request_irq(virq, nobody, IRQF_SHARED, "second", test), 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_COMMIT), 1);
	domain_expect_counts(d, 0, 1, 0, 0);
	free_irq(virq, d);
	domain_expect_counts(d, 0, 1, 0, 0);
	free_irq(virq, test);
	domain_expect_counts(d, 0, 1, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_RELEASE), 1);
	finish(d);
}

/*
 * Notifications, the budgets of the design
 */

static void life(struct domain *d, unsigned int count)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(d->test, pci_alloc_irq_vectors(d->fn->pdev, count, count, PCI_IRQ_MSIX),
			count);
	for (i = 0; i < count; i++)
		KUNIT_ASSERT_EQ(d->test, fake_pci_request(d->fn, i), 0);
}

static struct domain *with_features(struct kunit *test, u64 features)
{
	struct domain *d = domain_new(test, &domain_reservation,
				      DOMAIN_SCOPE | features);

	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(d->fn);
	fake_host_forget_log(d->host);
	return d;
}

static void lazy_life_of_32(struct kunit *test)
{
	struct domain *d = with_features(test, DOMAIN_LAZY);
	unsigned int i, before;

	life(d, 32);
	/* One ALLOC, and each request_irq() one */
	KUNIT_EXPECT_LE(test, d->host->notifications, 33);
	before = d->host->notifications;
	for (i = 0; i < 32; i++)
		fake_pci_free(d->fn, i);
	KUNIT_EXPECT_LE(test, d->host->notifications - before, 1);
	before = d->host->notifications;
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_EXPECT_EQ(test, d->host->notifications - before, 1);
	domain_expect_counts(d, 1, 32, 32, 1);
	domain_expect_idle(d);
}

static void eager_life_of_32(struct kunit *test)
{
	struct domain *d = with_features(test, 0);
	unsigned int i;

	life(d, 32);
	for (i = 0; i < 32; i++) {
		fake_pci_free(d->fn, i);
		/* Without LAZY the CPU's vector is free when the pair is dead */
		KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, i)->armed);
	}
	pci_free_irq_vectors(d->fn->pdev);
	KUNIT_EXPECT_EQ(test, d->host->notifications, 1 + 32 + 32 + 1);
	domain_expect_idle(d);
}

static void strict_is_not_lazy(struct kunit *test)
{
	struct domain *d = with_features(test, DOMAIN_LAZY);

	d->vi->strict = true;
	life(d, 1);
	fake_pci_free(d->fn, 0);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 0)->armed);
	finish(d);
}

static void lazy_goes_before_the_next_request(struct kunit *test)
{
	struct domain *d = with_features(test, DOMAIN_LAZY);

	life(d, 2);
	fake_pci_free(d->fn, 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	fake_host_forget_log(d->host);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	/* In the order in which they were made */
	KUNIT_EXPECT_EQ(test, d->host->log[0].bytes[0], VIRTIO_IRQ_T_DEACTIVATE);
	KUNIT_EXPECT_EQ(test, d->host->log[1].bytes[0], VIRTIO_IRQ_T_ACTIVATE);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	fake_pci_free(d->fn, 0);
	fake_pci_free(d->fn, 1);
	finish(d);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE_PARAM(refused_activate, refusal_gen_params),
	KUNIT_CASE_PARAM(refused_commit, refusal_gen_params),
	KUNIT_CASE_PARAM(refused_alloc, refusal_gen_params),
	KUNIT_CASE(commit_and_release),
	KUNIT_CASE(refused_activate_releases),
	KUNIT_CASE(parent_refuses_resources),
	KUNIT_CASE(parent_refuses_activate),
	KUNIT_CASE(refusal_leaves_others_alone),
	KUNIT_CASE(mute_activate),
	KUNIT_CASE(mute_commit),
	KUNIT_CASE(mute_alloc),
	KUNIT_CASE(request_waits_for_recovery),
	KUNIT_CASE(pair_outside_the_window),
	KUNIT_CASE(msi_has_16_bits_of_data),
	KUNIT_CASE(msix_has_32_bits_of_data),
	KUNIT_CASE(msi_32_gets_no_longer_address),
	KUNIT_CASE(msix_gets_a_longer_address),
	KUNIT_CASE(msix_of_a_function_with_32_bits),
	KUNIT_CASE(window_out_of_reach),
	KUNIT_CASE(free_and_request_again),
	KUNIT_CASE(start_later),
	KUNIT_CASE(shared_by_two_handlers),
	KUNIT_CASE(lazy_life_of_32),
	KUNIT_CASE(eager_life_of_32),
	KUNIT_CASE(strict_is_not_lazy),
	KUNIT_CASE(lazy_goes_before_the_next_request),
	{ }
};

static struct kunit_suite request_suite = {
	.name = "virtio-irq-domain-request",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = request_cases,
};

kunit_test_suite(request_suite);
