// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: every step of every operation fails once
 *
 * An operation is run with its first call of the host (or of the parent)
 * failing, then with its second one, and so on until nothing fails any more.
 * Whatever it returned, after it (and after undoing it, if it succeeded) host,
 * parent and interrupt core hold what they held before.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/irq.h>

#include "domain_fixture.h"
#include "kunit_compat.h"

/* More steps than any operation has */
#define MAX_STEPS	40

static const struct fake_parent_caps full_chip = { .reservation = true, .full_chip = true };

static const struct fake_pci_caps both = {
	.msi = true, .msi_64 = true, .msi_mask = true, .msi_log2 = 3, .msix = 32,
};

static const struct fake_pci_caps msi_unmaskable = {
	.msi = true, .msi_64 = true, .msi_log2 = 2,
};

/*
 * Operations
 */

struct operation {
	const char *name;
	const struct fake_pci_caps *caps;
	/* Once, before the first run */
	void (*setup)(struct domain *d);
	int (*run)(struct domain *d);
	/* After a run that returned 0 */
	void (*undo)(struct domain *d);
};

static int alloc_msix(struct domain *d)
{
	int n = pci_alloc_irq_vectors(d->fn->pdev, 1, 6, PCI_IRQ_MSIX);

	return n < 0 ? n : 0;
}

static int alloc_block(struct domain *d)
{
	int n = pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSI);

	return n < 0 ? n : 0;
}

static int alloc_any(struct domain *d)
{
	int n = pci_alloc_irq_vectors(d->fn->pdev, 1, 4, PCI_IRQ_MSIX | PCI_IRQ_MSI);

	return n < 0 ? n : 0;
}

static void free_vectors(struct domain *d)
{
	pci_free_irq_vectors(d->fn->pdev);
}

static void setup_vectors(struct domain *d)
{
	KUNIT_ASSERT_EQ(d->test, pci_alloc_irq_vectors(d->fn->pdev, 3, 3, PCI_IRQ_MSIX), 3);
}

static int request(struct domain *d)
{
	return fake_pci_request(d->fn, 1);
}

static void free_irq_1(struct domain *d)
{
	fake_pci_free(d->fn, 1);
}

static void setup_irq(struct domain *d)
{
	setup_vectors(d);
	KUNIT_ASSERT_EQ(d->test, fake_pci_request(d->fn, 0), 0);
}

static void nothing(struct domain *d)
{
}

static int set_affinity(struct domain *d)
{
	d->parent->move = true;
	return fake_parent_set_affinity(d->parent, pci_irq_vector(d->fn->pdev, 0), cpumask_of(0));
}

/* Pairs and properties change; what the host has revoked for it, it gives back */
static int stale(struct domain *d)
{
	u32 id = fake_pci_endpoint(d->fn);

	fake_host_stale(d->host, id, 0, 0, 3, VIRTIO_IRQ_EVENT_F_REREAD);
	domain_settle(d);
	if (!d->host->rule.times) {
		fake_event(d->host, VIRTIO_IRQ_EVENT_T_STALE, id, 0, 0, 3, 0);
		domain_settle(d);
	}
	return 0;
}

static int alloc_at(struct domain *d)
{
	struct msi_map map = pci_msix_alloc_irq_at(d->fn->pdev, 9, NULL);

	return map.index < 0 ? map.index : 0;
}

static void free_at(struct domain *d)
{
	struct irq_domain *msi = irq_get_irq_data(pci_irq_vector(d->fn->pdev, 0))->domain;
	struct msi_map map = { .index = 9, .virq = irq_find_mapping(msi, 9) };

	pci_msix_free_irq(d->fn->pdev, map);
}

/* With everything in use, and back to that */
static int unbind(struct domain *d)
{
	fake_pci_unbind(d->fn);
	KUNIT_EXPECT_PTR_EQ(d->test, dev_get_msi_domain(&d->fn->pdev->dev), d->parent->domain);
	return 0;
}

