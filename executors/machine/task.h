/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task: what was submitted, and what it came to. It belongs to its executor until it is over, and to who
 * submitted it from then on; both hold a reference. What is (o) is written before it is over and read after that.
 *
 * Who waits, waits for the task's own future and not for an answer of its executor: whoever ends a task (the
 * executor, or the drop of the message that never reached one) completes it, and nobody needs the executor for it.
 */
#ifndef KN_EXECUTORS_MACHINE_TASK_H
#define KN_EXECUTORS_MACHINE_TASK_H

#include "executors/machine/machine.h"

#include "base/atomic.h"

#include <koken/executor.h>
#include <koken/future.h>
#include <koken/signal.h>

_Static_assert(KOKEN_TASK_MOVES == KN_MOVES_MAX, "as many as a run takes");

enum { KN_TASK_TEXT = 256 };

struct koken_task {
    kn_atomic(uint32_t) refs;         /* (a) its owner, its executor */
    kn_atomic(uint32_t) is_cancelled; /* (a) */
    uint32_t in_count, out_count;     /* (c) */
    koken_ref executor;               /* (c) */
    struct koken_future *over;        /* (c) complete when the task is */
    koken_promise end;                /* (o) used up by who ends it */
    struct koken_program *program;    /* (o) NULL: the bytes are to be read first */
    uint8_t *bytes;                   /* (c) */
    size_t size;                      /* (c) */
    uint64_t gas, deadline_ns;        /* (c) */
    bool wants_snapshot;              /* (c) */
    struct kn_move ins[KN_MOVES_MAX], outs[KN_MOVES_MAX]; /* (o) */
    int status;                                           /* (o) */
    struct koken_machine_result result;                   /* (o) */
    char text[KN_TASK_TEXT];                              /* (o) */
    char *effects;                                        /* (o) each ended by a zero */
    size_t effects_size;                                  /* (o) */
    void *snapshot;                                       /* (o) */
    size_t snapshot_size;                                 /* (o) */
    struct koken_task *next;                              /* (m) of those that wait */
};

/* How a task is submitted: a message to its executor. */
struct kn_task_submit {
    struct koken_task *task; /* a reference */
};
void kn_task_submit_drop(void *payload);
KOKEN_TYPE_OF_(kn_task_submit, NULL, 0, kn_task_submit_drop);
KOKEN_EVENT(kn_task_go);    /* an executor to itself: the next slice */
KOKEN_EVENT(kn_task_sweep); /* one that waits was cancelled */

/* A task is over: it never began, with that code. */
void kn_task_refuse(struct koken_task *task, int status, enum koken_machine_code code,
                    const char *why);

/* A task is over: all that is (o) is written. */
void kn_task_over(struct koken_task *task);

static inline bool kn_task_is_cancelled(const struct koken_task *task)
{
    /* Relaxed: nothing comes with it. */
    return kn_load(&task->is_cancelled, relaxed) != 0;
}

#endif
