/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flights: nodes that do not end where they began. On the pool a thread runs the effect, and the landing, on a
 * worker, settles what follows. Elsewhere the effect keeps its call as a token. Between two attempts there is
 * only the alarm. No lane waits for any of them.
 *
 * Two things may hold a flight: its effect (until it has landed) and its alarm (until it was called back). The
 * one who comes last frees it. Which of them decides the node is decided by the slot's state word.
 */
#include "executors/teg/run.h"

#include "actors/agent.h"
#include "base/alloc.h"
#include "base/world.h"

#include <errno.h>
#include <string.h>

/* ---- life ---- */

static void flight_unref(struct kn_teg_flight *flight)
{
    struct koken_teg_run *run = flight->call.run;
    /* [TG7] release: what this side has done to it; acquire: what the other one has. */
    if (kn_sub(&flight->refs, 1, acq_rel) > 1) {
        return;
    }
    kn_lock(&run->lock);
    KN_ASSERT(!kn_list_is_empty(&run->flights));
    kn_list_remove(&flight->link);
    kn_unlock(&run->lock);
    kn_teg_call_fini(&flight->call);
    kn_free(flight, sizeof *flight, KN_CACHE_LINE);
    koken_teg_run_free(run);
}

static struct kn_teg_flight *flight_new(struct koken_teg_run *run, uint32_t node, uint32_t word,
                                        uint32_t lane)
{
    struct kn_teg_flight *flight = kn_alloc(sizeof *flight, KN_CACHE_LINE, -1);
    KN_ASSERT(node < run->teg->count);
    if (!flight) {
        return NULL;
    }
    memset(flight, 0, sizeof *flight);
    flight->call =
        (struct koken_teg_call){.run = run, .flight = flight, .node = node, .word = word};
    kn_atomic_init(&flight->refs, 1);
    kn_atomic_init(&flight->cancelled, 0);
    kn_timer_init(&flight->alarm.timer);
    flight->lane = lane;
    kn_teg_run_ref(run);
    kn_lock(&run->lock);
    kn_list_push_back(&run->flights, &flight->link);
    /* Who has ended the node and looked for flights before has not seen this one. Relaxed: under the lock. */
    kn_store(&flight->cancelled, koken_teg_cancelled(&flight->call), relaxed);
    kn_unlock(&run->lock);
    return flight;
}

/* ---- cancelling ---- */

/* Tells a flight that nobody wants it. Thread: holder of run->lock. */
static void tell(struct kn_teg_flight *flight)
{
    void (*fn)(void *arg) = flight->on_cancel;
    flight->on_cancel = NULL;
    /* [TG8] release: pairs with the acquire in koken_teg_sleep(), so that koken_teg_cancelled() says it too. */
    kn_store(&flight->cancelled, 1, release);
    kn_futex_wake(&flight->cancelled, 1);
    if (fn) {
        fn(flight->on_cancel_arg);
    }
}

void kn_teg_flight_cancel(struct koken_teg_run *run, uint32_t node)
{
    kn_lock(&run->lock);
    kn_list_each (link, &run->flights) {
        struct kn_teg_flight *flight = kn_container_of(link, struct kn_teg_flight, link);
        if (node == UINT32_MAX || flight->call.node == node) {
            tell(flight);
        }
    }
    kn_unlock(&run->lock);
}

int koken_teg_on_cancel(struct koken_teg_call *call, void (*fn)(void *arg), void *arg)
{
    struct kn_teg_flight *flight = call->flight;
    if (!flight) {
        return -ENOTSUP;
    }
    kn_lock(&call->run->lock);
    bool is_late = kn_load(&flight->cancelled, relaxed); /* relaxed: under the lock */
    flight->on_cancel = is_late ? NULL : fn;
    flight->on_cancel_arg = arg;
    kn_unlock(&call->run->lock);
    if (is_late && fn) {
        fn(arg);
    }
    return 0;
}

int koken_teg_sleep(struct koken_teg_call *call, uint64_t duration_ns)
{
    struct kn_teg_flight *flight = call->flight;
    uint64_t now = kn_now(), end = duration_ns > KN_NEVER - 1 - now ? KN_NEVER : now + duration_ns;
    if (!flight || kn_worker_current()) {
        return -ENOTSUP;
    }
    while (
        !kn_load(&flight->cancelled, acquire)) { /* [TG8]. Ends: cancelled, or the time is over */
        if (kn_futex_wait(&flight->cancelled, 0, end) == -ETIMEDOUT) {
            return 0;
        }
    }
    return -ECANCELED;
}

