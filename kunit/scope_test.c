// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: which devices, from when to when
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "domain_fixture.h"
#include "irq-virtio.h"

static const struct fake_parent_caps reservation = { .reservation = true };
static const struct fake_parent_caps unknown = { .reservation = true, .unknown = true };

static const struct fake_pci_caps no_interrupts = { };
static const struct fake_pci_caps bridge = { .bridge = true, .msi = true, .msi_64 = true };

/* A world without a function so far */
static struct domain *scope_new(struct kunit *test)
{
	return domain_new(test, &reservation, DOMAIN_SCOPE | DOMAIN_RING_RESET);
}

static struct fake_pci_function *add(struct domain *d, u8 busnr, u8 devfn,
				     const struct fake_pci_caps *caps)
{
	struct fake_pci_function *fn = fake_pci_function(d->pci, busnr, devfn, caps);

	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(d->test, fn->bound);
	return fn;
}

static struct virtio_irq_scope_pci *range(struct domain *d, unsigned int i, u16 start, u16 end)
{
	struct virtio_irq_scope_pci *pci = &d->host->config.scopes[i].pci;

	memset(pci, 0, sizeof(*pci));
	pci->type = VIRTIO_IRQ_SCOPE_T_PCI_RANGE;
	pci->segment = cpu_to_le16(FAKE_PCI_SEGMENT);
	pci->bdf_start = cpu_to_le16(start);
	pci->bdf_end = cpu_to_le16(end);
	pci->endpoint_start = cpu_to_le32(FAKE_PCI_SEGMENT << 16 | start);
	return pci;
}

/* It works, with the host's pairs if it is served and the parent's if not */
static void expect_works(struct domain *d, struct fake_pci_function *fn)
{
	struct kunit *test = d->test;
	bool served = domain_served(d, fn);
	struct virtio_irq_msg want;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	want = fake_parent_route(d->parent, pci_irq_vector(fn->pdev, 1));
	if (served) {
		want.address = FAKE_PAIR_ADDRESS;
		want.data = domain_vector(d, fn, 1)->pair;
	}
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(fn, 1), want.address, want.data);
	domain_fire(d, fn, 1);
	fake_pci_free(fn, 1);
	pci_free_irq_vectors(fn->pdev);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
}

static void expect_alone(struct domain *d, struct fake_pci_function *fn)
{
	KUNIT_EXPECT_PTR_EQ(d->test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	KUNIT_EXPECT_NULL(d->test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	expect_works(d, fn);
}

static void taken_when_bound(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 1);
	expect_works(d, fn);

	fake_pci_unbind(fn);
	KUNIT_EXPECT_FALSE(test, domain_served(d, fn));
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	domain_expect_idle(d);
}

static void taken_if_bound_before(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);

	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	domain_start(d);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	domain_expect_idle(d);
}

/* Nobody is bound: nobody is asked for */
static void left_if_not_bound(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);

	fake_pci_unbind(fn);
	domain_start(d);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
}

/* What the administrator reads */
static char log_text[4096];

static void log_write(struct console *con, const char *text, unsigned int len)
{
	size_t used = strlen(log_text);

	len = min_t(size_t, len, sizeof(log_text) - 1 - used);
	memcpy(log_text + used, text, len);
	log_text[used + len] = '\0';
}

static struct console log_console = {
	.name	= "virtio-irq-log",
	.write	= log_write,
	.flags	= CON_ENABLED,
	.index	= -1,
};

static void log_start(void)
{
	memset(log_text, 0, sizeof(log_text));
	register_console(&log_console);
}

static void log_stop(void)
{
	/* Waits until everything is written */
	console_lock();
	console_unlock();
	unregister_console(&log_console);
}

/* DRV-20: its messages come from the parent, they stay valid */
static void left_if_it_has_interrupts(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	struct virtio_irq_msg route;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 0), 0);
	route = fake_parent_route(d->parent, pci_irq_vector(fn->pdev, 0));
	log_start();
	domain_start(d);
	log_stop();
	KUNIT_EXPECT_NOT_NULL(test, strstr(log_text, "has interrupts already"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(log_text, "write 0007:40:01.0 to /sys/bus/pci/"));
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(fn, 0), route.address, route.data);
	domain_fire(d, fn, 0);

	/* What the log says to do about it */
	fake_pci_unbind(fn);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	domain_expect_idle(d);
}

