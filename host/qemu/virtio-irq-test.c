/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq: a controller that does wrong what it is told to, for tests
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "virtio-irq.h"
#include "virtio_irq_inject.h"

enum VirtIOIRQMute {
    MUTE_OFF,
    MUTE_SILENT, /* requests take effect, no answer is given */
    MUTE_STALL,  /* a notification does nothing at all */
};

#define MAX_EVENTS 64

#define TYPE_VIRTIO_IRQ_TEST "virtio-irq-test-device"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOIRQTest, VIRTIO_IRQ_TEST)

struct VirtIOIRQTest {
    VirtIOIRQ parent_obj;

    struct virtio_irq_inject inject;
    enum VirtIOIRQMute mute;
    /* Milliseconds that the host takes for each vector that is committed */
    uint32_t work;
    QEMUTimer *work_timer;
    /* Until the guest resets the device: it says so, and serves no request */
    bool needs_reset;
    /* To be placed as they are, until the guest resets the device */
    struct {
        struct virtio_irq_event event;
        uint32_t used;
    } events[MAX_EVENTS];
    unsigned int num_events;
};

#define TYPE_VIRTIO_IRQ_TEST_PCI "virtio-irq-test-pci"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOIRQTestPCI, VIRTIO_IRQ_TEST_PCI)

struct VirtIOIRQTestPCI {
    VirtIOPCIProxy parent_obj;
    VirtIOIRQTest vdev;
};

#define NEVER INT64_MAX

static VirtIOIRQClass *parent_class(void)
{
    return VIRTIO_IRQ_CLASS(object_class_by_name(TYPE_VIRTIO_IRQ));
}

static bool is_silent(VirtIOIRQTest *t)
{
    return t->mute != MUTE_OFF || t->needs_reset;
}

/* Not called before a message: LAZY's promise holds, whatever else does not */
static void virtio_irq_test_run(VirtIOIRQ *s)
{
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(s);

    if (t->mute != MUTE_STALL && !t->needs_reset) {
        parent_class()->run(s);
    }
}

static size_t virtio_irq_test_request(VirtIOIRQ *s, const void *req,
                                      size_t req_size, void *rsp,
                                      size_t rsp_size, int64_t *deadline)
{
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(s);
    uint32_t delay_us;
    size_t used;

    used = virtio_irq_inject_request(&t->inject, s->core, req, req_size, rsp,
                                     rsp_size, &delay_us);
    if (is_silent(t)) {
        *deadline = NEVER;
    } else if (delay_us) {
        *deadline = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                    (int64_t)delay_us * SCALE_US;
    }
    return used;
}

/* All requests are worked on at the same time */
static bool virtio_irq_test_prepare(VirtIOIRQ *s, VirtIOIRQHeld *held,
                                    unsigned int vectors)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(s);

    if (!t->work) {
        return true;
    }
    if (!held->deadline) {
        held->deadline = now + (int64_t)vectors * t->work * SCALE_MS;
    }
    if (now >= held->deadline) {
        return true;
    }
    if (!timer_pending(t->work_timer) ||
        timer_expire_time_ns(t->work_timer) > held->deadline) {
        timer_mod(t->work_timer, held->deadline);
    }
    return false;
}

static void virtio_irq_test_worked(void *opaque)
{
    VirtIOIRQ *s = opaque;

    if (s->core && runstate_is_running()) {
        VIRTIO_IRQ_GET_CLASS(s)->run(s);
    }
}

static void virtio_irq_test_reset(VirtIODevice *vdev)
{
    VIRTIO_IRQ_TEST(vdev)->needs_reset = false;
    VIRTIO_IRQ_TEST(vdev)->num_events = 0;
    VIRTIO_DEVICE_CLASS(parent_class())->reset(vdev);
}

/*
 * Answers that are held stay so while the device is silent, and come after
 * that
 */
static void hold_all_until(VirtIOIRQ *s, int64_t deadline)
{
    VirtIOIRQHeld *held;

    QTAILQ_FOREACH(held, &s->held, next) {
        held->deadline = deadline;
    }
    virtio_irq_complete_held(s);
}

/* What virtio calls a device that has failed */

static bool get_needs_reset(Object *obj, Error **errp)
{
    return VIRTIO_IRQ_TEST(obj)->needs_reset || VIRTIO_DEVICE(obj)->broken;
}

