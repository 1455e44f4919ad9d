/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undoing, when all nodes have ended: those that failed or timed out, and if the run has failed and its options
 * say so, those that completed; only those with an undo of their own. One after the other, each after all that
 * depend on it: the reverse of the topological order, which does not depend on the schedule.
 */
#include "executors/teg/run.h"

#include "base/world.h"

#include <errno.h>

/* Whether a node is to be undone. */
static bool is_due(const struct koken_teg_run *run, uint32_t node)
{
    /* Relaxed, all: every node has ended, [TG3]. */
    enum koken_teg_state state = kn_teg_state_of(kn_load(&run->slots[node].state, relaxed));
    KN_ASSERT(kn_teg_has_ended(state));
    if (!run->teg->cold[node].undo) {
        return false;
    }
    return state == KOKEN_TEG_FAILED || state == KOKEN_TEG_TIMED_OUT ||
           (state == KOKEN_TEG_COMPLETED && run->status < 0 && run->options.undo);
}

static void count(struct koken_teg_run *run, int rc)
{
    (void)kn_add(&run->undone, rc >= 0, relaxed); /* relaxed, both: statistics */
    (void)kn_add(&run->undo_failures, rc < 0, relaxed);
}

/* The pool has undone a node. */
static void landed(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_teg_flight *flight = kn_container_of(errand, struct kn_teg_flight, landing);
    struct koken_teg_run *run = flight->call.run;
    KN_ASSERT(flight->call.is_undo);
    KN_ASSERT(run->undo_at < run->teg->count);
    count(run, flight->rc);
    kn_teg_undo_landed(flight);
    kn_teg_run_ready(run, worker, &run->undoer);
}

/* Undoes one node. False: the pool does, and its landing goes on. */
static bool undo_node(struct koken_teg_run *run, uint32_t node)
{
    if (run->teg->nodes[node].place == KOKEN_TEG_ON_POOL) {
        int rc = kn_teg_undo_on_pool(run, node, landed);
        if (rc == 0) {
            return false;
        }
        count(run, rc);
        return true;
    }
    struct koken_teg_call call = {
        .run = run,
        .node = node,
        .word = kn_load(&run->slots[node].state, relaxed), /* relaxed: does not change */
        .is_undo = true};
    count(run, run->teg->cold[node].undo(&call));
    kn_teg_call_fini(&call);
    return true;
}

static void undo_next(struct kn_errand *errand, struct kn_worker *worker)
{
    struct koken_teg_run *run = kn_container_of(errand, struct koken_teg_run, undoer);
    while (run->undo_at > 0) { /* ends: it falls */
        uint32_t node = run->teg->topo[--run->undo_at];
        if (!is_due(run, node)) {
            continue;
        }
        if (!worker) {
            count(run, -ESHUTDOWN); /* the runtime has ended: nothing runs any more */
            continue;
        }
        if (!undo_node(run, node)) {
            return;
        }
        if (run->undo_at > 0) {
            kn_ready_tail(worker, &errand->run, KN_PRIO_NORMAL);
            return;
        }
    }
    kn_teg_run_over(run, worker);
    koken_teg_run_free(run);
}

void kn_teg_undo(struct koken_teg_run *run, struct kn_worker *worker)
{
    bool is_any = false;
    run->status = kn_teg_run_outcome(run);
    for (uint32_t i = 0; i < run->teg->count && run->teg->has_undo && !is_any; i++) {
        is_any = is_due(run, i);
    }
    if (!is_any && worker) {
        kn_teg_run_over(run, worker);
        return;
    }
    kn_teg_run_ref(run);
    KN_ASSERT(run->undo_at == 0);
    run->undo_at = is_any ? run->teg->count : 0; /* the notice needs a worker */
    kn_errand_init(&run->undoer, undo_next);
    kn_teg_run_ready(run, worker, &run->undoer);
}
