/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The static check: what each register may be at each instruction, joined over all ways to it. A register that
 * is read must be live on all of them. So a program that passes reads no register that is absent or consumed,
 * whatever its witnesses are; what is in a register (a resource used up elsewhere, a tag that no branch knows)
 * is seen when it runs.
 *
 * Facts are sets of registers that only grow, so the passes over the code end. A program that needs more than
 * PASSES_MAX is refused: the time of the check is bounded by the length of the program.
 */
#include "base/alloc.h"
#include "executors/machine/code.h"

#include <string.h>

enum { PASSES_MAX = 64, SCRATCH_BYTES = 4096 };

/* What a register may be. */
enum fact { AFFINE, LINEAR, COPYABLE, ABSENT, CONSUMED };
enum { LIVE = 1 << AFFINE | 1 << LINEAR | 1 << COPYABLE };

struct flow {
    const struct koken_program *program;
    struct koken_machine_error *error;
    uint8_t *now;        /* facts of each register, one byte each */
    uint8_t *labels;     /* the same for each label, in the order of the code */
    uint8_t *is_reached; /* by label */
    uint16_t *places;    /* label of the instruction, where it is one */
    uint32_t size;       /* bytes of such a set: registers, rounded up to eight */
    uint32_t pc;
    bool is_changed; /* a label before this instruction knows more: once again */
    bool is_live;    /* this instruction can be reached */
};

static inline unsigned facts_of(const struct flow *flow, uint32_t reg)
{
    KN_ASSERT(reg < flow->program->register_count); /* kn_program_seal() has seen it */
    return flow->now[reg];
}

static inline void set_facts(struct flow *flow, uint32_t reg, unsigned facts)
{
    KN_ASSERT(reg < flow->program->register_count && facts < 32);
    flow->now[reg] = (uint8_t)facts;
}

/* The reference has these words for its second instruction set. */
static const char *missing(const struct kn_insn *insn, uint32_t reg)
{
    bool is_first = insn->a == reg;
    switch (insn->op) {
    case KN_OP_TRANSFORM:
        return is_first ? "Morphism not found in register" : "Input not found in register";
    case KN_OP_ALLOC5:
        return is_first ? "Type not found in register" : "Init value not found in register";
    case KN_OP_CONSUME5: return "Resource not found in register";
    case KN_OP_COMPOSE:
        return is_first ? "First morphism not found in register"
                        : "Second morphism not found in register";
    case KN_OP_TENSOR:
        return is_first ? "Left value not found in register" : "Right value not found in register";
    default: return "nothing in register";
    }
}

int kn_flow_not_live(struct koken_machine_error *error, const struct koken_program *program,
                     uint32_t pc, uint32_t reg, enum koken_machine_code code)
{
    const struct kn_insn *insn = &program->code[pc];
    bool is_second_set = insn->op >= KN_OP_TRANSFORM && insn->op <= KN_OP_TENSOR;
    if (code == KOKEN_CODE_BRANCHES_DISAGREE) {
        return kn_machine_fail(error, code, program, pc, reg,
                               "Linearity violation: register r%u is not live on every way to here",
                               reg);
    }
    if (is_second_set || code == KOKEN_CODE_REGISTER_NOT_FOUND) {
        return kn_machine_fail(error, code, program, pc, reg, "Register error: %s r%u",
                               missing(insn, reg), reg);
    }
    return kn_machine_fail(error, code, program, pc, reg,
                           "Linearity violation: register r%u is consumed already", reg);
}

static int complain(struct flow *flow, uint32_t reg, unsigned facts)
{
    return kn_flow_not_live(flow->error, flow->program, flow->pc, reg,
                            facts & LIVE               ? KOKEN_CODE_BRANCHES_DISAGREE
                            : facts & (1u << CONSUMED) ? KOKEN_CODE_REGISTER_CONSUMED
                                                       : KOKEN_CODE_REGISTER_NOT_FOUND);
}

/* A look, which leaves the register as it is. */
static int look(struct flow *flow, uint32_t reg)
{
    KN_ASSERT(reg < flow->size);
    unsigned facts = facts_of(flow, reg);
    return facts & (1u << ABSENT | 1u << CONSUMED) ? complain(flow, reg, facts) : 0;
}

