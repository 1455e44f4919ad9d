/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links: rings of linked agents of which one fails, some trap exits; a second runtime sends into the first and
 * stops while it does. P13: a failure reaches all that are linked, and who traps hears of each neighbour once.
 */
#include "bench/workload/workload.h"

#include <errno.h>

enum { RING = 5 };

KOKEN_MESSAGE(meet, { koken_ref next; });
KOKEN_EVENT(fail);
KOKEN_EVENT(hello);

struct friend
{
    kn_atomic(uint32_t) busy;
    uint32_t is_trapping;
    uint32_t heard;
};

static kn_atomic(uint64_t) linked, heard;

static int on_meet(koken_ctx *ctx, struct friend *self, const struct meet *msg)
{
    load_enter(&self->busy);
    if (self->is_trapping) {
        (void)!koken_trap_exits(ctx, true);
    }
    int rc = koken_link(ctx, msg->next);
    KOKEN_SIM_CHECK(rc == 0 || rc == -ESRCH || rc == -ENOMEM || rc == -EINVAL);
    if (rc == 0) {
        load_count(&linked);
    }
    load_leave(&self->busy);
    return 0;
}

static int on_fail(koken_ctx *ctx, struct friend *self, const struct fail *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    return -EPROTO;
}

static int on_hello(koken_ctx *ctx, struct friend *self, const struct hello *msg)
{
    (void)ctx;
    (void)msg;
    load_enter(&self->busy);
    load_leave(&self->busy);
    return 0;
}

static int on_exited(koken_ctx *ctx, struct friend *self, const struct koken_exited *msg)
{
    (void)ctx;
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(self->is_trapping);
    KOKEN_SIM_CHECK(++self->heard <= RING);
    KOKEN_SIM_CHECK(msg->reason <= 0);
    load_count(&heard);
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(friend, struct friend, KOKEN_ON(meet, on_meet), KOKEN_ON(fail, on_fail),
            KOKEN_ON(hello, on_hello), KOKEN_ON(koken_exited, on_exited));

/* ---- a runtime beside ---------------------------------------------------------------------------- */

struct stranger {
    koken_ref to[RING];
    uint32_t left;
};

static int on_stranger(koken_ctx *ctx, struct stranger *self, const struct hello *msg)
{
    (void)msg;
    (void)!koken_signal(self->to[self->left % RING], hello);
    return self->left-- > 0 && koken_signal(koken_self(ctx), hello) >= 0 ? 0 : KOKEN_STOP;
}

KOKEN_AGENT(stranger, struct stranger, KOKEN_ON(hello, on_stranger));

static void visit(struct load *load, const koken_ref *ring)
{
    struct koken_options options = {.workers = 1, .exact_workers = true, .seed = 1};
    struct koken *other;
    if (koken_start(&options, &other) < 0) {
        return;
    }
    struct stranger state = {.left = 20};
    for (unsigned i = 0; i < RING; i++) {
        state.to[i] = ring[i];
    }
    (void)!koken_signal(koken_spawn(other, stranger, .arg = &state), hello);
    load_sleep(load_below(load, KOKEN_US(20)));
    int rc = koken_stop(other, KOKEN_S(10));
    KOKEN_SIM_CHECK(rc == 0);
}

void load_links(struct load *load)
{
    koken_ref ring[RING];
    bool traps = load_below(load, 2) == 0;
    bool has_visitor = load_below(load, 2) == 0;
    load_clear(&linked);
    load_clear(&heard);
    for (unsigned i = 0; i < RING; i++) {
        struct friend state = {.is_trapping = traps && i % 2};
        ring[i] = koken_spawn(load->rt, friend, .arg = &state);
    }
    for (unsigned i = 0; i < RING; i++) {
        (void)!koken_signal(ring[i], meet, .next = ring[(i + 1) % RING]);
    }
    (void)!koken_signal(ring[load_below(load, RING)], fail);
    if (has_visitor) {
        visit(load, ring);
    }
    if (!load_settle(load)) {
        return;
    }
    if (load_is_strict(load) && !(load->faults & KOKEN_SIM_FULL) && !traps) {
        struct koken_metrics m;
        koken_metrics(load->rt, &m);
        KOKEN_SIM_CHECK(m.exited >= 1);
        KOKEN_SIM_CHECK(load_read(&heard) == 0);
    }
}
