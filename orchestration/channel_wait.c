/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting in channels. A send or a receive that waits is a select of one case.
 *
 *     hold all --> try each, from a random one on --> done
 *        ^              | none
 *        |              v
 *        |         stand in all lines, let go, sleep --> told, out of time, cancelled, or handed something
 *        +-----------------------------------------------------+
 *
 * As all channels of a select are held while it tries and while it lines up, nothing can become possible in
 * between that it would not be told of. It leaves its lines under the same holds, and what it had been told of
 * and did not use is passed on (kn_channel_leave).
 *
 * A fiber that is ended while it sleeps here leaves by its kn_pending: the stack with the slots is still there.
 */
#include "orchestration/channel_wait.h"

#include "actors/fiber_agent.h"
#include "base/platform/switch.h"
#include "base/world.h"

#include <koken/fiber.h>

#include <errno.h>

enum { NONE = -1, SPINS = 128 };

/* One call that may wait; on its stack. */
struct call {
    struct koken_case *cases;
    uint32_t count;
    struct kn_fiber_agent *fiber; /* NULL: a thread outside, or one that may not wait */
    struct kn_held held;
    struct kn_wakes wakes;
    struct kn_channel_wait wait;
    struct kn_pending pending;
    struct kn_slot slots[KOKEN_SELECT_MAX];
};

static bool is_on(const struct koken_case *c)
{
    return c->kind != KOKEN_CASE_AT && c->channel != NULL;
}

/* Tries one case. Thread: holder of its channel. */
static bool attempt(struct call *call, struct koken_case *c, const struct kn_channel_wait *mine)
{
    struct kn_channel *core = &c->channel->core;
    enum kn_channel_got got = c->kind == KOKEN_CASE_SEND
                                  ? kn_channel_push(core, c->item, mine, &call->wakes)
                                  : kn_channel_pop(core, c->item, mine, &call->wakes);
    c->rc = got == KN_CHANNEL_CLOSED ? -ESHUTDOWN : 0;
    return got != KN_CHANNEL_WAIT;
}

/* The case that happens now, or NONE. Thread: holder of all. */
static int attempt_any(struct call *call, const struct kn_channel_wait *mine)
{
    uint32_t first = 0;
    if (call->count > 1 && call->held.count > 0) {
        first = (uint32_t)(kn_random(&call->held.channels[0]->chance) % call->count);
    }
    for (uint32_t i = 0; i < call->count; i++) {
        uint32_t at = first + i < call->count ? first + i : first + i - call->count;
        if (is_on(&call->cases[at]) && attempt(call, &call->cases[at], mine)) {
            return (int)at;
        }
    }
    return NONE;
}

static void line_up(struct call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        struct koken_case *c = &call->cases[i];
        struct kn_slot *slot = &call->slots[i];
        *slot = (struct kn_slot){.wait = &call->wait,
                                 .item = c->item,
                                 .index = i,
                                 .kind = KN_SLOT_LOOK,
                                 .is_sender = c->kind == KOKEN_CASE_SEND};
        kn_list_init(&slot->link);
        if (is_on(c)) {
            (void)koken_channel_ref(c->channel);
            kn_channel_enter(&c->channel->core, slot, &call->wakes);
        }
    }
}

static void leave_lines(struct call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        if (is_on(&call->cases[i])) {
            kn_channel_leave(&call->cases[i].channel->core, &call->slots[i], &call->wakes);
        }
    }
}

static void give_back(struct call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        if (is_on(&call->cases[i])) {
            (void)koken_channel_unref(call->cases[i].channel);
        }
    }
}

/* Has the wait been handed something? Thread: holder of all, or it may change. */
static int handed(const struct call *call)
{
    /* Relaxed: what was handed over was so under a lock that we hold, or take before we use it. */
    uint32_t word = kn_load(&((struct call *)(uintptr_t)call)->wait.word, relaxed);
    return word >= KN_WAIT_DONE ? (int)(word - KN_WAIT_DONE) : NONE;
}

