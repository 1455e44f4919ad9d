/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of loops (T110, T114): each index once, whoever takes part and however they are cut; never more than max_threads at once;
 * errors and tokens end them; nested ones come to an end on one worker; threads, fibers, and handlers by a future.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/group.h>

#include <string.h>

enum { COUNT = 100000 };

static kn_atomic(uint32_t) at_once, most, called, results, threads;
static kn_atomic(int) outcome;
static unsigned char seen[COUNT];

static struct koken_group *group_of(struct koken *rt, struct koken_group_options o)
{
    struct koken_group *group = NULL;
    cr_assert_eq(koken_group_new(rt, &o, &group), 0);
    return group;
}

static int mark(void *arg, size_t index)
{
    (void)arg;
    seen[index]++;
    return 0;
}

static void all_once(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(seen[i], 1, "%zu was done %u times", i, seen[i]);
    }
}

Test(foreach, does_each_index_once)
{
    static const size_t sizes[] = {0, 1, 2, 3, 7, 100, 4097, COUNT};
    for (unsigned workers = 1; workers <= 4; workers += 3) {
        struct koken *rt = start(workers);
        struct koken_group *group = group_of(rt, (struct koken_group_options){0});
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct koken_future *end;
            memset(seen, 0, sizeof seen);
            cr_assert_eq(koken_for_each(group, sizes[i], mark, NULL), 0);
            all_once(sizes[i]);
            memset(seen, 0, sizeof seen);
            cr_assert_eq(koken_for_each_start(group, sizes[i], mark, NULL, &end), 0);
            cr_assert_eq(koken_future_join(end, KOKEN_S(60)), 0);
            koken_future_drop(end);
            all_once(sizes[i]);
        }
        koken_group_free(group);
        stop(rt);
    }
}

static int slow(void *arg, size_t index)
{
    static KN_TLS bool is_known;
    (void)index;
    if (!is_known) {
        is_known = true;
        count(&threads);
    }
    uint32_t now = count(&at_once) + 1, top = reading(&most);
    while (now > top && !kn_cas_weak(&most, &top, now, acq_rel, acquire)) { /* ends: it grows */
    }
    /* Until somebody else has come, however busy the machine is; a loop that nobody joins fails in the end. */
    uint64_t until = koken_now() + KOKEN_S(20);
    while (reading(&most) < *(unsigned *)arg && koken_now() < until) {
        kn_thread_yield();
    }
    (void)kn_sub(&at_once, 1, acq_rel);
    return 0;
}

Test(foreach, never_more_than_max_threads_at_once)
{
    struct koken *rt = start(5);
    reset(&threads);
    for (unsigned max = 1; max <= 4; max++) {
        struct koken_group *group = group_of(rt, (struct koken_group_options){.max_threads = max});
        reset(&most);
        cr_assert_eq(koken_for_each(group, max < 4 ? 24 : 8, slow, &max), 0);
        cr_assert_eq(reading(&most), max);
        koken_group_free(group);
    }
    cr_assert_geq(reading(&threads), 4); /* that were there at once */
    stop(rt);
}

static int fail_at(void *arg, size_t index)
{
    count(&called);
    return index == *(size_t *)arg ? -EPERM : 0;
}

Test(foreach, the_first_error_ends_it)
{
    struct koken *rt = start(2);
    size_t where = 500;
    struct koken_group *group;
    for (unsigned max = 2; max > 0; max--) {
        group = group_of(rt, (struct koken_group_options){.max_threads = max});
        reset(&called);
        cr_assert_eq(koken_for_each(group, COUNT, fail_at, &where), -EPERM);
        /* A second thread could do all the others before the first comes back with the error. */
        cr_assert(max > 1 || reading(&called) < COUNT);
        cr_assert_eq(koken_for_each(group, 1, mark, NULL), -ECANCELED); /* the group is over */
        koken_group_free(group);
    }
    group = group_of(rt, (struct koken_group_options){.keep_going = true});
    reset(&called);
    cr_assert_eq(koken_for_each(group, 1000, fail_at, &where), -EPERM);
    cr_assert_geq(reading(&called), 500);
    cr_assert_eq(koken_for_each(group, 1, mark, NULL), 0);
    koken_group_free(group);
    struct koken_source *source;
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    group = group_of(rt, (struct koken_group_options){.token = {source}});
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_USER, NULL), 0);
    cr_assert_eq(koken_for_each(group, 1000, mark, NULL), -ECANCELED);
    koken_source_free(source);
    koken_group_free(group);
    stop(rt);
}

