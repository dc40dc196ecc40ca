// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq device core: data values, and what they find.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <stdlib.h>

#include "virtio_irq_internal.h"

/* @generation 0: of DATA16, the first one of the two */
static uint32_t encode(uint32_t slot, uint32_t generation)
{
	uint32_t value = slot | generation << VIRTIO_IRQ_SLOT_BITS;

	return (value & 0xff) | VIRTIO_IRQ_DATA_INERT | value >> 8 << 11;
}

static bool is_data16(uint32_t data)
{
	return !(data >> VIRTIO_IRQ_GENERATION_SHIFT);
}

static bool decode(uint32_t data, uint32_t *slot, bool *data16)
{
	uint32_t value = (data & 0xff) | data >> 11 << 8;

	*data16 = is_data16(data);
	*slot = value % (*data16 ? VIRTIO_IRQ_DATA16_SLOTS : VIRTIO_IRQ_SLOTS);
	return (data & VIRTIO_IRQ_DATA_INERT_MASK) == VIRTIO_IRQ_DATA_INERT &&
	       (!*data16 || data <= UINT16_MAX);
}

bool virtio_irq_data_same_slot(uint32_t data, uint32_t other)
{
	uint32_t slot, other_slot;
	bool data16, other16;

	return decode(data, &slot, &data16) && decode(other, &other_slot, &other16) &&
	       slot == other_slot && data16 == other16;
}

uint8_t virtio_irq_data_generation(uint32_t data)
{
	return (uint8_t)(data >> (is_data16(data) ? VIRTIO_IRQ_GENERATION16_SHIFT :
						    VIRTIO_IRQ_GENERATION_SHIFT));
}

uint32_t virtio_irq_data_in(uint32_t data, uint8_t generation)
{
	unsigned int shift = is_data16(data) ? VIRTIO_IRQ_GENERATION16_SHIFT :
					       VIRTIO_IRQ_GENERATION_SHIFT;

	return (data & ((UINT32_C(1) << shift) - 1)) | (uint32_t)generation << shift;
}

/*
 * Far from those that come next, when the slot is somebody else's. An odd number of
 * them is gone through in steps of half of it: none comes again before all have.
 */
uint8_t virtio_irq_data_next_generation(uint32_t data)
{
	uint32_t generation = virtio_irq_data_generation(data);

	if (is_data16(data))
		return !generation;
	return (uint8_t)((generation + VIRTIO_IRQ_LAST_GENERATION / 2 - 1) %
			 VIRTIO_IRQ_LAST_GENERATION + 1);
}

void virtio_irq_data_init(struct virtio_irq_core *core)
{
	core->max_lines = VIRTIO_IRQ_SLOTS / VIRTIO_IRQ_LINE;
	if (core->max_lines > core->config.max_vectors)
		core->max_lines = core->config.max_vectors;
	core->next_data16 = virtio_irq_hash(core, UINT64_MAX, 0) % VIRTIO_IRQ_DATA16_SLOTS;
}

/* Lists */

static void list_add(struct virtio_irq_lines *list, struct virtio_irq_line *line)
{
	line->next = NULL;
	line->prev = list->last;
	if (line->prev)
		line->prev->next = line;
	else
		list->first = line;
	list->last = line;
}

static void list_add_front(struct virtio_irq_lines *list, struct virtio_irq_line *line)
{
	line->prev = NULL;
	line->next = list->first;
	if (line->next)
		line->next->prev = line;
	else
		list->last = line;
	list->first = line;
}

static void list_del(struct virtio_irq_lines *list, struct virtio_irq_line *line)
{
	if (line->prev)
		line->prev->next = line->next;
	else
		list->first = line->next;
	if (line->next)
		line->next->prev = line->prev;
	else
		list->last = line->prev;
}

static unsigned int list_number(bool data16, unsigned int order)
{
	return order + (data16 ? VIRTIO_IRQ_MAX_ORDER + 1 : 0);
}

