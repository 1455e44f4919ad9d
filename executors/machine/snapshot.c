/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions as bytes. What is read is written again and compared: a session has one form, and whatever has another
 * is refused, so nothing needs to be believed of the order in which things were written.
 */
#include "executors/machine/image.h"
#include "executors/machine/ledger.h"

#include "base/alloc.h"

#include <koken/parcel.h>

#include <errno.h>
#include <stdlib.h>

/* The second version has channels, and is that of sessions which have ever made one. */
static const uint8_t magics[2][5] = {{'K', 'S', 'N', 'P', 1}, {'K', 'S', 'N', 'P', 2}};

/* ---- writing ---- */

/* The last register that is not absent, + 1. */
static uint32_t register_count(const struct koken_machine *m)
{
    uint32_t count = m->main_count;
    while (count > 0 && m->registers[count - 1].state == KOKEN_REGISTER_ABSENT) {
        count--; /* ends: one less each time */
    }
    return count;
}

static void reach_all(struct kn_image *image)
{
    KN_ASSERT(!image->moves && image->node_count == 0);
    const struct koken_machine *m = image->m;
    for (uint32_t i = 0; i < m->main_count; i++) {
        if (m->registers[i].state == KOKEN_REGISTER_LIVE) {
            kn_image_reach(image, m->registers[i]);
        }
    }
    for (uint32_t i = 0; i < m->effect_count; i++) {
        kn_image_symbol(image, m->effects[i]);
    }
    kn_image_reach_channels(image);
}

static void put_session(struct kn_image *image, struct kn_writer *writer)
{
    KN_ASSERT(!image->moves);
    const struct koken_machine *m = image->m;
    uint32_t count = register_count(m);
    bool has_channels = m->steps_of_channels > 0;
    kn_put(writer, magics[has_channels], sizeof magics[0]);
    kn_put_number(writer, m->config.origin);
    kn_put_number(writer, m->serial);
    kn_put_number(writer, m->arrivals);
    kn_put_number(writer, m->has_sent);
    kn_put_number(writer, m->constraint_count);
    if (has_channels) {
        kn_image_put_ends(image, writer);
    }
    kn_image_put_heap(image, writer);
    kn_put_number(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kn_put_number(writer, m->registers[i].state);
        if (m->registers[i].state == KOKEN_REGISTER_LIVE) {
            kn_image_put_value(image, writer, m->registers[i]);
        }
    }
    kn_put_number(writer, m->nullified_count);
    for (uint32_t i = 0; i < m->nullified_count; i++) {
        kn_put_number(writer, m->nullified[i].origin);
        kn_put_number(writer, m->nullified[i].serial);
    }
    kn_put_number(writer, m->effect_count);
    for (uint32_t i = 0; i < m->effect_count; i++) {
        kn_image_put_symbol(image, writer, m->effects[i]);
    }
    kn_image_put_channels(image, writer);
}

int koken_machine_snapshot(const struct koken_machine *m, void *bytes, size_t room,
                           size_t *ret_size)
{
    struct kn_image image;
    struct kn_writer count = {0}, writer = {bytes, room, 0};
    if (m->program || !m->config.keeps_state) {
        return m->program ? -EBUSY : -EINVAL;
    }
    int rc = kn_image_begin(&image, m, /* moves= */ false);
    if (rc < 0) {
        return rc;
    }
    reach_all(&image);
    put_session(&image, &count);
    if (count.len <= room) {
        put_session(&image, &writer);
        KN_ASSERT(writer.len == count.len);
    }
    kn_image_end(&image);
    *ret_size = count.len;
    return 0;
}

/* ---- reading ---- */

static int get_registers(struct koken_machine *m, struct kn_reader *reader,
                         const struct kn_arrival *arrival)
{
    KN_ASSERT(m->main_count == 0);
    uint32_t count = kn_get_count(reader, KN_REGISTERS_MAX, 1);
    if (!kn_grow(&m->registers, &m->register_room, count, sizeof *m->registers)) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct koken_value value = {0};
        uint8_t state = (uint8_t)kn_get_below(reader, KOKEN_REGISTER_CONSUMED + 1);
        if (state == KOKEN_REGISTER_LIVE) {
            value = kn_arrival_value(arrival, reader);
            reader->is_bad |= value.tag == KOKEN_VALUE_NONE;
        }
        value.state = state;
        m->registers[m->main_count++] = value;
    }
    return 0;
}

static int get_lists(struct koken_machine *m, struct kn_reader *reader,
                     const struct kn_arrival *arrival)
{
    KN_ASSERT(m->nullified_count == 0 && m->effect_count == 0);
    uint32_t count = kn_get_count(reader, UINT32_MAX, 2);
    if (!kn_grow(&m->nullified, &m->nullified_room, count, sizeof *m->nullified)) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t origin = kn_get64(reader);
        m->nullified[m->nullified_count++] = (struct kn_nullified){origin, kn_get64(reader)};
    }
    count = kn_get_count(reader, KN_EFFECTS_MAX, 1);
    if (!kn_grow(&m->effects, &m->effect_room, count, sizeof *m->effects)) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        m->effects[m->effect_count++] = kn_arrival_symbol(arrival, reader);
    }
    return 0;
}

