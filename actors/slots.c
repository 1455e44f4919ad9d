/* SPDX-License-Identifier: Apache-2.0 */
/* See slots.h. */
#include "actors/slots.h"

#include "actors/kn_rcu.h"
#include "base/alloc.h"

#include <string.h>

kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

/* The process-wide part of the directory: which numbers are free, and which generations they have
 * seen. */
static pthread_mutex_t directory_lock = PTHREAD_MUTEX_INITIALIZER; /* rank 60 */
static uint32_t directory_used;                                    /* (m) numbers ever given out */
static uint32_t directory_free; /* (m) numbers below with no chunk now */
KN_GLOBAL_SIMULATED(directory_used);
KN_GLOBAL_SIMULATED(directory_free);
static uint32_t directory_base[KN_CHUNKS_MAX]; /* (m) first generation of the next chunk */

/* A batch of ended agents on its way through a grace period: the first of them carries the head. */
struct kn_slot_batch {
    struct kn_rcu_head head;
    struct koken *rt;
    struct kn_slot_batch *next; /* (m) rt->slots_lock: in rt->returned */
    struct kn_agent *first;     /* linked by run.next */
    uint32_t count;
    bool hold; /* some hold an overflow part */
};
_Static_assert(sizeof(struct kn_slot_batch) <= KN_INLINE_STATE,
               "the batch lies in a dead agent's state");

/* A number without a chunk, UINT32_MAX when there is none. */
static uint32_t take_number(uint32_t *ret_base)
{
    uint32_t number = UINT32_MAX;
    pthread_mutex_lock(&directory_lock);
    if (directory_free) {
        for (uint32_t i = 0; i < directory_used; i++) {
            /* Relaxed: only changed under the lock we hold; the mark says "being made". */
            if (!kn_load(&kn_chunks[i], relaxed) && !(directory_base[i] & 1u)) {
                number = i;
                directory_free--;
                break;
            }
        }
    } else if (directory_used < KN_CHUNKS_MAX) {
        number = directory_used++;
        directory_base[number] = 0;
    }
    KN_ASSERT(directory_used <= KN_CHUNKS_MAX);
    KN_ASSERT(directory_free <= directory_used);
    if (number != UINT32_MAX) {
        KN_ASSERT(!(directory_base[number] & 1u));
        KN_ASSERT(!kn_load(&kn_chunks[number], relaxed)); /* relaxed: under the lock */
        *ret_base = directory_base[number] >> 1;
        directory_base[number] |= 1u; /* in use */
    }
    pthread_mutex_unlock(&directory_lock);
    return number;
}

static void give_number(uint32_t number, uint32_t next_base)
{
    pthread_mutex_lock(&directory_lock);
    KOKEN_CHECK(directory_base[number] & 1u); /* it was in use */
    KN_ASSERT(!kn_load(&kn_chunks[number], relaxed));
    directory_base[number] = next_base << 1;
    directory_free++;
    pthread_mutex_unlock(&directory_lock);
}

/* What a slot holds that has never been an agent: the first generation, and a mailbox that is
 * closed. */
static void prepare(struct kn_chunk *chunk, uint32_t i)
{
    KN_ASSERT(i < KN_CHUNK_SLOTS);
    KN_ASSERT(chunk->number < KN_CHUNKS_MAX);
    struct kn_agent *a = &chunk->slots[i];
    /* Relaxed, both: no handle to it exists yet; the birth publishes it. */
    kn_store(&a->id, (uint64_t)(chunk->base + 1) << 32 | chunk->number << KN_CHUNK_SHIFT | i,
             relaxed);
    kn_store(&a->mailbox.word, (uint64_t)KN_MB_CLOSED, relaxed);
}

enum {
    ON_SHELF = (KN_SHELF_SIZE - sizeof(struct kn_shelf)) / sizeof(struct kn_chunk),
};

/* A new shelf of rt; NULL: no memory. Its head stands behind the chunks. */
static struct kn_shelf *add_shelf(struct koken *rt, int node)
{
    void *region = kn_map(2 * (size_t)KN_SHELF_SIZE, node);
    if (!region) {
        return NULL;
    }
    char *base = (char *)kn_align_up((uintptr_t)region, KN_SHELF_SIZE);
    kn_map_prefer_huge(base, KN_SHELF_SIZE);
    struct kn_shelf *shelf = (struct kn_shelf *)(void *)(base + ON_SHELF * sizeof(struct kn_chunk));
    struct kn_shelf **shelves = &rt->shelves[node < 0 ? 0 : node];
    *shelf = (struct kn_shelf){*shelves, region, 0};
    *shelves = shelf;
    return shelf;
}

