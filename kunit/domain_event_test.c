// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: pairs that change, and vectors that are revoked,
 * as the devices and their drivers see it
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/kobject.h>

#include "domain_fixture.h"
#include "fake_ims.h"
#include "irq-virtio.h"

#define ALL		VIRTIO_IRQ_EVENT_F_ALL
#define REREAD		VIRTIO_IRQ_EVENT_F_REREAD
#define STILL_VALID	VIRTIO_IRQ_EVENT_F_STILL_VALID

#define VECTORS		4

static const struct fake_parent_caps no_reservation = { };

static const struct fake_pci_caps msi_unmaskable = { .msi = true, .msi_64 = true, .msi_log2 = 2 };

static struct domain *event_world(struct kunit *test, const struct fake_parent_caps *caps,
				  const struct fake_pci_caps *fn, u64 features)
{
	struct domain *d = domain_new(test, caps, DOMAIN_SCOPE | DOMAIN_EVENTS | features);

	d->host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	d->host->commit_first = true;
	domain_start(d);
	d->fn = domain_add(d, FAKE_PCI_BUS, DOMAIN_DEVFN, fn);
	KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
	return d;
}

static struct domain *with_irqs(struct kunit *test, const struct fake_pci_caps *fn,
				unsigned int type, unsigned int requested, u64 features)
{
	struct domain *d = event_world(test, &domain_reservation, fn, features);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, VECTORS, VECTORS, type), VECTORS);
	for (i = 0; i < requested; i++) {
		KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, i), 0);
		irq_set_status_flags(pci_irq_vector(d->fn->pdev, i), IRQ_DISABLE_UNLAZY);
	}
	fake_host_forget_log(d->host);
	return d;
}

static u32 endpoint(struct domain *d)
{
	return fake_pci_endpoint(d->fn);
}

static unsigned int virq_of(struct domain *d, unsigned int index)
{
	return pci_irq_vector(d->fn->pdev, index);
}

static void finish(struct domain *d)
{
	while (d->fn->num_irqs)
		free_irq(d->fn->irqs[--d->fn->num_irqs], d->fn);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* The host honours what the entry sends, and it may send it */
static void expect_works(struct domain *d, unsigned int index)
{
	struct fake_vector *vec = domain_vector(d, d->fn, index);
	struct virtio_irq_msg route = fake_parent_route(d->parent, virq_of(d, index));

	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_EQ(d->test, vec->route_data, route.data);
	DOMAIN_EXPECT_MSG(d->test, fake_pci_msix_message(d->fn, index), d->host->pair_address,
			  vec->pair);
	KUNIT_EXPECT_FALSE(d->test, fake_pci_msix_masked(d->fn, index));
	domain_fire(d, d->fn, index);
}

static unsigned int retriggers(struct domain *d)
{
	return d->parent->calls[FAKE_PARENT_RETRIGGER];
}

/*
 * The store is written by whoever writes it else
 */

struct stale_case {
	const char *name;
	u64 features;
	u32 flags;
};

static const struct stale_case stale_cases[] = {
	{ "eager", 0, 0 },
	{ "lazy", DOMAIN_LAZY, 0 },
	{ "STILL_VALID", DOMAIN_LAZY, STILL_VALID },
	{ "ALL", DOMAIN_LAZY, ALL },
	{ "REREAD", DOMAIN_LAZY, REREAD },
};

KUNIT_ARRAY_PARAM_DESC(stale, stale_cases, name);

static void msix(struct kunit *test)
{
	const struct stale_case *c = test->param_value;
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 3, c->features);
	bool all = c->flags & ALL;
	u32 before = fake_pci_msix_message(d->fn, 1).data;

	disable_irq(virq_of(d, 2));
	fake_host_move(d->host, endpoint(d), 0, 0, VECTORS);
	fake_event(d->host, VIRTIO_IRQ_EVENT_T_STALE, endpoint(d), 0, 0, all ? 0 : VECTORS,
		   c->flags);
	domain_settle(d);
	/* Those that are requested, each once */
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ACTIVATE), 3);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_ATTACH),
			!!(c->flags & REREAD));
	KUNIT_EXPECT_NE(test, fake_pci_msix_message(d->fn, 1).data, before);
	expect_works(d, 0);
	expect_works(d, 1);
	KUNIT_EXPECT_EQ(test, retriggers(d), c->flags & STILL_VALID ? 0 : 3);
	/* The masks of drivers are theirs */
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, 2));
	enable_irq(virq_of(d, 2));
	expect_works(d, 2);
	/* And the one that was not requested has the pair that it has by then */
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 3), 0);
	expect_works(d, 3);
	finish(d);
}

