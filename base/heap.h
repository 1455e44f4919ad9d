/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beneath base/alloc.c, and is called by nothing else: one of the two heaps. */
#ifndef KN_BASE_HEAP_H
#define KN_BASE_HEAP_H

#include <stddef.h>

/* As the kn_alloc_ and kn_free of base/alloc.h; count is at most KN_NODES_MAX, memory is not NULL.
 */
void kn_heap_nodes(unsigned count);
void kn_heap_home(int node);
void *kn_heap_alloc(size_t size, size_t align, int node);
void kn_heap_free(void *memory, size_t size, size_t align);

#endif
