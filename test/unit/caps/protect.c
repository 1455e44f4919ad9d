/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: with koken_caps_protect the write to a val itself stops the program, wherever in its graph it is; all that is
 * right goes on, and a thawed val is writable again. */
#define KOKEN_CAPS_DEBUG
#include <koken/caps.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));
KOKEN_PAYLOAD(order, (plain, long, id), (iso, leg, leg), (val, leg, note));

static order_val frozen(void)
{
    koken_iso(order, o) = koken_new(order);
    koken_iso(leg, l) = koken_new(leg);
    koken_iso(leg, n) = koken_new(leg);

    koken_mut(o)->id = 3;
    koken_mut(l)->quantity = 4;
    koken_put(koken_mut(o)->leg, l);
    koken_val(leg, note) = koken_freeze(n);
    koken_put(koken_mut(o)->note, note);
    return koken_freeze(o);
}

Test(protect, what_keeps_the_rules_runs)
{
    cr_assert_eq(koken_caps_protect(), 0);
    cr_assert_eq(koken_caps_protect(), 0);
    for (int i = 0; i < 200; i++) {
        koken_val(order, v) = frozen();
        koken_val(order, w) = koken_dup(v);

        cr_assert_eq(koken_get(w)->id, 3);
        cr_assert_eq(koken_peek(koken_get(v)->leg)->quantity, 4);
        koken_drop(v);
        koken_iso(order, o) = koken_thaw(w);
        koken_mut(o)->id++;
        koken_poke(koken_mut(o)->leg)->quantity++;
        cr_assert_eq(koken_get(o)->id, 4);
        koken_drop(o);
    }
}

Test(protect, a_write_to_a_val_stops, .signal = SIGABRT)
{
    cr_assert_eq(koken_caps_protect(), 0);
    koken_val(order, v) = frozen();
    long *id;

    memcpy(&id, &(const long *){&koken_get(v)->id}, sizeof id);
    *id = 9;
}

Test(protect, a_write_to_what_a_val_owns_stops, .signal = SIGABRT)
{
    cr_assert_eq(koken_caps_protect(), 0);
    koken_val(order, v) = frozen();
    long *quantity;

    memcpy(&quantity, &(const long *){&koken_peek(koken_get(v)->leg)->quantity}, sizeof quantity);
    *quantity = 9;
}
