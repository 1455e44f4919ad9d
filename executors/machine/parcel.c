/* SPDX-License-Identifier: Apache-2.0 */
/* Parcels: a value and what it leads to, as bytes, out of one machine and into another. */
#include "executors/machine/image.h"
#include "executors/machine/ledger.h"

#include "base/alloc.h"

#include <koken/parcel.h>

#include <errno.h>

enum { SIZE_MOST = 16 << 20 };
/* The second version has channels. */
static const uint8_t magics[2][5] = {{'K', 'P', 'R', 'C', 1}, {'K', 'P', 'R', 'C', 2}};

struct koken_parcel {
    size_t size;
    uint32_t resource_count;
    uint8_t bytes[];
};

static int parcel_new(size_t size, struct koken_parcel **ret_parcel)
{
    struct koken_parcel *parcel =
        size <= SIZE_MOST ? kn_alloc(sizeof *parcel + size, _Alignof(struct koken_parcel), -1)
                          : NULL;
    if (!parcel) {
        return size <= SIZE_MOST ? -ENOMEM : -E2BIG;
    }
    parcel->size = size;
    parcel->resource_count = 0;
    *ret_parcel = parcel;
    return 0;
}

void koken_parcel_free(struct koken_parcel *parcel)
{
    if (parcel) {
        kn_free(parcel, sizeof *parcel + parcel->size, _Alignof(struct koken_parcel));
    }
}

uint32_t koken_parcel_resources(const struct koken_parcel *parcel)
{
    return parcel->resource_count;
}

const void *koken_parcel_bytes(const struct koken_parcel *parcel, size_t *ret_size)
{
    *ret_size = parcel->size;
    return parcel->bytes;
}

int koken_parcel_of_bytes(const void *bytes, size_t size, struct koken_parcel **ret_parcel)
{
    int rc = parcel_new(size, ret_parcel);
    if (rc == 0 && size > 0) {
        memcpy((*ret_parcel)->bytes, bytes, size);
    }
    return rc;
}

/* ---- out ---- */

static void put_parcel(struct kn_image *image, struct kn_writer *writer, struct koken_value value)
{
    bool has_channels = image->channel_count > 0;
    kn_put(writer, magics[has_channels], sizeof magics[0]);
    if (has_channels) {
        kn_image_put_ends(image, writer);
    }
    kn_image_put_heap(image, writer);
    kn_image_put_value(image, writer, value);
    kn_image_put_channels(image, writer);
}

/* All resources leave, or none; and then the channels, each with both ends. */
static int send_off(struct koken_machine *m, const struct kn_image *image)
{
    KN_ASSERT(image->moves && kn_image_has_whole_channels(image));
    uint32_t before = m->touched_count;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < image->node_count; i++) {
        uint32_t index = kn_image_resource(image, i);
        if (index != UINT32_MAX) {
            rc = kn_resource_spend(m, index, m->resources[index].hop + 1);
        }
    }
    while (rc < 0 && m->touched_count > before) { /* ends: one less each time */
        kn_resource_undo(m, m->touched[--m->touched_count]);
    }
    for (uint32_t i = 0; rc == 0 && i < image->channel_count; i++) {
        struct kn_duplex *channel = &m->channels[image->order_of_channels[i]];
        channel->is_closed[0] = channel->is_closed[1] = true;
    }
    return rc;
}

/* The value stays where it is; its resources do not. */
static int wrap(struct koken_machine *m, struct koken_value value, struct koken_parcel **ret_parcel)
{
    KN_ASSERT(!m->program || m->out_count > 0);
    struct kn_image image;
    struct kn_writer count = {0};
    struct koken_parcel *parcel = NULL;
    int rc = kn_image_begin(&image, m, /* moves= */ true);
    if (rc < 0) {
        return rc;
    }
    kn_image_reach(&image, value);
    kn_image_reach_channels(&image);
    if (!kn_image_has_whole_channels(&image)) {
        kn_image_end(&image);
        return -ENOTSUP;
    }
    put_parcel(&image, &count, value);
    rc = parcel_new(count.len, &parcel);
    if (rc == 0) {
        struct kn_writer writer = {parcel->bytes, parcel->size, 0};
        put_parcel(&image, &writer, value);
        KN_ASSERT(writer.len == parcel->size);
        parcel->resource_count = image.resource_count;
        rc = send_off(m, &image);
    }
    m->has_sent |= rc == 0 && image.resource_count > 0;
    kn_image_end(&image);
    if (rc < 0) {
        koken_parcel_free(parcel);
        return rc;
    }
    *ret_parcel = parcel;
    return 0;
}

int koken_machine_take(struct koken_machine *m, uint32_t reg, struct koken_parcel **ret_parcel)
{
    if (m->program) {
        return -EBUSY;
    }
    if (reg >= m->main_count || m->registers[reg].state != KOKEN_REGISTER_LIVE) {
        return -EINVAL;
    }
    int rc = wrap(m, m->registers[reg], ret_parcel);
    if (rc == 0) {
        kn_use_up(&m->registers[reg]);
    }
    return rc == -E2BIG ? -ENOMEM : rc;
}

/* ---- in ---- */

