/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: a payload is freed once, with its graph; a val by its last reference; a copy is deep. */
#include "caps/payload.h"

#include "base/alloc.h"

#include <koken/caps.h>
#include <koken/runtime.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

KOKEN_PAYLOAD(text, (array, char, letters, 24), (plain, int, length));
KOKEN_PAYLOAD(leg, (plain, long, quantity), (plain, double, price));
KOKEN_PAYLOAD(order, (plain, long, id), (val, text, note), (iso, leg, leg), (iso, order, next),
              (tag, reply_to));
KOKEN_STATE(desk, (iso, order, pending), (val, text, last), (plain, long, count));

#ifdef KN_DEBUG
#define LIVE() kn_alloc_live()
#else
#define LIVE() 0u
#endif

static order_iso make(long id, text_val note)
{
    koken_iso(order, o) = koken_new(order);
    koken_iso(leg, l) = koken_new(leg);

    cr_assert(!koken_none(o));
    cr_assert(!koken_none(l));
    koken_mut(l)->quantity = id * 10;
    koken_mut(o)->id = id;
    koken_put(koken_mut(o)->leg, l);
    if (koken_has(note)) {
        koken_put(koken_mut(o)->note, note);
    }
    return koken_move(o);
}

Test(payload, a_handle_is_one_pointer)
{
    cr_assert_eq(sizeof(order_iso), sizeof(void *));
    cr_assert_eq(sizeof(order_val), sizeof(void *));
    cr_assert_eq(koken_type_order_iso.size, (uint32_t)sizeof(void *));
    cr_assert_str_eq(koken_type_order_val.name, "order_val");
}

Test(payload, the_list_describes_the_struct)
{
    const struct koken_type *type = &koken_payload_order;

    cr_assert_eq(type->field_count, 5u);
    cr_assert_eq(type->size, (uint32_t)sizeof(struct order));
    cr_assert_str_eq(type->fields[1].name, "note");
    cr_assert_eq(type->fields[1].kind, (uint16_t)KOKEN_FIELD_VAL);
    cr_assert_eq(type->fields[2].offset, (uint32_t)offsetof(struct order, leg));
    cr_assert_eq((const void *)type->fields[3].type, (const void *)type);
    cr_assert_eq((const void *)type->fields[5].type, (const void *)&koken_type_order_iso);
    cr_assert_eq((const void *)type->fields[6].type, (const void *)&koken_type_order_val);
    cr_assert_eq(koken_payload_leg.fields[1].number, (uint16_t)KOKEN_NUMBER_FLOAT);
    cr_assert_eq(koken_payload_text.fields[0].count, 24u);
}

Test(payload, a_fresh_one_is_zero_and_aligned)
{
    koken_iso(order, o) = koken_new(order);

    cr_assert(!koken_none(o));
    cr_assert_eq((uintptr_t)koken_get(o) % 32, 0u);
    cr_assert_eq(koken_get(o)->id, 0);
    cr_assert(!koken_has(koken_get(o)->leg));
    koken_drop(o);
}

Test(payload, dropping_an_iso_frees_its_graph)
{
    uint64_t before = LIVE();
    koken_iso(text, t) = koken_new(text);
    koken_val(text, v) = koken_freeze(t);
    koken_iso(order, o) = make(1, koken_dup(v));

    cr_assert(!koken_is_sole(v));
    koken_drop(o);
    cr_assert(koken_is_sole(v));
    koken_drop(v);
    cr_assert_eq(LIVE(), before);
}

Test(payload, a_chain_of_a_million_is_dropped_without_a_stack)
{
    uint64_t before = LIVE();
    koken_slot(order, head);

    for (long i = 0; i < 1000000; i++) {
        koken_iso(order, o) = koken_new(order);

        cr_assert(!koken_none(o));
        if (koken_has(head)) {
            koken_put(koken_mut(o)->next, head);
        }
        koken_put(head, o);
    }
    koken_drop(head);
    cr_assert_eq(LIVE(), before);
}

Test(payload, moving_and_taking_empty_the_source)
{
    koken_iso(order, o) = make(7, koken_empty_val(text));
    koken_iso(leg, l) = koken_take(koken_mut(o)->leg);
    koken_iso(order, p) = koken_move(o);

    cr_assert(!koken_has(o));
    cr_assert(!koken_has(koken_get(p)->leg));
    cr_assert_eq(koken_get(l)->quantity, 70);
    koken_drop(l);
    koken_drop(p);
}

Test(payload, freezing_copies_nothing)
{
    koken_iso(order, o) = make(3, koken_empty_val(text));
    const void *at = koken_get(o);
    koken_val(order, v) = koken_freeze(o);

    cr_assert(!koken_has(o));
    cr_assert_eq((const void *)koken_get(v), at);
    cr_assert_eq(koken_peek(koken_get(v)->leg)->quantity, 30);
    koken_drop(v);
}

