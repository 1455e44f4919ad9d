/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code of the machine: instructions of 16 bytes, which are run as they are. One core has the instructions
 * of both sets; what differs is which operations a text may name, not how they are run.
 */
#ifndef KN_EXECUTORS_MACHINE_CODE_H
#define KN_EXECUTORS_MACHINE_CODE_H

#include "base/assert.h"
#include "base/atomic.h"

#include <koken/machine.h>

enum {
    KN_REGISTERS_MAX = 1024,
    KN_CODE_MAX = 10000,
    KN_CALLS_MAX = 256,
    KN_TABLE_MAX = 4096, /* symbols, constants, functions, conditions, effects: each */
    KN_NESTING_MAX = 64, /* of constants and conditions */
    KN_SYMBOL_MAX = 200, /* bytes */
    KN_PARAMS_MAX = 8,
};

/*
 * X(NAME, mnemonic, gas, operands): r register that is read and consumed, p one that is only looked at, w one
 * that is written, l label, m second label, k constant, c condition, e effect, n a label's own name, s a symbol (in
 * c), o an optional register that is read. Operands fill a, b, c, d in their order.
 */
#define KN_OPS(X)                                                                                  \
    X(MOVE, "move", 1, "rw")                                                                       \
    X(APPLY, "apply", 10, "rrw")                                                                   \
    X(MATCH, "match", 5, "rwwlm")                                                                  \
    X(ALLOC, "alloc", 20, "prw")                                                                   \
    X(CONSUME, "consume", 10, "rw")                                                                \
    X(CHECK, "check", 5, "c")                                                                      \
    X(PERFORM, "perform", 50, "ew")                                                                \
    X(SELECT, "select", 3, "rrrw")                                                                 \
    X(WITNESS, "witness", 100, "w")                                                                \
    X(LABEL, "label", 0, "n")                                                                      \
    X(RETURN, "return", 1, "o")                                                                    \
    X(TRANSFORM, "transform", 3, "prw")                                                            \
    X(ALLOC5, "alloc", 5, "prw")                                                                   \
    X(CONSUME5, "consume", 2, "rw")                                                                \
    X(COMPOSE, "compose", 1, "ppw")                                                                \
    X(TENSOR, "tensor", 2, "rrw")                                                                  \
    X(CONST, "const", 1, "wk")                                                                     \
    X(JUMP, "jump", 1, "l")                                                                        \
    X(ADD, "add", 1, "rrw")                                                                        \
    X(SUB, "sub", 1, "rrw")                                                                        \
    X(MUL, "mul", 1, "rrw")                                                                        \
    X(DIV, "div", 1, "rrw")                                                                        \
    X(LESS, "less", 1, "rrw")                                                                      \
    X(EQUAL, "equal", 1, "rrw")                                                                    \
    X(SPLIT, "split", 1, "rww")                                                                    \
    X(CASE, "case", 5, "rwslm")                                                                    \
    X(END, "end", 0, "")

enum kn_op {
#define KN_OP_(NAME, text, gas, operands) KN_OP_##NAME,
    KN_OPS(KN_OP_) KN_OP_COUNT_
#undef KN_OP_
};

/* X(NAME, spelling, arguments) */
#define KN_BUILTINS(X)                                                                             \
    X(IDENTITY, "identity", 1)                                                                     \
    X(NOT, "not", 1)                                                                               \
    X(INCREMENT, "increment", 1)                                                                   \
    X(INL, "inl", 1)                                                                               \
    X(INR, "inr", 1)                                                                               \
    X(PAIR, "pair", 2)                                                                             \
    X(ADD, "add", 2)                                                                               \
    X(SUB, "sub", 2)                                                                               \
    X(MUL, "mul", 2)                                                                               \
    X(DIV, "div", 2)                                                                               \
    X(LESS, "less", 2)                                                                             \
    X(EQUAL, "equal", 2)                                                                           \
    X(SEND, "send", 2)                                                                             \
    X(CHOOSE, "choose", 2)                                                                         \
    X(RECEIVE, "receive", 1)                                                                       \
    X(OFFER, "offer", 1)

