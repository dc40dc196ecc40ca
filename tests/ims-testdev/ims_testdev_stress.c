// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: everything at once
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * stress: on every CPU a worker picks one vector of a store after the other, at
 * random, and adds, fires, moves, masks or removes it, or changes its PASID. A
 * vector is removed when it has handled all that it was told to fire, and then
 * fired, acknowledged and handled must be that number. The first error ends it.
 */

#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "ims_testdev.h"

/* Newer kernels want it to be said, older ones may not know the word */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define ITD_WQ_PERCPU	WQ_PERCPU
#else
#define ITD_WQ_PERCPU	0
#endif

/* A lost interrupt never comes; a loaded host under emulation may take seconds. */
#define ITD_STRESS_TIMEOUT	(20 * HZ)
/* Interrupts that a vector is told to fire at a time, at most */
#define ITD_STRESS_FIRES	64

/**
 * struct itd_stress_vector - what the job knows of a vector, guarded by its lock
 * @issued: interrupts that it was told to fire since it was added
 * @draining: it is removed once they are handled
 * @deadline: when that has taken too long, in jiffies
 */
struct itd_stress_vector {
	u64			issued;
	bool			draining;
	unsigned long		deadline;
};

/**
 * struct itd_stress_worker - one CPU's part
 * @work: does it
 * @s: the job
 * @ops: what it did
 * @ret: 0 or the error that ended it
 * @step: name of the operation that returned @ret
 * @index: vector that it was for
 */
struct itd_stress_worker {
	struct work_struct	work;
	struct itd_stress	*s;
	u64			ops[ITD_STRESS_OPS];
	int			ret;
	const char		*step;
	u32			index;
};

/**
 * struct itd_stress - the job
 * @itd: the device
 * @wq: where the workers run
 * @store: whose vectors these are
 * @pasids: PASIDs are from 1 to this, 0: none is used
 * @goal: number of interrupts to fire, 0: until stopped
 * @issued: number of interrupts that vectors were told to fire
 * @vec: one for each vector of the job
 * @spurious: spurious calls of the handlers of vectors removed since
 * @worker: by CPU
 */
struct itd_stress {
	struct itd_dev			*itd;
	struct workqueue_struct		*wq;
	struct itd_store		*store;
	u32				pasids;
	u64				goal;
	atomic64_t			issued;
	struct itd_stress_vector	*vec;
	atomic64_t			spurious;
	struct itd_stress_worker	worker[];
};

static u32 itd_stress_pasid(struct itd_stress *s)
{
	if (!s->pasids || !get_random_u32_below(4))
		return VIRTIO_IRQ_NO_PASID;
	return 1 + get_random_u32_below(s->pasids);
}

static struct itd_stress_vector *itd_stress_state(struct itd_stress *s,
						  struct itd_vector *v)
{
	return &s->vec[v->index - s->itd->stress.first];
}

static int itd_stress_add(struct itd_stress *s, struct itd_vector *v)
{
	int ret;

	ret = itd_store_add(v, itd_stress_pasid(s));
	if (ret)
		return ret;
	ret = itd_request(v);
	if (ret) {
		itd_store_remove(v);
		return ret;
	}

	v->before = (struct itd_counts) {};
	itd_count(v, &v->before);
	*itd_stress_state(s, v) = (struct itd_stress_vector) {};
	return 0;
}

static int itd_stress_fire(struct itd_stress *s, struct itd_vector *v)
{
	u32 count = 1 + get_random_u32_below(ITD_STRESS_FIRES);

	itd_stress_state(s, v)->issued += count;
	atomic64_add(count, &s->issued);
	itd_write(v, IMS_TESTDEV_FIRE, count);
	return 0;
}

static int itd_stress_move(struct itd_stress *s, struct itd_vector *v)
{
	unsigned int cpu;

	/* The CPU has to stay online for the time of the call. */
	guard(cpus_read_lock)();
	cpu = get_random_u32_below(num_online_cpus());
	return itd_move(v, cpumask_nth(cpu, cpu_online_mask));
}

