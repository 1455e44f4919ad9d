/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dispatch loop: what a worker runs next. Where ready runnables go is ready.h.
 *
 * Order of choice: the LIFO slot while the turn's budget lasts and nothing higher waits; the
 * worker's queues, highest level after ageing, the nursery before the normal one; the global
 * queue, every 61st dispatch first; fds; others' queues.
 *
 * The owner's common case, slot in and slot out, has no locked instruction, no clock and no shared
 * write. A push to the own queue is one release store; a pop is one compare and swap, which a
 * single worker saves.
 */
#include "sched/lifo.h"
#include "sched/machine.h"
#include "sched/nursery.h"
#include "sched/prio.h"
#include "sched/ready.h"

#include "base/alloc.h"
#include "base/edges.h"
#include "base/mutant.h"

#include <errno.h>
#include <string.h>

enum {
    POLL_NS = 50 * 1000,                /* how often a busy worker looks at fds */
    BEAT_NS = 100 * 1000,               /* and at the clock, if its dispatches are long */
    DISPATCH_NS_MAX = 10 * 1000 * 1000, /* one very long dispatch must not be remembered for ever */
};

KN_TLS struct kn_worker *kn_worker_self;
KN_TLS_SIMULATED(kn_worker_self);

KN_NOINLINE struct kn_worker *kn_worker_current(void)
{
    return kn_worker_self;
}

/* ---- what runs next ------------------------------------------------------------------------ */

/*
 * A turn: what runs until its budget is used up or the slot is empty. All that runs while the slot
 * is full draws on the same budget; then the slot goes behind the queue. So neither a pair in the
 * slot nor a flood of another level keeps the queue waiting for more than a budget.
 */
static inline struct kn_runnable *start_turn(struct kn_worker *worker, struct kn_runnable *runnable)
{
    worker->budget = worker->budget_full;
    return runnable;
}

/* From the normal level: nursery and queue. */
static inline struct kn_runnable *pop_normal(struct kn_worker *worker)
{
    struct kn_runnable *runnable = NULL;

    if (kn_unlikely(worker->has_young)) {
        runnable = kn_nursery_pop(worker);
    }
    if (runnable == NULL) {
        runnable = kn_runq_pop(&worker->queues[KN_PRIO_NORMAL], worker->is_single);
        if (runnable == NULL && worker->has_young) {
            runnable = kn_nursery_pop_any(worker);
        }
    }
    return runnable;
}

/* From the queues, by level. NULL: all empty. */
static struct kn_runnable *pick_queue(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    uint32_t levels = kn_load(&worker->levels, relaxed); /* relaxed: written by this thread */

    while (levels != 0) {
        struct kn_runnable *runnable;
        enum kn_prio prio = KN_PRIO_NORMAL;

        if (kn_unlikely(levels != 1u << KN_PRIO_NORMAL)) {
            prio = kn_prio_due(levels, worker->skipped);
        }
        runnable = prio == KN_PRIO_NORMAL ? pop_normal(worker)
                                          : kn_runq_pop(&worker->queues[prio], worker->is_single);
        if (kn_likely(runnable != NULL)) {
            *ret_prio = prio;
            return start_turn(worker, runnable);
        }
        levels &= ~(1u << prio);
        kn_store(&worker->levels, levels, relaxed); /* relaxed: a hint for thieves */
    }
    return NULL;
}

/* The slot is full and the turn over: it goes behind the queue, or starts a new turn if that is
 * empty. */
static struct kn_runnable *end_turn(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    struct kn_runnable *queued = pick_queue(worker, ret_prio);
    struct kn_runnable *runnable;

    kn_count_add(&worker->stats.budget_ends, 1);
    runnable = kn_lifo_take(worker);
    if (queued == NULL) {
        *ret_prio = KN_PRIO_NORMAL;
        return runnable == NULL ? NULL : start_turn(worker, runnable);
    }
    if (runnable != NULL) {
        kn_ready_push(worker, runnable, KN_PRIO_NORMAL);
    }
    return queued;
}

