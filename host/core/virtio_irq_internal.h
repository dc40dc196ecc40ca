/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq device core, internal: the tables and what may be done with them.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Layers, each one only calls down:
 *   virtio_irq_request.c	bytes of a request to bytes of a reply; what the
 *				requests mean
 *   virtio_irq_migrate.c	the tables to arrays and back
 *   virtio_irq_core.c		life of a core and of an endpoint, messages
 *   virtio_irq_table.c		endpoints and vectors by name; no policy
 *   virtio_irq_data.c		vectors by the data of their pair
 */
#ifndef VIRTIO_IRQ_INTERNAL_H
#define VIRTIO_IRQ_INTERNAL_H

#include "virtio_irq_core.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

/*
 * Data of a pair: a slot and how often that was used before. A message is looked
 * up by taking both out of it.
 *
 *	bits 0-7	slot, bits 0-7
 *	bits 8-10	011
 *	bits 11-24	slot, bits 8-21
 *	bits 25-31	generation: 0 for DATA16, 1 to 127 for the others
 *
 * So a vector with DATA16 has one of 8192 slots. 011 is a delivery mode that x86
 * does not have: what is left of a pair in a store after the endpoint was
 * detached does nothing there, whatever the other bits say.
 */
#define VIRTIO_IRQ_DATA_INERT_MASK	UINT32_C(0x700)
#define VIRTIO_IRQ_DATA_INERT		UINT32_C(0x300)
#define VIRTIO_IRQ_SLOT_BITS		22
#define VIRTIO_IRQ_SLOTS		(UINT32_C(1) << VIRTIO_IRQ_SLOT_BITS)
#define VIRTIO_IRQ_DATA16_SLOTS		(UINT32_C(1) << 13)
#define VIRTIO_IRQ_LAST_GENERATION	127

/*
 * Slots are handed out by lines. A line is as long as the largest CONTIGUOUS
 * block, so that an aligned block never leaves its line.
 */
#define VIRTIO_IRQ_MAX_ORDER		5
#define VIRTIO_IRQ_LINE			(UINT32_C(1) << VIRTIO_IRQ_MAX_ORDER)
#define VIRTIO_IRQ_LINE_FULL		UINT32_MAX
#define VIRTIO_IRQ_DATA16_LINES		(VIRTIO_IRQ_DATA16_SLOTS / VIRTIO_IRQ_LINE)

_Static_assert(VIRTIO_IRQ_CORE_MAX_VECTORS == VIRTIO_IRQ_SLOTS, "a slot for every vector");

/* Bits of virtio_irq_vector.state; 0..20 are those of the messages, 0 unless armed */
#define VIRTIO_IRQ_V_PASID_VALUE	VIRTIO_IRQ_PASID_MASK
#define VIRTIO_IRQ_V_PASID_VALID	(UINT32_C(1) << 20)
#define VIRTIO_IRQ_V_PASID		(VIRTIO_IRQ_V_PASID_VALUE | VIRTIO_IRQ_V_PASID_VALID)
#define VIRTIO_IRQ_V_ARMED		(UINT32_C(1) << 24)
/* By COMMIT or ALLOC; an ACTIVATE that commits on its own does not set it */
#define VIRTIO_IRQ_V_COMMITTED		(UINT32_C(1) << 25)
/* Charged by the request being carried out, which may yet have to undo it */
#define VIRTIO_IRQ_V_TAKEN		(UINT32_C(1) << 26)
#define VIRTIO_IRQ_V_CONTIGUOUS		(UINT32_C(1) << 27)
#define VIRTIO_IRQ_V_DATA16		(UINT32_C(1) << 28)
/* Free, but in the tables until the last vector of its block is */
#define VIRTIO_IRQ_V_FREED		(UINT32_C(1) << 29)
/* Its pair is that of ops->pair, as last reported */
#define VIRTIO_IRQ_V_HOST_PAIR		(UINT32_C(1) << 30)

/* One of these holds: the vector holds its scarce resource */
#define VIRTIO_IRQ_V_CHARGED		\
	(VIRTIO_IRQ_V_ARMED | VIRTIO_IRQ_V_COMMITTED | VIRTIO_IRQ_V_TAKEN)
/* What has to be the same for an ALLOC to be "already allocated alike" */
#define VIRTIO_IRQ_V_ALIKE		(VIRTIO_IRQ_V_CONTIGUOUS | VIRTIO_IRQ_V_DATA16)

