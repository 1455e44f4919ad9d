/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task effect graphs: executors/teg/run.c, lane.c, settle.c, flight.c and call.c as they stand. Each model thread is a worker
 * that runs what is readied for it; the scheduler and the wheel are left out, and small graphs are made by hand.
 *
 * Each effect begins once per attempt and sees what its node depends on, each node comes to one end, a runnable is
 * never readied twice, the run is over once, and all of it is given back. What is lost is a deadlock here: lanes
 * that have parked are looked after by timers only where a scenario has a clock.
 */
#include "test/model/lib/teg.h"
#include "test/model/lib/model.h"

static koken_teg_token token;

static int effect_elsewhere(struct koken_teg_call *call)
{
    KOKEN_CHECK(begun[call->node][koken_teg_attempt(call)]++ == 0);
    token = koken_teg_later(call);
    return KOKEN_TEG_LATER;
}

static void begin_run(void)
{
    struct koken_teg_config config = {
        .worker_count = WORKERS, .pool_count = 1, .node_timeout_ms = 1, .steal_timeout_ms = 1};
    over_count = 0;
    kn_atomic_init(&landed, NULL);
    memset(armed, 0, sizeof armed);
    for (unsigned i = 0; i < WORKERS; i++) {
        memset(&workers[i], 0, sizeof workers[i]);
        workers[i].budget = 1000;
        kn_atomic_init(&bells[i], 0);
    }
    KOKEN_CHECK(kn_teg_run_new(&graph, &options, (koken_ref){0}, &run) == 0);
    KOKEN_CHECK(kn_teg_run_begin(run, &workers[0], &config, &home) == 0);
}

static void start_join(void)
{
    static const uint8_t links[][2] = {{0, 2}, {1, 2}};
    make_graph(3, links, 2, KN_TEG_CAUSE);
    begin_run();
}

static void start_diamond(void)
{
    static const uint8_t links[][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}};
    make_graph(4, links, 4, KN_TEG_CAUSE);
    begin_run();
}

static void start_race(void)
{
    static const uint8_t links[][2] = {{0, 2}, {1, 2}};
    make_graph(3, links, 2, KN_TEG_ENTRANT);
    nodes[0].flags = nodes[1].flags = KN_TEG_ENTRANT_OF;
    nodes[2].run = NULL;
    nodes[2].kind = KOKEN_TEG_RACE;
    begin_run();
}

static void start_pair(void)
{
    static const uint8_t links[][2] = {{0, 1}};
    make_graph(2, links, 1, KN_TEG_CAUSE);
    begin_run();
}

/* Two that fail; the second is to be tried again much later. */
static void start_failures(void)
{
    make_graph(2, NULL, 0, KN_TEG_CAUSE);
    options.failure = KOKEN_TEG_FAIL_FAST;
    fails[0] = fails[1] = 1;
    nodes[1].retries_more = 1;
    colds[1].retries = 1;
    colds[1].retry_delay_ns = KOKEN_S(1000);
    begin_run();
}

static void start_token(void)
{
    static const uint8_t links[][2] = {{0, 1}};
    make_graph(2, links, 1, KN_TEG_CAUSE);
    nodes[0].run = effect_elsewhere;
    nodes[0].place = KOKEN_TEG_ELSEWHERE;
    begin_run();
    /* It has begun, so that the others have a token. */
    (void)kn_swap(&bells[0], 0, relaxed);
    run->lanes[0].errand.fn(&run->lanes[0].errand, &workers[0]);
}

/* ---- the threads ------------------------------------------------------------------------------ */

/* All deadlines are over. worker: who sees to it, NULL for a thread without one. */
static void ring_all(struct kn_worker *worker)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        struct kn_alarm *alarm = kn_load(&armed[i], acquire);
        if (alarm != NULL && alarm != &taken_place && take_alarm(alarm, i)) {
            call_alarm(alarm, worker, true);
        }
    }
}

static void run_rung(unsigned index, uint32_t what)
{
    struct kn_errand *lane = &run->lanes[index].errand;
    if (what & TICK) {
        ring_all(&workers[index]);
    }
    if (what & SWEEPER) {
        run->sweeper.fn(&run->sweeper, &workers[index]);
    }
    if (what & LANDING) {
        struct kn_teg_flight *flight = kn_swap(&landed, NULL, acquire);
        flight->landing.fn(&flight->landing, &workers[index]);
    }
    if (what & LANE) {
        lane->fn(lane, &workers[index]);
    }
}

static void work(unsigned index)
{
    bool is_over = false;
    while (!is_over) { /* ends: the run does, or that is a deadlock */
        uint32_t what = kn_swap(&bells[index], 0, acq_rel);
        is_over = what & OVER;
        run_rung(index, what);
        if (what == 0) {
            (void)kn_futex_wait(&bells[index], 0, KN_NEVER);
        }
    }
}

static void worker_0(void)
{
    work(0);
}

static void worker_1(void)
{
    work(1);
}

static void canceller(void)
{
    koken_teg_cancel(run);
}

static void finisher(void)
{
    int rc = koken_teg_finish(token, 0, 7, NULL, 0);
    KOKEN_CHECK(rc == 0 || rc == -ECANCELED);
}

