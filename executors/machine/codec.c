/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as bytes: "KASM", a version, the tables, the code. Numbers are LEB128, of five bytes at most and none
 * too long, so that a program has one form. A decoder that stumbles answers zeros from there on and says so at the
 * end; nothing is allocated for a count that the bytes that are left cannot hold. What is decoded is then checked
 * like any other program.
 */
#include "executors/machine/code.h"

#include <string.h>

enum { VERSION = 1 };
static const uint8_t magic[5] = {'K', 'A', 'S', 'M', VERSION};

/* Which operands an operation has: registers in a to d, then numbers in d and e. */
struct shape {
    uint8_t reg_count;
    bool has_tag, has_d, has_e, has_kind; /* has_tag: b of CONST */
};

static struct shape shape_of(uint8_t op)
{
    struct shape shape = {.has_kind = op == KN_OP_CONST || kn_op_has_kind(op)};
    for (const char *kind = kn_op_operands[op]; *kind != '\0'; kind++) {
        switch (*kind) {
        case 'l':
        case 'c':
        case 'e': shape.has_d = true; break;
        case 'k': shape.has_d = shape.has_tag = true; break;
        case 'm':
        case 'n': shape.has_e = true; break;
        default: shape.reg_count++; break;
        }
    }
    return shape;
}

/* ---- writing ---- */

struct writer {
    uint8_t *bytes;
    size_t room, len;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    if (size > 0 && writer->len + size <= writer->room) {
        memcpy(writer->bytes + writer->len, bytes, size);
    }
    writer->len += size;
}

static void put_number(struct writer *writer, uint32_t number)
{
    uint8_t bytes[5];
    size_t size = 0;
    do { /* ends: seven bits fewer each time */
        bytes[size++] = (uint8_t)((number & 127) | (number > 127 ? 128 : 0));
        number >>= 7;
    } while (number > 0);
    put(writer, bytes, size);
}

static void put_tables(struct writer *writer, const struct koken_program *program)
{
    put_number(writer, program->symbol_count);
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        put_number(writer, program->symbols[i].len);
        put(writer, program->texts + program->symbols[i].start, program->symbols[i].len);
    }
    put_number(writer, program->constant_count);
    for (uint32_t i = 0; i < program->constant_count; i++) {
        const struct kn_constant *constant = &program->constants[i];
        put_number(writer, constant->tag);
        put_number(writer, constant->kind);
        put_number(writer, constant->a);
        put_number(writer, constant->b);
    }
    put_number(writer, program->function_count);
    for (uint32_t i = 0; i < program->function_count; i++) {
        const struct kn_function *function = &program->functions[i];
        put_number(writer, function->target);
        put_number(writer, function->env);
        put_number(writer, function->param_count);
        for (uint32_t k = 0; k < function->param_count; k++) {
            put_number(writer, function->params[k]);
        }
    }
    put_number(writer, program->condition_count);
    for (uint32_t i = 0; i < program->condition_count; i++) {
        put_number(writer, program->conditions[i].op);
        put_number(writer, program->conditions[i].a);
        put_number(writer, program->conditions[i].b);
    }
    put_number(writer, program->effect_count);
    for (uint32_t i = 0; i < program->effect_count; i++) {
        const struct kn_effect *effect = &program->effects[i];
        put_number(writer, effect->tag);
        put_number(writer, effect->pre);
        put_number(writer, effect->post);
        put_number(writer, effect->hint);
    }
}

size_t koken_program_encode(const struct koken_program *program, void *bytes, size_t room)
{
    struct writer writer = {bytes, room, 0};
    put(&writer, magic, sizeof magic);
    put_tables(&writer, program);
    put_number(&writer, program->code_count);
    for (uint32_t pc = 0; pc < program->code_count; pc++) {
        const struct kn_insn *insn = &program->code[pc];
        struct shape shape = shape_of(insn->op);
        put_number(&writer, insn->op);
        if (shape.has_kind) {
            put_number(&writer, insn->kind);
        }
        for (unsigned i = 0; i < shape.reg_count; i++) {
            put_number(&writer, kn_operand(insn, i));
        }
        if (shape.has_tag) {
            put_number(&writer, insn->b);
        }
        if (shape.has_d) {
            put_number(&writer, insn->d);
        }
        if (shape.has_e) {
            put_number(&writer, insn->e);
        }
    }
    return writer.len;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
    bool is_bad;
};

static uint32_t get_long(struct reader *reader)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 5 && reader->at < reader->end; i++) {
        uint8_t byte = *reader->at++;
        number |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            if (number <= UINT32_MAX && (byte > 0 || i == 0)) {
                return (uint32_t)number;
            }
            break;
        }
    }
    reader->is_bad = true;
    return 0;
}

static inline uint32_t get(struct reader *reader)
{
    if (kn_likely(reader->at < reader->end && *reader->at < 128)) {
        return *reader->at++;
    }
    return get_long(reader);
}

/* A number that must fit a smaller field. */
static uint32_t get_below(struct reader *reader, uint32_t limit)
{
    uint32_t number = get(reader);
    reader->is_bad |= number >= limit;
    return number < limit ? number : 0;
}

