// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: which devices, from when to when
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/static_stub.h>

#include "domain_fixture.h"
#include "irq-virtio.h"

static const struct fake_parent_caps unknown = { .reservation = true, .unknown = true };

static const struct fake_pci_caps no_interrupts = { };
static const struct fake_pci_caps bridge = { .bridge = true, .msi = true, .msi_64 = true };
static const struct fake_pci_caps another_controller = { .msix = 32, .controller = true };

static void taken_when_bound(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 1);
	domain_expect_works(d, fn);

	fake_pci_unbind(fn);
	KUNIT_EXPECT_FALSE(test, domain_served(d, fn));
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	domain_expect_idle(d);
}

static void taken_if_bound_before(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);

	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	domain_start(d);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
	domain_expect_idle(d);
}

/* Nobody is bound: nobody is asked for */
static void left_if_not_bound(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);

	fake_pci_unbind(fn);
	domain_start(d);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
}

/* DRV-20: its messages come from the parent, they stay valid */
static void left_if_it_has_interrupts(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	struct virtio_irq_msg route;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 0), 0);
	route = fake_parent_route(d->parent, pci_irq_vector(fn->pdev, 0));
	domain_log_start();
	domain_start(d);
	domain_log_stop();
	KUNIT_EXPECT_NOT_NULL(test, strstr(domain_log_text, "has interrupts already"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(domain_log_text, "write 0007:40:01.0 to /sys/bus/pci/"));
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(fn, 0), route.address, route.data);
	domain_fire(d, fn, 0);

	/* What the log says to do about it */
	fake_pci_unbind(fn);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
	domain_expect_idle(d);
}

static void left_without_capability(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &no_interrupts);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
}

/* DRV-22: also one that is bound to a driver and has MSI; what is behind it is served */
static void left_if_a_bridge(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn, *behind;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &bridge);
	KUNIT_ASSERT_TRUE(test, pci_is_bridge(fn->pdev));
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);

	behind = domain_add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(0, 0), &domain_msi);
	KUNIT_EXPECT_TRUE(test, domain_served(d, behind));
	KUNIT_EXPECT_EQ(test, fake_pci_endpoint(behind),
			FAKE_PCI_SEGMENT << 16 | (FAKE_PCI_BUS + 1) << 8);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
}

static void bounds_of_a_range(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn[4];
	unsigned int i;

	scope_range(d, 0, FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(3, 0));
	domain_start(d);
	for (i = 0; i < 4; i++)
		fn[i] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(i + 1, 0), &domain_msix);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, domain_served(d, fn[i]), i == 1 || i == 2);
	domain_expect_works(d, fn[2]);
	domain_expect_alone(d, fn[3]);
}

static void union_of_ranges(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn[4];
	unsigned int i;

	scope_range(d, 0, FAKE_PCI_BUS << 8 | PCI_DEVFN(4, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(4, 7));
	scope_range(d, 1, FAKE_PCI_BUS << 8 | PCI_DEVFN(1, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(1, 0));
	/* Overlaps: nothing more than one of them */
	scope_range(d, 2, FAKE_PCI_BUS << 8 | PCI_DEVFN(1, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0));
	/* Not counted */
	scope_range(d, 3, 0, 0xffff);
	d->host->config.num_scopes = cpu_to_le16(3);
	domain_start(d);
	for (i = 0; i < 4; i++)
		fn[i] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(i + 1, 0), &domain_msix);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, domain_served(d, fn[i]), i != 2);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 3);
}

/* DRV-14: entries that make no sense say nothing */
struct bad_scope {
	const char *name;
	void (*spoil)(struct virtio_irq_scope_pci *pci);
};

static void other_segment(struct virtio_irq_scope_pci *pci)
{
	pci->segment = cpu_to_le16(FAKE_PCI_SEGMENT + 1);
	pci->endpoint_start = cpu_to_le32((FAKE_PCI_SEGMENT + 1) << 16);
}

static void unknown_type(struct virtio_irq_scope_pci *pci)
{
	pci->type = 77;
}

static void type_none(struct virtio_irq_scope_pci *pci)
{
	pci->type = VIRTIO_IRQ_SCOPE_T_NONE;
}

