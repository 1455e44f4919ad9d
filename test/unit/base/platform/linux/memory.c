/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that pages come and go, and that a node which does not exist is no error. */
#include "base/platform/platform.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

Test(memory, pages_are_those_of_the_system)
{
    cr_assert_eq(kn_platform_page_size(), (size_t)sysconf(_SC_PAGESIZE));
}

Test(memory, maps_zeroed_memory_for_any_node)
{
    static const int nodes[] = {-1, 0, 1, 63, 1023, 1024, 1000000};
    size_t size = 16 * kn_platform_page_size();
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; ++i) {
        unsigned char *p = kn_platform_map(size, nodes[i]);
        cr_assert_not_null(p);
        for (size_t k = 0; k < size; ++k) {
            cr_assert_eq(p[k], 0);
        }
        memset(p, 1, size);
        kn_platform_unmap(p, size);
    }
}

/* More than there is memory: address space costs nothing until it is touched. */
Test(memory, commits_only_what_is_touched)
{
#if !defined(KN_TSAN) /* its shadow has less room */
    size_t size = (size_t)1 << 38;
    unsigned char *p = kn_platform_map(size, -1);
    cr_assert_not_null(p);
    p[0] = 1;
    p[size - 1] = 1;
    kn_platform_unmap(p, size);
#endif
}

Test(memory, refuses_what_does_not_fit_into_the_address_space)
{
    cr_assert_null(kn_platform_map((size_t)1 << 62, -1));
}