/* How many items follow, of `least` bytes each or more. */
static uint32_t get_count(struct reader *reader, uint32_t most, size_t least)
{
    uint32_t count = get(reader);
    if (count > most || count * least > (size_t)(reader->end - reader->at)) {
        reader->is_bad = true;
        return 0;
    }
    return count;
}

static bool get_symbols(struct reader *reader, struct koken_program *program)
{
    uint32_t count = get_count(reader, KN_TABLE_MAX, 1);
    for (uint32_t i = 0; i < count && !reader->is_bad; i++) {
        uint32_t len = get_count(reader, KN_SYMBOL_MAX, 1);
        if (kn_program_symbol(program, (const char *)reader->at, len) != i) {
            return reader->is_bad; /* twice the same is bad, too; it is found below */
        }
        reader->at += len;
    }
    reader->is_bad |= program->symbol_count != count;
    return true;
}

static bool get_tables(struct reader *reader, struct koken_program *program)
{
    if (!get_symbols(reader, program)) {
        return false;
    }
    bool is_kept = true;
    uint32_t count = get_count(reader, KN_TABLE_MAX, 4);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_constant constant = {.tag = (uint8_t)get_below(reader, 256)};
        constant.kind = (uint8_t)get_below(reader, 4);
        constant.a = get(reader);
        constant.b = get(reader);
        is_kept = kn_program_constant(program, constant) == i;
    }
    count = get_count(reader, KN_TABLE_MAX, 3);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_function function = {.target = get(reader)};
        function.env = (uint16_t)get_below(reader, KOKEN_NO_REGISTER + 1);
        function.param_count = (uint16_t)get_below(reader, KN_PARAMS_MAX + 1);
        for (uint32_t k = 0; k < function.param_count; k++) {
            function.params[k] = (uint16_t)get_below(reader, KN_REGISTERS_MAX);
        }
        is_kept = kn_program_function(program, function) == i;
    }
    count = get_count(reader, KN_TABLE_MAX, 3);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_condition condition = {.op = (uint8_t)get_below(reader, 256)};
        condition.a = get(reader);
        condition.b = get(reader);
        is_kept = kn_program_condition(program, condition) == i;
    }
    count = get_count(reader, KN_TABLE_MAX, 4);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_effect effect = {.tag = get(reader)};
        effect.pre = get(reader);
        effect.post = get(reader);
        effect.hint = get(reader);
        is_kept = kn_program_effect(program, effect) == i;
    }
    return is_kept;
}

static struct kn_insn get_insn(struct reader *reader, const struct shape *shapes)
{
    struct kn_insn insn = {.op = (uint8_t)get_below(reader, KN_OP_END)};
    const struct shape *shape = &shapes[insn.op];
    if (shape->has_kind) {
        insn.kind = (uint8_t)get_below(reader, 4);
    }
    insn.a = shape->reg_count > 0 ? (uint16_t)get_below(reader, KOKEN_NO_REGISTER + 1) : 0;
    insn.b = shape->reg_count > 1 ? (uint16_t)get_below(reader, KN_REGISTERS_MAX) : 0;
    insn.c = shape->reg_count > 2 ? (uint16_t)get_below(reader, KN_REGISTERS_MAX) : 0;
    insn.d = shape->reg_count > 3 ? get_below(reader, KN_REGISTERS_MAX) : 0;
    if (shape->has_tag) {
        insn.b = (uint16_t)get_below(reader, KOKEN_VALUE_TAG_COUNT_);
    }
    insn.d = shape->has_d ? get(reader) : insn.d;
    insn.e = shape->has_e ? get(reader) : 0;
    return insn;
}

static int get_program(struct reader *reader, struct koken_program *program,
                       struct koken_machine_error *error)
{
    struct shape shapes[KN_OP_COUNT_];
    bool is_ours = (size_t)(reader->end - reader->at) >= sizeof magic &&
                   memcmp(reader->at, magic, sizeof magic) == 0;
    reader->is_bad = !is_ours;
    reader->at += is_ours ? sizeof magic : 0;
    bool is_kept = is_ours && get_tables(reader, program);
    uint32_t count = is_kept ? get_count(reader, KN_CODE_MAX, 1) : 0;
    for (uint8_t op = 0; op < KN_OP_COUNT_; op++) {
        shapes[op] = shape_of(op);
    }
    for (uint32_t pc = 0; is_kept && !reader->is_bad && pc < count; pc++) {
        is_kept = kn_program_insn(program, get_insn(reader, shapes)) == pc;
    }
    if (reader->is_bad || (is_kept && reader->at != reader->end)) {
        return kn_machine_fail(error, KOKEN_CODE_BAD_BYTES, NULL, 0, KOKEN_NO_REGISTER,
                               "Machine error: these bytes are no program");
    }
    return is_kept ? kn_program_seal(program, error)
                   : kn_machine_fail(error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                                     "Memory error: out of memory");
}

int koken_program_decode(const void *bytes, size_t size, struct koken_program **ret_program,
                         struct koken_machine_error *ret_error)
{
    struct koken_program *program = kn_program_new();
    if (!program) {
        return kn_machine_fail(ret_error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                               "Memory error: out of memory");
    }
    const uint8_t *at = bytes;
    struct reader reader = {.at = at, .end = at + size};
    int rc = get_program(&reader, program, ret_error);
    if (rc < 0) {
        koken_program_free(program);
        return rc;
    }
    *ret_program = program;
    return 0;
}
