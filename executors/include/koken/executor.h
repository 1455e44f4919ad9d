/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executors: agents that run programs of the register machine (koken/machine.h) for others. A program that is
 * submitted is a task. Long ones run in slices, so that a worker is never theirs for long.
 *
 *     koken_ref executor;
 *     struct koken_task *task;
 *     int rc = koken_executor(rt, NULL, &executor);
 *     rc = rc < 0 ? rc : koken_task_run(rt, executor, program, NULL, KOKEN_S(1), &task);
 *     if (rc == 0 && koken_task_status(task) == 0)
 *         printf("%s\n", koken_task_text(task));
 *     koken_task_free(task);
 *
 * An executor has one machine and does one task after the other, in the order of their coming. With keeps_state
 * its machine is a session: what one task leaves in registers the next one finds. What is linear goes from one
 * executor to another in parcels (koken/parcel.h), which a task brings along or takes away: all of them if it ends
 * well, and none if it fails.
 */
#ifndef KOKEN_EXECUTOR_H
#define KOKEN_EXECUTOR_H

#include <koken/agent.h>
#include <koken/machine.h>
#include <koken/message.h>
#include <koken/parcel.h>
#include <koken/shard.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_task; /* a program that was submitted, and what it came to; opaque */

/* How an executor works. Zero is the default of every member. */
struct koken_executor_config {
    size_t struct_size; /* sizeof(struct koken_executor_config), or 0 */
    /*
     * Of its machine. origin 0: one by chance. witness and trace are called by the worker that runs the task,
     * and must be quick.
     */
    struct koken_machine_config machine;
    uint64_t slice_gas; /* about so much before others may have the worker; 0: 20000, some 30 us */
    uint32_t queue_max; /* tasks that wait; 0: 1024. More are refused: -EAGAIN */
    const void *snapshot; /* a session to begin with; read by the call only. NULL: none */
    size_t snapshot_size;
};

/*
 * koken_executor(where, config, &ref) makes an executor; where is a runtime or a context, config may be NULL. It
 * ends by koken_exit or with its runtime: tasks that it has are over with -ESRCH (-ESHUTDOWN if it is killed with its
 * runtime), and give back the parcels that came along; what its registers hold is lost. Errors: as koken_try_spawn, and as koken_machine_restore.
 */
#define koken_executor(where, config, ret_ref)                                                     \
    KOKEN_WHERE_(where, koken_executor_rt_, koken_executor_ctx_)((where), (config), (ret_ref))
KOKEN_MUST_USE int koken_executor_rt_(struct koken *rt, const struct koken_executor_config *config,
                                      koken_ref *ret_ref);
KOKEN_MUST_USE int koken_executor_ctx_(koken_ctx *ctx, const struct koken_executor_config *config,
                                       koken_ref *ret_ref);

/*
 * koken_executor_pool(where, config, count, refs) makes `count` executors that share a ledger, config's or one of
 * their own, so that nothing linear is used twice however it came to two of them. koken_shard(refs, count, key)
 * finds the one in charge of a key. Errors: as koken_executor, none is left then; -EINVAL no count, or a snapshot,
 * which belongs to one executor.
 */
#define koken_executor_pool(where, config, count, ret_refs)                                        \
    KOKEN_WHERE_(where, koken_executor_pool_rt_, koken_executor_pool_ctx_)                         \
    ((where), (config), (count), (ret_refs))
KOKEN_MUST_USE int koken_executor_pool_rt_(struct koken *rt,
                                           const struct koken_executor_config *config,
                                           uint32_t count, koken_ref *ret_refs);
KOKEN_MUST_USE int koken_executor_pool_ctx_(koken_ctx *ctx,
                                            const struct koken_executor_config *config,
                                            uint32_t count, koken_ref *ret_refs);

/* ---- tasks ---- */

/* Parcels of one task, into it and out of it: at most so many each. */
#define KOKEN_TASK_MOVES 8u

struct koken_task_move {
    uint32_t reg;
    struct koken_parcel *parcel;
};

