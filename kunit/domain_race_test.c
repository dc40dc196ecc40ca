// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq domain: several at once, while the host fails
 *
 * On one CPU without preemption the threads take turns where they sleep; with
 * SMP they do what they want.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/irq.h>
#include <linux/kthread.h>
#include <linux/prandom.h>

#include "domain_fixture.h"

/* Enough of each for a case, and a bound should it not come to that */
#define MOVES			40
#define REQUESTS		12
#define DYNAMICS		5
#define MAX_ROUNDS		2000

#define SEED			0x5eed

/* Vectors by who uses them */
enum { MOVED, REQUESTED, REQUESTED_TOO, IDLE, NUM_VECTORS, DYNAMIC };

struct race {
	struct domain *d;
	unsigned int moves;
	unsigned int requests;
	unsigned int refused;
	unsigned int dynamic;
};

static int mover(void *data)
{
	struct race *race = data;
	struct domain *d = race->d;
	unsigned int virq = pci_irq_vector(d->fn->pdev, MOVED);

	while (!kthread_should_stop()) {
		unsigned long flags;
		int err;

		raw_spin_lock_irqsave(&d->parent->lock, flags);
		d->parent->move = true;
		raw_spin_unlock_irqrestore(&d->parent->lock, flags);
		err = fake_parent_set_affinity(d->parent, virq, cpumask_of(0));
		/* Whatever the host does, the move stands */
		KUNIT_EXPECT_EQ(d->test, err, 0);
		race->moves++;
		usleep_range(500, 1000);
	}
	return 0;
}

static irqreturn_t nobody(int irq, void *data)
{
	return IRQ_NONE;
}

static void request_one(struct race *race, unsigned int virq)
{
	int err = request_irq(virq, nobody, 0, "race", race);

	race->requests++;
	if (!err) {
		free_irq(virq, race);
		return;
	}
	/* What the host said or did not say */
	if (err != -ETIMEDOUT && err != -ENOSPC && err != -EIO)
		KUNIT_FAIL(race->d->test, "request_irq() says %pe", ERR_PTR(err));
	race->refused++;
}

static int requester(void *data)
{
	struct race *race = data;
	struct pci_dev *pdev = race->d->fn->pdev;

	while (!kthread_should_stop()) {
		request_one(race, pci_irq_vector(pdev, REQUESTED));
		usleep_range(300, 700);
		request_one(race, pci_irq_vector(pdev, REQUESTED_TOO));
		usleep_range(300, 700);
	}
	return 0;
}

static int allocator(void *data)
{
	struct race *race = data;
	struct pci_dev *pdev = race->d->fn->pdev;

	while (!kthread_should_stop()) {
		struct msi_map map = pci_msix_alloc_irq_at(pdev, DYNAMIC, NULL);

		if (map.index >= 0) {
			usleep_range(300, 700);
			pci_msix_free_irq(pdev, map);
			race->dynamic++;
		}
		usleep_range(300, 700);
	}
	return 0;
}

static int (*const race_bodies[])(void *data) = { mover, requester, allocator };

static struct domain *race_start(struct kunit *test, u64 features)
{
	struct domain *d = domain_new(test, &domain_reservation, DOMAIN_SCOPE | features);

	d->host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	domain_start(d);
	d->fn = fake_pci_function(d->pci, FAKE_PCI_BUS, DOMAIN_DEVFN, &domain_msix);
	fake_pci_plug(d->fn);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, NUM_VECTORS, NUM_VECTORS,
						    PCI_IRQ_MSIX), NUM_VECTORS);
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, MOVED), 0);
	return d;
}

