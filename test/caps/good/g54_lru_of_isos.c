/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a cache of isos that evicts the one unused for longest */
#include "market.h"

KOKEN_PAYLOAD(entry, (array, char, key, 12), (plain, long, used), (plain, long, size));

enum { ENTRIES = 3 };

struct cache {
    entry_iso at[ENTRIES];
    long clock, evicted;
};

static int find(const struct cache *cache, const char *key)
{
    for (int i = 0; i < ENTRIES; i++) {
        if (koken_has(cache->at[i]) && strcmp(koken_peek(cache->at[i])->key, key) == 0) {
            return i;
        }
    }
    return -1;
}

static int room_in(struct cache *cache)
{
    int oldest = 0;

    for (int i = 0; i < ENTRIES; i++) {
        if (!koken_has(cache->at[i])) {
            return i;
        }
        if (koken_peek(cache->at[i])->used < koken_peek(cache->at[oldest])->used) {
            oldest = i;
        }
    }
    koken_iso(entry, old) = koken_take(cache->at[oldest]);
    cache->evicted += koken_get(old)->size;
    koken_post(market_first(), old);
    return oldest;
}

static int on_text(koken_ctx *ctx, struct cache *self, struct text_val *msg)
{
    (void)ctx;
    char key[12] = "";
    memcpy(key, koken_peek(*msg)->letters, sizeof key - 1);
    int at = find(self, key);
    if (at >= 0) {
        koken_poke(self->at[at])->used = ++self->clock;
        return 0;
    }
    koken_iso(entry, e) = koken_new(entry);
    if (koken_none(e)) {
        return -ENOMEM;
    }
    KOKEN_WITH(p, e)
    {
        memcpy(p->key, key, sizeof p->key);
        p->used = ++self->clock;
        p->size = 10;
    }
    koken_put(self->at[room_in(self)], e);
    return 0;
}

int main(void)
{
    static const char *const words[] = {"a", "b", "a", "c", "d", "a", "e"};
    koken_ref sink = market_sink();
    koken_ref cache = market_spawn(cache, text_val, on_text);
    (void)sink;
    for (int i = 0; i < 7; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        strcpy(koken_mut(t)->letters, words[i]);
        koken_val(text, v) = koken_freeze(t);
        koken_post(cache, v);
    }
    return market_run();
}
