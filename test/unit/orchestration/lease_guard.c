/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a guard never lets an older token pass after a newer one. */
#include <koken/lease.h>

#include <criterion/criterion.h>

Test(lease_guard, tokens_pass_in_rising_order_only)
{
    struct koken_guard *guard;
    cr_assert_eq(koken_guard_new(NULL), -EINVAL);
    cr_assert_eq(koken_guard_new(&guard), 0);
    cr_assert_eq(koken_lease_guard(guard, 0), -EPERM);
    cr_assert_eq(koken_lease_guard(guard, 3), 0);
    cr_assert_eq(koken_lease_guard(guard, 3), 0);
    cr_assert_eq(koken_lease_guard(guard, 7), 0);
    cr_assert_eq(koken_lease_guard(guard, 3), -EPERM);
    cr_assert_eq(koken_lease_guard(guard, 6), -EPERM);
    cr_assert_eq(koken_lease_guard(NULL, 6), -EINVAL);
    koken_guard_free(guard);
    koken_guard_free(NULL);
}
