/* SPDX-License-Identifier: Apache-2.0 */
/* See stage.h. */
#include "actors/stage.h"

#ifdef KN_TSAN_AGENTS

#include "base/alloc.h"
#include "base/platform/switch.h"
#include "sched/fiber_sanitize.h"

enum {
    STACK = 256 * 1024,
    STAGES_MAX = 2000, /* the sanitizer can tell some 8000 threads apart */
};

struct kn_stage {
    void *fiber; /* the sanitizer's */
    void *sp, *back_sp;
    bool is_taken; /* its agent's code is on the stack */
    int rc;
    int (*call)(koken_ctx *ctx, void *self, void *payload);
    struct koken_ctx *ctx;
    void *state, *payload;
    unsigned char *stack;
};

static kn_atomic(int) stages; /* (a) in the process */

/* On the stage's stack, from its first call to its end. */
static void perform(void *arg)
{
    struct kn_stage *stage = arg;
    for (;;) { /* ends: it is switched away from, and never continued */
        stage->rc = stage->call(stage->ctx, stage->state, stage->payload);
        kn_switch(&stage->sp, stage->back_sp);
    }
}

void kn_stage_new(struct kn_agent *a)
{
    kn_hand_over(&a->run); /* who makes it is before it */
    a->stage = NULL;
    if (kn_add(&stages, 1, relaxed) >= STAGES_MAX) { /* relaxed: a count */
        (void)kn_sub(&stages, 1, relaxed);
        return;
    }
    struct kn_stage *stage = kn_alloc(sizeof *stage, _Alignof(struct kn_stage), -1);
    unsigned char *stack = stage ? kn_alloc(STACK, KN_CACHE_LINE, -1) : NULL;
    if (!stack) {
        kn_free(stage, sizeof *stage, _Alignof(struct kn_stage));
        (void)kn_sub(&stages, 1, relaxed);
        return;
    }
    *stage = (struct kn_stage){.fiber = kn_sanitize_fiber(), .stack = stack};
    stage->sp = kn_switch_prepare(stack + STACK, perform, stage);
    a->stage = stage;
}

void kn_stage_free(struct kn_agent *a)
{
    struct kn_stage *stage = a->stage;
    if (stage) {
        KN_ASSERT(!stage->is_taken);
        __tsan_destroy_fiber(stage->fiber);
        kn_free(stage->stack, STACK, KN_CACHE_LINE);
        kn_free(stage, sizeof *stage, _Alignof(struct kn_stage));
        (void)kn_sub(&stages, 1, relaxed); /* relaxed: a count */
        a->stage = NULL;
    }
}

struct kn_proxy kn_proxy_begin(const void *at)
{
    struct kn_proxy proxy = {__tsan_get_current_fiber(), kn_sanitize_fiber()};
    __tsan_switch_to_fiber(proxy.fiber, KN_FIBER_NO_SYNC);
    kn_take_over(at);
    return proxy;
}

void kn_proxy_end(struct kn_proxy proxy)
{
    __tsan_switch_to_fiber(proxy.self, KN_FIBER_NO_SYNC);
    __tsan_destroy_fiber(proxy.fiber);
}

int kn_stage_call(int (*call)(koken_ctx *ctx, void *self, void *payload), struct koken_ctx *ctx,
                  struct kn_agent *a, void *payload, const struct kn_envelope *e)
{
    struct kn_stage *stage = a->stage;
    bool is_elsewhere = stage && !stage->is_taken;
    void *back = __tsan_get_current_fiber();
    if (is_elsewhere) {
        stage->is_taken = true;
        __tsan_switch_to_fiber(stage->fiber, KN_FIBER_NO_SYNC);
    }
    kn_take_over(&a->run);
    int rc;
    if (e) {
        kn_take_over(e);
        if (e->type->drop) {
            kn_payload_claim(e->type, e->payload);
        }
    }
    if (is_elsewhere) {
        stage->call = call;
        stage->ctx = ctx;
        stage->state = a->state;
        stage->payload = payload;
        kn_switch(&stage->back_sp, stage->sp);
        rc = stage->rc;
    } else {
        rc = call(ctx, a->state, payload);
    }
    kn_hand_over(&a->run);
    if (is_elsewhere) {
        stage->is_taken = false;
        __tsan_switch_to_fiber(back, 0);
    }
    return rc;
}

#endif
