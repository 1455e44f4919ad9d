/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: what each instruction does: the acceptance tests A01 to A60 of the register machine that are about
 * running; and that gas and steps are counted the same by block, one by one, and in slices.
 */
#include "test/support/machine.h"

Test(exec, the_program_of_document_000_gives_42)
{
    returns("witness r0\nmove r0, r1\nreturn r1\n", "42");
}

Test(exec, a01_move_consumes)
{
    struct bench_of bench = ran("const r1, 42\nmove r1, r2\n");
    cr_assert_eq(bench.rc, 0);
    cr_assert(is_live(&bench, 2));
    cr_assert_str_eq(reg_of(&bench, 2), "42");
    cr_assert_eq(koken_machine_register(bench.machine, 1).state, KOKEN_REGISTER_CONSUMED);
    over(&bench);
}

Test(exec, a02_alloc_and_consume)
{
    struct bench_of bench =
        ran("const r1, type int\nconst r2, 42\nalloc r1, r2, r3\nconsume r3, r4\nreturn r4\n");
    uint8_t nullifier[32];
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(bench.result.value.data, 42);
    cr_assert_eq(bench.result.resources_made, 1);
    cr_assert_eq(bench.result.resources_consumed, 1);
    cr_assert_eq(koken_machine_nullifier(bench.machine, 0, nullifier), 0);
    cr_assert_eq(koken_machine_nullifier(bench.machine, 1, nullifier), -ESRCH);
    over(&bench);
}

Test(exec, a04_a05_select_consumes_what_it_takes)
{
    for (int i = 0; i < 2; i++) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "const r1, %s\nconst r2, 42\nconst r3, 99\nselect r1, r2, r3, r4\n",
                       i == 0 ? "true" : "false");
        struct bench_of bench = ran(text);
        cr_assert_eq(bench.rc, 0);
        cr_assert_str_eq(reg_of(&bench, 4), i == 0 ? "42" : "99");
        cr_assert(!is_live(&bench, 1));
        cr_assert_eq(is_live(&bench, 2), i != 0);
        cr_assert_eq(is_live(&bench, 3), i == 0);
        over(&bench);
    }
}

Test(exec, a06_select_wants_a_boolean)
{
    fails("const r1, 1\nconst r2, 42\nconst r3, 99\nselect r1, r2, r3, r4\n",
          KOKEN_CODE_NOT_A_BOOLEAN, 3);
}

Test(exec, a08_a_function_is_used_up_by_its_call)
{
    fails("const r1, fn rec(r10)\nconst r2, 1\napply r1, r2, r3\nreturn r3\n"
          "rec:\napply r1, r10, r11\nreturn r11\n",
          KOKEN_CODE_REGISTER_NOT_FOUND, 5);
}

static const char endless[] = "const r1, !fn rec(r2) with r1\nconst r2, 1\napply r1, r2, r3\n"
                              "return r3\nrec:\napply r1, r2, r3\nreturn r3\n";

Test(exec, a09_calls_are_256_deep_at_most)
{
    struct bench_of bench = ran(endless);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_CALL_STACK_OVERFLOW);
    cr_assert_eq(bench.result.error.depth, 256);
    cr_assert_eq(bench.result.error.path[0], 5);
    cr_assert_str_eq(bench.result.error.instruction, "apply r1, r2, r3");
    cr_assert_eq(koken_machine_class_of(bench.result.error.code), KOKEN_CLASS_MACHINE);
    over(&bench);
}

Test(exec, a10_return_at_depth_0_halts)
{
    returns("return\nconst r0, 1\n", "unit");
}

static const char branches[] = "const r1, %s\nmatch r1, r2, r3, left, right\n"
                               "left:\njump end\nright:\nconst r5, 1\nend:\n";

Test(exec, a12_a13_a14_match)
{
    static const char *const sums[] = {"sum(\"left\", 42)", "sum(\"inr\", 42)",
                                       "sum(\"middle\", 42)"};
    for (int i = 0; i < 3; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, branches, sums[i]);
        struct bench_of bench = ran(text);
        if (i == 2) {
            cr_assert_eq(bench.result.error.code, KOKEN_CODE_INVALID_SUM_TAG);
            cr_assert_eq(bench.result.error.reg, 1);
        } else {
            cr_assert_eq(bench.rc, 0);
            cr_assert_str_eq(reg_of(&bench, 2), i == 0 ? "42" : "nothing");
            cr_assert_str_eq(reg_of(&bench, 3), i == 1 ? "42" : "nothing");
            cr_assert_eq(is_live(&bench, 5), i == 1);
        }
        over(&bench);
    }
    fails("const r1, 1\nmatch r1, r2, r3, l, l\nl:\n", KOKEN_CODE_NOT_A_SUM, 1);
}

