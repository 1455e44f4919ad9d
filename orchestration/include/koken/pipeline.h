/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines of groups: items come from a source and go through stages, several at once, on the runtime's workers.
 *
 *     static const struct koken_stage stages[] = {{.fn = parse}, {.fn = price}, {.fn = print, .in_order = true}};
 *     struct koken_pipeline pipeline = {.next = read_line, .arg = file, .stages = stages, .stage_count = 3, .item_size = sizeof(struct line)};
 *     rc = koken_pipeline_run(group, &pipeline);
 *
 * An item is item_size bytes, in the same place for all stages: each reads what the one before has left there. At most items_max of
 * them are under way; the source is not asked for more before one has gone through, so a slow stage holds up the source and
 * nothing grows (back-pressure). Whoever takes part prefers the last stages, and carries an item on as far as it goes.
 *
 * The first error is kept and cancels the group (but for keep_going: then only its item is lost): the source is not asked any more, and
 * items under way are given to drop. Who takes part, who helps, and nesting are as for loops: see <koken/group.h>.
 * Thread: any, several at once. Order: what a stage does with an item happens-before the next one's call; all calls before the end.
 */
#ifndef KOKEN_PIPELINE_H
#define KOKEN_PIPELINE_H

#include <koken/group.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { KOKEN_STAGES_MAX = 32 };

/* Zero is the default of every field but fn. */
struct koken_stage {
    int (*fn)(void *arg, void *item); /* answers 0 or an error */
    void *arg;
    unsigned
        max_threads; /* in this stage at once; default: as many as take part; 1: one at a time */
    bool in_order;   /* one at a time, in the order of the source */
};

/* Zero is the default of every field, where none is named. */
struct koken_pipeline {
    size_t struct_size;
    /* The source: fills *ret_item and answers 1; or 0: there are no more; or an error. Called by one at a time. Required. */
    int (*next)(void *arg, void *ret_item);
    /* Is given each item that does not come to the end of the last stage, with no lock held; may be NULL. */
    void (*drop)(void *arg, void *item);
    void *arg;                        /* of both */
    const struct koken_stage *stages; /* 1 to KOKEN_STAGES_MAX; must last until the end */
    size_t stage_count;
    size_t item_size;   /* at least 1 */
    size_t items_max;   /* under way; default: four for each who may take part */
    uint64_t *ret_done; /* the items that came through; must last until the end; may be NULL */
};

/*
 * koken_pipeline_run does it and waits. Errors: the first of a stage or the source; -ECANCELED the group is cancelled; -EINVAL no
 * source, no stages or too many, a stage without fn, item_size 0; -E2BIG more memory than there are numbers; else as koken_for_each.
 * Cost: a lock per item and stage; one allocation.
 */
KOKEN_MUST_USE int koken_pipeline_run(struct koken_group *group,
                                      const struct koken_pipeline *pipeline);

/* koken_pipeline_start begins it and does not wait: its end is the future's. Errors: -EINVAL, -E2BIG, -ENOMEM. */
KOKEN_MUST_USE int koken_pipeline_start(struct koken_group *group,
                                        const struct koken_pipeline *pipeline,
                                        struct koken_future **ret_future);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
