/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register machine: programs as data. A program is checked when it is loaded and watched while it runs:
 * what is linear is used exactly once, gas is bounded, and a program that fails leaves nothing behind.
 *
 *     struct koken_program *program;
 *     struct koken_machine *machine;
 *     struct koken_machine_result result;
 *     static const char text[] = "witness r0\n move r0, r1\n return r1\n";
 *     int rc = koken_program_assemble(text, strlen(text), &program, NULL);
 *     rc = rc < 0 ? rc : koken_machine_new(NULL, &machine);
 *     rc = rc < 0 ? rc : koken_machine_run(machine, program, &result);
 *     ... result.value.data == 42 ...
 *
 * A program does not change and may be run by any number of machines at the same time; a machine belongs to
 * one thread or agent at a time. executors/machine/DESIGN.md has the instructions and what each of them checks.
 */
#ifndef KOKEN_MACHINE_H
#define KOKEN_MACHINE_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_program; /* checked code; opaque, counted */
struct koken_machine; /* registers, heap, and what has happened so far; opaque */
struct koken_ledger;  /* what is used up or has moved, for many machines (koken/parcel.h) */

/* What a value is. */
enum koken_value_tag {
    KOKEN_VALUE_NONE, /* nothing: a register that was never written */
    KOKEN_VALUE_UNIT,
    KOKEN_VALUE_BOOL,
    KOKEN_VALUE_INT,      /* 32 bits without a sign; arithmetic that leaves them is an error */
    KOKEN_VALUE_SYMBOL,   /* a text */
    KOKEN_VALUE_PRODUCT,  /* a pair */
    KOKEN_VALUE_TENSOR,   /* a pair, of ISA-5 */
    KOKEN_VALUE_SUM,      /* a value under a tag: inl, inr, left, right, or another */
    KOKEN_VALUE_REF,      /* names a linear resource, with its generation */
    KOKEN_VALUE_TYPE,     /* what ALLOC wants */
    KOKEN_VALUE_BUILTIN,  /* a function of the machine */
    KOKEN_VALUE_PARTIAL,  /* one of two arguments has been given */
    KOKEN_VALUE_FUNCTION, /* a label of the program, with parameters */
    KOKEN_VALUE_COMPOSED, /* one function after another */
    KOKEN_VALUE_EFFECT,   /* what PERFORM answers */
    KOKEN_VALUE_CHANNEL,  /* one end of a channel, at a place of its protocol */
    KOKEN_VALUE_TAG_COUNT_
};

/* How often a value may be used: two facts about it. */
enum koken_value_kind {
    KOKEN_KIND_AFFINE = 0,       /* at most once: the default */
    KOKEN_KIND_UNRESTRICTED = 1, /* as often as you like */
    KOKEN_KIND_LINEAR = 2,       /* exactly once */
    KOKEN_KIND_RELEVANT = 3,     /* at least once */
};

/* What a register holds. */
enum koken_value_state { KOKEN_REGISTER_ABSENT, KOKEN_REGISTER_LIVE, KOKEN_REGISTER_CONSUMED };

/* struct koken_value is a value; texts and pairs lie in the machine that made it. */
struct koken_value {
    uint8_t tag;   /* enum koken_value_tag */
    uint8_t state; /* enum koken_value_state, in registers */
    uint8_t kind;  /* enum koken_value_kind */
    uint8_t spare;
    uint32_t aux;  /* by tag: generation, symbol of a sum's tag, type, stamp of a program */
    uint64_t data; /* by tag: the number, or where the rest lies */
};

/* koken_value_unit, koken_value_bool and koken_value_int make values that lie nowhere. */
struct koken_value koken_value_unit(void);
struct koken_value koken_value_bool(bool truth);
struct koken_value koken_value_int(uint32_t number);

