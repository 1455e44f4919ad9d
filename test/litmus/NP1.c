/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [NP1]: who finds the netpoller open sees its descriptors and its table. Two threads wait for
 * their first fd at once, so one opens it under the lock and the other may find it open without.
 * Weakened, that one may use a table that it does not see yet, on weakly ordered processors.
 */
#include "sched/netpoll.h"

#include "base/assert.h"

#include <stddef.h>
#include <unistd.h>

enum { ROUNDS = 300 };

static struct kn_netpoll netpoll;
static int ends[2][2];
static kn_atomic(uint32_t) gate;

static void on_done(struct kn_worker *worker, struct kn_io *io)
{
    (void)worker;
    KOKEN_CHECK(io->result == -ESHUTDOWN);
}

static void wait_for(void *arg)
{
    struct kn_io *io = arg;

    while (kn_load(&gate, relaxed) == 0) { /* relaxed: it must bring nothing; main opens it */
        kn_pause();
    }
    KOKEN_CHECK(kn_netpoll_wait(&netpoll, NULL, io) == 0);
}

int main(void)
{
    KOKEN_CHECK(pipe(ends[0]) == 0);
    KOKEN_CHECK(pipe(ends[1]) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct kn_thread threads[2] = {{0}};
        struct kn_io ios[2];

        kn_netpoll_init(&netpoll);
        kn_store(&gate, 0, relaxed);
        for (int i = 0; i < 2; i++) {
            ios[i] = (struct kn_io){.done = on_done, .fd = ends[i][0], .events = KN_IO_READ};
            if (kn_thread_start(&threads[i], "wait", wait_for, &ios[i]) != 0) {
                return 1;
            }
        }
        kn_store(&gate, 1, relaxed);
        for (int i = 0; i < 2; i++) {
            kn_thread_join(&threads[i]);
        }
        kn_netpoll_shutdown(&netpoll, NULL);
        kn_netpoll_fini(&netpoll);
    }
    return 0;
}
