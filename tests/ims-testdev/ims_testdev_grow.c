// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: a store that grows while it is in use
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * One vector after the other is added and requested, each one while those before
 * it fire. Then all they were told to fire has to be handled, by each of them,
 * and the next step begins.
 */

#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "ims_testdev.h"

/* A lost interrupt never comes; a loaded host under emulation may take seconds. */
#define ITD_GROW_TIMEOUT	(20 * HZ)

static struct itd_vector *itd_grow_vector(struct itd_growth *g, u32 i)
{
	return &g->store->vec[g->first + i];
}

static u64 itd_grow_handled(struct itd_growth *g)
{
	u64 sum = 0;

	for (u32 i = 0; i < g->added; i++)
		sum += atomic64_read(&itd_grow_vector(g, i)->handled);
	return sum;
}

/* Every requested one fires the same number. */
static void itd_grow_fire(struct itd_growth *g, u32 count)
{
	for (u32 i = 0; i < g->added; i++) {
		struct itd_vector *v = itd_grow_vector(g, i);

		if (!v->requested)
			continue;
		v->before.handled = atomic64_read(&v->handled);
		v->before.spurious = atomic64_read(&v->spurious);
		itd_write(v, IMS_TESTDEV_FIRE, count);
	}
}

static bool itd_grow_idle(struct itd_dev *itd)
{
	guard(mutex)(&itd->raw_lock);

	writel(1, itd->regs + IMS_TESTDEV_SNAPSHOT);
	/* Nothing is abandoned here. */
	return !readl(itd->regs + IMS_TESTDEV_SUM_OWED_LO) &&
	       readl(itd->regs + IMS_TESTDEV_SUM_FIRED_LO) ==
	       readl(itd->regs + IMS_TESTDEV_SUM_ACKED_LO);
}

static int itd_grow_settle(struct itd_growth *g)
{
	unsigned long deadline = jiffies + ITD_GROW_TIMEOUT;

	for (;;) {
		/* Before the look, which then comes after the deadline once. */
		bool late = time_after(jiffies, deadline);

		if (itd_grow_idle(g->store->itd))
			return 0;
		if (late)
			return -ETIMEDOUT;
		if (READ_ONCE(g->store->itd->gone))
			return -ENODEV;
		if (signal_pending(current))
			return -EINTR;
		usleep_range(50, 200);
	}
}

/* Of the first @nr */
static int itd_grow_check(struct itd_growth *g, u32 nr, u32 count)
{
	for (u32 i = 0; i < nr; i++) {
		struct itd_vector *v = itd_grow_vector(g, i);

		if (!v->requested)
			continue;
		/* The handler claims first and counts then. */
		synchronize_irq(v->virq);
		g->index = v->index;
		if (atomic64_read(&v->handled) - v->before.handled != count ||
		    atomic64_read(&v->spurious) != v->before.spurious)
			return -EIO;
		g->fired += count;
	}
	return 0;
}

/* The parent has vectors for some hundred interrupts on each CPU. */
static int itd_grow_request(struct itd_growth *g, struct itd_vector *v)
{
	int ret;

	ret = itd_request(v);
	if (ret == -ENOSPC) {
		g->refused++;
		return 0;
	}
	if (!ret)
		g->requested++;
	return ret;
}

static int itd_grow_one(struct itd_growth *g)
{
	struct itd_vector *v = itd_grow_vector(g, g->added);
	u64 before = itd_grow_handled(g);
	int ret;

	guard(mutex)(&v->lock);
	g->index = v->index;
	if (v->churned)
		return -EBUSY;
	g->step = "add";
	ret = itd_store_add(v, g->pasid);
	if (ret)
		return ret;
	g->step = "request";
	ret = itd_grow_request(g, v);
	g->during += itd_grow_handled(g) - before;
	g->added++;
	return ret;
}

static int itd_grow_step(struct itd_growth *g)
{
	u32 count = g->requested ? max(g->fires / g->requested, 1) : 0;
	u32 nr = g->added;
	int ret = 0;

	itd_grow_fire(g, count);
	if (g->added < g->count)
		ret = itd_grow_one(g);
	if (ret)
		return ret;
	g->step = "settle";
	ret = itd_grow_settle(g);
	if (ret)
		return ret;
	g->step = "check";
	return itd_grow_check(g, nr, count);
}

/**
 * itd_grow - add and request vectors one by one while the others fire
 * @g: what to do, and receives what was done
 *
 * Context: Process context, itd->life held for reading. Nothing else fires.
 * Return: 0, or an error at g->step of vector g->index. What was added stays.
 */
int itd_grow(struct itd_growth *g)
{
	int ret;

	do {
		ret = itd_grow_step(g);
		if (ret)
			return ret;
		cond_resched();
	} while (g->added < g->count);
	/* The last one fires, too. */
	return itd_grow_step(g);
}