/* ---- room on the pool ---- */

bool kn_teg_hold(struct koken_teg_run *run, uint32_t node)
{
    kn_lock(&run->lock);
    KN_ASSERT(run->on_pool <= run->pool_count);
    bool is_full = run->on_pool >= run->pool_count;
    if (is_full) {
        kn_teg_ready_push(&run->held, kn_teg_rank(run, node));
    } else {
        run->on_pool++;
    }
    kn_unlock(&run->lock);
    return is_full;
}

/* A place on the pool is free: the first that waits for one is ready again. */
void kn_teg_leave_pool(struct kn_teg_harvest *harvest)
{
    struct koken_teg_run *run = harvest->run;
    uint32_t node = UINT32_MAX;
    kn_lock(&run->lock);
    KN_ASSERT(run->on_pool > 0);
    run->on_pool--;
    if (run->held.count) {
        node = run->order[kn_teg_ready_pop(&run->held)];
    }
    kn_unlock(&run->lock);
    if (node != UINT32_MAX) {
        if (harvest->ready_count == sizeof harvest->ready / sizeof harvest->ready[0]) {
            kn_teg_harvest_flush(harvest);
        }
        harvest->ready[harvest->ready_count++] = node;
    }
}

/* ---- landing ---- */

/* The effect has ended with flight->rc. */
static void land(struct kn_teg_harvest *harvest, struct kn_teg_flight *flight)
{
    KN_ASSERT(flight->rc != KOKEN_TEG_LATER);
    bool is_on_pool = flight->is_on_pool;
    harvest->now = kn_ticks();
    (void)kn_teg_conclude(harvest, &flight->call, flight->rc);
    if (harvest->worker) { /* else the scheduler has ended, and its alarms */
        (void)kn_alarm_cancel(harvest->run->rt->sched, harvest->worker, &flight->alarm);
    }
    if (is_on_pool) {
        kn_teg_leave_pool(harvest);
    }
}

/* worker NULL: the runtime has ended, and the node is not wanted any more. */
static void landing(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_teg_flight *flight = kn_container_of(errand, struct kn_teg_flight, landing);
    struct koken_teg_run *run = flight->call.run;
    struct kn_teg_harvest harvest = {.run = run, .worker = worker, .lane = flight->lane};
    if (!worker) {
        kn_teg_run_cut(run);
    }
    land(&harvest, flight);
    kn_teg_harvest_flush(&harvest);
    kn_teg_run_ended(run, worker, harvest.ended);
    flight_unref(flight);
}

void kn_teg_flight_land(struct kn_teg_flight *take_flight)
{
    struct kn_teg_flight *flight = take_flight;
    if (!kn_teg_home_ready(flight->call.run->home, &flight->landing.run, KN_PRIO_NORMAL)) {
        flight->landing.fn(&flight->landing, NULL);
    }
}

static void deadline_rung(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due)
{
    struct kn_teg_flight *flight = kn_container_of(alarm, struct kn_teg_flight, alarm);
    struct koken_teg_run *run = flight->call.run;
    if (is_due) {
        struct kn_teg_harvest harvest = {
            .run = run, .worker = worker, .lane = flight->lane, .now = kn_ticks()};
        if (kn_teg_time_out(&harvest, flight->call.node, flight->call.word)) {
            kn_lock(&run->lock);
            tell(flight);
            kn_unlock(&run->lock);
        }
        kn_teg_harvest_flush(&harvest);
        kn_teg_run_ended(run, worker, harvest.ended);
    }
    flight_unref(flight);
}

static void run_job(struct kn_job *job)
{
    struct kn_teg_flight *flight = kn_container_of(job, struct kn_teg_flight, job);
    struct koken_teg_run *run = flight->call.run;
    flight->rc = -ECANCELED;
    if (!koken_teg_cancelled(&flight->call)) {
        /* Relaxed: a statistic. It has waited for a thread until now. */
        kn_store(&run->slots[flight->call.node].began_at, kn_ticks(), relaxed);
        flight->rc = run->teg->nodes[flight->call.node].run(&flight->call);
    }
}

static void arm_deadline(struct kn_teg_harvest *harvest, struct kn_teg_flight *flight)
{
    uint64_t timeout = harvest->run->teg->cold[flight->call.node].timeout_ns;
    timeout = timeout ? timeout : harvest->run->timeout_ns;
    if (timeout != KOKEN_NO_DEADLINE) {
        uint64_t now = kn_now();
        (void)kn_add(&flight->refs, 1, relaxed); /* relaxed: our own is held */
        kn_alarm_set(harvest->run->rt->sched, &flight->alarm,
                     timeout > KN_NEVER - 1 - now ? KN_NEVER - 1 : now + timeout, deadline_rung);
    }
}

