/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the wheel agrees with a sorted list: every timer is called back once, never early, in
 * order; the time to sleep until is right; cancels from other threads are handed to the owner
 * exactly once and do not linger; a storm keeps no memory; the structure holds after every
 * operation.
 */
#include "sched/timer.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_TIMERS = 400, MODEL_OPS = 100000, STORM = 1000000 };

/* The worker that the callbacks are given; only its address matters to the wheel. */
struct fake {
    struct kn_wheel wheel;
    uint64_t now;
    unsigned fired;
    unsigned cancelled;
    unsigned woken;
};

struct item {
    struct kn_timer timer;
    uint64_t deadline;
    uint64_t order; /* when it was armed, as a serial number */
    unsigned fired;
    unsigned cancelled;
    bool is_armed;
};

static struct fake fake;

static struct fake *fake_of(struct kn_worker *worker)
{
    return (struct fake *)(void *)worker;
}

static void on_wake(struct kn_worker *worker)
{
    (void)__atomic_fetch_add(&fake_of(worker)->woken, 1, __ATOMIC_RELAXED); /* cancellers call it */
}

static void start(uint64_t now)
{
    memset(&fake, 0, sizeof(fake));
    fake.now = now;
    kn_wheel_init(&fake.wheel, (struct kn_worker *)(void *)&fake, now, on_wake);
}

static unsigned advance(uint64_t now)
{
    unsigned called;

    fake.now = now;
    called = kn_wheel_advance(&fake.wheel, now);
    kn_wheel_check(&fake.wheel);
    return called;
}

static struct item *item_of(struct kn_timer *timer)
{
    return kn_container_of(timer, struct item, timer);
}

static void on_item(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    struct item *item = item_of(timer);

    cr_assert(item->is_armed);
    item->is_armed = false;
    if (cancelled) {
        item->cancelled++;
        fake_of(worker)->cancelled++;
        return;
    }
    cr_assert_leq(item->deadline, fake_of(worker)->now, "early by %llu ns",
                  (unsigned long long)(item->deadline - fake_of(worker)->now));
    item->fired++;
    fake_of(worker)->fired++;
}

static void arm(struct item *item, uint64_t deadline)
{
    static uint64_t serial;

    item->deadline = deadline;
    item->order = ++serial;
    item->is_armed = true;
    kn_wheel_arm(&fake.wheel, &item->timer, deadline, on_item);
}

Test(timer, fires_once_and_not_before_its_deadline)
{
    struct item item = {0};

    start(1000);
    arm(&item, 1000000);
    cr_assert_eq(kn_wheel_next(&fake.wheel), 1000000);
    cr_assert_eq(advance(999999), 0);
    cr_assert_eq(advance(1000000), 1);
    cr_assert_eq(advance(9000000), 0);
    cr_assert_eq(item.fired, 1);
    cr_assert_eq(kn_wheel_next(&fake.wheel), KN_NEVER);
}

Test(timer, deadline_of_one_nanosecond_ahead_is_exact)
{
    struct item item[3] = {0};

    start(77);
    arm(&item[0], 78);
    arm(&item[1], 79);
    arm(&item[2], 1023);
    cr_assert_eq(advance(77), 0);
    cr_assert_eq(advance(78), 1);
    cr_assert_eq(kn_wheel_next(&fake.wheel), 79);
    cr_assert_eq(advance(79), 1);
    cr_assert_eq(advance(1022), 0);
    cr_assert_eq(advance(1023), 1);
}

Test(timer, past_deadline_fires_at_the_next_advance)
{
    struct item item[2] = {0};

    start(5000000);
    arm(&item[0], 0);
    arm(&item[1], 4999999);
    cr_assert_eq(kn_wheel_next(&fake.wheel), 0);
    cr_assert_eq(advance(5000000), 2);
}

