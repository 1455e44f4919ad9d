/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resources, and what the heap looks like between runs. At the end of a run every resource must have been
 * consumed or be reachable from what stays: the registers of a session, or the value that is returned.
 * Tidying copies what is reachable, breadth first, so that a heap has one form however it came to be.
 */
#include "base/alloc.h"
#include "executors/machine/ledger.h"
#include "executors/machine/machine.h"
#include "executors/machine/sha256.h"

#include <errno.h>
#include <string.h>

bool kn_grow(void *items, uint32_t *room, uint32_t need, size_t size)
{
    void *old, *fresh;
    if (need <= *room) {
        return true;
    }
    uint32_t want = *room ? *room : 16;
    while (want < need) { /* ends: doubles; all that grows is bounded */
        want *= 2;
    }
    memcpy(&old, items, sizeof old);
    fresh = kn_alloc(want * size, 16, -1);
    if (!fresh) {
        return false;
    }
    if (old) {
        memcpy(fresh, old, *room * size);
        kn_free(old, *room * size, 16);
    }
    *room = want;
    memcpy(items, &fresh, sizeof fresh);
    return true;
}

/* ---- resources ---- */

int kn_resource_new(struct koken_machine *m, struct koken_value type, struct koken_value value,
                    struct koken_value *ret_ref)
{
    KN_ASSERT(type.tag == KOKEN_VALUE_TYPE && value.tag != KOKEN_VALUE_NONE);
    if (m->resource_count >= KN_RESOURCES_MAX) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, KOKEN_NO_REGISTER,
                       "Memory error: more than %d resources", KN_RESOURCES_MAX);
    }
    if (!kn_grow(&m->resources, &m->resource_room, m->resource_count + 1, sizeof *m->resources)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    value.state = type.state = 0;
    m->resources[m->resource_count] = (struct kn_resource){.value = value,
                                                           .type = type,
                                                           .origin = m->config.origin,
                                                           .serial = m->serial,
                                                           .generation = kn_generation(m)};
    m->serial++;
    *ret_ref = (struct koken_value){.tag = KOKEN_VALUE_REF,
                                    .kind = KOKEN_KIND_LINEAR,
                                    .aux = m->resources[m->resource_count].generation,
                                    .data = m->resource_count};
    m->resource_count++;
    return 0;
}

int kn_resource_consume(struct koken_machine *m, struct koken_value ref, uint32_t reg,
                        struct koken_value *ret_value)
{
    struct kn_resource *resource = ref.data < m->resource_count ? &m->resources[ref.data] : NULL;
    KN_ASSERT(ref.tag == KOKEN_VALUE_REF);
    if (!resource || resource->generation != ref.aux || resource->is_consumed) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_CONSUMED, reg,
                       "Linearity violation: resource %u.%u is consumed already",
                       (unsigned)ref.data, ref.aux);
    }
    if (!kn_grow(&m->nullified, &m->nullified_room, m->nullified_count + 1, sizeof *m->nullified)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, reg, "Memory error: out of memory");
    }
    int rc = kn_resource_spend(m, (uint32_t)ref.data, KN_HOP_END);
    if (rc < 0) {
        return rc == -EPERM ? kn_stop(m, KOKEN_CODE_RESOURCE_CONSUMED, reg,
                                      "Linearity violation: resource %u.%u was consumed elsewhere",
                                      (unsigned)ref.data, ref.aux)
                            : kn_stop(m, KOKEN_CODE_NO_MEMORY, reg, "Memory error: out of memory");
    }
    m->nullified[m->nullified_count++] = (struct kn_nullified){resource->origin, resource->serial};
    *ret_value = resource->value;
    return 0;
}

int kn_resource_spend(struct koken_machine *m, uint32_t index, uint32_t next)
{
    struct kn_resource *resource = &m->resources[index];
    KN_ASSERT(index < m->resource_count && !resource->is_consumed && next > resource->hop);
    if (!kn_grow(&m->touched, &m->touched_room, m->touched_count + 1, sizeof *m->touched)) {
        return -ENOMEM;
    }
    int rc = m->config.ledger ? kn_ledger_spend(m->config.ledger, resource->origin,
                                                resource->serial, resource->hop, next)
                              : 0;
    if (rc == 0) {
        m->touched[m->touched_count++] = index;
        resource->is_consumed = 1;
    }
    return rc;
}

