// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fault injection: rules as text, and what they do to replies.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

static void set_rules(struct virtio_irq_ruleset *set, const char *text,
		      int (*parse)(const char *, uint32_t *))
{
	const char *msg = NULL;

	if (virtio_irq_ruleset_parse(set, text, parse, &msg))
		fail_msg("\"%s\": %s", text, msg);
}

#define refuse(inj, text)	set_rules(&(inj)->refuse, text, virtio_irq_parse_status)
#define malform(inj, text)	set_rules(&(inj)->malform, text, virtio_irq_parse_malform)
#define delay(inj, text)	set_rules(&(inj)->delay, text, virtio_irq_parse_delay)

/* The rules that are left */
static const char *left(const struct virtio_irq_ruleset *set,
			void (*print)(char *, size_t, uint32_t))
{
	static char text[512];

	assert_in_range(virtio_irq_ruleset_print(set, print, text, sizeof(text)), 0,
			sizeof(text) - 1);
	return text;
}

struct answer {
	size_t used;
	uint8_t status;
	uint32_t delay_us;
	/* One more than the room: MALFORM_LONG must not be written to */
	uint8_t rsp[128];
};

static struct answer ask(struct vmm *vmm, struct virtio_irq_inject *inj, const void *req,
			 size_t req_size, size_t rsp_size)
{
	struct answer a = { .delay_us = UINT32_MAX };

	memset(a.rsp, 0xaa, sizeof(a.rsp));
	a.used = virtio_irq_inject_request(inj, vmm->core, req, req_size, a.rsp, rsp_size,
					   &a.delay_us);
	for (size_t i = rsp_size; i < sizeof(a.rsp); i++)
		assert_int_equal(a.rsp[i], 0xaa);
	a.status = a.rsp[0];
	return a;
}

static struct answer ask_alloc(struct vmm *vmm, struct virtio_irq_inject *inj, uint32_t first,
			       uint32_t count)
{
	struct virtio_irq_req_alloc req = {
		.head = { .type = VIRTIO_IRQ_T_ALLOC, .endpoint = htole32(EP) },
		.first = htole32(first),
		.count = htole32(count),
		.addr_width = 64,
	};

	return ask(vmm, inj, &req, sizeof(req), 16);
}

static struct answer ask_activate(struct vmm *vmm, struct virtio_irq_inject *inj, uint32_t index)
{
	struct virtio_irq_req_activate req = {
		.head = { .type = VIRTIO_IRQ_T_ACTIVATE, .endpoint = htole32(EP) },
		.index = htole32(index),
		.address = htole64(ROUTE_ADDRESS),
	};

	return ask(vmm, inj, &req, sizeof(req), 24);
}

static struct answer ask_free(struct vmm *vmm, struct virtio_irq_inject *inj, uint32_t first)
{
	struct virtio_irq_req_range req = {
		.head = { .type = VIRTIO_IRQ_T_FREE, .endpoint = htole32(EP) },
		.first = htole32(first),
		.count = htole32(1),
	};

	return ask(vmm, inj, &req, sizeof(req), 8);
}

static struct virtio_irq_msg pair_of(const struct answer *a)
{
	struct virtio_irq_rsp_activate rsp;

	memcpy(&rsp, a->rsp, sizeof(rsp));
	return (struct virtio_irq_msg) {
		.address = le64toh(rsp.address),
		.data = le32toh(rsp.data),
	};
}

/* Text */

static void rules_parse_and_print_canonically(void **state)
{
	static const char *const texts[][2] = {
		{ "", "" },
		{ "alloc=quota", "alloc=quota" },
		{ "alloc@1=quota", "alloc=quota" },
		{ "alloc@3x1=quota", "alloc@3x1=quota" },
		{ "any=nomem", "any=nomem" },
		{ "anyx7=nomem", "anyx7=nomem" },
		{ "attach=noent,detach=perm,commit=busy,release=inval",
		  "attach=noent,detach=perm,commit=busy,release=inval" },
		{ "activate@2=nospc,deactivate@4294967295x4294967295=deverr,free=range",
		  "activate@2=nospc,deactivate@4294967295x4294967295=deverr,free=range" },
		{ "any@007x010=unsupp", "any@7x10=unsupp" },
	};
	struct virtio_irq_ruleset set;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		set_rules(&set, texts[i][0], virtio_irq_parse_status);
		assert_string_equal(left(&set, virtio_irq_print_status), texts[i][1]);
	}
}

