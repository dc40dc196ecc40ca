// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI segment for tests
 *
 * An MSI-X table lies in a BAR, and the PCI core maps that with ioremap(). Under
 * UML the BARs are a region of emulated I/O memory (logic_iomem). On x86 they
 * are pages of RAM that are marked reserved, the kind of RAM that ioremap()
 * accepts; so there is no need for a device of the emulator's or for a boot
 * parameter. The window is in no resource tree but the segment's own.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/bitfield.h>
#include <linux/logic_iomem.h>
#include <linux/mm.h>
#include <linux/msi.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "fake_pci.h"
#include "irq-virtio.h"

#define FAKE_PCI_VENDOR		0xfefe
#define FAKE_PCI_DEVICE		0x0001

#define FAKE_PCI_MSI_CAP	0x50
#define FAKE_PCI_MSIX_CAP	0x70

#define FAKE_PCI_MMIO_SIZE	(FAKE_PCI_FUNCTIONS * SZ_4K)
#define FAKE_PCI_MAX_SEGMENTS	2

struct fake_pci {
	/* The first member: pci_domain_nr() of x86 reads it */
#ifdef CONFIG_X86
	struct pci_sysdata	sysdata;
#endif
	struct kunit		*test;
	struct pci_host_bridge	*bridge;
	struct pci_ops		ops;
	struct resource		window;
	struct resource		busn;
	u8			*mmio;
	struct fake_pci_function functions[FAKE_PCI_FUNCTIONS];
	unsigned int		num_functions;
};

/*
 * Memory of the BARs
 */

#ifdef CONFIG_INDIRECT_IOMEM

/* A region cannot be removed, so there is one, for as many segments as a test has */
static u8 fake_pci_mmio[FAKE_PCI_MAX_SEGMENTS * FAKE_PCI_MMIO_SIZE] __aligned(SZ_4K);
static unsigned int fake_pci_segments;

static struct resource fake_pci_region = {
	.name	= "fake PCI BARs",
	.start	= 0xe0000000,
	.end	= 0xe0000000 + sizeof(fake_pci_mmio) - 1,
	.flags	= IORESOURCE_MEM,
};

static unsigned long fake_pci_mmio_read(void *priv, unsigned int offset, int size)
{
	u8 *at = &fake_pci_mmio[offset];

	switch (size) {
	case 1:
		return *at;
	case 2:
		return get_unaligned_le16(at);
	case 4:
		return get_unaligned_le32(at);
	default:
		return get_unaligned_le64(at);
	}
}

static void fake_pci_mmio_write(void *priv, unsigned int offset, int size, unsigned long val)
{
	u8 *at = &fake_pci_mmio[offset];

	switch (size) {
	case 1:
		*at = val;
		break;
	case 2:
		put_unaligned_le16(val, at);
		break;
	case 4:
		put_unaligned_le32(val, at);
		break;
	default:
		put_unaligned_le64(val, at);
		break;
	}
}

static const struct logic_iomem_ops fake_pci_mmio_ops = {
	.read	= fake_pci_mmio_read,
	.write	= fake_pci_mmio_write,
};

static long fake_pci_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
			 void **priv)
{
	*ops = &fake_pci_mmio_ops;
	*priv = fake_pci_mmio;
	return offset;
}

static const struct logic_iomem_region_ops fake_pci_region_ops = {
	.map	= fake_pci_map,
};

static int fake_pci_mmio_get(struct fake_pci *pci)
{
	if (!fake_pci_region.parent) {
		int err = logic_iomem_add_region(&fake_pci_region, &fake_pci_region_ops);

		if (err)
			return err;
	}
	if (fake_pci_segments == FAKE_PCI_MAX_SEGMENTS)
		return -ENOSPC;
	pci->mmio = fake_pci_mmio + fake_pci_segments * FAKE_PCI_MMIO_SIZE;
	pci->window.start = fake_pci_region.start + fake_pci_segments * FAKE_PCI_MMIO_SIZE;
	memset(pci->mmio, 0, FAKE_PCI_MMIO_SIZE);
	fake_pci_segments++;
	return 0;
}

/* The last one first */
static void fake_pci_mmio_put(struct fake_pci *pci)
{
	fake_pci_segments--;
}

#else

static int fake_pci_mmio_get(struct fake_pci *pci)
{
	struct page *page = alloc_pages(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO,
					get_order(FAKE_PCI_MMIO_SIZE));
	unsigned int i;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < FAKE_PCI_MMIO_SIZE / PAGE_SIZE; i++)
		SetPageReserved(page + i);
	pci->mmio = page_address(page);
	pci->window.start = page_to_phys(page);
	return 0;
}