static void set_needs_reset(Object *obj, bool value, Error **errp)
{
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(obj);
    VirtIODevice *vdev = VIRTIO_DEVICE(obj);

    if (!value) {
        error_setg(errp, "needs-reset: only a reset by the guest ends it");
        return;
    }
    if (vdev->broken || t->needs_reset) {
        return;
    }
    if (!(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        error_setg(errp, "needs-reset: the guest does not use the device yet");
        return;
    }
    /*
     * Not virtio_error(), after which a device does not even look at its
     * queue. That is right for a queue that the guest has broken; this one can
     * be read.
     */
    t->needs_reset = true;
    hold_all_until(VIRTIO_IRQ(obj), NEVER);
    vdev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    virtio_notify_config(vdev);
}

/* Rules */

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
        "align|live|pair|data|granted, comma separated",
        offsetof(struct virtio_irq_inject, malform),
        virtio_irq_parse_malform,
        virtio_irq_print_malform,
    }, {
        "delay",
        "Answers to delay: TYPE[@NTH][xTIMES]=MILLISECONDS or =Nus, comma "
        "separated",
        offsetof(struct virtio_irq_inject, delay),
        virtio_irq_parse_delay,
        virtio_irq_print_delay,
    },
};

static struct virtio_irq_ruleset *rules_of(VirtIOIRQTest *t,
                                           const RuleProperty *property)
{
    return (void *)((char *)&t->inject + property->offset);
}

static void get_rules(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const RuleProperty *property = opaque;
    const struct virtio_irq_ruleset *set;
    g_autofree char *text = NULL;
    int size;

    set = rules_of(VIRTIO_IRQ_TEST(obj), property);
    size = virtio_irq_ruleset_print(set, property->print, NULL, 0) + 1;
    text = g_malloc0(size);
    virtio_irq_ruleset_print(set, property->print, text, size);
    visit_type_str(v, name, &text, errp);
}

static void set_rules(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const RuleProperty *property = opaque;
    struct virtio_irq_ruleset *set = rules_of(VIRTIO_IRQ_TEST(obj), property);
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
    [MUTE_OFF] = "off",
    [MUTE_SILENT] = "silent",
    [MUTE_STALL] = "stall",
};

static char *get_mute(Object *obj, Error **errp)
{
    return g_strdup(mute_names[VIRTIO_IRQ_TEST(obj)->mute]);
}

static void set_mute(Object *obj, const char *value, Error **errp)
{
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(obj);
    VirtIOIRQ *s = VIRTIO_IRQ(obj);
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(mute_names); i++) {
        if (!strcmp(value, mute_names[i])) {
            t->mute = i;
            if (s->core) {
                hold_all_until(s, is_silent(t) ? NEVER : 0);
                qemu_bh_schedule(s->bh);
            }
            return;
        }
    }
    error_setg(errp, "mute: '%s' is not off, silent or stall", value);
}

static void get_work(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    visit_type_uint32(v, name, &VIRTIO_IRQ_TEST(obj)->work, errp);
}

static void set_work(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    VirtIOIRQ *s = VIRTIO_IRQ(obj);

    visit_type_uint32(v, name, &VIRTIO_IRQ_TEST(obj)->work, errp);
    if (s->core) {
        qemu_bh_schedule(s->bh);
    }
}

/* Events that no device would place */

static bool virtio_irq_test_next_event(VirtIOIRQ *s,
                                       struct virtio_irq_event *event,
                                       uint32_t *used)
{
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(s);

    if (!t->num_events) {
        return false;
    }
    *event = t->events[0].event;
    *used = t->events[0].used;
    t->num_events--;
    memmove(&t->events[0], &t->events[1],
            t->num_events * sizeof(t->events[0]));
    return true;
}

/* HEX[,used=N]; what is not given is 0 */
static bool parse_event(const char *text, struct virtio_irq_event *event,
                        uint32_t *used)
{
    uint8_t *bytes = (uint8_t *)event;
    unsigned int i;

    memset(event, 0, sizeof(*event));
    *used = sizeof(*event);
    for (i = 0; i < sizeof(*event) && g_ascii_isxdigit(text[0]) &&
         g_ascii_isxdigit(text[1]); i++, text += 2) {
        bytes[i] = g_ascii_xdigit_value(text[0]) << 4 |
                   g_ascii_xdigit_value(text[1]);
    }
    return !*text || (strstart(text, ",used=", &text) &&
                      !qemu_strtoui(text, NULL, 0, used));
}

static void set_event(Object *obj, const char *value, Error **errp)
{
    VirtIOIRQTest *t = VIRTIO_IRQ_TEST(obj);
    VirtIOIRQ *s = VIRTIO_IRQ(obj);

    if (!s->core || t->num_events == MAX_EVENTS) {
        error_setg(errp, "event: at most %u wait for a buffer", MAX_EVENTS);
    } else if (!parse_event(value, &t->events[t->num_events].event,
                            &t->events[t->num_events].used)) {
        error_setg(errp, "event: '%s' is not HEX[,used=N]", value);
    } else {
        t->num_events++;
        virtio_irq_events_tell(s);
    }
}