/* A use; ret_facts is what was there. */
static inline int use(struct flow *flow, uint32_t reg, unsigned *ret_facts)
{
    unsigned facts = facts_of(flow, reg);
    if (kn_unlikely(facts & (1u << ABSENT | 1u << CONSUMED))) {
        return complain(flow, reg, facts);
    }
    if (facts != 1u << COPYABLE) {
        set_facts(flow, reg, (facts & (1u << COPYABLE)) | 1u << CONSUMED);
    }
    *ret_facts = facts;
    return 0;
}

static inline int write(struct flow *flow, uint32_t reg, unsigned facts)
{
    if (kn_unlikely(facts_of(flow, reg) == 1u << LINEAR)) {
        return kn_machine_fail(flow->error, KOKEN_CODE_OVERWRITE_LIVE, flow->program, flow->pc, reg,
                               "Linearity violation: register r%u holds a linear value and is "
                               "written",
                               reg);
    }
    set_facts(flow, reg, facts);
    return 0;
}

static unsigned facts_of_kind(unsigned kind)
{
    return kind & KOKEN_KIND_UNRESTRICTED ? 1u << COPYABLE
           : kind == KOKEN_KIND_LINEAR    ? 1u << LINEAR
                                          : 1u << AFFINE;
}

static void join(struct flow *flow, uint32_t target, const uint8_t *facts)
{
    KN_ASSERT(target < flow->program->code_count);
    uint32_t place = flow->places[target];
    KN_ASSERT(flow->program->code[target].op == KN_OP_LABEL && place < flow->program->label_count);
    uint8_t *known = flow->labels + (size_t)place * flow->size;
    unsigned fresh = 0;
    for (uint32_t i = 0; i < flow->size; i++) {
        fresh |= (unsigned)facts[i] & ~(unsigned)known[i];
        known[i] |= facts[i];
    }
    if (fresh || !flow->is_reached[place]) {
        flow->is_reached[place] = 1;
        flow->is_changed |= target <= flow->pc;
    }
}

/* The registers of a condition are looked at; whether one is consumed may be asked of any. */
static int look_at_condition(struct flow *flow, uint32_t number)
{
    KN_ASSERT(number < flow->program->condition_count);
    const struct kn_condition *condition = &flow->program->conditions[number];
    const uint32_t *operands = &condition->a;
    int rc = 0;
    if (condition->op == KN_CONDITION_IS_CONSUMED || condition->op == KN_CONDITION_IS_OWNER ||
        condition->op == KN_CONDITION_HAS_CAPABILITY) { /* the last two are never true */
        return 0;
    }
    for (const char *part = kn_condition_parts[condition->op]; rc == 0 && *part != '\0'; part++) {
        uint32_t operand = *operands++;
        rc = *part == 'x'   ? look_at_condition(flow, operand) /* nested KN_NESTING_MAX at most */
             : *part == 'r' ? look(flow, operand)
                            : 0;
    }
    return rc;
}

/* MATCH writes another register on each of its ways. */
static int branch(struct flow *flow, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_MATCH);
    unsigned facts;
    int rc = use(flow, insn->a, &facts);
    for (unsigned side = 0; rc == 0 && side < 2; side++) {
        uint32_t reg = side == 0 ? insn->b : insn->c;
        unsigned before = facts_of(flow, reg);
        rc = write(flow, reg, 1u << AFFINE);
        if (rc == 0) {
            join(flow, side == 0 ? insn->d : insn->e, flow->now);
            set_facts(flow, reg, before);
        }
    }
    return rc;
}

/* CASE uses its sum, and writes what is in it, on one of its ways only. */
static int branch_by_name(struct flow *flow, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_CASE);
    unsigned sum;
    int rc = look(flow, insn->a);
    if (rc == 0) {
        join(flow, insn->e, flow->now);
        rc = use(flow, insn->a, &sum);
    }
    rc = rc < 0 ? rc : write(flow, insn->b, 1u << AFFINE);
    if (rc == 0) {
        join(flow, insn->d, flow->now);
    }
    return rc;
}

/* SELECT uses one of two. */
static int choose(struct flow *flow, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_SELECT);
    unsigned facts;
    int rc = use(flow, insn->a, &facts);
    for (unsigned side = 0; rc == 0 && side < 2; side++) {
        uint32_t reg = side == 0 ? insn->b : insn->c;
        rc = look(flow, reg);
        facts = facts_of(flow, reg);
        if (rc == 0 && facts != 1u << COPYABLE) {
            set_facts(flow, reg, facts | 1u << CONSUMED);
        }
    }
    return rc < 0 ? rc : write(flow, insn->d, 1u << AFFINE);
}

