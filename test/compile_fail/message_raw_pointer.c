/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_
// expect-gcc: incompatible types when initializing type ‘const char *’
// expect-clang: initializing 'const char *' with an expression of incompatible type
#include <koken/message.h>

#ifdef CONTROL
KOKEN_MESSAGE(greet, {
    int count;
    char name[24];
});
#else
KOKEN_MESSAGE(greet, {
    int count;
    const char *name;
});
#endif
