// SPDX-License-Identifier: GPL-2.0-only
/*
 * ims-testdev guest driver: how it is told what to do
 *
 * Copyright (C) 2026 The virtio-irq authors
 *
 * Everything happens through /sys/kernel/debug/ims-testdev/<PCI name>/:
 *
 * ctl		Write one command, at most 128 bytes, with one write(). It returns
 *		the command's error, so that the shell's echo fails if the command
 *		did. Reading from the same file descriptor afterwards returns the
 *		command's result line.
 * result	The result line of the command that ended last on this device.
 * vectors	A table of all vectors that are allocated or ever fired; the first
 *		line names the columns. "-" is what a vector does not have.
 * slots, records
 *		The same for stores 1 and 2, of vectors that are allocated.
 * info		The device's own state, one "name value" per line.
 *
 * A result line is
 *
 *	ret=<n> errno=<NAME> us=<time taken> <name>=<value>... cmd="<command>"
 *
 * with errno=0 if the command succeeded; n is then 0 or what is said below.
 *
 * Commands on different vectors run side by side when they are written by
 * different processes; those on one vector wait for each other. Numbers may be
 * decimal or 0x. I is the number of a vector, RANGE is two numbers, the first
 * vector and how many; where it is in brackets, all vectors if it is missing.
 *
 * alloc msix|msi|any MIN MAX [affinity [PRE POST]]
 *		pci_alloc_irq_vectors(); n is what it returned. With "affinity"
 *		they are managed, except for PRE first and POST last ones.
 * release	free_irq() all that are requested, cancel what they are owed,
 *		pci_free_irq_vectors()
 * request I	request_irq()
 * request-all [RANGE]
 *		request_irq() every allocated vector that is not requested, up to
 *		the first error: vector= says whose; done= how many succeeded
 * free I	free_irq()
 * free-all [RANGE]
 * add [I]	pci_msix_alloc_irq_at(), at any index without I; n is the index
 * remove I	pci_msix_free_irq() of an added vector
 * move I CPU	irq_set_affinity()
 * mask I [lazy]
 *		disable_irq(); with "lazy", as usual, the vector is masked only if it
 *		fires all the same
 * unmask I	enable_irq()
 * wake I on|off
 *		enable_irq_wake() or disable_irq_wake(). As long as a vector has it on, the
 *		function works on while the system is suspended to idle, and its other
 *		vectors' interrupts wait for the end of that.
 *
 * fire I N	make the device send N more interrupts, the next one whenever the
 *		last one was handled. Without a gap their CPU does little else
 *		until the last one.
 * fire-all N [RANGE]
 *		the same on every requested vector; done= how many
 * gap NS [RANGE]
 *		time between an interrupt's handling and the next one
 * cancel [RANGE]
 *		the vectors are owed nothing any more
 * wait MS [RANGE]
 *		until all that the requested vectors are owed is handled, then
 *		check it. -ETIMEDOUT: not all was, vector= says where; an interrupt
 *		was lost if this does not get better. -EIO: all was, but fired,
 *		acked and handled are not the same for vector=. The sums tell about
 *		all vectors in the range that are requested. spurious= counts calls
 *		of a handler for which the device had sent nothing. They are no
 *		error: x86's msi_set_affinity(), for one, retriggers an interrupt
 *		that it moves when in doubt.
 * clear	cancel on all vectors, all counters of both sides to zero
 *
 * raw ADDRESS DATA [N [PASID]]
 *		the function writes DATA to ADDRESS, N times; bus= how the last one
 *		ended, 0: it was accepted
 * raw-vector I [N [PASID]]
 *		the same with vector I's own message, or another PASID than its own
 * freed-fire I [N]
 *		free_irq(), and then at once the message that the vector had
 *
 * churn RANGE ROUNDS [FIRES]
 *		start a job that adds (if not allocated), requests, fires FIRES
 *		times (3), frees and removes each vector of the range, ROUNDS times
 *		(0: until stopped). None of them may be requested; other commands
 *		leave them alone or fail with -EBUSY, except wait, which skips them.
 * mover RANGE ROUNDS
 *		start a job that moves the requested vectors of the range from CPU
 *		to CPU
 * churn-wait MS, mover-wait MS
 *		until the job has ended; n is its first error. step= and vector=
 *		say where; rounds=, ops= (steps or moves that succeeded), failed=
 *		(refused moves), fired= (all of which were handled), spurious=
 * churn-stop, mover-stop
 *		end it after the current round; the result is the same
 *
 * All of this is for MSI and MSI-X. Store 1 are slots in BAR 2, store 2 records in
 * memory:
 *
 * store 1|2 COMMAND
 *		the same for a vector or vectors of that store: request, free, move,
 *		mask, unmask, wake, fire, gap, cancel, wait, raw-vector, freed-fire, and
 *		those with -all. A PASID may be "none". And:
 * store S open	have virtio-irq serve the store; until then it has no vectors
 * store S close
 *		free, cancel and remove all vectors, then undo open
 * store S add I|any [PASID]
 *		virtio_irq_ims_add(), or what there is with a module; n is the index
 * store S remove I
 *		virtio_irq_ims_remove()
 * store S add-all RANGE
 * store S remove-all [RANGE]
 *		the same with all that are not there, or are
 * store S pasid I PASID
 *		virtio_irq_ims_set_pasid()
 * store S forge-pasid I PASID
 *		the same in the store, but virtio-irq is not told
 * store S grow RANGE N [PASID]
 *		add and request one after the other, each while those before it fire
 *		N interrupts together, and check that all of them were handled;
 *		added=, requested=, refused= (by request_irq() with -ENOSPC, which
 *		does not end it), fired= (all of which were handled), during= (of
 *		these, while one was added and requested); step= and vector= say
 *		where it failed. Nothing else may fire.
 * store S stress RANGE N [PASIDS]
 *		start a job that does to the vectors of the range whatever can be
 *		done, on all CPUs, until they have fired N interrupts (0: until
 *		stopped); PASIDs are from 1 to PASIDS
 * stress-wait MS, stress-stop
 *		as for churn; then the number of operations by name
 *
 * bench alloc|life|managed COUNT
 * bench storm|hot COUNT ROUNDS
 *		measure: allocation of COUNT MSI-X vectors; all of their life; that
 *		of managed ones; their moving around, ROUNDS times; adding,
 *		requesting, freeing and removing one beside them. There may be no
 *		vectors. <phase>=<cycles>. Of another store, which must be open,
 *		neither alloc nor managed.
 */

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ims_testdev_ctl.h"

