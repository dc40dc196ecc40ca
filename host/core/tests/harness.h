/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VMM for tests of the device core: it says what it is told to say, and
 * records what it is asked.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "virtio_irq_core.h"
#include "virtio_irq_inject.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

/* An endpoint that exists, and one of another bus */
#define EP			UINT32_C(0x0018)
#define EP2			UINT32_C(0x00010203)
/* ops->attach: no such function; not served by policy */
#define EP_ABSENT		UINT32_C(0xdead)
#define EP_DENIED		UINT32_C(0xdeaf)

#define WINDOW_START		UINT64_C(0xfee00000)
#define WINDOW_END		UINT64_C(0xfeefffff)
#define PAIR_ADDRESS		UINT64_C(0xfee00010)
#define ROUTE_ADDRESS		UINT64_C(0xfee01000)
#define ROUTE_ADDRESS2		UINT64_C(0xfee02000)
/* ops->check_route says RANGE */
#define ROUTE_REFUSED		UINT64_C(0x1000)

/* A status that no device gives: the reply had no status at all */
#define NO_STATUS		0xff

struct test_ep {
	uint32_t id;
	struct virtio_irq_ep *ep;
	unsigned int delivered;
	struct virtio_irq_msg last;
};

struct vmm {
	struct virtio_irq_core *core;
	struct virtio_irq_core_config config;
	/* The store that requests name, and the PASID in an ACTIVATE */
	uint16_t store;
	bool has_pasid;
	uint32_t pasid;
	/* What ops->attach answers */
	struct virtio_irq_ep_info info;
	uint8_t attach_status;
	unsigned int attached;
	unsigned int detached;
	struct test_ep eps[64];
	uint8_t check_status;
	/* ops->commit refuses with this status when so many are taken */
	uint8_t commit_status;
	unsigned int commit_limit;
	unsigned int taken;
	unsigned int commits;
	unsigned int releases;
	/* ops->route_changed: how often, and the last one */
	unsigned int changes;
	struct {
		/* What is resolved, with the PASID of requests */
		uint32_t data;
		uint16_t store;
		uint32_t index;
		/* Resources that the VMM had given out then */
		unsigned int taken;
		enum virtio_irq_verdict verdict;
		struct virtio_irq_msg route;
	} changed;
	/* ops->pair: of index 0; from one index to the next. Address 0: none */
	struct virtio_irq_msg host_pair;
	uint64_t host_stride;
	/* ops->event: how often */
	unsigned int told;
	/* What ended the last ALLOC's grant */
	uint8_t reason;
	/* The last reply */
	uint8_t rsp[16 + VIRTIO_IRQ_CORE_TLV_ALL];
	size_t used;
};

/* cmocka setup and teardown: a core with small limits; *state is a struct vmm */
int vmm_setup(void **state);
int vmm_teardown(void **state);
/* Teardown also checks that every endpoint and resource was given back */
void vmm_new_core(struct vmm *vmm);
void vmm_free_core(struct vmm *vmm);
struct test_ep *vmm_ep(struct vmm *vmm, uint32_t id);

extern const struct virtio_irq_ops vmm_ops;

/* malloc() and calloc() fail from the nth call on; 0: never */
void fail_malloc_from(unsigned int nth);
/* How many calls there were since */
unsigned int malloc_calls(void);

/* Raw requests */
uint8_t request(struct vmm *vmm, const void *req, size_t req_size, size_t rsp_size);

/* Each returns the status, and checks that the reply has the length it must have */
uint8_t attach(struct vmm *vmm, uint32_t endpoint);
uint8_t detach(struct vmm *vmm, uint32_t endpoint);
uint8_t alloc(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count,
	      uint16_t flags, uint32_t *granted);
uint8_t alloc_width(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count,
		    uint16_t flags, uint8_t width, uint32_t *granted);
uint8_t commit(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count);
uint8_t release(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count);
uint8_t vfree(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count);
uint8_t activate(struct vmm *vmm, uint32_t endpoint, uint32_t index, uint64_t address,
		 uint32_t data, struct virtio_irq_msg *pair);
uint8_t deactivate(struct vmm *vmm, uint32_t endpoint, uint32_t index);

/* These must succeed, ALLOC in full */
void must_attach(struct vmm *vmm, uint32_t endpoint);
void must_alloc(struct vmm *vmm, uint32_t endpoint, uint32_t first, uint32_t count,
		uint16_t flags);
struct virtio_irq_msg must_activate(struct vmm *vmm, uint32_t endpoint, uint32_t index);

/* ATTACH and ALLOC of [0, count) for EP */
void start(struct vmm *vmm, uint32_t count, uint16_t flags);

enum virtio_irq_verdict fire(struct vmm *vmm, uint32_t endpoint, uint64_t address,
			     uint32_t data);
/* The same with a PASID */
enum virtio_irq_verdict fire_pasid(struct vmm *vmm, uint32_t endpoint, uint64_t address,
				   uint32_t data, uint32_t pasid);
/* What would be delivered, with the PASID of requests */
enum virtio_irq_verdict resolve(struct vmm *vmm, uint32_t endpoint, uint64_t address,
				uint32_t data, struct virtio_irq_msg *route);
struct virtio_irq_stats stats(struct vmm *vmm);
struct virtio_irq_quotas quotas(struct vmm *vmm);
void set_quotas(struct vmm *vmm, struct virtio_irq_quotas q);
/* The driver has accepted VIRTIO_IRQ_F_EVENTQ, too */
void accept_events(struct vmm *vmm);
/* The next event, in this machine's byte order; false: there is none */
bool next_event(struct vmm *vmm, struct virtio_irq_event *event);
/* Of vmm->store; false: not allocated */
bool vector(struct vmm *vmm, uint32_t endpoint, uint32_t index,
	    struct virtio_irq_vector_info *info);
/* Allocated, and its data */
uint32_t data_of(struct vmm *vmm, uint32_t endpoint, uint32_t index);
/* Gauges against the vectors themselves */
void check_gauges(struct vmm *vmm);

/* A saved core; the arrays are exactly so long that reading past them is seen */
struct image {
	struct virtio_irq_saved_endpoint *eps;
	struct virtio_irq_saved_vector *vectors;
	uint32_t num_eps;
	uint32_t num_vectors;
};

struct image save(struct vmm *vmm);
void image_free(struct image image);
/* On an error it checks that the core is empty */
int load(struct vmm *vmm, struct image image);
struct virtio_irq_saved_vector *saved(struct image image, uint16_t store, uint32_t index);
bool image_equal(struct image a, struct image b);

#define unit(f)	cmocka_unit_test_setup_teardown(f, vmm_setup, vmm_teardown)

#endif /* HARNESS_H */
