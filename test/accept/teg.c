/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task effect graphs of 100 000 nodes: what comes out is what one thread computes, node after node. Seeds 1 to
 * KOKEN_TEG_SEEDS (default 2, for the daily tests; 200 by hand), each with other lanes, stealing and ordering.
 */
#include "test/support/teg.h"

#include <stdlib.h>

enum { NODES = 100000, EVERYTHING = 0xffffff };

static uint64_t seed_count(void)
{
    const char *text = getenv("KOKEN_TEG_SEEDS");
    return text ? strtoull(text, NULL, 10) : 2;
}

/* A node's argument and the nodes it depends on, from the seed: here and in the graph the same. */
struct draw {
    int number;
    uint32_t from[3], count;
};

static struct draw draw_node(uint64_t *rng, uint32_t index)
{
    struct draw draw = {.number = (int)(kn_random(rng) & EVERYTHING)};
    uint64_t wanted = index > 0 ? kn_random(rng) % 4 : 0, shape = kn_random(rng) % 4;
    uint32_t reach = shape == 0 || index < 100 ? index : 100;
    for (uint64_t i = 0; i < wanted; i++) {
        draw.from[draw.count++] = index - 1 - (uint32_t)(kn_random(rng) % reach);
    }
    return draw;
}

/* The graph, and in numbers what each node must answer. */
static struct koken_teg *make(uint64_t seed, int64_t *numbers)
{
    struct koken_teg *teg = koken_teg_new();
    uint64_t rng = kn_random_seed(seed);
    for (uint32_t i = 0; i < NODES; i++) {
        struct draw draw = draw_node(&rng, i);
        koken_teg_node node = node_of(teg, NULL, add_up, draw.number);
        numbers[i] = draw.number;
        for (uint32_t k = 0; k < draw.count; k++) {
            koken_teg_link(teg, (koken_teg_node){draw.from[k] + 1}, node);
            numbers[i] += numbers[draw.from[k]];
        }
        numbers[i] &= 0xffffffffffff;
    }
    return teg;
}

static uint32_t differences(const struct koken_teg_run *run, const int64_t *numbers)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        koken_teg_node node = {i + 1};
        count += koken_teg_state(run, node) != KOKEN_TEG_COMPLETED ||
                 koken_teg_value(run, node).number != numbers[i];
    }
    return count;
}

Test(teg, large_random_graphs_equal_the_sequential_result, .timeout = 600)
{
    static int64_t numbers[NODES];
    uint64_t seeds = seed_count(), steals = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct koken_teg_config config = {.worker_count = 1 + (uint32_t)(seed * 7 % 8),
                                          .load_balance_threshold = 1 + (uint32_t)(seed % 5),
                                          .adaptive_scheduling = seed % 2 == 0};
        struct stage stage = stage_with(1 + (unsigned)(seed % 4), &config);
        struct koken_teg *teg = make(seed, numbers);
        struct koken_teg_run *run = run_of(stage, teg);
        struct koken_teg_metrics m;
        cr_assert_eq(koken_teg_status(run), 0);
        cr_assert_eq(differences(run, numbers), 0, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(koken_teg_metrics(run, &m), 0);
        cr_assert_eq(m.completed, NODES);
        steals += m.total_work_stealing_events;
        leave(stage, teg, run);
    }
    cr_assert(seeds < 10 || steals > 0);
}
