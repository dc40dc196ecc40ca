// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of interrupt message stores: who gets which slots
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/static_stub.h>

#include "fake_ims.h"
#include "irq-virtio.h"

static int bind(struct fake_ims *ims)
{
	return virtio_irq_ims_bind(fake_ims_dev(ims), ims->d->fn->pdev, &ims->ims);
}

static struct domain *started(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);

	fake_ims_start(d);
	return d;
}

/* Nothing is left of a device that was not bound */
static void expect_not_bound(struct fake_ims *ims)
{
	struct kunit *test = ims->d->test;

	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(fake_ims_dev(ims)));
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), -ENODEV);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_add(fake_ims_dev(ims), 0, NULL,
						 VIRTIO_IRQ_NO_PASID).index, -ENODEV);
	virtio_irq_ims_remove_domain(fake_ims_dev(ims));
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

static void bound_and_unbound(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	/* Nothing was asked yet */
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(fake_ims_dev(ims)),
			    dev_get_msi_domain(&d->fn->pdev->dev));
	virtio_irq_ims_unbind(fake_ims_dev(ims));
	expect_not_bound(ims);

	/* Without MSI data it may be bound again */
	KUNIT_EXPECT_EQ(test, bind(ims), 0);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
	domain_expect_idle(d);
}

static void not_served(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	/* The host serves functions of another bus */
	scope_range(d, 0, 0, 0xff);
	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_FALSE(test, domain_served(d, d->fn));
	ims = fake_ims_device(d, 0, 8);
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);
	expect_not_bound(ims);
}

/*
 * A controller that is on the bus and has no driver yet: as long as the driver core
 * thinks that one may come
 */
static int drivers_may_come(struct device *dev)
{
	return -EPROBE_DEFER;
}

static int drivers_are_late(struct device *dev)
{
	return -ETIMEDOUT;
}

static const struct fake_pci_caps controller = { .msix = 2, .controller = true };

static void controller_may_come(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_pci_function *ctrl = fake_pci_function(d->pci, FAKE_PCI_BUS,
							   PCI_DEVFN(9, 0), &controller);
	struct fake_ims *ims;

	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	ims = fake_ims_device(d, 0, 8);
	kunit_activate_static_stub(test, virtio_irq_check_deferral, drivers_may_come);
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);

	ctrl->probe_error = -EPROBE_DEFER;
	fake_pci_plug(ctrl);
	KUNIT_EXPECT_EQ(test, bind(ims), -EPROBE_DEFER);
	kunit_activate_static_stub(test, virtio_irq_check_deferral, drivers_are_late);
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);
	kunit_activate_static_stub(test, virtio_irq_check_deferral, drivers_may_come);

	/* Bound by the driver of its transport, and not by virtio-irq's */
	ctrl->probe_error = 0;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(ctrl), 0);
	KUNIT_EXPECT_EQ(test, bind(ims), -EPROBE_DEFER);
	/* It is there, and has not taken the function over: nothing is to be waited for */
	scope_range(d, 0, 0, 0xff);
	d->host->vdev.dev.parent = &ctrl->pdev->dev;
	domain_start(d);
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);
	expect_not_bound(ims);
	device_release_driver(&d->host->vdev.dev);
}

/* A function may inherit the domain and not have been taken over */
static void inherited(struct kunit *test)
{
	struct domain *d = started(test);
	struct irq_domain *domain = dev_get_msi_domain(&d->fn->pdev->dev);
	struct fake_ims *ims;

	scope_range(d, 0, 0, 0xff);
	virtio_config_changed(&d->host->vdev);
	domain_settle(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_ASSERT_FALSE(test, domain_served(d, d->fn));
	dev_set_msi_domain(&d->fn->pdev->dev, domain);
	ims = fake_ims_device(d, 0, 8);
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);
	expect_not_bound(ims);
	dev_set_msi_domain(&d->fn->pdev->dev, d->parent->domain);
}

static void remapping_parent(struct kunit *test)
{
	static const enum irq_domain_bus_token tokens[] = { DOMAIN_BUS_DMAR, DOMAIN_BUS_AMDVI };
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tokens); i++) {
		d->parent->domain->bus_token = tokens[i];
		KUNIT_EXPECT_EQ(test, bind(ims), -EOPNOTSUPP);
	}
	expect_not_bound(ims);
	d->parent->domain->bus_token = DOMAIN_BUS_NEXUS;
	KUNIT_EXPECT_EQ(test, bind(ims), 0);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

