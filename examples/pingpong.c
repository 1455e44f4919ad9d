/* SPDX-License-Identifier: Apache-2.0 */
/* Two agents throw a ball to and fro. Who has caught it often enough tells the referee, and all
 * end. */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

#ifndef ROUNDS /* a test may want fewer */
#define ROUNDS 1000000u
#endif

KOKEN_MESSAGE(ball, { uint64_t thrown; });
KOKEN_MESSAGE(kickoff, { koken_ref opponent; });
KOKEN_MESSAGE(result, { uint64_t thrown; });

struct player {
    koken_claim referee;
};

/* The referee's kickoff is answered later, from another handler: the claim to the answer is kept.
 */
static int on_kickoff(koken_ctx *ctx, struct player *self, const struct kickoff *msg)
{
    self->referee = koken_defer(ctx);
    return koken_signal(msg->opponent, ball, .thrown = 1);
}

static int on_ball(koken_ctx *ctx, struct player *self, const struct ball *msg)
{
    if (msg->thrown < ROUNDS) {
        return koken_reply(ctx, ball, .thrown = msg->thrown + 1);
    }
    return koken_answer(self->referee, result, .thrown = msg->thrown);
}

KOKEN_AGENT(player, struct player, KOKEN_ON(kickoff, on_kickoff), KOKEN_ON(ball, on_ball));

int main(void)
{
    struct koken *rt;
    struct result result;
    koken_ref ping, pong;
    uint64_t began_at;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    ping = koken_spawn(rt, player);
    pong = koken_spawn(rt, player);
    began_at = koken_now();
    rc = koken_await(rt, ping, KOKEN_S(60), &result, kickoff, .opponent = pong);
    if (rc == 0) {
        printf("the ball was thrown %" PRIu64 " times\n", result.thrown);
        fprintf(stderr, "%" PRIu64 " ns one way\n", (koken_now() - began_at) / result.thrown);
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
