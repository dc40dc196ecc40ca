// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kexec of the test guest, whose BusyBox has none:
 *
 *	kexec load KERNEL INITRAMFS CMDLINE	the kernel that "kexec start" starts
 *	kexec crash KERNEL INITRAMFS CMDLINE	the one that a panic starts
 *	kexec start				after an orderly shutdown of all devices
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include <err.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long flags = 0;

	if (argc == 2 && !strcmp(argv[1], "start")) {
		reboot(RB_KEXEC);
		err(1, "no kernel was started");
	}
	if (argc != 5)
		errx(2, "usage: kexec load|crash KERNEL INITRAMFS CMDLINE, or kexec start");
	if (!strcmp(argv[1], "crash"))
		flags = KEXEC_FILE_ON_CRASH;
	else if (strcmp(argv[1], "load"))
		errx(2, "%s: there is load, crash and start", argv[1]);

	/* The length includes the NUL */
	if (syscall(SYS_kexec_file_load, open_file(argv[2]), open_file(argv[3]),
		    strlen(argv[4]) + 1, argv[4], flags))
		err(1, "%s", argv[2]);
	return 0;
}
