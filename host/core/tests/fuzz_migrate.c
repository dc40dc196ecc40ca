// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the device core: migrations, and images that somebody has changed.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <string.h>

#include "fuzz_model.h"

/* A saved core; the arrays are exactly so long that reading past them is seen */
struct image {
	struct virtio_irq_saved_endpoint *eps;
	struct virtio_irq_saved_vector *vectors;
	uint32_t num_eps, num_vectors;
};

static struct image save(const struct virtio_irq_core *core)
{
	struct image image;

	virtio_irq_core_count(core, &image.num_eps, &image.num_vectors);
	image.eps = calloc(image.num_eps, sizeof(*image.eps));
	image.vectors = calloc(image.num_vectors, sizeof(*image.vectors));
	CHECK((image.eps || !image.num_eps) && (image.vectors || !image.num_vectors));
	virtio_irq_core_save(core, image.eps, image.vectors);
	return image;
}

static int load(struct virtio_irq_core *core, struct image image)
{
	return virtio_irq_core_load(core, image.eps, image.num_eps, image.vectors,
				    image.num_vectors);
}

static void image_free(struct image image)
{
	free(image.eps);
	free(image.vectors);
}

/* Does @b have what @a has? An endpoint's vectors may come in another order */
static void check_same(struct image a, struct image b)
{
	const struct virtio_irq_saved_vector *v = a.vectors, *w = b.vectors;

	CHECK(a.num_eps == b.num_eps && a.num_vectors == b.num_vectors);
	for (uint32_t e = 0; e < a.num_eps; e++) {
		uint32_t num = a.eps[e].num_vectors;

		CHECK(a.eps[e].id == b.eps[e].id && num == b.eps[e].num_vectors);
		for (uint32_t i = 0; i < num; i++) {
			uint32_t j = 0;

			while (j < num && memcmp(&v[i], &w[j], sizeof(*v)))
				j++;
			CHECK(j < num);
		}
		v += num;
		w += num;
	}
}

/* What the guest was told of windows is not what this host has */
static bool is_moved(struct image image)
{
	for (uint32_t e = 0; e < image.num_eps; e++) {
		const struct virtio_irq_saved_endpoint *ep = &image.eps[e];
		int i = ep_index(ep->id);
		struct virtio_irq_ep_info info;

		if (i < 0)
			continue;
		info = vmm_info((unsigned int)i);
		if (ep->window_start != info.window_start || ep->window_end != info.window_end ||
		    ep->pair_address != info.pair_address)
			return true;
	}
	return false;
}

/* Into a core of its own, which refuses the image or takes it as it is; an errno */
static int load_aside(struct image image)
{
	uint8_t event[VIRTIO_IRQ_CORE_EVENT_SIZE];
	struct virtio_irq_core *core;
	struct virtio_irq_stats s;
	struct image again;
	int ret;

	m.shadow = true;
	core = new_core(1);
	ret = load(core, image);
	virtio_irq_core_get_stats(core, &s);
	if (ret) {
		CHECK(ret == -EINVAL || ret == -ENODEV);
		CHECK(!s.endpoints && !s.allocated && !s.committed && !s.armed);
	} else {
		CHECK(s.endpoints <= MAX_ENDPOINTS && s.allocated <= MAX_VECTORS);
		CHECK(s.stale + s.revoked <= s.allocated && s.waiting <= s.allocated);
		again = save(core);
		if (!is_moved(image))
			check_same(image, again);
		image_free(again);
		/* What it has to tell is something that can be told */
		while (virtio_irq_core_next_event(core, event))
			CHECK(m.events);
	}
	virtio_irq_core_free(core);
	m.shadow = false;
	return ret;
}

/* What has a pair of the VMM's stays with it */
static bool may_move(void)
{
	for (unsigned int e = 0; e < NUM_EPS; e++)
		for (unsigned int i = 0; i < MAX_VECTORS; i++)
			if (m.ep[e].vec[i].host)
				return false;
	return true;
}

