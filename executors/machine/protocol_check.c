/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The static check of protocols: what the text says about the ends of channels, followed along all ways through the
 * program. A step that the protocol of an end does not have is found before anything runs. What two ways disagree
 * about, what comes from a witness, a function, a session or a parcel, is not known here: it is seen when it runs
 * (protocol.c), as everything is.
 *
 * What is known of a register is the number of a node; equal facts have equal numbers, and 0 is no fact. Where a
 * protocol is, is a type in the program's constants, the RECs around it, and whether it is the other end's. So nothing is
 * substituted, and a loop comes back to the same numbers. A way that joins another one keeps what both know, so
 * facts only get fewer and the passes end. Nodes are bounded: what there is none for is not known.
 */
#include "base/alloc.h"
#include "executors/machine/code.h"

#include <string.h>

enum { PASSES_MAX = 16, NODES_MAX = 4096, INDEX_ROOM = 8192, UNREACHED = 0xffff };
_Static_assert(NODES_MAX < UNREACHED && INDEX_ROOM >= 2 * NODES_MAX, "numbers of nodes");

enum { STOPS = 1 }; /* a run does not come past this instruction */

enum what {
    NOTHING,
    UNIT,
    BOOL,    /* a: which; 2: one of them */
    INT,     /* some number */
    NAME,    /* a symbol; UINT32_MAX: some */
    REF,     /* some resource */
    TYPE,    /* a constant */
    BUILTIN, /* a: which */
    PARTIAL, /* of builtin a, with b */
    PRODUCT, /* of a and b */
    TENSOR,
    END,     /* of a channel: a its protocol (a constant that is no REC and no variable), b RECS */
    OFFERED, /* what offer answers at the end a */
    RECS,    /* around a protocol: REC a, and b around that */
};

struct node {
    uint8_t what;
    bool is_dual; /* of END: what is sent is received, and so on */
    uint32_t a, b;
};

struct follow {
    const struct koken_program *program;
    struct koken_machine_error *error;
    struct node *nodes;
    uint16_t *index;  /* of the nodes, by content; 0: none */
    uint16_t *now;    /* nodes of each register */
    uint16_t *labels; /* the same for each label, in the order of the code */
    uint16_t *places; /* label of the instruction, where it is one */
    uint32_t node_count, pc;
    bool is_changed; /* a label before this instruction knows less: once again */
    bool is_telling; /* all is known: what is wrong is told */
};

/* ---- facts ---- */

static uint16_t node_of(struct follow *follow, struct node node)
{
    uint64_t hash =
        (node.what + 16u * node.is_dual + ((uint64_t)node.a << 8)) * UINT64_C(0x9e3779b97f4a7c15) +
        node.b * UINT64_C(0xbf58476d1ce4e5b9);
    uint32_t at = (uint32_t)(hash >> 32) % INDEX_ROOM;
    KN_ASSERT(node.what != NOTHING && follow->node_count <= NODES_MAX);
    while (follow->index[at]) { /* ends: half of the index is free */
        const struct node *old = &follow->nodes[follow->index[at]];
        if (old->what == node.what && old->is_dual == node.is_dual && old->a == node.a &&
            old->b == node.b) {
            return follow->index[at];
        }
        at = (at + 1) % INDEX_ROOM;
    }
    if (follow->node_count >= NODES_MAX) {
        return 0;
    }
    follow->nodes[follow->node_count] = node;
    follow->index[at] = (uint16_t)follow->node_count;
    return (uint16_t)follow->node_count++;
}

static inline const struct kn_constant *constant_of(const struct follow *follow, uint32_t number)
{
    KN_ASSERT(number < follow->program->constant_count);
    return &follow->program->constants[number];
}

static inline struct node at_node(const struct follow *follow, uint32_t number)
{
    KN_ASSERT(number < follow->node_count);
    return follow->nodes[number];
}

/* Which REC a variable means: 0 the innermost; UINT32_MAX: it is none. */
static uint32_t level_of(const struct follow *follow, uint32_t type)
{
    uint32_t level = 0;
    for (; constant_of(follow, type)->a == KN_TYPE_OUTER; level++) { /* ends: parts come before */
        type = constant_of(follow, type)->b;
    }
    return constant_of(follow, type)->a == KN_TYPE_AGAIN ? level : UINT32_MAX;
}

