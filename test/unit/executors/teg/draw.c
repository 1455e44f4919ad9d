/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: pictures have all nodes, links, conditions and states, quoted; traces are JSON with a slice per node. */
#include "test/support/teg.h"

#include <koken/teg_io.h>

#include <jansson.h>

static char text[200000];
static size_t used;

static int keep(void *arg, const char *bytes, size_t len)
{
    cr_assert_eq(arg, (void *)&used);
    cr_assert(used + len < sizeof text);
    memcpy(text + used, bytes, len);
    used += len;
    text[used] = '\0';
    return 0;
}

static int refuse(void *arg, const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return --*(int *)arg < 0 ? -EPROTO : 0;
}

static int nothing(struct koken_teg_call *call)
{
    koken_teg_answer(call, 3);
    return 0;
}

static struct koken_teg *make(void)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = node_of(teg, "a \"quoted\" \\ id\n", nothing, 0),
                   b = node_of(teg, "b", nothing, 0), c = node_of(teg, "c", do_fail, 0),
                   d = node_of(teg, NULL, nothing, 0);
    koken_teg_resource(teg, "x", KOKEN_TEG_EXCLUSIVE, true);
    koken_teg_needs(teg, b, "x");
    koken_teg_needs(teg, c, "x");
    koken_teg_makes(teg, a, "y");
    koken_teg_needs(teg, b, "y");
    koken_teg_link_when(teg, a, d, KOKEN_TEG_LESS, -5);
    koken_teg_link(teg, a, c);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    return teg;
}

#define has(piece) cr_assert_not_null(strstr(text, piece), "no %s in\n%s", piece, text)

Test(draw, graphs_before_they_run)
{
    struct koken_teg *teg = make();
    used = 0;
    cr_assert_eq(koken_teg_write_mermaid(teg, NULL, keep, &used), 0);
    has("graph TD\n");
    has("n1[\"a #34;quoted#34; #92; id <br/>cost 1\"]");
    has("n4[\"#35;4<br/>cost 1\"]");
    has("n1 -->|\"resource\"| n2");
    has("n2 -.->|\"turn\"| n3");
    has("n1 -->|\"< -5\"| n4");
    has("n1 --> n3");
    used = 0;
    cr_assert_eq(koken_teg_write_dot(teg, NULL, keep, &used), 0);
    has("n1 [label=\"a \\\"quoted\\\" \\\\ id \\ncost 1\"");
    has("n2 -> n3 [label=\"turn\", style=dashed");
    koken_teg_free(teg);
}

Test(draw, graphs_that_have_run)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = make();
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    struct koken_teg_run *run = run_with(stage, teg, &options);
    used = 0;
    cr_assert_eq(koken_teg_write_dot(teg, run, keep, &used), 0);
    has("Completed, ");
    has("Failed, ");
    has("Skipped\"");
    has("penwidth=3");
    used = 0;
    cr_assert_eq(koken_teg_write_mermaid(teg, run, keep, &used), 0);
    has("Failed, ");
    used = 0;
    cr_assert_eq(koken_teg_write_trace(run, keep, &used), 0);
    json_t *root = json_loadb(text, used, 0, NULL), *event;
    cr_assert_not_null(root);
    size_t slices = 0, i;
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        slices += strcmp(json_string_value(json_object_get(event, "ph")), "X") == 0;
    }
    cr_assert_eq(slices, 3);
    json_decref(root);
    leave(stage, teg, run);
}

/* The first error of a sink ends the writing and is the answer. */
Test(draw, sinks_may_fail)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = make();
    struct koken_teg_run *run = run_of(stage, teg);
    for (int i = 0; i < 4; i++) {
        int left = i * 3;
        cr_assert_eq(koken_teg_write_dot(teg, run, refuse, &left), -EPROTO);
        cr_assert_eq(left, -1);
        left = i;
        cr_assert_eq(koken_teg_write_mermaid(teg, NULL, refuse, &left), -EPROTO);
        left = i % 2;
        cr_assert_eq(koken_teg_write_trace(run, refuse, &left), -EPROTO);
    }
    struct koken_teg *other = koken_teg_new();
    cr_assert_eq(koken_teg_write_dot(other, NULL, keep, &used), -EINVAL);
    cr_assert_eq(koken_teg_check(other, NULL), 0);
    cr_assert_eq(koken_teg_write_dot(other, run, keep, &used), -EINVAL);
    cr_assert_eq(koken_teg_write_trace(NULL, keep, &used), -EINVAL);
    koken_teg_free(other);
    leave(stage, teg, run);
}
