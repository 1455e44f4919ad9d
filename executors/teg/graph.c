/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a graph. Nothing is judged here but what cannot be written down at all: the first thing that is
 * wrong is remembered, and the check tells it.
 */
#include "executors/teg/graph.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

uint64_t kn_teg_kind_cost(enum koken_teg_kind kind)
{
    static const uint8_t costs[KOKEN_TEG_KIND_COUNT_] = {
        [KOKEN_TEG_PERFORM] = 10, [KOKEN_TEG_PURE] = 1,     [KOKEN_TEG_BIND] = 2,
        [KOKEN_TEG_HANDLE] = 5,   [KOKEN_TEG_PARALLEL] = 1, [KOKEN_TEG_RACE] = 1,
    };
    KN_ASSERT(kind < KOKEN_TEG_KIND_COUNT_);
    return costs[kind];
}

void kn_teg_note(struct koken_teg *teg, enum koken_teg_wrong wrong, uint32_t node, uint32_t other)
{
    KN_ASSERT(wrong != KOKEN_TEG_FINE);
    if (teg->wrong == KOKEN_TEG_FINE) {
        teg->wrong = wrong;
        teg->wrong_nodes[0] = node;
        teg->wrong_nodes[1] = other;
    }
}

/* Whether nothing can be added any more: checked, or given up for lack of memory. */
static bool is_closed(const struct koken_teg *teg)
{
    return teg->is_checked || teg->wrong == KOKEN_TEG_NO_MEMORY;
}

struct koken_teg *koken_teg_new(void)
{
    struct koken_teg *teg = kn_alloc(sizeof *teg, _Alignof(struct koken_teg), -1);
    if (teg) {
        memset(teg, 0, sizeof *teg);
        kn_atomic_init(&teg->refs, 1);
    }
    return teg;
}

void kn_teg_ref(struct koken_teg *teg)
{
    KN_ASSERT(teg->is_checked);
    /* Relaxed: whoever has a reference already knows the graph. */
    uint32_t before = kn_add(&teg->refs, 1, relaxed);
    KOKEN_CHECK(before > 0);
}

void koken_teg_free(struct koken_teg *teg)
{
    if (!teg) {
        return;
    }
    /* [TG1] release: what this user has read; acquire: what all of them have. */
    uint32_t before = kn_sub(&teg->refs, 1, acq_rel);
    KOKEN_CHECK(before > 0);
    if (before > 1) {
        return;
    }
    kn_teg_ungrow(teg->nodes, teg->node_room, sizeof *teg->nodes);
    kn_teg_ungrow(teg->cold, teg->cold_room, sizeof *teg->cold);
    kn_teg_ungrow(teg->links, teg->link_room, sizeof *teg->links);
    kn_teg_ungrow(teg->claims, teg->claim_room, sizeof *teg->claims);
    kn_teg_ungrow(teg->resources, teg->resource_room, sizeof *teg->resources);
    kn_teg_ungrow(teg->id_nodes, teg->id_room, sizeof *teg->id_nodes);
    kn_teg_names_fini(&teg->ids);
    kn_teg_names_fini(&teg->keys);
    kn_teg_names_fini(&teg->resource_names);
    if (teg->frozen) {
        kn_free(teg->frozen, teg->frozen_size, KN_CACHE_LINE);
    }
    kn_free(teg, sizeof *teg, _Alignof(struct koken_teg));
}

/* ---- nodes ---- */

/* The number of an id, with a place for its node; KN_TEG_NO_NAME: no memory. */
static uint32_t id_number(struct koken_teg *teg, const char *id)
{
    uint32_t before = teg->ids.count;
    uint32_t number = kn_teg_names_add(&teg->ids, id, strlen(id));
    if (number == KN_TEG_NO_NAME || teg->ids.count == before) {
        return number;
    }
    KN_ASSERT(number == before);
    uint32_t *id_nodes = kn_teg_grow(teg->id_nodes, number, &teg->id_room, sizeof *id_nodes);
    if (!id_nodes) {
        return KN_TEG_NO_NAME; /* the graph is given up: the name without a place harms nobody */
    }
    teg->id_nodes = id_nodes;
    id_nodes[number] = 0;
    return number;
}

