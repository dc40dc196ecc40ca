// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: save and load.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * All little-endian:
 *
 *	header		magic, version, the config that the guest has read,
 *			cursors of the data values, number of endpoints, features
 *	each endpoint	what the guest was told of it, number of vectors
 *	 each store	of the endpoint
 *	each vector	by ascending data value
 *
 * The order by data value lets load() see with one look back that no value
 * exists twice and that blocks do not overlap. Quotas and statistics are the
 * VMM's and stay; a vector's own counters move with it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_irq_internal.h"

#define MAGIC			UINT32_C(0x51524956)	/* "VIRQ" */
#define VERSION			2

#define HEADER_SIZE		40
#define EP_SIZE			36
#define STORE_SIZE		8
#define VECTOR_SIZE		44

#define EP_F_ISOLATED		(1 << 0)
#define VECTOR_STATE		\
	(VIRTIO_IRQ_V_ARMED | VIRTIO_IRQ_V_COMMITTED | VIRTIO_IRQ_V_ALIKE | VIRTIO_IRQ_V_PASID)

#define FEATURE_IMS		(1 << 0)
#define FEATURE_PASID		(1 << 1)

/* Save */

struct writer {
	uint8_t *p;
};

static void write8(struct writer *w, uint8_t value)
{
	*w->p++ = value;
}

static void write16(struct writer *w, uint16_t value)
{
	virtio_irq_put16(w->p, value);
	w->p += 2;
}

static void write32(struct writer *w, uint32_t value)
{
	virtio_irq_put32(w->p, value);
	w->p += 4;
}

static void write64(struct writer *w, uint64_t value)
{
	virtio_irq_put64(w->p, value);
	w->p += 8;
}

static void save_header(struct writer *w, const struct virtio_irq_core *core)
{
	write32(w, MAGIC);
	write32(w, VERSION);
	write32(w, core->config.max_vectors);
	write32(w, core->config.max_endpoints);
	write32(w, core->config.max_count);
	write32(w, core->config.tlv_size);
	write32(w, core->next_line);
	write32(w, core->next_data16);
	write32(w, core->stats.endpoints);
	write32(w, (core->config.ims ? FEATURE_IMS : 0) | (core->pasid ? FEATURE_PASID : 0));
}

static void save_ep(struct writer *w, const struct virtio_irq_ep *ep)
{
	write32(w, ep->id);
	write8(w, ep->info.isolated ? EP_F_ISOLATED : 0);
	write8(w, ep->info.pasid_width);
	write8(w, (uint8_t)ep->info.num_stores);
	write8(w, 0);
	write64(w, ep->info.window_start);
	write64(w, ep->info.window_end);
	write64(w, ep->info.pair_address);
	write32(w, ep->allocated);
	for (unsigned int i = 0; i < ep->info.num_stores; i++) {
		write16(w, ep->info.stores[i].store);
		write8(w, ep->info.stores[i].flags);
		write8(w, ep->info.stores[i].multi_msi);
		write32(w, ep->info.stores[i].size);
	}
}

static void save_vector(struct writer *w, const struct virtio_irq_vector *v)
{
	write32(w, v->index);
	write32(w, v->data);
	write32(w, v->state);
	write16(w, v->store);
	write8(w, v->addr_width);
	write8(w, v->order);
	write64(w, virtio_irq_join(v->route_address));
	write32(w, v->route_data);
	write64(w, virtio_irq_join(v->delivered));
	write32(w, v->routed);
	write32(w, 0);
}

static int by_data(const void *a, const void *b)
{
	const struct virtio_irq_vector *const *v = a;
	const struct virtio_irq_vector *const *w = b;

	return ((*v)->data > (*w)->data) - ((*v)->data < (*w)->data);
}

static void save_vectors(struct writer *w, const struct virtio_irq_core *core,
			 const struct virtio_irq_ep *ep,
			 const struct virtio_irq_vector **sorted)
{
	const struct virtio_irq_vector *v;
	uint32_t n = 0;

	for (virtio_irq_link link = ep->first; link; link = v->ep_next) {
		v = virtio_irq_vector_at(core, link);
		sorted[n++] = v;
	}
	qsort(sorted, n, sizeof(*sorted), by_data);
	for (uint32_t i = 0; i < n; i++)
		save_vector(w, sorted[i]);
}

