/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads on real threads with conservation checked at the end: mesh, ring, fan-in 100:1 under every
 * policy, cyclic spawn and stop, ask chains of fibers, a storm of timers. Nothing is lost, doubled or left,
 * on 1, 2 and 4 workers.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>

KOKEN_MESSAGE(hop, { uint32_t left; });
KOKEN_MESSAGE(link, { koken_ref next; });
KOKEN_MESSAGE(datum, {
    uint32_t sender;
    uint32_t value;
});
KOKEN_EVENT(go);
KOKEN_MESSAGE(question, { uint32_t depth; });
KOKEN_MESSAGE(answer, { uint32_t depth; });

static kn_atomic(uint32_t) hops, data, refused, born, done;

static const unsigned worker_counts[3] = {1, 2, 4};

static void clear(void)
{
    reset(&hops);
    reset(&data);
    reset(&refused);
    reset(&born);
    reset(&done);
}

/* ---- mesh ---------------------------------------------------------------------------------------------------- */

enum { PEERS = 64 };
static koken_ref peers[PEERS];

struct peer {
    uint64_t rng;
};

/* Each message goes on to a random peer until its hops are used up. */
static int on_hop(koken_ctx *ctx, struct peer *self, const struct hop *msg)
{
    (void)count(&hops);
    if (msg->left == 0) {
        (void)count(&done);
        return 0;
    }
    self->rng = self->rng * 6364136223846793005u + koken_self(ctx).id * 2 + 1;
    int rc = koken_signal(peers[(self->rng >> 40) % PEERS], hop, .left = msg->left - 1);
    if (rc == -EAGAIN) {
        (void)count(&done);
        (void)count(&refused);
        return 0;
    }
    return rc;
}

KOKEN_AGENT(peer, struct peer, KOKEN_ON(hop, on_hop));

Test(stress, mesh)
{
    enum { CHAINS = 200, LENGTH = 200 * SCALE };
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(worker_counts[w]);
        clear();
        for (int i = 0; i < PEERS; i++) {
            peers[i] = koken_spawn(rt, peer);
        }
        for (int i = 0; i < CHAINS; i++) {
            cr_assert_eq(koken_signal(peers[i % PEERS], hop, .left = LENGTH), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&done), CHAINS);
        cr_assert_eq(reading(&hops), metrics(rt).received);
        cr_assert(reading(&refused) > 0 || reading(&hops) == CHAINS * (LENGTH + 1));
        stop(rt);
    }
}

/* ---- ring ------------------------------------------------------------------------------------------------------ */

struct station {
    koken_ref next;
};

static int on_link(koken_ctx *ctx, struct station *self, const struct link *msg)
{
    (void)ctx;
    self->next = msg->next;
    return 0;
}

static int on_token(koken_ctx *ctx, struct station *self, const struct hop *msg)
{
    (void)ctx;
    (void)count(&hops);
    return msg->left ? koken_signal(self->next, hop, .left = msg->left - 1) : 0;
}

KOKEN_AGENT(station, struct station, KOKEN_ON(link, on_link), KOKEN_ON(hop, on_token));

Test(stress, ring)
{
    enum { STATIONS = 503, HOPS = 50000 * SCALE, TOKENS = 4 };
    static koken_ref ring[STATIONS];
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(worker_counts[w]);
        clear();
        for (int i = 0; i < STATIONS; i++) {
            ring[i] = koken_spawn(rt, station);
        }
        for (int i = 0; i < STATIONS; i++) {
            cr_assert_eq(koken_signal(ring[i], link, .next = ring[(i + 1) % STATIONS]), 0);
        }
        for (int i = 0; i < TOKENS; i++) {
            cr_assert_eq(koken_signal(ring[i * 100], hop, .left = HOPS), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&hops), TOKENS * (HOPS + 1));
        stop(rt);
    }
}

/* ---- fan-in ---------------------------------------------------------------------------------------------------- */

