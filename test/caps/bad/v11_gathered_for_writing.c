/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what is gathered for one write is sent before it is written */
/* CLASS: borrow-escape */
#include "market.h"
#include <sys/uio.h>

struct output {
    struct iovec part[4];
    int count;
};

static void add(struct output *out, void *bytes, size_t size)
{
    out->part[out->count].iov_base = bytes;
    out->part[out->count].iov_len = size;
    out->count++;
}

static long flush(struct output *out)
{
    long sum = 0;

    for (int i = 0; i < out->count; i++) {
        sum += *(const char *)out->part[i].iov_base;
    }
    out->count = 0;
    return sum;
}

static void trade(koken_ref archive)
{
    struct output out = {.count = 0};
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    strcpy(koken_mut(t)->letters, "header");
    add(&out, koken_mut(t)->letters, 6);
    koken_post(archive, t);
    market_use(flush(&out)); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
