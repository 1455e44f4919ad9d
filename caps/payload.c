/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, freezing, counting and giving back payloads. Dropping a graph walks it with a list that
 * runs through the headers, so that a long chain of isos costs no stack.
 */
#include "caps/payload.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "caps/census.h"
#include "caps/poison.h"

#include <koken/caps.h>

#include <string.h>

static size_t block_size(const struct koken_type *type)
{
    return sizeof(struct kn_payload) + type->size;
}

void kn_payload_begin(struct kn_payload *header, const struct koken_type *type,
                      enum kn_payload_state state)
{
    header->type = type;
    header->link = NULL;
    kn_atomic_init(&header->count, 0);
    header->generation = 1;
    header->state = (uint16_t)state;
    header->has_pages = 0;
    header->is_in_region = 0;
    header->hash = 0;
}

struct kn_payload *kn_payload_new(const struct koken_type *type, enum kn_payload_state state)
{
    struct kn_payload *header = kn_alloc(block_size(type), sizeof(*header), -1);

    KOKEN_CHECK(type->align <= sizeof(*header));
    KN_ASSERT(state == KN_PAYLOAD_ISO || state == KN_PAYLOAD_LOCAL);
    if (header == NULL) {
        return NULL;
    }
    kn_payload_begin(header, type, state);
    memset(kn_payload_data(header), 0, type->size);
    kn_census(type, 1);
    return header;
}

void kn_payload_free(struct kn_payload *header)
{
    KN_ASSERT(header->type != NULL);
    kn_census(header->type, -1);
    if (kn_payload_is_watched()) {
        kn_quarantine(header, KN_PAYLOAD_GONE);
    } else {
        kn_payload_memory_free(header);
    }
}

void kn_payload_memory_free(struct kn_payload *header)
{
    if (header->is_in_region) {
        kn_region_give(header, 1);
    } else {
        kn_free(header, block_size(header->type), sizeof(*header));
    }
}

/* One val reference less; true when it was the last. */
static bool unref(struct kn_payload *header)
{
    KN_ASSERT(header->state == KN_PAYLOAD_VAL);
    /* [CA2] acq_rel: release what this reference's owner read before the last one frees it;
     * acquire, for the last one, of the same from all others. Both halves meet in this one
     * operation. */
    uint32_t before = kn_sub(&header->count, 1, acq_rel);

    KOKEN_CHECK(before > 0);
    if (before == 1 && kn_payload_is_watched()) {
        kn_payload_last_look(header);
    }
    return before == 1;
}

/* Puts what an object owns on the list and empties its fields. */
static void gather(const struct koken_type *type, void *object, struct kn_payload **list)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct koken_field *field = &type->fields[i];
        void **slot = (void **)(void *)((char *)object + field->offset);
        struct kn_payload *inner;

        if ((field->kind != KOKEN_FIELD_ISO && field->kind != KOKEN_FIELD_VAL) || *slot == NULL) {
            continue;
        }
        inner = kn_payload_of(*slot);
        *slot = NULL;
        if (field->kind == KOKEN_FIELD_VAL && !unref(inner)) {
            continue;
        }
        inner->link = *list;
        *list = inner;
    }
}

/* Frees a list of payloads with all that they own. Ends: each payload is in it once, the graph is a
 * tree of isos whose leaves are counted vals. */
static void free_all(struct kn_payload *list)
{
    struct kn_payload *gone =
        NULL; /* one of those of a region that are gone and not given back yet */
    uint32_t gone_count = 0;

    while (list != NULL) {
        struct kn_payload *header = list;

        list = header->link;
        if (header->has_pages) {
            kn_payload_unseal(header);
        }
        gather(header->type, kn_payload_data(header), &list);
        if (!header->is_in_region || kn_payload_is_watched()) {
            kn_payload_free(header);
            continue;
        }
        kn_census(header->type, -1);
        if (gone != NULL && !kn_region_is_same(gone, header)) {
            kn_region_give(gone, gone_count);
            gone_count = 0;
        }
        gone = header;
        gone_count++;
    }
    if (gone != NULL) { /* a graph of one region: one step of its count for all */
        kn_region_give(gone, gone_count);
    }
}

