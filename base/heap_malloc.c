/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of the builds without jemalloc: the C library's, or the sanitizer's in its place. */
#include "base/heap.h"

#ifdef KN_NO_JEMALLOC

#include "base/align.h"
#include "base/edges.h"

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
    void *memory = NULL;
    size_t whole = kn_align_up(size, align); /* which C11 asks of aligned_alloc */
    kn_quiet_begin();
    if (align <= _Alignof(max_align_t)) {
        /* Not less than the alignment: what is smaller may be aligned for its size only. */
        memory = malloc(size < align ? align : size);
    } else if (whole >= size) {
        memory = aligned_alloc(align, whole);
    }
    kn_quiet_end();
    return memory;
}

void kn_heap_free(void *memory, size_t size, size_t align)
{
    (void)size;
    (void)align;
    kn_quiet_begin();
    free(memory);
    kn_quiet_end();
}

#endif
