/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two kinds of assertion. KOKEN_CHECK is always on: life cycle, ownership, control plane. KN_ASSERT
 * is on in debug, sanitizer and simulator builds (KN_DEBUG) and free in release: the data plane. A
 * mistake of the library's user is never an assertion; it is -EINVAL.
 */
#ifndef KN_BASE_ASSERT_H
#define KN_BASE_ASSERT_H

#include "base/align.h"

/* Writes what, file and line to standard error and aborts. Never returns. */
_Noreturn void kn_panic(const char *what, const char *file, int line);

#define KOKEN_CHECK(cond)                                                                          \
    (kn_likely(cond) ? (void)0 : kn_panic("check failed: " #cond, __FILE__, __LINE__))

#ifdef KN_DEBUG
#define KN_ASSERT(cond)                                                                            \
    (kn_likely(cond) ? (void)0 : kn_panic("assertion failed: " #cond, __FILE__, __LINE__))
#else
#define KN_ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#endif
