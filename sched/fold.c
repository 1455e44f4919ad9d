/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding: a worker that mostly talks to another worker's agents gives its work back and rests.
 *
 * A message to an agent that runs on another core costs the transfer of two or three cache lines, 70 to
 * 170 ns each; the same message on one core costs 15 to 30 ns. So eight producers and one consumer of
 * cheap messages are four times slower on two workers than on one, and no order of stealing helps. What
 * helps is to notice it: the floor above counts the messages it sends to whoever last ran elsewhere; if
 * they are many and all are cheap, this worker moves its queue to the global one, and rests without
 * looking there. For a while then, nobody is woken for shared work; after that it is tried again, as
 * programs change. Each failed trial doubles the while.
 *
 * That nothing is lost: a folded worker publishes its work, is counted as resting, and only then looks at
 * who is awake (kn_rest_is_over(), all seq_cst). If somebody is, that one looks at the global queue every
 * 61st dispatch, and again after it is counted as resting itself, be it folded or not; of several that fold
 * at once the last to be counted sees nobody awake, and takes the work ([SI1], as for any push). A folded
 * worker is woken like any other: by work from outside, by sysmon when a dispatch is long, by its timers.
 */
#include "sched/lifo.h"
#include "sched/machine.h"
#include "sched/nursery.h"

#include "base/assert.h"

enum {
    MESSAGES_MIN = 128, /* fewer say nothing */
    FAR_SHARE = 4,      /* one in four goes to another core */
    CHEAP_NS = 300,     /* per message, all that happens in between included */
    WHILE_MIN_MS = 2,
    WHILE_MAX_MS = 32,
    MS = 1000 * 1000,
};

void kn_worker_traffic(struct kn_worker *worker, uint64_t messages, uint64_t far)
{
    struct kn_traffic *seen = &worker->traffic;
    uint64_t count = messages - seen->messages;

    KN_ASSERT(worker == kn_worker_self);
    if (worker->is_single || count < MESSAGES_MIN) {
        return;
    }
    bool is_cheap = worker->now_ns - seen->since_ns < count * CHEAP_NS;
    worker->wants_fold = is_cheap && (far - seen->far) * FAR_SHARE >= count && seen->since_ns != 0;
    *seen = (struct kn_traffic){messages, far, worker->now_ns};
}

/* Everything of this worker's to the global queue. True: there was something. */
static bool give_all(struct kn_worker *worker)
{
    struct kn_global *global = &worker->sched->global;
    struct kn_runnable *runnable;
    bool any = false;

    kn_worker_flush_again(worker);
    for (int prio = KN_PRIO_COUNT_ - 1; prio >= 0; prio--) {
        while ((runnable = kn_runq_pop(&worker->queues[prio], /* is_single= */ false)) != NULL) {
            kn_global_push(global, runnable, runnable, 1, (enum kn_prio)prio);
            any = true; /* ends: nobody else pushes here */
        }
    }
    while ((runnable = kn_nursery_pop_any(worker)) != NULL) { /* ends: as above */
        kn_global_push(global, runnable, runnable, 1, KN_PRIO_NORMAL);
        any = true;
    }
    runnable = kn_lifo_take(worker);
    if (runnable != NULL) {
        kn_global_push(global, runnable, runnable, 1, KN_PRIO_NORMAL);
    }
    return any || runnable != NULL;
}

/* Claims the right to fold, one for all workers in a while. */
static bool claim(struct kn_sched *sched, uint64_t now_ns)
{
    /* Relaxed: only who is first matters. */
    uint64_t after = kn_load(&sched->share_after_ns, relaxed);
    uint64_t last =
        kn_load(&sched->share_while_ns, relaxed); /* relaxed: written by who has claimed */
    uint64_t span = now_ns - after < 4 * last ? 2 * last : (uint64_t)WHILE_MIN_MS * MS;

    span = span < (uint64_t)WHILE_MAX_MS * MS ? span : (uint64_t)WHILE_MAX_MS * MS;
    span = span > 0 ? span : (uint64_t)WHILE_MIN_MS * MS;
    if (now_ns < after ||
        !kn_cas_strong(&sched->share_after_ns, &after, now_ns + span, relaxed, relaxed)) {
        return false;
    }
    kn_store(&sched->share_while_ns, span, relaxed); /* as above */
    return true;
}

void kn_worker_fold(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;

    KN_ASSERT(worker == kn_worker_self);
    worker->wants_fold = false;
    /* Relaxed: a hint, before anything is moved. */
    if (kn_idle_awake(kn_load(&sched->idle.word, relaxed)) < 2 || !claim(sched, worker->now_ns)) {
        return;
    }
    if (worker->is_searching) {
        kn_worker_end_search(worker);
    }
    if (give_all(worker)) {
        kn_notify(sched, worker->index); /* a searcher may have missed it, as with any push */
    }
    worker->is_folded = true; /* whether others are awake is looked at once this one rests */
    kn_count_add(&worker->stats.folds, 1);
}

void kn_worker_unfold(struct kn_worker *worker)
{
    worker->is_folded = false;
    worker->wants_fold = false;
    worker->traffic.since_ns = worker->now_ns; /* sleep is not part of a message */
}
