// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: devices, controllers and scopes that come and go
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/kthread.h>

#include "domain_fixture.h"
#include "irq-virtio.h"

static const struct fake_pci_caps bridge = { .bridge = true, .msi = true, .msi_64 = true };

/*
 * Coming and going
 */

static void bound_again_and_again(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;
	unsigned int i;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	for (i = 0; i < 10; i++) {
		domain_expect_works(d, fn);
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
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;
	unsigned int i;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 8, 8, PCI_IRQ_MSIX), 8);
	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, fake_pci_request(fn, i), 0);
	fake_pci_unbind(fn);
	KUNIT_EXPECT_FALSE(test, domain_served(d, fn));
	domain_expect_idle(d);
}

static void hot_removed_with_interrupts(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	fake_pci_unplug(fn);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	domain_expect_idle(d);

	/* Another one in its place */
	fake_pci_plug(fn);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
}

static void hot_removed_with_its_bridge(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *br, *fn;

	domain_start(d);
	br = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &bridge);
	fn = domain_add(d, FAKE_PCI_BUS + 1, PCI_DEVFN(0, 0), &domain_msix);
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
	struct domain *d = domain_scope_new(test);
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
	domain_expect_works(d, fn);
}

/* Bound again, or gone, before anybody had the time to give it back */
static void bound_soon_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
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
	/* It is as it was, and the controller does not go before it */
	KUNIT_EXPECT_FALSE(test, list_empty(&fn->pdev->dev.links.suppliers));
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 0);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
	domain_expect_idle(d);
}

/* Bus numbers are the guest's: it is not the endpoint any more that was attached */
static void renumbered_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
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
	domain_expect_works(d, fn);
}

static void removed_soon_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
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

/* Nor can its probe be tried again if the controller depends on it by now */
static void no_link_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN,
							 &domain_msix);
	struct device_link *link;

	domain_start(d);
	disable_work_sync(&d->vi->doms->walk);
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	fn->probe_error = 0;
	link = device_link_add(&d->host->vdev.dev, &fn->pdev->dev, DL_FLAG_STATELESS);
	KUNIT_ASSERT_NOT_NULL(test, link);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	enable_work(&d->vi->doms->walk);
	domain_expect_alone(d, fn);
	device_link_del(link);
}

/* The controller depends on the device: it cannot be unbound before it */
static void left_if_no_link_is_possible(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	struct device_link *link;

	fake_pci_unbind(fn);
	domain_start(d);
	link = device_link_add(&d->host->vdev.dev, &fn->pdev->dev, DL_FLAG_STATELESS);
	KUNIT_ASSERT_NOT_NULL(test, link);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	domain_expect_alone(d, fn);
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
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	bus_register_notifier(&pci_bus_type, &nb);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	bus_unregister_notifier(&pci_bus_type, &nb);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	domain_expect_alone(d, fn);
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
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;
	struct task_struct *child;

	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
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
	domain_expect_alone(d, fn);
}

/* Giving back what is left over is no occasion to take what was refused */
static void walk_leaves_the_bound_alone(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *refused, *fn;

	domain_start(d);
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ATTACH, 1, VIRTIO_IRQ_S_PERM);
	refused = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fn->probe_error = -EIO;
	fake_pci_plug(fn);
	flush_work(&d->vi->doms->walk);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 2);
	domain_expect_alone(d, refused);
}

static void probe_is_deferred(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
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
	domain_expect_works(d, fn);
	domain_expect_idle(d);
}

/* A function below inherits the domain of its bus, without having been taken over */
static void inherited_but_not_taken(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn, *heir;

	scope_range(d, 0, FAKE_PCI_BUS << 8 | DOMAIN_DEVFN, FAKE_PCI_BUS << 8 | DOMAIN_DEVFN);
	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_set_msi_domain(d->pci, dev_get_msi_domain(&fn->pdev->dev));
	heir = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(heir->pdev, 1, 1, PCI_IRQ_MSIX), -ENODEV);
	fake_pci_set_msi_domain(d->pci, d->parent->domain);
	fake_pci_unplug(heir);
	domain_expect_idle(d);
}

static void parent_refuses_the_device(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_parent_fail(d->parent, FAKE_PARENT_INIT_DEV, 0, 1, -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 1, 1, PCI_IRQ_MSIX), -ENODEV);
	domain_expect_idle(d);
	domain_expect_works(d, fn);
}

/*
 * The controller goes
 */

static void controller_removed_under_interrupts(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
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
	domain_expect_alone(d, fn);
}

/* No link holds one that was never bound to the end */
static void controller_removed_after_a_failed_probe(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
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
	domain_expect_alone(d, fn);
}

/* A host that is dead costs time, not the guest */
static void controller_removed_while_mute(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	fake_host_rule(d->host, FAKE_LOST, 0, UINT_MAX, 0);
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, domain_count_descs(), d->descs);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	domain_expect_alone(d, fn);
}

/*
 * The controller is pulled out: it reads as all ones, and virtio-pci breaks its
 * queue before it removes the device
 */
static void controller_unplugged(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;
	u64 start;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(fn->pdev, 3, 3, PCI_IRQ_MSIX), 3);
	KUNIT_ASSERT_EQ(test, fake_pci_request(fn, 1), 0);
	/* Whoever waits for an answer or for recovery in vain is seen */
	virtio_irq_poll_timeout_ms = 20000;
	virtio_irq_sleep_timeout_ms = 500;
	fake_host_forget_log(d->host);
	start = ktime_get_mono_fast_ns();
	d->host->status = 0xff;
	virtio_break_device(&d->host->vdev);
	KUNIT_EXPECT_EQ(test, fake_pci_request(fn, 2), -ETIMEDOUT);
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, pci_irq_vector(fn->pdev, 1),
						       cpumask_of(0)), 0);
	KUNIT_EXPECT_NE(test, d->vi->state, VIRTIO_IRQ_READY);
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);

	KUNIT_EXPECT_NULL(test, d->host->vdev.dev.driver);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, d->host->notifications, 0);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, domain_count_descs(), d->descs);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	domain_expect_alone(d, fn);
}

