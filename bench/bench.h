/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a benchmark of the tool is: a function that starts a runtime, has agents do a fixed amount
 * of work, checks their answer, and reports one or more figures. A wrong answer is a failure, not a
 * slow result.
 *
 * The pattern of nearly all: spawn a root agent, ask it to go (bench_ask), the root keeps the claim
 * (koken_defer) and answers struct bench_done when the work is done. Time runs from before the
 * spawns to end_ns, which the root reads inside the runtime, so that waking the asking thread does
 * not count.
 *
 * Mailboxes keep their default bound (1000, REJECT). Whoever floods another agent uses struct
 * bench_flow.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <koken.h>

struct bench_run; /* one repetition under way; made by the tool */

enum bench_flags {
    BENCH_COLD =
        1u << 0, /* each sample in a process of its own, without warm-up: it measures memory */
    BENCH_ALONE = 1u << 1, /* also measured on one pinned worker (NAME-1w) by `koken bench all` */
};

struct bench {
    const char *name;
    const char *what; /* for --list: at most 60 characters */
    int (*run)(struct bench_run *run, unsigned arg);
    unsigned arg;
    unsigned flags;
};

extern const struct bench bench_table[];
extern const unsigned bench_count;

/* ---- for benchmarks ---- */

/* bench_size is full, or a hundredth of it under --quick. */
uint64_t bench_size(const struct bench_run *run, uint64_t full);

/* bench_seed seeds what a benchmark draws by chance. */
uint64_t bench_seed(const struct bench_run *run);

/* bench_begin starts a runtime with default options and the workers asked for; bench_begin_on fixes
 * them. */
KOKEN_MUST_USE int bench_begin(struct bench_run *run, struct koken **ret_rt);
KOKEN_MUST_USE int bench_begin_on(struct bench_run *run, unsigned workers, struct koken **ret_rt);

/* bench_end stops rt and answers rc, or the stop's error when rc is 0. */
KOKEN_MUST_USE int bench_end(struct bench_run *run, struct koken *rt, int rc);

/* bench_report gives a figure to the tool. name is the row's name; "-1w" is added where it belongs.
 */
void bench_report(struct bench_run *run, const char *name, double value, const char *unit);

/* bench_report_latency reports p50, p99, p99.9 and max of histogram as NAME-p50 and so on, in ns.
 */
void bench_report_latency(struct bench_run *run, const char *name,
                          const struct koken_histogram *histogram);

/* bench_check answers 0 if got is expected, else -EPROTO and a text for the user. */
KOKEN_MUST_USE int bench_check(struct bench_run *run, const char *what, uint64_t expected,
                               uint64_t got);

/* bench_error keeps a text about rc for the user and answers rc. */
KOKEN_MUST_USE int bench_error(struct bench_run *run, const char *what, int rc);

/* ---- messages that many share ---- */

KOKEN_MESSAGE(bench_go, {
    uint64_t n;
    koken_ref to;
});
KOKEN_MESSAGE(bench_done, {
    uint64_t value;
    uint64_t end_ns;
});
KOKEN_MESSAGE(bench_tok, { uint64_t value; });
KOKEN_EVENT(bench_more);

/* bench_ask tells root to go and waits for its answer, at most two minutes. */
KOKEN_MUST_USE int bench_ask(struct bench_run *run, struct koken *rt, koken_ref root, uint64_t n,
                             koken_ref to, struct bench_done *ret_done);

/* bench_answer is bench_done with the time of now. */
KOKEN_MUST_USE int bench_answer(koken_claim claim, uint64_t value);

/* An agent without a state. */
struct bench_none {
    char nothing;
};

/*
 * A collector, asked by bench_go, passes bench_go on to the agent named there (unless nobody),
 * counts bench_tok until it has as many as bench_go said, and answers with the sum of their values.
 * Its mailbox is bounded like any other: who may send more tokens than it holds does so through
 * struct bench_flow.
 */
koken_ref bench_spawn_collector(struct koken *rt);

/*
 * Tokens owed to a bounded mailbox: bench_flow_send sends one or remembers that it could not and
 * asks to be told; bench_flow_resume goes on when koken_writable has come. No token is merged with
 * another.
 */
struct bench_flow {
    koken_ref to;
    uint32_t owed; /* tokens not accepted yet */
};
KOKEN_MUST_USE int bench_flow_send(koken_ctx *ctx, struct bench_flow *flow, uint64_t value);
KOKEN_MUST_USE int bench_flow_resume(koken_ctx *ctx, struct bench_flow *flow, uint64_t value);

/* bench_random is the generator that the Savina suite uses in every language. */
static inline uint64_t bench_random(uint64_t *state)
{
    *state = (*state * 1309 + 13849) & 65535;
    return *state;
}

/* bench_rss is the resident memory of the process in bytes, 0 if unknown. */
uint64_t bench_rss(void);

#endif
