/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine's words are, and programs while they are built. */
#include "executors/machine/code.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_(NAME, text, ...) text,
#define OPERANDS_(NAME, text, gas, operands) operands,
#define GAS_(NAME, text, gas, operands) gas,
#define THIRD_(NAME, text, third) third,
const char *const kn_op_names[KN_OP_COUNT_] = {KN_OPS(NAME_)};
const char *const kn_op_operands[KN_OP_COUNT_] = {KN_OPS(OPERANDS_)};
const uint8_t kn_op_gas[KN_OP_COUNT_] = {KN_OPS(GAS_)};
const char *const kn_builtin_names[KN_BUILTIN_COUNT_] = {KN_BUILTINS(NAME_)};
const uint8_t kn_builtin_arguments[KN_BUILTIN_COUNT_] = {KN_BUILTINS(THIRD_)};
const char *const kn_type_names[KN_TYPE_COUNT_] = {KN_TYPES(NAME_)};
const uint8_t kn_type_parts[KN_TYPE_COUNT_] = {KN_TYPES(THIRD_)};
const char *const kn_condition_names[KN_CONDITION_COUNT_] = {KN_CONDITIONS(NAME_)};
const char *const kn_condition_parts[KN_CONDITION_COUNT_] = {KN_CONDITIONS(THIRD_)};
const char *const kn_kind_names[4] = {"affine", "unrestricted", "linear", "relevant"};

/* ---- errors ---- */

static const struct {
    const char *name;
    enum koken_machine_class class_of;
    int error;
} codes[KOKEN_CODE_COUNT_] = {
#define CODE_(NAME, text, class, error) {text, KOKEN_CLASS_##class, error},
    KOKEN_MACHINE_CODES(CODE_)
#undef CODE_
};

static const char *const classes[KOKEN_CLASS_COUNT_] = {
    "Fine",          "ExecutionFailed", "LinearityViolation", "TypeMismatch",
    "RegisterError", "MemoryError",     "MachineError",
};

const char *koken_machine_code_name(enum koken_machine_code code)
{
    return (unsigned)code < KOKEN_CODE_COUNT_ ? codes[code].name : "Unknown";
}

enum koken_machine_class koken_machine_class_of(enum koken_machine_code code)
{
    return (unsigned)code < KOKEN_CODE_COUNT_ ? codes[code].class_of : KOKEN_CLASS_MACHINE;
}

const char *koken_machine_class_name(enum koken_machine_class class_of)
{
    return (unsigned)class_of < KOKEN_CLASS_COUNT_ ? classes[class_of] : "Unknown";
}

int kn_machine_fail(struct koken_machine_error *error, enum koken_machine_code code,
                    const struct koken_program *program, uint32_t pc, uint32_t reg,
                    const char *format, ...)
{
    KN_ASSERT(code != KOKEN_CODE_FINE && code < KOKEN_CODE_COUNT_);
    if (error) {
        va_list args;
        *error = (struct koken_machine_error){.code = code, .pc = pc, .reg = reg};
        if (program && pc < program->code_count) {
            struct kn_out out = {error->instruction, sizeof error->instruction, 0};
            kn_out_insn(&out, program, pc);
        }
        va_start(args, format);
        (void)vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return -codes[code].error;
}

/* ---- text ---- */

void kn_out(struct kn_out *out, const char *format, ...)
{
    va_list args;
    bool has_room = out->len < out->room;
    va_start(args, format);
    int got = vsnprintf(has_room ? out->text + out->len : NULL, has_room ? out->room - out->len : 0,
                        format, args);
    va_end(args);
    KN_ASSERT(got >= 0);
    out->len += got > 0 ? (size_t)got : 0;
}

void kn_out_quoted(struct kn_out *out, const char *text, size_t len)
{
    KN_ASSERT(text != NULL || len == 0);
    kn_out(out, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            kn_out(out, "\\%c", c);
        } else if (c < ' ' || c > '~') {
            kn_out(out, "\\x%02x", c);
        } else {
            kn_out(out, "%c", c);
        }
    }
    kn_out(out, "\"");
}

/* ---- building ---- */

struct koken_program *kn_program_new(void)
{
    struct koken_program *program = kn_alloc(sizeof *program, _Alignof(struct koken_program), -1);
    if (program) {
        memset(program, 0, sizeof *program);
        kn_store(&program->refs, 1, relaxed); /* nobody else knows it yet */
    }
    return program;
}

/* Room for `more` items after count. */
static bool has_room(void *items, uint32_t *room, uint32_t count, size_t more, size_t size,
                     uint32_t most)
{
    KN_ASSERT(count <= *room && size > 0);
    void *old, *fresh;
    memcpy(&old, items, sizeof old);
    if (count + more > most) {
        return false;
    }
    if (count + more <= *room) {
        return true;
    }
    uint32_t want = *room ? *room : 16;
    while (want < count + more) { /* ends: doubles, and most is far from 2^32 */
        want *= 2;
    }
    fresh = kn_alloc(want * size, 16, -1);
    if (!fresh) {
        return false;
    }
    if (old) {
        memcpy(fresh, old, count * size);
        kn_free(old, *room * size, 16);
    }
    *room = want;
    memcpy(items, &fresh, sizeof fresh);
    return true;
}

#define ADD_(items, room, count, item, most)                                                       \
    (has_room(&(items), &(room), (count), 1, sizeof *(items), (most))                              \
         ? ((items)[count] = (item), (count)++)                                                    \
         : UINT32_MAX)

