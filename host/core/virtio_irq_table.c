// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: endpoints, vectors and data values.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * The guest chooses the names of vectors, so the hash tables are keyed with a
 * seed that it does not know, and have a fixed size: no request ever pays for
 * a table that grows.
 */
#include <stdlib.h>
#include <string.h>

#include "virtio_irq_internal.h"

static uint64_t rotl64(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl64(v[1], 13) ^ v[0];
	v[0] = rotl64(v[0], 32);
	v[2] += v[3];
	v[3] = rotl64(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl64(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl64(v[1], 17) ^ v[2];
	v[2] = rotl64(v[2], 32);
}

/* SipHash-1-3 of 16 bytes: what the kernel uses for its own hash tables */
static uint32_t hash(const struct virtio_irq_core *core, uint64_t a, uint64_t b)
{
	uint64_t v[4] = {
		core->key[0] ^ UINT64_C(0x736f6d6570736575),
		core->key[1] ^ UINT64_C(0x646f72616e646f6d),
		core->key[0] ^ UINT64_C(0x6c7967656e657261),
		core->key[1] ^ UINT64_C(0x7465646279746573),
	};
	const uint64_t block[3] = { a, b, UINT64_C(16) << 56 };

	for (unsigned int i = 0; i < 3; i++) {
		v[3] ^= block[i];
		sip_round(v);
		v[0] ^= block[i];
	}
	v[2] ^= 0xff;
	for (unsigned int i = 0; i < 3; i++)
		sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* Two independent words from one seed */
static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Largest power of two that is at most @n, which is not 0 */
static uint32_t rounddown_pow2(uint32_t n)
{
	while (n & (n - 1))
		n &= n - 1;
	return n;
}

bool virtio_irq_table_init(struct virtio_irq_core *core)
{
	uint32_t max_vectors = core->config.max_vectors;
	/* Two tables, 4 bytes per head: 4 bytes for each vector of a full core */
	uint32_t vector_heads = rounddown_pow2((max_vectors + 1) / 2);
	uint32_t ep_heads = rounddown_pow2(core->config.max_endpoints);
	uint64_t state = core->config.seed;

	core->key[0] = splitmix64(&state);
	core->key[1] = splitmix64(&state);
	core->vector_mask = vector_heads - 1;
	core->ep_mask = ep_heads - 1;
	core->next_line = VIRTIO_IRQ_LINE_FIRST;

	core->ep_heads = calloc(ep_heads, sizeof(*core->ep_heads));
	core->name_heads = calloc(vector_heads, sizeof(*core->name_heads));
	core->data_heads = calloc(vector_heads, sizeof(*core->data_heads));
	core->chunks = calloc((max_vectors + VIRTIO_IRQ_CHUNK - 1) / VIRTIO_IRQ_CHUNK,
			      sizeof(*core->chunks));
	if (core->ep_heads && core->name_heads && core->data_heads && core->chunks)
		return true;

	virtio_irq_table_destroy(core);
	return false;
}

void virtio_irq_table_destroy(struct virtio_irq_core *core)
{
	if (core->chunks)
		virtio_irq_table_trim(core);
	free(core->ep_spare);
	free(core->chunks);
	free(core->data_heads);
	free(core->name_heads);
	free(core->ep_heads);
}

void virtio_irq_table_trim(struct virtio_irq_core *core)
{
	for (uint32_t i = 0; i * VIRTIO_IRQ_CHUNK < core->num_backed; i++) {
		free(core->chunks[i]);
		core->chunks[i] = NULL;
	}
	core->num_backed = 0;
	core->num_slots = 0;
	core->free_first = 0;
	core->num_free = 0;
}

/* Endpoints */

static struct virtio_irq_ep **ep_head(const struct virtio_irq_core *core, uint32_t id)
{
	return &core->ep_heads[hash(core, id, 0) & core->ep_mask];
}

struct virtio_irq_ep *virtio_irq_ep_find(const struct virtio_irq_core *core, uint32_t id)
{
	struct virtio_irq_ep *ep = *ep_head(core, id);

	while (ep && ep->id != id)
		ep = ep->hash_next;
	return ep;
}

void virtio_irq_ep_insert(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	struct virtio_irq_ep **head = ep_head(core, ep->id);

	ep->hash_next = *head;
	*head = ep;

	ep->next = NULL;
	ep->prev = core->ep_last;
	if (ep->prev)
		ep->prev->next = ep;
	else
		core->ep_first = ep;
	core->ep_last = ep;
	core->stats.endpoints++;
}

void virtio_irq_ep_remove(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	struct virtio_irq_ep **link = ep_head(core, ep->id);

	while (*link != ep)
		link = &(*link)->hash_next;
	*link = ep->hash_next;

	if (ep->prev)
		ep->prev->next = ep->next;
	else
		core->ep_first = ep->next;
	if (ep->next)
		ep->next->prev = ep->prev;
	else
		core->ep_last = ep->prev;
	core->stats.endpoints--;
}

/* Vectors */

static virtio_irq_link *name_head(const struct virtio_irq_core *core, uint32_t endpoint,
				  uint16_t store, uint32_t index)
{
	return &core->name_heads[hash(core, (uint64_t)store << 32 | endpoint, index) &
				 core->vector_mask];
}

static virtio_irq_link *data_head(const struct virtio_irq_core *core, uint32_t endpoint,
				  uint32_t data)
{
	return &core->data_heads[hash(core, endpoint, data) & core->vector_mask];
}

struct virtio_irq_vector *virtio_irq_vector_at(const struct virtio_irq_core *core,
					       virtio_irq_link link)
{
	uint32_t slot = link - 1;

	if (!link)
		return NULL;
	return &core->chunks[slot / VIRTIO_IRQ_CHUNK][slot % VIRTIO_IRQ_CHUNK];
}

struct virtio_irq_vector *virtio_irq_vector_find(const struct virtio_irq_core *core,
						 const struct virtio_irq_ep *ep,
						 uint16_t store, uint32_t index)
{
	struct virtio_irq_vector *v;

	v = virtio_irq_vector_at(core, *name_head(core, ep->id, store, index));
	while (v && (v->index != index || v->endpoint != ep->id || v->store != store))
		v = virtio_irq_vector_at(core, v->name_next);
	return v;
}

struct virtio_irq_vector *virtio_irq_vector_find_data(const struct virtio_irq_core *core,
						      const struct virtio_irq_ep *ep,
						      uint32_t data)
{
	struct virtio_irq_vector *v;

	v = virtio_irq_vector_at(core, *data_head(core, ep->id, data));
	while (v && (v->data != data || v->endpoint != ep->id))
		v = virtio_irq_vector_at(core, v->data_next);
	return v;
}

bool virtio_irq_vector_reserve(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       uint32_t num, bool data16)
{
	struct virtio_irq_vector **chunk;
	uint32_t left;

	if (data16 && !ep->data16) {
		ep->data16 = calloc(VIRTIO_IRQ_DATA16_WORDS, sizeof(*ep->data16));
		if (!ep->data16)
			return false;
	}

	while (core->num_free + core->num_backed - core->num_slots < num) {
		chunk = &core->chunks[core->num_backed / VIRTIO_IRQ_CHUNK];
		left = core->config.max_vectors - core->num_backed;
		if (left > VIRTIO_IRQ_CHUNK)
			left = VIRTIO_IRQ_CHUNK;
		*chunk = malloc(left * sizeof(**chunk));
		if (!*chunk)
			return false;
		core->num_backed += left;
	}
	return true;
}

struct virtio_irq_vector *virtio_irq_vector_add(struct virtio_irq_core *core,
						struct virtio_irq_ep *ep, uint16_t store,
						uint32_t index, uint32_t data)
{
	virtio_irq_link *name = name_head(core, ep->id, store, index);
	virtio_irq_link *by_data = data_head(core, ep->id, data);
	struct virtio_irq_vector *v;
	virtio_irq_link link;

	if (core->free_first) {
		link = core->free_first;
		v = virtio_irq_vector_at(core, link);
		core->free_first = v->name_next;
		core->num_free--;
	} else {
		link = ++core->num_slots;
		v = virtio_irq_vector_at(core, link);
	}

	*v = (struct virtio_irq_vector) {
		.endpoint = ep->id,
		.store = store,
		.index = index,
		.data = data,
		.name_next = *name,
		.data_next = *by_data,
		.ep_prev = ep->last,
	};
	*name = link;
	*by_data = link;
	if (ep->last)
		virtio_irq_vector_at(core, ep->last)->ep_next = link;
	else
		ep->first = link;
	ep->last = link;
	ep->allocated++;
	core->stats.allocated++;
	return v;
}

/*
 * Data values
 *
 * A value names a vector within its endpoint. It is not used again soon after
 * FREE, so that a message that is still on its way hits nothing. The values of
 * a CONTIGUOUS block stay together until its last vector is freed: a function
 * with multi-MSI makes all of them up from the first one's message.
 *
 * 16-bit values are few: a map per endpoint says which are taken, and a cursor
 * goes round. Of the others there are 2^32 - 2^16, and at most 2^24 vectors.
 * A line of them is entered only while no vector of the endpoint has a value
 * in it, and is used from its start to its end; that keeps blocks apart
 * without a map.
 *
 * It takes 2^27 lines for the cursor to come round. What it meets then the guest
 * has chosen, by what it has freed: perhaps a line with a vector in it after the
 * other. So from a line that is taken the cursor jumps to one that the guest
 * cannot foresee. At most one of eight is taken (2^24 vectors, a line each), so
 * the chance that VIRTIO_IRQ_MAX_LINES in a row are is below 2^-45.
 */

static bool data16_take(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			unsigned int order, uint32_t *data)
{
	/* Bit n is set where a block of that order may begin */
	static const uint64_t aligned[VIRTIO_IRQ_MAX_ORDER + 1] = {
		UINT64_C(0xffffffffffffffff), UINT64_C(0x5555555555555555),
		UINT64_C(0x1111111111111111), UINT64_C(0x0101010101010101),
		UINT64_C(0x0001000100010001), UINT64_C(0x0000000100000001),
	};
	uint32_t word = core->next_data16 / 64;
	uint64_t mask = UINT64_MAX << core->next_data16 % 64;

	/* The first word twice: from the cursor on, and up to it at the end */
	for (uint32_t i = 0; i <= VIRTIO_IRQ_DATA16_WORDS; i++) {
		uint64_t start = ~ep->data16[word];
		uint32_t bit = 0;

		for (unsigned int j = 0; j < order; j++)
			start &= start >> (1u << j);
		start &= aligned[order] & mask;
		if (start) {
			while (!(start >> bit & 1))
				bit++;
			*data = word * 64 + bit;
			virtio_irq_data_mark(ep, *data, order);
			core->next_data16 = (*data + (UINT32_C(1) << order)) %
					    VIRTIO_IRQ_DATA16_END;
			return true;
		}
		mask = UINT64_MAX;
		word = (word + 1) % VIRTIO_IRQ_DATA16_WORDS;
	}
	return false;
}

/* The block of @order that @data is in */
static uint64_t data16_bits(uint32_t data, unsigned int order)
{
	uint32_t size = UINT32_C(1) << order;

	return ((UINT64_C(1) << size) - 1) << (data & ~(size - 1)) % 64;
}

void virtio_irq_data_mark(struct virtio_irq_ep *ep, uint32_t data, unsigned int order)
{
	if (data < VIRTIO_IRQ_DATA16_END)
		ep->data16[data / 64] |= data16_bits(data, order);
}

static bool any_in_range(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
			 uint32_t data, uint32_t num)
{
	while (num--)
		if (virtio_irq_vector_find_data(core, ep, data++))
			return true;
	return false;
}

static void data_release(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			 const struct virtio_irq_vector *v)
{
	uint32_t size = UINT32_C(1) << v->order;

	if (v->data >= VIRTIO_IRQ_DATA16_END)
		return;
	if (any_in_range(core, ep, v->data & ~(size - 1), size))
		return;
	ep->data16[v->data / 64] &= ~data16_bits(v->data, v->order);
}

/* The line at the cursor, which goes on to the next one */
static uint32_t next_line(struct virtio_irq_core *core)
{
	uint32_t line = core->next_line++;

	if (core->next_line == VIRTIO_IRQ_LINE_END)
		core->next_line = VIRTIO_IRQ_LINE_FIRST;
	core->lines_tried++;
	return line;
}

static void jump(struct virtio_irq_core *core)
{
	core->next_line = VIRTIO_IRQ_LINE_FIRST +
			  hash(core, UINT64_MAX, core->jumps++) %
			  (VIRTIO_IRQ_LINE_END - VIRTIO_IRQ_LINE_FIRST);
}

static bool enter_line(struct virtio_irq_core *core, struct virtio_irq_ep *ep)
{
	uint32_t line;

	for (unsigned int i = 0; i < VIRTIO_IRQ_MAX_LINES; i++) {
		line = next_line(core);
		if (!any_in_range(core, ep, line * VIRTIO_IRQ_LINE, VIRTIO_IRQ_LINE)) {
			ep->line = line;
			return true;
		}
		jump(core);
	}
	return false;
}

static bool wide_take(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		      unsigned int order, uint32_t *data)
{
	uint32_t size = UINT32_C(1) << order;
	uint32_t at = (ep->line_used + size - 1) & ~(size - 1);

	if (!ep->line || at + size > VIRTIO_IRQ_LINE) {
		if (!enter_line(core, ep))
			return false;
		at = 0;
	}
	ep->line_used = at + size;
	*data = ep->line * VIRTIO_IRQ_LINE + at;
	return true;
}

bool virtio_irq_data_take(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  bool data16, unsigned int order, uint32_t *data)
{
	return data16 ? data16_take(core, ep, order, data) : wide_take(core, ep, order, data);
}

void virtio_irq_vector_del(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   struct virtio_irq_vector *v)
{
	virtio_irq_link *p = name_head(core, ep->id, v->store, v->index);
	virtio_irq_link link;

	while (virtio_irq_vector_at(core, *p) != v)
		p = &virtio_irq_vector_at(core, *p)->name_next;
	link = *p;
	*p = v->name_next;

	p = data_head(core, ep->id, v->data);
	while (*p != link)
		p = &virtio_irq_vector_at(core, *p)->data_next;
	*p = v->data_next;

	if (v->ep_prev)
		virtio_irq_vector_at(core, v->ep_prev)->ep_next = v->ep_next;
	else
		ep->first = v->ep_next;
	if (v->ep_next)
		virtio_irq_vector_at(core, v->ep_next)->ep_prev = v->ep_prev;
	else
		ep->last = v->ep_prev;
	ep->allocated--;
	core->stats.allocated--;

	data_release(core, ep, v);

	v->name_next = core->free_first;
	core->free_first = link;
	core->num_free++;
}