Test(payload, a_sole_val_thaws_in_place_and_a_shared_one_as_a_copy)
{
    uint64_t before = LIVE();
    koken_iso(order, o) = make(3, koken_empty_val(text));
    koken_val(order, v) = koken_freeze(o);
    const void *at = koken_get(v);
    koken_iso(order, same) = koken_thaw(v);
    koken_val(order, first) = koken_freeze(same);
    koken_val(order, second) = koken_dup(first);
    koken_iso(order, copy) = koken_thaw(second);

    cr_assert_eq((const void *)koken_get(first), at);
    cr_assert_neq((const void *)koken_get(copy), at);
    koken_poke(koken_mut(copy)->leg)->quantity = 99;
    cr_assert_eq(koken_peek(koken_get(first)->leg)->quantity, 30);
    cr_assert(koken_is_sole(first));
    koken_drop(copy);
    koken_drop(first);
    cr_assert_eq(LIVE(), before);
}

Test(payload, a_clone_shares_vals_and_copies_isos)
{
    uint64_t before = LIVE();
    koken_iso(text, t) = koken_new(text);
    koken_val(text, v) = koken_freeze(t);
    koken_iso(order, o) = make(1, koken_dup(v));
    koken_iso(order, next) = make(2, koken_dup(v));
    koken_put(koken_mut(o)->next, next);
    koken_iso(order, copy) = koken_clone(o);

    cr_assert(koken_same(koken_get(copy)->note, v));
    bool is_same = koken_same(koken_get(copy)->leg, koken_get(o)->leg);
    cr_assert(!is_same);
    long quantity = koken_peek(koken_peek(koken_get(copy)->next)->leg)->quantity;
    cr_assert_eq(quantity, 20);
    koken_drop(o);
    koken_drop(copy);
    cr_assert(koken_is_sole(v));
    koken_drop(v);
    cr_assert_eq(LIVE(), before);
}

Test(payload, a_state_gives_back_what_it_holds)
{
    uint64_t before = LIVE();
    struct desk desk = {.count = 1};
    koken_iso(order, o) = make(1, koken_empty_val(text));
    koken_iso(text, t) = koken_new(text);
    koken_val(text, v) = koken_freeze(t);

    koken_put(desk.pending, o);
    koken_put(desk.last, v);
    koken_release(desk, &desk);
    cr_assert(!koken_has(desk.pending));
    cr_assert(!koken_has(desk.last));
    cr_assert_eq(LIVE(), before);
}

Test(payload, the_message_of_a_handle_gives_it_back_when_dropped)
{
    uint64_t before = LIVE();
    koken_iso(order, o) = make(1, koken_empty_val(text));
    order_iso message = koken_move(o);

    koken_type_order_iso.drop(&message);
    cr_assert(!koken_has(message));
    cr_assert_eq(LIVE(), before);
}

#ifdef KN_DEBUG
Test(payload, no_memory_for_a_copy_loses_nothing)
{
    uint64_t before = LIVE();
    koken_iso(text, t) = koken_new(text);
    koken_val(text, v) = koken_freeze(t);
    koken_iso(order, o) = make(1, koken_dup(v));
    koken_iso(order, next) = make(2, koken_dup(v));
    bool has_fired = true;

    koken_put(koken_mut(o)->next, next);
    for (uint64_t n = 0; has_fired; n++) {
        kn_alloc_fail_after(n);
        koken_slot(order, copy);
        copy = koken_clone(o);
        has_fired = !kn_alloc_fail_is_armed();
        cr_assert_eq(koken_has(copy), !has_fired);
        kn_alloc_fail_after(UINT64_MAX);
        if (koken_has(copy)) {
            koken_drop(copy);
        }
        cr_assert_eq(koken_peek(koken_get(o)->next)->id, 2);
    }
    koken_drop(o);
    cr_assert(koken_is_sole(v));
    koken_drop(v);
    cr_assert_eq(LIVE(), before);
}
#endif

enum { THREADS = 4, ROUNDS = 20000 };

static void *keep_and_drop(void *arg)
{
    text_val mine = {0};

    memcpy(&mine, arg, sizeof mine);
    for (int i = 0; i < ROUNDS; i++) {
        koken_val(text, again) = koken_dup(mine);
        cr_assert_eq(koken_get(again)->length, 5);
        koken_drop(again);
    }
    koken_drop(mine);
    return NULL;
}

Test(payload, the_last_of_many_threads_frees_a_val)
{
    uint64_t before = LIVE();
    koken_iso(text, t) = koken_new(text);
    pthread_t threads[THREADS];
    text_val given[THREADS];

    koken_mut(t)->length = 5;
    koken_val(text, v) = koken_freeze(t);
    for (int i = 0; i < THREADS; i++) {
        given[i] = koken_dup(v);
    }
    koken_drop(v);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, keep_and_drop, &given[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(LIVE(), before);
}
