/* SPDX-License-Identifier: Apache-2.0 */
/* See alarm.h. */
#include "actors/alarm.h"

#include "actors/deadletter.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/stage.h"
#include "actors/stamp.h"
#include "actors/system.h"
#include "base/world.h"

#include <errno.h>
#include <string.h>

enum { FIRST_CAPACITY = 4 };

static size_t table_size(uint32_t capacity)
{
    return capacity * sizeof(struct kn_alarm_entry);
}

/* Makes room for one entry more. False: no memory, or the agent has too much under way. */
static bool grow(struct kn_cold *cold)
{
    uint32_t old = cold->alarm_capacity;
    uint32_t capacity = old ? old * 2 : FIRST_CAPACITY;
    KN_ASSERT(!cold->alarm_free);
    KN_ASSERT((old & (old - 1)) == 0);
    if (old >= KN_ALARMS_MAX) {
        return false;
    }
    struct kn_alarm_entry *table =
        kn_alloc(table_size(capacity), _Alignof(struct kn_alarm_entry), -1);
    if (!table) {
        return false;
    }
    memset(table, 0, table_size(capacity));
    for (uint32_t i = 0; i < old; i++) {
        struct kn_alarm *alarm = cold->alarms[i].alarm;
        KN_ASSERT(!table[alarm->id & (capacity - 1)].alarm);
        table[alarm->id & (capacity - 1)].alarm = alarm;
    }
    if (old) {
        kn_free(cold->alarms, table_size(old), _Alignof(struct kn_alarm_entry));
    }
    for (uint32_t i = capacity; i-- > 0;) {
        if (!table[i].alarm) {
            table[i].next_free = cold->alarm_free;
            cold->alarm_free = i + 1;
        }
    }
    KN_ASSERT(cold->alarm_free != 0);
    cold->alarms = table;
    cold->alarm_capacity = capacity;
    return true;
}

/* When nobody owns it any more. */
static void alarm_free(struct kn_local *local, struct kn_alarm *alarm)
{
    struct kn_envelope *e = alarm->envelope;
    if (e && kn_likely(!e->type)) {
        kn_envelope_free(&local->worker->pool, e);
    } else if (e) {
        kn_message_drop(local->rt, local, e, -ECANCELED);
    }
    kn_block_free(&local->worker->pool, alarm, sizeof *alarm);
}

static void let_go(struct kn_local *local, struct kn_alarm *alarm)
{
    /* [AL1] release: what this owner did; acquire: what the other did, before the memory is
     * another's. */
    KN_ASSERT(kn_load(&alarm->owners, relaxed) >= 1);
    KN_ASSERT(kn_load(&alarm->owners, relaxed) <= 2 || alarm->kind == KN_ALARM_WAIT);
    if (kn_sub(&alarm->owners, 1, acq_rel) == 1) {
        alarm_free(local, alarm);
    }
}

/* A copy of the message for this time of a timer that goes on. */
static struct kn_envelope *again(struct kn_local *local, const struct kn_envelope *from)
{
    struct kn_proxy proxy = kn_proxy_begin(from);
    struct kn_envelope *e = kn_message_new(local, from->type, from->payload);
    kn_proxy_end(proxy);
    if (e) {
        e->from = from->from;
        e->corr = from->corr;
        e->flags |= from->flags;
    }
    return e;
}

/* Fills in what a request that is out of time is answered with. */
static void fill_late(struct kn_local *local, const struct kn_alarm *alarm)
{
    struct kn_envelope *e = alarm->envelope;
    struct koken_failed late = {alarm->number, -ETIMEDOUT};
    kn_message_fill(local, e, &koken_type_koken_failed, &late);
    e->from = alarm->agent;
    e->corr = alarm->number;
    e->flags |= KN_ENV_TIMER;
}

/* Sends e, which is spent. */
static void deliver(struct kn_local *local, const struct kn_alarm *alarm, struct kn_envelope *e)
{
    KN_ASSERT(!(e->flags & KN_ENV_DONE));
    KN_ASSERT(kn_local_is_held(local));
    const struct kn_agent *to = kn_resolve(alarm->to);
    kn_count_add(&local->counters.sent, 1);
    if (to && kn_agent_runtime(to) != local->rt) {
        /* The neighbour gets a copy; what it carries goes along. */
        if (kn_post(local, alarm->to, e->type, e->payload, 0, 0) == 0) {
            kn_count_add(&local->counters.received, 1);
            kn_envelope_free(&local->worker->pool, e);
            return;
        }
    } else if (to && kn_post_system(local, alarm->to, e) == 0) {
        return;
    }
    kn_count_add(&local->counters.dead, 1);
    if (alarm->kind == KN_ALARM_OTHER) {
        kn_letter(local->rt, local, e, alarm->to, KOKEN_DEAD_STALE);
    }
    kn_message_drop(local->rt, local, e, -ESRCH);
}