/* Of a PASID, VIRTIO_IRQ_PASID_MASK */
#define VIRTIO_IRQ_MAX_PASID_WIDTH	20

/* A link to a vector: its number in the table plus one, 0 for none */
typedef uint32_t virtio_irq_link;

/* An allocated vector. 64-bit values are in two halves, low first: no padding. */
struct virtio_irq_vector {
	/* Its name */
	uint32_t endpoint;
	uint32_t index;
	/* What a message carries */
	uint32_t data;
	/* Chain of the hash table by name */
	virtio_irq_link next;
	uint32_t state;
	/* Zero unless armed */
	uint32_t route_address[2];
	uint32_t route_data;
	/* Statistics; the second one wraps */
	uint32_t delivered[2];
	uint32_t routed;
	uint16_t store;
	uint8_t addr_width;
	/* CONTIGUOUS: log2 of the block's size */
	uint8_t order;
};

/*
 * Slots that follow each other, all of one endpoint and in blocks of one size,
 * 1 << order. They are handed out from the first to the last one, again and
 * again, passing over those that are taken; each round is a generation. So a
 * pair comes back after 127 rounds at the earliest.
 *
 * A line without a vector is no endpoint's, and the next one that needs a line
 * gets that which has been so for longest. What a guest can make of lines by
 * allocating and freeing is therefore one line for each of its vectors.
 */
struct virtio_irq_line {
	struct virtio_irq_ep *ep;
	/* In one of the endpoint's lists, or in that of nobody's lines */
	struct virtio_irq_line *next;
	struct virtio_irq_line *prev;
	uint32_t first_slot;
	/* Bit n: slot n is taken, by a vector or by a block; it has a vector in use */
	uint32_t taken;
	uint32_t live;
	/* The slot that is looked at next, and the generation it gets */
	uint8_t at;
	uint8_t generation;
	uint8_t order;
	/* Of the endpoint's own 8192, which have no generation */
	bool data16;
	virtio_irq_link vectors[VIRTIO_IRQ_LINE];
};

struct virtio_irq_lines {
	struct virtio_irq_line *first;
	struct virtio_irq_line *last;
};

/* Up to so many vectors the hash table has a head for each */
_Static_assert(sizeof(struct virtio_irq_vector) + sizeof(virtio_irq_link) +
	       (sizeof(struct virtio_irq_line) + VIRTIO_IRQ_LINE - 1) / VIRTIO_IRQ_LINE <= 64,
	       "a vector with its share of a full line takes 64 bytes");

/* Vectors and lines per allocation */
#define VIRTIO_IRQ_CHUNK		1024
#define VIRTIO_IRQ_LINE_CHUNK		32

/* An endpoint's lists of lines: with a slot to give, by DATA16 and order; without */
#define VIRTIO_IRQ_LINES_FULL		(2 * (VIRTIO_IRQ_MAX_ORDER + 1))
#define VIRTIO_IRQ_NUM_LINES		(VIRTIO_IRQ_LINES_FULL + 1)

struct virtio_irq_ep {
	uint32_t id;
	struct virtio_irq_ep *hash_next;
	/* All endpoints, in the order of their ATTACH */
	struct virtio_irq_ep *next;
	struct virtio_irq_ep *prev;
	struct virtio_irq_ep_info info;
	/* The addresses of pairs of ops->pair since ATTACH lie in this range */
	uint64_t host_start;
	uint64_t host_end;
	uint32_t allocated;
	uint64_t refused;
	uint64_t limited;
	struct virtio_irq_lines lines[VIRTIO_IRQ_NUM_LINES];
	/* Lines of DATA16 by number: NULL before the first DATA16 */
	struct virtio_irq_line **data16;
};

struct virtio_irq_core {
	struct virtio_irq_core_config config;
	const struct virtio_irq_ops *ops;
	void *opaque;
	struct virtio_irq_quotas quotas;
	uint64_t features;
	/* The gauges in here are those that the limits are compared with */
	struct virtio_irq_stats stats;
	uint64_t work;

	/* Of the hash tables, and where generations begin */
	uint64_t key[2];

	struct virtio_irq_ep **ep_heads;
	uint32_t ep_mask;
	struct virtio_irq_ep *ep_first;
	struct virtio_irq_ep *ep_last;
	/* For the next ATTACH; refused ones leave it here */
	struct virtio_irq_ep *ep_spare;

