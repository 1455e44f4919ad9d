/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs: an executor of task effect graphs with a few runs at a time, whose nodes fail, are tried again, time out,
 * end elsewhere, are cancelled or lose races, and whose executor may be ended under way. Each effect begins once per
 * attempt with what its node depends on; the end of each node follows from the ends of those before it.
 */
#include "bench/workload/graphs.h"

#include <errno.h>

static struct graph_job jobs[GRAPH_JOBS];
static unsigned job_count;
static struct koken_teg_cache *cache;
static struct koken_teg_model *model;
static struct kn_thread porter;
static kn_atomic(uint32_t) is_closed; /* tokens are not left to the porter any more */

/* ---- effects ----------------------------------------------------------------------------------- */

/* The i-th input is the result of the i-th link: of what has completed, or of a condition that was not met. */
static void check_inputs(struct koken_teg_call *call, const struct graph_step *step)
{
    const struct graph_job *job = step->job;
    uint32_t count = 0;
    for (uint32_t i = 0; i < job->link_count; i++) {
        const struct graph_link *link = &job->links[i];
        if (link->to != step->index) {
            continue;
        }
        struct koken_teg_value input = koken_teg_input(call, count++);
        const struct graph_step *from = &job->steps[link->from];
        KOKEN_SIM_CHECK(link->is_control || !input.is_missing);
        KOKEN_SIM_CHECK(input.is_missing || input.number == from->number);
        if (!input.is_missing && from->has_bytes) {
            KOKEN_SIM_CHECK(input.size == sizeof from->index);
            KOKEN_SIM_CHECK(*(const uint32_t *)input.bytes == from->index);
        }
    }
    KOKEN_SIM_CHECK(koken_teg_input_count(call) == count);
}

static void on_cancel(void *arg)
{
    struct graph_step *step = arg;
    KOKEN_SIM_CHECK(kn_swap(&step->wanted, 0, relaxed) == 1); /* relaxed: nothing hangs on it */
}

/* On the pool: for as long as it takes, or until nobody wants it. */
static int sleep_here(struct koken_teg_call *call, struct graph_step *step)
{
    kn_store(&step->wanted, 1, relaxed); /* relaxed: the run's lock is between */
    int rc = koken_teg_on_cancel(call, on_cancel, step);
    KOKEN_SIM_CHECK(rc == 0);
    int slept = koken_teg_sleep(call, step->sleep_ns);
    KOKEN_SIM_CHECK(slept == 0 || (slept == -ECANCELED && koken_teg_cancelled(call)));
    rc = koken_teg_on_cancel(call, NULL, NULL);
    KOKEN_SIM_CHECK(rc == 0);
    KOKEN_SIM_CHECK(kn_load(&step->wanted, relaxed) == 1 || koken_teg_cancelled(call));
    return slept;
}

/* Elsewhere: now, or by the porter. */
static int end_elsewhere(struct koken_teg_call *call, struct graph_step *step, int rc)
{
    koken_teg_token token = koken_teg_later(call);
    if (step->is_later) {
        struct koken_teg_call *none = kn_swap(&step->token, call, seq_cst);
        KOKEN_SIM_CHECK(none == NULL);
        if (!kn_load(&is_closed, seq_cst)) {
            return KOKEN_TEG_LATER;
        }
        if (kn_swap(&step->token, NULL, seq_cst) == NULL) {
            return KOKEN_TEG_LATER; /* the porter has it after all */
        }
    }
    if (rc == 0 && step->index % 2 == 0) {
        return 0; /* it need not be later */
    }
    (void)!koken_teg_finish(token, rc, step->number, NULL, 0);
    return KOKEN_TEG_LATER;
}

int graph_effect(struct koken_teg_call *call)
{
    union {
        const void *from;
        struct graph_step *to;
    } arg = {koken_teg_arg(call)};
    struct graph_step *step = arg.to;
    uint32_t attempt = koken_teg_attempt(call);
    KOKEN_SIM_CHECK(attempt <= step->retries);
    KOKEN_SIM_CHECK(!koken_teg_is_undo(call));
    KOKEN_SIM_CHECK(kn_swap(&step->begun[attempt], 1, relaxed) == 0); /* relaxed: counts */
    check_inputs(call, step);
    bool is_alone =
        step->is_exclusive && !step->job->has_timeouts && !graph_is_cancelled(step->job);
    if (is_alone && step->place != KOKEN_TEG_ELSEWHERE) {
        KOKEN_SIM_CHECK(kn_swap(&step->job->holder, 1, relaxed) == 0); /* relaxed: turns order it */
    }
    if (step->is_keeper) {
        load_sleep(GRAPH_KEEP); /* the thread sleeps with its worker */
    }
    int rc = step->sleep_ns ? sleep_here(call, step) : 0;
    if (is_alone && step->place != KOKEN_TEG_ELSEWHERE) {
        KOKEN_SIM_CHECK(kn_swap(&step->job->holder, 0, relaxed) == 1); /* relaxed: as above */
    }
    if (rc == 0 && attempt < step->fails) {
        rc = -EPROTO;
    }
    koken_teg_answer(call, step->number);
    if (rc == 0 && step->has_bytes) {
        rc = koken_teg_answer_bytes(call, &step->index, sizeof step->index);
    }
    return step->place == KOKEN_TEG_ELSEWHERE ? end_elsewhere(call, step, rc) : rc;
}

