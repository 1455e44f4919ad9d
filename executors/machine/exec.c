/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running. Each instruction jumps to the next one's code by a table. Gas and steps are taken by block, in its
 * label; a block that cannot be paid as a whole is run by a second table, which counts each instruction before
 * it jumps to the same code, and which tracing and bounded steps use from the start. What was paid and not done
 * when a run stops is given back, so what a run costs does not depend on how it was counted.
 *
 * No operand is checked here: kn_program_seal() has seen them all, and windows are as large as the largest.
 */
#include "executors/machine/machine.h"

/* ---- what was paid and not done ---- */

static void rest_of_block(const struct koken_program *program, uint32_t pc, uint64_t *gas,
                          uint64_t *steps)
{
    KN_ASSERT(pc <= program->code_count);
    const struct kn_insn *code = program->code;
    if (kn_op_ends_block(code[pc].op)) {
        return;
    }
    for (uint32_t i = pc + 1; i < program->code_count && code[i].op != KN_OP_LABEL; i++) {
        *gas += kn_op_gas[code[i].op];
        ++*steps;
        if (kn_op_ends_block(code[i].op)) {
            return;
        }
    }
}

/* Of the calls under way: what comes after them. */
static void rest_of_calls(struct koken_machine *m, uint64_t *gas, uint64_t *steps)
{
    for (uint32_t i = 0; i < m->depth; i++) {
        if (m->frames[i].then.tag == KOKEN_VALUE_NONE) {
            rest_of_block(m->program, m->frames[i].pc - 1, gas, steps);
        }
    }
}

/* ---- counting ---- */

/* Told before an instruction that is counted by itself. */
static int count_one(struct koken_machine *m, uint32_t pc, int64_t *left)
{
    KN_ASSERT(pc <= m->program->code_count && *left >= 0);
    const struct kn_insn *insn = &m->program->code[pc];
    m->pc = pc;
    if (insn->op == KN_OP_END) {
        return 0;
    }
    uint64_t gas = m->costs.cost[kn_gas_of(insn->op)];
    if (m->config.steps_max && m->steps >= m->config.steps_max) {
        return kn_stop(m, KOKEN_CODE_MAX_STEPS_EXCEEDED, KOKEN_NO_REGISTER,
                       "Effect execution failed: more than %llu steps",
                       (unsigned long long)m->config.steps_max);
    }
    if ((uint64_t)*left < gas) {
        uint64_t need = gas - (uint64_t)*left;
        if (m->gas_left < need) {
            return kn_stop(m, KOKEN_CODE_OUT_OF_GAS, KOKEN_NO_REGISTER,
                           "Effect execution failed: out of gas: required %llu, available %llu",
                           (unsigned long long)gas,
                           (unsigned long long)((uint64_t)*left + m->gas_left));
        }
        m->gas_left -= need;
        *left += (int64_t)need;
    }
    *left -= (int64_t)gas;
    m->steps++;
    if (m->config.trace) {
        char text[64] = "";
        struct kn_out out = {text, sizeof text, 0};
        kn_out_insn(&out, m->program, pc);
        const struct koken_machine_step step = {.step = m->steps - 1,
                                                .pc = pc,
                                                .depth = m->depth,
                                                .gas_left = m->gas_left + (uint64_t)*left,
                                                .text = text};
        m->config.trace(m->config.trace_arg, &step);
    }
    return 0;
}

/*
 * A block costs more than is left of the slice. 0: its gas is there now. 1: instructions are counted one by one
 * from here. -EAGAIN: the slice is over.
 */
static int pay(struct koken_machine *m, uint32_t pc, uint64_t gas, uint64_t slice, int64_t *left)
{
    KN_ASSERT(*left >= 0 && !m->is_exact);
    uint64_t steps = 0;
    m->pc = pc;
    m->gas_left += (uint64_t)*left;
    *left = 0;
    if (slice && m->is_entered && m->gas_left >= gas) {
        return -EAGAIN;
    }
    if (m->gas_left >= gas) {
        uint64_t grant = m->gas_left < INT64_MAX ? m->gas_left : INT64_MAX;
        m->gas_left -= grant;
        *left = (int64_t)grant;
        return 0;
    }
    rest_of_calls(m, &m->gas_left, &steps);
    m->steps -= steps;
    m->is_exact = true;
    return 1;
}

