/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: A25, A30, A61, A62: a resource is consumed once, whoever holds how many references; what is lost is found. */
#include "test/support/machine.h"

/* Two witnesses are the same reference: what the registers cannot see, the heap does. */
static int give_again(void *arg, struct koken_machine *machine, uint32_t reg,
                      struct koken_value *ret_value)
{
    (void)arg;
    (void)reg;
    *ret_value = koken_machine_register(machine, 3);
    return 0;
}

Test(heap, a25_a30_a_smuggled_copy_finds_the_resource_consumed)
{
    struct bench_of bench = ran_with("const r1, type int\nconst r2, 42\nalloc r1, r2, r3\n"
                                     "witness r4\nconst r5, 1\ntensor r4, r5, r6\n"
                                     "consume r3, r7\nwitness r8\nconsume r8, r9\n",
                                     (struct koken_machine_config){.witness = give_again});
    cr_assert_eq(bench.rc, -EPERM);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_RESOURCE_CONSUMED, "%s",
                 bench.result.error.text);
    cr_assert_eq(koken_machine_class_of(bench.result.error.code), KOKEN_CLASS_LINEARITY);
    cr_assert_eq(bench.result.error.pc, 8);
    cr_assert_eq(bench.result.resources_consumed, 0);
    over(&bench);
}

Test(heap, a_linear_witness_is_not_made_copyable)
{
    struct bench_of bench = ran_with("const r1, type int\nconst r2, 42\nalloc r1, r2, r3\n"
                                     "witness r4 !\n",
                                     (struct koken_machine_config){.witness = give_again});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_CANNOT_COPY);
    over(&bench);
}

static const char five[] = "const r1, !type int\nconst r9, !5\nconst r8, !1\nconst r7, 0\nagain:\n"
                           "const r2, 1\nalloc r1, r2, r3\nconsume r3, r4\nadd r7, r8, r7 !\n"
                           "less r7, r9, r5\nmatch r5, r6, r6, again, done\ndone:\n";

/* The same key: the same nullifiers, always; another key, or another origin: others. All differ. */
Test(heap, a61_a62_nullifiers)
{
    struct koken_machine_config config = {0};
    struct bench_of first = ran_with(five, config), again = ran_with(five, config);
    config.key[31] = 1;
    struct bench_of other = ran_with(five, config);
    config.origin = 1;
    struct bench_of elsewhere = ran_with(five, config);
    uint8_t a[5][32], b[32];
    cr_assert_eq(first.rc, 0, "%s", first.result.error.text);
    cr_assert_eq(first.result.resources_consumed, 5);
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(koken_machine_nullifier(first.machine, i, a[i]), 0);
        cr_assert_eq(koken_machine_nullifier(again.machine, i, b), 0);
        cr_assert_arr_eq(a[i], b, 32);
        cr_assert_eq(koken_machine_nullifier(other.machine, i, b), 0);
        cr_assert_neq(memcmp(a[i], b, 32), 0);
        uint8_t c[32];
        cr_assert_eq(koken_machine_nullifier(elsewhere.machine, i, c), 0);
        cr_assert_neq(memcmp(b, c, 32), 0);
        for (uint32_t k = 0; k < i; k++) {
            cr_assert_neq(memcmp(a[i], a[k], 32), 0);
        }
    }
    over(&first);
    over(&again);
    over(&other);
    over(&elsewhere);
}

Test(heap, resources_and_cells_are_bounded)
{
    struct bench_of bench = ran_with("const r1, !type int\nagain:\nconst r2, 1\nalloc r1, r2, r3\n"
                                     "consume r3, r4\njump again\n",
                                     (struct koken_machine_config){.gas = 1000000});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_RESOURCE_LIMIT);
    over(&bench);
    bench = ran_with("const r1, !1\nagain:\nmove r1, r2\ntensor r1, r2, r3\njump again\n",
                     (struct koken_machine_config){.cells_max = 100});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_RESOURCE_LIMIT);
    over(&bench);
    bench = ran("const r1, !1\nconst r2, 1\nagain:\ntensor r1, r2, r2\njump again\n");
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_RESOURCE_LIMIT);
    cr_assert(strstr(bench.result.error.text, "too deep"));
    over(&bench);
}

/* A resource inside a pair inside a resource is reachable; one that is dropped is not. */
Test(heap, what_is_reachable_is_not_lost)
{
    static const char inside[] = "const r1, !type int\nconst r2, 1\nalloc r1, r2, r3\nconst r4, 2\n"
                                 "tensor r3, r4, r5\nalloc r1, r5, r6\nreturn r6\n";
    struct bench_of bench = ran(inside);
    uint8_t ids[4][32];
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(koken_machine_left(bench.machine, ids, 4), 2);
    cr_assert_neq(memcmp(ids[0], ids[1], 32), 0);
    over(&bench);
    fails(
        "const r1, !type int\nconst r2, 1\nalloc r1, r2, r3\nconst r4, fn f(r1)\napply r4, r3, r5\n"
        "return r5\nf:\nconst r9, 1\nreturn r9\n",
        KOKEN_CODE_NOT_CONSUMED, 5);
}
