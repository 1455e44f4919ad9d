/* SPDX-License-Identifier: Apache-2.0 */
/* Direct broadcast: a send to each, and a count of what became of them. */
#include <koken/broadcast.h>

#include "base/assert.h"

#include <errno.h>

static void count_one(struct koken_broadcast_counts *counts, int rc)
{
    counts->accepted += rc >= 0;
    counts->full += rc == -EAGAIN || rc == -EDEADLK;
    counts->dead += rc == -ESRCH || rc == -ESHUTDOWN;
    counts->error += rc == -ENOMEM || rc == -ECANCELED;
}

static void say_counts(const struct koken_broadcast_counts *counts, size_t count,
                       struct koken_broadcast_counts *ret_counts)
{
    KN_ASSERT(counts->accepted + counts->full + counts->dead + counts->error == count);
    (void)count; /* nothing but the assertion asks */
    if (ret_counts) {
        *ret_counts = *counts;
    }
}

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
        count_one(&counts, koken_signal_(members[i], type, payload));
    }
    say_counts(&counts, count, ret_counts);
    return 0;
}

int koken_broadcast_val_(const koken_ref *members, size_t count,
                         struct koken_broadcast_counts *ret_counts, const void *payload)
{
    struct koken_broadcast_counts counts = {0};
    if ((!members && count) || count > UINT32_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        count_one(&counts, koken_share_(members[i], payload));
    }
    say_counts(&counts, count, ret_counts);
    return 0;
}
