// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about pairs that change, and vectors that are taken away.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

#define NONE		UINT32_MAX
#define CONTIGUOUS	VIRTIO_IRQ_ALLOC_F_CONTIGUOUS
#define DATA16		VIRTIO_IRQ_ALLOC_F_DATA16
#define STILL_VALID	VIRTIO_IRQ_EVENT_F_STILL_VALID

static const struct virtio_irq_which everything = {
	.all_endpoints = true,
	.all_stores = true,
	.last = UINT32_MAX,
};

static struct virtio_irq_which only(uint32_t endpoint, uint32_t first, uint32_t last)
{
	return (struct virtio_irq_which) {
		.endpoint = endpoint,
		.first = first,
		.last = last,
	};
}

static int change(struct vmm *vmm, bool still_valid)
{
	return virtio_irq_core_change_pairs(vmm->core, &everything, still_valid);
}

static int revoke(struct vmm *vmm, uint32_t first, uint32_t last, uint8_t reason)
{
	const struct virtio_irq_which which = only(EP, first, last);

	return virtio_irq_core_revoke(vmm->core, &which, reason);
}

static int unrevoke(struct vmm *vmm, uint32_t first, uint32_t last)
{
	const struct virtio_irq_which which = only(EP, first, last);

	return virtio_irq_core_unrevoke(vmm->core, &which);
}

/* Checks everything of it */
static void assert_event(struct vmm *vmm, uint8_t type, uint8_t reason, uint32_t endpoint,
			 uint32_t first, uint32_t count, uint32_t flags)
{
	struct virtio_irq_event e;

	assert_true(next_event(vmm, &e));
	assert_int_equal(e.type, type);
	assert_int_equal(e.reason, reason);
	assert_int_equal(e.endpoint, endpoint);
	assert_int_equal(e.store, vmm->store);
	assert_int_equal(e.first, first);
	assert_int_equal(e.count, count);
	assert_int_equal(e.flags, flags);
	assert_int_equal(e.address, 0);
	assert_int_equal(e.data, 0);
}

static void assert_stale(struct vmm *vmm, uint32_t first, uint32_t count, uint32_t flags)
{
	assert_event(vmm, VIRTIO_IRQ_EVENT_T_STALE, 0, EP, first, count, flags);
}

static void assert_revoked(struct vmm *vmm, uint32_t first, uint32_t count, uint8_t reason)
{
	assert_event(vmm, VIRTIO_IRQ_EVENT_T_REVOKED, reason, EP, first, count, 0);
}

static void assert_no_event(struct vmm *vmm)
{
	struct virtio_irq_event e;

	assert_false(next_event(vmm, &e));
	assert_int_equal(stats(vmm).waiting, 0);
}

static void assert_same_pair(struct virtio_irq_msg a, struct virtio_irq_msg b)
{
	assert_int_equal(a.address, b.address);
	assert_int_equal(a.data, b.data);
}

static enum virtio_irq_verdict fire_pair(struct vmm *vmm, struct virtio_irq_msg pair)
{
	return fire(vmm, EP, pair.address, pair.data);
}

/* Armed vectors [0, count), and a driver that has events */
static void begin(struct vmm *vmm, uint32_t count, uint16_t flags, struct virtio_irq_msg *pairs)
{
	accept_events(vmm);
	start(vmm, count, flags);
	for (uint32_t i = 0; i < count; i++)
		pairs[i] = must_activate(vmm, EP, i);
}

/* STALE */

/* DEV-114 */
static void nothing_changes_without_the_feature(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	start(vmm, 1, 0);
	pair = must_activate(vmm, EP, 0);
	assert_int_equal(change(vmm, false), -EOPNOTSUPP);
	assert_int_equal(change(vmm, true), -EOPNOTSUPP);
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_QUOTA), -EOPNOTSUPP);
	assert_int_equal(unrevoke(vmm, 0, 0), -EOPNOTSUPP);
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), -EOPNOTSUPP);
	assert_int_equal(vmm->told, 0);
	assert_no_event(vmm);
	assert_int_equal(fire_pair(vmm, pair), VIRTIO_IRQ_DELIVERED);
	assert_same_pair(must_activate(vmm, EP, 0), pair);
}

