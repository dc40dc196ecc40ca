// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the virtio driver and the operations
 *
 * One record per vector says what the domain wants and what the host
 * acknowledged. Whatever goes wrong leaves a difference between the two, and
 * virtio_irq_recovery.c removes it.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/cc_platform.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sizes.h>
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "virtio_irq_internal.h"

static bool virtio_irq_strict;
module_param_named(strict, virtio_irq_strict, bool, 0444);
MODULE_PARM_DESC(strict, "Notify the device of every request at once, even if it offers LAZY");

unsigned int virtio_irq_poll_timeout_ms = 1000;
module_param_named(poll_timeout_ms, virtio_irq_poll_timeout_ms, uint, 0644);
MODULE_PARM_DESC(poll_timeout_ms, "Bound of a wait with interrupts off, in ms");

unsigned int virtio_irq_sleep_timeout_ms = 30000;
module_param_named(sleep_timeout_ms, virtio_irq_sleep_timeout_ms, uint, 0644);
MODULE_PARM_DESC(sleep_timeout_ms, "Bound of a wait that sleeps, in ms");

/* Where x86 and its devices agree that a write is an interrupt message */
#define VIRTIO_IRQ_X86_WINDOW_START	0xfee00000ULL
#define VIRTIO_IRQ_X86_WINDOW_END	0xfeefffffULL

/*
 * Typed builders, one per request; those that name vectors are in virtio_irq_vector.c
 */

static void virtio_irq_build_attach(struct virtio_irq_call *call, u32 endpoint,
				    void *reply, u16 ok_len)
{
	*call = (struct virtio_irq_call) {
		.req.attach.head.type		= VIRTIO_IRQ_T_ATTACH,
		.req.attach.head.endpoint	= cpu_to_le32(endpoint),
		.req_len			= sizeof(struct virtio_irq_req_attach),
		.ok_len				= ok_len,
		.reply				= reply,
	};
}

static void virtio_irq_build_detach(struct virtio_irq_call *call, u32 endpoint)
{
	*call = (struct virtio_irq_call) {
		.req.detach.head.type		= VIRTIO_IRQ_T_DETACH,
		.req.detach.head.endpoint	= cpu_to_le32(endpoint),
		.req_len			= sizeof(struct virtio_irq_req_detach),
		.ok_len				= sizeof(struct virtio_irq_rsp_head),
	};
}

/*
 * Endpoints
 */

