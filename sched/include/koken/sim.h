/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: a program's agents and the whole runtime beneath them on one thread, under a seed. Link
 * koken::sim (libkoken-sim.a) instead of koken::koken; the code is the same.
 *
 * A scenario is a function that starts a runtime, has its agents do something, checks what came of it, and
 * stops the runtime. koken_sim_run() calls it once per seed: threads, clock, waiting, random numbers and
 * memory are the simulator's, threads are interrupted between any two atomic accesses, time is virtual and
 * jumps when everybody sleeps. The same seed gives the same run, byte for byte. A run fails when the
 * scenario answers other than 0 or calls koken_sim_fail(), when an assertion of the library or a signal ends
 * it, when every thread waits and nothing can come (a deadlock), when it does not end within a number of
 * steps, or when it leaves threads or memory behind. What fails is shrunk to the few interruptions and
 * misfortunes that matter, and told. The report of a failure names, besides the threads, each agent and thread
 * outside that waits, and for whom or what: the answer of an agent to which request, room at an agent, a message, an
 * item of or room in a channel, a future, a file, time. Channels and futures have numbers there, as nobody is
 * known to serve them; an idle agent is not named. A circle of agents that wait for each other is a deadlock of the
 * run if the scenario waits for one of them without a deadline; koken_drain() and koken_stop() do not.
 *
 * What it cannot see: memory orders weaker than sequential consistency, and data races between atomic
 * accesses; real files beyond pipes and sockets inside the scenario; what the program does with threads,
 * clocks and locks other than the library's.
 */
#ifndef KOKEN_SIM_H
#define KOKEN_SIM_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the next thread is chosen. MIXED draws one of RANDOM and PCT, and its numbers, from the seed. */
enum koken_sim_strategy {
    KOKEN_SIM_MIXED,
    KOKEN_SIM_RANDOM,     /* any, after a random number of steps */
    KOKEN_SIM_PCT,        /* the highest of random priorities, lowered at depth - 1 random steps */
    KOKEN_SIM_EXHAUSTIVE, /* all schedules with at most depth interruptions, one after the other */
};

/* Misfortunes, for koken_sim_options.faults. Each seed takes some of those allowed, and how often. */
enum koken_sim_fault {
    KOKEN_SIM_ALLOC = 1 << 0,        /* an allocation finds no memory */
    KOKEN_SIM_THREAD = 1 << 1,       /* a thread cannot be started */
    KOKEN_SIM_SPURIOUS = 1 << 2,     /* a wait ends for no reason */
    KOKEN_SIM_LATE_WAKE = 1 << 3,    /* a woken thread takes long to run */
    KOKEN_SIM_CLOCK_JUMP = 1 << 4,   /* the clock leaps ahead */
    KOKEN_SIM_CLOCK_COARSE = 1 << 5, /* the clock moves in large steps */
    KOKEN_SIM_STALL = 1 << 6,        /* a thread stops for long, anywhere */
    KOKEN_SIM_STEAL = 1 << 7,        /* a thief finds nothing */
    KOKEN_SIM_FULL = 1 << 8,         /* a mailbox has room for one message */
    KOKEN_SIM_HANDLER = 1 << 9,      /* a handler fails */
    KOKEN_SIM_SLOW = 1 << 10,        /* a handler takes long */
    KOKEN_SIM_TIMER_LATE = 1 << 11,  /* a sleep with a deadline is too long */
    KOKEN_SIM_IO = 1 << 12,          /* a wait for files is interrupted */
    KOKEN_SIM_WEAK = 1 << 13,        /* a weak compare and swap fails for no reason */
    KOKEN_SIM_WRAP = 1 << 14,        /* counters begin just before they wrap */
    KOKEN_SIM_CHANCE = 1 << 15,      /* koken_sim_chance() answers true */
    KOKEN_SIM_ALL = (1 << 16) - 1,
    /* All that a runtime takes without its program noticing more than time. */
    KOKEN_SIM_MILD = KOKEN_SIM_SPURIOUS | KOKEN_SIM_LATE_WAKE | KOKEN_SIM_CLOCK_JUMP |
                     KOKEN_SIM_CLOCK_COARSE | KOKEN_SIM_STALL | KOKEN_SIM_STEAL | KOKEN_SIM_SLOW |
                     KOKEN_SIM_TIMER_LATE | KOKEN_SIM_IO | KOKEN_SIM_WEAK | KOKEN_SIM_WRAP,
};

