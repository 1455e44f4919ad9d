/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: a tree in one array, the whole before its parts. */
#include "executors/machine/machine.h"

#include "base/alloc.h"

#include <koken/pattern.h>

#include <errno.h>

enum { PARTS_MAX = 256, NAME_MOST = 63 };

enum part_kind { ANY, NAMED, PLAIN, TEXT, PAIR, SUM };

struct part {
    uint8_t kind;             /* enum part_kind */
    uint8_t tag;              /* of PLAIN and PAIR: enum koken_value_tag */
    uint8_t len;              /* of TEXT, and of a sum's tag */
    uint16_t second;          /* of PAIR: its second part; the first one follows it */
    uint32_t data;            /* of PLAIN */
    char text[NAME_MOST + 1]; /* not ended by a zero */
};

struct koken_pattern {
    uint32_t count, names;
    struct part parts[];
};

struct reader {
    const char *at, *end;
    struct part *parts;
    uint32_t count, names;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t')) {
        reader->at++;
    }
}

static bool accept(struct reader *reader, char c)
{
    skip_blanks(reader);
    bool is_there = reader->at < reader->end && *reader->at == c;
    reader->at += is_there;
    return is_there;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

/* The bytes up to the end of a word or a text. */
static int read_name(struct reader *reader, struct part *part, bool is_quoted)
{
    uint32_t len = 0;
    while (reader->at < reader->end &&
           (is_quoted ? *reader->at != '"'
                      : is_letter(*reader->at) || (*reader->at >= '0' && *reader->at <= '9'))) {
        if (len >= NAME_MOST) {
            return -E2BIG;
        }
        part->text[len++] = *reader->at++;
    }
    part->len = (uint8_t)len;
    return !is_quoted ? (len > 0 ? 0 : -EINVAL) : accept(reader, '"') ? 0 : -EINVAL;
}

static bool is_word(const struct part *part, const char *word)
{
    return strlen(word) == part->len && memcmp(part->text, word, part->len) == 0;
}

static int read_number(struct reader *reader, struct part *part)
{
    uint64_t number = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        number = number * 10 + (uint64_t)(*reader->at++ - '0');
        if (number > UINT32_MAX) {
            return -EINVAL;
        }
    }
    part->kind = PLAIN;
    part->tag = KOKEN_VALUE_INT;
    part->data = (uint32_t)number;
    return 0;
}

static int read_part(struct reader *reader, unsigned depth);

static int read_pair(struct reader *reader, uint32_t number, unsigned depth)
{
    struct part *part = &reader->parts[number];
    part->kind = PAIR;
    part->tag = is_word(part, "product") ? KOKEN_VALUE_PRODUCT : KOKEN_VALUE_TENSOR;
    int rc = read_part(reader, depth + 1);
    rc = rc < 0 ? rc : accept(reader, ',') ? 0 : -EINVAL;
    part->second = (uint16_t)reader->count;
    return rc < 0 ? rc : read_part(reader, depth + 1);
}

/* What begins with a word: a part of that number, whose text is the word. */
static int read_word(struct reader *reader, uint32_t number, unsigned depth)
{
    struct part *part = &reader->parts[number];
    bool is_open = accept(reader, '(');
    int rc = 0;
    if (is_open && (is_word(part, "product") || is_word(part, "tensor"))) {
        rc = read_pair(reader, number, depth);
    } else if (is_open) {
        if (is_word(part, "sum")) {
            rc = accept(reader, '"') ? read_name(reader, part, /* is_quoted= */ true) : -EINVAL;
            rc = rc < 0 ? rc : accept(reader, ',') ? 0 : -EINVAL;
        }
        part->kind = SUM;
        rc = rc < 0 ? rc : read_part(reader, depth + 1);
    } else if (is_word(part, "_")) {
        part->kind = ANY;
    } else if (is_word(part, "unit")) {
        part->kind = PLAIN;
        part->tag = KOKEN_VALUE_UNIT;
    } else if (is_word(part, "true") || is_word(part, "false")) {
        part->kind = PLAIN;
        part->tag = KOKEN_VALUE_BOOL;
        part->data = is_word(part, "true");
    } else {
        part->kind = NAMED;
        reader->names++;
    }
    return rc < 0 ? rc : !is_open || accept(reader, ')') ? 0 : -EINVAL;
}

