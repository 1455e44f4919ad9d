/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the overflow: waiters leave in the order they came, once, from the middle too; none enters after
 * the close; DROP_OLD gives up the oldest and only above its maximum; bytes are never overdrawn, with
 * threads racing for them.
 */
#include "mailbox/overflow.h"

#include "base/align.h"
#include "base/world.h"

#include <criterion/criterion.h>

struct KN_ALIGNED(64) letter {
    unsigned char bytes[64];
};

static struct letter letters[5];

static struct kn_envelope *env(int i)
{
    return (struct kn_envelope *)(void *)&letters[i];
}

static struct kn_overflow *o;

static void make(void)
{
    (void)kn_world_init();
    o = kn_overflow_new(100, 20);
    cr_assert_not_null(o);
}

static void unmake(void)
{
    kn_overflow_free(o);
}

/* A wave is as large as is said, then twice the one before, and says when it is the last. */
Test(overflow, waves_double, .init = make, .fini = unmake)
{
    uint64_t who, cookie;
    struct kn_room_waiter waiters[7] = {{0}};
    bool is_all;
    cr_assert_eq(kn_overflow_wave(o, 0, &is_all), 0);
    cr_assert(is_all, "nobody waits");
    for (unsigned i = 0; i < 7; i++) {
        cr_assert(kn_overflow_wait(o, &waiters[i]));
    }
    const uint32_t first[] = {1, 0, 0}, wanted[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        uint32_t n = kn_overflow_wave(o, first[i], &is_all);
        cr_assert_eq(n, wanted[i]);
        cr_assert_eq(is_all, i == 2);
        for (; n > 0; n--) {
            cr_assert(kn_overflow_pop_waiter(o, &who, &cookie));
        }
    }
    cr_assert_eq(kn_overflow_wave(o, 3, &is_all), 0);
}

/* First come, first told; a waiter taken out of the middle or of the end does not break the line. */
Test(overflow, waiters_leave_in_order, .init = make, .fini = unmake)
{
    struct kn_room_waiter waiters[5] = {{0}};
    uint64_t who, cookie;
    cr_assert_not(kn_overflow_pop_waiter(o, &who, &cookie));
    for (uint64_t i = 0; i < 5; i++) {
        waiters[i].who = i + 1;
        waiters[i].cookie = i * 10;
        cr_assert(kn_overflow_wait(o, &waiters[i]));
    }
    cr_assert_eq(kn_overflow_waiters(o), 5);
    cr_assert(kn_overflow_unwait(o, &waiters[2]));
    cr_assert_eq(kn_overflow_waiters(o), 4);
    cr_assert_not(kn_overflow_unwait(o, &waiters[2]), "only once");
    cr_assert(kn_overflow_unwait(o, &waiters[4]));
    cr_assert(kn_overflow_wait(o, &waiters[4]), "the end of the line is known");
    static const uint64_t order[4] = {1, 2, 4, 5};
    for (int i = 0; i < 4; i++) {
        cr_assert(kn_overflow_pop_waiter(o, &who, &cookie));
        cr_assert_eq(who, order[i]);
        cr_assert_eq(cookie, (order[i] - 1) * 10);
    }
    cr_assert_not(kn_overflow_pop_waiter(o, &who, &cookie));
    cr_assert(kn_overflow_wait(o, &waiters[0]), "an empty line can be entered again");
    cr_assert(kn_overflow_pop_waiter(o, &who, &cookie));
}

/* After the close nobody enters and nothing is appended. */
Test(overflow, close_refuses, .init = make, .fini = unmake)
{
    struct kn_room_waiter waiter = {0};
    struct kn_envelope *victim = NULL;
    kn_overflow_close(o);
    cr_assert_not(kn_overflow_wait(o, &waiter));
    cr_assert_not(kn_overflow_append(o, env(0), 1, &victim));
    cr_assert_null(victim);
    cr_assert_eq(kn_overflow_count(o), 0);
}

/* DROP_OLD: the maximum is exact, the victim is the oldest, the rest keeps its order. */
Test(overflow, append_gives_up_the_oldest, .init = make, .fini = unmake)
{
    struct kn_envelope *victim = env(4);
    for (int i = 0; i < 3; i++) {
        cr_assert(kn_overflow_append(o, env(i), 3, &victim));
        cr_assert_null(victim);
    }
    cr_assert(kn_overflow_append(o, env(3), 3, &victim));
    cr_assert_eq(victim, env(0));
    cr_assert_eq(kn_overflow_count(o), 3);
    for (int i = 1; i < 4; i++) {
        cr_assert_eq(kn_overflow_pop(o), env(i));
    }
    cr_assert_null(kn_overflow_pop(o));
    cr_assert(kn_overflow_append(o, env(0), 3, &victim));
    cr_assert_eq(kn_overflow_pop(o), env(0));
}

