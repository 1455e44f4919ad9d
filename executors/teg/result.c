/* SPDX-License-Identifier: Apache-2.0 */
/* What a run that is over tells, and its numbers: counted from the slots when they are asked for. */
#include "executors/teg/run.h"

#include "base/alloc.h"
#include "base/world.h"
#include "executors/teg/order.h"

#include <errno.h>
#include <string.h>

const char *koken_teg_state_name(enum koken_teg_state state)
{
    static const char *const names[KOKEN_TEG_STATE_COUNT_] = {
        [KOKEN_TEG_PENDING] = "Pending",     [KOKEN_TEG_READY] = "Ready",
        [KOKEN_TEG_EXECUTING] = "Executing", [KOKEN_TEG_COMPLETED] = "Completed",
        [KOKEN_TEG_FAILED] = "Failed",       [KOKEN_TEG_TIMED_OUT] = "TimedOut",
        [KOKEN_TEG_CANCELLED] = "Cancelled", [KOKEN_TEG_SKIPPED] = "Skipped",
    };
    return (unsigned)state < KOKEN_TEG_STATE_COUNT_ ? names[state] : "?";
}

bool koken_teg_is_over(const struct koken_teg_run *run)
{
    return kn_load(&run->is_over, acquire); /* [TG3] */
}

uint32_t koken_teg_progress(const struct koken_teg_run *run, uint32_t *ret_total)
{
    uint32_t ended = 0;
    for (uint32_t i = 0; i < run->teg->count; i++) {
        /* Relaxed: a moment's truth. */
        ended += kn_teg_has_ended(kn_teg_state_of(kn_load(&run->slots[i].state, relaxed)));
    }
    KN_ASSERT(ended <= run->teg->count);
    if (ret_total) {
        *ret_total = run->teg->count;
    }
    return ended;
}

int koken_teg_status(const struct koken_teg_run *run)
{
    return koken_teg_is_over(run) ? run->status : -EBUSY;
}

const struct koken_teg *koken_teg_graph(const struct koken_teg_run *run)
{
    return run->teg;
}

enum koken_teg_state koken_teg_state(const struct koken_teg_run *run, koken_teg_node node)
{
    if (!kn_teg_is_node(run->teg, node)) {
        return KOKEN_TEG_PENDING;
    }
    /* Relaxed: of a run that is over it does not change. */
    return kn_teg_state_of(kn_load(&run->slots[node.number - 1].state, relaxed));
}

int koken_teg_error(const struct koken_teg_run *run, koken_teg_node node)
{
    int error = koken_teg_is_over(run) && kn_teg_is_node(run->teg, node)
                    ? run->slots[node.number - 1].error
                    : 0;
    KN_ASSERT(error <= 0);
    return error;
}

struct koken_teg_times koken_teg_times(const struct koken_teg_run *run, koken_teg_node node)
{
    struct koken_teg_times times = {0};
    if (kn_teg_is_node(run->teg, node)) {
        const struct kn_teg_slot *slot = &run->slots[node.number - 1];
        /* Relaxed, all: statistics. */
        uint64_t began = kn_load(&slot->began_at, relaxed);
        times.ready_ns = kn_teg_ns(run, kn_load(&slot->ready_at, relaxed));
        times.began_ns = kn_teg_ns(run, began);
        times.ended_ns = kn_teg_ns(run, kn_load(&slot->ended_at, relaxed));
        times.lane = kn_load(&slot->lane, relaxed);
        times.attempts = began ? kn_teg_attempt_of(kn_load(&slot->state, relaxed)) + 1 : 0;
    }
    return times;
}

/* ---- numbers ---- */

/* Ticks inside the last attempt of a node that has run; 0: it has not. */
static uint64_t ran_for(const struct koken_teg_run *run, uint32_t node)
{
    KN_ASSERT(node < run->teg->count);
    const struct kn_teg_slot *slot = &run->slots[node];
    uint64_t began = kn_load(&slot->began_at, relaxed); /* relaxed, both: statistics */
    uint64_t ended = kn_load(&slot->ended_at, relaxed);
    return began && ended > began ? ended - began : 0;
}

