/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: paravirtual interrupt controller
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Moves requests between the queue and the device core.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bitmap.h"
#include "qemu/error-report.h"
#include "qemu/guest-random.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "hw/qdev-properties.h"
#include "hw/virtio/virtio-access.h"
#include "hw/virtio/virtio-bus.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "virtio-irq.h"
#include "trace.h"

#define REQUESTQ_SIZE VIRTIO_IRQ_REQUESTQ_MIN
#define EVENTQ_SIZE 64

#define PASID_BITS_MAX 20
QEMU_BUILD_BUG_ON(VIRTIO_IRQ_PASID_MASK != (1 << PASID_BITS_MAX) - 1);

/* Of one endpoint: what MSI-X can have, for each of four stores */
#define ENDPOINT_QUOTA (4 * (PCI_MSIX_FLAGS_QSIZE + 1))

/*
 * The core's state takes less for each vector and each endpoint; what is longer
 * in a migration stream is not believed.
 */
#define STATE_BYTES_PER_OBJECT 256

static void virtio_irq_trace_request(VirtIOIRQ *s, const uint8_t *req,
                                     size_t req_size, const uint8_t *rsp,
                                     size_t used)
{
    const struct virtio_irq_req_head *head = (const void *)req;
    const char *type, *status = NULL;
    uint32_t endpoint = 0, first = 0, count = 0;
    uint16_t store = 0;

    if (!trace_event_get_state_backends(TRACE_VIRTIO_IRQ_REQUEST)) {
        return;
    }
    type = req_size >= sizeof(*head) ? virtio_irq_type_name(head->type) : NULL;
    if (req_size >= sizeof(*head)) {
        endpoint = le32_to_cpu(head->endpoint);
    }
    /* store, first and count are at the same place wherever they exist */
    if (req_size >= sizeof(struct virtio_irq_req_deactivate)) {
        store = lduw_le_p(req + 8);
        first = ldl_le_p(req + 12);
        count = 1;
    }
    if (type && req_size >= sizeof(struct virtio_irq_req_range) &&
        head->type != VIRTIO_IRQ_T_ACTIVATE) {
        count = ldl_le_p(req + 16);
    }
    if (used) {
        status = virtio_irq_status_name(rsp[0]);
    }
    trace_virtio_irq_request(s, type ? type : "unknown", endpoint, store, first,
                             count, status ? status : "no status", used);
}

static VirtIOIRQHeld *virtio_irq_pop(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held = virtqueue_pop(s->requestq, sizeof(*held));

    if (held) {
        held->rsp = NULL;
    }
    return held;
}

static void virtio_irq_answer(VirtIOIRQ *s, VirtQueueElement *elem,
                              const uint8_t *rsp, size_t rsp_size,
                              uint32_t used)
{
    iov_from_buf(elem->in_sg, elem->in_num, 0, rsp, MIN(rsp_size, used));
    virtqueue_push(s->requestq, elem, used);
}

static void virtio_irq_held_free(VirtIOIRQHeld *held)
{
    g_free(held->rsp);
    g_free(held);
}

unsigned int virtio_irq_num_held(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held;
    unsigned int n = 0;

    QTAILQ_FOREACH(held, &s->held, next) {
        n++;
    }
    return n;
}

/* Gives the answers that are due, and sets the timer for the next one */
static void virtio_irq_complete_held(VirtIOIRQ *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    VirtIOIRQHeld *held, *next;
    int64_t earliest = INT64_MAX;
    bool any = false;

    if (s->inject.mute != VIRTIO_IRQ_MUTE_OFF || !runstate_is_running()) {
        timer_del(s->timer);
        return;
    }
    QTAILQ_FOREACH_SAFE(held, &s->held, next, next) {
        if (held->deadline > now) {
            earliest = MIN(earliest, held->deadline);
            continue;
        }
        QTAILQ_REMOVE(&s->held, held, next);
        trace_virtio_irq_complete(s, held->elem.index, held->used);
        virtio_irq_answer(s, &held->elem, held->rsp, held->rsp_size,
                          held->used);
        virtio_irq_held_free(held);
        any = true;
    }
    if (any) {
        virtio_notify(vdev, s->requestq);
    }
    if (earliest != INT64_MAX) {
        timer_mod(s->timer, earliest);
    } else {
        timer_del(s->timer);
    }
}

static void virtio_irq_timer(void *opaque)
{
    virtio_irq_complete_held(opaque);
}

