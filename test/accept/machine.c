/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a hostile program reads nothing outside its registers, overflows no stack, runs past no gas, and makes no
 * two of what is linear, by whatever instruction, parcel or snapshot: each attempt is the documented error, with the
 * static check and without.
 */
#include "test/support/machine.h"

#include <koken/parcel.h>

/* ---- outside the registers ---- */

/* A program of bytes: tables, then one instruction, after the count of its registers. */
static enum koken_machine_code code_of_bytes(const uint8_t *tables, size_t size, uint8_t op,
                                             uint32_t reg)
{
    uint8_t bytes[64] = {'K', 'A', 'S', 'M', 1};
    size_t len = 5;
    struct koken_program *program;
    struct koken_machine_error error = {0};
    memcpy(bytes + len, tables, size);
    len += size;
    bytes[len++] = 1; /* instruction */
    bytes[len++] = op;
    for (int i = 0; i < (op == KN_OP_MOVE ? 2 : 1); i++) {
        uint32_t left = reg;
        for (; left > 127; left >>= 7) { /* ends: seven bits fewer each time */
            bytes[len++] = (uint8_t)(left | 128);
        }
        bytes[len++] = (uint8_t)left;
    }
    if (koken_program_decode(bytes, len, &program, &error) == 0) {
        koken_program_free(program);
    }
    return error.code;
}

Test(machine_hostile, registers_that_are_not_there)
{
    static const uint8_t none[5] = {0};
    static const uint32_t regs[] = {1024, 1025, 5000, 65534, 65535, 70000, UINT32_MAX};
    cr_assert_eq(code_of_bytes(none, sizeof none, KN_OP_MOVE, 1023), KOKEN_CODE_FINE);
    cr_assert_eq(code_of_bytes(none, sizeof none, KN_OP_RETURN, 1023), KOKEN_CODE_FINE);
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        enum koken_machine_code code = code_of_bytes(none, sizeof none, KN_OP_MOVE, regs[i]);
        cr_assert(code == KOKEN_CODE_INVALID_INSTRUCTION || code == KOKEN_CODE_BAD_BYTES);
        code = code_of_bytes(none, sizeof none, KN_OP_RETURN, regs[i]);
        cr_assert(regs[i] == KOKEN_NO_REGISTER /* returns nothing */
                      ? code == KOKEN_CODE_FINE
                      : code == KOKEN_CODE_INVALID_INSTRUCTION || code == KOKEN_CODE_BAD_BYTES);
    }
    /* equal(r1024, r0) */
    static const uint8_t condition[] = {0, 0, 0, 1, KN_CONDITION_EQUAL, 0x80, 8, 0, 0};
    cr_assert_neq(code_of_bytes(condition, sizeof condition, KN_OP_RETURN, 0), KOKEN_CODE_FINE);
    (void)refused("move r1024, r0\n", KOKEN_CODE_INVALID_INSTRUCTION);
    (void)refused("check equal(r1024, r0)\n", KOKEN_CODE_INVALID_INSTRUCTION);
    (void)refused("const r0, fn f(r1) with r4000\nf:\n", KOKEN_CODE_INVALID_INSTRUCTION);
}

/* Without the static check; with it the same, or what says that it may be so. */
static enum koken_machine_code code_of(const char *text)
{
    enum koken_machine_code codes[2];
    for (int is_dynamic = 0; is_dynamic < 2; is_dynamic++) {
        struct bench_of bench =
            ran_with(text, (struct koken_machine_config){.no_static = is_dynamic != 0});
        codes[is_dynamic] = bench.result.error.code;
        cr_assert_eq(koken_machine_left(bench.machine, NULL, 0), 0); /* nothing was made */
        over(&bench);
    }
    cr_assert_eq(koken_machine_class_of(codes[0]), koken_machine_class_of(codes[1]), "%s", text);
    return codes[1];
}

Test(machine_hostile, other_windows_are_not_seen)
{
    cr_assert_eq(code_of("const r1, 5\nconst r2, !fn f(r3)\nconst r4, 1\napply r2, r4, r5\n"
                         "return r5\nf:\nreturn r1\n"),
                 KOKEN_CODE_REGISTER_NOT_FOUND);
    /* what the last call has left is not in the next one */
    cr_assert_eq(code_of("const r2, !fn f(r3)\nconst r1, !fn g(r3)\nconst r4, 1\n"
                         "transform r2, r4, r5\nconst r4, 1\ntransform r1, r4, r5\nreturn r5\n"
                         "f:\nconst r9, 7\nreturn r9\ng:\nreturn r9\n"),
                 KOKEN_CODE_REGISTER_NOT_FOUND);
}

/* ---- stacks and gas ---- */

