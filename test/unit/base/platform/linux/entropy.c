/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that seeds differ, also where the system has none to give: the call below stands in front of its. */
#include "base/platform/platform.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_refused;

ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
    if (is_refused) {
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_getrandom, buffer, size, flags);
}

static void check_that_it_differs(void)
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

Test(entropy, differs_each_time)
{
    check_that_it_differs();
}

/* Early in a boot, or forbidden: from time and place. */
Test(entropy, differs_where_there_is_none)
{
    is_refused = true;
    check_that_it_differs();
    is_refused = false;
}
