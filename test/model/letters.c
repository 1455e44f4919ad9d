/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings of dead letters: actors/deadletter.c as it stands, but for rings of two. Who finds a ring that another thread
 * has just made sees it made, and two who make the same one enter both their letters in one.
 */
#include "test/model/lib/model.h"

#include <koken/deadletter.h>

#undef KOKEN_DEAD_LETTERS_KEPT
#define KOKEN_DEAD_LETTERS_KEPT 2u

#include "actors/deadletter.c"

static struct koken rt;
static struct kn_local local;
static const struct koken_type type = {.name = "letter"};

static void start(void)
{
    rt.locals = &local;
    rt.worker_count = 1;
    kn_atomic_init(&rt.letters, NULL);
    kn_atomic_init(&local.letters, NULL);
}

static void die_at(struct kn_local *where)
{
    struct koken_dead_letter letter = {.type = &type, .at_ns = 7};
    struct kn_letters *letters = get_letters(&rt, where);
    KOKEN_CHECK(letters != NULL);
    enter(letters, &letter);
}

static void die_here(void)
{
    die_at(&local);
}

static void die_outside(void)
{
    die_at(NULL);
}

static void read_letters(void)
{
    struct koken_dead_letter found[2];
    int n = koken_dead_letters(&rt, found, 2);
    for (int i = 0; i < n; i++) {
        KOKEN_CHECK(found[i].at_ns == 7);
    }
}

static void count_letters(void)
{
    KOKEN_CHECK(koken_dead_letter_count_of_(&rt, KOKEN_DEAD_ENDED, &type) <= 2);
}

static void check_both(void)
{
    KOKEN_CHECK(koken_dead_letter_count_of_(&rt, KOKEN_DEAD_ENDED, &type) == 2);
    kn_letters_free(&rt);
}

static const struct kn_scenario scenarios[] = {
    {"two make the outside's", start, {die_outside, die_outside}, check_both},
    {"a worker's is read", start, {die_here, read_letters}, NULL},
    {"the outside's is read", start, {die_outside, count_letters}, NULL},
    {"made here and outside, read",
     start,
     {die_here, die_outside, read_letters},
     check_both,
     .limit = 5000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
