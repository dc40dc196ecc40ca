/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-irq fault injection: what a tester can make a device do wrong. A VMM
 * asks it around virtio_irq_core_request(); a device without a tester behaves
 * as if none of this existed.
 */
#ifndef VIRTIO_IRQ_INJECT_H
#define VIRTIO_IRQ_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_irq_core.h"

enum virtio_irq_malform {
	VIRTIO_IRQ_MALFORM_SHORT,	/* used length one less */
	VIRTIO_IRQ_MALFORM_LONG,	/* used length one more */
	VIRTIO_IRQ_MALFORM_EMPTY,	/* used length 0 */
	VIRTIO_IRQ_MALFORM_STATUS,	/* a status that does not exist */
	VIRTIO_IRQ_MALFORM_WINDOW,	/* ACTIVATE: pair address outside the window */
	VIRTIO_IRQ_MALFORM_ALIGN,	/* ACTIVATE: pair address not 4-byte aligned */
	VIRTIO_IRQ_MALFORM_LIVE,	/* ACTIVATE: what a CPU of x86 may take */
	VIRTIO_IRQ_MALFORM_PAIR,	/* ACTIVATE: another pair than before */
	VIRTIO_IRQ_MALFORM_DATA,	/* ACTIVATE: data above 16 bits */
	VIRTIO_IRQ_MALFORM_GRANTED,	/* ALLOC: more than asked for */
	VIRTIO_IRQ_NUM_MALFORMS
};

/*
 * One rule: requests of @type (0: every type) from the @nth on (1: the next
 * one), @times of them (0: until changed). Rules count on their own; of several
 * that a request is in the reach of, the first applies.
 */
struct virtio_irq_rule {
	uint8_t type;
	uint32_t nth;
	uint32_t times;
	uint32_t arg;			/* status, malformation, or microseconds */
};

#define VIRTIO_IRQ_MAX_RULES		8

struct virtio_irq_ruleset {
	unsigned int num;
	struct virtio_irq_rule rule[VIRTIO_IRQ_MAX_RULES];
};

struct virtio_irq_inject {
	struct virtio_irq_ruleset refuse;	/* arg: VIRTIO_IRQ_S_*, nothing changes */
	struct virtio_irq_ruleset malform;	/* arg: enum virtio_irq_malform */
	struct virtio_irq_ruleset delay;	/* arg: microseconds until the answer */
	uint64_t refused, malformed, delayed;
};

/*
 * Text form, comma separated: TYPE[@NTH][xTIMES]=ARG, for example
 * "alloc@3x1=quota", "activate=nospc", "any=short", "alloc@1x1=500",
 * "activate=10us". TYPE is a
 * request's name or "any". "" clears. 0, or -EINVAL and *@msg says why (a
 * static string); the old rules stay on error.
 */
int virtio_irq_ruleset_parse(struct virtio_irq_ruleset *set, const char *text,
			     int (*parse_arg)(const char *text, uint32_t *arg), const char **msg);
/* Canonical text of what is left to happen; returns as snprintf() */
int virtio_irq_ruleset_print(const struct virtio_irq_ruleset *set,
			     void (*print_arg)(char *buf, size_t size, uint32_t arg),
			     char *buf, size_t size);

int virtio_irq_parse_status(const char *text, uint32_t *arg);
int virtio_irq_parse_malform(const char *text, uint32_t *arg);
/* "500": milliseconds, "500us": microseconds; at most 600000 ms */
int virtio_irq_parse_delay(const char *text, uint32_t *arg);
void virtio_irq_print_status(char *buf, size_t size, uint32_t arg);
void virtio_irq_print_malform(char *buf, size_t size, uint32_t arg);
void virtio_irq_print_delay(char *buf, size_t size, uint32_t arg);

/*
 * virtio_irq_core_request() with the refusals and malformations applied.
 * *@delay_us says how long the answer is to be held, 0: not at all. The effect
 * of a delayed request is immediate, so later requests see it.
 *
 * VIRTIO_IRQ_MALFORM_LONG returns a used length that is one more than was
 * written, which may be one more than @rsp_size: report it, but copy no more
 * than @rsp_size bytes.
 */
size_t virtio_irq_inject_request(struct virtio_irq_inject *inj, struct virtio_irq_core *core,
				 const void *req, size_t req_size,
				 void *rsp, size_t rsp_size, uint32_t *delay_us);

#endif /* VIRTIO_IRQ_INJECT_H */