/* DEV-120, DEV-78 */
static void stale_answers_the_old_pair_before_its_event(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old, new, pair;

	begin(vmm, 1, 0, &old);
	assert_int_equal(change(vmm, false), 1);
	assert_int_equal(vmm->told, 1);
	assert_int_equal(stats(vmm).stale, 1);
	assert_int_equal(stats(vmm).waiting, 1);
	/* The route applies to the new one as well, but nobody knows that */
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 7, &pair), VIRTIO_IRQ_S_OK);
	assert_same_pair(pair, old);
	assert_int_equal(stats(vmm).stale, 1);

	assert_stale(vmm, 0, 1, 0);
	assert_no_event(vmm);
	assert_int_equal(stats(vmm).stale, 1);
	new = must_activate(vmm, EP, 0);
	assert_int_equal(new.address, old.address);
	assert_int_not_equal(new.data, old.data);
	assert_int_equal(stats(vmm).stale, 0);
	assert_same_pair(must_activate(vmm, EP, 0), new);
	assert_int_equal(fire_pair(vmm, new), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_BLOCKED_FREED);
}

static void stale_honours_the_new_pair_at_once(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old;

	begin(vmm, 1, 0, &old);
	assert_int_equal(change(vmm, false), 1);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 7, NULL), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, data_of(vmm, EP, 0)),
			 VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm_ep(vmm, EP)->last.address, ROUTE_ADDRESS2);
	/* The old one may have ceased, and has; that is nobody's fault */
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_BLOCKED_FREED);
	assert_stale(vmm, 0, 1, 0);
	assert_no_event(vmm);
}

/* DEV-123 */
static void still_valid_honours_both_until_the_new_one_is_used(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old, new, pair;

	begin(vmm, 1, 0, &old);
	assert_int_equal(change(vmm, true), 1);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_DELIVERED);
	assert_stale(vmm, 0, 1, STILL_VALID);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_DELIVERED);
	new = must_activate(vmm, EP, 0);
	assert_int_not_equal(new.data, old.data);
	/* Any number of requests, as the driver may not have seen the answer to the first */
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS2, 7, &pair), VIRTIO_IRQ_S_OK);
	assert_same_pair(pair, new);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(vmm_ep(vmm, EP)->last.address, ROUTE_ADDRESS2);
	assert_int_equal(vmm_ep(vmm, EP)->last.data, 7);
	assert_int_equal(fire_pair(vmm, new), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_BLOCKED_FREED);
}

static void still_valid_ends_with_deactivate(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old, new;

	begin(vmm, 1, 0, &old);
	assert_int_equal(change(vmm, true), 1);
	assert_stale(vmm, 0, 1, STILL_VALID);
	new = must_activate(vmm, EP, 0);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(fire_pair(vmm, new), VIRTIO_IRQ_BLOCKED_FREED);
	assert_same_pair(must_activate(vmm, EP, 0), new);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_BLOCKED_FREED);
}

/* However often, and whichever of them the driver has written by now */
static void still_valid_again_and_again_loses_nothing(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg first, pair, next;

	begin(vmm, 1, 0, &first);
	pair = first;
	for (unsigned int i = 0; i < 300; i++) {
		assert_int_equal(change(vmm, true), 1);
		assert_int_equal(fire_pair(vmm, pair), VIRTIO_IRQ_DELIVERED);
		/* Twice in a row: there is nothing that has changed in between */
		if (i % 3 == 0)
			assert_int_equal(change(vmm, true), 1);
		assert_stale(vmm, 0, 1, STILL_VALID);
		assert_int_equal(fire_pair(vmm, pair), VIRTIO_IRQ_DELIVERED);
		next = must_activate(vmm, EP, 0);
		assert_int_not_equal(next.data, pair.data);
		assert_int_equal(fire_pair(vmm, pair), VIRTIO_IRQ_DELIVERED);
		/* The driver is slow: it still uses the one before */
		if (i % 2) {
			assert_int_equal(change(vmm, true), 1);
			assert_int_equal(fire_pair(vmm, pair), VIRTIO_IRQ_DELIVERED);
			assert_stale(vmm, 0, 1, STILL_VALID);
			assert_int_equal(fire_pair(vmm, next), VIRTIO_IRQ_DELIVERED);
			next = must_activate(vmm, EP, 0);
		}
		assert_int_equal(fire_pair(vmm, next), VIRTIO_IRQ_DELIVERED);
		pair = next;
	}
}