void koken_release_fields_(const struct koken_type *type, void *object)
{
    struct kn_payload *list = NULL;

    gather(type, object, &list);
    free_all(list);
}

void *koken_payload_new_(const struct koken_type *type)
{
    struct kn_payload *header = kn_payload_new(type, KN_PAYLOAD_ISO);

    return header == NULL ? NULL : kn_payload_data(header);
}

void *koken_local_new_(const struct koken_type *type)
{
    struct kn_payload *header = kn_payload_new(type, KN_PAYLOAD_LOCAL);

    return header == NULL ? NULL : kn_payload_data(header);
}

void *koken_recovered_(void *payload)
{
    if (payload != NULL) {
        KOKEN_CHECK(kn_payload_of(payload)->state == KN_PAYLOAD_LOCAL);
        kn_payload_of(payload)->state = KN_PAYLOAD_ISO;
    }
    return payload;
}

void koken_iso_drop_(void *payload)
{
    struct kn_payload *header = kn_payload_of(payload);

    KN_ASSERT(header->state == KN_PAYLOAD_ISO);
    header->link = NULL;
    free_all(header);
}

void koken_local_drop_(void *payload)
{
    if (payload != NULL) {
        struct kn_payload *header = kn_payload_of(payload);

        KN_ASSERT(header->state == KN_PAYLOAD_LOCAL);
        header->link = NULL;
        free_all(header);
    }
}

const void *koken_iso_freeze_(void *payload)
{
    struct kn_payload *header = kn_payload_of(payload);

    KN_ASSERT(header->state == KN_PAYLOAD_ISO);
    header->state = KN_PAYLOAD_VAL;
    /* Relaxed: the handle has one owner yet; whoever gets it next gets it through a release. */
    kn_store(&header->count, 1, relaxed);
    if (kn_payload_is_watched()) {
        kn_payload_frozen(header);
    }
    return payload;
}

const void *koken_val_keep_(const void *payload)
{
    struct kn_payload *header = kn_payload_of(payload);

    KN_ASSERT(header->state == KN_PAYLOAD_VAL);
    /* Relaxed: the caller's own reference keeps the payload alive; the new one is handed on by a
     * release. */
    uint32_t before = kn_add(&header->count, 1, relaxed);

    KOKEN_CHECK(before > 0);
    KOKEN_CHECK(before < UINT32_MAX);
    return payload;
}

void koken_val_drop_(const void *payload)
{
    struct kn_payload *header = kn_payload_of(payload);

    if (unref(header)) {
        header->link = NULL;
        free_all(header);
    }
}

bool koken_val_is_sole_(const void *payload)
{
    /* [CA2] acquire: if it is 1, what the others did through their references happened before.
     * Pairs with the release half in unref(). */
    return kn_load(&kn_payload_of(payload)->count, acquire) == 1;
}

void *koken_val_thaw_(const void *payload)
{
    struct kn_payload *header = kn_payload_of(payload);
    void *copy;

    KN_ASSERT(header->state == KN_PAYLOAD_VAL);
    if (koken_val_is_sole_(payload)) {
        header->state = KN_PAYLOAD_ISO;
        kn_store(&header->count, 0, relaxed); /* one owner: nobody else looks */
        if (header->has_pages) {
            kn_payload_unseal(header);
        }
        return kn_payload_data(header);
    }
    copy = koken_payload_clone_(payload);
    koken_val_drop_(payload);
    return copy;
}

const struct koken_type *kn_payload_message(const void *payload, bool is_val,
                                            struct kn_handle *ret_handle)
{
    const struct kn_payload *header = kn_payload_of(payload);
    const struct koken_field *extra = &header->type->fields[header->type->field_count];

