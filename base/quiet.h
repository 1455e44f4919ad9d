/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before every source of the library in a build with KOKEN_TSAN_AGENTS. ThreadSanitizer intercepts memcpy(),
 * pthread_mutex_lock() and their like wherever they are called from; what the library does to its own data must be as
 * unseen as the rest of it, and two agents that go through the same lock of a registry are not ordered by that. So both
 * have other forms here. The barrier keeps compilers from making a call out of the loop again.
 */
#ifndef KN_BASE_QUIET_H
#define KN_BASE_QUIET_H

#include "base/assert.h"
#include "base/atomic.h"
#include "base/edges.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static inline __attribute__((unused)) void *kn_quiet_copy(void *to, const void *from, size_t size)
{
    unsigned char *at = (unsigned char *)to;
    const unsigned char *source = (const unsigned char *)from;
    KN_ASSERT(at != NULL || size == 0);
    KN_ASSERT(source != NULL || size == 0);
    for (size_t i = 0; i < size; i++) {
        at[i] = source[i];
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

static inline __attribute__((unused)) void *kn_quiet_move(void *to, const void *from, size_t size)
{
    unsigned char *at = (unsigned char *)to;
    const unsigned char *source = (const unsigned char *)from;
    KN_ASSERT(at != NULL || size == 0);
    KN_ASSERT(source != NULL || size == 0);
    if (at <= source || at >= source + size) {
        return kn_quiet_copy(to, from, size);
    }
    for (size_t i = size; i > 0; i--) {
        at[i - 1] = source[i - 1];
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

static inline __attribute__((unused)) void *kn_quiet_fill(void *to, int byte, size_t size)
{
    unsigned char *at = (unsigned char *)to;
    KN_ASSERT(at != NULL || size == 0);
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)byte;
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

static inline __attribute__((unused)) int kn_quiet_compare(const void *left, const void *right,
                                                           size_t size)
{
    const unsigned char *a = (const unsigned char *)left, *b = (const unsigned char *)right;
    KN_ASSERT(a != NULL || size == 0);
    KN_ASSERT(b != NULL || size == 0);
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
        __asm__ volatile("" ::: "memory");
    }
    return 0;
}

/* A lock is an edge where atomics are (atomic_edges.h). Its word is the mutex's first; a static one is 0. */
static inline __attribute__((unused)) int kn_quiet_trylock(pthread_mutex_t *mutex)
{
    KN_ASSERT(mutex != NULL);
    /* [QL1] acquire: what was done under the lock. Pairs with release in kn_quiet_unlock(). */
    return kn_swap((kn_atomic(int) *)(void *)mutex, 1, acquire) ? EBUSY : 0;
}

static inline __attribute__((unused)) int kn_quiet_lock(pthread_mutex_t *mutex)
{
    while (kn_quiet_trylock(mutex) != 0) { /* ends: the library holds its locks for short */
        (void)sched_yield();
    }
    return 0;
}

static inline __attribute__((unused)) int kn_quiet_unlock(pthread_mutex_t *mutex)
{
    /* Relaxed: whoever unlocks has locked. */
    KN_ASSERT(kn_load((kn_atomic(int) *)(void *)mutex, relaxed) == 1);
    kn_store((kn_atomic(int) *)(void *)mutex, 0, release); /* [QL1] release: as above */
    return 0;
}

static inline __attribute__((unused)) int kn_quiet_mutex(pthread_mutex_t *mutex)
{
    KN_ASSERT(mutex != NULL);
    kn_store((kn_atomic(int) *)(void *)mutex, 0, relaxed); /* relaxed: before, or after, its use */
    return 0;
}

#define pthread_mutex_init(mutex, attributes) ((void)(attributes), kn_quiet_mutex(mutex))
#define pthread_mutex_destroy(mutex) kn_quiet_mutex(mutex)
#define pthread_mutex_lock(mutex) kn_quiet_lock(mutex)
#define pthread_mutex_trylock(mutex) kn_quiet_trylock(mutex)
#define pthread_mutex_unlock(mutex) kn_quiet_unlock(mutex)

/* A file is memory to ThreadSanitizer too, and that of the netpoller has many users. */
#define KN_QUIETLY(call)                                                                           \
    __extension__({                                                                                \
        kn_quiet_begin();                                                                          \
        int rc_ = call;                                                                            \
        kn_quiet_end();                                                                            \
        rc_;                                                                                       \
    })
#define epoll_create1(...) KN_QUIETLY(epoll_create1(__VA_ARGS__))
#define epoll_ctl(...) KN_QUIETLY(epoll_ctl(__VA_ARGS__))
#define epoll_wait(...) KN_QUIETLY(epoll_wait(__VA_ARGS__))
#define epoll_pwait2(...) KN_QUIETLY(epoll_pwait2(__VA_ARGS__))
#define eventfd(...) KN_QUIETLY(eventfd(__VA_ARGS__))

#define memcpy(to, from, size) kn_quiet_copy(to, from, size)
#define memmove(to, from, size) kn_quiet_move(to, from, size)
#define memset(to, byte, size) kn_quiet_fill(to, byte, size)
#define memcmp(left, right, size) kn_quiet_compare(left, right, size)

#endif
