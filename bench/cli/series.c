/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cli/series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct series *find_or_make(struct series_table *table, const char *name, const char *peer,
                                   const char *unit)
{
    for (size_t i = 0; i < table->count; i++) {
        struct series *row = &table->rows[i];
        if (strcmp(row->name, name) == 0 && strcmp(row->peer, peer) == 0) {
            return row;
        }
    }
    if (table->count == table->room) {
        size_t room = table->room == 0 ? 32 : table->room * 2;
        struct series *rows = realloc(table->rows, room * sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        table->rows = rows;
        table->room = room;
    }
    struct series *row = &table->rows[table->count];
    memset(row, 0, sizeof *row);
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->peer, sizeof row->peer, "%s", peer);
    snprintf(row->unit, sizeof row->unit, "%s", unit);
    table->count++;
    return row;
}

int series_add(struct series_table *table, const char *name, const char *peer, const char *unit,
               double sample)
{
    struct series *row = find_or_make(table, name, peer, unit);
    if (row == NULL) {
        return -1;
    }
    if (row->count == row->room) {
        size_t room = row->room == 0 ? 16 : row->room * 2;
        double *samples = realloc(row->samples, room * sizeof *samples);
        if (samples == NULL) {
            return -1;
        }
        row->samples = samples;
        row->room = room;
    }
    row->samples[row->count++] = sample;
    return 0;
}

const struct series *series_find(const struct series_table *table, const char *name,
                                 const char *peer)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct series *row = &table->rows[i];
        if (strcmp(row->name, name) == 0 && (peer == NULL || strcmp(row->peer, peer) == 0)) {
            return row;
        }
    }
    return NULL;
}

void series_table_fini(struct series_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->rows[i].samples);
    }
    free(table->rows);
    memset(table, 0, sizeof *table);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

bool series_more_is_better(const char *unit)
{
    return strcmp(unit, "msgs/s") == 0;
}

/* The p99 of a rate is the rate that 99 of 100 runs reach: the bad end, as for times. */
struct series_summary series_summarise(const struct series *series)
{
    struct series_summary summary = {0};
    size_t n = series->count;
    double *sorted = n == 0 ? NULL : malloc(n * sizeof *sorted);
    if (sorted == NULL) {
        return summary;
    }
    memcpy(sorted, series->samples, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_doubles);
    size_t rank = (n * 99 + 99) / 100 - 1; /* nearest rank */
    summary.median = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    summary.p99 = series_more_is_better(series->unit) ? sorted[n - 1 - rank] : sorted[rank];
    summary.min = sorted[0];
    summary.max = sorted[n - 1];
    free(sorted);
    return summary;
}

struct ranked {
    double value;
    bool is_left;
};

static int compare_ranked(const void *left, const void *right)
{
    double a = ((const struct ranked *)left)->value;
    double b = ((const struct ranked *)right)->value;
    return (a > b) - (a < b);
}

/* Sum of the ranks of the left samples; *ret_ties is the sum of t^3 - t over groups of t equal
 * values. */
static double rank_sum(const struct ranked *all, size_t count, double *ret_ties)
{
    double sum = 0;
    *ret_ties = 0;
    for (size_t first = 0; first < count;) {
        size_t next = first;
        while (next < count && all[next].value <= all[first].value) {
            next++;
        }
        double tied = (double)(next - first);
        double rank = (double)(first + 1 + next) / 2; /* of each of them */
        *ret_ties += tied * tied * tied - tied;
        for (; first < next; first++) {
            sum += all[first].is_left ? rank : 0;
        }
    }
    return sum;
}

double series_mann_whitney(const struct series *left, const struct series *right)
{
    size_t count = left->count + right->count;
    if (left->count < 4 || right->count < 4) {
        return 1;
    }
    struct ranked *all = malloc(count * sizeof *all);
    if (all == NULL) {
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        all[i].is_left = i < left->count;
        all[i].value = all[i].is_left ? left->samples[i] : right->samples[i - left->count];
    }
    qsort(all, count, sizeof *all, compare_ranked);
    double ties;
    double n1 = (double)left->count;
    double n2 = (double)right->count;
    double n = n1 + n2;
    double u = rank_sum(all, count, &ties) - n1 * (n1 + 1) / 2;
    free(all);
    double variance = n1 * n2 / 12 * ((n + 1) - ties / (n * (n - 1)));
    if (variance <= 0) {
        return 1; /* all values equal */
    }
    double distance = fabs(u - n1 * n2 / 2) - 0.5;
    return distance <= 0 ? 1 : erfc(distance / sqrt(variance) / sqrt(2));
}

void series_format(char *text, size_t size, double value, const char *unit)
{
    if (strcmp(unit, "msgs/s") == 0) {
        snprintf(text, size, "%.1f M", value / 1e6);
    } else if (fabs(value) >= 1000) {
        snprintf(text, size, "%.0f", value);
    } else {
        snprintf(text, size, value >= 100 ? "%.1f" : "%.2f", value);
    }
}
