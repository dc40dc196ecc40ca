// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about the form of requests and replies, about cores and endpoints.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define HEAD	sizeof(struct virtio_irq_rsp_head)

/* Every type: its lengths, and which of its bytes are reserved */
static const struct {
	uint8_t type;
	size_t req_size;
	size_t rsp_size;
	uint32_t reserved;
} forms[] = {
	{ VIRTIO_IRQ_T_ATTACH, 16, 16 + VIRTIO_IRQ_CORE_TLV_MIN, 0x0000ff0e },
	{ VIRTIO_IRQ_T_DETACH, 16, 8, 0x0000ff0e },
	{ VIRTIO_IRQ_T_ALLOC, 24, 16, 0x00e0000e },
	{ VIRTIO_IRQ_T_COMMIT, 24, 8, 0x00f00c0e },
	{ VIRTIO_IRQ_T_RELEASE, 24, 8, 0x00f00c0e },
	{ VIRTIO_IRQ_T_ACTIVATE, 32, 24, 0x0000000e },
	{ VIRTIO_IRQ_T_DEACTIVATE, 16, 8, 0x00000c0e },
	{ VIRTIO_IRQ_T_FREE, 24, 8, 0x00f00c0e },
};

/* A request of the type that succeeds after start(vmm, 8, COMMIT) */
static void good_request(uint8_t type, uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX])
{
	struct virtio_irq_req_alloc alloc_req = { .count = htole32(1), .addr_width = 64 };
	struct virtio_irq_req_range range_req = { .count = htole32(1) };
	struct virtio_irq_req_activate act = { .address = htole64(ROUTE_ADDRESS) };
	struct virtio_irq_req_head head = { .type = type, .endpoint = htole32(EP) };

	memset(req, 0, VIRTIO_IRQ_CORE_REQ_MAX);
	if (type == VIRTIO_IRQ_T_ALLOC)
		memcpy(req, &alloc_req, sizeof(alloc_req));
	else if (type == VIRTIO_IRQ_T_ACTIVATE)
		memcpy(req, &act, sizeof(act));
	else if (type != VIRTIO_IRQ_T_ATTACH && type != VIRTIO_IRQ_T_DETACH &&
		 type != VIRTIO_IRQ_T_DEACTIVATE)
		memcpy(req, &range_req, sizeof(range_req));
	memcpy(req, &head, sizeof(head));
}

/* What could have changed */
static struct virtio_irq_stats gauges(struct vmm *vmm)
{
	struct virtio_irq_stats s = stats(vmm);

	return (struct virtio_irq_stats) {
		.endpoints = s.endpoints,
		.allocated = s.allocated,
		.committed = s.committed,
		.armed = s.armed,
	};
}

static void start_one_armed(struct vmm *vmm)
{
	start(vmm, 8, VIRTIO_IRQ_ALLOC_F_COMMIT);
	must_activate(vmm, EP, 1);
}

static void assert_unchanged(struct vmm *vmm, const struct virtio_irq_stats *before)
{
	struct virtio_irq_stats after = gauges(vmm);

	assert_memory_equal(before, &after, sizeof(after));
}

/* DEV-31 */
static void request_every_type_has_its_success_length(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct vmm *vmm = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		must_attach(vmm, EP);
		assert_int_equal(vfree(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
		must_alloc(vmm, EP, 0, 8, VIRTIO_IRQ_ALLOC_F_COMMIT);
		good_request(forms[i].type, req);
		assert_int_equal(request(vmm, req, forms[i].req_size, forms[i].rsp_size),
				 VIRTIO_IRQ_S_OK);
		assert_int_equal(vmm->used, forms[i].rsp_size);
	}
}

/* DEV-31, DEV-39 */
static void request_success_length_does_not_depend_on_room(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct vmm *vmm = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		must_attach(vmm, EP);
		assert_int_equal(vfree(vmm, EP, 0, 8), VIRTIO_IRQ_S_OK);
		must_alloc(vmm, EP, 0, 8, VIRTIO_IRQ_ALLOC_F_COMMIT);
		good_request(forms[i].type, req);
		assert_int_equal(request(vmm, req, forms[i].req_size, forms[i].rsp_size + 40),
				 VIRTIO_IRQ_S_OK);
		assert_int_equal(vmm->used, forms[i].rsp_size);
	}
}

