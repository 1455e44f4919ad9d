/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator's second half: the end of a runtime, in phases.
 *
 *     running -> refusing --drained, or out of time--> cancelling --all ended, or out of time--> killing
 *
 * Refusing: from outside nothing new comes in. Cancelling: every agent is asked to stop. Killing:
 * the threads are called off; what handlers have not come back by then is reported, and if a thread
 * does not come back the runtime is left as it is, for nothing of it can be freed safely.
 * Otherwise, with no thread left, the agents that are left are ended here, without their exit
 * hooks.
 */
#include "actors/runtime.h"

#include "actors/kn_rcu.h"
#include "actors/living.h"
#include "actors/park.h"
#include "actors/pending.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/system.h"
#include "actors/waiter.h"
#include "actors/window.h"
#include "base/world.h"
#include "sched/errand.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    GRACE_NS = 10 * 1000 * 1000, /* time for workers that no handler holds, given again */
    GRACES = 50,                 /* so many times */
};

bool kn_ending_enter(struct koken *rt, struct kn_ending *ending)
{
    pthread_mutex_lock(&rt->endings_lock);
    bool is_in = !rt->has_ended;
    if (is_in) {
        kn_list_push_back(&rt->endings, &ending->link);
    }
    pthread_mutex_unlock(&rt->endings_lock);
    return is_in;
}

void kn_ending_leave(struct koken *rt, struct kn_ending *ending)
{
    pthread_mutex_lock(&rt->endings_lock);
    kn_list_remove(&ending->link); /* harmless when it is off already */
    pthread_mutex_unlock(&rt->endings_lock);
}

void kn_endings_call(struct koken *rt)
{
    struct kn_list *link;
    pthread_mutex_lock(&rt->endings_lock);
    rt->has_ended = true;
    while ((link = kn_list_pop(&rt->endings)) != NULL) { /* ends: nobody enters any more */
        struct kn_ending *ending = kn_container_of(link, struct kn_ending, link);
        ending->end(ending, rt);
    }
    pthread_mutex_unlock(&rt->endings_lock);
}

static bool is_alive(const struct kn_agent *a)
{
    /* [MB3] acquire: born, and not yet closed; a fresh slot says closed. */
    return !(kn_load(&a->mailbox.word, acquire) & KN_MB_CLOSED);
}

static uint64_t after(uint64_t ns)
{
    uint64_t now = kn_now();
    return ns > KN_NEVER - 1 - now ? KN_NEVER - 1 : now + ns;
}

/* Who runs on which worker now, for the report. */
static const struct kn_local *runs_on(const struct koken *rt, uint64_t id)
{
    for (unsigned i = 0; i < rt->worker_count; i++) {
        if (kn_load(&rt->locals[i].self_id, relaxed) == id) { /* relaxed: a report of a moment */
            return &rt->locals[i];
        }
    }
    return NULL;
}

static bool is_parked(struct koken *rt, uint64_t id)
{
    struct kn_outbox edge;
    return kn_park_edge(rt, id, &edge) && !edge.number; /* not one that awaits an answer */
}

struct survey {
    struct koken *rt;
    struct koken_stop_report *report; /* or NULL */
    uint64_t count;
};

/* Enters one agent into the report, if it is alive. */
static void look_at(struct kn_agent *a, void *arg)
{
    struct survey *survey = arg;
    if (!is_alive(a)) {
        return;
    }
    survey->count++;
    struct koken_stop_report *report = survey->report;
    enum { ROOM = sizeof report->survivors / sizeof report->survivors[0] };
    if (!report || report->survivor_count >= ROOM) {
        return;
    }
    uint64_t id = kn_agent_id(a);
    const struct kn_local *local = runs_on(survey->rt, id);
    const struct koken_type *type =
        local ? kn_load(&local->running_type, relaxed) : NULL;            /* a report */
    uint64_t since = local ? kn_load(&local->running_since, relaxed) : 0; /* likewise */
    uint64_t now = kn_now();
    bool waits = kn_load(&a->mailbox.word, relaxed) & KN_MB_SCHEDULED; /* likewise */
    report->survivors[report->survivor_count++] = (struct koken_survivor){
        .who = kn_agent_ref(a),
        .type = kn_agent_behaviour(a)->name,
        .state = local ? "running"
                       : (is_parked(survey->rt, id) ? "parked" : (waits ? "waiting" : "idle")),
        .handling = type ? type->name : NULL,
        .queued = kn_mailbox_queued(&a->mailbox),
        .running_ns = since && now > since ? now - since : 0,
        /* In milliseconds that wrap, as the birth is noted. */
        .age_ns = (uint64_t)((uint32_t)(now / 1000000u) - a->born_ms) * 1000000u,
    };
}

