// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the virtio-irq request engine: a device that is suspended, reset by
 * others, pulled out, or shut down with the kernel
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/moduleparam.h>
#include <linux/reboot.h>
#include <linux/virtio_ring.h>
#include <trace/events/virtio_irq.h>

#include "domain_fixture.h"
#include "engine_fixture.h"

/* What the PM core calls for the virtio device, a child of its transport's device */
static void suspend(struct kunit *test, struct engine *e)
{
	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.suspend(&e->vi->vdev->dev), 0);
	KUNIT_EXPECT_EQ(test, e->vi->state, VIRTIO_IRQ_FROZEN);
}

static void resume(struct kunit *test, struct engine *e)
{
	KUNIT_EXPECT_EQ(test, virtio_irq_pm_ops.resume(&e->vi->vdev->dev), 0);
}

/* As the next kernel, or somebody in the same one who does not tell the driver */
static void reset_by_others(struct engine *e)
{
	e->vi->vdev->config->reset(e->vi->vdev);
}

struct frozen {
	struct engine e;
	struct virtio_irq_vector *armed;	/* stays as it is */
	struct virtio_irq_vector *moved;	/* to route_b */
	struct virtio_irq_vector *managed;	/* armed meanwhile */
	struct virtio_irq_vector *stopped;	/* disarmed meanwhile */
	struct virtio_irq_vector *freed;	/* likewise, and freed */
};

static struct frozen frozen_start(struct kunit *test)
{
	struct frozen f = { .e = engine_start(test, LAZY) };

	f.armed = engine_vector(test, &f.e, 0);
	f.moved = engine_vector(test, &f.e, 1);
	f.managed = engine_vector(test, &f.e, 2);
	f.stopped = engine_vector(test, &f.e, 3);
	f.freed = engine_vector(test, &f.e, 4);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(f.armed, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(f.moved, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(f.stopped, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(f.freed, &route_a, false), 0);
	return f;
}

/* What late suspend does, when the controller's device cannot be asked any more */
static void while_frozen(struct kunit *test, struct frozen *f)
{
	unsigned int requests = f->e.host->num_requests;
	u64 start = ktime_get_mono_fast_ns();

	/* Who waits for an answer is seen */
	virtio_irq_poll_timeout_ms = 20000;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(f->moved, &route_b), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, virtio_irq_activate(f->managed, &route_a, true), -ETIMEDOUT);
	virtio_irq_deactivate(f->stopped);
	virtio_irq_deactivate(f->freed);
	virtio_irq_free(f->freed);
	virtio_config_changed(&f->e.host->vdev);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	virtio_irq_poll_timeout_ms = POLL_MS;
	/* Longer than any timer of the driver, but the one that looks at the device */
	msleep(2 * VIRTIO_IRQ_FLUSH_MS);
	KUNIT_EXPECT_EQ(test, f->e.vi->state, VIRTIO_IRQ_FROZEN);
	KUNIT_EXPECT_EQ(test, f->e.host->num_requests, requests);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&f->e.vi->recover));
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&f->e.vi->watch));
}

/* At once, before the next device resumes */
static void frozen_check(struct kunit *test, struct frozen *f)
{
	struct engine *e = &f->e;

	KUNIT_EXPECT_EQ(test, e->vi->state, VIRTIO_IRQ_READY);
	KUNIT_ASSERT_NOT_NULL(test, fake_host_endpoint(e->host, EP));
	/* A FREE may wait, if somebody sends it */
	KUNIT_EXPECT_TRUE(test, !e->vi->unnotified || timer_pending(&e->vi->timer));
	KUNIT_EXPECT_TRUE(test, list_empty(&e->vi->collected) || timer_pending(&e->vi->timer));
	virtio_irq_flush_timer(&e->vi->timer);
	KUNIT_EXPECT_TRUE(test, engine_fake(e, 0)->armed);
	KUNIT_EXPECT_EQ(test, engine_fake(e, 0)->route_address, route_a.address);
	KUNIT_EXPECT_EQ(test, engine_fake(e, 1)->route_address, route_b.address);
	KUNIT_EXPECT_TRUE(test, engine_fake(e, 2)->armed);
	KUNIT_EXPECT_FALSE(test, engine_fake(e, 3)->armed);
	KUNIT_EXPECT_TRUE(test, engine_fake(e, 3)->allocated);
	KUNIT_EXPECT_FALSE(test, engine_fake(e, 4)->allocated);
	KUNIT_EXPECT_FALSE(test, f->moved->dirty || f->managed->dirty);
	KUNIT_EXPECT_FALSE(test, f->armed->lossy || f->moved->lossy);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&e->vi->watch));
	engine_settle(test, e);
}

