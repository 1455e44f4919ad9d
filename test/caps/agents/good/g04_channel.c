/* SPDX-License-Identifier: Apache-2.0 */
/* Memory goes through a channel to whoever takes it out, and back through another. */
#include "../run.h"

/* trusted: whoever took it out of the channel is alone with the number */
KOKEN_MESSAGE_TRUSTED(piece, { long *number; });

struct ways {
    struct koken_channel *out, *back;
};

static int worker_body(koken_ctx *ctx, void *self, const void *arg)
{
    const struct ways *ways = arg;
    (void)ctx;
    (void)self;
    for (;;) {
        struct piece piece;
        int rc = koken_channel_recv(ways->out, KOKEN_NO_DEADLINE, piece, &piece);
        if (rc < 0) {
            return 0;
        }
        ++*piece.number;
        rc = koken_channel_send(ways->back, KOKEN_NO_DEADLINE, piece, .number = piece.number);
        if (rc < 0) {
            return rc;
        }
    }
}

KOKEN_FIBER(worker, char, worker_body);

enum { PIECES = 50 };
static long numbers[PIECES];

int main(void)
{
    struct koken *rt = one_worker();
    struct ways ways;

    MUST(koken_channel_new(rt, &ways.out, piece, 4));
    MUST(koken_channel_new(rt, &ways.back, piece, PIECES));
    for (int i = 0; i < 3; i++) { /* trusted: the channels outlive the workers */
        (void)koken_spawn(rt, worker, KOKEN_ARG_TRUSTED(ways));
    }
    for (int i = 0; i < PIECES; i++) {
        numbers[i] = i;
        MUST(koken_channel_send(ways.out, KOKEN_S(5), piece, .number = &numbers[i]));
    }
    for (int i = 0; i < PIECES; i++) {
        struct piece piece;
        MUST(koken_channel_recv(ways.back, KOKEN_S(5), piece, &piece));
        --*piece.number;
    }
    MUST(koken_channel_close(ways.out));
    int rc = finish(rt);
    for (int i = 0; i < PIECES; i++) {
        rc = rc ? rc : numbers[i] != i;
    }
    (void)koken_channel_unref(ways.out);
    (void)koken_channel_unref(ways.back);
    return rc;
}
