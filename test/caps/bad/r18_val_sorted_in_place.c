/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the samples of a val are sorted in place to find the median */
/* CLASS: write-val */
#include "market.h"

KOKEN_PAYLOAD(samples, (array, long, at, 5), (plain, int, count));

static int ascending(const void *a, const void *b)
{
    const long left = *(const long *)a, right = *(const long *)b;
    return (left > right) - (left < right);
}

static long median(samples_val *samples)
{
    const int count = koken_peek(*samples)->count;
    qsort((void *)koken_peek(*samples)->at, (size_t)count, sizeof(long), ascending); /* BAD */
    return koken_peek(*samples)->at[count / 2];
}

static int on_samples(koken_ctx *ctx, struct desk *self, struct samples_val *msg)
{
    (void)ctx;
    self->count += median(msg);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, samples_val, on_samples);
    koken_iso(samples, s) = koken_new(samples);
    if (koken_none(s)) {
        return 1;
    }
    koken_mut(s)->count = 5;
    for (int i = 0; i < 5; i++) {
        koken_mut(s)->at[i] = 9 - i;
    }
    koken_val(samples, v) = koken_freeze(s);
    koken_post(desk, v);
    return market_run();
}