/* One message for all of them, and with it the low bits of each */
static void multi_msi(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msi, PCI_IRQ_MSI, 2, DOMAIN_LAZY);
	unsigned int i;

	fake_host_stale(d->host, endpoint(d), 0, 0, VECTORS, 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->pair & FAKE_PAIR_MOVED);
	KUNIT_EXPECT_EQ(test, retriggers(d), 2);
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 0));
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 1));
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_masked(d->fn, 2));
	/* The others come along when they are requested */
	for (i = 2; i < VECTORS; i++)
		KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, i), 0);
	for (i = 0; i < VECTORS; i++)
		domain_fire(d, d->fn, i);
	finish(d);
}

/* What is written in two steps may have been sent in between */
static void unmaskable_msi(struct kunit *test)
{
	struct domain *d = with_irqs(test, &msi_unmaskable, PCI_IRQ_MSI, 1, DOMAIN_LAZY);
	unsigned int i;

	fake_host_stale(d->host, endpoint(d), 0, 0, VECTORS, STILL_VALID);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	for (i = 0; i < VECTORS; i++)
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->armed);
	KUNIT_EXPECT_EQ(test, retriggers(d), VECTORS);
	/* Nothing new: nothing is written */
	fake_event(d->host, VIRTIO_IRQ_EVENT_T_STALE, endpoint(d), 0, 0, VECTORS, STILL_VALID);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, retriggers(d), VECTORS);
	finish(d);
}

/* Slots are masked while they are written, as fake_ims checks */
static void ims(struct kunit *test)
{
	const struct stale_case *c = test->param_value;
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;
	unsigned int writes;

	d->host->features |= DOMAIN_EVENTS | c->features;
	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 8);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 5), 0);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 1, VIRTIO_IRQ_NO_PASID), 1);
	writes = ims->slots[0].writes;
	fake_host_move(d->host, endpoint(d), FAKE_IMS_STORE, 0, 2);
	fake_event(d->host, VIRTIO_IRQ_EVENT_T_STALE, endpoint(d),
		   c->flags & ALL ? 0 : FAKE_IMS_STORE, 0, c->flags & ALL ? 0 : 2, c->flags);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, ims->slots[0].writes, writes + 1);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, 0)->pasid, 5);
	fake_ims_expect_works(ims, 0);
	fake_ims_expect_works(ims, 1);
	KUNIT_EXPECT_EQ(test, retriggers(d), c->flags & STILL_VALID ? 0 : 2);
	fake_ims_finish(ims);
	domain_expect_idle(d);
}

/* Pairs somewhere else */
static void window_moves(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 2, DOMAIN_LAZY);

	d->host->window_start = 0xfd000000;
	d->host->window_end = 0xfd000fff;
	d->host->pair_address = 0xfd000010;
	fake_event(d->host, VIRTIO_IRQ_EVENT_T_STALE, 0, 0, 0, 0, ALL | REREAD);
	domain_settle(d);
	expect_works(d, 0);
	expect_works(d, 1);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 2), 0);
	expect_works(d, 2);
	finish(d);
}

/* Requested before the driver has asked where pairs lie: armed when it has */
static void requested_while_the_window_moves(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 1, DOMAIN_LAZY);
	const struct virtio_irq_event event = {
		.type	= VIRTIO_IRQ_EVENT_T_STALE,
		.flags	= cpu_to_le32(ALL | REREAD),
	};

	d->host->window_start = 0xfd000000;
	d->host->window_end = 0xfd000fff;
	d->host->pair_address = 0xfd000010;
	/* Its interrupt is on the way */
	KUNIT_ASSERT_TRUE(test, fake_event_place(d->host, &event, sizeof(event)));
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	domain_settle(d);
	expect_works(d, 0);
	expect_works(d, 1);
	finish(d);
}

