/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: from a handler's fields into the receiver's mailbox. The usual way, from an agent to an
 * agent of the same runtime with the default policy, is koken_signal_ from its first line to its
 * last; everything else branches off.
 */
#include "actors/agent.h"
#include "actors/alarm.h"
#include "actors/alone.h"
#include "actors/call.h"
#include "actors/deadletter.h"
#include "actors/kn_rcu.h"
#include "actors/park.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/stamp.h"
#include "base/edges.h"
#include "base/world.h"
#include "sched/lifo.h"

#include <errno.h>

enum {
    KN_PAYLOAD_SMALL = KN_BLOCK_MIN - KN_ENVELOPE_HEADER, /* fits a line with its header */
    KN_PAYLOAD_MEDIUM = 2 * KN_BLOCK_MIN - KN_ENVELOPE_HEADER,
};

static KN_ALWAYS_INLINE void fill(struct kn_envelope *e, const struct koken_type *type,
                                  const void *payload, uint64_t from, unsigned size_class)
{
    KN_ASSERT(type->size <= KN_PAYLOAD_MAX);
    KN_ASSERT(size_class < KN_SIZE_CLASS_COUNT);
    KN_ASSERT(kn_class_size(size_class) >= KN_ENVELOPE_HEADER + type->size);
    KN_ASSERT(payload || !type->size);
    /* corr, size class, lane and flags in one store; the first, the last two are 0. */
    uint64_t head = (uint64_t)size_class << 32;
    _Static_assert(offsetof(struct kn_envelope, size_class) ==
                       offsetof(struct kn_envelope, corr) + 4,
                   "the size class follows corr");
    __builtin_memcpy((char *)e + offsetof(struct kn_envelope, corr), &head, sizeof head);
    e->type = type;
    e->from = from;
    if (__builtin_constant_p(size_class) && size_class == 0) {
        kn_payload_copy_line(e->payload, payload, type->size);
    } else {
        kn_payload_copy(e->payload, payload, type->size);
    }
    kn_hand_over(e);
}

/* Bytes for a payload, and for a stamp and a deadline where there is room for them. */
static KN_ALWAYS_INLINE uint32_t room_for(const struct koken_type *type, bool is_stamping,
                                          bool has_deadline)
{
    uint32_t room = type->size;
    room += kn_unlikely(is_stamping) && room + 8 <= KN_PAYLOAD_MAX ? 8 : 0;
    room += has_deadline && room + 8 <= KN_PAYLOAD_MAX ? 8 : 0;
    return room;
}

/* Fills in an envelope that was made with that room. */
static KN_ALWAYS_INLINE void finish(struct kn_envelope *e, const struct koken_type *type,
                                    const void *payload, uint64_t from, bool is_stamping,
                                    uint64_t deadline_ns)
{
    uint32_t room = type->size;
    fill(e, type, payload, from, e->size_class);
    if (kn_unlikely(is_stamping) && room + 8 <= KN_PAYLOAD_MAX) {
        kn_message_stamp(e);
        room += 8;
    }
    if (deadline_ns && room + 8 <= KN_PAYLOAD_MAX) {
        e->flags |= KN_ENV_DEADLINE;
        __builtin_memcpy((char *)e + kn_deadline_at(e), &deadline_ns, sizeof deadline_ns);
    }
}

static KN_ALWAYS_INLINE struct kn_envelope *new_here(struct kn_local *local,
                                                     const struct koken_type *type,
                                                     const void *payload, uint64_t deadline_ns)
{
    KN_ASSERT(kn_local_is_held(local));
    struct kn_envelope *e =
        kn_envelope_new(&local->worker->pool, room_for(type, local->is_stamping, deadline_ns != 0));
    if (kn_likely(e != NULL)) {
        finish(e, type, payload, kn_load(&local->self_id, relaxed), /* relaxed: our own */
               local->is_stamping, deadline_ns);
    }
    return e;
}

