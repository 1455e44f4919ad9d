/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comma-separated text: files cut into lines, lines into fields, and complaints that say where. A
 * field may have blanks or one pair of quotes around it, but no comma in it. Quotes that make no pair
 * stay: whoever knows what the fields mean refuses them. Knows nothing of that itself.
 */
#ifndef SWARM_CSV_H
#define SWARM_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CSV_FIELDS_MAX 32
#define CSV_COMPLAINTS_MAX 20u

/* A piece of the file, not terminated. */
struct text {
    const char *at;
    size_t len;
};

bool text_is(struct text text, const char *word);

/* The same whether letters are large or small. */
bool text_is_like(struct text text, const char *word);

/* One file while it is read. */
struct csv {
    const char *path;
    FILE *complaints;
    unsigned complaint_count;
    unsigned line; /* of the line read last */
    char *text;
    const char *at, *end; /* what is left of the text */
};

/* csv_complain writes `path:line: field NAME: ...`, up to CSV_COMPLAINTS_MAX times. */
void csv_complain(struct csv *csv, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* csv_open loads the file and sees that it is text. Answers false after a complaint. Close it in
 * any case. */
bool csv_open(struct csv *csv, const char *path, FILE *complaints);
void csv_close(struct csv *csv);

/*
 * csv_next cuts the next line. Answers its number of fields, of which the first CSV_FIELDS_MAX are
 * in fields; 0: there is no more line.
 */
size_t csv_next(struct csv *csv, struct text fields[CSV_FIELDS_MAX]);

#endif
