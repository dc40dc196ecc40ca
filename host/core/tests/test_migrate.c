// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about migration: what is saved is what is loaded, and nothing else is.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

/* Of the format, which must not change without a new version */
#define HEADER			40
/* With one store */
#define EP_SIZE			44
#define VECTOR_SIZE		44

#define H_VERSION		4
#define H_MAX_VECTORS		8
#define H_NEXT_LINE		24
#define H_NEXT_DATA16		28
#define H_NUM_EPS		32
#define H_FEATURES		36
#define E_ID			0
#define E_FLAGS			4
#define E_PASID_WIDTH		5
#define E_NUM_STORES		6
#define E_PAD			7
#define E_NUM			32
#define V_INDEX			0
#define V_DATA			4
#define V_STATE			8
#define V_STORE			12
#define V_WIDTH			14
#define V_ORDER			15
#define V_ROUTE			16
#define V_ROUTE_DATA		24
#define V_PAD			40

struct blob {
	uint8_t *data;
	size_t size;
};

static struct blob save(struct vmm *vmm)
{
	struct blob blob;

	assert_int_equal(virtio_irq_core_save(vmm->core, &blob.data, &blob.size), 0);
	assert_int_equal(blob.size, HEADER + stats(vmm).endpoints * EP_SIZE +
			 stats(vmm).allocated * VECTOR_SIZE);
	return blob;
}

/* A copy of exactly that size, so that reading past it is seen */
static int load_bytes(struct vmm *vmm, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, data, size);
	ret = virtio_irq_core_load(vmm->core, copy, size);
	free(copy);
	if (ret) {
		struct virtio_irq_stats s = stats(vmm);

		/* On any error the core is empty */
		assert_int_equal(s.endpoints + s.allocated + s.committed + s.armed, 0);
		assert_int_equal(vmm->taken, 0);
		assert_int_equal(vmm->attached, vmm->detached);
	} else {
		check_gauges(vmm);
	}
	return ret;
}

static int load(struct vmm *vmm, struct blob blob)
{
	return load_bytes(vmm, blob.data, blob.size);
}

/* Everything that can be: two endpoints, blocks with holes, all states */
static void populate(struct vmm *vmm)
{
	start(vmm, 8, 0);
	must_alloc(vmm, EP, 8, 8, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 16, 5, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 32, 7, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
	assert_int_equal(alloc_width(vmm, EP, 50, 3, VIRTIO_IRQ_ALLOC_F_COMMIT, 40, NULL), 0);
	assert_int_equal(vfree(vmm, EP, 3, 2), 0);
	assert_int_equal(vfree(vmm, EP, 33, 1), 0);
	assert_int_equal(commit(vmm, EP, 8, 4), 0);
	for (uint32_t i = 10; i < 14; i++)
		must_activate(vmm, EP, i);
	for (uint32_t i = 16; i < 20; i++)
		must_activate(vmm, EP, i);
	assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, data_of(vmm, EP, 10)), VIRTIO_IRQ_DELIVERED);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 2047, 1, 0);
	must_activate(vmm, EP2, 2047);
}

struct list {
	struct virtio_irq_vector_info info[64];
	size_t num;
};

static bool append(void *arg, const struct virtio_irq_vector_info *v)
{
	struct list *list = arg;

	assert_true(list->num < ARRAY_SIZE(list->info));
	/* No padding of *v in it */
	memset(&list->info[list->num], 0, sizeof(*v));
	list->info[list->num].endpoint = v->endpoint;
	list->info[list->num].store = v->store;
	list->info[list->num].index = v->index;
	list->info[list->num].armed = v->armed;
	list->info[list->num].committed = v->committed;
	list->info[list->num].contiguous = v->contiguous;
	list->info[list->num].pair.address = v->pair.address;
	list->info[list->num].pair.data = v->pair.data;
	list->info[list->num].route.address = v->route.address;
	list->info[list->num].route.data = v->route.data;
	list->info[list->num].delivered = v->delivered;
	list->info[list->num].routed = v->routed;
	list->num++;
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct virtio_irq_vector_info *v = a, *w = b;

	if (v->endpoint != w->endpoint)
		return v->endpoint < w->endpoint ? -1 : 1;
	return v->index < w->index ? -1 : v->index > w->index;
}