/* Everybody stopped: host, parent and device are of one mind */
static void race_finish(struct domain *d)
{
	struct virtio_irq_msg route = fake_parent_route(d->parent,
							pci_irq_vector(d->fn->pdev, MOVED));
	struct kunit *test = d->test;
	struct fake_vector *vec;

	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	domain_settle(d);
	/* Until now an ATTACH after a reset may have been refused */
	vec = domain_vector(d, d->fn, MOVED);
	KUNIT_EXPECT_TRUE(test, vec->armed);
	KUNIT_EXPECT_EQ(test, vec->route_address, route.address);
	KUNIT_EXPECT_EQ(test, vec->route_data, route.data);
	DOMAIN_EXPECT_MSG(test, fake_pci_msix_message(d->fn, MOVED), FAKE_PAIR_ADDRESS, vec->pair);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, REQUESTED)->armed);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, REQUESTED)->committed);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, REQUESTED_TOO)->armed);
	KUNIT_EXPECT_FALSE(test, domain_vector(d, d->fn, DYNAMIC)->allocated);
	KUNIT_EXPECT_EQ(test, domain_allocated(d, d->fn), NUM_VECTORS);
	KUNIT_EXPECT_EQ(test, d->parent->activated, 1);
	/* It goes on */
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, REQUESTED), 0);
	domain_fire(d, d->fn, REQUESTED);
	fake_pci_free(d->fn, REQUESTED);
	fake_pci_free(d->fn, MOVED);
	pci_free_irq_vectors(d->fn->pdev);
	domain_expect_idle(d);
}

static void misbehave(struct domain *d, struct rnd_state *rnd)
{
	static const struct {
		enum fake_fault fault;
		u64 arg;
	} faults[] = {
		{ FAKE_LOST, 0 },
		{ FAKE_SILENT, 0 },
		{ FAKE_REFUSE, VIRTIO_IRQ_S_NOSPC },
		{ FAKE_STATUS, VIRTIO_IRQ_S_DEVERR },
		{ FAKE_LENGTH, 5 },
	};
	u32 which = prandom_u32_state(rnd) % ARRAY_SIZE(faults);

	fake_host_rule(d->host, faults[which].fault, 0, 1 + prandom_u32_state(rnd) % 2,
		       faults[which].arg);
}

/* Pairs change, and vectors are revoked and given back */
static void say(struct domain *d, struct rnd_state *rnd)
{
	static const u32 flags[] = {
		0, VIRTIO_IRQ_EVENT_F_STILL_VALID, VIRTIO_IRQ_EVENT_F_REREAD,
	};
	u32 id = fake_pci_endpoint(d->fn), dice = prandom_u32_state(rnd);

	fake_host_revoked(d->host, id, 0, MOVED, REQUESTED + 1,
			  dice & 1 ? VIRTIO_IRQ_S_NOSPC : 0);
	fake_host_stale(d->host, id, 0, 0, DYNAMIC + 1, flags[dice / 2 % ARRAY_SIZE(flags)]);
}

struct race_kind {
	const char *name;
	u64 features;
	/* The device is reset in between, too */
	bool device_reset;
};

static const struct race_kind race_kinds[] = {
	{ "silence", 0 },
	{ "silence, lazy", DOMAIN_LAZY },
	{ "device reset", DOMAIN_LAZY, .device_reset = true },
	{ "events", DOMAIN_EVENTS },
	{ "events, lazy", DOMAIN_EVENTS | DOMAIN_LAZY },
};

KUNIT_ARRAY_PARAM_DESC(race_kind, race_kinds, name);

/* Each has done its part, and the host was left and found again */
static bool race_is_over(const struct race *race, const struct race_kind *kind)
{
	const struct virtio_irq *vi = race->d->vi;

	return READ_ONCE(race->moves) >= MOVES && READ_ONCE(race->requests) >= REQUESTS &&
	       READ_ONCE(race->dynamic) >= DYNAMICS &&
	       (kind->device_reset ? READ_ONCE(vi->stats.device_resets) :
				     READ_ONCE(vi->stats.recoveries));
}

