/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: who runs the ready nodes. A lane is a runnable with a queue of ranks under a lock of its own. Whoever
 * runs it takes the first of its queue, runs the effect, settles its links, and puts what has become ready into
 * the same queue, in one hold of the lock together with the next taking. So a node costs its lane one hold.
 *
 * A lane whose queue is empty steals: one node if nodes take long, else half of the victim's, up to a batch. A
 * lane that finds nothing parks; it says so under its own lock, where whoever queues something for it looks. So
 * nothing that is queued is left alone: the lane that it is queued in runs, or is made to.
 *
 * Who wakes a parked lane for work that another one could do in time itself would waste its wake-up: there must
 * be more than load_balance_threshold nodes, or 10 us of work, besides the next. What this misjudges is found
 * by the alarm of the parked lane, after steal_timeout_ms.
 *
 * The same alarm looks after effects that stay on their worker for too long: nobody can take the worker from
 * them, but their node times out, and the run goes on without it.
 */
#include "executors/teg/cache.h"

#include "actors/agent.h"
#include "base/alloc.h"
#include "base/world.h"
#include "sched/machine.h"

#include <errno.h>
#include <string.h>

enum { STEAL_BATCH = 256 };
#define NO_NODE UINT32_MAX

/* ---- the queue ---- */

/* The hints of a queue that has changed. Thread: holder of its lock. */
static void publish(struct kn_teg_lane *lane)
{
    uint32_t best = lane->ready.count ? kn_teg_ready_first(&lane->ready) : UINT32_MAX;
    KN_ASSERT(best == UINT32_MAX || best < lane->run->teg->count);
    kn_store(&lane->len, lane->ready.count, relaxed); /* relaxed, both: hints, the lock decides */
    kn_store(&lane->best, best, relaxed);
}

/* Lets a parked lane run; its lock is held. */
static void unpark(struct kn_teg_lane *lane)
{
    KN_ASSERT(lane->is_parked);
    lane->is_parked = false;
    kn_teg_run_ref(lane->run);
    (void)kn_sub(&lane->run->parked, 1, relaxed); /* relaxed: a hint */
}

/* Wakes one parked lane, if there is one, on whatever worker. */
static KN_NOINLINE void wake_one(struct koken_teg_run *run, uint32_t near)
{
    KN_ASSERT(near < run->lane_count);
    for (uint32_t i = 1; i <= run->lane_count; i++) {
        struct kn_teg_lane *lane = &run->lanes[(near + i) % run->lane_count];
        kn_lock(&lane->lock);
        bool is_parked = lane->is_parked;
        if (is_parked) {
            unpark(lane);
        }
        kn_unlock(&lane->lock);
        if (is_parked) {
            kn_ready_foreign(run->rt->sched, &lane->errand.run, KN_PRIO_NORMAL);
            return;
        }
    }
}

/* After nodes were queued in a lane: whether another one should be woken. spare: nodes the lane does not run next. */
static inline void share(struct koken_teg_run *run, struct kn_teg_lane *lane, uint32_t spare)
{
    if (spare == 0 || kn_load(&run->parked, relaxed) == 0) { /* relaxed: a hint */
        return;
    }
    if (spare > run->config.load_balance_threshold || lane->mean_ticks == 0 ||
        spare * lane->mean_ticks >= run->threshold_ticks) {
        wake_one(run, lane->index);
    }
}

void kn_teg_lane_push(struct koken_teg_run *run, struct kn_worker *worker, uint32_t index,
                      uint32_t node)
{
    struct kn_teg_lane *lane = &run->lanes[index];
    KN_ASSERT(index < run->lane_count);
    KN_ASSERT(node < run->teg->count);
    kn_lock(&lane->lock);
    kn_teg_ready_push(&lane->ready, kn_teg_rank(run, node));
    publish(lane);
    bool is_parked = lane->is_parked;
    if (is_parked) {
        unpark(lane);
    }
    kn_unlock(&lane->lock);
    if (is_parked && worker) {
        kn_ready(worker, &lane->errand.run, KN_PRIO_NORMAL);
    } else if (is_parked) {
        kn_ready_foreign(run->rt->sched, &lane->errand.run, KN_PRIO_NORMAL);
    } else if (kn_load(&run->parked, relaxed)) { /* relaxed: a hint */
        wake_one(run, index);
    }
}

