/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AF1]: a fiber that finds its blocking call done sees its value. Weakened at either end, value and
 * whatever the call wrote are data races (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

enum { ROUNDS = 1000 };

struct agent {
    char unused;
};

static kn_atomic(uint32_t) done;

static int work(void *arg)
{
    uint64_t *value = arg; /* plain, on the fiber's stack */
    *value += 7;
    return 7;
}

static int body(koken_ctx *ctx, struct agent *self, const void *arg)
{
    uint64_t value = 0;
    (void)self, (void)arg;
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        int answer = 0;
        KOKEN_CHECK(koken_blocking(ctx, work, &value, &answer) == 0);
        KOKEN_CHECK(answer == 7);
        KOKEN_CHECK(value == 7 * i);
    }
    (void)kn_add(&done, 1, relaxed);
    return 0;
}

KOKEN_FIBER(agent, struct agent, body);

int main(void)
{
    struct koken *rt;
    struct koken_options o = {.workers = 2, .exact_workers = true};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        KOKEN_CHECK(!koken_is_nobody(koken_spawn(rt, agent)));
    }
    KOKEN_CHECK(koken_drain(rt, KOKEN_S(60)) == 0);
    KOKEN_CHECK(kn_load(&done, relaxed) == 2);
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
