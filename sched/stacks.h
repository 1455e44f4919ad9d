/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks with a guard page beneath, for fibers. A worker keeps a few free ones, of which taking and
 * giving are a pop and a push; the surplus goes to a pool that all workers share. What that does
 * not keep either is cold: its memory goes back to the system, its addresses stay for the next one.
 *
 *      low address                                                            high address
 *      | guard | usable, grows downward, pages come when touched   | room | struct kn_stack |
 *
 * Running over the end of a stack hits the guard: SIGSEGV, the end of the process. Memory that was
 * touched deeper than KN_STACK_KEEP is given back to the system when the stack is given back, if it
 * was seen (kn_stack_saw), and in any case when the stack leaves the worker.
 *
 *                  take/give   usage                X: needs exclusion, -: none
 *      take/give       X         -                  the pool itself: any thread, a leaf lock
 */
#ifndef KN_SCHED_STACKS_H
#define KN_SCHED_STACKS_H

#include "base/align.h"
#include "base/atomic.h"
#include "sched/lock.h"

#include <koken/error.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KN_STACK_SIZE_DEFAULT = 64 * 1024,
    KN_STACK_SIZE_MIN = 16 * 1024,
    KN_STACK_KEEP = 16 * 1024, /* this much of the top stays committed while a worker keeps it */
    KN_STACK_ROOM = 256,       /* bytes above the stack for its user */
    KN_STACKS_WORKER_DEFAULT = 32,   /* free stacks that a worker keeps */
    KN_STACKS_SHARED_DEFAULT = 1024, /* free stacks that the pool keeps */
    KN_STACK_SLAB_MAX = 32,          /* stacks that are mapped at once */
};

struct kn_stack_slab;

/* The end of its own memory: nothing is allocated for a stack but its pages. */
struct kn_stack {
    struct kn_stack *next;      /* in a list of free ones */
    char *low;                  /* (c) lowest usable byte; the guard is right below */
    char *top;                  /* (c) the stack grows down from here, the room begins here */
    char *deepest;              /* lowest stack pointer seen by kn_stack_saw() */
    struct kn_stack_slab *slab; /* (c) */
    uint64_t mark; /* tells a stack that is in use, a free one, and overwritten memory apart */
};

/* Zero means the default. */
struct kn_stack_config {
    size_t size;         /* usable bytes, rounded up to pages */
    unsigned worker_max; /* free stacks per worker */
    unsigned shared_max; /* free stacks beyond */
};

/* (c) const after init, (m) lock, (a) atomic. */
struct kn_stack_pool {
    size_t page;                 /* (c) of the system */
    size_t size;                 /* (c) usable bytes */
    size_t region_size;          /* (c) with guard and header */
    unsigned slab_stacks;        /* (c) stacks per slab */
    unsigned worker_max;         /* (c) */
    unsigned shared_max;         /* (c) */
    struct kn_lock lock;         /* leaf: nothing is locked or mapped inside */
    struct kn_stack *free;       /* (m) */
    unsigned free_count;         /* (m) */
    struct kn_stack_slab *slabs; /* (m) all */
    struct kn_stack_slab *cold;  /* (m) those with cold stacks */
    kn_atomic(uint64_t) warm;    /* (a) stacks that hold memory, in use or free; a gauge */
};

/* A worker's own. (o) all of it. */
struct kn_stacks {
    struct kn_stack *free;
    unsigned free_count;
    int node; /* NUMA node to map new ones on, -1 any */
    struct kn_stack_pool *pool;
};

/* Errors: -EINVAL size below KN_STACK_SIZE_MIN or absurd. Maps nothing yet. */
KOKEN_MUST_USE int kn_stack_pool_init(struct kn_stack_pool *pool,
                                      const struct kn_stack_config *config);

/* Every stack must be back. Accepts the zero state. */
void kn_stack_pool_fini(struct kn_stack_pool *pool);

/* Stacks that hold memory now, in use or free. Thread: any. */
uint64_t kn_stack_pool_warm(struct kn_stack_pool *pool);

void kn_stacks_init(struct kn_stacks *stacks, struct kn_stack_pool *keep_pool, int node);

/* All free stacks go to the pool. Accepts the zero state. */
void kn_stacks_fini(struct kn_stacks *stacks);

/*
 * A stack, uninitialised. Errors: -ENOMEM no memory, or no more mappings (vm.max_map_count).
 * Cost: a pop; every worker_max / 2 at worst the lock of the pool; else page faults; else a slab.
 */
KOKEN_MUST_USE int kn_stack_take(struct kn_stacks *stacks, struct kn_stack **ret_stack);

/* Gives a stack to this worker, whichever one it came from. */
void kn_stack_give(struct kn_stacks *stacks, struct kn_stack *take_stack);

/* Notes how deep the stack has been used. */
static inline void kn_stack_saw(struct kn_stack *stack, void *sp)
{
    if ((char *)sp < stack->deepest) {
        stack->deepest = (char *)sp;
    }
}

#endif
