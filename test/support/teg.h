/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that run graphs: a runtime with an executor, and effects to fill graphs with. */
#ifndef KN_TEST_SUPPORT_TEG_H
#define KN_TEST_SUPPORT_TEG_H

#include "test/support/runtime.h"

#include <koken/teg_run.h>

#include <string.h>

struct stage {
    struct koken *rt;
    koken_ref executor;
};

static inline struct stage stage_with(unsigned workers, const struct koken_teg_config *config)
{
    struct stage stage = {.rt = start(workers)};
    stage.executor = koken_teg_executor(stage.rt, config);
    cr_assert(!koken_is_nobody(stage.executor));
    return stage;
}

static inline struct stage stage_of(unsigned workers)
{
    return stage_with(workers, NULL);
}

static inline struct koken_teg_run *run_with(struct stage stage, struct koken_teg *teg,
                                             const struct koken_teg_options *options)
{
    struct koken_teg_run *run = NULL;
    struct koken_teg_problem problem;
    int rc = koken_teg_check(teg, &problem);
    cr_assert_eq(rc, 0, "%s", problem.text);
    rc = koken_teg_run(stage.rt, stage.executor, teg, options, KOKEN_S(60), &run);
    cr_assert_eq(rc, 0, "koken_teg_run: %s", koken_errname(rc));
    cr_assert(koken_teg_is_over(run));
    return run;
}

static inline struct koken_teg_run *run_of(struct stage stage, struct koken_teg *teg)
{
    return run_with(stage, teg, NULL);
}

/* Gives all back, and sees that nothing is left. */
static inline void leave(struct stage stage, struct koken_teg *teg, struct koken_teg_run *run)
{
    koken_teg_run_free(run);
    koken_teg_free(teg);
    stop(stage.rt);
}

/* ---- effects ---- */

static inline int answer_arg(struct koken_teg_call *call)
{
    koken_teg_answer(call, *(const int *)koken_teg_arg(call));
    return 0;
}

/* The sum of the inputs that are there, and the argument, if any; its low 48 bits. */
static inline int add_up(struct koken_teg_call *call)
{
    int64_t sum = koken_teg_arg(call) ? *(const int *)koken_teg_arg(call) : 0;
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        sum += input.is_missing ? 0 : input.number;
    }
    koken_teg_answer(call, sum & 0xffffffffffff);
    return 0;
}

static inline int do_fail(struct koken_teg_call *call)
{
    (void)call;
    return -EPROTO;
}

/* A node that runs fn with a number. */
static inline koken_teg_node node_of(struct koken_teg *teg, const char *id,
                                     int (*fn)(struct koken_teg_call *call), int number)
{
    return koken_teg_add(teg, &(struct koken_teg_effect){.id = id,
                                                         .run = fn,
                                                         .kind = KOKEN_TEG_PURE,
                                                         .arg = &number,
                                                         .arg_size = sizeof number});
}

#define assert_state(run, node, expected)                                                          \
    cr_assert_eq(koken_teg_state(run, node), (expected), "%s",                                     \
                 koken_teg_state_name(koken_teg_state(run, node)))

#endif
