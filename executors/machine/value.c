/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: making them, looking into them, comparing and printing them. Values in values are KN_DEPTH_MAX deep at
 * most, so recursion is bounded; parts may be shared, so visits are counted, too.
 */
#include "executors/machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct koken_value koken_value_unit(void)
{
    return (struct koken_value){.tag = KOKEN_VALUE_UNIT};
}

struct koken_value koken_value_bool(bool truth)
{
    return (struct koken_value){.tag = KOKEN_VALUE_BOOL, .data = truth};
}

struct koken_value koken_value_int(uint32_t number)
{
    return (struct koken_value){.tag = KOKEN_VALUE_INT, .data = number};
}

int kn_stop(struct koken_machine *m, enum koken_machine_code code, uint32_t reg, const char *format,
            ...)
{
    KN_ASSERT(m->depth <= KN_CALLS_MAX);
    char text[sizeof m->error.text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int rc = kn_machine_fail(&m->error, code, m->program, m->pc, reg, "%s", text);
    m->error.depth = m->depth;
    uint32_t written = 0;
    for (uint32_t i = m->depth; i-- > 0 && written < KOKEN_ERROR_PATH;) {
        if (m->frames[i].then.tag == KOKEN_VALUE_NONE) {
            m->error.path[written++] = m->frames[i].pc - 1;
        }
    }
    return rc;
}

/* ---- symbols ---- */

uint32_t kn_symbol(struct koken_machine *m, const char *text, size_t len)
{
    KN_ASSERT(m->symbol_count <= 4 * KN_TABLE_MAX);
    for (uint32_t i = 0; i < m->symbol_count; i++) {
        if (m->symbols[i].len == len && memcmp(m->texts + m->symbols[i].start, text, len) == 0) {
            return i;
        }
    }
    if (len > KN_SYMBOL_MAX || m->symbol_count >= 4 * KN_TABLE_MAX ||
        !kn_grow(&m->texts, &m->text_room, m->text_size + (uint32_t)len + 1, 1) ||
        !kn_grow(&m->symbols, &m->symbol_room, m->symbol_count + 1, sizeof *m->symbols)) {
        return UINT32_MAX;
    }
    memcpy(m->texts + m->text_size, text, len);
    m->texts[m->text_size + len] = '\0';
    m->symbols[m->symbol_count] = (struct kn_text){m->text_size, (uint32_t)len};
    m->text_size += (uint32_t)len + 1;
    return m->symbol_count++;
}

void kn_symbols_cut(struct koken_machine *m, uint32_t count)
{
    KN_ASSERT(count <= m->symbol_count);
    if (m->symbol_count > count) {
        m->text_size = m->symbols[count].start;
        m->symbol_count = count;
    }
}

bool kn_symbol_is(const struct koken_machine *m, uint64_t symbol, const char *text)
{
    uint32_t len;
    const char *mine = kn_symbol_text(m, symbol, &len);
    return strlen(text) == len && memcmp(mine, text, len) == 0;
}

int koken_machine_symbol(struct koken_machine *m, const char *text, struct koken_value *ret_value)
{
    uint32_t symbol = kn_symbol(m, text, strlen(text));
    if (symbol == UINT32_MAX) {
        return strlen(text) > KN_SYMBOL_MAX ? -E2BIG : -ENOMEM;
    }
    *ret_value = (struct koken_value){.tag = KOKEN_VALUE_SYMBOL, .data = symbol};
    return 0;
}

/* ---- parts ---- */

int kn_cell_new(struct koken_machine *m, uint8_t tag, uint32_t aux, struct koken_value a,
                struct koken_value b, struct koken_value *ret_value)
{
    KN_ASSERT(tag < KOKEN_VALUE_TAG_COUNT_);
    KN_ASSERT(m->cell_count <= m->cell_room);
    unsigned depth = (a.spare > b.spare ? a.spare : b.spare) + 1u;
    if (depth > KN_DEPTH_MAX || m->cell_count >= m->config.cells_max) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, KOKEN_NO_REGISTER, "Memory error: %s",
                       depth > KN_DEPTH_MAX ? "values are nested too deep" : "too many cells");
    }
    if (!kn_grow(&m->cells, &m->cell_room, m->cell_count + 1, sizeof *m->cells)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    uint8_t kind = b.tag == KOKEN_VALUE_NONE ? a.kind : kn_kind_of_both(a.kind, b.kind);
    a.state = b.state = 0;
    m->cells[m->cell_count] = (struct kn_cell){a, b};
    *ret_value = (struct koken_value){
        .tag = tag, .kind = kind, .spare = (uint8_t)depth, .aux = aux, .data = m->cell_count++};
    return 0;
}

