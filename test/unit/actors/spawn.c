/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves births: names are unique and never nobody (T037), each wrong option is -EINVAL (T012), what becomes
 * of .arg, init runs before the first message and its error is the spawn's, states of every size, and a
 * newborn may send, spawn, stop itself and block in its init.
 */
#include "test/support/runtime.h"

KOKEN_EVENT(ping);
KOKEN_MESSAGE(order, {
    uint32_t what;
    koken_ref to;
});

static kn_atomic(uint32_t) inits, pings, exits, failures;

static void clear(void)
{
    reset(&inits);
    reset(&pings);
    reset(&exits);
    reset(&failures);
}

/* ---- plain agents ------------------------------------------------------------------------------------------- */

struct small {
    uint32_t a, b;
};

static int on_ping(koken_ctx *ctx, struct small *self, const struct ping *msg)
{
    (void)ctx, (void)msg;
    expect(self->a == 17 && self->b == 4);
    (void)count(&pings);
    return 0;
}

KOKEN_AGENT(small, struct small, KOKEN_ON(ping, on_ping));

struct empty {
    char unused;
};

static int on_empty(koken_ctx *ctx, struct empty *self, const struct ping *msg)
{
    (void)ctx, (void)msg;
    expect(self->unused == 0);
    (void)count(&pings);
    return 0;
}

KOKEN_AGENT(empty, struct empty, KOKEN_ON(ping, on_empty));

/* Every impossible option is refused with -EINVAL, every possible edge is taken. */
Test(spawn, options_are_checked)
{
    static const struct koken_spawn_options bad[] = {
        {.capacity = KOKEN_CAPACITY_MAX + 1},  {.capacity = 10, .high = 11},
        {.capacity = 10, .high = 5, .low = 5}, {.capacity = 10, .high = 5, .low = 6},
        {.capacity = 10, .low = 10},           {.high = 1001},
        {.policy = KOKEN_POLICY_COUNT_},       {.policy = (enum koken_policy)99},
        {.priority = KOKEN_PRIORITY_COUNT_},   {.policy = KOKEN_POLICY_PARK, .capacity_bytes = 100},
    };
    static const struct koken_spawn_options good[] = {
        {.capacity = 1},
        {.capacity = 2},
        {.capacity = KOKEN_CAPACITY_MAX},
        {.capacity = 10, .high = 10, .low = 9},
        {.capacity = 10, .high = 1},
        {.high = 1000, .low = 999},
        {.policy = KOKEN_POLICY_GROW, .priority = KOKEN_PRIORITY_LOW},
        {.policy = KOKEN_POLICY_SIGNAL, .capacity = 5, .high = 5},
        {.policy = KOKEN_POLICY_DROP_OLD, .capacity = 1, .capacity_bytes = 1},
    };
    struct koken *rt = start(1);
    koken_ref ref = {77};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(koken_try_spawn_rt_(rt, &koken_agent_empty, &bad[i], &ref), -EINVAL, "bad %zu",
                     i);
        cr_assert_eq(ref.id, 77);
        cr_assert(koken_is_nobody(koken_spawn_rt_(rt, &koken_agent_empty, &bad[i])));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(koken_try_spawn_rt_(rt, &koken_agent_empty, &good[i], &ref), 0, "good %zu", i);
    }
    cr_assert_eq(koken_try_spawn_rt_(NULL, &koken_agent_empty, NULL, &ref), -EINVAL);
    cr_assert_eq(koken_try_spawn_rt_(rt, NULL, NULL, &ref), -EINVAL);
    cr_assert_eq(koken_try_spawn_rt_(rt, &koken_agent_empty, NULL, NULL), -EINVAL);
    cr_assert_eq(metrics(rt).spawned, sizeof good / sizeof good[0]);
    stop(rt);
}

