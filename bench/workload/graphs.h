/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task effect graphs drawn by chance, for load_graphs: what was built, what the effects have seen, and (graphs_check.c)
 * whether the end of each node follows from the ends of those it depends on.
 */
#ifndef BENCH_WORKLOAD_GRAPHS_H
#define BENCH_WORKLOAD_GRAPHS_H

#include "bench/workload/workload.h"

#include <koken/teg_learn.h>
#include <koken/teg_run.h>

enum {
    GRAPH_JOBS = 3,
    GRAPH_STEPS = 16,
    GRAPH_LINKS = 3 * GRAPH_STEPS,
    GRAPH_RETRIES = 2,
};

/* Before some attempts, in simulated time: a run that is to end must not wait for it. */
#define GRAPH_LONG_DELAY KOKEN_MS(20)

/*
 * A step may keep its worker for that long; meanwhile the deadlines of others hold, late by no more than GRAPH_LATENESS: two
 * periods of sysmon, which are 5 ms and 500 us then, and some time for threads to come to it.
 */
#define GRAPH_KEEP KOKEN_MS(15)
#define GRAPH_LATENESS KOKEN_MS(8)

struct graph_job;

/* A node, and what has come of it. */
struct graph_step {
    struct graph_job *job;
    uint32_t index;
    enum koken_teg_kind kind;
    enum koken_teg_place place;
    uint32_t fails, retries; /* how many of its attempts fail; how many it has more than one */
    uint64_t sleep_ns, timeout_ns;
    int64_t number; /* what it answers */
    bool has_timeout, has_undo, has_bytes, is_cached, is_exclusive;
    bool is_linked;  /* somebody depends on it */
    bool is_handled; /* and handles its failure */
    bool is_entrant;
    bool is_later;  /* with ELSEWHERE: ends by another thread */
    bool is_keeper; /* with ON_WORKER: keeps it for GRAPH_KEEP */

    kn_atomic(uint64_t) begun[GRAPH_RETRIES + 1]; /* of the effect, by attempt */
    kn_atomic(uint64_t) told, ends;               /* by the observer: beginnings and ends */
    kn_atomic(uint64_t) launched_at;              /* of the last attempt */
    kn_atomic(uint64_t) undone;                   /* its place in the order of undoing, from 1 */
    kn_atomic(uint32_t) wanted;                   /* is told when it is cancelled */
    kn_atomic(struct koken_teg_call *) token;
};

struct graph_link {
    uint32_t from, to;
    enum koken_teg_when when;
    int64_t operand;
    bool is_control;
};

struct graph_job {
    struct koken_teg *teg;
    struct koken_teg_run *run;
    struct koken_teg_options options;
    struct graph_step steps[GRAPH_STEPS];
    struct graph_link links[GRAPH_LINKS];
    uint32_t count, link_count;
    bool has_timeouts; /* of the scenario's own */
    bool has_keepers;
    bool is_asked;                           /* agents hold the run */
    bool is_calm;                            /* without misfortunes: then times are looked at */
    kn_atomic(uint64_t) failed_at, ended_at; /* first failure nobody handles, last end of a node */
    kn_atomic(uint64_t) undoings;            /* counted */
    kn_atomic(uint32_t) holder;              /* of the exclusive resource */
    kn_atomic(uint32_t)
        is_cancelled; /* or its executor has gone: whatever has not ended may be cancelled */
};

static inline bool graph_is_cancelled(const struct graph_job *job)
{
    return kn_load(&job->is_cancelled, relaxed) != 0; /* relaxed: what cancels orders it */
}

/* Draws a graph; the effects are the caller's. The graph is whole, and checked but for want of memory. */
void graph_draw(struct load *load, struct graph_job *job);

int graph_effect(struct koken_teg_call *call);
int graph_cached_effect(struct koken_teg_call *call);
int graph_undo(struct koken_teg_call *call);
void graph_observe(void *arg, const struct koken_teg_run *run, const struct koken_teg_event *event);

/* Agents that wait for these runs, NULL: none, and run graphs of their own; the runs are kept until they have ended. */
void graph_ask(struct load *load, koken_ref executor, struct koken_teg_run **runs);

/* Everybody has been answered. */
void graph_ask_check(struct load *load);

/* The runtime has ended. */
void graph_ask_after(void);

/* A run that is over: every node, and the sums. */
void graph_check(const struct load *load, struct graph_job *job);

#endif
