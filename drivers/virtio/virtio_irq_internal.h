/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-irq request engine: what its files share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_INTERNAL_H
#define _VIRTIO_IRQ_INTERNAL_H

#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/ratelimit.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "virtio_irq.h"

/* Types and statuses are small numbers, for tables indexed by them */
#define VIRTIO_IRQ_NUM_TYPES		(VIRTIO_IRQ_T_FREE + 1)
#define VIRTIO_IRQ_NUM_STATUSES		(VIRTIO_IRQ_S_DEVERR + 1)
#define VIRTIO_IRQ_NUM_EVENT_TYPES	(VIRTIO_IRQ_EVENT_T_FAULT + 1)

/*
 * More requests are never under way. Bounds what the size of a device's queue
 * makes us allocate: with the longest answers about 2 MB in one piece
 */
#define VIRTIO_IRQ_MAX_SLOTS		512U

/* FREEs that are queued in one hold of the lock; a host may want one for each vector */
#define VIRTIO_IRQ_MAX_FREES		64U

/* Records that one FREE, or an ALLOC of recovery, names: interrupts are off for them */
#define VIRTIO_IRQ_MAX_RUN		256U

/* Latency histogram: bucket n counts waits below 1 << n microseconds */
#define VIRTIO_IRQ_NUM_BUCKETS		26

/*
 * An atomic wait ends when the deadline has passed *and* the ring was looked at
 * this often: the clock of a guest that was paused jumps, with the answer there.
 */
#define VIRTIO_IRQ_MIN_POLLS		1000

/*
 * How long after its begin request_irq() and DETACH wait for a recovery: together, so
 * that the end of many interrupts takes no longer than that of one
 */
#define VIRTIO_IRQ_RECOVERY_WAIT_MS	2000U

/* How long recovery waits before it tries again: doubled up to the maximum */
#define VIRTIO_IRQ_BACKOFF_MIN_MS	50
#define VIRTIO_IRQ_BACKOFF_MAX_MS	5000

/* How often recovery looks again at what changed meanwhile, before it lets go */
#define VIRTIO_IRQ_MAX_PASSES		4

/*
 * Unnotified requests reach the device after this long at the latest. With LAZY
 * it is a matter of tidiness only: the device sees them before any message.
 */
#define VIRTIO_IRQ_FLUSH_MS		250

/*
 * What waits with interrupts off may take in all, as a CPU that goes down moves all its
 * interrupts while every other CPU waits for it. Waits that are shorter than the first
 * do not count: those for all vectors of a CPU together take less than the hard lockup
 * detector bears. Nor does a wait count for more than the second, during which the
 * guest may have been paused. The time between the waits is taken off the sum.
 */
#define VIRTIO_IRQ_SLOW_NS		(20 * NSEC_PER_MSEC)
#define VIRTIO_IRQ_SLOW_MAX_NS		(250 * NSEC_PER_MSEC)
#define VIRTIO_IRQ_SLOW_SUM_NS		(1000 * NSEC_PER_MSEC)

/*
 * Without an answer after this long the device's status is looked at, and again each
 * time that the wait has become twice as long: each look is an exit
 */
#define VIRTIO_IRQ_LOOK_NS		(10 * NSEC_PER_MSEC)

/*
 * How often the device is looked at while it has endpoints and nobody asks anything of
 * it: one exit, and none while the guest is idle
 */
#define VIRTIO_IRQ_WATCH_MS		10000

/*
 * Buffers in eventq, and events that wait for the worker: more than a host has to say at
 * one time. It keeps what is of consequence until there is a buffer.
 */
#define VIRTIO_IRQ_MAX_EVENTS		64U

/* FAULTs take no more of these, and are dropped then */
#define VIRTIO_IRQ_MAX_FAULT_EVENTS	(VIRTIO_IRQ_MAX_EVENTS / 2)

/* Between two looks at eventq, however much the host has to say */
#define VIRTIO_IRQ_EVENT_PAUSE_MS	10

