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

typedef struct Counter {
    const char *name;
    const char *text;
    size_t total; /* in ImsTestdevCounts */
    size_t vector; /* in ImsTestdevVector */
} Counter;

#define COUNTER(field, is) {                             \
    .name = #field,                                      \
    .text = "Interrupts " is,                            \
    .total = offsetof(ImsTestdevCounts, field),          \
    .vector = offsetof(ImsTestdevVector, field),         \
}

static const Counter counters[] = {
    COUNTER(owed, "still to be fired"),
    COUNTER(fired, "fired"),
    COUNTER(acked, "acknowledged by the guest"),
    COUNTER(abandoned, "cancelled after they had left"),
};

static void get_total(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const Counter *counter = opaque;
    ImsTestdevCounts sum = ims_testdev_sum(IMS_TESTDEV(obj));
    uint64_t value = *(uint64_t *)((char *)&sum + counter->total);

    visit_type_uint64(v, name, &value, errp);
}

static void get_list(ImsTestdevStore *store, Visitor *v, const char *name,
                     const Counter *counter, Error **errp)
{
    uint32List *list = NULL, **tail = &list;

    for (uint32_t i = 0; i < store->nr_vectors; i++) {
        QAPI_LIST_APPEND(tail, *(uint32_t *)((char *)&store->vectors[i] +
                                             counter->vector));
    }
    visit_type_uint32List(v, name, &list, errp);
    qapi_free_uint32List(list);
}

static void get_msi_list(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    get_list(&IMS_TESTDEV(obj)->stores[IMS_TESTDEV_STORE_MSI], v, name, opaque,
             errp);
}

static void get_slot_list(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    get_list(&IMS_TESTDEV(obj)->stores[IMS_TESTDEV_STORE_SLOTS], v, name,
             opaque, errp);
}

static void get_record_list(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    get_list(&IMS_TESTDEV(obj)->stores[IMS_TESTDEV_STORE_RECORDS], v, name,
             opaque, errp);
}

static void set_fire(Object *obj, const char *value, Error **errp)
{
    ImsTestdevState *s = IMS_TESTDEV(obj);
    unsigned int store = IMS_TESTDEV_STORE_MSI, vector, count;
    const char *end;
    int err;

    err = qemu_strtoui(value, &end, 0, &vector);
    if (!err && *end == ':') {
        store = vector;
        err = qemu_strtoui(end + 1, &end, 0, &vector);
    }
    if (err || *end != ',' || qemu_strtoui(end + 1, NULL, 0, &count)) {
        error_setg(errp, "fire takes \"[STORE:]VECTOR,COUNT\", not \"%s\"",
                   value);
        return;
    }
    if (store >= ARRAY_SIZE(s->stores) ||
        vector >= s->stores[store].nr_vectors) {
        error_setg(errp, "no vector %u in store %u, there are %" PRIu32, vector,
                   store, store < ARRAY_SIZE(s->stores) ?
                          s->stores[store].nr_vectors : 0);
        return;
    }
    ims_testdev_owe(&s->stores[store].vectors[vector], count);
}

void ims_testdev_class_add_properties(ObjectClass *klass)
{
    static const struct {
        const char *prefix;
        const char *of;
        ObjectPropertyAccessor *get;
    } lists[] = {
        { "", "", get_msi_list },
        { "slot-", " of store 1", get_slot_list },
        { "record-", " of store 2", get_record_list },
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++) {
        const Counter *counter = &counters[i];
        g_autofree char *total = g_strdup_printf("%s-total", counter->name);

        object_class_property_add(klass, total, "uint64", get_total, NULL, NULL,
                                  (void *)counter);
        object_class_property_set_description(klass, total, counter->text);
        for (unsigned int n = 0; n < ARRAY_SIZE(lists); n++) {
            g_autofree char *name = g_strconcat(lists[n].prefix, counter->name,
                                                NULL);
            g_autofree char *text = g_strdup_printf("%s, per vector%s",
                                                    counter->text, lists[n].of);

            object_class_property_add(klass, name, "uint32List", lists[n].get,
                                      NULL, NULL, (void *)counter);
            object_class_property_set_description(klass, name, text);
        }
    }
    object_class_property_add_str(klass, "fire", NULL, set_fire);
    object_class_property_set_description(klass, "fire",
        "\"[STORE:]VECTOR,COUNT\": fire that many more interrupts on that "
        "vector");
}