static void bad_arguments(struct kunit *test)
{
	const struct virtio_irq_ims_ops ops = fake_ims_ops;
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);
	struct virtio_irq_ims good = ims->ims;
	struct virtio_irq_ims_ops bad;

	ims->ims.ops = NULL;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);
	ims->ims.ops = &bad;
	bad = ops;
	bad.write_msg = NULL;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);
	bad = ops;
	bad.mask = NULL;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);
	bad = ops;
	bad.unmask = NULL;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);

	ims->ims = good;
	ims->ims.store = 0;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);
	ims->ims = good;
	ims->ims.addr_width = 1;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);
	ims->ims.addr_width = 65;
	KUNIT_EXPECT_EQ(test, bind(ims), -EINVAL);
	expect_not_bound(ims);

	/* It would not go before the function's driver */
	fake_ims_dev(ims)->parent = d->fn->pdev->dev.parent;
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_bind(fake_ims_dev(ims), d->fn->pdev, &good), -EINVAL);
	fake_ims_dev(ims)->parent = &d->fn->pdev->dev;

	/* A PCI function has its own MSI domain */
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_bind(&d->fn->pdev->dev, d->fn->pdev, &good), -EINVAL);
	KUNIT_EXPECT_TRUE(test, domain_served(d, d->fn));

	/* PASIDs are not every store's matter */
	bad = ops;
	bad.set_pasid = NULL;
	ims->ims = good;
	ims->ims.ops = &bad;
	KUNIT_EXPECT_EQ(test, bind(ims), 0);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

static void no_such_store(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	ims->ims.store = FAKE_IMS_STORE + 1;
	KUNIT_EXPECT_EQ(test, bind(ims), -ENOENT);
	expect_not_bound(ims);
}

struct span {
	const char *name;
	u32 first;
	u32 count;
	int err;
	/* Slots, if it is bound */
	u32 slots;
};

static const struct span spans[] = {
	{ "all", 0, FAKE_IMS_VECTORS, 0, FAKE_IMS_VECTORS },
	{ "the last", FAKE_IMS_VECTORS - 1, 1, 0, 1 },
	{ "as many as there are", 0, 0, 0, FAKE_IMS_VECTORS },
	{ "the rest", 500, 0, 0, FAKE_IMS_VECTORS - 500 },
	{ "one too many", 0, FAKE_IMS_VECTORS + 1, -ERANGE },
	{ "one beyond", FAKE_IMS_VECTORS - 1, 2, -ERANGE },
	{ "behind the end", FAKE_IMS_VECTORS, 1, -ERANGE },
	{ "the rest behind the end", FAKE_IMS_VECTORS, 0, -ERANGE },
	{ "wraps", U32_MAX, 2, -ERANGE },
};

KUNIT_ARRAY_PARAM_DESC(span, spans, name);

static void spans_of_a_store(struct kunit *test)
{
	const struct span *span = test->param_value;
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, span->first, span->count);

	KUNIT_ASSERT_EQ(test, bind(ims), span->err);
	if (span->err) {
		expect_not_bound(ims);
		return;
	}
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, span->slots, VIRTIO_IRQ_NO_PASID), -ERANGE);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, span->slots - 1, VIRTIO_IRQ_NO_PASID),
			span->slots - 1);
	fake_ims_expect_works(ims, span->slots - 1);
	fake_ims_finish(ims);
	domain_expect_idle(d);
}

/* Of a store that grows the core can number 65536 per device */
static void no_fixed_size(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims, *next;

	d->host->ims_open = true;
	fake_ims_start(d);
	ims = fake_ims_device(d, 0, 65537);
	KUNIT_EXPECT_EQ(test, bind(ims), -ERANGE);
	ims->ims.count = 0;
	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	next = fake_ims_device(d, 65535, 1);
	KUNIT_EXPECT_EQ(test, bind(next), -EBUSY);
	next->ims.first = 65536;
	KUNIT_EXPECT_EQ(test, bind(next), 0);
	virtio_irq_ims_unbind(fake_ims_dev(next));
	/* The last slots that there are */
	next->ims.first = U32_MAX - 1;
	next->ims.count = 0;
	KUNIT_EXPECT_EQ(test, bind(next), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(next)), 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(next, 2, VIRTIO_IRQ_NO_PASID), -ERANGE);

	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	KUNIT_EXPECT_EQ(test, fake_ims_add(ims, 100, VIRTIO_IRQ_NO_PASID), 100);
	fake_ims_expect_works(ims, 100);
	fake_ims_finish(ims);
	fake_ims_finish(next);
	domain_expect_idle(d);
}

