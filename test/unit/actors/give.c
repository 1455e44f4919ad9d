/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: payloads arrive by pointer, a refused one stays, what nobody takes is given back, none is
 * lost. */
#include <koken/give.h>

#include <koken.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));
KOKEN_PAYLOAD(order, (plain, long, id), (iso, leg, leg), (val, leg, note), (tag, reply_to));
KOKEN_LETTER(fill, (iso, order, of), (plain, long, price));

struct desk {
    koken_ref next;
    long *sum; /* of the test, read when the runtime is gone */
    order_iso kept;
};

static int on_init(koken_ctx *ctx, struct desk *self, const void *arg)
{
    (void)ctx;
    memcpy(self, arg, sizeof *self);
    return 0;
}

static void on_exit_(koken_ctx *ctx, struct desk *self, int reason)
{
    (void)ctx;
    (void)reason;
    if (koken_has(self->kept)) {
        koken_iso(order, o) = koken_take(self->kept);
        koken_drop(o);
    }
}

/* Forwards when there is somebody next, else keeps the last and drops the one before. */
static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);

    koken_mut(o)->id++;
    *self->sum += koken_get(o)->id;
    if (!koken_is_nobody(self->next)) {
        koken_post(self->next, o);
        return 0;
    }
    if (koken_has(self->kept)) {
        koken_iso(order, old) = koken_take(self->kept);
        koken_drop(old);
    }
    koken_put(self->kept, o);
    return 0;
}

/* Takes nothing: the runtime gives it back. */
static int on_leg(koken_ctx *ctx, struct desk *self, struct leg_val *msg)
{
    (void)ctx;
    *self->sum += koken_peek(*msg)->quantity;
    return 0;
}

static int on_fill(koken_ctx *ctx, struct desk *self, struct fill *msg)
{
    (void)ctx;
    *self->sum += msg->price + koken_peek(msg->of)->id;
    return 0;
}

KOKEN_AGENT(desk, struct desk, KOKEN_INIT(on_init), KOKEN_ON(order_iso, on_order),
            KOKEN_ON(leg_val, on_leg), KOKEN_ON(fill, on_fill), KOKEN_EXIT(on_exit_));

static koken_ref desk_at(struct koken *rt, koken_ref next, long *sum)
{
    struct desk desk = {.next = next, .sum = sum};

    return koken_spawn(rt, desk, .arg = &desk, .arg_size = sizeof desk);
}

Test(give, isos_pass_through_agents_and_none_is_lost)
{
    long sums[3] = {0};
    struct koken *rt;

    cr_assert_eq(koken_start(NULL, &rt), 0);
    koken_ref last = desk_at(rt, KOKEN_NOBODY, &sums[2]);
    koken_ref middle = desk_at(rt, last, &sums[1]);
    koken_ref first = desk_at(rt, middle, &sums[0]);
    for (long i = 0; i < 500; i++) {
        koken_iso(order, o) = koken_new(order);
        koken_iso(leg, l) = koken_new(leg);

        koken_put(koken_mut(o)->leg, l);
        koken_post(first, o);
    }
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(sums[0], 500);
    cr_assert_eq(sums[1], 1000);
    cr_assert_eq(sums[2], 1500);
}

Test(give, a_val_is_shared_and_an_untaken_one_given_back)
{
    long sum = 0;
    struct koken *rt;
    koken_iso(leg, l) = koken_new(leg);

    koken_mut(l)->quantity = 7;
    koken_val(leg, v) = koken_freeze(l);
    cr_assert_eq(koken_start(NULL, &rt), 0);
    koken_ref desk = desk_at(rt, KOKEN_NOBODY, &sum);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(koken_share(desk, v), 0);
    }
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert(koken_is_sole(v));
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(sum, 700);
    koken_drop(v);
}

