/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The assembler. One instruction a line; `;` begins a comment; `name:` is a label; `.isa 5` says that alloc and
 * consume mean those of the second set from here on. executors/machine/DESIGN.md has the grammar.
 *
 * Labels may be used before they are defined: until the end of the text jumps, branches and functions hold the
 * label's name, then its place.
 */
#include "executors/machine/code.h"
#include "executors/machine/words.h"

#include <string.h>

/* ---- constants ---- */

static int read_constant(struct assembler *as, unsigned depth, struct kn_constant *ret_constant);

static int add_constant(struct assembler *as, struct kn_constant constant, uint32_t *ret_number)
{
    KN_ASSERT(constant.tag < KOKEN_VALUE_TAG_COUNT_ && constant.kind <= KOKEN_KIND_RELEVANT);
    *ret_number = kn_program_constant(as->program, constant);
    return *ret_number == UINT32_MAX ? full(as) : 0;
}

static int read_type(struct assembler *as, unsigned depth, struct kn_constant *ret_constant);

/* Two constants, one after the other, in brackets. */
static int read_pair(struct assembler *as, unsigned depth,
                     int (*read)(struct assembler *, unsigned, struct kn_constant *),
                     uint32_t ret_numbers[2])
{
    KN_ASSERT(depth < KN_NESTING_MAX);
    struct kn_constant parts[2] = {{0}, {0}};
    int rc = expect(as, '(');
    rc = rc < 0 ? rc : read(as, depth + 1, &parts[0]);
    rc = rc < 0 ? rc : expect(as, ',');
    rc = rc < 0 ? rc : read(as, depth + 1, &parts[1]);
    rc = rc < 0 ? rc : expect(as, ')');
    rc = rc < 0 ? rc : add_constant(as, parts[0], &ret_numbers[0]);
    return rc < 0 ? rc : add_constant(as, parts[1], &ret_numbers[1]);
}

/* Whether choices come now that have names: `(name:`. */
static bool is_named(const struct assembler *as)
{
    struct assembler ahead = *as;
    char word[WORD_MAX];
    if (!accept(&ahead, '(')) {
        return false;
    }
    if (accept(&ahead, '"')) {
        return true;
    }
    read_word(&ahead, word);
    return word[0] != '\0' && accept(&ahead, ':');
}

/* name: type, name: type, ... after the bracket or a comma, and the bracket at the end; a list from here on. */
static int read_choices(struct assembler *as, unsigned depth, uint32_t list,
                        struct kn_constant *ret_constant)
{
    KN_ASSERT(kn_type_is_list(list));
    struct kn_constant type = {0}, rest = {.tag = KOKEN_VALUE_TYPE, .a = KN_TYPE_UNIT};
    struct kn_constant entry = {.tag = KOKEN_VALUE_SUM};
    uint32_t first = 0, second;
    if (depth >= KN_NESTING_MAX) {
        return wrong(as, "nested too deep", "");
    }
    as->at++; /* the bracket, or the comma */
    int rc = read_symbol(as, &entry.a);
    rc = rc < 0 ? rc : expect(as, ':');
    rc = rc < 0 ? rc : read_type(as, depth + 1, &type);
    rc = rc < 0 ? rc : add_constant(as, type, &entry.b);
    skip_blanks(as);
    if (rc == 0 && as->at < as->end && *as->at == ',') {
        rc = read_choices(as, depth + 1, list, &rest);
    } else {
        rc = rc < 0 ? rc : expect(as, ')');
    }
    rc = rc < 0 ? rc : add_constant(as, entry, &first);
    rc = rc < 0 ? rc : add_constant(as, rest, &second);
    *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_TYPE, .a = list, .b = first};
    return rc;
}