static int itd_stress_mask(struct itd_stress *s, struct itd_vector *v)
{
	return v->disabled ? itd_enable(v) :
			     itd_disable(v, get_random_u32_below(2));
}

static int itd_stress_set_pasid(struct itd_stress *s, struct itd_vector *v)
{
	return itd_store_set_pasid(v, itd_stress_pasid(s));
}

static int itd_stress_drain(struct itd_stress *s, struct itd_vector *v)
{
	struct itd_stress_vector *sv = itd_stress_state(s, v);

	sv->draining = true;
	sv->deadline = jiffies + ITD_STRESS_TIMEOUT;
	return v->disabled ? itd_enable(v) : 0;
}

static int itd_stress_check(struct itd_stress *s, struct itd_vector *v)
{
	const struct itd_counts *before = &v->before;
	u64 issued = itd_stress_state(s, v)->issued;
	struct itd_counts now = {};

	itd_count(v, &now);
	if (now.handled - before->handled != issued)
		return -EIO;
	/* The device's wrap at 32 bits. */
	if (lower_32_bits(now.fired - before->fired) != lower_32_bits(issued) ||
	    lower_32_bits(now.acked - before->acked) != lower_32_bits(issued) ||
	    now.abandoned != before->abandoned)
		return -EIO;

	/* No error, see itd_churn_settle() */
	atomic64_add(now.spurious - before->spurious, &s->spurious);
	return 0;
}

/* Remove a vector that is draining, if it has handled everything. */
static int itd_stress_remove(struct itd_stress *s, struct itd_vector *v)
{
	bool late = time_after(jiffies, itd_stress_state(s, v)->deadline);
	int ret;

	ret = itd_vector_is_settled(v);
	if (ret == -EAGAIN)
		return late ? -ETIMEDOUT : -EAGAIN;
	if (!ret)
		ret = itd_stress_check(s, v);
	if (!ret)
		ret = itd_free(v);
	return ret ?: itd_store_remove(v);
}

static const struct {
	const char	*name;
	int		(*fn)(struct itd_stress *s, struct itd_vector *v);
	/* Of operations on a live vector, so many */
	unsigned int	weight;
} itd_stress_ops[ITD_STRESS_OPS] = {
	[ITD_STRESS_ADD]	= { "add",	itd_stress_add },
	[ITD_STRESS_FIRE]	= { "fire",	itd_stress_fire, 6 },
	[ITD_STRESS_MOVE]	= { "move",	itd_stress_move, 3 },
	[ITD_STRESS_MASK]	= { "mask",	itd_stress_mask, 4 },
	[ITD_STRESS_PASID]	= { "pasid",	itd_stress_set_pasid, 2 },
	[ITD_STRESS_DRAIN]	= { "drain",	itd_stress_drain, 1 },
	[ITD_STRESS_REMOVE]	= { "remove",	itd_stress_remove },
};

static enum itd_stress_op itd_stress_choose(struct itd_stress *s,
					    struct itd_vector *v)
{
	unsigned int total = 0, pick;
	enum itd_stress_op op;

	if (!v->virq)
		return ITD_STRESS_ADD;
	if (itd_stress_state(s, v)->draining)
		return ITD_STRESS_REMOVE;

	for (op = 0; op < ITD_STRESS_OPS; op++)
		total += itd_stress_ops[op].weight;
	pick = get_random_u32_below(total);
	for (op = 0; pick >= itd_stress_ops[op].weight; op++)
		pick -= itd_stress_ops[op].weight;
	return op;
}

static void itd_stress_step(struct itd_stress_worker *w, struct itd_vector *v)
{
	enum itd_stress_op op = itd_stress_choose(w->s, v);
	int ret;

	ret = itd_stress_ops[op].fn(w->s, v);
	if (ret == -EAGAIN)
		return;
	if (ret) {
		w->ret = ret;
		w->step = itd_stress_ops[op].name;
		w->index = v->index;
		return;
	}
	w->ops[op]++;
}