/* FAULTs that the administrator can see */
#define VIRTIO_IRQ_NUM_FAULTS		16U

/* More TLVs than any endpoint has stores; bounds what a device makes us allocate */
#define VIRTIO_IRQ_MAX_TLV_SIZE		4096

/**
 * enum virtio_irq_state - what the engine can do
 * @VIRTIO_IRQ_READY: requests are answered
 * @VIRTIO_IRQ_BROKEN: an answer is missing; requests fail, recovery is due
 * @VIRTIO_IRQ_RECOVERING: the host answers again, the worker replays
 * @VIRTIO_IRQ_FROZEN: the system is suspended: what has to be told is only recorded
 * @VIRTIO_IRQ_ABSENT: the device has left the bus: nobody waits, recovery looks
 *	whether it comes back
 * @VIRTIO_IRQ_GONE: the device is being removed, or the kernel ends
 */
enum virtio_irq_state {
	VIRTIO_IRQ_READY,
	VIRTIO_IRQ_BROKEN,
	VIRTIO_IRQ_RECOVERING,
	VIRTIO_IRQ_FROZEN,
	VIRTIO_IRQ_ABSENT,
	VIRTIO_IRQ_GONE,
};

/**
 * enum virtio_irq_slot_state - who a request slot belongs to
 * @VIRTIO_IRQ_SLOT_IDLE: nobody
 * @VIRTIO_IRQ_SLOT_POSTED: the device; nobody waits
 * @VIRTIO_IRQ_SLOT_WAITED: the device; somebody waits
 * @VIRTIO_IRQ_SLOT_DONE: the waiter, with an answer
 * @VIRTIO_IRQ_SLOT_DROPPED: the waiter, a reset of the device dropped the request
 * @VIRTIO_IRQ_SLOT_ABANDONED: the device, until it answers or is reset; nobody waits
 *	any more
 */
enum virtio_irq_slot_state {
	VIRTIO_IRQ_SLOT_IDLE,
	VIRTIO_IRQ_SLOT_POSTED,
	VIRTIO_IRQ_SLOT_WAITED,
	VIRTIO_IRQ_SLOT_DONE,
	VIRTIO_IRQ_SLOT_DROPPED,
	VIRTIO_IRQ_SLOT_ABANDONED,
};

union virtio_irq_req {
	struct virtio_irq_req_head	head;
	struct virtio_irq_req_attach	attach;
	struct virtio_irq_req_detach	detach;
	struct virtio_irq_req_alloc	alloc;
	struct virtio_irq_req_range	range;
	struct virtio_irq_req_activate	activate;
	struct virtio_irq_req_deactivate deactivate;
};

/* Of all requests but ATTACH, for which its maker has room */
union virtio_irq_rsp {
	struct virtio_irq_rsp_head	head;
	struct virtio_irq_rsp_alloc	alloc;
	struct virtio_irq_rsp_activate	activate;
};

struct virtio_irq_slot;

/**
 * struct virtio_irq_call_ops - what a request means to who made it
 * @sent: it has taken its place in the queue
 * @complete: what became of it, once: 0 or the host's refusal as an errno, -EIO for a
 *	malformed answer, -ETIMEDOUT if it was given up, -ERESTART if a reset of the
 *	device dropped it. @reply has ok_len bytes if it is 0. Returns what a waiter is
 *	told
 *
 * Both are called with the engine's lock held, and submit nothing.
 */
struct virtio_irq_call_ops {
	void (*sent)(struct virtio_irq_slot *slot);
	int (*complete)(struct virtio_irq_slot *slot, int err, const void *reply);
};

