// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about events: what is placed, and how it gets over a migration.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

#define CONTIGUOUS	VIRTIO_IRQ_ALLOC_F_CONTIGUOUS
#define STILL_VALID	VIRTIO_IRQ_EVENT_F_STILL_VALID
#define REREAD		VIRTIO_IRQ_EVENT_F_REREAD
#define ALL		VIRTIO_IRQ_EVENT_F_ALL
#define OVERFLOW	VIRTIO_IRQ_EVENT_F_OVERFLOW

#define WINDOW2		UINT64_C(0x200000000)
#define WINDOW3		UINT64_C(0x300000000)

static const struct virtio_irq_which everything = {
	.all_endpoints = true,
	.all_stores = true,
	.last = UINT32_MAX,
};

static struct virtio_irq_which one(uint32_t endpoint, uint32_t index)
{
	return (struct virtio_irq_which) {
		.endpoint = endpoint,
		.first = index,
		.last = index,
	};
}

static void change(struct vmm *vmm, uint32_t endpoint, uint32_t index, bool still_valid)
{
	const struct virtio_irq_which which = one(endpoint, index);

	assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &which, still_valid), 1);
}

static void revoke(struct vmm *vmm, uint32_t endpoint, uint32_t index, uint8_t reason)
{
	const struct virtio_irq_which which = one(endpoint, index);

	assert_int_equal(virtio_irq_core_revoke(vmm->core, &which, reason), 1);
}

static void assert_event(struct vmm *vmm, uint8_t type, uint32_t endpoint, uint32_t first,
			 uint32_t count, uint32_t flags)
{
	struct virtio_irq_event e;

	assert_true(next_event(vmm, &e));
	assert_int_equal(e.type, type);
	assert_int_equal(e.endpoint, endpoint);
	assert_int_equal(e.first, first);
	assert_int_equal(e.count, count);
	assert_int_equal(e.flags, flags);
}

#define assert_stale(vmm, ...)	assert_event(vmm, VIRTIO_IRQ_EVENT_T_STALE, __VA_ARGS__)
#define assert_revoked(vmm, ...) assert_event(vmm, VIRTIO_IRQ_EVENT_T_REVOKED, __VA_ARGS__)

static void assert_no_event(struct vmm *vmm)
{
	struct virtio_irq_event e;

	assert_false(next_event(vmm, &e));
}

static void begin(struct vmm *vmm, uint32_t count)
{
	accept_events(vmm);
	start(vmm, count, 0);
	for (uint32_t i = 0; i < count; i++)
		must_activate(vmm, EP, i);
}

/* STALE and REVOKED */

/* DEV-118 */
static void events_of_a_kind_are_merged(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 100);
	/* In any order */
	for (uint32_t i = 0; i < 60; i++)
		change(vmm, EP, i * 7 % 60, false);
	change(vmm, EP, 60, true);
	change(vmm, EP, 61, true);
	/* 62 is as it was */
	change(vmm, EP, 63, true);
	revoke(vmm, EP, 64, VIRTIO_IRQ_S_QUOTA);
	revoke(vmm, EP, 65, VIRTIO_IRQ_S_PERM);
	revoke(vmm, EP, 66, VIRTIO_IRQ_S_PERM);
	assert_int_equal(stats(vmm).waiting, 66);
	assert_stale(vmm, EP, 0, 60, 0);
	assert_stale(vmm, EP, 60, 2, STILL_VALID);
	assert_stale(vmm, EP, 63, 1, STILL_VALID);
	assert_revoked(vmm, EP, 64, 1, 0);
	assert_revoked(vmm, EP, 65, 2, 0);
	assert_no_event(vmm);
	assert_int_equal(stats(vmm).events[VIRTIO_IRQ_EVENT_T_STALE], 3);
	assert_int_equal(stats(vmm).events[VIRTIO_IRQ_EVENT_T_REVOKED], 2);
}

