/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: an auction: lots with nested isos, a notice that all read, the winner gets the lot */
#include "market.h"

KOKEN_PAYLOAD(proof, (array, char, issuer, 16), (plain, int, year));
KOKEN_PAYLOAD(lot, (plain, int, number), (plain, long, reserve), (iso, proof, proof));
KOKEN_PAYLOAD(notice, (plain, int, number), (plain, long, reserve), (plain, int, year));
KOKEN_STATE(house, (iso, lot, on_offer), (tag, winner), (plain, long, sold));

static int announce(struct house *self, lot_iso l, const koken_ref *buyers)
{
    koken_owned(l);
    koken_iso(notice, n) = koken_new(notice);
    if (koken_none(n)) {
        koken_drop(l);
        return -ENOMEM;
    }
    koken_mut(n)->number = koken_get(l)->number;
    koken_mut(n)->reserve = koken_get(l)->reserve;
    if (koken_has(koken_get(l)->proof)) {
        koken_mut(n)->year = koken_peek(koken_get(l)->proof)->year;
    }
    koken_put(self->on_offer, l);
    koken_val(notice, v) = koken_freeze(n);
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++) {
        rc = koken_share(buyers[i], v);
    }
    koken_drop(v);
    return rc;
}

static int on_lot(koken_ctx *ctx, struct house *self, struct lot_iso *msg)
{
    const koken_ref buyers[2] = {market_first(), market_first()};
    (void)ctx;
    koken_iso(lot, l) = koken_take(*msg);
    if (koken_has(self->on_offer)) {
        koken_iso(lot, sold) = koken_take(self->on_offer);
        self->sold += koken_get(sold)->reserve;
        koken_post(self->winner, sold);
    }
    return announce(self, koken_move(l), buyers);
}

int main(void)
{
    koken_ref buyer = market_sink();
    koken_ref house = market_spawn(house, lot_iso, on_lot);
    ((struct house *)market_state(house))->winner = buyer;
    for (int i = 0; i < 3; i++) {
        koken_iso(proof, p) = koken_new(proof);
        if (koken_none(p)) {
            return 1;
        }
        koken_iso(lot, l) = koken_new(lot);
        if (koken_none(l)) {
            koken_drop(p);
            return 1;
        }
        koken_mut(p)->year = 1400 + i;
        koken_mut(l)->number = i;
        koken_mut(l)->reserve = 100 * i;
        koken_put(koken_mut(l)->proof, p);
        koken_post(house, l);
    }
    return market_run();
}
