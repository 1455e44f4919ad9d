/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict priority queue: a ring per level, first in first out.
 *
 * Age need not move anything. Of one level the first is the oldest, so with its age none behind it is better;
 * the best of all is among the five firsts, and a pop compares those, at the tick of the pop. A heap ordered
 * by aged levels, as the usual way is, is in order only for the tick at which it was built.
 */
#include <koken/priority.h>

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { AGE_DEFAULT = 100, BOOST_DEFAULT = 2, ROOM_FIRST = 16 };

struct entry {
    void *item;
    uint64_t sequence; /* of the push, of all levels */
    uint64_t tick;     /* at the push */
};

/* (m) lock */
struct ring {
    struct entry *entries;
    size_t room, first, len; /* room: a power of two, or 0 */
};

struct koken_priority_queue {
    pthread_mutex_t lock;                        /* rank 41, nothing is locked inside */
    struct ring levels[KOKEN_LEVEL_COUNT_];      /* (m) */
    uint64_t tick, sequence;                     /* (m) */
    struct koken_priority_queue_stats stats;     /* (m) but for its len */
    struct koken_priority_queue_options options; /* (c) */
};

int koken_priority_queue_new(const struct koken_priority_queue_options *options,
                             struct koken_priority_queue **ret_queue)
{
    struct koken_priority_queue_options o =
        options ? *options : (struct koken_priority_queue_options){0};
    if (!ret_queue || (o.struct_size != 0 && o.struct_size != sizeof o)) {
        return -EINVAL;
    }
    o.age_ticks = o.age_ticks ? o.age_ticks : AGE_DEFAULT;
    o.boost_max = o.no_ageing ? 0 : o.boost_max ? o.boost_max : BOOST_DEFAULT;
    struct koken_priority_queue *queue =
        kn_alloc(sizeof *queue, _Alignof(struct koken_priority_queue), -1);
    if (!queue) {
        return -ENOMEM;
    }
    memset(queue, 0, sizeof *queue);
    queue->options = o;
    int rc = pthread_mutex_init(&queue->lock, NULL);
    KOKEN_CHECK(rc == 0); /* a default mutex allocates nothing */
    *ret_queue = queue;
    return 0;
}

void koken_priority_queue_free(struct koken_priority_queue *queue)
{
    if (!queue) {
        return;
    }
    for (int i = 0; i < KOKEN_LEVEL_COUNT_; i++) {
        struct ring *ring = &queue->levels[i];
        kn_free(ring->entries, ring->room * sizeof *ring->entries, _Alignof(struct entry));
    }
    (void)pthread_mutex_destroy(&queue->lock);
    kn_free(queue, sizeof *queue, _Alignof(struct koken_priority_queue));
}

static bool make_room(struct ring *ring)
{
    if (ring->len < ring->room) {
        return true;
    }
    size_t room = ring->room ? 2 * ring->room : ROOM_FIRST;
    struct entry *entries = kn_alloc(room * sizeof *entries, _Alignof(struct entry), -1);
    if (!entries) {
        return false;
    }
    for (size_t i = 0; i < ring->len; i++) {
        entries[i] = ring->entries[(ring->first + i) & (ring->room - 1)];
    }
    kn_free(ring->entries, ring->room * sizeof *entries, _Alignof(struct entry));
    KN_ASSERT(ring->len < room);
    ring->entries = entries;
    ring->room = room;
    ring->first = 0;
    return true;
}