/* What went wrong: X(NAME, spelling, class, errno). */
#define KOKEN_MACHINE_CODES(X)                                                                     \
    X(FINE, "Fine", NONE, 0)                                                                       \
    X(REGISTER_NOT_FOUND, "RegisterNotFound", REGISTER, EINVAL)                                    \
    X(REGISTER_CONSUMED, "RegisterAlreadyConsumed", LINEARITY, EPERM)                              \
    X(BRANCHES_DISAGREE, "RegisterMayBeConsumed", LINEARITY, EPERM)                                \
    X(OVERWRITE_LIVE, "OverwriteOfLiveLinear", LINEARITY, EPERM)                                   \
    X(NOT_CONSUMED, "NotConsumed", LINEARITY, EPERM)                                               \
    X(CANNOT_COPY, "CannotCopy", LINEARITY, EPERM)                                                 \
    X(RESOURCE_CONSUMED, "ResourceAlreadyConsumed", LINEARITY, EPERM)                              \
    X(NOT_A_RESOURCE, "NotAResource", TYPE, EPROTO)                                                \
    X(NOT_A_FUNCTION, "NotAFunction", TYPE, EPROTO)                                                \
    X(NOT_A_SUM, "NotASum", TYPE, EPROTO)                                                          \
    X(NOT_A_BOOLEAN, "NotABoolean", TYPE, EPROTO)                                                  \
    X(NOT_A_TYPE, "NotAType", TYPE, EPROTO)                                                        \
    X(TYPE_MISMATCH, "TypeMismatch", TYPE, EPROTO)                                                 \
    X(ARITY_MISMATCH, "ArityMismatch", TYPE, EPROTO)                                               \
    X(INVALID_SUM_TAG, "InvalidSumTag", TYPE, EPROTO)                                              \
    X(UNKNOWN_BUILTIN, "UnknownBuiltin", MACHINE, EPROTO)                                          \
    X(LABEL_NOT_FOUND, "LabelNotFound", MACHINE, EINVAL)                                           \
    X(DUPLICATE_LABEL, "DuplicateLabel", MACHINE, EINVAL)                                          \
    X(CALL_STACK_OVERFLOW, "CallStackOverflow", MACHINE, EOVERFLOW)                                \
    X(PROGRAM_TOO_LARGE, "ProgramTooLarge", MACHINE, E2BIG)                                        \
    X(INVALID_INSTRUCTION, "InvalidInstruction", MACHINE, EINVAL)                                  \
    X(NOT_IMPLEMENTED, "NotImplemented", MACHINE, ENOTSUP)                                         \
    X(CONSTRAINT_VIOLATION, "ConstraintViolation", EXECUTION, EPROTO)                              \
    X(PRECONDITION_FAILED, "EffectPreconditionFailed", EXECUTION, EPROTO)                          \
    X(NO_WITNESS_PROVIDER, "NoWitnessProvider", EXECUTION, EPROTO)                                 \
    X(INTEGER_OVERFLOW, "IntegerOverflow", EXECUTION, EPROTO)                                      \
    X(DIVISION_BY_ZERO, "DivisionByZero", EXECUTION, EPROTO)                                       \
    X(MAX_STEPS_EXCEEDED, "MaxStepsExceeded", EXECUTION, EOVERFLOW)                                \
    X(OUT_OF_GAS, "OutOfGas", EXECUTION, EOVERFLOW)                                                \
    X(CANCELLED, "Cancelled", EXECUTION, ECANCELED)                                                \
    X(SESSION_EXPIRED, "SessionExpired", EXECUTION, ETIMEDOUT)                                     \
    X(RESOURCE_LIMIT, "ResourceLimitExceeded", MEMORY, ENOMEM)                                     \
    X(NO_MEMORY, "OutOfMemory", MEMORY, ENOMEM)                                                    \
    X(SYNTAX, "SyntaxError", MACHINE, EINVAL)                                                      \
    X(BAD_BYTES, "BadBytes", MACHINE, EINVAL)                                                      \
    X(DEADLINE, "DeadlineExceeded", EXECUTION, ETIMEDOUT)                                          \
    X(REFUSED, "Refused", EXECUTION, EAGAIN)                                                       \
    X(PROTOCOL_VIOLATION, "ProtocolViolation", TYPE, EPROTO)                                       \
    X(CHANNEL_EMPTY, "ChannelEmpty", EXECUTION, EPROTO)