/* DRV-18 */
static void two_controllers(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_host *second = fake_host_new(test, DOMAIN_SCOPE);
	struct fake_pci_function *fn, *early;
	char want[80];

	second->config = d->host->config;
	early = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	domain_start(d);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(early->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	domain_log_start();
	KUNIT_ASSERT_EQ(test, fake_host_start(second), 0);
	flush_work(&second->vi->doms->walk);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	domain_log_stop();
	/* DRV-19, whether it has interrupts or not */
	snprintf(want, sizeof(want), "in the scope of %s, too, stays with %s",
		 dev_name(&second->vdev.dev), dev_name(&d->host->vdev.dev));
	KUNIT_EXPECT_EQ(test, domain_log_count(want), 2);
	KUNIT_EXPECT_EQ(test, domain_log_count("are not served"), 0);
	pci_free_irq_vectors(early->pdev);
	KUNIT_EXPECT_TRUE(test, domain_served(d, early));
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	KUNIT_EXPECT_EQ(test, second->num_requests, 0);
	domain_expect_works(d, fn);

	/* The first one gone, the second one takes what is bound then */
	device_release_driver(&d->host->vdev.dev);
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(second, fake_pci_endpoint(fn)));
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(second, fake_pci_endpoint(early)));
}

static int release_controller(void *data)
{
	struct domain *d = data;

	device_release_driver(&d->host->vdev.dev);
	return 0;
}

/* The walk over bound functions is still on when the driver core has unbound all consumers */
static void taken_while_controller_goes(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct device *ctrl = &d->host->vdev.dev;
	struct fake_pci_function *fn;
	struct task_struct *task;

	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	/* Holds the walk up */
	device_lock(&fn->pdev->dev);
	KUNIT_EXPECT_EQ(test, fake_host_start(d->host), 0);
	while (!(work_busy(&d->host->vi->doms->walk) & WORK_BUSY_RUNNING))
		usleep_range(100, 200);
	task = kthread_run(release_controller, d, "virtio-irq-test");
	if (!IS_ERR(task)) {
		get_task_struct(task);
		while (READ_ONCE(ctrl->links.status) != DL_DEV_UNBINDING)
			usleep_range(100, 200);
	}
	device_unlock(&fn->pdev->dev);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	kthread_stop_put(task);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH), 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DETACH), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&ctrl->links.consumers));
	KUNIT_EXPECT_FALSE(test, fn->bound);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
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
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn, *busy, *later;

	scope_range(d, 0, FAKE_PCI_BUS << 8, FAKE_PCI_BUS << 8);
	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(1, 0), &domain_msix);
	busy = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(2, 0), &domain_msix);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(busy->pdev, 1, 1, PCI_IRQ_MSIX), 1);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);

	scope_range(d, 0, FAKE_PCI_BUS << 8, FAKE_PCI_BUS << 8 | 0xff);
	change_scope(d);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	/* Its messages come from the parent */
	KUNIT_EXPECT_PTR_EQ(test, dev_get_msi_domain(&busy->pdev->dev), d->parent->domain);
	later = domain_add(d, FAKE_PCI_BUS, PCI_DEVFN(3, 0), &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, later));
	pci_free_irq_vectors(busy->pdev);
	domain_expect_works(d, fn);
}

static void scope_narrows(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	scope_range(d, 0, 0, 0);
	change_scope(d);
	/* Attached until it is given back */
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
	domain_expect_works(d, fn);
	fake_pci_unbind(fn);
	KUNIT_ASSERT_EQ(test, fake_pci_bind(fn), 0);
	domain_expect_alone(d, fn);
}

static void scope_becomes_absurd(struct kunit *test)
{
	struct domain *d = domain_scope_new(test);
	struct fake_pci_function *fn;

	domain_start(d);
	d->host->config.num_scopes = cpu_to_le16(VIRTIO_IRQ_MAX_SCOPES + 1);
	scope_range(d, 0, 0, 0);
	change_scope(d);
	/* Nothing of it is used */
	fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	KUNIT_EXPECT_TRUE(test, domain_served(d, fn));
}

static struct kunit_case life_cases[] = {
	KUNIT_CASE(bound_again_and_again),
	KUNIT_CASE(unbound_with_interrupts),
	KUNIT_CASE(hot_removed_with_interrupts),
	KUNIT_CASE(hot_removed_with_its_bridge),
	KUNIT_CASE(given_back_after_a_failed_probe),
	KUNIT_CASE(bound_soon_after_a_failed_probe),
	KUNIT_CASE(renumbered_after_a_failed_probe),
	KUNIT_CASE(removed_soon_after_a_failed_probe),
	KUNIT_CASE(no_link_after_a_failed_probe),
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
	KUNIT_CASE(controller_unplugged),
	KUNIT_CASE(two_controllers),
	KUNIT_CASE(taken_while_controller_goes),
	KUNIT_CASE(scope_widens),
	KUNIT_CASE(scope_narrows),
	KUNIT_CASE(scope_becomes_absurd),
	{ }
};

static struct kunit_suite life_suite = {
	.name = "virtio-irq-scope-life",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = life_cases,
};

kunit_test_suite(life_suite);
