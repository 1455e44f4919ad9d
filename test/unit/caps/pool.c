/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: a pool loses no block, gives none out twice, comes back from no memory, and counts right.
 */
#include "caps/pool.h"

#include "base/alloc.h"
#include "caps/poison.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct kn_depot depot;
    struct kn_pool pool;
};

static struct fixture *setup(void)
{
    struct fixture *f = aligned_alloc(KN_FALSE_SHARING, kn_align_up(sizeof(*f), KN_FALSE_SHARING));

    cr_assert_not_null(f);
    kn_depot_init(&f->depot, -1);
    kn_pool_init(&f->pool, &f->depot, -1);
    return f;
}

static void teardown(struct fixture *f)
{
    kn_pool_fini(&f->pool);
    kn_depot_fini(&f->depot);
    free(f);
}

/* Blocks of a class that are in somebody's hands. */
static uint64_t alive(struct fixture *f, unsigned size_class)
{
    struct kn_depot_usage depot;
    struct kn_pool_usage pool;

    kn_depot_usage(&f->depot, &depot);
    kn_pool_usage(&f->pool, &pool);
    return depot.carved[size_class] - depot.cached[size_class] - pool.cached[size_class];
}

static int compare(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a;
    uintptr_t right = *(const uintptr_t *)b;

    return left < right ? -1 : left > right;
}

Test(pool, classes_follow_the_size)
{
    cr_assert_eq(kn_class_of(1), 0u);
    cr_assert_eq(kn_class_of(64), 0u);
    cr_assert_eq(kn_class_of(65), 1u);
    cr_assert_eq(kn_class_of(128), 1u);
    cr_assert_eq(kn_class_of(129), 2u);
    cr_assert_eq(kn_class_of(256), 2u);
    cr_assert_eq(kn_class_size(2), 256u);
}

Test(pool, envelopes_are_aligned_and_hold_their_payload)
{
    struct fixture *f = setup();
    const uint32_t sizes[] = {0, 1, 32, 33, 96, 97, 224};
    const unsigned classes[] = {0, 0, 0, 1, 1, 2, 2};

    for (unsigned i = 0; i < 7; i++) {
        struct kn_envelope *e = kn_envelope_new(&f->pool, sizes[i]);

        cr_assert_not_null(e);
        cr_assert_eq((uintptr_t)e % KN_CACHE_LINE, 0u);
        cr_assert_eq((uintptr_t)e >> 48, 0u);
        cr_assert_eq(e->size_class, classes[i]);
        memset(e->payload, 0xff, sizes[i]);
        kn_envelope_free(&f->pool, e);
    }
    teardown(f);
}

Test(pool, the_block_given_last_is_taken_first)
{
    struct fixture *f = setup();
    struct kn_envelope *a = kn_envelope_new(&f->pool, 8);
    struct kn_envelope *b = kn_envelope_new(&f->pool, 8);

    cr_assert_neq((void *)a, (void *)b);
    kn_envelope_free(&f->pool, a);
    kn_envelope_free(&f->pool, b);
    cr_assert_eq((void *)kn_envelope_new(&f->pool, 8), (void *)b);
    cr_assert_eq((void *)kn_envelope_new(&f->pool, 8), (void *)a);
    kn_envelope_free(&f->pool, a);
    kn_envelope_free(&f->pool, b);
    teardown(f);
}

Test(pool, fresh_blocks_come_in_address_order)
{
    struct fixture *f = setup();
    char *before = kn_block_new(&f->pool, 64);

    for (unsigned i = 1; i < 10 * KN_MAGAZINE; i++) {
        char *at = kn_block_new(&f->pool, 64);

        cr_assert_eq((void *)at, (void *)(before + 64));
        before = at;
    }
    kn_pool_fini(&f->pool);
    kn_depot_fini(&f->depot); /* takes the blocks alive with it */
    free(f);
}

enum { MANY = 20000 };