enum kn_builtin {
#define KN_BUILTIN_(NAME, text, count) KN_BUILTIN_##NAME,
    KN_BUILTINS(KN_BUILTIN_) KN_BUILTIN_COUNT_
#undef KN_BUILTIN_
};

/*
 * Types, as values, with as many parts as they have. Those from SEND on are protocols, of one end of a channel: what
 * it does first, and how it goes on. AGAIN is the innermost REC, OUTER(AGAIN) the one around that, and so on.
 *
 * Choices of names are lists: the first part is a sum (the name, and in it how it goes on), the second one the other
 * choices, or UNIT. In a text they are written as CHOOSE and OFFER are.
 */
#define KN_TYPES(X)                                                                                \
    X(UNIT, "unit", 0)                                                                             \
    X(BOOL, "bool", 0)                                                                             \
    X(INT, "int", 0)                                                                               \
    X(SYMBOL, "symbol", 0)                                                                         \
    X(RESOURCE, "resource", 0)                                                                     \
    X(ANY, "any", 0)                                                                               \
    X(PRODUCT, "product", 2)                                                                       \
    X(SUM, "sum", 2)                                                                               \
    X(FUNCTION, "function", 2)                                                                     \
    X(SEND, "send", 2)                                                                             \
    X(RECEIVE, "receive", 2)                                                                       \
    X(CHOOSE, "choose", 2)                                                                         \
    X(OFFER, "offer", 2)                                                                           \
    X(FINISH, "end", 0)                                                                            \
    X(REC, "rec", 1)                                                                               \
    X(OUTER, "outer", 1)                                                                           \
    X(AGAIN, "again", 0)                                                                           \
    X(CHOOSE_OF, "choose", 2)                                                                      \
    X(OFFER_OF, "offer", 2)

enum kn_type {
#define KN_TYPE_(NAME, text, parts) KN_TYPE_##NAME,
    KN_TYPES(KN_TYPE_) KN_TYPE_COUNT_
#undef KN_TYPE_
};

static inline bool kn_type_is_list(uint32_t type)
{
    return type == KN_TYPE_CHOOSE_OF || type == KN_TYPE_OFFER_OF;
}

/* Conditions: trees in one array, parts before the whole. */
#define KN_CONDITIONS(X)                                                                           \
    X(TRUE, "true", "")                                                                            \
    X(FALSE, "false", "")                                                                          \
    X(AND, "and", "xx")                                                                            \
    X(OR, "or", "xx")                                                                              \
    X(NOT, "not", "x")                                                                             \
    X(EQUAL, "equal", "rr")                                                                        \
    X(LESS, "less", "rr")                                                                          \
    X(GREATER, "greater", "rr")                                                                    \
    X(LESS_EQUAL, "less_equal", "rr")                                                              \
    X(GREATER_EQUAL, "greater_equal", "rr")                                                        \
    X(HAS_TYPE, "has_type", "rk")                                                                  \
    X(IS_CONSUMED, "is_consumed", "r")                                                             \
    X(HAS_CAPABILITY, "has_capability", "rs")                                                      \
    X(IS_OWNER, "is_owner", "rs")                                                                  \
    X(PREDICATE, "predicate", "s")

enum kn_condition_op {
#define KN_CONDITION_(NAME, text, parts) KN_CONDITION_##NAME,
    KN_CONDITIONS(KN_CONDITION_) KN_CONDITION_COUNT_
#undef KN_CONDITION_
};

/* An instruction. LABEL: a instructions and d gas to the end of its block. CONST of what lies nowhere: b its
 * tag, d its number; else b is 0 and d the constant. l and m are instruction numbers. */