static void bind_again(struct domain *d)
{
	domain_settle(d);
	KUNIT_ASSERT_EQ(d->test, fake_pci_bind(d->fn), 0);
	KUNIT_ASSERT_TRUE(d->test, domain_served(d, d->fn));
	setup_irq(d);
}

static void setup_unbound(struct domain *d)
{
	fake_pci_unbind(d->fn);
}

/* Always succeeds; served or not, the device works */
static int bind_and_use(struct domain *d)
{
	int err = fake_pci_bind(d->fn);

	if (!err)
		err = alloc_msix(d);
	if (!err)
		err = fake_pci_request(d->fn, 0);
	fake_pci_unbind(d->fn);
	return err;
}

static const struct operation operations[] = {
	{ "alloc MSI-X", &both, nothing, alloc_msix, free_vectors },
	{ "alloc MSI block", &both, nothing, alloc_block, free_vectors },
	{ "alloc MSI-X or MSI", &both, nothing, alloc_any, free_vectors },
	{ "alloc unmaskable MSI", &msi_unmaskable, nothing, alloc_block, free_vectors },
	{ "request_irq", &both, setup_vectors, request, free_irq_1 },
	{ "set_affinity", &both, setup_irq, set_affinity, nothing },
	{ "stale", &both, setup_irq, stale, nothing },
	{ "alloc_irq_at", &both, setup_irq, alloc_at, free_at },
	{ "unbind", &both, setup_irq, unbind, bind_again },
	{ "bind and use", &both, setup_unbound, bind_and_use, nothing },
};

/*
 * Who fails, and how
 */

struct failure {
	const char *name;
	enum fake_fault fault;		/* FAKE_NONE: the parent fails */
	u64 arg;
	int err;
};

static const struct failure failures[] = {
	{ "parent", FAKE_NONE, 0, -ENOSPC },
	{ "refused", FAKE_REFUSE, VIRTIO_IRQ_S_NOSPC },
	{ "DEVERR but done", FAKE_STATUS, VIRTIO_IRQ_S_DEVERR },
	{ "long answer", FAKE_LENGTH, 999 },
	{ "lost", FAKE_LOST },
	{ "done but silent", FAKE_SILENT },
};

struct nth {
	const struct operation *op;
	const struct failure *failure;
};

static struct nth nth_params[ARRAY_SIZE(operations) * ARRAY_SIZE(failures)];

static const void *nth_next(const void *prev, char *desc)
{
	struct nth *nth = prev ? (struct nth *)prev + 1 : nth_params;
	unsigned int i = nth - nth_params;

	if (i == ARRAY_SIZE(nth_params))
		return NULL;
	nth->op = &operations[i / ARRAY_SIZE(failures)];
	nth->failure = &failures[i % ARRAY_SIZE(failures)];
	/* These ask the parent nothing that it could refuse */
	if ((nth->op->run == unbind || nth->op->run == stale) &&
	    nth->failure->fault == FAKE_NONE)
		return nth_next(nth, desc);
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", nth->op->name, nth->failure->name);
	return nth;
}

KUNIT_GENERATOR(nth, nth_next)

static void arm(struct domain *d, const struct failure *failure, unsigned int skip)
{
	if (failure->fault == FAKE_NONE) {
		fake_parent_fail(d->parent, FAKE_PARENT_ANY, skip, 1, failure->err);
	} else {
		fake_host_rule(d->host, failure->fault, 0, 1, failure->arg);
		fake_host_skip(d->host, skip);
	}
}

/* Returns true if it did fail */
static bool disarm(struct domain *d, const struct failure *failure)
{
	bool hit;

	if (failure->fault == FAKE_NONE) {
		hit = !d->parent->fail.times;
		fake_parent_fail(d->parent, FAKE_PARENT_ANY, 0, 0, 0);
	} else {
		hit = !d->host->rule.times;
		fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	}
	return hit;
}

