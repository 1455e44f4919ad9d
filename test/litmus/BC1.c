/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [BC1]: who reads the version of a clock sees the line that it names. One line is laid while
 * another thread looks: it finds no line, or all of it. Weakened to relaxed at either end, a reader
 * can find the version and an empty line: seen by an exhaustive search under RC11, and on weakly
 * ordered processors.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/world.h"

enum { ROUNDS = 3000 };

static struct kn_clock clocks[ROUNDS];

static void look(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; ++i) {
        uint64_t now;
        while (!kn_clock_read(&clocks[i], 2000100, &now)) { /* ends when the line is laid */
            KOKEN_CHECK(now == 0);
            kn_pause();
        }
        KOKEN_CHECK(now == 6000300);
    }
}

int main(void)
{
    struct kn_thread reader = {0};
    if (kn_thread_start(&reader, "reader", look, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; ++i) {
        kn_clock_begin(&clocks[i], (struct kn_clock_sample){1000000, 3000000},
                       (struct kn_clock_sample){2000000, 6000000});
    }
    kn_thread_join(&reader);
    return 0;
}