/* Where a line of an endpoint has to be */
static struct virtio_irq_lines *list_of(const struct virtio_irq_line *line)
{
	if (line->taken == VIRTIO_IRQ_LINE_FULL)
		return &line->ep->lines[VIRTIO_IRQ_LINES_FULL];
	return &line->ep->lines[list_number(line->data16, line->order)];
}

static void set_taken(struct virtio_irq_line *line, uint32_t taken)
{
	struct virtio_irq_lines *list = list_of(line);

	line->taken = taken;
	if (list_of(line) != list) {
		list_del(list, line);
		list_add(list_of(line), line);
	}
}

/* Lines that come and go */

static void next_round(struct virtio_irq_line *line)
{
	line->at = 0;
	line->generation = line->generation % VIRTIO_IRQ_LAST_GENERATION + 1;
}

static void advance(struct virtio_irq_line *line, unsigned int slots)
{
	line->at += (uint8_t)slots;
	if (line->at == VIRTIO_IRQ_LINE)
		next_round(line);
}

static void enter(struct virtio_irq_ep *ep, struct virtio_irq_line *line, unsigned int order)
{
	line->ep = ep;
	line->order = (uint8_t)order;
	list_add_front(list_of(line), line);
}

static struct virtio_irq_line *line_at(const struct virtio_irq_core *core, uint32_t number)
{
	return &core->line_chunks[number / VIRTIO_IRQ_LINE_CHUNK][number % VIRTIO_IRQ_LINE_CHUNK];
}

/* One line more that is nobody's, of those that there may be; a status */
static uint8_t new_line(struct virtio_irq_core *core)
{
	uint32_t number = core->num_lines;
	struct virtio_irq_line **chunk = &core->line_chunks[number / VIRTIO_IRQ_LINE_CHUNK];
	struct virtio_irq_line *line;

	if (number == core->max_lines)
		return VIRTIO_IRQ_S_NOSPC;
	if (!*chunk)
		*chunk = calloc(VIRTIO_IRQ_LINE_CHUNK, sizeof(**chunk));
	if (!*chunk)
		return VIRTIO_IRQ_S_NOMEM;
	line = line_at(core, number);
	line->first_slot = number * VIRTIO_IRQ_LINE;
	/* After a migration this is where the guest's old pairs do not come next */
	line->generation = (uint8_t)(virtio_irq_hash(core, UINT64_MAX, number + 1) %
				     VIRTIO_IRQ_LAST_GENERATION + 1);
	list_add(&core->free_lines, line);
	core->num_lines++;
	return VIRTIO_IRQ_S_OK;
}

static uint8_t wide_enter(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  unsigned int order)
{
	struct virtio_irq_line *line = core->free_lines.first;
	uint8_t status;

	if (!line) {
		status = new_line(core);
		line = core->free_lines.first;
		if (!line)
			return status;
	}
	list_del(&core->free_lines, line);
	enter(ep, line, order);
	return VIRTIO_IRQ_S_OK;
}

/* Line @number of the endpoint's own, which is not there yet */
static uint8_t data16_enter(struct virtio_irq_ep *ep, uint32_t number, unsigned int order)
{
	struct virtio_irq_line *line;

	if (!ep->data16)
		ep->data16 = calloc(VIRTIO_IRQ_DATA16_LINES, sizeof(struct virtio_irq_line *));
	if (!ep->data16)
		return VIRTIO_IRQ_S_NOMEM;
	line = calloc(1, sizeof(*line));
	if (!line)
		return VIRTIO_IRQ_S_NOMEM;
	line->first_slot = number * VIRTIO_IRQ_LINE;
	line->data16 = true;
	ep->data16[number] = line;
	enter(ep, line, order);
	return VIRTIO_IRQ_S_OK;
}

/*
 * The first one from the cursor on that is not there yet, to be used from there
 * on. These values begin in one generation, so the next one is a new line's, and no
 * line has a second round, as long as there are lines.
 */
