/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: the register machine on one core, without agents, and behind executors.
 *
 *   machine-loop   add, less, match and a label, 10^7 times: instructions per second
 *   machine-move   a loop of 64 moves
 *   machine-load   decode and check a program of 100 instructions: ns per program
 *   machine-alone  a program that makes a resource and uses it, run by a machine: ns per run
 *   machine-ledger the same by a machine with a ledger, of 10^6 entries: the difference is what one use costs
 *   machine-tasks  the same program as a task of an executor, from a thread, 256 under way: tasks/s
 *   machine-pool   the same on a pool of four executors, which share a ledger
 *   machine-slice  a program that does not end for long, in slices: ns per slice
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <koken/executor.h>
#include <koken/machine.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_ROOM = 4000, MOVES = 64, LOAD_MOVES = 98 };

static void write_loop(char *text, unsigned moves, uint64_t rounds)
{
    size_t len = (size_t)snprintf(text, TEXT_ROOM,
                                  "const r0, !0\nconst r1, !%llu\nconst r2, !1\nconst r8, 7\n"
                                  "again:\n",
                                  (unsigned long long)rounds);
    for (unsigned i = 0; i < moves; i++) {
        len += (size_t)snprintf(text + len, TEXT_ROOM - len, "move r%u, r%u\n", 8 + i % 8,
                                8 + (i + 1) % 8);
    }
    (void)snprintf(text + len, TEXT_ROOM - len,
                   "add r0, r2, r0 !\nless r0, r1, r3\nmatch r3, r4, r5, again, done\n"
                   "done:\nreturn r0\n");
}

int bench_machine(struct bench_run *run, unsigned arg)
{
    char text[TEXT_ROOM];
    struct koken_machine_config config = {.gas = UINT64_C(1) << 60};
    struct koken_machine_result result;
    struct koken_program *program = NULL;
    struct koken_machine *machine = NULL;
    uint64_t rounds = bench_size(run, arg == 0 ? 10000000 : 1000000), ns = 0;
    write_loop(text, arg == 0 ? 0 : (unsigned)MOVES, rounds);
    int rc = koken_program_assemble(text, strlen(text), &program, NULL);
    rc = rc < 0 ? rc : koken_machine_new(&config, &machine);
    if (rc == 0) {
        uint64_t start = koken_now();
        rc = koken_machine_run(machine, program, &result);
        ns = koken_now() - start;
    }
    rc = rc < 0 ? bench_error(run, "koken_machine_run", rc)
                : bench_check(run, "rounds", rounds, result.value.data);
    if (rc == 0) {
        bench_report(run, arg == 0 ? "machine" : "machine-move", (double)ns / (double)result.steps,
                     "ns/instruction");
    }
    koken_machine_free(machine);
    koken_program_free(program);
    return rc;
}

int bench_machine_load(struct bench_run *run, unsigned arg)
{
    char text[TEXT_ROOM];
    uint8_t bytes[TEXT_ROOM];
    struct koken_program *program = NULL;
    uint64_t rounds = bench_size(run, 1000000);
    size_t len = (size_t)snprintf(text, sizeof text, "const r8, 7\n");
    (void)arg;
    for (unsigned i = 0; i < LOAD_MOVES; i++) {
        len += (size_t)snprintf(text + len, TEXT_ROOM - len, "move r%u, r%u\n", 8 + i % 8,
                                8 + (i + 1) % 8);
    }
    len += (size_t)snprintf(text + len, TEXT_ROOM - len, "return r%u\n", 8 + LOAD_MOVES % 8);
    int rc = koken_program_assemble(text, len, &program, NULL);
    size_t size = rc < 0 ? 0 : koken_program_encode(program, bytes, sizeof bytes);
    koken_program_free(program);
    uint64_t start = koken_now();
    for (uint64_t i = 0; rc == 0 && i < rounds; i++) {
        rc = koken_program_decode(bytes, size, &program, NULL);
        if (rc == 0) {
            rc = koken_program_check(program, NULL);
            koken_program_free(program);
        }
    }
    if (rc < 0) {
        return bench_error(run, "koken_program_decode", rc);
    }
    bench_report(run, "machine-load", (double)(koken_now() - start) / (double)rounds, "ns/program");
    return 0;
}

/* ---- a small program that uses a resource ---- */

static const char small[] = "const r0, type int\nconst r1, 7\nalloc r0, r1, r2\nconsume r2, r3\n"
                            "return r3\n";

