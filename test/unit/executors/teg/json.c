/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: the JSON form says what it should, everything unknown is refused with a place, all that koken_teg_check
 * finds is found in a text too, hostile texts are complaints, and a program may bring effects of its own.
 */
#include "executors/teg/graph.h"
#include "test/support/teg.h"

#include <koken/teg_io.h>

static struct koken_teg_problem problem;

static int read_text(const char *text, struct koken_teg_document *document)
{
    memset(document, 0, sizeof *document);
    return koken_teg_read(text, strlen(text), NULL, document, &problem);
}

static void refused(const char *text, int error, const char *complaint)
{
    struct koken_teg_document document;
    int rc = read_text(text, &document);
    cr_assert_eq(rc, error, "%s: %d: %s", text, rc, problem.text);
    cr_assert(strstr(problem.text, complaint) != NULL, "%s: \"%s\"", text, problem.text);
    cr_assert_null(document.teg);
}

static int64_t answer_of(const char *text, const char *id)
{
    struct koken_teg_document document;
    int rc = read_text(text, &document);
    cr_assert_eq(rc, 0, "%s", problem.text);
    struct stage stage = stage_with(2, &document.config);
    struct koken_teg_run *run = run_with(stage, document.teg, &document.options);
    cr_assert_eq(koken_teg_status(run), 0);
    struct koken_teg_value value = koken_teg_value(run, koken_teg_find(document.teg, id));
    cr_assert(!value.is_missing);
    koken_teg_run_free(run);
    stop(stage.rt);
    koken_teg_free(document.teg); /* made before the runtime */
    return value.number;
}

Test(json, adds_two_numbers)
{
    cr_assert_eq(
        answer_of("{\"teg\":1,\"nodes\":[{\"id\":\"s\",\"effect\":\"sum\",\"after\":[\"a\",\"b\"]},"
                  "{\"id\":\"a\",\"effect\":\"number\",\"number\":40},"
                  "{\"id\":\"b\",\"effect\":\"number\",\"number\":2}]}",
                  "s"),
        42);
}

Test(json, has_conditions_races_and_parallels)
{
    cr_assert_eq(
        answer_of(
            "{\"teg\":1,\"nodes\":[{\"id\":\"a\",\"effect\":\"number\",\"number\":5},"
            "{\"id\":\"slow\",\"effect\":\"sleep\",\"number\":600000},"
            "{\"id\":\"r\",\"race\":[\"slow\",\"a\"]},{\"id\":\"p\",\"parallel\":[\"yes\"]},"
            "{\"id\":\"yes\",\"effect\":\"number\",\"number\":7},{\"id\":\"no\",\"effect\":"
            "\"number\"},"
            "{\"id\":\"sum\",\"effect\":\"sum\",\"kind\":\"pure\",\"cost\":9}],"
            "\"links\":[{\"from\":\"r\",\"to\":\"yes\",\"when\":{\"equal\":5}},"
            "{\"from\":\"r\",\"to\":\"no\",\"when\":\"false\"},{\"from\":\"r\",\"to\":\"sum\"},"
            "{\"from\":\"yes\",\"to\":\"sum\",\"when\":\"always\"},"
            "{\"from\":\"no\",\"to\":\"sum\",\"when\":\"always\"}]}",
            "sum"),
        12);
}

