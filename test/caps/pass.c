/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to pass an iso between two agents on one worker, in the build that it is compiled for:
 *
 *     gcc -O2 test/caps/pass.c $(for m in base caps actors orchestration; do echo -I$m/include; done) \
 *         [-DKOKEN_CAPS_DEBUG] build/{release,dev}/libkoken.a $(pkg-config --libs ...) && ./a.out
 */
#include <koken.h>

#include <stdio.h>

#define PASSES 1000000L

KOKEN_PAYLOAD(ball, (plain, long, left), (array, long, body, 6));
KOKEN_STATE(player, (tag, other));
KOKEN_MESSAGE(meet, { koken_ref who; });

static int on_meet(koken_ctx *ctx, struct player *self, const struct meet *msg)
{
    (void)ctx;
    self->other = msg->who;
    return 0;
}

static int on_ball(koken_ctx *ctx, struct player *self, struct ball_iso *msg)
{
    koken_iso(ball, b) = koken_take(*msg);
    (void)ctx;
    if (koken_mut(b)->left-- == 0) {
        koken_drop(b);
        return 0;
    }
    koken_post(self->other, b);
    return 0;
}

KOKEN_AGENT(player, struct player, KOKEN_ON(meet, on_meet), KOKEN_ON(ball_iso, on_ball));

static int play(struct koken *rt, koken_ref first, double *ret_ns)
{
    uint64_t start_ns = koken_now();
    koken_iso(ball, b) = koken_new(ball);
    if (koken_none(b)) {
        return -1;
    }
    koken_mut(b)->left = PASSES;
    koken_post(first, b);
    int rc = koken_drain(rt, KOKEN_S(60));
    *ret_ns = (double)(koken_now() - start_ns) / (double)PASSES;
    return rc;
}

int main(void)
{
    struct koken *rt;
    struct koken_options options = {.struct_size = sizeof options, .workers = 1};
    double best_ns = 1e9;

    if (koken_start(&options, &rt) < 0) {
        return 1;
    }
    koken_ref one = koken_spawn(rt, player), two = koken_spawn(rt, player);
    int rc = koken_signal(one, meet, .who = two);
    rc = rc < 0 ? rc : koken_signal(two, meet, .who = one);
    for (int run = 0; run < 10 && rc >= 0; run++) {
        double ns = 0;
        rc = play(rt, one, &ns);
        best_ns = ns < best_ns ? ns : best_ns;
    }
    printf("%.1f ns per pass, the best of 10 runs\n", best_ns);
    return koken_stop(rt, KOKEN_S(1)) < 0 || rc < 0;
}
