/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting of handler agents: a slot in a line that is served without its owner, by a message. The slot hangs on
 * the alarm of a request, so its time and the agent's end are the alarm's; the message's envelope is made with
 * it, so that whoever serves it needs no memory and cannot fail.
 *
 *     agent's table --alarm--> later --slot--> line
 *
 * Once served (out of the line, claimed) the channel knows it no more, and its message is on the way: then it is
 * too late to give up, and a deadline that comes in between is ignored (kn_pending).
 */
#include "orchestration/channel.h"

#include "actors/alarm.h"
#include "actors/deadletter.h"
#include "actors/request.h"
#include "actors/slots.h"

#include <errno.h>

struct later {
    struct kn_pending pending;
    struct kn_slot slot;
    struct kn_channel_wait wait;
    struct koken_channel *channel; /* a reference */
};
_Static_assert(sizeof(struct later) <= 256, "a block of the largest class");

/* Whether nothing comes any more; its envelope is given back then. */
static bool give_up(struct kn_pending *pending)
{
    struct later *later = kn_container_of(pending, struct later, pending);
    struct kn_held held = {.count = 0};
    struct kn_wakes wakes = {.count = 0};
    kn_channels_add(&held, later->channel);
    kn_channels_hold(&held);
    bool is_waiting = !kn_list_is_empty(&later->slot.link);
    if (is_waiting) {
        kn_channel_leave(&later->channel->core, &later->slot, &wakes);
    }
    struct kn_envelope *e = is_waiting ? later->wait.cookie : NULL;
    struct koken *rt = later->wait.context;
    struct kn_local *local = held.local && held.local->rt == rt ? held.local : NULL;
    kn_channels_release(&held, &wakes);
    if (e) {
        kn_envelope_free(local ? &local->worker->pool : &rt->locals[0].worker->pool, e);
    }
    return is_waiting;
}

static void free_later(struct kn_pending *pending, struct kn_local *local)
{
    struct later *later = kn_container_of(pending, struct later, pending);
    KN_ASSERT(kn_list_is_empty(&later->slot.link));
    (void)koken_channel_unref(later->channel);
    kn_block_free(&local->worker->pool, later, sizeof *later);
}

/* An item that nobody can be given any more. */
static void bury(struct koken *rt, struct kn_local *local, uint64_t who, struct kn_envelope *e)
{
    if (local) {
        kn_count_add(&local->counters.dead, 1);
    } else {
        pthread_mutex_lock(&rt->outside_lock);
        kn_count_add(&rt->outside.dead, 1);
        pthread_mutex_unlock(&rt->outside_lock);
    }
    kn_letter(rt, local, e, who, KOKEN_DEAD_STALE);
    kn_message_drop(rt, local, e, -ESRCH);
}

void kn_channel_post(const struct kn_wake *wake, struct kn_local *here)
{
    struct kn_envelope *e = wake->cookie;
    struct koken *rt = wake->context;
    struct kn_local *local = here && here->rt == rt ? here : NULL;
    if (wake->is_refused) {
        struct koken_failed failed = {e->corr, -ESHUTDOWN};
        e->type = &koken_type_koken_failed;
        e->flags |= KN_ENV_ERROR;
        memcpy(e->payload, &failed, sizeof failed);
    }
    if (local) {
        kn_count_add(&local->counters.sent, 1);
    } else {
        pthread_mutex_lock(&rt->outside_lock);
        kn_count_add(&rt->outside.sent, 1);
        pthread_mutex_unlock(&rt->outside_lock);
    }
    if (kn_post_system(local, wake->who, e) < 0) {
        bury(rt, local, wake->who, e);
    }
}

/* The envelope that will carry an item, or say that there is room. NULL: no memory. */
static struct kn_envelope *envelope_for(koken_ctx *ctx, struct koken_channel *channel, bool is_room)
{
    struct koken_channel_room room = {channel, 0};
    struct kn_local *local = ctx->local;
    uint32_t size = channel->core.type->size;
    if (is_room) {
        return kn_message_new(local, &koken_type_koken_channel_room, &room);
    }
    struct kn_envelope *e =
        kn_envelope_new(&local->worker->pool,
                        size > sizeof(struct koken_failed) ? size : sizeof(struct koken_failed));
    if (e) {
        e->next = NULL;
        e->type = channel->core.type;
        e->from = 0;
        e->lane = KN_LANE_USER;
        e->flags = 0;
    }
    return e;
}