    memset(ret_handle, 0, sizeof *ret_handle);
    ret_handle->payload = payload;
    ret_handle->generation = header->generation;
    return extra[is_val ? 1 : 0].type;
}

bool kn_payload_is_shareable(const struct koken_type *type)
{
    if (type->drop == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].kind == KOKEN_FIELD_ISO) {
            return false;
        }
    }
    return type->field_count > 0; /* else it owns what no description tells */
}

void kn_payload_share(const struct koken_type *type, const void *object)
{
    KN_ASSERT(kn_payload_is_shareable(type));
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct koken_field *field = &type->fields[i];
        const void *inner;

        if (field->kind == KOKEN_FIELD_VAL) {
            memcpy(&inner, (const char *)object + field->offset, sizeof inner);
            if (inner != NULL) {
                (void)koken_val_keep_(inner);
            }
        }
    }
}

/*
 * Gives a copied object what it may keep of its source: vals are shared, isos copied in turn. Until
 * then its iso fields still name the source's; none may stay so, hence it goes on after a failure.
 */
static bool adopt_fields(const struct koken_type *type, void *copy, struct kn_payload **todo,
                         bool has_memory)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct koken_field *field = &type->fields[i];
        void **slot = (void **)(void *)((char *)copy + field->offset);
        struct kn_payload *inner = NULL;

        if (field->kind == KOKEN_FIELD_VAL && *slot != NULL) {
            (void)koken_val_keep_(*slot);
        }
        if (field->kind != KOKEN_FIELD_ISO || *slot == NULL) {
            continue;
        }
        if (has_memory) {
            inner = kn_payload_new(field->type, KN_PAYLOAD_ISO);
            has_memory = inner != NULL;
        }
        if (inner != NULL) {
            memcpy(kn_payload_data(inner), *slot, field->type->size);
            inner->link = *todo;
            *todo = inner;
        }
        *slot = inner != NULL ? kn_payload_data(inner) : NULL;
    }
    return has_memory;
}

/* Deep copy without recursion: copies whose fields have not been seen yet are linked by their
 * headers. */
static bool adopt_all(const struct koken_type *type, void *copy)
{
    struct kn_payload *todo = NULL;
    bool has_memory = adopt_fields(type, copy, &todo, true);

    while (todo != NULL) { /* ends: a graph of isos is finite and has no cycle */
        struct kn_payload *inner = todo;

        todo = inner->link;
        has_memory = adopt_fields(inner->type, kn_payload_data(inner), &todo, has_memory);
    }
    return has_memory;
}

void *koken_payload_clone_(const void *payload)
{
    const struct koken_type *type = kn_payload_of(payload)->type;
    struct kn_payload *copy = kn_payload_new(type, KN_PAYLOAD_ISO);

    if (copy == NULL) {
        return NULL;
    }
    KN_ASSERT(kn_payload_of(payload)->state != KN_PAYLOAD_GONE);
    memcpy(kn_payload_data(copy), payload, type->size);
    if (!adopt_all(type, kn_payload_data(copy))) {
        copy->link = NULL;
        free_all(copy);
        return NULL;
    }
    return kn_payload_data(copy);
}

int kn_payload_copy_fields(const struct koken_type *type, void *ret_object, const void *object)
{
    /* Built aside, so that nothing is written on failure. */
    struct kn_payload *aside = kn_payload_new(type, KN_PAYLOAD_LOCAL);
    bool is_whole;

    if (aside == NULL) {
        return -ENOMEM;
    }
    memcpy(kn_payload_data(aside), object, type->size);
    is_whole = adopt_all(type, kn_payload_data(aside));
    if (is_whole) {
        memcpy(ret_object, kn_payload_data(aside), type->size);
    } else {
        koken_release_fields_(type, kn_payload_data(aside));
    }
    kn_payload_free(aside);
    return is_whole ? 0 : -ENOMEM;
}
