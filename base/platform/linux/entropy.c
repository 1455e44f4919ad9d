/* SPDX-License-Identifier: Apache-2.0 */
#include "base/platform/platform.h"

#include <sys/random.h>
#include <unistd.h>

/*
 * Early in a boot, or under a filter that forbids the call, there is no entropy to be had without
 * waiting. These numbers are seeds of a scheduler, not keys: then the time, the process and a stack
 * address do.
 */
uint64_t kn_platform_entropy(void)
{
    uint64_t value;
    if (getrandom(&value, sizeof value, GRND_NONBLOCK) == (ssize_t)sizeof value) {
        return value;
    }
    uint64_t process = (uint64_t)getpid();
    uint64_t place = (uint64_t)(uintptr_t)&value;
    return kn_platform_clock() * UINT64_C(0x9e3779b97f4a7c15) ^ process << 40 ^ place;
}