/* A promise that was not made cannot be made later */
static void still_valid_is_not_said_of_a_pair_that_is_not(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old;

	begin(vmm, 1, 0, &old);
	assert_int_equal(change(vmm, false), 1);
	assert_int_equal(change(vmm, true), 1);
	assert_stale(vmm, 0, 1, 0);
	assert_int_equal(fire_pair(vmm, old), VIRTIO_IRQ_BLOCKED_FREED);
	/* And it can be withdrawn, of which the driver is told */
	must_activate(vmm, EP, 0);
	assert_int_equal(change(vmm, true), 1);
	assert_stale(vmm, 0, 1, STILL_VALID);
	assert_int_equal(change(vmm, false), 1);
	assert_stale(vmm, 0, 1, 0);
	assert_no_event(vmm);
}

/* DEV-121 */
static void stale_pair_comes_to_nobody_else(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old[2], pair;

	for (unsigned int mode = 0; mode < 2; mode++) {
		begin(vmm, 1, mode ? DATA16 : 0, old);
		for (unsigned int i = 0; i < 200; i++) {
			assert_int_equal(change(vmm, i & 1), 1);
			assert_stale(vmm, 0, 1, i & 1 ? STILL_VALID : 0);
			pair = must_activate(vmm, EP, 0);
			assert_true(!mode || pair.data <= 0xffff);
			assert_int_equal(pair.data & 0x700, 0x300);
			/* All others that there can be */
			for (uint32_t n = 0; n < 8; n++) {
				must_alloc(vmm, EP, 1, 1, mode ? DATA16 : 0);
				old[1] = must_activate(vmm, EP, 1);
				assert_int_not_equal(old[1].data, old[0].data);
				assert_int_not_equal(old[1].data, pair.data);
				assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
			}
		}
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
}

/* DEV-122 */
static void stale_block_is_a_block_again(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old[5], new[5];
	const struct virtio_irq_which one = only(EP, 3, 3);

	for (unsigned int mode = 0; mode < 2; mode++) {
		begin(vmm, 5, mode ? CONTIGUOUS | DATA16 : CONTIGUOUS, old);
		/* One that is not armed, and one that is freed, belong to it */
		assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
		assert_int_equal(vfree(vmm, EP, 2, 1), VIRTIO_IRQ_S_OK);
		assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &one, true), 1);
		assert_int_equal(stats(vmm).stale, 4);
		/* Before the event all of it is the old one */
		assert_same_pair(must_activate(vmm, EP, 1), old[1]);
		assert_same_pair(must_activate(vmm, EP, 3), old[3]);
		assert_stale(vmm, 0, 2, STILL_VALID);
		assert_stale(vmm, 3, 2, STILL_VALID);
		assert_no_event(vmm);
		for (unsigned int i = 0; i < 5; i++) {
			if (i == 2)
				continue;
			new[i] = must_activate(vmm, EP, i);
			assert_int_not_equal(new[i].data, old[i].data);
			assert_int_equal(new[i].data - new[0].data, i);
			assert_int_equal(fire_pair(vmm, old[i]), VIRTIO_IRQ_DELIVERED);
		}
		assert_int_equal(new[0].data % 8, 0);
		assert_int_equal(stats(vmm).stale, 0);
		/* What is not there delivers nothing, nor can it be had */
		assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, new[0].data + 2),
				 VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(alloc(vmm, EP, 2, 1, 0, NULL), VIRTIO_IRQ_S_BUSY);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
}

/* As long as one of it is armed the driver goes by one base */
static void stale_block_stays_so_until_none_is_armed(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old[2], new;

	begin(vmm, 2, CONTIGUOUS, old);
	assert_int_equal(change(vmm, true), 2);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).stale, 2);
	assert_same_pair(must_activate(vmm, EP, 0), old[0]);
	assert_int_equal(fire_pair(vmm, old[0]), VIRTIO_IRQ_DELIVERED);
	assert_stale(vmm, 0, 2, STILL_VALID);
	new = must_activate(vmm, EP, 0);
	/* The old one ends with what ends that it is armed */
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_same_pair(must_activate(vmm, EP, 0), new);
	assert_int_equal(fire_pair(vmm, old[0]), VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(fire_pair(vmm, old[1]), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(stats(vmm).stale, 1);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).stale, 0);
}

