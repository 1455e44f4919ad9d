/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of the engine (T087 to T092): each piece of work is done once, by priority and without starving, never more than max_threads at
 * once; a stop, a free and the runtime's end tell those who wait; numbers add up; bad input.
 */
#include "test/support/engine.h"

static kn_atomic(int) outcome;

static kn_atomic(uint32_t) order[64];

static int note(koken_token token, void *arg, void *ret_value)
{
    (void)token;
    (void)ret_value;
    uint32_t at = count(&ran);
    kn_store(&order[at % 64], *(const uint32_t *)arg, relaxed);
    return 0;
}

static void submit_note(struct koken_engine *engine, uint32_t what, enum koken_priority priority)
{
    struct koken_work work = {
        .fn = note, .arg = &what, .arg_size = sizeof what, .priority = priority};
    cr_assert_eq(koken_engine_submit(engine, &work, NULL), 0);
}

static void wait_all(struct koken_engine *engine)
{
    struct koken_future *end;
    cr_assert_eq(koken_engine_end(engine, &end), 0);
    cr_assert_eq(koken_future_join(end, KOKEN_S(60)), 0);
    koken_future_drop(end);
}

Test(engine, the_best_first_and_nobody_starves)
{
    struct koken *rt = start(1);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){.max_threads = 1});
    clear();
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = gated}, NULL), 0);
    wait_for(&ran, 1);
    submit_note(engine, 1, KOKEN_PRIORITY_LOW);
    submit_note(engine, 2, KOKEN_PRIORITY_DEFAULT);
    submit_note(engine, 3, KOKEN_PRIORITY_CRITICAL);
    submit_note(engine, 4, KOKEN_PRIORITY_CRITICAL);
    submit_note(engine, 5, KOKEN_PRIORITY_NORMAL);
    count(&gate);
    wait_all(engine);
    static const uint32_t expected[] = {3, 4, 2, 5, 1};
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(kn_load(&order[i + 1], relaxed), expected[i]);
    }
    /* A low one before all of a thousand critical ones are done. */
    clear();
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = gated}, NULL), 0);
    wait_for(&ran, 1);
    struct koken_work low = {.fn = position, .value_size = 4, .priority = KOKEN_PRIORITY_LOW};
    uint64_t id;
    uint32_t at = 0;
    cr_assert_eq(koken_engine_submit(engine, &low, &id), 0);
    for (int i = 0; i < 1000; i++) {
        submit_note(engine, 0, KOKEN_PRIORITY_CRITICAL);
    }
    count(&gate);
    cr_assert_eq(koken_engine_wait(engine, id, KOKEN_S(60), &at), 0);
    cr_assert_lt(at, 900);
    koken_engine_free(engine);
    stop(rt);
}

/* Who runs puts a newer one in behind it: the queue stays as long as it is. */
static int note_and_refill(koken_token token, void *arg, void *ret_value)
{
    static kn_atomic(uint32_t) refills;
    struct koken_engine *engine = *(struct koken_engine *const *)arg;
    (void)token;
    *(uint32_t *)ret_value = count(&ran);
    if (count(&refills) < 2000) {
        struct koken_work newer = {
            .fn = note_and_refill, .arg = arg, .arg_size = sizeof engine, .value_size = 4};
        expect(koken_engine_submit(engine, &newer, NULL) == 0);
    }
    return 0;
}

/* T092: of a thousand of one priority each runs in its turn, whatever comes behind it. */
Test(engine, newer_work_does_not_starve_the_oldest)
{
    enum { QUEUED = 1000 };
    static uint64_t ids[QUEUED];
    struct koken *rt = start(1);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){.max_threads = 1});
    struct koken_work work = {
        .fn = note_and_refill, .arg = &engine, .arg_size = sizeof engine, .value_size = 4};
    clear();
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = gated}, NULL), 0);
    wait_for(&ran, 1);
    for (int i = 0; i < QUEUED; i++) {
        cr_assert_eq(koken_engine_submit(engine, &work, &ids[i]), 0);
    }
    count(&gate);
    for (uint32_t i = 0; i < QUEUED; i++) {
        uint32_t at = 0;
        cr_assert_eq(koken_engine_wait(engine, ids[i], KOKEN_S(60), &at), 0);
        cr_assert_eq(at, i + 1);
    }
    wait_all(engine);
    cr_assert_eq(reading(&ran), 1 + QUEUED + 2000);
    koken_engine_free(engine);
    stop(rt);
}

Test(engine, never_full_of_what_nobody_fetches)
{
    enum { MANY = 10000 };
    struct koken *rt = start(2);
    struct koken_engine *engine = engine_of(
        rt, (struct koken_engine_options){.work_max = 64, .results_max = 8, .max_threads = 2});
    struct koken_engine_stats stats;
    uint64_t id = 0;
    clear();
    for (int i = 0; i < MANY; i++) { /* half of them with a number that is never asked for */
        int rc;
        do { /* ends: there is room again */
            rc = koken_engine_submit(engine, &(struct koken_work){.fn = quick}, i % 2 ? &id : NULL);
        } while (rc == -EAGAIN);
        cr_assert_eq(rc, 0);
    }
    wait_all(engine);
    cr_assert_eq(reading(&ran), MANY);
    cr_assert_eq(koken_engine_stats_get(engine, &stats), 0);
    cr_assert_eq(stats.submitted, MANY);
    cr_assert_eq(stats.done, MANY);
    cr_assert_eq(stats.queued + stats.running, 0);
    cr_assert_eq(stats.results, 8);
    cr_assert_eq(stats.forgotten, MANY / 2 - 8);
    cr_assert_geq(stats.queue_max_ns * MANY, stats.queue_ns);
    cr_assert_geq(stats.run_max_ns * MANY, stats.run_ns);
    cr_assert_eq(koken_engine_join(engine, id, 0), 0);
    koken_engine_free(engine);
    stop(rt);
}