/* Names are all different, never {0}, and each reaches its agent. */
Test(spawn, names_are_unique)
{
    enum { AGENTS = 5000 };
    static koken_ref refs[AGENTS];
    struct koken *rt = start(2);
    clear();
    for (int i = 0; i < AGENTS; i++) {
        refs[i] = koken_spawn(rt, empty);
        cr_assert(!koken_is_nobody(refs[i]));
        cr_assert(koken_alive(refs[i]));
    }
    for (int i = 0; i < AGENTS; i++) {
        for (int k = i + 1; k < AGENTS; k += 97) {
            cr_assert(!koken_ref_equal(refs[i], refs[k]));
        }
        cr_assert_eq(koken_signal(refs[i], ping), 0);
    }
    check_balance(rt, 0);
    cr_assert_eq(reading(&pings), AGENTS);
    stop(rt);
}

/* Without init the state is a copy of *arg, or zero. */
Test(spawn, state_starts_as_arg)
{
    struct koken *rt = start(1);
    clear();
    struct small arg = {17, 4};
    koken_ref who = koken_spawn(rt, small, .arg = &arg);
    arg.a = 0;
    cr_assert_eq(koken_signal(who, ping), 0);
    cr_assert_eq(koken_signal(koken_spawn(rt, empty), ping), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&pings), 2);
    stop(rt);
}

/* ---- states of every size ------------------------------------------------------------------------------- */

#define SIZED(NAME, SIZE)                                                                          \
    struct NAME {                                                                                  \
        unsigned char bytes[SIZE];                                                                 \
    };                                                                                             \
    static int on_##NAME(koken_ctx *ctx, struct NAME *self, const struct ping *msg)                \
    {                                                                                              \
        (void)ctx, (void)msg;                                                                      \
        for (size_t i = 0; i < sizeof self->bytes; i++) {                                          \
            expect(self->bytes[i] == 0);                                                           \
            self->bytes[i] = 0xaa;                                                                 \
        }                                                                                          \
        (void)count(&pings);                                                                       \
        return KOKEN_STOP;                                                                         \
    }                                                                                              \
    KOKEN_AGENT(NAME, struct NAME, KOKEN_ON(ping, on_##NAME))

SIZED(state1, 1);
SIZED(state64, 64);
SIZED(state65, 65);
SIZED(state200, 200);
SIZED(state256, 256);
SIZED(state257, 257);
SIZED(state5000, 5000);

struct spawner {
    uint32_t rounds;
};

/* From inside too: the memory of the last round is used again, and is zero again. */
static int on_spawner(koken_ctx *ctx, struct spawner *self, const struct ping *msg)
{
    (void)msg;
    koken_ref refs[7] = {koken_spawn(ctx, state1),   koken_spawn(ctx, state64),
                         koken_spawn(ctx, state65),  koken_spawn(ctx, state200),
                         koken_spawn(ctx, state256), koken_spawn(ctx, state257),
                         koken_spawn(ctx, state5000)};
    for (int i = 0; i < 7; i++) {
        expect(koken_signal(refs[i], ping) == 0);
    }
    return ++self->rounds < 300 ? koken_signal(koken_self(ctx), ping) : KOKEN_STOP;
}

KOKEN_AGENT(spawner, struct spawner, KOKEN_ON(ping, on_spawner));

Test(spawn, states_of_every_size_start_zero)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        clear();
        for (int i = 0; i < 20; i++) {
            koken_ref refs[4] = {koken_spawn(rt, state64), koken_spawn(rt, state65),
                                 koken_spawn(rt, state256), koken_spawn(rt, state5000)};
            for (int k = 0; k < 4; k++) {
                cr_assert_eq(koken_signal(refs[k], ping), 0);
            }
        }
        cr_assert_eq(koken_signal(koken_spawn(rt, spawner), ping), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&pings), 80 + 2100);
        cr_assert_eq(metrics(rt).alive, 0);
        stop(rt);
    }
}

/* ---- init ----------------------------------------------------------------------------------------------------- */

struct config {
    int answer; /* of init */
    char text[100];
};

struct born {
    uint32_t is_ready;
    struct config config;
};

static int on_init(koken_ctx *ctx, struct born *self, const void *arg)
{
    const struct config *config = arg;
    expect(koken_message_type(ctx) == NULL);
    expect(koken_alive(koken_self(ctx)));
    expect(self->is_ready == 0);
    (void)count(&inits);
    if (config) {
        self->config = *config;
        self->is_ready = config->answer == 0 || config->answer == KOKEN_PRESSURE;
        return config->answer;
    }
    self->is_ready = 1;
    return 0;
}

