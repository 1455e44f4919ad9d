/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stealing: whom to visit, by the policy: ring by ring from near to far (starting at a random one in each ring), rings by
 * measured success, or everybody in turn.
 *
 * Half of a queue is taken at once if it is worth the trip: long, or of long dispatches. A lone
 * fresh runnable is left alone, in the queue as in the LIFO slot: its worker will run it sooner,
 * with its data in cache, than the thief has fetched the lines. It becomes fair game when the thief
 * has seen it lie for AGE_NS, or sysmon has found the worker stuck.
 */
#include "sched/lifo.h"
#include "sched/machine.h"
#include "sched/nursery.h"

enum {
    LEN_WORTH = 4,           /* runnables worth the trip whatever they take */
    STEAL_NS = 2000,         /* queued work worth the trip */
    AGE_NS = 10 * 1000,      /* what has lain so long is not about to be run */
    KN_STEAL_LEARN = 8,      /* adaptive: one search in so many goes by distance */
    KN_STEAL_SURE = 1 << 16, /* the success of a ring where something was found every time */
};

static bool is_stuck(struct kn_worker *victim)
{
    /* Relaxed, both: a wrong answer costs a needless or a later steal. */
    return kn_load(&victim->stuck_tick, relaxed) == kn_load(&victim->tick, relaxed);
}

/* Whether this victim was seen before in this very state, AGE_NS ago. The first to be seen is
 * remembered. */
static bool has_aged(struct kn_worker *worker, struct kn_worker *victim, uint32_t head,
                     bool is_slot)
{
    struct kn_suspect *suspect = &worker->suspect;
    uint64_t tick = kn_load(&victim->tick, relaxed); /* relaxed: compared with an earlier look */

    if (suspect->is_set && suspect->victim != victim->index) {
        return false;
    }
    if (suspect->is_set && (is_slot ? suspect->tick == tick : suspect->head == head)) {
        return worker->now_ns - suspect->since_ns >= AGE_NS;
    }
    suspect->is_set = true;
    suspect->victim = victim->index;
    suspect->tick = tick;
    suspect->head = head;
    suspect->since_ns = worker->now_ns;
    return false;
}

/* head: of what is looked at, to tell it from a later state. */
static bool is_worth(struct kn_worker *worker, struct kn_worker *victim, uint32_t head,
                     uint32_t len)
{
    /* Relaxed: an average. */
    return len >= LEN_WORTH || (uint64_t)len * kn_load(&victim->dispatch_ns, relaxed) >= STEAL_NS ||
           is_stuck(victim) || has_aged(worker, victim, head, /* is_slot= */ false);
}

static struct kn_runnable *steal_queue(struct kn_worker *worker, struct kn_worker *victim,
                                       enum kn_prio *ret_prio)
{
    uint32_t levels = kn_load(&victim->levels, relaxed); /* relaxed: a hint, the queues decide */

    for (unsigned level = KN_PRIO_COUNT_; level-- > 0 && levels != 0;) {
        uint32_t len = (levels >> level & 1) != 0 ? kn_runq_len(&victim->queues[level]) : 0;
        /* Relaxed: compared with itself later. */
        uint32_t head = kn_load(&victim->queues[level].head, relaxed);
        struct kn_runnable *runnable;
        uint32_t count;

        if (len == 0 || !is_worth(worker, victim, head, len)) {
            continue;
        }
        runnable = kn_runq_steal(&victim->queues[level], &worker->queues[level], &count);
        if (runnable != NULL) {
            KN_ASSERT(count > 0);
            kn_count_add(&worker->stats.steals, 1);
            kn_count_add(&worker->stats.stolen, count);
            if (count > 1) {
                /* Relaxed: this thread writes it, thieves take it as a hint. */
                kn_store(&worker->levels, kn_load(&worker->levels, relaxed) | 1u << level, relaxed);
            }
            *ret_prio = (enum kn_prio)level;
            return runnable;
        }
    }
    return NULL;
}

/* One, as it may be the root of many. */
static struct kn_runnable *steal_young(struct kn_worker *worker, struct kn_worker *victim,
                                       enum kn_prio *ret_prio)
{
    uint32_t len = kn_nursery_len(victim);
    struct kn_runnable *runnable;

    if (len == 0 || !is_worth(worker, victim, kn_nursery_head(victim), len)) {
        return NULL;
    }
    runnable = kn_nursery_steal(victim);
    if (runnable != NULL) {
        kn_count_add(&worker->stats.steals, 1);
        kn_count_add(&worker->stats.stolen, 1);
        *ret_prio = KN_PRIO_NORMAL;
    }
    return runnable;
}

static struct kn_runnable *steal_slot(struct kn_worker *worker, struct kn_worker *victim,
                                      enum kn_prio *ret_prio)
{
    struct kn_runnable *runnable;

