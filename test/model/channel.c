/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: mailbox/channel.c and sched/lock.c as they stand, and around them the loop of
 * orchestration/channel_wait.c without agents: hold all, try, line up, sleep on the word, look, leave. Every
 * thread waits for ever but those that give up after they have lined up: a lost wake-up is a deadlock, which the
 * explorer reports. Items are plain: that locks order them, and that one case of a select happens, is checked by it.
 */
#include "test/model/lib/model.h"

#include "mailbox/channel.c"
#include "sched/lock.c"

#include "base/world.h"

enum { CHANNELS = 2, ITEMS = 4 };

static const struct koken_type item_type = {"item", 8, 8, NULL, 0, 0, NULL};
static struct kn_channel channels[CHANNELS];
static struct kn_lock locks[CHANNELS];
static uint64_t rings[CHANNELS][ITEMS];
static uint64_t sent[KN_MODEL_THREADS + 1], got[KN_MODEL_THREADS + 1];

/* One case: a channel, and whether to send. */
struct one {
    unsigned channel;
    bool is_sender;
};

struct wait {
    struct kn_channel_wait wait;
    struct kn_slot slots[CHANNELS];
    uint64_t items[CHANNELS];
    struct kn_wakes wakes;
};

static void start(uint32_t capacity)
{
    memset(sent, 0, sizeof sent);
    memset(got, 0, sizeof got);
    for (unsigned i = 0; i < CHANNELS; i++) {
        memset(&locks[i], 0, sizeof locks[i]);
        kn_channel_init(&channels[i], &item_type, capacity, 8, capacity ? rings[i] : NULL);
    }
}

static void start_0(void)
{
    start(0);
}

static void start_1(void)
{
    start(1);
}

static void start_2(void)
{
    start(2);
}

/* One tells, the other hands over. */
static void start_mixed(void)
{
    start(0);
    kn_channel_init(&channels[0], &item_type, 1, 8, rings[0]);
}

static void hold(const struct one *cases, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        kn_lock(&locks[cases[i].channel]);
    }
}

static void release(struct wait *w, const struct one *cases, unsigned count)
{
    bool is_more = w->wakes.is_more;
    KOKEN_CHECK(!is_more);
    for (unsigned i = 0; i < count; i++) {
        kn_unlock(&locks[cases[i].channel]);
    }
    for (unsigned i = 0; i < w->wakes.count; i++) {
        kn_futex_wake(w->wakes.of[i].word, 1);
    }
    w->wakes.count = 0;
}

static int attempt(struct wait *w, const struct one *cases, unsigned count,
                   const struct kn_channel_wait *mine)
{
    for (unsigned i = 0; i < count; i++) {
        struct kn_channel *channel = &channels[cases[i].channel];
        enum kn_channel_got result = cases[i].is_sender
                                         ? kn_channel_push(channel, &w->items[i], mine, &w->wakes)
                                         : kn_channel_pop(channel, &w->items[i], mine, &w->wakes);
        if (result != KN_CHANNEL_WAIT) {
            return result == KN_CHANNEL_CLOSED ? -1 : (int)i;
        }
    }
    return CHANNELS;
}

/* The case that happened, CHANNELS none (gives_up), -1 closed. Cases by rising channel. */
static int perform(const struct one *cases, unsigned count, bool gives_up)
{
    struct wait w = {.wakes = {.count = 0}};
    kn_atomic_init(&w.wait.word, KN_WAIT_WAITING);
    for (unsigned i = 0; i < count; i++) {
        w.items[i] = cases[i].is_sender ? 1 : 0;
    }
    hold(cases, count);
    int at = attempt(&w, cases, count, NULL);
    bool is_lined_up = at == CHANNELS;
    for (unsigned i = 0; i < count && is_lined_up; i++) {
        w.slots[i] = (struct kn_slot){
            .wait = &w.wait, .item = &w.items[i], .index = i, .is_sender = cases[i].is_sender};
        kn_list_init(&w.slots[i].link);
        kn_channel_enter(&channels[cases[i].channel], &w.slots[i], &w.wakes);
    }
    release(&w, cases, count);
    while (is_lined_up) { /* ends: something happens, or it gives up */
        while (!gives_up && kn_load(&w.wait.word, relaxed) == KN_WAIT_WAITING) {
            (void)kn_futex_wait(&w.wait.word, KN_WAIT_WAITING, KN_NEVER);
        }
        hold(cases, count);
        uint32_t word = kn_load(&w.wait.word, relaxed);
        if (word >= KN_WAIT_DONE) {
            at = (int)(word - KN_WAIT_DONE);
        } else {
            kn_store(&w.wait.word, KN_WAIT_WAITING, relaxed);
            at = gives_up ? CHANNELS : attempt(&w, cases, count, &w.wait);
        }
        is_lined_up = at == CHANNELS && !gives_up;
        for (unsigned i = 0; i < count; i++) {
            if (is_lined_up) {
                kn_channel_looked(&channels[cases[i].channel], &w.slots[i]);
            } else {
                kn_channel_leave(&channels[cases[i].channel], &w.slots[i], &w.wakes);
            }
        }
        release(&w, cases, count);
    }
    for (unsigned i = 0; i < count; i++) {
        /* Exactly the case that happened, and no other. */
        KOKEN_CHECK(w.items[i] == (uint64_t)(cases[i].is_sender || (int)i == at));
    }
    if (at >= 0 && at < CHANNELS) {
        (cases[at].is_sender ? sent : got)[kn_model_self()]++;
    }
    return at;
}