Test(json, fills_in_everything)
{
    struct koken_teg_document document;
    int rc = read_text("{\"teg\":1,\"resources\":[{\"name\":\"x\",\"use\":\"linear\",\"initial\":"
                       "true}],\"nodes\":[{\"id\":\"a\","
                       "\"effect\":\"fail\",\"number\":1,\"tag\":\"t\",\"domain\":\"d\",\"kind\":"
                       "\"handle\",\"cost\":3,"
                       "\"timeout_ms\":4,\"retries\":5,\"retry_delay_ms\":6,\"place\":\"pool\","
                       "\"needs\":[\"x\"],\"makes\":[\"y\"]},"
                       "{\"effect\":\"text\",\"text\":\"hi\",\"cached\":true,\"needs\":[\"y\"]}],"
                       "\"config\":{\"worker_count\":3,\"steal_timeout_ms\":7,\"load_balance_"
                       "threshold\":8,\"node_timeout_ms\":9,"
                       "\"adaptive_scheduling\":false,\"pool_count\":10},\"options\":{\"failure\":"
                       "\"isolate\",\"undo\":true}}",
                       &document);
    cr_assert_eq(rc, 0, "%s", problem.text);
    const struct kn_teg_node *node = &document.teg->nodes[0];
    const struct kn_teg_cold *cold = &document.teg->cold[0];
    cr_assert_eq(node->kind, KOKEN_TEG_HANDLE);
    cr_assert_eq(node->place, KOKEN_TEG_ON_POOL);
    cr_assert_eq(node->cost, 3);
    cr_assert_eq(cold->timeout_ns, KOKEN_MS(4));
    cr_assert_eq(cold->retries, 5);
    cr_assert_eq(cold->retry_delay_ns, KOKEN_MS(6));
    cr_assert_str_eq(kn_teg_key_of(document.teg, node->key).tag, "t");
    cr_assert_str_eq(kn_teg_key_of(document.teg, node->key).domain, "d");
    cr_assert(document.teg->nodes[1].flags & KN_TEG_CACHED);
    cr_assert_str_eq(kn_teg_key_of(document.teg, document.teg->nodes[1].key).tag, "text");
    cr_assert_eq(document.config.worker_count, 3);
    cr_assert_eq(document.config.steal_timeout_ms, 7);
    cr_assert_eq(document.config.load_balance_threshold, 8);
    cr_assert_eq(document.config.node_timeout_ms, 9);
    cr_assert(!document.config.adaptive_scheduling);
    cr_assert_eq(document.config.pool_count, 10);
    cr_assert_eq(document.options.failure, KOKEN_TEG_ISOLATE);
    cr_assert(document.options.undo);
    koken_teg_free(document.teg);
}

#define NODE(members) "{\"teg\":1,\"nodes\":[{" members "}]}"
#define LINK(members)                                                                              \
    "{\"teg\":1,\"nodes\":[{\"id\":\"a\",\"effect\":\"number\"},{\"id\":\"b\",\"effect\":"         \
    "\"number\"}],"                                                                                \
    "\"links\":[{" members "}]}"

Test(json, what_is_not_known_is_refused)
{
    refused("", -EPROTO, "line 1");
    refused("{", -EPROTO, "line 1");
    refused("[]", -EPROTO, "not an object");
    refused("{}", -EPROTO, "\"teg\" is not 1");
    refused("{\"teg\":2}", -EPROTO, "\"teg\" is not 1");
    refused("{\"teg\":1,\"teg\":1}", -EPROTO, "duplicate");
    refused("{\"teg\":1,\"knots\":[]}", -EPROTO, "unknown member \"knots\"");
    refused("{\"teg\":1,\"\":[]}", -EPROTO, "unknown member \"\"");
    refused("{\"teg\":1,\"nodes\":{}}", -EPROTO, "\"nodes\" is not a list");
    refused("{\"teg\":1,\"nodes\":[3]}", -EPROTO, "nodes[0]: not an object");
    refused(NODE("\"id\":\"a\""), -EPROTO, "nodes[0]: no \"effect\"");
    refused(NODE("\"effect\":\"nope\""), -EPROTO, "unknown effect \"nope\"");
    refused(NODE("\"effect\":3"), -EPROTO, "\"effect\" is not a text");
    refused(NODE("\"effect\":\"sum\",\"argv\":[\"x\"]"), -EPROTO, "not with \"argv\"");
    refused(NODE("\"effect\":\"number\",\"number\":1.5"), -EPROTO, "not a whole number");
    refused(NODE("\"effect\":\"number\",\"number\":1,\"text\":\"x\""), -EPROTO, "\"text\" too");
    refused(NODE("\"effect\":\"sum\",\"cost\":-1"), -EPROTO, "\"cost\" is not a whole number");
    refused(NODE("\"effect\":\"sum\",\"retries\":5000000000"), -EPROTO, "\"retries\"");
    refused(NODE("\"effect\":\"sum\",\"kind\":\"odd\""), -EPROTO, "unknown \"odd\"");
    refused(NODE("\"effect\":\"sum\",\"cached\":1"), -EPROTO, "neither true nor false");
    refused(NODE("\"effect\":\"sum\",\"after\":\"a\""), -EPROTO, "not a list");
    refused(NODE("\"effect\":\"sum\",\"after\":[1]"), -EPROTO, "not a list of texts");
    refused(NODE("\"effect\":\"sum\",\"colour\":1"), -EPROTO, "unknown member");
    refused(NODE("\"effect\":\"command\""), -EPROTO, "\"argv\" of 1 to");
    refused(NODE("\"effect\":\"sum\",\"race\":[\"a\"]"), -EPROTO, "exclude each other");
    refused(NODE("\"race\":[\"a\"]"), -EPROTO, "no node \"a\"");
    refused(NODE("\"id\":\"a\\u0000b\",\"effect\":\"sum\""), -EPROTO, "not allowed");
    refused(LINK("\"from\":\"a\""), -EPROTO, "links[0]: no \"from\" or \"to\"");
    refused(LINK("\"from\":\"a\",\"to\":\"b\",\"when\":\"less\""), -EPROTO, "needs a number");
    refused(LINK("\"from\":\"a\",\"to\":\"b\",\"when\":{\"less\":\"x\"}"), -EPROTO, "whole number");
    refused(LINK("\"from\":\"a\",\"to\":\"b\",\"when\":{\"true\":1}"), -EPROTO, "unknown \"true\"");
    refused("{\"teg\":1,\"resources\":[{\"use\":\"linear\"}]}", -EPROTO, "no \"name\"");
    refused("{\"teg\":1,\"config\":[]}", -EPROTO, "not an object");
    refused("{\"teg\":1,\"options\":{\"failure\":\"late\"}}", -EPROTO, "unknown \"late\"");
}