/* Zeroed memory for a chunk: of its own, or on a shelf once there are many. Under rt->slots_lock. */
static struct kn_chunk *chunk_memory(struct koken *rt, int node)
{
    if (rt->chunk_count < KN_CHUNKS_SINGLE) {
        return kn_map(sizeof(struct kn_chunk), node);
    }
    struct kn_shelf *shelf = rt->shelves[node < 0 ? 0 : node];
    if (!shelf || shelf->used == ON_SHELF) {
        shelf = add_shelf(rt, node);
        if (!shelf) {
            return NULL;
        }
    }
    KN_ASSERT(shelf->used < ON_SHELF);
    struct kn_chunk *first = (struct kn_chunk *)(void *)shelf - ON_SHELF;
    struct kn_chunk *chunk = &first[shelf->used++];
    KN_ASSERT((uintptr_t)first % KN_SHELF_SIZE == 0);
    chunk->is_on_shelf = true;
    return chunk;
}

static void free_shelves(struct koken *rt)
{
    for (int node = 0; node < KN_NODES_MAX; node++) {
        struct kn_shelf *shelf;
        while ((shelf = rt->shelves[node]) != NULL) { /* ends: the list is finite */
            rt->shelves[node] = shelf->next;
            kn_unmap(shelf->region, 2 * (size_t)KN_SHELF_SIZE);
        }
    }
}

/* A new chunk of rt, published, or NULL. Under rt->slots_lock. */
static struct kn_chunk *add_chunk(struct koken *rt, int node)
{
    uint32_t base;
    uint32_t number = take_number(&base);
    if (number == UINT32_MAX) {
        return NULL;
    }
    struct kn_chunk *chunk = chunk_memory(rt, node);
    if (!chunk) {
        give_number(number, base);
        return NULL;
    }
    chunk->rt = rt;
    chunk->number = number;
    chunk->base = base;
    chunk->node = node;
    chunk->next = rt->chunks;
    prepare(chunk,
            0); /* the others have id 0 until they are prepared, which only "nobody" has, here */
    rt->chunks = chunk;
    rt->chunk_count++;
    /* [AS1] release: the chunk's fields, before any handle can lead here. */
    kn_store(&kn_chunks[number], chunk, release);
    return chunk;
}

/* Fresh slots from a chunk of that node, in address order; *count at most. Under rt->slots_lock. */
static struct kn_agent *fresh_slots(struct koken *rt, int node, uint32_t *count)
{
    struct kn_chunk **open = &rt->open_chunks[node < 0 ? 0 : node];
    if (!*open || (*open)->used == KN_CHUNK_SLOTS) {
        *open = add_chunk(rt, node);
    }
    struct kn_chunk *chunk = *open;
    if (!chunk) {
        return NULL;
    }
    KN_ASSERT(chunk->rt == rt);
    KN_ASSERT(chunk->used < KN_CHUNK_SLOTS);
    uint32_t n = KN_CHUNK_SLOTS - chunk->used;
    n = n < *count ? n : *count;
    KN_ASSERT(n > 0);
    struct kn_agent *first = NULL;
    for (uint32_t i = n; i-- > 0;) {
        struct kn_agent *a = &chunk->slots[chunk->used + i];
        prepare(chunk, chunk->used + i);
        a->run.next = first ? &first->run : NULL;
        first = a;
    }
    chunk->used += n;
    *count = n;
    return first;
}

/* A slot without an agent: nobody can send to it, and it holds nothing (I3 in DESIGN.md). */
static bool is_vacant(const struct kn_agent *a)
{
    return (kn_load(&a->mailbox.word, relaxed) & KN_MB_CLOSED) && /* relaxed: it stays so */
           !kn_mb_top(kn_load(&a->mailbox.word, relaxed)) && !a->state;
}

static struct kn_agent *next_of(const struct kn_agent *a)
{
    return a->run.next ? kn_container_of(a->run.next, struct kn_agent, run) : NULL;
}

