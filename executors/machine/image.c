/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a heap as bytes. Every node comes after its parts, so that a reader can tell by comparing numbers that
 * nothing leads to itself, and how deep it is.
 */
#include "executors/machine/image.h"

#include "base/alloc.h"
#include "executors/machine/ledger.h"

#include <errno.h>

#define NOWHERE UINT32_MAX

/* ---- what is reached ---- */

/* stack, numbers of nodes and symbols, order, symbols, and four of channels: one block. */
static size_t image_size(const struct koken_machine *m)
{
    size_t nodes = (size_t)m->cell_count + m->resource_count;
    return nodes * (2 * sizeof(uint32_t) + sizeof(struct kn_visit)) +
           m->symbol_count * 2 * sizeof(uint32_t) + m->channel_count * 5 * sizeof(uint32_t) + 16;
}

int kn_image_begin(struct kn_image *image, const struct koken_machine *m, bool moves)
{
    size_t nodes = (size_t)m->cell_count + m->resource_count;
    uint8_t *memory = kn_alloc(image_size(m), 16, -1);
    if (!memory) {
        return -ENOMEM;
    }
    *image = (struct kn_image){.m = m, .stack = (struct kn_visit *)(void *)memory, .moves = moves};
    image->numbers = (uint32_t *)(void *)(image->stack + nodes);
    image->order = image->numbers + nodes + m->symbol_count;
    image->symbols = image->order + nodes;
    image->channels = image->symbols + m->symbol_count;
    image->are_reached = image->channels + m->channel_count;
    image->order_of_channels = image->are_reached + m->channel_count;
    image->ends = image->order_of_channels + m->channel_count; /* two of each channel */
    memset(image->numbers, 0, (nodes + m->symbol_count) * sizeof *image->numbers);
    memset(image->channels, 0, 2 * (size_t)m->channel_count * sizeof *image->channels);
    return 0;
}

void kn_image_end(struct kn_image *image)
{
    kn_free(image->stack, image_size(image->m), 16);
    image->stack = NULL;
}

static bool is_alive(const struct koken_machine *m, struct koken_value ref)
{
    KN_ASSERT(ref.tag == KOKEN_VALUE_REF);
    return ref.data < m->resource_count && m->resources[ref.data].generation == ref.aux &&
           !m->resources[ref.data].is_consumed;
}

static uint32_t node_of(const struct koken_machine *m, struct koken_value value)
{
    if (kn_has_cell(value)) {
        KN_ASSERT(value.data < m->cell_count);
        return (uint32_t)value.data;
    }
    return value.tag == KOKEN_VALUE_REF && is_alive(m, value) ? m->cell_count + (uint32_t)value.data
                                                              : (uint32_t)NOWHERE;
}

static struct koken_value part_of(const struct koken_machine *m, uint32_t node, uint32_t i)
{
    KN_ASSERT(i < 2 && node < m->cell_count + m->resource_count);
    if (node < m->cell_count) {
        return i == 0 ? m->cells[node].a : m->cells[node].b;
    }
    const struct kn_resource *resource = &m->resources[node - m->cell_count];
    return i == 0 ? resource->value : resource->type;
}

void kn_image_symbol(struct kn_image *image, uint32_t symbol)
{
    const struct koken_machine *m = image->m;
    KN_ASSERT(symbol < m->symbol_count);
    uint32_t *number = &image->numbers[m->cell_count + m->resource_count + symbol];
    if (*number == 0) {
        image->symbols[image->symbol_count] = symbol;
        *number = ++image->symbol_count;
    }
}

static void reach_end(struct kn_image *image, struct koken_value end)
{
    const struct koken_machine *m = image->m;
    uint32_t number = (uint32_t)(end.data / 2), side = (uint32_t)(end.data & 1);
    if (!kn_end_is_open(m, end)) {
        return;
    }
    if (!image->channels[number]) {
        image->order_of_channels[image->channel_count] = number;
        image->channels[number] = ++image->channel_count;
    }
    if (!(image->are_reached[number] >> side & 1)) {
        KN_ASSERT(image->end_count < 2 * m->channel_count);
        image->are_reached[number] |= 1u << side;
        image->ends[image->end_count++] = (uint32_t)end.data;
    }
}

