/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a session keeps its state, a run that fails leaves none of its own, wherever it fails (MX-P2), sessions
 * expire, and what they still own is told.
 */
#include "test/support/machine.h"

#include "base/alloc.h"
#include "base/world.h"

static struct koken_machine *session_of(struct koken_machine_config config)
{
    struct koken_machine *m;
    config.keeps_state = true;
    cr_assert_eq(koken_machine_new(&config, &m), 0);
    return m;
}

static int run(struct koken_machine *m, const char *text, struct koken_machine_result *ret_result)
{
    struct koken_program *program = assembled(text);
    int rc = koken_machine_run(m, program, ret_result);
    koken_program_free(program);
    return rc;
}

Test(machine, a_session_keeps_registers_and_resources)
{
    struct koken_machine *m = session_of((struct koken_machine_config){0});
    struct koken_machine_result result;
    cr_assert_eq(run(m, "const r1, type int\nconst r2, 42\nalloc r1, r2, r3\nreturn r3\n", &result),
                 0, "%s", result.error.text);
    cr_assert_eq(koken_machine_left(m, NULL, 0), 1);
    cr_assert_eq(koken_machine_reset(m), -EPERM);
    cr_assert_eq(run(m, "consume r3, r4\nreturn r4\n", &result), 0, "%s", result.error.text);
    cr_assert_eq(result.value.data, 42);
    cr_assert_eq(koken_machine_left(m, NULL, 0), 0);
    cr_assert_eq(run(m, "consume r3, r4\n", &result), -EPERM);
    cr_assert_eq(result.error.code, KOKEN_CODE_REGISTER_CONSUMED);
    cr_assert_eq(koken_machine_reset(m), 0);
    cr_assert_eq(run(m, "move r4, r5\n", &result), -EINVAL);
    koken_machine_free(m);
}

Test(machine, a_register_may_be_set_between_runs)
{
    struct koken_machine *m = session_of((struct koken_machine_config){0});
    struct koken_machine_result result;
    cr_assert_eq(koken_machine_put(m, 7, koken_value_int(5)), 0);
    cr_assert_eq(koken_machine_put(m, 1024, koken_value_int(5)), -EINVAL);
    cr_assert_eq(koken_machine_put(m, 1, (struct koken_value){0}), -EINVAL);
    cr_assert_eq(run(m, "move r7, r1\nconst r2, linear 1\nreturn r1\n", &result), 0);
    cr_assert_eq(result.value.data, 5);
    cr_assert_eq(koken_machine_put(m, 2, koken_value_int(5)), -EPERM);
    koken_machine_free(m);
}

/* The state as text: registers, resources, nullifiers, effects. */
static void describe(const struct koken_machine *m, char *text, size_t room)
{
    size_t len = 0;
    uint8_t nullifier[32];
    for (uint32_t i = 0; i < m->main_count; i++) {
        len += (size_t)snprintf(text + len, room - len, "%u:%u:", i, m->registers[i].state);
        len += koken_machine_print(m, m->registers[i], text + len, room - len);
    }
    uint32_t nullifiers = 0;
    while (koken_machine_nullifier(m, nullifiers, nullifier) == 0) {
        nullifiers++;
    }
    (void)snprintf(text + len, room - len, " %u %u %u %u %u %u %llu",
                   koken_machine_left(m, NULL, 0), nullifiers, m->effect_count, m->symbol_count,
                   m->cell_count, m->constraint_count, (unsigned long long)m->serial);
}

/* The program stops for lack of gas after each of its instructions in turn. */
Test(machine, a_run_that_fails_leaves_nothing)
{
    static const char text[] =
        "consume r3, r4\nconst r1, !type product(int, int)\nconst r5, product(1, \"new\")\n"
        "alloc r1, r5, r6\nperform \"send\", r7\ncheck true\nconst r8, linear 3\n"
        "tensor r6, r8, r9\nmove r9, r3\nreturn r3\n";
    struct koken_machine *m = session_of((struct koken_machine_config){0});
    struct koken_machine_result result;
    char before[500], after[500];
    cr_assert_eq(run(m, "const r1, type int\nconst r2, 42\nalloc r1, r2, r3\n", &result), 0);
    describe(m, before, sizeof before);
    uint64_t gas = 0;
    do {
        m->config.gas = ++gas;
        int rc = run(m, text, &result);
        cr_assert_eq(rc, result.error.code == KOKEN_CODE_FINE ? 0 : -EOVERFLOW, "%s",
                     result.error.text);
        describe(m, after, sizeof after);
        cr_assert_eq(strcmp(before, after) == 0, rc < 0, "gas %u: %s", (unsigned)gas, after);
    } while (result.error.code != KOKEN_CODE_FINE && gas < 200);
    cr_assert_eq(result.gas_used, gas);
    cr_assert_eq(koken_machine_left(m, NULL, 0), 1);
    koken_machine_free(m);
}

