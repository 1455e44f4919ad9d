/* SPDX-License-Identifier: Apache-2.0 */
/* The sharded map. How it is read without a lock is in map.h. */
#include "mailbox/toolbox/map.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"

#include <errno.h>
#include <string.h>

enum { SHARDS_DEFAULT = 16, SHARDS_MAX = 1024, LIMIT_WORDS = KN_MAP_SIZE_LIMIT / 8 };

__extension__ typedef unsigned __int128 wide;

static size_t size_of(uint32_t shards)
{
    return sizeof(struct koken_map) + shards * sizeof(struct kn_map_shard);
}

static size_t table_size(const struct koken_map *map, size_t mask)
{
    return sizeof(struct kn_map_table) + (mask + 1) * map->stride * sizeof(uint64_t);
}

int koken_map_new(const struct koken_map_options *options, struct koken_map **ret_map)
{
    struct koken_map_options o = options ? *options : (struct koken_map_options){0};
    o.shards = o.shards ? o.shards : SHARDS_DEFAULT;
    if (!ret_map || (o.struct_size != 0 && o.struct_size != sizeof o) || o.key_size == 0 ||
        o.key_size > KN_MAP_SIZE_LIMIT || o.value_size == 0 || o.value_size > KN_MAP_SIZE_LIMIT ||
        o.shards > SHARDS_MAX || (o.shards & (o.shards - 1)) != 0) {
        return -EINVAL;
    }
    struct koken_map *map = kn_alloc(size_of(o.shards), KN_FALSE_SHARING, -1);
    if (!map) {
        return -ENOMEM;
    }
    map->key_size = o.key_size;
    map->value_size = o.value_size;
    map->key_words = (o.key_size + 7) / 8;
    map->value_words = (o.value_size + 7) / 8;
    map->stride = 1 + map->key_words + map->value_words;
    map->is_word = o.key_size == 8 && o.value_size == 8;
    map->shards = o.shards;
    map->seed = kn_random_seed(kn_entropy());
    map->factor = kn_random(&map->seed) | 1;
    for (uint32_t i = 0; i < o.shards; i++) {
        struct kn_map_shard *s = &map->shard[i];
        kn_atomic_init(&s->count, 0);
        kn_atomic_init(&s->table, NULL);
        kn_atomic_init(&s->len.value, 0);
        kn_slim_init(&s->lock);
    }
    *ret_map = map;
    return 0;
}

void koken_map_free(struct koken_map *map)
{
    if (map) {
        for (uint32_t i = 0; i < map->shards; i++) {
            struct kn_map_table *older, *t = kn_load(&map->shard[i].table, acquire); /* [MR3] */
            for (; t; t = older) { /* ends: the oldest has none */
                older = t->older;
                kn_free(t, table_size(map, t->mask), _Alignof(struct kn_map_table));
            }
        }
        kn_free(map, size_of(map->shards), KN_FALSE_SHARING);
    }
}

/* The sizes of a key and a value; where they are constants, the loops over their words are gone. */
struct sizes {
    size_t key, value, stride;
};

#define KN_MAP_WORD ((struct sizes){8, 8, 3}) /* the usual: a word each */

static inline struct sizes sizes_of(const struct koken_map *map)
{
    return (struct sizes){map->key_size, map->value_size, map->stride};
}

static inline size_t words_in(size_t size)
{
    return (size + 7) / 8;
}

/* The i-th word of so many bytes, which may end within it: zeros behind. */
static inline uint64_t word_of(const void *bytes, size_t size, size_t i)
{
    uint64_t word = 0;
    KN_ASSERT(8 * i < size);
    if (kn_likely(size - 8 * i >= 8)) {
        memcpy(&word, (const unsigned char *)bytes + 8 * i, 8);
    } else {
        memcpy(&word, (const unsigned char *)bytes + 8 * i, size - 8 * i);
    }
    return word;
}

