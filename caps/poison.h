/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words to the sanitizers about memory that koken hands out itself. Each is nothing in other
 * builds, but still checks its arguments.
 */
#ifndef KN_CAPS_POISON_H
#define KN_CAPS_POISON_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define KN_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KN_ASAN 1
#endif
#endif

/* KN_TSAN comes from the build for files that are themselves compiled without the instrumentation.
 */
#if !defined(KN_TSAN) && defined(__SANITIZE_THREAD__)
#define KN_TSAN 1
#elif !defined(KN_TSAN) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KN_TSAN 1
#endif
#endif

#ifdef KN_ASAN
#include <sanitizer/asan_interface.h>
#endif

#ifdef KN_MSAN
#include <sanitizer/msan_interface.h>
#endif

#ifdef KN_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void __tsan_read_range(void *addr, long size); /* as gcc knows it */
void __tsan_write_range(void *addr, long size);
#endif

/* Any access to the range is reported until it is unpoisoned. */
static inline void kn_asan_poison(const void *at, size_t size)
{
#ifdef KN_ASAN
    __asan_poison_memory_region(at, size);
#else
    (void)at;
    (void)size;
#endif
}

static inline void kn_asan_unpoison(const void *at, size_t size)
{
#ifdef KN_ASAN
    __asan_unpoison_memory_region(at, size);
#else
    (void)at;
    (void)size;
#endif
}

/* Nothing has been written there yet: a decision by what is read there is reported. */
static inline void kn_msan_fresh(const void *at, size_t size)
{
#ifdef KN_MSAN
    __msan_allocated_memory(at, size);
#else
    (void)at;
    (void)size;
#endif
}

/* As if the range were written, or read, here. */
static inline void kn_tsan_claim(void *at, size_t size, bool is_written)
{
#ifdef KN_TSAN
    if (is_written) {
        __tsan_write_range(at, (long)size);
    } else {
        __tsan_read_range(at, (long)size);
    }
#else
    (void)at;
    (void)size;
    (void)is_written;
#endif
}

/* A happens-before edge through at, where the code that makes it is opaque to ThreadSanitizer. */
static inline void kn_tsan_release(void *at)
{
#ifdef KN_TSAN
    __tsan_release(at);
#else
    (void)at;
#endif
}

static inline void kn_tsan_acquire(void *at)
{
#ifdef KN_TSAN
    __tsan_acquire(at);
#else
    (void)at;
#endif
}

#endif