/* The transport leaves the device as it is: only what is new is told */
static void slept_lightly(struct kunit *test)
{
	struct frozen f = frozen_start(test);

	suspend(test, &f.e);
	KUNIT_EXPECT_TRUE(test, engine_fake(&f.e, 0)->armed);
	while_frozen(test, &f);
	/* They have to wake the system */
	KUNIT_EXPECT_TRUE(test, engine_fake(&f.e, 0)->armed);
	fake_host_forget_log(f.e.host);
	resume(test, &f.e);
	frozen_check(test, &f);
	KUNIT_EXPECT_EQ(test, f.e.vi->stats.device_resets, 0);
	KUNIT_EXPECT_EQ(test, fake_host_count(f.e.host, VIRTIO_IRQ_T_ATTACH), 0);
}

/* virtio-pci: the device is reset, set up but for its queue, and said to work */
static void slept_and_was_reset(struct kunit *test)
{
	struct frozen f = frozen_start(test);
	struct virtio_device *vdev = &f.e.host->vdev;

	suspend(test, &f.e);
	KUNIT_ASSERT_EQ(test, virtio_device_freeze(vdev), 0);
	while_frozen(test, &f);
	KUNIT_ASSERT_EQ(test, virtio_device_restore(vdev), 0);
	resume(test, &f.e);
	frozen_check(test, &f);
	KUNIT_EXPECT_EQ(test, f.e.vi->stats.device_resets, 1);
}

/* The platform took its power, and nobody sets it up: it is found at the end */
static void slept_and_lost_its_power(struct kunit *test)
{
	struct frozen f = frozen_start(test);

	suspend(test, &f.e);
	while_frozen(test, &f);
	reset_by_others(&f.e);
	resume(test, &f.e);
	frozen_check(test, &f);
	KUNIT_EXPECT_EQ(test, f.e.vi->stats.device_resets, 1);
}

/* virtio core cannot set it up, and does not call the driver */
static void slept_and_features_refused(struct kunit *test)
{
	struct frozen f = frozen_start(test);
	struct virtio_device *vdev = &f.e.host->vdev;

	suspend(test, &f.e);
	KUNIT_ASSERT_EQ(test, virtio_device_freeze(vdev), 0);
	f.e.host->no_finalize = 1;
	KUNIT_EXPECT_NE(test, virtio_device_restore(vdev), 0);
	while_frozen(test, &f);
	resume(test, &f.e);
	frozen_check(test, &f);
}

/* The driver cannot set up its queue: recovery tries it once more */
static void slept_and_no_queue(struct kunit *test)
{
	struct frozen f = frozen_start(test);
	struct virtio_device *vdev = &f.e.host->vdev;

	suspend(test, &f.e);
	while_frozen(test, &f);
	KUNIT_ASSERT_EQ(test, virtio_device_freeze(vdev), 0);
	f.e.host->no_queue = 1;
	KUNIT_EXPECT_EQ(test, virtio_device_restore(vdev), 0);
	resume(test, &f.e);
	frozen_check(test, &f);
}

/* Hibernation: the device touches nothing while the image is made */
static void hibernated(struct kunit *test)
{
	struct frozen f = frozen_start(test);
	struct virtio_device *vdev = &f.e.host->vdev;

	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.freeze(&vdev->dev), 0);
	KUNIT_EXPECT_EQ(test, f.e.host->status, 0);
	KUNIT_EXPECT_NULL(test, f.e.host->vq);
	KUNIT_ASSERT_EQ(test, virtio_device_freeze(vdev), 0);
	while_frozen(test, &f);
	KUNIT_ASSERT_EQ(test, virtio_device_restore(vdev), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_pm_ops.thaw(&vdev->dev), 0);
	frozen_check(test, &f);

	KUNIT_ASSERT_EQ(test, virtio_irq_pm_ops.poweroff(&vdev->dev), 0);
	KUNIT_EXPECT_EQ(test, f.e.host->status, 0);
	KUNIT_ASSERT_EQ(test, virtio_device_freeze(vdev), 0);
	KUNIT_ASSERT_EQ(test, virtio_device_restore(vdev), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_pm_ops.restore(&vdev->dev), 0);
	KUNIT_EXPECT_EQ(test, f.e.vi->state, VIRTIO_IRQ_READY);
	KUNIT_EXPECT_TRUE(test, engine_fake(&f.e, 0)->armed);
}

