/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a broken invariant says where it broke, whole or cut, and ends the program. */
#include "base/assert.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs kn_panic in a child; its standard error into text. Returns the signal that ended it. */
static int panic_in_child(const char *what, int line, char *text, size_t size)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        kn_panic(what, "some/file.c", line);
    }
    (void)close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], text + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    (void)close(ends[0]);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Test(assert, panic_says_what_and_where_and_aborts)
{
    char text[1024];
    cr_assert_eq(panic_in_child("check failed: a < b", 1234, text, sizeof text), SIGABRT);
    cr_assert_str_eq(text, "koken: some/file.c:1234: check failed: a < b\n");
    cr_assert_eq(panic_in_child("x", 0, text, sizeof text), SIGABRT);
    cr_assert_str_eq(text, "koken: some/file.c: x\n");
}

Test(assert, panic_cuts_what_is_too_long)
{
    char what[2000];
    memset(what, 'y', sizeof what - 1);
    what[sizeof what - 1] = '\0';
    char text[4096];
    cr_assert_eq(panic_in_child(what, 1, text, sizeof text), SIGABRT);
    size_t len = strlen(text);
    cr_assert_eq(len, 512);
    cr_assert_eq(text[len - 1], '\n');
}

Test(assert, check_aborts_when_false, .signal = SIGABRT)
{
    KOKEN_CHECK(1 + 1 == 3);
}

/* KN_ASSERT is free in release builds: not even evaluated. KOKEN_CHECK is evaluated once in all. */
Test(assert, conditions_are_evaluated_as_promised)
{
    int asserted = 0;
    int checked = 0;
    KN_ASSERT(++asserted == 1);
    KOKEN_CHECK(++checked == 1);
    cr_assert_eq(checked, 1);
#ifdef KN_DEBUG
    cr_assert_eq(asserted, 1);
#else
    cr_assert_eq(asserted, 0);
#endif
}
