/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running task effect graphs (koken/teg.h). An executor is an agent; it runs graphs on the workers of its
 * runtime, as many at a time as it is given.
 *
 *     koken_ref executor = koken_teg_executor(rt, NULL);
 *     struct koken_teg_run *run;
 *     int rc = koken_teg_run(rt, executor, teg, NULL, KOKEN_S(10), &run);
 *     if (rc == 0 && koken_teg_status(run) == 0)
 *         ... koken_teg_value(run, c).number ...
 *     koken_teg_run_free(run);
 *
 * Each run has lanes, one per worker: queues of ready nodes that give the one with the longest way to an end
 * first. Lanes run on whatever worker has time, and an idle lane steals from the others. What comes out does
 * not depend on who ran what when, except where the graph itself says so: races, timeouts, and what fail-fast
 * had begun before the failure.
 */
#ifndef KOKEN_TEG_RUN_H
#define KOKEN_TEG_RUN_H

#include <koken/agent.h>
#include <koken/message.h>
#include <koken/teg.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_teg_run;   /* a run, and its results; opaque */
struct koken_teg_cache; /* results of pure effects; see koken_teg_cache_new */
struct koken_teg_model; /* durations that were learnt; see koken_teg_model_new */

/*
 * koken_teg_config says how an executor works; koken_teg_config_default fills in the defaults. NULL instead of
 * one is the default too. The first five are those of document 000.
 */
struct koken_teg_config {
    size_t struct_size;        /* sizeof(struct koken_teg_config), or 0 */
    uint32_t worker_count;     /* lanes; 0: as many as the runtime has workers */
    uint32_t steal_timeout_ms; /* an idle lane looks for work again after so long; 0: 100 */
    uint32_t
        load_balance_threshold; /* a sleeping lane is woken for more ready nodes than that, or for fewer
                                      * that take 10 us together; 0: 4 */
    uint32_t node_timeout_ms; /* of nodes without one of their own; 0: 30000 */
    bool adaptive_scheduling; /* learn durations and order by them */
    uint32_t
        pool_count; /* nodes of a run on the blocking pool at a time; 0: 4 per lane, 64 at most */
    struct koken_teg_cache
        *cache; /* for effects with is_cached; NULL: none. Outlives the executor */
    struct koken_teg_model
        *model; /* learns and predicts; NULL: the executor has its own. Outlives it */
};

/* koken_teg_config_default fills in: one lane per processor, 100 ms, 4, 30 s, adaptive. */
void koken_teg_config_default(struct koken_teg_config *ret_config);

/*
 * koken_teg_executor(where, config) makes an executor; where is a runtime or a context. It ends by koken_exit
 * or with its runtime: runs that are under way are cancelled. Errors: nobody, as koken_spawn.
 */
#define koken_teg_executor(where, config)                                                          \
    KOKEN_WHERE_(where, koken_teg_executor_rt_, koken_teg_executor_ctx_)((where), (config))
koken_ref koken_teg_executor_rt_(struct koken *rt, const struct koken_teg_config *config);
koken_ref koken_teg_executor_ctx_(koken_ctx *ctx, const struct koken_teg_config *config);

/* Where a node is. */
enum koken_teg_state {
    KOKEN_TEG_PENDING,   /* waits for others */
    KOKEN_TEG_READY,     /* waits for a lane */
    KOKEN_TEG_EXECUTING, /* begun */
    KOKEN_TEG_COMPLETED,
    KOKEN_TEG_FAILED,
    KOKEN_TEG_TIMED_OUT, /* its effect may run on; what it answers is thrown away */
    KOKEN_TEG_CANCELLED, /* did not begin, or the run was cancelled, or it lost a race */
    KOKEN_TEG_SKIPPED,   /* a condition said no */
    KOKEN_TEG_STATE_COUNT_
};

/* koken_teg_state_name is "Pending", "Ready", ... */
const char *koken_teg_state_name(enum koken_teg_state state);

/* What happens when a node fails and nobody handles that. */
enum koken_teg_failure {
    KOKEN_TEG_FAIL_FAST, /* whatever has not begun is cancelled */
    KOKEN_TEG_ISOLATE,   /* what depends on it is cancelled */
};

/* Told by the observer of a run. */
struct koken_teg_event {
    koken_teg_node node;
    enum koken_teg_state state; /* EXECUTING: it begins now; else how it ended */
    uint32_t lane;              /* of the run */
    uint32_t attempt;           /* 0: the first */
    uint64_t at_ns;             /* koken_now() time; 0 for nodes that did not begin */
};

/* koken_teg_options are those of one run. Zero is the default of every member. */
struct koken_teg_options {
    size_t struct_size; /* sizeof(struct koken_teg_options), or 0 */
    enum koken_teg_failure failure;
    bool
        undo; /* if the run fails, undo what has completed too, last things first; without it only nodes that
                * failed or timed out are undone */
    /*
     * Called by whoever runs the node, at the same time for several nodes: must be quick, and thread-safe. The end
     * of each node is told once, before the run is over. The beginning of one that is cancelled at that moment may
     * be told after both, as its effect may begin then: observe_arg must last until the runtime has stopped, or be
     * safe otherwise.
     */
    void (*observe)(void *arg, const struct koken_teg_run *run,
                    const struct koken_teg_event *event);
    void *observe_arg;
};