/* The slot is full and levels above normal hold something: the slot counts as the normal level. */
static KN_NOINLINE struct kn_runnable *pick_above(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    uint32_t levels = kn_load(&worker->levels, relaxed); /* relaxed: written by this thread */
    uint32_t queue_skipped = worker->skipped[KN_PRIO_NORMAL];
    enum kn_prio prio;
    struct kn_runnable *runnable;

    worker->skipped[KN_PRIO_NORMAL] = worker->slot_skipped;
    prio = kn_prio_due(levels | 1u << KN_PRIO_NORMAL, worker->skipped);
    worker->slot_skipped = worker->skipped[KN_PRIO_NORMAL];
    worker->skipped[KN_PRIO_NORMAL] = queue_skipped; /* as the queue has not had its turn */
    *ret_prio = prio;
    if (prio == KN_PRIO_NORMAL) {
        return kn_lifo_take(worker);
    }
    runnable = kn_runq_pop(&worker->queues[prio], worker->is_single);
    if (runnable == NULL) {
        kn_store(&worker->levels, levels & ~(1u << prio),
                 relaxed); /* relaxed: a hint for thieves */
    }
    return runnable;
}

/* The slot is full. NULL: a thief has it. */
static KN_NOINLINE struct kn_runnable *pick_slot(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    if (worker->budget <= 0) {
        if (!kn_mutant(KN_MUTANT_STARVED_QUEUE)) {
            return end_turn(worker, ret_prio);
        }
        worker->budget = worker->budget_full;
    }
    /* Relaxed: written by this thread. */
    if ((kn_load(&worker->levels, relaxed) & KN_LEVELS_ABOVE_NORMAL) != 0) {
        return pick_above(worker, ret_prio);
    }
    *ret_prio = KN_PRIO_NORMAL;
    return kn_lifo_take(worker);
}

static struct kn_runnable *pick(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    struct kn_runnable *runnable = NULL;

    if (kn_lifo_is_full(worker)) {
        runnable = pick_slot(worker, ret_prio);
    }
    if (runnable == NULL && worker->again != NULL) {
        runnable = start_turn(worker, worker->again);
        worker->again = NULL;
        kn_fair_take(&worker->again, runnable);
        *ret_prio = worker->again_level;
    }
    return runnable != NULL ? runnable : pick_queue(worker, ret_prio);
}

/* ---- the beat: clock, timers, global queue ------------------------------------------------- */

/* Looks at the clock, and learns from it how long a dispatch takes. */
static void read_clock(struct kn_worker *worker)
{
    uint64_t now = kn_now();
    uint64_t tick = kn_load(&worker->tick, relaxed); /* relaxed: written by this thread */
    uint64_t count = tick - worker->beat_tick;

    if (count > 0) {
        uint64_t each = (now - worker->beat_ns) / count;
        uint64_t old =
            kn_load(&worker->dispatch_ns, relaxed); /* relaxed, both: a hint for thieves */
        uint64_t weight = count < 16 ? count : 16;  /* of 64 */
        uint64_t last = worker->last_each_ns;

        /* The lesser of two: a thread that the kernel set aside has not become slow. */
        each = each < DISPATCH_NS_MAX ? each : DISPATCH_NS_MAX;
        worker->last_each_ns = (uint32_t)each;
        each = each < last ? each : last;
        kn_store(&worker->dispatch_ns, (uint32_t)((old * (64 - weight) + each * weight) / 64),
                 relaxed);
        worker->beat_tick = tick;
    }
    worker->beat_ns = now;
    worker->now_ns = now;
}

/* The next beat comes after 61 dispatches, or sooner if they are long. */
static void schedule_beat(struct kn_worker *worker)
{
    uint32_t each = kn_load(&worker->dispatch_ns, relaxed); /* relaxed, both: own */
    uint32_t count = BEAT_NS / (each > 0 ? each : 1);

    count = count < KN_GLOBAL_EVERY ? count : KN_GLOBAL_EVERY;
    worker->beat_due = kn_load(&worker->tick, relaxed) + (count > 0 ? count : 1);
}

