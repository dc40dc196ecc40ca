// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (C) 2026 The virtio-irq authors
//
// What is left of drivers/virtio/virtio_irq_compat.h and kunit/kunit_compat.h once unifdef
// has decided for the newest kernel: what they define is put where it is used. Each rule
// is of one of their functions.

@@ expression virq; @@
- virtio_irq_move_at_once(virq);

@@ expression chip; @@
- virtio_irq_chip_moves_at_once(chip);
+ chip->flags &= ~IRQCHIP_MOVE_DEFERRED;

@ post_free @
expression ops;
identifier callback;
@@
- virtio_irq_set_post_free(ops, callback);

@@ identifier post_free.callback; @@
- static void callback(struct irq_domain *domain, struct device *dev) { ... }

@@ expression E; identifier callback; @@
- virtio_irq_set_teardown(&E, callback);
+ E.msi_teardown = callback;

@@ expression ops; identifier callback; @@
- virtio_irq_set_teardown(ops, callback);
+ ops->msi_teardown = callback;

@@ expression ops, domain, arg; @@
- virtio_irq_call_teardown(ops, domain, arg);
+ ops->msi_teardown(domain, arg);

@@ expression pdev; @@
- virtio_irq_msi_addr_width(pdev)
+ fls64(pdev->msi_addr_mask)

// Nothing is mapped beforehand: virtio_irq_premap() is always NULL

@@ expression vi, err; identifier label; @@
- vi->dma_dev = virtio_irq_premap(vi->vq);
- if (!IS_ERR(vi->dma_dev) && vi->evq)
- 	vi->dma_dev = virtio_irq_premap(vi->evq);
- if (IS_ERR(vi->dma_dev)) {
- 	err = PTR_ERR(vi->dma_dev);
- 	vi->dma_dev = NULL;
- 	goto label;
- }

@@ expression vi, other; @@
- vi->dma_dev || other
+ other

@@ expression vi; expression E; statement S; @@
- if (vi->dma_dev) S else
  E;

@@ expression vi; statement S; @@
- if (vi->dma_dev) S else {
  ...
- }

@@ identifier virtio_irq =~ "^virtio_irq$"; @@
struct virtio_irq {
	...
-	dma_addr_t shared_dma;
	...
-	struct device *dma_dev;
	...
-	dma_addr_t events_dma;
	...
};

// kunit_compat.h

@@ @@
- kunit_nr_irqs()
+ irq_get_nr_irqs()

@@ expression d; @@
- kunit_irq_moves_at_once(d)
+ irq_can_move_in_process_context(d)

@@ expression pdev; @@
- kunit_set_64bit_msi(pdev, true);
+ pdev->msi_addr_mask = DMA_BIT_MASK(64);

@@ expression pdev; @@
- kunit_set_64bit_msi(pdev, false);
+ pdev->msi_addr_mask = DMA_BIT_MASK(32);

@ premapped @
identifier expect;
expression test, vi;
@@
- if (kunit_premaps())
- 	expect(test, vi);

@@ identifier premapped.expect; @@
- static void expect(struct kunit *test, struct virtio_irq *vi) { ... }

@@ expression E; @@
- KUNIT_EXPECT_EQ(test, kunit_premaps(), E);

// What checkpatch wants of new code since objects have an allocator of their own

@@ expression P; @@
- kzalloc(sizeof(*P), GFP_KERNEL)
+ kzalloc_obj(*P)

@@ expression P, flags; @@
- kzalloc(sizeof(*P), flags)
+ kzalloc_obj(*P, flags)

@@ expression P; @@
- kmalloc(sizeof(*P), GFP_KERNEL)
+ kmalloc_obj(*P)

@@ expression P, count; @@
- kcalloc(count, sizeof(*P), GFP_KERNEL)
+ kzalloc_objs(*P, count)