static bool itd_stress_goes_on(struct itd_stress *s)
{
	return !READ_ONCE(s->itd->stress.stop) &&
	       (!s->goal || atomic64_read(&s->issued) < s->goal);
}

static void itd_stress_worker_fn(struct work_struct *work)
{
	struct itd_stress_worker *w =
		container_of(work, struct itd_stress_worker, work);
	struct itd_stress *s = w->s;
	struct itd_job *job = &s->itd->stress;

	while (!w->ret && itd_stress_goes_on(s)) {
		u32 i = job->first + get_random_u32_below(job->count);
		struct itd_vector *v = &s->store->vec[i];

		if (mutex_trylock(&v->lock)) {
			itd_stress_step(w, v);
			mutex_unlock(&v->lock);
		}
		cond_resched();
	}
	/* The others need not go on. */
	if (w->ret)
		WRITE_ONCE(job->stop, true);
}

static void itd_stress_workers(struct itd_stress *s)
{
	unsigned int cpu;

	/* No work is lost if a CPU goes offline, it goes on elsewhere. */
	scoped_guard(cpus_read_lock)
		for_each_online_cpu(cpu)
			queue_work_on(cpu, s->wq, &s->worker[cpu].work);
	for_each_possible_cpu(cpu)
		flush_work(&s->worker[cpu].work);
}

static void itd_stress_add_up(struct itd_stress *s)
{
	struct itd_job *job = &s->itd->stress;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct itd_stress_worker *w = &s->worker[cpu];

		for (int op = 0; op < ITD_STRESS_OPS; op++)
			job->ops += w->ops[op];
		if (w->ret && !job->ret) {
			job->ret = w->ret;
			job->step = w->step;
			job->index = w->index;
		}
	}
}

static int itd_stress_finish_one(struct itd_stress *s, struct itd_vector *v)
{
	int ret;

	scoped_guard(mutex, &v->lock) {
		if (!v->virq)
			return 0;
		itd_stress_drain(s, v);
	}
	ret = itd_vector_settled(v, jiffies + ITD_STRESS_TIMEOUT);
	if (ret)
		return ret;
	guard(mutex)(&v->lock);
	return itd_stress_remove(s, v);
}

/* After a failure, whatever is left */
static void itd_stress_give_back(struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	if (v->virq) {
		itd_free(v);
		itd_write(v, IMS_TESTDEV_CANCEL, 1);
		itd_store_remove(v);
	}
	v->churned = false;
}

static void itd_stress_finish(struct itd_stress *s)
{
	struct itd_job *job = &s->itd->stress;

	for (u32 i = job->first; i < job->first + job->count; i++) {
		struct itd_vector *v = &s->store->vec[i];
		int ret = 0;

		/* One loss is enough to wait for. */
		if (!job->ret)
			ret = itd_stress_finish_one(s, v);
		if (ret) {
			job->ret = ret;
			job->step = "finish";
			job->index = i;
		}
		itd_stress_give_back(v);
	}
}

static void itd_stress_work(struct work_struct *work)
{
	struct itd_job *job = container_of(work, struct itd_job, work);
	struct itd_stress *s = job->itd->stress_data;

	itd_stress_workers(s);
	itd_stress_add_up(s);
	itd_stress_finish(s);
	job->fired = atomic64_read(&s->issued);
	job->spurious = atomic64_read(&s->spurious);
	kvfree(s->vec);
	s->vec = NULL;
	itd_job_end(job);
}

static bool itd_stress_take_one(struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	v->churned = !v->virq;
	return v->churned;
}

