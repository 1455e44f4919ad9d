/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How nodes of task effect graphs end: executors/teg/settle.c and the sweep of run.c as they stand, without lanes. The
 * first nodes are under way; threads complete them, fail them, time them out and stop the run. What depends on them
 * is decided once, with all that was said, and each node comes to one end.
 */
#include "test/model/lib/model.h"
#include "test/model/lib/teg.h"

static struct kn_teg_harvest harvests[3];
static uint32_t swept[2]; /* by two that sweep */
static uint32_t hooked;   /* plain */
static struct kn_teg_flight *sleeping, *elsewhere;
static struct kn_teg_lane watched;

/* Without lanes: the first nodes are under way, and the threads end them. */
static void begin_bare(uint32_t count)
{
    memset(harvests, 0, sizeof harvests);
    memset(armed, 0, sizeof armed);
    memset(swept, 0, sizeof swept);
    over_count = hooked = 0;
    elsewhere = NULL;
    for (unsigned i = 0; i < WORKERS; i++) {
        kn_atomic_init(&bells[i], 0);
    }
    KOKEN_CHECK(kn_teg_run_new(&graph, &options, (koken_ref){0}, &run) == 0);
    run->rt = &runtime;
    run->home = &home;
    for (uint32_t i = 0; i < count; i++) {
        kn_atomic_init(&run->slots[i].state, kn_teg_word(KOKEN_TEG_EXECUTING, 0));
        begun[i][0] = 1;
    }
}

static void start_bare_join(void)
{
    static const uint8_t links[][2] = {{0, 2}, {1, 2}};
    make_graph(3, links, 2, KN_TEG_CAUSE);
    begin_bare(2);
}

static void start_bare_race(void)
{
    static const uint8_t links[][2] = {{0, 2}, {1, 2}};
    make_graph(3, links, 2, KN_TEG_ENTRANT);
    nodes[0].flags = nodes[1].flags = KN_TEG_ENTRANT_OF;
    nodes[2].run = NULL;
    nodes[2].kind = KOKEN_TEG_RACE;
    begin_bare(2);
}

static void start_bare_pair(void)
{
    static const uint8_t links[][2] = {{0, 1}};
    make_graph(2, links, 1, KN_TEG_CAUSE);
    nodes[0].retries_more = 1;
    colds[0].retries = 1;
    begin_bare(1);
}

static void start_bare_delay(void)
{
    start_bare_pair();
    colds[0].retry_delay_ns = KOKEN_S(1000);
}

/* The first node is ready, and begins elsewhere. */
static void note_hook(void *arg)
{
    (void)arg;
    hooked++;
}

static int effect_elsewhere(struct koken_teg_call *call)
{
    begun[call->node][0]++;
    elsewhere = call->flight;
    KOKEN_CHECK(koken_teg_on_cancel(call, note_hook, NULL) == 0);
    return KOKEN_TEG_LATER;
}

static void start_bare_elsewhere(void)
{
    make_graph(1, NULL, 0, KN_TEG_CAUSE);
    nodes[0].run = effect_elsewhere;
    nodes[0].place = KOKEN_TEG_ELSEWHERE;
    begin_bare(1);
    kn_atomic_init(&run->slots[0].state, kn_teg_word(KOKEN_TEG_READY, 0));
    begun[0][0] = 0;
}

/* The effect of the first node sleeps on the pool. */
static void start_bare_sleep(void)
{
    start_bare_pair();
    sleeping = flight_new(run, 0, kn_teg_word(KOKEN_TEG_EXECUTING, 0), 0);
}

/* The first node runs on a lane, where it may be late; it is not. */
static void start_bare_watch(void)
{
    make_graph(1, NULL, 0, KN_TEG_CAUSE);
    colds[0].timeout_ns = 1000;
    begin_bare(1);
    begun[0][0] = 0;
    memset(&watched, 0, sizeof watched);
    kn_atomic_init(&watched.running, 0);
    kn_atomic_init(&watched.since, 0); /* of another node, long ago */
    watched.run = run;
}

/* ---- the threads ---- */

/* Ends a node that is under way, and runs what is ready by that. */
static void end_bare(uint32_t node, int rc)
{
    struct kn_teg_harvest *harvest = &harvests[node];
    struct koken_teg_call first = {
        .run = run, .node = node, .word = kn_teg_word(KOKEN_TEG_EXECUTING, 0), .number = 1};
    *harvest = (struct kn_teg_harvest){.run = run, .worker = &workers[node]};
    (void)kn_teg_conclude(harvest, &first, rc);
    while (harvest->ready_count > 0) { /* ends: each is taken once */
        uint32_t next = harvest->ready[--harvest->ready_count], word = begin(harvest, next);
        struct koken_teg_call call = {.run = run, .node = next, .word = word};
        if (word) {
            int status = run_effect(&nodes[next], &call);
            (void)kn_teg_conclude(harvest, &call, status);
        }
    }
}

static void end_0(void)
{
    end_bare(0, 0);
}

static void end_1(void)
{
    end_bare(1, 0);
}

static void fail_0(void)
{
    end_bare(0, -EPROTO);
}

static void late_0(void)
{
    harvests[1] = (struct kn_teg_harvest){.run = run, .worker = &workers[1]};
    (void)kn_teg_time_out(&harvests[1], 0, kn_teg_word(KOKEN_TEG_EXECUTING, 0));
}

static void cancel_all(void)
{
    swept[0] = kn_teg_run_stop(run, KN_TEG_STOP_CANCELLED);
}

static void sweep_failed(void)
{
    swept[1] = kn_teg_run_stop(run, KN_TEG_STOP_FAILED);
}

