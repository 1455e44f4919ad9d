/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An execution engine: computations are submitted and have a number, by which their result is fetched, or they are cancelled. They
 * run on the runtime's workers, best priority first, and equal ones are computed once.
 *
 *     static int price(koken_token token, void *arg, void *ret_value) { ... computes ... }
 *
 *     struct koken_engine *engine;
 *     struct koken_engine_options o = {.cache_entries = 4096, .key_size = sizeof key, .cached_size = sizeof(double)};
 *     int rc = koken_engine_new(rt, &o, &engine);
 *     rc = koken_engine_submit(engine, &(struct koken_work){.fn = price, .key = &key, ...}, &id);
 *     rc = koken_engine_wait(engine, id, KOKEN_MS(50), &value);
 *
 * Work is a plain function on a worker's stack, as a task of a group is: it may wait for futures, groups and other work (the worker
 * goes on with something else), but what mostly waits is a task of <koken/async.h>. Priorities order what has not begun; a lower one
 * that has been passed over often enough has its turn, so none starves; equal ones begin in the order of their submission.
 *
 * Work with a key is the same work if function and key are the same: while it is under way, who submits it again gets the same result
 * (single flight), and afterwards, for as long as the cache has it, at once. Errors are not kept.
 *
 * Results wait to be fetched; when results_max do, the oldest is forgotten, so an engine never fills up with what nobody wants.
 * Thread: any, several at once. Order: what precedes the submission happens-before the work, that before the end of a wait for it.
 */
#ifndef KOKEN_ENGINE_H
#define KOKEN_ENGINE_H

#include <koken/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_engine; /* opaque */

enum {
    KOKEN_ENGINE_KEY_MAX = 56,     /* bytes of a key */
    KOKEN_ENGINE_CACHED_MAX = 256, /* bytes of a result that is kept */
};

/* Zero is the default of every field. */
struct koken_engine_options {
    size_t struct_size;
    unsigned max_threads;         /* work at once; default: as many as there are workers */
    uint32_t work_max;            /* that has not ended, default 1024 */
    uint32_t results_max;         /* that nobody has fetched, default 4096 */
    enum koken_priority priority; /* of all its work among the agents */
    koken_token token;            /* cancels all (kept, not taken) */
    /* For work with keys; all three, or none: */
    size_t cache_entries; /* results that are kept */
    size_t key_size;
    size_t cached_size;    /* of the results of work with a key */
    uint64_t cache_ttl_ns; /* they are kept so long; 0: they do not age */
};

/*
 * koken_engine_new makes an engine. options may be NULL. Owner: yours until koken_engine_free; rt must live as long.
 * Errors: -EINVAL also options out of bounds, a token of nothing; -ENOMEM.
 */
KOKEN_MUST_USE int koken_engine_new(struct koken *rt, const struct koken_engine_options *options,
                                    struct koken_engine **ret_engine);

/*
 * koken_engine_free cancels all work, does not wait for what has begun, and gives the engine back; who waits for what had not
 * begun hears -ECANCELED. NULL: nothing.
 */
void koken_engine_free(struct koken_engine *engine);

/* One computation. Zero is the default of every field but fn. */
struct koken_work {
    size_t struct_size;
    /* Called once. Answers 0, with the result in *ret_value, or an error (< 0). token (borrowed) says whether to go on. */
    int (*fn)(koken_token token, void *arg, void *ret_value);
    void *arg;                    /* must last until the end, unless it is copied */
    size_t arg_size;              /* bytes of it that are copied; 0: fn gets the pointer itself */
    size_t value_size;            /* of the result; with a key: cached_size */
    enum koken_priority priority; /* among the engine's work */
    koken_token token; /* cancels it (kept, not taken); not with a key, which others may share */
    const void *
        key; /* of key_size bytes (padding must be zero), copied; NULL: no other work is the same */
};

/*
 * koken_engine_submit accepts work, and answers its number, > 0 and never used again; ret_id NULL: nobody will ask. Errors: -EAGAIN
 * work_max have not ended; -ECANCELED the engine is cancelled; -EINVAL no fn, a token of nothing, arg_size without arg, a key
 * without a cache, with a token, or with a result of another size; -ENOMEM.
 */
KOKEN_MUST_USE int koken_engine_submit(struct koken_engine *engine, const struct koken_work *work,
                                       uint64_t *ret_id);

/*
 * koken_engine_wait(engine, id, timeout_ns, &value) fetches a result: waits for the end, copies the value, and forgets the number. Several
 * may wait for one. Work that waits for work which has not begun does it itself, so on one worker it comes to an end, too.
 * Answers 0, or the error of the work (-ECANCELED if it was cancelled before it began, -ESHUTDOWN by the runtime's end), and
 * then the number is forgotten; or it stays: -ETIMEDOUT; -EPROTO the value is of another size; -EDEADLK it is the caller's own; -ENOTSUP in a
 * handler or callback, unless it has ended; -ECANCELED the fiber is to end; -ENOMEM. -ESRCH: no such number, or forgotten.
 */
#define koken_engine_wait(engine, id, timeout_ns, ret_value)                                       \
    koken_engine_wait_((engine), (id), (timeout_ns), (ret_value), sizeof *(ret_value))
KOKEN_MUST_USE int koken_engine_wait_(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns,
                                      void *ret_value, size_t size);

/* koken_engine_join is the same for work without a result, or whose result is not wanted. */
KOKEN_MUST_USE int koken_engine_join(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns);

/* koken_engine_future answers the result as a future, yours to drop; for handlers, and to go on with. Errors: -ESRCH, -EINVAL. */
KOKEN_MUST_USE int koken_engine_future(struct koken_engine *engine, uint64_t id,
                                       struct koken_future **ret_future);

/*
 * koken_engine_cancel: 0 it will not be done, unless others have submitted the same: then only this number is forgotten. -EALREADY
 * it has begun (its token is cancelled now, unless others want it) or ended. Errors: -ESRCH, -EINVAL.
 */
KOKEN_MUST_USE int koken_engine_cancel(struct koken_engine *engine, uint64_t id);

/* koken_engine_forget gives a number up; the work is done all the same. Errors: -ESRCH, -EINVAL. */
KOKEN_MUST_USE int koken_engine_forget(struct koken_engine *engine, uint64_t id);

/* koken_engine_stop cancels all work; none begins any more. Errors: -EALREADY, -EINVAL. */
KOKEN_MUST_USE int koken_engine_stop(struct koken_engine *engine);

/* koken_engine_end is a future without a value: complete when no work is left. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_engine_end(struct koken_engine *engine, struct koken_future **ret_future);

/* What an engine has done. All that was submitted is queued, running, done, failed, cancelled, or a hit or joined. */
struct koken_engine_stats {
    uint64_t submitted;
    uint64_t refused; /* for work_max; not counted as submitted */
    uint64_t hits;    /* found in the cache */
    uint64_t joined;  /* was under way already */
    uint64_t done, failed, cancelled;
    uint64_t queued, running;        /* now */
    uint64_t results;                /* now, not fetched */
    uint64_t forgotten;              /* results for results_max */
    uint64_t queue_ns, queue_max_ns; /* from submission to beginning: sum, longest */
    uint64_t run_ns, run_max_ns;     /* from beginning to end */
};

/* koken_engine_stats_get reads them. Errors: -EINVAL. */
int koken_engine_stats_get(struct koken_engine *engine, struct koken_engine_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
