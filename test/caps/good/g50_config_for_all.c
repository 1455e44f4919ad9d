/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a configuration is changed by cloning: readers keep the one they have */
#include "market.h"

KOKEN_PAYLOAD(config, (plain, long, version), (plain, long, limit), (array, char, name, 8));

struct keeper {
    config_val now;
    koken_ref readers[2];
};

struct reader {
    config_val seen;
    long over;
};

static int on_order(koken_ctx *ctx, struct keeper *self, struct order_iso *msg)
{
    (void)ctx;
    if (!koken_has(self->now)) {
        return -EINVAL;
    }
    koken_val(config, old) = koken_take(self->now);
    koken_iso(config, c) = koken_clone(old);
    koken_drop(old);
    if (koken_none(c)) {
        return -ENOMEM;
    }
    KOKEN_WITH(next, c)
    {
        next->version++;
        next->limit = koken_peek(*msg)->price + 10 * next->version;
        strncpy(next->name, "v", sizeof next->name - 1);
    }
    koken_val(config, v) = koken_freeze(c);
    for (int i = 0; i < 2; i++) {
        if (koken_share(self->readers[i], v) != 0) {
            break;
        }
    }
    koken_put(self->now, v);
    return 0;
}

static int on_config(koken_ctx *ctx, struct reader *self, struct config_val *msg)
{
    (void)ctx;
    koken_val(config, v) = koken_take(*msg);
    if (koken_has(self->seen)) {
        if (koken_peek(self->seen)->limit < koken_get(v)->limit) {
            self->over++;
        }
        koken_val(config, old) = koken_take(self->seen);
        koken_drop(old);
    }
    koken_put(self->seen, v);
    return 0;
}

int main(void)
{
    koken_ref keeper = market_spawn(keeper, order_iso, on_order);
    struct keeper *state = market_state(keeper);
    for (int i = 0; i < 2; i++) {
        state->readers[i] = market_spawn(reader, config_val, on_config);
    }
    koken_iso(config, first) = koken_new(config);
    if (koken_none(first)) {
        return 1;
    }
    koken_val(config, v) = koken_freeze(first);
    koken_put(state->now, v);
    market_feed(keeper, 4);
    return market_run();
}
