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
};

struct model {
	struct mep ep[NUM_EPS];
	/* This run's device has stores other than 0, its driver has PASIDs */
	bool ims, pasid;
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
	const struct mvec *armed;
};

int ep_index(uint32_t id);
/* What the VMM says of it, and what the driver is told in this run */
struct virtio_irq_ep_info vmm_info(unsigned int e);
struct virtio_irq_ep_info told_info(unsigned int e);
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
/* Little-endian, and what is nothing but zeros */
uint32_t le(const uint8_t *p, unsigned int n);
bool all_zero(const uint8_t *p, size_t from, size_t to);
/* Carries out the request in the model; the status that it must get */
uint8_t model_request(const uint8_t *req, size_t req_size, size_t rsp_size,
		      struct prediction *p);

#define count_charged()	count_vectors(NULL, true, false)

#endif /* FUZZ_MODEL_H */
