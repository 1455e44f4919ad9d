/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that what is retired is freed once, not before all who were pinned are through, whatever becomes of
 * the threads, and that domains and nested pins do not disturb each other.
 */
#include "mailbox/toolbox/epoch.h"

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

struct object {
    struct koken_retired retired; /* first */
    struct koken_epoch *again;    /* retire a child there */
};

static kn_atomic(uint32_t) freed;

static void free_object(struct koken_retired *retired)
{
    struct object *object = (struct object *)(void *)retired;
    struct koken_epoch *again = object->again;
    if (again) {
        object->again = NULL;
        cr_assert_eq(koken_epoch_retire(again, &object->retired, free_object), 0);
        return;
    }
    (void)kn_add(&freed, 1, relaxed);
    kn_free(object, sizeof *object, _Alignof(struct object));
}

static void retire(struct koken_epoch *epoch, struct koken_epoch *again)
{
    struct object *object = kn_alloc(sizeof *object, _Alignof(struct object), -1);
    object->again = again;
    cr_assert_eq(koken_epoch_retire(epoch, &object->retired, free_object), 0);
}

static struct koken_epoch *make(void)
{
    struct koken_epoch *epoch;
    cr_assert_eq(koken_epoch_new(&epoch), 0);
    return epoch;
}

static uint32_t freed_since(uint32_t before)
{
    return kn_load(&freed, relaxed) - before;
}

Test(epoch, frees_after_three_steps)
{
    struct koken_epoch *epoch = make();
    uint32_t before = kn_load(&freed, relaxed);
    retire(epoch, NULL);
    cr_assert_eq(freed_since(before), 0);
    cr_assert_eq(koken_epoch_flush(epoch), 0);
    cr_assert_eq(freed_since(before), 1);
    koken_epoch_free(epoch);
}

static struct koken_epoch *shared;
static kn_atomic(uint32_t) stage;

static void reach(uint32_t wanted)
{
    kn_store(&stage, wanted, release);
}

static void await(uint32_t wanted)
{
    while (kn_load(&stage, acquire) < wanted) {
        kn_thread_yield();
    }
}

static void stay_pinned(void *arg)
{
    (void)arg;
    cr_assert_eq(koken_epoch_pin(shared), 0);
    cr_assert_eq(koken_epoch_pin(shared),
                 0); /* nested: the inner one ends first, and counts for nothing */
    cr_assert_eq(koken_epoch_unpin(shared), 0);
    reach(1);
    await(2);
    cr_assert_eq(koken_epoch_unpin(shared), 0);
    cr_assert_eq(koken_epoch_unpin(shared), -EINVAL);
    reach(3);
}

Test(epoch, nothing_is_freed_under_a_pin)
{
    struct kn_thread thread = {0};
    struct koken_epoch_stats stats;
    uint32_t before = kn_load(&freed, relaxed);
    kn_store(&stage, 0, relaxed);
    shared = make();
    cr_assert_eq(kn_thread_start(&thread, "pinned", stay_pinned, NULL), 0);
    await(1);
    for (int i = 0; i < 1000; i++) {
        retire(shared, NULL);
    }
    cr_assert_eq(koken_epoch_flush(shared), 1000);
    cr_assert_eq(freed_since(before), 0);
    cr_assert_eq(koken_epoch_stats_get(shared, &stats), 0);
    cr_assert_geq(stats.blocked, 1, "somebody stays pinned");
    cr_assert_eq(stats.retired - stats.freed, 1000);
    cr_assert_eq(stats.threads, 2);
    reach(2);
    await(3);
    cr_assert_eq(koken_epoch_flush(shared), 0);
    cr_assert_eq(freed_since(before), 1000);
    cr_assert_eq(koken_epoch_stats_get(shared, &stats), 0);
    cr_assert_eq(stats.blocked, 0);
    kn_thread_join(&thread);
    koken_epoch_free(shared);
}

static void retire_some(void *arg)
{
    (void)arg;
    cr_assert_eq(koken_epoch_pin(shared), 0);
    retire(shared, NULL);
    cr_assert_eq(koken_epoch_unpin(shared), 0);
}

Test(epoch, threads_come_and_go)
{
    uint32_t before = kn_load(&freed, relaxed);
    struct koken_epoch_stats stats;
    shared = make();
    for (int i = 0; i < 1000; i++) {
        struct kn_thread thread = {0};
        cr_assert_eq(kn_thread_start(&thread, "short", retire_some, NULL), 0);
        kn_thread_join(&thread);
    }
    unsigned records = 0;
    for (struct kn_epoch_record *r = kn_load(&shared->records, relaxed); r; r = r->next) {
        records++;
    }
    cr_assert_leq(records, 2, "records are used again, not %u", records);
    cr_assert_eq(koken_epoch_flush(shared), 0, "their garbage is adopted");
    cr_assert_eq(freed_since(before), 1000);
    cr_assert_eq(koken_epoch_stats_get(shared, &stats), 0);
    cr_assert_eq(stats.threads, 0);
    koken_epoch_free(shared);
}

