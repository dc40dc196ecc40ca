// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about CONTIGUOUS blocks and about the data values of pairs; the tables.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <stdlib.h>
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
#define DATA16_VALUES	VIRTIO_IRQ_DATA16_SLOTS

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void assert_distinct(uint32_t *data, size_t num)
{
	qsort(data, num, sizeof(*data), compare);
	for (size_t i = 1; i < num; i++)
		assert_int_not_equal(data[i - 1], data[i]);
}

/* CONTIGUOUS */

/* DEV-62 */
static void contiguous_is_an_aligned_block_with_one_address(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;
	uint32_t base, size;

	must_attach(vmm, EP);
	for (uint32_t flags = 0; flags <= DATA16; flags += DATA16) {
		for (uint32_t count = 1; count <= 32; count++) {
			must_alloc(vmm, EP, 100, count, (uint16_t)(CONTIGUOUS | flags));
			for (size = 1; size < count;)
				size *= 2;
			base = data_of(vmm, EP, 100);
			assert_int_equal(base % size, 0);
			for (uint32_t i = count; i--;) {
				pair = must_activate(vmm, EP, 100 + i);
				assert_int_equal(pair.address, PAIR_ADDRESS);
				assert_int_equal(pair.data, base + i);
			}
			if (flags)
				assert_true(base + size <= 0x10000);
			else
				assert_true(base >= 0x10000);
			assert_int_equal(vfree(vmm, EP, 100, count), VIRTIO_IRQ_S_OK);
		}
	}
}

/* DEV-80 */
static void contiguous_pairs_are_known_and_constant_from_alloc(void **state)
{
	struct virtio_irq_vector_info info;
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	uint32_t base;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 8, CONTIGUOUS | DATA16);
	base = data_of(vmm, EP, 0);
	for (unsigned int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 8; i++) {
			assert_true(vector(vmm, EP, i, &info));
			assert_true(info.contiguous);
			assert_int_equal(info.pair.data, base + i);
			pair = must_activate(vmm, EP, i);
			assert_int_equal(pair.data, base + i);
			assert_int_equal(deactivate(vmm, EP, i), VIRTIO_IRQ_S_OK);
		}
	}
}

/* DEV-62 */
static void contiguous_is_all_or_nothing(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	limit(vmm, 7, NONE, NONE, NONE);
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS, NULL), VIRTIO_IRQ_S_QUOTA);
	limit(vmm, NONE, 7, NONE, NONE);
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS, NULL), VIRTIO_IRQ_S_QUOTA);
	limit(vmm, NONE, NONE, 7, NONE);
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS | COMMIT, NULL), VIRTIO_IRQ_S_QUOTA);
	limit(vmm, NONE, NONE, NONE, 7);
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS | COMMIT, NULL), VIRTIO_IRQ_S_NOSPC);
	limit(vmm, NONE, NONE, NONE, NONE);
	vmm->commit_status = VIRTIO_IRQ_S_BUSY;
	vmm->commit_limit = 7;
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS | COMMIT, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(stats(vmm).allocated, 0);
	assert_int_equal(stats(vmm).committed, 0);
	assert_int_equal(vmm->taken, 0);
	vmm->commit_status = 0;
	must_alloc(vmm, EP, 0, 8, CONTIGUOUS | COMMIT);
	assert_int_equal(stats(vmm).committed, 8);

	vmm_free_core(vmm);
	vmm->config.max_vectors = 7;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS, NULL), VIRTIO_IRQ_S_NOSPC);
	must_alloc(vmm, EP, 0, 7, CONTIGUOUS);
}