uint32_t kn_program_symbol(struct koken_program *program, const char *text, size_t len)
{
    KN_ASSERT(program->symbol_count <= KN_TABLE_MAX);
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        if (program->symbols[i].len == len &&
            memcmp(program->texts + program->symbols[i].start, text, len) == 0) {
            return i;
        }
    }
    struct kn_text symbol = {program->text_size, (uint32_t)len};
    if (len > KN_SYMBOL_MAX || !has_room(&program->texts, &program->text_room, program->text_size,
                                         len + 1, 1, KN_TABLE_MAX * (KN_SYMBOL_MAX + 1))) {
        return UINT32_MAX;
    }
    memcpy(program->texts + symbol.start, text, len);
    uint32_t number =
        ADD_(program->symbols, program->symbol_room, program->symbol_count, symbol, KN_TABLE_MAX);
    program->text_size += number != UINT32_MAX ? (uint32_t)len : 0;
    return number;
}

uint32_t kn_program_constant(struct koken_program *program, struct kn_constant constant)
{
    return ADD_(program->constants, program->constant_room, program->constant_count, constant,
                KN_TABLE_MAX);
}

uint32_t kn_program_function(struct koken_program *program, struct kn_function function)
{
    return ADD_(program->functions, program->function_room, program->function_count, function,
                KN_TABLE_MAX);
}

uint32_t kn_program_condition(struct koken_program *program, struct kn_condition condition)
{
    return ADD_(program->conditions, program->condition_room, program->condition_count, condition,
                KN_TABLE_MAX);
}

uint32_t kn_program_effect(struct koken_program *program, struct kn_effect effect)
{
    return ADD_(program->effects, program->effect_room, program->effect_count, effect,
                KN_TABLE_MAX);
}

uint32_t kn_program_insn(struct koken_program *program, struct kn_insn insn)
{
    return ADD_(program->code, program->code_room, program->code_count, insn, KN_CODE_MAX + 2);
}

/* The bytes of a whole program's block. */
static size_t whole_size(uint32_t code_room)
{
    return sizeof(struct koken_program) + code_room * sizeof(struct kn_insn);
}

struct koken_program *kn_program_whole(struct koken_program *draft, uint32_t count)
{
    KN_ASSERT(count <= KN_CODE_MAX && !draft->code && draft->code_room == 0);
    struct koken_program *program = kn_alloc(whole_size(count + 1), 16, -1);
    if (!program) {
        return NULL;
    }
    memcpy(program, draft, sizeof *program);
    kn_store(&program->refs, 1, relaxed); /* nobody else knows it yet */
    program->is_whole = true;
    program->code_room = count + 1;
    program->code = program->inside;
    return program;
}

/* ---- reading and giving back ---- */

void kn_draft_free(struct koken_program *draft)
{
    kn_free(draft->texts, draft->text_room, 16);
    kn_free(draft->symbols, draft->symbol_room * sizeof *draft->symbols, 16);
    kn_free(draft->constants, draft->constant_room * sizeof *draft->constants, 16);
    kn_free(draft->functions, draft->function_room * sizeof *draft->functions, 16);
    kn_free(draft->conditions, draft->condition_room * sizeof *draft->conditions, 16);
    kn_free(draft->effects, draft->effect_room * sizeof *draft->effects, 16);
}

struct koken_program *koken_program_ref(struct koken_program *program)
{
    KN_ASSERT(kn_load(&program->refs, relaxed) > 0); /* who takes one has one */
    (void)kn_add(&program->refs, 1, relaxed);        /* who takes one has one */
    return program;
}

void koken_program_free(struct koken_program *program)
{
    /* [MP1] acquire, release: the last one sees all that others did with it. */
    if (!program || kn_sub(&program->refs, 1, acq_rel) > 1) {
        return;
    }
    if (program->symbol_room | program->constant_room | program->condition_room |
        program->function_room | program->effect_room) {
        kn_draft_free(program);
    }
    if (program->is_whole) {
        kn_free(program, whole_size(program->code_room), 16);
        return;
    }
    kn_free(program->code, program->code_room * sizeof *program->code, 16);
    kn_free(program, sizeof *program, _Alignof(struct koken_program));
}

uint32_t koken_program_count(const struct koken_program *program)
{
    return program->code_count;
}

_Static_assert(offsetof(struct koken_program, inside) % 16 == 0 &&
                   offsetof(struct koken_program, inside) == sizeof(struct koken_program),
               "the code of a whole program is as well aligned as that of another one");
_Static_assert((int)KOKEN_GAS_MOVE == (int)KN_OP_MOVE && (int)KOKEN_GAS_JUMP == (int)KN_OP_JUMP,
               "the first costs have the numbers of their operations");

enum koken_gas kn_gas_of(uint8_t op)
{
    KN_ASSERT(op < KN_OP_END);
    return op <= KN_OP_JUMP    ? (enum koken_gas)op
           : op == KN_OP_SPLIT ? KOKEN_GAS_SPLIT
           : op == KN_OP_CASE  ? KOKEN_GAS_MATCH
                               : KOKEN_GAS_ARITHMETIC;
}

void koken_gas_standard(struct koken_gas_table *ret_table)
{
    for (uint8_t op = 0; op < KN_OP_END; op++) {
        ret_table->cost[kn_gas_of(op)] = kn_op_gas[op];
    }
}

uint64_t koken_program_cost_by(const struct koken_program *program,
                               const struct koken_gas_table *table)
{
    uint64_t gas = 0;
    for (uint32_t i = 0; i < program->code_count; i++) {
        gas += table->cost[kn_gas_of(program->code[i].op)];
    }
    return gas;
}

uint64_t koken_program_cost(const struct koken_program *program)
{
    KN_ASSERT(program->code_count <= KN_CODE_MAX);
    uint64_t gas = 0;
    for (uint32_t i = 0; i < program->code_count; i++) {
        gas += kn_op_gas[program->code[i].op];
    }
    return gas;
}
