/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check: everything that can be wrong with a graph is found before its first effect runs. In this order:
 * what was noted while it was built; ids that nobody has; resources (each has one maker at most, a linear one
 * one consumer at most, what is needed is made or there already); cycles; races.
 *
 * A graph that passes is closed: links by node in both directions, the turns of exclusive resources, a
 * topological order, bottom levels and the order of one worker are made here, in one piece of memory.
 */
#include "executors/teg/graph.h"

#include "base/alloc.h"
#include "executors/teg/order.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const int errors[KOKEN_TEG_WRONG_COUNT_] = {
    [KOKEN_TEG_NO_MEMORY] = -ENOMEM,      [KOKEN_TEG_BAD_NODE] = -EINVAL,
    [KOKEN_TEG_DUPLICATE_ID] = -EALREADY, [KOKEN_TEG_UNKNOWN_NODE] = -ESRCH,
    [KOKEN_TEG_LINEARITY] = -EPERM,       [KOKEN_TEG_UNSATISFIABLE] = -EAGAIN,
    [KOKEN_TEG_CYCLE] = -EDEADLK,
};

/* Memory of one check, besides what stays: arrays by node. */
struct scratch {
    uint32_t *degree; /* links into it that are not done; or where its next link goes */
    uint32_t *queue;  /* a heap of nodes that have none, or a path */
    void *memory;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static int complain(struct koken_teg_problem *problem,
                                                          enum koken_teg_wrong wrong,
                                                          const char *format, ...)
{
    va_list args;
    KN_ASSERT(wrong > KOKEN_TEG_FINE && wrong < KOKEN_TEG_WRONG_COUNT_);
    va_start(args, format);
    problem->wrong = wrong;
    (void)vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    KN_ASSERT(errors[wrong] < 0);
    return errors[wrong];
}

static void concern(struct koken_teg_problem *problem, uint32_t number)
{
    KN_ASSERT(number > 0);
    if (problem->count < KOKEN_TEG_PROBLEM_NODES) {
        problem->nodes[problem->count] = (koken_teg_node){number};
    }
    problem->count++;
}

static const char *name_of(const struct koken_teg *teg, uint32_t index, char *text, size_t room)
{
    KN_ASSERT(index < teg->count);
    return koken_teg_id(teg, (koken_teg_node){index + 1}, text, room);
}

/* What was noted while the graph was built. */
static int check_notes(const struct koken_teg *teg, struct koken_teg_problem *problem)
{
    char text[64];
    if (teg->wrong == KOKEN_TEG_FINE) {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        if (teg->wrong_nodes[i]) {
            concern(problem, teg->wrong_nodes[i]);
        }
    }
    uint32_t first = teg->wrong_nodes[0], second = teg->wrong_nodes[1];
    switch (teg->wrong) {
    case KOKEN_TEG_DUPLICATE_ID:
        return complain(problem, teg->wrong, "InvalidGraph: Duplicate node ID: %s",
                        name_of(teg, first - 1, text, sizeof text));
    case KOKEN_TEG_UNKNOWN_NODE:
        return complain(problem, teg->wrong, "NodeNotFound: a link from #%u to #%u", first, second);
    case KOKEN_TEG_NO_MEMORY: return complain(problem, teg->wrong, "out of memory");
    default:
        if (first >= 1 && first <= teg->count && second >= 1 && second <= teg->count) {
            return complain(problem, teg->wrong,
                            "InvalidGraph: the link from %s to #%u makes no sense",
                            name_of(teg, first - 1, text, sizeof text), second);
        }
        return first >= 1 && first <= teg->count
                   ? complain(problem, teg->wrong, "InvalidGraph: %s makes no sense",
                              name_of(teg, first - 1, text, sizeof text))
                   : complain(problem, teg->wrong, "InvalidGraph: #%u makes no sense", first);
    }
}

/* Links by id become links by node. */
static int resolve(struct koken_teg *teg, struct koken_teg_problem *problem)
{
    for (uint32_t i = 0; i < teg->link_count; i++) {
        struct kn_teg_link *link = &teg->links[i];
        if (!link->is_named) {
            continue;
        }
        KN_ASSERT(link->from < teg->ids.count && link->to < teg->ids.count);
        uint32_t from = teg->id_nodes[link->from], to = teg->id_nodes[link->to];
        if (!from || !to) {
            return complain(problem, KOKEN_TEG_UNKNOWN_NODE, "NodeNotFound: %.180s",
                            teg->ids.texts[from ? link->to : link->from].text);
        }
        KN_ASSERT(from <= teg->count && to <= teg->count);
        link->from = from - 1;
        link->to = to - 1;
        link->is_named = 0;
    }
    return 0;
}

/* ---- resources ---- */

/* Finds the maker of each resource. */
static int find_makers(struct koken_teg *teg, struct koken_teg_problem *problem)
{
    for (uint32_t i = 0; i < teg->resource_names.count; i++) {
        teg->resources[i].maker = 0;
    }
    for (uint32_t i = 0; i < teg->claim_count; i++) {
        const struct kn_teg_claim *claim = &teg->claims[i];
        KN_ASSERT(claim->node < teg->count && claim->resource < teg->resource_names.count);
        struct kn_teg_resource *resource = &teg->resources[claim->resource];
        if (claim->what != KN_TEG_MAKES) {
            continue;
        }
        if (resource->maker) {
            concern(problem, resource->maker);
            concern(problem, claim->node + 1);
            return complain(problem, KOKEN_TEG_LINEARITY,
                            "LinearityViolation: %.160s is made by two nodes",
                            teg->resource_names.texts[claim->resource].text);
        }
        resource->maker = claim->node + 1;
    }
    return 0;
}

/* One consumer of a linear resource, and somebody who makes what is needed. consumers: by resource, node + 1. */
static int check_needs(struct koken_teg *teg, struct koken_teg_problem *problem,
                       uint32_t *consumers)
{
    for (uint32_t i = 0; i < teg->claim_count; i++) {
        const struct kn_teg_claim *claim = &teg->claims[i];
        const struct kn_teg_resource *resource = &teg->resources[claim->resource];
        const char *name = teg->resource_names.texts[claim->resource].text;
        KN_ASSERT(resource->maker <= teg->count);
        if (claim->what != KN_TEG_NEEDS) {
            continue;
        }
        if (resource->use == KOKEN_TEG_LINEAR) {
            if (consumers[claim->resource]) {
                concern(problem, consumers[claim->resource]);
                concern(problem, claim->node + 1);
                return complain(problem, KOKEN_TEG_LINEARITY,
                                "LinearityViolation: %.160s has two consumers", name);
            }
            consumers[claim->resource] = claim->node + 1;
            teg->nodes[claim->node].flags |= KN_TEG_NEEDS_LINEAR;
        }
        if (!resource->maker && !resource->is_initial) {
            concern(problem, claim->node + 1);
            return complain(problem, KOKEN_TEG_UNSATISFIABLE, "UnsatisfiableResource: %.160s",
                            name);
        }
    }
    return 0;
}

/* Who needs a resource is linked to its maker. link_claims says which links are of that making. */
static int add_resource_links(struct koken_teg *teg, struct koken_teg_problem *problem)
{
    for (uint32_t i = 0; i < teg->claim_count; i++) {
        const struct kn_teg_claim *claim = &teg->claims[i];
        uint32_t maker = teg->resources[claim->resource].maker;
        if (claim->what == KN_TEG_NEEDS && maker && maker - 1 != claim->node &&
            !kn_teg_add_link(teg, (struct kn_teg_link){.from = maker - 1,
                                                       .to = claim->node,
                                                       .kind = KN_TEG_RESOURCE})) {
            return complain(problem, KOKEN_TEG_NO_MEMORY, "out of memory");
        }
    }
    return 0;
}

static int check_resources(struct koken_teg *teg, struct koken_teg_problem *problem)
{
    uint32_t count = teg->resource_names.count;
    if (count == 0) {
        return 0;
    }
    uint32_t *consumers = kn_alloc(count * sizeof *consumers, _Alignof(uint32_t), -1);
    if (!consumers) {
        return complain(problem, KOKEN_TEG_NO_MEMORY, "out of memory");
    }
    memset(consumers, 0, count * sizeof *consumers);
    int rc = find_makers(teg, problem);
    if (rc == 0) {
        rc = check_needs(teg, problem, consumers);
    }
    kn_free(consumers, count * sizeof *consumers, _Alignof(uint32_t));
    return rc < 0 ? rc : add_resource_links(teg, problem);
}

/*
 * The users of an exclusive resource take turns, in topological order: then no cycle can arise. Only those that
 * need it: its maker comes before them anyway.
 */
static bool add_turns(struct koken_teg *teg, const uint32_t *place)
{
    uint32_t count = teg->claim_count;
    size_t size = count * (2 * sizeof(uint64_t) + 2 * sizeof(uint32_t)) + 1;
    uint64_t *resources = kn_alloc(size, _Alignof(uint64_t), -1);
    if (!resources) {
        return false;
    }
    uint64_t *places = resources + count;
    uint32_t *order = (uint32_t *)(places + count);
    for (uint32_t i = 0; i < count; i++) {
        resources[i] = teg->claims[i].resource;
        places[i] = place[teg->claims[i].node];
        KN_ASSERT(places[i] < teg->count);
    }
    kn_teg_sort(resources, places, count, order, order + count);
    bool is_done = true;
    const struct kn_teg_claim *last = NULL;
    for (uint32_t i = 0; i < count && is_done; i++) {
        const struct kn_teg_claim *claim = &teg->claims[order[i]];
        if (teg->resources[claim->resource].use != KOKEN_TEG_EXCLUSIVE ||
            claim->what != KN_TEG_NEEDS) {
            continue;
        }
        if (last && last->resource == claim->resource && last->node != claim->node) {
            KN_ASSERT(place[last->node] < place[claim->node]); /* so no cycle can arise */
            is_done = kn_teg_add_link(
                teg,
                (struct kn_teg_link){.from = last->node, .to = claim->node, .kind = KN_TEG_TURN});
        }
        last = claim;
    }
    kn_free(resources, size, _Alignof(uint64_t));
    return is_done;
}

/* ---- links by node ---- */

/* Fills outs and ins from links. Inputs come in the order in which their links were made, turns last. */
static void index_links(struct koken_teg *teg, uint32_t *next)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < teg->count; i++) {
        struct kn_teg_node *node = &teg->nodes[i];
        node->out_count = node->in_count = node->input_count = 0;
        node->flags &= (uint8_t) ~(KN_TEG_CONTROLLED | KN_TEG_ENTRANT_OF | KN_TEG_HANDLED);
    }
    for (uint32_t i = 0; i < teg->link_count; i++) {
        const struct kn_teg_link *link = &teg->links[i];
        struct kn_teg_node *from = &teg->nodes[link->from], *to = &teg->nodes[link->to];
        KN_ASSERT(!link->is_named && link->from < teg->count && link->to < teg->count);
        from->out_count++;
        to->in_count++;
        to->input_count += link->kind != KN_TEG_TURN;
        to->flags |= link->kind == KN_TEG_CONTROL ? KN_TEG_CONTROLLED : 0;
        from->flags |= link->kind == KN_TEG_ENTRANT ? KN_TEG_ENTRANT_OF : 0;
        from->flags |= link->when == KOKEN_TEG_IS_FAILED ? KN_TEG_HANDLED : 0;
    }
    for (uint32_t i = 0; i < teg->count; i++) {
        teg->nodes[i].out = next[i] = at;
        at += teg->nodes[i].out_count;
    }
    KN_ASSERT(at == teg->link_count);
    for (uint32_t i = 0; i < teg->link_count; i++) {
        const struct kn_teg_link *link = &teg->links[i];
        teg->outs[next[link->from]++] = (struct kn_teg_out){
            .to = link->to, .kind = link->kind, .when = link->when, .operand = link->operand};
    }
    at = 0;
    for (uint32_t i = 0; i < teg->count; i++) {
        teg->nodes[i].in = at;
        next[i] = teg->nodes[i].out;
        at += teg->nodes[i].in_count;
        teg->nodes[i].in_count = 0;
    }
    KN_ASSERT(at == teg->link_count);
    for (uint32_t i = 0; i < teg->link_count; i++) { /* turns were added last: they come last */
        const struct kn_teg_link *link = &teg->links[i];
        struct kn_teg_node *to = &teg->nodes[link->to];
        teg->ins[to->in + to->in_count++] =
            (struct kn_teg_in){.from = link->from, .out = next[link->from]++};
    }
}

