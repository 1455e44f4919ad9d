/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the core on records in one thread: which step is refused, in both forms of the barrier; and the
 * window in which the original freed too early: a retirement between a step and the freeing after it.
 */
#include "mailbox/toolbox/epoch.h"

#include "base/alloc.h"
#include "mailbox/toolbox/barrier.h"

#include <criterion/criterion.h>

static int freed;

static void count(struct koken_retired *retired)
{
    (void)retired;
    freed++;
}

static void steps(bool is_biased)
{
    struct koken_epoch epoch = {0};
    struct koken_retired object = {0}, late = {0};
    freed = 0;
    kn_epoch_init(&epoch, 1, is_biased);
    struct kn_epoch_record *reader = kn_epoch_join(&epoch), *writer = kn_epoch_join(&epoch);
    cr_assert_not_null(reader);
    cr_assert_not_null(writer);

    kn_epoch_pin(&epoch, reader);
    cr_assert(kn_epoch_advance(&epoch), "it is pinned at the newest");
    kn_epoch_retire(&epoch, writer, &object, count);
    cr_assert_not(kn_epoch_advance(&epoch), "it is not any more");
    kn_epoch_unpin(reader);
    kn_epoch_pin(&epoch, reader);
    cr_assert(kn_epoch_advance(&epoch));
    /* Between the step and the freeing after it. */
    kn_epoch_retire(&epoch, writer, &late, count);
    kn_epoch_reclaim(&epoch, writer);
    cr_assert_eq(freed, 0);
    kn_epoch_unpin(reader);
    for (int i = 0; i < KN_EPOCH_LAG; i++) {
        cr_assert_leq(freed, i > 1);
        cr_assert(kn_epoch_advance(&epoch));
        kn_epoch_reclaim(&epoch, writer);
    }
    cr_assert_eq(freed, 2);

    cr_assert(kn_epoch_part(reader));
    cr_assert_eq(kn_epoch_join(&epoch), reader, "used again");
    kn_epoch_retire(&epoch, writer, &object, count);
    cr_assert(kn_epoch_part(writer));
    kn_epoch_fini(&epoch);
    cr_assert_eq(freed, 3);
    cr_assert_not(kn_epoch_part(reader), "it lives until its thread is told");
}

Test(epoch_core, steps_by_read_modify_write)
{
    steps(false);
}

Test(epoch_core, steps_by_membarrier)
{
    if (kn_barrier_init()) {
        steps(true);
    }
}