/* Tries first, then stands in line: both under one hold, so that nothing falls in between. */
static void stand_in_line(struct later *later)
{
    struct kn_held held = {.count = 0};
    struct kn_wakes wakes = {.count = 0};
    struct kn_channel *core = &later->channel->core;
    kn_channels_add(&held, later->channel);
    kn_channels_hold(&held);
    struct kn_slot *slot = &later->slot;
    uint32_t done = KN_WAIT_DONE;
    bool is_gift = slot->kind == KN_SLOT_GIFT;
    enum kn_channel_got got =
        is_gift ? kn_channel_pop(core, slot->item, NULL, &wakes) : KN_CHANNEL_WAIT;
    if (got == KN_CHANNEL_WAIT) {
        kn_channel_enter(core, slot, &wakes); /* tells of the room there may be, or of the close */
    } else {
        kn_store(&later->wait.word, done, relaxed); /* relaxed: nobody else knows it */
    }
    kn_channels_release(&held, &wakes);
    if (got != KN_CHANNEL_WAIT) {
        struct kn_wake own = {.who = later->wait.who,
                              .cookie = later->wait.cookie,
                              .context = later->wait.context,
                              .is_refused = got == KN_CHANNEL_CLOSED};
        kn_channel_post(&own, held.local);
    }
}

static int wait_later(koken_ctx *ctx, struct koken_channel *channel, uint64_t timeout_ns,
                      bool is_room)
{
    if (!ctx || !channel) {
        return -EINVAL;
    }
    if (ctx->self->flags & KN_AGENT_FIBER) {
        return -ENOTSUP;
    }
    struct kn_local *local = ctx->local;
    struct koken_failed late = {0, -ETIMEDOUT};
    struct later *later = kn_block_new(&local->worker->pool, sizeof *later);
    struct kn_envelope *e = later ? envelope_for(ctx, channel, is_room) : NULL;
    struct kn_envelope *out_of_time =
        e ? kn_message_new(local, &koken_type_koken_failed, &late) : NULL;
    uint32_t number = out_of_time ? kn_alarm_new(local, ctx->self, KN_ALARM_REQUEST, ctx->id,
                                                 timeout_ns, 0, out_of_time)
                                  : 0;
    if (!number) {
        if (out_of_time) {
            kn_envelope_free(&local->worker->pool, out_of_time);
        }
        if (e) {
            kn_envelope_free(&local->worker->pool, e);
        }
        if (later) {
            kn_block_free(&local->worker->pool, later, sizeof *later);
        }
        return -ENOMEM;
    }
    ((struct koken_failed *)(void *)out_of_time->payload)->request = number;
    if (is_room) {
        ((struct koken_channel_room *)(void *)e->payload)->request = number;
    }
    e->corr = number;
    e->flags |= KN_ENV_REPLY;
    *later = (struct later){
        .pending = {give_up, free_later},
        .slot = {.wait = &later->wait,
                 .item = e->payload,
                 .kind = is_room ? KN_SLOT_HINT : KN_SLOT_GIFT,
                 .is_sender = is_room},
        .wait = {.who = ctx->id, .cookie = e, .context = ctx->rt},
        .channel = koken_channel_ref(channel),
    };
    kn_list_init(&later->slot.link);
    kn_alarm_find(ctx->self, number)->pending = &later->pending;
    stand_in_line(later);
    return (int)number;
}

int koken_channel_receive_later(koken_ctx *ctx, struct koken_channel *channel, uint64_t timeout_ns)
{
    return wait_later(ctx, channel, timeout_ns, /* is_room= */ false);
}

int koken_channel_room_later(koken_ctx *ctx, struct koken_channel *channel, uint64_t timeout_ns)
{
    return wait_later(ctx, channel, timeout_ns, /* is_room= */ true);
}
