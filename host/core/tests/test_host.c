// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the core asks of the VMM and tells it, and what the VMM may ask of the
 * core: ops, limits and their counters, work, resolve.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>

#include "harness.h"

#define COMMIT		VIRTIO_IRQ_ALLOC_F_COMMIT
#define CONTIGUOUS	VIRTIO_IRQ_ALLOC_F_CONTIGUOUS
#define DATA16		VIRTIO_IRQ_ALLOC_F_DATA16

#define NONE		UINT32_MAX

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

static void use_pasids(struct vmm *vmm)
{
	vmm->info.pasid_width = 4;
	virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_PASID);
}

/* ops->route_changed */

static void assert_changed(struct vmm *vmm, unsigned int changes, uint32_t index,
			   enum virtio_irq_verdict verdict, uint64_t address)
{
	assert_int_equal(vmm->changes, changes);
	assert_int_equal(vmm->changed.store, 0);
	assert_int_equal(vmm->changed.index, index);
	assert_int_equal(vmm->changed.verdict, verdict);
	assert_true(vmm->changed.route.address == address);
}

static void route_changed_tells_each_change_and_nothing_else(void **state)
{
	struct vmm *vmm = *state;

	use_pasids(vmm);
	start(vmm, 2, COMMIT);
	assert_int_equal(vmm->changes, 0);
	vmm->changed.data = data_of(vmm, EP, 1);
	must_activate(vmm, EP, 1);
	assert_changed(vmm, 1, 1, VIRTIO_IRQ_DELIVERED, ROUTE_ADDRESS);
	assert_int_equal(vmm->changed.route.data, 0x4001);
	must_activate(vmm, EP, 1);
	assert_int_equal(activate(vmm, EP, 1, ROUTE_REFUSED, 1, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(vmm->changes, 1);
	/* Each part of it alone */
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS, 2, NULL), 0);
	assert_changed(vmm, 2, 1, VIRTIO_IRQ_DELIVERED, ROUTE_ADDRESS);
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS2, 2, NULL), 0);
	assert_changed(vmm, 3, 1, VIRTIO_IRQ_DELIVERED, ROUTE_ADDRESS2);
	vmm->has_pasid = true;
	for (vmm->pasid = 0; vmm->pasid < 2; vmm->pasid++) {
		assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS2, 2, NULL), 0);
		assert_changed(vmm, 4 + vmm->pasid, 1, VIRTIO_IRQ_DELIVERED, ROUTE_ADDRESS2);
	}
	assert_int_equal(deactivate(vmm, EP, 0), 0);
	assert_int_equal(commit(vmm, EP, 0, 2), 0);
	assert_int_equal(release(vmm, EP, 0, 2), 0);
	assert_int_equal(vmm->changes, 5);
	/* The resource is there until nothing leads to it any more */
	assert_int_equal(vmm->taken, 1);
	assert_int_equal(deactivate(vmm, EP, 1), 0);
	assert_changed(vmm, 6, 1, VIRTIO_IRQ_BLOCKED_FREED, 0);
	assert_int_equal(vmm->changed.taken, 1);
	assert_int_equal(vmm->taken, 0);
	assert_int_equal(deactivate(vmm, EP, 1), 0);
	assert_int_equal(vfree(vmm, EP, 0, 2), 0);
	assert_int_equal(vmm->changes, 6);
}

static void route_changed_tells_of_every_way_to_be_disarmed(void **state)
{
	struct vmm *vmm = *state;

	for (unsigned int way = 0; way < 4; way++) {
		start(vmm, 8, 0);
		for (uint32_t i = 2; i < 5; i++)
			must_activate(vmm, EP, i);
		vmm->changes = 0;
		vmm->changed.data = data_of(vmm, EP, 4);
		switch (way) {
		case 0:
			assert_int_equal(vfree(vmm, EP, 0, 2048), 0);
			break;
		case 1:
			assert_int_equal(detach(vmm, EP), 0);
			break;
		case 2:
			virtio_irq_core_reset(vmm->core);
			break;
		case 3:
			virtio_irq_core_endpoint_gone(vmm->core, EP);
			break;
		}
		assert_int_equal(vmm->changes, 3);
		assert_int_equal(vmm->changed.verdict, VIRTIO_IRQ_BLOCKED_FREED);
		virtio_irq_core_reset(vmm->core);
	}
}

