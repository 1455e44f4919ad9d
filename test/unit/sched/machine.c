/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the token between waker and machine: it is kept if it comes first, it ends a sleep, a
 * deadline ends one without it, and deadline and token at the same time never lose it.
 */
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { ROUNDS = 20000 };

static struct kn_machine ping, pong;
static uint64_t passed; /* plain: the token publishes it */

static void set_up(void)
{
    memset(&ping, 0, sizeof(ping));
    memset(&pong, 0, sizeof(pong));
    passed = 0;
}

Test(machine, a_token_that_came_first_is_kept, .init = set_up)
{
    kn_machine_wake(&ping);
    cr_assert_eq(kn_machine_sleep(&ping, KN_NEVER), 0);
    cr_assert_eq(kn_load(&ping.park, relaxed), KN_PARK_EMPTY);
}

Test(machine, a_deadline_ends_the_sleep_and_the_token_may_still_come, .init = set_up)
{
    uint64_t begin = kn_now();

    cr_assert_eq(kn_machine_sleep(&ping, begin + 2000000), -ETIMEDOUT);
    cr_assert_geq(kn_now() - begin, 2000000);
    cr_assert_eq(kn_machine_sleep(&ping, 1), -ETIMEDOUT);
    kn_machine_wake(&ping);
    cr_assert_eq(kn_machine_sleep(&ping, KN_NEVER), 0);
}

static void play_pong(void *arg)
{
    uint64_t patience_ns = *(uint64_t *)arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        while (
            kn_machine_sleep(&pong, patience_ns == KN_NEVER ? KN_NEVER : kn_now() + patience_ns) ==
            -ETIMEDOUT) {}
        passed++;
        kn_machine_wake(&ping);
    }
}

static void play(uint64_t patience_ns)
{
    struct kn_thread thread = {0};

    cr_assert_eq(kn_thread_start(&thread, "pong", play_pong, &patience_ns), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        kn_machine_wake(&pong);
        cr_assert_eq(kn_machine_sleep(&ping, KN_NEVER), 0);
        passed++;
    }
    kn_thread_join(&thread);
    cr_assert_eq(passed, 2 * ROUNDS);
}

Test(machine, tokens_go_to_and_fro, .init = set_up, .timeout = 60)
{
    play(KN_NEVER);
}

Test(machine, a_deadline_and_a_token_at_once_lose_nothing, .init = set_up, .timeout = 60)
{
    play(20000);
}
