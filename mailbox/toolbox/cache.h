/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cache is made of. A shard is a table of indices, open addressing with linear probing, and an array of
 * entries, all of atomic words, and a count that is odd while they are changed. All of them stay where they are
 * until the end, so a reader may read them at any time; what it reads is thrown away unless the count is the same
 * even number before and after.
 *
 *      reader                                  writer, under the lock
 *      s = count (acquire), even               count + 1
 *      words (acquire)                         words (release)
 *      count == s?                             count + 1 (release)
 *
 * A reader that has read a word of a change, by acquire, has seen the odd count before it, and its last look is
 * not less. No fence is needed, and every access is atomic.
 */
#ifndef KN_MAILBOX_TOOLBOX_CACHE_H
#define KN_MAILBOX_TOOLBOX_CACHE_H

#include <koken/cache.h>

#include "base/align.h"
#include "base/atomic.h"
#include "mailbox/toolbox/event.h"

#include <pthread.h>

enum { KN_CACHE_KEY_WORDS = 8, KN_CACHE_VALUE_WORDS = 32, KN_CACHE_READS = 3 };

/* One computation under way. (m) the shard's lock, but for done */
struct kn_flight {
    struct kn_flight *next;
    uint64_t key[KN_CACHE_KEY_WORDS];
    uint64_t value[KN_CACHE_VALUE_WORDS]; /* published by done */
    uint64_t thread;                      /* who computes */
    uint32_t refs;
    int rc;
    kn_atomic(uint32_t) done; /* (a) */
};

/* (m) written under the lock  (c) const  (a) atomic */
struct kn_cache_shard {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) count; /* (a) odd: it is being changed */
    kn_atomic(uint32_t) *table;                            /* (a) index + 1, 0: none; written (m) */
    kn_atomic(uint64_t) *words;                            /* (a) of the entries; written (m) */
    kn_atomic(uint8_t) *asked;                             /* (a) since the hand came by */
    uint32_t mask, room;                                   /* (c) of the table; entries */
    uint32_t len, hand;                                    /* (m) */
    uint32_t *unused;                                      /* (m) a stack of room - len */
    struct kn_flight *flights;                             /* (m) */
    pthread_mutex_t lock;                                  /* rank 43, nothing is locked inside */
    uint64_t puts, evictions, computed, waited, locked;    /* (m) */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) hits; /* (a) */
    kn_atomic(uint64_t) misses, expirations;               /* (a) */
};

struct koken_cache {
    struct koken_cache_options options; /* (c) */
    size_t key_words, value_words;      /* (c) */
    uint64_t seed;                      /* (c) */
    struct kn_cache_shard shards[];
};

/* One who waits for a flight, and holds it until this is gone: on its stack. */
struct kn_cache_wait {
    struct kn_cache_wait *next;
    uint64_t thread;
    const struct kn_flight *flight;
};

/*
 * kn_cache_wait_begin says that a thread is going to wait. False: it must not, as whoever computes waits for it,
 * be it over others. kn_cache_wait_end says that it has waited. Thread: any.
 */
KOKEN_MUST_USE bool kn_cache_wait_begin(struct kn_cache_wait *wait);
void kn_cache_wait_end(struct kn_cache_wait *wait);

#endif
