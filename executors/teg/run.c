/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a run: made by who wants it, begun by the executor, ended by whoever ends its last node, freed by
 * the last who holds it: its owner, the executor, a lane that runs, a flight, a set alarm.
 */
#include "executors/teg/run.h"

#include "actors/agent.h"
#include "actors/request.h"
#include "base/alloc.h"
#include "base/world.h"
#include "executors/teg/executor.h"
#include "executors/teg/model.h"

#include <errno.h>
#include <string.h>

enum { SLICE_NS = 200 * 1000, WORTH_NS = 10 * 1000, LONG_NS = 50 * 1000 };

/* ---- made ---- */

int kn_teg_run_new(struct koken_teg *teg, const struct koken_teg_options *options,
                   koken_ref executor, struct koken_teg_run **ret_run)
{
    size_t size = teg->count * sizeof(struct kn_teg_slot) + 1;
    struct koken_teg_run *run = kn_alloc(sizeof *run, KN_FALSE_SHARING, -1);
    if (!run) {
        return -ENOMEM;
    }
    memset(run, 0, sizeof *run);
    run->slots = kn_alloc(size, KN_CACHE_LINE, -1);
    if (!run->slots || !kn_teg_ready_init(&run->held, teg->count)) {
        goto err;
    }
    memset(run->slots, 0, size);
    for (uint32_t i = 0; i < teg->count; i++) {
        kn_atomic_init(&run->slots[i].pending, teg->nodes[i].in_count);
    }
    if (options) {
        run->options = *options;
    }
    KN_ASSERT(teg->is_checked);
    kn_list_init(&run->flights);
    kn_list_init(&run->link);
    kn_atomic_init(&run->refs, 1);
    kn_atomic_init(&run->remaining, teg->count);
    run->order = teg->order;
    run->executor = executor;
    run->teg = teg;
    kn_teg_ref(teg);
    *ret_run = run;
    return 0;
err:
    if (run->slots) {
        kn_free(run->slots, size, KN_CACHE_LINE);
    }
    kn_free(run, sizeof *run, KN_FALSE_SHARING);
    return -ENOMEM;
}

void kn_teg_run_ref(struct koken_teg_run *run)
{
    uint32_t before = kn_add(&run->refs, 1, relaxed); /* relaxed: the caller's own is held */
    KOKEN_CHECK(before > 0);
}

/* What results own. */
static void free_values(struct koken_teg_run *run)
{
    for (uint32_t i = 0; i < run->teg->count; i++) {
        const struct kn_teg_slot *slot = &run->slots[i];
        if (slot->bytes && !slot->is_shared) {
            size_t each = slot->is_items ? sizeof(struct koken_teg_value) : 1;
            union {
                const void *from;
                void *to;
            } bytes = {slot->bytes};
            kn_free(bytes.to, slot->size * each + 1, 16);
        }
    }
}

void koken_teg_run_free(struct koken_teg_run *run)
{
    if (!run) {
        return;
    }
    /* [TG9] release: all that this holder has done; acquire: what all of them have. */
    uint32_t before = kn_sub(&run->refs, 1, acq_rel);
    KOKEN_CHECK(before > 0);
    if (before > 1) {
        return;
    }
    KN_ASSERT(kn_list_is_empty(&run->flights));
    KN_ASSERT(kn_list_is_empty(&run->link));
    koken_promise_drop(&run->end); /* one that was not submitted */
    koken_future_drop(run->over);
    free_values(run);
    kn_free(run->slots, run->teg->count * sizeof *run->slots + 1, KN_CACHE_LINE);
    kn_teg_ready_fini(&run->held);
    if (run->lanes) {
        kn_free(run->lanes, run->lane_count * sizeof *run->lanes, KN_FALSE_SHARING);
        kn_free(run->lane_words, run->lane_word_count * sizeof(uint64_t), KN_FALSE_SHARING);
    }
    if (run->making) {
        kn_free(run->making, run->teg->count * sizeof *run->making, KN_CACHE_LINE);
    }
    if (run->own_order) {
        kn_free(run->own_order, 2 * (size_t)run->teg->count * sizeof(uint32_t) + 1, KN_CACHE_LINE);
    }
    if (run->home) {
        kn_teg_home_unref(run->home);
    }
    koken_teg_free(run->teg);
    kn_free(run, sizeof *run, KN_FALSE_SHARING);
}

/* ---- begun ---- */

