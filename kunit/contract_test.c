// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: what the contract says of every
 * request and every reply
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/workqueue.h>

#include "engine_fixture.h"

/* Used length of a success */
static u32 success_len(u8 type)
{
	switch (type) {
	case VIRTIO_IRQ_T_ATTACH:
		return sizeof(struct virtio_irq_rsp_attach) + FAKE_TLV_SIZE;
	case VIRTIO_IRQ_T_ALLOC:
		return sizeof(struct virtio_irq_rsp_alloc);
	case VIRTIO_IRQ_T_ACTIVATE:
		return sizeof(struct virtio_irq_rsp_activate);
	default:
		return sizeof(struct virtio_irq_rsp_head);
	}
}

/* Every type of request, each of them with success */
static void whole_life(struct kunit *test, struct fake_host *host)
{
	struct engine e = { .host = host };
	struct virtio_irq_vector *vec;
	struct virtio_irq_msg pair;
	u8 type;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	KUNIT_EXPECT_EQ(test, e.ep->window_start, FAKE_WINDOW_START);
	KUNIT_EXPECT_EQ(test, e.ep->window_end, FAKE_WINDOW_END);
	KUNIT_EXPECT_EQ(test, e.ep->msi.size, FAKE_VECTORS);
	KUNIT_EXPECT_FALSE(test, e.ep->isolated);
	vec = engine_vector(test, &e, 3);
	KUNIT_EXPECT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_compose(vec, &pair);
	KUNIT_EXPECT_EQ(test, pair.address, FAKE_PAIR_ADDRESS);
	KUNIT_EXPECT_EQ(test, pair.data, engine_fake(&e, 3)->pair);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 3)->route_data, route_a.data);
	virtio_irq_deactivate(vec);
	virtio_irq_release(vec);
	virtio_irq_free(vec);
	virtio_irq_detach(e.ep);
	engine_settle(test, &e);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(host, EP));
	KUNIT_EXPECT_EQ(test, host->vi->stats.malformed, 0);
	for (type = VIRTIO_IRQ_T_ATTACH; type <= VIRTIO_IRQ_T_FREE; type++)
		KUNIT_EXPECT_GE_MSG(test, fake_host_count(host, type), 1, "type %u", type);
}

/* A later version of the device uses what is reserved in this one */
static void answer_with_more(struct fake_host *host, u16 head, const u8 *req, u32 req_len,
			     u8 *rsp, u32 rsp_len)
{
	u32 len = fake_model_request(host, req, req_len, rsp);
	struct virtio_irq_rsp_activate *activate = (void *)rsp;
	struct virtio_irq_rsp_attach *attach = (void *)rsp;
	struct virtio_irq_rsp_alloc *alloc = (void *)rsp;
	struct virtio_irq_rsp_head *reply = (void *)rsp;
	struct virtio_irq_tlv_window *window = (void *)attach->tlvs;
	struct virtio_irq_tlv_store *store = (void *)(window + 1);

	memset(reply->reserved, 0xff, sizeof(reply->reserved));
	switch (req[0]) {
	case VIRTIO_IRQ_T_ATTACH:
		/* Without ISOLATED that flag is one like the others */
		attach->flags = cpu_to_le32(U32_MAX);
		memset(attach->reserved, 0xff, sizeof(attach->reserved));
		memset(window->reserved, 0xff, sizeof(window->reserved));
		store->flags |= 0xfc;
		memset(store->reserved, 0xff, sizeof(store->reserved));
		break;
	case VIRTIO_IRQ_T_ALLOC:
		memset(alloc->reserved, 0xff, sizeof(alloc->reserved));
		break;
	case VIRTIO_IRQ_T_ACTIVATE:
		memset(activate->reserved, 0xff, sizeof(activate->reserved));
		break;
	}
	fake_used(host, head, len);
}

/* DRV-29, DRV-39 */
static void what_replies_reserve_is_ignored(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, LAZY);

	host->answer = answer_with_more;
	whole_life(test, host);
}

/* DRV-15: without SCOPE its fields are reserved, too */
static void what_the_configuration_reserves_is_ignored(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, LAZY);

	memset(host->config.reserved, 0xff, sizeof(host->config.reserved));
	host->config.num_scopes = cpu_to_le16(U16_MAX);
	memset(host->config.scopes, 0xff, sizeof(host->config.scopes));
	whole_life(test, host);
}

/* And what comes after the last valid entry */
static void entries_beyond_num_scopes_are_ignored(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_SCOPE));
	unsigned int i;

	memset(host->config.reserved, 0xff, sizeof(host->config.reserved));
	for (i = 0; i < VIRTIO_IRQ_MAX_SCOPES; i++)
		host->config.scopes[i].pci = (struct virtio_irq_scope_pci) {
			.type		= VIRTIO_IRQ_SCOPE_T_PCI_RANGE,
			.bdf_start	= cpu_to_le16(8 * i),
			.bdf_end	= cpu_to_le16(8 * i + 7),
			.endpoint_start	= cpu_to_le32(8 * i),
		};
	host->config.num_scopes = cpu_to_le16(2);
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 15), 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 16), 0);
}

/* It has seen the request: what becomes of the driver's memory is its own affair */
static void answer_and_scribble(struct fake_host *host, u16 head, const u8 *req, u32 req_len,
				u8 *rsp, u32 rsp_len)
{
	u32 len = fake_model_request(host, req, req_len, rsp);

	memset((u8 *)req, 0xa5, req_len);
	fake_used(host, head, len);
}

/* DRV-110 */
static void requests_are_not_read_back(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, LAZY);

	host->answer = answer_and_scribble;
	whole_life(test, host);
}

