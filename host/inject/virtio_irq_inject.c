// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-irq fault injection.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "virtio_irq_inject.h"

#define ANY			"any"
#define MAX_MS			600000
#define US_PER_MS		1000
/* Longest name of a type, a status, or a malformation, and its NUL */
#define MAX_WORD		16

/* Of the data of an x86 message; 0: fixed */
#define DELIVERY_MODE		UINT32_C(0x700)

/* Not a status that any version of the specification is likely to get */
#define NO_STATUS		0xee

/* Names */

static const char *malform_name(uint32_t malform)
{
	static const char *const names[VIRTIO_IRQ_NUM_MALFORMS] = {
		[VIRTIO_IRQ_MALFORM_SHORT] = "short",
		[VIRTIO_IRQ_MALFORM_LONG] = "long",
		[VIRTIO_IRQ_MALFORM_EMPTY] = "empty",
		[VIRTIO_IRQ_MALFORM_STATUS] = "status",
		[VIRTIO_IRQ_MALFORM_WINDOW] = "window",
		[VIRTIO_IRQ_MALFORM_ALIGN] = "align",
		[VIRTIO_IRQ_MALFORM_LIVE] = "live",
		[VIRTIO_IRQ_MALFORM_PAIR] = "pair",
		[VIRTIO_IRQ_MALFORM_DATA] = "data",
		[VIRTIO_IRQ_MALFORM_GRANTED] = "granted",
	};

	return malform < VIRTIO_IRQ_NUM_MALFORMS ? names[malform] : NULL;
}

/* Decimal digits alone, at most @max; moves *@text past them */
static bool take_number(const char **text, uint32_t max, uint32_t *number)
{
	const char *p = *text;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return false;
	while (*p >= '0' && *p <= '9') {
		n = n * 10 + (uint32_t)(*p++ - '0');
		if (n > max)
			return false;
	}
	*text = p;
	*number = (uint32_t)n;
	return true;
}

/* OK is no refusal */
int virtio_irq_parse_status(const char *text, uint32_t *arg)
{
	for (uint8_t i = VIRTIO_IRQ_S_OK + 1; i <= VIRTIO_IRQ_S_DEVERR; i++) {
		if (!strcmp(text, virtio_irq_status_name(i))) {
			*arg = i;
			return 0;
		}
	}
	return -EINVAL;
}

int virtio_irq_parse_malform(const char *text, uint32_t *arg)
{
	for (uint32_t i = 0; i < VIRTIO_IRQ_NUM_MALFORMS; i++) {
		if (!strcmp(text, malform_name(i))) {
			*arg = i;
			return 0;
		}
	}
	return -EINVAL;
}

int virtio_irq_parse_delay(const char *text, uint32_t *arg)
{
	uint32_t number;

	if (!take_number(&text, MAX_MS * US_PER_MS, &number))
		return -EINVAL;
	if (!*text) {
		if (number > MAX_MS)
			return -EINVAL;
		number *= US_PER_MS;
	} else if (strcmp(text, "us")) {
		return -EINVAL;
	}
	*arg = number;
	return 0;
}

static void print_name(char *buf, size_t size, const char *name, uint32_t arg)
{
	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%u", (unsigned int)arg);
}

void virtio_irq_print_status(char *buf, size_t size, uint32_t arg)
{
	print_name(buf, size, arg <= UINT8_MAX ? virtio_irq_status_name((uint8_t)arg) : NULL, arg);
}

void virtio_irq_print_malform(char *buf, size_t size, uint32_t arg)
{
	print_name(buf, size, malform_name(arg), arg);
}

void virtio_irq_print_delay(char *buf, size_t size, uint32_t arg)
{
	if (arg % US_PER_MS)
		snprintf(buf, size, "%uus", (unsigned int)arg);
	else
		print_name(buf, size, NULL, arg / US_PER_MS);
}

/* Rules as text */

/* Copies what is in front of any of @end; moves *@text to it */
static bool take_word(const char **text, const char *end, char word[MAX_WORD])
{
	size_t n = strcspn(*text, end);

	if (n >= MAX_WORD)
		return false;
	memcpy(word, *text, n);
	word[n] = '\0';
	*text += n;
	return true;
}