/* Zero is the default of every field. */
struct koken_sim_options {
    size_t struct_size;               /* 0: that of this header */
    uint64_t seed;                    /* the first one; 0: 1 */
    uint64_t seeds;                   /* how many, one after the other; 0: 1000 */
    enum koken_sim_strategy strategy; /* default MIXED */
    unsigned depth;                   /* of PCT (0: 3), or interruptions of EXHAUSTIVE (0: 1) */
    unsigned faults;                  /* KOKEN_SIM_* that may come; 0: none */
    unsigned cpus;                    /* of the simulated machine; 0: 1 to 4, by the seed */
    uint64_t steps_max;               /* of a run, beyond which it counts as hung; 0: 2 000 000 */
    unsigned shrink;                  /* runs spent on shrinking; 0: 300 */
    bool no_shrink;
    bool no_fork; /* run in this process, for a debugger: what fails aborts, nothing is shrunk */
    bool twice;   /* every seed a second time; a difference is a failure */
    void (*progress)(void *arg, uint64_t done); /* called now and then */
    void *progress_arg;
    void (*trace)(void *arg, const char *line); /* with no_fork: every line of the story */
    void *trace_arg;
};

enum { KOKEN_SIM_TEXT_MAX = 8192 };

/* What came of koken_sim_run(). */
struct koken_sim_report {
    uint64_t seeds;    /* that were run */
    uint64_t seed;     /* that failed, or the last */
    uint64_t steps;    /* of all runs */
    uint64_t hash;     /* of the last run's trace */
    uint64_t hash_sum; /* of all */
    uint64_t distinct; /* different traces among the first 4096 */
    uint64_t faults;   /* misfortunes of all runs */
    unsigned kinds;    /* bit per kind of which there was one */
    bool has_failed;
    uint64_t waits;      /* of agents that were ready, until they ran or came to another queue */
    uint64_t wait_worst; /* the longest, in thousandths of the bound that holds for it */
    char text[KOKEN_SIM_TEXT_MAX]; /* of a failure: what, how to repeat it, and the story */
};

/*
 * koken_sim_run runs the scenario once per seed, until one fails. Thread: of a process that has no other
 * thread. Errors: -ECANCELED a seed failed, the report says which; -EINVAL; -ENOMEM; -ENOTSUP the program is
 * linked with a library without the simulator, or is already inside. Cost: some milliseconds per seed.
 */
KOKEN_API KOKEN_MUST_USE int koken_sim_run(int (*scenario)(void *arg), void *arg,
                                           const struct koken_sim_options *options,
                                           struct koken_sim_report *ret_report);

/* koken_sim_is_running tells whether the caller is inside a run: false in every other program. */
KOKEN_API bool koken_sim_is_running(void);

/* koken_sim_fail ends the run as failed, and does not return. Outside of a run it aborts the process. */
KOKEN_API void koken_sim_fail(const char *why, const char *file, int line);

/* KOKEN_SIM_CHECK fails the run unless the condition holds. */
#define KOKEN_SIM_CHECK(condition)                                                                 \
    ((condition) ? (void)0 : koken_sim_fail(#condition, __FILE__, __LINE__))

/* koken_sim_random draws a number below limit from the run's seed. Outside of a run: 0. */
KOKEN_API uint64_t koken_sim_random(uint64_t limit);

/*
 * koken_sim_chance is true now and then, if the seed has drawn KOKEN_SIM_CHANCE: for misfortunes of the
 * program's own, left in its code. Outside of a run it is false.
 */
KOKEN_API bool koken_sim_chance(void);

/* koken_sim_faults tells which misfortunes this run may meet, KOKEN_SIM_*. Outside of a run: 0. */
KOKEN_API unsigned koken_sim_faults(void);

/* koken_sim_note puts a line into the story and the trace. It must not hold addresses. */
KOKEN_API void koken_sim_note(const char *text, uint64_t number);

/* koken_sim_sleep lets virtual time pass for the calling thread. Thread: none of a runtime. */
KOKEN_API void koken_sim_sleep(uint64_t ns);

/*
 * koken_sim_thread starts a simulated thread outside of every runtime, which runs fn(arg). The scenario
 * joins it by its number. Errors: -EAGAIN no thread; -ENOTSUP outside of a run.
 */
KOKEN_API KOKEN_MUST_USE int koken_sim_thread(void (*fn)(void *arg), void *arg,
                                              unsigned *ret_number);

/* koken_sim_join waits until that thread's function has returned. */
KOKEN_API void koken_sim_join(unsigned number);

#ifdef __cplusplus
}
#endif

#endif