static void list_vectors(struct vmm *vmm, struct list *list)
{
	memset(list, 0, sizeof(*list));
	virtio_irq_core_walk_vectors(vmm->core, append, list);
	qsort(list->info, list->num, sizeof(list->info[0]), by_name);
}

static void migrate_round_trip_keeps_every_vector(void **state)
{
	struct list before, after;
	struct vmm *vmm = *state;
	struct blob blob, again;

	populate(vmm);
	list_vectors(vmm, &before);
	assert_int_equal(before.num, 29);
	blob = save(vmm);
	vmm_free_core(vmm);
	/* The destination has another seed */
	vmm->config.seed = 99;
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, blob), 0);
	list_vectors(vmm, &after);
	assert_memory_equal(&before, &after, sizeof(before));

	again = save(vmm);
	assert_int_equal(again.size, blob.size);
	assert_memory_equal(again.data, blob.data, blob.size);
	free(again.data);
	free(blob.data);
}

static void migrate_armed_pairs_work_and_others_do_not(void **state)
{
	struct vmm *vmm = *state;
	struct list list;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, blob), 0);
	list_vectors(vmm, &list);
	for (size_t i = 0; i < list.num; i++) {
		const struct virtio_irq_vector_info *v = &list.info[i];

		assert_int_equal(fire(vmm, v->endpoint, v->pair.address, v->pair.data),
				 v->armed ? VIRTIO_IRQ_DELIVERED : VIRTIO_IRQ_BLOCKED_FREED);
		if (v->armed)
			assert_int_equal(vmm_ep(vmm, v->endpoint)->last.data, v->route.data);
	}
	free(blob.data);
}

/* Requests on the destination find what the source left */
static void migrate_behaviour_goes_on(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	uint32_t base;
	struct blob blob;

	populate(vmm);
	pair.data = data_of(vmm, EP, 10);
	base = data_of(vmm, EP, 16);
	blob = save(vmm);
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);

	/* Idempotent, and the pair is the identical one */
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 8, 8, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 16, 5, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	assert_int_equal(must_activate(vmm, EP, 10).data, pair.data);
	assert_int_equal(alloc(vmm, EP, 50, 3, 0, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 32, 7, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS, NULL),
			 VIRTIO_IRQ_S_BUSY);
	/*
	 * The block's tail is still its own, and every other value that is taken,
	 * also when the cursor has come round; committed vectors are still committed.
	 */
	vmm->core->next_data16 = 0;
	for (unsigned int i = 0; i < 400; i++) {
		must_alloc(vmm, EP, 1000 + i, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
		assert_true(data_of(vmm, EP, 1000 + i) < base ||
			    data_of(vmm, EP, 1000 + i) >= base + 8);
		for (uint32_t j = 8; j < 16; j++)
			assert_int_not_equal(data_of(vmm, EP, 1000 + i), data_of(vmm, EP, j));
	}
	assert_int_equal(deactivate(vmm, EP, 10), VIRTIO_IRQ_S_OK);
	assert_int_equal(vfree(vmm, EP, 0, 2048), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 1);
}

