/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mesh: each message goes on to a random node until its hops are used up. Nodes may be killed at any moment by
 * a thread outside.
 *
 * P1 what was accepted is handled once, if nobody died. P2 one handler at a time. P3 the numbers of a sender
 * come in order. P4 a message reaches the node that it names.
 */
#include "bench/workload/workload.h"

#include <errno.h>

enum { NODES_MAX = 8, NOBODY = NODES_MAX };

KOKEN_MESSAGE(parcel, {
    koken_ref to;
    uint32_t from, number, left;
});

struct node {
    uint64_t rng;
    uint32_t index;
    kn_atomic(uint32_t) busy;
    uint32_t last[NODES_MAX + 1]; /* numbers seen, by sender */
    uint32_t next[NODES_MAX];     /* numbers given, by receiver */
};

static koken_ref nodes[NODES_MAX];
static unsigned node_count;
static kn_atomic(uint64_t) accepted, handled, refused;

static int on_parcel(koken_ctx *ctx, struct node *self, const struct parcel *msg)
{
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(koken_ref_equal(msg->to, koken_self(ctx))); /* P4 */
    KOKEN_SIM_CHECK(msg->number > self->last[msg->from]);       /* P1, P3: once, and in order */
    self->last[msg->from] = msg->number;
    load_count(&handled);
    if (msg->left > 0) {
        unsigned to = (unsigned)(kn_random(&self->rng) % node_count);
        int rc = koken_signal(nodes[to], parcel, .to = nodes[to], .from = self->index,
                              .number = ++self->next[to], .left = msg->left - 1);
        load_count(rc >= 0 ? &accepted : &refused);
        KOKEN_SIM_CHECK(rc >= 0 || rc == -EAGAIN || rc == -ESRCH || rc == -ESHUTDOWN ||
                        rc == -ENOMEM || rc == -EDEADLK);
    }
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(node, struct node, KOKEN_ON(parcel, on_parcel));

struct killer {
    uint64_t rng;
    kn_atomic(uint32_t) has_killed;
};

static void kill_some(void *arg)
{
    struct killer *self = arg;
    for (unsigned i = 0; i < 3; i++) {
        load_sleep(kn_random(&self->rng) % KOKEN_US(50));
        if (koken_exit(nodes[kn_random(&self->rng) % node_count]) == 0) {
            kn_store(&self->has_killed, 1, relaxed); /* relaxed: read after the join */
        }
    }
}

static void send_all(struct load *load)
{
    uint32_t next[NODES_MAX] = {0};
    for (unsigned i = 0; i < 6 * load->scale; i++) {
        unsigned to = (unsigned)load_below(load, node_count);
        int rc = koken_signal(nodes[to], parcel, .to = nodes[to], .from = NOBODY,
                              .number = ++next[to], .left = (uint32_t)load_below(load, 12));
        load_count(rc >= 0 ? &accepted : &refused);
    }
}

void load_mesh(struct load *load)
{
    struct killer killer = {.rng = load_below(load, UINT32_MAX)};
    struct kn_thread thread = {0};
    bool has_killer = load_below(load, 2) == 0;
    load_clear(&accepted);
    load_clear(&handled);
    load_clear(&refused);
    node_count = 2 + (unsigned)load_below(load, NODES_MAX - 1);
    for (unsigned i = 0; i < node_count; i++) {
        struct node state = {.rng = load_below(load, UINT32_MAX), .index = i};
        enum koken_policy policy =
            load_below(load, 3) == 0 ? KOKEN_POLICY_PARK : KOKEN_POLICY_DEFAULT;
        nodes[i] = koken_spawn(load->rt, node, .arg = &state, .policy = policy);
    }
    if (has_killer) {
        has_killer = kn_thread_start(&thread, "killer", kill_some, &killer) == 0;
    }
    send_all(load);
    if (has_killer) {
        kn_thread_join(&thread);
    }
    if (!load_settle(load)) {
        return;
    }
    KOKEN_SIM_CHECK(load_read(&handled) <= load_read(&accepted));
    if (load_is_strict(load) && kn_load(&killer.has_killed, relaxed) == 0) { /* relaxed: joined */
        KOKEN_SIM_CHECK(load_read(&handled) == load_read(&accepted));
    }
}
