// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: endpoints
 *
 * ATTACH and DETACH, and what the host says of an endpoint and of its stores.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/static_stub.h>
#include <linux/cc_platform.h>
#include <linux/ioport.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "virtio_irq_internal.h"

/*
 * Endpoints
 */

/**
 * virtio_irq_guest_is_encrypted - is the guest's memory kept from the host?
 *
 * Context: any.
 * Return: true if it is, and with it what a device writes there.
 */
bool virtio_irq_guest_is_encrypted(void)
{
	KUNIT_STATIC_STUB_REDIRECT(virtio_irq_guest_is_encrypted);
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}

/* Where an untrusted host may make a device write */
static int virtio_irq_check_window(struct virtio_irq *vi, u64 start, u64 end)
{
	if (start > end || !IS_ALIGNED(start, 4) || end > (u64)PHYS_ADDR_MAX)
		return -EINVAL;
	if (virtio_irq_guest_is_encrypted() &&
	    (start < VIRTIO_IRQ_X86_WINDOW_START || end > VIRTIO_IRQ_X86_WINDOW_END))
		return -EPERM;
	if (region_intersects(start, end - start + 1, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return -EPERM;
	return 0;
}

/* What ATTACH says of a store, and of an endpoint */
struct virtio_irq_store_properties {
	u16			id;
	u8			multi_msi;
	u8			flags;
	u32			size;
};

struct virtio_irq_properties {
	u64			window_start;
	u64			window_end;
	u8			pasid_width;
	unsigned int		num_stores;
	struct virtio_irq_store_properties stores[];
};

static int virtio_irq_parse_store(const struct virtio_irq_tlv_store *tlv,
				  struct virtio_irq_properties *prop)
{
	struct virtio_irq_store_properties *store = &prop->stores[prop->num_stores];
	unsigned int i;

	store->id = le16_to_cpu(tlv->store);
	store->multi_msi = tlv->multi_msi;
	store->flags = tlv->flags;
	store->size = le32_to_cpu(tlv->size);
	/* A function has 32 MSI vectors at most */
	if (store->multi_msi > 5)
		return -EIO;
	for (i = 0; i < prop->num_stores; i++)
		if (prop->stores[i].id == store->id)
			return -EIO;
	prop->num_stores++;
	return 0;
}

static int virtio_irq_parse_tlvs(struct virtio_irq *vi, const u8 *tlvs,
				 struct virtio_irq_properties *prop)
{
	u32 size = vi->tlv_size, pos = 0;
	bool window = false, pasid = false;
	int err;

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
		case VIRTIO_IRQ_TLV_T_STORE:
			if (len < sizeof(struct virtio_irq_tlv_store))
				return -EIO;
			err = virtio_irq_parse_store((const void *)head, prop);
			if (err)
				return err;
			break;
		case VIRTIO_IRQ_TLV_T_PASID: {
			const struct virtio_irq_tlv_pasid *tlv = (const void *)head;

			if (len < sizeof(*tlv) || pasid || tlv->width > 20)
				return -EIO;
			prop->pasid_width = tlv->width;
			pasid = true;
			break;
		}
		}
		pos += ALIGN(len, 8);
		if (pos > size)
			return -EIO;
	}
	return window ? 0 : -EIO;
}

static void virtio_irq_store_init(struct virtio_irq_store *store,
				  struct virtio_irq_endpoint *ep, u16 id)
{
	store->ep = ep;
	store->id = id;
	xa_init(&store->vectors);
	xa_init(&store->blocks);
	INIT_LIST_HEAD(&store->node);
	INIT_LIST_HEAD(&store->unused);
	list_add_tail(&store->ep_node, &ep->stores);
}

static struct virtio_irq_store *virtio_irq_get_store(struct virtio_irq_endpoint *ep, u16 id)
{
	struct virtio_irq_store *store;

	list_for_each_entry(store, &ep->stores, ep_node)
		if (store->id == id)
			return store;
	store = kzalloc(sizeof(*store), GFP_NOIO);
	if (store)
		virtio_irq_store_init(store, ep, id);
	return store;
}

