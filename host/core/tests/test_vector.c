// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about COMMIT, RELEASE, ACTIVATE, DEACTIVATE, and about messages.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

#define NONE	UINT32_MAX

static void limit_committed(struct vmm *vmm, uint32_t committed, uint32_t pool)
{
	set_quotas(vmm, (struct virtio_irq_quotas) {
		.vectors = NONE,
		.endpoint_vectors = NONE,
		.committed = committed,
		.pool = pool,
	});
}

static void assert_same_pair(struct virtio_irq_msg a, struct virtio_irq_msg b)
{
	assert_int_equal(a.address, b.address);
	assert_int_equal(a.data, b.data);
}

/* COMMIT and RELEASE */

static void commit_takes_and_release_gives_back(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	assert_int_equal(commit(vmm, EP, 2, 4), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 4);
	assert_int_equal(vmm->taken, 4);
	assert_int_equal(release(vmm, EP, 2, 4), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 0);
	assert_int_equal(vmm->taken, 0);
}

/* DEV-43 */
static void commit_and_release_are_idempotent(void **state)
{
	struct vmm *vmm = *state;

	limit_committed(vmm, 4, 4);
	start(vmm, 8, 0);
	assert_int_equal(release(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
	assert_int_equal(commit(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	assert_int_equal(commit(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	assert_int_equal(commit(vmm, EP, 1, 2), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->commits, 4);
	assert_int_equal(release(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
	assert_int_equal(release(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->releases, 4);
}

/* DEV-72 */
static void commit_of_a_range_is_all_or_nothing(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	assert_int_equal(commit(vmm, EP, 3, 1), VIRTIO_IRQ_S_OK);
	limit_committed(vmm, 7, NONE);
	assert_int_equal(commit(vmm, EP, 0, 8), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(stats(vmm).committed, 1);
	limit_committed(vmm, NONE, 7);
	assert_int_equal(commit(vmm, EP, 0, 8), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(stats(vmm).committed, 1);
	limit_committed(vmm, NONE, NONE);
	vmm->commit_status = VIRTIO_IRQ_S_PERM;
	vmm->commit_limit = 5;
	assert_int_equal(commit(vmm, EP, 0, 8), VIRTIO_IRQ_S_PERM);
	assert_int_equal(stats(vmm).committed, 1);
	assert_int_equal(vmm->taken, 1);
	vmm->commit_status = 0;
	/* The one that was committed before still is */
	limit_committed(vmm, 0, 0);
	assert_int_equal(commit(vmm, EP, 3, 1), VIRTIO_IRQ_S_OK);
	limit_committed(vmm, 8, 8);
	assert_int_equal(commit(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 8);
}

static void commit_of_a_vector_that_is_not_allocated_is_noent(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	assert_int_equal(commit(vmm, EP, 0, 9), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(commit(vmm, EP, 2047, 2), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(stats(vmm).committed, 0);
	assert_int_equal(commit(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
	assert_int_equal(release(vmm, EP, 0, 9), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(stats(vmm).committed, 8);
}

static void commit_quota_is_named_before_the_pool(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 1, 0);
	limit_committed(vmm, 0, 0);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	limit_committed(vmm, NONE, 0);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	/* The VMM is not asked for what a limit forbids */
	assert_int_equal(vmm->commits, 0);
}

/* DEV-42 */
static void commitment_survives_deactivate(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	must_activate(vmm, EP, 0);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 1);
	/* So that arming it again cannot be refused */
	limit_committed(vmm, 0, 0);
	must_activate(vmm, EP, 0);
	assert_int_equal(vmm->commits, 1);
	assert_int_equal(vmm->releases, 0);
}

static void commitment_ends_with_free_detach_and_reset(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_COMMIT);
	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 3);
	must_alloc(vmm, EP, 0, 1, 0);
	assert_int_equal(vmm->taken, 3);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 0);
	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_COMMIT);
	virtio_irq_core_reset(vmm->core);
	assert_int_equal(vmm->taken, 0);
}

static void commit_works_without_callbacks(void **state)
{
	static struct virtio_irq_ops ops;
	struct vmm *vmm = *state;

	ops = vmm_ops;
	ops.commit = NULL;
	ops.release = NULL;
	vmm_free_core(vmm);
	vmm->core = virtio_irq_core_new(&vmm->config, &ops, vmm);
	assert_non_null(vmm->core);
	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_COMMIT);
	must_activate(vmm, EP, 0);
	assert_int_equal(stats(vmm).committed, 4);
	assert_int_equal(vfree(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 0);
	assert_int_equal(vmm->commits + vmm->releases, 0);
}

/* ACTIVATE and DEACTIVATE */

static void activate_arms_and_answers_the_pair(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	start(vmm, 4, 0);
	assert_int_equal(activate(vmm, EP, 2, ROUTE_ADDRESS, 0x1234, &pair), VIRTIO_IRQ_S_OK);
	assert_int_equal(pair.address, PAIR_ADDRESS);
	assert_int_equal(pair.data, data_of(vmm, EP, 2));
	assert_true(vector(vmm, EP, 2, &info));
	assert_true(info.armed);
	assert_int_equal(info.route.address, ROUTE_ADDRESS);
	assert_int_equal(info.route.data, 0x1234);
	assert_int_equal(info.routed, 1);
	assert_int_equal(stats(vmm).armed, 1);
}

static void activate_of_a_vector_that_is_not_allocated_is_noent(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	assert_int_equal(activate(vmm, EP, 4, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, UINT32_MAX, ROUTE_ADDRESS, 0, NULL),
			 VIRTIO_IRQ_S_NOENT);
	assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
}

/* DEV-78, DEV-81 */
static void activate_of_an_armed_vector_answers_the_identical_pair(void **state)
{
	struct virtio_irq_msg pair, again;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS + 0x1000 * i, i, &again),
				 VIRTIO_IRQ_S_OK);
		assert_same_pair(pair, again);
	}
	assert_int_equal(stats(vmm).armed, 1);
	assert_int_equal(stats(vmm).committed, 1);
}

/* DEV-79 */
static void activate_of_an_armed_vector_is_never_refused_for_lack(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	must_activate(vmm, EP, 0);
	assert_int_equal(commit(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	must_activate(vmm, EP, 1);
	set_quotas(vmm, (struct virtio_irq_quotas) { .vectors = 0 });
	vmm->commit_status = VIRTIO_IRQ_S_NOSPC;
	vmm->commit_limit = 0;
	fail_malloc_from(1);
	must_activate(vmm, EP, 0);
	must_activate(vmm, EP, 1);
	assert_int_equal(vmm->commits, 2);
	fail_malloc_from(0);
}

/* DEV-82, DEV-83 */
static void activate_reroutes_every_later_message(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm_ep(vmm, EP)->last.address, ROUTE_ADDRESS);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 0x77, NULL), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm_ep(vmm, EP)->last.address, ROUTE_ADDRESS2);
	assert_int_equal(vmm_ep(vmm, EP)->last.data, 0x77);
	/* Never twice */
	assert_int_equal(vmm_ep(vmm, EP)->delivered, 2);
	assert_true(vector(vmm, EP, 0, &info));
	assert_int_equal(info.delivered, 2);
	assert_int_equal(info.routed, 2);
}

static void activate_uncommitted_commits_until_deactivate(void **state)
{
	struct vmm *vmm = *state;

	limit_committed(vmm, 1, 1);
	start(vmm, 4, 0);
	must_activate(vmm, EP, 0);
	assert_int_equal(stats(vmm).committed, 1);
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 0);
	assert_int_equal(vmm->taken, 0);
	must_activate(vmm, EP, 1);
}

/* DEV-33 */
static void activate_refused_leaves_the_vector_as_it_was(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	vmm->commit_status = VIRTIO_IRQ_S_NOSPC;
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_true(vector(vmm, EP, 0, &info));
	assert_false(info.armed);
	assert_false(info.committed);
	assert_int_equal(info.routed, 0);
	assert_int_equal(info.route.address, 0);
	assert_int_equal(fire(vmm, EP, info.pair.address, info.pair.data),
			 VIRTIO_IRQ_BLOCKED_FREED);
}

static void activate_of_a_committed_vector_takes_nothing(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_COMMIT);
	limit_committed(vmm, 0, 0);
	for (uint32_t i = 0; i < 4; i++)
		must_activate(vmm, EP, i);
	assert_int_equal(vmm->commits, 4);
	assert_int_equal(stats(vmm).committed, 4);
	assert_int_equal(stats(vmm).armed, 4);
}

/* DEV-84, DEV-156 */
static void activate_with_a_route_that_cannot_be_delivered_is_range(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	for (uint64_t i = 1; i < 4; i++)
		assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS + i, 0, NULL),
				 VIRTIO_IRQ_S_RANGE);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(stats(vmm).armed, 0);
	assert_int_equal(stats(vmm).committed, 0);
	/* Refused when armed: the old route stays */
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm_ep(vmm, EP)->last.address, ROUTE_ADDRESS);
	vmm->check_status = 200;
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_DEVERR);
}

static void activate_passes_all_64_and_32_bits_of_the_route(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	assert_int_equal(activate(vmm, EP, 0, UINT64_C(0xfedcba9876543210), 0xdeadbeef, &pair),
			 VIRTIO_IRQ_S_OK);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_true(vmm_ep(vmm, EP)->last.address == UINT64_C(0xfedcba9876543210));
	assert_int_equal(vmm_ep(vmm, EP)->last.data, 0xdeadbeef);
}

/* DEV-87 */
static void deactivate_keeps_reservation_and_delivers_nothing(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vmm_ep(vmm, EP)->delivered, 0);
	assert_int_equal(stats(vmm).allocated, 4);
	assert_int_equal(stats(vmm).armed, 0);
	/* The value is still this vector's */
	assert_same_pair(must_activate(vmm, EP, 0), pair);
}

