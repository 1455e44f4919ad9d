/* SPDX-License-Identifier: Apache-2.0 */
/* koken stress: the closed workloads of `koken sim` on real threads, for as long as it is told. */
#include "bench/cli/cli.h"
#include "bench/workload/workload.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCALE_DEFAULT = 20, SECONDS_DEFAULT = 10, SECONDS_MAX = 1000000, SCALE_MAX = 100000 };

static const char help_text[] =
    "usage: koken stress [OPTION...]\n"
    "\n"
    "Runs the closed workloads on real threads with options by chance. What is accepted must be\n"
    "handled, dropped or dead, once and in order; nothing may be left. What is wrong ends it with\n"
    "a line and abort().\n"
    "\n"
    "  -n, --seconds N      for how long (default 10)\n"
    "  -s, --seed N         the first; each run adds one (default 1)\n"
    "  -w, --workload NAME  one of them (default: all in turn)\n"
    "      --scale N        work of one run; the simulator's is 1 (default 20)\n"
    "  -l, --list           name the workloads\n";

static void list(void)
{
    for (const struct workload *w = workloads; w->name != NULL; w++) {
        printf("%-10s %s\n", w->name, w->text);
    }
}

static const struct workload *find(const char *name)
{
    for (const struct workload *w = workloads; w->name != NULL; w++) {
        if (strcmp(w->name, name) == 0) {
            return w;
        }
    }
    return NULL;
}

/* A whole number from 1 to max, or 0. */
static uint64_t number(const char *word, uint64_t max)
{
    char *end;
    unsigned long long value = strtoull(word, &end, 10);
    return *end == '\0' && word[0] != '-' && value <= max ? value : 0;
}

static int run(const struct workload *only, uint64_t seed, uint64_t seconds, unsigned scale)
{
    uint64_t end = koken_now() + KOKEN_S(seconds), runs = 0;
    unsigned count = 0;
    while (workloads[count].name != NULL) {
        count++;
    }
    for (; koken_now() < end; runs++, seed++) { /* ends: when the time is up */
        const struct workload *w = only != NULL ? only : &workloads[seed % count];
        int rc = workload_run(w, seed, scale);
        if (rc < 0) {
            fprintf(stderr, "koken stress: %s, seed %llu: %s\n", w->name, (unsigned long long)seed,
                    koken_strerror(rc));
            return CLI_FAILED;
        }
    }
    printf("%llu runs, nothing wrong\n", (unsigned long long)runs);
    return CLI_OK;
}

int cli_stress(int argc, char **argv)
{
    static const struct option options[] = {{"seconds", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"workload", required_argument, NULL, 'w'},
                                            {"scale", required_argument, NULL, 'c'},
                                            {"list", no_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const struct workload *workload = NULL;
    uint64_t seconds = SECONDS_DEFAULT, seed = 1, scale = SCALE_DEFAULT;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":n:s:w:lh", options, NULL)) != -1) {
        bool is_right = true;
        switch (option) {
        case 'n': is_right = (seconds = number(optarg, SECONDS_MAX)) > 0; break;
        case 's': is_right = (seed = number(optarg, UINT64_MAX)) > 0; break;
        case 'c': is_right = (scale = number(optarg, SCALE_MAX)) > 0; break;
        case 'w': is_right = (workload = find(optarg)) != NULL; break;
        case 'l': list(); return CLI_OK;
        case 'h': fputs(help_text, stdout); return CLI_OK;
        default: return cli_misused("stress", "unknown option", argv[optind - 1]);
        }
        if (!is_right) {
            return cli_misused("stress", "not understood", optarg);
        }
    }
    if (optind < argc) {
        return cli_misused("stress", "unknown argument", argv[optind]);
    }
    return run(workload, seed, seconds, (unsigned)scale);
}
