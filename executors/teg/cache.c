/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of pure effects by the SHA-256 of what determines them. An entry is being made, by one node, or done. Who
 * finds it being made waits as a flight in the entry's list; who makes it gives every waiter a copy, or nothing if
 * it failed: then each waiter runs its own effect. So no waiter depends on more than one other node, and a
 * result is made once if it can be made at all.
 *
 * Entries that are done stand in a list by last use; those in the making are pinned. One lock, held to look and to
 * copy small results.
 */
#include "executors/teg/cache.h"

#include "actors/agent.h"
#include "base/alloc.h"
#include "base/world.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

enum { KEY = 32, ENTRIES_DEFAULT = 4096, BUCKETS_MOST = 1 << 20 };
#define BYTES_DEFAULT ((size_t)64 << 20)

struct kn_teg_entry {
    struct kn_teg_entry *next;     /* (m) in its bucket */
    struct kn_list link;           /* (m) by last use, unless it is being made */
    unsigned char key[KEY];        /* (c) */
    bool is_done;                  /* (m) */
    struct kn_teg_flight *waiters; /* (m) linked by next_waiter */
    int64_t number;                /* (m) */
    void *bytes;                   /* (m) or NULL */
    size_t size;                   /* (m) */
};

struct koken_teg_cache {
    struct kn_lock lock;
    EVP_MD *sha256;                     /* (c) */
    struct kn_teg_entry **buckets;      /* (m) */
    uint32_t bucket_count;              /* (c) a power of two */
    uint32_t entries_most;              /* (c) */
    size_t bytes_most;                  /* (c) */
    struct kn_list used;                /* (m) done entries, oldest use first */
    struct koken_teg_cache_stats stats; /* (m) */
};

/* ---- the cache ---- */

struct koken_teg_cache *koken_teg_cache_new(uint32_t entries_most, size_t bytes_most)
{
    struct koken_teg_cache *cache = kn_alloc(sizeof *cache, KN_CACHE_LINE, -1);
    if (!cache) {
        return NULL;
    }
    memset(cache, 0, sizeof *cache);
    cache->entries_most = entries_most ? entries_most : (uint32_t)ENTRIES_DEFAULT;
    cache->bytes_most = bytes_most ? bytes_most : BYTES_DEFAULT;
    cache->bucket_count = 16;
    while (cache->bucket_count < cache->entries_most && cache->bucket_count < BUCKETS_MOST) {
        cache->bucket_count *= 2;
    }
    size_t size = cache->bucket_count * sizeof(struct kn_teg_entry *);
    cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    cache->buckets = kn_alloc(size, KN_CACHE_LINE, -1);
    kn_list_init(&cache->used);
    if (!cache->sha256 || !cache->buckets) {
        koken_teg_cache_free(cache);
        return NULL;
    }
    memset(cache->buckets, 0, size);
    return cache;
}

static struct kn_teg_entry **place_of(struct koken_teg_cache *cache, const unsigned char *key)
{
    uint32_t hash;
    memcpy(&hash, key, sizeof hash);
    KN_ASSERT((cache->bucket_count & (cache->bucket_count - 1)) == 0);
    struct kn_teg_entry **at = &cache->buckets[hash & (cache->bucket_count - 1)];
    while (*at && memcmp((*at)->key, key, KEY) != 0) { /* ends: the bucket does */
        at = &(*at)->next;
    }
    return at;
}

/* Takes an entry out and frees it; nobody waits for it. */
static void remove_entry(struct koken_teg_cache *cache, struct kn_teg_entry *entry)
{
    KN_ASSERT(!entry->waiters);
    KN_ASSERT(*place_of(cache, entry->key) == entry);
    KN_ASSERT(cache->stats.entries > 0);
    KN_ASSERT(!entry->bytes || cache->stats.bytes >= entry->size);
    *place_of(cache, entry->key) = entry->next;
    if (entry->is_done) {
        kn_list_remove(&entry->link);
    }
    if (entry->bytes) {
        cache->stats.bytes -= entry->size;
        kn_free(entry->bytes, entry->size + 1, 16);
    }
    cache->stats.entries--;
    kn_free(entry, sizeof *entry, _Alignof(struct kn_teg_entry));
}