static const struct one sends[] = {{0, true}, {1, true}}, receives[] = {{0, false}, {1, false}};
static const struct one either[] = {{0, true}, {1, false}};

static void put(void)
{
    KOKEN_CHECK(perform(sends, 1, false) == 0);
}

static void put_2(void)
{
    put();
    put();
}

static void put_other(void)
{
    KOKEN_CHECK(perform(sends + 1, 1, false) == 0);
}

static void put_other_or_go(void)
{
    (void)perform(sends + 1, 1, true);
}

static void take(void)
{
    KOKEN_CHECK(perform(receives, 1, false) == 0);
}

static void take_2(void)
{
    take();
    take();
}

static void take_any(void)
{
    KOKEN_CHECK(perform(receives, 2, false) < CHANNELS);
}

static void put_any(void)
{
    KOKEN_CHECK(perform(sends, 2, false) < CHANNELS);
}

static void put_or_take(void)
{
    (void)perform(either, 2, false);
}

static void take_other_or_put(void)
{
    static const struct one mirrored[] = {{0, false}, {1, true}};
    (void)perform(mirrored, 2, false);
}

static void give_up_taking(void)
{
    (void)perform(receives, 1, true);
}

static void give_up_taking_any(void)
{
    (void)perform(receives, 2, true);
}

static void take_till_closed(void)
{
    while (perform(receives, 1, false) == 0) { /* ends: it is closed */
    }
}

static void put_and_close(void)
{
    struct kn_wakes wakes = {.count = 0};
    put();
    kn_lock(&locks[0]);
    kn_channel_close(&channels[0], &wakes);
    kn_unlock(&locks[0]);
    for (unsigned i = 0; i < wakes.count; i++) {
        kn_futex_wake(wakes.of[i].word, 1);
    }
}

static void check(void)
{
    uint64_t in = 0, out = 0, left = 0;
    for (unsigned i = 0; i < KN_MODEL_THREADS; i++) {
        in += sent[i];
        out += got[i];
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        left += channels[i].count;
        KOKEN_CHECK(kn_list_is_empty(&channels[i].receivers));
        KOKEN_CHECK(kn_list_is_empty(&channels[i].senders));
    }
    KOKEN_CHECK(in == out + left);
}

enum { LIMIT = 8000 };

static const struct kn_scenario scenarios[] = {
    {"capacity 1: put; take", start_1, {put, take}, check, .limit = LIMIT},
    {"capacity 1: 2 put; 2 take", start_1, {put_2, take_2}, check, .limit = LIMIT},
    {"capacity 1: 2 put; take; take", start_1, {put_2, take, take}, check, .limit = LIMIT},
    {"capacity 2: put; put; 2 take", start_2, {put, put, take_2}, check, .limit = LIMIT},
    {"capacity 1: put; take; who gives up",
     start_1,
     {put_2, take, give_up_taking},
     check,
     .limit = LIMIT},
    {"hand to hand: put; take", start_0, {put, take}, check, .limit = LIMIT},
    {"hand to hand: 2 put; take; take", start_0, {put_2, take, take}, check, .limit = LIMIT},
    {"select: put; put other; take any twice",
     start_0,
     {put, put_other, take_any, take_any},
     check,
     .limit = LIMIT},
    {"select: told by one, given something by another",
     start_mixed,
     {put, put_other_or_go, take_any},
     check,
     .limit = LIMIT},
    {"select meets select", start_0, {put_any, take_any}, check, .limit = LIMIT},
    {"two selects, each put or take",
     start_0,
     {put_or_take, take_other_or_put},
     check,
     .limit = LIMIT},
    {"select gives up: 2 put; take; take any",
     start_1,
     {put_2, take, give_up_taking_any},
     check,
     .limit = LIMIT},
    {"close: put, close; take till then",
     start_1,
     {put_and_close, take_till_closed},
     check,
     .limit = LIMIT},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
