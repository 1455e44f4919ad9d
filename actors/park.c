/* SPDX-License-Identifier: Apache-2.0 */
/* See park.h. */
#include "actors/park.h"

#include "actors/alone.h"
#include "actors/deadletter.h"
#include "actors/fiber_agent.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/system.h"
#include "base/world.h"

#include <errno.h>

enum {
    /* For so many messages of room one is told: a wake-up costs as much as sending twenty. */
    MESSAGES_PER_WAKE = 128,
};

struct kn_overflow *kn_agent_overflow(struct kn_agent *a)
{
    struct kn_overflow *o = kn_load(&a->overflow, acquire); /* [AS3] acquire */
    if (o) {
        return o;
    }
    struct kn_overflow *fresh = kn_overflow_new(0, 0);
    if (!fresh) {
        return NULL;
    }
    /* [AS3] release: the making of the overflow; acquire: somebody else's, if that came first. */
    if (kn_cas_strong(&a->overflow, &o, fresh, acq_rel, acquire)) {
        return fresh;
    }
    kn_overflow_free(fresh);
    return o;
}

/* Tells the first n who wait. */
static void tell(struct kn_local *local, struct kn_agent *a, struct kn_overflow *o, uint32_t n)
{
    uint64_t who, cookie;
    for (; n > 0 && kn_overflow_pop_waiter(o, &who, &cookie); n--) {
        if (cookie) {
            kn_system_writable(local, a, cookie);
            continue;
        }
        struct kn_agent *waiter = kn_resolve(who);
        if (waiter) {
            kn_agent_nudge(local, waiter);
        }
    }
}

void kn_room_made(struct kn_local *local, struct kn_agent *a)
{
    struct kn_overflow *o = kn_load(&a->overflow, acquire); /* [AS3] acquire */
    /*
     * Those who wait now. Who comes later, or again, has seen the room, or pressure that began after it:
     * then the end of that pressure tells them. Without the bound one who is told, fails and waits again
     * could keep this going for as long as it is faster.
     */
    if (o) {
        tell(local, a, o, kn_overflow_waiters(o));
    }
}

void kn_room_opened(struct kn_local *local, struct kn_agent *a)
{
    struct kn_overflow *o = kn_load(&a->overflow, acquire); /* [AS3] acquire */
    if (o && o->bytes_max > 0) {
        kn_room_made(local, a); /* of the pressure of bytes nobody keeps a note */
    } else if (o) {
        bool is_all;
        uint32_t first = (a->mailbox.limit - a->mailbox.low) / MESSAGES_PER_WAKE;
        tell(local, a, o, kn_overflow_wave(o, first ? first : 1, &is_all));
    }
}

void kn_room_look(struct kn_local *local, struct kn_agent *a)
{
    KN_ASSERT(kn_agent_is_held(a));
    if (kn_mailbox_relieve(&a->mailbox)) {
        kn_room_opened(local, a);
    } else if (kn_mailbox_line_is_due(&a->mailbox)) {
        struct kn_overflow *o = kn_load(&a->overflow, acquire); /* [AS3] acquire */
        bool is_all = true;
        uint32_t n = o ? kn_overflow_wave(o, 0, &is_all) : 0;
        if (is_all) {
            kn_mailbox_end_line(&a->mailbox);
            kn_room_made(local, a); /* with those who have come in between; the line may be new */
        } else {
            tell(local, a, o, n);
        }
    }
}

static struct kn_outbox **bucket_of(struct koken *rt, uint64_t who)
{
    return &rt->parked[(uint32_t)who % KN_PARK_BUCKETS];
}

/* Enters the edge unless it would close a cycle. */
int kn_park_enter(struct koken *rt, struct kn_outbox *o)
{
    KN_ASSERT(o->who != 0);
    KN_ASSERT(o->to != 0);
    KN_ASSERT(!o->is_waiting);
    int rc = 0;
    uint64_t at = o->to;
    pthread_mutex_lock(&rt->park_lock);
    while (at != 0 &&
           rc == 0) { /* ends: the graph had no cycle before, each agent one edge at most */
        if (at == o->who) {
            rc = -EDEADLK;
            break;
        }
        struct kn_outbox *edge = *bucket_of(rt, at);
        while (edge && edge->who != at) {
            edge = edge->next;
        }
        at = edge ? edge->to : 0;
    }
    if (rc == 0) {
        struct kn_outbox **bucket = bucket_of(rt, o->who);
        o->since_ns = kn_now();
        o->is_entered = true;
        if (o->number) {
            (void)kn_add(&rt->awaits, 1, relaxed); /* relaxed: the request carries it */
        }
        o->next = *bucket;
        *bucket = o;
    }
    pthread_mutex_unlock(&rt->park_lock);
    return rc;
}

