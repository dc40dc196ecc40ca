// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: controllers and endpoints
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioport.h>
#include <linux/seq_file.h>
#include <linux/virtio_ring.h>

#include "engine_fixture.h"
#include "kunit_compat.h"

/* Requests of every kind are with the host when the device goes; KASAN watches */
static void removed_with_everything_in_use(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vec); i++) {
		vec[i] = engine_vector(test, &e, i);
		KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec[i], &route_a, false), 0);
	}
	fake_host_rule(e.host, FAKE_SILENT, 0, UINT_MAX, 0);
	virtio_irq_deactivate(vec[0]);
	virtio_irq_free(vec[1]);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec[2], &route_b), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(e.vi, EP + 8)), -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, e.host->num_held, 1);
	KUNIT_EXPECT_NE(test, e.vi->state, VIRTIO_IRQ_READY);
	/* The end of the test removes the device */
}

static void bad_config(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->config.max_count = 0;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void bad_tlv_size(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->config.tlv_size = cpu_to_le32(60);
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void huge_tlv_size(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->config.tlv_size = cpu_to_le32(0x80000000);
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void config_changes_meanwhile(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->restless = 10;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, host->restless, 0);
}

/* A wait that a host could make last for ever */
static void config_changes_all_the_time(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->restless = 1000000;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
	KUNIT_EXPECT_GT(test, host->restless, 900000);
}

static void scope_without_entries(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_SCOPE));

	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void scope_ranges(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_SCOPE));
	struct virtio_irq_scope_pci *pci = &host->config.scopes[0].pci;

	host->config.num_scopes = cpu_to_le16(1);
	pci->type = VIRTIO_IRQ_SCOPE_T_PCI_RANGE;
	pci->segment = cpu_to_le16(1);
	pci->bdf_start = cpu_to_le16(0x10);
	pci->bdf_end = cpu_to_le16(0x20);
	pci->endpoint_start = cpu_to_le32(0x10010);
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x10010), 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x10020), 1);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x1000f), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x10021), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(host->vi, 0x18), 0);
}

static void no_scope_is_not_nothing(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	KUNIT_EXPECT_EQ(test, virtio_irq_in_scope(e.vi, 0x18), -ENOENT);
}

static void window_reversed(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->window_end = host->window_start - 1;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(host->vi, EP)), -EINVAL);
	/* And the host is told */
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(host, EP));
}

static void window_over_ram(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);
	struct resource *ram = request_mem_region(0x7e00000000ULL, 0x100000, "test RAM");

	KUNIT_ASSERT_NOT_NULL(test, ram);
	ram->flags |= IORESOURCE_SYSTEM_RAM;
	host->window_start = 0x7e00080000ULL;
	host->window_end = 0x7e001fffffULL;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(host->vi, EP)), -EPERM);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(host, EP));
	ram->flags &= ~IORESOURCE_SYSTEM_RAM;
	ram->flags |= IORESOURCE_BUSY | IORESOURCE_MEM;
	release_mem_region(0x7e00000000ULL, 0x100000);
}

static void attached_twice(struct kunit *test)
{
	struct engine e = engine_start(test, 0);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(e.vi, EP)), -EAGAIN);
}

/* A device that was reset and does not come back is tried again until it does */
static void reset_features_refused(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	e.host->no_features = true;
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(virtio_irq_attach(e.vi, EP + 8)), -ETIMEDOUT);
	e.host->no_features = false;
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

