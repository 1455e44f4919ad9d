/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: child processes as nodes: output and status, failures of all kinds, one that is killed midway and tried
 * again, one that runs for ever and is killed with its whole group when it times out.
 */
#include "test/support/teg.h"

#include <koken/teg_io.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static koken_teg_node sh(struct koken_teg *teg, const struct koken_teg_effect *effect,
                         const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    return koken_teg_add_command(teg, effect, argv);
}

static const struct koken_teg_options isolated = {.failure = KOKEN_TEG_ISOLATE};

Test(command, output_and_status_are_the_result)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node good = sh(teg, NULL, "echo out; echo err >&2; cat"),
                   bad = sh(teg, NULL, "echo why; exit 3"), quiet = sh(teg, NULL, ":"),
                   killed = sh(teg, NULL, "kill -9 $$"),
                   large = sh(teg, NULL, "head -c 3000000 /dev/zero");
    const char *nobody[] = {"/no/such/program", NULL};
    koken_teg_node missing = koken_teg_add_command(teg, NULL, nobody);
    struct koken_teg_run *run = run_with(stage, teg, &isolated);
    cr_assert_str_eq(koken_teg_value(run, good).bytes, "out\nerr\n");
    cr_assert_eq(koken_teg_value(run, good).number, 0);
    assert_state(run, bad, KOKEN_TEG_FAILED);
    cr_assert_eq(koken_teg_error(run, bad), -EPROTO);
    cr_assert_eq(koken_teg_value(run, bad).number, 3);
    cr_assert(koken_teg_value(run, bad).is_missing);
    cr_assert_str_eq(koken_teg_value(run, bad).bytes, "why\n");
    cr_assert_eq(koken_teg_value(run, quiet).size, 0);
    cr_assert_eq(koken_teg_value(run, killed).number, 128 + SIGKILL);
    cr_assert_eq(koken_teg_value(run, large).size, 1 << 20);
    cr_assert_eq(koken_teg_error(run, missing), -EINVAL);
    leave(stage, teg, run);
}

/* The first attempt is killed midway; the second one finds its trace and ends well. */
Test(command, one_that_is_killed_midway_is_tried_again)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    char path[] = "/tmp/koken-test-XXXXXX", script[200];
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    (void)close(fd);
    (void)snprintf(script, sizeof script,
                   "if [ -s %s ]; then echo again; else echo x > %s; kill -TERM $$; sleep 60; fi",
                   path, path);
    koken_teg_node node = sh(teg, &(struct koken_teg_effect){.retries = 1}, script);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    cr_assert_str_eq(koken_teg_value(run, node).bytes, "again\n");
    cr_assert_eq(koken_teg_times(run, node).attempts, 2);
    (void)remove(path);
    leave(stage, teg, run);
}

/* It ignores SIGTERM, has a child of its own, and is gone nevertheless. */
Test(command, one_that_runs_for_ever_is_killed_with_its_group)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node node = sh(teg, &(struct koken_teg_effect){.timeout_ns = KOKEN_MS(100)},
                             "trap '' TERM; sleep 600 & sleep 600; sleep 600");
    struct koken_teg_run *run = run_of(stage, teg);
    assert_state(run, node, KOKEN_TEG_TIMED_OUT);
    leave(stage, teg, run); /* waits for the thread of the pool, which waits for the pipe */
}

Test(command, a_cancelled_run_kills_its_commands)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    (void)sh(teg, NULL, "sleep 600");
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    struct koken_teg_run *run;
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_MS(30)), -ETIMEDOUT);
    koken_teg_cancel(run);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    leave(stage, teg, run);
}

Test(command, nothing_is_no_command)
{
    struct koken_teg *teg = koken_teg_new();
    const char *none[] = {NULL};
    cr_assert_eq(koken_teg_add_command(teg, NULL, none).number, 0);
    cr_assert_eq(koken_teg_check(teg, NULL), -EINVAL);
    koken_teg_free(teg);
    teg = koken_teg_new();
    cr_assert_eq(koken_teg_add_command(teg, NULL, NULL).number, 0);
    cr_assert_eq(koken_teg_check(teg, NULL), -EINVAL);
    koken_teg_free(teg);
}