Test(exec, a16_a_missing_label_is_found_at_the_load)
{
    (void)refused("const r1, inl(1)\nmatch r1, r2, r3, here, nowhere\nhere:\n",
                  KOKEN_CODE_LABEL_NOT_FOUND);
}

Test(exec, a17_a18_a20_a21_conditions)
{
    struct bench_of bench =
        ran("const r1, 42\nconst r2, 42\ncheck equal(r1, r2)\n"
            "check is_consumed(r7)\ncheck not(or(less(r1, r2), false))\n"
            "check has_type(r1, int)\ncheck and(greater_equal(r1, r2), true)\n");
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(bench.result.constraints, 5);
    cr_assert(is_live(&bench, 1));
    cr_assert(is_live(&bench, 2));
    over(&bench);
    fails("const r1, 42\nconst r2, 99\ncheck equal(r1, r2)\n", KOKEN_CODE_CONSTRAINT_VIOLATION, 2);
    fails("const r1, true\nconst r2, 1\ncheck less(r1, r2)\n", KOKEN_CODE_TYPE_MISMATCH, 2);
    fails("const r1, 1\ncheck equal(r1, r2)\n", KOKEN_CODE_REGISTER_NOT_FOUND, 1);
    fails("check is_owner(r1, \"me\")\n", KOKEN_CODE_CONSTRAINT_VIOLATION, 0);
    fails("check predicate(\"what\")\n", KOKEN_CODE_NOT_IMPLEMENTED, 0);
}

Test(exec, a22_effects_are_recorded)
{
    struct bench_of bench =
        ran("const r1, 100\nperform \"transfer\" pre true post false hint \"parallel\", r2\n");
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(bench.result.effects, 1);
    cr_assert_str_eq(koken_machine_effect(bench.machine, 0), "transfer");
    cr_assert_str_eq(reg_of(&bench, 2), "effect(\"transfer\")");
    over(&bench);
    fails("perform \"x\" pre false, r2\n", KOKEN_CODE_PRECONDITION_FAILED, 0);
}

Test(exec, a24_a26_a29_nothing_is_used_twice)
{
    fails("witness r1\nmove r1, r2\nmove r1, r3\n", KOKEN_CODE_REGISTER_CONSUMED, 2);
    fails("const r1, type int\nconst r2, 1\nalloc r1, r2, r3\nconsume r3, r4\nconsume r3, r5\n",
          KOKEN_CODE_REGISTER_CONSUMED, 4);
    fails("const r1, type int\nconst r2, 1\nalloc r1, r2, r3\nmove r3, r5\nconsume r5, r6\n"
          "consume r3, r7\n",
          KOKEN_CODE_REGISTER_CONSUMED, 5);
}

Test(exec, a28_only_resources_are_consumed)
{
    fails("const r1, 5\nconsume r1, r2\n", KOKEN_CODE_NOT_A_RESOURCE, 1);
}

Test(exec, a32_a33_a34_apply)
{
    fails("const r1, fn f(r1, r2)\nconst r2, 1\napply r1, r2, r3\nf:\n", KOKEN_CODE_ARITY_MISMATCH,
          2);
    returns("const r1, builtin inl\nconst r2, 7\napply r1, r2, r3\nreturn r3\n", "sum(\"inl\", 7)");
    (void)refused("const r1, builtin nope\n", KOKEN_CODE_UNKNOWN_BUILTIN);
    fails("const r1, 1\nconst r2, 7\napply r1, r2, r3\n", KOKEN_CODE_NOT_A_FUNCTION, 2);
    fails("const r1, \"increment\"\nconst r2, 7\napply r1, r2, r3\n", KOKEN_CODE_NOT_A_FUNCTION, 2);
}

