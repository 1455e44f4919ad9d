/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that summaries, ranks and the verdict about two runs are those of the textbook. */
#include "bench/cli/series.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void add(struct series_table *table, const char *name, const char *unit, double first,
                double step, int count)
{
    for (int i = 0; i < count; i++) {
        cr_assert_eq(series_add(table, name, "koken", unit, first + step * i), 0);
    }
}

Test(series, summary_of_one_sample_is_that_sample)
{
    struct series_table table = {0};
    add(&table, "a", "ns", 7, 0, 1);
    struct series_summary s = series_summarise(&table.rows[0]);
    cr_assert(s.median == 7 && s.p99 == 7 && s.min == 7 && s.max == 7);
    series_table_fini(&table);
}

Test(series, median_of_an_even_count_is_the_mean_of_the_middle_two)
{
    struct series_table table = {0};
    add(&table, "a", "ns", 4, -1, 4); /* 4 3 2 1: not sorted */
    struct series_summary s = series_summarise(&table.rows[0]);
    cr_assert(s.median == 2.5 && s.min == 1 && s.max == 4);
    series_table_fini(&table);
}

Test(series, p99_is_the_bad_end_of_times_and_of_rates)
{
    struct series_table table = {0};
    add(&table, "time", "ns", 1, 1, 200);
    add(&table, "rate", "msgs/s", 1, 1, 200);
    cr_assert(series_summarise(&table.rows[0]).p99 == 198);
    cr_assert(series_summarise(&table.rows[1]).p99 == 3);
    series_table_fini(&table);
}

Test(series, rows_are_kept_apart_by_name_and_peer)
{
    struct series_table table = {0};
    cr_assert_eq(series_add(&table, "a", "koken", "ns", 1), 0);
    cr_assert_eq(series_add(&table, "a", "pony", "ns", 2), 0);
    cr_assert_eq(series_add(&table, "b", "koken", "ns", 3), 0);
    cr_assert_eq(series_add(&table, "a", "koken", "ns", 4), 0);
    cr_assert_eq(table.count, 3u);
    cr_assert_eq(series_find(&table, "a", "koken")->count, 2u);
    cr_assert_eq(series_find(&table, "a", "pony")->count, 1u);
    cr_assert_null(series_find(&table, "c", NULL));
    series_table_fini(&table);
}

Test(series, names_that_are_too_long_are_cut_not_overrun)
{
    struct series_table table = {0};
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(series_add(&table, name, name, name, 1), 0);
    cr_assert_eq(strlen(table.rows[0].name), sizeof table.rows[0].name - 1);
    series_table_fini(&table);
}

/* 1..10 against 11..20: U = 0, z = 3.742 with the correction for continuity, p = 0.000183. */
Test(series, mann_whitney_of_separate_runs)
{
    struct series_table table = {0};
    add(&table, "a", "ns", 1, 1, 10);
    add(&table, "b", "ns", 11, 1, 10);
    double p = series_mann_whitney(&table.rows[0], &table.rows[1]);
    cr_assert(fabs(p - 0.000183) < 0.000002, "p is %g", p);
    cr_assert(fabs(p - series_mann_whitney(&table.rows[1], &table.rows[0])) < 1e-12);
    series_table_fini(&table);
}

Test(series, mann_whitney_of_the_same_run_is_one)
{
    struct series_table table = {0};
    add(&table, "a", "ns", 1, 1, 10);
    cr_assert(series_mann_whitney(&table.rows[0], &table.rows[0]) > 0.99);
    series_table_fini(&table);
}

/* All values equal: no variance, no verdict. */
Test(series, mann_whitney_of_constants_is_one)
{
    struct series_table table = {0};
    add(&table, "a", "ns", 5, 0, 10);
    add(&table, "b", "ns", 5, 0, 10);
    cr_assert(series_mann_whitney(&table.rows[0], &table.rows[1]) == 1);
    series_table_fini(&table);
}

Test(series, three_samples_prove_nothing)
{
    struct series_table table = {0};
    add(&table, "a", "ns", 1, 1, 3);
    add(&table, "b", "ns", 100, 1, 10);
    cr_assert(series_mann_whitney(&table.rows[0], &table.rows[1]) == 1);
    series_table_fini(&table);
}

Test(series, rates_are_shown_in_millions)
{
    char text[24];
    series_format(text, sizeof text, 41234567, "msgs/s");
    cr_assert_str_eq(text, "41.2 M");
    series_format(text, sizeof text, 16.789, "ns/msg");
    cr_assert_str_eq(text, "16.79");
    series_format(text, sizeof text, 12345.6, "ns");
    cr_assert_str_eq(text, "12346");
}
