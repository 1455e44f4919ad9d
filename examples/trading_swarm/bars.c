/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars from lines: each field is checked by itself, then the bar as a whole, then the bar against
 * the one before it. The first wrong field of a line is reported; lines are independent, so that
 * the faults of a file are all told in one run.
 */
#include "bars.h"

#include "csv.h"

#include <stdlib.h>
#include <string.h>

enum column {
    COLUMN_SYMBOL,
    COLUMN_DATE,
    COLUMN_OPEN,
    COLUMN_HIGH,
    COLUMN_LOW,
    COLUMN_CLOSE,
    COLUMN_COUNT_
};

static const char *const column_names[COLUMN_COUNT_] = {"symbol", "date", "open",
                                                        "high",   "low",  "close"};

/* Where the columns are in a line. */
struct header {
    int place[COLUMN_COUNT_]; /* -1: nowhere, for the symbol only */
    struct text names[CSV_FIELDS_MAX];
    size_t field_count;
};

/* ---- fields ---- */

static bool parse_digits(const char *at, size_t len, uint32_t *ret_number)
{
    uint32_t number = 0;

    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(at[i] - '0');
    }
    *ret_number = number;
    return true;
}

static uint32_t days_in(uint32_t year, uint32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (uint32_t)(month == 2 && is_leap);
}

static bool parse_date(struct csv *csv, struct text text, uint32_t *ret_date)
{
    uint32_t year, month, day;

    if (text.len != 10 || text.at[4] != '-' || text.at[7] != '-' ||
        !parse_digits(text.at, 4, &year) || !parse_digits(text.at + 5, 2, &month) ||
        !parse_digits(text.at + 8, 2, &day)) {
        csv_complain(csv, "date", "'%.*s' is not a date like 2000-01-31", (int)text.len, text.at);
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month)) {
        csv_complain(csv, "date", "there is no %.*s", (int)text.len, text.at);
        return false;
    }
    *ret_date = year * 10000 + month * 100 + day;
    return true;
}

static bool parse_price(struct csv *csv, const char *name, struct text text, money *ret_price)
{
    const char *wrong = money_parse(text.at, text.len, ret_price);

    if (wrong != NULL) {
        csv_complain(csv, name, "'%.*s' is %s", (int)text.len, text.at, wrong);
    } else if (*ret_price < 0) {
        csv_complain(csv, name, "%.*s is negative", (int)text.len, text.at);
    } else if (*ret_price == 0) {
        csv_complain(csv, name, "a price of zero");
    } else {
        return true;
    }
    return false;
}

/* ---- bars ---- */

static bool check_shape(struct csv *csv, const struct bar *bar)
{
    if (bar->low > bar->high) {
        csv_complain(csv, "low", "above the high");
    } else if (bar->open < bar->low || bar->open > bar->high) {
        csv_complain(csv, "open", "outside of low and high");
    } else if (bar->close < bar->low || bar->close > bar->high) {
        csv_complain(csv, "close", "outside of low and high");
    } else {
        return true;
    }
    return false;
}

/* The series of a symbol, made if there is none. NULL: out of memory. */
static struct series *find_series(struct market *market, struct text symbol)
{
    struct series *grown;

