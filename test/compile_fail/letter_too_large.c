/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: letter bad is larger than 224 bytes
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_LETTER(bad, (array, char, text, 224));
#else
KOKEN_LETTER(bad, (array, char, text, 225));
#endif
