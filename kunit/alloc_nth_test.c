// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq driver: every allocation of every operation
 * fails once
 *
 * An operation is run with its first allocation failing, then with its second
 * one, and so on until none fails any more. Whatever it returned, after it (and
 * after undoing it, if it succeeded) nobody holds more than before.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/debugfs.h>
#include <linux/irq.h>
#include <linux/kallsyms.h>
#include <linux/sched.h>

#include "fake_ims.h"
#include "irq-virtio.h"

/* More allocations than any operation makes */
#define MAX_STEPS	1000

/* A function that is not plugged in, and a store beyond its MSI-X */
#define OTHER		(FAKE_PCI_SEGMENT << 16 | 0x4ff8)
#define IMS		FAKE_IMS_STORE

/*
 * task_struct::fail_nth, which /proc/self/fail-nth sets for user space. It only
 * counts the attempts that the two attributes do not rule out.
 */

static void attribute_set(const char *attr, const char *name, size_t size, unsigned long value)
{
	struct dentry *dir = debugfs_lookup(attr, NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	struct kunit *test = current->kunit_test;
	void *data;

	KUNIT_ASSERT_NOT_NULL_MSG(test, file, "%s/%s", attr, name);
	/* Nobody has mounted debugfs; the file would do the same */
	data = d_inode(file)->i_private;
	if (size == sizeof(bool))
		*(bool *)data = value;
	else
		*(unsigned long *)data = value;
	dput(file);
	dput(dir);
}

static void attributes_set(bool ignore, unsigned long verbose)
{
	attribute_set("failslab", "ignore-gfp-wait", sizeof(bool), ignore);
	attribute_set("failslab", "verbose", sizeof(long), verbose);
	attribute_set("fail_page_alloc", "ignore-gfp-wait", sizeof(bool), ignore);
	attribute_set("fail_page_alloc", "verbose", sizeof(long), verbose);
}

/*
 * Allocations below a function do not fail. It returns nothing, and what undoes
 * it WARNs of what is missing.
 */
static void spare(struct kunit *test, const char *function)
{
#ifdef CONFIG_FAULT_INJECTION_STACKTRACE_FILTER
	static const char * const attrs[] = { "failslab", "fail_page_alloc" };
	unsigned long start = 0, size = 0, offset;
	unsigned int i;

	if (function) {
		start = kallsyms_lookup_name(function);
		KUNIT_ASSERT_TRUE(test, kallsyms_lookup_size_offset(start, &size, &offset));
	}
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		attribute_set(attrs[i], "reject-start", sizeof(long), start);
		attribute_set(attrs[i], "reject-end", sizeof(long), start + size);
	}
#endif
}

static int alloc_nth_init(struct kunit *test)
{
	spare(test, "register_irq_proc");
	/* A failure that is wanted needs no stack trace */
	attributes_set(false, 0);
	return domain_suite_init(test);
}

static void alloc_nth_exit(struct kunit *test)
{
	WRITE_ONCE(current->fail_nth, 0);
	attributes_set(true, 2);
	spare(test, NULL);
	domain_suite_exit(test);
}

static void fail_begin(unsigned int step)
{
	WRITE_ONCE(current->fail_nth, step + 1);
}

/* Returns true if there were so many, and the last one failed */
static bool fail_end(void)
{
	return !xchg(&current->fail_nth, 0);
}

/*
 * What an endpoint asks the engine
 */

/* How far the function has come before the operation */
enum { PLUGGED, BOUND_BEFORE, BOUND, WITH_VECTORS };

struct operation {
	const char *name;
	unsigned int setup;
	int (*run)(struct domain *d);
	/* After a run that returned 0 */
	void (*undo)(struct domain *d);
	/* Before each run; it does not fail */
	void (*prepare)(struct domain *d);
};

static struct virtio_irq_endpoint *ep;

static int attach(struct domain *d)
{
	ep = virtio_irq_attach(d->vi, OTHER);
	return PTR_ERR_OR_ZERO(ep);
}

static void detach(struct domain *d)
{
	virtio_irq_detach(ep);
}