/* What it answers depends on its argument alone, so the cache may answer for it. */
int graph_cached_effect(struct koken_teg_call *call)
{
    int64_t number = *(const int64_t *)koken_teg_arg(call);
    int rc = koken_teg_sleep(call, KOKEN_US(20));
    KOKEN_SIM_CHECK(rc == 0 || rc == -ENOTSUP || rc == -ECANCELED);
    koken_teg_answer(call, number);
    return rc == -ECANCELED ? rc : 0;
}

int graph_undo(struct koken_teg_call *call)
{
    union {
        const void *from;
        struct graph_step *to;
    } arg = {koken_teg_arg(call)};
    struct graph_step *step = arg.to;
    KOKEN_SIM_CHECK(koken_teg_is_undo(call));
    uint64_t place = kn_add(&step->job->undoings, 1, relaxed) + 1; /* relaxed, both: one by one */
    KOKEN_SIM_CHECK(kn_swap(&step->undone, place, relaxed) == 0);
    return step->index % 3 == 0 ? -EPROTO : 0; /* an undo may fail, and the others go on */
}

/* A deadline of the pool, or elsewhere, holds though its worker be kept. */
static void check_deadline(const struct graph_job *job, struct graph_step *step,
                           enum koken_teg_state state)
{
    if (job->is_calm && state == KOKEN_TEG_TIMED_OUT && step->place != KOKEN_TEG_ON_WORKER &&
        !step->is_cached) {
        uint64_t launched = load_read(&step->launched_at);
        KOKEN_SIM_CHECK(kn_now() < launched + step->timeout_ns + GRAPH_LATENESS);
    }
}

void graph_observe(void *arg, const struct koken_teg_run *run, const struct koken_teg_event *event)
{
    struct graph_job *job = arg;
    struct graph_step *step = &job->steps[event->node.number - 1];
    /* The beginning of what has been cancelled just then may be told late, as it may begin late. */
    KOKEN_SIM_CHECK(event->state == KOKEN_TEG_EXECUTING || !koken_teg_is_over(run));
    if (event->state == KOKEN_TEG_EXECUTING) {
        KOKEN_SIM_CHECK(event->attempt <= step->retries);
        load_count(&step->told);
        kn_store(&step->launched_at, kn_now(), relaxed); /* relaxed: an attempt after another */
    } else {
        KOKEN_SIM_CHECK(event->state >= KOKEN_TEG_COMPLETED);
        bool has_failed = event->state == KOKEN_TEG_FAILED || event->state == KOKEN_TEG_TIMED_OUT;
        uint64_t never = 0;
        check_deadline(job, step, event->state);
        load_count(&step->ends);
        kn_store(&job->ended_at, kn_now(), relaxed); /* relaxed, both: times */
        if (has_failed && !step->is_handled && !step->is_entrant) {
            (void)kn_cas_strong(&job->failed_at, &never, kn_now(), relaxed, relaxed);
        }
    }
}

/* ---- who ends nodes elsewhere -------------------------------------------------------------------- */

static bool finish_tokens(void)
{
    bool is_any = false;
    for (unsigned j = 0; j < job_count; j++) {
        for (uint32_t i = 0; i < jobs[j].count; i++) {
            struct graph_step *step = &jobs[j].steps[i];
            if (kn_load(&step->token, relaxed) == NULL) { /* relaxed: the swap decides */
                continue;
            }
            struct koken_teg_call *call = kn_swap(&step->token, NULL, seq_cst);
            if (call != NULL) {
                uint32_t attempt = koken_teg_attempt(call);
                (void)!koken_teg_finish((koken_teg_token){call},
                                        attempt < step->fails ? -EPROTO : 0, step->number, NULL, 0);
                is_any = true;
            }
        }
    }
    return is_any;
}

static void carry(void *arg)
{
    (void)arg;
    uint64_t pause = KOKEN_US(20);
    while (!kn_load(&is_closed, seq_cst)) { /* ends: load_graphs closes */
        pause = finish_tokens() ? KOKEN_US(20) : pause + pause / 8;
        load_sleep(pause);
    }
    (void)finish_tokens();
}

/* ---- the scenario ------------------------------------------------------------------------------ */

static koken_ref make_executor(struct load *load)
{
    struct koken_teg_config config = {
        .worker_count = (uint32_t)load_below(load, 5),
        .steal_timeout_ms = load_below(load, 2) ? 1 : 50,
        .load_balance_threshold = (uint32_t)load_below(load, 4),
        .adaptive_scheduling = load_below(load, 2) == 0,
        .pool_count = 1 + (uint32_t)load_below(load, 3),
    };
    cache = load_below(load, 2) ? koken_teg_cache_new(1 + (uint32_t)load_below(load, 3), 0) : NULL;
    model = load_below(load, 2) ? koken_teg_model_new() : NULL;
    config.cache = cache;
    config.model = model;
    return koken_teg_executor(load->rt, &config);
}

