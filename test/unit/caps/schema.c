/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: what a description says is printed, compared, hashed and copied, padding and pointers are
 * not. */
#include <koken/schema.h>

#include "base/alloc.h"

#include <koken/caps.h>
#include <koken/runtime.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

KOKEN_PAYLOAD(text, (array, char, letters, 8));
KOKEN_PAYLOAD(leg, (plain, char, side), (plain, double, price), (array, short, parts, 3));
KOKEN_PAYLOAD(order, (plain, uint8_t, id), (plain, long, quantity), (plain, bool, is_open),
              (val, text, note), (iso, leg, leg), (tag, reply_to), (iso, order, next));
KOKEN_LETTER(fill, (iso, order, of), (plain, float, price), (plain, long double, fee));
KOKEN_STATE(desk, (own, char *, memory), (plain, int, count));
KOKEN_MESSAGE(plain, { uint8_t bytes[4]; });

static order_iso make(void)
{
    koken_iso(order, o) = koken_new(order);
    koken_iso(leg, l) = koken_new(leg);
    koken_iso(text, t) = koken_new(text);

    koken_mut(l)->side = 'b';
    koken_mut(l)->price = 2.5;
    koken_mut(l)->parts[1] = -7;
    memcpy(koken_mut(t)->letters, "a\"b", 4);
    koken_mut(o)->id = 200;
    koken_mut(o)->quantity = -3;
    koken_mut(o)->is_open = true;
    koken_mut(o)->reply_to = (koken_ref){0x2a};
    koken_put(koken_mut(o)->leg, l);
    koken_val(text, v) = koken_freeze(t);
    koken_put(koken_mut(o)->note, v);
    return koken_move(o);
}

Test(schema, everything_is_printed)
{
    koken_iso(order, o) = make();
    char text[256];
    size_t length = koken_print(text, sizeof text, &koken_payload_order, koken_get(o));

    cr_assert_str_eq(text,
                     "order{id=200, quantity=-3, is_open=true, note=text{letters=\"a\\x22b\"}, "
                     "leg=leg{side=98, price=2.5, parts=[0, -7, 0]}, reply_to=agent:2a, next=-}");
    cr_assert_eq(length, strlen(text));
    koken_drop(o);
}

Test(schema, a_short_buffer_gets_the_beginning_and_an_end)
{
    koken_iso(order, o) = make();
    char text[12];
    size_t length = koken_print(NULL, 0, &koken_payload_order, koken_get(o));

    cr_assert_eq(koken_print(text, sizeof text, &koken_payload_order, koken_get(o)), length);
    cr_assert_str_eq(text, "order{id=20");
    koken_drop(o);
}

Test(schema, a_message_without_a_list_is_bytes)
{
    struct plain p = {{1, 2, 0xab, 4}};
    struct plain q = {{1, 2, 0xab, 5}};
    char text[64];

    koken_print(text, sizeof text, &koken_type_plain, &p);
    cr_assert_str_eq(text, "plain{0102ab04}");
    cr_assert_eq(koken_equal(&koken_type_plain, &p, &q), 0);
    cr_assert_eq(koken_equal(&koken_type_plain, &p, &p), 1);
    cr_assert_neq(koken_hash(&koken_type_plain, &p), koken_hash(&koken_type_plain, &q));
}

Test(schema, a_message_that_is_a_handle_is_printed_through_it)
{
    koken_iso(order, o) = koken_new(order);
    order_iso message = koken_move(o);
    char text[128];

    koken_print(text, sizeof text, &koken_type_order_iso, &message);
    cr_assert_str_eq(text, "order_iso{order=order{id=0, quantity=0, is_open=false, note=-, leg=-, "
                           "reply_to=agent:0, next=-}}");
    koken_type_order_iso.drop(&message);
}