/*
 * koken_teg_start begins to run a graph, and does not wait. The graph is checked first. Owner: *ret_run is yours
 * until koken_teg_run_free; its results are there when it is over. Thread: any, and agents. Errors: those of
 * koken_teg_check; -ENOMEM; those of koken_signal to the executor.
 */
KOKEN_MUST_USE int koken_teg_start(koken_ref executor, struct koken_teg *teg,
                                   const struct koken_teg_options *options,
                                   struct koken_teg_run **ret_run);

/*
 * koken_teg_wait(where, run, timeout_ns) waits until a run is over; where is a runtime (threads outside) or the
 * context of a fiber agent; timeout_ns 0 looks. 0: it is, also if its executor has ended (koken_teg_status). Errors: as
 * koken_future_wait: -ETIMEDOUT, the run goes on; -ECANCELED the fiber is to end; -ENOTSUP; -ENOMEM.
 */
#define koken_teg_wait(where, run, timeout_ns)                                                     \
    KOKEN_WHERE_(where, koken_teg_wait_rt_, koken_teg_wait_ctx_)((where), (run), (timeout_ns))
KOKEN_MUST_USE int koken_teg_wait_rt_(struct koken *rt, struct koken_teg_run *run,
                                      uint64_t timeout_ns);
KOKEN_MUST_USE int koken_teg_wait_ctx_(koken_ctx *ctx, struct koken_teg_run *run,
                                       uint64_t timeout_ns);

/*
 * koken_teg_ask is koken_teg_wait for handler agents: when the run is over the message koken_teg_done comes on
 * the system lane, also if its executor has ended; or koken_failed, as after koken_request. Answers the number of
 * the request (> 0). Errors: as koken_try_spawn, as koken_request; without memory at the end the deadline tells.
 * Cost: an agent as long as it waits.
 * trusted: the pointer is a reference to a run, whose functions any thread may call.
 */
KOKEN_MESSAGE_TRUSTED(koken_teg_done, { struct koken_teg_run *run; });
KOKEN_MUST_USE int koken_teg_ask(koken_ctx *ctx, struct koken_teg_run *run, uint64_t timeout_ns);

/*
 * koken_teg_run(where, executor, teg, options, timeout_ns, &run) is koken_teg_start and koken_teg_wait. 0: the run is
 * over, koken_teg_status tells how it went. On any error the run is cancelled and *ret_run is not written.
 */
#define koken_teg_run(where, executor, teg, options, timeout_ns, ret_run)                          \
    KOKEN_WHERE_(where, koken_teg_run_rt_, koken_teg_run_ctx_)                                     \
    ((where), (executor), (teg), (options), (timeout_ns), (ret_run))
KOKEN_MUST_USE int koken_teg_run_rt_(struct koken *rt, koken_ref executor, struct koken_teg *teg,
                                     const struct koken_teg_options *options, uint64_t timeout_ns,
                                     struct koken_teg_run **ret_run);
KOKEN_MUST_USE int koken_teg_run_ctx_(koken_ctx *ctx, koken_ref executor, struct koken_teg *teg,
                                      const struct koken_teg_options *options, uint64_t timeout_ns,
                                      struct koken_teg_run **ret_run);

/*
 * koken_teg_cancel ends a run early: what has not begun is cancelled, and effects that run are told
 * (koken_teg_cancelled); their results are thrown away. Harmless when the run is over. Thread: any. A stop of the runtime
 * that has no time left to cancel ends its runs as cancelled too, without undoing them.
 */
void koken_teg_cancel(struct koken_teg_run *run);

/* koken_teg_run_free gives a run back; effects that run on keep what they use of it. NULL is accepted. */
void koken_teg_run_free(struct koken_teg_run *take_run);

/* ---- what an effect may do with its call ---- */

/* A result: a number, bytes, or the results of several nodes. */
struct koken_teg_value {
    int64_t number;
    const void *bytes; /* NULL: none; aligned to 16, as long as the run */
    size_t size;
    const struct koken_teg_value *items; /* of a parallel node */
    uint32_t item_count;
    bool is_missing; /* of an input: its link is closed */
};

/* koken_teg_input is the result of the i-th node that is linked to this one, in the order of the links. */
struct koken_teg_value koken_teg_input(const struct koken_teg_call *call, uint32_t i);
uint32_t koken_teg_input_count(const struct koken_teg_call *call);

/* koken_teg_arg is the effect's argument; its size is that of the copy, or 0. */
const void *koken_teg_arg(const struct koken_teg_call *call);
size_t koken_teg_arg_size(const struct koken_teg_call *call);

/* koken_teg_attempt is 0 at first, 1 when it is tried again, ... */
uint32_t koken_teg_attempt(const struct koken_teg_call *call);

/* koken_teg_is_undo tells whether an effect's undo function is called; koken_teg_input are the same then. */
bool koken_teg_is_undo(const struct koken_teg_call *call);

