/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime of one thread for the programs of this folder: it has what koken/give.h needs, which is
 * koken_signal_, and hands messages out in the order of their coming. Deterministic, so that what a
 * program breaks it breaks every time.
 *
 * With KN_TSAN each agent is a thread of its own to ThreadSanitizer, on a stack of its own, and nothing but its messages
 * orders what it does after what others did: a race is reported in every run, although there is one thread.
 * This file is not instrumented then, and copies by hand, or its own queue would be seen.
 */
#include "market.h"

#include "caps/payload.h"
#include "caps/poison.h"

#ifdef KN_TSAN
#include <ucontext.h>

void *__tsan_create_fiber(unsigned flags);
void *__tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *at);
void __tsan_release(void *at);
#endif

enum { AGENTS_MAX = 32, QUEUE_MAX = 256, ROOM = 64 };

struct entry {
    koken_ref to;
    const struct koken_type *type;
    unsigned char payload[ROOM] __attribute__((aligned(32)));
};

struct agent {
    void *state;
    const struct koken_type *type;
    market_handler fn;
    uint64_t taken; /* a sink refuses every third message, so that refusals happen */
    struct entry now;
    struct stage *stage;
};

static struct agent agents[AGENTS_MAX];
static unsigned agent_count;
static struct entry queue[QUEUE_MAX];
static unsigned queue_first;
static unsigned queue_count;
static volatile long used;
static struct order *kept;
static int is_stashed; /* the message at hand */

static void copy_bytes(void *to, const void *from, size_t size)
{
    volatile unsigned char *at = to; /* or the compiler makes it a memcpy */
    const unsigned char *source = from;

    for (size_t i = 0; i < size; i++) {
        at[i] = source[i];
    }
}

/* Handles the message at hand, and gives back what is left in it. */
static void handle_now(struct agent *agent)
{
    struct entry *entry = &agent->now;

    kn_payload_claim(entry->type, entry->payload);
    is_stashed = 0;
    if (agent->fn != NULL && entry->type == agent->type) {
        (void)agent->fn(NULL, agent->state, entry->payload);
    }
    if (is_stashed) { /* and brought back at once */
        (void)koken_signal_(entry->to, entry->type, entry->payload);
    } else if (entry->type->drop != NULL) {
        entry->type->drop(entry->payload);
    }
    kn_asan_poison(entry->payload, ROOM); /* as the runtime does with a message that was handled */
}

#ifdef KN_TSAN
enum { STACK = 256 * 1024, NO_SYNC = 1 };

struct stage {
    ucontext_t here;
    void *fiber;
    unsigned char stack[STACK];
};
static ucontext_t back;
static void *home;
static struct agent *acting;
static const struct entry *received;

static void stage_sent(struct entry *entry)
{
    __tsan_release(entry);
}

static void act(void)
{
    for (;;) { /* until the program ends */
        __tsan_acquire((void *)(uintptr_t)received);
        handle_now(acting);
        __tsan_switch_to_fiber(home, NO_SYNC);
        swapcontext(&acting->stage->here, &back);
    }
}

/* At its birth: what is done later is not ordered before what the agent does. */
static void stage_begin(struct agent *agent)
{
    struct stage *stage = malloc(sizeof *stage);

    if (stage == NULL) {
        abort();
    }
    agent->stage = stage;
    stage->fiber = __tsan_create_fiber(0);
    getcontext(&stage->here);
    stage->here.uc_stack.ss_sp = stage->stack;
    stage->here.uc_stack.ss_size = STACK;
    makecontext(&stage->here, act, 0);
}

static void stage_run(struct agent *agent, const struct entry *entry)
{
    acting = agent;
    received = entry;
    home = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(agent->stage->fiber, NO_SYNC);
    swapcontext(&back, &agent->stage->here);
}
#else
static void stage_begin(struct agent *agent)
{
    (void)agent;
}

static void stage_sent(struct entry *entry)
{
    (void)entry;
}

static void stage_run(struct agent *agent, const struct entry *entry)
{
    (void)entry;
    handle_now(agent);
}
#endif

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
    copy_bytes(entry->payload, payload, type->size);
    stage_sent(entry);
    return 0;
}

/* Nobody asks here, so there is nobody to answer. */
int koken_reply_(koken_ctx *ctx, const struct koken_type *type, const void *payload)
{
    (void)ctx;
    (void)type;
    (void)payload;
    return -EINVAL;
}

int koken_answer_(koken_claim claim, const struct koken_type *type, const void *payload)
{
    (void)claim;
    (void)type;
    (void)payload;
    return -EINVAL;
}

int koken_await_handle_rt_(struct koken *rt, const struct koken_await_call *call)
{
    (void)rt;
    (void)call;
    return -EINVAL;
}

int koken_await_handle_ctx_(koken_ctx *ctx, const struct koken_await_call *call)
{
    (void)ctx;
    (void)call;
    return -EINVAL;
}

int koken_request_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns, const struct koken_type *type,
                   const void *payload)
{
    (void)ctx;
    (void)to;
    (void)timeout_ns;
    (void)type;
    (void)payload;
    return -EINVAL;
}

koken_ref market_spawn_typed(size_t state_size, const struct koken_type *type, market_handler fn)
{
    koken_ref ref = {++agent_count};

    if (ref.id > AGENTS_MAX) {
        abort();
    }
    agents[ref.id - 1] = (struct agent){.state = calloc(1, state_size), .type = type, .fn = fn};
    stage_begin(&agents[ref.id - 1]);
    return ref;
}

/* The init of an agent runs at once, as if its maker had waited for it. */
koken_ref koken_spawn_rt_(struct koken *rt, const struct koken_agent_type *type,
                          const struct koken_spawn_options *options)
{
    koken_ref ref = market_spawn_typed(type->state_size, NULL, NULL);
    void *state = market_state(ref);

    (void)rt;
    for (unsigned i = 0; i < type->row_count; i++) {
        if (type->rows[i].kind == KOKEN_ROW_INIT) {
            (void)type->rows[i].handle(NULL, state, (void *)(uintptr_t)options->arg);
            return ref;
        }
    }
    if (!type->is_fiber && options != NULL && options->arg != NULL) {
        copy_bytes(state, options->arg, type->state_size);
    }
    return ref;
}

int koken_try_spawn_rt_(struct koken *rt, const struct koken_agent_type *type,
                        const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    *ret_ref = koken_spawn_rt_(rt, type, options);
    return 0;
}

int koken_try_spawn_ctx_(koken_ctx *ctx, const struct koken_agent_type *type,
                         const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    (void)ctx;
    return koken_try_spawn_rt_(NULL, type, options, ret_ref);
}

int koken_stash(koken_ctx *ctx)
{
    (void)ctx;
    is_stashed = 1;
    return 0;
}

void koken_unstash(koken_ctx *ctx)
{
    (void)ctx;
}

koken_ref koken_self(const koken_ctx *ctx)
{
    (void)ctx;
    return (koken_ref){kn_caps_agent};
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
        struct entry *entry = &queue[queue_first];
        struct agent *agent = &agents[entry->to.id - 1];

        queue_first = (queue_first + 1) % QUEUE_MAX;
        queue_count--;
        kn_caps_agent = entry->to.id;
        kn_asan_unpoison(agent->now.payload, ROOM);
        copy_bytes(&agent->now, entry, sizeof *entry);
        copy_bytes(entry->payload, &(struct entry){0}.payload, ROOM); /* it would hide a leak */
        stage_run(agent, entry);
        kn_caps_agent = 0;
    }
    return 0;
}
