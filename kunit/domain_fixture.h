/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the domain share: a controller with the in-kernel host
 * behind it, a parent domain and a PCI segment, all of them the test's own.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef _VIRTIO_IRQ_DOMAIN_FIXTURE_H
#define _VIRTIO_IRQ_DOMAIN_FIXTURE_H

#include <linux/virtio_config.h>

#include "fake_host.h"
#include "fake_parent.h"
#include "fake_pci.h"
#include "virtio_irq_internal.h"

/* Bounds that make a test of a timeout short, in ms */
#define DOMAIN_POLL_MS		20
#define DOMAIN_SLEEP_MS		200

#define DOMAIN_LAZY		BIT_ULL(VIRTIO_IRQ_F_LAZY)
#define DOMAIN_SCOPE		BIT_ULL(VIRTIO_IRQ_F_SCOPE)
#define DOMAIN_EVENTS		BIT_ULL(VIRTIO_IRQ_F_EVENTQ)

#define DOMAIN_DEVFN		PCI_DEVFN(1, 0)

/**
 * struct domain - a test's world
 * @test: the test
 * @parent: the CPU-side domain
 * @pci: the PCI segment
 * @host: the host
 * @vi: the engine, once the host was started
 * @fn: the function that most tests are about
 * @descs: interrupt descriptors before anything was allocated
 */
struct domain {
	struct kunit		*test;
	struct fake_parent	*parent;
	struct fake_pci		*pci;
	struct fake_host	*host;
	struct virtio_irq	*vi;
	struct fake_pci_function *fn;
	unsigned int		descs;
};

extern const struct fake_parent_caps domain_reservation;
extern const struct fake_pci_caps domain_msix;
extern const struct fake_pci_caps domain_msi;

int domain_suite_init(struct kunit *test);
void domain_suite_exit(struct kunit *test);
struct domain *domain_new(struct kunit *test, const struct fake_parent_caps *caps, u64 features);
struct domain *domain_scope_new(struct kunit *test);
struct virtio_irq_scope_pci *scope_range(struct domain *d, unsigned int i, u16 start, u16 end);
void domain_start(struct domain *d);
struct domain *domain_with(struct kunit *test, const struct fake_parent_caps *caps,
			   const struct fake_pci_caps *fn);
struct fake_pci_function *domain_add(struct domain *d, u8 busnr, u8 devfn,
				     const struct fake_pci_caps *caps);
void domain_settle(struct domain *d);
unsigned int domain_count_descs(void);
void domain_expect_idle(struct domain *d);
void domain_expect_works(struct domain *d, struct fake_pci_function *fn);
void domain_expect_alone(struct domain *d, struct fake_pci_function *fn);
bool domain_served(struct domain *d, struct fake_pci_function *fn);
struct fake_vector *domain_vector(struct domain *d, struct fake_pci_function *fn, u32 index);
unsigned int domain_allocated(struct domain *d, struct fake_pci_function *fn);
const void *domain_request(struct domain *d, u8 type, unsigned int nth);
void domain_expect_counts(struct domain *d, unsigned int alloc, unsigned int activate,
			  unsigned int deactivate, unsigned int free);
extern char domain_log_text[8192];
void domain_log_start(void);
void domain_log_stop(void);
unsigned int domain_log_count(const char *text);
void domain_expect_told_once(struct kunit *test, const char *text);
void domain_fire(struct domain *d, struct fake_pci_function *fn, unsigned int index);

#define DOMAIN_EXPECT_MSG(test, msg, want_address, want_data) do {		\
	struct virtio_irq_msg __msg = (msg);					\
										\
	KUNIT_EXPECT_EQ(test, __msg.address, (u64)(want_address));		\
	KUNIT_EXPECT_EQ(test, __msg.data, (u32)(want_data));			\
} while (0)

#endif /* _VIRTIO_IRQ_DOMAIN_FIXTURE_H */