enum { SOURCES = 100 };

struct sink {
    uint32_t next[SOURCES];
};

static bool is_lossless;

static int on_datum(koken_ctx *ctx, struct sink *self, const struct datum *msg)
{
    (void)ctx;
    /* In order always; without gaps unless the policy drops. */
    expect(is_lossless ? msg->value == self->next[msg->sender]
                       : msg->value >= self->next[msg->sender]);
    self->next[msg->sender] = msg->value + 1;
    (void)count(&data);
    return 0;
}

KOKEN_AGENT(sink, struct sink, KOKEN_ON(datum, on_datum));

struct source {
    koken_ref to;
    uint32_t id, sent, wanted;
};

static int on_go(koken_ctx *ctx, struct source *self, const struct go *msg)
{
    (void)msg;
    for (int i = 0; i < 20 && self->sent < self->wanted; i++) {
        int rc = koken_signal(self->to, datum, .sender = self->id, .value = self->sent);
        if (rc == -EAGAIN) {
            break;
        }
        expect(rc == 0 || rc == KOKEN_PRESSURE);
        self->sent++;
    }
    return self->sent < self->wanted ? koken_signal(koken_self(ctx), go) : KOKEN_STOP;
}

KOKEN_AGENT(source, struct source, KOKEN_ON(go, on_go));

static void fan_in(unsigned workers, enum koken_policy policy)
{
    enum { EACH = 200 * SCALE };
    struct koken *rt = start(workers);
    clear();
    is_lossless = policy != KOKEN_POLICY_DROP_NEW && policy != KOKEN_POLICY_DROP_OLD;
    koken_ref to = koken_spawn(rt, sink, .capacity = 50, .policy = policy);
    for (uint32_t i = 0; i < SOURCES; i++) {
        struct source arg = {to, i, 0, EACH};
        cr_assert_eq(koken_signal(koken_spawn(rt, source, .arg = &arg), go), 0);
    }
    check_balance(rt, 0);
    struct koken_metrics m = metrics(rt);
    /* Who ends while it waits for room takes with it what it has not got rid of: dead letters. */
    cr_assert_eq(reading(&data) + m.dropped + m.dead, SOURCES * EACH, "policy %d, %u workers",
                 policy, workers);
    cr_assert(!is_lossless || m.dropped == 0);
    cr_assert(policy == KOKEN_POLICY_PARK || m.dead == 0);
    cr_assert_eq(m.exited, SOURCES);
    cr_assert_eq(m.failed, 0);
    stop(rt);
}

Test(stress, fan_in_under_every_policy)
{
    for (int w = 0; w < 3; w++) {
        for (int policy = KOKEN_POLICY_REJECT; policy < KOKEN_POLICY_COUNT_; policy++) {
            fan_in(worker_counts[w], (enum koken_policy)policy);
        }
    }
}

/* ---- cyclic spawn and stop ------------------------------------------------------------------------------------- */

struct phoenix {
    uint32_t lives;
    koken_ref parent;
};

static int on_phoenix(koken_ctx *ctx, struct phoenix *self, const struct go *msg);
KOKEN_AGENT(phoenix, struct phoenix, KOKEN_ON(go, on_phoenix));

/* Begets the next one, stops the one that begot it, and lives until it is stopped. */
static int on_phoenix(koken_ctx *ctx, struct phoenix *self, const struct go *msg)
{
    (void)msg;
    (void)count(&born);
    if (!koken_is_nobody(self->parent)) {
        int rc = koken_exit(self->parent);
        expect(rc == 0);
    }
    if (self->lives == 0) {
        return KOKEN_STOP;
    }
    struct phoenix next = {self->lives - 1, koken_self(ctx)};
    return koken_signal(koken_spawn(ctx, phoenix, .arg = &next), go);
}

