/* SPDX-License-Identifier: Apache-2.0 */
/* Isos are written by each owner in turn, vals read by many and freed by the last, timers send both. */
#include "../run.h"

KOKEN_PAYLOAD(page, (plain, long, lines));
KOKEN_PAYLOAD(book, (iso, page, front), (val, page, back), (plain, long, price));
KOKEN_EVENT(go);

KOKEN_STATE(writer, (tag, next), (plain, int, left));

static int on_go(koken_ctx *ctx, struct writer *self, const struct go *msg)
{
    koken_iso(book, b) = koken_new(book);
    koken_iso(page, p) = koken_new(page);
    koken_iso(page, q) = koken_new(page);
    (void)msg;
    (void)ctx;
    if (koken_none(b) || koken_none(p) || koken_none(q)) {
        exit(4);
    }
    koken_mut(p)->lines = 1;
    koken_val(page, v) = koken_freeze(q);
    koken_put(koken_mut(b)->front, p);
    koken_put(koken_mut(b)->back, v);
    koken_post(self->next, b);
    return 0;
}

static int on_book(koken_ctx *ctx, struct writer *self, struct book_iso *msg)
{
    koken_iso(book, b) = koken_take(*msg);
    koken_iso(page, p) = koken_take(koken_mut(b)->front);
    (void)ctx;
    koken_mut(p)->lines++;
    koken_mut(b)->price += koken_get(p)->lines;
    koken_put(koken_mut(b)->front, p);
    if (self->left-- > 0) {
        koken_post(self->next, b);
        return 0;
    }
    koken_val(book, v) = koken_freeze(b);
    int rc = koken_share(self->next, v);
    koken_post(self->next, v);
    return rc;
}

static int on_val(koken_ctx *ctx, struct writer *self, struct book_val *msg)
{
    koken_val(book, v) = koken_take(*msg);
    (void)ctx;
    if (self->left-- > -20 && koken_get(v)->price > 0) {
        koken_post(self->next, v);
        return 0;
    }
    koken_drop(v);
    return 0;
}

KOKEN_AGENT(writer, struct writer, KOKEN_ON(go, on_go), KOKEN_ON(book_iso, on_book),
            KOKEN_ON(book_val, on_val));

KOKEN_MESSAGE(meet, { koken_ref next; });

struct reader {
    koken_ref next;
};

static int reader_on_meet(koken_ctx *ctx, struct reader *self, const struct meet *msg)
{
    (void)ctx;
    self->next = msg->next;
    return 0;
}

static int reader_on_book(koken_ctx *ctx, struct reader *self, struct book_iso *msg)
{
    koken_iso(book, b) = koken_take(*msg);
    (void)ctx;
    koken_mut(b)->price++;
    koken_post(self->next, b);
    return 0;
}

static int reader_on_val(koken_ctx *ctx, struct reader *self, struct book_val *msg)
{
    koken_val(book, v) = koken_take(*msg);
    (void)ctx;
    koken_post(self->next, v);
    return 0;
}

KOKEN_AGENT(reader, struct reader, KOKEN_ON(meet, reader_on_meet),
            KOKEN_ON(book_iso, reader_on_book), KOKEN_ON(book_val, reader_on_val));

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref reader = koken_spawn(rt, reader);

    for (int i = 0; i < 3; i++) {
        koken_ref writer =
            koken_spawn(rt, writer, KOKEN_ARG(((struct writer){.next = reader, .left = 20})));
        MUST(koken_signal(reader, meet, .next = writer));
        MUST(koken_signal(writer, go));
    }
    return finish(rt);
}