int koken_priority_queue_push(struct koken_priority_queue *queue, enum koken_level level,
                              void *item)
{
    if (!queue || !item || (unsigned)level >= KOKEN_LEVEL_COUNT_) {
        return -EINVAL;
    }
    int rc = -ENOMEM;
    (void)pthread_mutex_lock(&queue->lock);
    struct ring *ring = &queue->levels[level];
    if (make_room(ring)) {
        ring->entries[(ring->first + ring->len) & (ring->room - 1)] =
            (struct entry){item, queue->sequence++, queue->tick};
        ring->len++;
        queue->stats.pushed[level]++;
        rc = 0;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return rc;
}

/* The level that its age gives to the first of a ring. */
static uint64_t effective(const struct koken_priority_queue *queue, unsigned level)
{
    const struct ring *ring = &queue->levels[level];
    KN_ASSERT(level < KOKEN_LEVEL_COUNT_);
    KN_ASSERT(ring->len > 0);
    KN_ASSERT(queue->options.age_ticks > 0);
    uint64_t boost = (queue->tick - ring->entries[ring->first].tick) / queue->options.age_ticks;
    if (boost > queue->options.boost_max) {
        boost = queue->options.boost_max;
    }
    return level > boost ? level - boost : 0;
}

/* The level to pop from; COUNT_: all are empty. */
static unsigned choose(const struct koken_priority_queue *queue)
{
    unsigned best = KOKEN_LEVEL_COUNT_;
    uint64_t best_effective = 0, best_sequence = 0;
    for (unsigned level = 0; level < KOKEN_LEVEL_COUNT_; level++) {
        const struct ring *ring = &queue->levels[level];
        if (ring->len == 0) {
            continue;
        }
        uint64_t here = effective(queue, level), sequence = ring->entries[ring->first].sequence;
        if (best == KOKEN_LEVEL_COUNT_ || here < best_effective ||
            (here == best_effective && sequence < best_sequence)) {
            best = level;
            best_effective = here;
            best_sequence = sequence;
        }
    }
    return best;
}

static bool has_better(const struct koken_priority_queue *queue, unsigned level)
{
    for (unsigned i = 0; i < level; i++) {
        if (queue->levels[i].len > 0) {
            return true;
        }
    }
    return false;
}

static int look(struct koken_priority_queue *queue, void **ret_item, bool take)
{
    if (!queue || !ret_item) {
        return -EINVAL;
    }
    (void)pthread_mutex_lock(&queue->lock);
    unsigned level = choose(queue);
    if (level < KOKEN_LEVEL_COUNT_) {
        struct ring *ring = &queue->levels[level];
        *ret_item = ring->entries[ring->first].item;
        if (take) {
            ring->first = (ring->first + 1) & (ring->room - 1);
            ring->len--;
            queue->stats.popped[level]++;
            queue->stats.aged += has_better(queue, level);
        }
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return level < KOKEN_LEVEL_COUNT_ ? 1 : 0;
}

int koken_priority_queue_pop(struct koken_priority_queue *queue, void **ret_item)
{
    return look(queue, ret_item, /* take= */ true);
}

int koken_priority_queue_peek(struct koken_priority_queue *queue, void **ret_item)
{
    return look(queue, ret_item, /* take= */ false);
}

int koken_priority_queue_tick(struct koken_priority_queue *queue, uint64_t n)
{
    if (!queue) {
        return -EINVAL;
    }
    (void)pthread_mutex_lock(&queue->lock);
    queue->tick += n;
    (void)pthread_mutex_unlock(&queue->lock);
    return 0;
}

size_t koken_priority_queue_clear(struct koken_priority_queue *queue)
{
    size_t count = 0;
    if (queue) {
        (void)pthread_mutex_lock(&queue->lock);
        for (int i = 0; i < KOKEN_LEVEL_COUNT_; i++) {
            count += queue->levels[i].len;
            queue->levels[i].len = 0;
        }
        (void)pthread_mutex_unlock(&queue->lock);
    }
    return count;
}

int koken_priority_queue_stats_get(struct koken_priority_queue *queue,
                                   struct koken_priority_queue_stats *ret_stats)
{
    if (!queue || !ret_stats) {
        return -EINVAL;
    }
    (void)pthread_mutex_lock(&queue->lock);
    *ret_stats = queue->stats;
    for (int i = 0; i < KOKEN_LEVEL_COUNT_; i++) {
        ret_stats->len[i] = queue->levels[i].len;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return 0;
}