static void all_at_once(struct kunit *test)
{
	const struct race_kind *kind = test->param_value;
	struct domain *d = race_start(test, kind->features);
	struct race race = { .d = d };
	struct task_struct *threads[ARRAY_SIZE(race_bodies)];
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, SEED);
	for (i = 0; i < ARRAY_SIZE(race_bodies); i++) {
		threads[i] = kthread_run(race_bodies[i], &race, "virtio-irq-race/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(threads[i]));
	}
	for (i = 0; i < MAX_ROUNDS && !race_is_over(&race, kind); i++) {
		if (kind->features & DOMAIN_EVENTS)
			say(d, &rnd);
		/* It needs some time without, so that requests are answered at all */
		if (!(kind->features & DOMAIN_EVENTS) || i % 4 == 0)
			misbehave(d, &rnd);
		usleep_range(5000, 40000);
		/* It may time out, and is made up for */
		if (kind->device_reset && i % 4 == 0)
			virtio_irq_ask_reset(d->vi);
	}
	for (i = 0; i < ARRAY_SIZE(race_bodies); i++)
		kthread_stop(threads[i]);
	kunit_info(test, "%u moves, %u requests, %u of them refused, %u dynamic vectors, %llu recoveries\n",
		   race.moves, race.requests, race.refused, race.dynamic,
		   d->vi->stats.recoveries);
	KUNIT_EXPECT_LT(test, i, MAX_ROUNDS);
	if (kind->features & DOMAIN_EVENTS) {
		fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
		domain_settle(d);
		fake_host_revoked(d->host, fake_pci_endpoint(d->fn), 0, MOVED, REQUESTED + 1, 0);
	}
	race_finish(d);
}

/* A route that fails while the worker replays the one before */
static void moved_during_recovery(struct kunit *test)
{
	struct domain *d = race_start(test, 0);
	unsigned int virq = pci_irq_vector(d->fn->pdev, MOVED), i;

	for (i = 0; i < 20; i++) {
		fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
		d->parent->move = true;
		KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq, cpumask_of(0)), 0);
		/* BROKEN: this one is not even sent */
		d->parent->move = true;
		KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq, cpumask_of(0)), 0);
		usleep_range(100, 5000);
		d->parent->move = true;
		KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq, cpumask_of(0)), 0);
	}
	race_finish(d);
}

/* The interrupt is gone when the worker comes to replay it */
static void freed_during_recovery(struct kunit *test)
{
	struct domain *d = race_start(test, 0);
	unsigned int virq = pci_irq_vector(d->fn->pdev, MOVED), i;

	for (i = 0; i < 10; i++) {
		fake_host_rule(d->host, i & 1 ? FAKE_LOST : FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE,
			       1, 0);
		d->parent->move = true;
		KUNIT_EXPECT_EQ(test, fake_parent_set_affinity(d->parent, virq, cpumask_of(0)), 0);
		fake_pci_free(d->fn, MOVED);
		KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, MOVED), 0);
	}
	race_finish(d);
}

/* The whole device goes while the host is silent */
static void unbound_during_recovery(struct kunit *test)
{
	struct domain *d = race_start(test, 0);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
		KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, REQUESTED), -ETIMEDOUT);
		fake_pci_unbind(d->fn);
		KUNIT_ASSERT_EQ(test, fake_pci_bind(d->fn), 0);
		KUNIT_ASSERT_TRUE(test, domain_served(d, d->fn));
		KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(d->fn->pdev, NUM_VECTORS, NUM_VECTORS,
							    PCI_IRQ_MSIX), NUM_VECTORS);
	}
	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, MOVED), 0);
	race_finish(d);
}

/*
 * A replay that the host refuses is tried again later and later. What else
 * happens does not wait for that.
 */

static void move(struct domain *d, unsigned int index)
{
	d->parent->move = true;
	KUNIT_EXPECT_EQ(d->test, fake_parent_set_affinity(d->parent,
							  pci_irq_vector(d->fn->pdev, index),
							  cpumask_of(0)), 0);
}

