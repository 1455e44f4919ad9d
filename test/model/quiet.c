/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quiet: kn_sched_quiet() and its signal of sched/sched.c, with what keeps a scheduler from it: the worker (idle.c), a
 * section (section.c), a job (blocking.c), the delivery of a descriptor (netpoll.c) and of an alarm (alarm.c), as they
 * stand. Who finds all quiet finds done what was under way, and is told of it.
 */
#include "test/model/lib/model.h"

#include <stdbool.h>

bool kn_world_is_simulated(void);
uint64_t kn_fault(int kind);
int kn_io_wait(uint64_t deadline_ns);
uint64_t kn_entropy(void);

#include "sched/alarm.c"
#include "sched/blocking.c"
#include "sched/descriptor.c"
#include "sched/idle.c"
#include "sched/lock.c"
#include "sched/netpoll.c"
#include "sched/sched.c"
#include "sched/section.c"

KN_TLS struct kn_worker *kn_worker_self;
KN_TLS struct kn_machine *kn_machine_self;

static struct kn_sched sched;
static struct kn_worker worker;
static struct kn_worker *workers[1] = {&worker};
static struct kn_machine machine;
static struct kn_alarm alarm_due;
static struct kn_io io;
static struct kn_job job;
static struct kn_runnable done;
static kn_atomic(uint32_t) is_claimed; /* the worker's token */
static struct kn_worker workers_kept[2];
static uint64_t result, jobs_done;

/* ---- what is left out ------------------------------------------------------------------------------------ */

/* Whoever readies something wakes the worker, which rests. */
static void wake_worker(void)
{
    KOKEN_CHECK(kn_idle_claim(&sched.idle, 0, /* is_forced= */ true) == 0);
    kn_store(&is_claimed, 1, release);
}

void kn_ready_foreign(struct kn_sched *s, struct kn_runnable *r, enum kn_prio prio)
{
    (void)s, (void)prio;
    KOKEN_CHECK(r == &done);
    wake_worker();
}

void kn_worker_end_search(struct kn_worker *w)
{
    w->is_searching = false;
    (void)kn_idle_search_end(&sched.idle);
}

void kn_watch_call(struct kn_sched *s)
{
    (void)s;
}

bool kn_notify_forced(struct kn_sched *s, unsigned near)
{
    (void)s, (void)near;
    return false;
}

int kn_machine_sleep(struct kn_machine *m, uint64_t deadline_ns)
{
    (void)m, (void)deadline_ns;
    return 0;
}

void kn_machine_wake(struct kn_machine *m)
{
    (void)m;
}

/* A wheel with one timer, which is due. */
uint64_t kn_wheel_next(const struct kn_wheel *wheel)
{
    (void)wheel;
    return alarm_due.is_due ? KN_NEVER : 0;
}

unsigned kn_wheel_advance(struct kn_wheel *wheel, uint64_t now)
{
    (void)wheel, (void)now;
    alarm_due.timer.fire(NULL, &alarm_due.timer, /* cancelled= */ false);
    return 1;
}

/* ---- scenarios ------------------------------------------------------------------------------------------- */

static void on_alarm(struct kn_alarm *self, struct kn_worker *w, bool is_due)
{
    KOKEN_CHECK(self == &alarm_due && w == NULL && is_due);
    (void)kn_sub(&sched.alarms.ringing, 1, relaxed); /* who rings for nothing */
    wake_worker();
}

static void on_ready(struct kn_worker *w, struct kn_io *self)
{
    KOKEN_CHECK(w == NULL && self == &io);
    wake_worker();
}

/* Of no interest to anybody. */
static void on_any_event(struct kn_worker *w, struct kn_io *self)
{
    (void)w, (void)self;
}

static void on_any_job(struct kn_job *self)
{
    KOKEN_CHECK(self == &job);
}

static void on_any_alarm(struct kn_alarm *self, struct kn_worker *w, bool is_due)
{
    KOKEN_CHECK(self == &alarm_due && w == NULL && is_due);
    (void)kn_sub(&sched.alarms.ringing, 1, relaxed); /* as below */
}

static void on_job(struct kn_job *self)
{
    KOKEN_CHECK(self == &job);
    jobs_done = 1;
}

static void start(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    kn_model_thread_local(&kn_machine_self, sizeof kn_machine_self);
    result = jobs_done = 0;
    sched.workers = workers;
    sched.worker_count = 1;
    kn_idle_init(&sched.idle, 1);
    kn_atomic_init(&sched.quiet_waiters, 0);
    kn_atomic_init(&sched.quiet_seq, 0);
    kn_atomic_init(&sched.sections_open, 0);
    kn_atomic_init(&sched.jobs.open, 0);
    kn_atomic_init(&sched.netpoll.in_hand, 0);
    kn_atomic_init(&sched.alarms.ringing, 0);
    kn_atomic_init(&sched.alarms.lock.word, 0);
    kn_atomic_init(&sched.machines_lock.word, 0);
    kn_atomic_init(&is_claimed, 0);
}

static void start_resting(void)
{
    start();
    KOKEN_CHECK(kn_idle_rest(&sched.idle, 0, /* was_searching= */ false));
}

static void start_job(void)
{
    start_resting();
    job = (struct kn_job){.fn = on_job, .done = &done};
    kn_atomic_init(&sched.jobs.open, 1);
}

static void start_job_alone(void)
{
    start_job();
    job.done = NULL;
    result = 1;
}

