// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: what ATTACH says of an
 * endpoint, stores from 1 on, PASIDs
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include "engine_fixture.h"

#define PASID		BIT_ULL(VIRTIO_IRQ_F_PASID)
#define IMS		7
#define BLOCK		VIRTIO_IRQ_BLOCK_SIZE

/*
 * TLVs
 */

#define TLV(t, size)	.head = { cpu_to_le16(t), cpu_to_le16((size) - 4) }

static const struct virtio_irq_tlv_window tlv_window = {
	TLV(VIRTIO_IRQ_TLV_T_WINDOW, 24),
	.start	= cpu_to_le64(FAKE_WINDOW_START),
	.end	= cpu_to_le64(FAKE_WINDOW_END),
};

static const struct virtio_irq_tlv_store tlv_store = {
	TLV(VIRTIO_IRQ_TLV_T_STORE, 16),
	.size	= cpu_to_le32(32),
};

static struct fake_host *tlv_host(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, LAZY | PASID);

	host->own_tlvs = true;
	return host;
}

/* Append a TLV; returns where the next one starts */
static u8 *tlv_put(u8 *pos, const void *tlv, size_t len)
{
	memcpy(pos, tlv, len);
	return pos + ALIGN(len, 8);
}

/* ATTACH fails, and the host is told */
static void tlv_refused(struct kunit *test, struct fake_host *host)
{
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(host->vi, EP)), -EIO);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(host, EP));
	KUNIT_EXPECT_TRUE(test, list_empty(&host->vi->endpoints));
}

static struct virtio_irq_endpoint *tlv_accepted(struct kunit *test, struct fake_host *host)
{
	struct virtio_irq_endpoint *ep;

	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep);
	return ep;
}

static void tlv_none(struct kunit *test)
{
	tlv_refused(test, tlv_host(test));
}

static void tlv_no_window(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);

	tlv_put(host->tlvs, &tlv_store, sizeof(tlv_store));
	tlv_refused(test, host);
}

static void tlv_two_windows(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);

	tlv_put(tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window)), &tlv_window,
		sizeof(tlv_window));
	tlv_refused(test, host);
}

static void tlv_short_window(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_window window = tlv_window;

	window.head.length = cpu_to_le16(19);
	tlv_put(host->tlvs, &window, sizeof(window));
	tlv_refused(test, host);
}

static void tlv_short_store(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_store store = tlv_store;

	store.head.length = cpu_to_le16(11);
	tlv_put(tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window)), &store, sizeof(store));
	tlv_refused(test, host);
}

static void tlv_longer_than_the_list(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_head head = {
		.type = cpu_to_le16(99), .length = cpu_to_le16(FAKE_TLV_SIZE - 24 - 4 + 1),
	};

	tlv_put(tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window)), &head, sizeof(head));
	tlv_refused(test, host);
}

/* One of a known type of which only the beginning is there; KASAN watches */
static void tlv_cut_off_by_the_end(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_head filler = {
		.type = cpu_to_le16(99), .length = cpu_to_le16(FAKE_TLV_SIZE - 8 - 4),
	};

	tlv_put(host->tlvs, &filler, sizeof(filler));
	memcpy(host->tlvs + FAKE_TLV_SIZE - 8, &tlv_window, 8);
	tlv_refused(test, host);
}

static void tlv_same_store_twice(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	u8 *pos = tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window));

	tlv_put(tlv_put(pos, &tlv_store, sizeof(tlv_store)), &tlv_store, sizeof(tlv_store));
	tlv_refused(test, host);
}

static void tlv_block_of_64(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_store store = tlv_store;

	store.multi_msi = 6;
	tlv_put(tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window)), &store, sizeof(store));
	tlv_refused(test, host);
}

static void tlv_pasid_of_21_bits(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_pasid pasid = { TLV(VIRTIO_IRQ_TLV_T_PASID, 8), .width = 21 };

	tlv_put(tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window)), &pasid, sizeof(pasid));
	tlv_refused(test, host);
}

static void tlv_two_pasids(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_pasid pasid = { TLV(VIRTIO_IRQ_TLV_T_PASID, 8), .width = 8 };
	u8 *pos = tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window));

	tlv_put(tlv_put(pos, &pasid, sizeof(pasid)), &pasid, sizeof(pasid));
	tlv_refused(test, host);
}

