/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: what an administrator does to vectors that the guest has
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Each is a property that is written. What it does is done when the write ends;
 * the guest's driver is told by an event.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/cutils.h"
#include "qemu/timer.h"
#include "virtio-irq.h"
#include "trace.h"

typedef struct Command {
    struct virtio_irq_which which;
    bool has_endpoint;
    bool still_valid;
    uint8_t reason;
} Command;

typedef struct ControlProperty {
    const char *name;
    const char *description;
    bool takes_still_valid;
    bool takes_reason;
    int (*run)(struct virtio_irq_core *core, const Command *command);
    /* What there was nothing of if it returns 0 */
    const char *none;
} ControlProperty;

/* What the host does to a guest's vectors is noted with the time */

static int64_t now(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_HOST) / 1000;
}

VirtIOIRQSince virtio_irq_since_begin(VirtIOIRQ *s)
{
    struct virtio_irq_stats stats;

    virtio_irq_core_get_stats(s->core, &stats);
    return (VirtIOIRQSince) {
        .stale = stats.stale ? s->since.stale : 0,
        .revoked = stats.revoked ? s->since.revoked : 0,
    };
}

void virtio_irq_since_end(VirtIOIRQ *s, VirtIOIRQSince before)
{
    s->since = (VirtIOIRQSince) {
        .stale = before.stale ?: now(),
        .revoked = before.revoked ?: now(),
    };
    /* Routes of vectors that lead elsewhere now, or nowhere */
    virtio_irq_kvm_commit();
}

static int run_change(struct virtio_irq_core *core, const Command *command)
{
    return virtio_irq_core_change_pairs(core, &command->which,
                                        command->still_valid);
}

static int run_revoke(struct virtio_irq_core *core, const Command *command)
{
    return virtio_irq_core_revoke(core, &command->which, command->reason);
}

static int run_unrevoke(struct virtio_irq_core *core, const Command *command)
{
    return virtio_irq_core_unrevoke(core, &command->which);
}

#define WHICH "endpoint=SSSS:BB:DD.F|all[,store=N][,index=FIRST[-LAST]]"

static const ControlProperty control_properties[] = {
    {
        .name = "change-pairs",
        .description = "Write " WHICH "[,still-valid=on|off] to give armed "
        "vectors other pairs; with still-valid the old ones are honoured until "
        "the new ones are in use (default: off)",
        .takes_still_valid = true,
        .run = run_change,
        .none = "no vector that is armed",
    }, {
        .name = "revoke",
        .description = "Write " WHICH ",reason=quota|nospc|perm to take "
        "vectors away from the guest, and to give back what they hold of the "
        "host",
        .takes_reason = true,
        .run = run_revoke,
        .none = "no vector that is allocated, and not revoked for that reason",
    }, {
        .name = "unrevoke",
        .description = "Write " WHICH " to let the guest have vectors again "
        "that were revoked",
        .run = run_unrevoke,
        .none = "no vector that is revoked",
    },
};

static bool parse_endpoint(const char *value, Command *command)
{
    uint16_t bdf;

    command->has_endpoint = true;
    if (!strcmp(value, "all")) {
        command->which.all_endpoints = true;
        return true;
    }
    if (!virtio_irq_parse_address(&value, &bdf) || *value) {
        return false;
    }
    command->which.endpoint = bdf;
    return true;
}

static bool parse_store(const char *value, Command *command)
{
    unsigned int store;

    if (qemu_strtoui(value, NULL, 0, &store) || store > UINT16_MAX) {
        return false;
    }
    command->which.all_stores = false;
    command->which.store = store;
    return true;
}

static bool parse_index(const char *value, Command *command)
{
    const char *p;

    if (qemu_strtoui(value, &p, 0, &command->which.first)) {
        return false;
    }
    command->which.last = command->which.first;
    return (!*p || (*p == '-' &&
                    !qemu_strtoui(p + 1, NULL, 0, &command->which.last))) &&
           command->which.first <= command->which.last;
}

static bool parse_still_valid(const char *value, Command *command)
{
    command->still_valid = !strcmp(value, "on");
    return command->still_valid || !strcmp(value, "off");
}

static bool parse_reason(const char *value, Command *command)
{
    static const uint8_t reasons[] = { VIRTIO_IRQ_S_PERM, VIRTIO_IRQ_S_NOSPC,
                                       VIRTIO_IRQ_S_QUOTA };
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (!strcmp(value, virtio_irq_status_name(reasons[i]))) {
            command->reason = reasons[i];
            return true;
        }
    }
    return false;
}

