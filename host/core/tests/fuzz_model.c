// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Model of a conforming device.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <string.h>

#include "fuzz_model.h"

struct model m;

const struct virtio_irq_ep_info profiles[NUM_EPS] = {
	{
		/* Not every width that has room for the pair address has it for all others */
		.window_start = 0xfee00000, .window_end = 0x1feefffff, .pair_address = 0xfee00010,
		.num_stores = 3, .stores = {
			{ .size = STORE_SIZE, .multi_msi = 5 },
			{ .store = 1, .size = 8, .multi_msi = 1 },
			{ .store = 2 },
		},
		.pasid_width = 4,
	}, {
		.isolated = true,
		.window_start = 0x100000000, .window_end = 0x1000fffff,
		.pair_address = 0x100000000, .num_stores = 2, .stores = { {
			.size = 8, .multi_msi = 2, .flags = VIRTIO_IRQ_STORE_F_COMMIT,
		}, {
			.store = 0xffff, .size = 4, .flags = VIRTIO_IRQ_STORE_F_PASID,
		} },
		.pasid_width = 20,
	}, {
		/* No window, no store */
		.window_start = 1, .window_end = 0,
	}, {
		.window_start = 0, .window_end = UINT64_MAX, .pair_address = UINT64_MAX - 3,
		.num_stores = 1, .stores = { { .size = 1 } },
	},
};

const uint32_t ep_ids[NUM_EPS] = { 0x18, 0x10203, 0, UINT32_MAX };

const size_t req_sizes[VIRTIO_IRQ_T_FREE + 1] = { 0, 16, 16, 24, 24, 24, 32, 16, 24 };
const size_t rsp_sizes[VIRTIO_IRQ_T_FREE + 1] = { 0, 16 + TLV_SIZE, 8, 16, 8, 8, 24, 8, 8 };

int ep_index(uint32_t id)
{
	for (int i = 0; i < NUM_EPS; i++)
		if (ep_ids[i] == id)
			return i;
	return -1;
}

struct virtio_irq_ep_info vmm_info(unsigned int e)
{
	struct virtio_irq_ep_info info = profiles[e];

	if (!m.ims && info.num_stores)
		info.num_stores = 1;
	if (info.window_start <= info.window_end) {
		if (info.pair_address - info.window_start < m.shift + 0x100)
			info.pair_address += m.shift;
		else
			info.pair_address -= m.shift;
	}
	return info;
}

uint64_t pair_address(const struct mep *mep)
{
	return vmm_info((unsigned int)(mep - m.ep)).pair_address;
}

struct virtio_irq_ep_info told_info(unsigned int e)
{
	struct virtio_irq_ep_info info = vmm_info(e);

	if (!m.pasid) {
		info.pasid_width = 0;
		/* It is the last one of its endpoint */
		if (info.num_stores &&
		    info.stores[info.num_stores - 1].flags & VIRTIO_IRQ_STORE_F_PASID)
			info.num_stores--;
	}
	return info;
}

const struct virtio_irq_store_info *find_store(const struct virtio_irq_ep_info *info,
					       uint16_t store)
{
	for (unsigned int i = 0; i < info->num_stores; i++)
		if (info->stores[i].store == store)
			return &info->stores[i];
	return NULL;
}

/* Where to look first, for the fuzzer's speed alone */
static uint32_t first_place(uint16_t store, uint32_t index)
{
	return store * 24u + index;
}

struct mvec *find_any(struct mep *mep, uint16_t store, uint32_t index)
{
	uint32_t at = first_place(store, index);

	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *v = &mep->vec[(at + i) % MAX_VECTORS];

		if (v->allocated && v->store == store && v->index == index)
			return v;
	}
	return NULL;
}

struct mvec *find_vec(struct mep *mep, uint16_t store, uint32_t index)
{
	struct mvec *v = find_any(mep, store, index);

	return v && !v->freed ? v : NULL;
}

