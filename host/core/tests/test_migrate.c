// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules about migration: what is saved is what is loaded, and nothing else is.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "virtio_irq_internal.h"

/* Everything that can be: two endpoints, blocks with holes, all states */
static void populate(struct vmm *vmm)
{
	start(vmm, 8, 0);
	must_alloc(vmm, EP, 8, 8, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 16, 5, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 32, 7, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
	assert_int_equal(alloc_width(vmm, EP, 50, 3, VIRTIO_IRQ_ALLOC_F_COMMIT, 40, NULL), 0);
	assert_int_equal(vfree(vmm, EP, 3, 2), 0);
	assert_int_equal(vfree(vmm, EP, 33, 1), 0);
	assert_int_equal(commit(vmm, EP, 8, 4), 0);
	for (uint32_t i = 10; i < 14; i++)
		must_activate(vmm, EP, i);
	for (uint32_t i = 16; i < 20; i++)
		must_activate(vmm, EP, i);
	assert_int_equal(fire(vmm, EP, PAIR_ADDRESS, data_of(vmm, EP, 10)), VIRTIO_IRQ_DELIVERED);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 2047, 1, 0);
	must_activate(vmm, EP2, 2047);
}

struct list {
	struct virtio_irq_vector_info info[64];
	size_t num;
};

static bool append(void *arg, const struct virtio_irq_vector_info *v)
{
	struct list *list = arg;

	assert_true(list->num < ARRAY_SIZE(list->info));
	/* No padding of *v in it */
	memset(&list->info[list->num], 0, sizeof(*v));
	list->info[list->num].endpoint = v->endpoint;
	list->info[list->num].store = v->store;
	list->info[list->num].index = v->index;
	list->info[list->num].armed = v->armed;
	list->info[list->num].committed = v->committed;
	list->info[list->num].contiguous = v->contiguous;
	list->info[list->num].pair.address = v->pair.address;
	list->info[list->num].pair.data = v->pair.data;
	list->info[list->num].route.address = v->route.address;
	list->info[list->num].route.data = v->route.data;
	list->num++;
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct virtio_irq_vector_info *v = a, *w = b;

	if (v->endpoint != w->endpoint)
		return v->endpoint < w->endpoint ? -1 : 1;
	return v->index < w->index ? -1 : v->index > w->index;
}

static void list_vectors(struct vmm *vmm, struct list *list)
{
	memset(list, 0, sizeof(*list));
	virtio_irq_core_walk_vectors(vmm->core, append, list);
	qsort(list->info, list->num, sizeof(list->info[0]), by_name);
}

/* DEV-142 */
static void migrate_round_trip_keeps_every_vector(void **state)
{
	struct list before, after;
	struct vmm *vmm = *state;
	struct image image, again;

	populate(vmm);
	list_vectors(vmm, &before);
	assert_int_equal(before.num, 29);
	image = save(vmm);
	vmm_free_core(vmm);
	/* The destination has another seed */
	vmm->config.seed = 99;
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, image), 0);
	list_vectors(vmm, &after);
	assert_memory_equal(&before, &after, sizeof(before));

	again = save(vmm);
	assert_true(image_equal(image, again));
	image_free(again);
	image_free(image);
}

static void migrate_armed_pairs_work_and_others_do_not(void **state)
{
	struct vmm *vmm = *state;
	struct list list;
	struct image image;

	populate(vmm);
	image = save(vmm);
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, image), 0);
	list_vectors(vmm, &list);
	for (size_t i = 0; i < list.num; i++) {
		const struct virtio_irq_vector_info *v = &list.info[i];

		assert_int_equal(fire(vmm, v->endpoint, v->pair.address, v->pair.data),
				 v->armed ? VIRTIO_IRQ_DELIVERED : VIRTIO_IRQ_BLOCKED_FREED);
		if (v->armed)
			assert_int_equal(vmm_ep(vmm, v->endpoint)->last.data, v->route.data);
	}
	image_free(image);
}