/* Add to the result line. */
void itd_say(struct itd_cmd *cmd, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cmd->len += vscnprintf(cmd->text + cmd->len,
			       sizeof(cmd->text) - cmd->len, fmt, args);
	va_end(args);
}

/* ENOSPC for -ENOSPC */
static const char *itd_errname(char *buf, size_t size, int ret)
{
	if (ret >= 0)
		return "0";
	snprintf(buf, size, "%pe", ERR_PTR(ret));
	return buf + (buf[0] == '-');
}

/* Argument @i as a number */
int itd_arg_u32(struct itd_cmd *cmd, int i, u32 *value)
{
	return kstrtou32(cmd->argv[i], 0, value);
}

/* The same, but it may be missing. */
int itd_opt_u32(struct itd_cmd *cmd, int i, u32 *value)
{
	return i < cmd->argc ? itd_arg_u32(cmd, i, value) : 0;
}

/* Argument @i as the index of a vector */
int itd_arg_vector(struct itd_cmd *cmd, int i, struct itd_vector **v)
{
	u32 index;
	int ret;

	ret = itd_arg_u32(cmd, i, &index);
	if (ret)
		return ret;
	if (index >= cmd->store->nr_vectors)
		return -EINVAL;
	*v = &cmd->store->vec[index];
	return 0;
}

/* Two arguments from @i on, or none for all vectors. */
int itd_arg_range(struct itd_cmd *cmd, int i, struct itd_range *r)
{
	int ret;

	if (i >= cmd->argc) {
		r->first = 0;
		r->count = cmd->store->nr_vectors;
		return 0;
	}
	if (i + 1 >= cmd->argc)
		return -EINVAL;

	ret = itd_arg_u32(cmd, i, &r->first);
	if (!ret)
		ret = itd_arg_u32(cmd, i + 1, &r->count);
	if (ret)
		return ret;
	if (!r->count || r->first >= cmd->store->nr_vectors ||
	    r->count > cmd->store->nr_vectors - r->first)
		return -EINVAL;
	return 0;
}

