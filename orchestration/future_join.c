/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures made of futures. A product of one future hangs on it by a link of its own. A product of several has a `join` with a
 * slot on each; the first verdict settles it, and takes the other slots off again, so that what lives long does not
 * collect slots of what is long over.
 *
 * Whoever settles while the join is still being made leaves the cleaning up to the maker: of the two bits READY and SETTLED,
 * who sets the second one cleans up.
 */
#include "orchestration/future.h"

#include "actors/agent.h"
#include "orchestration/cancel.h"
#include "sched/delay.h"

#include <errno.h>
#include <string.h>

enum { READY = 1, SETTLED = 2 };

/* ---- of one: map, then ----------------------------------------------------------------------- */

/* Makes the product, lets it hang on the input, or calls it at once. */
static int product(struct koken_future *input, struct koken_future *take_result,
                   struct koken_future **ret_future)
{
    *ret_future = take_result;
    if (!kn_future_attach(input, &take_result->then)) {
        kn_future_call(input, &take_result->then);
    }
    return 0;
}

static void on_map(struct kn_then *then, struct koken_future *done)
{
    struct koken_future *result = kn_container_of(then, struct koken_future, then);
    int error = done->error;
    if (error == 0) {
        error = result->fn.map(result->arg, done->value, result->value);
        error = error > 0 ? 0 : error;
    }
    (void)kn_future_complete(result, error, NULL); /* nobody else has its promise */
}

int koken_future_map(struct koken_future *future, size_t value_size,
                     int (*fn)(void *arg, const void *value, void *ret_value), void *arg,
                     struct koken_future **ret_future)
{
    if (!kn_is_future(future) || !fn || !ret_future) {
        return -EINVAL;
    }
    struct koken_future *result = kn_future_new(value_size);
    if (!result) {
        return -ENOMEM;
    }
    result->then = (struct kn_then){.fn = on_map};
    result->fn.map = fn;
    result->arg = arg;
    return product(future, result, ret_future);
}

/* The end of the future that fn has answered. */
static void on_forward(struct kn_then *then, struct koken_future *done)
{
    struct koken_future *result = kn_container_of(then, struct koken_future, then);
    int error = done->error == 0 && done->size != result->size ? -EPROTO : done->error;
    (void)kn_future_complete(result, error, error == 0 && done->size ? done->value : NULL);
}

static void on_then(struct kn_then *then, struct koken_future *done)
{
    struct koken_future *result = kn_container_of(then, struct koken_future, then);
    struct koken_future *next =
        result->fn.then(result->arg, done->error, done->error == 0 ? done->value : NULL);
    if (!next) {
        (void)kn_future_complete(result, -ENOMEM, NULL);
        return;
    }
    result->then = (struct kn_then){.fn = on_forward};
    if (!kn_future_attach(next, &result->then)) {
        kn_future_call(next, &result->then);
    }
    koken_future_drop(next);
}

int koken_future_then(struct koken_future *future, size_t value_size,
                      struct koken_future *(*fn)(void *arg, int error, const void *value),
                      void *arg, struct koken_future **ret_future)
{
    if (!kn_is_future(future) || !fn || !ret_future) {
        return -EINVAL;
    }
    struct koken_future *result = kn_future_new(value_size);
    if (!result) {
        return -ENOMEM;
    }
    result->then = (struct kn_then){.fn = on_then};
    result->fn.then = fn;
    result->arg = arg;
    return product(future, result, ret_future);
}

/* ---- of several ------------------------------------------------------------------------------ */

enum rule { ALL, ANY, RACE, SETTLE };

struct slot {
    struct kn_then then;
    struct join *join;
    struct koken_future *input; /* (c) counted */
};

struct join {
    kn_atomic(uint32_t) owners;  /* (a) the maker, and each slot that is still to be called */
    kn_atomic(uint32_t) state;   /* (a) READY, SETTLED */
    kn_atomic(size_t) left;      /* (a) inputs that have not ended */
    enum rule rule;              /* (c) */
    size_t count;                /* (c) */
    struct koken_future *result; /* counted; its promise, of who settles */
    struct slot slots[];
};

static size_t join_size(size_t count)
{
    return sizeof(struct join) + count * sizeof(struct slot);
}

static void join_drop(struct join *join, uint32_t n)
{
    /* [OF3] acq_rel: all slots have done with it before the memory goes. */
    if (n == 0 || kn_sub(&join->owners, n, acq_rel) != n) {
        return;
    }
    for (size_t i = 0; i < join->count; i++) {
        koken_future_drop(join->slots[i].input);
    }
    koken_future_drop(join->result);
    kn_free(join, join_size(join->count), _Alignof(struct join));
}

/* The slots that will not be called are taken off; the caller has a share. */
static void clean_up(struct join *join)
{
    uint32_t off = 0;
    for (size_t i = 0; i < join->count; i++) {
        off += kn_future_detach(join->slots[i].input, &join->slots[i].then) ? 1 : 0;
    }
    join_drop(join, off);
}

