/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as bytes: "KASM", a version, the tables, the code. Numbers are LEB128, of five bytes at most and none
 * too long, so that a program has one form. A decoder that stumbles answers zeros from there on and says so at the
 * end; nothing is allocated for a count that the bytes that are left cannot hold. What is decoded is then checked
 * like any other program.
 */
#include "executors/machine/code.h"
#include "executors/machine/wire.h"

#include <string.h>

enum { VERSION = 1 };
static const uint8_t magic[5] = {'K', 'A', 'S', 'M', VERSION};

/* Which operands an operation has: registers in a to d, then numbers in d and e. */
struct shape {
    uint8_t reg_count;
    bool has_tag, has_d, has_e, has_kind; /* has_tag: b of CONST */
};

/* What the operands in code.h come to; debug builds compare. */
static const struct shape shapes[KN_OP_COUNT_] = {
    [KN_OP_MOVE] = {.reg_count = 2},
    [KN_OP_APPLY] = {.reg_count = 3},
    [KN_OP_MATCH] = {.reg_count = 3, .has_d = true, .has_e = true},
    [KN_OP_ALLOC] = {.reg_count = 3},
    [KN_OP_CONSUME] = {.reg_count = 2},
    [KN_OP_CHECK] = {.has_d = true},
    [KN_OP_PERFORM] = {.reg_count = 1, .has_d = true},
    [KN_OP_SELECT] = {.reg_count = 4},
    [KN_OP_WITNESS] = {.reg_count = 1, .has_kind = true},
    [KN_OP_LABEL] = {.has_e = true},
    [KN_OP_RETURN] = {.reg_count = 1},
    [KN_OP_TRANSFORM] = {.reg_count = 3},
    [KN_OP_ALLOC5] = {.reg_count = 3},
    [KN_OP_CONSUME5] = {.reg_count = 2},
    [KN_OP_COMPOSE] = {.reg_count = 3},
    [KN_OP_TENSOR] = {.reg_count = 3},
    [KN_OP_CONST] = {.reg_count = 1, .has_tag = true, .has_d = true, .has_kind = true},
    [KN_OP_JUMP] = {.has_d = true},
    [KN_OP_ADD] = {.reg_count = 3, .has_kind = true},
    [KN_OP_SUB] = {.reg_count = 3, .has_kind = true},
    [KN_OP_MUL] = {.reg_count = 3, .has_kind = true},
    [KN_OP_DIV] = {.reg_count = 3, .has_kind = true},
    [KN_OP_LESS] = {.reg_count = 3, .has_kind = true},
    [KN_OP_EQUAL] = {.reg_count = 3, .has_kind = true},
    [KN_OP_SPLIT] = {.reg_count = 3},
};

static inline bool is_right(uint8_t op)
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
    return memcmp(&shape, &shapes[op], sizeof shape) == 0; /* five bytes */
}

/* ---- writing ---- */

static void put_tables(struct kn_writer *writer, const struct koken_program *program)
{
    kn_put_number(writer, program->symbol_count);
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        kn_put_number(writer, program->symbols[i].len);
        kn_put(writer, program->texts + program->symbols[i].start, program->symbols[i].len);
    }
    kn_put_number(writer, program->constant_count);
    for (uint32_t i = 0; i < program->constant_count; i++) {
        const struct kn_constant *constant = &program->constants[i];
        kn_put_number(writer, constant->tag);
        kn_put_number(writer, constant->kind);
        kn_put_number(writer, constant->a);
        kn_put_number(writer, constant->b);
    }
    kn_put_number(writer, program->function_count);
    for (uint32_t i = 0; i < program->function_count; i++) {
        const struct kn_function *function = &program->functions[i];
        kn_put_number(writer, function->target);
        kn_put_number(writer, function->env);
        kn_put_number(writer, function->param_count);
        for (uint32_t k = 0; k < function->param_count; k++) {
            kn_put_number(writer, function->params[k]);
        }
    }
    kn_put_number(writer, program->condition_count);
    for (uint32_t i = 0; i < program->condition_count; i++) {
        kn_put_number(writer, program->conditions[i].op);
        kn_put_number(writer, program->conditions[i].a);
        kn_put_number(writer, program->conditions[i].b);
    }
    kn_put_number(writer, program->effect_count);
    for (uint32_t i = 0; i < program->effect_count; i++) {
        const struct kn_effect *effect = &program->effects[i];
        kn_put_number(writer, effect->tag);
        kn_put_number(writer, effect->pre);
        kn_put_number(writer, effect->post);
        kn_put_number(writer, effect->hint);
    }
}