/*
 * Functions that a function applies cost more than what is left. What the blocks under way have paid for later is there
 * for them, too: they give it back, and from here instructions are counted one by one.
 */
int kn_gas_extra_exact(struct koken_machine *m)
{
    KN_ASSERT(m->depth > 0 && m->gas_extra > m->gas_extra_most);
    if (!m->is_exact) {
        /* The instruction's own block, too: it is a call under way, or returns and ends its block. */
        uint64_t gas = 0, steps = 0;
        rest_of_calls(m, &gas, &steps);
        m->gas_left += gas;
        m->gas_extra_most += gas;
        m->steps -= steps;
        m->is_exact = true;
    }
    return m->gas_extra <= m->gas_extra_most ? 0
                                             : kn_stop(m, KOKEN_CODE_OUT_OF_GAS, KOKEN_NO_REGISTER,
                                                       "Effect execution failed: out of gas");
}

/* What kn_gas_extra() has let pass. */
static void pay_extra(struct koken_machine *m, int64_t *left)
{
    KN_ASSERT(*left >= 0 && m->gas_extra <= (uint64_t)*left + m->gas_left);
    uint64_t extra = m->gas_extra;
    m->gas_extra = 0;
    if (kn_likely((uint64_t)*left >= extra)) {
        *left -= (int64_t)extra;
        return;
    }
    m->gas_left -= extra - (uint64_t)*left;
    *left = 0;
}

/* A run stops in an instruction: gives back what was paid for those after it. */
static void settle_gas(struct koken_machine *m, int64_t left)
{
    KN_ASSERT(left >= 0 && m->pc <= m->program->code_count);
    uint64_t gas = (uint64_t)left, steps = 0;
    if (!m->is_exact) {
        rest_of_block(m->program, m->pc, &gas, &steps);
        rest_of_calls(m, &gas, &steps);
    }
    m->gas_left += gas;
    m->steps -= steps;
}

/* The value that a program ends with. In a session what is returned stays where it is. */
static int finish(struct koken_machine *m, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_END || insn->op == KN_OP_RETURN);
    KN_ASSERT(m->depth <= KN_CALLS_MAX);
    uint32_t reg = insn->op == KN_OP_END ? 0 : insn->a;
    struct koken_value *window = m->registers + m->base, value = koken_value_unit();
    int rc = 0;
    if (insn->op == KN_OP_RETURN && reg != KOKEN_NO_REGISTER) {
        struct koken_value before = window[reg];
        rc = kn_read(m, window, reg, &value);
        if (rc == 0 && m->depth == 0 && m->config.keeps_state) {
            window[reg] = before;
        }
    } else if (insn->op == KN_OP_END && m->depth == 0 && window[0].state == KOKEN_REGISTER_LIVE) {
        value = window[0];
        if (!m->config.keeps_state) {
            kn_use_up(&window[0]);
        }
    }
    if (rc == 0 && m->depth == 0) {
        m->value = value;
        return 1;
    }
    return rc < 0 ? rc : kn_return(m, value);
}

/*
 * The simple instructions, each a label of kn_exec: what cannot be done at once is left to `other`. They are
 * macros because labels have addresses in their own function only, which would be three times as long.
 */
#define NEXT goto *table[(++ip)->op]
#define GO goto *table[ip->op]
#define DO_MOVE                                                                                    \
    {                                                                                              \
        struct koken_value *x = &w[ip->a], *z = &w[ip->b];                                         \
        uint64_t head = kn_head(x), data = x->data;                                                \
        if (kn_unlikely((uint8_t)(head >> 8) != KOKEN_REGISTER_LIVE || kn_is_owed(*z))) {          \
            goto other;                                                                            \
        }                                                                                          \
        kn_use_up(x);                                                                              \
        head = kn_head_used(head);                                                                 \
        memcpy(z, &head, sizeof head);                                                             \
        z->data = data;                                                                            \
        NEXT;                                                                                      \
    }
