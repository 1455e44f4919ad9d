/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of what is made of futures (T107 and the rest of T102): map, then, all, any, race, settled, until, delay, in every order of
 * completion, from several threads; chains and loops of any length without stack; nothing left in inputs that live on; no leak.
 */
#include "orchestration/future.h"
#include "test/support/runtime.h"

#include <koken/future.h>

enum { LINKS = 100000 };

static koken_promise promises[8];
static struct koken_future *inputs[8];

static struct koken_future *pending(koken_promise *ret_promise, size_t size)
{
    struct koken_future *future = NULL;
    (void)kn_world_init();
    cr_assert_eq(koken_promise_new(size, ret_promise, &future), 0);
    return future;
}

static void begin(int n)
{
    for (int i = 0; i < n; i++) {
        inputs[i] = pending(&promises[i], sizeof(int));
    }
}

/* Ends input i: with value i + 1, or an error. */
static void give(int i, int error)
{
    int value = i + 1;
    cr_assert_eq(error ? koken_promise_fail(&promises[i], error)
                       : koken_promise_set(&promises[i], &value),
                 0);
}

static void end(int n)
{
    for (int i = 0; i < n; i++) {
        koken_promise_drop(&promises[i]);
        koken_future_drop(inputs[i]);
    }
}

static int add_one(void *arg, const void *value, void *ret_value)
{
    (void)arg;
    *(int *)ret_value = *(const int *)value + 1;
    return *(const int *)value == -1 ? -EPERM : 0;
}

Test(future_join, a_chain_of_any_length)
{
    koken_promise promise;
    struct koken_future *first = pending(&promise, sizeof(int)), *last = koken_future_keep(first),
                        *next;
    int value = 0, got = 0;
    for (int i = 0; i < LINKS; i++) {
        cr_assert_eq(koken_future_map(last, sizeof(int), add_one, NULL, &next), 0);
        koken_future_drop(last);
        last = next;
    }
    cr_assert_eq(koken_future_peek(last, NULL), -EAGAIN);
    cr_assert_eq(koken_promise_set(&promise, &value), 0);
    cr_assert_eq(koken_future_wait(last, 0, &got), 0);
    cr_assert_eq(got, LINKS);
    koken_future_drop(last);
    koken_future_drop(first);
}

Test(future_join, errors_pass_by_and_come_from_map)
{
    struct koken_future *failed, *ready, *one, *two;
    int minus = -1, got;
    cr_assert_eq(koken_future_failed(-ESRCH, &failed), 0);
    cr_assert_eq(koken_future_ready(&minus, sizeof minus, &ready), 0);
    cr_assert_eq(koken_future_map(failed, sizeof(int), add_one, NULL, &one), 0);
    cr_assert_eq(koken_future_map(ready, sizeof(int), add_one, NULL, &two), 0);
    cr_assert_eq(koken_future_wait(one, 0, &got), -ESRCH);
    cr_assert_eq(koken_future_wait(two, 0, &got), -EPERM);
    cr_assert_eq(koken_future_map(ready, sizeof(int), NULL, NULL, &two), -EINVAL);
    cr_assert_eq(koken_future_then(NULL, sizeof(int), NULL, NULL, &two), -EINVAL);
    koken_future_drop(failed);
    koken_future_drop(ready);
    koken_future_drop(one);
    koken_future_drop(two);
}

Test(future_join, what_has_failed_already_has_no_size)
{
    struct koken_future *failed, *ready, *joined;
    int seven = 7, got = 0;
    cr_assert_eq(koken_future_failed(-ESRCH, &failed), 0);
    cr_assert_eq(koken_future_ready(&seven, sizeof seven, &ready), 0);
    struct koken_future *both[] = {failed, ready};
    cr_assert_eq(koken_future_any(both, 2, &joined), 0);
    cr_assert_eq(koken_future_wait(joined, 0, &got), 0);
    cr_assert_eq(got, 7);
    koken_future_drop(joined);
    cr_assert_eq(koken_future_all(both, 2, &joined), 0);
    cr_assert_eq(koken_future_join(joined, 0), -ESRCH);
    koken_future_drop(joined);
    cr_assert_eq(koken_future_any(both, 1, &joined), 0);
    cr_assert_eq(koken_future_wait(joined, 0, &got), -ESRCH);
    koken_future_drop(joined);
    koken_future_drop(failed);
    koken_future_drop(ready);
}

/* A loop: each turn's future is complete already, or becomes so in another wave. */
static struct koken_future *turn(void *arg, int error, const void *value)
{
    int n = error ? -1 : *(const int *)value + 1;
    struct koken_future *now = NULL, *next = NULL;
    cr_assert_eq(koken_future_ready(&n, sizeof n, &now), 0);
    if (n >= *(int *)arg) {
        return now;
    }
    cr_assert_eq(koken_future_then(now, sizeof(int), turn, arg, &next), 0);
    koken_future_drop(now);
    return next;
}

static struct koken_future *nothing(void *arg, int error, const void *value)
{
    (void)arg;
    (void)error;
    (void)value;
    return NULL;
}

