/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the allocation seam: alignment, regions, injected failures, and that bytes are accounted
 * for. */
#include "base/alloc.h"
#include "base/platform/platform.h"

#include <criterion/criterion.h>
#include <string.h>

Test(alloc, gives_aligned_memory_of_any_size)
{
    kn_alloc_nodes(4); /* more than most machines have: binding is best effort */
    for (int node = -1; node < 5; ++node) {
        for (size_t align = 1; align <= 4096; align *= 2) {
            for (size_t size = 1; size <= 100000; size = size * 3 + 1) {
                unsigned char *p = kn_alloc(size, align, node);
                cr_assert_not_null(p);
                cr_assert_eq((uintptr_t)p % align, 0);
                memset(p, 0x5a, size);
                kn_free(p, size, align);
            }
        }
    }
    kn_alloc_nodes(1);
}

Test(alloc, ignores_freeing_nothing)
{
    kn_free(NULL, 10, 8);
    kn_unmap(NULL, 10);
}

/* PTRDIFF_MAX bytes are more than any address space; the answer is NULL, not the end of the
 * program. */
Test(alloc, refuses_what_no_machine_has)
{
#if !defined(KN_ASAN) && !defined(KN_TSAN) && !defined(KN_MSAN) /* their malloc aborts */
    cr_assert_null(kn_alloc(PTRDIFF_MAX - 4096, 8, -1));
    cr_assert_null(kn_alloc(PTRDIFF_MAX - 4096, 64, -1));
#endif
    cr_assert_null(kn_map(PTRDIFF_MAX - 4095, -1));
    cr_assert_null(kn_map(SIZE_MAX, -1));
}

Test(alloc, maps_zeroed_pages)
{
    size_t page = kn_platform_page_size();
    size_t size = 3 * page - 100;
    for (int node = -1; node < 3; ++node) {
        unsigned char *p = kn_map(size, node);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % page, 0);
        for (size_t i = 0; i < 3 * page; ++i) {
            cr_assert_eq(p[i], 0);
        }
        memset(p, 0xff, 3 * page);
        kn_unmap(p, size);
    }
}

#ifdef KN_DEBUG
Test(alloc, injects_exactly_one_failure_where_asked)
{
    for (uint64_t n = 0; n < 4; ++n) {
        kn_alloc_fail_after(n);
        for (uint64_t i = 0; i < 6; ++i) {
            cr_assert_eq(kn_alloc_fail_is_armed(), i <= n);
            bool is_map = i % 2 == 1;
            void *p = is_map ? kn_map(4096, -1) : kn_alloc(10, 2, -1);
            cr_assert_eq(p == NULL, i == n);
            if (is_map) {
                kn_unmap(p, 4096);
            } else {
                kn_free(p, 10, 2);
            }
        }
        cr_assert(!kn_alloc_fail_is_armed());
    }
    kn_alloc_fail_after(5);
    kn_alloc_fail_after(UINT64_MAX);
    cr_assert(!kn_alloc_fail_is_armed());
}

Test(alloc, accounts_for_every_byte)
{
    uint64_t before = kn_alloc_live();
    void *a = kn_alloc(100, 8, -1);
    cr_assert_eq(kn_alloc_live(), before + 100);
    void *b = kn_map(1, -1);
    cr_assert_eq(kn_alloc_live(), before + 100 + kn_platform_page_size());
    kn_free(a, 100, 8);
    kn_unmap(b, 1);
    cr_assert_eq(kn_alloc_live(), before);

    kn_alloc_fail_after(0);
    cr_assert_null(kn_alloc(100, 8, -1));
    cr_assert_eq(kn_alloc_live(), before);
}
#endif
