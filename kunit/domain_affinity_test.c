// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: interrupts that move
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irq.h>

#include "domain_fixture.h"
#include "kunit_compat.h"

/* What the host has never said: a message that is still there was not rewritten */
#define UNTOUCHED		0xdeadbeef

static const struct fake_parent_caps no_reservation = { };
static const struct fake_parent_caps starting = {
	.reservation = true, .full_chip = true, .startup = true,
};

static const struct fake_parent_caps no_affinity = { .reservation = true, .no_affinity = true };

/* One vector, requested; its entry in the table is marked */
static struct domain *with_features(struct kunit *test, const struct fake_parent_caps *caps,
				    u64 features)
{
	struct domain *d = domain_new(test, caps, DOMAIN_SCOPE | features);

	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 2, 2, PCI_IRQ_MSIX), 2);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	d->fn->table[2] = cpu_to_le32(UNTOUCHED);
	fake_host_forget_log(d->host);
	return d;
}

static struct domain *with_irq(struct kunit *test, const struct fake_parent_caps *caps)
{
	return with_features(test, caps, 0);
}

static unsigned int virq_of(struct domain *d)
{
	return pci_irq_vector(d->fn->pdev, 0);
}

static int move(struct domain *d)
{
	d->parent->move = true;
	return fake_parent_set_affinity(d->parent, virq_of(d), cpumask_of(0));
}

static void expect_route(struct domain *d)
{
	struct virtio_irq_msg route = fake_parent_route(d->parent, virq_of(d));
	struct fake_vector *vec = domain_vector(d, d->fn, 0);

	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_EQ(d->test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(d->test, vec->route_data, route.data);
}

static void finish(struct domain *d)
{
	KUNIT_EXPECT_EQ(d->test, fake_pci_msix_message(d->fn, 0).data, UNTOUCHED);
	fake_pci_free(d->fn, 0);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void moved(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);
	const struct virtio_irq_req_activate *req;
	u32 before = domain_vector(d, d->fn, 0)->route_data;

	/* Otherwise moves would wait for the next interrupt */
	KUNIT_EXPECT_TRUE(test, kunit_irq_moves_at_once(irq_get_irq_data(virq_of(d))));
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_expect_counts(d, 0, 1, 0, 0);
	req = domain_request(d, VIRTIO_IRQ_T_ACTIVATE, 0);
	KUNIT_EXPECT_NE(test, le32_to_cpu(req->data), before);
	expect_route(d);
	domain_fire(d, d->fn, 0);
	finish(d);
}

static void moved_without_reservation(struct kunit *test)
{
	struct domain *d = with_irq(test, &no_reservation);

	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_expect_counts(d, 0, 1, 0, 0);
	expect_route(d);
	finish(d);
}

/* With LAZY the host sees it before the next message; nobody waits, or tells it */
static void moved_lazily(struct kunit *test)
{
	struct domain *d = with_features(test, &domain_reservation, DOMAIN_LAZY);
	unsigned int i;

	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, move(d), 0);
	KUNIT_EXPECT_EQ(test, d->host->notifications, 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->host->notifications, 1);
	domain_expect_counts(d, 0, 8, 0, 0);
	expect_route(d);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 0);
	finish(d);
}

static void moved_lazily_and_refused(struct kunit *test)
{
	struct domain *d = with_features(test, &domain_reservation, DOMAIN_LAZY);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_settle(d);
	domain_expect_counts(d, 0, 2, 0, 0);
	expect_route(d);
	/* What was sent meanwhile may be lost */
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(d);
}

/* Freed with its route in the ring */
static void moved_lazily_and_freed(struct kunit *test)
{
	struct domain *d = with_features(test, &domain_reservation, DOMAIN_LAZY);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_DEVERR);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	fake_pci_free(d->fn, 0);
	domain_settle(d);
	domain_expect_counts(d, 0, 1, 1, 0);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 0)->armed);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* The parent says OK also if its message is the same: no request, no exit */
