/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Churn: each agent begets the next one and stops the one that begot it. P5 each begins once and ends once,
 * and its handle reaches nobody afterwards, whoever has its slot by then (P4).
 */
#include "bench/workload/workload.h"

#include <errno.h>

KOKEN_MESSAGE(live, { koken_ref who; });

struct phoenix {
    uint32_t lives;
    koken_ref parent;
    kn_atomic(uint32_t) busy;
};

static kn_atomic(uint64_t) begun, ended;

static int on_begin(koken_ctx *ctx, struct phoenix *self, const void *arg);
static int on_live(koken_ctx *ctx, struct phoenix *self, const struct live *msg);
static void on_end(koken_ctx *ctx, struct phoenix *self, int reason);

KOKEN_AGENT(phoenix, struct phoenix, KOKEN_INIT(on_begin), KOKEN_EXIT(on_end),
            KOKEN_ON(live, on_live));

static int on_begin(koken_ctx *ctx, struct phoenix *self, const void *arg)
{
    (void)ctx;
    const struct phoenix *from = arg;
    self->lives = from->lives;
    self->parent = from->parent;
    load_count(&begun);
    return 0;
}

static void on_end(koken_ctx *ctx, struct phoenix *self, int reason)
{
    (void)ctx;
    (void)self;
    (void)reason;
    load_count(&ended);
}

static int on_live(koken_ctx *ctx, struct phoenix *self, const struct live *msg)
{
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(koken_ref_equal(msg->who, koken_self(ctx)));
    if (!koken_is_nobody(self->parent)) {
        (void)!koken_exit(self->parent);
        (void)!koken_signal(self->parent, live, .who = self->parent);
    }
    int rc = KOKEN_STOP;
    if (self->lives > 0) {
        struct phoenix next = {.lives = self->lives - 1, .parent = koken_self(ctx)};
        koken_ref child = koken_spawn(ctx, phoenix, .arg = &next, .arg_size = sizeof next);
        rc = koken_signal(child, live, .who = child) < 0 ? KOKEN_STOP : 0;
    }
    load_leave(&self->busy);
    return rc;
}

void load_churn(struct load *load)
{
    load_clear(&begun);
    load_clear(&ended);
    for (unsigned i = 0; i < 1 + load_below(load, 4); i++) {
        struct phoenix first = {.lives = 8 * load->scale};
        koken_ref who = koken_spawn(load->rt, phoenix, .arg = &first, .arg_size = sizeof first);
        (void)!koken_signal(who, live, .who = who);
    }
    if (!load_settle(load)) {
        return;
    }
    KOKEN_SIM_CHECK(load_read(&ended) <= load_read(&begun));
    if (load_is_strict(load) && !(load->faults & KOKEN_SIM_FULL)) {
        struct koken_metrics m;
        koken_metrics(load->rt, &m);
        KOKEN_SIM_CHECK(m.alive == 0);
        KOKEN_SIM_CHECK(load_read(&ended) == load_read(&begun));
        KOKEN_SIM_CHECK(m.spawned == load_read(&begun));
    }
}

void load_churn_after(struct load *load)
{
    (void)load;
    KOKEN_SIM_CHECK(load_read(&ended) == load_read(&begun));
}
