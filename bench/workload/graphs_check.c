/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what has become of a graph is right. The end of each node is looked at beside the ends of the nodes it
 * depends on: where every one follows from those before it, the whole does, whatever the schedule was.
 */
#include "bench/workload/graphs.h"

#include <errno.h>

static enum koken_teg_state state_of(const struct graph_job *job, uint32_t index)
{
    return koken_teg_state(job->run, (koken_teg_node){index + 1});
}

static bool has_failed(enum koken_teg_state state)
{
    return state == KOKEN_TEG_FAILED || state == KOKEN_TEG_TIMED_OUT;
}

/* Whether a condition was met, as koken_teg_link_when says. */
static bool is_met(const struct graph_job *job, const struct graph_link *link)
{
    enum koken_teg_state state = state_of(job, link->from);
    int64_t number = job->steps[link->from].number;
    if (link->when == KOKEN_TEG_IS_FAILED) {
        return has_failed(state);
    }
    if (state != KOKEN_TEG_COMPLETED) {
        return false;
    }
    switch (link->when) {
    case KOKEN_TEG_IS_TRUE: return number != 0;
    case KOKEN_TEG_IS_FALSE: return number == 0;
    case KOKEN_TEG_EQUAL: return number == link->operand;
    case KOKEN_TEG_NOT_EQUAL: return number != link->operand;
    case KOKEN_TEG_LESS: return number < link->operand;
    case KOKEN_TEG_GREATER: return number > link->operand;
    default: return true;
    }
}

/* What the links into a step make of it: READY is to run, SKIPPED, or CANCELLED. */
static enum koken_teg_state verdict(const struct graph_job *job, uint32_t index)
{
    bool is_broken = false, is_skipped = false, is_controlled = false, is_open = false;
    bool is_closed = false;
    for (uint32_t i = 0; i < job->link_count; i++) {
        const struct graph_link *link = &job->links[i];
        if (link->to != index) {
            continue;
        }
        enum koken_teg_state state = state_of(job, link->from);
        bool is_lost = state != KOKEN_TEG_COMPLETED && state != KOKEN_TEG_SKIPPED;
        if (link->is_control) {
            is_controlled = true;
            is_open |= is_met(job, link);
            is_closed |= is_lost && !is_met(job, link);
        } else {
            is_broken |= is_lost;
            is_skipped |= state == KOKEN_TEG_SKIPPED;
        }
    }
    if (is_broken) {
        return KOKEN_TEG_CANCELLED;
    }
    if (is_skipped) {
        return KOKEN_TEG_SKIPPED;
    }
    if (is_controlled && !is_open) {
        return is_closed ? KOKEN_TEG_CANCELLED : KOKEN_TEG_SKIPPED;
    }
    return KOKEN_TEG_READY;
}

/* Whether the run was stopped before its end, so that any node may have been cancelled. */
static bool was_stopped(const struct graph_job *job)
{
    bool is_stopped = graph_is_cancelled(job);
    for (uint32_t i = 0; i < job->count && job->options.failure == KOKEN_TEG_FAIL_FAST; i++) {
        const struct graph_step *step = &job->steps[i];
        is_stopped |= has_failed(state_of(job, i)) && !step->is_handled && !step->is_entrant;
    }
    return is_stopped;
}

/* An effect that ran to its end. */
static void check_attempts(const struct load *load, struct graph_job *job, struct graph_step *step,
                           bool is_stopped)
{
    koken_teg_node node = {step->index + 1};
    enum koken_teg_state state = state_of(job, step->index);
    uint64_t begun = 0;
    bool is_poor = (load->faults & (KOKEN_SIM_ALLOC | KOKEN_SIM_THREAD)) != 0;
    for (uint32_t i = 0; i <= GRAPH_RETRIES; i++) {
        uint64_t is_begun = load_read(&step->begun[i]);
        /* Without memory or threads an attempt may fail before its effect has begun. */
        KOKEN_SIM_CHECK(i == 0 || !is_begun || is_poor || load_read(&step->begun[i - 1]));
        begun += is_begun;
    }
    if (state == KOKEN_TEG_COMPLETED) {
        KOKEN_SIM_CHECK(begun == step->fails + 1 || (is_poor && begun > 0));
        KOKEN_SIM_CHECK(step->fails <= step->retries);
        struct koken_teg_value value = koken_teg_value(job->run, node);
        KOKEN_SIM_CHECK(!value.is_missing && value.number == step->number);
    }
    if (state == KOKEN_TEG_FAILED && !is_stopped && !is_poor) {
        KOKEN_SIM_CHECK(begun == step->retries + 1);
        KOKEN_SIM_CHECK(step->fails > step->retries);
        KOKEN_SIM_CHECK(koken_teg_error(job->run, node) == -EPROTO);
    }
    KOKEN_SIM_CHECK(state != KOKEN_TEG_SKIPPED || begun == 0);
    KOKEN_SIM_CHECK(load_read(&step->told) >= begun);
}

/* A race has what one of its entrants has answered, and fails if none has. */
static void check_race(struct graph_job *job, uint32_t index, bool is_stopped)
{
    enum koken_teg_state state = state_of(job, index);
    bool is_won = false;
    for (uint32_t i = 0; i < job->link_count; i++) {
        is_won |=
            job->links[i].to == index && state_of(job, job->links[i].from) == KOKEN_TEG_COMPLETED;
    }
    KOKEN_SIM_CHECK(state != KOKEN_TEG_COMPLETED || is_won);
    KOKEN_SIM_CHECK(state != KOKEN_TEG_FAILED || !is_won);
    KOKEN_SIM_CHECK(state == KOKEN_TEG_COMPLETED || state == KOKEN_TEG_FAILED ||
                    (state == KOKEN_TEG_CANCELLED && is_stopped));
}

