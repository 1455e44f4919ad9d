/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behaviours of the whole runtime that no unit test is the place for: what the options say is what happens
 * (T012, T058), three refusals are three codes (T017), and profiles tell the busy from the idle (T053) and
 * count (T054); and the document's example of group and queue (T132). README.md beside this file says where the others are.
 */
#include "sched/worker.h"
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/group.h>
#include <koken/queue.h>

KOKEN_EVENT(tick);
KOKEN_MESSAGE(number, { uint32_t value; });

static kn_atomic(uint32_t) gate, entered, handled, ended;

static void clear(void)
{
    reset(&gate);
    reset(&entered);
    reset(&handled);
    reset(&ended);
}

/* ---- defaults ------------------------------------------------------------------------------------------------ */

struct slow {
    uint32_t next;
};

static int on_number(koken_ctx *ctx, struct slow *self, const struct number *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    (void)count(&entered);
    wait_for(&gate, reading(&handled) + 1); /* one at a time, as the gate says */
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(slow, struct slow, KOKEN_ON(number, on_number));

/* T012, T058: 1000 messages, refused at 800 waiting, accepted again at 200. */
Test(behaviours, a_mailbox_has_the_default_bounds)
{
    struct koken *rt = NULL;
    clear();
    kn_store(&wrong, NULL, relaxed);
    cr_assert_eq(koken_start(NULL, &rt), 0);
    koken_ref who = koken_spawn(rt, slow);
    for (uint32_t i = 0; i < 800; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0, "message %u", i);
    }
    cr_assert_eq(koken_signal(who, number, .value = 800), -EAGAIN);
    cr_assert_eq(koken_queued(who), 800u);
    kn_store(&gate, 500, release);
    wait_for(&entered, 501);
    cr_assert_eq(koken_signal(who, number, .value = 800), -EAGAIN, "about 300 wait");
    kn_store(&gate, 632, release); /* lengths are published every 32 messages */
    wait_for(&entered, 633);
    cr_assert_eq(koken_signal(who, number, .value = 800), 0, "less than 200 wait");
    kn_store(&gate, UINT32_MAX, release);
    koken_ref full = koken_spawn(rt, slow, .policy = KOKEN_POLICY_DROP_NEW);
    drain(rt);
    clear();
    for (uint32_t i = 0; i < 1500; i++) {
        cr_assert_eq(koken_signal(full, number, .value = i), 0);
    }
    cr_assert_eq(koken_queued(full), 1000u);
    kn_store(&gate, UINT32_MAX, release);
    cr_assert_eq(koken_stop(rt, KOKEN_S(60)), 0);
    assert_nothing_wrong();
}

/* ---- no stealing ------------------------------------------------------------------------------------------------ */

struct homely {
    uint32_t home; /* index of its worker + 1 */
    uint32_t ticks;
};

static int on_home_tick(koken_ctx *ctx, struct homely *self, const struct tick *msg)
{
    (void)msg;
    uint32_t here = kn_worker_current()->index + 1;
    expect(self->home == 0 || self->home == here);
    self->home = here;
    if (++self->ticks == 500) {
        (void)count(&ended);
        return KOKEN_STOP;
    }
    return koken_signal(koken_self(ctx), tick);
}

KOKEN_AGENT(homely, struct homely, KOKEN_ON(tick, on_home_tick));

/* T058: without stealing who wakes itself stays where it is; and there are as many workers as was said. */
Test(behaviours, options_are_kept)
{
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct koken *rt = start_with(workers, (struct koken_options){.no_stealing = true});
        clear();
        for (int i = 0; i < 50; i++) {
            cr_assert_eq(koken_signal(koken_spawn(rt, homely), tick), 0);
        }
        wait_for(&ended, 50);
        check_balance(rt, 0);
        cr_assert_eq(metrics(rt).steals, 0u);
        cr_assert_eq(metrics(rt).workers, workers);
        stop(rt);
    }
}

/* ---- codes --------------------------------------------------------------------------------------------------- */

static int look_for_codes(koken_ctx *ctx, struct slow *self, const void *arg)
{
    struct koken_received msg;
    koken_ref full = *(const koken_ref *)arg, dead;
    (void)self;
    expect(koken_receive(ctx, 0, &msg) == -ETIMEDOUT);
    int rc = 0;
    while (rc == 0) { /* ends: the mailbox is bounded */
        rc = koken_signal(full, number);
    }
    expect(rc == -EAGAIN);
    dead = koken_spawn(ctx, homely);
    expect(koken_exit(dead) == 0);
    while (koken_alive(dead)) { /* ends: it ends */
        expect(koken_yield(ctx) == 0);
    }
    expect(koken_signal(dead, tick) == -ESRCH);
    kn_store(&gate, UINT32_MAX, release);
    (void)count(&ended);
    return 0;
}

KOKEN_FIBER(looker, struct slow, look_for_codes);

