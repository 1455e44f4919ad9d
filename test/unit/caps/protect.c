/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: with koken_caps_protect the write to a val itself stops the program, wherever in its graph it is; all that is
 * right goes on, and a thawed val is writable again. */
#define KOKEN_CAPS_DEBUG
#include <koken/caps.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* What a child says that writes to the leg inside a frozen order. */
static void told_by_writer(char *text, size_t size)
{
    int ends[2];
    size_t used = 0;
    ssize_t got;

    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        long *quantity;

        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        koken_val(order, v) = frozen();
        memcpy(&quantity, &(const long *){&koken_peek(koken_get(v)->leg)->quantity},
               sizeof quantity);
        *quantity = 9;
        _exit(1);
    }
    (void)close(ends[1]);
    while (used + 1 < size && (got = read(ends[0], text + used, size - used - 1)) > 0) {
        used += (size_t)got;
    }
    text[used] = '\0';
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
}

/* Proves: the report names the code that wrote and, for what is inside of a val, where the whole was frozen. */
Test(protect, the_report_names_both_places)
{
    char text[1024];

    cr_assert_eq(koken_caps_protect(), 0);
    told_by_writer(text, sizeof text);
    cr_assert_not_null(strstr(text, "a val was written after it was frozen"), "%s", text);
    cr_assert_not_null(strstr(text, "+0x"), "%s", text);
    cr_assert_not_null(strstr(text, "frozen as 'o' at"), "%s", text);
}
