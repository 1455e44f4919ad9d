/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: equal strings have one number, numbers come in order, bytes are kept, arrays grow. */
#include "executors/teg/names.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(names, equal_strings_have_one_number)
{
    struct kn_teg_names names = {0};
    char text[32];
    cr_assert_eq(kn_teg_names_find(&names, "a", 1), KN_TEG_NO_NAME);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 3000; i++) {
            int len = snprintf(text, sizeof text, "name-%u", i);
            cr_assert_eq(kn_teg_names_add(&names, text, (size_t)len), i);
        }
    }
    cr_assert_eq(names.count, 3000);
    cr_assert_eq(kn_teg_names_find(&names, "name-17", 7), 17);
    cr_assert_eq(kn_teg_names_find(&names, "name-17", 6), 1);
    cr_assert_eq(kn_teg_names_find(&names, "nobody", 6), KN_TEG_NO_NAME);
    cr_assert_str_eq(names.texts[2999].text, "name-2999");
    kn_teg_names_fini(&names);
    kn_teg_names_fini(&names);
}

Test(names, zero_bytes_and_emptiness_are_strings_too)
{
    struct kn_teg_names names = {0};
    uint32_t empty = kn_teg_names_add(&names, "", 0), zero = kn_teg_names_add(&names, "\0", 1),
             two = kn_teg_names_add(&names, "\0\0", 2);
    cr_assert(empty != zero && zero != two && empty != two);
    cr_assert_eq(kn_teg_names_add(&names, "", 0), empty);
    kn_teg_names_fini(&names);
}

Test(names, large_bytes_are_kept)
{
    struct kn_teg_names names = {0};
    static char big[1 << 21];
    memset(big, 'x', sizeof big);
    char *kept = kn_teg_names_keep(&names, big, sizeof big),
         *small = kn_teg_names_keep(&names, "abc", 3);
    cr_assert_not_null(kept);
    cr_assert_arr_eq(kept, big, sizeof big);
    cr_assert_eq(kept[sizeof big], '\0');
    cr_assert_str_eq(small, "abc");
    cr_assert_eq((uintptr_t)small % 16, 0);
    kn_teg_names_fini(&names);
}

Test(names, arrays_grow_and_keep_what_is_in_them)
{
    uint32_t room = 0, *array = NULL;
    for (uint32_t i = 0; i < 1000; i++) {
        array = kn_teg_grow(array, i, &room, sizeof *array);
        array[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(array[i], i);
    }
    kn_teg_ungrow(array, room, sizeof *array);
    kn_teg_ungrow(NULL, 0, 1);
}