static void fake_pci_mmio_put(struct fake_pci *pci)
{
	struct page *page = virt_to_page(pci->mmio);
	unsigned int i;

	for (i = 0; i < FAKE_PCI_MMIO_SIZE / PAGE_SIZE; i++)
		ClearPageReserved(page + i);
	__free_pages(page, get_order(FAKE_PCI_MMIO_SIZE));
}

#endif

/*
 * Configuration space
 */

static struct fake_pci_function *fake_pci_find(struct pci_bus *bus, unsigned int devfn)
{
	struct fake_pci *pci = container_of(bus->ops, struct fake_pci, ops);
	unsigned int i;

	for (i = 0; i < pci->num_functions; i++) {
		struct fake_pci_function *fn = &pci->functions[i];

		if (fn->present && fn->busnr == bus->number && fn->devfn == devfn)
			return fn;
	}
	return NULL;
}

static int fake_pci_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct fake_pci_function *fn = fake_pci_find(bus, devfn);
	int i;

	if (!fn || where + size > sizeof(fn->config))
		return PCIBIOS_DEVICE_NOT_FOUND;
	for (i = 0, *val = 0; i < size; i++)
		*val |= fn->config[where + i] << 8 * i;
	return PCIBIOS_SUCCESSFUL;
}

static int fake_pci_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct fake_pci_function *fn = fake_pci_find(bus, devfn);
	int i;

	if (!fn || where + size > sizeof(fn->config))
		return PCIBIOS_DEVICE_NOT_FOUND;
	for (i = 0; i < size; i++) {
		u8 *byte = &fn->config[where + i], mask = fn->writable[where + i];

		*byte = (*byte & ~mask) | (val >> 8 * i & mask);
	}
	return PCIBIOS_SUCCESSFUL;
}

static void fake_pci_add_msi(struct fake_pci_function *fn, const struct fake_pci_caps *caps)
{
	u8 *cap = &fn->config[FAKE_PCI_MSI_CAP], *writable = &fn->writable[FAKE_PCI_MSI_CAP];
	u16 flags = FIELD_PREP(PCI_MSI_FLAGS_QMASK, caps->msi_log2);

	if (caps->msi_64)
		flags |= PCI_MSI_FLAGS_64BIT;
	if (caps->msi_mask)
		flags |= PCI_MSI_FLAGS_MASKBIT;
	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSI;
	put_unaligned_le16(flags, cap + PCI_MSI_FLAGS);
	put_unaligned_le16(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, writable + PCI_MSI_FLAGS);
	put_unaligned_le32(~3U, writable + PCI_MSI_ADDRESS_LO);
	if (caps->msi_64) {
		put_unaligned_le32(~0U, writable + PCI_MSI_ADDRESS_HI);
		put_unaligned_le16(0xffff, writable + PCI_MSI_DATA_64);
	} else {
		put_unaligned_le16(0xffff, writable + PCI_MSI_DATA_32);
	}
	if (caps->msi_mask)
		put_unaligned_le32(~0U, writable + (caps->msi_64 ? PCI_MSI_MASK_64 :
								     PCI_MSI_MASK_32));
}

static void fake_pci_add_msix(struct fake_pci_function *fn, const struct fake_pci_caps *caps)
{
	u8 *cap = &fn->config[FAKE_PCI_MSIX_CAP], *writable = &fn->writable[FAKE_PCI_MSIX_CAP];
	unsigned int i;

	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSIX;
	put_unaligned_le16(caps->msix - 1, cap + PCI_MSIX_FLAGS);
	put_unaligned_le16(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL,
			   writable + PCI_MSIX_FLAGS);
	/* Table at 0 of BAR 0; the pending bits are never looked at */
	for (i = 0; i < caps->msix; i++)
		fn->table[4 * i + 3] = cpu_to_le32(PCI_MSIX_ENTRY_CTRL_MASKBIT);
	put_unaligned_le32(fn->pci->window.start + ((u8 *)fn->table - fn->pci->mmio),
			   &fn->config[PCI_BASE_ADDRESS_0]);
	put_unaligned_le32(~(SZ_4K - 1), &fn->writable[PCI_BASE_ADDRESS_0]);
}

