/* SPDX-License-Identifier: Apache-2.0 */
/*
 * koken_sim_run(): seed after seed, in a process of their own, so that a run that fails (it leaves its
 * tasks behind as they are) or kills its process is a result like another. What a child finds lies in
 * memory that both share.
 */
#include "sched/sim/sim.h"

#include <errno.h>
#include <string.h>

#ifdef KN_SIM

#include "base/assert.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DISTINCT_MAX = 4096, PROGRESS_EVERY = 64, LENGTH_MIN = 8 };

/* What a child and its parent share. */
struct shared {
    struct sim_result result;
    uint64_t length; /* steps of the standard schedule */
    uint64_t hashes[DISTINCT_MAX];
};

struct search {
    struct koken_sim_options options;
    int (*scenario)(void *arg);
    void *arg;
    struct shared *shared;
};

static struct sim_plan plan_of(const struct search *s, uint64_t seed)
{
    const struct koken_sim_options *o = &s->options;
    return (struct sim_plan){
        .seed = seed,
        .strategy = o->strategy,
        .depth = o->depth > 0 ? o->depth : 3,
        .faults = o->faults,
        .cpus = o->cpus > 0 ? o->cpus : 1 + (unsigned)(kn_random_seed(seed) >> 20) % 4,
        .steps_max = o->steps_max > 0 ? o->steps_max : 2 * 1000 * 1000,
        .length = s->shared->length,
    };
}

/* ---- a process of its own ------------------------------------------------------------------- */

/* Waits for a child; true if it failed, with a reason in result. */
static bool await_child(pid_t child, struct sim_result *result)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) { /* ends: it is our child */
    }
    if (!result->has_failed && WIFSIGNALED(status)) {
        result->has_failed = true;
        (void)snprintf(result->what, sizeof result->what, "%s",
                       WTERMSIG(status) == SIGALRM ? "hangs without a step"
                                                   : strsignal(WTERMSIG(status)));
    } else if (!result->has_failed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        result->has_failed = true;
        (void)snprintf(result->what, sizeof result->what, "the process ended with %d",
                       WEXITSTATUS(status));
    }
    return result->has_failed;
}

bool sim_apart(const struct sim_plan *plan, int (*scenario)(void *arg), void *arg,
               struct sim_result *result)
{
    result->has_failed = false;
    pid_t child = fork();
    if (child < 0) {
        return false;
    }
    if (child == 0) {
        (void)alarm(SIM_HANG_SECONDS);
        (void)sim_once(plan, scenario, arg, result);
        _exit(0); /* seam: the child of a fork must not run its parent's exit handlers */
    }
    return await_child(child, result);
}

/* ---- seeds ---------------------------------------------------------------------------------- */

static int run_seed(struct search *s, uint64_t seed, uint64_t index)
{
    struct shared *shared = s->shared;
    struct sim_plan plan = plan_of(s, seed);
    if (s->options.no_fork) {
        plan.trace = s->options.trace;
        plan.trace_arg = s->options.trace_arg;
    }
    int rc = sim_once(&plan, s->scenario, s->arg, &shared->result);
    if (rc == 0 && s->options.twice) {
        uint64_t hash = shared->result.hash;
        rc = sim_once(&plan, s->scenario, s->arg, &shared->result);
        if (rc == 0 && shared->result.hash != hash) {
            shared->result.has_failed = true;
            (void)snprintf(shared->result.what, sizeof shared->result.what,
                           "not deterministic: the same seed has given two traces");
            rc = -ECANCELED;
        }
    }
    if (index < DISTINCT_MAX) {
        shared->hashes[index] = shared->result.hash;
    }
    shared->result.done += rc == 0;
    return rc;
}

/*
 * How long a run is when nobody interferes: PCT spreads its changes over that. Of seed 1 whatever seeds are
 * asked for, as a seed must be the same run in each search.
 */
