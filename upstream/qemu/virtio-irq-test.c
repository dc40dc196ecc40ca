/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest testcase for virtio-irq
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Requests are written as a driver does, and edu sends messages. A route may
 * lead to memory here, where it can be seen what the device delivers.
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "libqos/libqos-pc.h"
#include "libqos/virtio-pci.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ids.h"
#include "standard-headers/linux/virtio_irq.h"
#include "standard-headers/linux/virtio_ring.h"

#define CONTROLLER_SLOT 3
#define EDU_SLOT 4
#define NO_SLOT 9
#define ENDPOINT (EDU_SLOT << 3)
#define QUEUE_TIMEOUT_US (30 * 1000 * 1000)

/* Where the route leads to, and what is written there */
#define ROUTE_WINDOW "0x100000-0x1fffff"
#define ROUTE_ADDRESS 0x123450
#define ROUTE_DATA 0x42

/* Of edu: a write raises, or acknowledges, an interrupt */
#define EDU_RAISE 0x60
#define EDU_ACK 0x64

typedef struct Rig {
    QOSState *qs;
    QVirtioPCIDevice *dev;
    QVirtQueue *vq;
    QPCIDevice *edu;
    QPCIBar bar;
    uint64_t buffer;
} Rig;

static void rig_start(Rig *rig, const char *options)
{
    QPCIAddress address = { .devfn = QPCI_DEVFN(CONTROLLER_SLOT, 0) };
    QVirtioDevice *vdev;
    uint64_t features;

    rig->qs = qtest_pc_boot("-nodefaults -device virtio-irq-pci,addr=%x,"
                            "route-window=" ROUTE_WINDOW "%s "
                            "-device edu,addr=%x",
                            CONTROLLER_SLOT, options, EDU_SLOT);
    rig->dev = virtio_pci_new(rig->qs->pcibus, &address);
    g_assert_nonnull(rig->dev);
    vdev = &rig->dev->vdev;
    g_assert_cmpint(vdev->device_type, ==, VIRTIO_ID_IRQ);
    qvirtio_pci_device_enable(rig->dev);
    qvirtio_start_device(vdev);
    features = qvirtio_get_features(vdev);
    g_assert(features & 1ull << VIRTIO_F_VERSION_1);
    qvirtio_set_features(vdev, 1ull << VIRTIO_F_VERSION_1);
    rig->vq = qvirtqueue_setup(vdev, &rig->qs->alloc, VIRTIO_IRQ_VQ_REQUEST);
    g_assert_cmpint(rig->vq->size, >=, VIRTIO_IRQ_REQUESTQ_MIN);
    qvirtio_set_driver_ok(vdev);

    rig->edu = qpci_device_find(rig->qs->pcibus, QPCI_DEVFN(EDU_SLOT, 0));
    g_assert_nonnull(rig->edu);
    qpci_device_enable(rig->edu);
    rig->bar = qpci_iomap(rig->edu, 0, NULL);
    rig->buffer = guest_alloc(&rig->qs->alloc, 4096);
}

static void rig_stop(Rig *rig)
{
    guest_free(&rig->qs->alloc, rig->buffer);
    qpci_iounmap(rig->edu, rig->bar);
    g_free(rig->edu);
    qvirtqueue_cleanup(rig->dev->vdev.bus, rig->vq, &rig->qs->alloc);
    qvirtio_pci_device_disable(rig->dev);
    qvirtio_pci_destructor(&rig->dev->obj);
    g_free(rig->dev);
    qtest_shutdown(rig->qs);
}

