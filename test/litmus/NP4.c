/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [NP4]: sleepers of the netpoller come one after the other, each sees what the last one did.
 * Weakened at either end, turns may be lost on weakly ordered processors (and ThreadSanitizer
 * reports the race).
 */
#include "sched/netpoll.h"

#include "base/assert.h"

#include <stddef.h>
#include <unistd.h>

enum { THREADS = 2, TURNS = 20000 };

static struct kn_netpoll netpoll;
static unsigned turns; /* of whoever is inside */

static void on_done(struct kn_worker *worker, struct kn_io *io)
{
    (void)worker;
    (void)io;
}

static void take_turns(void *arg)
{
    (void)arg;
    for (unsigned taken = 0; taken < TURNS;) {
        if (kn_netpoll_enter(&netpoll)) {
            turns++;
            taken++;
            kn_netpoll_leave(&netpoll);
        } else {
            kn_thread_yield();
        }
    }
}

int main(void)
{
    struct kn_io io = {.done = on_done, .events = KN_IO_READ};
    struct kn_thread threads[THREADS] = {{0}};
    int ends[2];

    KOKEN_CHECK(pipe(ends) == 0);
    kn_netpoll_init(&netpoll);
    io.fd = ends[0];
    KOKEN_CHECK(kn_netpoll_wait(&netpoll, NULL, &io) == 0);
    for (int i = 0; i < THREADS; i++) {
        if (kn_thread_start(&threads[i], "turns", take_turns, NULL) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    KOKEN_CHECK(turns == THREADS * TURNS);
    kn_netpoll_shutdown(&netpoll, NULL);
    kn_netpoll_fini(&netpoll);
    return 0;
}
