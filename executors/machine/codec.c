/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as bytes: "KASM", a version, the tables, the code. Numbers are LEB128, of five bytes at most and none
 * too long, so that a program has one form. A decoder that stumbles answers zeros from there on and says so at the
 * end; nothing is allocated for a count that the bytes that are left cannot hold. What is decoded is then checked
 * like any other program.
 */
#include "base/opaque.h"
#include "executors/machine/code.h"
#include "executors/machine/wire.h"

#include <string.h>

enum { VERSION = 1 };
static const uint8_t magic[5] = {'K', 'A', 'S', 'M', VERSION};

/* Which operands an operation has: registers in a to d, then numbers in c, d and e. */
struct shape {
    uint8_t reg_count;
    bool has_tag, has_name, has_d, has_e, has_kind; /* has_tag: b of CONST; has_name: c of CASE */
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
    [KN_OP_CASE] = {.reg_count = 2, .has_name = true, .has_d = true, .has_e = true},
};

__attribute__((unused)) static inline bool is_right(uint8_t op)
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
        case 's': shape.has_name = true; break;
        default: shape.reg_count++; break;
        }
    }
    return memcmp(&shape, &shapes[op], sizeof shape) == 0; /* six bytes */
}

/* ---- writing ---- */

static void put_tables(struct kn_writer *writer, const struct koken_program *program)
{
    KN_ASSERT(program->symbol_count <= KN_TABLE_MAX && program->constant_count <= KN_TABLE_MAX);
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
    KN_ASSERT(program->code[program->code_count].op == KN_OP_END);
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
        if (shape.has_name) {
            kn_put_number(&writer, insn->c);
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
    KN_ASSERT(program->symbol_count == 0 && program->text_size == 0);
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
    KN_ASSERT(program->constant_count == 0 && program->code_count == 0);
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
    KN_ASSERT(insn.op < KN_OP_END && shape->reg_count <= 4);
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
    if (shape->has_name) {
        insn.c = (uint16_t)kn_get_below(reader, KN_TABLE_MAX);
    }
    if (shape->has_d) {
        insn.d = kn_get(reader);
    }
    if (shape->has_e) {
        insn.e = kn_get(reader);
    }
    return insn;
}

/*
 * What most instructions of an operation are: so many bytes behind it, registers below 128 and a kind before them.
 * (The same as shapes; debug builds compare.)
 */
struct plain {
    uint64_t top_bits; /* of those bytes: none is set; of another operation: all, so that one is */
    uint64_t bytes;    /* those */
    uint64_t size;
};
#define PLAIN_(count)                                                                              \
    {                                                                                              \
        UINT64_C(0x8080808080808080) >> (56 - 8 * (count)),                                        \
            UINT64_MAX >> (56 - 8 * (count)) & ~UINT64_C(255), (count)                             \
    }
#define OTHER_                                                                                     \
    {                                                                                              \
        UINT64_MAX, 0, 0                                                                           \
    }
static const struct plain plains[KN_OP_COUNT_] = {
    [KN_OP_MOVE] = PLAIN_(2),     [KN_OP_APPLY] = PLAIN_(3),     [KN_OP_ALLOC] = PLAIN_(3),
    [KN_OP_CONSUME] = PLAIN_(2),  [KN_OP_SELECT] = PLAIN_(4),    [KN_OP_WITNESS] = PLAIN_(2),
    [KN_OP_RETURN] = PLAIN_(1),   [KN_OP_TRANSFORM] = PLAIN_(3), [KN_OP_ALLOC5] = PLAIN_(3),
    [KN_OP_CONSUME5] = PLAIN_(2), [KN_OP_COMPOSE] = PLAIN_(3),   [KN_OP_TENSOR] = PLAIN_(3),
    [KN_OP_ADD] = PLAIN_(4),      [KN_OP_SUB] = PLAIN_(4),       [KN_OP_MUL] = PLAIN_(4),
    [KN_OP_DIV] = PLAIN_(4),      [KN_OP_LESS] = PLAIN_(4),      [KN_OP_EQUAL] = PLAIN_(4),
    [KN_OP_SPLIT] = PLAIN_(3),    [KN_OP_MATCH] = OTHER_,        [KN_OP_CHECK] = OTHER_,
    [KN_OP_PERFORM] = OTHER_,     [KN_OP_LABEL] = OTHER_,        [KN_OP_CONST] = OTHER_,
    [KN_OP_JUMP] = OTHER_,        [KN_OP_CASE] = OTHER_,         [KN_OP_END] = OTHER_,
};
_Static_assert(KN_OP_MOVE == 0, "no other operation is a word of zeros");

/*
 * Reads an instruction all of whose numbers are one byte, from one word. False: it is another, or near the end.
 *
 * Where the next one begins is known when this one's operation has been loaded, and its size: two loads one after the
 * other for each instruction, which took a third of the decoder's time. So *guess is what the last one's size was, and a
 * branch, which processors predict, puts it right; the compiler must not see that it is the size.
 */
static inline bool get_plain(struct kn_reader *reader, unsigned *guess, struct kn_insn *ret_insn)
{
    uint64_t word;
    if (reader->end - reader->at < (ptrdiff_t)sizeof word) {
        return false;
    }
    memcpy(&word, reader->at, sizeof word);
    uint8_t op = (uint8_t)word;
    const struct plain *plain = &plains[op < KN_OP_END ? op : KN_OP_END];
    if (word & plain->top_bits) {
        return false;
    }
    unsigned size = (unsigned)plain->size;
    KN_ASSERT(size == (unsigned)shapes[op].reg_count + shapes[op].has_kind);
    word = (word & plain->bytes) >> 8;
    uint64_t kind = shapes[op].has_kind ? word & 255 : 0;
    word = shapes[op].has_kind ? word >> 8 : word;
    /* op, kind, a, b and c are a word of the instruction, d and e another one */
    const uint64_t words[2] = {op | kind << 8 | (word & 0xff) << 16 | (word & 0xff00) << 24 |
                                   (word & 0xff0000) << 32,
                               word >> 24};
    memcpy(ret_insn, words, sizeof words);
    KN_ASSERT(ret_insn->op == op && ret_insn->a == (word & 0xff) && ret_insn->e == 0);
    if (*guess != size + 1) {
        *guess = kn_opaque(size + 1);
    }
    KN_ASSERT(*guess == size + 1);
    reader->at += *guess;
    reader->is_bad |= kind > KOKEN_KIND_RELEVANT;
    return true;
}

static int no_program(bool is_bad, struct koken_machine_error *error)
{
    return is_bad ? kn_machine_fail(error, KOKEN_CODE_BAD_BYTES, NULL, 0, KOKEN_NO_REGISTER,
                                    "Machine error: these bytes are no program")
                  : kn_machine_fail(error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                                    "Memory error: out of memory");
}

/* The code, into a program that has room for it. False: these bytes are none. */
static bool get_code(struct kn_reader *reader, struct koken_program *program, uint32_t count)
{
    KN_ASSERT(program->is_whole && program->code_room == count + 1);
    unsigned guess = 3;
    for (struct kn_insn *insn = program->code, *end = insn + count; insn < end; insn++) {
        if (kn_unlikely(!get_plain(reader, &guess, insn))) {
            *insn = get_insn(reader);
            if (reader->is_bad) {
                break;
            }
        }
    }
    program->code_count = count;
    return !reader->is_bad && reader->at == reader->end;
}

int koken_program_decode(const void *bytes, size_t size, struct koken_program **ret_program,
                         struct koken_machine_error *ret_error)
{
    /* The tables come first: how long the code is, is known when they are there. So they have a block each, and all
     * the rest has one; most programs that are short have no tables. */
    struct koken_program draft, *program = NULL;
    const uint8_t *at = bytes;
    struct kn_reader reader = {.at = at, .end = at + size};
    memset(&draft, 0, sizeof draft);
    bool is_kept = kn_get_magic(&reader, magic, sizeof magic) && get_tables(&reader, &draft);
    uint32_t count = is_kept ? kn_get_count(&reader, KN_CODE_MAX, 1) : 0;
    program = is_kept && !reader.is_bad ? kn_program_whole(&draft, count) : NULL;
    if (!program) {
        kn_draft_free(&draft);
        return no_program(reader.is_bad, ret_error);
    }
    int rc = get_code(&reader, program, count) ? kn_program_seal(program, ret_error)
                                               : no_program(true, ret_error);
    if (rc < 0) {
        koken_program_free(program);
        return rc;
    }
    *ret_program = program;
    return 0;
}
