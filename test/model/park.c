/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rest and waking: sched/idle.c, park.c, machine.c, section.c, global.c and lock.c as they stand, with the
 * worker's loop around them reduced to the global queue. No wake-up is lost: when nobody can go on, the
 * queue is empty, the counts and bits of the idle set agree, every worker has one holder (whose fields are
 * plain), and every thread that left a blocking section has a worker.
 */
#include "test/model/lib/model.h"

#include "sched/global.c"
#include "sched/idle.c"
#include "sched/lock.c"
#include "sched/machine.c"
#include "sched/park.c"
#define wait_for_worker wait_for_worker_after_section
#include "sched/section.c"
#undef wait_for_worker

enum { WORKERS_MAX = 2, MACHINES = 3, TASKS = 3 };

KN_TLS struct kn_worker *kn_worker_self;

static struct kn_sched sched;
static struct kn_worker workers[WORKERS_MAX];
static struct kn_worker *worker_table[WORKERS_MAX];
static struct kn_machine machines[MACHINES];
static struct kn_runnable tasks[TASKS];
static uint32_t ran[TASKS];
static kn_atomic(uint32_t) kicks; /* seen by whom they were for */

/* ---- what is left out ------------------------------------------------------------------------ */

bool kn_worker_has_work(struct kn_worker *worker)
{
    (void)worker;
    return false;
}

void kn_worker_flush_again(struct kn_worker *worker)
{
    (void)worker;
}

void kn_worker_unfold(struct kn_worker *worker)
{
    worker->is_folded = false;
}

/* As worker.c has it, with nothing but the global queue. */
void kn_worker_end_search(struct kn_worker *worker)
{
    worker->is_searching = false;
    if (kn_idle_search_end(&worker->sched->idle) && !KN_MUTANT(20) &&
        kn_global_len(&worker->sched->global) > 0) {
        kn_notify(worker->sched, worker->index);
    }
}

void kn_worker_run(void)
{
}

void kn_look_enter(struct kn_look_thread *thread)
{
    (void)thread;
}

void kn_look_leave(struct kn_look_thread *thread)
{
    (void)thread;
}

void kn_watch_call(struct kn_sched *s)
{
    (void)s;
}

void kn_quiet_signal(struct kn_sched *s)
{
    (void)s;
}

uint64_t kn_wheel_next(const struct kn_wheel *wheel)
{
    (void)wheel;
    return KN_NEVER;
}

void kn_topology_bind(struct kn_topology *topology, unsigned worker, int *cpu)
{
    (void)topology;
    (void)worker;
    (void)cpu;
}

bool kn_netpoll_enter(struct kn_netpoll *netpoll)
{
    (void)netpoll;
    return false;
}

void kn_netpoll_leave(struct kn_netpoll *netpoll)
{
    (void)netpoll;
}

int kn_netpoll_sleep(struct kn_netpoll *netpoll, uint64_t deadline_ns, struct kn_io **ret_ready)
{
    (void)netpoll;
    (void)deadline_ns;
    (void)ret_ready;
    return 0;
}

void kn_netpoll_wake(struct kn_netpoll *netpoll)
{
    (void)netpoll;
}

unsigned kn_netpoll_deliver(struct kn_worker *worker, struct kn_io *ready)
{
    (void)worker;
    (void)ready;
    return 0;
}

/* ---- workers --------------------------------------------------------------------------------- */

static void start(unsigned count)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    kn_model_thread_local(&kn_machine_self, sizeof kn_machine_self);
    memset(&sched, 0, sizeof sched);
    memset(machines, 0, sizeof machines);
    memset(tasks, 0, sizeof tasks);
    memset(ran, 0, sizeof ran);
    kn_atomic_init(&kicks, 0);
    sched.workers = worker_table;
    sched.worker_count = count;
    sched.total = MACHINES;
    kn_idle_init(&sched.idle, count);
    kn_atomic_init(&sched.alarms.next_ns, KN_NEVER);
    for (unsigned i = 0; i < MACHINES; i++) {
        machines[i].sched = &sched;
    }
    for (unsigned i = 0; i < count; i++) {
        struct kn_worker *w = &workers[i];
        w->sched = &sched;
        w->index = i;
        w->machine = &machines[i];
        w->nudge = 0;
        w->is_searching = w->is_single = w->is_folded = false;
        w->spin_end_ns = w->now_ns = 0;
        w->again = NULL;
        machines[i].worker = w;
        worker_table[i] = w;
    }
}