static void reach_other(struct kn_image *image, struct koken_value value)
{
    if (value.tag == KOKEN_VALUE_SYMBOL || value.tag == KOKEN_VALUE_EFFECT) {
        kn_image_symbol(image, (uint32_t)value.data);
    } else if (value.tag == KOKEN_VALUE_SUM) {
        kn_image_symbol(image, value.aux);
    }
    if (value.tag == KOKEN_VALUE_CHANNEL) {
        reach_end(image, value);
    }
}

/* A node that was entered but not left has the number NOWHERE: it is on the stack. */
void kn_image_reach(struct kn_image *image, struct koken_value value)
{
    const struct koken_machine *m = image->m;
    uint32_t root = node_of(m, value), depth = 0;
    reach_other(image, value);
    if (root == NOWHERE || image->numbers[root]) {
        return;
    }
    image->numbers[root] = NOWHERE;
    image->stack[depth++] = (struct kn_visit){root, 0};
    while (depth > 0) { /* ends: each node is entered once, and has two parts */
        struct kn_visit *top = &image->stack[depth - 1];
        if (top->next < 2) {
            struct koken_value part = part_of(m, top->node, top->next++);
            uint32_t node = node_of(m, part);
            reach_other(image, part);
            if (node != NOWHERE && !image->numbers[node]) {
                KN_ASSERT(depth < m->cell_count + m->resource_count);
                image->numbers[node] = NOWHERE;
                image->stack[depth++] = (struct kn_visit){node, 0};
            }
            continue;
        }
        bool is_cell = top->node < m->cell_count;
        image->order[image->node_count++] = top->node;
        image->numbers[top->node] = is_cell ? ++image->cell_count : ++image->resource_count;
        depth--;
    }
}

uint32_t kn_image_resource(const struct kn_image *image, uint32_t i)
{
    KN_ASSERT(i < image->node_count);
    uint32_t node = image->order[i];
    return node < image->m->cell_count ? (uint32_t)NOWHERE : node - image->m->cell_count;
}

/* ---- writing ---- */

static uint32_t number_of(const struct kn_image *image, uint32_t node)
{
    uint32_t number = image->numbers[node];
    KN_ASSERT(number > 0 && number != NOWHERE);
    return number - 1;
}

void kn_image_put_symbol(const struct kn_image *image, struct kn_writer *writer, uint32_t symbol)
{
    const struct koken_machine *m = image->m;
    kn_put_number(writer, number_of(image, m->cell_count + m->resource_count + symbol));
}

static void put_end(const struct kn_image *image, struct kn_writer *writer, struct koken_value end)
{
    if (!kn_end_is_open(image->m, end)) { /* 0: names nothing any more */
        kn_put_number(writer, 0);
        kn_put_number(writer, image->moves ? 0 : end.aux);
        return;
    }
    uint32_t number = image->channels[end.data / 2];
    KN_ASSERT(number > 0);
    kn_put_number(writer, 2 * (uint64_t)(number - 1) + (end.data & 1) + 1);
}

void kn_image_put_value(const struct kn_image *image, struct kn_writer *writer,
                        struct koken_value value)
{
    uint32_t node = node_of(image->m, value);
    KN_ASSERT(value.tag <= KOKEN_VALUE_CHANNEL && value.kind < 4);
    kn_put_number(writer, value.tag);
    if (value.tag == KOKEN_VALUE_NONE) {
        return;
    }
    kn_put_number(writer, value.kind);
    switch (value.tag) {
    case KOKEN_VALUE_UNIT: break;
    case KOKEN_VALUE_SYMBOL:
    case KOKEN_VALUE_EFFECT: kn_image_put_symbol(image, writer, (uint32_t)value.data); break;
    case KOKEN_VALUE_SUM: kn_image_put_symbol(image, writer, value.aux); break;
    case KOKEN_VALUE_FUNCTION:
    case KOKEN_VALUE_PARTIAL:
    case KOKEN_VALUE_TYPE: kn_put_number(writer, value.aux); break;
    case KOKEN_VALUE_CHANNEL: put_end(image, writer, value); return;
    case KOKEN_VALUE_REF: /* 0: names nothing any more */
        kn_put_number(writer, node == NOWHERE ? 0 : number_of(image, node) + 1);
        if (node == NOWHERE) {
            kn_put_number(writer, image->moves ? 0 : value.aux);
        }
        return;
    default: break;
    }
    if (node != NOWHERE) {
        kn_put_number(writer, number_of(image, node));
    } else if (value.tag == KOKEN_VALUE_BOOL || value.tag == KOKEN_VALUE_INT ||
               value.tag == KOKEN_VALUE_BUILTIN || value.tag == KOKEN_VALUE_FUNCTION) {
        kn_put_number(writer, value.data);
    }
}

