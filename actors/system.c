/* SPDX-License-Identifier: Apache-2.0 */
/* What system messages do to a handler agent. */
#include "actors/system.h"

#include "actors/alarm.h"
#include "actors/deadletter.h"
#include "actors/link.h"
#include "actors/registry.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/spawn.h"
#include "actors/stamp.h"
#include "actors/supervisor.h"

#include <errno.h>

#define INTERNAL_TYPE(NAME, SIZE)                                                                  \
    const struct koken_type kn_type_##NAME = {"koken." #NAME, SIZE, 8, NULL, 0, 0, NULL}

INTERNAL_TYPE(stop, 0);
INTERNAL_TYPE(init, sizeof(struct kn_init_arg));
INTERNAL_TYPE(alarm_over, 0);
_Static_assert(sizeof(struct kn_init_arg) <= KN_PAYLOAD_MAX, "an init fits an envelope");
_Static_assert(offsetof(struct kn_init_arg, bytes) == 16, "and its bytes are aligned");

void kn_system_writable(struct kn_local *local, const struct kn_agent *room, uint64_t cookie)
{
    KN_ASSERT(cookie != 0);
    struct kn_room_letter *letter = (struct kn_room_letter *)(uintptr_t)cookie;
    uint64_t who = letter->waiter.who;
    KN_ASSERT(who != 0);
    if (letter->envelope) {
        kn_message_stamp_again(letter->envelope);
        (void)kn_post_made(kn_agent_runtime(room), local, who, letter->envelope); /* dead: nobody */
    } else {
        struct koken_writable payload = {kn_agent_ref(room)};
        (void)kn_post(local, who, &koken_type_koken_writable, &payload, 0, 0); /* likewise */
    }
    kn_free(letter, sizeof *letter,
            _Alignof(struct kn_room_letter)); /* of the heap: whoever's pool */
}

/* A message of one of the agent's alarms: 1 to deliver it, 0 not. */
static int alarm_message(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(e->flags & KN_ENV_TIMER);
    KN_ASSERT(e->corr != 0);
    struct kn_alarm *alarm = kn_alarm_find(a, e->corr);
    if (!alarm) { /* cancelled while its message was on its way */
        if (e->type->drop) {
            e->type->drop(e->payload);
        }
        return 0;
    }
    if (alarm->pending && !alarm->pending->give_up(alarm->pending)) {
        return 0; /* what it waits for is on its way */
    }
    if (alarm->kind == KN_ALARM_REQUEST) {
        ctx->request = alarm->number;
    }
    kn_store(&alarm->is_waiting, 0, relaxed); /* relaxed: as in its wheel's callback */
    if (!alarm->period_ns) {
        (void)kn_alarm_end(ctx->local, a, alarm);
    }
    return 1;
}

/* The answer to a request: 1 to deliver it, 0 when it is late. */
static int answer(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(e->flags & KN_ENV_REPLY);
    struct kn_alarm *alarm = kn_alarm_find(a, e->corr);
    if (!alarm || alarm->kind != KN_ALARM_REQUEST) {
        kn_letter(ctx->rt, ctx->local, e, ctx->id, KOKEN_DEAD_LATE);
        if (e->type->drop) {
            e->type->drop(e->payload);
        }
        return 0;
    }
    ctx->request = alarm->number;
    (void)kn_alarm_end(ctx->local, a, alarm);
    return 1;
}

int kn_agent_system(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e, bool *deliver)
{
    KN_ASSERT(e->lane == KN_LANE_SYSTEM);
    KN_ASSERT(ctx->self == a);
    KN_ASSERT(kn_agent_is_held(a));
    KN_ASSERT(!*deliver);
    if (e->flags & KN_ENV_TIMER) {
        *deliver = alarm_message(ctx, a, e);
    } else if (e->flags & KN_ENV_REPLY) {
        *deliver = answer(ctx, a, e);
    } else if (e->type == &kn_type_stop) {
        *deliver =
            kn_agent_behaviour(a) == &kn_supervisor_type && /* which stops its children first */
            !kn_agent_is_leaving(a);
        return *deliver ? 0 : KOKEN_STOP;
    } else if (e->type == &kn_type_init) {
        return kn_spawn_init_late(ctx, a, e);
    } else if (e->type == &kn_type_alarm_over) {
        struct kn_alarm *alarm = kn_alarm_find(a, e->corr);
        if (alarm) {
            (void)kn_alarm_end(ctx->local, a, alarm);
        }
    } else if (kn_link_is_bond(e->type)) {
        return kn_link_message(ctx, a, e);
    } else if (e->type == &kn_type_named || e->type == &kn_type_unnamed) {
        kn_registry_message(ctx->rt, a, e);
    } else {
        *deliver = true;
    }
    return 0;
}
