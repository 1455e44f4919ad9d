/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: what the assembler reads, what it refuses with the line, and that printed programs are the same. */
#include "test/support/machine.h"

static const char everything[] =
    "; a comment\n"
    "start: const r1, !42 ; another\n"
    "    const r2 relevant unit\n"
    "    const r3, linear false\n"
    "    const r4, product(1, tensor(\"a\\\"b\\\\c\\x07\", inl(inr(unit))))\n"
    "    const r5, sum(\"other\", type product(int, sum(bool, function(any, resource))))\n"
    "    const r6, ! fn body(r7, r8) with r1\n"
    "    const r7, builtin div\n"
    "    const r9, fn body()\n"
    "    witness r8 unrestricted\n"
    "    add r1, r8, r10 !\n"
    "    move r10 r11\n"
    "    check and(or(true, not(equal(r1, r8))), has_type(r1, product(int, int)))\n"
    "    check is_owner(r1, me)\n"
    "    perform \"send it\" pre less(r1, r8) post is_consumed(r9) hint parallel, r12\n"
    "    select r3, r2, r4, r13\n"
    "    alloc r1, r2, r3\n"
    "    .isa 5\n"
    "    alloc r1, r2, r3\n"
    "    consume r3, r4\n"
    "    transform r1, r2, r3\n"
    "    compose r1, r2, r3\n"
    "    .isa 11\n"
    "    consume r3, r4\n"
    "    match r5, r6, r7, start, body\n"
    "body:\n"
    "label \"an odd name\"\n"
    "    jump \"an odd name\"\n"
    "    return\n"
    "    return r1";

Test(asm, a_printed_program_is_the_same)
{
    static char first[5000], second[5000];
    struct koken_program *program = assembled(everything);
    size_t len = koken_program_print(program, first, sizeof first);
    cr_assert_eq(len, strlen(first));
    cr_assert_eq(koken_program_print(program, NULL, 0), len);
    uint32_t stamp = program->stamp, count = koken_program_count(program);
    koken_program_free(program);
    program = assembled(first);
    (void)koken_program_print(program, second, sizeof second);
    cr_assert_str_eq(first, second);
    cr_assert_eq(koken_program_count(program), count);
    cr_assert_neq(stamp, 0);
    koken_program_free(program);
}

Test(asm, what_is_wrong_is_told_with_its_line)
{
    static const char *const texts[] = {
        "dance r1\n",
        "move r1\n",
        "move r1, r2, r3\n",
        "const r1\n",
        "const r1, what\n",
        "const r1, (1\n",
        "const r1, \"open\n",
        "const r1, \"\\q\"\n",
        "const r1, product(1)\n",
        "const r1, type what\n",
        ".isa 7\n",
        "move r1, r2 !\n",
        "check what\n",
        "check equal(r1)\n",
        "perform\n",
        "const r1, 4294967296\n",
        "const r1, fn\n",
        "return 5\n",
        "\x01\n",
        "const r1, fn f(r1,r1,r1,r1,r1,r1,r1,r1,r1)\nf:\n",
        "move rr, r2\n",
        "const r1, !\n",
        "end\n",
        "const r1, builtin \n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[200];
        struct koken_program *program;
        struct koken_machine_error error;
        (void)snprintf(text, sizeof text, "\n; nothing\n%s", texts[i]);
        cr_assert_lt(koken_program_assemble(text, strlen(text), &program, &error), 0, "%s", text);
        cr_assert(error.code == KOKEN_CODE_SYNTAX || error.code == KOKEN_CODE_UNKNOWN_BUILTIN, "%s",
                  text);
        cr_assert_eq(error.pc, 3, "%s: %u", text, error.pc);
    }
}

Test(asm, nesting_is_bounded)
{
    char text[4000] = "const r1, ";
    for (int i = 0; i < 100; i++) {
        strncat(text, "inl(", sizeof text - strlen(text) - 1);
    }
    (void)refused(text, KOKEN_CODE_SYNTAX);
    (void)snprintf(text, sizeof text, "check ");
    for (int i = 0; i < 100; i++) {
        strncat(text, "not(", sizeof text - strlen(text) - 1);
    }
    (void)refused(text, KOKEN_CODE_SYNTAX);
}
