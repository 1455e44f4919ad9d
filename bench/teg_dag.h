/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graphs that koken and oneTBB are compared by: the same numbers from the same generator. C and C++.
 *
 * Nodes are 0 .. nodes - 1. A graph of degree 0 has no links; otherwise each node but the first has 0 to
 * 2 * degree links, mostly to one of the 64 nodes before it, seldom to any before it.
 */
#ifndef BENCH_TEG_DAG_H
#define BENCH_TEG_DAG_H

#include <stdint.h>

static inline uint64_t bench_dag_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Calls link(arg, from, to) for each link. */
static inline void bench_dag(uint32_t nodes, uint32_t degree, uint64_t seed,
                             void (*link)(void *arg, uint32_t from, uint32_t to), void *arg)
{
    uint64_t rng = seed;
    for (uint32_t to = 1; to < nodes && degree > 0; to++) {
        for (uint64_t links = bench_dag_random(&rng) % (2 * degree + 1); links > 0; links--) {
            uint64_t reach = bench_dag_random(&rng) % 8 > 0 && to > 64 ? 64 : to;
            link(arg, to - 1 - (uint32_t)(bench_dag_random(&rng) % reach), to);
        }
    }
}

#endif