/* DEV-34, DEV-41 */
static void request_wrong_readable_length_is_inval(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX + 8] = { 0 };
	struct virtio_irq_stats before;
	struct vmm *vmm = *state;
	uint64_t malformed = 0;

	start_one_armed(vmm);
	before = gauges(vmm);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		good_request(forms[i].type, req);
		for (size_t size = 0; size <= sizeof(req); size++) {
			if (size == forms[i].req_size)
				continue;
			assert_int_equal(request(vmm, req, size, forms[i].rsp_size),
					 VIRTIO_IRQ_S_INVAL);
			assert_int_equal(vmm->used, HEAD);
			assert_unchanged(vmm, &before);
			assert_int_equal(stats(vmm).malformed, ++malformed);
		}
	}
}

/* DEV-33, DEV-41 */
static void request_short_writable_part_is_inval_and_changes_nothing(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct virtio_irq_stats before;
	struct vmm *vmm = *state;

	start_one_armed(vmm);
	before = gauges(vmm);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		good_request(forms[i].type, req);
		for (size_t size = HEAD; size < forms[i].rsp_size; size++) {
			assert_int_equal(request(vmm, req, forms[i].req_size, size),
					 VIRTIO_IRQ_S_INVAL);
			assert_int_equal(vmm->used, HEAD);
			assert_unchanged(vmm, &before);
		}
	}
}

/* DEV-32, DEV-33 */
static void request_without_room_for_a_status_uses_nothing_and_changes_nothing(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct virtio_irq_stats before;
	struct vmm *vmm = *state;

	start_one_armed(vmm);
	before = gauges(vmm);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		good_request(forms[i].type, req);
		for (size_t size = 0; size < HEAD; size++) {
			assert_int_equal(request(vmm, req, forms[i].req_size, size), NO_STATUS);
			assert_int_equal(vmm->used, 0);
			assert_unchanged(vmm, &before);
		}
	}
}

/* DEV-34 */
static void request_unknown_type_is_unsupp_in_8_bytes(void **state)
{
	uint8_t req[64] = { 0 };
	struct vmm *vmm = *state;

	for (unsigned int type = 0; type <= UINT8_MAX; type++) {
		if (virtio_irq_type_name((uint8_t)type))
			continue;
		req[0] = (uint8_t)type;
		for (size_t size = 8; size <= sizeof(req); size += 8) {
			assert_int_equal(request(vmm, req, size, 24), VIRTIO_IRQ_S_UNSUPP);
			assert_int_equal(vmm->used, HEAD);
		}
		assert_int_equal(request(vmm, req, 8, 7), NO_STATUS);
		/* Too short to have a type */
		assert_int_equal(request(vmm, req, 7, 8), VIRTIO_IRQ_S_INVAL);
	}
	assert_int_equal(stats(vmm).requests[0], 248 * (8 + 1 + 1));
}

/* DEV-34 */
static void request_reserved_byte_is_inval(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct virtio_irq_stats before;
	struct vmm *vmm = *state;

	start_one_armed(vmm);
	before = gauges(vmm);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		for (unsigned int bit = 0; bit < forms[i].req_size * 8; bit++) {
			if (!(forms[i].reserved >> bit / 8 & 1))
				continue;
			good_request(forms[i].type, req);
			req[bit / 8] = (uint8_t)(1u << bit % 8);
			assert_int_equal(request(vmm, req, forms[i].req_size, forms[i].rsp_size),
					 VIRTIO_IRQ_S_INVAL);
			assert_unchanged(vmm, &before);
		}
	}
	assert_int_equal(stats(vmm).malformed, 0);
}

