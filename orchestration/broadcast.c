/* SPDX-License-Identifier: Apache-2.0 */
/* Direct broadcast: a send to each, and a count of what became of them. */
#include <koken/broadcast.h>

#include "base/assert.h"

#include <errno.h>

int koken_broadcast_(const koken_ref *members, size_t count,
                     struct koken_broadcast_counts *ret_counts, const struct koken_type *type,
                     const void *payload)
{
    struct koken_broadcast_counts counts = {0};
    if ((!members && count) || count > UINT32_MAX || !type || !payload) {
        return -EINVAL;
    }
    if (type->drop) {
        return -ENOTSUP;
    }
    for (size_t i = 0; i < count; i++) {
        int rc = koken_signal_(members[i], type, payload);
        counts.accepted += rc >= 0;
        counts.full += rc == -EAGAIN || rc == -EDEADLK;
        counts.dead += rc == -ESRCH || rc == -ESHUTDOWN;
        counts.error += rc == -ENOMEM || rc == -ECANCELED;
    }
    KN_ASSERT(counts.accepted + counts.full + counts.dead + counts.error == count);
    if (ret_counts) {
        *ret_counts = counts;
    }
    return 0;
}
