// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test of the virtio-irq request engine against a hostile host
 *
 * Every field of every answer is random, and so are used lengths and ids, the
 * time of an answer, and whether there is one.
 * Nothing of that may hang, crash or corrupt this kernel; and when the host
 * comes to its senses in the end, neither side holds anything of the other.
 *
 * virtio_irq_kunit.hostile_ops= and virtio_irq_kunit.hostile_seed= on the kernel
 * command line repeat a run, or make it longer.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/virtio_config.h>

#include "fake_host.h"
#include "virtio_irq_internal.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "virtio_irq_kunit."

static uint hostile_ops = 100000;
module_param(hostile_ops, uint, 0444);

static ulong hostile_seed;
module_param(hostile_seed, ulong, 0444);

#define HOSTILE_EPS	3
#define HOSTILE_FAILS_AT	500
#define HOSTILE_VECTORS	48

struct hostile_endpoint {
	u32			id;
	struct virtio_irq_endpoint *ep;
	bool			block;
	struct {
		struct virtio_irq_vector *vec;
		bool		active;
	}			slot[HOSTILE_VECTORS];
};

/* The host's and the guest's dice, apart: the guest's throws are the same each time */
static struct rnd_state hostile_host, hostile_guest;

static u32 dice(struct rnd_state *rnd, u32 sides)
{
	return prandom_u32_state(rnd) % sides;
}

static u64 some_u64(struct rnd_state *rnd)
{
	static const u64 interesting[] = {
		0, 1, 2, 0xfee00000, 0xfee00010, 0xfee00012, 0xfeeffffc, 0xfef00000,
		0xffffffff, 0x100000000, U64_MAX, 0x401, 0xffff, 0x10000,
	};

	if (dice(rnd, 2))
		return interesting[dice(rnd, ARRAY_SIZE(interesting))];
	return (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);
}

static u32 some_length(struct rnd_state *rnd, u32 rsp_len)
{
	switch (dice(rnd, 4)) {
	case 0:
		return dice(rnd, 2 * rsp_len + 1);
	case 1:
		return sizeof(struct virtio_irq_rsp_head);
	case 2:
		return prandom_u32_state(rnd);
	default:
		return rsp_len;
	}
}

static void spoil(struct rnd_state *rnd, u8 *rsp, u32 rsp_len)
{
	struct virtio_irq_rsp_activate *pair = (void *)rsp;
	struct virtio_irq_rsp_alloc *alloc = (void *)rsp;
	u32 i, pos;

	switch (dice(rnd, 5)) {
	case 0:
		rsp[0] = dice(rnd, 2) ? dice(rnd, 16) : prandom_u32_state(rnd);
		break;
	case 1:
		if (rsp_len == sizeof(*pair)) {
			pair->address = cpu_to_le64(some_u64(rnd));
			pair->data = cpu_to_le32(some_u64(rnd));
		}
		break;
	case 2:
		if (rsp_len == sizeof(*alloc))
			alloc->granted = cpu_to_le32(some_u64(rnd));
		break;
	case 3:
		pos = dice(rnd, rsp_len);
		for (i = dice(rnd, 16); i && pos < rsp_len; i--)
			rsp[pos++] = prandom_u32_state(rnd);
		break;
	default:
		prandom_bytes_state(rnd, rsp, rsp_len);
		break;
	}
}

static void hostile_answer(struct fake_host *host, u16 head, const u8 *req, u32 req_len,
			   u8 *rsp, u32 rsp_len)
{
	struct rnd_state *rnd = &hostile_host;
	u32 len;

	/* More often wrong than right, but often enough right to get anywhere */
	switch (dice(rnd, 32)) {
	case 0 ... 3:
		memset(rsp, 0, sizeof(struct virtio_irq_rsp_head));
		rsp[0] = 1 + dice(rnd, VIRTIO_IRQ_S_DEVERR);
		fake_used(host, head, sizeof(struct virtio_irq_rsp_head));
		return;
	case 4 ... 6:
		/* Nothing took effect, whatever it says */
		spoil(rnd, rsp, rsp_len);
		fake_used(host, head, some_length(rnd, rsp_len));
		return;
	case 7:
		/* Seldom: each costs a timeout */
		if (!dice(rnd, 64))
			return;
		break;
	default:
		break;
	}

	len = fake_model_request(host, req, req_len, rsp);
	switch (dice(rnd, 32)) {
	case 0 ... 2:
		spoil(rnd, rsp, rsp_len);
		break;
	case 3 ... 5:
		len = some_length(rnd, rsp_len);
		break;
	case 6:
		spoil(rnd, rsp, rsp_len);
		len = some_length(rnd, rsp_len);
		break;
	case 7:
		if (!dice(rnd, 64)) {
			fake_hold(host, head, len);
			return;
		}
		break;
	case 8:
		if (!dice(rnd, 64))
			fake_used(host, head, len);
		else if (!dice(rnd, 64))
			fake_used(host, prandom_u32_state(rnd), len);
		break;
	default:
		break;
	}
	fake_used(host, head, len);
}

