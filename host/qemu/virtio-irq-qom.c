/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: what an administrator and a tester see and set
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Not DEFINE_PROP_*: those cannot be set once the device is realized.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "virtio-irq.h"

/* Quotas */

typedef struct QuotaProperty {
    const char *name;
    const char *description;
    size_t offset; /* in struct virtio_irq_quotas */
} QuotaProperty;

static const QuotaProperty quota_properties[] = {
    {
        "vector-quota",
        "Vectors that may be allocated, all endpoints together",
        offsetof(struct virtio_irq_quotas, vectors),
    }, {
        "endpoint-quota",
        "Vectors that may be allocated, each endpoint",
        offsetof(struct virtio_irq_quotas, endpoint_vectors),
    }, {
        "commit-quota",
        "Vectors that may be committed, all endpoints together",
        offsetof(struct virtio_irq_quotas, committed),
    }, {
        "commit-pool",
        "Host resources for committed vectors; it runs dry with \"nospc\"",
        offsetof(struct virtio_irq_quotas, pool),
    },
};

static uint32_t *quota_of(VirtIOIRQ *s, const QuotaProperty *property)
{
    return (uint32_t *)((char *)&s->quotas + property->offset);
}

static void get_quota(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    uint32_t value = *quota_of(VIRTIO_IRQ(obj), opaque);

    visit_type_uint32(v, name, &value, errp);
}

static void set_quota(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    *quota_of(s, opaque) = value;
    if (s->core) {
        virtio_irq_core_set_quotas(s->core, &s->quotas);
    }
}

/* What virtio calls a device that has failed */

static bool get_needs_reset(Object *obj, Error **errp)
{
    return VIRTIO_DEVICE(obj)->broken;
}

static void set_needs_reset(Object *obj, bool value, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(obj);

    if (!value) {
        error_setg(errp, "needs-reset: only a reset by the guest ends it");
        return;
    }
    if (vdev->broken) {
        return;
    }
    if (!(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        error_setg(errp, "needs-reset: the guest does not use the device yet");
        return;
    }
    virtio_error(vdev, "virtio-irq needs a reset because it was told to");
}

/* The tester's rules */

typedef struct RuleProperty {
    const char *name;
    const char *description;
    size_t offset; /* in struct virtio_irq_inject */
    int (*parse)(const char *text, uint32_t *arg);
    void (*print)(char *buf, size_t size, uint32_t arg);
} RuleProperty;

static const RuleProperty rule_properties[] = {
    {
        "refuse",
        "Requests to refuse: TYPE[@NTH][xTIMES]=STATUS, comma separated",
        offsetof(struct virtio_irq_inject, refuse),
        virtio_irq_parse_status,
        virtio_irq_print_status,
    }, {
        "malform",
        "Answers to spoil: TYPE[@NTH][xTIMES]=short|long|empty|status|window|"
        "align|pair|data|granted, comma separated",
        offsetof(struct virtio_irq_inject, malform),
        virtio_irq_parse_malform,
        virtio_irq_print_malform,
    }, {
        "delay",
        "Answers to delay: TYPE[@NTH][xTIMES]=MILLISECONDS or =Nus, comma separated",
        offsetof(struct virtio_irq_inject, delay),
        virtio_irq_parse_delay,
        virtio_irq_print_delay,
    },
};

static struct virtio_irq_ruleset *rules_of(VirtIOIRQ *s,
                                           const RuleProperty *property)
{
    return (void *)((char *)&s->inject + property->offset);
}

static void get_rules(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const RuleProperty *property = opaque;
    const struct virtio_irq_ruleset *set = rules_of(VIRTIO_IRQ(obj), property);
    g_autofree char *text = NULL;
    int size;

    size = virtio_irq_ruleset_print(set, property->print, NULL, 0) + 1;
    text = g_malloc0(size);
    virtio_irq_ruleset_print(set, property->print, text, size);
    visit_type_str(v, name, &text, errp);
}

static void set_rules(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const RuleProperty *property = opaque;
    struct virtio_irq_ruleset *set = rules_of(VIRTIO_IRQ(obj), property);
    g_autofree char *text = NULL;
    const char *why;

    if (!visit_type_str(v, name, &text, errp)) {
        return;
    }
    if (virtio_irq_ruleset_parse(set, text, property->parse, &why)) {
        error_setg(errp, "%s: '%s': %s", name, text, why);
        error_append_hint(errp, "%s\n", property->description);
    }
}

/* Not an enumeration of QAPI's: that would need a change of QEMU's schema */
static const char *const mute_names[] = {
    [VIRTIO_IRQ_MUTE_OFF] = "off",
    [VIRTIO_IRQ_MUTE_SILENT] = "silent",
    [VIRTIO_IRQ_MUTE_STALL] = "stall",
};

static char *get_mute(Object *obj, Error **errp)
{
    return g_strdup(mute_names[VIRTIO_IRQ(obj)->inject.mute]);
}

static void set_mute(Object *obj, const char *value, Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(mute_names); i++) {
        if (!strcmp(value, mute_names[i])) {
            s->inject.mute = i;
            if (s->core) {
                virtio_irq_mute_changed(s);
            }
            return;
        }
    }
    error_setg(errp, "mute: '%s' is not off, silent or stall", value);
}

