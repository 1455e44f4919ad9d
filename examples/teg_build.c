/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A build as a task effect graph: the examples of this project are compiled, each by a child process of its own on
 * the blocking pool, and put into an archive. With a bar of progress, and pictures of how it went.
 *
 *     teg_build [-n] [-j JOBS] [-t TRACE] [-m MERMAID] [NAME...]      from the root of the source tree
 *
 * -n compiles nothing: true(1) instead. The trace is for ui.perfetto.dev. Ctrl-C cancels what has not been compiled,
 * ends the compilers that run, and leaves nothing behind.
 */
#define _GNU_SOURCE

#include <koken.h>

#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MOST = 200, FOLDERS_MOST = 12, BAR = 40 };

struct build {
    struct koken_teg *teg;
    char folder[64]; /* for the objects */
    char archive[128];
    char objects[FILES_MOST][128];
    char includes[FOLDERS_MOST][64];
    size_t include_count;
    koken_teg_node nodes[FILES_MOST];
    uint32_t count;
    bool is_dry;
    _Atomic(uint32_t) done;
};

/* The folders of public headers: one per floor. */
static void find_headers(struct build *build)
{
    glob_t found = {.gl_pathc = 0};
    if (glob("*/include", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && i < FOLDERS_MOST; i++) {
            (void)snprintf(build->includes[i], sizeof build->includes[i], "-I%.50s",
                           found.gl_pathv[i]);
            build->include_count++;
        }
    }
    globfree(&found);
}

static void add_file(struct build *build, const char *path)
{
    const char *argv[24] = {"cc", "-std=c11", "-O1", "-pipe", "-c", path, "-o"};
    size_t at = 7;
    char *object = build->objects[build->count];
    const char *name = strrchr(path, '/');
    (void)snprintf(object, sizeof build->objects[0], "%s/%.60s.o", build->folder,
                   name != NULL ? name + 1 : path);
    argv[at++] = object;
    for (size_t i = 0; i < build->include_count; i++) {
        argv[at++] = build->includes[i];
    }
    static const char *const nothing[] = {"true", NULL};
    struct koken_teg_effect effect = {.id = path, .tag = path, .domain = "cc", .retries = 1};
    build->nodes[build->count++] =
        koken_teg_add_command(build->teg, &effect, build->is_dry ? nothing : argv);
}

/* All objects into one archive, when all are there. */
static koken_teg_node add_archive(struct build *build)
{
    const char *argv[FILES_MOST + 4] = {"ar", "rcs", build->archive};
    static const char *const nothing[] = {"true", NULL};
    (void)snprintf(build->archive, sizeof build->archive, "%s/examples.a", build->folder);
    for (uint32_t i = 0; i < build->count; i++) {
        argv[3 + i] = build->objects[i];
    }
    argv[3 + build->count] = NULL;
    koken_teg_node archive = koken_teg_add_command(
        build->teg, &(struct koken_teg_effect){.id = "archive"}, build->is_dry ? nothing : argv);
    for (uint32_t i = 0; i < build->count; i++) {
        koken_teg_link(build->teg, build->nodes[i], archive);
    }
    return archive;
}

static void on_event(void *arg, const struct koken_teg_run *run,
                     const struct koken_teg_event *event)
{
    struct build *build = arg;
    char bar[BAR + 1], text[64];
    if (event->state < KOKEN_TEG_COMPLETED || !isatty(STDERR_FILENO)) {
        return;
    }
    uint32_t done = ++build->done, total = build->count + 1;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)BAR * done / total);
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[K[%s] %u/%u %s", bar, done, total,
            koken_teg_id(koken_teg_graph(run), event->node, text, sizeof text));
}

static int sink(void *arg, const char *text, size_t len)
{
    return fwrite(text, 1, len, arg) == len ? 0 : -EPROTO;
}

static int write_picture(const char *path, const struct koken_teg_run *run, bool is_trace)
{
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    int rc = path != NULL ? -EPROTO : 0;
    if (file != NULL) {
        rc = is_trace ? koken_teg_write_trace(run, sink, file)
                      : koken_teg_write_mermaid(koken_teg_graph(run), run, sink, file);
        rc = fclose(file) == 0 ? rc : -EPROTO;
    }
    if (path != NULL && rc == 0) {
        printf("%s: written\n", path);
    } else if (rc < 0) {
        fprintf(stderr, "teg_build: cannot write %s\n", path);
    }
    return rc;
}

static void report(const struct koken_teg_run *run, const struct build *build)
{
    struct koken_teg_metrics m;
    for (uint32_t i = 0; i < build->count; i++) {
        struct koken_teg_value value = koken_teg_value(run, build->nodes[i]);
        if (value.is_missing && value.size > 0) {
            printf("%.*s", (int)value.size, (const char *)value.bytes); /* what the compiler said */
        }
    }
    if (koken_teg_metrics(run, &m) == 0) {
        printf("%llu of %u done in %.2f s, %.2f s of work, longest way %.2f s\n",
               (unsigned long long)m.completed, build->count + 1, (double)m.wall_ns / 1e9,
               (double)m.busy_ns / 1e9, (double)m.critical_path_ns / 1e9);
    }
}