static void route_changed_tells_of_what_a_load_arms(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	start(vmm, 8, COMMIT);
	for (uint32_t i = 2; i < 5; i++)
		must_activate(vmm, EP, i);
	vmm->changed.data = data_of(vmm, EP, 4);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	vmm->changes = 0;
	assert_int_equal(load(vmm, image), 0);
	assert_int_equal(vmm->changes, 3);
	assert_int_equal(vmm->changed.verdict, VIRTIO_IRQ_DELIVERED);
	/* And of what is disarmed again where it fails */
	virtio_irq_core_reset(vmm->core);
	vmm->changes = 0;
	saved(image, 0, 4)->route_address = ROUTE_REFUSED;
	assert_int_equal(load(vmm, image), -EINVAL);
	assert_int_equal(vmm->changes, 4);
	image_free(image);
}

/* ops->pair */

static void pair_of_the_host_is_reported(void **state)
{
	struct virtio_irq_vector_info info;
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	start(vmm, 4, DATA16);
	vmm->host_pair = (struct virtio_irq_msg) { .address = WINDOW_START + 0x100, .data = 77 };
	vmm->host_stride = 0x20;
	for (uint32_t i = 0; i < 4; i++) {
		pair = must_activate(vmm, EP, i);
		assert_true(pair.address == WINDOW_START + 0x100 + i * 0x20);
		assert_int_equal(pair.data, 77);
		assert_true(vector(vmm, EP, i, &info));
		assert_true(info.pair.address == pair.address);
		assert_int_equal(info.pair.data, 77);
	}
}

/* "To an address that the endpoint's pairs have, or had since ATTACH: blocked" */
static void pair_address_of_the_host_is_blocked_until_detach(void **state)
{
	const uint64_t first = WINDOW_START + 0x100, last = first + 3 * 0x20;
	struct virtio_irq_msg own;
	struct vmm *vmm = *state;

	start(vmm, 5, 0);
	own = must_activate(vmm, EP, 4);
	assert_int_equal(fire(vmm, EP, first, 0), VIRTIO_IRQ_PASS);
	vmm->host_pair = (struct virtio_irq_msg) { .address = first, .data = 77 };
	vmm->host_stride = 0x20;
	for (uint32_t i = 4; i--;)
		must_activate(vmm, EP, i);
	for (unsigned int round = 0; round < 3; round++) {
		assert_int_equal(fire(vmm, EP, first, 77), VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(fire(vmm, EP, first, 78), VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(fire(vmm, EP, last, 77), VIRTIO_IRQ_BLOCKED_FREED);
		/* Between two of them nobody has anything to say either */
		assert_int_equal(fire(vmm, EP, first + 4, 77), VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(fire(vmm, EP, first - 4, 77), VIRTIO_IRQ_PASS);
		assert_int_equal(fire(vmm, EP, last + 4, 77), VIRTIO_IRQ_PASS);
		assert_int_equal(fire(vmm, EP, own.address, own.data), VIRTIO_IRQ_DELIVERED);
		/* What they would have without the host finds nothing */
		for (uint32_t i = 0; round < 2 && i < 4; i++)
			assert_int_equal(fire(vmm, EP, own.address, own.data - 4 + i),
					 VIRTIO_IRQ_BLOCKED_FREED);
		if (round == 0) {
			for (uint32_t i = 0; i < 4; i++)
				assert_int_equal(deactivate(vmm, EP, i), 0);
		} else {
			assert_int_equal(vfree(vmm, EP, 0, 4), 0);
		}
	}
	assert_int_equal(detach(vmm, EP), 0);
	vmm->host_pair.address = 0;
	start(vmm, 1, 0);
	assert_int_equal(fire(vmm, EP, first, 77), VIRTIO_IRQ_PASS);
}

/* DEV-64, DEV-65, DEV-67: then it is the host that has failed, and nothing has changed */
static void pair_of_the_host_that_cannot_be_is_deverr(void **state)
{
	static const struct virtio_irq_msg bad[] = {
		{ .address = WINDOW_START + 2 },
		{ .address = WINDOW_START - 4 },
		{ .address = WINDOW_END + 1 },
		{ .address = WINDOW_START + 4, .data = 0x10000 },
	};
	struct vmm *vmm = *state;

	start(vmm, 1, DATA16);
	for (unsigned int committed = 0; committed <= 1; committed++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			vmm->host_pair = bad[i];
			assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL),
					 VIRTIO_IRQ_S_DEVERR);
			assert_int_equal(stats(vmm).armed, 0);
			assert_int_equal(stats(vmm).committed, committed);
			assert_int_equal(vmm->taken, committed);
			assert_int_equal(vmm->changes, 0);
		}
		assert_int_equal(commit(vmm, EP, 0, 1), 0);
	}
	vmm->host_pair = (struct virtio_irq_msg) { .address = WINDOW_START + 4, .data = 0xffff };
	must_activate(vmm, EP, 0);
	/* A refused re-route leaves the old one */
	vmm->host_pair.data = 0x10000;
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 0, NULL), VIRTIO_IRQ_S_DEVERR);
	assert_int_equal(vmm->changes, 1);
	assert_int_equal(stats(vmm).armed, 1);
	vmm->host_pair.data = 0xffff;

	/* An address that the store cannot hold */
	assert_int_equal(detach(vmm, EP), 0);
	vmm->info.window_end = UINT64_C(0x1ffffffff);
	must_attach(vmm, EP);
	assert_int_equal(alloc_width(vmm, EP, 0, 1, 0, 32, NULL), 0);
	vmm->host_pair.address = UINT64_C(0x100000000);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_DEVERR);
	vmm->host_pair.address = UINT64_C(0xfffffffc);
	must_activate(vmm, EP, 0);
}

