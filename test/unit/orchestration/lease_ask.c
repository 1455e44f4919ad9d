/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the calls of fibers and threads outside refuse what no keeper could answer. */
#include "test/support/runtime.h"

#include <koken/lease.h>

#include <string.h>

Test(lease_ask, bad_input)
{
    struct koken *rt = start(1);
    koken_ref keeper = koken_lease_keeper(rt);
    struct koken_lease lease;
    char longest[KOKEN_LEASE_NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    longest[KOKEN_LEASE_NAME_MAX] = '\0';
    cr_assert_eq(koken_lease_acquire(rt, keeper, longest, KOKEN_S(1), 0, &lease), -EINVAL);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "", KOKEN_S(1), 0, &lease), -EINVAL);
    cr_assert_eq(koken_lease_acquire(rt, keeper, NULL, KOKEN_S(1), 0, &lease), -EINVAL);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "a", 0, 0, &lease), -EINVAL);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "a", KOKEN_S(1), 0, NULL), -EINVAL);
    cr_assert_eq(koken_await(rt, keeper, KOKEN_S(60), &lease, koken_lease_take, .ttl_ns = 0), 0);
    cr_assert_eq(lease.error, -EINVAL);
    longest[KOKEN_LEASE_NAME_MAX - 1] = '\0';
    cr_assert_eq(koken_lease_acquire(rt, keeper, longest, KOKEN_S(1), 0, &lease), 0);
    cr_assert_eq(koken_lease_extend(rt, keeper, &lease, 0), -EINVAL);
    cr_assert_eq(koken_lease_extend(rt, keeper, NULL, 1), -EINVAL);
    cr_assert_eq(koken_lease_end(rt, keeper, NULL), -EINVAL);
    cr_assert_eq(koken_lease_acquire(rt, KOKEN_NOBODY, "a", 1, 0, &lease), -ESRCH);
    stop(rt);
}