static int read_part(struct reader *reader, unsigned depth)
{
    if (reader->count >= PARTS_MAX || depth >= KN_NESTING_MAX) {
        return -E2BIG;
    }
    uint32_t number = reader->count++;
    struct part *part = &reader->parts[number];
    skip_blanks(reader);
    if (accept(reader, '"')) {
        part->kind = TEXT;
        return read_name(reader, part, /* is_quoted= */ true);
    }
    if (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        return read_number(reader, part);
    }
    int rc = read_name(reader, part, /* is_quoted= */ false);
    return rc < 0 ? rc : read_word(reader, number, depth);
}

static size_t size_of(uint32_t count)
{
    return sizeof(struct koken_pattern) + count * sizeof(struct part);
}

int koken_pattern_new(const char *text, size_t size, struct koken_pattern **ret_pattern)
{
    if (!text || !ret_pattern) {
        return -EINVAL;
    }
    struct koken_pattern *pattern = NULL;
    struct reader reader = {.at = text, .end = text + size};
    reader.parts = kn_alloc(PARTS_MAX * sizeof *reader.parts, _Alignof(struct part), -1);
    if (!reader.parts) {
        return -ENOMEM;
    }
    memset(reader.parts, 0, PARTS_MAX * sizeof *reader.parts);
    int rc = read_part(&reader, 0);
    skip_blanks(&reader);
    rc = rc == 0 && reader.at < reader.end ? -EINVAL : rc;
    if (rc == 0) {
        KN_ASSERT(reader.count > 0 && reader.count <= PARTS_MAX);
        pattern = kn_alloc(size_of(reader.count), _Alignof(struct koken_pattern), -1);
        rc = pattern ? 0 : -ENOMEM;
    }
    if (rc == 0) {
        pattern->count = reader.count;
        pattern->names = reader.names;
        memcpy(pattern->parts, reader.parts, reader.count * sizeof *reader.parts);
        *ret_pattern = pattern;
    }
    kn_free(reader.parts, PARTS_MAX * sizeof *reader.parts, _Alignof(struct part));
    return rc;
}

void koken_pattern_free(struct koken_pattern *pattern)
{
    if (pattern) {
        kn_free(pattern, size_of(pattern->count), _Alignof(struct koken_pattern));
    }
}

/* ---- matching ---- */

struct matching {
    const struct koken_pattern *pattern;
    const struct koken_machine *machine;
    struct koken_value *values;
    size_t room, written;
};

static bool has_text(const struct matching *matching, uint64_t symbol, const struct part *part)
{
    uint32_t len;
    const char *text = kn_symbol_text(matching->machine, symbol, &len);
    return len == part->len && memcmp(text, part->text, len) == 0;
}

/* Nested KN_NESTING_MAX at most, and each part is visited once. */
static bool matches(struct matching *matching, uint32_t number, struct koken_value value)
{
    KN_ASSERT(number < matching->pattern->count);
    const struct part *part = &matching->pattern->parts[number];
    switch (part->kind) {
    case ANY: return value.tag != KOKEN_VALUE_NONE;
    case NAMED:
        if (matching->written < matching->room) {
            matching->values[matching->written] = value;
        }
        matching->written++;
        return value.tag != KOKEN_VALUE_NONE;
    case PLAIN: return value.tag == part->tag && value.data == part->data;
    case TEXT: return value.tag == KOKEN_VALUE_SYMBOL && has_text(matching, value.data, part);
    case PAIR:
        return value.tag == part->tag &&
               matches(matching, number + 1, koken_machine_first(matching->machine, value)) &&
               matches(matching, part->second, koken_machine_second(matching->machine, value));
    default:
        KN_ASSERT(part->kind == SUM);
        return value.tag == KOKEN_VALUE_SUM && has_text(matching, value.aux, part) &&
               matches(matching, number + 1, koken_machine_first(matching->machine, value));
    }
}

bool koken_pattern_matches(const struct koken_pattern *pattern, const struct koken_machine *machine,
                           struct koken_value value, struct koken_value *ret_values, size_t room)
{
    struct matching matching = {pattern, machine, ret_values, ret_values ? room : 0, 0};
    bool is_match = matches(&matching, 0, value);
    KN_ASSERT(!is_match || matching.written == pattern->names);
    return is_match;
}

uint32_t koken_pattern_names(const struct koken_pattern *pattern)
{
    return pattern->names;
}

bool koken_pattern_is_exhaustive(const struct koken_pattern *pattern)
{
    KN_ASSERT(pattern->count > 0);
    return pattern->parts[0].kind == ANY || pattern->parts[0].kind == NAMED;
}

uint32_t koken_pattern_complexity(const struct koken_pattern *pattern)
{
    return pattern->count;
}
