/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of pipelines: each item through each stage once, in order where that is asked, never more under way or in a stage than said;
 * the first error ends it or loses its item; what does not come through is dropped; nesting on one worker; bad input.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/pipeline.h>

static kn_atomic(uint32_t) dropped, under_way, in_stage, results, outside;
static kn_atomic(int) outcome;

struct item {
    uint32_t number;
    uint32_t steps;
};

struct source {
    uint32_t next, count, limit; /* limit: of items under way; 0: any */
    uint32_t fail_at;            /* the stage fails there */
    uint32_t expected;           /* by the last stage */
};

static struct koken_group *group_of(struct koken *rt, struct koken_group_options o)
{
    struct koken_group *group = NULL;
    cr_assert_eq(koken_group_new(rt, &o, &group), 0);
    return group;
}

static int next_item(void *arg, void *ret_item)
{
    struct source *source = arg;
    if (source->next == source->count) {
        return 0;
    }
    expect(!source->limit || count(&under_way) < source->limit);
    *(struct item *)ret_item = (struct item){source->next++, 0};
    return 1;
}

static void drop_item(void *arg, void *item)
{
    (void)arg;
    (void)item;
    count(&dropped);
    (void)kn_sub(&under_way, 1, acq_rel);
}

static int step(void *arg, void *item)
{
    struct item *it = item;
    const struct source *source = arg;
    expect(it->steps == 0);
    it->steps = 1;
    for (uint32_t i = 0; i < it->number % 5; i++) {
        kn_thread_yield();
    }
    return it->number == source->fail_at ? -EPERM : 0;
}

static int narrow(void *arg, void *item)
{
    (void)arg;
    expect(count(&in_stage) < 2);
    expect(((struct item *)item)->steps == 1);
    ((struct item *)item)->steps = 2;
    (void)kn_sub(&in_stage, 1, acq_rel);
    return 0;
}

static int last(void *arg, void *item)
{
    struct source *source = arg;
    const struct item *it = item;
    expect(it->steps == 2);
    expect(it->number >= source->expected); /* in order */
    source->expected = it->number + 1;
    count(&outside);
    (void)kn_sub(&under_way, 1, acq_rel);
    return 0;
}

static void clear(void)
{
    reset(&dropped);
    reset(&under_way);
    reset(&in_stage);
    reset(&results);
    reset(&outside);
}

/* Three stages over so many items. */
static int run(struct koken_group *group, struct source *source, size_t items_max,
               uint64_t *ret_done)
{
    struct koken_stage stages[] = {{.fn = step, .arg = source},
                                   {.fn = narrow, .max_threads = 2},
                                   {.fn = last, .arg = source, .in_order = true}};
    struct koken_pipeline pipeline = {.next = next_item,
                                      .drop = drop_item,
                                      .arg = source,
                                      .stages = stages,
                                      .stage_count = 3,
                                      .item_size = sizeof(struct item),
                                      .items_max = items_max,
                                      .ret_done = ret_done};
    return koken_pipeline_run(group, &pipeline);
}

Test(pipeline, each_item_once_in_order_and_bounded)
{
    for (unsigned workers = 1; workers <= 4; workers += 3) {
        struct koken *rt = start(workers);
        for (uint32_t most = 1; most <= 9; most += 4) {
            struct koken_group *group = group_of(rt, (struct koken_group_options){0});
            struct source source = {.count = 500, .limit = most, .fail_at = UINT32_MAX};
            uint64_t done = 0;
            clear();
            cr_assert_eq(run(group, &source, most, &done), 0);
            cr_assert_eq(done, 500);
            cr_assert_eq(source.expected, 500);
            cr_assert_eq(reading(&outside), 500);
            cr_assert_eq(reading(&under_way), 0);
            source = (struct source){.count = 0};
            cr_assert_eq(run(group, &source, most, &done), 0); /* nothing to do */
            cr_assert_eq(done, 0);
            koken_group_free(group);
        }
        stop(rt);
    }
}