/* What everybody holds */
struct holdings {
	unsigned int parent_allocated;
	unsigned int parent_activated;
	unsigned int parent_resources;
	unsigned int host_allocated;
	unsigned int host_armed;
	unsigned int host_committed;
	unsigned int host_endpoints;
	unsigned int descs;
};

static struct holdings holdings(struct domain *d)
{
	struct holdings h = { };
	unsigned int i, v;

	domain_settle(d);
	h.parent_allocated = d->parent->allocated;
	h.parent_activated = d->parent->activated;
	h.parent_resources = d->parent->resources;
	for (i = 0; i < FAKE_ENDPOINTS; i++) {
		struct fake_endpoint *ep = &d->host->endpoints[i];

		h.host_endpoints += ep->attached;
		for (v = 0; ep->attached && v < FAKE_VECTORS; v++) {
			h.host_allocated += ep->vectors[v].allocated;
			h.host_armed += ep->vectors[v].armed;
			h.host_committed += ep->vectors[v].committed;
		}
	}
	h.descs = domain_count_descs();
	return h;
}

static void expect_same(struct domain *d, const struct holdings *before, unsigned int step)
{
	struct holdings now = holdings(d);

#define SAME(what)								\
	KUNIT_EXPECT_EQ_MSG(d->test, now.what, before->what, "after step %u", step)

	SAME(parent_allocated);
	SAME(parent_activated);
	SAME(parent_resources);
	SAME(host_allocated);
	SAME(host_armed);
	SAME(host_committed);
	SAME(host_endpoints);
	SAME(descs);
#undef SAME
}

/* Whatever is requested is routed as the parent says */
static void expect_routes(struct domain *d)
{
	unsigned int i;

	for (i = 0; i < d->fn->num_irqs; i++) {
		struct irq_data *data = irq_get_irq_data(d->fn->irqs[i]);
		struct fake_vector *vec = domain_vector(d, d->fn, data->hwirq);

		KUNIT_EXPECT_TRUE(d->test, vec->armed);
		KUNIT_EXPECT_EQ(d->test, vec->route_data,
				fake_parent_route(d->parent, d->fn->irqs[i]).data);
		DOMAIN_EXPECT_MSG(d->test, fake_pci_msix_message(d->fn, data->hwirq),
				  FAKE_PAIR_ADDRESS, vec->pair);
	}
}

static void every_step_fails(struct kunit *test)
{
	const struct nth *nth = test->param_value;
	struct domain *d = domain_new(test, &full_chip, DOMAIN_SCOPE | DOMAIN_EVENTS);
	struct holdings before;
	unsigned int step;
	bool hit = true;
	int err;

	d->host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, nth->op->caps);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	nth->op->setup(d);
	before = holdings(d);

	for (step = 0; hit && step < MAX_STEPS; step++) {
		arm(d, nth->failure, step);
		err = nth->op->run(d);
		hit = disarm(d, nth->failure);
		domain_settle(d);
		if (d->fn->bound && domain_served(d, d->fn))
			expect_routes(d);
		if (!err)
			nth->op->undo(d);
		expect_same(d, &before, step);
	}
	/* The last time nothing failed, and there was something to fail before */
	KUNIT_EXPECT_FALSE(test, hit);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, step, 1);
	KUNIT_EXPECT_EQ(test, d->parent->misuse, 0);

	if (d->fn->bound)
		fake_pci_unbind(d->fn);
	domain_expect_idle(d);
}

static struct kunit_case nth_cases[] = {
	KUNIT_CASE_PARAM_ATTR(every_step_fails, nth_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{ }
};

/* Every second step waits for an answer in vain */
static int nth_init(struct kunit *test)
{
	domain_suite_init(test);
	virtio_irq_poll_timeout_ms = 5;
	virtio_irq_sleep_timeout_ms = 50;
	return 0;
}

static struct kunit_suite nth_suite = {
	.name = "virtio-irq-domain-nth",
	.init = nth_init,
	.exit = domain_suite_exit,
	.test_cases = nth_cases,
};

kunit_test_suite(nth_suite);
