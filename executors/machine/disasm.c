/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as text. What is written is assembled to an equal program. */
#include "executors/machine/code.h"

#include <string.h>

static void print_symbol(struct kn_out *out, const struct koken_program *program, uint32_t symbol)
{
    uint32_t len;
    if (symbol >= program->symbol_count) {
        kn_out(out, "\"?\"");
        return;
    }
    const char *text = kn_program_text(program, symbol, &len);
    kn_out_quoted(out, text, len);
}

static void print_label(struct kn_out *out, const struct koken_program *program, uint32_t target)
{
    print_symbol(out, program, target < program->code_count ? program->code[target].e : UINT32_MAX);
}

/* Parts may be shared, so that the text of a hostile constant would be endless: it ends with the room. */
static bool is_full(const struct kn_out *out)
{
    return out->len > out->room + ((size_t)1 << 20);
}

static void print_function(struct kn_out *out, const struct koken_program *program,
                           const struct kn_function *function)
{
    KN_ASSERT(function->param_count <= KN_PARAMS_MAX);
    kn_out(out, "fn ");
    print_label(out, program, function->target);
    for (uint32_t i = 0; i < function->param_count; i++) {
        kn_out(out, "%sr%u", i == 0 ? "(" : ", ", function->params[i]);
    }
    kn_out(out, function->param_count ? ")" : "()");
    if (function->env != KOKEN_NO_REGISTER) {
        kn_out(out, " with r%u", function->env);
    }
}

static void print_choices(struct kn_out *out, const struct koken_program *program,
                          const struct kn_constant *list)
{
    const char *before = "(";
    for (; kn_type_is_list(list->a) && !is_full(out); before = ", ") { /* ends: parts come before */
        const struct kn_constant *entry = &program->constants[list->b];
        KN_ASSERT(entry->tag == KOKEN_VALUE_SUM && list->tag == KOKEN_VALUE_TYPE);
        kn_out(out, "%s", before);
        print_symbol(out, program, entry->a);
        kn_out(out, ": ");
        kn_out_type(out, program, entry->b);
        list = entry + 1;
    }
    kn_out(out, ")");
}

void kn_out_type(struct kn_out *out, const struct koken_program *program, uint32_t number)
{
    KN_ASSERT(number < program->constant_count);
    const struct kn_constant *constant = &program->constants[number];
    kn_out(out, "%s", kn_type_names[constant->a]);
    if (kn_type_is_list(constant->a)) {
        print_choices(out, program, constant);
    } else if (kn_type_parts[constant->a] && !is_full(out)) {
        kn_out(out, "(");
        kn_out_type(out, program, constant->b);
        if (kn_type_parts[constant->a] > 1) {
            kn_out(out, ", ");
            kn_out_type(out, program, constant->b + 1);
        }
        kn_out(out, ")");
    }
}

static void print_constant(struct kn_out *out, const struct koken_program *program, uint32_t number,
                           bool is_inside)
{
    KN_ASSERT(number < program->constant_count);
    const struct kn_constant *constant = &program->constants[number];
    if (is_full(out)) {
        return;
    }
    if (is_inside && constant->kind != KOKEN_KIND_AFFINE) {
        kn_out(out, "%s ", kn_kind_names[constant->kind & 3]);
    }
    switch (constant->tag) {
    case KOKEN_VALUE_UNIT: kn_out(out, "unit"); break;
    case KOKEN_VALUE_BOOL: kn_out(out, constant->a ? "true" : "false"); break;
    case KOKEN_VALUE_INT: kn_out(out, "%u", constant->a); break;
    case KOKEN_VALUE_SYMBOL: print_symbol(out, program, constant->a); break;
    case KOKEN_VALUE_BUILTIN: kn_out(out, "builtin %s", kn_builtin_names[constant->a]); break;
    case KOKEN_VALUE_FUNCTION:
        print_function(out, program, &program->functions[constant->a]);
        break;
    case KOKEN_VALUE_SUM:
        kn_out(out, "sum(");
        print_symbol(out, program, constant->a);
        kn_out(out, ", ");
        print_constant(out, program, constant->b, true);
        kn_out(out, ")");
        break;
    case KOKEN_VALUE_TYPE:
        kn_out(out, "type ");
        kn_out_type(out, program, number);
        break;
    default:
        kn_out(out, constant->tag == KOKEN_VALUE_PRODUCT ? "product(" : "tensor(");
        print_constant(out, program, constant->a, true);
        kn_out(out, ", ");
        print_constant(out, program, constant->b, true);
        kn_out(out, ")");
        break;
    }
}

