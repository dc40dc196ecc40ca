// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: what goes on in the background
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * churn: takes a range of vectors through their whole life, over and over. Every
 * even round does so one vector after the other, every odd round step by step for
 * all of them, so that many are alive at the same time. Each step is checked, the
 * interrupts too, and the first failure ends it.
 *
 * mover: moves the requested ones of a range of vectors from CPU to CPU, the
 * churned ones included. A refused move is counted, and it goes on.
 */

#include <linux/cleanup.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "ims_testdev.h"

/* A lost interrupt never comes; a loaded host under emulation may take seconds. */
#define ITD_CHURN_TIMEOUT	(20 * HZ)

struct itd_churn_step {
	const char	*name;
	int		(*fn)(struct itd_job *job, struct itd_vector *v);
};

static int itd_churn_add(struct itd_job *job, struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	/* One that pci_alloc_irq_vectors() allocated stays allocated. */
	return v->virq ? 0 : itd_add(v);
}

static int itd_churn_request(struct itd_job *job, struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	return itd_request(v);
}

static int itd_churn_fire(struct itd_job *job, struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	v->before = (struct itd_counts) {};
	itd_count(v, &v->before);
	itd_write(v, IMS_TESTDEV_FIRE, job->fires);
	return 0;
}

static int itd_churn_settle(struct itd_job *job, struct itd_vector *v)
{
	const struct itd_counts *before = &v->before;
	struct itd_counts now = {};
	int ret;

	/* Not under v->lock: the mover is welcome. */
	ret = itd_vector_settled(v, jiffies + ITD_CHURN_TIMEOUT);
	if (ret)
		return ret;

	itd_count(v, &now);
	if (lower_32_bits(now.fired - before->fired) != job->fires ||
	    lower_32_bits(now.acked - before->acked) != job->fires ||
	    now.handled - before->handled != job->fires)
		return -EIO;
	/*
	 * No error: x86's msi_set_affinity() retriggers the interrupt when the new
	 * vector's number is pending on the old CPU, for whichever interrupt.
	 */
	job->spurious += now.spurious - before->spurious;
	job->fired += job->fires;
	return 0;
}

static int itd_churn_free(struct itd_job *job, struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	return itd_free(v);
}

static int itd_churn_remove(struct itd_job *job, struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	return v->dynamic ? itd_remove(v) : 0;
}

static const struct itd_churn_step itd_churn_steps[] = {
	{ "add",	itd_churn_add },
	{ "request",	itd_churn_request },
	{ "fire",	itd_churn_fire },
	{ "settle",	itd_churn_settle },
	{ "free",	itd_churn_free },
	{ "remove",	itd_churn_remove },
};

/* True if the job has to end. */
static bool itd_churn_one(struct itd_job *job, u32 i, unsigned int step)
{
	const struct itd_churn_step *s = &itd_churn_steps[step];
	struct itd_vector *v = &job->itd->vec[job->first + i];
	int ret;

	cond_resched();

	ret = s->fn(job, v);
	if (ret) {
		job->ret = ret;
		job->step = s->name;
		job->index = v->index;
		return true;
	}
	job->ops++;
	return false;
}

static bool itd_churn_round(struct itd_job *job)
{
	const unsigned int steps = ARRAY_SIZE(itd_churn_steps);
	const bool by_step = job->done_rounds & 1;

	for (u32 n = 0; n < job->count * steps; n++) {
		u32 i = by_step ? n % job->count : n / steps;
		unsigned int step = by_step ? n / job->count : n % steps;

		if (itd_churn_one(job, i, step))
			return true;
	}
	return false;
}

static bool itd_job_goes_on(struct itd_job *job)
{
	return !READ_ONCE(job->stop) &&
	       (!job->rounds || job->done_rounds < job->rounds);
}

/**
 * itd_job_end - a job has ended
 * @job: the job, its results complete
 *
 * Context: Process context.
 */
void itd_job_end(struct itd_job *job)
{
	guard(mutex)(&job->itd->job_lock);

	job->running = false;
	complete_all(&job->done);
}

/* Give the vectors back, as they were before wherever that is possible. */
static void itd_churn_give_back(struct itd_job *job)
{
	for (u32 i = 0; i < job->count; i++) {
		struct itd_vector *v = &job->itd->vec[job->first + i];

		guard(mutex)(&v->lock);
		itd_free(v);
		if (job->ret)
			itd_write(v, IMS_TESTDEV_CANCEL, 1);
		if (v->dynamic)
			itd_remove(v);
		v->churned = false;
	}
}

static void itd_churn_work(struct work_struct *work)
{
	struct itd_job *job = container_of(work, struct itd_job, work);

	while (itd_job_goes_on(job)) {
		if (itd_churn_round(job))
			break;
		WRITE_ONCE(job->done_rounds, job->done_rounds + 1);
	}

	itd_churn_give_back(job);
	itd_job_end(job);
}

/* True if there was something to move. */
static bool itd_mover_one(struct itd_job *job, struct itd_vector *v)
{
	unsigned int cpu;
	int ret;

	guard(mutex)(&v->lock);
	if (!v->requested)
		return false;

	/* The CPU has to stay online for the time of the call. */
	guard(cpus_read_lock)();
	cpu = (v->index + job->done_rounds) % num_online_cpus();
	cpu = cpumask_nth(cpu, cpu_online_mask);
	ret = itd_move(v, cpu);
	if (!ret) {
		job->ops++;
		return true;
	}

	job->failed++;
	if (!job->ret) {
		job->ret = ret;
		job->step = "move";
		job->index = v->index;
	}
	return true;
}

