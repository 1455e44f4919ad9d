/* SPDX-License-Identifier: Apache-2.0 */
// expect: contains the type that is being declared: use (iso, bad,
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (plain, long, id), (iso, bad, next));
#else
KOKEN_PAYLOAD(bad, (plain, struct bad, next));
#endif