static void reset_without_a_queue(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	e.host->no_queue = 2;
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->no_queue, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

static void reset_without_features(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	e.host->no_finalize = 2;
	virtio_irq_ask_reset(e.vi);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.host->no_finalize, 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

static int asked_while_gone;

static void ask_while_gone(struct fake_host *host)
{
	asked_while_gone = virtio_irq_ask_reset(host->vi);
}

/* The administrator asks while the device is being removed */
static void reset_while_removed(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);

	asked_while_gone = 0;
	e.host->in_reset = ask_while_gone;
	device_release_driver(&e.host->vdev.dev);
	e.host->in_reset = NULL;
	KUNIT_EXPECT_EQ(test, asked_while_gone, -ENODEV);
}

/* The slots have been made for the former tlv_size */
static void reset_with_longer_answers(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);

	e.host->config.tlv_size = cpu_to_le32(2 * FAKE_TLV_SIZE);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, e.vi->tlv_size, FAKE_TLV_SIZE);
	e.host->config.tlv_size = cpu_to_le32(FAKE_TLV_SIZE);
	engine_settle(test, &e);
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(e.host, EP));
}

/* Each of what the reset took is refused once, and had at the second attempt */
static void reset_and_refused(struct kunit *test)
{
	static const u8 types[] = { VIRTIO_IRQ_T_ATTACH, VIRTIO_IRQ_T_ALLOC, VIRTIO_IRQ_T_COMMIT,
				    VIRTIO_IRQ_T_ACTIVATE };
	struct fake_host *host = fake_host_new(test, LAZY);
	struct engine e = { .host = host };
	struct virtio_irq_vector *vec;
	unsigned int i;

	host->store_flags = VIRTIO_IRQ_STORE_F_COMMIT;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	e.vi = host->vi;
	e.ep = virtio_irq_attach(e.vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e.ep);
	vec = engine_vector(test, &e, 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_commit(vec), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fake_host_rule(host, FAKE_REFUSE, types[i], 1, VIRTIO_IRQ_S_NOMEM);
		KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
		KUNIT_EXPECT_EQ(test, host->rule.times, 0);
		engine_settle(test, &e);
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->committed);
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
		KUNIT_EXPECT_FALSE(test, vec->dirty || !vec->com.has || !vec->res.has);
	}
}

/* An absurd window after a reset: the endpoint is given back, and asked for again */
static void reset_and_absurd_window(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	e.host->window_end = e.host->window_start - 1;
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP));
	e.host->window_end = FAKE_WINDOW_END;
	engine_settle(test, &e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

static void too_many_scopes(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_SCOPE));

	host->config.num_scopes = cpu_to_le16(VIRTIO_IRQ_MAX_SCOPES + 1);
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void no_queue_at_probe(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->no_queue = 1;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void not_virtio_1(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->features = 0;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

static void indirect_descriptors_are_off(struct kunit *test)
{
	struct engine e = engine_start(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));

	/* They would be allocated under a raw lock */
	KUNIT_EXPECT_FALSE(test, virtio_has_feature(e.vi->vdev, VIRTIO_RING_F_INDIRECT_DESC));
}

/* What the two sides have to agree upon */
static void uapi(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, VIRTIO_ID_IRQ, 63);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_config), 216);
	KUNIT_EXPECT_EQ(test, sizeof(union virtio_irq_scope), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct virtio_irq_config, scopes), 24);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_req_attach), 16);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_req_detach), 16);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_req_alloc), 24);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_req_range), 24);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_req_activate), 32);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_req_deactivate), 16);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_rsp_head), 8);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_rsp_attach), 16);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_rsp_alloc), 16);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_rsp_activate), 24);
	KUNIT_EXPECT_EQ(test, sizeof(struct virtio_irq_event), 32);
	KUNIT_EXPECT_EQ(test, VIRTIO_IRQ_T_FREE, 8);
	KUNIT_EXPECT_EQ(test, VIRTIO_IRQ_S_DEVERR, 10);
	KUNIT_EXPECT_EQ(test, VIRTIO_IRQ_F_LAZY, 4);
}

static void ring_too_small(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->ring = VIRTIO_IRQ_REQUESTQ_MIN / 2;
	KUNIT_EXPECT_EQ(test, fake_host_start(host), -ENODEV);
}

