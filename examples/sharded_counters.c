/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters by key, spread over agents by a ring; shards come and go while clients count. A change moves the keys of
 * who comes or goes and no others, each with its count. Who has handed a key over passes on what still comes for it,
 * and leaves when all clients use the new ring and nothing is under way: so nothing is lost.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = 1000, SHARDS = 6, CLIENTS = 3, CHANGES = 5, ADDS_MAX = 20000 /* of a client */ };

KOKEN_MESSAGE(add, { uint64_t key, amount; });
KOKEN_MESSAGE(own, { uint64_t key; });
KOKEN_MESSAGE(hand_over, {
    uint64_t key;
    koken_ref to;
});
KOKEN_MESSAGE(use_ring, { uint64_t version; }); /* 0: enough, count no more */
KOKEN_EVENT(count_on);
KOKEN_EVENT(ask_sum); /* answered when all that came before is done */
KOKEN_MESSAGE(sum, { uint64_t value; });

/* What all share. A ring is not changed any more when clients may use it. */
static struct {
    struct koken_ring *rings[CHANGES + 1];
    koken_ref shards[SHARDS], clients[CLIENTS];
    unsigned failures, moved;
} all;

struct shard {
    uint64_t count[KEYS];
    koken_ref moved_to[KEYS];
};

static int on_add(koken_ctx *ctx, struct shard *self, const struct add *msg)
{
    (void)ctx;
    if (!koken_is_nobody(self->moved_to[msg->key])) {
        return koken_send(self->moved_to[msg->key], add, msg);
    }
    self->count[msg->key] += msg->amount;
    return 0;
}

static int on_own(koken_ctx *ctx, struct shard *self, const struct own *msg)
{
    (void)ctx;
    self->moved_to[msg->key] = KOKEN_NOBODY;
    return 0;
}

static int on_hand_over(koken_ctx *ctx, struct shard *self, const struct hand_over *msg)
{
    uint64_t count = self->count[msg->key];
    (void)ctx;
    self->count[msg->key] = 0;
    self->moved_to[msg->key] = msg->to;
    return koken_signal(msg->to, add, .key = msg->key, .amount = count);
}

static int on_ask_sum(koken_ctx *ctx, struct shard *self, const struct ask_sum *msg)
{
    uint64_t value = 0;
    (void)msg;
    for (unsigned i = 0; i < KEYS; i++) {
        value += self->count[i];
    }
    return koken_reply(ctx, sum, .value = value);
}

KOKEN_AGENT(shard, struct shard, KOKEN_ON(add, on_add), KOKEN_ON(own, on_own),
            KOKEN_ON(hand_over, on_hand_over), KOKEN_ON(ask_sum, on_ask_sum));

struct client {
    uint64_t version, sent, chance;
    bool has_enough;
};

static int on_count(koken_ctx *ctx, struct client *self, const struct count_on *msg)
{
    int rc = 0;
    (void)msg;
    for (unsigned i = 0; rc >= 0 && i < 10 && !self->has_enough; i++, self->sent++) {
        uint64_t who, key = (self->chance = self->chance * 69069 + 1) % (1u << 24) % KEYS;
        rc = koken_ring_find(all.rings[self->version], key, &who);
        rc = rc < 0 ? rc : koken_signal(all.shards[who], add, .key = key, .amount = 1);
    }
    self->has_enough = self->has_enough || self->sent >= ADDS_MAX;
    return rc < 0 || self->has_enough ? rc : koken_signal(koken_self(ctx), count_on);
}

static int on_use_ring(koken_ctx *ctx, struct client *self, const struct use_ring *msg)
{
    self->has_enough = self->has_enough || msg->version == 0;
    self->version = msg->version ? msg->version : self->version;
    return koken_reply(ctx, sum, .value = self->sent);
}

KOKEN_AGENT(client, struct client, KOKEN_ON(count_on, on_count), KOKEN_ON(use_ring, on_use_ring));

/* All clients use that ring. Answers how much they have sent. */
static uint64_t tell_clients(koken_ctx *ctx, uint64_t version)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sum sum = {0};
        all.failures +=
            koken_await(ctx, all.clients[i], KOKEN_S(10), &sum, use_ring, .version = version) < 0;
        total += sum.value;
    }
    return total;
}

/* The sum of what the shards have when all that was sent to them before is done. */
static uint64_t ask_shards(koken_ctx *ctx)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct sum sum = {0};
        bool is_there = !koken_is_nobody(all.shards[i]);
        all.failures += is_there && koken_await(ctx, all.shards[i], KOKEN_S(10), &sum, ask_sum) < 0;
        total += sum.value;
    }
    return total;
}