static void fake_pci_init_config(struct fake_pci_function *fn, const struct fake_pci_caps *caps)
{
	u8 *next = &fn->config[PCI_CAPABILITY_LIST];

	memset(fn->config, 0, sizeof(fn->config));
	memset(fn->writable, 0, sizeof(fn->writable));
	put_unaligned_le16(caps->controller ? PCI_VENDOR_ID_REDHAT_QUMRANET : FAKE_PCI_VENDOR,
			   &fn->config[PCI_VENDOR_ID]);
	put_unaligned_le16(caps->controller ? VIRTIO_IRQ_PCI_DEVICE_ID : FAKE_PCI_DEVICE,
			   &fn->config[PCI_DEVICE_ID]);
	put_unaligned_le16(PCI_STATUS_CAP_LIST, &fn->config[PCI_STATUS]);
	put_unaligned_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
			   &fn->writable[PCI_COMMAND]);
	fn->config[PCI_CLASS_DEVICE + 1] = PCI_CLASS_OTHERS & 0xff;
	if (caps->bridge) {
		put_unaligned_le16(PCI_CLASS_BRIDGE_PCI, &fn->config[PCI_CLASS_DEVICE]);
		/* Transparent: what is behind it needs no window, so they are closed */
		fn->config[PCI_CLASS_PROG] = 1;
		fn->config[PCI_IO_BASE] = 0xf0;
		put_unaligned_le16(0xfff0, &fn->config[PCI_MEMORY_BASE]);
		put_unaligned_le16(0xfff0, &fn->config[PCI_PREF_MEMORY_BASE]);
		fn->config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
		fn->config[PCI_PRIMARY_BUS] = fn->busnr;
		fn->config[PCI_SECONDARY_BUS] = fn->busnr + 1;
		fn->config[PCI_SUBORDINATE_BUS] = FAKE_PCI_LAST_BUS;
		memset(&fn->writable[PCI_PRIMARY_BUS], 0xff, 3);
	}
	if (caps->msi) {
		*next = FAKE_PCI_MSI_CAP;
		fake_pci_add_msi(fn, caps);
		next = &fn->config[FAKE_PCI_MSI_CAP + PCI_CAP_LIST_NEXT];
	}
	if (caps->msix) {
		*next = FAKE_PCI_MSIX_CAP;
		fake_pci_add_msix(fn, caps);
	}
}

/*
 * Driver
 */

static irqreturn_t fake_pci_handler(int irq, void *data)
{
	struct fake_pci_function *fn = data;

	atomic_inc(&fn->handled);
	return IRQ_HANDLED;
}

/**
 * fake_pci_request - request the interrupt of a vector
 * @fn: the function, with vectors
 * @index: vector, as pci_irq_vector() counts
 *
 * Return: what request_irq() returns.
 */
int fake_pci_request(struct fake_pci_function *fn, unsigned int index)
{
	int virq = pci_irq_vector(fn->pdev, index), err;

	if (virq < 0)
		return virq;
	err = request_irq(virq, fake_pci_handler, 0, "virtio-irq-test", fn);
	if (!err)
		fn->irqs[fn->num_irqs++] = virq;
	return err;
}

/**
 * fake_pci_free - free the interrupt of a vector
 * @fn: the function
 * @index: vector, as pci_irq_vector() counts
 */
void fake_pci_free(struct fake_pci_function *fn, unsigned int index)
{
	int virq = pci_irq_vector(fn->pdev, index);
	unsigned int i;

	free_irq(virq, fn);
	for (i = 0; i < fn->num_irqs; i++)
		if (fn->irqs[i] == virq)
			fn->irqs[i] = fn->irqs[--fn->num_irqs];
}

static struct fake_pci_function *fake_pci_of(struct pci_dev *pdev)
{
	return fake_pci_find(pdev->bus, pdev->devfn);
}

static int fake_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct fake_pci_function *fn = fake_pci_of(pdev);
	int err;

	err = pci_enable_device(pdev);
	if (err)
		return err;
	pci_set_drvdata(pdev, fn);
	pci_set_master(pdev);
	fn->pdev = pdev;
	if (fn->in_probe)
		fn->in_probe(fn);
	if (fn->probe_error) {
		pci_free_irq_vectors(pdev);
		pci_disable_device(pdev);
		return fn->probe_error;
	}
	fn->bound = true;
	return 0;
}

static void fake_pci_remove(struct pci_dev *pdev)
{
	struct fake_pci_function *fn = pci_get_drvdata(pdev);

	if (fn->in_remove)
		fn->in_remove(fn);
	while (fn->num_irqs)
		free_irq(fn->irqs[--fn->num_irqs], fn);
	pci_free_irq_vectors(pdev);
	pci_disable_device(pdev);
	fn->bound = false;
}

static const struct pci_device_id fake_pci_ids[] = {
	{ PCI_DEVICE(FAKE_PCI_VENDOR, FAKE_PCI_DEVICE) },
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, VIRTIO_IRQ_PCI_DEVICE_ID) },
	{ }
};

