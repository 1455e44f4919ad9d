/* SPDX-License-Identifier: Apache-2.0 */
/* One item of `koken bench foreach` and of its rival: some 100 ns of arithmetic that cannot be left out. C and C++. */
#ifndef BENCH_FOREACH_H
#define BENCH_FOREACH_H

#include <stdint.h>

enum { FOREACH_ITEMS = 1000000, FOREACH_STEPS = 72 };

static inline uint64_t foreach_item(uint64_t index)
{
    uint64_t x = index | 1;
    for (int i = 0; i < FOREACH_STEPS; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
    return x;
}

#endif