/* The worker is awake. */
static void start_job_beside(void)
{
    start();
    job = (struct kn_job){.fn = on_job};
    kn_atomic_init(&sched.jobs.open, 1);
}

/* Two threads do what ends two. */
static void start_two_jobs(void)
{
    start_job_alone();
    kn_atomic_init(&sched.jobs.open, 2);
    job.fn = on_any_job;
}

static void start_event(void)
{
    start_resting();
    io = (struct kn_io){.done = on_ready, .in_hand = &sched.netpoll.in_hand};
    kn_atomic_init(&sched.netpoll.in_hand, 1);
}

static void start_two_events(void)
{
    start_event();
    io.done = on_any_event;
    kn_atomic_init(&sched.netpoll.in_hand, 2);
}

/* Another thread rings too, from before: nobody finds all quiet before this one begins. */
static void start_alarm(void)
{
    start_resting();
    alarm_due =
        (struct kn_alarm){.timer = {.fire = collect}, .fn = on_alarm, .alarms = &sched.alarms};
    sched.alarms.rung = sched.alarms.rung_last = NULL;
    kn_atomic_init(&sched.alarms.ringing, 1);
}

static void start_alarm_alone(void)
{
    start_alarm();
    alarm_due.fn = on_any_alarm;
    result = 1;
}

/* Nothing is due. */
static void start_two_rings(void)
{
    start_resting();
    alarm_due.is_due = true;
}

static void start_section(void)
{
    start_resting();
    machine = (struct kn_machine){.sched = &sched};
    worker.machine = NULL;
    worker.is_searching = false;
    sched.total = 2;
    sched.blocked = 1;
    kn_atomic_init(&sched.sections_open, 1);
}

static void wait_for_quiet(void)
{
    KOKEN_CHECK(kn_sched_quiet(&sched, KN_NEVER));
    KOKEN_CHECK(result == 1);
}

static void wait_for_job(void)
{
    wait_for_quiet();
    KOKEN_CHECK(jobs_done == 1);
}

/* What the worker has to do, and its rest, as in park(). */
static void work_and_rest(bool is_searching)
{
    result = 1;
    if (kn_idle_rest(&sched.idle, 0, is_searching)) {
        kn_quiet_signal(&sched);
    }
}

static void work(void)
{
    work_and_rest(false);
}

static void be_worker(void)
{
    while (!kn_load(&is_claimed, acquire)) { /* ends: somebody readies what is done */
        kn_thread_yield();
    }
    work_and_rest(true);
}

static void do_job(void)
{
    run_job(&sched, &job);
}

static void deliver(void)
{
    if (kn_netpoll_deliver(NULL, &io) > 0) {
        kn_quiet_signal(&sched);
    }
}

static void ring_alarm(void)
{
    kn_alarms_ring(&sched.alarms, NULL, 1);
    kn_quiet_signal(&sched);
}

static void leave_section(void)
{
    kn_machine_self = &machine;
    kn_worker_self = NULL;
    KOKEN_CHECK(kn_blocking_leave(&sched) == &worker);
    work_and_rest(false);
}

/* A section that has kept its worker. */
static void leave_kept(void)
{
    struct kn_machine mine = {.sched = &sched, .kept = &workers_kept[kn_model_self()]};
    workers_kept[kn_model_self()].machine = &mine;
    kn_machine_self = &mine;
    kn_worker_self = NULL;
    KOKEN_CHECK(kn_blocking_leave(&sched) == mine.kept || mine.kept == NULL);
}

static void start_two_sections(void)
{
    start_resting();
    memset(workers_kept, 0, sizeof workers_kept);
    kn_atomic_init(&sched.sections_open, 2);
}

static void check_none_open(void)
{
    KOKEN_CHECK(kn_load(&sched.jobs.open, relaxed) == 0);
    KOKEN_CHECK(kn_load(&sched.netpoll.in_hand, relaxed) == 0);
    KOKEN_CHECK(kn_load(&sched.alarms.ringing, relaxed) == 0);
    KOKEN_CHECK(kn_load(&sched.sections_open, relaxed) == 0);
}

static const struct kn_scenario scenarios[] = {
    {"the worker rests", start, {wait_for_quiet, work}, NULL},
    {"two wait, the worker rests",
     start,
     {wait_for_quiet, wait_for_quiet, work},
     NULL,
     .limit = 4000},
    {"a section ends", start_section, {wait_for_quiet, leave_section}, NULL, .limit = 4000},
    {"a job ends", start_job, {wait_for_job, do_job, be_worker}, NULL, .limit = 4000},
    {"a job ends for nobody", start_job_alone, {wait_for_job, do_job}, NULL, .limit = 4000},
    {"a descriptor is ready",
     start_event,
     {wait_for_quiet, deliver, be_worker},
     NULL,
     .limit = 4000},
    {"an alarm rings", start_alarm, {wait_for_quiet, ring_alarm, be_worker}, NULL, .limit = 4000},
    {"a job ends, the worker rests",
     start_job_beside,
     {wait_for_job, do_job, work},
     NULL,
     .limit = 4000},
    {"an alarm rings for nobody",
     start_alarm_alone,
     {wait_for_quiet, ring_alarm},
     NULL,
     .limit = 4000},
    {"two jobs", start_two_jobs, {do_job, do_job}, check_none_open},
    {"two descriptors", start_two_events, {deliver, deliver}, check_none_open},
    {"two ring", start_two_rings, {ring_alarm, ring_alarm}, check_none_open},
    {"two sections", start_two_sections, {leave_kept, leave_kept}, check_none_open},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
