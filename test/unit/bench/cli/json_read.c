/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that what json_write writes is read back, and that wrong files are refused, never half
 * believed. */
#include "bench/cli/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/koken-json-XXXXXX";

static void make_file(const char *text)
{
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int read_text(const char *text, struct series_table *table)
{
    make_file(text);
    int rc = json_read(path, table);
    unlink(path);
    return rc;
}

Test(json_read, reads_what_json_write_wrote)
{
    struct series_table before = {0};
    struct series_table after = {0};
    struct environment env = {.cpu = "a \"quoted\" \\ cpu", .kernel = "tab\there"};
    for (int i = 0; i < 12; i++) {
        cr_assert_eq(series_add(&before, "pingpong", "koken", "ns/msg", 20.5 + i), 0);
        cr_assert_eq(series_add(&before, "counting", "koken", "msgs/s", 5e7 / (i + 1)), 0);
    }
    make_file("");
    cr_assert_eq(json_write(path, &env, 42, &before), 0);
    cr_assert_eq(json_read(path, &after), 0);
    unlink(path);
    cr_assert_eq(after.count, 2u);
    const struct series *row = series_find(&after, "pingpong", NULL);
    cr_assert_not_null(row);
    cr_assert_str_eq(row->unit, "ns/msg");
    cr_assert_eq(row->count, 12u);
    cr_assert(row->samples[11] == 31.5);
    series_table_fini(&before);
    series_table_fini(&after);
}

Test(json_read, skips_what_it_does_not_know)
{
    struct series_table table = {0};
    const char *text =
        "{\"x\": [1, {\"y\": null}, true, \"]\"], \"results\": [{\"name\": \"a\", \"unit\": "
        "\"ns\", \"z\": {}, \"samples\": [1, 2.5e1]}], \"after\": -1}";
    cr_assert_eq(read_text(text, &table), 0);
    cr_assert_eq(table.count, 1u);
    cr_assert(table.rows[0].samples[1] == 25);
    series_table_fini(&table);
}

Test(json_read, refuses_wrong_files)
{
    static const char *const wrong[] = {
        "",
        "nothing",
        "{",
        "[1, 2]",
        "{\"results\": 1}",
        "{\"results\": [1]}",
        "{\"results\": [{\"name\": \"a\", \"samples\": [1,]}]}",
        "{\"results\": [{\"name\": \"a\", \"samples\": [1 2]}]}",
        "{\"results\": [{\"name\": \"a\"",
        "{\"results\": [{\"name\": \"a",
        "{\"a\": \"\\",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct series_table table = {0};
        cr_assert_eq(read_text(wrong[i], &table), -1, "accepted: %s", wrong[i]);
        series_table_fini(&table);
    }
}

/* A file of brackets must not exhaust the stack. */
Test(json_read, refuses_deep_nesting)
{
    enum { DEPTH = 1000000 };
    struct series_table table = {0};
    char *text = malloc(DEPTH + 8);
    cr_assert_not_null(text);
    strcpy(text, "{\"a\":");
    memset(text + 5, '[', DEPTH);
    text[DEPTH + 5] = '\0';
    cr_assert_eq(read_text(text, &table), -1);
    free(text);
    series_table_fini(&table);
}