static void itd_mover_work(struct work_struct *work)
{
	struct itd_job *job = container_of(work, struct itd_job, work);

	while (itd_job_goes_on(job)) {
		bool moved = false;

		for (u32 i = 0; i < job->count; i++) {
			moved |= itd_mover_one(job, &job->itd->vec[job->first + i]);
			cond_resched();
		}
		/* The churned vectors may all be free just now. */
		if (!moved)
			schedule_timeout_idle(1);
		WRITE_ONCE(job->done_rounds, job->done_rounds + 1);
	}

	itd_job_end(job);
}

/**
 * itd_job_reset - a job is about to start
 * @job: the job, not running
 * @first: first vector
 * @count: number of vectors
 * @rounds: how often, 0: until stopped
 * @fires: interrupts per vector and round
 *
 * Context: Process context, itd->job_lock held.
 */
void itd_job_reset(struct itd_job *job, u32 first, u32 count, u32 rounds,
		   u32 fires)
{
	job->first = first;
	job->count = count;
	job->rounds = rounds;
	job->fires = fires;
	job->stop = false;
	job->done_rounds = 0;
	job->ops = 0;
	job->fired = 0;
	job->spurious = 0;
	job->failed = 0;
	job->ret = 0;
	job->step = NULL;
	job->index = 0;
	reinit_completion(&job->done);
	job->running = true;
}

static bool itd_churn_take_one(struct itd_vector *v)
{
	guard(mutex)(&v->lock);

	v->churned = !v->requested;
	return v->churned;
}

/* All of the range or none. */
static int itd_churn_take(struct itd_dev *itd, u32 first, u32 count)
{
	u32 i;

	for (i = first; i < first + count; i++) {
		if (!itd_churn_take_one(&itd->vec[i]))
			goto give_back;
	}
	return 0;

give_back:
	while (i-- > first) {
		guard(mutex)(&itd->vec[i].lock);
		itd->vec[i].churned = false;
	}
	return -EBUSY;
}

/**
 * itd_churn_start - start the churn job
 * @itd: the device
 * @first: first vector
 * @count: number of vectors, at least 1, within the device's
 * @rounds: how often, 0: until stopped
 * @fires: interrupts per vector and round
 *
 * Context: Process context, itd->life held for reading.
 * Return: 0, or -EBUSY if the job runs already or one of the vectors is
 * requested.
 */
int itd_churn_start(struct itd_dev *itd, u32 first, u32 count, u32 rounds,
		    u32 fires)
{
	struct itd_job *job = &itd->churn;
	int ret;

	guard(mutex)(&itd->job_lock);

	if (job->running)
		return -EBUSY;
	ret = itd_churn_take(itd, first, count);
	if (ret)
		return ret;
	itd_job_reset(job, first, count, rounds, fires);
	queue_work(itd->wq, &job->work);
	return 0;
}

/**
 * itd_mover_start - start the mover job
 * @itd: the device
 * @first: first vector
 * @count: number of vectors, at least 1, within the device's
 * @rounds: how often, 0: until stopped
 *
 * Context: Process context, itd->life held for reading.
 * Return: 0, or -EBUSY if the job runs already.
 */
int itd_mover_start(struct itd_dev *itd, u32 first, u32 count, u32 rounds)
{
	struct itd_job *job = &itd->mover;

	guard(mutex)(&itd->job_lock);

	if (job->running)
		return -EBUSY;
	itd_job_reset(job, first, count, rounds, 0);
	queue_work(itd->wq, &job->work);
	return 0;
}

/**
 * itd_job_wait - wait for the end of a job
 * @job: the job
 * @timeout: in jiffies
 *
 * Context: Process context. Sleeps.
 * Return: 0, -ETIMEDOUT, -EINTR, or -ENODEV if the driver is being unbound.
 */
int itd_job_wait(struct itd_job *job, unsigned long timeout)
{
	unsigned long deadline = jiffies + timeout;
	long ret;

	/* In slices, since nobody completes it when the driver is unbound. */
	do {
		ret = wait_for_completion_interruptible_timeout(&job->done,
								HZ / 10);
		if (ret > 0)
			return 0;
		if (ret < 0)
			return -EINTR;
		if (READ_ONCE(job->itd->gone))
			return -ENODEV;
	} while (time_before(jiffies, deadline));

	return -ETIMEDOUT;
}

/**
 * itd_job_stop - end a job after its current round
 * @job: the job
 *
 * Context: Process context. Waits for the end, which is bounded by the time of
 * one round.
 */
void itd_job_stop(struct itd_job *job)
{
	WRITE_ONCE(job->stop, true);
	flush_work(&job->work);
}

/**
 * itd_jobs_running - does any job run
 * @itd: the device
 *
 * Context: Process context. The answer lasts while itd->life is held for writing.
 * Return: whether one does.
 */
bool itd_jobs_running(struct itd_dev *itd)
{
	guard(mutex)(&itd->job_lock);

	return itd->churn.running || itd->mover.running || itd->stress.running;
}

/**
 * itd_job_init - prepare a job
 * @itd: the device
 * @job: the job
 * @fn: what it does
 *
 * Context: Process context.
 */
void itd_job_init(struct itd_dev *itd, struct itd_job *job, work_func_t fn)
{
	job->itd = itd;
	INIT_WORK(&job->work, fn);
	init_completion(&job->done);
	/* Waiting for a job that was never started ends at once. */
	complete_all(&job->done);
}

/**
 * itd_jobs_init - prepare the jobs
 * @itd: the device
 *
 * Context: Process context.
 */
void itd_jobs_init(struct itd_dev *itd)
{
	itd_job_init(itd, &itd->churn, itd_churn_work);
	itd_job_init(itd, &itd->mover, itd_mover_work);
}
