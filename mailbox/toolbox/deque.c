/* SPDX-License-Identifier: Apache-2.0 */
/* The work-stealing deque. The argument is in deque.h. */
#include "mailbox/toolbox/deque.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "mailbox/toolbox/barrier.h"

#include <errno.h>

enum { CAPACITY_MIN = KN_MODEL_SIZE(16, 2), CAPACITY_DEFAULT = KN_MODEL_SIZE(64, 2) };
#define CAPACITY_MAX ((size_t)1 << 31)

static size_t ring_size(uint64_t mask)
{
    return sizeof(struct kn_deque_ring) + (size_t)(mask + 1) * sizeof(kn_atomic(void *));
}

static struct kn_deque_ring *new_ring(uint64_t slots, struct kn_deque_ring *older)
{
    struct kn_deque_ring *ring = kn_alloc(ring_size(slots - 1), KN_CACHE_LINE, -1);
    if (ring) {
        ring->older = older;
        ring->mask = slots - 1;
        for (uint64_t i = 0; i < slots; i++) {
            kn_atomic_init(&ring->slots[i], NULL);
        }
    }
    return ring;
}

int koken_deque_new(const struct koken_deque_options *options, struct koken_deque **ret_deque)
{
    struct koken_deque_options o = options ? *options : (struct koken_deque_options){0};
    if (!ret_deque || o.capacity > CAPACITY_MAX ||
        (o.struct_size != 0 && o.struct_size != sizeof o)) {
        return -EINVAL;
    }
    size_t wanted = o.capacity ? o.capacity : CAPACITY_DEFAULT, capacity = CAPACITY_MIN;
    while (capacity < wanted) {
        capacity *= 2;
    }
    struct koken_deque *deque = kn_alloc(sizeof *deque, _Alignof(struct koken_deque), -1);
    struct kn_deque_ring *ring = deque ? new_ring(capacity, NULL) : NULL;
    if (!ring) {
        kn_free(deque, sizeof *deque, _Alignof(struct koken_deque));
        return -ENOMEM;
    }
    kn_atomic_init(&deque->top, 0);
    kn_atomic_init(&deque->bottom, 0);
    kn_atomic_init(&deque->thieves, 0);
    kn_atomic_init(&deque->ring, ring);
    deque->top_seen = 0;
    deque->is_biased = !o.is_symmetric && kn_barrier_init();
    *ret_deque = deque;
    return 0;
}

void koken_deque_free(struct koken_deque *deque)
{
    if (!deque) {
        return;
    }
    struct kn_deque_ring *ring = kn_load(&deque->ring, relaxed); /* relaxed: nobody else is here */
    while (ring) { /* ends: each is older and smaller */
        struct kn_deque_ring *older = ring->older;
        kn_free(ring, ring_size(ring->mask), KN_CACHE_LINE);
        ring = older;
    }
    kn_free(deque, sizeof *deque, _Alignof(struct koken_deque));
}

/* Twice the ring, with the same items at the same indices. NULL: no memory. */
static KN_NOINLINE struct kn_deque_ring *grow(struct koken_deque *deque, int64_t bottom)
{
    struct kn_deque_ring *old = kn_load(&deque->ring, relaxed); /* relaxed: the owner's own */
    KN_ASSERT(((old->mask + 1) & old->mask) == 0);
    KN_ASSERT(deque->top_seen <= bottom);
    if (old->mask + 1 >= CAPACITY_MAX) {
        return NULL;
    }
    struct kn_deque_ring *ring = new_ring(2 * (old->mask + 1), old);
    if (ring) {
        KN_ASSERT(bottom - deque->top_seen <= (int64_t)ring->mask);
        for (int64_t i = deque->top_seen; i < bottom; i++) {
            /* Relaxed, both: own writes; the ring is published by the store below. */
            void *item = kn_load(&old->slots[(uint64_t)i & old->mask], relaxed);
            kn_store(&ring->slots[(uint64_t)i & ring->mask], item, relaxed);
        }
        /* [DQ3] release: publishes the ring and its slots. Pairs with acquire in steal. */
        kn_store(&deque->ring, ring, release);
    }
    return ring;
}

KN_HOT int koken_deque_push(struct koken_deque *deque, void *item)
{
    if (kn_unlikely(!deque || !item)) {
        return -EINVAL;
    }
    int64_t bottom = kn_load(&deque->bottom, relaxed); /* relaxed, both: the owner's own */
    struct kn_deque_ring *ring = kn_load(&deque->ring, relaxed);
    KN_ASSERT(deque->top_seen <= bottom);
    if (kn_unlikely(bottom - deque->top_seen > (int64_t)ring->mask)) {
        /* [DQ2] acquire: who took from the slots below has read them. Pairs with release in steal. */
        deque->top_seen = kn_load(&deque->top, acquire);
        if (bottom - deque->top_seen > (int64_t)ring->mask) {
            ring = grow(deque, bottom);
            if (!ring) {
                return -ENOMEM;
            }
        }
    }
    /* Relaxed: bottom publishes it. */
    kn_store(&ring->slots[(uint64_t)bottom & ring->mask], item, relaxed);
    /* [DQ1] release: publishes the slot and the item. Pairs with acquire in steal. */
    kn_store(&deque->bottom, bottom + 1, release);
    return 0;
}

