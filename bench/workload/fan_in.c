/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fan-in: several sources, one slow sink with a small mailbox, every policy. P1 what was accepted is handled,
 * dropped or dead. P3 in order.
 */
#include "bench/workload/workload.h"

#include <errno.h>

enum { SOURCES_MAX = 6 };

KOKEN_MESSAGE(datum, {
    uint32_t from;
    uint32_t number;
});
KOKEN_EVENT(more);

struct sink {
    kn_atomic(uint32_t) busy;
    uint32_t last[SOURCES_MAX];
};

static kn_atomic(uint64_t) offered, taken;

static int on_datum(koken_ctx *ctx, struct sink *self, const struct datum *msg)
{
    (void)ctx;
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(msg->number > self->last[msg->from]);
    self->last[msg->from] = msg->number;
    load_count(&taken);
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(sink, struct sink, KOKEN_ON(datum, on_datum));

struct source {
    koken_ref to;
    uint32_t index, sent, wanted, tries;
};

static int on_more(koken_ctx *ctx, struct source *self, const struct more *msg)
{
    (void)msg;
    for (unsigned i = 0; i < 4 && self->sent < self->wanted; i++) {
        int rc = koken_signal(self->to, datum, .from = self->index, .number = self->sent + 1);
        if (rc < 0) {
            KOKEN_SIM_CHECK(rc == -EAGAIN || rc == -ESRCH || rc == -ENOMEM || rc == -EDEADLK ||
                            rc == -ESHUTDOWN);
            self->tries++;
            break;
        }
        self->sent++;
        load_count(&offered);
    }
    bool has_more = self->sent < self->wanted && self->tries < 50;
    return has_more && koken_signal(koken_self(ctx), more) >= 0 ? 0 : KOKEN_STOP;
}

KOKEN_AGENT(source, struct source, KOKEN_ON(more, on_more));

void load_fan_in(struct load *load)
{
    unsigned sources = 2 + (unsigned)load_below(load, SOURCES_MAX - 1);
    enum koken_policy policy = (enum koken_policy)(1 + load_below(load, KOKEN_POLICY_COUNT_ - 1));
    uint32_t capacity = 2 + (uint32_t)load_below(load, 8);
    load_clear(&offered);
    load_clear(&taken);
    koken_ref to = koken_spawn(load->rt, sink, .capacity = capacity, .policy = policy);
    for (uint32_t i = 0; i < sources; i++) {
        struct source state = {.to = to, .index = i, .wanted = 15 * load->scale};
        (void)!koken_signal(koken_spawn(load->rt, source, .arg = &state), more);
    }
    if (!load_settle(load)) {
        return;
    }
    struct koken_metrics m;
    koken_metrics(load->rt, &m);
    KOKEN_SIM_CHECK(load_read(&taken) <= load_read(&offered));
    KOKEN_SIM_CHECK(load_read(&offered) <= load_read(&taken) + m.dropped + m.dead);
    if (load_is_strict(load)) {
        KOKEN_SIM_CHECK(load_read(&offered) == load_read(&taken) + m.dropped + m.dead);
        KOKEN_SIM_CHECK(m.exited == sources);
        KOKEN_SIM_CHECK(m.failed == 0);
    }
}
