/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a book is built by two refs, frozen, and shared; each reader keeps the latest */
#include "market.h"

enum { READERS = 3, ROUNDS = 3 };

KOKEN_STATE(reader, (val, book, latest), (plain, long, rises), (plain, long, seen));

static void keep(struct reader *self, book_val v)
{
    koken_owned(v);
    if (koken_has(self->latest)) {
        koken_val(book, old) = koken_take(self->latest);
        if (koken_get(old)->best < koken_get(v)->best) {
            self->rises++;
        }
        koken_drop(old);
    }
    koken_put(self->latest, v);
}

static int on_book(koken_ctx *ctx, struct reader *self, struct book_val *msg)
{
    (void)ctx;
    koken_val(book, v) = koken_take(*msg);
    keep(self, koken_move(v));
    if (++self->seen == ROUNDS) {
        koken_release(reader, self);
    }
    return 0;
}

static int publish(const koken_ref *readers, const long *prices, int count)
{
    koken_iso(book, b) = koken_recover(book, r, {
        koken_local(book, best) = r;
        for (int i = 0; i < count; i++) {
            koken_mut(r)->count++;
            if (prices[i] > koken_get(best)->best) {
                koken_mut(best)->best = prices[i];
            }
        }
    });
    if (koken_none(b)) {
        return -ENOMEM;
    }
    koken_val(book, v) = koken_freeze(b);
    int rc = 0;
    for (int i = 0; i < READERS && rc >= 0; i++) {
        rc = koken_share(readers[i], v);
    }
    koken_drop(v);
    return rc;
}

int main(void)
{
    const long prices[ROUNDS][3] = {{5, 9, 2}, {8, 12, 1}, {7, 3, 4}};
    koken_ref readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = market_spawn(reader, book_val, on_book);
    }
    for (int i = 0; i < ROUNDS; i++) {
        if (publish(readers, prices[i], 3) < 0) {
            return 1;
        }
    }
    return market_run();
}
