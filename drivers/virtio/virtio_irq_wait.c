// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-irq request engine: the ways of waiting for an answer
 *
 * requestq has no interrupt: an answer is wanted under desc->lock with interrupts off,
 * where nothing in the guest could deliver one, so everybody polls.
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#include <linux/delay.h>
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>

#include "virtio_irq_internal.h"

/*
 * One look. Whoever gets the lock reaps for all, the others look at their own
 * slot. Nothing more comes out of a broken queue: -EPIPE.
 */
static int virtio_irq_poll_once(struct virtio_irq *vi, struct virtio_irq_call *call,
				struct virtio_irq_slot *slot)
{
	unsigned long flags;
	int err;

	if (!raw_spin_trylock_irqsave(&vi->lock, flags)) {
		/* Pairs with the release in __virtio_irq_answered() */
		if (smp_load_acquire(&slot->state) == VIRTIO_IRQ_SLOT_WAITED)
			return -EINPROGRESS;
		raw_spin_lock_irqsave(&vi->lock, flags);
	}
	__virtio_irq_reap(vi);
	err = __virtio_irq_take_answer(vi, call, slot);
	if (err == -EINPROGRESS && !vi->resetting && virtqueue_is_broken(vi->vq))
		err = -EPIPE;
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return err;
}

/*
 * The time is up. Returns as virtio_irq_poll_once() if the answer is there now,
 * or -ETIMEDOUT: the slot stays with the device.
 */
static int virtio_irq_give_up(struct virtio_irq *vi, struct virtio_irq_call *call,
			      struct virtio_irq_slot *slot)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* One last look: the deadline of a paused guest passes in no time */
	__virtio_irq_reap(vi);
	err = __virtio_irq_take_answer(vi, call, slot);
	if (err == -EINPROGRESS) {
		err = -ETIMEDOUT;
		__virtio_irq_give_slot_up(vi, slot);
		vi->stats.timeouts++;
		/* Recovery sees the error itself, and waits before it tries again */
		if (!call->recovery || vi->state == VIRTIO_IRQ_READY)
			__virtio_irq_break_call(vi, call, -ETIMEDOUT);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return err;
}

/*
 * Will there be no answer, as the device has failed, was reset or has left the bus? Its
 * interrupt for that may be on the way to this very CPU. @look: when to look again.
 */
static bool virtio_irq_is_hopeless(struct virtio_irq *vi, u64 waited, u64 *look)
{
	u8 status;

	if (waited < *look)
		return false;
	*look = 2 * waited;
	status = vi->vdev->config->get_status(vi->vdev);
	if (status & VIRTIO_CONFIG_S_DRIVER_OK && !(status & VIRTIO_CONFIG_S_NEEDS_RESET))
		return false;
	/* While recovery resets the device it has set this before */
	smp_rmb();
	return !READ_ONCE(vi->resetting);
}

static bool virtio_irq_expired(struct virtio_irq *vi, u64 start, unsigned int polls, u64 *look)
{
	u64 limit = (u64)READ_ONCE(virtio_irq_poll_timeout_ms) * NSEC_PER_MSEC;
	u64 waited;

	if (polls < VIRTIO_IRQ_MIN_POLLS)
		return false;
	waited = ktime_get_mono_fast_ns() - start;
	return waited > limit || virtio_irq_is_hopeless(vi, waited, look);
}

/*
 * There was an answer, but not soon. Interrupts are off for the sum of such waits if one
 * follows the other: from a limit on recovery has to see first whether the host is as
 * fast as it should be, and what comes fails at once.
 */
static noinline void virtio_irq_slow(struct virtio_irq *vi, const struct virtio_irq_call *call)
{
	u64 now = ktime_get_mono_fast_ns(), pause;
	unsigned long flags;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* Several CPUs may have waited at the same time */
	pause = now > vi->slow_end + call->took ? now - vi->slow_end - call->took : 0;
	vi->slow_sum -= min(vi->slow_sum, pause);
	vi->slow_sum += min(call->took, VIRTIO_IRQ_SLOW_MAX_NS);
	vi->slow_end = now;
	if (vi->slow_sum >= VIRTIO_IRQ_SLOW_SUM_NS) {
		vi->slow_sum = 0;
		__virtio_irq_break_call(vi, call, -ETIME);
	}
	raw_spin_unlock_irqrestore(&vi->lock, flags);
}