/* Nothing keeps it from sending what it has not got */
static void unmaskable_while_the_window_moves(struct kunit *test)
{
	struct domain *d = event_world(test, &domain_reservation, &msi_unmaskable, DOMAIN_LAZY);
	const struct virtio_irq_event event = {
		.type	= VIRTIO_IRQ_EVENT_T_STALE,
		.flags	= cpu_to_le32(ALL | REREAD),
	};

	d->host->window_start = 0xfd000000;
	d->host->window_end = 0xfd000fff;
	d->host->pair_address = 0xfd000010;
	disable_delayed_work_sync(&d->vi->recover);
	KUNIT_ASSERT_TRUE(test, fake_event_place(d->host, &event, sizeof(event)));
	KUNIT_EXPECT_LT(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 0);
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_enabled(d->fn));
	enable_delayed_work(&d->vi->recover);
	/* On another CPU the event may have been read meanwhile, and called for it in vain */
	mod_delayed_work(d->vi->wq, &d->vi->recover, 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0xfd000010,
			  domain_vector(d, d->fn, 0)->pair);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* DRV-93: whoever moves it finds another pair, and the STALE unread */
static void moved_while_stale(struct kunit *test)
{
	const struct stale_case *c = test->param_value;
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 2, c->features);
	const struct virtio_irq_event event = {
		.type		= VIRTIO_IRQ_EVENT_T_STALE,
		.endpoint	= cpu_to_le32(endpoint(d)),
		.count		= cpu_to_le32(c->flags & ALL ? 0 : 1),
		.flags		= cpu_to_le32(c->flags),
	};

	domain_log_start();
	fake_host_move(d->host, endpoint(d), 0, 0, c->flags & ALL ? 2 : 1);
	KUNIT_ASSERT_TRUE(test, fake_event_place(d->host, &event, sizeof(event)));
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq_of(d, 0), cpumask_of(0)), 0);
	domain_settle(d);
	domain_log_stop();
	KUNIT_EXPECT_EQ(test, domain_log_count("the host "), 0);
	expect_works(d, 0);
	expect_works(d, 1);
	KUNIT_EXPECT_EQ(test, retriggers(d),
			c->flags & STILL_VALID ? 0 : c->flags & ALL ? 2 : 1);
	finish(d);
}

/*
 * REVOKED
 */

static void expect_shut(struct domain *d, unsigned int index)
{
	KUNIT_EXPECT_FALSE(d->test, domain_vector(d, d->fn, index)->armed);
	KUNIT_EXPECT_TRUE(d->test, fake_pci_msix_masked(d->fn, index));
	DOMAIN_EXPECT_MSG(d->test, fake_pci_msix_message(d->fn, index), 0, 0);
}

static void taken_away(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 3, DOMAIN_LAZY);
	u64 uevents = atomic64_read(&uevent_seqnum);
	char text[120];

	domain_log_start();
	fake_host_revoked(d->host, endpoint(d), 0, 1, 3, VIRTIO_IRQ_S_QUOTA);
	domain_settle(d);
	domain_log_stop();
	snprintf(text, sizeof(text),
		 "0007:40:01.0: the host has revoked interrupt %u (store 0, vector 1): quota of this guest or device (-EDQUOT)",
		 virq_of(d, 1));
	domain_expect_told_once(test, text);
	KUNIT_EXPECT_EQ(test, domain_log_count("the host has revoked"), 2);
	/* One for the device, not for each of them */
	KUNIT_EXPECT_EQ(test, atomic64_read(&uevent_seqnum), uevents + 1);
	expect_works(d, 0);
	expect_shut(d, 1);
	expect_shut(d, 2);
	KUNIT_EXPECT_EQ(test, retriggers(d), 0);

	/* It stays shut, whatever is done with it */
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq_of(d, 1), cpumask_of(0)), 0);
	disable_irq(virq_of(d, 2));
	enable_irq(virq_of(d, 2));
	domain_settle(d);
	virtio_irq_replayed(d->vi->doms, irq_get_irq_data(virq_of(d, 1))->parent_data->chip_data,
			    false);
	expect_shut(d, 1);
	expect_shut(d, 2);
	/* The next one to ask gets the host's answer */
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 3), -EDQUOT);
	fake_pci_free(d->fn, 2);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 2), -EDQUOT);

	fake_host_revoked(d->host, endpoint(d), 0, 1, 3, 0);
	domain_settle(d);
	expect_works(d, 1);
	KUNIT_EXPECT_EQ(test, retriggers(d), 1);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 2), 0);
	expect_works(d, 2);
	finish(d);
}

/* Freed while it is revoked: neither side holds anything */
static void revoked_and_freed(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 3, DOMAIN_LAZY);

	fake_host_revoked(d->host, endpoint(d), 0, 0, 3, VIRTIO_IRQ_S_NOSPC);
	domain_settle(d);
	expect_shut(d, 0);
	finish(d);
}

