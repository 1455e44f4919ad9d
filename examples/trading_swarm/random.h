/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chance that can be repeated. Every use has a stream of its own, named by what it is for (seed,
 * symbol, bar,
 * ...), so that no draw depends on which agent happened to draw first.
 */
#ifndef SWARM_RANDOM_H
#define SWARM_RANDOM_H

#include <stdint.h>

/* random_next draws 64 bits and moves the stream on (splitmix64). */
static inline uint64_t random_next(uint64_t *stream)
{
    uint64_t z = *stream += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* random_stream names the stream of one purpose within a larger stream. */
static inline uint64_t random_stream(uint64_t within, uint64_t purpose)
{
    uint64_t stream = within ^ (purpose * 0xd6e8feb86659fd93u);

    return random_next(&stream);
}

/* random_below draws a number in [0, bound), bound > 0; its bias is below bound / 2^32. */
static inline uint32_t random_below(uint64_t *stream, uint32_t bound)
{
    return (uint32_t)(((random_next(stream) >> 32) * bound) >> 32);
}

#endif