/* The next time of a periodic one: on its grid, and not in the past, lest a late wheel never catch up. */
static uint64_t next_time(const struct kn_worker *worker, const struct kn_alarm *alarm)
{
    uint64_t next = alarm->timer.deadline_ns + alarm->period_ns, now = kn_worker_now(worker);
    if (next < now) {
        next += (now - next) / alarm->period_ns * alarm->period_ns + alarm->period_ns;
    }
    return next;
}

/* The deadline: on the worker whose wheel it is. */
static void fire(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    struct kn_alarm *alarm = kn_container_of(timer, struct kn_alarm, timer);
    struct kn_local *local = worker->local;
    /* The table may have let go of a periodic one while it fired, and could not cancel it. Relaxed: let_go()
     * acquires. */
    if (cancelled || kn_load(&alarm->owners, relaxed) == 1) {
        let_go(local, alarm);
        return;
    }
    kn_count_add(&local->counters.timers, 1);
    if (alarm->kind == KN_ALARM_WAIT) {
        struct kn_agent *a = kn_resolve(alarm->agent);
        kn_store(&alarm->is_waiting, 1,
                 release); /* [AL2] release: the wheel is done with the timer */
        if (a) {
            kn_agent_nudge(local, a);
        }
        let_go(local, alarm);
        return;
    }
    struct kn_envelope *e = alarm->envelope;
    KN_ASSERT(e != NULL);
    KN_ASSERT(alarm->number != 0);
    if (alarm->period_ns) {
        /* Left out while the last one waits, so that a slow agent has one at most; or without memory.
         * Relaxed: nothing but the mark itself is handed over. */
        e = kn_load(&alarm->is_waiting, relaxed) ? NULL : again(local, e);
        if (e) {
            kn_store(&alarm->is_waiting, 1, relaxed); /* before it is sent, and then cleared */
        }
    } else if (!e->type) {
        fill_late(local, alarm);
        alarm->envelope = NULL;
    } else {
        alarm->envelope = NULL;
        kn_message_stamp_again(e);
    }
    if (e) {
        deliver(local, alarm, e);
    }
    if (alarm->period_ns) {
        kn_wheel_arm(&worker->wheel, timer, next_time(worker, alarm), fire);
        return;
    }
    if (alarm->kind == KN_ALARM_OTHER) {
        /* Best effort: without memory the entry stays until the agent ends. */
        (void)kn_post(local, alarm->agent, &kn_type_alarm_over, NULL, alarm->number, 0);
    }
    let_go(local, alarm);
}

/* For an alarm in that place: never used before by this agent, and its number is not 0. */
static uint64_t next_id(struct kn_cold *cold, uint32_t index)
{
    uint64_t id;
    do { /* ends: one of two neighbours has a number */
        id = ++cold->alarm_serial * cold->alarm_capacity + index;
    } while ((id & KN_ALARM_NUMBER) == 0);
    return id;
}

/* An alarm in the table of a, not armed, without a message; NULL: no memory. */
static struct kn_alarm *enter(struct kn_local *local, struct kn_agent *a, enum kn_alarm_kind kind,
                              uint64_t to)
{
    KN_ASSERT(kn_local_is_held(local));
    KN_ASSERT(kn_agent_is_held(a));
    struct kn_cold *cold = kn_agent_cold(a);
    if (!cold || (!cold->alarm_free && !grow(cold))) {
        return NULL;
    }
    struct kn_alarm *alarm = kn_block_new(&local->worker->pool, sizeof *alarm);
    if (!alarm) {
        return NULL;
    }
    uint32_t index = cold->alarm_free - 1;
    KN_ASSERT(index < cold->alarm_capacity);
    struct kn_alarm_entry *entry = &cold->alarms[index];
    KN_ASSERT(!entry->alarm);
    KN_ASSERT(entry->next_free <= cold->alarm_capacity);
    cold->alarm_free = entry->next_free;
    entry->alarm = alarm;
    uint64_t id = next_id(cold, index);
    *alarm = (struct kn_alarm){.id = id,
                               .number = id & KN_ALARM_NUMBER,
                               .agent = kn_agent_id(a),
                               .to = to,
                               .kind = (uint8_t)kind};
    kn_atomic_init(&alarm->owners, 1);
    kn_timer_init(&alarm->timer);
    return alarm;
}

