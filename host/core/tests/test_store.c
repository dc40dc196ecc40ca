// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about interrupt message stores (numbers other than 0) and PASIDs.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

#define SLOTS		1
#define RECORDS		7
#define PASIDS		0xffff
#define WIDTH		10

/* Store 0, one with a size, one without, one whose messages all have a PASID */
static void new_core(struct vmm *vmm, bool ims, bool pasid)
{
	vmm_free_core(vmm);
	vmm->config.ims = ims;
	vmm->config.tlv_size = VIRTIO_IRQ_CORE_TLV_ALL;
	vmm->info.num_stores = 1;
	vmm->info.pasid_width = WIDTH;
	if (ims) {
		vmm->info.num_stores = 4;
		vmm->info.stores[1] = (struct virtio_irq_store_info) {
			.store = SLOTS, .size = 32, .multi_msi = 2,
		};
		vmm->info.stores[2] = (struct virtio_irq_store_info) { .store = RECORDS };
		vmm->info.stores[3] = (struct virtio_irq_store_info) {
			.store = PASIDS, .size = 8, .flags = VIRTIO_IRQ_STORE_F_PASID,
		};
	}
	vmm_new_core(vmm);
	if (pasid)
		virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_PASID);
	must_attach(vmm, EP);
}

static void use_pasid(struct vmm *vmm, uint32_t pasid)
{
	vmm->has_pasid = true;
	vmm->pasid = pasid;
}

static void use_no_pasid(struct vmm *vmm)
{
	vmm->has_pasid = false;
	vmm->pasid = 0;
}

/* What ATTACH says */

struct answer {
	unsigned int num_stores;
	struct virtio_irq_tlv_store stores[VIRTIO_IRQ_CORE_MAX_STORES];
	unsigned int num_windows;
	unsigned int num_pasids;
	uint8_t width;
};

static struct answer read_answer(struct vmm *vmm)
{
	const uint8_t *tlvs = vmm->rsp + sizeof(struct virtio_irq_rsp_attach);
	struct answer a = { .num_stores = 0 };
	struct virtio_irq_tlv_head head;
	size_t at = 0;

	while (at < vmm->config.tlv_size) {
		memcpy(&head, tlvs + at, sizeof(head));
		switch (le16toh(head.type)) {
		case VIRTIO_IRQ_TLV_T_NONE:
			for (; at < vmm->config.tlv_size; at++)
				assert_int_equal(tlvs[at], 0);
			return a;
		case VIRTIO_IRQ_TLV_T_WINDOW:
			assert_int_equal(le16toh(head.length), 20);
			a.num_windows++;
			break;
		case VIRTIO_IRQ_TLV_T_STORE:
			assert_int_equal(le16toh(head.length), 12);
			assert_true(a.num_stores < VIRTIO_IRQ_CORE_MAX_STORES);
			memcpy(&a.stores[a.num_stores++], tlvs + at, sizeof(a.stores[0]));
			break;
		case VIRTIO_IRQ_TLV_T_PASID:
			assert_int_equal(le16toh(head.length), 4);
			a.num_pasids++;
			a.width = tlvs[at + offsetof(struct virtio_irq_tlv_pasid, width)];
			break;
		default:
			fail_msg("TLV of type %u", le16toh(head.type));
		}
		at += (sizeof(head) + le16toh(head.length) + 7) & ~7u;
	}
	assert_int_equal(at, vmm->config.tlv_size);
	return a;
}

/* DEV-49 */
static void attach_answers_every_store_and_the_pasid_width(void **state)
{
	struct vmm *vmm = *state;
	struct answer a;

	new_core(vmm, true, true);
	for (unsigned int again = 0; again < 2; again++) {
		must_attach(vmm, EP);
		a = read_answer(vmm);
		assert_int_equal(a.num_windows, 1);
		assert_int_equal(a.num_pasids, 1);
		assert_int_equal(a.width, WIDTH);
		assert_int_equal(a.num_stores, 4);
		assert_int_equal(le16toh(a.stores[0].store), 0);
		assert_int_equal(le32toh(a.stores[0].size), 2048);
		assert_int_equal(le16toh(a.stores[1].store), SLOTS);
		assert_int_equal(le32toh(a.stores[1].size), 32);
		assert_int_equal(a.stores[1].multi_msi, 2);
		assert_int_equal(a.stores[1].flags, 0);
		assert_int_equal(le16toh(a.stores[2].store), RECORDS);
		assert_int_equal(le32toh(a.stores[2].size), 0);
		assert_int_equal(le16toh(a.stores[3].store), PASIDS);
		assert_int_equal(a.stores[3].flags, VIRTIO_IRQ_STORE_F_PASID);
	}
}