/* Where an untrusted host may make a device write */
static int virtio_irq_check_window(struct virtio_irq *vi, u64 start, u64 end)
{
	if (start > end || !IS_ALIGNED(start, 4) || end > (u64)PHYS_ADDR_MAX)
		return -EINVAL;
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) &&
	    (start < VIRTIO_IRQ_X86_WINDOW_START || end > VIRTIO_IRQ_X86_WINDOW_END))
		return -EPERM;
	if (region_intersects(start, end - start + 1, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return -EPERM;
	return 0;
}

/* What ATTACH says of an endpoint */
struct virtio_irq_properties {
	u64			window_start;
	u64			window_end;
	u32			size;
	u8			multi_msi;
	u8			flags;
};

static int virtio_irq_parse_tlvs(struct virtio_irq *vi, const u8 *tlvs,
				 struct virtio_irq_properties *prop)
{
	u32 size = vi->tlv_size, pos = 0;
	bool window = false, store = false;

	while (size - pos >= sizeof(struct virtio_irq_tlv_head)) {
		const struct virtio_irq_tlv_head *head = (const void *)(tlvs + pos);
		u32 len = sizeof(*head) + le16_to_cpu(head->length);

		if (head->type == cpu_to_le16(VIRTIO_IRQ_TLV_T_NONE))
			break;
		if (len > size - pos)
			return -EIO;

		switch (le16_to_cpu(head->type)) {
		case VIRTIO_IRQ_TLV_T_WINDOW: {
			const struct virtio_irq_tlv_window *tlv = (const void *)head;

			if (len < sizeof(*tlv) || window)
				return -EIO;
			prop->window_start = le64_to_cpu(tlv->start);
			prop->window_end = le64_to_cpu(tlv->end);
			window = true;
			break;
		}
		case VIRTIO_IRQ_TLV_T_STORE: {
			const struct virtio_irq_tlv_store *tlv = (const void *)head;

			if (len < sizeof(*tlv))
				return -EIO;
			if (le16_to_cpu(tlv->store) != VIRTIO_IRQ_STORE_MSI)
				break;
			/* A function has 32 MSI vectors at most */
			if (store || tlv->multi_msi > 5)
				return -EIO;
			prop->size = le32_to_cpu(tlv->size);
			prop->multi_msi = tlv->multi_msi;
			prop->flags = tlv->flags;
			store = true;
			break;
		}
		}
		pos += ALIGN(len, 8);
		if (pos > size)
			return -EIO;
	}
	return window ? 0 : -EIO;
}

/* Check what ATTACH answered before anything of it is used */
static int virtio_irq_set_properties(struct virtio_irq_endpoint *ep,
				     const struct virtio_irq_rsp_attach *reply)
{
	struct virtio_irq *vi = ep->vi;
	struct virtio_irq_properties prop = { };
	int err;

	err = virtio_irq_parse_tlvs(vi, reply->tlvs, &prop);
	if (!err)
		err = virtio_irq_check_window(vi, prop.window_start, prop.window_end);
	if (err)
		return err;

	raw_spin_lock_irq(&vi->lock);
	ep->window_start = prop.window_start;
	ep->window_end = prop.window_end;
	ep->msi.size = prop.size;
	ep->msi.multi_msi = prop.multi_msi;
	ep->msi.flags = prop.flags;
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}

static void virtio_irq_store_init(struct virtio_irq_store *store,
				  struct virtio_irq_endpoint *ep, u16 id)
{
	store->ep = ep;
	store->id = id;
	/* Records start at 0: not granted */
	store->generation = 1;
	xa_init(&store->vectors);
	INIT_LIST_HEAD(&store->node);
}

void virtio_irq_endpoint_free(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq_vector *vec;
	unsigned long index;

	virtio_irq_forget(ep);
	xa_for_each(&ep->msi.vectors, index, vec)
		kfree(vec);
	xa_destroy(&ep->msi.vectors);
	kfree(ep);
}

static struct virtio_irq_endpoint *virtio_irq_find(struct virtio_irq *vi, u32 id)
{
	struct virtio_irq_endpoint *ep;

	guard(mutex)(&vi->endpoints_lock);
	list_for_each_entry(ep, &vi->endpoints, node)
		if (ep->id == id)
			return ep;
	return NULL;
}

int virtio_irq_call_attach(struct virtio_irq *vi, u32 id, struct virtio_irq_rsp_attach *reply,
			   bool recovery, unsigned int timeout_ms)
{
	struct virtio_irq_call call;

	virtio_irq_build_attach(&call, id, reply, sizeof(*reply) + vi->tlv_size);
	call.recovery = recovery;
	return virtio_irq_call_sleep(vi, &call, timeout_ms);
}

int virtio_irq_call_detach(struct virtio_irq *vi, u32 id, bool recovery)
{
	unsigned int timeout_ms = recovery ? virtio_irq_poll_timeout_ms :
					     virtio_irq_sleep_timeout_ms;
	struct virtio_irq_call call;

	virtio_irq_build_detach(&call, id);
	call.recovery = recovery;
	/* A host that has not answered others hardly answers this one: leave it to recovery */
	if (!recovery && READ_ONCE(vi->state) != VIRTIO_IRQ_READY)
		timeout_ms = min(timeout_ms, VIRTIO_IRQ_RECOVERY_WAIT_MS);
	return virtio_irq_call_sleep(vi, &call, timeout_ms);
}

/* From now on recovery looks after it */
static void virtio_irq_arrived(struct virtio_irq_endpoint *ep, bool detached)
{
	struct virtio_irq *vi = ep->vi;

	mutex_lock(&vi->endpoints_lock);
	ep->detached = detached;
	ep->in_transit = false;
	if (detached || ep->lost) {
		raw_spin_lock_irq(&vi->lock);
		__virtio_irq_mark(vi);
		raw_spin_unlock_irq(&vi->lock);
	}
	mutex_unlock(&vi->endpoints_lock);
}

/**
 * virtio_irq_attach - let the host handle the messages of an endpoint
 * @vi: the controller
 * @id: the endpoint's name in the protocol
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 * Return: the endpoint, all its vectors are free; or an ERR_PTR(): the host's
 * refusal as an errno, -EIO if its properties make no sense, -EPERM if its
 * window is not where messages may go, -ETIMEDOUT, -ENODEV, -ENOMEM.
 */
struct virtio_irq_endpoint *virtio_irq_attach(struct virtio_irq *vi, u32 id)
{
	struct virtio_irq_rsp_attach *reply __free(kfree) =
		kzalloc(sizeof(*reply) + vi->tlv_size, GFP_KERNEL);
	struct virtio_irq_endpoint *ep;
	int err;

	if (!reply)
		return ERR_PTR(-ENOMEM);
	/* One whose DETACH had no answer must not come back as it was: see recovery */
	if (virtio_irq_find(vi, id)) {
		wait_event_timeout(vi->wait, virtio_irq_settled(vi),
				   msecs_to_jiffies(virtio_irq_sleep_timeout_ms));
		if (virtio_irq_find(vi, id))
			return ERR_PTR(-EAGAIN);
	}

	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return ERR_PTR(-ENOMEM);
	ep->vi = vi;
	ep->id = id;
	virtio_irq_store_init(&ep->msi, ep, VIRTIO_IRQ_STORE_MSI);

	/* In the list before the host knows it: a reset of the device must find it */
	ep->in_transit = true;
	mutex_lock(&vi->endpoints_lock);
	list_add_tail(&ep->node, &vi->endpoints);
	mutex_unlock(&vi->endpoints_lock);

	err = virtio_irq_call_attach(vi, id, reply, false, virtio_irq_sleep_timeout_ms);
	if (err == -ETIMEDOUT || err == -EIO) {
		/* It may be attached all the same: recovery detaches it */
		virtio_irq_arrived(ep, true);
		return ERR_PTR(err);
	}
	if (err) {
		mutex_lock(&vi->endpoints_lock);
		list_del(&ep->node);
		mutex_unlock(&vi->endpoints_lock);
		virtio_irq_endpoint_free(ep);
		return ERR_PTR(err);
	}

	ep->isolated = virtio_irq_isolates(vi) &&
		       (reply->flags & cpu_to_le32(VIRTIO_IRQ_ATTACH_F_ISOLATED));
	err = virtio_irq_set_properties(ep, reply);
	if (err) {
		virtio_irq_detach(ep);
		return ERR_PTR(err);
	}
	virtio_irq_arrived(ep, false);
	return ep;
}

/**
 * virtio_irq_reattach - attach an endpoint again that a device reset detached
 * @ep: the endpoint
 *
 * Context: process context, sleeps for at most sleep_timeout_ms; recovery only.
 * Return: 0 or an errno as virtio_irq_attach(); then the host does not hold it.
 */
int virtio_irq_reattach(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq *vi = ep->vi;
	struct virtio_irq_rsp_attach *reply __free(kfree) =
		kzalloc(sizeof(*reply) + vi->tlv_size, GFP_KERNEL);
	int err;

	if (!reply)
		return -ENOMEM;
	err = virtio_irq_call_attach(vi, ep->id, reply, true, virtio_irq_sleep_timeout_ms);
	if (!err)
		err = virtio_irq_set_properties(ep, reply);
	if (err == -EIO || err == -EPERM || err == -EINVAL)
		virtio_irq_call_detach(vi, ep->id, true);
	return err;
}

/**
 * virtio_irq_detach - give an endpoint back
 * @ep: the endpoint, none of its vectors belongs to an interrupt; freed
 *
 * The only release that waits for the host: after it the endpoint's messages
 * take their native way again. Without an answer recovery repeats it.
 *
 * Context: process context, sleeps for at most sleep_timeout_ms.
 */
void virtio_irq_detach(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq *vi = ep->vi;
	int err;

	mutex_lock(&vi->endpoints_lock);
	ep->in_transit = true;
	mutex_unlock(&vi->endpoints_lock);

	err = virtio_irq_call_detach(vi, ep->id, false);
	if (err && err != -ENODEV) {
		virtio_irq_print_failure(vi, VIRTIO_IRQ_T_DETACH, ep->id, 0, err);
		virtio_irq_arrived(ep, true);
		return;
	}
	mutex_lock(&vi->endpoints_lock);
	list_del(&ep->node);
	virtio_irq_endpoint_free(ep);
	mutex_unlock(&vi->endpoints_lock);
}

/*
 * The controller
 */

struct device *virtio_irq_dev(struct virtio_irq *vi)
{
	return &vi->vdev->dev;
}

bool virtio_irq_isolates(struct virtio_irq *vi)
{
	return vi->features & BIT(VIRTIO_IRQ_F_ISOLATED);
}

/**
 * virtio_irq_in_scope - does the host say that it serves a PCI endpoint?
 * @vi: the controller
 * @id: segment << 16 | bus << 8 | devfn
 *
 * Context: any.
 * Return: 1 if it does, 0 if not, -ENOENT if the host does not say.
 */
int virtio_irq_in_scope(struct virtio_irq *vi, u32 id)
{
	unsigned long flags;
	bool found = false;
	unsigned int i;

	if (!(vi->features & BIT(VIRTIO_IRQ_F_SCOPE)))
		return -ENOENT;

	raw_spin_lock_irqsave(&vi->lock, flags);
	for (i = 0; i < vi->num_scopes; i++) {
		const struct virtio_irq_scope_pci *pci = &vi->scopes[i].pci;
		u32 first = le16_to_cpu(pci->segment) << 16 | le16_to_cpu(pci->bdf_start);

		/* An endpoint is named by where it is, so that is where a range starts */
		if (pci->type == VIRTIO_IRQ_SCOPE_T_PCI_RANGE &&
		    le32_to_cpu(pci->endpoint_start) == first &&
		    id >> 16 == le16_to_cpu(pci->segment) &&
		    (id & 0xffff) >= le16_to_cpu(pci->bdf_start) &&
		    (id & 0xffff) <= le16_to_cpu(pci->bdf_end))
			found = true;
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return found;
}

static u32 virtio_irq_generation(struct virtio_device *vdev)
{
	return vdev->config->generation ? vdev->config->generation(vdev) : 0;
}

static u16 virtio_irq_read_scopes(struct virtio_device *vdev, union virtio_irq_scope *scopes)
{
	u16 num, i;

	virtio_cread_le(vdev, struct virtio_irq_config, num_scopes, &num);
	for (i = 0; i < min(num, VIRTIO_IRQ_MAX_SCOPES); i++) {
		u16 segment, start, end;
		u32 endpoint;

		/* Platform devices are not served, what is left of theirs is no range */
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].type, &scopes[i].type);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.segment, &segment);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.bdf_start, &start);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.bdf_end, &end);
		virtio_cread_le(vdev, struct virtio_irq_config, scopes[i].pci.endpoint_start,
				&endpoint);
		scopes[i].pci.segment = cpu_to_le16(segment);
		scopes[i].pci.bdf_start = cpu_to_le16(start);
		scopes[i].pci.bdf_end = cpu_to_le16(end);
		scopes[i].pci.endpoint_start = cpu_to_le32(endpoint);
	}
	return num;
}