Test(give, a_refused_iso_stays_and_a_posted_one_is_given_back)
{
    long sum = 0;
    struct koken *rt;
    koken_iso(order, o) = koken_new(order);
    koken_iso(order, p) = koken_new(order);
    const void *at = koken_get(o);

    cr_assert_eq(koken_start(NULL, &rt), 0);
    cr_assert_eq(koken_give(KOKEN_NOBODY, o), -ESRCH);
    cr_assert_eq((const void *)koken_get(o), at);
    koken_post(KOKEN_NOBODY, p);
    koken_ref desk = desk_at(rt, KOKEN_NOBODY, &sum);
    cr_assert_eq(koken_give(desk, o), 0);
    cr_assert(!koken_has(o));
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(sum, 1);
}

Test(give, a_letter_gives_back_what_was_left_in_it)
{
    long sum = 0;
    struct koken *rt;
    struct fill fill = {.price = 5};
    koken_iso(order, o) = koken_new(order);

    koken_mut(o)->id = 3;
    koken_put(fill.of, o);
    cr_assert_eq(koken_start(NULL, &rt), 0);
    koken_ref desk = desk_at(rt, KOKEN_NOBODY, &sum);
    cr_assert_eq(koken_give_letter(KOKEN_NOBODY, fill, fill), -ESRCH);
    cr_assert(koken_has(fill.of));
    cr_assert_eq(koken_give_letter(desk, fill, fill), 0);
    cr_assert(!koken_has(fill.of));
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(sum, 8);
}

/* ---- answers, starts, fibers ---- */

KOKEN_MESSAGE(ask_iso, { long id; });
KOKEN_EVENT(ask_val);
KOKEN_EVENT(ask_later);
KOKEN_EVENT(ask_number);
KOKEN_MESSAGE(number, { uint64_t value; });

struct vault {
    leg_val leg;
    koken_claim claim;
};

static int vault_init(koken_ctx *ctx, struct vault *self, const void *arg)
{
    (void)ctx;
    koken_val(leg, v) = koken_given_val(leg, arg);

    if (koken_none(v)) {
        return -EPROTO;
    }
    if (koken_get(v)->quantity < 0) {
        koken_drop(v);
        return -EINVAL;
    }
    koken_put(self->leg, v);
    return 0;
}

static void vault_exit(koken_ctx *ctx, struct vault *self, int reason)
{
    (void)ctx;
    (void)reason;
    koken_val(leg, v) = koken_take(self->leg);
    koken_drop(v);
}

static int on_ask_iso(koken_ctx *ctx, struct vault *self, const struct ask_iso *msg)
{
    (void)self;
    koken_iso(order, o) = koken_new(order);

    koken_mut(o)->id = msg->id;
    return koken_post_reply(ctx, o);
}

static int on_ask_val(koken_ctx *ctx, struct vault *self, const struct ask_val *msg)
{
    (void)msg;
    koken_val(leg, v) = koken_dup_in(self->leg);
    return koken_post_reply(ctx, v);
}

static int on_ask_later(koken_ctx *ctx, struct vault *self, const struct ask_later *msg)
{
    (void)msg;
    koken_iso(order, o) = koken_new(order);

    self->claim = koken_defer(ctx);
    koken_mut(o)->id = 8;
    return koken_post_answer(self->claim, o);
}

static int on_ask_number(koken_ctx *ctx, struct vault *self, const struct ask_number *msg)
{
    (void)self;
    (void)msg;
    return koken_reply(ctx, number, .value = UINT64_MAX);
}

KOKEN_AGENT(vault, struct vault, KOKEN_INIT(vault_init), KOKEN_EXIT(vault_exit),
            KOKEN_ON(ask_iso, on_ask_iso), KOKEN_ON(ask_val, on_ask_val),
            KOKEN_ON(ask_later, on_ask_later), KOKEN_ON(ask_number, on_ask_number));

static size_t alive(const struct koken_type *type)
{
    struct koken_census rows[16];
    size_t count = koken_payload_census(rows, 16);

    for (size_t i = 0; i < count && i < 16; i++) {
        if (rows[i].type == type) {
            return rows[i].alive;
        }
    }
    return 0;
}