Test(foreach, bad_input)
{
    struct koken *rt = start(1);
    struct koken_group *group = group_of(rt, (struct koken_group_options){0});
    struct koken_future *end;
    int sum = 0;
    cr_assert_eq(koken_for_each(NULL, 1, mark, NULL), -EINVAL);
    cr_assert_eq(koken_for_each(group, 1, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_for_range(group, 1, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_for_each(group, (size_t)UINT32_MAX + 1, mark, NULL), -E2BIG);
    cr_assert_eq(koken_for_each_start(group, 1, mark, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_for_each_start(group, 1, NULL, NULL, &end), -EINVAL);
    cr_assert_eq(koken_reduce(group, 1, &sum, sizeof sum, NULL, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_map_each(group, NULL, 1, &sum, 1, 1, NULL, NULL), -EINVAL);
    koken_group_free(group);
    stop(rt);
}

static int add_range(void *arg, size_t begin, size_t end, void *sum)
{
    (void)arg;
    for (size_t i = begin; i < end; i++) {
        *(uint64_t *)sum += i;
    }
    return 0;
}

static void add_sums(void *arg, void *sum, const void *other)
{
    (void)arg;
    *(uint64_t *)sum += *(const uint64_t *)other;
}

static int square(void *arg, const void *in, void *out)
{
    (void)arg;
    *(uint64_t *)out = (uint64_t) * (const uint32_t *)in * *(const uint32_t *)in;
    return 0;
}

Test(foreach, reduces_and_maps)
{
    static uint32_t in[1000];
    static uint64_t out[1000];
    struct koken *rt = start(3);
    struct koken_group *group = group_of(rt, (struct koken_group_options){0});
    uint64_t sum = 0;
    cr_assert_eq(koken_reduce(group, COUNT, &sum, sizeof sum, add_range, add_sums, NULL), 0);
    cr_assert_eq(sum, (uint64_t)COUNT * (COUNT - 1) / 2);
    sum = 0;
    cr_assert_eq(koken_reduce(group, 0, &sum, sizeof sum, add_range, add_sums, NULL), 0);
    cr_assert_eq(sum, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        in[i] = i;
    }
    cr_assert_eq(koken_map_each(group, in, sizeof in[0], out, sizeof out[0], 1000, square, NULL),
                 0);
    for (uint64_t i = 0; i < 1000; i++) {
        cr_assert_eq(out[i], i * i);
    }
    koken_group_free(group);
    stop(rt);
}

static struct koken_group *nest_group;

static int outer(void *arg, size_t index)
{
    (void)index;
    return koken_for_each(nest_group, 200, fail_at, arg);
}

Test(foreach, nests_on_one_worker)
{
    size_t nowhere = SIZE_MAX;
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        struct koken_future *end;
        nest_group = group_of(rt, (struct koken_group_options){0});
        reset(&called);
        cr_assert_eq(koken_for_each_start(nest_group, 50, outer, &nowhere, &end), 0);
        cr_assert_eq(koken_future_join(end, KOKEN_S(60)), 0); /* without help from here */
        cr_assert_eq(reading(&called), 50 * 200);
        koken_future_drop(end);
        koken_group_free(nest_group);
        stop(rt);
    }
}

static int looping(koken_ctx *ctx, const int *state, struct koken_group *const *arg)
{
    (void)ctx;
    (void)state;
    kn_store(&outcome, koken_for_each(*arg, COUNT, mark, NULL), relaxed);
    count(&results);
    return 0;
}

KOKEN_FIBER(looping_fiber, int, looping);

KOKEN_EVENT(foreach_go);

static int on_go(koken_ctx *ctx, int *self, const struct foreach_go *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    kn_store(&outcome, koken_for_each(nest_group, 10, mark, NULL), relaxed);
    count(&results);
    return 0;
}

KOKEN_AGENT(foreach_handler, int, KOKEN_ON(foreach_go, on_go));

Test(foreach, fibers_wait_for_it_and_handlers_must_not)
{
    struct koken *rt = start(1);
    nest_group = group_of(rt, (struct koken_group_options){0});
    reset(&results);
    memset(seen, 0, sizeof seen);
    cr_assert(!koken_is_nobody(
        koken_spawn(rt, looping_fiber, .arg = &nest_group, .arg_size = sizeof nest_group)));
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), 0);
    all_once(COUNT);
    koken_ref who = koken_spawn(rt, foreach_handler);
    cr_assert_eq(koken_signal(who, foreach_go), 0);
    wait_for(&results, 2);
    cr_assert_eq(kn_load(&outcome, relaxed), -ENOTSUP);
    koken_group_free(nest_group);
    stop(rt);
}
