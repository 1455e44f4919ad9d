/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a program, seen before anything runs: every number in it names something that is there, so that
 * running needs no check of operands. What registers may be where is seen in flow.c.
 */
#include "executors/machine/code.h"

#include <string.h>

/* The instruction is not shown: it may be nonsense. */
static int bad(struct koken_machine_error *error, uint32_t pc, const char *what)
{
    return kn_machine_fail(error, KOKEN_CODE_INVALID_INSTRUCTION, NULL, pc, KOKEN_NO_REGISTER,
                           "Machine error: invalid instruction %u: %s", pc, what);
}

static int bad_table(struct koken_machine_error *error, const char *what)
{
    return kn_machine_fail(error, KOKEN_CODE_BAD_BYTES, NULL, 0, KOKEN_NO_REGISTER,
                           "Machine error: %s", what);
}

/* A type whose number is i: the parts lie before it, one after the other. */
static bool is_sound_type(const struct koken_program *program, const struct kn_constant *type,
                          uint32_t i)
{
    KN_ASSERT(type->tag == KOKEN_VALUE_TYPE && i < program->constant_count);
    if (type->a >= KN_TYPE_COUNT_ || kn_type_parts[type->a] == 0) {
        return type->a < KN_TYPE_COUNT_ && type->b == 0;
    }
    if (type->b >= i || kn_type_parts[type->a] > i - type->b) {
        return false;
    }
    const struct kn_constant *first = &program->constants[type->b];
    const struct kn_constant *last = first + kn_type_parts[type->a] - 1;
    if (!kn_type_is_list(type->a)) {
        return first->tag == KOKEN_VALUE_TYPE && last->tag == KOKEN_VALUE_TYPE;
    }
    return first->tag == KOKEN_VALUE_SUM && first->kind == KOKEN_KIND_AFFINE && first->b < i &&
           program->constants[first->b].tag == KOKEN_VALUE_TYPE && last->tag == KOKEN_VALUE_TYPE &&
           (last->a == type->a || last->a == KN_TYPE_UNIT);
}

static bool is_sound_constant(const struct koken_program *program, uint32_t i)
{
    KN_ASSERT(i < program->constant_count);
    const struct kn_constant *constant = &program->constants[i];
    if (constant->kind > KOKEN_KIND_RELEVANT || constant->spare != 0) {
        return false;
    }
    switch (constant->tag) {
    case KOKEN_VALUE_UNIT: return constant->a == 0 && constant->b == 0;
    case KOKEN_VALUE_BOOL: return constant->a <= 1 && constant->b == 0;
    case KOKEN_VALUE_INT: return constant->b == 0;
    case KOKEN_VALUE_SYMBOL: return constant->a < program->symbol_count && constant->b == 0;
    case KOKEN_VALUE_PRODUCT:
    case KOKEN_VALUE_TENSOR: return constant->a < i && constant->b < i;
    case KOKEN_VALUE_SUM: return constant->a < program->symbol_count && constant->b < i;
    case KOKEN_VALUE_BUILTIN: return constant->a < KN_BUILTIN_COUNT_ && constant->b == 0;
    case KOKEN_VALUE_FUNCTION: return constant->a < program->function_count && constant->b == 0;
    case KOKEN_VALUE_TYPE: return is_sound_type(program, constant, i);
    default: return false;
    }
}

/* How deep constants are nested; parts come first, so one pass will do. */
static int check_constants(struct koken_program *program, struct koken_machine_error *error)
{
    KN_ASSERT(program->constant_count <= KN_TABLE_MAX);
    uint8_t depths[KN_TABLE_MAX];
    for (uint32_t i = 0; i < program->constant_count; i++) {
        const struct kn_constant *constant = &program->constants[i];
        uint8_t depth = 0;
        if (!is_sound_constant(program, i)) {
            return bad_table(error, "a constant is not sound");
        }
        program->has_protocols |= constant->tag == KOKEN_VALUE_TYPE && constant->a >= KN_TYPE_SEND;
        if (constant->tag == KOKEN_VALUE_PRODUCT || constant->tag == KOKEN_VALUE_TENSOR) {
            depth = depths[constant->a] > depths[constant->b] ? depths[constant->a]
                                                              : depths[constant->b];
        } else if (constant->tag == KOKEN_VALUE_SUM) {
            depth = depths[constant->b];
        } else if (constant->tag == KOKEN_VALUE_TYPE && kn_type_parts[constant->a]) {
            const uint8_t *parts = &depths[constant->b];
            const uint8_t *last = parts + kn_type_parts[constant->a] - 1;
            depth = *parts > *last ? *parts : *last;
        }
        depths[i] = (uint8_t)(depth + 1);
        if (depths[i] > KN_NESTING_MAX) {
            return bad_table(error, "constants are nested too deep");
        }
    }
    return 0;
}