/**
 * virtio_irq_read_config - read the configuration, at probe and when it changed
 * @vi: the controller
 *
 * Context: process context, sleeps.
 * Return: 0, or -EINVAL if it makes no sense; then nothing of it is used.
 */
int virtio_irq_read_config(struct virtio_irq *vi)
{
	union virtio_irq_scope scopes[VIRTIO_IRQ_MAX_SCOPES] = { };
	struct virtio_device *vdev = vi->vdev;
	u32 max_count, tlv_size, generation;
	u16 num_scopes = 0;

	do {
		generation = virtio_irq_generation(vdev);
		virtio_cread_le(vdev, struct virtio_irq_config, max_count, &max_count);
		virtio_cread_le(vdev, struct virtio_irq_config, tlv_size, &tlv_size);
		if (vi->features & BIT(VIRTIO_IRQ_F_SCOPE))
			num_scopes = virtio_irq_read_scopes(vdev, scopes);
	} while (generation != virtio_irq_generation(vdev));

	if (!max_count) {
		dev_err(&vdev->dev, "config: max_count is 0\n");
		return -EINVAL;
	}
	if (tlv_size < sizeof(struct virtio_irq_tlv_window) ||
	    tlv_size > VIRTIO_IRQ_MAX_TLV_SIZE || !IS_ALIGNED(tlv_size, 8)) {
		dev_err(&vdev->dev, "config: tlv_size %u is not a multiple of 8 in %zu..%u\n",
			tlv_size, sizeof(struct virtio_irq_tlv_window),
			VIRTIO_IRQ_MAX_TLV_SIZE);
		return -EINVAL;
	}
	/* The slots have been made for it */
	if (vi->slots && tlv_size > vi->tlv_size) {
		dev_err(&vdev->dev, "config: tlv_size has grown from %u to %u\n",
			vi->tlv_size, tlv_size);
		return -EINVAL;
	}
	if (vi->features & BIT(VIRTIO_IRQ_F_SCOPE) &&
	    (!num_scopes || num_scopes > VIRTIO_IRQ_MAX_SCOPES)) {
		dev_err(&vdev->dev, "config: %u scopes, not 1..%u\n", num_scopes,
			VIRTIO_IRQ_MAX_SCOPES);
		return -EINVAL;
	}

	raw_spin_lock_irq(&vi->lock);
	vi->max_count = max_count;
	vi->tlv_size = tlv_size;
	vi->num_scopes = num_scopes;
	memcpy(vi->scopes, scopes, sizeof(vi->scopes));
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}

