/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of capabilities as tables, and a machine that obeys nothing but them. Agents with
 * variables act on a graph of objects at random; after every step no object may be writable for one
 * agent and readable for another, nor writable at all once it is part of a val, nor known twice in
 * one agent if one name is an iso.
 *
 * The tables are those of Pony (Clebsch et al., Deny Capabilities, 2015; the tutorial), less trn,
 * with the one deviation that DESIGN.md names: through a box an iso field can be read in place, but not named.
 *
 * A check that cannot fail proves nothing, so each rule is broken in turn, and the machine must
 * notice.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum cap { ISO, VAL, REF, BOX, TAG, CAPS, NONE = CAPS };
enum { READ = 1, WRITE = 2 };
enum { AGENTS = 3, VARIABLES = 6, OBJECTS = 10, STEPS = 1000000, SABOTAGED_STEPS = 2000000 };

/* What fields a payload has: one of each kind that may be written there. */
enum field { FIELD_ISO, FIELD_VAL, FIELD_TAG, FIELDS };
static const enum cap field_cap[FIELDS] = {ISO, VAL, TAG};

struct rules {
    uint8_t may[CAPS];         /* rights of the holder */
    uint8_t deny_local[CAPS];  /* what aliases in the same agent may not do */
    uint8_t deny_global[CAPS]; /* what aliases in other agents may not do */
    enum cap alias[CAPS];      /* what a second name of it is */
    bool is_box[CAPS];         /* sub-capability: may be looked at as a box too */
    bool sendable[CAPS];
    bool freezes[CAPS];         /* becomes a val when its name is consumed */
    bool may_put[CAPS];         /* store into a field of an object seen as this */
    bool may_take[CAPS];        /* take an iso out of a field of an object seen as this */
    enum cap view[CAPS][CAPS];  /* a field of kind [second], seen through [first] */
    bool names_nested;          /* what an iso field refers to may get a name where it is */
    bool recovers_with_aliases; /* a ref becomes an iso although other names are left */
};

static const struct rules right = {
    .may = {READ | WRITE, READ, READ | WRITE, READ, 0},
    .deny_local = {READ | WRITE, WRITE, 0, 0, 0},
    .deny_global = {READ | WRITE, WRITE, READ | WRITE, WRITE, 0},
    .alias = {TAG, VAL, REF, BOX, TAG},
    .is_box = {false, true, true, true, false},
    .sendable = {true, true, false, false, true},
    .freezes = {true, false, false, false, false},
    .may_put = {true, false, true, false, false},
    .may_take = {true, false, true, false, false},
    .view = {[ISO] = {ISO, VAL, TAG, TAG, TAG},
             [VAL] = {VAL, VAL, VAL, VAL, TAG},
             [REF] = {ISO, VAL, REF, BOX, TAG},
             [BOX] = {BOX, VAL, BOX, BOX, TAG},
             [TAG] = {NONE, NONE, NONE, NONE, NONE}},
    .names_nested = false,
    .recovers_with_aliases = false,
};

struct name {
    enum cap cap;
    int object; /* -1: empty */
};

struct machine {
    const struct rules *rules;
    uint64_t random;
    struct name names[AGENTS][VARIABLES];
    int fields[OBJECTS][FIELDS]; /* the object that a field refers to, -1: none */
    const char *wrong;           /* what a step did that it must not */
};

static unsigned pick(struct machine *m, unsigned count)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (unsigned)((m->random >> 20) % count);
}

/* ---- what must hold ---- */

/* Adds what can be done from object when it is seen as cap. A field adapted to tag or none is not
 * read. */
static void reach(const struct machine *m, enum cap cap, int object, unsigned depth,
                  uint8_t rights[OBJECTS], bool in_val[OBJECTS])
{
    if (cap == TAG || cap == NONE || object < 0 || depth > OBJECTS) {
        return;
    }
    rights[object] |= m->rules->may[cap];
    in_val[object] |= cap == VAL;
    for (int f = 0; f < FIELDS; f++) {
        reach(m, m->rules->view[cap][field_cap[f]], m->fields[object][f], depth + 1, rights,
              in_val);
    }
}

/* How many names and fields reach object with a right to read, inside one agent. */
static unsigned readers(const struct machine *m, int agent, int object)
{
    unsigned count = 0;

    for (int v = 0; v < VARIABLES; v++) {
        uint8_t rights[OBJECTS] = {0};
        bool in_val[OBJECTS] = {false};

        reach(m, m->names[agent][v].cap, m->names[agent][v].object, 0, rights, in_val);
        count += (rights[object] & READ) != 0;
    }
    return count;
}

