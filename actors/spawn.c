/* SPDX-License-Identifier: Apache-2.0 */
/* See spawn.h. */
#include "actors/spawn.h"

#include "actors/fiber_agent.h"
#include "actors/heirloom.h"
#include "actors/kn_rcu.h"
#include "actors/link.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/stage.h"
#include "actors/system.h"
#include "base/world.h"

#include <errno.h>
#include <string.h>

enum { PUBLISH_EVERY = 32 };

static int make_bounds(const struct koken *rt, const struct koken_spawn_options *o,
                       struct kn_bounds *ret)
{
    const struct koken_options *d = &rt->options;
    uint32_t capacity = o && o->capacity ? o->capacity : d->mailbox_capacity;
    bool own = o && (o->capacity || o->high || o->low);
    uint32_t high = o && o->high ? o->high : (own ? capacity - capacity / 5 : d->mailbox_high);
    uint32_t low = o && o->low ? o->low : (own ? capacity / 5 : d->mailbox_low);
    enum koken_policy policy = o && o->policy != KOKEN_POLICY_DEFAULT ? o->policy : d->policy;
    if (own && !o->low && low >= high) {
        low = high - 1;
    }
    if (capacity > KN_MB_CAPACITY_MAX || high > capacity || high == 0 || low >= high ||
        (unsigned)policy >= KOKEN_POLICY_COUNT_ || (o && o->capacity_bytes > INT64_MAX) ||
        (policy == KOKEN_POLICY_PARK && o && o->capacity_bytes)) { /* nobody parks for bytes */
        return -EINVAL;
    }
    *ret = (struct kn_bounds){.limit = high, .low = low, .policy = (uint8_t)policy};
    switch (policy) {
    case KOKEN_POLICY_GROW:
        ret->limit = KN_MB_UNBOUNDED;
        ret->low = 0;
        break;
    case KOKEN_POLICY_DROP_NEW:
    case KOKEN_POLICY_DROP_OLD:
        ret->limit = capacity; /* no hysteresis: every message on its own */
        ret->low = capacity - 1;
        break;
    case KOKEN_POLICY_SIGNAL:
        ret->limit = capacity;
        /* Told from the high mark on; refused at the capacity until back there. */
        ret->low = high < capacity ? high : capacity - 1;
        break;
    case KOKEN_POLICY_DEFAULT:
    case KOKEN_POLICY_REJECT:
    case KOKEN_POLICY_PARK:
    case KOKEN_POLICY_COUNT_:
    default: break;
    }
    if (kn_unlikely(kn_fault(KN_FAULT_FULL) != 0) && ret->limit != KN_MB_UNBOUNDED) {
        ret->limit = 1; /* under the simulator, whatever was asked for */
        ret->low = 0;
    }
    ret->publish_every = ret->limit < 8 * PUBLISH_EVERY ? (uint8_t)(ret->limit / 8) : PUBLISH_EVERY;
    ret->publish_every = ret->publish_every ? ret->publish_every : 1;
    ret->is_special = ret->policy >= KOKEN_POLICY_DROP_NEW && ret->policy <= KOKEN_POLICY_SIGNAL;
    KN_ASSERT(ret->low < ret->limit);
    KN_ASSERT(ret->publish_every <= ret->limit);
    KN_ASSERT(ret->policy != KOKEN_POLICY_DEFAULT);
    return 0;
}

int kn_bounds_init(struct koken *rt)
{
    return make_bounds(rt, NULL, &rt->bounds);
}

/* Whether options say anything about the mailbox or the priority. */
static bool is_plain(const struct koken_spawn_options *o)
{
    return !o ||
           (((o->capacity | o->high | o->low | (unsigned)o->policy | (unsigned)o->priority) == 0) &&
            o->capacity_bytes == 0);
}

