/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task effect graphs: executors/teg/run.c, lane.c, settle.c, flight.c and call.c as they stand. Each model thread is a worker
 * that runs what is readied for it; the scheduler and the wheel are left out, and small graphs are made by hand.
 *
 * Each effect begins once per attempt and sees what its node depends on, each node comes to one end, a runnable is
 * never readied twice, the run is over once, and all of it is given back. What is lost is a deadlock here: lanes
 * that have parked are looked after by timers only where a scenario has a clock.
 */
#include "test/model/lib/model.h"

#include "executors/teg/call.c"
#include "executors/teg/flight.c"
#include "executors/teg/lane.c"
#include "executors/teg/ready.c"
#include "executors/teg/run.c"
#include "executors/teg/settle.c"
#include "sched/lock.c"

enum { WORKERS = 2, NODES = 4, LINKS = 4, TIMERS = 8 };
enum bell { LANE = 1, SWEEPER = 2, LANDING = 4, UNDOER = 8, DUE = 16, OVER = 32, TICK = 64 };

static struct kn_worker workers[WORKERS];
static struct koken runtime;
static struct koken_teg graph;
static struct kn_teg_node nodes[NODES];
static struct kn_teg_cold colds[NODES];
static struct kn_teg_out outs[LINKS];
static struct kn_teg_in ins[LINKS];
static uint32_t order[NODES];
static struct koken_teg_run *run;
static struct koken_teg_options options;
static koken_teg_token token;
static uint32_t fails[NODES];    /* how many attempts of a node fail */
static uint32_t begun[NODES][3]; /* plain: the explorer looks for races */
static uint32_t over_count;      /* plain */
static kn_atomic(uint32_t) bells[WORKERS];
static kn_atomic(struct kn_timer *) due[WORKERS];
static struct kn_timer *armed[WORKERS][TIMERS]; /* of that worker only */
static kn_atomic(struct kn_teg_flight *) landed;

/* ---- what is left out ------------------------------------------------------------------------ */

static void ring(unsigned worker, uint32_t what)
{
    uint32_t before = kn_or(&bells[worker], what, acq_rel);
    KOKEN_CHECK(!(before & what) || what == DUE || what == OVER ||
                what == TICK); /* nothing is readied twice */
    if (before == 0) {
        kn_futex_wake(&bells[worker], 1);
    }
}

static void ready(struct kn_runnable *runnable)
{
    if (runnable == &run->sweeper) {
        ring(1, SWEEPER);
    } else if (runnable->step == kn_teg_lane_step) {
        ring(kn_container_of(runnable, struct kn_teg_lane, runnable)->index % WORKERS, LANE);
    } else {
        struct kn_teg_flight *flight = kn_container_of(runnable, struct kn_teg_flight, landing);
        KOKEN_CHECK(kn_swap(&landed, flight, acq_rel) == NULL);
        ring(0, LANDING);
    }
}

void kn_ready(struct kn_worker *worker, struct kn_runnable *runnable, unsigned prio)
{
    (void)worker;
    (void)prio;
    ready(runnable);
}

void kn_ready_tail(struct kn_worker *worker, struct kn_runnable *runnable, unsigned prio)
{
    (void)worker;
    (void)prio;
    ready(runnable);
}

void kn_ready_foreign(struct kn_sched *sched, struct kn_runnable *runnable, unsigned prio)
{
    (void)sched;
    (void)prio;
    ready(runnable);
}

void kn_ready_chain(struct kn_sched *sched, struct kn_runnable *first, struct kn_runnable *last,
                    uint32_t count, unsigned prio)
{
    (void)sched;
    (void)last;
    (void)prio;
    KOKEN_CHECK(count == 1);
    ready(first);
}

/* A timer is called back once, by the worker that has armed it: when its time is over, or cancelled. */
void kn_timer_arm(struct kn_worker *worker, struct kn_timer *timer, uint64_t deadline_ns,
                  void (*fire)(struct kn_worker *worker, struct kn_timer *timer, bool cancelled))
{
    unsigned place = 0;
    (void)deadline_ns;
    timer->fire = fire;
    timer->slot = (uint32_t)(worker - workers);
    while (armed[timer->slot][place] != NULL) { /* ends: there is room */
        KOKEN_CHECK(++place < TIMERS);
    }
    armed[timer->slot][place] = timer;
    kn_store(&timer->state, KN_TIMER_ARMED, release);
}

