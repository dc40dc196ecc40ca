/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq device core: the whole behaviour of a conforming device, without
 * a VMM in it.
 *
 * The VMM moves requests from the virtqueue to virtio_irq_core_request(), and
 * messages of attached endpoints to virtio_irq_core_message(). The core calls
 * back through struct virtio_irq_ops. It takes no locks: the caller serialises
 * all calls on one core. It never sleeps and never waits.
 */
#ifndef VIRTIO_IRQ_CORE_H
#define VIRTIO_IRQ_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_irq.h>

struct virtio_irq_core;
struct virtio_irq_ep;

/* A route or a pair, in host byte order */
struct virtio_irq_msg {
	uint64_t address;
	uint32_t data;
};

/* A store of an endpoint, as its STORE TLV has it */
struct virtio_irq_store_info {
	uint16_t store;
	/* VIRTIO_IRQ_STORE_F_* */
	uint8_t flags;
	/* log2 of the largest CONTIGUOUS block, 0 to 5 */
	uint8_t multi_msi;
	/* Number of indices, 0: no fixed size */
	uint32_t size;
};

#define VIRTIO_IRQ_CORE_MAX_STORES	8

/*
 * What the VMM says of an endpoint when it is attached. Filled by ops->attach;
 * the core presets it to "no store, no window, no PASID".
 */
struct virtio_irq_ep_info {
	/* The VMM's own, handed back in every callback */
	void *priv;
	/* Messages that are no pair are blocked, not passed on */
	bool isolated;
	/* Pair addresses lie in [window_start, window_end] */
	uint64_t window_start;
	uint64_t window_end;
	/* The address that pairs get, 4-byte aligned and in the window */
	uint64_t pair_address;
	/*
	 * Its stores, each number once; others than 0 only if config.ims. The
	 * driver is not told of one with VIRTIO_IRQ_STORE_F_PASID, nor of
	 * pasid_width, unless it has VIRTIO_IRQ_F_PASID.
	 */
	unsigned int num_stores;
	struct virtio_irq_store_info stores[VIRTIO_IRQ_CORE_MAX_STORES];
	/* PASIDs below 1 << pasid_width, at most 20; 0: the endpoint has no PASIDs */
	uint8_t pasid_width;
};

struct virtio_irq_ops {
	/*
	 * ATTACH of an endpoint that is not attached. Returns a status; anything
	 * but VIRTIO_IRQ_S_OK refuses (NOENT: no such function, PERM: never
	 * served). @ep stays valid until ops->detach returns.
	 */
	uint8_t (*attach)(void *opaque, struct virtio_irq_ep *ep, uint32_t endpoint,
			  struct virtio_irq_ep_info *info);
	/* The endpoint is given back, by DETACH, reset, or because it is gone */
	void (*detach)(void *opaque, struct virtio_irq_ep *ep, void *priv);
	/* May this route be delivered? VIRTIO_IRQ_S_OK or VIRTIO_IRQ_S_RANGE */
	uint8_t (*check_route)(void *opaque, void *priv, const struct virtio_irq_msg *route);
	/* Deliver a message on behalf of the endpoint */
	void (*deliver)(void *opaque, void *priv, const struct virtio_irq_msg *route);
	/* Optional: take and give back a scarce resource for one vector */
	uint8_t (*commit)(void *opaque, void *priv, uint16_t store, uint32_t index);
	void (*release)(void *opaque, void *priv, uint16_t store, uint32_t index);
};

/* Fixed for the life of a core */
struct virtio_irq_core_config {
	uint32_t max_vectors;		/* 1 .. 1 << 24 */
	uint32_t max_endpoints;		/* 1 .. 1 << 20 */
	uint32_t max_count;		/* 1 .. 1 << 16 */
	uint32_t tlv_size;		/* a multiple of 8, VIRTIO_IRQ_CORE_TLV_MIN .. _MAX */
	bool ims;			/* serves stores other than 0; else they are UNSUPP */
	uint64_t seed;			/* of the hash tables, unknown to the guest */
};

#define VIRTIO_IRQ_CORE_TLV_MIN		64
#define VIRTIO_IRQ_CORE_TLV_MAX		65536
/* Enough for an endpoint with VIRTIO_IRQ_CORE_MAX_STORES stores and PASIDs */
#define VIRTIO_IRQ_CORE_TLV_ALL						\
	(sizeof(struct virtio_irq_tlv_window) + sizeof(struct virtio_irq_tlv_pasid) + \
	 VIRTIO_IRQ_CORE_MAX_STORES * sizeof(struct virtio_irq_tlv_store))

/*
 * Limits that may be changed at any time; what is already taken stays. A new
 * core has none (UINT32_MAX) but those of its config, which answer NOSPC.
 */
struct virtio_irq_quotas {
	uint32_t vectors;		/* allocated, all endpoints: ALLOC gets QUOTA */
	uint32_t endpoint_vectors;	/* allocated, each endpoint: ALLOC gets QUOTA */
	uint32_t committed;		/* committed, all endpoints: QUOTA */
	uint32_t pool;			/* committed, all endpoints: NOSPC */
};