/* Memory for the state: in the slot, a block, or from the heap. */
static bool make_state(struct koken *rt, struct kn_local *local, struct kn_agent *a, uint32_t size)
{
    if (size <= KN_INLINE_STATE) {
        a->state = a->inline_state;
    } else if (size <= KN_BLOCK_MAX && local) {
        a->state = kn_block_new(&local->worker->pool, size);
    } else if (size <= KN_BLOCK_MAX) {
        pthread_mutex_lock(&rt->outside_lock);
        a->state = kn_block_new(&rt->outside_pool, size);
        pthread_mutex_unlock(&rt->outside_lock);
    } else {
        a->state = kn_alloc(size, KN_CACHE_LINE, local ? local->worker->node : -1);
    }
    if (!a->state) {
        return false;
    }
    KN_ASSERT((uintptr_t)a->state % KN_CACHE_LINE == 0);
    if (size <= KN_INLINE_STATE) {
        memset(a->inline_state, 0, KN_INLINE_STATE); /* a constant: no call */
    } else {
        memset(a->state, 0, size);
    }
    return true;
}

static uint32_t state_size(const struct kn_agent *a)
{
    return a->cold ? a->cold->type->state_size : kn_agent_behaviour(a)->state_size;
}

/* Where make_state took it from; local NULL: from outside. */
static void give_state(struct koken *rt, struct kn_local *local, struct kn_agent *a)
{
    uint32_t size = state_size(a);
    KOKEN_CHECK(a->state != NULL);
    KN_ASSERT((size <= KN_INLINE_STATE) == (a->state == (void *)a->inline_state));
    if (size > KN_BLOCK_MAX) {
        kn_free(a->state, size, KN_CACHE_LINE);
    } else if (size > KN_INLINE_STATE && local) {
        kn_block_free(&local->worker->pool, a->state, size);
    } else if (size > KN_INLINE_STATE) {
        pthread_mutex_lock(&rt->outside_lock);
        kn_block_free(&rt->outside_pool, a->state, size);
        pthread_mutex_unlock(&rt->outside_lock);
    }
    a->state = NULL;
}

void kn_state_free(struct kn_local *local, struct kn_agent *a)
{
    give_state(local->rt, local, a);
}

static uint8_t prio_of(const struct koken_spawn_options *o)
{
    return o && o->priority ? (uint8_t)(o->priority - KOKEN_PRIORITY_LOW) : (uint8_t)KN_PRIO_NORMAL;
}

/* The low mark of a bound in bytes, as that of messages in make_bounds. */
static uint64_t low_of(uint64_t bytes, uint8_t policy)
{
    switch ((enum koken_policy)policy) {
    case KOKEN_POLICY_DROP_NEW:
    case KOKEN_POLICY_DROP_OLD: return bytes;
    case KOKEN_POLICY_SIGNAL: return bytes - bytes / 5;
    case KOKEN_POLICY_DEFAULT:
    case KOKEN_POLICY_REJECT:
    case KOKEN_POLICY_PARK:
    case KOKEN_POLICY_GROW:
    case KOKEN_POLICY_COUNT_:
    default: return bytes / 5;
    }
}

/* More than the mailbox's word: bytes, or a list to drop from. */
static int make_overflow(struct kn_agent *a, const struct koken_spawn_options *o, uint8_t policy)
{
    KN_ASSERT(!kn_load(&a->overflow, relaxed)); /* freed with the slot's grace */
    uint64_t bytes = o ? o->capacity_bytes : 0;
    if (bytes || policy == KOKEN_POLICY_DROP_OLD) {
        struct kn_overflow *overflow = kn_overflow_new(bytes, low_of(bytes, policy));
        if (!overflow) {
            return -ENOMEM;
        }
        kn_store(&a->overflow, overflow, relaxed); /* published with the agent, by [AS2] */
    }
    return 0;
}