/* A heap of indices, smallest first. */
static void heap_push(uint32_t *heap, uint32_t count, uint32_t value)
{
    uint32_t at = count;
    while (at > 0 && heap[(at - 1) / 2] > value) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = value;
}

static uint32_t heap_pop(uint32_t *heap, uint32_t count)
{
    uint32_t top = heap[0], value = heap[count - 1], at = 0;
    KN_ASSERT(count > 0);
    count--;
    for (;;) { /* ends: at is a leaf, or in order */
        uint32_t child = 2 * at + 1;
        if (child + 1 < count && heap[child + 1] < heap[child]) {
            child++;
        }
        if (child >= count || heap[child] >= value) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = value;
    return top;
}

/* Kahn's algorithm. Answers how many nodes it could order; degree is not 0 in the others. */
static uint32_t sort(struct koken_teg *teg, struct scratch *scratch)
{
    uint32_t waiting = 0, done = 0;
    for (uint32_t i = 0; i < teg->count; i++) {
        scratch->degree[i] = teg->nodes[i].in_count;
        if (scratch->degree[i] == 0) {
            scratch->queue[waiting++] = i; /* ascending: a heap */
        }
    }
    while (waiting > 0) { /* ends: each round orders a node */
        uint32_t index = heap_pop(scratch->queue, waiting--);
        const struct kn_teg_node *node = &teg->nodes[index];
        KN_ASSERT(done < teg->count && scratch->degree[index] == 0);
        teg->topo[done++] = index;
        for (uint32_t i = 0; i < node->out_count; i++) {
            uint32_t to = teg->outs[node->out + i].to;
            KN_ASSERT(scratch->degree[to] > 0);
            if (--scratch->degree[to] == 0) {
                heap_push(scratch->queue, waiting++, to);
            }
        }
    }
    KN_ASSERT(done <= teg->count);
    return done;
}

/*
 * One concrete cycle: from any node that could not be ordered, back over links to others like it, until one
 * comes twice. Each such node has one, or it would have been ordered.
 */
static int show_cycle(const struct koken_teg *teg, struct scratch *scratch,
                      struct koken_teg_problem *problem)
{
    uint32_t at = 0, len = 0, *seen = teg->topo; /* not needed any more: place in the path + 1 */
    memset(seen, 0, teg->count * sizeof *seen);
    while (scratch->degree[at] == 0) { /* ends: not all could be ordered */
        at++;
        KN_ASSERT(at < teg->count);
    }
    while (!seen[at]) { /* ends: a node comes twice after at most count steps */
        const struct kn_teg_node *node = &teg->nodes[at];
        KN_ASSERT(len < teg->count);
        scratch->queue[len++] = at;
        seen[at] = len;
        uint32_t i = 0;
        while (scratch->degree[teg->ins[node->in + i].from] == 0) { /* ends: see above */
            i++;
            KN_ASSERT(i < node->in_count);
        }
        at = teg->ins[node->in + i].from;
    }
    uint32_t first = seen[at] - 1; /* the cycle is queue[first .. len), backwards */
    char list[160] = "", text[64];
    size_t used = 0;
    KN_ASSERT(first < len);
    for (uint32_t i = len; i-- > first;) {
        concern(problem, scratch->queue[i] + 1);
        if (used < sizeof list - sizeof text) {
            used += (size_t)snprintf(list + used, sizeof list - used, "%.40s -> ",
                                     name_of(teg, scratch->queue[i], text, sizeof text));
        }
    }
    KN_ASSERT(problem->count == len - first);
    return complain(problem, KOKEN_TEG_CYCLE, "CyclicDependency: %s%s%.40s", list,
                    used < sizeof list - sizeof text ? "" : "... -> ",
                    name_of(teg, scratch->queue[len - 1], text, sizeof text));
}

/* A race has entrants only, and these have nothing but the race. */
static int check_races(const struct koken_teg *teg, struct koken_teg_problem *problem)
{
    char text[64];
    for (uint32_t i = 0; i < teg->count; i++) {
        const struct kn_teg_node *node = &teg->nodes[i];
        if (node->kind != KOKEN_TEG_RACE) {
            continue;
        }
        bool is_good = node->in_count > 0;
        for (uint32_t j = 0; j < node->in_count; j++) {
            const struct kn_teg_in *in = &teg->ins[node->in + j];
            is_good = is_good && teg->outs[in->out].kind == KN_TEG_ENTRANT &&
                      teg->nodes[in->from].out_count == 1;
        }
        if (!is_good) {
            concern(problem, i + 1);
            return complain(problem, KOKEN_TEG_BAD_NODE,
                            "InvalidGraph: the race %s needs entrants that nobody else depends on",
                            name_of(teg, i, text, sizeof text));
        }
    }
    return 0;
}

/* ---- the whole ---- */

/* Memory for what stays, for up to `links` links. */
static bool reserve(struct koken_teg *teg, uint32_t links)
{
    size_t nodes = teg->count;
    size_t size = links * (sizeof *teg->outs + sizeof *teg->ins) +
                  nodes * (sizeof *teg->levels + sizeof *teg->topo + sizeof *teg->order) +
                  KN_CACHE_LINE;
    KN_ASSERT(!teg->frozen);
    unsigned char *memory = kn_alloc(size, KN_CACHE_LINE, -1);
    if (!memory) {
        return false;
    }
    teg->frozen = memory;
    teg->frozen_size = size;
    teg->outs = (void *)memory;
    memory += links * sizeof *teg->outs;
    teg->levels = (void *)memory;
    memory += nodes * sizeof *teg->levels;
    teg->ins = (void *)memory;
    memory += links * sizeof *teg->ins;
    teg->topo = (void *)memory;
    memory += nodes * sizeof *teg->topo;
    teg->order = (void *)memory;
    KN_ASSERT((unsigned char *)(teg->order + nodes) <= (unsigned char *)teg->frozen + size);
    return true;
}

static void unreserve(struct koken_teg *teg)
{
    if (teg->frozen) {
        kn_free(teg->frozen, teg->frozen_size, KN_CACHE_LINE);
        teg->frozen = NULL;
    }
}

static int freeze(struct koken_teg *teg, struct scratch *scratch, struct koken_teg_problem *problem)
{
    uint32_t own = teg->link_count, claims = teg->claim_count;
    if (!reserve(teg, own + claims)) { /* a turn per claim at most */
        return complain(problem, KOKEN_TEG_NO_MEMORY, "out of memory");
    }
    index_links(teg, scratch->degree);
    if (sort(teg, scratch) < teg->count) {
        return show_cycle(teg, scratch, problem);
    }
    int rc = check_races(teg, problem);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < teg->count; i++) {
        scratch->queue[teg->topo[i]] = i;
    }
    if (!add_turns(teg, scratch->queue)) {
        return complain(problem, KOKEN_TEG_NO_MEMORY, "out of memory");
    }
    if (teg->link_count > own) {
        index_links(teg, scratch->degree);
        uint32_t sorted = sort(teg, scratch);
        KOKEN_CHECK(sorted == teg->count);
    }
    if (!kn_teg_order_static(teg)) {
        return complain(problem, KOKEN_TEG_NO_MEMORY, "out of memory");
    }
    teg->source_count = teg->sink_count = 0;
    for (uint32_t i = 0; i < teg->count; i++) {
        teg->source_count += teg->nodes[i].in_count == 0;
        teg->sink_count += teg->nodes[i].out_count == 0;
    }
    KN_ASSERT(teg->count == 0 || (teg->source_count > 0 && teg->sink_count > 0));
    return 0;
}