static void deactivate_is_idempotent_and_noent_if_not_allocated(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	must_activate(vmm, EP, 0);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->releases, 1);
	assert_int_equal(deactivate(vmm, EP, 4), VIRTIO_IRQ_S_NOENT);
}

/* DEV-42 */
static void release_of_an_armed_vector_takes_effect_at_deactivate(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_COMMIT);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(release(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 4);
	/* It works on, and can be moved */
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	limit_committed(vmm, 0, 0);
	must_activate(vmm, EP, 0);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 3);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
}

static void commit_of_an_armed_vector_takes_nothing_and_outlives_deactivate(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	must_activate(vmm, EP, 0);
	limit_committed(vmm, 1, 1);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->commits, 1);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 1);
}

/* Messages */

/* DEV-98, DEV-100 */
static void message_is_delivered_once_by_its_route(void **state)
{
	struct virtio_irq_msg pair[8];
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	for (uint32_t i = 0; i < 8; i++)
		pair[i] = must_activate(vmm, EP, i);
	for (uint32_t n = 0; n < 80; n++) {
		assert_int_equal(fire(vmm, EP, pair[n % 8].address, pair[n % 8].data),
				 VIRTIO_IRQ_DELIVERED);
		assert_int_equal(vmm_ep(vmm, EP)->delivered, n + 1);
		assert_int_equal(vmm_ep(vmm, EP)->last.address, ROUTE_ADDRESS);
		assert_int_equal(vmm_ep(vmm, EP)->last.data, 0x4000 + n % 8);
	}
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_DELIVERED], 80);
}