static int on_born_ping(koken_ctx *ctx, struct born *self, const struct ping *msg)
{
    (void)ctx, (void)msg;
    expect(self->is_ready == 1);
    (void)count(&pings);
    return 0;
}

static void on_born_exit(koken_ctx *ctx, struct born *self, int reason)
{
    (void)ctx;
    expect(self->is_ready == 1); /* not called when init failed */
    expect(reason == 0);
    (void)count(&exits);
}

KOKEN_AGENT(born, struct born, KOKEN_INIT(on_init), KOKEN_ON(ping, on_born_ping),
            KOKEN_EXIT(on_born_exit));

struct broad {
    uint64_t words[32];
};

static int on_broad(koken_ctx *ctx, struct broad *self, const struct ping *msg)
{
    (void)ctx, (void)msg;
    expect(self->words[0] == 1);
    expect(self->words[31] == 2);
    (void)count(&pings);
    return 0;
}

KOKEN_AGENT(broad, struct broad, KOKEN_ON(ping, on_broad));

/* An agent without init starts as a copy, which is as large as its state. */
Test(spawn, argument_is_the_first_state)
{
    struct koken *rt = start(1);
    struct broad first = {.words = {[0] = 1, [31] = 2}};
    koken_ref ref;
    clear();
    cr_assert_eq(koken_try_spawn(rt, &ref, broad, KOKEN_ARG(first)), 0);
    first.words[0] = 0;
    cr_assert_eq(koken_signal(ref, ping), 0);
    ref = koken_spawn(rt, broad, KOKEN_ARG((struct broad){.words = {[0] = 1, [31] = 2}}));
    cr_assert_eq(koken_signal(ref, ping), 0);
    cr_assert_eq(koken_try_spawn(rt, &ref, broad, KOKEN_ARG(first.words[1])), -EINVAL);
    drain(rt);
    cr_assert_eq(reading(&pings), 2);
    cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
    assert_nothing_wrong();
}

/* From outside: a copied arg does not wait, a borrowed one waits for init, whose error is the spawn's. */
Test(spawn, init_from_outside)
{
    struct koken *rt = start(2);
    struct config good = {0, "good"}, bad = {-EPERM, "bad"}, end = {KOKEN_STOP, "end"},
                  pressed = {KOKEN_PRESSURE, "goes on"};
    koken_ref ref = {5};
    clear();
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &good), 0);
    cr_assert_eq(reading(&inits), 1, "it has waited");
    cr_assert_eq(koken_signal(ref, ping), 0);
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &pressed), 0);
    cr_assert_eq(koken_signal(ref, ping), 0);
    cr_assert_eq(koken_try_spawn(rt, &ref, born), 0);
    cr_assert_eq(koken_signal(ref, ping), 0);
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &good, .arg_size = sizeof good), 0);
    memset(&good, 0xff, sizeof good);
    cr_assert_eq(koken_signal(ref, ping), 0);
    drain(rt);
    cr_assert_eq(reading(&pings), 4);
    ref = (koken_ref){5};
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &bad), -EPERM);
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &end), -ECANCELED);
    cr_assert_eq(ref.id, 5);
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &bad, .arg_size = sizeof bad), 0,
                 "it fails later");
    drain(rt);
    cr_assert_not(koken_alive(ref));
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg = &bad, .arg_size = 209), -EINVAL);
    cr_assert_eq(koken_try_spawn(rt, &ref, born, .arg_size = 8), -EINVAL);
    cr_assert_eq(koken_try_spawn(rt, &ref, small, .arg_size = 8), -EINVAL);
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).failed, 2);
    cr_assert_eq(reading(&exits), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
    cr_assert_eq(reading(&exits), 4);
    assert_nothing_wrong();
}

static int refuse_to_begin(koken_ctx *ctx, struct born *self, const void *arg)
{
    (void)ctx;
    (void)self;
    expect(arg == NULL);
    (void)count(&inits);
    return -EACCES;
}