    for (size_t i = market->count; i-- > 0;) { /* the newest first: files keep symbols together */
        if (text_is(symbol, market->series[i].symbol)) {
            return &market->series[i];
        }
    }
    grown = realloc(market->series, (market->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    market->series = grown;
    grown += market->count++;
    *grown = (struct series){0};
    memcpy(grown->symbol, symbol.at, symbol.len);
    return grown;
}

static bool append_bar(struct series *series, const struct bar *bar)
{
    if (series->count == series->room) {
        size_t room = series->room == 0 ? 256 : series->room * 2;
        struct bar *bars = realloc(series->bars, room * sizeof *bars);

        if (bars == NULL) {
            return false;
        }
        series->bars = bars;
        series->room = room;
    }
    series->bars[series->count++] = *bar;
    return true;
}

static void add_bar(struct csv *csv, struct market *market, struct text symbol,
                    const struct bar *bar)
{
    struct series *series = find_series(market, symbol);

    if (series != NULL && series->count > 0 && bar->date <= series->bars[series->count - 1].date) {
        uint32_t before = series->bars[series->count - 1].date;

        csv_complain(csv, "date", "does not come after %04u-%02u-%02u, the bar of %s before it",
                     before / 10000, before / 100 % 100, before % 100, series->symbol);
    } else if (series == NULL || !append_bar(series, bar)) {
        csv_complain(csv, "symbol", "out of memory");
    }
}

/* ---- lines ---- */

/* The symbol of a file without that column: its name without folders and ending. */
static struct text file_symbol(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = strcspn(name, ".");

    return (struct text){name, len < SYMBOL_SIZE ? len : SYMBOL_SIZE - 1};
}

/* Quotes that are left were no pair around the field: a comma inside, or one forgotten. */
static bool check_quotes(struct csv *csv, const struct header *header, const struct text *fields,
                         size_t count)
{
    for (size_t i = 0; i < count && i < CSV_FIELDS_MAX; i++) {
        const struct text *name = &header->names[i];
        char field[32];

        if (fields[i].len == 0 || memchr(fields[i].at, '"', fields[i].len) == NULL) {
            continue;
        }
        if (name->len > 0) {
            snprintf(field, sizeof field, "%.*s", (int)name->len, name->at);
        } else {
            snprintf(field, sizeof field, "%zu", i + 1);
        }
        csv_complain(csv, field, "a quote without its other half in %.*s", (int)fields[i].len,
                     fields[i].at);
        return false;
    }
    return true;
}

static bool check_fields(struct csv *csv, const struct header *header, const struct text *fields,
                         size_t count)
{
    if (!check_quotes(csv, header, fields, count)) {
        return false;
    }
    for (int column = 0; column < COLUMN_COUNT_; column++) {
        int place = header->place[column];

        if (place >= 0 && ((size_t)place >= count || fields[place].len == 0)) {
            csv_complain(csv, column_names[column], (size_t)place >= count ? "missing" : "empty");
            return false;
        }
    }
    if (count > header->field_count) {
        csv_complain(csv, "count", "%zu fields, the header has %zu", count, header->field_count);
        return false;
    }
    return true;
}

static bool parse_bar(struct csv *csv, const struct header *header, const struct text *fields,
                      struct bar *bar)
{
    money *const prices[COLUMN_COUNT_] = {[COLUMN_OPEN] = &bar->open,
                                          [COLUMN_HIGH] = &bar->high,
                                          [COLUMN_LOW] = &bar->low,
                                          [COLUMN_CLOSE] = &bar->close};
    bool is_right = parse_date(csv, fields[header->place[COLUMN_DATE]], &bar->date);

    for (int i = COLUMN_OPEN; is_right && i <= COLUMN_CLOSE; i++) {
        is_right = parse_price(csv, column_names[i], fields[header->place[i]], prices[i]);
    }
    return is_right && check_shape(csv, bar);
}

static void read_bar(struct csv *csv, struct market *market, const struct header *header,
                     const struct text *fields, size_t count)
{
    struct text symbol;
    struct bar bar;

    if (!check_fields(csv, header, fields, count)) {
        return;
    }
    symbol = header->place[COLUMN_SYMBOL] < 0 ? file_symbol(csv->path)
                                              : fields[header->place[COLUMN_SYMBOL]];
    if (symbol.len == 0 || symbol.len >= SYMBOL_SIZE) {
        csv_complain(csv, "symbol", "'%.*s' does not have 1 to %d letters", (int)symbol.len,
                     symbol.at, SYMBOL_SIZE - 1);
        return;
    }
    if (parse_bar(csv, header, fields, &bar)) {
        add_bar(csv, market, symbol, &bar);
    }
}

static bool read_header(struct csv *csv, struct header *header)
{
    struct text fields[CSV_FIELDS_MAX] = {{0}};

    *header = (struct header){0};
    header->field_count = csv_next(csv, fields);
    if (header->field_count == 0) {
        csv->line = 1;
        csv_complain(csv, "header", "the file is empty");
        return false;
    }
    if (!check_quotes(csv, header, fields, header->field_count)) {
        return false;
    }
    memcpy(header->names, fields, sizeof header->names);
    for (int column = 0; column < COLUMN_COUNT_; column++) {
        header->place[column] = -1;
        for (int i = 0; i < CSV_FIELDS_MAX; i++) {
            if (text_is_like(fields[i], column_names[column])) {
                header->place[column] = i;
            }
        }
        if (header->place[column] < 0 && column != COLUMN_SYMBOL) {
            csv_complain(csv, column_names[column], "missing in the header");
        }
    }
    return csv->complaint_count == 0;
}

static void read_bars(struct csv *csv, struct market *market)
{
    struct text fields[CSV_FIELDS_MAX];
    struct header header;
    size_t count;

    if (!read_header(csv, &header)) {
        return;
    }
    while ((count = csv_next(csv, fields)) > 0 && csv->complaint_count <= CSV_COMPLAINTS_MAX) {
        read_bar(csv, market, &header, fields, count);
    }
    if (csv->line == 1) {
        csv_complain(csv, "date", "no bar after the header");
    }
}

unsigned bars_read(struct market *market, const char *path, FILE *complaints)
{
    struct csv csv;

    if (csv_open(&csv, path, complaints)) {
        read_bars(&csv, market);
    }
    csv_close(&csv);
    return csv.complaint_count;
}

void market_free(struct market *market)
{
    for (size_t i = 0; i < market->count; i++) {
        free(market->series[i].bars);
    }
    free(market->series);
    *market = (struct market){0};
}

size_t market_bars(const struct market *market)
{
    size_t count = 0;

    for (size_t i = 0; i < market->count; i++) {
        count += market->series[i].count;
    }
    return count;
}
