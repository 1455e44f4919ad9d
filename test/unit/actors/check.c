/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the validator accepts an agent in each state that a handler can bring it into: with timers,
 * stashed messages, an unanswered claim, another behaviour, a full mailbox; and that it stops at a broken one.
 */
#include "test/support/runtime.h"

#include "actors/agent.h"

#include <signal.h>

KOKEN_EVENT(poke);
KOKEN_MESSAGE(tell, { int what; });

static kn_atomic(uint32_t) looked;

struct any {
    int seen;
};

static int on_tell(koken_ctx *ctx, struct any *self, const struct tell *msg)
{
    self->seen++;
    switch (msg->what) {
    case 0: expect(koken_after(ctx, KOKEN_S(3600), poke).id != 0); break;
    case 1: expect(koken_stash(ctx) == 0); break;
    case 2: koken_unstash(ctx); break;
    case 3: (void)koken_defer(ctx); break;
    default:
        for (int i = 0; i < 5; i++) {
            (void)koken_after(ctx, KOKEN_S(3600), poke);
        }
        break;
    }
    expect(kn_agent_check(ctx->self));
    count(&looked);
    return 0;
}

static int on_poke(koken_ctx *ctx, struct any *self, const struct poke *msg)
{
    (void)self;
    (void)msg;
    expect(kn_agent_check(ctx->self));
    count(&looked);
    return 0;
}

KOKEN_AGENT(any, struct any, KOKEN_ON(tell, on_tell), KOKEN_ON(poke, on_poke));

Test(check, accepts_what_a_handler_may_leave_behind)
{
    struct koken *rt = start(1);
    koken_ref who = koken_spawn(rt, any);
    reset(&looked);
    for (int round = 0; round < 20; round++) {
        for (int what = 0; what < 5; what += what == 1 && round % 2 ? 2 : 1) {
            cr_assert_eq(koken_signal(who, tell, .what = what == 2 ? 4 : what), 0);
        }
        cr_assert_eq(koken_signal(who, poke), 0);
    }
    drain(rt);
    cr_assert_geq(reading(&looked), 100);
    cr_assert_eq(koken_stop(rt, KOKEN_S(60)), 0);
    assert_nothing_wrong();
}

Test(check, stops_at_a_broken_mailbox, .signal = SIGABRT)
{
    struct kn_mailbox mailbox;
    struct kn_intake intake = {NULL, NULL, NULL, NULL};
    kn_mailbox_init(&mailbox, 8, 2, KN_MB_SCHEDULED);
    cr_assert(kn_mailbox_check(&mailbox, &intake));
    kn_store(&mailbox.consumed, 3, relaxed); /* more than ever came */
    (void)kn_mailbox_check(&mailbox, &intake);
}