/* The number of {kind, tag, domain}: one byte, tag, a zero byte, domain. */
static uint32_t key_number(struct koken_teg *teg, const struct koken_teg_effect *effect)
{
    const char *tag = effect->tag ? effect->tag : "";
    const char *domain = effect->domain ? effect->domain : "";
    size_t tag_len = strlen(tag), domain_len = strlen(domain);
    size_t len = 1 + tag_len + 1 + domain_len;
    char small[128], *text = small;
    if (len > sizeof small) {
        text = kn_alloc(len, 1, -1);
        if (!text) {
            return KN_TEG_NO_NAME;
        }
    }
    KN_ASSERT((unsigned)effect->kind < KOKEN_TEG_KIND_COUNT_);
    text[0] = (char)('0' + (int)effect->kind);
    memcpy(text + 1, tag, tag_len + 1);
    memcpy(text + 1 + tag_len + 1, domain, domain_len);
    uint32_t key = kn_teg_names_add(&teg->keys, text, len);
    if (text != small) {
        kn_free(text, len, 1);
    }
    return key;
}

struct kn_teg_key kn_teg_key_of(const struct koken_teg *teg, uint32_t key)
{
    KN_ASSERT(key < teg->keys.count);
    const struct kn_teg_name *text = &teg->keys.texts[key];
    const char *tag = text->text + 1;
    KN_ASSERT(text->len >= 2);
    return (struct kn_teg_key){(enum koken_teg_kind)(text->text[0] - '0'), tag,
                               tag + strlen(tag) + 1};
}

/* Room for a node, its number and its key. False: no memory. */
static bool make_room(struct koken_teg *teg)
{
    void *nodes = kn_teg_grow(teg->nodes, teg->count, &teg->node_room, sizeof *teg->nodes);
    if (!nodes) {
        return false;
    }
    teg->nodes = nodes;
    void *cold = kn_teg_grow(teg->cold, teg->count, &teg->cold_room, sizeof *teg->cold);
    if (!cold) {
        return false;
    }
    teg->cold = cold;
    return true;
}

static bool is_sound(const struct koken_teg_effect *effect)
{
    bool is_join = effect->kind == KOKEN_TEG_PARALLEL || effect->kind == KOKEN_TEG_RACE;
    return (unsigned)effect->kind < KOKEN_TEG_KIND_COUNT_ &&
           (unsigned)effect->place < KOKEN_TEG_PLACE_COUNT_ && (is_join || effect->run) &&
           (effect->arg || !effect->arg_size) &&
           (!effect->is_cached ||
            (effect->kind == KOKEN_TEG_PURE && effect->place != KOKEN_TEG_ELSEWHERE &&
             (!effect->arg || effect->arg_size)));
}

koken_teg_node koken_teg_add(struct koken_teg *teg, const struct koken_teg_effect *effect)
{
    koken_teg_node none = {0}, node = {teg->count + 1};
    if (is_closed(teg)) {
        return none;
    }
    KN_ASSERT(teg->count < UINT32_MAX / 4);
    if (!is_sound(effect)) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, node.number, 0);
        return none;
    }
    uint32_t key = key_number(teg, effect);
    uint32_t id = effect->id ? id_number(teg, effect->id) : 0;
    const void *arg = effect->arg;
    if (effect->arg_size) {
        arg = kn_teg_names_keep(&teg->keys, effect->arg, effect->arg_size);
    }
    if (key == KN_TEG_NO_NAME || id == KN_TEG_NO_NAME || (effect->arg && !arg) || !make_room(teg)) {
        kn_teg_note(teg, KOKEN_TEG_NO_MEMORY, 0, 0);
        return none;
    }
    KN_ASSERT(teg->count < teg->node_room && teg->count < teg->cold_room);
    teg->nodes[teg->count] = (struct kn_teg_node){
        .run = effect->run,
        .arg = arg,
        .cost = effect->cost ? effect->cost : kn_teg_kind_cost(effect->kind),
        .key = key,
        .kind = (uint8_t)effect->kind,
        .place = (uint8_t)effect->place,
        .flags = (uint8_t)(effect->is_cached ? KN_TEG_CACHED : 0),
        .retries_more = effect->retries > 0,
    };
    teg->cold[teg->count] = (struct kn_teg_cold){
        .id = effect->id ? teg->ids.texts[id].text : NULL,
        .undo = effect->undo,
        .arg_size = effect->arg_size,
        .timeout_ns = effect->timeout_ns,
        .retry_delay_ns = effect->retry_delay_ns,
        .retries = effect->retries,
    };
    teg->count++;
    teg->has_undo = teg->has_undo || effect->undo;
    teg->has_cached = teg->has_cached || effect->is_cached;
    if (effect->id) {
        if (teg->id_nodes[id]) {
            kn_teg_note(teg, KOKEN_TEG_DUPLICATE_ID, teg->id_nodes[id], node.number);
        } else {
            teg->id_nodes[id] = node.number;
        }
    }
    return node;
}