/* Operands that are read, in their order, then the one that is written. */
static int step(struct flow *flow, const struct kn_insn *insn)
{
    unsigned facts = 1u << AFFINE, first = 0;
    int rc = 0;
    switch (insn->op) {
    case KN_OP_MOVE:
        rc = use(flow, insn->a, &facts);
        return rc < 0 ? rc : write(flow, insn->b, facts);
    case KN_OP_CONST:
    case KN_OP_WITNESS: return write(flow, insn->a, facts_of_kind(insn->kind));
    case KN_OP_MATCH: return branch(flow, insn);
    case KN_OP_CASE: return branch_by_name(flow, insn);
    case KN_OP_SELECT: return choose(flow, insn);
    case KN_OP_CONSUME:
    case KN_OP_CONSUME5:
        rc = use(flow, insn->a, &facts);
        return rc < 0 ? rc : write(flow, insn->b, 1u << AFFINE);
    case KN_OP_ALLOC:
    case KN_OP_ALLOC5:
        first = facts_of(flow, insn->a); /* a type may be looked at after it was consumed */
        if (first & (1u << ABSENT)) {
            return complain(flow, insn->a, first);
        }
        rc = use(flow, insn->b, &facts);
        return rc < 0 ? rc : write(flow, insn->c, 1u << LINEAR);
    case KN_OP_TRANSFORM:
        rc = look(flow, insn->a);
        rc = rc < 0 ? rc : use(flow, insn->b, &facts);
        return rc < 0 ? rc : write(flow, insn->c, 1u << AFFINE);
    case KN_OP_COMPOSE:
        rc = look(flow, insn->a);
        rc = rc < 0 ? rc : look(flow, insn->b);
        return rc < 0 ? rc : write(flow, insn->c, 1u << AFFINE);
    case KN_OP_CHECK: return look_at_condition(flow, insn->d);
    case KN_OP_PERFORM:
        rc = look_at_condition(flow, flow->program->effects[insn->d].pre);
        return rc < 0 ? rc : write(flow, insn->a, 1u << AFFINE);
    case KN_OP_SPLIT:
        rc = use(flow, insn->a, &facts);
        rc = rc < 0 ? rc : write(flow, insn->b, 1u << AFFINE);
        return rc < 0 ? rc : write(flow, insn->c, 1u << AFFINE);
    case KN_OP_RETURN: return insn->a == KOKEN_NO_REGISTER ? 0 : use(flow, insn->a, &facts);
    case KN_OP_JUMP: join(flow, insn->d, flow->now); return 0;
    default: /* two are read, one is written */
        rc = use(flow, insn->a, &facts);
        rc = rc < 0 ? rc : use(flow, insn->b, &facts);
        return rc < 0 ? rc : write(flow, insn->c, facts_of_kind(insn->kind));
    }
}

/* A label: what is known on all ways to it. Whether there is one. */
static bool enter_block(struct flow *flow, uint32_t pc)
{
    uint32_t place = flow->places[pc];
    KN_ASSERT(place < flow->program->label_count);
    if (flow->is_live) {
        bool was_changed = flow->is_changed;
        join(flow, pc, flow->now);
        flow->is_changed = was_changed; /* what is joined here is read here, at once */
    }
    memcpy(flow->now, flow->labels + (size_t)place * flow->size, flow->size);
    return flow->is_reached[place];
}

static int pass(struct flow *flow)
{
    KN_ASSERT(flow->is_live && !flow->is_changed);
    const struct koken_program *program = flow->program;
    const struct kn_insn *insn = program->code;
    for (uint32_t pc = 0, count = program->code_count; pc < count; pc++, insn++) {
        flow->pc = pc;
        if (kn_unlikely(insn->op == KN_OP_LABEL)) {
            flow->is_live = enter_block(flow, pc);
        } else {
            int rc = step(flow, insn);
            if (kn_unlikely(rc < 0)) {
                return rc;
            }
            flow->is_live = !kn_op_ends_block(insn->op);
        }
        while (kn_unlikely(!flow->is_live) && pc + 1 < count && insn[1].op != KN_OP_LABEL) {
            pc++; /* what nobody reaches; ends: at a label, or at the end */
            insn++;
        }
    }
    return 0;
}