void kn_teg_harvest_flush(struct kn_teg_harvest *harvest)
{
    struct koken_teg_run *run = harvest->run;
    struct kn_teg_lane *lane = harvest->home;
    uint32_t count = harvest->ready_count;
    KN_ASSERT(count <= sizeof harvest->ready / sizeof harvest->ready[0]);
    KN_ASSERT(harvest->lane < run->lane_count);
    harvest->ready_count = 0;
    if (!lane) {
        for (uint32_t i = 0; i < count; i++) {
            kn_teg_lane_push(run, harvest->worker, harvest->lane, harvest->ready[i]);
        }
        return;
    }
    if (count) {
        kn_lock(&lane->lock);
        for (uint32_t i = 0; i < count; i++) {
            kn_teg_ready_push(&lane->ready, kn_teg_rank(run, harvest->ready[i]));
        }
        publish(lane);
        uint32_t len = lane->ready.count;
        kn_unlock(&lane->lock);
        share(run, lane, len - 1);
    }
}

/* Queues the harvest and takes the first of the queue. NO_NODE: it is empty. */
static inline uint32_t take(struct kn_teg_lane *lane, struct kn_teg_harvest *harvest)
{
    struct koken_teg_run *run = lane->run;
    uint32_t rank = UINT32_MAX, added = harvest->ready_count;
    kn_lock(&lane->lock);
    for (uint32_t i = 0; i < added; i++) {
        kn_teg_ready_push(&lane->ready, kn_teg_rank(run, harvest->ready[i]));
    }
    harvest->ready_count = 0;
    if (lane->ready.count) {
        rank = kn_teg_ready_pop(&lane->ready);
        publish(lane);
    }
    uint32_t len = lane->ready.count;
    kn_unlock(&lane->lock);
    share(run, lane, len);
    KN_ASSERT(rank == UINT32_MAX || kn_teg_rank(run, run->order[rank]) == rank);
    return rank == UINT32_MAX ? NO_NODE : run->order[rank];
}

/* ---- stealing ---- */

/* Takes from a victim's queue into ranks. */
static uint32_t rob(struct kn_teg_lane *victim, uint32_t most, uint32_t *ranks)
{
    uint32_t count = 0;
    kn_lock(&victim->lock);
    uint32_t half = victim->ready.count - victim->ready.count / 2;
    most = half < most ? half : most;
    while (count < most) {
        ranks[count++] = kn_teg_ready_pop(&victim->ready);
    }
    if (count) {
        publish(victim);
    }
    kn_unlock(&victim->lock);
    return count;
}

/* From one victim; the first node is run at once, the others are queued here. */
static uint32_t steal_from(struct kn_teg_lane *lane, struct kn_teg_lane *victim, uint32_t most)
{
    uint32_t ranks[STEAL_BATCH];
    KN_ASSERT(lane != victim);
    KN_ASSERT(most > 0 && most <= STEAL_BATCH);
    uint32_t count = rob(victim, most, ranks);
    KN_ASSERT(count <= most);
    if (count == 0) {
        kn_count_add(&lane->failed_steals, 1);
        return NO_NODE;
    }
    kn_count_add(&lane->steals, 1);
    kn_count_add(&lane->items_stolen, count);
    if (count > 1) {
        kn_lock(&lane->lock);
        for (uint32_t i = 1; i < count; i++) {
            kn_teg_ready_push(&lane->ready, ranks[i]);
        }
        publish(lane);
        kn_unlock(&lane->lock);
    }
    return lane->run->order[ranks[0]];
}

