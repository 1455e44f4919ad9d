/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: bad needs an alignment of more than 32 bytes
#include <koken/give.h>

typedef long wide __attribute__((aligned(64)));

#ifdef CONTROL
KOKEN_STATE(bad, (plain, wide, number));
#else
KOKEN_PAYLOAD(bad, (plain, wide, number));
#endif