/* The status of the answer, of which there have to be as many bytes */
static uint8_t request(Rig *rig, const void *req, size_t req_size, void *rsp,
                       size_t rsp_size, size_t used)
{
    QTestState *qts = rig->qs->qts;
    uint64_t answer = rig->buffer + 2048;
    gint64 end = g_get_monotonic_time() + QUEUE_TIMEOUT_US;
    uint32_t head, found, len;

    g_assert_cmpint(rsp_size, <=, 2048);
    qtest_memwrite(qts, rig->buffer, req, req_size);
    qtest_memset(qts, answer, 0xff, rsp_size);
    head = qvirtqueue_add(qts, rig->vq, rig->buffer, req_size, false, true);
    qvirtqueue_add(qts, rig->vq, answer, rsp_size, true, false);
    qvirtqueue_kick(qts, &rig->dev->vdev, rig->vq, head);
    while (!qvirtqueue_get_buf(qts, rig->vq, &found, &len)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
    g_assert_cmpint(found, ==, head);
    g_assert_cmpint(len, ==, used);
    qtest_memread(qts, answer, rsp, rsp_size);
    return *(uint8_t *)rsp;
}

static uint8_t attach(Rig *rig, uint32_t endpoint)
{
    struct virtio_irq_req_attach req = {
        .head.type = VIRTIO_IRQ_T_ATTACH,
        .head.endpoint = cpu_to_le32(endpoint),
    };
    uint32_t tlv_size = qvirtio_config_readl(&rig->dev->vdev,
                            offsetof(struct virtio_irq_config, tlv_size));
    size_t size = sizeof(struct virtio_irq_rsp_attach) + tlv_size;
    g_autofree uint8_t *rsp = g_malloc(size);
    size_t used = endpoint == ENDPOINT ? size : 8;

    return request(rig, &req, sizeof(req), rsp, size, used);
}

static uint8_t alloc(Rig *rig, uint32_t first, bool granted)
{
    struct virtio_irq_req_alloc req = {
        .head.type = VIRTIO_IRQ_T_ALLOC,
        .head.endpoint = cpu_to_le32(ENDPOINT),
        .flags = cpu_to_le16(VIRTIO_IRQ_ALLOC_F_DATA16),
        .first = cpu_to_le32(first),
        .count = cpu_to_le32(1),
        .addr_width = 64,
    };
    struct virtio_irq_rsp_alloc rsp;
    uint8_t status = request(rig, &req, sizeof(req), &rsp, sizeof(rsp),
                             granted ? sizeof(rsp) : sizeof(rsp.head));

    if (granted) {
        g_assert_cmpint(le32_to_cpu(rsp.granted), ==, 1);
    }
    return status;
}

static uint8_t activate(Rig *rig, uint64_t address,
                        struct virtio_irq_rsp_activate *rsp, bool granted)
{
    struct virtio_irq_req_activate req = {
        .head.type = VIRTIO_IRQ_T_ACTIVATE,
        .head.endpoint = cpu_to_le32(ENDPOINT),
        .address = cpu_to_le64(address),
        .data = cpu_to_le32(ROUTE_DATA),
    };

    return request(rig, &req, sizeof(req), rsp, sizeof(*rsp),
                   granted ? sizeof(*rsp) : sizeof(rsp->head));
}

static uint8_t deactivate(Rig *rig)
{
    struct virtio_irq_req_deactivate req = {
        .head.type = VIRTIO_IRQ_T_DEACTIVATE,
        .head.endpoint = cpu_to_le32(ENDPOINT),
    };
    struct virtio_irq_rsp_head rsp;

    return request(rig, &req, sizeof(req), &rsp, sizeof(rsp), sizeof(rsp));
}

static void edu_set_msi(Rig *rig, uint64_t address, uint16_t data)
{
    uint8_t cap = qpci_find_capability(rig->edu, PCI_CAP_ID_MSI, 0);
    uint16_t flags;

    g_assert_cmpint(cap, !=, 0);
    flags = qpci_config_readw(rig->edu, cap + PCI_MSI_FLAGS);
    g_assert(flags & PCI_MSI_FLAGS_64BIT);
    qpci_config_writel(rig->edu, cap + PCI_MSI_ADDRESS_LO, address);
    qpci_config_writel(rig->edu, cap + PCI_MSI_ADDRESS_HI, address >> 32);
    qpci_config_writew(rig->edu, cap + PCI_MSI_DATA_64, data);
    qpci_config_writew(rig->edu, cap + PCI_MSI_FLAGS,
                       flags | PCI_MSI_FLAGS_ENABLE);
}

/* What is where the route leads to, after an interrupt of edu */
static uint32_t edu_fire(Rig *rig)
{
    qtest_writel(rig->qs->qts, ROUTE_ADDRESS, 0);
    qpci_io_writel(rig->edu, rig->bar, EDU_RAISE, 1);
    qpci_io_writel(rig->edu, rig->bar, EDU_ACK, 1);
    return qtest_readl(rig->qs->qts, ROUTE_ADDRESS);
}

static void test_attach(void)
{
    struct virtio_irq_req_detach unknown = { .head.type = 0xee };
    struct virtio_irq_rsp_head rsp;
    Rig rig;

    rig_start(&rig, "");
    g_assert_cmpint(request(&rig, &unknown, sizeof(unknown), &rsp, sizeof(rsp),
                            sizeof(rsp)), ==, VIRTIO_IRQ_S_UNSUPP);
    g_assert_cmpint(request(&rig, &unknown, 4, &rsp, sizeof(rsp), sizeof(rsp)),
                    ==, VIRTIO_IRQ_S_INVAL);
    g_assert_cmpint(attach(&rig, 0), ==, VIRTIO_IRQ_S_PERM);
    g_assert_cmpint(attach(&rig, NO_SLOT << 3), ==, VIRTIO_IRQ_S_NOENT);
    g_assert_cmpint(alloc(&rig, 0, false), ==, VIRTIO_IRQ_S_NOENT);
    g_assert_cmpint(attach(&rig, ENDPOINT), ==, VIRTIO_IRQ_S_OK);
    g_assert_cmpint(attach(&rig, ENDPOINT), ==, VIRTIO_IRQ_S_OK);
    rig_stop(&rig);
}

static void test_deliver(void)
{
    struct virtio_irq_rsp_activate rsp;
    Rig rig;

    rig_start(&rig, "");
    g_assert_cmpint(attach(&rig, ENDPOINT), ==, VIRTIO_IRQ_S_OK);
    g_assert_cmpint(alloc(&rig, 0, true), ==, VIRTIO_IRQ_S_OK);
    /* Not where routes may lead to */
    g_assert_cmpint(activate(&rig, 0x200000, &rsp, false), ==,
                    VIRTIO_IRQ_S_RANGE);
    g_assert_cmpint(activate(&rig, ROUTE_ADDRESS, &rsp, true), ==,
                    VIRTIO_IRQ_S_OK);
    g_assert_cmphex(le32_to_cpu(rsp.data), <, 0x10000);

    edu_set_msi(&rig, le64_to_cpu(rsp.address),
                le32_to_cpu(rsp.data));
    g_assert_cmphex(edu_fire(&rig), ==, ROUTE_DATA);
    /* Another message is none of the vector's */
    edu_set_msi(&rig, le64_to_cpu(rsp.address),
                le32_to_cpu(rsp.data) ^ 1);
    g_assert_cmphex(edu_fire(&rig), ==, 0);
    edu_set_msi(&rig, le64_to_cpu(rsp.address),
                le32_to_cpu(rsp.data));
    g_assert_cmphex(edu_fire(&rig), ==, ROUTE_DATA);
    g_assert_cmpint(deactivate(&rig), ==, VIRTIO_IRQ_S_OK);
    g_assert_cmphex(edu_fire(&rig), ==, 0);
    rig_stop(&rig);
}

static void test_quota(void)
{
    Rig rig;

    rig_start(&rig, ",vector-quota=0");
    g_assert_cmpint(attach(&rig, ENDPOINT), ==, VIRTIO_IRQ_S_OK);
    g_assert_cmpint(alloc(&rig, 0, false), ==, VIRTIO_IRQ_S_QUOTA);
    rig_stop(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/virtio-irq/attach", test_attach);
    qtest_add_func("/virtio-irq/deliver", test_deliver);
    qtest_add_func("/virtio-irq/quota", test_quota);
    return g_test_run();
}