static void put_resource(const struct kn_image *image, struct kn_writer *writer,
                         const struct kn_resource *resource)
{
    kn_put_number(writer, resource->origin);
    kn_put_number(writer, resource->serial);
    kn_put_number(writer, resource->hop + (image->moves ? 1u : 0u));
    if (!image->moves) {
        kn_put_number(writer, resource->generation);
    }
    kn_image_put_value(image, writer, resource->value);
    kn_image_put_value(image, writer, resource->type);
}

void kn_image_put_heap(struct kn_image *image, struct kn_writer *writer)
{
    const struct koken_machine *m = image->m;
    KN_ASSERT(image->node_count == image->cell_count + image->resource_count);
    kn_put_number(writer, image->symbol_count);
    for (uint32_t i = 0; i < image->symbol_count; i++) {
        uint32_t len;
        const char *text = kn_symbol_text(m, image->symbols[i], &len);
        kn_put_number(writer, len);
        kn_put(writer, text, len);
    }
    kn_put_number(writer, image->node_count);
    for (uint32_t i = 0; i < image->node_count; i++) {
        uint32_t node = image->order[i];
        kn_put_number(writer, node >= m->cell_count);
        if (node < m->cell_count) {
            kn_image_put_value(image, writer, m->cells[node].a);
            kn_image_put_value(image, writer, m->cells[node].b);
        } else {
            put_resource(image, writer, &m->resources[node - m->cell_count]);
        }
    }
}

/* ---- reading ---- */

uint32_t kn_arrival_symbol(const struct kn_arrival *arrival, struct kn_reader *reader)
{
    uint32_t number = kn_get(reader);
    if (number >= arrival->symbol_count) {
        reader->is_bad = true;
        return 0;
    }
    return arrival->symbols[number];
}

/* Whether a cell may be what such a value leads to. */
static bool is_fit(const struct koken_machine *m, const struct kn_cell *cell,
                   struct koken_value value)
{
    bool is_single = value.tag == KOKEN_VALUE_SUM || value.tag == KOKEN_VALUE_PARTIAL;
    if (value.tag == KOKEN_VALUE_TYPE) {
        KN_ASSERT(kn_type_parts[value.aux] > 0);
        if (kn_type_is_list(value.aux)) {
            return cell->a.tag == KOKEN_VALUE_SUM && cell->b.tag == KOKEN_VALUE_TYPE &&
                   (cell->b.aux == value.aux || cell->b.aux == KN_TYPE_UNIT) &&
                   m->cells[cell->a.data].a.tag == KOKEN_VALUE_TYPE;
        }
        return cell->a.tag == KOKEN_VALUE_TYPE &&
               cell->b.tag == (kn_type_parts[value.aux] > 1 ? KOKEN_VALUE_TYPE : KOKEN_VALUE_NONE);
    }
    return cell->a.tag != KOKEN_VALUE_NONE && (cell->b.tag == KOKEN_VALUE_NONE) == is_single;
}

static void get_cell(const struct kn_arrival *arrival, struct kn_reader *reader,
                     struct koken_value *value)
{
    const struct koken_machine *m = arrival->m;
    uint32_t number = kn_get(reader);
    if (number >= m->cell_count - arrival->cell_base ||
        !is_fit(m, &m->cells[arrival->cell_base + number], *value)) {
        reader->is_bad = true;
        *value = koken_value_unit();
        return;
    }
    value->data = arrival->cell_base + number;
    const struct kn_cell *cell = &m->cells[value->data];
    unsigned depth = (cell->a.spare > cell->b.spare ? cell->a.spare : cell->b.spare) + 1u;
    reader->is_bad |= depth > KN_DEPTH_MAX;
    value->spare = (uint8_t)(depth <= KN_DEPTH_MAX ? depth : 0);
}

