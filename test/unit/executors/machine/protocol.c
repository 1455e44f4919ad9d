/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: session types (causality 1.11.7): ALLOC of a protocol makes both ends of a channel, whose other end has the
 * dual one; messages are first in, first out; each step moves the protocol on, and what is not its next step is an
 * error; an end is used once, is there until its protocol is over, and a run that fails has sent nothing.
 */
#include "test/support/machine.h"

/*
 * A text with words of its own: PAIR protocol makes a channel with the ends r10 and r20; SEND end value, RECEIVE end
 * value, CHOOSE end value and CLOSE end use an end's register, and put the next end there; FUNCTIONS comes before.
 */
static const char *expanded(const char *text)
{
    static const struct {
        const char *word, *first, *then, *last;
    } words[] = {
        {"FUNCTIONS",
         "const r30, !builtin send\nconst r31, !builtin receive\nconst r32, !builtin choose\n"
         "const r33, !builtin offer\n",
         NULL, NULL},
        {"PAIR ", "const r0, type ", "\nconst r1, unit\nalloc r0, r1, r2\nsplit r2, r10, r20\n",
         NULL},
        {"CLOSE ", "consume r", ", r6\n", NULL},
        {"SEND ", "tensor r", ", r", ", r5\ntransform r30, r5, r"},
        {"CHOOSE ", "tensor r", ", r", ", r5\ntransform r32, r5, r"},
        {"RECEIVE ", "transform r31, r", ", r5\nsplit r5, r", ", r"},
    };
    enum { WORDS = sizeof words / sizeof words[0] };
    static char out[4000];
    size_t len = 0;
    while (*text != '\0') { /* ends: each round passes a line */
        const char *end = strchr(text, '\n');
        int i = 0, skip = 0;
        unsigned first = 0, second = 0;
        while (i < WORDS && strncmp(text, words[i].word, strlen(words[i].word)) != 0) {
            i++;
        }
        if (i == WORDS) {
            len += (size_t)snprintf(out + len, sizeof out - len, "%.*s\n", (int)(end - text), text);
        } else if (!words[i].then) {
            len += (size_t)snprintf(out + len, sizeof out - len, "%s", words[i].first);
        } else if (!words[i].last) {
            skip = (int)strlen(words[i].word);
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s%s", words[i].first,
                                    (int)(end - text) - skip, text + skip, words[i].then);
        } else {
            cr_assert_eq(sscanf(text + strlen(words[i].word), "%u %u", &first, &second), 2);
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%u%s%u%s%u\n", words[i].first,
                                    first, words[i].then, second, words[i].last, first);
        }
        cr_assert_lt(len, sizeof out);
        text = end + 1;
    }
    return out;
}

static void says(const char *text, const char *value)
{
    returns(expanded(text), value);
}

/* With the static checks and, the same, without them. */
static enum koken_machine_code code_of(const char *text)
{
    enum koken_machine_code codes[2];
    for (int is_dynamic = 0; is_dynamic < 2; is_dynamic++) {
        struct bench_of bench =
            ran_with(expanded(text), (struct koken_machine_config){.no_static = is_dynamic != 0});
        codes[is_dynamic] = bench.result.error.code;
        cr_assert_eq(bench.rc < 0, codes[is_dynamic] != KOKEN_CODE_FINE);
        cr_assert_eq(koken_machine_channels(bench.machine), 0);
        over(&bench);
    }
    cr_assert_eq(codes[0], codes[1], "%s, %s", koken_machine_code_name(codes[0]),
                 koken_machine_code_name(codes[1]));
    return codes[0];
}

Test(protocol, messages_are_first_in_first_out)
{
    says("FUNCTIONS\nPAIR send(int, send(int, send(int, end)))\nconst r3, 1\nSEND 10 3\n"
         "const r3, 2\nSEND 10 3\nRECEIVE 20 7\nconst r3, 3\nSEND 10 3\nRECEIVE 20 8\n"
         "RECEIVE 20 9\nCLOSE 10\nCLOSE 20\ntensor r7, r8, r7\ntensor r7, r9, r7\nreturn r7\n",
         "tensor(tensor(1, 2), 3)");
}