Test(json, what_the_check_finds_is_found)
{
    refused(LINK("\"from\":\"a\",\"to\":\"c\""), -ESRCH, "NodeNotFound: c");
    refused("{\"teg\":1,\"nodes\":[{\"id\":\"a\",\"effect\":\"sum\"},{\"id\":\"a\",\"effect\":"
            "\"sum\"}]}",
            -EALREADY, "Duplicate node ID: a");
    refused(NODE("\"id\":\"a\",\"effect\":\"sum\",\"after\":[\"a\"]"), -EDEADLK,
            "CyclicDependency: a -> a");
    refused(NODE("\"effect\":\"sum\",\"needs\":[\"x\"]"), -EAGAIN, "UnsatisfiableResource: x");
    refused("{\"teg\":1,\"resources\":[{\"name\":\"x\",\"use\":\"linear\",\"initial\":true}],"
            "\"nodes\":["
            "{\"effect\":\"sum\",\"needs\":[\"x\"]},{\"effect\":\"sum\",\"needs\":[\"x\"]}]}",
            -EPERM, "two consumers");
}

Test(json, deep_and_large_texts_are_complaints)
{
    static char deep[100001];
    memset(deep, '[', 100000);
    refused(deep, -EPROTO, "line 1");
    cr_assert_eq(koken_teg_read("", (size_t)1 << 40, NULL, NULL, NULL), -E2BIG);
}

static int twice(struct koken_teg_call *call)
{
    int64_t number;
    memcpy(&number, koken_teg_arg(call), sizeof number);
    koken_teg_answer(call, 2 * number);
    return 0;
}

Test(json, a_program_brings_its_own_effects)
{
    static const struct koken_teg_named mine[] = {{"number", {.run = twice}},
                                                  {NULL, {.run = NULL}}};
    static const char text[] = NODE("\"id\":\"a\",\"effect\":\"number\",\"number\":21");
    struct koken_teg_document document;
    cr_assert_eq(koken_teg_read(text, strlen(text), mine, &document, NULL), 0);
    struct stage stage = stage_of(1);
    struct koken_teg_run *run = run_of(stage, document.teg);
    cr_assert_eq(koken_teg_value(run, koken_teg_find(document.teg, "a")).number, 42);
    koken_teg_run_free(run);
    stop(stage.rt);
    koken_teg_free(document.teg); /* made before the runtime */
}
