/* SPDX-License-Identifier: Apache-2.0 */
// expect: is a raw pointer (char *): it may not travel between agents
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (array, char, name, 8));
#else
KOKEN_PAYLOAD(bad, (plain, char *, name));
#endif