void kn_teg_launch(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word)
{
    struct koken_teg_run *run = harvest->run;
    KN_ASSERT(run->teg->nodes[node].place != KOKEN_TEG_ON_WORKER);
    KN_ASSERT(!word || kn_teg_state_of(word) == KOKEN_TEG_EXECUTING);
    bool is_on_pool = run->teg->nodes[node].place == KOKEN_TEG_ON_POOL;
    struct kn_teg_flight *flight = word ? flight_new(run, node, word, harvest->lane) : NULL;
    if (!flight) {
        if (word) {
            struct koken_teg_call call = {.run = run, .node = node, .word = word};
            (void)kn_teg_conclude(harvest, &call, -ENOMEM);
        }
        if (is_on_pool) {
            kn_teg_leave_pool(harvest);
        }
        return;
    }
    kn_store(&run->slots[node].began_at, harvest->now, relaxed); /* relaxed: a statistic */
    kn_teg_observe(run, node, KOKEN_TEG_EXECUTING, harvest->lane, kn_teg_attempt_of(word),
                   harvest->now);
    flight->is_on_pool = is_on_pool;
    kn_errand_init(&flight->landing, landing);
    flight->rc = -ECANCELED; /* unless it runs */
    arm_deadline(harvest, flight);
    if (is_on_pool) {
        flight->job.fn = run_job;
        flight->job.done = &flight->landing.run;
        flight->job.prio = KN_PRIO_NORMAL;
    }
    int rc = is_on_pool ? kn_blocking_submit(run->rt->sched, &flight->job)
                        : run->teg->nodes[node].run(&flight->call);
    if (rc == (is_on_pool ? 0 : KOKEN_TEG_LATER)) {
        return; /* the flight is the pool's, or its token's, and may be gone */
    }
    flight->rc = rc;
    land(harvest, flight);
    flight_unref(flight);
}

/* ---- following ---- */

/* The result that was waited for is there, or will not come: then the effect runs after all. */
static void followed(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_teg_flight *flight = kn_container_of(errand, struct kn_teg_flight, landing);
    const struct kn_teg_node *node = &flight->call.run->teg->nodes[flight->call.node];
    kn_errand_init(&flight->landing, landing);
    if (worker && !flight->has_result && !koken_teg_cancelled(&flight->call)) {
        if (node->place == KOKEN_TEG_ON_POOL) {
            flight->job.fn = run_job;
            flight->job.done = &flight->landing.run;
            flight->job.prio = KN_PRIO_NORMAL;
            int rc = kn_blocking_submit(worker->sched, &flight->job);
            if (rc == 0) {
                return;
            }
            flight->rc = rc;
        } else {
            flight->rc = node->run(&flight->call);
        }
    }
    landing(&flight->landing, worker);
}

struct kn_teg_flight *kn_teg_follow(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word)
{
    struct kn_teg_flight *flight = flight_new(harvest->run, node, word, harvest->lane);
    if (flight) {
        kn_store(&harvest->run->slots[node].began_at, kn_ticks(), relaxed); /* a statistic */
        harvest->run->slots[node].is_hit = 1;
        kn_errand_init(&flight->landing, followed);
        arm_deadline(harvest, flight);
    }
    return flight;
}

/* ---- elsewhere ---- */

koken_teg_token koken_teg_later(struct koken_teg_call *call)
{
    KOKEN_CHECK(call->flight && !call->flight->is_on_pool);
    return (koken_teg_token){call};
}

int koken_teg_finish(koken_teg_token token, int error, int64_t number, const void *bytes,
                     size_t size)
{
    struct koken_teg_call *call = token.call;
    struct kn_teg_flight *flight = call->flight;
    struct kn_worker *worker = kn_worker_current();
    KN_ASSERT(flight != NULL && !flight->is_on_pool);
    int rc = koken_teg_cancelled(call) ? -ECANCELED : 0;
    call->number = number;
    if (rc == 0 && bytes) {
        rc = koken_teg_answer_bytes(call, bytes, size);
    }
    flight->rc = error < 0 ? error : rc;
    if (worker && worker->sched == call->run->home->sched) {
        kn_ready_tail(worker, &flight->landing.run, KN_PRIO_NORMAL);
    } else {
        kn_teg_flight_land(flight);
    }
    return rc;
}

