/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: results are found by their content, made once though many ask at the same time, given up oldest first
 * when the cache is full, and that a full cache, a failing maker or a late one holds nobody up.
 */
#include "test/support/teg.h"

#include <koken/teg_learn.h>

static kn_atomic(uint32_t) made, begun, gate;

static int square(struct koken_teg_call *call)
{
    int64_t number = *(const int *)koken_teg_arg(call);
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        number += koken_teg_input(call, i).number;
    }
    (void)count(&made);
    koken_teg_answer(call, number * number);
    return koken_teg_answer_bytes(call, &number, sizeof number);
}

/* Waits until the test opens the gate. */
static int gated(struct koken_teg_call *call)
{
    (void)count(&begun);
    while (reading(&gate) == 0) {
        kn_thread_yield();
    }
    return square(call);
}

static int gated_failure(struct koken_teg_call *call)
{
    uint32_t turn = count(&begun);
    while (reading(&gate) == 0) {
        kn_thread_yield();
    }
    return turn == 0 ? -EPROTO : square(call);
}

static koken_teg_node cached(struct koken_teg *teg, int (*run)(struct koken_teg_call *call),
                             int number, enum koken_teg_place place)
{
    return koken_teg_add(teg, &(struct koken_teg_effect){.run = run,
                                                         .tag = "square",
                                                         .kind = KOKEN_TEG_PURE,
                                                         .place = place,
                                                         .arg = &number,
                                                         .arg_size = sizeof number,
                                                         .is_cached = true});
}

struct scene {
    struct stage stage;
    struct koken_teg_cache *cache;
};

static struct scene scene_of(unsigned workers, uint32_t entries, size_t bytes)
{
    struct scene scene = {.stage = {.rt = start(workers)}};
    scene.cache = koken_teg_cache_new(entries, bytes);
    cr_assert_not_null(scene.cache);
    struct koken_teg_config config = {.cache = scene.cache};
    scene.stage.executor = koken_teg_executor(scene.stage.rt, &config);
    reset(&made);
    reset(&begun);
    reset(&gate);
    return scene;
}

/* The runtime goes first, and with it whoever makes results. */
static void end(struct scene scene, struct koken_teg *teg)
{
    koken_teg_free(teg);
    drain(scene.stage.rt);
    koken_teg_cache_free(scene.cache);
    stop(scene.stage.rt);
}

static struct koken_teg_cache_stats stats_of(struct scene scene)
{
    struct koken_teg_cache_stats stats;
    koken_teg_cache_stats(scene.cache, &stats);
    cr_assert_eq(stats.lookups, stats.hits + stats.shared + stats.misses + stats.uncached);
    return stats;
}

Test(cache, results_are_found_by_their_content)
{
    struct scene scene = scene_of(1, 0, 0);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = cached(teg, square, 3, KOKEN_TEG_ON_WORKER),
                   b = cached(teg, square, 4, KOKEN_TEG_ON_WORKER),
                   again = cached(teg, square, 3, KOKEN_TEG_ON_POOL);
    koken_teg_node c =
        cached(teg, square, 3, KOKEN_TEG_ON_WORKER); /* the same, but with an input */
    koken_teg_link(teg, b, c);
    koken_teg_link(teg, a, again); /* another one */
    for (int i = 0; i < 3; i++) {
        struct koken_teg_run *run = run_of(scene.stage, teg);
        struct koken_teg_metrics m;
        cr_assert_eq(koken_teg_value(run, a).number, 9);
        cr_assert_eq(koken_teg_value(run, c).number, 19 * 19);
        cr_assert_eq(koken_teg_value(run, again).number, 144);
        cr_assert_eq(koken_teg_value(run, b).size, 8);
        cr_assert_eq(*(const int64_t *)koken_teg_value(run, b).bytes, 4);
        cr_assert_eq(reading(&made), 4);
        cr_assert_eq(koken_teg_metrics(run, &m), 0);
        cr_assert_eq(m.cache_hits, i == 0 ? 0 : 4);
        koken_teg_run_free(run);
    }
    struct koken_teg_cache_stats stats = stats_of(scene);
    cr_assert_eq(stats.misses, 4);
    cr_assert_eq(stats.hits, 8);
    cr_assert_eq(stats.entries, 4);
    cr_assert_eq(stats.bytes, 32);
    end(scene, teg);
}

