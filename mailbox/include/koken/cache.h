/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache of results: keys and values of fixed sizes, copied; a bound; a time to live; and computing what is
 * missing once, however many threads ask for it.
 *
 *     struct koken_cache_options o = {.key_size = sizeof(uint64_t), .value_size = sizeof(struct price)};
 *     rc = koken_cache_new(&o, &cache);
 *     rc = koken_cache_memo(cache, &symbol, fetch_price, NULL, &price);
 *
 *              get  put  remove  memo  clear  stats  free
 *     get       -    -     -      -      -      -     X      X: needs exclusion, -: may run at once
 *     others         -     -      -      -      -     X
 *
 * Progress: a hit takes no lock, and reads again when it meets a change of its shard, three times; then, and in
 * all else, blocking: a lock per shard, held for O(1).
 *
 * Full, the cache drops what has not been asked for since the hand of a clock came by: O(1) per put, amortised.
 * Keys are compared byte by byte: padding must be zero.
 *
 * Idea: the clock, F. J. Corbato, 1968; single flight as in Go's groupcache.
 */
#ifndef KOKEN_CACHE_H
#define KOKEN_CACHE_H

#include <koken/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_cache;

/* How a cache shall be; zero is the default of each but the two sizes. */
struct koken_cache_options {
    size_t struct_size; /* sizeof of this, or 0 */
    size_t key_size;    /* 1 to 64 */
    size_t value_size;  /* 1 to 256 */
    size_t max_entries; /* at least one for each shard; default 4096 */
    uint32_t shards;    /* a power of two, at most 1024; default 16 */
    uint64_t
        ttl_ns; /* what is older counts as absent; default, and KOKEN_NO_DEADLINE: it does not age */
    /* Is given each value once that was replaced, dropped or removed, with no lock held. */
    void (*free_value)(void *value, void *arg);
    void *free_arg;
};

/* koken_cache_new makes an empty cache. Errors: -EINVAL an option is out of its bounds; -ENOMEM; -ENOTSUP no clock. */
KOKEN_MUST_USE int koken_cache_new(const struct koken_cache_options *options,
                                   struct koken_cache **ret_cache);

/* koken_cache_free frees a cache that nobody uses any more, and its values. NULL is accepted. */
void koken_cache_free(struct koken_cache *cache);

/*
 * koken_cache_get copies the value of *key. 1: *ret_value is it; 0: absent, and *ret_value is as before. Thread:
 * any. Errors: -EINVAL. Order: what precedes the put happens-before what follows the get that finds it.
 */
KOKEN_MUST_USE int koken_cache_get(struct koken_cache *cache, const void *key, void *ret_value);

/* koken_cache_put sets the value of *key; only a new key may drop another. Errors: -EINVAL. Thread: any. */
KOKEN_MUST_USE int koken_cache_put(struct koken_cache *cache, const void *key, const void *value);

/* koken_cache_remove forgets *key. 1: it was there; 0: not. Errors: -EINVAL. Thread: any. */
int koken_cache_remove(struct koken_cache *cache, const void *key);

/* koken_cache_clear forgets all, and answers how many. */
size_t koken_cache_clear(struct koken_cache *cache);

/*
 * koken_cache_memo is get, or else compute(key, ret_value, arg) and put. Of those who miss the same key at
 * once one computes, the others wait for its result. 0: *ret_value is set; what compute answers below 0 is
 * answered to all of them, and nothing is kept. Thread: any, but it may sleep. Errors: -EINVAL, -ENOMEM; -EDEADLK
 * compute asks for its own key, be it over the computing of others, on their threads.
 */
KOKEN_MUST_USE int koken_cache_memo(struct koken_cache *cache, const void *key,
                                    int (*compute)(const void *key, void *ret_value, void *arg),
                                    void *arg, void *ret_value);

/* What a cache has done, and holds. */
struct koken_cache_stats {
    uint64_t hits, misses, puts;
    uint64_t evictions;   /* dropped for room */
    uint64_t expirations; /* found too old */
    uint64_t computed;    /* by memo */
    uint64_t waited;      /* memo calls that were given another's result */
    uint64_t locked_gets; /* gets that had to take the lock */
    uint64_t entries;     /* now; some may be too old */
};

/* koken_cache_stats_get sums them up. Thread: any. Errors: -EINVAL. */
int koken_cache_stats_get(struct koken_cache *cache, struct koken_cache_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