	virtio_irq_link *name_heads;
	uint32_t name_mask;
	struct virtio_irq_vector **chunks;
	/* Vectors that have memory, and those of them ever used */
	uint32_t num_backed;
	uint32_t num_used;
	/* Used once, free now; chained by next */
	virtio_irq_link free_first;
	uint32_t num_free;

	/* Lines of vectors without DATA16, by first_slot; they outlive a reset */
	struct virtio_irq_line **line_chunks;
	uint32_t max_lines;
	uint32_t num_lines;
	struct virtio_irq_lines free_lines;
	/* The DATA16 slot that is looked at next, of whatever endpoint */
	uint32_t next_data16;
};

/* virtio_irq_table.c */
bool virtio_irq_table_init(struct virtio_irq_core *core);
void virtio_irq_table_destroy(struct virtio_irq_core *core);
/* Gives memory back; needs a core without vectors */
void virtio_irq_table_trim(struct virtio_irq_core *core);
/* 32 bits that a guest cannot foresee */
uint32_t virtio_irq_hash(const struct virtio_irq_core *core, uint64_t a, uint64_t b);

struct virtio_irq_ep *virtio_irq_ep_find(const struct virtio_irq_core *core, uint32_t id);
void virtio_irq_ep_insert(struct virtio_irq_core *core, struct virtio_irq_ep *ep);
void virtio_irq_ep_remove(struct virtio_irq_core *core, struct virtio_irq_ep *ep);

struct virtio_irq_vector *virtio_irq_vector_at(const struct virtio_irq_core *core,
					       virtio_irq_link link);
/* The second one also finds those that are freed, and wait for their block */
struct virtio_irq_vector *virtio_irq_vector_find(struct virtio_irq_core *core,
						 const struct virtio_irq_ep *ep,
						 uint16_t store, uint32_t index);
struct virtio_irq_vector *virtio_irq_vector_find_any(struct virtio_irq_core *core,
						     const struct virtio_irq_ep *ep,
						     uint16_t store, uint32_t index);
/* Vectors that the table has room for, by its configuration */
uint32_t virtio_irq_vector_room(const struct virtio_irq_core *core);
/* Memory for @num more vectors: what virtio_irq_vector_add() needs, so as not to fail */
bool virtio_irq_vector_reserve(struct virtio_irq_core *core, uint32_t num);
/* Enters @v as it is, but for its endpoint; its data has been taken */
struct virtio_irq_vector *virtio_irq_vector_add(struct virtio_irq_core *core,
						struct virtio_irq_ep *ep,
						const struct virtio_irq_vector *v);
/*
 * The opposite; it must hold no resource. What belongs to a block stays in the
 * tables as V_FREED, and leaves them with the last vector of the block: a function
 * with multi-MSI makes all values of the block up from the first one's message, so
 * until then neither values nor indices can serve another purpose.
 */
void virtio_irq_vector_del(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   struct virtio_irq_vector *v);

/* virtio_irq_data.c */
void virtio_irq_data_init(struct virtio_irq_core *core);
/* A block of 1 << @order values that follow each other; a status */
uint8_t virtio_irq_data_take(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			     bool data16, unsigned int order, uint32_t *data);
/*
 * Take the block of the order of @saved that its data is in, if nothing else has
 * it; a negative errno. -EINVAL also for what does not fit the rest of its block.
 */
int virtio_irq_data_claim(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  const struct virtio_irq_vector *saved);
/* The line that a value is in, if it is the endpoint's, and where in the line */
struct virtio_irq_line *virtio_irq_data_line(const struct virtio_irq_core *core,
					     const struct virtio_irq_ep *ep, uint32_t data,
					     unsigned int *slot);
/* Nobody needs the slots of the mask @block any more */
void virtio_irq_data_give(struct virtio_irq_core *core, struct virtio_irq_line *line,
			  uint32_t block);
struct virtio_irq_vector *virtio_irq_vector_by_data(const struct virtio_irq_core *core,
						    const struct virtio_irq_ep *ep,
						    uint32_t data);
/*
 * The endpoint's vectors, freed ones of blocks included, one after the other: @v
 * is the last one, NULL to begin with. None may be added or deleted in between.
 */
struct virtio_irq_vector *virtio_irq_vector_next(const struct virtio_irq_core *core,
						 const struct virtio_irq_ep *ep,
						 const struct virtio_irq_vector *v);