static const char *broken(const struct machine *m)
{
    uint8_t rights[AGENTS][OBJECTS] = {{0}};
    bool in_val[OBJECTS] = {false};

    for (int a = 0; a < AGENTS; a++) {
        for (int v = 0; v < VARIABLES; v++) {
            reach(m, m->names[a][v].cap, m->names[a][v].object, 0, rights[a], in_val);
        }
    }
    for (int o = 0; o < OBJECTS; o++) {
        for (int a = 0; a < AGENTS; a++) {
            for (int b = 0; b < AGENTS; b++) {
                if (a != b && (rights[a][o] & WRITE) && rights[b][o] != 0) {
                    return "one agent writes what another sees";
                }
            }
            if ((rights[a][o] & WRITE) && in_val[o]) {
                return "a val is writable";
            }
        }
    }
    for (int a = 0; a < AGENTS; a++) {
        for (int v = 0; v < VARIABLES; v++) {
            const struct name *name = &m->names[a][v];

            if (name->object >= 0 && name->cap == ISO && readers(m, a, name->object) > 1) {
                return "an iso has a second reader in its own agent";
            }
        }
    }
    return NULL;
}

/* ---- what agents do ---- */

static struct name *name_of(struct machine *m, int agent)
{
    return &m->names[agent][pick(m, VARIABLES)];
}

/* A variable of the agent that is free, emptied if need be: dropping is always allowed. */
static struct name *room_of(struct machine *m, int agent)
{
    struct name *name = name_of(m, agent);

    name->object = -1;
    return name;
}

static bool is_mentioned(const struct machine *m, int object)
{
    for (int a = 0; a < AGENTS; a++) {
        for (int v = 0; v < VARIABLES; v++) {
            if (m->names[a][v].object == object) {
                return true;
            }
        }
    }
    for (int o = 0; o < OBJECTS; o++) {
        for (int f = 0; f < FIELDS; f++) {
            if (m->fields[o][f] == object) {
                return true;
            }
        }
    }
    return false;
}

static void make(struct machine *m, int agent, enum cap cap)
{
    int object = (int)pick(m, OBJECTS);

    if (is_mentioned(m, object)) {
        return;
    }
    memset(m->fields[object], 0xff, sizeof m->fields[object]);
    *room_of(m, agent) = (struct name){cap, object};
}

/* A field of object is about to change: nobody may be looking at it as a val, or from another agent. */
static void write_to(struct machine *m, int agent, int object)
{
    for (int a = 0; a < AGENTS; a++) {
        uint8_t rights[OBJECTS] = {0};
        bool in_val[OBJECTS] = {false};

        for (int v = 0; v < VARIABLES; v++) {
            reach(m, m->names[a][v].cap, m->names[a][v].object, 0, rights, in_val);
        }
        if (in_val[object] || (a != agent && rights[object] != 0)) {
            m->wrong = "a field changed that somebody relies on";
        }
    }
}

static void put(struct machine *m, int agent, const struct name *into, struct name *from)
{
    for (int f = 0; f < FIELDS; f++) {
        if (into != from && into->object != from->object && field_cap[f] == from->cap &&
            m->fields[into->object][f] < 0) {
            write_to(m, agent, into->object);
            m->fields[into->object][f] = from->object;
            from->object = -1;
            return;
        }
    }
}

static void take(struct machine *m, int agent, const struct name *from)
{
    int *slot = &m->fields[from->object][pick(m, 2)];
    enum cap cap = slot == &m->fields[from->object][FIELD_ISO] ? ISO : VAL;
    int object = *slot;
    struct name *to = name_of(m, agent);

    if (object >= 0 && to != from) {
        write_to(m, agent, from->object);
        *slot = -1;
        *to = (struct name){cap, object};
    }
}

/*
 * A field read where it is: a second way to what it refers to, as an alias of how it is seen. An iso inside
 * something can be read there, through the path, but gets no name of its own: it might be taken out later.
 */
static void look(struct machine *m, int agent, const struct name *from)
{
    int f = (int)pick(m, FIELDS);
    enum cap seen = m->rules->view[from->cap][field_cap[f]];
    int object = m->fields[from->object][f];
    struct name *to = name_of(m, agent);

    if (object >= 0 && seen != NONE && to != from) {
        bool is_named = field_cap[f] != ISO || m->rules->names_nested;

        *to = (struct name){is_named ? m->rules->alias[seen] : TAG, object};
    }
}

/* The end of a recover block: its ref becomes an iso, names of it that are left would be a second
 * way. */
static void recover(struct machine *m, int agent, struct name *name)
{
    for (int v = 0; v < VARIABLES && !m->rules->recovers_with_aliases; v++) {
        struct name *other = &m->names[agent][v];

        if (other != name && other->object == name->object && other->cap != TAG) {
            other->object = -1;
        }
    }
    name->cap = ISO;
}