static void contiguous_block_larger_than_multi_msi_is_range(void **state)
{
	struct vmm *vmm = *state;

	for (uint8_t order = 0; order <= 5; order++) {
		vmm->info.stores[0].multi_msi = order;
		must_attach(vmm, EP);
		assert_int_equal(alloc(vmm, EP, 0, (1u << order) + 1, CONTIGUOUS, NULL),
				 VIRTIO_IRQ_S_RANGE);
		assert_int_equal(alloc(vmm, EP, 0, 2048, CONTIGUOUS, NULL), VIRTIO_IRQ_S_RANGE);
		must_alloc(vmm, EP, 0, 1u << order, CONTIGUOUS);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
}

static void contiguous_block_beyond_the_store_is_range(void **state)
{
	struct vmm *vmm = *state;

	vmm->info.stores[0].size = 30;
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 31, CONTIGUOUS, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc(vmm, EP, 29, 2, CONTIGUOUS, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc(vmm, EP, 30, 1, CONTIGUOUS, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc(vmm, EP, UINT32_MAX, 1, CONTIGUOUS, NULL), VIRTIO_IRQ_S_RANGE);
	must_alloc(vmm, EP, 0, 30, CONTIGUOUS);
}

static void contiguous_again_counts_as_granted(void **state)
{
	struct vmm *vmm = *state;
	uint32_t base;

	limit(vmm, 4, 4, NONE, NONE);
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16);
	base = data_of(vmm, EP, 0);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16);
	assert_int_equal(data_of(vmm, EP, 0), base);
	/* Part of a block that would be as large */
	must_alloc(vmm, EP, 0, 3, CONTIGUOUS | DATA16);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16 | COMMIT);
	assert_int_equal(stats(vmm).committed, 4);
	assert_int_equal(stats(vmm).allocated, 4);
}

static void contiguous_again_with_commit_is_all_or_nothing(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS);
	limit(vmm, NONE, NONE, NONE, 3);
	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS | COMMIT, NULL), VIRTIO_IRQ_S_NOSPC);
	/* The block was there before and stays */
	assert_int_equal(stats(vmm).allocated, 4);
	assert_int_equal(stats(vmm).committed, 0);
}

