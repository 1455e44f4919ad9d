/* SPDX-License-Identifier: Apache-2.0 */
/* koken bench: chooses benchmarks, has them measured, shows and stores the figures. */
#include "bench/cli/cli.h"
#include "bench/cli/json.h"
#include "bench/cli/measure.h"
#include "bench/cli/progress.h"
#include "bench/cli/report.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { CHOSEN_MAX = 128, ALL_REPETITIONS = 10, WORKERS_MAX = 4096, REPETITIONS_MAX = 10000 };

static const char help_text[] =
    "usage: koken bench [OPTION...] NAME...     measure; NAME-1w: one worker on one core\n"
    "       koken bench all [OPTION...]         every benchmark, 10 times after a warm-up\n"
    "       koken bench --compare OLD NEW       two JSON files; 1 if something got worse\n"
    "\n"
    "  -l, --list           name the benchmarks\n"
    "  -w, --workers N      workers of the runtime (default: what the machine gives)\n"
    "  -r, --reps N         repetitions after one warm-up; the median is printed (default 1, "
    "cold)\n"
    "  -q, --quick          a hundredth of the work: does it run, not how fast\n"
    "  -j, --json FILE      environment and all samples\n"
    "  -m, --markdown FILE  environment and a table\n"
    "  -p, --peers FILE     lines NAME PEER VALUE UNIT; prints all side by side as a table\n"
    "  -c, --compare        Mann-Whitney; worse means > 10 % at p < 0.05\n"
    "  -s, --seed N         of everything drawn by chance (default 1)\n"
    "  -t, --timeout S      for one benchmark, all repetitions (default 600)\n"
    "      --in-process     no child processes, for debuggers and profilers\n"
    "\n"
    "Each line of output: NAME koken VALUE UNIT. Figures are for one run; rates are better when\n"
    "higher (msgs/s), all others when lower. A wrong answer fails the benchmark: exit status 1.\n";

struct chosen {
    const struct bench *bench;
    bool is_one;
};

struct request {
    struct chosen chosen[CHOSEN_MAX];
    size_t count;
    bool is_all;
    bool is_compare;
    bool is_list;
    struct measure_plan plan;
    const char *json;
    const char *markdown;
    const char *peers;
    char command[200];
};

