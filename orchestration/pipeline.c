/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines. Items lie in places, items_max of them; a place is free, held by who takes part, or waits in front of a stage. All that is
 * decided is decided under one lock; stages and source are called without it.
 *
 *     source --> held --> stage 0 --> waiting --> held --> stage 1 ... --> free
 *
 * In front of each stage is a ring. In order, an item sits at its number, which the source has given it, so the next one is there or
 * is not; otherwise the ring is a queue. An item that is lost (an error, a cancellation) has been given to drop, and goes through
 * the stages without a call, so that those in order do not wait for its number. So the numbers that have not passed a stage
 * in order all hold places, and are never further apart than the ring is long.
 *
 * Work that can be done is done: whoever takes something sends a runner out if there is more and not all are out; who finds nothing
 * goes, and who has changed something looks again, under the lock. It is over when the source is dry and all places are free.
 */
#include <koken/pipeline.h>

#include "actors/agent.h"
#include "actors/request.h"
#include "orchestration/either.h"
#include "orchestration/future.h"
#include "orchestration/group.h"

#include <errno.h>
#include <string.h>

enum { ITEMS_EACH = 4 };

/* In front of a stage. */
struct line {
    uint32_t *ring; /* of places + 1; 0: nobody there */
    uint64_t first; /* who goes next */
    uint64_t last;  /* where the next one sits down, of a queue */
    unsigned running;
    unsigned most;
};

struct place {
    uint64_t number;
    bool is_lost;
};

struct runner {
    struct kn_errand errand;
    struct pipe *pipe;
    bool is_out; /* (m) */
};

struct pipe {
    kn_atomic(uint32_t) owners; /* (a) the caller, and runners that are out */
    struct koken_group *group;  /* (c) counted */
    struct koken_pipeline what; /* (c) */
    size_t size;                /* (c) of this block */
    size_t stride;              /* (c) of items */
    uint32_t places_max;        /* (c) */
    unsigned participants;      /* (c) at most */
    koken_promise promise;      /* of who finds it over */
    struct kn_lock lock;        /* (m), all that follows: */
    int error;
    bool is_dry;   /* the source has ended */
    bool is_asked; /* somebody is asking it */
    bool is_over;
    unsigned working; /* who takes part now */
    uint32_t free_count;
    uint64_t numbers; /* of items so far */
    uint64_t done;    /* that came through */
    uint32_t *free;   /* a stack of places */
    struct place *places;
    struct line *lines;
    unsigned char *items; /* of who holds the place */
    struct runner *runners;
};

#define SOURCE SIZE_MAX

/* Something to do: a place for a stage, or the source for a place. */
struct job {
    size_t stage;
    uint32_t place;
};

static void *item_of(const struct pipe *pipe, uint32_t place)
{
    return pipe->items + place * pipe->stride;
}

static void drop_pipe(struct pipe *pipe)
{
    /* [OP1] acq_rel: all have done with it before the memory goes. */
    if (kn_sub(&pipe->owners, 1, acq_rel) == 1) {
        KN_ASSERT(!pipe->promise.future);
        kn_group_drop(pipe->group);
        kn_free(pipe, pipe->size, KN_CACHE_LINE);
    }
}

/* ---- what can be done, under the lock -------------------------------------------------------- */

static bool has_next(const struct pipe *pipe, size_t stage)
{
    const struct line *line = &pipe->lines[stage];
    return line->running < line->most && line->ring[line->first % pipe->places_max] != 0;
}

static bool can_ask(const struct pipe *pipe)
{
    return !pipe->is_dry && !pipe->is_asked && pipe->free_count > 0;
}

/* The last stage that somebody can go into, or the source; false: nothing to do. */
static bool find(const struct pipe *pipe, size_t *ret_stage)
{
    for (size_t stage = pipe->what.stage_count; stage-- > 0;) {
        if (has_next(pipe, stage)) {
            *ret_stage = stage;
            return true;
        }
    }
    *ret_stage = SOURCE;
    return can_ask(pipe);
}

static bool take(struct pipe *pipe, struct job *ret_job)
{
    if (!find(pipe, &ret_job->stage)) {
        return false;
    }
    if (ret_job->stage == SOURCE) {
        pipe->is_asked = true;
        ret_job->place = pipe->free[--pipe->free_count];
    } else {
        struct line *line = &pipe->lines[ret_job->stage];
        uint32_t *seat = &line->ring[line->first++ % pipe->places_max];
        ret_job->place = *seat - 1;
        *seat = 0;
        line->running++;
    }
    return true;
}

/* The item has come to a stage, or through all of them. */
static void arrive(struct pipe *pipe, uint32_t place, size_t stage)
{
    if (stage == pipe->what.stage_count) {
        pipe->done += pipe->places[place].is_lost ? 0 : 1;
        pipe->free[pipe->free_count++] = place;
        return;
    }
    struct line *line = &pipe->lines[stage];
    uint64_t at = pipe->what.stages[stage].in_order ? pipe->places[place].number : line->last++;
    KN_ASSERT(line->ring[at % pipe->places_max] == 0);
    line->ring[at % pipe->places_max] = place + 1;
}

