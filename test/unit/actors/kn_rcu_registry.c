/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the table finds what is in it and nothing else, also where many entries share a bucket, tells
 * names from memberships, and gives all memory back.
 */
#include "actors/kn_rcu_registry.h"
#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { MANY = 10000 }; /* more than there are buckets */

static struct kn_reclaimer reclaimer;
static struct kn_names *names;

static void begin(void)
{
    cr_assert_eq(kn_world_init(), 0);
    cr_assert_eq(kn_reclaimer_start(&reclaimer), 0);
    names = kn_names_new();
    cr_assert_not_null(names);
    kn_rcu_visit();
}

static void end(void)
{
    kn_rcu_depart();
    kn_reclaimer_stop(&reclaimer);
    kn_names_free(names);
}

static struct kn_name *add(const char *text, uint64_t id, bool is_group)
{
    struct kn_name *name = NULL;
    cr_assert_eq(kn_names_add(names, text, id, is_group, &name), 0);
    cr_assert_not_null(name);
    return name;
}

static void drop(struct kn_name *name)
{
    kn_names_remove(names, name);
    kn_names_remove(names, name); /* a second time does nothing */
    kn_name_free(&reclaimer, name);
}

/* A name is one, whoever has it; a membership is one per member; the two do not meet. */
Test(kn_rcu_registry, names_and_memberships_are_told_apart)
{
    struct kn_name *other;
    uint64_t ids[4];
    begin();
    cr_assert_eq(kn_names_look_up(names, "a"), 0);
    struct kn_name *name = add("a", 7, false);
    struct kn_name *first = add("a", 8, true), *second = add("a", 9, true);
    cr_assert_eq(kn_names_add(names, "a", 8, false, &other), -EALREADY);
    cr_assert_eq(kn_names_add(names, "a", 8, true, &other), -EALREADY);
    cr_assert_eq(kn_names_look_up(names, "a"), 7);
    cr_assert_eq(kn_names_look_up(names, "ab"), 0);
    cr_assert_eq(kn_names_members(names, "a", ids, 4), 2);
    cr_assert_eq(ids[0] + ids[1], 17);
    cr_assert_eq(kn_names_members(names, "a", ids, 1), 2);
    cr_assert(kn_names_find(names, "a", 0, false) == name);
    cr_assert(kn_names_find(names, "a", 9, true) == second);
    cr_assert_null(kn_names_find(names, "a", 7, true));
    drop(first);
    cr_assert_eq(kn_names_members(names, "a", ids, 4), 1);
    cr_assert_eq(ids[0], 9);
    drop(second);
    drop(name);
    cr_assert_eq(kn_names_look_up(names, "a"), 0);
    end();
}

/* More entries than buckets: each is found, until it is out. */
Test(kn_rcu_registry, buckets_may_be_shared)
{
    static struct kn_name *all[MANY];
    char text[KN_NAME_MAX + 1];
    begin();
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, "name %u", i);
        all[i] = add(text, i + 1, false);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, "name %u", i);
        cr_assert_eq(kn_names_look_up(names, text), i + 1);
        if (i % 2) {
            drop(all[i]);
            cr_assert_eq(kn_names_look_up(names, text), 0);
        }
    }
    for (uint32_t i = 0; i < MANY; i += 2) {
        (void)snprintf(text, sizeof text, "name %u", i);
        cr_assert_eq(kn_names_look_up(names, text), i + 1);
        drop(all[i]);
    }
    end();
}