koken_teg_node koken_teg_find(const struct koken_teg *teg, const char *id)
{
    uint32_t number = kn_teg_names_find(&teg->ids, id, strlen(id));
    return (koken_teg_node){number == KN_TEG_NO_NAME ? 0 : teg->id_nodes[number]};
}

uint32_t koken_teg_count(const struct koken_teg *teg)
{
    return teg->count;
}

uint32_t koken_teg_link_count(const struct koken_teg *teg)
{
    return teg->link_count;
}

const char *koken_teg_id(const struct koken_teg *teg, koken_teg_node node, char *text, size_t room)
{
    const char *id = kn_teg_is_node(teg, node) ? teg->cold[node.number - 1].id : NULL;
    if (id && room > 0) {
        size_t len = strnlen(id, room - 1);
        while (len > 0 && ((unsigned char)id[len] & 0xc0) == 0x80) { /* not within a character */
            len--;
        }
        memcpy(text, id, len);
        text[len] = '\0';
    } else {
        (void)snprintf(text, room, "#%u", node.number);
    }
    return text;
}

/* ---- links ---- */

bool kn_teg_add_link(struct koken_teg *teg, struct kn_teg_link link)
{
    KN_ASSERT(!teg->is_checked);
    KN_ASSERT(link.is_named || (link.from < teg->count && link.to < teg->count));
    void *links = kn_teg_grow(teg->links, teg->link_count, &teg->link_room, sizeof *teg->links);
    if (!links) {
        kn_teg_note(teg, KOKEN_TEG_NO_MEMORY, 0, 0);
        return false;
    }
    teg->links = links;
    teg->links[teg->link_count++] = link;
    return true;
}

static void link_nodes(struct koken_teg *teg, koken_teg_node from, koken_teg_node to, uint8_t kind,
                       enum koken_teg_when when, int64_t operand)
{
    if (is_closed(teg)) {
        return;
    }
    if (!kn_teg_is_node(teg, from) || !kn_teg_is_node(teg, to)) {
        kn_teg_note(teg, KOKEN_TEG_UNKNOWN_NODE, from.number, to.number);
        return;
    }
    if ((unsigned)when >= KOKEN_TEG_WHEN_COUNT_) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, from.number, to.number);
        return;
    }
    (void)kn_teg_add_link(teg, (struct kn_teg_link){.from = from.number - 1,
                                                    .to = to.number - 1,
                                                    .kind = kind,
                                                    .when = (uint8_t)when,
                                                    .operand = operand});
}

void koken_teg_link(struct koken_teg *teg, koken_teg_node from, koken_teg_node to)
{
    link_nodes(teg, from, to, KN_TEG_CAUSE, KOKEN_TEG_ALWAYS, 0);
}

void koken_teg_link_when(struct koken_teg *teg, koken_teg_node from, koken_teg_node to,
                         enum koken_teg_when when, int64_t operand)
{
    link_nodes(teg, from, to, KN_TEG_CONTROL, when, operand);
}

static void link_ids(struct koken_teg *teg, const char *from, const char *to, uint8_t kind,
                     enum koken_teg_when when, int64_t operand)
{
    if (is_closed(teg)) {
        return;
    }
    if (!from || !to || (unsigned)when >= KOKEN_TEG_WHEN_COUNT_) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, 0, 0);
        return;
    }
    uint32_t source = id_number(teg, from), target = id_number(teg, to);
    if (source == KN_TEG_NO_NAME || target == KN_TEG_NO_NAME) {
        kn_teg_note(teg, KOKEN_TEG_NO_MEMORY, 0, 0);
        return;
    }
    (void)kn_teg_add_link(teg, (struct kn_teg_link){.from = source,
                                                    .to = target,
                                                    .kind = kind,
                                                    .when = (uint8_t)when,
                                                    .is_named = 1,
                                                    .operand = operand});
}

void koken_teg_link_ids(struct koken_teg *teg, const char *from, const char *to)
{
    link_ids(teg, from, to, KN_TEG_CAUSE, KOKEN_TEG_ALWAYS, 0);
}

