/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SI2]: who claims a resting worker sees it as it was left. Weakened, what is plain in it may
 * be seen as it was before by a claimer that comes between bit and count, else [SI1] publishes
 * it too.
 */
#include "sched/idle.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 20000 };

static struct kn_idle idle;
static unsigned left_here; /* plain: of the worker */
static kn_atomic(uint32_t) is_back;

static void claim(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS;) {
        if (kn_idle_claim(&idle, 0, true) == 0) {
            KOKEN_CHECK(left_here == ++i);
            kn_store(&is_back, 1, release);
        } else {
            kn_thread_yield();
        }
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    kn_idle_init(&idle, 1);
    if (kn_thread_start(&thread, "claim", claim, NULL) != 0) {
        return 1;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        left_here = i + 1;
        (void)kn_idle_rest(&idle, 0, i > 0);
        while (kn_load(&is_back, acquire) == 0) { /* ended by the claimer */
            kn_thread_yield();
        }
        kn_store(&is_back, 0, relaxed);
    }
    kn_thread_join(&thread);
    return 0;
}