/* There is room: the limits of the device have been looked at */
static struct mvec *new_vec(struct mep *mep, const struct mvec *like, uint16_t store,
			    uint32_t index)
{
	uint32_t at = first_place(store, index);

	for (unsigned int i = 0; i < MAX_VECTORS; i++) {
		struct mvec *v = &mep->vec[(at + i) % MAX_VECTORS];

		if (v->allocated)
			continue;
		*v = *like;
		v->store = store;
		v->index = index;
		v->fresh = true;
		return v;
	}
	CHECK(!"room for a vector");
	return NULL;
}

uint32_t count_endpoints(void)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < NUM_EPS; i++)
		n += m.ep[i].attached;
	return n;
}

uint32_t count_vectors(const struct mep *only, bool charged, bool armed)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < NUM_EPS; i++) {
		if (only && only != &m.ep[i])
			continue;
		for (unsigned int j = 0; j < MAX_VECTORS; j++) {
			const struct mvec *v = &m.ep[i].vec[j];

			n += v->allocated && !v->freed && (!charged || v->armed || v->committed) &&
			     (!armed || v->armed);
		}
	}
	return n;
}

static uint8_t limited(struct mep *mep, enum virtio_irq_limit limit, uint8_t status)
{
	m.limited[limit]++;
	if (mep)
		mep->limited++;
	return status;
}

/* A status if a vector that holds nothing cannot have it now, after @more others */
static uint8_t model_charge(struct mep *mep, uint32_t more)
{
	uint32_t have = count_charged() + more;

	if (have >= m.quotas.committed)
		return limited(mep, VIRTIO_IRQ_LIMIT_COMMITTED, VIRTIO_IRQ_S_QUOTA);
	if (have >= m.quotas.pool)
		return limited(mep, VIRTIO_IRQ_LIMIT_POOL, VIRTIO_IRQ_S_NOSPC);
	if (m.commit_status && have >= m.commit_limit)
		return m.commit_status;
	return 0;
}

/* Attached, or loaded */
void new_life(struct mep *mep)
{
	mep->host_start = UINT64_MAX;
	mep->host_end = 0;
	mep->refused = 0;
	mep->limited = 0;
}

void model_detach(struct mep *mep)
{
	m.changes += count_vectors(mep, false, true);
	model_drop_faults(mep);
	mep->attached = false;
	memset(mep->vec, 0, sizeof(mep->vec));
}

/* Requests, from their bytes on */

