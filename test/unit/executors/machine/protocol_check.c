/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a step that the text says the protocol does not have is refused before the run, with its place, the
 * register and the protocol; what two ways disagree about, and what comes from outside, is left to the run; a
 * program without a violation is refused by neither.
 */
#include "test/support/machine.h"

/* Both ends of a channel in r10 and r20, and the functions, before a text. */
static const char *with(const char *protocol, const char *text)
{
    static char out[1000];
    int len = snprintf(out, sizeof out,
                       "const r30, !builtin send\nconst r31, !builtin receive\n"
                       "const r32, !builtin choose\nconst r33, !builtin offer\nconst r0, type %s\n"
                       "const r1, unit\nalloc r0, r1, r2\nsplit r2, r10, r20\n%s",
                       protocol, text);
    cr_assert_lt(len, (int)sizeof out);
    return out;
}
enum { FIRST = 8 }; /* the instruction after that */

/* Refused by the check, without a step of it done, and by the run. */
static void violates(const char *text, uint32_t pc, uint32_t reg, const char *says)
{
    struct koken_program *program = assembled(text);
    struct koken_machine_error error;
    cr_assert_eq(koken_program_check(program, &error), -EPROTO);
    cr_assert_eq(error.code, KOKEN_CODE_PROTOCOL_VIOLATION, "%s", error.text);
    cr_assert_eq(error.pc, pc, "pc %u: %s", error.pc, error.text);
    cr_assert_eq(error.reg, reg, "register %u", error.reg);
    cr_assert_not_null(strstr(error.text, says), "%s", error.text);
    koken_program_free(program);
    struct bench_of bench = ran(text);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_PROTOCOL_VIOLATION, "%s",
                 bench.result.error.text);
    cr_assert_eq(bench.result.steps, 0);
    over(&bench);
    bench = ran_with(text, (struct koken_machine_config){.no_static = true});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_PROTOCOL_VIOLATION, "%s",
                 bench.result.error.text);
    cr_assert_eq(bench.result.error.pc, pc);
    over(&bench);
}

/* Passes the check; the run says that. */
static void is_left_to_the_run(const char *text, enum koken_machine_code code)
{
    struct bench_of bench = ran(text);
    struct koken_machine_error error;
    cr_assert_eq(koken_program_check(bench.program, &error), 0, "%s", error.text);
    cr_assert_eq(bench.result.error.code, code, "%s", bench.result.error.text);
    cr_assert_gt(bench.result.steps, 0);
    over(&bench);
}

Test(protocol_check, a_step_that_the_protocol_does_not_have)
{
    violates(with("receive(int, end)", "const r3, 1\ntensor r10, r3, r5\ntransform r30, r5, r10\n"),
             FIRST + 2, 5, "send where the protocol of r5 says receive(int, end)");
    violates(with("send(int, end)", "transform r31, r10, r5\n"), FIRST, 10,
             "receive where the protocol of r10 says send(int, end)");
    /* the other end has the dual one */
    violates(with("receive(int, end)", "transform r31, r20, r5\n"), FIRST, 20,
             "receive where the protocol of r20 says send(int, end)");
    violates(with("send(int, end)", "consume r10, r3\n"), FIRST, 10,
             "consume where the protocol of r10 says send(int, end)");
    violates(with("choose(end, rec(send(int, again)))", "apply r33, r10, r3\n"), FIRST, 10,
             "offer where the protocol of r10 says choose(end, rec(send(int, again)))");
    violates(with("offer(a: end, b: receive(bool, end))", "transform r33, r20, r3\n"), FIRST, 20,
             "offer where the protocol of r20 says choose(\"a\": end, \"b\": send(bool, end))");
    violates(with("send(int, end)", "const r3, true\ntensor r10, r3, r5\ntransform r30, r5, r10\n"),
             FIRST + 2, 5, "a value of another type is sent where");
    violates(with("choose(a: end, b: end)",
                  "const r3, \"c\"\ntensor r10, r3, r5\ntransform r32, r5, r10\n"),
             FIRST + 2, 5, "a choice that has none of its names");
}