/* An end at that place of its protocol, once RECs and variables are behind it. 0: it is none, or endless. */
static uint16_t end_at(struct follow *follow, uint32_t type, uint32_t recs, bool is_dual)
{
    for (unsigned tries = 0; tries < 2 * KN_NESTING_MAX; tries++) {
        const struct kn_constant *at = constant_of(follow, type);
        KN_ASSERT(at->tag == KOKEN_VALUE_TYPE);
        if (at->a == KN_TYPE_REC) {
            recs = node_of(follow, (struct node){.what = RECS, .a = type, .b = recs});
            type = at->b;
            if (recs == 0) {
                return 0;
            }
        } else if (at->a == KN_TYPE_AGAIN || at->a == KN_TYPE_OUTER) {
            uint32_t level = level_of(follow, type);
            while (recs && level > 0) { /* ends: one REC less each time */
                recs = at_node(follow, recs).b;
                level--;
            }
            if (recs == 0) {
                return 0;
            }
            type = at_node(follow, recs).a;
            recs = at_node(follow, recs).b;
        } else if (at->a < KN_TYPE_SEND) {
            return 0;
        } else {
            return node_of(follow,
                           (struct node){.what = END, .is_dual = is_dual, .a = type, .b = recs});
        }
    }
    return 0;
}

static uint16_t go_on(struct follow *follow, struct node end, uint32_t type)
{
    KN_ASSERT(end.what == END);
    return end_at(follow, type, end.b, end.is_dual);
}

/* What an end does next: of lists CHOOSE and OFFER. */
static uint32_t verb_of(const struct follow *follow, struct node end)
{
    static const uint8_t verbs[KN_TYPE_COUNT_][2] = {
        [KN_TYPE_SEND] = {KN_TYPE_SEND, KN_TYPE_RECEIVE},
        [KN_TYPE_RECEIVE] = {KN_TYPE_RECEIVE, KN_TYPE_SEND},
        [KN_TYPE_CHOOSE] = {KN_TYPE_CHOOSE, KN_TYPE_OFFER},
        [KN_TYPE_OFFER] = {KN_TYPE_OFFER, KN_TYPE_CHOOSE},
        [KN_TYPE_CHOOSE_OF] = {KN_TYPE_CHOOSE, KN_TYPE_OFFER},
        [KN_TYPE_OFFER_OF] = {KN_TYPE_OFFER, KN_TYPE_CHOOSE},
        [KN_TYPE_FINISH] = {KN_TYPE_FINISH, KN_TYPE_FINISH}};
    KN_ASSERT(end.what == END && verbs[constant_of(follow, end.a)->a][0]);
    return verbs[constant_of(follow, end.a)->a][end.is_dual];
}

/* How an end goes on after the choice of that name; 0: there is none. */
static uint16_t after_choice(struct follow *follow, struct node end, uint32_t name)
{
    const struct kn_constant *list = constant_of(follow, end.a);
    while (kn_type_is_list(list->a)) { /* ends: parts come before */
        const struct kn_constant *entry = constant_of(follow, list->b);
        if (entry->a == name) {
            return go_on(follow, end, entry->b);
        }
        list = entry + 1;
    }
    return 0;
}

/* What is known of a value of a type. */
static uint16_t value_of(struct follow *follow, uint32_t type)
{
    switch (constant_of(follow, type)->a) {
    case KN_TYPE_UNIT: return node_of(follow, (struct node){.what = UNIT});
    case KN_TYPE_BOOL: return node_of(follow, (struct node){.what = BOOL, .a = 2});
    case KN_TYPE_INT: return node_of(follow, (struct node){.what = INT});
    case KN_TYPE_SYMBOL: return node_of(follow, (struct node){.what = NAME, .a = UINT32_MAX});
    case KN_TYPE_RESOURCE: return node_of(follow, (struct node){.what = REF});
    default: return end_at(follow, type, 0, /* is_dual= */ false); /* 0 of others */
    }
}

/* Whether a value may be of a type: no, only if it is known not to be. */
static bool may_be(const struct follow *follow, uint32_t number, uint32_t type)
{
    struct node value = at_node(follow, number);
    const struct kn_constant *of = constant_of(follow, type);
    if (value.what == NOTHING || of->a == KN_TYPE_ANY) {
        return true;
    }
    switch (of->a) {
    case KN_TYPE_UNIT: return value.what == UNIT;
    case KN_TYPE_BOOL: return value.what == BOOL;
    case KN_TYPE_INT: return value.what == INT;
    case KN_TYPE_SYMBOL: return value.what == NAME;
    case KN_TYPE_RESOURCE: return value.what == REF;
    case KN_TYPE_FUNCTION: return value.what == BUILTIN || value.what == PARTIAL;
    case KN_TYPE_SUM: return value.what == OFFERED;
    case KN_TYPE_PRODUCT:
        return (value.what == PRODUCT || value.what == TENSOR) && may_be(follow, value.a, of->b) &&
               may_be(follow, value.b, of->b + 1);
    default: return value.what == END;
    }
}

