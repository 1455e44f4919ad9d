/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms on one wheel under a lock. The wheel's callbacks only move what has rung, or is cancelled, to a list; fn is
 * called when the lock has been given back, so it may set and cancel alarms and take locks of its own.
 *
 * Somebody always comes to an alarm. Its setter held a worker, so sysmon was awake. While some worker is awake sysmon
 * looks at next_ns in each period. When none is, the setter's worker has gone to rest after the alarm was set, and its
 * guard sleeps no longer than to next_ns as it was then (park.c); a worker without a guard is given one while there
 * are alarms (section.c).
 */
#include "sched/alarm.h"

#include "base/assert.h"
#include "sched/machine.h"

static void collect(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    struct kn_alarm *alarm = kn_container_of(timer, struct kn_alarm, timer);
    struct kn_alarms *alarms = alarm->alarms;

    (void)worker;
    KN_ASSERT(alarms != NULL);
    alarm->is_due = !cancelled;
    alarm->next = NULL;
    if (alarms->rung == NULL) {
        alarms->rung = alarm;
    } else {
        alarms->rung_last->next = alarm;
    }
    alarms->rung_last = alarm;
}

/* Gives the lock back; answers what has been collected under it. */
static struct kn_alarm *unlock(struct kn_alarms *alarms)
{
    struct kn_alarm *first = alarms->rung;

    alarms->rung = NULL;
    kn_store(&alarms->next_ns, kn_wheel_next(&alarms->wheel), relaxed); /* relaxed: a hint */
    kn_unlock(&alarms->lock);
    return first;
}

static void call(struct kn_alarm *first, struct kn_worker *worker)
{
    while (first != NULL) { /* ends: the list does */
        struct kn_alarm *alarm = first;

        first = alarm->next; /* fn may free it */
        KN_ASSERT(alarm->fn != NULL);
        alarm->fn(alarm, worker, alarm->is_due);
    }
}

void kn_alarms_init(struct kn_alarms *alarms, uint64_t now)
{
    kn_atomic_init(&alarms->next_ns, KN_NEVER);
    kn_atomic_init(&alarms->ringing, 0);
    alarms->lock = (struct kn_lock){0};
    alarms->rung = alarms->rung_last = NULL;
    kn_wheel_init(&alarms->wheel, NULL, now, NULL);
}

void kn_alarms_fini(struct kn_alarms *alarms)
{
    kn_lock(&alarms->lock);
    (void)kn_wheel_fini(&alarms->wheel);
    call(unlock(alarms), NULL);
    KN_ASSERT(kn_alarms_next(alarms) == KN_NEVER);
}

void kn_alarms_ring(struct kn_alarms *alarms, struct kn_worker *worker, uint64_t now)
{
    (void)kn_add(&alarms->ringing, 1, relaxed); /* relaxed: who comes between might be later */
    kn_lock(&alarms->lock);
    while (kn_wheel_next(&alarms->wheel) <= now) { /* ends: what is due leaves the wheel */
        (void)kn_wheel_advance(&alarms->wheel, now);
    }
    call(unlock(alarms), worker);
    /* [SA1] release: what was readied. Pairs with kn_alarms_are_ringing(). [SQ2] seq_cst: before the look for who waits
     * for quiet. */
    (void)kn_sub(&alarms->ringing, 1, seq_cst);
}

void kn_alarm_set(struct kn_sched *sched, struct kn_alarm *keep_alarm, uint64_t deadline_ns,
                  void (*fn)(struct kn_alarm *self, struct kn_worker *worker, bool is_due))
{
    struct kn_alarms *alarms = &sched->alarms;
    struct kn_alarm *alarm = keep_alarm;

    KN_ASSERT(fn != NULL);
    kn_lock(&alarms->lock);
    KN_ASSERT(!kn_timer_is_armed(&alarm->timer));
    KN_ASSERT(!alarms->wheel.is_closed);
    alarm->fn = fn;
    alarm->alarms = alarms;
    kn_wheel_arm(&alarms->wheel, &alarm->timer, deadline_ns, collect);
    KN_ASSERT(alarms->rung == NULL);
    (void)unlock(alarms);
}

bool kn_alarm_cancel(struct kn_sched *sched, struct kn_worker *worker, struct kn_alarm *alarm)
{
    struct kn_alarms *alarms = &sched->alarms;
    bool is_mine;

    kn_lock(&alarms->lock);
    is_mine = kn_wheel_cancel(&alarms->wheel, &alarm->timer);
    call(unlock(alarms), worker);
    return is_mine;
}
