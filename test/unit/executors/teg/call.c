/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: what effects see and answer: bytes, arguments, inputs in the order of the links. */
#include "test/support/teg.h"

static int say(struct koken_teg_call *call)
{
    cr_assert_eq(koken_teg_answer_bytes(call, "first", 5), 0);
    cr_assert_eq(koken_teg_answer_bytes(call, koken_teg_arg(call), koken_teg_arg_size(call)), 0);
    cr_assert_eq(koken_teg_answer_bytes(call, NULL, (size_t)UINT32_MAX + 1), -E2BIG);
    return 0;
}

static int join_words(struct koken_teg_call *call)
{
    char text[100] = "";
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        strncat(text, koken_teg_input(call, i).bytes, sizeof text - strlen(text) - 1);
    }
    cr_assert_null(koken_teg_arg(call));
    cr_assert_eq(koken_teg_arg_size(call), 0);
    cr_assert_eq(koken_teg_attempt(call), 0);
    cr_assert(!koken_teg_cancelled(call));
    cr_assert(!koken_teg_is_undo(call));
    return koken_teg_answer_bytes(call, text, strlen(text));
}

static koken_teg_node word(struct koken_teg *teg, const char *text)
{
    return koken_teg_add(
        teg, &(struct koken_teg_effect){.run = say, .arg = text, .arg_size = strlen(text)});
}

Test(call, bytes_are_copied_and_inputs_come_in_order)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node join = koken_teg_add(teg, &(struct koken_teg_effect){.run = join_words});
    koken_teg_node b = word(teg, "world"), a = word(teg, "hello, ");
    koken_teg_link(teg, a, join);
    koken_teg_link(teg, b, join);
    struct koken_teg_run *run = run_of(stage, teg);
    struct koken_teg_value value = koken_teg_value(run, join);
    cr_assert_eq(value.size, 12);
    cr_assert_str_eq(value.bytes, "hello, world");
    cr_assert_eq((uintptr_t)value.bytes % 16, 0);
    leave(stage, teg, run);
}

static int empty(struct koken_teg_call *call)
{
    return koken_teg_answer_bytes(call, "", 0);
}

static int fail_with_bytes(struct koken_teg_call *call)
{
    cr_assert_eq(koken_teg_answer_bytes(call, "gone", 4), 0);
    return -EPROTO;
}

Test(call, nothing_is_bytes_too_and_a_failure_has_none)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = koken_teg_add(teg, &(struct koken_teg_effect){.run = empty}),
                   b = koken_teg_add(teg, &(struct koken_teg_effect){.run = fail_with_bytes});
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    struct koken_teg_run *run = run_with(stage, teg, &options);
    cr_assert_not_null(koken_teg_value(run, a).bytes);
    cr_assert_eq(koken_teg_value(run, a).size, 0);
    cr_assert(koken_teg_value(run, b).is_missing);
    leave(stage, teg, run);
}

/* A race's result is its winner's, bytes and items too; a parallel of parallels has items of items. */
Test(call, joins_pass_results_on)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node one = word(teg, "only"), two = word(teg, "two");
    koken_teg_node pair[2] = {two, word(teg, "three")};
    koken_teg_node inner = koken_teg_parallel(teg, NULL, pair, 2);
    koken_teg_node race = koken_teg_race(teg, NULL, &one, 1),
                   race2 = koken_teg_race(teg, NULL, &inner, 1);
    koken_teg_node outer[2] = {race, race2};
    koken_teg_node all = koken_teg_parallel(teg, NULL, outer, 2);
    struct koken_teg_run *run = run_of(stage, teg);
    struct koken_teg_value value = koken_teg_value(run, all);
    cr_assert_eq(value.item_count, 2);
    cr_assert_str_eq(value.items[0].bytes, "only");
    cr_assert_eq(value.items[1].item_count, 2);
    cr_assert_str_eq(value.items[1].items[1].bytes, "three");
    leave(stage, teg, run);
}
