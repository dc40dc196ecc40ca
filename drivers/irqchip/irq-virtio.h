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
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/virtio_irq.h>
#include <linux/workqueue.h>

/**
 * struct virtio_irq_parent - one virtio-irq domain, on one parent domain
 * @node: in virtio_irq_domains::parents
 * @doms: controller it belongs to
 * @parent: the CPU-side domain below
 * @domain: the virtio-irq domain
 * @isolated: for endpoints for which the host vouches
 * @ops: what makes it a parent of per-device MSI domains
 */
struct virtio_irq_parent {
	struct list_head	node;
	struct virtio_irq_domains *doms;
	struct irq_domain	*parent;
	struct irq_domain	*domain;
	bool			isolated;
	struct msi_parent_ops	ops;
};

/**
 * struct virtio_irq_source - a device that is served
 * @node: in virtio_irq_domains::sources
 * @refs: of a PCI function: being served, and each device bound to a store of it
 * @dev: the device; of a PCI function, its lock serialises taking over and giving back
 * @parent: the virtio-irq domain that it uses
 * @ep: its endpoint
 * @store: where its messages are
 * @ims: set if that is an interrupt message store, NULL for a PCI function
 * @prepare_desc: the MSI bus's own callback, guarded by the MSI mutex
 * @write_msi_msg: the MSI bus's own callback
 * @alloc_error: why prepare_desc got no grant, for the alloc that follows; guarded
 *	by the MSI mutex
 * @block_lock: one writer of a multi-MSI message, which several interrupts share
 */
struct virtio_irq_source {
	struct hlist_node	node;
	refcount_t		refs;
	struct device		*dev;
	struct virtio_irq_parent *parent;
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store	*store;
	struct virtio_irq_ims_dev *ims;
	void (*prepare_desc)(struct irq_domain *domain, msi_alloc_info_t *arg,
			     struct msi_desc *desc);
	void (*write_msi_msg)(struct irq_data *d, struct msi_msg *msg);
	int			alloc_error;
	raw_spinlock_t		block_lock;
};

/**
 * struct virtio_irq_ims_dev - a device that is bound to slots of a store
 * @src: the source that it is
 * @function: the PCI function that sends its messages; holds a reference
 * @node: in virtio_irq_ims_store::devs
 * @ims: what the driver said
 * @count: slots from virtio_irq_ims::first on, 1 .. 65536
 * @former: its MSI domain before
 * @add_lock: virtio_irq_ims_add() one at a time, for @pasid and the error
 * @pasid: for the vector that is being added
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
	struct mutex		add_lock;
	u32			pasid;
	struct virtio_irq_vector *taken;
};

/**
 * struct virtio_irq_ims_store - a store that is in use, virtio_irq_store::owner
 * @lock: one reservation at a time; taken inside the MSI mutex of a device
 * @devs: the devices, guarded by virtio_irq_domains::ims_lock
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
 * @parents_lock: guards @parents
 * @parents: virtio-irq domains
 * @sources_lock: guards @sources; raw, messages are written under desc->lock
 * @sources: served devices by address
 * @virqs_lock: guards virtio_irq_vector::virq, and while it is not 0 keeps the
 *	interrupt's descriptor
 * @ims_lock: guards virtio_irq_store::owner, who uses which slots
 */
struct virtio_irq_domains {
	struct virtio_irq	*vi;
	struct notifier_block	nb;
	struct work_struct	walk;
	bool			walk_asked;
	bool			walk_bound;
	struct mutex		parents_lock;
	struct list_head	parents;
	raw_spinlock_t		sources_lock;
	DECLARE_HASHTABLE(sources, 7);
	struct mutex		virqs_lock;
	struct mutex		ims_lock;
};

/* irq-virtio.c: the domain */
struct virtio_irq_parent *virtio_irq_get_parent(struct virtio_irq_domains *doms,
						struct irq_domain *p, bool isolated);
struct virtio_irq_parent *virtio_irq_parent_of(struct irq_domain *domain);

/* irq-virtio-source.c: which devices */
struct virtio_irq_source *virtio_irq_find_source(struct virtio_irq_domains *doms,
						 struct device *dev);
void virtio_irq_add_source(struct virtio_irq_domains *doms, struct virtio_irq_source *src);
void virtio_irq_del_source(struct virtio_irq_domains *doms, struct virtio_irq_source *src);
struct virtio_irq_source *virtio_irq_get_source(struct virtio_irq_domains *doms,
						struct device *dev);
void virtio_irq_put_source(struct virtio_irq_source *src);

/* irq-virtio-ims.c: interrupt message stores */
bool virtio_irq_ims_accepts(struct virtio_irq_ims_dev *imsd,
			    const struct msi_domain_info *info);
void virtio_irq_ims_init_info(struct virtio_irq_ims_dev *imsd, struct msi_domain_info *info);
struct virtio_irq_vector *virtio_irq_ims_take(struct virtio_irq_ims_dev *imsd);
void virtio_irq_ims_drop(struct virtio_irq_ims_dev *imsd);
void virtio_irq_ims_expel(struct virtio_irq_ims_dev *imsd);

#if IS_ENABLED(CONFIG_VIRTIO_IRQ_KUNIT_TEST)
/* Parents with these ops are supported, too */
extern const struct irq_domain_ops *virtio_irq_kunit_parent_ops;
#endif

#endif /* _IRQ_VIRTIO_H */
