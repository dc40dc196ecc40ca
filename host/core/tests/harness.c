// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VMM for tests of the device core.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "../../../drivers/virtio/virtio_irq_layout.h"

/* Linked with --wrap=malloc,--wrap=calloc: the core's calls come here */
void *__real_malloc(size_t size);
void *__real_calloc(size_t num, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t num, size_t size);

static unsigned int fail_from;
static unsigned int calls;

void fail_malloc_from(unsigned int nth)
{
	fail_from = nth;
	calls = 0;
}

unsigned int malloc_calls(void)
{
	return calls;
}

static bool fails(void)
{
	calls++;
	return fail_from && calls >= fail_from;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t num, size_t size)
{
	return fails() ? NULL : __real_calloc(num, size);
}

static uint8_t op_attach(void *opaque, struct virtio_irq_ep *ep, uint32_t endpoint,
			 struct virtio_irq_ep_info *info)
{
	struct vmm *vmm = opaque;

	/* What the core has preset: no window, no store */
	assert_true(info->window_start > info->window_end);
	assert_int_equal(info->num_stores, 0);
	assert_int_equal(info->pasid_width, 0);
	assert_int_equal(virtio_irq_core_ep_id(ep), endpoint);
	if (endpoint == EP_ABSENT)
		return VIRTIO_IRQ_S_NOENT;
	if (endpoint == EP_DENIED)
		return VIRTIO_IRQ_S_PERM;
	if (vmm->attach_status)
		return vmm->attach_status;

	for (size_t i = 0; i < ARRAY_SIZE(vmm->eps); i++) {
		struct test_ep *test_ep = &vmm->eps[i];

		if (test_ep->ep)
			continue;
		*test_ep = (struct test_ep) { .id = endpoint, .ep = ep };
		*info = vmm->info;
		info->priv = test_ep;
		vmm->attached++;
		return VIRTIO_IRQ_S_OK;
	}
	fail_msg("more than %zu endpoints", ARRAY_SIZE(vmm->eps));
	return VIRTIO_IRQ_S_DEVERR;
}

static void op_detach(void *opaque, struct virtio_irq_ep *ep, void *priv)
{
	struct test_ep *test_ep = priv;
	struct vmm *vmm = opaque;

	assert_ptr_equal(test_ep->ep, ep);
	assert_int_equal(virtio_irq_core_ep_id(ep), test_ep->id);
	test_ep->ep = NULL;
	vmm->detached++;
}

static uint8_t op_check_route(void *opaque, void *priv, const struct virtio_irq_msg *route)
{
	struct test_ep *test_ep = priv;
	struct vmm *vmm = opaque;

	assert_non_null(test_ep->ep);
	if (route->address == ROUTE_REFUSED)
		return VIRTIO_IRQ_S_RANGE;
	return vmm->check_status;
}

static void op_deliver(void *opaque, void *priv, const struct virtio_irq_msg *route)
{
	struct test_ep *test_ep = priv;

	(void)opaque;
	assert_non_null(test_ep->ep);
	test_ep->delivered++;
	test_ep->last = *route;
}

static uint8_t op_commit(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	struct test_ep *test_ep = priv;
	struct vmm *vmm = opaque;

	(void)store;
	(void)index;
	assert_non_null(test_ep->ep);
	vmm->commits++;
	if (vmm->commit_status && vmm->taken >= vmm->commit_limit)
		return vmm->commit_status;
	vmm->taken++;
	return VIRTIO_IRQ_S_OK;
}

static void op_release(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	struct test_ep *test_ep = priv;
	struct vmm *vmm = opaque;

	(void)store;
	(void)index;
	assert_non_null(test_ep->ep);
	assert_true(vmm->taken > 0);
	vmm->releases++;
	vmm->taken--;
}

/* What a message with the vector's pair would find now */
static void op_route_changed(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	struct test_ep *test_ep = priv;
	struct vmm *vmm = opaque;

	assert_non_null(test_ep->ep);
	vmm->changes++;
	vmm->changed.store = store;
	vmm->changed.index = index;
	vmm->changed.taken = vmm->taken;
	vmm->changed.route = (struct virtio_irq_msg) { .address = 0 };
	vmm->changed.verdict = virtio_irq_core_resolve(vmm->core, test_ep->ep, PAIR_ADDRESS,
						       vmm->changed.data, vmm->has_pasid,
						       vmm->pasid, &vmm->changed.route);
}