Test(exec, a36_arithmetic_is_checked)
{
    fails("const r1, builtin div\nconst r2, 1\napply r1, r2, r3\nconst r4, 0\napply r3, r4, r5\n",
          KOKEN_CODE_DIVISION_BY_ZERO, 4);
    fails("const r1, 4294967295\nconst r2, 1\nadd r1, r2, r3\n", KOKEN_CODE_INTEGER_OVERFLOW, 2);
    fails("const r1, 1\nconst r2, 2\nsub r1, r2, r3\n", KOKEN_CODE_INTEGER_OVERFLOW, 2);
    fails("const r1, 65536\nconst r2, 65536\nmul r1, r2, r3\n", KOKEN_CODE_INTEGER_OVERFLOW, 2);
    fails("const r1, true\nconst r2, 2\nadd r1, r2, r3\n", KOKEN_CODE_TYPE_MISMATCH, 2);
    returns("const r1, 6\nconst r2, 7\nmul r1, r2, r3\nreturn r3\n", "42");
    returns("const r1, 84\nconst r2, 2\ndiv r1, r2, r3\nreturn r3\n", "42");
    returns("const r1, !2\nadd r1, r1, r3\nreturn r3\n", "4");
    fails("const r1, 2\nadd r1, r1, r3\n", KOKEN_CODE_REGISTER_CONSUMED, 1);
    returns("const r1, inl(1)\nconst r2, inl(1)\nequal r1, r2, r3\nreturn r3\n", "true");
}

static int say_seven(void *arg, struct koken_machine *machine, uint32_t reg,
                     struct koken_value *ret_value)
{
    (void)arg;
    (void)machine;
    *ret_value = koken_value_int(reg + 7);
    return reg == 9 ? -EAGAIN : 0;
}

Test(exec, a37_witnesses)
{
    struct bench_of bench =
        ran_with("witness r1\nreturn r1\n", (struct koken_machine_config){.is_strict = true});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_NO_WITNESS_PROVIDER);
    over(&bench);
    bench =
        ran_with("witness r1\nreturn r1\n", (struct koken_machine_config){.witness = say_seven});
    cr_assert_eq(bench.result.value.data, 8);
    over(&bench);
    bench = ran_with("witness r9\n", (struct koken_machine_config){.witness = say_seven});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_NO_WITNESS_PROVIDER);
    over(&bench);
}

Test(exec, a38_nothing_gives_unit_and_the_end_gives_r0)
{
    returns("", "unit");
    returns("const r0, 5\n", "5");
}

Test(exec, a40_a_move_to_itself_loses_nothing)
{
    returns("const r1, linear 5\nmove r1, r1\nreturn r1\n", "5");
}

Test(exec, a41_what_is_linear_is_not_written_over)
{
    fails("const r1, linear 5\nconst r1, 6\n", KOKEN_CODE_OVERWRITE_LIVE, 1);
    fails("const r1, linear 5\nconst r2, 6\nmove r2, r1\n", KOKEN_CODE_OVERWRITE_LIVE, 2);
    fails("const r1, linear 5\nconst r2, !6\nconst r3, !7\nadd r2, r3, r1\n",
          KOKEN_CODE_OVERWRITE_LIVE, 3);
    returns("const r1, relevant 5\nmove r1, r2\nconst r1, 6\nreturn r2\n", "5");
}

Test(exec, a42_resources_are_consumed_in_the_end)
{
    fails("const r1, type int\nconst r2, 1\nalloc r1, r2, r3\n", KOKEN_CODE_NOT_CONSUMED, 3);
    struct bench_of bench = ran("const r1, type int\nconst r2, 1\nalloc r1, r2, r3\nreturn r3\n");
    cr_assert_eq(bench.rc, 0); /* the caller has it */
    over(&bench);
    bench = ran_with("const r1, linear 5\n",
                     (struct koken_machine_config){.end_check = KOKEN_END_STRICT});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_NOT_CONSUMED);
    over(&bench);
    bench = ran_with("const r1, type int\nconst r2, 1\nalloc r1, r2, r3\n",
                     (struct koken_machine_config){.end_check = KOKEN_END_OFF});
    cr_assert_eq(bench.rc, 0);
    over(&bench);
}

