/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-irq: what the files of the irq domain share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _IRQ_VIRTIO_H
#define _IRQ_VIRTIO_H

#include <linux/hashtable.h>
#include <linux/irqchip/irq-virtio.h>
#include <linux/list.h>
#include <linux/msi.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci_ids.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../virtio/virtio_irq.h"

/* As every virtio 1 device on PCI has it */
#define VIRTIO_IRQ_PCI_DEVICE_ID	(0x1040 + VIRTIO_ID_IRQ)

/* What the virtio-irq domain itself can do beyond its parent, if that takes BLOCKS */
#define VIRTIO_IRQ_MSI_FLAGS_ADDED	MSI_FLAG_MULTI_PCI_MSI

/* Takes several interrupts at once, as multi-MSI has them */
#define VIRTIO_IRQ_PARENT_BLOCKS	BIT(0)
/*
 * Its per-device domains hand on what it wants to know of a device, msi_prepare, to the
 * domain below them: they read a struct msi_domain_info at the start of its host_data
 */
#define VIRTIO_IRQ_PARENT_PREPARES	BIT(1)
/*
 * When an interrupt moves it has the top chip write its message, before it looks
 * at what has arrived by the old one
 */
#define VIRTIO_IRQ_PARENT_WRITES	BIT(2)
/* Lets each sender reach interrupts of its own only, and so what is routed to it */
#define VIRTIO_IRQ_PARENT_ISOLATES	BIT(3)

/**
 * struct virtio_irq_parent_kind - what is known of a parent that is supported
 * @is: is this domain, an MSI parent, one of them?
 * @is_inert: does a pair do nothing if it reaches this parent's hardware as it is: no
 *	interrupt, no change of a register, no state of error? The route that the parent
 *	composed for it tells where that is
 * @flags: VIRTIO_IRQ_PARENT_*
 */
struct virtio_irq_parent_kind {
	bool (*is)(const struct irq_domain *p);
	bool (*is_inert)(const struct virtio_irq_msg *pair, const struct virtio_irq_msg *route);
	unsigned int flags;
};

/**
 * struct virtio_irq_parent - one virtio-irq domain, on one parent domain
 * @msi_info: for per-device domains on a parent that PREPARES: they take the domain's
 *	host_data for it
 * @msi_ops: its operations
 * @node: in virtio_irq_domains::parents
 * @doms: controller it belongs to
 * @parent: the CPU-side domain below
 * @kind: what is known of that
 * @domain: the virtio-irq domain
 * @fwnode: made for it; NULL if it has that of @parent
 * @isolated: for endpoints for which the host vouches
 * @ops: what makes it a parent of per-device MSI domains
 */
struct virtio_irq_parent {
	struct msi_domain_info	msi_info;
	struct msi_domain_ops	msi_ops;
	struct list_head	node;
	struct virtio_irq_domains *doms;
	struct irq_domain	*parent;
	const struct virtio_irq_parent_kind *kind;
	struct irq_domain	*domain;
	struct fwnode_handle	*fwnode;
	bool			isolated;
	struct msi_parent_ops	ops;
};

static_assert(offsetof(struct virtio_irq_parent, msi_info) == 0);

struct virtio_irq_source;

/**
 * struct virtio_irq_source_ops - what a PCI function and a device with a store differ in
 * @accepts: may this per-device MSI domain be made?
 * @init_info: change what the parent domain has left of it; the device's MSI mutex is held
 * @take: the record for the interrupt that is being made, of the descriptor's @index
 * @drop: no interrupt is made of what is reserved
 */
struct virtio_irq_source_ops {
	bool (*accepts)(struct virtio_irq_source *src, const struct msi_domain_info *info);
	void (*init_info)(struct virtio_irq_source *src, struct msi_domain_info *info);
	struct virtio_irq_vector *(*take)(struct virtio_irq_source *src, u32 index);
	void (*drop)(struct virtio_irq_source *src);
};