static void say_quiescent(struct kn_worker *worker)
{
    const struct kn_sched_hooks *hooks = &worker->sched->config.hooks;

    if (hooks->quiescent != NULL) {
        hooks->quiescent(worker, hooks->arg);
    }
}

/* Wakes those whose fds have events. While workers are busy nobody sleeps in the netpoller. */
static void look_at_fds(struct kn_worker *worker)
{
    struct kn_netpoll *netpoll = &worker->sched->netpoll;

    if (kn_netpoll_is_needed(netpoll) && worker->now_ns - worker->polled_ns >= POLL_NS) {
        worker->polled_ns = worker->now_ns;
        (void)kn_netpoll_deliver(worker, kn_netpoll_poll(netpoll));
    }
}

static void look_at_timers(struct kn_worker *worker)
{
    struct kn_alarms *alarms = &worker->sched->alarms;

    (void)kn_wheel_advance(&worker->wheel, worker->now_ns);
    if (kn_unlikely(kn_alarms_next(alarms) <= worker->now_ns)) {
        kn_alarms_ring(alarms, worker, worker->now_ns);
    }
}

/* One of the global queue, or with take_share this worker's share of it: the rest to its own queue.
 */
static struct kn_runnable *take_global(struct kn_worker *worker, bool take_share,
                                       enum kn_prio *ret_prio)
{
    struct kn_global *global = &worker->sched->global;
    struct kn_runnable *runnable, *next;
    uint32_t len = kn_global_len(global);
    uint32_t max = 1;
    uint32_t count;

    if (len == 0) {
        return NULL;
    }
    if (take_share) {
        max = len / worker->workers + 1;
        max = max < KN_RUNQ_SLOTS / 2 ? max : KN_RUNQ_SLOTS / 2;
    }
    kn_count_add(&worker->stats.global_polls, 1);
    runnable = kn_global_take(global, max, ret_prio, &count);
    if (runnable == NULL) {
        return NULL;
    }
    KN_ASSERT(count <= max);
    kn_count_add(&worker->stats.global_taken, count);
    for (struct kn_runnable *rest = runnable->next; rest != NULL; rest = next) {
        next = rest->next;
        kn_ready_push(worker, rest, *ret_prio);
    }
    return runnable;
}

/* What has lain in the nursery for too long goes behind those of the queue. */
static void age_nursery(struct kn_worker *worker)
{
    struct kn_runnable *runnable = kn_nursery_aged(worker), *next;

    for (; runnable != NULL; runnable = next) {
        next = runnable->next;
        kn_ready_push(worker, runnable, KN_PRIO_NORMAL);
    }
}

/*
 * What of the global queue comes before the own ones, or NULL. Not at two beats in a row without a pick of the own
 * ones, as a beat comes before each dispatch if they are long; and if a turn is over it does not begin another one,
 * or the queue's might never come. (D-SCHED-15)
 */
static struct kn_runnable *take_first(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    uint64_t queued = kn_count_read(&worker->stats.queued);
    struct kn_runnable *runnable;

    if (queued == worker->first_queued && kn_worker_has_work(worker)) {
        worker->first_queued = 0;
        return NULL;
    }
    runnable = take_global(worker, /* take_share= */ false, ret_prio);
    if (runnable == NULL) {
        return NULL;
    }
    worker->first_queued = queued + 1;
    if (worker->budget <= 0) {
        worker->budget = 1;
    }
    return runnable;
}

/* Every 61st dispatch. Returns what has to run first, or NULL. */
static KN_NOINLINE struct kn_runnable *beat(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    read_clock(worker);
    schedule_beat(worker);
    say_quiescent(worker);
    if (kn_unlikely(worker->wants_fold)) {
        kn_worker_fold(worker);
        if (worker->is_folded) {
            return NULL;
        }
    }
    kn_worker_flush_again(worker);
    age_nursery(worker);
    look_at_timers(worker);
    look_at_fds(worker);
    kn_ready_share(worker);
    return take_first(worker, ret_prio);
}