static void events_end_where_indices_do(void **state)
{
	struct vmm *vmm = *state;

	vmm_free_core(vmm);
	vmm->info.stores[0].size = 0;
	vmm->config.max_count = 4;
	vmm_new_core(vmm);
	accept_events(vmm);
	must_attach(vmm, EP);
	for (uint32_t i = 0; i < 6; i++) {
		must_alloc(vmm, EP, UINT32_MAX - i, 1, 0);
		must_activate(vmm, EP, UINT32_MAX - i);
		must_alloc(vmm, EP, i, 1, 0);
		must_activate(vmm, EP, i);
	}
	assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &everything, false), 12);
	/* No more than a request could have */
	assert_stale(vmm, EP, UINT32_MAX - 3, 4, 0);
	assert_stale(vmm, EP, 0, 4, 0);
	assert_stale(vmm, EP, UINT32_MAX - 5, 2, 0);
	assert_stale(vmm, EP, 4, 2, 0);
	assert_no_event(vmm);
	/* The last index and the first one do not follow each other */
	change(vmm, EP, 0, false);
	change(vmm, EP, UINT32_MAX, false);
	assert_stale(vmm, EP, UINT32_MAX, 1, 0);
	assert_stale(vmm, EP, 0, 1, 0);
	assert_no_event(vmm);
}

/* DEV-117: whatever happens meanwhile, one by one as buffers come */
static void events_are_kept_until_there_is_a_buffer(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 64);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 5, 1, 0);
	must_activate(vmm, EP2, 5);
	for (uint32_t i = 0; i < 64; i += 2)
		change(vmm, EP, i, false);
	change(vmm, EP2, 5, false);
	assert_int_equal(stats(vmm).waiting, 33);
	/* Requests for them do not take the event away */
	for (uint32_t i = 0; i < 64; i++)
		must_activate(vmm, EP, i);
	assert_int_equal(stats(vmm).waiting, 33);
	/* What is freed has nothing to tell */
	assert_int_equal(vfree(vmm, EP, 4, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(detach(vmm, EP2), VIRTIO_IRQ_S_OK);
	for (uint32_t i = 0; i < 64; i += 2)
		if (i != 4)
			assert_stale(vmm, EP, i, 1, 0);
	assert_no_event(vmm);
	assert_int_equal(stats(vmm).stale, 31);
}

/* DEV-124 */
static void events_come_again_after_a_reset_of_the_queue(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 5);
	for (uint32_t i = 0; i < 3; i++)
		change(vmm, EP, i, false);
	revoke(vmm, EP, 3, VIRTIO_IRQ_S_NOSPC);
	assert_stale(vmm, EP, 0, 3, 0);
	assert_revoked(vmm, EP, 3, 1, 0);
	must_activate(vmm, EP, 1);
	vmm->told = 0;
	virtio_irq_core_eventq_reset(vmm->core);
	assert_int_equal(vmm->told, 1);
	/* Not what the driver has asked for by now */
	assert_stale(vmm, EP, 0, 1, 0);
	assert_stale(vmm, EP, 2, 1, 0);
	assert_revoked(vmm, EP, 3, 1, 0);
	assert_no_event(vmm);
	must_activate(vmm, EP, 0);
	must_activate(vmm, EP, 2);
	assert_int_equal(vfree(vmm, EP, 3, 1), VIRTIO_IRQ_S_OK);
	vmm->told = 0;
	virtio_irq_core_eventq_reset(vmm->core);
	assert_int_equal(vmm->told, 0);
	assert_no_event(vmm);
}

/* However many of them there are, and whatever a guest has: nothing is looked for */
static void events_are_found_at_once(void **state)
{
	struct vmm *vmm = *state;
	uint64_t before;

	begin(vmm, 2048);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 1, 0);
	must_activate(vmm, EP2, 0);
	for (uint32_t i = 0; i < 2048; i += 2)
		change(vmm, EP, i, false);
	change(vmm, EP2, 0, false);
	before = virtio_irq_core_work(vmm->core);
	for (uint32_t i = 0; i < 1025; i++) {
		struct virtio_irq_event e;

		assert_true(next_event(vmm, &e));
		assert_int_equal(e.count, 1);
	}
	/* Its two neighbours */
	assert_true(virtio_irq_core_work(vmm->core) - before <= 2 * 1025);
	assert_no_event(vmm);
}

/* FAULT */

static void blocked(struct vmm *vmm, uint32_t endpoint, uint32_t data)
{
	assert_int_equal(fire(vmm, endpoint, PAIR_ADDRESS, data), VIRTIO_IRQ_BLOCKED_FREED);
}