    if (!kn_lifo_is_full(victim) ||
        !(is_stuck(victim) || has_aged(worker, victim, 0, /* is_slot= */ true))) {
        return NULL;
    }
    runnable = kn_lifo_steal(victim);
    if (runnable != NULL) {
        kn_count_add(&worker->stats.lifo_stolen, 1);
        *ret_prio = KN_PRIO_NORMAL;
    }
    return runnable;
}

static struct kn_runnable *steal_from(struct kn_worker *worker, struct kn_worker *victim,
                                      enum kn_prio *ret_prio)
{
    struct kn_runnable *runnable;

    KN_ASSERT(victim != worker);
    kn_count_add(&worker->stats.steal_attempts, 1);
    runnable = steal_queue(worker, victim, ret_prio);
    if (runnable == NULL) {
        runnable = steal_young(worker, victim, ret_prio);
    }
    return runnable != NULL ? runnable : steal_slot(worker, victim, ret_prio);
}

/* One ring, from a random victim on. */
static struct kn_runnable *steal_ring(struct kn_worker *worker, unsigned ring,
                                      enum kn_prio *ret_prio)
{
    unsigned begin = ring == 0 ? 0 : worker->ring_end[ring - 1];
    unsigned len = worker->ring_end[ring] - begin;
    unsigned start = len > 1 ? kn_victim_start(worker, len) : 0;

    for (unsigned i = 0; i < len; i++) {
        unsigned at = start + i < len ? start + i : start + i - len;
        struct kn_worker *victim = worker->sched->workers[worker->victims[begin + at]];
        struct kn_runnable *runnable = steal_from(worker, victim, ret_prio);

        if (runnable != NULL) {
            return runnable;
        }
    }
    return NULL;
}

static struct kn_runnable *steal_near(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    struct kn_runnable *runnable = NULL;

    for (unsigned ring = 0; ring < KN_RING_COUNT && runnable == NULL; ring++) {
        runnable = steal_ring(worker, ring, ret_prio);
    }
    return runnable;
}

/* By number, going on behind whoever was the last. */
static struct kn_runnable *steal_round(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    unsigned count = worker->sched->worker_count;
    struct kn_runnable *runnable = NULL;

    for (unsigned i = 1; i < count && runnable == NULL; i++) {
        worker->steal_next = (worker->steal_next + 1) % count;
        if (worker->steal_next == worker->index) {
            worker->steal_next = (worker->steal_next + 1) % count;
        }
        runnable = steal_from(worker, worker->sched->workers[worker->steal_next], ret_prio);
    }
    return runnable;
}

/* The ring not yet tried that is worth most: its success so far, halved for each ring that it is farther away. */
static unsigned best_ring(const struct kn_worker *worker, unsigned tried)
{
    unsigned best = KN_RING_COUNT;
    uint32_t best_worth = 0;

    for (unsigned ring = 0; ring < KN_RING_COUNT; ring++) {
        uint32_t worth = (worker->ring_success[ring] >> ring) + 1;

        if ((tried >> ring & 1) == 0 && worth > best_worth) {
            best = ring;
            best_worth = worth;
        }
    }
    return best;
}

/* Rings by success, a moving average; every eighth time from near to far, so that what has changed is found out. */
static struct kn_runnable *steal_adaptive(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    bool is_learning = worker->steal_next++ % KN_STEAL_LEARN == 0;
    struct kn_runnable *runnable = NULL;

    for (unsigned tried = 0, n = 0; n < KN_RING_COUNT && runnable == NULL; n++) {
        unsigned ring = is_learning ? n : best_ring(worker, tried);
        unsigned begin = ring == 0 ? 0 : worker->ring_end[ring - 1];

        KN_ASSERT(ring < KN_RING_COUNT);
        tried |= 1u << ring;
        if (worker->ring_end[ring] > begin) {
            runnable = steal_ring(worker, ring, ret_prio);
            worker->ring_success[ring] -= worker->ring_success[ring] / 8;
            worker->ring_success[ring] += runnable != NULL ? KN_STEAL_SURE / 8 : 0;
        }
    }
    return runnable;
}

struct kn_runnable *kn_steal(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    KN_ASSERT(worker->ring_end[KN_RING_COUNT - 1] == worker->sched->worker_count - 1);
    KN_ASSERT(worker->is_searching);
    if (kn_unlikely(kn_fault(KN_FAULT_STEAL) != 0)) {
        return NULL; /* as if all had been run or stolen meanwhile */
    }
    switch (worker->sched->config.steal) {
    case KN_STEAL_NEAR: return steal_near(worker, ret_prio);
    case KN_STEAL_ROUND_ROBIN: return steal_round(worker, ret_prio);
    case KN_STEAL_ADAPTIVE: return steal_adaptive(worker, ret_prio);
    }
    return NULL;
}

unsigned kn_victim_start(struct kn_worker *worker, unsigned len)
{
    return (unsigned)((kn_random(&worker->rng) >> 32) * len >> 32);
}
