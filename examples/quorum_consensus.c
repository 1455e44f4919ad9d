/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ten nodes decide: by majority, by two thirds, although some of them are dead, slow or liars. A
 * quorum counts answers, and says so as soon as it cannot be reached any more.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

#define NODES 10u

KOKEN_MESSAGE(propose, { uint64_t value; });
KOKEN_MESSAGE(vote, { uint64_t value; });

enum manner { HONEST, LIAR, SLEEPER };

struct node {
    uint64_t number;
    uint64_t manner;
    koken_claim claim; /* the answer that a sleeper owes */
};

static int on_propose(koken_ctx *ctx, struct node *self, const struct propose *msg)
{
    switch ((enum manner)self->manner) {
    case HONEST: return koken_reply(ctx, vote, .value = msg->value);
    case LIAR: return koken_reply(ctx, vote, .value = 666 + self->number);
    case SLEEPER: self->claim = koken_defer(ctx);
    }
    return 0;
}

KOKEN_AGENT(node, struct node, KOKEN_ON(propose, on_propose));

/* Holds one vote among nodes of these manners: h honest, l liar, s asleep, d dead. Answers whether it could
 * be held at all. */
static bool hold(struct koken *rt, const char *what, const char *manners,
                 enum koken_quorum_rule rule)
{
    struct koken_quorum_options options = {.rule = rule};
    struct koken_quorum *held = NULL;
    koken_ref nodes[NODES];

    for (unsigned i = 0; i < NODES; i++) {
        char m = manners[i];
        struct node node = {.number = i, .manner = m == 'l' ? LIAR : m == 's' ? SLEEPER : HONEST};

        nodes[i] = m == 'd' ? KOKEN_NOBODY : koken_spawn(rt, node, KOKEN_ARG(node));
    }
    int rc = koken_quorum(rt, nodes, NODES, KOKEN_MS(100), &options, &held, propose, .value = 42);

    printf("%-30s %s: ", what, manners);
    if (!held) {
        printf("%s\n", koken_errname(rc));
        return false;
    }
    struct koken_quorum_tally tally = koken_quorum_tally(held);

    if (rc == 0) {
        printf("decided, %" PRIu64 " of %" PRIu64 "\n", tally.have, tally.total);
    } else if (rc == -ETIMEDOUT) {
        printf("out of time, %" PRIu64 " where %" PRIu64 " are needed\n", tally.have, tally.need);
    } else {
        printf("out of reach, %" PRIu64 " are needed\n", tally.need);
    }
    koken_quorum_free(held);
    return true;
}

int main(void)
{
    struct koken *rt;
    unsigned held = 0;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    held += hold(rt, "majority", "hhhhhhdddd", KOKEN_QUORUM_MAJORITY);
    held += hold(rt, "majority, half are dead", "hhhhhddddd", KOKEN_QUORUM_MAJORITY);
    held += hold(rt, "majority, half are asleep", "hhhhhsssss", KOKEN_QUORUM_MAJORITY);
    held += hold(rt, "two thirds", "hhhhhhhsss", KOKEN_QUORUM_SUPERMAJORITY);
    held += hold(rt, "two thirds, four asleep", "hhhhhhssss", KOKEN_QUORUM_SUPERMAJORITY);
    held += hold(rt, "equal answers, three liars", "hhhhhhhlll", KOKEN_QUORUM_BYZANTINE);
    held += hold(rt, "equal answers, four liars", "hhhhhhllll", KOKEN_QUORUM_BYZANTINE);
    return koken_stop(rt, KOKEN_S(1)) < 0 || held < 7;
}