static bool op_pair(void *opaque, void *priv, uint16_t store, uint32_t index,
		    struct virtio_irq_msg *pair)
{
	struct test_ep *test_ep = priv;
	struct vmm *vmm = opaque;

	assert_non_null(test_ep->ep);
	(void)store;
	if (!vmm->host_pair.address)
		return false;
	pair->address = vmm->host_pair.address + index * vmm->host_stride;
	pair->data = vmm->host_pair.data;
	return true;
}

static void op_event(void *opaque)
{
	struct vmm *vmm = opaque;

	vmm->told++;
}

const struct virtio_irq_ops vmm_ops = {
	.attach = op_attach,
	.detach = op_detach,
	.check_route = op_check_route,
	.deliver = op_deliver,
	.commit = op_commit,
	.release = op_release,
	.route_changed = op_route_changed,
	.pair = op_pair,
	.event = op_event,
};

void vmm_new_core(struct vmm *vmm)
{
	vmm->core = virtio_irq_core_new(&vmm->config, &vmm_ops, vmm);
	assert_non_null(vmm->core);
	virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_ISOLATED);
}

void vmm_free_core(struct vmm *vmm)
{
	if (vmm->core)
		check_gauges(vmm);
	virtio_irq_core_free(vmm->core);
	vmm->core = NULL;
	assert_int_equal(vmm->attached, vmm->detached);
	assert_int_equal(vmm->taken, 0);
}

int vmm_setup(void **state)
{
	struct vmm *vmm = calloc(1, sizeof(*vmm));

	assert_non_null(vmm);
	vmm->config = (struct virtio_irq_core_config) {
		.max_vectors = 4096,
		.max_endpoints = 4,
		.max_count = 2048,
		.tlv_size = VIRTIO_IRQ_CORE_TLV_MIN,
		.seed = 1,
	};
	vmm->info = (struct virtio_irq_ep_info) {
		.window_start = WINDOW_START,
		.window_end = WINDOW_END,
		.pair_address = PAIR_ADDRESS,
		.num_stores = 1,
		.stores[0] = { .size = 2048, .multi_msi = 5 },
	};
	vmm_new_core(vmm);
	*state = vmm;
	return 0;
}

int vmm_teardown(void **state)
{
	struct vmm *vmm = *state;

	fail_malloc_from(0);
	vmm_free_core(vmm);
	free(vmm);
	return 0;
}

struct test_ep *vmm_ep(struct vmm *vmm, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(vmm->eps); i++)
		if (vmm->eps[i].ep && vmm->eps[i].id == id)
			return &vmm->eps[i];
	return NULL;
}

/*
 * Exactly the bytes that are offered are there to be read and written: address
 * sanitizer sees any other.
 */
uint8_t request(struct vmm *vmm, const void *req, size_t req_size, size_t rsp_size)
{
	unsigned int fail_saved = fail_from, calls_saved = calls;
	uint8_t *in, *out;
	uint8_t status = NO_STATUS;

	fail_from = 0;
	in = malloc(req_size ? req_size : 1);
	out = malloc(rsp_size ? rsp_size : 1);
	assert_non_null(in);
	assert_non_null(out);
	fail_from = fail_saved;
	calls = calls_saved;

	if (req_size)
		memcpy(in, req, req_size);
	if (rsp_size)
		memset(out, 0xaa, rsp_size);
	vmm->used = virtio_irq_core_request(vmm->core, in, req_size, out, rsp_size);
	assert_true(vmm->used <= rsp_size);
	assert_true(vmm->used == 0 || vmm->used >= sizeof(struct virtio_irq_rsp_head));
	assert_true(vmm->used <= sizeof(vmm->rsp));
	memset(vmm->rsp, 0, sizeof(vmm->rsp));
	memcpy(vmm->rsp, out, vmm->used);
	if (vmm->used) {
		status = out[0];
		for (size_t i = 1; i < sizeof(struct virtio_irq_rsp_head); i++)
			assert_int_equal(out[i], 0);
		if (status != VIRTIO_IRQ_S_OK)
			assert_int_equal(vmm->used, sizeof(struct virtio_irq_rsp_head));
	}
	free(in);
	free(out);
	return status;
}

static uint8_t typed(struct vmm *vmm, const void *req, size_t req_size, size_t success)
{
	uint8_t status = request(vmm, req, req_size, success);

	if (status == VIRTIO_IRQ_S_OK)
		assert_int_equal(vmm->used, success);
	return status;
}