uint32_t le(const uint8_t *p, unsigned int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

bool all_zero(const uint8_t *p, size_t from, size_t to)
{
	while (from < to)
		if (p[from++])
			return false;
	return true;
}

static uint8_t model_attach(uint32_t id)
{
	int e = ep_index(id);

	if (e >= 0 && m.ep[e].attached) {
		m.ep[e].reread &= m.ep[e].reread_waits;
		return VIRTIO_IRQ_S_OK;
	}
	if (e < 0)
		return id == ABSENT ? VIRTIO_IRQ_S_PERM : VIRTIO_IRQ_S_NOENT;
	if (count_endpoints() == MAX_ENDPOINTS)
		return limited(NULL, VIRTIO_IRQ_LIMIT_MAX_ENDPOINTS, VIRTIO_IRQ_S_NOSPC);
	m.ep[e].attached = true;
	new_life(&m.ep[e]);
	return VIRTIO_IRQ_S_OK;
}

static uint8_t model_room(struct mep *mep, uint32_t more)
{
	uint64_t here = (uint64_t)count_vectors(mep, false, false) + more;
	uint64_t all = (uint64_t)count_vectors(NULL, false, false) + more;
	uint64_t places = more;

	for (unsigned int i = 0; i < NUM_EPS; i++)
		for (unsigned int j = 0; j < MAX_VECTORS; j++)
			places += m.ep[i].vec[j].allocated;
	if (here > m.quotas.endpoint_vectors)
		return limited(mep, VIRTIO_IRQ_LIMIT_ENDPOINT_VECTORS, VIRTIO_IRQ_S_QUOTA);
	if (all > m.quotas.vectors)
		return limited(mep, VIRTIO_IRQ_LIMIT_VECTORS, VIRTIO_IRQ_S_QUOTA);
	if (places > MAX_VECTORS)
		return limited(mep, VIRTIO_IRQ_LIMIT_MAX_VECTORS, VIRTIO_IRQ_S_NOSPC);
	return VIRTIO_IRQ_S_OK;
}

static bool in_store(const struct virtio_irq_store_info *store, uint64_t first, uint32_t count)
{
	return !store->size || first + count <= store->size;
}

static uint8_t model_alloc_block(struct mep *mep, const struct virtio_irq_store_info *store,
				 const struct mvec *like, bool commit, uint32_t first,
				 uint32_t count)
{
	uint32_t present = 0, same = 0, need = 0;
	unsigned int order = 0;
	uint8_t reason = 0;
	uint8_t status;

	while (1u << order < count)
		order++;
	if (order > store->multi_msi || !in_store(store, first, count))
		return VIRTIO_IRQ_S_RANGE;
	for (uint32_t i = 0; i < count; i++) {
		const struct mvec *v = find_any(mep, store->store, first + i);

		present += !!v;
		same += v && !v->freed && v->contiguous && v->block_first == first &&
			v->order == order && v->data16 == like->data16 && v->width == like->width;
		need += commit && (!v || (!v->armed && !v->committed));
		if (v && !reason)
			reason = v->reason;
	}
	if (present && same != count)
		return VIRTIO_IRQ_S_BUSY;
	if (reason)
		return reason;
	if (!present) {
		status = model_room(mep, count);
		if (status)
			return status;
	}
	for (uint32_t i = 0; i < need; i++) {
		status = model_charge(mep, i);
		if (status)
			return status;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct mvec *v = find_vec(mep, store->store, first + i);

		if (!v) {
			v = new_vec(mep, like, store->store, first + i);
			v->order = order;
			v->block_first = first;
		}
		v->committed |= commit;
	}
	return VIRTIO_IRQ_S_OK;
}

static uint8_t model_alloc_prefix(struct mep *mep, const struct virtio_irq_store_info *store,
				  const struct mvec *like, bool commit, uint32_t first,
				  uint32_t count, uint32_t *granted)
{
	for (*granted = 0; *granted < count; ++*granted) {
		uint32_t i = first + *granted;
		uint8_t status = VIRTIO_IRQ_S_OK;
		struct mvec *v;

		if (!in_store(store, i, 1))
			return VIRTIO_IRQ_S_RANGE;
		v = find_any(mep, store->store, i);
		if (v) {
			if (v->contiguous || v->freed || v->data16 != like->data16 ||
			    v->width != like->width)
				return VIRTIO_IRQ_S_BUSY;
			status = v->reason;
		} else {
			status = model_room(mep, 1);
		}
		if (!status && commit && !(v && (v->committed || v->armed)))
			status = model_charge(mep, 0);
		if (status)
			return status;
		if (!v)
			v = new_vec(mep, like, store->store, i);
		v->committed |= commit;
	}
	return VIRTIO_IRQ_S_OK;
}

static uint8_t model_alloc(const uint8_t *req, uint32_t *granted, uint8_t *reason)
{
	uint32_t flags = le(req + 10, 2), first = le(req + 12, 4), count = le(req + 16, 4);
	int e = ep_index(le(req + 4, 4));
	const struct virtio_irq_store_info *store;
	struct virtio_irq_ep_info info;
	bool commit = flags & 1;
	uint8_t status;
	struct mvec like = {
		.allocated = true,
		.contiguous = flags & 2,
		.data16 = flags & 4,
		.width = req[20],
	};

	*granted = 0;
	*reason = 0;
	if (!all_zero(req, 21, 24) || flags > 7)
		return VIRTIO_IRQ_S_INVAL;
	if (le(req + 8, 2) && !m.ims)
		return VIRTIO_IRQ_S_UNSUPP;
	if (!count || count > MAX_COUNT || (uint64_t)first + count > UINT64_C(1) << 32 ||
	    like.width < 2 || like.width > 64)
		return VIRTIO_IRQ_S_RANGE;
	if (e < 0 || !m.ep[e].attached)
		return VIRTIO_IRQ_S_NOENT;
	info = told_info((unsigned int)e);
	store = find_store(&info, (uint16_t)le(req + 8, 2));
	if (!store)
		return VIRTIO_IRQ_S_NOENT;
	if (like.width < 64 && info.pair_address >= UINT64_C(1) << like.width)
		return VIRTIO_IRQ_S_RANGE;
	if (like.contiguous) {
		status = model_alloc_block(&m.ep[e], store, &like, commit, first, count);
		*granted = status ? 0 : count;
		return status;
	}
	status = model_alloc_prefix(&m.ep[e], store, &like, commit, first, count, granted);
	*reason = status;
	return *granted ? VIRTIO_IRQ_S_OK : status;
}

void model_disarm(struct mep *mep, struct mvec *v)
{
	m.changes += v->armed;
	v->armed = false;
	v->has_pasid = false;
	v->pasid = 0;
	v->route = (struct virtio_irq_msg) { .address = 0 };
	model_settle(mep, v);
}

static void model_free(struct mep *mep, uint16_t store, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct mvec *v = find_vec(mep, store, first + i);

		if (!v)
			continue;
		model_disarm(mep, v);
		model_not_stale(v);
		v->freed = true;
		v->committed = false;
		v->reason = 0;
		v->waiting = false;
		v->other_valid = false;
	}
	/* A block goes as a whole */
	for (uint32_t i = 0; i < MAX_VECTORS; i++) {
		struct mvec *v = &mep->vec[i];
		bool lives = false;

		for (uint32_t j = 0; v->contiguous && j < 1u << v->order; j++) {
			const struct mvec *w = find_vec(mep, v->store, v->block_first + j);

			lives |= w && w->contiguous && w->block_first == v->block_first;
		}
		if (v->freed && !lives)
			memset(v, 0, sizeof(*v));
	}
}

