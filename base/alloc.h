/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocation seam: every byte the library allocates passes here. What was allocated with a size
 * and an alignment is freed with the same two; the allocator need not look the size up, and a debug
 * build checks the sums.
 *
 * Nodes are those of the operating system, by its numbers. -1: from anywhere.
 */
#ifndef KN_BASE_ALLOC_H
#define KN_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KN_NODES_MAX = 64 };

/*
 * Says that the machine has nodes 0 .. count - 1, before the first allocation that names one. With
 * 0 or 1 node, where memory comes from makes no difference and is ignored. Above KN_NODES_MAX: the
 * rest is treated as -1. Thread: any; saying it again is harmless.
 */
void kn_alloc_nodes(unsigned count);

/*
 * Says that the calling thread works for that node from now on: what it allocates there or anywhere
 * then comes through its own cache from near memory. Cost: some hundred ns when the node is another
 * than before. With 0 or 1 node: nothing.
 */
void kn_alloc_home(int node);

/*
 * Memory, uninitialised. align is a power of two; size > 0. NULL: there is none, or the injected
 * failure. Cost: tens of ns through the thread's cache; the lock of an arena and some hundred ns
 * for a node that is neither -1 nor the thread's home, if there are several.
 */
void *kn_alloc(size_t size, size_t align, int node);

/* NULL is accepted. Any thread may free what another allocated. */
void kn_free(void *memory, size_t size, size_t align);

/* Zeroed pages straight from the system, for regions of 64 KiB and more. size is rounded up to
 * pages. */
void *kn_map(size_t size, int node);
void kn_unmap(void *region, size_t size);

/* Asks for large pages in a part of a mapped region. A wish, nothing more. */
void kn_map_prefer_huge(void *part, size_t size);

#ifdef KN_DEBUG
/*
 * Fault injection: the allocation after the next n fails, once (kn_alloc or kn_map, on any thread).
 * UINT64_MAX: none does. A test walks n up from 0 until a run leaves the failure armed.
 */
void kn_alloc_fail_after(uint64_t n);
bool kn_alloc_fail_is_armed(void);

/* Bytes allocated and mapped and not given back: the same before and after means no leak. */
uint64_t kn_alloc_live(void);
#endif

#endif