/* Lanes with empty queues. False: no memory. */
static bool make_lanes(struct koken_teg_run *run)
{
    /* A line more between two sets, so that they share none. */
    size_t each = (kn_teg_ready_words(run->teg->count) + 31) / 16 * 16;
    size_t size = run->lane_count * sizeof *run->lanes;
    KN_ASSERT(run->lane_count > 0);
    run->lane_word_count = each * run->lane_count;
    run->lanes = kn_alloc(size, KN_FALSE_SHARING, -1);
    run->lane_words = kn_alloc(run->lane_word_count * sizeof(uint64_t), KN_FALSE_SHARING, -1);
    if (!run->lanes || !run->lane_words) {
        if (run->lanes) {
            kn_free(run->lanes, size, KN_FALSE_SHARING);
        }
        if (run->lane_words) {
            kn_free(run->lane_words, run->lane_word_count * sizeof(uint64_t), KN_FALSE_SHARING);
        }
        run->lanes = NULL;
        return false;
    }
    memset(run->lanes, 0, size);
    memset(run->lane_words, 0, run->lane_word_count * sizeof(uint64_t));
    for (uint32_t i = 0; i < run->lane_count; i++) {
        struct kn_teg_lane *lane = &run->lanes[i];
        kn_teg_ready_place(&lane->ready, run->teg->count, run->lane_words + i * each);
        kn_timer_init(&lane->alarm.timer);
        kn_atomic_init(&lane->best, UINT32_MAX);
        kn_errand_init(&lane->errand, kn_teg_lane_run);
        lane->run = run;
        lane->index = i;
        lane->rng = kn_random_seed(i + 1);
        lane->is_parked = true;
    }
    return true;
}

/* Deals the nodes that depend on nothing out to the lanes, in their order. Answers how many there are. */
static uint32_t deal(struct koken_teg_run *run)
{
    uint32_t dealt = 0;
    for (uint32_t rank = 0; rank < run->teg->count; rank++) {
        uint32_t node = run->order[rank];
        if (run->teg->nodes[node].in_count == 0) {
            struct kn_teg_lane *lane = &run->lanes[dealt++ % run->lane_count];
            /* Relaxed: nobody acts on it before a lane does; who asks for states may see it at any time. */
            kn_store(&run->slots[node].state, kn_teg_word(KOKEN_TEG_READY, 0), relaxed);
            kn_store(&run->slots[node].ready_at, run->start_ticks, relaxed); /* a statistic */
            kn_teg_ready_push(&lane->ready, rank);
        }
    }
    for (uint32_t i = 0; i < run->lane_count; i++) {
        struct kn_teg_lane *lane = &run->lanes[i];
        kn_store(&lane->len, lane->ready.count, relaxed); /* relaxed: nobody looks yet */
        kn_store(&lane->best, lane->ready.count ? kn_teg_ready_first(&lane->ready) : UINT32_MAX,
                 relaxed);
    }
    return dealt;
}

/* Lets the lanes run that have something, and one more to look after them. */
static void start_lanes(struct koken_teg_run *run, struct kn_worker *worker, uint32_t dealt)
{
    KN_ASSERT(dealt <= run->teg->count);
    uint32_t started = dealt + 1 < run->lane_count ? dealt + 1 : run->lane_count;
    kn_store(&run->parked, run->lane_count - started, relaxed); /* relaxed: a hint */
    for (uint32_t i = 0; i < started; i++) {
        run->lanes[i].is_parked = false;
        kn_teg_run_ref(run);
        if (i > 1) {
            run->lanes[i - 1].errand.run.next = &run->lanes[i].errand.run;
        }
    }
    kn_ready_tail(worker, &run->lanes[0].errand.run, KN_PRIO_NORMAL);
    if (started > 1) {
        kn_ready_chain(worker->sched, &run->lanes[1].errand.run,
                       &run->lanes[started - 1].errand.run, started - 1, KN_PRIO_NORMAL);
    }
}

static uint64_t ticks_of(uint64_t ns)
{
    uint64_t million = kn_ticks_ns(1000 * 1000);
    return million ? ns * 1000 / (million / 1000 + (million < 1000)) : ns;
}

static void sweep(struct kn_errand *errand, struct kn_worker *worker)
{
    struct koken_teg_run *run = kn_container_of(errand, struct koken_teg_run, sweeper);
    kn_teg_run_ended(run, worker, kn_teg_run_stop(run, KN_TEG_STOP_CANCELLED));
    koken_teg_run_free(run);
}