uint8_t attach(struct vmm *vmm, uint32_t endpoint)
{
	struct virtio_irq_req_attach req = {
		.head = { .type = VIRTIO_IRQ_T_ATTACH, .endpoint = htole32(endpoint) },
	};

	return typed(vmm, &req, sizeof(req),
		     sizeof(struct virtio_irq_rsp_attach) + vmm->config.tlv_size);
}

uint8_t detach(struct vmm *vmm, uint32_t endpoint)
{
	struct virtio_irq_req_detach req = {
		.head = { .type = VIRTIO_IRQ_T_DETACH, .endpoint = htole32(endpoint) },
	};

	return typed(vmm, &req, sizeof(req), sizeof(struct virtio_irq_rsp_head));
}

uint8_t alloc_width(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count,
		    uint16_t flags, uint8_t width, uint32_t *granted)
{
	struct virtio_irq_req_alloc req = {
		.head = { .type = VIRTIO_IRQ_T_ALLOC, .endpoint = htole32(endpoint) },
		.store = htole16(vmm->store),
		.flags = htole16(flags),
		.first = htole32(first),
		.count = htole32(count),
		.addr_width = width,
	};
	struct virtio_irq_rsp_alloc rsp;
	uint8_t status = typed(vmm, &req, sizeof(req), sizeof(rsp));

	memcpy(&rsp, vmm->rsp, sizeof(rsp));
	if (status == VIRTIO_IRQ_S_OK) {
		/* Zero is a status */
		assert_true(le32toh(rsp.granted) >= 1);
		assert_true(le32toh(rsp.granted) <= count);
		assert_int_equal(!rsp.reason, le32toh(rsp.granted) == count);
		for (size_t i = 0; i < sizeof(rsp.reserved); i++)
			assert_int_equal(rsp.reserved[i], 0);
	}
	vmm->reason = rsp.reason;
	if (granted)
		*granted = le32toh(rsp.granted);
	return status;
}

uint8_t alloc(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count,
	      uint16_t flags, uint32_t *granted)
{
	return alloc_width(vmm, endpoint, first, count, flags, 64, granted);
}

static uint8_t range(struct vmm *vmm, uint8_t type, uint32_t endpoint, uint32_t first,
		     uint32_t count)
{
	struct virtio_irq_req_range req = {
		.head = { .type = type, .endpoint = htole32(endpoint) },
		.store = htole16(vmm->store),
		.first = htole32(first),
		.count = htole32(count),
	};

	return typed(vmm, &req, sizeof(req), sizeof(struct virtio_irq_rsp_head));
}

uint8_t commit(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count)
{
	return range(vmm, VIRTIO_IRQ_T_COMMIT, endpoint, first, count);
}

uint8_t release(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count)
{
	return range(vmm, VIRTIO_IRQ_T_RELEASE, endpoint, first, count);
}

uint8_t vfree(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count)
{
	return range(vmm, VIRTIO_IRQ_T_FREE, endpoint, first, count);
}

uint8_t activate(struct vmm *vmm, uint32_t endpoint, uint32_t index, uint64_t address,
		 uint32_t data, struct virtio_irq_msg *pair)
{
	struct virtio_irq_req_activate req = {
		.head = { .type = VIRTIO_IRQ_T_ACTIVATE, .endpoint = htole32(endpoint) },
		.store = htole16(vmm->store),
		.flags = htole16(vmm->has_pasid ? VIRTIO_IRQ_ACTIVATE_F_PASID_VALID : 0),
		.index = htole32(index),
		.address = htole64(address),
		.data = htole32(data),
		.pasid = htole32(vmm->pasid),
	};
	struct virtio_irq_rsp_activate rsp;
	uint8_t status = typed(vmm, &req, sizeof(req), sizeof(rsp));

	memcpy(&rsp, vmm->rsp, sizeof(rsp));
	if (pair) {
		pair->address = le64toh(rsp.address);
		pair->data = le32toh(rsp.data);
	}
	return status;
}

uint8_t deactivate(struct vmm *vmm, uint32_t endpoint, uint32_t index)
{
	struct virtio_irq_req_deactivate req = {
		.head = { .type = VIRTIO_IRQ_T_DEACTIVATE, .endpoint = htole32(endpoint) },
		.store = htole16(vmm->store),
		.index = htole32(index),
	};

	return typed(vmm, &req, sizeof(req), sizeof(struct virtio_irq_rsp_head));
}

