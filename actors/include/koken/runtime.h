/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime: a set of workers and the agents that live on them. Many may live in one process, one
 * after the other or side by side; nothing is shared between them but the address space.
 */
#ifndef KOKEN_RUNTIME_H
#define KOKEN_RUNTIME_H

#include <koken/error.h>
#include <koken/time.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken; /* a runtime; opaque */

/* The context of the running agent: first argument of every handler, valid until it returns. */
typedef struct koken_ctx koken_ctx;

/*
 * koken_ref names an agent: a value to copy, compare, store and send. It stays safe to use after
 * the agent's death: it then reaches nobody (-ESRCH), never another agent. {0} is nobody.
 */
typedef struct koken_ref {
    uint64_t id; /* slot and generation; not to be taken apart */
} koken_ref;

#ifdef __cplusplus
#define KOKEN_NOBODY (koken_ref{0})
#else
#define KOKEN_NOBODY ((koken_ref){0})
#endif

/* koken_ref_equal tells whether two names are the same agent's. */
static inline bool koken_ref_equal(koken_ref left, koken_ref right)
{
    return left.id == right.id;
}

/* koken_is_nobody tells whether ref is the name of no agent at all, as a failed koken_spawn answers. */
static inline bool koken_is_nobody(koken_ref ref)
{
    return ref.id == 0;
}

/* What happens to a message for an agent whose mailbox is full. */
enum koken_policy {
    KOKEN_POLICY_DEFAULT, /* what the runtime's options say, else REJECT */
    KOKEN_POLICY_REJECT,  /* refuse at the high mark until the low mark: -EAGAIN, the message stays
                              yours */
    /*
     * Refused as by REJECT, but the sending agent waits, never its thread: a fiber inside the send, a handler
     * after it has returned. Of a handler that is to wait, 64 messages more to the same receiver are taken,
     * then -EAGAIN; another receiver that is full answers -EAGAIN at once, as an agent waits for one at a
     * time. A cycle answers -EDEADLK, a thread outside -EAGAIN. Who ends while it waits takes what it has
     * not got rid of with it: dead letters.
     */
    KOKEN_POLICY_PARK,
    KOKEN_POLICY_DROP_NEW, /* the message goes to the dead letters; the send succeeds */
    KOKEN_POLICY_DROP_OLD, /* the oldest waiting message goes to the dead letters instead */
    KOKEN_POLICY_SIGNAL, /* accept up to the capacity, but tell: KOKEN_PRESSURE above the high mark
                          */
    KOKEN_POLICY_GROW,   /* no bound. Asked for by name only */
    KOKEN_POLICY_COUNT_
};

/* Positive answer of a send to a mailbox of policy SIGNAL that is above its high mark. */
#define KOKEN_PRESSURE 1

enum koken_priority {
    KOKEN_PRIORITY_DEFAULT, /* normal */
    KOKEN_PRIORITY_LOW,
    KOKEN_PRIORITY_NORMAL,
    KOKEN_PRIORITY_HIGH,
    KOKEN_PRIORITY_CRITICAL,
    KOKEN_PRIORITY_COUNT_
};

/* In which order a worker without work visits the others. */
enum koken_steal_policy {
    KOKEN_STEAL_NEAR,        /* same core, same cache, same node, remote; random among equals */
    KOKEN_STEAL_ROUND_ROBIN, /* one after the other, by number */
    KOKEN_STEAL_ADAPTIVE, /* those distances first where something was found lately, the nearer the better */
    KOKEN_STEAL_COUNT_
};

/* The capacity that a mailbox may have at most (policy GROW has no bound). */
#define KOKEN_CAPACITY_MAX 65535u

/*
 * struct koken_options says how a runtime is made. Zero means the default everywhere; struct_size
 * may be zero too, or sizeof(struct koken_options). Environment variables KOKEN_WORKERS and
 * KOKEN_SPIN_US fill in what is zero here.
 */
struct koken_options {
    size_t struct_size;
    /* At most, up to 1024; default, and bound unless exact_workers: what affinity and cgroup quota
     * allow. */
    unsigned workers;
    uint32_t mailbox_capacity; /* messages, default 1000 */
    uint32_t mailbox_high;     /* water marks, default 80 % and 20 % of the capacity */
    uint32_t mailbox_low;
    enum koken_policy policy; /* default REJECT */
    uint32_t
        budget; /* messages an agent may handle in one turn, default 256; see the log's "fair" */
    uint64_t spin_ns;   /* how long an idle worker looks for work before it sleeps, default 20 us */
    bool no_spin;       /* sleep at once */
    bool no_stealing;   /* agents stay on the worker that woke them */
    bool no_lifo;       /* no short cut for the agent just woken */
    bool pin_workers;   /* bind each worker to a core */
    bool exact_workers; /* as many workers as said, even above what the machine allows */
    bool stamp_messages; /* every message carries the time of its send: koken_sent_at() */
    size_t stack_size;   /* bytes of a fiber's stack, at least 16 KiB, default 64 KiB */
    uint64_t seed;       /* of all random choices, default from the system */
    /* Told why things are as they are, and of each agent that fails; any thread; default: silence.
     */
    void (*log)(void *arg, const char *line);
    void *log_arg;
    enum koken_steal_policy steal; /* whom a worker without work visits first, default NEAR */
    /* A turn that lasts longer is named in the log, once: agent, message type, how long, stack;
     * default 10 ms. */
    uint64_t watchdog_ns;
    /* The log names who is stuck without the stack. With it, a runtime that logs takes one real-time
     * signal of the process, the highest below SIGRTMAX - 1 that has its default action; a slow system
     * call of a handler that is over its limit may then fail with EINTR, as under any signal. */
    bool no_stacks;
};