Test(exec, a44_steps_are_bounded)
{
    struct bench_of bench =
        ran_with("again:\njump again\n", (struct koken_machine_config){.steps_max = 100});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_MAX_STEPS_EXCEEDED);
    cr_assert_eq(bench.result.steps, 100);
    over(&bench);
    bench = ran_with("const r0, 1\nreturn r0\n", (struct koken_machine_config){.steps_max = 2});
    cr_assert_eq(bench.rc, 0); /* exactly as many as it needs */
    over(&bench);
}

Test(exec, a46_a48_gas)
{
    struct bench_of bench = ran_with("const r1, \"increment\"\nconst r2, 1\ntransform r1, r2, r3\n",
                                     (struct koken_machine_config){.gas = 102});
    cr_assert_eq(bench.rc, 0);
    cr_assert_eq(bench.result.gas_used, 5); /* 3, and two constants */
    over(&bench);
    struct koken_program *program =
        assembled(".isa 5\nalloc r1, r2, r3\ntransform r1, r2, r3\nconsume r1, r2\n");
    cr_assert_eq(koken_program_cost(program), 10);
    koken_program_free(program);
}

Test(exec, a49_a_gas_table_of_ones_own)
{
    struct koken_gas_table table;
    koken_gas_standard(&table);
    table.cost[KOKEN_GAS_TRANSFORM] = 10;
    table.cost[KOKEN_GAS_ALLOC5] = 20;
    table.cost[KOKEN_GAS_CONSUME5] = 5;
    table.cost[KOKEN_GAS_COMPOSE] = 3;
    table.cost[KOKEN_GAS_TENSOR] = 7;
    struct koken_program *program = assembled("tensor r1, r2, r3\n");
    cr_assert_eq(koken_program_cost_by(program, &table), 7);
    cr_assert_eq(koken_program_cost(program), 2);
    koken_program_free(program);
    static const char all[] =
        ".isa 5\nconst r1, type int\nconst r2, 1\nalloc r1, r2, r3\nconsume r3, r4\n"
        "const r5, builtin increment\ncompose r5, r5, r6\ntransform r6, r4, r7\n"
        "const r8, 1\ntensor r7, r8, r9\nreturn r9\n";
    struct bench_of bench = ran_with(all, (struct koken_machine_config){.gas_table = &table});
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(bench.result.gas_used, 4 + 20 + 5 + 3 + 10 + 10 + 7 + 1);
    over(&bench);
    bench = ran_with(all, (struct koken_machine_config){.gas_table = &table, .gas = 59});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_OUT_OF_GAS);
    over(&bench);
    /* in slices it costs the same, and a table by which loops are free is none */
    static const char loop[] = "more:\njump more\n";
    table.cost[KOKEN_GAS_JUMP] = 1000;
    bench = ran_with(loop, (struct koken_machine_config){.gas_table = &table, .gas = 10500});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_OUT_OF_GAS);
    cr_assert_eq(bench.result.gas_used, 10000);
    over(&bench);
    struct koken_machine *machine;
    table.cost[KOKEN_GAS_JUMP] = 0;
    cr_assert_eq(koken_machine_new(&(struct koken_machine_config){.gas_table = &table}, &machine),
                 -EINVAL);
}

