/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a delay calls once, never early, whoever stops it and whenever, and when the scheduler ends. */
#include "sched/delay.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <koken/time.h>

struct item {
    struct kn_delay delay;
    kn_atomic(uint32_t) due, ended, early;
};

static void over(struct kn_delay *delay, bool is_due)
{
    struct item *item = kn_container_of(delay, struct item, delay);
    if (is_due && kn_now() < delay->deadline_ns) {
        (void)kn_add(&item->early, 1, relaxed);
    }
    (void)kn_add(is_due ? &item->due : &item->ended, 1, release);
}

static uint32_t calls(struct item *item)
{
    return kn_load(&item->due, acquire) + kn_load(&item->ended, acquire);
}

static struct kn_sched *begin(void)
{
    struct kn_sched_config config = {.workers = 2, .is_exact = true};
    struct kn_sched *sched;
    (void)kn_world_init();
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    return sched;
}

static void end(struct kn_sched *sched)
{
    struct kn_runnable *run;
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    while ((run = kn_sched_leftover(sched)) != NULL) {
        kn_errand_leftover(run);
    }
    kn_sched_free(sched);
}

Test(delay, is_due_or_stopped_and_calls_once)
{
    static struct item items[300];
    struct kn_sched *sched = begin();
    for (int i = 0; i < 300; i++) {
        uint64_t timeout = i % 3 == 1 ? KOKEN_S(1000) : KOKEN_US((uint64_t)i * 5);
        kn_delay_start(sched, &items[i].delay, kn_delay_deadline(timeout), over);
    }
    for (int i = 0; i < 300; i++) {
        if (i % 3 == 2) {
            kn_delay_stop(&items[i].delay); /* perhaps too late */
        }
    }
    for (int i = 0; i < 300; i++) {
        while (i % 3 == 0 && calls(&items[i]) == 0) {
            kn_thread_yield();
        }
    }
    end(sched);
    for (int i = 0; i < 300; i++) {
        cr_assert_eq(calls(&items[i]), 1, "%d", i);
        cr_assert_eq(kn_load(&items[i].early, relaxed), 0);
        cr_assert(i % 3 != 0 || kn_load(&items[i].due, relaxed) == 1);
        cr_assert(i % 3 != 1 || kn_load(&items[i].ended, relaxed) == 1);
        if (i % 3 != 2) {
            kn_delay_stop(&items[i].delay); /* harmless */
        }
        cr_assert_eq(calls(&items[i]), 1);
    }
}

Test(delay, timeouts_saturate)
{
    cr_assert_eq(kn_delay_deadline(KOKEN_NO_DEADLINE), KN_NEVER);
    cr_assert_eq(kn_delay_deadline(KOKEN_NO_DEADLINE - 1), KN_NEVER - 1);
    cr_assert_geq(kn_delay_deadline(5), 5);
}