/* Also how a device says that it needs a reset. May be a hard interrupt */
static void virtio_irq_config_changed(struct virtio_device *vdev)
{
	struct virtio_irq *vi = vdev->priv;
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	vi->config_changed = true;
	__virtio_irq_mark(vi);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

static ssize_t reset_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct virtio_irq *vi = dev_to_virtio(dev)->priv;
	bool yes;
	int err;

	err = kstrtobool(buf, &yes);
	if (err || !yes)
		return err ?: -EINVAL;
	err = virtio_irq_ask_reset(vi);
	return err ?: count;
}
static DEVICE_ATTR_WO(reset);

static struct attribute *virtio_irq_attrs[] = {
	&dev_attr_reset.attr,
	NULL
};
ATTRIBUTE_GROUPS(virtio_irq);

/* virtqueue_add() must not allocate under a raw lock */
static int virtio_irq_validate(struct virtio_device *vdev)
{
	__virtio_clear_bit(vdev, VIRTIO_RING_F_INDIRECT_DESC);
	return 0;
}

static int virtio_irq_probe(struct virtio_device *vdev)
{
	struct virtio_irq *vi;
	int err;

	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
		dev_err(&vdev->dev, "the device is not a virtio 1 device\n");
		return -ENODEV;
	}

	vi = kzalloc(sizeof(*vi), GFP_KERNEL);
	if (!vi)
		return -ENOMEM;
	vdev->priv = vi;
	vi->vdev = vdev;
	vi->strict = virtio_irq_strict;
	raw_spin_lock_init(&vi->lock);
	mutex_init(&vi->endpoints_lock);
	INIT_LIST_HEAD(&vi->endpoints);
	INIT_LIST_HEAD(&vi->idle);
	INIT_LIST_HEAD(&vi->pending);
	INIT_DELAYED_WORK(&vi->recover, virtio_irq_recover);
	init_waitqueue_head(&vi->wait);
	timer_setup(&vi->timer, virtio_irq_flush_timer, 0);
	vi->backoff = VIRTIO_IRQ_BACKOFF_MIN_MS;
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_LAZY))
		vi->features |= BIT(VIRTIO_IRQ_F_LAZY);
	if (virtio_has_feature(vdev, VIRTIO_IRQ_F_SCOPE))
		vi->features |= BIT(VIRTIO_IRQ_F_SCOPE);

	err = virtio_irq_read_config(vi);
	if (err)
		goto free_vi;
	vi->wq = alloc_workqueue("virtio_irq", WQ_UNBOUND | WQ_MEM_RECLAIM, 1);
	if (!vi->wq) {
		err = -ENOMEM;
		goto free_vi;
	}
	err = virtio_irq_queue_init(vi);
	if (err)
		goto free_wq;

	virtio_device_ready(vdev);
	vi->doms = virtio_irq_domains_create(vi);
	if (IS_ERR(vi->doms)) {
		err = PTR_ERR(vi->doms);
		goto reset;
	}
	virtio_irq_debugfs_add(vi);
	dev_info(&vdev->dev, "%u slots,%s%s at most %u vectors per request\n", vi->num_slots,
		 vi->features & BIT(VIRTIO_IRQ_F_LAZY) && !vi->strict ? " lazy," : "",
		 vi->features & BIT(VIRTIO_IRQ_F_SCOPE) ? " scoped," : "", vi->max_count);
	virtio_irq_domains_start(vi->doms);
	return 0;

