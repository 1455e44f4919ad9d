/* SPDX-License-Identifier: Apache-2.0 */
/* membarrier(2), private and expedited: Linux >= 4.14. */
#include "base/platform/membarrier.h"

#include "base/assert.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

bool kn_membarrier_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void kn_membarrier(void)
{
    long rc;

    /* Once registered it can only be short of memory, for a mask of processors, for a moment; a thief that
     * went on without it would break the slot's protocol. */
    do {
        rc = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    } while (rc < 0 && errno == ENOMEM);
    KOKEN_CHECK(rc == 0);
}
