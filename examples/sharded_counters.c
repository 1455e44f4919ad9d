/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters by key, spread over agents by a ring. A fourth agent joins while counts are held: only the
 * keys that it takes over move, each with its count, and nothing is lost.
 */
#include <koken.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define KEYS 1000u
#define SHARDS 4u

KOKEN_MESSAGE(add, {
    uint64_t key;
    uint64_t amount;
});
KOKEN_MESSAGE(hand_over, { uint64_t key; });
KOKEN_MESSAGE(sum, { uint64_t value; });
KOKEN_EVENT(ask_sum);

struct shard {
    uint64_t count[KEYS];
};

static int on_add(koken_ctx *ctx, struct shard *self, const struct add *msg)
{
    (void)ctx;
    self->count[msg->key] += msg->amount;
    return 0;
}

static int on_hand_over(koken_ctx *ctx, struct shard *self, const struct hand_over *msg)
{
    uint64_t count = self->count[msg->key];

    self->count[msg->key] = 0;
    return koken_reply(ctx, sum, .value = count);
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

KOKEN_AGENT(shard, struct shard, KOKEN_ON(add, on_add), KOKEN_ON(hand_over, on_hand_over),
            KOKEN_ON(ask_sum, on_ask_sum));

/* The members' names in the ring are their places here. */
struct shards {
    struct koken *rt;
    koken_ref who[SHARDS];
    unsigned failures;
};

/* The moment of the hand-over: what was sent to the old shard before is counted before. */
static void move(void *arg, uint64_t key, uint64_t from, uint64_t to)
{
    struct shards *shards = arg;
    struct sum sum;
    int rc = koken_await(shards->rt, shards->who[from], KOKEN_S(10), &sum, hand_over, .key = key);

    rc = rc < 0 ? rc : koken_signal(shards->who[to], add, .key = key, .amount = sum.value);
    shards->failures += rc < 0;
}

static int add_to_all(const struct koken_ring *ring, const struct shards *shards)
{
    int rc = 0;

    for (uint64_t key = 0; rc >= 0 && key < KEYS; key++) {
        uint64_t name = 0;

        rc = koken_ring_find(ring, key, &name);
        rc = rc < 0 ? rc : koken_signal(shards->who[name], add, .key = key, .amount = 10);
    }
    return rc;
}

/* Counts on three shards, then on four: the keys that the fourth takes over bring their counts along. */
static int count(struct shards *shards, struct koken_ring *ring)
{
    struct koken_ring *after;
    uint64_t keys[KEYS], total = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        keys[i] = i;
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        shards->who[i] = koken_spawn(shards->rt, shard, .capacity = 100000);
        shards->failures += i < 3 && koken_ring_add(ring, i, 1) < 0;
    }
    shards->failures += add_to_all(ring, shards) < 0;
    int rc = koken_ring_copy(ring, &after);
    if (rc < 0) {
        return rc;
    }
    shards->failures += koken_ring_add(after, 3, 1) < 0;
    int moved = koken_ring_moves(ring, after, keys, KEYS, move, shards);
    shards->failures += add_to_all(after, shards) < 0;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct sum sum = {0};

        shards->failures += koken_await(shards->rt, shards->who[i], KOKEN_S(10), &sum, ask_sum) < 0;
        total += sum.value;
    }
    printf("a fourth shard took over %s a third of the keys\n",
           moved > 150 && moved < 333 ? "less than" : "NOT less than");
    printf("all counts together: %" PRIu64 ", failures: %u\n", total, shards->failures);
    koken_ring_free(after);
    return shards->failures > 0 ? -EPROTO : 0;
}

int main(void)
{
    struct shards shards = {0};
    struct koken_ring *ring;
    int rc = koken_start(NULL, &shards.rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = koken_ring_new(NULL, &ring);
    if (rc == 0) {
        rc = count(&shards, ring);
        koken_ring_free(ring);
    }
    return koken_stop(shards.rt, KOKEN_S(1)) < 0 || rc < 0;
}