static void virtio_irq_drop_held(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held;

    timer_del(s->timer);
    while ((held = QTAILQ_FIRST(&s->held))) {
        QTAILQ_REMOVE(&s->held, held, next);
        trace_virtio_irq_drop(s, held->elem.index);
        virtqueue_detach_element(s->requestq, &held->elem, 0);
        virtio_irq_held_free(held);
    }
}

/*
 * The answer stays out of guest memory until it is given: what is written into
 * a mapped buffer is marked dirty for migration only when that is unmapped.
 */
static void virtio_irq_hold(VirtIOIRQ *s, VirtIOIRQHeld *held, uint32_t used,
                            size_t rsp_size, uint32_t delay_us)
{
    trace_virtio_irq_hold(s, held->elem.index, delay_us);
    held->deadline = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                     (int64_t)delay_us * SCALE_US;
    held->used = used;
    held->rsp_size = MIN(used, rsp_size);
    held->rsp = g_memdup2(s->rsp, held->rsp_size);
    QTAILQ_INSERT_TAIL(&s->held, held, next);
}

/* Carries out one request; true if it was answered */
static bool virtio_irq_handle_request(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    VirtQueueElement *elem = &held->elem;
    /* One byte more, to tell a request that is too long */
    uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX + 1] QEMU_ALIGNED(8);
    uint32_t delay_us = 0;
    size_t req_size, rsp_size, used;

    req_size = iov_to_buf(elem->out_sg, elem->out_num, 0, req, sizeof(req));
    rsp_size = MIN(iov_size(elem->in_sg, elem->in_num), s->rsp_max);
    used = virtio_irq_inject_request(&s->inject, s->core, req, req_size,
                                     s->rsp, rsp_size, &delay_us);
    virtio_irq_trace_request(s, req, req_size, s->rsp, MIN(used, rsp_size));

    if (delay_us || s->inject.mute != VIRTIO_IRQ_MUTE_OFF) {
        virtio_irq_hold(s, held, used, rsp_size, delay_us);
        return false;
    }
    virtio_irq_answer(s, elem, s->rsp, rsp_size, used);
    virtio_irq_held_free(held);
    return true;
}

static bool virtio_irq_queue_runs(VirtIOIRQ *s)
{
    /* On the way of every message: no checked cast, here or in its callers */
    VirtIODevice *vdev = &s->parent_obj;

    return !vdev->broken && (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
           virtio_queue_ready(s->requestq);
}

/*
 * Serves at most one ring: another vCPU that keeps refilling it must not keep
 * this one, and with it the big QEMU lock, for ever.
 */
static void virtio_irq_serve(VirtIOIRQ *s)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    int budget = virtio_queue_get_num(vdev, VIRTIO_IRQ_VQ_REQUEST);
    VirtIOIRQHeld *held;
    bool any = false, kept = false;

    s->busy = true;
    while (budget-- && (held = virtio_irq_pop(s))) {
        if (virtio_irq_handle_request(s, held)) {
            any = true;
        } else {
            kept = true;
        }
    }
    s->busy = false;
    if (any) {
        virtio_notify(vdev, s->requestq);
    }
    if (kept) {
        virtio_irq_complete_held(s);
    }
}

/* Serves the queue, unless the tester or the guest has stopped it */
static void virtio_irq_run(VirtIOIRQ *s)
{
    if (s->inject.mute == VIRTIO_IRQ_MUTE_STALL || !virtio_irq_queue_runs(s)) {
        return;
    }
    if (!s->busy) {
        virtio_irq_serve(s);
    }
    if (!VIRTIO_DEVICE(s)->broken && !virtio_queue_empty(s->requestq)) {
        qemu_bh_schedule(s->bh);
    }
}

static void virtio_irq_bh(void *opaque)
{
    VirtIOIRQ *s = opaque;

    /* Else virtio_irq_vm_state_change() comes back to it */
    if (runstate_is_running()) {
        virtio_irq_run(s);
    }
}

static void virtio_irq_handle_requestq(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    trace_virtio_irq_kick(s);
    s->kicks++;
    virtio_irq_run(s);
}

static void virtio_irq_handle_eventq(VirtIODevice *vdev, VirtQueue *vq)
{
    /* Buffers wait there until there is an event */
}

void virtio_irq_serve_before_message(VirtIOIRQ *s)
{
    if (s->busy ||
        !virtio_vdev_has_feature(&s->parent_obj, VIRTIO_IRQ_F_LAZY) ||
        !virtio_irq_queue_runs(s) || virtio_queue_empty(s->requestq)) {
        return;
    }
    /* A stalled device keeps the promise too, it only gives no answers */
    virtio_irq_serve(s);
}

