/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the counts of the idle set: who rests is claimed once, the nearest first; at most half
 * search; and under claimers, kickers and risers at once every worker comes back to where it
 * belongs.
 */
#include "sched/idle.h"

#include "base/world.h"

#include <criterion/criterion.h>
#include <string.h>

static struct kn_idle idle;

static uint64_t word(void)
{
    return kn_load(&idle.word, seq_cst);
}

Test(idle, all_start_awake)
{
    kn_idle_init(&idle, 3);
    cr_assert_eq(kn_idle_awake(word()), 3);
    cr_assert_eq(kn_idle_searching(word()), 0);
    cr_assert(!kn_idle_wants_wake(&idle, word()));
    cr_assert_eq(kn_idle_claim(&idle, 0, true), -1);
}

Test(idle, who_rests_is_claimed_once_and_counts_as_a_searcher)
{
    kn_idle_init(&idle, 3);
    cr_assert(!kn_idle_rest(&idle, 1, false));
    cr_assert(kn_idle_is_resting(&idle, 1));
    cr_assert(kn_idle_wants_wake(&idle, word()));
    cr_assert_eq(kn_idle_claim(&idle, 0, false), 1);
    cr_assert(!kn_idle_is_resting(&idle, 1));
    cr_assert_eq(kn_idle_awake(word()), 3);
    cr_assert_eq(kn_idle_searching(word()), 1);
    cr_assert(kn_idle_search_end(&idle), "the last searcher");
    cr_assert_eq(kn_idle_searching(word()), 0);
}

Test(idle, nobody_is_woken_while_somebody_searches_unless_forced)
{
    kn_idle_init(&idle, 4);
    (void)kn_idle_rest(&idle, 2, false);
    (void)kn_idle_rest(&idle, 3, false);
    cr_assert(kn_idle_search_begin(&idle));
    cr_assert(!kn_idle_wants_wake(&idle, word()));
    cr_assert_eq(kn_idle_claim(&idle, 0, false), -1);
    cr_assert_eq(kn_idle_claim(&idle, 3, true), 3);
    cr_assert(!kn_idle_search_end(&idle));
    cr_assert(kn_idle_search_end(&idle));
}

Test(idle, at_most_half_search_but_one_may)
{
    kn_idle_init(&idle, 5);
    cr_assert(kn_idle_search_begin(&idle));
    cr_assert(kn_idle_search_begin(&idle));
    cr_assert(!kn_idle_search_begin(&idle));
    kn_idle_init(&idle, 1);
    cr_assert(kn_idle_search_begin(&idle));
    cr_assert(!kn_idle_search_begin(&idle));
}

Test(idle, the_last_one_to_rest_is_told)
{
    kn_idle_init(&idle, 2);
    cr_assert(kn_idle_search_begin(&idle));
    cr_assert(!kn_idle_rest(&idle, 0, true));
    cr_assert_eq(kn_idle_searching(word()), 0);
    cr_assert(kn_idle_rest(&idle, 1, false));
    cr_assert_eq(kn_idle_awake(word()), 0);
    cr_assert(kn_idle_rise(&idle, 0));
    cr_assert_eq(kn_idle_awake(word()), 1);
    cr_assert_eq(kn_idle_searching(word()), 1);
}

Test(idle, the_nearest_is_claimed_across_words)
{
    kn_idle_init(&idle, 200);
    (void)kn_idle_rest(&idle, 3, false);
    (void)kn_idle_rest(&idle, 70, false);
    (void)kn_idle_rest(&idle, 199, false);
    cr_assert_eq(kn_idle_claim(&idle, 68, true), 70);
    cr_assert_eq(kn_idle_claim(&idle, 68, true), 199);
    cr_assert_eq(kn_idle_claim(&idle, 68, true), 3);
    cr_assert_eq(kn_idle_claim(&idle, 68, true), -1);
    (void)kn_idle_rest(&idle, 1, false);
    cr_assert(!kn_idle_claim_one(&idle, 2));
    cr_assert(kn_idle_claim_one(&idle, 1));
    cr_assert_eq(kn_idle_awake(word()), 200);
    cr_assert_eq(kn_idle_searching(word()), 4);
}