static void left_without_capability(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &no_interrupts);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
}

/* DRV-22: also one that is bound to a driver and has MSI; what is behind it is served */
static void left_if_a_bridge(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn, *behind;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &bridge);
	KUNIT_ASSERT_TRUE(test, pci_is_bridge(fn->pdev));
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);

	behind = add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(0, 0), &domain_msi);
	KUNIT_EXPECT_TRUE(test, domain_served(d, behind));
	KUNIT_EXPECT_EQ(test, fake_pci_endpoint(behind),
			FAKE_PCI_SEGMENT << 16 | (FAKE_PCI_BUS + 1) << 8);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
}

static void bounds_of_a_range(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn[4];
	unsigned int i;

	range(d, 0, FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(3, 0));
	domain_start(d);
	for (i = 0; i < 4; i++)
		fn[i] = add(d, FAKE_PCI_BUS, PCI_DEVFN(i + 1, 0), &domain_msix);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, domain_served(d, fn[i]), i == 1 || i == 2);
	expect_works(d, fn[2]);
	expect_alone(d, fn[3]);
}

static void union_of_ranges(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn[4];
	unsigned int i;

	range(d, 0, FAKE_PCI_BUS << 8 | PCI_DEVFN(4, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(4, 7));
	range(d, 1, FAKE_PCI_BUS << 8 | PCI_DEVFN(1, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(1, 0));
	/* Overlaps: nothing more than one of them */
	range(d, 2, FAKE_PCI_BUS << 8 | PCI_DEVFN(1, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0));
	/* Not counted */
	range(d, 3, 0, 0xffff);
	d->host->config.num_scopes = cpu_to_le16(3);
	domain_start(d);
	for (i = 0; i < 4; i++)
		fn[i] = add(d, FAKE_PCI_BUS, PCI_DEVFN(i + 1, 0), &domain_msix);
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
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn, *other;

	bad->spoil(range(d, 0, 0, 0xffff));
	/* The next entry is as good as ever */
	range(d, 1, FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0), FAKE_PCI_BUS << 8 | PCI_DEVFN(2, 0));
	d->host->config.num_scopes = cpu_to_le16(2);
	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	other = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 1);
	expect_alone(d, fn);
	KUNIT_EXPECT_TRUE(test, domain_served(d, other));
}

/* DRV-17: a controller that is no PCI function has no segment */
static void no_scope_and_not_on_pci(struct kunit *test)
{
	struct domain *d = domain_new(test, &reservation, 0);
	struct fake_pci *pci;
	struct fake_pci_function *fn;

	domain_start(d);
	/* Segment 0, too: it is no default */
	pci = fake_pci_new(test, 0, d->parent->domain);
	fn = fake_pci_function(pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	expect_alone(d, fn);
	expect_alone(d, add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix));
}

/* The controller is a function behind a bridge, as virtio-pci's is */
static struct fake_pci_function *controller(struct domain *d)
{
	struct fake_pci_function *fn;

	add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &bridge);
	fn = add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(0, 0), &domain_msix);
	d->host->vdev.dev.parent = &fn->pdev->dev;
	return fn;
}

static void no_scope_means_its_segment(struct kunit *test)
{
	struct domain *d = domain_new(test, &reservation, 0);
	struct fake_pci_function *ctrl = controller(d), *fn;
	struct fake_pci *other;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	fn = add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(1, 0), &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));

	other = fake_pci_new(test, FAKE_PCI_SEGMENT + 1, d->parent->domain);
	fn = fake_pci_function(other, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(test, fn->bound);
	expect_alone(d, fn);
	expect_alone(d, ctrl);
	/* Its segment goes before the controller's, which is the test's */
	fake_pci_unplug(fn);
}

/* DRV-5, DRV-23: whatever the scope says */
static void never_the_controller_itself(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *ctrl = controller(d);

	domain_start(d);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	expect_alone(d, ctrl);
}

static void segment_too_large(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci *pci = fake_pci_new(test, 0x10000 | FAKE_PCI_SEGMENT, d->parent->domain);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = fake_pci_function(pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
}

static void left_on_an_unknown_parent(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_parent *other = fake_parent_new(test, &unknown);
	struct fake_pci_function *fn;

	domain_start(d);
	fake_pci_set_msi_domain(d->pci, other->domain);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), other->domain);
	/* The segment goes before its parent */
	fake_pci_unplug(fn);
}