/**
 * struct virtio_irq_slot - one request's place in the ring
 * @vi: the controller
 * @state: enum virtio_irq_slot_state; read by the waiter without the lock
 * @type: VIRTIO_IRQ_T_*
 * @recovery: sent by the recovery worker
 * @ok_len: used length of a success
 * @err: what the waiter is told, valid if DONE
 * @ops: whom to tell, NULL if nobody wants to know
 * @context: for @ops
 * @owner: @context does not outlive it, see virtio_irq_disown()
 * @endpoint: that the request names
 * @first: first vector that it names
 * @count: vectors that it names
 * @stamp: its number
 * @took: how long it took, in ns, valid if DONE
 * @start: CLOCK_MONOTONIC when it was submitted, in ns, if somebody waits
 * @since: jiffies when it was posted, if nobody does
 * @reply: where the waiter wants the answer
 * @req: shared with the device
 * @rsp: shared with the device; copied once, then checked
 * @out: @req for the ring, all but its length is constant
 * @in: @rsp likewise
 * @sgs: both
 * @next: while it is idle: the next one that is
 */
struct virtio_irq_slot {
	struct virtio_irq	*vi;
	u8			state;
	u8			type;
	bool			recovery;
	u16			ok_len;
	int			err;
	const struct virtio_irq_call_ops *ops;
	void			*context;
	const void		*owner;
	u32			endpoint;
	u32			first;
	u32			count;
	u64			stamp;
	u64			took;
	u64			start;
	unsigned long		since;
	void			*reply;
	union virtio_irq_req	*req;
	void			*rsp;
	struct scatterlist	out;
	struct scatterlist	in;
	struct scatterlist	*sgs[2];
	struct virtio_irq_slot	*next;
};

/**
 * struct virtio_irq_call - one request as its builder made it, who sets all of it
 * @req: the device-readable part
 * @req_len: its length
 * @ok_len: used length of a success
 * @first: first vector that it names
 * @count: vectors that it names
 * @reply: @ok_len bytes for the answer; NULL if the waiter wants its status only
 * @ops: whom to tell, see struct virtio_irq_slot
 * @context: likewise
 * @owner: likewise
 * @stamp: its number, if somebody waits for the answer
 * @took: until the answer, in ns; 0: there is none yet
 * @recovery: sent by the recovery worker, so in any state
 */
struct virtio_irq_call {
	union virtio_irq_req	req;
	u16			req_len;
	u16			ok_len;
	u32			first;
	u32			count;
	void			*reply;
	const struct virtio_irq_call_ops *ops;
	void			*context;
	const void		*owner;
	u64			stamp;
	u64			took;
	bool			recovery;
};

/**
 * struct virtio_irq_event_buf - a buffer in eventq
 * @event: shared with the device; copied once, then checked
 * @in: @event for the ring
 */
struct virtio_irq_event_buf {
	struct virtio_irq_event	*event;
	struct scatterlist	in;
};

/**
 * struct virtio_irq_news - an event in CPU byte order, without padding
 * @address: FAULT: that of the message
 * @data: FAULT: that of the message
 * @flags: VIRTIO_IRQ_EVENT_F_*, and a PASID
 * @endpoint: which endpoint, see virtio_irq_is_about()
 * @first: first vector
 * @count: vectors; FAULT: messages
 * @store: which store
 * @type: VIRTIO_IRQ_EVENT_T_*
 * @reason: REVOKED: VIRTIO_IRQ_S_*, FAULT: VIRTIO_IRQ_FAULT_R_*
 */
struct virtio_irq_news {
	u64			address;
	u32			data;
	u32			flags;
	u32			endpoint;
	u32			first;
	u32			count;
	u16			store;
	u8			type;
	u8			reason;
};

/**
 * struct virtio_irq_fault - what the host has blocked
 * @news: the event
 * @at: CLOCK_MONOTONIC when it was read, in ns
 */
struct virtio_irq_fault {
	struct virtio_irq_news	news;
	u64			at;
};

