/* SPDX-License-Identifier: Apache-2.0 */
/* An agent writes to what it has sent a pointer to. */
#include "../run.h"

KOKEN_EVENT(go);
KOKEN_MESSAGE_TRUSTED(note,
                      { long *number; }); /* trusted: the mistake that this program is about */

struct writer {
    koken_ref reader;
};

static long number;

static int on_go(koken_ctx *ctx, struct writer *self, const struct go *msg)
{
    int rc;
    (void)ctx;
    (void)msg;
    number = 1;
    rc = koken_signal(self->reader, note, .number = &number);
    number = 2;
    return rc;
}

KOKEN_AGENT(writer, struct writer, KOKEN_ON(go, on_go));

struct reader {
    long sum;
};

static int on_note(koken_ctx *ctx, struct reader *self, const struct note *msg)
{
    (void)ctx;
    self->sum += *msg->number;
    return 0;
}

KOKEN_AGENT(reader, struct reader, KOKEN_ON(note, on_note));

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref reader = koken_spawn(rt, reader);
    koken_ref writer = koken_spawn(rt, writer, KOKEN_ARG(((struct writer){.reader = reader})));

    MUST(koken_signal(writer, go));
    return finish(rt);
}