/* No other host honours it, and another one's are not what the guest has written down */
static void pair_of_the_host_does_not_travel(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	start(vmm, 2, 0);
	must_activate(vmm, EP, 0);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	vmm->host_pair.address = WINDOW_START + 0x100;
	assert_int_equal(load(vmm, image), -ENODEV);
	image_free(image);

	start(vmm, 2, 0);
	must_activate(vmm, EP, 1);
	image = save(vmm);
	assert_int_equal(saved(image, 0, 1)->flags,
			 VIRTIO_IRQ_SAVED_ARMED | VIRTIO_IRQ_SAVED_HOST_PAIR);
	virtio_irq_core_reset(vmm->core);
	vmm->host_pair.address = 0;
	assert_int_equal(load(vmm, image), -ENODEV);
	saved(image, 0, 1)->flags &= ~(uint32_t)VIRTIO_IRQ_SAVED_HOST_PAIR;
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

/* ops->attach and the limit of endpoints */

/* DEV-162 */
static void attach_when_all_places_are_taken_is_told_last(void **state)
{
	struct vmm *vmm = *state;

	for (uint32_t i = 0; i < vmm->config.max_endpoints; i++)
		must_attach(vmm, 100 + i);
	assert_int_equal(attach(vmm, EP_DENIED), VIRTIO_IRQ_S_PERM);
	assert_int_equal(attach(vmm, EP_ABSENT), VIRTIO_IRQ_S_NOENT);
	vmm->attach_status = VIRTIO_IRQ_S_BUSY;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_BUSY);
	vmm->attach_status = 0;
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_MAX_ENDPOINTS], 0);
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_MAX_ENDPOINTS], 2);
	/* The VMM has got back what it had given */
	assert_int_equal(vmm->attached - vmm->detached, vmm->config.max_endpoints);
	assert_null(vmm_ep(vmm, EP));
	assert_int_equal(attach(vmm, 100), VIRTIO_IRQ_S_OK);
	assert_int_equal(detach(vmm, 101), VIRTIO_IRQ_S_OK);
	must_attach(vmm, EP);
}

/* What the driver is told */

static void attach_tells_no_block_larger_than_a_request(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3, 4, 31, 32, 33 };
	static const uint8_t orders[] = { 0, 1, 1, 2, 4, 5, 5 };
	struct vmm *vmm = *state;
	struct image image;

	/* DEV-164 */
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		vmm_free_core(vmm);
		vmm->config.max_count = counts[i];
		vmm_new_core(vmm);
		must_attach(vmm, EP);
		image = save(vmm);
		assert_int_equal(image.eps[0].stores[0].multi_msi, orders[i]);
		image_free(image);
		must_alloc(vmm, EP, 0, 1u << orders[i], CONTIGUOUS);
	}
	/* What is less stays */
	assert_int_equal(detach(vmm, EP), 0);
	vmm->info.stores[0].multi_msi = 3;
	must_attach(vmm, EP);
	assert_int_equal(alloc(vmm, EP, 0, 9, CONTIGUOUS, NULL), VIRTIO_IRQ_S_RANGE);
}