/**
 * struct virtio_irq_stats - what has happened since the probe
 * @requests: sent, by VIRTIO_IRQ_T_*
 * @statuses: of answers, by VIRTIO_IRQ_S_*
 * @malformed: answers that were
 * @kicks: notifications
 * @timeouts: waits that ended without an answer
 * @late: answers after that
 * @dropped: requests that a reset of the device dropped
 * @recoveries: how often requests were answered again
 * @device_resets: of the device
 * @replays: routes that recovery told the host
 * @latency: waits by VIRTIO_IRQ_T_* and length
 * @worst: the longest wait by VIRTIO_IRQ_T_*, in ns
 * @events: by VIRTIO_IRQ_EVENT_T_*; 0: those that were ignored
 * @events_merged: that said what others say that wait, or came when too many waited
 * @moved: armed vectors that got another pair
 * @revoked: vectors that were disarmed by the host
 * @blocked: messages that the host has blocked, as it says
 * @faults_dropped: FAULTs for which there was no room here
 * @overflows: FAULTs before which the host had dropped some
 */
struct virtio_irq_stats {
	u64			requests[VIRTIO_IRQ_NUM_TYPES];
	u64			statuses[VIRTIO_IRQ_NUM_STATUSES];
	u64			malformed;
	u64			kicks;
	u64			timeouts;
	u64			late;
	u64			dropped;
	u64			recoveries;
	u64			device_resets;
	u64			replays;
	u64			latency[VIRTIO_IRQ_NUM_TYPES][VIRTIO_IRQ_NUM_BUCKETS];
	u64			worst[VIRTIO_IRQ_NUM_TYPES];
	u64			events[VIRTIO_IRQ_NUM_EVENT_TYPES];
	u64			events_merged;
	u64			moved;
	u64			revoked;
	u64			blocked;
	u64			faults_dropped;
	u64			overflows;
};

/**
 * struct virtio_irq_note - what went wrong, perhaps in a context that must not print
 * @endpoint: which endpoint the request named
 * @store: which store
 * @index: first vector
 * @count: vectors; 0: not known which
 * @virq: interrupt that the vector belongs to, 0: none
 * @type: VIRTIO_IRQ_T_*
 * @err: why
 * @valid: there is something to be printed
 */
struct virtio_irq_note {
	u32			endpoint;
	u16			store;
	u32			index;
	u32			count;
	unsigned int		virq;
	u8			type;
	int			err;
	bool			valid;
};

/**
 * struct virtio_irq - a controller
 * @vdev: the virtio device
 * @vq: requestq
 * @evq: eventq, NULL without EVENTQ
 * @doms: the irq domains on top
 * @domain: what they can be asked
 * @flush: posts what was collected in @collected; set by the records
 * @features: negotiated VIRTIO_IRQ_F_* that the driver acts upon
 * @strict: notify every request at once
 * @max_count: largest count in a request
 * @tlv_size: bytes of TLVs in the answer to ATTACH
 * @num_scopes: entries in @scopes
 * @scopes: PCI ranges that are served, by SCOPE
 * @slots: all slots
 * @num_slots: how many
 * @shared: memory of all requests and replies
 * @shared_dma: its DMA address, if the DMA API is used
 * @shared_size: its size in bytes
 * @dma_dev: device for the DMA API, NULL if it is not used
 * @event_bufs: buffers of @evq
 * @num_event_bufs: how many
 * @events_shared: memory of all of them, as @shared
 * @events_dma: its DMA address
 * @events_size: its size in bytes
 * @endpoints_lock: guards @endpoints
 * @endpoints: attached endpoints
 * @wq: for @recover, @read_events and @watch; WQ_MEM_RECLAIM, swap may depend on an interrupt
 * @recover: recovery and replay
 * @read_events: what the host has to say
 * @watch: was the device reset behind the driver's back?
 * @reboot: before the kernel ends
 * @wait: for READY
 * @timer: looks after the requests that nobody waits for
 * @debugfs: directory
 * @log_limit: for failures that somebody in the guest can repeat
 * @event_limit: for what the host can say again and again
 * @reset_err: why the device could not be set up again; the worker's, as @full_told
 * @full_told: the log has since READY that no request was answered
 *
 * @lock: guards all below and the records. Taken inside desc->lock with
 *	interrupts off, so raw; never held across a wait or a notification
 * @state: enum virtio_irq_state
 * @stopping: the domains are going away
 * @last_orders: the kernel ends: the device must not be set up again
 * @thawed: RECOVERING follows FROZEN
 * @resetting: the virtqueue must not be touched; set, then a grace period of RCU
 * @reset_asked: the administrator asked for a reset of the device
 * @config_changed: the configuration or the device's status has to be read again
 * @reply: the answer that is being looked at, if nobody wants it afterwards
 * @idle: the first of the idle slots
 * @collected: what has yet to be posted: stores with a FREE
 * @unnotified: requests since the last notification
 * @posted: requests without an answer that nobody waits for
 * @replaying: those of them that recovery has posted
 * @abandoned: requests without an answer that the driver has given up
 * @stamp: number of the last request
 * @replay: number of the reconciliation
 * @replay_err: a request of this reconciliation failed, as an errno
 * @backoff: milliseconds until recovery tries again
 * @marks: changes whenever recovery gets more to do
 * @broken_at: CLOCK_MONOTONIC when READY ended, in ns
 * @slow_sum: how long atomic waits took of late, in ns
 * @slow_end: CLOCK_MONOTONIC when the last of these ended
 * @broken_note: the request that had no answer, or one too late
 * @notes: failures for the worker to print
 * @notes_lost: failures for which there was no room
 * @news: events that the worker has not acted upon, the first at @first_news
 * @first_news: the one that it is acting upon
 * @num_news: how many
 * @events_looked: jiffies when eventq was looked at last
 * @events_filled: eventq has its buffers
 * @events_returned: the device has not been told of buffers that are available again
 * @faults: the last ones, in a ring
 * @num_faults: how many there were
 * @stats: counters
 */