static void overlap(struct kunit *test)
{
	static const struct { u32 first, count; } taken[] = {
		{ 16, 16 }, { 0, 17 }, { 31, 1 }, { 0, 0 }, { 20, 2 }, { 31, 100 },
	};
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 16, 16), *other;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	other = fake_ims_device(d, 0, 0);
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		other->ims.first = taken[i].first;
		other->ims.count = taken[i].count;
		KUNIT_EXPECT_EQ(test, bind(other), -EBUSY);
	}
	expect_not_bound(other);
	/* Both neighbours are free */
	other->ims.first = 0;
	other->ims.count = 16;
	KUNIT_EXPECT_EQ(test, bind(other), 0);
	virtio_irq_ims_unbind(fake_ims_dev(other));
	other->ims.first = 32;
	KUNIT_EXPECT_EQ(test, bind(other), 0);

	/* What was given back can be had by others */
	virtio_irq_ims_unbind(fake_ims_dev(ims));
	virtio_irq_ims_unbind(fake_ims_dev(other));
	other->ims.first = 16;
	KUNIT_EXPECT_EQ(test, bind(other), 0);
	virtio_irq_ims_unbind(fake_ims_dev(other));
}

static void bound_twice(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	ims->ims.first = 8;
	KUNIT_EXPECT_EQ(test, bind(ims), -EBUSY);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

/* It would go on with its former parent domain */
static void has_msi_data(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), -EBUSY);
	virtio_irq_ims_remove_domain(fake_ims_dev(ims));
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_add(fake_ims_dev(ims), 0, NULL,
						 VIRTIO_IRQ_NO_PASID).index, -ENODEV);
	/* The binding is still there */
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	virtio_irq_ims_remove_domain(fake_ims_dev(ims));
	virtio_irq_ims_unbind(fake_ims_dev(ims));
	KUNIT_EXPECT_EQ(test, bind(ims), -EBUSY);

	/* Its driver's next life */
	ims->careless = true;
	KUNIT_ASSERT_EQ(test, fake_ims_rebind(ims), 0);
	KUNIT_EXPECT_EQ(test, bind(ims), 0);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

/* The usual place */
static void bound_in_probe(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);
	int i;

	ims->in_probe = bind;
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, fake_ims_rebind(ims), 0);
		KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
		KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, VIRTIO_IRQ_NO_PASID), 1);
		fake_ims_expect_works(ims, 1);
	}
	device_release_driver(fake_ims_dev(ims));
	KUNIT_EXPECT_TRUE(test, ims->removed);
	expect_not_bound(ims);
	domain_expect_idle(d);
}

/* A device without a driver, in the function's probe */
static struct fake_ims *in_probe_ims;

static void bind_in_probe(struct fake_pci_function *fn)
{
	in_probe_ims->ims.first = 3;
	KUNIT_EXPECT_EQ(fn->test, bind(in_probe_ims), 0);
}

static void unbind_in_remove(struct fake_pci_function *fn)
{
	fake_ims_finish(in_probe_ims);
}

static void bound_in_functions_probe(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	ims->careless = true;
	device_release_driver(fake_ims_dev(ims));
	platform_set_drvdata(ims->pdev, ims);
	fake_pci_unbind(d->fn);
	in_probe_ims = ims;
	d->fn->in_probe = bind_in_probe;
	d->fn->in_remove = unbind_in_remove;
	KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, VIRTIO_IRQ_NO_PASID), 1);
	fake_ims_expect_works(ims, 1);

	/* The function's driver comes between the controller and the device */
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_FALSE(test, d->fn->bound);
	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(fake_ims_dev(ims)));
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, d->host->allocated, 0);
}

/* Its driver has forgotten about it */
static void ends_with_its_driver(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8), *other;

	ims->careless = true;
	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	fake_ims_delete(ims);
	/* Its slots are free, and the endpoint is the function's alone */
	other = fake_ims_device(d, 0, 0);
	KUNIT_EXPECT_EQ(test, bind(other), 0);
	virtio_irq_ims_unbind(fake_ims_dev(other));
	fake_pci_unbind(d->fn);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(d->fn)));
	domain_expect_idle(d);
}