static void rules_fields_are_as_written(void **state)
{
	struct virtio_irq_ruleset set;

	(void)state;
	set_rules(&set, "activate@3x5=nospc,any=quota", virtio_irq_parse_status);
	assert_int_equal(set.num, 2);
	assert_int_equal(set.rule[0].type, VIRTIO_IRQ_T_ACTIVATE);
	assert_int_equal(set.rule[0].nth, 3);
	assert_int_equal(set.rule[0].times, 5);
	assert_int_equal(set.rule[0].arg, VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(set.rule[1].type, 0);
	assert_int_equal(set.rule[1].nth, 1);
	assert_int_equal(set.rule[1].times, 0);
	assert_int_equal(set.rule[1].arg, VIRTIO_IRQ_S_QUOTA);
}

static void rules_with_an_error_are_refused_and_the_old_ones_stay(void **state)
{
	static const char *const bad[] = {
		"alloc", "alloc=", "=quota", "alloc=quota,", ",alloc=quota",
		"alloc=quota,,any=inval",
		"Alloc=quota", "alloc =quota", "alloc= quota", " ", ",", "=", "@", "x", "alloc@",
		"alloc@=quota", "alloc@0=quota", "alloc@-1=quota", "alloc@4294967296=quota",
		"alloc@99999999999999999999999=quota", "alloc@1x=quota", "allocx0=quota",
		"allocx4294967296=quota", "alloc@1x1x1=quota", "allocx1@1=quota", "alloc@1 =quota",
		"alloc=ok", "alloc=short", "alloc=3", "alloc=quotaquotaquotaquota",
		"allocallocallocallocalloc=quota", "alloc=quota;any=inval", "probe=quota",
		"alloc@+1=quota", "alloc=quota=quota", "alloc@1,any=quota",
		"any=perm,any=perm,any=perm,any=perm,any=perm,any=perm,any=perm,any=perm,any=perm",
	};
	struct virtio_irq_ruleset set;
	const char *msg;

	(void)state;
	set_rules(&set, "free@2=perm", virtio_irq_parse_status);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		msg = NULL;
		if (!virtio_irq_ruleset_parse(&set, bad[i], virtio_irq_parse_status, &msg))
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(msg);
		assert_true(strlen(msg) > 0);
		assert_string_equal(left(&set, virtio_irq_print_status), "free@2=perm");
	}
	set_rules(&set, "", virtio_irq_parse_status);
	assert_int_equal(set.num, 0);
}

static void rules_as_many_as_there_is_room_for(void **state)
{
	struct virtio_irq_ruleset set;
	char text[256] = "";

	(void)state;
	for (unsigned int i = 0; i < VIRTIO_IRQ_MAX_RULES; i++)
		strcat(text, i ? ",any=inval" : "any=inval");
	set_rules(&set, text, virtio_irq_parse_status);
	assert_int_equal(set.num, VIRTIO_IRQ_MAX_RULES);
	assert_string_equal(left(&set, virtio_irq_print_status), text);
}

static void rules_print_as_snprintf(void **state)
{
	static const char text[] = "alloc@3x1=quota,any=nospc";
	struct virtio_irq_ruleset set;
	char buf[64];

	(void)state;
	set_rules(&set, text, virtio_irq_parse_status);
	assert_int_equal(virtio_irq_ruleset_print(&set, virtio_irq_print_status, NULL, 0),
			 strlen(text));
	for (size_t size = 1; size < sizeof(buf); size++) {
		memset(buf, 'Z', sizeof(buf));
		assert_int_equal(virtio_irq_ruleset_print(&set, virtio_irq_print_status, buf, size),
				 strlen(text));
		assert_int_equal(strlen(buf), size - 1 < strlen(text) ? size - 1 : strlen(text));
		assert_memory_equal(buf, text, strlen(buf));
		assert_int_equal(buf[size], 'Z');
	}
	set.num = 0;
	assert_int_equal(virtio_irq_ruleset_print(&set, virtio_irq_print_status, buf, sizeof(buf)),
			 0);
	assert_string_equal(buf, "");
}

