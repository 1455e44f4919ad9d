/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed workloads: they begin, do a known amount of work, and say whether everything that must balance
 * does. The same functions run in the simulator (`koken sim`) and on real threads (`koken stress`).
 *
 * What each checks is named by the promise (P1 to P14) of the design. What is wrong ends the run by
 * KOKEN_SIM_CHECK.
 */
#ifndef BENCH_WORKLOAD_WORKLOAD_H
#define BENCH_WORKLOAD_WORKLOAD_H

#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <stdbool.h>
#include <stdint.h>

/* One run of one workload. */
struct load {
    struct koken *rt;
    uint64_t rng;    /* of the thread that runs it */
    unsigned scale;  /* 1 in the simulator, more on real threads */
    unsigned faults; /* KOKEN_SIM_* that may come */
    bool is_cut;     /* the runtime is stopped in the middle */
    bool is_killed;  /* without time to drain or to cancel: agents may be killed */
    bool has_death;  /* load_doom has killed */
    bool is_doomed;  /* the thread reaper is there */
    unsigned reaper;
};

struct workload {
    const char *name;
    const char *text;
    void (*run)(struct load *load);
    void (*after)(struct load *load); /* what holds when the runtime has stopped; may be NULL */
};

/* All of them, ended by an empty one. */
extern const struct workload workloads[];

void load_mesh(struct load *load);
void load_fan_in(struct load *load);
void load_churn(struct load *load);
void load_ask(struct load *load);
void load_timers(struct load *load);
void load_family(struct load *load);
void load_pipes(struct load *load);
void load_fibers(struct load *load);
void load_names(struct load *load);
void load_links(struct load *load);
void load_channels(struct load *load);
void load_graphs(struct load *load);
void load_tickets(struct load *load);
void load_futures(struct load *load);
void load_fair(struct load *load);

/* After load_futures: what is left is given back, and every callback has been called. */
void load_futures_after(struct load *load);

/* After load_channels: the channels are emptied and given back. */
void load_channels_after(struct load *load);
void load_agree(struct load *load);

/*
 * Starts a runtime with options drawn by chance, runs the workload, lets it come to rest or stops it in the
 * middle, and checks what holds for all. 0, or a negative error. Thread: outside of every runtime.
 */
int workload_run(const struct workload *workload, uint64_t seed, unsigned scale);

/*
 * In a simulated run that is asked for it (workload_deaths_every > 0): at each so many-th step from here on a branch of the run
 * leaves it (sim_branch_at_steps) in which one of these agents is killed; there load->has_death is true from then on.
 * Elsewhere nothing. Once per run, at most LOAD_MORTALS_MAX agents. Thread: the one that runs the load.
 */
void load_doom(struct load *load, const koken_ref *who, size_t count);

enum { LOAD_MORTALS_MAX = 16 };

extern uint64_t workload_deaths_every; /* steps; set before the runs */

/* A number below limit. Thread: the one that runs the load. */
static inline uint64_t load_below(struct load *load, uint64_t limit)
{
    return kn_random(&load->rng) % limit;
}

/* Whether nothing but time can go wrong in this run: then numbers must be exact. */
static inline bool load_is_strict(const struct load *load)
{
    return (load->faults & ~(unsigned)(KOKEN_SIM_MILD | KOKEN_SIM_FULL)) == 0;
}

static inline void load_count(kn_atomic(uint64_t) *counter)
{
    (void)kn_add(counter, 1, relaxed); /* relaxed: read when all is quiet */
}

static inline uint64_t load_read(kn_atomic(uint64_t) *counter)
{
    return kn_load(counter, relaxed); /* relaxed: the drain orders it */
}

static inline void load_clear(kn_atomic(uint64_t) *counter)
{
    kn_store(counter, 0, relaxed); /* relaxed: nobody else runs */
}

/* How often to look again before what has not come counts as lost: a real machine may pause meanwhile. */
static inline unsigned load_looks(unsigned simulated)
{
    return koken_sim_is_running() ? simulated : 100 * simulated;
}

/*
 * Waits until all is done, and is true; or, in a run that is to be cut short, for a moment: then it is false, and
 * the workload returns at once.
 */
bool load_settle(struct load *load);

/* After load_graphs: every node's end follows from those before it; all is given back. */
void load_graphs_after(struct load *load);

/* After load_churn: all that began has ended. */
void load_churn_after(struct load *load);

/* After load_agree: what its agents shared is given back. */
void load_agree_after(struct load *load);

/* Sleeps ns, simulated or not. Thread: outside. */
void load_sleep(uint64_t ns);

/* P2: an agent's handlers run one at a time. The word lies in its state. */
static inline void load_enter(kn_atomic(uint32_t) *busy)
{
    KOKEN_SIM_CHECK(kn_swap(busy, 1, relaxed) == 0); /* relaxed: nothing else hangs on it */
}

static inline void load_leave(kn_atomic(uint32_t) *busy)
{
    KOKEN_SIM_CHECK(kn_swap(busy, 0, relaxed) == 1); /* relaxed: as above */
}

#endif
