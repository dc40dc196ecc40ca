// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A user of a test function, with no more than VFIO gives it:
 *
 *	vfio raw GROUP FUNCTION		what is bound to vfio-pci sends every message it can
 *	vfio fire GROUP FUNCTION N	its own interrupts work: so many, one after the other
 *
 * The last line says what became of it: "refused: REASON" if VFIO does not let a user have
 * it, "sent N", or "fired N, came N".
 *
 * Copyright (C) 2026 The virtio-irq authors
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ims_testdev_regs.h"

/* The messages of x86: a page of addresses for each of 256 destinations */
#define WINDOW_START	0xfee00000u
#define PAGES		256
#define PAGE		0x1000u

static volatile uint32_t *regs;

static uint32_t reg_read(unsigned int offset)
{
	return regs[offset / 4];
}

static void reg_write(unsigned int offset, uint32_t value)
{
	regs[offset / 4] = value;
}

/* The group's container: here it is where a user is refused */
static int open_group(const char *number)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	char path[64];
	int group;

	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	group = open(path, O_RDWR | O_CLOEXEC);
	if (container < 0 || group < 0)
		err(1, "%s", path);
	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		errx(1, "group %s is not viable", number);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		err(1, "VFIO_GROUP_SET_CONTAINER");
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		printf("refused: %s\n", strerror(errno));
		exit(0);
	}
	return group;
}

static int open_device(int group, const char *function)
{
	int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, function);
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command;
	void *map;

	if (device < 0)
		err(1, "%s", function);
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ||
	    pread(device, &command, sizeof(command), info.offset + PCI_COMMAND) != sizeof(command))
		err(1, "configuration space");
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	if (pwrite(device, &command, sizeof(command), info.offset + PCI_COMMAND) != sizeof(command))
		err(1, "bus mastering");

	info.index = VFIO_PCI_BAR0_REGION_INDEX + IMS_TESTDEV_BAR_REGS;
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(1, "BAR of the registers");
	map = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);
	if (map == MAP_FAILED)
		err(1, "BAR of the registers");
	regs = map;
	if (reg_read(IMS_TESTDEV_ID) != IMS_TESTDEV_ID_VALUE)
		errx(1, "%s is no ims-testdev", function);
	return device;
}

static unsigned long sent;

static void raw(uint32_t address, uint32_t data)
{
	reg_write(IMS_TESTDEV_RAW_ADDR_LO, address);
	reg_write(IMS_TESTDEV_RAW_DATA, data);
	reg_write(IMS_TESTDEV_RAW_SEND, 1);
	sent++;
}

/*
 * Every destination, physical and logical, with and without redirection, in the remappable
 * format, too, and a register of the APIC. To the first CPUs every vector in every mode.
 */
static void send_all(void)
{
	static const uint32_t offsets[] = { 0x0, 0x4, 0x8, 0xc, 0x10, 0x18, 0xb0, 0x300 };
	unsigned int page, i, data;

	reg_write(IMS_TESTDEV_RAW_ADDR_HI, 0);
	for (page = 0; page < PAGES; page++)
		for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
			for (data = 0x31; data < 0x100; data += 0x40)
				raw(WINDOW_START + page * PAGE + offsets[i], data);
	for (page = 0; page < 2; page++)
		for (i = 0; i < 2; i++)
			for (data = 0; data < 0x800; data++)
				raw(WINDOW_START + page * PAGE + offsets[i], data);
	printf("sent %lu\n", sent);
}

static void fire(int device, unsigned int count)
{
	char buffer[sizeof(struct vfio_irq_set) + sizeof(int32_t)] = { };
	struct vfio_irq_set *set = (void *)buffer;
	struct pollfd event = { .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };
	unsigned int i, came = 0;
	uint64_t value;

	set->argsz = sizeof(buffer);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_MSIX_IRQ_INDEX;
	set->count = 1;
	memcpy(set->data, &event.fd, sizeof(int32_t));
	if (event.fd < 0 || ioctl(device, VFIO_DEVICE_SET_IRQS, set))
		err(1, "VFIO_DEVICE_SET_IRQS");
	reg_write(IMS_TESTDEV_VECTOR(0) + IMS_TESTDEV_FIRE, count);
	for (i = 0; i < count && poll(&event, 1, 10000) == 1; i++) {
		if (read(event.fd, &value, sizeof(value)) != sizeof(value))
			err(1, "eventfd");
		came += value;
		if (reg_read(IMS_TESTDEV_VECTOR(0) + IMS_TESTDEV_CLAIM) != 1)
			errx(1, "an interrupt that the function has not sent");
	}
	printf("fired %u, came %u\n", reg_read(IMS_TESTDEV_VECTOR(0) + IMS_TESTDEV_FIRED), came);
}

int main(int argc, char **argv)
{
	int group, device;

	if (argc == 4 && !strcmp(argv[1], "raw")) {
		group = open_group(argv[2]);
		open_device(group, argv[3]);
		send_all();
	} else if (argc == 5 && !strcmp(argv[1], "fire")) {
		group = open_group(argv[2]);
		device = open_device(group, argv[3]);
		fire(device, strtoul(argv[4], NULL, 0));
	} else {
		errx(2, "usage: vfio raw GROUP FUNCTION, or vfio fire GROUP FUNCTION N");
	}
	return 0;
}