KN_HOT void *koken_deque_pop(struct koken_deque *deque)
{
    if (kn_unlikely(!deque)) {
        return NULL;
    }
    int64_t bottom = kn_load(&deque->bottom, relaxed) - 1; /* relaxed, both: the owner's own */
    struct kn_deque_ring *ring = kn_load(&deque->ring, relaxed);
    int64_t top;
    if (bottom < deque->top_seen) {
        return NULL; /* top is never behind top_seen */
    }
    if (kn_likely(deque->is_biased)) {
        /* Release, as every store to bottom: a thief that reads it sees the slots below. [DQ1] */
        kn_store(&deque->bottom, bottom, release);
        kn_fence_light();
        /* [DQ5] acquire: top as the thieves that have gone left it. Pairs with release in steal. */
        bool is_alone = kn_load(&deque->thieves, acquire) == 0;
        top = kn_load(&deque->top, relaxed); /* relaxed: ordered by the thief's barrier */
        if (kn_likely(is_alone && top == bottom)) {
            deque->top_seen = top;
            return kn_load(&ring->slots[(uint64_t)bottom & ring->mask], relaxed); /* own write */
        }
    } else {
        kn_store(&deque->bottom, bottom, seq_cst); /* [DQ1] [DQ4] with the two loads in steal */
        top = kn_load(&deque->top, seq_cst);       /* [DQ4] */
    }
    if (kn_likely(top < bottom)) {
        return kn_load(&ring->slots[(uint64_t)bottom & ring->mask], relaxed); /* own write */
    }
    void *item = NULL;
    if (top == bottom) {
        item = kn_load(&ring->slots[(uint64_t)bottom & ring->mask], relaxed); /* own write */
        /* [DQ4] seq_cst: among the swaps of those who steal. Relaxed on failure: it is theirs. */
        if (!kn_cas_strong(&deque->top, &top, top + 1, seq_cst, relaxed)) {
            item = NULL;
        }
    }
    kn_store(&deque->bottom, bottom + 1, release); /* [DQ1], as above: it is empty */
    deque->top_seen = bottom + 1;
    return item;
}

/* Takes the item at top, which the caller has read before bottom. */
static int take_at(struct koken_deque *deque, int64_t top, void **ret_item)
{
    /* [DQ3] acquire: its slots. An older ring will do: what it held at top it holds for ever. */
    struct kn_deque_ring *ring = kn_load(&deque->ring, acquire);
    /* Relaxed: if the slot was used again, top has moved, and the swap fails. */
    void *item = kn_load(&ring->slots[(uint64_t)top & ring->mask], relaxed);
    /* [DQ2] release: the slot has been read. [DQ4] seq_cst: among the others' swaps. */
    if (!kn_cas_strong(&deque->top, &top, top + 1, seq_cst, relaxed)) {
        return -EBUSY;
    }
    KN_ASSERT(item != NULL);
    *ret_item = item;
    return 1;
}

static int steal_biased(struct koken_deque *deque, void **ret_item)
{
    int rc = 0;
    /* Relaxed, all: hints, to leave the owner in peace where there is nothing. Bottom was published before
     * the call, if the caller knows of an item. */
    if (kn_load(&deque->top, relaxed) >= kn_load(&deque->bottom, relaxed)) {
        return 0;
    }
    (void)kn_add(&deque->thieves, 1, relaxed);   /* relaxed: the barrier announces it */
    int64_t top = kn_load(&deque->top, relaxed); /* relaxed: the barrier, and the swap */
    kn_membarrier();
    /* [DQ1] acquire: the slots below bottom, their items, and the ring that holds them. Pairs with release
     * in push and pop. */
    if (top < kn_load(&deque->bottom, acquire)) {
        rc = take_at(deque, top, ret_item);
    }
    (void)kn_sub(&deque->thieves, 1, release); /* [DQ5] release: top */
    return rc;
}

int koken_deque_steal(struct koken_deque *deque, void **ret_item)
{
    if (!deque || !ret_item) {
        return -EINVAL;
    }
    if (deque->is_biased) {
        return steal_biased(deque, ret_item);
    }
    /* [DQ4] seq_cst: this before the load of bottom, against pop. */
    int64_t top = kn_load(&deque->top, seq_cst);
    /* [DQ1] acquire, as above; [DQ4]. */
    int64_t bottom = kn_load(&deque->bottom, seq_cst);
    return top < bottom ? take_at(deque, top, ret_item) : 0;
}

/* const is the caller's view; an atomic load wants none. */
static struct koken_deque *without_const(const struct koken_deque *deque)
{
    return (struct koken_deque *)(uintptr_t)deque;
}

size_t koken_deque_len(const struct koken_deque *deque)
{
    if (!deque) {
        return 0;
    }
    int64_t top = kn_load(&without_const(deque)->top, relaxed); /* relaxed, both: a hint */
    int64_t bottom = kn_load(&without_const(deque)->bottom, relaxed);
    return bottom > top ? (size_t)(bottom - top) : 0;
}

size_t koken_deque_capacity(const struct koken_deque *deque)
{
    /* Relaxed: the owner's own. */
    return deque ? (size_t)kn_load(&without_const(deque)->ring, relaxed)->mask + 1 : 0;
}