/* Twenty nodes of two runs ask for one result at the same time: it is made once. */
Test(cache, what_is_being_made_is_waited_for)
{
    enum { NODES = 10 };
    struct scene scene = scene_of(2, 0, 0);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *runs[2];
    for (int i = 0; i < NODES; i++) {
        (void)cached(teg, gated, 5, KOKEN_TEG_ON_POOL);
    }
    cr_assert_eq(koken_teg_start(scene.stage.executor, teg, NULL, &runs[0]), 0);
    wait_for(&begun, 1);
    cr_assert_eq(koken_teg_start(scene.stage.executor, teg, NULL, &runs[1]), 0);
    while (stats_of(scene).lookups < 2 * NODES) {
        kn_thread_yield();
    }
    (void)count(&gate);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(koken_teg_wait(scene.stage.rt, runs[i], KOKEN_S(60)), 0);
        for (uint32_t n = 1; n <= NODES; n++) {
            cr_assert_eq(koken_teg_value(runs[i], (koken_teg_node){n}).number, 25);
        }
        koken_teg_run_free(runs[i]);
    }
    cr_assert_eq(reading(&made), 1);
    cr_assert_eq(stats_of(scene).shared, 2 * NODES - 1);
    end(scene, teg);
}

/* The one that makes it fails: the others make it themselves. */
Test(cache, a_failing_maker_is_not_waited_for_again)
{
    struct scene scene = scene_of(2, 0, 0);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run;
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    for (int i = 0; i < 4; i++) {
        (void)cached(teg, gated_failure, 6, KOKEN_TEG_ON_POOL);
    }
    cr_assert_eq(koken_teg_start(scene.stage.executor, teg, &options, &run), 0);
    while (stats_of(scene).lookups < 4) {
        kn_thread_yield();
    }
    (void)count(&gate);
    cr_assert_eq(koken_teg_wait(scene.stage.rt, run, KOKEN_S(60)), 0);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.failed, 1);
    cr_assert_eq(m.completed, 3);
    koken_teg_run_free(run);
    end(scene, teg);
}

/* A full cache gives up the oldest; one of which every entry is being made lets effects run without it. */
Test(cache, a_full_cache_holds_nobody_up)
{
    struct scene scene = scene_of(1, 2, 0);
    struct koken_teg *teg = koken_teg_new();
    for (int i = 0; i < 5; i++) {
        (void)cached(teg, square, i, KOKEN_TEG_ON_WORKER);
    }
    koken_teg_run_free(run_of(scene.stage, teg));
    struct koken_teg_cache_stats stats = stats_of(scene);
    cr_assert_eq(stats.entries, 2);
    cr_assert_eq(stats.evicted, 3);
    koken_teg_free(teg);

    teg = koken_teg_new();
    struct koken_teg_run *run;
    for (int i = 0; i < 4; i++) {
        (void)cached(teg, gated, 100 + i, KOKEN_TEG_ON_POOL);
    }
    cr_assert_eq(koken_teg_start(scene.stage.executor, teg, NULL, &run), 0);
    wait_for(&begun, 4);
    (void)count(&gate);
    cr_assert_eq(koken_teg_wait(scene.stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), 0);
    koken_teg_run_free(run);
    stats = stats_of(scene);
    cr_assert_eq(stats.uncached, 2);
    cr_assert_eq(stats.entries, 2);
    end(scene, teg);
}

/* Results that are larger than the cache are made, and not kept. */
Test(cache, bytes_are_bounded)
{
    struct scene scene = scene_of(1, 0, 20);
    struct koken_teg *teg = koken_teg_new();
    for (int i = 0; i < 5; i++) {
        (void)cached(teg, square, i, KOKEN_TEG_ON_WORKER);
    }
    koken_teg_run_free(run_of(scene.stage, teg));
    struct koken_teg_cache_stats stats = stats_of(scene);
    cr_assert_leq(stats.bytes, 20);
    cr_assert_eq(stats.entries, 2);
    end(scene, teg);
}

/* A maker that has timed out gives its late result to those who wait nevertheless. */
Test(cache, a_late_maker_is_of_use)
{
    struct scene scene = scene_of(2, 0, 0);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run;
    int number = 7;
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    struct koken_teg_effect hasty = {.run = gated,
                                     .tag = "square",
                                     .kind = KOKEN_TEG_PURE,
                                     .place = KOKEN_TEG_ON_POOL,
                                     .arg = &number,
                                     .arg_size = sizeof number,
                                     .timeout_ns = KOKEN_MS(20),
                                     .cost = 100,
                                     .is_cached = true};
    koken_teg_node first = koken_teg_add(teg, &hasty),
                   second = cached(teg, gated, 7, KOKEN_TEG_ON_POOL);
    cr_assert_eq(koken_teg_start(scene.stage.executor, teg, &options, &run), 0);
    while (koken_teg_state(run, first) != KOKEN_TEG_TIMED_OUT) {
        kn_thread_yield();
    }
    (void)count(&gate);
    cr_assert_eq(koken_teg_wait(scene.stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_value(run, second).number, 49);
    koken_teg_run_free(run);
    end(scene, teg);
}