struct kn_insn {
    uint8_t op;
    uint8_t kind; /* of what CONST, WITNESS and arithmetic write; else 0 */
    uint16_t a, b, c;
    uint32_t d; /* the fourth operand; a label; a constant, condition or effect */
    uint32_t e; /* the second label of MATCH and CASE; the name of LABEL */
};
_Static_assert(sizeof(struct kn_insn) == 16, "an instruction is 16 bytes");

/* A constant: parts lie before the whole. FUNCTION: a is the function. SYMBOL, BUILTIN, TYPE: a. */
struct kn_constant {
    uint8_t tag;
    uint8_t kind;
    uint16_t spare;
    uint32_t a, b; /* number, symbol or part; second part */
};

struct kn_function {
    uint32_t target; /* a LABEL */
    uint16_t param_count;
    uint16_t env; /* register of the caller that goes along; KOKEN_NO_REGISTER: none */
    uint16_t params[KN_PARAMS_MAX];
};

struct kn_condition {
    uint8_t op;
    uint8_t depth;
    uint16_t spare;
    uint32_t a, b; /* registers, parts, a constant, a symbol */
};

struct kn_effect {
    uint32_t tag; /* symbol */
    uint32_t pre, post;
    uint32_t hint; /* symbol + 1; 0: none */
};

struct kn_text {
    uint32_t start, len;
};

struct koken_program {
    kn_atomic(uint32_t) refs;
    kn_atomic(uint32_t) is_checked;  /* the static check has passed from empty registers */
    kn_atomic(uint32_t) is_followed; /* that of protocols has */
    uint32_t stamp; /* of its content: functions know their program by it; else 0 */
    uint32_t code_count, code_room;
    uint32_t text_size, text_room;
    uint32_t symbol_count, symbol_room;
    uint32_t constant_count, constant_room;
    uint32_t function_count, function_room;
    uint32_t condition_count, condition_room;
    uint32_t effect_count, effect_room;
    uint32_t label_count;
    uint32_t register_count;         /* the window's size */
    uint32_t first_gas, first_steps; /* of the block that begins the program */
    bool has_protocols;              /* a type that is one is among the constants */
    bool is_whole;                   /* code lies in `inside` */
    struct kn_insn *code;            /* one more than code_count: END */
    char *texts;
    struct kn_text *symbols;
    struct kn_constant *constants;
    struct kn_function *functions;
    struct kn_condition *conditions;
    struct kn_effect *effects;
    _Alignas(16) struct kn_insn inside[]; /* the code of a program that is whole */
};

extern const char *const kn_op_names[KN_OP_COUNT_];
extern const char *const kn_op_operands[KN_OP_COUNT_];
extern const uint8_t kn_op_gas[KN_OP_COUNT_];
extern const char *const kn_builtin_names[KN_BUILTIN_COUNT_];
extern const uint8_t kn_builtin_arguments[KN_BUILTIN_COUNT_];
extern const char *const kn_type_names[KN_TYPE_COUNT_];
extern const uint8_t kn_type_parts[KN_TYPE_COUNT_];
extern const char *const kn_condition_names[KN_CONDITION_COUNT_];
extern const char *const kn_condition_parts[KN_CONDITION_COUNT_];
extern const char *const kn_kind_names[4];

_Static_assert(KN_OP_COUNT_ <= 32, "a set of operations is a word");

/* Ends a basic block: what comes after is reached by a label only. */
static inline bool kn_op_ends_block(uint8_t op)
{
    KN_ASSERT(op < KN_OP_COUNT_);
    return (1u << KN_OP_JUMP | 1u << KN_OP_MATCH | 1u << KN_OP_RETURN | 1u << KN_OP_CASE |
            1u << KN_OP_END) >>
               op &
           1;
}

/* Says itself where the program goes on. */
static inline bool kn_op_jumps(uint8_t op)
{
    return op == KN_OP_APPLY || op == KN_OP_TRANSFORM || op == KN_OP_MATCH || op == KN_OP_CASE;
}

