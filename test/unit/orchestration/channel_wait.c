/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of koken_select: one case happens and no other, from agents and from outside, also when selects meet
 * each other without a buffer between them; times are cases; chance is fair; nothing is lost when it gives up.
 */
#include "test/support/runtime.h"

#include <koken/channel.h>

KOKEN_MESSAGE(item, { uint64_t value; });
KOKEN_EVENT(other_item);

static struct koken_channel *channel_of(struct koken *rt, size_t capacity)
{
    struct koken_channel *channel = NULL;
    cr_assert_eq(koken_channel_new(rt, &channel, item, capacity), 0);
    return channel;
}

Test(channel_wait, refuses_nonsense)
{
    struct koken *rt = start(1);
    struct koken_channel *a = channel_of(rt, 1);
    struct item got;
    struct other_item strange;
    struct koken_case many[KOKEN_SELECT_MAX + 1];
    struct koken_case off[] = {KOKEN_RECV_CASE(NULL, item, &got)};
    struct koken_case bad[] = {KOKEN_RECV_CASE(a, other_item, &strange)};
    struct koken_case none[] = {KOKEN_RECV_CASE(a, item, NULL)};
    memset(many, 0, sizeof many);
    cr_assert_eq(koken_select(NULL, 1, 0), -EINVAL);
    cr_assert_eq(koken_select(off, 0, 0), -EINVAL);
    cr_assert_eq(koken_select(bad, 1, 0), -EINVAL);
    cr_assert_eq(koken_select(none, 1, 0), -EINVAL);
    cr_assert_eq(koken_select(many, KOKEN_SELECT_MAX + 1, 0), -E2BIG);
    cr_assert_eq(koken_select(off, 1, 0), -EAGAIN);
    cr_assert_eq(koken_select(off, 1, KOKEN_MS(1)), -ETIMEDOUT);
    (void)koken_channel_unref(a);
    stop(rt);
}

Test(channel_wait, takes_what_can_happen_and_times)
{
    struct koken *rt = start(1);
    struct koken_channel *a = channel_of(rt, 1), *b = channel_of(rt, 1);
    struct item got = {0}, given = {5};
    struct koken_case cases[] = {KOKEN_RECV_CASE(a, item, &got), KOKEN_SEND_CASE(b, item, &given),
                                 KOKEN_TIME_CASE(koken_now() + KOKEN_S(100))};
    cr_assert_eq(koken_select(cases, 3, KOKEN_NO_DEADLINE), 1);
    cases[2].at_ns = koken_now() + KOKEN_MS(2);
    cr_assert_eq(koken_select(cases, 3, KOKEN_NO_DEADLINE), 2); /* neither: the time */
    cr_assert(koken_now() >= cases[2].at_ns);
    cr_assert_eq(koken_select(cases, 3, 0), 2); /* it has come */
    cases[2].at_ns = koken_now() + KOKEN_S(100);
    cr_assert_eq(koken_select(cases, 3, 0), -EAGAIN);
    cr_assert_eq(koken_select(cases, 3, KOKEN_MS(1)), -ETIMEDOUT);
    cr_assert_eq(koken_channel_try_send(a, item, .value = 6), 0);
    cr_assert_eq(koken_select(cases, 3, KOKEN_MS(1)), 0);
    cr_assert_eq(got.value, 6);
    cr_assert_eq(koken_channel_close(b), 0);
    cr_assert_eq(koken_select(cases, 3, KOKEN_MS(1)), 1);
    cr_assert_eq(cases[1].rc, -ESHUTDOWN);
    (void)koken_channel_unref(a);
    (void)koken_channel_unref(b);
    stop(rt);
}

Test(channel_wait, decides_by_chance)
{
    struct koken *rt = start(1);
    struct koken_channel *a = channel_of(rt, 400), *b = channel_of(rt, 400);
    unsigned of[2] = {0};
    struct item got;
    for (unsigned i = 0; i < 400; i++) {
        cr_assert_eq(koken_channel_try_send(a, item, .value = 1), 0);
        cr_assert_eq(koken_channel_try_send(b, item, .value = 1), 0);
    }
    for (unsigned i = 0; i < 400; i++) {
        struct koken_case cases[] = {KOKEN_RECV_CASE(a, item, &got),
                                     KOKEN_RECV_CASE(b, item, &got)};
        int at = koken_select(cases, 2, 0);
        cr_assert(at >= 0);
        of[at]++;
    }
    cr_assert(of[0] > 130 && of[1] > 130, "%u and %u of 400", of[0], of[1]);
    (void)koken_channel_unref(a);
    (void)koken_channel_unref(b);
    stop(rt);
}

Test(channel_wait, does_not_meet_itself)
{
    struct koken *rt = start(1);
    struct koken_channel *a = channel_of(rt, 0);
    struct item got = {0}, given = {5};
    struct koken_case cases[] = {KOKEN_RECV_CASE(a, item, &got), KOKEN_SEND_CASE(a, item, &given)};
    cr_assert_eq(koken_select(cases, 2, KOKEN_MS(2)), -ETIMEDOUT);
    cr_assert_eq(got.value, 0);
    (void)koken_channel_unref(a);
    stop(rt);
}

/* ---- selects against selects ---- */

struct player {
    struct koken_channel *channels[3];
    uint64_t n;
};

static kn_atomic(uint64_t) sent, received, sent_sum, received_sum;

