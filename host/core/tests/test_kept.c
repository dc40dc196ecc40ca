// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a VMM that keeps requests back is told of them beforehand.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define MAX_ASKED	256

/* Vectors that ops->commit was asked for, or will be */
struct asked {
	unsigned int num;
	uint64_t names[MAX_ASKED];
	/* Stop at this one */
	unsigned int limit;
};

static struct asked committed;
static uint32_t pending_index;

static bool add_name(struct asked *asked, void *priv, uint16_t store, uint32_t index)
{
	struct test_ep *ep = priv;

	assert_true(asked->num < MAX_ASKED);
	asked->names[asked->num++] = (uint64_t)ep->id << 40 | (uint64_t)store << 32 | index;
	return asked->num != asked->limit;
}

static bool on_walk(void *arg, void *priv, uint16_t store, uint32_t index)
{
	return add_name(arg, priv, store, index);
}

static uint8_t op_commit(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	add_name(&committed, priv, store, index);
	return vmm_ops.commit(opaque, priv, store, index);
}

static bool op_pending(void *opaque, uint32_t endpoint, uint16_t store, uint32_t index)
{
	(void)opaque;
	return endpoint == EP && store == VIRTIO_IRQ_STORE_MSI && index == pending_index;
}

static struct virtio_irq_ops ops;

static int setup(void **state)
{
	struct vmm *vmm;

	vmm_setup(state);
	vmm = *state;
	virtio_irq_core_free(vmm->core);
	ops = vmm_ops;
	ops.commit = op_commit;
	ops.pending = op_pending;
	pending_index = UINT32_MAX;
	vmm->core = virtio_irq_core_new(&vmm->config, &ops, vmm);
	assert_non_null(vmm->core);
	return 0;
}

static struct asked walk(struct vmm *vmm, const void *req, size_t size, unsigned int limit)
{
	struct virtio_irq_stats before = stats(vmm), after;
	struct asked asked = { .limit = limit };

	virtio_irq_core_walk_commits(vmm->core, req, size, 64 + vmm->config.tlv_size, on_walk,
				     &asked);
	after = stats(vmm);
	assert_memory_equal(&before, &after, sizeof(before));
	return asked;
}

static struct virtio_irq_req_range range_req(uint8_t type, uint32_t first, uint32_t count)
{
	return (struct virtio_irq_req_range) {
		.head = { .type = type, .endpoint = htole32(EP) },
		.first = htole32(first),
		.count = htole32(count),
	};
}

static struct virtio_irq_req_alloc alloc_req(uint32_t first, uint32_t count, uint16_t flags)
{
	return (struct virtio_irq_req_alloc) {
		.head = { .type = VIRTIO_IRQ_T_ALLOC, .endpoint = htole32(EP) },
		.first = htole32(first),
		.count = htole32(count),
		.flags = htole16(flags),
		.addr_width = 64,
	};
}

