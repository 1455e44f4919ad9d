/* SPDX-License-Identifier: Apache-2.0 */
/* koken teg: runs a task effect graph from a file, shows how it goes, and draws it. */
#include "bench/cli/cli.h"
#include "bench/cli/interrupt.h"

#include <koken.h>
#include <koken/teg_io.h>

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdio.h>

enum { TEXT_MOST = 64 << 20, ROWS_MOST = 100, SHOWN_MOST = 60, BAR = 30 };

static const char help_text[] =
    "usage: koken teg [OPTION...] FILE      run a task effect graph; - is the standard input\n"
    "\n"
    "Checks the whole graph, then runs it. Prints a line per node (up to 100; of more, those that\n"
    "did not complete) and the numbers of the run. Of a command the number is its exit status,\n"
    "128 + N if signal N ended it. Ctrl-C cancels the run, and ends the commands that it has "
    "begun.\n"
    "Exit: 0 all is well, 1 not, or the graph is wrong, 2 misused.\n"
    "\n"
    "  -w, --workers N      workers of the runtime, and lanes\n"
    "  -i, --isolate        a failure cancels only what depends on it\n"
    "  -c, --check          only check, and print the shape of the graph\n"
    "  -r, --repeat N       run it so many times; print the last one\n"
    "  -t, --timeout S      seconds for a run, after which it is cancelled (default: none)\n"
    "  -m, --mermaid FILE   draw it, with timings\n"
    "  -d, --dot FILE       the same for Graphviz\n"
    "  -T, --trace FILE     for Perfetto (ui.perfetto.dev) and chrome://tracing\n"
    "  -M, --model FILE     order by the durations in FILE, and add those of this run to it\n"
    "  -j, --json           results as JSON\n"
    "  -q, --quiet          no progress\n";

struct wish {
    const char *path, *mermaid, *dot, *trace, *model;
    uint64_t workers, repeat, timeout_ns; /* timeout 0: none */
    bool is_isolated, only_checks, is_json, is_quiet;
};

/* ---- reading ---- */

/* A whole file; NULL after telling why. */
static char *read_file(const char *path, size_t *ret_len)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    size_t len = 0, room = 1 << 16, got = 1;
    char *text = malloc(room);
    while (file && text && got > 0 && len <= TEXT_MOST) { /* ends: with the file */
        if (len == room) {
            char *more = realloc(text, room *= 2);
            if (!more) {
                break;
            }
            text = more;
        }
        got = fread(text + len, 1, room - len, file);
        len += got;
    }
    if (!file || !text || ferror(file)) {
        fprintf(stderr, "koken teg: %s: %s\n", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (file && !is_stdin) {
        (void)fclose(file);
    }
    *ret_len = len;
    return text;
}

static int sink(void *arg, const char *text, size_t len)
{
    return fwrite(text, 1, len, arg) == len ? 0 : -EPROTO;
}

/* ---- progress ---- */

struct progress {
    uint32_t total;
    _Atomic(uint32_t) done;
    bool is_shown;
};

static void count_node(void *arg, const struct koken_teg_run *run,
                       const struct koken_teg_event *event)
{
    struct progress *progress = arg;
    (void)run;
    progress->done += event->state >= KOKEN_TEG_COMPLETED;
}

static void show(const struct progress *progress)
{
    uint32_t done = progress->done, total = progress->total ? progress->total : 1;
    char bar[BAR + 1];
    memset(bar, ' ', BAR);
    memset(bar, '#', (size_t)done * BAR / total);
    bar[BAR] = '\0';
    fprintf(stderr, "\r[%s] %u/%u", bar, done, progress->total);
    (void)fflush(stderr);
}

/* Waits, and shows how far it is. */
static int wait_for(struct koken *rt, struct koken_teg_run *run, const struct progress *progress,
                    uint64_t timeout_ns)
{
    uint64_t end = timeout_ns ? koken_now() + timeout_ns : UINT64_MAX;
    int rc = -ETIMEDOUT;
    while (rc == -ETIMEDOUT && koken_now() < end) { /* ends: over, or the time is */
        uint64_t left = end - koken_now();
        uint64_t step = progress->is_shown ? KOKEN_MS(100) : KOKEN_S(3600);
        rc = koken_teg_wait(rt, run, step < left ? step : left);
        if (progress->is_shown) {
            show(progress);
        }
    }
    if (progress->is_shown) {
        fputs("\r\033[K", stderr);
    }
    return rc;
}

/* ---- results ---- */

enum how { PLAIN, JSON_TEXT, JSON_BYTES }; /* bytes above 127: of UTF-8, or of anything */

static void print_text(const char *text, size_t len, enum how how)
{
    bool is_json = how != PLAIN;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_json && (c == '"' || c == '\\')) {
            printf("\\%c", c);
        } else if (c < 0x20 || c == 0x7f || (how == JSON_BYTES && c >= 0x80)) {
            printf(is_json ? "\\u%04x" : " ", c);
        } else {
            putchar(c);
        }
    }
}