static int measure_length(struct search *s)
{
    struct sim_result *r = &s->shared->result;
    struct sim_plan plan = plan_of(s, 1);
    plan.strategy = KOKEN_SIM_EXHAUSTIVE;
    plan.faults = 0;
    int rc = sim_once(&plan, s->scenario, s->arg, r);
    s->shared->length = r->steps > LENGTH_MIN ? r->steps : LENGTH_MIN;
    r->order_sum = r->total_steps = r->waits = r->wait_worst = 0;
    return rc;
}

static int run_seeds(struct search *s)
{
    int rc = measure_length(s);
    for (uint64_t i = 0; i < s->options.seeds && rc == 0; i++) {
        if (i % PROGRESS_EVERY == 0) {
            if (!s->options.no_fork) {
                (void)alarm(SIM_HANG_SECONDS);
            }
            if (s->options.progress != NULL) {
                s->options.progress(s->options.progress_arg, i);
            }
        }
        rc = run_seed(s, s->options.seed + i, i);
    }
    return rc;
}

/* ---- every schedule with few interruptions --------------------------------------------------- */

/*
 * The list of interruptions is counted up like a number: the last digit is who goes on at a step, then the
 * step, then the interruption before. Each run tells how many steps it had, and whether the digit was one.
 */
static int run_exhaustively(struct search *s)
{
    struct sim_result *result = &s->shared->result;
    struct sim_choice choices[SIM_DEPTH_MAX];
    uint32_t bound = s->options.depth > 0 ? s->options.depth : 1, count = 0;
    struct sim_plan plan = plan_of(s, s->options.seed);
    bound = bound < SIM_DEPTH_MAX ? bound : SIM_DEPTH_MAX;
    plan.strategy = KOKEN_SIM_EXHAUSTIVE;
    plan.choices = choices;
    uint64_t limit = s->options.seeds;
    for (uint64_t i = 0; i < limit; i++) {
        plan.choice_count = count;
        (void)alarm(SIM_HANG_SECONDS);
        if (sim_once(&plan, s->scenario, s->arg, result) < 0) {
            return -ECANCELED;
        }
        result->done++;
        uint64_t steps = result->steps;
        if (!result->has_missed && count < bound) {
            uint64_t from = count > 0 ? choices[count - 1].at : 0;
            choices[count++] = (struct sim_choice){.at = from + 1, .task = SIM_NTH_READY};
        } else if (!result->has_missed && count > 0) {
            choices[count - 1].task++;
        }
        while (result->has_missed && count > 0) { /* ends: a digit less each time round */
            struct sim_choice *last = &choices[count - 1];
            *last = (struct sim_choice){.at = last->at + 1, .task = SIM_NTH_READY};
            if (last->at < steps) {
                break;
            }
            if (--count > 0) {
                choices[count - 1].task++;
                break;
            }
        }
        if (count == 0) {
            return 0; /* all have been */
        }
    }
    return 0;
}

/* ---- the report ----------------------------------------------------------------------------- */

static void append(struct koken_sim_report *report, const char *text)
{
    size_t len = strlen(report->text), room = sizeof report->text - len;
    (void)snprintf(report->text + len, room, "%s\n", text);
}

