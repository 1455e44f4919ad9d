/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the code of agents runs. In all builds but one: where the library runs, on the stack of the worker.
 *
 * In a build with KOKEN_TSAN_AGENTS each agent has a stage, a stack and a ThreadSanitizer fiber of its own, so that two
 * agents which touch the same memory without a message between them are a race although one worker ran both.
 *
 *     agent's stage:      | handler |                      | handler |
 *                        ^           v                    ^
 *     worker:    take over a, msg   hand over to worker  ...          no edge from the worker back
 */
#ifndef KN_ACTORS_STAGE_H
#define KN_ACTORS_STAGE_H

#include "actors/agent.h"
#include "base/edges.h"

#ifdef KN_TSAN_AGENTS

/* A stage for a newborn, before anybody else knows it. Where there is none, it runs on the worker's stack unseen. */
void kn_stage_new(struct kn_agent *a);

/* The agent runs no more. */
void kn_stage_free(struct kn_agent *a);

/* Calls one of the agent's functions on its stage; e, or NULL, is what it is called for. */
int kn_stage_call(int (*call)(koken_ctx *ctx, void *self, void *payload), struct koken_ctx *ctx,
                  struct kn_agent *a, void *payload, const struct kn_envelope *e);

/*
 * What is between the two calls is ordered after what was handed over at `at` and nothing else: a worker that acts for
 * an agent says no more than that agent said.
 */
struct kn_proxy {
    void *self, *fiber;
};
struct kn_proxy kn_proxy_begin(const void *at);
void kn_proxy_end(struct kn_proxy proxy);

#else

static inline void kn_stage_new(struct kn_agent *a)
{
    (void)a;
}

static inline void kn_stage_free(struct kn_agent *a)
{
    (void)a;
}

static KN_ALWAYS_INLINE int kn_stage_call(int (*call)(koken_ctx *ctx, void *self, void *payload),
                                          struct koken_ctx *ctx, struct kn_agent *a, void *payload,
                                          const struct kn_envelope *e)
{
    (void)e;
    return call(ctx, a->state, payload);
}

struct kn_proxy {
    char nothing;
};

static inline struct kn_proxy kn_proxy_begin(const void *at)
{
    (void)at;
    return (struct kn_proxy){0};
}

static inline void kn_proxy_end(struct kn_proxy proxy)
{
    (void)proxy;
}

#endif

#endif
