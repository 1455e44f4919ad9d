/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocation seam. What is common to all builds: the arguments are checked, failures are
 * injected and bytes are counted (debug), regions are mapped. The heap itself is one of two files
 * that never meet: base/heap_jemalloc.c, or base/heap_malloc.c (KN_NO_JEMALLOC), where a sanitizer
 * sees every block.
 */
#include "base/alloc.h"

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/edges.h"
#include "base/heap.h"
#include "base/platform/platform.h"
#include "base/world.h"

#ifdef KN_DEBUG

/* Relaxed on both: they count, and nothing is concluded from them about other memory. */
static kn_atomic(uint64_t) allocations_until_failure = UINT64_MAX; /* (a) UINT64_MAX: not armed */
static kn_atomic(uint64_t) live_bytes;                             /* (a) */

void kn_alloc_fail_after(uint64_t n)
{
    kn_store(&allocations_until_failure, n, relaxed);
}

bool kn_alloc_fail_is_armed(void)
{
    return kn_load(&allocations_until_failure, relaxed) != UINT64_MAX;
}

uint64_t kn_alloc_live(void)
{
    return kn_load(&live_bytes, relaxed);
}

/* Counts down; 0 wraps to UINT64_MAX, which is "not armed": so exactly one allocation fails. */
static bool must_fail(void)
{
    uint64_t left = kn_load(&allocations_until_failure, relaxed);
    while (left != UINT64_MAX) {
        if (kn_cas_weak(&allocations_until_failure, &left, left - 1, relaxed, relaxed)) {
            return left == 0;
        }
    }
    return false;
}

static void count_live(void *memory, size_t size)
{
    if (memory != NULL) {
        (void)kn_add(&live_bytes, size, relaxed);
    }
}

static void count_freed(size_t size)
{
    uint64_t before = kn_sub(&live_bytes, size, relaxed);
    KN_ASSERT(before >= size); /* else something was freed with another size */
}

#else

static bool must_fail(void)
{
    return false;
}

static void count_live(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

static void count_freed(size_t size)
{
    (void)size;
}

#endif

void kn_alloc_nodes(unsigned count)
{
    kn_heap_nodes(count < KN_NODES_MAX ? count : KN_NODES_MAX);
}

void kn_alloc_home(int node)
{
    kn_heap_home(node);
}

void *kn_alloc(size_t size, size_t align, int node)
{
    KN_ASSERT(size > 0);
    KN_ASSERT(align > 0);
    KN_ASSERT((align & (align - 1)) == 0);
    KN_ASSERT(node >= -1);
    if (kn_unlikely(must_fail() || kn_fault(KN_FAULT_ALLOC))) {
        return NULL;
    }
    void *memory = kn_heap_alloc(size, align, node);
    KN_ASSERT((uintptr_t)memory % align == 0);
    count_live(memory, size);
    return memory;
}

void kn_free(void *memory, size_t size, size_t align)
{
    if (memory == NULL) {
        return;
    }
    KN_ASSERT((uintptr_t)memory % align == 0);
    count_freed(size);
    kn_heap_free(memory, size, align);
}

void *kn_map(size_t size, int node)
{
    KN_ASSERT(size > 0);
    KN_ASSERT(node >= -1);
    size_t whole = kn_align_up(size, kn_platform_page_size());
    if (kn_unlikely(must_fail() || kn_fault(KN_FAULT_ALLOC)) || whole < size) {
        return NULL;
    }
    kn_quiet_begin();
    void *region = kn_platform_map(whole, node);
    kn_quiet_end();
    count_live(region, whole);
    return region;
}

void kn_map_prefer_huge(void *part, size_t size)
{
    KN_ASSERT((uintptr_t)part % kn_platform_page_size() == 0);
    kn_platform_advise_huge(part, size);
}

void kn_unmap(void *region, size_t size)
{
    if (region == NULL) {
        return;
    }
    size_t whole = kn_align_up(size, kn_platform_page_size());
    count_freed(whole);
    kn_platform_unmap(region, whole);
}
