/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that an alarm calls once, never early, whoever cancels it and whenever; that it rings while its setter's worker
 * is kept, while all are, while all sleep, and behind a blocking section; and that it is told of the scheduler's end.
 */
#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <koken/time.h>
#include <string.h>

enum { ALARMS = 300 };
#define LONG KOKEN_S(20) /* what is waited for comes long before */

struct item {
    struct kn_alarm alarm;
    uint64_t deadline_ns;
    kn_atomic(uint32_t) due, ended, early;
    uint32_t more; /* how often it sets itself again */
    struct kn_sched *sched;
};

struct task {
    struct kn_runnable runnable; /* first */
    struct item *items;
    uint32_t count;
    kn_atomic(uint32_t) is_done;
};

static void rung(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due)
{
    struct item *item = kn_container_of(alarm, struct item, alarm);
    cr_assert(worker == NULL || worker == kn_worker_current());
    if (is_due && kn_now() < item->deadline_ns) {
        (void)kn_add(&item->early, 1, relaxed);
    }
    if (is_due && item->more > 0) {
        item->more--;
        item->deadline_ns = kn_now() + KOKEN_US(50);
        kn_alarm_set(item->sched, alarm, item->deadline_ns, rung);
    }
    (void)kn_add(is_due ? &item->due : &item->ended, 1, release);
}

static uint32_t calls(struct item *item)
{
    return kn_load(&item->due, acquire) + kn_load(&item->ended, acquire);
}

static void set_all(struct kn_worker *worker, struct task *task)
{
    for (uint32_t i = 0; i < task->count; i++) {
        struct item *item = &task->items[i];
        item->sched = worker->sched;
        kn_timer_init(&item->alarm.timer);
        item->deadline_ns += kn_now();
        kn_alarm_set(worker->sched, &item->alarm, item->deadline_ns, rung);
    }
}

static enum kn_ran step_set(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;
    set_all(worker, task);
    kn_store(&task->is_done, 1, release);
    return KN_RAN_DONE;
}

/* Keeps its worker until its alarms have rung. */
static enum kn_ran step_keep(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;
    uint64_t end = kn_now() + LONG;
    set_all(worker, task);
    while (calls(&task->items[0]) == 0 && kn_now() < end) {
        kn_thread_yield();
    }
    kn_store(&task->is_done, calls(&task->items[0]) + 1, release);
    return KN_RAN_DONE;
}

/* The same in a blocking section. */
static enum kn_ran step_section(struct kn_worker *worker, struct kn_runnable *runnable)
{
    struct task *task = (struct task *)(void *)runnable;
    uint64_t end = kn_now() + LONG;
    struct kn_sched *sched = worker->sched;
    set_all(worker, task);
    kn_blocking_enter(worker);
    while (calls(&task->items[0]) == 0 && kn_now() < end) {
        kn_thread_yield();
    }
    (void)kn_blocking_leave(sched);
    kn_store(&task->is_done, calls(&task->items[0]) + 1, release);
    return KN_RAN_DONE;
}

static struct kn_sched *begin(unsigned workers, bool no_sysmon)
{
    struct kn_sched_config config = {
        .workers = workers, .is_exact = true, .no_sysmon = no_sysmon, .spin_ns = KN_NO_SPIN};
    struct kn_sched *sched;
    (void)kn_world_init();
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    return sched;
}

static void end(struct kn_sched *sched)
{
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    cr_assert_null(kn_sched_leftover(sched));
    kn_sched_free(sched);
}

static void wait_for(kn_atomic(uint32_t) *word)
{
    while (kn_load(word, acquire) == 0) {
        kn_thread_yield();
    }
}

Test(alarm, rings_or_is_cancelled_and_calls_once)
{
    static struct item items[ALARMS];
    struct task task = {.runnable.step = step_set, .items = items, .count = ALARMS};
    struct kn_sched *sched = begin(2, false);
    memset(items, 0, sizeof items);
    for (uint32_t i = 0; i < ALARMS; i++) {
        items[i].deadline_ns = i % 3 == 1 ? KOKEN_S(1000) : KOKEN_US((uint64_t)i * 5);
    }
    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    wait_for(&task.is_done);
    for (uint32_t i = 2; i < ALARMS; i += 3) {
        bool is_mine = kn_alarm_cancel(sched, NULL, &items[i].alarm); /* perhaps too late */
        cr_assert(!is_mine || kn_load(&items[i].ended, relaxed) == 1);
    }
    for (uint32_t i = 0; i < ALARMS; i += 3) {
        wait_for(&items[i].due);
    }
    end(sched);
    for (uint32_t i = 0; i < ALARMS; i++) {
        cr_assert_eq(calls(&items[i]), 1, "%u", i);
        cr_assert_eq(kn_load(&items[i].early, relaxed), 0);
        cr_assert(i % 3 != 0 || kn_load(&items[i].due, relaxed) == 1);
        cr_assert(i % 3 != 1 || kn_load(&items[i].ended, relaxed) == 1);
    }
}