/* Requests on the destination find what the source left */
static void migrate_behaviour_goes_on(void **state)
{
	struct virtio_irq_msg pair;
	struct vmm *vmm = *state;
	uint32_t base;
	struct image image;

	populate(vmm);
	pair.data = data_of(vmm, EP, 10);
	base = data_of(vmm, EP, 16);
	image = save(vmm);
	vmm_free_core(vmm);
	vmm_new_core(vmm);
	assert_int_equal(load(vmm, image), 0);
	image_free(image);

	/* Idempotent, and the pair is the identical one */
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 8, 8, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 16, 5, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	assert_int_equal(must_activate(vmm, EP, 10).data, pair.data);
	assert_int_equal(alloc(vmm, EP, 50, 3, 0, NULL), VIRTIO_IRQ_S_BUSY);
	assert_int_equal(alloc(vmm, EP, 32, 7, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS, NULL),
			 VIRTIO_IRQ_S_BUSY);
	/* The hole of the block is one still */
	assert_false(vector(vmm, EP, 33, NULL));
	assert_int_equal(alloc(vmm, EP, 33, 1, 0, NULL), VIRTIO_IRQ_S_BUSY);
	/*
	 * The block's tail is still its own, and every other value that is taken,
	 * also when the cursor has come round; committed vectors are still committed.
	 */
	vmm->core->next_data16 = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		must_alloc(vmm, EP, 1000 + i, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
		assert_true(data_of(vmm, EP, 1000 + i) < base ||
			    data_of(vmm, EP, 1000 + i) >= base + 8);
		for (uint32_t j = 8; j < 16; j++)
			assert_int_not_equal(data_of(vmm, EP, 1000 + i), data_of(vmm, EP, j));
	}
	assert_int_equal(deactivate(vmm, EP, 10), VIRTIO_IRQ_S_OK);
	assert_int_equal(vfree(vmm, EP, 0, 2048), VIRTIO_IRQ_S_OK);
	assert_int_equal(stats(vmm).committed, 1);
}