enum { LEDGER_ROOM = 1 << 20, WINDOW = 256, POOL = 4 };

int bench_machine_ledger(struct bench_run *run, unsigned arg)
{
    struct koken_machine_config config = {0};
    struct koken_machine_result result = {0};
    struct koken_program *program = NULL;
    struct koken_machine *machine = NULL;
    uint64_t rounds = bench_size(run, 1000000), start = 0;
    int rc = koken_program_assemble(small, sizeof small - 1, &program, NULL);
    if (rc == 0 && arg) {
        rc = koken_ledger_new(LEDGER_ROOM, &config.ledger);
    }
    rc = rc < 0 ? rc : koken_machine_new(&config, &machine);
    start = koken_now();
    for (uint64_t i = 0; rc == 0 && i < rounds; i++) {
        rc = koken_machine_run(machine, program, &result);
    }
    uint64_t ns = koken_now() - start;
    koken_machine_free(machine);
    koken_ledger_free(config.ledger);
    koken_program_free(program);
    if (rc < 0) {
        return bench_error(run, "koken_machine_run", rc);
    }
    bench_report(run, arg ? "machine-ledger" : "machine-alone", (double)ns / (double)rounds,
                 "ns/run");
    return bench_check(run, "value", 7, result.value.data);
}

/* ---- executors ---- */

/* Waits for a task, and gives it back. */
static int end_task(struct koken *rt, struct koken_task *task)
{
    int rc = task ? koken_task_wait(rt, task, KOKEN_NO_DEADLINE) : 0;
    rc = rc == 0 && task ? koken_task_status(task) : rc;
    koken_task_free(task);
    return rc;
}

int bench_machine_tasks(struct bench_run *run, unsigned arg)
{
    struct koken_task *tasks[WINDOW] = {NULL};
    struct koken_program *program = NULL;
    koken_ref executors[POOL];
    struct koken *rt;
    uint32_t count = arg ? (uint32_t)POOL : 1u;
    uint64_t rounds = bench_size(run, 400000);
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    rc = koken_program_assemble(small, sizeof small - 1, &program, NULL);
    rc = rc < 0 ? rc : koken_executor_pool(rt, NULL, count, executors);
    uint64_t start = koken_now();
    for (uint64_t i = 0; rc == 0 && i < rounds; i++) {
        rc = end_task(rt, tasks[i % WINDOW]);
        tasks[i % WINDOW] = NULL;
        rc =
            rc < 0 ? rc : koken_task_start(executors[i % count], program, NULL, &tasks[i % WINDOW]);
    }
    for (uint32_t i = 0; i < WINDOW; i++) {
        int end = end_task(rt, tasks[i]);
        rc = rc < 0 ? rc : end;
    }
    uint64_t ns = koken_now() - start;
    koken_program_free(program);
    rc = rc < 0 ? bench_error(run, "koken_task_start", rc) : 0;
    if (rc == 0) {
        bench_report(run, arg ? "machine-pool" : "machine-tasks", (double)rounds * 1e9 / (double)ns,
                     "tasks/s");
    }
    return bench_end(run, rt, rc);
}

int bench_machine_slice(struct bench_run *run, unsigned arg)
{
    char text[TEXT_ROOM];
    struct koken_program *program = NULL;
    struct koken_task *task = NULL;
    struct koken_executor_config config = {.machine = {.gas = UINT64_C(1) << 60}};
    struct koken_executor_stats stats = {0};
    koken_ref executor;
    struct koken *rt;
    (void)arg;
    write_loop(text, 0, bench_size(run, 10000000));
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    rc = koken_program_assemble(text, strlen(text), &program, NULL);
    rc = rc < 0 ? rc : koken_executor(rt, &config, &executor);
    uint64_t start = koken_now();
    rc = rc < 0 ? rc : koken_task_start(executor, program, NULL, &task);
    rc = rc < 0 ? rc : end_task(rt, task);
    uint64_t ns = koken_now() - start;
    rc = rc < 0 ? rc : koken_executor_collect(rt, &executor, 1, KOKEN_S(60), &stats);
    koken_program_free(program);
    rc = rc < 0 ? bench_error(run, "koken_task_start", rc) : 0;
    if (rc == 0) {
        bench_report(run, "machine-slice", (double)ns / (double)stats.slices, "ns/slice");
    }
    return bench_end(run, rt, rc);
}
