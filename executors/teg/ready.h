/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of ranks 0 .. size - 1 that gives the smallest first: a tree of words, a bit of which says that the word
 * beneath has one. Adding and taking touch one word per level, and there are four levels for a million ranks;
 * neighbouring ranks share their words. Exact, without comparisons, and its memory is known beforehand.
 *
 * One thread at a time; a lane's lock sees to that.
 */
#ifndef KN_TEG_READY_H
#define KN_TEG_READY_H

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KN_TEG_READY_LEVELS = 6 };

struct kn_teg_ready {
    uint64_t *words[KN_TEG_READY_LEVELS]; /* [0] has a bit per rank */
    uint32_t levels;                      /* in use, at least 1 */
    uint32_t count;
    uint32_t size;
};

/* Words that a set of that size takes. */
size_t kn_teg_ready_words(uint32_t size);

/* Makes an empty set in words, which are zeroed and as many as kn_teg_ready_words() says. */
void kn_teg_ready_place(struct kn_teg_ready *ready, uint32_t size, uint64_t *words);

/* The same in memory of its own. False: there is none. */
bool kn_teg_ready_init(struct kn_teg_ready *ready, uint32_t size);
void kn_teg_ready_fini(struct kn_teg_ready *ready);

static inline void kn_teg_ready_push(struct kn_teg_ready *ready, uint32_t rank)
{
    uint32_t at = rank;
    KN_ASSERT(rank < ready->size);
    KN_ASSERT(!(ready->words[0][rank / 64] >> rank % 64 & 1));
    ready->count++;
    for (uint32_t i = 0; i < ready->levels; i++, at /= 64) {
        uint64_t *word = &ready->words[i][at / 64], before = *word;
        *word = before | UINT64_C(1) << at % 64;
        if (before) {
            return; /* the levels above know already */
        }
    }
}

/* The smallest; the set must not be empty. */
static inline uint32_t kn_teg_ready_first(const struct kn_teg_ready *ready)
{
    uint32_t at = 0;
    KN_ASSERT(ready->count > 0);
    for (uint32_t i = ready->levels; i-- > 0;) {
        at = at * 64 + (uint32_t)__builtin_ctzll(ready->words[i][at]);
    }
    return at;
}

static inline void kn_teg_ready_remove(struct kn_teg_ready *ready, uint32_t rank)
{
    uint32_t at = rank;
    KN_ASSERT(ready->count > 0);
    KN_ASSERT(ready->words[0][rank / 64] >> rank % 64 & 1);
    ready->count--;
    for (uint32_t i = 0; i < ready->levels; i++, at /= 64) {
        uint64_t *word = &ready->words[i][at / 64];
        *word &= ~(UINT64_C(1) << at % 64);
        if (*word) {
            return;
        }
    }
}

static inline uint32_t kn_teg_ready_pop(struct kn_teg_ready *ready)
{
    uint32_t rank = kn_teg_ready_first(ready);
    kn_teg_ready_remove(ready, rank);
    return rank;
}

#endif