static void left_without_a_parent(struct kunit *test)
{
	struct domain *d = scope_new(test);
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
	struct domain *d = scope_new(test);
	struct fake_parent *other = fake_parent_new(test, &reservation);
	struct fake_pci_function *fn[3];
	struct irq_domain *msi[3];
	unsigned int i;

	domain_start(d);
	fn[0] = add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	fn[1] = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	fake_pci_set_msi_domain(d->pci, other->domain);
	fn[2] = add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &domain_msix);
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
	const struct attach_case *c = test->param_value;
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fake_host_rule(d->host, c->fault, VIRTIO_IRQ_T_ATTACH, 1, c->arg);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	domain_settle(d);
	/* What may have been attached was detached: its messages are the parent's */
	expect_alone(d, fn);

	fake_pci_unbind(fn);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	domain_expect_idle(d);
}

static void left_if_the_window_is_absurd(struct kunit *test)
{
	struct domain *d = scope_new(test);

	d->host->window_start = FAKE_WINDOW_END;
	d->host->window_end = FAKE_WINDOW_START;
	domain_start(d);
	expect_alone(d, add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix));
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
}

/* Given back at unbind, but the host says nothing: recovery goes on with it */
static void mute_detach(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_DETACH, 1, 0);
	fake_pci_unbind(fn);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	domain_settle(d);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
}

/*
 * Coming and going
 */

static void bound_again_and_again(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;
	unsigned int i;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	for (i = 0; i < 10; i++) {
		expect_works(d, fn);
		fake_pci_unbind(fn);
		KUNIT_EXPECT_FALSE(test, domain_served(d, fn));
		KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
		KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	}
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 11);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 10);
	domain_expect_idle(d);
}

static void unbound_with_interrupts(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;
	unsigned int i;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 8, 8, PCI_IRQ_MSIX), 8);
	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, fake_pci_request(fn, i), 0);
	fake_pci_unbind(fn);
	KUNIT_EXPECT_FALSE(test, domain_served(d, fn));
	domain_expect_idle(d);
}

static void hot_removed_with_interrupts(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	fake_pci_unplug(fn);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	domain_expect_idle(d);

	/* Another one in its place */
	fake_pci_plug(fn);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
}

static void hot_removed_with_its_bridge(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *br, *fn;

	domain_start(d);
	br = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &bridge);
	fn = add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(0, 0), &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	fake_pci_unplug(br);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	domain_expect_idle(d);
}

static void alloc_in_probe(struct fake_pci_function *fn)
{
	KUNIT_EXPECT_EQ(fn->test, pci_alloc_irq_vectors(fn->pdev, 4, 4, PCI_IRQ_MSIX), 4);
}

/* The driver core frees what a failed probe left after it has told us */
static void given_back_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);

	domain_start(d);
	fn->in_probe = alloc_in_probe;
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	domain_expect_counts(d, 1, 0, 0, 1);
	flush_work(&d->vi->doms->walk);
	KUNIT_EXPECT_FALSE(test, domain_served(d, fn));
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	domain_expect_idle(d);

	fn->in_probe = NULL;
	fn->probe_error = 0;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
}

/* Bound again, or gone, before anybody had the time to give it back */
static void bound_soon_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);

	domain_start(d);
	disable_work_sync(&d->vi->doms->walk);
	fn->in_probe = alloc_in_probe;
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	fn->in_probe = NULL;
	fn->probe_error = 0;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	enable_work(&d->vi->doms->walk);
	/* It is as it was */
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	domain_expect_idle(d);
}

/* Bus numbers are the guest's: it is not the endpoint any more that was attached */
static void renumbered_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);
	u32 before = fake_pci_endpoint(fn);

	domain_start(d);
	disable_work_sync(&d->vi->doms->walk);
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	fn->devfn = PCI_DEVFN(5, 0);
	fn->pdev->devfn = fn->devfn;
	fn->probe_error = 0;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	enable_work(&d->vi->doms->walk);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, before));
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
}

static void removed_soon_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);
	unsigned int i;

	domain_start(d);
	disable_work_sync(&d->vi->doms->walk);
	for (i = 0; i < 5; i++) {
		fn->probe_error = -EIO;
		fake_pci_plug(fn);
		fake_pci_unplug(fn);
		KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	}
	enable_work(&d->vi->doms->walk);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 5);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 5);
}