static bool is_sound_condition(struct koken_program *program, uint32_t i)
{
    KN_ASSERT(i < program->condition_count && program->condition_count <= KN_TABLE_MAX);
    struct kn_condition *condition = &program->conditions[i];
    const uint32_t *operands = &condition->a;
    unsigned depth = 0;
    if (condition->op >= KN_CONDITION_COUNT_) {
        return false;
    }
    for (const char *part = kn_condition_parts[condition->op]; *part != '\0'; part++) {
        uint32_t operand = *operands++;
        if (*part == 'x') {
            if (operand >= i) {
                return false;
            }
            unsigned inner = program->conditions[operand].depth;
            depth = inner > depth ? inner : depth;
        } else if (*part == 'r') {
            if (operand >= KN_REGISTERS_MAX) {
                return false;
            }
            if (operand >= program->register_count) {
                program->register_count = operand + 1;
            }
        } else if (*part == 'k' ? operand >= program->constant_count ||
                                      program->constants[operand].tag != KOKEN_VALUE_TYPE
                                : operand >= program->symbol_count) {
            return false;
        }
    }
    condition->depth = (uint8_t)(depth + 1);
    return condition->depth <= KN_NESTING_MAX;
}

static bool is_label(const struct koken_program *program, uint32_t target)
{
    return target < program->code_count && program->code[target].op == KN_OP_LABEL;
}

static int check_tables(struct koken_program *program, struct koken_machine_error *error)
{
    int rc = check_constants(program, error);
    for (uint32_t i = 0; rc == 0 && i < program->condition_count; i++) {
        if (!is_sound_condition(program, i)) {
            rc = bad_table(error, "a condition is not sound");
        }
    }
    for (uint32_t i = 0; rc == 0 && i < program->function_count; i++) {
        const struct kn_function *function = &program->functions[i];
        bool is_sound = function->param_count <= KN_PARAMS_MAX;
        if (!is_label(program, function->target)) {
            return kn_machine_fail(error, KOKEN_CODE_LABEL_NOT_FOUND, NULL, 0, KOKEN_NO_REGISTER,
                                   "Machine error: function %u has no label", i);
        }
        for (uint32_t k = 0; is_sound && k <= function->param_count; k++) {
            uint32_t reg = k < function->param_count ? function->params[k] : function->env;
            if (k == function->param_count && reg == KOKEN_NO_REGISTER) {
                continue;
            }
            is_sound = reg < KN_REGISTERS_MAX;
            if (is_sound && reg >= program->register_count) {
                program->register_count = reg + 1;
            }
        }
        rc = is_sound ? 0 : bad_table(error, "a function is not sound");
    }
    for (uint32_t i = 0; rc == 0 && i < program->effect_count; i++) {
        const struct kn_effect *effect = &program->effects[i];
        if (effect->tag >= program->symbol_count || effect->pre >= program->condition_count ||
            effect->post >= program->condition_count || effect->hint > program->symbol_count) {
            rc = bad_table(error, "an effect is not sound");
        }
    }
    return rc;
}

/* Operands that are not registers. */
static int check_others(const struct koken_program *program, struct koken_machine_error *error,
                        uint32_t pc)
{
    KN_ASSERT(pc < program->code_count);
    const struct kn_insn *insn = &program->code[pc];
    switch (insn->op) {
    case KN_OP_MATCH:
    case KN_OP_CASE:
    case KN_OP_JUMP:
        if (!is_label(program, insn->d) ||
            (insn->op != KN_OP_JUMP && !is_label(program, insn->e))) {
            return kn_machine_fail(error, KOKEN_CODE_LABEL_NOT_FOUND, NULL, pc, KOKEN_NO_REGISTER,
                                   "Machine error: label not found");
        }
        return insn->op != KN_OP_CASE || insn->c < program->symbol_count ? 0
                                                                         : bad(error, pc, "name");
    case KN_OP_CHECK: return insn->d < program->condition_count ? 0 : bad(error, pc, "condition");
    case KN_OP_PERFORM: return insn->d < program->effect_count ? 0 : bad(error, pc, "effect");
    case KN_OP_LABEL: return insn->e < program->symbol_count ? 0 : bad(error, pc, "label");
    case KN_OP_CONST:
        if (insn->b == 0) {
            return insn->d < program->constant_count ? 0 : bad(error, pc, "constant");
        }
        return insn->b == KOKEN_VALUE_INT || (insn->b == KOKEN_VALUE_BOOL && insn->d <= 1) ||
                       (insn->b == KOKEN_VALUE_UNIT && insn->d == 0)
                   ? 0
                   : bad(error, pc, "constant");
    default: return 0;
    }
}

