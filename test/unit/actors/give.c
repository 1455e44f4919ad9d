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
