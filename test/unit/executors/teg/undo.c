/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: who is undone, in which order, on the pool too, and that a lost linear resource is told. */
#include "test/support/teg.h"

#include <stdio.h>

static char trail[64];

static int work(struct koken_teg_call *call)
{
    koken_teg_answer(call, *(const int *)koken_teg_arg(call));
    return 0;
}

static int undo(struct koken_teg_call *call)
{
    size_t len = strlen(trail);
    expect(koken_teg_is_undo(call));
    trail[len] = (char)*(const int *)koken_teg_arg(call);
    trail[len + 1] = '\0';
    return trail[len] == 'x' ? -EPROTO : 0;
}

static koken_teg_node step(struct koken_teg *teg, char name, enum koken_teg_place place,
                           int (*run)(struct koken_teg_call *call))
{
    int number = name;
    return koken_teg_add(
        teg,
        &(struct koken_teg_effect){
            .run = run, .undo = undo, .place = place, .arg = &number, .arg_size = sizeof number});
}

/* a -> b -> c -> d(fails) -> e: the last things first, and only what has happened. */
static struct koken_teg_metrics run_saga(bool undoes, bool fails)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node nodes[] = {step(teg, 'a', KOKEN_TEG_ON_WORKER, work),
                              step(teg, 'b', KOKEN_TEG_ON_POOL, work),
                              step(teg, 'x', KOKEN_TEG_ON_WORKER, work),
                              step(teg, 'd', KOKEN_TEG_ON_POOL, fails ? do_fail : work),
                              step(teg, 'e', KOKEN_TEG_ON_WORKER, work)};
    struct koken_teg_options options = {.undo = undoes};
    struct koken_teg_metrics m;
    koken_teg_sequence(teg, nodes, 5);
    trail[0] = '\0';
    struct koken_teg_run *run = run_with(stage, teg, &options);
    cr_assert_eq(koken_teg_status(run), fails ? -EPROTO : 0);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    leave(stage, teg, run);
    return m;
}

Test(undo, the_last_things_first)
{
    struct koken_teg_metrics m = run_saga(/* undoes= */ true, /* fails= */ true);
    cr_assert_str_eq(trail, "dxba");
    cr_assert_eq(m.undone, 3);
    cr_assert_eq(m.undo_failures, 1);
}

Test(undo, without_the_option_only_what_failed)
{
    struct koken_teg_metrics m = run_saga(/* undoes= */ false, /* fails= */ true);
    cr_assert_str_eq(trail, "d");
    cr_assert_eq(m.undone, 1);
}

Test(undo, nothing_when_all_is_well)
{
    struct koken_teg_metrics m = run_saga(/* undoes= */ true, /* fails= */ false);
    cr_assert_str_eq(trail, "");
    cr_assert_eq(m.undone, 0);
}

static uint32_t lose(int (*fn)(struct koken_teg_call *call), bool has_undo, const char **ret_name)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    int number = 'u';
    koken_teg_node a = koken_teg_add(teg, &(struct koken_teg_effect){.run = fn,
                                                                     .undo = has_undo ? undo : NULL,
                                                                     .arg = &number,
                                                                     .arg_size = sizeof number});
    static char name[16];
    const char *names[2] = {NULL, NULL};
    koken_teg_resource(teg, "ticket", KOKEN_TEG_LINEAR, true);
    koken_teg_resource(teg, "paper", KOKEN_TEG_SHARED, true);
    koken_teg_needs(teg, a, "ticket");
    koken_teg_needs(teg, a, "paper");
    struct koken_teg_run *run = run_of(stage, teg);
    uint32_t lost = koken_teg_lost(run, names, 2);
    (void)snprintf(name, sizeof name, "%s", names[0] ? names[0] : "");
    *ret_name = name;
    leave(stage, teg, run);
    return lost;
}

/* A consumed linear input of a failed node is lost, unless the effect has a compensation. */
Test(undo, lost_linear_resources_are_told)
{
    const char *name;
    cr_assert_eq(lose(do_fail, false, &name), 1);
    cr_assert_str_eq(name, "ticket");
    cr_assert_eq(lose(do_fail, true, &name), 0);
    cr_assert_eq(lose(work, false, &name), 0);
}
