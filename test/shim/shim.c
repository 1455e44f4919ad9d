/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner behind test/shim/criterion: all tests of a program in one process.
 *
 * A test that fails may leave threads, fibers and half-built objects behind, and may fail on a
 * stack that cannot be unwound. So a failure is not unwound: the process replaces itself by a fresh
 * copy that goes on with the next test and carries the score in its arguments. The same path serves
 * a test that aborts (SIGABRT) and one that runs too long: for that a thread watches the time,
 * since TSan holds signals back as long as a thread only spins. Everything else that kills a
 * process ends the run; the caller sees the exit status.
 *
 * A test that is to die of a signal runs in a process of its own, started afresh: what it prints stays
 * in the output, how it ended is compared.
 *
 * Usage: PROGRAM [--list] [suite/name]    a pattern with * picks tests
 */
#include "criterion/criterion.h"

#include <fnmatch.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SHIM_TIMEOUT_S = 120, SHIM_EXIT_FAILED = 1 };

static struct shim_test *first_test;
static struct shim_test *last_test;
static const char *pattern = "*";

/* Written by the main thread, read by the watchdog and by whoever fails. */
static struct shim_test *_Atomic current_test;
static atomic_uint current_index;
static atomic_uint passed_count;
static atomic_uint failed_count;
static atomic_bool has_failed;         /* set by cr_expect on any thread */
static _Atomic(long long) deadline_ms; /* of the current test; 0: none is running */

void shim_register(struct shim_test *test)
{
    if (last_test) {
        last_test->next = test;
    } else {
        first_test = test;
    }
    last_test = test;
}

/* Only what a signal handler may call: the arguments were formatted by hand. */
static void write_number(char *text, unsigned value)
{
    char digits[12];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count) {
        *text++ = digits[--count];
    }
    *text = '\0';
}

/* The current test has failed: goes on with the next one in a fresh process. Does not return. */
_Noreturn static void restart_after_failure(void)
{
    char next[12], passed[12], failed[12], match[256], name[] = "test", from[] = "--from";
    write_number(next, current_index + 1);
    write_number(passed, passed_count);
    write_number(failed, failed_count + 1);
    strncpy(match, pattern, sizeof match - 1);
    match[sizeof match - 1] = '\0';
    char *arguments[] = {name, from, next, passed, failed, match, NULL};
    execv("/proc/self/exe", arguments);
    _exit(SHIM_EXIT_FAILED);
}

static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

/* From the watchdog or from a signal handler. */
_Noreturn static void give_up(const char *why)
{
    struct shim_test *test = current_test;
    say("[FAIL] ");
    say(test->suite);
    say("::");
    say(test->name);
    say(why);
    restart_after_failure();
}

static void on_abort(int signal_number)
{
    (void)signal_number;
    give_up(": aborted\n");
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static sem_t watches; /* the watchdog's thread has begun */

/* Takes no memory: a test that forks would leave a child in which the allocator's lock is never given back. */
static void *watch(void *unused)
{
    (void)unused;
    sem_post(&watches);
    for (;;) { /* until the process ends */
        long long deadline = deadline_ms;
        if (deadline && now_ms() > deadline) {
            give_up(": timed out\n");
        }
        nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    }
    return NULL;
}

void shim_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
    char message[512];
    struct shim_test *test = current_test;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: [%s::%s] %s%s%s\n", file, line, test->suite, test->name, what,
            message[1] ? ":" : "", message[1] ? message : "");
    if (fatal) {
        fprintf(stderr, "[FAIL] %s::%s\n", test->suite, test->name);
        fflush(NULL);
        restart_after_failure();
    }
    atomic_store(&has_failed, true);
}