struct virtio_irq {
	struct virtio_device	*vdev;
	struct virtqueue	*vq;
	struct virtqueue	*evq;
	struct virtio_irq_domains *doms;
	const struct virtio_irq_domain_ops *domain;
	void (*flush)(struct virtio_irq *vi);
	unsigned long		features;
	bool			strict;
	u32			max_count;
	u32			tlv_size;
	unsigned int		num_scopes;
	union virtio_irq_scope	scopes[VIRTIO_IRQ_MAX_SCOPES];
	struct virtio_irq_slot	*slots;
	unsigned int		num_slots;
	void			*shared;
	dma_addr_t		shared_dma;
	size_t			shared_size;
	struct device		*dma_dev;
	struct virtio_irq_event_buf *event_bufs;
	unsigned int		num_event_bufs;
	void			*events_shared;
	dma_addr_t		events_dma;
	size_t			events_size;
	struct mutex		endpoints_lock;
	struct list_head	endpoints;
	struct workqueue_struct	*wq;
	struct delayed_work	recover;
	struct delayed_work	read_events;
	struct delayed_work	watch;
	struct notifier_block	reboot;
	wait_queue_head_t	wait;
	struct timer_list	timer;
	struct dentry		*debugfs;
	struct ratelimit_state	log_limit;
	struct ratelimit_state	event_limit;
	int			reset_err;
	bool			full_told;

	raw_spinlock_t		lock;
	enum virtio_irq_state	state;
	bool			stopping;
	bool			last_orders;
	bool			thawed;
	bool			resetting;
	bool			reset_asked;
	bool			config_changed;
	union virtio_irq_rsp	reply;
	struct virtio_irq_slot	*idle;
	struct list_head	collected;
	unsigned int		unnotified;
	unsigned int		posted;
	unsigned int		replaying;
	unsigned int		abandoned;
	u64			stamp;
	u32			replay;
	int			replay_err;
	unsigned int		backoff;
	u64			marks;
	u64			broken_at;
	u64			slow_sum;
	u64			slow_end;
	struct virtio_irq_note	broken_note;
	struct virtio_irq_note	notes[8];
	unsigned int		notes_lost;
	struct virtio_irq_news	news[VIRTIO_IRQ_MAX_EVENTS];
	unsigned int		first_news;
	unsigned int		num_news;
	unsigned long		events_looked;
	bool			events_filled;
	bool			events_returned;
	struct virtio_irq_fault	faults[VIRTIO_IRQ_NUM_FAULTS];
	u64			num_faults;
	struct virtio_irq_stats	stats;
};