/**
 * virtio_irq_call_atomic - send a request and poll for its answer
 * @vi: the controller
 * @call: the request
 * @flags: for the lock
 *
 * The caller has decided under the lock that the request is due, and it takes its place
 * in the queue before anybody else can decide otherwise.
 *
 * Context: any, vi->lock is held and is dropped; may spin for poll_timeout_ms with
 * interrupts off.
 * Return: 0 or the host's status as an errno; -EIO for a malformed answer,
 * -ETIMEDOUT if there is none or the queue is broken, -ENODEV after removal.
 */
int virtio_irq_call_atomic(struct virtio_irq *vi, struct virtio_irq_call *call,
			   unsigned long flags)
	__releases(&vi->lock)
{
	u64 start = 0, look = VIRTIO_IRQ_LOOK_NS;
	struct virtio_irq_slot *slot;
	unsigned int polls = 0;
	bool notify;
	int err;

	for (;;) {
		err = __virtio_irq_start(vi, call, &slot, &notify);
		raw_spin_unlock_irqrestore(&vi->lock, flags);
		virtio_irq_notify(vi, notify);
		if (err != -EAGAIN)
			break;
		/* The clock is not read where nobody has to wait */
		if (!start)
			start = ktime_get_mono_fast_ns();
		if (virtio_irq_expired(vi, start, ++polls, &look)) {
			raw_spin_lock_irqsave(&vi->lock, flags);
			vi->stats.timeouts++;
			__virtio_irq_break_call(vi, call, -ETIMEDOUT);
			raw_spin_unlock_irqrestore(&vi->lock, flags);
			return -ETIMEDOUT;
		}
		cpu_relax();
		raw_spin_lock_irqsave(&vi->lock, flags);
	}
	/* There is no time to wait for recovery */
	if (err)
		return err == -ERESTART ? -ETIMEDOUT : err;

	start = slot->start;
	look = VIRTIO_IRQ_LOOK_NS;
	for (polls = 0; (err = virtio_irq_poll_once(vi, call, slot)) == -EINPROGRESS; polls++) {
		if (virtio_irq_expired(vi, start, polls, &look))
			break;
		cpu_relax();
	}
	if (err == -EINPROGRESS || err == -EPIPE)
		err = virtio_irq_give_up(vi, call, slot);
	if (unlikely(call->took >= VIRTIO_IRQ_SLOW_NS))
		virtio_irq_slow(vi, call);
	/* There is no time to send it again */
	return err == -ERESTART ? -ETIMEDOUT : err;
}

/**
 * virtio_irq_recovery_wait - how long is the host worth being waited for?
 * @vi: the controller
 *
 * For request_irq(), which waits for a recovery to end, and for ATTACH and DETACH. The
 * domain sends these in a notifier chain of the PCI bus and with a device's lock: if
 * somebody waits to change that chain, every bind and unbind waits as long. A host that
 * has kept others waiting for so long already is not waited for at all.
 *
 * Context: any.
 * Return: milliseconds.
 */
unsigned int virtio_irq_recovery_wait(struct virtio_irq *vi)
{
	unsigned int limit = min(READ_ONCE(virtio_irq_sleep_timeout_ms),
				 VIRTIO_IRQ_RECOVERY_WAIT_MS);
	unsigned long flags;
	u64 waited = 0;

	raw_spin_lock_irqsave(&vi->lock, flags);
	/* FROZEN: it begins when the system resumes */
	if (vi->state != VIRTIO_IRQ_READY && vi->state != VIRTIO_IRQ_FROZEN)
		waited = div_u64(ktime_get_mono_fast_ns() - vi->broken_at, NSEC_PER_MSEC);
	raw_spin_unlock_irqrestore(&vi->lock, flags);
	return waited < limit ? limit - waited : 0;
}

/* Is there no use in a longer wait, however long it may be yet? */
static bool virtio_irq_is_over(struct virtio_irq *vi, bool recovery)
{
	enum virtio_irq_state state = READ_ONCE(vi->state);

	return state == VIRTIO_IRQ_ABSENT || state == VIRTIO_IRQ_GONE ||
	       (recovery && !virtio_irq_may_recover(vi));
}

