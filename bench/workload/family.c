/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Family: supervised agents that fail, and watchers that monitor agents that end. P13 each failure is seen by
 * its supervisor; each monitor brings exactly one word of the end.
 */
#include "bench/workload/workload.h"

#include <errno.h>

enum { MORTALS_MAX = 6, CHILDREN = 3 };

KOKEN_EVENT(work);
KOKEN_EVENT(look);

static kn_atomic(uint64_t) watched, heard, born, died;

/* ---- supervised --------------------------------------------------------------------------------- */

struct child {
    kn_atomic(uint32_t) busy;
};

static int on_birth(koken_ctx *ctx, struct child *self, const void *arg)
{
    (void)self;
    (void)arg;
    load_count(&born);
    return koken_signal(koken_self(ctx), work) < 0 ? -ENOMEM : 0;
}

static void on_death(koken_ctx *ctx, struct child *self, int reason)
{
    (void)ctx;
    (void)self;
    (void)reason;
    load_count(&died);
}

/* The first few births fail, so that supervisors have something to do and come to rest. */
static int on_work(koken_ctx *ctx, struct child *self, const struct work *msg)
{
    (void)ctx;
    (void)msg;
    load_enter(&self->busy);
    load_leave(&self->busy);
    return load_read(&born) < 6 ? -EPROTO : 0;
}

KOKEN_AGENT(child, struct child, KOKEN_INIT(on_birth), KOKEN_EXIT(on_death),
            KOKEN_ON(work, on_work));

/* ---- watched ------------------------------------------------------------------------------------ */

struct mortal {
    uint32_t unused;
};

static int on_mortal_work(koken_ctx *ctx, struct mortal *self, const struct work *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    return KOKEN_STOP;
}

KOKEN_AGENT(mortal, struct mortal, KOKEN_ON(work, on_mortal_work));

struct watcher {
    koken_ref mortals[MORTALS_MAX];
    int32_t numbers[MORTALS_MAX]; /* of monitors that have not been heard of */
    kn_atomic(uint32_t) busy;
};

static int on_look(koken_ctx *ctx, struct watcher *self, const struct look *msg)
{
    (void)msg;
    load_enter(&self->busy);
    for (unsigned i = 0; i < MORTALS_MAX; i++) {
        self->numbers[i] = koken_monitor(ctx, self->mortals[i]);
        KOKEN_SIM_CHECK(self->numbers[i] > 0 || self->numbers[i] == -ENOMEM ||
                        self->numbers[i] == -ESHUTDOWN);
        if (self->numbers[i] > 0) {
            load_count(&watched);
        }
        (void)!koken_signal(self->mortals[i], work);
    }
    load_leave(&self->busy);
    return 0;
}

static int on_down(koken_ctx *ctx, struct watcher *self, const struct koken_down *msg)
{
    (void)ctx;
    bool is_known = false;
    load_enter(&self->busy);
    for (unsigned i = 0; i < MORTALS_MAX; i++) {
        if (self->numbers[i] == (int32_t)msg->number &&
            koken_ref_equal(self->mortals[i], msg->who)) {
            self->numbers[i] = 0;
            is_known = true;
        }
    }
    KOKEN_SIM_CHECK(is_known); /* once, and of one that was asked about */
    /* -ESRCH: it was ending when it was asked about, and may be at that still. */
    KOKEN_SIM_CHECK(msg->reason == -ESRCH || !koken_alive(msg->who));
    load_count(&heard);
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(watcher, struct watcher, KOKEN_ON(look, on_look), KOKEN_ON(koken_down, on_down));

static void start_watchers(struct load *load)
{
    struct watcher state = {.numbers = {0}};
    for (unsigned i = 0; i < MORTALS_MAX; i++) {
        state.mortals[i] = koken_spawn(load->rt, mortal);
    }
    for (unsigned i = 0; i < 1 + load_below(load, 2); i++) {
        (void)!koken_signal(koken_spawn(load->rt, watcher, .arg = &state), look);
    }
    load_doom(load, state.mortals, MORTALS_MAX);
    if (load_below(load, 2) == 0) {
        (void)!koken_exit(state.mortals[load_below(load, MORTALS_MAX)]);
    }
    /* A watcher without memory for its own work tells nobody: then nobody ends by it. */
    for (unsigned i = 0; i < MORTALS_MAX; i++) {
        (void)!koken_signal(state.mortals[i], work);
    }
}

void load_family(struct load *load)
{
    static struct koken_child children[CHILDREN]; /* both last as long as the supervisor */
    static struct koken_supervisor family;
    for (unsigned i = 0; i < CHILDREN; i++) {
        children[i] = (struct koken_child){.type = KOKEN_AGENT_TYPE(child)};
    }
    family = (struct koken_supervisor){
        .children = children,
        .child_count = CHILDREN,
        .strategy = (enum koken_strategy)load_below(load, 3),
        .intensity = 1 + (uint32_t)load_below(load, 10),
    };
    koken_ref who = {0};
    load_clear(&watched);
    load_clear(&heard);
    load_clear(&born);
    load_clear(&died);
    int rc = koken_supervise(load->rt, &family, &who);
    KOKEN_SIM_CHECK(rc == 0 || rc == -ENOMEM || rc == -EPROTO || !load_is_strict(load));
    start_watchers(load);
    if (!load_settle(load)) {
        return;
    }
    KOKEN_SIM_CHECK(load_read(&heard) <= load_read(&watched));
    KOKEN_SIM_CHECK(load_read(&died) <= load_read(&born));
    if (load_is_strict(load)) {
        struct koken_metrics m;
        koken_metrics(load->rt, &m);
        bool is_full = (load->faults & KOKEN_SIM_FULL) != 0;
        KOKEN_SIM_CHECK(is_full || load_read(&heard) == load_read(&watched));
        uint64_t living = load_read(&born) - load_read(&died);
        KOKEN_SIM_CHECK(living == (koken_alive(who) ? CHILDREN : 0));
    }
}
