/* SPDX-License-Identifier: Apache-2.0 */
/* `koken bench foreach` on oneTBB: tbb-foreach [THREADS [RUNS]] prints the median ns per item. The first run is not counted. */
#include "bench/foreach.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace oneapi::tbb;

int main(int argc, char **argv)
{
    int threads = argc > 1 ? std::atoi(argv[1]) : 0, runs = argc > 2 ? std::atoi(argv[2]) : 9;
    global_control limit(global_control::max_allowed_parallelism,
                         threads > 0 ? std::size_t(threads) : std::size_t(info::default_concurrency()));
    std::vector<uint64_t> results(FOREACH_ITEMS);
    std::vector<double> times;
    for (int run = 0; run <= runs; run++) {
        auto start = std::chrono::steady_clock::now();
        parallel_for(std::size_t(0), results.size(), [&](std::size_t i) { results[i] = foreach_item(i); });
        std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
        if (run > 0) {
            times.push_back(took.count() / FOREACH_ITEMS);
        }
    }
    std::sort(times.begin(), times.end());
    std::printf("tbb foreach %.1f ns/item\n", times[times.size() / 2]);
    return results[1] == 0;
}