int virtio_irq_core_save(const struct virtio_irq_core *core, uint8_t **blob, size_t *size)
{
	const struct virtio_irq_vector **sorted;
	const struct virtio_irq_ep *ep;
	size_t num_stores = 0;
	uint32_t most = 1;
	struct writer w;

	for (ep = core->ep_first; ep; ep = ep->next) {
		num_stores += ep->info.num_stores;
		if (ep->allocated > most)
			most = ep->allocated;
	}
	sorted = malloc(most * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;

	*size = HEADER_SIZE + (size_t)core->stats.endpoints * EP_SIZE +
		num_stores * STORE_SIZE + (size_t)core->stats.allocated * VECTOR_SIZE;
	*blob = malloc(*size);
	if (!*blob) {
		free(sorted);
		return -ENOMEM;
	}

	w.p = *blob;
	save_header(&w, core);
	for (ep = core->ep_first; ep; ep = ep->next) {
		save_ep(&w, ep);
		save_vectors(&w, core, ep, sorted);
	}
	free(sorted);
	return 0;
}

/* Load */

struct reader {
	const uint8_t *p;
	size_t left;
};

/* The caller has seen that enough is left */
static const uint8_t *skip(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	r->p += n;
	r->left -= n;
	return p;
}

static uint8_t read8(struct reader *r)
{
	return *skip(r, 1);
}

static uint16_t read16(struct reader *r)
{
	return virtio_irq_get16(skip(r, 2));
}

static uint32_t read32(struct reader *r)
{
	return virtio_irq_get32(skip(r, 4));
}

static uint64_t read64(struct reader *r)
{
	return virtio_irq_get64(skip(r, 8));
}

/* The guest has read the config once and relies on it */
static int load_header(struct reader *r, struct virtio_irq_core *core, uint32_t *num_eps)
{
	uint32_t next_line, next_data16, features;

	if (r->left < HEADER_SIZE || read32(r) != MAGIC || read32(r) != VERSION)
		return -EINVAL;
	if (read32(r) != core->config.max_vectors || read32(r) != core->config.max_endpoints ||
	    read32(r) != core->config.max_count || read32(r) != core->config.tlv_size)
		return -EINVAL;

	next_line = read32(r);
	next_data16 = read32(r);
	*num_eps = read32(r);
	features = read32(r);
	if (features & ~(FEATURE_IMS | FEATURE_PASID) ||
	    !(features & FEATURE_IMS) != !core->config.ims)
		return -EINVAL;
	if (next_line < VIRTIO_IRQ_LINE_FIRST || next_line >= VIRTIO_IRQ_LINE_END ||
	    next_data16 >= VIRTIO_IRQ_DATA16_END || *num_eps > core->config.max_endpoints)
		return -EINVAL;
	core->next_line = next_line;
	core->next_data16 = next_data16;
	core->pasid = features & FEATURE_PASID;
	return 0;
}

/* What the guest was told at ATTACH has to be true here as well */
static bool same_info(const struct virtio_irq_ep_info *a, const struct virtio_irq_ep_info *b)
{
	if (a->isolated != b->isolated || a->window_start != b->window_start ||
	    a->window_end != b->window_end || a->pair_address != b->pair_address ||
	    a->pasid_width != b->pasid_width || a->num_stores != b->num_stores)
		return false;
	for (unsigned int i = 0; i < a->num_stores; i++) {
		const struct virtio_irq_store_info *s = &a->stores[i], *t = &b->stores[i];

		if (s->store != t->store || s->flags != t->flags ||
		    s->multi_msi != t->multi_msi || s->size != t->size)
			return false;
	}
	return true;
}

static int load_ep(struct reader *r, struct virtio_irq_core *core,
		   struct virtio_irq_ep **ep, uint32_t *num_vectors)
{
	struct virtio_irq_ep_info info = { .isolated = false };
	uint8_t flags, pad;
	uint32_t id;

	if (r->left < EP_SIZE)
		return -EINVAL;
	id = read32(r);
	flags = read8(r);
	info.isolated = flags & EP_F_ISOLATED;
	info.pasid_width = read8(r);
	info.num_stores = read8(r);
	pad = read8(r);
	info.window_start = read64(r);
	info.window_end = read64(r);
	info.pair_address = read64(r);
	*num_vectors = read32(r);

	if (flags & ~EP_F_ISOLATED || pad || virtio_irq_ep_find(core, id) ||
	    info.num_stores > VIRTIO_IRQ_CORE_MAX_STORES ||
	    r->left < info.num_stores * STORE_SIZE)
		return -EINVAL;
	for (unsigned int i = 0; i < info.num_stores; i++) {
		info.stores[i].store = read16(r);
		info.stores[i].flags = read8(r);
		info.stores[i].multi_msi = read8(r);
		info.stores[i].size = read32(r);
	}
	switch (virtio_irq_ep_attach(core, id, ep)) {
	case VIRTIO_IRQ_S_OK:
		break;
	case VIRTIO_IRQ_S_NOMEM:
		return -ENOMEM;
	default:
		return -ENODEV;
	}
	return same_info(&info, &(*ep)->info) ? 0 : -ENODEV;
}

/* A vector as the blob has it, and the values that nothing else may have */
struct saved {
	struct virtio_irq_vector v;
	uint32_t start;
	uint32_t end;			/* inclusive */
};

static uint32_t first_index(const struct virtio_irq_vector *v, uint32_t start)
{
	return v->index - (v->data - start);
}

static bool same_block(const struct saved *a, const struct saved *b)
{
	return a->start == b->start && a->end == b->end &&
	       a->v.state & b->v.state & VIRTIO_IRQ_V_CONTIGUOUS && a->v.store == b->v.store &&
	       !((a->v.state ^ b->v.state) & VIRTIO_IRQ_V_ALIKE) &&
	       a->v.addr_width == b->v.addr_width &&
	       first_index(&a->v, a->start) == first_index(&b->v, b->start);
}

static bool saved_pasid_valid(const struct virtio_irq_ep *ep,
			      const struct virtio_irq_store_info *store,
			      const struct virtio_irq_vector *v)
{
	uint32_t pasid = v->state & VIRTIO_IRQ_V_PASID;

	if (!(v->state & VIRTIO_IRQ_V_ARMED))
		return !pasid;
	if (!pasid)
		return !(store->flags & VIRTIO_IRQ_STORE_F_PASID);
	return pasid & VIRTIO_IRQ_V_PASID_VALID && ep->info.pasid_width &&
	       !((pasid & VIRTIO_IRQ_V_PASID_VALUE) >> ep->info.pasid_width);
}

static bool saved_valid(const struct virtio_irq_ep *ep, struct saved *s,
			const struct saved *last, uint32_t pad)
{
	const struct virtio_irq_vector *v = &s->v;
	const struct virtio_irq_store_info *store = virtio_irq_ep_store(ep, v->store);
	bool data16 = v->state & VIRTIO_IRQ_V_DATA16;
	uint32_t size;

	if (pad || v->state & ~VECTOR_STATE || !store ||
	    !virtio_irq_store_has(store, v->index, 1) || !saved_pasid_valid(ep, store, v))
		return false;
	if (v->addr_width < 2 || v->addr_width > 64 || !virtio_irq_ep_fits(ep, v->addr_width))
		return false;
	if (data16 ? v->data >= VIRTIO_IRQ_DATA16_END : v->data < VIRTIO_IRQ_DATA16_END)
		return false;
	if (v->order > (v->state & VIRTIO_IRQ_V_CONTIGUOUS ? store->multi_msi : 0))
		return false;
	if (!(v->state & VIRTIO_IRQ_V_ARMED) && (virtio_irq_join(v->route_address) ||
						 v->route_data))
		return false;

	size = UINT32_C(1) << v->order;
	s->start = v->data & ~(size - 1);
	s->end = s->start + (size - 1);
	if (v->index < v->data - s->start)
		return false;
	return !last || s->start > last->end ||
	       (v->data > last->v.data && same_block(s, last));
}

static int load_state(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		      struct virtio_irq_vector *v, const struct virtio_irq_vector *saved)
{
	struct virtio_irq_msg route = virtio_irq_vector_route(saved);
	uint8_t status = VIRTIO_IRQ_S_OK;

	if (saved->state & VIRTIO_IRQ_V_COMMITTED)
		status = virtio_irq_vector_charge(core, ep, v, VIRTIO_IRQ_V_COMMITTED);
	if (status == VIRTIO_IRQ_S_OK && saved->state & VIRTIO_IRQ_V_ARMED) {
		if (virtio_irq_check_route(core, ep, &route) != VIRTIO_IRQ_S_OK)
			return -EINVAL;
		status = virtio_irq_vector_arm(core, ep, v, &route,
					       saved->state & VIRTIO_IRQ_V_PASID);
	}
	if (status == VIRTIO_IRQ_S_NOMEM)
		return -ENOMEM;
	return status == VIRTIO_IRQ_S_OK ? 0 : -ENOSPC;
}

static int load_vector(struct reader *r, struct virtio_irq_core *core,
		       struct virtio_irq_ep *ep, struct saved *s, const struct saved *last)
{
	struct virtio_irq_vector *v;
	uint32_t pad;

	if (r->left < VECTOR_SIZE)
		return -EINVAL;
	s->v = (struct virtio_irq_vector) { .index = read32(r) };
	s->v.data = read32(r);
	s->v.state = read32(r);
	s->v.store = read16(r);
	s->v.addr_width = read8(r);
	s->v.order = read8(r);
	virtio_irq_split(s->v.route_address, read64(r));
	s->v.route_data = read32(r);
	virtio_irq_split(s->v.delivered, read64(r));
	s->v.routed = read32(r);
	pad = read32(r);
	if (!saved_valid(ep, s, last, pad) ||
	    core->stats.allocated >= core->config.max_vectors ||
	    virtio_irq_vector_find(core, ep, s->v.store, s->v.index))
		return -EINVAL;

	if (!virtio_irq_vector_reserve(core, ep, 1, s->v.state & VIRTIO_IRQ_V_DATA16))
		return -ENOMEM;
	virtio_irq_data_mark(ep, s->v.data, s->v.order);
	v = virtio_irq_vector_add(core, ep, s->v.store, s->v.index, s->v.data);
	v->state = s->v.state & VIRTIO_IRQ_V_ALIKE;
	v->addr_width = s->v.addr_width;
	v->order = s->v.order;
	memcpy(v->delivered, s->v.delivered, sizeof(v->delivered));
	v->routed = s->v.routed;
	return load_state(core, ep, v, &s->v);
}

static int load_all(struct reader *r, struct virtio_irq_core *core)
{
	uint32_t num_eps, num_vectors;
	struct virtio_irq_ep *ep;
	struct saved saved[2];
	int err;

	err = load_header(r, core, &num_eps);
	while (!err && num_eps--) {
		err = load_ep(r, core, &ep, &num_vectors);
		for (uint32_t i = 0; !err && i < num_vectors; i++)
			err = load_vector(r, core, ep, &saved[i % 2],
					  i ? &saved[(i - 1) % 2] : NULL);
	}
	if (!err && r->left)
		err = -EINVAL;
	return err;
}

int virtio_irq_core_load(struct virtio_irq_core *core, const uint8_t *blob, size_t size)
{
	struct virtio_irq_quotas quotas = core->quotas;
	bool pasid = core->pasid;
	struct reader r = { .p = blob, .left = size };
	int err;

	if (core->stats.endpoints)
		return -EINVAL;

	/* What is taken already stays, whatever the limits are here */
	core->quotas.committed = UINT32_MAX;
	core->quotas.pool = UINT32_MAX;
	err = load_all(&r, core);
	core->quotas = quotas;
	if (err) {
		virtio_irq_core_reset(core);
		core->pasid = pasid;
	}
	return err;
}
