/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: what the effects of the JSON form answer. */
#include "executors/teg/effects.h"
#include "test/support/teg.h"

#include <stdio.h>

/* Runs one effect without inputs. */
static struct koken_teg_value run_one(const char *name, int64_t number)
{
    struct stage stage = stage_of(1);
    char text[300];
    (void)snprintf(
        text, sizeof text,
        "{\"teg\":1,\"nodes\":[{\"id\":\"x\",\"effect\":\"%s\",\"number\":%lld,\"retries\":2}]}",
        name, (long long)number);
    struct koken_teg_document document;
    cr_assert_eq(koken_teg_read(text, strlen(text), NULL, &document, NULL), 0);
    struct koken_teg_run *run = run_of(stage, document.teg);
    struct koken_teg_value value = koken_teg_value(run, (koken_teg_node){1});
    leave(stage, document.teg, run);
    return value;
}

static int64_t fold(const char *name)
{
    struct stage stage = stage_of(1);
    char text[500];
    (void)snprintf(
        text, sizeof text,
        "{\"teg\":1,\"nodes\":[{\"id\":\"a\",\"effect\":\"number\",\"number\":7},{\"id\":\"b\","
        "\"effect\":"
        "\"number\",\"number\":-3},{\"id\":\"c\",\"effect\":\"number\",\"number\":5},{\"id\":\"x\","
        "\"effect\":\"%s\",\"after\":[\"a\",\"b\",\"c\"]}]}",
        name);
    struct koken_teg_document document;
    cr_assert_eq(koken_teg_read(text, strlen(text), NULL, &document, NULL), 0);
    struct koken_teg_run *run = run_of(stage, document.teg);
    int64_t number = koken_teg_value(run, koken_teg_find(document.teg, "x")).number;
    leave(stage, document.teg, run);
    return number;
}

Test(effects, numbers)
{
    cr_assert_eq(fold("sum"), 9);
    cr_assert_eq(fold("product"), -105);
    cr_assert_eq(fold("min"), -3);
    cr_assert_eq(fold("max"), 7);
    cr_assert_eq(run_one("number", 17).number, 17);
    cr_assert_eq(run_one("product", 0).number, 1);
    cr_assert_eq(run_one("max", 0).number, 0);
}

Test(effects, time_and_failures)
{
    uint64_t began = kn_now();
    cr_assert(!run_one("spin", 2000).is_missing);
    cr_assert(!run_one("sleep", 3).is_missing);
    cr_assert_geq(kn_now() - began, KOKEN_MS(5));
    cr_assert_eq(run_one("fail", 2).number, 2);
    cr_assert(run_one("fail", 3).is_missing);
}

Test(effects, bytes)
{
    static const char text[] =
        "{\"teg\":1,\"nodes\":[{\"id\":\"a\",\"effect\":\"text\",\"text\":\" one "
        "two\\n\"},{\"id\":\"b\",\"effect\":\"text\","
        "\"text\":\"three\"},{\"id\":\"e\",\"effect\":\"text\",\"text\":\"\"},{\"id\":\"all\","
        "\"effect\":\"concat\",\"after\":"
        "[\"a\",\"e\",\"b\"]},{\"id\":\"w\",\"effect\":\"words\",\"after\":[\"all\"]}]}";
    struct stage stage = stage_of(2);
    struct koken_teg_document document;
    cr_assert_eq(koken_teg_read(text, strlen(text), NULL, &document, NULL), 0);
    struct koken_teg_run *run = run_of(stage, document.teg);
    cr_assert_str_eq(koken_teg_value(run, koken_teg_find(document.teg, "all")).bytes,
                     " one two\nthree");
    cr_assert_eq(koken_teg_value(run, koken_teg_find(document.teg, "w")).number, 3);
    leave(stage, document.teg, run);
}
