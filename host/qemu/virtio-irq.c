/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: paravirtual interrupt controller
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Properties, features, life and reset of the device.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/guest-random.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "hw/qdev-properties.h"
#include "hw/virtio/virtio-bus.h"
#include "virtio-irq.h"
#include "trace.h"

#define PASID_BITS_MAX 20
QEMU_BUILD_BUG_ON(VIRTIO_IRQ_PASID_MASK != (1 << PASID_BITS_MAX) - 1);

/* Of one endpoint: what MSI-X can have, for each of four stores */
#define ENDPOINT_QUOTA (4 * (PCI_MSIX_FLAGS_QSIZE + 1))

VirtIOIRQList virtio_irq_controllers =
    QLIST_HEAD_INITIALIZER(virtio_irq_controllers);

static void virtio_irq_vm_state_change(void *opaque, bool running,
                                       RunState state)
{
    VirtIOIRQ *s = opaque;

    if (running) {
        /* A migration or a stop may have come between a kick and its bh */
        virtio_irq_complete_held(s);
        qemu_bh_schedule(s->bh);
        virtio_irq_events_tell(s);
    }
}

/* The class' start_ioeventfd: a notification is then served at once */
static int virtio_irq_start_ioeventfd(VirtIODevice *vdev)
{
    return 0;
}

static void virtio_irq_stop_ioeventfd(VirtIODevice *vdev)
{
}

static void virtio_irq_get_config(VirtIODevice *vdev, uint8_t *config_data)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);
    struct virtio_irq_config config = {
        .max_vectors = cpu_to_le32(s->config.max_vectors),
        .max_endpoints = cpu_to_le32(s->config.max_endpoints),
        .max_count = cpu_to_le32(s->config.max_count),
        .tlv_size = cpu_to_le32(s->config.tlv_size),
        .num_scopes = cpu_to_le16(s->num_scopes),
    };

    memcpy(config.scopes, s->scopes, sizeof(config.scopes));
    memcpy(config_data, &config, sizeof(config));
}

static uint64_t virtio_irq_get_features(VirtIODevice *vdev, uint64_t features,
                                        Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    /* Messages that KVM delivers do not wait for what is in the queue */
    if (s->lazy && !virtio_irq_kvm_bypasses()) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_LAZY);
    }
    if (s->events) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_EVENTQ);
    }
    if (s->num_scopes) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_SCOPE);
    }
    if (s->isolation) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_ISOLATED);
    }
    if (s->pasid_bits) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_PASID);
    }
    return features;
}

/*
 * A driver that does not know of scopes would move functions that are another
 * controller's, or nobody's (DEV-12).
 */
static int virtio_irq_validate_features(VirtIODevice *vdev)
{
    return VIRTIO_IRQ(vdev)->num_scopes &&
           !virtio_vdev_has_feature(vdev, VIRTIO_IRQ_F_SCOPE) ? -EINVAL : 0;
}

static void virtio_irq_set_status(VirtIODevice *vdev, uint8_t status)
{
    if (status & ~vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        virtio_irq_sources_show(VIRTIO_IRQ(vdev));
    }
}

static void virtio_irq_set_features(VirtIODevice *vdev, uint64_t features)
{
    virtio_irq_core_set_features(VIRTIO_IRQ(vdev)->core, features);
}

static void virtio_irq_reset(VirtIODevice *vdev)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    trace_virtio_irq_reset(s);
    virtio_irq_requestq_drop(s);
    virtio_irq_events_drop_buffers(s);
    virtio_irq_core_reset(s->core);
    virtio_irq_kvm_commit();
}

/* Drops the requests, keeps the vectors: this is how a driver recovers */
static void virtio_irq_queue_reset(VirtIODevice *vdev, uint32_t queue_index)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    trace_virtio_irq_queue_reset(s, queue_index);
    if (queue_index != VIRTIO_IRQ_VQ_REQUEST) {
        virtio_irq_events_drop_buffers(s);
        virtio_irq_core_eventq_reset(s->core);
        return;
    }
    virtio_irq_requestq_reset(s);
}

static bool in_bounds(const char *name, uint32_t value, uint32_t max,
                      Error **errp)
{
    if (!value || value > max) {
        error_setg(errp, "%s must be 1 to %" PRIu32, name, max);
        return false;
    }
    return true;
}

static bool virtio_irq_check_config(VirtIOIRQ *s, Error **errp)
{
    const struct virtio_irq_core_config *config = &s->config;

    if (!in_bounds("max-vectors", config->max_vectors,
                   VIRTIO_IRQ_CORE_MAX_VECTORS, errp) ||
        !in_bounds("max-endpoints", config->max_endpoints,
                   VIRTIO_IRQ_CORE_MAX_ENDPOINTS, errp) ||
        !in_bounds("max-count", config->max_count, VIRTIO_IRQ_CORE_MAX_COUNT,
                   errp)) {
        return false;
    }
    if (s->pasid_bits > PASID_BITS_MAX) {
        error_setg(errp, "pasid-bits must be 0 to %u", PASID_BITS_MAX);
        return false;
    }
    return virtio_irq_check_quota(s, errp);
}

static bool virtio_irq_check_host(VirtIOIRQ *s, DeviceState *proxy,
                                  Error **errp)
{
    if (virtio_irq_kvm_bypasses() && !virtio_irq_kvm_supported()) {
        error_setg(errp, "virtio-irq does not work with KVM's in-kernel "
                   "interrupt controller on this machine: irqfds would bypass "
                   "it");
        error_append_hint(errp, "Use -accel kvm,kernel-irqchip=off or "
                          "-accel tcg.\n");
        return false;
    }
    if (object_dynamic_cast(OBJECT(proxy), "virtio-mmio")) {
        if (object_property_get_bool(OBJECT(proxy), "force-legacy", NULL)) {
            error_setg(errp, "virtio-irq needs virtio 1");
            error_append_hint(errp, "Use -global "
                              "virtio-mmio.force-legacy=false.\n");
            return false;
        }
        if (!s->scope_text) {
            error_setg(errp, "virtio-irq on virtio-mmio needs scope=: it is "
                       "in no PCI segment");
            return false;
        }
    }
    return true;
}