/* Statistics */

static bool visit_counter(Visitor *v, const char *name, uint64_t value,
                          Error **errp)
{
    return visit_type_uint64(v, name, &value, errp);
}

static bool visit_requests(Visitor *v, const struct virtio_irq_stats *stats,
                           Error **errp)
{
    bool ok = true;
    unsigned int i;

    if (!visit_start_struct(v, "requests", NULL, 0, errp)) {
        return false;
    }
    for (i = 0; ok && i < ARRAY_SIZE(stats->requests); i++) {
        ok = visit_counter(v, i ? virtio_irq_type_name(i) : "unknown",
                           stats->requests[i], errp);
    }
    ok = ok && visit_check_struct(v, errp);
    visit_end_struct(v, NULL);
    return ok;
}

static bool visit_statuses(Visitor *v, const struct virtio_irq_stats *stats,
                           Error **errp)
{
    bool ok = true;
    unsigned int i;

    if (!visit_start_struct(v, "statuses", NULL, 0, errp)) {
        return false;
    }
    for (i = 0; ok && i < ARRAY_SIZE(stats->statuses); i++) {
        ok = visit_counter(v, virtio_irq_status_name(i), stats->statuses[i],
                           errp);
    }
    ok = ok && visit_check_struct(v, errp);
    visit_end_struct(v, NULL);
    return ok;
}

static bool visit_messages(Visitor *v, const struct virtio_irq_stats *stats,
                           Error **errp)
{
    bool ok = true;
    unsigned int i;

    if (!visit_start_struct(v, "messages", NULL, 0, errp)) {
        return false;
    }
    for (i = 0; ok && i < ARRAY_SIZE(stats->messages); i++) {
        ok = visit_counter(v, virtio_irq_verdict_name(i), stats->messages[i],
                           errp);
    }
    ok = ok && visit_check_struct(v, errp);
    visit_end_struct(v, NULL);
    return ok;
}

static void get_stats(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    struct virtio_irq_stats stats = { };

    if (s->core) {
        virtio_irq_core_get_stats(s->core, &stats);
    }
    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    if (visit_requests(v, &stats, errp) &&
        visit_statuses(v, &stats, errp) &&
        visit_messages(v, &stats, errp) &&
        visit_counter(v, "malformed", stats.malformed, errp) &&
        visit_counter(v, "endpoints", stats.endpoints, errp) &&
        visit_counter(v, "allocated", stats.allocated, errp) &&
        visit_counter(v, "committed", stats.committed, errp) &&
        visit_counter(v, "armed", stats.armed, errp) &&
        visit_counter(v, "kicks", s->kicks, errp) &&
        visit_counter(v, "held", virtio_irq_num_held(s), errp) &&
        visit_counter(v, "injected-refused", s->inject.refused, errp) &&
        visit_counter(v, "injected-malformed", s->inject.malformed, errp) &&
        visit_counter(v, "injected-delayed", s->inject.delayed, errp)) {
        visit_check_struct(v, errp);
    }
    visit_end_struct(v, NULL);
}

/* Vectors */

typedef struct VisitVectors {
    Visitor *v;
    Error **errp;
    bool ok;
} VisitVectors;