enum koken_machine_code {
#define KOKEN_CODE_(NAME, text, class, error) KOKEN_CODE_##NAME,
    KOKEN_MACHINE_CODES(KOKEN_CODE_) KOKEN_CODE_COUNT_
#undef KOKEN_CODE_
};

/* The kinds of errors of document 000, which the codes belong to. */
enum koken_machine_class {
    KOKEN_CLASS_NONE,
    KOKEN_CLASS_EXECUTION, /* ExecutionFailed */
    KOKEN_CLASS_LINEARITY, /* LinearityViolation */
    KOKEN_CLASS_TYPE,      /* TypeMismatch */
    KOKEN_CLASS_REGISTER,  /* RegisterError */
    KOKEN_CLASS_MEMORY,    /* MemoryError */
    KOKEN_CLASS_MACHINE,   /* MachineError */
    KOKEN_CLASS_COUNT_
};

enum { KOKEN_ERROR_PATH = 8, KOKEN_NO_REGISTER = 0xffff };

/* struct koken_machine_error says what went wrong, and where. Zero: nothing did. */
struct koken_machine_error {
    enum koken_machine_code code;
    uint32_t pc;                     /* the instruction's number; of a syntax error, the line */
    uint32_t reg;                    /* KOKEN_NO_REGISTER: none */
    uint32_t depth;                  /* calls that it happened in */
    uint32_t path[KOKEN_ERROR_PATH]; /* where these calls were made, the innermost first */
    char instruction[64];
    char text[160];
};

/* koken_machine_code_name is the code's spelling; koken_machine_class_of its class, with a name. */
const char *koken_machine_code_name(enum koken_machine_code code);
enum koken_machine_class koken_machine_class_of(enum koken_machine_code code);
const char *koken_machine_class_name(enum koken_machine_class class_of);

/* ---- programs ---- */

/*
 * koken_program_assemble makes a program of its text. ret_error, which may be NULL, is written on failure.
 * Errors: -EINVAL the text is wrong; -EPROTO a builtin that nobody knows; -E2BIG; -ENOMEM.
 */
KOKEN_MUST_USE int koken_program_assemble(const char *text, size_t size,
                                          struct koken_program **ret_program,
                                          struct koken_machine_error *ret_error);

/*
 * koken_program_encode writes a program's bytes as far as there is room, and answers how many they are.
 * koken_program_decode makes a program of bytes that nobody vouches for; equal programs have equal bytes, and
 * others are refused. Errors: -EINVAL these are no program; -E2BIG, -ENOMEM.
 */
size_t koken_program_encode(const struct koken_program *program, void *bytes, size_t room);
KOKEN_MUST_USE int koken_program_decode(const void *bytes, size_t size,
                                        struct koken_program **ret_program,
                                        struct koken_machine_error *ret_error);

/* koken_program_ref takes another reference; koken_program_free gives one back. Thread: any. */
struct koken_program *koken_program_ref(struct koken_program *program);
void koken_program_free(struct koken_program *take_program);

/*
 * koken_program_print writes a program's text, ended by a zero, as far as there is room, and answers how
 * long it is. What it writes is assembled to an equal program.
 */
size_t koken_program_print(const struct koken_program *program, char *text, size_t room);

/* koken_program_count is the number of instructions. */
uint32_t koken_program_count(const struct koken_program *program);

/* koken_program_cost is the gas of all its instructions, each done once. */
uint64_t koken_program_cost(const struct koken_program *program);

/*
 * koken_program_check is the static check, from empty registers: on every way through the program each register
 * that is read is live, and no end of a channel takes a step that its protocol, as far as the text says it, does not
 * have. Machines do it before they begin, once per program; those that keep their state from the registers they have.
 * Errors: -EPERM, -EINVAL, -EPROTO, -ENOMEM.
 */
KOKEN_MUST_USE int koken_program_check(const struct koken_program *program,
                                       struct koken_machine_error *ret_error);

/* ---- machines ---- */

/* What must be used up when a program ends. */
enum koken_end_check {
    KOKEN_END_RESOURCES, /* resources; those in registers of a machine that keeps its state may stay */
    KOKEN_END_STRICT,    /* and values of linear or relevant kind */
    KOKEN_END_OFF,
};