/* In any order, with one of an unknown type and one that is longer than ours */
static void tlv_unknown_and_longer(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_head unknown = { cpu_to_le16(0x4711), cpu_to_le16(3) };
	struct virtio_irq_tlv_store store = tlv_store;
	struct virtio_irq_endpoint *ep;
	u8 *pos = host->tlvs;

	store.head.length = cpu_to_le16(sizeof(store) - 4 + 8);
	pos = tlv_put(pos, &unknown, sizeof(unknown));
	pos = tlv_put(pos, &store, sizeof(store)) + 8;
	tlv_put(pos, &tlv_window, sizeof(tlv_window));
	ep = tlv_accepted(test, host);
	KUNIT_EXPECT_EQ(test, ep->msi.size, 32);
	KUNIT_EXPECT_EQ(test, ep->window_end, FAKE_WINDOW_END);
}

/* Nothing after the end counts */
static void tlv_after_the_end(struct kunit *test)
{
	struct fake_host *host = tlv_host(test);
	struct virtio_irq_tlv_head end = { cpu_to_le16(VIRTIO_IRQ_TLV_T_NONE),
					   cpu_to_le16(0xffff) };
	u8 *pos = tlv_put(host->tlvs, &tlv_window, sizeof(tlv_window));

	tlv_put(tlv_put(pos, &end, sizeof(end)), &tlv_window, sizeof(tlv_window));
	KUNIT_EXPECT_EQ(test, tlv_accepted(test, host)->window_start, FAKE_WINDOW_START);
}

/*
 * Stores from 1 on
 */

static struct virtio_irq_store *ims_start(struct kunit *test, struct engine *e, u8 flags)
{
	struct virtio_irq_store *store;

	e->host = fake_host_new(test, LAZY | PASID);
	e->host->ims_store = IMS;
	e->host->ims_flags = flags;
	e->host->pasid_width = 8;
	KUNIT_ASSERT_EQ(test, fake_host_start(e->host), 0);
	e->vi = e->host->vi;
	e->ep = virtio_irq_attach(e->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e->ep);
	store = virtio_irq_find_store(e->ep, IMS);
	KUNIT_ASSERT_NOT_NULL(test, store);
	fake_host_forget_log(e->host);
	return store;
}

static struct fake_vector *ims_fake(struct engine *e, u32 index)
{
	return &fake_host_endpoint(e->host, EP)->ims[index];
}

static struct virtio_irq_vector *ims_vector(struct kunit *test, struct virtio_irq_store *store,
					    u32 index)
{
	struct virtio_irq_vector *vec;

	KUNIT_ASSERT_EQ(test, virtio_irq_reserve(store, index, 0, 64), 0);
	vec = virtio_irq_take(store, index);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	return vec;
}

/* Nothing of it stays with the host */
static void store_goes(struct kunit *test, struct engine *e, struct virtio_irq_store *store)
{
	virtio_irq_store_release(store);
	engine_settle(test, e);
	KUNIT_EXPECT_EQ(test, e->host->allocated, 0);
}

static void store_is_listed(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, VIRTIO_IRQ_STORE_F_COMMIT);

	KUNIT_EXPECT_EQ(test, store->size, FAKE_IMS_VECTORS);
	KUNIT_EXPECT_EQ(test, store->flags, VIRTIO_IRQ_STORE_F_COMMIT);
	KUNIT_EXPECT_PTR_EQ(test, virtio_irq_find_store(e.ep, 0), &e.ep->msi);
	KUNIT_EXPECT_NULL(test, virtio_irq_find_store(e.ep, IMS + 1));
}

/* One by one, and asked for by the block */
static void reserved_in_blocks(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	u32 i;

	for (i = 0; i < 2 * BLOCK; i++)
		ims_vector(test, store, i);
	KUNIT_EXPECT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ALLOC), 2);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 2);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2 * BLOCK);
	/* From the middle: the rest of the block, then its beginning */
	ims_vector(test, store, 5 * BLOCK + 7);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 6 * BLOCK - 1)->allocated);
	KUNIT_EXPECT_FALSE(test, ims_fake(&e, 6 * BLOCK)->allocated);
	KUNIT_EXPECT_FALSE(test, ims_fake(&e, 5 * BLOCK + 6)->allocated);
	ims_vector(test, store, 5 * BLOCK);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 3 * BLOCK);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 4);
	KUNIT_EXPECT_EQ(test, virtio_irq_reserve(store, FAKE_IMS_VECTORS, 0, 64), -ERANGE);
}