/*
 * koken_start makes a runtime and its workers. options may be NULL.
 * Owner: *ret_rt is yours until koken_stop. Errors: -EINVAL an impossible option, -ENOMEM, -EAGAIN
 * threads cannot be started, -ENOTSUP also in the child of a fork while runtimes lived. Thread: any.
 */
KOKEN_MUST_USE int koken_start(const struct koken_options *options, struct koken **ret_rt);

/* One agent that had not ended when its phase of the stop was over. */
struct koken_survivor {
    koken_ref who;
    const char *type;     /* the agent type's name */
    const char *state;    /* "idle", "running", "parked", "waiting" */
    const char *handling; /* message type in its handler now, or NULL */
    uint32_t queued;      /* messages in its mailbox */
    uint64_t running_ns;  /* how long the present handler has been running */
    uint64_t age_ns;      /* since its birth, to some milliseconds, modulo 49 days */
};

/* How koken_stop_plan goes about it. Each phase begins when the one before is done or out of time.
 */
struct koken_stop_plan {
    uint64_t
        drain_ns; /* refuse new work from outside, let accepted work finish; 0 skips the phase */
    uint64_t cancel_ns; /* ask every agent to stop: exit hooks run, queued messages become dead
                           letters */
    uint64_t kill_ns;   /* give workers this long to come back from running handlers */
};

struct koken_stop_report {
    uint64_t drained;      /* messages handled after the stop began */
    uint64_t dead_letters; /* messages given up */
    uint64_t cancelled;    /* agents that were alive when the drain was over */
    uint64_t
        killed; /* agents that had not ended in time: their exit hooks have not run, and what their
                        states hold (payloads, memory) is not given back; the log tells it, too */
    uint32_t survivor_count;
    struct koken_survivor
        survivors[16]; /* the first of them, as they were at the end of the drain */
};

/*
 * koken_stop ends a runtime: refuse, drain, cancel, kill, within timeout_ns (half of it for the
 * drain). Accepted messages are handled or become dead letters; nothing runs afterwards; rt is
 * gone. A short timeout kills agents that would have ended (koken_stop_report.killed): be generous, a stop takes no
 * longer than it needs. Errors: -ETIMEDOUT a handler did not come back: rt and its threads are left alive, may be stopped
 * again, or leak (workers that no handler holds are waited for half a second more). -EBUSY another thread
 * is stopping it. -EINVAL NULL, or no runtime (any more; but the same address may be that of a new one).
 * -EDEADLK called by an agent, of whatever runtime. -ENOTSUP in the child of a fork. Thread: any but an
 * agent's.
 */
KOKEN_MUST_USE int koken_stop(struct koken *rt, uint64_t timeout_ns);

/* koken_stop_with is koken_stop with a plan and a report (either may be NULL). */
KOKEN_MUST_USE int koken_stop_with(struct koken *rt, const struct koken_stop_plan *plan,
                                   struct koken_stop_report *ret_report);

/*
 * koken_drain waits until no agent of rt has anything left to do (timers not counted).
 * Errors: -ETIMEDOUT. -EINVAL NULL. -EDEADLK called by an agent. -ENOTSUP in the child of a fork.
 * Thread: any but an agent's.
 */
KOKEN_MUST_USE int koken_drain(struct koken *rt, uint64_t timeout_ns);

/*
 * Sums over all workers. Exact once the runtime is quiet; while it runs, each number is a moment's.
 * sent == received + queued + dropped + dead, refused messages were never sent.
 */
struct koken_metrics {
    uint64_t sent;     /* accepted messages, system lane included */
    uint64_t received; /* handled messages */
    uint64_t dropped;  /* given up because of a DROP policy */
    uint64_t dead;     /* accepted, but their agent ended first */
    uint64_t refused;  /* -EAGAIN, -ESRCH, -ESHUTDOWN: stayed with the sender */
    uint64_t queued;   /* sent and not yet any of the others */
    uint64_t spawned;
    uint64_t exited;
    uint64_t failed; /* of those that exited: with a negative reason */
    uint64_t alive;
    uint64_t dispatches; /* turns that agents got */
    uint64_t lifo_hits;
    uint64_t steals;
    uint64_t parks;
    uint64_t wakes;
    uint64_t timers_fired;
    uint64_t envelope_bytes; /* memory held by envelope pools */
    unsigned workers;
};

void koken_metrics(const struct koken *rt, struct koken_metrics *ret_metrics);

struct koken_histogram;

/*
 * koken_latency adds to histogram the times from send to handling of all messages so far; they are
 * only taken under stamp_messages. Errors: -ENOTSUP without stamp_messages; -EBUSY the runtime is
 * not quiet (koken_drain first). Thread: any outside rt.
 */
KOKEN_MUST_USE int koken_latency(struct koken *rt, struct koken_histogram *histogram);

/* koken_workers is the number of workers of rt. */
unsigned koken_workers(const struct koken *rt);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
