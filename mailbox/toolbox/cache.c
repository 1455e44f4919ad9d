/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of results. How it is read without the lock is in cache.h. */
#include "mailbox/toolbox/cache.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

enum { ENTRIES_DEFAULT = 4096, SHARDS_DEFAULT = 16, SHARDS_MAX = 1024, HEAD = 2 };
enum { KEY_MAX = KN_CACHE_KEY_WORDS * 8, VALUE_MAX = KN_CACHE_VALUE_WORDS * 8 };
enum { AT_HASH, AT_EXPIRY }; /* words of an entry before its key and value */

struct pair {
    uint64_t hash, key[KN_CACHE_KEY_WORDS], value[KN_CACHE_VALUE_WORDS];
};

static size_t entry_words(const struct koken_cache *cache)
{
    return HEAD + cache->key_words + cache->value_words;
}

static size_t size_of(uint32_t shards)
{
    return sizeof(struct koken_cache) + shards * sizeof(struct kn_cache_shard);
}

static void free_shard(struct koken_cache *cache, struct kn_cache_shard *s)
{
    kn_free(s->table, (s->mask + 1) * sizeof *s->table, KN_CACHE_LINE);
    kn_free(s->words, s->room * entry_words(cache) * sizeof *s->words, KN_CACHE_LINE);
    kn_free(s->asked, s->room * sizeof *s->asked, KN_CACHE_LINE);
    kn_free(s->unused, s->room * sizeof *s->unused, KN_CACHE_LINE);
    (void)pthread_mutex_destroy(&s->lock);
}

static bool init_shard(struct koken_cache *cache, struct kn_cache_shard *s, uint32_t room)
{
    *s = (struct kn_cache_shard){.room = room, .mask = 3};
    while (s->mask + 1 < 2 * room) {
        s->mask = 2 * s->mask + 1;
    }
    int rc = pthread_mutex_init(&s->lock, NULL);
    KOKEN_CHECK(rc == 0); /* a default mutex allocates nothing */
    s->table = kn_alloc((s->mask + 1) * sizeof *s->table, KN_CACHE_LINE, -1);
    s->words = kn_alloc(room * entry_words(cache) * sizeof *s->words, KN_CACHE_LINE, -1);
    s->asked = kn_alloc(room * sizeof *s->asked, KN_CACHE_LINE, -1);
    s->unused = kn_alloc(room * sizeof *s->unused, KN_CACHE_LINE, -1);
    if (!s->table || !s->words || !s->asked || !s->unused) {
        free_shard(cache, s);
        return false;
    }
    for (uint32_t i = 0; i <= s->mask; i++) {
        kn_atomic_init(&s->table[i], 0);
    }
    for (size_t i = 0; i < room * entry_words(cache); i++) {
        kn_atomic_init(&s->words[i], 0);
    }
    for (uint32_t i = 0; i < room; i++) {
        kn_atomic_init(&s->asked[i], 0);
        s->unused[i] = room - 1 - i;
    }
    return true;
}

int koken_cache_new(const struct koken_cache_options *options, struct koken_cache **ret_cache)
{
    struct koken_cache_options o = options ? *options : (struct koken_cache_options){0};
    o.max_entries = o.max_entries ? o.max_entries : ENTRIES_DEFAULT;
    o.shards = o.shards ? o.shards : SHARDS_DEFAULT;
    if (!ret_cache || (o.struct_size != 0 && o.struct_size != sizeof o) || o.key_size == 0 ||
        o.key_size > KEY_MAX || o.value_size == 0 || o.value_size > VALUE_MAX ||
        o.shards > SHARDS_MAX || (o.shards & (o.shards - 1)) != 0 || o.max_entries < o.shards ||
        o.max_entries / o.shards > UINT32_MAX / 4) {
        return -EINVAL;
    }
    int rc = kn_world_init();
    if (rc < 0) {
        return rc;
    }
    struct koken_cache *cache = kn_alloc(size_of(o.shards), KN_FALSE_SHARING, -1);
    if (!cache) {
        return -ENOMEM;
    }
    cache->options = o;
    cache->key_words = (o.key_size + 7) / 8;
    cache->value_words = (o.value_size + 7) / 8;
    cache->seed = kn_random_seed(kn_entropy());
    for (uint32_t i = 0; i < o.shards; i++) {
        uint32_t room = (uint32_t)(o.max_entries / o.shards + (i < o.max_entries % o.shards));
        if (!init_shard(cache, &cache->shards[i], room)) {
            while (i-- > 0) {
                free_shard(cache, &cache->shards[i]);
            }
            kn_free(cache, size_of(o.shards), KN_FALSE_SHARING);
            return -ENOMEM;
        }
    }
    *ret_cache = cache;
    return 0;
}