static void ask_to_stop(struct kn_agent *a, void *arg)
{
    (void)arg;
    if (is_alive(a)) {
        (void)kn_tell_outside(kn_agent_ref(a),
                              &kn_type_stop); /* gone: good; no memory: killed later */
    }
}

/* The step of an agent that is marked for the second pass of the kill. */
static enum kn_ran killed_turn(struct kn_worker *worker, struct kn_runnable *run)
{
    (void)worker;
    (void)run;
    KOKEN_CHECK(false); /* no thread is left to run it */
    return KN_RAN_DONE;
}

/* First pass of the kill: nobody can send to anybody any more. */
static void shut(struct kn_agent *a, void *arg)
{
    struct kn_local *local = arg;
    if (is_alive(a)) {
        struct kn_envelope *last = NULL;
        (void)kn_mailbox_nudge(&a->mailbox, 0);
        (void)kn_mailbox_close(&a->mailbox, &a->intake, &last);
        if (last) {
            last->flags &= (uint16_t)~KN_ENV_OWED; /* who waits for it is ended as well */
        }
        kn_envelope_release(local, last);
        KN_ASSERT(!kn_mb_top(kn_load(&a->mailbox.word, relaxed)));
        KN_ASSERT(kn_agent_is_held(a));
        a->run.step = killed_turn;
    }
}

struct kill {
    struct kn_local *local;
    uint64_t count;
};

static void finish(struct kn_agent *a, void *arg)
{
    struct kill *kill = arg;
    if (a->run.step == killed_turn) {
        KN_ASSERT(!is_alive(a));
        if (a->flags & KN_AGENT_WAITER) {
            kn_waiter_end(kill->local, a);
        } else {
            kill->count++;
            kn_agent_end_quietly(kill->local, a, -ECANCELED, /* with_hook= */ false);
        }
    }
}

/* What is still queued is found among the agents, is an errand, or is a job on the stack of one or with an errand. */
static void empty_queues(struct koken *rt)
{
    struct kn_runnable *run;
    struct kn_job *job;
    do { /* ends, both: no worker queues any more; errands may, but come to an end */
        while ((run = kn_sched_leftover(rt->sched)) != NULL) {
            kn_errand_leftover(run);
        }
        job = kn_sched_leftover_job(rt->sched);
        if (job && job->done) { /* NULL: nobody is told of the end of this one */
            kn_errand_leftover(job->done);
        }
    } while (job);
}

/* With all threads gone: ends whoever is left, and frees everything. */
static uint64_t end_the_rest(struct koken *rt)
{
    KOKEN_CHECK(!kn_worker_current());
    KN_ASSERT(kn_load(&rt->stopping, relaxed) == KN_KILLING);
    struct kill kill = {&rt->locals[0], 0};
    empty_queues(rt);
    kn_rcu_visit();
    kn_slots_each(rt, shut, kill.local);
    kn_endings_call(rt);
    kn_rcu_depart();
    kn_rcu_synchronize(); /* a thread outside may be between its push and its wake-up */
    empty_queues(rt);
    kn_rcu_visit();
    kn_slots_each(rt, finish, &kill);
    kn_slots_flush(kill.local);
    kn_rcu_depart();
    return kill.count;
}

static void free_runtime(struct koken *rt)
{
    kn_sched_free(rt->sched);
    kn_reclaimer_stop(&rt->reclaimer);
    kn_slots_free(rt);
    kn_runtime_free(rt);
}

static uint64_t received(const struct koken *rt, uint64_t *dead)
{
    struct koken_metrics m;
    koken_metrics(rt, &m);
    *dead = m.dead;
    return m.received;
}

static uint64_t spawned(const struct koken *rt)
{
    struct koken_metrics m;
    koken_metrics(rt, &m);
    return m.spawned;
}

/*
 * Waits until nothing is going on. Who has sent from outside may have pushed, and not yet woken: its agent is in no
 * queue. It is a reader meanwhile, so a grace period waits for it; and after the first quiet for nobody's handler here.
 */
static bool is_settled(struct koken *rt, uint64_t deadline)
{
    return kn_sched_quiet(rt->sched, deadline) && kn_rcu_grace(&rt->reclaimer, deadline) &&
           kn_sched_quiet(rt->sched, deadline);
}

/* Asks everybody to stop; and once more as long as agents were born after they were asked. */
static void cancel(struct koken *rt, uint64_t deadline)
{
    uint64_t before;
    bool is_quiet;
    do { /* ends: nobody was born meanwhile, or the deadline */
        before = spawned(rt);
        kn_rcu_visit();
        kn_slots_each(rt, ask_to_stop, NULL);
        kn_rcu_depart();
        is_quiet = is_settled(rt, deadline);
    } while (is_quiet && spawned(rt) != before);
}

