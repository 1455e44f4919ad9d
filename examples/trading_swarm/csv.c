/* SPDX-License-Identifier: Apache-2.0 */
/* The whole file is in memory while it is read: fields are pieces of it and need no memory of their
 * own. */
#include "csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool text_is(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

bool text_is_like(struct text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

void csv_complain(struct csv *csv, const char *field, const char *format, ...)
{
    va_list args;

    if (csv->complaint_count++ == CSV_COMPLAINTS_MAX) {
        fprintf(csv->complaints, "%s: more lines are wrong\n", csv->path);
    }
    if (csv->complaint_count > CSV_COMPLAINTS_MAX) {
        return;
    }
    fprintf(csv->complaints, "%s:%u: field %s: ", csv->path, csv->line, field);
    va_start(args, format);
    vfprintf(csv->complaints, format, args);
    va_end(args);
    fputc('\n', csv->complaints);
}

/* ---- the file ---- */

/* The whole file in memory; its length in *ret_len. NULL: errno says why. */
static char *load_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0, room = 1 << 16;
    char *text = NULL, *grown;
    int error;

    if (file == NULL) {
        return NULL;
    }
    while (!ferror(file) && !feof(file) && (grown = realloc(text, room)) != NULL) {
        text = grown;
        len += fread(text + len, 1, room - len, file);
        room *= len == room ? 2 : 1;
    }
    error = errno;
    if (ferror(file) || !feof(file)) {
        free(text);
        text = NULL;
    }
    fclose(file);
    errno = error;
    *ret_len = len;
    return text;
}

static bool is_text(struct csv *csv)
{
    for (const char *at = csv->at; at < csv->end; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte < ' ' && memchr("\t\n\r", byte, 3) == NULL) {
            csv_complain(csv, "text", "byte 0x%02x: this is not a text file", byte);
            return false;
        }
        csv->line += byte == '\n';
    }
    return true;
}

bool csv_open(struct csv *csv, const char *path, FILE *complaints)
{
    size_t len;

    *csv = (struct csv){.path = path, .complaints = complaints, .line = 1};
    csv->text = load_file(path, &len);
    if (csv->text == NULL) {
        csv_complain(csv, "file", "%s", strerror(errno));
        return false;
    }
    csv->at = csv->text;
    csv->end = csv->text + len;
    if (!is_text(csv)) {
        return false;
    }
    csv->line = 0;
    if (len >= 3 && memcmp(csv->at, "\xef\xbb\xbf", 3) == 0) {
        csv->at += 3; /* a byte order mark */
    }
    while (csv->end > csv->at && (csv->end[-1] == '\n' || csv->end[-1] == '\r')) {
        csv->end--;
    }
    return true;
}

void csv_close(struct csv *csv)
{
    free(csv->text);
    csv->text = NULL;
}

/* ---- lines ---- */

/* Without blanks around it, and without one pair of quotes. */
static struct text trim(struct text text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r", text.at[text.len - 1]) != NULL) {
        text.len--;
    }
    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"') {
        text.at++;
        text.len -= 2;
    }
    return text;
}

static size_t cut_line(struct text line, struct text fields[CSV_FIELDS_MAX])
{
    size_t count = 0, begin = 0;

    for (size_t at = 0; at <= line.len; at++) {
        if (at < line.len && line.at[at] != ',') {
            continue;
        }
        if (count < CSV_FIELDS_MAX) {
            fields[count] = trim((struct text){line.at + begin, at - begin});
        }
        count++;
        begin = at + 1;
    }
    return count;
}

size_t csv_next(struct csv *csv, struct text fields[CSV_FIELDS_MAX])
{
    const char *begin = csv->at, *stop;

    if (begin == csv->end) {
        return 0;
    }
    stop = memchr(begin, '\n', (size_t)(csv->end - begin));
    csv->at = stop == NULL ? csv->end : stop + 1;
    csv->line++;
    return cut_line((struct text){begin, (size_t)((stop == NULL ? csv->end : stop) - begin)},
                    fields);
}
