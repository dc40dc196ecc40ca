/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ims-testdev guest driver: what its files share
 *
 * Copyright (C) 2026 The virtio-irq authors
 */
#ifndef IMS_TESTDEV_H
#define IMS_TESTDEV_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <linux/irqchip/irq-virtio.h>

#include "ims_testdev_regs.h"

/* Longest command, and longest result line with the NUL, in bytes */
#define ITD_MAX_COMMAND		128
#define ITD_RESULT_SIZE		512

#define ITD_STORES		3

struct itd_dev;
struct itd_store;
struct itd_stress;

/* What the stress job does to a vector */
enum itd_stress_op {
	ITD_STRESS_ADD,
	ITD_STRESS_FIRE,
	ITD_STRESS_MOVE,
	ITD_STRESS_MASK,
	ITD_STRESS_PASID,
	ITD_STRESS_DRAIN,
	ITD_STRESS_REMOVE,
	ITD_STRESS_OPS,
};

/**
 * struct itd_counts - sums over some vectors
 * @owed: interrupts still to be fired
 * @fired: interrupts fired
 * @acked: interrupts acknowledged
 * @abandoned: interrupts cancelled after they had left
 * @handled: interrupts handled
 * @spurious: spurious calls of the handler
 */
struct itd_counts {
	u64			owed;
	u64			fired;
	u64			acked;
	u64			abandoned;
	u64			handled;
	u64			spurious;
};

/**
 * struct itd_vector - one of the device's vectors
 * @itd: the device
 * @store: where its message is
 * @regs: its register block
 * @index: its number in the store
 * @lock: guards all fields up to @gap, together with itd_dev.life; held over
 *	every operation on the vector
 * @virq: Linux interrupt number, 0 while the vector is not allocated
 * @dynamic: added, not allocated together with others
 * @requested: request_irq() succeeded
 * @disabled: disable_irq() was called
 * @wakes: enable_irq_wake() was called
 * @churned: belongs to the churn or the stress job; nobody else operates on it
 * @before: counters before the churn job fired
 * @kept: the device's counters before it was suspended, which cleared them
 * @owed: while it is suspended: what it has to be told again
 * @gap: likewise
 * @name: shown in /proc/interrupts
 * @handled: interrupts that the handler claimed from the device
 * @spurious: calls of the handler without an interrupt outstanding
 * @last_cpu: CPU of the last call of the handler, -1 if there was none
 * @child: stores 1 and 2: the device that has this vector alone, else NULL
 * @ctrl: stores 1 and 2: the control word in the store, guarded by the irq_desc's
 *	lock while the vector is allocated
 */
struct itd_vector {
	struct itd_dev		*itd;
	struct itd_store	*store;
	void __iomem		*regs;
	u32			index;

	struct mutex		lock;	/* this vector's operations */
	int			virq;
	bool			dynamic;
	bool			requested;
	bool			disabled;
	bool			wakes;
	bool			churned;
	struct itd_counts	before;
	struct itd_counts	kept;
	u32			owed;
	u32			gap;
	char			name[40];

	atomic64_t		handled;
	atomic64_t		spurious;
	int			last_cpu;

	struct device		*child;
	u32			ctrl;
};

/**
 * struct itd_ims_api - the functions of linux/irqchip/irq-virtio.h
 *
 * Got when a store is opened. So the module can be loaded without virtio_irq, and
 * does not keep it from being unloaded as long as it uses MSI and MSI-X only.
 */
struct itd_ims_api {
	typeof(virtio_irq_ims_bind)		*bind;
	typeof(virtio_irq_ims_unbind)		*unbind;
	typeof(virtio_irq_ims_alloc_irqs)	*alloc_irqs;
	typeof(virtio_irq_ims_free_irqs)	*free_irqs;
	typeof(virtio_irq_ims_create_domain)	*create_domain;
	typeof(virtio_irq_ims_remove_domain)	*remove_domain;
	typeof(virtio_irq_ims_add)		*add;
	typeof(virtio_irq_ims_remove)		*remove;
	typeof(virtio_irq_ims_set_pasid)	*set_pasid;
};

/**
 * struct itd_store - where messages are kept
 * @itd: the device
 * @number: IMS_TESTDEV_STORE_*; nothing below @vec is used for store 0
 * @nr_vectors: number of elements of @vec, 0: there is no such store
 * @vec: the vectors
 * @open: the fields below are valid; guarded by itd_dev.life
 * @api: how virtio-irq is called
 * @ims: how virtio-irq is told about the store
 * @child: the device that has all vectors, NULL if each of them has its own
 * @records: store 2: the memory
 * @records_dma: store 2: its bus address
 */
struct itd_store {
	struct itd_dev		*itd;
	u32			number;
	u32			nr_vectors;
	struct itd_vector	*vec;
	bool			open;
	struct itd_ims_api	api;
	struct virtio_irq_ims	ims;
	struct device		*child;
	void			*records;
	dma_addr_t		records_dma;
};