/* What was changed before all of it was asked for stays as it was told */
static void stale_block_that_changes_again_has_one_base(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old[4], new[4];

	begin(vmm, 4, CONTIGUOUS, old);
	assert_int_equal(change(vmm, true), 4);
	assert_stale(vmm, 0, 4, STILL_VALID);
	new[0] = must_activate(vmm, EP, 0);
	assert_int_equal(change(vmm, true), 4);
	assert_int_equal(stats(vmm).waiting, 4);
	assert_same_pair(must_activate(vmm, EP, 0), new[0]);
	assert_same_pair(must_activate(vmm, EP, 1), old[1]);
	assert_stale(vmm, 1, 3, STILL_VALID);
	assert_no_event(vmm);
	for (unsigned int i = 0; i < 4; i++) {
		new[i] = must_activate(vmm, EP, i);
		assert_int_equal(new[i].data - new[0].data, i);
		assert_int_equal(fire_pair(vmm, old[i]), VIRTIO_IRQ_DELIVERED);
		assert_int_equal(fire_pair(vmm, new[i]), VIRTIO_IRQ_DELIVERED);
	}
}

/* Nobody goes by the pair of what is not armed */
static void stale_is_only_what_is_armed(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pairs[3];

	begin(vmm, 3, 0, pairs);
	assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(change(vmm, true), 2);
	assert_same_pair(must_activate(vmm, EP, 1), pairs[1]);
	assert_stale(vmm, 0, 1, STILL_VALID);
	/* It ends with what ends that it is armed, and then there is nothing to tell */
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).stale, 1);
	assert_int_equal(vfree(vmm, EP, 2, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).stale, 0);
	assert_no_event(vmm);
	assert_int_equal(change(vmm, false), 1);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	assert_no_event(vmm);
}

static void stale_tells_the_vmm_what_the_pair_leads_to(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old;
	unsigned int before;

	begin(vmm, 1, 0, &old);
	before = vmm->changes;
	vmm->changed.data = old.data;
	assert_int_equal(change(vmm, true), 1);
	assert_int_equal(vmm->changes, before + 1);
	assert_int_equal(vmm->changed.verdict, VIRTIO_IRQ_DELIVERED);
	assert_int_equal(change(vmm, false), 1);
	assert_int_equal(vmm->changed.verdict, VIRTIO_IRQ_BLOCKED_FREED);
	assert_int_equal(vmm->changed.index, 0);
}

static void commands_are_for_those_that_are_meant(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_which which = only(EP2, 0, UINT32_MAX);
	struct virtio_irq_msg pairs[4];

	begin(vmm, 4, 0, pairs);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 2, 0);
	must_activate(vmm, EP2, 0);
	must_activate(vmm, EP2, 1);
	assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &which, false), 2);
	which.store = 1;
	assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &which, false), 0);
	which.all_stores = true;
	which.first = 1;
	assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &which, false), 1);
	which.endpoint = EP_ABSENT;
	assert_int_equal(virtio_irq_core_change_pairs(vmm->core, &which, false), 0);
	assert_event(vmm, VIRTIO_IRQ_EVENT_T_STALE, 0, EP2, 0, 2, 0);
	assert_no_event(vmm);
	assert_int_equal(revoke(vmm, 1, 2, VIRTIO_IRQ_S_PERM), 2);
	assert_int_equal(stats(vmm).revoked, 2);
	assert_int_equal(fire_pair(vmm, pairs[0]), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(fire_pair(vmm, pairs[1]), VIRTIO_IRQ_BLOCKED_FREED);
}

