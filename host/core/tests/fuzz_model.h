/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model of a conforming device, written from the rules and not from the core:
 * arrays and counting where the core has tables and gauges.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "virtio_irq_core.h"

/* assert() that no build option takes away */
#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n",		\
				__FILE__, __LINE__, #cond);		\
			abort();					\
		}							\
	} while (0)

#define MAX_VECTORS	64
#define MAX_ENDPOINTS	2
#define MAX_COUNT	48
#define TLV_SIZE	96
/* Store 0 of the first endpoint */
#define STORE_SIZE	48
#define NUM_EPS		4
#define MAX_STEPS	512
/* A data value does not come again so soon, see check_new_data() */
#define RECENT		64
/* Values of a vector that are remembered */
#define PAST		8

struct mvec {
	uint16_t store;
	uint32_t index;
	/* New in this step: the model does not know its data value yet */
	bool fresh;
	bool allocated, armed, committed, contiguous, data16;
	/* Of a block that has others; to all but ALLOC it is not there */
	bool freed;
	uint8_t width;
	unsigned int order;
	uint32_t block_first;
	uint32_t data;
	/* The guest was told a pair that the VMM has chosen; the core's is good for nothing */
	bool host;
	struct virtio_irq_msg route;
	bool has_pasid;
	uint32_t pasid;
	uint64_t delivered, routed;
	/* Why it was taken away, 0: it was not */
	uint8_t reason;
	/* It has to be asked for again; the driver was not told so */
	bool stale, waiting;
	/* It was taken away before, and is not armed since */
	bool given_back;
	/* What of the pair is different from the right one in what the driver knows, else 0 */
	uint64_t told_address;
	uint32_t told_data;
	/* This data is honoured, too */
	bool other_valid;
	uint32_t other;
	/* Its data is new, and the model does not know it yet; what it has to be, if not 0 */
	bool learn;
	uint32_t must_be;
	/* What it was before, 0 for none */
	uint32_t past[PAST];
	unsigned int num_past;
};

/* Without padding, since it is compared as a whole */
struct mfault {
	uint64_t address;
	uint32_t data, flags, first, count;
	uint32_t store, reason;
};

#define ABSENT		UINT32_C(0x77)
/* Which no endpoint has */
#define NO_STORE	3
#define BAD_ROUTE	UINT64_C(0x1000)

struct mep {
	bool attached;
	struct virtio_irq_ep *ep;
	/* Each as near behind first_place() as there was room */
	struct mvec vec[MAX_VECTORS];
	/* Since ATTACH: between which addresses the VMM's pairs were; what was refused */
	uint64_t host_start, host_end;
	uint64_t refused, limited;
	/* The last values that were given out, 0 for none */
	uint32_t recent[RECENT];
	unsigned int next_recent;
	/* What the guest has to ask ATTACH for again; it was not told */
	bool reread, reread_waits;
	/* Other pair addresses that it may know, 0 for none */
	uint64_t old[MAX_VECTORS + 1];
	/* The next FAULT, if its count is not 0; m.buffers when the last one was placed */
	struct mfault fault;
	bool fault_unread;
	uint64_t fault_buffers;
};

struct model {
	struct mep ep[NUM_EPS];
	/* This run's device has stores other than 0, its driver has PASIDs */
	bool ims, pasid, events;
	/* By how much the pair addresses of this host are others than in profiles[] */
	uint64_t shift;
	/* Those made available; FAULTs that were dropped, and the next one says so */
	uint64_t buffers, old_buffers, dropped;
	bool overflow;
	/* Its VMM has pairs of its own for some vectors, see host_pair() */
	bool host;
	struct virtio_irq_quotas quotas;
	/* The VMM: refuses with this status when so many are taken */
	uint8_t commit_status;
	uint32_t commit_limit;
	/* What it counted */
	uint32_t taken;
	unsigned int deliveries;
	/* What the core has counted */
	uint64_t limited[VIRTIO_IRQ_NUM_LIMITS];
	/* Changes of what a pair leads to: those that it was told of, and those there were */
	uint64_t told_changes, changes;
	struct virtio_irq_msg last;
	struct mep *last_ep;
	struct virtio_irq_core *core;
	/* A core that mutated images are loaded into has another life */
	bool shadow;
	/* The core is being given up, and what the model has lives on */
	bool moving;
};