static uint8_t model_range(const uint8_t *req)
{
	uint32_t first = le(req + 12, 4), count = le(req + 16, 4), need = 0;
	int e = ep_index(le(req + 4, 4));
	struct mep *mep = e >= 0 && m.ep[e].attached ? &m.ep[e] : NULL;
	uint16_t store = (uint16_t)le(req + 8, 2);
	uint8_t reason = 0;
	struct mvec *v;
	uint8_t status;

	if (!all_zero(req, 10, 12) || !all_zero(req, 20, 24))
		return VIRTIO_IRQ_S_INVAL;
	if (store && !m.ims)
		return VIRTIO_IRQ_S_UNSUPP;
	if (!count || count > MAX_COUNT || (uint64_t)first + count > UINT64_C(1) << 32)
		return VIRTIO_IRQ_S_RANGE;
	if (req[0] == VIRTIO_IRQ_T_FREE) {
		if (mep)
			model_free(mep, store, first, count);
		return VIRTIO_IRQ_S_OK;
	}
	if (!mep)
		return VIRTIO_IRQ_S_NOENT;
	for (uint32_t i = 0; i < count; i++) {
		v = find_vec(mep, store, first + i);
		if (!v)
			return VIRTIO_IRQ_S_NOENT;
		need += !v->armed && !v->committed;
		if (!reason)
			reason = v->reason;
	}
	if (req[0] == VIRTIO_IRQ_T_COMMIT) {
		if (reason)
			return reason;
		for (uint32_t i = 0; i < need; i++) {
			status = model_charge(mep, i);
			if (status)
				return status;
		}
	}
	for (uint32_t i = 0; i < count; i++)
		find_vec(mep, store, first + i)->committed = req[0] == VIRTIO_IRQ_T_COMMIT;
	return VIRTIO_IRQ_S_OK;
}