KOKEN_AGENT(unwilling, struct born, KOKEN_INIT(refuse_to_begin));
KOKEN_AGENT(mute, struct born);

/* Without any arg, too, the spawn waits and answers what init said. An agent may have no rows at all. */
Test(spawn, init_without_an_argument_is_waited_for)
{
    struct koken *rt = start(1);
    koken_ref ref = {5};
    clear();
    for (uint32_t i = 1; i <= 100; i++) {
        cr_assert_eq(koken_try_spawn(rt, &ref, unwilling), -EACCES);
        cr_assert_eq(reading(&inits), i);
        cr_assert(koken_is_nobody(koken_spawn(rt, unwilling)));
        reset(&inits);
        (void)kn_add(&inits, i, relaxed);
    }
    cr_assert_eq(ref.id, 5);
    ref = koken_spawn(rt, mute);
    cr_assert_eq(koken_signal(ref, ping), 0);
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dead, 1, "nobody handles it");
    stop(rt);
}

struct parent {
    uint32_t unused;
};

static int on_parent(koken_ctx *ctx, struct parent *self, const struct ping *msg)
{
    struct config good = {0, "good"}, bad = {-EPERM, "bad"}, end = {KOKEN_STOP, "end"},
                  pressed = {KOKEN_PRESSURE, "goes on"};
    koken_ref ref = {5}, me = koken_self(ctx);
    (void)self, (void)msg;
    expect(koken_try_spawn(ctx, &ref, born, .arg = &good) == 0);
    expect(koken_signal(ref, ping) == 0);
    expect(koken_try_spawn(ctx, &ref, born, .arg = &pressed) == 0);
    expect(koken_signal(ref, ping) == 0);
    expect(koken_try_spawn(ctx, &ref, born) == 0);
    expect(koken_signal(ref, ping) == 0);
    ref.id = 5;
    expect(koken_try_spawn(ctx, &ref, born, .arg = &bad) == -EPERM);
    expect(koken_try_spawn(ctx, &ref, born, .arg = &end) == -ECANCELED);
    expect(ref.id == 5);
    expect(koken_ref_equal(koken_self(ctx), me));
    return koken_message_type(ctx) == &koken_type_ping ? 0 : -EPROTO;
}

KOKEN_AGENT(parent, struct parent, KOKEN_ON(ping, on_parent));

/* The same from inside, where init runs within the spawn. */
Test(spawn, init_from_inside)
{
    struct koken *rt = start(2);
    clear();
    koken_ref who = koken_spawn(rt, parent);
    cr_assert_eq(koken_signal(who, ping), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&pings), 3);
    cr_assert_eq(reading(&inits), 5);
    cr_assert(koken_alive(who));
    cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
    cr_assert_eq(reading(&exits), 3);
    assert_nothing_wrong();
}

/* ---- what a newborn may do --------------------------------------------------------------------------------- */

struct busy {
    uint32_t depth;
    uint32_t blocks;
};

static int on_busy_init(koken_ctx *ctx, struct busy *self, const void *arg);
static int on_busy_ping(koken_ctx *ctx, struct busy *self, const struct ping *msg);
static void on_busy_exit(koken_ctx *ctx, struct busy *self, int reason);

KOKEN_AGENT(busy, struct busy, KOKEN_INIT(on_busy_init), KOKEN_ON(ping, on_busy_ping),
            KOKEN_EXIT(on_busy_exit));

/* Sends to itself, spawns its own kind, and blocks, all before it is anybody. */
static int on_busy_init(koken_ctx *ctx, struct busy *self, const void *arg)
{
    self->depth = arg ? *(const uint32_t *)arg : 0;
    expect(koken_signal(koken_self(ctx), ping) == 0);
    koken_blocking_enter(ctx);
    kn_thread_yield();
    koken_blocking_leave(ctx);
    if (self->depth > 0) {
        uint32_t less = self->depth - 1;
        koken_ref me = koken_self(ctx), child = KOKEN_NOBODY;
        expect(koken_try_spawn(ctx, &child, busy, .arg = &less) == 0);
        expect(koken_ref_equal(koken_self(ctx), me));
        expect(koken_signal(child, ping) == 0);
    }
    expect(koken_signal(koken_self(ctx), ping) == 0);
    (void)count(&inits);
    return 0;
}

