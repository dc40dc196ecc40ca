// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: endpoints and vectors, by their names.
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
uint32_t virtio_irq_hash(const struct virtio_irq_core *core, uint64_t a, uint64_t b)
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
	uint32_t name_heads = rounddown_pow2(max_vectors);
	uint32_t ep_heads = rounddown_pow2(core->config.max_endpoints);
	uint64_t state = core->config.seed;

	core->key[0] = splitmix64(&state);
	core->key[1] = splitmix64(&state);
	core->name_mask = name_heads - 1;
	core->ep_mask = ep_heads - 1;
	virtio_irq_data_init(core);

	core->ep_heads = calloc(ep_heads, sizeof(*core->ep_heads));
	core->name_heads = calloc(name_heads, sizeof(*core->name_heads));
	core->chunks = calloc((max_vectors + VIRTIO_IRQ_CHUNK - 1) / VIRTIO_IRQ_CHUNK,
			      sizeof(*core->chunks));
	core->line_chunks = calloc((core->max_lines + VIRTIO_IRQ_LINE_CHUNK - 1) /
				   VIRTIO_IRQ_LINE_CHUNK, sizeof(*core->line_chunks));
	if (core->ep_heads && core->name_heads && core->chunks && core->line_chunks)
		return true;

	virtio_irq_table_destroy(core);
	return false;
}

void virtio_irq_table_destroy(struct virtio_irq_core *core)
{
	if (core->chunks)
		virtio_irq_table_trim(core);
	for (uint32_t i = 0; core->line_chunks && i < core->num_lines; i += VIRTIO_IRQ_LINE_CHUNK)
		free(core->line_chunks[i / VIRTIO_IRQ_LINE_CHUNK]);
	free(core->ep_spare);
	free(core->line_chunks);
	free(core->chunks);
	free(core->name_heads);
	free(core->ep_heads);
}

void virtio_irq_table_trim(struct virtio_irq_core *core)
{
	for (uint32_t i = 0; i < core->num_backed; i += VIRTIO_IRQ_CHUNK) {
		free(core->chunks[i / VIRTIO_IRQ_CHUNK]);
		core->chunks[i / VIRTIO_IRQ_CHUNK] = NULL;
	}
	core->num_backed = 0;
	core->num_used = 0;
	core->free_first = 0;
	core->num_free = 0;
}

/* Endpoints */

static struct virtio_irq_ep **ep_head(const struct virtio_irq_core *core, uint32_t id)
{
	return &core->ep_heads[virtio_irq_hash(core, id, 0) & core->ep_mask];
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
	return &core->name_heads[virtio_irq_hash(core, (uint64_t)store << 32 | endpoint, index) &
				 core->name_mask];
}

struct virtio_irq_vector *virtio_irq_vector_at(const struct virtio_irq_core *core,
					       virtio_irq_link link)
{
	uint32_t number = link - 1;

	if (!link)
		return NULL;
	return &core->chunks[number / VIRTIO_IRQ_CHUNK][number % VIRTIO_IRQ_CHUNK];
}

struct virtio_irq_vector *virtio_irq_vector_find_any(struct virtio_irq_core *core,
						     const struct virtio_irq_ep *ep,
						     uint16_t store, uint32_t index)
{
	struct virtio_irq_vector *v;

	core->work++;
	v = virtio_irq_vector_at(core, *name_head(core, ep->id, store, index));
	while (v && (v->index != index || v->endpoint != ep->id || v->store != store))
		v = virtio_irq_vector_at(core, v->next);
	return v;
}

struct virtio_irq_vector *virtio_irq_vector_find(struct virtio_irq_core *core,
						 const struct virtio_irq_ep *ep,
						 uint16_t store, uint32_t index)
{
	struct virtio_irq_vector *v = virtio_irq_vector_find_any(core, ep, store, index);

	return v && !(v->state & VIRTIO_IRQ_V_FREED) ? v : NULL;
}

uint32_t virtio_irq_vector_room(const struct virtio_irq_core *core)
{
	return core->config.max_vectors - (core->num_used - core->num_free);
}

bool virtio_irq_vector_reserve(struct virtio_irq_core *core, uint32_t num)
{
	struct virtio_irq_vector **chunk;
	uint32_t left;

	while (core->num_free + core->num_backed - core->num_used < num) {
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
						struct virtio_irq_ep *ep,
						const struct virtio_irq_vector *new)
{
	virtio_irq_link *head = name_head(core, ep->id, new->store, new->index);
	struct virtio_irq_line *line;
	struct virtio_irq_vector *v;
	virtio_irq_link link;
	unsigned int slot;

	if (core->free_first) {
		link = core->free_first;
		v = virtio_irq_vector_at(core, link);
		core->free_first = v->next;
		core->num_free--;
	} else {
		link = ++core->num_used;
		v = virtio_irq_vector_at(core, link);
	}

	*v = *new;
	v->endpoint = ep->id;
	v->next = *head;
	*head = link;
	line = virtio_irq_data_line(core, ep, v->data, &slot);
	line->vectors[slot] = link;
	line->live |= UINT32_C(1) << slot;
	ep->allocated++;
	core->stats.allocated++;
	return v;
}

static void forget(struct virtio_irq_core *core, virtio_irq_link link)
{
	struct virtio_irq_vector *v = virtio_irq_vector_at(core, link);
	virtio_irq_link *p = name_head(core, v->endpoint, v->store, v->index);

	while (*p != link)
		p = &virtio_irq_vector_at(core, *p)->next;
	*p = v->next;
	v->next = core->free_first;
	core->free_first = link;
	core->num_free++;
}

void virtio_irq_vector_del(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   struct virtio_irq_vector *v)
{
	struct virtio_irq_line *line;
	unsigned int slot;
	uint32_t block;

	core->work++;
	virtio_irq_vector_forget(core, ep, v);
	line = virtio_irq_data_line(core, ep, v->data, &slot);
	v->state |= VIRTIO_IRQ_V_FREED;
	line->live &= ~(UINT32_C(1) << slot);
	ep->allocated--;
	core->stats.allocated--;

	block = virtio_irq_block_mask(slot, line->order);
	if (line->live & block)
		return;
	for (unsigned int i = 0; i < VIRTIO_IRQ_LINE; i++) {
		if (!(block >> i & 1) || !line->vectors[i])
			continue;
		forget(core, line->vectors[i]);
		line->vectors[i] = 0;
	}
	virtio_irq_data_give(core, line, block);
}
