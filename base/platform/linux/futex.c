/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping on a word. FUTEX_WAIT_BITSET, because plain FUTEX_WAIT takes a relative time: a deadline
 * that is absolute needs no correction after a spurious return.
 */
#include "base/assert.h"
#include "base/platform/platform.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(kn_atomic(uint32_t)) == 4, "the kernel looks at 32 bits");

int kn_platform_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline)
{
    struct timespec when = {
        .tv_sec = (time_t)(deadline / 1000000000u),
        .tv_nsec = (long)(deadline % 1000000000u),
    };
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                      deadline == UINT64_MAX ? NULL : &when, NULL, FUTEX_BITSET_MATCH_ANY);
    if (rc == 0) {
        return 0;
    }
    if (errno == ETIMEDOUT) {
        return -ETIMEDOUT;
    }
    KOKEN_CHECK(errno == EAGAIN || errno == EINTR); /* else the word is no word */
    return 0;
}

void kn_platform_futex_wake(kn_atomic(uint32_t) *word, uint32_t count)
{
    uint32_t most = count < INT_MAX ? count : INT_MAX;
    long rc = syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most, NULL, NULL, 0);
    /* EFAULT is no mistake: who was woken by the store before us may have freed the word since. */
    KOKEN_CHECK(rc >= 0 || errno == EFAULT);
}