/* Sends one more runner out if there is something to do for it. */
static struct runner *next_runner(struct pipe *pipe)
{
    size_t stage;
    if (pipe->working < pipe->participants && find(pipe, &stage)) {
        for (unsigned i = 0; i < pipe->participants; i++) {
            if (!pipe->runners[i].is_out) {
                pipe->runners[i].is_out = true;
                (void)kn_add(&pipe->owners, 1, relaxed); /* relaxed: the caller has a share */
                return &pipe->runners[i];
            }
        }
    }
    return NULL;
}

static void post(struct pipe *pipe, struct runner *runner)
{
    if (runner) {
        kn_errand_post(pipe->group->rt->sched, &runner->errand, pipe->group->prio);
    }
}

/* ---- doing it, without the lock -------------------------------------------------------------- */

static void fail(struct pipe *pipe, int error)
{
    kn_lock(&pipe->lock);
    pipe->error = pipe->error ? pipe->error : error;
    kn_unlock(&pipe->lock);
    kn_group_fail(pipe->group, error);
}

static void ask(struct pipe *pipe, uint32_t place)
{
    int rc = kn_group_check(pipe->group);
    if (rc == 0) {
        rc = pipe->what.next(pipe->what.arg, item_of(pipe, place));
    }
    if (rc < 0) {
        fail(pipe, rc);
    }
    kn_lock(&pipe->lock);
    pipe->is_asked = false;
    if (rc > 0) {
        pipe->places[place] = (struct place){pipe->numbers++, false};
        arrive(pipe, place, 0);
    } else {
        pipe->is_dry = true;
        pipe->free[pipe->free_count++] = place;
    }
}

static void pass(struct pipe *pipe, uint32_t place, size_t at)
{
    const struct koken_stage *stage = &pipe->what.stages[at];
    struct place *held = &pipe->places[place];
    int rc = held->is_lost ? 0 : kn_group_check(pipe->group);
    if (rc == 0 && !held->is_lost) {
        rc = stage->fn(stage->arg, item_of(pipe, place));
    }
    if (rc < 0) {
        fail(pipe, rc);
        held->is_lost = true;
        if (pipe->what.drop) {
            pipe->what.drop(pipe->what.arg, item_of(pipe, place));
        }
    }
    kn_lock(&pipe->lock);
    pipe->lines[at].running--;
    arrive(pipe, place, at + 1);
}

/* Takes part until there is nothing to do, or the worker is wanted elsewhere. */
static void work(struct pipe *pipe, const struct kn_worker *worker)
{
    struct job job;
    koken_promise promise = {NULL};
    kn_lock(&pipe->lock);
    bool takes_part = pipe->working < pipe->participants;
    pipe->working += takes_part ? 1 : 0;
    while (takes_part && take(pipe, &job)) { /* ends: nothing to do, or others' turn */
        struct runner *next = next_runner(pipe);
        kn_unlock(&pipe->lock);
        post(pipe, next);
        if (job.stage == SOURCE) { /* both come back with the lock held */
            ask(pipe, job.place);
        } else {
            pass(pipe, job.place, job.stage);
        }
        if (worker && kn_load(&worker->nudge, relaxed)) { /* relaxed: a hint */
            break;
        }
    }
    pipe->working -= takes_part ? 1 : 0;
    struct runner *next = next_runner(pipe);
    if (pipe->is_dry && !pipe->is_asked && pipe->free_count == pipe->places_max && !pipe->is_over) {
        pipe->is_over = true;
        promise = pipe->promise;
        pipe->promise.future = NULL;
        if (pipe->what.ret_done) {
            *pipe->what.ret_done = pipe->done;
        }
    }
    int error = pipe->error;
    kn_unlock(&pipe->lock);
    post(pipe, next);
    if (promise.future) {
        kn_either_way(error < 0 ? koken_promise_fail(&promise, error)
                                : koken_promise_done(&promise)); /* nobody else has it */
    }
}

static void run_errand(struct kn_errand *errand, struct kn_worker *worker)
{
    struct runner *runner = kn_container_of(errand, struct runner, errand);
    struct pipe *pipe = runner->pipe;
    if (!worker) { /* the runtime has ended: what is under way is only given up */
        fail(pipe, -ESHUTDOWN);
        kn_either_way(koken_source_cancel(pipe->group->source, KOKEN_CANCEL_SHUTDOWN, NULL));
    }
    kn_lock(&pipe->lock);
    runner->is_out = false;
    kn_unlock(&pipe->lock);
    work(pipe, worker);
    drop_pipe(pipe);
}

/* ---- making it ------------------------------------------------------------------------------- */

static int check(const struct koken_group *group, const struct koken_pipeline *what)
{
    if (!kn_is_group(group) || !what || !what->next || !what->stages || what->stage_count == 0 ||
        what->stage_count > KOKEN_STAGES_MAX || what->item_size == 0) {
        return -EINVAL;
    }
    for (size_t i = 0; i < what->stage_count; i++) {
        if (!what->stages[i].fn) {
            return -EINVAL;
        }
    }
    return what->items_max > INT32_MAX || what->item_size > INT32_MAX ? -E2BIG : 0;
}

