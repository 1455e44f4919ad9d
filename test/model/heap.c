/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arenas of the nodes: base/heap_jemalloc.c as it stands, over a jemalloc that has nothing but the hooks of its arenas.
 * Who finds the arena of a node sees its hooks and its node, whoever made it; who comes while it is made has memory too.
 */
#include "test/model/lib/model.h"

#undef KN_NO_JEMALLOC
#include "base/heap_jemalloc.c"

enum { ARENA = 5, NODE = 1, SIZE = 64 };

static extent_hooks_t system_hooks;
static extent_hooks_t *hooks_of_arena;
static kn_atomic(uint32_t) bound; /* extents on the node */

/* ---- jemalloc -------------------------------------------------------------------------------------------- */

static void *map_system(extent_hooks_t *hooks, void *address, size_t size, size_t align, bool *zero,
                        bool *commit, unsigned arena)
{
    (void)hooks, (void)address, (void)zero, (void)commit, (void)arena;
    return kn_alloc(size, align, -1);
}

int mallctl(const char *name, void *ret_old, size_t *old_size, void *value, size_t size)
{
    (void)size;
    if (strcmp(name, "arena.0.extent_hooks") == 0) {
        *(extent_hooks_t **)ret_old = &system_hooks;
    } else if (strcmp(name, "arenas.create") == 0) {
        KOKEN_CHECK(*old_size == sizeof(unsigned));
        *(unsigned *)ret_old = ARENA;
        hooks_of_arena = *(extent_hooks_t **)value;
    } else {
        KOKEN_CHECK(strcmp(name, "thread.arena") == 0 && *(unsigned *)value == ARENA);
    }
    return 0;
}

/* An extent for each block. jemalloc's locks are left out: they are of the arena. */
void *mallocx(size_t size, int flags)
{
    bool zero = false, commit = false;
    if (flags >> 20 != ARENA + 1) {
        return kn_alloc(size, 64, -1);
    }
    return hooks_of_arena->alloc(hooks_of_arena, NULL, size, 64, &zero, &commit, ARENA);
}

void kn_platform_bind(void *memory, size_t size, int node)
{
    KOKEN_CHECK(memory != NULL && size == SIZE && node == NODE);
    (void)kn_add(&bound, 1, relaxed);
}

/* ---- scenarios ------------------------------------------------------------------------------------------- */

static void start(void)
{
    kn_model_thread_local(&home_node, sizeof home_node);
    home_node = -1;
    memset(heaps, 0, 2 * sizeof heaps[0]);
    kn_atomic_init(&heaps[NODE].arena, ARENA_NONE);
    kn_atomic_init(&bound, 0);
    system_hooks.alloc = map_system;
    hooks_of_arena = NULL;
    kn_heap_nodes(2);
}

static void allocate(void)
{
    KOKEN_CHECK(kn_heap_alloc(SIZE, 64, NODE) != NULL);
}

/* As a worker of that node. */
static void settle(void)
{
    kn_heap_home(NODE);
    if (home_node == NODE) {
        KOKEN_CHECK(hooks_of_arena == &heaps[NODE].hooks);
    }
}

static void check_one_at_least(void)
{
    KOKEN_CHECK(kn_load(&bound, relaxed) >= 1);
}

static const struct kn_scenario scenarios[] = {
    {"two allocate", start, {allocate, allocate}, check_one_at_least},
    {"one allocates, one settles", start, {allocate, settle}, NULL},
    {"three allocate", start, {allocate, allocate, allocate}, check_one_at_least, .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
