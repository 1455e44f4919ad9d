/* SPDX-License-Identifier: Apache-2.0 */
/* A val is written through a pointer from before it was frozen, after another agent got it to read. */
#include "../run.h"

KOKEN_PAYLOAD(book, (plain, long, price));
KOKEN_EVENT(go);
KOKEN_EVENT(again);

struct maker {
    koken_ref reader;
};

static struct book *kept;

static int on_go(koken_ctx *ctx, struct maker *self, const struct go *msg)
{
    koken_iso(book, b) = koken_new(book);
    (void)msg;
    if (koken_none(b)) {
        return -1;
    }
    kept = koken_mut(b);
    koken_val(book, v) = koken_freeze(b);
    koken_post(self->reader, v);
    return koken_signal(koken_self(ctx), again);
}

static int on_again(koken_ctx *ctx, struct maker *self, const struct again *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    kept->price = 7;
    return 0;
}

KOKEN_AGENT(maker, struct maker, KOKEN_ON(go, on_go), KOKEN_ON(again, on_again));

KOKEN_STATE(reader, (val, book, last));

static int on_book(koken_ctx *ctx, struct reader *self, struct book_val *msg)
{
    koken_val(book, v) = koken_take(*msg);
    (void)ctx;
    koken_put(self->last, v);
    return 0;
}

KOKEN_AGENT(reader, struct reader, KOKEN_ON(book_val, on_book));

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref reader = koken_spawn(rt, reader);
    koken_ref maker = koken_spawn(rt, maker, KOKEN_ARG(((struct maker){.reader = reader})));

    MUST(koken_signal(maker, go));
    return finish(rt);
}