/* Where a block is too much, the vector and what else there is */
static void reserved_under_a_quota(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);

	e.host->quota = 10;
	ims_vector(test, store, 3);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 10);
	e.host->quota = 12;
	ims_vector(test, store, 40);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 40)->allocated);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 12);
	e.host->quota = e.host->allocated;
	KUNIT_EXPECT_EQ(test, virtio_irq_reserve(store, 50, 0, 64), -EDQUOT);
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(store, 50));
}

/* The last idle block is kept, the one before it is given back */
static void one_idle_block_is_kept(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *a = ims_vector(test, store, 0);
	struct virtio_irq_vector *b = ims_vector(test, store, BLOCK);
	unsigned int i;

	virtio_irq_free(a);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 2 * BLOCK);
	virtio_irq_free(b);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, BLOCK);
	KUNIT_EXPECT_FALSE(test, virtio_irq_granted(store, 0));
	KUNIT_EXPECT_TRUE(test, virtio_irq_granted(store, BLOCK));
	/* Again and again, and the host hears nothing of it */
	fake_host_forget_log(e.host);
	for (i = 0; i < 100; i++)
		virtio_irq_free(ims_vector(test, store, BLOCK + 1));
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 0);
	engine_settle(test, &e);
	virtio_irq_store_release(store);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	engine_settle(test, &e);
}

struct meanwhile {
	struct virtio_irq_vector *free;
	unsigned int		done;
};

static void free_hook(struct fake_host *host, const u8 *req)
{
	struct meanwhile *m = host->data;

	if (req[0] != VIRTIO_IRQ_T_ALLOC || m->done)
		return;
	m->done++;
	virtio_irq_free(m->free);
	virtio_irq_flush_timer(&host->vi->timer);
}

/* Another device makes a block idle while the rest of the kept one is asked for */
static void kept_block_grows(struct kunit *test)
{
	struct meanwhile m = { };
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec;

	e.host->quota = 10;
	vec = ims_vector(test, store, 0);
	e.host->quota = UINT_MAX;
	m.free = ims_vector(test, store, BLOCK);
	virtio_irq_free(vec);
	e.host->data = &m;
	e.host->in_notify = free_hook;
	vec = ims_vector(test, store, 10);
	KUNIT_EXPECT_EQ(test, m.done, 1);
	e.host->in_notify = NULL;
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 10)->allocated);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_deactivate(vec);
	virtio_irq_free(vec);
	store_goes(test, &e, store);
}

/* It does not grow, and is kept as before */
static void kept_block_is_refused_more(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec;

	e.host->quota = 10;
	vec = ims_vector(test, store, 0);
	virtio_irq_free(vec);
	KUNIT_EXPECT_EQ(test, virtio_irq_reserve(store, 10, 0, 64), -EDQUOT);
	KUNIT_EXPECT_EQ(test, virtio_irq_reserve(store, BLOCK, 0, 64), -EDQUOT);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 10);
	/* Beside one that is used, too */
	e.host->quota = UINT_MAX;
	vec = ims_vector(test, store, BLOCK);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 10 + BLOCK);
	virtio_irq_free(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, BLOCK);
	store_goes(test, &e, store);
}

/* Used again before anybody has freed its records, in vain; then they go */
static void given_up_block_is_refused(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *first = ims_vector(test, store, 0);
	struct virtio_irq_vector *second = ims_vector(test, store, BLOCK);

	virtio_irq_free(first);
	virtio_irq_free(second);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_EQ(test, e.host->allocated, BLOCK);
	KUNIT_EXPECT_NOT_NULL(test, xa_load(&store->vectors, 0));
	e.host->quota = BLOCK;
	KUNIT_EXPECT_EQ(test, virtio_irq_reserve(store, 0, 0, 64), -EDQUOT);
	KUNIT_EXPECT_NULL(test, xa_load(&store->vectors, 0));
	KUNIT_EXPECT_NOT_NULL(test, xa_load(&store->vectors, BLOCK));
	e.host->quota = UINT_MAX;
	virtio_irq_free(ims_vector(test, store, 0));
	store_goes(test, &e, store);
}

