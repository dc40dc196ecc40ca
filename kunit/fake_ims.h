/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device with an interrupt message store, for tests: its slots are memory, and
 * it checks how they are used. The MSI core on top is the real one.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_FAKE_IMS_H
#define _VIRTIO_IRQ_FAKE_IMS_H

#include <linux/irqchip/irq-virtio.h>
#include <linux/platform_device.h>

#include "domain_fixture.h"

/* The store that the host has beside MSI-X */
#define FAKE_IMS_STORE		7

/* A slot, as the device sees it */
struct fake_ims_slot {
	struct virtio_irq_msg	msg;
	u32			pasid;
	bool			masked;
	unsigned int		writes;
	void			*cookie;
	unsigned int		virq;	/* requested */
	atomic_t		handled;
};

/**
 * struct fake_ims - a device with slots of a store
 * @d: the test's world
 * @ims: for virtio_irq_ims_bind()
 * @pdev: the device, with a driver bound to it
 * @slots: its slots, by number within the binding
 * @maps: what virtio_irq_ims_add() returned
 * @misuse: callbacks that contradict the contract
 * @in_probe: called by its driver's probe
 * @on_set_pasid: called by the set_pasid callback
 * @careless: its driver's remove leaves everything to others
 * @removed: its driver was unbound
 */
struct fake_ims {
	struct domain		*d;
	struct virtio_irq_ims	ims;
	struct platform_device	*pdev;
	struct fake_ims_slot	slots[FAKE_IMS_VECTORS];
	struct msi_map		maps[FAKE_IMS_VECTORS];
	unsigned int		misuse;
	int (*in_probe)(struct fake_ims *ims);
	void (*on_set_pasid)(struct fake_ims *ims, unsigned int index);
	bool			careless;
	bool			removed;
};

struct domain *fake_ims_world(struct kunit *test, const struct fake_parent_caps *caps);
void fake_ims_start(struct domain *d);
struct fake_ims *fake_ims_device(struct domain *d, u32 first, u32 count);
int fake_ims_rebind(struct fake_ims *ims);
struct fake_ims *fake_ims_bound(struct domain *d, u32 first, u32 count);
void fake_ims_delete(struct fake_ims *ims);

int fake_ims_add(struct fake_ims *ims, unsigned int index, u32 pasid);
void fake_ims_remove(struct fake_ims *ims, unsigned int index);
int fake_ims_request(struct fake_ims *ims, unsigned int index, unsigned int virq);
void fake_ims_free(struct fake_ims *ims, unsigned int index);
struct fake_vector *fake_ims_vector(struct fake_ims *ims, unsigned int index);
bool fake_ims_fire(struct fake_ims *ims, unsigned int index);
void fake_ims_expect_works(struct fake_ims *ims, unsigned int index);
void fake_ims_finish(struct fake_ims *ims);

extern const struct virtio_irq_ims_ops fake_ims_ops;

static inline struct device *fake_ims_dev(struct fake_ims *ims)
{
	return &ims->pdev->dev;
}

#endif /* _VIRTIO_IRQ_FAKE_IMS_H */
