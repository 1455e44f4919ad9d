/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner behind test/shim/criterion: all tests of a program in one process.
 *
 * A test that fails may leave threads, fibers and half-built objects behind, and may fail on a stack that
 * cannot be unwound. So a failure is not unwound: the process replaces itself by a fresh copy that goes on
 * with the next test and carries the score in its arguments. The same path serves a test that runs too
 * long (SIGALRM) and one that aborts (SIGABRT). Everything else that kills a process ends the run; the
 * caller sees the exit status.
 *
 * Usage: PROGRAM [--list] [suite/name]    a pattern with * picks tests
 */
#include "criterion/criterion.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

enum { SHIM_TIMEOUT_S = 120, SHIM_EXIT_FAILED = 1 };

static struct shim_test *first_test;
static struct shim_test *last_test;
static struct shim_test *current_test;
static unsigned current_index;
static unsigned passed_count;
static unsigned failed_count;
static const char *pattern = "*";
static atomic_bool has_failed; /* set by cr_expect on any thread */

void shim_register(struct shim_test *test)
{
    if (last_test)
        last_test->next = test;
    else
        first_test = test;
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
    while (count)
        *text++ = digits[--count];
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

static void on_signal(int signal_number)
{
    say("[FAIL] ");
    say(current_test->suite);
    say("::");
    say(current_test->name);
    say(signal_number == SIGALRM ? ": timed out\n" : ": aborted\n");
    restart_after_failure();
}

void shim_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: [%s::%s] %s%s%s\n", file, line, current_test->suite, current_test->name,
            what, message[1] ? ":" : "", message[1] ? message : "");
    if (fatal) {
        fprintf(stderr, "[FAIL] %s::%s\n", current_test->suite, current_test->name);
        fflush(NULL);
        restart_after_failure();
    }
    atomic_store(&has_failed, true);
}

static void set_alarm(double seconds)
{
    struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};
    timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigaddset(&set, SIGABRT);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* blocked still, when a handler started this process */
}

static bool is_wanted(const struct shim_test *test)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", test->suite, test->name);
    return fnmatch(pattern, path, 0) == 0;
}

static void run_test(struct shim_test *test)
{
    atomic_store(&has_failed, false);
    set_alarm(test->options.timeout > 0 ? test->options.timeout : SHIM_TIMEOUT_S);
    if (test->options.init)
        test->options.init();
    test->run();
    if (test->options.fini)
        test->options.fini();
    set_alarm(0);
    if (atomic_load(&has_failed)) {
        failed_count++;
        fprintf(stderr, "[FAIL] %s::%s\n", test->suite, test->name);
    } else {
        passed_count++;
    }
}

int main(int argc, char **argv)
{
    unsigned first = 0, skipped = 0;
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    if (argc == 6 && strcmp(argv[1], "--from") == 0) {
        first = (unsigned)atoi(argv[2]);
        passed_count = (unsigned)atoi(argv[3]);
        failed_count = (unsigned)atoi(argv[4]);
        pattern = argv[5];
    } else if (argc == 2 && !list) {
        pattern = argv[1];
    }
    catch_signals();
    for (current_test = first_test; current_test; current_test = current_test->next, current_index++) {
        const struct shim_options *options = &current_test->options;
        if (list)
            printf("%s/%s\n", current_test->suite, current_test->name);
        else if (!is_wanted(current_test))
            continue;
        else if (options->disabled || options->signal || options->exit_code)
            skipped++;
        else if (current_index >= first)
            run_test(current_test);
    }
    if (list)
        return 0;
    printf("%u passed, %u failed, %u skipped\n", passed_count, failed_count, skipped);
    return failed_count ? SHIM_EXIT_FAILED : 0;
}