int kn_agent_new(struct koken *rt, struct kn_local *local, struct kn_birth *birth,
                 struct kn_agent **ret_agent)
{
    KN_ASSERT(birth->type != NULL);
    KN_ASSERT(birth->step != NULL);
    KN_ASSERT(!local || (local->rt == rt && kn_local_is_held(local)));
    const struct koken_spawn_options *o = is_plain(birth->options) ? NULL : birth->options;
    struct kn_bounds bounds = rt->bounds;
    if (kn_unlikely(o != NULL) &&
        ((unsigned)o->priority >= KOKEN_PRIORITY_COUNT_ || make_bounds(rt, o, &bounds) < 0)) {
        return -EINVAL;
    }
    if (birth->type->state_align > KN_CACHE_LINE) {
        return -EINVAL;
    }
    int rc;
    struct kn_agent *a = kn_slot_take(rt, local);
    if (!a) {
        return -ENOMEM;
    }
    kn_store(&a->behaviour, birth->type, relaxed); /* published by [AS2] */
    a->cold = NULL;
    if (!make_state(rt, local, a, birth->type->state_size)) {
        rc = -ENOMEM;
        goto err_after_slot;
    }
    if (birth->start) {
        memcpy(a->state, birth->start, birth->type->state_size);
    }
    rc = make_overflow(a, o, bounds.policy);
    if (rc < 0) {
        goto err_after_state;
    }
    if (local && kn_unlikely(local->birth_bond != NULL)) {
        kn_link_newborn(local, a);
    }
    a->intake = (struct kn_intake){NULL, NULL, NULL, NULL};
    a->run = (struct kn_runnable){NULL, birth->step};
    a->policy = bounds.policy;
    kn_store(&a->priority, prio_of(o), relaxed); /* published by [AS2] */
    kn_stage_new(a);
    a->flags = (uint8_t)(birth->flags |
                         (bounds.is_special || (o && o->capacity_bytes) ? KN_AGENT_SPECIAL : 0) |
                         (o && o->priority ? 0 : KN_AGENT_ADAPTIVE));
    a->publish_every = bounds.publish_every;
    KN_ASSERT(kn_resolve(kn_agent_id(a)) == a);
    a->born_ms = (uint32_t)((local ? kn_worker_now(local->worker) : kn_now()) / 1000000u);
    kn_store(&a->handled, 0, relaxed);    /* published by [AS2] */
    kn_store(&a->run_ns_ema, 0, relaxed); /* as above */
    birth->id = kn_agent_id(a);
    kn_mailbox_init(&a->mailbox, bounds.limit, bounds.low,
                    birth->is_born_scheduled ? (uint64_t)KN_MB_SCHEDULED : 0);
    /* [AS2] release: the newborn's constants; the same generation the slot has promised all along.
     */
    kn_store(&a->id, birth->id, release);
    *ret_agent = a;
    return 0;

err_after_state:
    give_state(rt, local, a);
err_after_slot:
    kn_slot_give(rt, local, a);
    KN_ASSERT(rc < 0);
    return rc;
}

void kn_agent_unborn(struct koken *rt, struct kn_local *local, struct kn_agent *a)
{
    KN_ASSERT(!a->intake.boundary);
    KN_ASSERT(!a->cold);
    kn_stage_free(a);
    kn_store(&a->mailbox.word, (uint64_t)KN_MB_CLOSED, relaxed); /* nobody has its handle */
    give_state(rt, local, a);
    kn_slot_give(rt, local, a);
}

/* The init row of a type, or NULL. */
static const struct koken_row *init_row(const struct koken_agent_type *type)
{
    if (!kn_agent_type_may_have(type, KOKEN_ROW_INIT)) {
        return NULL;
    }
    for (uint32_t i = 0; i < type->row_count; i++) {
        if (type->rows[i].kind == KOKEN_ROW_INIT) {
            return &type->rows[i];
        }
    }
    return NULL;
}

void kn_count_spawn(struct koken *rt, struct kn_local *local)
{
    if (local) {
        kn_count_add(&local->counters.spawned, 1);
        return;
    }
    pthread_mutex_lock(&rt->outside_lock);
    kn_count_add(&rt->outside.spawned, 1);
    pthread_mutex_unlock(&rt->outside_lock);
}