/**
 * struct virtio_irq_source - a device that is served
 * @node: in virtio_irq_domains::sources
 * @refs: of a PCI function: being served, and each device bound to a store of it
 * @ops: of a PCI function, or of a device with a store
 * @dev: the device; of a PCI function, its lock serialises taking over and giving back
 * @parent: the virtio-irq domain that it uses
 * @ep: its endpoint
 * @store: where its messages are
 * @ims: set if that is an interrupt message store, NULL for a PCI function
 * @prepare_desc: the MSI bus's own callback, guarded by the MSI mutex
 * @write_msi_msg: the MSI bus's own callback
 * @write_store: what writes a message to the device, on a parent that WRITES
 * @msi_prepare: the parent's own callback, on one that PREPARES, for a store
 * @mask: what masks the source itself: the MSI bus's own callback, or the store's
 * @unmask: undoes it
 * @startup: the MSI bus's own callback, NULL if it has none
 * @alloc_error: why prepare_desc got no grant, for the alloc that follows; guarded
 *	by the MSI mutex, as what follows
 * @refused: why the host's last grant ended before vector @refused_from, 0: it had
 *	no reason
 * @refused_from: the first vector without a grant
 * @told: the refusal that was logged since the host granted all it was asked for
 * @block_lock: one writer of a multi-MSI message, which several interrupts share
 * @block_users: those whose message it is, by their numbers; guarded by @block_lock
 */
struct virtio_irq_source {
	struct hlist_node	node;
	refcount_t		refs;
	const struct virtio_irq_source_ops *ops;
	struct device		*dev;
	struct virtio_irq_parent *parent;
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store	*store;
	struct virtio_irq_ims_dev *ims;
	void (*prepare_desc)(struct irq_domain *domain, msi_alloc_info_t *arg,
			     struct msi_desc *desc);
	void (*write_msi_msg)(struct irq_data *d, struct msi_msg *msg);
	void (*write_store)(struct irq_data *d, struct msi_msg *msg);
	int (*msi_prepare)(struct irq_domain *domain, struct device *dev, int nvec,
			   msi_alloc_info_t *arg);
	void (*mask)(struct irq_data *d);
	void (*unmask)(struct irq_data *d);
	unsigned int (*startup)(struct irq_data *d);
	int			alloc_error;
	int			refused;
	u32			refused_from;
	int			told;
	raw_spinlock_t		block_lock;
	u32			block_users;
};

/**
 * struct virtio_irq_ims_dev - a device that is bound to slots of a store
 * @src: the source that it is
 * @function: the PCI function that sends its messages; holds a reference
 * @node: in virtio_irq_ims_store::devs
 * @ims: what the driver said
 * @count: slots from virtio_irq_ims::first on, 1 .. 65536
 * @former: its MSI domain before
 * @lifetime: with the others that end with the same driver
 * @add_lock: virtio_irq_ims_add() one at a time, for @pasid and the error
 * @pasid: for the vector that is being added
 * @fixed: virtio_irq_ims_alloc_irqs() has made its interrupts
 * @taken: reserved for the interrupt that the core is about to make; guarded by
 *	the MSI mutex
 */
struct virtio_irq_ims_dev {
	struct virtio_irq_source src;
	struct virtio_irq_source *function;
	struct list_head	node;
	struct virtio_irq_ims	ims;
	u32			count;
	struct irq_domain	*former;
	struct list_head	lifetime;
	struct mutex		add_lock;
	u32			pasid;
	bool			fixed;
	struct virtio_irq_vector *taken;
};

/**
 * struct virtio_irq_ims_store - a store that is in use, virtio_irq_store::owner
 * @lock: one reservation at a time; taken inside the MSI mutex of a device
 * @devs: the devices
 */
struct virtio_irq_ims_store {
	struct mutex		lock;
	struct list_head	devs;
};

/**
 * struct virtio_irq_domains - the domain side of a controller
 * @vi: its engine
 * @nb: on the PCI bus
 * @walk: takes over devices that were bound first, gives back those left over
 * @walk_asked: the next @walk looks at bound devices, too
 * @walk_bound: this @walk does
 * @wq: for @walk
 * @parent_explained: why functions with an unknown parent are not served has been logged
 * @parents_lock: guards @parents
 * @parents: virtio-irq domains
 * @sources_lock: guards @sources
 * @sources: served devices by address
 * @virqs_lock: guards virtio_irq_vector::virq, and while it is not 0 keeps the
 *	interrupt's descriptor
 */
