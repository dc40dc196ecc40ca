/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: messages that KVM delivers without QEMU
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * An irqfd makes KVM deliver the message that its table of routes has for it.
 * Such a message never comes to our region. QEMU fills that table from what the
 * guest has written to the function's MSI-X table or MSI capability, so a pair
 * is replaced by where it leads there, where each architecture fixes up what it
 * is to be (kvm_arch_fixup_msi_route()). A message that leads nowhere becomes a
 * route to nowhere: a route that is left out would leave the one before it.
 *
 * The rest of QEMU makes, changes and releases routes as if we did not exist.
 * We take note of them, and make those anew whose vectors the guest moves.
 *
 * Not in msix_prepare_message(), which looks like the place for it:
 * msix_notify() takes from there what it writes to our region.
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include "qemu/xxhash.h"
#include "hw/pci/msix.h"
#include "compat.h"
#include "virtio-irq-kvm.h"
#include "trace.h"

/*
 * Logical destination 0, in a reserved delivery mode, which KVM does not
 * refuse: no local APIC has that in any mode
 */
#define NOWHERE_ADDRESS 0xfee00004
#define NOWHERE_DATA 0x300

/* Bits of a route's upper half that KVM on x86 wants to be zero */
#define ADDRESS_HI_RESERVED 0xff

/* KVM has 4096 routes */
#define NUM_BUCKETS 1024

typedef struct Route {
    PCIDevice *dev;
    int vector;
    int virq;
    /* What it was last made from, in front of interrupt remapping */
    MSIMessage made_from;
    QLIST_ENTRY(Route) next;
} Route;

/* By function and vector, and by virq */
static QLIST_HEAD(, Route) buckets[NUM_BUCKETS];
static GHashTable *by_virq;

/* Of the controllers, once there is one */
static VirtIOIRQTranslate *translate;

/* How the route that is being made now is different */
static enum {
    AS_TRANSLATED,
    AS_IT_IS,
    TO_NOWHERE,
} mode;

/* What virtio_irq_kvm_fixup() has made a route from last */
static MSIMessage made_from;

/* The table that kvm-all.c has is not that which KVM has */
static bool changed;

static void set_message(struct kvm_irq_routing_entry *entry, uint64_t address,
                        uint32_t data)
{
    entry->u.msi.address_lo = address;
    entry->u.msi.address_hi = address >> 32;
    entry->u.msi.data = data;
}

static unsigned int bucket(PCIDevice *dev, int vector)
{
    return qemu_xxhash4((uintptr_t)dev, vector) % NUM_BUCKETS;
}

static Route *find_route(int virq)
{
    return by_virq ? g_hash_table_lookup(by_virq, GINT_TO_POINTER(virq)) : NULL;
}

bool virtio_irq_kvm_fixup(struct kvm_irq_routing_entry *entry,
                          uint64_t *address, uint32_t *data, PCIDevice *dev)
{
    const MSIMessage msg = { .address = *address, .data = *data };
    enum virtio_irq_verdict verdict = VIRTIO_IRQ_PASS;
    Route *route;

    /* Routes of an I/O APIC have no device */
    if (mode == AS_IT_IS || !dev) {
        return false;
    }
    made_from = msg;
    if (mode == TO_NOWHERE) {
        verdict = VIRTIO_IRQ_BLOCKED_FREED;
    } else if (translate) {
        verdict = translate(dev, &msg, &made_from);
    }
    if (verdict != VIRTIO_IRQ_PASS && verdict != VIRTIO_IRQ_DELIVERED) {
        made_from.address = NOWHERE_ADDRESS;
        made_from.data = NOWHERE_DATA;
    }
    route = find_route(entry->gsi);
    if (route) {
        route->made_from = made_from;
    }
    if (verdict == VIRTIO_IRQ_PASS) {
        return false;
    }
    trace_virtio_irq_kvm_fixup(dev->name, entry->gsi, msg.address, msg.data,
                               made_from.address, made_from.data);
    *address = made_from.address;
    *data = made_from.data;
    set_message(entry, made_from.address, made_from.data);
    /* Interrupt remapping would refuse what is not in its format */
    return verdict != VIRTIO_IRQ_DELIVERED;
}