/* Where the parts of the block lie, one behind the other. */
struct plan {
    size_t runners, lines, rings, free, places, items, size;
};

static struct plan plan_of(const struct koken_pipeline *what, unsigned participants,
                           size_t places_max, size_t stride)
{
    struct plan plan;
    plan.runners = sizeof(struct pipe);
    plan.lines = plan.runners + participants * sizeof(struct runner);
    plan.places = plan.lines + what->stage_count * sizeof(struct line);
    plan.rings = plan.places + places_max * sizeof(struct place);
    plan.free = plan.rings + what->stage_count * places_max * sizeof(uint32_t);
    plan.items = kn_align_up(plan.free + places_max * sizeof(uint32_t), KN_CACHE_LINE);
    plan.size = plan.items + places_max * stride;
    return plan;
}

static void furnish(struct pipe *pipe, const struct plan *plan)
{
    unsigned char *base = (unsigned char *)pipe;
    pipe->runners = (void *)(base + plan->runners);
    pipe->lines = (void *)(base + plan->lines);
    pipe->places = (void *)(base + plan->places);
    pipe->free = (void *)(base + plan->free);
    pipe->items = base + plan->items;
    for (unsigned i = 0; i < pipe->participants; i++) {
        pipe->runners[i].pipe = pipe;
        kn_errand_init(&pipe->runners[i].errand, run_errand);
    }
    for (size_t i = 0; i < pipe->what.stage_count; i++) {
        const struct koken_stage *stage = &pipe->what.stages[i];
        unsigned most = stage->max_threads ? stage->max_threads : pipe->participants;
        pipe->lines[i].most = stage->in_order ? 1 : most;
        pipe->lines[i].ring = (uint32_t *)(void *)(base + plan->rings) + i * pipe->places_max;
    }
    for (uint32_t i = 0; i < pipe->places_max; i++) {
        pipe->free[i] = pipe->places_max - 1 - i;
    }
    pipe->free_count = pipe->places_max;
}

static int pipe_new(struct koken_group *group, const struct koken_pipeline *what,
                    struct pipe **ret_pipe, struct koken_future **ret_future)
{
    int rc = check(group, what);
    if (rc < 0) {
        return rc;
    }
    unsigned participants =
        group->max_threads < group->rt->worker_count ? group->max_threads : group->rt->worker_count;
    size_t places_max = what->items_max ? what->items_max : (size_t)participants * ITEMS_EACH;
    size_t stride = kn_align_up(what->item_size, KN_CACHE_LINE);
    if (places_max > SIZE_MAX / 4 / (stride + KOKEN_STAGES_MAX * sizeof(uint32_t) + 64)) {
        return -E2BIG;
    }
    struct plan plan = plan_of(what, participants, places_max, stride);
    struct pipe *pipe = kn_alloc(plan.size, KN_CACHE_LINE, -1);
    if (!pipe) {
        return -ENOMEM;
    }
    memset(pipe, 0, plan.items);
    rc = koken_promise_new(0, &pipe->promise, ret_future);
    if (rc < 0) {
        kn_free(pipe, plan.size, KN_CACHE_LINE);
        return rc;
    }
    kn_atomic_init(&pipe->owners, 1);
    pipe->group = kn_group_keep(group);
    pipe->what = *what;
    pipe->size = plan.size;
    pipe->stride = stride;
    pipe->places_max = (uint32_t)places_max;
    pipe->participants = participants;
    furnish(pipe, &plan);
    *ret_pipe = pipe;
    return 0;
}

static void begin(struct pipe *pipe)
{
    kn_lock(&pipe->lock);
    struct runner *next = next_runner(pipe);
    kn_unlock(&pipe->lock);
    post(pipe, next);
}

/* A fiber that is to end waits all the same, as stages may use what is on its stack; but it ends soon. */
static void give_up(void *arg)
{
    struct pipe *pipe = arg;
    fail(pipe, -ECANCELED);
    kn_either_way(koken_source_cancel(pipe->group->source, KOKEN_CANCEL_USER, NULL));
}

int koken_pipeline_run(struct koken_group *group, const struct koken_pipeline *pipeline)
{
    struct kn_local *local = kn_local_here();
    struct pipe *pipe;
    struct koken_future *end;
    int rc = kn_group_can_wait();
    rc = rc < 0 ? rc : pipe_new(group, pipeline, &pipe, &end);
    if (rc == 0) {
        if (!local || !local->running) {
            work(pipe, NULL);
        } else {
            begin(pipe); /* a fiber's stack is small */
        }
        kn_group_await(end, give_up, pipe);
        rc = koken_future_peek(end, NULL);
        koken_future_drop(end);
        drop_pipe(pipe);
    }
    return rc;
}

int koken_pipeline_start(struct koken_group *group, const struct koken_pipeline *pipeline,
                         struct koken_future **ret_future)
{
    struct pipe *pipe;
    int rc = ret_future ? pipe_new(group, pipeline, &pipe, ret_future) : -EINVAL;
    if (rc == 0) {
        begin(pipe);
        drop_pipe(pipe);
    }
    return rc;
}
