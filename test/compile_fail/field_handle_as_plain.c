/* SPDX-License-Identifier: Apache-2.0 */
// expect: is not a number: a payload inside is (iso, ...) or (val, ...)
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (val, leg, of));
#else
KOKEN_PAYLOAD(bad, (plain, leg_ref, of));
#endif
