/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: bad: there is no field kind
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (plain, long, price));
#else
KOKEN_PAYLOAD(bad, (plian, long, price));
#endif
