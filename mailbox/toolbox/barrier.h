/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the toolbox may use the asymmetric fence (base/platform/membarrier.h). */
#ifndef KN_MAILBOX_TOOLBOX_BARRIER_H
#define KN_MAILBOX_TOOLBOX_BARRIER_H

#include "base/platform/membarrier.h"

/* ThreadSanitizer cannot see a barrier of the kernel; it gets the ordered operations. */
#if defined(__SANITIZE_THREAD__)
#define KN_HAS_BARRIER 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KN_HAS_BARRIER 0
#endif
#endif
#ifndef KN_HAS_BARRIER
#define KN_HAS_BARRIER 1
#endif

static inline bool kn_barrier_init(void)
{
    return KN_HAS_BARRIER && kn_membarrier_register();
}

#endif