static void migrate_does_not_reuse_data_values_soon(void **state)
{
	struct vmm *vmm = *state;
	uint32_t data, data16;
	struct blob blob;

	start(vmm, 1, 0);
	must_alloc(vmm, EP, 1, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	data = data_of(vmm, EP, 0);
	data16 = data_of(vmm, EP, 1);
	assert_int_equal(vfree(vmm, EP, 0, 2), 0);
	blob = save(vmm);
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
	must_alloc(vmm, EP, 0, 1, 0);
	must_alloc(vmm, EP, 1, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	assert_int_not_equal(data_of(vmm, EP, 0), data);
	assert_int_not_equal(data_of(vmm, EP, 1), data16);
}

static void migrate_empty_core(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob = save(vmm);

	assert_int_equal(blob.size, HEADER);
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
	start(vmm, 8, 0);
}

static void migrate_what_is_taken_stays_whatever_the_quotas(void **state)
{
	struct virtio_irq_quotas none = { .vectors = 0 };
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	set_quotas(vmm, none);
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
	assert_int_equal(stats(vmm).allocated, 29);
	assert_int_equal(quotas(vmm).pool, 0);
	assert_int_equal(quotas(vmm).committed, 0);
	must_activate(vmm, EP, 10);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
}

static void load_needs_a_core_without_endpoints(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob = save(vmm);

	start(vmm, 8, 0);
	assert_int_equal(virtio_irq_core_load(vmm->core, blob.data, blob.size), -EINVAL);
	/* And leaves one with endpoints alone */
	assert_int_equal(stats(vmm).allocated, 8);
	free(blob.data);
}

static void load_with_another_config_is_einval(void **state)
{
	struct vmm *vmm = *state;
	const struct virtio_irq_core_config config = vmm->config;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	for (unsigned int i = 0; i < 4; i++) {
		vmm_free_core(vmm);
		vmm->config = config;
		if (i == 0)
			vmm->config.max_vectors++;
		else if (i == 1)
			vmm->config.max_endpoints++;
		else if (i == 2)
			vmm->config.max_count++;
		else
			vmm->config.tlv_size += 8;
		vmm_new_core(vmm);
		assert_int_equal(load(vmm, blob), -EINVAL);
	}
	free(blob.data);
}

static void load_of_an_endpoint_that_is_refused_is_enodev(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	vmm->attach_status = VIRTIO_IRQ_S_NOENT;
	assert_int_equal(load(vmm, blob), -ENODEV);
	vmm->attach_status = 0;
	virtio_irq_put32(blob.data + HEADER + E_ID, EP_DENIED);
	assert_int_equal(load(vmm, blob), -ENODEV);
	free(blob.data);
}

/* The guest has been told once, and there is no way to tell it again */
static void load_of_an_endpoint_that_has_changed_is_enodev(void **state)
{
	struct virtio_irq_ep_info info;
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	info = vmm->info;
	for (unsigned int i = 0; i < 7; i++) {
		vmm->info = info;
		if (i == 0)
			vmm->info.isolated = true;
		else if (i == 1)
			vmm->info.window_start -= 4;
		else if (i == 2)
			vmm->info.window_end += 4;
		else if (i == 3)
			vmm->info.pair_address += 4;
		else if (i == 4)
			vmm->info.stores[0].size++;
		else if (i == 5)
			vmm->info.stores[0].flags ^= VIRTIO_IRQ_STORE_F_COMMIT;
		else
			vmm->info.stores[0].multi_msi--;
		assert_int_equal(load(vmm, blob), -ENODEV);
	}
	vmm->info = info;
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
}

static void load_where_commit_is_refused_is_an_error(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	for (unsigned int n = 0; n < 12; n++) {
		vmm->commit_limit = n;
		vmm->commit_status = VIRTIO_IRQ_S_PERM;
		assert_int_equal(load(vmm, blob), -ENOSPC);
		vmm->commit_status = VIRTIO_IRQ_S_NOMEM;
		assert_int_equal(load(vmm, blob), -ENOMEM);
	}
	vmm->commit_status = 0;
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
}

static void load_of_a_route_that_cannot_be_delivered_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	vmm->check_status = VIRTIO_IRQ_S_RANGE;
	assert_int_equal(load(vmm, blob), -EINVAL);
	vmm->check_status = 0;
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
}

static void save_without_memory_is_enomem(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	for (unsigned int n = 1; n <= 2; n++) {
		fail_malloc_from(n);
		assert_int_equal(virtio_irq_core_save(vmm->core, &blob.data, &blob.size), -ENOMEM);
	}
	fail_malloc_from(0);
	blob = save(vmm);
	free(blob.data);
}

static void load_without_memory_is_enomem(void **state)
{
	struct vmm *vmm = *state;
	unsigned int nth = 0;
	struct blob blob;
	int ret;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	do {
		virtio_irq_core_reset(vmm->core);
		fail_malloc_from(++nth);
		ret = virtio_irq_core_load(vmm->core, blob.data, blob.size);
		assert_true(ret == 0 || ret == -ENOMEM);
	} while (ret);
	fail_malloc_from(0);
	/* A handle and a map for an endpoint, vectors, another handle */
	assert_true(nth > 3);
	free(blob.data);
}

static void load_of_a_truncated_blob_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	for (size_t size = 0; size < blob.size; size++)
		assert_int_equal(load_bytes(vmm, blob.data, size), -EINVAL);
	free(blob.data);
}