enum kn_ran kn_newborn_turn(struct kn_worker *worker, struct kn_runnable *run)
{
    KN_ASSERT(run->step == kn_newborn_turn);
    return kn_agent_turn(worker, run);
}

/* Calls init. 0, KOKEN_STOP, or the error. */
static int call_init(struct koken_ctx *ctx, struct kn_agent *a, const struct koken_row *init,
                     const void *arg)
{
    KN_ASSERT(init->kind == KOKEN_ROW_INIT);
    KN_ASSERT(ctx->self == a);
    KN_ASSERT(kn_agent_is_held(a));
    int rc = kn_ctx_verdict(ctx, kn_stage_call(init->handle, ctx, a, (void *)(uintptr_t)arg, NULL));
    return rc < 0 || rc == KOKEN_STOP ? rc : 0;
}

/* After a birth that held S: lets the agent go idle, or run what its init has sent it. */
static void settle(struct kn_local *local, struct kn_agent *a)
{
    KN_ASSERT(kn_agent_is_held(a));
    KN_ASSERT(!a->intake.boundary); /* nothing has been taken */
    struct kn_envelope *last = NULL;
    bool parked = kn_unlikely(a->cold != NULL) && a->cold->outbox;
    if (parked || !kn_mailbox_idle(&a->mailbox, &a->intake, &last)) {
        kn_agent_wake(local, a);
    }
}

/* A size without bytes, or a first state of another size than the agent's. */
static bool is_odd_arg(const struct koken_agent_type *type, const struct koken_row *init,
                       const struct koken_spawn_options *o)
{
    return o && o->arg_size && (!o->arg || (!init && o->arg_size != type->state_size));
}

int kn_spawn_heir(struct kn_local *local, const struct koken_agent_type *type,
                  const struct koken_spawn_options *o, struct kn_heirloom *heirloom,
                  koken_ref *ret_ref)
{
    struct koken *rt = local->rt;
    /* Relaxed: a birth that races with the beginning of the phase is asked to stop like all others. */
    if (kn_unlikely(kn_load(&rt->stopping, relaxed) >= KN_CANCELLING)) {
        return -ESHUTDOWN; /* or heirs could follow each other without end */
    }
    if (type->is_fiber) {
        return kn_fiber_spawn(rt, local, type, o, ret_ref);
    }
    const struct koken_row *init = init_row(type);
    if (is_odd_arg(type, init, o)) {
        return -EINVAL;
    }
    const void *arg = o ? o->arg : NULL;
    bool is_held = init || kn_unlikely(heirloom != NULL);
    struct kn_birth birth = {type, o, kn_agent_turn, 0, is_held, init ? NULL : arg, 0};
    struct kn_agent *a;
    int rc = kn_agent_new(rt, local, &birth, &a);
    if (rc < 0) {
        return rc;
    }
    kn_count_add(&local->counters.spawned, 1);
    if (is_held) {
        struct koken_ctx ctx;
        kn_ctx_nest(&ctx, local, a);
        rc = init ? call_init(&ctx, a, init, arg) : 0; /* on the spawner's worker, as the newborn */
        if (rc == 0 && kn_unlikely(heirloom != NULL)) {
            rc = kn_heirloom_load(&ctx, a, heirloom);
        }
        local = kn_ctx_unnest(&ctx);
        if (rc != 0) {
            kn_agent_end_quietly(local, a, rc < 0 ? rc : 0, /* with_hook= */ false);
            return rc < 0 ? rc : -ECANCELED;
        }
        settle(local, a);
    }
    ret_ref->id = birth.id;
    return 0;
}

static int spawn_inside(struct kn_local *local, const struct koken_agent_type *type,
                        const struct koken_spawn_options *o, koken_ref *ret_ref)
{
    return kn_spawn_heir(local, type, o, NULL, ret_ref);
}

