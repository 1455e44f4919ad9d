/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that threads start with their argument, name and signal mask, and that refusal is an
 * error. */
#include "base/alloc.h"
#include "base/platform/platform.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
    char name[32];
    sigset_t mask;
    int ran;
};

static void report(void *arg)
{
    struct report *r = arg;
    (void)pthread_getname_np(pthread_self(), r->name, sizeof r->name);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &r->mask);
    ++r->ran;
}

Test(thread, runs_once_under_its_name_cut_to_15)
{
    static const struct {
        const char *given, *shown;
    } names[] = {
        {"koken/0", "koken/0"}, {"", ""}, {"a name far too long for it", "a name far too "}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        struct report r = {.ran = 0};
        struct kn_thread thread = {0};
        cr_assert_eq(kn_platform_thread_start(&thread, names[i].given, report, &r), 0);
        cr_assert_not_null(thread.handle);
        kn_platform_thread_join(&thread);
        cr_assert_null(thread.handle);
        cr_assert_eq(r.ran, 1);
        cr_assert_str_eq(r.name, names[i].shown);
    }
}

Test(thread, leaves_signals_to_the_program)
{
    sigset_t before, after;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    struct report r = {.ran = 0};
    struct kn_thread thread = {0};
    cr_assert_eq(kn_platform_thread_start(&thread, "masked", report, &r), 0);
    kn_platform_thread_join(&thread);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);

    cr_assert_eq(sigismember(&r.mask, SIGINT), 1);
    cr_assert_eq(sigismember(&r.mask, SIGTERM), 1);
    cr_assert_eq(sigismember(&r.mask, SIGCHLD), 1);
    cr_assert_eq(sigismember(&r.mask, SIGSEGV), 0);
    cr_assert_eq(sigismember(&r.mask, SIGPROF), 0);
    cr_assert_eq(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
    cr_assert_eq(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

#ifdef KN_DEBUG
Test(thread, reports_a_lack_of_memory)
{
    uint64_t live = kn_alloc_live();
    struct report r = {.ran = 0};
    struct kn_thread thread = {0};
    kn_alloc_fail_after(0);
    cr_assert_eq(kn_platform_thread_start(&thread, "none", report, &r), -ENOMEM);
    cr_assert_null(thread.handle);
    cr_assert_eq(kn_alloc_live(), live);
}
#endif

static void sleep_forever(void *arg)
{
    for (;;) { /* ended by the end of the process */
        (void)kn_platform_futex_wait(arg, 0, UINT64_MAX);
    }
}

/*
 * A limit on address space that has no room for another stack (the C library may have one or two
 * left over): an error, and nothing is left behind.
 */
static int start_without_room(void)
{
    enum { MANY = 100 };
    static kn_atomic(uint32_t) never;
    struct rlimit none = {0, 0};
    kn_free(kn_alloc(64, 8, -1), 64, 8); /* so that the heap is there */
    if (setrlimit(RLIMIT_AS, &none) != 0) {
        return 10;
    }
    for (int i = 0; i < MANY; ++i) {
        struct kn_thread thread = {0};
        int rc = kn_platform_thread_start(&thread, "none", sleep_forever, &never);
        if (rc != 0) {
            return (rc == -EAGAIN || rc == -ENOMEM) && thread.handle == NULL ? 0 : 11;
        }
    }
    return 12;
}

Test(thread, reports_a_lack_of_threads)
{
#if !defined(KN_ASAN) && !defined(KN_TSAN) &&                                                      \
    !defined(KN_MSAN) /* they need address space themselves */
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        _exit(start_without_room());
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
#else
    (void)start_without_room;
#endif
}

/* A stack that no machine has room for: the error comes back, and nothing is left. */
Test(thread, reports_a_lack_of_room_for_a_stack)
{
    pthread_attr_t usual, vast;
    static kn_atomic(uint32_t) never;
    struct kn_thread thread = {0};
    cr_assert_eq(pthread_getattr_default_np(&usual), 0);
    cr_assert_eq(pthread_attr_init(&vast), 0);
    cr_assert_eq(pthread_attr_setstacksize(&vast, (size_t)1 << 46), 0);
    cr_assert_eq(pthread_setattr_default_np(&vast), 0);
    int rc = kn_platform_thread_start(&thread, "none", sleep_forever, &never);
    cr_assert_eq(pthread_setattr_default_np(&usual), 0);
    (void)pthread_attr_destroy(&vast);
    (void)pthread_attr_destroy(&usual);
    cr_assert(rc == -EAGAIN || rc == -ENOMEM);
    cr_assert_null(thread.handle);
}

Test(thread, yields)
{
    for (int i = 0; i < 1000; ++i) {
        kn_platform_thread_yield();
    }
}