static void get_ref(const struct kn_arrival *arrival, struct kn_reader *reader,
                    struct koken_value *value)
{
    const struct koken_machine *m = arrival->m;
    uint32_t number = kn_get(reader);
    reader->is_bad |=
        value->kind != KOKEN_KIND_LINEAR || number > m->resource_count - arrival->resource_base;
    if (number == 0 || reader->is_bad) {
        value->data = NOWHERE;
        value->aux = reader->is_bad ? 0 : kn_get(reader);
        return;
    }
    value->data = arrival->resource_base + number - 1;
    value->aux = m->resources[value->data].generation;
}

static void get_end(const struct kn_arrival *arrival, struct kn_reader *reader,
                    struct koken_value *value)
{
    const struct koken_machine *m = arrival->m;
    uint32_t number = kn_get(reader);
    reader->is_bad |=
        value->kind != KOKEN_KIND_LINEAR || number > 2 * (m->channel_count - arrival->channel_base);
    if (number == 0 || reader->is_bad) {
        value->data = NOWHERE;
        value->aux = reader->is_bad ? 0 : kn_get(reader);
        return;
    }
    value->data = 2 * (uint64_t)arrival->channel_base + number - 1;
    const struct kn_duplex *channel = &m->channels[value->data / 2];
    reader->is_bad |= channel->is_closed[value->data & 1];
    value->aux = channel->generation[value->data & 1];
}

struct koken_value kn_arrival_value(const struct kn_arrival *arrival, struct kn_reader *reader)
{
    struct koken_value value = {.tag = (uint8_t)kn_get_below(reader, KOKEN_VALUE_CHANNEL + 1)};
    if (value.tag == KOKEN_VALUE_NONE) {
        return value;
    }
    value.kind = (uint8_t)kn_get_below(reader, 4);
    switch (value.tag) {
    case KOKEN_VALUE_BOOL: value.data = kn_get_below(reader, 2); break;
    case KOKEN_VALUE_INT: value.data = kn_get(reader); break;
    case KOKEN_VALUE_BUILTIN: value.data = kn_get_below(reader, KN_BUILTIN_COUNT_); break;
    case KOKEN_VALUE_SYMBOL:
    case KOKEN_VALUE_EFFECT: value.data = kn_arrival_symbol(arrival, reader); break;
    case KOKEN_VALUE_FUNCTION: /* looked at when it is applied */
        value.aux = kn_get(reader);
        value.data = kn_get_below(reader, KN_TABLE_MAX);
        break;
    case KOKEN_VALUE_TYPE: value.aux = kn_get_below(reader, KN_TYPE_COUNT_); break;
    case KOKEN_VALUE_PARTIAL:
        value.aux = kn_get_below(reader, KN_BUILTIN_COUNT_);
        reader->is_bad |= kn_builtin_arguments[value.aux] != 2;
        break;
    case KOKEN_VALUE_SUM: value.aux = kn_arrival_symbol(arrival, reader); break;
    case KOKEN_VALUE_REF: get_ref(arrival, reader, &value); break;
    case KOKEN_VALUE_CHANNEL: get_end(arrival, reader, &value); break;
    default: break;
    }
    if (kn_has_cell(value)) {
        get_cell(arrival, reader, &value);
    }
    KN_ASSERT(!kn_has_cell(value) || value.data < arrival->m->cell_count);
    return value;
}

static bool is_here_already(const struct koken_machine *m, const struct kn_resource *fresh)
{
    for (uint32_t i = 0; i < m->resource_count; i++) {
        const struct kn_resource *at = &m->resources[i];
        if (at->serial == fresh->serial && at->origin == fresh->origin && !at->is_consumed) {
            return true;
        }
    }
    for (uint32_t i = 0; i < m->nullified_count; i++) {
        if (m->nullified[i].serial == fresh->serial && m->nullified[i].origin == fresh->origin) {
            return true;
        }
    }
    return false;
}

