/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq device core, internal: the tables and what may be done with them.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Layers, each one only calls down:
 *   virtio_irq_request.c	bytes of a request to bytes of a reply
 *   virtio_irq_handlers.c	what the requests mean
 *   virtio_irq_migrate.c	the tables to arrays and back
 *   virtio_irq_core.c		life of a core and of an endpoint, messages
 *   virtio_irq_change.c	pairs that change, vectors that are taken away
 *   virtio_irq_event.c		what the driver is told of it, and of blocked messages
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
 * With DATA16 bits 16 to 24 are 0, and bit 15 takes the generation's part: such a
 * vector has one of 4096 slots, in one of two generations. All values of a slot
 * belong to who has the slot, so there is always another one that the pair can
 * change to, and none of those before it comes to somebody else.
 *
 * 011 is a delivery mode that x86 does not have: what is left of a pair in a store
 * after the endpoint was detached does nothing there, whatever the other bits say.
 */
#define VIRTIO_IRQ_DATA_INERT_MASK	UINT32_C(0x700)
#define VIRTIO_IRQ_DATA_INERT		UINT32_C(0x300)
#define VIRTIO_IRQ_SLOT_BITS		22
#define VIRTIO_IRQ_SLOTS		(UINT32_C(1) << VIRTIO_IRQ_SLOT_BITS)
#define VIRTIO_IRQ_DATA16_SLOT_BITS	12
#define VIRTIO_IRQ_DATA16_SLOTS		(UINT32_C(1) << VIRTIO_IRQ_DATA16_SLOT_BITS)
#define VIRTIO_IRQ_LAST_GENERATION	127
#define VIRTIO_IRQ_GENERATION_SHIFT	25
#define VIRTIO_IRQ_GENERATION16_SHIFT	15

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

/* Bits of virtio_irq_vector.change */
/* Its pair has to be asked for again; V_REVOKED goes before it */
#define VIRTIO_IRQ_C_STALE		(1u << 0)
/* STALE: the driver was told the pair with the other generation, and may be so again */
#define VIRTIO_IRQ_C_TOLD_OTHER		(1u << 1)
/* The pair with the other generation is honoured, too */
#define VIRTIO_IRQ_C_OTHER_VALID	(1u << 2)
/* It was taken away; why is in .reason */
#define VIRTIO_IRQ_C_REVOKED		(1u << 3)

/* STALE, because it was REVOKED and is not any more; nobody goes by a pair of it */
#define VIRTIO_IRQ_C_GIVEN_BACK		(1u << 4)

/* Its driver goes by a pair that it has to ask for again */
static inline bool virtio_irq_is_stale(uint8_t change)
{
	return (change & (VIRTIO_IRQ_C_STALE | VIRTIO_IRQ_C_REVOKED |
			  VIRTIO_IRQ_C_GIVEN_BACK)) == VIRTIO_IRQ_C_STALE;
}

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
	uint16_t routed;
	uint16_t store;
	uint8_t addr_width;
	/* TOLD_OTHER, OTHER_VALID: the generation of that data; else 0 */
	uint8_t other;
	/* CONTIGUOUS: log2 of the block's size */
	uint16_t order : 4;
	/* VIRTIO_IRQ_C_* */
	uint16_t change : 5;
	/* REVOKED: a status; else 0 */
	uint16_t reason : 4;
	/* STALE: the driver was told old_addresses[told - 1]; 0: the present address */
	uint16_t told : 3;
};

_Static_assert(VIRTIO_IRQ_MAX_ORDER < 1 << 4 && VIRTIO_IRQ_S_DEVERR < 1 << 4,
	       "order and reason of a vector");

/* For the bits of these; what is cut off is checked before */
#define VIRTIO_IRQ_3_BITS		0x7u
#define VIRTIO_IRQ_4_BITS		0xfu
#define VIRTIO_IRQ_5_BITS		0x1fu

/* In a list that has a head, a node of nobody's; next is NULL outside of one */
struct virtio_irq_node {
	struct virtio_irq_node *next;
	struct virtio_irq_node *prev;
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
	/* ... a vector in use whose STALE or REVOKED has to be placed; core.waiting */
	uint32_t waiting;
	/* The slot that is looked at next, and the generation it gets */
	uint8_t at;
	uint8_t generation;
	uint8_t order;
	/* Of the endpoint's own 4096 */
	bool data16;
	virtio_irq_link vectors[VIRTIO_IRQ_LINE];
	struct virtio_irq_node wait_node;
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

/* Pair addresses of an endpoint that its driver may still go by, see told */
#define VIRTIO_IRQ_OLD_ADDRESSES	3

/* What a FAULT says */
struct virtio_irq_fault {
	uint64_t address;
	uint32_t data;
	uint32_t flags;
	uint32_t first;
	uint16_t store;
	uint8_t reason;
};

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
	/* Of those vectors, how many are revoked */
	uint32_t revoked;
	/* Other values of info.pair_address, before migrations; 0 for none */
	uint64_t old_addresses[VIRTIO_IRQ_OLD_ADDRESSES];
	/* The driver has to ask ATTACH again; in core.rereads: it was not told */
	bool reread;
	struct virtio_irq_node reread_node;
	/* The next FAULT, for so many messages; in core.faults unless that is 0 */
	struct virtio_irq_fault fault;
	uint32_t fault_count;
	struct virtio_irq_node fault_node;
	/* core.buffers when the last one was placed */
	bool fault_unread;
	uint64_t fault_buffers;
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