Test(machine, an_aborted_run_leaves_nothing)
{
    struct koken_machine *m = session_of((struct koken_machine_config){0});
    struct koken_program *program = assembled("const r1, 1\nagain:\nconst r2, 1\njump again\n");
    struct koken_machine_result result;
    koken_machine_abort(m, &result);
    cr_assert_eq(koken_machine_go(m, 1, &result), -EINVAL);
    cr_assert_eq(koken_machine_begin(m, program, &result), 0);
    cr_assert_eq(koken_machine_begin(m, program, &result), -EBUSY);
    cr_assert_eq(koken_machine_put(m, 1, koken_value_unit()), -EINVAL);
    cr_assert_eq(koken_machine_reset(m), -EBUSY);
    cr_assert_eq(koken_machine_go(m, 100, &result), -EAGAIN);
    koken_machine_abort(m, &result);
    cr_assert_eq(result.error.code, KOKEN_CODE_CANCELLED);
    cr_assert_leq(result.gas_used, 110);
    cr_assert_eq(koken_machine_register(m, 1).tag, KOKEN_VALUE_NONE);
    koken_program_free(program);
    koken_machine_free(m);
}

Test(machine, sessions_expire)
{
    struct koken_machine *m = session_of((struct koken_machine_config){.ttl_ns = 1});
    struct koken_machine_result result;
    uint64_t start = kn_now();
    while (kn_now() <= start + 1000) { /* ends: time passes */
    }
    cr_assert_eq(run(m, "return\n", &result), -ETIMEDOUT);
    cr_assert_eq(result.error.code, KOKEN_CODE_SESSION_EXPIRED);
    koken_machine_free(m);
    m = session_of((struct koken_machine_config){.ttl_ns = UINT64_C(1000000000000)});
    uint64_t first = koken_machine_expires(m);
    koken_machine_touch(m);
    cr_assert_geq(koken_machine_expires(m), first);
    cr_assert_eq(run(m, "return\n", &result), 0);
    koken_machine_free(m);
}

/* A long session does not grow: cells that nothing leads to are gone, and resources that were consumed. */
Test(machine, a_session_is_tidied)
{
    struct koken_machine *m = session_of((struct koken_machine_config){0});
    struct koken_program *program =
        assembled("const r1, type int\nconst r2, product(1, product(2, \"x\"))\n"
                  "alloc r1, r2, r3\nconsume r3, r4\nconst r5, tensor(1, 2)\n");
    struct koken_machine_result result;
    for (int i = 0; i < 3000; i++) {
        cr_assert_eq(koken_machine_run(m, program, &result), 0, "%s", result.error.text);
    }
    cr_assert_lt(m->cell_count, 600);
    cr_assert_lt(m->resource_count, 10);
    cr_assert_str_eq(shown(m, koken_machine_register(m, 4)), "product(1, product(2, \"x\"))");
    koken_program_free(program);
    koken_machine_free(m);
}

Test(machine, functions_belong_to_their_program)
{
    struct koken_machine *m = session_of((struct koken_machine_config){0});
    struct koken_machine_result result;
    cr_assert_eq(run(m, "const r1, fn f(r2)\nreturn\nf:\nreturn r2\n", &result), 0);
    cr_assert_eq(run(m, "const r2, 1\napply r1, r2, r3\nreturn r3\n", &result), -EPROTO);
    cr_assert_eq(result.error.code, KOKEN_CODE_NOT_A_FUNCTION);
    koken_machine_free(m);
}

#ifdef KN_DEBUG
/* Each allocation fails in turn: -ENOMEM or all well, nothing leaks, nothing is left. */
Test(machine, without_memory_nothing_is_lost)
{
    static const char text[] = "const r1, type int\nconst r2, product(1, \"x\")\nalloc r1, r2, r3\n"
                               "perform \"a\", r5\nconst r6, fn f(r1)\nconst r7, 1\n"
                               "apply r6, r7, r8\nconsume r3, r4\nreturn r4\nf:\nreturn r1\n";
    uint64_t live = kn_alloc_live();
    for (uint64_t n = 0;; n++) { /* ends: when the failure is not met any more */
        struct koken_program *program = NULL;
        struct koken_machine *m = NULL;
        struct koken_machine_result result;
        kn_alloc_fail_after(n);
        int rc = koken_program_assemble(text, sizeof text - 1, &program, NULL);
        rc = rc < 0 ? rc : koken_machine_new(NULL, &m);
        rc = rc < 0 ? rc : koken_machine_run(m, program, &result);
        bool is_armed = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        koken_machine_free(m);
        koken_program_free(program);
        cr_assert(rc == 0 || rc == -ENOMEM || rc == -E2BIG, "%d", rc);
        cr_assert_eq(kn_alloc_live(), live);
        if (is_armed) {
            cr_assert_eq(rc, 0);
            break;
        }
    }
}
#endif