/* Zero is the default of every member. */
struct koken_task_options {
    size_t struct_size;   /* sizeof(struct koken_task_options), or 0 */
    uint64_t gas;         /* 0: the executor's */
    uint64_t deadline_ns; /* koken_now() time: then it fails, between two slices; 0: none */
    bool wants_snapshot;  /* of the session, when it has ended well */
    uint32_t in_count, out_count;
    struct koken_task_move in[KOKEN_TASK_MOVES]; /* put into registers before it begins */
    uint32_t out[KOKEN_TASK_MOVES]; /* registers to make parcels of when it has ended */
};

/*
 * koken_task_start submits a program, and does not wait. koken_task_start_bytes submits one in its binary form, or
 * its text; it is copied, and read by the executor. options may be NULL. If it is accepted the parcels in options
 * are the task's, and NULL there. Owner: *ret_task is yours until koken_task_free; what it came to is there when it
 * is over. Thread: any, and agents. Errors: -EINVAL, -E2BIG more than 16 MiB, -ENOMEM, those of koken_signal to the
 * executor; everything is as it was then. Cost: two allocations and a message; with its run, 0.7 to 1 us.
 */
KOKEN_MUST_USE int koken_task_start(koken_ref executor, struct koken_program *program,
                                    struct koken_task_options *options,
                                    struct koken_task **ret_task);
KOKEN_MUST_USE int koken_task_start_bytes(koken_ref executor, const void *bytes, size_t size,
                                          struct koken_task_options *options,
                                          struct koken_task **ret_task);

/*
 * koken_task_wait(where, task, timeout_ns) waits until a task is over; where is a runtime (threads outside) or the
 * context of a fiber agent; timeout_ns 0 looks. 0: it is, also if its executor has ended (koken_task_status).
 * Errors: as koken_future_wait: -ETIMEDOUT, the task goes on; -ECANCELED the fiber is to end; -ENOTSUP; -ENOMEM.
 */
#define koken_task_wait(where, task, timeout_ns)                                                   \
    KOKEN_WHERE_(where, koken_task_wait_rt_, koken_task_wait_ctx_)((where), (task), (timeout_ns))
KOKEN_MUST_USE int koken_task_wait_rt_(struct koken *rt, struct koken_task *task,
                                       uint64_t timeout_ns);
KOKEN_MUST_USE int koken_task_wait_ctx_(koken_ctx *ctx, struct koken_task *task,
                                        uint64_t timeout_ns);

/*
 * koken_task_ask is koken_task_wait for handler agents: when the task is over the message koken_task_done comes on
 * the system lane, also if its executor has ended; or koken_failed, as after koken_request. Answers the number of
 * the request (> 0). Errors: as koken_try_spawn, as koken_request. Cost: an agent as long as it waits.
 */
KOKEN_MESSAGE_TRUSTED(koken_task_done, {
    struct koken_task *task; /* trusted: what the asker has, who is its one owner */
});
KOKEN_MUST_USE int koken_task_ask(koken_ctx *ctx, struct koken_task *task, uint64_t timeout_ns);

/*
 * koken_task_run(where, executor, program, options, timeout_ns, &task) is koken_task_start and koken_task_wait. 0:
 * the task is over, koken_task_status tells how it went. *ret_task is always written: NULL if it was not accepted,
 * else a task to be given back, also after an error of the wait, which cancels it.
 */
#define koken_task_run(where, executor, program, options, timeout_ns, ret_task)                    \
    KOKEN_WHERE_(where, koken_task_run_rt_, koken_task_run_ctx_)                                   \
    ((where), (executor), (program), (options), (timeout_ns), (ret_task))
KOKEN_MUST_USE int koken_task_run_rt_(struct koken *rt, koken_ref executor,
                                      struct koken_program *program,
                                      struct koken_task_options *options, uint64_t timeout_ns,
                                      struct koken_task **ret_task);
KOKEN_MUST_USE int koken_task_run_ctx_(koken_ctx *ctx, koken_ref executor,
                                       struct koken_program *program,
                                       struct koken_task_options *options, uint64_t timeout_ns,
                                       struct koken_task **ret_task);

/*
 * koken_task_cancel ends a task early: one that waits does not begin, one that runs fails at the end of its slice.
 * Harmless when it is over. Thread: any.
 */