static struct kn_envelope *new_outside(struct koken *rt, const struct koken_type *type,
                                       const void *payload, uint64_t deadline_ns)
{
    bool is_stamping = rt->options.stamp_messages;
    pthread_mutex_lock(&rt->outside_lock);
    struct kn_envelope *e =
        kn_envelope_new(&rt->outside_pool, room_for(type, is_stamping, deadline_ns != 0));
    pthread_mutex_unlock(&rt->outside_lock);
    if (e) {
        finish(e, type, payload, 0, is_stamping, deadline_ns);
    }
    return e;
}

struct kn_envelope *kn_message_new(struct kn_local *local, const struct koken_type *type,
                                   const void *payload)
{
    return new_here(local, type, payload, 0);
}

void kn_message_fill(struct kn_local *local, struct kn_envelope *e, const struct koken_type *type,
                     const void *payload)
{
    finish(e, type, payload, 0, local->is_stamping, 0);
}

struct kn_envelope *kn_message_new_outside(struct koken *rt, const struct koken_type *type,
                                           const void *payload)
{
    return new_outside(rt, type, payload, 0);
}

struct kn_envelope *kn_request_new(struct koken *rt, struct kn_local *local,
                                   const struct koken_type *type, const void *payload,
                                   uint64_t deadline_ns)
{
    struct kn_envelope *e = local && local->rt == rt ? new_here(local, type, payload, deadline_ns)
                                                     : new_outside(rt, type, payload, deadline_ns);
    if (e) {
        e->flags |= KN_ENV_REQUEST;
    }
    return e;
}

/* Who was in the LIFO slot, and is in nobody's hands: one that has not run yet goes where the newest is next. */
static KN_NOINLINE int wake_displaced(struct kn_worker *worker, struct kn_runnable *run)
{
    const struct kn_agent *a = kn_container_of(run, struct kn_agent, run);
    /* Relaxed: a number that nobody changes while it is ready. */
    if (run->step == kn_agent_turn && kn_load(&a->handled, relaxed) == 0) {
        kn_ready_young(worker, run);
    } else {
        kn_ready_tail(worker, run, KN_PRIO_NORMAL);
    }
    return 0;
}

/* Makes an agent of this worker's runtime ready. The usual case is the LIFO slot, and that empty.
 */
static KN_ALWAYS_INLINE void wake_here(struct kn_worker *worker, struct kn_agent *a)
{
    KN_ASSERT(kn_agent_is_held(a));
    KN_ASSERT(kn_worker_current() == worker);
    unsigned priority = kn_load(&a->priority, relaxed); /* relaxed: a hint */
    if (kn_likely(priority == KN_PRIO_NORMAL && worker->has_lifo)) {
        struct kn_runnable *old = kn_lifo_put(worker, &a->run);
        if (kn_unlikely(old != NULL)) {
            (void)wake_displaced(worker, old);
        }
    } else {
        kn_ready_tail(worker, &a->run, (enum kn_prio)(priority & 0x7fu));
    }
}

void kn_agent_wake(struct kn_local *local, struct kn_agent *a)
{
    if (kn_unlikely(!local || kn_agent_runtime(a) != local->rt)) {
        unsigned priority = kn_load(&a->priority, relaxed); /* relaxed: a hint */
        kn_ready_foreign(kn_agent_runtime(a)->sched, &a->run, (enum kn_prio)(priority & 0x7fu));
    } else {
        wake_here(local->worker, a);
    }
}

void kn_agent_nudge(struct kn_local *local, struct kn_agent *a)
{
    struct koken *visited = kn_alone_visit_agent(local, kn_agent_runtime(a));
    enum kn_push pushed = kn_mailbox_nudge(&a->mailbox, KN_MB_SYSTEM);
    kn_alone_depart_agent(visited);
    if (pushed == KN_PUSH_WAKE) {
        kn_agent_wake(local, a);
    }
}