static struct pci_driver fake_pci_driver = {
	.name		= "virtio-irq-test",
	.id_table	= fake_pci_ids,
	.probe		= fake_pci_probe,
	.remove		= fake_pci_remove,
};

static unsigned int fake_pci_driver_users;

/**
 * fake_pci_bind - bind the test's driver, as sysfs does
 * @fn: the function, plugged in
 *
 * Return: 0, or -ENODEV if it is not bound afterwards.
 */
int fake_pci_bind(struct fake_pci_function *fn)
{
	int err = device_attach(&fn->pdev->dev);

	if (err < 0)
		return err;
	return fn->bound ? 0 : -ENODEV;
}

/**
 * fake_pci_unbind - unbind the driver, as sysfs does
 * @fn: the function
 */
void fake_pci_unbind(struct fake_pci_function *fn)
{
	device_release_driver(&fn->pdev->dev);
}

/*
 * What the functions hold
 */

/**
 * fake_pci_endpoint - the name of a function in the protocol
 * @fn: the function
 */
u32 fake_pci_endpoint(struct fake_pci_function *fn)
{
	return pci_domain_nr(fn->pci->bridge->bus) << 16 | fn->busnr << 8 | fn->devfn;
}

static u16 fake_pci_msi_flags(struct fake_pci_function *fn)
{
	return get_unaligned_le16(&fn->config[FAKE_PCI_MSI_CAP + PCI_MSI_FLAGS]);
}

struct virtio_irq_msg fake_pci_msi_message(struct fake_pci_function *fn)
{
	const u8 *cap = &fn->config[FAKE_PCI_MSI_CAP];
	struct virtio_irq_msg msg = {
		.address = get_unaligned_le32(cap + PCI_MSI_ADDRESS_LO),
	};

	if (fake_pci_msi_flags(fn) & PCI_MSI_FLAGS_64BIT) {
		msg.address |= (u64)get_unaligned_le32(cap + PCI_MSI_ADDRESS_HI) << 32;
		msg.data = get_unaligned_le16(cap + PCI_MSI_DATA_64);
	} else {
		msg.data = get_unaligned_le16(cap + PCI_MSI_DATA_32);
	}
	return msg;
}

bool fake_pci_msi_enabled(struct fake_pci_function *fn)
{
	return fake_pci_msi_flags(fn) & PCI_MSI_FLAGS_ENABLE;
}

bool fake_pci_msi_masked(struct fake_pci_function *fn, unsigned int index)
{
	unsigned int at = fake_pci_msi_flags(fn) & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 :
									PCI_MSI_MASK_32;

	return get_unaligned_le32(&fn->config[FAKE_PCI_MSI_CAP + at]) & BIT(index);
}

struct virtio_irq_msg fake_pci_msix_message(struct fake_pci_function *fn, unsigned int index)
{
	const __le32 *entry = &fn->table[4 * index];

	return (struct virtio_irq_msg) {
		.address = (u64)le32_to_cpu(entry[1]) << 32 | le32_to_cpu(entry[0]),
		.data = le32_to_cpu(entry[2]),
	};
}

