/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON form. Jansson reads the text (strictly: no member twice, depth bounded, UTF-8 checked); this file says
 * what it means. Every member must be known, so that a misspelt one is a complaint and not a default.
 *
 * Nodes are made first, in their order; races and parallels after the others, as they name them; links last.
 */
#include "executors/teg/graph.h"

#include "executors/teg/effects.h"
#include "executors/teg/executor.h"

#include <koken/time.h>

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MOST = 64 << 20, ARGS_MOST = 4096 };

struct reader {
    struct koken_teg *teg;
    const struct koken_teg_named *effects;
    struct koken_teg_document *document;
    struct koken_teg_problem *problem;
    size_t index; /* of the element that is read, for complaints */
    const char *list;
};

__attribute__((format(printf, 2, 3))) static int complain(struct reader *reader, const char *format,
                                                          ...)
{
    struct koken_teg_problem *problem = reader->problem;
    KN_ASSERT(problem != NULL);
    int used = reader->list ? snprintf(problem->text, sizeof problem->text,
                                       "%s[%zu]: ", reader->list, reader->index)
                            : 0;
    va_list args;
    KN_ASSERT(used >= 0 && (size_t)used < sizeof problem->text);
    va_start(args, format);
    (void)vsnprintf(problem->text + used, sizeof problem->text - (size_t)used, format, args);
    va_end(args);
    problem->wrong = KOKEN_TEG_BAD_NODE;
    return -EPROTO;
}

/* Whether a word is among words with spaces around each. */
static bool is_among(const char *words, const char *word)
{
    size_t len = strlen(word);
    while (*words) { /* ends: with the words */
        size_t next = strcspn(words, " ");
        if (next == len && len > 0 && memcmp(words, word, len) == 0) {
            return true;
        }
        words += next + (words[next] == ' ');
    }
    return false;
}

/* Whether all members of an object are among names, a list with spaces around each. */
static int check_members(struct reader *reader, json_t *object, const char *names)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        return complain(reader, "not an object");
    }
    json_object_foreach(object, key, value)
    {
        if (!is_among(names, key)) {
            return complain(reader, "unknown member \"%.60s\"", key);
        }
    }
    return 0;
}

/* ---- members ---- */

static int get_text(struct reader *reader, json_t *object, const char *name, const char **ret_text)
{
    json_t *value = json_object_get(object, name);
    if (!value) {
        return 0;
    }
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        return complain(reader, "\"%s\" is not a text without zero bytes", name);
    }
    *ret_text = json_string_value(value);
    return 0;
}

static int get_number(struct reader *reader, json_t *object, const char *name, uint64_t most,
                      uint64_t *ret_number)
{
    json_t *value = json_object_get(object, name);
    if (!value) {
        return 0;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > most) {
        return complain(reader, "\"%s\" is not a whole number from 0 to %llu", name,
                        (unsigned long long)most);
    }
    *ret_number = (uint64_t)json_integer_value(value);
    return 0;
}

static int get_number32(struct reader *reader, json_t *object, const char *name,
                        uint32_t *ret_number)
{
    uint64_t number = *ret_number;
    int rc = get_number(reader, object, name, UINT32_MAX, &number);
    KN_ASSERT(number <= UINT32_MAX);
    *ret_number = (uint32_t)number;
    return rc;
}

static int get_fact(struct reader *reader, json_t *object, const char *name, bool *ret_fact)
{
    json_t *value = json_object_get(object, name);
    if (value && !json_is_boolean(value)) {
        return complain(reader, "\"%s\" is neither true nor false", name);
    }
    *ret_fact = value ? json_is_true(value) : *ret_fact;
    return 0;
}

/* One of `count` words. */
static int get_choice(struct reader *reader, json_t *object, const char *name,
                      const char *const *words, unsigned count, unsigned *ret_choice)
{
    const char *text = NULL;
    int rc = get_text(reader, object, name, &text);
    if (rc < 0 || !text) {
        return rc;
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret_choice = i;
            return 0;
        }
    }
    return complain(reader, "\"%s\": unknown \"%.60s\"", name, text);
}