Test(stress, agents_that_beget_and_stop_each_other)
{
    enum { LINES = 50, LIVES = 200 * SCALE };
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(worker_counts[w]);
        clear();
        for (int i = 0; i < LINES; i++) {
            struct phoenix first = {.lives = LIVES};
            cr_assert_eq(koken_signal(koken_spawn(rt, phoenix, .arg = &first), go), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&born), LINES * (LIVES + 1));
        cr_assert_eq(metrics(rt).alive, 0);
        cr_assert_eq(metrics(rt).exited, LINES * (LIVES + 1));
        stop(rt);
    }
}

/* ---- chains of fibers that ask ---------------------------------------------------------------------------- */

struct asker {
    uint32_t unused;
};

static int serve(koken_ctx *ctx, struct asker *self, const void *arg)
{
    koken_ref next = *(const koken_ref *)arg;
    struct koken_received msg;
    int rc;
    (void)self;
    while ((rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg)) == 0) {
        uint32_t depth = ((const struct question *)msg.payload)->depth;
        if (!koken_is_nobody(next)) {
            struct answer got = {0};
            rc = koken_await(ctx, next, KOKEN_S(100), &got, question, .depth = depth + 1);
            expect(rc == 0);
            depth = got.depth;
        }
        rc = koken_reply(ctx, answer, .depth = depth);
        expect(rc == 0);
        (void)count(&done);
    }
    return rc == -ECANCELED ? 0 : rc;
}

KOKEN_FIBER(server, struct asker, serve);

struct client {
    struct koken *rt;
    koken_ref to;
};

static void ask(void *arg)
{
    struct client *self = arg;
    for (int i = 0; i < 50 * SCALE; i++) {
        struct answer got;
        int rc = koken_await(self->rt, self->to, KOKEN_S(100), &got, question, .depth = 1);
        expect(rc == 0 && got.depth == 20);
    }
}

Test(stress, chains_of_fibers)
{
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(worker_counts[w]);
        struct kn_thread threads[3] = {{0}};
        struct client clients[3];
        clear();
        koken_ref first = KOKEN_NOBODY;
        for (int i = 0; i < 20; i++) {
            first = koken_spawn(rt, server, .arg = &first, .arg_size = sizeof first);
            cr_assert(!koken_is_nobody(first));
        }
        for (int i = 0; i < 3; i++) {
            clients[i] = (struct client){rt, first};
            cr_assert_eq(kn_thread_start(&threads[i], "ask", ask, &clients[i]), 0);
        }
        for (int i = 0; i < 3; i++) {
            kn_thread_join(&threads[i]);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&done), 3 * 50 * SCALE * 20);
        stop(rt);
    }
}

/* ---- a storm of timers ------------------------------------------------------------------------------------------- */

struct bell {
    uint32_t left;
};

static int on_bell(koken_ctx *ctx, struct bell *self, const struct go *msg)
{
    (void)msg;
    (void)count(&data);
    if (self->left > 0) {
        self->left--;
        koken_timer wanted = koken_after(ctx, KOKEN_US(self->left % 300), go);
        koken_timer unwanted = koken_after(ctx, KOKEN_US(self->left % 100), go);
        expect(wanted.id != 0 && unwanted.id != 0);
        expect(koken_cancel(ctx, unwanted) == 0);
    } else {
        (void)count(&done);
    }
    return 0;
}

KOKEN_AGENT(bell, struct bell, KOKEN_ON(go, on_bell));

Test(stress, storm_of_timers)
{
    enum { BELLS = 500, RINGS = 20 * SCALE };
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(worker_counts[w]);
        clear();
        for (int i = 0; i < BELLS; i++) {
            struct bell arg = {RINGS};
            cr_assert_eq(koken_signal(koken_spawn(rt, bell, .arg = &arg), go), 0);
        }
        wait_for(&done, BELLS);
        check_balance(rt, 0);
        cr_assert_eq(reading(&data), BELLS * (RINGS + 1));
        cr_assert_eq(metrics(rt).timers_fired, BELLS * RINGS);
        stop(rt);
    }
}
