/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of the builds without jemalloc: the C library's, or the sanitizer's in its place. */
#include "base/heap.h"

#ifdef KN_NO_JEMALLOC

#include "base/align.h"

#include <stdlib.h>

void kn_heap_nodes(unsigned count)
{
    (void)count; /* one heap for all */
}

void kn_heap_home(int node)
{
    (void)node;
}

void *kn_heap_alloc(size_t size, size_t align, int node)
{
    (void)node;
    if (align <= _Alignof(max_align_t)) {
        /* Not less than the alignment: what is smaller may be aligned for its size only. */
        return malloc(size < align ? align : size);
    }
    size_t whole = kn_align_up(size, align); /* which C11 asks of aligned_alloc */
    return whole < size ? NULL : aligned_alloc(align, whole);
}

void kn_heap_free(void *memory, size_t size, size_t align)
{
    (void)size;
    (void)align;
    free(memory);
}

#endif