/* Records are made and kept; the endpoint takes them along */
static int alloc(struct domain *d)
{
	int err = attach(d);

	if (err)
		return err;
	err = virtio_irq_alloc(&ep->msi, 0, 100, 0, 64);
	if (err == 100) {
		virtio_irq_free(virtio_irq_take(&ep->msi, 99));
		err = 0;
	}
	virtio_irq_detach(ep);
	return err;
}

/* What the worker does when the host says that properties have changed */
static int reread(struct domain *d)
{
	int err = attach(d);

	if (err)
		return err;
	mutex_lock(&d->vi->endpoints_lock);
	err = virtio_irq_reread(ep);
	mutex_unlock(&d->vi->endpoints_lock);
	KUNIT_EXPECT_EQ(d->test, ep->window_start, FAKE_WINDOW_START);
	virtio_irq_detach(ep);
	return err;
}

static int reserve(struct domain *d)
{
	struct virtio_irq_store *store;
	int err = attach(d);

	if (err)
		return err;
	store = virtio_irq_find_store(ep, IMS);
	err = virtio_irq_reserve(store, 3, 0, 64);
	if (!err)
		err = virtio_irq_reserve(store, 400, 0, 64);
	virtio_irq_store_release(store);
	virtio_irq_detach(ep);
	return err;
}

static void nothing(struct domain *d)
{
}

/*
 * What a device's driver asks the interrupt core
 */

static int bind(struct domain *d)
{
	return fake_pci_bind(d->fn);
}

static void unbind(struct domain *d)
{
	fake_pci_unbind(d->fn);
}

static int alloc_vectors(struct domain *d)
{
	int n = pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX);

	return n < 0 ? n : 0;
}

static int alloc_block(struct domain *d)
{
	int n = pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSI);

	return n < 0 ? n : 0;
}

static void free_vectors(struct domain *d)
{
	pci_free_irq_vectors(d->fn->pdev);
}

static int request(struct domain *d)
{
	return fake_pci_request(d->fn, 1);
}

