/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: the newest token that has passed, which only grows. Wait-free but for a swap that fails
 * because a newer token came, after which it is decided.
 */
#include <koken/lease.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"

#include <errno.h>

struct koken_guard {
    kn_atomic(uint64_t) newest; /* (a) */
};

int koken_guard_new(struct koken_guard **ret_guard)
{
    struct koken_guard *guard =
        ret_guard ? kn_alloc(sizeof *guard, _Alignof(struct koken_guard), -1) : NULL;
    if (!guard) {
        return ret_guard ? -ENOMEM : -EINVAL;
    }
    kn_atomic_init(&guard->newest, 0);
    *ret_guard = guard;
    return 0;
}

void koken_guard_free(struct koken_guard *guard)
{
    if (guard) {
        kn_free(guard, sizeof *guard, _Alignof(struct koken_guard));
    }
}

int koken_lease_guard(struct koken_guard *guard, uint64_t token)
{
    if (!guard || token == 0) {
        return guard ? -EPERM : -EINVAL;
    }
    /* Relaxed: the swap decides. */
    uint64_t newest = kn_load(&guard->newest, relaxed);
    while (newest <= token) { /* ends: passed, or each failed swap brings a newer token */
        /* [OG1] release: what the caller did before; acquire: what those did that passed before. */
        if (kn_cas_strong(&guard->newest, &newest, token, acq_rel, relaxed)) {
            return 0;
        }
        KN_ASSERT(newest != 0);
    }
    return -EPERM;
}
