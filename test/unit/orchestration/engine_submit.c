/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of submissions: the same work is done once while it is under way and as long as the cache has it, other functions and keys are
 * other work, errors are not kept; bounds; bad input; no memory.
 */
#include "test/support/engine.h"

static int twice(koken_token token, void *arg, void *ret_value)
{
    int rc = gated(token, arg, ret_value);
    *(uint32_t *)ret_value = 2 * *(uint32_t *)arg;
    return rc;
}

static int thrice(koken_token token, void *arg, void *ret_value)
{
    (void)token;
    count(&ran);
    *(uint32_t *)ret_value = 3 * *(uint32_t *)arg;
    return *(uint32_t *)arg == 13 ? -EPERM : 0;
}

static struct koken_engine *cached_engine(struct koken *rt, size_t entries)
{
    return engine_of(rt, (struct koken_engine_options){
                             .cache_entries = entries, .key_size = 4, .cached_size = 4});
}

static uint64_t submit(struct koken_engine *engine, struct koken_work work, uint32_t n)
{
    uint64_t id = 0;
    work.key = &n;
    work.arg = &n;
    work.arg_size = sizeof n;
    work.value_size = sizeof n;
    cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
    return id;
}

Test(engine_submit, the_same_work_is_done_once)
{
    struct koken *rt = start(2);
    struct koken_engine *engine = cached_engine(rt, 300);
    struct koken_engine_stats stats;
    uint64_t ids[10];
    uint32_t got = 0;
    clear();
    for (int i = 0; i < 10; i++) {
        ids[i] = submit(engine, (struct koken_work){.fn = twice}, 21);
    }
    count(&gate);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(koken_engine_wait(engine, ids[i], KOKEN_S(60), &got), 0);
        cr_assert_eq(got, 42);
    }
    cr_assert_eq(reading(&ran), 1);
    /* From the cache, at once, also for who looks only. */
    ids[0] = submit(engine, (struct koken_work){.fn = twice}, 21);
    cr_assert_eq(koken_engine_wait(engine, ids[0], 0, &got), 0);
    cr_assert_eq(got, 42);
    uint32_t key = 21;
    struct koken_work detached = {
        .fn = twice, .key = &key, .arg = &key, .arg_size = 4, .value_size = 4};
    cr_assert_eq(koken_engine_submit(engine, &detached, NULL), 0);
    cr_assert_eq(reading(&ran), 1);
    /* Another function, another key. */
    ids[0] = submit(engine, (struct koken_work){.fn = thrice}, 21);
    ids[1] = submit(engine, (struct koken_work){.fn = thrice}, 22);
    cr_assert_eq(koken_engine_wait(engine, ids[0], KOKEN_S(60), &got), 0);
    cr_assert_eq(got, 63);
    cr_assert_eq(koken_engine_wait(engine, ids[1], KOKEN_S(60), &got), 0);
    cr_assert_eq(got, 66);
    cr_assert_eq(reading(&ran), 3);
    /* An error is tried again. */
    for (int i = 0; i < 2; i++) {
        ids[i] = submit(engine, (struct koken_work){.fn = thrice}, 13);
        cr_assert_eq(koken_engine_wait(engine, ids[i], KOKEN_S(60), &got), -EPERM);
    }
    cr_assert_eq(reading(&ran), 5);
    cr_assert_eq(koken_engine_stats_get(engine, &stats), 0);
    cr_assert_eq(stats.joined, 9);
    cr_assert_eq(stats.hits, 2);
    cr_assert_eq(stats.done, 3);
    cr_assert_eq(stats.failed, 2);
    cr_assert_eq(stats.submitted, 16);
    cr_assert_eq(stats.results, 0);
    koken_engine_free(engine);
    stop(rt);
}

Test(engine_submit, is_refused_when_there_is_no_room)
{
    struct koken *rt = start(1);
    struct koken_engine *engine =
        engine_of(rt, (struct koken_engine_options){.work_max = 2, .max_threads = 1});
    struct koken_engine_stats stats;
    uint64_t id;
    clear();
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = gated}, NULL), 0);
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, &id), 0);
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, NULL), -EAGAIN);
    count(&gate);
    cr_assert_eq(koken_engine_join(engine, id, KOKEN_S(60)), 0);
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, &id), 0);
    cr_assert_eq(koken_engine_join(engine, id, KOKEN_S(60)), 0);
    cr_assert_eq(koken_engine_stats_get(engine, &stats), 0);
    cr_assert_eq(stats.refused, 1);
    cr_assert_eq(stats.submitted, 3);
    koken_engine_free(engine);
    stop(rt);
}

Test(engine_submit, bad_input)
{
    struct koken *rt = start(1);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){0});
    struct koken_engine *cached = cached_engine(rt, 4);
    struct koken_source *source;
    uint64_t nothing[128] = {0}, id;
    uint32_t key = 1;
    struct koken_work work = {.fn = quick};
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    cr_assert_eq(koken_engine_submit((struct koken_engine *)(void *)nothing, &work, &id), -EINVAL);
    cr_assert_eq(koken_engine_submit(NULL, &work, &id), -EINVAL);
    cr_assert_eq(koken_engine_submit(engine, NULL, &id), -EINVAL);
    work = (struct koken_work){.value_size = 4};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), -EINVAL);
    work = (struct koken_work){.fn = quick, .arg_size = 4};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), -EINVAL);
    work = (struct koken_work){.fn = quick, .priority = KOKEN_PRIORITY_COUNT_};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), -EINVAL);
    work = (struct koken_work){.fn = quick, .key = &key};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), -EINVAL); /* no cache */
    cr_assert_eq(koken_engine_submit(cached, &work, &id), -EINVAL); /* another size */
    work = (struct koken_work){.fn = quick, .key = &key, .value_size = 4, .token = {source}};
    cr_assert_eq(koken_engine_submit(cached, &work, &id), -EINVAL);
    work = (struct koken_work){.fn = quick, .token = {(struct koken_source *)(void *)nothing}};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), -EINVAL); /* a foreign token */
    work = (struct koken_work){.fn = quick, .value_size = SIZE_MAX};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), -ENOMEM);
    koken_source_free(source);
    koken_engine_free(engine);
    koken_engine_free(cached);
    stop(rt);
}

#ifdef KN_DEBUG
Test(engine_submit, without_memory_nothing_is_left)
{
    struct koken *rt = start(1);
    clear();
    count(&gate);
    for (uint64_t i = 0; i < 12; i++) {
        struct koken_engine *engine = cached_engine(rt, 4);
        uint32_t n = 1, got = 0;
        struct koken_work work = {
            .fn = twice, .key = &n, .arg = &n, .arg_size = sizeof n, .value_size = sizeof n};
        uint64_t id;
        for (int round = 0; round < 2; round++) { /* computed, then from the cache */
            kn_alloc_fail_after(i);
            int rc = koken_engine_submit(engine, &work, &id);
            kn_alloc_fail_after(UINT64_MAX);
            cr_assert(rc == 0 || rc == -ENOMEM);
            if (rc == 0) {
                cr_assert_eq(koken_engine_wait(engine, id, KOKEN_S(60), &got), 0);
                cr_assert_eq(got, 2);
            }
        }
        koken_engine_free(engine);
    }
    stop(rt);
}
#endif