static void not_moved(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);
	unsigned int calls = d->parent->calls[FAKE_PARENT_SET_AFFINITY];

	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq_of(d), cpumask_of(0)), 0);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_SET_AFFINITY], calls + 1);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(d);
}

static void parent_refuses_move(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);

	fake_parent_fail(d->parent, FAKE_PARENT_SET_AFFINITY, 0, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, move(d), -ENOSPC);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	expect_route(d);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	expect_route(d);
	finish(d);
}

static void parent_cannot_move(struct kunit *test)
{
	struct domain *d = with_irq(test, &no_affinity);

	KUNIT_EXPECT_EQ(test, move(d), -EINVAL);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	finish(d);
}

/* Tried again at the next interrupt, in hard interrupt context, where there is such a thing */
static void parent_is_busy(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);
	bool deferred = IS_ENABLED(CONFIG_GENERIC_PENDING_IRQ);

	fake_parent_fail(d->parent, FAKE_PARENT_SET_AFFINITY, 0, 1, -EBUSY);
	KUNIT_EXPECT_EQ(test, move(d), deferred ? 0 : -EBUSY);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	expect_route(d);
	domain_fire(d, d->fn, 0);
	domain_expect_counts(d, 0, deferred, 0, 0);
	expect_route(d);
	finish(d);
}

/* The parent cannot go back: the move stands, the route follows later */
static void host_refuses_move(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);
	struct virtio_irq_msg old = fake_parent_route(d->parent, virq_of(d));

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	/* Holds recovery up, which may be faster on another CPU */
	mutex_lock(&d->vi->endpoints_lock);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	KUNIT_EXPECT_NE(test, fake_parent_route(d->parent, virq_of(d)).data, old.data);
	/* DRV-62 and DRV-63: the old route is in force until it is sent again */
	KUNIT_EXPECT_EQ(test, domain_vector(d, d->fn, 0)->route_data, old.data);
	mutex_unlock(&d->vi->endpoints_lock);
	domain_settle(d);
	domain_expect_counts(d, 0, 2, 0, 0);
	expect_route(d);
	/* Nobody says how long the old CPU vector was good */
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	finish(d);
}

static void host_refuses_move_for_long(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 4, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_settle(d);
	domain_expect_counts(d, 0, 5, 0, 0);
	expect_route(d);
	finish(d);
}

/* What is replayed is the last route, not the first that failed */
static void moved_again_while_dirty(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 2, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_settle(d);
	expect_route(d);
	finish(d);
}

static void host_mute_at_move(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);

	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	domain_settle(d);
	KUNIT_EXPECT_EQ(test, d->vi->stats.recoveries, 1);
	expect_route(d);
	finish(d);
}

/* The store cannot be rewritten atomically: another pair is no answer */
static void host_changes_pair_at_move(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);

	fake_host_rule(d->host, FAKE_DATA, VIRTIO_IRQ_T_ACTIVATE, 1, 0x777);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	KUNIT_EXPECT_EQ(test, fake_pci_msix_message(d->fn, 0).data, UNTOUCHED);
	domain_settle(d);
	expect_route(d);
	finish(d);
}

static void freed_while_dirty(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_NOSPC);
	KUNIT_EXPECT_EQ(test, move(d), 0);
	fake_pci_free(d->fn, 0);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 0)->armed);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

/* Not activated: the parent remembers it for the activation */
static void moved_before_request(struct kunit *test)
{
	struct domain *d = with_irq(test, &domain_reservation);
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, 1));
	struct irq_desc *desc = irq_data_to_desc(data);

	/* Nobody calls it so, but it may */
	raw_spin_lock_irq(&desc->lock);
	d->parent->move = true;
	KUNIT_EXPECT_GE(test, data->chip->irq_set_affinity(data, cpumask_of(0), false), 0);
	raw_spin_unlock_irq(&desc->lock);
	KUNIT_EXPECT_EQ(test, d->host->num_requests, 0);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 1), 0);
	domain_expect_counts(d, 0, 1, 0, 0);
	fake_pci_free(d->fn, 1);
	finish(d);
}