/* What was posted counts before the controller sleeps: its device may not read the ring then */
static void posted_before_sleep(struct kunit *test)
{
	struct frozen f = frozen_start(test);

	virtio_irq_deactivate(f.stopped);
	KUNIT_EXPECT_TRUE(test, engine_fake(&f.e, 3)->armed);
	suspend(test, &f.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&f.e, 3)->armed);
	KUNIT_EXPECT_EQ(test, f.e.vi->posted, 0);
	resume(test, &f.e);
}

/* A host that answers nothing: suspend and resume take their bounds, and no longer */
static void slept_in_silence(struct kunit *test)
{
	struct frozen f = frozen_start(test);
	u64 start = ktime_get_mono_fast_ns();

	fake_host_rule(f.e.host, FAKE_LOST, 0, UINT_MAX, 0);
	virtio_irq_deactivate(f.stopped);
	suspend(test, &f.e);
	resume(test, &f.e);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 5 * NSEC_PER_SEC);
	KUNIT_EXPECT_NE(test, f.e.vi->state, VIRTIO_IRQ_READY);
	fake_host_rule(f.e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &f.e);
	KUNIT_EXPECT_FALSE(test, engine_fake(&f.e, 3)->armed);
}

/* Broken when the system goes to sleep, and on the way to what is asked of recovery */
static void slept_while_broken(struct kunit *test)
{
	struct frozen f = frozen_start(test);

	virtio_irq_poll_timeout_ms = 5000;
	fake_host_rule(f.e.host, FAKE_LOST, 0, UINT_MAX, 0);
	raw_spin_lock_irq(&f.e.vi->lock);
	__virtio_irq_set_state(f.e.vi, VIRTIO_IRQ_BROKEN);
	__virtio_irq_recover_now(f.e.vi);
	raw_spin_unlock_irq(&f.e.vi->lock);
	msleep(50);
	/* The ping is under way and would take longer */
	suspend(test, &f.e);
	fake_host_rule(f.e.host, FAKE_NONE, 0, 0, 0);
	virtio_irq_poll_timeout_ms = POLL_MS;
	while_frozen(test, &f);
	resume(test, &f.e);
	frozen_check(test, &f);
}

struct lingering {
	struct completion	entered;
	bool			left;
};

/* Recovery, when it has found out that it has to reset the device */
static void linger(struct fake_host *host)
{
	struct lingering *l = host->data;

	if (completion_done(&l->entered))
		return;
	complete_all(&l->entered);
	msleep(300);
	WRITE_ONCE(l->left, true);
}

/* What recovery is at ends before the controller sleeps */
static void slept_when_recovery_ended(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct lingering l = { };

	init_completion(&l.entered);
	e.host->data = &l;
	e.host->in_reset = linger;
	raw_spin_lock_irq(&e.vi->lock);
	e.vi->reset_asked = true;
	__virtio_irq_set_state(e.vi, VIRTIO_IRQ_BROKEN);
	__virtio_irq_recover_now(e.vi);
	raw_spin_unlock_irq(&e.vi->lock);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&l.entered, 5 * HZ), 0);
	suspend(test, &e);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(l.left));
	e.host->in_reset = NULL;
	resume(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_READY);
	engine_settle(test, &e);
}

/* A function level reset: nobody tells the driver, and nobody asks anything of the device */
static void reset_unseen(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&e.vi->watch));
	reset_by_others(&e);
	/* The time has come */
	mod_delayed_work(e.vi->wq, &e.vi->watch, 0);
	flush_delayed_work(&e.vi->watch);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_FALSE(test, vec->lossy);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&e.vi->watch));
}

/* The same, and the next request finds out */
static void reset_found_by_a_request(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	reset_by_others(&e);
	/* It does not look at the ring any more */
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	engine_hold(&e);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
}

/* No answer will come from a device that needs a reset, so that a long wait ends early */
static void no_wait_for_one_that_failed(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	u64 start = ktime_get_mono_fast_ns();

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_poll_timeout_ms = 20000;
	virtio_irq_sleep_timeout_ms = 20000;
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	e.host->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_let(&e);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);

	/* Nor does one that sleeps wait */
	start = ktime_get_mono_fast_ns();
	fake_host_rule(e.host, FAKE_LOST, VIRTIO_IRQ_T_ALLOC, 1, 0);
	e.host->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -ETIMEDOUT);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 2);
}