static int get_list(struct reader *reader, json_t *object, const char *name, json_t **ret_list)
{
    size_t i;
    json_t *item;
    *ret_list = json_object_get(object, name);
    if (*ret_list && !json_is_array(*ret_list)) {
        return complain(reader, "\"%s\" is not a list", name);
    }
    json_array_foreach(*ret_list, i, item)
    {
        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item)) {
            return complain(reader, "\"%s\" is not a list of texts", name);
        }
    }
    return 0;
}

/* ---- nodes ---- */

static const char node_members[] = " id effect race parallel number text argv after needs makes "
                                   "tag domain kind cost timeout_ms retries "
                                   "retry_delay_ms cached place ";

static int read_common(struct reader *reader, json_t *object, struct koken_teg_effect *effect)
{
    static const char *const kinds[] = {"perform", "pure", "bind", "handle"};
    static const char *const places[] = {"worker", "pool"};
    unsigned kind = effect->kind, place = effect->place;
    uint64_t timeout_ms = 0, delay_ms = 0;
    int rc = get_text(reader, object, "id", &effect->id);
    rc = rc ? rc : get_text(reader, object, "tag", &effect->tag);
    rc = rc ? rc : get_text(reader, object, "domain", &effect->domain);
    rc = rc ? rc : get_choice(reader, object, "kind", kinds, 4, &kind);
    rc = rc ? rc : get_choice(reader, object, "place", places, 2, &place);
    rc = rc ? rc : get_number(reader, object, "cost", INT64_MAX, &effect->cost);
    rc = rc ? rc : get_number(reader, object, "timeout_ms", UINT32_MAX, &timeout_ms);
    rc = rc ? rc : get_number32(reader, object, "retries", &effect->retries);
    rc = rc ? rc : get_number(reader, object, "retry_delay_ms", UINT32_MAX, &delay_ms);
    rc = rc ? rc : get_fact(reader, object, "cached", &effect->is_cached);
    KN_ASSERT(kind < KOKEN_TEG_KIND_COUNT_ && place < KOKEN_TEG_PLACE_COUNT_);
    effect->kind = (enum koken_teg_kind)kind;
    effect->place = (enum koken_teg_place)place;
    effect->timeout_ns = timeout_ms ? KOKEN_MS(timeout_ms) : effect->timeout_ns;
    effect->retry_delay_ns = delay_ms ? KOKEN_MS(delay_ms) : effect->retry_delay_ns;
    return rc;
}

static const struct koken_teg_effect *find_effect(const struct koken_teg_named *effects,
                                                  const char *name)
{
    for (; effects && effects->name; effects++) {
        if (strcmp(effects->name, name) == 0) {
            return &effects->effect;
        }
    }
    return NULL;
}

static int read_command(struct reader *reader, json_t *object)
{
    struct koken_teg_effect effect = {.kind = KOKEN_TEG_PERFORM, .place = KOKEN_TEG_ON_POOL};
    const char *argv[ARGS_MOST + 1];
    json_t *list = NULL, *item;
    size_t i;
    int rc = read_common(reader, object, &effect);
    rc = rc ? rc : get_list(reader, object, "argv", &list);
    if (rc < 0) {
        return rc;
    }
    if (json_array_size(list) == 0 || json_array_size(list) > ARGS_MOST) {
        return complain(reader, "a command needs an \"argv\" of 1 to %d texts", ARGS_MOST);
    }
    json_array_foreach(list, i, item)
    {
        argv[i] = json_string_value(item);
    }
    argv[json_array_size(list)] = NULL;
    (void)koken_teg_add_command(reader->teg, &effect, argv); /* the check tells */
    return 0;
}

