/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shrinking by delta debugging (Zeller and Hildebrandt, 2002): a schedule is the list of its choices; parts
 * are left out as long as some failure remains. Each try is a process of its own, a few milliseconds.
 */
#include "sched/sim/sim.h"

#ifdef KN_SIM

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct shrink {
    struct sim_plan plan;
    int (*scenario)(void *arg);
    void *arg;
    struct sim_result *result;
    struct sim_choice *best;
    struct sim_choice *tried;
    uint32_t count;
    unsigned tries;
};

/* Runs the best list without [from, to). Keeps it if it fails still. */
static bool try_without(struct shrink *s, uint32_t from, uint32_t to)
{
    KN_ASSERT(from <= to);
    KN_ASSERT(to <= s->count);
    uint32_t rest = s->count - to;
    if (s->tries == 0) {
        return false;
    }
    s->tries--;
    memcpy(s->tried, s->best, from * sizeof *s->best);
    memcpy(s->tried + from, s->best + to, rest * sizeof *s->best);
    s->plan.choices = s->tried;
    s->plan.choice_count = from + rest;
    if (!sim_apart(&s->plan, s->scenario, s->arg, s->result)) {
        return false;
    }
    memcpy(s->best, s->tried, (from + rest) * sizeof *s->best);
    s->count = from + rest;
    return true;
}

static void reduce(struct shrink *s)
{
    uint32_t chunk = s->count;
    while (chunk > 0 && s->tries > 0) { /* ends: chunks become smaller, tries fewer */
        bool has_shrunk = false;
        for (uint32_t from = 0; from < s->count && s->tries > 0;) {
            uint32_t to = from + chunk < s->count ? from + chunk : s->count;
            if (try_without(s, from, to)) {
                has_shrunk = true;
            } else {
                from = to;
            }
        }
        chunk = has_shrunk && chunk > 1 ? chunk : chunk / 2;
        chunk = chunk < s->count ? chunk : s->count;
    }
}

void sim_shrink(const struct sim_plan *plan, int (*scenario)(void *arg), void *arg,
                struct sim_result *result, unsigned tries)
{
    struct shrink s = {.plan = *plan, .scenario = scenario, .arg = arg, .result = result};
    uint64_t hash_sum = result->order_sum, steps = result->total_steps, done = result->done;
    size_t size = (result->choice_count + 1) * sizeof *s.best;
    s.best = malloc(size);  /* seam: of the simulator, not of what it simulates */
    s.tried = malloc(size); /* seam: likewise */
    if (s.best != NULL && s.tried != NULL) {
        s.count = result->choice_count;
        s.tries = tries;
        memcpy(s.best, result->choices, s.count * sizeof *s.best);
        s.plan.is_replay = true;
        s.plan.length = plan->length;
        /* All of it first: a failure that a replay does not show cannot be shrunk. */
        if (try_without(&s, 0, 0)) {
            reduce(&s);
        }
        s.plan.choices = s.best;
        s.plan.choice_count = s.count;
        s.plan.is_told = true;
        (void)sim_apart(&s.plan, scenario, arg, result);
    }
    free(s.best);  /* seam: as above */
    free(s.tried); /* seam: as above */
    result->order_sum = hash_sum;
    result->total_steps = steps;
    result->done = done;
    result->has_failed = true;
}

#endif