/* Says of what kind the value is that it writes. (CONST says so with its value.) */
static inline bool kn_op_has_kind(uint8_t op)
{
    return op == KN_OP_WITNESS || (op >= KN_OP_ADD && op <= KN_OP_EQUAL);
}

/* Whose cost an operation has. */
enum koken_gas kn_gas_of(uint8_t op);

/* The i-th operand of an instruction. */
static inline uint32_t kn_operand(const struct kn_insn *insn, unsigned i)
{
    return i == 0 ? insn->a : i == 1 ? insn->b : i == 2 ? insn->c : insn->d;
}

/* Makes an empty program; the adders answer the number of what they add, UINT32_MAX: no memory or too much. */
struct koken_program *kn_program_new(void);
uint32_t kn_program_symbol(struct koken_program *program, const char *text, size_t len);
uint32_t kn_program_constant(struct koken_program *program, struct kn_constant constant);
uint32_t kn_program_function(struct koken_program *program, struct kn_function function);
uint32_t kn_program_condition(struct koken_program *program, struct kn_condition condition);
uint32_t kn_program_effect(struct koken_program *program, struct kn_effect effect);
uint32_t kn_program_insn(struct koken_program *program, struct kn_insn insn);

/*
 * A program with the draft's tables, which are its own from now on, and with room for so many instructions and the
 * END after them, in one block. The draft lies anywhere, was set to zeros, and is no program by itself. NULL: there is
 * no memory, and the draft is as it was; kn_draft_free then frees its tables.
 */
struct koken_program *kn_program_whole(struct koken_program *draft, uint32_t count);
void kn_draft_free(struct koken_program *draft);

/*
 * Closes a program that was built, or decoded from bytes that nobody vouches for: every number in it is looked
 * at, and blocks are measured.
 */
KOKEN_MUST_USE int kn_program_seal(struct koken_program *program,
                                   struct koken_machine_error *ret_error);

/* The static check for a machine whose first `count` registers are as given; NULL: all are absent. */
KOKEN_MUST_USE int kn_program_flow(const struct koken_program *program,
                                   const struct koken_value *registers, uint32_t count,
                                   struct koken_machine_error *ret_error);

/* The static check of protocols (protocol_check.c): of what the text says alone, whatever the machine has. */
KOKEN_MUST_USE int kn_protocols_check(const struct koken_program *program,
                                      struct koken_machine_error *ret_error);

/* kn_protocols_check, done once. */
KOKEN_MUST_USE int kn_protocols_check_once(struct koken_program *program,
                                           struct koken_machine_error *ret_error);

/* koken_program_check, done once. */
KOKEN_MUST_USE int kn_program_check_once(struct koken_program *program,
                                         struct koken_machine_error *ret_error);

/* Says that a register which is read is not live: REGISTER_NOT_FOUND, REGISTER_CONSUMED, BRANCHES_DISAGREE. */
int kn_flow_not_live(struct koken_machine_error *error, const struct koken_program *program,
                     uint32_t pc, uint32_t reg, enum koken_machine_code code);

/* The text of a symbol, not ended by a zero. */
static inline const char *kn_program_text(const struct koken_program *program, uint32_t symbol,
                                          uint32_t *ret_len)
{
    KN_ASSERT(symbol < program->symbol_count);
    *ret_len = program->symbols[symbol].len;
    return program->texts + program->symbols[symbol].start;
}

/* Text into a bounded buffer; len counts what did not fit, too. */
struct kn_out {
    char *text;
    size_t room, len;
};
void kn_out(struct kn_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void kn_out_quoted(struct kn_out *out, const char *text, size_t len);
void kn_out_type(struct kn_out *out, const struct koken_program *program, uint32_t constant);
void kn_out_insn(struct kn_out *out, const struct koken_program *program, uint32_t pc);

/* Fills an error in: code, where, and what there is to say. Answers the code's errno. */
int kn_machine_fail(struct koken_machine_error *error, enum koken_machine_code code,
                    const struct koken_program *program, uint32_t pc, uint32_t reg,
                    const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
