/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: refs while it is built, an iso when it leaves, letters that may be refused */
#include "market.h"

KOKEN_LETTER(report, (iso, book, book), (val, text, title), (plain, int, page));

static book_iso summary(const long *prices, size_t count)
{
    koken_iso(book, made) = koken_recover(book, r, {
        if (koken_has(r)) {
            book_ref both = r;
            for (size_t i = 0; i < count; i++) {
                koken_mut(both)->count++;
                if (prices[i] > koken_get(r)->best) {
                    koken_mut(r)->best = prices[i];
                }
            }
        }
    });
    return koken_move(made);
}

static int on_report(koken_ctx *ctx, struct desk *self, struct report *msg)
{
    (void)ctx;
    self->count += msg->page;
    if (koken_has(msg->book)) {
        koken_iso(book, b) = koken_take(msg->book);
        self->count += koken_get(b)->best;
        koken_drop(b);
    }
    return 0;
}

static int publish(koken_ref to, int page, text_val title)
{
    static const long prices[] = {3, 9, 4};
    koken_owned(title);
    struct report report = {.page = page};
    koken_iso(book, b) = summary(prices, 3);
    if (koken_none(b)) {
        koken_drop(title);
        return -ENOMEM;
    }
    koken_put(report.book, b);
    koken_put(report.title, title);
    int rc = koken_give_letter(to, report, report);
    if (rc != 0) {
        koken_iso(book, back) = koken_take(report.book);
        koken_drop(back);
        koken_val(text, again) = koken_take(report.title);
        koken_drop(again);
    }
    return rc;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, report, on_report);
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    koken_val(text, title) = koken_freeze(t);
    int refused = 0;
    for (int page = 0; page < 3; page++) {
        koken_val(text, mine) = koken_dup(title);
        refused += publish(page == 1 ? KOKEN_NOBODY : desk, page, koken_move(mine)) != 0;
    }
    koken_drop(title);
    int rc = market_run();
    return rc != 0 || refused != 1;
}