/* The oldest of a type comes out wherever it stands; count, order and end of the list stay right. */
Test(overflow, pop_type_takes_from_anywhere, .init = make, .fini = unmake)
{
    static const struct koken_type *const A = (const struct koken_type *)16;
    static const struct koken_type *const B = (const struct koken_type *)32;
    struct kn_envelope *victim;
    for (int i = 0; i < 3; i++) {
        env(i)->type = i == 2 ? B : A;
        (void)kn_overflow_append(o, env(i), 9, &victim);
    }
    cr_assert_eq(kn_overflow_pop_type(o, B), env(2), "from the end");
    cr_assert_null(kn_overflow_pop_type(o, B));
    env(3)->type = B;
    (void)kn_overflow_append(o, env(3), 9, &victim);
    cr_assert_eq(kn_overflow_pop_type(o, A), env(0), "from the front");
    cr_assert_eq(kn_overflow_count(o), 2);
    cr_assert_eq(kn_overflow_pop(o), env(1));
    cr_assert_eq(kn_overflow_pop(o), env(3));
    cr_assert_null(kn_overflow_pop_type(o, A));
}

/* The bound in bytes is exact; who was refused hears once that it is over, at the low mark. */
Test(overflow, bytes_are_bounded, .init = make, .fini = unmake)
{
    bool opened = false;
    cr_assert(kn_overflow_reserve(o, 60, &opened));
    cr_assert(kn_overflow_reserve(o, 40, &opened));
    cr_assert_not(kn_overflow_release(o, 40), "nobody was refused");
    cr_assert(kn_overflow_reserve(o, 40, &opened), "so there is no pressure");
    cr_assert_not(kn_overflow_is_pressed(o));
    cr_assert_not(kn_overflow_reserve(o, 1, &opened));
    cr_assert(kn_overflow_is_pressed(o));
    cr_assert_not(kn_overflow_release(o, 60));
    cr_assert_not(kn_overflow_reserve(o, 1, &opened), "40 wait, more than the low mark");
    cr_assert_not(kn_overflow_release(o, 19));
    cr_assert_not(kn_overflow_reserve(o, 1, &opened), "21 wait");
    cr_assert(kn_overflow_release(o, 1), "20 wait");
    cr_assert_not(kn_overflow_is_pressed(o));
    cr_assert(kn_overflow_reserve(o, 80, &opened));
    cr_assert_not(opened);
    cr_assert_not(kn_overflow_reserve(o, 10, &opened));
    cr_assert_not(kn_overflow_release(o, 30));
    cr_assert(kn_overflow_release(o, 70), "all");
    cr_assert_not(kn_overflow_reserve(o, 101, &opened), "fits never");
    cr_assert_not(kn_overflow_is_pressed(o), "so nobody waits for it");
}

/* A small message may get in below the low mark where a large one made the pressure; it ends it. */
Test(overflow, a_sender_may_end_the_pressure, .init = make, .fini = unmake)
{
    bool opened = false;
    cr_assert(kn_overflow_reserve(o, 10, &opened));
    cr_assert_not(kn_overflow_reserve(o, 95, &opened));
    cr_assert(kn_overflow_is_pressed(o));
    cr_assert(kn_overflow_reserve(o, 5, &opened));
    cr_assert(opened);
    cr_assert_not(kn_overflow_release(o, 15));
}

static kn_atomic(uint32_t) inside;
static kn_atomic(uint32_t) is_overdrawn, reliefs;

static void reserve_and_release(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        bool opened = false;
        if (kn_overflow_reserve(o, 30, &opened)) {
            if (kn_add(&inside, 1, relaxed) >=
                3) { /* relaxed: it is the count itself that is looked at */
                kn_store(&is_overdrawn, 1, relaxed);
            }
            (void)kn_sub(&inside, 1, relaxed);
            if (kn_overflow_release(o, 30)) {
                (void)kn_add(&reliefs, 1, relaxed); /* relaxed: only printed */
            }
        }
    }
}

/* Four threads at 30 of 100 bytes: never more than three inside. */
Test(overflow, bytes_hold_among_threads, .init = make, .fini = unmake)
{
    struct kn_thread threads[4] = {{0}};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "reserve", reserve_and_release, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&is_overdrawn, relaxed), 0);
    bool opened = false;
    cr_assert_not(kn_overflow_is_pressed(o), "%u reliefs", kn_load(&reliefs, relaxed));
    cr_assert(kn_overflow_reserve(o, 100, &opened), "all was given back");
}

/* Freeing nothing is fine. */
Test(overflow, free_accepts_null)
{
    kn_overflow_free(NULL);
}
