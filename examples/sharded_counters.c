/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters by key, spread over agents by a ring; shards come and go while clients count. A change moves the keys of
 * who comes or goes and no others, each with its count. Who has handed a key over passes on what still comes for it,
 * and leaves when all clients use the new ring and nothing is under way: so nothing is lost.
 */
#include <koken.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { KEYS = 1000, SHARDS = 6, CLIENTS = 3, CHANGES = 5, ADDS_MAX = 20000 /* of a client */ };

KOKEN_MESSAGE(add, { uint64_t key, amount; });
KOKEN_MESSAGE(own, { uint64_t key; });
KOKEN_MESSAGE(hand_over, {
    uint64_t key;
    koken_ref to;
});
struct shards {
    koken_ref of[SHARDS];
};
/* trusted: a ring is not changed any more once clients use it; NULL: enough, count no more */
KOKEN_MESSAGE_TRUSTED(use_ring, {
    const struct koken_ring *ring;
    struct shards shards;
});
KOKEN_EVENT(count_on);
KOKEN_EVENT(ask_sum); /* answered when all that came before is done */
KOKEN_MESSAGE(sum, { uint64_t value; });

/* Built by main, then the town agent's alone, until all has stopped. */
struct town {
    struct koken_ring *rings[CHANGES + 1];
    struct shards shards;
    koken_ref clients[CLIENTS];
    unsigned failures, moved;
};

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
    struct use_ring now;
    uint64_t sent, chance;
    bool has_enough;
};

static int on_count(koken_ctx *ctx, struct client *self, const struct count_on *msg)
{
    int rc = 0;
    (void)msg;
    for (unsigned i = 0; rc >= 0 && i < 10 && !self->has_enough; i++) {
        uint64_t who, key = (self->chance = self->chance * 69069 + 1) % (1u << 24) % KEYS;
        rc = koken_ring_find(self->now.ring, key, &who);
        rc = rc < 0 ? rc : koken_signal(self->now.shards.of[who], add, .key = key, .amount = 1);
        self->sent += rc >= 0;
    }
    rc =
        rc == -EAGAIN ? 0 : rc; /* it waits for room at one shard, and another is full too: later */
    self->has_enough = self->has_enough || self->sent >= ADDS_MAX;
    return rc < 0 || self->has_enough ? rc : koken_signal(koken_self(ctx), count_on);
}

static int on_use_ring(koken_ctx *ctx, struct client *self, const struct use_ring *msg)
{
    self->has_enough = self->has_enough || !msg->ring;
    self->now = *msg;
    return koken_reply(ctx, sum, .value = self->sent);
}

KOKEN_AGENT(client, struct client, KOKEN_ON(count_on, on_count), KOKEN_ON(use_ring, on_use_ring));

/* All clients use that ring, or (NULL) none any more. Answers how much they have sent. */
static uint64_t tell_clients(koken_ctx *ctx, struct town *town, const struct koken_ring *ring)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sum sum = {0};
        town->failures += koken_await(ctx, town->clients[i], KOKEN_S(10), &sum, use_ring,
                                      .ring = ring, .shards = town->shards) < 0;
        total += sum.value;
    }
    return total;
}

/* The sum of what the shards have when all that was sent to them before is done. */
static uint64_t ask_shards(koken_ctx *ctx, struct town *town)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct sum sum = {0};
        bool is_there = !koken_is_nobody(town->shards.of[i]);
        town->failures +=
            is_there && koken_await(ctx, town->shards.of[i], KOKEN_S(10), &sum, ask_sum) < 0;
        total += sum.value;
    }
    return total;
}

struct change {
    struct town *town;
    uint64_t who;
    bool comes;
};

/* A key moves. Who takes it over is told first, and so passes nothing on that the other sends. */
static void move(void *arg, uint64_t key, uint64_t from, uint64_t to)
{
    const struct change *change = arg;
    struct town *town = change->town;
    koken_ref taker = town->shards.of[to];
    town->moved++;
    town->failures += (change->comes ? to : from) != change->who; /* it need not have moved */
    town->failures += koken_signal(taker, own, .key = key) < 0;
    town->failures += koken_signal(town->shards.of[from], hand_over, .key = key, .to = taker) < 0;
}