static void arguments_parse_what_they_print(void **state)
{
	char text[32];
	uint32_t arg;

	(void)state;
	for (uint32_t i = VIRTIO_IRQ_S_UNSUPP; i <= VIRTIO_IRQ_S_DEVERR; i++) {
		virtio_irq_print_status(text, sizeof(text), i);
		assert_int_equal(virtio_irq_parse_status(text, &arg), 0);
		assert_int_equal(arg, i);
	}
	for (uint32_t i = 0; i < VIRTIO_IRQ_NUM_MALFORMS; i++) {
		virtio_irq_print_malform(text, sizeof(text), i);
		assert_int_equal(virtio_irq_parse_malform(text, &arg), 0);
		assert_int_equal(arg, i);
	}
	for (uint32_t i = 0; i <= 600000000; i += i < 600000 ? 12345 : 12345000) {
		virtio_irq_print_delay(text, sizeof(text), i);
		assert_int_equal(virtio_irq_parse_delay(text, &arg), 0);
		assert_int_equal(arg, i);
	}
	assert_int_equal(virtio_irq_parse_delay("600000", &arg), 0);
	assert_int_equal(arg, 600000000);
	assert_int_equal(virtio_irq_parse_delay("600000000us", &arg), 0);
	assert_int_equal(arg, 600000000);
	assert_int_equal(virtio_irq_parse_delay("10us", &arg), 0);
	assert_int_equal(arg, 10);
	/* What has no name is a number, also beyond 8 bits */
	virtio_irq_print_status(text, sizeof(text), 200);
	assert_string_equal(text, "200");
	virtio_irq_print_status(text, sizeof(text), 256);
	assert_string_equal(text, "256");
	virtio_irq_print_malform(text, sizeof(text), 99);
	assert_string_equal(text, "99");
}

static void arguments_that_make_no_sense_are_refused(void **state)
{
	static const char *const ms[] = { "", "600001", "-1", "1s", "0x10", " 1", "1 ", "quota",
					  "us", "1us ", "600000001us", "1u",
					  "99999999999999999999" };
	uint32_t arg = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ms); i++)
		assert_int_equal(virtio_irq_parse_delay(ms[i], &arg), -EINVAL);
	assert_int_equal(virtio_irq_parse_status("", &arg), -EINVAL);
	assert_int_equal(virtio_irq_parse_status("ok", &arg), -EINVAL);
	assert_int_equal(virtio_irq_parse_malform("", &arg), -EINVAL);
	assert_int_equal(virtio_irq_parse_malform("shorter", &arg), -EINVAL);
	assert_int_equal(arg, 42);
}

/* Rules at work */

static void inject_nothing_is_the_core_itself(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	must_attach(vmm, EP);
	a = ask_alloc(vmm, &inj, 0, 4);
	assert_int_equal(a.used, 16);
	assert_int_equal(a.status, VIRTIO_IRQ_S_OK);
	assert_int_equal(a.delay_us, 0);
	a = ask_activate(vmm, &inj, 0);
	assert_int_equal(pair_of(&a).address, PAIR_ADDRESS);
	assert_int_equal(inj.refused + inj.malformed + inj.delayed, 0);
}

