/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the port's clock is CLOCK_MONOTONIC, in nanoseconds, and what it does where the system refuses: the calls
 * below stand in front of the system's.
 */
#include "base/platform/platform.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool is_clock_broken, is_file_missing;
static const char *file_says; /* NULL: what is in it */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    return is_clock_broken ? -1 : (int)syscall(SYS_clock_gettime, clock, ret);
}

int open(const char *path, int flags, ...)
{
    return is_file_missing ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

ssize_t read(int fd, void *buffer, size_t size)
{
    if (!file_says) {
        return syscall(SYS_read, fd, buffer, size);
    }
    size_t len = strlen(file_says);
    cr_assert_leq(len, size);
    memcpy(buffer, file_says, len);
    return (ssize_t)len;
}

static uint64_t monotonic(void)
{
    struct timespec now;
    cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(platform_clock, is_the_monotonic_one)
{
    for (int i = 0; i < 1000; ++i) {
        uint64_t before = monotonic();
        uint64_t now = kn_platform_clock();
        cr_assert(now >= before);
        cr_assert(now <= monotonic());
    }
}

/* The kernel's answer does not change under our feet. */
Test(platform_clock, trust_in_ticks_is_stable)
{
    bool first = kn_platform_trusts_ticks();
    for (int i = 0; i < 10; ++i) {
        cr_assert_eq(kn_platform_trusts_ticks(), first);
    }
}

static bool trusts(const char *text)
{
    file_says = text;
    bool is_trusted = kn_platform_trusts_ticks();
    file_says = NULL;
    return is_trusted;
}

/* Only what the kernel names as such; what it does not say is not trusted. */
Test(platform_clock, trusts_what_the_kernel_keeps_time_with)
{
    cr_assert(trusts("tsc\n"));
    cr_assert(trusts("kvm-clock\n"));
    cr_assert(trusts("arch_sys_counter\n"));
    cr_assert_not(trusts("hpet\n"));
    cr_assert_not(trusts("tsc"));
    cr_assert_not(trusts(""));
    is_file_missing = true;
    bool is_trusted = kn_platform_trusts_ticks();
    is_file_missing = false;
    cr_assert_not(is_trusted);
}

Test(platform_clock, says_when_there_is_none)
{
    is_clock_broken = true;
    uint64_t now = kn_platform_clock();
    is_clock_broken = false;
    cr_assert_eq(now, 0);
}