static int open_vault(struct koken *rt, long quantity, koken_ref *ret_vault)
{
    koken_iso(leg, l) = koken_new(leg);

    koken_mut(l)->quantity = quantity;
    koken_val(leg, v) = koken_freeze(l);
    return koken_spawn_given(rt, ret_vault, vault, v);
}

/* Proves: an agent starts with the payload it is given; what init refuses is given back, once. */
Test(give, an_agent_starts_with_what_it_was_given)
{
    struct koken *rt;
    koken_ref vault;
    size_t legs = alive(&koken_payload_leg), orders = alive(&koken_payload_order);

    cr_assert_eq(koken_start(NULL, &rt), 0);
    cr_assert_eq(open_vault(rt, -1, &vault), -EINVAL);
    cr_assert_eq(alive(&koken_payload_leg), legs);
    koken_iso(order, wrong) = koken_new(order);
    cr_assert_eq(koken_spawn_given(rt, &vault, vault, wrong), -EPROTO);
    cr_assert_eq(alive(&koken_payload_order), orders);
    cr_assert_eq(open_vault(rt, 5, &vault), 0);
    cr_assert_eq(alive(&koken_payload_leg), legs + 1);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(alive(&koken_payload_leg), legs);
}

/* Proves: an answer may be an iso or val, is of the type that was asked for, and is lost in no case. */
Test(give, answers_hand_over_isos_and_vals)
{
    struct koken *rt;
    koken_ref vault;
    uint64_t raw[2] = {0, 0}; /* as large as a handle of either build */
    size_t orders = alive(&koken_payload_order);
    koken_slot(order, got);
    koken_slot_val(leg, shown);

    cr_assert_eq(koken_start(NULL, &rt), 0);
    cr_assert_eq(open_vault(rt, 5, &vault), 0);
    cr_assert_eq(koken_await_iso(rt, vault, KOKEN_S(20), order, got, ask_iso, .id = 7), 0);
    koken_iso(order, o) = koken_take(got);
    cr_assert_eq(koken_get(o)->id, 7);
    koken_drop(o);
    cr_assert_eq(koken_await_iso(rt, vault, KOKEN_S(20), order, got, ask_later), 0);
    koken_iso(order, later) = koken_take(got);
    cr_assert_eq(koken_get(later)->id, 8);
    koken_drop(later);
    cr_assert_eq(koken_await_val(rt, vault, KOKEN_S(20), leg, shown, ask_val), 0);
    koken_val(leg, v) = koken_take(shown);
    cr_assert_eq(koken_get(v)->quantity, 5);
    cr_assert(!koken_is_sole(v));
    koken_drop(v);
    /* A number is no handle, a handle no number, a val no iso. */
    cr_assert_eq(koken_await_iso(rt, vault, KOKEN_S(20), order, got, ask_number), -EPROTO);
    cr_assert_eq(koken_await_iso(rt, vault, KOKEN_S(20), order, got, ask_val), -EPROTO);
    cr_assert(!koken_has(got));
    if (sizeof got == sizeof raw[0]) {
        cr_assert_eq(koken_await(rt, vault, KOKEN_S(20), &raw[0], ask_iso, .id = 1), -EPROTO);
    }
    cr_assert_eq(koken_signal(vault, ask_iso, .id = 2), 0); /* nobody waits */
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(alive(&koken_payload_order), orders);
}

/* ---- questions that are handles ---- */

struct broker {
    long seen;
};

/* Even orders are answered by a leg, odd ones by a number, 0 not at all. */
static int on_order_asked(koken_ctx *ctx, struct broker *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    long id = koken_get(o)->id;

    self->seen += id;
    koken_drop(o);
    if (id == 0) {
        return 0;
    }
    if (id % 2 != 0) {
        return koken_reply(ctx, number, .value = (uint64_t)id);
    }
    koken_iso(leg, l) = koken_new(leg);
    koken_mut(l)->quantity = id;
    return koken_post_reply(ctx, l);
}

