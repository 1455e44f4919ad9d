/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmarks, in the order in which they are shown. */
#include "bench/registry.h"

const struct bench bench_table[] = {
    {"pingpong", "two agents, one ball", bench_pingpong, 0, BENCH_ALONE},
    {"counting", "one producer floods one counter", bench_counting, 0, BENCH_ALONE},
    {"fanin-2", "2 producers flood one agent", bench_fanin, 2, 0},
    {"fanin-4", "4 producers flood one agent", bench_fanin, 4, 0},
    {"fanin-8", "8 producers flood one agent", bench_fanin, 8, BENCH_ALONE},
    {"fanin-64", "64 producers flood one agent", bench_fanin, 64, 0},
    {"threadring", "a token round a ring of 503 agents", bench_threadring, 0, BENCH_ALONE},
    {"spawn", "a million agents: spawn, one message, exit", bench_spawn, 0, BENCH_ALONE},
    {"idle", "a million agents alive: time and memory", bench_idle, 0, BENCH_COLD},
    {"idle-cpu", "wake-ups and CPU of 10 000 idle agents", bench_idle_cpu, 0, 0},
    {"scale", "cost of a message beside 10^2 .. 10^6 agents", bench_scale, 0, BENCH_COLD},
    {"skynet", "tree of a million leaves", bench_skynet, 0, BENCH_ALONE},
    {"fib", "fib(30), one agent per call", bench_fib, 0, BENCH_ALONE},
    {"nqueens", "12 queens, agents down to row 4", bench_nqueens, 0, 0},
    {"chameneos", "100 creatures meet in a mall", bench_chameneos, 0, BENCH_ALONE},
    {"big", "120 agents, everybody to anybody", bench_big, 0, BENCH_ALONE},
    {"banking", "transfers with stash and become", bench_banking, 0, 0},
    {"concdict", "20 clients of a dictionary", bench_concdict, 0, 0},
    {"bndbuf", "40 producers, 40 consumers, a buffer of 50", bench_bndbuf, 0, 0},
    {"wavefront", "a grid of 500 x 500 agents, 4 times", bench_wavefront, 0, 0},
    {"latency", "one way at 100 000 messages/s", bench_latency, 100000, 0},
    {"latency-1m", "one way at 1 000 000 messages/s", bench_latency, 1000000, 0},
    {"latency-ext", "from a spinning thread outside, 100 000/s", bench_latency_ext, 0, 0},
    {"wakeup", "from outside into a sleeping runtime", bench_wakeup, 0, 0},
    {"signal", "cost of a send alone, envelope included", bench_signal, 0, 0},
    {"await", "round trip of a fiber's await", bench_await, 0, BENCH_ALONE},
    {"await-ext", "round trip of an await from outside", bench_await_ext, 0, 0},
    {"fiber", "switch between two yielding fibers", bench_fiber, 0, 0},
    {"timer", "arm and cancel; how late timers are", bench_timer, 0, 0},
    {"philosophers", "20 philosophers and an arbitrator", bench_philosophers, 0, 0},
    {"barber", "the sleeping barber, 5000 haircuts", bench_barber, 0, 0},
    {"radixsort", "100 000 numbers through 60 agents", bench_radixsort, 0, 0},
    {"filterbank", "signal processing pipeline, 8 channels", bench_filterbank, 0, 0},
    {"matmul", "recursive 1024 x 1024 multiplication", bench_matmul, 0, 0},
    {"uct", "unbalanced tree of 172 751 agents", bench_uct, 0, 0},
};

const unsigned bench_count = (unsigned)(sizeof bench_table / sizeof bench_table[0]);