/* The first verdict counts. The caller has a share. */
static void settle(struct join *join, int error, struct koken_future *winner, size_t index)
{
    /* [OF4] acquire: the slots as the maker has left them. Nothing is released: what a maker that finds it settled looks
     * at is under the locks of the inputs, which their ends have had before. */
    uint32_t was = kn_or(&join->state, SETTLED, acquire);
    if (was & SETTLED) {
        return;
    }
    join->result->index = index;
    (void)kn_future_complete(join->result, error,
                             winner && error == 0 && winner->size ? winner->value : NULL);
    if (was & READY) {
        clean_up(join);
    }
}

static void on_slot(struct kn_then *then, struct koken_future *done)
{
    struct slot *slot = kn_container_of(then, struct slot, then);
    struct join *join = slot->join;
    size_t index = (size_t)(slot - join->slots);
    bool is_value = done->error == 0;
    if (join->rule == ALL && is_value && done->size) {
        memcpy(join->result->value + index * done->size, done->value, done->size);
    }
    bool decides =
        join->rule == RACE || (join->rule == ALL && !is_value) || (join->rule == ANY && is_value);
    if (decides) { /* is not counted: nobody is the last beside it, and says something else */
        settle(join, done->error, join->rule == ALL ? NULL : done, index);
    } else {
        /* [OF5] release: this one's value; acquire: the others'. */
        if (kn_sub(&join->left, 1, acq_rel) == 1) {
            settle(join, join->rule == SETTLE ? 0 : done->error, NULL,
                   join->rule == SETTLE ? 0 : index);
        }
    }
    join_drop(join, 1);
}

/* What a join of these gives: the size of its value, or -EINVAL. */
static int look_at(struct koken_future *const *futures, size_t count, enum rule rule,
                   struct koken_future **ret_future, size_t *ret_size)
{
    size_t size = 0;
    bool is_known = false;
    if (!ret_future || (count && !futures) || count > UINT32_MAX / 2 ||
        (count == 0 && (rule == ANY || rule == RACE))) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!kn_is_future(futures[i])) {
            return -EINVAL;
        }
        if (kn_future_is_done(futures[i]) && futures[i]->error < 0) {
            continue; /* no value, no size */
        }
        size = is_known ? size : futures[i]->size;
        is_known = true;
        if (rule != SETTLE && futures[i]->size != size) {
            return -EINVAL;
        }
    }
    if (rule == ALL && size && count > UINT32_MAX / size) {
        return -EINVAL;
    }
    *ret_size = rule == SETTLE ? 0 : rule == ALL ? size * count : size;
    return 0;
}

static int join_of(struct koken_future *const *futures, size_t count, enum rule rule,
                   struct koken_future **ret_future)
{
    size_t size;
    int rc = look_at(futures, count, rule, ret_future, &size);
    if (rc < 0) {
        return rc;
    }
    struct join *join = kn_alloc(join_size(count), _Alignof(struct join), -1);
    struct koken_future *result = join ? kn_future_new(size) : NULL;
    if (!result) {
        kn_free(join, join_size(count), _Alignof(struct join));
        return -ENOMEM;
    }
    kn_atomic_init(&join->owners, (uint32_t)count + 1);
    kn_atomic_init(&join->state, 0);
    kn_atomic_init(&join->left, count);
    join->rule = rule;
    join->count = count;
    join->result =
        koken_future_keep(result); /* an input may write to it when it is settled, and dropped */
    for (size_t i = 0; i < count; i++) { /* all, before the first can settle it */
        join->slots[i] = (struct slot){.then = {.fn = on_slot}, .join = join};
        join->slots[i].input = koken_future_keep(futures[i]);
    }
    *ret_future = result;
    for (size_t i = 0; i < count; i++) {
        if (!kn_future_attach(futures[i], &join->slots[i].then)) {
            kn_future_call(futures[i], &join->slots[i].then);
        }
    }
    if (count == 0) {
        settle(join, 0, NULL, 0);
    }
    if (kn_or(&join->state, READY, release) & SETTLED) { /* [OF4] release: the slots */
        clean_up(join);
    }
    join_drop(join, 1);
    return 0;
}

int koken_future_all(struct koken_future *const *futures, size_t count,
                     struct koken_future **ret_future)
{
    return join_of(futures, count, ALL, ret_future);
}

int koken_future_any(struct koken_future *const *futures, size_t count,
                     struct koken_future **ret_future)
{
    return join_of(futures, count, ANY, ret_future);
}

int koken_future_race(struct koken_future *const *futures, size_t count,
                      struct koken_future **ret_future)
{
    return join_of(futures, count, RACE, ret_future);
}

int koken_future_settled(struct koken_future *const *futures, size_t count,
                         struct koken_future **ret_future)
{
    return join_of(futures, count, SETTLE, ret_future);
}

/* ---- until, delay ---------------------------------------------------------------------------- */