static void virtio_irq_device_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOIRQ *s = VIRTIO_IRQ(dev);
    DeviceState *proxy = qdev_get_parent_bus(dev)->parent;

    s->own_function = (PCIDevice *)object_dynamic_cast(OBJECT(proxy),
                                                       TYPE_PCI_DEVICE);
    if (!virtio_irq_check_host(s, proxy, errp) ||
        !virtio_irq_check_config(s, errp) ||
        !virtio_irq_parse_properties(s, errp) ||
        !virtio_irq_check_overlap(s, errp)) {
        return;
    }
    s->config.tlv_size = VIRTIO_IRQ_CORE_TLV_ALL;
    s->config.ims = true;
    qemu_guest_getrandom_nofail(&s->config.seed, sizeof(s->config.seed));
    s->core = virtio_irq_core_new(&s->config, &virtio_irq_ops, s);
    if (!s->core) {
        error_setg_errno(errp, errno, "virtio-irq: no device core");
        return;
    }
    virtio_irq_core_set_quotas(s->core, &s->quotas);

    virtio_init(vdev, VIRTIO_ID_IRQ, sizeof(struct virtio_irq_config));
    virtio_irq_requestq_init(s);
    virtio_irq_events_init(s);
    s->vm_state = qemu_add_vm_change_state_handler(virtio_irq_vm_state_change,
                                                   s);
    virtio_irq_sources_init(s);
    QLIST_INSERT_HEAD(&virtio_irq_controllers, s, next);
}

static void virtio_irq_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOIRQ *s = VIRTIO_IRQ(dev);

    QLIST_REMOVE(s, next);
    qemu_del_vm_change_state_handler(s->vm_state);
    virtio_irq_requestq_stop(s);
    virtio_irq_events_cleanup(s);
    virtio_irq_core_free(s->core);
    virtio_irq_kvm_commit();
    s->core = NULL;
    virtio_irq_sources_cleanup(s);
    virtio_irq_requestq_cleanup(s);
    virtio_cleanup(vdev);
}

static COMPAT_PROPERTY virtio_irq_properties[] = {
    DEFINE_PROP_UINT32("max-vectors", VirtIOIRQ, config.max_vectors, 65536),
    DEFINE_PROP_UINT32("max-endpoints", VirtIOIRQ, config.max_endpoints, 1024),
    DEFINE_PROP_UINT32("max-count", VirtIOIRQ, config.max_count, 4096),
    DEFINE_PROP_BOOL("lazy", VirtIOIRQ, lazy, true),
    DEFINE_PROP_BOOL("isolation", VirtIOIRQ, isolation, true),
    DEFINE_PROP_BOOL("events", VirtIOIRQ, events, true),
    DEFINE_PROP_UINT8("pasid-bits", VirtIOIRQ, pasid_bits, PASID_BITS_MAX),
    DEFINE_PROP_STRING("scope", VirtIOIRQ, scope_text),
    DEFINE_PROP_STRING("window", VirtIOIRQ, window_text),
    DEFINE_PROP_STRING("route-window", VirtIOIRQ, route_window_text),
    COMPAT_PROPERTIES_END
};

static void virtio_irq_instance_init(Object *obj)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);

    QTAILQ_INIT(&s->kept);
    QTAILQ_INIT(&s->held);
    QTAILQ_INIT(&s->buffers);
    s->quotas = (struct virtio_irq_quotas) {
        .vectors = UINT32_MAX,
        .endpoint_vectors = ENDPOINT_QUOTA,
        .committed = UINT32_MAX,
        .pool = UINT32_MAX,
    };
}

static void virtio_irq_class_init(ObjectClass *klass, COMPAT_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(klass);
    VirtIOIRQClass *vic = VIRTIO_IRQ_CLASS(klass);

    device_class_set_props(dc, virtio_irq_properties);
    virtio_irq_class_add_properties(klass);
    dc->vmsd = &vmstate_virtio_irq;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    vdc->realize = virtio_irq_device_realize;
    vdc->unrealize = virtio_irq_device_unrealize;
    vdc->reset = virtio_irq_reset;
    vdc->queue_reset = virtio_irq_queue_reset;
    vdc->get_config = virtio_irq_get_config;
    vdc->get_features = virtio_irq_get_features;
    vdc->validate_features = virtio_irq_validate_features;
    vdc->set_features = virtio_irq_set_features;
    vdc->set_status = virtio_irq_set_status;
    vdc->start_ioeventfd = virtio_irq_start_ioeventfd;
    vdc->stop_ioeventfd = virtio_irq_stop_ioeventfd;
    vic->run = virtio_irq_run;
    vic->request = virtio_irq_request;
}

static const TypeInfo virtio_irq_info = {
    .name = TYPE_VIRTIO_IRQ,
    .parent = TYPE_VIRTIO_DEVICE,
    .instance_size = sizeof(VirtIOIRQ),
    .instance_init = virtio_irq_instance_init,
    .class_size = sizeof(VirtIOIRQClass),
    .class_init = virtio_irq_class_init,
};

static void virtio_irq_register_types(void)
{
    type_register_static(&virtio_irq_info);
}

type_init(virtio_irq_register_types)
