/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ThreadSanitizer is told in a build with KOKEN_TSAN_AGENTS (KN_TSAN_AGENTS), where each agent is a thread of its
 * own to it: the library itself is compiled without the instrumentation, and what it promises its users to be ordered
 * is said here. In all other builds these functions are empty. See caps/DESIGN.md, D-CAPS-021.
 *
 *   kn_hand_over(at)    what was done so far on this thread or by this agent ...
 *   kn_take_over(at)    ... is before what is done from here on
 *   kn_quiet_begin()    from here on the sanitizer looks away: memory of the library changes hands
 */
#ifndef KN_BASE_EDGES_H
#define KN_BASE_EDGES_H

#include <stdint.h>

#ifdef KN_TSAN_AGENTS

enum { KN_STAGES = 1 };

void __tsan_acquire(void *at);
void __tsan_release(void *at);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

static inline void kn_hand_over(const void *at)
{
    __tsan_release((void *)(uintptr_t)at);
}

static inline void kn_take_over(const void *at)
{
    __tsan_acquire((void *)(uintptr_t)at);
}

static inline void kn_quiet_begin(void)
{
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static inline void kn_quiet_end(void)
{
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}

#else

enum { KN_STAGES = 0 };

static inline void kn_hand_over(const void *at)
{
    (void)at;
}

static inline void kn_take_over(const void *at)
{
    (void)at;
}

static inline void kn_quiet_begin(void)
{
}

static inline void kn_quiet_end(void)
{
}

#endif

/* Whether this source is one whose locks and atomics order what users do (atomic_edges.h). */
#if defined(KN_TSAN_AGENTS) && defined(KN_TSAN_EDGES)
enum { KN_IS_EDGE = 1 };
#else
enum { KN_IS_EDGE = 0 };
#endif

#endif
