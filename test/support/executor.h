/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of executors have in common. */
#ifndef KN_TEST_SUPPORT_EXECUTOR_H
#define KN_TEST_SUPPORT_EXECUTOR_H

#include "test/support/runtime.h"

#include <koken/executor.h>

#include <string.h>

static inline struct koken_program *program_of(const char *text)
{
    struct koken_program *program = NULL;
    struct koken_machine_error error = {0};
    int rc = koken_program_assemble(text, strlen(text), &program, &error);
    cr_assert_eq(rc, 0, "%s", error.text);
    return program;
}

static inline koken_ref executor_of(struct koken *rt, struct koken_executor_config config)
{
    koken_ref ref = {0};
    int rc = koken_executor(rt, &config, &ref);
    cr_assert_eq(rc, 0, "koken_executor: %s", koken_errname(rc));
    return ref;
}

/* Submits a text, waits for its end, and answers the task. */
static inline struct koken_task *task_of(struct koken *rt, koken_ref executor, const char *text,
                                         struct koken_task_options *options)
{
    struct koken_task *task = NULL;
    int rc = koken_task_start_bytes(executor, text, strlen(text), options, &task);
    cr_assert_eq(rc, 0, "koken_task_start_bytes: %s", koken_errname(rc));
    rc = koken_task_wait(rt, task, KOKEN_S(60));
    cr_assert_eq(rc, 0, "koken_task_wait: %s", koken_errname(rc));
    cr_assert(koken_task_is_over(task));
    return task;
}

/* The same for its status alone. */
static inline int status_of(struct koken *rt, koken_ref executor, const char *text,
                            struct koken_task_options *options)
{
    struct koken_task *task = task_of(rt, executor, text, options);
    int status = koken_task_status(task);
    koken_task_free(task);
    return status;
}

static inline struct koken_executor_stats stats_of(struct koken *rt, const koken_ref *refs,
                                                   uint32_t count)
{
    struct koken_executor_stats stats;
    int rc = koken_executor_collect(rt, refs, count, KOKEN_S(60), &stats);
    cr_assert_eq(rc, 0, "koken_executor_collect: %s", koken_errname(rc));
    return stats;
}

#endif