Test(protocol, consume_tells_what_is_left)
{
    says("PAIR end\nconsume r10, r1\nconsume r20, r3\ntensor r1, r3, r1\nreturn r1\n",
         "tensor(product(unit, 0), product(unit, 0))");
}

/* Both directions, and a choice; also by the first set's APPLY, and one argument at a time. */
Test(protocol, a_conversation)
{
    says("FUNCTIONS\nPAIR choose(send(int, receive(bool, end)), end)\nconst r3, true\n"
         "CHOOSE 10 3\ntransform r33, r20, r21\nmatch r21, r22, r23, left, right\nright:\n"
         "return r23\nleft:\nconst r3, 7\ntransform r30, r10, r11\napply r11, r3, r10\n"
         "RECEIVE 22 7\nconst r3, false\nSEND 22 3\nRECEIVE 10 8\nCLOSE 10\nCLOSE 22\n"
         "tensor r7, r8, r7\nreturn r7\n",
         "tensor(7, false)");
}

Test(protocol, a_protocol_repeats)
{
    says("FUNCTIONS\nPAIR rec(choose(send(int, again), end))\nconst r40, !1\nconst r41, !10\n"
         "const r42, 0\nconst r43, 0\nloop:\nconst r3, true\nCHOOSE 10 3\n"
         "add r42, r40, r42 !\nmove r42, r3\nSEND 10 3\ntransform r33, r20, r21\n"
         "match r21, r22, r23, more, no\nno:\nreturn r23\nmore:\nRECEIVE 22 7\nmove r22, r20\n"
         "add r43, r7, r43\nless r42, r41, r4\nmatch r4, r8, r9, loop, done\ndone:\n"
         "const r3, false\nCHOOSE 10 3\nCLOSE 10\ntransform r33, r20, r21\n"
         "match r21, r22, r23, never, over\nnever:\nreturn r22\nover:\nCLOSE 23\nreturn r43\n",
         "55");
}

/* The outer loop is gone on with from within the inner one. */
Test(protocol, loops_within_loops)
{
    says("FUNCTIONS\nPAIR rec(send(int, rec(choose(again, choose(outer(again), end)))))\n"
         "const r3, 1\nSEND 10 3\nconst r3, true\nCHOOSE 10 3\nconst r3, false\nCHOOSE 10 3\n"
         "const r3, true\nCHOOSE 10 3\nconst r3, 2\nSEND 10 3\nconst r3, false\nCHOOSE 10 3\n"
         "const r3, false\nCHOOSE 10 3\nCLOSE 10\nreturn r20\n",
         "channel(0.1)");
}

/* ---- choices by name ---- */

/* A shop: an order and its price, or a question, or the end; whoever asks chooses by name. */
static const char shop[] =
    "FUNCTIONS\nPAIR rec(choose(buy: send(int, receive(int, again)), ask: receive(symbol, again), "
    "quit: end))\n"
    "const r3, \"buy\"\nCHOOSE 10 3\nconst r3, 7\nSEND 10 3\n"
    "transform r33, r20, r21\ncase r21, r22, \"ask\", wrong, not_ask\nwrong:\nreturn r22\n"
    "not_ask:\ncase r21, r22, buy, sell, none\nnone:\nreturn r21\nsell:\nRECEIVE 22 7\n"
    "const r4, 6\nmul r7, r4, r3\nSEND 22 3\nRECEIVE 10 8\n"
    "const r3, \"ask\"\nCHOOSE 10 3\ntransform r33, r22, r21\n"
    "case r21, r22, \"ask\", tell, none\ntell:\nconst r3, \"fresh\"\nSEND 22 3\nRECEIVE 10 9\n"
    "const r3, \"quit\"\nCHOOSE 10 3\nCLOSE 10\ntransform r33, r22, r21\n"
    "case r21, r22, \"quit\", bye, none\nbye:\nCLOSE 22\ntensor r8, r9, r8\nreturn r8\n";