void koken_cache_free(struct koken_cache *cache)
{
    if (cache) {
        (void)koken_cache_clear(cache);
        for (uint32_t i = 0; i < cache->options.shards; i++) {
            KOKEN_CHECK(!cache->shards[i].flights); /* somebody is still computing */
            free_shard(cache, &cache->shards[i]);
        }
        kn_free(cache, size_of(cache->options.shards), KN_FALSE_SHARING);
    }
}

/* The key as whole words, and its hash. Returns its shard. */
static struct kn_cache_shard *prepare(struct koken_cache *cache, const void *key, struct pair *pair)
{
    uint64_t state = cache->seed;
    memset(pair->key, 0, sizeof pair->key);
    memcpy(pair->key, key, cache->options.key_size);
    for (size_t i = 0; i < cache->key_words; i++) {
        state ^= pair->key[i];
        state = kn_random(&state);
    }
    pair->hash = state;
    return &cache->shards[(state >> 32) & (cache->options.shards - 1)];
}

static kn_atomic(uint64_t) *entry_of(const struct koken_cache *cache, struct kn_cache_shard *s,
                                     uint32_t index)
{
    KN_ASSERT(index < s->room);
    return s->words + index * entry_words(cache);
}

/* The place in the table of that key, or mask + 1. Thread: any; what it says may be wrong during a change. */
static uint32_t find(const struct koken_cache *cache, struct kn_cache_shard *s,
                     const struct pair *pair, uint32_t *ret_index)
{
    for (uint32_t n = 0, at = (uint32_t)pair->hash & s->mask; n <= s->mask;
         n++, at = (at + 1) & s->mask) {
        /* [TC2] acquire, all: the count of the change they belong to. Pairs with release in write(). */
        uint32_t index = kn_load(&s->table[at], acquire);
        if (index == 0 || index > s->room) {
            break;
        }
        kn_atomic(uint64_t) *words = entry_of(cache, s, index - 1);
        size_t i = 0;
        if (kn_load(&words[AT_HASH], acquire) == pair->hash) { /* [TC2] */
            while (i < cache->key_words && kn_load(&words[HEAD + i], acquire) == pair->key[i]) {
                i++;
            }
            if (i == cache->key_words) {
                *ret_index = index - 1;
                return at;
            }
        }
    }
    return s->mask + 1;
}

/* Copies the value of an entry, and says when it ends. */
static uint64_t copy_out(const struct koken_cache *cache, struct kn_cache_shard *s, uint32_t index,
                         uint64_t *value)
{
    kn_atomic(uint64_t) *words = entry_of(cache, s, index);
    for (size_t i = 0; i < cache->value_words; i++) {
        value[i] = kn_load(&words[HEAD + cache->key_words + i], acquire); /* [TC2] */
    }
    return kn_load(&words[AT_EXPIRY], acquire); /* [TC2] */
}

/* The lock, and the count odd. */
static void begin_change(struct kn_cache_shard *s)
{
    /* Relaxed: the words that follow publish it. */
    kn_store(&s->count, kn_load(&s->count, relaxed) + 1, relaxed);
}