Test(epoch, destructors_may_retire)
{
    uint32_t before = kn_load(&freed, relaxed);
    struct koken_epoch *one = make(), *two = make();
    for (int i = 0; i < 200; i++) {
        retire(one, i % 2 ? one : two);
    }
    while (koken_epoch_flush(one) + koken_epoch_flush(two) > 0) {}
    cr_assert_eq(freed_since(before), 200);
    for (int i = 0; i < 200; i++) {
        retire(one, one);
    }
    koken_epoch_free(one);
    cr_assert_eq(freed_since(before), 400, "the end frees what its destructors retire");
    koken_epoch_free(two);
}

Test(epoch, domains_do_not_disturb_each_other)
{
    uint32_t before = kn_load(&freed, relaxed);
    struct koken_epoch *one = make(), *two = make();
    cr_assert_eq(koken_epoch_pin(one), 0);
    retire(two, NULL);
    retire(one, NULL);
    cr_assert_eq(koken_epoch_flush(two), 0);
    cr_assert_eq(freed_since(before), 1);
    cr_assert_eq(koken_epoch_flush(one), 1);
    cr_assert_eq(koken_epoch_leave(one), -EBUSY);
    cr_assert_eq(koken_epoch_unpin(one), 0);
    cr_assert_eq(koken_epoch_leave(one), 0);
    cr_assert_eq(koken_epoch_leave(one), -EINVAL);
    cr_assert_eq(koken_epoch_flush(one), 0, "the garbage of who has left");
    cr_assert_eq(freed_since(before), 2);
    koken_epoch_free(one);
    koken_epoch_free(two);
}

static void outlive(void *arg)
{
    (void)arg;
    cr_assert_eq(koken_epoch_pin(shared), 0);
    cr_assert_eq(koken_epoch_unpin(shared), 0);
    reach(1);
    await(2); /* the domain is gone by now */
    struct koken_epoch *other = make();
    cr_assert_eq(koken_epoch_pin(other), 0);
    cr_assert_eq(koken_epoch_unpin(other), 0);
    koken_epoch_free(other);
}

Test(epoch, a_thread_may_outlive_a_domain)
{
    struct kn_thread thread = {0};
    kn_store(&stage, 0, relaxed);
    shared = make();
    cr_assert_eq(kn_thread_start(&thread, "outlives", outlive, NULL), 0);
    await(1);
    koken_epoch_free(shared);
    reach(2);
    kn_thread_join(&thread);
}

static void end_pinned(void *arg)
{
    (void)arg;
    cr_assert_eq(koken_epoch_pin(shared), 0);
    cr_assert_eq(koken_epoch_pin(shared), 0);
    retire(shared, NULL);
}

Test(epoch, the_end_of_a_thread_ends_its_pins)
{
    struct kn_thread thread = {0};
    uint32_t before = kn_load(&freed, relaxed);
    shared = make();
    cr_assert_eq(kn_thread_start(&thread, "pinned", end_pinned, NULL), 0);
    kn_thread_join(&thread);
    while (koken_epoch_flush(shared) > 0) { /* ends: nobody is pinned */
    }
    cr_assert_eq(freed_since(before), 1);
    koken_epoch_free(shared);
}

Test(epoch, bad_input)
{
    struct koken_epoch_stats stats;
    struct koken_retired retired;
    struct koken_epoch *epoch = make();
    cr_assert_eq(koken_epoch_new(NULL), -EINVAL);
    cr_assert_eq(koken_epoch_pin(NULL), -EINVAL);
    cr_assert_eq(koken_epoch_unpin(NULL), -EINVAL);
    cr_assert_eq(koken_epoch_unpin(epoch), -EINVAL);
    cr_assert_eq(koken_epoch_retire(epoch, NULL, free_object), -EINVAL);
    cr_assert_eq(koken_epoch_retire(epoch, &retired, NULL), -EINVAL);
    cr_assert_eq(koken_epoch_retire(NULL, &retired, free_object), -EINVAL);
    cr_assert_eq(koken_epoch_flush(NULL), -EINVAL);
    cr_assert_eq(koken_epoch_leave(NULL), -EINVAL);
    cr_assert_eq(koken_epoch_stats_get(NULL, &stats), -EINVAL);
    cr_assert_eq(koken_epoch_stats_get(epoch, NULL), -EINVAL);
#ifdef KN_DEBUG
    for (uint64_t n = 0; n < 2; n++) {
        kn_alloc_fail_after(n);
        cr_assert_eq(koken_epoch_pin(epoch), -ENOMEM);
        kn_alloc_fail_after(n);
        cr_assert_eq(koken_epoch_retire(epoch, &retired, free_object), -ENOMEM);
    }
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_epoch_new(&epoch), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    koken_epoch_free(epoch);
    koken_epoch_free(NULL);
}