/**
 * struct itd_job - something that goes on in the background
 * @itd: the device
 * @work: does it
 * @done: completed when @work has ended
 * @running: guarded by itd_dev.job_lock; the parameters below are constant and
 *	the results are incomplete while it is true
 * @stop: tells @work to end after the current round or operation
 * @first: first vector
 * @count: number of vectors
 * @rounds: how often, 0: until stopped
 * @fires: churn: interrupts per vector and round
 * @done_rounds: rounds completed
 * @ops: operations that succeeded
 * @fired: churn, stress: interrupts fired, all of them handled
 * @spurious: churn, stress: spurious calls of the handlers meanwhile
 * @failed: mover: moves that were refused
 * @ret: 0 or the first error
 * @step: name of the operation that returned @ret
 * @index: vector that it was for
 */
struct itd_job {
	struct itd_dev		*itd;
	struct work_struct	work;
	struct completion	done;
	bool			running;
	bool			stop;
	u32			first;
	u32			count;
	u32			rounds;
	u32			fires;

	u32			done_rounds;
	u64			ops;
	u64			fired;
	u64			spurious;
	u64			failed;
	int			ret;
	const char		*step;
	u32			index;
};

/**
 * struct itd_dev - one ims-testdev function
 * @pdev: the PCI function
 * @regs: BAR 0
 * @msix_table: the MSI-X table, NULL if there is none
 * @life: held for writing where vectors are allocated or released together, and
 *	then no vector's lock is needed; for reading over every other operation.
 *	Taken before @job_lock, that before itd_vector.lock, that before @raw_lock
 * @raw_lock: makes one thing of setting up and sending a raw message, and of
 *	taking and reading a snapshot
 * @job_lock: guards itd_job.running
 * @churn: adds, requests, fires, frees and removes vectors
 * @mover: moves vectors between CPUs
 * @stress: does everything to the vectors of a store, from all CPUs
 * @stress_data: the rest of @stress
 * @wq: where jobs run
 * @store: all stores, by number; vectors of the first are @vec
 * @store_regs: BAR 2, NULL if there is none
 * @gone: the driver is being unbound; waits end
 * @dir: debugfs directory
 * @result_lock: guards @result
 * @result: what the last command to end returned
 * @nr_vectors: number of elements of @vec
 * @vec: the vectors
 */
struct itd_dev {
	struct pci_dev		*pdev;
	void __iomem		*regs;
	void __iomem		*msix_table;
	struct rw_semaphore	life;
	struct mutex		raw_lock; /* multi-access register sequences */
	struct mutex		job_lock; /* start and end of jobs */
	struct itd_job		churn;
	struct itd_job		mover;
	struct itd_job		stress;
	struct itd_stress	*stress_data;
	struct workqueue_struct	*wq;
	struct itd_store	store[ITD_STORES];
	void __iomem		*store_regs;
	bool			gone;
	struct dentry		*dir;
	struct mutex		result_lock; /* result */
	char			result[ITD_RESULT_SIZE];
	u32			nr_vectors;
	struct itd_vector	vec[] __counted_by(nr_vectors);
};

#define ITD_BENCH_PHASES	12

/**
 * struct itd_bench - a measurement
 * @itd: the device
 * @store: whose vectors
 * @count: number of vectors
 * @managed: with PCI_IRQ_AFFINITY
 * @start: when the current phase began, in cycles
 * @nr_phases: number of phases that have ended
 * @phases: what each of them took
 * @phases.name: of the operation
 * @phases.cycles: for all vectors
 */
struct itd_bench {
	struct itd_dev		*itd;
	struct itd_store	*store;
	u32			count;
	bool			managed;
	u64			start;
	unsigned int		nr_phases;
	struct {
		const char	*name;
		u64		cycles;
	} phases[ITD_BENCH_PHASES];
};

/**
 * struct itd_growth - vectors that are added one by one
 * @store: store 1 or 2, open
 * @first: first vector
 * @count: number of vectors, at least 1
 * @fires: interrupts for each step, spread over the vectors that are requested
 * @pasid: what messages carry, or VIRTIO_IRQ_NO_PASID
 * @added: vectors added
 * @requested: vectors requested
 * @refused: vectors for which request_irq() returned -ENOSPC
 * @fired: interrupts fired, all of them handled
 * @during: interrupts that were handled while a vector was added and requested
 * @step: what was done last
 * @index: vector that it was done to
 */
struct itd_growth {
	struct itd_store	*store;
	u32			first;
	u32			count;
	u32			fires;
	u32			pasid;

	u32			added;
	u32			requested;
	u32			refused;
	u64			fired;
	u64			during;
	const char		*step;
	u32			index;
};