/* Takes one slot off a batch of more; the rest of it is a batch again. Under rt->slots_lock. */
static struct kn_agent *split(struct koken *rt, struct kn_slot_batch *batch)
{
    struct kn_agent *first = batch->first;
    struct kn_slot_batch *rest = (struct kn_slot_batch *)(void *)next_of(first)->inline_state;
    KN_ASSERT(batch == rt->returned);
    KN_ASSERT(batch->count > 1);
    *rest = *batch;
    rest->first = next_of(first);
    rest->count--;
    rt->returned = rest;
    first->run.next = NULL;
    return first;
}

/*
 * A batch of returned slots, whole, so that nobody walks over it; else up to *count fresh ones. A *count of 1
 * means one in either case.
 */
static struct kn_agent *some_slots(struct koken *rt, int node, uint32_t *count)
{
    pthread_mutex_lock(&rt->slots_lock);
    struct kn_slot_batch *batch = rt->returned;
    struct kn_agent *first;
    if (!batch) {
        first = fresh_slots(rt, node, count);
    } else if (*count == 1 && batch->count > 1) {
        first = split(rt, batch);
    } else {
        first = batch->first;
        *count = batch->count;
        rt->returned = batch->next;
    }
    pthread_mutex_unlock(&rt->slots_lock);
    return first;
}

/* Who knew the agent before may have made an overflow part after its end, in the grace period. */
static struct kn_agent *without_overflow(struct kn_agent *a)
{
    struct kn_overflow *o =
        a ? kn_load(&a->overflow, relaxed) : NULL; /* relaxed: the grace is over */
    if (kn_unlikely(o != NULL)) {
        kn_overflow_free(o);
        kn_store(&a->overflow, NULL, relaxed); /* as above */
    }
    return a;
}

struct kn_agent *kn_slot_take(struct koken *rt, struct kn_local *local)
{
    if (!local) {
        uint32_t one = 1;
        return without_overflow(some_slots(rt, -1, &one));
    }
    if (kn_unlikely(!local->free_slots)) {
        uint32_t count = KN_SLOTS_REFILL;
        local->free_slots = some_slots(rt, rt->node_count > 1 ? local->worker->node : -1, &count);
        local->free_count = local->free_slots ? count : 0;
        if (!local->free_slots) {
            return NULL;
        }
    }
    struct kn_agent *a = local->free_slots;
    KN_ASSERT(local->free_count > 0);
    KN_ASSERT(is_vacant(a));
    local->free_slots = next_of(a);
    local->free_count--;
    KN_ASSERT((local->free_slots == NULL) == (local->free_count == 0));
    return without_overflow(a);
}

/* After the grace period, on the reclaimer's thread: nobody who knew the old agents is left. */
static void return_batch(struct kn_rcu_head *head)
{
    struct kn_slot_batch *batch = kn_container_of(head, struct kn_slot_batch, head);
    struct koken *rt = batch->rt;
    for (struct kn_agent *a = batch->hold ? batch->first : NULL; a; a = next_of(a)) {
        KN_ASSERT(is_vacant(a));
        KN_ASSERT(kn_agent_runtime(a) == rt);
        /* Relaxed: the grace period has ordered everything before. */
        kn_overflow_free(kn_load(&a->overflow, relaxed));
        kn_store(&a->overflow, NULL, relaxed); /* as above */
    }
    pthread_mutex_lock(&rt->slots_lock);
    batch->next = rt->returned;
    rt->returned = batch;
    pthread_mutex_unlock(&rt->slots_lock);
}

static struct kn_slot_batch *make_batch(struct koken *rt, struct kn_agent *first, uint32_t count,
                                        bool hold)
{
    struct kn_slot_batch *batch = (struct kn_slot_batch *)(void *)first->inline_state;
    KN_ASSERT(is_vacant(first));
    KN_ASSERT(count > 0);
    batch->rt = rt;
    batch->first = first;
    batch->count = count;
    batch->hold = hold;
    return batch;
}

static void defer_batch(struct koken *rt, struct kn_agent *first, uint32_t count, bool hold)
{
    struct kn_slot_batch *batch = make_batch(rt, first, count, hold);
    kn_rcu_defer(&rt->reclaimer, &batch->head, return_batch);
}

