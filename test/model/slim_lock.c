/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of the toolbox, mailbox/toolbox/slim_lock.c as it stands: who holds it is alone, sees what was done before, and
 * nobody sleeps beside an open lock (a deadlock).
 */
#include "test/model/lib/model.h"

#include "mailbox/toolbox/slim_lock.c"

static struct kn_slim_lock lock;
static uint32_t sum, refused; /* plain: the lock's, and the trier's */

static void start(bool is_biased)
{
    kn_slim_init(&lock);
    lock.is_biased = is_biased;
    sum = refused = 0;
}

static void start_biased(void)
{
    start(true);
}

static void start_symmetric(void)
{
    start(false);
}

static void taker(void)
{
    kn_slim_take(&lock);
    sum++;
    kn_slim_give(&lock);
}

static void trier(void)
{
    if (kn_slim_try(&lock)) {
        sum++;
        kn_slim_give(&lock);
    } else {
        refused++;
    }
}

static void taker_twice(void)
{
    taker();
    taker();
}

static void check_2(void)
{
    KOKEN_CHECK(sum + refused == 2);
}

static void check_3(void)
{
    KOKEN_CHECK(sum + refused == 3);
}

static const struct kn_scenario scenarios[] = {
    {"take; take", start_biased, {taker, taker}, check_2},
    {"take; try", start_biased, {taker, trier}, check_2},
    {"take twice; take", start_biased, {taker_twice, taker}, check_3, .limit = 20000},
    {"take; take; take", start_biased, {taker, taker, taker}, check_3, .limit = 20000},
    {"by read-modify-write: take; take", start_symmetric, {taker, taker}, check_2},
    {"by read-modify-write: take twice; take",
     start_symmetric,
     {taker_twice, taker},
     check_3,
     .limit = 20000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
