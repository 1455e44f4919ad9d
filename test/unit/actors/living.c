/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: who is entered is found until it leaves, claims exclude each other, and the child of a fork is told
 * that it has no runtime, at once.
 */
#include "actors/living.h"

#include "actors/agent.h"
#include "test/support/runtime.h"

#include <sys/wait.h>
#include <unistd.h>

/* A claim is one thread's; whoever never was, or has left, is nobody. */
Test(living, claims_exclude_each_other)
{
    static struct koken one, other; /* nothing of them is looked at but the links */
    cr_assert_eq(kn_living_claim(&one), -EINVAL);
    cr_assert_eq(kn_living_enter(&one), 0);
    cr_assert_eq(kn_living_enter(&other), 0);
    cr_assert_eq(kn_living_claim(&one), 0);
    cr_assert_eq(kn_living_claim(&one), -EBUSY);
    cr_assert_eq(kn_living_claim(&other), 0);
    kn_living_unclaim(&one);
    cr_assert_eq(kn_living_claim(&one), 0);
    kn_living_leave(&one);
    cr_assert_eq(kn_living_claim(&one), -EINVAL);
    cr_assert_eq(kn_living_claim(&other), -EBUSY);
    kn_living_leave(&other);
    cr_assert_eq(kn_living_check(), 0);
}

/* What the child finds: 0 all is as promised, else the number of what is not. */
static int in_the_child(struct koken *rt)
{
    struct koken *another = NULL;
    struct koken_stop_report report;
    if (koken_start(NULL, &another) != -ENOTSUP || another) {
        return 1;
    }
    if (koken_stop(rt, KOKEN_S(60)) != -ENOTSUP) {
        return 2;
    }
    if (koken_stop_with(rt, NULL, &report) != -ENOTSUP) {
        return 3;
    }
    return koken_drain(rt, KOKEN_S(60)) == -ENOTSUP ? 0 : 4;
}

/* Answers the status of a child that has run fn(rt). */
static int fork_for(int (*fn)(struct koken *rt), struct koken *rt)
{
    int status = 0;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        _exit(fn(rt));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* The child of a process with a runtime has none and can make none; the parent goes on. */
Test(living, the_child_of_a_fork_has_no_runtime)
{
    struct koken *rt = start(2);
    cr_assert_eq(fork_for(in_the_child, rt), 0);
    drain(rt);
    stop(rt);
    cr_assert_eq(kn_living_check(), 0);
}
