/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: values are made, looked into, compared and printed within bounds. */
#include "test/support/machine.h"

Test(value, values_made_by_hand)
{
    struct koken_machine *m;
    struct koken_value symbol, pair, sum, again;
    char text[100];
    cr_assert_eq(koken_machine_new(NULL, &m), 0);
    cr_assert_eq(koken_machine_symbol(m, "ACME", &symbol), 0);
    cr_assert_eq(koken_machine_symbol(m, "ACME", &again), 0);
    cr_assert_eq(symbol.data, again.data);
    cr_assert_eq(koken_machine_pair(m, KOKEN_VALUE_PRODUCT, symbol, koken_value_int(7), &pair), 0);
    cr_assert_eq(koken_machine_pair(m, KOKEN_VALUE_SUM, symbol, symbol, &sum), -EINVAL);
    cr_assert_eq(koken_machine_sum(m, "inr", pair, &sum), 0);
    cr_assert_str_eq(shown(m, sum), "sum(\"inr\", product(\"ACME\", 7))");
    cr_assert_eq(koken_machine_print(m, sum, text, 5), strlen(shown(m, sum)));
    cr_assert_str_eq(text, "sum(");
    cr_assert_eq(koken_machine_first(m, pair).data, symbol.data);
    cr_assert_eq(koken_machine_second(m, pair).data, 7);
    cr_assert_eq(koken_machine_second(m, symbol).tag, KOKEN_VALUE_NONE);
    cr_assert_eq(kn_values_equal(m, sum, sum), 1);
    cr_assert_eq(kn_values_equal(m, sum, pair), 0);
    koken_machine_free(m);
}

/* Parts that are shared would take 2^150 visits. */
Test(value, what_is_shared_is_not_followed_for_ever)
{
    struct koken_machine *m;
    struct koken_value a = koken_value_int(1), b = koken_value_int(1);
    static char text[200];
    cr_assert_eq(koken_machine_new(NULL, &m), 0);
    for (int i = 0; i < 150; i++) {
        cr_assert_eq(koken_machine_pair(m, KOKEN_VALUE_PRODUCT, a, a, &a), 0);
        cr_assert_eq(koken_machine_pair(m, KOKEN_VALUE_PRODUCT, b, b, &b), 0);
    }
    cr_assert_eq(kn_values_equal(m, a, b), -E2BIG);
    cr_assert_gt(koken_machine_print(m, a, text, sizeof text), sizeof text);
    int rc = 0;
    for (int i = 0; rc == 0 && i < 100; i++) {
        rc = koken_machine_pair(m, KOKEN_VALUE_PRODUCT, a, a, &a);
    }
    cr_assert_eq(rc, -ENOMEM); /* nested too deep */
    koken_machine_free(m);
}