void koken_task_cancel(struct koken_task *task);

/*
 * koken_task_free gives a task back, with the parcels that nobody has taken from it: what is linear in them is
 * lost. A task that is not over goes on. NULL is accepted. Thread: its owner.
 */
void koken_task_free(struct koken_task *take_task);

/* ---- what it came to ---- */

/* koken_task_is_over tells whether a task has come to an end. Thread: any. */
bool koken_task_is_over(const struct koken_task *task);

/*
 * koken_task_status of a task that is over: 0 it has returned; the errno of what went wrong in its machine;
 * -ECANCELED; -ETIMEDOUT its deadline; -EAGAIN too many wait; -ESRCH the executor has ended; -ESHUTDOWN. -EBUSY it
 * is not over. Thread: any.
 */
int koken_task_status(const struct koken_task *task);

/*
 * koken_task_result is what koken_machine_run would have written, error included. Of the value only units, booleans
 * and numbers can be read here: what lies in the machine has its text (koken_task_text), or comes by parcel.
 * NULL: the task is not over. Owner: the task.
 */
const struct koken_machine_result *koken_task_result(const struct koken_task *task);

/* koken_task_text is the returned value as text, of at most 255 bytes; "" unless the status is 0. */
const char *koken_task_text(const struct koken_task *task);

/*
 * koken_task_effect is the tag of the i-th effect that a task has performed which ended well, as long as the task;
 * NULL: there are fewer, or no memory for them. It is for who submitted the task to do what they say.
 */
const char *koken_task_effect(const struct koken_task *task, uint32_t i);

/*
 * koken_task_parcel takes the i-th parcel that leaves out of a task that has ended well; koken_task_returned the
 * i-th one that came along with a task that has failed. Owner: it is yours. NULL: none, or it was taken already.
 * Thread: the task's owner.
 */
struct koken_parcel *koken_task_parcel(struct koken_task *task, uint32_t i);
struct koken_parcel *koken_task_returned(struct koken_task *task, uint32_t i);

/* koken_task_snapshot is the snapshot that was asked for, as long as the task; NULL: none, or no memory for it. */
const void *koken_task_snapshot(const struct koken_task *task, size_t *ret_size);

/* ---- statistics ---- */

/* Counts of an executor since it began. An agent that gets koken_executor_report answers with them. */
KOKEN_EVENT(koken_executor_report);
KOKEN_MESSAGE(koken_executor_stats, {
    uint64_t completed; /* tasks that have ended well */
    uint64_t failed, cancelled, refused;
    uint64_t slices;
    uint64_t gas, steps; /* of all that ended */
    uint64_t resources_made, resources_consumed;
    uint64_t parcels_in, parcels_out; /* accepted; made */
    uint64_t effects;
    uint64_t queued;    /* tasks now, with the one that runs */
    uint64_t executors; /* that these are the counts of: 1 in an answer */
});

/* koken_executor_sum adds counts to others. */
void koken_executor_sum(struct koken_executor_stats *into, const struct koken_executor_stats *more);

/*
 * koken_executor_collect(where, refs, count, timeout_ns, &stats) asks executors, all at once, and sums their answers;
 * the rest is left out, and -ETIMEDOUT or the last error is the answer. where as in koken_await; handlers send
 * koken_executor_report by koken_request. Errors: as koken_await_many.
 */
#define koken_executor_collect(where, refs, count, timeout_ns, ret_stats)                          \
    KOKEN_WHERE_(where, koken_executor_collect_rt_, koken_executor_collect_ctx_)                   \
    ((where), (refs), (count), (timeout_ns), (ret_stats))
KOKEN_MUST_USE int koken_executor_collect_rt_(struct koken *rt, const koken_ref *refs,
                                              uint32_t count, uint64_t timeout_ns,
                                              struct koken_executor_stats *ret_stats);
KOKEN_MUST_USE int koken_executor_collect_ctx_(koken_ctx *ctx, const koken_ref *refs,
                                               uint32_t count, uint64_t timeout_ns,
                                               struct koken_executor_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
