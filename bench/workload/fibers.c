/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers: agents that receive with deadlines, choose what they receive, sleep, yield, and leave their worker
 * for calls that block, in place and on the pool; some are cancelled meanwhile. P1 and P3 for messages chosen
 * out of turn, P9 for waits.
 */
#include "bench/workload/workload.h"

#include <errno.h>

KOKEN_MESSAGE(billet, {
    uint32_t number;
    uint32_t kind;
});
KOKEN_MESSAGE(packet, { uint32_t number; });

struct postman {
    uint32_t unused;
};

static kn_atomic(uint64_t) posted, delivered;

static int add_one(void *arg)
{
    load_sleep(KOKEN_US(3));
    return *(int *)arg + 1;
}

/* What a fiber does between two messages. Negative: it has been asked to stop. */
static int pass_time(koken_ctx *ctx, uint32_t what)
{
    int value = 41, answer = 0, rc = 0;
    switch (what % 6) {
    case 0: return koken_sleep(ctx, KOKEN_US(what % 50));
    case 1: return koken_yield(ctx);
    case 2:
        koken_blocking_enter(ctx);
        load_sleep(KOKEN_US(2));
        koken_blocking_leave(ctx);
        return 0;
    case 3:
        rc = koken_blocking(ctx, add_one, &value, &answer);
        KOKEN_SIM_CHECK(rc != 0 || answer == 42);
        return rc == -ECANCELED ? rc : 0;
    default: return 0;
    }
}

static int serve(koken_ctx *ctx, struct postman *self, const void *arg)
{
    uint32_t last_billet = 0, last_packet = 0;
    uint64_t rng = *(const uint64_t *)arg;
    (void)self;
    for (;;) { /* ends: asked to stop, or nothing for long */
        struct koken_received got;
        struct packet chosen;
        uint32_t what = (uint32_t)kn_random(&rng);
        int rc = what & 1 ? koken_receive_only(ctx, KOKEN_US(what % 100), packet, &chosen)
                          : koken_receive(ctx, KOKEN_MS(2), &got);
        bool is_packet = rc == 0 && ((what & 1) || got.type == &koken_type_packet);
        if (is_packet) {
            uint32_t number =
                what & 1 ? chosen.number : ((const struct packet *)got.payload)->number;
            KOKEN_SIM_CHECK(number > last_packet);
            last_packet = number;
        } else if (rc == 0) {
            const struct billet *msg = got.payload;
            KOKEN_SIM_CHECK(msg->number > last_billet);
            last_billet = msg->number;
        }
        if (rc == 0) {
            load_count(&delivered);
            rc = pass_time(ctx, what >> 8);
        }
        if (rc == -ECANCELED || (rc == -ETIMEDOUT && !(what & 1))) {
            return 0;
        }
    }
}

KOKEN_FIBER(postman, struct postman, serve);

void load_fibers(struct load *load)
{
    koken_ref postmen[4];
    unsigned count = 1 + (unsigned)load_below(load, 4);
    bool has_ended = false;
    load_clear(&posted);
    load_clear(&delivered);
    for (unsigned i = 0; i < count; i++) {
        uint64_t seed = load_below(load, UINT32_MAX);
        postmen[i] = koken_spawn(load->rt, postman, .arg = &seed, .arg_size = sizeof seed);
    }
    for (uint32_t i = 1; i <= 12 * load->scale; i++) {
        koken_ref to = postmen[load_below(load, count)];
        int rc = load_below(load, 2) ? koken_signal(to, billet, .number = i)
                                     : koken_signal(to, packet, .number = i);
        if (rc >= 0) {
            load_count(&posted);
        }
        if (load_below(load, 16) == 0) {
            load_sleep(load_below(load, KOKEN_US(50)));
        }
    }
    if (load_below(load, 3) == 0) {
        has_ended = koken_exit(postmen[load_below(load, count)]) == 0;
    }
    struct koken_metrics m;
    if (!load_settle(load)) {
        return;
    }
    for (unsigned i = 0; i < load_looks(5000); i++) { /* each ends when nothing has come for 2 ms */
        koken_metrics(load->rt, &m);
        if (m.alive == 0) {
            break;
        }
        load_sleep(KOKEN_US(100));
    }
    KOKEN_SIM_CHECK(load_read(&delivered) <= load_read(&posted));
    if (load_is_strict(load)) {
        KOKEN_SIM_CHECK(m.alive == 0);
        KOKEN_SIM_CHECK(has_ended || load_read(&delivered) + m.dead >= load_read(&posted));
        KOKEN_SIM_CHECK(m.failed == 0);
    }
}
