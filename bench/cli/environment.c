/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cli/environment.h"

#include <koken.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

int environment_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return -1;
    }
    char *line = fgets(text, (int)size, file);
    fclose(file);
    if (line == NULL) {
        return -1;
    }
    text[strcspn(text, "\n")] = '\0';
    return 0;
}

static void read_cpu(struct environment *env)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(env->cpu, sizeof env->cpu, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, "model name", 10) == 0) {
            colon[strcspn(colon, "\n")] = '\0';
            snprintf(env->cpu, sizeof env->cpu, "%.95s", colon + 2);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/*
 * The commit that HEAD names, looked up in the files: the tool starts no other program. Only a tree
 * that has libkoken.map is ours.
 */
static void read_git(struct environment *env)
{
    char head[256];
    char path[300];
    env->git[0] = '\0';
    if (access("libkoken.map", R_OK) != 0 ||
        environment_file(".git/HEAD", head, sizeof head) != 0) {
        return;
    }
    const char *hash = head;
    if (strncmp(head, "ref: ", 5) == 0) {
        snprintf(path, sizeof path, ".git/%s", head + 5);
        hash = environment_file(path, head, sizeof head) == 0 ? head : "";
    }
    snprintf(env->git, sizeof env->git, "%.40s", hash);
}

void environment_read(struct environment *env)
{
    memset(env, 0, sizeof *env);
    read_cpu(env);
    read_git(env);
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        env->cores = (unsigned)CPU_COUNT(&set);
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    env->memory_mib = (unsigned long)pages / 1024 * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
    struct utsname os;
    if (uname(&os) == 0) {
        snprintf(env->kernel, sizeof env->kernel, "%.40s %.80s %.30s", os.sysname, os.release,
                 os.machine);
    }
#if defined(__clang__)
    snprintf(env->compiler, sizeof env->compiler, "clang %s", __clang_version__);
#else
    snprintf(env->compiler, sizeof env->compiler, "gcc %s", __VERSION__);
#endif
    snprintf(env->build, sizeof env->build, "%s", koken_build_info());
    double load[3] = {0};
    if (getloadavg(load, 3) == 3) {
        snprintf(env->load, sizeof env->load, "%.2f %.2f %.2f", load[0], load[1], load[2]);
    }
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL) {
        strftime(env->date, sizeof env->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
}