/* DEV-34 */
static void request_unknown_flag_is_inval(void **state)
{
	struct virtio_irq_req_activate act;
	struct virtio_irq_req_alloc req;
	struct virtio_irq_stats before;
	uint8_t bytes[VIRTIO_IRQ_CORE_REQ_MAX];
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	before = gauges(vmm);
	for (unsigned int bit = 3; bit < 16; bit++) {
		good_request(VIRTIO_IRQ_T_ALLOC, bytes);
		memcpy(&req, bytes, sizeof(req));
		req.flags = htole16(1u << bit);
		assert_int_equal(request(vmm, &req, sizeof(req), 16), VIRTIO_IRQ_S_INVAL);
	}
	for (unsigned int bit = 1; bit < 16; bit++) {
		good_request(VIRTIO_IRQ_T_ACTIVATE, bytes);
		memcpy(&act, bytes, sizeof(act));
		act.flags = htole16(1u << bit);
		assert_int_equal(request(vmm, &act, sizeof(act), 24), VIRTIO_IRQ_S_INVAL);
	}
	assert_unchanged(vmm, &before);
}

/* DEV-85 */
static void request_pasid_is_unsupp_until_offered(void **state)
{
	uint8_t bytes[VIRTIO_IRQ_CORE_REQ_MAX];
	struct virtio_irq_req_activate act;
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	good_request(VIRTIO_IRQ_T_ACTIVATE, bytes);
	memcpy(&act, bytes, sizeof(act));
	act.flags = htole16(VIRTIO_IRQ_ACTIVATE_F_PASID_VALID);
	assert_int_equal(request(vmm, &act, sizeof(act), 24), VIRTIO_IRQ_S_UNSUPP);
	act.pasid = htole32(5);
	assert_int_equal(request(vmm, &act, sizeof(act), 24), VIRTIO_IRQ_S_UNSUPP);
	assert_int_equal(stats(vmm).armed, 0);
}

static void request_pasid_without_its_flag_is_inval(void **state)
{
	uint8_t bytes[VIRTIO_IRQ_CORE_REQ_MAX];
	struct virtio_irq_req_activate act;
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	good_request(VIRTIO_IRQ_T_ACTIVATE, bytes);
	memcpy(&act, bytes, sizeof(act));
	act.pasid = htole32(5);
	assert_int_equal(request(vmm, &act, sizeof(act), 24), VIRTIO_IRQ_S_INVAL);
	assert_int_equal(stats(vmm).armed, 0);
}

/* DEV-111 */
static void request_other_stores_are_unsupp_until_offered(void **state)
{
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct virtio_irq_stats before;
	struct vmm *vmm = *state;

	start_one_armed(vmm);
	before = gauges(vmm);
	for (size_t i = 2; i < ARRAY_SIZE(forms); i++) {
		for (unsigned int bit = 0; bit < 16; bit++) {
			good_request(forms[i].type, req);
			req[8 + bit / 8] = (uint8_t)(1u << bit % 8);
			assert_int_equal(request(vmm, req, forms[i].req_size, forms[i].rsp_size),
					 VIRTIO_IRQ_S_UNSUPP);
		}
	}
	assert_unchanged(vmm, &before);
}

