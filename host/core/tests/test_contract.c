// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the specification says as a table or of everything at once: the table of
 * states, which status may answer what, reserved fields, properties.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* The states of a vector, and every request that has a row in their table */
enum state { IS_FREE, RESERVED, COMMITTED, ARMED, ARMED_C, NUM_STATES };

#define REFUSED		NUM_STATES

static uint8_t do_alloc(struct vmm *vmm)
{
	return alloc(vmm, EP, 1, 1, 0, NULL);
}

static uint8_t do_alloc_commit(struct vmm *vmm)
{
	return alloc(vmm, EP, 1, 1, VIRTIO_IRQ_ALLOC_F_COMMIT, NULL);
}

static uint8_t do_commit(struct vmm *vmm)
{
	return commit(vmm, EP, 1, 1);
}

static uint8_t do_release(struct vmm *vmm)
{
	return release(vmm, EP, 1, 1);
}

static uint8_t do_activate(struct vmm *vmm)
{
	return activate(vmm, EP, 1, ROUTE_ADDRESS2, 7, NULL);
}

static uint8_t do_deactivate(struct vmm *vmm)
{
	return deactivate(vmm, EP, 1);
}

static uint8_t do_free(struct vmm *vmm)
{
	return vfree(vmm, EP, 1, 1);
}

/* From free, reserved, committed, armed, armed and committed */
static const struct {
	uint8_t (*request)(struct vmm *vmm);
	enum state to[NUM_STATES];
} table[] = {
	{ do_alloc, { RESERVED, RESERVED, COMMITTED, ARMED, ARMED_C } },
	{ do_alloc_commit, { COMMITTED, COMMITTED, COMMITTED, ARMED_C, ARMED_C } },
	{ do_commit, { REFUSED, COMMITTED, COMMITTED, ARMED_C, ARMED_C } },
	{ do_release, { REFUSED, RESERVED, RESERVED, ARMED, ARMED } },
	{ do_activate, { REFUSED, ARMED, ARMED_C, ARMED, ARMED_C } },
	{ do_deactivate, { REFUSED, RESERVED, COMMITTED, RESERVED, COMMITTED } },
	{ do_free, { IS_FREE, IS_FREE, IS_FREE, IS_FREE, IS_FREE } },
};

static void bring_to(struct vmm *vmm, enum state state)
{
	assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
	if (state == RESERVED || state == ARMED)
		must_alloc(vmm, EP, 1, 1, 0);
	if (state == COMMITTED || state == ARMED_C)
		must_alloc(vmm, EP, 1, 1, VIRTIO_IRQ_ALLOC_F_COMMIT);
	if (state == ARMED || state == ARMED_C)
		must_activate(vmm, EP, 1);
}

/* Only DEACTIVATE shows whether an armed vector is committed, so this may change it */
static enum state find_state(struct vmm *vmm)
{
	struct virtio_irq_vector_info info;
	bool armed;

	if (!vector(vmm, EP, 1, &info))
		return IS_FREE;
	armed = info.armed;
	if (armed) {
		assert_int_equal(fire(vmm, EP, info.pair.address, info.pair.data),
				 VIRTIO_IRQ_DELIVERED);
		assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
		assert_true(vector(vmm, EP, 1, &info));
	}
	assert_int_equal(fire(vmm, EP, info.pair.address, info.pair.data),
			 VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vmm->taken, info.committed ? 1 : 0);
	if (armed)
		return info.committed ? ARMED_C : ARMED;
	return info.committed ? COMMITTED : RESERVED;
}

/* DEV-42 */
static void every_cell_of_the_table_of_states(void **state)
{
	struct vmm *vmm = *state;
	enum state from, to;

	must_attach(vmm, EP);
	/* One that no request names, which nothing may happen to */
	must_alloc(vmm, EP, 0, 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		for (from = IS_FREE; from < NUM_STATES; from++) {
			to = table[i].to[from];
			bring_to(vmm, from);
			assert_int_equal(table[i].request(vmm),
					 to == REFUSED ? VIRTIO_IRQ_S_NOENT : VIRTIO_IRQ_S_OK);
			assert_int_equal(find_state(vmm), to == REFUSED ? from : to);
			assert_true(vector(vmm, EP, 0, NULL));
		}
	}
	for (from = IS_FREE; from < NUM_STATES; from++) {
		bring_to(vmm, from);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
		assert_int_equal(vmm->taken, 0);
		must_attach(vmm, EP);
		assert_int_equal(find_state(vmm), IS_FREE);
		bring_to(vmm, from);
		virtio_irq_core_reset(vmm->core);
		assert_int_equal(vmm->taken, 0);
		must_attach(vmm, EP);
		assert_int_equal(find_state(vmm), IS_FREE);
		must_alloc(vmm, EP, 0, 1, 0);
	}
}

