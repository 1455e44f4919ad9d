/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: their stacks, waiting and waking, and the end of time. */
#include "sched/sim/task.h"

#ifdef KN_SIM

#include "base/assert.h"
#include "base/platform/switch.h"
#include "caps/poison.h"
#include "sched/fiber.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { STACK_BYTES = 256 * 1024, GUARD_BYTES = 4096 };

/* Stacks are kept from run to run. */
static char *free_stacks[SIM_TASKS_MAX];
static unsigned free_stack_count;

static char *take_stack(void)
{
    KN_ASSERT(free_stack_count <= SIM_TASKS_MAX);
    if (free_stack_count > 0) {
        return free_stacks[--free_stack_count];
    }
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) {
        return NULL;
    }
    (void)mprotect(stack, GUARD_BYTES, PROT_NONE);
    return stack;
}

/* ---- what AddressSanitizer is told -------------------------------------------------------------- */

#ifdef KN_ASAN

#include <sanitizer/common_interface_defs.h>

static const void *root_bottom;
static size_t root_size;

/* The stack that the running task is on: its own, or that of the fiber that it resumes. */
static void note_stack(struct task *task)
{
    const struct kn_fiber *fiber = kn_fiber_current();
    task->bottom = fiber != NULL ? fiber->stack->low : task->stack;
    task->size = fiber != NULL ? (size_t)(fiber->stack->top - fiber->stack->low) : STACK_BYTES;
}

static void leave_for(struct task *from, const void *bottom, size_t size)
{
    __sanitizer_start_switch_fiber(from != NULL ? &from->fake_stack : NULL, bottom, size);
}

static void arrive(const struct task *task, bool is_first)
{
    bool is_root = is_first && task->id == 0;
    __sanitizer_finish_switch_fiber(is_first ? NULL : task->fake_stack,
                                    is_root ? &root_bottom : NULL, is_root ? &root_size : NULL);
}

