/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cli/measure.h"

#include "bench/cli/progress.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* On the last core that the process may use: the one that the kernel burdens least by habit. */
static void pin_to_last_core(void)
{
    cpu_set_t allowed;
    cpu_set_t one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    CPU_ZERO(&one);
    for (size_t cpu = CPU_SETSIZE; cpu > 0; cpu--) {
        if (CPU_ISSET(cpu - 1, &allowed)) {
            CPU_SET(cpu - 1, &one);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        fprintf(stderr, "koken: cannot pin to one core: %s\n", strerror(errno));
    }
}

/* All repetitions of one process. figures gets a line per figure; the exit status tells the rest.
 */
static int run_here(const struct bench *bench, const struct measure_plan *plan,
                    unsigned repetitions, FILE *figures)
{
    struct bench_run run = {.workers = plan->workers,
                            .is_one = plan->workers == 1,
                            .is_quick = plan->is_quick,
                            .figures = figures};
    if (plan->is_pinned) {
        pin_to_last_core();
    }
    for (unsigned i = 0; i < repetitions + (plan->has_warm_up ? 1u : 0u); i++) {
        run.is_warm_up = plan->has_warm_up && i == 0;
        run.seed = plan->seed + i;
        run.error[0] = '\0';
        int rc = bench->run(&run, bench->arg);
        if (rc < 0) {
            progress_clear();
            fprintf(stderr, "koken: bench %s: %s\n", bench->name,
                    run.error[0] != '\0' ? run.error : koken_strerror(rc));
            return -1;
        }
    }
    return 0;
}

/* Adds the figures of complete lines in text. The rest of an incomplete line stays at its start. */
static int take_lines(char *text, size_t *length, struct series_table *table)
{
    char name[48];
    char unit[16];
    double value;
    char *line = text;
    for (char *end; (end = memchr(line, '\n', *length - (size_t)(line - text))) != NULL;
         line = end + 1) {
        *end = '\0';
        if (sscanf(line, "%47s %lf %15s", name, &value, unit) == 3 &&
            series_add(table, name, "koken", unit, value) != 0) {
            return -1;
        }
    }
    *length -= (size_t)(line - text);
    memmove(text, line, *length);
    return 0;
}

static uint64_t now_ms(void)
{
    return koken_now() / 1000000;
}

/* Reads figures until the child closes its end or the time is over. -1: out of time or memory. */
static int read_figures(int fd, unsigned timeout_s, struct series_table *table)
{
    char text[1024];
    size_t length = 0;
    uint64_t end_ms = now_ms() + (uint64_t)timeout_s * 1000;
    for (;;) { /* ends with the child, or with the time */
        uint64_t at_ms = now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (at_ms >= end_ms || poll(&wait, 1, (int)(end_ms - at_ms)) == 0) {
            return -1;
        }
        ssize_t got = read(fd, text + length, sizeof text - 1 - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return 0;
        }
        length += (size_t)got;
        if (take_lines(text, &length, table) != 0) {
            return -1;
        }
    }
}

static int judge(const char *name, pid_t child, bool in_time, unsigned timeout_s)
{
    int status = 0;
    if (!in_time) {
        kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        continue; /* ends when the child has */
    }
    if (!in_time) {
        fprintf(stderr, "koken: bench %s: no result within %u s\n", name, timeout_s);
        return -1;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "koken: bench %s: ended by signal %d (%s)\n", name, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
        return -1;
    }
    return WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int run_in_child(const struct bench *bench, const struct measure_plan *plan,
                        unsigned repetitions, struct series_table *table)
{
    int ends[2];
    if (pipe(ends) != 0) {
        fprintf(stderr, "koken: pipe: %s\n", strerror(errno));
        return -1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "koken: fork: %s\n", strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (child == 0) {
        close(ends[0]);
        FILE *figures = fdopen(ends[1], "w");
        int rc = figures == NULL ? -1 : run_here(bench, plan, repetitions, figures);
        fflush(NULL);
        _exit(rc == 0 ? 0 : 1);
    }
    close(ends[1]);
    bool in_time = read_figures(ends[0], plan->timeout_s, table) == 0;
    close(ends[0]);
    return judge(bench->name, child, in_time, plan->timeout_s);
}

static int run_in_process(const struct bench *bench, const struct measure_plan *plan,
                          struct series_table *table)
{
    char *text = NULL;
    size_t length = 0;
    FILE *figures = open_memstream(&text, &length);
    if (figures == NULL) {
        return -1;
    }
    int rc = run_here(bench, plan, plan->repetitions, figures);
    fclose(figures);
    if (rc == 0) {
        rc = take_lines(text, &length, table);
    }
    free(text);
    return rc;
}

int measure(const struct bench *bench, const struct measure_plan *plan, struct series_table *table)
{
    if (plan->in_process) {
        return run_in_process(bench, plan, table);
    }
    if ((bench->flags & BENCH_COLD) == 0) {
        return run_in_child(bench, plan, plan->repetitions, table);
    }
    struct measure_plan cold = *plan;
    cold.has_warm_up = false;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < plan->repetitions; i++) {
        cold.seed = plan->seed + i;
        rc = run_in_child(bench, &cold, 1, table);
    }
    return rc;
}