/* A val goes back as it came. */
static int on_leg_asked(koken_ctx *ctx, struct broker *self, struct leg_val *msg)
{
    koken_val(leg, v) = koken_take(*msg);

    self->seen += koken_get(v)->quantity;
    return koken_post_reply(ctx, v);
}

KOKEN_AGENT(broker, struct broker, KOKEN_ON(order_iso, on_order_asked),
            KOKEN_ON(leg_val, on_leg_asked));

static order_iso order_of(long id)
{
    koken_iso(order, o) = koken_new(order);

    koken_mut(o)->id = id;
    return koken_move(o);
}

static int ask_broker(koken_ctx *ctx, struct broker *self, const void *arg)
{
    const koken_ref *broker = arg;
    struct number told = {0};
    koken_slot(leg, got);
    koken_iso(order, odd) = order_of(3);
    koken_iso(order, even) = order_of(4);
    koken_iso(order, lost) = order_of(5);

    self->seen = koken_await_given(ctx, *broker, KOKEN_S(20), &told, odd);
    cr_assert_eq(self->seen, 0);
    cr_assert_eq(told.value, 3);
    self->seen = koken_await_given_iso(ctx, *broker, KOKEN_S(20), leg, got, even);
    cr_assert_eq(self->seen, 0);
    koken_iso(leg, l) = koken_take(got);
    cr_assert_eq(koken_get(l)->quantity, 4);
    koken_drop(l);
    self->seen = koken_await_given(ctx, KOKEN_NOBODY, KOKEN_S(20), &told, lost);
    return self->seen == -ESRCH ? 0 : -EPROTO;
}

KOKEN_FIBER(asker, struct broker, ask_broker);

/* Proves: an iso or val may be the question of an await; it is given back when nobody could be asked, once. */
Test(give, questions_hand_over_isos_and_vals)
{
    struct koken *rt;
    struct number told = {0};
    size_t orders = alive(&koken_payload_order), legs = alive(&koken_payload_leg);
    koken_slot(leg, got);
    koken_slot_val(leg, shown);

    cr_assert_eq(koken_start(NULL, &rt), 0);
    koken_ref broker = koken_spawn(rt, broker);
    koken_iso(order, odd) = order_of(7);
    cr_assert_eq(koken_await_given(rt, broker, KOKEN_S(20), &told, odd), 0);
    cr_assert_eq(told.value, 7);
    koken_iso(order, even) = order_of(8);
    cr_assert_eq(koken_await_given_iso(rt, broker, KOKEN_S(20), leg, got, even), 0);
    koken_iso(leg, l) = koken_take(got);
    cr_assert_eq(koken_get(l)->quantity, 8);
    koken_val(leg, v) = koken_freeze(l);
    cr_assert_eq(koken_await_given_val(rt, broker, KOKEN_S(20), leg, shown, v), 0);
    koken_val(leg, back) = koken_take(shown);
    cr_assert_eq(koken_get(back)->quantity, 8);
    koken_drop(back);
    koken_iso(order, silent) = order_of(0);
    cr_assert_eq(koken_await_given(rt, broker, KOKEN_S(20), &told, silent), -EPROTO);
    koken_iso(order, wrong) = order_of(2);
    cr_assert_eq(koken_await_given(rt, broker, KOKEN_S(20), &told, wrong), -EPROTO);
    koken_iso(order, lost) = order_of(9);
    cr_assert_eq(koken_await_given(rt, KOKEN_NOBODY, KOKEN_S(20), &told, lost), -ESRCH);
    cr_assert(!koken_is_nobody(koken_spawn(rt, asker, KOKEN_ARG(broker))));
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(alive(&koken_payload_order), orders);
    cr_assert_eq(alive(&koken_payload_leg), legs);
}

struct requester {
    koken_ref broker;
    long numbers;
};