void must_attach(struct vmm *vmm, uint32_t endpoint)
{
	assert_int_equal(attach(vmm, endpoint), VIRTIO_IRQ_S_OK);
	assert_non_null(vmm_ep(vmm, endpoint));
}

void must_alloc(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count,
		uint16_t flags)
{
	uint32_t granted;

	assert_int_equal(alloc(vmm, endpoint, first, count, flags, &granted), VIRTIO_IRQ_S_OK);
	assert_int_equal(granted, count);
}

struct virtio_irq_msg must_activate(struct vmm *vmm, uint32_t endpoint, uint32_t index)
{
	struct virtio_irq_msg pair;

	assert_int_equal(activate(vmm, endpoint, index, ROUTE_ADDRESS, 0x4000 + index, &pair),
			 VIRTIO_IRQ_S_OK);
	return pair;
}

void start(struct vmm *vmm, uint32_t count, uint16_t flags)
{
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 0, count, flags);
}

enum virtio_irq_verdict fire(struct vmm *vmm, uint32_t endpoint, uint64_t address,
			     uint32_t data)
{
	struct test_ep *ep = vmm_ep(vmm, endpoint);

	assert_non_null(ep);
	return virtio_irq_core_message(vmm->core, ep->ep, address, data, false, 0);
}

enum virtio_irq_verdict fire_pasid(struct vmm *vmm, uint32_t endpoint, uint64_t address,
				   uint32_t data, uint32_t pasid)
{
	struct test_ep *ep = vmm_ep(vmm, endpoint);

	assert_non_null(ep);
	return virtio_irq_core_message(vmm->core, ep->ep, address, data, true, pasid);
}

enum virtio_irq_verdict resolve(struct vmm *vmm, uint32_t endpoint, uint64_t address,
				uint32_t data, struct virtio_irq_msg *route)
{
	struct test_ep *ep = vmm_ep(vmm, endpoint);

	assert_non_null(ep);
	return virtio_irq_core_resolve(vmm->core, ep->ep, address, data, vmm->has_pasid,
				       vmm->pasid, route);
}

struct virtio_irq_stats stats(struct vmm *vmm)
{
	struct virtio_irq_stats s;

	virtio_irq_core_get_stats(vmm->core, &s);
	return s;
}

struct virtio_irq_quotas quotas(struct vmm *vmm)
{
	struct virtio_irq_quotas q;

	virtio_irq_core_get_quotas(vmm->core, &q);
	return q;
}

void set_quotas(struct vmm *vmm, struct virtio_irq_quotas q)
{
	virtio_irq_core_set_quotas(vmm->core, &q);
}

void accept_events(struct vmm *vmm)
{
	virtio_irq_core_set_features(vmm->core, UINT64_C(1) << VIRTIO_IRQ_F_ISOLATED |
				     UINT64_C(1) << VIRTIO_IRQ_F_PASID |
				     UINT64_C(1) << VIRTIO_IRQ_F_EVENTQ);
}

bool next_event(struct vmm *vmm, struct virtio_irq_event *event)
{
	uint8_t *bytes = malloc(VIRTIO_IRQ_CORE_EVENT_SIZE);
	bool any;

	assert_non_null(bytes);
	memset(bytes, 0xaa, VIRTIO_IRQ_CORE_EVENT_SIZE);
	any = virtio_irq_core_next_event(vmm->core, bytes);
	memcpy(event, bytes, sizeof(*event));
	free(bytes);
	event->store = le16toh(event->store);
	event->endpoint = le32toh(event->endpoint);
	event->first = le32toh(event->first);
	event->count = le32toh(event->count);
	event->address = le64toh(event->address);
	event->data = le32toh(event->data);
	event->flags = le32toh(event->flags);
	return any;
}

struct search {
	struct virtio_irq_vector_info info;
	bool found;
};

static bool search_fn(void *arg, const struct virtio_irq_vector_info *v)
{
	struct search *search = arg;

	if (v->endpoint != search->info.endpoint || v->store != search->info.store ||
	    v->index != search->info.index)
		return true;
	search->info = *v;
	search->found = true;
	return false;
}

bool vector(struct vmm *vmm, uint32_t endpoint, uint32_t index,
	    struct virtio_irq_vector_info *info)
{
	struct search search = {
		.info = { .endpoint = endpoint, .store = vmm->store, .index = index },
	};

	virtio_irq_core_walk_vectors(vmm->core, search_fn, &search);
	if (search.found && info)
		*info = search.info;
	return search.found;
}

