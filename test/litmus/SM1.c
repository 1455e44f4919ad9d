/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SM1]: who takes the token sees what its giver did. Weakened, the plain counter is a data race
 * (ThreadSanitizer).
 */
#include "sched/machine.h"

#include "base/assert.h"

#include <stddef.h>

enum { ROUNDS = 10000 };

static struct kn_machine to, fro;
static unsigned counter; /* plain */

static void answer(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        KOKEN_CHECK(kn_machine_sleep(&to, KN_NEVER) == 0);
        counter++;
        kn_machine_wake(&fro);
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    if (kn_thread_start(&thread, "answer", answer, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        counter++;
        kn_machine_wake(&to);
        KOKEN_CHECK(kn_machine_sleep(&fro, KN_NEVER) == 0);
    }
    kn_thread_join(&thread);
    KOKEN_CHECK(counter == 2 * ROUNDS);
    return 0;
}