static bool find_type(const char *word, uint8_t *type)
{
	*type = 0;
	if (!strcmp(word, ANY))
		return true;
	for (uint8_t i = VIRTIO_IRQ_T_ATTACH; i <= VIRTIO_IRQ_T_FREE; i++) {
		if (!strcmp(word, virtio_irq_type_name(i))) {
			*type = i;
			return true;
		}
	}
	return false;
}

/* NULL, or what is wrong */
static const char *parse_rule(struct virtio_irq_rule *rule, const char **text,
			      int (*parse_arg)(const char *text, uint32_t *arg))
{
	char word[MAX_WORD];

	/* No name of a type has an x in it */
	if (!take_word(text, "@x=,", word) || !find_type(word, &rule->type))
		return "unknown request type";

	rule->nth = 1;
	if (**text == '@') {
		++*text;
		if (!take_number(text, UINT32_MAX, &rule->nth) || !rule->nth)
			return "bad number after @";
	}
	rule->times = 0;
	if (**text == 'x') {
		++*text;
		if (!take_number(text, UINT32_MAX, &rule->times) || !rule->times)
			return "bad number after x";
	}
	if (**text != '=')
		return "expected TYPE[@NTH][xTIMES]=ARG";
	++*text;
	if (!take_word(text, ",", word) || parse_arg(word, &rule->arg))
		return "unknown argument after =";
	return NULL;
}

int virtio_irq_ruleset_parse(struct virtio_irq_ruleset *set, const char *text,
			     int (*parse_arg)(const char *text, uint32_t *arg), const char **msg)
{
	struct virtio_irq_ruleset new = { .num = 0 };

	while (*text || new.num) {
		if (new.num == VIRTIO_IRQ_MAX_RULES) {
			*msg = "too many rules";
			return -EINVAL;
		}
		*msg = parse_rule(&new.rule[new.num], &text, parse_arg);
		if (*msg)
			return -EINVAL;
		new.num++;
		if (!*text)
			break;
		/* A comma: another one has to follow */
		text++;
	}
	*set = new;
	return 0;
}

/* snprintf() at an offset; returns the offset after it */
static int print_at(char *buf, size_t size, int at, const char *text, uint32_t number,
		    bool has_number)
{
	bool fits = (size_t)at < size;
	char digits[MAX_WORD] = "";

	if (has_number)
		snprintf(digits, sizeof(digits), "%u", (unsigned int)number);
	return at + snprintf(fits ? buf + at : NULL, fits ? size - (size_t)at : 0, "%s%s",
			     text, digits);
}

int virtio_irq_ruleset_print(const struct virtio_irq_ruleset *set,
			     void (*print_arg)(char *buf, size_t size, uint32_t arg),
			     char *buf, size_t size)
{
	char word[MAX_WORD];
	int at = 0;

	if (size)
		buf[0] = '\0';
	for (unsigned int i = 0; i < set->num; i++) {
		const struct virtio_irq_rule *rule = &set->rule[i];

		if (i)
			at = print_at(buf, size, at, ",", 0, false);
		at = print_at(buf, size, at,
			      rule->type ? virtio_irq_type_name(rule->type) : ANY, 0, false);
		if (rule->nth > 1)
			at = print_at(buf, size, at, "@", rule->nth, true);
		if (rule->times)
			at = print_at(buf, size, at, "x", rule->times, true);
		at = print_at(buf, size, at, "=", 0, false);
		print_arg(word, sizeof(word), rule->arg);
		at = print_at(buf, size, at, word, 0, false);
	}
	return at;
}

/* Rules at work */

/*
 * A request of @type comes by. Every rule counts it, whether or not an earlier
 * one of the set applies; the first one that it is in the reach of applies.
 */
static bool match(struct virtio_irq_ruleset *set, uint8_t type, uint32_t *arg)
{
	bool found = false;
	unsigned int left = 0;

	for (unsigned int i = 0; i < set->num; i++) {
		struct virtio_irq_rule rule = set->rule[i];
		bool over = false;

		if (!rule.type || rule.type == type) {
			if (rule.nth > 1) {
				rule.nth--;
			} else {
				if (!found)
					*arg = rule.arg;
				found = true;
				over = rule.times && !--rule.times;
			}
		}
		if (!over)
			set->rule[left++] = rule;
	}
	set->num = left;
	return found;
}

