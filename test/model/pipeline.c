/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: orchestration/pipeline.c and sched/lock.c as they stand, on workers, futures and sources of a few lines. Each item goes
 * through each stage once, in the order of the source where that is asked for, and comes through or is lost; who waits is told when none is
 * under way, sees what was done, and in the end everything is gone.
 */
#include "test/model/lib/counted_group.h"
#include "test/model/lib/model.h"

#include "orchestration/pipeline.c"
#include "sched/lock.c"

enum { ITEMS = 3, LOST = 1 };

static uint64_t made, passed[ITEMS], came; /* plain: the lock orders them, or the end */
static kn_atomic(uint64_t) dropped;
static uint64_t done;
static uint64_t items_now;
static struct koken_future *end;

/* ---- what is left out ------------------------------------------------------------------------------------ */

int kn_group_can_wait(void)
{
    return 0;
}

void kn_group_await(struct koken_future *future, void (*on_hurry)(void *arg), void *arg)
{
    (void)on_hurry, (void)arg;
    kn_either_way(koken_future_join(future, KOKEN_NO_DEADLINE));
}

/* ---- source and stages ----------------------------------------------------------------------------------- */

static int next(void *arg, void *ret_item)
{
    (void)arg;
    if (made == items_now) {
        return 0;
    }
    *(uint64_t *)ret_item = made++;
    return 1;
}

static int pass_one(void *arg, void *item)
{
    uint64_t number = *(uint64_t *)item;
    (void)arg;
    passed[number]++;
    *(uint64_t *)item = number + 100;
    return 0;
}

static int pass_or_lose(void *arg, void *item)
{
    return *(uint64_t *)item == LOST ? -EPROTO : pass_one(arg, item);
}

/* One at a time. */
static int come(void *arg, void *item)
{
    (void)arg;
    KOKEN_CHECK(*(uint64_t *)item == 100 + came);
    came++;
    return 0;
}

static int come_but_one(void *arg, void *item)
{
    came += came == LOST;
    return come(arg, item);
}

static void drop(void *arg, void *item)
{
    (void)arg;
    KOKEN_CHECK(*(uint64_t *)item == LOST);
    (void)kn_add(&dropped, 1, relaxed);
}

/* ---- threads --------------------------------------------------------------------------------------------- */

static void start_with(unsigned workers, uint64_t items)
{
    start_group(workers);
    memset(passed, 0, sizeof passed);
    made = came = done = 0;
    items_now = items;
    kn_atomic_init(&dropped, 0);
}

static void start_2(void)
{
    start_with(2, 2);
}

static void start_3(void)
{
    start_with(3, 2);
}

static void start_losing(void)
{
    start_with(2, 2);
    counted.keep_going = true;
}

static const struct koken_stage stages[] = {{.fn = pass_one}, {.fn = come, .in_order = true}};
static const struct koken_stage losing[] = {{.fn = pass_or_lose},
                                            {.fn = come_but_one, .in_order = true}};

static struct koken_pipeline what(const struct koken_stage *of)
{
    return (struct koken_pipeline){.next = next,
                                   .drop = drop,
                                   .stages = of,
                                   .stage_count = 2,
                                   .item_size = sizeof(uint64_t),
                                   .items_max = 2,
                                   .ret_done = &done};
}

static void all_came(void)
{
    KOKEN_CHECK(made == items_now && came == items_now && done == items_now);
    for (uint64_t i = 0; i < items_now; i++) {
        KOKEN_CHECK(passed[i] == 1);
    }
}

static void user(void)
{
    struct koken_pipeline pipeline = what(stages);
    KOKEN_CHECK(koken_pipeline_run(&counted, &pipeline) == 0);
    all_came();
}

static void starter(void)
{
    struct koken_pipeline pipeline = what(stages);
    KOKEN_CHECK(koken_pipeline_start(&counted, &pipeline, &end) == 0);
    KOKEN_CHECK(koken_future_join(end, KOKEN_NO_DEADLINE) == 0);
    all_came();
}

static void user_of_losing(void)
{
    struct koken_pipeline pipeline = what(losing);
    KOKEN_CHECK(koken_pipeline_run(&counted, &pipeline) == -EPROTO);
    KOKEN_CHECK(made == 2 && came == 1 && done == 1);
    KOKEN_CHECK(passed[0] == 1 && passed[1] == 0);
    KOKEN_CHECK(kn_load(&dropped, relaxed) == 1);
}

static void starter_only(void)
{
    struct koken_pipeline pipeline = what(stages);
    KOKEN_CHECK(koken_pipeline_start(&counted, &pipeline, &end) == 0);
}

static void check_gone(void)
{
    check_group(1);
}

/* Nobody has come: the end of the runtime gives up what has not begun. */
static void check_cut(void)
{
    check_group(1);
    KOKEN_CHECK(kn_future_is_done(end));
    KOKEN_CHECK(end->error == -ESHUTDOWN);
    KOKEN_CHECK(made == 0 && came == 0);
}

enum { LIMIT = 1000 };

static const struct kn_scenario scenarios[] = {
    {"2 items: user; worker",
     start_2,
     {user, worker_thread},
     check_gone,
     .limit = LIMIT,
     .may_sleep = 2},
    {"2 items: user; worker; worker",
     start_3,
     {user, worker_thread, worker_thread},
     check_gone,
     .limit = LIMIT,
     .may_sleep = 6},
    {"begun: user; worker; worker",
     start_2,
     {starter, worker_thread, worker_thread},
     check_gone,
     .limit = LIMIT,
     .may_sleep = 6},
    {"one is lost: user; worker",
     start_losing,
     {user_of_losing, worker_thread},
     check_gone,
     .limit = LIMIT,
     .may_sleep = 2},
    {"begun; the runtime ends", start_2, {starter_only}, check_cut, .limit = LIMIT},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