int koken_machine_pair(struct koken_machine *m, enum koken_value_tag tag, struct koken_value first,
                       struct koken_value second, struct koken_value *ret_value)
{
    if (tag != KOKEN_VALUE_PRODUCT && tag != KOKEN_VALUE_TENSOR) {
        return -EINVAL;
    }
    return kn_cell_new(m, (uint8_t)tag, 0, first, second, ret_value);
}

int koken_machine_sum(struct koken_machine *m, const char *tag, struct koken_value inner,
                      struct koken_value *ret_value)
{
    struct koken_value symbol;
    int rc = koken_machine_symbol(m, tag, &symbol);
    return rc < 0 ? rc
                  : kn_cell_new(m, KOKEN_VALUE_SUM, (uint32_t)symbol.data, inner,
                                (struct koken_value){0}, ret_value);
}

struct koken_value koken_machine_first(const struct koken_machine *m, struct koken_value pair)
{
    return kn_has_cell(pair) && pair.data < m->cell_count ? m->cells[pair.data].a
                                                          : (struct koken_value){0};
}

struct koken_value koken_machine_second(const struct koken_machine *m, struct koken_value pair)
{
    return kn_has_cell(pair) && pair.data < m->cell_count ? m->cells[pair.data].b
                                                          : (struct koken_value){0};
}

static int compare(const struct koken_machine *m, struct koken_value a, struct koken_value b,
                   uint32_t *visits)
{
    KN_ASSERT(a.tag < KOKEN_VALUE_TAG_COUNT_);
    if (++*visits > KN_VISITS_MAX) {
        return -E2BIG;
    }
    if (a.tag != b.tag || a.aux != b.aux) {
        return 0;
    }
    if (!kn_has_cell(a) || a.data == b.data) {
        return a.data == b.data;
    }
    const struct kn_cell *left = &m->cells[a.data], *right = &m->cells[b.data];
    int rc = compare(m, left->a, right->a, visits);
    return rc == 1 ? compare(m, left->b, right->b, visits) : rc;
}

int kn_values_equal(const struct koken_machine *m, struct koken_value a, struct koken_value b)
{
    uint32_t visits = 0;
    return compare(m, a, b, &visits);
}

bool kn_value_has_type(const struct koken_machine *m, struct koken_value value,
                       struct koken_value type)
{
    KN_ASSERT(type.tag == KOKEN_VALUE_TYPE && type.aux < KN_TYPE_COUNT_);
    switch (type.aux) { /* types are as deep as constants, and trees */
    case KN_TYPE_UNIT: return value.tag == KOKEN_VALUE_UNIT;
    case KN_TYPE_BOOL: return value.tag == KOKEN_VALUE_BOOL;
    case KN_TYPE_INT: return value.tag == KOKEN_VALUE_INT;
    case KN_TYPE_SYMBOL: return value.tag == KOKEN_VALUE_SYMBOL;
    case KN_TYPE_RESOURCE: return value.tag == KOKEN_VALUE_REF;
    case KN_TYPE_FUNCTION:
        return value.tag == KOKEN_VALUE_FUNCTION || value.tag == KOKEN_VALUE_BUILTIN ||
               value.tag == KOKEN_VALUE_PARTIAL || value.tag == KOKEN_VALUE_COMPOSED;
    case KN_TYPE_PRODUCT:
        return (value.tag == KOKEN_VALUE_PRODUCT || value.tag == KOKEN_VALUE_TENSOR) &&
               kn_value_has_type(m, koken_machine_first(m, value), koken_machine_first(m, type)) &&
               kn_value_has_type(m, koken_machine_second(m, value), koken_machine_second(m, type));
    case KN_TYPE_SUM:
        return value.tag == KOKEN_VALUE_SUM &&
               kn_value_has_type(m, koken_machine_first(m, value),
                                 kn_symbol_is(m, value.aux, "inl") ||
                                         kn_symbol_is(m, value.aux, "left")
                                     ? koken_machine_first(m, type)
                                     : koken_machine_second(m, type));
    case KN_TYPE_ANY: return true;
    default: /* a protocol */
        KN_ASSERT(type.aux >= KN_TYPE_SEND && type.aux < KN_TYPE_COUNT_);
        return value.tag == KOKEN_VALUE_CHANNEL && kn_end_is_open(m, value) &&
               kn_values_equal(m, kn_end_protocol(m, value), type) == 1;
    }
}

/* ---- text ---- */

static void print(struct kn_out *out, const struct koken_machine *m, struct koken_value value,
                  uint32_t *visits);

