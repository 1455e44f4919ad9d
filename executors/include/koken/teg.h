/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task effect graphs: work that is known before it begins. Nodes are effects, C functions that read the
 * results of the nodes before them; links say who comes before whom, which resource passes from one to the
 * other, and under which condition. The whole graph is checked before the first effect runs.
 *
 *     static int fetch(struct koken_teg_call *call) { koken_teg_answer(call, 40); return 0; }
 *     static int add(struct koken_teg_call *call)
 *     {
 *         koken_teg_answer(call, koken_teg_input(call, 0).number + koken_teg_input(call, 1).number);
 *         return 0;
 *     }
 *
 *     struct koken_teg *teg = koken_teg_new();
 *     koken_teg_node a = koken_teg_add(teg, &(struct koken_teg_effect){.run = fetch});
 *     koken_teg_node b = koken_teg_add(teg, &(struct koken_teg_effect){.run = fetch});
 *     koken_teg_node c = koken_teg_add(teg, &(struct koken_teg_effect){.run = add});
 *     koken_teg_link(teg, a, c);
 *     koken_teg_link(teg, b, c);
 *
 * A graph is built by one thread. What fails while it is built is remembered and answered by koken_teg_check,
 * so that building needs no error handling. From the first successful check on the graph does not change any
 * more, and any number of threads may run it, at the same time too.
 */
#ifndef KOKEN_TEG_H
#define KOKEN_TEG_H

#include <koken/error.h>
#include <koken/runtime.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_teg;      /* a graph; opaque */
struct koken_teg_call; /* what an effect sees of its node while it runs; opaque */

/* koken_teg_node names a node of one graph, in the order of their making. {0} is none. */
typedef struct koken_teg_node {
    uint32_t number; /* 1, 2, 3, ... */
} koken_teg_node;

/* What an effect is. The kind gives the cost of an effect that has none of its own. */
enum koken_teg_kind {
    KOKEN_TEG_PERFORM,  /* reaches out into the world; cost 10 */
    KOKEN_TEG_PURE,     /* its result depends on its inputs and argument only; cost 1 */
    KOKEN_TEG_BIND,     /* carries a value from one effect to another; cost 2 */
    KOKEN_TEG_HANDLE,   /* handles what another effect could not; cost 5 */
    KOKEN_TEG_PARALLEL, /* made by koken_teg_parallel; cost 1 */
    KOKEN_TEG_RACE,     /* made by koken_teg_race; cost 1 */
    KOKEN_TEG_KIND_COUNT_
};

/* Where an effect runs. */
enum koken_teg_place {
    KOKEN_TEG_ON_WORKER, /* on a worker of the runtime: must not block */
    KOKEN_TEG_ON_POOL,   /* on a thread of the blocking pool: may block */
    KOKEN_TEG_ELSEWHERE, /* begins on a worker, returns KOKEN_TEG_LATER, ends by koken_teg_finish */
    KOKEN_TEG_PLACE_COUNT_
};

/* What an effect returns that has taken its token and ends later; see koken_teg_later. */
#define KOKEN_TEG_LATER 0x4c415445

/* koken_teg_effect describes one node. Zero is the default of every member but run. */
struct koken_teg_effect {
    const char *id;             /* unique in the graph; NULL: none */
    const char *tag;            /* what kind of work this is; with domain, the key under which */
    const char *domain;         /* durations are learnt and results are cached. NULL: "" */
    enum koken_teg_kind kind;   /* default KOKEN_TEG_PERFORM */
    enum koken_teg_place place; /* default KOKEN_TEG_ON_WORKER */
    int (*run)(struct koken_teg_call *call); /* 0, or a negative errno: the node has failed */
    int (*undo)(
        struct koken_teg_call *call); /* compensation; see koken_teg_options.undo. NULL: none */
    const void *arg;                  /* for koken_teg_arg; an effect that nobody waits for any
                                       * more may still use it when its run is over */
    size_t arg_size;         /* bytes of it that the graph copies; 0: the pointer is kept */
    uint64_t cost;           /* static cost; 0: that of the kind */
    uint64_t timeout_ns;     /* 0: node_timeout_ms of the executor. KOKEN_NO_DEADLINE: none */
    uint32_t retries;        /* how often it is tried again after a failure */
    uint64_t retry_delay_ns; /* before the first of these; doubled each time */
    bool
        is_cached; /* PURE effects on a worker or the pool: ask the executor's cache first. The key of the
                     * content is made of tag, domain, argument and inputs, so arg must be copied bytes */
};

