/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: where agents live, and the way from a handle to its agent.
 *
 * A handle is {generation:32, index:32}. The index leads through one process-wide directory of
 * chunks to a slot; the slot's generation must be the handle's. An agent's end bumps the generation
 * at once, so its handles are stale at once; the slot itself is used again only after a grace
 * period of liburcu's QSBR, so whoever resolved the handle a moment before still finds a closed
 * mailbox, not another agent's.
 *
 * Chunks are published to the directory with release and unpublished before the grace period after
 * which they are freed. A chunk's indexes start with generations that no earlier chunk there has
 * used.
 */
#ifndef KN_ACTORS_SLOTS_H
#define KN_ACTORS_SLOTS_H

#include "actors/agent.h"

enum {
    KN_CHUNK_SHIFT = KN_MODEL_SIZE(10, 2),
    KN_CHUNK_SLOTS = 1 << KN_CHUNK_SHIFT,
    KN_CHUNKS_MAX = KN_MODEL_SIZE(1 << 18, 4), /* 268 million agents */
    KN_SLOTS_REFILL =
        KN_MODEL_SIZE(64, 1), /* slots that a worker takes from the runtime at a time */
    KN_CHUNKS_SINGLE =
        KN_MODEL_SIZE(64, 64), /* chunks of a runtime that are mapped one by one; then by shelves */
    KN_DEAD_SHORT =
        KN_MODEL_SIZE(512, 1), /* so many are used again at once if nobody can know them */
    KN_DEAD_BATCH =
        KN_MODEL_SIZE(1024, 2), /* ended agents that wait for one grace period together */
};

/*
 * Chunks of a large runtime stand together on shelves, each of them one large page of the machine: a random one
 * among a million agents is else mostly a miss in the table of pages as well.
 */
enum { KN_SHELF_SIZE = 2 << 20 };

struct kn_shelf {
    struct kn_shelf *next; /* (m) rt->slots_lock */
    void *region;          /* (c) as mapped, twice the size, so that a shelf lies aligned in it */
    uint32_t used;         /* (m) rt->slots_lock: chunks taken so far */
};

struct kn_chunk {
    struct koken *rt;      /* (c) */
    struct kn_chunk *next; /* (m) rt->slots_lock */
    uint32_t number;       /* (c) place in the directory */
    uint32_t used;         /* (m) rt->slots_lock: slots handed out so far */
    uint32_t base;         /* (c) first generation here */
    int node;              /* (c) */
    bool is_on_shelf;      /* (c) not mapped alone */
    KN_ALIGNED(KN_CACHE_LINE) struct kn_agent slots[KN_CHUNK_SLOTS];
};

_Static_assert(offsetof(struct kn_chunk, slots) % KN_CACHE_LINE == 0, "slots begin at a line");
_Static_assert(sizeof(struct kn_agent) % KN_CACHE_LINE == 0, "and share none");
_Static_assert((uint64_t)KN_CHUNKS_MAX *KN_CHUNK_SLOTS <= UINT32_MAX, "an index is 32 bits");

extern kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

/* The chunk that id leads to, or NULL. The index of a forged handle may be any number; what it leads to has
 * another id. */
static KN_ALWAYS_INLINE struct kn_chunk *kn_chunk_of(uint64_t id)
{
    uint32_t number = (uint32_t)id >> KN_CHUNK_SHIFT & (KN_CHUNKS_MAX - 1);
    return kn_load(&kn_chunks[number], acquire); /* [AS1] acquire: the chunk's publication */
}

/*
 * The agent that id names, or NULL. It stays a slot (though perhaps of an ended agent, with a
 * closed mailbox) until the caller's next quiescent state. Thread: online in RCU.
 */
static inline struct kn_agent *kn_resolve(uint64_t id)
{
    struct kn_chunk *chunk = kn_chunk_of(id);
    if (kn_unlikely(!chunk)) {
        return NULL;
    }
    struct kn_agent *a = &chunk->slots[id & (KN_CHUNK_SLOTS - 1)];
    /* [AS2] acquire: pairs with the birth; an equal id means the agent's constants are there. A slot that
     * has never been one has id 0, and the first one of a chunk never that. */
    return kn_load(&a->id, acquire) == id || KN_MUTANT(4) ? a : NULL;
}

/* As kn_resolve, but NULL also for an agent of another runtime. */
static inline struct kn_agent *kn_resolve_in(const struct koken *rt, uint64_t id)
{
    struct kn_chunk *chunk = kn_chunk_of(id);
    if (kn_unlikely(!chunk || chunk->rt != rt)) {
        return NULL;
    }
    struct kn_agent *a = &chunk->slots[id & (KN_CHUNK_SLOTS - 1)];
    return kn_likely(kn_load(&a->id, acquire) == id) ? a : NULL; /* [AS2] acquire */
}

/* The runtime that an agent found by kn_resolve lives in. */
static inline struct koken *kn_agent_runtime(const struct kn_agent *a)
{
    /* By address, not by the directory: that may have been cleared since the agent was found. */
    const struct kn_agent *first = a - (kn_agent_id(a) & (KN_CHUNK_SLOTS - 1));
    const void *chunk = (const char *)first - offsetof(struct kn_chunk, slots);
    return ((const struct kn_chunk *)chunk)->rt;
}

/* A free slot, NULL: no memory. Thread: the worker of local; local NULL: any thread outside. */
struct kn_agent *kn_slot_take(struct koken *rt, struct kn_local *local);

/* Gives a slot back whose agent has ended (or was never born): used again after a grace period. */
void kn_slot_give(struct koken *rt, struct kn_local *local, struct kn_agent *a);

/*
 * Between turns: if this worker is the only reader in the process, the grace period of its ended agents is
 * over, and their slots are free, still warm: for the worker, or for the runtime if the worker has as many already.
 * Not sooner than after so many, so that a generation lasts.
 */
void kn_slots_recycle(struct kn_local *local);

/* Sends the worker's ended agents on their way though they are no full batch. */
void kn_slots_flush(struct kn_local *local);

/* Calls fn for every slot ever used. Thread: any; slots may be free, being born or dying. */
void kn_slots_each(struct koken *rt, void (*fn)(struct kn_agent *a, void *arg), void *arg);

/* Unpublishes and frees all chunks. Not concurrent with any use of the runtime but stale handles.
 */
void kn_slots_free(struct koken *rt);

#endif