/* Argument @i as a PASID or "none"; left as it is if it is missing */
int itd_opt_pasid(struct itd_cmd *cmd, int i, u32 *pasid)
{
	if (i >= cmd->argc)
		return 0;
	if (!strcmp(cmd->argv[i], "none")) {
		*pasid = VIRTIO_IRQ_NO_PASID;
		return 0;
	}
	return itd_arg_u32(cmd, i, pasid);
}

/* The vector of argument 0 is operated on. */
int itd_on_vector(struct itd_cmd *cmd, int (*fn)(struct itd_vector *v))
{
	struct itd_vector *v;
	int ret;

	ret = itd_arg_vector(cmd, 0, &v);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	guard(mutex)(&v->lock);
	return v->churned ? -EBUSY : fn(v);
}

/*
 * All vectors of the range from argument @arg on for which @fn returns more than
 * zero are counted as done, up to the first error. The churned are left out.
 */
int itd_on_range(struct itd_cmd *cmd, int arg,
		 int (*fn)(struct itd_vector *v, u32 value), u32 value)
{
	struct itd_range r;
	u32 done = 0;
	int ret;

	ret = itd_arg_range(cmd, arg, &r);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	for (u32 i = r.first; i < r.first + r.count; i++) {
		struct itd_vector *v = &cmd->store->vec[i];

		scoped_guard(mutex, &v->lock)
			ret = v->churned ? 0 : fn(v, value);
		if (ret < 0) {
			itd_say(cmd, "vector=%u ", i);
			break;
		}
		done += ret;
	}
	itd_say(cmd, "done=%u ", done);
	return min(ret, 0);
}

static int itd_cmd_alloc(struct itd_cmd *cmd)
{
	struct irq_affinity affd = {};
	unsigned int flags;
	u32 min, max;
	int ret;

	if (!strcmp(cmd->argv[0], "msix"))
		flags = PCI_IRQ_MSIX;
	else if (!strcmp(cmd->argv[0], "msi"))
		flags = PCI_IRQ_MSI;
	else if (!strcmp(cmd->argv[0], "any"))
		flags = PCI_IRQ_MSIX | PCI_IRQ_MSI;
	else
		return -EINVAL;

	ret = itd_arg_u32(cmd, 1, &min);
	if (!ret)
		ret = itd_arg_u32(cmd, 2, &max);
	if (!ret)
		ret = itd_opt_u32(cmd, 4, &affd.pre_vectors);
	if (!ret)
		ret = itd_opt_u32(cmd, 5, &affd.post_vectors);
	if (ret)
		return ret;
	if (cmd->argc == 5)
		return -EINVAL;
	if (cmd->argc > 3) {
		if (strcmp(cmd->argv[3], "affinity"))
			return -EINVAL;
		flags |= PCI_IRQ_AFFINITY;
	}

	return itd_alloc(cmd->itd, flags, min, max,
			 flags & PCI_IRQ_AFFINITY ? &affd : NULL);
}

static int itd_cmd_release(struct itd_cmd *cmd)
{
	return itd_release(cmd->itd);
}

static int itd_cmd_request(struct itd_cmd *cmd)
{
	return itd_on_vector(cmd, itd_request);
}

static int itd_request_one(struct itd_vector *v, u32 unused)
{
	if (!v->virq || v->requested)
		return 0;
	return itd_request(v) ?: 1;
}

static int itd_cmd_request_all(struct itd_cmd *cmd)
{
	return itd_on_range(cmd, 0, itd_request_one, 0);
}

static int itd_cmd_free(struct itd_cmd *cmd)
{
	return itd_on_vector(cmd, itd_free);
}

static int itd_free_one(struct itd_vector *v, u32 unused)
{
	return !itd_free(v);
}

static int itd_cmd_free_all(struct itd_cmd *cmd)
{
	return itd_on_range(cmd, 0, itd_free_one, 0);
}

static int itd_add_index(struct itd_vector *v)
{
	return itd_add(v) ?: (int)v->index;
}

static int itd_cmd_add(struct itd_cmd *cmd)
{
	if (cmd->argc)
		return itd_on_vector(cmd, itd_add_index);

	guard(rwsem_read)(&cmd->itd->life);
	return itd_add_any(cmd->itd);
}

static int itd_cmd_remove(struct itd_cmd *cmd)
{
	return itd_on_vector(cmd, itd_remove);
}

