/* SPDX-License-Identifier: Apache-2.0 */
/* The effects that the JSON form knows by name, besides "command". */
#ifndef KN_TEG_EFFECTS_H
#define KN_TEG_EFFECTS_H

#include <koken/teg_io.h>

/* Ends with a name of NULL. Each takes its argument as an int64_t or as text. */
const struct koken_teg_named *kn_teg_effects(void);

#endif
