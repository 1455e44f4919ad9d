/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that need no call, constants, and conditions. */
#include "executors/machine/machine.h"

#include <string.h>

/* ---- constants ---- */

static int make_constant(struct koken_machine *m, uint32_t number, struct koken_value *ret_value)
{
    KN_ASSERT(number < m->program->constant_count);
    KN_ASSERT(m->name_room >= m->program->symbol_count);
    const struct koken_program *program = m->program;
    const struct kn_constant *constant = &program->constants[number];
    struct koken_value a = {0}, b = {0}, value = {.tag = constant->tag, .data = constant->a};
    int rc = 0;
    switch (constant->tag) { /* nested KN_NESTING_MAX at most; parts count as cells */
    case KOKEN_VALUE_SYMBOL: value.data = m->names[constant->a]; break;
    case KOKEN_VALUE_FUNCTION: value.aux = program->stamp; break;
    case KOKEN_VALUE_PRODUCT:
    case KOKEN_VALUE_TENSOR:
        rc = make_constant(m, constant->a, &a);
        rc = rc < 0 ? rc : make_constant(m, constant->b, &b);
        rc = rc < 0 ? rc : kn_cell_new(m, constant->tag, 0, a, b, &value);
        break;
    case KOKEN_VALUE_SUM:
        rc = make_constant(m, constant->b, &a);
        rc = rc < 0 ? rc : kn_cell_new(m, constant->tag, m->names[constant->a], a, b, &value);
        break;
    case KOKEN_VALUE_TYPE:
        if (kn_type_parts[constant->a] == 0) {
            value.aux = constant->a;
            value.data = 0;
            break;
        }
        rc = make_constant(m, constant->b, &a);
        rc = rc == 0 && kn_type_parts[constant->a] > 1 ? make_constant(m, constant->b + 1, &b) : rc;
        rc = rc < 0 ? rc : kn_cell_new(m, constant->tag, constant->a, a, b, &value);
        break;
    default: break;
    }
    value.kind = constant->kind;
    *ret_value = value;
    return rc;
}

int kn_constant(struct koken_machine *m, uint32_t number, struct koken_value *ret_value)
{
    return make_constant(m, number, ret_value);
}

/* ---- conditions ---- */

static int read_of(struct koken_machine *m, const struct koken_value *window, uint32_t reg)
{
    KN_ASSERT(reg < m->program->register_count);
    return window[reg].state == KOKEN_REGISTER_LIVE
               ? 0
               : kn_stop(m,
                         window[reg].state == KOKEN_REGISTER_CONSUMED
                             ? KOKEN_CODE_REGISTER_CONSUMED
                             : KOKEN_CODE_REGISTER_NOT_FOUND,
                         reg, "%s r%u",
                         window[reg].state == KOKEN_REGISTER_CONSUMED
                             ? "Linearity violation: a condition reads the consumed register"
                             : "Register error: a condition reads the empty register",
                         reg);
}

static int compare(struct koken_machine *m, const struct koken_value *window,
                   const struct kn_condition *condition)
{
    KN_ASSERT(condition->op >= KN_CONDITION_EQUAL && condition->op <= KN_CONDITION_GREATER_EQUAL);
    int rc = read_of(m, window, condition->a);
    rc = rc < 0 ? rc : read_of(m, window, condition->b);
    if (rc < 0) {
        return rc;
    }
    struct koken_value a = window[condition->a], b = window[condition->b];
    if (condition->op == KN_CONDITION_EQUAL) {
        rc = kn_values_equal(m, a, b);
        return rc >= 0 ? rc
                       : kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, condition->a,
                                 "Memory error: too much to compare");
    }
    if (a.tag != KOKEN_VALUE_INT || b.tag != KOKEN_VALUE_INT) {
        return kn_stop(m, KOKEN_CODE_TYPE_MISMATCH,
                       a.tag != KOKEN_VALUE_INT ? condition->a : condition->b,
                       "Type mismatch: only numbers have an order");
    }
    switch (condition->op) {
    case KN_CONDITION_LESS: return a.data < b.data;
    case KN_CONDITION_GREATER: return a.data > b.data;
    case KN_CONDITION_LESS_EQUAL: return a.data <= b.data;
    default: return a.data >= b.data;
    }
}