void sim_enter_first(struct task *first, void **root_sp)
{
    void *fake;
    __sanitizer_start_switch_fiber(&fake, first->stack, STACK_BYTES);
    kn_switch(root_sp, first->sp);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

#else

static const void *const root_bottom;
static const size_t root_size;

static void note_stack(struct task *task)
{
    (void)task;
}

static void leave_for(struct task *from, const void *bottom, size_t size)
{
    (void)from;
    (void)bottom;
    (void)size;
}

static void arrive(const struct task *task, bool is_first)
{
    (void)task;
    (void)is_first;
}

void sim_enter_first(struct task *first, void **root_sp)
{
    kn_switch(root_sp, first->sp);
}

#endif

/* ---- thread-local variables ---------------------------------------------------------------- */

extern const struct kn_sim_local __start_kn_sim_locals[], __stop_kn_sim_locals[];

/* Puts the running task's values aside, or (is_back) in place. */
static void swap_locals(struct task *task, bool is_back)
{
    unsigned char *at = task->locals;
    for (const struct kn_sim_local *l = __start_kn_sim_locals; l < __stop_kn_sim_locals; l++) {
        KOKEN_CHECK(at + l->size <= task->locals + sizeof task->locals);
        if (is_back) {
            memcpy(l->where(), at, l->size);
        } else {
            memcpy(at, l->where(), l->size);
        }
        at += l->size;
    }
}

/* ---- tasks --------------------------------------------------------------------------------- */

static void task_main(void *arg)
{
    struct task *task = arg;
    struct sim *sim = kn_sim;
    arrive(task, /* is_first= */ true);
    KN_ASSERT(sim->running == task);
    task->fn(task->arg);
    sim_tell(sim, "ends");
    KN_ASSERT(sim->running == task);
    KN_ASSERT(free_stack_count < SIM_TASKS_MAX);
    task->state = TASK_DONE;
    free_stacks[free_stack_count++] = task->stack; /* nobody takes one before we have left it */
    for (unsigned i = 0; i < sim->task_count; i++) {
        if (sim->tasks[i].state == TASK_WAITING && sim->tasks[i].on == task) {
            sim_wake(sim, &sim->tasks[i]);
        }
    }
    if (task->id == 0) {
        sim_leave(sim);
    }
    KN_ASSERT(task->id != 0);
    sim_switch_to(sim, sim_choose_blocked(sim));
    __builtin_unreachable(); /* a task that is done is never chosen */
}

struct task *sim_task_new(struct sim *sim, const char *name, void (*fn)(void *), void *arg)
{
    KN_ASSERT(fn != NULL);
    KN_ASSERT(sim->task_count <= SIM_TASKS_MAX);
    if (sim->task_count == SIM_TASKS_MAX) {
        return NULL;
    }
    struct task *task = &sim->tasks[sim->task_count];
    memset(task, 0, sizeof *task);
    task->stack = take_stack();
    if (task->stack == NULL) {
        return NULL;
    }
    task->id = sim->task_count++;
    task->fn = fn;
    task->arg = arg;
    task->deadline_ns = KN_NEVER;
    (void)snprintf(task->name, sizeof task->name, "%s", name);
    kn_asan_unpoison(task->stack, STACK_BYTES); /* as the last task left it */
    task->bottom = task->stack;
    task->size = STACK_BYTES;
    task->sp = kn_switch_prepare(task->stack + STACK_BYTES, task_main, task);
    task->priority = (uint32_t)(kn_random(&sim->rng) >> 33) | UINT32_C(1) << 31;
    return task;
}

void sim_switch_to(struct sim *sim, struct task *next)
{
    struct task *from = sim->running;
    if (next == from) {
        return;
    }
    KOKEN_CHECK(next->state == TASK_READY);
    KN_ASSERT(next->stack != NULL);

    sim->result->switches++;
    sim_mix(sim, kn_sim_steps.now << 8 | next->id);
    note_stack(from);
    swap_locals(from, /* is_back= */ false);
    sim->running = next;
    sim_tell(sim, "goes on");
    swap_locals(next, /* is_back= */ true);
    leave_for(from->state == TASK_DONE ? NULL : from, next->bottom, next->size);
    kn_switch(&from->sp, next->sp);
    arrive(from, /* is_first= */ false);
}

void sim_leave(struct sim *sim)
{
    void *nobody;
    KN_ASSERT(sim->root_sp != NULL);
    KN_ASSERT(!sim->is_over);
    kn_sim_steps.is_on = false;
    sim->is_over = true;
    leave_for(NULL, root_bottom, root_size);
    kn_switch(&nobody, sim->root_sp);
    __builtin_unreachable(); /* nobody has nobody's stack pointer */
}

/* ---- waiting ------------------------------------------------------------------------------- */

uint64_t sim_now(const struct sim *sim)
{
    KN_ASSERT(sim->grain_ns > 0);
    KN_ASSERT(sim->tick_ns > 0);
    uint64_t now = sim->base_ns + sim->leapt_ns + kn_sim_steps.now * sim->tick_ns;
    return now - now % sim->grain_ns;
}

void sim_wake(struct sim *sim, struct task *task)
{
    KOKEN_CHECK(task->state == TASK_WAITING);
    KN_ASSERT(task != sim->running);
    uint64_t late = task->is_late ? 0 : sim_ask(sim, KN_FAULT_LATE_WAKE);
    if (late != 0) {
        task->is_late = true;
        task->on = NULL;
        task->waits_for = "time";
        task->deadline_ns = sim_now(sim) + late;
        return;
    }
    task->state = TASK_READY;
    task->on = NULL;
    if (sim->strategy == KOKEN_SIM_PCT) {
        kn_sim_steps.next = 0; /* it may have the higher priority */
    }
}

void sim_wake_due(struct sim *sim)
{
    uint64_t now = sim_now(sim);
    for (unsigned i = 0; i < sim->task_count; i++) {
        struct task *task = &sim->tasks[i];
        if (task->state == TASK_WAITING && task->deadline_ns <= now) {
            task->is_timed_out = !task->is_late;
            task->state = TASK_READY;
            task->on = NULL;
        }
    }
}

void sim_wait(struct sim *sim, const char *what, const void *on, uint64_t deadline_ns)
{
    struct task *self = sim->running;
    KN_ASSERT(self->state == TASK_READY);
    KN_ASSERT(deadline_ns != KN_NEVER || on != NULL || self->looked_at != 0);
    kn_sim_steps.now++;
    self->state = TASK_WAITING;
    self->waits_for = what;
    self->on = on;
    self->deadline_ns = deadline_ns;
    self->since = sim->waits++;
    self->is_timed_out = false;
    self->is_late = false;
    self->spins = 0;
    sim_tell(sim, "waits for %s", what);
    sim_switch_to(sim, sim_choose_blocked(sim));
    KOKEN_CHECK(self->state == TASK_READY);
    KN_ASSERT(sim->running == self);
    KN_ASSERT(self->on == NULL);
    self->deadline_ns = KN_NEVER;
}

void sim_wait_step(struct sim *sim, uint64_t step)
{
    KN_ASSERT(sim->stepper == NULL);
    sim->stepper = sim->running;
    sim->step_at = step;
    sim_wait(sim, "step", &sim->step_at, KN_NEVER);
}

/* ---- the end of a run that fails ------------------------------------------------------------ */

static void list_tasks(const struct sim *sim, char *text, size_t size)
{
    size_t len = strlen(text);
    for (unsigned i = 0; i < sim->task_count && len + 1 < size; i++) {
        const struct task *t = &sim->tasks[i];
        if (t->state == TASK_DONE) {
            continue;
        }
        int n = snprintf(text + len, size - len, "\n    thread %u %s: %s %s", t->id, t->name,
                         t->state == TASK_READY ? "ready" : "waits for",
                         t->state == TASK_READY ? "" : t->waits_for);
        len += n > 0 ? (size_t)n : 0;
    }
}

/* What the agents wait for. Nobody runs meanwhile: the accesses of the look are no points. */
static void list_agents(char *text, size_t size)
{
    bool was_on = kn_sim_steps.is_on;
    size_t len = strlen(text);
    kn_sim_steps.is_on = false;
    (void)kn_world_explain(text + len, size - len);
    kn_sim_steps.is_on = was_on;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    struct sim_result *result = sim->result;
    if (!result->has_failed) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(result->what, sizeof result->what, format, args);
        va_end(args);
        sim_tell(sim, "%s", result->what);
        list_tasks(sim, result->what, sizeof result->what);
        list_agents(result->what, sizeof result->what);
        result->has_failed = true;
    }
    if (kn_sim_steps.is_on) {
        sim_leave(sim);
    }
}

#endif