/* Answers of a send, in the sender's words. The envelope is still the caller's unless 0 or more. */
static int special_push(struct kn_agent *a, struct kn_envelope *e, enum kn_push *pushed,
                        bool *opened, struct kn_envelope **ret_victim)
{
    KN_ASSERT(!(e->flags & KN_ENV_BYTES));
    KN_ASSERT(!*ret_victim);
    struct kn_overflow *o = kn_load(&a->overflow, acquire); /* [AS3] acquire: its making */
    if (o && o->bytes_max) {
        if (!kn_overflow_reserve(o, e->type->size, opened)) {
            return -EAGAIN;
        }
        e->flags |= KN_ENV_BYTES;
    }
    if (a->policy == KOKEN_POLICY_DROP_OLD) {
        KN_ASSERT(o != NULL);
        if (!kn_overflow_append(o, e, a->mailbox.limit, ret_victim)) {
            return -ESRCH;
        }
        if (*ret_victim && ((*ret_victim)->flags & KN_ENV_BYTES)) {
            *opened |= kn_overflow_release(o, (*ret_victim)->type->size);
        }
        *pushed = kn_mailbox_nudge(&a->mailbox, KN_MB_SYSTEM);
        return 0; /* even if it has just closed: the end of the agent finds the envelope in the list
                   */
    }
    *pushed = kn_mailbox_push(&a->mailbox, e, opened);
    if (*pushed == KN_PUSH_FULL || *pushed == KN_PUSH_CLOSED) {
        if (e->flags & KN_ENV_BYTES) {
            *opened |= kn_overflow_release(o, e->type->size);
            e->flags &= (uint16_t)~KN_ENV_BYTES;
        }
        return *pushed == KN_PUSH_FULL ? -EAGAIN : -ESRCH;
    }
    if (a->policy == KOKEN_POLICY_SIGNAL && kn_mailbox_queued(&a->mailbox) >= a->mailbox.low) {
        return KOKEN_PRESSURE;
    }
    return 0;
}

/* Sends e, from a worker or (local NULL) from outside. Negative: e is the caller's still. */
static int send_slowly(struct koken *rt, struct kn_local *local, struct kn_agent *a,
                       struct kn_envelope *e)
{
    KN_ASSERT(!local || local->rt == rt);
    KN_ASSERT(!local || kn_local_is_held(local));
    KN_ASSERT(e->lane == KN_LANE_USER);
    bool opened = false;
    enum kn_push pushed = KN_PUSH_OK;
    struct kn_envelope *victim = NULL;
    struct kn_counters *counters = local ? &local->counters : &rt->outside;
    struct koken *visited = kn_alone_visit_agent(local, rt);
    int rc = special_push(a, e, &pushed, &opened, &victim);
    kn_alone_depart_agent(visited);
    KN_ASSERT(rc >= 0 || !victim);
    if (!local) {
        pthread_mutex_lock(&rt->outside_lock);
    }
    if (rc >= 0) {
        kn_count_add(&counters->sent, 1);
    } else if (rc == -EAGAIN && a->policy == KOKEN_POLICY_DROP_NEW) {
        kn_count_add(&counters->sent, 1);
        kn_count_add(&counters->dropped, 1);
        victim = e;
        rc = 0;
    }
    if (victim && victim != e) {
        kn_count_add(&counters->dropped, 1);
    }
    if (!local) {
        pthread_mutex_unlock(&rt->outside_lock);
    }
    if (victim) {
        kn_letter(rt, local, victim, kn_agent_id(a), KOKEN_DEAD_FULL);
        kn_message_drop(rt, local, victim, -EAGAIN);
    }
    if (opened) {
        kn_room_opened(local, a);
    }
    if (pushed == KN_PUSH_WAKE) {
        kn_agent_wake(local, a);
    }
    return rc;
}

/* Counts a send that was refused, and says why. */
static int refuse(struct kn_local *local, int rc)
{
    KN_ASSERT(rc < 0);
    kn_count_add(&local->counters.refused, 1);
    return rc;
}