/* Both halves of a product of 128 bits, over a secret: who does not know it cannot choose keys that collide. Never 0. */
static KN_ALWAYS_INLINE uint64_t hash_as(const struct koken_map *map, const void *key,
                                         struct sizes sizes)
{
    uint64_t hash = map->seed;
    for (size_t i = 0; i < words_in(sizes.key); i++) {
        wide product = (wide)(hash ^ word_of(key, sizes.key, i)) * map->factor;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return hash | 1;
}

static uint64_t hash_of(const struct koken_map *map, const void *key)
{
    return hash_as(map, key, sizes_of(map));
}

static inline struct kn_map_shard *shard_of(struct koken_map *map, uint64_t hash)
{
    KN_ASSERT((map->shards & (map->shards - 1)) == 0);
    KN_ASSERT(hash != 0);
    return &map->shard[(hash >> 1) & (map->shards - 1)];
}

static inline kn_atomic(uint64_t) *entry_at(const struct koken_map *map, struct kn_map_table *t,
                                            size_t at)
{
    KN_ASSERT(((t->mask + 1) & t->mask) == 0);
    return t->words + (at & t->mask) * map->stride;
}

/* Where a hash begins its search: its upper half, as the shard is chosen by the lower. */
static inline size_t home_of(const struct kn_map_table *t, uint64_t hash)
{
    return (size_t)(hash >> 32) & t->mask;
}

/*
 * The entry of the key, and its place; NULL: absent, and the place where it would be. Thread: any; what it says may
 * be wrong during a change, for all but who makes it.
 */
static KN_ALWAYS_INLINE kn_atomic(uint64_t) *find_as(struct kn_map_table *t, uint64_t hash,
                                                     const void *key, struct sizes sizes,
                                                     size_t *ret_at)
{
    KN_ASSERT(hash != 0);
    size_t at = home_of(t, hash);
    kn_atomic(uint64_t) *found = NULL;
    for (size_t n = 0; n <= t->mask; n++, at = (at + 1) & t->mask) {
        kn_atomic(uint64_t) *entry = t->words + at * sizes.stride;
        /* [MR2] acquire, all: the odd count of the change they belong to. Pairs with release in store_word(). */
        uint64_t here = kn_load(&entry[0], acquire);
        if (here == hash) {
            size_t i = 0;
            while (i < words_in(sizes.key) &&
                   kn_load(&entry[1 + i], acquire) == word_of(key, sizes.key, i)) { /* [MR2] */
                i++;
            }
            if (kn_likely(i == words_in(sizes.key))) {
                found = entry;
                break;
            }
        } else if (here == 0) {
            break;
        }
    }
    *ret_at = at;
    return found;
}

static kn_atomic(uint64_t) *find(const struct koken_map *map, struct kn_map_table *t, uint64_t hash,
                                 const void *key, size_t *ret_at)
{
    return find_as(t, hash, key, sizes_of(map), ret_at);
}

static KN_ALWAYS_INLINE void copy_as(kn_atomic(uint64_t) *entry, void *value, struct sizes sizes)
{
    KN_ASSERT(entry != NULL);
    KN_ASSERT(sizes.stride == 1 + words_in(sizes.key) + words_in(sizes.value));
    kn_atomic(uint64_t) *words = entry + 1 + words_in(sizes.key);
    size_t i = 0;
    for (; 8 * i + 8 <= sizes.value; i++) {
        uint64_t word = kn_load(&words[i], acquire); /* [MR2] */
        memcpy((unsigned char *)value + 8 * i, &word, 8);
    }
    if (8 * i < sizes.value) {
        uint64_t word = kn_load(&words[i], acquire); /* [MR2] */
        memcpy((unsigned char *)value + 8 * i, &word, sizes.value - 8 * i);
    }
}

static void copy_out(const struct koken_map *map, kn_atomic(uint64_t) *entry, void *value)
{
    copy_as(entry, value, sizes_of(map));
}

static void store_word(kn_atomic(uint64_t) *word, uint64_t value)
{
    /* [MR2] release: the odd count. Pairs with acquire in find_as() and copy_as(). */
    kn_store(word, value, release);
}

static void begin_change(struct kn_map_shard *s)
{
    /* Relaxed: the words that follow publish it. */
    kn_store(&s->count, kn_load(&s->count, relaxed) + 1, relaxed);
}

static void end_change(struct kn_map_shard *s)
{
    /* [MR1] release: the change. Pairs with acquire in get_as(). */
    kn_store(&s->count, kn_load(&s->count, relaxed) + 1, release);
}

static KN_NOINLINE int get_locked(struct koken_map *map, struct kn_map_shard *s, uint64_t hash,
                                  const void *key, void *ret_value)
{
    size_t unused;
    kn_slim_take(&s->lock);
    struct kn_map_table *t = kn_load(&s->table, relaxed); /* relaxed: under the lock */
    kn_atomic(uint64_t) *entry = t ? find(map, t, hash, key, &unused) : NULL;
    if (entry) {
        copy_out(map, entry, ret_value);
    }
    kn_slim_give(&s->lock);
    return entry != NULL;
}

static KN_ALWAYS_INLINE int get_as(struct koken_map *map, const void *key, void *ret_value,
                                   struct sizes sizes)
{
    uint64_t hash = hash_as(map, key, sizes);
    struct kn_map_shard *s = shard_of(map, hash);
    for (int i = 0; i < KN_MAP_READS; i++) {
        size_t unused;
        /* [MR1] acquire: the changes before. Pairs with release in end_change(). */
        uint64_t count = kn_load(&s->count, acquire);
        if (kn_likely((count & 1) == 0)) {
            /* [MR3] acquire: the table's words. Pairs with release in make_room(). */
            struct kn_map_table *t = kn_load(&s->table, acquire);
            kn_atomic(uint64_t) *entry = t ? find_as(t, hash, key, sizes, &unused) : NULL;
            if (entry) {
                copy_as(entry, ret_value, sizes);
            }
            /* Relaxed: not before the words, all acquire. */
            if (kn_likely(kn_load(&s->count, relaxed) == count)) {
                return entry != NULL;
            }
        }
        kn_pause();
    }
    return get_locked(map, s, hash, key, ret_value);
}

static KN_NOINLINE int get_any(struct koken_map *map, const void *key, void *ret_value)
{
    return get_as(map, key, ret_value, sizes_of(map));
}

KN_HOT int koken_map_get(struct koken_map *map, const void *key, void *ret_value)
{
    if (kn_unlikely(!map || !key || !ret_value)) {
        return -EINVAL;
    }
    return kn_likely(map->is_word) ? get_as(map, key, ret_value, KN_MAP_WORD)
                                   : get_any(map, key, ret_value);
}

/* Under the lock: a table with a free place for one more. NULL: no memory. */
static struct kn_map_table *make_room(const struct koken_map *map, struct kn_map_shard *s)
{
    struct kn_map_table *old = kn_load(&s->table, relaxed); /* relaxed: under the lock */
    size_t len = (size_t)kn_count_read(&s->len), room = old ? old->mask + 1 : 0;
    if (old && len < room - room / 4) {
        return old;
    }
    size_t mask = room ? 2 * room - 1 : KN_MAP_ROOM_FIRST - 1;
    struct kn_map_table *t = kn_alloc(table_size(map, mask), _Alignof(struct kn_map_table), -1);
    if (!t) {
        return NULL;
    }
    KN_ASSERT(len <= mask - mask / 4);
    t->older = old;
    t->mask = mask;
    for (size_t i = 0; i < (mask + 1) * map->stride; i++) {
        kn_atomic_init(&t->words[i], 0);
    }
    for (size_t i = 0; i < room; i++) {
        kn_atomic(uint64_t) *from = entry_at(map, old, i);
        uint64_t hash = kn_load(&from[0], relaxed); /* relaxed, all: under the lock */
        if (hash != 0) {
            size_t at = home_of(t, hash);
            while (kn_load(entry_at(map, t, at), relaxed) != 0) { /* ends: half is free */
                at++;
            }
            for (size_t w = 0; w < map->stride; w++) {
                kn_store(entry_at(map, t, at) + w, kn_load(&from[w], relaxed), relaxed);
            }
        }
    }
    kn_store(&s->table, t, release); /* [MR3] release: its words. Pairs with acquire in get_as(). */
    return t;
}

/*
 * Begins to change the value of a key: takes the lock of *ret_shard, and finds its entry, NULL if it has none, and then
 * *ret_free, a place for one. False: no memory, and nothing is locked.
 */
static bool reach(struct koken_map *map, uint64_t hash, const void *key,
                  struct kn_map_shard **ret_shard, kn_atomic(uint64_t) **ret_entry,
                  kn_atomic(uint64_t) **ret_free)
{
    struct kn_map_shard *s = *ret_shard = shard_of(map, hash);
    size_t at = 0;
    kn_slim_take(&s->lock);
    struct kn_map_table *t = kn_load(&s->table, relaxed); /* relaxed: under the lock */
    *ret_free = NULL;
    *ret_entry = t ? find(map, t, hash, key, &at) : NULL;
    if (!*ret_entry) {
        struct kn_map_table *roomy = make_room(map, s);
        if (!roomy) {
            kn_slim_give(&s->lock);
            return false;
        }
        if (roomy != t) {
            (void)find(map, roomy, hash, key, &at);
        }
        *ret_free = entry_at(map, roomy, at);
    }
    KN_ASSERT(*ret_entry != NULL || *ret_free != NULL);
    return true;
}

/* The change itself: the value of the entry, or of a new one in the free place. */
static void write(const struct koken_map *map, struct kn_map_shard *s, uint64_t hash,
                  const void *key, kn_atomic(uint64_t) *entry, kn_atomic(uint64_t) *free_entry,
                  const void *value)
{
    kn_atomic(uint64_t) *e = entry ? entry : free_entry;
    KN_ASSERT(e != NULL);
    KN_ASSERT(hash != 0);
    begin_change(s);
    if (!entry) {
        for (size_t i = 0; i < map->key_words; i++) {
            store_word(&e[1 + i], word_of(key, map->key_size, i));
        }
    }
    for (size_t i = 0; i < map->value_words; i++) {
        store_word(&e[1 + map->key_words + i], word_of(value, map->value_size, i));
    }
    if (!entry) {
        store_word(&e[0], hash);
        kn_count_add(&s->len, 1);
    }
    end_change(s);
}

static int set(struct koken_map *map, const void *key, const void *value, bool only_new)
{
    struct kn_map_shard *s;
    kn_atomic(uint64_t) *entry, *free_entry;
    if (!map || !key || !value) {
        return -EINVAL;
    }
    uint64_t hash = hash_of(map, key);
    if (!reach(map, hash, key, &s, &entry, &free_entry)) {
        return -ENOMEM;
    }
    int rc = !entry ? 0 : only_new ? -EALREADY : 1;
    if (rc >= 0) {
        write(map, s, hash, key, entry, free_entry, value);
    }
    kn_slim_give(&s->lock);
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
    struct kn_map_shard *s;
    kn_atomic(uint64_t) *entry, *free_entry;
    uint64_t value[LIMIT_WORDS]; /* the shard's words are read by others meanwhile */
    if (!map || !key || !change) {
        return -EINVAL;
    }
    uint64_t hash = hash_of(map, key);
    if (!reach(map, hash, key, &s, &entry, &free_entry)) {
        return -ENOMEM;
    }
    if (entry) {
        copy_out(map, entry, value);
    } else {
        memset(value, 0, map->value_size);
    }
    change(value, /* is_new= */ !entry, arg);
    write(map, s, hash, key, entry, free_entry, value);
    kn_slim_give(&s->lock);
    return 0;
}

/* Takes the entry out; those behind it move up, so that no search ends early. In a change. */
static void unlink(const struct koken_map *map, struct kn_map_shard *s, struct kn_map_table *t,
                   size_t at)
{
    size_t hole = at;
    KN_ASSERT(at <= t->mask);
    uint64_t hash; /* relaxed, all: under the lock */
    for (size_t next = at + 1; (hash = kn_load(entry_at(map, t, next), relaxed)) != 0;
         next++) { /* ends: some are free */
        if (((next - home_of(t, hash)) & t->mask) >= ((next - hole) & t->mask)) {
            kn_atomic(uint64_t) *from = entry_at(map, t, next), *to = entry_at(map, t, hole);
            for (size_t w = 0; w < map->stride; w++) {
                store_word(&to[w], kn_load(&from[w], relaxed));
            }
            hole = next;
        }
    }
    store_word(entry_at(map, t, hole), 0);
    kn_count_add(&s->len, UINT64_MAX); /* one less */
}

int koken_map_remove(struct koken_map *map, const void *key, void *ret_value)
{
    if (!map || !key) {
        return -EINVAL;
    }
    uint64_t hash = hash_of(map, key);
    struct kn_map_shard *s = shard_of(map, hash);
    size_t at = 0;
    kn_slim_take(&s->lock);
    struct kn_map_table *t = kn_load(&s->table, relaxed); /* relaxed: under the lock */
    kn_atomic(uint64_t) *entry = t ? find(map, t, hash, key, &at) : NULL;
    if (entry) {
        if (ret_value) {
            copy_out(map, entry, ret_value);
        }
        begin_change(s);
        unlink(map, s, t, at);
        end_change(s);
    }
    kn_slim_give(&s->lock);
    return entry != NULL;
}

/* Empties a shard that the caller has locked; answers how many were in it. */
static size_t clear(const struct koken_map *map, struct kn_map_shard *s,
                    void (*each)(const void *key, const void *value, void *arg), void *arg)
{
    uint64_t key[LIMIT_WORDS], value[LIMIT_WORDS];
    struct kn_map_table *t = kn_load(&s->table, relaxed); /* relaxed: under the lock */
    size_t count = 0;
    begin_change(s);
    for (size_t at = 0; t && at <= t->mask; at++) {
        kn_atomic(uint64_t) *entry = entry_at(map, t, at);
        if (kn_load(&entry[0], relaxed) != 0) { /* relaxed, all: under the lock */
            for (size_t i = 0; each && i < map->key_words; i++) {
                key[i] = kn_load(&entry[1 + i], relaxed);
            }
            if (each) {
                copy_out(map, entry, value);
                each(key, value, arg);
            }
            store_word(&entry[0], 0);
            count++;
        }
    }
    kn_count_add(&s->len, 0 - (uint64_t)count);
    end_change(s);
    return count;
}

size_t koken_map_clear(struct koken_map *map,
                       void (*each)(const void *key, const void *value, void *arg), void *arg)
{
    size_t count = 0;
    for (uint32_t i = 0; map && i < map->shards; i++) {
        struct kn_map_shard *s = &map->shard[i];
        kn_slim_take(&s->lock);
        count += clear(map, s, each, arg);
        kn_slim_give(&s->lock);
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
