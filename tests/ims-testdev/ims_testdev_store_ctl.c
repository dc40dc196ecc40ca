// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: commands for the stores that are not MSI or MSI-X
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * What they do is described in ims_testdev_ctl.c.
 */

#include <linux/cleanup.h>
#include <linux/string.h>

#include "ims_testdev_ctl.h"

static int itd_cmd_open(struct itd_cmd *cmd)
{
	return itd_store_open(cmd->store);
}

static int itd_cmd_close(struct itd_cmd *cmd)
{
	return itd_store_close(cmd->store);
}

/* @fn on the vector of argument 0, with the PASID of argument 1 if there is one */
static int itd_on_pasid(struct itd_cmd *cmd,
			int (*fn)(struct itd_vector *v, u32 pasid))
{
	u32 pasid = VIRTIO_IRQ_NO_PASID;
	struct itd_vector *v;
	int ret;

	ret = itd_arg_vector(cmd, 0, &v);
	if (!ret)
		ret = itd_opt_pasid(cmd, 1, &pasid);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	guard(mutex)(&v->lock);
	return v->churned ? -EBUSY : fn(v, pasid);
}

static int itd_add_pasid(struct itd_vector *v, u32 pasid)
{
	return itd_store_add(v, pasid) ?: (int)v->index;
}

static int itd_cmd_add(struct itd_cmd *cmd)
{
	u32 pasid = VIRTIO_IRQ_NO_PASID;
	int ret;

	if (strcmp(cmd->argv[0], "any"))
		return itd_on_pasid(cmd, itd_add_pasid);

	ret = itd_opt_pasid(cmd, 1, &pasid);
	if (ret)
		return ret;
	guard(rwsem_read)(&cmd->itd->life);
	return itd_store_add_any(cmd->store, pasid);
}

static int itd_cmd_remove(struct itd_cmd *cmd)
{
	return itd_on_vector(cmd, itd_store_remove);
}

static int itd_add_one(struct itd_vector *v, u32 pasid)
{
	return v->virq ? 0 : itd_store_add(v, pasid) ?: 1;
}

static int itd_cmd_add_all(struct itd_cmd *cmd)
{
	return itd_on_range(cmd, 0, itd_add_one, VIRTIO_IRQ_NO_PASID);
}

static int itd_remove_one(struct itd_vector *v, u32 unused)
{
	return v->virq ? itd_store_remove(v) ?: 1 : 0;
}

static int itd_cmd_remove_all(struct itd_cmd *cmd)
{
	return itd_on_range(cmd, 0, itd_remove_one, 0);
}

static int itd_cmd_pasid(struct itd_cmd *cmd)
{
	return itd_on_pasid(cmd, itd_store_set_pasid);
}

static int itd_cmd_forge_pasid(struct itd_cmd *cmd)
{
	return itd_on_pasid(cmd, itd_store_forge_pasid);
}

static int itd_cmd_grow(struct itd_cmd *cmd)
{
	struct itd_growth g = {
		.store = cmd->store,
		.pasid = VIRTIO_IRQ_NO_PASID,
	};
	struct itd_range r;
	int ret;

	ret = itd_arg_range(cmd, 0, &r);
	if (!ret)
		ret = itd_arg_u32(cmd, 2, &g.fires);
	if (!ret)
		ret = itd_opt_pasid(cmd, 3, &g.pasid);
	if (ret)
		return ret;
	g.first = r.first;
	g.count = r.count;

	scoped_guard(rwsem_read, &cmd->itd->life)
		ret = itd_grow(&g);
	itd_say(cmd, "added=%u requested=%u refused=%u fired=%llu during=%llu ",
		g.added, g.requested, g.refused, g.fired, g.during);
	if (ret)
		itd_say(cmd, "step=%s vector=%u ", g.step, g.index);
	return ret;
}

static int itd_cmd_stress(struct itd_cmd *cmd)
{
	u32 goal, pasids = 0;
	struct itd_range r;
	int ret;

	ret = itd_arg_range(cmd, 0, &r);
	if (!ret)
		ret = itd_arg_u32(cmd, 2, &goal);
	if (!ret)
		ret = itd_opt_u32(cmd, 3, &pasids);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	return itd_stress_start(cmd->store, r.first, r.count, goal, pasids);
}

const struct itd_command itd_store_commands[] = {
	{ "open",		0, 0, itd_cmd_open, ITD_NOT_MSI },
	{ "close",		0, 0, itd_cmd_close, ITD_NOT_MSI },
	{ "add",		1, 2, itd_cmd_add, ITD_NOT_MSI },
	{ "remove",		1, 1, itd_cmd_remove, ITD_NOT_MSI },
	{ "add-all",		2, 2, itd_cmd_add_all, ITD_NOT_MSI },
	{ "remove-all",		0, 2, itd_cmd_remove_all, ITD_NOT_MSI },
	{ "pasid",		2, 2, itd_cmd_pasid, ITD_NOT_MSI },
	{ "forge-pasid",	2, 2, itd_cmd_forge_pasid, ITD_NOT_MSI },
	{ "grow",		3, 4, itd_cmd_grow, ITD_NOT_MSI },
	{ "stress",		3, 4, itd_cmd_stress, ITD_NOT_MSI },
	{ }
};
