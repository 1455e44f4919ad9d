/* SPDX-License-Identifier: Apache-2.0 */
// expect: it could keep a borrowed payload
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_STATE(bad, (own, long *, table));
#else
KOKEN_STATE(bad, (plain, struct leg *, of));
#endif
