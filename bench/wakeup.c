/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wakeup: a thread outside sends one message per millisecond to a runtime that sleeps in between;
 * the figure is from the send to the handler. Beside it, in the same run, what the kernel takes for
 * the same thing with nothing around: one thread in a futex wait, woken by another (wakeup-futex).
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

KOKEN_MESSAGE(wake_mark, { uint64_t sent_ns; });

struct sleeper {
    struct koken_histogram *times;
};

static int on_mark(koken_ctx *ctx, struct sleeper *self, const struct wake_mark *msg)
{
    (void)ctx;
    koken_histogram_record(self->times, koken_now() - msg->sent_ns);
    return 0;
}

static int on_go(koken_ctx *ctx, struct sleeper *self, const struct bench_go *msg)
{
    (void)msg;
    (void)self;
    return koken_reply(ctx, bench_done, .value = 0, .end_ns = koken_now());
}

KOKEN_AGENT(sleeper, struct sleeper, KOKEN_ON(wake_mark, on_mark), KOKEN_ON(bench_go, on_go));

static void pause_1ms(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
}

/* A semaphore of glibc is a futex and nothing else. */
struct futex_pair {
    sem_t word;
    uint64_t *sent_ns; /* one per round: written before its post, read after its wait */
    uint64_t rounds;
    struct koken_histogram *times;
};

static void *wait_in_futex(void *arg)
{
    struct futex_pair *pair = arg;
    for (uint64_t i = 0; i < pair->rounds; i++) {
        while (sem_wait(&pair->word) != 0) {
            continue; /* interrupted by a signal; ends at the post */
        }
        koken_histogram_record(pair->times, koken_now() - pair->sent_ns[i]);
    }
    return NULL;
}

static int measure_futex(struct koken_histogram *times, uint64_t rounds)
{
    struct futex_pair pair = {.rounds = rounds, .times = times};
    pthread_t thread;
    pair.sent_ns = calloc(rounds, sizeof *pair.sent_ns);
    if (pair.sent_ns == NULL) {
        return -ENOMEM;
    }
    sem_init(&pair.word, /* pshared= */ 0, 0);
    int rc = -pthread_create(&thread, NULL, wait_in_futex, &pair);
    for (uint64_t i = 0; rc == 0 && i < rounds; i++) {
        pause_1ms();
        pair.sent_ns[i] = koken_now();
        sem_post(&pair.word);
    }
    if (rc == 0) {
        pthread_join(thread, NULL);
    }
    sem_destroy(&pair.word);
    free(pair.sent_ns);
    return rc;
}

static int measure_runtime(struct bench_run *run, struct koken_histogram *times, uint64_t rounds)
{
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct sleeper state = {times};
    struct bench_done done;
    koken_ref to = koken_spawn(rt, sleeper, .arg = &state);
    for (uint64_t i = 0; rc == 0 && i < rounds; i++) {
        pause_1ms();
        rc = bench_error(run, "send", koken_signal(to, wake_mark, .sent_ns = koken_now()));
    }
    if (rc == 0) {
        rc = bench_ask(run, rt, to, 0, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "messages", rounds, koken_histogram_count(times));
    }
    return bench_end(run, rt, rc);
}

int bench_wakeup(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_histogram *times = calloc(2, sizeof *times);
    if (times == NULL) {
        return bench_error(run, "histograms", -ENOMEM);
    }
    uint64_t rounds = bench_size(run, 1000);
    int rc = measure_runtime(run, &times[0], rounds);
    if (rc == 0) {
        rc = bench_error(run, "thread", measure_futex(&times[1], rounds));
    }
    if (rc == 0) {
        bench_report_latency(run, "wakeup", &times[0]);
        bench_report_latency(run, "wakeup-futex", &times[1]);
    }
    free(times);
    return rc;
}