static void message_at_the_pair_address_that_is_not_armed_is_blocked(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;

	for (unsigned int isolated = 0; isolated < 2; isolated++) {
		vmm->info.isolated = isolated;
		start(vmm, 4, 0);
		assert_true(vector(vmm, EP, 1, &info));
		/* Allocated, never armed */
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, info.pair.data),
				 VIRTIO_IRQ_BLOCKED_FREED);
		/* Never given to anybody */
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, 0), VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, UINT32_MAX),
				 VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_BLOCKED_FREED], 6);
}

static void message_that_is_no_pair_passes_unless_isolated(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP, WINDOW_START, pair.data), VIRTIO_IRQ_PASS);
	assert_int_equal(fire(vmm, EP, PAIR_ADDRESS + 4, pair.data), VIRTIO_IRQ_PASS);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	vmm->info.isolated = true;
	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP, WINDOW_START, pair.data), VIRTIO_IRQ_BLOCKED_UNKNOWN);
	assert_int_equal(fire(vmm, EP, PAIR_ADDRESS - 4, pair.data), VIRTIO_IRQ_BLOCKED_UNKNOWN);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_PASS], 2);
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_BLOCKED_UNKNOWN], 2);
}

/* DEV-98 */
static void message_with_a_pair_of_another_endpoint_is_blocked(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 4, 0);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vmm_ep(vmm, EP)->delivered, 0);
	assert_int_equal(vmm_ep(vmm, EP2)->delivered, 0);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
}

/* Both may have been given the same value; DEV-98 */
static void message_data_names_a_vector_within_its_source(void **state)
{
	struct virtio_irq_msg pair, pair2;
	struct vmm *vmm = *state;
	const uint32_t slot = vmm->core->next_data16;

	start(vmm, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	vmm->core->next_data16 = slot;
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	pair2 = must_activate(vmm, EP2, 0);
	assert_same_pair(pair, pair2);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm_ep(vmm, EP)->delivered, 0);
	assert_int_equal(vmm_ep(vmm, EP2)->delivered, 1);
}

