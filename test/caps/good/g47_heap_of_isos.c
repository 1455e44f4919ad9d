/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a heap of orders in a table: what moves is taken out and put back */
#include "market.h"

enum { ROOM = 16 };

struct heap {
    order_iso at[ROOM];
    size_t used;
};

static void exchange(struct heap *heap, size_t i, size_t j)
{
    koken_iso(order, a) = koken_take(heap->at[i]);
    koken_iso(order, b) = koken_take(heap->at[j]);
    koken_put(heap->at[i], b);
    koken_put(heap->at[j], a);
}

static void push(struct heap *heap, order_iso o)
{
    koken_owned(o);
    size_t at = heap->used++;

    koken_put(heap->at[at], o);
    while (at > 0 && koken_peek(heap->at[at])->price > koken_peek(heap->at[(at - 1) / 2])->price) {
        exchange(heap, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static order_iso pop(struct heap *heap)
{
    koken_iso(order, top) = koken_take(heap->at[0]);
    size_t at = 0;

    heap->used--;
    if (heap->used > 0) {
        koken_iso(order, last) = koken_take(heap->at[heap->used]);
        koken_put(heap->at[0], last);
    }
    for (size_t child = 1; child < heap->used; child = 2 * at + 1) {
        if (child + 1 < heap->used &&
            koken_peek(heap->at[child + 1])->price > koken_peek(heap->at[child])->price) {
            child++;
        }
        if (koken_peek(heap->at[at])->price >= koken_peek(heap->at[child])->price) {
            break;
        }
        exchange(heap, at, child);
        at = child;
    }
    return koken_move(top);
}

static int on_order(koken_ctx *ctx, struct heap *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_mut(o)->price = koken_get(o)->id * 7 % 5;
    push(self, koken_move(o));
    if (self->used < 6) {
        return 0;
    }
    while (self->used > 0) {
        koken_iso(order, best) = pop(self);
        koken_post(market_first(), best);
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(heap, order_iso, on_order), 12);
    return market_run();
}