static const struct option long_options[] = {
    {"list", no_argument, NULL, 'l'},
    {"workers", required_argument, NULL, 'w'},
    {"reps", required_argument, NULL, 'r'},
    {"quick", no_argument, NULL, 'q'},
    {"json", required_argument, NULL, 'j'},
    {"markdown", required_argument, NULL, 'm'},
    {"peers", required_argument, NULL, 'p'},
    {"compare", no_argument, NULL, 'c'},
    {"seed", required_argument, NULL, 's'},
    {"timeout", required_argument, NULL, 't'},
    {"in-process", no_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void list(void)
{
    for (unsigned i = 0; i < bench_count; i++) {
        printf("%-14s %s%s\n", bench_table[i].name, bench_table[i].what,
               (bench_table[i].flags & BENCH_ALONE) != 0 ? " (also -1w)" : "");
    }
}

/* A whole number from 1 to max. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret_value)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

static int parse_option(struct request *request, int letter)
{
    uint64_t value = 0;
    uint64_t max = letter == 'w' ? WORKERS_MAX : letter == 's' ? UINT64_MAX : REPETITIONS_MAX;
    if (strchr("wrst", letter) != NULL && !parse_number(optarg, max, &value)) {
        return cli_misused("bench", "not a number in range:", optarg);
    }
    switch (letter) {
    case 'l': request->is_list = true; break;
    case 'w': request->plan.workers = (unsigned)value; break;
    case 'r':
        request->plan.repetitions = (unsigned)value;
        request->plan.has_warm_up = value > 1;
        break;
    case 'q': request->plan.is_quick = true; break;
    case 'j': request->json = optarg; break;
    case 'm': request->markdown = optarg; break;
    case 'p': request->peers = optarg; break;
    case 'c': request->is_compare = true; break;
    case 's': request->plan.seed = value; break;
    case 't': request->plan.timeout_s = (unsigned)value; break;
    case 'i': request->plan.in_process = true; break;
    default: break;
    }
    return CLI_OK;
}

static void choose(struct request *request, const struct bench *bench, bool is_one)
{
    if (request->count < CHOSEN_MAX) {
        request->chosen[request->count].bench = bench;
        request->chosen[request->count].is_one = is_one;
        request->count++;
    }
}

static void choose_all(struct request *request)
{
    request->is_all = true;
    for (unsigned i = 0; i < bench_count; i++) {
        choose(request, &bench_table[i], false);
        if ((bench_table[i].flags & BENCH_ALONE) != 0) {
            choose(request, &bench_table[i], true);
        }
    }
}

static int choose_by_name(struct request *request, const char *name)
{
    size_t length = strlen(name);
    bool is_one = length > 3 && strcmp(name + length - 3, "-1w") == 0;
    length -= is_one ? 3 : 0;
    if (strcmp(name, "all") == 0 || strcmp(name, "suite") == 0) {
        choose_all(request);
        return CLI_OK;
    }
    for (unsigned i = 0; i < bench_count; i++) {
        const struct bench *bench = &bench_table[i];
        if (strlen(bench->name) == length && strncmp(bench->name, name, length) == 0) {
            choose(request, bench, is_one);
            return CLI_OK;
        }
    }
    return cli_misused("bench", "unknown benchmark", name);
}

static int compare(const char *old_path, const char *new_path)
{
    struct series_table before = {0};
    struct series_table after = {0};
    int status = CLI_FAILED;
    if (json_read(old_path, &before) == 0 && json_read(new_path, &after) == 0) {
        unsigned worse = report_compare(stdout, &before, &after);
        printf("%u of %zu figures got worse by more than 10 %% (p < 0.05)\n", worse, after.count);
        status = worse == 0 ? CLI_OK : CLI_FAILED;
    }
    series_table_fini(&before);
    series_table_fini(&after);
    return status;
}

static int write_markdown(const struct request *request, const struct environment *env,
                          const struct series_table *table)
{
    FILE *file = fopen(request->markdown, "w");
    if (file == NULL) {
        perror(request->markdown);
        return -1;
    }
    report_markdown(file, env, request->plan.seed, request->command, table);
    int bad = ferror(file);
    return fclose(file) != 0 || bad ? -1 : 0;
}

/* Measures everything chosen; a failed benchmark does not keep the others from running. */
static unsigned measure_all(const struct request *request, struct series_table *table)
{
    unsigned failed = 0;
    for (size_t i = 0; i < request->count; i++) {
        struct measure_plan plan = request->plan;
        const struct chosen *chosen = &request->chosen[i];
        size_t first = table->count;
        if (chosen->is_one) {
            plan.workers = 1;
            plan.is_pinned = true;
        }
        if (request->count > 1) {
            progress_show(i, request->count, chosen->bench->name);
        }
        failed += measure(chosen->bench, &plan, table) != 0 ? 1 : 0;
        progress_clear();
        report_lines(stdout, table, first);
    }
    return failed;
}

static int run(struct request *request)
{
    struct environment env;
    struct series_table table = {0};
    environment_read(&env);
    if (request->plan.repetitions == 0) {
        request->plan.repetitions = request->is_all ? ALL_REPETITIONS : 1;
        request->plan.has_warm_up = request->is_all;
    }
    unsigned failed = measure_all(request, &table);
    bool ok = failed == 0;
    if (request->json != NULL) {
        ok = json_write(request->json, &env, request->plan.seed, &table) == 0 && ok;
    }
    if (request->markdown != NULL) {
        ok = write_markdown(request, &env, &table) == 0 && ok;
    }
    if (request->peers != NULL) {
        ok = report_read_peers(request->peers, request->count == 0, &table) == 0 && ok;
        report_peers(stdout, &table);
    }
    if (failed > 0) {
        fprintf(stderr, "koken: %u of %zu benchmarks failed\n", failed, request->count);
    }
    series_table_fini(&table);
    return ok ? CLI_OK : CLI_FAILED;
}

static void keep_command(struct request *request, int argc, char **argv)
{
    size_t length = (size_t)snprintf(request->command, sizeof request->command, "koken");
    for (int i = 0; i < argc && length < sizeof request->command; i++) {
        length += (size_t)snprintf(request->command + length, sizeof request->command - length,
                                   " %s", argv[i]);
    }
}

int cli_bench(int argc, char **argv)
{
    struct request request = {.plan = {.seed = 1, .timeout_s = 600}};
    int letter;
    keep_command(&request, argc, argv);
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "lw:r:qj:m:p:cs:t:h", long_options, NULL)) != -1) {
        if (letter == '?') {
            return cli_misused("bench", "unknown option or missing value:", argv[optind - 1]);
        }
        if (letter == 'h') {
            fputs(help_text, stdout);
            return CLI_OK;
        }
        int status = parse_option(&request, letter);
        if (status != CLI_OK) {
            return status;
        }
    }
    if (request.is_compare) {
        return argc - optind == 2 ? compare(argv[optind], argv[optind + 1])
                                  : cli_misused("bench", "two files needed after", "--compare");
    }
    for (int i = optind; i < argc; i++) {
        int status = choose_by_name(&request, argv[i]);
        if (status != CLI_OK) {
            return status;
        }
    }
    if (request.is_list || (request.count == 0 && request.peers == NULL)) {
        list();
        return CLI_OK;
    }
    return run(&request);
}