void virtio_irq_mute_changed(VirtIOIRQ *s)
{
    virtio_irq_complete_held(s);
    qemu_bh_schedule(s->bh);
}

static void virtio_irq_vm_state_change(void *opaque, bool running,
                                       RunState state)
{
    VirtIOIRQ *s = opaque;

    if (running) {
        /* A migration or a stop may have come between a kick and its bh */
        virtio_irq_mute_changed(s);
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

    if (s->lazy) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_LAZY);
    }
    if (s->num_scopes) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_SCOPE);
    }
    if (s->pasid_bits) {
        virtio_add_feature(&features, VIRTIO_IRQ_F_PASID);
    }
    return features;
}

static void virtio_irq_set_features(VirtIODevice *vdev, uint64_t features)
{
    virtio_irq_core_set_features(VIRTIO_IRQ(vdev)->core, features);
}

static void virtio_irq_reset(VirtIODevice *vdev)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    trace_virtio_irq_reset(s);
    qemu_bh_cancel(s->bh);
    virtio_irq_drop_held(s);
    virtio_irq_core_reset(s->core);
}

/* Drops the requests, keeps the vectors: this is how a driver recovers */
static void virtio_irq_queue_reset(VirtIODevice *vdev, uint32_t queue_index)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    trace_virtio_irq_queue_reset(s, queue_index);
    if (queue_index == VIRTIO_IRQ_VQ_REQUEST) {
        qemu_bh_cancel(s->bh);
        virtio_irq_drop_held(s);
    }
}

static bool virtio_irq_check_config(VirtIOIRQ *s, Error **errp)
{
    const struct virtio_irq_core_config *config = &s->config;

    if (!config->max_vectors || config->max_vectors > 1 << 24) {
        error_setg(errp, "max-vectors must be 1 to %u", 1 << 24);
        return false;
    }
    if (!config->max_endpoints || config->max_endpoints > 1 << 20) {
        error_setg(errp, "max-endpoints must be 1 to %u", 1 << 20);
        return false;
    }
    if (!config->max_count || config->max_count > 1 << 16) {
        error_setg(errp, "max-count must be 1 to %u", 1 << 16);
        return false;
    }
    if (s->pasid_bits > PASID_BITS_MAX) {
        error_setg(errp, "pasid-bits must be 0 to %u", PASID_BITS_MAX);
        return false;
    }
    return true;
}

static bool virtio_irq_check_host(VirtIOIRQ *s, DeviceState *proxy,
                                  Error **errp)
{
    if (kvm_enabled() && kvm_msi_via_irqfd_enabled()) {
        error_setg(errp, "virtio-irq does not work with KVM's in-kernel "
                   "interrupt controller yet: irqfd routes would bypass it "
                   "and deliver to vectors that the guest does not own");
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

    if (!virtio_irq_check_host(s, proxy, errp) ||
        !virtio_irq_check_config(s, errp) ||
        !virtio_irq_parse_properties(s, errp)) {
        return;
    }
    s->own_function = (PCIDevice *)object_dynamic_cast(OBJECT(proxy),
                                                       TYPE_PCI_DEVICE);
    s->config.tlv_size = VIRTIO_IRQ_CORE_TLV_ALL;
    s->config.ims = true;
    qemu_guest_getrandom_nofail(&s->config.seed, sizeof(s->config.seed));
    s->core = virtio_irq_core_new(&s->config, &virtio_irq_ops, s);
    if (!s->core) {
        error_setg_errno(errp, errno, "virtio-irq: no device core");
        return;
    }
    virtio_irq_core_set_quotas(s->core, &s->quotas);
    s->rsp_max = virtio_irq_core_rsp_max(s->core);
    s->rsp = g_malloc0(s->rsp_max);

    virtio_init(vdev, VIRTIO_ID_IRQ, sizeof(struct virtio_irq_config));
    s->requestq = virtio_add_queue(vdev, REQUESTQ_SIZE,
                                   virtio_irq_handle_requestq);
    s->eventq = virtio_add_queue(vdev, EVENTQ_SIZE, virtio_irq_handle_eventq);
    s->bh = qemu_bh_new_guarded(virtio_irq_bh, s, &dev->mem_reentrancy_guard);
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, virtio_irq_timer, s);
    s->vm_state = qemu_add_vm_change_state_handler(virtio_irq_vm_state_change,
                                                   s);
    virtio_irq_sources_init(s);
}