/* A pair of the VMM's is not the core's to change */
static void pairs_of_the_vmm_do_not_change(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	vmm->host_pair = (struct virtio_irq_msg) { WINDOW_START + 0x100, 5 };
	begin(vmm, 1, 0, &pair);
	assert_int_equal(change(vmm, false), 0);
	assert_same_pair(must_activate(vmm, EP, 0), vmm->host_pair);
	/* But it can be taken away, and be had again */
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_NOSPC), 1);
	assert_revoked(vmm, 0, 1, VIRTIO_IRQ_S_NOSPC);
	assert_int_equal(unrevoke(vmm, 0, 0), 1);
	assert_stale(vmm, 0, 1, 0);
	assert_same_pair(must_activate(vmm, EP, 0), vmm->host_pair);
	assert_int_equal(stats(vmm).stale, 0);
}

/* REVOKED */

/* The table of requests, DEV-129 */
static void revoked_answers_its_reason(void **state)
{
	static const uint8_t reasons[] = { VIRTIO_IRQ_S_PERM, VIRTIO_IRQ_S_NOSPC,
					   VIRTIO_IRQ_S_QUOTA };
	struct vmm *vmm = *state;
	struct virtio_irq_msg pairs[3];
	uint32_t granted;

	for (unsigned int i = 0; i < ARRAY_SIZE(reasons); i++) {
		begin(vmm, 3, VIRTIO_IRQ_ALLOC_F_COMMIT, pairs);
		assert_int_equal(vmm->taken, 3);
		assert_int_equal(revoke(vmm, 1, 1, reasons[i]), 1);
		assert_int_equal(revoke(vmm, 1, 1, reasons[i]), 0);
		/* Disarmed, and what it has held is the host's again */
		assert_int_equal(vmm->taken, 2);
		assert_int_equal(fire_pair(vmm, pairs[1]), VIRTIO_IRQ_BLOCKED_FREED);
		assert_int_equal(stats(vmm).allocated, 3);
		assert_int_equal(activate(vmm, EP, 1, ROUTE_ADDRESS, 1, NULL), reasons[i]);
		assert_int_equal(activate(vmm, EP, 1, ROUTE_REFUSED, 1, NULL), reasons[i]);
		assert_int_equal(commit(vmm, EP, 1, 1), reasons[i]);
		assert_int_equal(commit(vmm, EP, 0, 3), reasons[i]);
		assert_int_equal(vmm->taken, 2);
		/* Before the host is asked for anything, which might have its own reason */
		must_alloc(vmm, EP, 0, 1, 0);
		assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
		assert_int_equal(release(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
		vmm->commit_status = VIRTIO_IRQ_S_NOMEM;
		assert_int_equal(commit(vmm, EP, 0, 3), reasons[i]);
		vmm->commit_status = 0;
		assert_int_equal(vmm->taken, 1);
		assert_int_equal(alloc(vmm, EP, 1, 1, 0, NULL), reasons[i]);
		assert_int_equal(alloc(vmm, EP, 0, 3, 0, &granted), VIRTIO_IRQ_S_OK);
		assert_int_equal(granted, 1);
		assert_int_equal(vmm->reason, reasons[i]);
		assert_int_equal(alloc(vmm, EP, 1, 1, DATA16, NULL), VIRTIO_IRQ_S_BUSY);
		assert_int_equal(release(vmm, EP, 0, 3), VIRTIO_IRQ_S_OK);
		assert_int_equal(deactivate(vmm, EP, 1), VIRTIO_IRQ_S_OK);
		assert_revoked(vmm, 1, 1, reasons[i]);
		assert_no_event(vmm);
		/* And FREE ends it */
		assert_int_equal(vfree(vmm, EP, 1, 1), VIRTIO_IRQ_S_OK);
		assert_int_equal(stats(vmm).revoked, 0);
		must_alloc(vmm, EP, 1, 1, 0);
		must_activate(vmm, EP, 1);
		assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	}
	for (uint8_t status = 0; status < 16; status++)
		if (status != VIRTIO_IRQ_S_PERM && status != VIRTIO_IRQ_S_NOSPC &&
		    status != VIRTIO_IRQ_S_QUOTA)
			assert_int_equal(revoke(vmm, 0, 0, status), -EINVAL);
}

static void revoked_ends_with_detach_and_reset(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pairs[2];

	begin(vmm, 2, 0, pairs);
	assert_int_equal(revoke(vmm, 0, 1, VIRTIO_IRQ_S_QUOTA), 2);
	assert_int_equal(detach(vmm, EP), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).revoked, 0);
	assert_no_event(vmm);
	begin(vmm, 2, 0, pairs);
	assert_int_equal(revoke(vmm, 0, 1, VIRTIO_IRQ_S_QUOTA), 2);
	virtio_irq_core_reset(vmm->core);
	assert_int_equal(stats(vmm).revoked, 0);
	assert_no_event(vmm);
}

/* A store that wants COMMIT first does not hide why */
static void revoked_comes_before_commit_first(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	vmm->info.stores[0].flags = VIRTIO_IRQ_STORE_F_COMMIT;
	begin(vmm, 1, VIRTIO_IRQ_ALLOC_F_COMMIT, &pair);
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_QUOTA), 1);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 1, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(unrevoke(vmm, 0, 0), 1);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 1, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(commit(vmm, EP, 0, 1), VIRTIO_IRQ_S_OK);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 1, NULL), VIRTIO_IRQ_S_OK);
}