static unsigned int too_small;

static void answer_if_there_is_room(struct fake_host *host, u16 head, const u8 *req,
				    u32 req_len, u8 *rsp, u32 rsp_len)
{
	if (rsp_len < success_len(req[0])) {
		too_small++;
		fake_used(host, head, 0);
		return;
	}
	fake_used(host, head, fake_model_request(host, req, req_len, rsp));
}

/* DRV-26 */
static void there_is_room_for_every_reply(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, LAZY);

	too_small = 0;
	host->answer = answer_if_there_is_room;
	whole_life(test, host);
	KUNIT_EXPECT_EQ(test, too_small, 0);
}

/* What is not acted upon is not accepted: the device would rely on it */
static void unknown_features_are_not_accepted(struct kunit *test)
{
	u64 ours = LAZY | BIT_ULL(VIRTIO_IRQ_F_SCOPE) | BIT_ULL(VIRTIO_IRQ_F_ISOLATED) |
		   BIT_ULL(VIRTIO_IRQ_F_PASID) | BIT_ULL(VIRTIO_IRQ_F_EVENTQ);
	struct fake_host *host = fake_host_new(test, GENMASK_ULL(23, 0) &
						     ~BIT_ULL(VIRTIO_IRQ_F_SCOPE));

	whole_life(test, host);
	KUNIT_EXPECT_EQ(test, host->vdev.features & GENMASK_ULL(23, 0) & ~ours, 0);
	KUNIT_EXPECT_TRUE(test, virtio_has_feature(&host->vdev, VIRTIO_IRQ_F_LAZY));
}

/* An answer that comes before the driver's bound has passed */
#define LATE_MS		(SLEEP_MS / 4)

static struct fake_host *late_host;

static void speak_late(struct work_struct *work)
{
	fake_host_speak(late_host);
}

static DECLARE_DELAYED_WORK(late_work, speak_late);

static void answer_late(struct fake_host *host)
{
	late_host = host;
	schedule_delayed_work(&late_work, msecs_to_jiffies(LATE_MS));
}

/* DRV-43: whoever sets up messages next does so when the device has let go of them */
static void detach_waits_for_its_answer(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	u64 start;

	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_DETACH, 1, 0);
	start = ktime_get_mono_fast_ns();
	answer_late(e.host);
	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_GE(test, ktime_get_mono_fast_ns() - start, LATE_MS / 2 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, e.host->num_held, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&e.vi->endpoints));
	cancel_delayed_work_sync(&late_work);
}

static unsigned int too_early;
static u8 late_type;

static void hold_what_comes_first(struct fake_host *host, u16 head, const u8 *req, u32 req_len,
				  u8 *rsp, u32 rsp_len)
{
	u32 len = fake_model_request(host, req, req_len, rsp);

	too_early += req[0] == VIRTIO_IRQ_T_ACTIVATE && host->num_held;
	if (req[0] == late_type) {
		late_type = 0;
		fake_hold(host, head, len);
		answer_late(host);
		return;
	}
	fake_used(host, head, len);
}

/* DRV-68: also when everything is asked for anew */
static void nothing_is_armed_before_it_is_had(struct kunit *test)
{
	static const u8 types[] = { VIRTIO_IRQ_T_ATTACH, VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_COMMIT };
	struct fake_host *host = fake_host_new(test, LAZY);
	struct engine e = { .host = host };
	struct virtio_irq_vector *vec;
	unsigned int i;

	too_early = 0;
	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	vec = engine_vector(test, &e, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	host->answer = hold_what_comes_first;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		late_type = types[i];
		KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
		engine_settle(test, &e);
		KUNIT_EXPECT_EQ(test, late_type, 0);
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
		flush_delayed_work(&late_work);
	}
	KUNIT_EXPECT_EQ(test, too_early, 0);
}

/* DRV-97: what is armed goes on to deliver, a reset would be the end of that */
static void silence_is_no_reason_for_a_reset(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, 0, UINT_MAX, 0);
	KUNIT_EXPECT_NE(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), 1);
	for (i = 0; i < 3; i++) {
		mod_delayed_work(e.vi->wq, &e.vi->recover, 0);
		flush_delayed_work(&e.vi->recover);
	}
	KUNIT_EXPECT_NE(test, READ_ONCE(e.vi->state), VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	fake_host_speak(e.host);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/* DRV-82 */
static void pasid_beyond_the_width_is_not_sent(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_PASID));
	struct engine e = { .host = host };
	struct virtio_irq_vector *vec;

	host->pasid_width = 8;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	vec = engine_vector(test, &e, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_forget_log(host);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 0x100), -ERANGE);
	KUNIT_EXPECT_EQ(test, host->num_requests, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 0xff), 0);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->pasid, 0xff);
}

static struct kunit_case contract_cases[] = {
	KUNIT_CASE(what_replies_reserve_is_ignored),
	KUNIT_CASE(what_the_configuration_reserves_is_ignored),
	KUNIT_CASE(entries_beyond_num_scopes_are_ignored),
	KUNIT_CASE(requests_are_not_read_back),
	KUNIT_CASE(there_is_room_for_every_reply),
	KUNIT_CASE(unknown_features_are_not_accepted),
	KUNIT_CASE(detach_waits_for_its_answer),
	KUNIT_CASE(nothing_is_armed_before_it_is_had),
	KUNIT_CASE(silence_is_no_reason_for_a_reset),
	KUNIT_CASE(pasid_beyond_the_width_is_not_sent),
	{ }
};

static struct kunit_suite contract_suite = {
	.name		= "virtio-irq-contract",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= contract_cases,
};

kunit_test_suite(contract_suite);