static void virtio_irq_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOIRQ *s = VIRTIO_IRQ(dev);

    qemu_del_vm_change_state_handler(s->vm_state);
    qemu_bh_delete(s->bh);
    virtio_irq_drop_held(s);
    timer_free(s->timer);
    virtio_irq_core_free(s->core);
    s->core = NULL;
    virtio_irq_sources_cleanup(s);
    g_clear_pointer(&s->rsp, g_free);
    virtio_delete_queue(s->eventq);
    virtio_delete_queue(s->requestq);
    virtio_cleanup(vdev);
}

/* Migration: what the core knows */

static int virtio_irq_put_core(QEMUFile *f, void *pv, size_t size,
                               const VMStateField *field, JSONWriter *vmdesc)
{
    VirtIOIRQ *s = container_of(pv, VirtIOIRQ, core);
    uint8_t *blob;
    size_t blob_size;
    int ret;

    ret = virtio_irq_core_save(s->core, &blob, &blob_size);
    if (ret) {
        return ret;
    }
    qemu_put_be32(f, blob_size);
    qemu_put_buffer(f, blob, blob_size);
    free(blob);
    return 0;
}

static int virtio_irq_get_core(QEMUFile *f, void *pv, size_t size,
                               const VMStateField *field)
{
    VirtIOIRQ *s = container_of(pv, VirtIOIRQ, core);
    uint64_t limit = ((uint64_t)s->config.max_vectors +
                      s->config.max_endpoints + 1) * STATE_BYTES_PER_OBJECT;
    uint32_t blob_size = qemu_get_be32(f);
    g_autofree uint8_t *blob = NULL;
    int ret;

    blob = blob_size <= limit ? g_try_malloc(MAX(blob_size, 1)) : NULL;
    if (!blob || qemu_get_buffer(f, blob, blob_size) != blob_size) {
        error_report("virtio-irq: state of %" PRIu32 " bytes in the migration "
                     "stream does not fit", blob_size);
        return -EINVAL;
    }
    virtio_irq_core_reset(s->core);
    ret = virtio_irq_core_load(s->core, blob, blob_size);
    if (ret == -ENODEV) {
        error_report("virtio-irq: a function that the guest has attached does "
                     "not exist here, or is out of scope");
    } else if (ret) {
        error_report("virtio-irq: state in the migration stream is not valid: "
                     "%s", strerror(-ret));
    }
    return ret;
}

static const VMStateInfo virtio_irq_core_vmstate_info = {
    .name = "virtio-irq core",
    .get = virtio_irq_get_core,
    .put = virtio_irq_put_core,
};

/* Migration: requests that were carried out and not answered yet */

static int virtio_irq_put_held(QEMUFile *f, void *pv, size_t size,
                               const VMStateField *field, JSONWriter *vmdesc)
{
    VirtIOIRQ *s = container_of(pv, VirtIOIRQ, held);
    VirtIOIRQHeld *held;

    qemu_put_be32(f, virtio_irq_num_held(s));
    QTAILQ_FOREACH(held, &s->held, next) {
        qemu_put_sbe64(f, held->deadline);
        qemu_put_be32(f, held->used);
        qemu_put_be32(f, held->rsp_size);
        qemu_put_buffer(f, held->rsp, held->rsp_size);
        qemu_put_virtqueue_element(VIRTIO_DEVICE(s), f, &held->elem);
    }
    return 0;
}

static VirtIOIRQHeld *virtio_irq_get_one_held(VirtIOIRQ *s, QEMUFile *f,
                                              unsigned long *heads)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    int64_t deadline = qemu_get_sbe64(f);
    uint32_t used = qemu_get_be32(f);
    uint32_t rsp_size = qemu_get_be32(f);
    g_autofree uint8_t *rsp = NULL;
    VirtIOIRQHeld *held;

    /* used may exceed it by the tester's will */
    if (rsp_size > s->rsp_max || rsp_size > used) {
        return NULL;
    }
    rsp = g_malloc(MAX(rsp_size, 1));
    if (qemu_get_buffer(f, rsp, rsp_size) != rsp_size) {
        return NULL;
    }
    held = qemu_get_virtqueue_element(vdev, f, sizeof(*held));
    held->deadline = deadline;
    held->used = used;
    held->rsp_size = rsp_size;
    held->rsp = g_steal_pointer(&rsp);
    QTAILQ_INSERT_TAIL(&s->held, held, next);
    if (held->elem.index >=
            virtio_queue_get_num(vdev, VIRTIO_IRQ_VQ_REQUEST) ||
        test_and_set_bit(held->elem.index, heads)) {
        return NULL;
    }
    return held;
}