/* ---- what is wrong ---- */

static void print_protocol(struct kn_out *out, const struct follow *follow, uint32_t type,
                           bool is_dual);

static void print_choices(struct kn_out *out, const struct follow *follow,
                          const struct kn_constant *list, bool is_dual)
{
    const char *comma = "";
    while (kn_type_is_list(list->a) && out->len < out->room) { /* ends: parts come before */
        const struct kn_constant *entry = constant_of(follow, list->b);
        uint32_t len;
        const char *name = kn_program_text(follow->program, entry->a, &len);
        kn_out(out, "%s", comma);
        kn_out_quoted(out, name, len);
        kn_out(out, ": ");
        print_protocol(out, follow, entry->b, is_dual);
        list = entry + 1;
        comma = ", ";
    }
}

static void print_protocol(struct kn_out *out, const struct follow *follow, uint32_t type,
                           bool is_dual)
{
    const struct kn_constant *at = constant_of(follow, type);
    struct node end = {.what = END, .is_dual = is_dual, .a = type};
    if (out->len >=
        out->room) { /* parts may be shared: the text of a hostile one would be endless */
        return;
    }
    if (at->a == KN_TYPE_REC) {
        kn_out(out, "rec(");
        print_protocol(out, follow, at->b, is_dual);
        kn_out(out, ")");
        return;
    }
    if (at->a < KN_TYPE_SEND || at->a == KN_TYPE_FINISH || at->a == KN_TYPE_AGAIN ||
        at->a == KN_TYPE_OUTER) {
        kn_out_type(out, follow->program, type);
        return;
    }
    kn_out(out, "%s(", kn_type_names[verb_of(follow, end)]);
    if (kn_type_is_list(at->a)) {
        print_choices(out, follow, at, is_dual);
    } else if (at->a == KN_TYPE_CHOOSE || at->a == KN_TYPE_OFFER) {
        print_protocol(out, follow, at->b, is_dual);
        kn_out(out, ", ");
        print_protocol(out, follow, at->b + 1, is_dual);
    } else {
        kn_out_type(out, follow->program, at->b);
        kn_out(out, ", ");
        print_protocol(out, follow, at->b + 1, is_dual);
    }
    kn_out(out, ")");
}

static int violates(const struct follow *follow, uint32_t reg, const char *what, struct node end)
{
    char text[80];
    struct kn_out out = {text, sizeof text, 0};
    KN_ASSERT(end.what == END);
    if (!follow->is_telling) {
        return STOPS;
    }
    text[0] = '\0';
    print_protocol(&out, follow, end.a, end.is_dual);
    return kn_machine_fail(follow->error, KOKEN_CODE_PROTOCOL_VIOLATION, follow->program,
                           follow->pc, reg,
                           "Type mismatch: protocol violation: %s where the protocol of r%u says "
                           "%s%s",
                           what, reg, text, out.len < sizeof text ? "" : "...");
}

/* ---- steps ---- */

/* CHOOSE: which way is known if the choice is. */
static int choose(struct follow *follow, struct node end, uint32_t choice, uint32_t reg,
                  uint16_t *ret_node)
{
    struct node value = at_node(follow, choice);
    const struct kn_constant *type = constant_of(follow, end.a);
    if (kn_type_is_list(type->a)) {
        *ret_node = value.what == NAME ? after_choice(follow, end, value.a) : (uint16_t)0;
        for (const struct kn_constant *list = type; value.what == NAME && kn_type_is_list(list->a);
             list = constant_of(follow, list->b) + 1) { /* ends: parts come before */
            if (value.a == UINT32_MAX || constant_of(follow, list->b)->a == value.a) {
                return 0; /* one of them, even if no node was left for it */
            }
        }
        return value.what == NOTHING
                   ? 0
                   : violates(follow, reg, "a choice that has none of its names", end);
    }
    if (value.what == BOOL && value.a < 2) {
        *ret_node = go_on(follow, end, type->b + (value.a ? 0 : 1));
    }
    if (value.what == NOTHING || value.what == BOOL || !follow->is_telling) {
        return value.what == NOTHING || value.what == BOOL ? 0 : STOPS;
    }
    return kn_machine_fail(follow->error, KOKEN_CODE_NOT_A_BOOLEAN, follow->program, follow->pc,
                           reg, "Type mismatch: a choice is a boolean, true is left");
}