extern struct model m;
extern const struct virtio_irq_ep_info profiles[NUM_EPS];
extern const uint32_t ep_ids[NUM_EPS];

/* Lengths by type */
extern const size_t req_sizes[VIRTIO_IRQ_T_FREE + 1];
extern const size_t rsp_sizes[VIRTIO_IRQ_T_FREE + 1];

/* What a request is expected to do beside its status */
struct prediction {
	/* OK of an ALLOC, and what ended it */
	uint32_t granted;
	uint8_t reason;
	/* OK of an ACTIVATE */
	struct virtio_irq_msg pair;
};

/* The input */

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint32_t word(struct input *in)
{
	uint32_t w = 0;

	for (unsigned int i = 0; i < 4; i++)
		w = w << 8 | byte(in);
	return w;
}

int ep_index(uint32_t id);
/* What the VMM says of it, and what the driver is told in this run */
struct virtio_irq_ep_info vmm_info(unsigned int e);
struct virtio_irq_ep_info told_info(unsigned int e);
uint64_t pair_address(const struct mep *mep);
const struct virtio_irq_store_info *find_store(const struct virtio_irq_ep_info *info,
					       uint16_t store);
/* The VMM's own pair of a vector; false: it has none */
bool host_pair(struct mep *mep, uint16_t store, uint32_t index, struct virtio_irq_msg *pair);
/* NULL: not allocated; the second one finds freed ones as well */
struct mvec *find_vec(struct mep *mep, uint16_t store, uint32_t index);
struct mvec *find_any(struct mep *mep, uint16_t store, uint32_t index);
uint32_t count_endpoints(void);
/* Of one endpoint or, NULL, of all */
uint32_t count_vectors(const struct mep *only, bool charged, bool armed);
void new_life(struct mep *mep);
void model_detach(struct mep *mep);
void model_disarm(struct mep *mep, struct mvec *v);
/* Little-endian, and what is nothing but zeros */
uint32_t le(const uint8_t *p, unsigned int n);
bool all_zero(const uint8_t *p, size_t from, size_t to);
/* Carries out the request in the model; the status that it must get */
uint8_t model_request(const uint8_t *req, size_t req_size, size_t rsp_size,
		      struct prediction *p);

/* fuzz_model_event.c */

bool same_block(const struct mvec *v, const struct mvec *w);
void model_not_stale(struct mvec *v);
void model_settle(struct mep *mep, struct mvec *v);
/* What ACTIVATE answers, unless the VMM has the pair */
struct virtio_irq_msg model_told(const struct mep *mep, const struct mvec *v);
/* Is it, or was it, the data of the vector's pair, as far as that matters? */
bool model_knows(const struct mvec *v, uint32_t data);
/* True: it counts */
bool model_change(struct mep *mep, struct mvec *v, bool still_valid);
bool model_revoke(struct mep *mep, struct mvec *v, uint8_t reason);
bool model_unrevoke(struct mep *mep, struct mvec *v);
void model_moved(struct mep *mep, uint64_t old);
void model_blocked(struct mep *mep, enum virtio_irq_verdict verdict, const struct mvec *v,
		   uint64_t address, uint32_t data, bool has_pasid, uint32_t pasid);
/* Of an endpoint that is given up, with what else there was to tell */
void model_drop_faults(struct mep *mep);

/* fuzz_event.c */

void learn_data(struct mep *mep, struct mvec *v, uint32_t data);
void learn_freed(struct mep *mep);
void check_not_past(const struct mep *mep, const struct mvec *v);
void check_events(const struct virtio_irq_stats *s);
void step_command(struct input *in);
void step_buffers(struct input *in);
void step_eventq_reset(void);

/* fuzz_migrate.c */

void step_migrate(struct input *in);
void step_bad_image(struct input *in);

/* fuzz_request.c */

/* With what this run's device, driver and VMM have */
struct virtio_irq_core *new_core(uint64_t seed);
/* The model against the core */
void check_all(void);

#define count_charged()	count_vectors(NULL, true, false)

#endif /* FUZZ_MODEL_H */
