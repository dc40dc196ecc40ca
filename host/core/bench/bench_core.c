// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the device core costs: bench_core VECTORS ENDPOINTS SAMPLES
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Fills a core with VECTORS vectors of ENDPOINTS endpoints, and measures every
 * request and the delivery of a message on SAMPLES of them, spread over all of
 * the table, and in the end a reset with all vectors armed. Prints lines of words:
 *
 *	memory <bytes per vector> <bytes per endpoint>
 *	<operation> <times> <nanoseconds in all>
 *
 * Under callgrind with --instr-atstart=no, the instructions of each operation are
 * in a dump of its own, named after the operation.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "virtio_irq_core.h"

/* Vectors per ALLOC, COMMIT, RELEASE and FREE; it divides what VECTORS may be */
#define BATCH			UINT32_C(40)
#define NS_PER_S		UINT64_C(1000000000)

#define WINDOW_START		UINT64_C(0xfee00000)
#define WINDOW_END		UINT64_C(0xfeefffff)
#define ROUTE_ADDRESS		UINT64_C(0xfee01000)

struct bench {
	struct virtio_irq_core *core;
	uint32_t vectors;
	uint32_t endpoints;
	/* From one vector of the sample to the next */
	uint32_t stride;
	struct virtio_irq_ep **eps;
	/* Pair data, by number of vector */
	uint32_t *data;
	uint64_t pair_address;
	/* What has reached the VMM */
	uint64_t delivered;
};

union request {
	struct virtio_irq_req_head head;
	struct virtio_irq_req_attach attach;
	struct virtio_irq_req_alloc alloc;
	struct virtio_irq_req_range range;
	struct virtio_irq_req_activate activate;
	struct virtio_irq_req_deactivate deactivate;
};

union reply {
	struct virtio_irq_rsp_head head;
	struct virtio_irq_rsp_alloc alloc;
	struct virtio_irq_rsp_activate activate;
	uint8_t bytes[256];
};

static void die(const char *what)
{
	fprintf(stderr, "bench_core: %s\n", what);
	exit(1);
}

/* The VMM: it answers at once, so that what is measured is the core */

static uint8_t bench_attach(void *opaque, struct virtio_irq_ep *ep, uint32_t endpoint,
			    struct virtio_irq_ep_info *info)
{
	struct bench *b = opaque;

	if (endpoint >= b->endpoints)
		return VIRTIO_IRQ_S_NOENT;
	b->eps[endpoint] = ep;
	info->priv = b;
	info->isolated = true;
	info->window_start = WINDOW_START;
	info->window_end = WINDOW_END;
	info->pair_address = WINDOW_START;
	info->num_stores = 1;
	info->stores[0].store = VIRTIO_IRQ_STORE_MSI;
	return VIRTIO_IRQ_S_OK;
}

static void bench_detach(void *opaque, struct virtio_irq_ep *ep, void *priv)
{
	(void)opaque;
	(void)ep;
	(void)priv;
}

static uint8_t bench_check_route(void *opaque, void *priv, const struct virtio_irq_msg *route)
{
	(void)opaque;
	(void)priv;
	(void)route;
	return VIRTIO_IRQ_S_OK;
}

static void bench_deliver(void *opaque, void *priv, const struct virtio_irq_msg *route)
{
	struct bench *b = opaque;

	(void)priv;
	(void)route;
	b->delivered++;
}

static const struct virtio_irq_ops bench_ops = {
	.attach = bench_attach,
	.detach = bench_detach,
	.check_route = bench_check_route,
	.deliver = bench_deliver,
};

/*
 * Vectors are numbered by batches: batch i belongs to endpoint i % endpoints. So
 * every endpoint has its share, whatever their number.
 */
static uint32_t vector_endpoint(const struct bench *b, uint32_t vector)
{
	return vector / BATCH % b->endpoints;
}

static uint32_t vector_index(const struct bench *b, uint32_t vector)
{
	return vector / BATCH / b->endpoints * BATCH + vector % BATCH;
}