static int read_type(struct assembler *as, unsigned depth, struct kn_constant *ret_constant)
{
    char word[WORD_MAX];
    uint32_t parts[2] = {0, 0};
    read_word(as, word);
    int type = find(kn_type_names, KN_TYPE_COUNT_, word), rc = 0;
    if (type < 0 || depth >= KN_NESTING_MAX) {
        return wrong(as, type < 0 ? "no type is called" : "nested too deep", word);
    }
    if ((type == KN_TYPE_CHOOSE || type == KN_TYPE_OFFER) && is_named(as)) {
        return read_choices(as, depth,
                            type == KN_TYPE_CHOOSE ? (uint32_t)KN_TYPE_CHOOSE_OF
                                                   : (uint32_t)KN_TYPE_OFFER_OF,
                            ret_constant);
    }
    if (kn_type_parts[type] > 1) {
        rc = read_pair(as, depth, read_type, parts);
    } else if (kn_type_parts[type]) {
        struct kn_constant part = {0};
        rc = expect(as, '(');
        rc = rc < 0 ? rc : read_type(as, depth + 1, &part);
        rc = rc < 0 ? rc : expect(as, ')');
        rc = rc < 0 ? rc : add_constant(as, part, &parts[0]);
    }
    *ret_constant =
        (struct kn_constant){.tag = KOKEN_VALUE_TYPE, .a = (uint32_t)type, .b = parts[0]};
    return rc;
}

/* fn label(r1, r2) with r3 */
static int read_function(struct assembler *as, struct kn_constant *ret_constant)
{
    struct kn_function function = {.env = KOKEN_NO_REGISTER};
    uint32_t reg;
    int rc = read_symbol(as, &function.target);
    rc = rc < 0 ? rc : expect(as, '(');
    while (rc == 0 && !accept(as, ')')) { /* ends: at the end of the line, or with an error */
        rc = function.param_count > 0 ? expect(as, ',') : 0;
        rc = rc < 0 ? rc : read_register(as, &reg);
        if (rc == 0 && function.param_count >= KN_PARAMS_MAX) {
            rc = wrong(as, "too many parameters", "");
        }
        if (rc == 0) {
            function.params[function.param_count++] = (uint16_t)reg;
        }
    }
    if (rc == 0 && accept_word(as, "with")) {
        rc = read_register(as, &reg);
        function.env = rc == 0 ? (uint16_t)reg : function.env;
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t number = kn_program_function(as->program, function);
    *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_FUNCTION, .a = number};
    return number == UINT32_MAX ? full(as) : 0;
}

static int read_sum(struct assembler *as, unsigned depth, const char *tag,
                    struct kn_constant *ret_constant)
{
    struct kn_constant inner;
    uint32_t symbol = 0, part = 0;
    int rc = expect(as, '(');
    if (rc == 0 && strcmp(tag, "sum") == 0) {
        rc = read_symbol(as, &symbol);
        rc = rc < 0 ? rc : expect(as, ',');
    } else if (rc == 0) {
        symbol = kn_program_symbol(as->program, tag, strlen(tag));
        rc = symbol == UINT32_MAX ? full(as) : 0;
    }
    rc = rc < 0 ? rc : read_constant(as, depth + 1, &inner);
    rc = rc < 0 ? rc : expect(as, ')');
    rc = rc < 0 ? rc : add_constant(as, inner, &part);
    *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_SUM, .a = symbol, .b = part};
    return rc;
}

