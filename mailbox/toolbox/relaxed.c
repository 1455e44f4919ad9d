/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relaxed priority queue: heaps, each with its lock and its smallest key in a word that anybody may read.
 *
 * The word is a hint for the choice, and the truth about emptiness only under the lock: a pop that finds nothing
 * in what it has chosen locks every heap in turn before it says that there is nothing. So it says so only
 * if each was empty at some moment of the call. Keys are compared with a sequence number behind them; with one heap
 * that makes equals first in, first out.
 *
 * The smallest few of a heap stand in order before it, each before all that is in the heap behind: most pops take
 * the last of a row, and what is pushed to be popped soon never enters the heap.
 */
#include <koken/priority.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"
#include "mailbox/toolbox/slim_lock.h"

#include <errno.h>

enum { HEAPS_MAX = 1024, ROOM_FIRST = 16, TRIES = 4, CHILDREN = 4 };
enum { NEAR = KN_MODEL_SIZE(16, 2) };
_Static_assert(NEAR / 2 <= ROOM_FIRST, "twice the room is enough");

__extension__ typedef unsigned __int128 wide;

struct node {
    uint64_t key, sequence;
    void *item;
};

struct heap {
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_slim_lock lock; /* rank 42, one at a time */
    kn_atomic(uint64_t) min; /* (a) the smallest key, UINT64_MAX: none; written under the lock */
    kn_atomic(uint64_t) len; /* (a) written under the lock */
    uint64_t sequence;       /* (m) */
    uint32_t near_len;       /* (m) 0 only if there is nothing at all */
    struct node *nodes;      /* (m) the heap: len - near_len of them */
    size_t room;             /* (m) */
    struct node near[NEAR];  /* (m) the smallest, in order, the very smallest last */
};

struct koken_relaxed {
    unsigned count; /* (c) */
    struct heap heaps[];
};

static KN_TLS uint64_t dice; /* the thread's choices; 0: not thrown yet */
KN_TLS_SIMULATED(dice);

/* Two choices at a throw. */
static uint64_t throw(void)
{
    if (kn_unlikely(dice == 0)) {
        dice = kn_random_seed(kn_entropy());
    }
    return kn_random(&dice);
}

/* One of so many heaps, by the upper half of a throw. */
static unsigned choose(unsigned count, uint64_t thrown)
{
    KN_ASSERT(count > 0);
    return (unsigned)((thrown >> 32) * count >> 32);
}

static size_t size_of(unsigned heaps)
{
    return sizeof(struct koken_relaxed) + heaps * sizeof(struct heap);
}

int koken_relaxed_new(unsigned heaps, struct koken_relaxed **ret_queue)
{
    if (!ret_queue || heaps == 0 || heaps > HEAPS_MAX) {
        return -EINVAL;
    }
    struct koken_relaxed *queue = kn_alloc(size_of(heaps), KN_FALSE_SHARING, -1);
    if (!queue) {
        return -ENOMEM;
    }
    queue->count = heaps;
    for (unsigned i = 0; i < heaps; i++) {
        struct heap *heap = &queue->heaps[i];
        *heap = (struct heap){.nodes = NULL};
        kn_atomic_init(&heap->min, UINT64_MAX);
        kn_slim_init(&heap->lock);
    }
    *ret_queue = queue;
    return 0;
}

void koken_relaxed_free(struct koken_relaxed *queue)
{
    if (!queue) {
        return;
    }
    for (unsigned i = 0; i < queue->count; i++) {
        struct heap *heap = &queue->heaps[i];
        kn_free(heap->nodes, heap->room * sizeof *heap->nodes, _Alignof(struct node));
    }
    kn_free(queue, size_of(queue->count), KN_FALSE_SHARING);
}

/* Shows what is smallest, and unlocks. Relaxed, all: hints, the lock orders the rest. */
static void unlock(struct heap *heap)
{
    KN_ASSERT(kn_load(&heap->len, relaxed) - heap->near_len <= heap->room);
    KN_ASSERT(heap->near_len > 0 || kn_load(&heap->len, relaxed) == 0);
    kn_store(&heap->min, heap->near_len ? heap->near[heap->near_len - 1].key : UINT64_MAX, relaxed);
    kn_slim_give(&heap->lock);
}