static void refuse_answers_the_status_and_changes_nothing(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	must_attach(vmm, EP);
	refuse(&inj, "alloc=quota");
	for (unsigned int i = 0; i < 3; i++) {
		a = ask_alloc(vmm, &inj, 0, 4);
		assert_int_equal(a.used, 8);
		assert_int_equal(a.status, VIRTIO_IRQ_S_QUOTA);
		for (size_t j = 1; j < 8; j++)
			assert_int_equal(a.rsp[j], 0);
	}
	assert_int_equal(stats(vmm).allocated, 0);
	assert_int_equal(inj.refused, 3);
	/* Others go through */
	assert_int_equal(ask_free(vmm, &inj, 0).status, VIRTIO_IRQ_S_OK);
	refuse(&inj, "");
	assert_int_equal(ask_alloc(vmm, &inj, 0, 4).status, VIRTIO_IRQ_S_OK);
}

static void refuse_nth_and_times_count_requests_of_the_type(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	refuse(&inj, "alloc@3x2=nospc");
	for (unsigned int i = 1; i <= 8; i++) {
		/* Requests of other types do not count */
		assert_int_equal(ask_free(vmm, &inj, 0).status, VIRTIO_IRQ_S_OK);
		assert_int_equal(ask_alloc(vmm, &inj, i, 1).status,
				 i == 3 || i == 4 ? VIRTIO_IRQ_S_NOSPC : VIRTIO_IRQ_S_OK);
		assert_string_equal(left(&inj.refuse, virtio_irq_print_status),
				    i == 1 ? "alloc@2x2=nospc" : i == 2 ? "allocx2=nospc" :
				    i == 3 ? "allocx1=nospc" : "");
	}
	assert_int_equal(inj.refused, 2);
}

static void refuse_without_times_goes_on_until_changed(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	refuse(&inj, "any@2=perm");
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).status, VIRTIO_IRQ_S_OK);
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(ask_free(vmm, &inj, 0).status, VIRTIO_IRQ_S_PERM);
	assert_string_equal(left(&inj.refuse, virtio_irq_print_status), "any=perm");
	assert_int_equal(stats(vmm).allocated, 1);
}

static void refuse_rules_count_on_their_own_and_the_first_applies(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct vmm *vmm = *state;

	must_attach(vmm, EP);
	refuse(&inj, "allocx1=quota,any@1x2=nospc,alloc@4x1=perm");
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).status, VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).status, VIRTIO_IRQ_S_NOSPC);
	assert_string_equal(left(&inj.refuse, virtio_irq_print_status), "alloc@2x1=perm");
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).status, VIRTIO_IRQ_S_OK);
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).status, VIRTIO_IRQ_S_PERM);
	assert_int_equal(inj.refuse.num, 0);
}

static void refuse_without_room_for_a_status_uses_nothing(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct virtio_irq_req_head req = { .type = VIRTIO_IRQ_T_FREE };
	struct vmm *vmm = *state;

	refuse(&inj, "any=perm");
	malform(&inj, "any=long");
	assert_int_equal(ask(vmm, &inj, &req, sizeof(req), 7).used, 0);
	assert_int_equal(inj.refused, 1);
	/* There is nothing to be malformed */
	assert_int_equal(inj.malformed, 0);
}

static void refuse_any_meets_unknown_types_and_fragments(void **state)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct virtio_irq_req_head req = { .type = 99 };
	struct vmm *vmm = *state;

	refuse(&inj, "free=perm,any@2=busy");
	assert_int_equal(ask(vmm, &inj, &req, sizeof(req), 8).status, VIRTIO_IRQ_S_UNSUPP);
	assert_int_equal(ask(vmm, &inj, &req, sizeof(req), 8).status, VIRTIO_IRQ_S_BUSY);
	req.type = VIRTIO_IRQ_T_FREE;
	/* Too short to be of a type */
	assert_int_equal(ask(vmm, &inj, &req, 7, 8).status, VIRTIO_IRQ_S_BUSY);
	assert_int_equal(ask(vmm, &inj, &req, 0, 8).status, VIRTIO_IRQ_S_BUSY);
	assert_int_equal(ask(vmm, &inj, &req, sizeof(req), 8).status, VIRTIO_IRQ_S_PERM);
}

