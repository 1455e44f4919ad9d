/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the list of errors is closed, that each has its name and meaning, and nothing else
 * has. */
#include <koken/error.h>

#include <criterion/criterion.h>
#include <string.h>

Test(error, names_each_code_with_either_sign)
{
#define SAME_NAME(NAME, MEANING)                                                                   \
    cr_assert_str_eq(koken_errname(-NAME), #NAME);                                                 \
    cr_assert_str_eq(koken_errname(NAME), #NAME);                                                  \
    cr_assert_str_eq(koken_strerror(-NAME), MEANING);
    KOKEN_ERRORS(SAME_NAME)
#undef SAME_NAME
}

Test(error, has_fifteen_codes_all_different)
{
    int codes[] = {
#define CODE(NAME, MEANING) NAME,
        KOKEN_ERRORS(CODE)
#undef CODE
    };
    size_t count = sizeof codes / sizeof codes[0];
    cr_assert_eq(count, 15);
    for (size_t i = 0; i < count; ++i) {
        for (size_t k = 0; k < i; ++k) {
            cr_assert_neq(codes[i], codes[k]);
        }
    }
}

Test(error, knows_success_and_strangers)
{
    cr_assert_str_eq(koken_errname(0), "OK");
    cr_assert_str_eq(koken_strerror(0), "no error");
    cr_assert_str_eq(koken_errname(-EPIPE), "UNKNOWN");
    cr_assert_str_eq(koken_errname(-1000000), "UNKNOWN");
    cr_assert_str_eq(koken_strerror(-EPIPE), koken_strerror(-1000000));
}

/* EPERM is 1, the smallest code: the stranger must not be mistaken for it. */
Test(error, names_eperm)
{
    cr_assert_str_eq(koken_errname(1), "EPERM");
    cr_assert_str_eq(koken_errname(-1), "EPERM");
}