static void contiguous_over_other_vectors_is_busy(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 3, 1, 0);
	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(vfree(vmm, EP, 3, 1), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS);
	/* Another beginning, another size, other constraints */
	assert_int_equal(alloc(vmm, EP, 1, 3, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 2, 2, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 0, 2, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 0, 8, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc_width(vmm, EP, 0, 4, CONTIGUOUS, 40, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 0, 4, 0, NULL), VIRTIO_IRQ_S_BUSY);
	/* Two blocks side by side are not one */
	must_alloc(vmm, EP, 4, 4, CONTIGUOUS);
	assert_int_equal(alloc(vmm, EP, 2, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(stats(vmm).allocated, 8);
	/* Whichever of them has the lower values */
	assert_int_equal(vfree(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS);
	assert_true(data_of(vmm, EP, 0) > data_of(vmm, EP, 4));
	assert_int_equal(alloc(vmm, EP, 2, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(stats(vmm).allocated, 8);
	/* Nor are the first three of one and the first of another of its size */
	must_alloc(vmm, EP, 20, 3, CONTIGUOUS);
	must_alloc(vmm, EP, 40, 1, 0);
	must_alloc(vmm, EP, 23, 3, CONTIGUOUS);
	assert_int_equal(alloc(vmm, EP, 20, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_BUSY);
}

/* Neither index nor value serves another purpose while the block lives; DEV-172 */
static void contiguous_block_with_a_hole_is_busy_until_freed(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16);
	must_activate(vmm, EP, 1);
	assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	/* To everything but ALLOC it is free */
	assert_false(vector(vmm, EP, 1, NULL));
	assert_int_equal(stats(vmm).allocated, 3);
	assert_int_equal(stats(vmm).armed, 0);
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(commit(vmm, EP, 0, 4), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(release(vmm, EP, 1, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).allocated, 3);

	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 1, 1, CONTIGUOUS | DATA16, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 1, 1, DATA16, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 1, 1, 0, NULL), VIRTIO_IRQ_S_BUSY);
	/* From its first vector on, what is left is the block of two that it is not */
	assert_int_equal(alloc(vmm, EP, 0, 1, CONTIGUOUS | DATA16, NULL), VIRTIO_IRQ_S_BUSY);
	/* Whatever the order in which they go */
	assert_int_equal(vfree(vmm, EP, 3, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(alloc(vmm, EP, 0, 1, 0, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(vfree(vmm, EP, 2, 1), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 3, 1, 0);
	assert_int_equal(vfree(vmm, EP, 3, 1), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16);
}

/* A freed index that waits for its block has a place in the table, but in no quota */
static void contiguous_freed_vectors_count_for_max_vectors_only(void **state)
{
	struct vmm *vmm = *state;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 10;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	limit(vmm, 8, 8, NONE, NONE);
	must_alloc(vmm, EP, 0, 8, CONTIGUOUS);
	assert_int_equal(vfree(vmm, EP, 1, 7), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).allocated, 1);
	must_alloc(vmm, EP, 20, 2, 0);
	assert_int_equal(alloc(vmm, EP, 22, 1, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 22, 6, 0);
	assert_int_equal(alloc(vmm, EP, 28, 1, 0, NULL), VIRTIO_IRQ_S_QUOTA);
}

/* With a block that is half freed the endpoint goes all the same */
static void contiguous_block_with_holes_is_detached(void **state)
{
	struct vmm *vmm = *state;

	for (unsigned int round = 0; round < 3; round++) {
		must_attach(vmm, EP);
		for (uint32_t flags = 0; flags <= DATA16; flags += DATA16) {
			must_alloc(vmm, EP, 64 + flags * 32, 32, (uint16_t)(CONTIGUOUS | flags));
			must_alloc(vmm, EP, flags * 4, 2, (uint16_t)(CONTIGUOUS | flags));
			must_activate(vmm, EP, 64 + flags * 32 + 31);
			assert_int_equal(vfree(vmm, EP, 64 + flags * 32, 31), VIRTIO_IRQ_S_OK);
			assert_int_equal(vfree(vmm, EP, flags * 4, 1), VIRTIO_IRQ_S_OK);
		}
		assert_int_equal(stats(vmm).allocated, 4);
		if (round % 2)
			virtio_irq_core_reset(vmm->core);
		else
			assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
		assert_int_equal(stats(vmm).allocated, 0);
		assert_int_equal(virtio_irq_vector_room(vmm->core), vmm->config.max_vectors);
	}
}

static void contiguous_unallocated_tail_delivers_nothing(void **state)
{
	struct vmm *vmm = *state;
	uint32_t base;

	must_attach(vmm, EP);
	for (uint32_t flags = 0; flags <= DATA16; flags += DATA16) {
		must_alloc(vmm, EP, 0, 5, (uint16_t)(CONTIGUOUS | flags));
		base = data_of(vmm, EP, 0);
		/* Whatever else comes does not land in the tail */
		must_alloc(vmm, EP, 100, 500, (uint16_t)flags);
		for (uint32_t i = 0; i < 5; i++)
			must_activate(vmm, EP, i);
		for (uint32_t i = 100; i < 600; i++)
			must_activate(vmm, EP, i);
		for (uint32_t i = 5; i < 8; i++)
			assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, base + i),
					 VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(vfree(vmm, EP, 0, 2048), VIRTIO_IRQ_S_OK);
	}
}

/* A function with multi-MSI makes up every value of the block; DEV-63 */
static void contiguous_values_of_a_block_stay_its_own_until_all_is_freed(void **state)
{
	struct vmm *vmm = *state;
	uint32_t base, granted;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 1u << 17;
	vmm->config.max_count = 1u << 16;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 8, CONTIGUOUS | DATA16);
	base = data_of(vmm, EP, 0);
	assert_int_equal(vfree(vmm, EP, 0, 7), VIRTIO_IRQ_S_OK);
	/* Take every 16-bit value there is: all but those of this block's line */
	assert_int_equal(alloc(vmm, EP, 1000, 65536, DATA16, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, DATA16_VALUES - VIRTIO_IRQ_LINE);
	assert_int_equal(vmm->reason, VIRTIO_IRQ_S_NOSPC);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, base + i), VIRTIO_IRQ_BLOCKED_FREED);
	/* Three more blocks of this size have room beside it, and not a fourth one */
	for (uint32_t i = 0; i < 3; i++) {
		must_alloc(vmm, EP, 8 + i * 8, 8, CONTIGUOUS | DATA16);
		assert_int_not_equal(data_of(vmm, EP, 8 + i * 8), base);
	}
	assert_int_equal(alloc(vmm, EP, 500, 8, CONTIGUOUS | DATA16, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(vfree(vmm, EP, 7, 1), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 500, 8, CONTIGUOUS | DATA16);
	assert_int_equal(data_of(vmm, EP, 500), base);
}

/* Data values */

/* DEV-68 */
static void data_values_are_distinct_within_an_endpoint(void **state)
{
	struct vmm *vmm = *state;
	static uint32_t data[2048];

	must_attach(vmm, EP);
	for (uint32_t i = 0; i < 2048;) {
		static const uint16_t flags[] = { 0, DATA16, CONTIGUOUS, CONTIGUOUS | DATA16 };
		uint32_t count = 1 + i % 13;

		if (count > 2048 - i)
			count = 2048 - i;
		must_alloc(vmm, EP, i, count, flags[i % 4]);
		i += count;
	}
	for (uint32_t i = 0; i < 2048; i++)
		data[i] = must_activate(vmm, EP, i).data;
	assert_distinct(data, ARRAY_SIZE(data));
	/* And each finds its vector */
	for (uint32_t i = 0; i < 2048; i++) {
		struct virtio_irq_msg pair = must_activate(vmm, EP, i);

		assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
		assert_int_equal(vmm_ep(vmm, EP)->last.data, 0x4000 + i);
	}
}

/* DEV-65, DEV-66 */
static void data16_has_16_bits_and_the_others_leave_these_alone(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 100, DATA16);
	must_alloc(vmm, EP, 100, 100, 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(data_of(vmm, EP, i) <= 0xffff);
		assert_true(data_of(vmm, EP, 100 + i) > 0xffff);
	}
}

/*
 * Whatever a store may still hold does nothing on x86, where delivery mode
 * 011 is reserved.
 * DEV-159
 */
static void data_has_a_delivery_mode_that_x86_ignores(void **state)
{
	static const uint16_t flags[] = { 0, DATA16, CONTIGUOUS, CONTIGUOUS | DATA16 };
	struct vmm *vmm = *state;
	uint32_t data;

	must_attach(vmm, EP);
	for (uint32_t i = 0; i < 2000; i += 20) {
		must_alloc(vmm, EP, i, 20, flags[i / 20 % 4]);
		for (uint32_t j = i; j < i + 20; j++) {
			data = data_of(vmm, EP, j);
			assert_int_equal(data >> 8 & 7, 3);
			/* And no other mode is looked up */
			must_activate(vmm, EP, j);
			for (uint32_t mode = 0; mode < 8; mode++)
				assert_int_equal(fire(vmm, EP, PAIR_ADDRESS,
						      (data & ~0x700u) | mode << 8),
						 mode == 3 ? VIRTIO_IRQ_DELIVERED :
							     VIRTIO_IRQ_BLOCKED_FREED);
		}
	}
}

static void data16_all_values_can_be_had_then_nospc(void **state)
{
	static uint32_t data[DATA16_VALUES];
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 1u << 17;
	vmm->config.max_count = 1u << 16;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, DATA16_VALUES, DATA16);
	assert_int_equal(alloc(vmm, EP, 65536, 1, DATA16, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(alloc(vmm, EP, 65536, 2, DATA16 | CONTIGUOUS, NULL),
			 VIRTIO_IRQ_S_NOSPC);
	for (uint32_t i = 0; i < DATA16_VALUES; i++)
		data[i] = must_activate(vmm, EP, i).data;
	assert_distinct(data, ARRAY_SIZE(data));
	assert_int_equal(data[DATA16_VALUES - 1], 0x7bff);
	/* Another endpoint has its own, and wide ones are left */
	must_alloc(vmm, EP, 65536, 100, 0);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 100, DATA16);
	/* The only one left is found, wherever it is, again and again */
	for (uint32_t i = 0; i < DATA16_VALUES; i += 997) {
		assert_int_equal(vfree(vmm, EP, i, 1), VIRTIO_IRQ_S_OK);
		assert_int_equal(alloc(vmm, EP, 70000 + i, 4, DATA16, &granted), VIRTIO_IRQ_S_OK);
		assert_int_equal(granted, 1);
		assert_int_equal(vmm->reason, VIRTIO_IRQ_S_NOSPC);
	}
}

/* DEV-154: nor does what the guest holds make the search for a value longer */
static void data_lines_are_no_more_than_vectors(void **state)
{
	const uint32_t lines = 4000;
	struct virtio_irq_core *core;
	struct vmm *vmm = *state;
	uint64_t work;

	vmm_free_core(vmm);
	vmm->config.max_vectors = lines + VIRTIO_IRQ_LINE;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	core = vmm->core;
	must_attach(vmm, EP);
	/* Keep one vector in each of many lines: in the first, the second, the third ... */
	for (uint32_t i = 0; i < lines; i++) {
		must_alloc(vmm, EP, i * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE, CONTIGUOUS);
		assert_int_equal(vfree(vmm, EP, i * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE), 0);
		must_alloc(vmm, EP, i * VIRTIO_IRQ_LINE, 1, 0);
		assert_true(core->num_lines <= i + 2);
	}
	/* One line for all: they came one by one */
	assert_int_equal(core->num_lines, lines / VIRTIO_IRQ_LINE + 1);

	/* Fill them, and empty all but one slot of each */
	assert_int_equal(vfree(vmm, EP, 0, 2048), 0);
	virtio_irq_core_reset(core);
	must_attach(vmm, EP);
	for (uint32_t i = 0; i < lines / VIRTIO_IRQ_LINE; i++)
		must_alloc(vmm, EP, i * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE, 0);
	for (uint32_t i = 0; i < lines / VIRTIO_IRQ_LINE; i++)
		assert_int_equal(vfree(vmm, EP, i * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE - 1), 0);
	/* What was freed is given again, and no line more is needed for it */
	for (uint32_t i = 0; i < lines - lines / VIRTIO_IRQ_LINE; i++)
		must_alloc(vmm, EP, 0x10000 + i, 1, 0);
	assert_true(core->num_lines <= lines / VIRTIO_IRQ_LINE + 1);
	/* A block has to have another one, and gets it at the price of its size */
	work = virtio_irq_core_work(core);
	must_alloc(vmm, EP, 0x20000, VIRTIO_IRQ_LINE, CONTIGUOUS);
	assert_in_range(virtio_irq_core_work(core) - work, 1, 4 * VIRTIO_IRQ_LINE);
}

/* Blocks of all sizes, and single ones, one of each in turn: what is held stays apart */
static void data_slots_are_used_again_beside_those_that_are_held(void **state)
{
	struct vmm *vmm = *state;
	uint32_t held[400], size, num = 0;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 512;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	/* A generation has 127 successors */
	for (unsigned int round = 0; round < 200; round++) {
		size = 1u << round % 6;
		must_alloc(vmm, EP, 1024, size, CONTIGUOUS);
		must_alloc(vmm, EP, 1100, 3, 0);
		must_alloc(vmm, EP, 1110, size, CONTIGUOUS | DATA16);
		if (round % 4 == 0) {
			must_alloc(vmm, EP, num, 2, 0);
			held[num] = data_of(vmm, EP, num);
			held[num + 1] = data_of(vmm, EP, num + 1);
			num += 2;
		}
		for (uint32_t i = 0; i < num; i++)
			assert_int_equal(data_of(vmm, EP, i), held[i]);
		assert_int_equal(vfree(vmm, EP, 1024, 200), VIRTIO_IRQ_S_OK);
	}
	assert_distinct(held, num);
	assert_int_equal(stats(vmm).allocated, num);
}

/* A message on its way to a freed pair hits nothing; DEV-69 */
static void data_of_a_freed_vector_is_not_used_again_soon(void **state)
{
	static const uint16_t flags[] = { 0, DATA16, CONTIGUOUS, CONTIGUOUS | DATA16 };
	struct vmm *vmm = *state;
	static uint32_t data[1000];

	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		must_attach(vmm, EP);
		for (uint32_t i = 0; i < ARRAY_SIZE(data); i++) {
			must_alloc(vmm, EP, 7, 1, flags[f]);
			data[i] = must_activate(vmm, EP, 7).data;
			assert_int_equal(vfree(vmm, EP, 7, 1), VIRTIO_IRQ_S_OK);
		}
		assert_distinct(data, ARRAY_SIZE(data));
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
}

/* DEV-69 */
static void data_is_not_used_again_soon_after_detach_or_reset(void **state)
{
	static const uint16_t flags[] = { 0, DATA16 };
	struct vmm *vmm = *state;
	uint32_t data[100];

	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		for (uint32_t i = 0; i < ARRAY_SIZE(data); i++) {
			start(vmm, 4, flags[f]);
			data[i] = data_of(vmm, EP, 0);
			if (i % 2)
				virtio_irq_core_reset(vmm->core);
			else
				assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
		}
		assert_distinct(data, ARRAY_SIZE(data));
	}
}

/* A slot is the next one's in its next generation; the old pair hits nothing; DEV-69 */
static void data_of_a_slot_that_has_a_new_vector_is_another(void **state)
{
	struct virtio_irq_msg old, new;
	struct vmm *vmm = *state;

	start(vmm, VIRTIO_IRQ_LINE, 0);
	for (unsigned int n = 0; n < VIRTIO_IRQ_LAST_GENERATION; n++) {
		old = must_activate(vmm, EP, 5);
		assert_int_equal(vfree(vmm, EP, 5, 1), VIRTIO_IRQ_S_OK);
		must_alloc(vmm, EP, 5, 1, 0);
		new = must_activate(vmm, EP, 5);
		/* It is the only slot there is in this line */
		assert_int_equal(old.data & 0x1ffffff, new.data & 0x1ffffff);
		assert_int_equal(new.data >> 25,
				 old.data >> 25 == VIRTIO_IRQ_LAST_GENERATION ?
				 1 : (old.data >> 25) + 1);
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, old.data), VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, new.data), VIRTIO_IRQ_DELIVERED);
	}
}

static void data16_cursor_goes_round(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	vmm->core->next_data16 = DATA16_VALUES - 1;
	must_alloc(vmm, EP, 0, 1, DATA16);
	assert_int_equal(data_of(vmm, EP, 0), 0x7bff);
	assert_int_equal(vmm->core->next_data16, 0);
	must_alloc(vmm, EP, 1, 32, DATA16 | CONTIGUOUS);
	assert_int_equal(data_of(vmm, EP, 1), 0x300);
	vmm->core->next_data16 = DATA16_VALUES - 1;
	must_alloc(vmm, EP, 40, 4, DATA16 | CONTIGUOUS);
	assert_int_equal(data_of(vmm, EP, 40), 0x320);
	/* The line of the first one has ended its round, though it has room */
	must_alloc(vmm, EP, 50, 2, DATA16);
	assert_int_equal(data_of(vmm, EP, 50), 0x340);
}

/* "<= 64 bytes per vector, a million vectors in one table"; DEV-113 */
static void table_of_a_million_vectors_takes_64_bytes_each(void **state)
{
	const uint32_t million = 1u << 20;
	struct vmm *vmm = *state;
	struct virtio_irq_core *core;
	struct virtio_irq_msg pair;
	size_t bytes;

	vmm_free_core(vmm);
	vmm->config.max_vectors = million;
	vmm->config.max_count = 1u << 16;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	core = vmm->core;
	must_attach(vmm, EP);
	for (uint32_t first = 0; first < million; first += 1u << 16)
		must_alloc(vmm, EP, first, 1u << 16, 0);
	assert_int_equal(alloc(vmm, EP, million, 1, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	bytes = (size_t)core->num_backed * sizeof(struct virtio_irq_vector) +
		((size_t)core->name_mask + 1) * sizeof(virtio_irq_link) +
		(size_t)core->num_lines * sizeof(struct virtio_irq_line) +
		core->max_lines / VIRTIO_IRQ_LINE_CHUNK * sizeof(core->line_chunks[0]);
	assert_int_equal(core->num_backed, million);
	assert_int_equal(core->num_lines, million / VIRTIO_IRQ_LINE);
	assert_true(bytes <= (size_t)million * 64);
	for (uint32_t i = 0; i < million; i += 997) {
		pair = must_activate(vmm, EP, i);
		assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
		assert_int_equal(vmm_ep(vmm, EP)->last.data, 0x4000 + i);
	}
}

/* No chain grows long, whatever names the guest chooses; DEV-154 */
static void table_chains_are_short_for_chosen_names(void **state)
{
	static const uint32_t strides[] = { 1, 1u << 11, 1u << 12, 1u << 20 };
	struct vmm *vmm = *state;
	struct virtio_irq_core *core;

	vmm_free_core(vmm);
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	core = vmm->core;
	for (size_t s = 0; s < ARRAY_SIZE(strides); s++) {
		uint32_t longest = 0;

		must_attach(vmm, EP);
		for (uint32_t i = 0; i < 4095; i++)
			must_alloc(vmm, EP, i * strides[s], 1, 0);
		for (uint32_t i = 0; i <= core->name_mask; i++) {
			uint32_t length = 0;

			for (virtio_irq_link link = core->name_heads[i]; link; length++)
				link = virtio_irq_vector_at(core, link)->next;
			if (length > longest)
				longest = length;
		}
		/* 1 on average; 12 of them by chance: less than once in a million seeds */
		assert_in_range(longest, 3, 11);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
}

/* One chain for everything: each part of a name has to tell */
static void table_collisions_are_told_apart(void **state)
{
	struct virtio_irq_vector new = { .store = 1, .addr_width = 64 };
	struct virtio_irq_ep *ep, *ep2;
	struct virtio_irq_vector *v;
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	struct virtio_irq_core *core;
	uint32_t slot;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 3;
	vmm_new_core(vmm);
	core = vmm->core;
	core->name_mask = 0;
	must_attach(vmm, EP);
	must_attach(vmm, EP2);

	/* The endpoint */
	slot = core->next_data16;
	must_alloc(vmm, EP, 0, 1, DATA16);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(deactivate(vmm, EP2, 0), VIRTIO_IRQ_S_NOENT);
	core->next_data16 = slot;
	must_alloc(vmm, EP2, 0, 1, DATA16);
	assert_int_equal(data_of(vmm, EP2, 0), pair.data);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vfree(vmm, EP2, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	/* Of wide values each is one endpoint's alone */
	must_alloc(vmm, EP, 1, 1, 0);
	pair = must_activate(vmm, EP, 1);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);

	/* The index, the data */
	assert_int_equal(deactivate(vmm, EP, 2), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data + 1), VIRTIO_IRQ_BLOCKED_FREED);

	/* The store, of which requests know one */
	ep = vmm_ep(vmm, EP)->ep;
	ep2 = vmm_ep(vmm, EP2)->ep;
	assert_true(virtio_irq_vector_reserve(core, 1));
	assert_int_equal(virtio_irq_data_take(core, ep, false, 0, &new.data), VIRTIO_IRQ_S_OK);
	v = virtio_irq_vector_add(core, ep, &new);
	assert_ptr_equal(virtio_irq_vector_find(core, ep, 1, 0), v);
	assert_ptr_not_equal(virtio_irq_vector_find(core, ep, 0, 0), v);
	assert_null(virtio_irq_vector_find(core, ep, 2, 0));
	assert_null(virtio_irq_vector_find(core, ep2, 1, 0));
	virtio_irq_vector_del(core, ep, v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(contiguous_is_an_aligned_block_with_one_address),
		unit(contiguous_pairs_are_known_and_constant_from_alloc),
		unit(contiguous_is_all_or_nothing),
		unit(contiguous_block_larger_than_multi_msi_is_range),
		unit(contiguous_block_beyond_the_store_is_range),
		unit(contiguous_again_counts_as_granted),
		unit(contiguous_again_with_commit_is_all_or_nothing),
		unit(contiguous_over_other_vectors_is_busy),
		unit(contiguous_block_with_a_hole_is_busy_until_freed),
		unit(contiguous_freed_vectors_count_for_max_vectors_only),
		unit(contiguous_block_with_holes_is_detached),
		unit(contiguous_unallocated_tail_delivers_nothing),
		unit(contiguous_values_of_a_block_stay_its_own_until_all_is_freed),
		unit(data_values_are_distinct_within_an_endpoint),
		unit(data16_has_16_bits_and_the_others_leave_these_alone),
		unit(data_has_a_delivery_mode_that_x86_ignores),
		unit(data16_all_values_can_be_had_then_nospc),
		unit(data_lines_are_no_more_than_vectors),
		unit(data_slots_are_used_again_beside_those_that_are_held),
		unit(data_of_a_freed_vector_is_not_used_again_soon),
		unit(data_is_not_used_again_soon_after_detach_or_reset),
		unit(data_of_a_slot_that_has_a_new_vector_is_another),
		unit(data16_cursor_goes_round),
		unit(table_of_a_million_vectors_takes_64_bytes_each),
		unit(table_chains_are_short_for_chosen_names),
		unit(table_collisions_are_told_apart),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
