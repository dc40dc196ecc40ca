// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: what an administrator can see
 *
 * /sys/kernel/debug/virtio-irq/<device>/
 *	stats		state and counters
 *	latency		how long answers took, by request type
 *	endpoints	attached endpoints and their vectors
 *	faults		the last messages that the host has blocked
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/visibility.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "virtio_irq_internal.h"

/* One directory for all controllers; the last one to go removes it */
static DEFINE_MUTEX(virtio_irq_debugfs_lock);
static struct dentry *virtio_irq_debugfs_root;
static unsigned int virtio_irq_debugfs_users;

static const char * const virtio_irq_status_names[VIRTIO_IRQ_NUM_STATUSES] = {
	[VIRTIO_IRQ_S_OK]		= "OK",
	[VIRTIO_IRQ_S_UNSUPP]		= "UNSUPP",
	[VIRTIO_IRQ_S_INVAL]		= "INVAL",
	[VIRTIO_IRQ_S_RANGE]		= "RANGE",
	[VIRTIO_IRQ_S_NOENT]		= "NOENT",
	[VIRTIO_IRQ_S_PERM]		= "PERM",
	[VIRTIO_IRQ_S_BUSY]		= "BUSY",
	[VIRTIO_IRQ_S_NOMEM]		= "NOMEM",
	[VIRTIO_IRQ_S_NOSPC]		= "NOSPC",
	[VIRTIO_IRQ_S_QUOTA]		= "QUOTA",
	[VIRTIO_IRQ_S_DEVERR]		= "DEVERR",
};

static const char * const virtio_irq_state_names[] = {
	[VIRTIO_IRQ_READY]		= "ready",
	[VIRTIO_IRQ_BROKEN]		= "broken",
	[VIRTIO_IRQ_RECOVERING]		= "recovering",
	[VIRTIO_IRQ_FROZEN]		= "frozen",
	[VIRTIO_IRQ_ABSENT]		= "absent",
	[VIRTIO_IRQ_GONE]		= "gone",
};

/* What is not as it should be, of all vectors */
struct virtio_irq_ailing {
	unsigned int stale;
	unsigned int revoked;
	unsigned int retried;
	u64 stale_since;
	u64 revoked_since;
};

/* In ms, at @now */
static u64 virtio_irq_ago(u64 now, u64 then)
{
	return now > then ? div_u64(now - then, NSEC_PER_MSEC) : 0;
}

static void virtio_irq_count_vector(struct virtio_irq_vector *vec, struct virtio_irq_ailing *all)
{
	struct virtio_irq *vi = vec->store->ep->vi;

	raw_spin_lock_irq(&vi->lock);
	if (vec->stale) {
		all->stale_since = all->stale++ ? min(all->stale_since, vec->since) : vec->since;
	} else if (vec->revoked) {
		all->revoked_since = all->revoked++ ? min(all->revoked_since, vec->since) :
						      vec->since;
	} else if ((vec->res.want && !vec->res.has) || (vec->com.want && !vec->com.has) ||
		   (vec->arm.want && (vec->dirty || !vec->arm.has))) {
		all->retried++;
	}
	raw_spin_unlock_irq(&vi->lock);
}

static struct virtio_irq_ailing virtio_irq_count_ailing(struct virtio_irq *vi)
{
	struct virtio_irq_ailing all = { };
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;

	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry(ep, &vi->endpoints, node)
		list_for_each_entry(store, &ep->stores, ep_node)
			xa_for_each(&store->vectors, index, vec)
				virtio_irq_count_vector(vec, &all);
	return all;
}

static void virtio_irq_show_events(struct seq_file *m, const struct virtio_irq_stats *stats,
				   const struct virtio_irq_ailing *all)
{
	u64 now = ktime_get_mono_fast_ns();

	seq_printf(m, "event STALE: %llu\n", stats->events[VIRTIO_IRQ_EVENT_T_STALE]);
	seq_printf(m, "event REVOKED: %llu\n", stats->events[VIRTIO_IRQ_EVENT_T_REVOKED]);
	seq_printf(m, "event FAULT: %llu\n", stats->events[VIRTIO_IRQ_EVENT_T_FAULT]);
	seq_printf(m, "events ignored: %llu\n", stats->events[0]);
	seq_printf(m, "events merged: %llu\n", stats->events_merged);
	seq_printf(m, "pairs changed: %llu\n", stats->moved);
	seq_printf(m, "vectors revoked: %llu\n", stats->revoked);
	seq_printf(m, "messages blocked: %llu\n", stats->blocked);
	seq_printf(m, "faults dropped: %llu here, %llu times by the host\n",
		   stats->faults_dropped, stats->overflows);
	seq_printf(m, "stale now: %u", all->stale);
	if (all->stale)
		seq_printf(m, ", since %llu ms", virtio_irq_ago(now, all->stale_since));
	seq_printf(m, "\nrevoked now: %u", all->revoked);
	if (all->revoked)
		seq_printf(m, ", since %llu ms", virtio_irq_ago(now, all->revoked_since));
	seq_printf(m, "\nretried now: %u\n", all->retried);
}