/* A node with an effect of its own. */
static int read_effect(struct reader *reader, json_t *object)
{
    const char *name = NULL, *text = NULL;
    json_t *number = json_object_get(object, "number");
    int rc = get_text(reader, object, "effect", &name);
    if (rc < 0 || !name) {
        return rc < 0 ? rc : complain(reader, "no \"effect\"");
    }
    if (strcmp(name, "command") == 0 && !number && !json_object_get(object, "text")) {
        return read_command(reader, object);
    }
    const struct koken_teg_effect *known = find_effect(reader->effects, name);
    known = known ? known : find_effect(kn_teg_effects(), name);
    if (!known || json_object_get(object, "argv")) {
        return complain(reader, "unknown effect \"%.60s\", or not with \"argv\"", name);
    }
    struct koken_teg_effect effect = *known;
    int64_t value = json_is_integer(number) ? json_integer_value(number) : 0;
    effect.tag = effect.tag ? effect.tag : name;
    rc = read_common(reader, object, &effect);
    rc = rc ? rc : get_text(reader, object, "text", &text);
    if (rc == 0 && (number ? !json_is_integer(number) || text : 0)) {
        rc = complain(reader, "\"number\" is not a whole number, or there is \"text\" too");
    }
    if (number) {
        effect.arg = &value;
        effect.arg_size = sizeof value;
    } else if (text) {
        effect.arg = text;
        effect.arg_size = strlen(text);
        effect.arg = effect.arg_size ? effect.arg : NULL;
    }
    if (rc == 0) {
        (void)koken_teg_add(reader->teg, &effect); /* the check tells */
    }
    return rc;
}

/* A race or a parallel. */
static int read_join(struct reader *reader, json_t *object, const char *name)
{
    koken_teg_node nodes[64];
    const char *id = NULL;
    json_t *list = NULL, *item;
    size_t i;
    int rc = get_text(reader, object, "id", &id);
    rc = rc ? rc : get_list(reader, object, name, &list);
    if (rc < 0) {
        return rc;
    }
    size_t count = json_array_size(list);
    if (count > sizeof nodes / sizeof nodes[0]) {
        return complain(reader, "\"%s\" has more than 64 nodes", name);
    }
    json_array_foreach(list, i, item)
    {
        nodes[i] = koken_teg_find(reader->teg, json_string_value(item));
        if (!nodes[i].number) {
            return complain(reader, "\"%s\": no node \"%.60s\" that is not a join, or before it",
                            name, json_string_value(item));
        }
    }
    (void)(name[0] == 'r' ? koken_teg_race : koken_teg_parallel)(reader->teg, id, nodes,
                                                                 (uint32_t)count);
    return 0;
}

static int add_claims(struct reader *reader, json_t *object, koken_teg_node node, const char *name,
                      void (*add)(struct koken_teg *teg, koken_teg_node node, const char *name))
{
    json_t *list = NULL, *item;
    size_t i;
    int rc = get_list(reader, object, name, &list);
    if (rc == 0) {
        json_array_foreach(list, i, item)
        {
            add(reader->teg, node, json_string_value(item));
        }
    }
    return rc;
}

/* What a node has to do with others. */
static int read_ties(struct reader *reader, json_t *object, koken_teg_node node)
{
    json_t *list = NULL, *item;
    const char *id = json_string_value(json_object_get(object, "id"));
    size_t i;
    int rc = get_list(reader, object, "after", &list);
    rc = rc ? rc : add_claims(reader, object, node, "needs", koken_teg_needs);
    rc = rc ? rc : add_claims(reader, object, node, "makes", koken_teg_makes);
    if (rc < 0) {
        return rc;
    }
    json_array_foreach(list, i, item)
    {
        koken_teg_node from = koken_teg_find(reader->teg, json_string_value(item));
        if (from.number) {
            koken_teg_link(reader->teg, from, node);
        } else {
            koken_teg_link_ids(reader->teg, json_string_value(item), id ? id : "");
        }
    }
    return 0;
}

static bool is_join(json_t *object)
{
    return json_object_get(object, "race") || json_object_get(object, "parallel");
}

