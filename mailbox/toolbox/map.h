/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a map is made of, and how it is read without a lock.
 *
 *      reader                                  writer, under the lock of the shard
 *      c = count (acquire), odd: again         count + 1
 *      the table; words (acquire, each)        words (release, each)
 *      count still c? done, else again         count + 1 (release)
 *
 * Why what a reader copies is of one moment. What was written by changes whose end it has seen (count >= their last)
 * happens-before its words. If a word is of a later change, the acquire of that word makes the odd count of the change
 * happen before the second look at count, which so cannot find c. No fence, and no race: every word is atomic.
 *
 * A table that has become too small is copied into one twice as large, shown by a release, and kept until the
 * map's end: a reader may be in it, and finds there what was in it when it was left, which is of one moment too, if
 * count says so. So no reader announces itself, and nothing need be reclaimed; the old tables are together smaller
 * than the one in use.
 *
 * In each shard open addressing with linear probing, at most three quarters full; what is taken out leaves no
 * mark, as those behind it move up.
 */
#ifndef KN_MAILBOX_TOOLBOX_MAP_H
#define KN_MAILBOX_TOOLBOX_MAP_H

#include <koken/map.h>

#include "base/align.h"
#include "base/atomic.h"
#include "base/stats.h"
#include "mailbox/toolbox/slim_lock.h"

enum { KN_MAP_SIZE_LIMIT = 4096, KN_MAP_ROOM_FIRST = KN_MODEL_SIZE(8, 4), KN_MAP_READS = 3 };

struct kn_map_table {
    struct kn_map_table *older; /* (c) kept until the end */
    size_t mask;                /* (c) entries - 1 */
    KN_ALIGNED(64)
    kn_atomic(uint64_t) words[]; /* (a) of an entry: hash, 0 for none, then key, then value */
};

struct kn_map_shard {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) count; /* (a) of changes, odd: in one */
    kn_atomic(struct kn_map_table *) table;                 /* (a) NULL: none yet */
    struct kn_slim_lock lock;                               /* rank 44, nothing is locked inside */
    struct kn_count len;                                    /* (m) to write */
};

struct koken_map {
    size_t key_size, value_size;           /* (c) */
    size_t key_words, value_words, stride; /* (c) */
    bool is_word;                          /* (c) key and value of 8 bytes */
    uint32_t shards;                       /* (c) */
    uint64_t seed, factor;                 /* (c) of the hash */
    struct kn_map_shard shard[];
};

#endif