/*
 * Managed interrupts: the core ignores what their activation returns, and
 * without SMP there are none. There the flag is set by hand and the interrupt
 * activated as __irq_startup_managed() does.
 */

static void start_managed(struct domain *d, unsigned int index)
{
#ifdef CONFIG_SMP
	KUNIT_ASSERT_EQ(d->test, fake_pci_request(d->fn, index), 0);
#else
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, index));
	struct irq_desc *desc = irq_data_to_desc(data);
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&desc->lock, flags);
	ACCESS_PRIVATE(data->common, state_use_accessors) |= IRQD_AFFINITY_MANAGED;
	err = irq_domain_activate_irq(data, false);
	if (data->chip->irq_startup)
		data->chip->irq_startup(data);
	else
		data->chip->irq_unmask(data);
	ACCESS_PRIVATE(data->common, state_use_accessors) &= ~IRQD_IRQ_MASKED;
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	/* __irq_startup_managed() WARNs if it is not */
	KUNIT_EXPECT_EQ(d->test, err, 0);
#endif
}

static void stop_managed(struct domain *d, unsigned int index)
{
#ifdef CONFIG_SMP
	fake_pci_free(d->fn, index);
#else
	struct irq_data *data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, index));
	struct irq_desc *desc = irq_data_to_desc(data);
	unsigned long flags;

	raw_spin_lock_irqsave(&desc->lock, flags);
	data->chip->irq_mask(data);
	ACCESS_PRIVATE(data->common, state_use_accessors) |= IRQD_IRQ_MASKED;
	irq_domain_deactivate_irq(data);
	/* The descriptor is used again: without SPARSE_IRQ nobody else clears it */
	ACCESS_PRIVATE(data->common, state_use_accessors) &= ~IRQD_AFFINITY_MANAGED;
	raw_spin_unlock_irqrestore(&desc->lock, flags);
#endif
}

/* The store wants COMMIT, so that one too many would be seen */
static struct domain *with_managed_on(struct kunit *test, const struct fake_parent_caps *caps,
				      unsigned int quota, int want)
{
	struct domain *d = domain_new(test, caps, DOMAIN_SCOPE);
	struct irq_affinity affd = { .pre_vectors = 1 };

	d->host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	d->host->quota = quota;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(d->fn);
	fake_host_forget_log(d->host);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors_affinity(d->fn->pdev, 2, 2,
							     PCI_IRQ_MSIX | PCI_IRQ_AFFINITY,
							     &affd), want);
	return d;
}

static struct domain *with_managed(struct kunit *test, unsigned int quota, int want)
{
	return with_managed_on(test, &domain_reservation, quota, want);
}

static void finish_managed(struct domain *d)
{
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

#ifdef CONFIG_SMP
/* Without SMP there is nothing to spread, and irq_create_affinity_masks() is a stub */
static void managed_is_committed_at_allocation(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);
	const struct virtio_irq_req_alloc *req = domain_request(d, VIRTIO_IRQ_T_ALLOC, 0);
	unsigned int i;

	domain_expect_counts(d, 1, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), VIRTIO_IRQ_ALLOC_F_COMMIT);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 2);
	/* The one that is not managed, too: for NVMe's admin queue */
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, i)->committed);

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, 0), 0);
	start_managed(d, 1);
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_COMMIT), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 1)->armed);
	fake_pci_free(d->fn, 0);
	stop_managed(d, 1);
	/* Committed until FREE */
	KUNIT_EXPECT_EQ(test, fake_host_count(d->host, VIRTIO_IRQ_T_RELEASE), 0);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 1)->committed);
	finish_managed(d);
}
#endif

static void managed_commit_refused(struct kunit *test)
{
	struct domain *d = with_managed(test, 1, -ENOSPC);

	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_ACTIVATE], 0);
	domain_expect_idle(d);
}

