/* SPDX-License-Identifier: Apache-2.0 */
/* CLOCK_MONOTONIC, and whether the kernel trusts the tick counter. */
#include "base/platform/platform.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t kn_platform_clock(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * The kernel measures what we cannot: whether the counters of all sockets agree, and whether they
 * still do after sleep. When it found them wanting it keeps time with something else, by one of
 * these names or another; a hypervisor's own clock is a page of corrections to the same counter. A
 * system that does not say (no /sys) gets the slower clock: right before fast.
 */
bool kn_platform_trusts_ticks(void)
{
    static const char *const trusted[] = {"tsc\n", "kvm-clock\n", "hyperv_clocksource_tsc_page\n",
                                          "arch_sys_counter\n"};
    char name[64];
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, name, sizeof name - 1);
    (void)close(fd);
    if (len <= 0) {
        return false;
    }
    name[len] = '\0';
    for (size_t i = 0; i < sizeof trusted / sizeof trusted[0]; ++i) {
        if (strcmp(name, trusted[i]) == 0) {
            return true;
        }
    }
    return false;
}