bool fake_pci_msix_masked(struct fake_pci_function *fn, unsigned int index)
{
	return le32_to_cpu(fn->table[4 * index + 3]) & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/*
 * The segment
 */

/**
 * fake_pci_function - make a function, which is not plugged in yet
 * @pci: the segment
 * @busnr: bus number
 * @devfn: device and function number
 * @caps: what it is like
 */
struct fake_pci_function *fake_pci_function(struct fake_pci *pci, u8 busnr, u8 devfn,
					    const struct fake_pci_caps *caps)
{
	struct fake_pci_function *fn = &pci->functions[pci->num_functions];

	KUNIT_ASSERT_LT(pci->test, pci->num_functions, FAKE_PCI_FUNCTIONS);
	KUNIT_ASSERT_LE(pci->test, caps->msix, FAKE_PCI_MAX_MSIX);
	fn->test = pci->test;
	fn->pci = pci;
	fn->busnr = busnr;
	fn->devfn = devfn;
	fn->table = (void *)(pci->mmio + pci->num_functions * SZ_4K);
	fake_pci_init_config(fn, caps);
	pci->num_functions++;
	return fn;
}

/**
 * fake_pci_plug - plug a function in: the bus is scanned, drivers are bound
 * @fn: the function; one behind a bridge comes after the bridge
 *
 * Return: its device.
 */
struct pci_dev *fake_pci_plug(struct fake_pci_function *fn)
{
	struct fake_pci *pci = fn->pci;
	struct pci_bus *bus;
	int pass;

	pci_lock_rescan_remove();
	bus = pci_find_bus(pci_domain_nr(pci->bridge->bus), fn->busnr);
	if (bus) {
		fn->present = true;
		pci_scan_slot(bus, fn->devfn);
		fn->pdev = pci_get_slot(bus, fn->devfn);
		/* The reference of the list is enough: nothing else removes it */
		pci_dev_put(fn->pdev);
	}
	if (fn->pdev) {
		if (pci_resource_len(fn->pdev, 0))
			KUNIT_EXPECT_EQ(pci->test, pci_claim_resource(fn->pdev, 0), 0);
		/* As it is, or with new bus numbers where all are assigned anew */
		for (pass = 0; pci_is_bridge(fn->pdev) && pass < 2; pass++)
			pci_scan_bridge(bus, fn->pdev, fn->busnr, pass);
		if (fn->pdev->subordinate)
			pci_read_bridge_bases(fn->pdev->subordinate);
		pci_bus_add_devices(bus);
	}
	pci_unlock_rescan_remove();
	KUNIT_ASSERT_NOT_NULL(pci->test, fn->pdev);
	return fn->pdev;
}

/**
 * fake_pci_unplug - unplug a function: its driver is unbound, its device removed
 * @fn: the function
 */
void fake_pci_unplug(struct fake_pci_function *fn)
{
	pci_lock_rescan_remove();
	pci_stop_and_remove_bus_device(fn->pdev);
	pci_unlock_rescan_remove();
	fn->pdev = NULL;
	fn->present = false;
}

/**
 * fake_pci_set_msi_domain - what functions that are plugged in later inherit
 * @pci: the segment
 * @msi: MSI parent domain, or NULL
 */
void fake_pci_set_msi_domain(struct fake_pci *pci, struct irq_domain *msi)
{
	dev_set_msi_domain(&pci->bridge->bus->dev, msi);
}

static void fake_pci_delete(void *data)
{
	struct fake_pci *pci = data;

	pci_lock_rescan_remove();
	pci_stop_root_bus(pci->bridge->bus);
	pci_remove_root_bus(pci->bridge->bus);
	pci_unlock_rescan_remove();
	pci_free_host_bridge(pci->bridge);
	if (!--fake_pci_driver_users)
		pci_unregister_driver(&fake_pci_driver);
	fake_pci_mmio_put(pci);
	kfree(pci);
}

/**
 * fake_pci_new - a segment without functions
 * @test: the test it lives as long as
 * @segment: its number
 * @msi: MSI parent domain that its functions inherit
 */
struct fake_pci *fake_pci_new(struct kunit *test, int segment, struct irq_domain *msi)
{
	struct fake_pci *pci = kzalloc(sizeof(*pci), GFP_KERNEL);
	struct pci_host_bridge *bridge;

	KUNIT_ASSERT_NOT_NULL(test, pci);
	pci->test = test;
	KUNIT_ASSERT_EQ(test, fake_pci_mmio_get(pci), 0);
	pci->window.name = "fake PCI window";
	pci->window.end = pci->window.start + FAKE_PCI_MMIO_SIZE - 1;
	pci->window.flags = IORESOURCE_MEM;
	pci->busn.name = "fake PCI buses";
	pci->busn.start = FAKE_PCI_BUS;
	pci->busn.end = FAKE_PCI_LAST_BUS;
	pci->busn.flags = IORESOURCE_BUS;
	pci->ops.read = fake_pci_read;
	pci->ops.write = fake_pci_write;

	bridge = pci_alloc_host_bridge(0);
	KUNIT_ASSERT_NOT_NULL(test, bridge);
	pci->bridge = bridge;
	bridge->ops = &pci->ops;
	bridge->busnr = FAKE_PCI_BUS;
#ifdef CONFIG_X86
	pci->sysdata.domain = segment;
	pci->sysdata.node = NUMA_NO_NODE;
	bridge->sysdata = &pci->sysdata;
#else
	bridge->domain_nr = segment;
#endif
	dev_set_msi_domain(&bridge->dev, msi);
	pci_add_resource(&bridge->windows, &pci->window);
	pci_add_resource(&bridge->windows, &pci->busn);

	if (!fake_pci_driver_users++)
		KUNIT_ASSERT_EQ(test, pci_register_driver(&fake_pci_driver), 0);
	pci_lock_rescan_remove();
	KUNIT_ASSERT_EQ(test, pci_scan_root_bus_bridge(bridge), 0);
	pci_bus_add_devices(bridge->bus);
	pci_unlock_rescan_remove();
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_pci_delete, pci), 0);
	return pci;
}