static void print_node(const struct koken_teg_run *run, koken_teg_node node)
{
    char id[80];
    struct koken_teg_times times = koken_teg_times(run, node);
    struct koken_teg_value value = koken_teg_value(run, node);
    double ms = times.began_ns && times.ended_ns > times.began_ns
                    ? (double)(times.ended_ns - times.began_ns) / 1e6
                    : 0;
    const char *name = koken_teg_id(koken_teg_graph(run), node, id, sizeof id);
    size_t name_len = strlen(name);
    print_text(name, name_len, PLAIN);
    printf("%*s %-10s %10.3f ms", name_len < 24 ? 24 - (int)name_len : 0, "",
           koken_teg_state_name(koken_teg_state(run, node)), ms);
    if (!value.is_missing) {
        printf("  %lld", (long long)value.number);
    } else if (koken_teg_error(run, node)) {
        printf("  %s", koken_errname(koken_teg_error(run, node)));
        if (value.number) {
            printf(", %lld", (long long)value.number);
        }
    }
    if (value.size > 0) {
        const unsigned char *text = value.bytes;
        size_t len = value.size < SHOWN_MOST ? value.size : (size_t)SHOWN_MOST;
        while (len > 0 && len < value.size && (text[len] & 0xc0) == 0x80) { /* UTF-8 */
            len--;
        }
        fputs("  ", stdout);
        print_text(value.bytes, len, PLAIN);
    }
    putchar('\n');
}

static void print_run(const struct koken_teg_run *run, const struct koken_teg_metrics *m)
{
    uint32_t count = koken_teg_count(koken_teg_graph(run));
    const char *lost[8];
    for (uint32_t i = 1; i <= count; i++) {
        koken_teg_node node = {i};
        if (count <= ROWS_MOST || koken_teg_state(run, node) != KOKEN_TEG_COMPLETED) {
            print_node(run, node);
        }
    }
    printf(
        "%llu completed, %llu failed, %llu timed out, %llu cancelled, %llu skipped, %llu retries\n",
        (unsigned long long)m->completed, (unsigned long long)m->failed,
        (unsigned long long)m->timeouts, (unsigned long long)m->cancellations,
        (unsigned long long)m->skipped, (unsigned long long)m->retries);
    printf("%.3f ms, longest way %.3f ms, speedup %.2f of %.2f, efficiency %.1f %% of %u lanes, "
           "%llu steals\n",
           (double)m->wall_ns / 1e6, (double)m->critical_path_ns / 1e6, m->speedup,
           m->ideal_speedup, m->parallelism_efficiency * 100, m->worker_count,
           (unsigned long long)m->total_work_stealing_events);
    uint32_t losses = koken_teg_lost(run, lost, 8);
    for (uint32_t i = 0; i < losses && i < 8; i++) {
        printf("lost: %s\n", lost[i]);
    }
}

static void print_json(const struct koken_teg_run *run, const struct koken_teg_metrics *m)
{
    uint32_t count = koken_teg_count(koken_teg_graph(run));
    printf("{\"status\":\"%s\",\"wall_ns\":%llu,\"busy_ns\":%llu,\"critical_path_ns\":%llu,"
           "\"nodes_executed\":%llu,\"parallelism_efficiency\":%.4f,\"total_work_stealing_events\":"
           "%llu,\"nodes\":[",
           koken_errname(koken_teg_status(run)), (unsigned long long)m->wall_ns,
           (unsigned long long)m->busy_ns, (unsigned long long)m->critical_path_ns,
           (unsigned long long)m->nodes_executed, m->parallelism_efficiency,
           (unsigned long long)m->total_work_stealing_events);
    for (uint32_t i = 1; i <= count; i++) {
        koken_teg_node node = {i};
        char id[300];
        struct koken_teg_times times = koken_teg_times(run, node);
        struct koken_teg_value value = koken_teg_value(run, node);
        printf("%s\n{\"id\":\"", i > 1 ? "," : "");
        (void)koken_teg_id(koken_teg_graph(run), node, id, sizeof id);
        print_text(id, strlen(id), JSON_TEXT);
        printf("\",\"state\":\"%s\",\"ns\":%llu", koken_teg_state_name(koken_teg_state(run, node)),
               (unsigned long long)(times.ended_ns > times.began_ns && times.began_ns
                                        ? times.ended_ns - times.began_ns
                                        : 0));
        if (koken_teg_error(run, node)) {
            printf(",\"error\":\"%s\"", koken_errname(koken_teg_error(run, node)));
        }
        if (!value.is_missing || value.number) {
            printf(",\"number\":%lld", (long long)value.number);
        }
        if (value.bytes) {
            fputs(",\"text\":\"", stdout);
            print_text(value.bytes, value.size, JSON_BYTES);
            putchar('"');
        }
        putchar('}');
    }
    puts("\n]}");
}

