/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ims-testdev guest driver: what the files with its commands share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef IMS_TESTDEV_CTL_H
#define IMS_TESTDEV_CTL_H

#include "ims_testdev.h"

/**
 * struct itd_cmd - a command being run
 * @itd: the device
 * @store: the store that it is for, MSI and MSI-X unless it named another one
 * @argc: number of arguments
 * @argv: the arguments, the command's own name not among them
 * @text: receives "name=value " pairs
 * @len: length of @text
 */
struct itd_cmd {
	struct itd_dev		*itd;
	struct itd_store	*store;
	int			argc;
	char			**argv;
	char			text[ITD_RESULT_SIZE - ITD_MAX_COMMAND - 64];
	size_t			len;
};

enum itd_where {
	ITD_MSI_ONLY,
	ITD_ANY_STORE,
	ITD_NOT_MSI,
};

/**
 * struct itd_command - a command
 * @name: its name
 * @min_args: number of arguments, at least
 * @max_args: number of arguments, at most
 * @fn: runs it
 * @where: the stores that it is for
 */
struct itd_command {
	const char	*name;
	int		min_args;
	int		max_args;
	int		(*fn)(struct itd_cmd *cmd);
	enum itd_where	where;
};

struct itd_range {
	u32		first;
	u32		count;
};

__printf(2, 3) void itd_say(struct itd_cmd *cmd, const char *fmt, ...);
int itd_arg_u32(struct itd_cmd *cmd, int i, u32 *value);
int itd_opt_u32(struct itd_cmd *cmd, int i, u32 *value);
int itd_arg_vector(struct itd_cmd *cmd, int i, struct itd_vector **v);
int itd_arg_range(struct itd_cmd *cmd, int i, struct itd_range *r);
int itd_opt_pasid(struct itd_cmd *cmd, int i, u32 *pasid);
int itd_on_vector(struct itd_cmd *cmd, int (*fn)(struct itd_vector *v));
int itd_on_range(struct itd_cmd *cmd, int arg,
		 int (*fn)(struct itd_vector *v, u32 value), u32 value);

/* Tables end with an element without a name. */
extern const struct itd_command itd_job_commands[];
extern const struct itd_command itd_store_commands[];

#endif
