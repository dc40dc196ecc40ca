// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: what interrupts cost
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Each phase does one operation on all vectors in turn. How long it took is in
 * cycles of the CPU, which are instructions when QEMU counts them (-icount
 * shift=0). Before each phase, and after the last one, the device's ID register
 * is read, which nobody does else: in QEMU's trace that separates the exits of
 * one phase from those of the next. A function that is passed through has its
 * registers without an exit, so that on x86 KVM's trace has the same by a write
 * to a port that nobody uses.
 */

#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/timex.h>

#include "ims_testdev.h"

/*
 * Requests that wait in virtio-irq's ring leave it after 250 ms at the latest,
 * and belong to the phase that made them. In ms.
 */
#define ITD_BENCH_SETTLE	300
/* Of QEMU's chipsets, nothing is there */
#define ITD_BENCH_MARK_PORT	0xf4
/* Several ticks, in ms */
#define ITD_BENCH_PAUSE		40
/* A lost interrupt never comes; here nothing else goes on. In jiffies. */
#define ITD_BENCH_TIMEOUT	(10 * HZ)

typedef int (*itd_bench_fn)(struct itd_vector *v);

static void itd_bench_mark(struct itd_dev *itd)
{
	u32 id = readl(itd->regs + IMS_TESTDEV_ID);

	if (IS_ENABLED(CONFIG_X86))
		outl(id, ITD_BENCH_MARK_PORT);
}

static void itd_bench_phase_begin(struct itd_bench *b, const char *name)
{
	b->phases[b->nr_phases].name = name;
	itd_bench_mark(b->itd);
	b->start = get_cycles();
}

static void itd_bench_phase_end(struct itd_bench *b)
{
	b->phases[b->nr_phases++].cycles = get_cycles() - b->start;
	msleep(ITD_BENCH_SETTLE);
}

static int itd_bench_each(struct itd_bench *b, itd_bench_fn fn)
{
	int ret;

	guard(rwsem_read)(&b->itd->life);
	for (u32 i = 0; i < b->count; i++) {
		struct itd_vector *v = &b->store->vec[i];

		guard(mutex)(&v->lock);
		ret = fn(v);
		if (ret)
			return ret;
	}
	return 0;
}

static int itd_bench_phase(struct itd_bench *b, const char *name,
			   itd_bench_fn fn)
{
	int ret;

	itd_bench_phase_begin(b, name);
	ret = itd_bench_each(b, fn);
	itd_bench_phase_end(b);
	return ret;
}

/* One interrupt, and no exit in waiting for it */
static int itd_bench_fire(struct itd_vector *v)
{
	unsigned long deadline = jiffies + ITD_BENCH_TIMEOUT;
	s64 before = atomic64_read(&v->handled);

	itd_write(v, IMS_TESTDEV_FIRE, 1);
	while (atomic64_read(&v->handled) == before) {
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		cpu_relax();
	}
	return 0;
}