static struct koken_future *too_short(void *arg, int error, const void *value)
{
    struct koken_future *future = NULL;
    (void)arg;
    (void)error;
    (void)value;
    return koken_future_ready("", 1, &future) < 0 ? NULL : future;
}

Test(future_join, then_goes_on_with_another_one)
{
    struct koken_future *first, *last;
    int zero = 0, turns = LINKS, got = 0;
    cr_assert_eq(koken_future_ready(&zero, sizeof zero, &first), 0);
    cr_assert_eq(koken_future_then(first, sizeof(int), turn, &turns, &last), 0);
    cr_assert_eq(koken_future_wait(last, 0, &got), 0);
    cr_assert_eq(got, LINKS);
    koken_future_drop(last);
    cr_assert_eq(koken_future_then(first, sizeof(int), nothing, NULL, &last), 0);
    cr_assert_eq(koken_future_wait(last, 0, &got), -ENOMEM);
    koken_future_drop(last);
    cr_assert_eq(koken_future_then(first, sizeof(int), too_short, NULL, &last), 0);
    cr_assert_eq(koken_future_wait(last, 0, &got), -EPROTO);
    koken_future_drop(last);
    koken_future_drop(first);
}

Test(future_join, all)
{
    struct koken_future *all;
    int got[3];
    begin(3);
    cr_assert_eq(koken_future_all(inputs, 3, &all), 0);
    give(2, 0);
    give(0, 0);
    cr_assert_eq(koken_future_peek(all, NULL), -EAGAIN);
    give(1, 0);
    cr_assert_eq(koken_future_wait(all, 0, &got), 0);
    cr_assert(got[0] == 1 && got[1] == 2 && got[2] == 3);
    koken_future_drop(all);
    cr_assert_eq(koken_future_all(inputs, 3, &all), 0); /* of complete ones */
    cr_assert_eq(koken_future_wait(all, 0, &got), 0);
    koken_future_drop(all);
    end(3);
    begin(3);
    cr_assert_eq(koken_future_all(inputs, 3, &all), 0);
    give(1, -EPERM);
    cr_assert_eq(koken_future_join(all, 0), -EPERM);
    cr_assert_eq(koken_future_index(all), 1);
    cr_assert(kn_list_is_empty(&inputs[0]->thens)); /* let go */
    koken_future_drop(all);
    end(3);
    cr_assert_eq(koken_future_all(NULL, 0, &all), 0);
    cr_assert_eq(koken_future_join(all, 0), 0);
    koken_future_drop(all);
}

Test(future_join, any_and_race_and_settled)
{
    struct koken_future *any, *race, *settled;
    int got = 0;
    begin(3);
    cr_assert_eq(koken_future_any(inputs, 3, &any), 0);
    cr_assert_eq(koken_future_race(inputs, 3, &race), 0);
    cr_assert_eq(koken_future_settled(inputs, 3, &settled), 0);
    give(1, -EPERM);
    cr_assert_eq(koken_future_wait(race, 0, &got), -EPERM);
    cr_assert_eq(koken_future_index(race), 1);
    cr_assert_eq(koken_future_peek(any, NULL), -EAGAIN);
    give(2, 0);
    cr_assert_eq(koken_future_wait(any, 0, &got), 0);
    cr_assert_eq(got, 3);
    cr_assert_eq(koken_future_index(any), 2);
    cr_assert_eq(koken_future_peek(settled, NULL), -EAGAIN);
    give(0, -ESRCH);
    cr_assert_eq(koken_future_join(settled, 0), 0);
    koken_future_drop(any);
    koken_future_drop(race);
    koken_future_drop(settled);
    end(3);
    begin(2);
    cr_assert_eq(koken_future_any(inputs, 2, &any), 0);
    give(1, -EPERM);
    give(0, -ESRCH);
    cr_assert_eq(koken_future_join(any, 0), -ESRCH);
    koken_future_drop(any);
    end(2);
    cr_assert_eq(koken_future_any(NULL, 0, &any), -EINVAL);
    cr_assert_eq(koken_future_race(NULL, 0, &any), -EINVAL);
    cr_assert_eq(koken_future_all(NULL, 1, &any), -EINVAL);
}

Test(future_join, a_long_lived_input_collects_nothing)
{
    begin(1);
    for (int i = 0; i < 1000; i++) {
        struct koken_future *both[2] = {inputs[0], NULL}, *race, *until;
        cr_assert_eq(koken_future_ready(&i, sizeof i, &both[1]), 0);
        cr_assert_eq(koken_future_race(both, 2, &race), 0);
        cr_assert_eq(koken_future_until(NULL, race, KOKEN_NO_DEADLINE, (koken_token){NULL}, &until),
                     0);
        cr_assert_eq(koken_future_join(until, 0), 0);
        koken_future_drop(race);
        koken_future_drop(until);
        koken_future_drop(both[1]);
    }
    cr_assert(kn_list_is_empty(&inputs[0]->thens));
    end(1);
}

static void giver(void *arg)
{
    int i = *(int *)arg, value = i + 1;
    expect(koken_promise_set(&promises[i], &value) == 0);
}

