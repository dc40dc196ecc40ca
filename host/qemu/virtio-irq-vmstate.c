/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: migration
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Between devices of the same version and the same properties. What an
 * administrator sets (quotas) is the destination's own. A stream is believed as
 * little as a guest: virtio_irq_core_load() checks what arrives here.
 */

#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "virtio-irq.h"

static const VMStateDescription vmstate_virtio_irq_store = {
    .name = "virtio-irq-store",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT16(store, struct virtio_irq_store_info),
        VMSTATE_UINT8(flags, struct virtio_irq_store_info),
        VMSTATE_UINT8(multi_msi, struct virtio_irq_store_info),
        VMSTATE_UINT32(size, struct virtio_irq_store_info),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_virtio_irq_endpoint = {
    .name = "virtio-irq-endpoint",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(id, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT8(isolated, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT8(pasid_width, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT8(num_stores, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT8(flags, struct virtio_irq_saved_endpoint),
        VMSTATE_STRUCT_ARRAY(stores, struct virtio_irq_saved_endpoint,
                             VIRTIO_IRQ_CORE_MAX_STORES, 1,
                             vmstate_virtio_irq_store,
                             struct virtio_irq_store_info),
        VMSTATE_UINT64(window_start, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT64(window_end, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT64(pair_address, struct virtio_irq_saved_endpoint),
        VMSTATE_UINT32(num_vectors, struct virtio_irq_saved_endpoint),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_virtio_irq_path = {
    .name = "virtio-irq-path",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BUFFER(path, VirtIOIRQPath),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_virtio_irq_vector = {
    .name = "virtio-irq-vector",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(index, struct virtio_irq_saved_vector),
        VMSTATE_UINT32(data, struct virtio_irq_saved_vector),
        VMSTATE_UINT64(route_address, struct virtio_irq_saved_vector),
        VMSTATE_UINT32(route_data, struct virtio_irq_saved_vector),
        VMSTATE_UINT32(pasid, struct virtio_irq_saved_vector),
        VMSTATE_UINT32(flags, struct virtio_irq_saved_vector),
        VMSTATE_UINT32(other_data, struct virtio_irq_saved_vector),
        VMSTATE_UINT64(told_address, struct virtio_irq_saved_vector),
        VMSTATE_UINT32(reason, struct virtio_irq_saved_vector),
        VMSTATE_UINT16(store, struct virtio_irq_saved_vector),
        VMSTATE_UINT8(addr_width, struct virtio_irq_saved_vector),
        VMSTATE_UINT8(order, struct virtio_irq_saved_vector),
        VMSTATE_END_OF_LIST()
    },
};

/*
 * Requests that were carried out and not answered yet. Not in fields of their
 * own: what the transport has popped is written by a function, as all virtio
 * devices do.
 */

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

    /* What is used may be more, by a tester's will */
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
    virtio_irq_hold(s, held);
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

/* Also .post_save and .pre_load */
static int free_saved(void *opaque)
{
    VirtIOIRQ *s = opaque;

    s->num_saved_endpoints = 0;
    s->num_saved_vectors = 0;
    g_clear_pointer(&s->saved_endpoints, g_free);
    g_clear_pointer(&s->saved_paths, g_free);
    g_clear_pointer(&s->saved_vectors, g_free);
    return 0;
}

/*
 * An endpoint's number may be that of another function by now; its path is not
 */
static int save_path(VirtIOIRQPath *saved, PCIDevice *pdev)
{
    g_autofree char *path = qdev_get_dev_path(DEVICE(pdev));

    if (strlen(path) >= sizeof(saved->path)) {
        error_report("virtio-irq: '%s' is too far away to migrate", path);
        return -EINVAL;
    }
    pstrcpy((char *)saved->path, sizeof(saved->path), path);
    return 0;
}

static int virtio_irq_pre_save(void *opaque)
{
    VirtIOIRQ *s = opaque;
    uint32_t i, num_endpoints, num_vectors;
    int ret = 0;

    free_saved(s);
    /* The destination does not have what this host has answered */
    virtio_irq_carry_out_kept(s);
    virtio_irq_events_put_back(s);
    virtio_irq_core_count(s->core, &num_endpoints, &num_vectors);
    s->num_saved_endpoints = num_endpoints;
    s->num_saved_vectors = num_vectors;
    s->saved_endpoints = g_new0(struct virtio_irq_saved_endpoint,
                                num_endpoints);
    s->saved_paths = g_new0(VirtIOIRQPath, num_endpoints);
    s->saved_vectors = g_new0(struct virtio_irq_saved_vector, num_vectors);
    virtio_irq_core_save(s->core, s->saved_endpoints, s->saved_vectors);
    for (i = 0; i < num_endpoints && !ret; i++) {
        ret = save_path(&s->saved_paths[i],
                        virtio_irq_find_attached(s, s->saved_endpoints[i].id));
    }
    return ret;
}

/* Before memory is allocated for what is said to come */
static bool virtio_irq_counts_are_possible(void *opaque, int version_id)
{
    VirtIOIRQ *s = opaque;

    return s->num_saved_endpoints >= 0 && s->num_saved_vectors >= 0 &&
           s->num_saved_endpoints <= s->config.max_endpoints &&
           s->num_saved_vectors <= VIRTIO_IRQ_CORE_MAX_VECTORS;
}

/*
 * Which function is which endpoint; what is not found here is refused by
 * .attach
 */
static void find_saved(VirtIOIRQ *s)
{
    g_autoptr(GHashTable) by_path = g_hash_table_new_full(g_str_hash,
                                                          g_str_equal, g_free,
                                                          NULL);
    GHashTableIter iter;
    PCIDevice *pdev;
    int32_t i;

    g_hash_table_iter_init(&iter, s->functions);
    while (g_hash_table_iter_next(&iter, (gpointer *)&pdev, NULL)) {
        g_hash_table_insert(by_path, qdev_get_dev_path(DEVICE(pdev)), pdev);
    }
    for (i = 0; i < s->num_saved_endpoints; i++) {
        VirtIOIRQPath *saved = &s->saved_paths[i];

        saved->path[sizeof(saved->path) - 1] = '\0';
        pdev = g_hash_table_lookup(by_path, saved->path);
        if (pdev) {
            g_hash_table_insert(s->loading,
                                GUINT_TO_POINTER(s->saved_endpoints[i].id),
                                pdev);
        } else {
            error_report("virtio-irq: '%s', which the guest has attached, does "
                         "not exist here", saved->path);
        }
    }
}

/* The transport and the features that were negotiated are there by now */
static int virtio_irq_post_load(void *opaque, int version_id)
{
    VirtIOIRQ *s = opaque;
    VirtIOIRQSince since;
    int ret;

    s->num_old_buffers = MIN(s->num_old_buffers, VIRTQUEUE_MAX_SIZE);
    s->loading = g_hash_table_new(NULL, NULL);
    memory_region_transaction_begin();
    virtio_irq_core_reset(s->core);
    find_saved(s);
    since = virtio_irq_since_begin(s);
    ret = virtio_irq_core_load(s->core, s->saved_endpoints,
                               s->num_saved_endpoints, s->saved_vectors,
                               s->num_saved_vectors);
    memory_region_transaction_commit();
    virtio_irq_since_end(s, since);
    g_clear_pointer(&s->loading, g_hash_table_destroy);
    free_saved(s);
    if (ret == -ENODEV) {
        error_report("virtio-irq: a function that the guest has attached does "
                     "not exist here, is out of scope, or is another one");
    } else if (ret) {
        error_report("virtio-irq: state in the migration stream is not valid: "
                     "%s", strerror(-ret));
    } else {
        virtio_irq_enforce_quotas(s);
    }
    return ret;
}

const VMStateDescription vmstate_virtio_irq = {
    .name = "virtio-irq",
    .version_id = 1,
    .minimum_version_id = 1,
    /* Before the functions, since msix_load() sends what is pending */
    .priority = MIG_PRI_IOMMU,
    .pre_save = virtio_irq_pre_save,
    .post_save = free_saved,
    .pre_load = free_saved,
    .post_load = virtio_irq_post_load,
    /* Not in VirtioDeviceClass.vmsd: no tool can read that part of a stream */
    .fields = (const VMStateField[]) {
        VMSTATE_VIRTIO_DEVICE,
        /* The guest has read these */
        VMSTATE_UINT32_EQUAL(config.max_vectors, VirtIOIRQ, NULL),
        VMSTATE_UINT32_EQUAL(config.max_endpoints, VirtIOIRQ, NULL),
        VMSTATE_UINT32_EQUAL(config.max_count, VirtIOIRQ, NULL),
        VMSTATE_INT32(num_saved_endpoints, VirtIOIRQ),
        VMSTATE_INT32(num_saved_vectors, VirtIOIRQ),
        VMSTATE_VALIDATE("counts are possible", virtio_irq_counts_are_possible),
        VMSTATE_STRUCT_VARRAY_ALLOC(saved_endpoints, VirtIOIRQ,
                                    num_saved_endpoints, 1,
                                    vmstate_virtio_irq_endpoint,
                                    struct virtio_irq_saved_endpoint),
        VMSTATE_STRUCT_VARRAY_ALLOC(saved_paths, VirtIOIRQ,
                                    num_saved_endpoints, 1,
                                    vmstate_virtio_irq_path, VirtIOIRQPath),
        VMSTATE_STRUCT_VARRAY_ALLOC(saved_vectors, VirtIOIRQ,
                                    num_saved_vectors, 1,
                                    vmstate_virtio_irq_vector,
                                    struct virtio_irq_saved_vector),
        VMSTATE_UINT32(num_old_buffers, VirtIOIRQ),
        {
            .name = "held",
            .info = &virtio_irq_held_vmstate_info,
            .flags = VMS_SINGLE,
            .offset = offsetof(VirtIOIRQ, held),
        },
        VMSTATE_END_OF_LIST()
    },
};
