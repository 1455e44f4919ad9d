/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: sessions in a table by hash: an old one is taken out before a new one is put in */
#include "market.h"

enum { BUCKETS = 8 };

KOKEN_PAYLOAD(session, (plain, long, user), (plain, long, hits), (val, text, greeting));

struct sessions {
    session_iso bucket[BUCKETS];
    text_val greeting;
    long evicted;
};

static session_iso session_of(struct sessions *self, long user)
{
    size_t at = (size_t)user % BUCKETS;

    if (koken_has(self->bucket[at])) {
        koken_iso(session, s) = koken_take(self->bucket[at]);
        if (koken_get(s)->user == user) {
            return koken_move(s);
        }
        self->evicted++;
        koken_drop(s);
    }
    koken_iso(session, fresh) = koken_new(session);
    if (koken_none(fresh)) {
        return koken_empty(session);
    }
    koken_mut(fresh)->user = user;
    if (koken_has(self->greeting)) {
        koken_val(text, greeting) = koken_dup_in(self->greeting);
        koken_put(koken_mut(fresh)->greeting, greeting);
    }
    return koken_move(fresh);
}

static int on_order(koken_ctx *ctx, struct sessions *self, struct order_iso *msg)
{
    (void)ctx;
    long user = koken_peek(*msg)->id;
    koken_iso(session, s) = session_of(self, user);
    if (koken_none(s)) {
        return -ENOMEM;
    }
    koken_mut(s)->hits++;
    if (koken_get(s)->hits > 2) {
        koken_val(session, busy) = koken_freeze(s);
        (void)koken_share(market_first(), busy);
        koken_drop(busy);
        return 0;
    }
    koken_put(self->bucket[(size_t)user % BUCKETS], s);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref sessions = market_spawn(sessions, order_iso, on_order);
    struct sessions *state = market_state(sessions);
    (void)sink;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    koken_val(text, greeting) = koken_freeze(t);
    koken_put(state->greeting, greeting);
    for (int i = 0; i < 4; i++) {
        market_feed(sessions, 10);
    }
    return market_run();
}