Test(timer, never_is_never_reached)
{
    struct item item = {0};

    start(1);
    arm(&item, KN_NEVER);
    cr_assert_eq(kn_wheel_next(&fake.wheel), KN_NEVER);
    cr_assert_eq(advance(KN_NEVER - 1), 0);
    cr_assert(kn_wheel_cancel(&fake.wheel, &item.timer));
    cr_assert_eq(item.cancelled, 1);
}

Test(timer, every_level_is_reached_exactly)
{
    struct item item[128] = {0};
    uint64_t now = 0x123456789abcdefull;

    start(now);
    for (unsigned bit = 0; bit < 63; bit++) {
        arm(&item[2 * bit], now + (1ull << bit));
        arm(&item[2 * bit + 1], now + (1ull << bit) + 1);
    }
    kn_wheel_check(&fake.wheel);
    for (unsigned bit = 1; bit < 63; bit++) {
        (void)advance(now + (1ull << bit) - 1);
        cr_assert_eq(item[2 * bit].fired, 0);
        cr_assert_leq(advance(now + (1ull << bit)), 2);
        cr_assert_eq(item[2 * bit].fired, 1);
        cr_assert_eq(item[2 * bit + 1].fired, 0);
    }
}

Test(timer, own_cancel_calls_back_at_once_and_only_once)
{
    struct item item = {0};

    start(0);
    arm(&item, 500);
    cr_assert(kn_wheel_cancel(&fake.wheel, &item.timer));
    cr_assert_eq(item.cancelled, 1);
    cr_assert(!kn_wheel_cancel(&fake.wheel, &item.timer));
    cr_assert_eq(advance(1000), 0);
    arm(&item, 2000);
    cr_assert_eq(advance(2000), 1);
    cr_assert(!kn_wheel_cancel(&fake.wheel, &item.timer));
    cr_assert_eq(item.fired, 1);
    cr_assert_eq(item.cancelled, 1);
}

/* In a slot, alone and beside another; not what is another wheel's, or not armed. */
Test(timer, who_alone_cancels_takes_it_back_without_a_callback)
{
    struct item item[2] = {0};

    start(0);
    cr_assert(!kn_wheel_take_back(&fake.wheel, &item[0].timer));
    arm(&item[0], 500);
    arm(&item[1], 501);
    cr_assert(!kn_wheel_take_back(NULL, &item[0].timer));
    cr_assert(kn_wheel_take_back(&fake.wheel, &item[0].timer));
    cr_assert(!kn_wheel_take_back(&fake.wheel, &item[0].timer));
    cr_assert(!kn_wheel_cancel(&fake.wheel, &item[0].timer));
    kn_wheel_check(&fake.wheel);
    cr_assert(kn_wheel_take_back(&fake.wheel, &item[1].timer));
    cr_assert_eq(kn_wheel_next(&fake.wheel), KN_NEVER);
    arm(&item[0], 2000); /* the memory is free for use */
    cr_assert(kn_wheel_cancel(NULL, &item[0].timer));
    cr_assert(!kn_wheel_take_back(&fake.wheel, &item[0].timer)); /* on its way to the owner */
    cr_assert_eq(advance(2000), 1);
    cr_assert_eq(item[0].fired + item[1].fired + item[1].cancelled, 0);
    cr_assert_eq(item[0].cancelled, 1);
}

Test(timer, remote_cancel_is_called_back_by_the_owner)
{
    struct item item = {0};

    start(0);
    arm(&item, 500);
    cr_assert(kn_wheel_cancel(NULL, &item.timer));
    cr_assert_eq(item.cancelled, 0);
    cr_assert(!kn_wheel_cancel(NULL, &item.timer));
    cr_assert(!kn_wheel_cancel(&fake.wheel, &item.timer));
    cr_assert_eq(advance(1), 1);
    cr_assert_eq(item.cancelled, 1);
    cr_assert_eq(kn_wheel_next(&fake.wheel), KN_NEVER);
}

Test(timer, remote_cancel_beats_a_deadline_that_is_due)
{
    struct item item = {0};

    start(0);
    arm(&item, 500);
    cr_assert(kn_wheel_cancel(NULL, &item.timer));
    cr_assert_eq(advance(1000), 1);
    cr_assert_eq(item.fired, 0);
    cr_assert_eq(item.cancelled, 1);
}