void kn_teg_run_cut(struct koken_teg_run *run)
{
    kn_teg_run_ended(run, NULL, kn_teg_run_stop(run, KN_TEG_STOP_CANCELLED));
}

int kn_teg_run_begin(struct koken_teg_run *run, struct kn_worker *worker,
                     const struct koken_teg_config *config, struct kn_teg_home *home)
{
    KN_ASSERT(!run->lanes);
    KN_ASSERT(config->worker_count > 0 && config->pool_count > 0);
    KN_ASSERT(config->node_timeout_ms > 0 && config->steal_timeout_ms > 0);
    run->config = *config;
    run->lane_count = config->worker_count;
    run->pool_count = config->pool_count;
    run->timeout_ns = KOKEN_MS(config->node_timeout_ms);
    run->rt = home->rt;
    run->home = home;
    kn_teg_home_ref(home);
    kn_errand_init(&run->sweeper, sweep);
    if (!make_lanes(run)) {
        return -ENOMEM;
    }
    if (config->cache && run->teg->has_cached) {
        size_t size = run->teg->count * sizeof *run->making;
        run->making = kn_alloc(size, KN_CACHE_LINE, -1);
        if (!run->making) {
            return -ENOMEM; /* what was made goes with the run */
        }
        memset(run->making, 0, size);
    }
    if (config->adaptive_scheduling && config->model) {
        kn_teg_model_order(config->model, run);
    }
    run->notice = kn_teg_notice_new(run, worker->local);
    if (!run->notice) {
        return -ENOMEM; /* the lanes go with the run */
    }
    run->threshold_ticks = ticks_of(WORTH_NS);
    run->long_ticks = ticks_of(LONG_NS);
    run->slice_ticks = ticks_of(SLICE_NS);
    run->start_ticks = kn_ticks();
    run->start_ns = kn_now();
    uint32_t dealt = deal(run);
    if (run->teg->count == 0) {
        kn_teg_run_over(run, worker);
        return 0;
    }
    KN_ASSERT(dealt > 0);
    start_lanes(run, worker, dealt);
    uint32_t fresh = KN_TEG_NOT_BEGUN;
    /* [TG10] release: lanes and sweeper; acquire: nothing but that it was cancelled before. */
    if (!kn_cas_strong(&run->wants_cancel, &fresh, KN_TEG_BEGUN, acq_rel, acquire)) {
        kn_teg_run_ref(run);
        kn_ready_tail(worker, &run->sweeper.run, KN_PRIO_HIGH);
    }
    return 0;
}

void kn_teg_run_refuse(struct koken_teg_run *run, int error)
{
    KN_ASSERT(error < 0);
    run->status = error;
    kn_store(&run->is_over, 1, release); /* [TG3] release: the status */
}

uint64_t kn_teg_ns(const struct koken_teg_run *run, uint64_t ticks)
{
    if (ticks == 0) {
        return 0;
    }
    return ticks >= run->start_ticks ? run->start_ns + kn_ticks_ns(ticks - run->start_ticks)
                                     : run->start_ns - kn_ticks_ns(run->start_ticks - ticks);
}

void kn_teg_observe(const struct koken_teg_run *run, uint32_t node, enum koken_teg_state state,
                    uint32_t lane, uint32_t attempt, uint64_t at_ticks)
{
    KN_ASSERT(node < run->teg->count);
    KN_ASSERT(state >= KOKEN_TEG_EXECUTING && state < KOKEN_TEG_STATE_COUNT_);
    if (run->options.observe) {
        struct koken_teg_event event = {.node = {node + 1},
                                        .state = state,
                                        .lane = lane,
                                        .attempt = attempt,
                                        .at_ns = kn_teg_ns(run, at_ticks)};
        run->options.observe(run->options.observe_arg, run, &event);
    }
}

/* ---- ended ---- */