static void revoked_and_reset(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 2, DOMAIN_LAZY);

	fake_host_revoked(d->host, endpoint(d), 0, 0, 1, VIRTIO_IRQ_S_PERM);
	domain_settle(d);
	expect_shut(d, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	domain_settle(d);
	expect_works(d, 0);
	expect_works(d, 1);
	finish(d);
}

static void revoked_multi_msi(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msi, PCI_IRQ_MSI, 3, DOMAIN_LAZY);
	u32 message = fake_pci_msi_message(d->fn).data;

	/* The message is that of the others, too */
	fake_host_revoked(d->host, endpoint(d), 0, 0, 1, VIRTIO_IRQ_S_QUOTA);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_masked(d->fn, 0));
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 1));
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, message);
	fake_host_revoked(d->host, endpoint(d), 0, 1, 2, VIRTIO_IRQ_S_QUOTA);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_masked(d->fn, 1));
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), 0, 0);
	fake_host_revoked(d->host, endpoint(d), 0, 0, 3, 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, message);
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 0));
	KUNIT_EXPECT_FALSE(test, fake_pci_msi_masked(d->fn, 2));
	finish(d);
}

/* It would send zeros to address 0. The pair that it has does nothing */
static void revoked_unmaskable_msi(struct kunit *test)
{
	struct domain *d = with_irqs(test, &msi_unmaskable, PCI_IRQ_MSI, 1, DOMAIN_LAZY);
	u32 message = fake_pci_msi_message(d->fn).data;
	unsigned int i;

	fake_host_revoked(d->host, endpoint(d), 0, 0, VECTORS, VIRTIO_IRQ_S_QUOTA);
	domain_settle(d);
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq_of(d, 0), cpumask_of(0)), 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS, message);
	KUNIT_EXPECT_TRUE(test, fake_pci_msi_enabled(d->fn));
	fake_host_revoked(d->host, endpoint(d), 0, 0, VECTORS, 0);
	domain_settle(d);
	for (i = 0; i < VECTORS; i++) {
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->armed);
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->committed);
	}
	KUNIT_EXPECT_EQ(test, domain_vector(d, d->fn, 0)->route_data,
			fake_parent_route(d->parent, virq_of(d, 0)).data);
	KUNIT_EXPECT_EQ(test, retriggers(d), VECTORS);
	finish(d);
}

static void revoked_ims(struct kunit *test)
{
	struct domain *d = fake_ims_world(test, &domain_reservation);
	struct fake_ims *ims;

	d->host->features |= DOMAIN_EVENTS;
	fake_ims_start(d);
	ims = fake_ims_bound(d, 0, 8);
	KUNIT_ASSERT_EQ(test, fake_ims_add(ims, 0, 5), 0);
	fake_host_revoked(d->host, endpoint(d), FAKE_IMS_STORE, 0, 1, VIRTIO_IRQ_S_PERM);
	domain_settle(d);
	KUNIT_EXPECT_TRUE(test, ims->slots[0].masked);
	DOMAIN_EXPECT_MSG(test, ims->slots[0].msg, 0, 0);
	/* Put down for the time when it is armed again */
	KUNIT_EXPECT_EQ(test, virtio_irq_ims_set_pasid(ims->slots[0].virq, 6), 0);
	KUNIT_EXPECT_TRUE(test, ims->slots[0].masked);
	fake_host_revoked(d->host, endpoint(d), FAKE_IMS_STORE, 0, 1, 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, fake_ims_vector(ims, 0)->pasid, 6);
	fake_ims_expect_works(ims, 0);
	KUNIT_EXPECT_EQ(test, retriggers(d), 1);
	fake_ims_finish(ims);
	domain_expect_idle(d);
}

/* Vectors that the core spreads are committed with their reservation */
static void revoked_spread(struct kunit *test)
{
	struct domain *d = event_world(test, &domain_reservation, &domain_msix, DOMAIN_LAZY);
	struct irq_affinity affd = { .pre_vectors = 1 };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors_affinity(d->fn->pdev, 2, 2, PCI_IRQ_MSIX |
							     PCI_IRQ_AFFINITY, &affd), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	fake_host_revoked(d->host, endpoint(d), 0, 0, 2, VIRTIO_IRQ_S_QUOTA);
	domain_settle(d);
	expect_shut(d, 0);
	expect_shut(d, 1);
	fake_host_revoked(d->host, endpoint(d), 0, 0, 2, 0);
	domain_settle(d);
	for (i = 0; i < 2; i++) {
		expect_works(d, i);
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->committed);
	}
	finish(d);
}

