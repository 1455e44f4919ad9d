/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fair: some play ball and hand each other the turn, some are never done, some beget, for generations too, some come
 * from outside, on every level; beside them are the meek, who do one thing and rest. P6 in the simulator the scheduler measures how
 * long each of them was ready (sched/sim/fair.c); P1 here, that each has had its turns.
 */
#include "bench/workload/workload.h"

#include <errno.h>

enum { PAIRS_MAX = 3, MEEK_MAX = 12, GREEDY_MAX = 3, GENERATIONS = 300 };

KOKEN_MESSAGE(ball, { uint32_t left; });
KOKEN_MESSAGE(errand, { uint32_t left; });
KOKEN_MESSAGE(appetite, { uint32_t left; });

static koken_ref meek[MEEK_MAX];
static unsigned meek_count;
static kn_atomic(uint64_t) asked, done;

/* The turn was refused, as the runtime may: then it is not counted. */
static void expect(int rc)
{
    KOKEN_SIM_CHECK(rc >= 0 || rc == -EAGAIN || rc == -ESRCH || rc == -ESHUTDOWN || rc == -ENOMEM ||
                    rc == -EDEADLK);
}

struct meek {
    kn_atomic(uint32_t) busy;
};

static int on_errand(koken_ctx *ctx, struct meek *self, const struct errand *msg)
{
    (void)ctx;
    (void)msg;
    load_enter(&self->busy);
    load_count(&done);
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(meek, struct meek, KOKEN_ON(errand, on_errand));

static void send_errand(uint64_t at)
{
    int rc = koken_signal(meek[at % meek_count], errand, .left = 0);
    expect(rc);
    if (rc >= 0) {
        load_count(&asked);
    }
}

/* Plays with another one: who catches the ball runs next. */
struct player {
    koken_ref other;
    uint64_t rng;
};

static int on_ball(koken_ctx *ctx, struct player *self, const struct ball *msg)
{
    (void)ctx;
    if (kn_random(&self->rng) % 8 == 0) { /* somebody has to wait behind the ball */
        send_errand(kn_random(&self->rng));
    }
    if (msg->left > 0) {
        expect(koken_signal(self->other, ball, .left = msg->left - 1));
    }
    return 0;
}

static int on_partner(koken_ctx *ctx, struct player *self, const void *arg);
KOKEN_MESSAGE(partner, { koken_ref who; });

static int on_meeting(koken_ctx *ctx, struct player *self, const struct partner *msg)
{
    (void)ctx;
    self->other = msg->who;
    return 0;
}

KOKEN_AGENT(player, struct player, KOKEN_INIT(on_partner), KOKEN_ON(ball, on_ball),
            KOKEN_ON(partner, on_meeting));

static int on_partner(koken_ctx *ctx, struct player *self, const void *arg)
{
    (void)ctx;
    *self = *(const struct player *)arg;
    return 0;
}

/* Has always something left to do, and begets one that does an errand. */
struct glutton {
    uint64_t rng;
};

struct newborn {
    uint64_t at;
};

static int on_birth(koken_ctx *ctx, struct newborn *self, const void *arg)
{
    (void)ctx;
    *self = *(const struct newborn *)arg;
    return 0;
}

static int on_first(koken_ctx *ctx, struct newborn *self, const struct errand *msg)
{
    (void)ctx;
    (void)msg;
    send_errand(self->at);
    return KOKEN_STOP;
}

KOKEN_AGENT(newborn, struct newborn, KOKEN_INIT(on_birth), KOKEN_ON(errand, on_first));

static int on_appetite(koken_ctx *ctx, struct glutton *self, const struct appetite *msg)
{
    uint64_t chance = kn_random(&self->rng);
    if (chance % 4 == 0) {
        struct newborn state = {.at = chance >> 8};
        koken_ref who = koken_spawn(ctx, newborn, .arg = &state, .arg_size = sizeof state);
        expect(koken_signal(who, errand, .left = 0));
    } else if (chance % 4 == 1) {
        send_errand(chance >> 8);
    }
    if (msg->left > 0) {
        expect(koken_signal(koken_self(ctx), appetite, .left = msg->left - 1));
    }
    return 0;
}

KOKEN_AGENT(glutton, struct glutton, KOKEN_ON(appetite, on_appetite));

/* Begets the next of the line, which runs at once, and another, which has time: the oldest of these waits longest. */
struct ancestor {
    char unused;
};

KOKEN_MESSAGE(brood, { uint32_t left; });

static int on_brood(koken_ctx *ctx, struct ancestor *self, const struct brood *msg);

KOKEN_AGENT(ancestor, struct ancestor, KOKEN_ON(brood, on_brood));

static int on_brood(koken_ctx *ctx, struct ancestor *self, const struct brood *msg)
{
    (void)self;
    if (msg->left > 0) {
        struct newborn state = {.at = msg->left};
        koken_ref who = koken_spawn(ctx, newborn, .arg = &state, .arg_size = sizeof state);
        expect(koken_signal(who, errand, .left = 0));
        expect(koken_signal(koken_spawn(ctx, ancestor), brood, .left = msg->left - 1));
    }
    return KOKEN_STOP;
}

/* Mostly normal: other levels loosen the bound. */
static enum koken_priority draw_level(struct load *load, bool has_levels)
{
    return has_levels ? (enum koken_priority)load_below(load, KOKEN_PRIORITY_COUNT_)
                      : KOKEN_PRIORITY_DEFAULT;
}

static void start_pair(struct load *load, bool has_levels)
{
    struct player state = {.rng = load_below(load, UINT32_MAX)};
    enum koken_priority priority = draw_level(load, has_levels);
    koken_ref first = koken_spawn(load->rt, player, .arg = &state, .arg_size = sizeof state,
                                  .priority = priority);
    state.other = first;
    koken_ref second = koken_spawn(load->rt, player, .arg = &state, .arg_size = sizeof state,
                                   .priority = priority);
    expect(koken_signal(first, partner, .who = second));
    expect(koken_signal(first, ball, .left = (uint32_t)(60 * load->scale)));
}

void load_fair(struct load *load)
{
    bool has_levels = load_below(load, 3) == 0;
    load_clear(&asked);
    load_clear(&done);
    meek_count = 1 + (unsigned)load_below(load, MEEK_MAX);
    for (unsigned i = 0; i < meek_count; i++) {
        meek[i] = koken_spawn(load->rt, meek, .priority = draw_level(load, has_levels));
    }
    for (uint64_t i = 1 + load_below(load, PAIRS_MAX); i > 0; i--) {
        start_pair(load, has_levels);
    }
    for (uint64_t i = load_below(load, GREEDY_MAX + 1); i > 0; i--) {
        struct glutton state = {.rng = load_below(load, UINT32_MAX)};
        koken_ref who =
            koken_spawn(load->rt, glutton, .arg = &state, .priority = draw_level(load, has_levels));
        for (unsigned j = 0; j < 3; j++) { /* more than one turn may hold */
            expect(koken_signal(who, appetite, .left = (uint32_t)(10 * load->scale)));
        }
    }
    if (load_below(load, 4) == 0) {
        expect(koken_signal(koken_spawn(load->rt, ancestor), brood, .left = GENERATIONS));
    }
    for (unsigned i = 0; i < 20 * load->scale; i++) {
        send_errand(load_below(load, UINT32_MAX));
    }
    if (!load_settle(load)) {
        return;
    }
    KOKEN_SIM_CHECK(load_read(&done) <= load_read(&asked));
    if (load_is_strict(load)) {
        KOKEN_SIM_CHECK(load_read(&done) == load_read(&asked));
    }
}
