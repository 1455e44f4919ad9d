/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of this folder share: payloads of a small market, one kind of state, and a
 * runtime of one thread in market.c that hands messages out in order.
 */
#ifndef TEST_CAPS_MARKET_H
#define TEST_CAPS_MARKET_H

#include <koken/give.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

KOKEN_PAYLOAD(text, (array, char, letters, 24), (plain, int, length));
KOKEN_PAYLOAD(leg, (plain, long, quantity), (plain, long, price));
KOKEN_PAYLOAD(order, (plain, long, id), (plain, long, price), (plain, long, quantity),
              (array, char, symbol, 8), (val, text, note), (iso, leg, leg), (iso, order, next),
              (tag, reply_to));
KOKEN_PAYLOAD(quote, (plain, long, bid), (plain, long, ask), (val, text, venue), (iso, leg, top));
KOKEN_PAYLOAD(book, (plain, long, best), (plain, long, count));

KOKEN_STATE(desk, (iso, order, pending), (iso, order, second), (val, quote, last),
            (ref, book, book), (plain, long, count));

typedef int (*market_handler)(koken_ctx *ctx, void *self, void *msg);

/* An agent whose state is a struct STATE of zeros, with one handler. */
#define market_spawn(STATE, MESSAGE, FN)                                                           \
    market_spawn_typed(sizeof(struct STATE), &koken_type_##MESSAGE,                                \
                       (market_handler)(void (*)(void))(                                           \
                           1 ? (FN) : (int (*)(koken_ctx *, struct STATE *, struct MESSAGE *))0))
koken_ref market_spawn_typed(size_t state_size, const struct koken_type *type, market_handler fn);

/* An agent that takes any order or quote and drops it; the first that was made. */
koken_ref market_sink(void);
koken_ref market_first(void);

void *market_state(koken_ref agent);
void market_feed(koken_ref agent, int orders);
#define market_letter(to, MESSAGE, at)                                                             \
    market_letter_typed((to), &koken_type_##MESSAGE, (struct MESSAGE *){(at)})
void market_letter_typed(koken_ref to, const struct koken_type *type, void *letter);
void market_route(koken_ref to, order_iso h);
/* Keeps what it borrowed, and writes to it later: what no check of one file can see. */
void market_keep(struct order *order);
void market_touch(void);
void market_use(long number);
long market_limit(void);

/* Hands out messages until there are none. 0, or 1 when a payload was left over. */
int market_run(void);

#endif
