/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_
#include <koken/message.h>

#ifdef CONTROL
typedef int callback;
#else
typedef void (*callback)(void);
#endif

struct hook {
    char name[7];
    callback calls[2];
};

/* Everything a message may hold precedes the pointer. */
KOKEN_MESSAGE(hooks, {
    uint8_t bytes[61];
    unsigned bits : 3;
    enum { HOOKS_NONE, HOOKS_SOME } which;
    _Bool is_set;
    long double wide;
    union {
        float narrow;
        uint64_t raw;
    } either;
    struct hook hooks[3];
});