/* The most that virtio-pci takes, and the longest answers: no more slots than are of use */
static void ring_too_large(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, 0);

	host->ring = 32768;
	host->config.tlv_size = cpu_to_le32(VIRTIO_IRQ_MAX_TLV_SIZE);
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	KUNIT_EXPECT_GE(test, host->vi->num_slots, VIRTIO_IRQ_REQUESTQ_MIN / 2);
	KUNIT_EXPECT_LE(test, host->vi->shared_size, 4 * 1024 * 1024);
}

/* All requests and replies are mapped once, also for the next queue */
static void expect_premapped(struct kunit *test, struct virtio_irq *vi)
{
	unsigned int i;

	KUNIT_EXPECT_PTR_EQ(test, vi->dma_dev, vi->vdev->dev.parent);
	for (i = 0; i < vi->num_slots; i++) {
		struct virtio_irq_slot *slot = &vi->slots[i];

		KUNIT_EXPECT_EQ(test, sg_dma_address(&slot->out) - vi->shared_dma,
				(void *)slot->req - vi->shared);
		KUNIT_EXPECT_EQ(test, sg_dma_address(&slot->in) - vi->shared_dma,
				slot->rsp - vi->shared);
		/* Memory behind an IOMMU is remapped: there is no page to be found by it */
		KUNIT_EXPECT_NULL(test, sg_page(&slot->out));
		KUNIT_EXPECT_NULL(test, sg_page(&slot->in));
	}
}

/* Behind an IOMMU */
static void access_platform(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY |
				       BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	if (kunit_premaps())
		expect_premapped(test, e.vi);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ACTIVATE, 1, 0);
	/* The timer finds out that there is no answer, and its slot stays with the device */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 1);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

/* The device's attribute in sysfs */
static void reset_attribute(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct device *dev = &e.vi->vdev->dev;
	struct attribute *attr = dev->driver->dev_groups[0]->attrs[0];
	struct device_attribute *reset = container_of(attr, struct device_attribute, attr);

	KUNIT_ASSERT_STREQ(test, attr->name, "reset");
	KUNIT_EXPECT_EQ(test, attr->mode, 0200);
	KUNIT_EXPECT_EQ(test, reset->store(dev, reset, "0", 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, reset->store(dev, reset, "maybe", 5), -EINVAL);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_EQ(test, reset->store(dev, reset, "1", 1), 1);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_NOT_NULL(test, fake_host_endpoint(e.host, EP));
}

static char *shown(struct kunit *test, struct virtio_irq *vi,
		   int (*show)(struct seq_file *m, void *unused))
{
	struct seq_file *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->size = 16384;
	m->buf = kunit_kzalloc(test, m->size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->buf);
	m->private = vi;
	KUNIT_ASSERT_EQ(test, show(m, NULL), 0);
	KUNIT_ASSERT_LT(test, m->count, m->size);
	return m->buf;
}

/* What an administrator reads in debugfs */
static void debugfs(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 3);
	char *text;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_REFUSE, VIRTIO_IRQ_T_ALLOC, 1, VIRTIO_IRQ_S_QUOTA);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -EDQUOT);

	text = shown(test, e.vi, virtio_irq_stats_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "state: ready\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "slots: 0 of 128 busy, 0 of them given up\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "request ALLOC: 2\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "request ACTIVATE: 1\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "status QUOTA: 1\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "recoveries: 0\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "device resets: 0\n"));

	text = shown(test, e.vi, virtio_irq_latency_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "ACTIVATE"));
	KUNIT_EXPECT_GT(test, e.vi->stats.worst[VIRTIO_IRQ_T_ACTIVATE], 0);

	text = shown(test, e.vi, virtio_irq_endpoints_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "0000:00:03.0 window fee00000-feefffff "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "vector 3: irq 0 granted wanted armed"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "pair fee00004/303\n"));
}