#define DO_CONST                                                                                   \
    {                                                                                              \
        struct koken_value *z = &w[ip->a];                                                         \
        if (kn_unlikely(ip->b == 0 || kn_is_owed(*z))) {                                           \
            goto other;                                                                            \
        }                                                                                          \
        *z = (struct koken_value){                                                                 \
            .tag = (uint8_t)ip->b, .state = KOKEN_REGISTER_LIVE, .kind = ip->kind, .data = ip->d}; \
        NEXT;                                                                                      \
    }
#define DO_SIMPLE(result, fits, ret_tag)                                                           \
    {                                                                                              \
        struct koken_value *x = &w[ip->a], *y = &w[ip->b], *z = &w[ip->c];                         \
        uint64_t p = x->data, q = y->data, r = (result);                                           \
        if (kn_unlikely(x->state != KOKEN_REGISTER_LIVE || y->state != KOKEN_REGISTER_LIVE ||      \
                        x == y || x->tag != KOKEN_VALUE_INT || y->tag != KOKEN_VALUE_INT ||        \
                        !(fits))) {                                                                \
            goto other;                                                                            \
        }                                                                                          \
        kn_use_up(x);                                                                              \
        kn_use_up(y);                                                                              \
        if (kn_unlikely(kn_is_owed(*z))) { /* the operands are used up: it cannot be done again */ \
            m->pc = (uint32_t)(ip - code);                                                         \
            rc = kn_write(m, w, ip->c, koken_value_unit());                                        \
            goto stop;                                                                             \
        }                                                                                          \
        kn_set(z, (ret_tag), ip->kind, r);                                                         \
        NEXT;                                                                                      \
    }
#define DO_MATCH                                                                                   \
    {                                                                                              \
        struct koken_value *x = &w[ip->a], *z = &w[x->data ? ip->b : ip->c];                       \
        bool is_left = x->data != 0;                                                               \
        if (kn_unlikely(x->tag != KOKEN_VALUE_BOOL || x->state != KOKEN_REGISTER_LIVE ||           \
                        kn_is_owed(*z))) {                                                         \
            goto other;                                                                            \
        }                                                                                          \
        kn_use_up(x);                                                                              \
        kn_set(z, KOKEN_VALUE_UNIT, KOKEN_KIND_AFFINE, 0);                                         \
        ip = code + (is_left ? ip->d : ip->e);                                                     \
        GO;                                                                                        \
    }
/* What comes next after an instruction that may have gone elsewhere, and may have applied functions. */
#define GO_ON                                                                                      \
    do {                                                                                           \
        if (kn_unlikely(m->gas_extra)) {                                                           \
            pay_extra(m, &left);                                                                   \
            table = m->is_exact ? by_one : by_block;                                               \
        }                                                                                          \
        w = m->registers + m->base;                                                                \
        ip = code + m->pc;                                                                         \
        GO;                                                                                        \
    } while (0)
#define DO_END                                                                                     \
    {                                                                                              \
        m->pc = (uint32_t)(ip - code);                                                             \
        m->gas_extra_most = (uint64_t)left + m->gas_left;                                          \
        rc = finish(m, ip);                                                                        \
        if (rc != 0) {                                                                             \
            goto stop;                                                                             \
        }                                                                                          \
        GO_ON;                                                                                     \
    }
/* By a function. */
#define DO_OTHER                                                                                   \
    {                                                                                              \
        m->pc = (uint32_t)(ip - code);                                                             \
        m->gas_extra_most = (uint64_t)left + m->gas_left;                                          \
        rc = kn_ways[ip->op](m, ip);                                                               \
        if (kn_unlikely(rc < 0)) {                                                                 \
            goto stop;                                                                             \
        }                                                                                          \
        m->pc += !kn_op_jumps(ip->op);                                                             \
        GO_ON;                                                                                     \
    }

