// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: what the host has to say
 *
 * Events are hints. STALE and REVOKED put the vectors that they name in question: they
 * become dirty, as after a reset of the device, and the reconciliation of
 * virtio_irq_replay.c sends ACTIVATE for each and acts on that answer. So it does not
 * matter if an event comes late, twice, or for a vector that is a new one by then.
 *
 * Whoever holds the lock may copy events out of eventq, in any context, and then they
 * wait for the worker. A vector is in question from that copy on: an ACTIVATE whose answer
 * is another pair is the reason to look.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/dma-mapping.h>
#include <linux/kobject.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <trace/events/virtio_irq.h>

#include "virtio_irq_internal.h"

/*
 * The buffers
 */

/**
 * virtio_irq_events_init - allocate the buffers of eventq
 * @vi: the controller, its queues found
 *
 * Context: process context, sleeps.
 * Return: 0 or -ENOMEM.
 */
int virtio_irq_events_init(struct virtio_irq *vi)
{
	unsigned int i;

	if (!vi->evq)
		return 0;
	vi->events_looked = jiffies - msecs_to_jiffies(VIRTIO_IRQ_EVENT_PAUSE_MS);
	vi->num_event_bufs = min(virtqueue_get_vring_size(vi->evq), VIRTIO_IRQ_MAX_EVENTS);
	vi->events_size = vi->num_event_bufs * sizeof(*vi->event_bufs->event);
	vi->event_bufs = kcalloc(vi->num_event_bufs, sizeof(*vi->event_bufs), GFP_KERNEL);
	if (!vi->event_bufs)
		return -ENOMEM;
	if (vi->dma_dev)
		vi->events_shared = dma_alloc_coherent(vi->dma_dev, vi->events_size,
						       &vi->events_dma, GFP_KERNEL);
	else
		vi->events_shared = kzalloc(vi->events_size, GFP_KERNEL);
	if (!vi->events_shared) {
		kfree(vi->event_bufs);
		return -ENOMEM;
	}

	for (i = 0; i < vi->num_event_bufs; i++) {
		struct virtio_irq_event_buf *buf = &vi->event_bufs[i];

		buf->event = (struct virtio_irq_event *)vi->events_shared + i;
		sg_init_table(&buf->in, 1);
		if (vi->dma_dev) {
			/* As in virtio_irq_queue_init() */
			sg_dma_address(&buf->in) = vi->events_dma + i * sizeof(*buf->event);
			buf->in.length = sizeof(*buf->event);
		} else {
			sg_set_buf(&buf->in, buf->event, sizeof(*buf->event));
		}
	}
	return 0;
}

/**
 * virtio_irq_events_exit - free what virtio_irq_events_init() made
 * @vi: the controller; the device has been reset, so it owns no buffer any more
 *
 * Context: process context, sleeps.
 */
void virtio_irq_events_exit(struct virtio_irq *vi)
{
	if (!vi->event_bufs)
		return;
	if (vi->dma_dev)
		dma_free_coherent(vi->dma_dev, vi->events_size, vi->events_shared, vi->events_dma);
	else
		kfree(vi->events_shared);
	kfree(vi->event_bufs);
}

/* The device may write to it (again). There is room: a buffer is one descriptor */
static void __virtio_irq_return_event(struct virtio_irq *vi, struct virtio_irq_event_buf *buf)
{
	if (!virtqueue_add_inbuf(vi->evq, &buf->in, 1, buf, GFP_ATOMIC))
		vi->events_returned = true;
}

/**
 * __virtio_irq_events_go - the virtqueues work: let the device have the buffers
 * @vi: the controller, after DRIVER_OK
 *
 * Context: any, vi->lock held; virtio_irq_act_on_events() tells the device.
 */
void __virtio_irq_events_go(struct virtio_irq *vi)
{
	unsigned int i;

	lockdep_assert_held(&vi->lock);

	/* After a sleep without a reset it has them */
	for (i = 0; !vi->events_filled && i < vi->num_event_bufs; i++)
		__virtio_irq_return_event(vi, &vi->event_bufs[i]);
	vi->events_filled = true;
}

/**
 * virtio_irq_events_drop - the device has been reset: it has said nothing
 * @vi: the controller, after virtio_irq_queue_stop()
 *
 * Context: process context.
 */