/* The i-th vector that is measured; all of them are different, and far apart */
static uint32_t sample(const struct bench *b, uint32_t i)
{
	return (uint32_t)((uint64_t)i * b->stride % b->vectors);
}

static void submit(struct bench *b, const void *req, size_t size, union reply *rsp)
{
	if (!virtio_irq_core_request(b->core, req, size, rsp, sizeof(*rsp)) ||
	    rsp->head.status != VIRTIO_IRQ_S_OK)
		die("a request was refused");
}

/* The operations, on batch or vector number @i */

static void op_attach(struct bench *b, uint32_t i)
{
	const struct virtio_irq_req_attach req = {
		.head = { .type = VIRTIO_IRQ_T_ATTACH, .endpoint = i },
	};
	union reply rsp;

	submit(b, &req, sizeof(req), &rsp);
}

static void op_alloc(struct bench *b, uint32_t i)
{
	const struct virtio_irq_req_alloc req = {
		.head = {
			.type = VIRTIO_IRQ_T_ALLOC,
			.endpoint = vector_endpoint(b, i * BATCH),
		},
		.first = vector_index(b, i * BATCH),
		.count = BATCH,
		.addr_width = 64,
	};
	union reply rsp;

	submit(b, &req, sizeof(req), &rsp);
	if (rsp.alloc.granted != BATCH)
		die("not all vectors were granted");
}

static void range(struct bench *b, uint8_t type, uint32_t i)
{
	const struct virtio_irq_req_range req = {
		.head = { .type = type, .endpoint = vector_endpoint(b, i * BATCH) },
		.first = vector_index(b, i * BATCH),
		.count = BATCH,
	};
	union reply rsp;

	submit(b, &req, sizeof(req), &rsp);
}

static void op_commit(struct bench *b, uint32_t i)
{
	range(b, VIRTIO_IRQ_T_COMMIT, i);
}

static void op_release(struct bench *b, uint32_t i)
{
	range(b, VIRTIO_IRQ_T_RELEASE, i);
}

static void op_free(struct bench *b, uint32_t i)
{
	range(b, VIRTIO_IRQ_T_FREE, i);
}

static void activate(struct bench *b, uint32_t vector, uint32_t route_data)
{
	const struct virtio_irq_req_activate req = {
		.head = {
			.type = VIRTIO_IRQ_T_ACTIVATE,
			.endpoint = vector_endpoint(b, vector),
		},
		.index = vector_index(b, vector),
		.address = ROUTE_ADDRESS,
		.data = route_data,
	};
	union reply rsp;

	submit(b, &req, sizeof(req), &rsp);
	b->data[vector] = rsp.activate.data;
	b->pair_address = rsp.activate.address;
}

static void op_arm(struct bench *b, uint32_t i)
{
	activate(b, sample(b, i), 0x41);
}

static void op_route(struct bench *b, uint32_t i)
{
	activate(b, sample(b, i), 0x42);
}

static void op_disarm(struct bench *b, uint32_t i)
{
	const uint32_t vector = sample(b, i);
	const struct virtio_irq_req_deactivate req = {
		.head = {
			.type = VIRTIO_IRQ_T_DEACTIVATE,
			.endpoint = vector_endpoint(b, vector),
		},
		.index = vector_index(b, vector),
	};
	union reply rsp;

	submit(b, &req, sizeof(req), &rsp);
}

static void op_message(struct bench *b, uint32_t i)
{
	const uint32_t vector = sample(b, i);

	if (virtio_irq_core_message(b->core, b->eps[vector_endpoint(b, vector)],
				    b->pair_address, b->data[vector], false, 0) !=
	    VIRTIO_IRQ_DELIVERED)
		die("a message was blocked");
}

