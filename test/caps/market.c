/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime of one thread for the programs of this folder: it has what koken/give.h needs, which is
 * koken_signal_, and hands messages out in the order of their coming. Deterministic, so that what a
 * program breaks it breaks every time.
 */
#include "market.h"

#include "caps/payload.h"

enum { AGENTS_MAX = 32, QUEUE_MAX = 256, ROOM = 64 };

struct agent {
    void *state;
    const struct koken_type *type;
    market_handler fn;
    uint64_t taken; /* a sink refuses every third message, so that refusals happen */
};

struct entry {
    koken_ref to;
    const struct koken_type *type;
    unsigned char payload[ROOM] __attribute__((aligned(32)));
};

static struct agent agents[AGENTS_MAX];
static unsigned agent_count;
static struct entry queue[QUEUE_MAX];
static unsigned queue_first;
static unsigned queue_count;
static volatile long used;
static struct order *kept;

int koken_signal_(koken_ref to, const struct koken_type *type, const void *payload)
{
    struct agent *agent = &agents[to.id - 1];
    struct entry *entry = &queue[(queue_first + queue_count) % QUEUE_MAX];

    if (to.id == 0 || to.id > agent_count) {
        return -ESRCH;
    }
    if (queue_count == QUEUE_MAX || type->size > ROOM ||
        (agent->fn == NULL && ++agent->taken % 3 == 0)) {
        return -EAGAIN;
    }
    queue_count++;
    entry->to = to;
    entry->type = type;
    memcpy(entry->payload, payload, type->size);
    return 0;
}

koken_ref market_spawn_typed(size_t state_size, const struct koken_type *type, market_handler fn)
{
    koken_ref ref = {++agent_count};

    if (ref.id > AGENTS_MAX) {
        abort();
    }
    agents[ref.id - 1] = (struct agent){calloc(1, state_size), type, fn, 0};
    return ref;
}

koken_ref market_sink(void)
{
    return market_spawn_typed(1, NULL, NULL);
}

koken_ref market_first(void)
{
    for (unsigned i = 0; i < agent_count; i++) {
        if (agents[i].fn == NULL) {
            return (koken_ref){i + 1};
        }
    }
    return market_sink();
}

void *market_state(koken_ref agent)
{
    return agents[agent.id - 1].state;
}

void market_feed(koken_ref agent, int orders)
{
    for (int i = 0; i < orders; i++) {
        koken_iso(order, o) = koken_new(order);

        if (koken_none(o)) {
            abort();
        }
        koken_mut(o)->id = i;
        koken_post(agent, o);
    }
}

void market_letter_typed(koken_ref to, const struct koken_type *type, void *letter)
{
    if (koken_signal_(to, type, letter) < 0) {
        type->drop(letter);
    }
}

void market_route(koken_ref to, order_iso h)
{
    koken_owned(h);
    koken_post(to, h);
}

void market_keep(struct order *order)
{
    kept = order;
}

void market_touch(void)
{
    kept->price = 1;
}

void market_use(long number)
{
    used += number;
}

long market_limit(void)
{
    return 50 + used % 2;
}

int market_run(void)
{
    while (queue_count > 0) {
        struct entry entry = queue[queue_first];
        struct agent *agent = &agents[entry.to.id - 1];

        queue_first = (queue_first + 1) % QUEUE_MAX;
        queue_count--;
        kn_caps_agent = entry.to.id;
        if (agent->fn != NULL && entry.type == agent->type) {
            (void)agent->fn(NULL, agent->state, entry.payload);
        }
        if (entry.type->drop != NULL) {
            entry.type->drop(entry.payload);
        }
        kn_caps_agent = 0;
    }
    return 0;
}