Test(timer, sleeping_owner_is_woken_for_every_sixty_four_remote_cancels)
{
    struct item item[200] = {0};

    start(0);
    for (unsigned i = 0; i < 200; i++) {
        arm(&item[i], 1000000000);
    }
    for (unsigned i = 0; i < 200; i++) {
        cr_assert(kn_wheel_cancel(NULL, &item[i].timer));
    }
    cr_assert_eq(fake.woken, 200 / KN_WHEEL_REAP_WAKE);
    cr_assert_eq(advance(1), 200);
}

Test(timer, fini_calls_everything_back_as_cancelled)
{
    struct item item[64] = {0};

    start(0);
    for (unsigned i = 0; i < 64; i++) {
        arm(&item[i], 1ull << i);
    }
    cr_assert(kn_wheel_cancel(NULL, &item[9].timer));
    cr_assert_eq(kn_wheel_fini(&fake.wheel), 64);
    for (unsigned i = 0; i < 64; i++) {
        cr_assert_eq(item[i].cancelled, 1);
    }
    arm(&item[0], 5);
    cr_assert_eq(item[0].cancelled, 2);
}

static void on_rearm(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    on_item(worker, timer, cancelled);
    if (!cancelled) {
        struct item *item = item_of(timer);

        item->is_armed = true;
        kn_wheel_arm(&fake.wheel, timer, item->deadline, on_rearm);
    }
}

Test(timer, callback_that_arms_for_the_past_does_not_hold_the_worker)
{
    struct item item = {.is_armed = true, .deadline = 10};
    struct item other = {0};

    start(0);
    kn_wheel_arm(&fake.wheel, &item.timer, 10, on_rearm);
    arm(&other, 11);
    cr_assert_leq(advance(20), KN_WHEEL_BATCH);
    cr_assert_eq(other.fired, 1);
    cr_assert_leq(kn_wheel_next(&fake.wheel), 20);
    cr_assert(kn_wheel_cancel(&fake.wheel, &item.timer));
}

static struct item *victim;

static void on_kill(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    on_item(worker, timer, cancelled);
    (void)kn_wheel_cancel(&fake.wheel, &victim->timer);
}

Test(timer, callback_may_cancel_a_neighbour_that_is_due)
{
    struct item item[2] = {0};

    start(0);
    for (unsigned i = 0; i < 2; i++) {
        item[i].is_armed = true;
        item[i].deadline = 100;
        kn_wheel_arm(&fake.wheel, &item[i].timer, 100, on_kill);
    }
    victim = &item[1];
    (void)advance(100);
    cr_assert_eq(item[0].fired, 1);
    cr_assert_eq(item[1].cancelled, 1);
    cr_assert_eq(item[1].fired, 0);
}

Test(timer, work_of_one_advance_is_bounded)
{
    struct item *item = calloc(10000, sizeof(*item));
    unsigned called = 0;
    unsigned calls = 0;

    cr_assert_not_null(item);
    start(0);
    for (unsigned i = 0; i < 10000; i++) {
        arm(&item[i], 1000000000);
    }
    while (kn_wheel_next(&fake.wheel) <= 1000000000) {
        unsigned now_called = advance(1000000000);

        cr_assert_leq(now_called, KN_WHEEL_BATCH);
        called += now_called;
        calls++;
    }
    cr_assert_eq(called, 10000);
    cr_assert_leq(calls, 10000 / KN_WHEEL_BATCH * KN_WHEEL_LEVELS);
    free(item);
}

/* ---- the model: an array, looked through from end to end ---- */

static uint64_t last_slot;
static uint64_t last_deadline;
static uint64_t last_order;