static int on_busy_ping(koken_ctx *ctx, struct busy *self, const struct ping *msg)
{
    (void)ctx, (void)msg, (void)self;
    (void)count(&pings);
    return 0;
}

static void on_busy_exit(koken_ctx *ctx, struct busy *self, int reason)
{
    (void)self, (void)reason;
    int rc = koken_signal(koken_self(ctx), ping); /* a dead letter */
    expect(rc == 0 || rc == -ESRCH);
    koken_blocking_enter(ctx);
    kn_thread_yield();
    koken_blocking_leave(ctx);
    (void)koken_spawn(ctx, empty); /* outlives nobody: the stop ends it */
    (void)count(&exits);
}

Test(spawn, hooks_may_send_spawn_and_block)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        clear();
        koken_ref roots[30];
        uint32_t depth = 5;
        for (int i = 0; i < 30; i++) {
            roots[i] = koken_spawn(rt, busy, .arg = &depth, .arg_size = sizeof depth);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&inits), 30 * 6);
        cr_assert_eq(reading(&pings), 30 * (6 * 2 + 5));
        for (int i = 0; i < 30; i++) {
            cr_assert_eq(koken_exit(roots[i]), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&exits), 30);
        stop(rt);
        cr_assert_eq(reading(&exits), 30 * 6);
    }
}

/* An init that asks its own agent to end is obeyed after the spawn. */
static int on_tired(koken_ctx *ctx, struct small *self, const void *arg)
{
    (void)self, (void)arg;
    return koken_exit(koken_self(ctx));
}

KOKEN_AGENT(tired, struct small, KOKEN_INIT(on_tired));

static int on_tired_parent(koken_ctx *ctx, struct parent *self, const struct ping *msg)
{
    (void)self, (void)msg;
    koken_ref ref = KOKEN_NOBODY;
    expect(koken_try_spawn(ctx, &ref, tired) == 0);
    expect(koken_alive(ref));
    return 0;
}

KOKEN_AGENT(tired_parent, struct parent, KOKEN_ON(ping, on_tired_parent));

Test(spawn, newborn_may_ask_itself_to_end)
{
    struct koken *rt = start(1);
    koken_ref who = koken_spawn(rt, tired_parent);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, ping), 0);
        cr_assert(!koken_is_nobody(koken_spawn(rt, tired)));
    }
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).exited, 30, "ten of them waited for an init");
    stop(rt);
}

/* An agent of one runtime spawns in another, with an init that is waited for. */
static struct koken *elsewhere;

static int on_emigrant(koken_ctx *ctx, struct parent *self, const struct ping *msg)
{
    struct config good = {0, "good"}, bad = {-EPERM, "bad"};
    koken_ref ref = KOKEN_NOBODY;
    (void)ctx, (void)self, (void)msg;
    expect(koken_try_spawn(elsewhere, &ref, born, .arg = &good) == 0);
    expect(koken_signal(ref, ping) == 0);
    expect(koken_try_spawn(elsewhere, &ref, born, .arg = &bad) == -EPERM);
    expect(koken_try_spawn(elsewhere, &ref, empty) == 0);
    expect(koken_signal(ref, ping) == 0);
    return 0;
}

KOKEN_AGENT(emigrant, struct parent, KOKEN_ON(ping, on_emigrant));

Test(spawn, in_another_runtime)
{
    struct koken *rt = start(1);
    clear();
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1}, &elsewhere), 0);
    koken_ref who = koken_spawn(rt, emigrant);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(koken_signal(who, ping), 0);
    }
    check_balance(rt, 0);
    check_balance(elsewhere, 0);
    cr_assert_eq(reading(&pings), 40);
    cr_assert_eq(koken_stop(elsewhere, KOKEN_S(10)), 0);
    stop(rt);
}