/* Looks for all that can be wrong, and closes the graph. Links that were implied go again if it fails. */
static int check(struct koken_teg *teg, struct koken_teg_problem *problem)
{
    struct scratch scratch = {0};
    int rc = check_notes(teg, problem);
    if (rc < 0) {
        return rc;
    }
    rc = resolve(teg, problem);
    if (rc < 0) {
        return rc;
    }
    uint32_t links = teg->link_count;
    scratch.size = 2 * (size_t)teg->count * sizeof(uint32_t) + 1;
    scratch.memory = kn_alloc(scratch.size, _Alignof(uint32_t), -1);
    if (!scratch.memory) {
        return complain(problem, KOKEN_TEG_NO_MEMORY, "out of memory");
    }
    scratch.degree = scratch.memory;
    scratch.queue = scratch.degree + teg->count;
    rc = check_resources(teg, problem);
    if (rc == 0) {
        rc = freeze(teg, &scratch, problem);
    }
    kn_free(scratch.memory, scratch.size, _Alignof(uint32_t));
    if (rc < 0) {
        teg->link_count = links;
        unreserve(teg);
    }
    return rc;
}

int koken_teg_check(struct koken_teg *teg, struct koken_teg_problem *ret_problem)
{
    struct koken_teg_problem problem = {.wrong = KOKEN_TEG_FINE};
    int rc = 0;
    if (!teg->is_checked) {
        rc = check(teg, &problem);
        teg->is_checked = rc == 0;
        KN_ASSERT((rc < 0) == (problem.wrong != KOKEN_TEG_FINE));
    }
    if (ret_problem) {
        *ret_problem = problem;
    }
    return rc;
}

int koken_teg_shape(const struct koken_teg *teg, struct koken_teg_shape *ret_shape)
{
    struct koken_teg_shape shape = {.nodes = teg->count,
                                    .links = teg->link_count,
                                    .sources = teg->source_count,
                                    .sinks = teg->sink_count};
    if (!teg->is_checked) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < teg->count; i++) {
        uint64_t level = teg->levels[i];
        shape.critical_path_cost =
            level > shape.critical_path_cost ? level : shape.critical_path_cost;
        shape.total_cost = kn_teg_add_cost(shape.total_cost, teg->nodes[i].cost);
    }
    KN_ASSERT(shape.critical_path_cost <= shape.total_cost);
    if (shape.critical_path_cost) {
        shape.parallelism = (double)shape.total_cost / (double)shape.critical_path_cost;
    }
    *ret_shape = shape;
    return 0;
}
