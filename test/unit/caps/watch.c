/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: with KOKEN_CAPS_DEBUG a broken rule stops the program, and a kept one does not. */
#define KOKEN_CAPS_DEBUG
#define KOKEN_NO_FORTIFY

#include "caps/payload.h"
#include "caps/poison.h"

#include <koken/give.h>
#include <koken/runtime.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (plain, double, price));
KOKEN_PAYLOAD(order, (plain, long, id), (iso, leg, leg), (val, leg, note));

static order_iso fresh(void)
{
    koken_iso(order, o) = koken_new(order);

    cr_assert(!koken_none(o));
    koken_mut(o)->id = 7;
    return koken_move(o);
}

/* A copy that the compilers cannot see through. */
static void copy_bytes(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

Test(watch, what_keeps_the_rules_runs)
{
    koken_iso(order, o) = fresh();
    koken_iso(leg, l) = koken_new(leg);

    koken_put(koken_mut(o)->leg, l);
    koken_iso(leg, m) = koken_take(koken_mut(o)->leg);
    koken_mut(m)->quantity = 3;
    koken_val(leg, v) = koken_freeze(m);
    koken_val(leg, w) = koken_dup(v);
    koken_put(koken_mut(o)->note, w);
    koken_iso(order, p) = koken_move(o);
    cr_assert_eq(koken_peek(koken_get(p)->note)->quantity, 3);
    koken_iso(order, copy) = koken_clone(p);
    koken_drop(p);
    koken_val(order, frozen) = koken_freeze(copy);
    koken_iso(order, thawed) = koken_thaw(frozen);
    cr_assert_eq(koken_get(thawed)->id, 7);
    koken_drop(thawed);
    koken_drop(v);
}

Test(watch, what_is_frozen_moves_to_fresh_memory)
{
    koken_iso(order, o) = fresh();
    const void *before = koken_get(o);
    koken_val(order, v) = koken_freeze(o);

    cr_assert_neq((const void *)koken_get(v), before);
    cr_assert_eq(koken_get(v)->id, 7);
    koken_drop(v);
}

Test(watch, an_empty_handle_stops, .signal = SIGABRT)
{
    koken_slot(order, o);

    koken_poke(o)->id = 1;
}

Test(watch, a_copy_that_stayed_behind_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();
    order_iso stale;

    copy_bytes(&stale, &o, sizeof stale);
    koken_iso(order, p) = koken_move(o);
    koken_poke(stale)->id = 1;
    koken_drop(p);
}

Test(watch, a_use_after_drop_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();
    order_iso stale;

    copy_bytes(&stale, &o, sizeof stale);
    koken_drop(o);
    cr_assert_eq(koken_peek(stale)->id, 7);
}

Test(watch, a_written_val_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();
    koken_val(order, v) = koken_freeze(o);
    struct order *writable;
    const struct order *p = koken_get(v);

    copy_bytes(&writable, &p, sizeof writable);
    writable->id = 8;
    cr_assert_eq(koken_get(v)->id, 8);
    koken_drop(v);
}

Test(watch, a_forgotten_iso_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();

    koken_mut(o)->id = 1;
}

Test(watch, a_put_over_what_is_there_stops, .signal = SIGABRT)
{
    koken_slot(order, slot);
    koken_iso(order, o) = fresh();
    koken_iso(order, p) = fresh();

    koken_put(slot, o);
    koken_put(slot, p);
}

Test(watch, a_slot_left_full_stops, .signal = SIGABRT)
{
    koken_slot(order, slot);
    koken_iso(order, o) = fresh();

    koken_put(slot, o);
}

Test(watch, an_iso_of_another_agent_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();

    kn_caps_agent = 1;
    koken_mut(o)->id = 1;
    kn_caps_agent = 2;
    koken_mut(o)->id = 2; /* it was not sent */
    koken_drop(o);
}

Test(watch, a_val_written_before_its_end_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();
    koken_val(order, v) = koken_freeze(o);
    const struct order *p = koken_get(v);
    struct order *writable;
    order_val last = koken_move(v);

    copy_bytes(&writable, &p, sizeof writable);
    writable->id = 8;
    koken_val_drop_(last.ptr_); /* as the runtime does */
}

Test(watch, a_ref_of_another_agent_stops, .signal = SIGABRT)
{
    koken_local(leg, r) = koken_new_local(leg);

    kn_caps_agent = 1;
    koken_mut(r)->quantity = 1;
    kn_caps_agent = 2;
    koken_mut(r)->quantity = 2;
}

KOKEN_LETTER(crate, (plain, int, number), (iso, order, of), (val, leg, note));

/* Proves: what a letter holds moves when it is given, and stays usable when the letter was refused. */
Test(watch, what_a_letter_holds_moves)
{
    struct crate crate = {.number = 3};
    koken_iso(order, o) = fresh();
    koken_iso(leg, l) = koken_new(leg);
    koken_val(leg, v) = koken_freeze(l);
    const void *before = koken_get(o), *shared = koken_get(v);

    koken_put(crate.of, o);
    koken_put(crate.note, v);
    cr_assert_eq(koken_give_letter(KOKEN_NOBODY, crate, crate), -ESRCH);
    cr_assert_neq((const void *)koken_peek(crate.of), before);
    cr_assert_eq((const void *)koken_peek(crate.note), shared);
    cr_assert_eq(koken_peek(crate.of)->id, 7);
    koken_iso(order, p) = koken_take(crate.of);
    koken_val(leg, w) = koken_take(crate.note);
    koken_drop(p);
    koken_drop(w);
}

Test(watch, a_letter_with_a_stale_handle_stops, .signal = SIGABRT)
{
    struct crate crate = {.number = 3};
    koken_iso(order, o) = fresh();

    copy_bytes(&crate.of, &o, sizeof o);
    koken_drop(o);
    cr_assert_eq(koken_give_letter(KOKEN_NOBODY, crate, crate), -ESRCH);
}

#ifdef KN_ASAN
/* Proves: what AddressSanitizer reports of a payload ends as a report of the rule. */
Test(watch, a_pointer_that_was_kept_stops, .signal = SIGABRT)
{
    koken_iso(order, o) = fresh();
    struct order *kept;

    copy_bytes(&kept, &o, sizeof kept);
    koken_drop(o);
    cr_assert_neq(freopen("/dev/null", "w", stderr), NULL, "what a sanitizer says fails a test");
    kept->id = 3;
}
#endif

Test(watch, a_thousand_drops_leave_the_quarantine_bounded)
{
    for (int i = 0; i < 10000; i++) {
        koken_iso(order, o) = fresh();

        koken_drop(o);
    }
}