static void count_states(const struct koken_teg_run *run, struct koken_teg_metrics *m)
{
    uint64_t by_state[KOKEN_TEG_STATE_COUNT_] = {0};
    uint64_t first = UINT64_MAX, last = 0, busy = 0, waited = 0, begun = 0;
    for (uint32_t i = 0; i < run->teg->count; i++) {
        const struct kn_teg_slot *slot = &run->slots[i];
        enum koken_teg_state state = kn_teg_state_of(kn_load(&slot->state, relaxed)); /* over */
        uint64_t began = kn_load(&slot->began_at, relaxed); /* relaxed, all: statistics */
        uint64_t ended = kn_load(&slot->ended_at, relaxed);
        uint64_t ready = kn_load(&slot->ready_at, relaxed);
        KN_ASSERT(state < KOKEN_TEG_STATE_COUNT_);
        by_state[state]++;
        if (began && state != KOKEN_TEG_CANCELLED) {
            m->nodes_executed++;
            busy += ran_for(run, i);
            first = began < first ? began : first;
            last = ended > last ? ended : last;
            waited += began > ready ? began - ready : 0;
            begun++;
        }
    }
    uint64_t left =
        by_state[KOKEN_TEG_PENDING] + by_state[KOKEN_TEG_READY] + by_state[KOKEN_TEG_EXECUTING];
    KN_ASSERT(left == 0 || !run->start_ticks); /* over: all have ended, or it was refused */
    (void)left;
    KN_ASSERT(begun <= run->teg->count);
    m->completed = by_state[KOKEN_TEG_COMPLETED];
    m->failed = by_state[KOKEN_TEG_FAILED];
    m->timeouts = by_state[KOKEN_TEG_TIMED_OUT];
    m->cancellations = by_state[KOKEN_TEG_CANCELLED];
    m->skipped = by_state[KOKEN_TEG_SKIPPED];
    m->busy_ns = kn_ticks_ns(busy);
    m->wall_ns = last > first ? kn_ticks_ns(last - first) : 0;
    m->avg_queue_wait_ns = begun ? kn_ticks_ns(waited / begun) : 0;
}

/* The longest way by measured durations, in ns. Errors: -ENOMEM. */
static int measure_ways(const struct koken_teg_run *run, uint64_t *ret_ns)
{
    size_t size = run->teg->count * sizeof(uint64_t);
    uint64_t *costs = kn_alloc(2 * size + 1, _Alignof(uint64_t), -1), longest = 0;
    if (!costs) {
        return -ENOMEM;
    }
    uint64_t *levels = costs + run->teg->count;
    for (uint32_t i = 0; i < run->teg->count; i++) {
        costs[i] = ran_for(run, i);
    }
    kn_teg_levels(run->teg, costs, levels);
    for (uint32_t i = 0; i < run->teg->count; i++) {
        KN_ASSERT(levels[i] >= costs[i]);
        longest = levels[i] > longest ? levels[i] : longest;
    }
    kn_free(costs, 2 * size + 1, _Alignof(uint64_t));
    *ret_ns = kn_ticks_ns(longest);
    return 0;
}

int koken_teg_metrics(const struct koken_teg_run *run, struct koken_teg_metrics *ret_metrics)
{
    if (!koken_teg_is_over(run)) {
        return -EBUSY;
    }
    struct koken_teg_metrics m = {.worker_count = run->lane_count};
    count_states(run, &m);
    int rc = measure_ways(run, &m.critical_path_ns);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < run->lane_count; i++) {
        /* Relaxed, all: statistics; a lane may just find out that there is nothing more. */
        m.total_work_stealing_events += kn_count_read(&run->lanes[i].steals);
        m.failed_steals += kn_count_read(&run->lanes[i].failed_steals);
        m.items_stolen += kn_count_read(&run->lanes[i].items_stolen);
    }
    m.retries =
        kn_load(&run->retries, relaxed); /* relaxed, all: statistics of a run that is over */
    m.cache_hits = kn_load(&run->hits, relaxed);
    m.cache_shared = kn_load(&run->shares, relaxed);
    m.undone = kn_load(&run->undone, relaxed);
    m.undo_failures = kn_load(&run->undo_failures, relaxed);
    if (m.wall_ns && m.worker_count) {
        double efficiency = (double)m.busy_ns / ((double)m.wall_ns * m.worker_count);
        m.parallelism_efficiency = efficiency > 1 ? 1 : efficiency;
        m.speedup = (double)m.busy_ns / (double)m.wall_ns;
    }
    if (m.critical_path_ns) {
        m.ideal_speedup = (double)m.busy_ns / (double)m.critical_path_ns;
        double best = m.ideal_speedup < m.worker_count ? m.ideal_speedup : m.worker_count;
        m.utilisation = best > 0 ? m.speedup / best : 0;
    }
    *ret_metrics = m;
    return 0;
}

uint64_t koken_teg_lane_executed(const struct koken_teg_run *run, uint32_t lane)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < run->teg->count; i++) {
        const struct kn_teg_slot *slot = &run->slots[i];
        count += kn_load(&slot->began_at, relaxed) && kn_load(&slot->lane, relaxed) == lane &&
                 koken_teg_state(run, (koken_teg_node){i + 1}) != KOKEN_TEG_CANCELLED;
    }
    return count;
}

uint32_t koken_teg_lost(const struct koken_teg_run *run, const char **ret_names, uint32_t room)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->teg->claim_count && koken_teg_is_over(run); i++) {
        const struct kn_teg_claim *claim = &run->teg->claims[i];
        enum koken_teg_state state = koken_teg_state(run, (koken_teg_node){claim->node + 1});
        if (claim->what != KN_TEG_NEEDS || run->teg->cold[claim->node].undo ||
            run->teg->resources[claim->resource].use != KOKEN_TEG_LINEAR ||
            (state != KOKEN_TEG_FAILED && state != KOKEN_TEG_TIMED_OUT)) {
            continue;
        }
        if (count < room) {
            ret_names[count] = run->teg->resource_names.texts[claim->resource].text;
        }
        count++;
    }
    return count;
}