int kn_send_outside(struct koken *rt, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(kn_agent_runtime(a) == rt);
    int rc = send_slowly(rt, NULL, a, e);
    if (rc < 0) {
        pthread_mutex_lock(&rt->outside_lock);
        kn_count_add(&rt->outside.refused, 1);
        kn_envelope_free(&rt->outside_pool, e);
        pthread_mutex_unlock(&rt->outside_lock);
    }
    return rc;
}

/* From a thread that is no worker, or from a worker of another runtime. */
static int signal_outside(koken_ref to, const struct koken_type *type, const void *payload)
{
    int rc = -ESRCH;
    struct kn_agent *a = kn_resolve(to.id);
    if (a) {
        struct koken *rt = kn_agent_runtime(a);
        /* Relaxed: a send that races with the beginning of a stop may be either accepted or
         * refused. */
        bool is_stopping = kn_load(&rt->stopping, relaxed);
        struct kn_envelope *e = is_stopping ? NULL : kn_message_new_outside(rt, type, payload);
        if (e) {
            return kn_send_outside(rt, a, e);
        }
        rc = is_stopping ? -ESHUTDOWN : -ENOMEM;
        pthread_mutex_lock(&rt->outside_lock);
        kn_count_add(&rt->outside.refused, 1);
        pthread_mutex_unlock(&rt->outside_lock);
    }
    return rc;
}

int kn_send(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(kn_agent_runtime(a) == local->rt);
    KN_ASSERT(kn_local_is_held(local));
    KN_ASSERT(e->lane == KN_LANE_USER);
    bool opened = false;
    struct kn_agent *self = local->running ? local->running->self : NULL;
    if (self && kn_agent_is_parked(self) && self->cold->outbox->to == kn_agent_id(a)) {
        return kn_park_append(self, e, local->running->events & KN_CTX_LAST);
    }
    if (kn_unlikely(a->flags & KN_AGENT_SPECIAL)) {
        return send_slowly(local->rt, local, a, e);
    }
    enum kn_push pushed = KN_PUSH_ELSE;
    if (kn_alone_enter(local)) {
        pushed = kn_mailbox_push_usual(&a->mailbox, e, /* is_alone= */ true);
        kn_alone_leave(local);
    }
    if (pushed == KN_PUSH_ELSE) {
        pushed = kn_mailbox_push(&a->mailbox, e, &opened);
    }
    if (kn_likely(pushed <= KN_PUSH_WAKE)) {
        kn_count_add(&local->counters.sent, 1);
        if (pushed == KN_PUSH_WAKE) {
            kn_agent_wake(local, a);
        }
        if (kn_unlikely(opened)) {
            kn_room_opened(local, a);
        }
        return 0;
    }
    if (pushed == KN_PUSH_CLOSED) {
        return -ESRCH;
    }
    if (a->policy == KOKEN_POLICY_PARK && self) {
        return kn_park_envelope(local, self, kn_agent_id(a), e);
    }
    return -EAGAIN;
}

/* koken_signal_ where it is not the usual case; a NULL: nobody of this runtime. */
static KN_NOINLINE int signal_slowly(koken_ref to, const struct koken_type *type,
                                     const void *payload)
{
    struct kn_worker *worker = kn_worker_self;
    if (!worker) {
        kn_rcu_visit();
        int outside = signal_outside(to, type, payload);
        kn_rcu_depart();
        return outside;
    }
    struct kn_local *local = worker->local;
    struct kn_agent *a = kn_resolve(to.id);
    if (!a) {
        return refuse(local, -ESRCH);
    }
    if (kn_agent_runtime(a) != local->rt) {
        return signal_outside(to, type, payload);
    }
    struct kn_envelope *e = kn_message_new(local, type, payload);
    if (!e) {
        return refuse(local, -ENOMEM);
    }
    int rc = kn_send(local, a, e);
    if (rc < 0) {
        struct kn_worker *now = kn_worker_current(); /* a fiber may have waited, and moved */
        kn_envelope_free(&now->pool, e);
        return refuse(now->local, rc);
    }
    return rc;
}

