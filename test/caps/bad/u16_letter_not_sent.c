/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a letter is made ready, and not sent when the price is wrong */
/* CLASS: leak */
#include "market.h"

KOKEN_LETTER(offer, (iso, order, order), (val, text, terms), (plain, long, price));

static int make_offer(koken_ref to, long price, text_val terms)
{
    koken_owned(terms);
    struct offer offer = {.price = price};
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        koken_drop(terms);
        return -ENOMEM;
    }
    koken_mut(o)->price = price;
    koken_put(offer.order, o);
    koken_put(offer.terms, terms);
    if (price > market_limit()) {
        return -ERANGE; /* BAD: what is in the letter is lost */
    }
    if (koken_give_letter(to, offer, offer) == 0) {
        return 0;
    }
    koken_iso(order, back) = koken_take(offer.order);
    koken_drop(back);
    koken_val(text, unread) = koken_take(offer.terms);
    koken_drop(unread);
    return -EAGAIN;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    koken_val(text, terms) = koken_freeze(t);
    market_use(make_offer(sink, 1000, koken_move(terms)));
    return market_run();
}