/* Serials and generations to come are new ones. */
static bool is_ahead(const struct koken_machine *m)
{
    KN_ASSERT(m->resource_count <= KN_RESOURCES_MAX);
    for (uint32_t i = 0; i < m->resource_count; i++) {
        const struct kn_resource *at = &m->resources[i];
        if ((at->origin == m->config.origin && at->serial >= m->serial) ||
            (int32_t)(kn_generation(m) - at->generation) <= 0) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (m->resources[k].generation == at->generation) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < m->nullified_count; i++) {
        if (m->nullified[i].origin == m->config.origin && m->nullified[i].serial >= m->serial) {
            return false;
        }
    }
    return true;
}

static int by_name(const void *left, const void *right)
{
    const struct kn_nullified *a = left, *b = right;
    return a->serial != b->serial ? (a->serial < b->serial ? -1 : 1)
                                  : (a->origin > b->origin) - (a->origin < b->origin);
}

/* No resource that lives is nullified. Errors: -EINVAL, -ENOMEM. */
static int check_names(const struct koken_machine *m)
{
    size_t size = (m->resource_count + 1) * sizeof(struct kn_nullified);
    struct kn_nullified *names = kn_alloc(size, 8, -1);
    int rc = names ? 0 : -ENOMEM;
    for (uint32_t i = 0; names && i < m->resource_count; i++) {
        names[i] = (struct kn_nullified){m->resources[i].origin, m->resources[i].serial};
    }
    if (names && m->resource_count) {
        qsort(names, m->resource_count, sizeof *names, by_name);
    }
    for (uint32_t i = 0; rc == 0 && i < m->nullified_count; i++) {
        rc = bsearch(&m->nullified[i], names, m->resource_count, sizeof *names, by_name) ? -EINVAL
                                                                                         : 0;
    }
    kn_free(names, size, 8);
    return rc;
}

static int get_session(struct koken_machine *m, struct kn_reader *reader)
{
    KN_ASSERT(m->cell_count == 0 && m->resource_count == 0 && m->main_count == 0);
    struct kn_arrival arrival;
    bool has_channels = (size_t)(reader->end - reader->at) > sizeof magics[0] &&
                        memcmp(reader->at, magics[1], sizeof magics[1]) == 0;
    if (!kn_get_magic(reader, magics[has_channels], sizeof magics[0])) {
        return -EINVAL;
    }
    m->config.origin = kn_get64(reader);
    m->serial = kn_get64(reader);
    m->arrivals = kn_get(reader);
    m->has_sent = kn_get_below(reader, 2) == 1;
    m->constraint_count = kn_get(reader);
    int rc = kn_arrival_begin(&arrival, m, /* moves= */ false, has_channels, reader);
    if (rc < 0) {
        return rc == -EPERM ? -EINVAL : rc;
    }
    rc = get_registers(m, reader, &arrival);
    rc = rc < 0 ? rc : get_lists(m, reader, &arrival);
    rc = rc < 0 ? rc : kn_arrival_channels(&arrival, reader);
    kn_arrival_end(&arrival, /* is_kept= */ true);
    if (rc == 0 && (reader->is_bad || reader->at != reader->end || !is_ahead(m))) {
        rc = -EINVAL;
    }
    return rc < 0 ? rc : check_names(m);
}

/* Whether it is written as it was read. */
static int compare(const struct koken_machine *m, const void *bytes, size_t size)
{
    size_t again = 0;
    uint8_t *copy = kn_alloc(size, 1, -1);
    int rc = copy ? koken_machine_snapshot(m, copy, size, &again) : -ENOMEM;
    if (rc == 0 && (again != size || memcmp(copy, bytes, size) != 0)) {
        rc = -EINVAL;
    }
    kn_free(copy, size, 1);
    return rc;
}

/* What was spent since, here or elsewhere. */
static void drop_spent(struct koken_machine *m)
{
    for (uint32_t i = 0; m->config.ledger && i < m->resource_count; i++) {
        struct kn_resource *at = &m->resources[i];
        if (!kn_ledger_is_fresh(m->config.ledger, at->origin, at->serial, at->hop)) {
            at->is_consumed = 1;
        }
    }
}

int koken_machine_restore(const struct koken_machine_config *config, const void *bytes, size_t size,
                          struct koken_machine **ret_machine)
{
    struct koken_machine *m;
    const uint8_t *at = bytes;
    struct kn_reader reader = {.at = at, .end = at + size};
    int rc = koken_machine_new(config, &m);
    if (rc < 0) {
        return rc;
    }
    m->config.keeps_state = true;
    rc = get_session(m, &reader);
    rc = rc < 0 ? rc : compare(m, bytes, size);
    if (rc < 0) {
        koken_machine_free(m);
        return rc;
    }
    drop_spent(m);
    m->cells_tidied = m->cell_count;
    *ret_machine = m;
    return 0;
}
