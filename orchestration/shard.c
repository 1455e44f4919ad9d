/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendezvous and jump hashing, and the keyed hash below them. A key is hashed once; each member's
 * score is a bijective mix of that with the member's name, so the winner among the others does not
 * depend on who else is there: that is why a member that leaves moves only its own keys.
 */
#include <koken/shard.h>

#include "base/align.h"
#include "base/assert.h"
#include "orchestration/hash.h"

#include <errno.h>
#include <string.h>

static inline uint64_t rotate(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* The number whose bytes, least significant first, are those of word in memory. */
static inline uint64_t from_little_end(uint64_t word)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* The word at bytes, least significant byte first, on every machine. */
static inline uint64_t word_at(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return from_little_end(word);
}

/* The same of the last bytes, fewer than eight. */
static inline uint64_t rest_at(const unsigned char *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static inline uint64_t sip_end(uint64_t v[4])
{
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline void sip_begin(const struct koken_hash_key *key, uint64_t v[4])
{
    uint64_t k0 = key ? key->word[0] : 0, k1 = key ? key->word[1] : 0;
    v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
    v[1] = k1 ^ UINT64_C(0x646f72616e646f6d);
    v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
    v[3] = k1 ^ UINT64_C(0x7465646279746573);
}

uint64_t koken_hash_bytes(const struct koken_hash_key *key, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t v[4];
    sip_begin(key, v);
    uint64_t length = (uint64_t)size << 56;
    if (!bytes) {
        size = 0;
    }
    for (; size >= 8; size -= 8, at += 8) {
        sip_word(v, word_at(at));
    }
    sip_word(v, length | rest_at(at, size));
    return sip_end(v);
}

uint64_t koken_hash_text(const char *text)
{
    return koken_hash_bytes(NULL, text, text ? strlen(text) : 0);
}

uint64_t kn_hash_number(const struct koken_hash_key *key, uint64_t number)
{
    uint64_t v[4];
    sip_begin(key, v);
    sip_word(v, number);
    sip_word(v, UINT64_C(8) << 56);
    return sip_end(v);
}

/* Which of two equal scores wins does not depend on the order of the members: the larger name. */
static inline bool wins(uint64_t score, uint64_t name, uint64_t best_score, uint64_t best_name)
{
    return score > best_score || (score == best_score && name > best_name);
}

koken_ref koken_shard(const koken_ref *members, size_t member_count, uint64_t key)
{
    uint64_t hash = kn_hash_number(NULL, key), best = 0;
    koken_ref chosen = KOKEN_NOBODY;
    for (size_t i = 0; members && i < member_count; i++) {
        uint64_t score = kn_hash_mix(hash ^ kn_hash_mix(members[i].id));
        if (!koken_is_nobody(members[i]) && wins(score, members[i].id, best, chosen.id)) {
            best = score;
            chosen = members[i];
        }
    }
    return chosen;
}

int koken_shard_index(const uint64_t *names, size_t name_count, uint64_t key, size_t *ret_index)
{
    if (!names || name_count == 0 || !ret_index) {
        return -EINVAL;
    }
    uint64_t hash = kn_hash_number(NULL, key), best = 0;
    size_t chosen = 0;
    for (size_t i = 0; i < name_count; i++) {
        uint64_t score = kn_hash_mix(hash ^ kn_hash_mix(names[i]));
        if (i == 0 || wins(score, names[i], best, names[chosen])) {
            best = score;
            chosen = i;
        }
    }
    KN_ASSERT(chosen < name_count);
    *ret_index = chosen;
    return 0;
}

/*
 * Lamping and Veach: as the number of shards grows, a key jumps to the new shard n with probability 1 / (n + 1), and
 * the last jump below shard_count is the answer. They draw the jumps from the first; drawn from the last, as Ertl
 * (2024) does, a few draws are enough whatever the count. For between a power of two and the next there is a jump
 * with probability 1/2, whatever happens elsewhere; the last of them is any of the shards there, and what comes before
 * a jump is any of the shards below it, each as likely as another. The draws depend on the key alone, and each count
 * takes the first of them that is below it: so a key moves to the new shard or not at all.
 */
int koken_shard_jump(uint64_t key, uint32_t shard_count, uint32_t *ret_shard)
{
    if (shard_count == 0 || shard_count > INT32_MAX || !ret_shard) {
        return -EINVAL;
    }
    uint64_t state = kn_hash_mix(key + UINT64_C(0x9e3779b97f4a7c15));
    uint32_t shard = 0;
    /* Bit k: there is a jump to one of 2^k .. 2^(k+1) - 1, of which some are below shard_count. */
    uint32_t octaves =
        (uint32_t)state & (shard_count > 1 ? UINT32_MAX >> __builtin_clz(shard_count - 1) : 0);
    while (octaves != 0) { /* ends: a bit less each time round */
        uint32_t low = UINT32_C(1) << (31 - __builtin_clz(octaves));
        uint64_t draw = kn_hash_mix(state + low);
        shard = low | ((uint32_t)draw & (low - 1));
        while (shard >= shard_count) { /* ends: half of the draws or more are below */
            draw = kn_hash_mix(draw + UINT64_C(0x9e3779b97f4a7c15));
            shard = (uint32_t)draw & (2 * low - 1);
        }
        if (shard >= low) {
            break;
        }
        octaves ^= low;
        shard = 0;
    }
    KN_ASSERT(shard < shard_count);
    *ret_shard = shard;
    return 0;
}
