/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the arithmetic of base/align.h at its edges. */
#include "base/align.h"

#include <criterion/criterion.h>

Test(align, rounds_up_to_powers_of_two)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        cr_assert_eq(kn_align_up(0, align), 0);
        cr_assert_eq(kn_align_up(1, align), align);
        cr_assert_eq(kn_align_up(align, align), align);
        cr_assert_eq(kn_align_up(align + 1, align), 2 * align);
    }
}

Test(align, finds_the_container_of_a_member)
{
    struct outer {
        char pad[40];
        int member;
    } outer;
    cr_assert_eq(kn_container_of(&outer.member, struct outer, member), &outer);
}