static void start_1(void)
{
    start(1);
}

static void start_2(void)
{
    start(2);
}

/* Both workers have gone to rest before. */
static void start_at_rest(void)
{
    start(2);
    (void)kn_idle_rest(&sched.idle, 0, /* was_searching= */ false);
    (void)kn_idle_rest(&sched.idle, 1, /* was_searching= */ false);
}

/* The second worker has gone to rest before, with its machine asleep. */
static void start_resting(void)
{
    start(2);
    (void)kn_idle_rest(&sched.idle, 1, /* was_searching= */ false);
}

/* As heed_nudge(). The spare has the only worker until it gives it: who asks for it stands in the queue. */
static void heed(struct kn_worker *worker)
{
    if (kn_load(&worker->nudge, relaxed) != 0) {
        uint32_t nudge = kn_swap(&worker->nudge, 0, acquire);
        if (nudge & KN_NUDGE_CLOCK) {
            (void)kn_add(&kicks, 1, relaxed);
        }
        if ((nudge & KN_NUDGE_GIVE) && kn_machine_self == &machines[2]) {
            KOKEN_CHECK(kn_load(&sched.leaver_count, relaxed) > 0);
        }
    }
}

/* Takes tasks until there is none, once more as a searcher, then rests. */
static void work(void)
{
    struct kn_worker *worker;
    while ((worker = kn_worker_self) !=
           NULL) { /* ends: asleep for ever, or the worker is another's */
        enum kn_prio prio;
        uint32_t count;
        struct kn_runnable *task = NULL;
        heed(worker);
        if (kn_global_len(&sched.global) > 0) {
            task = kn_global_take(&sched.global, 1, &prio, &count);
        }
        if (task) {
            ran[task - tasks]++;
            if (worker->is_searching) {
                kn_worker_end_search(worker);
            }
        } else if (!worker->is_searching && kn_idle_search_begin(&sched.idle)) {
            worker->is_searching = true;
        } else {
            kn_worker_rest(worker);
        }
    }
}

static void machine_0(void)
{
    kn_machine_self = &machines[0];
    kn_worker_self = &workers[0];
    work();
}

/* Searches, and does not come back from the task that it finds. */
static void machine_0_stuck(void)
{
    struct kn_worker *worker = &workers[0];
    struct kn_runnable *task = NULL;
    enum kn_prio prio;
    uint32_t count;
    kn_machine_self = &machines[0];
    kn_worker_self = worker;
    worker->is_searching = kn_idle_search_begin(&sched.idle);
    if (kn_global_len(&sched.global) > 0) {
        task = kn_global_take(&sched.global, 1, &prio, &count);
    }
    if (worker->is_searching) {
        kn_worker_end_search(worker);
    }
    if (!task) {
        work();
    }
}

static void machine_1(void)
{
    kn_machine_self = &machines[1];
    kn_worker_self = &workers[1];
    work();
}

/* Its worker rests already: as sleep_guarding() goes on. */
static void machine_1_resting(void)
{
    struct kn_io *ready = NULL;
    kn_machine_self = &machines[1];
    sleep_guarding(&machines[1], &workers[1], /* is_folded= */ false, KN_NEVER, &ready);
    kn_worker_self = machines[1].worker;
    work();
}

/* A spare: waits for a worker. */
static void machine_2(void)
{
    kn_machine_self = &machines[2];
    while (machines[2].worker != NULL || wait_for_worker(&machines[2])) { /* ends: asleep */
        kn_worker_self = machines[2].worker;
        work();
    }
}

/* In a blocking section, and back; then works on. */
static void machine_0_with_section(void)
{
    kn_machine_self = &machines[0];
    kn_worker_self = &workers[0];
    kn_blocking_enter(kn_worker_self);
    KOKEN_CHECK(!kn_worker_self);
    struct kn_worker *worker = kn_blocking_leave(&sched);
    KOKEN_CHECK(worker->machine == &machines[0]);
    KOKEN_CHECK(machines[0].worker == worker);
    work();
}

/* ---- publishers ------------------------------------------------------------------------------ */

static void publish(unsigned n)
{
    kn_global_push(&sched.global, &tasks[n], &tasks[n], 1, KN_PRIO_NORMAL);
    if (!KN_MUTANT(21)) {
        kn_notify(&sched, 0);
    }
}

