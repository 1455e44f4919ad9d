/* SPDX-License-Identifier: Apache-2.0 */
/* Pages, and the NUMA node that they come from. */
#include "base/assert.h"
#include "base/platform/platform.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NODES_MAX = 1024, BITS_PER_WORD = 8 * sizeof(unsigned long) };

void *kn_platform_map(size_t size, int node)
{
    KN_ASSERT(size % kn_platform_page_size() == 0);
    void *region = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) {
        return NULL;
    }
    kn_platform_bind(region, size, node);
    return region;
}

void kn_platform_unmap(void *region, size_t size)
{
    int rc = munmap(region, size);
    KOKEN_CHECK(rc == 0); /* else the region was not ours, or the size is wrong */
}

/*
 * Preferred, not bound: memory from afar is slow, no memory is an error. Every failure is ignored:
 * a kernel without NUMA, a container that forbids the call, a node that only a synthetic topology
 * has.
 */
void kn_platform_bind(void *region, size_t size, int node)
{
    if (node < 0 || node >= NODES_MAX) {
        return;
    }
    unsigned long mask[NODES_MAX / BITS_PER_WORD] = {0};
    mask[(unsigned)node / BITS_PER_WORD] = 1ul << ((unsigned)node % BITS_PER_WORD);
    (void)syscall(SYS_mbind, region, size, MPOL_PREFERRED, mask, (unsigned long)NODES_MAX + 1, 0u);
}

void kn_platform_advise_huge(void *region, size_t size)
{
    (void)madvise(region, size, MADV_HUGEPAGE); /* a kernel without them is no error */
}

size_t kn_platform_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}