static void start_watching(void)
{
    sigset_t none;
    sigemptyset(&none); /* a handler that started this process left signals blocked */
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaction(SIGABRT, &(struct sigaction){.sa_handler = on_abort}, NULL);
    pthread_t thread;
    sem_init(&watches, 0, 0);
    if (pthread_create(&thread, NULL, watch, NULL) == 0) {
        pthread_detach(thread);
        while (sem_wait(&watches) <
               0) { /* ends: it begins; what a thread takes memory for is then done */
        }
    }
}

static bool is_wanted(const struct shim_test *test)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", test->suite, test->name);
    return fnmatch(pattern, path, 0) == 0;
}

static double timeout_of(const struct shim_test *test)
{
    return test->options.timeout > 0 ? test->options.timeout : SHIM_TIMEOUT_S;
}

static void run_body(struct shim_test *test)
{
    if (test->options.init) {
        test->options.init();
    }
    test->run();
    if (test->options.fini) {
        test->options.fini();
    }
}

static void run_test(struct shim_test *test)
{
    atomic_store(&has_failed, false);
    deadline_ms = now_ms() + (long long)(timeout_of(test) * 1000);
    run_body(test);
    deadline_ms = 0;
    if (atomic_load(&has_failed)) {
        failed_count++;
        fprintf(stderr, "[FAIL] %s::%s\n", test->suite, test->name);
    } else {
        passed_count++;
    }
}

/* In the process of the test's own; an alarm that nobody handles ends one that lives too long. */
static int run_to_death(unsigned index)
{
    struct shim_test *test = first_test;
    for (unsigned i = 0; test && i < index; i++) {
        test = test->next;
    }
    if (!test) {
        return SHIM_EXIT_FAILED;
    }
    current_test = test;
    alarm((unsigned)timeout_of(test) + 1);
    run_body(test);
    return atomic_load(&has_failed) ? SHIM_EXIT_FAILED : 0;
}

/* One that is to end with a signal, or with a status. */
static void run_apart(struct shim_test *test, unsigned index)
{
    extern char **environ;
    char number[12], name[] = "test", dies[] = "--dies";
    write_number(number, index);
    char *arguments[] = {name, dies, number, NULL};
    pid_t child;
    int status = 0;
    fflush(NULL);
    bool is_started = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0 &&
                      waitpid(child, &status, 0) == child;
    bool is_as_told = test->options.signal
                          ? WIFSIGNALED(status) && WTERMSIG(status) == test->options.signal
                          : WIFEXITED(status) && WEXITSTATUS(status) == test->options.exit_code;
    if (is_started && is_as_told) {
        passed_count++;
    } else {
        failed_count++;
        fprintf(stderr, "[FAIL] %s::%s: ended with the wait status %d\n", test->suite, test->name,
                status);
    }
}

int main(int argc, char **argv)
{
    unsigned first = 0, skipped = 0;
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    if (argc == 3 && strcmp(argv[1], "--dies") == 0) {
        return run_to_death((unsigned)atoi(argv[2]));
    }
    if (argc == 6 && strcmp(argv[1], "--from") == 0) {
        first = (unsigned)atoi(argv[2]);
        passed_count = (unsigned)atoi(argv[3]);
        failed_count = (unsigned)atoi(argv[4]);
        pattern = argv[5];
    } else if (argc == 2 && !list) {
        pattern = argv[1];
    }
    start_watching();
    for (struct shim_test *test = first_test; test; test = test->next, current_index++) {
        const struct shim_options *options = &test->options;
        current_test = test;
        if (list) {
            printf("%s/%s\n", test->suite, test->name);
        } else if (!is_wanted(test)) {
            continue;
        } else if (options->disabled) {
            skipped++;
        } else if (current_index < first) {
            continue; /* the process before this one has done it */
        } else if (options->signal || options->exit_code) {
            run_apart(test, current_index);
        } else {
            run_test(test);
        }
    }
    if (list) {
        return 0;
    }
    printf("%u passed, %u failed, %u skipped\n", passed_count, failed_count, skipped);
    return failed_count ? SHIM_EXIT_FAILED : 0;
}
