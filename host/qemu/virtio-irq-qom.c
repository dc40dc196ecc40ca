/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: what an administrator sees and sets
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Not DEFINE_PROP_*: those cannot be set once the device is realized.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "virtio-irq.h"

/* Each takes its time under the big QEMU lock */
#define MAX_VISIBLE 4096

/* Quotas */

typedef struct QuotaProperty {
    const char *name;
    const char *description;
    size_t offset; /* in struct virtio_irq_quotas */
} QuotaProperty;

/* UINT32_MAX: no limit */
static const QuotaProperty quota_properties[] = {
    {
        "vector-quota",
        "Vectors that may be allocated, all endpoints together; 0: none, "
        "4294967295: as many as max-vectors (default: 4294967295)",
        offsetof(struct virtio_irq_quotas, vectors),
    }, {
        "endpoint-quota",
        "Vectors that may be allocated, each endpoint; 0: none, 4294967295: no "
        "limit (default: 8192)",
        offsetof(struct virtio_irq_quotas, endpoint_vectors),
    }, {
        "commit-quota",
        "Vectors that may be in use, all endpoints together; 0: none, "
        "4294967295: no limit (default: 4294967295)",
        offsetof(struct virtio_irq_quotas, committed),
    }, {
        "commit-pool",
        "Host resources for vectors in use, refused with NOSPC and not with "
        "QUOTA; 0: none, 4294967295: no limit (default: 4294967295)",
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
    uint32_t value, old;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    old = *quota_of(s, opaque);
    *quota_of(s, opaque) = value;
    if (!s->core) {
        /* Checked when the device is realized: max-vectors may come later */
        return;
    }
    if (!virtio_irq_check_quota(s, errp)) {
        *quota_of(s, opaque) = old;
        return;
    }
    virtio_irq_core_set_quotas(s->core, &s->quotas);
    if (value < old) {
        virtio_irq_enforce_quotas(s);
    }
}

bool virtio_irq_check_quota(VirtIOIRQ *s, Error **errp)
{
    if (s->quotas.vectors > s->config.max_vectors &&
        s->quotas.vectors != UINT32_MAX) {
        error_setg(errp, "vector-quota: there are only %" PRIu32 " vectors "
                   "(max-vectors)", s->config.max_vectors);
        return false;
    }
    return true;
}

/* Statistics */

static bool visit_counter(Visitor *v, const char *name, uint64_t value,
                          Error **errp)
{
    return visit_type_uint64(v, name, &value, errp);
}

/* A struct of @n counters */
static bool visit_counters(Visitor *v, const char *name, const uint64_t *values,
                           unsigned int n, const char *(*name_of)(unsigned int),
                           Error **errp)
{
    bool ok = true;
    unsigned int i;

    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return false;
    }
    for (i = 0; ok && i < n; i++) {
        ok = visit_counter(v, name_of(i), values[i], errp);
    }
    ok = ok && visit_check_struct(v, errp);
    visit_end_struct(v, NULL);
    return ok;
}

static const char *request_name(unsigned int i)
{
    return i ? virtio_irq_type_name(i) : "unknown";
}

static const char *status_name(unsigned int i)
{
    return virtio_irq_status_name(i);
}

static const char *verdict_name(unsigned int i)
{
    return virtio_irq_verdict_name(i);
}

static const char *event_name(unsigned int i)
{
    static const char *const names[] = { "stale", "revoked", "fault" };

    return names[i];
}

static const char *raw_name(unsigned int i)
{
    return i ? "live" : "inert";
}

/* By enum virtio_irq_limit, the names of the properties */
static const char *limit_name(unsigned int i)
{
    static const char *const names[] = {
        [VIRTIO_IRQ_LIMIT_VECTORS] = "vector-quota",
        [VIRTIO_IRQ_LIMIT_ENDPOINT_VECTORS] = "endpoint-quota",
        [VIRTIO_IRQ_LIMIT_COMMITTED] = "commit-quota",
        [VIRTIO_IRQ_LIMIT_POOL] = "commit-pool",
        [VIRTIO_IRQ_LIMIT_MAX_VECTORS] = "max-vectors",
        [VIRTIO_IRQ_LIMIT_MAX_ENDPOINTS] = "max-endpoints",
    };

    return names[i];
}

