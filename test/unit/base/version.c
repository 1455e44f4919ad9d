/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that number, text and build line of the version agree. */
#include <koken/version.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(version, text_and_number_agree_with_the_headers)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", KOKEN_VERSION_MAJOR, KOKEN_VERSION_MINOR,
                   KOKEN_VERSION_PATCH);
    cr_assert_str_eq(koken_version(), text);
    cr_assert_eq(koken_version_num(), KOKEN_VERSION_NUM);
}

Test(version, build_line_names_version_and_compiler)
{
    const char *info = koken_build_info();
    cr_assert_not_null(strstr(info, koken_version()));
    cr_assert(strstr(info, "gcc ") != NULL || strstr(info, "clang ") != NULL);
    cr_assert_null(strchr(info, '\n'));
}
