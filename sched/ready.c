/* SPDX-License-Identifier: Apache-2.0 */
/* Where ready runnables go: the slot, the nursery, the worker's own queue, the global one. See sched.h, ready.h. */
#include "sched/ready.h"

#include "sched/lifo.h"
#include "sched/nursery.h"

KN_NOINLINE void kn_ready_overflow(struct kn_worker *worker, struct kn_runnable *runnable,
                                   enum kn_prio prio)
{
    struct kn_runnable *first, *last;
    uint32_t count = kn_runq_spill(&worker->queues[prio], &first, &last);

    if (count == 0) { /* thieves made room */
        bool has_room = kn_runq_push(&worker->queues[prio], runnable);

        KN_ASSERT(has_room);
        (void)has_room;
        return;
    }
    KN_ASSERT(count == KN_RUNQ_SLOTS / 2);
    last->next = runnable;
    kn_global_push(&worker->sched->global, first, runnable, count + 1, prio);
    kn_count_add(&worker->stats.overflows, 1);
    if (!worker->is_single && !kn_ready_is_sharing_off(worker)) {
        kn_notify(worker->sched, worker->index);
    }
}

KN_NOINLINE bool kn_ready_is_worth_sharing(struct kn_worker *worker)
{
    uint64_t len = 0;

    if (kn_ready_is_sharing_off(worker)) {
        return false;
    }
    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        len += kn_runq_len(&worker->queues[i]);
    }
    len += kn_nursery_len(worker);
    if (len == 0) {
        return false;
    }
    /* Relaxed: written by this thread. */
    return len * kn_load(&worker->dispatch_ns, relaxed) >= worker->sched->config.share_ns;
}

/* Whoever comes first now may take long: `again` must not wait where no thief can see it. */
void kn_worker_flush_again(struct kn_worker *worker)
{
    struct kn_runnable *again = worker->again;

    if (again != NULL) {
        KN_ASSERT(worker->again_level < KN_PRIO_COUNT_);
        worker->again = NULL;
        kn_fair_take(&worker->again, again);
        kn_ready_push(worker, again, worker->again_level);
    }
}

void kn_ready_tail(struct kn_worker *worker, struct kn_runnable *runnable, enum kn_prio prio)
{
    KN_ASSERT(worker == kn_worker_self);
    KN_ASSERT(prio < KN_PRIO_COUNT_);
    kn_ready_push(worker, runnable, prio);
    kn_ready_share(worker);
}

void kn_ready(struct kn_worker *worker, struct kn_runnable *runnable, enum kn_prio prio)
{
    KN_ASSERT(worker == kn_worker_self);
    KN_ASSERT(prio < KN_PRIO_COUNT_);
    if (kn_likely(prio == KN_PRIO_NORMAL && worker->has_lifo)) {
        runnable = kn_lifo_put(worker, runnable);
        if (kn_likely(runnable == NULL)) {
            return;
        }
    }
    kn_ready_push(worker, runnable, prio);
    kn_ready_share(worker);
}

void kn_ready_young(struct kn_worker *worker, struct kn_runnable *runnable)
{
    KN_ASSERT(worker == kn_worker_self);
    if (kn_likely(kn_nursery_push(worker, runnable))) {
        /* Relaxed: this thread writes it, thieves take it as a hint. */
        uint32_t levels = kn_load(&worker->levels, relaxed);

        if ((levels & 1u << KN_PRIO_NORMAL) == 0) {
            kn_store(&worker->levels, levels | 1u << KN_PRIO_NORMAL, relaxed);
        }
    } else {
        kn_ready_push(worker, runnable, KN_PRIO_NORMAL);
    }
    kn_ready_share(worker);
}

void kn_ready_chain(struct kn_sched *sched, struct kn_runnable *first, struct kn_runnable *last,
                    unsigned count, enum kn_prio prio)
{
    struct kn_worker *self = kn_worker_self;

    kn_global_push(&sched->global, first, last, count, prio);
    kn_notify(sched, self != NULL && self->sched == sched ? self->index : 0);
}

void kn_ready_foreign(struct kn_sched *sched, struct kn_runnable *runnable, enum kn_prio prio)
{
    kn_ready_chain(sched, runnable, runnable, 1, prio);
}
