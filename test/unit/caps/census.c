/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: payloads are counted by type, whoever makes them and whoever gives them back. */
#include "caps/census.h"

#include <koken/caps.h>

#include <criterion/criterion.h>
#include <pthread.h>

KOKEN_PAYLOAD(crumb, (plain, long, weight));
KOKEN_PAYLOAD(loaf, (iso, crumb, inside), (array, char, name, 24));

static struct koken_census row_of(const struct koken_type *type)
{
    struct koken_census rows[200];
    size_t count = koken_payload_census(rows, 200);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].type == type) {
            return rows[i];
        }
    }
    return (struct koken_census){type, 0, 0};
}

static loaf_iso bake(void)
{
    koken_iso(loaf, whole) = koken_new(loaf);
    koken_iso(crumb, inside) = koken_new(crumb);

    cr_assert(!koken_none(whole));
    cr_assert(!koken_none(inside));
    koken_put(koken_mut(whole)->inside, inside);
    return koken_move(whole);
}

Test(census, counts_what_is_alive_by_type)
{
    koken_iso(loaf, one) = bake();
    koken_iso(loaf, two) = bake();

    cr_assert_eq(row_of(&koken_payload_loaf).alive, 2u);
    cr_assert_eq(row_of(&koken_payload_loaf).bytes, 2u * sizeof(struct loaf));
    cr_assert_eq(row_of(&koken_payload_crumb).alive, 2u);
    koken_drop(one);
    koken_val(loaf, shared) = koken_freeze(two);
    koken_val(loaf, again) = koken_dup(shared);
    koken_drop(shared);
    cr_assert_eq(row_of(&koken_payload_loaf).alive, 1u, "a val is one, however many refer to it");
    koken_drop(again);
    cr_assert_eq(row_of(&koken_payload_loaf).alive, 0u);
    cr_assert_eq(row_of(&koken_payload_crumb).alive, 0u);
}

static void *eat(void *arg)
{
    loaf_iso *slots = arg;

    for (unsigned i = 0; i < 100; i++) {
        koken_iso(loaf, whole) = koken_take(slots[i]);
        koken_drop(whole);
    }
    return NULL;
}

Test(census, what_one_thread_makes_another_may_give_back)
{
    loaf_iso slots[100];
    pthread_t eater;

    for (unsigned i = 0; i < 100; i++) {
        slots[i] = bake();
    }
    cr_assert_eq(row_of(&koken_payload_crumb).alive, 100u);
    cr_assert_eq(pthread_create(&eater, NULL, eat, slots), 0);
    cr_assert_eq(pthread_join(eater, NULL), 0);
    cr_assert_eq(row_of(&koken_payload_crumb).alive, 0u);
}

Test(census, more_types_than_columns_are_left_out)
{
    static struct koken_type many[300];
    struct koken_census rows[1];

    for (unsigned i = 0; i < 300; i++) {
        kn_census(&many[i], 1);
    }
    cr_assert_eq(koken_payload_census(rows, 1), 128u);
    for (unsigned i = 0; i < 300; i++) {
        kn_census(&many[i], -1);
    }
}