static void hostile_drop(struct hostile_endpoint *e, unsigned int i)
{
	struct virtio_irq_vector *vec = e->slot[i].vec;

	if (!vec)
		return;
	if (e->slot[i].active)
		virtio_irq_deactivate(vec);
	virtio_irq_release(vec);
	virtio_irq_free(vec);
	e->slot[i].vec = NULL;
	e->slot[i].active = false;
}

static void hostile_leave(struct hostile_endpoint *e)
{
	unsigned int i;

	if (!e->ep)
		return;
	for (i = 0; i < HOSTILE_VECTORS; i++)
		hostile_drop(e, i);
	virtio_irq_detach(e->ep);
	e->ep = NULL;
}

static void hostile_alloc(struct hostile_endpoint *e)
{
	struct rnd_state *rnd = &hostile_guest;
	u32 first = dice(rnd, HOSTILE_VECTORS), count = 1 + dice(rnd, HOSTILE_VECTORS - first);
	unsigned int flags = dice(rnd, 4) ? 0 : VIRTIO_IRQ_ALLOC_COMMIT;
	unsigned int i;
	int ret;

	/* A block has its store for itself, as multi-MSI has */
	if (!e->ep->msi.in_use) {
		e->block = !dice(rnd, 4);
		if (e->block) {
			first = 0;
			count = 1 << dice(rnd, 6);
			flags |= VIRTIO_IRQ_ALLOC_CONTIGUOUS | VIRTIO_IRQ_ALLOC_DATA16;
		}
	} else if (e->block) {
		return;
	}
	ret = virtio_irq_alloc(&e->ep->msi, first, count, flags, dice(rnd, 2) ? 32 : 64);
	for (i = first; ret > 0 && i < first + ret; i++)
		if (!e->slot[i].vec && dice(rnd, 4))
			e->slot[i].vec = virtio_irq_take(&e->ep->msi, i);
}

/* Without the back-off, which is for hosts that may get better */
static void hostile_hurry(struct virtio_irq *vi)
{
	mod_delayed_work(vi->wq, &vi->recover, 0);
	flush_delayed_work(&vi->recover);
}

/* What the irq core would do, in an order that it could do it in */
static void hostile_op(struct fake_host *host, struct hostile_endpoint *e)
{
	struct rnd_state *rnd = &hostile_guest;
	unsigned int i = dice(rnd, HOSTILE_VECTORS);
	struct virtio_irq_msg route, pair;
	struct virtio_irq_vector *vec;

	if (!e->ep) {
		e->ep = virtio_irq_attach(host->vi, e->id);
		if (IS_ERR(e->ep)) {
			e->ep = NULL;
			/* The one before it may still have to be detached */
			hostile_hurry(host->vi);
		}
		return;
	}
	route.address = 0xfee00000 | dice(rnd, 4) << 12;
	route.data = dice(rnd, 4);
	vec = e->slot[i].vec;

	switch (dice(rnd, 16)) {
	case 0:
		if (!dice(rnd, 64))
			hostile_leave(e);
		break;
	case 1 ... 2:
		hostile_alloc(e);
		break;
	case 3 ... 4:
		hostile_drop(e, i);
		break;
	case 5:
		/* Otherwise it waits for recovery, seconds */
		if (vec && READ_ONCE(host->vi->state) == VIRTIO_IRQ_READY)
			virtio_irq_commit(vec);
		break;
	case 6:
		if (vec && !e->slot[i].active)
			virtio_irq_release(vec);
		break;
	case 7 ... 10:
		if (vec && !e->slot[i].active) {
			bool keep = dice(rnd, 2);

			e->slot[i].active = !virtio_irq_activate(vec, &route, keep) || keep;
		}
		break;
	case 11 ... 13:
		if (vec && e->slot[i].active)
			virtio_irq_reroute(vec, &route);
		break;
	case 14:
		if (vec && e->slot[i].active) {
			virtio_irq_deactivate(vec);
			e->slot[i].active = false;
		}
		break;
	default:
		if (vec)
			virtio_irq_compose(vec, &pair);
		break;
	}
}

/* What it says is no better than what it answers */
static void hostile_say(struct fake_host *host)
{
	struct rnd_state *rnd = &hostile_host;
	struct virtio_irq_event event;
	u32 len = sizeof(event);

	prandom_bytes_state(rnd, &event, sizeof(event));
	if (dice(rnd, 8))
		event.type = 1 + dice(rnd, 3);
	if (dice(rnd, 4))
		event.endpoint = cpu_to_le32(dice(rnd, 4) ? 0x10 + dice(rnd, HOSTILE_EPS) : 0);
	if (dice(rnd, 4))
		event.store = 0;
	if (dice(rnd, 4)) {
		event.first = cpu_to_le32(dice(rnd, HOSTILE_VECTORS));
		event.count = cpu_to_le32(dice(rnd, HOSTILE_VECTORS));
	}
	if (!dice(rnd, 8))
		len = some_length(rnd, sizeof(event));
	if (host->evq && fake_event_place(host, &event, len) && dice(rnd, 2))
		fake_event_interrupt(host);
}

static void hostile_fail(struct fake_host *host)
{
	host->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(&host->vdev);
}