void koken_teg_cache_free(struct koken_teg_cache *cache)
{
    if (!cache) {
        return;
    }
    while (cache->buckets && !kn_list_is_empty(&cache->used)) { /* ends: each round frees one */
        remove_entry(cache,
                     kn_container_of(kn_list_first(&cache->used), struct kn_teg_entry, link));
    }
    KN_ASSERT(cache->stats.entries == 0); /* nothing is being made */
    if (cache->buckets) {
        kn_free(cache->buckets, cache->bucket_count * sizeof(struct kn_teg_entry *), KN_CACHE_LINE);
    }
    EVP_MD_free(cache->sha256);
    kn_free(cache, sizeof *cache, KN_CACHE_LINE);
}

void koken_teg_cache_stats(struct koken_teg_cache *cache, struct koken_teg_cache_stats *ret_stats)
{
    kn_lock(&cache->lock);
    *ret_stats = cache->stats;
    kn_unlock(&cache->lock);
}

/* Gives up what was not used for longest until that fits. False: the rest is being made. */
static bool make_room(struct koken_teg_cache *cache, uint32_t entries, size_t bytes)
{
    while (cache->stats.entries + entries > cache->entries_most ||
           cache->stats.bytes + bytes > cache->bytes_most) { /* ends: each round frees one */
        if (kn_list_is_empty(&cache->used)) {
            return false;
        }
        remove_entry(cache,
                     kn_container_of(kn_list_first(&cache->used), struct kn_teg_entry, link));
        cache->stats.evicted++;
    }
    return true;
}

/* ---- keys ---- */

static bool add_number(EVP_MD_CTX *ctx, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) { /* the same on every machine */
        bytes[i] = (unsigned char)(number >> 8 * i);
    }
    return EVP_DigestUpdate(ctx, bytes, sizeof bytes) == 1;
}

static bool add_bytes(EVP_MD_CTX *ctx, const void *bytes, size_t size)
{
    return add_number(ctx, size) && (size == 0 || EVP_DigestUpdate(ctx, bytes, size) == 1);
}