reset:
	virtio_reset_device(vdev);
	virtio_irq_queue_exit(vi);
free_wq:
	destroy_workqueue(vi->wq);
free_vi:
	kfree(vi);
	return err;
}

static void virtio_irq_remove(struct virtio_device *vdev)
{
	struct virtio_irq *vi = vdev->priv;
	struct virtio_irq_endpoint *ep, *next;
	unsigned long flags;

	/* Detaches every endpoint, so the queue still works */
	virtio_irq_domains_remove(vi->doms);

	raw_spin_lock_irqsave(&vi->lock, flags);
	vi->state = VIRTIO_IRQ_GONE;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	wake_up_all(&vi->wait);

	virtio_irq_debugfs_remove(vi);
	timer_shutdown_sync(&vi->timer);
	cancel_delayed_work_sync(&vi->recover);
	virtio_reset_device(vdev);

	/* Those whose DETACH had no answer; the reset has given them back */
	list_for_each_entry_safe(ep, next, &vi->endpoints, node)
		virtio_irq_endpoint_free(ep);
	destroy_workqueue(vi->wq);
	virtio_irq_queue_exit(vi);
	kfree(vi);
}

static const struct virtio_device_id virtio_irq_ids[] = {
	{ VIRTIO_ID_IRQ, VIRTIO_DEV_ANY_ID },
	{ }
};
MODULE_DEVICE_TABLE(virtio, virtio_irq_ids);

/* EVENTQ, ISOLATED and PASID are not negotiated: nothing here acts upon them */
static const unsigned int virtio_irq_features[] = {
	VIRTIO_IRQ_F_SCOPE,
	VIRTIO_IRQ_F_LAZY,
};

static struct virtio_driver virtio_irq_driver = {
	.driver.name		= KBUILD_MODNAME,
	.driver.owner		= THIS_MODULE,
	/* Unbinding takes every interrupt of the guest's disks away */
	.driver.suppress_bind_attrs = true,
	.driver.dev_groups	= virtio_irq_groups,
	.id_table		= virtio_irq_ids,
	.feature_table		= virtio_irq_features,
	.feature_table_size	= ARRAY_SIZE(virtio_irq_features),
	.validate		= virtio_irq_validate,
	.probe			= virtio_irq_probe,
	.remove			= virtio_irq_remove,
	.config_changed		= virtio_irq_config_changed,
};
module_virtio_driver(virtio_irq_driver);

MODULE_DESCRIPTION("Virtio interrupt controller");
MODULE_AUTHOR("The virtio-irq authors");
MODULE_LICENSE("GPL");
