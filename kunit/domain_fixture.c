// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of the domain share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/console.h>
#include <linux/delay.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>

#include "domain_fixture.h"
#include "irq-virtio.h"
#include "kunit_compat.h"

const struct fake_parent_caps domain_reservation = { .reservation = true };
const struct fake_pci_caps domain_msix = { .msix = 32 };
const struct fake_pci_caps domain_msi = {
	.msi = true, .msi_64 = true, .msi_mask = true, .msi_log2 = 5,
};

int domain_suite_init(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = DOMAIN_POLL_MS;
	virtio_irq_sleep_timeout_ms = DOMAIN_SLEEP_MS;
	return 0;
}

void domain_suite_exit(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = 1000;
	virtio_irq_sleep_timeout_ms = 30000;
}

unsigned int domain_count_descs(void)
{
	unsigned int irq, count = 0;

	for (irq = irq_get_next_irq(0); irq < kunit_nr_irqs(); irq = irq_get_next_irq(irq + 1))
		count++;
	return count;
}

/* What the administrator reads */
char domain_log_text[8192];

static void domain_log_write(struct console *con, const char *text, unsigned int len)
{
	size_t used = strlen(domain_log_text);

	len = min_t(size_t, len, sizeof(domain_log_text) - 1 - used);
	memcpy(domain_log_text + used, text, len);
	domain_log_text[used + len] = '\0';
}

static struct console domain_log_console = {
	.name	= "virtio-irq-log",
	.write	= domain_log_write,
	.index	= -1,
};

/**
 * domain_log_start - keep what is logged from now on, in domain_log_text
 */
void domain_log_start(void)
{
	memset(domain_log_text, 0, sizeof(domain_log_text));
	/* It was taken away when it was unregistered */
	domain_log_console.flags = CON_ENABLED;
	register_console(&domain_log_console);
}

/**
 * domain_log_stop - wait until everything is written, and keep no more
 */
void domain_log_stop(void)
{
	console_lock();
	console_unlock();
	unregister_console(&domain_log_console);
}

/* How often it was logged */
unsigned int domain_log_count(const char *text)
{
	const char *at = domain_log_text;
	unsigned int count = 0;

	while ((at = strstr(at, text))) {
		at += strlen(text);
		count++;
	}
	return count;
}

/**
 * domain_expect_told_once - a line of the log is there, and no second time
 * @test: the test
 * @text: what is in the line
 */
void domain_expect_told_once(struct kunit *test, const char *text)
{
	KUNIT_EXPECT_EQ_MSG(test, domain_log_count(text), 1, "%s", text);
}

/**
 * scope_range - an entry of the host's scope: functions of the test's segment
 * @d: the world
 * @i: which entry
 * @start: first function, bus << 8 | devfn
 * @end: last function
 */
struct virtio_irq_scope_pci *scope_range(struct domain *d, unsigned int i, u16 start, u16 end)
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

/**
 * domain_new - parent, segment and host; the host is not on the bus yet
 * @test: the test
 * @caps: of the parent
 * @features: of the host; with SCOPE it serves the whole segment
 */
struct domain *domain_new(struct kunit *test, const struct fake_parent_caps *caps, u64 features)
{
	struct domain *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->test = test;
	d->descs = domain_count_descs();
	d->parent = fake_parent_new(test, caps);
	d->pci = fake_pci_new(test, FAKE_PCI_SEGMENT, d->parent->domain);
	d->host = fake_host_new(test, features);
	if (features & DOMAIN_SCOPE) {
		d->host->config.num_scopes = cpu_to_le16(1);
		scope_range(d, 0, 0, 0xffff);
	}
	return d;
}

/**
 * domain_start - put the host on the bus
 * @d: the world
 */
void domain_start(struct domain *d)
{
	KUNIT_ASSERT_EQ(d->test, fake_host_start(d->host), 0);
	d->vi = d->host->vi;
	/* Devices that are bound already */
	flush_work(&d->vi->doms->walk);
}

/**
 * domain_with - everything, with one function that is bound and served
 * @test: the test
 * @caps: of the parent
 * @fn: what the function is like
 */
struct domain *domain_with(struct kunit *test, const struct fake_parent_caps *caps,
			   const struct fake_pci_caps *fn)
{
	struct domain *d = domain_new(test, caps, DOMAIN_SCOPE);

	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, fn);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_TRUE(test, d->fn->bound);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	fake_host_forget_log(d->host);
	return d;
}

/**
 * domain_settle - wait until recovery has nothing to do
 * @d: the world
 */
void domain_settle(struct domain *d)
{
	unsigned long end = jiffies + 10 * HZ;

	do {
		/* What waits for the timer need not be waited for, nor what it finds out */
		virtio_irq_flush_timer(&d->vi->timer);
		/* What the host has said calls for recovery */
		flush_delayed_work(&d->vi->read_events);
		/* A note or a mark queues the worker; it may queue itself again */
		flush_delayed_work(&d->vi->recover);
		if (READ_ONCE(d->vi->state) == VIRTIO_IRQ_READY && !READ_ONCE(d->vi->posted) &&
		    !delayed_work_pending(&d->vi->read_events) &&
		    !delayed_work_pending(&d->vi->recover))
			return;
		usleep_range(1000, 2000);
	} while (time_before(jiffies, end));
	KUNIT_FAIL(d->test, "the engine is not ready, state %d", d->vi->state);
}

