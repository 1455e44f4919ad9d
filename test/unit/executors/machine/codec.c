/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: what is encoded is decoded to the same program with the same bytes; any bytes that were changed or cut
 * off give a program or an error, and never run past their gas; the corpus of the fuzzer says the same.
 */
#include "base/alloc.h"
#include "test/support/machine.h"

static const char everything[] =
    "start: const r1, !42\nconst r4, product(1, tensor(\"a\", inl(unit)))\nconst r5, type sum(int, "
    "bool)\n"
    "const r6, !fn body(r7) with r1\nconst r7, builtin add\nwitness r8 !\nadd r1, r8, r10 !\n"
    "check and(equal(r1, r8), has_type(r1, int))\nperform \"x\" pre true hint \"h\", r12\n"
    "const r2, true\nselect r2, r1, r8, r13\nalloc r5, r4, r3\nconsume r3, r14\n"
    "const r15, 300\napply r6, r15, r16\n.isa 5\ntransform r7, r16, r17\ntensor r17, r13, r18\n"
    "const r19, false\nmatch r19, r20, r21, start, end\nend:\nreturn r18\nbody:\nreturn r7\n";

static struct koken_machine_result run_bytes(const uint8_t *bytes, size_t size,
                                             bool *ret_is_program)
{
    struct koken_program *program;
    struct koken_machine *m;
    struct koken_machine_error error;
    struct koken_machine_result result = {0};
    *ret_is_program = koken_program_decode(bytes, size, &program, &error) == 0;
    if (*ret_is_program) {
        struct koken_machine_config config = {.gas = 3000, .no_static = true};
        static uint8_t again[20000];
        static char text[20000];
        cr_assert_eq(koken_program_encode(program, again, sizeof again), size);
        cr_assert_arr_eq(again, bytes, size);
        (void)koken_program_print(program, text, sizeof text);
        cr_assert_eq(koken_machine_new(&config, &m), 0);
        int rc = koken_machine_run(m, program, &result);
        cr_assert_eq(rc == 0, result.error.code == KOKEN_CODE_FINE);
        cr_assert_leq(result.gas_used, 3000);
        (void)koken_machine_print(m, result.value, text, sizeof text);
        koken_machine_free(m);
        koken_program_free(program);
    }
    return result;
}

Test(codec, there_and_back)
{
    static uint8_t bytes[5000];
    bool is_program;
    struct koken_program *program = assembled(everything);
    size_t size = koken_program_encode(program, bytes, sizeof bytes);
    cr_assert_lt(size, 400);
    cr_assert_eq(koken_program_encode(program, NULL, 0), size);
    koken_program_free(program);
    struct koken_machine_result result = run_bytes(bytes, size, &is_program);
    cr_assert(is_program);
    cr_assert_eq(result.error.code, KOKEN_CODE_FINE, "%s", result.error.text);
}

Test(codec, whatever_the_bytes_are)
{
    static uint8_t bytes[5000], changed[5000];
    struct koken_program *program = assembled(everything);
    size_t size = koken_program_encode(program, bytes, sizeof bytes), programs = 0;
    bool is_program;
    koken_program_free(program);
    for (size_t cut = 0; cut < size; cut++) {
        (void)run_bytes(bytes, cut, &is_program);
        cr_assert(!is_program);
    }
    for (size_t i = 0; i < size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(changed, bytes, size);
            changed[i] = (uint8_t)(changed[i] ^ (1u << bit));
            (void)run_bytes(changed, size, &is_program);
            programs += is_program;
        }
    }
    cr_assert_gt(programs, 50); /* some are programs still: another register, another number */
    bytes[size] = 0;
    (void)run_bytes(bytes, size + 1, &is_program);
    cr_assert(!is_program);
    (void)run_bytes((const uint8_t *)"KASM\1\x80\0\0\0\0\0\0", 12, &is_program);
    cr_assert(!is_program); /* a number that is longer than it must be */
}

#ifdef KN_DEBUG
/* A program is in one block, and its tables in theirs; whichever of them is refused, nothing is left. */
Test(codec, no_memory_leaves_nothing)
{
    static uint8_t bytes[5000];
    struct koken_program *program = assembled(everything);
    size_t size = koken_program_encode(program, bytes, sizeof bytes);
    koken_program_free(program);
    uint64_t live = kn_alloc_live();
    int rc = -ENOMEM;
    uint32_t tries = 0;
    for (; rc < 0; tries++) {
        struct koken_machine_error error;
        cr_assert_lt(tries, 100);
        kn_alloc_fail_after(tries);
        rc = koken_program_decode(bytes, size, &program, &error);
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || (rc == -ENOMEM && error.code == KOKEN_CODE_NO_MEMORY));
        cr_assert_eq(kn_alloc_live() == live, rc < 0);
    }
    cr_assert_gt(tries, 6); /* tables of five sorts, and texts */
    koken_program_free(program);
    cr_assert_eq(kn_alloc_live(), live);
}
#endif