/* Why a message was not delivered; the numbers are those of a FAULT event */
enum virtio_irq_verdict {
	VIRTIO_IRQ_DELIVERED,
	VIRTIO_IRQ_PASS,		/* no pair, endpoint not isolated: not ours */
	VIRTIO_IRQ_BLOCKED_UNKNOWN,	/* no pair, endpoint isolated */
	VIRTIO_IRQ_BLOCKED_FREED,	/* our window's pair address, but not armed */
	VIRTIO_IRQ_BLOCKED_PASID,
	VIRTIO_IRQ_BLOCKED_SIZE,
	VIRTIO_IRQ_NUM_VERDICTS
};

struct virtio_irq_stats {
	uint64_t requests[9];		/* by VIRTIO_IRQ_T_*, [0]: unknown type */
	uint64_t statuses[11];		/* by VIRTIO_IRQ_S_* */
	uint64_t malformed;		/* requests of a wrong length */
	uint64_t messages[VIRTIO_IRQ_NUM_VERDICTS];
	/* At this moment */
	uint32_t endpoints;
	uint32_t allocated;
	uint32_t committed;
	uint32_t armed;
};

/* One vector, for virtio_irq_core_walk_vectors() */
struct virtio_irq_vector_info {
	uint32_t endpoint;
	uint16_t store;
	uint32_t index;
	bool armed;
	bool committed;			/* holds its resource: by COMMIT, or while armed */
	bool contiguous;
	struct virtio_irq_msg pair;
	struct virtio_irq_msg route;	/* zero unless armed */
	bool has_pasid;			/* its messages carry one; false unless armed */
	uint32_t pasid;
	uint64_t delivered;
	uint64_t routed;		/* ACTIVATEs that armed or re-routed it, modulo 2^32 */
};

/*
 * NULL and errno set: EINVAL for a config out of bounds or an op that is
 * missing, ENOMEM. @ops has to live as long as the core.
 */
struct virtio_irq_core *virtio_irq_core_new(const struct virtio_irq_core_config *config,
					    const struct virtio_irq_ops *ops, void *opaque);
void virtio_irq_core_free(struct virtio_irq_core *core);

/* Device reset: detaches every endpoint. Statistics, quotas and features stay. */
void virtio_irq_core_reset(struct virtio_irq_core *core);

/*
 * The features that driver and device have agreed on, a bit mask. None at
 * first. What an attached endpoint was told stays as it is.
 */
void virtio_irq_core_set_features(struct virtio_irq_core *core, uint64_t features);

void virtio_irq_core_get_quotas(const struct virtio_irq_core *core, struct virtio_irq_quotas *q);
void virtio_irq_core_set_quotas(struct virtio_irq_core *core, const struct virtio_irq_quotas *q);

/*
 * Carry out one request. @req is the device-readable part, a private copy that
 * the guest cannot change. The reply goes to @rsp, of which @rsp_size bytes may
 * be written (what the guest offered, or VIRTIO_IRQ_CORE_RSP_MAX if it offered
 * more). Returns the used length: 0 if not even a status fits.
 */
size_t virtio_irq_core_request(struct virtio_irq_core *core, const void *req, size_t req_size,
			       void *rsp, size_t rsp_size);

/* Enough for any reply of this core: 16 + tlv_size, or 24 */
size_t virtio_irq_core_rsp_max(const struct virtio_irq_core *core);

/* Longest request of any type; a longer one is malformed */
#define VIRTIO_IRQ_CORE_REQ_MAX		32

/*
 * A 4-byte write of an attached endpoint into its window. At the pair address
 * only an armed vector's data passes, whether or not the endpoint is isolated.
 */
enum virtio_irq_verdict virtio_irq_core_message(struct virtio_irq_core *core,
						struct virtio_irq_ep *ep,
						uint64_t address, uint32_t data,
						bool has_pasid, uint32_t pasid);
/* Any other write into the window: counted, BLOCKED_SIZE or PASS */
enum virtio_irq_verdict virtio_irq_core_bad_write(struct virtio_irq_core *core,
						  struct virtio_irq_ep *ep);

/* The function disappeared: detach it. Harmless if it is not attached. */
void virtio_irq_core_endpoint_gone(struct virtio_irq_core *core, uint32_t endpoint);

uint32_t virtio_irq_core_ep_id(const struct virtio_irq_ep *ep);

void virtio_irq_core_get_stats(const struct virtio_irq_core *core, struct virtio_irq_stats *stats);

/* Calls @fn for every allocated vector until it returns false */
void virtio_irq_core_walk_vectors(const struct virtio_irq_core *core,
				  bool (*fn)(void *arg, const struct virtio_irq_vector_info *v),
				  void *arg);

/*
 * Migration. save() returns a malloc()ed blob. load() needs a core without
 * endpoints and brings the features with it; it calls ops->attach for each
 * saved endpoint, validates everything as if it came from a guest, and on any
 * error leaves the core empty and returns a negative errno: -EINVAL malformed,
 * or saved by a core with another config; -ENODEV an endpoint is refused, or is
 * not what the guest was told it is; -ENOSPC ops->commit refused; -ENOMEM.
 * Quotas refuse nothing here.
 */
int virtio_irq_core_save(const struct virtio_irq_core *core, uint8_t **blob, size_t *size);
int virtio_irq_core_load(struct virtio_irq_core *core, const uint8_t *blob, size_t size);

/* Names as in the specification, lower case: "alloc", "quota"; NULL if unknown */
const char *virtio_irq_type_name(uint8_t type);
const char *virtio_irq_status_name(uint8_t status);
const char *virtio_irq_verdict_name(enum virtio_irq_verdict verdict);

#endif /* VIRTIO_IRQ_CORE_H */
