/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls into libraries that MemorySanitizer has not instrumented. It checks what they give to the C library, and knows
 * nothing of what they have written; between begin and end it does not look. What such a library writes for us is
 * read in sources that base/build/msan.txt names, or said to be written. Empty in all other builds.
 */
#ifndef KN_BASE_UNSEEN_H
#define KN_BASE_UNSEEN_H

#include <stddef.h>

#ifdef KN_MSAN

#include <sanitizer/msan_interface.h>

static inline void kn_unseen_begin(void)
{
    __msan_scoped_disable_interceptor_checks();
}

static inline void kn_unseen_end(void)
{
    __msan_scoped_enable_interceptor_checks();
}

static inline void kn_unseen_wrote(const void *at, size_t size)
{
    __msan_unpoison(at, size);
}

#else

static inline void kn_unseen_begin(void)
{
}

static inline void kn_unseen_end(void)
{
}

static inline void kn_unseen_wrote(const void *at, size_t size)
{
    (void)at;
    (void)size;
}

#endif

#endif
