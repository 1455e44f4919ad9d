/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the register machine have in common: a text is assembled, run, and looked at. */
#ifndef TEST_SUPPORT_MACHINE_H
#define TEST_SUPPORT_MACHINE_H

#include "executors/machine/machine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct bench_of {
    struct koken_program *program;
    struct koken_machine *machine;
    struct koken_machine_result result;
    int rc;
};

static inline struct koken_program *assembled(const char *text)
{
    struct koken_program *program = NULL;
    struct koken_machine_error error = {0};
    int rc = koken_program_assemble(text, strlen(text), &program, &error);
    cr_assert_eq(rc, 0, "%s", error.text);
    return program;
}

static inline struct bench_of ran_with(const char *text, struct koken_machine_config config)
{
    struct bench_of bench = {.program = assembled(text)};
    cr_assert_eq(koken_machine_new(&config, &bench.machine), 0);
    bench.rc = koken_machine_run(bench.machine, bench.program, &bench.result);
    return bench;
}

static inline struct bench_of ran(const char *text)
{
    return ran_with(text, (struct koken_machine_config){0});
}

static inline void over(struct bench_of *bench)
{
    koken_machine_free(bench->machine);
    koken_program_free(bench->program);
}

static inline const char *shown(const struct koken_machine *machine, struct koken_value value)
{
    static char text[500];
    (void)koken_machine_print(machine, value, text, sizeof text);
    return text;
}

static inline const char *reg_of(const struct bench_of *bench, uint32_t reg)
{
    return shown(bench->machine, koken_machine_register(bench->machine, reg));
}

static inline bool is_live(const struct bench_of *bench, uint32_t reg)
{
    return koken_machine_register(bench->machine, reg).state == KOKEN_REGISTER_LIVE;
}

/* The program ends well and returns that. */
static inline void returns(const char *text, const char *value)
{
    struct bench_of bench = ran(text);
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_str_eq(shown(bench.machine, bench.result.value), value);
    over(&bench);
}

/* It fails so, with the static check and, the same, without it. */
static inline void fails(const char *text, enum koken_machine_code code, uint32_t pc)
{
    for (int is_dynamic = 0; is_dynamic < 2; is_dynamic++) {
        struct bench_of bench =
            ran_with(text, (struct koken_machine_config){.no_static = is_dynamic != 0});
        cr_assert_lt(bench.rc, 0);
        cr_assert_eq(bench.result.error.code, code, "%s: %s",
                     koken_machine_code_name(bench.result.error.code), bench.result.error.text);
        cr_assert_eq(bench.result.error.pc, pc, "pc %u", bench.result.error.pc);
        over(&bench);
    }
}

/* It is refused before it is a program. */
static inline struct koken_machine_error refused(const char *text, enum koken_machine_code code)
{
    struct koken_program *program;
    struct koken_machine_error error = {0};
    cr_assert_lt(koken_program_assemble(text, strlen(text), &program, &error), 0);
    cr_assert_eq(error.code, code, "%s", error.text);
    return error;
}

#endif