/* ---- Ctrl-C: blocked in all threads, and waited for by one of its own ---- */

struct stopper {
    sigset_t signals;
    pthread_t thread;
    struct koken_teg_run *run;
    int came; /* which one; SIGUSR1: the run is over */
};

static void *watch(void *arg)
{
    struct stopper *stopper = arg;
    if (sigwait(&stopper->signals, &stopper->came) == 0 && stopper->came != SIGUSR1) {
        koken_teg_cancel(stopper->run); /* which ends the compilers that run */
    }
    return NULL;
}

static int wait_for(struct koken *rt, struct koken_teg_run *run, struct stopper *stopper)
{
    stopper->run = run;
    int rc = pthread_create(&stopper->thread, NULL, watch, stopper) == 0 ? 0 : -EAGAIN;
    if (rc < 0) {
        koken_teg_cancel(run);
        return rc;
    }
    rc = koken_teg_wait(rt, run, KOKEN_S(600));
    (void)pthread_kill(stopper->thread, SIGUSR1);
    (void)pthread_join(stopper->thread, NULL);
    return rc;
}

static int run_build(struct build *build, unsigned jobs, const char *trace, const char *mermaid,
                     struct stopper *stopper)
{
    struct koken_teg_config config = {.adaptive_scheduling = true, .pool_count = jobs};
    struct koken_teg_options options = {
        .failure = KOKEN_TEG_ISOLATE, .observe = on_event, .observe_arg = build};
    struct koken_teg_run *run = NULL;
    struct koken *rt;
    int rc = koken_start(NULL, &rt);
    if (rc < 0) {
        return rc;
    }
    config.pool_count = jobs > 0 ? jobs : koken_workers(rt);
    koken_ref executor = koken_teg_executor(rt, &config);
    rc = koken_teg_start(executor, build->teg, &options, &run);
    rc = rc == 0 ? wait_for(rt, run, stopper) : rc;
    fputs(isatty(STDERR_FILENO) ? "\r\033[K" : "", stderr);
    if (rc == 0) {
        rc = koken_teg_status(run);
        report(run, build);
        int written = write_picture(trace, run, true);
        written = write_picture(mermaid, run, false) < 0 ? -EPROTO : written;
        rc = rc < 0 ? rc : written;
    }
    koken_teg_run_free(run);
    int stopped = koken_stop(rt, KOKEN_S(20)); /* cancels what has not ended */
    return rc < 0 ? rc : stopped;
}

static void remove_objects(struct build *build)
{
    for (uint32_t i = 0; i < build->count; i++) {
        (void)unlink(build->objects[i]);
    }
    (void)unlink(build->archive);
    (void)rmdir(build->folder);
}

int main(int argc, char **argv)
{
    struct build build = {.folder = "/tmp/teg_build-XXXXXX"};
    struct stopper stopper = {.came = 0};
    const char *trace = NULL, *mermaid = NULL;
    unsigned jobs = 0;
    int option;
    while ((option = getopt(argc, argv, "nj:t:m:")) != -1) {
        switch (option) {
        case 'n': build.is_dry = true; break;
        case 'j': jobs = (unsigned)atoi(optarg); break;
        case 't': trace = optarg; break;
        case 'm': mermaid = optarg; break;
        default: return 2;
        }
    }
    glob_t found = {.gl_pathc = 0};
    build.teg = koken_teg_new();
    if (build.teg == NULL || mkdtemp(build.folder) == NULL ||
        glob("examples/*.c", 0, NULL, &found) != 0) {
        fputs("teg_build: run me in the root of the source tree\n", stderr);
        koken_teg_free(build.teg);
        return 1;
    }
    find_headers(&build);
    for (size_t i = 0; i < found.gl_pathc && build.count < FILES_MOST; i++) {
        bool is_wanted = optind == argc;
        for (int k = optind; k < argc; k++) {
            is_wanted = is_wanted || strcmp(found.gl_pathv[i] + strlen("examples/"), argv[k]) == 0;
        }
        if (is_wanted) {
            add_file(&build, found.gl_pathv[i]);
        }
    }
    globfree(&found);
    (void)add_archive(&build);
    sigemptyset(&stopper.signals);
    sigaddset(&stopper.signals, SIGINT);
    sigaddset(&stopper.signals, SIGTERM);
    sigaddset(&stopper.signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &stopper.signals, NULL);
    int rc = run_build(&build, jobs, trace, mermaid, &stopper);
    if (rc == -EPROTO) {
        fputs("teg_build: not all has been built, or a picture not written\n", stderr);
    } else if (rc < 0) {
        fprintf(stderr, "teg_build: %s\n", koken_strerror(rc));
    }
    remove_objects(&build);
    koken_teg_free(build.teg);
    if (stopper.came == SIGINT || stopper.came == SIGTERM) {
        fflush(stdout);
        pthread_sigmask(SIG_UNBLOCK, &stopper.signals, NULL);
        raise(stopper.came); /* so that the shell sees why it has ended */
    }
    return rc < 0;
}