int kn_spawn_init_late(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(e->type == &kn_type_init);
    KN_ASSERT(a->run.step == kn_newborn_turn); /* once */
    struct kn_init_arg *init = (struct kn_init_arg *)(void *)e->payload;
    const void *arg = init->is_waiting ? init->arg : (init->size ? init->bytes : NULL);
    int rc = call_init(ctx, a, init_row(kn_agent_behaviour(a)), arg);
    if (rc == 0) {
        a->run.step = kn_agent_turn;
    }
    if (init->is_waiting) {
        kn_request_fail(ctx->rt, ctx->local, e, rc > 0 ? -ECANCELED : rc);
    }
    return rc;
}

/* From outside an agent with init gets it as its first message, so that init runs on a worker. */
static int spawn_outside(struct koken *rt, const struct koken_agent_type *type,
                         const struct koken_spawn_options *o, koken_ref *ret_ref)
{
    /* Relaxed: a spawn that races with the beginning of a stop may go either way. */
    if (kn_load(&rt->stopping, relaxed)) {
        return -ESHUTDOWN;
    }
    if (type->is_fiber) {
        return kn_fiber_spawn(rt, NULL, type, o, ret_ref);
    }
    const struct koken_row *init = init_row(type);
    const void *arg = o ? o->arg : NULL;
    uint32_t arg_size = o ? o->arg_size : 0;
    struct kn_init_arg payload = {.size = arg_size};
    if (is_odd_arg(type, init, o) || (init && arg_size > sizeof payload.bytes)) {
        return -EINVAL;
    }
    struct kn_birth birth = {
        type, o, init ? kn_newborn_turn : kn_agent_turn, 0, false, init ? NULL : arg, 0};
    struct kn_waiter *waiter = NULL;
    struct kn_envelope *start = NULL; /* before the birth, as all that may fail */
    struct kn_agent *a;
    if (init && arg_size) {
        memcpy(payload.bytes, arg, arg_size);
    } else {
        payload.arg = arg;
        payload.is_waiting = 1;
    }
    if (init) {
        int rc = kn_spawn_prepare(rt, &payload, &start, &waiter);
        if (rc < 0) {
            return rc;
        }
    }
    int rc = kn_agent_new(rt, NULL, &birth, &a);
    if (rc < 0) {
        if (init) {
            kn_spawn_forget(rt, start, waiter);
        }
        return rc;
    }
    kn_count_spawn(rt, NULL);
    koken_ref ref = {birth.id};
    if (init) {
        rc = kn_spawn_start(rt, ref, start, waiter);
    }
    if (rc == 0) {
        *ret_ref = ref;
    }
    return rc;
}

int koken_try_spawn_rt_(struct koken *rt, const struct koken_agent_type *type,
                        const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    struct kn_local *local = kn_local_here();
    if (!rt || !type || !ret_ref) {
        return -EINVAL;
    }
    if (local && local->rt == rt) {
        return spawn_inside(local, type, options, ret_ref);
    }
    if (local) {
        kn_rcu_offline(); /* it may wait for an init there */
    }
    kn_rcu_visit();
    int rc = spawn_outside(rt, type, options, ret_ref);
    kn_rcu_depart();
    if (local) {
        kn_rcu_online();
    }
    return rc;
}

int koken_try_spawn_ctx_(koken_ctx *ctx, const struct koken_agent_type *type,
                         const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    return spawn_inside(ctx->local, type, options, ret_ref);
}

koken_ref koken_spawn_rt_(struct koken *rt, const struct koken_agent_type *type,
                          const struct koken_spawn_options *options)
{
    koken_ref ref = {0};
    return koken_try_spawn_rt_(rt, type, options, &ref) < 0 ? (koken_ref){0} : ref;
}

koken_ref koken_spawn_ctx_(koken_ctx *ctx, const struct koken_agent_type *type,
                           const struct koken_spawn_options *options)
{
    koken_ref ref = {0};
    return spawn_inside(ctx->local, type, options, &ref) < 0 ? (koken_ref){0} : ref;
}