/* Somebody wants something of this worker. False: it is gone. */
static KN_NOINLINE bool heed_nudge(struct kn_worker *worker)
{
    /* [SN1] acquire: what the nudger did before. Pairs with the release (as seq_cst) in
     * kn_worker_kick(), kn_blocking_leave() and kn_sched_stop(). */
    uint32_t nudge = kn_load(&worker->nudge, acquire);

    if ((nudge & KN_NUDGE_STOP) != 0) {
        kn_worker_release(worker);
        return false;
    }
    (void)kn_and(&worker->nudge, ~nudge, acquire); /* [SN1] */
    if ((nudge & KN_NUDGE_GIVE) != 0 && kn_worker_give(worker)) {
        return false;
    }
    worker->beat_due = 0;
    return true;
}

/* ---- the step ------------------------------------------------------------------------------ */

/* Not in the own queues: timers, the global queue, others. */
static KN_NOINLINE struct kn_runnable *find(struct kn_worker *worker, enum kn_prio *ret_prio)
{
    struct kn_runnable *runnable;

    say_quiescent(worker);
    read_clock(worker);
    kn_worker_mark_idle(worker);
    schedule_beat(worker);
    look_at_timers(worker);
    look_at_fds(worker);
    runnable = pick(worker, ret_prio);
    if (runnable != NULL || worker->is_folded) {
        return runnable;
    }
    runnable = take_global(worker, /* take_share= */ true, ret_prio);
    if (runnable != NULL) {
        return start_turn(worker, runnable);
    }
    if (worker->is_single || worker->sched->config.no_stealing) {
        return NULL;
    }
    if (!worker->is_searching) {
        worker->is_searching = kn_idle_search_begin(&worker->sched->idle);
        if (!worker->is_searching) {
            return NULL;
        }
        kn_count_add(&worker->stats.searches, 1);
    }
    runnable = kn_steal(worker, ret_prio);
    return runnable != NULL ? start_turn(worker, runnable) : NULL;
}

/* A look around without a dispatch moves the tick too, so that nobody takes this worker for stuck.
 */
void kn_worker_mark_idle(struct kn_worker *worker)
{
    kn_count_add(&worker->stats.idle_looks, 1);
    worker->beat_tick++;
    /* Relaxed: one writer; readers compare it with what it was. */
    kn_store(&worker->tick, kn_load(&worker->tick, relaxed) + 1, relaxed);
}

bool kn_worker_has_work(struct kn_worker *worker)
{
    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        if (kn_runq_len(&worker->queues[i]) > 0) {
            return true;
        }
    }
    return kn_lifo_is_full(worker) || worker->again != NULL || kn_nursery_len(worker) > 0;
}

/* The searcher has work. The last one makes sure that more work in sight finds a worker. */
KN_NOINLINE void kn_worker_end_search(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;

    worker->is_searching = false;
    worker->suspect.is_set = false;
    if (kn_idle_search_end(&sched->idle) &&
        ((kn_global_len(&sched->global) > 0 && !kn_ready_is_sharing_off(worker)) ||
         kn_ready_is_worth_sharing(worker))) {
        kn_notify(sched, worker->index);
    }
}

KN_NOINLINE void kn_worker_requeue(struct kn_worker *worker, struct kn_runnable *runnable,
                                   enum kn_prio prio)
{
    /* Relaxed: written by this thread. Alone: it runs again at once, without passing the queue. */
    if (kn_load(&worker->levels, relaxed) == 0 && !kn_lifo_is_full(worker) &&
        worker->again == NULL) {
        worker->again = runnable;
        worker->again_level = prio;
        kn_fair_put(&worker->again, runnable, 0);
        return;
    }
    kn_ready_push(worker, runnable, prio);
    kn_ready_share(worker);
}

static KN_ALWAYS_INLINE void dispatch(struct kn_worker *worker, struct kn_runnable *runnable,
                                      enum kn_prio prio)
{
    if (kn_unlikely(worker->is_searching)) {
        kn_worker_end_search(worker);
    }
    KN_ASSERT(runnable->step != NULL);
    kn_take_over(runnable);
    KN_ASSERT(worker->budget > 0);
    worker->budget--;
    /* Relaxed: one writer; readers compare it with what it was. */
    kn_store(&worker->tick, kn_load(&worker->tick, relaxed) + 1, relaxed);
    kn_fair_run(worker, runnable);
    if (kn_unlikely(runnable->step(worker, runnable) == KN_RAN_AGAIN)) {
        kn_worker_requeue(kn_worker_self, runnable,
                          prio); /* a blocking section may have changed the worker */
    }
}