/* koken_signal_ from the push on, where the mailbox is not as usual: pressed, full or closed. */
static KN_NOINLINE int push_slowly(struct kn_local *local, struct kn_agent *a,
                                   struct kn_envelope *e)
{
    int rc = kn_send(local, a, e);
    if (rc < 0) {
        struct kn_worker *now = kn_worker_current(); /* a fiber may have waited, and moved */
        kn_envelope_free(&now->pool, e);
        return refuse(now->local, rc);
    }
    return rc;
}

/* Makes ready who cannot go into the LIFO slot. */
static KN_NOINLINE int wake_tail(struct kn_worker *worker, struct kn_runnable *run,
                                 unsigned priority)
{
    kn_ready_tail(worker, run, (enum kn_prio)(priority & 0x7fu));
    return 0;
}

/* Counts a send, and whether it goes to one who runs on another worker, as far as that is known. */
static KN_ALWAYS_INLINE void count_sent(struct kn_local *local, const struct kn_agent *a)
{
    uint32_t taker = kn_load(&a->mailbox.taker, relaxed); /* relaxed: a hint */
    kn_count_add(&local->counters.sent, 1);
    if (kn_unlikely(taker != local->worker->index)) {
        local->far += taker != KN_MB_NOWHERE;
    }
}

/* Whether a, woken, goes into the worker's LIFO slot. */
static inline bool fits_slot(const struct kn_worker *worker, const struct kn_agent *a)
{
    return kn_load(&a->priority, relaxed) == KN_PRIO_NORMAL &&
           worker->has_lifo; /* relaxed: a hint */
}

/*
 * Puts e into the mailbox of an agent that rests and would go into the slot. Inside the bracket of alone.h nobody comes
 * between the look and the push; outside of it the push tells.
 */
static KN_ALWAYS_INLINE enum kn_push push_resting(struct kn_local *local, struct kn_agent *a,
                                                  struct kn_envelope *e)
{
    if (kn_unlikely(!kn_alone_enter(local))) {
        (void)kn_message_deadline(e); /* somebody else may be the one to handle it, at any time */
        return kn_mailbox_push_usual(&a->mailbox, e, /* is_alone= */ false);
    }
    enum kn_push pushed = KN_PUSH_ELSE;
    if (kn_mailbox_is_resting(&a->mailbox)) {
        pushed = kn_mailbox_push_usual(&a->mailbox, e, /* is_alone= */ true);
    }
    kn_alone_leave(local);
    return pushed;
}

enum kn_push kn_request_push(struct kn_local *local, struct kn_agent *a, uint32_t number,
                             struct kn_await_until until, const struct koken_type *type,
                             const void *payload, struct kn_envelope **ret_request)
{
    KN_ASSERT(number != 0);
    KN_ASSERT(kn_agent_runtime(a) == local->rt);
    KN_ASSERT(!(a->flags & (KN_AGENT_FIBER | KN_AGENT_WAITER | KN_AGENT_SPECIAL)));
    KN_ASSERT(!local->is_unusual);
    struct kn_envelope *e = new_here(local, type, payload, until.ns);
    if (kn_unlikely(!e)) {
        return KN_PUSH_ELSE;
    }
    e->flags |= KN_ENV_REQUEST | (until.is_after ? KN_ENV_AFTER : 0);
    e->corr = number;
    enum kn_push pushed = push_resting(local, a, e);
    if (kn_unlikely(pushed > KN_PUSH_WAKE)) {
        kn_envelope_free(&local->worker->pool, e);
        return KN_PUSH_ELSE;
    }
    kn_count_add(&local->counters.sent, 1);
    *ret_request = e;
    return pushed;
}