void virtio_irq_events_drop(struct virtio_irq *vi)
{
	if (!vi->evq)
		return;
	while (virtqueue_detach_unused_buf(vi->evq))
		;
	raw_spin_lock_irq(&vi->lock);
	vi->events_filled = false;
	vi->events_returned = false;
	vi->num_news = 0;
	raw_spin_unlock_irq(&vi->lock);
}

static void virtio_irq_notify_returned(struct virtio_irq *vi)
{
	bool notify;

	raw_spin_lock_irq(&vi->lock);
	notify = vi->events_returned && !vi->resetting && virtqueue_kick_prepare(vi->evq);
	vi->events_returned = false;
	raw_spin_unlock_irq(&vi->lock);
	if (!notify)
		return;
	/* As in virtio_irq_notify() */
	rcu_read_lock();
	if (!READ_ONCE(vi->resetting))
		virtqueue_notify(vi->evq);
	rcu_read_unlock();
}

/*
 * Events that wait for the worker
 */

static struct virtio_irq_news *virtio_irq_news_at(struct virtio_irq *vi, unsigned int i)
{
	return &vi->news[(vi->first_news + i) % VIRTIO_IRQ_MAX_EVENTS];
}

/* Is it said by one that waits? The worker may have acted upon the first one already */
static bool __virtio_irq_is_known(struct virtio_irq *vi, const struct virtio_irq_news *news)
{
	unsigned int i;

	for (i = 1; i < vi->num_news; i++)
		if (!memcmp(virtio_irq_news_at(vi, i), news, sizeof(*news)))
			return true;
	return false;
}

static void __virtio_irq_receive(struct virtio_irq *vi, const struct virtio_irq_event *event,
				 unsigned int len)
{
	struct virtio_irq_news news = {
		.address	= le64_to_cpu(event->address),
		.data		= le32_to_cpu(event->data),
		.flags		= le32_to_cpu(event->flags),
		.endpoint	= le32_to_cpu(event->endpoint),
		.first		= le32_to_cpu(event->first),
		.count		= le32_to_cpu(event->count),
		.store		= le16_to_cpu(event->store),
		.type		= event->type,
		.reason		= event->reason,
	};

	trace_virtio_irq_event(len, &news);
	if (len != sizeof(*event) || !news.type || news.type >= VIRTIO_IRQ_NUM_EVENT_TYPES) {
		vi->stats.events[0]++;
		return;
	}
	vi->stats.events[news.type]++;

	if (news.type == VIRTIO_IRQ_EVENT_T_FAULT) {
		if (vi->num_news >= VIRTIO_IRQ_MAX_FAULT_EVENTS) {
			vi->stats.faults_dropped++;
			return;
		}
	} else if (vi->num_news == VIRTIO_IRQ_MAX_EVENTS || __virtio_irq_is_known(vi, &news)) {
		/* If there is no room the last one names every vector */
		vi->stats.events_merged++;
		return;
	} else if (vi->num_news == VIRTIO_IRQ_MAX_EVENTS - 1) {
		/* Of a host that says so much all may be in question */
		vi->stats.events_merged++;
		news = (struct virtio_irq_news) {
			.type	= VIRTIO_IRQ_EVENT_T_STALE,
			.flags	= VIRTIO_IRQ_EVENT_F_ALL | VIRTIO_IRQ_EVENT_F_REREAD,
		};
	}
	*virtio_irq_news_at(vi, vi->num_news++) = news;
}

/* What is in the ring; no more than fits into it, however fast the device is */
static bool __virtio_irq_take_events(struct virtio_irq *vi)
{
	unsigned int left = vi->num_event_bufs, len;
	struct virtio_irq_event_buf *buf;
	struct virtio_irq_event copy;
	bool any = false;

	lockdep_assert_held(&vi->lock);

	if (!vi->evq || vi->resetting)
		return false;
	while (left-- && (buf = virtqueue_get_buf(vi->evq, &len))) {
		/* One copy, then only the copy is looked at */
		memcpy(&copy, buf->event, sizeof(copy));
		__virtio_irq_return_event(vi, buf);
		__virtio_irq_receive(vi, &copy, len);
		any = true;
	}
	return any;
}

/* The worker pauses between two looks, whatever the device does */
static bool __virtio_irq_may_look(struct virtio_irq *vi)
{
	return !time_before(jiffies, vi->events_looked +
				     msecs_to_jiffies(VIRTIO_IRQ_EVENT_PAUSE_MS));
}

