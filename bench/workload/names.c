/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: agents that register, join a group, look each other up, ask to be told of room, and end. A name
 * leads to one agent or nobody; a name of one who has ended is free for the next; nobody waits for room in
 * vain.
 */
#include "bench/workload/workload.h"

#include <errno.h>

KOKEN_EVENT(begin);
KOKEN_MESSAGE(word, { uint32_t number; });

enum { NAMES = 3, TURNS = 6 };

static const char *const names[NAMES] = {"ko", "ken", "noh"};

struct citizen {
    uint64_t rng;
    uint32_t turns;
    uint32_t is_waiting; /* for koken_writable */
    kn_atomic(uint32_t) busy;
};

static kn_atomic(uint64_t) promised, told, sent, heard;

static int on_begin(koken_ctx *ctx, struct citizen *self, const struct begin *msg)
{
    (void)msg;
    load_enter(&self->busy);
    const char *name = names[kn_random(&self->rng) % NAMES];
    int rc = koken_register(ctx, name, koken_self(ctx));
    KOKEN_SIM_CHECK(rc == 0 || rc == -EALREADY || rc == -ENOMEM || rc == -ESHUTDOWN ||
                    rc == -ESRCH || rc == -EAGAIN);
    if (rc == 0) {
        koken_ref found = koken_whereis(ctx, name);
        KOKEN_SIM_CHECK(koken_ref_equal(found, koken_self(ctx)));
    }
    rc = koken_join(ctx, "all", koken_self(ctx));
    KOKEN_SIM_CHECK(rc == 0 || rc == -EALREADY || rc == -ENOMEM || rc == -ESHUTDOWN ||
                    rc == -EAGAIN);
    koken_ref other = koken_whereis(ctx, names[kn_random(&self->rng) % NAMES]);
    if (!koken_is_nobody(other)) {
        rc = koken_signal(other, word, .number = self->turns);
        if (rc >= 0) {
            load_count(&sent);
        }
        if (rc == -EAGAIN && !self->is_waiting && koken_notify_writable(ctx, other) == 0) {
            self->is_waiting = 1;
            load_count(&promised);
        }
    }
    bool goes_on = self->turns-- > 0 && koken_signal(koken_self(ctx), begin) >= 0;
    load_leave(&self->busy);
    return goes_on || self->is_waiting ? 0 : KOKEN_STOP;
}

static int on_word(koken_ctx *ctx, struct citizen *self, const struct word *msg)
{
    (void)ctx;
    (void)msg;
    load_enter(&self->busy);
    load_count(&heard);
    load_leave(&self->busy);
    return 0;
}

static int on_writable(koken_ctx *ctx, struct citizen *self, const struct koken_writable *msg)
{
    (void)ctx;
    (void)msg;
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(self->is_waiting);
    self->is_waiting = 0;
    load_count(&told);
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(citizen, struct citizen, KOKEN_ON(begin, on_begin), KOKEN_ON(word, on_word),
            KOKEN_ON(koken_writable, on_writable));

void load_names(struct load *load)
{
    load_clear(&promised);
    load_clear(&told);
    load_clear(&sent);
    load_clear(&heard);
    for (unsigned i = 0; i < (2 + load_below(load, 5)) * load->scale; i++) {
        struct citizen state = {.rng = load_below(load, UINT32_MAX), .turns = TURNS};
        koken_ref who =
            koken_spawn(load->rt, citizen, .arg = &state, .capacity = 3, .high = 3, .low = 1);
        (void)!koken_signal(who, begin);
    }
    koken_ref found = koken_whereis(load->rt, names[0]);
    if (!koken_is_nobody(found) && koken_signal(found, word, .number = 0) >= 0) {
        load_count(&sent);
    }
    if (!load_settle(load)) {
        return;
    }
    KOKEN_SIM_CHECK(load_read(&heard) <= load_read(&sent));
    KOKEN_SIM_CHECK(load_read(&told) <= load_read(&promised));
    if (load_is_strict(load)) {
        KOKEN_SIM_CHECK(load_read(&told) == load_read(&promised));
    }
}