/* The worker sleeps for VIRTIO_IRQ_BACKOFF_MAX_MS */
static struct domain *with_refused_replay(struct kunit *test)
{
	struct domain *d = race_start(test, 0);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fake_pci_request(d->fn, REQUESTED_TOO), 0);
	d->vi->backoff = VIRTIO_IRQ_BACKOFF_MAX_MS;
	/* The move itself and its first replays: on several CPUs there may be two */
	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, VIRTIO_IRQ_S_QUOTA);
	move(d, MOVED);
	for (i = 0; i < 50 && !timer_pending(&d->vi->recover.timer); i++)
		msleep(20);
	fake_host_rule(d->host, FAKE_NONE, 0, 0, 0);
	KUNIT_ASSERT_TRUE(test, timer_pending(&d->vi->recover.timer));
	KUNIT_ASSERT_EQ(test, READ_ONCE(d->vi->state), VIRTIO_IRQ_READY);
	return d;
}

static void silence_does_not_wait_for_a_refusal(struct kunit *test)
{
	struct domain *d = with_refused_replay(test);

	fake_host_rule(d->host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, REQUESTED), -ETIMEDOUT);
	/* request_irq() waits for VIRTIO_IRQ_RECOVERY_WAIT_MS, which is less */
	KUNIT_EXPECT_EQ(test, fake_pci_request(d->fn, REQUESTED), 0);
	fake_pci_free(d->fn, REQUESTED);
	fake_pci_free(d->fn, REQUESTED_TOO);
	race_finish(d);
}

static void move_does_not_wait_for_a_refusal(struct kunit *test)
{
	struct domain *d = with_refused_replay(test);
	unsigned int virq = pci_irq_vector(d->fn->pdev, REQUESTED_TOO), i;
	struct fake_vector *vec = domain_vector(d, d->fn, REQUESTED_TOO);

	fake_host_rule(d->host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_BUSY);
	move(d, REQUESTED_TOO);
	for (i = 0; i < 20; i++) {
		if (vec->route_data == fake_parent_route(d->parent, virq).data)
			break;
		msleep(50);
	}
	KUNIT_EXPECT_LT(test, i, 20);
	fake_pci_free(d->fn, REQUESTED_TOO);
	race_finish(d);
}

static void reset_does_not_wait_for_a_refusal(struct kunit *test)
{
	struct domain *d = with_refused_replay(test);

	/* Within sleep_timeout_ms */
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(d->vi), 0);
	fake_pci_free(d->fn, REQUESTED_TOO);
	race_finish(d);
}

static void change_does_not_wait_for_a_refusal(struct kunit *test)
{
	struct domain *d = with_refused_replay(test);
	unsigned int i;

	d->host->config.max_count = cpu_to_le32(7);
	virtio_config_changed(&d->host->vdev);
	for (i = 0; i < 20 && READ_ONCE(d->vi->max_count) != 7; i++)
		msleep(50);
	KUNIT_EXPECT_LT(test, i, 20);
	fake_pci_free(d->fn, REQUESTED_TOO);
	race_finish(d);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE_PARAM_ATTR(all_at_once, race_kind_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(moved_during_recovery),
	KUNIT_CASE(freed_during_recovery),
	KUNIT_CASE(unbound_during_recovery),
	KUNIT_CASE(silence_does_not_wait_for_a_refusal),
	KUNIT_CASE(move_does_not_wait_for_a_refusal),
	KUNIT_CASE(reset_does_not_wait_for_a_refusal),
	KUNIT_CASE(change_does_not_wait_for_a_refusal),
	{ }
};

static struct kunit_suite race_suite = {
	.name = "virtio-irq-domain-race",
	.init = domain_suite_init,
	.exit = domain_suite_exit,
	.test_cases = race_cases,
};

kunit_test_suite(race_suite);
