/* SPDX-License-Identifier: Apache-2.0 */
/* The group of a loop or a pipeline, on lib/group.h: an error, and a count of those who use it, of which the model is the last. Included once. */
#ifndef KN_TEST_MODEL_LIB_COUNTED_GROUP_H
#define KN_TEST_MODEL_LIB_COUNTED_GROUP_H

#include "test/model/lib/group.h"

#include "orchestration/either.h"
#include "orchestration/group.h"

static struct koken_group counted;

static void start_group(unsigned workers)
{
    start_world(workers);
    memset(&counted, 0, sizeof counted);
    kn_atomic_init(&counted.owners, 1);
    counted.rt = &runtime;
    counted.max_threads = 4;
    KOKEN_CHECK(koken_source_new(&runtime, NULL, 0, &counted.source) == 0);
}

/* Nobody is left, and of memory only futures are. */
static void check_group(unsigned futures)
{
    run_leftovers();
    KOKEN_CHECK(kn_load(&counted.owners, relaxed) == 1);
    koken_source_free(counted.source);
    KOKEN_CHECK(kn_alloc_live() == futures * sizeof(struct koken_future));
}

bool kn_is_group(const struct koken_group *g)
{
    return g == &counted;
}

struct koken_group *kn_group_keep(struct koken_group *g)
{
    (void)kn_add(&g->owners, 1, relaxed);
    return g;
}

void kn_group_drop(struct koken_group *g)
{
    KOKEN_CHECK(kn_sub(&g->owners, 1, relaxed) > 1);
}

void kn_group_fail(struct koken_group *g, int error)
{
    int none = 0;
    (void)kn_cas_strong(&g->error, &none, error, relaxed, relaxed);
}

int kn_group_check(struct koken_group *g)
{
    return kn_load(&g->error, relaxed) < 0 && !g->keep_going ? -ECANCELED : 0;
}

int koken_future_peek(struct koken_future *future, const void **ret_value)
{
    (void)ret_value;
    return future->error; /* it is over */
}

#endif