static bool is_reason(int rc)
{
    return rc == -ETIMEDOUT || rc == -ESRCH || rc == -EPROTO || rc == -ECANCELED || rc == -EAGAIN ||
           rc == -ENOMEM || rc == -ESHUTDOWN || rc == -EDEADLK;
}

/* Starts, cancels, waits for, and forgets runs, and ends their executor. */
static void drive(struct load *load, koken_ref executor)
{
    load_doom(load, &executor, 1);
    for (unsigned j = 0; j < job_count; j++) {
        if (jobs[j].teg != NULL) {
            int rc = koken_teg_start(executor, jobs[j].teg, &jobs[j].options, &jobs[j].run);
            KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
        }
        if (load_below(load, 2)) {
            load_sleep(load_below(load, KOKEN_US(50)));
        }
    }
    if (load_below(load, 2)) {
        struct koken_teg_run *asked[GRAPH_JOBS] = {NULL};
        for (unsigned j = 0; j < job_count; j++) {
            asked[j] = jobs[j].run;
            jobs[j].is_asked = true;
        }
        graph_ask(load, executor, asked);
    }
    if (load_below(load, 8) == 0) {
        for (unsigned j = 0; j < job_count; j++) {
            kn_store(&jobs[j].is_cancelled, 1, relaxed); /* relaxed: the cancelling orders it */
        }
        (void)!koken_exit(executor);
    }
    for (unsigned j = 0; j < job_count; j++) {
        if (jobs[j].run == NULL) {
            continue;
        }
        uint64_t chance = load_below(load, 8);
        if (chance == 0) {
            kn_store(&jobs[j].is_cancelled, 1, relaxed); /* relaxed: the cancelling orders it */
            koken_teg_cancel(jobs[j].run);
        } else if (chance == 1 && !jobs[j].is_asked) {
            koken_teg_run_free(jobs[j].run);
            jobs[j].run = NULL;
        } else if (chance < 5) {
            uint64_t timeout = load_below(load, KOKEN_US(300));
            int rc = koken_teg_wait(load->rt, jobs[j].run, timeout);
            KOKEN_SIM_CHECK(rc == 0 ? koken_teg_is_over(jobs[j].run)
                                    : rc == -ETIMEDOUT || rc == -ECANCELED || rc == -ENOMEM);
        }
    }
}

void load_graphs(struct load *load)
{
    kn_store(&is_closed, 0, seq_cst);
    koken_ref executor = make_executor(load);
    job_count = 1 + (unsigned)load_below(load, GRAPH_JOBS);
    for (unsigned j = 0; j < job_count; j++) {
        graph_draw(load, &jobs[j]);
    }
    for (unsigned j = 0; j < job_count; j++) { /* they share the workers */
        jobs[0].has_keepers |= jobs[j].has_keepers;
    }
    for (unsigned j = 0; j < job_count; j++) {
        jobs[j].has_keepers = jobs[0].has_keepers;
    }
    /* Last: it looks at all of them. */
    bool has_porter = kn_thread_start(&porter, "porter", carry, NULL) == 0;
    if (!has_porter) {
        kn_store(&is_closed, 1, seq_cst); /* then nothing is left to it */
    }
    drive(load, executor);
    for (unsigned j = 0; j < job_count && !load->is_cut; j++) {
        uint64_t pause = KOKEN_US(20);
        while (jobs[j].run != NULL && !koken_teg_is_over(jobs[j].run)) { /* ends: the run does */
            load_sleep(pause);
            pause += pause / 8;
        }
    }
    load->is_killed = load->is_cut && load_below(load, 2) == 0;
    kn_store(&is_closed, 1, seq_cst);
    if (has_porter) {
        kn_thread_join(&porter);
    }
    /* By chance tokens outlive the runtime. */
    kn_store(&is_closed, !load->is_killed, seq_cst);
    if (load_settle(load) && jobs[0].is_asked) {
        graph_ask_check(load);
    }
}

void load_graphs_after(struct load *load)
{
    (void)finish_tokens();
    graph_ask_after();
    for (unsigned j = 0; j < job_count; j++) {
        struct graph_job *job = &jobs[j];
        if (job->run != NULL) {
            /* An executor whose handler fails has ended, and cancelled its runs. */
            if (load->is_cut || load->has_death || (load->faults & KOKEN_SIM_HANDLER) != 0) {
                kn_store(&job->is_cancelled, 1, relaxed); /* relaxed: nothing runs any more */
            }
            KOKEN_SIM_CHECK(koken_teg_is_over(job->run));
            graph_check(load, job);
        }
        koken_teg_run_free(job->run);
        koken_teg_free(job->teg);
    }
    koken_teg_cache_free(cache);
    koken_teg_model_free(model);
}
