/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graphs of `koken bench teg-*` on oneTBB's flow graph: one continue_node per node, one edge per link, built
 * before the clock starts; every source is put a message, then wait_for_all. The first run is not counted.
 *
 *   tbb-teg NODES DEGREE MICROSECONDS [THREADS [RUNS]]     prints the median ns per node
 */
#include "bench/teg_dag.h"

#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

using namespace oneapi::tbb;
using node = flow::continue_node<flow::continue_msg>;

static uint64_t now_ns()
{
    return uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::steady_clock::now().time_since_epoch())
                        .count());
}

struct graph {
    flow::graph flow;
    std::vector<std::unique_ptr<node>> nodes;
    std::vector<uint32_t> inputs;
    std::vector<int64_t> results; /* as an effect's answer, one place per node */
};

int main(int argc, char **argv)
{
    if (argc < 4) {
        std::fprintf(stderr, "usage: tbb-teg NODES DEGREE MICROSECONDS [THREADS [RUNS]]\n");
        return 2;
    }
    uint32_t count = uint32_t(std::atoi(argv[1])), degree = uint32_t(std::atoi(argv[2]));
    uint64_t spin_ns = uint64_t(std::atoi(argv[3])) * 1000;
    int threads = argc > 4 ? std::atoi(argv[4]) : 0, runs = argc > 5 ? std::atoi(argv[5]) : 10;
    std::unique_ptr<global_control> control;
    if (threads > 0) {
        control.reset(new global_control(global_control::max_allowed_parallelism, size_t(threads)));
    }
    graph g;
    g.inputs.resize(count);
    g.results.resize(count);
    for (uint32_t i = 0; i < count; i++) {
        g.nodes.emplace_back(new node(g.flow, [&g, i, spin_ns](const flow::continue_msg &) {
            if (spin_ns > 0) {
                uint64_t end = now_ns() + spin_ns;
                while (now_ns() < end) {
                }
            }
            g.results[i] = 1;
        }));
    }
    bench_dag(
        count, degree, 1,
        [](void *arg, uint32_t from, uint32_t to) {
            graph *to_graph = static_cast<graph *>(arg);
            flow::make_edge(*to_graph->nodes[from], *to_graph->nodes[to]);
            to_graph->inputs[to]++;
        },
        &g);
    std::vector<double> times;
    for (int run = 0; run <= runs; run++) {
        uint64_t start = now_ns();
        for (uint32_t i = 0; i < count; i++) {
            if (g.inputs[i] == 0) {
                g.nodes[i]->try_put(flow::continue_msg());
            }
        }
        g.flow.wait_for_all();
        if (run > 0) {
            times.push_back(double(now_ns() - start) / count);
        }
    }
    std::sort(times.begin(), times.end());
    std::printf("%.1f ns/node (%.1f .. %.1f)\n", times[times.size() / 2], times.front(), times.back());
    return 0;
}
