/* SPDX-License-Identifier: Apache-2.0 */
/* Money is read and written exactly, rounded where it must be, and refused when it is no number. */
#include "examples/trading_swarm/money.c"

#include <criterion/criterion.h>

#include <string.h>

static money parse(const char *text)
{
    money amount = -1;

    cr_assert_null(money_parse(text, strlen(text), &amount), "%s", text);
    return amount;
}

Test(money, parse_keeps_four_decimals_and_rounds_the_rest)
{
    cr_assert_eq(parse("0"), 0);
    cr_assert_eq(parse("1469.25"), 14692500);
    cr_assert_eq(parse("1438.359985"), 14383600);
    cr_assert_eq(parse("0.00004"), 0);
    cr_assert_eq(parse("0.00005"), 1);
    cr_assert_eq(parse("0.000049999"), 0);
    cr_assert_eq(parse(".5"), 5000);
    cr_assert_eq(parse("7."), 70000);
    cr_assert_eq(parse("-2.5"), -25000);
}

Test(money, parse_says_what_is_wrong)
{
    const char *const wrong[] = {"", "-", ".", "1e3", "nan", "0x1", "1.2.3", "--1", "1 ", "+1"};
    money amount;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_str_eq(money_parse(wrong[i], strlen(wrong[i]), &amount), "not a number");
    }
    cr_assert_str_eq(money_parse("1000000001", 10, &amount), "too large");
    cr_assert_eq(parse("1000000000"), MONEY_PRICE_MAX);
}

Test(money, text_is_rounded_to_the_cent_with_thousands_apart)
{
    char text[MONEY_TEXT_SIZE];

    cr_assert_str_eq(money_text(0, text), "0.00");
    cr_assert_str_eq(money_text(49, text), "0.00");
    cr_assert_str_eq(money_text(-49, text), "0.00");
    cr_assert_str_eq(money_text(50, text), "0.01");
    cr_assert_str_eq(money_text(-12345678950, text), "-1,234,567.90");
    cr_assert_str_eq(money_text(INT64_MIN, text), "-922,337,203,685,477.58");
    cr_assert_str_eq(money_exact(-12345, text), "-1.2345");
    cr_assert_str_eq(money_exact(INT64_MIN, text), "-922337203685477.5808");
}