static void malform_length_takes_effect_on_the_device_all_the_same(void **state)
{
	static const struct {
		const char *rule;
		size_t used;
	} cases[] = { { "alloc=short", 15 }, { "alloc=long", 17 }, { "alloc=empty", 0 } };
	struct virtio_irq_inject inj = { .malformed = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	must_attach(vmm, EP);
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		malform(&inj, cases[i].rule);
		a = ask_alloc(vmm, &inj, i, 1);
		assert_int_equal(a.used, cases[i].used);
		assert_int_equal(inj.malformed, i + 1);
		assert_int_equal(stats(vmm).allocated, i + 1);
	}
}

static void malform_length_of_a_refusal(void **state)
{
	struct virtio_irq_inject inj = { .malformed = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	malform(&inj, "allocx1=short,alloc@2x1=long,alloc@3x1=empty");
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).used, 7);
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).used, 9);
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).used, 0);
	refuse(&inj, "alloc=quota");
	malform(&inj, "alloc=short");
	a = ask_alloc(vmm, &inj, 0, 1);
	assert_int_equal(a.used, 7);
	assert_int_equal(a.status, VIRTIO_IRQ_S_QUOTA);
}

static void malform_status_is_one_that_does_not_exist(void **state)
{
	struct virtio_irq_inject inj = { .malformed = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	must_attach(vmm, EP);
	malform(&inj, "any=status");
	a = ask_alloc(vmm, &inj, 0, 1);
	assert_int_equal(a.used, 16);
	assert_null(virtio_irq_status_name(a.status));
	a = ask_alloc(vmm, &inj, 9999, 1);
	assert_int_equal(a.used, 8);
	assert_null(virtio_irq_status_name(a.status));
}

static void malform_pairs(void **state)
{
	struct virtio_irq_inject inj = { .malformed = 0 };
	struct virtio_irq_msg pair, bad;
	struct vmm *vmm = *state;
	struct answer a;

	start(vmm, 4, VIRTIO_IRQ_ALLOC_F_DATA16);
	pair = must_activate(vmm, EP, 1);

	malform(&inj, "activate=window");
	a = ask_activate(vmm, &inj, 1);
	bad = pair_of(&a);
	assert_int_equal(a.used, 24);
	assert_true(bad.address < WINDOW_START || bad.address > WINDOW_END);
	assert_int_equal(bad.address % 4, 0);
	assert_int_equal(bad.data, pair.data);

	malform(&inj, "activate=align");
	a = ask_activate(vmm, &inj, 1);
	bad = pair_of(&a);
	assert_true(bad.address >= WINDOW_START && bad.address <= WINDOW_END);
	assert_int_not_equal(bad.address % 4, 0);
	assert_int_equal(bad.data, pair.data);

	malform(&inj, "activate=pair");
	a = ask_activate(vmm, &inj, 1);
	bad = pair_of(&a);
	assert_int_equal(bad.address, pair.address);
	assert_int_not_equal(bad.data, pair.data);
	assert_true(bad.data <= 0xffff);

	malform(&inj, "activate=data");
	a = ask_activate(vmm, &inj, 1);
	bad = pair_of(&a);
	assert_int_equal(bad.address, pair.address);
	assert_true(bad.data > 0xffff);

	/* Only told wrong: the device's own pair is what it was */
	assert_int_equal(inj.malformed, 4);
	assert_int_equal(fire(vmm, EP, pair.address, pair.data), VIRTIO_IRQ_DELIVERED);
}

static void malform_granted_is_more_than_asked_for(void **state)
{
	struct virtio_irq_inject inj = { .malformed = 0 };
	struct virtio_irq_rsp_alloc rsp;
	struct vmm *vmm = *state;
	struct answer a;

	must_attach(vmm, EP);
	malform(&inj, "alloc=granted");
	a = ask_alloc(vmm, &inj, 0, 5);
	memcpy(&rsp, a.rsp, sizeof(rsp));
	assert_int_equal(le32toh(rsp.granted), 6);
	assert_int_equal(stats(vmm).allocated, 5);
}

static void malform_that_does_not_apply_changes_nothing(void **state)
{
	static const char *const rules[] = { "any=window", "any=align", "any=pair", "any=data",
					     "any=granted" };
	struct virtio_irq_inject inj = { .malformed = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	start(vmm, 4, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		malform(&inj, rules[i]);
		/* No pair in it, and nothing granted */
		a = ask_free(vmm, &inj, 100);
		assert_int_equal(a.used, 8);
		assert_int_equal(a.status, VIRTIO_IRQ_S_OK);
		a = ask_activate(vmm, &inj, 100);
		assert_int_equal(a.used, 8);
		assert_int_equal(a.status, VIRTIO_IRQ_S_NOENT);
		a = ask_alloc(vmm, &inj, 9999, 1);
		assert_int_equal(a.used, 8);
		assert_int_equal(a.status, VIRTIO_IRQ_S_RANGE);
	}
	/* Set by a program, not by text */
	inj.malform.rule[0].arg = VIRTIO_IRQ_NUM_MALFORMS;
	a = ask_activate(vmm, &inj, 0);
	assert_int_equal(pair_of(&a).data, data_of(vmm, EP, 0));
	malform(&inj, "any=granted");
	a = ask_activate(vmm, &inj, 0);
	assert_int_equal(pair_of(&a).data, data_of(vmm, EP, 0));
	assert_int_equal(inj.malformed, 0);
}

static void delay_is_told_and_the_effect_is_immediate(void **state)
{
	struct virtio_irq_inject inj = { .delayed = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	must_attach(vmm, EP);
	delay(&inj, "alloc@2x1=500,free=0");
	assert_int_equal(ask_alloc(vmm, &inj, 0, 1).delay_us, 0);
	a = ask_alloc(vmm, &inj, 1, 1);
	assert_int_equal(a.delay_us, 500000);
	assert_int_equal(a.status, VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).allocated, 2);
	assert_int_equal(ask_alloc(vmm, &inj, 2, 1).delay_us, 0);
	assert_int_equal(ask_free(vmm, &inj, 1).delay_us, 0);
	assert_int_equal(inj.delayed, 1);
}

static void delay_applies_to_refusals_too(void **state)
{
	struct virtio_irq_inject inj = { .delayed = 0 };
	struct vmm *vmm = *state;
	struct answer a;

	refuse(&inj, "activate=nomem");
	delay(&inj, "activate=10");
	a = ask_activate(vmm, &inj, 0);
	assert_int_equal(a.status, VIRTIO_IRQ_S_NOMEM);
	assert_int_equal(a.delay_us, 10000);
	assert_int_equal(inj.refused, 1);
	assert_int_equal(inj.delayed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_parse_and_print_canonically),
		cmocka_unit_test(rules_fields_are_as_written),
		cmocka_unit_test(rules_with_an_error_are_refused_and_the_old_ones_stay),
		cmocka_unit_test(rules_as_many_as_there_is_room_for),
		cmocka_unit_test(rules_print_as_snprintf),
		cmocka_unit_test(arguments_parse_what_they_print),
		cmocka_unit_test(arguments_that_make_no_sense_are_refused),
		unit(inject_nothing_is_the_core_itself),
		unit(refuse_answers_the_status_and_changes_nothing),
		unit(refuse_nth_and_times_count_requests_of_the_type),
		unit(refuse_without_times_goes_on_until_changed),
		unit(refuse_rules_count_on_their_own_and_the_first_applies),
		unit(refuse_without_room_for_a_status_uses_nothing),
		unit(refuse_any_meets_unknown_types_and_fragments),
		unit(malform_length_takes_effect_on_the_device_all_the_same),
		unit(malform_length_of_a_refusal),
		unit(malform_status_is_one_that_does_not_exist),
		unit(malform_pairs),
		unit(malform_granted_is_more_than_asked_for),
		unit(malform_that_does_not_apply_changes_nothing),
		unit(delay_is_told_and_the_effect_is_immediate),
		unit(delay_applies_to_refusals_too),
	};

	return cmocka_run_group_tests_name("inject", tests, NULL, NULL);
}
