/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Movable memory: a table says where each is. The generation of an entry is odd while it is used, so that a zero
 * handle is none, and grows with each use, so that an old handle is known as such.
 */
#include "caps/memory/memory.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

enum { PLACES_FIRST = 16, PLACES_MAX = 1 << 30 };

bool kn_block_may_move(const struct koken_memory *pool, const struct kn_block *block)
{
    return block->size != 0 && block->is_used && block->movable != 0 &&
           pool->places[block->movable - 1].pins == 0;
}

void kn_block_has_moved(struct koken_memory *pool, struct kn_block *block)
{
    KN_ASSERT(block->movable != 0);
    pool->places[block->movable - 1].block = block;
}

/* NULL: not there. Under the lock. */
static struct kn_place *find(struct koken_memory *pool, koken_movable movable)
{
    struct kn_place *place =
        movable.index < pool->place_count ? &pool->places[movable.index] : NULL;
    return place && place->block && place->generation == movable.generation ? place : NULL;
}

static bool make_room(struct koken_memory *pool)
{
    if (pool->place_free != 0) {
        return true;
    }
    uint32_t count = pool->place_count ? 2 * pool->place_count : PLACES_FIRST;
    struct kn_place *places = count <= PLACES_MAX
                                  ? kn_alloc(count * sizeof *places, _Alignof(struct kn_place), -1)
                                  : NULL;
    if (!places) {
        return false;
    }
    if (pool->places) {
        memcpy(places, pool->places, pool->place_count * sizeof *places);
        kn_free(pool->places, pool->place_count * sizeof *places, _Alignof(struct kn_place));
    }
    for (uint32_t i = pool->place_count; i < count; i++) {
        places[i] = (struct kn_place){.next_free = i + 1 < count ? i + 2 : 0};
    }
    pool->place_free = pool->place_count + 1;
    pool->places = places;
    pool->place_count = count;
    KN_ASSERT(pool->place_free <= count);
    return true;
}

int koken_memory_movable(struct koken_memory *pool, size_t size, koken_movable *ret_movable)
{
    if (!pool || !ret_movable || size == 0) {
        return -EINVAL;
    }
    int rc = -ENOMEM;
    (void)pthread_mutex_lock(&pool->lock);
    struct kn_block *block = make_room(pool) ? kn_memory_get(pool, size) : NULL;
    if (block) {
        uint32_t index = pool->place_free - 1;
        struct kn_place *place = &pool->places[index];
        KN_ASSERT(place->block == NULL);
        pool->place_free = place->next_free;
        block->movable = index + 1;
        place->block = block;
        place->generation++;
        place->pins = 0;
        *ret_movable = (koken_movable){index, place->generation};
        rc = 0;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return rc;
}

void *koken_memory_pin(struct koken_memory *pool, koken_movable movable)
{
    void *memory = NULL;
    if (pool) {
        (void)pthread_mutex_lock(&pool->lock);
        struct kn_place *place = find(pool, movable);
        if (place) {
            KN_ASSERT(place->block->movable == movable.index + 1);
            place->pins++;
            memory = place->block + 1;
        }
        (void)pthread_mutex_unlock(&pool->lock);
    }
    return memory;
}

int koken_memory_unpin(struct koken_memory *pool, koken_movable movable)
{
    int rc = -EINVAL;
    if (pool) {
        (void)pthread_mutex_lock(&pool->lock);
        struct kn_place *place = find(pool, movable);
        if (place && place->pins > 0) {
            place->pins--;
            rc = 0;
        }
        (void)pthread_mutex_unlock(&pool->lock);
    }
    return rc;
}

int koken_memory_discard(struct koken_memory *pool, koken_movable movable)
{
    int rc = -EINVAL;
    if (pool) {
        (void)pthread_mutex_lock(&pool->lock);
        struct kn_place *place = find(pool, movable);
        if (place && place->pins > 0) {
            rc = -EBUSY;
        } else if (place) {
            struct kn_block *block = place->block;
            KN_ASSERT(block->movable == movable.index + 1);
            place->block = NULL;
            place->generation++;
            place->next_free = pool->place_free;
            pool->place_free = movable.index + 1;
            kn_memory_put(pool, block);
            rc = 0;
        }
        (void)pthread_mutex_unlock(&pool->lock);
    }
    return rc;
}