static void check_step(const struct load *load, struct graph_job *job, uint32_t index,
                       bool is_stopped)
{
    struct graph_step *step = &job->steps[index];
    enum koken_teg_state state = state_of(job, index), said = verdict(job, index);
    bool is_group = step->kind == KOKEN_TEG_RACE || step->kind == KOKEN_TEG_PARALLEL;
    KOKEN_SIM_CHECK(load_read(&step->ends) == 1);
    KOKEN_SIM_CHECK(state >= KOKEN_TEG_COMPLETED);
    if (step->kind == KOKEN_TEG_RACE) {
        check_race(job, index, is_stopped);
        return;
    }
    /* Who has lost a race is cancelled wherever it was. */
    bool may_be_cancelled = is_stopped || step->is_entrant;
    if (said != KOKEN_TEG_READY) {
        KOKEN_SIM_CHECK(state == said || (state == KOKEN_TEG_CANCELLED && may_be_cancelled));
    } else if (state == KOKEN_TEG_CANCELLED || state == KOKEN_TEG_SKIPPED) {
        KOKEN_SIM_CHECK(state == KOKEN_TEG_CANCELLED && may_be_cancelled);
    }
    KOKEN_SIM_CHECK(state != KOKEN_TEG_TIMED_OUT || step->has_timeout || is_group);
    if (!is_group && !step->is_cached) {
        check_attempts(load, job, step, is_stopped);
    }
}

/* What failed is undone, and with the option what had completed; before what it depends on. */
static void check_undoing(const struct load *load, struct graph_job *job)
{
    /* Without memory, threads or a runtime an undo may not be called. */
    bool is_poor = (load->faults & (KOKEN_SIM_ALLOC | KOKEN_SIM_THREAD)) != 0 || load->is_killed;
    bool is_all = job->options.undo && koken_teg_status(job->run) != 0;
    for (uint32_t i = 0; i < job->count; i++) {
        enum koken_teg_state state = state_of(job, i);
        bool is_due = job->steps[i].has_undo &&
                      (has_failed(state) || (is_all && state == KOKEN_TEG_COMPLETED));
        bool is_undone = load_read(&job->steps[i].undone) != 0;
        KOKEN_SIM_CHECK(is_due == is_undone || (is_due && is_poor));
    }
    for (uint32_t i = 0; i < job->link_count; i++) {
        uint64_t from = load_read(&job->steps[job->links[i].from].undone);
        uint64_t to = load_read(&job->steps[job->links[i].to].undone);
        KOKEN_SIM_CHECK(from == 0 || to == 0 || to < from);
    }
}

static void check_sums(const struct load *load, struct graph_job *job)
{
    struct koken_teg_metrics m;
    uint64_t counts[KOKEN_TEG_STATE_COUNT_] = {0};
    int rc = koken_teg_metrics(job->run, &m);
    if (rc == -ENOMEM && (load->faults & KOKEN_SIM_ALLOC)) {
        return;
    }
    KOKEN_SIM_CHECK(rc == 0);
    for (uint32_t i = 0; i < job->count; i++) {
        counts[state_of(job, i)]++;
    }
    KOKEN_SIM_CHECK(m.completed == counts[KOKEN_TEG_COMPLETED]);
    KOKEN_SIM_CHECK(m.failed == counts[KOKEN_TEG_FAILED]);
    KOKEN_SIM_CHECK(m.timeouts == counts[KOKEN_TEG_TIMED_OUT]);
    KOKEN_SIM_CHECK(m.cancellations == counts[KOKEN_TEG_CANCELLED]);
    KOKEN_SIM_CHECK(m.skipped == counts[KOKEN_TEG_SKIPPED]);
    KOKEN_SIM_CHECK(m.items_stolen >= m.total_work_stealing_events);
    KOKEN_SIM_CHECK(m.parallelism_efficiency >= 0 && m.parallelism_efficiency <= 1);
}

void graph_check(const struct load *load, struct graph_job *job)
{
    bool is_poor = (load->faults & KOKEN_SIM_ALLOC) != 0;
    int status = koken_teg_status(job->run);
    bool is_any_failure = false;
    if (koken_teg_times(job->run, (koken_teg_node){1}).ready_ns == 0 && status != 0 &&
        state_of(job, 0) == KOKEN_TEG_PENDING) {
        KOKEN_SIM_CHECK(graph_is_cancelled(job) || is_poor); /* it was refused */
        return;
    }
    bool is_stopped = was_stopped(job);
    for (uint32_t i = 0; i < job->count; i++) {
        struct graph_step *step = &job->steps[i];
        check_step(load, job, i, is_stopped);
        is_any_failure |= has_failed(state_of(job, i)) && !step->is_handled && !step->is_entrant;
    }
    /* On real threads a machine that stands still is no failure. */
    if (koken_sim_is_running() && load->faults == 0 &&
        job->options.failure == KOKEN_TEG_FAIL_FAST && is_any_failure && !job->has_keepers) {
        uint64_t failed = load_read(&job->failed_at), ended = load_read(&job->ended_at);
        KOKEN_SIM_CHECK(failed != 0 && ended < failed + GRAPH_LONG_DELAY / 2);
    }
    KOKEN_SIM_CHECK(is_any_failure ? status < 0 : status == 0 || graph_is_cancelled(job));
    check_undoing(load, job);
    check_sums(load, job);
}
