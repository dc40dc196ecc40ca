// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the device core: bytes become requests, messages, changes of
 * limits, migrations, under a VMM that may have pairs of its own. A model says
 * what each must do; the core must do exactly that.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <string.h>

#include "fuzz_model.h"
#include "virtio_irq_inject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The VMM */

static uint8_t op_attach(void *opaque, struct virtio_irq_ep *ep, uint32_t endpoint,
			 struct virtio_irq_ep_info *info)
{
	int i = ep_index(endpoint);

	(void)opaque;
	if (i < 0)
		return endpoint == ABSENT ? VIRTIO_IRQ_S_PERM : VIRTIO_IRQ_S_NOENT;
	*info = vmm_info((unsigned int)i);
	info->priv = &m.ep[i];
	if (!m.shadow)
		m.ep[i].ep = ep;
	return VIRTIO_IRQ_S_OK;
}

static void op_detach(void *opaque, struct virtio_irq_ep *ep, void *priv)
{
	struct mep *mep = priv;

	(void)opaque;
	if (!m.shadow) {
		CHECK(mep->ep == ep);
		mep->ep = NULL;
	}
}

static uint8_t op_check_route(void *opaque, void *priv, const struct virtio_irq_msg *route)
{
	(void)opaque;
	(void)priv;
	CHECK(route->address % 4 == 0);
	return route->address == BAD_ROUTE ? VIRTIO_IRQ_S_RANGE : VIRTIO_IRQ_S_OK;
}

static void op_deliver(void *opaque, void *priv, const struct virtio_irq_msg *route)
{
	(void)opaque;
	m.deliveries++;
	m.last = *route;
	m.last_ep = priv;
}

static void check_name(const struct mep *mep, uint16_t store, uint32_t index)
{
	struct virtio_irq_ep_info info = vmm_info((unsigned int)(mep - m.ep));
	const struct virtio_irq_store_info *s = find_store(&info, store);

	CHECK(s && (!s->size || index < s->size));
}

static uint8_t op_commit(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	(void)opaque;
	check_name(priv, store, index);
	if (m.shadow)
		return VIRTIO_IRQ_S_OK;
	if (m.commit_status && m.taken >= m.commit_limit)
		return m.commit_status;
	m.taken++;
	return VIRTIO_IRQ_S_OK;
}

static void op_release(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	(void)opaque;
	check_name(priv, store, index);
	if (m.shadow)
		return;
	CHECK(m.taken > 0);
	m.taken--;
}

static struct virtio_irq_msg own_pair(const struct mep *mep, const struct mvec *v)
{
	return (struct virtio_irq_msg) {
		.address = pair_address(mep),
		.data = v->data,
	};
}

/* What the vector's store holds, as far as the guest knows */
static struct virtio_irq_msg pair_of(struct mep *mep, const struct mvec *v)
{
	struct virtio_irq_msg pair = own_pair(mep, v);

	CHECK(!v->host || host_pair(mep, v->store, v->index, &pair));
	return pair;
}

/* Does a pair lead where the vector does, or nowhere? */
static void check_pair(const struct mep *mep, const struct mvec *v, struct virtio_irq_msg pair,
		       bool armed)
{
	struct virtio_irq_msg route;

	CHECK(virtio_irq_core_resolve(m.core, mep->ep, pair.address, pair.data, v->has_pasid,
				      v->pasid, &route) ==
	      (armed ? VIRTIO_IRQ_DELIVERED : VIRTIO_IRQ_BLOCKED_FREED));
	CHECK(!armed || (route.address == v->route.address && route.data == v->route.data));
}