int kn_condition(struct koken_machine *m, const struct koken_value *window, uint32_t number)
{
    KN_ASSERT(number < m->program->condition_count);
    KN_ASSERT(m->program->conditions[number].depth <= KN_NESTING_MAX);
    const struct kn_condition *condition = &m->program->conditions[number];
    struct koken_value type;
    int rc, other;
    switch (condition->op) { /* nested KN_NESTING_MAX at most */
    case KN_CONDITION_TRUE: return 1;
    case KN_CONDITION_FALSE:
    case KN_CONDITION_HAS_CAPABILITY:
    case KN_CONDITION_IS_OWNER: return 0;
    case KN_CONDITION_AND: /* both sides, the first error wins */
    case KN_CONDITION_OR:
        rc = kn_condition(m, window, condition->a);
        other = rc < 0 ? rc : kn_condition(m, window, condition->b);
        return other < 0 ? other : condition->op == KN_CONDITION_AND ? rc & other : rc | other;
    case KN_CONDITION_NOT: rc = kn_condition(m, window, condition->a); return rc < 0 ? rc : !rc;
    case KN_CONDITION_HAS_TYPE:
        rc = read_of(m, window, condition->a);
        rc = rc < 0 ? rc : make_constant(m, condition->b, &type);
        return rc < 0 ? rc : kn_value_has_type(m, window[condition->a], type);
    case KN_CONDITION_IS_CONSUMED: return window[condition->a].state != KOKEN_REGISTER_LIVE;
    case KN_CONDITION_PREDICATE:
        return kn_stop(m, KOKEN_CODE_NOT_IMPLEMENTED, KOKEN_NO_REGISTER,
                       "Machine error: nobody knows this predicate");
    default: return compare(m, window, condition);
    }
}

/* ---- functions ---- */

int kn_builtin_of(const struct koken_machine *m, struct koken_value function)
{
    KN_ASSERT(function.tag != KOKEN_VALUE_BUILTIN || function.data < KN_BUILTIN_COUNT_);
    if (function.tag == KOKEN_VALUE_BUILTIN) {
        return (int)function.data;
    }
    for (int i = 0; function.tag == KOKEN_VALUE_SYMBOL && i < KN_BUILTIN_COUNT_; i++) {
        if (kn_symbol_is(m, function.data, kn_builtin_names[i])) {
            return i;
        }
    }
    return -ESRCH;
}

int kn_arithmetic(struct koken_machine *m, unsigned builtin, struct koken_value a,
                  struct koken_value b, struct koken_value *ret_value)
{
    KN_ASSERT(builtin < KN_BUILTIN_COUNT_ && kn_builtin_arguments[builtin] == 2);
    uint64_t x = a.data, y = b.data, z;
    if (builtin == KN_BUILTIN_PAIR) {
        return kn_cell_new(m, KOKEN_VALUE_PRODUCT, 0, a, b, ret_value);
    }
    if (builtin == KN_BUILTIN_SEND || builtin == KN_BUILTIN_CHOOSE) {
        return builtin == KN_BUILTIN_SEND ? kn_end_send(m, a, b, ret_value)
                                          : kn_end_choose(m, a, b, ret_value);
    }
    if (builtin == KN_BUILTIN_EQUAL) {
        int rc = kn_values_equal(m, a, b);
        *ret_value = koken_value_bool(rc == 1);
        return rc >= 0 ? 0
                       : kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, KOKEN_NO_REGISTER,
                                 "Memory error: too much to compare");
    }
    if (a.tag != KOKEN_VALUE_INT || b.tag != KOKEN_VALUE_INT) {
        return kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, KOKEN_NO_REGISTER,
                       "Type mismatch: %s needs numbers", kn_builtin_names[builtin]);
    }
    if (builtin == KN_BUILTIN_LESS) {
        *ret_value = koken_value_bool(x < y);
        return 0;
    }
    if (builtin == KN_BUILTIN_DIV && y == 0) {
        return kn_stop(m, KOKEN_CODE_DIVISION_BY_ZERO, KOKEN_NO_REGISTER,
                       "Effect execution failed: division by zero");
    }
    z = builtin == KN_BUILTIN_ADD   ? x + y
        : builtin == KN_BUILTIN_SUB ? x - y
        : builtin == KN_BUILTIN_MUL ? x * y
                                    : x / y;
    if (z > UINT32_MAX) {
        return kn_stop(m, KOKEN_CODE_INTEGER_OVERFLOW, KOKEN_NO_REGISTER,
                       "Effect execution failed: integer overflow");
    }
    *ret_value = koken_value_int((uint32_t)z);
    return 0;
}

