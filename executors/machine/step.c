/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each instruction does, one function each. The loop in exec.c does the simple cases of the simple ones
 * itself and calls these for the rest.
 */
#include "executors/machine/machine.h"

#include <string.h>

/* ---- windows ---- */

static int enter(struct koken_machine *m, uint32_t function_number, struct koken_value argument)
{
    KN_ASSERT(m->depth > 0 && function_number < m->program->function_count);
    const struct koken_program *program = m->program;
    const struct kn_function *function = &program->functions[function_number];
    uint32_t window = m->frames[m->depth - 1].window, count = program->register_count;
    uint32_t base = m->base + window, env = function->env;
    struct koken_value along = {0};
    if (function->param_count != 1) {
        return kn_stop(m, KOKEN_CODE_ARITY_MISMATCH, KOKEN_NO_REGISTER,
                       "Type mismatch: expected 1 argument, the function has %u",
                       function->param_count);
    }
    if (env != KOKEN_NO_REGISTER) {
        along = m->registers[m->base + env];
        if (along.state != KOKEN_REGISTER_LIVE || !(along.kind & KOKEN_KIND_UNRESTRICTED)) {
            bool is_live = along.state == KOKEN_REGISTER_LIVE;
            return kn_stop(m, is_live ? KOKEN_CODE_CANNOT_COPY : KOKEN_CODE_REGISTER_NOT_FOUND, env,
                           "%s r%u",
                           is_live ? "Linearity violation: a function takes along the "
                                     "register, which may not be copied,"
                                   : "Register error: a function takes along the empty "
                                     "register",
                           env);
        }
    }
    if (!kn_grow(&m->registers, &m->register_room, base + count, sizeof *m->registers)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    memset(m->registers + base, 0, count * sizeof *m->registers);
    argument.state = KOKEN_REGISTER_LIVE;
    m->registers[base + function->params[0]] = argument;
    if (env != KOKEN_NO_REGISTER) {
        m->registers[base + env] = along;
    }
    m->base = base;
    m->pc = function->target;
    return 0;
}

static int push(struct koken_machine *m, struct kn_frame frame)
{
    KN_ASSERT(m->depth <= KN_CALLS_MAX);
    if (m->depth >= KN_CALLS_MAX) {
        return kn_stop(m, KOKEN_CODE_CALL_STACK_OVERFLOW, KOKEN_NO_REGISTER,
                       "Machine error: call stack overflow at depth %d", KN_CALLS_MAX);
    }
    if (!kn_grow(&m->frames, &m->frame_room, m->depth + 1, sizeof *m->frames)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    m->frames[m->depth++] = frame;
    return 0;
}

int kn_write(struct koken_machine *m, struct koken_value *window, uint32_t reg,
             struct koken_value value)
{
    KN_ASSERT(value.tag != KOKEN_VALUE_NONE && value.tag < KOKEN_VALUE_TAG_COUNT_);
    if (kn_unlikely(kn_is_owed(window[reg]))) {
        return kn_stop(m, KOKEN_CODE_OVERWRITE_LIVE, reg,
                       "Linearity violation: register r%u holds a %s value and is written", reg,
                       kn_kind_names[window[reg].kind & 3]);
    }
    value.state = KOKEN_REGISTER_LIVE;
    window[reg] = value;
    return 0;
}

/* What goes wrong here went wrong in the call. */
static int come_back(struct koken_machine *m, struct kn_frame frame, struct koken_value value)
{
    KN_ASSERT(frame.then.tag == KOKEN_VALUE_NONE && frame.pc > 0);
    m->base = frame.base;
    m->pc = frame.pc - 1;
    int rc = kn_write(m, m->registers + m->base, frame.out, value);
    m->pc += rc == 0;
    return rc;
}

/* Applies a function, and what is to be applied to its result, until there is a call or a result is stored. */
static int apply(struct koken_machine *m, struct koken_value function, struct koken_value argument,
                 bool is_lenient)
{
    KN_ASSERT(m->depth > 0);
    for (;;) { /* ends: pushes and pops are paid for */
        if (function.tag == KOKEN_VALUE_FUNCTION) {
            return function.aux == m->program->stamp && function.data < m->program->function_count
                       ? enter(m, (uint32_t)function.data, argument)
                       : kn_stop(m, KOKEN_CODE_NOT_A_FUNCTION, KOKEN_NO_REGISTER,
                                 "Type mismatch: a function of another program");
        }
        int rc;
        if (function.tag == KOKEN_VALUE_COMPOSED) {
            const struct kn_cell *cell = &m->cells[function.data];
            struct kn_frame frame = {.then = cell->b, .window = m->frames[m->depth - 1].window};
            function = cell->a;
            is_lenient = true;
            rc = kn_gas_extra(m);
            rc = rc < 0 ? rc : push(m, frame);
            if (rc < 0) {
                return rc;
            }
            continue;
        }
        rc = kn_apply_now(m, function, argument, is_lenient, &argument);
        if (rc < 0) {
            return rc;
        }
        struct kn_frame frame = m->frames[--m->depth];
        if (frame.then.tag == KOKEN_VALUE_NONE) {
            return come_back(m, frame, argument);
        }
        function = frame.then;
    }
}

/* ---- instructions that are not simple ---- */

static int not_live(struct koken_machine *m, const struct koken_value *window, uint32_t reg)
{
    KN_ASSERT(window[reg].state != KOKEN_REGISTER_LIVE);
    int rc = kn_flow_not_live(&m->error, m->program, m->pc, reg,
                              window[reg].state == KOKEN_REGISTER_CONSUMED
                                  ? KOKEN_CODE_REGISTER_CONSUMED
                                  : KOKEN_CODE_REGISTER_NOT_FOUND);
    char text[sizeof m->error.text];
    memcpy(text, m->error.text, sizeof text);
    enum koken_machine_code code = m->error.code;
    int again = kn_stop(m, code, reg, "%s", text); /* with the path */
    KN_ASSERT(again == rc);
    return again;
}

int kn_read(struct koken_machine *m, struct koken_value *window, uint32_t reg,
            struct koken_value *ret_value)
{
    KN_ASSERT(reg < KN_REGISTERS_MAX);
    struct koken_value *at = &window[reg];
    if (kn_unlikely(at->state != KOKEN_REGISTER_LIVE)) {
        return not_live(m, window, reg);
    }
    kn_use_up(at);
    *ret_value = *at;
    return 0;
}

static int do_apply(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_APPLY || insn->op == KN_OP_TRANSFORM);
    struct koken_value *window = m->registers + m->base, function, argument;
    bool is_transform = insn->op == KN_OP_TRANSFORM;
    uint32_t count = m->depth == 0 ? m->main_count : m->program->register_count;
    int rc;
    if (is_transform) { /* the morphism stays */
        function = window[insn->a];
        rc = function.state == KOKEN_REGISTER_LIVE ? 0 : not_live(m, window, insn->a);
    } else {
        rc = kn_read(m, window, insn->a, &function);
    }
    rc = rc < 0 ? rc : kn_read(m, window, insn->b, &argument);
    rc = rc < 0 ? rc : kn_write(m, window, insn->c, koken_value_unit());
    uint32_t depth = m->depth;
    rc = rc < 0 ? rc
                : push(m, (struct kn_frame){
                              .pc = m->pc + 1, .base = m->base, .window = count, .out = insn->c});
    rc = rc < 0 ? rc : apply(m, function, argument, is_transform);
    if (rc < 0 && m->depth > depth) {
        m->depth =
            depth; /* no call was entered: what follows it is given back once, as the rest of this block */
    }
    return rc;
}

/* Back from a call; at depth 0 the program is over. */
int kn_return(struct koken_machine *m, struct koken_value value)
{
    KN_ASSERT(m->depth > 0 && value.tag != KOKEN_VALUE_NONE);
    const struct koken_value *window = m->registers + m->base;
    if (m->config.end_check == KOKEN_END_STRICT) {
        for (uint32_t i = 0; i < m->program->register_count; i++) {
            if (kn_is_owed(window[i])) {
                return kn_stop(m, KOKEN_CODE_NOT_CONSUMED, i,
                               "Linearity violation: register r%u of a call was not used", i);
            }
        }
    }
    struct kn_frame frame = m->frames[--m->depth];
    if (frame.then.tag == KOKEN_VALUE_NONE) {
        return come_back(m, frame, value);
    }
    m->base -= frame.window; /* below the window that is left; the next one takes its place */
    return apply(m, frame.then, value, /* is_lenient= */ true);
}

static int do_match(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_MATCH && insn->d < m->program->code_count);
    struct koken_value *window = m->registers + m->base, sum = koken_value_unit();
    struct koken_value inner = koken_value_unit();
    int rc = kn_read(m, window, insn->a, &sum);
    bool is_left = false;
    if (rc < 0) {
        return rc;
    }
    if (sum.tag == KOKEN_VALUE_SUM) {
        inner = m->cells[sum.data].a;
        is_left = kn_symbol_is(m, sum.aux, "inl") || kn_symbol_is(m, sum.aux, "left");
        if (!is_left && !kn_symbol_is(m, sum.aux, "inr") && !kn_symbol_is(m, sum.aux, "right")) {
            uint32_t len;
            const char *text = kn_symbol_text(m, sum.aux, &len);
            return kn_stop(m, KOKEN_CODE_INVALID_SUM_TAG, insn->a,
                           "Type mismatch: no branch for the tag %.*s", (int)len, text);
        }
    } else if (sum.tag == KOKEN_VALUE_BOOL) { /* true is left */
        is_left = sum.data != 0;
    } else {
        return kn_stop(m, KOKEN_CODE_NOT_A_SUM, insn->a, "Type mismatch: register r%u is no sum",
                       insn->a);
    }
    rc = kn_write(m, window, is_left ? insn->b : insn->c, inner);
    m->pc = is_left ? insn->d : insn->e;
    return rc;
}