/* All but the way from slot to step. */
static KN_NOINLINE enum kn_stepped step_slowly(struct kn_worker *worker)
{
    struct kn_runnable *runnable = NULL;
    enum kn_prio prio = KN_PRIO_NORMAL;

    /* Relaxed: a hint; heed_nudge() reads it again with acquire. */
    if (kn_load(&worker->nudge, relaxed) != 0 && !heed_nudge(worker)) {
        return KN_STEPPED_GONE;
    }
    if (kn_load(&worker->tick, relaxed) >= worker->beat_due) { /* relaxed: own */
        runnable = beat(worker, &prio);
    }
    if (runnable == NULL) {
        runnable = pick(worker, &prio);
    }
    if (runnable == NULL) {
        runnable = find(worker, &prio);
        if (runnable == NULL) {
            return KN_STEPPED_IDLE;
        }
        if (worker->spin_end_ns != 0) {
            kn_worker_spin_won(worker);
        }
    }
    kn_count_add(&worker->stats.queued, 1);
    dispatch(worker, runnable, prio);
    return KN_STEPPED_RAN;
}

/*
 * The two common ways, from the slot and from the normal queue, when nothing else asks for
 * attention; the rest is step_slowly(). It is longer than a line or two and inline, as it is what a
 * message costs.
 */
static KN_ALWAYS_INLINE enum kn_stepped step(struct kn_worker *worker)
{
    struct kn_runnable *runnable = NULL;
    uint32_t levels;

    KN_ASSERT(worker == kn_worker_self);
    /* Relaxed, all: nudge is a hint, the others are written by this thread. */
    if (kn_unlikely(kn_load(&worker->nudge, relaxed) != 0 ||
                    kn_load(&worker->tick, relaxed) >= worker->beat_due)) {
        return step_slowly(worker);
    }
    levels = kn_load(&worker->levels, relaxed);
    if (kn_lifo_is_full(worker)) {
        if (kn_likely(worker->budget > 0 && (levels & KN_LEVELS_ABOVE_NORMAL) == 0)) {
            runnable = kn_lifo_take(worker);
        }
    } else if (levels == 1u << KN_PRIO_NORMAL && worker->again == NULL) {
        runnable = pop_normal(worker);
        worker->budget = worker->budget_full;
        kn_count_add(&worker->stats.queued, runnable != NULL);
    }
    if (kn_unlikely(runnable == NULL)) {
        return step_slowly(worker);
    }
    dispatch(worker, runnable, KN_PRIO_NORMAL);
    return KN_STEPPED_RAN;
}

enum kn_stepped kn_worker_step(struct kn_worker *worker)
{
    return step(worker);
}

void kn_worker_run(void)
{
    struct kn_worker *worker;

    while ((worker = kn_worker_self) != NULL) { /* ends: stop, or another thread takes the worker */
        if (kn_unlikely(step(worker) == KN_STEPPED_IDLE)) {
            kn_worker_rest(worker);
        }
    }
}

bool kn_worker_slice_over(struct kn_worker *worker)
{
    uint64_t tick = kn_load(&worker->tick, relaxed); /* relaxed: written by this thread */

    worker->now_ns = kn_now();
    if (worker->slice_tick != tick) {
        worker->slice_tick = tick;
        worker->slice_end_ns = worker->now_ns + worker->sched->config.slice_ns;
    }
    return worker->now_ns >= worker->slice_end_ns;
}

void kn_worker_kick(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;

    /* [SN1] release; seq_cst, as it quarrels with the look at nudge in kn_worker_rest(). */
    (void)kn_or(&worker->nudge, KN_NUDGE_CLOCK, seq_cst);
    kn_worker_rouse(sched, worker);
}