/* The phases before the kill. */
static void wind_down(struct koken *rt, const struct koken_stop_plan *plan,
                      struct koken_stop_report *report)
{
    struct survey survey = {rt, report, 0};
    if (kn_load(&rt->stopping, relaxed) == KN_KILLING) { /* relaxed: set by this function alone */
        return; /* a stop before this one came so far, and a handler did not come back in time */
    }
    kn_store(&rt->stopping, KN_REFUSING,
             relaxed); /* a send that races with this may go either way */
    if (plan->drain_ns) {
        (void)is_settled(rt, after(plan->drain_ns)); /* late: the next phase takes over */
    }
    kn_rcu_visit();
    kn_slots_each(rt, look_at, &survey);
    report->cancelled = survey.count;
    kn_rcu_depart();
    kn_store(&rt->stopping, KN_CANCELLING, relaxed); /* as above */
    if (plan->cancel_ns) {
        cancel(rt, after(plan->cancel_ns)); /* late: the kill takes over */
    }
    kn_store(&rt->stopping, KN_KILLING, relaxed); /* as above */
}

static bool is_any_running(const struct koken *rt)
{
    for (unsigned i = 0; i < rt->worker_count; i++) {
        if (kn_load(&rt->locals[i].self_id, relaxed)) { /* relaxed: asked again and again */
            return true;
        }
    }
    return false;
}

/*
 * Ends the threads. That a worker has not come back when time is over is an error if a handler holds it;
 * who only has not been given a processor yet comes, and is waited for a while.
 */
static int call_off(struct koken *rt, uint64_t kill_ns)
{
    int rc = kn_sched_stop(rt->sched, after(kill_ns));
    for (unsigned i = 0; i < GRACES && rc == -ETIMEDOUT && !is_any_running(rt); i++) {
        rc = kn_sched_stop(rt->sched, after(GRACE_NS));
    }
    return rc;
}

/* Nobody may look at the report, and agents that were killed have not given back what they held. */
static void tell_killed(const struct koken *rt, uint64_t killed)
{
    if (killed > 0 && rt->options.log) {
        char line[160];
        (void)snprintf(
            line, sizeof line,
            "koken: stopped; %llu agents were killed, not asked: their exit hooks have not run. "
            "More time for the stop?",
            (unsigned long long)killed);
        rt->options.log(rt->options.log_arg, line);
    }
}

int koken_stop_with(struct koken *rt, const struct koken_stop_plan *plan,
                    struct koken_stop_report *ret_report)
{
    static const struct koken_stop_plan standard = {KOKEN_S(5), KOKEN_S(5), KOKEN_S(5)};
    struct koken_stop_report report;
    uint64_t dead_before, dead_after;
    if (!rt) {
        return -EINVAL;
    }
    if (kn_local_here()) {
        return -EDEADLK; /* also of another runtime: it would hold up that one's worker */
    }
    int rc = kn_living_claim(rt);
    if (rc < 0) {
        return rc;
    }
    memset(&report, 0, sizeof report);
    plan = plan ? plan : &standard;
    uint64_t before = received(rt, &dead_before);
    wind_down(rt, plan, &report);
    rc = call_off(rt, plan->kill_ns);
    report.drained = received(rt, &dead_after) - before;
    if (rc < 0) {
        struct survey survey = {rt, NULL, 0};
        kn_rcu_visit();
        kn_slots_each(rt, look_at, &survey);
        kn_rcu_depart();
        report.killed = survey.count;
    } else {
        kn_window_close(rt);
        /* Sends from outside that had not seen the refusal are over after this. Not before the threads have
         * ended: a grace period would wait for the very handler that a deadline is there for. */
        kn_rcu_synchronize();
        report.killed = end_the_rest(rt);
        tell_killed(rt, report.killed);
        (void)received(rt, &dead_after);
    }
    report.dead_letters = dead_after - dead_before;
    if (rc == 0) {
        kn_living_leave(rt);
        free_runtime(rt);
    } else {
        kn_living_unclaim(rt);
    }
    if (ret_report) {
        *ret_report = report;
    }
    return rc;
}

int koken_stop(struct koken *rt, uint64_t timeout_ns)
{
    struct koken_stop_plan plan = {timeout_ns / 2, timeout_ns / 4, timeout_ns / 4};
    return koken_stop_with(rt, &plan, NULL);
}

int koken_drain(struct koken *rt, uint64_t timeout_ns)
{
    if (!rt) {
        return -EINVAL;
    }
    if (kn_local_here()) {
        return -EDEADLK; /* also of another runtime: it would hold up that one's worker */
    }
    int rc = kn_living_check();
    if (rc < 0) {
        return rc;
    }
    return kn_sched_quiet(rt->sched, after(timeout_ns)) ? 0 : -ETIMEDOUT;
}