/* What was foretold is what is asked for, whatever the request and the state */
static void walk_foretells_what_is_committed(void **state)
{
	static const uint8_t types[] = {
		VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_COMMIT,
		VIRTIO_IRQ_T_COMMIT, VIRTIO_IRQ_T_RELEASE, VIRTIO_IRQ_T_FREE, VIRTIO_IRQ_T_ATTACH,
		VIRTIO_IRQ_T_DEACTIVATE,
	};
	struct vmm *vmm = *state;
	unsigned int total = 0;
	struct asked foretold;
	size_t size;

	srand(1);
	must_attach(vmm, EP);
	for (unsigned int i = 0; i < 50000; i++) {
		uint32_t first = rand() % 24, count = rand() % 9;
		struct virtio_irq_req_range range;
		struct virtio_irq_req_alloc alloc;
		union {
			uint8_t bytes[64];
			struct virtio_irq_req_head head;
		} req = { .bytes = { 0 } };

		if (!(i % 64)) {
			set_quotas(vmm, (struct virtio_irq_quotas) {
				.vectors = rand() % 32,
				.endpoint_vectors = rand() % 32,
				.committed = rand() % 16,
				.pool = rand() % 16,
			});
			detach(vmm, EP);
			attach(vmm, EP);
		}
		range = range_req(types[rand() % ARRAY_SIZE(types)], first, count);
		size = sizeof(range);
		memcpy(req.bytes, &range, size);
		if (range.head.type == VIRTIO_IRQ_T_ALLOC) {
			alloc = alloc_req(first, count, (uint16_t)(rand() % 8));
			alloc.addr_width = rand() % 8 ? 64 : 32;
			size = sizeof(alloc);
			memcpy(req.bytes, &alloc, size);
		} else if (range.head.type == VIRTIO_IRQ_T_ATTACH) {
			size = 16;
			memset(req.bytes + 8, 0, 8);
		} else if (range.head.type == VIRTIO_IRQ_T_DEACTIVATE) {
			activate(vmm, EP, first, ROUTE_ADDRESS, i, NULL);
			size = 16;
		}
		foretold = walk(vmm, req.bytes, size, 0);
		committed = (struct asked) { .num = 0 };
		request(vmm, req.bytes, size, 64 + vmm->config.tlv_size);
		assert_int_equal(foretold.num, committed.num);
		assert_memory_equal(foretold.names, committed.names,
				    committed.num * sizeof(committed.names[0]));
		total += committed.num;
	}
	assert_true(total > 1000);
}

static void walk_stops_when_told(void **state)
{
	struct virtio_irq_req_range req = range_req(VIRTIO_IRQ_T_COMMIT, 0, 8);
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	assert_int_equal(walk(vmm, &req, sizeof(req), 0).num, 8);
	assert_int_equal(walk(vmm, &req, sizeof(req), 3).num, 3);
}

static bool names_of(struct vmm *vmm, const void *req, size_t size,
		     struct virtio_irq_names *names)
{
	return virtio_irq_core_names(vmm->core, req, size, 64 + vmm->config.tlv_size, names);
}

static void malformed_request_names_nothing(void **state)
{
	struct virtio_irq_req_range req = range_req(VIRTIO_IRQ_T_COMMIT, 0, 1);
	struct virtio_irq_names names;
	struct vmm *vmm = *state;

	start(vmm, 8, 0);
	assert_true(names_of(vmm, &req, sizeof(req), &names));
	for (size_t size = 0; size < 2 * sizeof(req); size++) {
		uint8_t bytes[2 * sizeof(req)] = { 0 };

		memcpy(bytes, &req, sizeof(req));
		assert_int_equal(names_of(vmm, bytes, size, &names), size == sizeof(req));
		assert_int_equal(walk(vmm, bytes, size, 0).num, size == sizeof(req));
	}
	assert_false(virtio_irq_core_names(vmm->core, &req, sizeof(req), 7, &names));
	req.reserved2[0] = 1;
	assert_false(names_of(vmm, &req, sizeof(req), &names));
	assert_int_equal(walk(vmm, &req, sizeof(req), 0).num, 0);
	req = range_req(0, 0, 1);
	assert_false(names_of(vmm, &req, sizeof(req), &names));
	req = range_req(VIRTIO_IRQ_T_FREE + 1, 0, 1);
	assert_false(names_of(vmm, &req, sizeof(req), &names));
	req = range_req(VIRTIO_IRQ_T_FREE, 0, 0);
	assert_false(names_of(vmm, &req, sizeof(req), &names));
	req = range_req(VIRTIO_IRQ_T_FREE, UINT32_MAX, 2);
	assert_false(names_of(vmm, &req, sizeof(req), &names));
}

static bool common(struct vmm *vmm, const void *a, size_t a_size, const void *b, size_t b_size)
{
	struct virtio_irq_names a_names, b_names;

	assert_true(names_of(vmm, a, a_size, &a_names));
	assert_true(names_of(vmm, b, b_size, &b_names));
	assert_int_equal(virtio_irq_names_common(&a_names, &b_names),
			 virtio_irq_names_common(&b_names, &a_names));
	return virtio_irq_names_common(&a_names, &b_names);
}

