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
	/* Pair addresses lie in [window_start, window_end], whole units of 4 bytes */
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

/*
 * What the core asks of the VMM. All of it is called from within a function of
 * the core, and may call no other function of the same core than those that
 * take it const. ops->deliver is the exception, it may call anything.
 *
 * No op may wait. A resource that takes long to get is taken before the
 * request goes to virtio_irq_core_request(): the VMM keeps the request back,
 * gets on with others, and hands it over when ops->commit can answer from what
 * is there. virtio_irq_core_walk_commits() says what that will be asked for.
 */
struct virtio_irq_ops {
	/*
	 * ATTACH of an endpoint that is not attached. Returns a status; anything
	 * but VIRTIO_IRQ_S_OK refuses (NOENT: no such function, PERM: never
	 * served, BUSY: attached under another number). @ep stays valid until
	 * ops->detach returns, which follows at once if the core refuses after
	 * all: all endpoints that it may have are attached.
	 */
	uint8_t (*attach)(void *opaque, struct virtio_irq_ep *ep, uint32_t endpoint,
			  struct virtio_irq_ep_info *info);
	/* The endpoint is given back, by DETACH, reset, or because it is gone */
	void (*detach)(void *opaque, struct virtio_irq_ep *ep, void *priv);
	/* May this route be delivered? VIRTIO_IRQ_S_OK or VIRTIO_IRQ_S_RANGE */
	uint8_t (*check_route)(void *opaque, void *priv, const struct virtio_irq_msg *route);
	/* Deliver a message on behalf of the endpoint */
	void (*deliver)(void *opaque, void *priv, const struct virtio_irq_msg *route);
	/*
	 * Optional, both or none: take a scarce resource for one vector, and give
	 * it back. Any status but OK refuses the request, and becomes its answer;
	 * virtio_irq_status_from_errno() makes one.
	 */
	uint8_t (*commit)(void *opaque, void *priv, uint16_t store, uint32_t index);
	void (*release)(void *opaque, void *priv, uint16_t store, uint32_t index);
	/*
	 * Optional: what the vector's pair leads to has changed, and
	 * virtio_irq_core_resolve() tells what it is now. The vector was armed,
	 * got another route or PASID, or was disarmed, be it by FREE, DETACH,
	 * reset or a failed load. The request that did it is not answered yet.
	 */
	void (*route_changed)(void *opaque, void *priv, uint16_t store, uint32_t index);
	/*
	 * Optional: the pair of a vector whose messages never come to the core,
	 * because hardware of the host sends them. Asked whenever ACTIVATE is to
	 * report the pair, after ops->commit; false: the core's own. The VMM has
	 * to answer the same from ALLOC to FREE, a CONTIGUOUS block if it is one,
	 * and no pair that another vector of the source has. What does not suit
	 * the endpoint's window or the vector's constraints makes a DEVERR of
	 * ACTIVATE. Such a vector cannot be loaded elsewhere.
	 */
	bool (*pair)(void *opaque, void *priv, uint16_t store, uint32_t index,
		     struct virtio_irq_msg *pair);
	/*
	 * Optional, for a VMM that keeps requests back: is there one that names
	 * the vector? ACTIVATE is BUSY then, as it may not wait.
	 */
	bool (*pending)(void *opaque, uint32_t endpoint, uint16_t store, uint32_t index);
	/*
	 * Optional; without it nothing is ever STALE, REVOKED or a FAULT, and
	 * VIRTIO_IRQ_F_EVENTQ must not be offered: there is an event that can be
	 * placed. If the VMM has a buffer for it, it calls
	 * virtio_irq_core_next_event(), but not from here.
	 */
	void (*event)(void *opaque);
};

/* Every vector needs a data value */
#define VIRTIO_IRQ_CORE_MAX_VECTORS	(UINT32_C(1) << 22)
#define VIRTIO_IRQ_CORE_MAX_ENDPOINTS	(UINT32_C(1) << 20)
#define VIRTIO_IRQ_CORE_MAX_COUNT	(UINT32_C(1) << 16)

