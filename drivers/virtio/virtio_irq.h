/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-irq: the seam between the request engine, in this directory, and the irq
 * domain, in drivers/irqchip.
 *
 * The engine owns the virtqueue, the endpoints and one record per vector; it
 * never touches an irq_desc. The domain owns irq_domains, chips and the choice
 * of devices; it never touches a virtqueue.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_H
#define _VIRTIO_IRQ_H

#include <linux/device.h>
#include <linux/irqchip/irq-virtio.h>
#include <linux/list.h>
#include <linux/seq_file.h>
#include <linux/types.h>
#include <linux/virtio.h>
#include <linux/virtio_ids.h>
#include <linux/xarray.h>

#include <uapi/linux/virtio_irq.h>

struct virtio_irq;
struct virtio_irq_domains;
struct virtio_irq_endpoint;

/**
 * struct virtio_irq_msg - a route or a pair in CPU byte order
 * @address: where the message is written
 * @data: what is written there
 */
struct virtio_irq_msg {
	u64			address;
	u32			data;
};

/**
 * struct virtio_irq_block - vectors of a store that are reserved together
 * @first: first index
 * @in_use: how many belong to an interrupt
 * @node: in virtio_irq_store::unused, if none of them is reserved
 *
 * Stores from 1 on have them: their vectors come and go one by one, and are not
 * asked for one by one.
 */
struct virtio_irq_block {
	u32			first;
	unsigned int		in_use;
	struct list_head	node;
};

/* Reserved together; a power of two */
#define VIRTIO_IRQ_BLOCK_SIZE	64U

/**
 * struct virtio_irq_fact - something that the host does for a vector, or does not
 * @want: it shall
 * @has: it does: so it answered the last request about it
 * @unsure: it may, whatever @has says: an answer is missing, was malformed, or is to a
 *	request that takes it back and may yet be refused
 * @busy: requests about it without an answer
 * @stamp: number of the last of them; 0: it was answered well, or counts no more
 *
 * Whatever goes wrong leaves @want, @has and @unsure different from what they are when
 * all is well, which is @want equal to @has and not @unsure. Nothing else is kept of
 * it: recovery sends what makes up for the difference.
 *
 *	================== ===== =======
 *	after              @has  @unsure
 *	================== ===== =======
 *	take: OK           1     0
 *	take: a refusal    as before
 *	take: no answer    as before, 1
 *	give back: sent    0     1
 *	give back: OK      0     0
 *	give back: other   0     1
 *	reset of device    0     0
 *	================== ===== =======
 */
struct virtio_irq_fact {
	u8			want;
	u8			has;
	u8			unsure;
	u16			busy;
	u64			stamp;
};

/**
 * struct virtio_irq_store - an interrupt message store of an endpoint
 * @ep: endpoint that the store belongs to
 * @ep_node: in the endpoint's list of stores
 * @owner: the domain's record of who uses the store, NULL if nobody does
 * @vectors: records by index; they live as long as the endpoint, or as their block
 * @blocks: struct virtio_irq_block by index / VIRTIO_IRQ_BLOCK_SIZE, stores from 1 on
 * @size: number of indices, 0: no fixed size
 * @id: store number, 0 is the function's own MSI or MSI-X
 * @multi_msi: log2 of the largest contiguous block
 * @flags: VIRTIO_IRQ_STORE_F_*
 *
 * The fields above are constant once attached.
 *
 * @refusal: why the last virtio_irq_alloc() granted less than it asked the host
 *	for, as an errno; 0 if it did not. Guarded by whoever serialises these calls
 *
 * Those below are guarded by the engine's lock.
 *
 * @num_granted: records that are granted, by virtio_irq_vector::res
 * @in_use: those that belong to an interrupt
 * @to_free: first and last index among which a FREE has yet to be queued
 * @node: in the engine's list of stores with a @to_free range
 * @idle_block: the one block that is kept without being in use
 * @unused: blocks to be freed when the host has answered all that names them
 * @block: the pair of a contiguous block's first vector
 * @block_count: vectors of the contiguous block, 0: there is none
 * @block_known: @block is valid
 */
struct virtio_irq_store {
	struct virtio_irq_endpoint *ep;
	struct list_head	ep_node;
	void			*owner;
	struct xarray		vectors;
	struct xarray		blocks;
	u32			size;
	u16			id;
	u8			multi_msi;
	u8			flags;

	int			refusal;

	unsigned int		num_granted;
	unsigned int		in_use;
	struct virtio_irq_range {
		u32		first;
		u32		last;
		bool		valid;
	}			to_free;
	struct list_head	node;
	struct virtio_irq_block	*idle_block;
	struct list_head	unused;
	struct virtio_irq_msg	block;
	u32			block_count;
	bool			block_known;
};