/* Linear once, affine at most once, relevant at least once, unrestricted as you like. */
Test(exec, a65_kinds)
{
    static const struct {
        const char *text;
        enum koken_machine_code code;
    } rows[] = {
        {"const r1, linear 5\nmove r1, r2\nreturn r2\n", KOKEN_CODE_FINE},
        {"const r1, linear 5\nmove r1, r2\nmove r1, r3\n", KOKEN_CODE_REGISTER_CONSUMED},
        {"const r1, linear 5\nconst r2, 1\nreturn r2\n", KOKEN_CODE_NOT_CONSUMED},
        {"const r1, affine 5\nconst r2, 1\nreturn r2\n", KOKEN_CODE_FINE},
        {"const r1, affine 5\nmove r1, r2\nmove r1, r3\n", KOKEN_CODE_REGISTER_CONSUMED},
        {"const r1, relevant 5\nmove r1, r2\nmove r1, r3\nadd r1, r2, r4\nadd r4, r3, r4\nreturn "
         "r4\n",
         KOKEN_CODE_FINE},
        {"const r1, relevant 5\nconst r2, 1\nreturn r2\n", KOKEN_CODE_NOT_CONSUMED},
        {"const r1, !5\nmove r1, r2\nmove r1, r3\nreturn r2\n", KOKEN_CODE_FINE},
        {"const r1, !5\nconst r2, 1\nreturn r2\n", KOKEN_CODE_FINE},
        {"const r1, linear builtin not\ncompose r1, r1, r2\n", KOKEN_CODE_CANNOT_COPY},
        {"const r1, fn f(r1) with r2\nconst r2, linear 5\nconst r3, 1\napply r1, r3, r4\n"
         "return r2\nf:\nreturn r1\n",
         KOKEN_CODE_CANNOT_COPY},
        {"const r1, fn f(r1) with r2\nconst r2, affine 5\nconst r3, 1\napply r1, r3, r4\n"
         "return r2\nf:\nreturn r1\n",
         KOKEN_CODE_CANNOT_COPY},
        {"const r1, fn f(r1) with r2\nconst r2, !5\nconst r3, 1\napply r1, r3, r4\n"
         "return r2\nf:\nreturn r1\n",
         KOKEN_CODE_FINE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int dynamic = 0; dynamic < 2; dynamic++) { /* neither check relies on the other */
            struct bench_of bench =
                ran_with(rows[i].text, (struct koken_machine_config){.end_check = KOKEN_END_STRICT,
                                                                     .no_static = dynamic == 1});
            cr_assert_eq(bench.result.error.code, rows[i].code, "%zu: %s", i,
                         bench.result.error.text);
            over(&bench);
        }
    }
}

Test(exec, a50_composed_functions_cost_what_they_apply)
{
    struct bench_of bench =
        ran("const r1, !builtin increment\ncompose r1, r1, r2\ncompose r2, r2, r3\n"
            "const r4, 38\ntransform r3, r4, r5\nreturn r5\n");
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(bench.result.value.data, 42);
    cr_assert_eq(bench.result.gas_used, 1 + 1 + 1 + 1 + 12 + 1); /* Composition(3): 3 * 4 */
    over(&bench);
    /* Simple 3, Moderate 6, Complex 15: one function, two, five */
    for (uint64_t count = 1; count <= 5; count++) {
        char text[300];
        size_t len = (size_t)snprintf(
            text, sizeof text, "const r1, !builtin increment\nconst r2, !builtin increment\n");
        for (uint64_t i = 1; i < count; i++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "compose r1, r2, r1\n");
        }
        (void)snprintf(text + len, sizeof text - len,
                       "const r4, 1\ntransform r1, r4, r5\nreturn r5\n");
        bench = ran(text);
        cr_assert_eq(bench.result.value.data, 1 + count);
        cr_assert_eq(bench.result.gas_used, 3 + (count - 1) + 3 * count + 1);
        over(&bench);
    }
    /* Tensor(4): four functions on four values */
    bench = ran("const r1, !builtin increment\ntensor r1, r1, r2\ntensor r1, r1, r6\n"
                "tensor r2, r6, r2\nconst r3, tensor(tensor(1, 2), tensor(3, 4))\n"
                "transform r2, r3, r4\nreturn r4\n");
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_str_eq(shown(bench.machine, bench.result.value),
                     "tensor(tensor(2, 3), tensor(4, 5))");
    cr_assert_eq(bench.result.gas_used, 1 + 2 + 2 + 2 + 1 + 12 + 1);
    over(&bench);
}

Test(exec, a56_a57_the_second_set_transforms)
{
    struct bench_of bench = ran("const r1, \"increment\"\nconst r2, 41\ntransform r1, r2, r3\n");
    cr_assert_eq(bench.rc, 0);
    cr_assert_str_eq(reg_of(&bench, 3), "42");
    cr_assert(!is_live(&bench, 2));
    cr_assert(is_live(&bench, 1));
    over(&bench);
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"const r1, \"not\"\nconst r2, 1\ntransform r1, r2, r3\n",
         "Not morphism requires boolean input"},
        {"const r1, \"increment\"\nconst r2, true\ntransform r1, r2, r3\n",
         "Increment morphism requires integer input"},
        {"const r1, \"foo\"\nconst r2, true\ntransform r1, r2, r3\n",
         "Unknown built-in morphism: foo"},
        {"transform r1, r2, r3\n", "Morphism not found in register"},
        {".isa 5\nconst r1, 1\nconst r2, 1\nalloc r1, r2, r3\n", "Invalid type for allocation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench = ran(cases[i].text);
        cr_assert(strstr(bench.result.error.text, cases[i].message), "%s", bench.result.error.text);
        over(&bench);
    }
}

