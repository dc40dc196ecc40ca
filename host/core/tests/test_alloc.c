// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about ALLOC and FREE: grants, limits, address width, COMMIT.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

#define COMMIT		VIRTIO_IRQ_ALLOC_F_COMMIT
#define CONTIGUOUS	VIRTIO_IRQ_ALLOC_F_CONTIGUOUS
#define DATA16		VIRTIO_IRQ_ALLOC_F_DATA16

static void limit(struct vmm *vmm, uint32_t vectors, uint32_t endpoint_vectors,
		  uint32_t committed, uint32_t pool)
{
	set_quotas(vmm, (struct virtio_irq_quotas) {
		.vectors = vectors,
		.endpoint_vectors = endpoint_vectors,
		.committed = committed,
		.pool = pool,
	});
}

#define NONE	UINT32_MAX

/* Prefix, idempotency */

static void alloc_grants_all_if_it_can(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 64, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 64);
	assert_int_equal(stats(vmm).allocated, 64);
	assert_int_equal(stats(vmm).committed, 0);
}

/* DEV-58 */
static void alloc_grants_the_longest_prefix_under_a_quota(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	limit(vmm, 8, NONE, NONE, NONE);
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 64, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 8);
	assert_true(vector(vmm, EP, 7, NULL));
	assert_false(vector(vmm, EP, 8, NULL));
}