/* All of the range or none. */
static int itd_stress_take(struct itd_store *store, u32 first, u32 count)
{
	u32 i;

	for (i = first; i < first + count; i++) {
		if (!itd_stress_take_one(&store->vec[i]))
			goto give_back;
	}
	return 0;

give_back:
	while (i-- > first) {
		guard(mutex)(&store->vec[i].lock);
		store->vec[i].churned = false;
	}
	return -EBUSY;
}

static void itd_stress_reset(struct itd_stress *s)
{
	unsigned int cpu;

	atomic64_set(&s->issued, 0);
	atomic64_set(&s->spurious, 0);
	for_each_possible_cpu(cpu) {
		struct itd_stress_worker *w = &s->worker[cpu];

		memset(w->ops, 0, sizeof(w->ops));
		w->ret = 0;
	}
}

/**
 * itd_stress_start - start the stress job
 * @store: store 1 or 2
 * @first: first vector
 * @count: number of vectors, at least 1, within the store's
 * @goal: number of interrupts to fire, 0: until stopped
 * @pasids: PASIDs are from 1 to this, 0: none is used
 *
 * Context: Process context, itd->life held for reading.
 * Return: 0, -ENXIO if the store is not open, -EBUSY if the job runs already or
 * one of the vectors is allocated, -ENOMEM.
 */
int itd_stress_start(struct itd_store *store, u32 first, u32 count, u32 goal,
		     u32 pasids)
{
	struct itd_dev *itd = store->itd;
	struct itd_stress *s = itd->stress_data;
	int ret;

	guard(mutex)(&itd->job_lock);

	if (!store->open)
		return -ENXIO;
	if (itd->stress.running)
		return -EBUSY;

	s->vec = kvcalloc(count, sizeof(*s->vec), GFP_KERNEL);
	if (!s->vec)
		return -ENOMEM;
	ret = itd_stress_take(store, first, count);
	if (ret) {
		kvfree(s->vec);
		s->vec = NULL;
		return ret;
	}
	s->store = store;
	s->goal = goal;
	s->pasids = pasids;
	itd_stress_reset(s);
	itd_job_reset(&itd->stress, first, count, 0, 0);
	queue_work(itd->wq, &itd->stress.work);
	return 0;
}

/**
 * itd_stress_op_name - name of an operation
 * @op: the operation
 *
 * Context: Any context.
 * Return: the name.
 */
const char *itd_stress_op_name(enum itd_stress_op op)
{
	return itd_stress_ops[op].name;
}

/**
 * itd_stress_op_count - how often the job that ran last did an operation
 * @itd: the device
 * @op: the operation
 *
 * Context: Any context.
 * Return: the number of those that succeeded.
 */
u64 itd_stress_op_count(struct itd_dev *itd, enum itd_stress_op op)
{
	unsigned int cpu;
	u64 sum = 0;

	for_each_possible_cpu(cpu)
		sum += itd->stress_data->worker[cpu].ops[op];
	return sum;
}

/**
 * itd_stress_init - prepare the stress job
 * @itd: the device
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int itd_stress_init(struct itd_dev *itd)
{
	struct itd_stress *s;
	unsigned int cpu;

	s = kzalloc(struct_size(s, worker, nr_cpu_ids), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->itd = itd;
	/* Workers are busy until the goal is reached. */
	s->wq = alloc_workqueue("ims-testdev-stress-%s", WQ_CPU_INTENSIVE | ITD_WQ_PERCPU, 0,
				pci_name(itd->pdev));
	if (!s->wq) {
		kfree(s);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		s->worker[cpu].s = s;
		INIT_WORK(&s->worker[cpu].work, itd_stress_worker_fn);
	}
	itd->stress_data = s;
	itd_job_init(itd, &itd->stress, itd_stress_work);
	return 0;
}

/**
 * itd_stress_exit - end the stress job for good
 * @itd: the device
 *
 * Context: Process context.
 */
void itd_stress_exit(struct itd_dev *itd)
{
	itd_job_stop(&itd->stress);
	destroy_workqueue(itd->stress_data->wq);
	kfree(itd->stress_data);
}