/* A store without a fixed size: what is beyond the model's is granted and freed */
static void open_answer(struct fake_host *host, u16 head, const u8 *req, u32 req_len,
			u8 *rsp, u32 rsp_len)
{
	const struct virtio_irq_req_range *range = (const void *)req;
	struct virtio_irq_rsp_alloc *reply = (void *)rsp;
	size_t len = sizeof(reply->head);

	if ((req[0] != VIRTIO_IRQ_T_ALLOC && req[0] != VIRTIO_IRQ_T_FREE) ||
	    le32_to_cpu(range->first) < FAKE_IMS_VECTORS) {
		fake_used(host, head, fake_model_request(host, req, req_len, rsp));
		return;
	}
	memset(reply, 0, sizeof(*reply));
	if (req[0] == VIRTIO_IRQ_T_ALLOC) {
		reply->granted = range->count;
		len = sizeof(*reply);
	} else if (host->quota != UINT_MAX) {
		host->quota = UINT_MAX;
		reply->head.status = VIRTIO_IRQ_S_DEVERR;
	}
	fake_used(host, head, len);
}

static struct virtio_irq_store *open_start(struct kunit *test, struct engine *e)
{
	struct virtio_irq_store *store;

	e->host = fake_host_new(test, LAZY);
	e->host->ims_store = IMS;
	e->host->ims_open = true;
	e->host->answer = open_answer;
	KUNIT_ASSERT_EQ(test, fake_host_start(e->host), 0);
	e->vi = e->host->vi;
	e->ep = virtio_irq_attach(e->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e->ep);
	store = virtio_irq_find_store(e->ep, IMS);
	KUNIT_ASSERT_NOT_NULL(test, store);
	fake_host_forget_log(e->host);
	return store;
}

/* The last block does not border on the first */
static void last_and_first_block(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = open_start(test, &e);
	struct virtio_irq_vector *first = ims_vector(test, store, 0);
	struct virtio_irq_vector *last = ims_vector(test, store, U32_MAX);
	struct virtio_irq_vector *other = ims_vector(test, store, BLOCK);
	struct virtio_irq_vector *stays = ims_vector(test, store, 2 * BLOCK);

	virtio_irq_free(first);
	virtio_irq_free(last);
	virtio_irq_free(other);
	KUNIT_EXPECT_TRUE(test, store->to_free.valid);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_FALSE(test, ims_fake(&e, 0)->allocated);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 2 * BLOCK)->allocated);
	/* And the other way round */
	first = ims_vector(test, store, 0);
	last = ims_vector(test, store, U32_MAX);
	other = ims_vector(test, store, BLOCK);
	virtio_irq_flush_timer(&e.vi->timer);
	virtio_irq_free(last);
	virtio_irq_free(first);
	virtio_irq_free(other);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 2 * BLOCK)->allocated);
	virtio_irq_free(stays);
	store_goes(test, &e, store);
}

/* What lies between two blocks is nobody's, and costs nothing */
static void far_apart(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = open_start(test, &e);
	struct virtio_irq_vector *near = ims_vector(test, store, 0);
	struct virtio_irq_vector *far = ims_vector(test, store, 1U << 24);
	unsigned int i, freed = 0;

	virtio_irq_free(near);
	virtio_irq_free(far);
	/* The first FREE of @far */
	e.host->quota = 0;
	fake_host_forget_log(e.host);
	virtio_irq_store_release(store);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->quota, UINT_MAX);
	KUNIT_EXPECT_EQ(test, e.host->allocated, 0);
	KUNIT_EXPECT_FALSE(test, store->to_free.valid);
	KUNIT_EXPECT_LE(test, e.host->num_requests, 5);
	for (i = 0; i < min(e.host->num_requests, FAKE_LOG); i++) {
		const struct virtio_irq_req_range *range = (const void *)e.host->log[i].bytes;

		freed += range->head.type == VIRTIO_IRQ_T_FREE &&
			 range->first == cpu_to_le32(1U << 24);
	}
	/* Refused, and again */
	KUNIT_EXPECT_EQ(test, freed, 2);
}

/* A vector that was freed and is kept delivers nothing, also if DEACTIVATE got lost */
static void kept_vector_is_disarmed(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec = ims_vector(test, store, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_DEACTIVATE, 1, 0);
	virtio_irq_deactivate(vec);
	virtio_irq_free(vec);
	virtio_irq_flush_timer(&e.vi->timer);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 0)->armed);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ATTACH, 1, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(e.vi, EP + 8)), -ETIMEDOUT);
	engine_settle(test, &e);
	KUNIT_EXPECT_FALSE(test, ims_fake(&e, 0)->armed);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 0)->allocated);
}

/* A reset of the device brings reservations of every store back */
static void store_survives_a_reset(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec = ims_vector(test, store, 5);

	KUNIT_ASSERT_EQ(test, virtio_irq_set_pasid(vec, 3), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, ims_fake(&e, 5)->armed);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 5)->pasid, 3);
	KUNIT_EXPECT_EQ(test, e.host->allocated, BLOCK - 5);
}