/* Time passes. */
static void ring_deadlines(void)
{
    ring(0, TICK);
    ring(1, TICK);
}

/* ---- what must hold --------------------------------------------------------------------------- */

/* What is left for workers that have gone is done, all nodes have ended, and everything is given back. */
static void check_end(void)
{
    bool is_any = true;
    while (is_any) { /* ends: nothing new is begun */
        is_any = false;
        for (unsigned i = 0; i < WORKERS; i++) {
            uint32_t what = kn_swap(&bells[i], 0, relaxed) & ~(uint32_t)OVER;
            is_any |= what != 0;
            run_rung(i, what);
        }
    }
    KOKEN_CHECK(over_count == 1);
    uint32_t parked = 0;
    for (uint32_t i = 0; i < run->lane_count; i++) {
        parked += run->lanes[i].is_parked;
    }
    KOKEN_CHECK(parked == kn_load(&run->parked, relaxed));
    for (uint32_t i = 0; i < graph.count; i++) {
        KOKEN_CHECK(kn_teg_has_ended(end_of(i)));
        KOKEN_CHECK(end_of(i) != KOKEN_TEG_COMPLETED ||
                    begun[i][fails[i]] == (nodes[i].run != NULL));
    }
    KOKEN_CHECK(kn_list_is_empty(&run->flights));
    KOKEN_CHECK(kn_load(&run->refs, relaxed) == 1);
    koken_teg_run_free(run);
}

static void check_all(void)
{
    static const int64_t sums[] = {0, 1, 2, 3, 5}; /* of the last node of so many */
    for (uint32_t i = 0; i < graph.count; i++) {
        KOKEN_CHECK(end_of(i) == KOKEN_TEG_COMPLETED);
    }
    KOKEN_CHECK(run->status == 0);
    KOKEN_CHECK(run->slots[graph.count - 1].number == sums[graph.count]);
    check_end();
}

static void check_race(void)
{
    KOKEN_CHECK(end_of(2) == KOKEN_TEG_COMPLETED && run->slots[2].number == 1);
    KOKEN_CHECK(end_of(0) == KOKEN_TEG_COMPLETED || end_of(1) == KOKEN_TEG_COMPLETED);
    check_end();
}

static void check_cancelled(void)
{
    KOKEN_CHECK(end_of(0) == KOKEN_TEG_COMPLETED || end_of(1) == KOKEN_TEG_CANCELLED);
    KOKEN_CHECK(run->status == -ECANCELED || end_of(1) == KOKEN_TEG_COMPLETED);
    check_end();
}

static void check_failures(void)
{
    KOKEN_CHECK(end_of(0) == KOKEN_TEG_FAILED || end_of(0) == KOKEN_TEG_CANCELLED);
    KOKEN_CHECK(run->status == -EPROTO);
    check_end();
}

/* In time with what was answered, or too late and thrown away. */
static void check_token(void)
{
    enum koken_teg_state first = end_of(0);
    KOKEN_CHECK(first == KOKEN_TEG_COMPLETED || first == KOKEN_TEG_TIMED_OUT ||
                first == KOKEN_TEG_CANCELLED);
    KOKEN_CHECK(first != KOKEN_TEG_COMPLETED || run->slots[0].number == 7);
    KOKEN_CHECK(first == KOKEN_TEG_COMPLETED || end_of(1) == KOKEN_TEG_CANCELLED);
    KOKEN_CHECK(first != KOKEN_TEG_COMPLETED || end_of(1) != KOKEN_TEG_COMPLETED ||
                run->slots[1].number == 8);
    check_end();
}

static void check_watched(void)
{
    KOKEN_CHECK(end_of(0) == KOKEN_TEG_COMPLETED || end_of(0) == KOKEN_TEG_TIMED_OUT);
    KOKEN_CHECK(end_of(0) != KOKEN_TEG_TIMED_OUT || end_of(1) == KOKEN_TEG_CANCELLED);
    check_end();
}

enum { LIMIT = 100 }; /* by hand: teg "a race" 20000; executors/teg/DESIGN.md has figures */

static const struct kn_scenario scenarios[] = {
    {"two and what needs both", start_join, {worker_0, worker_1}, check_all, .limit = LIMIT},
    {"a diamond", start_diamond, {worker_0, worker_1}, check_all, .limit = LIMIT},
    {"a race", start_race, {worker_0, worker_1}, check_race, .limit = LIMIT},
    {"cancelled", start_pair, {worker_0, worker_1, canceller}, check_cancelled, .limit = LIMIT},
    {"a failure, and one that waits",
     start_failures,
     {worker_0, worker_1},
     check_failures,
     .limit = LIMIT},
    {"ended elsewhere", start_token, {worker_0, worker_1, finisher}, check_token, .limit = LIMIT},
    {"too late elsewhere",
     start_token,
     {worker_0, worker_1, finisher, ring_deadlines},
     check_token,
     .limit = LIMIT},
    {"cancelled elsewhere",
     start_token,
     {worker_0, worker_1, finisher, canceller},
     check_token,
     .limit = LIMIT},
    {"too late on its worker",
     start_pair,
     {worker_0, worker_1, ring_deadlines},
     check_watched,
     .limit = LIMIT},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
