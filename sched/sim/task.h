/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a run and the state of the simulator, for its own files. */
#ifndef KN_SCHED_SIM_TASK_H
#define KN_SCHED_SIM_TASK_H

#include "sched/sim/sim.h"

#ifdef KN_SIM

enum task_state { TASK_READY, TASK_WAITING, TASK_DONE };

struct task {
    unsigned id;
    enum task_state state;
    const char *waits_for; /* "futex", "mutex", "join", "files", "time": for reports */
    char name[16];
    void *sp;
    char *stack;
    const void *bottom; /* of the stack it was on when it was left, and that one's size */
    size_t size;
    void *fake_stack; /* AddressSanitizer's */
    void (*fn)(void *arg);
    void *arg;
    const void *on;       /* what it waits on: a word, a lock, a task */
    uint64_t deadline_ns; /* of the wait, KN_NEVER for none */
    uint64_t since;       /* order of waiting */
    bool is_timed_out;
    bool is_late;       /* woken, and runs only at its deadline */
    uint64_t looked_at; /* files: moves of the others when it last looked */
    uint32_t priority;  /* PCT */
    uint64_t spins;     /* PCT: points since it last waited */
    unsigned char locals[SIM_LOCALS_MAX];
};

/* The run under way. One at a time, on one thread of the system: no field is shared. */
struct sim {
    const struct sim_plan *plan;
    struct sim_result *result;
    struct task tasks[SIM_TASKS_MAX];
    unsigned task_count;
    struct task *running;
    void *root_sp;
    uint64_t rng;      /* the schedule's */
    uint64_t user_rng; /* the scenario's */
    uint64_t base_ns, tick_ns, leapt_ns, grain_ns;
    uint64_t waits; /* numbers for `since` */
    uint64_t moves; /* turns of tasks that do not wait for files */
    uint64_t questions;
    uint64_t hash;
    /* What the seed has drawn. */
    enum koken_sim_strategy strategy;
    uint32_t mean_gap;
    uint32_t rate[KN_FAULT_COUNT_]; /* one in so many questions; 0: never */
    uint64_t change_at[SIM_DEPTH_MAX];
    unsigned changes, next_change;
    uint32_t lowest; /* PCT: the next lower priority */
    uint32_t replayed, replayed_faults;
    struct task *stepper; /* waits for the step `step_at`, or NULL */
    uint64_t step_at;
    uint64_t usual_next;     /* when the strategy wants to be asked, whoever waits for a step */
    uint64_t branch_stride;  /* > 0: at `step_at`, and so many steps on, a branch leaves the run */
    struct sim_result *told; /* of the run that this branch has left; NULL: not in a branch */
    int (*scenario)(void *arg);
    void *scenario_arg;
    int scenario_rc;
    bool is_over;
};

extern struct sim *kn_sim; /* NULL: none is under way */

/* task.c */
struct task *sim_task_new(struct sim *sim, const char *name, void (*fn)(void *), void *arg);
void sim_switch_to(struct sim *sim, struct task *next);
void sim_enter_first(struct task *first, void **root_sp); /* returns when sim_leave() is called */
void sim_leave(struct sim *sim); /* from a task for good, back to sim_once() */
void sim_wait(struct sim *sim, const char *what, const void *on, uint64_t deadline_ns);
void sim_wait_step(struct sim *sim, uint64_t step);
void sim_wake(struct sim *sim, struct task *task);
void sim_wake_due(struct sim *sim);
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_now(const struct sim *sim);

/* choose.c */
void sim_choose_init(struct sim *sim);
void sim_point(void *self, bool is_pause);
void sim_yield_now(struct sim *sim);
struct task *sim_choose_blocked(struct sim *sim);
uint64_t sim_ask(void *self, enum kn_fault kind);

/* branch.c */
bool sim_branch(struct sim *sim);     /* at its step: true in the branch, false when that is over */
void sim_branch_end(struct sim *sim); /* of the process, in a branch; else nothing */

/* story.c */
void sim_tell(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_mix(struct sim *sim, uint64_t value);

#endif

#endif
