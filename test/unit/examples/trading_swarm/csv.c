/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are cut at commas, fields are trimmed, and a field beyond the last place is counted, not
 * kept. */
#include "examples/trading_swarm/csv.c"

#include <criterion/criterion.h>

static size_t cut(const char *line, struct text fields[CSV_FIELDS_MAX])
{
    return cut_line((struct text){line, strlen(line)}, fields);
}

Test(csv, line_is_cut_at_commas)
{
    struct text fields[CSV_FIELDS_MAX];

    cr_assert_eq(cut("a,,c", fields), 3u);
    cr_assert(text_is(fields[0], "a") && text_is(fields[1], "") && text_is(fields[2], "c"));
    cr_assert_eq(cut("", fields), 1u);
    cr_assert_eq(fields[0].len, 0u);
    cr_assert_eq(cut(",", fields), 2u);
}

Test(csv, blanks_and_one_pair_of_quotes_go)
{
    struct text fields[CSV_FIELDS_MAX];

    cut(" a b\t,\"c\" \r,\"\"\"d\"\"\",\"", fields);
    cr_assert(text_is(fields[0], "a b"));
    cr_assert(text_is(fields[1], "c"));
    cr_assert(text_is(fields[2], "\"\"d\"\""));
    cr_assert(text_is(fields[3], "\""));
}

Test(csv, more_fields_than_places_are_counted_only)
{
    struct text fields[CSV_FIELDS_MAX + 1] = {{0}};
    char line[200];

    memset(line, ',', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    cr_assert_eq(cut(line, fields), sizeof line);
    cr_assert_null(fields[CSV_FIELDS_MAX].at);
}

Test(csv, a_file_that_cannot_be_read_is_a_complaint)
{
    FILE *complaints = tmpfile();
    struct csv csv;

    cr_assert(!csv_open(&csv, "/nowhere/at/all.csv", complaints));
    cr_assert_eq(csv.complaint_count, 1u);
    csv_close(&csv);
    cr_assert(!csv_open(&csv, "/", complaints));
    cr_assert_eq(csv.complaint_count, 1u);
    csv_close(&csv);
    fclose(complaints);
}