static int read_named(struct assembler *as, unsigned depth, struct kn_constant *ret_constant)
{
    char word[WORD_MAX], name[WORD_MAX];
    uint32_t parts[2] = {0, 0};
    read_word(as, word);
    if (strcmp(word, "unit") == 0) {
        *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_UNIT};
        return 0;
    }
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_BOOL, .a = word[0] == 't'};
        return 0;
    }
    if (strcmp(word, "product") == 0 || strcmp(word, "tensor") == 0) {
        uint8_t tag = word[0] == 'p' ? KOKEN_VALUE_PRODUCT : KOKEN_VALUE_TENSOR;
        int rc = read_pair(as, depth, read_constant, parts);
        *ret_constant = (struct kn_constant){.tag = tag, .a = parts[0], .b = parts[1]};
        return rc;
    }
    if (strcmp(word, "inl") == 0 || strcmp(word, "inr") == 0 || strcmp(word, "sum") == 0) {
        return read_sum(as, depth, word, ret_constant);
    }
    if (strcmp(word, "type") == 0) {
        return read_type(as, depth, ret_constant);
    }
    if (strcmp(word, "fn") == 0) {
        return read_function(as, ret_constant);
    }
    if (strcmp(word, "builtin") != 0) {
        return wrong(as, "no value is called", word);
    }
    read_word(as, name);
    int builtin = find(kn_builtin_names, KN_BUILTIN_COUNT_, name);
    *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_BUILTIN, .a = (uint32_t)builtin};
    return builtin >= 0
               ? 0
               : kn_machine_fail(as->error, KOKEN_CODE_UNKNOWN_BUILTIN, NULL, as->line,
                                 KOKEN_NO_REGISTER, "Machine error: line %u: unknown builtin '%s'",
                                 as->line, name);
}

static int read_constant(struct assembler *as, unsigned depth, struct kn_constant *ret_constant)
{
    uint8_t kind = read_kind(as);
    int rc;
    skip_blanks(as);
    if (depth >= KN_NESTING_MAX) {
        return wrong(as, "nested too deep", "");
    }
    if (as->at < as->end && is_digit(*as->at)) {
        uint32_t number = 0;
        rc = read_number(as, UINT32_MAX, &number);
        *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_INT, .a = number};
    } else if (as->at < as->end && *as->at == '"') {
        uint32_t symbol = 0;
        rc = read_symbol(as, &symbol);
        *ret_constant = (struct kn_constant){.tag = KOKEN_VALUE_SYMBOL, .a = symbol};
    } else {
        rc = read_named(as, depth, ret_constant);
    }
    ret_constant->kind = kind;
    return rc;
}

/* ---- conditions and effects ---- */

static int read_condition(struct assembler *as, unsigned depth, uint32_t *ret_number)
{
    KN_ASSERT(depth <= KN_NESTING_MAX);
    char word[WORD_MAX];
    struct kn_condition condition = {0};
    uint32_t *operands = &condition.a;
    read_word(as, word);
    int op = find(kn_condition_names, KN_CONDITION_COUNT_, word);
    if (op < 0 || depth >= KN_NESTING_MAX) {
        return wrong(as, op < 0 ? "no condition is called" : "nested too deep", word);
    }
    condition.op = (uint8_t)op;
    const char *parts = kn_condition_parts[op];
    int rc = 0;
    for (const char *part = parts; rc == 0 && *part != '\0'; part++) {
        struct kn_constant constant = {0};
        rc = expect(as, part == parts ? '(' : ',');
        if (rc == 0 && *part == 'x') {
            rc = read_condition(as, depth + 1, operands++);
        } else if (rc == 0 && *part == 'r') {
            rc = read_register(as, operands++);
        } else if (rc == 0 && *part == 's') {
            rc = read_symbol(as, operands++);
        } else if (rc == 0) {
            rc = read_type(as, depth + 1, &constant);
            rc = rc < 0 ? rc : add_constant(as, constant, operands++);
        }
    }
    if (rc == 0 && *parts != '\0') {
        rc = expect(as, ')');
    }
    *ret_number = rc < 0 ? 0 : kn_program_condition(as->program, condition);
    return rc < 0 ? rc : *ret_number == UINT32_MAX ? full(as) : 0;
}

