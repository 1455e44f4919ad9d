/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [NP3]: who was woken out of the netpoller sees what the waker did before, also when the waker
 * found a wake on its way already and wrote nothing. Weakened, the sleeper may miss the last work
 * and sleep on: the program would not end.
 */
#include "sched/netpoll.h"

#include "base/assert.h"

#include <stddef.h>
#include <unistd.h>

enum { ROUNDS = 20000 };

static struct kn_netpoll netpoll;
static kn_atomic(uint32_t) work;

static void on_done(struct kn_worker *worker, struct kn_io *io)
{
    (void)worker;
    (void)io;
}

static void produce(void *arg)
{
    (void)arg;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        kn_store(&work, i, relaxed); /* relaxed: the wake publishes it */
        kn_netpoll_wake(&netpoll);
    }
}

int main(void)
{
    struct kn_io io = {.done = on_done, .events = KN_IO_READ};
    struct kn_thread thread = {0};
    struct kn_io *ready;
    int ends[2];

    KOKEN_CHECK(pipe(ends) == 0);
    kn_netpoll_init(&netpoll);
    io.fd = ends[0];
    KOKEN_CHECK(kn_netpoll_wait(&netpoll, NULL, &io) == 0);
    KOKEN_CHECK(kn_netpoll_enter(&netpoll));
    if (kn_thread_start(&thread, "produce", produce, NULL) != 0) {
        return 1;
    }
    while (kn_load(&work, relaxed) < ROUNDS) { /* ended by the last wake */
        KOKEN_CHECK(kn_netpoll_sleep(&netpoll, KN_NEVER, &ready) == 0);
    }
    kn_netpoll_leave(&netpoll);
    kn_thread_join(&thread);
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_fini(&netpoll);
    return 0;
}