/* virtio-pci reads all ones from a device that is gone, and would wait for it for ever */
static void off_the_bus(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_endpoint *ep[3];
	u8 status = e.host->status;
	unsigned int i;
	u64 start;

	for (i = 0; i < ARRAY_SIZE(ep); i++) {
		ep[i] = virtio_irq_attach(e.vi, EP + 8 + i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep[i]);
	}
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_sleep_timeout_ms = 20000;
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	e.host->status = 0xff;
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_ABSENT);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 0);
	/* Nobody waits for it any more */
	start = ktime_get_mono_fast_ns();
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ENODEV);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -ENODEV);
	for (i = 0; i < ARRAY_SIZE(ep); i++)
		virtio_irq_detach(ep[i]);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, NSEC_PER_SEC);

	/* It was away for a moment only, as in a reset of its function */
	e.host->status = status;
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address, route_b.address);
	KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP + 8));
}

/* It comes back by itself, and as it was: what it missed is not known, so it is reset */
static void back_on_the_bus(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	u8 status = e.host->status;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	e.host->status = 0xff;
	mod_delayed_work(e.vi->wq, &e.vi->watch, 0);
	flush_delayed_work(&e.vi->watch);
	flush_delayed_work(&e.vi->recover);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_ABSENT);
	e.host->status = status;
	engine_settle(test, &e);
	KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, 1);
	KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
}

/* It is tried again and again, and told once */
static void not_to_be_set_up(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int turn;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	/* The second time is news again */
	for (turn = 1; turn <= 2; turn++) {
		domain_log_start();
		e.host->no_finalize = 4;
		virtio_irq_ask_reset(e.vi);
		engine_settle(test, &e);
		domain_log_stop();
		KUNIT_EXPECT_EQ(test, e.host->no_finalize, 0);
		KUNIT_EXPECT_EQ(test, domain_log_count("cannot be set up again"), 1);
		KUNIT_EXPECT_EQ(test, domain_log_count("resetting the device"), 1);
		KUNIT_EXPECT_EQ(test, e.vi->stats.device_resets, turn);
		KUNIT_EXPECT_TRUE(test, engine_fake(&e, 0)->armed);
	}
}

/* The kernel ends; what virtio core does then is not told to the driver */
static void shut_down(struct kunit *test)
{
	struct engine e = engine_start(test, LAZY);
	struct device *dev = &e.host->vdev.dev;
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_vector *other = engine_vector(test, &e, 1);
	unsigned int notifications;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(other, &route_a, false), 0);
	e.vi->reboot.notifier_call(&e.vi->reboot, SYS_RESTART, NULL);
	/* The devices that are served are shut down before the controller */
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), 0);
	virtio_irq_deactivate(other);
	dev->bus->shutdown(dev);
	notifications = e.host->notifications;
	KUNIT_EXPECT_NE(test, virtio_irq_reroute(vec, &route_a), 0);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_GONE);
	KUNIT_EXPECT_EQ(test, virtio_irq_alloc(&e.ep->msi, 8, 1, 0, 64), -ENODEV);
	msleep(2 * VIRTIO_IRQ_FLUSH_MS);
	KUNIT_EXPECT_EQ(test, e.host->status, 0);
	KUNIT_EXPECT_EQ(test, e.host->notifications, notifications);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&e.vi->recover));
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&e.vi->watch));
}

/* The kernel ends while recovery is under way */
static void shut_down_while_broken(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct device *dev = &e.host->vdev.dev;
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	e.vi->reboot.notifier_call(&e.vi->reboot, SYS_RESTART, NULL);
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_GONE);
	dev->bus->shutdown(dev);
	msleep(2 * VIRTIO_IRQ_FLUSH_MS);
	KUNIT_EXPECT_EQ(test, e.host->status, 0);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&e.vi->recover));
}

/*
 * A host that takes its time for each of many requests: interrupts are off for the sum
 * of it when a CPU goes down
 */