static int read_effect(struct assembler *as, uint32_t *ret_number)
{
    struct kn_effect effect = {0};
    uint32_t always = kn_program_condition(as->program, (struct kn_condition){0}), hint = 0;
    int rc = always == UINT32_MAX ? full(as) : read_symbol(as, &effect.tag);
    effect.pre = effect.post = always;
    if (rc == 0 && accept_word(as, "pre")) {
        rc = read_condition(as, 0, &effect.pre);
    }
    if (rc == 0 && accept_word(as, "post")) {
        rc = read_condition(as, 0, &effect.post);
    }
    if (rc == 0 && accept_word(as, "hint")) {
        rc = read_symbol(as, &hint);
        effect.hint = hint + 1;
    }
    *ret_number = rc < 0 ? 0 : kn_program_effect(as->program, effect);
    return rc < 0 ? rc : *ret_number == UINT32_MAX ? full(as) : 0;
}

/* ---- instructions ---- */

static int read_value(struct assembler *as, struct kn_insn *insn)
{
    struct kn_constant constant = {0};
    int rc = read_constant(as, 0, &constant);
    insn->kind = constant.kind;
    if (constant.tag >= KOKEN_VALUE_UNIT && constant.tag <= KOKEN_VALUE_INT) {
        insn->b = constant.tag;
        insn->d = constant.a;
        return rc;
    }
    constant.kind = KOKEN_KIND_AFFINE; /* the instruction knows it */
    return rc < 0 ? rc : add_constant(as, constant, &insn->d);
}

static int read_name(struct assembler *as, struct kn_insn *insn)
{
    uint32_t symbol = 0;
    int rc = read_symbol(as, &symbol);
    KN_ASSERT(symbol < KN_TABLE_MAX && KN_TABLE_MAX <= UINT16_MAX);
    insn->c = (uint16_t)symbol;
    return rc;
}

static int read_operand(struct assembler *as, char kind, unsigned *reg_count, struct kn_insn *insn)
{
    KN_ASSERT(*reg_count < 4);
    uint32_t reg = 0;
    switch (kind) {
    case 'l': return read_symbol(as, &insn->d);
    case 'm':
    case 'n': return read_symbol(as, &insn->e);
    case 's': return read_name(as, insn);
    case 'k': return read_value(as, insn);
    case 'c': return read_condition(as, 0, &insn->d);
    case 'e': return read_effect(as, &insn->d);
    default: break;
    }
    int rc = read_register(as, &reg);
    switch ((*reg_count)++) {
    case 0: insn->a = (uint16_t)reg; break;
    case 1: insn->b = (uint16_t)reg; break;
    case 2: insn->c = (uint16_t)reg; break;
    default: insn->d = reg; break;
    }
    return rc;
}

static int read_insn(struct assembler *as, int op)
{
    KN_ASSERT(op >= 0 && op < KN_OP_END);
    struct kn_insn insn = {.op = (uint8_t)op};
    unsigned reg_count = 0;
    int rc = 0;
    if (as->is_second && (op == KN_OP_ALLOC || op == KN_OP_CONSUME)) {
        insn.op = op == KN_OP_ALLOC ? KN_OP_ALLOC5 : KN_OP_CONSUME5;
    }
    for (const char *kind = kn_op_operands[op]; rc == 0 && *kind != '\0'; kind++) {
        if (*kind == 'o' && is_over(as)) {
            insn.a = KOKEN_NO_REGISTER;
            break;
        }
        if (kind != kn_op_operands[op]) {
            (void)accept(as, ','); /* commas are for people */
        }
        rc = read_operand(as, *kind, &reg_count, &insn);
    }
    if (rc == 0 && kn_op_has_kind((uint8_t)op)) {
        insn.kind = read_kind(as);
    }
    if (rc < 0) {
        return rc;
    }
    if (!is_over(as)) {
        return wrong(as, "too much in this line", "");
    }
    return kn_program_insn(as->program, insn) == UINT32_MAX ? full(as) : 0;
}