Test(pool, no_block_is_given_out_twice)
{
    struct fixture *f = setup();
    uintptr_t *at = calloc(MANY, sizeof(*at));
    uint64_t random = 12345;

    cr_assert_not_null(at);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            if (at[i] != 0 && (random >> 40) % 2 == 0) {
                kn_block_free(&f->pool, (void *)at[i], 128);
                at[i] = 0;
            } else if (at[i] == 0) {
                at[i] = (uintptr_t)kn_block_new(&f->pool, 128);
                cr_assert_neq(at[i], 0u);
            }
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        if (at[i] == 0) {
            at[i] = (uintptr_t)kn_block_new(&f->pool, 128);
        }
    }
    cr_assert_eq(alive(f, 1), (uint64_t)MANY);
    qsort(at, MANY, sizeof(*at), compare);
    for (unsigned i = 1; i < MANY; i++) {
        cr_assert_geq(at[i] - at[i - 1], 128u);
    }
    for (unsigned i = 0; i < MANY; i++) {
        kn_block_free(&f->pool, (void *)at[i], 128);
    }
    cr_assert_eq(alive(f, 1), 0u);
    free(at);
    teardown(f);
}

Test(pool, the_second_time_needs_no_new_slab)
{
    struct fixture *f = setup();
    struct kn_envelope **mine = calloc(MANY, sizeof(*mine));
    struct kn_depot_usage first;
    struct kn_depot_usage later;

    cr_assert_not_null(mine);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            mine[i] = kn_envelope_new(&f->pool, 24);
            cr_assert_not_null(mine[i]);
        }
        for (unsigned i = 0; i < MANY; i++) {
            kn_envelope_free(&f->pool, mine[i]);
        }
        kn_depot_usage(&f->depot, round == 0 ? &first : &later);
    }
    cr_assert_eq(first.slab_bytes, later.slab_bytes);
    cr_assert_eq(first.carved[0], later.carved[0]);
    cr_assert_lt(later.slab_count, 10u);
    free(mine);
    teardown(f);
}

Test(pool, a_surplus_reaches_another_pool)
{
    struct fixture *f = setup();
    struct kn_pool other;
    struct kn_envelope *mine[200];
    struct kn_depot_usage usage;

    kn_pool_init(&other, &f->depot, -1);
    for (unsigned i = 0; i < 200; i++) {
        mine[i] = kn_envelope_new(&f->pool, 8);
    }
    for (unsigned i = 0; i < 200; i++) {
        kn_envelope_free(&other, mine[i]);
    }
    kn_depot_usage(&f->depot, &usage);
    cr_assert_geq(usage.cached[0], (uint64_t)KN_MAGAZINE);
    kn_pool_fini(&other);
    kn_depot_usage(&f->depot, &usage);
    cr_assert_eq(usage.cached[0], 200u);
    cr_assert_eq(alive(f, 0), 0u);
    teardown(f);
}

Test(pool, an_unfinished_slab_is_used_by_the_next_pool)
{
    struct fixture *f = setup();
    struct kn_depot_usage usage;

    for (unsigned i = 0; i < 100; i++) {
        struct kn_pool brief;

        kn_pool_init(&brief, &f->depot, -1);
        kn_block_free(&brief, kn_block_new(&brief, 256), 256);
        kn_pool_fini(&brief);
    }
    kn_depot_usage(&f->depot, &usage);
    cr_assert_eq(usage.slab_count, 1u);
    cr_assert_eq(usage.carved[2], (uint64_t)KN_MAGAZINE);
    teardown(f);
}