static void slow_for_too_long(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;
	u64 start;

	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	virtio_irq_poll_timeout_ms = 20000;
	/* The worker comes later */
	engine_hold(&e);
	fake_host_rule(e.host, FAKE_SLOW, VIRTIO_IRQ_T_ACTIVATE, UINT_MAX, 300);
	start = ktime_get_mono_fast_ns();
	for (i = 0; i < 40; i++)
		if (virtio_irq_reroute(vec, i & 1 ? &route_a : &route_b))
			break;
	/* Four count a second; a loaded machine gives the host time in between */
	KUNIT_EXPECT_GE(test, i, 4);
	KUNIT_EXPECT_LT(test, i, 40);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_NE(test, e.vi->state, VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, e.vi->stats.timeouts, 0);
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_let(&e);
	engine_settle(test, &e);
	/* The last one failed */
	KUNIT_EXPECT_EQ(test, engine_fake(&e, 0)->route_address,
			i & 1 ? route_a.address : route_b.address);
}

/* Now and then, or once because the guest was paused: that is no reason */
static void slow_now_and_then(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	unsigned int i;

	virtio_irq_poll_timeout_ms = 20000;
	fake_host_rule(e.host, FAKE_SLOW, VIRTIO_IRQ_T_ACTIVATE, 1, 1500);
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 0);
	/* In all longer than may be waited at a time */
	for (i = 0; i < 10; i++) {
		msleep(300);
		fake_host_rule(e.host, FAKE_SLOW, VIRTIO_IRQ_T_ACTIVATE, 1, 100);
		KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, i & 1 ? &route_a : &route_b),
				0);
	}
	KUNIT_EXPECT_EQ(test, e.vi->state, VIRTIO_IRQ_READY);
	KUNIT_EXPECT_EQ(test, e.vi->stats.recoveries, 0);
}

/* Recovery is waited for once, not once for each endpoint that goes */
static void detached_in_silence(struct kunit *test)
{
	struct engine e = engine_start(test, 0);
	struct virtio_irq_vector *vec = engine_vector(test, &e, 0);
	struct virtio_irq_endpoint *ep[3];
	unsigned int i;
	u64 start;

	for (i = 0; i < ARRAY_SIZE(ep); i++) {
		ep[i] = virtio_irq_attach(e.vi, EP + 8 + i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ep[i]);
	}
	KUNIT_ASSERT_EQ(test, virtio_irq_activate(vec, &route_a, false), 0);
	fake_host_rule(e.host, FAKE_LOST, 0, UINT_MAX, 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_reroute(vec, &route_b), -ETIMEDOUT);
	virtio_irq_sleep_timeout_ms = 20000;
	start = ktime_get_mono_fast_ns();
	for (i = 0; i < ARRAY_SIZE(ep); i++)
		virtio_irq_detach(ep[i]);
	KUNIT_EXPECT_LT(test, ktime_get_mono_fast_ns() - start,
			2 * VIRTIO_IRQ_RECOVERY_WAIT_MS * NSEC_PER_MSEC);
	virtio_irq_sleep_timeout_ms = SLEEP_MS;
	fake_host_rule(e.host, FAKE_NONE, 0, 0, 0);
	engine_settle(test, &e);
	for (i = 0; i < ARRAY_SIZE(ep); i++)
		KUNIT_EXPECT_NULL(test, fake_host_endpoint(e.host, EP + 8 + i));
}

extern const struct kernel_param __start___param[], __stop___param[];

static const struct kernel_param *find_param(struct kunit *test, const char *name)
{
	const struct kernel_param *kp;

	for (kp = __start___param; kp < __stop___param; kp++)
		if (!strcmp(kp->name, name))
			return kp;
	KUNIT_FAIL_AND_ABORT(test, "there is no parameter %s", name);
	return NULL;
}