/* virtio_irq_core.c */
uint8_t virtio_irq_ep_attach(struct virtio_irq_core *core, uint32_t id,
			     struct virtio_irq_ep **ep);
void virtio_irq_ep_detach(struct virtio_irq_core *core, struct virtio_irq_ep *ep);
bool virtio_irq_ep_has_window(const struct virtio_irq_ep *ep);
/* NULL: the endpoint has no such store */
const struct virtio_irq_store_info *virtio_irq_ep_store(const struct virtio_irq_ep *ep,
							uint16_t store);
/* Is [@first, @first + @count), which does not wrap, in the store? */
bool virtio_irq_store_has(const struct virtio_irq_store_info *store, uint32_t first,
			  uint32_t count);
bool virtio_irq_addr_width_valid(uint8_t width);
/* It is below 1 << @width */
bool virtio_irq_address_fits(uint64_t address, uint8_t width);

/* May it be delivered? A status. */
uint8_t virtio_irq_check_route(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       const struct virtio_irq_msg *route);
/* May the vectors of @store have this PASID, of V_PASID, 0 for none? A status. */
uint8_t virtio_irq_check_pasid(const struct virtio_irq_ep *ep,
			       const struct virtio_irq_store_info *store, uint32_t pasid);
struct virtio_irq_msg virtio_irq_vector_route(const struct virtio_irq_vector *v);
/*
 * Take the scarce resource of a vector that has none, for the reason @flag of
 * V_CHARGED; give up the reason, and with the last one the resource.
 */
uint8_t virtio_irq_vector_charge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				 struct virtio_irq_vector *v, uint32_t flag);
void virtio_irq_vector_uncharge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				struct virtio_irq_vector *v, uint32_t flag);
/* What the vector's store has to hold; a status */
uint8_t virtio_irq_vector_pair(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       struct virtio_irq_vector *v, struct virtio_irq_msg *pair);
/* Arm or re-route, @pasid of V_PASID, and say the pair; a status. The opposite */
uint8_t virtio_irq_vector_arm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v, const struct virtio_irq_msg *route,
			      uint32_t pasid, struct virtio_irq_msg *pair);
void virtio_irq_vector_disarm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v);
/* Disarm, give the resource back, delete */
void virtio_irq_vector_free(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			    struct virtio_irq_vector *v);

/* Count a refusal; the limit's status */
uint8_t virtio_irq_limited(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   enum virtio_irq_limit limit);
/* What a callback may return: a status that exists */
uint8_t virtio_irq_sane_status(uint8_t status);

static inline bool virtio_irq_has_feature(const struct virtio_irq_core *core,
					  unsigned int feature)
{
	return core->features >> feature & 1;
}

/* The slots of a line, as a mask, that make the block of @order that @slot is in */
static inline uint32_t virtio_irq_block_mask(unsigned int slot, unsigned int order)
{
	unsigned int size = 1u << order;

	return VIRTIO_IRQ_LINE_FULL >> (VIRTIO_IRQ_LINE - size) << (slot & ~(size - 1));
}

static inline uint64_t virtio_irq_join(const uint32_t half[2])
{
	return (uint64_t)half[1] << 32 | half[0];
}

static inline void virtio_irq_split(uint32_t half[2], uint64_t value)
{
	half[0] = (uint32_t)value;
	half[1] = (uint32_t)(value >> 32);
}

/* Little-endian fields of any alignment */
static inline uint16_t virtio_irq_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t virtio_irq_get32(const uint8_t *p)
{
	return virtio_irq_get16(p) | (uint32_t)virtio_irq_get16(p + 2) << 16;
}

static inline uint64_t virtio_irq_get64(const uint8_t *p)
{
	return virtio_irq_get32(p) | (uint64_t)virtio_irq_get32(p + 4) << 32;
}

static inline void virtio_irq_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void virtio_irq_put32(uint8_t *p, uint32_t value)
{
	virtio_irq_put16(p, (uint16_t)value);
	virtio_irq_put16(p + 2, (uint16_t)(value >> 16));
}

static inline void virtio_irq_put64(uint8_t *p, uint64_t value)
{
	virtio_irq_put32(p, (uint32_t)value);
	virtio_irq_put32(p + 4, (uint32_t)(value >> 32));
}

#endif /* VIRTIO_IRQ_INTERNAL_H */