	/* Vectors that are STALE or REVOKED, however that came */
	uint32_t num_changed;
	/* What has to be placed: lines with waiting vectors; endpoints */
	struct virtio_irq_node waiting;
	struct virtio_irq_node rereads;
	struct virtio_irq_node faults;
	/* Those that the driver has made available since */
	uint64_t buffers;
	/* FAULTs were dropped since the last one was placed */
	bool overflow;
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
/* The same data in another generation; which one it is; which one comes next */
uint32_t virtio_irq_data_in(uint32_t data, uint8_t generation);
uint8_t virtio_irq_data_generation(uint32_t data);
uint8_t virtio_irq_data_next_generation(uint32_t data);
/* Do they differ in nothing but their generation? */
bool virtio_irq_data_same_slot(uint32_t data, uint32_t other);
/* By the data of its pair, or of the other one that the driver may know */
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
/* What ACTIVATE says that the vector's store has to hold; a status */
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

void virtio_irq_route_changed(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      const struct virtio_irq_vector *v);

/* virtio_irq_change.c */
/* May it be the reason of a REVOKED? */
bool virtio_irq_reason_valid(uint8_t reason);
/* The pair that the driver was told; the present one unless the vector is stale */
struct virtio_irq_msg virtio_irq_vector_told(const struct virtio_irq_ep *ep,
					     const struct virtio_irq_vector *v);
/* ACTIVATE was carried out, and @pair is its answer */
void virtio_irq_vector_answered(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				struct virtio_irq_vector *v, const struct virtio_irq_msg *pair);
/* A message with this data was honoured */
void virtio_irq_vector_delivered(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				 struct virtio_irq_vector *v, uint32_t data);
/* It is not armed, or not any more: nothing goes by its old pair */
void virtio_irq_vector_settle(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v);
/* It is about to be deleted */
void virtio_irq_vector_forget(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      struct virtio_irq_vector *v);
/*
 * Of a vector that is being loaded, as it was saved: its state, whether that
 * waits to be told, and the address that the driver knows. False: no room for that.
 */
bool virtio_irq_vector_set_change(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
				  struct virtio_irq_vector *v,
				  const struct virtio_irq_vector *saved, bool waits,
				  uint64_t told);
/*
 * After a load: pairs have another address than the driver was told, @old. False:
 * no room for that.
 */
bool virtio_irq_ep_moved(struct virtio_irq_core *core, struct virtio_irq_ep *ep, uint64_t old);

/* virtio_irq_event.c */
/* Is there a driver that can be told? */
bool virtio_irq_has_events(const struct virtio_irq_core *core);
void virtio_irq_event_init(struct virtio_irq_core *core);
/* Its STALE or REVOKED is, is not to be placed; is it? */
void virtio_irq_set_waiting(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			    const struct virtio_irq_vector *v);
void virtio_irq_clear_waiting(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			      const struct virtio_irq_vector *v);
bool virtio_irq_is_waiting(const struct virtio_irq_core *core, const struct virtio_irq_ep *ep,
			   const struct virtio_irq_vector *v);
/* STALE with REREAD, for all vectors of the endpoint, is to be placed */
void virtio_irq_set_reread(struct virtio_irq_core *core, struct virtio_irq_ep *ep);
bool virtio_irq_reread_waits(const struct virtio_irq_ep *ep);
/* ATTACH has told its properties again */
void virtio_irq_reread_done(struct virtio_irq_ep *ep);
/* There is something to be placed */
void virtio_irq_tell(struct virtio_irq_core *core);
/* A message was blocked; @v is the vector with this data, NULL if there is none */
void virtio_irq_blocked(struct virtio_irq_core *core, struct virtio_irq_ep *ep,
			enum virtio_irq_verdict verdict, const struct virtio_irq_vector *v,
			const struct virtio_irq_msg *msg, bool has_pasid, uint32_t pasid);
/* It is about to be detached */
void virtio_irq_event_detach(struct virtio_irq_core *core, struct virtio_irq_ep *ep);
void virtio_irq_event_reset(struct virtio_irq_core *core);

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

/* Of a request, a reply or a TLV */
#define GET16(req, t, f)	virtio_irq_get16((req) + offsetof(struct t, f))
#define GET32(req, t, f)	virtio_irq_get32((req) + offsetof(struct t, f))
#define GET64(req, t, f)	virtio_irq_get64((req) + offsetof(struct t, f))
#define PUT16(rsp, t, f, v)	virtio_irq_put16((rsp) + offsetof(struct t, f), v)
#define PUT32(rsp, t, f, v)	virtio_irq_put32((rsp) + offsetof(struct t, f), v)
#define PUT64(rsp, t, f, v)	virtio_irq_put64((rsp) + offsetof(struct t, f), v)

/* [first, first + count) of a store */
struct virtio_irq_range {
	uint16_t store;
	uint32_t first;
	uint32_t count;
};

static inline bool virtio_irq_range_valid(const struct virtio_irq_core *core,
					  const struct virtio_irq_range *range)
{
	return range->count >= 1 && range->count <= core->config.max_count &&
	       range->count - 1 <= UINT32_MAX - range->first;
}

/* virtio_irq_handlers.c: a status, and if that is OK the reply after its head in @rsp */
uint8_t virtio_irq_do_attach(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_detach(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_alloc(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_commit(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_release(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_free(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_activate(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
uint8_t virtio_irq_do_deactivate(struct virtio_irq_core *core, const uint8_t *req, uint8_t *rsp);
/* virtio_irq_core_walk_commits() for a request that is well formed */
void virtio_irq_walk_commits(struct virtio_irq_core *core, const uint8_t *req,
			     bool (*fn)(void *arg, void *priv, uint16_t store, uint32_t index),
			     void *arg);

#endif /* VIRTIO_IRQ_INTERNAL_H */