/* From whoever has something, beginning anywhere. NO_NODE: nobody. */
static uint32_t steal(struct kn_teg_lane *lane)
{
    struct koken_teg_run *run = lane->run;
    uint32_t most = lane->mean_ticks >= run->threshold_ticks ? 1 : (uint32_t)STEAL_BATCH;
    uint32_t first = run->lane_count > 1 ? (uint32_t)(kn_random(&lane->rng) % run->lane_count) : 0;
    for (uint32_t i = 0; i < run->lane_count; i++) {
        struct kn_teg_lane *victim = &run->lanes[(first + i) % run->lane_count];
        if (victim == lane || kn_load(&victim->len, relaxed) == 0) { /* relaxed: a hint */
            continue;
        }
        uint32_t node = steal_from(lane, victim, most);
        if (node != NO_NODE) {
            return node;
        }
    }
    return NO_NODE;
}

/* Where nodes take long it is worth running the first of all lanes, not just of this one. */
static uint32_t steal_better(struct kn_teg_lane *lane)
{
    struct koken_teg_run *run = lane->run;
    struct kn_teg_lane *victim = NULL;
    uint32_t best = kn_load(&lane->best, relaxed); /* relaxed, all: hints */
    for (uint32_t i = 0; i < run->lane_count; i++) {
        uint32_t other = kn_load(&run->lanes[i].best, relaxed);
        if (other < best) {
            best = other;
            victim = &run->lanes[i];
        }
    }
    return victim && victim != lane ? steal_from(lane, victim, 1) : NO_NODE;
}

/* ---- running ---- */

/* A parallel node: the results of all its inputs. */
static int join(struct koken_teg_call *call)
{
    uint32_t count = koken_teg_input_count(call);
    struct koken_teg_value *items = kn_alloc(count * sizeof *items + 1, 16, -1);
    if (!items) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i] = koken_teg_input(call, i);
    }
    call->number = count;
    call->bytes = items;
    call->size = count;
    call->is_items = true;
    return 0;
}

/* A race: the result of the entrant that came first, or the error of the first of them that failed. */
static int race(struct koken_teg_call *call)
{
    struct koken_teg_run *run = call->run;
    const struct kn_teg_node *node = &run->teg->nodes[call->node];
    KN_ASSERT(node->kind == KOKEN_TEG_RACE);
    int64_t winner = run->slots[call->node].number;
    for (uint32_t i = 0; winner < 0 && i < node->in_count; i++) {
        const struct kn_teg_slot *entrant = &run->slots[run->teg->ins[node->in + i].from];
        if (entrant->error) {
            return entrant->error;
        }
    }
    if (winner < 0) {
        return -ECANCELED;
    }
    KN_ASSERT(winner < run->teg->count);
    KN_ASSERT(koken_teg_state(run, (koken_teg_node){(uint32_t)winner + 1}) == KOKEN_TEG_COMPLETED);
    const struct kn_teg_slot *first = &run->slots[winner];
    union {
        const void *from;
        void *to;
    } bytes = {first->bytes};
    call->number = first->number;
    call->bytes = bytes.to; /* shared: not written to */
    call->size = first->size;
    call->is_items = first->is_items;
    call->is_shared = true;
    return 0;
}

/* What a node does; race and parallel have no function of their own. */
static inline int run_effect(const struct kn_teg_node *node, struct koken_teg_call *call)
{
    KN_ASSERT(node->run || node->kind == KOKEN_TEG_PARALLEL || node->kind == KOKEN_TEG_RACE);
    if (kn_likely(node->run != NULL)) {
        return node->run(call);
    }
    return node->kind == KOKEN_TEG_PARALLEL ? join(call) : race(call);
}

/* Moves a node from READY to EXECUTING. 0: it is not ready any more. */
static inline uint32_t begin(struct kn_teg_harvest *harvest, uint32_t node)
{
    struct koken_teg_run *run = harvest->run;
    struct kn_teg_slot *slot = &run->slots[node];
    uint32_t word = kn_load(&slot->state, relaxed); /* relaxed: the compare and swap decides */
    uint32_t attempt = kn_teg_attempt_of(word);
    bool is_stopped =
        kn_load(&run->stop, relaxed) != KN_TEG_GO; /* relaxed: else the sweep finds it */
    uint32_t next = kn_teg_word(is_stopped ? KOKEN_TEG_CANCELLED : KOKEN_TEG_EXECUTING, attempt);
    /* Relaxed: a move hands nothing over (run.h). */
    if (kn_teg_state_of(word) != KOKEN_TEG_READY ||
        !kn_cas_strong(&slot->state, &word, next, relaxed, relaxed)) {
        return 0;
    }
    if (is_stopped) {
        kn_teg_settle(harvest, node);
        return 0;
    }
    kn_store(&slot->lane, (uint16_t)harvest->lane, relaxed); /* relaxed: a statistic */
    return next;
}