static void __virtio_irq_look_later(struct virtio_irq *vi)
{
	lockdep_assert_held(&vi->lock);

	if (virtio_irq_may_recover(vi))
		queue_delayed_work(vi->wq, &vi->read_events, __virtio_irq_may_look(vi) ? 0 :
				   msecs_to_jiffies(VIRTIO_IRQ_EVENT_PAUSE_MS));
}

/**
 * virtio_irq_event_callback - there is something in eventq
 * @vq: eventq
 *
 * Context: any; usually a hard interrupt.
 */
void virtio_irq_event_callback(struct virtqueue *vq)
{
	struct virtio_irq *vi = vq->vdev->priv;
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	if (vi->evq == vq && !vi->resetting) {
		virtqueue_disable_cb(vq);
		__virtio_irq_look_later(vi);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

/* Is an event, not a FAULT, about an endpoint? */
static bool virtio_irq_is_about(const struct virtio_irq_news *news, u32 endpoint)
{
	return news->endpoint == endpoint ||
	       (news->flags & VIRTIO_IRQ_EVENT_F_ALL && !news->endpoint);
}

/* Which vectors of a store does it name? False: none */
static bool virtio_irq_named_range(const struct virtio_irq_news *news,
				   const struct virtio_irq_store *store, u32 *first, u32 *last)
{
	*first = 0;
	*last = U32_MAX;
	if (news->flags & VIRTIO_IRQ_EVENT_F_ALL)
		return true;
	if (news->store != store->id || !news->count)
		return false;
	/* The pairs of a block change together */
	if (READ_ONCE(store->block_count))
		return true;
	*first = news->first;
	*last = news->first + min(news->count - 1, U32_MAX - news->first);
	return true;
}

/**
 * __virtio_irq_look_for_stale - has the host said that a pair may change?
 * @vec: the record, whose ACTIVATE was answered with another pair than it has
 *
 * Context: any, vi->lock held.
 * Return: true if a STALE or REVOKED that names it has come; the record is stale then.
 */
bool __virtio_irq_look_for_stale(struct virtio_irq_vector *vec)
{
	struct virtio_irq_store *store = vec->store;
	struct virtio_irq *vi = store->ep->vi;
	u32 first, last;
	unsigned int i;

	if (vec->stale)
		return true;
	if (__virtio_irq_take_events(vi))
		__virtio_irq_look_later(vi);
	for (i = 0; i < vi->num_news; i++) {
		const struct virtio_irq_news *news = virtio_irq_news_at(vi, i);

		if (news->type != VIRTIO_IRQ_EVENT_T_FAULT &&
		    virtio_irq_is_about(news, store->ep->id) &&
		    virtio_irq_named_range(news, store, &first, &last) &&
		    vec->index >= first && vec->index <= last) {
			__virtio_irq_make_stale(vec);
			return true;
		}
	}
	return false;
}

/**
 * __virtio_irq_look_for_reread - has the host said that an endpoint has other properties?
 * @ep: the endpoint, of which a pair is not what its properties allow
 *
 * Context: any, vi->lock held.
 * Return: true if ATTACH is going to be asked.
 */
bool __virtio_irq_look_for_reread(const struct virtio_irq_endpoint *ep)
{
	struct virtio_irq *vi = ep->vi;
	unsigned int i;

	if (READ_ONCE(ep->reread))
		return true;
	if (__virtio_irq_take_events(vi))
		__virtio_irq_look_later(vi);
	for (i = 0; i < vi->num_news; i++) {
		const struct virtio_irq_news *news = virtio_irq_news_at(vi, i);

		if (news->type != VIRTIO_IRQ_EVENT_T_FAULT &&
		    news->flags & VIRTIO_IRQ_EVENT_F_REREAD && virtio_irq_is_about(news, ep->id))
			return true;
	}
	return false;
}

/*
 * The worker
 */

/* Its ACTIVATE has to be sent, by whoever comes first */
static void __virtio_irq_question(struct virtio_irq_vector *vec, const struct virtio_irq_news *news)
{
	bool revoked = news->type == VIRTIO_IRQ_EVENT_T_REVOKED;

	if (!vec->res.want)
		return;
	/* Nobody may be about to arm it, and what ALLOC has committed is so no more */
	if (vec->revoked || (!vec->arm.want && vec->com_alloc &&
			     (revoked || vec->store->block_count)))
		__virtio_irq_uncommit(vec, true);
	if (!vec->arm.want)
		return;
	__virtio_irq_make_stale(vec);
	vec->dirty = true;
	if (revoked || !(news->flags & VIRTIO_IRQ_EVENT_F_STILL_VALID))
		vec->lossy = true;
}

static void virtio_irq_question_endpoint(struct virtio_irq_endpoint *ep,
					 const struct virtio_irq_news *news)
{
	struct virtio_irq *vi = ep->vi;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;
	u32 first, last;

	if (news->flags & VIRTIO_IRQ_EVENT_F_REREAD)
		WRITE_ONCE(ep->reread, true);
	list_for_each_entry(store, &ep->stores, ep_node) {
		if (!virtio_irq_named_range(news, store, &first, &last))
			continue;
		xa_for_each_range(&store->vectors, index, vec, first, last) {
			raw_spin_lock_irq(&vi->lock);
			__virtio_irq_question(vec, news);
			raw_spin_unlock_irq(&vi->lock);
			cond_resched();
		}
	}
}

static const char * const virtio_irq_fault_reasons[] = {
	[VIRTIO_IRQ_FAULT_R_UNKNOWN]	= "no pair of this device",
	[VIRTIO_IRQ_FAULT_R_FREED]	= "a pair that is not armed",
	[VIRTIO_IRQ_FAULT_R_PASID]	= "another PASID",
	[VIRTIO_IRQ_FAULT_R_SIZE]	= "not one aligned write of 4 bytes",
};

/**
 * virtio_irq_fault_reason - why the host has blocked a message, for people
 * @reason: VIRTIO_IRQ_FAULT_R_*
 *
 * Context: any.
 * Return: words.
 */
const char *virtio_irq_fault_reason(u8 reason)
{
	return reason < ARRAY_SIZE(virtio_irq_fault_reasons) ? virtio_irq_fault_reasons[reason] :
							       "a reason that is not known";
}

static void virtio_irq_fault(struct virtio_irq *vi, const struct virtio_irq_news *news)
{
	u32 endpoint = news->endpoint;
	char pasid[32] = "";

	raw_spin_lock_irq(&vi->lock);
	vi->stats.blocked += news->count;
	vi->stats.overflows += !!(news->flags & VIRTIO_IRQ_EVENT_F_OVERFLOW);
	vi->faults[vi->num_faults++ % VIRTIO_IRQ_NUM_FAULTS] = (struct virtio_irq_fault) {
		.news	= *news,
		.at	= ktime_get_mono_fast_ns(),
	};
	raw_spin_unlock_irq(&vi->lock);

	if (!__ratelimit(&vi->event_limit))
		return;
	if (news->flags & VIRTIO_IRQ_EVENT_F_PASID_VALID)
		snprintf(pasid, sizeof(pasid), " with PASID %x",
			 news->flags & VIRTIO_IRQ_PASID_MASK);
	dev_warn(&vi->vdev->dev,
		 "%04x:%02x:%02x.%u: the host has blocked %u messages, this one among them: address %llx data %x%s: %s\n",
		 endpoint >> 16, endpoint >> 8 & 0xff, endpoint >> 3 & 0x1f, endpoint & 7,
		 news->count, news->address, news->data, pasid,
		 virtio_irq_fault_reason(news->reason));
}

/* Returns true if there is something for reconciliation */
static bool virtio_irq_act_on(struct virtio_irq *vi, const struct virtio_irq_news *news)
{
	bool fault = news->type == VIRTIO_IRQ_EVENT_T_FAULT, found = false;
	struct virtio_irq_endpoint *ep;

	list_for_each_entry(ep, &vi->endpoints, node) {
		/* What is lost is asked for anew anyway */
		if (ep->detached || ep->lost)
			continue;
		if (fault ? news->endpoint != ep->id : !virtio_irq_is_about(news, ep->id))
			continue;
		found = true;
		if (fault)
			virtio_irq_fault(vi, news);
		else
			virtio_irq_question_endpoint(ep, news);
	}
	if (!found) {
		raw_spin_lock_irq(&vi->lock);
		vi->stats.events[0]++;
		raw_spin_unlock_irq(&vi->lock);
	}
	return found && !fault;
}

/**
 * virtio_irq_act_on_events - put in question what the host says is
 * @vi: the controller
 *
 * What follows from that is up to reconciliation. An event is counted among those that
 * wait until it has been acted upon, so that nobody misses it in between.
 *
 * Context: process context, sleeps.
 * Return: true if there is something for reconciliation.
 */
bool virtio_irq_act_on_events(struct virtio_irq *vi)
{
	unsigned int left = VIRTIO_IRQ_MAX_EVENTS;
	struct virtio_irq_news news;
	bool due = false, more;

	if (!(vi->features & BIT(VIRTIO_IRQ_F_EVENTQ)))
		return false;
	guard(mutex)(&vi->endpoints_lock);
	raw_spin_lock_irq(&vi->lock);
	if (__virtio_irq_may_look(vi)) {
		vi->events_looked = jiffies;
		__virtio_irq_take_events(vi);
	}
	while (vi->num_news && left--) {
		news = *virtio_irq_news_at(vi, 0);
		raw_spin_unlock_irq(&vi->lock);

		due |= virtio_irq_act_on(vi, &news);

		raw_spin_lock_irq(&vi->lock);
		vi->first_news = (vi->first_news + 1) % VIRTIO_IRQ_MAX_EVENTS;
		vi->num_news--;
	}
	raw_spin_unlock_irq(&vi->lock);

	virtio_irq_notify_returned(vi);

	raw_spin_lock_irq(&vi->lock);
	more = vi->num_news || (vi->evq && !vi->resetting && !virtqueue_enable_cb(vi->evq));
	if (more)
		__virtio_irq_look_later(vi);
	raw_spin_unlock_irq(&vi->lock);
	return due;
}

/**
 * virtio_irq_read_events - the work that the callback of eventq asks for
 * @work: vi->read_events
 *
 * Context: process context on vi->wq, sleeps.
 */
void virtio_irq_read_events(struct work_struct *work)
{
	struct virtio_irq *vi = container_of(to_delayed_work(work), struct virtio_irq,
					     read_events);

	bool due = virtio_irq_act_on_events(vi);

	raw_spin_lock_irq(&vi->lock);
	if (due)
		__virtio_irq_mark(vi);
	/* A used id that was never available: nothing comes out of it any more */
	if (vi->state == VIRTIO_IRQ_READY && !vi->resetting && virtqueue_is_broken(vi->evq)) {
		__virtio_irq_set_state(vi, VIRTIO_IRQ_BROKEN);
		__virtio_irq_recover_now(vi);
	}
	raw_spin_unlock_irq(&vi->lock);
}

/*
 * What has been revoked
 */

/* With the controller as its device, which is ours: others have rules for theirs */
static void virtio_irq_send_uevent(struct virtio_irq_endpoint *ep, unsigned int vectors)
{
	char event[] = "VIRTIO_IRQ_EVENT=REVOKED", device[48], count[32];
	char *envp[4] = { event, device, count };

	snprintf(device, sizeof(device), "VIRTIO_IRQ_DEVICE=%04x:%02x:%02x.%u", ep->id >> 16,
		 ep->id >> 8 & 0xff, ep->id >> 3 & 0x1f, ep->id & 7);
	snprintf(count, sizeof(count), "VIRTIO_IRQ_VECTORS=%u", vectors);
	kobject_uevent_env(&virtio_irq_dev(ep->vi)->kobj, KOBJ_CHANGE, envp);
}

/* Returns true if it has been revoked, and nobody was told of it yet */
static bool virtio_irq_shut_vector(struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	struct virtio_irq_note note = virtio_irq_note_of(vec, VIRTIO_IRQ_T_ACTIVATE, 0);
	bool due;

	if (!READ_ONCE(vec->revoked))
		return false;
	raw_spin_lock_irq(&vi->lock);
	due = vec->revoked && !vec->stale && !vec->logged;
	vec->logged |= due;
	note.err = vec->revoked;
	raw_spin_unlock_irq(&vi->lock);
	if (!due)
		return false;
	trace_virtio_irq_revoked(note.endpoint, note.store, note.index, note.virq, note.err);
	vi->domain->shut(vi->doms, vec);
	if (__ratelimit(&vi->event_limit))
		virtio_irq_print_revoked(vi, &note);
	return true;
}

/**
 * virtio_irq_tell_owner - shut what has been revoked of an endpoint, and say so
 * @ep: the endpoint
 *
 * Context: process context, sleeps; recovery only.
 */
void virtio_irq_tell_owner(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned int vectors = 0;
	unsigned long index;

	list_for_each_entry(store, &ep->stores, ep_node)
		xa_for_each(&store->vectors, index, vec)
			vectors += virtio_irq_shut_vector(vec);
	if (vectors)
		virtio_irq_send_uevent(ep, vectors);
}
