/* SPDX-License-Identifier: Apache-2.0 */
/*
 * koken-sim: the workloads of bench/workload in the simulator. `koken sim` runs it. It is a program of its own
 * because it is linked with the library that holds the simulator.
 */
#include "base/mutant.h"
#include "bench/workload/workload.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help_text[] =
    "usage: koken sim [OPTION...]               run the whole runtime under many seeds\n"
    "       koken sim --corpus FILE             every seed that has failed once\n"
    "\n"
    "  -n, --seeds N        how many (default 2000)\n"
    "  -s, --seed N         the first (default 1); the same seed is the same run\n"
    "  -w, --workload NAME  one of them (default: by the seed); --list names them\n"
    "  -f, --faults WHICH   none, mild (time only), all (default), or a sum of KOKEN_SIM_*\n"
    "  -S, --strategy WHICH mixed (default), random, pct, exhaustive\n"
    "  -d, --depth N        of pct (default 3), or interruptions of exhaustive (default 1)\n"
    "  -2, --twice          run each seed twice and compare the traces\n"
    "  -t, --trace FILE     write each line of one run to FILE (- for stdout); implies -n 1\n"
    "      --deaths N       at each N-th step a branch of the run in which an agent is killed\n"
    "      --no-shrink      do not look for a smaller schedule of a failure\n"
    "      --mutant NAME    plant a bug: dropped-wake, repeated-message, lost-monitor,\n"
    "                       starved-queue, starved-newborn; and then succeed only if it is found\n"
    "      --min-distinct N fail if fewer traces differ\n"
    "\n"
    "Exit status: 0 no seed failed, 1 one did (its seed and story are printed), 2 misuse.\n";

struct request {
    struct koken_sim_options options;
    const struct workload *workload;
    const char *corpus;
    FILE *trace;
    uint64_t distinct_min;
};

static const char *const strategies[] = {"mixed", "random", "pct", "exhaustive"};
static const char *const mutants[] = {"none",         "dropped-wake",  "repeated-message",
                                      "lost-monitor", "starved-queue", "starved-newborn"};

static struct koken_sim_report report;

static int misused(const char *what, const char *word)
{
    fprintf(stderr, "koken sim: %s '%s'; see koken sim --help\n", what, word);
    return 2;
}

/* ---- one search ------------------------------------------------------------------------------ */

static int scenario(void *arg)
{
    const struct workload *workload = arg;
    unsigned count = 0;
    while (workloads[count].name != NULL) {
        count++;
    }
    uint64_t which = koken_sim_random(count);
    return workload_run(workload != NULL ? workload : &workloads[which],
                        koken_sim_random(UINT64_MAX), /* scale= */ 1);
}