/* Arms the timer of a clock on the worker's wheel, which becomes an owner. */
static void arm(struct kn_local *local, struct kn_alarm *alarm, uint64_t deadline_ns)
{
    KN_ASSERT(deadline_ns < KN_NEVER);
    (void)kn_add(&alarm->owners, 1,
                 relaxed); /* relaxed: the table is one, and its holder is here */
    kn_wheel_arm(&local->worker->wheel, &alarm->timer, deadline_ns, fire);
}

uint64_t kn_alarm_deadline(uint64_t delay_ns)
{
    uint64_t now = kn_now();
    return delay_ns > KN_NEVER - 1 - now ? KN_NEVER - 1 : now + delay_ns;
}

uint32_t kn_alarm_new(struct kn_local *local, struct kn_agent *a, enum kn_alarm_kind kind,
                      uint64_t to, uint64_t delay_ns, uint64_t period_ns, struct kn_envelope *e)
{
    KN_ASSERT(e || delay_ns == KOKEN_NO_DEADLINE);
    KN_ASSERT(!period_ns || kind <= KN_ALARM_OTHER);
    KN_ASSERT(kind != KN_ALARM_WAIT);
    struct kn_alarm *alarm = enter(local, a, kind, to);
    if (!alarm) {
        return 0;
    }
    alarm->envelope = e;
    alarm->period_ns = period_ns;
    uint32_t number = alarm->number;
    if (e && kind != KN_ALARM_OTHER) {
        e->corr = number;
        e->flags |= KN_ENV_TIMER;
    }
    if (delay_ns != KOKEN_NO_DEADLINE) {
        kn_store(&alarm->owners, 2, relaxed); /* relaxed: nobody else knows it yet */
        kn_wheel_arm(&local->worker->wheel, &alarm->timer, kn_alarm_deadline(delay_ns), fire);
    }
    return number;
}

uint32_t kn_alarm_request(struct kn_local *local, struct kn_agent *a, uint64_t timeout_ns,
                          uint64_t *ret_deadline_ns)
{
    _Static_assert(sizeof(struct koken_failed) + 8 <= KN_BLOCK_MIN - KN_ENVELOPE_HEADER,
                   "it fits the smallest, with a stamp");
    struct kn_envelope *e = kn_envelope_new(&local->worker->pool, sizeof(struct koken_failed));
    struct kn_alarm *alarm = e ? enter(local, a, KN_ALARM_REQUEST, kn_agent_id(a)) : NULL;
    if (kn_unlikely(!alarm)) {
        if (e) {
            kn_envelope_free(&local->worker->pool, e);
        }
        return 0;
    }
    e->type = NULL; /* most are answered in time, and nobody reads it */
    alarm->envelope = e;
    *ret_deadline_ns = 0;
    uint32_t number = alarm->number;
    if (kn_likely(timeout_ns != KOKEN_NO_DEADLINE)) {
        *ret_deadline_ns = kn_alarm_deadline(timeout_ns);
        kn_store(&alarm->owners, 2, relaxed); /* relaxed: nobody else knows it yet */
        kn_wheel_arm(&local->worker->wheel, &alarm->timer, *ret_deadline_ns, fire);
    }
    return number;
}

bool kn_clock_set(struct kn_local *local, struct kn_agent *a, struct kn_alarm **clock,
                  uint64_t deadline_ns)
{
    struct kn_alarm *alarm = *clock;
    KN_ASSERT(kn_agent_is_held(a));
    KN_ASSERT(!alarm || alarm->agent == kn_agent_id(a));
    if (alarm && !kn_clock_is_over(alarm)) {
        if (alarm->timer.deadline_ns <= deadline_ns) {
            return true;
        }
        *clock = NULL;
        (void)kn_alarm_end(local, a, alarm);
        alarm = NULL;
    }
    if (!alarm) {
        alarm = enter(local, a, KN_ALARM_WAIT, kn_agent_id(a));
        if (!alarm) {
            return false;
        }
        *clock = alarm;
    }
    kn_store(&alarm->is_waiting, 0, relaxed); /* relaxed: published by the arming */
    arm(local, alarm, deadline_ns);
    return true;
}

