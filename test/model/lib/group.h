/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What groups and their loops stand on, as small as it may be: a worker is a thread of the model that calls errands, each
 * in the order of their posting; a future is a flag that carries an error; a source is a flag. Included once.
 */
#ifndef KN_TEST_MODEL_LIB_GROUP_H
#define KN_TEST_MODEL_LIB_GROUP_H

#include "test/model/lib/model.h"

#include "actors/agent.h"
#include "base/alloc.h"
#include "base/world.h"
#include "orchestration/future.h"
#include "sched/delay.h"
#include "sched/errand.h"

#include <errno.h>
#include <string.h>

enum { POSTS_MAX = 8 };

struct koken_source {
    kn_atomic(uint32_t) reason;
};

static struct koken runtime;
static struct kn_worker worker_of_model;
KN_TLS struct kn_worker *kn_worker_self;

/* ---- errands --------------------------------------------------------------------------------- */

static struct kn_errand *posted[POSTS_MAX]; /* NULL once it is taken */
static kn_atomic(uint32_t) is_posted[POSTS_MAX];
static kn_atomic(uint32_t) post_count, taken_count;

void kn_errand_init(struct kn_errand *errand,
                    void (*fn)(struct kn_errand *self, struct kn_worker *worker))
{
    errand->fn = fn;
    errand->run.next = NULL;
}

/* The link is in use from here until it is taken: two posts of one errand that nothing orders are a race. */
void kn_errand_post(struct kn_sched *sched, struct kn_errand *errand, enum kn_prio prio)
{
    uint32_t at = kn_add(&post_count, 1, relaxed);
    (void)sched;
    (void)prio;
    KOKEN_CHECK(at < POSTS_MAX);
    KOKEN_CHECK(errand->run.next == NULL);
    errand->run.next = &errand->run;
    posted[at] = errand;
    kn_store(&is_posted[at], 1, release);
    kn_futex_wake(&is_posted[at], UINT32_MAX);
}

static void run_posted(uint32_t at, struct kn_worker *worker)
{
    struct kn_errand *errand = posted[at];
    posted[at] = NULL;
    errand->run.next = NULL;
    errand->fn(errand, worker);
}

/* A thread of the model: it may be asleep in the end. */
static void worker_thread(void)
{
    uint32_t at;
    while ((at = kn_add(&taken_count, 1, relaxed)) < POSTS_MAX) {
        while (kn_load(&is_posted[at], acquire) == 0) {
            (void)kn_futex_wait(&is_posted[at], 0, KN_NEVER);
        }
        run_posted(at, &worker_of_model);
    }
}

/* In a check: the runtime ends with what nobody has come to. */
static void run_leftovers(void)
{
    for (uint32_t at = 0; at < kn_load(&post_count, relaxed); at++) { /* grows meanwhile */
        if (posted[at]) {
            run_posted(at, NULL);
        }
    }
}

/* ---- futures --------------------------------------------------------------------------------- */

struct koken_future *kn_future_new(size_t value_size)
{
    struct koken_future *future = kn_alloc(sizeof *future, 16, -1);
    (void)value_size;
    kn_atomic_init(&future->state, KN_FUTURE_PENDING);
    return future;
}

int koken_promise_new(size_t value_size, koken_promise *ret_promise,
                      struct koken_future **ret_future)
{
    ret_promise->future = *ret_future = kn_future_new(value_size);
    return 0;
}

static int end_promise(koken_promise *promise, int error)
{
    struct koken_future *future = promise->future;
    KOKEN_CHECK(future != NULL);
    promise->future = NULL;
    future->error = error;
    kn_store(&future->state, KN_FUTURE_DONE, release);
    kn_futex_wake(&future->state, UINT32_MAX);
    return 0;
}

int koken_promise_done(koken_promise *promise)
{
    return end_promise(promise, 0);
}

int koken_promise_fail(koken_promise *promise, int error)
{
    return end_promise(promise, error);
}

void koken_promise_drop(koken_promise *promise)
{
    promise->future = NULL;
}

/* timeout_ns 0: looks once. */
int koken_future_join(struct koken_future *future, uint64_t timeout_ns)
{
    while (!kn_future_is_done(future)) {
        if (timeout_ns == 0) {
            return -ETIMEDOUT;
        }
        (void)kn_futex_wait(&future->state, KN_FUTURE_PENDING, KN_NEVER);
    }
    return future->error;
}

/* Given back with the execution. */
void koken_future_drop(struct koken_future *future)
{
    (void)future;
}

uint64_t kn_delay_deadline(uint64_t timeout_ns)
{
    return timeout_ns == KOKEN_NO_DEADLINE ? KN_NEVER : timeout_ns;
}

/* ---- sources --------------------------------------------------------------------------------- */

static kn_atomic(uint32_t) cancels_by_error; /* calls, whether they were the first or not */

int koken_source_new(struct koken *rt, const koken_token *parents, size_t count,
                     struct koken_source **ret_source)
{
    (void)rt;
    (void)parents;
    (void)count;
    *ret_source = kn_alloc(sizeof **ret_source, _Alignof(struct koken_source), -1);
    kn_atomic_init(&(*ret_source)->reason, KOKEN_CANCEL_NONE);
    return 0;
}

int koken_source_cancel(struct koken_source *source, enum koken_cancel_reason reason,
                        const char *text)
{
    uint32_t none = KOKEN_CANCEL_NONE;
    (void)text;
    if (reason == KOKEN_CANCEL_ERROR) {
        (void)kn_add(&cancels_by_error, 1, relaxed);
    }
    return kn_cas_strong(&source->reason, &none, reason, acq_rel, acquire) ? 0 : -EALREADY;
}

void koken_source_free(struct koken_source *source)
{
    kn_free(source, sizeof *source, _Alignof(struct koken_source));
}

koken_token koken_source_token(struct koken_source *source)
{
    return (koken_token){source};
}

int koken_token_check(koken_token token)
{
    return kn_load(&token.source->reason, acquire) == KOKEN_CANCEL_NONE ? 0 : -ECANCELED;
}

static void start_world(unsigned workers)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    kn_worker_self = NULL;
    memset(posted, 0, sizeof posted);
    for (unsigned i = 0; i < POSTS_MAX; i++) {
        kn_atomic_init(&is_posted[i], 0);
    }
    kn_atomic_init(&post_count, 0);
    kn_atomic_init(&taken_count, 0);
    kn_atomic_init(&cancels_by_error, 0);
    kn_atomic_init(&worker_of_model.nudge, 0);
    runtime.worker_count = workers;
}

#endif