/* All endpoints with all their vectors: @i is of no account */
static void op_reset(struct bench *b, uint32_t i)
{
	(void)i;
	virtio_irq_core_reset(b->core);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Do @op for the numbers from @first to @end - 1 */
static void run(struct bench *b, void (*op)(struct bench *b, uint32_t i), uint32_t first,
		uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		op(b, i);
}

static void measure(struct bench *b, const char *name,
		    void (*op)(struct bench *b, uint32_t i), uint32_t first, uint32_t end)
{
	uint64_t start;

	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
	start = now();
	run(b, op, first, end);
	start = now() - start;
	CALLGRIND_DUMP_STATS_AT(name);
	CALLGRIND_STOP_INSTRUMENTATION;

	printf("%s %" PRIu32 " %" PRIu64 "\n", name, end - first, start);
}

static size_t allocated(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static uint32_t parse(const char *text)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || !value || value > UINT32_MAX)
		die("arguments are VECTORS ENDPOINTS SAMPLES, numbers from 1 on");
	return (uint32_t)value;
}

static uint32_t gcd(uint32_t x, uint32_t y)
{
	return y ? gcd(y, x % y) : x;
}

/* The table as full as it gets for the last @measured batches */
static void fill(struct bench *b, uint32_t batches, uint32_t measured)
{
	const struct virtio_irq_core_config config = {
		.max_vectors = b->vectors,
		.max_endpoints = b->endpoints,
		.max_count = BATCH,
		.tlv_size = VIRTIO_IRQ_CORE_TLV_MIN,
		.seed = UINT64_C(0x5eed),
	};
	size_t empty, created, attached, full;

	empty = allocated();
	b->core = virtio_irq_core_new(&config, &bench_ops, b);
	if (!b->core)
		die("no core");
	created = allocated();
	measure(b, "attach", op_attach, 0, b->endpoints);
	attached = allocated() - created;
	run(b, op_alloc, 0, batches - measured);
	measure(b, "alloc", op_alloc, batches - measured, batches);
	full = allocated() - empty;
	printf("memory %.2f %.2f\n", (double)(full - attached) / b->vectors,
	       (double)attached / b->endpoints);

	run(b, op_commit, 0, batches - measured);
	measure(b, "commit", op_commit, batches - measured, batches);
}

/* And emptied again */
static void drain(struct bench *b, uint32_t batches, uint32_t measured)
{
	measure(b, "release", op_release, 0, measured);
	run(b, op_release, measured, batches);
	measure(b, "free", op_free, 0, measured);
	run(b, op_free, measured, batches);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static char line[BUFSIZ];
	uint32_t batches, samples, measured;

	/* Else stdio would allocate it while memory is being counted */
	setvbuf(stdout, line, _IOLBF, sizeof(line));
	if (argc != 4)
		die("usage: bench_core VECTORS ENDPOINTS SAMPLES");
	b.vectors = parse(argv[1]);
	b.endpoints = parse(argv[2]);
	samples = parse(argv[3]);
	batches = b.vectors / BATCH;
	if (b.vectors % BATCH || batches < b.endpoints)
		die("VECTORS is a multiple of 40, at least 40 for each endpoint");
	if (samples < BATCH || samples > b.vectors)
		die("SAMPLES is from 40 to VECTORS");
	measured = samples / BATCH;

	/* Neighbours in the sample are far apart, and all are different */
	b.stride = b.vectors / 3 * 2 + 1;
	while (gcd(b.stride, b.vectors) != 1)
		b.stride++;
	b.eps = calloc(b.endpoints, sizeof(*b.eps));
	b.data = calloc(b.vectors, sizeof(*b.data));
	if (!b.eps || !b.data)
		die("no memory");

	fill(&b, batches, measured);
	run(&b, op_arm, samples, b.vectors);
	measure(&b, "arm", op_arm, 0, samples);
	measure(&b, "route", op_route, 0, samples);
	measure(&b, "message", op_message, 0, samples);
	if (b.delivered != samples)
		die("not every message was delivered");
	measure(&b, "disarm", op_disarm, 0, samples);
	run(&b, op_disarm, samples, b.vectors);
	drain(&b, batches, measured);

	run(&b, op_alloc, 0, batches);
	run(&b, op_arm, 0, b.vectors);
	measure(&b, "reset", op_reset, 0, 1);

	virtio_irq_core_free(b.core);
	free(b.data);
	free(b.eps);
	return 0;
}
