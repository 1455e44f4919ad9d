/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: fibers and handlers send numbers through a few channels of small capacity, by turns, selects and
 * deadlines; some of them are stopped at any moment, and channels are closed. Each item comes out once, or is
 * still in; who is not stopped does not wait in vain (P1, P7, P14).
 */
#include "bench/workload/workload.h"

#include <koken/channel.h>

#include <errno.h>
#include <string.h>

enum { CHANNELS = 3, WORKERS_MAX = 12 };

KOKEN_MESSAGE(crate, { uint64_t value; });
KOKEN_EVENT(crate_go);

struct carrier {
    struct koken_channel *channels[CHANNELS];
    uint64_t count;
    uint64_t rng;
    uint32_t is_sender;
};

/* What went in and came out: numbers, and a sum that tells one from another. */
static kn_atomic(uint64_t) in_count, in_sum, out_count, out_sum;
static struct koken_channel *all[CHANNELS];

static void went_in(uint64_t value)
{
    load_count(&in_count);
    (void)kn_add(&in_sum, value, relaxed); /* relaxed: read when all is quiet */
}

static void came_out(uint64_t value)
{
    load_count(&out_count);
    (void)kn_add(&out_sum, value, relaxed); /* relaxed: as above */
}

/* One item by one channel, with or without a deadline. False: stop. */
static bool carry_by_one(struct carrier *self, uint64_t value)
{
    struct koken_channel *channel = self->channels[kn_random(&self->rng) % CHANNELS];
    uint64_t timeout = kn_random(&self->rng) % 3 ? KOKEN_US(30) : 0;
    struct crate item = {value};
    int rc = self->is_sender ? koken_channel_put(channel, timeout, crate, &item)
                             : koken_channel_recv(channel, timeout, crate, &item);
    if (rc == 0) {
        self->is_sender ? went_in(value) : came_out(item.value);
    }
    return rc != -ECANCELED && rc != -ENOMEM;
}

/* One item by any channel. False: stop. */
static bool carry_by_any(struct carrier *self, uint64_t value)
{
    struct crate out = {value}, in = {0};
    struct koken_case cases[CHANNELS];
    for (unsigned i = 0; i < CHANNELS; i++) {
        struct koken_case send = KOKEN_SEND_CASE(self->channels[i], crate, &out);
        struct koken_case recv = KOKEN_RECV_CASE(self->channels[i], crate, &in);
        cases[i] = self->is_sender ? send : recv;
    }
    int at = koken_select(cases, CHANNELS, KOKEN_US(50));
    if (at >= 0 && cases[at].rc == 0) {
        self->is_sender ? went_in(value) : came_out(in.value);
    }
    return at != -ECANCELED && at != -ENOMEM;
}

static int carry(koken_ctx *ctx, struct carrier *unused, const void *arg)
{
    struct carrier self = *(const struct carrier *)arg;
    (void)ctx;
    (void)unused;
    bool goes_on = true;
    for (uint64_t i = 1; goes_on && i <= self.count; i++) { /* ends: each try has a deadline */
        goes_on = kn_random(&self.rng) % 2 ? carry_by_one(&self, i) : carry_by_any(&self, i);
    }
    return 0;
}

KOKEN_FIBER(carrier, struct carrier, carry);

static int ask(koken_ctx *ctx, struct carrier *self)
{
    if (self->count == 0) {
        return KOKEN_STOP;
    }
    self->count--;
    struct koken_channel *channel = self->channels[kn_random(&self->rng) % CHANNELS];
    int rc = self->is_sender ? koken_channel_room_later(ctx, channel, KOKEN_US(40))
                             : koken_channel_receive_later(ctx, channel, KOKEN_US(40));
    return rc < 0 ? KOKEN_STOP : 0;
}

static int on_go(koken_ctx *ctx, struct carrier *self, const struct crate_go *msg)
{
    (void)msg;
    return ask(ctx, self);
}