static void expect_managed_armed(struct domain *d)
{
	struct fake_vector *vec = domain_vector(d, d->fn, 1);
	unsigned int virq = pci_irq_vector(d->fn->pdev, 1);

	KUNIT_EXPECT_TRUE(d->test, vec->armed);
	KUNIT_EXPECT_EQ(d->test, vec->route_data, fake_parent_route(d->parent, virq).data);
	DOMAIN_EXPECT_MSG(d->test, fake_pci_msix_message(d->fn, 1), FAKE_PAIR_ADDRESS, vec->pair);
	KUNIT_EXPECT_FALSE(d->test, fake_pci_msix_masked(d->fn, 1));
}

static void managed_activate_refused(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_BUSY);
	start_managed(d, 1);
	/* Nothing that a device could use yet, however soon recovery tries */
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), 0, 0);
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, 1));
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_settle(d);
	/* Recovery has written the store, and made up for what was lost */
	expect_managed_armed(d);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	stop_managed(d, 1);
	finish_managed(d);
}

/* The PCI bus may have an irq_startup, which unmasks it, too */
static void managed_started_while_refused(struct kunit *test)
{
	struct domain *d = with_managed_on(test, &starting, UINT_MAX, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_BUSY);
	start_managed(d, 1);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), 0, 0);
	KUNIT_EXPECT_TRUE(test, fake_pci_msix_masked(d->fn, 1));
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_STARTUP], 0);
	/* The parent's side of it is open */
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_UNMASK], 1);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_settle(d);
	expect_managed_armed(d);
	stop_managed(d, 1);
	start_managed(d, 1);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_STARTUP], 1);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_UNMASK], 2);
	expect_managed_armed(d);
	stop_managed(d, 1);
	finish_managed(d);
}

/* The core moves it when it has started it: then the store is written without recovery */
static void managed_armed_by_its_first_move(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);
	unsigned int virq = pci_irq_vector(d->fn->pdev, 1);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	start_managed(d, 1);
	d->parent->move = true;
	KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq, cpumask_of(0)), 0);
	expect_managed_armed(d);
	domain_settle(d);
	expect_managed_armed(d);
	stop_managed(d, 1);
	finish_managed(d);
}

/*
 * Activated at allocation, without desc->lock: recovery arms it when the core has
 * composed the message, and has not written it yet
 */
static void armed_while_it_is_activated(struct kunit *test, const struct fake_pci_caps *caps)
{
	struct domain *d = domain_with(test, &domain_reservation, caps);
	struct virtio_irq_vector *vec;
	struct irq_data *data;
	struct msi_msg msg = { };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, 1, 1, PCI_IRQ_MSI), 1);
	data = irq_get_irq_data(pci_irq_vector(d->fn->pdev, 0));
	irq_domain_deactivate_irq(data);
	domain_settle(d);
	/* As one that was never armed */
	vec = data->parent_data->chip_data;
	memset(&vec->pair, 0, sizeof(vec->pair));

	/* The core activates the parent's part, and composes */
	ACCESS_PRIVATE(data->common, state_use_accessors) |= IRQD_AFFINITY_MANAGED;
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	mutex_lock(&d->vi->endpoints_lock);
	KUNIT_EXPECT_EQ(test, irq_domain_activate_irq(data->parent_data, false), 0);
	ACCESS_PRIVATE(data->common, state_use_accessors) &= ~IRQD_ACTIVATED;
	data->parent_data->chip->irq_compose_msi_msg(data->parent_data, &msg);
	KUNIT_EXPECT_EQ(test, msg.data, 0);
	/* Recovery has its turn */
	mutex_unlock(&d->vi->endpoints_lock);
	for (i = 0; i < 100 && !domain_vector(d, d->fn, 0)->armed; i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, domain_vector(d, d->fn, 0)->armed);
	flush_delayed_work(&d->vi->recover);
	/* The core goes on */
	data->chip->irq_write_msi_msg(data, &msg);
	ACCESS_PRIVATE(data->common, state_use_accessors) |= IRQD_ACTIVATED;

	domain_settle(d);
	DOMAIN_EXPECT_MSG(test, fake_pci_msi_message(d->fn), FAKE_PAIR_ADDRESS,
			  domain_vector(d, d->fn, 0)->pair);
	KUNIT_EXPECT_EQ(test, d->parent->calls[FAKE_PARENT_RETRIGGER], 1);
	irq_domain_deactivate_irq(data);
	ACCESS_PRIVATE(data->common, state_use_accessors) &= ~IRQD_AFFINITY_MANAGED;
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void managed_armed_while_it_is_activated(struct kunit *test)
{
	static const struct fake_pci_caps unmaskable = { .msi = true, .msi_64 = true };

	armed_while_it_is_activated(test, &unmaskable);
}