/* koken_teg_new makes an empty graph; NULL: out of memory. Owner: yours until koken_teg_free. */
KOKEN_MUST_USE struct koken_teg *koken_teg_new(void);

/* koken_teg_free gives a graph back; runs and results that use it keep it alive. NULL is accepted. */
void koken_teg_free(struct koken_teg *take_teg);

/*
 * koken_teg_add adds a node; strings are copied. {0}: out of memory, the graph is checked already, or the
 * effect makes no sense (no run, unknown kind); koken_teg_check says which.
 */
koken_teg_node koken_teg_add(struct koken_teg *teg, const struct koken_teg_effect *effect);

/* koken_teg_link lets `to` begin when `from` has completed; its result is an input of `to`. */
void koken_teg_link(struct koken_teg *teg, koken_teg_node from, koken_teg_node to);

/* koken_teg_link_ids is koken_teg_link by ids, which may be added later. */
void koken_teg_link_ids(struct koken_teg *teg, const char *from, const char *to);

/* What must be true of the result of `from` for a control link to open. */
enum koken_teg_when {
    KOKEN_TEG_ALWAYS,
    KOKEN_TEG_IS_TRUE,  /* number is not 0 */
    KOKEN_TEG_IS_FALSE, /* number is 0 */
    KOKEN_TEG_EQUAL,    /* number == operand, and so on */
    KOKEN_TEG_NOT_EQUAL,
    KOKEN_TEG_LESS,
    KOKEN_TEG_GREATER,
    KOKEN_TEG_IS_FAILED, /* `from` has failed or timed out: `to` handles that, and the run goes on */
    KOKEN_TEG_WHEN_COUNT_
};

/*
 * koken_teg_link_when adds a control link. A node with control links runs when everything else it is linked to
 * has completed and at least one of its control links is open; otherwise it is skipped, and so is what
 * depends on it. Two conditions that must both hold need a node in between. The result of `from` is an input;
 * that of a closed link is an input with is_missing.
 */
void koken_teg_link_when(struct koken_teg *teg, koken_teg_node from, koken_teg_node to,
                         enum koken_teg_when when, int64_t operand);
void koken_teg_link_ids_when(struct koken_teg *teg, const char *from, const char *to,
                             enum koken_teg_when when, int64_t operand);

/*
 * koken_teg_race adds a node whose result is that of whichever of the nodes completes first; the others are
 * cancelled. It fails when all of them have. Nobody else may depend on them.
 */
koken_teg_node koken_teg_race(struct koken_teg *teg, const char *id, const koken_teg_node *nodes,
                              uint32_t count);

/* koken_teg_parallel adds a node whose result has the results of all the nodes as its items. */
koken_teg_node koken_teg_parallel(struct koken_teg *teg, const char *id,
                                  const koken_teg_node *nodes, uint32_t count);

/* koken_teg_sequence links each of the nodes to the next. */
void koken_teg_sequence(struct koken_teg *teg, const koken_teg_node *nodes, uint32_t count);

/* What may be done with a resource. */
enum koken_teg_use {
    KOKEN_TEG_SHARED, /* any number of nodes may need it */
    KOKEN_TEG_LINEAR, /* one node at most may need it: that uses it up */
    KOKEN_TEG_EXCLUSIVE, /* any number may need it, one at a time, in the order of their dependencies */
    KOKEN_TEG_USE_COUNT_
};