static void step(struct machine *m)
{
    int agent = (int)pick(m, AGENTS);
    struct name *name = name_of(m, agent);
    unsigned action = pick(m, 10);

    if (name->object < 0 || action < 2) {
        make(m, agent, pick(m, 3) == 0 ? REF : ISO);
        return;
    }
    switch (action) {
    case 2: {
        bool as_box = m->rules->is_box[name->cap] && pick(m, 2) == 0;
        struct name copy = {as_box ? BOX : m->rules->alias[name->cap], name->object};
        struct name *to = name_of(m, agent);

        if (to != name) {
            *to = copy;
        }
        break;
    }
    case 3: {
        struct name *from = name_of(m, agent);

        if (m->rules->may_put[name->cap] && from->object >= 0) {
            put(m, agent, name, from);
        }
        break;
    }
    case 4:
        if (m->rules->may_take[name->cap]) {
            take(m, agent, name);
        }
        break;
    case 5: look(m, agent, name); break;
    case 6:
        if (m->rules->freezes[name->cap]) {
            name->cap = VAL;
        }
        break;
    case 7:
        if (m->rules->sendable[name->cap]) {
            struct name moved = *name;

            name->object = -1;
            *room_of(m, (int)pick(m, AGENTS)) = moved;
        }
        break;
    case 8:
        if (name->cap == REF) {
            recover(m, agent, name);
        }
        break;
    default: name->object = -1; break;
    }
}

/* Runs; answers what broke, or NULL. */
static const char *run(const struct rules *rules, uint64_t seed, unsigned steps)
{
    struct machine m = {.rules = rules, .random = seed * 2654435761u + 1};

    memset(m.names, 0xff, sizeof m.names);
    memset(m.fields, 0xff, sizeof m.fields);
    for (unsigned i = 0; i < steps; i++) {
        const char *what;

        step(&m);
        what = m.wrong != NULL ? m.wrong : broken(&m);
        if (what != NULL) {
            return what;
        }
    }
    return NULL;
}

/* ---- the laws that tie the tables together ---- */

static int laws(const struct rules *r)
{
    int failures = 0;

    for (int k = 0; k < CAPS; k++) {
        failures += (r->deny_local[k] & ~r->deny_global[k]) != 0;
        failures += (r->may[k] & WRITE) != 0 && (r->deny_global[k] & READ) == 0;
        failures += (r->may[k] & READ) != 0 && (r->deny_global[k] & WRITE) == 0;
        failures += r->sendable[k] != (r->deny_local[k] == r->deny_global[k]);
        /* A second name may do nothing that the first denies, and denies nothing that the first
         * may. */
        failures += (r->may[r->alias[k]] & r->deny_local[k]) != 0;
        failures += (r->deny_local[r->alias[k]] & r->may[k]) != 0;
        failures += r->may_put[k] && (r->may[k] & WRITE) == 0;
        failures += r->may_take[k] && (r->may[k] & WRITE) == 0;
        for (int f = 0; f < CAPS; f++) {
            enum cap seen = r->view[k][f];

            /* Through a path without the right to write there is none; a field gives no more than
             * it has. */
            failures += seen != NONE && (r->may[seen] & WRITE) != 0 && (r->may[k] & WRITE) == 0;
            failures += seen != NONE && (r->may[seen] & ~r->may[f]) != 0;
        }
    }
    return failures;
}

/* One rule broken; the machine must find it. */
static int sabotage(const char *what, const struct rules *rules)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        if (run(rules, seed, SABOTAGED_STEPS / 10) != NULL) {
            return 0;
        }
    }
    printf("not noticed: %s\n", what);
    return 1;
}

#define BREAK(what, change)                                                                        \
    do {                                                                                           \
        struct rules r = right;                                                                    \
        change;                                                                                    \
        failures += sabotage(what, &r);                                                            \
        count++;                                                                                   \
    } while (0)

int main(void)
{
    int failures = laws(&right);
    int count = 0;

    if (failures > 0) {
        printf("%d laws broken\n", failures);
    }
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const char *what = run(&right, seed, STEPS / 10);

        if (what != NULL) {
            printf("seed %llu: %s\n", (unsigned long long)seed, what);
            failures++;
        }
    }
    BREAK("an iso may be copied", r.alias[ISO] = ISO);
    BREAK("a copy of an iso is readable", r.alias[ISO] = BOX);
    BREAK("a ref may be sent", r.sendable[REF] = true);
    BREAK("an iso may be looked at as a box", r.is_box[ISO] = true);
    BREAK("a box may be sent", r.sendable[BOX] = true);
    BREAK("a ref may be frozen", r.freezes[REF] = true);
    BREAK("a val may be written to", r.may[VAL] = READ | WRITE);
    BREAK("an iso inside a val is writable", r.view[VAL][ISO] = ISO);
    BREAK("an iso inside a val may be taken", r.may_take[VAL] = true);
    BREAK("an iso inside a box may be taken", r.may_take[BOX] = true);
    BREAK("a tag may be read", r.may[TAG] = READ; r.alias[ISO] = BOX);
    BREAK("a nested iso gets a name", r.names_nested = true);
    BREAK("recover leaves aliases", r.recovers_with_aliases = true);
    printf("%d steps, %d broken rules, %d failures\n", STEPS, count, failures);
    return failures > 0;
}