/* The model has carried the request out already */
static void op_route_changed(void *opaque, void *priv, uint16_t store, uint32_t index)
{
	struct mep *mep = priv;
	struct mvec *v;

	(void)opaque;
	check_name(priv, store, index);
	if (m.shadow)
		return;
	m.told_changes++;
	/* Until the new core is there, what the model has is not true of it */
	if (m.moving)
		return;
	v = find_vec(mep, store, index);
	if (!v || v->learn)
		return;
	check_pair(mep, v, own_pair(mep, v), v->armed && !v->host);
	/* The core has no messages of the VMM's pairs, and gives their addresses nobody else's */
	if (v->host)
		check_pair(mep, v, pair_of(mep, v), false);
	if (mep->host_start <= mep->host_end)
		check_pair(mep, v, (struct virtio_irq_msg) { mep->host_start, v->data }, false);
}

static bool op_pair(void *opaque, void *priv, uint16_t store, uint32_t index,
		    struct virtio_irq_msg *pair)
{
	(void)opaque;
	check_name(priv, store, index);
	return host_pair(priv, store, index, pair);
}

static void op_event(void *opaque)
{
	(void)opaque;
	CHECK(m.events);
}

/* Those of this run */
static struct virtio_irq_ops ops = {
	.attach = op_attach,
	.detach = op_detach,
	.check_route = op_check_route,
	.deliver = op_deliver,
	.commit = op_commit,
	.release = op_release,
	.route_changed = op_route_changed,
	.event = op_event,
};

static const struct virtio_irq_core_config config = {
	.max_vectors = MAX_VECTORS,
	.max_endpoints = MAX_ENDPOINTS,
	.max_count = MAX_COUNT,
	.tlv_size = TLV_SIZE,
	.seed = 42,
};

struct virtio_irq_core *new_core(uint64_t seed)
{
	struct virtio_irq_core_config c = config;
	struct virtio_irq_core *core;

	c.seed = seed;
	c.ims = m.ims;
	ops.pair = m.host ? op_pair : NULL;
	core = virtio_irq_core_new(&c, &ops, NULL);
	CHECK(core);
	virtio_irq_core_set_features(core, UINT64_C(1) << VIRTIO_IRQ_F_ISOLATED |
				     (uint64_t)m.pasid << VIRTIO_IRQ_F_PASID |
				     (uint64_t)m.events << VIRTIO_IRQ_F_EVENTQ);
	return core;
}

static void put(uint8_t *p, uint64_t value, unsigned int n)
{
	while (n--) {
		*p++ = (uint8_t)value;
		value >>= 8;
	}
}

/* The model against the core */

static void check_new_data(struct mep *mep, const struct mvec *v)
{
	uint32_t size = 1u << v->order;

	CHECK(v->data16 == (v->data <= 0xffff));
	CHECK((v->data >> 8 & 7) == 3);
	for (unsigned int i = 0; i < RECENT; i++)
		CHECK(mep->recent[i] != v->data);
	mep->recent[mep->next_recent++ % RECENT] = v->data;
	check_not_past(mep, v);
	if (v->contiguous) {
		CHECK(v->data % size == v->index - v->block_first);
		CHECK(v->data - find_vec(mep, v->store, v->block_first)->data ==
		      v->index - v->block_first);
	}
	/* Nobody else's block, nor in its tail */
	for (uint32_t i = 0; i < MAX_VECTORS; i++) {
		const struct mvec *w = &mep->vec[i];

		if (!w->allocated || w == v)
			continue;
		CHECK(w->data != v->data);
		if (!same_block(v, w)) {
			CHECK(v->data >> w->order != w->data >> w->order);
			CHECK(v->data >> v->order != w->data >> v->order);
		}
	}
}

static bool compare(void *arg, const struct virtio_irq_vector_info *info)
{
	int e = ep_index(info->endpoint);
	struct virtio_irq_msg pair;
	uint32_t *num = arg;
	struct mvec *v;

	++*num;
	CHECK(e >= 0);
	v = find_vec(&m.ep[e], info->store, info->index);
	CHECK(v);
	if (v->fresh)
		v->data = info->pair.data;
	learn_data(&m.ep[e], v, info->pair.data);
	pair = pair_of(&m.ep[e], v);
	CHECK(info->armed == v->armed);
	CHECK(info->committed == (v->armed || v->committed));
	CHECK(info->contiguous == v->contiguous);
	CHECK(info->pair.address == pair.address && info->pair.data == pair.data);
	CHECK(info->route.address == v->route.address && info->route.data == v->route.data);
	CHECK(info->has_pasid == v->has_pasid && info->pasid == v->pasid);
	CHECK(info->delivered == v->delivered && info->routed == v->routed);
	CHECK(info->revoked == v->reason);
	CHECK(info->stale == (v->stale && !v->given_back && !v->reason));
	return true;
}

