/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: magazines cross threads whole and once, with what was written in them visible to the
 * taker. */
#include "caps/kn_ck_depot.h"

#include "caps/pool.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct kn_depot *new_depot(void)
{
    struct kn_depot *depot = aligned_alloc(KN_FALSE_SHARING, sizeof(*depot));

    cr_assert_not_null(depot);
    kn_depot_init(depot, -1);
    return depot;
}

static void free_depot(struct kn_depot *depot)
{
    kn_depot_fini(depot);
    free(depot);
}

Test(kn_ck_depot, an_empty_depot_answers_null)
{
    struct kn_depot *depot = new_depot();
    uint32_t count = 99;

    for (unsigned c = 0; c < KN_SIZE_CLASS_COUNT; c++) {
        cr_assert_null(kn_depot_pop(depot, c, &count));
        cr_assert_eq(count, 99u);
    }
    free_depot(depot);
}

Test(kn_ck_depot, chains_come_back_with_their_length)
{
    struct kn_depot *depot = new_depot();
    struct kn_slab *slab = kn_depot_slab(depot, KN_SLAB_MIN);
    struct kn_envelope *a;
    struct kn_envelope *b;
    struct kn_depot_usage usage;
    uint32_t count = 0;

    cr_assert_not_null(slab);
    a = (struct kn_envelope *)(void *)((char *)slab + slab->used);
    b = (struct kn_envelope *)(void *)((char *)slab + slab->used + 64);
    a->next = NULL;
    b->next = NULL;
    kn_depot_push(depot, 0, a, 1);
    kn_depot_push(depot, 0, b, 7);
    kn_depot_usage(depot, &usage);
    cr_assert_eq(usage.cached[0], 8u);
    cr_assert_eq((void *)kn_depot_pop(depot, 0, &count), (void *)b);
    cr_assert_eq(count, 7u);
    cr_assert_eq((void *)kn_depot_pop(depot, 0, &count), (void *)a);
    cr_assert_eq(count, 1u);
    cr_assert_null(kn_depot_pop(depot, 0, &count));
    free_depot(depot);
}

Test(kn_ck_depot, it_works_again_after_fini)
{
    struct kn_depot *depot = new_depot();

    for (unsigned i = 0; i < 3; i++) {
        struct kn_depot_usage usage;

        cr_assert_not_null(kn_depot_slab(depot, KN_SLAB_MIN));
        kn_depot_usage(depot, &usage);
        cr_assert_eq(usage.slab_bytes, (uint64_t)KN_SLAB_MIN);
        kn_depot_fini(depot);
    }
    free_depot(depot);
}

enum { THREADS = 4, ROUNDS = 3000, HELD = 300 };

struct trader {
    struct kn_depot *depot;
    unsigned self;
    uint64_t stolen; /* blocks that changed while they were ours */
    struct kn_pool_usage left;
    struct kn_pool pool;
};

/* Takes more than two magazines, signs them, looks at the signatures, gives them back. */
static void *trade(void *arg)
{
    struct trader *me = arg;
    uint64_t *held[HELD];

    kn_pool_init(&me->pool, me->depot, -1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned want = HELD / 2 + (round * 37 + me->self * 11) % (HELD / 2);

        for (unsigned i = 0; i < want; i++) {
            held[i] = kn_block_new(&me->pool, 64);
            for (unsigned word = 0; word < 8; word++) {
                held[i][word] = ((uint64_t)me->self << 32) + i;
            }
        }
        for (unsigned i = 0; i < want; i++) {
            for (unsigned word = 0; word < 8; word++) {
                me->stolen += held[i][word] != ((uint64_t)me->self << 32) + i;
            }
            kn_block_free(&me->pool, held[i], 64);
        }
    }
    kn_pool_fini(&me->pool);
    return NULL;
}

Test(kn_ck_depot, no_block_has_two_owners_under_contention)
{
    struct kn_depot *depot = new_depot();
    struct trader *traders = calloc(THREADS, sizeof(*traders));
    pthread_t threads[THREADS];
    struct kn_depot_usage usage;

    cr_assert_not_null(traders);
    for (unsigned i = 0; i < THREADS; i++) {
        traders[i].depot = depot;
        traders[i].self = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, trade, &traders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(traders[i].stolen, 0u);
    }
    kn_depot_usage(depot, &usage);
    cr_assert_eq(usage.carved[0], usage.cached[0]);
    cr_assert_leq(usage.carved[0], (uint64_t)THREADS * (HELD + 3 * KN_MAGAZINE));
    free(traders);
    free_depot(depot);
}