static void load_of_trailing_bytes_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;
	uint8_t *longer;

	populate(vmm);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	longer = calloc(1, blob.size + 1);
	assert_non_null(longer);
	memcpy(longer, blob.data, blob.size);
	assert_int_equal(load_bytes(vmm, longer, blob.size + 1), -EINVAL);
	free(longer);
	free(blob.data);
}

/*
 * Two endpoints, one with a block of 4 (the first three of it), a DATA16 vector
 * and a wide one behind it, in the order of the blob.
 */
static struct blob small_blob(struct vmm *vmm)
{
	struct blob blob;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 4, 3, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 20, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 21, 1, 0);
	must_activate(vmm, EP, 21);
	must_attach(vmm, EP2);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	return blob;
}

static uint8_t *vec(struct blob blob, unsigned int n)
{
	return blob.data + HEADER + EP_SIZE + n * VECTOR_SIZE;
}

/* One change that makes it senseless */
static void load_of_a_corrupted_field_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob good = small_blob(vmm), bad = good;
	uint8_t *ep2 = NULL, *e;
	unsigned int num = 0;

	bad.data = malloc(good.size);
	assert_non_null(bad.data);
	assert_int_equal(load(vmm, good), 0);
	virtio_irq_core_reset(vmm->core);

#define BAD(offset_of, put, value)						\
	do {									\
		memcpy(bad.data, good.data, good.size);				\
		e = bad.data + HEADER;						\
		ep2 = bad.data + good.size - EP_SIZE;				\
		(void)e;							\
		(void)ep2;							\
		put(offset_of, value);						\
		assert_int_equal(load(vmm, bad), -EINVAL);			\
		num++;								\
	} while (0)