/* DEV-43: the second time nothing changes, and nothing is asked of the host */
static void every_request_is_idempotent(void **state)
{
	struct virtio_irq_quotas q = { .vectors = 1, .endpoint_vectors = 1, .committed = 1,
				       .pool = 1 };
	struct vmm *vmm = *state;
	unsigned int commits, releases;
	uint8_t first[sizeof(vmm->rsp)];
	enum state from, to;
	uint8_t status;

	must_attach(vmm, EP);
	/* There is just enough for one vector, once */
	set_quotas(vmm, q);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		for (from = IS_FREE; from < NUM_STATES; from++) {
			to = table[i].to[from];
			bring_to(vmm, from);
			status = table[i].request(vmm);
			memcpy(first, vmm->rsp, sizeof(first));
			commits = vmm->commits;
			releases = vmm->releases;
			assert_int_equal(table[i].request(vmm), status);
			assert_memory_equal(first, vmm->rsp, sizeof(first));
			assert_int_equal(vmm->commits, commits);
			assert_int_equal(vmm->releases, releases);
			assert_int_equal(find_state(vmm), to == REFUSED ? from : to);
		}
	}
}

/* DEV-37: of a success; the harness looks at the head of every reply */
static void reserved_fields_of_replies_are_zero(void **state)
{
	struct virtio_irq_rsp_activate act;
	struct virtio_irq_rsp_attach att;
	struct virtio_irq_rsp_alloc all;
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	memcpy(&att, vmm->rsp, sizeof(att));
	assert_memory_equal(att.reserved, "\0\0\0\0", sizeof(att.reserved));
	must_alloc(vmm, EP, 0, 4, 0);
	memcpy(&all, vmm->rsp, sizeof(all));
	assert_memory_equal(all.reserved, "\0\0\0", sizeof(all.reserved));
	must_activate(vmm, EP, 0);
	memcpy(&act, vmm->rsp, sizeof(act));
	assert_memory_equal(act.reserved, "\0\0\0\0", sizeof(act.reserved));
}

/* DEV-55: what the VMM would say now does not count */
static void properties_stay_those_of_attach(void **state)
{
	struct vmm *vmm = *state;
	uint8_t first[sizeof(vmm->rsp)];
	struct virtio_irq_ep_info before;

	must_attach(vmm, EP);
	memcpy(first, vmm->rsp, sizeof(first));
	before = vmm->info;
	vmm->info.stores[0].size = 4;
	vmm->info.stores[0].multi_msi = 0;
	vmm->info.isolated = !before.isolated;
	vmm->info.window_end = before.window_end + 0x100000;
	must_attach(vmm, EP);
	assert_memory_equal(first, vmm->rsp, sizeof(first));
	must_alloc(vmm, EP, 4, 1, 0);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	must_attach(vmm, EP);
	assert_memory_not_equal(first, vmm->rsp, sizeof(first));
}

/* DEV-89: statuses that the steps and the tables of types provide for, one bit each */
#define BIT(status)	(1u << VIRTIO_IRQ_S_##status)
#define STEPS		(BIT(OK) | BIT(INVAL) | BIT(DEVERR))
#define LACK		(BIT(QUOTA) | BIT(NOSPC) | BIT(NOMEM))
#define RANGES		(STEPS | BIT(UNSUPP) | BIT(RANGE))

static const unsigned int allowed[] = {
	[VIRTIO_IRQ_T_ATTACH]	  = STEPS | BIT(PERM) | BIT(NOENT) | BIT(BUSY) | LACK,
	[VIRTIO_IRQ_T_DETACH]	  = STEPS,
	[VIRTIO_IRQ_T_ALLOC]	  = RANGES | BIT(NOENT) | BIT(BUSY) | BIT(PERM) | LACK,
	[VIRTIO_IRQ_T_COMMIT]	  = RANGES | BIT(NOENT) | BIT(BUSY) | BIT(PERM) | LACK,
	[VIRTIO_IRQ_T_RELEASE]	  = RANGES | BIT(NOENT),
	[VIRTIO_IRQ_T_ACTIVATE]	  = RANGES | BIT(NOENT) | BIT(BUSY) | BIT(PERM) | LACK,
	[VIRTIO_IRQ_T_DEACTIVATE] = STEPS | BIT(UNSUPP) | BIT(NOENT),
	[VIRTIO_IRQ_T_FREE]	  = RANGES,
};