static void end_change(struct kn_cache_shard *s)
{
    /* [TC1] release: the change. Pairs with acquire in read(). */
    kn_store(&s->count, kn_load(&s->count, relaxed) + 1, release);
}

/* A hit without the lock: 1, 0 absent, -EAGAIN there were changes all the time. */
static int read(struct koken_cache *cache, struct kn_cache_shard *s, struct pair *pair,
                uint64_t *ret_expiry)
{
    for (int i = 0; i < KN_CACHE_READS; i++) {
        /* [TC1] acquire: the changes before. Pairs with release in end_change(). */
        uint64_t count = kn_load(&s->count, acquire);
        uint32_t index = 0;
        if ((count & 1) == 0) {
            bool is_there = find(cache, s, pair, &index) <= s->mask;
            *ret_expiry = is_there ? copy_out(cache, s, index, pair->value) : 0;
            if (kn_load(&s->count, relaxed) ==
                count) { /* relaxed: not before the words, all acquire */
                if (is_there && kn_load(&s->asked[index], relaxed) == 0) {
                    kn_store(&s->asked[index], 1, relaxed); /* relaxed: a hint to the hand */
                }
                return is_there;
            }
        }
        kn_pause();
    }
    return -EAGAIN;
}

static int get(struct koken_cache *cache, struct kn_cache_shard *s, struct pair *pair)
{
    uint64_t expiry = 0;
    int rc = read(cache, s, pair, &expiry);
    if (rc == -EAGAIN) {
        uint32_t index;
        (void)pthread_mutex_lock(&s->lock);
        s->locked++;
        rc = find(cache, s, pair, &index) <= s->mask;
        expiry = rc ? copy_out(cache, s, index, pair->value) : 0;
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (rc == 1 && expiry != 0 && kn_now() >= expiry) {
        (void)kn_add(&s->expirations, 1, relaxed); /* relaxed, all: statistics */
        rc = 0;
    }
    (void)kn_add(rc == 1 ? &s->hits : &s->misses, 1, relaxed);
    return rc;
}

int koken_cache_get(struct koken_cache *cache, const void *key, void *ret_value)
{
    struct pair pair;
    if (!cache || !key || !ret_value) {
        return -EINVAL;
    }
    struct kn_cache_shard *s = prepare(cache, key, &pair);
    int rc = get(cache, s, &pair);
    if (rc == 1) {
        memcpy(ret_value, pair.value, cache->options.value_size);
    }
    return rc;
}

/* Takes an entry out of the table; the entries behind it move up, so that no search ends early. In a change. */
static void unlink(struct koken_cache *cache, struct kn_cache_shard *s, uint32_t at)
{
    uint32_t hole = at;
    for (uint32_t next = (at + 1) & s->mask;;
         next = (next + 1) & s->mask) {                     /* ends at a free place */
        uint32_t index = kn_load(&s->table[next], relaxed); /* relaxed, all: own writes */
        if (index == 0) {
            break;
        }
        uint32_t home =
            (uint32_t)kn_load(&entry_of(cache, s, index - 1)[AT_HASH], relaxed) & s->mask;
        if (((next - home) & s->mask) >= ((next - hole) & s->mask)) {
            kn_store(&s->table[hole], index, release); /* [TC2] */
            hole = next;
        }
    }
    kn_store(&s->table[hole], 0, release); /* [TC2] */
}

/* Under the lock, in a change; old is its value. */
static void drop(struct koken_cache *cache, struct kn_cache_shard *s, uint32_t at, uint64_t *old)
{
    uint32_t index = kn_load(&s->table[at], relaxed) - 1; /* relaxed: own write */
    KN_ASSERT(s->len > 0);
    KN_ASSERT(index < s->room);
    (void)copy_out(cache, s, index, old);
    unlink(cache, s, at);
    s->len--;
    s->unused[s->room - s->len - 1] = index;
}

/* The clock: the first entry that was not asked for since the hand came by, or is too old. Its place. */
static uint32_t choose(struct koken_cache *cache, struct kn_cache_shard *s)
{
    uint64_t now_ns = cache->options.ttl_ns ? kn_now() : 0;
    uint32_t index;
    for (
        ;
        ;) { /* ends: a round of the hand leaves nothing asked for, but for what is asked meanwhile */
        index = s->hand;
        s->hand = s->hand + 1 < s->room ? s->hand + 1 : 0;
        kn_atomic(uint64_t) *words = entry_of(cache, s, index);
        uint64_t expiry =
            kn_load(&words[AT_EXPIRY], relaxed); /* relaxed, all: own writes, and a hint */
        if (kn_load(&s->asked[index], relaxed) == 0 || (expiry != 0 && now_ns >= expiry)) {
            break;
        }
        kn_store(&s->asked[index], 0, relaxed);
    }
    uint32_t at = (uint32_t)kn_load(&entry_of(cache, s, index)[AT_HASH], relaxed) & s->mask;
    while (kn_load(&s->table[at], relaxed) !=
           index + 1) { /* ends: it is full, so index is in the table */
        at = (at + 1) & s->mask;
    }
    return at;
}

/* Under the lock. Whether a value had to go, which is then in old. */
static bool put(struct koken_cache *cache, struct kn_cache_shard *s, const struct pair *pair,
                uint64_t *old)
{
    uint64_t expiry = 0, now_ns = cache->options.ttl_ns ? kn_now() : 0;
    if (cache->options.ttl_ns && cache->options.ttl_ns < UINT64_MAX - now_ns) {
        expiry = now_ns + cache->options.ttl_ns;
    } /* else it does not age */
    uint32_t index = 0;
    bool is_new = find(cache, s, pair, &index) > s->mask, has_old = !is_new;
    begin_change(s);
    if (is_new) {
        if (s->len == s->room) {
            drop(cache, s, choose(cache, s), old);
            s->evictions++;
            has_old = true;
        }
        KN_ASSERT(s->len < s->room);
        index = s->unused[s->room - s->len - 1];
        KN_ASSERT(index < s->room);
        s->len++;
        kn_store(&s->asked[index], 0, relaxed); /* relaxed: a hint */
    } else {
        (void)copy_out(cache, s, index, old);
    }
    kn_atomic(uint64_t) *words = entry_of(cache, s, index);
    /* [TC2] release, all: the odd count is before them. Pairs with acquire in find() and copy_out(). */
    kn_store(&words[AT_HASH], pair->hash, release);
    kn_store(&words[AT_EXPIRY], expiry, release);
    for (size_t i = 0; i < cache->key_words; i++) {
        kn_store(&words[HEAD + i], pair->key[i], release); /* [TC2] */
    }
    for (size_t i = 0; i < cache->value_words; i++) {
        kn_store(&words[HEAD + cache->key_words + i], pair->value[i], release); /* [TC2] */
    }
    if (is_new) {
        uint32_t at = (uint32_t)pair->hash & s->mask;
        while (kn_load(&s->table[at], relaxed) != 0) { /* ends: half of the table is free */
            at = (at + 1) & s->mask;
        }
        kn_store(&s->table[at], index + 1, release); /* [TC2] */
    }
    end_change(s);
    s->puts++;
    return has_old;
}

static void let_go(struct koken_cache *cache, bool has_old, uint64_t *old)
{
    if (has_old && cache->options.free_value) {
        cache->options.free_value(old, cache->options.free_arg);
    }
}

int koken_cache_put(struct koken_cache *cache, const void *key, const void *value)
{
    struct pair pair;
    uint64_t old[KN_CACHE_VALUE_WORDS];
    if (!cache || !key || !value) {
        return -EINVAL;
    }
    struct kn_cache_shard *s = prepare(cache, key, &pair);
    memset(pair.value, 0, sizeof pair.value);
    memcpy(pair.value, value, cache->options.value_size);
    (void)pthread_mutex_lock(&s->lock);
    bool has_old = put(cache, s, &pair, old);
    (void)pthread_mutex_unlock(&s->lock);
    let_go(cache, has_old, old);
    return 0;
}

int koken_cache_remove(struct koken_cache *cache, const void *key)
{
    struct pair pair;
    uint64_t old[KN_CACHE_VALUE_WORDS];
    uint32_t index;
    if (!cache || !key) {
        return -EINVAL;
    }
    struct kn_cache_shard *s = prepare(cache, key, &pair);
    (void)pthread_mutex_lock(&s->lock);
    uint32_t at = find(cache, s, &pair, &index);
    bool is_there = at <= s->mask;
    if (is_there) {
        begin_change(s);
        drop(cache, s, at, old);
        end_change(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    let_go(cache, is_there, old);
    return is_there;
}

/* Drops one of a shard. False: it is empty. */
static bool drop_one(struct koken_cache *cache, struct kn_cache_shard *s, uint32_t *from)
{
    uint64_t old[KN_CACHE_VALUE_WORDS];
    (void)pthread_mutex_lock(&s->lock);
    bool is_there = s->len > 0;
    if (is_there) {
        while (kn_load(&s->table[*from & s->mask], relaxed) == 0) { /* ends: len > 0 */
            ++*from;
        }
        begin_change(s);
        drop(cache, s, *from & s->mask, old);
        end_change(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    let_go(cache, is_there, old);
    return is_there;
}

size_t koken_cache_clear(struct koken_cache *cache)
{
    size_t count = 0;
    for (uint32_t i = 0; cache && i < cache->options.shards; i++) {
        uint32_t from = 0, most = cache->shards[i].room;
        while (most-- > 0 && drop_one(cache, &cache->shards[i], &from)) {
            count++;
        }
    }
    return count;
}

static KN_TLS uint64_t this_thread; /* a number of its own, 0: none yet */
KN_TLS_SIMULATED(this_thread);
static kn_atomic(uint64_t) last_thread;

/* Waits for another's computation, and leaves it. */
static int wait_for(struct kn_cache_shard *s, struct kn_flight *flight, uint64_t *value)
{
    struct kn_cache_wait wait = {.thread = this_thread, .flight = flight};
    int rc = -EDEADLK;
    bool is_given = kn_cache_wait_begin(&wait);
    if (is_given) {
        /* [TC3] acquire: rc and value. Pairs with release in land(). */
        while (kn_load(&flight->done, acquire) == 0) { /* ends: whoever computes says so */
            (void)kn_futex_wait(&flight->done, 0, KN_NEVER);
        }
        kn_cache_wait_end(&wait);
        rc = flight->rc;
        memcpy(value, flight->value, sizeof flight->value);
    }
    (void)pthread_mutex_lock(&s->lock);
    s->waited += is_given;
    bool is_last = --flight->refs == 0;
    (void)pthread_mutex_unlock(&s->lock);
    if (is_last) {
        kn_free(flight, sizeof *flight, _Alignof(struct kn_flight));
    }
    return rc;
}

/* The flight that this caller has to compute, or NULL: *ret_rc is the answer. */
static struct kn_flight *board(struct koken_cache *cache, struct kn_cache_shard *s,
                               struct pair *pair, int *ret_rc)
{
    uint64_t expiry = 0;
    uint32_t index;
    if (this_thread == 0) {
        this_thread =
            kn_add(&last_thread, 1, relaxed) + 1; /* relaxed: only that it differs matters */
    }
    (void)pthread_mutex_lock(&s->lock);
    struct kn_flight *flight = s->flights;
    while (flight && memcmp(flight->key, pair->key, sizeof pair->key) != 0) {
        flight = flight->next;
    }
    if (flight) {
        flight->refs++;
        (void)pthread_mutex_unlock(&s->lock);
        *ret_rc = wait_for(s, flight, pair->value);
        return NULL;
    } else if (find(cache, s, pair, &index) <= s->mask &&
               ((expiry = copy_out(cache, s, index, pair->value)) == 0 || kn_now() < expiry)) {
        *ret_rc = 0; /* it has come since */
    } else {
        flight = kn_alloc(sizeof *flight, _Alignof(struct kn_flight), -1);
        *ret_rc = -ENOMEM;
        if (flight) {
            *flight = (struct kn_flight){.next = s->flights, .thread = this_thread, .refs = 1};
            memcpy(flight->key, pair->key, sizeof pair->key);
            s->flights = flight;
            s->computed++;
        }
        (void)pthread_mutex_unlock(&s->lock);
        return flight;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Keeps the result, and gives it to those who wait. */
static void land(struct koken_cache *cache, struct kn_cache_shard *s, struct kn_flight *flight,
                 const struct pair *pair, int rc)
{
    uint64_t old[KN_CACHE_VALUE_WORDS];
    struct kn_flight **at = &s->flights;
    flight->rc = rc;
    memcpy(flight->value, pair->value, sizeof flight->value);
    (void)pthread_mutex_lock(&s->lock);
    bool has_old = rc == 0 && put(cache, s, pair, old);
    while (*at != flight) { /* ends: it is in the list */
        at = &(*at)->next;
    }
    *at = flight->next;
    bool is_last = --flight->refs == 0; /* else the others hold it until they have seen done */
    /* [TC3] release: rc and value. Pairs with acquire in wait_for(). */
    kn_store(&flight->done, 1, release);
    kn_futex_wake(&flight->done, UINT32_MAX);
    (void)pthread_mutex_unlock(&s->lock); /* a waiter frees the flight only under it */
    if (is_last) {
        kn_free(flight, sizeof *flight, _Alignof(struct kn_flight));
    }
    let_go(cache, has_old, old);
}

int koken_cache_memo(struct koken_cache *cache, const void *key,
                     int (*compute)(const void *key, void *ret_value, void *arg), void *arg,
                     void *ret_value)
{
    struct pair pair;
    int rc = 0;
    if (!cache || !key || !compute || !ret_value) {
        return -EINVAL;
    }
    struct kn_cache_shard *s = prepare(cache, key, &pair);
    if (get(cache, s, &pair) != 1) {
        struct kn_flight *flight = board(cache, s, &pair, &rc);
        if (flight) {
            memset(pair.value, 0, sizeof pair.value);
            rc = compute(key, pair.value, arg);
            rc = rc > 0 ? 0 : rc;
            land(cache, s, flight, &pair, rc);
        }
    }
    if (rc == 0) {
        memcpy(ret_value, pair.value, cache->options.value_size);
    }
    return rc;
}

int koken_cache_stats_get(struct koken_cache *cache, struct koken_cache_stats *ret_stats)
{
    if (!cache || !ret_stats) {
        return -EINVAL;
    }
    struct koken_cache_stats stats = {0};
    for (uint32_t i = 0; i < cache->options.shards; i++) {
        struct kn_cache_shard *s = &cache->shards[i];
        (void)pthread_mutex_lock(&s->lock);
        stats.hits += kn_load(&s->hits, relaxed); /* relaxed, all: statistics */
        stats.misses += kn_load(&s->misses, relaxed);
        stats.expirations += kn_load(&s->expirations, relaxed);
        stats.puts += s->puts;
        stats.evictions += s->evictions;
        stats.computed += s->computed;
        stats.waited += s->waited;
        stats.locked_gets += s->locked;
        stats.entries += s->len;
        (void)pthread_mutex_unlock(&s->lock);
    }
    *ret_stats = stats;
    return 0;
}
