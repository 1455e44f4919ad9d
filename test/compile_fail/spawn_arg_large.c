/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: an argument of more than 384 bytes is given by an iso
#include <koken.h>

#ifdef CONTROL
enum { SIZE = 384 };
#else
enum { SIZE = 385 };
#endif
struct desk {
    char bytes[SIZE];
};
KOKEN_AGENT(desk, struct desk);

koken_ref use(struct koken *rt, const struct desk *first);
koken_ref use(struct koken *rt, const struct desk *first)
{
    return koken_spawn(rt, desk, KOKEN_ARG(*first));
}