/* What would be no bound at all is not taken */
static void parameters(struct kunit *test)
{
	static const struct {
		const char *name, *most, *more;
		unsigned int *value, max;
	} params[] = {
		{ "virtio_irq.poll_timeout_ms", "5000", "5001", &virtio_irq_poll_timeout_ms, 5000 },
		{ "virtio_irq.sleep_timeout_ms", "100000", "99999999",
		  &virtio_irq_sleep_timeout_ms, 100000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(params); i++) {
		const struct kernel_param *kp = find_param(test, params[i].name);

		KUNIT_EXPECT_EQ(test, kp->ops->set("1", kp), 0);
		KUNIT_EXPECT_EQ(test, *params[i].value, 1);
		KUNIT_EXPECT_NE(test, kp->ops->set("0", kp), 0);
		KUNIT_EXPECT_NE(test, kp->ops->set(params[i].more, kp), 0);
		KUNIT_EXPECT_NE(test, kp->ops->set("-1", kp), 0);
		KUNIT_EXPECT_NE(test, kp->ops->set("soon", kp), 0);
		KUNIT_EXPECT_EQ(test, *params[i].value, 1);
		KUNIT_EXPECT_EQ(test, kp->ops->set(params[i].most, kp), 0);
		KUNIT_EXPECT_EQ(test, *params[i].value, params[i].max);
	}
}

struct states {
	unsigned int num;
	struct {
		int from;
		int to;
	} seen[16];
};

static void trace_state(void *data, int from, int to)
{
	struct states *s = data;

	if (s->num < ARRAY_SIZE(s->seen)) {
		s->seen[s->num].from = from;
		s->seen[s->num].to = to;
	}
	s->num++;
}

/* Every change of the state can be traced, each begins where the one before ended */
static void states_traced(struct kunit *test)
{
	static const int want[] = {
		/* Reset by the administrator */
		VIRTIO_IRQ_READY, VIRTIO_IRQ_BROKEN, VIRTIO_IRQ_RECOVERING,
		/* Asleep */
		VIRTIO_IRQ_READY, VIRTIO_IRQ_FROZEN, VIRTIO_IRQ_BROKEN, VIRTIO_IRQ_RECOVERING,
		/* Away */
		VIRTIO_IRQ_READY, VIRTIO_IRQ_BROKEN, VIRTIO_IRQ_ABSENT, VIRTIO_IRQ_RECOVERING,
		/* Removed */
		VIRTIO_IRQ_READY, VIRTIO_IRQ_GONE,
	};
	struct engine e = engine_start(test, LAZY);
	u8 status = e.host->status;
	struct states s = { };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, register_trace_virtio_irq_state(trace_state, &s), 0);
	KUNIT_EXPECT_EQ(test, virtio_irq_ask_reset(e.vi), 0);
	engine_settle(test, &e);
	suspend(test, &e);
	resume(test, &e);
	engine_settle(test, &e);
	e.host->status = 0xff;
	mod_delayed_work(e.vi->wq, &e.vi->watch, 0);
	flush_delayed_work(&e.vi->watch);
	flush_delayed_work(&e.vi->recover);
	e.host->status = status;
	engine_settle(test, &e);
	device_release_driver(&e.host->vdev.dev);
	unregister_trace_virtio_irq_state(trace_state, &s);
	tracepoint_synchronize_unregister();

	KUNIT_ASSERT_EQ(test, s.num, ARRAY_SIZE(want) - 1);
	for (i = 0; i < s.num; i++) {
		KUNIT_EXPECT_EQ(test, s.seen[i].from, want[i]);
		KUNIT_EXPECT_EQ(test, s.seen[i].to, want[i + 1]);
	}
}

static struct kunit_case life_cases[] = {
	KUNIT_CASE(slept_lightly),
	KUNIT_CASE(slept_and_was_reset),
	KUNIT_CASE(slept_and_lost_its_power),
	KUNIT_CASE(slept_and_features_refused),
	KUNIT_CASE(slept_and_no_queue),
	KUNIT_CASE(hibernated),
	KUNIT_CASE(posted_before_sleep),
	KUNIT_CASE(slept_in_silence),
	KUNIT_CASE(slept_while_broken),
	KUNIT_CASE(slept_when_recovery_ended),
	KUNIT_CASE(reset_unseen),
	KUNIT_CASE(reset_found_by_a_request),
	KUNIT_CASE(no_wait_for_one_that_failed),
	KUNIT_CASE(off_the_bus),
	KUNIT_CASE(back_on_the_bus),
	KUNIT_CASE(not_to_be_set_up),
	KUNIT_CASE(shut_down),
	KUNIT_CASE(shut_down_while_broken),
	KUNIT_CASE(slow_for_too_long),
	KUNIT_CASE(slow_now_and_then),
	KUNIT_CASE(detached_in_silence),
	KUNIT_CASE(parameters),
	KUNIT_CASE(states_traced),
	{ }
};

static struct kunit_suite life_suite = {
	.name		= "virtio-irq-life",
	.init		= engine_init,
	.exit		= engine_exit,
	.test_cases	= life_cases,
};

kunit_test_suite(life_suite);