static int itd_cmd_move(struct itd_cmd *cmd)
{
	struct itd_vector *v;
	u32 cpu;
	int ret;

	ret = itd_arg_vector(cmd, 0, &v);
	if (!ret)
		ret = itd_arg_u32(cmd, 1, &cpu);
	if (ret)
		return ret;

	/* As the mover does, a churned vector may be moved, too. */
	guard(rwsem_read)(&cmd->itd->life);
	guard(mutex)(&v->lock);
	return itd_move(v, cpu);
}

static int itd_disable_lazily(struct itd_vector *v)
{
	return itd_disable(v, true);
}

static int itd_disable_now(struct itd_vector *v)
{
	return itd_disable(v, false);
}

static int itd_cmd_mask(struct itd_cmd *cmd)
{
	if (cmd->argc == 1)
		return itd_on_vector(cmd, itd_disable_now);
	if (strcmp(cmd->argv[1], "lazy"))
		return -EINVAL;
	return itd_on_vector(cmd, itd_disable_lazily);
}

static int itd_cmd_unmask(struct itd_cmd *cmd)
{
	return itd_on_vector(cmd, itd_enable);
}

static int itd_wake_on(struct itd_vector *v)
{
	return itd_set_wake(v, true);
}

static int itd_wake_off(struct itd_vector *v)
{
	return itd_set_wake(v, false);
}

static int itd_cmd_wake(struct itd_cmd *cmd)
{
	bool on;
	int ret;

	ret = kstrtobool(cmd->argv[1], &on);
	if (ret)
		return ret;
	return itd_on_vector(cmd, on ? itd_wake_on : itd_wake_off);
}

static int itd_cmd_fire(struct itd_cmd *cmd)
{
	struct itd_vector *v;
	u32 count;
	int ret;

	ret = itd_arg_vector(cmd, 0, &v);
	if (!ret)
		ret = itd_arg_u32(cmd, 1, &count);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	guard(mutex)(&v->lock);
	if (v->churned)
		return -EBUSY;
	itd_write(v, IMS_TESTDEV_FIRE, count);
	return 0;
}

static int itd_fire_one(struct itd_vector *v, u32 count)
{
	if (!v->requested)
		return 0;
	itd_write(v, IMS_TESTDEV_FIRE, count);
	return 1;
}

static int itd_cmd_fire_all(struct itd_cmd *cmd)
{
	u32 count;
	int ret;

	ret = itd_arg_u32(cmd, 0, &count);
	if (ret)
		return ret;
	return itd_on_range(cmd, 1, itd_fire_one, count);
}

static int itd_gap_one(struct itd_vector *v, u32 ns)
{
	itd_write(v, IMS_TESTDEV_GAP, ns);
	return 1;
}

static int itd_cmd_gap(struct itd_cmd *cmd)
{
	u32 ns;
	int ret;

	ret = itd_arg_u32(cmd, 0, &ns);
	if (ret)
		return ret;
	return itd_on_range(cmd, 1, itd_gap_one, ns);
}

static int itd_cancel_one(struct itd_vector *v, u32 unused)
{
	itd_write(v, IMS_TESTDEV_CANCEL, 1);
	return 1;
}

static int itd_cmd_cancel(struct itd_cmd *cmd)
{
	return itd_on_range(cmd, 0, itd_cancel_one, 0);
}

static void itd_say_counts(struct itd_cmd *cmd, const struct itd_counts *c)
{
	itd_say(cmd, "owed=%llu fired=%llu acked=%llu handled=%llu spurious=%llu abandoned=%llu ",
		c->owed, c->fired, c->acked, c->handled, c->spurious,
		c->abandoned);
}

/* Sum up one vector. -EIO if its own counters do not agree. */
static int itd_check(struct itd_vector *v, struct itd_counts *sum)
{
	struct itd_counts c = {};

	itd_count(v, &c);
	sum->owed += c.owed;
	sum->fired += c.fired;
	sum->acked += c.acked;
	sum->abandoned += c.abandoned;
	sum->handled += c.handled;
	sum->spurious += c.spurious;

	/* The device's wrap at 32 bits. */
	return lower_32_bits(c.fired) == lower_32_bits(c.acked + c.abandoned) &&
	       lower_32_bits(c.acked) == lower_32_bits(c.handled) ? 0 : -EIO;
}

