/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the name of what a cache evicts is reported after the eviction */
/* CLASS: use-after-drop */
#include "market.h"

KOKEN_PAYLOAD(entry, (array, char, key, 12), (plain, long, used), (plain, long, size));

enum { ENTRIES = 3 };

struct cache {
    entry_iso at[ENTRIES];
    long clock;
};

static int oldest_of(const struct cache *cache)
{
    int oldest = 0;

    for (int i = 1; i < ENTRIES; i++) {
        if (koken_has(cache->at[i]) &&
            koken_peek(cache->at[i])->used < koken_peek(cache->at[oldest])->used) {
            oldest = i;
        }
    }
    return oldest;
}

static const char *key_at(const struct cache *cache, int i)
{
    return koken_peek(cache->at[i])->key;
}

static void evict(struct cache *cache)
{
    int i = oldest_of(cache);
    const char *key = key_at(cache, i);
    koken_iso(entry, e) = koken_take(cache->at[i]);
    koken_drop(e);
    market_use(key[0]); /* BAD */
}

static int on_order(koken_ctx *ctx, struct cache *self, struct order_iso *msg)
{
    (void)ctx;
    (void)msg;
    if (self->clock >= ENTRIES) {
        evict(self);
        self->clock = -100;
    }
    if (self->clock >= 0) {
        koken_iso(entry, e) = koken_new(entry);
        if (koken_none(e)) {
            return -ENOMEM;
        }
        koken_mut(e)->used = self->clock;
        strcpy(koken_mut(e)->key, "page");
        koken_put(self->at[self->clock], e);
        self->clock++;
    }
    return 0;
}

int main(void)
{
    market_feed(market_spawn(cache, order_iso, on_order), 4);
    return market_run();
}