/* The type that rules see: 0, and only "any", for what is no request */
static uint8_t rule_type(const uint8_t *req, size_t req_size)
{
	uint8_t type;

	if (req_size < sizeof(struct virtio_irq_req_head))
		return 0;
	type = req[offsetof(struct virtio_irq_req_head, type)];
	return virtio_irq_type_name(type) ? type : 0;
}

static uint32_t get_le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static void put_le32(uint8_t *p, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

static void put_le64(uint8_t *p, uint64_t value)
{
	put_le32(p, (uint32_t)value);
	put_le32(p + 4, (uint32_t)(value >> 32));
}

/* Whether there was anything to spoil */
static bool malform_pair(uint8_t *rsp, uint32_t malform)
{
	uint8_t *address = rsp + offsetof(struct virtio_irq_rsp_activate, address);
	uint8_t *data = rsp + offsetof(struct virtio_irq_rsp_activate, data);

	switch (malform) {
	case VIRTIO_IRQ_MALFORM_WINDOW:
		/* No window is so large that this leads into it again */
		put_le64(address, get_le64(address) ^ UINT64_C(1) << 62);
		return true;
	case VIRTIO_IRQ_MALFORM_ALIGN:
		put_le64(address, get_le64(address) | 2);
		return true;
	case VIRTIO_IRQ_MALFORM_LIVE:
		put_le32(data, get_le32(data) & ~DELIVERY_MODE);
		return true;
	case VIRTIO_IRQ_MALFORM_PAIR:
		put_le32(data, get_le32(data) ^ 1);
		return true;
	case VIRTIO_IRQ_MALFORM_DATA:
		put_le32(data, get_le32(data) | UINT32_C(1) << 31);
		return true;
	}
	return false;
}

static bool malform_reply(uint32_t malform, uint8_t type, const uint8_t *req,
			  uint8_t *rsp, size_t *used)
{
	uint8_t *status = rsp + offsetof(struct virtio_irq_rsp_head, status);

	/* Not even a status: there is nothing left to spoil */
	if (!*used)
		return false;
	switch (malform) {
	case VIRTIO_IRQ_MALFORM_SHORT:
		--*used;
		return true;
	case VIRTIO_IRQ_MALFORM_LONG:
		++*used;
		return true;
	case VIRTIO_IRQ_MALFORM_EMPTY:
		*used = 0;
		return true;
	case VIRTIO_IRQ_MALFORM_STATUS:
		*status = NO_STATUS;
		return true;
	}

	if (*status != VIRTIO_IRQ_S_OK)
		return false;
	if (malform == VIRTIO_IRQ_MALFORM_GRANTED) {
		if (type != VIRTIO_IRQ_T_ALLOC)
			return false;
		put_le32(rsp + offsetof(struct virtio_irq_rsp_alloc, granted),
			 get_le32(req + offsetof(struct virtio_irq_req_alloc, count)) + 1);
		return true;
	}
	return type == VIRTIO_IRQ_T_ACTIVATE && malform_pair(rsp, malform);
}

size_t virtio_irq_inject_request(struct virtio_irq_inject *inj, struct virtio_irq_core *core,
				 const void *req, size_t req_size,
				 void *rsp, size_t rsp_size, uint32_t *delay_us)
{
	uint8_t type = rule_type(req, req_size);
	bool refuse, malform;
	uint32_t status, how;
	size_t used;

	refuse = match(&inj->refuse, type, &status);
	malform = match(&inj->malform, type, &how);
	if (!match(&inj->delay, type, delay_us))
		*delay_us = 0;
	if (*delay_us)
		inj->delayed++;

	if (refuse) {
		inj->refused++;
		used = 0;
		if (rsp_size >= sizeof(struct virtio_irq_rsp_head)) {
			used = sizeof(struct virtio_irq_rsp_head);
			memset(rsp, 0, used);
			*(uint8_t *)rsp = (uint8_t)status;
		}
	} else {
		used = virtio_irq_core_request(core, req, req_size, rsp, rsp_size);
	}
	if (malform && malform_reply(how, type, req, rsp, &used))
		inj->malformed++;
	return used;
}