static int virtio_irq_get_held(QEMUFile *f, void *pv, size_t size,
                               const VMStateField *field)
{
    VirtIOIRQ *s = container_of(pv, VirtIOIRQ, held);
    DECLARE_BITMAP(heads, VIRTQUEUE_MAX_SIZE) = { };
    uint32_t i, n = qemu_get_be32(f);

    virtio_irq_drop_held(s);
    for (i = 0; i < n; i++) {
        if (!virtio_irq_get_one_held(s, f, heads)) {
            error_report("virtio-irq: a held request in the migration stream "
                         "is not valid");
            virtio_irq_drop_held(s);
            return -EINVAL;
        }
    }
    /* virtio_irq_vm_state_change() gives the answers */
    return 0;
}

static const VMStateInfo virtio_irq_held_vmstate_info = {
    .name = "virtio-irq held requests",
    .get = virtio_irq_get_held,
    .put = virtio_irq_put_held,
};

static int virtio_irq_post_load(void *opaque, int version_id)
{
    VirtIOIRQ *s = opaque;

    virtio_irq_core_set_quotas(s->core, &s->quotas);
    return 0;
}

static const VMStateDescription vmstate_virtio_irq_device = {
    .name = "virtio-irq-device",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = virtio_irq_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(quotas.vectors, VirtIOIRQ),
        VMSTATE_UINT32(quotas.endpoint_vectors, VirtIOIRQ),
        VMSTATE_UINT32(quotas.committed, VirtIOIRQ),
        VMSTATE_UINT32(quotas.pool, VirtIOIRQ),
        {
            .name = "core",
            .info = &virtio_irq_core_vmstate_info,
            .flags = VMS_SINGLE,
            .offset = offsetof(VirtIOIRQ, core),
        },
        {
            .name = "held",
            .info = &virtio_irq_held_vmstate_info,
            .flags = VMS_SINGLE,
            .offset = offsetof(VirtIOIRQ, held),
        },
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_virtio_irq = {
    .name = "virtio-irq",
    .version_id = 1,
    .minimum_version_id = 1,
    /*
     * After the bridges, which have MIG_PRI_PCI_BUS, so that bus numbers are
     * known; before the functions, since msix_load() sends what is pending.
     */
    .priority = MIG_PRI_IOMMU,
    .fields = (const VMStateField[]) {
        VMSTATE_VIRTIO_DEVICE,
        VMSTATE_END_OF_LIST()
    },
};

static COMPAT_PROPERTY virtio_irq_properties[] = {
    DEFINE_PROP_UINT32("max-vectors", VirtIOIRQ, config.max_vectors, 65536),
    DEFINE_PROP_UINT32("max-endpoints", VirtIOIRQ, config.max_endpoints, 1024),
    DEFINE_PROP_UINT32("max-count", VirtIOIRQ, config.max_count, 4096),
    DEFINE_PROP_BOOL("lazy", VirtIOIRQ, lazy, true),
    DEFINE_PROP_UINT8("pasid-bits", VirtIOIRQ, pasid_bits, PASID_BITS_MAX),
    DEFINE_PROP_STRING("scope", VirtIOIRQ, scope_text),
    DEFINE_PROP_STRING("window", VirtIOIRQ, window_text),
    DEFINE_PROP_STRING("route-window", VirtIOIRQ, route_window_text),
    COMPAT_PROPERTIES_END
};

static void virtio_irq_instance_init(Object *obj)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);

    QTAILQ_INIT(&s->held);
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
    vdc->set_features = virtio_irq_set_features;
    vdc->start_ioeventfd = virtio_irq_start_ioeventfd;
    vdc->stop_ioeventfd = virtio_irq_stop_ioeventfd;
    vdc->vmsd = &vmstate_virtio_irq_device;
}

static const TypeInfo virtio_irq_info = {
    .name = TYPE_VIRTIO_IRQ,
    .parent = TYPE_VIRTIO_DEVICE,
    .instance_size = sizeof(VirtIOIRQ),
    .instance_init = virtio_irq_instance_init,
    .class_init = virtio_irq_class_init,
};

static void virtio_irq_register_types(void)
{
    type_register_static(&virtio_irq_info);
}

type_init(virtio_irq_register_types)