/* T017: nothing there, no room, and nobody there are three codes. */
Test(behaviours, empty_full_and_dead_are_told_apart)
{
    struct koken *rt = start(2);
    clear();
    koken_ref full = koken_spawn(rt, slow, .capacity = 4);
    cr_assert(!koken_is_nobody(koken_spawn(rt, looker, .arg = &full, .arg_size = sizeof full)));
    wait_for(&ended, 1);
    check_balance(rt, 0);
    stop(rt);
}

/* ---- profiles ---------------------------------------------------------------------------------------------------- */

struct runner {
    uint32_t seen;
};

static int on_busy(koken_ctx *ctx, struct runner *self, const struct number *msg)
{
    uint64_t until = koken_now() + KOKEN_US(100);
    (void)self;
    while (koken_now() < until) {
        kn_pause();
    }
    return reading(&gate) ? KOKEN_STOP : koken_signal(koken_self(ctx), number, .value = msg->value);
}

/* A thousand times a second, until the gate opens. */
static int on_driver(koken_ctx *ctx, struct runner *self, const struct tick *msg)
{
    (void)msg;
    if (self->seen == 0) {
        expect(koken_every(ctx, KOKEN_MS(1), tick).id != 0);
    }
    self->seen++;
    (void)count(&handled);
    return reading(&gate) ? KOKEN_STOP : 0;
}

KOKEN_AGENT(busy, struct runner, KOKEN_ON(number, on_busy));
KOKEN_AGENT(driven, struct runner, KOKEN_ON(tick, on_driver));

/* T053: who never rests is above 0.9, who sleeps is below 0.1. */
Test(behaviours, profiles_tell_the_busy_from_the_idle, .timeout = 120)
{
    struct koken *rt = start(2);
    struct koken_profile b = {0}, i = {0};
    clear();
    koken_ref runs = koken_spawn(rt, busy), sleeps = koken_spawn(rt, driven);
    cr_assert_eq(koken_signal(runs, number), 0);
    cr_assert_eq(koken_signal(sleeps, tick), 0);
    while (b.cpu_intensity <= 0.9) { /* ends: or the test's time does */
        cr_assert_eq(koken_profile(runs, &b), 0);
        kn_thread_yield();
    }
    do { /* ends: or the test's time does; a tick that was held up looks busy for a while */
        cr_assert_eq(koken_profile(sleeps, &i), 0);
        kn_thread_yield();
    } while (i.messages == 0 || i.cpu_intensity >= 0.1);
    cr_assert_geq(b.run_ns_ema, 100000u);
    kn_store(&gate, 1, release);
    drain(rt);
    stop(rt);
}

/* T054: messages are counted, and the rate is what they were over the time. */
Test(behaviours, profiles_count_messages)
{
    struct koken *rt = start(1);
    struct koken_profile p;
    clear();
    uint64_t before = koken_now();
    koken_ref who = koken_spawn(rt, driven);
    cr_assert_eq(koken_signal(who, tick), 0);
    bool is_near = false;
    for (uint32_t n = 400; !is_near; n += 200) { /* again if the machine paused in between */
        wait_for(&handled, n);
        cr_assert_eq(koken_profile(who, &p), 0);
        double rate = (double)reading(&handled) * 1e9 / (double)(koken_now() - before);
        is_near = p.arrival_rate > rate * 0.9 && p.arrival_rate < rate * 1.1;
        cr_assert_geq(p.messages + 1, n);
    }
    cr_assert_leq(p.messages, reading(&handled));
    kn_store(&gate, 1, release);
    while (koken_alive(who)) { /* ends: at its next tick */
        kn_thread_yield();
    }
    check_balance(rt, 0);
    stop(rt);
}

/* ---- the document's example -------------------------------------------------------------------------------- */

static int process(void *arg, size_t index)
{
    const uint32_t *items = arg;
    /* What the document prints: "Processing" and the item, in any order. */
    (void)kn_or(&entered, 1u << items[index], relaxed); /* relaxed: read after the end */
    (void)count(&handled);
    return 0;
}

/* Five items in parallel; 42 goes through a queue (T132). */
Test(behaviours, the_document_s_example)
{
    uint32_t items[] = {1, 2, 3, 4, 5}, received = 0, sent = 42;
    struct koken *rt = start(2);
    struct koken_group *group = NULL;
    struct koken_queue *queue = NULL;
    clear();
    cr_assert_eq(koken_group_new(rt, &(struct koken_group_options){.max_threads = 4}, &group), 0);
    cr_assert_eq(koken_for_each(group, 5, process, items), 0);
    cr_assert_eq(reading(&handled), 5);
    cr_assert_eq(reading(&entered), 0x3e);
    koken_group_free(group);
    cr_assert_eq(koken_queue_new(100, sizeof sent, &queue), 0);
    cr_assert_eq(koken_queue_push(queue, &sent), 0);
    cr_assert_eq(koken_queue_pop(queue, &received), 0);
    cr_assert_eq(received, 42);
    koken_queue_free(queue);
    stop(rt);
}
