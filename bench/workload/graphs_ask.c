/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for graphs from inside: a handler that asks, several runs at a time, and a fiber that waits, and runs small
 * graphs of its own. Every question has one answer; a run that is said to be over is. That an executor has ended keeps
 * nobody from hearing of the end of its runs.
 */
#include "bench/workload/graphs.h"

#include <errno.h>

enum { ROUNDS = 3 };

static kn_atomic(uint64_t) asked, told;

/* Of the fiber, which may be killed where it waits. */
static struct koken_teg *own;
static struct koken_teg_run *own_run;

/* Why a graph of one's own has not gone well: nothing that should not happen. */
static bool is_reason(int rc)
{
    return rc == -ETIMEDOUT || rc == -ESRCH || rc == -ECANCELED || rc == -EPROTO || rc == -ENOMEM ||
           rc == -EAGAIN || rc == -ESHUTDOWN || rc == -ENOBUFS;
}

/* Why a wait has ended before the run. That its executor has ended is none. */
static bool is_wait_reason(int rc)
{
    return rc == -ETIMEDOUT || rc == -ECANCELED || rc == -ENOMEM;
}

static bool is_strict; /* nothing but what is tested here ends an answer */

/* ---- by a handler ---- */

/* trusted: references to runs, which the scenario keeps until it is over */
KOKEN_MESSAGE_TRUSTED(graph_question, {
    struct koken_teg_run *run;
    uint64_t timeout_ns;
});

struct graph_asker {
    uint32_t open;
};

static int on_question(koken_ctx *ctx, struct graph_asker *self, const struct graph_question *msg)
{
    int rc = koken_teg_ask(ctx, msg->run, msg->timeout_ns);
    KOKEN_SIM_CHECK(rc > 0 || is_reason(rc));
    KOKEN_SIM_CHECK(rc > 0 || !is_strict || is_wait_reason(rc));
    self->open += rc > 0;
    if (rc > 0) {
        load_count(&asked);
    }
    return 0;
}

static int on_done(koken_ctx *ctx, struct graph_asker *self, const struct koken_teg_done *msg)
{
    (void)ctx;
    KOKEN_SIM_CHECK(koken_teg_is_over(msg->run));
    KOKEN_SIM_CHECK(koken_teg_status(msg->run) != -EBUSY);
    KOKEN_SIM_CHECK(self->open-- > 0);
    load_count(&told);
    return 0;
}

static int on_failed(koken_ctx *ctx, struct graph_asker *self, const struct koken_failed *msg)
{
    (void)ctx;
    KOKEN_SIM_CHECK(is_reason(msg->error));
    KOKEN_SIM_CHECK(!is_strict || is_wait_reason(msg->error));
    KOKEN_SIM_CHECK(self->open-- > 0);
    load_count(&told);
    return 0;
}

KOKEN_AGENT(graph_asker, struct graph_asker, KOKEN_ON(graph_question, on_question),
            KOKEN_ON(koken_teg_done, on_done), KOKEN_ON(koken_failed, on_failed));

/* ---- by a fiber ---- */

struct graph_walk {
    koken_ref executor;
    struct koken_teg_run *runs[GRAPH_JOBS]; /* kept by the scenario */
    uint64_t timeout_ns;
};

static int three(struct koken_teg_call *call)
{
    koken_teg_answer(call, 3);
    return 0;
}

static int twice(struct koken_teg_call *call)
{
    koken_teg_answer(call, 2 * koken_teg_input(call, 0).number);
    return 0;
}

static void forget_own(void)
{
    koken_teg_run_free(own_run);
    koken_teg_free(own);
    own_run = NULL;
    own = NULL;
}

/* A graph of its own: a worker's node, and one on the pool. */
static void run_own(koken_ctx *ctx, const struct graph_walk *walk)
{
    own = koken_teg_new();
    if (!own) {
        return;
    }
    koken_teg_node first = koken_teg_add(own, &(struct koken_teg_effect){.run = three});
    koken_teg_node second =
        koken_teg_add(own, &(struct koken_teg_effect){.run = twice, .place = KOKEN_TEG_ON_POOL});
    koken_teg_link(own, first, second);
    int rc = koken_teg_start(walk->executor, own, NULL, &own_run);
    if (rc == 0) {
        rc = koken_teg_wait(ctx, own_run, walk->timeout_ns);
        KOKEN_SIM_CHECK(rc == 0 || is_wait_reason(rc));
    }
    KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
    if (rc == 0) {
        int status = koken_teg_status(own_run);
        KOKEN_SIM_CHECK(koken_teg_is_over(own_run));
        KOKEN_SIM_CHECK(status == 0 || is_reason(status));
        KOKEN_SIM_CHECK(status != 0 || koken_teg_value(own_run, second).number == 6);
    }
    forget_own();
}

static int walk_graphs(koken_ctx *ctx, struct graph_walk *unused, const void *arg)
{
    const struct graph_walk walk = *(const struct graph_walk *)arg;
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        run_own(ctx, &walk);
        struct koken_teg_run *run = walk.runs[round % GRAPH_JOBS];
        int rc = run ? koken_teg_wait(ctx, run, walk.timeout_ns) : 0;
        KOKEN_SIM_CHECK(rc == 0 || is_wait_reason(rc));
        KOKEN_SIM_CHECK(rc != 0 || !run || koken_teg_is_over(run));
    }
    return 0;
}

KOKEN_FIBER(graph_walker, struct graph_walk, walk_graphs);

/* ---- the scenario's side ---- */

void graph_ask(struct load *load, koken_ref executor, struct koken_teg_run **runs)
{
    koken_ref asker = koken_spawn(load->rt, graph_asker);
    struct graph_walk walk = {.executor = executor,
                              .timeout_ns = load_below(load, 2) ? KOKEN_S(1)
                                                                : load_below(load, KOKEN_US(300))};
    load_clear(&asked);
    load_clear(&told);
    is_strict = !load->is_cut && !(load->faults & KOKEN_SIM_HANDLER);
    for (unsigned i = 0; i < GRAPH_JOBS; i++) {
        walk.runs[i] = runs[i];
        for (uint64_t times = runs[i] ? load_below(load, 3) : 0; times > 0; times--) {
            /* By chance there is no asker. */
            (void)!koken_signal(
                asker, graph_question, .run = runs[i],
                .timeout_ns = load_below(load, 2) ? KOKEN_S(1) : load_below(load, KOKEN_US(300)));
        }
    }
    (void)koken_spawn(load->rt, graph_walker, .arg = &walk, .arg_size = sizeof walk);
}

void graph_ask_check(struct load *load)
{
    if (load_read(&told) <
        load_read(&asked)) { /* without memory for an answer the deadline tells */
        load_sleep(KOKEN_S(2));
        (void)load_settle(load);
    }
    KOKEN_SIM_CHECK(load_read(&told) <= load_read(&asked));
    KOKEN_SIM_CHECK(load_read(&told) == load_read(&asked) || (load->faults & KOKEN_SIM_HANDLER));
}

void graph_ask_after(void)
{
    forget_own();
}
