/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the offset in a file moves on by the length of a chunk that has been sent */
/* CLASS: use-after-send */
#include "market.h"

KOKEN_PAYLOAD(chunk, (plain, long, offset), (plain, long, length), (array, char, bytes, 16));

static void transfer(koken_ref peer, const char *data, long size)
{
    long offset = 0;

    while (offset < size) {
        koken_iso(chunk, c) = koken_new(chunk);
        if (koken_none(c)) {
            return;
        }
        koken_mut(c)->offset = offset;
        koken_mut(c)->length = size - offset < 16 ? size - offset : 16;
        memcpy(koken_mut(c)->bytes, data + offset, (size_t)koken_get(c)->length);
        koken_post(peer, c);
        offset += koken_get(c)->length; /* BAD */
    }
}

int main(void)
{
    transfer(market_sink(), "the quick brown fox jumps over the lazy dog", 44);
    return market_run();
}