Test(protocol, choices_have_names)
{
    says(shop, "tensor(42, \"fresh\")");
    /* names that MATCH knows, and a choice of one */
    says("FUNCTIONS\nPAIR choose(left: end, right: send(int, end))\nconst r3, \"right\"\n"
         "CHOOSE 10 3\nconst r3, 5\nSEND 10 3\nCLOSE 10\ntransform r33, r20, r21\n"
         "match r21, r22, r23, one, other\none:\nreturn r22\nother:\nRECEIVE 23 7\nCLOSE 23\n"
         "return r7\n",
         "5");
    says("FUNCTIONS\nPAIR offer(only: end)\nconst r3, \"only\"\nCHOOSE 20 3\n"
         "CLOSE 20\ntransform r33, r10, r21\ncase r21, r22, only, yes, no\nno:\nreturn r21\n"
         "yes:\nCLOSE 22\nconst r7, 1\nreturn r7\n",
         "1");
}

Test(protocol, a_type_of_names_is_written_as_it_is_read)
{
    says("const r0, type rec(offer(buy: send(int, again), \"a b\": choose(end, end), quit: end))\n"
         "return r0\n",
         "type rec(offer(\"buy\": send(int, again), \"a b\": choose(end, end), \"quit\": end))");
    static char text[4000], again[4000];
    struct koken_program *program = assembled(expanded(shop));
    cr_assert_lt(koken_program_print(program, text, sizeof text), sizeof text);
    cr_assert_not_null(strstr(text, "\"ask\": receive(symbol, again)"), "%s", text);
    koken_program_free(program);
    program = assembled(text);
    (void)koken_program_print(program, again, sizeof again);
    cr_assert_str_eq(text, again);
    koken_program_free(program);
}

Test(protocol, a_choice_has_one_of_its_names)
{
    static const char both[] = "FUNCTIONS\nPAIR choose(buy: end, quit: end)\n%s\nCHOOSE 10 3\n";
    static const char *const wrong[] = {"const r3, \"sell\"", "const r3, true", "const r3, 1"};
    char text[300];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, both, wrong[i]);
        cr_assert_eq(code_of(text), KOKEN_CODE_PROTOCOL_VIOLATION, "%s", wrong[i]);
    }
    cr_assert_eq(code_of("FUNCTIONS\nPAIR choose(end, end)\nconst r3, \"left\"\nCHOOSE 10 3\n"),
                 KOKEN_CODE_NOT_A_BOOLEAN);
    /* CASE looks at sums only, and leaves what has another name */
    cr_assert_eq(code_of("const r3, 1\ncase r3, r4, a, yes, no\nyes:\nno:\nreturn\n"),
                 KOKEN_CODE_NOT_A_SUM);
    says("const r3, sum(b, 5)\ncase r3, r4, a, yes, no\nyes:\nreturn r4\nno:\nreturn r3\n",
         "sum(\"b\", 5)");
    says("const r3, sum(a, 5)\ncase r3, r4, a, yes, no\nyes:\nreturn r4\nno:\nreturn r3\n", "5");
    cr_assert_eq(code_of("const r3, sum(a, 5)\ncase r3, r4, a, yes, no\nyes:\nreturn r3\n"
                         "no:\nreturn r3\n"),
                 KOKEN_CODE_REGISTER_CONSUMED);
    cr_assert_eq(code_of("const r3, sum(a, 5)\ncase r3, r4, b, yes, no\nyes:\nreturn\n"
                         "no:\nreturn r4\n"),
                 KOKEN_CODE_REGISTER_NOT_FOUND);
    (void)refused("case r3, r4, a, yes, no\nyes:\n", KOKEN_CODE_LABEL_NOT_FOUND);
    (void)refused("const r0, type choose(a: end\n", KOKEN_CODE_SYNTAX);
    (void)refused("const r0, type choose(a: end, end)\n", KOKEN_CODE_SYNTAX);
}