static bool compare_endpoint(void *arg, const struct virtio_irq_endpoint_info *info)
{
	int e = ep_index(info->endpoint);
	uint32_t *num = arg;

	++*num;
	CHECK(e >= 0 && m.ep[e].attached);
	CHECK(info->allocated == count_vectors(&m.ep[e], false, false));
	CHECK(info->refused == m.ep[e].refused && info->limited == m.ep[e].limited);
	return true;
}

void check_all(void)
{
	struct virtio_irq_stats s;
	uint32_t num = 0, num_eps = 0;

	virtio_irq_core_walk_vectors(m.core, compare, &num);
	virtio_irq_core_walk_endpoints(m.core, compare_endpoint, &num_eps);
	virtio_irq_core_get_stats(m.core, &s);
	CHECK(num == count_vectors(NULL, false, false));
	CHECK(s.allocated == num);
	CHECK(s.committed == count_charged());
	CHECK(s.committed == m.taken);
	CHECK(s.armed == count_vectors(NULL, false, true));
	CHECK(s.endpoints == count_endpoints() && s.endpoints == num_eps);
	CHECK(!memcmp(s.limited, m.limited, sizeof(s.limited)));
	CHECK(m.told_changes == m.changes);
	check_events(&s);
	for (unsigned int e = 0; e < NUM_EPS; e++) {
		CHECK(m.ep[e].attached == !!m.ep[e].ep);
		learn_freed(&m.ep[e]);
		for (uint32_t i = 0; i < MAX_VECTORS; i++) {
			if (m.ep[e].vec[i].fresh)
				check_new_data(&m.ep[e], &m.ep[e].vec[i]);
			m.ep[e].vec[i].fresh = false;
		}
	}
}

static void check_tlvs(const uint8_t *p, const struct virtio_irq_ep_info *info)
{
	uint8_t want[TLV_SIZE] = { 0 }, *w = want;

	if (info->window_start <= info->window_end) {
		put(w, 20 << 16 | VIRTIO_IRQ_TLV_T_WINDOW, 8);
		put(w + 8, info->window_start, 8);
		put(w + 16, info->window_end, 8);
		w += 24;
	}
	for (unsigned int i = 0; i < info->num_stores; i++, w += 16) {
		put(w, 12 << 16 | VIRTIO_IRQ_TLV_T_STORE, 4);
		put(w + 4, info->stores[i].store, 2);
		w[6] = info->stores[i].multi_msi;
		w[7] = info->stores[i].flags;
		put(w + 8, info->stores[i].size, 4);
	}
	if (info->pasid_width) {
		put(w, 4 << 16 | VIRTIO_IRQ_TLV_T_PASID, 4);
		w[4] = info->pasid_width;
	}
	CHECK(!memcmp(p, want, sizeof(want)));
}

static void check_body(const uint8_t *req, const uint8_t *rsp, const struct prediction *p)
{
	int e = ep_index(le(req + 4, 4));

	if (req[0] == VIRTIO_IRQ_T_ALLOC) {
		CHECK(le(rsp + 8, 4) == p->granted && rsp[12] == p->reason);
		CHECK(all_zero(rsp, 13, 16));
	} else if (req[0] == VIRTIO_IRQ_T_ACTIVATE) {
		CHECK(((uint64_t)le(rsp + 12, 4) << 32 | le(rsp + 8, 4)) == p->pair.address);
		CHECK(le(rsp + 16, 4) == p->pair.data && all_zero(rsp, 20, 24));
	} else if (req[0] == VIRTIO_IRQ_T_ATTACH) {
		struct virtio_irq_ep_info info = told_info((unsigned int)e);

		CHECK(le(rsp + 8, 4) == info.isolated && all_zero(rsp, 12, 16));
		check_tlvs(rsp + 16, &info);
	}
}

