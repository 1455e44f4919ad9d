/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of this folder have in common: one worker, so that an ordinary build of ThreadSanitizer, to which all
 * agents of a worker are one thread, sees nothing. */
#ifndef KN_TEST_AGENTS_RUN_H
#define KN_TEST_AGENTS_RUN_H

#include <koken.h>
#include <stdio.h>
#include <stdlib.h>

static inline struct koken *one_worker(void)
{
    struct koken *rt;

    if (koken_start(&(struct koken_options){.workers = 1}, &rt) < 0) {
        exit(2);
    }
    return rt;
}

KOKEN_EVENT(rest);
KOKEN_EVENT(rested);

static inline int rest_body(koken_ctx *ctx, void *self, const void *arg)
{
    struct koken_received msg;
    int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);
    (void)self;
    (void)arg;
    rc = rc < 0 ? rc : koken_sleep(ctx, KOKEN_MS(50));
    return rc < 0 ? rc : koken_reply(ctx, rested);
}

KOKEN_FIBER(rest, char, rest_body);

/* Waits until all that wanted to happen within some milliseconds has happened: the worker's clocks ring in order. */
static inline void let_pass(struct koken *rt)
{
    struct rested rested;

    if (koken_await(rt, koken_spawn(rt, rest), KOKEN_S(20), &rested, rest) < 0) {
        exit(4);
    }
}

/* Waits for what has been sent, and ends. The program's exit status; ThreadSanitizer makes it 66. */
static inline int finish(struct koken *rt)
{
    return koken_stop(rt, KOKEN_S(10)) < 0 ? 2 : 0;
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) < 0) {                                                                          \
            exit(3);                                                                               \
        }                                                                                          \
    } while (0)

#endif