#define PUT8(p, v)	(*(p) = (v))

	BAD(bad.data, PUT8, 'v');
	BAD(bad.data + H_VERSION, virtio_irq_put32, 1);
	BAD(bad.data + H_MAX_VECTORS, virtio_irq_put32, 4095);
	BAD(bad.data + H_NEXT_LINE, virtio_irq_put32, VIRTIO_IRQ_LINE_FIRST - 1);
	BAD(bad.data + H_NEXT_LINE, virtio_irq_put32, VIRTIO_IRQ_LINE_END);
	BAD(bad.data + H_NEXT_DATA16, virtio_irq_put32, VIRTIO_IRQ_DATA16_END);
	BAD(bad.data + H_NUM_EPS, virtio_irq_put32, 5);
	BAD(bad.data + H_NUM_EPS, virtio_irq_put32, UINT32_MAX);
	BAD(bad.data + H_NUM_EPS, virtio_irq_put32, 1);
	BAD(bad.data + H_NUM_EPS, virtio_irq_put32, 3);
	BAD(bad.data + H_FEATURES, virtio_irq_put32, 1);
	BAD(bad.data + H_FEATURES, virtio_irq_put32, 4);
	/* The same endpoint twice */
	BAD(ep2 + E_ID, virtio_irq_put32, EP);
	BAD(e + E_FLAGS, PUT8, 2);
	BAD(e + E_PAD, PUT8, 1);
	BAD(e + E_NUM_STORES, PUT8, VIRTIO_IRQ_CORE_MAX_STORES + 1);
	/* So many that they end after the blob */
	BAD(ep2 + E_NUM_STORES, PUT8, 2);
	BAD(ep2 + E_NUM, virtio_irq_put32, 1);
	BAD(ep2 + E_NUM, virtio_irq_put32, UINT32_MAX);

	BAD(vec(bad, 3) + V_INDEX, virtio_irq_put32, 2048);
	/* Two vectors of a name */
	BAD(vec(bad, 3) + V_INDEX, virtio_irq_put32, 4);
	BAD(vec(bad, 4) + V_INDEX, virtio_irq_put32, 20);
	/* A block whose first index would be below 0, or not the same */
	BAD(vec(bad, 1) + V_INDEX, virtio_irq_put32, 0);
	BAD(vec(bad, 1) + V_INDEX, virtio_irq_put32, 7);
	/* DATA16 and the value do not agree */
	BAD(vec(bad, 3) + V_DATA, virtio_irq_put32, 0x10000);
	BAD(vec(bad, 4) + V_DATA, virtio_irq_put32, 0xffff);
	/* Not ascending; the same twice; in the block and in its tail */
	BAD(vec(bad, 3) + V_DATA, virtio_irq_put32, 0);
	BAD(vec(bad, 1) + V_DATA, virtio_irq_put32, 0);
	BAD(vec(bad, 3) + V_DATA, virtio_irq_put32, 2);
	BAD(vec(bad, 3) + V_DATA, virtio_irq_put32, 3);
	BAD(vec(bad, 2) + V_DATA, virtio_irq_put32, 3);
	BAD(vec(bad, 0) + V_STATE, virtio_irq_put32, VIRTIO_IRQ_V_DATA16);
	BAD(vec(bad, 1) + V_STATE, virtio_irq_put32, VIRTIO_IRQ_V_DATA16);
	BAD(vec(bad, 3) + V_STATE, virtio_irq_put32, 0);
	BAD(vec(bad, 3) + V_STATE, virtio_irq_put32, VIRTIO_IRQ_V_DATA16 | VIRTIO_IRQ_V_TAKEN);
	BAD(vec(bad, 3) + V_STATE, virtio_irq_put32,
	    VIRTIO_IRQ_V_DATA16 | VIRTIO_IRQ_V_PASID_VALID);
	BAD(vec(bad, 3) + V_STATE, virtio_irq_put32, VIRTIO_IRQ_V_DATA16 | 5);
	BAD(vec(bad, 3) + V_STATE, virtio_irq_put32, VIRTIO_IRQ_V_DATA16 | 1u << 31);
	/* Not armed, but with a route */
	BAD(vec(bad, 4) + V_STATE, virtio_irq_put32, 0);
	BAD(vec(bad, 3) + V_ROUTE, virtio_irq_put64, ROUTE_ADDRESS);
	BAD(vec(bad, 3) + V_ROUTE_DATA, virtio_irq_put32, 1);
	/* Armed with one that cannot be delivered */
	BAD(vec(bad, 4) + V_ROUTE, virtio_irq_put64, ROUTE_ADDRESS + 2);
	BAD(vec(bad, 4) + V_ROUTE, virtio_irq_put64, ROUTE_REFUSED);
	BAD(vec(bad, 3) + V_STORE, virtio_irq_put16, 1);
	BAD(vec(bad, 3) + V_WIDTH, PUT8, 1);
	BAD(vec(bad, 3) + V_WIDTH, PUT8, 65);
	/* The pair address does not fit; other constraints than the block's */
	BAD(vec(bad, 3) + V_WIDTH, PUT8, 31);
	BAD(vec(bad, 1) + V_WIDTH, PUT8, 40);
	/* A block that is none, too large, or of two sizes */
	BAD(vec(bad, 3) + V_ORDER, PUT8, 1);
	BAD(vec(bad, 0) + V_ORDER, PUT8, 6);
	BAD(vec(bad, 0) + V_ORDER, PUT8, 255);
	BAD(vec(bad, 1) + V_ORDER, PUT8, 1);
	BAD(vec(bad, 2) + V_ORDER, PUT8, 1);
	BAD(vec(bad, 2) + V_ORDER, PUT8, 5);
	BAD(vec(bad, 3) + V_PAD, virtio_irq_put32, 1);
	assert_int_equal(num, 55);

	assert_int_equal(load(vmm, good), 0);
	free(bad.data);
	free(good.data);
}

/* The order is part of the format, also within a block */
static void load_of_vectors_out_of_order_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob = small_blob(vmm);
	uint8_t swap[VECTOR_SIZE];

	for (unsigned int i = 0; i < 4; i++) {
		memcpy(swap, vec(blob, i), VECTOR_SIZE);
		memcpy(vec(blob, i), vec(blob, i + 1), VECTOR_SIZE);
		memcpy(vec(blob, i + 1), swap, VECTOR_SIZE);
		assert_int_equal(load(vmm, blob), -EINVAL);
		memcpy(vec(blob, i + 1), vec(blob, i), VECTOR_SIZE);
		memcpy(vec(blob, i), swap, VECTOR_SIZE);
	}
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
}