void kn_resource_undo(struct koken_machine *m, uint32_t index)
{
    struct kn_resource *resource = &m->resources[index];
    KN_ASSERT(index < m->resource_count && resource->is_consumed);
    resource->is_consumed = 0;
    if (m->config.ledger) {
        kn_ledger_undo(m->config.ledger, resource->origin, resource->serial, resource->hop);
    }
}

static void put64(uint8_t *at, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++) {
        at[i] = (uint8_t)(word >> (8 * i));
    }
}

void kn_resource_id(uint64_t origin, uint64_t serial, uint8_t ret_id[32])
{
    uint8_t bytes[12 + 16] = "caus-rsrc-v1";
    put64(bytes + 12, origin);
    put64(bytes + 20, serial);
    kn_sha256_short(bytes, sizeof bytes, ret_id);
}

int koken_machine_nullifier(const struct koken_machine *m, uint32_t i, uint8_t ret_nullifier[32])
{
    uint8_t bytes[12 + 64] = "caus-null-v1";
    if (i >= m->nullified_count) {
        return -ESRCH;
    }
    kn_resource_id(m->nullified[i].origin, m->nullified[i].serial, bytes + 12);
    memcpy(bytes + 44, m->config.key, 32);
    kn_sha256_short(bytes, sizeof bytes, ret_nullifier);
    return 0;
}

uint32_t koken_machine_left(const struct koken_machine *m, uint8_t (*ret_ids)[32], uint32_t room)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->resource_count; i++) {
        if (!m->resources[i].is_consumed) {
            if (count < room) {
                kn_resource_id(m->resources[i].origin, m->resources[i].serial, ret_ids[count]);
            }
            count++;
        }
    }
    return count;
}

/* ---- what is reachable ---- */

/* A new heap under way. A cell or resource that has moved is known by its old number. */
struct tidy {
    struct koken_machine *m;
    struct kn_cell *cells;
    struct kn_resource *resources;
    struct kn_duplex *channels;
    struct kn_queued *messages;
    uint32_t *cell_places, *resource_places; /* new number + 1; 0: not reached */
    uint32_t *channel_places;
    uint32_t *ends;        /* that were reached: 2 * the channel's old number + side */
    uint32_t *are_reached; /* by channel: its ends, a bit each */
    uint32_t cell_count, resource_count, channel_count, message_count, end_count;
};

static void reach_end(struct tidy *tidy, struct koken_value *end)
{
    KN_ASSERT(end->tag == KOKEN_VALUE_CHANNEL);
    const struct koken_machine *m = tidy->m;
    uint32_t number = (uint32_t)(end->data / 2), side = (uint32_t)(end->data & 1);
    if (!kn_end_is_open(m, *end)) {
        end->data = UINT32_MAX; /* names nothing any more, and never will again */
        return;
    }
    if (!tidy->channel_places[number]) {
        tidy->channels[tidy->channel_count] = m->channels[number];
        tidy->channels[tidy->channel_count].queues[0] = (struct kn_queue){0};
        tidy->channels[tidy->channel_count].queues[1] = (struct kn_queue){0};
        tidy->channel_places[number] = ++tidy->channel_count;
    }
    if (!(tidy->are_reached[number] >> side & 1)) {
        KN_ASSERT(tidy->end_count < 2 * m->channel_count);
        tidy->are_reached[number] |= 1u << side;
        tidy->ends[tidy->end_count++] = (uint32_t)end->data;
    }
    end->data = 2 * (uint64_t)(tidy->channel_places[number] - 1) + side;
}

static struct koken_value forward(struct tidy *tidy, struct koken_value value)
{
    KN_ASSERT(!kn_has_cell(value) || value.data < tidy->m->cell_count);
    struct koken_machine *m = tidy->m;
    if (kn_has_cell(value)) {
        uint32_t *place = &tidy->cell_places[value.data];
        if (!*place) {
            tidy->cells[tidy->cell_count] = m->cells[value.data];
            *place = ++tidy->cell_count;
        }
        value.data = *place - 1;
    } else if (value.tag == KOKEN_VALUE_REF && value.data < m->resource_count &&
               m->resources[value.data].generation == value.aux &&
               !m->resources[value.data].is_consumed) {
        uint32_t *place = &tidy->resource_places[value.data];
        if (!*place) {
            tidy->resources[tidy->resource_count] = m->resources[value.data];
            *place = ++tidy->resource_count;
        }
        value.data = *place - 1;
    } else if (value.tag == KOKEN_VALUE_REF) {
        value.data = UINT32_MAX; /* names nothing any more, and never will again */
    } else if (value.tag == KOKEN_VALUE_CHANNEL) {
        reach_end(tidy, &value);
    }
    return value;
}