static void print_parts(struct kn_out *out, const struct koken_machine *m, const char *name,
                        struct koken_value value, uint32_t *visits)
{
    struct koken_value second = koken_machine_second(m, value);
    kn_out(out, "%s(", name);
    print(out, m, koken_machine_first(m, value), visits);
    if (second.tag != KOKEN_VALUE_NONE) {
        kn_out(out, ", ");
        print(out, m, second, visits);
    }
    kn_out(out, ")");
}

static void print_symbol(struct kn_out *out, const struct koken_machine *m, uint64_t symbol)
{
    KN_ASSERT(symbol < m->symbol_count);
    uint32_t len;
    const char *text = kn_symbol_text(m, symbol, &len);
    kn_out_quoted(out, text, len);
}

/* A type, as a text has it after the word `type`. */
static void print_type(struct kn_out *out, const struct koken_machine *m, struct koken_value type,
                       uint32_t *visits)
{
    KN_ASSERT(type.tag == KOKEN_VALUE_TYPE);
    const char *before = "(";
    kn_out(out, "%s", kn_type_names[type.aux]);
    if (kn_type_parts[type.aux] == 0 || ++*visits > KN_VISITS_MAX) {
        return;
    }
    if (!kn_type_is_list(type.aux)) {
        kn_out(out, "(");
        print_type(out, m, koken_machine_first(m, type), visits);
        if (kn_type_parts[type.aux] > 1) {
            kn_out(out, ", ");
            print_type(out, m, koken_machine_second(m, type), visits);
        }
    }
    while (kn_type_is_list(type.aux)) { /* ends: KN_DEPTH_MAX at most */
        struct koken_value entry = koken_machine_first(m, type);
        KN_ASSERT(entry.tag == KOKEN_VALUE_SUM);
        kn_out(out, "%s", before);
        print_symbol(out, m, entry.aux);
        kn_out(out, ": ");
        print_type(out, m, koken_machine_first(m, entry), visits);
        type = koken_machine_second(m, type);
        before = ", ";
    }
    kn_out(out, ")");
}

static void print(struct kn_out *out, const struct koken_machine *m, struct koken_value value,
                  uint32_t *visits)
{
    if (++*visits > KN_VISITS_MAX) {
        return;
    }
    switch (value.tag) {
    case KOKEN_VALUE_UNIT: kn_out(out, "unit"); break;
    case KOKEN_VALUE_BOOL: kn_out(out, value.data ? "true" : "false"); break;
    case KOKEN_VALUE_INT: kn_out(out, "%u", (unsigned)value.data); break;
    case KOKEN_VALUE_SYMBOL: print_symbol(out, m, value.data); break;
    case KOKEN_VALUE_PRODUCT: print_parts(out, m, "product", value, visits); break;
    case KOKEN_VALUE_TENSOR: print_parts(out, m, "tensor", value, visits); break;
    case KOKEN_VALUE_COMPOSED: print_parts(out, m, "composed", value, visits); break;
    case KOKEN_VALUE_SUM:
        kn_out(out, "sum(");
        print_symbol(out, m, value.aux);
        kn_out(out, ", ");
        print(out, m, koken_machine_first(m, value), visits);
        kn_out(out, ")");
        break;
    case KOKEN_VALUE_REF: kn_out(out, "resource(%u.%u)", (unsigned)value.data, value.aux); break;
    case KOKEN_VALUE_TYPE:
        kn_out(out, "type ");
        print_type(out, m, value, visits);
        break;
    case KOKEN_VALUE_BUILTIN: kn_out(out, "builtin %s", kn_builtin_names[value.data]); break;
    case KOKEN_VALUE_PARTIAL:
        print_parts(out, m, kn_builtin_names[value.aux], value, visits);
        break;
    case KOKEN_VALUE_FUNCTION: kn_out(out, "function(%u)", (unsigned)value.data); break;
    case KOKEN_VALUE_EFFECT:
        kn_out(out, "effect(");
        print_symbol(out, m, value.data);
        kn_out(out, ")");
        break;
    case KOKEN_VALUE_CHANNEL:
        kn_out(out, "channel(%u.%u)", (unsigned)(value.data / 2), (unsigned)(value.data & 1));
        break;
    default: kn_out(out, "nothing"); break;
    }
}

size_t koken_machine_print(const struct koken_machine *m, struct koken_value value, char *text,
                           size_t room)
{
    struct kn_out out = {text, room, 0};
    uint32_t visits = 0;
    if (room > 0) {
        text[0] = '\0';
    }
    print(&out, m, value, &visits);
    return out.len;
}
