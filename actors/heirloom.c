/* SPDX-License-Identifier: Apache-2.0 */
/* See heirloom.h. */
#include "actors/heirloom.h"

#include "actors/brood.h"
#include "actors/link.h"
#include "actors/stage.h"

#include <errno.h>
#include <string.h>

static const struct koken_row *find_row(const struct koken_agent_type *type,
                                        enum koken_row_kind kind)
{
    if (!kn_agent_type_may_have(type, kind)) {
        return NULL;
    }
    for (uint32_t i = 0; i < type->row_count; i++) {
        if (type->rows[i].kind == kind) {
            return &type->rows[i];
        }
    }
    return NULL;
}

static size_t size_of(const struct koken_type *type)
{
    return sizeof(struct kn_heirloom) + type->size;
}

void kn_heirloom_free(struct kn_heirloom *heirloom)
{
    if (heirloom) {
        KN_ASSERT(heirloom->type != NULL);
        if (heirloom->type->drop) {
            heirloom->type->drop(heirloom->payload);
        }
        kn_free(heirloom, size_of(heirloom->type), _Alignof(struct kn_heirloom));
    }
}

/* The supervisor of the agent, or 0. Only supervisors have broods, and they monitor nobody but their children. */
static uint64_t supervisor_of(const struct kn_local *local, const struct kn_agent *a)
{
    for (const struct kn_envelope *e = a->cold->bonds; e; e = e->next) { /* ends: a finite list */
        if (kn_link_is_monitor(e) && kn_brood_is(local->rt, e->from)) {
            return e->from;
        }
    }
    return 0;
}

struct kn_local *kn_heirloom_leave(struct kn_local *local, struct kn_agent *a,
                                   const struct koken_agent_type *type, int reason)
{
    const struct koken_row *row = find_row(type, KOKEN_ROW_SAVE);
    uint64_t supervisor = row && a->cold ? supervisor_of(local, a) : 0;
    if (!supervisor ||
        kn_load(&local->rt->stopping, relaxed) >= KN_CANCELLING) { /* relaxed: a hint */
        return local;
    }
    unsigned char room[KN_PAYLOAD_MAX] KN_ALIGNED(32);
    struct koken_heirloom call = {.reason = reason, .payload = room};
    struct koken_ctx ctx;
    memset(room, 0, sizeof room);
    kn_ctx_nest(&ctx, local, a);
    ctx.events = KN_CTX_LAST;
    int rc = kn_stage_call(row->handle, &ctx, a, &call, NULL);
    local = kn_ctx_unnest(&ctx);
    if (rc < 0) {
        return local; /* it leaves nothing; what it has put there is its own affair */
    }
    KN_ASSERT(call.type != NULL);
    KN_ASSERT(call.type->size <= sizeof room);
    struct kn_heirloom *heirloom =
        kn_alloc(size_of(call.type), _Alignof(struct kn_heirloom), local->worker->node);
    if (!heirloom) {
        if (call.type->drop) {
            call.type->drop(room);
        }
        return local;
    }
    *heirloom = (struct kn_heirloom){.who = kn_agent_id(a), .type = call.type};
    memcpy(heirloom->payload, room, call.type->size);
    if (!kn_brood_put(local->rt, supervisor, heirloom)) {
        kn_heirloom_free(heirloom); /* the supervisor has ended meanwhile */
    }
    return local;
}

int kn_heirloom_load(struct koken_ctx *ctx, struct kn_agent *a, struct kn_heirloom *heirloom)
{
    const struct koken_row *row = find_row(kn_agent_behaviour(a), KOKEN_ROW_LOAD);
    struct koken_heirloom call = {.type = heirloom->type, .payload = heirloom->payload};
    KN_ASSERT(ctx->self == a);
    KN_ASSERT(kn_agent_is_held(a));
    if (!row) {
        return 0;
    }
    heirloom->is_used = true;
    int rc = kn_ctx_verdict(ctx, kn_stage_call(row->handle, ctx, a, &call, NULL));
    return rc < 0 || rc == KOKEN_STOP ? rc : 0;
}
