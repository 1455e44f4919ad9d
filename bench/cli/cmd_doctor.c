/* SPDX-License-Identifier: Apache-2.0 */
/*
 * koken doctor: what the runtime will find on this machine, and what stands in its way. Each
 * finding is one line; a finding that needs action is followed by the advice. Exit 1 if the runtime
 * cannot work here.
 */
#include "bench/cli/cli.h"
#include "bench/cli/environment.h"

#include <koken.h>

#include <linux/membarrier.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum verdict { FINE, NOTE, BAD };

static unsigned bad_count;
static unsigned note_count;

/* advice may be NULL. */
static void find(enum verdict verdict, const char *topic, const char *finding, const char *advice)
{
    static const char *const words[] = {"ok", "note", "BAD"};
    printf("%-5s %-12s %s\n", words[verdict], topic, finding);
    if (verdict != FINE && advice != NULL) {
        printf("%-5s %-12s %s\n", "", "", advice);
    }
    note_count += verdict == NOTE ? 1 : 0;
    bad_count += verdict == BAD ? 1 : 0;
}

static void look_at_cpus(const struct environment *env)
{
    char text[200];
    snprintf(text, sizeof text, "%s, %ld online, %u allowed by affinity", env->cpu,
             sysconf(_SC_NPROCESSORS_ONLN), env->cores);
    find(FINE, "processors", text, NULL);
    char governor[64];
    const char *path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    if (environment_file(path, governor, sizeof governor) == 0) {
        snprintf(text, sizeof text, "frequency governor %s", governor);
        find(strcmp(governor, "performance") == 0 ? FINE : NOTE, "processors", text,
             "latency is steadier with the governor 'performance'");
    }
}

/* cgroup v2: "MAX PERIOD" or "max PERIOD" in the group's folder. */
static void look_at_cgroup(void)
{
    char line[300] = "";
    char path[360];
    char quota[64];
    char text[200];
    long used;
    long period;
    if (environment_file("/proc/self/cgroup", line, sizeof line) != 0) {
        find(NOTE, "cgroup", "unknown: /proc/self/cgroup cannot be read", NULL);
        return;
    }
    const char *group = strncmp(line, "0::", 3) == 0 ? line + 3 : "";
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (environment_file(path, quota, sizeof quota) != 0 &&
        environment_file("/sys/fs/cgroup/cpu.max", quota, sizeof quota) != 0) {
        find(FINE, "cgroup", "no processor quota (cgroup v2)", NULL);
        return;
    }
    if (sscanf(quota, "%ld %ld", &used, &period) != 2 || period <= 0) {
        find(FINE, "cgroup", "no processor quota", NULL);
        return;
    }
    double cores = (double)used / (double)period;
    snprintf(text, sizeof text, "quota %.2f processors (%ld us in each %ld us)", cores, used,
             period);
    find(NOTE, "cgroup", text,
         "a process that has used up its quota stands still to the end of the period: expect it in "
         "p99");
}