void koken_teg_link_ids_when(struct koken_teg *teg, const char *from, const char *to,
                             enum koken_teg_when when, int64_t operand)
{
    link_ids(teg, from, to, KN_TEG_CONTROL, when, operand);
}

void koken_teg_sequence(struct koken_teg *teg, const koken_teg_node *nodes, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        koken_teg_link(teg, nodes[i - 1], nodes[i]);
    }
}

static koken_teg_node join(struct koken_teg *teg, const char *id, enum koken_teg_kind kind,
                           uint8_t link, const koken_teg_node *nodes, uint32_t count)
{
    koken_teg_node node = koken_teg_add(teg, &(struct koken_teg_effect){.id = id, .kind = kind});
    if (node.number && count == 0) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, node.number, 0); /* nobody runs */
    }
    for (uint32_t i = 0; i < count && node.number; i++) {
        link_nodes(teg, nodes[i], node, link, KOKEN_TEG_ALWAYS, 0);
    }
    return node;
}

koken_teg_node koken_teg_race(struct koken_teg *teg, const char *id, const koken_teg_node *nodes,
                              uint32_t count)
{
    return join(teg, id, KOKEN_TEG_RACE, KN_TEG_ENTRANT, nodes, count);
}

koken_teg_node koken_teg_parallel(struct koken_teg *teg, const char *id,
                                  const koken_teg_node *nodes, uint32_t count)
{
    return join(teg, id, KOKEN_TEG_PARALLEL, KN_TEG_CAUSE, nodes, count);
}

/* ---- resources ---- */

/* The number of a resource, made if it is new; KN_TEG_NO_NAME: it cannot be. The graph is given up if its
 * place cannot be had, so that no name is without one. */
static uint32_t resource_number(struct koken_teg *teg, const char *name)
{
    if (is_closed(teg)) {
        return KN_TEG_NO_NAME;
    }
    if (!name) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, 0, 0);
        return KN_TEG_NO_NAME;
    }
    uint32_t before = teg->resource_names.count;
    uint32_t number = kn_teg_names_add(&teg->resource_names, name, strlen(name));
    if (number != KN_TEG_NO_NAME && teg->resource_names.count > before) {
        void *grown =
            kn_teg_grow(teg->resources, number, &teg->resource_room, sizeof *teg->resources);
        if (grown) {
            KN_ASSERT(number == before);
            teg->resources = grown;
            teg->resources[number] = (struct kn_teg_resource){0};
        } else {
            number = KN_TEG_NO_NAME;
        }
    }
    if (number == KN_TEG_NO_NAME) {
        kn_teg_note(teg, KOKEN_TEG_NO_MEMORY, 0, 0);
    }
    return number;
}

void koken_teg_resource(struct koken_teg *teg, const char *name, enum koken_teg_use use,
                        bool is_initial)
{
    uint32_t number = resource_number(teg, name);
    if (number == KN_TEG_NO_NAME) {
        return;
    }
    if ((unsigned)use >= KOKEN_TEG_USE_COUNT_) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, 0, 0);
        return;
    }
    KN_ASSERT(number < teg->resource_names.count);
    teg->resources[number].use = (uint8_t)use;
    teg->resources[number].is_initial = is_initial;
}

static void claim(struct koken_teg *teg, koken_teg_node node, const char *name, uint8_t what)
{
    uint32_t number = resource_number(teg, name);
    if (number == KN_TEG_NO_NAME) {
        return;
    }
    if (!kn_teg_is_node(teg, node)) {
        kn_teg_note(teg, KOKEN_TEG_UNKNOWN_NODE, node.number, 0);
        return;
    }
    void *claims =
        kn_teg_grow(teg->claims, teg->claim_count, &teg->claim_room, sizeof *teg->claims);
    if (!claims) {
        kn_teg_note(teg, KOKEN_TEG_NO_MEMORY, 0, 0);
        return;
    }
    KN_ASSERT(what == KN_TEG_NEEDS || what == KN_TEG_MAKES);
    teg->claims = claims;
    teg->claims[teg->claim_count++] = (struct kn_teg_claim){node.number - 1, number, what};
}

void koken_teg_needs(struct koken_teg *teg, koken_teg_node node, const char *name)
{
    claim(teg, node, name, KN_TEG_NEEDS);
}

void koken_teg_makes(struct koken_teg *teg, koken_teg_node node, const char *name)
{
    claim(teg, node, name, KN_TEG_MAKES);
}
