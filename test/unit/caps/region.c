/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: what is made in a region goes with it, what was taken out keeps it, and nothing is lost or freed twice. */
#include "caps/payload.h"

#include "base/alloc.h"

#include <koken/caps.h>
#include <koken/runtime.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

KOKEN_PAYLOAD(note, (plain, long, number));
KOKEN_PAYLOAD(node, (plain, long, id), (val, note, note), (iso, node, left), (iso, node, right));
KOKEN_PAYLOAD(wide, (array, char, bytes, 2000), (iso, node, inner));

#ifdef KN_DEBUG
#define LIVE() kn_alloc_live()
#else
#define LIVE() 0u
#endif

/* A chain of isos, made in the region of its first; that has the number 0. */
static node_iso chain(int count)
{
    koken_iso(node, root) = koken_new_region(node);
    koken_slot(node, rest);
    cr_assert(!koken_none(root));
    for (int i = count - 1; i > 0; i--) {
        koken_iso(node, next) = koken_new_in(node, root);
        cr_assert(!koken_none(next));
        koken_mut(next)->id = i;
        if (koken_has(rest)) {
            koken_iso(node, old) = koken_take(rest);
            koken_put(koken_mut(next)->left, old);
        }
        koken_put(rest, next);
    }
    if (koken_has(rest)) {
        koken_iso(node, old) = koken_take(rest);
        koken_put(koken_mut(root)->left, old);
    }
    return koken_move(root);
}

static bool shares(const void *left, const void *right)
{
    return kn_region_is_same(kn_payload_of(left), kn_payload_of(right));
}

Test(region, a_graph_goes_at_once)
{
    uint64_t before = LIVE();
    koken_iso(node, root) = chain(1000);
    const struct node *at = koken_get(root);
    long count = 1;

    for (; koken_has(at->left); at = koken_peek(at->left), count++) {
        cr_assert_eq(at->id, count - 1);
        cr_assert(shares(at, koken_peek(at->left)));
    }
    cr_assert_eq(count, 1000);
    koken_drop(root);
    cr_assert_eq(LIVE(), before);
}

Test(region, fresh_payloads_are_zero_and_apart)
{
    koken_iso(node, root) = koken_new_region(node);
    koken_iso(node, one) = koken_new_in(node, root);
    koken_iso(note, two) = koken_new_in(note, root);

    koken_mut(one)->id = -1;
    cr_assert_eq(koken_get(two)->number, 0);
    cr_assert_eq((uintptr_t)koken_get(one) % 32, 0);
    koken_mut(two)->number = 7;
    cr_assert_eq(koken_get(one)->id, -1);
    cr_assert(!koken_has(koken_get(one)->left));
    koken_drop(two);
    koken_drop(root);
    cr_assert_eq(koken_get(one)->id, -1); /* it was not in the graph, and keeps the memory */
    koken_drop(one);
}

Test(region, what_was_taken_out_outlives_the_rest)
{
    uint64_t before = LIVE();
    koken_iso(node, root) = chain(200);
    koken_iso(node, inner) = koken_take(koken_mut(root)->left);

    koken_drop(root);
    cr_assert_eq(koken_get(inner)->id, 1);
    koken_iso(node, apart) = koken_new_in(node, inner); /* no root: memory of its own */
    cr_assert(!kn_payload_of(koken_get(apart))->is_in_region);
    koken_put(koken_mut(inner)->right, apart);
    koken_drop(inner);
    cr_assert_eq(LIVE(), before);
}

Test(region, others_payloads_may_be_put_in)
{
    uint64_t before = LIVE();
    koken_iso(node, root) = chain(10);
    koken_iso(node, other) = chain(5);
    koken_iso(node, plain) = koken_new(node);
    koken_iso(note, n) = koken_new_in(note, root);

    koken_val(note, v) = koken_freeze(n);
    koken_put(koken_mut(plain)->note, v);
    koken_put(koken_mut(other)->right, plain);
    koken_put(koken_mut(root)->right, other);
    koken_drop(root);
    cr_assert_eq(LIVE(), before);
}

Test(region, a_val_of_a_region_is_counted)
{
    uint64_t before = LIVE();
    koken_iso(node, root) = chain(100);
    koken_val(node, v) = koken_freeze(root);
    koken_val(node, w) = koken_dup(v);

    koken_drop(v);
    cr_assert_eq(koken_get(w)->id, 0);
    koken_iso(node, again) = koken_thaw(w);
    koken_iso(node, more) = koken_new_in(node, again); /* the same root */
    cr_assert(shares(koken_get(again), koken_get(more)));
    koken_drop(more);
    koken_drop(again);
    cr_assert_eq(LIVE(), before);
}

Test(region, what_is_large_has_memory_of_its_own)
{
    uint64_t before = LIVE();
    koken_iso(wide, w) = koken_new_region(wide);
    koken_iso(node, in) = koken_new_in(node, w);
    koken_iso(node, root) = koken_new_region(node);
    koken_iso(wide, x) = koken_new_in(wide, root);

    cr_assert(!kn_payload_of(koken_get(w))->is_in_region);
    cr_assert(!kn_payload_of(koken_get(x))->is_in_region);
    koken_put(koken_mut(w)->inner, in);
    koken_drop(w);
    koken_drop(x);
    koken_drop(root);
    cr_assert_eq(LIVE(), before);
}

Test(region, a_clone_has_memory_of_its_own)
{
    uint64_t before = LIVE();
    koken_iso(node, root) = chain(50);
    koken_val(node, v) = koken_freeze(root);
    koken_val(node, w) = koken_dup(v);
    koken_iso(node, copy) = koken_thaw(v); /* two references: a copy */

    cr_assert(!kn_payload_of(koken_get(copy))->is_in_region);
    koken_drop(w);
    cr_assert_eq(koken_peek(koken_get(copy)->left)->id, 1);
    koken_drop(copy);
    cr_assert_eq(LIVE(), before);
}

#ifdef KN_DEBUG
Test(region, no_memory_is_empty)
{
    uint64_t before = LIVE();
    kn_alloc_fail_after(0);
    koken_iso(node, none) = koken_new_region(node);
    cr_assert(koken_none(none));
    koken_iso(node, root) = koken_new_region(node);
    kn_alloc_fail_after(0);
    int made = 0;
    bool was_refused = false;
    while (!was_refused) { /* ends: the chunk is full, and there is no other */
        koken_iso(node, one) = koken_new_in(node, root);
        if (koken_none(one)) {
            was_refused = true;
        } else {
            koken_drop(one);
            made++;
        }
    }
    cr_assert_gt(made, 20);
    koken_drop(root);
    cr_assert_eq(LIVE(), before);
}
#endif

enum { THREADS = 4, PARTS = 400 };
static struct node *volatile parts[THREADS][PARTS];

static void *give_all(void *arg)
{
    for (int i = 0; i < PARTS; i++) {
        koken_iso_drop_(((struct node *volatile *)arg)[i]);
    }
    return NULL;
}

Test(region, parts_are_given_back_on_any_thread)
{
    uint64_t before = LIVE();
    pthread_t threads[THREADS];
    koken_iso(node, root) = koken_new_region(node);

    for (int i = 0; i < THREADS * PARTS; i++) {
        koken_iso(node, one) = koken_new_in(node, root);
        parts[i % THREADS][i / THREADS] = koken_mut(one);
        one.ptr_ = NULL; /* a thread's now */
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, give_all, (void *)(uintptr_t)parts[i]), 0);
    }
    koken_drop(root);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(LIVE(), before);
}