/* The second vector of a block of which the first would have index -1 */
static void load_of_a_block_that_begins_before_the_store_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob = small_blob(vmm);
	uint8_t *v = vec(blob, 3);

	virtio_irq_put32(v + V_STATE, VIRTIO_IRQ_V_DATA16 | VIRTIO_IRQ_V_CONTIGUOUS);
	v[V_ORDER] = 1;
	virtio_irq_put32(v + V_DATA, 5);
	virtio_irq_put32(v + V_INDEX, 0);
	assert_int_equal(load(vmm, blob), -EINVAL);
	/* It is that alone */
	virtio_irq_put32(v + V_INDEX, 1);
	assert_int_equal(load(vmm, blob), 0);
	free(blob.data);
}

static void load_of_more_than_max_vectors_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct blob blob;

	vmm_free_core(vmm);
	vmm->config.max_vectors = 2;
	vmm_new_core(vmm);
	start(vmm, 2, 0);
	blob = save(vmm);
	virtio_irq_core_reset(vmm->core);
	blob.data = realloc(blob.data, blob.size + VECTOR_SIZE);
	assert_non_null(blob.data);
	memcpy(blob.data + blob.size, blob.data + blob.size - VECTOR_SIZE, VECTOR_SIZE);
	virtio_irq_put32(blob.data + blob.size + V_INDEX, 2);
	virtio_irq_put32(blob.data + blob.size + V_DATA, UINT32_MAX);
	virtio_irq_put32(blob.data + HEADER + E_NUM, 3);
	blob.size += VECTOR_SIZE;
	assert_int_equal(load(vmm, blob), -EINVAL);
	free(blob.data);
}

/* Any single bit: an error, or something that is as good as a guest's own doing */
static void load_survives_every_flipped_bit(void **state)
{
	struct vmm *vmm = *state;
	struct blob good = small_blob(vmm);
	unsigned int accepted = 0;

	for (size_t bit = 0; bit < good.size * 8; bit++) {
		struct blob bad = { .size = good.size };
		struct blob again;
		int ret;

		bad.data = malloc(good.size);
		assert_non_null(bad.data);
		memcpy(bad.data, good.data, good.size);
		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ret = load(vmm, bad);
		assert_true(ret == 0 || ret == -EINVAL || ret == -ENODEV);
		if (!ret) {
			/* Nothing of it was lost or bent */
			accepted++;
			again = save(vmm);
			assert_int_equal(again.size, bad.size);
			assert_memory_equal(again.data, bad.data, bad.size);
			free(again.data);
			must_attach(vmm, EP);
			must_alloc(vmm, EP, 1500, 40, VIRTIO_IRQ_ALLOC_F_DATA16);
			must_alloc(vmm, EP, 1600, 40, 0);
		}
		free(bad.data);
		virtio_irq_core_reset(vmm->core);
	}
	/* Counters, routes, cursors and some indices may be anything */
	assert_true(accepted > 100);
	free(good.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(migrate_round_trip_keeps_every_vector),
		unit(migrate_armed_pairs_work_and_others_do_not),
		unit(migrate_behaviour_goes_on),
		unit(migrate_does_not_reuse_data_values_soon),
		unit(migrate_empty_core),
		unit(migrate_what_is_taken_stays_whatever_the_quotas),
		unit(load_needs_a_core_without_endpoints),
		unit(load_with_another_config_is_einval),
		unit(load_of_an_endpoint_that_is_refused_is_enodev),
		unit(load_of_an_endpoint_that_has_changed_is_enodev),
		unit(load_where_commit_is_refused_is_an_error),
		unit(load_of_a_route_that_cannot_be_delivered_is_einval),
		unit(save_without_memory_is_enomem),
		unit(load_without_memory_is_enomem),
		unit(load_of_a_truncated_blob_is_einval),
		unit(load_of_trailing_bytes_is_einval),
		unit(load_of_a_corrupted_field_is_einval),
		unit(load_of_vectors_out_of_order_is_einval),
		unit(load_of_a_block_that_begins_before_the_store_is_einval),
		unit(load_of_more_than_max_vectors_is_einval),
		unit(load_survives_every_flipped_bit),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