VISIBLE_IF_KUNIT int virtio_irq_stats_show(struct seq_file *m, void *unused)
{
	struct virtio_irq_stats *stats __free(kfree) = kmalloc(sizeof(*stats), GFP_KERNEL);
	struct virtio_irq *vi = m->private;
	unsigned int i, busy = 0, abandoned;
	struct virtio_irq_ailing ailing;
	enum virtio_irq_state state;
	u64 broken_at;

	if (!stats)
		return -ENOMEM;

	ailing = virtio_irq_count_ailing(vi);
	raw_spin_lock_irq(&vi->lock);
	*stats = vi->stats;
	state = vi->state;
	broken_at = vi->broken_at;
	abandoned = vi->abandoned;
	for (i = 0; i < vi->num_slots; i++)
		busy += vi->slots[i].state != VIRTIO_IRQ_SLOT_IDLE;
	raw_spin_unlock_irq(&vi->lock);

	seq_printf(m, "state: %s", virtio_irq_state_names[state]);
	if (state != VIRTIO_IRQ_READY)
		seq_printf(m, ", since %llu ms",
			   virtio_irq_ago(ktime_get_mono_fast_ns(), broken_at));
	seq_putc(m, '\n');
	seq_printf(m, "slots: %u of %u busy, %u of them given up\n", busy, vi->num_slots,
		   abandoned);
	for (i = 1; i < VIRTIO_IRQ_NUM_TYPES; i++)
		seq_printf(m, "request %s: %llu\n", virtio_irq_type_name(i), stats->requests[i]);
	for (i = 0; i < VIRTIO_IRQ_NUM_STATUSES; i++)
		seq_printf(m, "status %s: %llu\n", virtio_irq_status_names[i], stats->statuses[i]);
	seq_printf(m, "malformed: %llu\n", stats->malformed);
	seq_printf(m, "notifications: %llu\n", stats->kicks);
	seq_printf(m, "timeouts: %llu\n", stats->timeouts);
	seq_printf(m, "late answers: %llu\n", stats->late);
	seq_printf(m, "recoveries: %llu\n", stats->recoveries);
	seq_printf(m, "device resets: %llu\n", stats->device_resets);
	seq_printf(m, "dropped by resets: %llu\n", stats->dropped);
	seq_printf(m, "replayed routes: %llu\n", stats->replays);
	virtio_irq_show_events(m, stats, &ailing);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(virtio_irq_stats);

VISIBLE_IF_KUNIT int virtio_irq_latency_show(struct seq_file *m, void *unused)
{
	struct virtio_irq *vi = m->private;
	unsigned int type, i;

	seq_puts(m, "type        worst_ns     answers within 1, 2, 4, 8 ... microseconds\n");
	for (type = 1; type < VIRTIO_IRQ_NUM_TYPES; type++) {
		u64 buckets[VIRTIO_IRQ_NUM_BUCKETS], worst;

		raw_spin_lock_irq(&vi->lock);
		memcpy(buckets, vi->stats.latency[type], sizeof(buckets));
		worst = vi->stats.worst[type];
		raw_spin_unlock_irq(&vi->lock);

		seq_printf(m, "%-10s %10llu ", virtio_irq_type_name(type), worst);
		for (i = 0; i < VIRTIO_IRQ_NUM_BUCKETS; i++)
			seq_printf(m, " %llu", buckets[i]);
		seq_putc(m, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(virtio_irq_latency);

/**
 * virtio_irq_show_vector - print a vector's record
 * @m: where to
 * @ind: indentation in spaces
 * @vec: the record
 *
 * Context: any in which @m may be written.
 */
void virtio_irq_show_vector(struct seq_file *m, int ind, struct virtio_irq_vector *vec)
{
	struct virtio_irq *vi = vec->store->ep->vi;
	u64 now = ktime_get_mono_fast_ns();
	struct virtio_irq_vector copy;
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	copy = *vec;
	raw_spin_unlock_irqrestore(&vi->lock, flags);

	seq_printf(m, "%*svector %u: irq %u%s%s%s%s%s route %llx/%x pair %llx/%x",
		   ind, "", copy.index, copy.virq,
		   !copy.res.want ? "" : copy.res.has ? " granted" : " lost",
		   copy.com.want || copy.com_alloc ? " committed" : "",
		   copy.arm.want ? " wanted" : "", copy.arm.has ? " armed" : "",
		   copy.dirty ? " dirty" : "", copy.route.address, copy.route.data,
		   copy.pair.address, copy.pair.data);
	if (copy.pasid != VIRTIO_IRQ_NO_PASID)
		seq_printf(m, " pasid %x", copy.pasid);
	if (copy.stale)
		seq_printf(m, " stale since %llu ms", virtio_irq_ago(now, copy.since));
	else if (copy.revoked)
		seq_printf(m, " revoked since %llu ms: %s", virtio_irq_ago(now, copy.since),
			   virtio_irq_reason(copy.revoked));
	seq_putc(m, '\n');
}

VISIBLE_IF_KUNIT int virtio_irq_endpoints_show(struct seq_file *m, void *unused)
{
	struct virtio_irq *vi = m->private;
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	unsigned long index;

	mutex_lock(&vi->endpoints_lock);
	list_for_each_entry(ep, &vi->endpoints, node) {
		seq_printf(m, "%04x:%02x:%02x.%u%s%s window %llx-%llx vectors %u\n",
			   ep->id >> 16, ep->id >> 8 & 0xff, ep->id >> 3 & 0x1f, ep->id & 7,
			   ep->isolated ? " isolated" : "",
			   ep->detached ? " detached" : ep->lost ? " lost" :
			   ep->reread ? " stale" : "",
			   ep->window_start, ep->window_end, READ_ONCE(ep->msi.in_use));
		list_for_each_entry(store, &ep->stores, ep_node) {
			if (store->id)
				seq_printf(m, " store %u vectors %u\n", store->id,
					   READ_ONCE(store->in_use));
			xa_for_each(&store->vectors, index, vec)
				virtio_irq_show_vector(m, 1, vec);
		}
	}
	mutex_unlock(&vi->endpoints_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(virtio_irq_endpoints);

VISIBLE_IF_KUNIT int virtio_irq_faults_show(struct seq_file *m, void *unused)
{
	struct virtio_irq_fault *faults __free(kfree) =
		kmalloc_array(VIRTIO_IRQ_NUM_FAULTS, sizeof(*faults), GFP_KERNEL);
	u64 now = ktime_get_mono_fast_ns(), num, i;
	struct virtio_irq *vi = m->private;

	if (!faults)
		return -ENOMEM;
	raw_spin_lock_irq(&vi->lock);
	memcpy(faults, vi->faults, sizeof(vi->faults));
	num = vi->num_faults;
	raw_spin_unlock_irq(&vi->lock);

	for (i = num - min_t(u64, num, VIRTIO_IRQ_NUM_FAULTS); i < num; i++) {
		const struct virtio_irq_fault *fault = &faults[i % VIRTIO_IRQ_NUM_FAULTS];
		const struct virtio_irq_news *news = &fault->news;

		seq_printf(m, "%llu ms ago: %04x:%02x:%02x.%u messages %u, one of them %llx/%x",
			   virtio_irq_ago(now, fault->at), news->endpoint >> 16,
			   news->endpoint >> 8 & 0xff, news->endpoint >> 3 & 0x1f,
			   news->endpoint & 7, news->count, news->address, news->data);
		if (news->flags & VIRTIO_IRQ_EVENT_F_PASID_VALID)
			seq_printf(m, " pasid %x", news->flags & VIRTIO_IRQ_PASID_MASK);
		seq_printf(m, " store %u vector %u: %s", news->store, news->first,
			   virtio_irq_fault_reason(news->reason));
		if (news->flags & VIRTIO_IRQ_EVENT_F_OVERFLOW)
			seq_puts(m, ", others before it dropped");
		seq_putc(m, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(virtio_irq_faults);

void virtio_irq_debugfs_add(struct virtio_irq *vi)
{
	mutex_lock(&virtio_irq_debugfs_lock);
	if (!virtio_irq_debugfs_users++)
		virtio_irq_debugfs_root = debugfs_create_dir("virtio-irq", NULL);
	vi->debugfs = debugfs_create_dir(dev_name(&vi->vdev->dev), virtio_irq_debugfs_root);
	mutex_unlock(&virtio_irq_debugfs_lock);

	debugfs_create_file("stats", 0444, vi->debugfs, vi, &virtio_irq_stats_fops);
	debugfs_create_file("latency", 0444, vi->debugfs, vi, &virtio_irq_latency_fops);
	debugfs_create_file("endpoints", 0444, vi->debugfs, vi, &virtio_irq_endpoints_fops);
	debugfs_create_file("faults", 0444, vi->debugfs, vi, &virtio_irq_faults_fops);
}

void virtio_irq_debugfs_remove(struct virtio_irq *vi)
{
	debugfs_remove_recursive(vi->debugfs);
	mutex_lock(&virtio_irq_debugfs_lock);
	if (!--virtio_irq_debugfs_users)
		debugfs_remove_recursive(virtio_irq_debugfs_root);
	mutex_unlock(&virtio_irq_debugfs_lock);
}