static int apply_one(struct koken_machine *m, unsigned builtin, struct koken_value argument,
                     struct koken_value *ret_value)
{
    KN_ASSERT(builtin < KN_BUILTIN_COUNT_ && kn_builtin_arguments[builtin] == 1);
    uint32_t tag;
    switch (builtin) {
    case KN_BUILTIN_IDENTITY: *ret_value = argument; return 0;
    case KN_BUILTIN_NOT:
        *ret_value = koken_value_bool(!argument.data);
        return argument.tag == KOKEN_VALUE_BOOL
                   ? 0
                   : kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, KOKEN_NO_REGISTER,
                             "Type mismatch: Not morphism requires boolean input");
    case KN_BUILTIN_INCREMENT:
        return argument.tag == KOKEN_VALUE_INT
                   ? kn_arithmetic(m, KN_BUILTIN_ADD, argument, koken_value_int(1), ret_value)
                   : kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, KOKEN_NO_REGISTER,
                             "Type mismatch: Increment morphism requires integer input");
    case KN_BUILTIN_RECEIVE: return kn_end_receive(m, argument, ret_value);
    case KN_BUILTIN_OFFER: return kn_end_offer(m, argument, ret_value);
    default: /* inl, inr */
        tag = kn_symbol(m, kn_builtin_names[builtin], 3);
        return tag == UINT32_MAX ? kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER,
                                           "Memory error: out of memory")
                                 : kn_cell_new(m, KOKEN_VALUE_SUM, tag, argument,
                                               (struct koken_value){0}, ret_value);
    }
}

/* Each of two functions on its side of a pair. */
static int apply_both(struct koken_machine *m, struct koken_value function,
                      struct koken_value argument, bool is_lenient, struct koken_value *ret_value)
{
    KN_ASSERT(function.tag == KOKEN_VALUE_TENSOR && function.data < m->cell_count);
    struct koken_value a, b;
    if (argument.tag != KOKEN_VALUE_TENSOR && argument.tag != KOKEN_VALUE_PRODUCT) {
        return kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, KOKEN_NO_REGISTER,
                       "Type mismatch: a pair of functions needs a pair");
    }
    int rc = kn_gas_extra(m);
    rc = rc < 0 ? rc
                : kn_apply_now(m, m->cells[function.data].a, m->cells[argument.data].a, is_lenient,
                               &a);
    rc = rc < 0 ? rc
                : kn_apply_now(m, m->cells[function.data].b, m->cells[argument.data].b, is_lenient,
                               &b);
    return rc < 0 ? rc : kn_cell_new(m, argument.tag, 0, a, b, ret_value);
}

int kn_apply_now(struct koken_machine *m, struct koken_value function, struct koken_value argument,
                 bool is_lenient, struct koken_value *ret_value)
{
    KN_ASSERT(!kn_has_cell(function) || function.data < m->cell_count);
    KN_ASSERT(!kn_has_cell(argument) || argument.data < m->cell_count);
    int builtin =
        is_lenient || function.tag == KOKEN_VALUE_BUILTIN ? kn_builtin_of(m, function) : -ESRCH;
    if (builtin >= 0 && kn_builtin_arguments[builtin] == 1) {
        return apply_one(m, (unsigned)builtin, argument, ret_value);
    }
    if (builtin >= 0) {
        return argument.tag == KOKEN_VALUE_TENSOR
                   ? kn_arithmetic(m, (unsigned)builtin, m->cells[argument.data].a,
                                   m->cells[argument.data].b, ret_value)
                   : kn_cell_new(m, KOKEN_VALUE_PARTIAL, (uint32_t)builtin, argument,
                                 (struct koken_value){0}, ret_value);
    }
    switch (function.tag) { /* values are nested KN_DEPTH_MAX at most */
    case KOKEN_VALUE_PARTIAL:
        return kn_arithmetic(m, function.aux, m->cells[function.data].a, argument, ret_value);
    case KOKEN_VALUE_TENSOR: return apply_both(m, function, argument, is_lenient, ret_value);
    case KOKEN_VALUE_COMPOSED: {
        struct koken_value between;
        int rc = kn_gas_extra(m);
        rc = rc < 0 ? rc
                    : kn_apply_now(m, m->cells[function.data].a, argument,
                                   /* is_lenient= */ true, &between);
        return rc < 0 ? rc
                      : kn_apply_now(m, m->cells[function.data].b, between, /* is_lenient= */ true,
                                     ret_value);
    }
    case KOKEN_VALUE_FUNCTION:
        return kn_stop(m, KOKEN_CODE_NOT_IMPLEMENTED, KOKEN_NO_REGISTER,
                       "Machine error: a pair of functions may hold builtin functions only");
    case KOKEN_VALUE_SYMBOL:
        if (is_lenient) {
            uint32_t len;
            const char *text = kn_symbol_text(m, function.data, &len);
            return kn_stop(m, KOKEN_CODE_UNKNOWN_BUILTIN, KOKEN_NO_REGISTER,
                           "Machine error: Unknown built-in morphism: %.*s", (int)len, text);
        }
        break;
    default:
        if (is_lenient) { /* anything else is the identity, of ISA-5 */
            *ret_value = argument;
            return 0;
        }
    }
    return kn_stop(m, KOKEN_CODE_NOT_A_FUNCTION, KOKEN_NO_REGISTER,
                   "Type mismatch: not a function");
}