static int itd_cmd_wait(struct itd_cmd *cmd)
{
	struct itd_counts sum = {};
	unsigned long deadline;
	struct itd_range r;
	u32 ms, vectors = 0;
	int ret, first_error = 0;

	ret = itd_arg_u32(cmd, 0, &ms);
	if (!ret)
		ret = itd_arg_range(cmd, 1, &r);
	if (ret)
		return ret;

	guard(rwsem_read)(&cmd->itd->life);
	deadline = jiffies + msecs_to_jiffies(ms);
	for (u32 i = r.first; i < r.first + r.count; i++) {
		struct itd_vector *v = &cmd->store->vec[i];
		int check;

		if (READ_ONCE(v->churned))
			continue;
		ret = itd_vector_settled(v, deadline);
		if (ret == -ENXIO)
			continue;
		/* The sums are wanted in any case. */
		check = itd_check(v, &sum);
		ret = ret ?: check;
		if (ret && !first_error) {
			first_error = ret;
			itd_say(cmd, "vector=%u ", i);
		}
		vectors++;
	}
	itd_say(cmd, "vectors=%u ", vectors);
	itd_say_counts(cmd, &sum);
	return first_error;
}

static int itd_cmd_clear(struct itd_cmd *cmd)
{
	return itd_clear(cmd->itd);
}

static void itd_say_raw(struct itd_cmd *cmd, const struct itd_message *msg,
			u32 bus)
{
	itd_say(cmd, "address=%#llx data=%#x bus=%#x ", msg->address, msg->data,
		bus);
}

static int itd_cmd_raw(struct itd_cmd *cmd)
{
	struct itd_message msg = { .pasid = VIRTIO_IRQ_NO_PASID };
	u32 times = 1, bus = 0;
	int ret;

	ret = kstrtou64(cmd->argv[0], 0, &msg.address);
	if (!ret)
		ret = itd_arg_u32(cmd, 1, &msg.data);
	if (!ret)
		ret = itd_opt_u32(cmd, 2, &times);
	if (!ret)
		ret = itd_opt_pasid(cmd, 3, &msg.pasid);
	if (ret)
		return ret;
	if (!times)
		return -EINVAL;

	guard(rwsem_read)(&cmd->itd->life);
	while (times--)
		bus = itd_raw(cmd->itd, &msg);
	itd_say_raw(cmd, &msg, bus);
	return 0;
}

static int itd_cmd_raw_vector(struct itd_cmd *cmd)
{
	struct itd_message msg;
	struct itd_vector *v;
	u32 times = 1, bus = 0;
	int ret;

	ret = itd_arg_vector(cmd, 0, &v);
	if (!ret)
		ret = itd_opt_u32(cmd, 1, &times);
	if (ret)
		return ret;
	if (!times)
		return -EINVAL;

	guard(rwsem_read)(&cmd->itd->life);
	scoped_guard(mutex, &v->lock)
		ret = v->churned ? -EBUSY : itd_get_message(v, &msg);
	if (!ret)
		ret = itd_opt_pasid(cmd, 2, &msg.pasid);
	if (ret)
		return ret;
	while (times--)
		bus = itd_raw(cmd->itd, &msg);
	itd_say_raw(cmd, &msg, bus);
	return 0;
}

static int itd_cmd_freed_fire(struct itd_cmd *cmd)
{
	struct itd_message msg;
	struct itd_vector *v;
	u32 times = 1, bus = 0;
	int ret;

	ret = itd_arg_vector(cmd, 0, &v);
	if (!ret)
		ret = itd_opt_u32(cmd, 1, &times);
	if (ret)
		return ret;
	if (!times)
		return -EINVAL;

	guard(rwsem_read)(&cmd->itd->life);
	guard(mutex)(&v->lock);
	ret = v->churned ? -EBUSY : itd_free_and_raw(v, times, &msg, &bus);
	if (!ret)
		itd_say_raw(cmd, &msg, bus);
	return ret;
}