/* DEV-51 */
static void attach_says_nothing_of_pasids_without_the_feature(void **state)
{
	struct vmm *vmm = *state;
	struct answer a;

	new_core(vmm, true, false);
	a = read_answer(vmm);
	assert_int_equal(a.num_pasids, 0);
	assert_int_equal(a.num_stores, 3);
	for (unsigned int i = 0; i < a.num_stores; i++)
		assert_int_equal(a.stores[i].flags & VIRTIO_IRQ_STORE_F_PASID, 0);
	vmm->store = PASIDS;
	assert_int_equal(alloc(vmm, EP, 0, 1, 0, NULL), VIRTIO_IRQ_S_NOENT);
}

static void attach_says_nothing_of_pasids_that_the_endpoint_has_not(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	assert_int_equal(detach(vmm, EP), 0);
	vmm->info.pasid_width = 0;
	vmm->info.num_stores = 3;
	must_attach(vmm, EP);
	assert_int_equal(read_answer(vmm).num_pasids, 0);
}

static void attach_with_as_many_stores_as_there_can_be(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	assert_int_equal(detach(vmm, EP), 0);
	vmm->info.num_stores = VIRTIO_IRQ_CORE_MAX_STORES;
	for (uint16_t i = 4; i < VIRTIO_IRQ_CORE_MAX_STORES; i++)
		vmm->info.stores[i] = (struct virtio_irq_store_info) { .store = 100 + i };
	must_attach(vmm, EP);
	assert_int_equal(read_answer(vmm).num_stores, VIRTIO_IRQ_CORE_MAX_STORES);
}

/* DEV-15, DEV-49, DEV-51: what a guest must not be told is refused */
static void attach_with_senseless_stores_is_deverr(void **state)
{
	struct virtio_irq_ep_info good;
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	assert_int_equal(detach(vmm, EP), 0);
	good = vmm->info;
	for (unsigned int i = 0; i < 7; i++) {
		vmm->info = good;
		switch (i) {
		case 0:
			vmm->info.stores[2].store = SLOTS;
			break;
		case 1:
			vmm->info.stores[2].multi_msi = 6;
			break;
		case 2:
			vmm->info.stores[1].flags = 1 << 2;
			break;
		case 3:
			vmm->info.pasid_width = 21;
			break;
		case 4:
			/* A store that needs a PASID of an endpoint that has none */
			vmm->info.pasid_width = 0;
			break;
		case 5:
			vmm->info.num_stores = VIRTIO_IRQ_CORE_MAX_STORES + 1;
			break;
		case 6:
			vmm->info.window_start = WINDOW_END + 1;
			break;
		}
		assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
		assert_int_equal(vmm->attached, vmm->detached);
	}
	vmm->info = good;
	must_attach(vmm, EP);
}

static void attach_with_more_than_tlv_size_holds_is_deverr(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	vmm_free_core(vmm);
	vmm->config.tlv_size = 24 + 4 * 16;
	vmm_new_core(vmm);
	virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_PASID);
	assert_int_equal(attach(vmm, EP), VIRTIO_IRQ_S_DEVERR);
	vmm_free_core(vmm);
	vmm->config.tlv_size += 8;
	vmm_new_core(vmm);
	virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_PASID);
	must_attach(vmm, EP);
	assert_int_equal(read_answer(vmm).num_stores, 4);
	assert_int_equal(read_answer(vmm).num_pasids, 1);
}

/* Stores */