/*
 * koken_teg_resource says how a resource may be used (default SHARED), and whether it is there before the run.
 * A node that needs a resource which another makes is linked to that one, and has its result as an input.
 */
void koken_teg_resource(struct koken_teg *teg, const char *name, enum koken_teg_use use,
                        bool is_initial);
void koken_teg_needs(struct koken_teg *teg, koken_teg_node node, const char *name);
void koken_teg_makes(struct koken_teg *teg, koken_teg_node node, const char *name);

/* What can be wrong with a graph, in the order in which koken_teg_check looks. */
enum koken_teg_wrong {
    KOKEN_TEG_FINE,
    KOKEN_TEG_NO_MEMORY,    /* -ENOMEM: while it was built, or now */
    KOKEN_TEG_BAD_NODE,     /* -EINVAL: an effect, link, race or resource that makes no sense */
    KOKEN_TEG_DUPLICATE_ID, /* -EALREADY "Duplicate node ID" */
    KOKEN_TEG_UNKNOWN_NODE, /* -ESRCH: a link from or to nowhere */
    KOKEN_TEG_LINEARITY, /* -EPERM: a linear resource with two consumers, a resource with two makers */
    KOKEN_TEG_UNSATISFIABLE, /* -EAGAIN: a resource that nobody makes and that is not there */
    KOKEN_TEG_CYCLE,         /* -EDEADLK */
    KOKEN_TEG_WRONG_COUNT_
};

#define KOKEN_TEG_PROBLEM_NODES 16

struct koken_teg_problem {
    enum koken_teg_wrong wrong;
    uint32_t count; /* nodes concerned; of a cycle, its length */
    koken_teg_node
        nodes[KOKEN_TEG_PROBLEM_NODES]; /* the first of them; a cycle in the order of its links */
    char text[240];                     /* for people: "CyclicDependency: a -> b -> a" */
};

/*
 * koken_teg_check checks a graph and closes it: afterwards it does not change any more, and may be run by any
 * thread. Checking it again is free. Errors: as enum koken_teg_wrong says; ret_problem, which may be NULL, says
 * more, and the graph may be built on. Thread: the builder's. Cost: O(nodes + links) expected.
 */
KOKEN_MUST_USE int koken_teg_check(struct koken_teg *teg, struct koken_teg_problem *ret_problem);

/* koken_teg_find is the node of that id, or {0}. */
koken_teg_node koken_teg_find(const struct koken_teg *teg, const char *id);

/* koken_teg_count is the number of nodes; koken_teg_link_count that of links, implied ones included. */
uint32_t koken_teg_count(const struct koken_teg *teg);
uint32_t koken_teg_link_count(const struct koken_teg *teg);

/* koken_teg_id writes the id of a node, or "#17" for one without, and answers text. */
const char *koken_teg_id(const struct koken_teg *teg, koken_teg_node node, char *text, size_t room);

/*
 * What a checked graph is like by its static costs. Errors: -EINVAL it is not checked.
 * parallelism is total_cost / critical_path_cost, 0 for the empty graph.
 */
struct koken_teg_shape {
    uint64_t total_cost, critical_path_cost;
    double parallelism;
    uint32_t nodes, links, sources, sinks;
};
KOKEN_MUST_USE int koken_teg_shape(const struct koken_teg *teg, struct koken_teg_shape *ret_shape);

/*
 * koken_teg_order writes the nodes of a checked graph in the order in which one worker runs them: as their
 * dependencies allow, the one with the longest way to an end first, of equal ones the cheaper one, of equal
 * ones the earlier one. Answers how many were written. Errors: -EINVAL it is not checked; -ENOMEM.
 */
KOKEN_MUST_USE int koken_teg_order(const struct koken_teg *teg, koken_teg_node *ret_nodes,
                                   uint32_t room);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