static inline void run_here(struct kn_teg_lane *lane, struct kn_teg_harvest *harvest, uint32_t node,
                            uint32_t word)
{
    struct koken_teg_run *run = lane->run;
    struct kn_teg_slot *slot = &run->slots[node];
    struct koken_teg_call call = {.run = run, .node = node, .word = word};
    uint64_t began = kn_ticks();
    KN_ASSERT(kn_teg_state_of(word) == KOKEN_TEG_EXECUTING);
    KN_ASSERT(harvest->home == lane);
    kn_store(&slot->began_at, began, relaxed); /* relaxed: a statistic */
    if (kn_unlikely(run->options.observe != NULL)) {
        kn_teg_observe(run, node, KOKEN_TEG_EXECUTING, lane->index, kn_teg_attempt_of(word), began);
    }
    kn_store(&lane->since, began, relaxed); /* relaxed: the next store publishes it */
    /* [TG4] release: since, for the lane that watches this one. */
    kn_store(&lane->running, (uint64_t)word << 32 | (node + 1), release);
    int rc = run_effect(&run->teg->nodes[node], &call);
    harvest->now = kn_ticks();
    kn_store(&lane->running, 0, relaxed); /* relaxed: who reads the old one finds another word */
    uint64_t took = harvest->now - began;
    lane->mean_ticks += took / 8 - lane->mean_ticks / 8 + (lane->mean_ticks == 0);
    (void)kn_teg_conclude(harvest, &call, rc);
}

static void run_node(struct kn_teg_lane *lane, struct kn_teg_harvest *harvest, uint32_t node)
{
    struct koken_teg_run *run = lane->run;
    KN_ASSERT(node < run->teg->count);
    enum koken_teg_place place = (enum koken_teg_place)run->teg->nodes[node].place;
    if (place == KOKEN_TEG_ON_POOL && kn_teg_hold(run, node)) {
        return;
    }
    uint32_t word = begin(harvest, node);
    if (kn_unlikely(run->making != NULL) && word && (run->teg->nodes[node].flags & KN_TEG_CACHED) &&
        kn_teg_cache_ask(harvest, node, word)) {
        if (place == KOKEN_TEG_ON_POOL) {
            kn_teg_leave_pool(harvest);
        }
        return;
    }
    if (kn_likely(place == KOKEN_TEG_ON_WORKER)) {
        if (kn_likely(word)) {
            run_here(lane, harvest, node, word);
        }
        return;
    }
    harvest->now = kn_ticks();
    kn_teg_launch(harvest, node, word);
}

/* Gives up until something comes, or the run is over. False: something has come. */
static bool park(struct kn_teg_lane *lane)
{
    struct koken_teg_run *run = lane->run;
    kn_lock(&lane->lock);
    if (lane->ready.count) {
        kn_unlock(&lane->lock);
        return false;
    }
    KN_ASSERT(!lane->is_parked);
    KN_ASSERT(lane->done == 0); /* else the run would never be over */
    lane->is_parked = true;
    (void)kn_add(&run->parked, 1, relaxed); /* relaxed: a hint */
    /* Relaxed: whoever ends the run looks at is_armed after that, under the lock. */
    if (!lane->is_armed && !kn_load(&run->is_over, relaxed)) {
        uint64_t period = KOKEN_MS(run->config.steal_timeout_ms);
        lane->is_armed = true;
        kn_teg_run_ref(run);
        period = run->timeout_ns / 4 < period ? run->timeout_ns / 4 : period;
        kn_alarm_set(run->rt->sched, &lane->alarm, kn_now() + period, kn_teg_lane_rung);
    }
    kn_unlock(&lane->lock); /* from here on the lane may run elsewhere, and be gone */
    koken_teg_run_free(run);
    return true;
}

