/* SPDX-License-Identifier: Apache-2.0 */
/* See ready.h. */
#include "executors/teg/ready.h"

#include "base/align.h"
#include "base/alloc.h"

#include <string.h>

/* Words of one level over `bits` bits. */
static size_t words_of(size_t bits)
{
    return bits ? (bits + 63) / 64 : 1;
}

size_t kn_teg_ready_words(uint32_t size)
{
    size_t bits = size, sum = 0;
    do { /* ends: a level is a 64th of the one below */
        bits = words_of(bits);
        sum += bits;
    } while (bits > 1);
    return sum;
}

void kn_teg_ready_place(struct kn_teg_ready *ready, uint32_t size, uint64_t *words)
{
    size_t bits = size;
    *ready = (struct kn_teg_ready){.size = size};
    do { /* ends: as above */
        bits = words_of(bits);
        KN_ASSERT(ready->levels < KN_TEG_READY_LEVELS);
        ready->words[ready->levels++] = words;
        words += bits;
    } while (bits > 1);
}

bool kn_teg_ready_init(struct kn_teg_ready *ready, uint32_t size)
{
    size_t bytes = kn_teg_ready_words(size) * sizeof(uint64_t);
    uint64_t *words = kn_alloc(bytes, KN_CACHE_LINE, -1);
    if (!words) {
        return false;
    }
    memset(words, 0, bytes);
    kn_teg_ready_place(ready, size, words);
    return true;
}

void kn_teg_ready_fini(struct kn_teg_ready *ready)
{
    if (ready->words[0]) {
        kn_free(ready->words[0], kn_teg_ready_words(ready->size) * sizeof(uint64_t), KN_CACHE_LINE);
        ready->words[0] = NULL;
    }
}