static void free_irq_1(struct domain *d)
{
	fake_pci_free(d->fn, 1);
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

static void setup_vectors(struct domain *d)
{
	KUNIT_ASSERT_EQ(d->test, pci_alloc_irq_vectors(d->fn->pdev, 3, 3, PCI_IRQ_MSIX), 3);
	KUNIT_ASSERT_EQ(d->test, fake_pci_request(d->fn, 0), 0);
}

/* What gives back does not need any memory */
static int free_all(struct domain *d)
{
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	return 0;
}

/*
 * What a driver asks for a store
 */

static struct fake_ims *ims;

static void unuse_store(struct domain *d)
{
	fake_ims_finish(ims);
}

/* devlink_remove_symlinks() WARNs without memory */
static void release_driver(struct domain *d)
{
	device_release_driver(fake_ims_dev(ims));
}

static int use_store(struct domain *d)
{
	struct device *dev = fake_ims_dev(ims);
	int err;

	/* Without MSI data of the time before */
	err = fake_ims_rebind(ims);
	if (err)
		return err;
	err = virtio_irq_ims_bind(dev, d->fn->pdev, &ims->ims);
	if (err)
		return err;
	err = virtio_irq_ims_create_domain(dev);
	if (err)
		goto finish;
	err = fake_ims_add(ims, 3, 5);
	if (err < 0)
		goto finish;
	err = fake_ims_add(ims, 100, 5);
	if (err < 0)
		goto finish;
	return 0;

finish:
	unuse_store(d);
	return err;
}

static const struct operation operations[] = {
	{ "attach", BOUND, attach, detach },
	{ "ALLOC", BOUND, alloc, nothing },
	{ "reserve", BOUND, reserve, nothing },
	{ "reread", BOUND, reread, nothing },
	{ "first bind of its parent", PLUGGED, bind, unbind },
	{ "bind", BOUND_BEFORE, bind, unbind },
	{ "alloc MSI-X", BOUND, alloc_vectors, free_vectors },
	{ "alloc MSI block", BOUND, alloc_block, free_vectors },
	{ "request_irq", WITH_VECTORS, request, free_irq_1 },
	{ "alloc_irq_at", WITH_VECTORS, alloc_at, free_at },
	{ "free", WITH_VECTORS, free_all, setup_vectors },
	{ "store", BOUND, use_store, unuse_store, release_driver },
};

KUNIT_ARRAY_PARAM_DESC(operation, operations, name);

/* What everybody holds */
struct holdings {
	unsigned int parent_allocated, parent_activated, parent_resources;
	unsigned int host_allocated, host_armed, host_attached;
	unsigned int endpoints, descs;
};

static struct holdings holdings(struct domain *d)
{
	struct holdings h = {
		.parent_allocated	= d->parent->allocated,
		.parent_activated	= d->parent->activated,
		.parent_resources	= d->parent->resources,
		.host_allocated		= d->host->allocated,
		.endpoints		= list_count_nodes(&d->vi->endpoints),
		.descs			= domain_count_descs(),
	};
	unsigned int i, v;

	for (i = 0; i < FAKE_ENDPOINTS; i++) {
		h.host_attached += d->host->endpoints[i].attached;
		for (v = 0; v < FAKE_VECTORS; v++)
			h.host_armed += d->host->endpoints[i].vectors[v].armed;
	}
	return h;
}

static void expect_same(struct domain *d, const struct holdings *before, unsigned int step)
{
	struct holdings now;

	/* A probe that failed is tidied up by this */
	flush_work(&d->vi->doms->walk);
	domain_settle(d);
	now = holdings(d);
#define SAME(what)								\
	KUNIT_EXPECT_EQ_MSG(d->test, now.what, before->what, "after step %u", step)

	SAME(parent_allocated);
	SAME(parent_activated);
	SAME(parent_resources);
	SAME(host_allocated);
	SAME(host_armed);
	SAME(host_attached);
	SAME(endpoints);
	SAME(descs);
#undef SAME
}

static void every_allocation_fails(struct kunit *test)
{
	static const struct fake_pci_caps both = {
		.msi = true, .msi_64 = true, .msi_mask = true, .msi_log2 = 3, .msix = 32,
	};
	const struct operation *op = test->param_value;
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct holdings before;
	unsigned int step;
	bool hit = true;
	int err;

	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &both);
	fake_pci_plug(d->fn);
	fake_pci_unbind(d->fn);
	domain_start(d);
	if (op->setup >= BOUND_BEFORE) {
		KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
		KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	}
	if (op->setup == BOUND_BEFORE)
		fake_pci_unbind(d->fn);
	if (op->setup == WITH_VECTORS)
		setup_vectors(d);
	if (op->run == use_store)
		ims = fake_ims_device(d, 0, 128);
	domain_settle(d);
	before = holdings(d);

	for (step = 0; hit && step < MAX_STEPS; step++) {
		if (op->prepare)
			op->prepare(d);
		fail_begin(step);
		err = op->run(d);
		hit = fail_end();
		if (d->fn->bound)
			domain_served(d, d->fn);
		if (!err)
			op->undo(d);
		expect_same(d, &before, step);
	}
	/* The last time nothing failed */
	KUNIT_EXPECT_FALSE(test, hit);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, d->parent->misuse, 0);
	KUNIT_EXPECT_GT(test, step, op->run == free_all ? 0 : 1);

	if (d->fn->bound)
		fake_pci_unbind(d->fn);
	domain_expect_idle(d);
}

/* From activation to DETACH; returns true if anything asked for memory */
static bool route_allocates(struct kunit *test, struct domain *d)
{
	const struct virtio_irq_event event = {
		.type		= VIRTIO_IRQ_EVENT_T_STALE,
		.endpoint	= cpu_to_le32(OTHER),
		.count		= cpu_to_le32(1),
	};
	struct virtio_irq_msg msg = { .address = FAKE_ROUTE_ADDRESS, .data = 1 };
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, attach(d), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&ep->msi, 0, 1, 0, 64), 1);
	vec = virtio_irq_take(&ep->msi, 0);
	fail_begin(0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &msg, false), 0);
	msg.data++;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &msg), 0);
	/* What eventq says is read here, too */
	fake_host_move(d->host, OTHER, 0, 0, 1);
	fake_event_place(d->host, &event, sizeof(event));
	msg.data++;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &msg), 0);
	virtio_irq_deactivate(vec);
	virtio_irq_free(vec);
	virtio_irq_detach(ep);
	return fail_end();
}