static void get_stats(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    uint64_t raw[] = { s->raw_inert, s->raw_live };
    struct virtio_irq_stats stats = { };

    if (s->core) {
        virtio_irq_core_get_stats(s->core, &stats);
    }
    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    if (visit_counters(v, "requests", stats.requests,
                       ARRAY_SIZE(stats.requests), request_name, errp) &&
        visit_counters(v, "statuses", stats.statuses,
                       ARRAY_SIZE(stats.statuses), status_name, errp) &&
        visit_counters(v, "messages", stats.messages,
                       ARRAY_SIZE(stats.messages), verdict_name, errp) &&
        visit_counters(v, "raw", raw, ARRAY_SIZE(raw), raw_name, errp) &&
        visit_counters(v, "limited", stats.limited, ARRAY_SIZE(stats.limited),
                       limit_name, errp) &&
        visit_counter(v, "malformed", stats.malformed, errp) &&
        visit_counters(v, "events", stats.events + 1,
                       ARRAY_SIZE(stats.events) - 1, event_name, errp) &&
        visit_counter(v, "faults-dropped", stats.faults_dropped, errp) &&
        visit_counter(v, "endpoints", stats.endpoints, errp) &&
        visit_counter(v, "allocated", stats.allocated, errp) &&
        visit_counter(v, "committed", stats.committed, errp) &&
        visit_counter(v, "armed", stats.armed, errp) &&
        visit_counter(v, "stale", stats.stale, errp) &&
        visit_counter(v, "stale-since", stats.stale ? s->since.stale : 0,
                      errp) &&
        visit_counter(v, "revoked", stats.revoked, errp) &&
        visit_counter(v, "revoked-since",
                      stats.revoked ? s->since.revoked : 0, errp) &&
        visit_counter(v, "waiting", stats.waiting, errp) &&
        visit_counter(v, "kicks", s->kicks, errp) &&
        visit_counter(v, "held", virtio_irq_num_held(s), errp) &&
        visit_counter(v, "kept", virtio_irq_num_kept(s), errp)) {
        visit_check_struct(v, errp);
    }
    visit_end_struct(v, NULL);
}

/* Endpoints and vectors */

typedef struct VisitList {
    Visitor *v;
    Error **errp;
    bool ok;
    unsigned int left;
} VisitList;

static bool visit_address(Visitor *v, uint32_t endpoint, Error **errp)
{
    g_autofree char *address = NULL;

    address = g_strdup_printf("%04x:%02x:%02x.%x", endpoint >> 16,
                              PCI_BUS_NUM(endpoint), PCI_SLOT(endpoint),
                              PCI_FUNC(endpoint));
    return visit_type_str(v, "endpoint", &address, errp);
}

static bool visit_endpoint(void *arg,
                           const struct virtio_irq_endpoint_info *endpoint)
{
    VisitList *list = arg;

    list->ok = visit_start_struct(list->v, NULL, NULL, 0, list->errp);
    if (!list->ok) {
        return false;
    }
    list->ok = visit_address(list->v, endpoint->endpoint, list->errp) &&
               visit_counter(list->v, "allocated", endpoint->allocated,
                             list->errp) &&
               visit_counter(list->v, "refused", endpoint->refused,
                             list->errp) &&
               visit_counter(list->v, "limited", endpoint->limited,
                             list->errp) &&
               visit_check_struct(list->v, list->errp);
    visit_end_struct(list->v, NULL);
    return list->ok;
}

static void get_endpoints(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    VisitList list = { .v = v, .errp = errp, .ok = true };

    if (!visit_start_list(v, name, NULL, 0, errp)) {
        return;
    }
    if (s->core) {
        virtio_irq_core_walk_endpoints(s->core, visit_endpoint, &list);
    }
    if (list.ok) {
        visit_check_list(v, errp);
    }
    visit_end_list(v, NULL);
}

static bool visit_vector_fields(Visitor *v,
                                const struct virtio_irq_vector_info *vector,
                                Error **errp)
{
    bool armed = vector->armed, committed = vector->committed;
    bool contiguous = vector->contiguous, stale = vector->stale;
    g_autofree char *reason = NULL;

    reason = g_strdup(virtio_irq_status_name(vector->revoked));
    return visit_address(v, vector->endpoint, errp) &&
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
           (!vector->stale || visit_type_bool(v, "stale", &stale, errp)) &&
           (!vector->revoked || visit_type_str(v, "revoked", &reason, errp)) &&
           visit_counter(v, "delivered", vector->delivered, errp) &&
           visit_counter(v, "routed", vector->routed, errp) &&
           visit_check_struct(v, errp);
}