static void print_condition(struct kn_out *out, const struct koken_program *program,
                            uint32_t number)
{
    KN_ASSERT(number < program->condition_count);
    const struct kn_condition *condition = &program->conditions[number];
    const uint32_t *operands = &condition->a;
    const char *parts = kn_condition_parts[condition->op];
    if (is_full(out)) {
        return;
    }
    kn_out(out, "%s", kn_condition_names[condition->op]);
    for (const char *part = parts; *part != '\0'; part++) {
        uint32_t operand = *operands++;
        kn_out(out, part == parts ? "(" : ", ");
        if (*part == 'x') {
            print_condition(out, program, operand);
        } else if (*part == 'r') {
            kn_out(out, "r%u", operand);
        } else if (*part == 'k') {
            kn_out_type(out, program, operand);
        } else {
            print_symbol(out, program, operand);
        }
    }
    kn_out(out, *parts != '\0' ? ")" : "");
}

static void print_effect(struct kn_out *out, const struct koken_program *program,
                         const struct kn_effect *effect)
{
    KN_ASSERT(effect->pre < program->condition_count && effect->post < program->condition_count);
    print_symbol(out, program, effect->tag);
    if (program->conditions[effect->pre].op != KN_CONDITION_TRUE) {
        kn_out(out, " pre ");
        print_condition(out, program, effect->pre);
    }
    if (program->conditions[effect->post].op != KN_CONDITION_TRUE) {
        kn_out(out, " post ");
        print_condition(out, program, effect->post);
    }
    if (effect->hint) {
        kn_out(out, " hint ");
        print_symbol(out, program, effect->hint - 1);
    }
}

static void print_value_of(struct kn_out *out, const struct koken_program *program,
                           const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_CONST && insn->kind <= KOKEN_KIND_RELEVANT);
    if (insn->kind != KOKEN_KIND_AFFINE) {
        kn_out(out, "%s ", kn_kind_names[insn->kind & 3]);
    }
    if (insn->b == 0) {
        print_constant(out, program, insn->d, false);
    } else if (insn->b == KOKEN_VALUE_INT) {
        kn_out(out, "%u", insn->d);
    } else {
        kn_out(out, insn->b == KOKEN_VALUE_UNIT ? "unit" : insn->d ? "true" : "false");
    }
}

void kn_out_insn(struct kn_out *out, const struct koken_program *program, uint32_t pc)
{
    const struct kn_insn *insn = &program->code[pc];
    unsigned reg = 0;
    if (insn->op >= KN_OP_COUNT_) {
        kn_out(out, "?");
        return;
    }
    kn_out(out, "%s", kn_op_names[insn->op]);
    for (const char *kind = kn_op_operands[insn->op]; *kind != '\0'; kind++) {
        bool is_first = kind == kn_op_operands[insn->op];
        if (*kind == 'o' && insn->a == KOKEN_NO_REGISTER) {
            break;
        }
        kn_out(out, is_first ? " " : ", ");
        switch (*kind) {
        case 'l': print_label(out, program, insn->d); break;
        case 'm': print_label(out, program, insn->e); break;
        case 'n': print_symbol(out, program, insn->e); break;
        case 's': print_symbol(out, program, insn->c); break;
        case 'k': print_value_of(out, program, insn); break;
        case 'c': print_condition(out, program, insn->d); break;
        case 'e': print_effect(out, program, &program->effects[insn->d]); break;
        default: kn_out(out, "r%u", kn_operand(insn, reg++)); break;
        }
    }
    if (kn_op_has_kind(insn->op) && insn->kind != KOKEN_KIND_AFFINE) {
        kn_out(out, " %s", kn_kind_names[insn->kind & 3]);
    }
}

size_t koken_program_print(const struct koken_program *program, char *text, size_t room)
{
    struct kn_out out = {text, room, 0};
    bool is_second = false;
    if (room > 0) {
        text[0] = '\0';
    }
    for (uint32_t pc = 0; pc < program->code_count && !is_full(&out); pc++) {
        uint8_t op = program->code[pc].op;
        bool is_ambiguous = op == KN_OP_ALLOC || op == KN_OP_CONSUME;
        bool wants_second = op == KN_OP_ALLOC5 || op == KN_OP_CONSUME5;
        if (is_second ? is_ambiguous : wants_second) {
            is_second = !is_second;
            kn_out(&out, is_second ? ".isa 5\n" : ".isa 11\n");
        }
        kn_out(&out, op == KN_OP_LABEL ? "" : "    ");
        kn_out_insn(&out, program, pc);
        kn_out(&out, "\n");
    }
    return out.len;
}