/* What a slice may use; the first block is paid here, later ones in their labels. */
static int64_t begin_slice(struct koken_machine *m, uint64_t slice)
{
    KN_ASSERT(m->program && m->pc <= m->program->code_count);
    const struct koken_program *program = m->program;
    const struct kn_insn *insn = &program->code[m->pc];
    uint64_t block = !m->is_entered ? program->first_gas : insn->op == KN_OP_LABEL ? insn->d : 0;
    uint64_t most = slice > block ? slice : block; /* so that it goes on */
    uint64_t grant = slice && most < m->gas_left ? most : m->gas_left;
    int64_t left = (int64_t)(grant < INT64_MAX ? grant : INT64_MAX);
    m->gas_left -= (uint64_t)left;
    if (!m->is_entered && !m->is_exact && left < (int64_t)program->first_gas) {
        int rc = pay(m, 0, program->first_gas, 0, &left);
        KN_ASSERT(rc == 1); /* all that there is was granted */
        (void)rc;
    }
    if (!m->is_entered && !m->is_exact) {
        left -= program->first_gas;
        m->steps += program->first_steps;
    }
    m->is_entered = true;
    return left;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* labels as values: what this file is about */
int kn_exec(struct koken_machine *m, uint64_t slice)
{
#define BLOCK_(NAME, text, gas, operands) &&L_##NAME,
#define ONE_(NAME, text, gas, operands) &&one,
    static const void *const by_block[KN_OP_COUNT_] = {KN_OPS(BLOCK_)};
    static const void *const by_one[KN_OP_COUNT_] = {KN_OPS(ONE_)};
    const struct kn_insn *const code = m->program->code, *ip = code + m->pc;
    int64_t left = begin_slice(m, slice);
    struct koken_value *w = m->registers + m->base;
    const void *const *table = m->is_exact ? by_one : by_block;
    int rc = 0;
    GO;
one: /* counts it, then does it */
    rc = count_one(m, (uint32_t)(ip - code), &left);
    if (rc < 0) {
        goto stop;
    }
    if (ip->op != KN_OP_LABEL) {
        goto *by_block[ip->op];
    }
    if (slice && left == 0 && m->gas_left > 0) {
        m->pc = (uint32_t)(ip - code) + 1;
        return -EAGAIN;
    }
    NEXT;
L_LABEL:
    left -= ip->d;
    if (kn_likely(left >= 0)) {
        m->steps += ip->a;
        NEXT;
    }
    left += ip->d;
    rc = pay(m, (uint32_t)(ip - code), ip->d, slice, &left);
    if (rc == -EAGAIN) {
        return rc;
    }
    table = rc == 1 ? by_one : table;
    GO; /* once more, paid for or one by one */
L_JUMP:
    ip = code + ip->d;
    GO;
L_MOVE:
    DO_MOVE L_CONST : DO_CONST L_MATCH : DO_MATCH L_ADD
        : DO_SIMPLE(p + q, r <= UINT32_MAX, KOKEN_VALUE_INT) L_SUB
        : DO_SIMPLE(p - q, p >= q, KOKEN_VALUE_INT) L_LESS
        : DO_SIMPLE(p < q, true, KOKEN_VALUE_BOOL) L_RETURN : L_END : DO_END L_APPLY : L_ALLOC
        : L_CONSUME : L_CHECK : L_PERFORM : L_SELECT : L_WITNESS : L_TRANSFORM : L_ALLOC5
        : L_CONSUME5 : L_COMPOSE : L_TENSOR : L_MUL : L_DIV : L_EQUAL : L_SPLIT : L_CASE : other
        : DO_OTHER stop : settle_gas(m, left);
    return rc < 0 ? rc : 0;
}
#pragma GCC diagnostic pop