Test(exec, a58_functions_are_composed)
{
    returns("const r1, !\"increment\"\ncompose r1, r1, r3\nconst r4, 40\ntransform r3, r4, r5\n"
            "return r5\n",
            "42");
    /* A function of the program among builtin ones, on both sides. */
    returns("const r1, !fn twice(r1)\nconst r2, !builtin increment\ncompose r2, r1, r3\n"
            "compose r3, r2, r3\nconst r4, 20\napply r3, r4, r5\nreturn r5\n"
            "twice:\nconst r2, !2\nmul r1, r2, r3\nreturn r3\n",
            "43");
    /* Associative, with the identity as its unit. */
    static const char *const same[] = {
        "compose r1, r2, r4\ncompose r4, r3, r5\n", "compose r2, r3, r4\ncompose r1, r4, r5\n",
        "compose r1, r2, r4\ncompose r4, r3, r5\ncompose r5, r6, r5\n",
        "compose r1, r2, r4\ncompose r4, r3, r5\ncompose r6, r5, r5\n"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char text[400];
        (void)snprintf(text, sizeof text,
                       "const r1, !builtin increment\nconst r2, !fn twice(r1)\n"
                       "const r3, !\"increment\"\nconst r6, !builtin identity\n%s"
                       "const r7, 3\ntransform r5, r7, r8\nreturn r8\n"
                       "twice:\nconst r2, !2\nmul r1, r2, r3\nreturn r3\n",
                       same[i]);
        returns(text, "9");
    }
}

Test(exec, a60_tensor)
{
    struct bench_of bench = ran("const r1, 1\nconst r2, true\ntensor r1, r2, r3\nreturn r3\n");
    cr_assert_str_eq(shown(bench.machine, bench.result.value), "tensor(1, true)");
    cr_assert(!is_live(&bench, 1));
    cr_assert(!is_live(&bench, 2));
    over(&bench);
    bench = ran("const r1, 1\nconst r2, true\ntensor r1, r2, r3\ntensor r1, r2, r4\n");
    cr_assert(strstr(bench.result.error.text, "Left value not found in register"));
    over(&bench);
    /* (f, g) of (a, b) is (f a, g b). */
    returns("const r1, !tensor(builtin increment, builtin not)\nconst r2, tensor(1, true)\n"
            "transform r1, r2, r3\nreturn r3\n",
            "tensor(2, false)");
}

/* ---- gas, however it is counted ---- */

static const char loop[] =
    "const r0, 0\nconst r1, !%u\nconst r2, !1\nagain:\nadd r0, r2, r3\n"
    "move r3, r0\nconst r4, !fn f(r5)\nconst r5, 1\napply r4, r5, r6\n"
    "move r0, r7\nconst r9, !0\nadd r7, r9, r0\nconst r8, !7\n"
    "check not(equal(r0, r8))\nless r9, r1, r3\nmatch r3, r4, r5, again, done\n"
    "done:\nreturn r0\nf:\nreturn r5\n";

static void trace_nothing(void *arg, const struct koken_machine_step *step)
{
    uint64_t *steps = arg;
    cr_assert_eq(step->step, *steps);
    ++*steps;
}

/* Functions that apply functions, in a block with more after it, and in calls whose callers have more to do. */
static const struct {
    const char *text;
    enum koken_machine_code code; /* with gas enough */
} composed[] = {
    {"const r1, !builtin identity\ncompose r1, r1, r2\ncompose r2, r2, r2\nmore:\n"
     "const r3, 1\ntransform r2, r3, r4\nwitness r5\nconst r3, 2\ntransform r1, r3, r4\n"
     "jump more\n",
     KOKEN_CODE_OUT_OF_GAS},
    /* in a call, around a call, and after it */
    {"const r1, !builtin increment\nconst r2, !fn f(r1)\ncompose r1, r2, r3\n"
     "compose r3, r1, r3\nconst r4, 1\ntransform r3, r4, r5\nperform \"mail\", r6\n"
     "transform r3, r5, r4\nwitness r6\nreturn r4\n"
     "f:\nconst r2, !builtin increment\ncompose r2, r2, r3\ncompose r3, r3, r3\n"
     "transform r3, r1, r4\nconst r5, 1\nmove r5, r6\nreturn r4\n",
     KOKEN_CODE_FINE},
    /* an error behind what is too dear */
    {"const r1, !builtin increment\ntensor r1, r1, r2\ntensor r1, r1, r3\ntensor r2, r3, r2\n"
     "const r3, tensor(tensor(1, 2), tensor(3, true))\ntransform r2, r3, r4\nwitness r6\n",
     KOKEN_CODE_TYPE_MISMATCH},
};

