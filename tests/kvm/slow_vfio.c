// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A library for LD_PRELOAD: the host takes its time for a function's interrupts,
 * or refuses one.
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * VFIO_DEVICE_SET_IRQS is one at a time for each file, as in the kernel. What is
 * said in CONTROL at that moment holds for MSI and MSI-X:
 *
 *	delay=MS	it takes so long, unless CONTROL has another text before
 *	fail=N errno=E	the Nth that sets eventfds since CONTROL has this text fails
 *
 * Each of these adds a line to LOG: "index first count signal result", where signal
 * is 1 if there is an eventfd, 0 if there is none, and "-" if all is turned off.
 *
 * With VFIO_FIXED in the environment it is an older kernel in addition, which cannot
 * add vectors to those that MSI-X was turned on with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CONTROL		"/run/slow-vfio"
#define LOG		"/run/slow-vfio.log"
#define MAX_FILES	1024
#define MAX_TEXT	128
#define STEP_MS		50

struct control {
	unsigned int delay;
	unsigned int fail;
	int error;
};

static pthread_mutex_t files[MAX_FILES] = { [0 ... MAX_FILES - 1] = PTHREAD_MUTEX_INITIALIZER };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* What MSI-X of that file was turned on with */
static unsigned int enabled[MAX_FILES];
static char last[MAX_TEXT];
static unsigned int count;

static void read_text(char text[MAX_TEXT])
{
	int fd = open(CONTROL, O_RDONLY | O_CLOEXEC);

	memset(text, 0, MAX_TEXT);
	if (fd < 0)
		return;
	if (read(fd, text, MAX_TEXT - 1) < 0)
		text[0] = '\0';
	close(fd);
}

/* @sets: it counts; true: it is the one that fails */
static int read_control(struct control *control, char text[MAX_TEXT], int sets)
{
	memset(control, 0, sizeof(*control));
	read_text(text);
	sscanf(text, "delay=%u fail=%u errno=%d", &control->delay, &control->fail,
	       &control->error);
	if (strcmp(text, last)) {
		strcpy(last, text);
		count = 0;
	}
	count += sets;
	return sets && count == control->fail;
}

static void wait_for_host(unsigned int ms, const char text[MAX_TEXT])
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	char now[MAX_TEXT];

	for (; ms >= STEP_MS; ms -= STEP_MS) {
		nanosleep(&step, NULL);
		read_text(now);
		if (strcmp(now, text))
			return;
	}
}

static int is_fixed(unsigned int index)
{
	return index == VFIO_PCI_MSIX_IRQ_INDEX && getenv("VFIO_FIXED");
}

/* As vfio_msi_set_block() had it */
static int set_irqs_fixed(int fd, const struct vfio_irq_set *set)
{
	unsigned int end = set->start + set->count;
	int ret;

	if (enabled[fd] && end > enabled[fd]) {
		errno = EINVAL;
		return -1;
	}
	ret = syscall(SYS_ioctl, fd, VFIO_DEVICE_SET_IRQS, set);
	if (!set->count)
		enabled[fd] = 0;
	else if (!ret && !enabled[fd])
		enabled[fd] = end;
	return ret;
}

static int set_irqs(int fd, const struct vfio_irq_set *set)
{
	int data = set->flags & VFIO_IRQ_SET_DATA_EVENTFD, fails, ret, error, log;
	int signals = data && *(const int32_t *)set->data >= 0;
	char text[MAX_TEXT], line[128];
	struct control control;

	pthread_mutex_lock(&lock);
	fails = read_control(&control, text, !!data);
	pthread_mutex_unlock(&lock);
	wait_for_host(control.delay, text);
	if (fails) {
		ret = -1;
		error = control.error;
	} else {
		ret = is_fixed(set->index) ? set_irqs_fixed(fd, set) :
		      (int)syscall(SYS_ioctl, fd, VFIO_DEVICE_SET_IRQS, set);
		error = errno;
	}

	snprintf(line, sizeof(line), "%u %u %u %s %d\n", set->index, set->start, set->count,
		 !data ? "-" : signals ? "1" : "0", ret < 0 ? -error : ret);
	log = open(LOG, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (log >= 0) {
		if (write(log, line, strlen(line)) < 0)
			ret = -1;
		close(log);
	}
	errno = error;
	return ret;
}

static int get_irq_info(int fd, struct vfio_irq_info *info)
{
	int ret = syscall(SYS_ioctl, fd, VFIO_DEVICE_GET_IRQ_INFO, info);

	if (!ret && is_fixed(info->index))
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	return ret;
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct vfio_irq_set *set;
	pthread_mutex_t *file;
	va_list arguments;
	void *argument;
	int ret;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);

	if (request == VFIO_DEVICE_GET_IRQ_INFO)
		return get_irq_info(fd, argument);
	if (request != VFIO_DEVICE_SET_IRQS || fd < 0 || fd >= MAX_FILES)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	set = argument;
	file = &files[fd];
	pthread_mutex_lock(file);
	if (set->index == VFIO_PCI_MSI_IRQ_INDEX || set->index == VFIO_PCI_MSIX_IRQ_INDEX)
		ret = set_irqs(fd, set);
	else
		ret = (int)syscall(SYS_ioctl, fd, request, argument);
	pthread_mutex_unlock(file);
	return ret;
}