static int reshard(koken_ctx *ctx, unsigned version, struct change change)
{
    struct town *town = change.town;
    uint64_t keys[KEYS];
    struct koken_ring *before = town->rings[version - 1], *after = NULL;
    int rc = koken_ring_copy(before, &after);
    town->rings[version] = after;
    if (rc == 0) {
        rc = change.comes ? koken_ring_add(after, change.who, 1)
                          : koken_ring_remove(after, change.who);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        keys[i] = i;
    }
    town->moved = 0;
    rc = rc < 0 ? rc : koken_ring_moves(before, after, keys, KEYS, move, &change);
    if (rc < 0) {
        return rc;
    }
    (void)tell_clients(ctx, town, after); /* nobody uses the old ring any more, */
    (void)ask_shards(ctx, town);          /* what came by it has been passed on, */
    (void)ask_shards(ctx, town);          /* and has arrived */
    printf("shard %" PRIu64 " %s: %u of %d keys move, all %s it\n", change.who,
           change.comes ? "comes" : "goes", town->moved, KEYS, change.comes ? "to" : "from");
    rc = 0;
    if (!change.comes) {
        rc = koken_exit(town->shards.of[change.who]); /* its counts would be missing */
        town->shards.of[change.who] = KOKEN_NOBODY;
    }
    return rc;
}

static int grow_and_shrink(koken_ctx *ctx, struct town *town)
{
    const struct change changes[CHANGES] = {
        {town, 3, true}, {town, 4, true}, {town, 0, false}, {town, 3, false}, {town, 5, true}};
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < CHANGES; i++) {
        rc = reshard(ctx, i + 1, changes[i]);
    }
    uint64_t sent = tell_clients(ctx, town, NULL), counted = ask_shards(ctx, town);
    printf("%s, failures: %u\n",
           sent == counted && sent > 0 ? "all that was sent is counted" : "NOT all is counted",
           town->failures);
    return rc < 0 || town->failures > 0 || sent != counted ? -1 : 0;
}

static int town_body(koken_ctx *ctx, void *unused, const void *arg)
{
    struct town *town = *(struct town *const *)arg;
    struct ask_sum asked;
    int rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, ask_sum, &asked);
    (void)unused;
    rc = rc < 0 ? rc : grow_and_shrink(ctx, town);
    return rc < 0 ? rc : koken_reply(ctx, sum, .value = 1);
}

KOKEN_FIBER(town, char, town_body);

/* Three shards and the clients, who begin at once. */
static int open_town(struct koken *rt, struct town *town)
{
    int rc = koken_ring_new(NULL, &town->rings[0]);
    for (unsigned i = 0; rc == 0 && i < SHARDS; i++) {
        rc = koken_try_spawn(rt, &town->shards.of[i], shard, .policy = KOKEN_POLICY_PARK);
        rc = rc == 0 && i < 3 ? koken_ring_add(town->rings[0], i, 1) : rc;
    }
    for (unsigned i = 0; rc == 0 && i < CLIENTS; i++) {
        struct client client = {.now = {town->rings[0], town->shards}, .chance = i};
        /* trusted: as use_ring */
        rc = koken_try_spawn(rt, &town->clients[i], client, KOKEN_ARG_TRUSTED(client));
        rc = rc == 0 ? koken_signal(town->clients[i], count_on) : rc;
    }
    return rc;
}

int main(void)
{
    struct koken *rt;
    struct sum done;
    struct town built = {0}, *town = &built;
    int rc = koken_start(NULL, &rt);
    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = open_town(rt, town);
    /* trusted: main looks at the town again when all has stopped */
    koken_ref keeper = koken_spawn(rt, town, KOKEN_ARG_TRUSTED(town));
    rc = rc < 0 ? rc : koken_await(rt, keeper, KOKEN_S(60), &done, ask_sum);
    bool is_stopped = koken_stop(rt, KOKEN_S(10)) == 0;
    for (unsigned i = 0; i <= CHANGES; i++) {
        koken_ring_free(town->rings[i]);
    }
    return rc < 0 || !is_stopped;
}