/* The fiber ends while it waits: it leaves the lines, and what it was handed is nobody's. */
static bool give_up(struct kn_pending *pending)
{
    struct call *call = kn_container_of(pending, struct call, pending);
    kn_channels_hold(&call->held);
    int at = handed(call);
    leave_lines(call);
    kn_channels_release(&call->held, &call->wakes);
    if (at >= 0 && call->cases[at].kind == KOKEN_CASE_RECV && call->cases[at].type->drop) {
        call->cases[at].type->drop(call->cases[at].item);
    }
    give_back(call);
    return true;
}

/* Sleeps until the word changes. 0, -ETIMEDOUT, -ECANCELED. */
KN_UNPAIRED static int sleep_until(struct call *call, uint64_t deadline)
{
    int rc = 0;
    kn_atomic(uint32_t) *word = &call->wait.word;
    for (unsigned i = 0; i < SPINS && !call->fiber; i++) {
        if (kn_load(word, relaxed) != KN_WAIT_WAITING) { /* relaxed: the lock is taken after it */
            return 0;
        }
        kn_pause();
    }
    while (rc == 0 && kn_load(word, relaxed) == KN_WAIT_WAITING) { /* ends: told, or the deadline */
        rc = call->fiber ? kn_fiber_wait(call->fiber)
                         : kn_futex_wait(word, KN_WAIT_WAITING, deadline);
    }
    return rc;
}

/* After the first look was in vain, and with its slots in all lines: the case that happens, or an error. */
KN_UNPAIRED static int wait_in_lines(struct call *call, uint64_t deadline)
{
    int at = NONE, rc;
    if (call->fiber) {
        call->pending.give_up = give_up;
        call->fiber->pending = &call->pending;
        call->fiber->waits = (struct kn_fiber_wait_note){
            .what = call->count > 1
                        ? "one of some channels, first"
                        : (call->cases[0].kind == KOKEN_CASE_SEND ? "room in" : "an item of"),
            .on = call->cases[0].channel};
    }
    do { /* ends: as sleep_until */
        rc = sleep_until(call, deadline);
        kn_channels_hold(&call->held);
        at = handed(call);
        if (at == NONE) {
            kn_store(&call->wait.word, KN_WAIT_WAITING, relaxed); /* relaxed: under all locks */
            at = rc == -ECANCELED ? NONE : attempt_any(call, &call->wait);
        } else {
            call->cases[at].rc = 0;
        }
        if (at != NONE || rc < 0) {
            leave_lines(call);
        } else {
            for (uint32_t i = 0; i < call->count; i++) {
                if (is_on(&call->cases[i])) {
                    kn_channel_looked(&call->cases[i].channel->core, &call->slots[i]);
                }
            }
        }
        kn_channels_release(&call->held, &call->wakes);
    } while (at == NONE && rc == 0);
    if (call->fiber) {
        call->fiber->pending = NULL;
    }
    give_back(call);
    return at != NONE ? at : rc;
}

/* The earliest time of the cases, and which it is. */
static int earliest(const struct koken_case *cases, uint32_t count, uint64_t *ret_at_ns)
{
    int which = NONE;
    for (uint32_t i = 0; i < count; i++) {
        if (cases[i].kind == KOKEN_CASE_AT && (which == NONE || cases[i].at_ns < *ret_at_ns)) {
            which = (int)i;
            *ret_at_ns = cases[i].at_ns;
        }
    }
    return which;
}

/* When a wait of that length ends. */
static uint64_t deadline_of(uint64_t timeout_ns)
{
    if (timeout_ns == KOKEN_NO_DEADLINE) {
        return KN_NEVER;
    }
    uint64_t now = kn_now();
    return timeout_ns > KN_NEVER - 1 - now ? KN_NEVER - 1 : now + timeout_ns;
}

/* Who calls, and whether it may wait. Lets others run if the fiber has had its share. */
static int caller(struct call *call, bool *ret_may_wait)
{
    struct kn_worker *worker = kn_worker_current();
    struct kn_local *local = worker ? worker->local : NULL;
    koken_ctx *ctx = local ? local->running : NULL;
    call->fiber = kn_fiber_of(ctx);
    call->wait.who = ctx ? ctx->id : 0;
    *ret_may_wait = !worker || call->fiber;
    return call->fiber && kn_worker_must_yield(worker) ? koken_yield(ctx) : 0;
}