static void put_line(void *arg, const char *line)
{
    fprintf(arg, "%s\n", line);
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int search(const struct request *r)
{
    double start = seconds();
    int rc = koken_sim_run(scenario, (void *)(uintptr_t)r->workload, &r->options, &report);
    double took = seconds() - start;
    if (rc < 0 && !report.has_failed) {
        fprintf(stderr, "koken sim: %s\n", koken_strerror(rc));
        return 1;
    }
    printf("%llu seeds, %llu steps, %llu misfortunes of %d kinds, %llu of the first 4096 traces "
           "differ, sum %016llx, %.2f s, %.0f seeds/min\n"
           "the longest of %llu waits took %.1f %% of its bound\n",
           (unsigned long long)report.seeds, (unsigned long long)report.steps,
           (unsigned long long)report.faults, __builtin_popcount(report.kinds),
           (unsigned long long)report.distinct, (unsigned long long)report.hash_sum, took,
           (double)report.seeds / took * 60, (unsigned long long)report.waits,
           (double)report.wait_worst / 10);
    if (report.has_failed) {
        printf("%srepeat with: koken sim --seed %llu --seeds 1 --faults %u --strategy %s --depth "
               "%u%s%s\n",
               report.text, (unsigned long long)report.seed, r->options.faults,
               strategies[r->options.strategy], r->options.depth, r->workload ? " --workload " : "",
               r->workload ? r->workload->name : "");
        if (workload_deaths_every > 0) {
            printf("and --deaths %llu\n", (unsigned long long)workload_deaths_every);
        }
        return 1;
    }
    if (report.distinct < r->distinct_min) {
        printf("only %llu traces differ, %llu are wanted\n", (unsigned long long)report.distinct,
               (unsigned long long)r->distinct_min);
        return 1;
    }
    return 0;
}

/* ---- the corpus -------------------------------------------------------------------------------- */

static const struct workload *find_workload(const char *name)
{
    for (const struct workload *w = workloads; w->name != NULL; w++) {
        if (strcmp(w->name, name) == 0) {
            return w;
        }
    }
    return NULL;
}

static int find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Lines WORKLOAD SEED FAULTS STRATEGY and what it was; - for any workload. */
static int replay_corpus(struct request *r)
{
    FILE *file = fopen(r->corpus, "r");
    char line[512], name[32], strategy[32];
    unsigned long long seed, count = 0;
    unsigned faults;
    int status = 0;
    if (file == NULL) {
        perror(r->corpus);
        return 2;
    }
    while (status == 0 && fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (sscanf(line, "%31s %llu %i %31s", name, &seed, (int *)&faults, strategy) != 4) {
            status = misused("not a line of a corpus", line);
            break;
        }
        int which = find(strategies, 4, strategy);
        r->workload = find_workload(name);
        r->options.seed = seed;
        r->options.seeds = 1;
        r->options.faults = faults;
        r->options.strategy = (enum koken_sim_strategy)(which < 0 ? 0 : which);
        status = search(r);
        count++;
    }
    (void)fclose(file);
    printf("%llu seeds of the corpus\n", count);
    return status;
}

/* ---- the command line ------------------------------------------------------------------------- */

enum {
    OPTION_NO_SHRINK = 256,
    OPTION_MUTANT,
    OPTION_DISTINCT,
    OPTION_CORPUS,
    OPTION_LIST,
    OPTION_DEATHS
};

static const struct option long_options[] = {
    {"seeds", required_argument, NULL, 'n'},
    {"seed", required_argument, NULL, 's'},
    {"workload", required_argument, NULL, 'w'},
    {"faults", required_argument, NULL, 'f'},
    {"strategy", required_argument, NULL, 'S'},
    {"depth", required_argument, NULL, 'd'},
    {"twice", no_argument, NULL, '2'},
    {"trace", required_argument, NULL, 't'},
    {"no-shrink", no_argument, NULL, OPTION_NO_SHRINK},
    {"mutant", required_argument, NULL, OPTION_MUTANT},
    {"min-distinct", required_argument, NULL, OPTION_DISTINCT},
    {"corpus", required_argument, NULL, OPTION_CORPUS},
    {"deaths", required_argument, NULL, OPTION_DEATHS},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool read_number(const char *word, uint64_t least, uint64_t most, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtoull(word, &end, 0);
    return *word >= '0' && *word <= '9' && *end == '\0' && errno == 0 && *ret_number >= least &&
           *ret_number <= most;
}

static bool read_faults(const char *word, unsigned *ret_faults)
{
    uint64_t number;
    if (strcmp(word, "none") == 0) {
        *ret_faults = 0;
    } else if (strcmp(word, "mild") == 0) {
        *ret_faults = KOKEN_SIM_MILD;
    } else if (strcmp(word, "all") == 0) {
        *ret_faults = KOKEN_SIM_ALL;
    } else {
        bool is_right = read_number(word, 0, UINT32_MAX, &number);
        *ret_faults = (unsigned)number;
        return is_right;
    }
    return true;
}

static void list(void)
{
    for (const struct workload *w = workloads; w->name != NULL; w++) {
        printf("%-10s %s\n", w->name, w->text);
    }
}

static bool open_trace(struct request *r, const char *name)
{
    r->trace = strcmp(name, "-") == 0 ? stdout : fopen(name, "w");
    r->options.trace = put_line;
    r->options.trace_arg = r->trace;
    r->options.no_fork = true;
    r->options.seeds = 1;
    return r->trace != NULL;
}

/* The options that are numbers. -1 to go on, else the exit status. */
static int read_count(struct request *r, int option, const char *word)
{
    uint64_t number, least = option == 'n' ? 1 : 0, most = option == 'd' ? UINT32_MAX : UINT64_MAX;
    if (!read_number(word, least, most, &number)) {
        return misused("expected a number in range, not", word);
    }
    switch (option) {
    case 'n': r->options.seeds = number; break;
    case 's': r->options.seed = number; break;
    case 'd': r->options.depth = (unsigned)number; break;
    default: r->distinct_min = number; break;
    }
    return -1;
}

/* -1 to go on, else the exit status. */
static int read_option(struct request *r, int option, const char *word)
{
    int which;
    switch (option) {
    case 'n':
    case 's':
    case 'd':
    case OPTION_DISTINCT: return read_count(r, option, word);
    case '2': r->options.twice = true; return -1;
    case OPTION_NO_SHRINK: r->options.no_shrink = true; return -1;
    case OPTION_DEATHS:
        return read_number(word, 1, UINT64_MAX, &workload_deaths_every)
                   ? -1
                   : misused("no number of steps", word);
    case OPTION_CORPUS: r->corpus = word; return -1;
    case OPTION_LIST: list(); return 0;
    case 'h': fputs(help_text, stdout); return 0;
    case 't': return open_trace(r, word) ? -1 : misused("cannot write", word);
    case 'f':
        return read_faults(word, &r->options.faults) ? -1 : misused("unknown misfortunes", word);
    case 'w':
        r->workload = find_workload(word);
        return r->workload != NULL ? -1 : misused("unknown workload", word);
    case 'S':
        which = find(strategies, 4, word);
        r->options.strategy = (enum koken_sim_strategy)(which < 0 ? 0 : which);
        return which >= 0 ? -1 : misused("unknown strategy", word);
    case OPTION_MUTANT:
        which = find(mutants, KN_MUTANT_COUNT_, word);
        kn_mutant_planted = (enum kn_mutant)(which < 0 ? 0 : which);
        return which >= 0 ? -1 : misused("unknown mutant", word);
    default: return 2;
    }
}

int main(int argc, char **argv)
{
    struct request r = {.options = {.seeds = 2000, .faults = KOKEN_SIM_ALL}};
    int option;
    while ((option = getopt_long(argc, argv, "n:s:w:f:S:d:2t:h", long_options, NULL)) != -1) {
        int status = read_option(&r, option, optarg);
        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return misused("unknown argument", argv[optind]);
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    int status = r.corpus != NULL ? replay_corpus(&r) : search(&r);
    if (kn_mutant_planted != KN_MUTANT_NONE && status != 2) {
        printf(report.has_failed ? "the mutant was found at seed %llu\n"
                                 : "the mutant was not found in %llu seeds\n",
               (unsigned long long)report.seed);
        return report.has_failed ? 0 : 1;
    }
    return status;
}