static void do_request(const uint8_t *bytes, size_t req_size, size_t rsp_size)
{
	uint8_t type = req_size ? bytes[0] : 0;
	uint8_t *req = malloc(req_size + 1), *rsp = malloc(rsp_size + 1);
	struct prediction p;
	size_t used, want;
	uint8_t expected;

	CHECK(req && rsp);
	memcpy(req, bytes, req_size);
	memset(&p, 0, sizeof(p));
	memset(rsp, 0xa5, rsp_size + 1);

	expected = model_request(req, req_size, rsp_size, &p);
	want = expected == VIRTIO_IRQ_S_OK ? rsp_sizes[type] : 8;
	if (rsp_size < 8)
		want = 0;

	used = virtio_irq_core_request(m.core, req, req_size, rsp, rsp_size);
	CHECK(used == want);
	CHECK(rsp[rsp_size] == 0xa5);
	if (used) {
		CHECK(rsp[0] == expected);
		CHECK(all_zero(rsp, 1, 8));
	}
	if (used > 8)
		check_body(req, rsp, &p);
	check_all();
	free(req);
	free(rsp);
}

/* Steps */

/* Mostly one that exists */
static uint32_t pick_ep(struct input *in)
{
	uint8_t b = byte(in);

	if (b < 0xf0)
		return ep_ids[b % 7 < 5 ? 0 : b % 7 - 4];
	return b == 0xf0 ? ABSENT : word(in);
}

static uint32_t pick_index(struct input *in)
{
	uint8_t b = byte(in);

	if (b < 0xf8)
		return b % (STORE_SIZE + 4);
	return b < 0xfc ? UINT32_MAX - (b & 3) : word(in);
}

static uint16_t pick_store(struct input *in)
{
	static const uint16_t stores[] = { 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0xffff, 0xffff,
					   NO_STORE };

	return stores[byte(in) % 16];
}

/* One that there is, if there is any at all */
static const struct mvec *pick_vec(struct input *in, const struct mep *mep)
{
	unsigned int at = byte(in);

	for (unsigned int i = 0; i < MAX_VECTORS; i++)
		if (mep->vec[(at + i) % MAX_VECTORS].allocated)
			return &mep->vec[(at + i) % MAX_VECTORS];
	return NULL;
}

/* Which vectors a request is about: any, or every other time from one on that there is */
static void put_vectors(struct input *in, uint8_t *req)
{
	int e = ep_index(le(req + 4, 4));
	const struct mvec *v = NULL;

	if (e >= 0 && req[0] != VIRTIO_IRQ_T_ALLOC && byte(in) & 1)
		v = pick_vec(in, &m.ep[e]);
	put(req + 8, v ? v->store : pick_store(in), 2);
	put(req + 12, v ? v->index : pick_index(in), 4);
}

static uint64_t pick_route(struct input *in)
{
	uint8_t b = byte(in);

	if (b < 0xf0)
		return UINT64_C(0xfee00000) + ((uint64_t)b << 12);
	if (b < 0xf8)
		return BAD_ROUTE;
	return (uint64_t)word(in) << 32 | word(in);
}

static uint32_t pick_pasid(struct input *in)
{
	uint8_t b = byte(in);

	return b < 0xf0 ? b % 18 : b < 0xf8 ? 0xfffffu - (b & 1) : word(in);
}

