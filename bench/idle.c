/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle: 1 000 000 agents alive at once; each has handled one message and waits for the next; their
 * handles are kept in an array that was touched before. Figures: nanoseconds to make one
 * (idle-create) and growth of the resident memory per agent (idle-mem). Measured in a process of
 * its own, else memory kept from before would be counted as free.
 *
 * idle-cpu: what a runtime with 10 000 agents costs while none has anything to do, over two
 * seconds: threads woken by the kernel per second (idle-wakeups) and processor time (idle-cpu).
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SLICE = 256 };

static int on_hello(koken_ctx *ctx, struct bench_flow *self, const struct bench_go *msg)
{
    self->to = msg->to;
    return bench_flow_send(ctx, self, 1);
}

static int on_writable(koken_ctx *ctx, struct bench_flow *self, const struct koken_writable *msg)
{
    (void)msg;
    return bench_flow_resume(ctx, self, 1);
}

KOKEN_AGENT(idler, struct bench_flow, KOKEN_ON(bench_go, on_hello),
            KOKEN_ON(koken_writable, on_writable));

struct maker {
    koken_ref collector;
    koken_ref *handles;
    uint64_t made;
    uint64_t count;
};

static int on_more(koken_ctx *ctx, struct maker *self, const struct bench_more *msg)
{
    (void)msg;
    for (int i = 0; i < SLICE && self->made < self->count; i++, self->made++) {
        int rc = koken_try_spawn(ctx, &self->handles[self->made], idler);
        if (rc == 0) {
            rc = koken_signal(self->handles[self->made], bench_go, .n = 1, .to = self->collector);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return self->made == self->count ? KOKEN_STOP : koken_signal(koken_self(ctx), bench_more);
}

static int on_go(koken_ctx *ctx, struct maker *self, const struct bench_go *msg)
{
    self->collector = msg->to;
    self->count = msg->n;
    return on_more(ctx, self, NULL);
}

KOKEN_AGENT(maker, struct maker, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_more, on_more));

/* Makes count agents with one message each; *ret_end_ns is when the last token had come. */
static int make_idlers(struct bench_run *run, struct koken *rt, koken_ref *handles, uint64_t count,
                       uint64_t *ret_end_ns)
{
    struct bench_done done;
    struct maker state = {.handles = handles};
    koken_ref maker = koken_spawn(rt, maker, .arg = &state);
    int rc = bench_ask(run, rt, bench_spawn_collector(rt), count, maker, &done);
    if (rc == 0) {
        rc = bench_check(run, "tokens", count, done.value);
    }
    if (rc == 0) {
        *ret_end_ns = done.end_ns;
    }
    return rc;
}

/* Every agent must still be there and have nothing to do. */
static uint64_t count_alive(const koken_ref *handles, uint64_t count)
{
    uint64_t alive = 0;
    for (uint64_t i = 0; i < count; i++) {
        alive += koken_alive(handles[i]) ? 1 : 0;
    }
    return alive;
}

int bench_idle(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 1000000);
    koken_ref *handles = malloc(n * sizeof *handles);
    if (handles == NULL) {
        return bench_end(run, rt, bench_error(run, "array of handles", -ENOMEM));
    }
    memset(handles, 1, n * sizeof *handles);
    uint64_t before = bench_rss();
    uint64_t start_ns = koken_now();
    uint64_t end_ns = 0;
    rc = make_idlers(run, rt, handles, n, &end_ns);
    uint64_t after = bench_rss();
    if (rc == 0) {
        rc = bench_check(run, "agents alive", n, count_alive(handles, n));
    }
    if (rc == 0) {
        bench_report(run, "idle-create", (double)(end_ns - start_ns) / (double)n, "ns/actor");
        bench_report(run, "idle-mem", ((double)after - (double)before) / (double)n, "bytes/actor");
    }
    rc = bench_end(run, rt, rc);
    free(handles);
    return rc;
}

/* Context switches that the kernel has made to threads of this process other than the calling one.
 */
static uint64_t switches_of_others(void)
{
    uint64_t sum = 0;
    char path[300];
    char line[128];
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        int tid = atoi(task->d_name);
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *status = tid > 0 && tid != (int)getpid() ? fopen(path, "r") : NULL;
        while (status != NULL && fgets(line, sizeof line, status) != NULL) {
            unsigned long long value;
            if (sscanf(line, "voluntary_ctxt_switches: %llu", &value) == 1 ||
                sscanf(line, "nonvoluntary_ctxt_switches: %llu", &value) == 1) {
                sum += value;
            }
        }
        if (status != NULL) {
            fclose(status);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return sum;
}

static uint64_t process_cpu_ns(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

int bench_idle_cpu(struct bench_run *run, unsigned arg)
{
    (void)arg;
    enum { AGENTS = 10000 };
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    static koken_ref handles[AGENTS];
    uint64_t end_ns;
    rc = make_idlers(run, rt, handles, AGENTS, &end_ns);
    if (rc == 0) {
        rc = bench_error(run, "drain", koken_drain(rt, KOKEN_S(10)));
    }
    if (rc == 0) {
        const struct timespec settle = {.tv_nsec = 100 * 1000 * 1000};
        uint64_t watch_ns = bench_size(run, KOKEN_S(2));
        const struct timespec watch = {.tv_sec = (time_t)(watch_ns / KOKEN_S(1)),
                                       .tv_nsec = (long)(watch_ns % KOKEN_S(1))};
        nanosleep(&settle, NULL); /* until the last worker has gone to sleep */
        uint64_t start_ns = koken_now();
        uint64_t cpu_ns = process_cpu_ns();
        uint64_t switches = switches_of_others();
        nanosleep(&watch, NULL);
        switches = switches_of_others() - switches;
        cpu_ns = process_cpu_ns() - cpu_ns;
        double elapsed_ns = (double)(koken_now() - start_ns);
        bench_report(run, "idle-wakeups", (double)switches / elapsed_ns * 1e9, "wakeups/s");
        bench_report(run, "idle-cpu", (double)cpu_ns / elapsed_ns * 100, "%");
    }
    return bench_end(run, rt, rc);
}