/* The controller depends on the device: it cannot be unbound before it */
static void left_if_no_link_is_possible(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	struct device_link *link;

	fake_pci_unbind(fn);
	domain_start(d);
	link = device_link_add(&d->host->vdev.dev, &fn->pdev->dev, DL_FLAG_STATELESS);
	KUNIT_ASSERT_NOT_NULL(test, link);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	expect_alone(d, fn);
	device_link_del(link);
}

/*
 * A driver of a child may set up interrupts of the device itself, which makes
 * the per-device domain on the parent that it finds: before we look,
 */
static int early_msi_data(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == BUS_NOTIFY_BIND_DRIVER)
		msi_setup_device_data(data);
	return NOTIFY_OK;
}

static void left_if_a_child_was_first(struct kunit *test)
{
	struct notifier_block nb = { .notifier_call = early_msi_data, .priority = INT_MAX };
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	bus_register_notifier(&pci_bus_type, &nb);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	bus_unregister_notifier(&pci_bus_type, &nb);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	expect_alone(d, fn);
}

/* or while the host thinks about it */
static int late_msi_data(void *data)
{
	struct fake_pci_function *fn = data;
	struct domain *d = fn->test->priv;

	while (!READ_ONCE(d->host->num_held))
		msleep(20);
	msi_setup_device_data(&fn->pdev->dev);
	fake_host_speak(d->host);
	return 0;
}

static void left_if_a_child_was_faster(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;
	struct task_struct *child;

	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_unbind(fn);
	virtio_irq_sleep_timeout_ms = 10000;
	domain_start(d);
	test->priv = d;
	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ATTACH, 1, 0);
	child = kthread_create(late_msi_data, fn, "virtio-irq-child");
	KUNIT_ASSERT_FALSE(test, IS_ERR(child));
	get_task_struct(child);
	wake_up_process(child);
	KUNIT_EXPECT_EQ(test, fake_pci_bind(fn), 0);
	kthread_stop_put(child);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	expect_alone(d, fn);
}

/* Giving back what is left over is no occasion to take what was refused */
static void walk_leaves_the_bound_alone(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *refused, *fn;

	domain_start(d);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ATTACH, 1, VIRTIO_IRQ_S_PERM);
	refused = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	flush_work(&d->vi->doms->walk);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 2);
	expect_alone(d, refused);
}

static void probe_is_deferred(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);

	domain_start(d);
	fn->probe_error = -EPROBE_DEFER;
	fake_pci_plug(fn);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	fn->probe_error = 0;
	fake_pci_bind(fn);
	flush_work(&d->vi->doms->walk);
	KUNIT_EXPECT_TRUE(test, fn->bound);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	domain_expect_idle(d);
}

/* A function below inherits the domain of its bus, without having been taken over */
static void inherited_but_not_taken(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn, *heir;

	range(d, 0, FAKE_PCI_BUS << 8 | DOMAIN_DEVFN, FAKE_PCI_BUS << 8 | DOMAIN_DEVFN);
	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_set_msi_domain(d->pci, dev_get_msi_domain(&fn->pdev->dev));
	heir = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(heir->pdev, 1, 1, PCI_IRQ_MSIX), -ENODEV);
	fake_pci_set_msi_domain(d->pci, d->parent->domain);
	fake_pci_unplug(heir);
	domain_expect_idle(d);
}

static void parent_refuses_the_device(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_parent_fail(d->parent, FAKE_PARENT_INIT_DEV, 0, 1, -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 1, 1, PCI_IRQ_MSIX), -ENODEV);
	domain_expect_idle(d);
	expect_works(d, fn);
}

/*
 * The controller goes
 */

static void controller_removed_under_interrupts(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	device_release_driver(&d->host->vdev.dev);

	/* The link has unbound it: its driver has freed everything */
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, domain_count_descs(), d->descs);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	/* And works without the controller */
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	expect_alone(d, fn);
}

/* No link holds one that was never bound to the end */
static void controller_removed_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);

	domain_start(d);
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	fn->probe_error = 0;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	expect_alone(d, fn);
}