/* One step of an end, which lies in reg, alone or with the value. */
static int take_step(struct follow *follow, uint32_t builtin, uint32_t number, uint32_t value,
                     uint32_t reg, uint16_t *ret_node)
{
    static const uint8_t verbs[KN_BUILTIN_COUNT_] = {[KN_BUILTIN_SEND] = KN_TYPE_SEND,
                                                     [KN_BUILTIN_RECEIVE] = KN_TYPE_RECEIVE,
                                                     [KN_BUILTIN_CHOOSE] = KN_TYPE_CHOOSE,
                                                     [KN_BUILTIN_OFFER] = KN_TYPE_OFFER};
    struct node end = at_node(follow, number);
    *ret_node = 0;
    if (end.what != END) {
        return 0;
    }
    const struct kn_constant *type = constant_of(follow, end.a);
    KN_ASSERT(builtin < KN_BUILTIN_COUNT_ && verbs[builtin]);
    if (verb_of(follow, end) != verbs[builtin]) {
        return violates(follow, reg, kn_builtin_names[builtin], end);
    }
    switch (builtin) {
    case KN_BUILTIN_SEND:
        if (!may_be(follow, value, type->b)) {
            return violates(follow, reg, "a value of another type is sent", end);
        }
        *ret_node = go_on(follow, end, type->b + 1);
        return 0;
    case KN_BUILTIN_RECEIVE:
        *ret_node = node_of(follow, (struct node){.what = PRODUCT,
                                                  .a = value_of(follow, type->b),
                                                  .b = go_on(follow, end, type->b + 1)});
        return 0;
    case KN_BUILTIN_CHOOSE: return choose(follow, end, value, reg, ret_node);
    default: *ret_node = node_of(follow, (struct node){.what = OFFERED, .a = number}); return 0;
    }
}

/* The builtin that a function is, or that its name means where names do. */
static uint32_t builtin_of(const struct follow *follow, struct node function, bool is_lenient)
{
    uint32_t len;
    if (function.what == BUILTIN) {
        return function.a;
    }
    if (function.what != NAME || !is_lenient || function.a == UINT32_MAX) {
        return KN_BUILTIN_COUNT_;
    }
    const char *text = kn_program_text(follow->program, function.a, &len);
    for (uint32_t i = 0; i < KN_BUILTIN_COUNT_; i++) {
        if (strlen(kn_builtin_names[i]) == len && memcmp(kn_builtin_names[i], text, len) == 0) {
            return i;
        }
    }
    return KN_BUILTIN_COUNT_;
}

static int apply(struct follow *follow, const struct kn_insn *insn, uint16_t *ret_node)
{
    KN_ASSERT(insn->op == KN_OP_APPLY || insn->op == KN_OP_TRANSFORM);
    struct node function = at_node(follow, follow->now[insn->a]);
    uint32_t number = follow->now[insn->b], reg = insn->b;
    struct node argument = at_node(follow, number);
    *ret_node = 0;
    if (function.what == PARTIAL) { /* the end came first; the text may have it in any register */
        return take_step(follow, function.a, function.b, number, insn->a, ret_node);
    }
    uint32_t builtin = builtin_of(follow, function, insn->op == KN_OP_TRANSFORM);
    switch (builtin) {
    case KN_BUILTIN_IDENTITY: *ret_node = (uint16_t)number; return 0;
    case KN_BUILTIN_RECEIVE:
    case KN_BUILTIN_OFFER: return take_step(follow, builtin, number, 0, reg, ret_node);
    case KN_BUILTIN_SEND:
    case KN_BUILTIN_CHOOSE:
        if (argument.what == TENSOR) {
            return take_step(follow, builtin, argument.a, argument.b, reg, ret_node);
        }
        if (argument.what != NOTHING) {
            *ret_node = node_of(follow, (struct node){.what = PARTIAL, .a = builtin, .b = number});
        }
        return 0;
    default: return 0;
    }
}

/* ---- the way through the program ---- */

