/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [BA1]: who finds the arena of a node sees it made. Two threads come to each of many nodes at once
 * and write through what they are given; weakened at either end, one can enter an arena whose hooks
 * are not written yet, on weakly ordered processors.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"

#include <string.h>

enum { NODES = 16, SIZE = 500 };

static kn_atomic(uint32_t) gate;

static void allocate(void *arg)
{
    (void)arg;
    while (kn_load(&gate, relaxed) ==
           0) { /* relaxed: it must bring nothing with it; main opens it */
        kn_pause();
    }
    for (int node = 0; node < NODES; ++node) {
        void *p = kn_alloc(SIZE, 64, node);
        KOKEN_CHECK(p != NULL);
        memset(p, node, SIZE);
        kn_free(p, SIZE, 64);
    }
}

int main(void)
{
    struct kn_thread threads[2] = {{0}};
    kn_alloc_nodes(NODES);
    for (int i = 0; i < 2; ++i) {
        if (kn_thread_start(&threads[i], "allocate", allocate, NULL) != 0) {
            return 1;
        }
    }
    kn_store(&gate, 1, relaxed);
    for (int i = 0; i < 2; ++i) {
        kn_thread_join(&threads[i]);
    }
    return 0;
}