static bool visit_vector_fields(Visitor *v,
                                const struct virtio_irq_vector_info *vector,
                                Error **errp)
{
    g_autofree char *endpoint = NULL;
    bool armed = vector->armed, committed = vector->committed;
    bool contiguous = vector->contiguous;

    endpoint = g_strdup_printf("%04x:%02x:%02x.%x", vector->endpoint >> 16,
                               PCI_BUS_NUM(vector->endpoint),
                               PCI_SLOT(vector->endpoint),
                               PCI_FUNC(vector->endpoint));
    return visit_type_str(v, "endpoint", &endpoint, errp) &&
           visit_counter(v, "store", vector->store, errp) &&
           visit_counter(v, "index", vector->index, errp) &&
           visit_type_bool(v, "armed", &armed, errp) &&
           visit_type_bool(v, "committed", &committed, errp) &&
           visit_type_bool(v, "contiguous", &contiguous, errp) &&
           visit_counter(v, "pair-address", vector->pair.address, errp) &&
           visit_counter(v, "pair-data", vector->pair.data, errp) &&
           visit_counter(v, "route-address", vector->route.address, errp) &&
           visit_counter(v, "route-data", vector->route.data, errp) &&
           (!vector->has_pasid ||
            visit_counter(v, "pasid", vector->pasid, errp)) &&
           visit_counter(v, "delivered", vector->delivered, errp) &&
           visit_counter(v, "routed", vector->routed, errp) &&
           visit_check_struct(v, errp);
}

static bool visit_vector(void *arg, const struct virtio_irq_vector_info *vector)
{
    VisitVectors *vv = arg;

    if (!visit_start_struct(vv->v, NULL, NULL, 0, vv->errp)) {
        vv->ok = false;
        return false;
    }
    vv->ok = visit_vector_fields(vv->v, vector, vv->errp);
    visit_end_struct(vv->v, NULL);
    return vv->ok;
}

static void get_vectors(Object *obj, Visitor *v, const char *name, void *opaque,
                        Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    VisitVectors vv = { .v = v, .errp = errp, .ok = true };

    if (!visit_start_list(v, name, NULL, 0, errp)) {
        return;
    }
    if (s->core) {
        virtio_irq_core_walk_vectors(s->core, visit_vector, &vv);
    }
    if (vv.ok) {
        visit_check_list(v, errp);
    }
    visit_end_list(v, NULL);
}

void virtio_irq_class_add_properties(ObjectClass *klass)
{
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(quota_properties); i++) {
        const QuotaProperty *property = &quota_properties[i];

        object_class_property_add(klass, property->name, "uint32", get_quota,
                                  set_quota, NULL, (void *)property);
        object_class_property_set_description(klass, property->name,
                                              property->description);
    }
    for (i = 0; i < ARRAY_SIZE(rule_properties); i++) {
        const RuleProperty *property = &rule_properties[i];

        object_class_property_add(klass, property->name, "str", get_rules,
                                  set_rules, NULL, (void *)property);
        object_class_property_set_description(klass, property->name,
                                              property->description);
    }
    object_class_property_add_str(klass, "mute", get_mute, set_mute);
    object_class_property_set_description(klass, "mute",
        "off; silent: requests take effect, but are not answered; stall: "
        "notifications are ignored");
    object_class_property_add_bool(klass, "needs-reset", get_needs_reset,
                                   set_needs_reset);
    object_class_property_set_description(klass, "needs-reset",
        "The device serves no request until the guest resets it; true to "
        "bring that about");
    object_class_property_add(klass, "stats", "struct", get_stats, NULL, NULL,
                              NULL);
    object_class_property_set_description(klass, "stats", "Counters");
    object_class_property_add(klass, "vectors", "list", get_vectors, NULL,
                              NULL, NULL);
    object_class_property_set_description(klass, "vectors",
                                          "Every allocated vector");
}

void virtio_irq_alias_properties(Object *proxy, Object *device)
{
    static const char *const others[] = {
        "mute", "needs-reset", "stats", "vectors",
    };
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(quota_properties); i++) {
        object_property_add_alias(proxy, quota_properties[i].name, device,
                                  quota_properties[i].name);
    }
    for (i = 0; i < ARRAY_SIZE(rule_properties); i++) {
        object_property_add_alias(proxy, rule_properties[i].name, device,
                                  rule_properties[i].name);
    }
    for (i = 0; i < ARRAY_SIZE(others); i++) {
        object_property_add_alias(proxy, others[i], device, others[i]);
    }
}