static void join(struct follow *follow, uint32_t target)
{
    KN_ASSERT(target < follow->program->code_count);
    uint32_t size = follow->program->register_count;
    uint16_t *known = follow->labels + (size_t)follow->places[target] * size;
    bool is_new = false;
    for (uint32_t reg = 0; reg < size; reg++) {
        uint16_t both = known[reg] == UNREACHED || known[reg] == follow->now[reg] ? follow->now[reg]
                                                                                  : (uint16_t)0;
        is_new |= known[reg] != both;
        known[reg] = both;
    }
    follow->is_changed |= is_new && target <= follow->pc;
}

static uint16_t constant_node(struct follow *follow, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_CONST);
    if (insn->b != 0) {
        return node_of(follow, insn->b == KOKEN_VALUE_UNIT ? (struct node){.what = UNIT}
                               : insn->b == KOKEN_VALUE_BOOL
                                   ? (struct node){BOOL, false, insn->d, 0}
                                   : (struct node){.what = INT});
    }
    const struct kn_constant *constant = constant_of(follow, insn->d);
    switch (constant->tag) {
    case KOKEN_VALUE_SYMBOL: return node_of(follow, (struct node){NAME, false, constant->a, 0});
    case KOKEN_VALUE_BUILTIN: return node_of(follow, (struct node){BUILTIN, false, constant->a, 0});
    case KOKEN_VALUE_TYPE: return node_of(follow, (struct node){TYPE, false, insn->d, 0});
    default: return 0;
    }
}

/* Both ends of a new channel, if the type is a protocol. */
static uint16_t new_ends(struct follow *follow, uint32_t number)
{
    struct node type = at_node(follow, number);
    if (type.what != TYPE || constant_of(follow, type.a)->a < KN_TYPE_SEND) {
        return type.what == TYPE ? node_of(follow, (struct node){.what = REF}) : (uint16_t)0;
    }
    uint16_t ends[2] = {end_at(follow, type.a, 0, false), end_at(follow, type.a, 0, true)};
    return ends[0] && ends[1]
               ? node_of(follow, (struct node){.what = PRODUCT, .a = ends[0], .b = ends[1]})
               : (uint16_t)0;
}

/* MATCH and CASE write another register on each of their ways. */
static void branch(struct follow *follow, const struct kn_insn *insn)
{
    KN_ASSERT(insn->op == KN_OP_MATCH || insn->op == KN_OP_CASE);
    struct node sum = at_node(follow, follow->now[insn->a]);
    struct node end = at_node(follow, sum.what == OFFERED ? sum.a : 0);
    const struct kn_constant *type = end.what == END ? constant_of(follow, end.a) : NULL;
    if (insn->op == KN_OP_CASE) {
        join(follow, insn->e);
        follow->now[insn->b] =
            type && kn_type_is_list(type->a) ? after_choice(follow, end, insn->c) : (uint16_t)0;
        join(follow, insn->d);
        return;
    }
    bool is_two = type && !kn_type_is_list(type->a);
    for (unsigned side = 0; side < 2; side++) {
        uint32_t reg = side == 0 ? insn->b : insn->c;
        uint16_t before = follow->now[reg];
        follow->now[reg] = is_two ? go_on(follow, end, type->b + side) : (uint16_t)0;
        join(follow, side == 0 ? insn->d : insn->e);
        follow->now[reg] = before;
    }
}

static int step(struct follow *follow, const struct kn_insn *insn)
{
    uint16_t *now = follow->now, node = 0;
    struct node pair;
    int rc = 0;
    switch (insn->op) {
    case KN_OP_MOVE: now[insn->b] = now[insn->a]; return 0;
    case KN_OP_CONST: now[insn->a] = constant_node(follow, insn); return 0;
    case KN_OP_WITNESS:
    case KN_OP_PERFORM: now[insn->a] = 0; return 0;
    case KN_OP_MATCH:
    case KN_OP_CASE: branch(follow, insn); return 0;
    case KN_OP_JUMP: join(follow, insn->d); return 0;
    case KN_OP_SELECT:
        now[insn->d] = now[insn->b] == now[insn->c] ? now[insn->b] : (uint16_t)0;
        return 0;
    case KN_OP_ALLOC:
    case KN_OP_ALLOC5: now[insn->c] = new_ends(follow, now[insn->a]); return 0;
    case KN_OP_CONSUME:
    case KN_OP_CONSUME5:
        pair = at_node(follow, now[insn->a]);
        if (pair.what == END && verb_of(follow, pair) != KN_TYPE_FINISH) {
            rc = violates(follow, insn->a, "consume", pair);
        }
        now[insn->b] = 0;
        return rc;
    case KN_OP_APPLY:
    case KN_OP_TRANSFORM:
        rc = apply(follow, insn, &node);
        now[insn->c] = node;
        return rc;
    case KN_OP_TENSOR:
        now[insn->c] =
            node_of(follow, (struct node){.what = TENSOR, .a = now[insn->a], .b = now[insn->b]});
        return 0;
    case KN_OP_SPLIT:
        pair = at_node(follow, now[insn->a]);
        pair = pair.what == PRODUCT || pair.what == TENSOR ? pair : (struct node){0};
        now[insn->b] = (uint16_t)pair.a;
        now[insn->c] = (uint16_t)pair.b;
        return 0;
    case KN_OP_LESS:
    case KN_OP_EQUAL: now[insn->c] = node_of(follow, (struct node){.what = BOOL, .a = 2}); return 0;
    case KN_OP_ADD:
    case KN_OP_SUB:
    case KN_OP_MUL:
    case KN_OP_DIV: now[insn->c] = node_of(follow, (struct node){.what = INT}); return 0;
    case KN_OP_COMPOSE: now[insn->c] = 0; return 0;
    default: return 0; /* CHECK and RETURN write nothing */
    }
}