/* DEV-111 */
static void stores_other_than_0_are_unsupp_without_them(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, false, true);
	vmm->info.num_stores = 2;
	vmm->info.stores[1] = (struct virtio_irq_store_info) { .store = SLOTS, .size = 4 };
	assert_int_equal(attach(vmm, EP2), VIRTIO_IRQ_S_DEVERR);
	vmm->store = SLOTS;
	/* Also of an endpoint that is not attached: step 4 is before step 6 */
	for (uint32_t ep = EP; ep <= EP + 8; ep += 8) {
		assert_int_equal(alloc(vmm, ep, 0, 1, 0, NULL), VIRTIO_IRQ_S_UNSUPP);
		assert_int_equal(commit(vmm, ep, 0, 1), VIRTIO_IRQ_S_UNSUPP);
		assert_int_equal(release(vmm, ep, 0, 1), VIRTIO_IRQ_S_UNSUPP);
		assert_int_equal(activate(vmm, ep, 0, ROUTE_ADDRESS, 0, NULL),
				 VIRTIO_IRQ_S_UNSUPP);
		assert_int_equal(deactivate(vmm, ep, 0), VIRTIO_IRQ_S_UNSUPP);
		assert_int_equal(vfree(vmm, ep, 0, 1), VIRTIO_IRQ_S_UNSUPP);
	}
}