bool domain_served(struct domain *d, struct fake_pci_function *fn)
{
	struct irq_domain *msi = dev_get_msi_domain(&fn->pdev->dev);
	bool attached = fake_host_endpoint(d->host, fake_pci_endpoint(fn));

	/* Both sides must be of one mind */
	KUNIT_EXPECT_EQ(d->test, attached, msi && msi->parent == d->parent->domain);
	return attached;
}

struct fake_vector *domain_vector(struct domain *d, struct fake_pci_function *fn, u32 index)
{
	struct fake_endpoint *ep = fake_host_endpoint(d->host, fake_pci_endpoint(fn));

	KUNIT_ASSERT_NOT_NULL(d->test, ep);
	return &ep->vectors[index];
}

/* Vectors that the host holds of a function */
unsigned int domain_allocated(struct domain *d, struct fake_pci_function *fn)
{
	unsigned int i, count = 0;

	for (i = 0; i < FAKE_VECTORS; i++)
		count += domain_vector(d, fn, i)->allocated;
	return count;
}

/**
 * domain_expect_idle - nobody holds anything: parent, host, interrupt core
 * @d: the world, whose functions have no vectors
 */
void domain_expect_idle(struct domain *d)
{
	struct kunit *test = d->test;
	unsigned int i, v;

	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->parent->allocated, 0);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 0);
	KUNIT_EXPECT_EQ(test, d->parent->resources, 0);
	KUNIT_EXPECT_EQ(test, d->parent->misuse, 0);
	KUNIT_EXPECT_EQ(test, d->host->allocated, 0);
	for (i = 0; i < FAKE_ENDPOINTS; i++) {
		struct fake_endpoint *ep = &d->host->endpoints[i];

		for (v = 0; ep->attached && v < FAKE_VECTORS; v++)
			if (ep->vectors[v].allocated || ep->vectors[v].armed ||
			    ep->vectors[v].committed)
				KUNIT_FAIL(test, "the host still holds vector %u of %x", v, ep->id);
	}
	KUNIT_EXPECT_EQ(test, domain_count_descs(), d->descs);
}

/**
 * domain_request - a request as it lay in the ring
 * @d: the world
 * @type: VIRTIO_IRQ_T_*
 * @nth: which one of them, from 0 on
 */
const void *domain_request(struct domain *d, u8 type, unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < min(d->host->num_requests, FAKE_LOG); i++)
		if (d->host->log[i].bytes[0] == type && !nth--)
			return d->host->log[i].bytes;
	KUNIT_FAIL_AND_ABORT(d->test, "no such request of type %u", type);
	return NULL;
}

/* What the host was asked since the log was forgotten */
void domain_expect_counts(struct domain *d, unsigned int alloc, unsigned int activate,
			  unsigned int deactivate, unsigned int free)
{
	struct kunit *test = d->test;

	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ALLOC), alloc);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ACTIVATE), activate);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_DEACTIVATE), deactivate);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_FREE), free);
}

/**
 * domain_fire - what the CPU does when a message arrives
 * @d: the world
 * @fn: the function
 * @index: vector, as pci_irq_vector() counts
 */
void domain_fire(struct domain *d, struct fake_pci_function *fn, unsigned int index)
{
	int handled = atomic_read(&fn->handled);

	KUNIT_ASSERT_EQ(d->test, generic_handle_irq_safe(pci_irq_vector(fn->pdev, index)), 0);
	KUNIT_EXPECT_EQ(d->test, atomic_read(&fn->handled), handled + 1);
}

/* A world with a scope, that is not started and has no function */
struct domain *domain_scope_new(struct kunit *test)
{
	return domain_new(test, &domain_reservation, DOMAIN_SCOPE);
}

/* Plugs a function in, to which the driver is bound */
struct fake_pci_function *domain_add(struct domain *d, u8 busnr, u8 devfn,
				     const struct fake_pci_caps *caps)
{
	struct fake_pci_function *fn = fake_pci_function(d->pci, busnr, devfn, caps);

	fake_pci_plug(fn);
	KUNIT_ASSERT_TRUE(d->test, fn->bound);
	return fn;
}

/* It works, with the host's pairs if it is served and the parent's if not */
void domain_expect_works(struct domain *d, struct fake_pci_function *fn)
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

/* Not served, and works with its parent as if there were no controller */
void domain_expect_alone(struct domain *d, struct fake_pci_function *fn)
{
	KUNIT_EXPECT_PTR_EQ(d->test, dev_get_msi_domain(&fn->pdev->dev), d->parent->domain);
	KUNIT_EXPECT_NULL(d->test, fake_host_endpoint(d->host, fake_pci_endpoint(fn)));
	domain_expect_works(d, fn);
}