/* Armed at allocation, where the parent has no reservation mode */
static void early(struct kunit *test)
{
	struct domain *d = event_world(test, &no_reservation, &msi_unmaskable, 0);

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSI), 2);
	fake_host_stale(d->host, endpoint(d), 0, 0, 2, 0);
	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, 1), 0);
	domain_fire(d, d->fn, 1);
	finish(d);
}

/*
 * FAULT
 */

static void fault(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 1, DOMAIN_LAZY);
	struct virtio_irq_event event = {
		.type		= VIRTIO_IRQ_EVENT_T_FAULT,
		.reason		= VIRTIO_IRQ_FAULT_R_UNKNOWN,
		.endpoint	= cpu_to_le32(endpoint(d)),
		.count		= cpu_to_le32(3),
		.address	= cpu_to_le64(FAKE_PAIR_ADDRESS),
		.data		= cpu_to_le32(0xabc),
	};
	unsigned int i;

	domain_log_start();
	fake_event_place(d->host, &event, sizeof(event));
	event.reason = VIRTIO_IRQ_FAULT_R_PASID;
	event.flags = cpu_to_le32(VIRTIO_IRQ_EVENT_F_PASID_VALID | 0x51);
	fake_event_place(d->host, &event, sizeof(event));
	fake_event_interrupt(d->host);
	domain_settle(d);
	domain_log_stop();
	domain_expect_told_once(test,
				"0007:40:01.0: the host has blocked 3 messages, this one among them: address fee00004 data abc: no pair of this device");
	domain_expect_told_once(test,
				"address fee00004 data abc with PASID 51: another PASID");

	/* DRV-94 */
	domain_log_start();
	for (i = 0; i < 10 * DEFAULT_RATELIMIT_BURST; i++) {
		event.data = cpu_to_le32(i);
		fake_event_place(d->host, &event, sizeof(event));
		fake_event_interrupt(d->host);
		event_read(d->vi);
	}
	domain_log_stop();
	KUNIT_EXPECT_LE(test, domain_log_count("the host has blocked"), DEFAULT_RATELIMIT_BURST);
	expect_works(d, 0);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(d);
}

/* The function goes while its events are unread */
static void unplugged_with_events(struct kunit *test)
{
	struct domain *d = with_irqs(test, &domain_msix, PCI_IRQ_MSIX, 3, DOMAIN_LAZY);
	u32 id = endpoint(d);

	disable_delayed_work_sync(&d->vi->read_events);
	fake_host_stale(d->host, id, 0, 0, 2, REREAD);
	fake_host_revoked(d->host, id, 0, 2, 1, VIRTIO_IRQ_S_QUOTA);
	fake_pci_unplug(d->fn);
	enable_delayed_work(&d->vi->read_events);
	fake_event_interrupt(d->host);
	queue_delayed_work(d->vi->wq, &d->vi->read_events, 0);
	domain_settle(d);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(d->host, id));
	KUNIT_EXPECT_EQ(test, d->vi->num_news, 0);
	domain_expect_idle(d);
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE_PARAM(msix, stale_gen_params),
	KUNIT_CASE(multi_msi),
	KUNIT_CASE(unmaskable_msi),
	KUNIT_CASE_PARAM(ims, stale_gen_params),
	KUNIT_CASE(window_moves),
	KUNIT_CASE(requested_while_the_window_moves),
	KUNIT_CASE(unmaskable_while_the_window_moves),
	KUNIT_CASE_PARAM(moved_while_stale, stale_gen_params),
	KUNIT_CASE(taken_away),
	KUNIT_CASE(revoked_and_freed),
	KUNIT_CASE(revoked_and_reset),
	KUNIT_CASE(revoked_multi_msi),
	KUNIT_CASE(revoked_unmaskable_msi),
	KUNIT_CASE(revoked_ims),
	KUNIT_CASE(revoked_spread),
	KUNIT_CASE(early),
	KUNIT_CASE(fault),
	KUNIT_CASE(unplugged_with_events),
	{ }
};

static struct kunit_suite event_suite = {
	.name = "virtio-irq-domain-event",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = event_cases,
};

kunit_test_suite(event_suite);