static struct mvec *model_find(const uint8_t *req)
{
	int e = ep_index(le(req + 4, 4));

	return e < 0 ? NULL : find_vec(&m.ep[e], (uint16_t)le(req + 8, 2), le(req + 12, 4));
}

static uint8_t model_pasid(const uint8_t *req, bool has_pasid, uint32_t pasid)
{
	struct virtio_irq_ep_info info = told_info((unsigned int)ep_index(le(req + 4, 4)));

	if (!has_pasid)
		return find_store(&info, (uint16_t)le(req + 8, 2))->flags &
		       VIRTIO_IRQ_STORE_F_PASID ? VIRTIO_IRQ_S_INVAL : VIRTIO_IRQ_S_OK;
	if (info.pasid_width && pasid >= 1u << info.pasid_width)
		return VIRTIO_IRQ_S_RANGE;
	return info.pasid_width ? VIRTIO_IRQ_S_OK : VIRTIO_IRQ_S_PERM;
}

bool host_pair(struct mep *mep, uint16_t store, uint32_t index, struct virtio_irq_msg *pair)
{
	const struct virtio_irq_ep_info *info = &profiles[mep - m.ep];
	const struct mvec *v = find_any(mep, store, index);
	uint32_t first = v && v->contiguous ? v->block_first : index;

	/* Half of them, blocks as a whole */
	if (!m.host || first > 0xff || (store + first) % 4 < 2)
		return false;
	pair->address = info->window_start + 0x40 + 4 * (first % 32);
	pair->data = (store & 3u) << 13 | first << 5 | (index - first);
	/* Some suit no vector, or not all of them */
	switch (first % 16) {
	case 2:
		pair->address += 2;
		break;
	case 3:
		pair->address = info->window_end + 1;
		break;
	case 6:
		pair->address = info->window_end - 3;
		break;
	case 7:
		pair->data |= 0x10000;
		break;
	}
	return true;
}

/* What the guest gets to know in the answer to ACTIVATE */
static uint8_t model_pair(struct mep *mep, struct mvec *v, struct virtio_irq_msg *answer)
{
	const struct virtio_irq_ep_info *info = &profiles[mep - m.ep];
	struct virtio_irq_msg pair;

	*answer = model_told(mep, v);
	v->host = host_pair(mep, v->store, v->index, &pair);
	if (!v->host)
		return VIRTIO_IRQ_S_OK;
	*answer = pair;
	if (pair.address & 3 || pair.address < info->window_start ||
	    pair.address > info->window_end ||
	    (v->width < 64 && pair.address >= UINT64_C(1) << v->width) ||
	    (v->data16 && pair.data > 0xffff)) {
		v->host = false;
		return VIRTIO_IRQ_S_DEVERR;
	}
	if (pair.address < mep->host_start)
		mep->host_start = pair.address;
	if (pair.address > mep->host_end)
		mep->host_end = pair.address;
	return VIRTIO_IRQ_S_OK;
}