/* A well-formed request, with now and then one byte of it spoilt */
static void step_request(struct input *in)
{
	static const uint8_t widths[] = { 64, 64, 32, 40, 33, 31, 63, 1 };
	/* What takes more often than what gives back, else there is never much to look at */
	static const uint8_t types[] = {
		VIRTIO_IRQ_T_ATTACH, VIRTIO_IRQ_T_ATTACH, VIRTIO_IRQ_T_ATTACH,
		VIRTIO_IRQ_T_DETACH,
		VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_ALLOC,
		VIRTIO_IRQ_T_COMMIT, VIRTIO_IRQ_T_COMMIT,
		VIRTIO_IRQ_T_RELEASE,
		VIRTIO_IRQ_T_ACTIVATE, VIRTIO_IRQ_T_ACTIVATE, VIRTIO_IRQ_T_ACTIVATE,
		VIRTIO_IRQ_T_ACTIVATE,
		VIRTIO_IRQ_T_DEACTIVATE,
		VIRTIO_IRQ_T_FREE,
	};
	uint8_t type = types[byte(in) % 16];
	uint8_t req[32] = { type };
	size_t rsp_size = rsp_sizes[type];
	size_t req_size = req_sizes[type];
	uint8_t spoil;

	put(req + 4, pick_ep(in), 4);
	if (type > VIRTIO_IRQ_T_DETACH)
		put_vectors(in, req);
	if (type == VIRTIO_IRQ_T_ALLOC) {
		uint8_t b = byte(in);

		put(req + 10, b & 7, 2);
		req[20] = widths[b >> 3 & 7];
	}
	if (type >= VIRTIO_IRQ_T_ALLOC && req_size == 24)
		put(req + 16, byte(in) % (MAX_COUNT + 2), 4);
	if (type == VIRTIO_IRQ_T_ACTIVATE) {
		put(req + 16, pick_route(in), 8);
		put(req + 24, byte(in), 4);
		req[10] = byte(in) & 1;
		if (req[10])
			put(req + 28, pick_pasid(in), 4);
	}
	spoil = byte(in);
	if (spoil >= 0xf0) {
		req[byte(in) % sizeof(req)] ^= byte(in);
	} else if (spoil >= 0xe8) {
		req_size = byte(in) % (sizeof(req) + 1);
		rsp_size = byte(in) % 128;
	}
	do_request(req, req_size, rsp_size);
}

static void step_raw(struct input *in)
{
	uint8_t req[64];
	size_t req_size = byte(in) % sizeof(req), rsp_size = byte(in);

	for (size_t i = 0; i < req_size; i++)
		req[i] = byte(in);
	do_request(req, req_size, rsp_size);
}

static bool is_old(const struct mep *mep, uint64_t address)
{
	for (unsigned int i = 0; i <= MAX_VECTORS; i++)
		if (address && mep->old[i] == address)
			return true;
	return false;
}

