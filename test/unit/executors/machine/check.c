/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: A16, A45, A53: labels that are missing or double, programs and registers that are too large. */
#include "test/support/machine.h"

Test(check, a45_a_label_is_defined_once)
{
    struct koken_machine_error error =
        refused("here:\nconst r0, 1\nhere:\n", KOKEN_CODE_DUPLICATE_LABEL);
    cr_assert(strstr(error.text, "'here'"));
    (void)refused("jump nowhere\n", KOKEN_CODE_LABEL_NOT_FOUND);
    (void)refused("const r0, fn nowhere(r1)\n", KOKEN_CODE_LABEL_NOT_FOUND);
}

Test(check, a53_programs_and_registers_are_bounded)
{
    static char text[200000];
    size_t len = 0;
    for (int i = 0; i < 10000; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "const r0, 1\n");
    }
    struct koken_program *program = assembled(text);
    cr_assert_eq(koken_program_count(program), 10000);
    koken_program_free(program);
    (void)snprintf(text + len, sizeof text - len, "const r0, 1\n");
    (void)refused(text, KOKEN_CODE_PROGRAM_TOO_LARGE);
    (void)refused("const r1024, 1\n", KOKEN_CODE_INVALID_INSTRUCTION);
    program = assembled("const r1023, 1\nreturn r1023\n");
    koken_program_free(program);
}

/* Whatever number is wrong in code that nobody assembled, it is found. */
Test(check, every_operand_is_looked_at)
{
    static const struct kn_insn wrong[] = {
        {.op = KN_OP_MOVE, .b = 1024},
        {.op = KN_OP_SELECT, .d = 1024},
        {.op = KN_OP_JUMP, .d = 0},
        {.op = KN_OP_JUMP, .d = 100},
        {.op = KN_OP_MATCH, .d = 1, .e = 0},
        {.op = KN_OP_CHECK, .d = 0},
        {.op = KN_OP_PERFORM, .d = 0},
        {.op = KN_OP_CONST, .d = 0},
        {.op = KN_OP_CONST, .b = 2, .d = 2},
        {.op = KN_OP_CONST, .b = KOKEN_VALUE_REF},
        {.op = KN_OP_END},
        {.op = 200},
        {.op = KN_OP_MOVE, .kind = 1},
        {.op = KN_OP_CONST, .b = 3, .kind = 4},
        {.op = KN_OP_RETURN, .a = 1024},
        {.op = KN_OP_LABEL, .e = 9},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct koken_program *program = kn_program_new();
        struct koken_machine_error error;
        cr_assert_not_null(program);
        cr_assert_eq(kn_program_symbol(program, "l", 1), 0);
        cr_assert_eq(kn_program_insn(program, wrong[i]), 0);
        cr_assert_eq(kn_program_insn(program, (struct kn_insn){.op = KN_OP_LABEL}), 1);
        cr_assert_lt(kn_program_seal(program, &error), 0, "%u", (unsigned)i);
        koken_program_free(program);
    }
}