/* DEV-59 */
static void alloc_of_nothing_is_a_status(void **state)
{
	struct vmm *vmm = *state;

	limit(vmm, 8, NONE, NONE, NONE);
	start(vmm, 8, 0);
	assert_int_equal(alloc(vmm, EP, 8, 4, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	limit(vmm, 9, NONE, NONE, NONE);
	must_alloc(vmm, EP, 8, 1, 0);
}

/* DEV-151 */
static void alloc_endpoint_quota_counts_each_endpoint(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	limit(vmm, NONE, 4, NONE, NONE);
	start(vmm, 4, 0);
	assert_int_equal(alloc(vmm, EP, 4, 1, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	must_attach(vmm, EP2);
	assert_int_equal(alloc(vmm, EP2, 0, 8, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 4);
}

/* DEV-150 */
static void alloc_beyond_max_vectors_is_nospc(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm->info.stores[0].size = UINT32_MAX;
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 2048, 0);
	assert_int_equal(alloc(vmm, EP, 2047, 2048, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 2048);
	assert_int_equal(alloc(vmm, EP, 4095, 2, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 1);
	assert_int_equal(alloc(vmm, EP, 4096, 1, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(vfree(vmm, EP, 17, 1), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 4096, 1, 0);
}

/* DEV-71 */
static void alloc_the_more_specific_limit_names_the_status(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	limit(vmm, 0, NONE, NONE, NONE);
	assert_int_equal(alloc(vmm, EP, 0, 1, COMMIT, NULL), VIRTIO_IRQ_S_QUOTA);
	limit(vmm, NONE, NONE, 0, 0);
	assert_int_equal(alloc(vmm, EP, 0, 1, COMMIT, NULL), VIRTIO_IRQ_S_QUOTA);
	limit(vmm, NONE, NONE, NONE, 0);
	assert_int_equal(alloc(vmm, EP, 0, 1, COMMIT, NULL), VIRTIO_IRQ_S_NOSPC);
	limit(vmm, NONE, 4096, NONE, NONE);
	vmm_free_core(vmm);
	vmm->config.max_vectors = 1;
	vmm_new_core(vmm);
	limit(vmm, 1, NONE, NONE, NONE);
	start(vmm, 1, 0);
	assert_int_equal(alloc(vmm, EP, 1, 1, 0, NULL), VIRTIO_IRQ_S_QUOTA);
}

static void alloc_beyond_the_store_ends_the_prefix_and_is_range_if_first(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm->info.stores[0].size = 16;
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 10, 10, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 6);
	assert_int_equal(alloc(vmm, EP, 16, 1, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc(vmm, EP, UINT32_MAX, 1, 0, NULL), VIRTIO_IRQ_S_RANGE);
}

/* DEV-60 */
static void alloc_again_counts_as_granted_and_keeps_the_pair(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	uint32_t data;

	start(vmm, 8, 0);
	data = data_of(vmm, EP, 3);
	pair = must_activate(vmm, EP, 3);
	must_alloc(vmm, EP, 0, 8, 0);
	assert_int_equal(stats(vmm).allocated, 8);
	assert_int_equal(data_of(vmm, EP, 3), data);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
}

/* DEV-60 */
static void alloc_again_is_not_charged_again(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	limit(vmm, 8, 8, 8, 8);
	start(vmm, 8, COMMIT);
	assert_int_equal(vmm->commits, 8);
	must_alloc(vmm, EP, 0, 8, COMMIT);
	assert_int_equal(vmm->commits, 8);
	assert_int_equal(stats(vmm).committed, 8);
	/* Alike ones count, the rest has to be paid for */
	assert_int_equal(alloc(vmm, EP, 4, 8, COMMIT, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 4);
	/* And stay when the limit falls */
	limit(vmm, 0, 0, 0, 0);
	must_alloc(vmm, EP, 0, 8, COMMIT);
}

static void alloc_fills_gaps(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	assert_int_equal(vfree(vmm, EP, 2, 3), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 0, 10, 0);
	assert_int_equal(stats(vmm).allocated, 10);
}

static void alloc_differing_vector_ends_the_prefix_and_is_busy_if_first(void **state)
{
	static const struct {
		uint16_t flags;
		uint8_t width;
	} other[] = {
		{ DATA16, 64 }, { 0, 63 }, { 0, 32 }, { CONTIGUOUS, 64 },
	};
	struct vmm *vmm = *state;
	uint32_t granted;

	must_attach(vmm, EP);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		must_alloc(vmm, EP, 0, 16, 0);
		assert_int_equal(vfree(vmm, EP, 4, 2), VIRTIO_IRQ_S_OK);
		assert_int_equal(alloc_width(vmm, EP, 4, 2, other[i].flags, other[i].width,
					     &granted), VIRTIO_IRQ_S_OK);
		assert_int_equal(granted, 2);
		assert_int_equal(alloc(vmm, EP, 0, 16, 0, &granted), VIRTIO_IRQ_S_OK);
		assert_int_equal(granted, 4);
		assert_int_equal(alloc(vmm, EP, 4, 12, 0, NULL), VIRTIO_IRQ_S_BUSY);
		assert_int_equal(alloc_width(vmm, EP, 3, 1, other[i].flags, other[i].width, NULL),
				 VIRTIO_IRQ_S_BUSY);
		assert_int_equal(stats(vmm).allocated, 16);
		assert_int_equal(vfree(vmm, EP, 0, 16), VIRTIO_IRQ_S_OK);
	}
}

/* The same name on two endpoints is two vectors */
static void alloc_names_belong_to_their_endpoint(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;

	start(vmm, 4, 0);
	must_attach(vmm, EP2);
	assert_false(vector(vmm, EP2, 0, NULL));
	must_alloc(vmm, EP2, 0, 4, DATA16);
	must_activate(vmm, EP2, 2);
	assert_true(vector(vmm, EP, 2, &info));
	assert_false(info.armed);
	assert_int_equal(vfree(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	assert_true(vector(vmm, EP2, 2, NULL));
}

/* DEV-33 */
static void alloc_without_memory_is_nomem_and_changes_nothing(void **state)
{
	static const uint16_t flags[] = { 0, DATA16, CONTIGUOUS, CONTIGUOUS | DATA16 | COMMIT };
	struct vmm *vmm = *state;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		must_attach(vmm, EP);
		fail_malloc_from(1);
		assert_int_equal(alloc(vmm, EP, 0, 4, flags[i], NULL), VIRTIO_IRQ_S_NOMEM);
		assert_int_equal(stats(vmm).allocated, 0);
		assert_int_equal(vmm->taken, 0);
		/*
		 * Vectors, then a chunk of lines, or the map and a line of 16-bit
		 * values. The chunk of lines stays for good.
		 */
		for (unsigned int n = 2; n <= (flags[i] & DATA16 ? 3 : i ? 1 : 2); n++) {
			fail_malloc_from(n);
			assert_int_equal(alloc(vmm, EP, 0, 4, flags[i], NULL),
					 VIRTIO_IRQ_S_NOMEM);
			fail_malloc_from(0);
			virtio_irq_core_reset(vmm->core);
			must_attach(vmm, EP);
		}
		assert_int_equal(stats(vmm).allocated, 0);
		fail_malloc_from(0);
		must_alloc(vmm, EP, 0, 4, flags[i]);
		virtio_irq_core_reset(vmm->core);
	}
}

static void alloc_out_of_memory_in_the_middle_ends_the_prefix(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	must_attach(vmm, EP);
	/* The first chunk of vectors and of lines, not a second one */
	fail_malloc_from(3);
	assert_int_equal(alloc(vmm, EP, 0, 2048, 0, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, VIRTIO_IRQ_CHUNK);
	assert_int_equal(alloc(vmm, EP, VIRTIO_IRQ_CHUNK, 1, 0, NULL), VIRTIO_IRQ_S_NOMEM);
	/* A block is all or nothing */
	assert_int_equal(vfree(vmm, EP, 0, 3), VIRTIO_IRQ_S_OK);
	assert_int_equal(alloc(vmm, EP, 1100, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_NOMEM);
	assert_int_equal(stats(vmm).allocated, VIRTIO_IRQ_CHUNK - 3);
	fail_malloc_from(0);
	must_alloc(vmm, EP, 1100, 4, CONTIGUOUS);
}

/* Address width */

/* DEV-64 */
static void alloc_pair_address_must_fit_addr_width(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	must_attach(vmm, EP);
	/* 0xfee00010 has 32 bits */
	for (uint8_t width = 2; width < 32; width++) {
		assert_int_equal(alloc_width(vmm, EP, 0, 1, 0, width, NULL), VIRTIO_IRQ_S_RANGE);
		assert_int_equal(alloc_width(vmm, EP, 0, 1, CONTIGUOUS, width, NULL),
				 VIRTIO_IRQ_S_RANGE);
	}
	assert_int_equal(stats(vmm).allocated, 0);
	for (uint8_t width = 32; width <= 64; width++) {
		assert_int_equal(alloc_width(vmm, EP, width, 1, 0, width, &granted),
				 VIRTIO_IRQ_S_OK);
		assert_int_equal(granted, 1);
	}
}

/* DEV-64 */
static void alloc_window_above_4g_refuses_32_bit_stores(void **state)
{
	struct vmm *vmm = *state;

	vmm->info.window_start = UINT64_C(0x100000000);
	vmm->info.window_end = UINT64_C(0x1000fffff);
	vmm->info.pair_address = UINT64_C(0x100000000);
	must_attach(vmm, EP);
	assert_int_equal(alloc_width(vmm, EP, 0, 1, DATA16, 32, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc_width(vmm, EP, 0, 1, DATA16, 33, NULL), VIRTIO_IRQ_S_OK);

	vmm->info.window_start = UINT64_C(1) << 63;
	vmm->info.window_end = UINT64_MAX;
	vmm->info.pair_address = UINT64_MAX - 3;
	must_attach(vmm, EP2);
	assert_int_equal(alloc_width(vmm, EP2, 0, 1, 0, 63, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc_width(vmm, EP2, 0, 1, 0, 64, NULL), VIRTIO_IRQ_S_OK);
}

/* COMMIT */

/* DEV-61 */
static void alloc_commit_grants_only_what_is_reserved_and_committed(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	limit(vmm, NONE, NONE, 3, NONE);
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 8, COMMIT, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 3);
	assert_int_equal(stats(vmm).allocated, 3);
	assert_int_equal(stats(vmm).committed, 3);
	assert_int_equal(alloc(vmm, EP, 3, 8, COMMIT, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(stats(vmm).allocated, 3);
	/* Without COMMIT more can be reserved */
	must_alloc(vmm, EP, 3, 8, 0);
}

static void alloc_commit_commits_what_is_reserved_already(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;
	uint32_t granted;

	start(vmm, 8, 0);
	limit(vmm, NONE, NONE, NONE, 5);
	assert_int_equal(alloc(vmm, EP, 0, 8, COMMIT, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 5);
	assert_int_equal(stats(vmm).committed, 5);
	/* Those that could not be committed are still reserved */
	assert_int_equal(stats(vmm).allocated, 8);
	assert_int_equal(alloc(vmm, EP, 5, 3, COMMIT, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_true(vector(vmm, EP, 5, &info));
	assert_false(info.committed);
	assert_int_equal(stats(vmm).allocated, 8);
}

static void alloc_commit_of_an_armed_vector_outlives_deactivate(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 1, 0);
	must_activate(vmm, EP, 0);
	assert_int_equal(vmm->commits, 1);
	must_alloc(vmm, EP, 0, 1, COMMIT);
	assert_int_equal(vmm->commits, 1);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 1);
}

static void alloc_commit_refused_by_the_vmm_ends_the_prefix(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm->commit_status = VIRTIO_IRQ_S_NOMEM;
	vmm->commit_limit = 2;
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 8, COMMIT, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 2);
	assert_int_equal(alloc(vmm, EP, 2, 8, COMMIT, NULL), VIRTIO_IRQ_S_NOMEM);
	assert_int_equal(stats(vmm).allocated, 2);
	vmm->commit_status = 77;
	assert_int_equal(alloc(vmm, EP, 2, 8, COMMIT, NULL), VIRTIO_IRQ_S_DEVERR);
}

/* FREE */

/* DEV-74 */
static void free_ignores_what_is_not_allocated(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	assert_int_equal(vfree(vmm, EP, 0, 2048), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 10, 10, 0);
	assert_int_equal(vfree(vmm, EP, 0, 12), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).allocated, 8);
	assert_int_equal(vfree(vmm, EP, 0, 12), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).allocated, 8);
	/* Also where there is no index */
	assert_int_equal(vfree(vmm, EP, 5000, 2048), VIRTIO_IRQ_S_OK);
}

/* DEV-76 */
static void free_disarms_and_gives_back_everything(void **state)
{
	struct virtio_irq_msg pair[4];
	struct vmm *vmm = *state;

	limit(vmm, 4, 4, 4, 4);
	start(vmm, 4, COMMIT);
	for (uint32_t i = 0; i < 4; i++)
		pair[i] = must_activate(vmm, EP, i);
	assert_int_equal(vfree(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->taken, 0);
	assert_int_equal(stats(vmm).allocated, 0);
	assert_int_equal(stats(vmm).committed, 0);
	assert_int_equal(stats(vmm).armed, 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(fire(vmm, EP, pair[i].address, pair[i].data),
				 VIRTIO_IRQ_BLOCKED_FREED);
	must_alloc(vmm, EP, 0, 4, COMMIT);
}

/* DEV-112 */
static void free_of_a_vector_leaves_the_others_alone(void **state)
{
	struct virtio_irq_msg pair[64];
	struct vmm *vmm = *state;

	start(vmm, 64, 0);
	for (uint32_t i = 0; i < 64; i++)
		pair[i] = must_activate(vmm, EP, i);
	for (uint32_t i = 0; i < 64; i += 2)
		assert_int_equal(vfree(vmm, EP, i, 1), VIRTIO_IRQ_S_OK);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(fire(vmm, EP, pair[i].address, pair[i].data),
				 i % 2 ? VIRTIO_IRQ_DELIVERED : VIRTIO_IRQ_BLOCKED_FREED);
}

static void free_and_alloc_do_not_grow_memory(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 500, 0);
	fail_malloc_from(1);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(vfree(vmm, EP, i % 490, 10), VIRTIO_IRQ_S_OK);
		must_alloc(vmm, EP, i % 490, 10, 0);
	}
	assert_int_equal(malloc_calls(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(alloc_grants_all_if_it_can),
		unit(alloc_grants_the_longest_prefix_under_a_quota),
		unit(alloc_of_nothing_is_a_status),
		unit(alloc_endpoint_quota_counts_each_endpoint),
		unit(alloc_beyond_max_vectors_is_nospc),
		unit(alloc_the_more_specific_limit_names_the_status),
		unit(alloc_beyond_the_store_ends_the_prefix_and_is_range_if_first),
		unit(alloc_again_counts_as_granted_and_keeps_the_pair),
		unit(alloc_again_is_not_charged_again),
		unit(alloc_fills_gaps),
		unit(alloc_differing_vector_ends_the_prefix_and_is_busy_if_first),
		unit(alloc_names_belong_to_their_endpoint),
		unit(alloc_without_memory_is_nomem_and_changes_nothing),
		unit(alloc_out_of_memory_in_the_middle_ends_the_prefix),
		unit(alloc_pair_address_must_fit_addr_width),
		unit(alloc_window_above_4g_refuses_32_bit_stores),
		unit(alloc_commit_grants_only_what_is_reserved_and_committed),
		unit(alloc_commit_commits_what_is_reserved_already),
		unit(alloc_commit_of_an_armed_vector_outlives_deactivate),
		unit(alloc_commit_refused_by_the_vmm_ends_the_prefix),
		unit(free_ignores_what_is_not_allocated),
		unit(free_disarms_and_gives_back_everything),
		unit(free_of_a_vector_leaves_the_others_alone),
		unit(free_and_alloc_do_not_grow_memory),
	};

	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
