/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relaxed priority queue: heaps, each with its lock and its smallest key in a word that anybody may read.
 *
 * The word is a hint for the choice, and the truth about emptiness only under the lock: a pop that finds nothing
 * in what it has chosen locks every heap in turn before it says that there is nothing. So it says so only
 * if each was empty at some moment of the call. Keys are compared with a sequence number behind them; with one heap
 * that makes equals first in, first out.
 */
#include <koken/priority.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <errno.h>
#include <pthread.h>

enum { HEAPS_MAX = 1024, ROOM_FIRST = 16, TRIES = 4 };

struct node {
    uint64_t key, sequence;
    void *item;
};

struct heap {
    KN_ALIGNED(KN_FALSE_SHARING) pthread_mutex_t lock; /* rank 42, one at a time */
    kn_atomic(uint32_t) busy;                          /* (a) somebody has the lock: go elsewhere */
    kn_atomic(uint64_t) min; /* (a) the smallest key, UINT64_MAX: none; written under the lock */
    kn_atomic(uint64_t) len; /* (a) written under the lock */
    struct node *nodes;      /* (m) */
    size_t room;             /* (m) */
    uint64_t sequence;       /* (m) */
};

struct koken_relaxed {
    unsigned count; /* (c) */
    struct heap heaps[];
};

static KN_TLS uint64_t dice; /* the thread's choices; 0: not thrown yet */
KN_TLS_SIMULATED(dice);

static unsigned throw(unsigned faces)
{
    if (kn_unlikely(dice == 0)) {
        dice = kn_random_seed(kn_entropy());
    }
    return (unsigned)((kn_random(&dice) >> 32) * faces >> 32);
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
        int rc = pthread_mutex_init(&heap->lock, NULL);
        KOKEN_CHECK(rc == 0); /* a default mutex allocates nothing */
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
        (void)pthread_mutex_destroy(&heap->lock);
    }
    kn_free(queue, size_of(queue->count), KN_FALSE_SHARING);
}

static void lock(struct heap *heap)
{
    (void)pthread_mutex_lock(&heap->lock);
    kn_store(&heap->busy, 1, relaxed); /* relaxed: a hint */
}

/* Shows what is smallest, and unlocks. Relaxed, all: hints, the lock orders the rest. */
static void unlock(struct heap *heap)
{
    uint64_t len = kn_load(&heap->len, relaxed);
    KN_ASSERT(len <= heap->room);
    KN_ASSERT(len == 0 || heap->nodes != NULL);
    kn_store(&heap->min, len ? heap->nodes[0].key : UINT64_MAX, relaxed);
    kn_store(&heap->busy, 0, relaxed);
    (void)pthread_mutex_unlock(&heap->lock);
}

static bool is_before(const struct node *a, const struct node *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static bool make_room(struct heap *heap, size_t len)
{
    if (len < heap->room) {
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
    return true;
}

static void sift_up(struct heap *heap, size_t at, struct node node)
{
    while (at > 0 && is_before(&node, &heap->nodes[(at - 1) / 2])) { /* ends at the root */
        heap->nodes[at] = heap->nodes[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->nodes[at] = node;
}

static void sift_down(struct heap *heap, size_t len, struct node node)
{
    size_t at = 0;
    for (size_t child = 1; child < len; child = 2 * at + 1) { /* ends at a leaf */
        if (child + 1 < len && is_before(&heap->nodes[child + 1], &heap->nodes[child])) {
            child++;
        }
        if (!is_before(&heap->nodes[child], &node)) {
            break;
        }
        heap->nodes[at] = heap->nodes[child];
        at = child;
    }
    heap->nodes[at] = node;
}

int koken_relaxed_push(struct koken_relaxed *queue, uint64_t key, void *item)
{
    if (!queue || !item) {
        return -EINVAL;
    }
    struct heap *heap = &queue->heaps[throw(queue->count)];
    for (int i = 0; i < TRIES && kn_load(&heap->busy, relaxed); i++) { /* relaxed: a hint */
        heap = &queue->heaps[throw(queue->count)];
    }
    lock(heap);
    size_t len = (size_t)kn_load(&heap->len, relaxed); /* relaxed: under the lock */
    bool has_room = make_room(heap, len);
    if (has_room) {
        sift_up(heap, len, (struct node){key, heap->sequence++, item});
        kn_store(&heap->len, len + 1, relaxed); /* relaxed: as above */
    }
    unlock(heap);
    return has_room ? 0 : -ENOMEM;
}

static bool pop_from(struct heap *heap, uint64_t *ret_key, void **ret_item)
{
    lock(heap);
    size_t len = (size_t)kn_load(&heap->len, relaxed); /* relaxed: under the lock */
    if (len > 0) {
        if (ret_key) {
            *ret_key = heap->nodes[0].key;
        }
        *ret_item = heap->nodes[0].item;
        kn_store(&heap->len, len - 1, relaxed); /* relaxed: as above */
        if (len > 1) {
            sift_down(heap, len - 1, heap->nodes[len - 1]);
        }
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
        struct heap *a = &queue->heaps[throw(queue->count)];
        struct heap *b = &queue->heaps[throw(queue->count)];
        /* Relaxed, all: hints. */
        struct heap *better = kn_load(&b->min, relaxed) < kn_load(&a->min, relaxed) ? b : a;
        if (kn_load(&better->len, relaxed) > 0 && !kn_load(&better->busy, relaxed) &&
            pop_from(better, ret_key, ret_item)) {
            return 1;
        }
    }
    unsigned start = throw(queue->count);
    for (unsigned i = 0; i < queue->count; i++) {
        if (pop_from(&queue->heaps[(start + i) % queue->count], ret_key, ret_item)) {
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