bool kn_timer_cancel(struct kn_worker *worker, struct kn_timer *timer)
{
    uint32_t was = KN_TIMER_ARMED;
    (void)worker;
    if (!kn_cas_strong(&timer->state, &was, KN_TIMER_CANCELLED, acq_rel, acquire)) {
        return false;
    }
    unsigned owner = timer->slot;
    struct kn_timer *first = kn_load(&due[owner], relaxed);
    do { /* ends: pushed */
        timer->next_cancelled = first;
    } while (!kn_cas_weak(&due[owner], &first, timer, release, relaxed));
    ring(owner, DUE);
    return true;
}

uint64_t kn_ticks(void)
{
    return 1 + kn_model_self() * UINT64_C(1000000); /* what another worker began is overdue */
}

uint64_t kn_ticks_ns(uint64_t ticks)
{
    return ticks;
}

uint64_t kn_random_seed(uint64_t seed)
{
    return seed;
}

struct kn_worker *kn_worker_current(void)
{
    return kn_model_self() < WORKERS ? &workers[kn_model_self()] : NULL;
}

int kn_blocking_submit(struct kn_sched *sched, struct kn_job *job)
{
    (void)sched;
    (void)job;
    return -EAGAIN;
}

void kn_teg_model_order(struct koken_teg_model *model, struct koken_teg_run *of)
{
    (void)model;
    (void)of;
}

struct kn_envelope *kn_teg_notice_new(struct koken_teg_run *of, struct kn_local *local)
{
    (void)local;
    return (struct kn_envelope *)of; /* not NULL */
}

void kn_teg_notice_send(struct koken_teg_run *of, struct kn_local *local)
{
    (void)of;
    (void)local;
    over_count++;
    for (unsigned i = 0; i < WORKERS; i++) {
        ring(i, OVER);
    }
}

void kn_teg_undo(struct koken_teg_run *of, struct kn_worker *worker)
{
    of->status = kn_teg_run_outcome(of);
    kn_teg_run_over(of, worker);
}

bool kn_teg_cache_ask(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word)
{
    (void)harvest;
    (void)node;
    (void)word;
    return false;
}

void kn_teg_cache_made(struct koken_teg_run *of, const struct koken_teg_call *call, int rc)
{
    (void)of;
    (void)call;
    (void)rc;
}

void koken_teg_free(struct koken_teg *teg)
{
    (void)teg;
}

void kn_teg_ref(struct koken_teg *teg)
{
    (void)teg;
}

bool koken_teg_is_over(const struct koken_teg_run *of)
{
    return kn_load(&of->is_over, acquire);
}

enum koken_teg_state koken_teg_state(const struct koken_teg_run *of, koken_teg_node node)
{
    return kn_teg_state_of(kn_load(&of->slots[node.number - 1].state, relaxed));
}

/* ---- the graphs ------------------------------------------------------------------------------ */

/* Adds up its inputs and one. */
static int effect(struct koken_teg_call *call)
{
    uint32_t attempt = koken_teg_attempt(call);
    int64_t sum = 1;
    KOKEN_CHECK(begun[call->node][attempt]++ == 0);
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        KOKEN_CHECK(!input.is_missing && input.number > 0);
        sum += input.number;
    }
    koken_teg_answer(call, sum);
    return attempt < fails[call->node] ? -EPROTO : 0;
}

static int effect_elsewhere(struct koken_teg_call *call)
{
    KOKEN_CHECK(begun[call->node][koken_teg_attempt(call)]++ == 0);
    token = koken_teg_later(call);
    return KOKEN_TEG_LATER;
}

