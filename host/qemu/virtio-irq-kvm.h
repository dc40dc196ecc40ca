/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: messages that KVM delivers without QEMU
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Included by target/i386/kvm/kvm.c, too; see tools/place-in-qemu.
 */

#ifndef HW_VIRTIO_IRQ_KVM_H
#define HW_VIRTIO_IRQ_KVM_H

#include "hw/pci/msi.h"
#include "virtio_irq_core.h"

/*
 * What becomes of a message of the function: DELIVERED, as *@route; PASS, as it
 * is; any other, not at all
 */
typedef enum virtio_irq_verdict
VirtIOIRQTranslate(PCIDevice *pdev, const MSIMessage *msg, MSIMessage *route);

#ifdef CONFIG_KVM

struct kvm_irq_routing_entry;

/* For kvm.c: where routes are made, and their life */

/*
 * Replace the message *@address, *@data of @dev in *@entry and in its place by
 * where it leads. True if there is nothing more to do: it leads nowhere, and
 * *@entry says so.
 */
bool virtio_irq_kvm_fixup(struct kvm_irq_routing_entry *entry,
                          uint64_t *address, uint32_t *data, PCIDevice *dev);
void virtio_irq_kvm_route_added(PCIDevice *dev, int vector, int virq);
void virtio_irq_kvm_route_released(int virq);

/* For the controller */

/* Are there irqfds, and does what is above see to them? */
bool virtio_irq_kvm_bypasses(void);
bool virtio_irq_kvm_supported(void);
void virtio_irq_kvm_init(VirtIOIRQTranslate *translate);
/* Can there be a route for @msg, if it is not translated? */
bool virtio_irq_kvm_expressible(PCIDevice *pdev, const MSIMessage *msg);
/*
 * A route of a vector's own: a virq, or a negative errno if KVM has none left.
 * KVM is told of it by virtio_irq_kvm_commit().
 */
int virtio_irq_kvm_add_route(PCIDevice *pdev, uint32_t vector);
/* What the message of the vector leads to has changed */
void virtio_irq_kvm_route_changed(PCIDevice *pdev, uint32_t vector);
/* Is there a change that KVM has not been told of? */
bool virtio_irq_kvm_changed(void);
/* Tell KVM of all of them; what it delivers from now on goes by them */
void virtio_irq_kvm_commit(void);

#else

static inline bool virtio_irq_kvm_bypasses(void)
{
    return false;
}

static inline bool virtio_irq_kvm_supported(void)
{
    return false;
}

static inline void virtio_irq_kvm_init(VirtIOIRQTranslate *translate)
{
}

static inline bool virtio_irq_kvm_expressible(PCIDevice *pdev,
                                              const MSIMessage *msg)
{
    return true;
}

static inline int virtio_irq_kvm_add_route(PCIDevice *pdev, uint32_t vector)
{
    return -ENOSYS;
}

static inline void virtio_irq_kvm_route_changed(PCIDevice *pdev,
                                                uint32_t vector)
{
}

static inline bool virtio_irq_kvm_changed(void)
{
    return false;
}

static inline void virtio_irq_kvm_commit(void)
{
}

#endif /* CONFIG_KVM */

#endif /* HW_VIRTIO_IRQ_KVM_H */