Test(future_join, inputs_that_end_at_the_same_time)
{
    for (int round = 0; round < 100 * SCALE; round++) {
        struct kn_thread threads[2] = {{NULL}, {NULL}};
        struct koken_future *all, *race, *any;
        int numbers[2] = {0, 1}, both[2], one;
        begin(2);
        cr_assert_eq(kn_thread_start(&threads[0], "giver", giver, &numbers[0]), 0);
        cr_assert_eq(koken_future_all(inputs, 2, &all), 0);
        cr_assert_eq(kn_thread_start(&threads[1], "giver", giver, &numbers[1]), 0);
        cr_assert_eq(koken_future_race(inputs, 2, &race), 0);
        cr_assert_eq(koken_future_any(inputs, 2, &any), 0);
        cr_assert_eq(koken_future_wait(any, KOKEN_S(60), &one), 0);
        cr_assert_eq(one, (int)koken_future_index(any) + 1);
        cr_assert_eq(koken_future_wait(race, KOKEN_S(60), &one), 0);
        cr_assert_eq(koken_future_wait(all, KOKEN_S(60), &both), 0);
        cr_assert(both[0] == 1 && both[1] == 2);
        kn_thread_join(&threads[0]);
        kn_thread_join(&threads[1]);
        koken_future_drop(all);
        koken_future_drop(race);
        koken_future_drop(any);
        end(2);
    }
    assert_nothing_wrong();
}

Test(future_join, until_and_delay)
{
    struct koken *rt = start(2);
    struct koken_source *source;
    struct koken_future *late, *cancelled, *kept, *delay, *again;
    koken_token token;
    int got = 0;
    uint64_t before = koken_now();
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    token = koken_source_token(source);
    begin(2);
    cr_assert_eq(koken_future_delay(rt, KOKEN_MS(20), &delay), 0);
    cr_assert_eq(koken_future_until(rt, inputs[0], KOKEN_MS(3), token, &late), 0);
    cr_assert_eq(koken_future_until(rt, inputs[0], KOKEN_S(100), token, &cancelled), 0);
    cr_assert_eq(koken_future_until(rt, inputs[1], KOKEN_S(100), token, &kept), 0);
    cr_assert_eq(koken_future_join(late, KOKEN_S(60)), -ETIMEDOUT);
    cr_assert_geq(koken_now() - before, KOKEN_MS(3));
    give(1, 0);
    cr_assert_eq(koken_future_wait(kept, 0, &got), 0);
    cr_assert_eq(got, 2);
    cr_assert_eq(koken_future_peek(cancelled, NULL), -EAGAIN);
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_USER, NULL), 0);
    cr_assert_eq(koken_future_join(cancelled, 0), -ECANCELED);
    cr_assert_eq(koken_future_until(rt, inputs[0], KOKEN_S(100), token, &again), 0);
    cr_assert_eq(koken_future_join(again, 0), -ECANCELED);
    cr_assert_eq(koken_future_join(delay, KOKEN_S(60)), 0);
    cr_assert_geq(koken_now() - before, KOKEN_MS(20));
    cr_assert_eq(koken_future_until(NULL, inputs[0], 1, token, &again), -EINVAL);
    uint64_t nothing[64] = {0};
    koken_token foreign = {(struct koken_source *)(void *)nothing};
    cr_assert_eq(koken_future_until(rt, inputs[0], 1, foreign, &again), -EINVAL);
    cr_assert_eq(koken_future_delay(rt, KOKEN_NO_DEADLINE, &again), -EINVAL);
    koken_token_drop(&token);
    koken_source_free(source);
    koken_future_drop(late);
    koken_future_drop(cancelled);
    koken_future_drop(kept);
    koken_future_drop(again);
    koken_future_drop(delay);
    end(2);
    cr_assert_eq(koken_future_delay(rt, KOKEN_S(100), &delay), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
    cr_assert_eq(koken_future_join(delay, 0), -ECANCELED);
    koken_future_drop(delay);
}

#ifdef KN_DEBUG
Test(future_join, leaks_nothing_whichever_allocation_fails)
{
    struct koken *rt = start(1);
    for (uint64_t n = 0;; n++) {
        struct koken_future *f = NULL, *a = NULL, *b = NULL, *c = NULL;
        koken_promise promise = {NULL};
        kn_alloc_fail_after(n);
        int rc = koken_promise_new(sizeof(int), &promise, &f);
        rc = rc < 0 ? rc : koken_future_map(f, sizeof(int), add_one, NULL, &a);
        rc = rc < 0 ? rc : koken_future_all(&a, 1, &b);
        rc = rc < 0 ? rc : koken_future_until(rt, b, KOKEN_S(9), (koken_token){NULL}, &c);
        bool is_over = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || rc == -ENOMEM);
        koken_promise_drop(&promise);
        koken_future_drop(a);
        koken_future_drop(b);
        koken_future_drop(c);
        koken_future_drop(f);
        if (is_over) {
            break;
        }
    }
    stop(rt);
}
#endif