static void assert_fault(struct vmm *vmm, uint8_t reason, uint32_t endpoint, uint32_t data,
			 uint32_t count, uint32_t flags)
{
	struct virtio_irq_event e;

	assert_true(next_event(vmm, &e));
	assert_int_equal(e.type, VIRTIO_IRQ_EVENT_T_FAULT);
	assert_int_equal(e.reason, reason);
	assert_int_equal(e.endpoint, endpoint);
	assert_int_equal(e.address, PAIR_ADDRESS);
	assert_int_equal(e.data, data);
	assert_int_equal(e.count, count);
	assert_int_equal(e.flags, flags);
}

static void assert_unknown(struct vmm *vmm, uint32_t endpoint, uint32_t data, uint32_t count,
			   uint32_t flags)
{
	assert_fault(vmm, VIRTIO_IRQ_FAULT_R_UNKNOWN, endpoint, data, count, flags);
}

/* DEV-127 */
static void faults_of_an_endpoint_come_one_at_a_time(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 1);
	must_attach(vmm, EP2);
	virtio_irq_core_event_buffer(vmm->core);
	virtio_irq_core_event_buffer(vmm->core);
	blocked(vmm, EP, 1);
	assert_int_equal(vmm->told, 1);
	assert_unknown(vmm, EP, 1, 1, 0);
	/* There is a buffer, but the driver has not made another one available */
	blocked(vmm, EP, 2);
	assert_int_equal(vmm->told, 1);
	assert_no_event(vmm);
	/* It is no business of another endpoint's */
	blocked(vmm, EP2, 3);
	assert_int_equal(vmm->told, 2);
	assert_unknown(vmm, EP2, 3, 1, 0);
	blocked(vmm, EP2, 4);
	assert_no_event(vmm);
	virtio_irq_core_event_buffer(vmm->core);
	assert_unknown(vmm, EP, 2, 1, 0);
	assert_unknown(vmm, EP2, 4, 1, 0);
	assert_no_event(vmm);
	assert_int_equal(stats(vmm).events[VIRTIO_IRQ_EVENT_T_FAULT], 4);
	assert_int_equal(stats(vmm).faults_dropped, 0);
}

/* DEV-125, DEV-126 */
static void faults_are_counted_or_dropped(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 1);
	must_attach(vmm, EP2);
	for (unsigned int i = 0; i < 1000; i++)
		blocked(vmm, EP, 1);
	assert_unknown(vmm, EP, 1, 1000, 0);
	virtio_irq_core_event_buffer(vmm->core);
	for (unsigned int i = 0; i < 10; i++)
		blocked(vmm, EP, i);
	assert_int_equal(stats(vmm).faults_dropped, 9);
	/* The next one that is placed says so, and no other one */
	assert_unknown(vmm, EP, 0, 1, OVERFLOW);
	blocked(vmm, EP2, 5);
	assert_unknown(vmm, EP2, 5, 1, 0);
	/* What is not placed when the endpoint goes is dropped, too */
	blocked(vmm, EP, 7);
	blocked(vmm, EP, 7);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).faults_dropped, 11);
	virtio_irq_core_event_buffer(vmm->core);
	blocked(vmm, EP2, 6);
	assert_unknown(vmm, EP2, 6, 1, OVERFLOW);
	assert_no_event(vmm);
}

/* A flood of them does not keep anything else from being told */
static void faults_come_after_what_must_not_be_lost(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 1);
	blocked(vmm, EP, 1);
	change(vmm, EP, 0, false);
	assert_stale(vmm, EP, 0, 1, 0);
	assert_unknown(vmm, EP, 1, 1, 0);
	assert_no_event(vmm);
}

static void faults_say_what_was_blocked(void **state)
{
	struct virtio_irq_event e;
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	vmm->info.isolated = true;
	vmm->info.pasid_width = 20;
	accept_events(vmm);
	start(vmm, 8, 0);
	vmm->has_pasid = true;
	vmm->pasid = 0x12345;
	pair = must_activate(vmm, EP, 7);
	fire_pasid(vmm, EP, pair.address, pair.data, 0x54321);
	assert_true(next_event(vmm, &e));
	assert_int_equal(e.reason, VIRTIO_IRQ_FAULT_R_PASID);
	assert_int_equal(e.flags, VIRTIO_IRQ_EVENT_F_PASID_VALID | 0x54321);
	assert_int_equal(e.first, 7);
	assert_int_equal(e.store, 0);
	assert_int_equal(e.data, pair.data);

	virtio_irq_core_event_buffer(vmm->core);
	fire(vmm, EP, WINDOW_START + 0x1234, 0xabcdef);
	assert_true(next_event(vmm, &e));
	assert_int_equal(e.reason, VIRTIO_IRQ_FAULT_R_UNKNOWN);
	assert_int_equal(e.address, WINDOW_START + 0x1234);
	assert_int_equal(e.data, 0xabcdef);
	assert_int_equal(e.first, 0);
	assert_int_equal(e.flags, 0);

	virtio_irq_core_event_buffer(vmm->core);
	virtio_irq_core_bad_write(vmm->core, vmm_ep(vmm, EP)->ep, WINDOW_START + 3);
	assert_true(next_event(vmm, &e));
	assert_int_equal(e.reason, VIRTIO_IRQ_FAULT_R_SIZE);
	assert_int_equal(e.address, WINDOW_START + 3);
	assert_int_equal(e.data, 0);
	/* One that is wider than any is none */
	virtio_irq_core_event_buffer(vmm->core);
	fire_pasid(vmm, EP, pair.address, pair.data, 0x100000);
	assert_true(next_event(vmm, &e));
	assert_int_equal(e.flags, 0);
}

