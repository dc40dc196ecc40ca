/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: the request queue
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Moves requests between the queue and the device core. One that needs
 * something of the host is kept back until that is there, and an answer may be
 * held.
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "hw/virtio/virtio-access.h"
#include "hw/virtio/virtio-bus.h"
#include "virtio-irq.h"
#include "trace.h"

#define REQUESTQ_SIZE VIRTIO_IRQ_REQUESTQ_MIN

/*
 * A turn of the event loop does about so much work, in
 * virtio_irq_core_work()'s measure; one request is not divided. Then vCPUs
 * that wait for the big QEMU lock and other devices have theirs.
 */
#define WORK_PER_TURN 4096

static void virtio_irq_trace_request(VirtIOIRQ *s, const uint8_t *req,
                                     size_t req_size, const uint8_t *rsp,
                                     size_t used)
{
    const struct virtio_irq_req_head *head = (const void *)req;
    g_autofree char *address = NULL;
    const char *type, *status = NULL;
    uint32_t endpoint, first = 0, count = 0;
    uint16_t store = 0;

    if (!trace_event_get_state_backends(TRACE_VIRTIO_IRQ_REQUEST)) {
        return;
    }
    type = req_size >= sizeof(*head) ? virtio_irq_type_name(head->type) : NULL;
    if (type) {
        endpoint = le32_to_cpu(head->endpoint);
        address = g_strdup_printf("%04x:%02x:%02x.%x", endpoint >> 16,
                                  PCI_BUS_NUM(endpoint), PCI_SLOT(endpoint),
                                  PCI_FUNC(endpoint));
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
    trace_virtio_irq_request(s, type ?: "unknown", address ?: "-", store,
                             first, count, status ?: "no status", used);
}

static VirtIOIRQHeld *virtio_irq_pop(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held = virtqueue_pop(s->requestq, sizeof(*held));

    if (held) {
        held->rsp = NULL;
        held->asked = false;
        held->deadline = 0;
    }
    return held;
}

/* Shows the guest the answers that are ready, when what they say is true */
static void virtio_irq_flush(VirtIOIRQ *s)
{
    unsigned int num = s->num_ready;

    virtio_irq_kvm_commit();
    if (num) {
        RCU_READ_LOCK_GUARD();
        s->num_ready = 0;
        virtqueue_flush(s->requestq, num);
    }
}

/*
 * Telling KVM of a route takes it a grace period, so that is done once for all
 * requests of a turn. Until then nobody sees their answers.
 */
static void virtio_irq_answer(VirtIOIRQ *s, VirtQueueElement *elem,
                              const uint8_t *rsp, size_t rsp_size,
                              uint32_t used)
{
    iov_from_buf(elem->in_sg, elem->in_num, 0, rsp, MIN(rsp_size, used));
    WITH_RCU_READ_LOCK_GUARD() {
        virtqueue_fill(s->requestq, elem, used, s->num_ready++);
    }
    if (!virtio_irq_kvm_changed()) {
        virtio_irq_flush(s);
    }
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

unsigned int virtio_irq_num_kept(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held;
    unsigned int n = 0;

    QTAILQ_FOREACH(held, &s->kept, next) {
        n++;
    }
    return n;
}

/*
 * Buffers of a request may lie in the MMIO of any device. Our own refuses
 * accesses while its guard is taken, as it does during a notification. What
 * the guest can still do from there, by way of PCI configuration space, is a
 * function level reset, after which no request is held and the queue is gone;
 * and to switch our slot off, after which we are unrealized and exist by these
 * references alone.
 */
VirtIOIRQTurn virtio_irq_turn_begin(VirtIOIRQ *s)
{
    DeviceState *transport = qdev_get_parent_bus(DEVICE(s))->parent;
    VirtIOIRQTurn turn = {
        .transport = transport,
        .was_taken = transport->mem_reentrancy_guard.engaged_in_io,
    };

    object_ref(OBJECT(transport));
    object_ref(OBJECT(s));
    transport->mem_reentrancy_guard.engaged_in_io = true;
    return turn;
}

bool virtio_irq_turn_end(VirtIOIRQ *s, VirtIOIRQTurn turn, bool notify)
{
    bool realized = s->core;

    if (realized) {
        virtio_irq_flush(s);
    }
    if (realized && notify) {
        virtio_notify(VIRTIO_DEVICE(s), s->requestq);
    }
    turn.transport->mem_reentrancy_guard.engaged_in_io = turn.was_taken;
    object_unref(OBJECT(s));
    object_unref(OBJECT(turn.transport));
    return realized;
}

/* Gives the answers that are due, and sets the timer for the next one */
void virtio_irq_complete_held(VirtIOIRQ *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    VirtIOIRQTurn turn;
    VirtIOIRQHeld *held;
    bool any = false;

    timer_del(s->timer);
    if (!runstate_is_running()) {
        return;
    }
    turn = virtio_irq_turn_begin(s);
    while ((held = QTAILQ_FIRST(&s->held)) && held->deadline <= now) {
        QTAILQ_REMOVE(&s->held, held, next);
        trace_virtio_irq_complete(s, held->elem.index, held->used);
        virtio_irq_answer(s, &held->elem, held->rsp, held->rsp_size,
                          held->used);
        virtio_irq_held_free(held);
        any = true;
    }
    if (virtio_irq_turn_end(s, turn, any)) {
        held = QTAILQ_FIRST(&s->held);
        if (held) {
            timer_mod(s->timer, held->deadline);
        }
    }
}

static void virtio_irq_timer(void *opaque)
{
    virtio_irq_complete_held(opaque);
}

void virtio_irq_drop_held(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held;

    timer_del(s->timer);
    while ((held = QTAILQ_FIRST(&s->kept))) {
        QTAILQ_REMOVE(&s->kept, held, next);
        trace_virtio_irq_drop(s, held->elem.index);
        virtio_irq_sources_prepared(s, held);
        virtqueue_detach_element(s->requestq, &held->elem, 0);
        virtio_irq_held_free(held);
    }
    while ((held = QTAILQ_FIRST(&s->held))) {
        QTAILQ_REMOVE(&s->held, held, next);
        trace_virtio_irq_drop(s, held->elem.index);
        virtqueue_detach_element(s->requestq, &held->elem, 0);
        virtio_irq_held_free(held);
    }
}

void virtio_irq_hold(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    VirtIOIRQHeld *before;

    QTAILQ_FOREACH_REVERSE(before, &s->held, next) {
        if (before->deadline <= held->deadline) {
            QTAILQ_INSERT_AFTER(&s->held, before, held, next);
            return;
        }
    }
    QTAILQ_INSERT_HEAD(&s->held, held, next);
}

/* Of VirtIOIRQClass */
size_t virtio_irq_request(VirtIOIRQ *s, const void *req, size_t req_size,
                          void *rsp, size_t rsp_size, int64_t *deadline)
{
    return virtio_irq_core_request(s->core, req, req_size, rsp, rsp_size);
}

/* Its answer is in @s->rsp; the used length */
static size_t virtio_irq_carry_out(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    size_t used;

    held->deadline = 0;
    used = VIRTIO_IRQ_GET_CLASS(s)->request(s, held->req, held->req_size,
                                            s->rsp, held->rsp_size,
                                            &held->deadline);
    virtio_irq_sources_prepared(s, held);
    virtio_irq_trace_request(s, held->req, held->req_size, s->rsp,
                             MIN(used, held->rsp_size));
    return used;
}

/*
 * The answer stays out of guest memory until it is given: what is written into
 * a mapped buffer is marked dirty for migration only when that is unmapped.
 */
static void virtio_irq_hold_answer(VirtIOIRQ *s, VirtIOIRQHeld *held,
                                   size_t used)
{
    trace_virtio_irq_hold(s, held->elem.index, held->deadline);
    held->used = used;
    held->rsp_size = MIN(used, held->rsp_size);
    held->rsp = g_memdup2(s->rsp, held->rsp_size);
    virtio_irq_hold(s, held);
}

static void virtio_irq_finish_request(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    size_t used = virtio_irq_carry_out(s, held);

    if (held->deadline) {
        virtio_irq_hold_answer(s, held, used);
        s->has_held = true;
        return;
    }
    s->has_answered = true;
    virtio_irq_answer(s, &held->elem, s->rsp, held->rsp_size, used);
    virtio_irq_held_free(held);
}

/*
 * Requests that are kept back. What names a vector of one of them goes behind
 * it, if it needs something of the host or may do so. ACTIVATE is refused by
 * the core, DEACTIVATE takes effect at once. What gives vectors up does not
 * wait for what is to become of them: those in front of it are carried out with
 * what there is, and refused if that is not all.
 */

/* The first one in front of @end, NULL: of all, that names some of these */
static VirtIOIRQHeld *virtio_irq_find_kept(VirtIOIRQ *s,
                                           const struct virtio_irq_names *names,
                                           const VirtIOIRQHeld *end)
{
    VirtIOIRQHeld *held;

    QTAILQ_FOREACH(held, &s->kept, next) {
        if (held == end) {
            break;
        }
        if (virtio_irq_names_common(&held->names, names)) {
            return held;
        }
    }
    return NULL;
}

bool virtio_irq_is_kept(VirtIOIRQ *s, const struct virtio_irq_names *names)
{
    return virtio_irq_find_kept(s, names, NULL);
}

/* An answer may lead to a reset, after which none is kept */
static void virtio_irq_end_kept(VirtIOIRQ *s,
                                const struct virtio_irq_names *names,
                                const VirtIOIRQHeld *end)
{
    struct virtio_irq_names others;
    VirtIOIRQHeld *held;

    while ((held = virtio_irq_find_kept(s, names, end))) {
        others = held->names;
        if (virtio_irq_find_kept(s, &others, held)) {
            virtio_irq_end_kept(s, &others, held);
            continue;
        }
        QTAILQ_REMOVE(&s->kept, held, next);
        s->at_once = true;
        virtio_irq_finish_request(s, held);
        s->at_once = false;
    }
}

static bool virtio_irq_must_be_kept(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    struct virtio_irq_names *names = &held->names;

    if (!virtio_irq_core_names(s->core, held->req, held->req_size,
                               held->rsp_size, names)) {
        return false;
    }
    switch (names->type) {
    case VIRTIO_IRQ_T_ACTIVATE:
    case VIRTIO_IRQ_T_DEACTIVATE:
        return false;
    case VIRTIO_IRQ_T_ALLOC:
    case VIRTIO_IRQ_T_COMMIT:
        return virtio_irq_is_kept(s, names) ||
               !virtio_irq_sources_prepare(s, held, false);
    default:
        virtio_irq_end_kept(s, names, NULL);
        return false;
    }
}

/* The first one that can be carried out */
static VirtIOIRQHeld *virtio_irq_prepared(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held;

    QTAILQ_FOREACH(held, &s->kept, next) {
        if (!virtio_irq_find_kept(s, &held->names, held) &&
            virtio_irq_sources_prepare(s, held, false)) {
            return held;
        }
    }
    return NULL;
}

void virtio_irq_carry_out_kept(VirtIOIRQ *s)
{
    VirtIOIRQHeld *held;
    size_t used;

    while ((held = QTAILQ_FIRST(&s->kept))) {
        virtio_irq_sources_prepare(s, held, true);
        QTAILQ_REMOVE(&s->kept, held, next);
        used = virtio_irq_carry_out(s, held);
        virtio_irq_hold_answer(s, held, used);
    }
}

static void virtio_irq_handle_request(VirtIOIRQ *s, VirtIOIRQHeld *held)
{
    VirtQueueElement *elem = &held->elem;

    held->req_size = iov_to_buf(elem->out_sg, elem->out_num, 0, held->req,
                                sizeof(held->req));
    held->rsp_size = MIN(iov_size(elem->in_sg, elem->in_num), s->rsp_max);
    if (virtio_irq_must_be_kept(s, held)) {
        trace_virtio_irq_keep(s, elem->index);
        QTAILQ_INSERT_TAIL(&s->kept, held, next);
    } else if (s->core) {
        virtio_irq_finish_request(s, held);
    } else {
        virtio_irq_held_free(held);
    }
}

static bool virtio_irq_queue_runs(VirtIOIRQ *s)
{
    /* On the way of every message: no checked cast, here or in its callers */
    VirtIODevice *vdev = &s->parent_obj;

    return !vdev->broken && (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
           virtio_queue_ready(s->requestq);
}

/*
 * Serves at most one ring, and stops after @work: other vCPUs that keep
 * refilling it must not keep this one, and with it the big QEMU lock, for
 * ever. False if we were unrealized by it.
 */
static bool virtio_irq_serve(VirtIOIRQ *s, uint64_t work)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(s);
    int budget = virtio_queue_get_num(vdev, VIRTIO_IRQ_VQ_REQUEST);
    uint64_t start = virtio_irq_core_work(s->core);
    VirtIOIRQTurn turn = virtio_irq_turn_begin(s);
    VirtIOIRQHeld *held;
    bool realized;

    s->busy = true;
    s->has_answered = false;
    s->has_held = false;
    while (s->core && (held = virtio_irq_prepared(s))) {
        QTAILQ_REMOVE(&s->kept, held, next);
        virtio_irq_finish_request(s, held);
    }
    while (s->core && budget-- &&
           virtio_irq_core_work(s->core) - start < work &&
           (held = virtio_irq_pop(s))) {
        virtio_irq_handle_request(s, held);
    }
    s->busy = false;
    realized = virtio_irq_turn_end(s, turn, s->has_answered);
    if (realized && s->has_held) {
        virtio_irq_complete_held(s);
    }
    return realized;
}

/* Of VirtIOIRQClass */
void virtio_irq_run(VirtIOIRQ *s)
{
    if (!virtio_irq_queue_runs(s)) {
        return;
    }
    if (!s->busy && !virtio_irq_serve(s, WORK_PER_TURN)) {
        return;
    }
    if (!VIRTIO_DEVICE(s)->broken &&
        (!virtio_queue_empty(s->requestq) ||
         (s->busy && !QTAILQ_EMPTY(&s->kept)))) {
        qemu_bh_schedule(s->bh);
    }
}

static void virtio_irq_bh(void *opaque)
{
    VirtIOIRQ *s = opaque;

    /* Else virtio_irq_vm_state_change() comes back to it */
    if (runstate_is_running()) {
        virtio_irq_sources_lost(s);
        VIRTIO_IRQ_GET_CLASS(s)->run(s);
    }
}

static void virtio_irq_handle_requestq(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOIRQ *s = VIRTIO_IRQ(vdev);

    trace_virtio_irq_kick(s);
    s->kicks++;
    VIRTIO_IRQ_GET_CLASS(s)->run(s);
}

void virtio_irq_serve_before_message(VirtIOIRQ *s)
{
    if (s->busy ||
        !virtio_vdev_has_feature(&s->parent_obj, VIRTIO_IRQ_F_LAZY) ||
        !virtio_irq_queue_runs(s) || virtio_queue_empty(s->requestq)) {
        return;
    }
    /* All of it, whatever that takes: the promise has no limit */
    virtio_irq_serve(s, UINT64_MAX);
}

/*
 * With LAZY, what disarms takes effect though nobody has notified us of it.
 * Other requests need not, so what this takes is bounded by the vectors that
 * there are.
 */
static void virtio_irq_carry_out_disarming(VirtIOIRQ *s)
{
    int budget = virtio_queue_get_num(VIRTIO_DEVICE(s), VIRTIO_IRQ_VQ_REQUEST);
    uint8_t req[VIRTIO_IRQ_CORE_REQ_MAX + 1] QEMU_ALIGNED(8);
    const struct virtio_irq_req_head *head = (const void *)req;
    VirtIOIRQHeld *held;
    size_t req_size;

    while (budget-- && (held = virtio_irq_pop(s))) {
        req_size = iov_to_buf(held->elem.out_sg, held->elem.out_num, 0, req,
                              sizeof(req));
        if (req_size >= sizeof(*head) &&
            (head->type == VIRTIO_IRQ_T_DETACH ||
             head->type == VIRTIO_IRQ_T_RELEASE ||
             head->type == VIRTIO_IRQ_T_DEACTIVATE ||
             head->type == VIRTIO_IRQ_T_FREE)) {
            virtio_irq_core_request(s->core, req, req_size, s->rsp, s->rsp_max);
        }
        virtqueue_detach_element(s->requestq, &held->elem, 0);
        virtio_irq_held_free(held);
    }
}

void virtio_irq_requestq_drop(VirtIOIRQ *s)
{
    qemu_bh_cancel(s->bh);
    virtio_irq_drop_held(s);
    s->num_ready = 0;
}

void virtio_irq_requestq_reset(VirtIOIRQ *s)
{
    virtio_irq_requestq_drop(s);
    if (!s->busy &&
        virtio_vdev_has_feature(VIRTIO_DEVICE(s), VIRTIO_IRQ_F_LAZY) &&
        virtio_irq_queue_runs(s)) {
        virtio_irq_carry_out_disarming(s);
    }
}

void virtio_irq_requestq_init(VirtIOIRQ *s)
{
    s->rsp_max = virtio_irq_core_rsp_max(s->core);
    s->rsp = g_malloc0(s->rsp_max);
    s->requestq = virtio_add_queue(VIRTIO_DEVICE(s), REQUESTQ_SIZE,
                                   virtio_irq_handle_requestq);
    s->bh = virtio_bh_new_guarded(DEVICE(s), virtio_irq_bh, s);
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, virtio_irq_timer, s);
}

void virtio_irq_requestq_stop(VirtIOIRQ *s)
{
    virtio_irq_drop_held(s);
    timer_free(s->timer);
}

void virtio_irq_requestq_cleanup(VirtIOIRQ *s)
{
    qemu_bh_delete(s->bh);
    g_clear_pointer(&s->rsp, g_free);
    virtio_delete_queue(s->requestq);
}