static void on_model(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    struct item *item = item_of(timer);

    on_item(worker, timer, cancelled);
    if (!cancelled) {
        cr_assert_geq(item->deadline >> KN_WHEEL_SLOT_BITS, last_slot);
        if (item->deadline == last_deadline) {
            cr_assert_gt(item->order, last_order);
        }
        last_slot = item->deadline >> KN_WHEEL_SLOT_BITS;
        last_deadline = item->deadline;
        last_order = item->order;
    }
}

static uint64_t model_earliest(const struct item *items)
{
    uint64_t earliest = KN_NEVER;

    for (unsigned i = 0; i < MODEL_TIMERS; i++) {
        if (items[i].is_armed && items[i].deadline < earliest) {
            earliest = items[i].deadline;
        }
    }
    return earliest;
}

/* A distance of any magnitude, so that every level and its boundaries are met. */
static uint64_t distance(uint64_t *rng, unsigned bits_max)
{
    uint64_t bits = kn_random(rng) % bits_max;
    uint64_t near = kn_random(rng) % 3 - 1;

    return kn_random(rng) % 4 == 0 ? (1ull << bits) + near : kn_random(rng) & ((1ull << bits) - 1);
}

/* Advances until nothing is due, and compares with the model. */
static void model_advance(const struct item *items, uint64_t now)
{
    uint64_t next;

    last_slot = 0;
    last_deadline = KN_NEVER;
    do {
        (void)advance(now);
        next = kn_wheel_next(&fake.wheel);
    } while (next <= now);
    cr_assert_gt(model_earliest(items), now);
    cr_assert_leq(next, model_earliest(items));
}

static void model_run(uint64_t seed, unsigned bits_max)
{
    static struct item items[MODEL_TIMERS];
    uint64_t rng = kn_random_seed(seed);
    uint64_t now = kn_random(&rng) >> (kn_random(&rng) % 32 + 2);
    unsigned armed = 0;

    memset(items, 0, sizeof(items));
    start(now);
    for (unsigned op = 0; op < MODEL_OPS; op++) {
        struct item *item = &items[kn_random(&rng) % MODEL_TIMERS];
        uint64_t dice = kn_random(&rng) % 100;

        if (dice < 60 && !item->is_armed && !kn_timer_is_armed(&item->timer)) {
            uint64_t ahead =
                dice < 10 ? items[op % MODEL_TIMERS].deadline : now + distance(&rng, bits_max);

            item->deadline = ahead < now ? now : ahead; /* the past has no order */
            item->order = op;
            item->is_armed = true;
            kn_wheel_arm(&fake.wheel, &item->timer, item->deadline, on_model);
            armed++;
        } else if (dice < 80 && item->is_armed) {
            cr_assert(kn_wheel_cancel(dice < 70 ? &fake.wheel : NULL, &item->timer) ||
                      kn_timer_is_armed(&item->timer));
        } else if (dice >= 95) {
            uint64_t to =
                kn_random(&rng) % 2 ? model_earliest(items) : now + distance(&rng, bits_max);

            now = to == KN_NEVER || to < now ? now : to;
            model_advance(items, now);
        } else if (dice == 94) {
            (void)advance(now - now % 1000); /* a clock that steps back a little */
        }
    }
    (void)kn_wheel_fini(&fake.wheel);
    for (unsigned i = 0; i < MODEL_TIMERS; i++) {
        cr_assert(!items[i].is_armed);
    }
    cr_assert_eq(fake.fired + fake.cancelled, armed, "%u fired, %u cancelled, %u armed, seed %llu",
                 fake.fired, fake.cancelled, armed, (unsigned long long)seed);
}

/* The batch ends while a slot is being spread; a timer armed then keeps its turn behind the rest.
 */