/* koken_teg_answer sets the number of the result; koken_teg_answer_bytes copies bytes into it. */
void koken_teg_answer(struct koken_teg_call *call, int64_t number);
KOKEN_MUST_USE int koken_teg_answer_bytes(struct koken_teg_call *call, const void *bytes,
                                          size_t size);

/* koken_teg_cancelled tells whether nobody wants the result any more: timed out, cancelled, a race lost. */
bool koken_teg_cancelled(const struct koken_teg_call *call);

/*
 * koken_teg_sleep waits, on the pool only. Errors: -ECANCELED as soon as koken_teg_cancelled; -ENOTSUP on a
 * worker.
 */
KOKEN_MUST_USE int koken_teg_sleep(struct koken_teg_call *call, uint64_t duration_ns);

/*
 * koken_teg_on_cancel has fn called, once, by another thread, when the call is cancelled; at once if it is so
 * already. fn NULL: not any more; fn is not running then, nor will it. It must be quick. Not for effects on a
 * worker: -ENOTSUP.
 */
KOKEN_MUST_USE int koken_teg_on_cancel(struct koken_teg_call *call, void (*fn)(void *arg),
                                       void *arg);

/*
 * koken_teg_later takes the right to end a node ELSEWHERE later, from any thread; the effect then returns
 * KOKEN_TEG_LATER. koken_teg_finish ends it, exactly once: a token that is lost keeps its run in memory. It may come
 * after the runtime has stopped.
 * Errors: -ECANCELED nobody wanted the result any more; -ENOMEM the bytes could not be copied, the node fails.
 */
typedef struct koken_teg_token {
    struct koken_teg_call *call;
} koken_teg_token;
koken_teg_token koken_teg_later(struct koken_teg_call *call);
KOKEN_MUST_USE int koken_teg_finish(koken_teg_token token, int error, int64_t number,
                                    const void *bytes, size_t size);

/* ---- results ---- */

/* koken_teg_is_over tells whether all nodes have come to an end. Thread: any. */
bool koken_teg_is_over(const struct koken_teg_run *run);

/* koken_teg_progress counts the nodes that have come to an end, of all. Thread: any. Cost: O(nodes). */
uint32_t koken_teg_progress(const struct koken_teg_run *run, uint32_t *ret_total);

/*
 * koken_teg_status of a run that is over: 0 all is well; -ECANCELED it was cancelled; -ETIMEDOUT or the error of
 * the first node, by number, that failed without being handled. -EBUSY it is not over.
 */
int koken_teg_status(const struct koken_teg_run *run);

/* koken_teg_graph is the graph of a run. */
const struct koken_teg *koken_teg_graph(const struct koken_teg_run *run);

/*
 * Of one node of a run that is over: its state; its result, is_missing unless it completed, of one that failed
 * what it had answered before; its error.
 */
enum koken_teg_state koken_teg_state(const struct koken_teg_run *run, koken_teg_node node);
struct koken_teg_value koken_teg_value(const struct koken_teg_run *run, koken_teg_node node);
int koken_teg_error(const struct koken_teg_run *run, koken_teg_node node);

/* When it was ready, began and ended, koken_now() time, 0: never. */
struct koken_teg_times {
    uint64_t ready_ns, began_ns, ended_ns;
    uint32_t lane;
    uint32_t attempts; /* times that it began */
};
struct koken_teg_times koken_teg_times(const struct koken_teg_run *run, koken_teg_node node);

/* Numbers of a run that is over. */
struct koken_teg_metrics {
    uint64_t nodes_executed; /* completed or failed by running, or timed out after they had begun */
    uint64_t busy_ns;        /* inside effects, all together */
    uint64_t
        wall_ns; /* from the first beginning to the last end; what was cancelled does not count */
    double parallelism_efficiency;       /* busy / (worker_count * wall), 0 .. 1 */
    double speedup;                      /* busy / wall */
    double ideal_speedup;                /* all durations / the longest way */
    double utilisation;                  /* speedup / min(worker_count, ideal_speedup) */
    uint64_t total_work_stealing_events; /* steals that brought something */
    uint64_t failed_steals, items_stolen;
    uint64_t critical_path_ns;  /* the longest way, by measured durations */
    uint64_t avg_queue_wait_ns; /* from ready to begun */
    uint64_t completed, failed, timeouts, cancellations, skipped, retries;
    uint64_t cache_hits,
        cache_shared; /* results from the cache; waited for while another node made them */
    uint64_t undone, undo_failures;
    uint32_t worker_count;
};
KOKEN_MUST_USE int koken_teg_metrics(const struct koken_teg_run *run,
                                     struct koken_teg_metrics *ret_metrics);

/* How many nodes that lane has run. */
uint64_t koken_teg_lane_executed(const struct koken_teg_run *run, uint32_t lane);

/*
 * koken_teg_lost writes the names of linear resources that are lost: a node that needed them failed or timed
 * out, and had no undo. Answers how many there are; the first `room` are written. They live as long as the run.
 */
uint32_t koken_teg_lost(const struct koken_teg_run *run, const char **ret_names, uint32_t room);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