static void step_message(struct input *in)
{
	struct mep *mep = &m.ep[byte(in) % NUM_EPS];
	const struct virtio_irq_ep_info ep_info = vmm_info((unsigned int)(mep - m.ep));
	const struct virtio_irq_ep_info *info = &ep_info;
	enum virtio_irq_verdict want, got;
	uint64_t address = info->pair_address;
	const struct mvec *known = NULL;
	unsigned int before = m.deliveries;
	const struct mvec *sent, *other;
	struct mvec *hit = NULL;
	struct virtio_irq_msg route;
	uint8_t how = byte(in);
	bool has_pasid = how & 1;
	uint32_t data, pasid;

	if (!mep->attached)
		return;
	if (how & 2)
		address = info->window_start + 4 * (uint64_t)byte(in);
	sent = pick_vec(in, mep);
	data = !sent || how & 4 ? word(in) : sent->data + (how >> 3 & 3);
	/* Of a pair, with the data of that or of another one */
	other = pick_vec(in, mep);
	if (other && how & 0x40)
		address = pair_of(mep, other).address;
	if (other && how & 0x80)
		data = pair_of(mep, other).data;
	/* What the driver knows, or knew */
	if (sent && (how & 0x14) == 0x10)
		data = sent->told_data ? sent->told_data : sent->other;
	if (mep->old[0] && (how & 0x42) == 2)
		address = mep->old[how % 3];

	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *v = &mep->vec[i];

		if (v->allocated && address == info->pair_address && model_knows(v, data))
			known = v;
		if (v->armed && !v->host &&
		    (v->data == data || (v->other_valid && v->other == data)))
			hit = v;
	}
	pasid = pick_pasid(in);
	if (hit && how & 0x20) {
		has_pasid = hit->has_pasid;
		pasid = hit->pasid;
	}
	if (info->window_start > info->window_end ||
	    (address != info->pair_address &&
	     (address < mep->host_start || address > mep->host_end) && !is_old(mep, address)))
		want = info->isolated ? VIRTIO_IRQ_BLOCKED_UNKNOWN : VIRTIO_IRQ_PASS;
	else if (!hit || address != info->pair_address)
		want = VIRTIO_IRQ_BLOCKED_FREED;
	else if (has_pasid != hit->has_pasid || (has_pasid && pasid != hit->pasid))
		want = VIRTIO_IRQ_BLOCKED_PASID;
	else
		want = VIRTIO_IRQ_DELIVERED;

	got = virtio_irq_core_resolve(m.core, mep->ep, address, data, has_pasid, pasid, &route);
	CHECK(got == want && m.deliveries == before);
	CHECK(!hit || want != VIRTIO_IRQ_DELIVERED ||
	      (route.address == hit->route.address && route.data == hit->route.data));
	got = virtio_irq_core_message(m.core, mep->ep, address, data, has_pasid, pasid);
	CHECK(got == want);
	CHECK(m.deliveries == before + (want == VIRTIO_IRQ_DELIVERED));
	if (want == VIRTIO_IRQ_DELIVERED) {
		hit->delivered++;
		CHECK(m.last_ep == mep);
		CHECK(m.last.address == hit->route.address && m.last.data == hit->route.data);
		if (data == hit->data && !hit->stale)
			hit->other_valid = false;
	} else if (want != VIRTIO_IRQ_PASS) {
		model_blocked(mep, want, known, address, data, has_pasid, pasid);
	}
	check_all();
}

/* A write that is no message */
static void step_bad_write(struct input *in)
{
	struct mep *mep = &m.ep[byte(in) % NUM_EPS];
	enum virtio_irq_verdict want = VIRTIO_IRQ_PASS;
	uint64_t address = word(in);

	if (!mep->attached)
		return;
	if (profiles[mep - m.ep].isolated) {
		want = VIRTIO_IRQ_BLOCKED_SIZE;
		model_blocked(mep, want, NULL, address, 0, false, 0);
	}
	CHECK(virtio_irq_core_bad_write(m.core, mep->ep, address) == want);
	check_all();
}

static uint32_t pick_limit(struct input *in)
{
	uint8_t b = byte(in);

	return b & 0x80 ? UINT32_MAX : b;
}

static void step_limits(struct input *in)
{
	static const uint8_t statuses[] = { 0, 0, VIRTIO_IRQ_S_NOMEM, VIRTIO_IRQ_S_PERM };

	m.quotas.vectors = pick_limit(in);
	m.quotas.endpoint_vectors = pick_limit(in);
	m.quotas.committed = pick_limit(in);
	m.quotas.pool = pick_limit(in);
	virtio_irq_core_set_quotas(m.core, &m.quotas);
	m.commit_status = statuses[byte(in) % 4];
	m.commit_limit = byte(in);
	check_all();
}

static void step_reset(void)
{
	for (unsigned int i = 0; i < NUM_EPS; i++)
		model_detach(&m.ep[i]);
	virtio_irq_core_reset(m.core);
	m.buffers = 0;
	m.overflow = false;
	check_all();
}

static void step_gone(struct input *in)
{
	uint32_t id = pick_ep(in);
	int e = ep_index(id);

	if (e >= 0)
		model_detach(&m.ep[e]);
	virtio_irq_core_endpoint_gone(m.core, id);
	check_all();
}

