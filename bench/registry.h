/* SPDX-License-Identifier: Apache-2.0 */
/* One function per benchmark, each in the file of its name. */
#ifndef BENCH_REGISTRY_H
#define BENCH_REGISTRY_H

#include "bench/bench.h"

int bench_pingpong(struct bench_run *run, unsigned arg);
int bench_counting(struct bench_run *run, unsigned arg);
int bench_fanin(struct bench_run *run, unsigned arg);
int bench_threadring(struct bench_run *run, unsigned arg);
int bench_spawn(struct bench_run *run, unsigned arg);
int bench_idle(struct bench_run *run, unsigned arg);
int bench_idle_cpu(struct bench_run *run, unsigned arg);
int bench_scale(struct bench_run *run, unsigned arg);
int bench_skynet(struct bench_run *run, unsigned arg);
int bench_fib(struct bench_run *run, unsigned arg);
int bench_nqueens(struct bench_run *run, unsigned arg);
int bench_chameneos(struct bench_run *run, unsigned arg);
int bench_big(struct bench_run *run, unsigned arg);
int bench_banking(struct bench_run *run, unsigned arg);
int bench_concdict(struct bench_run *run, unsigned arg);
int bench_bndbuf(struct bench_run *run, unsigned arg);
int bench_bndbuf_agents(struct bench_run *run, unsigned arg);
int bench_mpmc(struct bench_run *run, unsigned pairs);
int bench_channel(struct bench_run *run, unsigned arg);
int bench_wavefront(struct bench_run *run, unsigned arg);
int bench_latency(struct bench_run *run, unsigned arg);
int bench_latency_ext(struct bench_run *run, unsigned arg);
int bench_wakeup(struct bench_run *run, unsigned arg);
int bench_signal(struct bench_run *run, unsigned arg);
int bench_cross(struct bench_run *run, unsigned arg);
int bench_await(struct bench_run *run, unsigned arg);
int bench_await_ext(struct bench_run *run, unsigned arg);
int bench_request(struct bench_run *run, unsigned arg);
int bench_fiber(struct bench_run *run, unsigned arg);
int bench_timer(struct bench_run *run, unsigned arg);
int bench_future_chain(struct bench_run *run, unsigned arg);
int bench_async(struct bench_run *run, unsigned arg);
int bench_engine(struct bench_run *run, unsigned arg);
int bench_pipeline(struct bench_run *run, unsigned arg);
int bench_foreach(struct bench_run *run, unsigned arg);
int bench_philosophers(struct bench_run *run, unsigned arg);
int bench_barber(struct bench_run *run, unsigned arg);
int bench_radixsort(struct bench_run *run, unsigned arg);
int bench_filterbank(struct bench_run *run, unsigned arg);
int bench_matmul(struct bench_run *run, unsigned arg);
int bench_uct(struct bench_run *run, unsigned arg);
int bench_machine(struct bench_run *run, unsigned arg);
int bench_machine_load(struct bench_run *run, unsigned arg);
int bench_machine_ledger(struct bench_run *run, unsigned arg);
int bench_machine_tasks(struct bench_run *run, unsigned arg);
int bench_machine_slice(struct bench_run *run, unsigned arg);
int bench_teg(struct bench_run *run, unsigned arg);
int bench_teg_even(struct bench_run *run, unsigned arg);
int bench_teg_cached(struct bench_run *run, unsigned arg);
int bench_teg_cancel(struct bench_run *run, unsigned arg);
int bench_teg_json(struct bench_run *run, unsigned arg);
int bench_teg_skew(struct bench_run *run, unsigned arg);
int bench_quorum(struct bench_run *run, unsigned arg);
int bench_lease(struct bench_run *run, unsigned arg);
int bench_lease_guard(struct bench_run *run, unsigned arg);
int bench_shard(struct bench_run *run, unsigned arg);
int bench_gossip(struct bench_run *run, unsigned arg);
int bench_toolbox_deque(struct bench_run *run, unsigned arg);
int bench_toolbox_queue(struct bench_run *run, unsigned arg);
int bench_toolbox_handover(struct bench_run *run, unsigned arg);
int bench_toolbox_epoch(struct bench_run *run, unsigned arg);
int bench_toolbox_stack(struct bench_run *run, unsigned arg);
int bench_toolbox_priority(struct bench_run *run, unsigned arg);
int bench_toolbox_map(struct bench_run *run, unsigned arg);
int bench_toolbox_urcu(struct bench_run *run, unsigned arg);
int bench_toolbox_two(struct bench_run *run, unsigned arg);

#endif