/*
 * What runs under desc->lock must not even try. Debug objects and KASAN's stack
 * depot do, once in a thousand times, in the name of whoever runs; the driver
 * would each time.
 */
static void routes_need_no_memory(struct kunit *test)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE | DOMAIN_EVENTS);
	unsigned int i, hits = 0;

	domain_start(d);
	for (i = 0; i < 3; i++)
		hits += route_allocates(test, d);
	KUNIT_EXPECT_LT(test, hits, i);
}

/*
 * Probe: the driver is bound to the device again and again
 */

static void probe(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, DOMAIN_EVENTS);
	struct device *dev = &host->vdev.dev;
	bool hit = true, bound = false;
	unsigned int step;

	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	for (step = 0; hit && step < MAX_STEPS; step++) {
		device_release_driver(dev);
		KUNIT_EXPECT_NULL(test, host->vq);
		KUNIT_EXPECT_NULL(test, host->evq);
		KUNIT_EXPECT_EQ(test, host->status & VIRTIO_CONFIG_S_DRIVER_OK, 0);
		fail_begin(step);
		bound = device_attach(dev) > 0;
		hit = fail_end();
		/* A probe that failed has left nothing behind; one that has not works */
		KUNIT_EXPECT_EQ(test, !!host->vq, bound);
		if (!bound) {
			virtio_reset_device(&host->vdev);
			continue;
		}
		ep = virtio_irq_attach(host->vdev.priv, OTHER);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep);
		virtio_irq_detach(ep);
	}
	KUNIT_EXPECT_FALSE(test, hit);
	KUNIT_EXPECT_TRUE(test, bound);
	KUNIT_EXPECT_GT(test, step, 5);
}

/*
 * Recovery: the worker's own allocations, from the reset on
 */

static unsigned int recovery_step;
static bool recovery_done, recovery_hit;

static void fail_in_worker(struct fake_host *host)
{
	/* The next attempt is not to fail again */
	if (!recovery_done)
		fail_begin(recovery_step);
	recovery_done = true;
}

/* Before recovery's first request about a vector: until here it may have failed */
static void worker_lives(struct fake_host *host, const u8 *req)
{
	u8 type = req[0];

	if (type == VIRTIO_IRQ_T_ATTACH || type == VIRTIO_IRQ_T_DETACH)
		return;
	if (READ_ONCE(current->fail_nth)) {
		recovery_hit = false;
		WRITE_ONCE(current->fail_nth, 0);
	}
}

static void device_reset(struct kunit *test)
{
	struct domain *d = domain_with(test, &domain_reservation, &domain_msix);

	setup_vectors(d);
	d->host->in_reset = fail_in_worker;
	d->host->in_notify = worker_lives;
	recovery_hit = true;
	for (recovery_step = 0; recovery_hit && recovery_step < MAX_STEPS; recovery_step++) {
		recovery_done = false;
		virtio_irq_ask_reset(d->vi);
		domain_settle(d);
		KUNIT_EXPECT_TRUE(test, recovery_done);
		KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
		KUNIT_EXPECT_EQ(test, d->host->allocated, 3);
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	}
	KUNIT_EXPECT_FALSE(test, recovery_hit);
	KUNIT_EXPECT_GT(test, recovery_step, 1);
	d->host->in_reset = NULL;
	d->host->in_notify = NULL;
	fake_pci_unbind(d->fn);
	domain_expect_idle(d);
}

static struct kunit_case alloc_nth_cases[] = {
	KUNIT_CASE_PARAM_ATTR(every_allocation_fails, operation_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(routes_need_no_memory),
	KUNIT_CASE_SLOW(probe),
	KUNIT_CASE(device_reset),
	{ }
};

static struct kunit_suite alloc_nth_suite = {
	.name = "virtio-irq-alloc-nth",
	.init = alloc_nth_init,
	.exit = alloc_nth_exit,
	.test_cases = alloc_nth_cases,
};

kunit_test_suite(alloc_nth_suite);
