/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the heap without jemalloc takes any size with any alignment, nodes or not. */
#include "base/heap.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(heap_malloc, sizes_need_not_be_multiples_of_the_alignment)
{
    kn_heap_nodes(2);
    kn_heap_home(1);
    for (size_t align = 1; align <= 65536; align *= 2) {
        char *p = kn_heap_alloc(3 * align / 2 + 1, align, 1);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % align, 0);
        memset(p, 1, 3 * align / 2 + 1);
        kn_heap_free(p, 3 * align / 2 + 1, align);
    }
    kn_heap_nodes(1);
}