/**
 * virtio_irq_call_sleep - send a request and sleep until its answer
 * @vi: the controller
 * @call: the request
 * @timeout_ms: bound of the whole wait in milliseconds
 *
 * Waits until the engine is READY, except for recovery's own requests, and
 * sends a request that a reset of the device dropped once more: the device has
 * forgotten whatever it did.
 *
 * Context: process context, sleeps.
 * Return: as virtio_irq_call_atomic().
 */
int virtio_irq_call_sleep(struct virtio_irq *vi, struct virtio_irq_call *call,
			  unsigned int timeout_ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(timeout_ms);
	struct virtio_irq_slot *slot;
	unsigned int us;
	u64 look, start;
	bool notify;
	int err;

	might_sleep();

	do {
		if (!call->recovery)
			wait_event_timeout(vi->wait, virtio_irq_settled(vi),
					   max_t(long, end - jiffies, 1));

		raw_spin_lock_irq(&vi->lock);
		err = __virtio_irq_start(vi, call, &slot, &notify);
		raw_spin_unlock_irq(&vi->lock);
		virtio_irq_notify(vi, notify);
		if (err == -EAGAIN) {
			usleep_range(100, 200);
			err = -ERESTART;
			continue;
		}
		/* Broken since it was looked at above: wait for recovery again */
		if (err == -ERESTART)
			continue;
		if (err)
			return err;

		start = slot->start;
		look = VIRTIO_IRQ_LOOK_NS;
		/* The first look finds the answer of a synchronous host */
		for (us = 10; (err = virtio_irq_poll_once(vi, call, slot)) == -EINPROGRESS;
		     us = min(2 * us, 10000U)) {
			if (time_after(jiffies, end) || virtio_irq_is_over(vi, call->recovery) ||
			    virtio_irq_is_hopeless(vi, ktime_get_mono_fast_ns() - start, &look))
				break;
			usleep_range(us, 2 * us);
		}
		if (err == -EINPROGRESS || err == -EPIPE)
			err = virtio_irq_give_up(vi, call, slot);
	} while (err == -ERESTART && time_before(jiffies, end));

	return err == -ERESTART ? -ETIMEDOUT : err;
}

/**
 * virtio_irq_await - notify of what recovery has posted, and sleep until it is answered
 * @vi: the controller
 * @left: or until no more than so many requests are not
 * @timeout_ms: bound of the wait for one answer after the other, in milliseconds
 *
 * Context: process context, sleeps; recovery only.
 * Return: 0, or -ETIMEDOUT: what was not answered by then is given up.
 */
int virtio_irq_await(struct virtio_irq *vi, unsigned int left, unsigned int timeout_ms)
{
	unsigned int before = UINT_MAX, now, us = 10;
	u64 start = 0, look = 0;
	unsigned long end = 0;
	bool notify, broken;

	raw_spin_lock_irq(&vi->lock);
	notify = vi->unnotified && __virtio_irq_kick_prepare(vi);
	raw_spin_unlock_irq(&vi->lock);
	virtio_irq_notify(vi, notify);

	for (;;) {
		raw_spin_lock_irq(&vi->lock);
		__virtio_irq_reap(vi);
		now = vi->replaying;
		broken = !vi->resetting && virtqueue_is_broken(vi->vq);
		raw_spin_unlock_irq(&vi->lock);
		if (now <= left)
			return 0;
		if (now < before) {
			end = jiffies + msecs_to_jiffies(timeout_ms);
			start = ktime_get_mono_fast_ns();
			look = VIRTIO_IRQ_LOOK_NS;
			us = 10;
		}
		before = now;
		if (broken || time_after(jiffies, end) || virtio_irq_is_over(vi, true) ||
		    virtio_irq_is_hopeless(vi, ktime_get_mono_fast_ns() - start, &look))
			break;
		usleep_range(us, 2 * us);
		us = min(2 * us, 10000U);
	}

	raw_spin_lock_irq(&vi->lock);
	/* One last look, as in virtio_irq_give_up() */
	__virtio_irq_reap(vi);
	now = vi->replaying;
	if (now > left)
		__virtio_irq_give_replay_up(vi);
	raw_spin_unlock_irq(&vi->lock);
	return now > left ? -ETIMEDOUT : 0;
}
