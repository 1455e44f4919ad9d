/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_LETTER(fill, (iso, leg, of), (plain, long, price));
#else
KOKEN_MESSAGE(fill, {
    leg_iso of;
    long price;
});
#endif
