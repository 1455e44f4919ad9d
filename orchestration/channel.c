/* SPDX-License-Identifier: Apache-2.0 */
/* Making, holding and closing channels, and the usual way through them. */
#include "orchestration/channel.h"

#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "base/edges.h"
#include "base/world.h"
#include "caps/payload.h"
#include "orchestration/channel_wait.h"
#include "orchestration/either.h"

#include <errno.h>

enum { NOBODY = UINT16_MAX };

static uint32_t items_align(const struct koken_type *type)
{
    return type->align > 8 ? type->align : 8; /* never more than the stride */
}

static void free_channel(struct koken_channel *channel)
{
    struct kn_channel *core = &channel->core;
    if (core->items) {
        kn_free(core->items, (size_t)core->capacity * core->stride, items_align(core->type));
    }
    kn_free(channel, sizeof *channel, _Alignof(struct koken_channel));
}

/* The runtime ends: nobody sends any more, and nobody may ask for the runtime. */
static void end(struct kn_ending *ending, struct koken *rt)
{
    struct koken_channel *channel = kn_container_of(ending, struct koken_channel, ending);
    kn_either_way(koken_channel_close(channel)); /* closed already: as well */
    KN_ASSERT(kn_load(&channel->rt, relaxed) == rt);
    (void)rt;
    /* [OH1] release: the close, and all that was done under the bias. */
    kn_store(&channel->rt, NULL, release);
}

static kn_atomic(uint64_t) numbers;
KN_GLOBAL_SIMULATED(numbers);

int koken_channel_new_rt_(struct koken *rt, const struct koken_type *type, size_t capacity,
                          struct koken_channel **ret_channel)
{
    if (!rt || !type || !ret_channel || capacity > KOKEN_CHANNEL_CAPACITY_MAX) {
        return -EINVAL;
    }
    struct koken_channel *channel = kn_alloc(sizeof *channel, _Alignof(struct koken_channel), -1);
    if (!channel) {
        return -ENOMEM;
    }
    memset(channel, 0, sizeof *channel);
    uint32_t stride = (uint32_t)kn_align_up(type->size, items_align(type));
    void *items = NULL;
    if (capacity > 0) {
        items = kn_alloc(capacity * stride, items_align(type), -1);
        if (!items) {
            kn_free(channel, sizeof *channel, _Alignof(struct koken_channel));
            return -ENOMEM;
        }
    }
    kn_channel_init(&channel->core, type, (uint32_t)capacity, stride, items);
    channel->last = NOBODY;
    channel->chance = kn_random_seed(kn_entropy());
    channel->number =
        kn_add(&numbers, 1, relaxed); /* relaxed: only different, and the same in each run */
    channel->ending.end = end;
    kn_atomic_init(&channel->refs, 1);
    kn_atomic_init(&channel->rt, rt);
    if (!kn_ending_enter(rt, &channel->ending)) {
        free_channel(channel);
        return -ESHUTDOWN;
    }
    *ret_channel = channel;
    return 0;
}

int koken_channel_new_ctx_(koken_ctx *ctx, const struct koken_type *type, size_t capacity,
                           struct koken_channel **ret_channel)
{
    return koken_channel_new_rt_(ctx ? ctx->rt : NULL, type, capacity, ret_channel);
}

struct koken_channel *koken_channel_ref(struct koken_channel *channel)
{
    if (channel) {
        /* Relaxed: who gives a reference away has one. */
        uint32_t before = kn_add(&channel->refs, 1, relaxed);
        KOKEN_CHECK(before > 0);
    }
    return channel;
}