#ifdef KN_DEBUG
Test(pool, no_memory_is_null_and_nothing_is_lost)
{
    uint64_t before = kn_alloc_live();
    struct fixture *f = setup();
    struct kn_envelope *chain = NULL;
    struct kn_envelope *e = kn_envelope_new(&f->pool, 8);
    uint64_t count = 0;

    kn_alloc_fail_after(0);
    for (; e != NULL; e = kn_envelope_new(&f->pool, 8)) {
        e->next = chain;
        chain = e;
        count++;
        cr_assert_lt(count, 100000u);
    }
    cr_assert(!kn_alloc_fail_is_armed());
    cr_assert_eq(alive(f, 0), count);

    kn_alloc_fail_after(0); /* one given back is one to take, memory or not */
    e = chain;
    chain = e->next;
    kn_envelope_free(&f->pool, e);
    cr_assert_eq((void *)kn_envelope_new(&f->pool, 8), (void *)e);
    cr_assert_null(kn_block_new(&f->pool, 256));
    kn_alloc_fail_after(UINT64_MAX);
    kn_envelope_free(&f->pool, e);

    e = kn_block_new(&f->pool, 256);
    cr_assert_not_null(e);
    kn_block_free(&f->pool, e, 256);
    while (chain != NULL) {
        e = chain;
        chain = e->next;
        kn_envelope_free(&f->pool, e);
    }
    cr_assert_eq(alive(f, 0), 0u);
    teardown(f);
    cr_assert_eq(kn_alloc_live(), before);
}
#endif

#ifdef KN_DEBUG
Test(pool, a_double_free_stops_a_debug_build, .signal = SIGABRT)
{
    struct fixture *f = setup();
    struct kn_envelope *e = kn_envelope_new(&f->pool, 8);

    kn_envelope_free(&f->pool, e);
    kn_envelope_free(&f->pool, e);
}

Test(pool, a_write_after_free_stops_a_debug_build, .signal = SIGABRT)
{
    struct fixture *f = setup();
    struct kn_envelope *e = kn_envelope_new(&f->pool, 8);

    kn_envelope_free(&f->pool, e);
    e->from = 7;
    kn_envelope_new(&f->pool, 8);
}
#endif

#ifdef KN_MSAN
/* Answers which byte is the first that nothing has been written to. */
static intptr_t first_fresh(struct fixture *f)
{
    struct kn_envelope *e = kn_envelope_new(&f->pool, 16);
    intptr_t first = __msan_test_shadow(e->payload, 16);

    memset(e->payload, 0, 16);
    cr_assert_eq(__msan_test_shadow(e->payload, 16), -1);
    kn_envelope_free(&f->pool, e);
    return first;
}

Test(pool, what_is_taken_again_counts_as_not_written)
{
    struct fixture *f = setup();

    (void)first_fresh(f);
    cr_assert_eq(first_fresh(f), 0);
    teardown(f);
}
#endif

Test(pool, fini_accepts_the_zero_state)
{
    struct kn_pool pool = {.depot = NULL};

    kn_pool_fini(&pool);
    kn_pool_fini(&pool);
}

struct party {
    struct kn_foreign_pool *foreign;
    uint64_t failures;
};

static void *take_and_give(void *arg)
{
    struct party *party = arg;

    for (unsigned i = 0; i < 5000; i++) {
        struct kn_envelope *a = kn_foreign_envelope_new(party->foreign, 16);
        unsigned char *b = kn_foreign_block_new(party->foreign, 200);

        memset(a->payload, (int)i, 16);
        memset(b, (int)~i, 200);
        party->failures += a->payload[15] != (unsigned char)i;
        party->failures += b[199] != (unsigned char)~i;
        kn_foreign_envelope_free(party->foreign, a);
        kn_foreign_block_free(party->foreign, b, 200);
    }
    return NULL;
}

Test(pool, threads_outside_share_one_pool)
{
    struct fixture *f = setup();
    struct kn_foreign_pool foreign;
    struct party parties[3];
    pthread_t threads[3];

    cr_assert_eq(kn_foreign_pool_init(&foreign, &f->depot, -1), 0);
    for (unsigned i = 0; i < 3; i++) {
        parties[i] = (struct party){.foreign = &foreign, .failures = 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, &parties[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(parties[i].failures, 0u);
    }
    kn_foreign_pool_fini(&foreign);
    cr_assert_eq(alive(f, 0), 0u);
    cr_assert_eq(alive(f, 2), 0u);
    teardown(f);
}