static uint8_t model_activate(const uint8_t *req, struct mvec **v, struct virtio_irq_msg *pair)
{
	struct virtio_irq_msg route = {
		.address = (uint64_t)le(req + 20, 4) << 32 | le(req + 16, 4),
		.data = le(req + 24, 4),
	};
	uint32_t flags = le(req + 10, 2), pasid = le(req + 28, 4);
	struct virtio_irq_ep_info info;
	struct mep *mep;
	uint8_t status;

	if (flags > 1 || (!flags && pasid))
		return VIRTIO_IRQ_S_INVAL;
	if ((flags && !m.pasid) || (le(req + 8, 2) && !m.ims))
		return VIRTIO_IRQ_S_UNSUPP;
	if (pasid > 0xfffff)
		return VIRTIO_IRQ_S_RANGE;
	*v = model_find(req);
	if (!*v)
		return VIRTIO_IRQ_S_NOENT;
	if ((*v)->reason)
		return (*v)->reason;
	mep = &m.ep[ep_index(le(req + 4, 4))];
	info = told_info((unsigned int)(mep - m.ep));
	if (!(*v)->armed && !(*v)->committed &&
	    find_store(&info, (*v)->store)->flags & VIRTIO_IRQ_STORE_F_COMMIT)
		return VIRTIO_IRQ_S_BUSY;
	if (route.address % 4 || route.address == BAD_ROUTE)
		return VIRTIO_IRQ_S_RANGE;
	status = model_pasid(req, flags, pasid);
	if (status)
		return status;
	if (!(*v)->armed && !(*v)->committed) {
		status = model_charge(mep, 0);
		if (status)
			return status;
	}
	status = model_pair(mep, *v, pair);
	if (status)
		return status;
	m.changes += !(*v)->armed || (*v)->route.address != route.address ||
		     (*v)->route.data != route.data || (*v)->has_pasid != !!flags ||
		     (*v)->pasid != pasid;
	(*v)->armed = true;
	(*v)->route = route;
	(*v)->has_pasid = flags;
	(*v)->pasid = pasid;
	(*v)->routed++;
	/* It has been asked for, by who knows better or has the right one anyway */
	if ((*v)->stale && (!(*v)->waiting || (*v)->host ||
			    (pair->address == pair_address(mep) && pair->data == (*v)->data)))
		model_not_stale(*v);
	(*v)->given_back = false;
	return VIRTIO_IRQ_S_OK;
}

static uint8_t model_deactivate(const uint8_t *req)
{
	struct mvec *v;

	if (!all_zero(req, 10, 12))
		return VIRTIO_IRQ_S_INVAL;
	if (le(req + 8, 2) && !m.ims)
		return VIRTIO_IRQ_S_UNSUPP;
	v = model_find(req);
	if (!v)
		return VIRTIO_IRQ_S_NOENT;
	model_disarm(&m.ep[ep_index(le(req + 4, 4))], v);
	return VIRTIO_IRQ_S_OK;
}

static uint8_t carry_out(const uint8_t *req, size_t req_size, size_t rsp_size,
			 struct prediction *p)
{
	uint8_t type = req_size ? req[0] : 0;
	struct mvec *v = NULL;
	int e;

	if (req_size < 8)
		return VIRTIO_IRQ_S_INVAL;
	if (type < VIRTIO_IRQ_T_ATTACH || type > VIRTIO_IRQ_T_FREE)
		return VIRTIO_IRQ_S_UNSUPP;
	if (req_size != req_sizes[type] || rsp_size < rsp_sizes[type] || !all_zero(req, 1, 4))
		return VIRTIO_IRQ_S_INVAL;

	switch (type) {
	case VIRTIO_IRQ_T_ATTACH:
		if (!all_zero(req, 8, 16))
			return VIRTIO_IRQ_S_INVAL;
		return model_attach(le(req + 4, 4));
	case VIRTIO_IRQ_T_DETACH:
		if (!all_zero(req, 8, 16))
			return VIRTIO_IRQ_S_INVAL;
		e = ep_index(le(req + 4, 4));
		if (e >= 0)
			model_detach(&m.ep[e]);
		return VIRTIO_IRQ_S_OK;
	case VIRTIO_IRQ_T_ALLOC:
		return model_alloc(req, &p->granted, &p->reason);
	case VIRTIO_IRQ_T_ACTIVATE:
		return model_activate(req, &v, &p->pair);
	case VIRTIO_IRQ_T_DEACTIVATE:
		return model_deactivate(req);
	default:
		return model_range(req);
	}
}

uint8_t model_request(const uint8_t *req, size_t req_size, size_t rsp_size,
		      struct prediction *p)
{
	uint8_t status = carry_out(req, req_size, rsp_size, p);
	int e = req_size < 8 ? -1 : ep_index(le(req + 4, 4));

	/* Those that are no mistake of the guest's */
	if (status >= VIRTIO_IRQ_S_PERM && e >= 0 && m.ep[e].attached)
		m.ep[e].refused++;
	return status;
}
