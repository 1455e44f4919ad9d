/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: bad holds nothing: give it a field
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (array, char, nothing, 1));
#else
KOKEN_PAYLOAD(bad, (array, char, nothing, 0));
#endif
