/* SPDX-License-Identifier: Apache-2.0 */
/* One run: the world's table, from the first task to the last. */
#include "sched/sim/task.h"

#ifdef KN_SIM

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

struct sim *kn_sim;

bool sim_is_running(void)
{
    return kn_sim != NULL && kn_sim_steps.is_on;
}

/* ---- the table ----------------------------------------------------------------------------- */

static uint64_t world_now(void *self)
{
    struct sim *sim = self;
    kn_point();
    sim->leapt_ns += sim_ask(sim, KN_FAULT_CLOCK_JUMP);
    return sim_now(sim);
}

static uint64_t world_entropy(void *self)
{
    return kn_random(&((struct sim *)self)->user_rng);
}

static int world_thread_start(void *self, struct kn_thread *thread, const char *name,
                              void (*fn)(void *), void *arg)
{
    struct sim *sim = self;
    kn_point();
    struct task *task =
        sim_ask(sim, KN_FAULT_THREAD) != 0 ? NULL : sim_task_new(sim, name, fn, arg);
    if (task == NULL) {
        return -EAGAIN;
    }
    thread->handle = task;
    if (sim->strategy == KOKEN_SIM_PCT) {
        kn_sim_steps.next = 0;
    }
    return 0;
}

static void world_thread_join(void *self, struct kn_thread *thread)
{
    struct sim *sim = self;
    struct task *task = thread->handle;
    KN_ASSERT(task != NULL);
    KN_ASSERT(task != sim->running);
    kn_point();
    while (task->state != TASK_DONE) { /* ends: it ends, or the run fails */
        sim_wait(sim, "join", task, KN_NEVER);
    }
    thread->handle = NULL;
}

static void world_thread_yield(void *self)
{
    sim_point(self, /* is_pause= */ true);
}

static int world_futex_wait(void *self, kn_atomic(uint32_t) *word, uint32_t expected,
                            uint64_t deadline_ns)
{
    struct sim *sim = self;
    kn_point();
    if (atomic_load_explicit(word, memory_order_seq_cst) != expected) { /* seam: no point between */
        return 0;
    }
    if (sim_now(sim) >= deadline_ns) {
        return -ETIMEDOUT;
    }
    if (sim_ask(sim, KN_FAULT_SPURIOUS) != 0) {
        return 0;
    }
    sim_wait(sim, "futex", word, deadline_ns);
    return sim->running->is_timed_out ? -ETIMEDOUT : 0;
}

/* Wakes at most count of those who wait on something, the longest waiting first. */
static void wake_on(struct sim *sim, const void *on, uint32_t count)
{
    sim_wake_due(sim); /* as a timeout that has come would have been before this */
    for (; count > 0; count--) {
        struct task *first = NULL;
        for (unsigned i = 0; i < sim->task_count; i++) {
            struct task *t = &sim->tasks[i];
            if (t->state == TASK_WAITING && t->on == on &&
                (first == NULL || t->since < first->since)) {
                first = t;
            }
        }
        if (first == NULL) {
            return;
        }
        sim_wake(sim, first);
    }
}

static void world_futex_wake(void *self, kn_atomic(uint32_t) *word, uint32_t count)
{
    kn_point();
    wake_on(self, word, count);
}

static void world_lock_wait(void *self, const void *lock)
{
    KN_ASSERT(lock != NULL);
    sim_wait(self, "mutex", lock, KN_NEVER);
}

static void world_lock_wake(void *self, const void *lock)
{
    wake_on(self, lock, 1);
}

static int world_io_wait(void *self, uint64_t deadline_ns)
{
    struct sim *sim = self;
    if (sim_now(sim) >= deadline_ns) {
        return -ETIMEDOUT;
    }
    KN_ASSERT(sim->running->looked_at == 0);
    sim->running->looked_at = sim->moves;
    sim_wait(sim, "files", NULL, deadline_ns);
    sim->running->looked_at = 0;
    return sim->running->is_timed_out ? -ETIMEDOUT : 0;
}

static uint64_t world_fault(void *self, enum kn_fault kind)
{
    struct sim *sim = self;
    uint64_t value = sim_ask(sim, kind);
    if (kind == KN_FAULT_SLOW && value != 0) {
        sim_wait(sim, "time", NULL, sim_now(sim) + value);
    }
    return value;
}