void kn_slot_give(struct koken *rt, struct kn_local *local, struct kn_agent *a)
{
    KOKEN_CHECK(is_vacant(a));
    KN_ASSERT(kn_agent_runtime(a) == rt);
    KN_ASSERT(!local || kn_local_is_held(local));
    KN_ASSERT(!a->intake.user_head);
    KN_ASSERT(!a->intake.system_head);
    KN_ASSERT(!a->cold);
    a->run.next = NULL;
    bool holds =
        kn_load(&a->overflow, relaxed) != NULL; /* relaxed: a hint, kn_slot_take looks again */
    if (!local) {
        defer_batch(rt, a, 1, holds);
        return;
    }
    local->dead_hold |= holds;
    a->run.next = local->dead ? &local->dead->run : NULL;
    local->dead_last = local->dead ? local->dead_last : a;
    local->dead = a;
    if (++local->dead_count >= KN_DEAD_BATCH) {
        kn_slots_flush(local);
    }
}

void kn_slots_flush(struct kn_local *local)
{
    struct kn_agent *first = local->dead;
    KN_ASSERT((first == NULL) == (local->dead_count == 0));
    KN_ASSERT(local->dead_count <= KN_DEAD_BATCH);
    if (first) {
        uint32_t count = local->dead_count;
        bool hold = local->dead_hold;
        local->dead = NULL;
        local->dead_count = 0;
        local->dead_hold = false;
        defer_batch(local->rt, first, count, hold);
    }
}

void kn_slots_recycle(struct kn_local *local)
{
    KN_ASSERT(kn_local_is_held(local));
    if (kn_likely(local->dead_count < KN_DEAD_SHORT) || !kn_rcu_is_only_reader()) {
        return;
    }
    KN_ASSERT(!local->dead_last->run.next);
    if (local->free_count >= KN_DEAD_SHORT) { /* others are born elsewhere than they end */
        struct kn_slot_batch *batch =
            make_batch(local->rt, local->dead, local->dead_count, local->dead_hold);
        return_batch(&batch->head);
    } else {
        local->dead_last->run.next = local->free_slots ? &local->free_slots->run : NULL;
        local->free_slots = local->dead;
        local->free_count += local->dead_count;
    }
    local->dead = NULL;
    local->dead_count = 0;
    local->dead_hold = false; /* kn_slot_take looks again */
}

void kn_slots_each(struct koken *rt, void (*fn)(struct kn_agent *a, void *arg), void *arg)
{
    pthread_mutex_lock(&rt->slots_lock);
    struct kn_chunk *chunk = rt->chunks;
    uint32_t used = chunk ? chunk->used : 0;
    pthread_mutex_unlock(&rt->slots_lock);
    while (
        chunk) { /* chunks are only added in front; the older ones keep their links until the end */
        for (uint32_t i = 0; i < used; i++) {
            fn(&chunk->slots[i], arg);
        }
        chunk = chunk->next;
        pthread_mutex_lock(&rt->slots_lock);
        used = chunk ? chunk->used : 0;
        pthread_mutex_unlock(&rt->slots_lock);
    }
}

void kn_slots_free(struct koken *rt)
{
    for (struct kn_chunk *chunk = rt->chunks; chunk; chunk = chunk->next) {
        /* [AS1] release: from here on no handle leads to the chunk. */
        kn_store(&kn_chunks[chunk->number], NULL, release);
    }
    kn_rcu_synchronize(); /* threads outside that resolved a handle a moment before have gone */
    struct kn_chunk *chunk = rt->chunks;
    rt->chunks = NULL;
    while (chunk) {
        struct kn_chunk *next = chunk->next;
        uint32_t highest = chunk->base;
        for (uint32_t i = 0; i < chunk->used; i++) {
            /* Relaxed, both: nobody else is left. */
            kn_overflow_free(kn_load(&chunk->slots[i].overflow, relaxed));
            uint32_t generation = (uint32_t)(kn_load(&chunk->slots[i].id, relaxed) >> 32);
            highest = generation - chunk->base > highest - chunk->base ? generation : highest;
        }
        uint32_t number = chunk->number;
        if (!chunk->is_on_shelf) {
            kn_unmap(chunk, sizeof *chunk);
        }
        give_number(number, highest & 0x7fffffffu);
        chunk = next;
    }
    free_shelves(rt);
}