/* Takes an edge that is entered out. Under park_lock. */
static void take_out(struct koken *rt, struct kn_outbox *o)
{
    struct kn_outbox **link = bucket_of(rt, o->who);
    while (*link != o) { /* ends: o was entered */
        KN_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = o->next;
    o->is_entered = false;
    if (o->number) {
        (void)kn_sub(&rt->awaits, 1, relaxed); /* relaxed: as where it is read */
    }
}

void kn_park_leave(struct koken *rt, struct kn_outbox *o)
{
    pthread_mutex_lock(&rt->park_lock);
    if (o->is_entered) {
        take_out(rt, o);
    }
    pthread_mutex_unlock(&rt->park_lock);
}

void kn_park_settle(struct koken *rt, uint64_t who, uint32_t number)
{
    /* Relaxed: the edge was entered before its request was sent, which the caller has received. */
    if (kn_likely(kn_load(&rt->awaits, relaxed) == 0)) {
        return;
    }
    pthread_mutex_lock(&rt->park_lock);
    struct kn_outbox *edge = *bucket_of(rt, who);
    while (edge && (edge->who != who || edge->number != number)) { /* ends: the list is finite */
        edge = edge->next;
    }
    if (edge) {
        take_out(rt, edge);
    }
    pthread_mutex_unlock(&rt->park_lock);
}

bool kn_park_edge(struct koken *rt, uint64_t who, struct kn_outbox *ret_edge)
{
    pthread_mutex_lock(&rt->park_lock);
    const struct kn_outbox *edge = *bucket_of(rt, who);
    while (edge && edge->who != who) { /* ends: as above */
        edge = edge->next;
    }
    if (edge) {
        *ret_edge = (struct kn_outbox){
            .who = edge->who, .to = edge->to, .since_ns = edge->since_ns, .number = edge->number};
    }
    pthread_mutex_unlock(&rt->park_lock);
    return edge != NULL;
}

/*
 * The receiver's word, for one who has just entered the line. A read-modify-write, so that it is
 * either later than the relief or the end, and sees it, or earlier, and then seen by them, with the
 * overflow that may be new.
 */
static uint64_t look_after_entering(struct kn_agent *to)
{
    return kn_or(&to->mailbox.word, 0, acq_rel); /* [MB2] acquire, release */
}

int kn_park_wait(struct kn_agent *to, struct kn_outbox *o, bool *ret_again)
{
    KN_ASSERT(!o->is_waiting);
    KN_ASSERT(o->head != NULL);
    struct kn_overflow *overflow = kn_agent_overflow(to);
    if (!overflow) {
        return -ENOMEM;
    }
    o->waiter.who = o->who;
    o->waiter.cookie = 0;
    o->is_waiting = kn_overflow_wait(overflow, &o->waiter);
    uint64_t word = look_after_entering(to);
    *ret_again = !o->is_waiting || !(word & KN_MB_PRESSED) || (word & KN_MB_CLOSED);
    if (o->is_waiting && (word & KN_MB_CLOSED)) {
        /* It ended before the overflow was there: nobody will ever empty the list. */
        (void)kn_overflow_unwait(overflow, &o->waiter);
        o->is_waiting = false;
    }
    return 0;
}

void kn_park_unwait(struct kn_outbox *o)
{
    if (o->is_waiting) {
        struct kn_agent *to = kn_resolve(o->to);
        if (to) {
            /* Off the list already, if false: then a nudge is on its way, which does no harm. */
            (void)kn_overflow_unwait(kn_load(&to->overflow, relaxed),
                                     &o->waiter); /* relaxed: ours */
        }
        o->is_waiting = false;
    }
}

int kn_park_envelope(struct kn_local *local, struct kn_agent *self, uint64_t to,
                     struct kn_envelope *e)
{
    KN_ASSERT(local->running->self == self);
    KN_ASSERT(kn_agent_is_held(self));
    KN_ASSERT(e->lane == KN_LANE_USER);
    if (self->flags & KN_AGENT_FIBER) {
        return kn_fiber_park(self, to, e);
    }
    if (kn_agent_is_parked(self) || (local->running->events & KN_CTX_LAST)) {
        return -EAGAIN; /* one wait at a time, and none at the end */
    }
    struct kn_cold *cold = kn_agent_cold(self);
    struct kn_outbox *o = cold ? kn_block_new(&local->worker->pool, sizeof *o) : NULL;
    if (!o) {
        return -ENOMEM;
    }
    *o = (struct kn_outbox){.who = kn_agent_id(self), .to = to, .head = e, .tail = e, .count = 1};
    e->next = NULL;
    int rc = kn_park_enter(local->rt, o);
    if (rc < 0) {
        kn_block_free(&local->worker->pool, o, sizeof *o);
        return rc;
    }
    cold->outbox = o;
    local->is_unusual = true; /* what else this handler sends goes behind; until its turn ends */
    local->running->events |= KN_CTX_PARKED;
    return 0;
}

int kn_park_append(struct kn_agent *self, struct kn_envelope *e, bool is_last)
{
    struct kn_outbox *o = self->cold->outbox;
    KN_ASSERT((o->head == NULL) == (o->count == 0));
    KN_ASSERT(o->count <= KN_OUTBOX_MAX);
    if (o->count >= KN_OUTBOX_MAX || is_last) {
        return -EAGAIN;
    }
    e->next = NULL;
    if (o->head) {
        o->tail->next = e;
    } else {
        o->head = e;
    }
    o->tail = e;
    o->count++;
    return 0;
}

/* Sends from the outbox what is accepted. True: it is empty, or nobody is there any more. */
static bool flush(struct kn_local *local, struct kn_outbox *o)
{
    while (o->head) { /* ends: at the first refusal, or empty */
        struct kn_envelope *e = o->head;
        struct kn_envelope *next = e->next;
        struct kn_agent *to = kn_resolve(o->to);
        if (!to) {
            /* Accepted from the sender's view: sent, and dead at once. */
            kn_count_add(&local->counters.sent, 1);
            kn_count_add(&local->counters.dead, 1);
            kn_letter(local->rt, local, e, o->to, KOKEN_DEAD_ENDED);
            kn_message_drop(local->rt, local, e, -ESRCH);
        } else {
            bool opened = false;
            enum kn_push pushed = kn_mailbox_push(&to->mailbox, e, &opened);
            if (opened) {
                kn_room_opened(local, to);
            }
            if (pushed == KN_PUSH_FULL) {
                e->next = next;
                return false;
            }
            if (pushed == KN_PUSH_CLOSED) {
                kn_count_add(&local->counters.sent, 1); /* as above */
                kn_count_add(&local->counters.dead, 1);
                kn_letter(local->rt, local, e, o->to, KOKEN_DEAD_ENDED);
                kn_message_drop(local->rt, local, e, -ESRCH);
            } else {
                kn_count_add(&local->counters.sent, 1);
                if (pushed == KN_PUSH_WAKE) {
                    kn_agent_wake(local, to);
                }
            }
        }
        KN_ASSERT(o->count > 0);
        o->head = next;
        o->count--;
    }
    KN_ASSERT(o->count == 0);
    return true;
}

static void end_parking(struct kn_local *local, struct kn_agent *a)
{
    struct kn_outbox *o = a->cold->outbox;
    KN_ASSERT(!o->head);
    KN_ASSERT(!o->is_waiting);
    KN_ASSERT(o->who == kn_agent_id(a));
    kn_park_leave(local->rt, o);
    a->cold->outbox = NULL;
    kn_block_free(&local->worker->pool, o, sizeof *o);
}

static enum kn_parked try_outbox(struct koken_ctx *ctx, struct kn_agent *a)
{
    struct kn_outbox *o = a->cold->outbox;
    for (;;) { /* ends: flushed, ended, or idle */
        int rc = kn_agent_run_system(ctx, a);
        struct kn_local *local = ctx->local;
        if (rc != 0) {
            kn_agent_end(local, a, rc < 0 ? rc : 0);
            return KN_PARKED_ENDED;
        }
        KN_ASSERT(a->cold->outbox == o);
        kn_park_unwait(o);
        if (flush(local, o)) {
            end_parking(local, a);
            if (a->cold->is_leaving) {
                kn_agent_end(local, a, 0);
                return KN_PARKED_ENDED;
            }
            return KN_PARKED_NO;
        }
        struct kn_agent *to = kn_resolve(o->to);
        bool again = true;
        if (to && kn_park_wait(to, o, &again) < 0) {
            return KN_PARKED_AGAIN;
        }
        struct kn_envelope *last = NULL;
        if (!again && kn_mailbox_idle(&a->mailbox, &a->intake, &last)) {
            kn_envelope_release(local, last);
            return KN_PARKED_IDLE;
        }
        kn_room_look(local, a);
    }
}

enum kn_parked kn_park_turn(struct koken_ctx *ctx, struct kn_agent *a)
{
    KN_ASSERT(kn_agent_is_parked(a));
    KN_ASSERT(ctx->self == a);
    ctx->local->is_unusual =
        true; /* what handlers of the system lane send goes behind the outbox */
    enum kn_parked parked = try_outbox(ctx, a);
    ctx->local->is_unusual = ctx->local->is_stamping; /* whoever runs next is not parked */
    return parked;
}

void kn_park_abandon(struct kn_local *local, struct kn_agent *a)
{
    struct kn_outbox *o = a->cold->outbox;
    kn_park_unwait(o);
    while (o->head) { /* ends: the outbox is bounded */
        struct kn_envelope *e = o->head;
        o->head = e->next;
        kn_count_add(&local->counters.sent, 1);
        kn_count_add(&local->counters.dead, 1);
        kn_letter(local->rt, local, e, o->to, KOKEN_DEAD_ENDED);
        kn_message_drop(local->rt, local, e, -ECANCELED);
    }
    end_parking(local, a);
}

static void free_letter(struct kn_local *local, struct kn_room_letter *letter)
{
    if (letter->envelope) {
        kn_envelope_free(&local->worker->pool, letter->envelope);
    }
    kn_free(letter, sizeof *letter, _Alignof(struct kn_room_letter));
}

/* The letter that tells the running agent of room at `to`; NULL: no memory. */
static struct kn_room_letter *new_letter(struct kn_local *local, const struct kn_agent *to)
{
    struct koken_writable payload = {kn_agent_ref(to)};
    struct kn_room_letter *letter = kn_alloc(sizeof *letter, _Alignof(struct kn_room_letter), -1);
    if (!letter) {
        return NULL;
    }
    letter->envelope = NULL;
    if (kn_agent_runtime(to) == local->rt) {
        letter->envelope = kn_message_new(local, &koken_type_koken_writable, &payload);
        if (!letter->envelope) {
            free_letter(local, letter);
            return NULL;
        }
        letter->envelope->from = kn_agent_id(to);
    }
    return letter;
}

int koken_notify_writable(koken_ctx *ctx, koken_ref who)
{
    struct kn_local *local = ctx->local;
    struct kn_agent *to = kn_resolve(who.id);
    if (!to) {
        return -ESRCH;
    }
    struct kn_overflow *o = kn_agent_overflow(to);
    struct kn_room_letter *letter = o ? new_letter(local, to) : NULL;
    if (!letter) {
        return -ENOMEM;
    }
    letter->waiter.who = kn_agent_id(ctx->self);
    letter->waiter.cookie = (uint64_t)(uintptr_t)letter;
    /* Of another runtime: its worker's plain stores would not meet the look. */
    struct koken *visited = kn_alone_visit_agent(local, kn_agent_runtime(to));
    bool entered = kn_overflow_wait(o, &letter->waiter);
    uint64_t word = look_after_entering(to);
    /* With L the receiver will tell the line. */
    bool is_pressed = (word & (KN_MB_PRESSED | KN_MB_LINE)) || kn_overflow_is_pressed(o);
    kn_alone_depart_agent(visited);
    if (!entered || ((word & KN_MB_CLOSED) && kn_overflow_unwait(o, &letter->waiter))) {
        free_letter(local, letter);
        return -ESRCH;
    }
    if (!is_pressed) {
        kn_room_made(local, to);
    }
    return 0;
}