void virtio_irq_kvm_route_added(PCIDevice *dev, int vector, int virq)
{
    Route *route = g_new(Route, 1);

    *route = (Route) {
        .dev = dev,
        .vector = vector,
        .virq = virq,
        .made_from = made_from,
    };
    if (!by_virq) {
        by_virq = g_hash_table_new(NULL, NULL);
    }
    QLIST_INSERT_HEAD(&buckets[bucket(dev, vector)], route, next);
    g_hash_table_insert(by_virq, GINT_TO_POINTER(virq), route);
}

void virtio_irq_kvm_route_released(int virq)
{
    Route *route = find_route(virq);

    if (route) {
        g_hash_table_remove(by_virq, GINT_TO_POINTER(virq));
        QLIST_REMOVE(route, next);
        g_free(route);
    }
}

bool virtio_irq_kvm_bypasses(void)
{
    return kvm_enabled() && kvm_msi_via_irqfd_enabled();
}

/* Where tools/place-in-qemu has put the calls of the functions above */
bool virtio_irq_kvm_supported(void)
{
#ifdef TARGET_I386
    return true;
#else
    return false;
#endif
}

void virtio_irq_kvm_init(VirtIOIRQTranslate *fn)
{
    translate = fn;
}

/*
 * To be known when the guest asks for it: nobody can refuse a route later, and
 * kvm-all.c ends QEMU if KVM does.
 */
bool virtio_irq_kvm_expressible(PCIDevice *pdev, const MSIMessage *msg)
{
    struct kvm_irq_routing_entry entry = { .type = KVM_IRQ_ROUTING_MSI };
    int ret;

    if (!virtio_irq_kvm_bypasses()) {
        return true;
    }
    set_message(&entry, msg->address, msg->data);
    mode = AS_IT_IS;
    ret = kvm_arch_fixup_msi_route(&entry, msg->address, msg->data, pdev);
    mode = AS_TRANSLATED;
    return !ret && !(entry.u.msi.address_hi & ADDRESS_HI_RESERVED);
}

int virtio_irq_kvm_add_route(PCIDevice *pdev, uint32_t vector)
{
    KVMRouteChange change;
    int virq;

    if (!virtio_irq_kvm_bypasses()) {
        return -ENOSYS;
    }
    change = kvm_irqchip_begin_route_changes(kvm_state);
    virq = kvm_irqchip_add_msi_route(&change, vector, pdev);
    if (virq >= 0) {
        changed = true;
    }
    return virq;
}

/* False if the function uses neither MSI-X nor MSI now */
static bool vector_message(PCIDevice *dev, int vector, MSIMessage *msg)
{
    if (msix_enabled(dev)) {
        *msg = msix_get_message(dev, vector);
    } else if (msi_enabled(dev)) {
        *msg = msi_get_message(dev, vector);
    } else {
        return false;
    }
    return true;
}

static void make_anew(Route *route)
{
    const MSIMessage before = route->made_from;
    MSIMessage msg = { };
    int ret = -1;

    if (vector_message(route->dev, route->vector, &msg)) {
        ret = kvm_irqchip_update_msi_route(kvm_state, route->virq, msg,
                                           route->dev);
    }
    /*
     * MSI-X is off: its mask and its vectors' irqfds stay as they were. Or the
     * guest has taken away from its IOMMU what it had when the route was armed.
     */
    if (ret < 0) {
        mode = TO_NOWHERE;
        kvm_irqchip_update_msi_route(kvm_state, route->virq, msg, route->dev);
        mode = AS_TRANSLATED;
    }
    /*
     * Before the guest has written the pair, a vector that is armed still leads
     * nowhere. Interrupt remapping has a notifier for its own changes.
     */
    if (before.address != route->made_from.address ||
        before.data != route->made_from.data) {
        changed = true;
    }
}

void virtio_irq_kvm_route_changed(PCIDevice *pdev, uint32_t vector)
{
    Route *route;

    QLIST_FOREACH(route, &buckets[bucket(pdev, vector)], next) {
        if (route->dev == pdev && route->vector == vector) {
            make_anew(route);
        }
    }
}

bool virtio_irq_kvm_changed(void)
{
    return changed;
}

void virtio_irq_kvm_commit(void)
{
    if (changed) {
        changed = false;
        trace_virtio_irq_kvm_commit();
        /* Ends with a grace period of what KVM is delivering */
        kvm_irqchip_commit_routes(kvm_state);
    }
}