size_t koken_program_encode(const struct koken_program *program, void *bytes, size_t room)
{
    struct kn_writer writer = {bytes, room, 0};
    kn_put(&writer, magic, sizeof magic);
    put_tables(&writer, program);
    kn_put_number(&writer, program->code_count);
    for (uint32_t pc = 0; pc < program->code_count; pc++) {
        const struct kn_insn *insn = &program->code[pc];
        struct shape shape = shapes[insn->op];
        KN_ASSERT(is_right(insn->op));
        kn_put_number(&writer, insn->op);
        if (shape.has_kind) {
            kn_put_number(&writer, insn->kind);
        }
        for (unsigned i = 0; i < shape.reg_count; i++) {
            kn_put_number(&writer, kn_operand(insn, i));
        }
        if (shape.has_tag) {
            kn_put_number(&writer, insn->b);
        }
        if (shape.has_d) {
            kn_put_number(&writer, insn->d);
        }
        if (shape.has_e) {
            kn_put_number(&writer, insn->e);
        }
    }
    return writer.len;
}

/* ---- reading ---- */

static bool get_symbols(struct kn_reader *reader, struct koken_program *program)
{
    uint32_t count = kn_get_count(reader, KN_TABLE_MAX, 1);
    for (uint32_t i = 0; i < count && !reader->is_bad; i++) {
        uint32_t len = kn_get_count(reader, KN_SYMBOL_MAX, 1);
        if (kn_program_symbol(program, (const char *)reader->at, len) != i) {
            return reader->is_bad; /* twice the same is bad, too; it is found below */
        }
        reader->at += len;
    }
    reader->is_bad |= program->symbol_count != count;
    return true;
}

static bool get_tables(struct kn_reader *reader, struct koken_program *program)
{
    if (!get_symbols(reader, program)) {
        return false;
    }
    bool is_kept = true;
    uint32_t count = kn_get_count(reader, KN_TABLE_MAX, 4);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_constant constant = {.tag = (uint8_t)kn_get_below(reader, 256)};
        constant.kind = (uint8_t)kn_get_below(reader, 4);
        constant.a = kn_get(reader);
        constant.b = kn_get(reader);
        is_kept = kn_program_constant(program, constant) == i;
    }
    count = kn_get_count(reader, KN_TABLE_MAX, 3);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_function function = {.target = kn_get(reader)};
        function.env = (uint16_t)kn_get_below(reader, KOKEN_NO_REGISTER + 1);
        function.param_count = (uint16_t)kn_get_below(reader, KN_PARAMS_MAX + 1);
        for (uint32_t k = 0; k < function.param_count; k++) {
            function.params[k] = (uint16_t)kn_get_below(reader, KN_REGISTERS_MAX);
        }
        is_kept = kn_program_function(program, function) == i;
    }
    count = kn_get_count(reader, KN_TABLE_MAX, 3);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_condition condition = {.op = (uint8_t)kn_get_below(reader, 256)};
        condition.a = kn_get(reader);
        condition.b = kn_get(reader);
        is_kept = kn_program_condition(program, condition) == i;
    }
    count = kn_get_count(reader, KN_TABLE_MAX, 4);
    for (uint32_t i = 0; is_kept && i < count; i++) {
        struct kn_effect effect = {.tag = kn_get(reader)};
        effect.pre = kn_get(reader);
        effect.post = kn_get(reader);
        effect.hint = kn_get(reader);
        is_kept = kn_program_effect(program, effect) == i;
    }
    return is_kept;
}

static inline struct kn_insn get_insn(struct kn_reader *reader)
{
    struct kn_insn insn = {.op = (uint8_t)kn_get_below(reader, KN_OP_END)};
    const struct shape *shape = &shapes[insn.op];
    if (shape->has_kind) {
        insn.kind = (uint8_t)kn_get_below(reader, 4);
    }
    if (shape->reg_count > 0) {
        insn.a = (uint16_t)kn_get_below(reader, KOKEN_NO_REGISTER + 1);
    }
    if (shape->reg_count > 1) {
        insn.b = (uint16_t)kn_get_below(reader, KN_REGISTERS_MAX);
    }
    if (shape->reg_count > 2) {
        insn.c = (uint16_t)kn_get_below(reader, KN_REGISTERS_MAX);
        insn.d = shape->reg_count > 3 ? kn_get_below(reader, KN_REGISTERS_MAX) : 0;
    }
    if (shape->has_tag) {
        insn.b = (uint16_t)kn_get_below(reader, KOKEN_VALUE_TAG_COUNT_);
    }
    if (shape->has_d) {
        insn.d = kn_get(reader);
    }
    if (shape->has_e) {
        insn.e = kn_get(reader);
    }
    return insn;
}

static int get_program(struct kn_reader *reader, struct koken_program *program,
                       struct koken_machine_error *error)
{
    bool is_ours = kn_get_magic(reader, magic, sizeof magic);
    bool is_kept = is_ours && get_tables(reader, program);
    uint32_t count = is_kept ? kn_get_count(reader, KN_CODE_MAX, 1) : 0;
    is_kept = is_kept && kn_program_room(program, count);
    for (uint32_t pc = 0; is_kept && pc < count && !reader->is_bad; pc++) {
        program->code[pc] = get_insn(reader);
        program->code_count = pc + 1;
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
    struct kn_reader reader = {.at = at, .end = at + size};
    int rc = get_program(&reader, program, ret_error);
    if (rc < 0) {
        koken_program_free(program);
        return rc;
    }
    *ret_program = program;
    return 0;
}