static enum koken_machine_code is_the_same_in_all_ways(struct koken_program *program, uint64_t gas)
{
    struct koken_machine_result results[4];
    for (int way = 0; way < 4; way++) {
        uint64_t traced = 0;
        struct koken_machine_config config = {.gas = gas};
        struct koken_machine *machine;
        int rc;
        if (way == 1) {
            config.trace = trace_nothing;
            config.trace_arg = &traced;
        }
        config.steps_max = way == 3 ? UINT64_MAX : 0;
        cr_assert_eq(koken_machine_new(&config, &machine), 0);
        if (way == 2) {
            cr_assert_eq(koken_machine_begin(machine, program, &results[way]), 0);
            do { /* ends: each slice uses some of the gas */
                rc = koken_machine_go(machine, 1, &results[way]);
            } while (rc == -EAGAIN);
        } else {
            rc = koken_machine_run(machine, program, &results[way]);
        }
        cr_assert_eq(rc == 0, results[way].error.code == KOKEN_CODE_FINE);
        cr_assert(way != 1 || traced == results[way].steps);
        koken_machine_free(machine);
    }
    for (int way = 1; way < 4; way++) {
        cr_assert_eq(results[0].error.code, results[way].error.code);
        cr_assert_eq(results[0].error.pc, results[way].error.pc, "gas %u way %d: %u %u",
                     (unsigned)gas, way, results[0].error.pc, results[way].error.pc);
        cr_assert_eq(results[0].gas_used, results[way].gas_used, "gas %u way %d: %u %u",
                     (unsigned)gas, way, (unsigned)results[0].gas_used,
                     (unsigned)results[way].gas_used);
        cr_assert_eq(results[0].steps, results[way].steps);
    }
    return results[0].error.code;
}

Test(exec, gas_is_the_same_by_block_one_by_one_and_in_slices)
{
    char text[500];
    (void)snprintf(text, sizeof text, loop, 0); /* ends at once */
    struct koken_program *program = assembled(text);
    for (uint64_t gas = 1; gas < 60; gas++) {
        (void)is_the_same_in_all_ways(program, gas);
    }
    koken_program_free(program);
}

Test(exec, gas_of_functions_of_functions_is_the_same_in_all_ways)
{
    for (size_t i = 0; i < sizeof composed / sizeof composed[0]; i++) {
        struct koken_program *program = assembled(composed[i].text);
        enum koken_machine_code code = KOKEN_CODE_FINE;
        for (uint64_t gas = 1; gas < 400; gas++) {
            code = is_the_same_in_all_ways(program, gas);
        }
        cr_assert_eq(code, composed[i].code, "%zu: %s", i, koken_machine_code_name(code));
        koken_program_free(program);
    }
}

Test(exec, a_run_never_uses_more_than_its_gas)
{
    struct bench_of bench =
        ran_with("again:\njump again\n", (struct koken_machine_config){.gas = 12345});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_OUT_OF_GAS);
    cr_assert_eq(bench.result.gas_used, 12345);
    over(&bench);
    /* Functions of functions of functions: each application is paid for. */
    bench = ran("const r1, !builtin identity\nconst r9, !1000\nconst r8, !0\n"
                "again:\ncompose r1, r1, r2\nmove r2, r1\nconst r7, !builtin identity\n"
                "compose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\n"
                "compose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\n"
                "compose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\n"
                "compose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\n"
                "compose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\ncompose r1, r1, r1\n"
                "transform r1, r8, r6\n");
    cr_assert_lt(bench.rc, 0);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_OUT_OF_GAS, "%s", bench.result.error.text);
    cr_assert_leq(bench.result.gas_used, 1000000);
    over(&bench);
}