struct kn_alarm *kn_alarm_find(const struct kn_agent *a, uint32_t number)
{
    const struct kn_cold *cold = a->cold;
    if (!cold || !cold->alarm_capacity) {
        return NULL;
    }
    uint32_t index = number & (cold->alarm_capacity - 1);
    struct kn_alarm *alarm = cold->alarms[index].alarm;
    KN_ASSERT(!alarm || (alarm->number & (cold->alarm_capacity - 1)) == index);
    return alarm && alarm->number == number ? alarm : NULL;
}

bool kn_alarm_end(struct kn_local *local, struct kn_agent *a, struct kn_alarm *alarm)
{
    struct kn_cold *cold = a->cold;
    uint32_t index = alarm->number & (cold->alarm_capacity - 1);
    KN_ASSERT(alarm->agent == kn_agent_id(a));
    KN_ASSERT(index < cold->alarm_capacity);
    KN_ASSERT(cold->alarms[index].alarm == alarm);
    cold->alarms[index] = (struct kn_alarm_entry){NULL, cold->alarm_free};
    cold->alarm_free = index + 1;
    if (kn_unlikely(alarm->pending != NULL)) {
        (void)alarm->pending->give_up(alarm->pending);
        alarm->pending->free(alarm->pending, local);
        alarm->pending = NULL;
    }
    /* Both owners are here, and nobody but the holder of S cancels; of a clock there may be more owners. */
    if (kn_likely(alarm->kind != KN_ALARM_WAIT) &&
        kn_wheel_take_back(&local->worker->wheel, &alarm->timer)) {
        KN_ASSERT(kn_load(&alarm->owners, relaxed) == 2);
        alarm_free(local, alarm);
        return true;
    }
    /* The wheel lets go in its callback: at once here, or later on the worker whose wheel it is. */
    bool in_time = kn_wheel_cancel(&local->worker->wheel, &alarm->timer);
    let_go(local, alarm);
    return in_time;
}

void kn_alarms_end(struct kn_local *local, struct kn_agent *a)
{
    KN_ASSERT(kn_agent_is_held(a));
    struct kn_cold *cold = a->cold;
    for (uint32_t i = 0; i < cold->alarm_capacity; i++) {
        if (cold->alarms[i].alarm) {
            (void)kn_alarm_end(local, a, cold->alarms[i].alarm);
        }
    }
    if (cold->alarms) {
        kn_free(cold->alarms, table_size(cold->alarm_capacity), _Alignof(struct kn_alarm_entry));
        cold->alarms = NULL;
        cold->alarm_capacity = cold->alarm_free = 0;
    }
}

koken_timer koken_timer_(koken_ctx *ctx, koken_ref to, uint64_t delay_ns, uint64_t period_ns,
                         const struct koken_type *type, const void *payload)
{
    koken_timer timer = {0};
    struct kn_local *local = ctx->local;
    if (period_ns && type->drop) {
        return timer; /* what it owns cannot be sent twice */
    }
    struct kn_envelope *e = kn_message_new(local, type, payload);
    if (e) {
        bool own = koken_ref_equal(to, koken_self(ctx));
        uint32_t number = kn_alarm_new(local, ctx->self, own ? KN_ALARM_MESSAGE : KN_ALARM_OTHER,
                                       to.id, delay_ns, period_ns, e);
        if (number) {
            timer.id = kn_alarm_find(ctx->self, number)->id;
        } else {
            kn_envelope_free(&local->worker->pool, e);
        }
    }
    return timer;
}

int koken_cancel(koken_ctx *ctx, koken_timer timer)
{
    struct kn_alarm *alarm = kn_alarm_find(ctx->self, timer.id & KN_ALARM_NUMBER);
    if (!alarm || alarm->kind > KN_ALARM_OTHER || alarm->id != timer.id) {
        return -ESRCH;
    }
    bool is_own = alarm->kind == KN_ALARM_MESSAGE; /* then a message on its way is not handled */
    bool in_time = kn_alarm_end(ctx->local, ctx->self, alarm);
    return is_own || in_time ? 0 : -ESRCH;
}