/* What was sent to an end, and both protocols of its channel. */
static void follow_end(struct tidy *tidy, uint32_t end)
{
    const struct koken_machine *m = tidy->m;
    const struct kn_queue *old = &m->channels[end / 2].queues[end & 1];
    struct kn_duplex *channel = &tidy->channels[tidy->channel_places[end / 2] - 1];
    struct kn_queue *fresh = &channel->queues[end & 1];
    uint32_t at = old->first;
    KN_ASSERT(fresh->count == 0); /* each end once */
    fresh->first = tidy->message_count;
    for (uint32_t i = 0; i < old->count; i++) {
        KN_ASSERT(at < m->message_count && tidy->message_count < m->message_count);
        tidy->messages[tidy->message_count] =
            (struct kn_queued){forward(tidy, m->messages[at].value), tidy->message_count + 1};
        fresh->last = tidy->message_count++;
        at = m->messages[at].next;
    }
    fresh->count = old->count;
    for (unsigned side = 0; side < 2;
         side++) { /* the cells of one that was moved are found again */
        channel->protocol[side] = forward(tidy, m->channels[end / 2].protocol[side]);
    }
}

/* Everything that those which were reached reach. */
static void follow(struct tidy *tidy)
{
    uint32_t cell = 0, resource = 0, end = 0;
    while (cell < tidy->cell_count || resource < tidy->resource_count ||
           end < tidy->end_count) { /* ends: each once */
        if (end < tidy->end_count) {
            follow_end(tidy, tidy->ends[end++]);
        } else if (cell < tidy->cell_count) {
            struct kn_cell *at = &tidy->cells[cell++];
            at->a = forward(tidy, at->a);
            at->b = forward(tidy, at->b);
        } else {
            struct kn_resource *at = &tidy->resources[resource++];
            at->value = forward(tidy, at->value);
            at->type = forward(tidy, at->type);
        }
    }
}

static size_t tidy_size(const struct koken_machine *m)
{
    return m->cell_count * (sizeof(struct kn_cell) + 4u) +
           m->resource_count * (sizeof(struct kn_resource) + 4u) +
           m->channel_count * (sizeof(struct kn_duplex) + 16u) +
           m->message_count * sizeof(struct kn_queued) + 16;
}

static bool begin_tidy(struct tidy *tidy, struct koken_machine *m)
{
    uint8_t *memory = kn_alloc(tidy_size(m), 16, -1);
    if (!memory) {
        return false;
    }
    *tidy = (struct tidy){.m = m, .cells = (struct kn_cell *)(void *)memory};
    tidy->resources = (struct kn_resource *)(void *)(tidy->cells + m->cell_count);
    tidy->channels = (struct kn_duplex *)(void *)(tidy->resources + m->resource_count);
    tidy->messages = (struct kn_queued *)(void *)(tidy->channels + m->channel_count);
    tidy->cell_places = (uint32_t *)(void *)(tidy->messages + m->message_count);
    tidy->resource_places = tidy->cell_places + m->cell_count;
    tidy->channel_places = tidy->resource_places + m->resource_count;
    tidy->are_reached = tidy->channel_places + m->channel_count;
    tidy->ends = tidy->are_reached + m->channel_count;
    memset(tidy->cell_places, 0,
           ((size_t)m->cell_count + m->resource_count + 4 * (size_t)m->channel_count) * 4u);
    return true;
}

static void reach_all(struct tidy *tidy, bool is_moving)
{
    KN_ASSERT(tidy->cell_count == 0 && tidy->resource_count == 0 && tidy->end_count == 0);
    struct koken_machine *m = tidy->m;
    for (uint32_t i = 0; i < m->main_count; i++) {
        struct koken_value *at = &m->registers[i];
        if (at->state == KOKEN_REGISTER_LIVE && (m->config.keeps_state || is_moving)) {
            struct koken_value moved = forward(tidy, *at);
            *at = is_moving ? moved : *at;
        } else if (is_moving && at->state == KOKEN_REGISTER_CONSUMED) {
            *at = (struct koken_value){.state = KOKEN_REGISTER_CONSUMED};
        }
    }
    struct koken_value moved = forward(tidy, m->value);
    m->value = is_moving ? moved : m->value;
    follow(tidy);
}