Test(protocol_check, ends_are_followed)
{
    /* through moves, one argument at a time, functions by name, and what was received */
    violates(with("send(int, send(bool, end))",
                  "move r10, r11\ntransform r30, r11, r12\nconst r3, 1\napply r12, r3, r13\n"
                  "const r4, \"send\"\nconst r3, 2\ntensor r13, r3, r5\n"
                  "transform r4, r5, r13\n"),
             FIRST + 7, 5, "a value of another type is sent");
    violates(with("receive(int, receive(bool, end))",
                  "const r3, 1\ntensor r20, r3, r5\ntransform r30, r5, r20\n"
                  "transform r31, r10, r5\nsplit r5, r6, r11\ntensor r20, r6, r5\n"
                  "transform r30, r5, r20\n"),
             FIRST + 6, 5,
             "a value of another type is sent where the protocol of r5 says "
             "send(bool, end)");
    /* an end that came in a message */
    violates(with("send(receive(int, end), end)",
                  "const r0, type receive(int, end)\nconst r1, unit\nalloc r0, r1, r2\n"
                  "split r2, r11, r12\ntensor r10, r11, r5\ntransform r30, r5, r10\n"
                  "transform r31, r20, r5\nsplit r5, r6, r20\nconsume r6, r7\n"),
             FIRST + 8, 6, "consume where the protocol of r6 says receive(int, end)");
    /* choices that are known, and both branches of an offer */
    violates(with("choose(send(int, end), end)",
                  "const r3, false\ntensor r10, r3, r5\ntransform r32, r5, r10\nconst r3, 1\n"
                  "tensor r10, r3, r5\ntransform r30, r5, r10\n"),
             FIRST + 5, 5, "send where the protocol of r5 says end");
    violates(with("choose(end, send(int, end))",
                  "const r3, true\ntensor r10, r3, r5\ntransform r32, r5, r10\n"
                  "transform r33, r20, r21\nmatch r21, r22, r23, one, other\none:\n"
                  "transform r31, r22, r5\nreturn\nother:\nreturn r23\n"),
             FIRST + 6, 22, "receive where the protocol of r22 says end");
    violates(with("choose(a: end, b: send(int, end))",
                  "const r3, \"b\"\ntensor r10, r3, r5\ntransform r32, r5, r10\n"
                  "transform r33, r20, r21\ncase r21, r22, b, one, other\none:\n"
                  "consume r22, r5\nother:\nreturn\n"),
             FIRST + 6, 22, "consume where the protocol of r22 says receive(int, end)");
}

Test(protocol_check, loops_come_back_to_the_same_place)
{
    /* the second time around it would be too much: found before the first */
    violates(with("rec(send(int, receive(int, again)))",
                  "const r3, !1\nmore:\ntensor r10, r3, r5\ntransform r30, r5, r10\n"
                  "transform r30, r10, r11\napply r11, r3, r10\njump more\n"),
             FIRST + 5, 11, "send where the protocol of r11 says receive(int, again)");
    /* as long as the loop goes round as the protocol does, it is well */
    is_left_to_the_run(with("rec(send(int, again))",
                            "const r3, !1\nmore:\ntensor r10, r3, r5\ntransform r30, r5, r10\n"
                            "jump more\n"),
                       KOKEN_CODE_RESOURCE_LIMIT);
    is_left_to_the_run(
        with("rec(send(int, rec(choose(outer(again), again))))",
             "const r3, !1\nmore:\ntensor r10, r3, r5\ntransform r30, r5, r10\n"
             "const r4, false\ntensor r10, r4, r5\ntransform r32, r5, r10\n"
             "const r4, true\ntensor r10, r4, r5\ntransform r32, r5, r10\njump more\n"),
        KOKEN_CODE_RESOURCE_LIMIT);
}

/* ---- what is not known ---- */