static int on_requester_go(koken_ctx *ctx, struct requester *self, const struct ask_number *msg)
{
    (void)msg;
    koken_iso(order, o) = order_of(11);
    koken_iso(order, lost) = order_of(12);
    int rc = koken_request_given(ctx, self->broker, KOKEN_S(20), o);

    return koken_request_given(ctx, KOKEN_NOBODY, KOKEN_S(20), lost) == -ESRCH && rc > 0 ? 0
                                                                                         : -EPROTO;
}

static int on_requester_number(koken_ctx *ctx, struct requester *self, const struct number *msg)
{
    (void)ctx;
    self->numbers += (long)msg->value;
    return self->numbers == 11 ? KOKEN_STOP : -EPROTO;
}

KOKEN_AGENT(requester, struct requester, KOKEN_ON(ask_number, on_requester_go),
            KOKEN_ON(number, on_requester_number));

/* Proves: a handler asks by an iso too. */
Test(give, a_handler_requests_by_an_iso)
{
    struct koken *rt;
    size_t orders = alive(&koken_payload_order);

    cr_assert_eq(koken_start(NULL, &rt), 0);
    struct requester first = {.broker = koken_spawn(rt, broker)};
    koken_ref who = koken_spawn(rt, requester, KOKEN_ARG(first));
    cr_assert_eq(koken_signal(who, ask_number), 0);
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert(!koken_alive(who));
    struct koken_metrics m;
    koken_metrics(rt, &m);
    cr_assert_eq(m.failed, 0);
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(alive(&koken_payload_order), orders);
}

struct picker {
    koken_ref vault;
};

static int picker_body(koken_ctx *ctx, struct picker *self, const void *arg)
{
    const koken_ref *vault = arg;
    koken_slot(order, got);
    int rc = koken_receive_only(ctx, KOKEN_S(20), order_iso, &got);

    (void)self;
    if (rc < 0) {
        return rc;
    }
    koken_iso(order, first) = koken_take(got);
    rc = koken_await_iso(ctx, *vault, KOKEN_S(20), order, got, ask_iso, .id = koken_get(first)->id);
    koken_drop(first);
    if (rc < 0) {
        return rc;
    }
    koken_iso(order, second) = koken_take(got);
    rc = koken_get(second)->id == 41 ? 0 : -EPROTO;
    koken_drop(second);
    return rc;
}

KOKEN_FIBER(picker, struct picker, picker_body);

/* Proves: a fiber that receives an iso owns it alone, and may await others. */
Test(give, a_fiber_owns_what_it_receives)
{
    struct koken *rt;
    koken_ref vault, picker;
    size_t orders = alive(&koken_payload_order);
    koken_iso(order, o) = koken_new(order);

    koken_mut(o)->id = 41;
    cr_assert_eq(koken_start(NULL, &rt), 0);
    cr_assert_eq(open_vault(rt, 5, &vault), 0);
    cr_assert_eq(koken_try_spawn(rt, &picker, picker, .arg = &vault, .arg_size = sizeof vault), 0);
    koken_post(picker, o);
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert(!koken_alive(picker));
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(alive(&koken_payload_order), orders);
}

/* Proves: one val goes to many as references. */
Test(give, a_val_is_broadcast)
{
    long sum = 0;
    struct koken *rt;
    struct koken_broadcast_counts counts;
    koken_iso(leg, l) = koken_new(leg);

    koken_mut(l)->quantity = 3;
    koken_val(leg, v) = koken_freeze(l);
    cr_assert_eq(koken_start(NULL, &rt), 0);
    koken_ref desk = desk_at(rt, KOKEN_NOBODY, &sum);
    const koken_ref members[3] = {desk, KOKEN_NOBODY, desk};
    cr_assert_eq(koken_broadcast_val(members, 3, &counts, v), 0);
    cr_assert_eq(counts.accepted, 2);
    cr_assert_eq(counts.dead, 1);
    cr_assert_eq(koken_broadcast_val(NULL, 1, NULL, v), -EINVAL);
    cr_assert_eq(koken_drain(rt, KOKEN_S(20)), 0);
    cr_assert(koken_is_sole(v));
    cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
    cr_assert_eq(sum, 6);
    koken_drop(v);
}