/* Fixed for the life of a core; each limit is at least 1 */
struct virtio_irq_core_config {
	uint32_t max_vectors;
	uint32_t max_endpoints;
	/* A store's multi_msi is cut down to blocks of so many vectors */
	uint32_t max_count;
	uint32_t tlv_size;		/* a multiple of 8, VIRTIO_IRQ_CORE_TLV_MIN .. _MAX */
	bool ims;			/* serves stores other than 0; else they are UNSUPP */
	uint64_t seed;			/* of hash table and data values, unknown to the guest */
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

/* The limits that vectors and endpoints can be refused by */
enum virtio_irq_limit {
	VIRTIO_IRQ_LIMIT_VECTORS,		/* quotas.vectors */
	VIRTIO_IRQ_LIMIT_ENDPOINT_VECTORS,	/* quotas.endpoint_vectors */
	VIRTIO_IRQ_LIMIT_COMMITTED,		/* quotas.committed */
	VIRTIO_IRQ_LIMIT_POOL,			/* quotas.pool */
	VIRTIO_IRQ_LIMIT_MAX_VECTORS,		/* config.max_vectors */
	VIRTIO_IRQ_LIMIT_MAX_ENDPOINTS,		/* config.max_endpoints */
	VIRTIO_IRQ_NUM_LIMITS
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
	/* Requests that a limit has refused, or has cut an ALLOC's grant short */
	uint64_t limited[VIRTIO_IRQ_NUM_LIMITS];
	uint64_t events[4];		/* placed, by VIRTIO_IRQ_EVENT_T_*; [0]: none */
	uint64_t faults_dropped;	/* blocked messages that no FAULT stands for */
	/* At this moment */
	uint32_t endpoints;
	uint32_t allocated;
	uint32_t committed;
	uint32_t armed;
	uint32_t stale;			/* the driver has not asked for a new pair yet */
	uint32_t revoked;
	uint32_t waiting;		/* vectors whose event is not placed */
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
	bool stale;			/* the driver has not asked for a new pair yet */
	uint8_t revoked;		/* why it was taken away, a status; else 0 */
	uint64_t delivered;
	uint64_t routed;		/* ACTIVATEs that armed or re-routed it, modulo 2^16 */
};

/* One attached endpoint, for virtio_irq_core_walk_endpoints() */
struct virtio_irq_endpoint_info {
	uint32_t endpoint;
	uint32_t allocated;
	/* Requests since ATTACH that were answered with PERM, BUSY, NOMEM, NOSPC, QUOTA, DEVERR */
	uint64_t refused;
	/* Those of them, and the shortened grants, that are in stats.limited */
	uint64_t limited;
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

/* The vectors of one endpoint that a request names, allocated or not */
struct virtio_irq_names {
	uint8_t type;			/* VIRTIO_IRQ_T_* */
	uint32_t endpoint;
	/* DETACH, and ATTACH of an endpoint that is not attached: every one */
	bool all;
	/* Else those from @first to @last; an ATTACH that changes nothing names none */
	bool none;
	uint16_t store;
	uint32_t first;
	uint32_t last;
};

/*
 * For a VMM that keeps requests back. What a request of any length and content
 * names; false if it is malformed, and so names nothing.
 */
bool virtio_irq_core_names(const struct virtio_irq_core *core, const void *req, size_t req_size,
			   size_t rsp_size, struct virtio_irq_names *names);
bool virtio_irq_names_common(const struct virtio_irq_names *a, const struct virtio_irq_names *b);

/*
 * What the request would call ops->commit for if that granted everything: calls
 * @fn for one vector after the other until it returns false. Changes nothing.
 */
void virtio_irq_core_walk_commits(struct virtio_irq_core *core, const void *req, size_t req_size,
				  size_t rsp_size,
				  bool (*fn)(void *arg, void *priv, uint16_t store,
					     uint32_t index),
				  void *arg);

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
						  struct virtio_irq_ep *ep, uint64_t address);

/*
 * What virtio_irq_core_message() would do with that write, without doing or
 * counting it. DELIVERED: *@route is what would be delivered.
 */
enum virtio_irq_verdict virtio_irq_core_resolve(const struct virtio_irq_core *core,
						const struct virtio_irq_ep *ep,
						uint64_t address, uint32_t data,
						bool has_pasid, uint32_t pasid,
						struct virtio_irq_msg *route);

/*
 * How much the core has done since it was made: 1 for each request, and 1 each
 * time that a request, a DETACH or a reset has gone to a vector. By this a VMM
 * sees when it is time to let others run.
 */
uint64_t virtio_irq_core_work(const struct virtio_irq_core *core);

/* The function disappeared: detach it. Harmless if it is not attached. */
void virtio_irq_core_endpoint_gone(struct virtio_irq_core *core, uint32_t endpoint);

uint32_t virtio_irq_core_ep_id(const struct virtio_irq_ep *ep);

void virtio_irq_core_get_stats(const struct virtio_irq_core *core, struct virtio_irq_stats *stats);

/* Calls @fn for every allocated vector until it returns false */
void virtio_irq_core_walk_vectors(const struct virtio_irq_core *core,
				  bool (*fn)(void *arg, const struct virtio_irq_vector_info *v),
				  void *arg);

/* Calls @fn for every attached endpoint until it returns false */
void virtio_irq_core_walk_endpoints(const struct virtio_irq_core *core,
				    bool (*fn)(void *arg,
					       const struct virtio_irq_endpoint_info *ep),
				    void *arg);

/*
 * Events
 *
 * What the host does to vectors that a driver has, and how that gets to know. All
 * of it needs VIRTIO_IRQ_F_EVENTQ, and ops->event.
 */

/* A set of vectors */
struct virtio_irq_which {
	bool all_endpoints;		/* @endpoint means nothing */
	uint32_t endpoint;
	bool all_stores;		/* @store means nothing */
	uint16_t store;
	uint32_t first;
	uint32_t last;
};

/*
 * Each returns the number of vectors that it has done something to, 0 if there
 * are none, or a negative errno: -EOPNOTSUPP if the driver cannot be told.
 * ops->route_changed is called for what is armed. They take a time that grows
 * with the vectors of the endpoints.
 *
 * The pairs of those that are armed change, a CONTIGUOUS block as a whole. With
 * @still_valid the old one is honoured as well, until a message with the new one
 * has come after the driver was told that, or the vector is disarmed. Pairs of
 * ops->pair stay.
 */
int virtio_irq_core_change_pairs(struct virtio_irq_core *core,
				 const struct virtio_irq_which *which, bool still_valid);
/*
 * They are taken away, for a reason that is VIRTIO_IRQ_S_PERM, NOSPC or QUOTA
 * (else -EINVAL); what they hold goes back with ops->release.
 */
int virtio_irq_core_revoke(struct virtio_irq_core *core, const struct virtio_irq_which *which,
			   uint8_t reason);
/* The driver may have them again, and is told so */
int virtio_irq_core_unrevoke(struct virtio_irq_core *core, const struct virtio_irq_which *which);
/*
 * What the quotas would not give is taken away: of what is too much first what is
 * not armed, and the highest indices. -ENOMEM: not all of it.
 */
int virtio_irq_core_enforce_quotas(struct virtio_irq_core *core);

#define VIRTIO_IRQ_CORE_EVENT_SIZE	32

/*
 * The driver has made a buffer available in eventq. Not needed for those that are
 * too short.
 */
void virtio_irq_core_event_buffer(struct virtio_irq_core *core);
/*
 * The next event, VIRTIO_IRQ_CORE_EVENT_SIZE bytes, which the VMM now places in the
 * used ring, before it hands over another request; false: there is none.
 */
bool virtio_irq_core_next_event(struct virtio_irq_core *core, void *event);
/* eventq was reset: what the driver may not have seen is placed once more */
void virtio_irq_core_eventq_reset(struct virtio_irq_core *core);

/*
 * Migration
 *
 * save() fills two arrays, of the size that count() says: the endpoints, and all
 * their vectors in the order of the endpoints, of each endpoint first those that
 * are not FREED. Counters and quotas are the host's own and stay. So does where
 * free data values go on, which begins anew at a place that the seed gives.
 *
 * load() needs a core without endpoints. The VMM has made sure that its config,
 * but for the seed, is that of the source, and has set the features that were
 * negotiated. It calls ops->attach for each endpoint by its saved number,
 * ops->commit for what was committed and ops->route_changed for what is armed,
 * and believes nothing more than it would a guest. Quotas refuse nothing here.
 * If the driver can be told (see Events above) an endpoint's window and pair
 * address may be other ones than it knows: its vectors are stale then.
 * On any error the core is empty again, and the errno is negative: -EINVAL
 * malformed; -ENODEV an endpoint is refused, or is not what the guest was told
 * it is, or ops->pair has or had a pair for a vector; -ENOSPC ops->commit
 * refused; -ENOMEM. FAULTs that are not placed are dropped.
 */
enum virtio_irq_saved_ep_flags {
	/* The driver has to ask ATTACH again; it has not been told yet */
	VIRTIO_IRQ_SAVED_REREAD		= 1 << 0,
	VIRTIO_IRQ_SAVED_REREAD_WAITS	= 1 << 1,
	/* It may not have read the last FAULT; FAULTs were dropped */
	VIRTIO_IRQ_SAVED_FAULT_UNREAD	= 1 << 2,
	VIRTIO_IRQ_SAVED_OVERFLOW	= 1 << 3,
};

struct virtio_irq_saved_endpoint {
	uint32_t id;
	uint8_t isolated;			/* 0 or 1 */
	uint8_t pasid_width;
	uint8_t num_stores;
	uint8_t flags;				/* VIRTIO_IRQ_SAVED_* of an endpoint */
	/* What is beyond num_stores is zero */
	struct virtio_irq_store_info stores[VIRTIO_IRQ_CORE_MAX_STORES];
	uint64_t window_start;
	uint64_t window_end;
	uint64_t pair_address;
	uint32_t num_vectors;
};

enum virtio_irq_saved_flags {
	VIRTIO_IRQ_SAVED_ARMED		= 1 << 0,
	VIRTIO_IRQ_SAVED_COMMITTED	= 1 << 1,	/* by COMMIT or ALLOC */
	VIRTIO_IRQ_SAVED_CONTIGUOUS	= 1 << 2,
	VIRTIO_IRQ_SAVED_DATA16		= 1 << 3,
	VIRTIO_IRQ_SAVED_PASID_VALID	= 1 << 4,
	/* Freed; index and data stay taken until the whole block is freed */
	VIRTIO_IRQ_SAVED_FREED		= 1 << 5,
	/* By ops->pair: load() answers -ENODEV */
	VIRTIO_IRQ_SAVED_HOST_PAIR	= 1 << 6,
	/* The driver has to ask again; it was told the pair with other_data */
	VIRTIO_IRQ_SAVED_STALE		= 1 << 7,
	VIRTIO_IRQ_SAVED_TOLD_OTHER	= 1 << 8,
	/* Messages with other_data are honoured, too */
	VIRTIO_IRQ_SAVED_OTHER_VALID	= 1 << 9,
	VIRTIO_IRQ_SAVED_REVOKED	= 1 << 10,
	/* STALE or REVOKED has to be placed */
	VIRTIO_IRQ_SAVED_WAITING	= 1 << 11,
	/* STALE, because it was REVOKED and is not any more; not armed since */
	VIRTIO_IRQ_SAVED_GIVEN_BACK	= 1 << 12,
};

struct virtio_irq_saved_vector {
	uint32_t index;
	uint32_t data;
	/* Zero unless armed */
	uint64_t route_address;
	uint32_t route_data;
	uint32_t pasid;
	uint32_t flags;				/* VIRTIO_IRQ_SAVED_* */
	/* TOLD_OTHER, OTHER_VALID: the same data in another generation; else 0 */
	uint32_t other_data;
	/* STALE: the address of the pair that the driver knows; 0: pair_address */
	uint64_t told_address;
	/* REVOKED: a status; else 0 */
	uint32_t reason;
	uint16_t store;
	uint8_t addr_width;
	/* CONTIGUOUS: log2 of the block's size; else 0 */
	uint8_t order;
};

void virtio_irq_core_count(const struct virtio_irq_core *core, uint32_t *num_endpoints,
			   uint32_t *num_vectors);
void virtio_irq_core_save(const struct virtio_irq_core *core,
			  struct virtio_irq_saved_endpoint *endpoints,
			  struct virtio_irq_saved_vector *vectors);
int virtio_irq_core_load(struct virtio_irq_core *core,
			 const struct virtio_irq_saved_endpoint *endpoints,
			 uint32_t num_endpoints,
			 const struct virtio_irq_saved_vector *vectors, uint32_t num_vectors);

/*
 * The status for the result of an interface of the host: 0 is OK, a positive
 * number (VFIO: so many are left) NOSPC, and of the negative errnos the known
 * ones become NOSPC, NOMEM, BUSY, PERM and QUOTA, the others DEVERR.
 */
uint8_t virtio_irq_status_from_errno(int result);

/* Names as in the specification, lower case: "alloc", "quota"; NULL if unknown */
const char *virtio_irq_type_name(uint8_t type);
const char *virtio_irq_status_name(uint8_t status);
const char *virtio_irq_verdict_name(enum virtio_irq_verdict verdict);

#endif /* VIRTIO_IRQ_CORE_H */