/* Check what ATTACH answered before anything of it is used; under endpoints_lock */
static int virtio_irq_set_properties(struct virtio_irq_endpoint *ep,
				     const struct virtio_irq_rsp_attach *reply)
{
	struct virtio_irq *vi = ep->vi;
	size_t max_stores = vi->tlv_size / sizeof(struct virtio_irq_tlv_store);
	/* Recovery needs endpoints_lock, and a disk may need recovery */
	struct virtio_irq_properties *prop __free(kfree) =
		kzalloc(struct_size(prop, stores, max_stores), GFP_NOIO);
	u64 ims_slots = 0;
	unsigned int i;
	int err;

	lockdep_assert_held(&vi->endpoints_lock);

	if (!prop)
		return -ENOMEM;
	err = virtio_irq_parse_tlvs(vi, reply->tlvs, prop);
	if (!err)
		err = virtio_irq_check_window(vi, prop->window_start, prop->window_end);
	if (err)
		return err;

	for (i = 0; i < prop->num_stores; i++) {
		const struct virtio_irq_store_properties *new = &prop->stores[i];
		struct virtio_irq_store *store = virtio_irq_get_store(ep, new->id);

		if (!store)
			return -ENOMEM;
		raw_spin_lock_irq(&vi->lock);
		store->size = new->size;
		store->multi_msi = new->multi_msi;
		store->flags = new->flags;
		raw_spin_unlock_irq(&vi->lock);
		if (store->id)
			ims_slots += store->size ?: U32_MAX;
	}

	raw_spin_lock_irq(&vi->lock);
	ep->window_start = prop->window_start;
	ep->window_end = prop->window_end;
	WRITE_ONCE(ep->ims_slots, min(ims_slots, U32_MAX));
	ep->pasid_width = vi->features & BIT(VIRTIO_IRQ_F_PASID) ? prop->pasid_width : 0;
	raw_spin_unlock_irq(&vi->lock);
	return 0;
}

/**
 * virtio_irq_find_store - find a store that the host serves
 * @ep: the endpoint
 * @id: number of the store
 *
 * Context: process context, sleeps.
 * Return: the store, or NULL if ATTACH did not list it.
 */
struct virtio_irq_store *virtio_irq_find_store(struct virtio_irq_endpoint *ep, u16 id)
{
	struct virtio_irq_store *store;

	guard(mutex)(&ep->vi->endpoints_lock);
	list_for_each_entry(store, &ep->stores, ep_node)
		if (store->id == id)
			return store;
	return NULL;
}

static void virtio_irq_store_free(struct virtio_irq_store *store)
{
	struct virtio_irq_vector *vec;
	struct virtio_irq_block *block;
	unsigned long index;

	xa_for_each(&store->vectors, index, vec)
		kfree(vec);
	xa_destroy(&store->vectors);
	xa_for_each(&store->blocks, index, block)
		kfree(block);
	xa_destroy(&store->blocks);
	if (store != &store->ep->msi)
		kfree(store);
}

/**
 * virtio_irq_endpoint_free - free an endpoint and its records
 * @ep: the endpoint, in no list and not attached
 *
 * Context: process context, sleeps.
 */