static void stores_that_the_endpoint_has_not_are_noent(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, false);
	vmm->store = 2;
	assert_int_equal(alloc(vmm, EP, 0, 1, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(release(vmm, EP, 0, 1), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_NOENT);
	/* DEV-74, DEV-75 */
	assert_int_equal(vfree(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(vfree(vmm, EP2, 0, 1), VIRTIO_IRQ_S_OK);
	/* Bounds come first */
	assert_int_equal(alloc(vmm, EP, 0, 0, 0, NULL), VIRTIO_IRQ_S_RANGE);
}

static void stores_have_their_own_size(void **state)
{
	struct vmm *vmm = *state;
	uint32_t granted;

	new_core(vmm, true, false);
	vmm->store = SLOTS;
	assert_int_equal(alloc(vmm, EP, 30, 4, 0, &granted), 0);
	assert_int_equal(granted, 2);
	assert_int_equal(alloc(vmm, EP, 32, 1, 0, NULL), VIRTIO_IRQ_S_RANGE);
	vmm->store = 0;
	must_alloc(vmm, EP, 32, 1, 0);
}

/* DEV-113: names cost nothing, vectors do */
static void store_without_a_size_has_all_indices(void **state)
{
	static const uint32_t names[] = { 0, 1, 0x7fffffff, 0x80000000, UINT32_MAX - 1,
					  UINT32_MAX };
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	new_core(vmm, true, false);
	vmm->store = RECORDS;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		must_alloc(vmm, EP, names[i], 1, 0);
		pair = must_activate(vmm, EP, names[i]);
		assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	}
	assert_int_equal(alloc(vmm, EP, UINT32_MAX, 2, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(vmm->core->num_backed, VIRTIO_IRQ_CHUNK);
	assert_int_equal(stats(vmm).allocated, ARRAY_SIZE(names));
}

static void store_has_its_own_largest_block(void **state)
{
	const uint16_t flags = VIRTIO_IRQ_ALLOC_F_CONTIGUOUS;
	struct vmm *vmm = *state;

	new_core(vmm, true, false);
	vmm->store = SLOTS;
	assert_int_equal(alloc(vmm, EP, 0, 5, flags, NULL), VIRTIO_IRQ_S_RANGE);
	must_alloc(vmm, EP, 0, 4, flags);
	vmm->store = RECORDS;
	assert_int_equal(alloc(vmm, EP, 0, 2, flags, NULL), VIRTIO_IRQ_S_RANGE);
	must_alloc(vmm, EP, UINT32_MAX, 1, flags);
	vmm->store = 0;
	must_alloc(vmm, EP, 0, 5, flags);
}

/* DEV-112: the same index of another store is another vector */
static void stores_are_independent(void **state)
{
	static const uint16_t stores[] = { 0, SLOTS, RECORDS };
	struct virtio_irq_msg pairs[3];
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;

	new_core(vmm, true, false);
	for (unsigned int i = 0; i < 3; i++) {
		vmm->store = stores[i];
		must_alloc(vmm, EP, 3, 2, VIRTIO_IRQ_ALLOC_F_COMMIT);
		assert_int_equal(activate(vmm, EP, 3, ROUTE_ADDRESS, i, &pairs[i]), 0);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fire(vmm, EP, pairs[i].address, pairs[i].data),
				 VIRTIO_IRQ_DELIVERED);
		assert_int_equal(vmm_ep(vmm, EP)->last.data, i);
	}
	vmm->store = SLOTS;
	assert_int_equal(deactivate(vmm, EP, 3), 0);
	assert_int_equal(release(vmm, EP, 3, 2), 0);
	assert_int_equal(fire(vmm, EP, pairs[1].address, pairs[1].data),
			 VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vfree(vmm, EP, 0, 32), 0);
	for (unsigned int i = 0; i < 3; i += 2) {
		vmm->store = stores[i];
		assert_true(vector(vmm, EP, 3, &info));
		assert_true(info.armed && info.committed);
		assert_true(vector(vmm, EP, 4, &info));
		assert_true(info.committed);
		assert_int_equal(fire(vmm, EP, pairs[i].address, pairs[i].data),
				 VIRTIO_IRQ_DELIVERED);
	}
	assert_int_equal(stats(vmm).allocated, 4);
}

/* DEV-65, DEV-64 */
static void store_constraints_are_those_of_alloc(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	new_core(vmm, true, false);
	vmm->store = SLOTS;
	assert_int_equal(alloc_width(vmm, EP, 0, 1, 0, 31, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(alloc_width(vmm, EP, 0, 1, VIRTIO_IRQ_ALLOC_F_DATA16, 32, NULL), 0);
	pair = must_activate(vmm, EP, 0);
	assert_true(pair.data < 0x10000 && pair.address < UINT64_C(1) << 32);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	vmm->store = RECORDS;
	must_alloc(vmm, EP, 0, 1, 0);
	assert_true(must_activate(vmm, EP, 0).data >= 0x10000);
}

static void store_counts_for_the_quotas_of_the_endpoint(void **state)
{
	struct virtio_irq_quotas q;
	struct vmm *vmm = *state;
	uint32_t granted;

	new_core(vmm, true, false);
	q = quotas(vmm);
	q.endpoint_vectors = 3;
	set_quotas(vmm, q);
	must_alloc(vmm, EP, 0, 2, 0);
	vmm->store = RECORDS;
	assert_int_equal(alloc(vmm, EP, 5, 2, 0, &granted), 0);
	assert_int_equal(granted, 1);
	vmm->store = SLOTS;
	assert_int_equal(alloc(vmm, EP, 0, 1, 0, NULL), VIRTIO_IRQ_S_QUOTA);
}

/* PASIDs */

/* DEV-85, step 4 */
static void pasid_is_unsupp_without_the_feature(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, false);
	must_alloc(vmm, EP, 0, 1, 0);
	use_pasid(vmm, 5);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_UNSUPP);
	use_pasid(vmm, VIRTIO_IRQ_PASID_MASK + 1);
	assert_int_equal(activate(vmm, EP2, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_UNSUPP);
	use_no_pasid(vmm);
	must_activate(vmm, EP, 0);
}

/* The order of "Status", and of the table of ACTIVATE */
static void pasid_statuses_come_in_their_order(void **state)
{
	struct virtio_irq_quotas q;
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	must_alloc(vmm, EP, 0, 1, 0);
	q = quotas(vmm);
	q.committed = 0;
	set_quotas(vmm, q);

	use_pasid(vmm, VIRTIO_IRQ_PASID_MASK + 1);
	assert_int_equal(activate(vmm, EP2, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_RANGE);
	use_pasid(vmm, VIRTIO_IRQ_PASID_MASK);
	assert_int_equal(activate(vmm, EP2, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_RANGE);
	use_pasid(vmm, 1u << WIDTH);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_RANGE);
	use_pasid(vmm, (1u << WIDTH) - 1);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
	q.committed = 1;
	set_quotas(vmm, q);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_OK);
}

static void pasid_of_an_endpoint_without_is_perm(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	vmm->info.pasid_width = 0;
	vmm->info.num_stores = 2;
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 1, 0);
	use_pasid(vmm, 0);
	assert_int_equal(activate(vmm, EP2, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_PERM);
	use_pasid(vmm, VIRTIO_IRQ_PASID_MASK);
	assert_int_equal(activate(vmm, EP2, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_PERM);
	assert_int_equal(stats(vmm).armed, 0);
}

static void pasid_is_needed_where_the_store_says_so(void **state)
{
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	vmm->store = PASIDS;
	must_alloc(vmm, EP, 0, 1, 0);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_INVAL);
	/* The route comes first */
	assert_int_equal(activate(vmm, EP, 0, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_RANGE);
	use_pasid(vmm, 0);
	must_activate(vmm, EP, 0);
	/* Armed, too */
	use_no_pasid(vmm);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 0, NULL), VIRTIO_IRQ_S_INVAL);
}

/* DEV-109; no PASID and PASID 0 are different */
static void message_needs_exactly_the_pasid_of_the_vector(void **state)
{
	static const uint32_t pasids[] = { 0, 1, 0x155, (1u << WIDTH) - 1 };
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	uint64_t blocked = 0;

	new_core(vmm, true, true);
	vmm->store = RECORDS;
	must_alloc(vmm, EP, 9, 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pasids); i++) {
		use_pasid(vmm, pasids[i]);
		pair = must_activate(vmm, EP, 9);
		assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data, pasids[i]),
				 VIRTIO_IRQ_DELIVERED);
		for (unsigned int bit = 0; bit < 32; bit++, blocked++)
			assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data,
						    pasids[i] ^ 1u << bit),
					 VIRTIO_IRQ_BLOCKED_PASID);
		assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_BLOCKED_PASID);
		blocked++;
	}
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_BLOCKED_PASID], blocked);
	assert_int_equal(stats(vmm).messages[VIRTIO_IRQ_DELIVERED], ARRAY_SIZE(pasids));
	assert_int_equal(vmm_ep(vmm, EP)->delivered, ARRAY_SIZE(pasids));
}