static void message_with_a_pasid_for_a_vector_without_is_blocked(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	struct virtio_irq_ep *ep;

	start(vmm, 4, 0);
	pair = must_activate(vmm, EP, 0);
	ep = vmm_ep(vmm, EP)->ep;
	/* PASID 0 is one, too */
	assert_int_equal(virtio_irq_core_message(vmm->core, ep, pair.address, pair.data, true, 0),
			 VIRTIO_IRQ_BLOCKED_PASID);
	assert_int_equal(virtio_irq_core_message(vmm->core, ep, pair.address, pair.data, true, 5),
			 VIRTIO_IRQ_BLOCKED_PASID);
	assert_int_equal(virtio_irq_core_message(vmm->core, ep, pair.address, pair.data, false, 5),
			 VIRTIO_IRQ_DELIVERED);
	assert_int_equal(virtio_irq_core_message(vmm->core, ep, PAIR_ADDRESS, 0, true, 5),
			 VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vmm_ep(vmm, EP)->delivered, 1);
}

static void bad_write_passes_unless_isolated(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	assert_int_equal(virtio_irq_core_bad_write(vmm->core, vmm_ep(vmm, EP)->ep,
						   WINDOW_START),
			 VIRTIO_IRQ_PASS);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	vmm->info.isolated = true;
	start(vmm, 4, 0);
	assert_int_equal(virtio_irq_core_bad_write(vmm->core, vmm_ep(vmm, EP)->ep,
						   WINDOW_START),
			 VIRTIO_IRQ_BLOCKED_SIZE);
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_PASS], 1);
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_BLOCKED_SIZE], 1);
}

static bool first_two(void *arg, const struct virtio_irq_vector_info *v)
{
	unsigned int *num = arg;

	assert_int_equal(v->endpoint, EP);
	assert_int_equal(v->store, 0);
	assert_int_equal(v->index, *num);
	return ++*num < 2;
}

static void walk_vectors_stops_when_told(void **state)
{
	struct vmm *vmm = *state;
	unsigned int num = 0;

	start(vmm, 8, 0);
	virtio_irq_core_walk_vectors(vmm->core, first_two, &num);
	assert_int_equal(num, 2);
}

static void delivered_counts_beyond_32_bits(void **state)
{
	struct virtio_irq_vector_info info;
	struct virtio_irq_vector *v;
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 1, 0);
	pair = must_activate(vmm, EP, 0);
	v = virtio_irq_vector_find(vmm->core, vmm_ep(vmm, EP)->ep, 0, 0);
	v->delivered[0] = UINT32_MAX;
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_true(vector(vmm, EP, 0, &info));
	assert_true(info.delivered == UINT64_C(1) << 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(commit_takes_and_release_gives_back),
		unit(commit_and_release_are_idempotent),
		unit(commit_of_a_range_is_all_or_nothing),
		unit(commit_of_a_vector_that_is_not_allocated_is_noent),
		unit(commit_quota_is_named_before_the_pool),
		unit(commitment_survives_deactivate),
		unit(commitment_ends_with_free_detach_and_reset),
		unit(commit_works_without_callbacks),
		unit(activate_arms_and_answers_the_pair),
		unit(activate_of_a_vector_that_is_not_allocated_is_noent),
		unit(activate_of_an_armed_vector_answers_the_identical_pair),
		unit(activate_of_an_armed_vector_is_never_refused_for_lack),
		unit(activate_reroutes_every_later_message),
		unit(activate_uncommitted_commits_until_deactivate),
		unit(activate_refused_leaves_the_vector_as_it_was),
		unit(activate_of_a_committed_vector_takes_nothing),
		unit(activate_with_a_route_that_cannot_be_delivered_is_range),
		unit(activate_passes_all_64_and_32_bits_of_the_route),
		unit(deactivate_keeps_reservation_and_delivers_nothing),
		unit(deactivate_is_idempotent_and_noent_if_not_allocated),
		unit(release_of_an_armed_vector_takes_effect_at_deactivate),
		unit(commit_of_an_armed_vector_takes_nothing_and_outlives_deactivate),
		unit(message_is_delivered_once_by_its_route),
		unit(message_at_the_pair_address_that_is_not_armed_is_blocked),
		unit(message_that_is_no_pair_passes_unless_isolated),
		unit(message_with_a_pair_of_another_endpoint_is_blocked),
		unit(message_data_names_a_vector_within_its_source),
		unit(message_with_a_pasid_for_a_vector_without_is_blocked),
		unit(bad_write_passes_unless_isolated),
		unit(walk_vectors_stops_when_told),
		unit(delivered_counts_beyond_32_bits),
	};

	return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