/* DEV-48, DEV-10: without the feature nobody is isolated */
static void attach_isolates_only_with_the_feature(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	vmm->info.isolated = true;
	for (unsigned int with = 0; with <= 1; with++) {
		virtio_irq_core_set_features(vmm->core,
					     (uint64_t)with << VIRTIO_IRQ_F_ISOLATED);
		must_attach(vmm, EP);
		assert_int_equal(vmm->rsp[8], with ? VIRTIO_IRQ_ATTACH_F_ISOLATED : 0);
		assert_int_equal(fire(vmm, EP, WINDOW_START, 0),
				 with ? VIRTIO_IRQ_BLOCKED_UNKNOWN : VIRTIO_IRQ_PASS);
		image = save(vmm);
		assert_int_equal(image.eps[0].isolated, with);
		image_free(image);
		assert_int_equal(detach(vmm, EP), 0);
	}
}

/* DEV-52 */
static void attach_with_a_window_of_broken_words_is_deverr(void **state)
{
	struct vmm *vmm = *state;

	vmm->info.window_start = WINDOW_START + 2;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm->info.window_start = WINDOW_START;
	vmm->info.window_end = WINDOW_END - 1;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	assert_int_equal(vmm->attached, vmm->detached);
	vmm->info.window_end = WINDOW_END - 4;
	must_attach(vmm, EP);
}

/* Stores that want COMMIT */

/* DEV-86 */
static void activate_before_commit_is_busy_where_the_store_wants_it(void **state)
{
	struct vmm *vmm = *state;

	vmm->info.stores[0].flags = VIRTIO_IRQ_STORE_F_COMMIT;
	start(vmm, 4, 0);
	assert_int_equal(activate(vmm, EP, 4, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_BUSY);
	/* Before what its route is worth */
	assert_int_equal(activate(vmm, EP, 0, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(vmm->commits, 0);
	assert_int_equal(stats(vmm).armed, 0);
	assert_int_equal(commit(vmm, EP, 0, 1), 0);
	must_activate(vmm, EP, 0);
	/* It has what it needs while it is armed */
	assert_int_equal(release(vmm, EP, 0, 1), 0);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 0, NULL), 0);
	assert_int_equal(deactivate(vmm, EP, 0), 0);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_BUSY);
	/* By ALLOC as well */
	must_alloc(vmm, EP, 1, 1, COMMIT);
	must_activate(vmm, EP, 1);
}

/* Counters of limits */

static struct virtio_irq_endpoint_info endpoints[4];
static size_t num_endpoints;

static bool append(void *arg, const struct virtio_irq_endpoint_info *ep)
{
	assert_true(num_endpoints < ARRAY_SIZE(endpoints));
	endpoints[num_endpoints++] = *ep;
	/* Stops where it is told to */
	return num_endpoints != *(size_t *)arg;
}

static void walk(struct vmm *vmm, size_t most)
{
	num_endpoints = 0;
	virtio_irq_core_walk_endpoints(vmm->core, append, &most);
}