/* A host that is dead costs time, not the guest */
static void controller_removed_while_mute(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	fake_host_rule(d->host, FAKE_LOST, 0, UINT_MAX, 0);
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, domain_count_descs(), d->descs);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	expect_alone(d, fn);
}

/* DRV-18 */
static void two_controllers(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_host *second = fake_host_new(test, DOMAIN_SCOPE | DOMAIN_RING_RESET);
	struct fake_pci_function *fn, *early;

	second->config = d->host->config;
	early = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	domain_start(d);
	KUNIT_ASSERT_EQ(test, fake_host_start(second), 0);
	flush_work(&second->vi->doms->walk);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, early));
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	KUNIT_EXPECT_EQ(test, second->num_requests, 0);
	expect_works(d, fn);

	/* The first one gone, the second one takes what is bound then */
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(second, fake_pci_endpoint(fn)));
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(second, fake_pci_endpoint(early)));
}

/*
 * The scope changes: DRV-9, DEV-24
 */

static void change_scope(struct domain *d)
{
	virtio_config_changed(&d->host->vdev);
	domain_settle(d);
	flush_work(&d->vi->doms->walk);
}

static void scope_widens(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn, *busy, *later;

	range(d, 0, FAKE_PCI_BUS << 8, FAKE_PCI_BUS << 8);
	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	busy = add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(busy->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);

	range(d, 0, FAKE_PCI_BUS << 8, FAKE_PCI_BUS << 8 | 0xff);
	change_scope(d);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	/* Its messages come from the parent */
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&busy->pdev->dev), d->parent->domain);
	later = add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, later));
	pci_free_irq_vectors(busy->pdev);
	expect_works(d, fn);
}

static void scope_narrows(struct kunit *test)
{
	struct domain *d = scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	range(d, 0, 0, 0);
	change_scope(d);
	/* Attached until it is given back */
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	expect_works(d, fn);
	fake_pci_unbind(fn);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	expect_alone(d, fn);
}

static void scope_becomes_absurd(struct kunit *test)
{
	struct domain *d = scope_new(test);

	domain_start(d);
	d->host->config.num_scopes = cpu_to_le16(VIRTIO_IRQ_MAX_SCOPES + 1);
	range(d, 0, 0, 0);
	change_scope(d);
	/* Nothing of it is used */
	KUNIT_EXPECT_TRUE(test, domain_served(d, add(d, FAKE_PCI_BUS, DOMAIN_DEVFN,
						     &domain_msix)));
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
	KUNIT_CASE(segment_too_large),
	KUNIT_CASE(left_on_an_unknown_parent),
	KUNIT_CASE(left_without_a_parent),
	KUNIT_CASE(two_parents),
	KUNIT_CASE_PARAM(left_if_attach_fails, attach_gen_params),
	KUNIT_CASE(left_if_the_window_is_absurd),
	KUNIT_CASE(mute_detach),
	KUNIT_CASE(bound_again_and_again),
	KUNIT_CASE(unbound_with_interrupts),
	KUNIT_CASE(hot_removed_with_interrupts),
	KUNIT_CASE(hot_removed_with_its_bridge),
	KUNIT_CASE(given_back_after_a_failed_probe),
	KUNIT_CASE(bound_soon_after_a_failed_probe),
	KUNIT_CASE(renumbered_after_a_failed_probe),
	KUNIT_CASE(removed_soon_after_a_failed_probe),
	KUNIT_CASE(left_if_no_link_is_possible),
	KUNIT_CASE(left_if_a_child_was_first),
	KUNIT_CASE(left_if_a_child_was_faster),
	KUNIT_CASE(walk_leaves_the_bound_alone),
	KUNIT_CASE(probe_is_deferred),
	KUNIT_CASE(inherited_but_not_taken),
	KUNIT_CASE(parent_refuses_the_device),
	KUNIT_CASE(controller_removed_under_interrupts),
	KUNIT_CASE(controller_removed_after_a_failed_probe),
	KUNIT_CASE(controller_removed_while_mute),
	KUNIT_CASE(two_controllers),
	KUNIT_CASE(scope_widens),
	KUNIT_CASE(scope_narrows),
	KUNIT_CASE(scope_becomes_absurd),
	{ }
};

static struct kunit_suite scope_suite = {
	.name = "virtio-irq-scope",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = scope_cases,
};

kunit_test_suite(scope_suite);