static int unwrap(struct koken_machine *m, const struct koken_parcel *parcel,
                  struct koken_value *ret_value)
{
    KN_ASSERT(parcel->size <= SIZE_MOST);
    struct kn_reader reader = {.at = parcel->bytes, .end = parcel->bytes + parcel->size};
    struct kn_arrival arrival;
    bool has_channels =
        parcel->size > sizeof magics[0] && memcmp(parcel->bytes, magics[1], sizeof magics[1]) == 0;
    if (!kn_get_magic(&reader, magics[has_channels], sizeof magics[0])) {
        return -EINVAL;
    }
    int rc = kn_arrival_begin(&arrival, m, /* moves= */ true, has_channels, &reader);
    if (rc < 0) {
        return rc;
    }
    *ret_value = kn_arrival_value(&arrival, &reader);
    rc = kn_arrival_channels(&arrival, &reader);
    if (rc == 0 &&
        (reader.is_bad || reader.at != reader.end || ret_value->tag == KOKEN_VALUE_NONE ||
         (has_channels && m->channel_count == arrival.channel_base))) {
        rc = -EINVAL;
    }
    kn_arrival_end(&arrival, rc == 0);
    return rc;
}

int koken_machine_accept(struct koken_machine *m, uint32_t reg, struct koken_parcel **parcel)
{
    struct koken_value value;
    if (m->program) {
        return -EBUSY;
    }
    if (!*parcel || reg >= KN_REGISTERS_MAX || !m->config.keeps_state) {
        return -EINVAL;
    }
    if (reg < m->main_count && kn_is_owed(m->registers[reg])) {
        return -EPERM;
    }
    if (!kn_grow(&m->registers, &m->register_room, reg + 1, sizeof *m->registers)) {
        return -ENOMEM;
    }
    int rc = unwrap(m, *parcel, &value);
    rc = rc < 0 ? rc : koken_machine_put(m, reg, value);
    KN_ASSERT(rc <= 0);
    if (rc == 0) {
        koken_parcel_free(*parcel);
        *parcel = NULL;
    }
    return rc;
}

/* ---- with a run ---- */

static int stop_for(struct koken_machine *m, int rc, uint32_t reg, const char *what)
{
    KN_ASSERT(rc < 0 && reg < KN_REGISTERS_MAX);
    if (rc == -ENOTSUP) {
        return kn_stop(m, KOKEN_CODE_NOT_IMPLEMENTED, reg,
                       "Machine error: a channel moves with both ends, and register r%u has one",
                       reg);
    }
    enum koken_machine_code code = rc == -EPERM    ? KOKEN_CODE_RESOURCE_CONSUMED
                                   : rc == -ENOMEM ? KOKEN_CODE_NO_MEMORY
                                   : rc == -E2BIG  ? KOKEN_CODE_RESOURCE_LIMIT
                                                   : KOKEN_CODE_BAD_BYTES;
    return kn_stop(m, code, reg, "%s: the parcel %s register r%u",
                   rc == -EPERM    ? "Linearity violation: consumed elsewhere"
                   : rc == -EINVAL ? "Machine error: not sound"
                                   : "Memory error: too much",
                   what, reg);
}

int kn_parcels_open(struct koken_machine *m, const struct kn_move *ins, uint32_t in_count)
{
    for (uint32_t i = 0; i < in_count; i++) {
        struct koken_value value;
        uint32_t reg = ins[i].reg;
        KN_ASSERT(reg < KN_REGISTERS_MAX && ins[i].parcel);
        if (reg >= m->main_count) {
            if (!kn_grow(&m->registers, &m->register_room, reg + 1, sizeof *m->registers) ||
                !kn_grow(&m->saved, &m->saved_room, reg + 1, sizeof *m->saved)) {
                return stop_for(m, -ENOMEM, reg, "for");
            }
            memset(m->registers + m->main_count, 0,
                   (reg + 1 - m->main_count) * sizeof *m->registers);
            m->main_count = reg + 1;
        }
        int rc = kn_write(m, m->registers, reg, koken_value_unit());
        if (rc < 0) {
            return rc;
        }
        rc = unwrap(m, ins[i].parcel, &value);
        if (rc < 0) {
            return stop_for(m, rc, reg, "for");
        }
        value.state = KOKEN_REGISTER_LIVE;
        m->registers[reg] = value;
    }
    return 0;
}

int kn_parcels_close(struct koken_machine *m)
{
    KN_ASSERT(m->out_count <= KN_MOVES_MAX);
    int rc = 0;
    uint32_t made = 0;
    for (; rc == 0 && made < m->out_count; made++) {
        struct kn_move *out = &m->outs[made];
        KN_ASSERT(!out->parcel);
        if (out->reg >= m->main_count || m->registers[out->reg].state != KOKEN_REGISTER_LIVE) {
            rc = kn_stop(m, KOKEN_CODE_REGISTER_NOT_FOUND, out->reg,
                         "Register error: nothing to send from register r%u", out->reg);
            break;
        }
        rc = wrap(m, m->registers[out->reg], &out->parcel);
        if (rc < 0) {
            rc = stop_for(m, rc, out->reg, "from");
            break;
        }
        kn_use_up(&m->registers[out->reg]);
    }
    return rc;
}

void kn_parcels_drop(struct koken_machine *m)
{
    for (uint32_t i = 0; i < m->out_count; i++) {
        koken_parcel_free(m->outs[i].parcel);
        m->outs[i].parcel = NULL;
    }
}