/* It was queued when the runtime ended. */
static void leave(struct kn_teg_lane *lane)
{
    struct koken_teg_run *run = lane->run;
    uint32_t done = lane->done;
    lane->done = 0;
    lane->is_parked = true; /* no other thread is left */
    kn_teg_run_cut(run);
    kn_teg_run_ended(run, NULL, done);
    koken_teg_run_free(run);
}

void kn_teg_lane_run(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_teg_lane *lane = kn_container_of(errand, struct kn_teg_lane, errand);
    struct koken_teg_run *run = lane->run;
    if (kn_unlikely(!worker)) {
        leave(lane);
        return;
    }
    struct kn_teg_harvest harvest = {
        .run = run, .worker = worker, .home = lane, .lane = lane->index, .now = kn_ticks()};
    uint64_t end = harvest.now + run->slice_ticks;
    for (;;) { /* ends: nothing to do, or the slice is over */
        uint32_t node = NO_NODE;
        if (kn_unlikely(lane->mean_ticks >= run->long_ticks) && run->lane_count > 1) {
            kn_teg_harvest_flush(&harvest);
            node = steal_better(lane);
        }
        if (node == NO_NODE) {
            node = take(lane, &harvest);
        }
        if (kn_unlikely(node == NO_NODE)) {
            uint32_t done = lane->done;
            lane->done = 0;
            kn_teg_run_ended(run, worker, done);
            node = steal(lane);
        }
        if (kn_unlikely(node == NO_NODE)) {
            if (park(lane)) {
                return;
            }
            continue;
        }
        run_node(lane, &harvest, node);
        lane->done += harvest.ended;
        harvest.ended = 0;
        if (kn_unlikely(harvest.now >= end || kn_worker_must_yield(worker))) {
            kn_teg_harvest_flush(&harvest);
            kn_ready_tail(worker, &lane->errand.run, KN_PRIO_NORMAL);
            return;
        }
    }
}

/* ---- looking after the others ---- */

/* Times out what runs on a lane for longer than it may. */
static void watch(struct kn_teg_harvest *harvest, struct kn_teg_lane *lane)
{
    struct koken_teg_run *run = lane->run;
    uint64_t running = kn_load(&lane->running, acquire); /* [TG4] */
    uint32_t node = (uint32_t)running - 1;
    if (running == 0) {
        return;
    }
    KN_ASSERT(node < run->teg->count);
    uint64_t limit = run->teg->cold[node].timeout_ns;
    limit = limit ? limit : run->timeout_ns;
    int64_t ran = (int64_t)(harvest->now - kn_load(&lane->since, relaxed)); /* relaxed: [TG4] */
    /* Another node meanwhile: since is too late for this one at worst, or its word has changed. */
    if (ran > 0 && kn_ticks_ns((uint64_t)ran) >= limit) {
        (void)kn_teg_time_out(harvest, node, (uint32_t)(running >> 32));
    }
}

void kn_teg_lane_rung(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due)
{
    struct kn_teg_lane *lane = kn_container_of(alarm, struct kn_teg_lane, alarm);
    struct koken_teg_run *run = lane->run;
    if (is_due) {
        struct kn_teg_harvest harvest = {
            .run = run, .worker = worker, .lane = lane->index, .now = kn_ticks()};
        for (uint32_t i = 0; i < run->lane_count; i++) {
            watch(&harvest, &run->lanes[i]);
        }
        kn_teg_harvest_flush(&harvest);
        kn_teg_run_ended(run, worker, harvest.ended);
    }
    kn_lock(&lane->lock);
    KN_ASSERT(lane->is_armed);
    lane->is_armed = false;
    /* Relaxed: to run a lane in vain does no harm. */
    bool wakes = is_due && lane->is_parked && !kn_load(&run->is_over, relaxed);
    if (wakes) {
        unpark(lane);
    }
    kn_unlock(&lane->lock);
    if (wakes) {
        kn_teg_run_ready(run, worker, &lane->errand);
    }
    koken_teg_run_free(run);
}