/* Operations that have operands besides registers, or fewer than three of these. */
#define HAS_OTHERS                                                                                 \
    (1u << KN_OP_MATCH | 1u << KN_OP_JUMP | 1u << KN_OP_CHECK | 1u << KN_OP_PERFORM |              \
     1u << KN_OP_LABEL | 1u << KN_OP_CONST | 1u << KN_OP_RETURN | 1u << KN_OP_SELECT |             \
     1u << KN_OP_CASE)
#define HAS_KIND                                                                                   \
    (1u << KN_OP_CONST | 1u << KN_OP_WITNESS | 1u << KN_OP_ADD | 1u << KN_OP_SUB |                 \
     1u << KN_OP_MUL | 1u << KN_OP_DIV | 1u << KN_OP_LESS | 1u << KN_OP_EQUAL)

/* An instruction of those: what it names is there. *ret_most: the largest register. */
static int check_special(struct koken_program *program, struct koken_machine_error *error,
                         uint32_t pc, uint32_t *ret_most)
{
    KN_ASSERT(pc < program->code_count && (HAS_OTHERS >> program->code[pc].op & 1));
    struct kn_insn *insn = &program->code[pc];
    uint32_t a = insn->a, b = insn->b, fourth = insn->op == KN_OP_SELECT ? insn->d : 0;
    uint32_t c = insn->op == KN_OP_CASE ? 0 : insn->c; /* a name */
    if (insn->op == KN_OP_LABEL) {
        insn->a = insn->b = insn->c = 0;
        insn->d = 0;
        a = b = c = 0;
    }
    if (insn->op == KN_OP_RETURN && insn->a == KOKEN_NO_REGISTER) {
        *ret_most = 0;
        return 0;
    }
    if (kn_unlikely((a | b | c | fourth) >= KN_REGISTERS_MAX)) {
        return bad(error, pc, "register");
    }
    b = insn->op == KN_OP_CONST ? 0 : b; /* a tag */
    a = a > b ? a : b;
    a = a > c ? a : c;
    *ret_most = a > fourth ? a : fourth;
    return check_others(program, error, pc);
}

/* The first word of an instruction: op, kind, and a, b, c in lanes of 16 bits, of which registers have the lower ten. */
#define LANES UINT64_C(0x0001000100010000)
#define TOO_LARGE (LANES * (0xffff & ~(KN_REGISTERS_MAX - 1)))
_Static_assert((KN_REGISTERS_MAX & (KN_REGISTERS_MAX - 1)) == 0 && KN_REGISTERS_MAX <= 0x8000,
               "whether a register is too large is a matter of its upper bits");
_Static_assert(offsetof(struct kn_insn, kind) == 1 && offsetof(struct kn_insn, a) == 2 &&
                   offsetof(struct kn_insn, c) == 6,
               "bytes of an instruction");

/* Whether one of the three is larger than all before: in most programs soon none is any more. */
static inline bool is_larger(uint64_t word, uint32_t most)
{
    uint64_t tops = LANES * 0x8000;
    KN_ASSERT(most < 0x8000 && !(word & tops));
    return (((LANES * most | tops) - (word & LANES * 0xffff)) & tops) != tops;
}

static uint32_t largest(const struct kn_insn *insn)
{
    uint32_t a = insn->a > insn->b ? insn->a : insn->b;
    return a > insn->c ? a : insn->c;
}

/* The block that an instruction is in. Its gas and instructions go into its label; the first one has none. */
struct block {
    uint32_t label; /* NOBODYS: it ends before here. FIRSTS: it begins the program */
    uint32_t start; /* its first instruction after the label */
    uint32_t gas;
};
enum { NOBODYS = -1, FIRSTS = -2 };

static void end_block(struct koken_program *program, struct block *block, uint32_t end)
{
    uint32_t steps = end - block->start;
    KN_ASSERT(block->start <= end && steps <= KN_CODE_MAX);
    if (block->label == (uint32_t)FIRSTS) {
        program->first_gas = block->gas;
        program->first_steps = steps;
    } else if (block->label != (uint32_t)NOBODYS) {
        KN_ASSERT(program->code[block->label].op == KN_OP_LABEL);
        program->code[block->label].d = block->gas;
        program->code[block->label].a = (uint16_t)(steps + 1);
    }
    block->label = (uint32_t)NOBODYS;
}