void virtio_irq_endpoint_free(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq_store *store, *next;

	virtio_irq_disown(ep->vi, ep);
	raw_spin_lock_irq(&ep->vi->lock);
	list_for_each_entry(store, &ep->stores, ep_node)
		list_del_init(&store->node);
	raw_spin_unlock_irq(&ep->vi->lock);
	list_for_each_entry_safe(store, next, &ep->stores, ep_node)
		virtio_irq_store_free(store);
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

static int virtio_irq_call_attach(struct virtio_irq *vi, u32 id,
				  struct virtio_irq_rsp_attach *reply, bool recovery,
				  unsigned int timeout_ms)
{
	struct virtio_irq_call call;

	virtio_irq_build_attach(&call, id, reply, sizeof(*reply) + vi->tlv_size);
	call.recovery = recovery;
	return virtio_irq_call_sleep(vi, &call, timeout_ms);
}

/**
 * virtio_irq_call_detach - send DETACH
 * @vi: the controller
 * @id: the endpoint
 * @recovery: sent by the recovery worker
 *
 * Context: process context, sleeps for at most VIRTIO_IRQ_RECOVERY_WAIT_MS, or
 * poll_timeout_ms in the worker.
 * Return: as virtio_irq_call_sleep().
 */
int virtio_irq_call_detach(struct virtio_irq *vi, u32 id, bool recovery)
{
	unsigned int timeout_ms = recovery ? virtio_irq_poll_timeout_ms :
					     virtio_irq_recovery_wait(vi);
	struct virtio_irq_call call;

	virtio_irq_build_detach(&call, id);
	call.recovery = recovery;
	return virtio_irq_call_sleep(vi, &call, timeout_ms);
}

static bool virtio_irq_is_isolated(struct virtio_irq *vi,
				   const struct virtio_irq_rsp_attach *reply)
{
	return virtio_irq_isolates(vi) &&
	       reply->flags & cpu_to_le32(VIRTIO_IRQ_ATTACH_F_ISOLATED);
}

/* From now on recovery looks after it */
static void virtio_irq_end_transit(struct virtio_irq_endpoint *ep, bool detached)
{
	struct virtio_irq *vi = ep->vi;

	mutex_lock(&vi->endpoints_lock);
	ep->detached = detached;
	ep->in_transit = false;
	if (detached || ep->lost || ep->reread) {
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
 * Context: process context, sleeps for at most VIRTIO_IRQ_RECOVERY_WAIT_MS each time
 * that it waits for the host: until it answers at all, and for ATTACH.
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
				   msecs_to_jiffies(virtio_irq_recovery_wait(vi)));
		if (virtio_irq_find(vi, id))
			return ERR_PTR(-EAGAIN);
	}

	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return ERR_PTR(-ENOMEM);
	ep->vi = vi;
	ep->id = id;
	INIT_LIST_HEAD(&ep->stores);
	virtio_irq_store_init(&ep->msi, ep, VIRTIO_IRQ_STORE_MSI);

	/* In the list before the host knows it: a reset of the device must find it */
	ep->in_transit = true;
	mutex_lock(&vi->endpoints_lock);
	list_add_tail(&ep->node, &vi->endpoints);
	mutex_unlock(&vi->endpoints_lock);

	err = virtio_irq_call_attach(vi, id, reply, false, virtio_irq_recovery_wait(vi));
	if (err == -ETIMEDOUT || err == -EIO) {
		/* It may be attached all the same: recovery detaches it */
		virtio_irq_end_transit(ep, true);
		return ERR_PTR(err);
	}
	if (err) {
		mutex_lock(&vi->endpoints_lock);
		list_del(&ep->node);
		mutex_unlock(&vi->endpoints_lock);
		virtio_irq_endpoint_free(ep);
		return ERR_PTR(err);
	}

	ep->isolated = virtio_irq_is_isolated(vi, reply);
	/* A reset of the device goes through the stores */
	mutex_lock(&vi->endpoints_lock);
	err = virtio_irq_set_properties(ep, reply);
	mutex_unlock(&vi->endpoints_lock);
	if (err) {
		virtio_irq_detach(ep);
		return ERR_PTR(err);
	}
	virtio_irq_end_transit(ep, false);
	return ep;
}

/**
 * virtio_irq_reread - ask for the properties of an endpoint again
 * @ep: the endpoint, which the host holds as far as is known
 *
 * Context: process context, sleeps for at most sleep_timeout_ms; recovery only.
 * Return: 0, or an errno as virtio_irq_attach(); then they are as they were.
 */
int virtio_irq_reread(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq *vi = ep->vi;
	struct virtio_irq_rsp_attach *reply __free(kfree) =
		kzalloc(sizeof(*reply) + vi->tlv_size, GFP_KERNEL);
	int err;

	if (!reply)
		return -ENOMEM;
	err = virtio_irq_call_attach(vi, ep->id, reply, true, virtio_irq_sleep_timeout_ms);
	/* Somebody may have been handed it, on the host's word */
	if (!err && ep->isolated && !virtio_irq_is_isolated(vi, reply))
		err = -EPERM;
	return err ?: virtio_irq_set_properties(ep, reply);
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
	int err;

	err = virtio_irq_reread(ep);
	/* If that is not answered, it must not take effect after a later ATTACH */
	if ((err == -EIO || err == -EPERM || err == -EINVAL) &&
	    virtio_irq_call_detach(vi, ep->id, true) == -ETIMEDOUT)
		return -ETIMEDOUT;
	return err;
}

/**
 * virtio_irq_detach - give an endpoint back
 * @ep: the endpoint, none of its vectors belongs to an interrupt; freed
 *
 * The only release that waits for the host: after it the endpoint's messages
 * take their native way again. Without an answer recovery repeats it.
 *
 * Context: process context, sleeps for at most VIRTIO_IRQ_RECOVERY_WAIT_MS.
 */
void virtio_irq_detach(struct virtio_irq_endpoint *ep)
{
	struct virtio_irq_note note = { .endpoint = ep->id, .type = VIRTIO_IRQ_T_DETACH };
	struct virtio_irq *vi = ep->vi;
	int err;

	mutex_lock(&vi->endpoints_lock);
	ep->in_transit = true;
	mutex_unlock(&vi->endpoints_lock);

	err = virtio_irq_call_detach(vi, ep->id, false);
	if (err && err != -ENODEV) {
		note.err = err;
		virtio_irq_print_failure(vi, &note);
		virtio_irq_end_transit(ep, true);
		return;
	}
	mutex_lock(&vi->endpoints_lock);
	list_del(&ep->node);
	virtio_irq_endpoint_free(ep);
	mutex_unlock(&vi->endpoints_lock);
}