static const struct itd_command itd_commands[] = {
	{ "alloc",		3, 6, itd_cmd_alloc },
	{ "release",		0, 0, itd_cmd_release },
	{ "request",		1, 1, itd_cmd_request, ITD_ANY_STORE },
	{ "request-all",	0, 2, itd_cmd_request_all, ITD_ANY_STORE },
	{ "free",		1, 1, itd_cmd_free, ITD_ANY_STORE },
	{ "free-all",		0, 2, itd_cmd_free_all, ITD_ANY_STORE },
	{ "add",		0, 1, itd_cmd_add },
	{ "remove",		1, 1, itd_cmd_remove },
	{ "move",		2, 2, itd_cmd_move, ITD_ANY_STORE },
	{ "mask",		1, 2, itd_cmd_mask, ITD_ANY_STORE },
	{ "unmask",		1, 1, itd_cmd_unmask, ITD_ANY_STORE },
	{ "wake",		2, 2, itd_cmd_wake, ITD_ANY_STORE },
	{ "fire",		2, 2, itd_cmd_fire, ITD_ANY_STORE },
	{ "fire-all",		1, 3, itd_cmd_fire_all, ITD_ANY_STORE },
	{ "gap",		1, 3, itd_cmd_gap, ITD_ANY_STORE },
	{ "cancel",		0, 2, itd_cmd_cancel, ITD_ANY_STORE },
	{ "wait",		1, 3, itd_cmd_wait, ITD_ANY_STORE },
	{ "clear",		0, 0, itd_cmd_clear },
	{ "raw",		2, 4, itd_cmd_raw },
	{ "raw-vector",		1, 3, itd_cmd_raw_vector, ITD_ANY_STORE },
	{ "freed-fire",		1, 2, itd_cmd_freed_fire, ITD_ANY_STORE },
	{ }
};

static bool itd_applies(const struct itd_command *c, const struct itd_store *store)
{
	if (c->where == ITD_ANY_STORE)
		return true;
	return (c->where == ITD_MSI_ONLY) == (store->number == IMS_TESTDEV_STORE_MSI);
}

static const struct itd_command *itd_find_command(struct itd_cmd *cmd,
						  const char *name)
{
	static const struct itd_command * const tables[] = {
		itd_commands, itd_job_commands, itd_store_commands,
	};

	for (int i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct itd_command *c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name) && itd_applies(c, cmd->store))
				return c;
	return NULL;
}

/* The store that a command names, and so many words */
static int itd_choose_store(struct itd_cmd *cmd)
{
	u32 number;
	int ret;

	cmd->store = &cmd->itd->store[IMS_TESTDEV_STORE_MSI];
	if (cmd->argc < 3 || strcmp(cmd->argv[0], "store"))
		return 0;
	ret = itd_arg_u32(cmd, 1, &number);
	if (ret)
		return ret;
	if (number >= ITD_STORES)
		return -EINVAL;
	cmd->store = &cmd->itd->store[number];
	return 2;
}

static int itd_run(struct itd_cmd *cmd)
{
	const struct itd_command *c;
	int skip;

	skip = itd_choose_store(cmd);
	if (skip < 0)
		return skip;
	if (cmd->argc == skip)
		return -EINVAL;
	c = itd_find_command(cmd, cmd->argv[skip]);
	if (!c)
		return -EINVAL;

	cmd->argc -= skip + 1;
	cmd->argv += skip + 1;
	if (cmd->argc < c->min_args || cmd->argc > c->max_args)
		return -EINVAL;
	return c->fn(cmd);
}

/**
 * itd_execute - run a command
 * @itd: the device
 * @text: the command
 * @result: receives the result line, ITD_RESULT_SIZE bytes
 *
 * Context: Process context. May sleep as long as the command says.
 * Return: n of the result line. Without memory for it there is no result line.
 */
int itd_execute(struct itd_dev *itd, const char *text, char *result)
{
	struct itd_cmd *cmd __free(kfree) = kzalloc(sizeof(*cmd), GFP_KERNEL);
	char name[24];
	ktime_t start;
	char **words;
	int argc, ret;
	s64 us;

	if (!cmd)
		return -ENOMEM;
	words = argv_split(GFP_KERNEL, text, &argc);
	if (!words)
		return -ENOMEM;
	cmd->itd = itd;
	cmd->argc = argc;
	cmd->argv = words;

	start = ktime_get();
	ret = pm_runtime_resume_and_get(&itd->pdev->dev);
	if (!ret) {
		ret = itd_run(cmd);
		pm_runtime_put(&itd->pdev->dev);
	}
	us = ktime_us_delta(ktime_get(), start);
	argv_free(words);

	scnprintf(result, ITD_RESULT_SIZE, "ret=%d errno=%s us=%lld %scmd=\"%s\"\n",
		  ret, itd_errname(name, sizeof(name), ret), us, cmd->text, text);
	return ret;
}