static int on_crate(koken_ctx *ctx, struct carrier *self, const struct crate *msg)
{
    came_out(msg->value);
    return ask(ctx, self);
}

static int on_room(koken_ctx *ctx, struct carrier *self, const struct koken_channel_room *msg)
{
    uint64_t value = self->count + 1;
    if (koken_channel_try_send(msg->channel, crate, .value = value) == 0) {
        went_in(value);
    }
    return ask(ctx, self);
}

static int on_failed(koken_ctx *ctx, struct carrier *self, const struct koken_failed *msg)
{
    KOKEN_SIM_CHECK(msg->error < 0);
    return ask(ctx, self);
}

KOKEN_AGENT(clerk, struct carrier, KOKEN_ON(crate_go, on_go), KOKEN_ON(crate, on_crate),
            KOKEN_ON(koken_channel_room, on_room), KOKEN_ON(koken_failed, on_failed));

static void give_back(void)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        all[i] = koken_channel_unref(all[i]);
    }
}

/* Everything out of the channels. */
static void empty(void)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        struct crate item;
        while (koken_channel_try_recv(all[i], crate, &item) == 0) { /* ends: nobody sends */
            came_out(item.value);
        }
    }
}

static koken_ref spawn_one(struct load *load, bool *is_whole)
{
    struct carrier state = {.count = 1 + load_below(load, 20) * load->scale,
                            .rng = kn_random_seed(kn_random(&load->rng)),
                            .is_sender = (uint32_t)load_below(load, 2)};
    koken_ref who;
    memcpy(state.channels, all, sizeof all);
    if (load_below(load, 3) == 0) {
        who = koken_spawn(load->rt, clerk, .arg = &state);
        (void)!koken_signal(who, crate_go);
    } else {
        who = koken_spawn(load->rt, carrier, .arg = &state, .arg_size = sizeof state);
    }
    if (load_below(load, 5) == 0) {
        *is_whole = false; /* what is on its way to a clerk that ends is a dead letter */
        load_sleep(load_below(load, KOKEN_US(60)));
        (void)!koken_exit(who);
    }
    return who;
}

void load_channels(struct load *load)
{
    bool is_whole = true;
    load_clear(&in_count);
    load_clear(&in_sum);
    load_clear(&out_count);
    load_clear(&out_sum);
    give_back(); /* of a run before, that was cut */
    for (unsigned i = 0; i < CHANNELS; i++) {
        if (koken_channel_new(load->rt, &all[i], crate, load_below(load, 4)) < 0) {
            give_back();
            return;
        }
    }
    unsigned count = 2 + (unsigned)load_below(load, WORKERS_MAX - 1);
    koken_ref mortals[WORKERS_MAX];
    for (unsigned i = 0; i < count; i++) {
        mortals[i] = spawn_one(load, &is_whole);
    }
    load_doom(load, mortals, count);
    if (load_below(load, 4) == 0) {
        (void)!koken_channel_close(all[load_below(load, CHANNELS)]);
    }
    struct koken_metrics m;
    do { /* ends: every wait has a deadline, so all end */
        if (!load_settle(load)) {
            return;
        }
        load_sleep(KOKEN_US(100));
        koken_metrics(load->rt, &m);
    } while (m.alive > 0 && load_is_strict(load));
    if (m.alive == 0) {
        empty();
        uint64_t in = load_read(&in_count), out = load_read(&out_count);
        KOKEN_SIM_CHECK(out <= in);
        KOKEN_SIM_CHECK(!is_whole || load->has_death || !load_is_strict(load) ||
                        (in == out && load_read(&in_sum) == load_read(&out_sum)));
        give_back();
    }
}

void load_channels_after(struct load *load)
{
    (void)load;
    empty();
    KOKEN_SIM_CHECK(load_read(&out_count) <= load_read(&in_count));
    give_back();
}