/* Links in the order of the nodes they leave. */
static void make_graph(uint32_t count, const uint8_t links[][2], uint32_t link_count, uint8_t kind)
{
    memset(nodes, 0, sizeof nodes);
    memset(colds, 0, sizeof colds);
    memset(outs, 0, sizeof outs);
    memset(fails, 0, sizeof fails);
    memset(begun, 0, sizeof begun);
    graph = (struct koken_teg){
        .nodes = nodes, .cold = colds, .outs = outs, .ins = ins, .order = order, .count = count};
    options = (struct koken_teg_options){.failure = KOKEN_TEG_ISOLATE};
    uint32_t in = 0, out = 0;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
        nodes[i] = (struct kn_teg_node){.run = effect, .rank = i, .in = in, .out = out};
        colds[i].timeout_ns = KOKEN_S(100);
        for (uint32_t k = 0; k < link_count; k++) {
            if (links[k][1] == i) {
                ins[in++] = (struct kn_teg_in){.from = links[k][0], .out = k};
                nodes[i].in_count++;
            }
            if (links[k][0] == i) {
                outs[out++] = (struct kn_teg_out){.to = links[k][1], .kind = kind};
                nodes[i].out_count++;
            }
        }
        nodes[i].input_count = nodes[i].in_count;
    }
}

static void begin_run(void)
{
    struct koken_teg_config config = {
        .worker_count = WORKERS, .pool_count = 1, .node_timeout_ms = 1};
    over_count = 0;
    kn_atomic_init(&landed, NULL);
    memset(armed, 0, sizeof armed);
    for (unsigned i = 0; i < WORKERS; i++) {
        memset(&workers[i], 0, sizeof workers[i]);
        workers[i].budget = 1000;
        kn_atomic_init(&bells[i], 0);
        kn_atomic_init(&due[i], NULL);
    }
    KOKEN_CHECK(kn_teg_run_new(&graph, &options, (koken_ref){0}, &run) == 0);
    KOKEN_CHECK(kn_teg_run_begin(run, &workers[0], &config, &runtime) == 0);
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
    while (run->lanes[0].runnable.step(&workers[0], &run->lanes[0].runnable) != KN_RAN_DONE) {}
}

/* ---- the threads ------------------------------------------------------------------------------ */

static void forget(unsigned index, const struct kn_timer *timer)
{
    unsigned place = 0;
    while (armed[index][place] != timer) { /* ends: it is there */
        KOKEN_CHECK(++place < TIMERS);
    }
    armed[index][place] = NULL;
}

static void run_due(unsigned index)
{
    struct kn_timer *timer = kn_swap(&due[index], NULL, acquire);
    while (timer != NULL) { /* ends: the stack does */
        struct kn_timer *next = timer->next_cancelled;
        forget(index, timer);
        kn_store(&timer->state, KN_TIMER_IDLE, relaxed);
        timer->fire(&workers[index], timer, true);
        timer = next;
    }
}

/* All deadlines of a worker's timers are over. */
static void run_timers(unsigned index)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        struct kn_timer *timer = armed[index][i];
        uint32_t was = KN_TIMER_ARMED;
        if (timer != NULL && kn_cas_strong(&timer->state, &was, KN_TIMER_IDLE, acq_rel, relaxed)) {
            forget(index, timer);
            timer->fire(&workers[index], timer, false);
        }
    }
}

static void run_rung(unsigned index, uint32_t what)
{
    struct kn_runnable *lane = &run->lanes[index].runnable;
    if (what & DUE) {
        run_due(index);
    }
    if (what & TICK) {
        run_timers(index);
    }
    if (what & SWEEPER) {
        KOKEN_CHECK(run->sweeper.step(&workers[index], &run->sweeper) == KN_RAN_DONE);
    }
    if (what & LANDING) {
        struct kn_teg_flight *flight = kn_swap(&landed, NULL, acquire);
        KOKEN_CHECK(flight->landing.step(&workers[index], &flight->landing) == KN_RAN_DONE);
    }
    while ((what & LANE) && lane->step(&workers[index], lane) != KN_RAN_DONE) { /* ends: parks */
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

static enum koken_teg_state end_of(uint32_t node)
{
    return koken_teg_state(run, (koken_teg_node){node + 1});
}

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

enum { LIMIT = 800 }; /* see executors/teg/DESIGN.md for longer runs */

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