Test(machine_hostile, stacks_do_not_overflow)
{
    cr_assert_eq(code_of("const r1, !fn f(r2) with r1\nconst r2, 1\ntransform r1, r2, r3\n"
                         "return r3\nf:\ntransform r1, r2, r3\nreturn r3\n"),
                 KOKEN_CODE_CALL_STACK_OVERFLOW);
    /* values in values */
    cr_assert_eq(code_of("const r1, unit\nmore:\nconst r2, unit\ntensor r1, r2, r1\njump more\n"),
                 KOKEN_CODE_RESOURCE_LIMIT);
    cr_assert_eq(code_of("const r1, !builtin increment\nmore:\ncompose r1, r1, r1\njump more\n"),
                 KOKEN_CODE_RESOURCE_LIMIT);
    /* a function of 2^100 functions */
    static char text[6000];
    size_t len = (size_t)snprintf(text, sizeof text, "const r1, !builtin identity\n");
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "compose r1, r1, r1\n");
    }
    (void)snprintf(text + len, sizeof text - len, "const r2, 1\ntransform r1, r2, r3\nreturn r3\n");
    enum koken_machine_code code = code_of(text);
    cr_assert(code == KOKEN_CODE_OUT_OF_GAS || code == KOKEN_CODE_CALL_STACK_OVERFLOW);
}

Test(machine_hostile, nothing_runs_past_its_gas)
{
    static const char *const loops[] = {
        "more:\njump more\n",
        "more:\nconst r1, true\nmatch r1, r2, r3, more, more\n",
        "const r1, !sum(a, 1)\nmore:\ncase r1, r2, a, more, more\n",
        "more:\nperform \"mail\", r1\njump more\n",
        "more:\nwitness r1\njump more\n",
        "const r1, !fn f(r2)\nmore:\nconst r2, 1\ntransform r1, r2, r3\njump more\nf:\nreturn r2\n",
        "const r0, !type int\nmore:\nconst r1, 1\nalloc r0, r1, r2\nconsume r2, r3\njump more\n",
        ("const r1, !builtin identity\ncompose r1, r1, r2\ncompose r2, r2, r2\nmore:\n"
         "const r3, 1\ntransform r2, r3, r4\njump more\n"),
    };
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        for (uint64_t gas = 1; gas < 500; gas += gas < 20 ? 1 : 97) {
            struct koken_machine_config config = {.gas = gas};
            struct bench_of whole = ran_with(loops[i], config);
            config.steps_max = UINT64_MAX; /* one by one */
            struct bench_of single = ran_with(loops[i], config);
            cr_assert_eq(whole.result.error.code, KOKEN_CODE_OUT_OF_GAS, "%s", loops[i]);
            cr_assert_eq(single.result.error.code, KOKEN_CODE_OUT_OF_GAS);
            cr_assert_leq(whole.result.gas_used, gas);
            cr_assert_leq(single.result.gas_used, gas);
            cr_assert_eq(whole.result.gas_used, single.result.gas_used, "%s", loops[i]);
            cr_assert_eq(whole.result.error.pc, single.result.error.pc, "%s", loops[i]);
            over(&whole);
            over(&single);
        }
    }
}

/* ---- two of one ---- */

#define TICKET "const r0, !type int\nconst r1, 7\nalloc r0, r1, r2\n"

Test(machine_hostile, no_instruction_makes_two_of_one)
{
    static const struct {
        const char *text;
        enum koken_machine_code code;
    } attempts[] = {
        {"move r2, r3\nmove r2, r4\n", KOKEN_CODE_REGISTER_CONSUMED},
        {"tensor r2, r2, r3\n", KOKEN_CODE_REGISTER_CONSUMED},
        {"consume r2, r3\nconsume r2, r4\n", KOKEN_CODE_REGISTER_CONSUMED},
        {".isa 5\nconsume r2, r3\nconsume r2, r4\n", KOKEN_CODE_REGISTER_CONSUMED},
        {"alloc r0, r2, r3\nalloc r0, r2, r4\n", KOKEN_CODE_REGISTER_CONSUMED},
        {"const r5, true\nselect r5, r2, r2, r3\nconsume r3, r4\nconsume r2, r6\n",
         KOKEN_CODE_REGISTER_CONSUMED},
        {"const r5, !builtin identity\ntransform r5, r2, r3\napply r5, r2, r4\n",
         KOKEN_CODE_REGISTER_CONSUMED},
        /* a pair, a sum and what is in them */
        {"const r5, 1\ntensor r2, r5, r3\nsplit r3, r4, r5\nsplit r3, r6, r7\n",
         KOKEN_CODE_REGISTER_CONSUMED},
        {"const r5, builtin inl\napply r5, r2, r3\nmatch r3, r4, r6, yes, no\nyes:\n"
         "match r3, r7, r8, no, no\nno:\nreturn\n",
         KOKEN_CODE_REGISTER_CONSUMED},
        {"const r5, builtin inl\napply r5, r2, r3\ncase r3, r4, inl, yes, no\nyes:\n"
         "case r3, r6, inl, no, no\nno:\nreturn\n",
         KOKEN_CODE_REGISTER_CONSUMED},
        /* functions that have it: only looked at, so there are two names, and one ticket */
        {"const r5, !builtin pair\ntransform r5, r2, r6\nconst r8, 1\ntransform r6, r8, r9\n"
         "const r8, 2\ntransform r6, r8, r10\nsplit r9, r11, r12\nsplit r10, r13, r14\n"
         "consume r11, r15\nconsume r13, r16\n",
         KOKEN_CODE_RESOURCE_CONSUMED},
        {"const r5, !builtin pair\ntransform r5, r2, r6\ncompose r6, r5, r7\n",
         KOKEN_CODE_CANNOT_COPY},
        {"const r5, !fn f(r1) with r2\nconst r6, 1\ntransform r5, r6, r7\nreturn\nf:\nreturn r1\n",
         KOKEN_CODE_CANNOT_COPY},
        /* sent, and kept */
        {"const r9, type send(resource, end)\nconst r1, unit\nalloc r9, r1, r3\n"
         "split r3, r10, r20\nconst r5, !builtin send\ntensor r10, r2, r4\ntransform r5, r4, r10\n"
         "consume r2, r6\n",
         KOKEN_CODE_REGISTER_CONSUMED},
        /* written over, left behind */
        {"const r2, 1\n", KOKEN_CODE_OVERWRITE_LIVE},
        {"perform \"mail\", r2\n", KOKEN_CODE_OVERWRITE_LIVE},
        {"return\n", KOKEN_CODE_NOT_CONSUMED},
    };
    char text[600];
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%s", TICKET, attempts[i].text);
        enum koken_machine_code code = code_of(text);
        cr_assert_eq(code, attempts[i].code, "%s: %s", koken_machine_code_name(code),
                     attempts[i].text);
    }
}