static void requests_with_a_vector_in_common(void **state)
{
	struct virtio_irq_req_range two = range_req(VIRTIO_IRQ_T_COMMIT, 2, 2), other;
	struct virtio_irq_req_activate act = {
		.head = { .type = VIRTIO_IRQ_T_ACTIVATE, .endpoint = htole32(EP) },
		.address = htole64(ROUTE_ADDRESS),
	};
	struct virtio_irq_req_attach att = {
		.head = { .type = VIRTIO_IRQ_T_ATTACH, .endpoint = htole32(EP) },
	};
	struct virtio_irq_req_alloc alloc = alloc_req(3, 7, VIRTIO_IRQ_ALLOC_F_COMMIT);
	struct vmm *vmm = *state;

	for (uint32_t first = 0; first < 8; first++) {
		other = range_req(VIRTIO_IRQ_T_RELEASE, first, 1);
		assert_int_equal(common(vmm, &two, sizeof(two), &other, sizeof(other)),
				 first == 2 || first == 3);
		act.index = htole32(first);
		assert_int_equal(common(vmm, &two, sizeof(two), &act, sizeof(act)),
				 first == 2 || first == 3);
	}
	assert_true(common(vmm, &two, sizeof(two), &alloc, sizeof(alloc)));
	other = range_req(VIRTIO_IRQ_T_FREE, 0, 100);
	assert_true(common(vmm, &two, sizeof(two), &other, sizeof(other)));
	other.store = htole16(1);
	assert_false(common(vmm, &two, sizeof(two), &other, sizeof(other)));
	other = range_req(VIRTIO_IRQ_T_FREE, UINT32_MAX, 1);
	assert_true(common(vmm, &other, sizeof(other), &other, sizeof(other)));
	other.head.endpoint = htole32(EP2);
	assert_false(common(vmm, &two, sizeof(two), &other, sizeof(other)));

	/* It names all vectors unless it changes nothing */
	assert_true(common(vmm, &two, sizeof(two), &att, sizeof(att)));
	must_attach(vmm, EP);
	assert_false(common(vmm, &two, sizeof(two), &att, sizeof(att)));
	att.head.type = VIRTIO_IRQ_T_DETACH;
	assert_true(common(vmm, &two, sizeof(two), &att, sizeof(att)));
	assert_true(common(vmm, &att, sizeof(att), &att, sizeof(att)));
	att.head.endpoint = htole32(EP2);
	assert_false(common(vmm, &two, sizeof(two), &att, sizeof(att)));
}

/* DEV-163, DEV-91 */
static void activate_of_what_is_pending_is_busy(void **state)
{
	struct vmm *vmm = *state;

	start(vmm, 2, 0);
	must_activate(vmm, EP, 1);
	pending_index = 1;
	assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS2, 0, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_OK);
	assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
	/* Before NOENT and what the route is, after what is out of bounds */
	pending_index = 9;
	assert_int_equal(activate(vmm, EP, 9, ROUTE_REFUSED, 0, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(activate(vmm, EP2, 9, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
	vmm->has_pasid = true;
	assert_int_equal(activate(vmm, EP, 9, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_UNSUPP);
	vmm->has_pasid = false;
	pending_index = UINT32_MAX;
	assert_int_equal(activate(vmm, EP, 9, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_NOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(walk_foretells_what_is_committed, setup,
						vmm_teardown),
		cmocka_unit_test_setup_teardown(walk_stops_when_told, setup, vmm_teardown),
		cmocka_unit_test_setup_teardown(malformed_request_names_nothing, setup,
						vmm_teardown),
		cmocka_unit_test_setup_teardown(requests_with_a_vector_in_common, setup,
						vmm_teardown),
		cmocka_unit_test_setup_teardown(activate_of_what_is_pending_is_busy, setup,
						vmm_teardown),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
