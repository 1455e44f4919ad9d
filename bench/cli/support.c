/* SPDX-License-Identifier: Apache-2.0 */
/* What bench/bench.h promises to the benchmarks. */
#include "bench/cli/measure.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

uint64_t bench_size(const struct bench_run *run, uint64_t full)
{
    if (!run->is_quick) {
        return full;
    }
    return full >= 100 ? full / 100 : 1;
}

uint64_t bench_seed(const struct bench_run *run)
{
    return run->seed;
}

int bench_error(struct bench_run *run, const char *what, int rc)
{
    if (rc < 0 && run->error[0] == '\0') {
        snprintf(run->error, sizeof run->error, "%s: %s (%s)", what, koken_strerror(rc),
                 koken_errname(rc));
    }
    return rc;
}

int bench_check(struct bench_run *run, const char *what, uint64_t expected, uint64_t got)
{
    if (got == expected) {
        return 0;
    }
    snprintf(run->error, sizeof run->error, "wrong answer: %s is %" PRIu64 ", not %" PRIu64, what,
             got, expected);
    return -EPROTO;
}

int bench_begin_on(struct bench_run *run, unsigned workers, struct koken **ret_rt)
{
    struct koken_options options = {
        .struct_size = sizeof options, .workers = workers, .seed = run->seed};
    int rc = bench_error(run, "koken_start", koken_start(&options, ret_rt));
    static bool is_told;
    if (rc == 0 && workers > koken_workers(*ret_rt) && !is_told) {
        fprintf(stderr, "koken: this machine gives %u workers, not %u\n", koken_workers(*ret_rt),
                workers);
        is_told = true;
    }
    return rc;
}

int bench_begin(struct bench_run *run, struct koken **ret_rt)
{
    return bench_begin_on(run, run->workers, ret_rt);
}

/*
 * Before the stop, and only when all went well, the books are checked: every message sent is
 * handled, given up or still queued. A benchmark won by losing messages is lost here.
 */
int bench_end(struct bench_run *run, struct koken *rt, int rc)
{
    if (rc == 0) {
        rc = bench_error(run, "koken_drain", koken_drain(rt, KOKEN_S(30)));
    }
    if (rc == 0) {
        struct koken_metrics m;
        koken_metrics(rt, &m);
        rc = bench_check(run, "received + dropped + dead + queued", m.sent,
                         m.received + m.dropped + m.dead + m.queued);
    }
    int stopped = bench_error(run, "koken_stop", koken_stop(rt, KOKEN_S(30)));
    return rc < 0 ? rc : stopped;
}

void bench_report(struct bench_run *run, const char *name, double value, const char *unit)
{
    if (!run->is_warm_up) {
        fprintf(run->figures, "%s%s %.17g %s\n", name, run->is_one ? "-1w" : "", value, unit);
        fflush(run->figures);
    }
}

void bench_report_latency(struct bench_run *run, const char *name,
                          const struct koken_histogram *histogram)
{
    static const struct {
        const char *name;
        double quantile;
    } points[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};
    char row[48];
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        snprintf(row, sizeof row, "%s-%s", name, points[i].name);
        bench_report(run, row, (double)koken_histogram_quantile(histogram, points[i].quantile),
                     "ns");
    }
    snprintf(row, sizeof row, "%s-max", name);
    bench_report(run, row, (double)koken_histogram_max(histogram), "ns");
}

int bench_ask(struct bench_run *run, struct koken *rt, koken_ref root, uint64_t n, koken_ref to,
              struct bench_done *ret_done)
{
    if (koken_is_nobody(root)) {
        return bench_error(run, "spawn of the root agent", -ENOMEM);
    }
    int rc = koken_await(rt, root, KOKEN_S(120), ret_done, bench_go, .n = n, .to = to);
    return bench_error(run, "waiting for the work to be done", rc);
}

int bench_answer(koken_claim claim, uint64_t value)
{
    return koken_answer(claim, bench_done, .value = value, .end_ns = koken_now());
}

/* It starts the agent that makes the tokens itself, so that no question of ours meets a full
 * mailbox. */
struct collector {
    koken_claim claim;
    uint64_t expected; /* 0: not asked yet */
    uint64_t count;
    uint64_t sum;
};

static int answer_if_all(struct collector *self)
{
    return self->expected != 0 && self->count == self->expected
               ? bench_answer(self->claim, self->sum)
               : 0;
}

static int on_go(koken_ctx *ctx, struct collector *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->expected = msg->n;
    if (!koken_is_nobody(msg->to)) {
        return koken_signal(msg->to, bench_go, .n = msg->n, .to = koken_self(ctx));
    }
    return answer_if_all(self);
}

static int on_tok(koken_ctx *ctx, struct collector *self, const struct bench_tok *msg)
{
    (void)ctx;
    self->count++;
    self->sum += msg->value;
    return answer_if_all(self);
}

KOKEN_AGENT(collector, struct collector, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_tok, on_tok));

koken_ref bench_spawn_collector(struct koken *rt)
{
    return koken_spawn(rt, collector);
}

int bench_flow_resume(koken_ctx *ctx, struct bench_flow *flow, uint64_t value)
{
    while (flow->owed > 0) {
        int rc = koken_signal(flow->to, bench_tok, .value = value);
        if (rc == -EAGAIN) {
            return koken_notify_writable(ctx, flow->to);
        }
        if (rc < 0) {
            return rc;
        }
        flow->owed--;
    }
    return 0;
}

int bench_flow_send(koken_ctx *ctx, struct bench_flow *flow, uint64_t value)
{
    flow->owed++;
    return flow->owed > 1 ? 0 : bench_flow_resume(ctx, flow, value); /* else it has asked already */
}

uint64_t bench_rss(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm != NULL) {
        if (fscanf(statm, "%*s %lu", &pages) != 1) {
            pages = 0;
        }
        fclose(statm);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