static void publish_0(void)
{
    publish(0);
}

static void publish_1(void)
{
    publish(1);
}

static void publish_2(void)
{
    publish(0);
    publish(1);
}

static void kick(void)
{
    (void)kn_or(&workers[0].nudge, KN_NUDGE_CLOCK, seq_cst); /* as kn_worker_kick() */
    kn_worker_rouse(&sched, &workers[0]);
}

static void kick_1(void)
{
    (void)kn_or(&workers[1].nudge, KN_NUDGE_CLOCK, seq_cst); /* as above */
    kn_worker_rouse(&sched, &workers[1]);
}

/* Each kick has seen to it that its worker is woken. */
static void check_claimed(void)
{
    KOKEN_CHECK(kn_load(&sched.idle.bits[0], relaxed) == 0);
    KOKEN_CHECK(kn_idle_awake(kn_load(&sched.idle.word, relaxed)) == 2);
}

/* Nothing waits for who does not come back, as long as there is another worker. */
static void check_taken(void)
{
    KOKEN_CHECK(kn_load(&sched.global.total, relaxed) == 0);
}

static void check_rest(void)
{
    uint64_t word = kn_load(&sched.idle.word, relaxed);
    uint64_t all = (UINT64_C(1) << sched.worker_count) - 1;
    KOKEN_CHECK(kn_load(&sched.global.total, relaxed) == 0); /* no wake-up was lost */
    KOKEN_CHECK(kn_idle_awake(word) == 0);
    KOKEN_CHECK(kn_idle_searching(word) == 0);
    KOKEN_CHECK(kn_load(&sched.idle.bits[0], relaxed) == all);
    KOKEN_CHECK(sched.leavers_first == NULL);
    KOKEN_CHECK(sched.orphans == NULL);
    for (unsigned i = 0; i < TASKS; i++) {
        KOKEN_CHECK(ran[i] <= 1);
    }
}

static void check_kick(void)
{
    check_rest();
    KOKEN_CHECK(kn_load(&kicks, relaxed) == 1);
}

static const struct kn_scenario scenarios[] = {
    {"1 worker, 1 task", start_1, {machine_0, publish_0}, check_rest, .may_sleep = 1},
    {"1 worker, 2 tasks",
     start_1,
     {machine_0, publish_2},
     check_rest,
     .may_sleep = 1,
     .limit = 30000},
    {"1 worker, 2 publishers",
     start_1,
     {machine_0, publish_0, publish_1},
     check_rest,
     .may_sleep = 1,
     .limit = 30000},
    {"1 worker, a kick", start_1, {machine_0, kick}, check_kick, .may_sleep = 1, .limit = 1000},
    {"1 worker, a task and a kick",
     start_1,
     {machine_0, kick, publish_0},
     check_kick,
     .may_sleep = 1,
     .limit = 1000},
    {"2 workers, one at rest, 1 task",
     start_resting,
     {machine_0, machine_1_resting, publish_0},
     check_rest,
     .may_sleep = 3,
     .limit = 20000},
    {"2 workers, 1 task",
     start_2,
     {machine_0, machine_1, publish_0},
     check_rest,
     .may_sleep = 3,
     .limit = 20000},
    {"2 workers, one at rest, a kick",
     start_resting,
     {machine_0, machine_1_resting, kick},
     check_kick,
     .may_sleep = 3,
     .limit = 20000},
    {"2 workers, one does not come back, 2 tasks",
     start_resting,
     {machine_0_stuck, machine_1_resting, publish_0, publish_1},
     check_taken,
     .may_sleep = 3,
     .limit = 20000},
    {"2 workers at rest, 2 kicks, 1 task",
     start_at_rest,
     {kick, kick_1, publish_0},
     check_claimed,
     .limit = 20000},
    {"a section, 1 worker, a spare, a kick",
     start_1,
     {machine_0_with_section, machine_2, kick},
     check_kick,
     .may_sleep = 3,
     .limit = 20000},
    {"a section, 1 worker, a spare",
     start_1,
     {machine_0_with_section, machine_2},
     check_rest,
     .may_sleep = 3,
     .limit = 20000},
    {"a section, 1 worker, a spare, 1 task",
     start_1,
     {machine_0_with_section, machine_2, publish_0},
     check_rest,
     .may_sleep = 3,
     .limit = 30000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