static uint8_t data16_enter_next(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				 unsigned int order)
{
	uint32_t size = UINT32_C(1) << order;
	uint32_t number;
	uint8_t status;

	core->next_data16 = (core->next_data16 + size - 1) / size * size % VIRTIO_IRQ_DATA16_SLOTS;
	number = core->next_data16 / VIRTIO_IRQ_LINE;
	for (uint32_t i = 0; ep->data16 && ep->data16[number]; i++) {
		if (i == VIRTIO_IRQ_DATA16_LINES)
			return VIRTIO_IRQ_S_NOSPC;
		number = (number + 1) % VIRTIO_IRQ_DATA16_LINES;
		core->next_data16 = number * VIRTIO_IRQ_LINE;
	}
	status = data16_enter(ep, number, order);
	if (status == VIRTIO_IRQ_S_OK)
		ep->data16[number]->at = core->next_data16 % VIRTIO_IRQ_LINE;
	return status;
}

static void leave(struct virtio_irq_core *core, struct virtio_irq_line *line)
{
	struct virtio_irq_ep *ep = line->ep;

	list_del(list_of(line), line);
	if (line->data16) {
		ep->data16[line->first_slot / VIRTIO_IRQ_LINE] = NULL;
		free(line);
	} else {
		line->ep = NULL;
		list_add(&core->free_lines, line);
	}
}

/* Blocks */

uint8_t virtio_irq_data_take(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			     bool data16, unsigned int order, uint32_t *data)
{
	struct virtio_irq_lines *list = &ep->lines[list_number(data16, order)];
	unsigned int size = 1u << order;
	struct virtio_irq_line *line;
	uint8_t status;
	uint32_t slot;

	if (!list->first || (data16 && !list->first->at)) {
		status = data16 ? data16_enter_next(core, ep, order) :
				  wide_enter(core, ep, order);
		if (!list->first)
			return status;
	}

	line = list->first;
	while (line->at % size || line->taken >> line->at & 1)
		advance(line, 1);
	slot = line->first_slot + line->at;
	*data = encode(slot, data16 ? 0 : line->generation);
	set_taken(line, line->taken | virtio_irq_block_mask(line->at, order));
	advance(line, size);
	if (data16 && slot == core->next_data16)
		core->next_data16 = (slot + size) % VIRTIO_IRQ_DATA16_SLOTS;
	/* The next round is the turn of another line */
	if (!line->at && line == list->first) {
		list_del(list, line);
		list_add(list, line);
	}
	return VIRTIO_IRQ_S_OK;
}

void virtio_irq_data_give(struct virtio_irq_core *core, struct virtio_irq_line *line,
			  uint32_t block)
{
	set_taken(line, line->taken & ~block);
	if (!line->taken)
		leave(core, line);
}

/* The line that the saved data needs, entered if it is nobody's; a negative errno */
static int claim_line(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
		      const struct virtio_irq_vector *saved, uint32_t slot,
		      struct virtio_irq_line **line)
{
	uint32_t number = slot / VIRTIO_IRQ_LINE;
	uint8_t status = VIRTIO_IRQ_S_OK;

	if (saved->state & VIRTIO_IRQ_V_DATA16) {
		if (!ep->data16 || !ep->data16[number])
			status = data16_enter(ep, number, saved->order);
		if (status != VIRTIO_IRQ_S_OK)
			return -ENOMEM;
		*line = ep->data16[number];
	} else {
		if (number >= core->max_lines)
			return -EINVAL;
		while (number >= core->num_lines)
			if (new_line(core) != VIRTIO_IRQ_S_OK)
				return -ENOMEM;
		*line = line_at(core, number);
		if (!(*line)->ep) {
			list_del(&core->free_lines, *line);
			enter(ep, *line, saved->order);
		}
	}
	return (*line)->ep == ep && (*line)->order == saved->order ? 0 : -EINVAL;
}