/* What determines a node's result. False: it has no key. */
static bool make_key(struct koken_teg_cache *cache, const struct koken_teg_call *call,
                     unsigned char *ret_key)
{
    static const char version[] = "koken-teg-v1";
    const struct koken_teg *teg = call->run->teg;
    const struct kn_teg_name *key = &teg->keys.texts[teg->nodes[call->node].key];
    uint32_t inputs = koken_teg_input_count(call);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = ctx && EVP_DigestInit_ex(ctx, cache->sha256, NULL) == 1 &&
                   add_bytes(ctx, version, sizeof version) && add_bytes(ctx, key->text, key->len) &&
                   add_bytes(ctx, koken_teg_arg(call), koken_teg_arg_size(call)) &&
                   add_number(ctx, inputs);
    for (uint32_t i = 0; i < inputs && is_good; i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        is_good = !input.items && add_number(ctx, input.is_missing) &&
                  add_number(ctx, (uint64_t)input.number) &&
                  add_bytes(ctx, input.bytes, input.size);
    }
    is_good = is_good && EVP_DigestFinal_ex(ctx, ret_key, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

/* ---- asking ---- */

/* A copy of a result into a call. False: no memory. Thread: holder of the lock. */
static bool copy_to(const struct kn_teg_entry *entry, struct koken_teg_call *call)
{
    KN_ASSERT(entry->is_done);
    call->number = entry->number;
    return !entry->bytes || koken_teg_answer_bytes(call, entry->bytes, entry->size) == 0;
}

enum found { FOUND, WAITING, MAKING, NOTHING };

/* Looks for a key, and enters it as being made, or the call among those who wait. */
static enum found look(struct koken_teg_cache *cache, const unsigned char *key,
                       struct kn_teg_harvest *harvest, struct koken_teg_call *call)
{
    struct koken_teg_run *run = call->run;
    struct kn_teg_entry *entry = *place_of(cache, key);
    if (entry && entry->is_done) {
        kn_list_remove(&entry->link);
        kn_list_push_back(&cache->used, &entry->link);
        return copy_to(entry, call) ? FOUND : NOTHING;
    }
    if (entry) {
        struct kn_teg_flight *flight = kn_teg_follow(harvest, call->node, call->word);
        if (!flight) {
            return NOTHING;
        }
        flight->next_waiter = entry->waiters;
        entry->waiters = flight;
        return WAITING;
    }
    entry =
        make_room(cache, 1, 0) ? kn_alloc(sizeof *entry, _Alignof(struct kn_teg_entry), -1) : NULL;
    if (!entry) {
        return NOTHING;
    }
    *entry = (struct kn_teg_entry){.is_done = false};
    memcpy(entry->key, key, KEY);
    *place_of(cache, key) = entry;
    cache->stats.entries++;
    KN_ASSERT(run->making[call->node] == NULL);
    run->making[call->node] = entry;
    return MAKING;
}

bool kn_teg_cache_ask(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word)
{
    struct koken_teg_run *run = harvest->run;
    struct koken_teg_cache *cache = run->config.cache;
    struct koken_teg_call call = {.run = run, .node = node, .word = word};
    unsigned char key[KEY];
    bool has_key = make_key(cache, &call, key);
    uint64_t began = kn_ticks();
    kn_lock(&cache->lock);
    enum found found = has_key ? look(cache, key, harvest, &call) : NOTHING;
    cache->stats.lookups++;
    cache->stats.hits += found == FOUND;
    cache->stats.shared += found == WAITING;
    cache->stats.misses += found == MAKING;
    cache->stats.uncached += found == NOTHING;
    kn_unlock(&cache->lock);
    if (found == FOUND) {
        kn_store(&run->slots[node].began_at, began, relaxed); /* relaxed: a statistic */
        run->slots[node].is_hit = 1;
        harvest->now = kn_ticks();
        (void)kn_add(&run->hits, 1, relaxed); /* relaxed: a statistic */
        (void)kn_teg_conclude(harvest, &call, 0);
    } else if (found == NOTHING) {
        kn_teg_call_fini(&call);
    }
    (void)kn_add(&run->shares, found == WAITING, relaxed); /* relaxed: a statistic */
    return found == FOUND || found == WAITING;
}

/* ---- making ---- */

/* Keeps a result in its entry. False: it is too large, or there is no memory. Thread: holder of the lock. */
static bool keep(struct koken_teg_cache *cache, struct kn_teg_entry *entry,
                 const struct koken_teg_call *call)
{
    if (call->is_items || !make_room(cache, 0, call->size)) {
        return false;
    }
    if (call->bytes) {
        unsigned char *copy = kn_alloc(call->size + 1, 16, -1);
        if (!copy) {
            return false;
        }
        memcpy(copy, call->bytes, call->size);
        copy[call->size] = 0;
        entry->bytes = copy;
        entry->size = call->size;
        cache->stats.bytes += call->size;
    }
    entry->number = call->number;
    entry->is_done = true;
    kn_list_push_back(&cache->used, &entry->link);
    return true;
}

void kn_teg_cache_made(struct koken_teg_run *run, const struct koken_teg_call *call, int rc)
{
    struct koken_teg_cache *cache = run->config.cache;
    struct kn_teg_entry *entry = run->making[call->node];
    if (!entry) {
        return;
    }
    KN_ASSERT(!entry->is_done);
    run->making[call->node] = NULL;
    kn_lock(&cache->lock);
    struct kn_teg_flight *waiters = entry->waiters;
    entry->waiters = NULL;
    bool is_kept = rc >= 0 && keep(cache, entry, call);
    for (struct kn_teg_flight *flight = waiters; flight; flight = flight->next_waiter) {
        flight->has_result = is_kept && copy_to(entry, &flight->call);
    }
    if (!is_kept) {
        remove_entry(cache, entry);
    }
    kn_unlock(&cache->lock);
    while (waiters) { /* ends: each round readies one, which may be gone then */
        struct kn_teg_flight *flight = waiters;
        waiters = flight->next_waiter;
        kn_teg_flight_land(flight);
    }
}