/* Did the host say no? Otherwise it may have done what it was asked for */
static inline bool virtio_irq_is_refusal(int err)
{
	return err && err != -EIO && err != -ETIMEDOUT && err != -ERESTART && err != -EREMCHG;
}

/* Does the device see each request before the next message? Then it need not be notified */
static inline bool virtio_irq_is_lazy(const struct virtio_irq *vi)
{
	return vi->features & BIT(VIRTIO_IRQ_F_LAZY) && !vi->strict;
}

/* virtio_irq_fact.c: what is true of a vector */

/* Request @stamp about it has taken its place in the queue. @on: it is to take it */
static inline void __virtio_irq_fact_sent(struct virtio_irq_fact *f, u64 stamp, bool on)
{
	f->stamp = stamp;
	f->busy++;
	if (!on) {
		f->has = false;
		f->unsure = true;
	}
}

bool __virtio_irq_fact_answered(struct virtio_irq_fact *f, u64 stamp, bool on, int err);
bool __virtio_irq_fact_may(const struct virtio_irq_fact *f);
bool __virtio_irq_fact_is_sure(const struct virtio_irq_fact *f);
void __virtio_irq_fact_forget(struct virtio_irq_fact *f);
void __virtio_irq_fact_void(struct virtio_irq_fact *f);

/* virtio_irq_ring.c: the life of the virtqueue */
int virtio_irq_queue_init(struct virtio_irq *vi);
void virtio_irq_queue_exit(struct virtio_irq *vi);
void virtio_irq_queue_stop(struct virtio_irq *vi);
void virtio_irq_queue_go(struct virtio_irq *vi);
void virtio_irq_queue_drop(struct virtio_irq *vi);
int virtio_irq_queue_find(struct virtio_irq *vi);

/* virtio_irq_state.c: the state, what the worker is told, the log */
void __virtio_irq_set_state(struct virtio_irq *vi, enum virtio_irq_state state);
bool virtio_irq_settled(struct virtio_irq *vi);
void __virtio_irq_mark(struct virtio_irq *vi);
void __virtio_irq_recover_now(struct virtio_irq *vi);
void __virtio_irq_note(struct virtio_irq *vi, const struct virtio_irq_note *note, bool wake);
void __virtio_irq_break(struct virtio_irq *vi, u8 type, u32 endpoint, u32 index, int err);
struct virtio_irq_note virtio_irq_note_of(const struct virtio_irq_vector *vec, u8 type, int err);
void virtio_irq_print_refusal(struct virtio_irq *vi, const struct virtio_irq_note *note);
void virtio_irq_print_revoked(struct virtio_irq *vi, const struct virtio_irq_note *note);
void virtio_irq_print_failure(struct virtio_irq *vi, const struct virtio_irq_note *note);
void virtio_irq_print_notes(struct virtio_irq *vi);

/* virtio_irq_queue.c: slots, submission, answers */
extern unsigned int virtio_irq_sleep_timeout_ms;
extern unsigned int virtio_irq_poll_timeout_ms;
int __virtio_irq_start(struct virtio_irq *vi, struct virtio_irq_call *call,
		       struct virtio_irq_slot **slotp, bool *notify);
int __virtio_irq_take_answer(struct virtio_irq *vi, struct virtio_irq_call *call,
			     struct virtio_irq_slot *slot);