static void describe(const struct search *s, const char *what, uint32_t choices_before,
                     struct koken_sim_report *report)
{
    const struct sim_result *r = &s->shared->result;
    char line[SIM_WHAT_MAX + 128];
    (void)snprintf(line, sizeof line, "seed %llu fails: %s", (unsigned long long)r->seed, what);
    append(report, line);
    if (s->options.no_shrink || s->options.no_fork) {
        return;
    }
    (void)snprintf(line, sizeof line,
                   "shrunk from %u to %u choices, %llu steps, %llu switches; the last lines "
                   "(step, time, thread):",
                   choices_before, r->choice_count, (unsigned long long)r->steps,
                   (unsigned long long)r->switches);
    append(report, line);
    uint32_t from = r->line_count > SIM_LINES_MAX ? r->line_count - SIM_LINES_MAX : 0;
    from = r->line_count - from > 40 ? r->line_count - 40 : from;
    for (uint32_t i = from; i < r->line_count; i++) {
        append(report, r->lines[i % SIM_LINES_MAX]);
    }
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void sum_up(struct search *s, struct koken_sim_report *report)
{
    struct sim_result *r = &s->shared->result;
    KN_ASSERT(r->seed >= s->options.seed);
    uint64_t count = r->done < DISTINCT_MAX ? r->done : DISTINCT_MAX;
    report->seeds = r->done + r->has_failed;
    report->seed = r->seed;
    report->steps = r->total_steps;
    report->hash = r->hash;
    report->hash_sum = r->order_sum;
    report->waits = r->waits;
    report->wait_worst = r->wait_worst;
    report->has_failed = r->has_failed;
    for (unsigned i = 0; i < KN_FAULT_COUNT_; i++) {
        report->faults += r->faults[i];
        report->kinds |= (unsigned)(r->faults[i] > 0) << i;
    }
    qsort(s->shared->hashes, count, sizeof(uint64_t), compare);
    for (uint64_t i = 0; i < count; i++) {
        report->distinct += i == 0 || s->shared->hashes[i] != s->shared->hashes[i - 1];
    }
}

/* Makes the failing schedule small, and runs it once more to be told. */
static void explain(struct search *s, struct koken_sim_report *report)
{
    struct sim_result *r = &s->shared->result;
    struct sim_plan plan = plan_of(s, r->seed);
    char what[SIM_WHAT_MAX];
    uint32_t before = r->choice_count;
    memcpy(what, r->what, sizeof what);
    if (!s->options.no_shrink && !s->options.no_fork && before < SIM_CHOICES_MAX) {
        unsigned tries = s->options.shrink > 0 ? s->options.shrink : 300;
        sim_shrink(&plan, s->scenario, s->arg, r, tries);
    }
    describe(s, what, before, report);
}

static int run_all(struct search *s, struct koken_sim_report *report)
{
    struct sim_result *r = &s->shared->result;
    bool is_exhaustive = s->options.strategy == KOKEN_SIM_EXHAUSTIVE;
    if (s->options.no_fork) {
        (void)(is_exhaustive ? run_exhaustively(s) : run_seeds(s));
    } else {
        pid_t child = fork();
        if (child < 0) {
            return -ENOMEM;
        }
        if (child == 0) {
            (void)(is_exhaustive ? run_exhaustively(s) : run_seeds(s));
            _exit(0); /* seam: as in sim_apart() */
        }
        (void)await_child(child, r);
    }
    sum_up(s, report);
    if (r->has_failed) {
        explain(s, report);
    }
    return report->has_failed ? -ECANCELED : 0;
}

int koken_sim_run(int (*scenario)(void *arg), void *arg, const struct koken_sim_options *options,
                  struct koken_sim_report *ret_report)
{
    struct search s = {.scenario = scenario, .arg = arg};
    if (options != NULL) {
        size_t size = options->struct_size > 0 ? options->struct_size : sizeof *options;
        if (size > sizeof s.options) {
            return -EINVAL;
        }
        memcpy(&s.options, options, size);
    }
    if (scenario == NULL || ret_report == NULL || s.options.strategy > KOKEN_SIM_EXHAUSTIVE ||
        s.options.depth > SIM_DEPTH_MAX) {
        return -EINVAL;
    }
    if (sim_is_running() || kn_world_init() < 0) {
        return -ENOTSUP;
    }
    s.options.seed = s.options.seed > 0 ? s.options.seed : 1;
    s.options.seeds = s.options.seeds > 0 ? s.options.seeds : 1000;
    s.shared =
        mmap(NULL, sizeof *s.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s.shared == MAP_FAILED) {
        return -ENOMEM;
    }
    s.shared->length = LENGTH_MIN;
    memset(ret_report, 0, sizeof *ret_report);
    int rc = run_all(&s, ret_report);
    (void)munmap(s.shared, sizeof *s.shared);
    return rc;
}

#else

int koken_sim_run(int (*scenario)(void *arg), void *arg, const struct koken_sim_options *options,
                  struct koken_sim_report *ret_report)
{
    (void)scenario;
    (void)arg;
    (void)options;
    (void)ret_report;
    return -ENOTSUP;
}

#endif