/*
 * Records of blocks that were given back
 */

static unsigned int count_records(struct virtio_irq_store *store)
{
	struct virtio_irq_vector *vec;
	struct virtio_irq_block *block;
	unsigned int count = 0;
	unsigned long index;

	xa_for_each(&store->vectors, index, vec)
		count++;
	xa_for_each(&store->blocks, index, block)
		count += BLOCK;
	/* So many of whole blocks */
	return DIV_ROUND_UP(count, 2 * BLOCK);
}

/* A driver takes ever new slots: the host and the records keep up */
static void records_go_with_their_block(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = open_start(test, &e);
	struct virtio_irq_vector *vec;
	u32 i;

	for (i = 0; i < 100; i++) {
		vec = ims_vector(test, store, i * BLOCK);
		virtio_irq_free(vec);
		KUNIT_EXPECT_LE(test, count_records(store), 3);
	}
	/* As the last device that was bound */
	for (i = 0; i < 100; i++) {
		vec = ims_vector(test, store, i * BLOCK);
		virtio_irq_free(vec);
		virtio_irq_store_release(store);
		KUNIT_EXPECT_LE(test, count_records(store), 3);
	}
	/* Refused ones, too */
	e.host->quota = e.host->allocated;
	for (i = 0; i < FAKE_IMS_VECTORS / BLOCK; i++)
		virtio_irq_reserve(store, i * BLOCK, 0, 64);
	KUNIT_EXPECT_LE(test, count_records(store), 3);
	store_goes(test, &e, store);
}

/* The host may hold what a FREE was refused for: recovery finds it by the records */
static void records_stay_until_free_is_answered(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);

	virtio_irq_free(ims_vector(test, store, 0));
	engine_settle(test, &e);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_FREE, 2, VIRTIO_IRQ_S_DEVERR);
	virtio_irq_store_release(store);
	ims_vector(test, store, BLOCK);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->allocated, BLOCK);
	/* And then they go */
	ims_vector(test, store, 2 * BLOCK);
	KUNIT_EXPECT_EQ(test, count_records(store), 2);
}

/* While recovery goes through them, and while a request that names one is unanswered */
static void records_stay_while_they_are_used(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec = ims_vector(test, store, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_DEACTIVATE, 1, 0);
	virtio_irq_deactivate(vec);
	virtio_irq_free(vec);
	virtio_irq_store_release(store);
	/* FREE is answered, DEACTIVATE is not; KASAN watches */
	ims_vector(test, store, BLOCK);
	KUNIT_EXPECT_EQ(test, e.host->num_held, 1);
	KUNIT_EXPECT_FALSE(test, store->to_free.valid);
	KUNIT_EXPECT_EQ(test, count_records(store), 2);
	fake_host_speak(e.host);
	virtio_irq_flush_timer(&e.vi->timer);

	engine_settle(test, &e);
	engine_hold(&e);
	ims_vector(test, store, 2 * BLOCK);
	KUNIT_EXPECT_EQ(test, count_records(store), 3);
	engine_let(&e);
	ims_vector(test, store, 3 * BLOCK);
	KUNIT_EXPECT_EQ(test, count_records(store), 3);
}

/* A slot that was given up does not lead to a record that is freed; KASAN watches */
static void records_go_before_a_late_answer(struct kunit *test)
{
	struct engine e = { .host = fake_host_new(test, LAZY) };
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;

	e.host->ims_store = IMS;
	KUNIT_ASSERT_EQ(test, fake_host_start(e.host), 0);
	e.vi = e.host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	store = virtio_irq_find_store(e.ep, IMS);
	KUNIT_ASSERT_NOT_NULL(test, store);
	vec = ims_vector(test, store, 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -ETIMEDOUT);
	virtio_irq_free(vec);
	virtio_irq_store_release(store);
	engine_settle(test, &e);
	ims_vector(test, store, BLOCK);
	KUNIT_EXPECT_EQ(test, count_records(store), 1);
	virtio_irq_detach(e.ep);
	KUNIT_EXPECT_TRUE(test, list_empty(&e.vi->endpoints));
}

/*
 * PASIDs
 */