void __virtio_irq_give_slot_up(struct virtio_irq *vi, struct virtio_irq_slot *slot);
void __virtio_irq_give_replay_up(struct virtio_irq *vi);
void __virtio_irq_break_call(struct virtio_irq *vi, const struct virtio_irq_call *call, int err);
void __virtio_irq_reap(struct virtio_irq *vi);
int __virtio_irq_post(struct virtio_irq *vi, struct virtio_irq_call *call);
void __virtio_irq_abandon(struct virtio_irq *vi);
void __virtio_irq_drop(struct virtio_irq *vi, struct virtio_irq_slot *slot);
bool __virtio_irq_kick_prepare(struct virtio_irq *vi);
bool __virtio_irq_notify_lazy(struct virtio_irq *vi, bool now);
bool __virtio_irq_notify_half(struct virtio_irq *vi);
void virtio_irq_notify_device(struct virtio_irq *vi);
void virtio_irq_disown(struct virtio_irq *vi, const void *owner);
void virtio_irq_flush_timer(struct timer_list *t);

/* @needed: what __virtio_irq_notify_lazy() has returned, when the lock was held */
static inline void virtio_irq_notify(struct virtio_irq *vi, bool needed)
{
	if (needed)
		virtio_irq_notify_device(vi);
}

/* virtio_irq_wait.c: the ways of waiting for an answer */
int virtio_irq_call_atomic(struct virtio_irq *vi, struct virtio_irq_call *call,
			   unsigned long flags) __releases(&vi->lock);
int virtio_irq_call_sleep(struct virtio_irq *vi, struct virtio_irq_call *call,
			  unsigned int timeout_ms);
int virtio_irq_await(struct virtio_irq *vi, unsigned int left, unsigned int timeout_ms);
unsigned int virtio_irq_recovery_wait(struct virtio_irq *vi);

/* virtio_irq_request.c: requests and statuses */
const char *virtio_irq_type_name(u8 type);
int virtio_irq_status_errno(u8 status);
void virtio_irq_build_attach(struct virtio_irq_call *call, u32 endpoint, void *reply, u16 ok_len);
void virtio_irq_build_detach(struct virtio_irq_call *call, u32 endpoint);
void virtio_irq_build_alloc(struct virtio_irq_call *call,
			    const struct virtio_irq_store *store, u32 first, u32 count,
			    u16 flags, u8 addr_width);
void virtio_irq_build_free(struct virtio_irq_call *call, const struct virtio_irq_store *store,
			   u32 first, u32 count);
void virtio_irq_build_commit(struct virtio_irq_call *call, const struct virtio_irq_vector *vec);
void virtio_irq_build_release(struct virtio_irq_call *call, const struct virtio_irq_vector *vec);
void virtio_irq_build_activate(struct virtio_irq_call *call, const struct virtio_irq_vector *vec,
			       const struct virtio_irq_msg *route, u32 pasid);
void virtio_irq_build_deactivate(struct virtio_irq_call *call,
				 const struct virtio_irq_vector *vec);

/* virtio_irq_config.c: the configuration */
int virtio_irq_read_config(struct virtio_irq *vi);

/* virtio_irq_endpoint.c */
bool virtio_irq_guest_is_encrypted(void);
int virtio_irq_reattach(struct virtio_irq_endpoint *ep);
int virtio_irq_reread(struct virtio_irq_endpoint *ep);
int virtio_irq_call_detach(struct virtio_irq *vi, u32 id, bool recovery);
void virtio_irq_endpoint_free(struct virtio_irq_endpoint *ep);

/* May the worker touch the device? Under vi->lock; a look without is as good as its moment */
static inline bool virtio_irq_may_recover(const struct virtio_irq *vi)
{
	enum virtio_irq_state state = READ_ONCE(vi->state);

	return state != VIRTIO_IRQ_FROZEN && state != VIRTIO_IRQ_GONE &&
	       !READ_ONCE(vi->last_orders);
}

/* virtio_irq_grant.c: the requests for reservations and commitments */
void virtio_irq_prepare_alloc(struct virtio_irq_call *call, struct virtio_irq_store *store,
			      u32 first, u32 count, u16 flags, u8 addr_width);
