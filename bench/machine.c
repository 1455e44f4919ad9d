/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: the register machine on one core, without agents.
 *
 *   machine-loop   add, less, match and a label, 10^7 times: instructions per second
 *   machine-move   a loop of 64 moves
 *   machine-load   decode and check a program of 100 instructions: ns per program
 */
#include "bench/bench.h"
#include "bench/registry.h"

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