static void world_note(void *self, const char *what, const char *name, uint64_t a, uint64_t b)
{
    struct sim *sim = self;
    KN_ASSERT(what != NULL);
    KN_ASSERT(name != NULL);
    for (const char *c = what; *c; c++) {
        sim_mix(sim, (unsigned char)*c);
    }
    sim_mix(sim, a);
    sim_mix(sim, b);
    sim_tell(sim, "%s %s %llu %llu", what, name, (unsigned long long)a, (unsigned long long)b);
}

static void world_panic(void *self, const char *what, const char *file, int line)
{
    if (kn_sim_steps.is_on) {
        sim_fail(self, "%s:%d: %s", file, line, what);
    }
}

static unsigned world_cpus(void *self)
{
    return ((struct sim *)self)->plan->cpus;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void first_main(void *arg)
{
    struct sim *sim = arg;
    sim->scenario_rc = sim->scenario(sim->scenario_arg);
    kn_sim_steps.now++;
    for (unsigned i = 1; i < sim->task_count; i++) {
        if (sim->tasks[i].state != TASK_DONE) {
            sim_fail(sim, "the scenario has ended, and a thread has not");
        }
    }
}

static void check_end(struct sim *sim, uint64_t live_before)
{
    if (!sim->result->has_failed && sim->scenario_rc != 0) {
        sim_fail(sim, "the scenario answered %d (%s)", sim->scenario_rc,
                 koken_errname(sim->scenario_rc));
    }
#ifdef KN_DEBUG
    uint64_t live = kn_alloc_live();
    if (!sim->result->has_failed && live != live_before) {
        sim_fail(sim, "%lld bytes are left behind", (long long)(live - live_before));
    }
#else
    (void)live_before;
#endif
}

static uint64_t live_bytes(void)
{
#ifdef KN_DEBUG
    return kn_alloc_live();
#else
    return 0;
#endif
}

extern const struct kn_sim_global __start_kn_sim_globals[], __stop_kn_sim_globals[];

/* Puts the process's variables back to what they were before the first run. */
static void restore_globals(void)
{
    static unsigned char first[256];
    static bool is_taken;
    unsigned char *at = first;
    for (const struct kn_sim_global *g = __start_kn_sim_globals; g < __stop_kn_sim_globals; g++) {
        KOKEN_CHECK(at + g->size <= first + sizeof first);
        if (is_taken) {
            memcpy(g->where, at, g->size);
        } else {
            memcpy(at, g->where, g->size);
        }
        at += g->size;
    }
    is_taken = true;
}

int sim_once(const struct sim_plan *plan, int (*scenario)(void *arg), void *arg,
             struct sim_result *result)
{
    static struct sim sim;
    KN_ASSERT(kn_sim == NULL);
    KN_ASSERT(!kn_sim_steps.is_on);
    struct kn_world world = {
        .self = &sim,
        .now = world_now,
        .entropy = world_entropy,
        .thread_start = world_thread_start,
        .thread_join = world_thread_join,
        .thread_yield = world_thread_yield,
        .futex_wait = world_futex_wait,
        .futex_wake = world_futex_wake,
        .point = sim_point,
        .fault = world_fault,
        .lock_wait = world_lock_wait,
        .lock_wake = world_lock_wake,
        .io_wait = world_io_wait,
        .note = world_note,
        .panic = world_panic,
        .cpus = world_cpus,
    };
    sim.plan = plan;
    sim.result = result;
    sim.task_count = 0;
    sim.rng = kn_random_seed(plan->seed);
    sim.user_rng = kn_random_seed(plan->seed ^ UINT64_C(0x6b6f6b656e));
    sim.leapt_ns = sim.waits = sim.questions = sim.hash = 0;
    sim.moves = 1;
    sim.next_change = 0;
    sim.stepper = NULL;
    sim.told = NULL;
    sim.branch_stride = 0;
    sim.replayed = sim.replayed_faults = 0;
    sim.scenario = scenario;
    sim.scenario_arg = arg;
    sim.is_over = false;
    result->seed = plan->seed;
    result->choice_count = result->line_count = 0;
    result->has_failed = result->has_missed = false;
    result->switches = 0;
    result->what[0] = '\0';
    sim_choose_init(&sim);
    restore_globals();

    uint64_t live_before = live_bytes();
    struct task *first = sim_task_new(&sim, "scenario", first_main, &sim);
    if (first == NULL) {
        return -ENOMEM;
    }
    kn_sim = &sim;
    kn_sim_steps = (struct kn_sim_steps){.is_on = true, .now = 0, .next = 1};
    sim.running = first;
    kn_world_install(&world);
    sim_enter_first(first, &sim.root_sp);
    kn_world_install(NULL);
    KOKEN_CHECK(sim.is_over);
    KN_ASSERT(!kn_sim_steps.is_on);
    KN_ASSERT(result->choice_count <= SIM_CHOICES_MAX);
    check_end(&sim, live_before);
    sim_branch_end(&sim);
    kn_sim = NULL;
    sim_mix(&sim, kn_sim_steps.now);
    result->hash = sim.hash;
    result->order_sum += sim.hash;
    result->steps = kn_sim_steps.now;
    result->total_steps += kn_sim_steps.now;
    result->time_ns = sim_now(&sim) - sim.base_ns;
    return result->has_failed ? -ECANCELED : 0;
}

/* ---- what scenarios call ------------------------------------------------------------------- */

void koken_sim_fail(const char *why, const char *file, int line)
{
    kn_panic(why, file, line); /* which is the simulator's, inside a run */
}

uint64_t koken_sim_random(uint64_t limit)
{
    return sim_is_running() && limit > 0 ? kn_random(&kn_sim->user_rng) % limit : 0;
}

bool koken_sim_chance(void)
{
    return sim_is_running() && sim_ask(kn_sim, KN_FAULT_CHANCE) != 0;
}

unsigned koken_sim_faults(void)
{
    unsigned kinds = 0;
    for (unsigned i = 0; sim_is_running() && i < KN_FAULT_COUNT_; i++) {
        kinds |= (unsigned)(kn_sim->rate[i] != 0) << i;
    }
    return kinds;
}

void koken_sim_note(const char *text, uint64_t number)
{
    kn_note(text, "", number, 0);
}

bool sim_scenario_waits(void)
{
    return sim_is_running() && kn_sim->tasks[0].state == TASK_WAITING;
}

void sim_sleep_until_step(uint64_t step)
{
    if (sim_is_running()) {
        sim_wait_step(kn_sim, step);
    }
}

void koken_sim_sleep(uint64_t ns)
{
    if (sim_is_running()) {
        sim_wait(kn_sim, "time", NULL, sim_now(kn_sim) + ns);
    }
}

int koken_sim_thread(void (*fn)(void *arg), void *arg, unsigned *ret_number)
{
    if (!sim_is_running()) {
        return -ENOTSUP;
    }
    struct task *task = sim_task_new(kn_sim, "outside", fn, arg);
    if (task == NULL) {
        return -EAGAIN;
    }
    *ret_number = task->id;
    return 0;
}

void koken_sim_join(unsigned number)
{
    if (sim_is_running()) {
        struct kn_thread thread = {.handle = &kn_sim->tasks[number]};
        world_thread_join(kn_sim, &thread);
    }
}

#else

#include "base/assert.h"
#include <errno.h>

/* The library without the simulator: nothing is a run. */

void koken_sim_fail(const char *why, const char *file, int line)
{
    kn_panic(why, file, line);
}

uint64_t koken_sim_random(uint64_t limit)
{
    (void)limit;
    return 0;
}

bool koken_sim_chance(void)
{
    return false;
}

unsigned koken_sim_faults(void)
{
    return 0;
}

void koken_sim_note(const char *text, uint64_t number)
{
    (void)text;
    (void)number;
}

void koken_sim_sleep(uint64_t ns)
{
    (void)ns;
}

int koken_sim_thread(void (*fn)(void *arg), void *arg, unsigned *ret_number)
{
    (void)fn;
    (void)arg;
    (void)ret_number;
    return -ENOTSUP;
}

void koken_sim_join(unsigned number)
{
    (void)number;
}

#endif

bool koken_sim_is_running(void)
{
#ifdef KN_SIM
    return sim_is_running();
#else
    return false;
#endif
}