static bool get_commit_first(Object *obj, Error **errp)
{
    return VIRTIO_IRQ(obj)->commit_first;
}

static void set_commit_first(Object *obj, bool value, Error **errp)
{
    VIRTIO_IRQ(obj)->commit_first = value;
}

static void get_injected(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    struct virtio_irq_inject *inject = &VIRTIO_IRQ_TEST(obj)->inject;

    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    if (visit_type_uint64(v, "refused", &inject->refused, errp) &&
        visit_type_uint64(v, "malformed", &inject->malformed, errp) &&
        visit_type_uint64(v, "delayed", &inject->delayed, errp)) {
        visit_check_struct(v, errp);
    }
    visit_end_struct(v, NULL);
}

static void virtio_irq_test_class_init(ObjectClass *klass,
                                       COMPAT_CLASS_DATA *data)
{
    VirtIOIRQClass *vic = VIRTIO_IRQ_CLASS(klass);
    unsigned int i;

    VIRTIO_DEVICE_CLASS(klass)->reset = virtio_irq_test_reset;
    vic->run = virtio_irq_test_run;
    vic->request = virtio_irq_test_request;
    vic->prepare = virtio_irq_test_prepare;
    vic->next_event = virtio_irq_test_next_event;

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
    object_class_property_add(klass, "work", "uint32", get_work, set_work, NULL,
                              NULL);
    object_class_property_set_description(klass, "work",
        "Milliseconds that the host takes for each vector that is committed; "
        "the request is kept back until then");
    object_class_property_add_str(klass, "event", NULL, set_event);
    object_class_property_set_description(klass, "event",
        "Write HEX[,used=N] to place up to 32 bytes as an event, as they are");
    object_class_property_add_bool(klass, "commit-first", get_commit_first,
                                   set_commit_first);
    object_class_property_set_description(klass, "commit-first",
        "Functions that are attached from now on want COMMIT before ACTIVATE, "
        "as those of the host do");
    object_class_property_add(klass, "injected", "struct", get_injected, NULL,
                              NULL, NULL);
    object_class_property_set_description(klass, "injected",
        "How many requests were refused, malformed and delayed by rules");
}

static void virtio_irq_test_instance_init(Object *obj)
{
    VIRTIO_IRQ_TEST(obj)->work_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL,
                                                    virtio_irq_test_worked,
                                                    obj);
}

static void virtio_irq_test_finalize(Object *obj)
{
    timer_free(VIRTIO_IRQ_TEST(obj)->work_timer);
}

static const TypeInfo virtio_irq_test_info = {
    .name = TYPE_VIRTIO_IRQ_TEST,
    .parent = TYPE_VIRTIO_IRQ,
    .instance_size = sizeof(VirtIOIRQTest),
    .instance_init = virtio_irq_test_instance_init,
    .instance_finalize = virtio_irq_test_finalize,
    .class_init = virtio_irq_test_class_init,
};

static void virtio_irq_test_pci_class_init(ObjectClass *klass,
                                           COMPAT_CLASS_DATA *data)
{
    virtio_irq_pci_class_init(klass, data);
    DEVICE_CLASS(klass)->desc = "virtio-irq-pci that can be made to do wrong";
}

static void virtio_irq_test_pci_instance_init(Object *obj)
{
    static const char *const others[] = { "mute", "needs-reset", "injected",
                                          "work", "commit-first", "event" };
    VirtIOIRQTestPCI *dev = VIRTIO_IRQ_TEST_PCI(obj);
    Object *device = OBJECT(&dev->vdev);
    unsigned int i;

    virtio_instance_init_common(obj, &dev->vdev, sizeof(dev->vdev),
                                TYPE_VIRTIO_IRQ_TEST);
    virtio_irq_alias_properties(obj, device);
    for (i = 0; i < ARRAY_SIZE(rule_properties); i++) {
        virtio_irq_alias_property(obj, device, rule_properties[i].name);
    }
    for (i = 0; i < ARRAY_SIZE(others); i++) {
        virtio_irq_alias_property(obj, device, others[i]);
    }
}

static const VirtioPCIDeviceTypeInfo virtio_irq_test_pci_info = {
    .generic_name = TYPE_VIRTIO_IRQ_TEST_PCI,
    .instance_size = sizeof(VirtIOIRQTestPCI),
    .instance_init = virtio_irq_test_pci_instance_init,
    .class_init = virtio_irq_test_pci_class_init,
};

static void virtio_irq_test_register(void)
{
    type_register_static(&virtio_irq_test_info);
    virtio_pci_types_register(&virtio_irq_test_pci_info);
}

type_init(virtio_irq_test_register)