/* Nobody knows the channel but the list of its runtime. */
static void destroy(struct koken_channel *channel)
{
    struct kn_channel *core = &channel->core;
    KN_ASSERT(kn_list_is_empty(&core->receivers));
    KN_ASSERT(kn_list_is_empty(&core->senders));
    bool is_outside = !kn_worker_current();
    if (is_outside) {
        kn_rcu_visit();
    }
    struct koken *rt = kn_load(&channel->rt, acquire); /* [OH1] acquire */
    if (rt) {
        kn_ending_leave(rt, &channel->ending);
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    for (uint32_t i = 0; i < core->count && core->type->drop; i++) {
        core->type->drop(kn_channel_place(core, i));
    }
    free_channel(channel);
}

struct koken_channel *koken_channel_unref(struct koken_channel *channel)
{
    if (channel) {
        /* [OH2] release: what was done with it; acquire: what the others have done, before it goes. */
        uint32_t before = kn_sub(&channel->refs, 1, acq_rel);
        KOKEN_CHECK(before > 0);
        if (before == 1) {
            destroy(channel);
        }
    }
    return NULL;
}

void kn_channels_add(struct kn_held *held, struct koken_channel *channel)
{
    uint32_t at = held->count;
    for (uint32_t i = 0; i < held->count; i++) {
        if (held->channels[i] == channel) {
            return;
        }
    }
    KN_ASSERT(held->count < KOKEN_SELECT_MAX);
    for (; at > 0 && held->channels[at - 1]->number > channel->number; at--) {
        held->channels[at] = held->channels[at - 1];
    }
    held->channels[at] = channel;
    held->count++;
}

/* Whether they all belong to the runtime of the worker that asks. */
static bool are_own(const struct kn_held *held)
{
    if (!held->local) {
        return false;
    }
    for (uint32_t i = 0; i < held->count; i++) {
        /* Relaxed: it does not become ours, and does not end while we run. */
        if (kn_load(&held->channels[i]->rt, relaxed) != held->local->rt) {
            return false;
        }
    }
    return true;
}

void kn_channels_hold(struct kn_held *held)
{
    struct kn_worker *worker = kn_worker_current();
    held->local = worker ? worker->local : NULL;
    held->is_alone = false;
    if (!worker) {
        kn_rcu_visit();
    }
    bool is_own = are_own(held);
    if (is_own && kn_alone_enter(held->local)) {
        held->is_alone = true;
    }
    for (uint32_t i = 0; i < held->count && !held->is_alone; i++) {
        /* Relaxed: of who unbinds it, the close before that has had the lock, which is taken below. */
        struct koken *rt = kn_load(&held->channels[i]->rt, relaxed);
        held->visited[i] = is_own ? NULL : rt;
        if (held->visited[i]) {
            kn_alone_visit(rt); /* perhaps again, or our own: it only counts */
        }
    }
    for (uint32_t i = 0; i < held->count; i++) {
        struct koken_channel *channel = held->channels[i];
        if (!held->is_alone) {
            kn_lock(&channel->lock);
        }
        kn_take_over(channel); /* a lock or none, to its users it is one */
        if (worker && channel->last != worker->index) {
            channel->last = worker->index;
            held->local->far++;
        }
    }
}

static void wake(const struct kn_wake *who, struct kn_local *local)
{
    if (who->cookie) {
        kn_channel_post(who, local);
    } else if (who->who) {
        struct kn_agent *a = kn_resolve(who->who);
        if (a) { /* else it has ended, and left the line itself */
            kn_agent_nudge(local, a);
        }
    } else {
        kn_futex_wake(who->word, 1); /* its memory may be gone: then it sleeps no more */
    }
}

static void let_go(struct kn_held *held)
{
    for (uint32_t i = 0; i < held->count; i++) {
        kn_hand_over(held->channels[i]);
    }
    if (held->is_alone) {
        kn_alone_leave(held->local);
        return;
    }
    for (uint32_t i = held->count; i-- > 0;) {
        kn_unlock(&held->channels[i]->lock);
    }
    for (uint32_t i = 0; i < held->count; i++) {
        kn_alone_depart_agent(held->visited[i]);
    }
}

void kn_channels_release(struct kn_held *held, struct kn_wakes *wakes)
{
    for (;;) { /* ends: nobody is left to be told; each is told once */
        let_go(held);
        for (uint32_t i = 0; i < wakes->count; i++) {
            wake(&wakes->of[i], held->local);
        }
        bool is_more = wakes->is_more;
        wakes->count = 0;
        wakes->is_more = false;
        if (!held->local) {
            kn_rcu_depart();
        }
        if (!is_more) {
            return;
        }
        kn_channels_hold(held);
        for (uint32_t i = 0; i < held->count; i++) {
            kn_channel_settle(&held->channels[i]->core, wakes);
        }
    }
}

int koken_channel_close(struct koken_channel *channel)
{
    if (!channel) {
        return -EINVAL;
    }
    struct kn_held held = {.count = 0};
    struct kn_wakes wakes = {.count = 0};
    kn_channels_add(&held, channel);
    kn_channels_hold(&held);
    int rc = channel->core.is_closed ? -EALREADY : 0;
    if (rc == 0) {
        kn_channel_close(&channel->core, &wakes);
    }
    kn_channels_release(&held, &wakes);
    return rc;
}

/* What a look at a channel finds. */
static uint32_t look(struct koken_channel *channel, bool *ret_is_closed)
{
    struct kn_held held = {.count = 0};
    struct kn_wakes wakes = {.count = 0};
    kn_channels_add(&held, channel);
    kn_channels_hold(&held);
    uint32_t count = channel->core.count;
    *ret_is_closed = channel->core.is_closed;
    kn_channels_release(&held, &wakes);
    return count;
}

size_t koken_channel_count(struct koken_channel *channel)
{
    bool is_closed;
    return channel ? look(channel, &is_closed) : 0;
}

size_t koken_channel_capacity(const struct koken_channel *channel)
{
    return channel ? channel->core.capacity : 0;
}

bool koken_channel_is_closed(struct koken_channel *channel)
{
    bool is_closed = false;
    if (channel) {
        (void)look(channel, &is_closed);
    }
    return is_closed;
}

/*
 * Frame the usual way, from a worker of the channel's runtime. Answers whether the worker is alone, which is
 * leave_usual's to know.
 */
static KN_ALWAYS_INLINE bool enter_usual(struct koken_channel *channel, struct kn_local *local)
{
    bool is_alone = kn_alone_enter(local);
    if (kn_unlikely(!is_alone)) {
        kn_lock(&channel->lock);
    }
    local->passed++;
    if (kn_unlikely(channel->last != local->worker->index)) {
        channel->last = local->worker->index;
        local->far++;
    }
    return is_alone;
}

static KN_ALWAYS_INLINE void leave_usual(struct koken_channel *channel, struct kn_local *local,
                                         bool is_alone)
{
    if (kn_likely(is_alone)) {
        kn_alone_leave(local);
    } else {
        kn_unlock(&channel->lock);
    }
}

/* The worker's part that may go the usual way, or NULL. */
static KN_ALWAYS_INLINE struct kn_local *usual_local(const struct koken_channel *channel,
                                                     const struct koken_type *type)
{
    struct kn_worker *worker = kn_worker_self;
    if (kn_unlikely(!worker || !channel || channel->core.type != type || --worker->budget <= 0)) {
        return NULL;
    }
    struct kn_local *local = worker->local;
    /* Relaxed: it does not become ours, and does not end while we run. */
    return kn_likely(kn_load(&channel->rt, relaxed) == local->rt) ? local : NULL;
}

KN_HOT int koken_channel_send_(struct koken_channel *channel, uint64_t timeout_ns,
                               const struct koken_type *type, const void *payload)
{
    struct kn_local *local = usual_local(channel, type);
    if (kn_likely(local != NULL)) {
        bool is_alone = enter_usual(channel, local);
        bool is_done = kn_channel_try_push(&channel->core, payload);
        leave_usual(channel, local, is_alone);
        if (kn_likely(is_done)) {
            return 0;
        }
    }
    return kn_channel_send_slowly(channel, timeout_ns, type, payload);
}

int koken_channel_give_(struct koken_channel *channel, uint64_t timeout_ns, const void *payload,
                        int is_val)
{
    struct kn_handle handle;
    const struct koken_type *type = kn_payload_message(payload, is_val != 0, &handle);

    return koken_channel_send_(channel, timeout_ns, type, &handle);
}

KN_HOT int koken_channel_recv_(struct koken_channel *channel, uint64_t timeout_ns,
                               const struct koken_type *type, void *ret_item)
{
    struct kn_local *local = usual_local(channel, type);
    if (kn_likely(local != NULL && ret_item)) {
        bool is_alone = enter_usual(channel, local);
        bool is_done = kn_channel_try_pop(&channel->core, ret_item);
        leave_usual(channel, local, is_alone);
        if (kn_likely(is_done)) {
            return 0;
        }
    }
    return kn_channel_recv_slowly(channel, timeout_ns, type, ret_item);
}
