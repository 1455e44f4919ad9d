/* SPDX-License-Identifier: Apache-2.0 */
/* Series: the samples of one figure of one peer, and tables of them. */
#ifndef BENCH_CLI_SERIES_H
#define BENCH_CLI_SERIES_H

#include <stdbool.h>
#include <stddef.h>

struct series {
    char name[48];
    char peer[24];
    char unit[16];
    double *samples; /* in the order of measuring */
    size_t count;
    size_t room;
};

struct series_table {
    struct series *rows;
    size_t count;
    size_t room;
};

/* series_add appends a sample to the series of that name, peer and unit. -1: out of memory. */
int series_add(struct series_table *table, const char *name, const char *peer, const char *unit,
               double sample);

/* series_find is the series of that name and peer (any peer if NULL), or NULL. */
const struct series *series_find(const struct series_table *table, const char *name,
                                 const char *peer);

void series_table_fini(struct series_table *table);

struct series_summary {
    double median;
    double p99;
    double min;
    double max;
};

struct series_summary series_summarise(const struct series *series);

/* series_more_is_better tells rates from costs by the unit. */
bool series_more_is_better(const char *unit);

/*
 * series_mann_whitney is the two-sided p of the hypothesis that both come from one distribution:
 * normal approximation with correction for ties and continuity. 1 if either has fewer than 4
 * samples.
 */
double series_mann_whitney(const struct series *left, const struct series *right);

/* series_format writes value as a person reads it: 12.3 M for rates, two digits after the point
 * else. */
void series_format(char *text, size_t size, double value, const char *unit);

#endif
