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
#define TLV_SIZE	VIRTIO_IRQ_CORE_TLV_MIN
#define MAX_STORE	48
#define NUM_EPS		4
/* So that no data value may come a second time, see check_new_data() */
#define MAX_STEPS	512
#define WIDE_VALUES	(1u << 17)

struct mvec {
	bool allocated, armed, committed, contiguous, data16;
	uint8_t width;
	unsigned int order;
	uint32_t block_first;
	uint32_t data;
	struct virtio_irq_msg route;
	uint64_t delivered, routed;
};

#define ABSENT		UINT32_C(0x77)
#define BAD_ROUTE	UINT64_C(0x1000)

struct mep {
	bool attached;
	struct virtio_irq_ep *ep;
	struct mvec vec[MAX_STORE];
	/* Every value that was ever given out */
	uint8_t seen[(65536 + WIDE_VALUES) / 8];
};

struct model {
	struct mep ep[NUM_EPS];
	struct virtio_irq_quotas quotas;
	/* The VMM: refuses with this status when so many are taken */
	uint8_t commit_status;
	uint32_t commit_limit;
	/* What it counted */
	uint32_t taken;
	unsigned int deliveries;
	struct virtio_irq_msg last;
	struct mep *last_ep;
	struct virtio_irq_core *core;
	/* A core that mutated blobs are loaded into has another life */
	bool shadow;
};

extern struct model m;
extern const struct virtio_irq_ep_info profiles[NUM_EPS];
extern const uint32_t ep_ids[NUM_EPS];

/* Lengths by type */
extern const size_t req_sizes[VIRTIO_IRQ_T_FREE + 1];
extern const size_t rsp_sizes[VIRTIO_IRQ_T_FREE + 1];

/* What a request is expected to do beside its status */
struct prediction {
	/* OK of an ALLOC */
	uint32_t granted;
	/* OK of an ACTIVATE */
	const struct mvec *armed;
	/* Vectors that are new: the model does not know their data value yet */
	bool fresh[NUM_EPS][MAX_STORE];
};

int ep_index(uint32_t id);
uint32_t count_endpoints(void);
/* Of one endpoint or, NULL, of all */
uint32_t count_vectors(const struct mep *only, bool charged, bool armed);
void model_detach(struct mep *mep);
/* Little-endian, and what is nothing but zeros */
uint32_t le(const uint8_t *p, unsigned int n);
bool all_zero(const uint8_t *p, size_t from, size_t to);
/* Carries out the request in the model; the status that it must get */
uint8_t model_request(const uint8_t *req, size_t req_size, size_t rsp_size,
		      struct prediction *p);

#define count_charged()	count_vectors(NULL, true, false)

#endif /* FUZZ_MODEL_H */
