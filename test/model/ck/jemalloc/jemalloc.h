/* SPDX-License-Identifier: Apache-2.0 */
/* What of jemalloc base/heap_jemalloc.c calls; made by test/model/heap.c. */
#ifndef KN_TEST_MODEL_JEMALLOC_H
#define KN_TEST_MODEL_JEMALLOC_H

#include <stdbool.h>
#include <stddef.h>

typedef struct extent_hooks_s extent_hooks_t;
struct extent_hooks_s {
    void *(*alloc)(extent_hooks_t *hooks, void *address, size_t size, size_t align, bool *zero,
                   bool *commit, unsigned arena);
};

#define MALLOCX_ALIGN(align) ((int)(align))
#define MALLOCX_ARENA(arena) ((int)((arena) + 1) << 20)
#define MALLOCX_TCACHE_NONE 0

int mallctl(const char *name, void *ret_old, size_t *old_size, void *value, size_t size);
void *mallocx(size_t size, int flags);
void sdallocx(void *memory, size_t size, int flags);

#endif