uint32_t data_of(struct vmm *vmm, uint32_t endpoint, uint32_t index)
{
	struct virtio_irq_vector_info info = { .pair = { .data = 0 } };

	assert_true(vector(vmm, endpoint, index, &info));
	assert_int_equal(info.pair.address, PAIR_ADDRESS);
	return info.pair.data;
}

static bool count_fn(void *arg, const struct virtio_irq_vector_info *v)
{
	struct virtio_irq_stats *s = arg;

	s->allocated++;
	s->committed += v->committed;
	s->armed += v->armed;
	s->stale += v->stale;
	s->revoked += !!v->revoked;
	assert_true(v->committed || !v->armed);
	assert_false(v->revoked && (v->stale || v->committed));
	return true;
}

void check_gauges(struct vmm *vmm)
{
	struct virtio_irq_stats real = { .endpoints = 0 };
	struct virtio_irq_stats s = stats(vmm);

	virtio_irq_core_walk_vectors(vmm->core, count_fn, &real);
	for (size_t i = 0; i < ARRAY_SIZE(vmm->eps); i++)
		real.endpoints += !!vmm->eps[i].ep;
	assert_int_equal(s.endpoints, real.endpoints);
	assert_int_equal(s.allocated, real.allocated);
	assert_int_equal(s.committed, real.committed);
	assert_int_equal(s.armed, real.armed);
	assert_int_equal(s.stale, real.stale);
	assert_int_equal(s.revoked, real.revoked);
	assert_true(s.waiting <= s.allocated);
	assert_int_equal(s.committed, vmm->taken);
}

static void *exactly(size_t num, size_t size)
{
	/* malloc(0) may be NULL */
	void *p = calloc(num ? num : 1, num ? size : 1);

	assert_non_null(p);
	return p;
}

struct image save(struct vmm *vmm)
{
	struct image image;

	virtio_irq_core_count(vmm->core, &image.num_eps, &image.num_vectors);
	image.eps = exactly(image.num_eps, sizeof(*image.eps));
	image.vectors = exactly(image.num_vectors, sizeof(*image.vectors));
	virtio_irq_core_save(vmm->core, image.eps, image.vectors);
	return image;
}

void image_free(struct image image)
{
	free(image.eps);
	free(image.vectors);
}

int load(struct vmm *vmm, struct image image)
{
	struct virtio_irq_stats s;
	int ret;

	ret = virtio_irq_core_load(vmm->core, image.eps, image.num_eps, image.vectors,
				   image.num_vectors);
	s = stats(vmm);
	if (ret) {
		assert_int_equal(s.endpoints + s.allocated + s.committed + s.armed, 0);
		assert_int_equal(vmm->taken, 0);
		assert_int_equal(vmm->attached, vmm->detached);
	} else {
		check_gauges(vmm);
	}
	return ret;
}

struct virtio_irq_saved_vector *saved(struct image image, uint16_t store, uint32_t index)
{
	for (uint32_t i = 0; i < image.num_vectors; i++)
		if (image.vectors[i].store == store && image.vectors[i].index == index)
			return &image.vectors[i];
	fail_msg("vector %u of store %u is not in the image", (unsigned int)index, store);
	return NULL;
}

static int by_data(const void *a, const void *b)
{
	const struct virtio_irq_saved_vector *v = a, *w = b;

	return (v->data > w->data) - (v->data < w->data);
}

/* In which order an endpoint's vectors come is of no interest */
bool image_equal(struct image a, struct image b)
{
	uint32_t first = 0, num;

	if (a.num_eps != b.num_eps || a.num_vectors != b.num_vectors)
		return false;
	for (uint32_t i = 0; i < a.num_eps; i++) {
		const struct virtio_irq_saved_endpoint *e = &a.eps[i], *f = &b.eps[i];

		if (e->id != f->id || e->isolated != f->isolated ||
		    e->pasid_width != f->pasid_width || e->num_stores != f->num_stores ||
		    memcmp(e->stores, f->stores, sizeof(e->stores)) ||
		    e->window_start != f->window_start || e->window_end != f->window_end ||
		    e->pair_address != f->pair_address || e->num_vectors != f->num_vectors)
			return false;
		num = e->num_vectors;
		qsort(a.vectors + first, num, sizeof(*a.vectors), by_data);
		qsort(b.vectors + first, num, sizeof(*b.vectors), by_data);
		first += num;
	}
	return !memcmp(a.vectors, b.vectors, a.num_vectors * sizeof(*a.vectors));
}
