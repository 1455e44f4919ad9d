/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions: payloads that live in memory of the iso they are made for. Taking one is a step of a pointer, giving one back a
 * step of a count, and the memory goes with the last of them.
 *
 *     chunk   | region, next | struct kn_region | root | payload | payload | ...     4 KiB, aligned to that
 *     chunk   | region, next | payload | ...
 *
 * The owner of the root makes payloads, one at a time; whoever has one gives it back, at any time, on any thread.
 */
#include "caps/payload.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "caps/census.h"

#include <koken/caps.h>

#include <string.h>

enum { CHUNK = 4096, PART_MAX = 1024 /* bytes; what is larger has memory of its own */ };

struct chunk {
    struct kn_region *region; /* (c) */
    struct chunk *next;       /* (o) older */
} KN_ALIGNED(32);

struct kn_region {
    kn_atomic(uint32_t) alive; /* (a) payloads in it */
    /* (o) whoever owns the root: */
    unsigned char *at, *end;
    struct chunk *chunks;
} KN_ALIGNED(32);

_Static_assert(CHUNK >= sizeof(struct chunk) + sizeof(struct kn_region) + PART_MAX,
               "a chunk holds a root");

static size_t part_size(const struct koken_type *type)
{
    return kn_align_up(sizeof(struct kn_payload) + type->size, sizeof(struct kn_payload));
}

static struct kn_region *region_of(const struct kn_payload *header)
{
    const struct chunk *chunk = (const struct chunk *)((uintptr_t)header & ~(uintptr_t)(CHUNK - 1));
    KN_ASSERT(header->is_in_region);
    KN_ASSERT(chunk->region != NULL);
    return chunk->region;
}

/* A chunk of the region, or the first of a new one. NULL: no memory. */
static struct chunk *chunk_new(struct kn_region *region)
{
    struct chunk *chunk = kn_alloc(CHUNK, CHUNK, -1);
    if (chunk == NULL) {
        return NULL;
    }
    unsigned char *at = (unsigned char *)(chunk + 1);
    if (region == NULL) {
        region = (struct kn_region *)(void *)at;
        at += sizeof *region;
        kn_atomic_init(&region->alive, 0);
        region->chunks = NULL;
    }
    chunk->region = region;
    chunk->next = region->chunks;
    region->chunks = chunk;
    region->at = at;
    region->end = (unsigned char *)chunk + CHUNK;
    return chunk;
}

/* The next payload of a region with room for it. */
static struct kn_payload *cut(struct kn_region *region, const struct koken_type *type,
                              enum kn_payload_state state)
{
    size_t size = part_size(type);
    struct kn_payload *header = (struct kn_payload *)(void *)region->at;
    KN_ASSERT(size <= (size_t)(region->end - region->at));
    region->at += size;
    /* Relaxed: the root is alive, so that nobody else's step makes it 0. */
    (void)kn_add(&region->alive, 1, relaxed);
    kn_payload_begin(header, type, state);
    header->is_in_region = 1;
    memset(kn_payload_data(header), 0, type->size);
    kn_census(type, 1);
    return header;
}

void kn_region_give(struct kn_payload *header, uint32_t count)
{
    struct kn_region *region = region_of(header);
    /* [CA3] release: what was done with these payloads; acquire, for the last, what was done with all. */
    uint32_t before = kn_sub(&region->alive, count, acq_rel);
    KOKEN_CHECK(before >= count);
    if (before == count) {
        struct chunk *chunk = region->chunks; /* the region lies in the last of them */
        while (chunk != NULL) {               /* ends: a list */
            struct chunk *next = chunk->next;
            kn_free(chunk, CHUNK, CHUNK);
            chunk = next;
        }
    }
}

bool kn_region_is_same(const struct kn_payload *left, const struct kn_payload *right)
{
    return left->is_in_region && right->is_in_region && region_of(left) == region_of(right);
}

/* The first payload of a region stands right behind it. */
static bool is_root(const struct kn_payload *header)
{
    return header->is_in_region && (const void *)header == (const void *)(region_of(header) + 1);
}

void *koken_region_new_(const struct koken_type *type)
{
    KOKEN_CHECK(type->align <= sizeof(struct kn_payload));
    if (part_size(type) > PART_MAX || kn_payload_protects()) {
        return koken_payload_new_(type);
    }
    struct chunk *chunk = chunk_new(NULL);
    return chunk == NULL ? NULL : kn_payload_data(cut(chunk->region, type, KN_PAYLOAD_ISO));
}

void *koken_payload_new_in_(const struct koken_type *type, void *root)
{
    const struct kn_payload *header = kn_payload_of(root);
    KOKEN_CHECK(type->align <= sizeof(struct kn_payload));
    KN_ASSERT(header->state == KN_PAYLOAD_ISO);
    if (part_size(type) > PART_MAX || !is_root(header)) {
        return koken_payload_new_(type);
    }
    struct kn_region *region = region_of(header);
    if ((size_t)(region->end - region->at) < part_size(type) && chunk_new(region) == NULL) {
        return NULL;
    }
    return kn_payload_data(cut(region, type, KN_PAYLOAD_ISO));
}