void kn_heap_tidy(struct koken_machine *m, bool is_forced)
{
    KN_ASSERT(!m->config.keeps_state || m->resource_count <= KN_RESOURCES_MAX);
    struct tidy tidy;
    if ((!is_forced && m->cell_count < 2 * m->cells_tidied + 256 && m->touched_count == 0 &&
         m->channel_count == 0) ||
        !begin_tidy(&tidy, m)) {
        return; /* without memory it stays as it is */
    }
    size_t size = tidy_size(m);
    reach_all(&tidy, /* is_moving= */ true);
    if (tidy.cell_count) {
        memcpy(m->cells, tidy.cells, tidy.cell_count * sizeof *m->cells);
    }
    if (tidy.resource_count) {
        memcpy(m->resources, tidy.resources, tidy.resource_count * sizeof *m->resources);
    }
    if (tidy.channel_count) {
        memcpy(m->channels, tidy.channels, tidy.channel_count * sizeof *m->channels);
    }
    if (tidy.message_count) {
        memcpy(m->messages, tidy.messages, tidy.message_count * sizeof *m->messages);
    }
    m->cell_count = m->cells_tidied = tidy.cell_count;
    m->resource_count = tidy.resource_count;
    m->channel_count = tidy.channel_count;
    m->message_count = tidy.message_count;
    kn_free(tidy.cells, size, 16);
}

/* ---- the end of a run ---- */

/* The ends of channels that are open, and that nothing leads to. */
static uint32_t count_lost_ends(const struct tidy *tidy)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < tidy->m->channel_count; i++) {
        for (unsigned side = 0; side < 2; side++) {
            lost += !tidy->m->channels[i].is_closed[side] && !(tidy->are_reached[i] >> side & 1);
        }
    }
    return lost;
}

static int check_resources(struct koken_machine *m)
{
    KN_ASSERT(m->touched_count <= m->resource_count);
    struct tidy tidy;
    uint32_t left = koken_machine_left(m, NULL, 0), lost = 0, first = UINT32_MAX;
    uint32_t open = koken_machine_channels(m);
    if (left == 0 && open == 0) {
        return 0;
    }
    if (!begin_tidy(&tidy, m)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    reach_all(&tidy, /* is_moving= */ false);
    for (uint32_t i = 0; i < m->resource_count; i++) {
        if (!m->resources[i].is_consumed && !tidy.resource_places[i]) {
            first = first < i ? first : i;
            lost++;
        }
    }
    uint32_t lost_ends = count_lost_ends(&tidy);
    kn_free(tidy.cells, tidy_size(m), 16);
    if (lost == 0 && lost_ends > 0) {
        return kn_stop(m, KOKEN_CODE_NOT_CONSUMED, KOKEN_NO_REGISTER,
                       "Linearity violation: %u of %u ends of channels not at their protocol's end",
                       lost_ends, open);
    }
    return lost == 0 ? 0
                     : kn_stop(m, KOKEN_CODE_NOT_CONSUMED, KOKEN_NO_REGISTER,
                               "Linearity violation: %u of %u resources not consumed, the first "
                               "is %u.%u",
                               lost, left, first, m->resources[first].generation);
}

int kn_heap_settle(struct koken_machine *m)
{
    KN_ASSERT(m->program && m->depth <= KN_CALLS_MAX);
    if (m->config.end_check == KOKEN_END_OFF) {
        return 0;
    }
    if (m->config.end_check == KOKEN_END_STRICT) {
        for (uint32_t i = 0; i < m->main_count; i++) {
            if (kn_is_owed(m->registers[i]) && !m->config.keeps_state) {
                return kn_stop(m, KOKEN_CODE_NOT_CONSUMED, i,
                               "Linearity violation: register r%u holds a %s value that was not "
                               "used",
                               i, kn_kind_names[m->registers[i].kind & 3]);
            }
        }
    }
    return check_resources(m);
}
