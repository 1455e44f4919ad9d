/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a compiler calls before each plain access when it is told -fsanitize=thread; here they lead to
 * the explorer. Accesses of a thread to its own stack are not looked at.
 */
#include "test/model/lib/inside.h"

#include <string.h>

static void plain(void *p, size_t size, bool is_write)
{
    char here;
    uintptr_t distance = (uintptr_t)p - (uintptr_t)&here;
    if (distance < 128 * 1024 || -distance < 4096) {
        return; /* the frames above, and below, this one */
    }
    if (is_thread_local((uintptr_t)p)) {
        return;
    }
    plain_access((uintptr_t)p, size, is_write);
}

#define ACCESS(n)                                                                                  \
    void __tsan_read##n(void *p);                                                                  \
    void __tsan_read##n(void *p)                                                                   \
    {                                                                                              \
        plain(p, n, false);                                                                        \
    }                                                                                              \
    void __tsan_write##n(void *p);                                                                 \
    void __tsan_write##n(void *p)                                                                  \
    {                                                                                              \
        plain(p, n, true);                                                                         \
    }                                                                                              \
    void __tsan_unaligned_read##n(void *p);                                                        \
    void __tsan_unaligned_read##n(void *p)                                                         \
    {                                                                                              \
        plain(p, n, false);                                                                        \
    }                                                                                              \
    void __tsan_unaligned_write##n(void *p);                                                       \
    void __tsan_unaligned_write##n(void *p)                                                        \
    {                                                                                              \
        plain(p, n, true);                                                                         \
    }                                                                                              \
    void __tsan_read_write##n(void *p);                                                            \
    void __tsan_read_write##n(void *p)                                                             \
    {                                                                                              \
        plain(p, n, true);                                                                         \
    }                                                                                              \
    void __tsan_unaligned_read_write##n(void *p);                                                  \
    void __tsan_unaligned_read_write##n(void *p)                                                   \
    {                                                                                              \
        plain(p, n, true);                                                                         \
    }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
    (void)pc;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

/* What koken tells of libraries: here they are explored themselves. */
void __tsan_acquire(void *p);
void __tsan_acquire(void *p)
{
    (void)p;
}

void __tsan_release(void *p);
void __tsan_release(void *p)
{
    (void)p;
}

void __tsan_read_range(void *p, size_t size);
void __tsan_read_range(void *p, size_t size)
{
    plain(p, size, false);
}

void __tsan_write_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size)
{
    plain(p, size, true);
}

/* clang calls these in place of the functions of the library. */
void *__tsan_memset(void *p, int c, size_t size);
void *__tsan_memset(void *p, int c, size_t size)
{
    plain(p, size, true);
    return memset(p, c, size);
}

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    plain((void *)(uintptr_t)from, size, false);
    plain(to, size, true);
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size)
{
    plain((void *)(uintptr_t)from, size, false);
    plain(to, size, true);
    return memmove(to, from, size);
}
