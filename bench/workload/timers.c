/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: armed with random delays, some cancelled again, by their owner as they must be. P8 each fires once
 * and not early, or was cancelled; never both, and never neither.
 */
#include "bench/workload/workload.h"

#include <errno.h>

enum { ARMED_MAX = 12 };

KOKEN_EVENT(arm);
KOKEN_MESSAGE(due, {
    uint64_t at_ns;
    uint32_t index;
});

struct clock {
    uint64_t rng;
    kn_atomic(uint32_t) busy;
    koken_timer timers[ARMED_MAX];
    uint8_t is_settled[ARMED_MAX];
};

static kn_atomic(uint64_t) armed, fired, cancelled;

static void settle(struct clock *self, uint32_t index)
{
    KOKEN_SIM_CHECK(!self->is_settled[index]);
    self->is_settled[index] = 1;
}

static int on_arm(koken_ctx *ctx, struct clock *self, const struct arm *msg)
{
    (void)msg;
    load_enter(&self->busy);
    for (uint32_t i = 0; i < ARMED_MAX; i++) {
        uint64_t delay = kn_random(&self->rng) % (i % 3 == 0 ? KOKEN_US(5) : KOKEN_MS(3));
        uint64_t at = koken_now() + delay;
        self->timers[i] = koken_after(ctx, delay, due, .at_ns = at, .index = i);
        if (self->timers[i].id == 0) {
            self->is_settled[i] = 1; /* no memory for it */
        } else {
            load_count(&armed);
        }
    }
    load_leave(&self->busy);
    return 0;
}

static int on_due(koken_ctx *ctx, struct clock *self, const struct due *msg)
{
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(koken_now() >= msg->at_ns);
    settle(self, msg->index);
    load_count(&fired);
    uint32_t other = (uint32_t)(kn_random(&self->rng) % ARMED_MAX);
    if (!self->is_settled[other] && koken_cancel(ctx, self->timers[other]) == 0) {
        settle(self, other);
        load_count(&cancelled);
    }
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(clock, struct clock, KOKEN_ON(arm, on_arm), KOKEN_ON(due, on_due));

void load_timers(struct load *load)
{
    load_clear(&armed);
    load_clear(&fired);
    load_clear(&cancelled);
    for (unsigned i = 0; i < (1 + load_below(load, 4)) * load->scale; i++) {
        struct clock state = {.rng = load_below(load, UINT32_MAX)};
        koken_ref who = koken_spawn(load->rt, clock, .arg = &state);
        (void)!koken_signal(who, arm);
        if (load_below(load, 8) == 0) {
            load_sleep(load_below(load, KOKEN_MS(1)));
        }
    }
    /* At the latest a delay, and what misfortune adds to it. */
    for (unsigned i = 0; i < load_looks(200); i++) {
        if (!load_settle(load)) {
            return;
        }
        if (load_read(&fired) + load_read(&cancelled) >= load_read(&armed)) {
            break;
        }
        load_sleep(KOKEN_MS(1));
    }
    KOKEN_SIM_CHECK(load_read(&fired) + load_read(&cancelled) <= load_read(&armed));
    if (load_is_strict(load)) {
        KOKEN_SIM_CHECK(load_read(&fired) + load_read(&cancelled) == load_read(&armed));
    }
}
