/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Branches of a run: processes that leave it at a step and go on to an end of their own. What a test wants to try
 * at every step costs one run and as many ends, not as many runs.
 *
 * The run itself is told nothing: it stands still while a branch is under way, and takes the choices that it would
 * have taken. A branch shares with it what processes share, open files: so a scenario with files is none for this.
 */
#include "sched/sim/task.h"

#ifdef KN_SIM

#include "base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A branch writes down its own choices; its failure goes where the run's would. */
static void begin(struct sim *sim)
{
    struct sim_result *own =
        mmap(NULL, sizeof *own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED) {
        _exit(2); /* seam: as in sim_apart() */
    }
    sim->told = sim->result;
    own->seed = sim->result->seed;
    sim->result = own;
    sim->branch_stride = 0;
    sim->step_at = kn_sim_steps.now;
    (void)alarm(SIM_HANG_SECONDS);
}

/* Waits for the branch that left at this step. */
static void await_branch(struct sim *sim, pid_t child)
{
    struct sim_result *result = sim->result;
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) { /* ends: it is our child */
    }
    (void)alarm(SIM_HANG_SECONDS); /* the time was the branch's */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    char why[SIM_WHAT_MAX];
    memcpy(why, result->what, sizeof why);
    if (WIFSIGNALED(status)) {
        (void)snprintf(why, sizeof why, "%s", strsignal(WTERMSIG(status)));
    } else if (why[0] == '\0') {
        (void)snprintf(why, sizeof why, "its process ended with %d", WEXITSTATUS(status));
    }
    (void)snprintf(result->what, sizeof result->what, "in the branch at step %llu: %.1900s",
                   (unsigned long long)kn_sim_steps.now, why);
    result->has_failed = true;
    sim_leave(sim);
}

bool sim_branch(struct sim *sim)
{
    KN_ASSERT(sim->branch_stride > 0);
    KN_ASSERT(sim->told == NULL);
    pid_t child =
        _Fork(); /* without the runtime's own handlers: its threads are in this copy, too */
    if (child == 0) {
        begin(sim);
        return true;
    }
    if (child < 0) {
        sim_fail(sim, "no process for a branch: %s", strerror(errno));
    }
    await_branch(sim, child);
    sim->step_at = kn_sim_steps.now + sim->branch_stride;
    return false;
}

void sim_branch_end(struct sim *sim)
{
    if (sim->told == NULL) {
        return;
    }
    if (sim->result->has_failed) {
        memcpy(sim->told->what, sim->result->what, sizeof sim->told->what);
    }
    _exit(sim->result->has_failed); /* seam: as in sim_apart() */
}

uint64_t sim_branch_at_steps(uint64_t from, uint64_t stride)
{
    KN_ASSERT(stride > 0);
    if (!sim_is_running()) {
        return 0;
    }
    kn_sim->branch_stride = stride;
    sim_wait_step(kn_sim, from);
    kn_sim->branch_stride = 0;
    return kn_sim->told != NULL ? kn_sim_steps.now : 0;
}

#endif