static void type_mmio(struct virtio_irq_scope_pci *pci)
{
	pci->type = VIRTIO_IRQ_SCOPE_T_MMIO;
}

static void reversed(struct virtio_irq_scope_pci *pci)
{
	pci->bdf_start = cpu_to_le16(FAKE_PCI_BUS << 8 | 0xff);
	pci->bdf_end = cpu_to_le16(FAKE_PCI_BUS << 8);
	pci->endpoint_start = cpu_to_le32(FAKE_PCI_SEGMENT << 16 | FAKE_PCI_BUS << 8 | 0xff);
}

static void endpoint_of_another_segment(struct virtio_irq_scope_pci *pci)
{
	pci->endpoint_start = cpu_to_le32((FAKE_PCI_SEGMENT + 1) << 16);
}

static void endpoint_of_another_function(struct virtio_irq_scope_pci *pci)
{
	pci->endpoint_start = cpu_to_le32(FAKE_PCI_SEGMENT << 16 | 1);
}

static const struct bad_scope bad_scopes[] = {
	{ "other segment", other_segment },
	{ "unknown type", unknown_type },
	{ "none", type_none },
	{ "MMIO", type_mmio },
	{ "reversed", reversed },
	{ "endpoint of another segment", endpoint_of_another_segment },
	{ "endpoint of another function", endpoint_of_another_function },
};

KUNIT_ARRAY_PARAM_DESC(bad_scope, bad_scopes, name);

static void left_by_a_bad_scope(struct kunit *test)
{
	const struct bad_scope *bad = test->param_value;
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn, *other;

	bad->spoil(scope_range(d, 0, 0, 0xffff));
	/* The next entry is as good as ever */
	scope_range(d, 1, FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0));
	d->host->config.num_scopes = cpu_to_le16(2);
	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	other = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 1);
	domain_expect_alone(d, fn);
	KUNIT_EXPECT_TRUE(test, domain_served(d, other));
}

/* DRV-17: a controller that is no PCI function has no segment */
static void no_scope_and_not_on_pci(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation, 0);
	struct fake_pci *pci;
	struct fake_pci_function *fn;

	domain_start(d);
	/* Segment 0, too: it is no default */
	pci = fake_pci_new(test, 0, d->parent->domain);
	fn = fake_pci_function(pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	domain_expect_alone(d, fn);
	domain_expect_alone(d, domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix));
}

/* The controller is a function behind a bridge, as virtio-pci's is */
static struct fake_pci_function *controller(struct domain *d)
{
	struct fake_pci_function *fn;

	domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &bridge);
	fn = domain_add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(0, 0), &domain_msix);
	d->host->vdev.dev.parent = &fn->pdev->dev;
	return fn;
}

static void no_scope_means_its_segment(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation, 0);
	struct fake_pci_function *ctrl = controller(d), *fn;
	struct fake_pci *other;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
	fn = domain_add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(1, 0), &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));

	other = fake_pci_new(test, FAKE_PCI_SEGMENT + 1, d->parent->domain);
	fn = fake_pci_function(other, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(test, fn->bound);
	domain_expect_alone(d, fn);
	domain_expect_alone(d, ctrl);
	/* Its segment goes before the controller's, which is the test's */
	fake_pci_unplug(fn);
}

/* DRV-5, DRV-23: whatever the scope says */
static void never_the_controller_itself(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *ctrl = controller(d);

	domain_start(d);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	domain_expect_alone(d, ctrl);
}

/* Nor another one: it has interrupts already, and no advice is given for it either */
static void never_another_controller(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *before, *after;

	before = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &another_controller);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(before->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	domain_log_start();
	domain_start(d);
	after = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &another_controller);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, domain_log_count("virtio-irq: has interrupts"), 0);
	pci_free_irq_vectors(before->pdev);
	domain_expect_alone(d, before);
	domain_expect_alone(d, after);
}