static bool has_cpu_flag(const char *flag)
{
    char line[4096];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *at = strncmp(line, "flags", 5) == 0 ? strstr(line, flag) : NULL;
        found = at != NULL && at[-1] == ' ' && strchr(" \n", at[strlen(flag)]) != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* The best of many short runs: others may have the processor in between. */
static double clock_cost_ns(void)
{
    enum { RUNS = 100, CALLS = 1000 };
    double best_ns = 1e9;
    for (int run = 0; run < RUNS; run++) {
        uint64_t start_ns = koken_now();
        for (int i = 0; i < CALLS; i++) {
            (void)koken_now();
        }
        double ns = (double)(koken_now() - start_ns) / CALLS;
        best_ns = ns < best_ns ? ns : best_ns;
    }
    return best_ns;
}

static void look_at_clock(void)
{
    char source[64] = "unknown";
    char text[200];
    (void)environment_file("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                           source, sizeof source);
    bool is_steady = has_cpu_flag("constant_tsc") && has_cpu_flag("nonstop_tsc");
    double cost_ns = clock_cost_ns();
    snprintf(text, sizeof text, "kernel uses %s; time-stamp counter %s; koken_now() takes %.1f ns",
             source, is_steady ? "constant and never stopped" : "not known to be steady", cost_ns);
    find(cost_ns < 100 ? FINE : NOTE, "clock", text,
         "the kernel reads the clock by a system call: timestamps and timers are expensive here");
}

static void look_at_memory(const struct environment *env)
{
    char nodes[64] = "0";
    char pages[64] = "unknown";
    char text[300];
    (void)environment_file("/sys/devices/system/node/online", nodes, sizeof nodes);
    snprintf(text, sizeof text, "%lu MiB, NUMA nodes %s", env->memory_mib, nodes);
    find(FINE, "memory", text, NULL);
    (void)environment_file("/sys/kernel/mm/transparent_hugepage/enabled", pages, sizeof pages);
    snprintf(text, sizeof text, "transparent huge pages: %s", pages);
    find(strstr(pages, "[always]") != NULL ? NOTE : FINE, "memory", text,
         "'always' makes first touches slow and fiber stacks fat; 'madvise' is better for latency");
}

static void look_at_limit(const char *name, int which, unsigned long least, const char *unit,
                          const char *advice)
{
    struct rlimit limit;
    char text[200];
    if (getrlimit((__rlimit_resource_t)which, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur == RLIM_INFINITY) {
        snprintf(text, sizeof text, "%s: unlimited", name);
    } else {
        snprintf(text, sizeof text, "%s: %lu%s", name, (unsigned long)limit.rlim_cur, unit);
    }
    find(limit.rlim_cur < least ? NOTE : FINE, "limits", text, advice);
}

static void look_at_limits(void)
{
    char text[200];
    char maps[32];
    look_at_limit("threads (ulimit -u)", RLIMIT_NPROC, 1024, "",
                  "workers and the pool for blocking calls need threads: raise ulimit -u");
    look_at_limit("open files (ulimit -n)", RLIMIT_NOFILE, 256, "",
                  "koken_io_wait needs one per connection: raise ulimit -n");
    look_at_limit("address space (ulimit -v)", RLIMIT_AS, 8ul << 30, " bytes",
                  "pools and fiber stacks reserve address space ahead of use: raise ulimit -v");
    look_at_limit("locked memory (ulimit -l)", RLIMIT_MEMLOCK, 0, " bytes", NULL);
    if (environment_file("/proc/sys/vm/max_map_count", maps, sizeof maps) == 0) {
        long count = atol(maps);
        snprintf(text, sizeof text, "vm.max_map_count: %ld, room for about %ld fiber stacks", count,
                 count / 2);
        find(count < 65530 ? NOTE : FINE, "limits", text,
             "each fiber stack and its guard page take two mappings: raise vm.max_map_count");
    }
}

static void look_at_kernel(const struct environment *env)
{
    char text[320];
    long barriers = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    bool has_barrier = barriers > 0 && (barriers & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
    struct epoll_event event;
    const struct timespec at_once = {0};
    int poller = epoll_create1(EPOLL_CLOEXEC);
    bool has_pwait2 = poller >= 0 && epoll_pwait2(poller, &event, 1, &at_once, NULL) == 0;
    if (poller >= 0) {
        close(poller);
    }
    snprintf(text, sizeof text, "%s; futex yes, membarrier %s, epoll_pwait2 %s", env->kernel,
             has_barrier ? "yes" : "no",
             has_pwait2 ? "yes" : "no (timers of waiting workers round to 1 ms)");
    find(poller >= 0 ? FINE : BAD, "kernel", text, "epoll is needed");
}

static void print_reason(void *arg, const char *line)
{
    (void)arg;
    find(FINE, "runtime", line, NULL);
}

/* The runtime's own account: it is started, and says why it has as many workers as it has. */
static void look_at_runtime(void)
{
    char text[160];
    struct koken *rt;
    struct koken_options options = {.struct_size = sizeof options, .log = print_reason};
    int rc = koken_start(&options, &rt);
    if (rc < 0) {
        snprintf(text, sizeof text, "does not start: %s (%s)", koken_strerror(rc),
                 koken_errname(rc));
        find(BAD, "runtime", text, "see the limits above");
        return;
    }
    const char *forced = getenv("KOKEN_WORKERS");
    snprintf(text, sizeof text, "starts with %u workers%s%s", koken_workers(rt),
             forced != NULL ? ", KOKEN_WORKERS=" : "", forced != NULL ? forced : "");
    find(FINE, "runtime", text, NULL);
    rc = koken_stop(rt, KOKEN_S(5));
    if (rc < 0) {
        snprintf(text, sizeof text, "does not stop: %s", koken_strerror(rc));
        find(BAD, "runtime", text, NULL);
    }
}

int cli_doctor(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs("usage: koken doctor\n\n"
              "Prints what matters to the runtime on this machine, one finding per line, with "
              "advice.\n"
              "Exit status 1 if the runtime cannot work here.\n",
              stdout);
        return CLI_OK;
    }
    if (argc > 1) {
        return cli_misused("doctor", "takes no", argv[1]);
    }
    struct environment env;
    environment_read(&env);
    find(FINE, "koken", koken_build_info(), NULL);
    look_at_cpus(&env);
    look_at_cgroup();
    look_at_clock();
    look_at_memory(&env);
    look_at_limits();
    look_at_kernel(&env);
    look_at_runtime();
    printf("\n%u to look at, %u in the way\n", note_count, bad_count);
    return bad_count == 0 ? CLI_OK : CLI_FAILED;
}