/* The input, a delay and a hook race for it. */
struct until {
    struct kn_then then;
    struct kn_delay delay;
    struct kn_hook hook;
    kn_atomic(uint32_t)
        owners;                /* (a) the maker, and each of the three that is still to be called */
    kn_atomic(uint32_t) state; /* (a) READY, SETTLED */
    bool has_delay, has_hook;  /* (c) from READY on */
    struct koken_future *input; /* (c) counted, or NULL: a delay alone */
    koken_token token;          /* (c) counted */
    struct koken_future *result;
};

static void until_drop(struct until *until)
{
    /* [OF6] acq_rel: all have done with it before the memory goes. */
    if (kn_sub(&until->owners, 1, acq_rel) == 1) {
        koken_future_drop(until->input);
        koken_token_drop(&until->token);
        kn_free(until, sizeof *until, _Alignof(struct until));
    }
}

static void until_clean_up(struct until *until)
{
    if (until->input && kn_future_detach(until->input, &until->then)) {
        until_drop(until);
    }
    if (until->has_hook && kn_source_unhook(until->token.source, &until->hook) == KN_UNHOOKED) {
        until_drop(until);
    }
    if (until->has_delay) {
        kn_delay_stop(&until->delay); /* which calls it, if it has not been */
    }
}

/* Also gives the caller's share back. */
static void until_settle(struct until *until, int error, const struct koken_future *done)
{
    uint32_t was = kn_or(&until->state, SETTLED, acq_rel); /* [OF7] acq_rel: the parts, both ways */
    if (!(was & SETTLED)) {
        (void)kn_future_complete(until->result, error,
                                 done && error == 0 && done->size ? done->value : NULL);
        if (was & READY) {
            until_clean_up(until);
        }
    }
    until_drop(until);
}

static void on_input(struct kn_then *then, struct koken_future *done)
{
    until_settle(kn_container_of(then, struct until, then), done->error, done);
}

static void on_late(struct kn_delay *delay, bool is_due)
{
    struct until *until = kn_container_of(delay, struct until, delay);
    if (until->input && !is_due) {
        until_drop(until); /* stopped: settled, or the runtime has ended and the input decides */
    } else {
        until_settle(until, !is_due ? -ECANCELED : until->input ? -ETIMEDOUT : 0, NULL);
    }
}

static void on_cancel(struct kn_hook *hook, struct kn_cancelling *wave)
{
    (void)wave;
    until_settle(kn_container_of(hook, struct until, hook), -ECANCELED, NULL);
}

static void until_add(struct until *until)
{
    (void)kn_add(&until->owners, 1, relaxed); /* relaxed: the maker has one */
}

static int until_new(struct koken *rt, struct koken_future *input, uint64_t timeout_ns,
                     koken_token token, struct koken_future **ret_future)
{
    struct until *until = kn_alloc(sizeof *until, _Alignof(struct until), -1);
    struct koken_future *result = until ? kn_future_new(input ? input->size : 0) : NULL;
    if (!result) {
        kn_free(until, sizeof *until, _Alignof(struct until));
        return -ENOMEM;
    }
    memset(until, 0, sizeof *until);
    kn_atomic_init(&until->owners, 1);
    until->then.fn = on_input;
    until->hook.fn = on_cancel;
    until->result = result;
    until->input = koken_future_keep(input);
    until->token = koken_token_keep(token);
    *ret_future = result;
    if (timeout_ns != KOKEN_NO_DEADLINE) {
        until->has_delay = true;
        until_add(until);
        kn_delay_start(rt->sched, &until->delay, kn_delay_deadline(timeout_ns), on_late);
    }
    if (until->token.source) {
        until->has_hook = true;
        until_add(until);
        if (!kn_source_hook(until->token.source, &until->hook)) {
            on_cancel(&until->hook, NULL);
        }
    }
    if (input) {
        until_add(until);
        if (!kn_future_attach(input, &until->then)) {
            kn_future_call(input, &until->then);
        }
    }
    if (kn_or(&until->state, READY, acq_rel) & SETTLED) { /* [OF7] */
        until_clean_up(until);
    }
    until_drop(until);
    return 0;
}

int koken_future_until(struct koken *rt, struct koken_future *future, uint64_t timeout_ns,
                       koken_token token, struct koken_future **ret_future)
{
    if (!kn_is_future(future) || !ret_future || (!rt && timeout_ns != KOKEN_NO_DEADLINE) ||
        (token.source && !kn_is_source(token.source))) {
        return -EINVAL;
    }
    return until_new(rt, future, timeout_ns, token, ret_future);
}

int koken_future_delay(struct koken *rt, uint64_t delay_ns, struct koken_future **ret_future)
{
    if (!rt || !ret_future || delay_ns == KOKEN_NO_DEADLINE) {
        return -EINVAL;
    }
    return until_new(rt, NULL, delay_ns, (koken_token){NULL}, ret_future);
}