/* A function begins with its parameters, and what goes along. */
static void enter_functions(struct flow *flow)
{
    for (uint32_t i = 0; i < flow->program->function_count; i++) {
        const struct kn_function *function = &flow->program->functions[i];
        memset(flow->now, 1 << ABSENT, flow->size);
        if (function->env != KOKEN_NO_REGISTER) {
            set_facts(flow, function->env, 1u << COPYABLE);
        }
        for (uint32_t k = 0; k < function->param_count; k++) {
            set_facts(flow, function->params[k], 1u << AFFINE);
        }
        join(flow, function->target, flow->now);
    }
}

static void enter_program(struct flow *flow, const struct koken_value *registers, uint32_t count)
{
    KN_ASSERT(flow->size >= flow->program->register_count);
    memset(flow->now, 1 << ABSENT, flow->size);
    for (uint32_t reg = 0; reg < count && reg < flow->program->register_count; reg++) {
        if (registers[reg].state == KOKEN_REGISTER_LIVE) {
            set_facts(flow, reg, facts_of_kind(registers[reg].kind));
        } else if (registers[reg].state == KOKEN_REGISTER_CONSUMED) {
            set_facts(flow, reg, 1u << CONSUMED);
        }
    }
}

static int run_passes(struct flow *flow, const struct koken_value *registers, uint32_t count)
{
    uint16_t place = 0;
    for (uint32_t pc = 0; flow->places && pc < flow->program->code_count; pc++) {
        flow->places[pc] = flow->program->code[pc].op == KN_OP_LABEL ? place++ : 0;
    }
    flow->pc = 0;
    if (flow->program->function_count > 0) {
        enter_functions(flow);
    }
    for (int i = 0; i < PASSES_MAX; i++) {
        flow->is_changed = false;
        flow->is_live = true;
        enter_program(flow, registers, count);
        int rc = pass(flow);
        if (rc < 0 || !flow->is_changed) {
            return rc;
        }
    }
    return kn_machine_fail(flow->error, KOKEN_CODE_INVALID_INSTRUCTION, NULL, 0, KOKEN_NO_REGISTER,
                           "Machine error: too many jumps back to follow");
}

int kn_program_flow(const struct koken_program *program, const struct koken_value *registers,
                    uint32_t count, struct koken_machine_error *error)
{
    uint16_t small[SCRATCH_BYTES / 2];
    void *memory = small;
    uint32_t labels = program->label_count, size = (program->register_count + 7) & ~7u;
    size_t total =
        (size_t)size * (1 + labels) + (labels ? labels + 2 * (size_t)program->code_count : 0);
    if (total > SCRATCH_BYTES) {
        memory = kn_alloc(total, 2, -1);
        if (!memory) {
            return kn_machine_fail(error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                                   "Memory error: out of memory");
        }
    }
    struct flow flow = {.program = program, .error = error, .size = size};
    flow.now = memory;
    if (labels) {
        flow.places = memory;
        flow.now = (uint8_t *)(flow.places + program->code_count);
        flow.labels = flow.now + size;
        flow.is_reached = flow.labels + (size_t)size * labels;
        memset(flow.labels, 0, (size_t)size * labels);
        memset(flow.is_reached, 0, labels);
    }
    int rc = run_passes(&flow, registers, count);
    if (memory != small) {
        kn_free(memory, total, 2);
    }
    return rc;
}

int koken_program_check(const struct koken_program *program, struct koken_machine_error *ret_error)
{
    if (kn_load(&program->is_checked, relaxed)) { /* a fact about what does not change */
        return 0;
    }
    int rc = kn_program_flow(program, NULL, 0, ret_error);
    return rc < 0 ? rc : kn_protocols_check(program, ret_error);
}

int kn_protocols_check_once(struct koken_program *program, struct koken_machine_error *ret_error)
{
    if (!program->has_protocols || kn_load(&program->is_followed, relaxed)) { /* as above */
        return 0;
    }
    int rc = kn_protocols_check(program, ret_error);
    if (rc == 0) {
        kn_store(&program->is_followed, 1, relaxed); /* nothing else is published by it */
    }
    return rc;
}

int kn_program_check_once(struct koken_program *program, struct koken_machine_error *ret_error)
{
    int rc = koken_program_check(program, ret_error);
    if (rc == 0) {
        kn_store(&program->is_checked, 1, relaxed); /* nothing else is published by it */
    }
    return rc;
}