/* The same, and who ends the last node ends the run. */
static void end_run_0(void)
{
    end_bare(0, 0);
    kn_teg_run_ended(run, &workers[0], harvests[0].ended);
}

static void end_run_1(void)
{
    end_bare(1, 0);
    kn_teg_run_ended(run, &workers[1], harvests[1].ended);
}

static void fail_run_0(void)
{
    end_bare(0, -EPROTO);
    kn_teg_run_ended(run, &workers[0], harvests[0].ended);
}

static void cancel_run(void)
{
    cancel_all();
    kn_teg_run_ended(run, &workers[1], swept[0]);
}

/* Of the join: whoever sees that it is over sees how it has gone. */
static void look(void)
{
    if (koken_teg_is_over(run)) {
        KOKEN_CHECK(run->status == 0);
        KOKEN_CHECK(run->slots[2].number == 3);
    }
}

static void launch_0(void)
{
    harvests[0] = (struct kn_teg_harvest){.run = run, .worker = &workers[0]};
    uint32_t word = begin(&harvests[0], 0);
    if (word) {
        kn_teg_launch(&harvests[0], 0, word);
    }
}

static void rest(void)
{
}

static void sleep_0(void)
{
    KOKEN_CHECK(koken_teg_sleep(&sleeping->call, KN_NEVER) == -ECANCELED);
    KOKEN_CHECK(koken_teg_cancelled(&sleeping->call));
}

static void run_0(void)
{
    harvests[0] = (struct kn_teg_harvest){.run = run, .worker = &workers[0], .home = &watched};
    run_here(&watched, &harvests[0], 0, kn_teg_word(KOKEN_TEG_EXECUTING, 0));
}

static void watch_0(void)
{
    harvests[1] = (struct kn_teg_harvest){.run = run, .worker = &workers[1], .now = 1000};
    watch(&harvests[1], &watched); /* it has begun at 1 */
}

/* ---- what must hold ---- */

/* All nodes have ended, each once. */
static void check_bare(void)
{
    uint32_t ended = swept[0] + swept[1];
    for (unsigned i = 0; i < 3; i++) {
        ended += harvests[i].ended;
    }
    KOKEN_CHECK(ended == graph.count);
    for (uint32_t i = 0; i < graph.count; i++) {
        KOKEN_CHECK(kn_teg_has_ended(end_of(i)));
    }
    kn_teg_flights_end(run, &workers[0]);
    KOKEN_CHECK(kn_list_is_empty(&run->flights));
    KOKEN_CHECK(kn_load(&run->refs, relaxed) == 1);
    koken_teg_run_free(run);
}

static void check_bare_join(void)
{
    KOKEN_CHECK(end_of(2) == KOKEN_TEG_COMPLETED && run->slots[2].number == 3);
    check_bare();
}

static void check_bare_broken(void)
{
    KOKEN_CHECK(end_of(2) == KOKEN_TEG_CANCELLED && kn_load(&run->failures, relaxed) == 1);
    check_bare();
}

static void check_bare_race(void)
{
    KOKEN_CHECK(end_of(2) == KOKEN_TEG_COMPLETED && run->slots[2].number == 1);
    check_bare();
}

static void check_bare_stops(void)
{
    KOKEN_CHECK(kn_load(&run->stop, relaxed) == KN_TEG_STOP_CANCELLED);
    check_bare();
}

/* And the run is over, once. */
static void check_bare_run(void)
{
    KOKEN_CHECK(over_count == 1 && kn_load(&run->is_over, relaxed));
    KOKEN_CHECK(kn_list_is_empty(&run->flights));
    check_bare();
}

/* Who has begun is told, once; a token that comes late is of no use. */
static void check_bare_elsewhere(void)
{
    KOKEN_CHECK(hooked == begun[0][0]);
    if (elsewhere) {
        harvests[2] = (struct kn_teg_harvest){.run = run, .worker = &workers[0]};
        land(&harvests[2], elsewhere);
        flight_unref(elsewhere);
    }
    check_bare();
}

static void check_bare_sleep(void)
{
    flight_unref(sleeping);
    check_bare();
}

static void check_bare_watch(void)
{
    KOKEN_CHECK(end_of(0) == KOKEN_TEG_COMPLETED);
    check_bare();
}

static const struct kn_scenario scenarios[] = {
    {"both of two", start_bare_join, {end_0, end_1}, check_bare_join},
    {"one of two fails", start_bare_join, {fail_0, end_1}, check_bare_broken},
    {"both win", start_bare_race, {end_0, end_1}, check_bare_race},
    {"an end, a deadline, a sweep", start_bare_pair, {end_0, late_0, cancel_all}, check_bare},
    {"another attempt, a sweep", start_bare_pair, {fail_0, cancel_all}, check_bare},
    {"another attempt, a deadline, a sweep",
     start_bare_pair,
     {fail_0, late_0, cancel_all},
     check_bare,
     .limit = 400},
    {"a later attempt, a stop", start_bare_delay, {fail_0, sweep_failed}, check_bare},
    {"a later attempt, the end",
     start_bare_delay,
     {fail_run_0, cancel_run},
     check_bare_run,
     .limit = 2000},
    {"over, and who looks", start_bare_join, {end_run_0, end_run_1, look}, check_bare_run},
    {"two stops", start_bare_join, {cancel_all, sweep_failed}, check_bare_stops},
    {"begun elsewhere, a sweep",
     start_bare_elsewhere,
     {launch_0, cancel_all},
     check_bare_elsewhere},
    {"asleep, a sweep", start_bare_sleep, {cancel_all, rest, sleep_0}, check_bare_sleep},
    {"watched", start_bare_watch, {run_0, watch_0}, check_bare_watch},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
