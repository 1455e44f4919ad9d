/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a payload of every kind of field, a letter and a state, declared in the file that uses them */
#include "market.h"

KOKEN_PAYLOAD(parcel, (plain, long, weight), (array, char, label, 8), (iso, parcel, inside),
              (val, text, note), (tag, sender));
KOKEN_LETTER(delivery, (iso, parcel, what), (plain, int, day));
KOKEN_STATE(depot, (iso, parcel, held), (ref, book, book), (own, long *, table),
            (plain, long, count));

static int on_parcel(koken_ctx *ctx, struct depot *self, struct parcel_iso *msg)
{
    (void)ctx;
    koken_iso(parcel, p) = koken_take(*msg);
    koken_iso(parcel, outer) = koken_new(parcel);

    if (koken_none(outer)) {
        koken_drop(p);
        return 0;
    }
    koken_put(koken_mut(outer)->inside, p);
    self->count++;
    koken_post(market_first(), outer);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref depot = market_spawn(depot, parcel_iso, on_parcel);
    koken_iso(parcel, p) = koken_new(parcel);

    (void)sink;
    if (koken_none(p)) {
        return 1;
    }
    koken_mut(p)->sender = depot;
    koken_post(depot, p);
    return market_run();
}
