/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq device core, internal: the tables and what may be done with them.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Layers, each one only calls down:
 *   virtio_irq_request.c	bytes of a request to bytes of a reply; what the
 *				requests mean
 *   virtio_irq_migrate.c	the tables to a blob and back
 *   virtio_irq_core.c		life of a core and of an endpoint, messages
 *   virtio_irq_table.c		endpoints, vectors, data values; no policy
 */
#ifndef VIRTIO_IRQ_INTERNAL_H
#define VIRTIO_IRQ_INTERNAL_H

#include "virtio_irq_core.h"

/* Values of pair data below this are for vectors with DATA16 */
#define VIRTIO_IRQ_DATA16_END		(UINT32_C(1) << 16)
#define VIRTIO_IRQ_DATA16_WORDS		(VIRTIO_IRQ_DATA16_END / 64)

/*
 * Data values from DATA16_END on are handed out by lines. A line is as long as
 * the largest CONTIGUOUS block, so that an aligned block never leaves its line.
 */
#define VIRTIO_IRQ_MAX_ORDER		5
#define VIRTIO_IRQ_LINE			(UINT32_C(1) << VIRTIO_IRQ_MAX_ORDER)
#define VIRTIO_IRQ_LINE_FIRST		(VIRTIO_IRQ_DATA16_END / VIRTIO_IRQ_LINE)
/* How many lines an ALLOC tries for each vector */
#define VIRTIO_IRQ_MAX_LINES		16
#define VIRTIO_IRQ_LINE_END		(UINT32_C(1) << (32 - VIRTIO_IRQ_MAX_ORDER))

/* Bits of virtio_irq_vector.state; 0..20 are those of the messages, 0 unless armed */
#define VIRTIO_IRQ_V_PASID_VALUE	VIRTIO_IRQ_PASID_MASK
#define VIRTIO_IRQ_V_PASID_VALID	(UINT32_C(1) << 20)
#define VIRTIO_IRQ_V_PASID		(VIRTIO_IRQ_V_PASID_VALUE | VIRTIO_IRQ_V_PASID_VALID)
#define VIRTIO_IRQ_V_ARMED		(UINT32_C(1) << 24)
/* By COMMIT or ALLOC; an ACTIVATE that commits on its own does not set it */
#define VIRTIO_IRQ_V_COMMITTED		(UINT32_C(1) << 25)
/* Charged by the COMMIT being carried out, which may yet have to undo it */
#define VIRTIO_IRQ_V_TAKEN		(UINT32_C(1) << 26)
#define VIRTIO_IRQ_V_CONTIGUOUS		(UINT32_C(1) << 27)
#define VIRTIO_IRQ_V_DATA16		(UINT32_C(1) << 28)

/* One of these holds: the vector holds its scarce resource */
#define VIRTIO_IRQ_V_CHARGED		\
	(VIRTIO_IRQ_V_ARMED | VIRTIO_IRQ_V_COMMITTED | VIRTIO_IRQ_V_TAKEN)
/* What has to be the same for an ALLOC to be "already allocated alike" */
#define VIRTIO_IRQ_V_ALIKE		(VIRTIO_IRQ_V_CONTIGUOUS | VIRTIO_IRQ_V_DATA16)

/* Of a PASID, VIRTIO_IRQ_PASID_MASK */
#define VIRTIO_IRQ_MAX_PASID_WIDTH	20

/* A link to a vector: its number in the table plus one, 0 for none */
typedef uint32_t virtio_irq_link;

/*
 * An allocated vector. 64-bit values are in two halves (low first), so that
 * with its share of the hash tables a vector takes no more than 64 bytes.
 */
struct virtio_irq_vector {
	/* Its name */
	uint32_t endpoint;
	uint32_t index;
	/* What a message carries */
	uint32_t data;
	/* Chains of the hash tables by name and by data */
	virtio_irq_link name_next;
	virtio_irq_link data_next;
	/* The endpoint's vectors, in the order of their allocation */
	virtio_irq_link ep_next;
	virtio_irq_link ep_prev;
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

_Static_assert(sizeof(struct virtio_irq_vector) <= 60,
	       "a vector and its 4 bytes of hash table take 64 bytes");

#define VIRTIO_IRQ_CHUNK		1024	/* vectors per allocation */

struct virtio_irq_ep {
	uint32_t id;
	struct virtio_irq_ep *hash_next;
	/* All endpoints, in the order of their ATTACH */
	struct virtio_irq_ep *next;
	struct virtio_irq_ep *prev;
	struct virtio_irq_ep_info info;
	virtio_irq_link first;
	virtio_irq_link last;
	uint32_t allocated;
	/* The line that ALLOC takes from, and how much of it is gone */
	uint32_t line;
	uint32_t line_used;
	/* 16-bit values in use: NULL before the first DATA16 */
	uint64_t *data16;
};

struct virtio_irq_core {
	struct virtio_irq_core_config config;
	const struct virtio_irq_ops *ops;
	void *opaque;
	struct virtio_irq_quotas quotas;
	/* VIRTIO_IRQ_F_PASID is negotiated */
	bool pasid;
	/* The gauges in here are those that the limits are compared with */
	struct virtio_irq_stats stats;