/* NAME=VALUE */
static bool parse_word(const ControlProperty *property, char *word,
                       Command *command)
{
    char *value = strchr(word, '=');

    if (!value) {
        return false;
    }
    *value++ = '\0';
    if (!strcmp(word, "endpoint")) {
        return parse_endpoint(value, command);
    }
    if (!strcmp(word, "store")) {
        return parse_store(value, command);
    }
    if (!strcmp(word, "index")) {
        return parse_index(value, command);
    }
    if (!strcmp(word, "still-valid") && property->takes_still_valid) {
        return parse_still_valid(value, command);
    }
    return !strcmp(word, "reason") && property->takes_reason &&
           parse_reason(value, command);
}

static bool parse_command(const ControlProperty *property, const char *text,
                          Command *command, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(text, ",", 0);
    bool ok = true;
    unsigned int i;

    *command = (Command) {
        .which = { .all_stores = true, .last = UINT32_MAX },
    };
    for (i = 0; ok && words[i]; i++) {
        g_autofree char *word = g_strdup(words[i]);

        ok = parse_word(property, word, command);
        if (!ok) {
            error_setg(errp, "%s: '%s' is not understood", property->name,
                       words[i]);
        }
    }
    if (ok && (!command->has_endpoint ||
               (property->takes_reason && !command->reason))) {
        error_setg(errp, "%s: %s= is missing", property->name,
                   command->has_endpoint ? "reason" : "endpoint");
        ok = false;
    }
    if (!ok) {
        error_append_hint(errp, "%s\n", property->description);
    }
    return ok;
}

static void set_control(Object *obj, Visitor *v, const char *name, void *opaque,
                        Error **errp)
{
    const ControlProperty *property = opaque;
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    g_autofree char *text = NULL;
    VirtIOIRQSince since;
    Command command;
    int ret;

    if (!visit_type_str(v, name, &text, errp) ||
        !parse_command(property, text, &command, errp)) {
        return;
    }
    if (!s->core) {
        error_setg(errp, "%s: the device is not there yet", name);
        return;
    }
    since = virtio_irq_since_begin(s);
    ret = property->run(s->core, &command);
    virtio_irq_since_end(s, since);
    trace_virtio_irq_control(s, property->name, text, ret);
    if (ret == -EOPNOTSUPP) {
        error_setg(errp, "%s: the guest's driver cannot be told: it has not "
                   "negotiated VIRTIO_IRQ_F_EVENTQ", name);
    } else if (!ret) {
        error_setg(errp, "%s: '%s': there is %s", name, text, property->none);
    }
}

/* Quotas */

void virtio_irq_enforce_quotas(VirtIOIRQ *s)
{
    VirtIOIRQSince since;
    int ret;

    if (!s->enforce_quotas || !s->core) {
        return;
    }
    since = virtio_irq_since_begin(s);
    ret = virtio_irq_core_enforce_quotas(s->core);
    virtio_irq_since_end(s, since);
    trace_virtio_irq_control(s, "enforce-quotas", "on", ret);
}

static bool get_enforce_quotas(Object *obj, Error **errp)
{
    return VIRTIO_IRQ(obj)->enforce_quotas;
}

static void set_enforce_quotas(Object *obj, bool value, Error **errp)
{
    VIRTIO_IRQ(obj)->enforce_quotas = value;
    virtio_irq_enforce_quotas(VIRTIO_IRQ(obj));
}

void virtio_irq_class_add_controls(ObjectClass *klass)
{
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(control_properties); i++) {
        const ControlProperty *property = &control_properties[i];

        object_class_property_add(klass, property->name, "str", NULL,
                                  set_control, NULL, (void *)property);
        object_class_property_set_description(klass, property->name,
                                              property->description);
    }
    object_class_property_add_bool(klass, "enforce-quotas", get_enforce_quotas,
                                   set_enforce_quotas);
    object_class_property_set_description(klass, "enforce-quotas",
        "Revoke what is more than the quotas allow: when this is set, when one "
        "is lowered, and after a migration (default: off)");
}

void virtio_irq_alias_controls(Object *proxy, Object *device)
{
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(control_properties); i++) {
        virtio_irq_alias_property(proxy, device, control_properties[i].name);
    }
    virtio_irq_alias_property(proxy, device, "enforce-quotas");
}
