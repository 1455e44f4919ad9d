/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [NP2]: who finds a chunk of the table sees its entries empty. One thread makes the chunk with its
 * first wait while another cancels and closes there, which looks at the entry without the lock of
 * the table. Weakened, it may find what the memory held before, on weakly ordered processors.
 */
#include "sched/netpoll.h"

#include "base/assert.h"

#include <stddef.h>
#include <unistd.h>

enum { ROUNDS = 300 };

static struct kn_netpoll netpoll;
static int ends[2];
static kn_atomic(uint32_t) is_over;

static void on_done(struct kn_worker *worker, struct kn_io *io)
{
    (void)worker;
    KOKEN_CHECK(io->result == -EBADF || io->result == -ESHUTDOWN);
}

static void meddle(void *arg)
{
    struct kn_io stranger = {.fd = ends[1]};

    (void)arg;
    while (!kn_load(&is_over, relaxed)) { /* relaxed: it brings nothing; main ends it */
        KOKEN_CHECK(!kn_netpoll_cancel(&netpoll, &stranger));
        kn_netpoll_close(&netpoll, NULL, ends[1]);
    }
}

int main(void)
{
    struct kn_io io = {.done = on_done, .events = KN_IO_READ};

    KOKEN_CHECK(pipe(ends) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct kn_thread thread = {0};

        kn_netpoll_init(&netpoll);
        kn_store(&is_over, 0, relaxed);
        if (kn_thread_start(&thread, "meddle", meddle, NULL) != 0) {
            return 1;
        }
        io.fd = ends[0];
        KOKEN_CHECK(kn_netpoll_wait(&netpoll, NULL, &io) == 0);
        kn_store(&is_over, 1, relaxed);
        kn_thread_join(&thread);
        kn_netpoll_shutdown(&netpoll, NULL);
        kn_netpoll_fini(&netpoll);
    }
    return 0;
}
