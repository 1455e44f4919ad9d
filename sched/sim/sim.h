/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: the whole runtime on one thread of the system, under a seed. Private to sched/sim/.
 *
 * A task is a thread of the runtime (or of the scenario), on a stack of its own. At each point (base/
 * atomic_sim.h) and at each call of the world the plan may let another task go on. Time is the number of
 * points passed, and jumps to the next deadline when every task sleeps; if there is none, that is a
 * deadlock.
 *
 *     READY --chosen--> running --futex, mutex, join, files--> WAITING --wake, deadline--> READY
 *                          |
 *                          +--fn returns--> DONE
 *
 * A choice that is not the standard one (go on; or, when the running task has to wait, the next by number)
 * is written down with the number of its step, and so is each misfortune. That list is the schedule: run
 * again with it, and with parts of it to find the part that matters.
 */
#ifndef KN_SCHED_SIM_SIM_H
#define KN_SCHED_SIM_SIM_H

#include "base/world.h"
#include <koken/sim.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef KN_SIM

enum {
    SIM_TASKS_MAX = 64,
    SIM_LOCALS_MAX = 128, /* bytes of thread-local variables of a task */
    SIM_CHOICES_MAX = 1 << 16,
    SIM_LINES_MAX = 64,
    SIM_LINE_MAX = 120,
    SIM_WHAT_MAX = 2048,
    SIM_DEPTH_MAX = 16,
    SIM_HANG_SECONDS = 60,  /* a process that takes so long over a run, or 64 of them, hangs */
    SIM_NTH_READY = 0x8000, /* in a choice's task: not a number, but the n-th that is ready */
};

/* What differs from the standard at a step: another task, or (fault) a misfortune at a question. */
struct sim_choice {
    uint64_t at;    /* step; or number of the question */
    uint64_t value; /* of a misfortune; or how long the interrupted task is stalled, ns */
    uint16_t task;
    uint8_t is_fault;
    uint8_t kind; /* enum kn_fault */
};

/* How a run is to choose. */
struct sim_plan {
    uint64_t seed;
    enum koken_sim_strategy strategy;
    unsigned depth;
    uint32_t faults; /* bit per enum kn_fault that may come */
    unsigned cpus;
    uint64_t steps_max;
    uint64_t length; /* steps of a usual run, for PCT */
    /* Replay: these and nothing else. Also the way in for the exhaustive search. */
    const struct sim_choice *choices;
    uint32_t choice_count;
    bool is_replay;
    bool is_told; /* keep the last lines of the story */
    void (*trace)(void *arg, const char *line);
    void *trace_arg;
};

/* What came of it. Lies in memory shared with the process that runs it. */
struct sim_result {
    uint64_t seed; /* under way, or the last */
    uint64_t done; /* runs that have ended well */
    uint64_t hash, steps, switches, time_ns;
    uint64_t total_steps;
    uint64_t faults[KN_FAULT_COUNT_]; /* of all runs */
    uint64_t order_sum;               /* sum of hashes: the same for the same seeds */
    uint64_t waits, wait_worst;       /* fair.c: how many; of the bound, in thousandths */
    bool has_failed;
    bool has_missed; /* a choice of the plan named a task that could not run */
    char what[SIM_WHAT_MAX];
    uint32_t choice_count;
    struct sim_choice choices[SIM_CHOICES_MAX];
    uint32_t line_count; /* ever; the last SIM_LINES_MAX are kept */
    char lines[SIM_LINES_MAX][SIM_LINE_MAX];
};

/* One run, in this process. 0, or -ECANCELED: it failed, and the process is not to be used any more. */
int sim_once(const struct sim_plan *plan, int (*scenario)(void *arg), void *arg,
             struct sim_result *result);

/* Whether a simulation is under way. */
bool sim_is_running(void);

/* Whether the thread that runs the scenario waits for something. For tests that stop it there. */
bool sim_scenario_waits(void);

/*
 * Lets the calling thread sleep until the run has taken that many steps, and then go on at once, whatever the
 * strategy; or when nobody else can. One thread at a time. For tests that do something at each step.
 */
void sim_sleep_until_step(uint64_t step);

/*
 * The same at each stride-th step from that one on, each time in a process of its own (branch.c): a branch goes on from
 * its step to the end of the scenario, and its failure is the run's. Returns the step in a branch; 0 in the run that
 * they leave, which goes on as if nobody had slept, when nobody else can go on. For scenarios without files.
 */
uint64_t sim_branch_at_steps(uint64_t from, uint64_t stride);

/* The name of a misfortune, for reports. */
const char *sim_fault_name(unsigned kind);

/* The smallest part of the failing schedule that fails still; rewrites result. */
void sim_shrink(const struct sim_plan *plan, int (*scenario)(void *arg), void *arg,
                struct sim_result *result, unsigned tries);

/* A run in a process of its own. True: it failed. */
bool sim_apart(const struct sim_plan *plan, int (*scenario)(void *arg), void *arg,
               struct sim_result *result);

#endif

#endif