/* Writes one picture. */
static int draw(const char *path, int how, const struct koken_teg *teg,
                const struct koken_teg_run *run)
{
    FILE *file = path ? fopen(path, "w") : NULL;
    int rc = -EPROTO, why = errno;
    if (!path) {
        return 0;
    }
    if (file) {
        errno = 0;
        rc = how == 'm'   ? koken_teg_write_mermaid(teg, run, sink, file)
             : how == 'd' ? koken_teg_write_dot(teg, run, sink, file)
                          : koken_teg_write_trace(run, sink, file);
        why = errno;
        rc = fclose(file) == 0 ? rc : -EPROTO;
        why = why ? why : errno;
    }
    if (rc < 0) {
        fprintf(stderr, "koken teg: cannot write %s: %s\n", path,
                rc == -EPROTO && why ? strerror(why) : koken_strerror(rc));
    }
    return rc;
}

/* ---- running ---- */

static void cancel(void *run)
{
    koken_teg_cancel(run);
}

static int run_once(struct koken *rt, koken_ref executor, struct koken_teg_document *document,
                    const struct wish *wish, struct koken_teg_run **ret_run)
{
    struct progress progress = {.total = koken_teg_count(document->teg),
                                .is_shown = !wish->is_quiet && isatty(STDERR_FILENO)};
    struct koken_teg_run *run = NULL;
    if (progress.is_shown) {
        document->options.observe = count_node;
        document->options.observe_arg = &progress;
    }
    int rc = koken_teg_start(executor, document->teg, &document->options, &run);
    cli_interrupt_aim(rc < 0 ? NULL : cancel, run);
    rc = rc < 0 ? rc : wait_for(rt, run, &progress, wish->timeout_ns);
    if (rc == -ETIMEDOUT) {
        koken_teg_cancel(run);
        rc = koken_teg_wait(rt, run, KOKEN_S(60));
    }
    cli_interrupt_aim(NULL, NULL);
    if (rc < 0) {
        fprintf(stderr, "koken teg: %s\n", koken_strerror(rc));
        koken_teg_run_free(run);
        return rc;
    }
    *ret_run = run;
    return 0;
}

/* What earlier runs took; a file that is not there yet is no mistake. */
static int load_model(struct koken_teg_document *document, const char *path)
{
    int rc = 0;
    if (path) {
        document->config.model = koken_teg_model_new();
        document->config.adaptive_scheduling = true;
        rc = document->config.model ? koken_teg_model_load(document->config.model, path) : -ENOMEM;
    }
    if (rc < 0 && rc != -ESRCH) {
        fprintf(stderr, "koken teg: %s: %s\n", path,
                rc == -ENOTSUP  ? "a model of another version, which this koken cannot read"
                : rc == -EPROTO ? "not a model of durations, as --model writes it"
                                : koken_strerror(rc));
        koken_teg_model_free(document->config.model);
        document->config.model = NULL; /* so that the file stays as it is */
        return rc;
    }
    return 0;
}

static int save_model(const struct koken_teg_document *document, const char *path)
{
    int rc =
        path && document->config.model ? koken_teg_model_save(document->config.model, path) : 0;
    if (rc < 0) {
        fprintf(stderr, "koken teg: cannot write %s\n", path);
    }
    return rc;
}

static int run_document(struct koken_teg_document *document, const struct wish *wish)
{
    struct koken_options options = {.workers = (unsigned)wish->workers,
                                    .exact_workers = wish->workers > 0};
    struct koken *rt;
    struct koken_teg_run *run = NULL;
    struct koken_teg_metrics m;
    int rc = koken_start(&options, &rt);
    if (rc < 0) {
        fprintf(stderr, "koken teg: %s\n", koken_strerror(rc));
        return CLI_FAILED;
    }
    document->config.worker_count =
        (uint32_t)(wish->workers ? wish->workers : document->config.worker_count);
    rc = load_model(document, wish->model);
    koken_ref executor = koken_teg_executor(rt, &document->config);
    for (uint64_t i = 0; rc == 0 && i < wish->repeat && !cli_interrupt_came(); i++) {
        koken_teg_run_free(run);
        run = NULL;
        rc = run_once(rt, executor, document, wish, &run);
    }
    rc = rc < 0 ? rc : !run ? -ECANCELED : koken_teg_metrics(run, &m);
    if (rc == 0) {
        (wish->is_json ? print_json : print_run)(run, &m);
        rc = koken_teg_status(run);
        int drawn = draw(wish->mermaid, 'm', document->teg, run);
        drawn = drawn < 0 ? drawn : draw(wish->dot, 'd', document->teg, run);
        drawn = drawn < 0 ? drawn : draw(wish->trace, 't', document->teg, run);
        rc = rc < 0 ? rc : drawn;
    }
    koken_teg_run_free(run);
    int stopped = koken_stop(rt, KOKEN_S(10));
    stopped = stopped < 0 ? stopped : save_model(document, wish->model);
    koken_teg_model_free(document->config.model);
    return rc < 0 || stopped < 0 ? CLI_FAILED : CLI_OK;
}