/* DEV-110, DEV-83 */
static void pasid_changes_alone_on_an_armed_vector(void **state)
{
	struct virtio_irq_vector_info info;
	struct virtio_irq_msg pair, same;
	struct vmm *vmm = *state;
	unsigned int commits;

	new_core(vmm, true, true);
	must_alloc(vmm, EP, 0, 1, VIRTIO_IRQ_ALLOC_F_COMMIT);
	pair = must_activate(vmm, EP, 0);
	commits = vmm->commits;
	for (uint32_t pasid = 1; pasid < 4; pasid++) {
		use_pasid(vmm, pasid);
		same = must_activate(vmm, EP, 0);
		assert_int_equal(same.address, pair.address);
		assert_int_equal(same.data, pair.data);
		assert_true(vector(vmm, EP, 0, &info));
		assert_true(info.armed && info.committed && info.has_pasid);
		assert_int_equal(info.pasid, pasid);
		assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data, pasid - 1),
				 VIRTIO_IRQ_BLOCKED_PASID);
		assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data, pasid),
				 VIRTIO_IRQ_DELIVERED);
	}
	use_no_pasid(vmm);
	must_activate(vmm, EP, 0);
	assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data, 3),
			 VIRTIO_IRQ_BLOCKED_PASID);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm->commits, commits);
	assert_int_equal(stats(vmm).allocated, 1);
}

/* "The old route is in force until the request takes effect, and stays so if refused" */
static void pasid_stays_if_its_change_is_refused(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	must_alloc(vmm, EP, 0, 1, 0);
	use_pasid(vmm, 3);
	pair = must_activate(vmm, EP, 0);
	use_pasid(vmm, 4);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_RANGE);
	use_pasid(vmm, 1u << WIDTH);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_RANGE);
	assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data, 3), VIRTIO_IRQ_DELIVERED);
}

static void pasid_ends_with_deactivate(void **state)
{
	struct virtio_irq_vector_info info;
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;

	new_core(vmm, true, true);
	must_alloc(vmm, EP, 0, 1, 0);
	use_pasid(vmm, 3);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(deactivate(vmm, EP, 0), 0);
	assert_true(vector(vmm, EP, 0, &info));
	assert_false(info.has_pasid);
	assert_int_equal(info.pasid, 0);
	assert_int_equal(fire_pasid(vmm, EP, pair.address, pair.data, 3),
			 VIRTIO_IRQ_BLOCKED_FREED);
	use_no_pasid(vmm);
	must_activate(vmm, EP, 0);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
}