static int use(struct koken_machine *machine, const char *text)
{
    struct koken_machine_result result;
    struct koken_program *program = assembled(text);
    int rc = koken_machine_run(machine, program, &result);
    koken_program_free(program);
    return rc;
}

/* Two sessions of one snapshot: a ledger lets one use the ticket; without one the nullifiers tell. */
Test(machine_hostile, snapshots_do_not_make_two_of_one)
{
    for (int has_ledger = 0; has_ledger < 2; has_ledger++) {
        struct koken_ledger *ledger = NULL;
        cr_assert(!has_ledger || koken_ledger_new(0, &ledger) == 0);
        struct koken_machine_config config = {
            .keeps_state = true, .ledger = ledger, .origin = 3, .key = {9}};
        struct bench_of bench = ran_with(TICKET, config);
        uint8_t bytes[500], nullifiers[2][32];
        size_t size = 0;
        struct koken_machine *twin;
        cr_assert_eq(bench.rc, 0);
        cr_assert_eq(koken_machine_snapshot(bench.machine, bytes, sizeof bytes, &size), 0);
        cr_assert_eq(koken_machine_restore(&config, bytes, size, &twin), 0);
        cr_assert_eq(use(bench.machine, "consume r2, r3\n"), 0);
        cr_assert_eq(use(twin, "consume r2, r3\n"), has_ledger ? -EPERM : 0);
        cr_assert_eq(koken_machine_nullifier(bench.machine, 0, nullifiers[0]), 0);
        cr_assert_eq(koken_machine_nullifier(twin, 0, nullifiers[1]), has_ledger ? -ESRCH : 0);
        if (!has_ledger) {
            cr_assert_arr_eq(nullifiers[0], nullifiers[1], 32);
        }
        /* and no second use in either of them */
        cr_assert_eq(use(bench.machine, "consume r2, r4\n"), -EPERM);
        koken_machine_free(twin);
        over(&bench);
        koken_ledger_free(ledger);
    }
}

Test(machine_hostile, parcels_do_not_make_two_of_one)
{
    struct koken_machine_config config = {.keeps_state = true, .origin = 3};
    struct bench_of bench = ran_with(TICKET, config);
    struct koken_parcel *parcel = NULL, *copy, *again = NULL;
    struct koken_machine *other;
    size_t size;
    config.origin = 4;
    cr_assert_eq(koken_machine_new(&config, &other), 0);
    cr_assert_eq(koken_machine_take(bench.machine, 2, &parcel), 0);
    cr_assert_eq(koken_machine_take(bench.machine, 2, &again), -EINVAL);
    cr_assert_null(again);
    cr_assert_eq(use(bench.machine, "consume r2, r3\n"), -EPERM);
    const void *bytes = koken_parcel_bytes(parcel, &size);
    cr_assert_eq(koken_parcel_of_bytes(bytes, size, &copy), 0);
    cr_assert_eq(koken_machine_accept(other, 1, &parcel), 0);
    cr_assert_eq(koken_machine_accept(other, 2, &copy), -EPERM); /* it is here */
    cr_assert_eq(use(other, "consume r1, r3\n"), 0);
    cr_assert_eq(koken_machine_accept(other, 2, &copy), -EPERM); /* it was used here */
    koken_parcel_free(copy);
    koken_machine_free(other);
    over(&bench);
}