struct virtio_irq_domains {
	struct virtio_irq	*vi;
	struct notifier_block	nb;
	struct work_struct	walk;
	bool			walk_asked;
	bool			walk_bound;
	struct workqueue_struct	*wq;
	bool			parent_explained;
	struct mutex		parents_lock;
	struct list_head	parents;
	struct mutex		sources_lock;
	DECLARE_HASHTABLE(sources, 7);
	struct mutex		virqs_lock;
};

/* irq-virtio-parent.c: CPU-side domains; it calls none of the others */
const struct virtio_irq_parent_kind *virtio_irq_parent_kind(struct irq_domain *p);
bool virtio_irq_x86_is_inert(const struct virtio_irq_msg *pair,
			     const struct virtio_irq_msg *route);
bool virtio_irq_v2m_is_inert(const struct virtio_irq_msg *pair,
			     const struct virtio_irq_msg *route);
bool virtio_irq_its_is_inert(const struct virtio_irq_msg *pair,
			     const struct virtio_irq_msg *route);

/* irq-virtio-hold.c: sources that may not send for a while; it calls none of the others */
struct virtio_irq_source *virtio_irq_source_of(const struct irq_domain *domain);
void virtio_irq_compose_msi_msg(struct irq_data *d, struct msi_msg *msg);
void virtio_irq_write_source(struct irq_data *d);
bool virtio_irq_is_live(struct irq_data *d);
void virtio_irq_unmask_source(struct irq_data *d);
unsigned int virtio_irq_startup_source(struct irq_data *d);
bool virtio_irq_can_hold(struct irq_data *d);
void virtio_irq_let_go(struct irq_data *d);
bool virtio_irq_hold(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec);
void virtio_irq_shut(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec);
bool virtio_irq_replayed(struct virtio_irq_domains *doms, struct virtio_irq_vector *vec,
			 bool retrigger);

/* irq-virtio-device.c: per-device MSI domains; on these */
extern const struct virtio_irq_source_ops virtio_irq_function_ops;
struct virtio_irq_source *virtio_irq_find_source(struct virtio_irq_domains *doms,
						 struct device *dev);
void virtio_irq_add_source(struct virtio_irq_domains *doms, struct virtio_irq_source *src);
void virtio_irq_del_source(struct virtio_irq_domains *doms, struct virtio_irq_source *src);
struct virtio_irq_source *virtio_irq_get_source(struct virtio_irq_domains *doms,
						struct device *dev);
bool virtio_irq_init_dev_msi_info(struct device *dev, struct irq_domain *domain,
				  struct irq_domain *real_parent, struct msi_domain_info *info);

/* irq-virtio.c: the domain; on these */
struct virtio_irq_parent *virtio_irq_get_parent(struct virtio_irq_domains *doms,
						struct irq_domain *p,
						const struct virtio_irq_parent_kind *kind,
						bool isolated);
struct virtio_irq_parent *virtio_irq_parent_of(struct irq_domain *domain);
struct virtio_irq_ims_dev *virtio_irq_ims_find(struct device *dev);

/* The message that a parent has composed is the route for the host */
static inline void virtio_irq_route_from_msi_msg(const struct msi_msg *msg,
						 struct virtio_irq_msg *route)
{
	route->address = (u64)msg->address_hi << 32 | msg->address_lo;
	route->data = msg->data;
}

/* irq-virtio-source.c: which devices; on the domain */
void virtio_irq_put_source(struct virtio_irq_source *src);

/* irq-virtio-ims.c: interrupt message stores; on the domain */
extern const struct virtio_irq_source_ops virtio_irq_ims_source_ops;

/* irq-virtio-bind.c: who has which slots of a store; on all of these */
int virtio_irq_check_deferral(struct device *dev);

#if IS_ENABLED(CONFIG_VIRTIO_IRQ_KUNIT_TEST)
/* Parents with these ops are supported, too, and are of this kind */
extern const struct irq_domain_ops *virtio_irq_kunit_parent_ops;
extern const struct virtio_irq_parent_kind *virtio_irq_kunit_parent_kind;
#endif

#endif /* _IRQ_VIRTIO_H */