static int check_document(const struct koken_teg_document *document, const struct wish *wish)
{
    struct koken_teg_shape shape;
    int rc = koken_teg_shape(document->teg, &shape);
    printf(
        "%u nodes, %u links, %u sources, %u sinks, cost %llu, longest way %llu, parallelism %.2f\n",
        shape.nodes, shape.links, shape.sources, shape.sinks, (unsigned long long)shape.total_cost,
        (unsigned long long)shape.critical_path_cost, shape.parallelism);
    rc = rc < 0 ? rc : draw(wish->mermaid, 'm', document->teg, NULL);
    rc = rc < 0 ? rc : draw(wish->dot, 'd', document->teg, NULL);
    return rc < 0 ? CLI_FAILED : CLI_OK;
}

static int run(const struct wish *wish)
{
    struct koken_teg_document document;
    struct koken_teg_problem problem;
    size_t len;
    char *text = read_file(wish->path, &len);
    if (!text) {
        return CLI_FAILED;
    }
    int rc = koken_teg_read(text, len, NULL, &document, &problem);
    free(text);
    if (rc < 0) {
        fprintf(stderr, "koken teg: %s: %s (%s)\n", wish->path, problem.text, koken_errname(rc));
        return CLI_FAILED;
    }
    if (wish->is_isolated) {
        document.options.failure = KOKEN_TEG_ISOLATE;
    }
    if (!wish->only_checks) {
        (void)cli_interrupt_begin(); /* or they end the tool at once, as ever */
    }
    int status =
        wish->only_checks ? check_document(&document, wish) : run_document(&document, wish);
    koken_teg_free(document.teg);
    if (cli_interrupt_came()) {
        fputs("koken teg: interrupted\n", stderr);
    }
    cli_interrupt_end();
    return status;
}

static bool number(const char *word, uint64_t most, uint64_t *ret_number)
{
    char *end;
    unsigned long long value = strtoull(word, &end, 10);
    *ret_number = value;
    return *end == '\0' && word[0] != '-' && value > 0 && value <= most;
}

static bool seconds(const char *word, uint64_t *ret_ns)
{
    char *end;
    double value = strtod(word, &end);
    bool is_right = end != word && *end == '\0' && value >= 1e-9 && value <= 1e6;
    *ret_ns = is_right ? (uint64_t)(value * 1e9) : 0;
    return is_right;
}

int cli_teg(int argc, char **argv)
{
    static const struct option options[] = {{"workers", required_argument, NULL, 'w'},
                                            {"isolate", no_argument, NULL, 'i'},
                                            {"check", no_argument, NULL, 'c'},
                                            {"repeat", required_argument, NULL, 'r'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"mermaid", required_argument, NULL, 'm'},
                                            {"dot", required_argument, NULL, 'd'},
                                            {"trace", required_argument, NULL, 'T'},
                                            {"model", required_argument, NULL, 'M'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct wish wish = {.repeat = 1};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":w:icr:t:m:d:T:M:jqh", options, NULL)) != -1) {
        bool is_right = true;
        switch (option) {
        case 'w': is_right = number(optarg, 1024, &wish.workers); break;
        case 'r': is_right = number(optarg, 1000000, &wish.repeat); break;
        case 't': is_right = seconds(optarg, &wish.timeout_ns); break;
        case 'i': wish.is_isolated = true; break;
        case 'c': wish.only_checks = true; break;
        case 'm': wish.mermaid = optarg; break;
        case 'd': wish.dot = optarg; break;
        case 'T': wish.trace = optarg; break;
        case 'M': wish.model = optarg; break;
        case 'j': wish.is_json = true; break;
        case 'q': wish.is_quiet = true; break;
        case 'h': fputs(help_text, stdout); return CLI_OK;
        default: return cli_misused("teg", "unknown option", argv[optind - 1]);
        }
        if (!is_right) {
            return cli_misused("teg", "expected a number in range, not", optarg);
        }
    }
    if (optind + 1 != argc) {
        return optind < argc ? cli_misused("teg", "one file, not also", argv[optind + 1])
                             : cli_misused("teg", "missing", "FILE");
    }
    wish.path = argv[optind];
    return run(&wish);
}