/**
 * struct itd_message - what a vector's store in the device holds
 * @address: message address
 * @data: message data
 * @masked: the vector is masked in the device
 * @pasid: what the message carries, or VIRTIO_IRQ_NO_PASID
 */
struct itd_message {
	u64			address;
	u32			data;
	bool			masked;
	u32			pasid;
};

static inline u32 itd_read(struct itd_vector *v, u32 reg)
{
	return readl(v->regs + reg);
}

static inline void itd_write(struct itd_vector *v, u32 reg, u32 val)
{
	writel(val, v->regs + reg);
}

/* ims_testdev_main.c */
void itd_init_vector(struct itd_store *store, u32 index, void __iomem *regs);
int itd_alloc(struct itd_dev *itd, unsigned int flags, unsigned int min,
	      unsigned int max, struct irq_affinity *affd);
int itd_release(struct itd_dev *itd);
int itd_request(struct itd_vector *v);
int itd_free(struct itd_vector *v);
int itd_add(struct itd_vector *v);
int itd_add_any(struct itd_dev *itd);
int itd_remove(struct itd_vector *v);
int itd_move(struct itd_vector *v, unsigned int cpu);
int itd_disable(struct itd_vector *v, bool lazy);
int itd_enable(struct itd_vector *v);
int itd_set_wake(struct itd_vector *v, bool on);
int itd_get_message(struct itd_vector *v, struct itd_message *msg);
int itd_vector_is_settled(struct itd_vector *v);
int itd_vector_settled(struct itd_vector *v, unsigned long deadline);
void itd_count(struct itd_vector *v, struct itd_counts *sum);
int itd_clear(struct itd_dev *itd);
u32 itd_raw(struct itd_dev *itd, const struct itd_message *msg);
int itd_free_and_raw(struct itd_vector *v, u32 times, struct itd_message *msg,
		     u32 *bus);

/* ims_testdev_jobs.c */
void itd_jobs_init(struct itd_dev *itd);
bool itd_jobs_running(struct itd_dev *itd);
void itd_job_init(struct itd_dev *itd, struct itd_job *job, work_func_t fn);
void itd_job_reset(struct itd_job *job, u32 first, u32 count, u32 rounds,
		   u32 fires);
void itd_job_end(struct itd_job *job);
int itd_churn_start(struct itd_dev *itd, u32 first, u32 count, u32 rounds,
		    u32 fires);
int itd_mover_start(struct itd_dev *itd, u32 first, u32 count, u32 rounds);
int itd_job_wait(struct itd_job *job, unsigned long timeout);
void itd_job_stop(struct itd_job *job);

/* ims_testdev_bench.c */
int itd_bench_alloc_only(struct itd_bench *b);
int itd_bench_life(struct itd_bench *b);
int itd_bench_store_life(struct itd_bench *b);
int itd_bench_storm(struct itd_bench *b, u32 rounds);
int itd_bench_hot(struct itd_bench *b, u32 rounds);

/* ims_testdev_stress.c */
int itd_stress_init(struct itd_dev *itd);
void itd_stress_exit(struct itd_dev *itd);
int itd_stress_start(struct itd_store *store, u32 first, u32 count, u32 goal,
		     u32 pasids);
const char *itd_stress_op_name(enum itd_stress_op op);
u64 itd_stress_op_count(struct itd_dev *itd, enum itd_stress_op op);

/* ims_testdev_grow.c */
int itd_grow(struct itd_growth *g);

/* ims_testdev_stores.c */
int itd_stores_init(struct itd_dev *itd);
void itd_stores_exit(struct itd_dev *itd);
int itd_store_open(struct itd_store *store);
int itd_store_close(struct itd_store *store);
int itd_store_add(struct itd_vector *v, u32 pasid);
int itd_store_add_any(struct itd_store *store, u32 pasid);
int itd_store_remove(struct itd_vector *v);
int itd_store_set_pasid(struct itd_vector *v, u32 pasid);
int itd_store_forge_pasid(struct itd_vector *v, u32 pasid);
void itd_store_get_message(struct itd_vector *v, struct itd_message *msg);
void itd_store_restore(struct itd_store *store);

/* ims_testdev_pm.c */
extern const struct dev_pm_ops itd_pm_ops;
extern const struct pci_error_handlers itd_err_handlers;
void itd_shutdown(struct pci_dev *pdev);

/* ims_testdev_ivshmem.c */
extern struct pci_driver itd_ivshmem_driver;

/* ims_testdev_ctl.c */
int itd_execute(struct itd_dev *itd, const char *text, char *result);

/* ims_testdev_debugfs.c */
void itd_ctl_create(struct itd_dev *itd);
void itd_ctl_remove(struct itd_dev *itd);
void itd_ctl_init(void);
void itd_ctl_exit(void);

#endif