/* Rules that are taken print as rules that are taken, and mean the same */
static void step_rules(struct input *in)
{
	struct virtio_irq_ruleset set = { .num = 0 }, again = { .num = 0 };
	char text[64], printed[512];
	const char *msg = NULL;
	size_t n = byte(in) % sizeof(text);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)byte(in);
	text[n] = '\0';
	if (virtio_irq_ruleset_parse(&set, text, virtio_irq_parse_status, &msg)) {
		CHECK(msg && !set.num);
		return;
	}
	n = (size_t)virtio_irq_ruleset_print(&set, virtio_irq_print_status, printed,
					     sizeof(printed));
	CHECK(n < sizeof(printed) && n == strlen(printed));
	CHECK(!virtio_irq_ruleset_parse(&again, printed, virtio_irq_parse_status, &msg));
	CHECK(set.num == again.num);
	for (unsigned int i = 0; i < set.num; i++)
		CHECK(set.rule[i].type == again.rule[i].type &&
		      set.rule[i].nth == again.rule[i].nth &&
		      set.rule[i].times == again.rule[i].times &&
		      set.rule[i].arg == again.rule[i].arg);
}

/* A reply under rules has a length that can be, and stays in its room */
static void step_inject(struct input *in)
{
	struct virtio_irq_inject inj = { .refused = 0 };
	struct virtio_irq_ruleset *sets[] = { &inj.refuse, &inj.malform, &inj.delay };
	uint8_t req[32], *rsp;
	size_t rsp_size, used;
	uint32_t delay_us;

	for (unsigned int i = 0; i < 3; i++) {
		sets[i]->num = byte(in) % 3;
		for (unsigned int j = 0; j < sets[i]->num; j++)
			sets[i]->rule[j] = (struct virtio_irq_rule) {
				.type = byte(in) % 9,
				.nth = 1 + byte(in) % 2,
				.times = byte(in) % 3,
				.arg = 1 + byte(in) % 9,
			};
	}
	for (size_t i = 0; i < sizeof(req); i++)
		req[i] = byte(in);
	/* One that changes nothing, so that the model need not know of it */
	put(req + 8, NO_STORE, 2);
	rsp_size = byte(in);
	rsp = malloc(rsp_size + 1);
	CHECK(rsp);
	used = virtio_irq_inject_request(&inj, m.core, req, req_sizes[req[0] % 9], rsp, rsp_size,
					 &delay_us);
	CHECK(used <= rsp_size + 1 && delay_us <= 9);
	CHECK(inj.refused <= 1 && inj.malformed <= 1 && inj.delayed == !!delay_us);
	free(rsp);
	check_all();
}

static void step(struct input *in)
{
	uint8_t b = byte(in);

	if (b < 130)
		step_request(in);
	else if (b < 144)
		step_command(in);
	else if (b < 158)
		step_buffers(in);
	else if (b < 160)
		step_eventq_reset();
	else if (b < 162)
		step_bad_write(in);
	else if (b < 216)
		step_message(in);
	else if (b < 228)
		step_limits(in);
	else if (b < 234)
		step_raw(in);
	else if (b < 238)
		step_migrate(in);
	else if (b < 243)
		step_bad_image(in);
	else if (b < 246)
		step_rules(in);
	else if (b < 250)
		step_inject(in);
	else if (b < 254)
		step_gone(in);
	else
		step_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data, .left = size };

	uint8_t device = byte(&in);

	memset(&m, 0, sizeof(m));
	/* Mostly one with all that there is */
	m.ims = device % 8 != 1;
	m.pasid = device % 8 != 2;
	m.host = device & 8;
	m.events = device & 0x30;
	m.quotas = (struct virtio_irq_quotas) {
		.vectors = UINT32_MAX,
		.endpoint_vectors = UINT32_MAX,
		.committed = UINT32_MAX,
		.pool = UINT32_MAX,
	};
	m.core = new_core(config.seed);
	for (unsigned int i = 0; i < MAX_STEPS && in.left; i++)
		step(&in);

	step_reset();
	CHECK(m.taken == 0);
	virtio_irq_core_free(m.core);
	return 0;
}
