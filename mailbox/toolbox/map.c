/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sharded map: in each shard open addressing with linear probing, at most three quarters full; what is
 * taken out leaves no mark, as those behind it move up.
 */
#include <koken/map.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/stats.h"
#include "base/world.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { SHARDS_DEFAULT = 16, SHARDS_MAX = 1024, SIZE_LIMIT = 4096, ROOM_FIRST = 8 };

/* (m) the lock */
struct shard {
    KN_ALIGNED(KN_FALSE_SHARING) pthread_mutex_t lock; /* rank 44, nothing is locked inside */
    unsigned char *entries; /* (m) each: hash, 0 for none, then key, then value */
    size_t room;            /* (m) a power of two, or 0 */
    struct kn_count len;    /* (m) to write */
};

struct koken_map {
    size_t key_size, value_size, value_at, stride; /* (c) */
    uint32_t shards;                               /* (c) */
    uint64_t seed;                                 /* (c) */
    struct shard shard[];
};

static size_t size_of(uint32_t shards)
{
    return sizeof(struct koken_map) + shards * sizeof(struct shard);
}

int koken_map_new(const struct koken_map_options *options, struct koken_map **ret_map)
{
    struct koken_map_options o = options ? *options : (struct koken_map_options){0};
    o.shards = o.shards ? o.shards : SHARDS_DEFAULT;
    if (!ret_map || (o.struct_size != 0 && o.struct_size != sizeof o) || o.key_size == 0 ||
        o.key_size > SIZE_LIMIT || o.value_size == 0 || o.value_size > SIZE_LIMIT ||
        o.shards > SHARDS_MAX || (o.shards & (o.shards - 1)) != 0) {
        return -EINVAL;
    }
    struct koken_map *map = kn_alloc(size_of(o.shards), KN_FALSE_SHARING, -1);
    if (!map) {
        return -ENOMEM;
    }
    map->key_size = o.key_size;
    map->value_size = o.value_size;
    map->value_at = kn_align_up(sizeof(uint64_t) + o.key_size, 8);
    map->stride = kn_align_up(map->value_at + o.value_size, 8);
    map->shards = o.shards;
    map->seed = kn_random_seed(kn_entropy());
    for (uint32_t i = 0; i < o.shards; i++) {
        map->shard[i] = (struct shard){.room = 0};
        int rc = pthread_mutex_init(&map->shard[i].lock, NULL);
        KOKEN_CHECK(rc == 0); /* a default mutex allocates nothing */
    }
    *ret_map = map;
    return 0;
}

void koken_map_free(struct koken_map *map)
{
    if (map) {
        for (uint32_t i = 0; i < map->shards; i++) {
            struct shard *s = &map->shard[i];
            kn_free(s->entries, s->room * map->stride, KN_CACHE_LINE);
            (void)pthread_mutex_destroy(&s->lock);
        }
        kn_free(map, size_of(map->shards), KN_FALSE_SHARING);
    }
}

/* Never 0. */
static uint64_t hash_of(const struct koken_map *map, const void *key)
{
    uint64_t state = map->seed, word;
    const unsigned char *bytes = key;
    for (size_t i = 0; i < map->key_size; i += 8) {
        size_t size = map->key_size - i < 8 ? map->key_size - i : 8;
        word = 0;
        memcpy(&word, bytes + i, size);
        state ^= word;
        state = kn_random(&state);
    }
    return state | 1;
}

static unsigned char *entry_at(const struct koken_map *map, const struct shard *s, size_t at)
{
    return s->entries + (at & (s->room - 1)) * map->stride;
}

static uint64_t hash_at(const struct koken_map *map, const struct shard *s, size_t at)
{
    uint64_t hash;
    memcpy(&hash, entry_at(map, s, at), sizeof hash);
    return hash;
}

/* Where a hash begins its search: its upper half, as the shard is chosen by the lower. */
static size_t home_of(const struct shard *s, uint64_t hash)
{
    return (size_t)(hash >> 32) & (s->room - 1);
}

/* The place of the key, or the free one where it would be. The shard has room. */
static size_t find(const struct koken_map *map, const struct shard *s, uint64_t hash,
                   const void *key)
{
    size_t at = home_of(s, hash);
    for (uint64_t here; (here = hash_at(map, s, at)) != 0; at++) { /* ends: a quarter is free */
        if (here == hash && memcmp(entry_at(map, s, at) + sizeof hash, key, map->key_size) == 0) {
            break;
        }
    }
    return at & (s->room - 1);
}

static bool make_room(const struct koken_map *map, struct shard *s)
{
    size_t len = (size_t)kn_count_read(&s->len);
    if (s->room > 0 && len < s->room - s->room / 4) {
        return true;
    }
    struct shard larger = {.room = s->room ? 2 * s->room : ROOM_FIRST};
    larger.entries = kn_alloc(larger.room * map->stride, KN_CACHE_LINE, -1);
    if (!larger.entries) {
        return false;
    }
    memset(larger.entries, 0, larger.room * map->stride);
    for (size_t i = 0; i < s->room; i++) {
        uint64_t hash = hash_at(map, s, i);
        if (hash != 0) {
            size_t at = home_of(&larger, hash);
            while (hash_at(map, &larger, at) != 0) { /* ends: half is free */
                at++;
            }
            memcpy(entry_at(map, &larger, at), entry_at(map, s, i), map->stride);
        }
    }
    kn_free(s->entries, s->room * map->stride, KN_CACHE_LINE);
    s->entries = larger.entries;
    s->room = larger.room;
    return true;
}