static int most_at_once(koken_token token, void *arg, void *ret_value)
{
    uint32_t now = count(&at_once) + 1;
    (void)token;
    (void)arg;
    (void)ret_value;
    expect(now <= 2);
    for (int i = 0; i < 20; i++) {
        kn_thread_yield();
    }
    (void)kn_sub(&at_once, 1, acq_rel);
    return 0;
}

Test(engine, not_more_than_max_threads)
{
    struct koken *rt = start(4);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){.max_threads = 2});
    clear();
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = most_at_once}, NULL),
                     0);
    }
    wait_all(engine);
    koken_engine_free(engine);
    stop(rt);
}

struct waiter {
    struct koken_engine *engine;
    uint64_t id;
};

static void wait_for_it(void *arg)
{
    struct waiter *waiter = arg;
    count(&results);
    int rc = koken_engine_join(waiter->engine, waiter->id, KOKEN_NO_DEADLINE);
    kn_store(&outcome, rc, relaxed);
}

Test(engine, a_free_tells_those_who_wait)
{
    for (int how = 0; how < 2; how++) {
        struct koken *rt = start(1);
        struct koken_engine *engine =
            engine_of(rt, (struct koken_engine_options){.max_threads = 1});
        struct waiter waiter = {engine, 0};
        struct koken_future *queued;
        struct kn_thread thread = {NULL};
        clear();
        cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = gated}, NULL), 0);
        wait_for(&ran, 1);
        cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, &waiter.id), 0);
        cr_assert_eq(koken_engine_future(engine, waiter.id, &queued), 0);
        if (how == 0) {
            cr_assert_eq(kn_thread_start(&thread, "waiter", wait_for_it, &waiter), 0);
            wait_for(&results, 1);
            kn_thread_yield();
            /* Whoever waits is told; one that comes too late to be in it is not this test's. */
            cr_assert_eq(koken_engine_stop(engine), 0);
            kn_thread_join(&thread);
            cr_assert_eq(kn_load(&outcome, relaxed), -ECANCELED);
            cr_assert_eq(koken_engine_stop(engine), -EALREADY);
            cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, NULL),
                         -ECANCELED);
        } else {
            koken_engine_free(engine);
        }
        cr_assert_eq(koken_future_join(queued, 0), -ECANCELED);
        koken_future_drop(queued);
        count(&gate);
        if (how == 0) {
            koken_engine_free(engine);
        }
        stop(rt);
        cr_assert_eq(reading(&ran), 1);
    }
}

Test(engine, the_runtime_ends_first)
{
    struct koken *rt = start(1);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){0});
    struct koken_stop_plan kill = {.kill_ns = KOKEN_S(60)};
    struct koken_future *one, *end;
    uint64_t id;
    int rc = 0;
    clear();
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, &id), 0);
    }
    cr_assert_eq(koken_engine_future(engine, id, &one), 0);
    cr_assert_eq(koken_engine_end(engine, &end), 0);
    cr_assert_eq(koken_stop_with(rt, &kill, NULL), 0);
    rc = koken_future_join(one, 0);
    cr_assert(rc == 0 || rc == -ESHUTDOWN);
    cr_assert_eq(koken_future_join(end, 0), 0);
    koken_future_drop(one);
    koken_future_drop(end);
    koken_engine_free(engine);
#ifdef KN_DEBUG
    cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
}

Test(engine, bad_input)
{
    struct koken *rt = start(1);
    struct koken_engine *engine = NULL;
    struct koken_future *end;
    struct koken_engine_stats stats;
    uint64_t nothing[128] = {0};
    struct koken_engine *foreign = (struct koken_engine *)(void *)nothing;
    static const struct koken_engine_options bad[] = {
        {.max_threads = 1u << 20},
        {.priority = KOKEN_PRIORITY_COUNT_},
        {.cache_entries = 1},
        {.key_size = 8, .cached_size = 8},
        {.cache_entries = 16, .key_size = KOKEN_ENGINE_KEY_MAX + 1, .cached_size = 8},
        {.cache_entries = 16, .key_size = 8, .cached_size = KOKEN_ENGINE_CACHED_MAX + 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(koken_engine_new(rt, &bad[i], &engine), -EINVAL);
    }
    struct koken_engine_options fake = {.token = {(struct koken_source *)(void *)nothing}};
    cr_assert_eq(koken_engine_new(rt, &fake, &engine), -EINVAL);
    cr_assert_eq(koken_engine_new(NULL, NULL, &engine), -EINVAL);
    cr_assert_eq(koken_engine_new(rt, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_engine_stop(foreign), -EINVAL);
    cr_assert_eq(koken_engine_end(foreign, &end), -EINVAL);
    cr_assert_eq(koken_engine_stats_get(foreign, &stats), -EINVAL);
    cr_assert_eq(koken_engine_new(rt, NULL, &engine), 0);
    cr_assert_eq(koken_engine_end(engine, NULL), -EINVAL);
    cr_assert_eq(koken_engine_stats_get(engine, NULL), -EINVAL);
    wait_all(engine); /* an empty one has ended */
    koken_engine_free(engine);
    koken_engine_free(NULL);
    struct koken_source *source;
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_USER, NULL), 0);
    engine = engine_of(rt, (struct koken_engine_options){.token = {source}});
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, NULL), -ECANCELED);
    koken_engine_free(engine);
    koken_source_free(source);
    stop(rt);
}