Test(timer, equal_deadline_armed_while_a_slot_is_spread_fires_last)
{
    static struct item items[KN_WHEEL_BATCH + 50];
    const unsigned last = KN_WHEEL_BATCH + 49;
    const uint64_t deadline = 1000000000;

    start(0);
    last_slot = 0;
    last_deadline = KN_NEVER;
    for (unsigned i = 0; i <= last; i++) {
        if (i == last) {
            cr_assert_eq(advance(deadline), 0);
        }
        items[i] = (struct item){.deadline = deadline, .order = i, .is_armed = true};
        kn_wheel_arm(&fake.wheel, &items[i].timer, deadline, on_model);
    }
    while (kn_wheel_next(&fake.wheel) <= deadline) {
        (void)advance(deadline);
    }
    cr_assert_eq(fake.fired, KN_WHEEL_BATCH + 50);
    cr_assert_eq(last_order, last);
}

Test(timer, agrees_with_a_sorted_model_over_short_times, .timeout = 60)
{
    model_run(1, 14);
    model_run(2, 24);
}

Test(timer, agrees_with_a_sorted_model_over_all_levels, .timeout = 60)
{
    model_run(3, 40);
    model_run(4, 56);
}

/* ---- many, and many threads ---- */

Test(timer, storm_of_a_million_cancels_keeps_nothing, .timeout = 60)
{
    struct item *items = calloc(STORM, sizeof(*items));
    uint64_t rng = kn_random_seed(7);

    cr_assert_not_null(items);
    start(0);
    for (unsigned i = 0; i < STORM; i++) {
        arm(&items[i], KN_WHEEL_BATCH + kn_random(&rng) % 60000000000ull);
    }
    for (unsigned i = 0; i < STORM; i++) {
        cr_assert(kn_wheel_cancel(i % 2 ? &fake.wheel : NULL, &items[i].timer));
    }
    cr_assert_eq(advance(1), STORM / 2);
    cr_assert_eq(fake.cancelled, STORM);
    cr_assert_eq(kn_wheel_next(&fake.wheel), KN_NEVER);
    cr_assert_eq(fake.wheel.levels_used, 0);
    free(items);
}

enum { RACE_TIMERS = 64, RACE_ROUNDS = 2000, RACE_THREADS = 3 };

static struct item race[RACE_TIMERS];
static kn_atomic(uint32_t) race_generation;
static kn_atomic(uint32_t) race_won;

static void *race_canceller(void *arg)
{
    uint64_t rng = kn_random_seed((uint64_t)(uintptr_t)arg);

    /* Relaxed: the timers live as long as the test, the wheel too; the owner ends it. */
    while (kn_load(&race_generation, relaxed) < RACE_ROUNDS) {
        if (kn_wheel_cancel(NULL, &race[kn_random(&rng) % RACE_TIMERS].timer)) {
            (void)kn_add(&race_won, 1, relaxed);
        }
    }
    return NULL;
}

Test(timer, cancels_race_with_the_owner_and_each_arm_is_called_back_once, .timeout = 120)
{
    pthread_t thread[RACE_THREADS];
    uint64_t rng = kn_random_seed(11);
    uint64_t now = 0;
    unsigned armed = 0;
    unsigned own = 0;

    start(0);
    memset(race, 0, sizeof(race));
    kn_store(&race_generation, 0, relaxed);
    kn_store(&race_won, 0, relaxed);
    for (uintptr_t i = 0; i < RACE_THREADS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, race_canceller, (void *)(i + 1)), 0);
    }
    for (unsigned round = 0; round < RACE_ROUNDS; round++) {
        for (unsigned i = 0; i < RACE_TIMERS; i++) {
            if (!race[i].is_armed) {
                arm(&race[i], now + distance(&rng, 18));
                armed++;
            }
        }
        own += kn_wheel_cancel(&fake.wheel, &race[round % RACE_TIMERS].timer);
        now += distance(&rng, 16);
        (void)advance(now);
        (void)kn_add(&race_generation, 1, relaxed);
    }
    for (unsigned i = 0; i < RACE_THREADS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    (void)advance(now); /* what was cancelled last */
    cr_assert_eq(fake.cancelled, own + kn_load(&race_won, relaxed));
    (void)kn_wheel_fini(&fake.wheel);
    cr_assert_eq(fake.fired + fake.cancelled, armed);
}