/* Whatever waits to be told of it before: it is one event, and the last word */
static void revoked_replaces_stale(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old, new;

	begin(vmm, 1, 0, &old);
	assert_int_equal(change(vmm, true), 1);
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_NOSPC), 1);
	assert_int_equal(stats(vmm).stale, 0);
	assert_int_equal(change(vmm, true), 0);
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_QUOTA), 1);
	assert_revoked(vmm, 0, 1, VIRTIO_IRQ_S_QUOTA);
	assert_no_event(vmm);
	assert_int_equal(unrevoke(vmm, 0, 0), 1);
	assert_int_equal(unrevoke(vmm, 0, 0), 0);
	/* Nobody goes by a pair of it */
	assert_int_equal(stats(vmm).stale, 0);
	assert_stale(vmm, 0, 1, 0);
	virtio_irq_core_eventq_reset(vmm->core);
	assert_stale(vmm, 0, 1, 0);
	/* The old one is not honoured again, and what is answered is final */
	new = must_activate(vmm, EP, 0);
	assert_int_equal(stats(vmm).stale, 0);
	assert_int_equal(fire_pair(vmm, new), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(fire_pair(vmm, old), old.data == new.data ? VIRTIO_IRQ_DELIVERED :
								     VIRTIO_IRQ_BLOCKED_FREED);
}

/* A driver that asks before it is told need not be told */
static void unrevoked_that_is_asked_for_needs_no_event(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pair;

	begin(vmm, 1, 0, &pair);
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_NOSPC), 1);
	assert_int_equal(unrevoke(vmm, 0, 0), 1);
	assert_int_equal(stats(vmm).waiting, 1);
	assert_same_pair(must_activate(vmm, EP, 0), pair);
	assert_int_equal(stats(vmm).stale, 0);
	assert_no_event(vmm);
	/* Nor one that does not want it any more */
	assert_int_equal(revoke(vmm, 0, 0, VIRTIO_IRQ_S_NOSPC), 1);
	assert_int_equal(unrevoke(vmm, 0, 0), 1);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).stale, 0);
	assert_no_event(vmm);
}

static void revoked_of_a_block(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg old[4], new[4];

	begin(vmm, 4, CONTIGUOUS, old);
	assert_int_equal(revoke(vmm, 1, 1, VIRTIO_IRQ_S_QUOTA), 1);
	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_QUOTA);
	assert_int_equal(fire_pair(vmm, old[2]), VIRTIO_IRQ_DELIVERED);
	assert_revoked(vmm, 1, 1, VIRTIO_IRQ_S_QUOTA);
	/* What is revoked follows the block all the same */
	assert_int_equal(change(vmm, false), 3);
	assert_int_equal(unrevoke(vmm, 1, 1), 1);
	assert_same_pair(must_activate(vmm, EP, 1), old[1]);
	assert_stale(vmm, 0, 4, 0);
	assert_no_event(vmm);
	for (unsigned int i = 0; i < 4; i++) {
		new[i] = must_activate(vmm, EP, i);
		assert_int_equal(new[i].data - new[0].data, i);
		assert_int_not_equal(new[i].data, old[i].data);
	}
	assert_int_equal(stats(vmm).stale, 0);
	assert_int_equal(alloc(vmm, EP, 0, 4, CONTIGUOUS, NULL), VIRTIO_IRQ_S_OK);
}