/* The wait of a call whose cases cannot happen now. It holds all, and has let go in the end. */
KN_UNPAIRED static int wait_for_any(struct call *call, uint64_t deadline)
{
    bool is_timed = call->fiber && deadline != KN_NEVER;
    if (is_timed) {
        /* Memory is asked for before anybody can see us. */
        uint64_t now = kn_now();
        if (!kn_fiber_wait_begin(call->fiber, deadline > now ? deadline - now : 0)) {
            kn_channels_release(&call->held, &call->wakes);
            return -ENOMEM;
        }
    }
    line_up(call);
    kn_channels_release(&call->held, &call->wakes);
    int rc = wait_in_lines(call, deadline);
    if (is_timed) {
        kn_fiber_wait_end(call->fiber);
    }
    return rc;
}

/* A select with checked cases. */
KN_UNPAIRED static int run(struct call *call, uint64_t timeout_ns)
{
    bool may_wait;
    int rc = caller(call, &may_wait);
    if (rc < 0) {
        return rc;
    }
    uint64_t at_ns = KN_NEVER;
    int timer = earliest(call->cases, call->count, &at_ns);
    for (uint32_t i = 0; i < call->count; i++) {
        if (is_on(&call->cases[i])) {
            kn_channels_add(&call->held, call->cases[i].channel);
        }
    }
    kn_channels_hold(&call->held);
    int at = attempt_any(call, NULL);
    if (at == NONE && timeout_ns > 0 && may_wait && (timer == NONE || kn_now() < at_ns)) {
        uint64_t deadline = deadline_of(timeout_ns);
        at = wait_for_any(call, deadline < at_ns ? deadline : at_ns);
        if (at != -ETIMEDOUT) {
            return at;
        }
    } else {
        kn_channels_release(&call->held, &call->wakes);
        if (at == NONE) {
            at = timeout_ns == 0 ? -EAGAIN : -ENOTSUP;
        }
    }
    if (at < 0 && timer != NONE && kn_now() >= at_ns) {
        call->cases[timer].rc = 0;
        return timer;
    }
    return at;
}

/* One case, and its error. */
KN_UNPAIRED static int run_one(struct koken_case *c, uint64_t timeout_ns)
{
    if (!c->channel || !c->item || c->channel->core.type != c->type) {
        return -EINVAL;
    }
    struct call call;
    call.cases = c;
    call.count = 1;
    call.held.count = 0;
    call.wakes.count = 0;
    call.wakes.is_more = false;
    kn_atomic_init(&call.wait.word, KN_WAIT_WAITING);
    call.wait.cookie = call.wait.context = NULL;
    int rc = run(&call, timeout_ns);
    return rc >= 0 ? c->rc : rc;
}

KN_UNPAIRED KN_NOINLINE int kn_channel_send_slowly(struct koken_channel *channel,
                                                   uint64_t timeout_ns,
                                                   const struct koken_type *type,
                                                   const void *payload)
{
    struct koken_case c = {channel, type, (void *)(uintptr_t)payload, 0, KOKEN_CASE_SEND, 0};
    return run_one(&c, timeout_ns);
}

KN_UNPAIRED KN_NOINLINE int kn_channel_recv_slowly(struct koken_channel *channel,
                                                   uint64_t timeout_ns,
                                                   const struct koken_type *type, void *ret_item)
{
    struct koken_case c = {channel, type, ret_item, 0, KOKEN_CASE_RECV, 0};
    return run_one(&c, timeout_ns);
}

int koken_select(struct koken_case *cases, size_t count, uint64_t timeout_ns)
{
    if (!cases || count == 0) {
        return -EINVAL;
    }
    if (count > KOKEN_SELECT_MAX) {
        return -E2BIG;
    }
    for (size_t i = 0; i < count; i++) {
        if ((unsigned)cases[i].kind > KOKEN_CASE_AT ||
            (is_on(&cases[i]) &&
             (!cases[i].item || cases[i].channel->core.type != cases[i].type))) {
            return -EINVAL;
        }
    }
    struct call call = {.cases = cases, .count = (uint32_t)count};
    return run(&call, timeout_ns);
}