static void segment_too_large(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci *pci = fake_pci_new(test, 0x10000 | FAKE_PCI_SEGMENT, d->parent->domain);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = fake_pci_function(pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
}

/* The administrator is told why nothing is served: once, not for each function */
static void left_on_an_unknown_parent(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_parent *other = fake_parent_new(test, &unknown);
	struct fake_pci_function *fn[3];
	unsigned int i;

	fake_pci_set_msi_domain(d->pci, other->domain);
	/* One that has interrupts, and has them from the unknown one, too */
	fn[0] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn[0]->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	domain_log_start();
	domain_start(d);
	KUNIT_EXPECT_EQ(test, domain_log_count("MSI parent domain is not supported"), 1);
	fn[1] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	fn[2] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &domain_msix);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, domain_log_count("are not served"), 1);
	KUNIT_EXPECT_EQ(test, domain_log_count("has interrupts already"), 0);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn[1]->pdev->dev), other->domain);
	/* The segment goes before its parent */
	for (i = 0; i < 3; i++)
		fake_pci_unplug(fn[i]);
}

/* DRV-80: what is stacked on it would inherit the claim, and no host vouches for it */
static void left_on_a_parent_that_isolates(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	d->parent->domain->flags |= IRQ_DOMAIN_FLAG_ISOLATED_MSI;
	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	domain_expect_alone(d, fn);
	KUNIT_EXPECT_TRUE(test, msi_device_has_isolated_msi(&fn->pdev->dev));
}

static void left_without_a_parent(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);

	fake_pci_plug(fn);
	dev_set_msi_domain(&fn->pdev->dev, NULL);
	domain_start(d);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(&fn->pdev->dev));
}

/* One virtio-irq domain per parent */
static void two_parents(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_parent *other = fake_parent_new(test, &domain_reservation);
	struct fake_pci_function *fn[3];
	struct irq_domain *msi[3];
	unsigned int i;

	domain_start(d);
	fn[0] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	fn[1] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	fake_pci_set_msi_domain(d->pci, other->domain);
	fn[2] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &domain_msix);
	for (i = 0; i < 3; i++)
		msi[i] = dev_get_msi_domain(&fn[i]->pdev->dev);
	KUNIT_EXPECT_PTR_EQ(test, msi[0], msi[1]);
	KUNIT_EXPECT_PTR_NE(test, msi[0], msi[2]);
	KUNIT_EXPECT_PTR_EQ(test, msi[0]->parent, d->parent->domain);
	KUNIT_EXPECT_PTR_EQ(test, msi[2]->parent, other->domain);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn[2]->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_EXPECT_EQ(test, other->allocated, 1);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	/* It cannot outlive its parent, which goes first */
	for (i = 0; i < 3; i++)
		fake_pci_unplug(fn[i]);
	KUNIT_EXPECT_EQ(test, other->allocated, 0);
}

/*
 * ATTACH that fails: DRV-42, the device stays with its parent
 */

struct attach_case {
	const char *name;
	enum fake_fault fault;
	u64 arg;
};

static const struct attach_case attach_cases[] = {
	{ "NOENT", FAKE_REFUSE, VIRTIO_IRQ_S_NOENT },
	{ "PERM", FAKE_REFUSE, VIRTIO_IRQ_S_PERM },
	{ "NOSPC", FAKE_REFUSE, VIRTIO_IRQ_S_NOSPC },
	{ "short", FAKE_LENGTH, 8 },
	{ "DEVERR, attached all the same", FAKE_STATUS, VIRTIO_IRQ_S_DEVERR },
	{ "silence, attached all the same", FAKE_SILENT, 0 },
	{ "silence", FAKE_LOST, 0 },
};

KUNIT_ARRAY_PARAM_DESC(attach, attach_cases, name);

static void left_if_attach_fails(struct kunit *test)
{
	static const char again[] = "to try again write 0007:40:01.0 to /sys/bus/pci/drivers/";
	const struct attach_case *c = test->param_value;
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fake_host_rule(d->host, c->fault, VIRTIO_IRQ_T_ATTACH, 1, c->arg);
	domain_log_start();
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	domain_log_stop();
	/* NOENT: the host does not serve it, nothing is to be done about that */
	KUNIT_EXPECT_EQ(test, domain_log_count(again),
			c->arg != VIRTIO_IRQ_S_NOENT || c->fault != FAKE_REFUSE);
	domain_settle(d);
	/* What may have been attached was detached: its messages are the parent's */
	domain_expect_alone(d, fn);

	fake_pci_unbind(fn);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
	domain_expect_idle(d);
}