struct change {
    uint64_t who;
    bool comes;
};

/* A key moves. Who takes it over is told first, and so passes nothing on that the other sends. */
static void move(void *arg, uint64_t key, uint64_t from, uint64_t to)
{
    const struct change *change = arg;
    koken_ref taker = all.shards[to];
    all.moved++;
    all.failures += (change->comes ? to : from) != change->who; /* it need not have moved */
    all.failures += koken_signal(taker, own, .key = key) < 0;
    all.failures += koken_signal(all.shards[from], hand_over, .key = key, .to = taker) < 0;
}

static int reshard(koken_ctx *ctx, unsigned version, struct change change)
{
    uint64_t keys[KEYS];
    struct koken_ring *before = all.rings[version - 1], *after = NULL;
    int rc = koken_ring_copy(before, &after);
    all.rings[version] = after;
    if (rc == 0) {
        rc = change.comes ? koken_ring_add(after, change.who, 1)
                          : koken_ring_remove(after, change.who);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        keys[i] = i;
    }
    all.moved = 0;
    rc = rc < 0 ? rc : koken_ring_moves(before, after, keys, KEYS, move, &change);
    if (rc < 0) {
        return rc;
    }
    (void)tell_clients(ctx, version); /* nobody uses the old ring any more, */
    (void)ask_shards(ctx);            /* what came by it has been passed on, */
    (void)ask_shards(ctx);            /* and has arrived */
    printf("shard %" PRIu64 " %s: %u of %d keys move, all %s it\n", change.who,
           change.comes ? "comes" : "goes", all.moved, KEYS, change.comes ? "to" : "from");
    rc = 0;
    if (!change.comes) {
        rc = koken_exit(all.shards[change.who]); /* its counts would be missing */
        all.shards[change.who] = KOKEN_NOBODY;
    }
    return rc;
}

static int grow_and_shrink(koken_ctx *ctx)
{
    static const struct change changes[CHANGES] = {
        {3, true}, {4, true}, {0, false}, {3, false}, {5, true}};
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < CHANGES; i++) {
        rc = reshard(ctx, i + 1, changes[i]);
    }
    uint64_t sent = tell_clients(ctx, 0), counted = ask_shards(ctx);
    printf("%s, failures: %u\n",
           sent == counted && sent > 0 ? "all that was sent is counted" : "NOT all is counted",
           all.failures);
    return rc < 0 || all.failures > 0 || sent != counted ? -1 : 0;
}

static int town_body(koken_ctx *ctx, struct client *unused, const void *arg)
{
    struct ask_sum asked;
    int rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, ask_sum, &asked);
    (void)unused;
    (void)arg;
    rc = rc < 0 ? rc : grow_and_shrink(ctx);
    return rc < 0 ? rc : koken_reply(ctx, sum, .value = 1);
}

KOKEN_FIBER(town, struct client, town_body);

/* Three shards and the clients, who begin at once. */
static int open_town(struct koken *rt)
{
    int rc = koken_ring_new(NULL, &all.rings[0]);
    for (unsigned i = 0; rc == 0 && i < SHARDS; i++) {
        rc = koken_try_spawn(rt, &all.shards[i], shard, .policy = KOKEN_POLICY_PARK);
        rc = rc == 0 && i < 3 ? koken_ring_add(all.rings[0], i, 1) : rc;
    }
    for (unsigned i = 0; rc == 0 && i < CLIENTS; i++) {
        struct client client = {.chance = i};
        rc = koken_try_spawn(rt, &all.clients[i], client, KOKEN_ARG(client));
        rc = rc == 0 ? koken_signal(all.clients[i], count_on) : rc;
    }
    return rc;
}

int main(void)
{
    struct koken *rt;
    struct sum done;
    memset(&all, 0, sizeof all); /* the town may be built more than once, by a test */
    int rc = koken_start(NULL, &rt);
    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = open_town(rt);
    rc = rc < 0 ? rc : koken_await(rt, koken_spawn(rt, town), KOKEN_S(60), &done, ask_sum);
    bool is_stopped = koken_stop(rt, KOKEN_S(1)) == 0;
    for (unsigned i = 0; i <= CHANGES; i++) {
        koken_ring_free(all.rings[i]);
    }
    return rc < 0 || !is_stopped;
}
