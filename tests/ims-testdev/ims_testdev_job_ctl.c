// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: commands for what goes on in the background, and to measure
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What they do is described in ims_testdev_ctl.c.
 */

#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include "ims_testdev_ctl.h"

#define ITD_CHURN_FIRES		3

static int itd_cmd_churn(struct itd_cmd *cmd)
{
	u32 rounds, fires = ITD_CHURN_FIRES;
	struct itd_range r;
	int ret;

	ret = itd_arg_range(cmd, 0, &r);
	if (!ret)
		ret = itd_arg_u32(cmd, 2, &rounds);
	if (!ret)
		ret = itd_opt_u32(cmd, 3, &fires);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	return itd_churn_start(cmd->itd, r.first, r.count, rounds, fires);
}

static int itd_cmd_mover(struct itd_cmd *cmd)
{
	struct itd_range r;
	u32 rounds;
	int ret;

	ret = itd_arg_range(cmd, 0, &r);
	if (!ret)
		ret = itd_arg_u32(cmd, 2, &rounds);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	return itd_mover_start(cmd->itd, r.first, r.count, rounds);
}

static int itd_job_result(struct itd_cmd *cmd, struct itd_job *job)
{
	guard(mutex)(&cmd->itd->job_lock);

	/* Somebody else may have started it again. */
	if (job->running)
		return -EBUSY;
	itd_say(cmd, "rounds=%u ops=%llu failed=%llu fired=%llu spurious=%llu ",
		job->done_rounds, job->ops, job->failed, job->fired,
		job->spurious);
	if (job->ret)
		itd_say(cmd, "step=%s vector=%u ", job->step, job->index);
	return job->ret;
}

static int itd_job_wait_result(struct itd_cmd *cmd, struct itd_job *job)
{
	u32 ms;
	int ret;

	ret = itd_arg_u32(cmd, 0, &ms);
	if (!ret)
		ret = itd_job_wait(job, msecs_to_jiffies(ms));
	if (ret == -ETIMEDOUT)
		itd_say(cmd, "rounds=%u ", READ_ONCE(job->done_rounds));
	return ret ?: itd_job_result(cmd, job);
}

/* What it did is said when it has ended. */
static int itd_say_stress(struct itd_cmd *cmd, int ret)
{
	if (ret == -ETIMEDOUT || ret == -EINTR || ret == -EBUSY)
		return ret;
	for (int op = 0; op < ITD_STRESS_OPS; op++)
		itd_say(cmd, "%s=%llu ", itd_stress_op_name(op),
			itd_stress_op_count(cmd->itd, op));
	return ret;
}

static int itd_cmd_churn_wait(struct itd_cmd *cmd)
{
	return itd_job_wait_result(cmd, &cmd->itd->churn);
}

static int itd_cmd_mover_wait(struct itd_cmd *cmd)
{
	return itd_job_wait_result(cmd, &cmd->itd->mover);
}

static int itd_cmd_stress_wait(struct itd_cmd *cmd)
{
	return itd_say_stress(cmd, itd_job_wait_result(cmd, &cmd->itd->stress));
}

static int itd_cmd_stress_stop(struct itd_cmd *cmd)
{
	itd_job_stop(&cmd->itd->stress);
	return itd_say_stress(cmd, itd_job_result(cmd, &cmd->itd->stress));
}

static int itd_cmd_churn_stop(struct itd_cmd *cmd)
{
	itd_job_stop(&cmd->itd->churn);
	return itd_job_result(cmd, &cmd->itd->churn);
}

static int itd_cmd_mover_stop(struct itd_cmd *cmd)
{
	itd_job_stop(&cmd->itd->mover);
	return itd_job_result(cmd, &cmd->itd->mover);
}

static int itd_bench_run(struct itd_bench *b, const char *what, u32 rounds)
{
	bool msi = b->store->number == IMS_TESTDEV_STORE_MSI;

	if (!strcmp(what, "storm"))
		return itd_bench_storm(b, rounds);
	if (!strcmp(what, "hot") && b->count < b->store->nr_vectors)
		return itd_bench_hot(b, rounds);
	if (!strcmp(what, "life"))
		return msi ? itd_bench_life(b) : itd_bench_store_life(b);
	if (!msi)
		return -EINVAL;
	b->managed = !strcmp(what, "managed");
	if (b->managed)
		return itd_bench_life(b);
	return strcmp(what, "alloc") ? -EINVAL : itd_bench_alloc_only(b);
}

static int itd_cmd_bench(struct itd_cmd *cmd)
{
	struct itd_bench b = { .itd = cmd->itd, .store = cmd->store };
	u32 rounds = 1;
	int ret;

	ret = itd_arg_u32(cmd, 1, &b.count);
	if (!ret)
		ret = itd_opt_u32(cmd, 2, &rounds);
	if (ret)
		return ret;
	if (!b.count || b.count > cmd->store->nr_vectors || !rounds)
		return -EINVAL;

	ret = itd_bench_run(&b, cmd->argv[0], rounds);
	for (unsigned int i = 0; i < b.nr_phases; i++)
		itd_say(cmd, "%s=%llu ", b.phases[i].name, b.phases[i].cycles);
	return ret;
}

const struct itd_command itd_job_commands[] = {
	{ "churn",		3, 4, itd_cmd_churn },
	{ "churn-wait",		1, 1, itd_cmd_churn_wait },
	{ "churn-stop",		0, 0, itd_cmd_churn_stop },
	{ "mover",		3, 3, itd_cmd_mover },
	{ "mover-wait",		1, 1, itd_cmd_mover_wait },
	{ "mover-stop",		0, 0, itd_cmd_mover_stop },
	{ "stress-wait",	1, 1, itd_cmd_stress_wait, ITD_ANY_STORE },
	{ "stress-stop",	0, 0, itd_cmd_stress_stop, ITD_ANY_STORE },
	{ "bench",		2, 3, itd_cmd_bench, ITD_ANY_STORE },
	{ }
};
