// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A library for LD_PRELOAD: a KVM that has little.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * KVM has 4096 routes, more than a host with one CPU has vectors for. With
 * KVM_ROUTES=N in the environment it says that it has N: whoever makes routes, QEMU,
 * runs out of them where it does with all of them.
 *
 * What CONTROL says at that moment fails, and changes nothing:
 *
 *	irqfd=E		an eventfd that is to be assigned a route
 *	routing=E	a table of routes
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTROL		"/run/scarce-kvm"

/* An errno, 0 if it does not fail */
static int fails(const char *what)
{
	char name[16];
	FILE *control = fopen(CONTROL, "re");
	int error, found = 0;

	if (!control)
		return 0;
	while (!found && fscanf(control, " %15[a-z]=%d", name, &error) == 2) {
		if (!strcmp(name, what))
			found = error;
	}
	fclose(control);
	return found;
}

static int limited(int routes)
{
	const char *most = getenv("KVM_ROUTES");

	return most && atoi(most) < routes ? atoi(most) : routes;
}

int ioctl(int fd, unsigned long request, ...)
{
	int ret, error = 0;
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);

	if (request == KVM_IRQFD) {
		const struct kvm_irqfd *irqfd = argument;

		if (!(irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN))
			error = fails("irqfd");
	} else if (request == KVM_SET_GSI_ROUTING) {
		error = fails("routing");
	}
	if (error) {
		errno = error;
		return -1;
	}
	ret = (int)syscall(SYS_ioctl, fd, request, argument);
	if (request == KVM_CHECK_EXTENSION && (long)argument == KVM_CAP_IRQ_ROUTING)
		ret = limited(ret);
	return ret;
}