/* The form of the code; the window's size; gas and instructions of each block. */
static int check_code(struct koken_program *program, struct koken_machine_error *error)
{
    uint32_t most = 0, count = program->code_count;
    struct block block = {.label = (uint32_t)FIRSTS};
    const struct kn_insn *insn = program->code;
    for (uint32_t pc = 0; pc < count; pc++, insn++) {
        uint64_t word;
        memcpy(&word, insn, sizeof word);
        uint8_t op = (uint8_t)word;
        if (kn_unlikely(op >= KN_OP_END)) {
            return bad(error, pc, "operation");
        }
        if (kn_unlikely(word & 0xff00) &&
            (insn->kind > KOKEN_KIND_RELEVANT || !(HAS_KIND >> op & 1))) {
            return bad(error, pc, "operation");
        }
        if (HAS_OTHERS >> op & 1) {
            uint32_t a = 0;
            int rc = check_special(program, error, pc, &a);
            if (kn_unlikely(rc < 0)) {
                return rc;
            }
            most = a > most ? a : most;
            if (op == KN_OP_LABEL) {
                end_block(program, &block, pc);
                block = (struct block){.label = pc, .start = pc + 1};
                program->label_count++;
            } else if (kn_op_ends_block(op)) {
                block.gas += kn_op_gas[op];
                end_block(program, &block, pc + 1);
            }
        } else if (kn_unlikely(word & TOO_LARGE)) {
            return bad(error, pc, "register");
        } else if (kn_unlikely(is_larger(word, most))) {
            most = largest(insn);
        }
        block.gas += kn_op_gas[op];
    }
    end_block(program, &block, count);
    if (most >= program->register_count) {
        program->register_count = most + 1;
    }
    KN_ASSERT(program->register_count <= KN_REGISTERS_MAX);
    return 0;
}

/* Of a program that has functions: values of others do not name them. */
static uint32_t stamp_of(const struct koken_program *program)
{
    KN_ASSERT(program->function_count > 0);
    uint64_t stamp = program->code_count, words[2];
    for (uint32_t pc = 0; pc < program->code_count; pc++) {
        memcpy(words, &program->code[pc], sizeof words);
        /* a sum, so that no product waits for the one before */
        stamp += (words[0] + pc * UINT64_C(0x9e3779b97f4a7c15)) *
                 (words[1] + (2 * pc + 1) * UINT64_C(0xbf58476d1ce4e5b9));
    }
    return (uint32_t)(stamp ^ stamp >> 32);
}

static int compare_names(const struct koken_program *program, uint8_t *seen,
                         struct koken_machine_error *error)
{
    for (uint32_t pc = 0; pc < program->code_count; pc++) {
        const struct kn_insn *insn = &program->code[pc];
        if (insn->op == KN_OP_LABEL) {
            if (seen[insn->e]) {
                uint32_t len;
                const char *text = kn_program_text(program, insn->e, &len);
                return kn_machine_fail(
                    error, KOKEN_CODE_DUPLICATE_LABEL, program, pc, KOKEN_NO_REGISTER,
                    "Machine error: label '%.*s' is defined twice", (int)len, text);
            }
            seen[insn->e] = 1;
        }
    }
    return 0;
}

int kn_program_seal(struct koken_program *program, struct koken_machine_error *error)
{
    uint8_t seen[KN_TABLE_MAX];
    if (program->code_count > KN_CODE_MAX) {
        return kn_machine_fail(error, KOKEN_CODE_PROGRAM_TOO_LARGE, NULL, 0, KOKEN_NO_REGISTER,
                               "Machine error: program of %u instructions, at most %d",
                               program->code_count, KN_CODE_MAX);
    }
    uint32_t end = kn_program_insn(program, (struct kn_insn){.op = KN_OP_END});
    if (end == UINT32_MAX) {
        return kn_machine_fail(error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                               "Memory error: out of memory");
    }
    program->code_count--;
    program->register_count = 1;
    program->label_count = 0;
    int rc = check_tables(program, error);
    rc = rc < 0 ? rc : check_code(program, error);
    if (rc < 0) {
        return rc;
    }
    program->stamp = program->function_count ? stamp_of(program) : 0;
    if (program->label_count > 1) {
        memset(seen, 0, program->symbol_count);
        rc = compare_names(program, seen, error);
    }
    return rc;
}