/**
 * struct virtio_irq_vector - the record of one vector
 * @store: store that the vector belongs to
 * @block: its block, NULL in store 0
 * @index: its slot there
 * @virq: Linux interrupt number, 0 while there is none (guarded by the domain)
 * @held: the source stays masked until the vector is armed (the domain's, guarded
 *	by desc->lock)
 * @moving: the parent is being told to move it (the same)
 *
 * The fields below are guarded by the engine's lock. desc->lock is not enough:
 * early activation and the free path run without it. Under desc->lock @arm.want is
 * constant, and what the host has acknowledged can be read.
 *
 * @res: reserved: ALLOC and FREE
 * @com: committed by COMMIT, so until RELEASE
 * @arm: armed: ACTIVATE and DEACTIVATE. @pair is valid if the host has it
 * @route: what the parent domain composed last
 * @pasid: PASID that messages must carry, or VIRTIO_IRQ_NO_PASID
 * @pair: the host's answer
 * @composed: the message that was composed for the store last
 * @addr_width: the store holds addresses below 1 << @addr_width
 * @dirty: @route and @pasid have to be sent: they are not what was sent last, or that
 *	failed
 * @data16: the store holds 16 bits of data
 * @in_use: belongs to an interrupt
 * @com_alloc: committed by ALLOC, so as long as it is reserved
 * @lossy: messages may have been lost while dirty, retrigger after the replay
 * @logged: a failure of this vector has been printed, or that it was revoked
 * @stale: the host has said that its pair may change: another one is legal in answers to
 *	ACTIVATE until the store holds what was answered
 * @revoked: why the host delivers nothing of it any more though @arm is wanted, as an
 *	errno; 0: it does, or may. Asked for again when the host says that it is stale
 * @since: CLOCK_MONOTONIC when it became stale or was revoked, in ns
 * @refusal: why the host refuses ALLOC or COMMIT since a reset of the device, as an
 *	errno; 0: it does not, or was not asked yet
 * @failed: number of the reconciliation in which a request about it failed
 */
struct virtio_irq_vector {
	struct virtio_irq_store	*store;
	struct virtio_irq_block	*block;
	u32			index;
	unsigned int		virq;
	bool			held;
	bool			moving;

	struct virtio_irq_fact	res;
	struct virtio_irq_fact	com;
	struct virtio_irq_fact	arm;
	struct virtio_irq_msg	route;
	u32			pasid;
	struct virtio_irq_msg	pair;
	struct virtio_irq_msg	composed;
	u8			addr_width;
	u8			dirty;
	u8			data16:1;
	u8			in_use:1;
	u8			com_alloc:1;
	u8			lossy:1;
	u8			logged:1;
	u8			stale:1;
	int			revoked;
	u64			since;
	int			refusal;
	u32			failed;
};

/**
 * struct virtio_irq_endpoint - an attached source of messages
 * @vi: the controller it is attached to
 * @node: in the controller's list of endpoints
 * @id: name in the protocol; PCI: segment << 16 | bus << 8 | devfn
 * @isolated: the host blocks every other message of this endpoint
 * @window_start: first address that a pair may have
 * @window_end: last address that a pair may have
 * @pasid_width: PASIDs are below 1 << @pasid_width; 0: there are none
 * @is_inert: what the domain demands of pairs, set before the first ACTIVATE: that
 *	they do nothing if they reach the parent's hardware as they are, which the route
 *	leads to. NULL: nothing
 * @ims_slots: what the stores from 1 on have together; U32_MAX: as many or more
 * @stores: all stores; more may come, none goes. Guarded by the controller's endpoints_lock
 * @msi: store 0
 * @in_transit: its ATTACH or DETACH is under way, recovery leaves it alone
 * @detached: given back by the domain, the host has not acknowledged it
 * @lost: a reset of the device detached it
 * @reread: its properties may have changed: ATTACH before anything else is asked
 * @refusal: why the host does not attach it again, as an errno
 *
 * So are all from @in_transit on.
 */
struct virtio_irq_endpoint {
	struct virtio_irq	*vi;
	struct list_head	node;
	u32			id;
	bool			isolated;
	u64			window_start;
	u64			window_end;
	u8			pasid_width;
	bool (*is_inert)(const struct virtio_irq_msg *pair, const struct virtio_irq_msg *route);
	u32			ims_slots;
	struct list_head	stores;
	struct virtio_irq_store	msi;
	bool			in_transit;
	bool			detached;
	bool			lost;
	bool			reread;
	int			refusal;
};

