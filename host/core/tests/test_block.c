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

static void contiguous_block_with_a_hole_is_busy_until_freed(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16);
	assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(vfree(vmm, EP, 0, 4), VIRTIO_IRQ_S_OK);
	must_alloc(vmm, EP, 0, 4, CONTIGUOUS | DATA16);
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

/* A function with multi-MSI makes up every value of the block */
static void contiguous_values_of_a_block_stay_its_own_until_all_is_freed(void **state)
{
	struct vmm *vmm = *state;
	uint32_t base, granted, data;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 1u << 17;
	vmm->config.max_count = 1u << 16;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 8, CONTIGUOUS | DATA16);
	base = data_of(vmm, EP, 0);
	assert_int_equal(vfree(vmm, EP, 0, 7), VIRTIO_IRQ_S_OK);
	/* Take every 16-bit value there is: all but this block's eight */
	assert_int_equal(alloc(vmm, EP, 1000, 65536, DATA16, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 65536 - 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, base + i), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vfree(vmm, EP, 7, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(alloc(vmm, EP, 1000 + granted, 65536, DATA16, &granted),
			 VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 8);
	for (uint32_t i = 0; i < 8; i++) {
		data = data_of(vmm, EP, 1000 + 65536 - 8 + i);
		assert_true(data >= base && data < base + 8);
	}
}

/* Data values */

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

static void data16_all_values_can_be_had_then_nospc(void **state)
{
	static uint32_t data[65536];
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 1u << 17;
	vmm->config.max_count = 1u << 16;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 65536, DATA16);
	assert_int_equal(alloc(vmm, EP, 65536, 1, DATA16, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(alloc(vmm, EP, 65536, 2, DATA16 | CONTIGUOUS, NULL),
			 VIRTIO_IRQ_S_NOSPC);
	for (uint32_t i = 0; i < 65536; i++)
		data[i] = must_activate(vmm, EP, i).data;
	assert_distinct(data, ARRAY_SIZE(data));
	assert_int_equal(data[65535], 65535);
	/* Another endpoint has its own, and wide ones are left */
	must_alloc(vmm, EP, 65536, 100, 0);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 100, DATA16);
	/* The last one left is found */
	assert_int_equal(vfree(vmm, EP, 12345, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(alloc(vmm, EP, 70000, 4, DATA16, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, 1);
	/* Also just behind the cursor */
	assert_int_equal(data_of(vmm, EP, 5), 5);
	assert_int_equal(vfree(vmm, EP, 5, 1), VIRTIO_IRQ_S_OK);
	vmm->core->next_data16 = 6;
	must_alloc(vmm, EP, 5, 1, DATA16);
	assert_int_equal(data_of(vmm, EP, 5), 5);
}

/*
 * DEV-154: the guest keeps one vector in each of many lines that follow each
 * other, and the cursor comes round to them.
 */
static void data_search_is_bounded_whatever_the_guest_holds(void **state)
{
	const uint32_t lines = 4000;
	struct virtio_irq_core *core;
	struct vmm *vmm = *state;
	uint64_t tried, worst = 0;
	uint32_t start_line, data;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 1u << 17;
	vmm->info.stores[0].size = UINT32_MAX;
	vmm_new_core(vmm);
	core = vmm->core;
	must_attach(vmm, EP);
	start_line = core->next_line;
	for (uint32_t i = 0; i < lines; i++) {
		must_alloc(vmm, EP, i * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE, 0);
		assert_int_equal(vfree(vmm, EP, i * VIRTIO_IRQ_LINE + 1, VIRTIO_IRQ_LINE - 1), 0);
	}
	assert_int_equal(core->next_line, start_line + lines);
	assert_int_equal(core->lines_tried, lines);

	for (uint32_t i = 0; i < 64; i++) {
		core->next_line = start_line + i * 61;
		tried = core->lines_tried;
		/* The line in use is full, so each ALLOC of a line enters another one */
		must_alloc(vmm, EP, 0x40000000 + i * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE, 0);
		tried = core->lines_tried - tried;
		assert_in_range(tried, 2, VIRTIO_IRQ_MAX_LINES);
		if (tried > worst)
			worst = tried;
		data = data_of(vmm, EP, 0x40000000 + i * VIRTIO_IRQ_LINE);
		assert_true(data / VIRTIO_IRQ_LINE < start_line ||
			    data / VIRTIO_IRQ_LINE >= start_line + lines);
	}
	/* Of 2^27 lines 4000 are taken: the first jump leads out of them */
	assert_int_equal(worst, 2);
}

/* Where the cursor goes from a taken line depends on the seed, and is no pattern */
static void data_search_goes_where_the_guest_cannot_foresee(void **state)
{
	struct vmm *vmm = *state;
	uint32_t to[8];

	for (uint32_t i = 0; i < ARRAY_SIZE(to); i++) {
		vmm_free_core(vmm);
		vmm->config.seed = i / 2 + 1;
		vmm_new_core(vmm);
		must_attach(vmm, EP);
		must_alloc(vmm, EP, 0, VIRTIO_IRQ_LINE, 0);
		/* The second core of each seed jumps a second time */
		for (uint32_t n = 0; n <= i % 2; n++) {
			vmm->core->next_line = VIRTIO_IRQ_LINE_FIRST;
			must_alloc(vmm, EP, (n + 1) * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE, 0);
		}
		to[i] = data_of(vmm, EP, (1 + i % 2) * VIRTIO_IRQ_LINE);
	}
	assert_distinct(to, ARRAY_SIZE(to));
}

/* Were each line that is tried taken, there would be an answer, and no endless search */
static void data_search_that_finds_nothing_is_nospc(void **state)
{
	struct virtio_irq_core *core;
	struct vmm *vmm = *state;
	uint32_t first, tried;

	start(vmm, VIRTIO_IRQ_LINE, 0);
	core = vmm->core;
	/* Nobody but us can make it take the same way again */
	for (uint32_t i = 0; i < VIRTIO_IRQ_MAX_LINES; i++) {
		core->next_line = VIRTIO_IRQ_LINE_FIRST;
		core->jumps = 0;
		tried = (uint32_t)core->lines_tried;
		first = (i + 1) * VIRTIO_IRQ_LINE;
		if (i == VIRTIO_IRQ_MAX_LINES - 1) {
			assert_int_equal(alloc(vmm, EP, first, 1, 0, NULL), VIRTIO_IRQ_S_NOSPC);
			assert_int_equal(core->lines_tried - tried, VIRTIO_IRQ_MAX_LINES);
		} else {
			must_alloc(vmm, EP, first, VIRTIO_IRQ_LINE, 0);
			assert_int_equal(core->lines_tried - tried, i + 2);
		}
	}
	/* Later it works */
	must_alloc(vmm, EP, first, 1, 0);
}

/* A message on its way to a freed pair hits nothing */
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

/* The cursors come round, which takes too long to wait for */
static void data_cursor_that_comes_round_meets_no_live_vector(void **state)
{
	struct vmm *vmm = *state;
	static uint32_t data[1024];

	must_attach(vmm, EP);
	/* These get the first lines */
	must_alloc(vmm, EP, 0, 256, 0);
	vmm->core->next_line = VIRTIO_IRQ_LINE_END - 4;
	must_alloc(vmm, EP, 256, 256, 0);
	must_alloc(vmm, EP, 512, 20, CONTIGUOUS);
	must_alloc(vmm, EP, 532, 492, 0);
	assert_true(vmm->core->next_line >= VIRTIO_IRQ_LINE_FIRST);
	assert_true(vmm->core->next_line < VIRTIO_IRQ_LINE_END);
	for (uint32_t i = 0; i < 1024; i++) {
		data[i] = data_of(vmm, EP, i);
		assert_true(data[i] >= VIRTIO_IRQ_DATA16_END);
	}
	assert_distinct(data, ARRAY_SIZE(data));
}

static void data16_block_search_goes_round(void **state)
{
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, 1, DATA16);
	vmm->core->next_data16 = 65535;
	/* Nothing aligned is left behind the cursor */
	must_alloc(vmm, EP, 1, 32, DATA16 | CONTIGUOUS);
	assert_int_equal(data_of(vmm, EP, 1), 32);
	vmm->core->next_data16 = 33;
	must_alloc(vmm, EP, 40, 4, DATA16 | CONTIGUOUS);
	assert_int_equal(data_of(vmm, EP, 40), 64);
	vmm->core->next_data16 = 65535;
	must_alloc(vmm, EP, 50, 2, DATA16);
	assert_int_equal(data_of(vmm, EP, 50), 65535);
	assert_int_equal(data_of(vmm, EP, 51), 1);
}

/* "<= 64 bytes per vector, a million vectors in one table" */
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
		2 * ((size_t)core->vector_mask + 1) * sizeof(virtio_irq_link);
	assert_int_equal(core->num_backed, million);
	assert_true(bytes <= (size_t)million * 64);
	for (uint32_t i = 0; i < million; i += 997) {
		pair = must_activate(vmm, EP, i);
		assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
		assert_int_equal(vmm_ep(vmm, EP)->last.data, 0x4000 + i);
	}
}

/* No chain grows long, whatever names the guest chooses */
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
		for (uint32_t i = 0; i <= core->vector_mask; i++) {
			uint32_t length = 0;

			for (virtio_irq_link link = core->name_heads[i]; link; length++)
				link = virtio_irq_vector_at(core, link)->name_next;
			if (length > longest)
				longest = length;
		}
		/* 2 on average; 16 of them by chance: less than once in a million seeds */
		assert_in_range(longest, 3, 15);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
}

/* One chain for everything: each part of a name has to tell */
static void table_collisions_are_told_apart(void **state)
{
	struct virtio_irq_ep *ep, *ep2;
	struct virtio_irq_vector *v;
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	struct virtio_irq_core *core;
	uint32_t data;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 2;
	vmm_new_core(vmm);
	core = vmm->core;
	assert_int_equal(core->vector_mask, 0);
	must_attach(vmm, EP);
	must_attach(vmm, EP2);

	/* The endpoint */
	must_alloc(vmm, EP, 0, 1, DATA16);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(deactivate(vmm, EP2, 0), VIRTIO_IRQ_S_NOENT);
	core->next_data16 = pair.data;
	must_alloc(vmm, EP2, 0, 1, DATA16);
	assert_int_equal(data_of(vmm, EP2, 0), pair.data);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vfree(vmm, EP2, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);

	/* The index, the data */
	assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data + 1), VIRTIO_IRQ_BLOCKED_FREED);

	/* The store, of which requests know one */
	ep = vmm_ep(vmm, EP)->ep;
	ep2 = vmm_ep(vmm, EP2)->ep;
	assert_true(virtio_irq_vector_reserve(core, ep, 1, false));
	assert_true(virtio_irq_data_take(core, ep, false, 0, &data));
	v = virtio_irq_vector_add(core, ep, 1, 0, data);
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
		unit(contiguous_unallocated_tail_delivers_nothing),
		unit(contiguous_values_of_a_block_stay_its_own_until_all_is_freed),
		unit(data_values_are_distinct_within_an_endpoint),
		unit(data16_has_16_bits_and_the_others_leave_these_alone),
		unit(data16_all_values_can_be_had_then_nospc),
		unit(data_search_is_bounded_whatever_the_guest_holds),
		unit(data_search_goes_where_the_guest_cannot_foresee),
		unit(data_search_that_finds_nothing_is_nospc),
		unit(data_of_a_freed_vector_is_not_used_again_soon),
		unit(data_is_not_used_again_soon_after_detach_or_reset),
		unit(data_cursor_that_comes_round_meets_no_live_vector),
		unit(data16_block_search_goes_round),
		unit(table_of_a_million_vectors_takes_64_bytes_each),
		unit(table_chains_are_short_for_chosen_names),
		unit(table_collisions_are_told_apart),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
