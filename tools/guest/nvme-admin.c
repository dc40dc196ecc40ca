// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nvme-admin of the test guest, which has no nvme-cli:
 *
 *	nvme-admin DEVICE OPCODE CDW10 CDW11	an admin command without data; prints
 *						the status and the result
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include <err.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	struct nvme_admin_cmd cmd = {};
	int fd, status;

	if (argc != 5)
		errx(2, "usage: nvme-admin DEVICE OPCODE CDW10 CDW11");
	cmd.opcode = strtoul(argv[2], NULL, 0);
	cmd.cdw10 = strtoul(argv[3], NULL, 0);
	cmd.cdw11 = strtoul(argv[4], NULL, 0);

	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", argv[1]);
	status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);
	if (status < 0)
		err(1, "%s", argv[1]);
	printf("%#x %#x\n", status, cmd.result);
	return status != 0;
}