static bool visit_vector(void *arg, const struct virtio_irq_vector_info *vector)
{
    VisitList *list = arg;

    list->ok = visit_start_struct(list->v, NULL, NULL, 0, list->errp);
    if (!list->ok) {
        return false;
    }
    list->ok = visit_vector_fields(list->v, vector, list->errp);
    visit_end_struct(list->v, NULL);
    return list->ok && --list->left;
}

static void get_vectors(Object *obj, Visitor *v, const char *name, void *opaque,
                        Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    VisitList list = { .v = v, .errp = errp, .ok = true, .left = MAX_VISIBLE };

    if (!visit_start_list(v, name, NULL, 0, errp)) {
        return;
    }
    if (s->core) {
        virtio_irq_core_walk_vectors(s->core, visit_vector, &list);
    }
    if (list.ok) {
        visit_check_list(v, errp);
    }
    visit_end_list(v, NULL);
}

/* Properties */

/* Of DEFINE_PROP_*, which has no room for it */
static const struct {
    const char *name;
    const char *description;
} options[] = {
    {
        "max-vectors",
        "Vectors that can be allocated, all endpoints together, 1 to 4194304",
    }, {
        "max-endpoints",
        "Functions that can be attached, 1 to 1048576",
    }, {
        "max-count",
        "Vectors that one request can name, 1 to 65536",
    }, {
        "events",
        "Offer the driver to be told of pairs that change, and of vectors that "
        "are taken away",
    }, {
        "lazy",
        "Offer the driver to skip notifications of what disarms",
    }, {
        "pasid-bits",
        "Width of PASIDs that messages can carry, 0 to 20; 0: none",
    }, {
        "scope",
        "Functions that are served, SSSS:BB:DD.F[-SSSS:BB:DD.F][;...] "
        "(default: all)",
    }, {
        "window",
        "Where pairs are, 0xSTART-0xEND (default: 0xfee00000-0xfeefffff)",
    }, {
        "route-window",
        "Where routes may lead to, 0xSTART-0xEND (default on x86: "
        "0xfee00000-0xfeefffff, else anywhere)",
    },
};

static const struct {
    const char *name;
    const char *type;
    ObjectPropertyAccessor *get;
    const char *description;
} views[] = {
    {
        "stats", "struct", get_stats,
        "Counters",
    }, {
        "endpoints", "list", get_endpoints,
        "Every attached function",
    }, {
        "vectors", "list", get_vectors,
        "Allocated vectors, the first 4096 of them; stats.allocated is how many "
        "there are",
    },
};

void virtio_irq_class_add_properties(ObjectClass *klass)
{
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(options); i++) {
        object_class_property_set_description(klass, options[i].name,
                                              options[i].description);
    }
    for (i = 0; i < ARRAY_SIZE(quota_properties); i++) {
        const QuotaProperty *property = &quota_properties[i];

        object_class_property_add(klass, property->name, "uint32", get_quota,
                                  set_quota, NULL, (void *)property);
        object_class_property_set_description(klass, property->name,
                                              property->description);
    }
    virtio_irq_class_add_controls(klass);
    for (i = 0; i < ARRAY_SIZE(views); i++) {
        object_class_property_add(klass, views[i].name, views[i].type,
                                  views[i].get, NULL, NULL, NULL);
        object_class_property_set_description(klass, views[i].name,
                                              views[i].description);
    }
}

/* From 10.0 on a proxy has those of the device's class already */
void virtio_irq_alias_property(Object *proxy, Object *device, const char *name)
{
    if (!object_property_find(proxy, name)) {
        object_property_add_alias(proxy, name, device, name);
    }
}

void virtio_irq_alias_properties(Object *proxy, Object *device)
{
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(quota_properties); i++) {
        virtio_irq_alias_property(proxy, device, quota_properties[i].name);
    }
    virtio_irq_alias_controls(proxy, device);
    for (i = 0; i < ARRAY_SIZE(views); i++) {
        virtio_irq_alias_property(proxy, device, views[i].name);
    }
}
