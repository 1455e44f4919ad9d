/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mesh of ten nodes decides: by majority, by two thirds, although some of them are dead, slow or liars. A
 * quorum counts answers, and says so as soon as it cannot be reached any more. What is decided is broadcast to
 * the mesh, which the dead have left by then; what is not decided, nobody does.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

#define NODES 10u

KOKEN_MESSAGE(propose, { uint64_t value; });
KOKEN_MESSAGE(vote, { uint64_t value; });
KOKEN_MESSAGE(decide, { uint64_t value; });
KOKEN_EVENT(ask_decided);

enum manner { HONEST, LIAR, SLEEPER };

struct node {
    uint64_t number;
    uint64_t manner;
    uint64_t decided;
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

static int on_decide(koken_ctx *ctx, struct node *self, const struct decide *msg)
{
    (void)ctx;
    self->decided = msg->value;
    return 0;
}

static int on_ask_decided(koken_ctx *ctx, struct node *self, const struct ask_decided *msg)
{
    (void)msg;
    return koken_reply(ctx, vote, .value = self->decided);
}

KOKEN_AGENT(node, struct node, KOKEN_ON(propose, on_propose), KOKEN_ON(decide, on_decide),
            KOKEN_ON(ask_decided, on_ask_decided));

/* Tells all who are left of the mesh, and asks how many will do it. */
static void announce(struct koken *rt, struct koken_topology *mesh, uint64_t value)
{
    koken_ref nodes[NODES];
    struct koken_broadcast_counts counts = {0};
    unsigned agreed = 0;
    int dead = koken_topology_heal(mesh);
    struct koken_view *view = koken_view_open(mesh);
    uint32_t count = koken_view_count(view);

    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = koken_view_member(view, i);
    }
    koken_view_close(view);
    int rc = koken_broadcast(nodes, count, &counts, decide, .value = value);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct vote does = {0};

        rc = koken_await(rt, nodes[i], KOKEN_S(10), &does, ask_decided);
        agreed += rc == 0 && does.value == value;
    }
    printf("; %d dead have left, %u of %u were told, %u do it\n", dead, counts.accepted, count,
           agreed);
}

static koken_ref open_node(struct koken *rt, unsigned number, char manner)
{
    struct node node = {.number = number,
                        .manner = manner == 'l'   ? LIAR
                                  : manner == 's' ? SLEEPER
                                                  : HONEST};
    koken_ref who = koken_spawn(rt, node, KOKEN_ARG(node));

    if (manner == 'd' && koken_exit(who) < 0) {
        return KOKEN_NOBODY;
    }
    return who;
}

/* Who is awake answers in time, on a machine that has time for us: if not, all are asked again, with more of it. */
static int ask_all(struct koken *rt, const koken_ref *nodes, const char *manners,
                   struct koken_quorum_options *options, struct koken_quorum **held)
{
    uint64_t patience_ns = KOKEN_MS(100);
    uint64_t asleep = 0;

    for (unsigned i = 0; i < NODES; i++) {
        asleep += manners[i] == 's';
    }
    for (;;) { /* ends: at the latest with the patience */
        int rc = koken_quorum(rt, nodes, NODES, patience_ns, options, held, propose, .value = 42);

        if (rc != -ETIMEDOUT || koken_quorum_tally(*held).pending <= asleep ||
            patience_ns > KOKEN_S(10)) {
            return rc;
        }
        koken_quorum_free(*held);
        *held = NULL;
        patience_ns *= 2;
    }
}

/* Holds one vote among nodes of these manners: h honest, l liar, s asleep, d dead. Answers whether it could
 * be held at all. */
static bool hold(struct koken *rt, const char *what, const char *manners,
                 enum koken_quorum_rule rule)
{
    struct koken_quorum_options options = {.rule = rule};
    struct koken_quorum *held = NULL;
    struct koken_topology *mesh = NULL;
    koken_ref nodes[NODES];

    for (unsigned i = 0; i < NODES; i++) {
        nodes[i] = open_node(rt, i, manners[i]);
    }
    int rc = koken_drain(rt, KOKEN_S(10)); /* who is to be dead has ended */

    rc = rc < 0 ? rc : koken_topology_new(rt, NULL, nodes, NODES, &mesh);
    if (rc < 0) {
        printf("%s: no mesh: %s\n", what, koken_errname(rc));
        return false;
    }
    rc = ask_all(rt, nodes, manners, &options, &held);

    printf("%-30s %s: ", what, manners);
    if (!held) {
        printf("%s\n", koken_errname(rc));
        koken_topology_free(mesh);
        return false;
    }
    struct koken_quorum_tally tally = koken_quorum_tally(held);

    if (rc == 0) {
        printf("decided, %" PRIu64 " of %" PRIu64, tally.have, tally.total);
        announce(rt, mesh, 42);
    } else if (rc == -ETIMEDOUT) {
        printf("out of time, %" PRIu64 " where %" PRIu64 " are needed\n", tally.have, tally.need);
    } else {
        printf("out of reach, %" PRIu64 " are needed\n", tally.need);
    }
    koken_quorum_free(held);
    koken_topology_free(mesh);
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
    return koken_stop(rt, KOKEN_S(10)) < 0 || held < 7;
}
