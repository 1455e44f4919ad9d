/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The depot: where the pools of one runtime and NUMA node exchange whole magazines of free blocks,
 * and where the memory of all blocks comes from and goes back to.
 *
 * A magazine is a chain of at most KN_MAGAZINE free blocks of one class, linked by ->next. Its head
 * keeps, in header bytes that a free block does not need, the link of the stack (offset 8) and the
 * length of the chain (offset 24). So giving back never allocates and never fails.
 *
 *              push  pop  slab  usage  fini
 *      push     -     -    -      -     X        X: needs exclusion, -: none
 *      pop            -    -      -     X        progress: push, pop and usage are lock-free;
 *      slab                -      -     X        slab allocates, so it is as good as the allocator
 *
 * Reuse while another thread reads: a pop reads the link of a head that another pop may have taken
 * meanwhile. The value is then thrown away, because the double-width compare-and-swap sees the
 * changed generation (this is also what makes ABA harmless), and the read itself is of mapped
 * memory, because slabs stay until kn_depot_fini().
 */
#ifndef KN_CAPS_KN_CK_DEPOT_H
#define KN_CAPS_KN_CK_DEPOT_H

#include "base/align.h"
#include "base/atomic.h"
#include "caps/envelope.h"

#include <stdint.h>

enum {
    KN_MAGAZINE = KN_MODEL_SIZE(64, 2), /* blocks of a full magazine */
    KN_SLAB_MIN = 64 * 1024,            /* first slab of a pool */
    KN_SLAB_MAX = 4 * 1024 * 1024,
};

/* A ck_stack_t. Concurrency Kit gives it the alignment of a pointer; cmpxchg16b faults on less
 * than 16. */
struct kn_ck_top {
    void *head;
    char *generation;
} KN_ALIGNED(16);

struct kn_depot_class {
    struct kn_ck_top magazines; /* (a) */
    kn_atomic(uint64_t) cached; /* (a) blocks in those magazines */
    kn_atomic(uint64_t) carved; /* (a) blocks ever cut from slabs: cached somewhere, or alive */
} KN_ALIGNED(KN_FALSE_SHARING);

/* A region that blocks are cut from, in address order. The header is its first cache line. */
struct kn_slab {
    void *link;         /* in kn_depot.slabs, until fini */
    void *remnant_link; /* in kn_depot.remnants while no pool holds the slab */
    size_t size;        /* (c) of the whole region */
    size_t used; /* (o) bytes cut so far, header included; the owner is the pool that holds it */
} KN_ALIGNED(KN_CACHE_LINE);

struct kn_depot {
    struct kn_depot_class classes[KN_SIZE_CLASS_COUNT];
    struct kn_ck_top slabs;         /* (a) all */
    struct kn_ck_top remnants;      /* (a) those with room, left by pools that ended */
    kn_atomic(uint64_t) slab_bytes; /* (a) */
    kn_atomic(uint64_t) slab_count; /* (a) */
    int node;                       /* (c) NUMA node of the memory, -1: any */
} KN_ALIGNED(KN_FALSE_SHARING);

struct kn_depot_usage {
    uint64_t carved[KN_SIZE_CLASS_COUNT];
    uint64_t cached[KN_SIZE_CLASS_COUNT];
    uint64_t slab_bytes;
    uint64_t slab_count;
};

void kn_depot_init(struct kn_depot *depot, int node);

/*
 * Frees every slab, hence every block ever cut from one, alive or not. Only when no pool of any
 * depot of the same runtime is left: blocks wander between depots with the messages.
 */
void kn_depot_fini(struct kn_depot *depot);

/* Gives a chain of count blocks (1 to KN_MAGAZINE) to whoever pops it. */
void kn_depot_push(struct kn_depot *depot, unsigned size_class, struct kn_envelope *take_chain,
                   uint32_t count);

/* A chain and its length, or NULL when there is none. */
struct kn_envelope *kn_depot_pop(struct kn_depot *depot, unsigned size_class, uint32_t *ret_count);

/* A slab for the caller alone: one that a pool left unfinished, else a new one. NULL: no memory. */
struct kn_slab *kn_depot_slab(struct kn_depot *depot, size_t size);

/* Returns an unfinished slab. */
void kn_depot_remnant(struct kn_depot *depot, struct kn_slab *take_slab);

/* Counts blocks cut from a slab. */
void kn_depot_carved(struct kn_depot *depot, unsigned size_class, uint32_t count);

/* Numbers for statistics; each is exact, all together are only when nobody works. Thread: any. */
void kn_depot_usage(struct kn_depot *depot, struct kn_depot_usage *ret);

#endif