/* Quotas that are enforced, DEV-152 */

static bool is_revoked(struct vmm *vmm, uint32_t endpoint, uint32_t index, uint8_t reason)
{
	struct virtio_irq_vector_info info;

	assert_true(vector(vmm, endpoint, index, &info));
	assert_true(!info.revoked || info.revoked == reason);
	return info.revoked;
}

static void quotas_take_the_idle_and_the_highest_first(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pairs[6];

	begin(vmm, 6, 0, pairs);
	assert_int_equal(deactivate(vmm, EP, 0), VIRTIO_IRQ_S_OK);
	set_quotas(vmm, (struct virtio_irq_quotas) { NONE, 4, NONE, NONE });
	assert_int_equal(stats(vmm).revoked, 0);
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 2);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(is_revoked(vmm, EP, i, VIRTIO_IRQ_S_QUOTA), i == 0 || i == 5);
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 0);

	set_quotas(vmm, (struct virtio_irq_quotas) { 3, NONE, NONE, NONE });
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 1);
	assert_true(is_revoked(vmm, EP, 4, VIRTIO_IRQ_S_QUOTA));
	set_quotas(vmm, (struct virtio_irq_quotas) { NONE, NONE, 2, NONE });
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 1);
	assert_true(is_revoked(vmm, EP, 3, VIRTIO_IRQ_S_QUOTA));
	set_quotas(vmm, (struct virtio_irq_quotas) { NONE, NONE, NONE, 1 });
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 1);
	assert_true(is_revoked(vmm, EP, 2, VIRTIO_IRQ_S_NOSPC));
	assert_int_equal(fire_pair(vmm, pairs[1]), VIRTIO_IRQ_DELIVERED);
	assert_int_equal(stats(vmm).revoked, 5);
}

static void quotas_of_all_endpoints(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_msg pairs[3];

	begin(vmm, 3, 0, pairs);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 0, 3, 0);
	must_activate(vmm, EP2, 2);
	set_quotas(vmm, (struct virtio_irq_quotas) { 3, 2, NONE, NONE });
	/* One of each for the endpoint's, then one more, which is idle */
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 3);
	assert_true(is_revoked(vmm, EP, 2, VIRTIO_IRQ_S_QUOTA));
	assert_true(is_revoked(vmm, EP2, 0, VIRTIO_IRQ_S_QUOTA));
	assert_true(is_revoked(vmm, EP2, 1, VIRTIO_IRQ_S_QUOTA));
	set_quotas(vmm, (struct virtio_irq_quotas) { 0, NONE, NONE, NONE });
	fail_malloc_from(1);
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), -ENOMEM);
	fail_malloc_from(0);
	assert_int_equal(virtio_irq_core_enforce_quotas(vmm->core), 3);
	assert_int_equal(stats(vmm).armed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(nothing_changes_without_the_feature),
		unit(stale_answers_the_old_pair_before_its_event),
		unit(stale_honours_the_new_pair_at_once),
		unit(still_valid_honours_both_until_the_new_one_is_used),
		unit(still_valid_ends_with_deactivate),
		unit(still_valid_again_and_again_loses_nothing),
		unit(still_valid_is_not_said_of_a_pair_that_is_not),
		unit(stale_pair_comes_to_nobody_else),
		unit(stale_block_is_a_block_again),
		unit(stale_block_stays_so_until_none_is_armed),
		unit(stale_block_that_changes_again_has_one_base),
		unit(stale_is_only_what_is_armed),
		unit(stale_tells_the_vmm_what_the_pair_leads_to),
		unit(commands_are_for_those_that_are_meant),
		unit(pairs_of_the_vmm_do_not_change),
		unit(revoked_answers_its_reason),
		unit(revoked_ends_with_detach_and_reset),
		unit(revoked_comes_before_commit_first),
		unit(revoked_replaces_stale),
		unit(unrevoked_that_is_asked_for_needs_no_event),
		unit(revoked_of_a_block),
		unit(quotas_take_the_idle_and_the_highest_first),
		unit(quotas_of_all_endpoints),
	};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