static int get_resource(struct kn_arrival *arrival, struct kn_reader *reader)
{
    struct koken_machine *m = arrival->m;
    struct kn_resource resource = {.origin = kn_get64(reader), .serial = kn_get64(reader)};
    resource.hop = kn_get(reader);
    resource.generation = arrival->moves ? kn_generation(m) : kn_get(reader);
    resource.value = kn_arrival_value(arrival, reader);
    resource.type = kn_arrival_value(arrival, reader);
    reader->is_bad |= resource.value.tag == KOKEN_VALUE_NONE ||
                      resource.type.tag != KOKEN_VALUE_TYPE || resource.hop >= KN_HOP_END - 1;
    if (reader->is_bad) {
        return -EINVAL;
    }
    if (is_here_already(m, &resource)) {
        return -EPERM;
    }
    if (arrival->moves && m->config.ledger &&
        !kn_ledger_is_fresh(m->config.ledger, resource.origin, resource.serial, resource.hop)) {
        return -EPERM;
    }
    if (m->resource_count >= KN_RESOURCES_MAX ||
        !kn_grow(&m->resources, &m->resource_room, m->resource_count + 1, sizeof *m->resources)) {
        return -ENOMEM;
    }
    m->arrivals += arrival->moves;
    m->resources[m->resource_count++] = resource;
    return 0;
}

static int get_node(struct kn_arrival *arrival, struct kn_reader *reader)
{
    struct koken_machine *m = arrival->m;
    if (kn_get_below(reader, 2) == 1) {
        return get_resource(arrival, reader);
    }
    struct kn_cell cell = {.a = kn_arrival_value(arrival, reader)};
    cell.b = kn_arrival_value(arrival, reader);
    if (reader->is_bad) {
        return -EINVAL;
    }
    if (m->cell_count >= m->config.cells_max ||
        !kn_grow(&m->cells, &m->cell_room, m->cell_count + 1, sizeof *m->cells)) {
        return -ENOMEM;
    }
    m->cells[m->cell_count++] = cell;
    return 0;
}

static int get_symbols(struct kn_arrival *arrival, struct kn_reader *reader)
{
    struct koken_machine *m = arrival->m;
    uint32_t count = kn_get_count(reader, 4 * KN_TABLE_MAX, 1);
    arrival->symbols = kn_alloc((count + 1) * sizeof *arrival->symbols, 4, -1);
    if (!arrival->symbols) {
        return -ENOMEM;
    }
    arrival->symbol_count = count; /* of the block, too */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = kn_get_count(reader, KN_SYMBOL_MAX, 1);
        arrival->symbols[i] = kn_symbol(m, (const char *)reader->at, len);
        if (reader->is_bad || arrival->symbols[i] == UINT32_MAX) {
            return reader->is_bad ? -EINVAL : -ENOMEM;
        }
        reader->at += len;
    }
    return 0;
}

int kn_arrival_begin(struct kn_arrival *arrival, struct koken_machine *m, bool moves,
                     bool has_channels, struct kn_reader *reader)
{
    *arrival = (struct kn_arrival){
        .m = m, .cell_base = m->cell_count, .resource_base = m->resource_count, .moves = moves};
    arrival->symbol_base = m->symbol_count;
    arrival->arrivals_base = m->arrivals;
    arrival->channel_base = m->channel_count;
    arrival->message_base = m->message_count;
    arrival->steps_base = m->steps_of_channels;
    int rc = has_channels ? kn_arrival_ends(arrival, reader) : 0;
    rc = rc < 0 ? rc : get_symbols(arrival, reader);
    uint32_t count = rc < 0 ? 0 : kn_get_count(reader, UINT32_MAX, 3);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = get_node(arrival, reader);
    }
    rc = rc == 0 && reader->is_bad ? -EINVAL : rc;
    if (rc < 0) {
        kn_arrival_end(arrival, /* is_kept= */ false);
    }
    return rc;
}

void kn_arrival_end(struct kn_arrival *arrival, bool is_kept)
{
    struct koken_machine *m = arrival->m;
    KN_ASSERT(m->cell_count >= arrival->cell_base && m->resource_count >= arrival->resource_base);
    if (!is_kept) {
        m->cell_count = arrival->cell_base;
        m->resource_count = arrival->resource_base;
        m->arrivals = arrival->arrivals_base;
        m->channel_count = arrival->channel_base;
        m->message_count = arrival->message_base;
        m->steps_of_channels = arrival->steps_base;
        kn_symbols_cut(m, arrival->symbol_base);
    }
    if (arrival->symbols) {
        kn_free(arrival->symbols, (arrival->symbol_count + 1) * sizeof *arrival->symbols, 4);
        arrival->symbols = NULL;
    }
}