Test(pipeline, the_first_error_ends_it_or_loses_its_item)
{
    struct koken *rt = start(2);
    struct source source = {.count = 500, .fail_at = 100};
    uint64_t done = 0;
    struct koken_group *group = group_of(rt, (struct koken_group_options){0});
    clear();
    cr_assert_eq(run(group, &source, 0, &done), -EPERM);
    cr_assert_lt(source.next, 500); /* the source was not asked any more */
    cr_assert_eq(done + reading(&dropped), source.next);
    cr_assert_geq(reading(&dropped), 1);
    cr_assert_eq(run(group, &source, 0, &done), -ECANCELED);
    koken_group_free(group);
    group = group_of(rt, (struct koken_group_options){.keep_going = true});
    source = (struct source){.count = 500, .fail_at = 100};
    clear();
    cr_assert_eq(run(group, &source, 0, &done), -EPERM);
    cr_assert_eq(done, 499);
    cr_assert_eq(source.expected, 500);
    cr_assert_eq(reading(&dropped), 1);
    koken_group_free(group);
    stop(rt);
}

static struct koken_group *nest_group;

static int inner(void *arg, void *item)
{
    struct source source = {.count = 20, .fail_at = UINT32_MAX};
    (void)arg;
    (void)item;
    return run(nest_group, &source, 3, NULL);
}

Test(pipeline, nests_and_starts)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        struct source source = {.count = 30, .fail_at = UINT32_MAX};
        struct koken_stage stages[] = {{.fn = inner}};
        struct koken_pipeline pipeline = {.next = next_item,
                                          .arg = &source,
                                          .stages = stages,
                                          .stage_count = 1,
                                          .item_size = sizeof(struct item)};
        struct koken_future *end;
        nest_group = group_of(rt, (struct koken_group_options){0});
        clear();
        cr_assert_eq(koken_pipeline_start(nest_group, &pipeline, &end), 0);
        cr_assert_eq(koken_future_join(end, KOKEN_S(60)), 0); /* without help from here */
        cr_assert_eq(reading(&outside), 30 * 20);
        koken_future_drop(end);
        koken_group_free(nest_group);
        stop(rt);
    }
}

static int endless(void *arg, void *ret_item)
{
    *(struct item *)ret_item = (struct item){*(uint32_t *)arg += 5, 0};
    count(&under_way);
    count(&results);
    return 1;
}

static int fiber_body(koken_ctx *ctx, const int *state, const void *arg)
{
    uint32_t number = 0;
    struct source none = {.fail_at = UINT32_MAX};
    struct koken_stage stages[] = {{.fn = step, .arg = &none}};
    struct koken_pipeline pipeline = {.next = endless,
                                      .arg = &number,
                                      .drop = drop_item,
                                      .stages = stages,
                                      .stage_count = 1,
                                      .item_size = sizeof(struct item)};
    (void)ctx;
    (void)state;
    (void)arg;
    kn_store(&outcome, koken_pipeline_run(nest_group, &pipeline), relaxed);
    count(&outside);
    return 0;
}

KOKEN_FIBER(pipeline_fiber, int, fiber_body);

Test(pipeline, ends_with_the_fiber_that_waits_for_it)
{
    struct koken *rt = start(2);
    nest_group = group_of(rt, (struct koken_group_options){0});
    clear();
    koken_ref who = koken_spawn(rt, pipeline_fiber);
    wait_for(&results, 100);
    cr_assert_eq(koken_exit(who), 0);
    wait_for(&outside, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), -ECANCELED);
    koken_group_free(nest_group);
    stop(rt);
}

Test(pipeline, bad_input)
{
    struct koken *rt = start(1);
    struct koken_group *group = group_of(rt, (struct koken_group_options){0});
    struct source source = {.count = 1};
    struct koken_stage stage = {.fn = step}, nothing = {.arg = &source};
    const struct koken_pipeline good = {.next = next_item,
                                        .arg = &source,
                                        .stages = &stage,
                                        .stage_count = 1,
                                        .item_size = sizeof(struct item)};
    struct koken_pipeline bad[6];
    struct koken_future *end;
    for (int i = 0; i < 6; i++) {
        bad[i] = good;
    }
    bad[0].next = NULL;
    bad[1].stages = NULL;
    bad[2].stage_count = 0;
    bad[3].stage_count = KOKEN_STAGES_MAX + 1;
    bad[4].item_size = 0;
    bad[5].stages = &nothing;
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(koken_pipeline_run(group, &bad[i]), -EINVAL);
    }
    cr_assert_eq(koken_pipeline_run(NULL, &good), -EINVAL);
    cr_assert_eq(koken_pipeline_run(group, NULL), -EINVAL);
    cr_assert_eq(koken_pipeline_start(group, &good, NULL), -EINVAL);
    bad[0] = good;
    bad[0].items_max = SIZE_MAX;
    cr_assert_eq(koken_pipeline_start(group, &bad[0], &end), -E2BIG);
    koken_group_free(group);
    stop(rt);
}