static uint32_t dice(uint64_t *seed, size_t sides)
{
	/* Knuth's, its upper half */
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*seed >> 33) % sides);
}

/* The VMM and its limits change their minds */
static void change_minds(struct vmm *vmm, uint64_t *seed)
{
	vmm->attach_status = dice(seed, 4) ? 0 : VIRTIO_IRQ_S_BUSY;
	vmm->commit_status = (uint8_t)(dice(seed, 2) ? 0 : dice(seed, 12));
	vmm->commit_limit = dice(seed, 2);
	set_quotas(vmm, (struct virtio_irq_quotas) {
		.vectors = dice(seed, 12),
		.endpoint_vectors = dice(seed, 12),
		.committed = dice(seed, 12),
		.pool = dice(seed, 12),
	});
}

/* A request that may or may not make sense; returns its size */
static size_t some_request(uint64_t *seed, uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX])
{
	static const uint32_t endpoints[] = { EP, EP, EP, EP2, EP_ABSENT, EP_DENIED };
	static const uint32_t values[] = { 0, 1, 2, 3, 4, 7, 2047, 2048, UINT32_MAX };
	static const uint8_t sizes[] = { 16, 16, 24, 24, 24, 32, 16, 24 };
	uint8_t type = (uint8_t)(1 + dice(seed, 8));
	bool rare = dice(seed, 16) == 0;
	size_t size, fields;
	uint64_t route;
	uint32_t word;

	/* What takes everything away comes seldom */
	if (type == VIRTIO_IRQ_T_DETACH && !rare)
		type = VIRTIO_IRQ_T_ATTACH;
	size = sizes[type - 1];
	memset(req, 0, VIRTIO_IRQ_CORE_REQ_MAX);
	req[0] = type;
	word = htole32(endpoints[dice(seed, ARRAY_SIZE(endpoints))]);
	memcpy(req + 4, &word, sizeof(word));
	/* Some end with reserved bytes, and two have nothing else */
	fields = type <= VIRTIO_IRQ_T_DETACH ? 0 : type == VIRTIO_IRQ_T_ACTIVATE ? 32 : 20;
	for (size_t at = 12; at < fields && at < size; at += 4) {
		word = htole32(values[dice(seed, rare ? ARRAY_SIZE(values) : 3)]);
		memcpy(req + at, &word, sizeof(word));
	}
	if (type == VIRTIO_IRQ_T_ALLOC) {
		req[10] = (uint8_t)dice(seed, 8);
		req[20] = dice(seed, 4) ? 64 : 20;
	}
	if (type == VIRTIO_IRQ_T_ACTIVATE && dice(seed, 4)) {
		route = htole64(ROUTE_ADDRESS);
		memcpy(req + 16, &route, sizeof(route));
		memset(req + 28, 0, 4);
	}
	if (dice(seed, 32) == 0)
		req[1 + dice(seed, size - 1)] ^= (uint8_t)dice(seed, 256);
	return size;
}

static void statuses_are_those_of_the_tables(void **state)
{
	unsigned int seen[ARRAY_SIZE(allowed)] = { 0 };
	uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX];
	struct vmm *vmm = *state;
	uint64_t seed = 1;
	uint8_t status;
	size_t size;

	for (unsigned int n = 0; n < 200000; n++) {
		if (n % 64 == 0)
			change_minds(vmm, &seed);
		size = some_request(&seed, req);
		status = request(vmm, req, size, 16 + vmm->config.tlv_size);
		assert_true(status <= VIRTIO_IRQ_S_DEVERR);
		if (!(allowed[req[0]] & 1u << status))
			fail_msg("request of type %u is answered with status %u", req[0], status);
		seen[req[0]] |= 1u << status;
	}
	/* Otherwise it shows nothing */
	for (size_t type = 1; type < ARRAY_SIZE(allowed); type++)
		assert_true(seen[type] & BIT(OK) && seen[type] & BIT(INVAL));
	assert_int_equal(seen[VIRTIO_IRQ_T_ALLOC] & LACK, LACK);
	assert_true(seen[VIRTIO_IRQ_T_COMMIT] & BIT(PERM));
	assert_true(seen[VIRTIO_IRQ_T_ATTACH] & BIT(PERM));
	assert_true(seen[VIRTIO_IRQ_T_ATTACH] & BIT(NOENT));
	vmm->commit_status = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(every_cell_of_the_table_of_states),
		unit(every_request_is_idempotent),
		unit(reserved_fields_of_replies_are_zero),
		unit(properties_stay_those_of_attach),
		unit(statuses_are_those_of_the_tables),
	};

	return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
