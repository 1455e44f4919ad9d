/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AF2]: a fiber that finds its descriptor ready sees the poller's result. Two fibers pass a byte to and fro
 * through pipes. Weakened at either end, the result is a data race (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <fcntl.h>
#include <unistd.h>

enum { ROUNDS = 500 };

struct agent {
    char unused;
};

struct ends {
    int from, to;
    bool begins;
};

static kn_atomic(uint32_t) done;

static int body(koken_ctx *ctx, struct agent *self, const void *arg)
{
    const struct ends *ends = arg;
    char byte = 'x';
    (void)self;
    for (int i = 0; i < ROUNDS; i++) {
        KOKEN_CHECK(!(ends->begins && i == 0) || write(ends->to, &byte, 1) == 1);
        KOKEN_CHECK(koken_io_wait(ctx, ends->from, KOKEN_IO_READ, KOKEN_S(60)) == KOKEN_IO_READ);
        KOKEN_CHECK(read(ends->from, &byte, 1) == 1);
        KOKEN_CHECK((ends->begins && i == ROUNDS - 1) || write(ends->to, &byte, 1) == 1);
    }
    (void)kn_add(&done, 1, relaxed);
    return 0;
}

KOKEN_FIBER(agent, struct agent, body);

int main(void)
{
    struct koken *rt;
    int there[2], back[2];
    struct koken_options o = {.workers = 2, .exact_workers = true};
    if (pipe2(there, O_NONBLOCK) != 0 || pipe2(back, O_NONBLOCK) != 0 ||
        koken_start(&o, &rt) != 0) {
        return 1;
    }
    struct ends left = {back[0], there[1], true}, right = {there[0], back[1], false};
    KOKEN_CHECK(!koken_is_nobody(koken_spawn(rt, agent, .arg = &left, .arg_size = sizeof left)));
    KOKEN_CHECK(!koken_is_nobody(koken_spawn(rt, agent, .arg = &right, .arg_size = sizeof right)));
    while (kn_load(&done, relaxed) < 2) { /* ends: the byte has come and gone */
        kn_thread_yield();
    }
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
