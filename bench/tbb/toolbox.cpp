/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `koken bench toolbox-*` on oneTBB: tbb-toolbox [RUNS] prints the median ns of each, on one thread (-2t: two), as lines NAME tbb VALUE
 * UNIT for `koken bench --peers FILE`. The first run is not counted. Its priority queue is strict.
 */
#include <oneapi/tbb/concurrent_hash_map.h>
#include <oneapi/tbb/concurrent_priority_queue.h>
#include <oneapi/tbb/concurrent_queue.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using namespace oneapi::tbb;

static const uint64_t ROUNDS = 2000000, KEYS = 1000, RING = 1024;
static uint64_t wrong;

template <typename F> static void measure(const char *name, const char *unit, int runs, F round)
{
    std::vector<double> times;
    for (int run = 0; run <= runs; run++) {
        auto start = std::chrono::steady_clock::now();
        for (uint64_t i = 0; i < ROUNDS; i++) {
            round(i);
        }
        std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        if (run > 0) {
            times.push_back(took.count() / ROUNDS);
        }
    }
    std::sort(times.begin(), times.end());
    std::printf("%s tbb %.2f %s\n", name, times[times.size() / 2], unit);
}

/* Two threads at it, each ROUNDS / 4 times: the time of a round, as toolbox-2t. */
template <typename F> static void measure_two(const char *name, int runs, F round)
{
    std::vector<double> times;
    for (int run = 0; run <= runs; run++) {
        std::atomic<int> here{0};
        std::thread threads[2];
        double took[2] = {0, 0};
        for (uint64_t side = 0; side < 2; side++) {
            threads[side] = std::thread([&, side] {
                here++;
                while (here < 2) {
                }
                auto start = std::chrono::steady_clock::now();
                for (uint64_t i = 0; i < ROUNDS / 4; i++) {
                    round(side, i);
                }
                std::chrono::duration<double, std::nano> ns = std::chrono::steady_clock::now() - start;
                took[side] = ns.count() / (ROUNDS / 4);
            });
        }
        threads[0].join();
        threads[1].join();
        if (run > 0) {
            times.push_back(std::max(took[0], took[1]));
        }
    }
    std::sort(times.begin(), times.end());
    std::printf("%s tbb %.2f ns/round\n", name, times[times.size() / 2]);
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? std::atoi(argv[1]) : 9;
    concurrent_queue<uint64_t> queue;
    concurrent_bounded_queue<uint64_t> bounded;
    concurrent_priority_queue<uint64_t, std::greater<uint64_t>> heap;
    concurrent_hash_map<uint64_t, uint64_t> map;
    uint64_t state = 42;
    auto draw = [&] { return state = (state * 1309 + 13849) & 65535; };
    bounded.set_capacity(RING);
    measure("toolbox-queue-unbounded", "ns/pair", runs, [&](uint64_t i) {
        uint64_t out = 0;
        queue.push(i);
        wrong += !queue.try_pop(out) || out != i;
    });
    measure("toolbox-queue", "ns/pair", runs, [&](uint64_t i) {
        uint64_t out = 0;
        wrong += !bounded.try_push(i);
        wrong += !bounded.try_pop(out) || out != i;
    });
    for (uint64_t i = 0; i < KEYS; i++) {
        heap.push(draw());
        map.insert({i * 7919 + 1, i * 7919 + 1});
    }
    measure("toolbox-relaxed", "ns/pair", runs, [&](uint64_t) {
        uint64_t out = 0;
        heap.push(draw());
        wrong += !heap.try_pop(out);
    });
    uint64_t last = 0;
    measure("toolbox-relaxed-hold", "ns/pair", runs, [&](uint64_t) {
        heap.push(last + draw());
        wrong += !heap.try_pop(last);
    });
    measure("toolbox-map", "ns/get", runs, [&](uint64_t i) {
        uint64_t key = i % KEYS * 7919 + 1;
        concurrent_hash_map<uint64_t, uint64_t>::const_accessor at;
        wrong += !map.find(at, key) || at->second != key;
    });
    measure("toolbox-map-change", "ns/pair", runs, [&](uint64_t i) {
        wrong += !map.insert({0, i});
        wrong += !map.erase(0);
    });
    measure_two("toolbox-queue-2t", runs, [&](uint64_t, uint64_t i) {
        uint64_t out = 0;
        bounded.push(i);
        bounded.pop(out);
    });
    measure_two("toolbox-relaxed-2t", runs, [&](uint64_t side, uint64_t i) {
        uint64_t out = 0;
        heap.push((i * 1309 + side) & 65535);
        if (!heap.try_pop(out)) {
            std::abort();
        }
    });
    measure_two("toolbox-map-2t", runs, [&](uint64_t, uint64_t i) {
        uint64_t key = i % KEYS * 7919 + 1;
        concurrent_hash_map<uint64_t, uint64_t>::const_accessor at;
        if (!map.find(at, key) || at->second != key) {
            std::abort();
        }
    });
    measure_two("toolbox-map-change-2t", runs, [&](uint64_t side, uint64_t i) {
        if (!map.insert({side ? 7919 + 7 : 0, i}) || !map.erase(side ? 7919 + 7 : 0)) {
            std::abort();
        }
    });
    return wrong != 0;
}