/* A sum of that name: what is in it. Of another one: nothing, and on. */
static int do_case(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_CASE && insn->c < m->program->symbol_count);
    struct koken_value *window = m->registers + m->base, sum = window[insn->a];
    if (sum.state != KOKEN_REGISTER_LIVE) {
        return not_live(m, window, insn->a);
    }
    if (sum.tag != KOKEN_VALUE_SUM) {
        return kn_stop(m, KOKEN_CODE_NOT_A_SUM, insn->a, "Type mismatch: register r%u is no sum",
                       insn->a);
    }
    if (sum.aux != m->names[insn->c]) {
        m->pc = insn->e;
        return 0;
    }
    int rc = kn_read(m, window, insn->a, &sum);
    rc = rc < 0 ? rc : kn_write(m, window, insn->b, m->cells[sum.data].a);
    m->pc = rc < 0 ? m->pc : insn->d;
    return rc;
}

static int do_alloc(struct koken_machine *m, const struct kn_insn *insn)
{
    struct koken_value *window = m->registers + m->base, type = window[insn->a], value, ref;
    if (type.state == KOKEN_REGISTER_ABSENT) {
        return not_live(m, window, insn->a);
    }
    int rc = kn_read(m, window, insn->b, &value);
    if (rc == 0 && type.tag != KOKEN_VALUE_TYPE && insn->op == KN_OP_ALLOC5) {
        rc = kn_stop(m, KOKEN_CODE_NOT_A_TYPE, insn->a,
                     "Type mismatch: Invalid type for allocation");
    }
    if (type.tag != KOKEN_VALUE_TYPE) {
        type = (struct koken_value){.tag = KOKEN_VALUE_TYPE, .aux = KN_TYPE_ANY};
    }
    if (rc == 0) {
        rc = type.aux >= KN_TYPE_SEND ? kn_ends_new(m, type, value, &ref)
                                      : kn_resource_new(m, type, value, &ref);
    }
    return rc < 0 ? rc : kn_write(m, window, insn->c, ref);
}