Test(schema, equal_is_by_content_and_equal_things_hash_alike)
{
    koken_iso(order, a) = make();
    koken_iso(order, b) = make();
    const struct koken_type *type = &koken_payload_order;

    cr_assert_eq(koken_equal(type, koken_get(a), koken_get(b)), 1);
    cr_assert_eq(koken_hash(type, koken_get(a)), koken_hash(type, koken_get(b)));
    koken_poke(koken_mut(b)->leg)->parts[2] = 1;
    cr_assert_eq(koken_equal(type, koken_get(a), koken_get(b)), 0);
    cr_assert_neq(koken_hash(type, koken_get(a)), koken_hash(type, koken_get(b)));
    koken_drop(a);
    koken_drop(b);
}

Test(schema, padding_does_not_count)
{
    struct fill a;
    struct fill b;

    memset(&a, 0x11, sizeof a);
    memset(&b, 0x77, sizeof b);
    a.of = b.of = koken_empty(order);
    a.price = b.price = 1.5f;
    a.fee = b.fee = 0.25L;
    cr_assert_eq(koken_equal(&koken_type_fill, &a, &b), 1);
    cr_assert_eq(koken_hash(&koken_type_fill, &a), koken_hash(&koken_type_fill, &b));
    b.fee = 0.5L;
    cr_assert_eq(koken_equal(&koken_type_fill, &a, &b), 0);
}

Test(schema, a_long_list_needs_no_stack)
{
    koken_slot(order, head);
    koken_slot(order, other);

    for (long i = 0; i < 200000; i++) {
        koken_iso(order, o) = koken_new(order);
        koken_iso(order, p) = koken_new(order);

        koken_mut(o)->quantity = koken_mut(p)->quantity = i;
        if (koken_has(head)) {
            koken_put(koken_mut(o)->next, head);
            koken_put(koken_mut(p)->next, other);
        }
        koken_put(head, o);
        koken_put(other, p);
    }
    cr_assert_eq(koken_equal(&koken_payload_order, koken_peek(head), koken_peek(other)), 1);
    cr_assert_eq(koken_hash(&koken_payload_order, koken_peek(head)),
                 koken_hash(&koken_payload_order, koken_peek(other)));
    koken_drop(head);
    koken_drop(other);
}

Test(schema, a_letter_is_copied_deeply)
{
    struct fill from = {.price = 2};
    struct fill to = {.price = 0};
    koken_iso(order, o) = make();
    bool is_same;

    koken_put(from.of, o);
    cr_assert_eq(koken_copy(&koken_type_fill, &to, &from), 0);
    is_same = koken_same(from.of, to.of);
    cr_assert(!is_same);
    cr_assert_eq(koken_equal(&koken_type_fill, &from, &to), 1);
    koken_type_fill.drop(&from);
    koken_type_fill.drop(&to);
}

Test(schema, own_memory_is_not_copied)
{
    struct desk from = {.count = 1};
    struct desk to = {.count = 2};

    cr_assert_eq(koken_copy(&koken_state_desk, &to, &from), -ENOTSUP);
    cr_assert_eq(to.count, 2);
}

#ifdef KN_DEBUG
Test(schema, no_memory_for_a_copy_writes_nothing)
{
    uint64_t before = kn_alloc_live();
    struct fill from = {.price = 2};
    koken_iso(order, o) = make();
    bool has_fired = true;

    koken_put(from.of, o);
    for (uint64_t n = 0; has_fired; n++) {
        struct fill to = {.price = 7};
        int rc;

        kn_alloc_fail_after(n);
        rc = koken_copy(&koken_type_fill, &to, &from);
        has_fired = !kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert_eq(rc, has_fired ? -ENOMEM : 0);
        cr_assert_eq(koken_has(to.of), rc == 0);
        cr_assert(rc == 0 || to.price == 7);
        koken_type_fill.drop(&to);
    }
    koken_type_fill.drop(&from);
    cr_assert_eq(kn_alloc_live(), before);
}
#endif