uint32_t kn_teg_run_stop(struct koken_teg_run *run, enum kn_teg_stop why)
{
    KN_ASSERT(why == KN_TEG_STOP_FAILED || why == KN_TEG_STOP_CANCELLED);
    uint32_t before = kn_load(&run->stop, relaxed), count = 0; /* relaxed: the swap below decides */
    do {                                                       /* ends: stronger already, or set */
        if (before >= (uint32_t)why) {
            return 0;
        }
        /*
         * [TG6] seq_cst: a node that is to be tried again later is READY before its lane looks at stop, and
         * stop is set before the states are looked at: one of the two sees the other. (A lane that begins a
         * node without having seen it begins the node just before.)
         */
    } while (!kn_cas_weak(&run->stop, &before, why, seq_cst, relaxed));
    for (uint32_t i = 0; i < run->teg->count; i++) {
        struct kn_teg_slot *slot = &run->slots[i];
        uint32_t word = kn_load(&slot->state, seq_cst); /* [TG6]; the compare and swap decides */
        bool is_moved = false;
        while (!kn_teg_has_ended(kn_teg_state_of(word)) && !is_moved &&
               (kn_teg_state_of(word) != KOKEN_TEG_EXECUTING || why == KN_TEG_STOP_CANCELLED)) {
            uint32_t next = kn_teg_word(KOKEN_TEG_CANCELLED, kn_teg_attempt_of(word));
            is_moved = kn_cas_weak(&slot->state, &word, next, relaxed, relaxed); /* run.h */
        }
        count += is_moved;
        if (is_moved) {
            kn_teg_observe(run, i, KOKEN_TEG_CANCELLED, 0, kn_teg_attempt_of(word), 0);
        }
    }
    if (why == KN_TEG_STOP_CANCELLED) {
        kn_teg_flight_cancel(run, UINT32_MAX);
    }
    return count;
}

void koken_teg_cancel(struct koken_teg_run *run)
{
    if (kn_load(&run->is_over, relaxed)) { /* relaxed: a short cut, nothing is read after it */
        return;
    }
    /* [TG10] acquire: that it has begun; a run that has not is cancelled when it does. */
    if (kn_swap(&run->wants_cancel, KN_TEG_WANTS_CANCEL, acq_rel) == KN_TEG_BEGUN) {
        kn_teg_run_ref(run);
        if (!kn_teg_home_ready(run->home, &run->sweeper.run, KN_PRIO_HIGH)) {
            koken_teg_run_free(run); /* it is over just now, with its runtime */
        }
    }
}

void kn_teg_run_ready(struct koken_teg_run *run, struct kn_worker *worker, struct kn_errand *errand)
{
    if (worker) {
        kn_ready_tail(worker, &errand->run, KN_PRIO_NORMAL);
    } else {
        kn_ready_foreign(run->rt->sched, &errand->run, KN_PRIO_NORMAL);
    }
}

void kn_teg_run_ended(struct koken_teg_run *run, struct kn_worker *worker, uint32_t count)
{
    if (count == 0) {
        return;
    }
    /* [TG3] release: how these have ended; acquire: how all have. */
    uint32_t before = kn_sub(&run->remaining, count, acq_rel);
    KOKEN_CHECK(before >= count);
    if (before == count) {
        kn_teg_undo(run, worker);
    }
}

/* The first node, by number, that failed without being handled. */
static int first_error(const struct koken_teg_run *run)
{
    for (uint32_t i = 0; i < run->teg->count; i++) {
        const struct kn_teg_slot *slot = &run->slots[i];
        if (slot->error && !(run->teg->nodes[i].flags & (KN_TEG_HANDLED | KN_TEG_ENTRANT_OF))) {
            return slot->error;
        }
    }
    return -ECANCELED;
}

int kn_teg_run_outcome(const struct koken_teg_run *run)
{
    KN_ASSERT(kn_load(&run->remaining, relaxed) == 0); /* relaxed: [TG3] */
    if (kn_load(&run->failures, relaxed)) { /* relaxed, both: all nodes have ended, [TG3] */
        return first_error(run);
    }
    return kn_load(&run->stop, relaxed) == KN_TEG_STOP_CANCELLED ? -ECANCELED : 0;
}

void kn_teg_run_over(struct koken_teg_run *run, struct kn_worker *worker)
{
    KN_ASSERT(!kn_load(&run->is_over, relaxed)); /* a run is over once */
    kn_teg_run_ref(run);
    kn_store(&run->is_over, 1, release); /* [TG3] release: the status, and all results */
    for (uint32_t i = 0; i < run->lane_count; i++) {
        struct kn_teg_lane *lane = &run->lanes[i];
        kn_lock(&lane->lock);
        bool is_armed = lane->is_armed;
        kn_unlock(&lane->lock);
        if (is_armed) { /* it is not armed again: is_over */
            (void)kn_alarm_cancel(run->rt->sched, worker, &lane->alarm);
        }
    }
    kn_teg_flights_end(run, worker);
    kn_teg_notice_send(run, worker);
    koken_teg_run_free(run);
}
