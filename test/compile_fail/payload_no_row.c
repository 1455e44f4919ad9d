/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: bad holds nothing, or fields that are not rows
#include <koken/give.h>

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (plain, int, number));
#else
KOKEN_PAYLOAD(bad, plain, int, number);
#endif
