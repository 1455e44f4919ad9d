/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fiber that waits for a descriptor: actors/io.c as it stands, over a poller of one wait. The wait lies on the fiber's
 * stack: the poller's last look at it is before the fiber goes on, however it came to know, and the result is there.
 */
#include "test/model/lib/model.h"

#include "actors/io.c"

static struct koken rt;
static struct kn_agent agent;
static struct kn_cold cold;
static struct kn_fiber_agent fiber;
static struct kn_io *given; /* under poller_lock: the wait, until somebody takes it out */
static kn_atomic(uint32_t) is_given;
static pthread_mutex_t poller_lock;
static void *left; /* where the wait was */

/* ---- what is left out: fibers, and the poller, which keeps one wait ------------------------------------- */

kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

void kn_agent_nudge(struct kn_local *local, struct kn_agent *a)
{
    (void)local, (void)a;
}

struct kn_netpoll *kn_sched_netpoll(struct kn_sched *sched)
{
    (void)sched;
    return NULL;
}

uint32_t kn_fiber_wait_begin(struct kn_fiber_agent *f, uint64_t timeout_ns)
{
    return f != NULL && timeout_ns > 0;
}

void kn_fiber_wait_end(struct kn_fiber_agent *f)
{
    (void)f;
}

bool kn_fiber_collect(struct kn_fiber_agent *f)
{
    return f == NULL;
}

/* Woken for some reason, or out of time. That somebody has nudged orders nothing here. */
int kn_fiber_wait(struct kn_fiber_agent *f)
{
    (void)f;
    if (kn_model_choose(2) == 1) {
        return -ETIMEDOUT;
    }
    kn_thread_yield();
    return 0;
}

void kn_fiber_suspend(void)
{
    kn_thread_yield();
}

int kn_netpoll_wait(struct kn_netpoll *netpoll, struct kn_worker *worker, struct kn_io *keep_io)
{
    (void)netpoll, (void)worker;
    left = keep_io;
    pthread_mutex_lock(&poller_lock);
    given = keep_io;
    pthread_mutex_unlock(&poller_lock);
    kn_store(&is_given, 1, relaxed);
    return 0;
}

bool kn_netpoll_cancel(struct kn_netpoll *netpoll, struct kn_io *io)
{
    (void)netpoll;
    pthread_mutex_lock(&poller_lock);
    bool is_mine = given == io;
    given = NULL;
    pthread_mutex_unlock(&poller_lock);
    return is_mine;
}

/* ---- scenarios ------------------------------------------------------------------------------------------ */

static void start(void)
{
    kn_atomic_init(&agent.id, 7);
    fiber.ctx.rt = &rt;
    fiber.ctx.self = &agent;
    fiber.agent = &agent;
    agent.cold = &cold;
    cold.fiber = &fiber;
    given = NULL;
    kn_atomic_init(&is_given, 0);
    pthread_mutex_init(&poller_lock, NULL);
}

static void wait_for_it(void)
{
    int rc = koken_io_wait(&fiber.ctx, 3, KOKEN_IO_READ, 7);
    KOKEN_CHECK(rc == KOKEN_IO_READ || rc == -ETIMEDOUT);
    kn_model_plain(left, sizeof(struct io_wait),
                   true); /* the fiber's stack is used for other things */
}

/* The event: takes the wait out under the lock, then delivers it without. */
static void poll_it(void)
{
    while (!kn_load(&is_given, relaxed)) { /* ends: the fiber waits */
        kn_thread_yield();
    }
    pthread_mutex_lock(&poller_lock);
    struct kn_io *io = given;
    given = NULL;
    pthread_mutex_unlock(&poller_lock);
    if (io) {
        io->result = KN_IO_READ;
        io->done(NULL, io);
    }
}

static const struct kn_scenario scenarios[] = {
    {"ready, or out of time", start, {wait_for_it, poll_it}, NULL},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