/* Without a branch: which of two children is smaller nobody can foretell. */
static inline bool is_before(const struct node *a, const struct node *b)
{
    return ((wide)a->key << 64 | a->sequence) < ((wide)b->key << 64 | b->sequence);
}

/* For so many more in the heap, at most NEAR / 2, behind the len that it has. */
static bool make_room(struct heap *heap, size_t len, size_t more)
{
    if (len + more <= heap->room) {
        return true;
    }
    size_t room = heap->room ? 2 * heap->room : ROOM_FIRST;
    struct node *nodes = kn_alloc(room * sizeof *nodes, _Alignof(struct node), -1);
    if (!nodes) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        nodes[i] = heap->nodes[i];
    }
    kn_free(heap->nodes, heap->room * sizeof *nodes, _Alignof(struct node));
    heap->nodes = nodes;
    heap->room = room;
    KN_ASSERT(len < room);
    return true;
}

static void sift_up(struct heap *heap, size_t at, struct node node)
{
    KN_ASSERT(at < heap->room);
    while (at > 0 && is_before(&node, &heap->nodes[(at - 1) / CHILDREN])) { /* ends at the root */
        heap->nodes[at] = heap->nodes[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    heap->nodes[at] = node;
}

/* The smallest of the children that begin at first. */
static size_t smallest(const struct node *nodes, size_t first, size_t len)
{
    size_t a = first;
    KN_ASSERT(first < len);
    if (kn_likely(first + CHILDREN <= len)) {
        a = first + is_before(&nodes[first + 1], &nodes[first]);
        size_t b = first + 2 + is_before(&nodes[first + 3], &nodes[first + 2]);
        return a ^ ((a ^ b) & (0 - (size_t)is_before(&nodes[b], &nodes[a])));
    }
    for (size_t i = first + 1; i < len; i++) {
        a = is_before(&nodes[i], &nodes[a]) ? i : a;
    }
    return a;
}

static void sift_down(struct heap *heap, size_t len, struct node node)
{
    size_t at = 0;
    for (size_t first = 1; first < len; first = CHILDREN * at + 1) { /* ends at a leaf */
        size_t child = smallest(heap->nodes, first, len);
        if (!is_before(&heap->nodes[child], &node)) {
            break;
        }
        heap->nodes[at] = heap->nodes[child];
        at = child;
    }
    KN_ASSERT(at < len);
    heap->nodes[at] = node;
}

/* Takes the smallest of the heap, which has so many. */
static struct node take_top(struct heap *heap, size_t len)
{
    KN_ASSERT(len > 0);
    KN_ASSERT(len <= heap->room);
    struct node top = heap->nodes[0];
    if (len > 1) {
        sift_down(heap, len - 1, heap->nodes[len - 1]);
    }
    return top;
}

/* Puts a node before the heap, among those that are in order there; there is room. */
static void put_near(struct heap *heap, const struct node *node)
{
    size_t at = heap->near_len++;
    KN_ASSERT(at < NEAR);
    for (; at > 0 && is_before(&heap->near[at - 1], node); at--) {
        heap->near[at] = heap->near[at - 1];
    }
    heap->near[at] = *node;
}

/* The larger half of what is in order goes to the heap, which has so many. False: no memory. */
static bool spill(struct heap *heap, size_t far)
{
    enum { HALF = NEAR / 2 };
    KN_ASSERT(heap->near_len == NEAR);
    if (!make_room(heap, far, HALF)) {
        return false;
    }
    for (size_t i = 0; i < HALF; i++) {
        sift_up(heap, far + i, heap->near[i]);
        heap->near[i] = heap->near[i + HALF];
    }
    heap->near_len -= HALF;
    return true;
}

/* The smaller ones of the heap, which has so many, come in order. */
static void refill(struct heap *heap, size_t far)
{
    KN_ASSERT(far > 0);
    KN_ASSERT(heap->near_len == 0);
    uint32_t count = far < NEAR / 2 ? (uint32_t)far : NEAR / 2;
    for (uint32_t i = count; i-- > 0;) {
        heap->near[i] = take_top(heap, far--);
    }
    heap->near_len = count;
}

/* Under the lock. False: no memory. */
static bool push(struct heap *heap, uint64_t key, void *item)
{
    size_t len = (size_t)kn_load(&heap->len, relaxed), far = len - heap->near_len;
    struct node node = {key, heap->sequence, item}; /* relaxed: under the lock */
    KN_ASSERT(far <= heap->room);
    KN_ASSERT(heap->near_len > 0 || len == 0);
    bool is_near = far == 0 || is_before(&node, &heap->near[0]);
    if (is_near && heap->near_len == NEAR) {
        if (!spill(heap, far)) {
            return false;
        }
        far = len - heap->near_len;
        is_near = is_before(&node, &heap->near[0]);
    }
    if (is_near) {
        put_near(heap, &node);
    } else if (make_room(heap, far, 1)) {
        sift_up(heap, far, node);
    } else {
        return false;
    }
    heap->sequence++;
    kn_store(&heap->len, len + 1, relaxed); /* relaxed: as above */
    return true;
}

int koken_relaxed_push(struct koken_relaxed *queue, uint64_t key, void *item)
{
    if (!queue || !item) {
        return -EINVAL;
    }
    struct heap *heap = &queue->heaps[choose(queue->count, throw())];
    bool is_mine = kn_slim_try(&heap->lock);
    for (int i = 0; i < TRIES && kn_unlikely(!is_mine); i++) {
        heap = &queue->heaps[choose(queue->count, throw())];
        is_mine = kn_slim_try(&heap->lock);
    }
    if (kn_unlikely(!is_mine)) {
        kn_slim_take(&heap->lock);
    }
    bool has_room = push(heap, key, item);
    unlock(heap);
    return has_room ? 0 : -ENOMEM;
}

/* Takes the smallest of a heap that the caller has locked, and unlocks it. */
static bool pop_from(struct heap *heap, uint64_t *ret_key, void **ret_item)
{
    size_t len = (size_t)kn_load(&heap->len, relaxed); /* relaxed: under the lock */
    if (len > 0) {
        KN_ASSERT(heap->near_len > 0);
        if (ret_key) {
            *ret_key = heap->near[heap->near_len - 1].key;
        }
        *ret_item = heap->near[--heap->near_len].item;
        KN_ASSERT(*ret_item != NULL);
        if (heap->near_len == 0 && len > 1) {
            refill(heap, len - 1);
        }
        kn_store(&heap->len, len - 1, relaxed); /* relaxed: as above */
    }
    unlock(heap);
    return len > 0;
}

int koken_relaxed_pop(struct koken_relaxed *queue, uint64_t *ret_key, void **ret_item)
{
    if (!queue || !ret_item) {
        return -EINVAL;
    }
    for (int i = 0; i < TRIES && queue->count > 1; i++) {
        uint64_t thrown = throw();
        struct heap *a = &queue->heaps[choose(queue->count, thrown)];
        struct heap *b = &queue->heaps[choose(queue->count, thrown << 32)];
        /* Relaxed, all: hints. */
        struct heap *better = kn_load(&b->min, relaxed) < kn_load(&a->min, relaxed) ? b : a;
        if (kn_load(&better->len, relaxed) > 0 && kn_slim_try(&better->lock) &&
            pop_from(better, ret_key, ret_item)) {
            return 1;
        }
    }
    unsigned start = choose(queue->count, throw());
    for (unsigned i = 0; i < queue->count; i++) {
        struct heap *heap = &queue->heaps[(start + i) % queue->count];
        kn_slim_take(&heap->lock);
        if (pop_from(heap, ret_key, ret_item)) {
            return 1;
        }
    }
    return 0;
}

size_t koken_relaxed_len(const struct koken_relaxed *queue)
{
    struct koken_relaxed *q =
        (struct koken_relaxed *)(uintptr_t)queue; /* an atomic load wants no const */
    size_t len = 0;
    for (unsigned i = 0; q && i < q->count; i++) {
        len += (size_t)kn_load(&q->heaps[i].len, relaxed); /* relaxed: a hint */
    }
    return len;
}