static int read_line(struct assembler *as)
{
    char word[WORD_MAX];
    uint32_t set = 0;
    if (is_over(as)) {
        return 0;
    }
    const char *before = as->at;
    read_word(as, word);
    if (word[0] != '\0' && accept(as, ':')) {
        struct kn_insn insn = {.op = KN_OP_LABEL};
        insn.e = kn_program_symbol(as->program, word, strlen(word));
        return insn.e == UINT32_MAX || kn_program_insn(as->program, insn) == UINT32_MAX ? full(as)
                                                                                        : 0;
    }
    if (strcmp(word, ".isa") == 0) {
        int rc = read_number(as, 11, &set);
        as->is_second = rc == 0 && set == 5;
        return rc < 0                  ? rc
               : set != 5 && set != 11 ? wrong(as, "the sets are 5 and 11", "")
               : !is_over(as)          ? wrong(as, "too much in this line", "")
                                       : 0;
    }
    int op = find(kn_op_names, KN_OP_END, word);
    if (op < 0) {
        as->at = before;
        return wrong(as, "no instruction is called", word);
    }
    return read_insn(as, op);
}

/* ---- labels ---- */

static int place_of(const struct koken_program *program, const uint32_t *places, uint32_t symbol,
                    struct koken_machine_error *error, uint32_t pc, uint32_t *ret_place)
{
    KN_ASSERT(symbol < program->symbol_count);
    uint32_t len;
    const char *text = kn_program_text(program, symbol, &len);
    *ret_place = places[symbol];
    return places[symbol] != UINT32_MAX
               ? 0
               : kn_machine_fail(error, KOKEN_CODE_LABEL_NOT_FOUND, NULL, pc, KOKEN_NO_REGISTER,
                                 "Machine error: label not found: %.*s", (int)len, text);
}

static int resolve(struct koken_program *program, struct koken_machine_error *error)
{
    KN_ASSERT(program->symbol_count <= KN_TABLE_MAX && program->code_count <= KN_CODE_MAX + 2);
    uint32_t places[KN_TABLE_MAX];
    int rc = 0;
    memset(places, 0xff, program->symbol_count * sizeof *places);
    for (uint32_t pc = program->code_count; pc-- > 0;) {
        if (program->code[pc].op == KN_OP_LABEL) {
            places[program->code[pc].e] = pc;
        }
    }
    for (uint32_t pc = 0; rc == 0 && pc < program->code_count; pc++) {
        struct kn_insn *insn = &program->code[pc];
        bool has_two = insn->op == KN_OP_MATCH || insn->op == KN_OP_CASE;
        if (insn->op == KN_OP_JUMP || has_two) {
            rc = place_of(program, places, insn->d, error, pc, &insn->d);
        }
        if (rc == 0 && has_two) {
            rc = place_of(program, places, insn->e, error, pc, &insn->e);
        }
    }
    for (uint32_t i = 0; rc == 0 && i < program->function_count; i++) {
        uint32_t *target = &program->functions[i].target;
        rc = place_of(program, places, *target, error, 0, target);
    }
    return rc;
}

int koken_program_assemble(const char *text, size_t size, struct koken_program **ret_program,
                           struct koken_machine_error *ret_error)
{
    struct assembler as = {
        .program = kn_program_new(), .error = ret_error, .at = text, .end = text + size, .line = 1};
    int rc = 0;
    if (!as.program) {
        return kn_machine_fail(ret_error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                               "Memory error: out of memory");
    }
    while (rc == 0 && as.at < as.end) { /* ends: each line moves on */
        rc = read_line(&as);
        if (rc == 0 && is_over(&as) && as.at < as.end) { /* else a label came first */
            as.at++;
            as.line++;
        }
    }
    rc = rc < 0 ? rc : resolve(as.program, ret_error);
    rc = rc < 0 ? rc : kn_program_seal(as.program, ret_error);
    if (rc < 0) {
        koken_program_free(as.program);
        return rc;
    }
    *ret_program = as.program;
    return 0;
}
