/* SPDX-License-Identifier: Apache-2.0 */
/* The trace: a hash always, lines of text if somebody reads them. */
#include "sched/sim/task.h"

#ifdef KN_SIM

#include <stdarg.h>
#include <stdio.h>

void sim_mix(struct sim *sim, uint64_t value)
{
    uint64_t h = sim->hash ^ value;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    sim->hash = h ^ h >> 29;
}

const char *sim_fault_name(unsigned kind)
{
    static const char *const names[KN_FAULT_COUNT_] = {
        [KN_FAULT_ALLOC] = "no memory",
        [KN_FAULT_THREAD] = "no thread",
        [KN_FAULT_SPURIOUS] = "spurious wake-up",
        [KN_FAULT_LATE_WAKE] = "late wake-up",
        [KN_FAULT_CLOCK_JUMP] = "the clock leaps",
        [KN_FAULT_CLOCK_COARSE] = "coarse clock",
        [KN_FAULT_STALL] = "a thread stalls",
        [KN_FAULT_STEAL] = "a theft fails",
        [KN_FAULT_FULL] = "a mailbox for one message",
        [KN_FAULT_HANDLER] = "a handler fails",
        [KN_FAULT_SLOW] = "a slow handler",
        [KN_FAULT_TIMER_LATE] = "a late timer",
        [KN_FAULT_IO] = "an interrupted wait for files",
        [KN_FAULT_WEAK] = "a compare and swap fails for no reason",
        [KN_FAULT_WRAP] = "counters about to wrap",
        [KN_FAULT_CHANCE] = "the scenario's own",
    };
    return kind < KN_FAULT_COUNT_ ? names[kind] : "?";
}

void sim_tell(struct sim *sim, const char *format, ...)
{
    if (!sim->plan->is_told && sim->plan->trace == NULL) {
        return;
    }
    struct sim_result *result = sim->result;
    char *line = result->lines[result->line_count++ % SIM_LINES_MAX];
    int len = snprintf(
        line, SIM_LINE_MAX, "%8llu %10llu ns  %u %-14s ", (unsigned long long)kn_sim_steps.now,
        (unsigned long long)(sim_now(sim) - sim->base_ns), sim->running->id, sim->running->name);
    if (len > 0 && len < SIM_LINE_MAX) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(line + len, (size_t)(SIM_LINE_MAX - len), format, args);
        va_end(args);
    }
    if (sim->plan->trace != NULL) {
        sim->plan->trace(sim->plan->trace_arg, line);
    }
}

#endif