static void request_of_unattached_endpoint_is_noent(void **state)
{
	struct vmm *vmm = *state;

	assert_int_equal(alloc(vmm, EP, 0, 1, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(release(vmm, EP, 0, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(vmm->attached, 0);
}

/* DEV-57, DEV-75 */
static void request_free_and_detach_of_unattached_endpoint_are_ok(void **state)
{
	struct vmm *vmm = *state;

	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	start(vmm, 4, 0);
	virtio_irq_core_endpoint_gone(vmm->core, EP);
	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
}

/* count, first, and addr_width out of bounds */
static void request_value_out_of_bounds_is_range(void **state)
{
	uint8_t (*const fn[])(struct vmm *, uint32_t, uint32_t, uint32_t) = {
		commit, release, vfree,
	};
	static const uint32_t bad[][2] = {
		{ 0, 0 }, { 0, 2049 }, { 0, UINT32_MAX }, { UINT32_MAX, 2 },
		{ UINT32_MAX - 9, 11 },
	};
	static const uint8_t widths[] = { 0, 1, 65, 255 };
	struct virtio_irq_stats before;
	struct vmm *vmm = *state;

	start_one_armed(vmm);
	before = gauges(vmm);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(alloc(vmm, EP, bad[i][0], bad[i][1], 0, NULL),
				 VIRTIO_IRQ_S_RANGE);
		for (size_t j = 0; j < ARRAY_SIZE(fn); j++)
			assert_int_equal(fn[j](vmm, EP, bad[i][0], bad[i][1]),
					 VIRTIO_IRQ_S_RANGE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		assert_int_equal(alloc_width(vmm, EP, 20, 1, 0, widths[i], NULL),
				 VIRTIO_IRQ_S_RANGE);
	assert_unchanged(vmm, &before);
	/* The very last index is a valid one to name */
	assert_int_equal(vfree(vmm, EP, UINT32_MAX, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(vfree(vmm, EP, UINT32_MAX - 2047, 2048), VIRTIO_IRQ_S_OK);
}

/* DEV-34 */
static void request_malformed_comes_before_noent(void **state)
{
	struct vmm *vmm = *state;

	/* No endpoint is attached */
	assert_int_equal(alloc(vmm, EP, 0, 1, 8, NULL), VIRTIO_IRQ_S_INVAL);
	assert_int_equal(alloc(vmm, EP, 0, 0, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(vfree(vmm, EP, 0, 0), VIRTIO_IRQ_S_RANGE);
}

static void request_counts_types_and_statuses(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_stats s;

	start(vmm, 4, 0);
	must_activate(vmm, EP, 0);
	must_activate(vmm, EP, 1);
	assert_int_equal(deactivate(vmm, EP, 9), VIRTIO_IRQ_S_NOENT);
	s = stats(vmm);
	assert_int_equal(s.requests[VIRTIO_IRQ_T_ATTACH], 1);
	assert_int_equal(s.requests[VIRTIO_IRQ_T_ALLOC], 1);
	assert_int_equal(s.requests[VIRTIO_IRQ_T_ACTIVATE], 2);
	assert_int_equal(s.requests[VIRTIO_IRQ_T_DEACTIVATE], 1);
	assert_int_equal(s.statuses[VIRTIO_IRQ_S_OK], 4);
	assert_int_equal(s.statuses[VIRTIO_IRQ_S_NOENT], 1);
	assert_int_equal(s.endpoints, 1);
	assert_int_equal(s.allocated, 4);
	assert_int_equal(s.committed, 2);
	assert_int_equal(s.armed, 2);
}

/* ATTACH, DETACH, reset */

/* DEV-49, DEV-50 */
static void attach_answers_window_and_store(void **state)
{
	struct virtio_irq_tlv_window window;
	struct virtio_irq_tlv_store store;
	struct virtio_irq_rsp_attach rsp;
	struct vmm *vmm = *state;
	const uint8_t *tlvs = vmm->rsp + sizeof(rsp);

	vmm->info.stores[0].flags = VIRTIO_IRQ_STORE_F_COMMIT;
	vmm->info.stores[0].multi_msi = 3;
	must_attach(vmm, EP);
	memcpy(&rsp, vmm->rsp, sizeof(rsp));
	assert_int_equal(rsp.flags, 0);

	memcpy(&window, tlvs, sizeof(window));
	assert_int_equal(le16toh(window.head.type), VIRTIO_IRQ_TLV_T_WINDOW);
	assert_int_equal(le16toh(window.head.length), sizeof(window) - 4);
	assert_int_equal(le64toh(window.start), WINDOW_START);
	assert_int_equal(le64toh(window.end), WINDOW_END);

	memcpy(&store, tlvs + sizeof(window), sizeof(store));
	assert_int_equal(le16toh(store.head.type), VIRTIO_IRQ_TLV_T_STORE);
	assert_int_equal(le16toh(store.head.length), sizeof(store) - 4);
	assert_int_equal(le16toh(store.store), 0);
	assert_int_equal(le32toh(store.size), 2048);
	assert_int_equal(store.multi_msi, 3);
	assert_int_equal(store.flags, VIRTIO_IRQ_STORE_F_COMMIT);

	for (size_t i = sizeof(window) + sizeof(store); i < VIRTIO_IRQ_CORE_TLV_MIN; i++)
		assert_int_equal(tlvs[i], 0);
}

/* DEV-48 */
static void attach_answers_isolated_only_if_true(void **state)
{
	struct virtio_irq_rsp_attach rsp;
	struct vmm *vmm = *state;

	vmm->info.isolated = true;
	must_attach(vmm, EP);
	memcpy(&rsp, vmm->rsp, sizeof(rsp));
	assert_int_equal(le32toh(rsp.flags), VIRTIO_IRQ_ATTACH_F_ISOLATED);
	vmm->info.isolated = false;
	must_attach(vmm, EP2);
	memcpy(&rsp, vmm->rsp, sizeof(rsp));
	assert_int_equal(le32toh(rsp.flags), 0);
}

/* DEV-44 */
static void attach_again_answers_the_same_and_keeps_vectors(void **state)
{
	struct vmm *vmm = *state;
	uint8_t first[sizeof(vmm->rsp)];
	struct virtio_irq_msg pair;

	must_attach(vmm, EP);
	memcpy(first, vmm->rsp, sizeof(first));
	must_alloc(vmm, EP, 0, 4, 0);
	pair = must_activate(vmm, EP, 2);
	must_attach(vmm, EP);
	assert_memory_equal(first, vmm->rsp, sizeof(first));
	assert_int_equal(vmm->attached, 1);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
}

/* DEV-46 */
static void attach_refused_by_the_vmm_costs_nothing(void **state)
{
	struct vmm *vmm = *state;
	unsigned int mallocs;

	fail_malloc_from(0);
	assert_int_equal(attach(vmm, EP_ABSENT), VIRTIO_IRQ_S_NOENT);
	mallocs = malloc_calls();
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(attach(vmm, EP_ABSENT), VIRTIO_IRQ_S_NOENT);
		assert_int_equal(attach(vmm, EP_DENIED), VIRTIO_IRQ_S_PERM);
	}
	assert_int_equal(malloc_calls(), mallocs);
	assert_int_equal(stats(vmm).endpoints, 0);
	assert_int_equal(alloc(vmm, EP_ABSENT, 0, 1, 0, NULL), VIRTIO_IRQ_S_NOENT);
}

/* DEV-150 */
static void attach_at_the_endpoint_limit_is_nospc(void **state)
{
	struct vmm *vmm = *state;

	for (uint32_t i = 0; i < 4; i++)
		must_attach(vmm, EP + i);
	assert_int_equal(attach(vmm, EP2), VIRTIO_IRQ_S_NOSPC);
	/* Asking again is not one more */
	must_attach(vmm, EP + 3);
	assert_int_equal(detach(vmm, EP + 1), VIRTIO_IRQ_S_OK);
	must_attach(vmm, EP2);
}

static void attach_without_memory_is_nomem(void **state)
{
	struct vmm *vmm = *state;

	fail_malloc_from(1);
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_NOMEM);
	assert_int_equal(vmm->attached, 0);
	fail_malloc_from(0);
	must_attach(vmm, EP);
}

/* DEV-67 */
static void attach_with_senseless_properties_is_deverr(void **state)
{
	struct vmm *vmm = *state;
	const struct virtio_irq_ep_info good = vmm->info;

	vmm->info.pair_address = WINDOW_END + 1;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm->info.pair_address = WINDOW_START - 4;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm->info.pair_address = PAIR_ADDRESS + 2;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm->info = good;
	vmm->info.stores[0].multi_msi = 6;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm->info = good;
	vmm->info.window_start = WINDOW_END + 1;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm->info = good;
	vmm->attach_status = 99;
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	/* The VMM was told that it has them back */
	assert_int_equal(vmm->attached, 5);
	assert_int_equal(vmm->detached, 5);
	assert_int_equal(stats(vmm).endpoints, 0);
}

static void attach_without_store_has_no_vectors(void **state)
{
	struct vmm *vmm = *state;

	vmm->info = (struct virtio_irq_ep_info) { .window_start = 1, .window_end = 0 };
	must_attach(vmm, EP);
	for (size_t i = sizeof(struct virtio_irq_rsp_attach); i < sizeof(vmm->rsp); i++)
		assert_int_equal(vmm->rsp[i], 0);
	assert_int_equal(alloc(vmm, EP, 0, 1, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	/* No window: nothing is a pair, address 0 neither */
	assert_int_equal(fire(vmm, EP, 0, 0), VIRTIO_IRQ_PASS);
}

/* DEV-56 */
static void detach_frees_everything_of_the_endpoint(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	start(vmm, 8, VIRTIO_IRQ_ALLOC_F_COMMIT);
	must_activate(vmm, EP, 0);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 4, 0);
	pair = must_activate(vmm, EP2, 1);

	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	assert_int_equal(vmm->detached, 1);
	check_gauges(vmm);
	assert_int_equal(stats(vmm).allocated, 4);
	assert_int_equal(stats(vmm).committed, 1);
	assert_int_equal(fire(vmm, EP2, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);

	must_attach(vmm, EP);
	assert_false(vector(vmm, EP, 0, NULL));
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
}

/* DEV-136 */
static void endpoint_gone_detaches_and_is_harmless_otherwise(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 8, VIRTIO_IRQ_ALLOC_F_COMMIT);
	virtio_irq_core_endpoint_gone(vmm->core, EP2);
	assert_int_equal(vmm->detached, 0);
	virtio_irq_core_endpoint_gone(vmm->core, EP);
	assert_int_equal(vmm->detached, 1);
	assert_int_equal(stats(vmm).allocated, 0);
	assert_int_equal(vmm->taken, 0);
	virtio_irq_core_endpoint_gone(vmm->core, EP);
	assert_int_equal(vmm->detached, 1);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_NOENT);
}

/* DEV-130 */
static void reset_drops_everything_but_quotas_and_statistics(void **state)
{
	struct virtio_irq_quotas q = { .vectors = 7, .endpoint_vectors = 6, .committed = 5,
				       .pool = 4 };
	struct vmm *vmm = *state;
	struct virtio_irq_stats s;

	set_quotas(vmm, q);
	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_COMMIT);
	must_activate(vmm, EP, 0);
	must_attach(vmm, EP2);
	virtio_irq_core_reset(vmm->core);
	assert_int_equal(vmm->detached, 2);
	s = stats(vmm);
	assert_int_equal(s.endpoints + s.allocated + s.committed + s.armed, 0);
	assert_int_equal(s.requests[VIRTIO_IRQ_T_ATTACH], 2);
	q = quotas(vmm);
	assert_int_equal(q.vectors, 7);
	assert_int_equal(q.endpoint_vectors, 6);
	assert_int_equal(q.committed, 5);
	assert_int_equal(q.pool, 4);
	start(vmm, 4, 0);
}

/* The core itself */

static void core_config_out_of_bounds_is_einval(void **state)
{
	struct vmm *vmm = *state;
	const struct virtio_irq_core_config good = vmm->config;
	struct virtio_irq_core_config bad[12];
	struct virtio_irq_ops ops;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].max_vectors = 0;
	bad[1].max_vectors = VIRTIO_IRQ_CORE_MAX_VECTORS + 1;
	bad[2].max_endpoints = 0;
	bad[3].max_endpoints = VIRTIO_IRQ_CORE_MAX_ENDPOINTS + 1;
	bad[4].max_count = 0;
	bad[5].max_count = VIRTIO_IRQ_CORE_MAX_COUNT + 1;
	bad[6].tlv_size = VIRTIO_IRQ_CORE_TLV_MIN - 8;
	bad[7].tlv_size = VIRTIO_IRQ_CORE_TLV_MIN + 4;
	bad[8].tlv_size = VIRTIO_IRQ_CORE_TLV_MAX + 8;
	bad[9].tlv_size = 0;
	bad[10].max_vectors = UINT32_MAX;
	bad[11].max_endpoints = UINT32_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		assert_null(virtio_irq_core_new(&bad[i], &vmm_ops, vmm));
		assert_int_equal(errno, EINVAL);
	}

	ops = vmm_ops;
	ops.attach = NULL;
	assert_null(virtio_irq_core_new(&good, &ops, vmm));
	ops = vmm_ops;
	ops.detach = NULL;
	assert_null(virtio_irq_core_new(&good, &ops, vmm));
	ops = vmm_ops;
	ops.check_route = NULL;
	assert_null(virtio_irq_core_new(&good, &ops, vmm));
	ops = vmm_ops;
	ops.deliver = NULL;
	assert_null(virtio_irq_core_new(&good, &ops, vmm));
	ops = vmm_ops;
	ops.release = NULL;
	assert_null(virtio_irq_core_new(&good, &ops, vmm));
}

static void core_extreme_configs_work(void **state)
{
	struct vmm *vmm = *state;

	vmm_free_core(vmm);
	vmm->config.max_vectors = VIRTIO_IRQ_CORE_MAX_VECTORS;
	vmm->config.max_endpoints = VIRTIO_IRQ_CORE_MAX_ENDPOINTS;
	vmm->config.max_count = VIRTIO_IRQ_CORE_MAX_COUNT;
	vmm_new_core(vmm);
	start(vmm, 2048, VIRTIO_IRQ_ALLOC_F_COMMIT);
	vmm_free_core(vmm);

	vmm->config.max_vectors = 1;
	vmm->config.max_endpoints = 1;
	vmm->config.max_count = 1;
	vmm_new_core(vmm);
	start(vmm, 1, VIRTIO_IRQ_ALLOC_F_COMMIT);
	assert_int_equal(alloc(vmm, EP, 1, 1, 0, NULL), VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(alloc(vmm, EP, 1, 2, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(attach(vmm, EP2), VIRTIO_IRQ_S_NOSPC);
}

static void core_new_without_memory_is_enomem(void **state)
{
	struct virtio_irq_core *core;
	struct vmm *vmm = *state;
	unsigned int nth = 0;

	do {
		fail_malloc_from(++nth);
		errno = 0;
		core = virtio_irq_core_new(&vmm->config, &vmm_ops, vmm);
		assert_true(core || errno == ENOMEM);
	} while (!core);
	assert_true(nth > 4);
	fail_malloc_from(0);
	virtio_irq_core_free(core);
}

static void core_free_of_nothing_is_harmless(void **state)
{
	(void)state;
	virtio_irq_core_free(NULL);
}

static void core_rsp_max_is_enough_for_every_reply(void **state)
{
	struct vmm *vmm = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		assert_true(virtio_irq_core_rsp_max(vmm->core) >= forms[i].rsp_size);
	assert_int_equal(virtio_irq_core_rsp_max(vmm->core), 16 + VIRTIO_IRQ_CORE_TLV_MIN);
}

static void core_tlv_size_is_that_of_the_config(void **state)
{
	struct virtio_irq_req_attach req = {
		.head = { .type = VIRTIO_IRQ_T_ATTACH, .endpoint = htole32(EP) },
	};
	struct vmm *vmm = *state;
	uint8_t rsp[16 + 4096];

	vmm_free_core(vmm);
	vmm->config.tlv_size = 4096;
	vmm_new_core(vmm);
	memset(rsp, 0xaa, sizeof(rsp));
	assert_int_equal(virtio_irq_core_request(vmm->core, &req, sizeof(req), rsp, sizeof(rsp)),
			 sizeof(rsp));
	for (size_t i = 16 + 40; i < sizeof(rsp); i++)
		assert_int_equal(rsp[i], 0);
	assert_int_equal(virtio_irq_core_request(vmm->core, &req, sizeof(req), rsp,
						 sizeof(rsp) - 1), HEAD);
	assert_int_equal(rsp[0], VIRTIO_IRQ_S_INVAL);
}

static void core_names_are_those_of_the_specification(void **state)
{
	(void)state;
	assert_null(virtio_irq_type_name(0));
	assert_null(virtio_irq_type_name(9));
	assert_string_equal(virtio_irq_type_name(VIRTIO_IRQ_T_ATTACH), "attach");
	assert_string_equal(virtio_irq_type_name(VIRTIO_IRQ_T_DEACTIVATE), "deactivate");
	assert_string_equal(virtio_irq_type_name(VIRTIO_IRQ_T_FREE), "free");
	assert_string_equal(virtio_irq_status_name(VIRTIO_IRQ_S_OK), "ok");
	assert_string_equal(virtio_irq_status_name(VIRTIO_IRQ_S_QUOTA), "quota");
	assert_string_equal(virtio_irq_status_name(VIRTIO_IRQ_S_DEVERR), "deverr");
	assert_null(virtio_irq_status_name(11));
	for (unsigned int i = 0; i < VIRTIO_IRQ_NUM_VERDICTS; i++)
		assert_non_null(virtio_irq_verdict_name(i));
	assert_string_equal(virtio_irq_verdict_name(VIRTIO_IRQ_BLOCKED_FREED), "freed");
	assert_null(virtio_irq_verdict_name(VIRTIO_IRQ_NUM_VERDICTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(request_every_type_has_its_success_length),
		unit(request_success_length_does_not_depend_on_room),
		unit(request_wrong_readable_length_is_inval),
		unit(request_short_writable_part_is_inval_and_changes_nothing),
		unit(request_without_room_for_a_status_uses_nothing_and_changes_nothing),
		unit(request_unknown_type_is_unsupp_in_8_bytes),
		unit(request_reserved_byte_is_inval),
		unit(request_unknown_flag_is_inval),
		unit(request_pasid_is_unsupp_until_offered),
		unit(request_pasid_without_its_flag_is_inval),
		unit(request_other_stores_are_unsupp_until_offered),
		unit(request_of_unattached_endpoint_is_noent),
		unit(request_free_and_detach_of_unattached_endpoint_are_ok),
		unit(request_value_out_of_bounds_is_range),
		unit(request_malformed_comes_before_noent),
		unit(request_counts_types_and_statuses),
		unit(attach_answers_window_and_store),
		unit(attach_answers_isolated_only_if_true),
		unit(attach_again_answers_the_same_and_keeps_vectors),
		unit(attach_refused_by_the_vmm_costs_nothing),
		unit(attach_at_the_endpoint_limit_is_nospc),
		unit(attach_without_memory_is_nomem),
		unit(attach_with_senseless_properties_is_deverr),
		unit(attach_without_store_has_no_vectors),
		unit(detach_frees_everything_of_the_endpoint),
		unit(endpoint_gone_detaches_and_is_harmless_otherwise),
		unit(reset_drops_everything_but_quotas_and_statistics),
		unit(core_config_out_of_bounds_is_einval),
		unit(core_extreme_configs_work),
		unit(core_new_without_memory_is_enomem),
		unit(core_free_of_nothing_is_harmless),
		unit(core_rsp_max_is_enough_for_every_reply),
		unit(core_tlv_size_is_that_of_the_config),
		unit(core_names_are_those_of_the_specification),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