static void hostile_whim(struct fake_host *host)
{
	struct rnd_state *rnd = &hostile_host;

	if (!dice(rnd, 32))
		hostile_say(host);
	switch (dice(rnd, 1024)) {
	case 0 ... 3:
		fake_host_speak(host);
		break;
	case 5:
		host->config.max_count = cpu_to_le32(some_u64(rnd));
		virtio_config_changed(&host->vdev);
		break;
	case 6:
		host->config.max_count = cpu_to_le32(1 + dice(rnd, FAKE_VECTORS));
		virtio_config_changed(&host->vdev);
		break;
	case 7:
		if (!dice(rnd, 8))
			hostile_fail(host);
		break;
	case 4:
		/* Some it never answers: what an administrator does when none is left */
		if (READ_ONCE(host->vi->abandoned) >= host->vi->num_slots - 1)
			virtio_irq_ask_reset(host->vi);
		break;
	case 8:
		host->quota = dice(rnd, 2) ? UINT_MAX : dice(rnd, 100);
		break;
	default:
		break;
	}
}

static bool hostile_settled(struct virtio_irq *vi)
{
	flush_delayed_work(&vi->read_events);
	flush_delayed_work(&vi->recover);
	return READ_ONCE(vi->state) == VIRTIO_IRQ_READY && !READ_ONCE(vi->posted) &&
	       !delayed_work_pending(&vi->read_events) && !delayed_work_pending(&vi->recover);
}

static void hostile(struct kunit *test)
{
	struct hostile_endpoint *e = kunit_kcalloc(test, HOSTILE_EPS, sizeof(*e), GFP_KERNEL);
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_LAZY) |
						     BIT_ULL(VIRTIO_IRQ_F_EVENTQ));
	u64 seed = hostile_seed ?: get_random_u32();
	unsigned int i, op, old_resets;

	KUNIT_ASSERT_NOT_NULL(test, e);
	kunit_info(test, "%u requests, virtio_irq_kunit.hostile_seed=%llu\n", hostile_ops, seed);
	prandom_seed_state(&hostile_host, seed);
	prandom_seed_state(&hostile_guest, ~seed);
	for (i = 0; i < HOSTILE_EPS; i++)
		e[i].id = 0x10 + i;
	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);

	host->answer = hostile_answer;
	/* Requests are what counts; while recovery is under way there are none */
	for (op = 0; host->num_requests < hostile_ops && op < 100 * hostile_ops; op++) {
		hostile_op(host, &e[dice(&hostile_guest, HOSTILE_EPS)]);
		hostile_whim(host);
		/* Once at least, however few requests there are */
		if (op == HOSTILE_FAILS_AT)
			hostile_fail(host);
		if (READ_ONCE(host->vi->state) != VIRTIO_IRQ_READY)
			hostile_hurry(host->vi);
		if (!(op & 255))
			cond_resched();
	}
	KUNIT_EXPECT_GE(test, host->num_requests, hostile_ops);

	/* The host has thought better of it, and what it owes it answers now */
	host->answer = NULL;
	host->quota = UINT_MAX;
	host->config.max_count = cpu_to_le32(FAKE_VECTORS);
	virtio_config_changed(&host->vdev);
	fake_host_speak(host);
	old_resets = host->vi->stats.device_resets;
	for (i = 0; i < 600 && !hostile_settled(host->vi); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, READ_ONCE(host->vi->state), VIRTIO_IRQ_READY);
	for (i = 0; i < HOSTILE_EPS; i++)
		hostile_leave(&e[i]);
	for (i = 0; i < 600; i++) {
		if (hostile_settled(host->vi) && list_empty(&host->vi->endpoints))
			break;
		msleep(20);
	}

	KUNIT_EXPECT_TRUE(test, list_empty(&host->vi->endpoints));
	KUNIT_EXPECT_EQ(test, host->allocated, 0);
	for (i = 0; i < FAKE_ENDPOINTS; i++)
		KUNIT_EXPECT_FALSE(test, host->endpoints[i].attached);
	kunit_info(test, "%u requests, %llu recoveries, %llu device resets, %llu malformed\n",
		   host->num_requests, host->vi->stats.recoveries, host->vi->stats.device_resets,
		   host->vi->stats.malformed);
	/* Otherwise it was not hostile */
	KUNIT_EXPECT_GT(test, host->vi->stats.malformed, hostile_ops / 100);
	KUNIT_EXPECT_GT(test, old_resets, 0);
}

static int hostile_init(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = 0;
	virtio_irq_sleep_timeout_ms = 1;
	return 0;
}

static void hostile_exit(struct kunit *test)
{
	virtio_irq_poll_timeout_ms = 1000;
	virtio_irq_sleep_timeout_ms = 30000;
}

static struct kunit_case hostile_cases[] = {
	KUNIT_CASE_SLOW(hostile),
	{}
};

static struct kunit_suite hostile_suite = {
	.name		= "virtio-irq-hostile",
	.init		= hostile_init,
	.exit		= hostile_exit,
	.test_cases	= hostile_cases,
};

kunit_test_suite(hostile_suite);