/* To the CPU after the one that it goes to now */
static int itd_bench_move(struct itd_vector *v)
{
	const struct cpumask *now = irq_get_effective_affinity_mask(v->virq);
	unsigned int cpu;

	if (!now)
		return -ENXIO;
	cpu = cpumask_next(cpumask_first(now), cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	return itd_move(v, cpu);
}

/* Else disable_irq() leaves the vector alone until the next interrupt */
static int itd_bench_unlazy(struct itd_vector *v)
{
	irq_set_status_flags(v->virq, IRQ_DISABLE_UNLAZY);
	return 0;
}

static int itd_bench_mask(struct itd_vector *v)
{
	disable_irq_nosync(v->virq);
	return 0;
}

static int itd_bench_unmask(struct itd_vector *v)
{
	enable_irq(v->virq);
	return 0;
}

/* Managed: one for each CPU, the others are the ones before them. */
static int itd_bench_allocate(struct itd_bench *b)
{
	unsigned int flags = PCI_IRQ_MSIX | (b->managed ? PCI_IRQ_AFFINITY : 0);
	struct irq_affinity affd = {
		.pre_vectors = b->count - min(b->count, num_possible_cpus()),
	};

	return min(itd_alloc(b->itd, flags, b->count, b->count,
			     b->managed ? &affd : NULL), 0);
}

static int itd_bench_alloc(struct itd_bench *b)
{
	int ret;

	itd_bench_phase_begin(b, "alloc");
	ret = itd_bench_allocate(b);
	itd_bench_phase_end(b);
	return ret;
}

/* Nothing is owed when all goes well; itd_release() is for when it does not. */
static void itd_bench_release(struct itd_bench *b)
{
	guard(rwsem_write)(&b->itd->life);

	itd_bench_phase_begin(b, "release");
	pci_free_irq_vectors(b->itd->pdev);
	itd_bench_phase_end(b);
	itd_bench_mark(b->itd);
	for (u32 i = 0; i < b->count; i++)
		b->itd->vec[i].virq = 0;
}

/**
 * itd_bench_alloc_only - allocate and release
 * @b: itd, and the number of vectors in count; receives the phases
 *
 * Context: Process context.
 * Return: 0 or the first error; nothing stays allocated.
 */
int itd_bench_alloc_only(struct itd_bench *b)
{
	int ret;

	ret = itd_bench_alloc(b);
	if (!ret)
		itd_bench_release(b);
	return ret;
}

static int itd_bench_use(struct itd_bench *b)
{
	int ret;

	ret = itd_bench_phase(b, "request", itd_request);
	if (!ret)
		ret = itd_bench_phase(b, "first", itd_bench_fire);
	/* Nobody but the kernel moves managed ones. */
	if (!ret && !b->managed)
		ret = itd_bench_phase(b, "move", itd_bench_move);
	/* The native domain moves an interrupt when the next one comes. */
	if (!ret && !b->managed)
		ret = itd_bench_phase(b, "land", itd_bench_fire);
	if (!ret)
		ret = itd_bench_each(b, itd_bench_unlazy);
	if (!ret)
		ret = itd_bench_phase(b, "mask", itd_bench_mask);
	if (!ret)
		ret = itd_bench_phase(b, "unmask", itd_bench_unmask);
	if (!ret)
		ret = itd_bench_phase(b, "fire", itd_bench_fire);
	if (!ret)
		ret = itd_bench_phase(b, "free", itd_free);
	return ret;
}

static int itd_bench_add(struct itd_vector *v)
{
	return itd_store_add(v, VIRTIO_IRQ_NO_PASID);
}

/**
 * itd_bench_store_life - the whole life of some vectors of store 1 or 2
 * @b: store, and the number of vectors in count; receives the phases
 *
 * Context: Process context.
 * Return: 0 or the first error; then what was added stays.
 */
int itd_bench_store_life(struct itd_bench *b)
{
	int ret;

	ret = itd_bench_phase(b, "add", itd_bench_add);
	if (!ret)
		ret = itd_bench_use(b);
	if (!ret)
		ret = itd_bench_phase(b, "remove", itd_store_remove);
	itd_bench_mark(b->itd);
	return ret;
}

/**
 * itd_bench_life - the whole life of some vectors
 * @b: itd, managed, and the number of vectors in count; receives the phases
 *
 * Context: Process context.
 * Return: 0 or the first error; nothing stays allocated.
 */
int itd_bench_life(struct itd_bench *b)
{
	int ret;

	ret = itd_bench_alloc(b);
	if (ret)
		return ret;
	ret = itd_bench_use(b);
	if (ret)
		itd_release(b->itd);
	else
		itd_bench_release(b);
	return ret;
}

static int itd_bench_remove(struct itd_vector *v)
{
	if (v->requested)
		itd_free(v);
	return v->virq ? itd_store_remove(v) : 0;
}

static int itd_bench_empty(struct itd_bench *b)
{
	if (b->store->number == IMS_TESTDEV_STORE_MSI)
		return itd_release(b->itd);
	return itd_bench_each(b, itd_bench_remove);
}

/* What the operations to be measured find */
static int itd_bench_populate(struct itd_bench *b)
{
	int ret;

	if (b->store->number == IMS_TESTDEV_STORE_MSI)
		return itd_bench_allocate(b);
	ret = itd_bench_each(b, itd_bench_add);
	if (ret)
		itd_bench_empty(b);
	return ret;
}

static int itd_bench_storm_round(struct itd_bench *b)
{
	cycles_t start = get_cycles();
	int ret;

	ret = itd_bench_each(b, itd_bench_move);
	if (!ret)
		ret = itd_bench_each(b, itd_bench_fire);
	b->phases[b->nr_phases].cycles += get_cycles() - start;
	/*
	 * Until the timer has cleaned up the old vectors, x86's domain refuses
	 * to move an interrupt again.
	 */
	msleep(ITD_BENCH_PAUSE);
	return ret;
}

/**
 * itd_bench_storm - move vectors around, each one with an interrupt after it
 * @b: store, and the number of vectors in count; receives the phase
 * @rounds: how often each one is moved
 *
 * Context: Process context.
 * Return: 0 or the first error; nothing stays allocated.
 */
int itd_bench_storm(struct itd_bench *b, u32 rounds)
{
	int ret, emptied;

	ret = itd_bench_populate(b);
	if (ret)
		return ret;
	ret = itd_bench_each(b, itd_request);
	b->phases[b->nr_phases].name = "storm";
	itd_bench_mark(b->itd);
	while (rounds-- && !ret)
		ret = itd_bench_storm_round(b);
	itd_bench_mark(b->itd);
	b->nr_phases++;
	emptied = itd_bench_empty(b);
	return ret ?: emptied;
}

static int itd_bench_hot_round(struct itd_vector *v)
{
	bool msi = v->store->number == IMS_TESTDEV_STORE_MSI;
	int ret, removed;

	ret = msi ? itd_add(v) : itd_bench_add(v);
	if (ret)
		return ret;
	ret = itd_request(v);
	if (!ret)
		ret = itd_free(v);
	removed = msi ? itd_remove(v) : itd_store_remove(v);
	return ret ?: removed;
}

/**
 * itd_bench_hot - add, request, free and remove one vector, over and over
 * @b: store; count vectors exist in it beside it; receives the phase
 * @rounds: how often
 *
 * Context: Process context.
 * Return: 0 or the first error; nothing stays allocated.
 */
int itd_bench_hot(struct itd_bench *b, u32 rounds)
{
	struct itd_vector *v = &b->store->vec[b->count];
	int ret, emptied;

	ret = itd_bench_populate(b);
	if (ret)
		return ret;
	itd_bench_phase_begin(b, "hot");
	scoped_guard(rwsem_read, &b->itd->life) {
		guard(mutex)(&v->lock);
		do {
			ret = itd_bench_hot_round(v);
		} while (!ret && --rounds);
	}
	itd_bench_phase_end(b);
	itd_bench_mark(b->itd);
	emptied = itd_bench_empty(b);
	return ret ?: emptied;
}