/* Sends and receives by any of the channels, until it has done both n times. */
static int play(const struct player *self)
{
    uint64_t to_send = self->n, to_receive = self->n;
    while (to_send > 0 || to_receive > 0) {
        struct item got = {0}, given = {to_send};
        struct koken_case cases[6];
        for (unsigned i = 0; i < 3; i++) {
            struct koken_channel *out = to_send ? self->channels[i] : NULL;
            struct koken_channel *in = to_receive ? self->channels[2 - i] : NULL;
            cases[2 * i] = (struct koken_case)KOKEN_SEND_CASE(out, item, &given);
            cases[2 * i + 1] = (struct koken_case)KOKEN_RECV_CASE(in, item, &got);
        }
        int at = koken_select(cases, 6, KOKEN_NO_DEADLINE);
        if (at < 0 || cases[at].rc < 0) {
            return at < 0 ? at : cases[at].rc;
        }
        if (at % 2 == 0) {
            expect(got.value == 0); /* no other case */
            (void)kn_add(&sent, 1, relaxed);
            (void)kn_add(&sent_sum, given.value, relaxed);
            to_send--;
        } else {
            expect(got.value != 0);
            (void)kn_add(&received, 1, relaxed);
            (void)kn_add(&received_sum, got.value, relaxed);
            to_receive--;
        }
    }
    return 0;
}

struct nothing {
    char nothing;
};

static int player_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    (void)ctx;
    (void)self;
    int rc = play(arg);
    return rc == -ESHUTDOWN ? 0 : rc;
}

KOKEN_FIBER(player, struct nothing, player_body);

static void player_thread(void *arg)
{
    int rc = play(arg);
    expect(rc == 0 || rc == -ESHUTDOWN);
}

/*
 * Players who want to send may be left alone with players who want to send; so it ends by a close when nothing
 * moves. What was sent must have been received, but for what a buffer still holds.
 */
static void play_together(unsigned workers, size_t capacity, unsigned threads)
{
    struct koken *rt = start(workers);
    struct player p = {.n = 300 * SCALE};
    struct kn_thread outside[2] = {{0}};
    kn_store(&sent, 0, relaxed);
    kn_store(&received, 0, relaxed);
    kn_store(&sent_sum, 0, relaxed);
    kn_store(&received_sum, 0, relaxed);
    for (unsigned i = 0; i < 3; i++) {
        p.channels[i] = channel_of(rt, capacity);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)koken_spawn(rt, player, .arg = &p, .arg_size = sizeof p);
    }
    for (unsigned i = 0; i < threads; i++) {
        cr_assert_eq(kn_thread_start(&outside[i], "player", player_thread, &p), 0);
    }
    uint64_t before;
    unsigned still = 0;
    do { /* ends: nothing has moved for a while */
        before = kn_load(&sent, relaxed) + kn_load(&received, relaxed);
        struct koken_case time[] = {KOKEN_TIME_CASE(koken_now() + KOKEN_MS(2))};
        cr_assert_eq(koken_select(time, 1, KOKEN_NO_DEADLINE), 0);
        drain(rt);
        bool is_still = before == kn_load(&sent, relaxed) + kn_load(&received, relaxed);
        still = is_still ? still + 1 : 0;
    } while (still < 3 + 20 * threads);
    uint64_t left = 0;
    struct item got;
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(koken_channel_close(p.channels[i]), 0);
    }
    for (unsigned i = 0; i < threads; i++) {
        kn_thread_join(&outside[i]);
    }
    drain(rt);
    for (unsigned i = 0; i < 3; i++) {
        while (koken_channel_try_recv(p.channels[i], item, &got) == 0) {
            left += got.value;
        }
        (void)koken_channel_unref(p.channels[i]);
    }
    cr_assert_eq(kn_load(&sent_sum, relaxed), kn_load(&received_sum, relaxed) + left);
    stop(rt);
}

Test(channel_wait, selects_meet_selects, .timeout = 60)
{
    play_together(1, 0, 0);
    play_together(2, 0, 0);
    play_together(2, 2, 0);
    play_together(2, 0, 2);
    play_together(2, 1, 2);
}

/* ---- ends ---- */

static int taker_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const struct player *p = arg;
    struct item got;
    struct koken_case cases[] = {KOKEN_RECV_CASE(p->channels[0], item, &got),
                                 KOKEN_RECV_CASE(p->channels[1], item, &got)};
    (void)ctx;
    (void)self;
    int rc = koken_select(cases, 2, KOKEN_S(100));
    return rc < 0 ? rc : 0;
}

KOKEN_FIBER(taker, struct nothing, taker_body);

Test(channel_wait, passes_on_what_it_was_told_and_does_not_use)
{
    struct koken *rt = start(1);
    struct player p = {.channels = {channel_of(rt, 1), channel_of(rt, 1)}};
    struct item got;
    koken_ref first = koken_spawn(rt, taker, .arg = &p, .arg_size = sizeof p);
    koken_ref second = koken_spawn(rt, taker, .arg = &p, .arg_size = sizeof p);
    drain(rt);
    /* The first is told of both, takes one; the second must hear of the other. */
    cr_assert_eq(koken_channel_try_send(p.channels[0], item, .value = 1), 0);
    cr_assert_eq(koken_channel_try_send(p.channels[1], item, .value = 2), 0);
    drain(rt);
    cr_assert(!koken_alive(first));
    cr_assert(!koken_alive(second));
    cr_assert_eq(koken_channel_try_recv(p.channels[0], item, &got), -EAGAIN);
    cr_assert_eq(koken_channel_try_recv(p.channels[1], item, &got), -EAGAIN);
    (void)koken_channel_unref(p.channels[0]);
    (void)koken_channel_unref(p.channels[1]);
    stop(rt);
}