/* Are they where one block has them? */
static bool same_block(const struct virtio_irq_vector *v, const struct virtio_irq_vector *w)
{
	return v->state & w->state & VIRTIO_IRQ_V_CONTIGUOUS && v->store == w->store &&
	       v->addr_width == w->addr_width && v->index - v->data == w->index - w->data &&
	       !((v->data ^ w->data) >> v->order);
}

int virtio_irq_data_claim(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  const struct virtio_irq_vector *saved)
{
	uint32_t slot, mask, others;
	struct virtio_irq_line *line;
	unsigned int n = 0;
	bool data16;
	int err;

	if (!decode(saved->data, &slot, &data16) ||
	    data16 != !!(saved->state & VIRTIO_IRQ_V_DATA16))
		return -EINVAL;
	/* Where in the block it is cannot be more than its index */
	if (saved->index < (slot & ((UINT32_C(1) << saved->order) - 1)))
		return -EINVAL;
	err = claim_line(core, ep, saved, slot, &line);
	if (err)
		return err;

	mask = virtio_irq_block_mask(slot % VIRTIO_IRQ_LINE, saved->order);
	others = line->live & mask;
	if (!others) {
		/* A block lives as long as one of its vectors, see virtio_irq_vector_del() */
		if (saved->state & VIRTIO_IRQ_V_FREED)
			err = -EINVAL;
		else
			set_taken(line, line->taken | mask);
	} else {
		while (!(others >> n & 1))
			n++;
		if (line->vectors[slot % VIRTIO_IRQ_LINE] ||
		    !same_block(saved, virtio_irq_vector_at(core, line->vectors[n])))
			err = -EINVAL;
	}
	if (!line->taken)
		leave(core, line);
	return err;
}

/* Vectors by their data */

struct virtio_irq_line *virtio_irq_data_line(const struct virtio_irq_core *core,
					     const struct virtio_irq_ep *ep, uint32_t data,
					     unsigned int *in_line)
{
	struct virtio_irq_line *line;
	uint32_t slot, number;
	bool data16;

	if (!decode(data, &slot, &data16))
		return NULL;
	*in_line = slot % VIRTIO_IRQ_LINE;
	number = slot / VIRTIO_IRQ_LINE;
	if (data16)
		return ep->data16 ? ep->data16[number] : NULL;
	if (number >= core->num_lines)
		return NULL;
	line = line_at(core, number);
	return line->ep == ep ? line : NULL;
}

struct virtio_irq_vector *virtio_irq_vector_by_data(const struct virtio_irq_core *core,
						    const struct virtio_irq_ep *ep,
						    uint32_t data)
{
	struct virtio_irq_vector *v = NULL;
	struct virtio_irq_line *line;
	unsigned int slot;

	line = virtio_irq_data_line(core, ep, data, &slot);
	if (line)
		v = virtio_irq_vector_at(core, line->vectors[slot]);
	/* The slot may be in the hands of another generation */
	if (!v || v->data == data)
		return v;
	return v->change & (VIRTIO_IRQ_C_TOLD_OTHER | VIRTIO_IRQ_C_OTHER_VALID) &&
	       virtio_irq_data_in(v->data, v->other) == data ? v : NULL;
}

struct virtio_irq_vector *virtio_irq_vector_next(const struct virtio_irq_core *core,
						 const struct virtio_irq_ep *ep,
						 const struct virtio_irq_vector *v)
{
	const struct virtio_irq_line *line = ep->lines[0].first;
	unsigned int slot = 0, list = 0;

	if (v) {
		line = virtio_irq_data_line(core, ep, v->data, &slot);
		list = (unsigned int)(list_of(line) - ep->lines);
		slot++;
	}
	for (;;) {
		while (!line) {
			if (++list == VIRTIO_IRQ_NUM_LINES)
				return NULL;
			line = ep->lines[list].first;
		}
		for (; slot < VIRTIO_IRQ_LINE; slot++)
			if (line->vectors[slot])
				return virtio_irq_vector_at(core, line->vectors[slot]);
		slot = 0;
		line = line->next;
	}
}