static int read_node(struct reader *reader, json_t *object, bool is_joins_turn)
{
    uint32_t before = koken_teg_count(reader->teg);
    int rc = check_members(reader, object, node_members);
    if (rc < 0 || is_join(object) != is_joins_turn) {
        return rc;
    }
    if (!is_joins_turn) {
        rc = read_effect(reader, object);
    } else if (json_object_get(object, "effect") ||
               (json_object_get(object, "race") && json_object_get(object, "parallel"))) {
        rc = complain(reader, "\"effect\", \"race\" and \"parallel\" exclude each other");
    } else {
        rc = read_join(reader, object, json_object_get(object, "race") ? "race" : "parallel");
    }
    if (rc == 0 && koken_teg_count(reader->teg) > before) {
        rc = read_ties(reader, object, (koken_teg_node){before + 1});
    }
    return rc;
}

/* ---- the rest ---- */

static int read_link(struct reader *reader, json_t *object)
{
    static const char *const words[] = {"always",    "true", "false",   "equal",
                                        "not_equal", "less", "greater", "failed"};
    const char *from = NULL, *to = NULL;
    json_t *when = json_object_get(object, "when"), *operand = NULL;
    unsigned choice = 0;
    int rc = check_members(reader, object, " from to when ");
    rc = rc ? rc : get_text(reader, object, "from", &from);
    rc = rc ? rc : get_text(reader, object, "to", &to);
    if (rc < 0 || !from || !to) {
        return rc < 0 ? rc : complain(reader, "no \"from\" or \"to\"");
    }
    if (!when) {
        koken_teg_link_ids(reader->teg, from, to);
        return 0;
    }
    if (json_is_object(when) && json_object_size(when) == 1) {
        const char *key = json_object_iter_key(json_object_iter(when));
        operand = json_object_get(when, key);
        for (choice = KOKEN_TEG_EQUAL; choice <= KOKEN_TEG_GREATER; choice++) {
            if (strcmp(words[choice], key) == 0) {
                break;
            }
        }
        if (choice > KOKEN_TEG_GREATER || !json_is_integer(operand)) {
            return complain(reader, "\"when\": unknown \"%.60s\", or not with a whole number", key);
        }
    } else {
        rc = get_choice(reader, object, "when", words, 8, &choice);
        if (rc < 0 || (choice >= KOKEN_TEG_EQUAL && choice <= KOKEN_TEG_GREATER)) {
            return rc < 0 ? rc : complain(reader, "\"when\": \"%s\" needs a number", words[choice]);
        }
    }
    koken_teg_link_ids_when(reader->teg, from, to, (enum koken_teg_when)choice,
                            operand ? json_integer_value(operand) : 0);
    return 0;
}

static int read_resource(struct reader *reader, json_t *object)
{
    static const char *const uses[] = {"shared", "linear", "exclusive"};
    const char *name = NULL;
    unsigned use = 0;
    bool is_initial = false;
    int rc = check_members(reader, object, " name use initial ");
    rc = rc ? rc : get_text(reader, object, "name", &name);
    rc = rc ? rc : get_choice(reader, object, "use", uses, 3, &use);
    rc = rc ? rc : get_fact(reader, object, "initial", &is_initial);
    if (rc == 0 && !name) {
        rc = complain(reader, "no \"name\"");
    }
    if (rc == 0) {
        koken_teg_resource(reader->teg, name, (enum koken_teg_use)use, is_initial);
    }
    return rc;
}

