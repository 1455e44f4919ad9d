/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the deque's ends and orders, that it grows, and that whatever the owner pushes and many threads
 * steal comes out once, in both of its forms.
 */
#include "mailbox/toolbox/deque.h"

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { THIEVES = 8, MANY_THIEVES = 64, ITEMS = 10000 };

static int numbers[ITEMS];
static kn_atomic(uint32_t) seen[ITEMS];
static kn_atomic(uint32_t) is_over;

static struct koken_deque *make(size_t capacity, bool is_symmetric)
{
    struct koken_deque_options o = {.capacity = capacity, .is_symmetric = is_symmetric};
    struct koken_deque *deque;
    cr_assert_eq(koken_deque_new(&o, &deque), 0);
    return deque;
}

Test(deque, newest_for_the_owner_oldest_for_thieves)
{
    for (int form = 0; form < 2; form++) {
        struct koken_deque *deque = make(0, form == 1);
        void *stolen;
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(koken_deque_push(deque, &numbers[i]), 0);
        }
        cr_assert_eq(koken_deque_len(deque), 3);
        cr_assert_eq(koken_deque_pop(deque), (void *)&numbers[2]);
        cr_assert_eq(koken_deque_steal(deque, &stolen), 1);
        cr_assert_eq(stolen, (void *)&numbers[0]);
        cr_assert_eq(koken_deque_pop(deque), (void *)&numbers[1]);
        cr_assert_null(koken_deque_pop(deque));
        cr_assert_eq(koken_deque_steal(deque, &stolen), 0);
        cr_assert_eq(koken_deque_push(deque, &numbers[4]), 0);
        cr_assert_eq(koken_deque_steal(deque, &stolen), 1);
        cr_assert_eq(stolen, (void *)&numbers[4]);
        cr_assert_null(koken_deque_pop(deque));
        cr_assert_eq(koken_deque_len(deque), 0);
        koken_deque_free(deque);
    }
}

Test(deque, grows_and_keeps_the_order)
{
    struct koken_deque *deque = make(16, false);
    cr_assert_eq(koken_deque_capacity(deque), 16);
    for (int i = 0; i < 32; i++) {
        cr_assert_eq(koken_deque_push(deque, &numbers[i]), 0);
    }
    cr_assert_geq(koken_deque_capacity(deque), 32);
    cr_assert_eq(koken_deque_len(deque), 32);
    for (int i = 31; i >= 0; i--) {
        cr_assert_eq(koken_deque_pop(deque), (void *)&numbers[i]);
    }
    koken_deque_free(deque);
    deque = make(17, false);
    cr_assert_eq(koken_deque_capacity(deque), 32, "rounded up");
    for (int i = 0; i < 10 * 32; i++) { /* round the ring, without growing */
        void *stolen;
        cr_assert_eq(koken_deque_push(deque, &numbers[i]), 0);
        cr_assert_eq(koken_deque_steal(deque, &stolen), 1);
        cr_assert_eq(stolen, (void *)&numbers[i]);
    }
    cr_assert_eq(koken_deque_capacity(deque), 32);
    koken_deque_free(deque);
}

Test(deque, bad_input)
{
    struct koken_deque *deque;
    void *stolen;
    cr_assert_eq(koken_deque_new(NULL, NULL), -EINVAL);
    cr_assert_eq(koken_deque_new(&(struct koken_deque_options){.struct_size = 1}, &deque), -EINVAL);
    cr_assert_eq(koken_deque_new(&(struct koken_deque_options){.capacity = SIZE_MAX}, &deque),
                 -EINVAL);
    deque = make(0, false);
    cr_assert_eq(koken_deque_push(deque, NULL), -EINVAL);
    cr_assert_eq(koken_deque_push(NULL, &numbers[0]), -EINVAL);
    cr_assert_eq(koken_deque_steal(deque, NULL), -EINVAL);
    cr_assert_eq(koken_deque_steal(NULL, &stolen), -EINVAL);
    cr_assert_null(koken_deque_pop(NULL));
    cr_assert_eq(koken_deque_len(NULL), 0);
    cr_assert_eq(koken_deque_capacity(NULL), 0);
    koken_deque_free(deque);
    koken_deque_free(NULL);
}

#ifdef KN_DEBUG
Test(deque, without_memory_it_stays_as_it_was)
{
    struct koken_deque *deque;
    for (uint64_t n = 0; n < 2; n++) {
        kn_alloc_fail_after(n);
        cr_assert_eq(koken_deque_new(NULL, &deque), -ENOMEM);
    }
    kn_alloc_fail_after(UINT64_MAX);
    deque = make(16, false);
    for (int i = 0; i < 16; i++) {
        cr_assert_eq(koken_deque_push(deque, &numbers[i]), 0);
    }
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_deque_push(deque, &numbers[16]), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
    cr_assert_eq(koken_deque_len(deque), 16);
    cr_assert_eq(koken_deque_push(deque, &numbers[16]), 0);
    cr_assert_eq(koken_deque_pop(deque), (void *)&numbers[16]);
    koken_deque_free(deque);
}
#endif