/* Migration */

/* A vector with a PASID and one without, in each store but one */
static struct image populate(struct vmm *vmm)
{
	static const uint16_t stores[] = { 0, SLOTS, RECORDS };

	new_core(vmm, true, true);
	for (unsigned int i = 0; i < ARRAY_SIZE(stores); i++) {
		vmm->store = stores[i];
		must_alloc(vmm, EP, 2, 3, 0);
		use_pasid(vmm, 0x100 + i);
		must_activate(vmm, EP, 2);
		use_no_pasid(vmm);
		must_activate(vmm, EP, 3);
	}
	must_alloc(vmm, EP, UINT32_MAX, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	vmm->store = PASIDS;
	must_alloc(vmm, EP, 7, 1, 0);
	use_pasid(vmm, 0x3ff);
	must_activate(vmm, EP, 7);
	use_no_pasid(vmm);
	return save(vmm);
}

/* Into another core, whose driver has PASIDs */
static int move(struct vmm *vmm, struct image image)
{
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_PASID);
	return load(vmm, image);
}

static void load_brings_stores_and_pasids(void **state)
{
	struct virtio_irq_vector_info info;
	struct vmm *vmm = *state;
	struct image image = populate(vmm), again;

	assert_int_equal(move(vmm, image), 0);
	vmm->store = RECORDS;
	assert_true(vector(vmm, EP, 2, &info));
	assert_true(info.has_pasid);
	assert_int_equal(info.pasid, 0x102);
	assert_int_equal(fire_pasid(vmm, EP, info.pair.address, info.pair.data, 0x102),
			 VIRTIO_IRQ_DELIVERED);
	assert_int_equal(fire(vmm, EP, info.pair.address, info.pair.data),
			 VIRTIO_IRQ_BLOCKED_PASID);
	assert_true(vector(vmm, EP, UINT32_MAX, NULL));
	use_pasid(vmm, 7);
	must_activate(vmm, EP, 4);
	must_attach(vmm, EP);
	assert_int_equal(read_answer(vmm).num_pasids, 1);
	assert_int_equal(read_answer(vmm).num_stores, 4);

	/* And the same comes out again */
	assert_int_equal(move(vmm, image), 0);
	again = save(vmm);
	assert_true(image_equal(image, again));
	image_free(again);
	image_free(image);
}

/* Without the feature no PASID appears by a migration, nor goes unnoticed */
static void load_without_the_feature(void **state)
{
	struct vmm *vmm = *state;
	struct image image = populate(vmm);

	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, image), -ENODEV);
	image_free(image);

	new_core(vmm, true, false);
	vmm->store = SLOTS;
	must_alloc(vmm, EP, 0, 1, 0);
	image = save(vmm);
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, image), 0);
	must_attach(vmm, EP);
	assert_int_equal(read_answer(vmm).num_pasids, 0);
	use_pasid(vmm, 1);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_UNSUPP);
	image_free(image);
}

static void load_where_stores_or_pasids_differ_is_refused(void **state)
{
	struct vmm *vmm = *state;
	struct image image = populate(vmm);
	const struct virtio_irq_ep_info good = vmm->info;

	for (unsigned int i = 0; i < 8; i++) {
		vmm->info = good;
		switch (i) {
		case 0:
			vmm->info.num_stores--;
			break;
		case 1:
			vmm->info.num_stores++;
			vmm->info.stores[4].store = 12;
			break;
		case 2:
			vmm->info.stores[1].store = 12;
			break;
		case 3:
			vmm->info.stores[1].size++;
			break;
		case 4:
			vmm->info.stores[2].size = 64;
			break;
		case 5:
			vmm->info.stores[1].multi_msi--;
			break;
		case 6:
			vmm->info.stores[1].flags = VIRTIO_IRQ_STORE_F_COMMIT;
			break;
		case 7:
			vmm->info.pasid_width++;
			break;
		}
		assert_int_equal(move(vmm, image), -ENODEV);
	}
	vmm->info = good;
	vmm->config.ims = false;
	assert_int_equal(move(vmm, image), -ENODEV);
	vmm->config.ims = true;
	assert_int_equal(move(vmm, image), 0);
	image_free(image);
}