/* ---- another attempt ---- */

static void retry_rung(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due)
{
    struct kn_teg_flight *flight = kn_container_of(alarm, struct kn_teg_flight, alarm);
    struct koken_teg_run *run = flight->call.run;
    if (is_due) {
        kn_teg_lane_push(run, worker, flight->lane, flight->call.node);
    }
    flight_unref(flight);
}

void kn_teg_retry(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word, uint64_t delay_ns)
{
    struct kn_teg_flight *flight = flight_new(harvest->run, node, word, harvest->lane);
    if (!flight) { /* at once, then */
        if (harvest->ready_count == sizeof harvest->ready / sizeof harvest->ready[0]) {
            kn_teg_harvest_flush(harvest);
        }
        harvest->ready[harvest->ready_count++] = node;
        return;
    }
    KN_ASSERT(kn_teg_state_of(word) == KOKEN_TEG_READY);
    (void)kn_add(&flight->refs, 1, relaxed); /* relaxed: our own is held. It may ring at once */
    kn_alarm_set(harvest->run->rt->sched, &flight->alarm, kn_now() + delay_ns, retry_rung);
    kn_lock(&harvest->run->lock);
    /* Relaxed: set before the lock was taken to look for flights. */
    bool is_late = flight->rc < 0 || kn_load(&harvest->run->is_over, relaxed);
    kn_unlock(&harvest->run->lock);
    if (is_late) { /* nobody else could while it was not set */
        (void)kn_alarm_cancel(harvest->run->rt->sched, harvest->worker, &flight->alarm);
    }
    flight_unref(flight);
}

/* One more reference, unless the last one is gone and the flight is about to leave the list. */
static bool hold_flight(struct kn_teg_flight *flight)
{
    uint32_t refs =
        kn_load(&flight->refs, relaxed); /* relaxed, all: under run->lock it is not freed */
    while (refs > 0) {                   /* ends: counted, or gone */
        if (kn_cas_weak(&flight->refs, &refs, refs + 1, relaxed, relaxed)) {
            return true;
        }
    }
    return false;
}

void kn_teg_flights_end(struct koken_teg_run *run, struct kn_worker *worker)
{
    bool is_more = true;
    while (is_more) { /* ends: each round sees one more that waits for another attempt */
        struct kn_teg_flight *waiting = NULL;
        is_more = false;
        kn_lock(&run->lock);
        kn_list_each (link, &run->flights) {
            struct kn_teg_flight *flight = kn_container_of(link, struct kn_teg_flight, link);
            if (kn_teg_state_of(flight->call.word) == KOKEN_TEG_READY && !flight->rc) {
                flight->rc = -ECANCELED; /* seen; kn_teg_retry() looks at it too */
                waiting = hold_flight(flight) ? flight : NULL;
                is_more = true;
                break;
            }
        }
        kn_unlock(&run->lock);
        if (waiting) {
            /* Or it rings: its push is in vain. */
            (void)kn_alarm_cancel(run->rt->sched, worker, &waiting->alarm);
            flight_unref(waiting);
        }
    }
}

/* ---- undoing ---- */

static void run_undo(struct kn_job *job)
{
    struct kn_teg_flight *flight = kn_container_of(job, struct kn_teg_flight, job);
    flight->rc = flight->call.run->teg->cold[flight->call.node].undo(&flight->call);
}

int kn_teg_undo_on_pool(struct koken_teg_run *run, uint32_t node,
                        void (*landing_fn)(struct kn_errand *errand, struct kn_worker *worker))
{
    uint32_t word = kn_load(&run->slots[node].state, relaxed); /* relaxed: it has ended */
    struct kn_teg_flight *flight = flight_new(run, node, word, 0);
    if (!flight) {
        return -ENOMEM;
    }
    KN_ASSERT(kn_teg_has_ended(kn_teg_state_of(word)));
    flight->call.is_undo = true;
    kn_errand_init(&flight->landing, landing_fn);
    flight->rc = -ESHUTDOWN; /* unless it runs */
    flight->job.fn = run_undo;
    flight->job.done = &flight->landing.run;
    flight->job.prio = KN_PRIO_NORMAL;
    int rc = kn_blocking_submit(run->rt->sched, &flight->job);
    if (rc < 0) {
        flight_unref(flight);
    }
    return rc;
}

void kn_teg_undo_landed(struct kn_teg_flight *take_flight)
{
    flight_unref(take_flight);
}