/* Where x86 and its devices agree that a write is an interrupt message */
#define VIRTIO_IRQ_X86_WINDOW_START	0xfee00000ULL
#define VIRTIO_IRQ_X86_WINDOW_END	0xfeefffffULL

/* What the store needs, for virtio_irq_alloc() */
#define VIRTIO_IRQ_ALLOC_COMMIT		BIT(0)
#define VIRTIO_IRQ_ALLOC_CONTIGUOUS	BIT(1)
#define VIRTIO_IRQ_ALLOC_DATA16		BIT(2)

/* Engine, called by the domain */
struct virtio_irq_endpoint *virtio_irq_attach(struct virtio_irq *vi, u32 id);
void virtio_irq_detach(struct virtio_irq_endpoint *ep);
int virtio_irq_alloc(struct virtio_irq_store *store, u32 first, u32 count,
		     unsigned int flags, unsigned int addr_width);
int virtio_irq_reserve(struct virtio_irq_store *store, u32 index, unsigned int flags,
		       unsigned int addr_width);
void virtio_irq_store_release(struct virtio_irq_store *store);
struct virtio_irq_store *virtio_irq_find_store(struct virtio_irq_endpoint *ep, u16 id);
int virtio_irq_set_pasid(struct virtio_irq_vector *vec, u32 pasid);
bool virtio_irq_granted(struct virtio_irq_store *store, u32 index);
struct virtio_irq_vector *virtio_irq_take(struct virtio_irq_store *store, u32 index);
void virtio_irq_free(struct virtio_irq_vector *vec);
void virtio_irq_trim(struct virtio_irq_store *store);
int virtio_irq_commit(struct virtio_irq_vector *vec);
void virtio_irq_release(struct virtio_irq_vector *vec);
int virtio_irq_activate(struct virtio_irq_vector *vec,
			const struct virtio_irq_msg *route, bool keep);
int virtio_irq_reroute(struct virtio_irq_vector *vec, const struct virtio_irq_msg *route);
int virtio_irq_reroute_now(struct virtio_irq_vector *vec, const struct virtio_irq_msg *route);
void virtio_irq_deactivate(struct virtio_irq_vector *vec);
void virtio_irq_compose(struct virtio_irq_vector *vec, struct virtio_irq_msg *pair);
void virtio_irq_take_out(struct virtio_irq_vector *vec);
bool virtio_irq_is_out(const struct virtio_irq_vector *vec);
bool virtio_irq_is_honoured(struct virtio_irq_vector *vec);
int virtio_irq_in_scope(struct virtio_irq *vi, u32 id);
struct device *virtio_irq_dev(struct virtio_irq *vi);
bool virtio_irq_isolates(struct virtio_irq *vi);
const char *virtio_irq_reason(int err);
void virtio_irq_show_vector(struct seq_file *m, int ind, struct virtio_irq_vector *vec);

/**
 * struct virtio_irq_domain_ops - what the engine asks of the domain
 * @hold: keep a source from sending until its vector is armed again; true if it does
 * @replayed: recovery has armed a vector: write its store if the pair is new to that,
 *	let the source send, and retrigger the interrupt if messages may have been lost.
 *	False if this has to be repeated, as the interrupt is just being activated
 * @shut: the host has revoked a vector: keep its source from sending, and take the pair
 *	out of its store
 * @rescan: look again at which devices are in scope; under the engine's lock
 */
struct virtio_irq_domain_ops {
	bool (*hold)(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec);
	bool (*replayed)(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec,
			 bool retrigger);
	void (*shut)(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec);
	void (*rescan)(struct virtio_irq_domains *doms);
};

/* Domain, called when a controller comes and goes */
extern const struct virtio_irq_domain_ops virtio_irq_domain_side;
struct virtio_irq_domains *virtio_irq_domains_create(struct virtio_irq *vi);
void virtio_irq_domains_start(struct virtio_irq_domains *doms);
void virtio_irq_domains_remove(struct virtio_irq_domains *doms);
void virtio_irq_domains_free(struct virtio_irq_domains *doms);

/*
 * Has the pair changed since it was composed, so that the store must be written again? Without
 * the lock: desc->lock keeps the interrupt's own calls away, and recovery writes a store
 * itself if its ACTIVATE has changed the pair.
 */
static inline bool virtio_irq_needs_rewrite(const struct virtio_irq_vector *vec)
{
	return vec->arm.want && (READ_ONCE(vec->composed.data) != READ_ONCE(vec->pair.data) ||
			       READ_ONCE(vec->composed.address) != READ_ONCE(vec->pair.address)) &&
	       !READ_ONCE(vec->revoked);
}

#endif /* _VIRTIO_IRQ_H */