static void pasid_on_the_wire(struct kunit *test)
{
	static const u8 want[32] = {
		VIRTIO_IRQ_T_ACTIVATE, 0, 0, 0, EP, 0, 0, 0, IMS, 0,
		VIRTIO_IRQ_ACTIVATE_F_PASID_VALID, 0, 9, 0, 0, 0,
		0x00, 0x10, 0xe0, 0xfe, 0, 0, 0, 0, 0x31, 0, 0, 0, 0xab, 0, 0, 0,
	};
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, VIRTIO_IRQ_STORE_F_PASID);
	struct virtio_irq_vector *vec = ims_vector(test, store, 9);

	/* The store needs one */
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, VIRTIO_IRQ_NO_PASID), -EINVAL);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 0x100), -ERANGE);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 0xab), 0);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, e.host->log[0].len, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, e.host->log[0].bytes, want, sizeof(want));
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 9)->pasid, 0xab);
}

static void pasid_of_a_live_vector(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec = ims_vector(test, store, 0);
	struct virtio_irq_msg before, after;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, VIRTIO_IRQ_NO_PASID);
	virtio_irq_compose(vec, &before);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 1), 0);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, 1);
	/* The same again is free, and so is its route */
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 1), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_a), 0);
	KUNIT_EXPECT_EQ(test, e.host->num_requests, 1);
	virtio_irq_compose(vec, &after);
	KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(before));
	/* A move keeps it, and none is possible again */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, VIRTIO_IRQ_NO_PASID), 0);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, VIRTIO_IRQ_NO_PASID);
	/* The next owner starts without one */
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 2), 0);
	virtio_irq_deactivate(vec);
	virtio_irq_free(vec);
	vec = ims_vector(test, store, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, VIRTIO_IRQ_NO_PASID);
}

static void pasid_refused(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec = ims_vector(test, store, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_set_pasid(vec, 1), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ACTIVATE, 1, VIRTIO_IRQ_S_PERM);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 2), -EPERM);
	KUNIT_EXPECT_FALSE(test, vec->dirty);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, 1);
}

/* Without an answer the former one is put in force again */
static void pasid_unanswered(struct kunit *test)
{
	struct engine e;
	struct virtio_irq_store *store = ims_start(test, &e, 0);
	struct virtio_irq_vector *vec = ims_vector(test, store, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_set_pasid(vec, 1), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_SILENT, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 2), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, 2);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, ims_fake(&e, 0)->pasid, 1);
}

static void pasid_without_the_feature(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, virtio_irq_set_pasid(vec, VIRTIO_IRQ_NO_PASID), 0);
}

static struct kunit_case store_cases[] = {
	KUNIT_CASE(tlv_none),
	KUNIT_CASE(tlv_no_window),
	KUNIT_CASE(tlv_two_windows),
	KUNIT_CASE(tlv_short_window),
	KUNIT_CASE(tlv_short_store),
	KUNIT_CASE(tlv_longer_than_the_list),
	KUNIT_CASE(tlv_cut_off_by_the_end),
	KUNIT_CASE(tlv_same_store_twice),
	KUNIT_CASE(tlv_block_of_64),
	KUNIT_CASE(tlv_pasid_of_21_bits),
	KUNIT_CASE(tlv_two_pasids),
	KUNIT_CASE(tlv_unknown_and_longer),
	KUNIT_CASE(tlv_after_the_end),
	KUNIT_CASE(store_is_listed),
	KUNIT_CASE(reserved_in_blocks),
	KUNIT_CASE(reserved_under_a_quota),
	KUNIT_CASE(one_idle_block_is_kept),
	KUNIT_CASE(kept_block_grows),
	KUNIT_CASE(kept_block_is_refused_more),
	KUNIT_CASE(given_up_block_is_refused),
	KUNIT_CASE(last_and_first_block),
	KUNIT_CASE(far_apart),
	KUNIT_CASE(kept_vector_is_disarmed),
	KUNIT_CASE(store_survives_a_reset),
	KUNIT_CASE(records_go_with_their_block),
	KUNIT_CASE(records_stay_until_free_is_answered),
	KUNIT_CASE(records_stay_while_they_are_used),
	KUNIT_CASE(records_go_before_a_late_answer),
	KUNIT_CASE(pasid_on_the_wire),
	KUNIT_CASE(pasid_of_a_live_vector),
	KUNIT_CASE(pasid_refused),
	KUNIT_CASE(pasid_unanswered),
	KUNIT_CASE(pasid_without_the_feature),
	{ }
};

static struct kunit_suite store_suite = {
	.name		= "virtio-irq-store",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= store_cases,
};

kunit_test_suite(store_suite);