static void take(int *item)
{
    (void)kn_add(&seen[item - numbers], 1, relaxed);
}

static void steal(void *arg)
{
    struct koken_deque *deque = arg;
    void *stolen;
    for (;;) {
        int rc = koken_deque_steal(deque, &stolen);
        if (rc == 1) {
            take(stolen);
        } else if (rc == 0 && kn_load(&is_over, acquire)) {
            return;
        } else {
            kn_thread_yield();
        }
    }
}

static void everything_once(bool is_symmetric, int thieves)
{
    struct kn_thread threads[MANY_THIEVES] = {0};
    struct koken_deque *deque = make(16, is_symmetric);
    kn_store(&is_over, 0, relaxed);
    for (int i = 0; i < ITEMS; i++) {
        kn_store(&seen[i], 0, relaxed);
    }
    for (int i = 0; i < thieves; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "thief", steal, deque), 0);
    }
    for (int i = 0; i < ITEMS; i++) {
        cr_assert_eq(koken_deque_push(deque, &numbers[i]), 0);
        if (i % 3 == 0) {
            int *item = koken_deque_pop(deque);
            if (item) {
                take(item);
            }
        }
    }
    for (int *item = koken_deque_pop(deque); item; item = koken_deque_pop(deque)) {
        take(item);
    }
    kn_store(&is_over, 1, release);
    for (int i = 0; i < thieves; i++) {
        kn_thread_join(&threads[i]);
    }
    for (int i = 0; i < ITEMS; i++) {
        cr_assert_eq(kn_load(&seen[i], relaxed), 1, "item %d", i);
    }
    koken_deque_free(deque);
}

Test(deque, each_item_once_among_many_thieves)
{
    everything_once(false, MANY_THIEVES);
}

#ifdef KN_DEBUG
enum { ROUNDS = 100, MANY = 100000 };
#else
enum { ROUNDS = 1000, MANY = 1000000 };
#endif

static kn_atomic(struct koken_deque *) present;
static kn_atomic(uint32_t) taken, round_now, thieves_out;

/* Steals from the deque of the round until that is over. */
static void steal_in_rounds(void *arg)
{
    (void)arg;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (kn_load(&round_now, acquire) < round) {
            kn_thread_yield();
        }
        struct koken_deque *deque = kn_load(&present, acquire);
        void *stolen;
        while (kn_load(&taken, acquire) < 100) {
            if (koken_deque_steal(deque, &stolen) == 1) {
                take(stolen);
                (void)kn_add(&taken, 1, acq_rel);
            } else {
                kn_thread_yield();
            }
        }
        (void)kn_add(&thieves_out, 1, acq_rel);
    }
}

/* Each round a deque that begins small grows three times while thieves are at it. */
Test(deque, grows_a_thousand_times_among_thieves)
{
    struct kn_thread threads[THIEVES] = {0};
    kn_store(&round_now, 0, relaxed);
    for (int i = 0; i < 100; i++) {
        kn_store(&seen[i], 0, relaxed);
    }
    for (int i = 0; i < THIEVES; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "thief", steal_in_rounds, NULL), 0);
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        struct koken_deque *deque = make(16, false);
        kn_store(&present, deque, release);
        kn_store(&taken, 0, release);
        kn_store(&thieves_out, 0, release);
        kn_store(&round_now, round, release);
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(koken_deque_push(deque, &numbers[i]), 0);
        }
        for (int *item = koken_deque_pop(deque); item; item = koken_deque_pop(deque)) {
            take(item);
            (void)kn_add(&taken, 1, acq_rel);
        }
        while (kn_load(&thieves_out, acquire) < THIEVES) {
            kn_thread_yield();
        }
        koken_deque_free(deque);
    }
    for (int i = 0; i < THIEVES; i++) {
        kn_thread_join(&threads[i]);
    }
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(kn_load(&seen[i], relaxed), ROUNDS, "item %d", i);
    }
}

/* A steal that moved what stays would take hours. */
Test(deque, a_steal_does_not_depend_on_the_length)
{
    for (int form = 0; form < 2; form++) {
        struct koken_deque *deque = make(16, form == 1);
        for (int i = 0; i < MANY; i++) {
            cr_assert_eq(koken_deque_push(deque, &numbers[i % ITEMS]), 0);
        }
        for (int i = 0; i < MANY; i++) {
            void *stolen = NULL;
            if (koken_deque_steal(deque, &stolen) != 1 || stolen != &numbers[i % ITEMS]) {
                cr_assert(false, "at %d", i);
            }
        }
        koken_deque_free(deque);
    }
}

Test(deque, each_item_once_symmetric)
{
    everything_once(true, THIEVES);
}