static int do_consume(struct koken_machine *m, const struct kn_insn *insn)
{
    struct koken_value *window = m->registers + m->base, value;
    int rc = kn_read(m, window, insn->a, &value);
    if (rc == 0 && value.tag == KOKEN_VALUE_REF) {
        rc = kn_resource_consume(m, value, insn->a, &value);
    } else if (rc == 0 && value.tag == KOKEN_VALUE_CHANNEL) {
        rc = kn_end_close(m, value, &value);
    } else if (rc == 0 && insn->op == KN_OP_CONSUME) {
        rc = kn_stop(m, KOKEN_CODE_NOT_A_RESOURCE, insn->a,
                     "Type mismatch: register r%u holds no resource", insn->a);
    } else if (rc == 0 && value.tag == KOKEN_VALUE_FUNCTION) {
        value = koken_value_unit();
    }
    return rc < 0 ? rc : kn_write(m, window, insn->b, value);
}

static int do_check(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->d < m->program->condition_count);
    int rc = kn_condition(m, m->registers + m->base, insn->d);
    if (rc == 0) {
        return kn_stop(m, KOKEN_CODE_CONSTRAINT_VIOLATION, KOKEN_NO_REGISTER,
                       "Effect execution failed: constraint violation");
    }
    m->constraint_count += rc > 0;
    return rc < 0 ? rc : 0;
}