/* It is raised for what was lost before, and not since it may have sent half of a message */
static void maskable_armed_while_it_is_activated(struct kunit *test)
{
	static const struct fake_pci_caps maskable = {
		.msi = true, .msi_64 = true, .msi_mask = true,
	};

	armed_while_it_is_activated(test, &maskable);
}

static void managed_activate_mute(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);

	fake_host_rule(d->host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	start_managed(d, 1);
	domain_settle(d);
	expect_managed_armed(d);
	KUNIT_EXPECT_EQ(test, d->vi->stats.recoveries, 1);
	stop_managed(d, 1);
	finish_managed(d);
}

static void managed_stopped_while_dirty(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_BUSY);
	start_managed(d, 1);
	stop_managed(d, 1);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_settle(d);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 1)->armed);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), 0, 0);
	finish_managed(d);
}

static void managed_freed_while_dirty(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_BUSY);
	start_managed(d, 1);
	stop_managed(d, 1);
	pci_free_irq_vectors(d->fn->pdev);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_expect_idle(d);
}

static void managed_started_twice(struct kunit *test)
{
	struct domain *d = with_managed(test, UINT_MAX, 2);

	start_managed(d, 1);
	stop_managed(d, 1);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, 1)->armed);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, 1), 0, 0);
	start_managed(d, 1);
	expect_managed_armed(d);
	stop_managed(d, 1);
	finish_managed(d);
}

static struct kunit_case affinity_cases[] = {
	KUNIT_CASE(moved),
	KUNIT_CASE(moved_without_reservation),
	KUNIT_CASE(moved_lazily),
	KUNIT_CASE(moved_lazily_and_refused),
	KUNIT_CASE(moved_lazily_and_freed),
	KUNIT_CASE(not_moved),
	KUNIT_CASE(parent_refuses_move),
	KUNIT_CASE(parent_cannot_move),
	KUNIT_CASE(parent_is_busy),
	KUNIT_CASE(host_refuses_move),
	KUNIT_CASE(host_refuses_move_for_long),
	KUNIT_CASE(moved_again_while_dirty),
	KUNIT_CASE(host_mute_at_move),
	KUNIT_CASE(host_changes_pair_at_move),
	KUNIT_CASE(freed_while_dirty),
	KUNIT_CASE(moved_before_request),
#ifdef CONFIG_SMP
	KUNIT_CASE(managed_is_committed_at_allocation),
#endif
	KUNIT_CASE(managed_commit_refused),
	KUNIT_CASE(managed_activate_refused),
	KUNIT_CASE(managed_started_while_refused),
	KUNIT_CASE(managed_armed_by_its_first_move),
	KUNIT_CASE(managed_armed_while_it_is_activated),
	KUNIT_CASE(maskable_armed_while_it_is_activated),
	KUNIT_CASE(managed_activate_mute),
	KUNIT_CASE(managed_stopped_while_dirty),
	KUNIT_CASE(managed_freed_while_dirty),
	KUNIT_CASE(managed_started_twice),
	{ }
};

static struct kunit_suite affinity_suite = {
	.name = "virtio-irq-domain-affinity",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = affinity_cases,
};

kunit_test_suite(affinity_suite);