static void debugfs_of_a_store(struct kunit *test)
{
	struct fake_host *host = fake_host_new(test, BIT_ULL(VIRTIO_IRQ_F_PASID));
	struct virtio_irq_endpoint *ep;
	struct virtio_irq_store *store;
	struct virtio_irq_vector *vec;
	char *text;

	host->ims_store = 7;
	host->pasid_width = 20;
	KUNIT_ASSERT_EQ(test, fake_host_start(host), 0);
	ep = virtio_irq_attach(host->vi, EP);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep);
	store = virtio_irq_find_store(ep, 7);
	KUNIT_ASSERT_NOT_NULL(test, store);
	KUNIT_ASSERT_EQ(test, virtio_irq_reserve(store, 3, 0, 64), 0);
	vec = virtio_irq_take(store, 3);
	KUNIT_ASSERT_NOT_NULL(test, vec);
	KUNIT_ASSERT_EQ(test, virtio_irq_set_pasid(vec, 0x51), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	text = shown(test, host->vi, virtio_irq_endpoints_show);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " store 7 vectors 1\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " pasid 51\n"));
}

/* A block is asked for as a block again, and with what its store needs */
static void reset_and_a_block(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	const struct virtio_irq_req_alloc *req = NULL;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, virtio_irq_alloc(&e.ep->msi, 0, 4, VIRTIO_IRQ_ALLOC_CONTIGUOUS |
					       VIRTIO_IRQ_ALLOC_DATA16, 32), 4);
	fake_host_forget_log(e.host);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	KUNIT_ASSERT_EQ(test, fake_host_count(e.host, VIRTIO_IRQ_T_ALLOC), 1);
	for (i = 0; i < e.host->num_requests; i++)
		if (e.host->log[i].bytes[0] == VIRTIO_IRQ_T_ALLOC)
			req = (const void *)e.host->log[i].bytes;
	KUNIT_EXPECT_EQ(test, le16_to_cpu(req->flags), VIRTIO_IRQ_ALLOC_F_CONTIGUOUS |
						       VIRTIO_IRQ_ALLOC_F_DATA16);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->first), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(req->count), 4);
	KUNIT_EXPECT_EQ(test, req->addr_width, 32);
}

static struct kunit_case probe_cases[] = {
	KUNIT_CASE(removed_with_everything_in_use),
	KUNIT_CASE(bad_config),
	KUNIT_CASE(bad_tlv_size),
	KUNIT_CASE(huge_tlv_size),
	KUNIT_CASE(config_changes_meanwhile),
	KUNIT_CASE(config_changes_all_the_time),
	KUNIT_CASE(scope_without_entries),
	KUNIT_CASE(scope_ranges),
	KUNIT_CASE(no_scope_is_not_nothing),
	KUNIT_CASE(window_reversed),
	KUNIT_CASE(window_over_ram),
	KUNIT_CASE(attached_twice),
	KUNIT_CASE(reset_features_refused),
	KUNIT_CASE(reset_without_a_queue),
	KUNIT_CASE(reset_without_features),
	KUNIT_CASE(reset_while_removed),
	KUNIT_CASE(reset_with_longer_answers),
	KUNIT_CASE(reset_and_refused),
	KUNIT_CASE(reset_and_a_block),
	KUNIT_CASE(reset_and_absurd_window),
	KUNIT_CASE(too_many_scopes),
	KUNIT_CASE(no_queue_at_probe),
	KUNIT_CASE(not_virtio_1),
	KUNIT_CASE(indirect_descriptors_are_off),
	KUNIT_CASE(uapi),
	KUNIT_CASE(ring_too_small),
	KUNIT_CASE(ring_too_large),
	KUNIT_CASE(access_platform),
	KUNIT_CASE(reset_attribute),
	KUNIT_CASE(debugfs),
	KUNIT_CASE(debugfs_of_a_store),
	{ }
};

static struct kunit_suite probe_suite = {
	.name		= "virtio-irq-probe",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= probe_cases,
};

kunit_test_suite(probe_suite);