/*
 * A host that says nothing: whoever binds, or waits for the PCI bus's notifiers, waits
 * for it a bounded time, and not again for each function
 */
static void attach_and_detach_are_bounded(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn[4];
	unsigned int i;
	u64 start;

	domain_start(d);
	fn[0] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	virtio_irq_sleep_timeout_ms = 30000;
	fake_host_rule(d->host, FAKE_LOST, 0, UINT_MAX, 0);
	start = ktime_get_mono_fast_ns();
	for (i = 1; i < 4; i++)
		fn[i] = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(i + 1, 0), &domain_msix);
	fake_pci_unbind(fn[0]);
	KUNIT_EXPECT_GE(test, ktime_get_mono_fast_ns() - start, NSEC_PER_SEC);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 7 * NSEC_PER_SEC);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn[i]->pdev->dev),
				    d->parent->domain);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	virtio_irq_sleep_timeout_ms = DOMAIN_SLEEP_MS;
	domain_settle(d);
	domain_expect_alone(d, fn[1]);
}

static void left_if_the_window_is_absurd(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);

	d->host->window_start = FAKE_WINDOW_END;
	d->host->window_end = FAKE_WINDOW_START;
	domain_start(d);
	domain_expect_alone(d, domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix));
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
}

/* DRV-109: elsewhere a message would be a write to memory that the host chooses */
static bool is_encrypted(void)
{
	return true;
}

static void window_of_an_encrypted_guest(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	d->host->window_start = BIT_ULL(32) | FAKE_WINDOW_START;
	d->host->window_end = BIT_ULL(32) | FAKE_WINDOW_END;
	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	fake_pci_unbind(fn);

	kunit_activate_static_stub(test, virtio_irq_guest_is_encrypted, is_encrypted);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	domain_expect_alone(d, fn);
	fake_pci_unbind(fn);
	/* Neither end may be outside */
	d->host->window_start = FAKE_WINDOW_START;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	domain_expect_alone(d, fn);
	fake_pci_unbind(fn);
	d->host->window_end = FAKE_WINDOW_END;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
}

/* Given back at unbind, but the host says nothing: recovery goes on with it */
static void mute_detach(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_DETACH, 1, 0);
	fake_pci_unbind(fn);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	domain_settle(d);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
}

static struct kunit_case scope_cases[] = {
	KUNIT_CASE(taken_when_bound),
	KUNIT_CASE(taken_if_bound_before),
	KUNIT_CASE(left_if_not_bound),
	KUNIT_CASE(left_if_it_has_interrupts),
	KUNIT_CASE(left_without_capability),
	KUNIT_CASE(left_if_a_bridge),
	KUNIT_CASE(bounds_of_a_range),
	KUNIT_CASE(union_of_ranges),
	KUNIT_CASE_PARAM(left_by_a_bad_scope, bad_scope_gen_params),
	KUNIT_CASE(no_scope_and_not_on_pci),
	KUNIT_CASE(no_scope_means_its_segment),
	KUNIT_CASE(never_the_controller_itself),
	KUNIT_CASE(never_another_controller),
	KUNIT_CASE(segment_too_large),
	KUNIT_CASE(left_on_an_unknown_parent),
	KUNIT_CASE(left_on_a_parent_that_isolates),
	KUNIT_CASE(left_without_a_parent),
	KUNIT_CASE(two_parents),
	KUNIT_CASE_PARAM(left_if_attach_fails, attach_gen_params),
	KUNIT_CASE(attach_and_detach_are_bounded),
	KUNIT_CASE(left_if_the_window_is_absurd),
	KUNIT_CASE(window_of_an_encrypted_guest),
	KUNIT_CASE(mute_detach),
	{ }
};

static struct kunit_suite scope_suite = {
	.name = "virtio-irq-scope",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = scope_cases,
};

kunit_test_suite(scope_suite);