/* DEV-128 */
static void faults_are_not_of_vectors_that_are_not_armed(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	accept_events(vmm);
	start(vmm, 2, 0);
	blocked(vmm, EP, data_of(vmm, EP, 0));
	pair = must_activate(vmm, EP, 1);
	assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
	blocked(vmm, EP, pair.data);
	assert_int_equal(vmm->told, 0);
	assert_no_event(vmm);
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_BLOCKED_FREED], 2);
}

static void faults_need_the_feature(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 1, 0);
	blocked(vmm, EP, 1);
	assert_int_equal(vmm->told, 0);
	assert_no_event(vmm);
}

/* Migration */

/* Another host, whose windows begin at @window */
static int migrate_image(struct vmm *vmm, struct image image, uint64_t window, bool events)
{
	vmm_free_core(vmm);
	vmm->config.seed++;
	vmm->info.window_start = window;
	vmm->info.window_end = window + 0xfffff;
	vmm->info.pair_address = window + (PAIR_ADDRESS - WINDOW_START);
	vmm_new_core(vmm);
	if (events)
		accept_events(vmm);
	return load(vmm, image);
}

static void migrate_to(struct vmm *vmm, uint64_t window)
{
	struct image image = save(vmm);

	assert_int_equal(migrate_image(vmm, image, window, true), 0);
	image_free(image);
}

