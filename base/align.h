/* SPDX-License-Identifier: Apache-2.0 */
/* Layout and branch words that every module uses. */
#ifndef KN_BASE_ALIGN_H
#define KN_BASE_ALIGN_H

#include <stddef.h>
#include <stdint.h>

enum {
    KN_CACHE_LINE = 64,
    KN_FALSE_SHARING = 128, /* adjacent lines are fetched in pairs on x86-64 */
};

#define kn_likely(x) __builtin_expect(!!(x), 1)
#define kn_unlikely(x) __builtin_expect(!!(x), 0)

#define KN_NOINLINE __attribute__((noinline))
#define KN_ALWAYS_INLINE inline __attribute__((always_inline))
#define KN_ALIGNED(n) __attribute__((aligned(n)))
#define KN_UNUSED __attribute__((unused))

/* For the few functions of the hot path: no stack canary. Their frames hold no array to run over.
 */
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define KN_HOT __attribute__((hot, no_stack_protector))
#endif
#endif
#ifndef KN_HOT
#define KN_HOT __attribute__((hot))
#endif

/* Thread-local storage of the library: no call into the loader on the hot path. */
#define KN_TLS __thread __attribute__((tls_model("initial-exec")))

#define kn_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* n up to the next multiple of align, a power of two. */
static inline size_t kn_align_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

#endif
