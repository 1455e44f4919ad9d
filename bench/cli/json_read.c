/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the results of a file made by json_write: full JSON syntax on the way, but only what is
 * under "results" is kept. Nesting is bounded, so a hostile file cannot exhaust the stack.
 */
#include "bench/cli/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

struct reader {
    const char *at;
    const char *error; /* what was expected, once something is wrong */
};

static void skip_space(struct reader *r)
{
    while (isspace((unsigned char)*r->at)) {
        r->at++;
    }
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (*r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static void expect(struct reader *r, char c, const char *what)
{
    if (r->error == NULL && !take(r, c)) {
        r->error = what;
    }
}

/* Escapes are kept as one '?': names that we write have none. */
static void read_string(struct reader *r, char *text, size_t size)
{
    size_t length = 0;
    expect(r, '"', "a string");
    while (r->error == NULL && *r->at != '"') {
        char c = *r->at;
        if (c == '\\' && r->at[1] != '\0') {
            c = '?';
            r->at++;
        }
        if (*r->at == '\0') {
            r->error = "the end of a string";
            break;
        }
        if (length + 1 < size) {
            text[length++] = c;
        }
        r->at++;
    }
    text[length] = '\0';
    expect(r, '"', "the end of a string");
}

static double read_number(struct reader *r)
{
    char *end;
    skip_space(r);
    double value = strtod(r->at, &end);
    if (end == r->at && r->error == NULL) {
        r->error = "a number";
    }
    r->at = end;
    return value;
}

static void skip_value(struct reader *r, int depth);

/* What stands between brackets; names before values if it is an object. */
static void skip_members(struct reader *r, char close, int depth)
{
    char name[2];
    if (depth == 0 && r->error == NULL) {
        r->error = "less nesting";
    }
    if (take(r, close)) {
        return;
    }
    do {
        if (close == '}') {
            read_string(r, name, sizeof name);
            expect(r, ':', "':'");
        }
        skip_value(r, depth - 1);
    } while (r->error == NULL && take(r, ','));
    expect(r, close, "',' or a closing bracket");
}

static void skip_value(struct reader *r, int depth)
{
    char text[2];
    if (r->error != NULL) {
        return;
    }
    skip_space(r);
    if (*r->at == '"') {
        read_string(r, text, sizeof text);
    } else if (take(r, '{')) {
        skip_members(r, '}', depth);
    } else if (take(r, '[')) {
        skip_members(r, ']', depth);
    } else if (isalpha((unsigned char)*r->at)) {
        while (isalpha((unsigned char)*r->at)) {
            r->at++; /* true, false, null */
        }
    } else {
        (void)read_number(r);
    }
}

/* [number, ...] */
static void read_samples(struct reader *r, const char *name, const char *unit,
                         struct series_table *table)
{
    expect(r, '[', "'['");
    if (r->error != NULL || take(r, ']')) {
        return;
    }
    do {
        double sample = read_number(r);
        if (r->error == NULL && series_add(table, name, "koken", unit, sample) != 0) {
            r->error = "memory";
        }
    } while (r->error == NULL && take(r, ','));
    expect(r, ']', "',' or ']'");
}

/* {"name": ..., "unit": ..., ..., "samples": [...]}; name and unit come before the samples. */
static void read_result(struct reader *r, struct series_table *table)
{
    char field[16];
    char name[48] = "";
    char unit[16] = "";
    expect(r, '{', "'{'");
    do {
        read_string(r, field, sizeof field);
        expect(r, ':', "':'");
        if (strcmp(field, "name") == 0) {
            read_string(r, name, sizeof name);
        } else if (strcmp(field, "unit") == 0) {
            read_string(r, unit, sizeof unit);
        } else if (strcmp(field, "samples") == 0) {
            read_samples(r, name, unit, table);
        } else {
            skip_value(r, DEPTH_MAX);
        }
    } while (r->error == NULL && take(r, ','));
    expect(r, '}', "',' or '}'");
}

static void read_file(struct reader *r, struct series_table *table)
{
    char field[16];
    expect(r, '{', "'{'");
    do {
        read_string(r, field, sizeof field);
        expect(r, ':', "':'");
        if (strcmp(field, "results") != 0) {
            skip_value(r, DEPTH_MAX);
            continue;
        }
        expect(r, '[', "'['");
        if (r->error == NULL && take(r, ']')) {
            continue;
        }
        do {
            read_result(r, table);
        } while (r->error == NULL && take(r, ','));
        expect(r, ']', "',' or ']'");
    } while (r->error == NULL && take(r, ','));
    expect(r, '}', "',' or '}'");
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    size_t room = 1 << 16;
    size_t length = 0;
    char *text = malloc(room);
    while (text != NULL) {
        length += fread(text + length, 1, room - 1 - length, file);
        if (length < room - 1) {
            text[length] = '\0';
            break;
        }
        char *more = realloc(text, room *= 2);
        if (more == NULL) {
            free(text);
        }
        text = more;
    }
    fclose(file);
    return text;
}

int json_read(const char *path, struct series_table *table)
{
    char *text = read_all(path);
    if (text == NULL) {
        perror(path);
        return -1;
    }
    struct reader reader = {.at = text};
    read_file(&reader, table);
    if (reader.error != NULL) {
        unsigned line = 1;
        for (const char *c = text; c < reader.at; c++) {
            line += *c == '\n' ? 1u : 0u;
        }
        fprintf(stderr, "koken: %s:%u: %s expected\n", path, line, reader.error);
    }
    free(text);
    return reader.error == NULL ? 0 : -1;
}