/* Whatever there is to be told, and was */
static void migrate_keeps_what_has_to_be_told(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old, pair;
	struct image image, again;

	begin(vmm, 8);
	must_alloc(vmm, EP, 20, 4, CONTIGUOUS);
	must_activate(vmm, EP, 21);
	old = must_activate(vmm, EP, 0);
	change(vmm, EP, 0, true);
	change(vmm, EP, 1, false);
	change(vmm, EP, 21, true);
	revoke(vmm, EP, 2, VIRTIO_IRQ_S_PERM);
	assert_stale(vmm, EP, 0, 1, STILL_VALID);
	must_activate(vmm, EP, 0);
	change(vmm, EP, 0, true);
	change(vmm, EP, 3, true);
	image = save(vmm);
	assert_int_equal(migrate_image(vmm, image, WINDOW_START, true), 0);
	again = save(vmm);
	assert_true(image_equal(image, again));
	image_free(again);
	image_free(image);

	/* It goes on where it was, but for the order */
	assert_int_equal(stats(vmm).stale, 7);
	assert_int_equal(stats(vmm).revoked, 1);
	assert_int_equal(fire(vmm, EP, old.address, old.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(activate(vmm, EP, 2, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_PERM);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(pair.address, old.address);
	assert_int_not_equal(pair.data, old.data);
	for (unsigned int i = 0; i < 5; i++) {
		struct virtio_irq_event e;

		assert_true(next_event(vmm, &e));
	}
	assert_no_event(vmm);
	/* The pair that the driver was told before was the other one of the two */
	assert_int_equal(must_activate(vmm, EP, 0).data, old.data);
}

/* DEV-143 */
static void migrate_to_another_window(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old, pair;

	begin(vmm, 2);
	must_alloc(vmm, EP, 8, 1, 0);
	must_attach(vmm, EP2);
	old = must_activate(vmm, EP, 0);
	vmm->told = 0;
	migrate_to(vmm, WINDOW2);
	assert_true(vmm->told > 0);
	assert_int_equal(stats(vmm).stale, 2);
	/* The driver does not know yet */
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(pair.address, old.address);
	assert_int_equal(pair.data, old.data);
	assert_stale(vmm, EP, 0, 0, REREAD | ALL);
	assert_stale(vmm, EP2, 0, 0, REREAD | ALL);
	assert_no_event(vmm);
	must_attach(vmm, EP);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(pair.address, WINDOW2 + 0x10);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	/* What comes by the old one goes nowhere */
	assert_int_equal(fire(vmm, EP, old.address, old.data), VIRTIO_IRQ_BLOCKED_FREED);
	must_activate(vmm, EP, 1);
	assert_int_equal(stats(vmm).stale, 0);
}

/* Not before the driver has asked for both, its window and its pairs */
static void reread_comes_again_after_a_reset_of_the_queue(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 3);
	revoke(vmm, EP, 2, VIRTIO_IRQ_S_PERM);
	migrate_to(vmm, WINDOW2);
	/* This ATTACH is of a driver that was not told */
	must_attach(vmm, EP);
	assert_stale(vmm, EP, 0, 0, REREAD | ALL);
	/* It does not say what has become of this one */
	assert_revoked(vmm, EP, 2, 1, 0);
	assert_int_equal(vfree(vmm, EP, 2, 1), VIRTIO_IRQ_S_OK);
	virtio_irq_core_eventq_reset(vmm->core);
	assert_stale(vmm, EP, 0, 0, REREAD | ALL);
	assert_no_event(vmm);
	must_attach(vmm, EP);
	must_activate(vmm, EP, 0);
	virtio_irq_core_eventq_reset(vmm->core);
	assert_stale(vmm, EP, 1, 1, 0);
	assert_no_event(vmm);
}

/* Several times, and the driver knows the address of any of them */
static void migrate_again_before_the_driver_has_asked(void **state)
{
	struct vmm *vmm = *state;
	struct image image;
	uint64_t window;

	begin(vmm, 4);
	for (unsigned int i = 0; i < 3; i++) {
		window = i & 1 ? WINDOW3 : WINDOW2;
		migrate_to(vmm, window);
		assert_stale(vmm, EP, 0, 0, REREAD | ALL);
		assert_no_event(vmm);
		assert_int_equal(must_activate(vmm, EP, i).address, window + 0x10);
	}
	migrate_to(vmm, WINDOW_START);
	assert_int_equal(must_activate(vmm, EP, 0).address, WINDOW2 + 0x10);
	assert_int_equal(must_activate(vmm, EP, 1).address, WINDOW3 + 0x10);
	assert_int_equal(must_activate(vmm, EP, 2).address, WINDOW2 + 0x10);
	assert_int_equal(must_activate(vmm, EP, 3).address, PAIR_ADDRESS);
	/* Here only the last one has none but this address to go by */
	assert_stale(vmm, EP, 0, 0, REREAD | ALL);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(must_activate(vmm, EP, i).address, PAIR_ADDRESS);
	assert_int_equal(stats(vmm).stale, 0);

	/* More of them than are remembered */
	for (unsigned int i = 0; i < 3; i++) {
		migrate_to(vmm, WINDOW2 + 0x10000000 * i);
		assert_stale(vmm, EP, 0, 0, REREAD | ALL);
		must_activate(vmm, EP, i);
	}
	image = save(vmm);
	assert_int_equal(migrate_image(vmm, image, WINDOW_START, true), -ENODEV);
	image_free(image);
}

static void migrate_a_block_to_another_window(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old[4], pair;

	accept_events(vmm);
	start(vmm, 4, CONTIGUOUS);
	for (uint32_t i = 0; i < 3; i++)
		old[i] = must_activate(vmm, EP, i);
	assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	change(vmm, EP, 0, true);
	migrate_to(vmm, WINDOW2);
	/* One base, also for the one that is not armed */
	assert_int_equal(must_activate(vmm, EP, 0).data, old[0].data);
	pair = must_activate(vmm, EP, 3);
	assert_int_equal(pair.address, PAIR_ADDRESS);
	assert_int_equal(pair.data, old[0].data + 3);
	assert_int_equal(fire(vmm, EP, old[0].address, old[0].data), VIRTIO_IRQ_BLOCKED_FREED);
	assert_stale(vmm, EP, 0, 0, REREAD | ALL);
	/* Nor at the new address, and nothing of the kind is said */
	assert_int_equal(fire(vmm, EP, WINDOW2 + 0x10, old[0].data), VIRTIO_IRQ_BLOCKED_FREED);
	must_attach(vmm, EP);
	virtio_irq_core_eventq_reset(vmm->core);
	assert_stale(vmm, EP, 0, 1, 0);
	assert_stale(vmm, EP, 2, 2, 0);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(pair.address, WINDOW2 + 0x10);
	assert_int_equal(must_activate(vmm, EP, 3).data, pair.data + 3);
	assert_int_equal(must_activate(vmm, EP, 3).address, WINDOW2 + 0x10);
}

/* DEV-143, DEV-64 */
static void migrate_to_another_window_that_cannot_be(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	start(vmm, 1, 0);
	must_activate(vmm, EP, 0);
	image = save(vmm);
	assert_int_equal(migrate_image(vmm, image, WINDOW2, false), -ENODEV);
	assert_int_equal(migrate_image(vmm, image, WINDOW_START, false), 0);
	assert_int_equal(alloc_width(vmm, EP, 1, 1, 0, 32, NULL), VIRTIO_IRQ_S_OK);
	image_free(image);
	image = save(vmm);
	assert_int_equal(migrate_image(vmm, image, WINDOW2, true), -ENODEV);
	image_free(image);
}

/* DEV-126, DEV-127 hold across it */
static void migrate_drops_faults(void **state)
{
	struct vmm *vmm = *state;

	begin(vmm, 1);
	must_attach(vmm, EP2);
	virtio_irq_core_event_buffer(vmm->core);
	blocked(vmm, EP, 1);
	assert_unknown(vmm, EP, 1, 1, 0);
	blocked(vmm, EP, 2);
	migrate_to(vmm, WINDOW_START);
	assert_no_event(vmm);
	blocked(vmm, EP, 3);
	assert_no_event(vmm);
	blocked(vmm, EP2, 4);
	assert_unknown(vmm, EP2, 4, 1, OVERFLOW);
	virtio_irq_core_event_buffer(vmm->core);
	assert_unknown(vmm, EP, 3, 1, 0);
}

/* DEV-147 */
static void load_of_what_cannot_have_to_be_told_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_saved_vector *plain, *stale, *revoked, *freed, *block, *back;
	struct virtio_irq_saved_endpoint *ep;
	struct virtio_irq_which which;
	struct image image;
	unsigned int num = 0;

	begin(vmm, 4);
	revoke(vmm, EP, 3, VIRTIO_IRQ_S_QUOTA);
	which = one(EP, 3);
	assert_int_equal(virtio_irq_core_unrevoke(vmm->core, &which), 1);
	must_alloc(vmm, EP, 8, 2, CONTIGUOUS);
	must_alloc(vmm, EP, 12, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_activate(vmm, EP, 8);
	assert_int_equal(vfree(vmm, EP, 9, 1), VIRTIO_IRQ_S_OK);
	change(vmm, EP, 1, true);
	revoke(vmm, EP, 2, VIRTIO_IRQ_S_QUOTA);
	image = save(vmm);
	ep = image.eps;
	plain = saved(image, 0, 0);
	stale = saved(image, 0, 1);
	revoked = saved(image, 0, 2);
	block = saved(image, 0, 8);
	freed = saved(image, 0, 9);
	back = saved(image, 0, 3);
	assert_int_equal(back->flags, VIRTIO_IRQ_SAVED_STALE | VIRTIO_IRQ_SAVED_GIVEN_BACK |
			 VIRTIO_IRQ_SAVED_WAITING);
	assert_int_equal(stale->flags, VIRTIO_IRQ_SAVED_ARMED | VIRTIO_IRQ_SAVED_STALE |
			 VIRTIO_IRQ_SAVED_TOLD_OTHER | VIRTIO_IRQ_SAVED_OTHER_VALID |
			 VIRTIO_IRQ_SAVED_WAITING);
	assert_int_equal(revoked->flags, VIRTIO_IRQ_SAVED_REVOKED | VIRTIO_IRQ_SAVED_WAITING);
	assert_int_equal(migrate_image(vmm, image, WINDOW_START, true), 0);
	virtio_irq_core_reset(vmm->core);

#define BAD(field, value)							\
	do {									\
		__typeof__(field) good = field;					\
										\
		field = (value);						\
		if (load(vmm, image) != -EINVAL)				\
			fail_msg("%s = %s was taken", #field, #value);		\
		field = good;							\
		num++;								\
	} while (0)

	BAD(ep->flags, 1 << 4);
	BAD(ep->flags, VIRTIO_IRQ_SAVED_REREAD_WAITS);
	BAD(plain->flags, plain->flags | VIRTIO_IRQ_SAVED_WAITING);
	BAD(plain->flags, plain->flags | VIRTIO_IRQ_SAVED_TOLD_OTHER);
	BAD(plain->flags, plain->flags | VIRTIO_IRQ_SAVED_OTHER_VALID);
	BAD(plain->flags, plain->flags | VIRTIO_IRQ_SAVED_REVOKED);
	BAD(plain->flags, VIRTIO_IRQ_SAVED_OTHER_VALID);
	BAD(plain->other_data, plain->data ^ 1u << 25);
	BAD(plain->told_address, PAIR_ADDRESS);
	BAD(plain->reason, VIRTIO_IRQ_S_QUOTA);
	BAD(stale->other_data, 0);
	BAD(stale->other_data, stale->data);
	BAD(stale->other_data, stale->other_data ^ 1);
	BAD(stale->other_data, stale->other_data ^ 0x100);
	BAD(stale->other_data, stale->other_data & 0x1ffffff);
	BAD(stale->told_address, PAIR_ADDRESS + 1);
	BAD(stale->reason, VIRTIO_IRQ_S_QUOTA);
	BAD(stale->flags, stale->flags | VIRTIO_IRQ_SAVED_REVOKED);
	BAD(stale->flags, stale->flags & ~VIRTIO_IRQ_SAVED_STALE);
	BAD(revoked->reason, 0);
	BAD(revoked->reason, VIRTIO_IRQ_S_BUSY);
	BAD(revoked->reason, 0x100 + VIRTIO_IRQ_S_QUOTA);
	BAD(revoked->flags, revoked->flags | VIRTIO_IRQ_SAVED_COMMITTED);
	BAD(revoked->flags, revoked->flags | VIRTIO_IRQ_SAVED_ARMED);
	BAD(revoked->flags, revoked->flags | VIRTIO_IRQ_SAVED_STALE);
	BAD(revoked->other_data, revoked->data ^ 1u << 25);
	BAD(revoked->told_address, PAIR_ADDRESS);
	BAD(freed->flags, freed->flags | VIRTIO_IRQ_SAVED_STALE);
	BAD(freed->flags, freed->flags | VIRTIO_IRQ_SAVED_WAITING);
	BAD(freed->reason, VIRTIO_IRQ_S_QUOTA);
	BAD(freed->flags, freed->flags | VIRTIO_IRQ_SAVED_REVOKED);
	/* The others of its block have this generation */
	BAD(block->data, block->data ^ 1u << 25);
	BAD(back->flags, VIRTIO_IRQ_SAVED_GIVEN_BACK);
	BAD(back->flags, back->flags | VIRTIO_IRQ_SAVED_ARMED);
	BAD(revoked->flags, revoked->flags | VIRTIO_IRQ_SAVED_GIVEN_BACK);
	assert_int_equal(num, 35);
	assert_int_equal(load(vmm, image), 0);
	virtio_irq_core_reset(vmm->core);

	/* Without the feature there is nothing of the kind */
	virtio_irq_core_set_features(vmm->core, 0);
	assert_int_equal(load(vmm, image), -EINVAL);
	image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(events_of_a_kind_are_merged),
		unit(events_end_where_indices_do),
		unit(events_are_kept_until_there_is_a_buffer),
		unit(events_come_again_after_a_reset_of_the_queue),
		unit(events_are_found_at_once),
		unit(faults_of_an_endpoint_come_one_at_a_time),
		unit(faults_are_counted_or_dropped),
		unit(faults_come_after_what_must_not_be_lost),
		unit(faults_say_what_was_blocked),
		unit(faults_are_not_of_vectors_that_are_not_armed),
		unit(faults_need_the_feature),
		unit(migrate_keeps_what_has_to_be_told),
		unit(migrate_to_another_window),
		unit(reread_comes_again_after_a_reset_of_the_queue),
		unit(migrate_again_before_the_driver_has_asked),
		unit(migrate_a_block_to_another_window),
		unit(migrate_to_another_window_that_cannot_be),
		unit(migrate_drops_faults),
		unit(load_of_what_cannot_have_to_be_told_is_einval),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
