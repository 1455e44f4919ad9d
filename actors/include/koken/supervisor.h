/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervisors: agents that start other agents, hear of their ends, and start them again.
 *
 * What a failure means. A handler, init or body that returns a negative value fails its agent:
 *   the message it had in its hands, and those that waited for it, become dead letters (deadletter.h);
 *   requests among them are answered with an error;
 *   its timers are cancelled, its monitors and links tell, its names are free (registry.h);
 *   its state is dropped after its exit hook; its handle reaches nobody from then on.
 * A restart is a birth: new state by init from the same options, another handle, an empty mailbox. Ask
 * koken_supervised for the handle, or let init register a name. Of the state is carried over what the agent's
 * KOKEN_SAVE row has written and its KOKEN_LOAD row reads (agent.h), and nothing without them.
 * A crash of the process (SIGSEGV) is not a failure of an agent, and no supervisor sees it.
 *
 * Each failure is seen by exactly one supervisor; one that gives up fails itself, which its own supervisor
 * sees. A failure that no supervisor sees is in koken_metrics().failed and the log, like all others.
 */
#ifndef KOKEN_SUPERVISOR_H
#define KOKEN_SUPERVISOR_H

#include <koken/agent.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Who is started again when a child has ended. */
enum koken_strategy {
    KOKEN_ONE_FOR_ONE,  /* that child */
    KOKEN_ONE_FOR_ALL,  /* all: the others are stopped first, the last one first, each waited for */
    KOKEN_REST_FOR_ONE, /* that child and those after it, likewise */
};

/* After which ends a child is started again. */
enum koken_restart {
    KOKEN_PERMANENT, /* any */
    KOKEN_TRANSIENT, /* a failure */
    KOKEN_TEMPORARY, /* none; nor after it was stopped for the sake of another child */
};

struct koken_supervisor;

/* One child. Zero means the default. */
struct koken_child {
    const struct koken_agent_type
        *type; /* KOKEN_AGENT_TYPE(name); NULL: the child is a supervisor */
    const struct koken_supervisor *supervisor; /* which follows this */
    struct koken_spawn_options
        options; /* as for koken_spawn by an agent; arg lasts as the supervisor */
    enum koken_restart restart;
    uint64_t
        shutdown_ns; /* how long it may take to stop, default 5 s. A handler that does not return cannot
                           * be killed: the child is then given up, with a line in the log */
};

/* KOKEN_AGENT_TYPE(name) is the type that KOKEN_AGENT(name, ...) or KOKEN_FIBER made. */
#define KOKEN_AGENT_TYPE(NAME) (&koken_agent_##NAME)

/* What a supervisor does. Zero means the default. */
struct koken_supervisor {
    const struct koken_child *children; /* in the order of their starts */
    uint32_t child_count;
    enum koken_strategy strategy;
    uint32_t
        intensity; /* restarts within period_ns; one more, and it gives up. Default 3, at most 1024 */
    uint64_t period_ns; /* default 5 s */
};

/*
 * koken_supervise(where, &supervisor, &ref) starts a supervisor and its children, in order; where is a
 * runtime or a context. A start that fails, at first, ends those before it and is the answer. A failed
 * start later counts as one more restart. A supervisor that gives up stops its children, the last one first, each
 * waited for, and fails with the reason of the last failure, or -EPROTO if that was an end without one.
 * koken_exit stops it in the same way. While the runtime stops nothing is started again.
 * Owner: what supervisor points to stays as it is until the supervisor has ended. Errors: -EINVAL; -ENOMEM,
 * -ESHUTDOWN; what the init of a child returned.
 */
#define koken_supervise(where, keep_supervisor, ret_ref)                                           \
    KOKEN_WHERE_(where, koken_supervise_rt_, koken_supervise_ctx_)                                 \
    ((where), (keep_supervisor), (ret_ref))
KOKEN_MUST_USE int koken_supervise_rt_(struct koken *rt,
                                       const struct koken_supervisor *keep_supervisor,
                                       koken_ref *ret_ref);
KOKEN_MUST_USE int koken_supervise_ctx_(koken_ctx *ctx,
                                        const struct koken_supervisor *keep_supervisor,
                                        koken_ref *ret_ref);

/*
 * koken_supervised is the handle of the child of that index now. Errors: -ESRCH who is no supervisor that
 * lives, or the child is down at the moment, or for good; -EINVAL there is no such index. Thread: any.
 */
KOKEN_MUST_USE int koken_supervised(koken_ref who, uint32_t index, koken_ref *ret_ref);

/*
 * Children come and go at run time by messages to their supervisor:
 *
 *     struct koken_child_started told;
 *     rc = koken_await(rt, supervisor, KOKEN_S(1), &told, koken_child_start,
 *                      .child = {.type = KOKEN_AGENT_TYPE(worker)});
 *
 * koken_child_start makes a child more, at the lowest free index, and starts it at once; from then on it is like
 * the others. What the child points to lasts until it has been removed; the struct itself is copied.
 * Answered: koken_child_started. error: 0; -EINVAL, -ENOMEM, -ESHUTDOWN; what the child's init returned; then
 * nothing has changed.
 *
 * koken_child_stop asks the child of that index to end, which it has its shutdown_ns for, and frees the index.
 * Answered when it has ended: koken_child_stopped. error: 0; -ETIMEDOUT it did not, and is given up; -ESRCH there is no
 * such child; -EALREADY it is under way; -ENOMEM nothing has changed.
 */
KOKEN_MESSAGE_TRUSTED(koken_child_start, { struct koken_child child; }); /* trusted: as said */
KOKEN_MESSAGE(koken_child_started, {
    int32_t error;
    uint32_t index;
    koken_ref who;
});
KOKEN_MESSAGE(koken_child_stop, { uint32_t index; });
KOKEN_MESSAGE(koken_child_stopped, {
    int32_t error;
    uint32_t index;
});

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