static int do_perform(struct koken_machine *m, const struct kn_insn *insn)
{
    const struct kn_effect *effect = &m->program->effects[insn->d];
    int rc = kn_condition(m, m->registers + m->base, effect->pre);
    if (rc == 0) {
        return kn_stop(m, KOKEN_CODE_PRECONDITION_FAILED, KOKEN_NO_REGISTER,
                       "Effect execution failed: the precondition does not hold");
    }
    if (rc < 0) {
        return rc;
    }
    if (m->effect_count >= KN_EFFECTS_MAX ||
        !kn_grow(&m->effects, &m->effect_room, m->effect_count + 1, sizeof *m->effects)) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, KOKEN_NO_REGISTER,
                       "Memory error: too many effects");
    }
    uint32_t symbol = m->names[effect->tag];
    m->effects[m->effect_count++] = symbol;
    return kn_write(m, m->registers + m->base, insn->a,
                    (struct koken_value){.tag = KOKEN_VALUE_EFFECT, .data = symbol});
}

static int do_select(struct koken_machine *m, const struct kn_insn *insn)
{
    struct koken_value *window = m->registers + m->base, truth = koken_value_unit(), chosen = truth;
    int rc = kn_read(m, window, insn->a, &truth);
    if (rc == 0 && truth.tag != KOKEN_VALUE_BOOL) {
        rc = kn_stop(m, KOKEN_CODE_NOT_A_BOOLEAN, insn->a,
                     "Type mismatch: register r%u holds no boolean", insn->a);
    }
    rc = rc < 0 ? rc : kn_read(m, window, truth.data ? insn->b : insn->c, &chosen);
    return rc < 0 ? rc : kn_write(m, window, insn->d, chosen);
}

static int do_witness(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_WITNESS);
    struct koken_value value = koken_value_int(42);
    int rc = 0;
    if (m->config.witness) {
        value = (struct koken_value){0};
        rc = m->config.witness(m->config.witness_arg, m, insn->a, &value);
    }
    if (rc < 0 || value.tag == KOKEN_VALUE_NONE || (!m->config.witness && m->config.is_strict)) {
        return kn_stop(m, KOKEN_CODE_NO_WITNESS_PROVIDER, insn->a,
                       "Effect execution failed: no witness for register r%u", insn->a);
    }
    bool is_linear = (value.kind & 3) == KOKEN_KIND_LINEAR || value.tag == KOKEN_VALUE_REF ||
                     value.tag == KOKEN_VALUE_CHANNEL;
    if (is_linear && (insn->kind & KOKEN_KIND_UNRESTRICTED)) {
        return kn_stop(m, KOKEN_CODE_CANNOT_COPY, insn->a,
                       "Linearity violation: the witness for register r%u is linear", insn->a);
    }
    value.kind = is_linear ? (uint8_t)KOKEN_KIND_LINEAR : insn->kind;
    return kn_write(m, m->registers + m->base, insn->a, value);
}