/* A device without a driver, that went and was never unbound */
static void ends_with_the_functions_driver(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8), *last;

	ims->careless = true;
	device_release_driver(fake_ims_dev(ims));
	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	fake_ims_delete(ims);
	last = fake_ims_device(d, 8, 8);
	last->careless = true;
	device_release_driver(fake_ims_dev(last));
	KUNIT_ASSERT_EQ(test, bind(last), 0);
	fake_pci_unbind(d->fn);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(d->fn)));
	KUNIT_EXPECT_NULL(test, dev_get_msi_domain(fake_ims_dev(last)));

	KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	KUNIT_EXPECT_EQ(test, bind(last), 0);
	virtio_irq_ims_unbind(fake_ims_dev(last));
	/* What was unbound in time is not undone a second time */
	KUNIT_EXPECT_EQ(test, bind(last), 0);
	fake_pci_unbind(d->fn);
	domain_expect_idle(d);
}

/* Nobody would end it */
static void nobody_has_a_driver(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);
	struct device_driver *driver = d->fn->pdev->dev.driver;

	ims->careless = true;
	device_release_driver(fake_ims_dev(ims));
	d->fn->pdev->dev.driver = NULL;
	KUNIT_EXPECT_EQ(test, bind(ims), -ENODEV);
	d->fn->pdev->dev.driver = driver;
	KUNIT_EXPECT_EQ(test, bind(ims), 0);
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

/* What a block is reserved for cannot differ within it */
static void needs_differ(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8), *other;

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	other = fake_ims_device(d, 8, 8);
	other->ims.addr_width = 32;
	KUNIT_EXPECT_EQ(test, bind(other), -EINVAL);
	other->ims.addr_width = 64;
	other->ims.data16 = true;
	KUNIT_EXPECT_EQ(test, bind(other), -EINVAL);
	expect_not_bound(other);
	virtio_irq_ims_unbind(fake_ims_dev(ims));

	/* Nothing is left of the former needs */
	KUNIT_EXPECT_EQ(test, bind(other), 0);
	virtio_irq_ims_unbind(fake_ims_dev(other));
}

/* What else would use the domain of a device that is bound */
static void other_domains_refused(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);
	struct irq_domain *domain;
	struct msi_domain_info info = { .bus_token = DOMAIN_BUS_PCI_DEVICE_MSIX };

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	domain = dev_get_msi_domain(fake_ims_dev(ims));
	KUNIT_EXPECT_FALSE(test, domain->msi_parent_ops->init_dev_msi_info(fake_ims_dev(ims),
									   domain, domain, &info));
	/* And a function's own takes no tokens of others */
	info.bus_token = DOMAIN_BUS_DEVICE_MSI;
	KUNIT_EXPECT_FALSE(test, domain->msi_parent_ops->init_dev_msi_info(&d->fn->pdev->dev,
									   domain, domain, &info));
	virtio_irq_ims_unbind(fake_ims_dev(ims));
}

static void parent_refuses(struct kunit *test)
{
	struct domain *d = started(test);
	struct fake_ims *ims = fake_ims_device(d, 0, 8);

	KUNIT_ASSERT_EQ(test, bind(ims), 0);
	fake_parent_fail(d->parent, FAKE_PARENT_INIT_DEV, 0, 1, -EINVAL);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), -ENOMEM);
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_create_domain(fake_ims_dev(ims)), 0);
	fake_ims_finish(ims);
}

static struct kunit_case ims_bind_cases[] = {
	KUNIT_CASE(bound_and_unbound),
	KUNIT_CASE(not_served),
	KUNIT_CASE(controller_may_come),
	KUNIT_CASE(inherited),
	KUNIT_CASE(remapping_parent),
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(no_such_store),
	KUNIT_CASE_PARAM(spans_of_a_store, span_gen_params),
	KUNIT_CASE(no_fixed_size),
	KUNIT_CASE(overlap),
	KUNIT_CASE(bound_twice),
	KUNIT_CASE(has_msi_data),
	KUNIT_CASE(bound_in_probe),
	KUNIT_CASE(bound_in_functions_probe),
	KUNIT_CASE(ends_with_its_driver),
	KUNIT_CASE(ends_with_the_functions_driver),
	KUNIT_CASE(nobody_has_a_driver),
	KUNIT_CASE(needs_differ),
	KUNIT_CASE(other_domains_refused),
	KUNIT_CASE(parent_refuses),
	{ }
};

static struct kunit_suite ims_bind_suite = {
	.name = "virtio-irq-ims-bind",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = ims_bind_cases,
};

kunit_test_suite(ims_bind_suite);