static void limits_are_counted_one_by_one(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 100;
	vmm_new_core(vmm);
	must_attach(vmm, EP);
	must_attach(vmm, EP2);

	limit(vmm, 4, NONE, NONE, NONE);
	assert_int_equal(alloc(vmm, EP, 0, 9, 0, &granted), 0);
	assert_int_equal(granted, 4);
	assert_int_equal(vmm->reason, VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_VECTORS], 1);
	limit(vmm, NONE, 4, NONE, NONE);
	assert_int_equal(alloc(vmm, EP, 4, 1, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(alloc(vmm, EP, 4, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_ENDPOINT_VECTORS], 2);
	limit(vmm, NONE, NONE, 2, NONE);
	assert_int_equal(commit(vmm, EP, 0, 3), VIRTIO_IRQ_S_QUOTA);
	must_activate(vmm, EP, 0);
	must_activate(vmm, EP, 1);
	assert_int_equal(activate(vmm, EP, 2, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(alloc(vmm, EP, 2, 2, COMMIT, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_COMMITTED], 3);
	limit(vmm, NONE, NONE, NONE, 2);
	assert_int_equal(activate(vmm, EP, 2, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_POOL], 1);
	limit(vmm, NONE, NONE, NONE, NONE);
	assert_int_equal(alloc(vmm, EP2, 0, 1000, 0, &granted), 0);
	assert_int_equal(granted, 96);
	assert_int_equal(vmm->reason, VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_MAX_VECTORS], 1);

	/* What the endpoint has asked wrongly is no refusal of the host */
	assert_int_equal(deactivate(vmm, EP, 77), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, 2, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_RANGE);
	/* And not every one is a limit of ours */
	vmm->commit_status = VIRTIO_IRQ_S_PERM;
	assert_int_equal(activate(vmm, EP2, 2, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_PERM);
	walk(vmm, 4);
	assert_int_equal(num_endpoints, 2);
	assert_int_equal(endpoints[0].endpoint, EP);
	assert_int_equal(endpoints[0].allocated, 4);
	assert_int_equal(endpoints[0].refused, 6);
	assert_int_equal(endpoints[0].limited, 7);
	assert_int_equal(endpoints[1].endpoint, EP2);
	assert_int_equal(endpoints[1].allocated, 96);
	assert_int_equal(endpoints[1].refused, 1);
	assert_int_equal(endpoints[1].limited, 1);
	walk(vmm, 1);
	assert_int_equal(num_endpoints, 1);
}

/* DEV-166: the reason, whatever it is */
static void alloc_tells_what_ended_its_grant(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	vmm->info.stores[0].size = 16;
	start(vmm, 2, 0);
	must_alloc(vmm, EP, 4, 1, DATA16);
	assert_int_equal(alloc(vmm, EP, 0, 6, 0, &granted), 0);
	assert_int_equal(granted, 4);
	assert_int_equal(vmm->reason, VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 10, 7, 0, &granted), 0);
	assert_int_equal(granted, 6);
	assert_int_equal(vmm->reason, VIRTIO_IRQ_S_RANGE);
	vmm->commit_limit = 3;
	vmm->commit_status = VIRTIO_IRQ_S_PERM;
	assert_int_equal(alloc(vmm, EP, 10, 6, COMMIT, &granted), 0);
	assert_int_equal(granted, 3);
	assert_int_equal(vmm->reason, VIRTIO_IRQ_S_PERM);
	/* In full it is nothing */
	assert_int_equal(alloc(vmm, EP, 10, 3, COMMIT, &granted), 0);
	assert_int_equal(granted, 3);
	assert_int_equal(vmm->reason, 0);
}

static void status_of_an_errno(void **state)
{
	static const struct {
		int result;
		uint8_t status;
	} table[] = {
		{ 0, VIRTIO_IRQ_S_OK },
		{ 1, VIRTIO_IRQ_S_NOSPC },
		{ INT32_MAX, VIRTIO_IRQ_S_NOSPC },
		{ -ENOSPC, VIRTIO_IRQ_S_NOSPC },
		{ -ENOMEM, VIRTIO_IRQ_S_NOMEM },
		{ -EBUSY, VIRTIO_IRQ_S_BUSY },
		{ -EAGAIN, VIRTIO_IRQ_S_BUSY },
		{ -EPERM, VIRTIO_IRQ_S_PERM },
		{ -EACCES, VIRTIO_IRQ_S_PERM },
		{ -EDQUOT, VIRTIO_IRQ_S_QUOTA },
		{ -EINVAL, VIRTIO_IRQ_S_DEVERR },
		{ -EIO, VIRTIO_IRQ_S_DEVERR },
		{ INT32_MIN, VIRTIO_IRQ_S_DEVERR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(virtio_irq_status_from_errno(table[i].result), table[i].status);
}

/* virtio_irq_core_work() */

static uint64_t work_since(struct vmm *vmm, uint64_t *last)
{
	uint64_t work = virtio_irq_core_work(vmm->core), since = work - *last;

	*last = work;
	return since;
}

/* A request is as much work as it has vectors; DEV-155 */
static void work_grows_with_requests_and_vectors(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	uint64_t last = 0;

	must_attach(vmm, EP);
	assert_int_equal(work_since(vmm, &last), 1);
	request(vmm, NULL, 0, 0);
	assert_int_equal(work_since(vmm, &last), 1);
	must_alloc(vmm, EP, 0, 1000, 0);
	assert_in_range(work_since(vmm, &last), 1001, 2001);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(work_since(vmm, &last), 2);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(work_since(vmm, &last), 0);
	assert_int_equal(commit(vmm, EP, 0, 1000), 0);
	assert_in_range(work_since(vmm, &last), 1001, 3001);
	/* What is not there has been looked for */
	assert_int_equal(vfree(vmm, EP, 1000, 1000), 0);
	assert_in_range(work_since(vmm, &last), 1001, 2001);
	assert_int_equal(vfree(vmm, EP, 0, 500), 0);
	assert_in_range(work_since(vmm, &last), 501, 1001);
	/* What cannot be there has not */
	assert_int_equal(vfree(vmm, EP2, 0, 2048), 0);
	assert_int_equal(work_since(vmm, &last), 1);
	assert_int_equal(detach(vmm, EP), 0);
	assert_int_equal(work_since(vmm, &last), 501);
}

/* Each endpoint and each vector once, however many others there are */
static void work_of_a_reset_is_linear(void **state)
{
	struct vmm *vmm = *state;
	uint64_t last;

	vmm_free_core(vmm);
	vmm->config.max_endpoints = 64;
	vmm_new_core(vmm);
	for (uint32_t num = 1; num <= 64; num *= 4) {
		for (uint32_t ep = 0; ep < num; ep++) {
			must_attach(vmm, 100 + ep);
			must_alloc(vmm, 100 + ep, 0, 64, 0);
			must_activate(vmm, 100 + ep, 63);
		}
		vmm->detached = 0;
		vmm->attached = num;
		last = virtio_irq_core_work(vmm->core);
		virtio_irq_core_reset(vmm->core);
		assert_int_equal(work_since(vmm, &last), num * 64);
		assert_int_equal(vmm->detached, num);
	}
}

static void resolve_counts_nothing_and_delivers_nothing(void **state)
{
	struct virtio_irq_vector_info info;
	struct virtio_irq_msg pair, route;
	struct vmm *vmm = *state;

	start(vmm, 2, 0);
	pair = must_activate(vmm, EP, 1);
	assert_int_equal(resolve(vmm, EP, pair.address, pair.data, &route), VIRTIO_IRQ_DELIVERED);
	assert_true(route.address == ROUTE_ADDRESS);
	assert_int_equal(route.data, 0x4001);
	assert_int_equal(resolve(vmm, EP, pair.address, 0, &route), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(resolve(vmm, EP, WINDOW_START, 0, &route), VIRTIO_IRQ_PASS);
	vmm->has_pasid = true;
	assert_int_equal(resolve(vmm, EP, pair.address, pair.data, &route),
			 VIRTIO_IRQ_BLOCKED_PASID);
	for (unsigned int i = 0; i < VIRTIO_IRQ_NUM_VERDICTS; i++)
		assert_int_equal(stats(vmm).messages[i], 0);
	assert_int_equal(vmm_ep(vmm, EP)->delivered, 0);
	assert_true(vector(vmm, EP, 1, &info));
	assert_int_equal(info.delivered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(route_changed_tells_each_change_and_nothing_else),
		unit(route_changed_tells_of_every_way_to_be_disarmed),
		unit(route_changed_tells_of_what_a_load_arms),
		unit(pair_of_the_host_is_reported),
		unit(pair_address_of_the_host_is_blocked_until_detach),
		unit(pair_of_the_host_that_cannot_be_is_deverr),
		unit(pair_of_the_host_does_not_travel),
		unit(attach_when_all_places_are_taken_is_told_last),
		unit(attach_tells_no_block_larger_than_a_request),
		unit(attach_isolates_only_with_the_feature),
		unit(attach_with_a_window_of_broken_words_is_deverr),
		unit(activate_before_commit_is_busy_where_the_store_wants_it),
		unit(limits_are_counted_one_by_one),
		unit(alloc_tells_what_ended_its_grant),
		unit(status_of_an_errno),
		unit(work_grows_with_requests_and_vectors),
		unit(work_of_a_reset_is_linear),
		unit(resolve_counts_nothing_and_delivers_nothing),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