/* From the filled envelope to the end; refused, it is freed. */
static KN_ALWAYS_INLINE int send_here(struct kn_local *local, struct kn_agent *a,
                                      struct kn_envelope *e)
{
    struct kn_worker *worker = local->worker;
    enum kn_push pushed;
    if (kn_alone_enter(local)) {
        pushed = kn_mailbox_push_usual(&a->mailbox, e, /* is_alone= */ true);
        if (kn_likely(pushed == KN_PUSH_WAKE && fits_slot(worker, a))) {
            /* Alone with the slot as well: whoever steals is awake, thus a visitor. */
            struct kn_runnable *before = kn_lifo_put_alone(worker, &a->run);
            kn_alone_leave(local);
            count_sent(local, a);
            return kn_unlikely(before != NULL) ? wake_displaced(worker, before) : 0;
        }
        kn_alone_leave(local);
    } else {
        pushed = kn_mailbox_push_usual(&a->mailbox, e, /* is_alone= */ false);
    }
    if (kn_unlikely(pushed > KN_PUSH_WAKE)) {
        return push_slowly(local, a, e);
    }
    count_sent(local, a);
    if (pushed == KN_PUSH_OK) {
        return 0;
    }
    unsigned priority = kn_load(&a->priority, relaxed); /* relaxed: a hint */
    if (kn_unlikely(priority != KN_PRIO_NORMAL || !worker->has_lifo)) {
        return wake_tail(worker, &a->run, priority);
    }
    struct kn_runnable *old = kn_lifo_put(worker, &a->run);
    return kn_unlikely(old != NULL) ? wake_displaced(worker, old) : 0;
}

int kn_request_here(struct kn_local *local, struct kn_agent *a, uint32_t number,
                    uint64_t deadline_ns, const struct koken_type *type, const void *payload)
{
    KN_ASSERT(number != 0);
    KN_ASSERT(kn_agent_runtime(a) == local->rt);
    KN_ASSERT(!(a->flags & KN_AGENT_SPECIAL) && !local->is_unusual);
    struct kn_envelope *e = new_here(local, type, payload, deadline_ns);
    if (kn_unlikely(!e)) {
        return -ENOMEM;
    }
    e->flags |= KN_ENV_REQUEST;
    e->corr = number;
    return send_here(local, a, e);
}

/* From the resolved receiver to the end: size_class is a constant at each call. */
static KN_ALWAYS_INLINE int signal_here(struct kn_local *local, struct kn_agent *a, koken_ref to,
                                        const struct koken_type *type, const void *payload,
                                        unsigned size_class)
{
    struct kn_envelope *e = kn_pool_try(&local->worker->pool, size_class);
    if (kn_unlikely(!e)) {
        return signal_slowly(to, type, payload);
    }
    fill(e, type, payload, kn_load(&local->self_id, relaxed), size_class); /* relaxed: our own */
    return send_here(local, a, e);
}

/* Messages of more than one line. */
static KN_NOINLINE int signal_larger(struct kn_local *local, struct kn_agent *a, koken_ref to,
                                     const struct koken_type *type, const void *payload)
{
    return type->size <= KN_PAYLOAD_MEDIUM ? signal_here(local, a, to, type, payload, 1)
                                           : signal_here(local, a, to, type, payload, 2);
}

/*
 * The usual case from the first line to the last; whatever else there is ends in a call that has the rest
 * to itself, so that nothing need be kept over a call.
 */
KN_HOT int koken_signal_(koken_ref to, const struct koken_type *type, const void *payload)
{
    struct kn_worker *worker = kn_worker_self;
    if (kn_unlikely(!worker)) {
        return signal_slowly(to, type, payload);
    }
    struct kn_local *local = worker->local;
    KN_ASSERT(local->worker == worker);
    struct kn_agent *a = kn_resolve_in(local->rt, to.id);
    if (kn_unlikely(!a || local->is_unusual || (a->flags & KN_AGENT_SPECIAL))) {
        return signal_slowly(to, type, payload);
    }
    __builtin_prefetch(&a->intake); /* D-AC-31 */
    __builtin_prefetch(a->inline_state);
    if (kn_unlikely(type->size > KN_PAYLOAD_SMALL)) {
        return signal_larger(local, a, to, type, payload);
    }
    return signal_here(local, a, to, type, payload, 0);
}
