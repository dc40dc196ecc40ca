// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copyright (C) 2026 The virtio-irq authors
 *
 * ivshmem_server SOCKET VECTORS: what QEMU's ivshmem-doorbell connects to, with
 * one client that rings its own doorbell. QEMU's contrib/ivshmem-server does the
 * same for many; it is not part of any package, and of QEMU's build only with
 * all its tools. The protocol is in QEMU's docs/specs/ivshmem-spec.
 */

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROTOCOL_VERSION 0
#define CLIENT 0
#define SHARED_MEMORY (-1)
#define SHARED_BYTES 4096
#define NO_FILE (-1)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* One number of the protocol, little endian as x86 is, and perhaps a file */
static void send_number(int client, int64_t number, int file)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec data = { .iov_base = &number, .iov_len = sizeof(number) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	if (file != NO_FILE) {
		memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	if (sendmsg(client, &message, 0) != sizeof(number))
		die("sendmsg");
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server, client, memory, vectors, i;
	char byte;

	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: ivshmem_server SOCKET VECTORS\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	vectors = atoi(argv[2]);

	memory = memfd_create("ivshmem", 0);
	if (memory < 0 || ftruncate(memory, SHARED_BYTES))
		die("memfd_create");
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(server, 1))
		die(argv[1]);
	client = accept(server, NULL, NULL);
	if (client < 0)
		die("accept");

	send_number(client, PROTOCOL_VERSION, NO_FILE);
	send_number(client, CLIENT, NO_FILE);
	send_number(client, SHARED_MEMORY, memory);
	for (i = 0; i < vectors; i++) {
		int file = eventfd(0, EFD_NONBLOCK);

		if (file < 0)
			die("eventfd");
		send_number(client, CLIENT, file);
		close(file);
	}

	/* Until it has gone */
	while (read(client, &byte, 1) > 0)
		;
	unlink(argv[1]);
	return 0;
}
