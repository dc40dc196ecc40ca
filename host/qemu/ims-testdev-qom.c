// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ims-testdev: what the host sees and does
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "qapi/qapi-builtin-visit.h"
#include "qapi/visitor.h"
#include "ims-testdev.h"

/*
 * The opaque of a counter's property is its offset, in ImsTestdevCounts for a
 * total, in ImsTestdevVector for a list.
 */

static void ims_testdev_get_total(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    ImsTestdevCounts sum = ims_testdev_sum(IMS_TESTDEV(obj));
    uint64_t value = *(uint64_t *)((char *)&sum + (uintptr_t)opaque);

    visit_type_uint64(v, name, &value, errp);
}

static void ims_testdev_get_list(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    ImsTestdevStore *store = &IMS_TESTDEV(obj)->stores[IMS_TESTDEV_STORE_MSI];
    uint32List *list = NULL, **tail = &list;

    for (uint32_t i = 0; i < store->nr_vectors; i++) {
        QAPI_LIST_APPEND(tail, *(uint32_t *)((char *)&store->vectors[i] +
                                             (uintptr_t)opaque));
    }
    visit_type_uint32List(v, name, &list, errp);
    qapi_free_uint32List(list);
}

static void ims_testdev_set_fire(Object *obj, const char *value, Error **errp)
{
    ImsTestdevStore *store = &IMS_TESTDEV(obj)->stores[IMS_TESTDEV_STORE_MSI];
    unsigned int vector, count;
    const char *end;

    if (qemu_strtoui(value, &end, 0, &vector) || *end != ',' ||
        qemu_strtoui(end + 1, NULL, 0, &count)) {
        error_setg(errp, "fire takes \"VECTOR,COUNT\", not \"%s\"", value);
        return;
    }
    if (vector >= store->nr_vectors) {
        error_setg(errp, "no vector %u, there are %" PRIu32, vector,
                   store->nr_vectors);
        return;
    }
    ims_testdev_owe(&store->vectors[vector], count);
}

#define IMS_TESTDEV_ADD_COUNTER(klass, field, text) do {                     \
    object_class_property_add(klass, #field "-total", "uint64",              \
        ims_testdev_get_total, NULL, NULL,                                   \
        (void *)(uintptr_t)offsetof(ImsTestdevCounts, field));               \
    object_class_property_set_description(klass, #field "-total",            \
                                          "Interrupts " text);               \
    object_class_property_add(klass, #field, "uint32List",                   \
        ims_testdev_get_list, NULL, NULL,                                    \
        (void *)(uintptr_t)offsetof(ImsTestdevVector, field));               \
    object_class_property_set_description(klass, #field,                     \
                                          "Interrupts " text ", per vector"); \
} while (0)

void ims_testdev_class_add_properties(ObjectClass *klass)
{
    IMS_TESTDEV_ADD_COUNTER(klass, owed, "still to be fired");
    IMS_TESTDEV_ADD_COUNTER(klass, fired, "fired");
    IMS_TESTDEV_ADD_COUNTER(klass, acked, "acknowledged by the guest");
    IMS_TESTDEV_ADD_COUNTER(klass, abandoned, "cancelled after they had left");
    object_class_property_add_str(klass, "fire", NULL, ims_testdev_set_fire);
    object_class_property_set_description(klass, "fire",
        "\"VECTOR,COUNT\": fire that many more interrupts on that vector");
}