/* However many workers are kept, and whoever else is there. */
static void ring_while_kept(unsigned workers, unsigned kept, bool no_sysmon)
{
    struct item items[4] = {{.deadline_ns = KOKEN_MS(1)},
                            {.deadline_ns = KOKEN_MS(2)},
                            {.deadline_ns = KOKEN_MS(1)},
                            {.deadline_ns = KOKEN_MS(3)}};
    struct task tasks[4];
    struct kn_sched *sched = begin(workers, no_sysmon);
    cr_assert(kn_sched_quiet(sched, KN_NEVER)); /* all asleep */
    for (unsigned i = 0; i < kept; i++) {
        tasks[i] = (struct task){.runnable.step = step_keep, .items = &items[i], .count = 1};
        kn_ready_foreign(sched, &tasks[i].runnable, KN_PRIO_NORMAL);
    }
    for (unsigned i = 0; i < kept; i++) {
        wait_for(&tasks[i].is_done);
        cr_assert_eq(kn_load(&tasks[i].is_done, relaxed), 2, "not in time");
        cr_assert_eq(kn_load(&items[i].due, relaxed), 1);
        cr_assert_eq(kn_load(&items[i].early, relaxed), 0);
    }
    end(sched);
}

Test(alarm, rings_while_its_worker_is_kept)
{
    ring_while_kept(2, 1, false);
    ring_while_kept(3, 2, false);
}

Test(alarm, rings_while_all_workers_are_kept)
{
    ring_while_kept(1, 1, false);
    ring_while_kept(2, 2, false);
    ring_while_kept(1, 3, false);
}

/* Nobody but the sleepers, and an alarm that sets itself again. */
Test(alarm, rings_while_all_sleep)
{
    for (unsigned workers = 1; workers < 3; workers++) {
        struct item item = {.deadline_ns = KOKEN_US(300), .more = 5};
        struct task task = {.runnable.step = step_set, .items = &item, .count = 1};
        struct kn_sched *sched = begin(workers, /* no_sysmon= */ true);
        kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
        while (kn_load(&item.due, acquire) < 6) {
            kn_thread_yield();
        }
        end(sched);
        cr_assert_eq(calls(&item), 6);
    }
}

Test(alarm, rings_behind_a_blocking_section)
{
    for (unsigned workers = 1; workers < 3; workers++) {
        struct item item = {.deadline_ns = KOKEN_US(500)};
        struct task task = {.runnable.step = step_section, .items = &item, .count = 1};
        struct kn_sched *sched = begin(workers, /* no_sysmon= */ true);
        kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
        wait_for(&task.is_done);
        cr_assert_eq(kn_load(&task.is_done, relaxed), 2, "not in time");
        end(sched);
    }
}

Test(alarm, is_told_of_the_end)
{
    struct item items[3] = {{.deadline_ns = KOKEN_S(100)},
                            {.deadline_ns = KOKEN_S(50)},
                            {.deadline_ns = KOKEN_S(100000)}};
    struct task task = {.runnable.step = step_set, .items = items, .count = 3};
    struct kn_sched *sched = begin(2, false);
    kn_ready_foreign(sched, &task.runnable, KN_PRIO_NORMAL);
    wait_for(&task.is_done);
    cr_assert_leq(kn_alarms_next(&sched->alarms), items[1].deadline_ns);
    cr_assert(kn_alarm_cancel(sched, NULL, &items[1].alarm));
    cr_assert(!kn_alarm_cancel(sched, NULL, &items[1].alarm));
    end(sched);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(kn_load(&items[i].ended, relaxed), 1);
        cr_assert_eq(calls(&items[i]), 1);
    }
}