static int read_config(struct reader *reader, json_t *root)
{
    static const char *const failures[] = {"fail_fast", "isolate"};
    struct koken_teg_config *config = &reader->document->config;
    json_t *from = json_object_get(root, "config"), *options = json_object_get(root, "options");
    unsigned failure = 0;
    int rc = 0;
    reader->list = NULL;
    if (from) {
        rc = check_members(reader, from,
                           " worker_count steal_timeout_ms load_balance_threshold node_timeout_ms "
                           "adaptive_scheduling pool_count ");
        rc = rc ? rc : get_number32(reader, from, "worker_count", &config->worker_count);
        rc = rc ? rc : get_number32(reader, from, "steal_timeout_ms", &config->steal_timeout_ms);
        rc = rc ? rc
                : get_number32(reader, from, "load_balance_threshold",
                               &config->load_balance_threshold);
        rc = rc ? rc : get_number32(reader, from, "node_timeout_ms", &config->node_timeout_ms);
        rc = rc ? rc : get_fact(reader, from, "adaptive_scheduling", &config->adaptive_scheduling);
        rc = rc ? rc : get_number32(reader, from, "pool_count", &config->pool_count);
    }
    if (rc == 0 && options) {
        rc = check_members(reader, options, " failure undo ");
        rc = rc ? rc : get_choice(reader, options, "failure", failures, 2, &failure);
        rc = rc ? rc : get_fact(reader, options, "undo", &reader->document->options.undo);
        reader->document->options.failure = (enum koken_teg_failure)failure;
    }
    return rc;
}

static int read_nodes(struct reader *reader, json_t *object)
{
    return read_node(reader, object, /* is_joins_turn= */ false);
}

static int read_joins(struct reader *reader, json_t *object)
{
    return read_node(reader, object, /* is_joins_turn= */ true);
}

/* Each element of a list. */
static int read_each(struct reader *reader, json_t *root, const char *name,
                     int (*read)(struct reader *reader, json_t *object))
{
    json_t *list = json_object_get(root, name);
    int rc = 0;
    reader->list = NULL;
    if (list && !json_is_array(list)) {
        return complain(reader, "\"%s\" is not a list", name);
    }
    reader->list = name;
    for (reader->index = 0; rc == 0 && reader->index < json_array_size(list); reader->index++) {
        rc = read(reader, json_array_get(list, reader->index));
    }
    return rc;
}

static int read_root(struct reader *reader, json_t *root)
{
    uint64_t version = 0;
    int rc = check_members(reader, root, " teg nodes links resources config options ");
    rc = rc ? rc : get_number(reader, root, "teg", INT64_MAX, &version);
    if (rc == 0 && version != 1) {
        rc = complain(reader, "\"teg\" is not 1, the version that is known here");
    }
    rc = rc ? rc : read_each(reader, root, "resources", read_resource);
    rc = rc ? rc : read_each(reader, root, "nodes", read_nodes);
    rc = rc ? rc : read_each(reader, root, "nodes", read_joins);
    rc = rc ? rc : read_each(reader, root, "links", read_link);
    rc = rc ? rc : read_config(reader, root);
    return rc ? rc : koken_teg_check(reader->teg, reader->problem);
}

int koken_teg_read(const char *text, size_t len, const struct koken_teg_named *effects,
                   struct koken_teg_document *ret_document, struct koken_teg_problem *ret_problem)
{
    struct koken_teg_problem problem = {.wrong = KOKEN_TEG_FINE};
    struct koken_teg_document document = {.config = {.struct_size = sizeof document.config}};
    struct reader reader = {.effects = effects, .document = &document, .problem = &problem};
    json_error_t error;
    int rc = len > TEXT_MOST ? -E2BIG : -ENOMEM;
    kn_teg_config_plain(&document.config);
    json_t *root = NULL;
    if (len <= TEXT_MOST) {
        reader.teg = koken_teg_new();
        root = reader.teg ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &error) : NULL;
        if (root) {
            rc = read_root(&reader, root);
        } else if (reader.teg) {
            rc = complain(&reader, "line %d, column %d: %.160s", error.line, error.column,
                          error.text);
        }
    }
    json_decref(root);
    KN_ASSERT(rc <= 0);
    if (rc == 0) {
        KN_ASSERT(koken_teg_count(reader.teg) == 0 || reader.teg->is_checked);
        document.teg = reader.teg;
        *ret_document = document;
    } else {
        koken_teg_free(reader.teg);
    }
    if (ret_problem) {
        *ret_problem = problem;
    }
    return rc;
}