static struct shard *lock(struct koken_map *map, uint64_t hash)
{
    struct shard *s = &map->shard[(hash >> 1) & (map->shards - 1)];
    (void)pthread_mutex_lock(&s->lock);
    return s;
}

int koken_map_get(struct koken_map *map, const void *key, void *ret_value)
{
    if (!map || !key || !ret_value) {
        return -EINVAL;
    }
    uint64_t hash = hash_of(map, key);
    struct shard *s = lock(map, hash);
    size_t at = s->room ? find(map, s, hash, key) : 0;
    bool is_there = s->room && hash_at(map, s, at) != 0;
    if (is_there) {
        memcpy(ret_value, entry_at(map, s, at) + map->value_at, map->value_size);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return is_there;
}

/* The value of the key, to be changed before the unlock; NULL: no memory. In any case locked. */
static unsigned char *reach(struct koken_map *map, const void *key, struct shard **ret_shard,
                            bool *ret_is_new)
{
    uint64_t hash = hash_of(map, key);
    struct shard *s = lock(map, hash);
    *ret_shard = s;
    size_t at = s->room ? find(map, s, hash, key) : 0;
    *ret_is_new = !s->room || hash_at(map, s, at) == 0;
    if (*ret_is_new) {
        if (!make_room(map, s)) {
            return NULL;
        }
        at = find(map, s, hash, key); /* it may have grown */
        unsigned char *entry = entry_at(map, s, at);
        memset(entry, 0, map->stride);
        memcpy(entry, &hash, sizeof hash);
        memcpy(entry + sizeof hash, key, map->key_size);
        kn_count_add(&s->len, 1);
    }
    return entry_at(map, s, at) + map->value_at;
}

static int set(struct koken_map *map, const void *key, const void *value, bool only_new)
{
    struct shard *s;
    bool is_new;
    if (!map || !key || !value) {
        return -EINVAL;
    }
    unsigned char *place = reach(map, key, &s, &is_new);
    int rc = !place ? -ENOMEM : is_new ? 0 : only_new ? -EALREADY : 1;
    if (rc >= 0) {
        memcpy(place, value, map->value_size);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

int koken_map_put(struct koken_map *map, const void *key, const void *value)
{
    return set(map, key, value, /* only_new= */ false);
}

int koken_map_add(struct koken_map *map, const void *key, const void *value)
{
    return set(map, key, value, /* only_new= */ true);
}

int koken_map_update(struct koken_map *map, const void *key,
                     void (*change)(void *value, bool is_new, void *arg), void *arg)
{
    struct shard *s;
    bool is_new;
    if (!map || !key || !change) {
        return -EINVAL;
    }
    unsigned char *place = reach(map, key, &s, &is_new);
    if (place) {
        change(place, is_new, arg);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return place ? 0 : -ENOMEM;
}

/* Takes the entry out; those behind it move up, so that no search ends early. */
static void unlink(const struct koken_map *map, struct shard *s, size_t at)
{
    size_t hole = at, mask = s->room - 1;
    uint64_t hash;
    for (size_t next = at + 1; (hash = hash_at(map, s, next)) != 0;
         next++) { /* ends: some are free */
        if (((next - home_of(s, hash)) & mask) >= ((next - hole) & mask)) {
            memcpy(entry_at(map, s, hole), entry_at(map, s, next), map->stride);
            hole = next;
        }
    }
    memset(entry_at(map, s, hole), 0, sizeof hash);
    kn_count_add(&s->len, UINT64_MAX); /* one less */
}

int koken_map_remove(struct koken_map *map, const void *key, void *ret_value)
{
    if (!map || !key) {
        return -EINVAL;
    }
    uint64_t hash = hash_of(map, key);
    struct shard *s = lock(map, hash);
    size_t at = s->room ? find(map, s, hash, key) : 0;
    bool is_there = s->room && hash_at(map, s, at) != 0;
    if (is_there) {
        if (ret_value) {
            memcpy(ret_value, entry_at(map, s, at) + map->value_at, map->value_size);
        }
        unlink(map, s, at);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return is_there;
}

size_t koken_map_clear(struct koken_map *map,
                       void (*each)(const void *key, const void *value, void *arg), void *arg)
{
    size_t count = 0;
    for (uint32_t i = 0; map && i < map->shards; i++) {
        struct shard *s = &map->shard[i];
        (void)pthread_mutex_lock(&s->lock);
        for (size_t at = 0; at < s->room; at++) {
            if (hash_at(map, s, at) != 0) {
                unsigned char *entry = entry_at(map, s, at);
                if (each) {
                    each(entry + sizeof(uint64_t), entry + map->value_at, arg);
                }
                memset(entry, 0, sizeof(uint64_t));
                kn_count_add(&s->len, UINT64_MAX); /* one less */
                count++;
            }
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
    return count;
}

size_t koken_map_len(const struct koken_map *map)
{
    struct koken_map *m = (struct koken_map *)(uintptr_t)map; /* an atomic load wants no const */
    size_t len = 0;
    for (uint32_t i = 0; m && i < m->shards; i++) {
        len += (size_t)kn_count_read(&m->shard[i].len);
    }
    return len;
}
