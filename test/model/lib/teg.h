/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the models of task effect graphs share: executors/teg/run.c, lane.c, settle.c, flight.c and call.c as they
 * stand, with the scheduler and the wheel left out, and small graphs made by hand. Included once by each.
 */
#ifndef KN_TEST_MODEL_LIB_TEG_H
#define KN_TEST_MODEL_LIB_TEG_H

#include "test/model/lib/model.h"

#include "executors/teg/call.c"
#include "executors/teg/flight.c"
#include "executors/teg/lane.c"
#include "executors/teg/ready.c"
#include "executors/teg/run.c"
#include "executors/teg/settle.c"
#include "sched/errand.c"
#include "sched/lock.c"

enum { WORKERS = 2, NODES = 4, LINKS = 4, TIMERS = 8 };
enum bell { LANE = 1, SWEEPER = 2, LANDING = 4, UNDOER = 8, OVER = 16, TICK = 32 };

static struct koken runtime; /* no scheduler: what would use it is left out */
static struct kn_teg_home home = {.rt = &runtime};
static struct kn_worker workers[WORKERS];
static struct koken_teg graph;
static struct kn_teg_node nodes[NODES];
static struct kn_teg_cold colds[NODES];
static struct kn_teg_out outs[LINKS];
static struct kn_teg_in ins[LINKS];
static uint32_t order[NODES];
static struct koken_teg_run *run;
static struct koken_teg_options options;
static uint32_t fails[NODES];    /* how many attempts of a node fail */
static uint32_t begun[NODES][3]; /* plain: the explorer looks for races */
static uint32_t over_count;      /* plain */
static kn_atomic(uint32_t) bells[WORKERS];
static kn_atomic(struct kn_alarm *) armed[TIMERS];
static kn_atomic(struct kn_teg_flight *) landed;

/* ---- what is left out ------------------------------------------------------------------------ */

static void ring(unsigned worker, uint32_t what)
{
    uint32_t before = kn_or(&bells[worker], what, acq_rel);
    KOKEN_CHECK(!(before & what) || what == OVER || what == TICK); /* nothing is readied twice */
    if (before == 0) {
        kn_futex_wake(&bells[worker], 1);
    }
}

static void ready(struct kn_runnable *runnable)
{
    for (uint32_t i = 0; i < run->lane_count; i++) {
        if (runnable == &run->lanes[i].errand.run) {
            ring(i % WORKERS, LANE);
            return;
        }
    }
    if (runnable == &run->sweeper.run) {
        ring(1, SWEEPER);
    } else {
        struct kn_teg_flight *flight = kn_container_of(runnable, struct kn_teg_flight, landing.run);
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

void kn_ready_foreign(struct kn_sched *where, struct kn_runnable *runnable, unsigned prio)
{
    (void)where;
    (void)prio;
    ready(runnable);
}

void kn_ready_chain(struct kn_sched *where, struct kn_runnable *first, struct kn_runnable *last,
                    uint32_t count, unsigned prio)
{
    (void)where;
    (void)last;
    (void)prio;
    KOKEN_CHECK(count == 1);
    ready(first);
}

/*
 * An alarm is called back once: by whoever finds it due, or by who cancels it. Who takes it out of its place decides;
 * places instead of a lock, so that there is less to explore.
 */
static struct kn_alarm taken_place;

void kn_alarm_set(struct kn_sched *where, struct kn_alarm *alarm, uint64_t deadline_ns,
                  void (*fn)(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due))
{
    unsigned place = 0;
    struct kn_alarm *none = NULL;
    (void)where;
    (void)deadline_ns;
    while (!kn_cas_strong(&armed[place], &none, &taken_place, relaxed, relaxed)) {
        KOKEN_CHECK(++place < TIMERS); /* ends: there is room */
        none = NULL;
    }
    alarm->fn = fn;
    alarm->timer.slot = place;
    kn_store(&alarm->timer.state, KN_TIMER_ARMED, release);
    kn_store(&armed[place], alarm, release);
}

static bool take_alarm(struct kn_alarm *alarm, unsigned place)
{
    return kn_cas_strong(&armed[place], &alarm, NULL, acquire, relaxed);
}

static void call_alarm(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due)
{
    kn_store(&alarm->timer.state, KN_TIMER_IDLE, relaxed); /* relaxed: its owner's again */
    alarm->fn(alarm, worker, is_due);
}

bool kn_alarm_cancel(struct kn_sched *where, struct kn_worker *worker, struct kn_alarm *alarm)
{
    (void)where;
    /* Or, as it gives the last state there is. */
    if (kn_or(&alarm->timer.state, 0, acquire) != KN_TIMER_ARMED ||
        !take_alarm(alarm, alarm->timer.slot)) {
        return false;
    }
    call_alarm(alarm, worker, false);
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

int kn_blocking_submit(struct kn_sched *where, struct kn_job *job)
{
    (void)where;
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

void kn_teg_notice_send(struct koken_teg_run *of, struct kn_worker *worker)
{
    (void)of;
    (void)worker;
    over_count++;
    for (unsigned i = 0; i < WORKERS; i++) {
        ring(i, OVER);
    }
}

void koken_promise_drop(koken_promise *promise)
{
    (void)promise;
}

void koken_future_drop(struct koken_future *future)
{
    (void)future;
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

void kn_teg_home_ref(struct kn_teg_home *of)
{
    (void)of;
}

void kn_teg_home_unref(struct kn_teg_home *of)
{
    (void)of;
}

bool kn_teg_home_ready(struct kn_teg_home *of, struct kn_runnable *runnable, enum kn_prio prio)
{
    (void)of;
    (void)prio;
    ready(runnable);
    return true;
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

/* Links in the order of the nodes they leave. */
static void make_graph(uint32_t count, const uint8_t links[][2], uint32_t link_count, uint8_t kind)
{
    memset(nodes, 0, sizeof nodes);
    memset(colds, 0, sizeof colds);
    memset(outs, 0, sizeof outs);
    memset(fails, 0, sizeof fails);
    memset(begun, 0, sizeof begun);
    graph = (struct koken_teg){.is_checked = 1,
                               .nodes = nodes,
                               .cold = colds,
                               .outs = outs,
                               .ins = ins,
                               .order = order,
                               .count = count};
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

/* ---- looking at it ---- */

static enum koken_teg_state end_of(uint32_t node)
{
    return koken_teg_state(run, (koken_teg_node){node + 1});
}

#endif