/* Why kn_worker_rouse() asks the bit: the sleeper's count may be held for a worker in transit. */
Test(idle, a_sleeper_may_be_out_of_reach_while_a_claimer_takes_another)
{
    kn_idle_init(&idle, 2);
    (void)kn_idle_rest(&idle, 0, false);
    (void)kn_or(&idle.bits[0], 2, seq_cst); /* worker 1 has done the first half of its rest */
    cr_assert_eq(kn_idle_claim(&idle, 1, true), 1);
    cr_assert(kn_idle_is_resting(&idle, 0));
    cr_assert(!kn_idle_claim_one(&idle, 0), "all count as awake");
    (void)kn_sub(&idle.word, KN_IDLE_AWAKE, seq_cst); /* the second half */
    cr_assert(kn_idle_claim_one(&idle, 0));
    cr_assert_eq(kn_idle_awake(word()), 2);
}

/* ---- all at once ---- */

enum { WORKERS = 3, CLAIMERS = 2, TURNS = 30000 };

static kn_atomic(uint32_t) tokens[WORKERS];
static kn_atomic(uint32_t) holders[WORKERS];
static kn_atomic(uint32_t) resting_is_over;
static kn_atomic(uint32_t) wrong;

static void enter(unsigned index)
{
    if (kn_swap(&holders[index], 1, acquire) != 0) {
        (void)kn_add(&wrong, 1, relaxed);
    }
}

/* What a waker does with a claimed worker: holds it for a moment, then gives it back by its token.
 */
static void pass_on(unsigned index)
{
    enter(index);
    kn_store(&holders[index], 0, release);
    if (kn_swap(&tokens[index], 1, release) != 0) {
        (void)kn_add(&wrong, 1, relaxed);
    }
}

static void claim_many(void *arg)
{
    uint64_t rng = kn_random_seed(*(unsigned *)arg + 1);

    while (kn_load(&resting_is_over, acquire) < WORKERS) {
        unsigned index = (unsigned)(kn_random(&rng) % WORKERS);

        if (kn_random(&rng) % 4 == 0) {
            if (kn_idle_claim_one(&idle, index)) {
                pass_on(index);
            }
        } else {
            int claimed = kn_idle_claim(&idle, index, kn_random(&rng) % 2 == 0);

            if (claimed >= 0) {
                pass_on((unsigned)claimed);
            }
        }
        kn_thread_yield();
    }
}

static void rest_many(void *arg)
{
    unsigned index = *(unsigned *)arg;
    uint64_t rng = kn_random_seed(index + 100);
    bool is_searching = false;

    for (unsigned i = 0; i < TURNS; i++) {
        bool waits = kn_random(&rng) % 2 == 0;

        (void)kn_idle_rest(&idle, index, is_searching);
        for (unsigned spins = 0; waits && spins < 3 && kn_load(&tokens[index], acquire) == 0;
             spins++) {
            kn_thread_yield();
        }
        if (kn_load(&tokens[index], acquire) == 0 && kn_idle_rise(&idle, index)) {
            enter(index);
            kn_store(&holders[index], 0, release);
        } else {
            while (kn_swap(&tokens[index], 0, acquire) == 0) { /* ends: the waker gives it */
                kn_thread_yield();
            }
        }
        is_searching = true;
        if (kn_random(&rng) % 2 == 0) {
            (void)kn_idle_search_end(&idle);
            is_searching = kn_random(&rng) % 2 == 0 && kn_idle_search_begin(&idle);
        }
    }
    if (is_searching) {
        (void)kn_idle_search_end(&idle);
    }
    (void)kn_add(&resting_is_over, 1, release);
}

Test(idle, every_worker_is_somewhere_whoever_comes, .timeout = 120)
{
    static unsigned indices[WORKERS + CLAIMERS] = {0, 1, 2, 3, 4};
    struct kn_thread threads[WORKERS + CLAIMERS] = {{0}};

    kn_idle_init(&idle, WORKERS);
    for (unsigned i = 0; i < WORKERS + CLAIMERS; i++) {
        cr_assert_eq(
            kn_thread_start(&threads[i], "idle", i < WORKERS ? rest_many : claim_many, &indices[i]),
            0);
    }
    for (unsigned i = 0; i < WORKERS + CLAIMERS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&wrong, relaxed), 0, "a worker was in two hands");
    cr_assert_eq(kn_idle_awake(word()), WORKERS);
    cr_assert_eq(kn_idle_searching(word()), 0);
    cr_assert_eq(kn_load(&idle.bits[0], relaxed), 0);
}