	/* Of the hash tables */
	uint64_t key[2];

	struct virtio_irq_ep **ep_heads;
	uint32_t ep_mask;
	struct virtio_irq_ep *ep_first;
	struct virtio_irq_ep *ep_last;
	/* For the next ATTACH; refused ones leave it here */
	struct virtio_irq_ep *ep_spare;

	virtio_irq_link *name_heads;
	virtio_irq_link *data_heads;
	uint32_t vector_mask;
	struct virtio_irq_vector **chunks;
	/* Vectors that have memory, and those of them ever used */
	uint32_t num_backed;
	uint32_t num_slots;
	/* Used once, free now; chained by name_next */
	virtio_irq_link free_first;
	uint32_t num_free;

	/*
	 * Where the next data value comes from. Of the core, not the endpoint,
	 * so that what an endpoint gets after a DETACH or a reset does not
	 * begin with what it had before.
	 */
	uint32_t next_line;
	uint32_t next_data16;
	/* How often next_line has jumped, so that each jump is another one */
	uint64_t jumps;
	/* What looking for a line has cost, for tests */
	uint64_t lines_tried;
};

/* virtio_irq_table.c */
bool virtio_irq_table_init(struct virtio_irq_core *core);
void virtio_irq_table_destroy(struct virtio_irq_core *core);
/* Gives memory back; needs a core without vectors */
void virtio_irq_table_trim(struct virtio_irq_core *core);

struct virtio_irq_ep *virtio_irq_ep_find(const struct virtio_irq_core *core, uint32_t id);
void virtio_irq_ep_insert(struct virtio_irq_core *core, struct virtio_irq_ep *ep);
void virtio_irq_ep_remove(struct virtio_irq_core *core, struct virtio_irq_ep *ep);

struct virtio_irq_vector *virtio_irq_vector_at(const struct virtio_irq_core *core,
					       virtio_irq_link link);
struct virtio_irq_vector *virtio_irq_vector_find(const struct virtio_irq_core *core,
						 const struct virtio_irq_ep *ep,
						 uint16_t store, uint32_t index);
struct virtio_irq_vector *virtio_irq_vector_find_data(const struct virtio_irq_core *core,
						      const struct virtio_irq_ep *ep,
						      uint32_t data);
/* Memory for @num more vectors and, with DATA16, for the map of values */
bool virtio_irq_vector_reserve(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       uint32_t num, bool data16);
/* The rest needs virtio_irq_vector_reserve(), and cannot fail then */
bool virtio_irq_data_take(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			  bool data16, unsigned int order, uint32_t *data);
/* Load takes the values that were saved */
void virtio_irq_data_mark(struct virtio_irq_ep *ep, uint32_t data, unsigned int order);
struct virtio_irq_vector *virtio_irq_vector_add(struct virtio_irq_core *core,
						struct virtio_irq_ep *ep, uint16_t store,
						uint32_t index, uint32_t data);
/* Out of the tables, and its data value with it; it must hold no resource */
void virtio_irq_vector_del(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			   struct virtio_irq_vector *v);

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
/* The pair address is below 1 << @width */
bool virtio_irq_ep_fits(const struct virtio_irq_ep *ep, uint8_t width);

/* May it be delivered? A status. */
uint8_t virtio_irq_check_route(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			       const struct virtio_irq_msg *route);
struct virtio_irq_msg virtio_irq_vector_route(const struct virtio_irq_vector *v);
/*
 * Take the scarce resource of a vector that has none, for the reason @flag of
 * V_CHARGED; give up the reason, and with the last one the resource.
 */
uint8_t virtio_irq_vector_charge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				 struct virtio_irq_vector *v, uint32_t flag);
void virtio_irq_vector_uncharge(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				struct virtio_irq_vector *v, uint32_t flag);
/* Arm or re-route, @pasid of V_PASID, a status; the opposite */
uint8_t virtio_irq_vector_arm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v, const struct virtio_irq_msg *route,
			      uint32_t pasid);
void virtio_irq_vector_disarm(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v);
/* Disarm, give the resource back, delete */
void virtio_irq_vector_free(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			    struct virtio_irq_vector *v);

/* What a callback may return: a status that exists */
uint8_t virtio_irq_sane_status(uint8_t status);

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
