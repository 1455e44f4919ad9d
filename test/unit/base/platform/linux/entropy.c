/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that seeds differ. */
#include "base/platform/platform.h"

#include <criterion/criterion.h>

Test(entropy, differs_each_time)
{
    enum { COUNT = 100 };
    uint64_t seen[COUNT];
    for (int i = 0; i < COUNT; ++i) {
        seen[i] = kn_platform_entropy();
        for (int k = 0; k < i; ++k) {
            cr_assert_neq(seen[i], seen[k]);
        }
    }
}