Test(protocol, linear_values_and_ends_are_sent)
{
    says("FUNCTIONS\nPAIR send(resource, end)\nconst r3, type int\nconst r4, 42\n"
         "alloc r3, r4, r5\nmove r5, r4\nSEND 10 4\nRECEIVE 20 7\nCLOSE 10\nCLOSE 20\n"
         "consume r7, r8\nreturn r8\n",
         "42");
    /* an end goes over a channel, and is used by who has received it */
    says("FUNCTIONS\nPAIR send(receive(int, end), end)\nconst r0, type send(int, end)\n"
         "const r1, unit\nalloc r0, r1, r2\nsplit r2, r11, r12\nconst r3, 5\nSEND 11 3\n"
         "CLOSE 11\nSEND 10 12\nCLOSE 10\nRECEIVE 20 21\nCLOSE 20\nRECEIVE 21 7\nCLOSE 21\n"
         "return r7\n",
         "5");
    cr_assert_eq(
        code_of("FUNCTIONS\nPAIR send(send(bool, end), end)\nconst r0, type send(int, end)\n"
                "const r1, unit\nalloc r0, r1, r2\nsplit r2, r11, r12\nSEND 10 11\n"),
        KOKEN_CODE_PROTOCOL_VIOLATION);
}

Test(protocol, what_is_not_the_next_step_is_an_error)
{
    cr_assert_eq(code_of("FUNCTIONS\nPAIR send(int, end)\nconst r3, true\nSEND 10 3\n"),
                 KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR receive(int, end)\nconst r3, 1\nSEND 10 3\n"),
                 KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR send(int, end)\nRECEIVE 10 7\n"),
                 KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR send(int, end)\nCLOSE 10\n"),
                 KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR end\nconst r3, 1\nSEND 10 3\n"),
                 KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR offer(end, end)\nconst r3, true\nCHOOSE 10 3\n"),
                 KOKEN_CODE_PROTOCOL_VIOLATION);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR choose(end, end)\nconst r3, 1\nCHOOSE 10 3\n"),
                 KOKEN_CODE_NOT_A_BOOLEAN);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR send(int, end)\nRECEIVE 20 7\n"),
                 KOKEN_CODE_CHANNEL_EMPTY);
    cr_assert_eq(code_of("FUNCTIONS\nconst r10, 1\nRECEIVE 10 7\n"), KOKEN_CODE_TYPE_MISMATCH);
}

Test(protocol, an_end_is_used_to_its_end)
{
    cr_assert_eq(code_of("PAIR end\nCLOSE 10\n"), KOKEN_CODE_NOT_CONSUMED);
    cr_assert_eq(code_of("FUNCTIONS\nPAIR send(int, end)\nconst r3, 1\nSEND 10 3\nCLOSE 10\n"),
                 KOKEN_CODE_NOT_CONSUMED);
    cr_assert_eq(code_of("PAIR end\nCLOSE 10\nCLOSE 20\nconsume r10, r7\n"),
                 KOKEN_CODE_REGISTER_CONSUMED);
    /* both ends in one message: nobody will ever have them */
    cr_assert_eq(code_of("FUNCTIONS\nPAIR send(any, end)\nSEND 10 20\n"), KOKEN_CODE_NOT_CONSUMED);
    /* a copy that a function keeps finds its end gone on */
    cr_assert_eq(
        code_of("FUNCTIONS\nPAIR send(int, send(int, end))\nconst r3, 1\nconst r4, 2\n"
                "transform r30, r10, r11\ntransform r11, r3, r10\ntransform r11, r4, r12\n"),
        KOKEN_CODE_RESOURCE_CONSUMED);
}

Test(protocol, only_protocols_make_channels)
{
    static const char *const none[] = {"again",
                                       "rec(again)",
                                       "rec(rec(again))",
                                       "rec(rec(outer(again)))",
                                       "send(int, int)",
                                       "send(int, again)",
                                       "rec(send(int, outer(again)))",
                                       "choose(end, bool)",
                                       "rec(send(int, outer(end)))",
                                       "choose(a: end, a: end)",
                                       "offer(a: end, b: send(int, end), a: end)",
                                       "offer(a: int)",
                                       "rec(choose(a: end, b: outer(again)))"};
    char text[200];
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        (void)snprintf(text, sizeof text,
                       "const r0, type %s\nconst r1, unit\nalloc r0, r1, r2\nreturn r2\n", none[i]);
        cr_assert_eq(code_of(text), KOKEN_CODE_NOT_A_TYPE, "%s", none[i]);
    }
    cr_assert_eq(code_of("const r0, type end\nconst r1, 1\nalloc r0, r1, r2\n"),
                 KOKEN_CODE_TYPE_MISMATCH);
    cr_assert_eq(code_of("const r0, 1\nsplit r0, r1, r2\n"), KOKEN_CODE_TYPE_MISMATCH);
}