/* DEV-69: where they go on is another place for each seed */
static void migrate_begins_anew_with_data_values(void **state)
{
	uint32_t data[8], data16[8], equal = 0;
	struct vmm *vmm = *state;
	struct image image = save(vmm);

	for (unsigned int i = 0; i < ARRAY_SIZE(data); i++) {
		vmm_free_core(vmm);
		vmm->config.seed = i;
		vmm_new_core(vmm);
		assert_int_equal(load(vmm, image), 0);
		start(vmm, 1, 0);
		must_alloc(vmm, EP, 1, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
		data[i] = data_of(vmm, EP, 0);
		data16[i] = data_of(vmm, EP, 1);
		for (unsigned int j = 0; j < i; j++)
			equal += (data[j] == data[i]) + (data16[j] == data16[i]);
	}
	assert_in_range(equal, 0, 1);
	image_free(image);
}

static void migrate_empty_core(void **state)
{
	struct vmm *vmm = *state;
	struct image image = save(vmm);

	assert_int_equal(image.num_eps + image.num_vectors, 0);
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
	start(vmm, 8, 0);
}

/* DEV-149; the quotas are the host's, and stay what they are here */
static void migrate_what_is_taken_stays_whatever_the_quotas(void **state)
{
	struct virtio_irq_quotas none = { .vectors = 0 };
	struct vmm *vmm = *state;
	struct image image;

	populate(vmm);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	set_quotas(vmm, none);
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
	assert_int_equal(stats(vmm).allocated, 29);
	assert_int_equal(quotas(vmm).pool, 0);
	assert_int_equal(quotas(vmm).committed, 0);
	assert_int_equal(stats(vmm).limited[VIRTIO_IRQ_LIMIT_COMMITTED], 0);
	must_activate(vmm, EP, 10);
	assert_int_equal(activate(vmm, EP, 0, ROUTE_ADDRESS, 0, NULL), VIRTIO_IRQ_S_QUOTA);
}

static void load_needs_a_core_without_endpoints(void **state)
{
	struct vmm *vmm = *state;
	struct image image = save(vmm);

	start(vmm, 8, 0);
	assert_int_equal(virtio_irq_core_load(vmm->core, image.eps, 0, image.vectors, 0),
			 -EINVAL);
	/* And leaves one with endpoints alone */
	assert_int_equal(stats(vmm).allocated, 8);
	image_free(image);
}

static void load_of_an_endpoint_that_is_refused_is_enodev(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	populate(vmm);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	vmm->attach_status = VIRTIO_IRQ_S_NOENT;
	assert_int_equal(load(vmm, image), -ENODEV);
	vmm->attach_status = 0;
	image.eps[0].id = EP_DENIED;
	assert_int_equal(load(vmm, image), -ENODEV);
	image_free(image);
}

/* The guest has been told once, and there is no way to tell it again; DEV-143 */
static void load_of_an_endpoint_that_has_changed_is_enodev(void **state)
{
	struct virtio_irq_ep_info info;
	struct vmm *vmm = *state;
	struct image image;

	populate(vmm);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	info = vmm->info;
	for (unsigned int i = 0; i < 7; i++) {
		vmm->info = info;
		if (i == 0)
			vmm->info.isolated = true;
		else if (i == 1)
			vmm->info.window_start -= 4;
		else if (i == 2)
			vmm->info.window_end += 4;
		else if (i == 3)
			vmm->info.pair_address += 4;
		else if (i == 4)
			vmm->info.stores[0].size++;
		else if (i == 5)
			vmm->info.stores[0].flags ^= VIRTIO_IRQ_STORE_F_COMMIT;
		else
			vmm->info.stores[0].multi_msi--;
		assert_int_equal(load(vmm, image), -ENODEV);
	}
	vmm->info = info;
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

static void load_where_commit_is_refused_is_an_error(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	populate(vmm);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	for (unsigned int n = 0; n < 12; n++) {
		vmm->commit_limit = n;
		vmm->commit_status = VIRTIO_IRQ_S_PERM;
		assert_int_equal(load(vmm, image), -ENOSPC);
		vmm->commit_status = VIRTIO_IRQ_S_NOMEM;
		assert_int_equal(load(vmm, image), -ENOMEM);
	}
	vmm->commit_status = 0;
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

static void load_of_a_route_that_cannot_be_delivered_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct image image;

	populate(vmm);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	vmm->check_status = VIRTIO_IRQ_S_RANGE;
	assert_int_equal(load(vmm, image), -EINVAL);
	vmm->check_status = 0;
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

static void load_without_memory_is_enomem(void **state)
{
	struct vmm *vmm = *state;
	unsigned int nth = 0;
	struct image image;
	int ret;

	populate(vmm);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	do {
		virtio_irq_core_reset(vmm->core);
		fail_malloc_from(++nth);
		ret = load(vmm, image);
		assert_true(ret == 0 || ret == -ENOMEM);
	} while (ret);
	fail_malloc_from(0);
	/*
	 * A handle for an endpoint, vectors, a chunk of lines, the endpoint's map
	 * and lines of DATA16, another handle
	 */
	assert_true(nth > 6);
	image_free(image);
}

/*
 * Two endpoints, one with a block of 4 (the first three of it, one freed), a
 * DATA16 vector, a wide one and an armed one.
 */
static struct image small_image(struct vmm *vmm)
{
	struct image image;

	/* Not at the end of where values can be */
	vmm->core->next_data16 = 64;
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 4, 3, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS | VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 20, 1, VIRTIO_IRQ_ALLOC_F_DATA16);
	must_alloc(vmm, EP, 21, 2, 0);
	must_activate(vmm, EP, 22);
	assert_int_equal(vfree(vmm, EP, 6, 1), VIRTIO_IRQ_S_OK);
	must_attach(vmm, EP2);
	must_alloc(vmm, EP2, 7, 1, 0);
	image = save(vmm);
	assert_int_equal(image.num_eps, 2);
	assert_int_equal(image.num_vectors, 7);
	virtio_irq_core_reset(vmm->core);
	return image;
}

#define BLOCK	(VIRTIO_IRQ_SAVED_CONTIGUOUS | VIRTIO_IRQ_SAVED_DATA16)

/* One change that makes it senseless; DEV-147 */
static void load_of_a_corrupted_field_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct image image = small_image(vmm);
	struct virtio_irq_saved_endpoint *ep = &image.eps[0], *ep2 = &image.eps[1];
	struct virtio_irq_saved_vector *first = saved(image, 0, 4), *second = saved(image, 0, 5),
				       *freed = saved(image, 0, 6), *data16 = saved(image, 0, 20),
				       *wide = saved(image, 0, 21), *armed = saved(image, 0, 22),
				       *other = saved(image, 0, 7);
	unsigned int num = 0;

	assert_int_equal(freed->flags, BLOCK | VIRTIO_IRQ_SAVED_FREED);
	assert_int_equal(load(vmm, image), 0);
	virtio_irq_core_reset(vmm->core);

#define BAD(field, value)							\
	do {									\
		__typeof__(field) good = field;					\
										\
		field = (value);						\
		if (load(vmm, image) != -EINVAL)				\
			fail_msg("%s = %s was taken", #field, #value);		\
		field = good;							\
		num++;								\
	} while (0)

	BAD(image.num_eps, 1);
	BAD(image.num_vectors, image.num_vectors - 1);
	BAD(image.num_eps, 5);
	BAD(image.num_eps, UINT32_MAX);
	BAD(image.num_vectors, 4097);
	BAD(image.num_vectors, UINT32_MAX);
	BAD(ep2->id, EP);
	BAD(ep->num_stores, VIRTIO_IRQ_CORE_MAX_STORES + 1);
	BAD(ep->stores[7].size, 1);
	BAD(ep->stores[1].store, 1);
	BAD(ep->num_vectors, ep->num_vectors + 1);
	BAD(ep->num_vectors, UINT32_MAX);
	BAD(ep2->num_vectors, 0);
	BAD(ep2->num_vectors, 2);

	BAD(data16->index, 2048);
	BAD(data16->store, 1);
	/* Two vectors of a name */
	BAD(data16->index, 4);
	BAD(wide->index, 20);
	BAD(wide->index, 6);
	/* A block whose first index would be below 0, or not the same */
	BAD(second->index, 0);
	BAD(second->index, 7);
	BAD(freed->index, 7);
	/* Not a value of ours; of the others' kind; of no line that there can be */
	BAD(data16->data, data16->data & ~0x700u);
	BAD(wide->data, wide->data ^ 0x400);
	BAD(data16->data, wide->data | 0x1f);
	BAD(wide->data, data16->data + 1);
	BAD(data16->data, data16->data | 0x10000);
	BAD(wide->data, wide->data | 0x1000000);
	/* The same twice; of another generation; in the block, its hole and its tail */
	BAD(wide->data, armed->data);
	BAD(wide->data, armed->data ^ (1u << 25));
	BAD(data16->data, second->data);
	BAD(data16->data, freed->data);
	BAD(data16->data, freed->data + 1);
	BAD(second->data, first->data);
	BAD(second->data, freed->data + 1);
	/* Of another endpoint, in its line */
	BAD(other->data, wide->data);
	BAD(other->data, wide->data | 0x1f);
	BAD(first->flags, VIRTIO_IRQ_SAVED_DATA16);
	BAD(second->flags, VIRTIO_IRQ_SAVED_DATA16);
	BAD(data16->flags, 0);
	BAD(wide->flags, VIRTIO_IRQ_SAVED_DATA16);
	BAD(wide->flags, VIRTIO_IRQ_SAVED_PASID_VALID);
	BAD(wide->pasid, 5);
	BAD(wide->flags, VIRTIO_IRQ_SAVED_HOST_PAIR << 1);
	BAD(wide->flags, 1u << 31);
	/* Freed, but in no block; armed as well; all of its block */
	BAD(wide->flags, VIRTIO_IRQ_SAVED_FREED);
	BAD(data16->flags, VIRTIO_IRQ_SAVED_FREED | BLOCK);
	BAD(freed->flags, VIRTIO_IRQ_SAVED_FREED | BLOCK | VIRTIO_IRQ_SAVED_COMMITTED);
	BAD(armed->flags, VIRTIO_IRQ_SAVED_FREED | VIRTIO_IRQ_SAVED_ARMED);
	/* Not armed, but with a route */
	BAD(armed->flags, 0);
	BAD(wide->route_address, ROUTE_ADDRESS);
	BAD(wide->route_data, 1);
	/* Armed with one that cannot be delivered */
	BAD(armed->route_address, ROUTE_ADDRESS + 2);
	BAD(armed->route_address, ROUTE_REFUSED);
	BAD(data16->addr_width, 1);
	BAD(data16->addr_width, 65);
	/* The pair address does not fit; other constraints than the block's */
	BAD(data16->addr_width, 31);
	BAD(second->addr_width, 40);
	BAD(freed->addr_width, 40);
	/* A block that is none, too large, or of two sizes */
	BAD(data16->order, 1);
	BAD(first->order, 6);
	BAD(first->order, 255);
	BAD(second->order, 1);
	BAD(second->order, 5);
	BAD(freed->order, 1);
	assert_int_equal(num, 65);

	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

/* Their indices may be what they like, their generation may not */
static void load_of_a_block_of_two_generations_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_saved_vector *v;
	struct image image;

	vmm->info.stores[0].size = 0;
	must_attach(vmm, EP);
	must_alloc(vmm, EP, 4, 2, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	v = saved(image, 0, 5);
	v->data += 1u << 25;
	v->index += 1u << 25;
	assert_int_equal(load(vmm, image), -EINVAL);
	v->data -= 1u << 25;
	v->index -= 1u << 25;
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

/* The second vector of a block of which the first would have index -1 */
static void load_of_a_block_that_begins_before_the_store_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_saved_vector *v;
	struct image image;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 4, 1, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	v = image.vectors;
	v->order = 1;
	v->data |= 1;
	v->index = 0;
	assert_int_equal(load(vmm, image), -EINVAL);
	/* It is that alone */
	v->index = 1;
	assert_int_equal(load(vmm, image), 0);
	image_free(image);
}

/* Freed vectors come last: a block begins with one that lives */
static void load_of_a_block_that_begins_with_a_freed_vector_is_einval(void **state)
{
	struct vmm *vmm = *state;
	struct virtio_irq_saved_vector swap;
	struct image image;

	must_attach(vmm, EP);
	must_alloc(vmm, EP, 4, 2, VIRTIO_IRQ_ALLOC_F_CONTIGUOUS);
	assert_int_equal(vfree(vmm, EP, 4, 1), VIRTIO_IRQ_S_OK);
	image = save(vmm);
	virtio_irq_core_reset(vmm->core);
	assert_int_equal(load(vmm, image), 0);
	virtio_irq_core_reset(vmm->core);
	swap = image.vectors[0];
	image.vectors[0] = image.vectors[1];
	image.vectors[1] = swap;
	assert_int_equal(load(vmm, image), -EINVAL);
	image_free(image);
}

/* Any single bit: an error, or something that is as good as a guest's own doing; DEV-147 */
static void load_survives_every_flipped_bit(void **state)
{
	struct vmm *vmm = *state;
	struct image image = small_image(vmm), again;
	const size_t size[] = {
		image.num_eps * sizeof(*image.eps),
		image.num_vectors * sizeof(*image.vectors),
	};
	uint8_t *const bytes[] = { (uint8_t *)image.eps, (uint8_t *)image.vectors };
	unsigned int accepted = 0;
	int ret;

	for (size_t n = 0; n < 2; n++) {
		for (size_t bit = 0; bit < size[n] * 8; bit++) {
			bytes[n][bit / 8] ^= (uint8_t)(1u << bit % 8);
			ret = load(vmm, image);
			assert_true(ret == 0 || ret == -EINVAL || ret == -ENODEV);
			if (!ret) {
				/* Nothing of it was lost or bent */
				accepted++;
				again = save(vmm);
				assert_int_equal(again.num_eps, image.num_eps);
				assert_int_equal(again.num_vectors, image.num_vectors);
				image_free(again);
				must_attach(vmm, EP);
				must_alloc(vmm, EP, 1500, 40, VIRTIO_IRQ_ALLOC_F_DATA16);
				must_alloc(vmm, EP, 1600, 40, 0);
			}
			virtio_irq_core_reset(vmm->core);
			bytes[n][bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
	/* Routes, generations and some indices may be anything */
	assert_true(accepted > 100);
	image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(migrate_round_trip_keeps_every_vector),
		unit(migrate_armed_pairs_work_and_others_do_not),
		unit(migrate_behaviour_goes_on),
		unit(migrate_begins_anew_with_data_values),
		unit(migrate_empty_core),
		unit(migrate_what_is_taken_stays_whatever_the_quotas),
		unit(load_needs_a_core_without_endpoints),
		unit(load_of_an_endpoint_that_is_refused_is_enodev),
		unit(load_of_an_endpoint_that_has_changed_is_enodev),
		unit(load_where_commit_is_refused_is_an_error),
		unit(load_of_a_route_that_cannot_be_delivered_is_einval),
		unit(load_without_memory_is_enomem),
		unit(load_of_a_corrupted_field_is_einval),
		unit(load_of_a_block_of_two_generations_is_einval),
		unit(load_of_a_block_that_begins_before_the_store_is_einval),
		unit(load_of_a_block_that_begins_with_a_freed_vector_is_einval),
		unit(load_survives_every_flipped_bit),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
