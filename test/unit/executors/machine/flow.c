/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: the static check finds what would be used twice on any way through the program, joins ways, follows
 * loops to their end, knows what a session's registers hold, and refuses what it cannot follow.
 */
#include "test/support/machine.h"

static int checked(const char *text, struct koken_machine_error *error)
{
    struct koken_program *program = assembled(text);
    *error = (struct koken_machine_error){0};
    int rc = koken_program_check(program, error);
    koken_program_free(program);
    return rc;
}

static void finds(const char *text, enum koken_machine_code code, uint32_t pc, uint32_t reg)
{
    struct koken_machine_error error;
    cr_assert_lt(checked(text, &error), 0);
    cr_assert_eq(error.code, code, "%s", error.text);
    cr_assert_eq(error.pc, pc);
    cr_assert_eq(error.reg, reg);
}

static void accepts(const char *text)
{
    struct koken_machine_error error;
    cr_assert_eq(checked(text, &error), 0, "%s", error.text);
}

Test(flow, a24_twice_on_one_way)
{
    finds("witness r1\nmove r1, r2\nmove r1, r3\n", KOKEN_CODE_REGISTER_CONSUMED, 2, 1);
    finds("move r1, r2\n", KOKEN_CODE_REGISTER_NOT_FOUND, 0, 1);
    accepts("const r1, !1\nmove r1, r2\nmove r1, r3\nadd r2, r3, r4\n");
}

Test(flow, ways_that_disagree)
{
    finds("const r0, true\nconst r9, 1\nmatch r0, r1, r2, a, b\na:\nmove r9, r8\nb:\nmove r9, r7\n",
          KOKEN_CODE_BRANCHES_DISAGREE, 6, 9);
    accepts("const r0, true\nconst r9, 1\nmatch r0, r1, r2, a, b\na:\nmove r9, r8\njump c\n"
            "b:\nmove r9, r8\nc:\nreturn r8\n");
    finds("const r0, true\nconst r2, 1\nconst r3, 1\nselect r0, r2, r3, r4\nmove r2, r5\n",
          KOKEN_CODE_BRANCHES_DISAGREE, 4, 2);
}

Test(flow, loops_are_followed)
{
    finds("const r1, 1\nagain:\nmove r1, r2\njump again\n", KOKEN_CODE_BRANCHES_DISAGREE, 2, 1);
    accepts("const r1, 1\nagain:\nmove r1, r2\nmove r2, r1\njump again\n");
}

Test(flow, what_cannot_be_reached_is_not_looked_at)
{
    accepts("jump end\nmove r7, r8\nend:\n");
}

Test(flow, functions_see_their_parameters_only)
{
    finds("const r1, fn f(r2)\nconst r5, 1\nreturn\nf:\nmove r5, r6\nreturn r6\n",
          KOKEN_CODE_REGISTER_NOT_FOUND, 4, 5);
    accepts("const r1, fn f(r2) with r5\nconst r5, !1\nreturn\nf:\nadd r5, r2, r6\nreturn r6\n");
}

Test(flow, the_second_set_has_its_own_words)
{
    struct koken_machine_error error;
    cr_assert_lt(checked("tensor r1, r2, r3\n", &error), 0);
    cr_assert(strstr(error.text, "Left value not found in register"));
    cr_assert_lt(checked("const r1, 1\ncompose r1, r2, r3\n", &error), 0);
    cr_assert(strstr(error.text, "Second morphism not found in register"));
    cr_assert_lt(checked(".isa 5\nconsume r1, r2\n", &error), 0);
    cr_assert(strstr(error.text, "Resource not found in register"));
    cr_assert_lt(checked(".isa 5\nconst r1, type int\nalloc r1, r2, r3\n", &error), 0);
    cr_assert(strstr(error.text, "Init value not found in register"));
}

Test(flow, many_registers_and_labels_go_beyond_the_small_scratch)
{
    static char text[40000];
    size_t len = 0;
    for (int i = 0; i < 1000; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "l%d:\nconst r%d, %d\n", i, i, i);
    }
    accepts(text);
    (void)snprintf(text + len, sizeof text - len, "move r999, r1\nmove r999, r2\n");
    finds(text, KOKEN_CODE_REGISTER_CONSUMED, 2001, 999);
}

/* A chain of jumps backwards, each of which tells the one before it one thing more. */
Test(flow, a_tangle_is_refused)
{
    static char text[60000];
    size_t len = (size_t)snprintf(text, sizeof text, "jump l499\n");
    for (int i = 0; i < 500; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "l%d:\nconst r%d, 1\njump l%d\n", i,
                                i, i > 0 ? i - 1 : 0);
    }
    finds(text, KOKEN_CODE_INVALID_INSTRUCTION, 0, KOKEN_NO_REGISTER);
}