static void bad_flags(struct vmm *vmm, struct image image, struct virtio_irq_saved_vector *v,
		      uint32_t flags, uint32_t pasid)
{
	const struct virtio_irq_saved_vector good = *v;

	v->flags = flags;
	v->pasid = pasid;
	assert_int_equal(move(vmm, image), -EINVAL);
	*v = good;
}

static void load_of_a_pasid_that_cannot_be_is_einval(void **state)
{
	const uint32_t armed = VIRTIO_IRQ_SAVED_ARMED, valid = VIRTIO_IRQ_SAVED_PASID_VALID;
	struct vmm *vmm = *state;
	struct image image = populate(vmm);
	struct virtio_irq_saved_vector *v = saved(image, SLOTS, 2);

	assert_int_equal(v->flags, armed | valid);
	assert_int_equal(v->pasid, 0x101);
	/* Without its flag; too wide; so wide that it would be another flag */
	bad_flags(vmm, image, v, armed, 0x101);
	bad_flags(vmm, image, v, armed | valid, 1u << WIDTH);
	bad_flags(vmm, image, v, armed, VIRTIO_IRQ_V_PASID_VALID);
	bad_flags(vmm, image, v, armed | valid, VIRTIO_IRQ_V_COMMITTED);
	/* Not armed */
	v = saved(image, SLOTS, 4);
	assert_int_equal(v->flags, 0);
	bad_flags(vmm, image, v, valid, 0);
	bad_flags(vmm, image, v, 0, 1);
	/* None where the store wants one */
	v = saved(image, PASIDS, 7);
	bad_flags(vmm, image, v, armed, 0);
	/* A store that is not there, an index that its size excludes */
	v = saved(image, SLOTS, 4);
	v->store = 12;
	assert_int_equal(move(vmm, image), -EINVAL);
	v->store = SLOTS;
	v->index = 32;
	assert_int_equal(move(vmm, image), -EINVAL);
	v->index = 4;
	assert_int_equal(move(vmm, image), 0);
	image_free(image);
}

/* An endpoint without PASIDs has no vector with one, not even PASID 0 */
static void load_of_a_pasid_where_there_are_none_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	new_core(vmm, false, true);
	assert_int_equal(detach(vmm, EP), 0);
	vmm->info.pasid_width = 0;
	start(vmm, 1, 0);
	must_activate(vmm, EP, 0);
	image = save(vmm);
	bad_flags(vmm, image, image.vectors,
		  VIRTIO_IRQ_SAVED_ARMED | VIRTIO_IRQ_SAVED_PASID_VALID, 0);
	assert_int_equal(move(vmm, image), 0);
	image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(attach_answers_every_store_and_the_pasid_width),
		unit(attach_says_nothing_of_pasids_without_the_feature),
		unit(attach_says_nothing_of_pasids_that_the_endpoint_has_not),
		unit(attach_with_as_many_stores_as_there_can_be),
		unit(attach_with_senseless_stores_is_deverr),
		unit(attach_with_more_than_tlv_size_holds_is_deverr),
		unit(stores_other_than_0_are_unsupp_without_them),
		unit(stores_that_the_endpoint_has_not_are_noent),
		unit(stores_have_their_own_size),
		unit(store_without_a_size_has_all_indices),
		unit(store_has_its_own_largest_block),
		unit(stores_are_independent),
		unit(store_constraints_are_those_of_alloc),
		unit(store_counts_for_the_quotas_of_the_endpoint),
		unit(pasid_is_unsupp_without_the_feature),
		unit(pasid_statuses_come_in_their_order),
		unit(pasid_of_an_endpoint_without_is_perm),
		unit(pasid_is_needed_where_the_store_says_so),
		unit(message_needs_exactly_the_pasid_of_the_vector),
		unit(pasid_changes_alone_on_an_armed_vector),
		unit(pasid_stays_if_its_change_is_refused),
		unit(pasid_ends_with_deactivate),
		unit(load_brings_stores_and_pasids),
		unit(load_without_the_feature),
		unit(load_where_stores_or_pasids_differ_is_refused),
		unit(load_of_a_pasid_that_cannot_be_is_einval),
		unit(load_of_a_pasid_where_there_are_none_is_einval),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