Test(protocol_check, what_two_ways_disagree_about)
{
    /* a choice that is known when it is made only */
    is_left_to_the_run(with("choose(send(int, end), end)",
                            "const r3, 1\nconst r4, 2\nless r3, r4, r6\ntensor r10, r6, r5\n"
                            "transform r32, r5, r10\nconsume r10, r3\n"),
                       KOKEN_CODE_PROTOCOL_VIOLATION);
    /* an end that is one or another */
    is_left_to_the_run(with("send(int, end)",
                            "const r3, true\nselect r3, r10, r20, r11\ntransform r31, r11, r4\n"),
                       KOKEN_CODE_PROTOCOL_VIOLATION);
    is_left_to_the_run(with("send(int, end)",
                            "const r3, false\nmatch r3, r4, r5, one, other\none:\nmove r10, r11\n"
                            "jump on\nother:\nmove r20, r11\non:\nconsume r11, r4\n"),
                       KOKEN_CODE_PROTOCOL_VIOLATION);
    /* of two loops that disagree nothing is known after the first round */
    is_left_to_the_run(with("send(int, send(bool, end))",
                            "const r3, 1\nmore:\ntransform r30, r10, r11\napply r11, r3, r10\n"
                            "const r3, true\njump more\n"),
                       KOKEN_CODE_PROTOCOL_VIOLATION);
    /* what nobody reaches */
    is_left_to_the_run(with("end", "consume r10, r3\nreturn r20\ntransform r31, r20, r5\n"),
                       KOKEN_CODE_FINE);
}

static int give_end(void *arg, struct koken_machine *m, uint32_t reg, struct koken_value *ret_value)
{
    (void)arg;
    *ret_value = koken_machine_register(m, reg + 1);
    return 0;
}

Test(protocol_check, what_comes_from_outside)
{
    /* from a function, which is given it, and from a witness */
    is_left_to_the_run(
        with("send(int, end)",
             "const r40, !fn f(r1)\ntransform r40, r10, r11\ntransform r31, r11, r5\n"
             "return\nf:\nreturn r1\n"),
        KOKEN_CODE_PROTOCOL_VIOLATION);
    struct bench_of bench = ran_with(with("send(int, end)", "witness r9\ntransform r31, r9, r5\n"),
                                     (struct koken_machine_config){.witness = give_end});
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(bench.result.error.pc, FIRST + 1);
    over(&bench);
    /* of a session what earlier runs have left is not known; what this one makes is */
    bench = ran_with(with("send(int, end)", "return\n"),
                     (struct koken_machine_config){.keeps_state = true});
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    for (int i = 0; i < 3; i++) {
        koken_program_free(bench.program);
        bench.program = assembled(i == 0   ? "transform r31, r10, r5\n"
                                  : i == 1 ? "const r0, type receive(int, end)\nconst r1, unit\n"
                                             "alloc r0, r1, r2\nsplit r2, r11, r21\n"
                                             "consume r11, r3\n"
                                           : "move r10, r11\n");
        bench.rc = koken_machine_run(bench.machine, bench.program, &bench.result);
        cr_assert_eq(bench.result.error.code,
                     i < 2 ? KOKEN_CODE_PROTOCOL_VIOLATION : KOKEN_CODE_FINE);
        cr_assert_eq(bench.result.steps > 0, i != 1);
    }
    over(&bench);
}

/* Protocols that are none, or without end, are followed nowhere. */
Test(protocol_check, hostile_protocols)
{
    static const char *const none[] = {"again",
                                       "rec(again)",
                                       "rec(rec(outer(again)))",
                                       "send(int, again)",
                                       "rec(choose(again, outer(again)))",
                                       "rec(choose(a: again, b: outer(end)))"};
    char text[400];
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        (void)snprintf(text, sizeof text,
                       "const r30, !builtin offer\nconst r0, type %s\nconst r1, unit\n"
                       "alloc r0, r1, r2\nsplit r2, r10, r20\ntransform r30, r20, r21\n"
                       "match r21, r22, r23, one, two\none:\nreturn r22\ntwo:\nreturn r23\n",
                       none[i]);
        struct koken_program *program = assembled(text);
        int rc = koken_program_check(program, NULL);
        cr_assert(rc == 0 || rc == -EPROTO);
        koken_program_free(program);
        struct bench_of bench = ran_with(text, (struct koken_machine_config){.no_static = true});
        cr_assert_eq(bench.result.error.code, KOKEN_CODE_NOT_A_TYPE);
        over(&bench);
    }
}
