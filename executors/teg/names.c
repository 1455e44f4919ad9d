/* SPDX-License-Identifier: Apache-2.0 */
/* See names.h. Open addressing, at most half full; strings in chunks that double. */
#include "executors/teg/names.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"

#include <string.h>

enum { GROW_FIRST = 16, CHUNK_FIRST = 1024, CHUNK_MOST = 1 << 20, ALIGN = 16 };

struct kn_teg_names_chunk {
    struct kn_teg_names_chunk *next;
    size_t size, used; /* of bytes */
    unsigned char bytes[] KN_ALIGNED(ALIGN);
};

void *kn_teg_grow(void *array, uint32_t count, uint32_t *room, size_t each)
{
    KN_ASSERT(count <= *room);
    KN_ASSERT(each > 0);
    if (count < *room) {
        return array;
    }
    uint32_t more = *room ? *room * 2 : (uint32_t)GROW_FIRST;
    if (more >= UINT32_MAX / 4) {
        return NULL;
    }
    void *fresh = kn_alloc(more * each, ALIGN, -1);
    if (!fresh) {
        return NULL;
    }
    if (array) {
        memcpy(fresh, array, count * each);
        kn_free(array, *room * each, ALIGN);
    }
    *room = more;
    return fresh;
}

void kn_teg_ungrow(void *array, uint32_t room, size_t each)
{
    KN_ASSERT((array == NULL) == (room == 0));
    if (array) {
        kn_free(array, room * each, ALIGN);
    }
}

void kn_teg_names_fini(struct kn_teg_names *names)
{
    struct kn_teg_names_chunk *chunk = names->chunks;
    while (chunk) { /* ends: the list does */
        struct kn_teg_names_chunk *next = chunk->next;
        kn_free(chunk, sizeof *chunk + chunk->size, ALIGN);
        chunk = next;
    }
    kn_teg_ungrow(names->texts, names->room, sizeof *names->texts);
    if (names->places) {
        kn_free(names->places, names->place_count * sizeof *names->places, ALIGN);
    }
    *names = (struct kn_teg_names){0};
}

void *kn_teg_names_keep(struct kn_teg_names *names, const void *bytes, size_t len)
{
    struct kn_teg_names_chunk *chunk = names->chunks;
    if (len > SIZE_MAX / 4) {
        return NULL;
    }
    size_t need = (len + 1 + ALIGN - 1) / ALIGN * ALIGN;
    if (!chunk || chunk->size - chunk->used < need) {
        size_t size = chunk ? chunk->size * 2 : (size_t)CHUNK_FIRST;
        size = size > CHUNK_MOST ? (size_t)CHUNK_MOST : size;
        size = size < need ? need : size;
        chunk = kn_alloc(sizeof *chunk + size, ALIGN, -1);
        if (!chunk) {
            return NULL;
        }
        *chunk = (struct kn_teg_names_chunk){.next = names->chunks, .size = size};
        names->chunks = chunk;
    }
    unsigned char *at = chunk->bytes + chunk->used;
    chunk->used += need;
    KN_ASSERT(chunk->used <= chunk->size);
    if (len) {
        memcpy(at, bytes, len);
    }
    at[len] = 0;
    return at;
}

/* FNV-1a, then mixed, from a seed of the set's own. */
static uint32_t hash_of(uint64_t seed, const char *text, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32);
}

/* Where the string is, or the free place where it belongs. */
static uint32_t *place_of(const struct kn_teg_names *names, const char *text, size_t len,
                          uint32_t hash)
{
    uint32_t mask = names->place_count - 1;
    uint32_t at = hash & mask;
    KN_ASSERT((names->place_count & mask) == 0);
    for (;;) { /* ends: half of the places are free */
        uint32_t number = names->places[at];
        if (number == 0) {
            return &names->places[at];
        }
        const struct kn_teg_name *found = &names->texts[number - 1];
        if (found->hash == hash && found->len == len && memcmp(found->text, text, len) == 0) {
            return &names->places[at];
        }
        at = (at + 1) & mask;
    }
}

uint32_t kn_teg_names_find(const struct kn_teg_names *names, const char *text, size_t len)
{
    if (!names->places) {
        return KN_TEG_NO_NAME;
    }
    uint32_t number = *place_of(names, text, len, hash_of(names->seed, text, len));
    return number ? number - 1 : KN_TEG_NO_NAME;
}

/* Twice as many places. False: no memory. */
static int spread(struct kn_teg_names *names)
{
    uint32_t count = names->place_count ? names->place_count * 2 : 2 * (uint32_t)GROW_FIRST;
    uint32_t *places = kn_alloc(count * sizeof *places, ALIGN, -1);
    if (!places) {
        return 0;
    }
    memset(places, 0, count * sizeof *places);
    for (uint32_t i = 0; i < names->count; i++) {
        uint32_t at = names->texts[i].hash & (count - 1);
        while (places[at]) { /* ends: half of the places are free */
            at = (at + 1) & (count - 1);
        }
        places[at] = i + 1;
    }
    if (names->places) {
        kn_free(names->places, names->place_count * sizeof *places, ALIGN);
    }
    names->places = places;
    names->place_count = count;
    return 1;
}

uint32_t kn_teg_names_add(struct kn_teg_names *names, const char *text, size_t len)
{
    if (len >= UINT32_MAX / 4) {
        return KN_TEG_NO_NAME;
    }
    if (!names->seed) {
        names->seed = kn_entropy() | 1;
    }
    if (2 * (names->count + 1) > names->place_count && !spread(names)) {
        return KN_TEG_NO_NAME;
    }
    KN_ASSERT(2 * (names->count + 1) <= names->place_count);
    uint32_t hash = hash_of(names->seed, text, len);
    uint32_t *place = place_of(names, text, len, hash);
    if (*place) {
        return *place - 1;
    }
    void *texts = kn_teg_grow(names->texts, names->count, &names->room, sizeof *names->texts);
    if (!texts) {
        return KN_TEG_NO_NAME;
    }
    names->texts = texts;
    const char *kept = kn_teg_names_keep(names, text, len);
    if (!kept) {
        return KN_TEG_NO_NAME;
    }
    names->texts[names->count] = (struct kn_teg_name){kept, (uint32_t)len, hash};
    KN_ASSERT(*place == 0 && names->count < names->room);
    *place = ++names->count;
    return names->count - 1;
}