static int pass(struct follow *follow)
{
    const struct koken_program *program = follow->program;
    uint32_t size = program->register_count;
    bool is_live = true;
    memset(follow->now, 0, size * sizeof *follow->now);
    follow->is_changed = false;
    for (uint32_t pc = 0; pc < program->code_count; pc++) {
        const struct kn_insn *insn = &program->code[pc];
        follow->pc = pc;
        if (insn->op == KN_OP_LABEL) {
            const uint16_t *known = follow->labels + (size_t)follow->places[pc] * size;
            if (is_live) {
                bool was_changed = follow->is_changed;
                join(follow, pc);
                follow->is_changed = was_changed; /* what is joined here is read here, at once */
            }
            is_live = known[0] != UNREACHED;
            memcpy(follow->now, known, size * sizeof *known);
        } else if (is_live) {
            int rc = step(follow, insn);
            if (rc < 0) {
                return rc;
            }
            is_live = rc != STOPS && !kn_op_ends_block(insn->op);
        }
    }
    return 0;
}

static int run_passes(struct follow *follow)
{
    const struct koken_program *program = follow->program;
    uint16_t place = 0;
    for (uint32_t pc = 0; pc < program->code_count; pc++) {
        follow->places[pc] = program->code[pc].op == KN_OP_LABEL ? place++ : (uint16_t)0;
    }
    KN_ASSERT(place == program->label_count && follow->node_count == 1);
    memset(follow->now, 0, program->register_count * sizeof *follow->now);
    for (uint32_t i = 0; i < program->function_count; i++) {
        join(follow, program->functions[i].target); /* nothing is known of what it is given */
    }
    for (int i = 0; i < PASSES_MAX; i++) {
        int rc = pass(follow);
        if (rc < 0 || follow->is_telling) {
            return rc;
        }
        follow->is_telling = !follow->is_changed; /* once more, and now it is told */
    }
    return 0; /* too many jumps back to follow: it is seen when it runs */
}

int kn_protocols_check(const struct koken_program *program, struct koken_machine_error *error)
{
    KN_ASSERT(program->register_count > 0);
    if (!program->has_protocols) {
        return 0;
    }
    size_t facts = (size_t)program->register_count * (1 + program->label_count);
    size_t shorts = facts + program->code_count + INDEX_ROOM;
    size_t size = NODES_MAX * sizeof(struct node) + shorts * sizeof(uint16_t);
    struct follow follow = {.program = program, .error = error, .node_count = 1};
    follow.nodes = kn_alloc(size, 16, -1);
    if (!follow.nodes) {
        return kn_machine_fail(error, KOKEN_CODE_NO_MEMORY, NULL, 0, KOKEN_NO_REGISTER,
                               "Memory error: out of memory");
    }
    follow.nodes[0] = (struct node){0};
    follow.index = (uint16_t *)(void *)(follow.nodes + NODES_MAX);
    follow.places = follow.index + INDEX_ROOM;
    follow.now = follow.places + program->code_count;
    follow.labels = follow.now + program->register_count;
    memset(follow.index, 0, INDEX_ROOM * sizeof *follow.index);
    memset(follow.labels, 0xff,
           (size_t)program->register_count * program->label_count * sizeof *follow.labels);
    int rc = run_passes(&follow);
    kn_free(follow.nodes, size, 16);
    return rc;
}