/* ---- sessions ---- */

static int run_more(struct bench_of *bench, const char *text)
{
    koken_program_free(bench->program);
    bench->program = assembled(expanded(text));
    bench->rc = koken_machine_run(bench->machine, bench->program, &bench->result);
    return bench->rc;
}

Test(protocol, a_session_keeps_its_channels)
{
    struct bench_of bench =
        ran_with(expanded("FUNCTIONS\nPAIR rec(send(int, again))\nconst r3, 1\nSEND 10 3\n"),
                 (struct koken_machine_config){.keeps_state = true});
    struct koken_parcel *parcel;
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    cr_assert_eq(koken_machine_channels(bench.machine), 2);
    cr_assert_eq(koken_machine_reset(bench.machine), -EPERM);
    /* one that fails has sent and received nothing */
    cr_assert_eq(
        run_more(
            &bench,
            "const r3, 9\nSEND 10 3\nRECEIVE 20 7\nRECEIVE 20 8\nconst r3, 0\ndiv r7, r3, r3\n"),
        -EPROTO);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_DIVISION_BY_ZERO);
    for (uint32_t i = 2; i < 400; i++) { /* the heap is tidied between */
        char text[200];
        (void)snprintf(text, sizeof text, "const r3, %u\nSEND 10 3\nRECEIVE 20 7\nreturn r7\n", i);
        cr_assert_eq(run_more(&bench, text), 0, "%s", bench.result.error.text);
        cr_assert_eq(bench.result.value.data, i - 1);
    }
    cr_assert_lt(bench.machine->cell_count, 600);
    cr_assert_eq(bench.machine->message_count, 1);
    /* one end does not go without the other */
    cr_assert_eq(koken_machine_take(bench.machine, 10, &parcel), -ENOTSUP);
    cr_assert_eq(koken_machine_register(bench.machine, 10).state, KOKEN_REGISTER_LIVE);
    cr_assert_eq(run_more(&bench, "move r10, r11\nmove r20, r21\n"), 0);
    /* one of them is lost: an error of the run that loses it */
    cr_assert_eq(run_more(&bench, "const r22, 1\nadd r22, r22, r21\n"), -EPERM);
    over(&bench);
}

Test(protocol, channels_and_messages_are_bounded)
{
    struct bench_of bench = ran(
        expanded("const r0, !type rec(send(int, again))\nagain:\nconst r1, unit\nalloc r0, r1, r2\n"
                 "split r2, r3, r4\nconst r5, linear unit\ntensor r3, r4, r3\ntensor r3, r5, r3\n"
                 "move r3, r6\njump again\n"));
    cr_assert_eq(bench.rc, -EPERM); /* r6 is owed */
    over(&bench);
    bench = ran_with(
        expanded(
            "FUNCTIONS\nPAIR rec(send(int, again))\nconst r7, !1\nmore:\nSEND 10 7\njump more\n"),
        (struct koken_machine_config){.gas = UINT64_C(1) << 40, .cells_max = 1u << 20});
    cr_assert_eq(bench.rc, -ENOMEM);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_RESOURCE_LIMIT);
    over(&bench);
    bench = ran(expanded(
        "const r2, !fn make(r1)\nmore:\nconst r1, 1\ntransform r2, r1, r3\njump more\nmake:\n"
        "const r0, type end\nconst r1, unit\nalloc r0, r1, r2\nreturn r0\n"));
    cr_assert_eq(bench.rc, -ENOMEM, "%s", bench.result.error.text);
    cr_assert_eq(bench.result.error.code, KOKEN_CODE_RESOURCE_LIMIT);
    over(&bench);
}