/* FAULTs are dropped, and pairs may have another address than @before */
static void migrate_events(struct mep *mep, uint64_t before)
{
	unsigned int n = 0;

	if (!mep->attached)
		return;
	m.overflow |= !!mep->fault.count;
	memset(&mep->fault, 0, sizeof(mep->fault));
	mep->fault_unread &= mep->fault_buffers == m.old_buffers;
	mep->fault_buffers = 0;
	memset(mep->old, 0, sizeof(mep->old));
	for (unsigned int i = 0; i < MAX_VECTORS; i++)
		if (mep->vec[i].allocated && mep->vec[i].told_address)
			mep->old[n++] = mep->vec[i].told_address;
	if (pair_address(mep) != before) {
		mep->old[n] = before;
		model_moved(mep, before);
	}
}

/* The guest goes on in another core */
void step_migrate(struct input *in)
{
	struct image image = save(m.core), again;
	uint64_t before[NUM_EPS];
	uint8_t status = m.commit_status;
	uint64_t shift = m.shift;

	if (!may_move()) {
		CHECK(load_aside(image) == -ENODEV);
		image_free(image);
		return;
	}
	m.moving = true;
	virtio_irq_core_free(m.core);
	m.moving = false;
	CHECK(m.taken == 0);
	for (unsigned int e = 0; e < NUM_EPS; e++)
		before[e] = pair_address(&m.ep[e]);
	if (m.events)
		m.shift = 0x100 * (byte(in) % 3);
	/* All that is armed was disarmed here, and is armed there */
	m.changes += 2 * (uint64_t)count_vectors(NULL, false, true);
	m.core = new_core(word(in));
	virtio_irq_core_set_quotas(m.core, &m.quotas);
	/* A new core has had no pairs of the VMM's yet: their addresses are like any others */
	for (unsigned int e = 0; e < NUM_EPS; e++)
		new_life(&m.ep[e]);
	m.commit_status = 0;
	CHECK(!load(m.core, image));
	m.commit_status = status;
	memset(m.limited, 0, sizeof(m.limited));
	m.dropped = 0;
	m.overflow |= m.events && !image.num_eps;
	m.old_buffers = m.buffers;
	m.buffers = 0;
	for (unsigned int e = 0; e < NUM_EPS; e++) {
		migrate_events(&m.ep[e], before[e]);
		memset(m.ep[e].recent, 0, sizeof(m.ep[e].recent));
		for (unsigned int i = 0; i < MAX_VECTORS; i++) {
			m.ep[e].vec[i].delivered = 0;
			m.ep[e].vec[i].routed = 0;
		}
	}
	check_all();
	again = save(m.core);
	if (shift == m.shift)
		check_same(image, again);
	image_free(image);
	image_free(again);
}

static void mutate(struct input *in, struct image *image)
{
	uint32_t i = word(in), j = word(in);
	struct virtio_irq_saved_vector v;
	uint8_t *p;

	switch (byte(in) % 6) {
	case 0:
		if (!image->num_eps)
			break;
		p = (uint8_t *)&image->eps[i % image->num_eps];
		p[j % sizeof(*image->eps)] ^= byte(in);
		break;
	case 1:
	case 2:
		if (!image->num_vectors)
			break;
		p = (uint8_t *)&image->vectors[i % image->num_vectors];
		p[j % sizeof(*image->vectors)] ^= byte(in);
		break;
	case 3:
		if (!image->num_vectors)
			break;
		v = image->vectors[i % image->num_vectors];
		image->vectors[i % image->num_vectors] = image->vectors[j % image->num_vectors];
		image->vectors[j % image->num_vectors] = v;
		break;
	case 4:
		if (!image->num_vectors)
			break;
		image->vectors[i % image->num_vectors].flags ^= 1u << j % 13;
		break;
	case 5:
		for (uint32_t n = 0; n < image->num_vectors; n++)
			image->vectors[n].flags &= ~(1u << j % 13);
		break;
	}
}

/* An image that somebody has changed */
void step_bad_image(struct input *in)
{
	struct image image = save(m.core);

	for (unsigned int n = byte(in) % 8; n--;)
		mutate(in, &image);
	/* Never more than there are */
	if (image.num_vectors && byte(in) % 8 == 0)
		image.num_vectors--;
	if (image.num_eps && byte(in) % 8 == 0)
		image.num_eps--;
	load_aside(image);
	image_free(image);
}