/* What a program is about to do; for koken_machine_config.trace. */
struct koken_machine_step {
    uint64_t step; /* 0, 1, 2, ... */
    uint32_t pc;
    uint32_t depth;    /* of calls */
    uint64_t gas_left; /* after this instruction */
    const char *text;  /* the instruction */
};

/* What costs gas: each kind of instruction, by the set that it is of; arithmetic has one cost. */
enum koken_gas {
    KOKEN_GAS_MOVE,
    KOKEN_GAS_APPLY,
    KOKEN_GAS_MATCH,
    KOKEN_GAS_ALLOC,
    KOKEN_GAS_CONSUME,
    KOKEN_GAS_CHECK,
    KOKEN_GAS_PERFORM,
    KOKEN_GAS_SELECT,
    KOKEN_GAS_WITNESS,
    KOKEN_GAS_LABEL,
    KOKEN_GAS_RETURN,
    KOKEN_GAS_TRANSFORM, /* the second set: and each function that a composed one applies */
    KOKEN_GAS_ALLOC5,
    KOKEN_GAS_CONSUME5,
    KOKEN_GAS_COMPOSE,
    KOKEN_GAS_TENSOR,
    KOKEN_GAS_CONST, /* the core: */
    KOKEN_GAS_JUMP,
    KOKEN_GAS_SPLIT,
    KOKEN_GAS_ARITHMETIC,
    KOKEN_GAS_COUNT_
};

struct koken_gas_table {
    uint32_t cost[KOKEN_GAS_COUNT_];
};

/*
 * koken_gas_standard is the table that machines have; koken_program_cost_by is koken_program_cost by another one.
 */
void koken_gas_standard(struct koken_gas_table *ret_table);
uint64_t koken_program_cost_by(const struct koken_program *program,
                               const struct koken_gas_table *table);

/* How a machine works. Zero is the default of every member. */
struct koken_machine_config {
    size_t struct_size; /* sizeof(struct koken_machine_config), or 0 */
    uint64_t gas;       /* of each run; 0: 1 000 000 */
    uint64_t steps_max; /* of each run; 0: gas is bound enough. Bounded runs are slower */
    uint32_t cells_max; /* pairs, sums and the like that a run may make; 0: 65536 */
    bool keeps_state;   /* registers and resources stay from run to run: a session */
    bool is_strict;     /* WITNESS without a provider is an error; else it is 42 */
    bool no_static;     /* do not check a run before it begins */
    enum koken_end_check end_check;
    uint64_t ttl_ns; /* a session expires so long after its last run; 0: never */
    uint64_t origin; /* makes ids of resources differ from those of other machines */
    uint8_t key[32]; /* the owner's, for nullifiers */
    /* Costs of its own; read by the call only. NULL: the standard ones. Runs count one by one then, and are slower. */
    const struct koken_gas_table *gas_table;
    struct koken_ledger *ledger; /* shared with others; NULL: none. The machine takes a reference */
    /* Gives a value to WITNESS: 0, or a negative errno. It may make values with the machine. NULL: none. */
    int (*witness)(void *arg, struct koken_machine *machine, uint32_t reg,
                   struct koken_value *ret_value);
    void *witness_arg;
    /* Told of each instruction before it is done. NULL: nobody is, and runs are faster. */
    void (*trace)(void *arg, const struct koken_machine_step *step);
    void *trace_arg;
};

/* What a run came to. */
struct koken_machine_result {
    struct koken_value value; /* what it returned */
    uint64_t gas_used;
    uint64_t steps; /* instructions done */
    uint32_t resources_made, resources_consumed;
    uint32_t effects, constraints; /* performed; checked */
    struct koken_machine_error error;
};

/* koken_machine_new makes a machine. config may be NULL. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_machine_new(const struct koken_machine_config *config,
                                     struct koken_machine **ret_machine);
void koken_machine_free(struct koken_machine *take_machine);

/*
 * koken_machine_run runs a program to its end. On failure the machine is as it was before, result->error says
 * why, and the answer is the code's errno. *ret_result is always written; its value is good until the next
 * run. Cost: after the load about 2 to 4 ns for a simple instruction.
 */
