/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio-irq host inside the kernel, for tests: a virtio transport with a
 * real split ring, and a small model of the device behind it. It is written
 * from the contract and not from a device, so that the two check each other.
 *
 * It answers inside notify(), as it must: the driver polls with interrupts off.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_FAKE_HOST_H
#define _VIRTIO_IRQ_FAKE_HOST_H

#include <kunit/test.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>

#include "virtio_irq.h"

#define FAKE_RING		256
#define FAKE_ENDPOINTS		4
#define FAKE_VECTORS		2048
#define FAKE_IMS_VECTORS	512
#define FAKE_LOG		1024
#define FAKE_TLV_SIZE		64

#define FAKE_WINDOW_START	0xfee00000ULL
#define FAKE_WINDOW_END		0xfeefffffULL
/*
 * What x86 ignores, whoever sends it: to logical destination 0, with the reserved
 * delivery mode in data bits 8 to 10. Numbers below 0x2000 fit into 16 bits, and what
 * is aligned to 32 stays so
 */
#define FAKE_PAIR_ADDRESS	0xfee00004ULL
#define FAKE_PAIR_DATA(number)	(((number) & 0xff) | 0x300 | ((number) & ~0xffU) << 3)
/* The other pair of a vector: that of a number which none of them has */
#define FAKE_PAIR_MOVED		(0x1000 << 3)

/* Buffers that the driver can have in eventq */
#define FAKE_EVENT_RING		64

/*
 * @first and @count are those of the block that it was allocated in, with count 0
 * of none; they stay when it is freed, until all vectors of the block are.
 */
struct fake_vector {
	bool			allocated;
	u32			first;
	u32			count;
	u16			flags;		/* VIRTIO_IRQ_ALLOC_F_*, but COMMIT */
	u8			addr_width;
	bool			committed;
	bool			armed;
	u8			revoked;	/* VIRTIO_IRQ_S_*, 0: it is not */
	u32			pair;
	u64			route_address;
	u32			route_data;
	u32			pasid;		/* VIRTIO_IRQ_NO_PASID: none */
};

struct fake_endpoint {
	bool			attached;
	u32			id;
	struct fake_vector	vectors[FAKE_VECTORS];
	struct fake_vector	ims[FAKE_IMS_VECTORS];
};

/* A request as it lay in the ring */
struct fake_request {
	u32			len;
	u8			bytes[64];
};

/* What to do to the next answers to requests of @type (0: any), @times of them */
enum fake_fault {
	FAKE_NONE,
	FAKE_REFUSE,		/* @arg: status; nothing changes */
	FAKE_LENGTH,		/* @arg: used length, contents as usual */
	FAKE_STATUS,		/* @arg: status, although it took effect */
	FAKE_ADDRESS,		/* @arg: pair address */
	FAKE_DATA,		/* @arg: pair data */
	FAKE_GRANTED,		/* @arg: granted | (u64)reason << 32 */
	FAKE_SILENT,		/* it took effect, no answer until fake_host_speak() */
	FAKE_LOST,		/* it did not even take effect, no answer ever */
	FAKE_TWICE,		/* answered twice */
	FAKE_WRONG_ID,		/* a used id that was never submitted */
	FAKE_SLOW,		/* @arg: after so many ms */
};

struct fake_host {
	struct virtio_device	vdev;
	struct virtqueue	*vq;
	struct virtqueue	*evq;
	struct virtio_irq	*vi;
	u64			features;
	struct virtio_irq_config config;
	u32			generation;
	unsigned int		restless;	/* it changes so often while it is read */
	u8			status;

	raw_spinlock_t		lock;	/* guards all below */
	u16			last_avail;
	u16			last_event;
	unsigned int		event_notifications;
	struct {
		u16		head;
		u32		len;
	}			held[FAKE_RING];
	unsigned int		num_held;
	struct {
		enum fake_fault	fault;
		u8		type;
		unsigned int	skip;
		unsigned int	times;
		u64		arg;
	}			rule;
	unsigned int		quota;
	unsigned int		allocated;
	u8			store_flags;
	bool			commit_first;	/* ACTIVATE of what is not committed is BUSY */
	u8			multi_msi;
	u16			ims_store;	/* number of a second store, 0: none */
	u8			ims_flags;
	bool			ims_open;	/* it has no fixed size */
	u8			pasid_width;
	u32			attach_flags;	/* of the answer to ATTACH */
	bool			own_tlvs;	/* ATTACH answers @tlvs */
	u8			tlvs[FAKE_TLV_SIZE];
	bool			no_features;	/* FEATURES_OK does not stay set */
	int			no_queue;	/* find_vqs() fails so often */
	int			no_finalize;	/* finalize_features() likewise */
	unsigned int		ring;		/* descriptors, FAKE_RING where it works */
	unsigned int		event_ring;	/* likewise, FAKE_EVENT_RING */
	u64			window_start;
	u64			window_end;
	u64			pair_address;
	unsigned int		notifications;
	unsigned int		malformed;	/* requests of the driver, none is */
	unsigned int		num_requests;
	struct fake_request	log[FAKE_LOG];
	struct fake_endpoint	endpoints[FAKE_ENDPOINTS];

	/* Called by a reset of the device, in the worker's context */
	void (*in_reset)(struct fake_host *host);
	/* Called when the configuration has been read, in the context of who did */
	void (*in_config)(struct fake_host *host);
	/*
	 * Called for each request of a notification before the first of them is looked at,
	 * in the context of who notifies; must not sleep
	 */
	void (*in_notify)(struct fake_host *host, const u8 *req);
	void *data;		/* for these */
	/* Answers instead of the model, with the lock held; see hostile_test.c */
	void (*answer)(struct fake_host *host, u16 head, const u8 *req, u32 req_len,
		       u8 *rsp, u32 rsp_len);
};

struct fake_host *fake_host_new(struct kunit *test, u64 features);
int fake_host_start(struct fake_host *host);
void fake_host_rule(struct fake_host *host, enum fake_fault fault, u8 type,
		    unsigned int times, u64 arg);
void fake_host_skip(struct fake_host *host, unsigned int skip);
void fake_host_speak(struct fake_host *host);
void fake_host_forget_log(struct fake_host *host);
struct fake_endpoint *fake_host_endpoint(struct fake_host *host, u32 id);
unsigned int fake_host_count(struct fake_host *host, u8 type);
void fake_used(struct fake_host *host, u32 id, u32 len);
bool fake_event_place(struct fake_host *host, const struct virtio_irq_event *event, u32 len);
void fake_event_interrupt(struct fake_host *host);
void event_read(struct virtio_irq *vi);
bool fake_event(struct fake_host *host, u8 type, u32 endpoint, u16 store, u32 first, u32 count,
		u32 flags);
void fake_host_move(struct fake_host *host, u32 id, u16 store, u32 first, u32 count);
void fake_host_stale(struct fake_host *host, u32 id, u16 store, u32 first, u32 count, u32 flags);
void fake_host_revoke(struct fake_host *host, u32 id, u16 store, u32 first, u32 count, u8 status);
void fake_host_revoked(struct fake_host *host, u32 id, u16 store, u32 first, u32 count,
		       u8 status);
void fake_hold(struct fake_host *host, u16 head, u32 len);
size_t fake_model_request(struct fake_host *host, const u8 *req, u32 req_len, u8 *rsp);

#endif /* _VIRTIO_IRQ_FAKE_HOST_H */