void virtio_irq_prepare_commit(struct virtio_irq_call *call, struct virtio_irq_vector *vec);
int __virtio_irq_post_free(struct virtio_irq_vector *vec, bool recovery);
int __virtio_irq_post_alloc(struct virtio_irq_vector *vec);
int __virtio_irq_post_commit(struct virtio_irq_vector *vec);
int __virtio_irq_post_release(struct virtio_irq_vector *vec, bool recovery);

/* virtio_irq_alloc.c: reservations and commitments, on the records */
void __virtio_irq_flush_frees(struct virtio_irq *vi);

/* virtio_irq_vector.c: routes, on the records */
int __virtio_irq_post_activate(struct virtio_irq_vector *vec, bool recovery);
int __virtio_irq_post_deactivate(struct virtio_irq_vector *vec, bool recovery);
int __virtio_irq_cause(const struct virtio_irq_vector *vec, int err);
void __virtio_irq_failed(struct virtio_irq_vector *vec, const struct virtio_irq_slot *slot,
			 int err);
void __virtio_irq_not_given_back(struct virtio_irq_vector *vec,
				 const struct virtio_irq_slot *slot, int err);
void __virtio_irq_check_debt(const struct virtio_irq_slot *slot, const struct virtio_irq_fact *f);
void __virtio_irq_make_stale(struct virtio_irq_vector *vec);
void __virtio_irq_uncommit(struct virtio_irq_vector *vec, bool whole);
bool __virtio_irq_revoke(struct virtio_irq_vector *vec, int err);

/* virtio_irq_recovery.c: the worker */
void virtio_irq_recover(struct work_struct *work);

/* virtio_irq_event.c: what the host has to say */
int virtio_irq_events_init(struct virtio_irq *vi);
void virtio_irq_events_exit(struct virtio_irq *vi);
void __virtio_irq_events_go(struct virtio_irq *vi);
void virtio_irq_events_drop(struct virtio_irq *vi);
void virtio_irq_event_callback(struct virtqueue *vq);
void virtio_irq_read_events(struct work_struct *work);
bool virtio_irq_act_on_events(struct virtio_irq *vi);
bool __virtio_irq_look_for_stale(struct virtio_irq_vector *vec);
bool __virtio_irq_look_for_reread(const struct virtio_irq_endpoint *ep);
void virtio_irq_tell_owner(struct virtio_irq_endpoint *ep);
const char *virtio_irq_fault_reason(u8 reason);

/* virtio_irq_replay.c: what the host has to be told so that it holds what the records say */
int virtio_irq_reconcile(struct virtio_irq *vi);

/* virtio_irq_pm.c: suspend, hibernation, the end of the kernel */
extern const struct dev_pm_ops virtio_irq_pm_ops;
int virtio_irq_restore(struct virtio_device *vdev);
int virtio_irq_reboot(struct notifier_block *nb, unsigned long action, void *data);

/* virtio_irq_reset.c: reset of the device */
int virtio_irq_ask_reset(struct virtio_irq *vi);
const char *virtio_irq_reset_reason(struct virtio_irq *vi);
int virtio_irq_device_reset(struct virtio_irq *vi, const char *reason);
void virtio_irq_host_reset(struct virtio_irq *vi, bool delivered);
int virtio_irq_setup(struct virtio_irq *vi);
bool virtio_irq_off_the_bus(struct virtio_irq *vi);
void virtio_irq_watch(struct work_struct *work);

/* virtio_irq_debugfs.c */
void virtio_irq_debugfs_add(struct virtio_irq *vi);
void virtio_irq_debugfs_remove(struct virtio_irq *vi);
#if IS_ENABLED(CONFIG_KUNIT)
int virtio_irq_stats_show(struct seq_file *m, void *unused);
int virtio_irq_latency_show(struct seq_file *m, void *unused);
int virtio_irq_endpoints_show(struct seq_file *m, void *unused);
int virtio_irq_faults_show(struct seq_file *m, void *unused);
#endif

#endif /* _VIRTIO_IRQ_INTERNAL_H */
