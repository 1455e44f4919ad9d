/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broods: the children of a supervisor, on the heap, where others find them by the supervisor's name: who asks
 * for a child's handle, and a child that ends and leaves something (heirloom.h). One lock for all broods of a
 * runtime (rank 32); the supervisor alone writes, under the lock what others may read.
 */
#ifndef KN_ACTORS_BROOD_H
#define KN_ACTORS_BROOD_H

#include "actors/agent.h"

#include <koken/supervisor.h>

enum { KN_BROOD_MAX = 60000 };

/* One child. */
struct kn_nestling {
    uint64_t id; /* (m) rt->broods_lock to write, and for others to read; 0: not there */
    const struct koken_child *spec; /* (s) NULL: a free place */
    struct kn_heirloom *heirloom;   /* (s) for its next life, or NULL */
    koken_claim claim;              /* (s) of who waits for its removal */
    koken_timer removal;            /* (s) how long that may take */
    int number;                     /* (s) of its monitor */
    bool is_wanted;                 /* (s) to be there */
    bool is_added;                  /* (s) at run time: spec is on the heap */
    bool is_leaving;                /* (s) it is being removed */
};

/* What a supervisor has on the heap, for others to find. */
struct kn_brood {
    struct kn_brood *next;    /* (m) rt->broods_lock */
    uint64_t who;             /* (c) the supervisor */
    uint32_t count;           /* (m) places in use or free */
    uint32_t capacity;        /* (c) of children */
    uint32_t intensity;       /* (c) */
    size_t size;              /* (c) of all this */
    struct kn_heirloom *left; /* (m) what children have left that were not heard of yet */
    uint64_t *restarts;       /* (s) times of the last `intensity` ones, behind the children */
    uint64_t restart_serial;  /* (s) restarts so far */
    struct kn_nestling children[];
};

/*
 * The supervisor that runs makes its brood, with room for `intensity` times of restarts; drops it with all that is
 * in it; gets room for more children. Errors: -ENOMEM; -EOVERFLOW they would be too many.
 */
int kn_brood_make(koken_ctx *ctx, const struct koken_supervisor *spec, uint32_t intensity,
                  struct kn_brood **ret_brood);
void kn_brood_drop(koken_ctx *ctx, struct kn_brood **brood);
int kn_brood_grow(koken_ctx *ctx, struct kn_brood **brood);

/* Says who the child is now; 0: it is not there. */
void kn_nestling_set(koken_ctx *ctx, struct kn_nestling *child, uint64_t id);

/* Frees the place of a child that is not there. */
void kn_nestling_free(struct kn_nestling *child);

/* What the child that was `who` has left, now the caller's, or NULL. */
struct kn_heirloom *kn_brood_take(koken_ctx *ctx, struct kn_brood **brood, uint64_t who);

/* Whether who is a supervisor that lives. Thread: any. */
bool kn_brood_is(struct koken *rt, uint64_t who);

/* Leaves the heirloom of one of its children with that supervisor; false: it has ended. Thread: any. */
bool kn_brood_put(struct koken *rt, uint64_t who, struct kn_heirloom *take_heirloom);

/* Frees what supervisors have left that ended without their exit hook. Nothing else runs. */
void kn_broods_free(struct koken *rt);

#endif