static int do_compose(struct koken_machine *m, const struct kn_insn *insn)
{
    struct koken_value *window = m->registers + m->base, value;
    for (unsigned i = 0; i < 2; i++) {
        struct koken_value at = window[kn_operand(insn, i)];
        if (at.state != KOKEN_REGISTER_LIVE) {
            return not_live(m, window, kn_operand(insn, i));
        }
        if ((at.kind & 3) == KOKEN_KIND_LINEAR) {
            return kn_stop(m, KOKEN_CODE_CANNOT_COPY, kn_operand(insn, i),
                           "Linearity violation: a linear value may not be copied");
        }
        if (at.tag < KOKEN_VALUE_BUILTIN && at.tag != KOKEN_VALUE_SYMBOL &&
            at.tag != KOKEN_VALUE_TENSOR) {
            return kn_stop(m, KOKEN_CODE_NOT_A_FUNCTION, kn_operand(insn, i),
                           "Type mismatch: not a function");
        }
    }
    int rc = kn_cell_new(m, KOKEN_VALUE_COMPOSED, 0, window[insn->a], window[insn->b], &value);
    return rc < 0 ? rc : kn_write(m, window, insn->c, value);
}

/* A pair in its parts. */
static int do_split(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_SPLIT);
    struct koken_value *window = m->registers + m->base, pair;
    int rc = kn_read(m, window, insn->a, &pair);
    if (rc == 0 && pair.tag != KOKEN_VALUE_PRODUCT && pair.tag != KOKEN_VALUE_TENSOR) {
        rc = kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, insn->a,
                     "Type mismatch: register r%u holds no pair", insn->a);
    }
    if (rc < 0) {
        return rc;
    }
    KN_ASSERT(pair.data < m->cell_count);
    rc = kn_write(m, window, insn->b, m->cells[pair.data].a);
    return rc < 0 ? rc : kn_write(m, window, insn->c, m->cells[pair.data].b);
}

/* Two are read, one is written: TENSOR, and arithmetic that is not simple after all. */
static int do_two(struct koken_machine *m, const struct kn_insn *insn)
{
    struct koken_value *window = m->registers + m->base, a, b, value;
    int rc = kn_read(m, window, insn->a, &a);
    rc = rc < 0 ? rc : kn_read(m, window, insn->b, &b);
    if (rc == 0) {
        rc =
            insn->op == KN_OP_TENSOR
                ? kn_cell_new(m, KOKEN_VALUE_TENSOR, 0, a, b, &value)
                : kn_arithmetic(m, (unsigned)(insn->op - KN_OP_ADD + KN_BUILTIN_ADD), a, b, &value);
    }
    if (rc == 0 && insn->op != KN_OP_TENSOR) {
        value.kind = insn->kind;
    }
    return rc < 0 ? rc : kn_write(m, window, insn->c, value);
}

static int do_const(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_CONST);
    struct koken_value value = {.tag = (uint8_t)insn->b, .data = insn->d};
    int rc = insn->b == 0 ? kn_constant(m, insn->d, &value) : 0;
    value.kind = insn->kind;
    return rc < 0 ? rc : kn_write(m, m->registers + m->base, insn->a, value);
}

/* MOVE whose simple way is barred. */
static int do_move(struct koken_machine *m, const struct kn_insn *insn)
{
    struct koken_value *window = m->registers + m->base, value;
    int rc = kn_read(m, window, insn->a, &value);
    return rc < 0 ? rc : kn_write(m, window, insn->b, value);
}

int (*const kn_ways[KN_OP_COUNT_])(struct koken_machine *, const struct kn_insn *) = {
    [KN_OP_MOVE] = do_move,       [KN_OP_APPLY] = do_apply,     [KN_OP_MATCH] = do_match,
    [KN_OP_ALLOC] = do_alloc,     [KN_OP_CONSUME] = do_consume, [KN_OP_CHECK] = do_check,
    [KN_OP_PERFORM] = do_perform, [KN_OP_SELECT] = do_select,   [KN_OP_WITNESS] = do_witness,
    [KN_OP_TRANSFORM] = do_apply, [KN_OP_ALLOC5] = do_alloc,    [KN_OP_CONSUME5] = do_consume,
    [KN_OP_COMPOSE] = do_compose, [KN_OP_TENSOR] = do_two,      [KN_OP_CONST] = do_const,
    [KN_OP_ADD] = do_two,         [KN_OP_SUB] = do_two,         [KN_OP_MUL] = do_two,
    [KN_OP_DIV] = do_two,         [KN_OP_LESS] = do_two,        [KN_OP_EQUAL] = do_two,
    [KN_OP_SPLIT] = do_split,     [KN_OP_CASE] = do_case,
};
