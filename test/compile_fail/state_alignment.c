/* SPDX-License-Identifier: Apache-2.0 */
// expect: needs an alignment of more than 64 bytes
#include <koken.h>

struct wide {
#ifdef CONTROL
    _Alignas(64) char line[64];
#else
    _Alignas(128) char line[128];
#endif
};

/* Without rows, too. */
KOKEN_AGENT(wide, struct wide);

const struct koken_agent_type *const used = &koken_agent_wide;