KOKEN_MUST_USE int koken_machine_run(struct koken_machine *machine, struct koken_program *program,
                                     struct koken_machine_result *ret_result);

/*
 * koken_machine_begin and koken_machine_go run a program in slices: go answers -EAGAIN when it has used about
 * slice_gas and is not at its end, and otherwise as koken_machine_run. koken_machine_abort ends it early, as
 * if it had failed. Errors of begin: -EBUSY one is under way; those of a run that fails before it begins.
 */
KOKEN_MUST_USE int koken_machine_begin(struct koken_machine *machine, struct koken_program *program,
                                       struct koken_machine_result *ret_result);
KOKEN_MUST_USE int koken_machine_go(struct koken_machine *machine, uint64_t slice_gas,
                                    struct koken_machine_result *ret_result);
void koken_machine_abort(struct koken_machine *machine, struct koken_machine_result *ret_result);

/* koken_machine_register is what a register of the main window holds; KOKEN_VALUE_NONE: nothing. */
struct koken_value koken_machine_register(const struct koken_machine *machine, uint32_t reg);

/*
 * koken_machine_put sets a register of a machine that keeps its state (others forget it). Errors: -EINVAL,
 * -ENOMEM; -EPERM it holds something that must be used.
 */
KOKEN_MUST_USE int koken_machine_put(struct koken_machine *machine, uint32_t reg,
                                     struct koken_value value);

/* koken_machine_symbol, _pair and _sum make values in a machine, for witnesses. Errors: -ENOMEM, -E2BIG. */
KOKEN_MUST_USE int koken_machine_symbol(struct koken_machine *machine, const char *text,
                                        struct koken_value *ret_value);
KOKEN_MUST_USE int koken_machine_pair(struct koken_machine *machine, enum koken_value_tag tag,
                                      struct koken_value first, struct koken_value second,
                                      struct koken_value *ret_value);
KOKEN_MUST_USE int koken_machine_sum(struct koken_machine *machine, const char *tag,
                                     struct koken_value inner, struct koken_value *ret_value);

/* koken_machine_first and _second look into a pair, a sum or a partial value; NONE if there is nothing. */
struct koken_value koken_machine_first(const struct koken_machine *machine,
                                       struct koken_value pair);
struct koken_value koken_machine_second(const struct koken_machine *machine,
                                        struct koken_value pair);

/*
 * koken_machine_print writes a value's text, ended by a zero, as far as there is room, and answers how long
 * it is.
 */
size_t koken_machine_print(const struct koken_machine *machine, struct koken_value value,
                           char *text, size_t room);

/* koken_machine_effect is the tag of the i-th effect that runs have performed; NULL: there are fewer. */
const char *koken_machine_effect(const struct koken_machine *machine, uint32_t i);

/*
 * koken_machine_nullifier writes the nullifier of the i-th resource that was consumed, the same for every run
 * with the same key: who has seen it knows that the resource is used up, and nothing else about it.
 * Errors: -ESRCH there are fewer.
 */
KOKEN_MUST_USE int koken_machine_nullifier(const struct koken_machine *machine, uint32_t i,
                                           uint8_t ret_nullifier[32]);

/*
 * koken_machine_left writes the ids of resources that nobody has consumed, 32 bytes each, as far as there is
 * room, and answers how many there are: what to report when a session expires.
 */
uint32_t koken_machine_left(const struct koken_machine *machine, uint8_t (*ret_ids)[32],
                            uint32_t room);

/* koken_machine_channels is how many ends of channels are open between runs: in registers, or on their way. */
uint32_t koken_machine_channels(const struct koken_machine *machine);

/* koken_machine_touch makes a session young again; koken_machine_expires is when it will be over, 0: never. */
void koken_machine_touch(struct koken_machine *machine);
uint64_t koken_machine_expires(const struct koken_machine *machine);

/* koken_machine_reset forgets everything. Errors: -EBUSY a run is under way; -EPERM resources are left. */
KOKEN_MUST_USE int koken_machine_reset(struct koken_machine *machine);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
