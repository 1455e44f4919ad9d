/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of byte strings, each with a number 0, 1, 2, ... in the order of their coming: the ids, resources and
 * effect keys of a graph. Strings live as long as the set. The hash is seeded, so that whoever writes a graph
 * cannot choose names that all fall into one place.
 *
 * One thread at a time; finding needs no exclusion once nothing is added any more.
 */
#ifndef KN_TEG_NAMES_H
#define KN_TEG_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define KN_TEG_NO_NAME UINT32_MAX

struct kn_teg_name {
    const char *text; /* followed by a zero byte */
    uint32_t len;
    uint32_t hash;
};

struct kn_teg_names_chunk;

/* The zero state is the empty set. */
struct kn_teg_names {
    struct kn_teg_name *texts; /* by number */
    uint32_t count, room;
    uint32_t *places; /* number + 1, 0: free; a power of two of them */
    uint32_t place_count;
    struct kn_teg_names_chunk *chunks; /* memory of the strings */
    uint64_t seed;
};

void kn_teg_names_fini(struct kn_teg_names *names);

/* The number of a string, added if it is new; KN_TEG_NO_NAME: no memory. */
uint32_t kn_teg_names_add(struct kn_teg_names *names, const char *text, size_t len);

/* The number of a string; KN_TEG_NO_NAME: not there. */
uint32_t kn_teg_names_find(const struct kn_teg_names *names, const char *text, size_t len);

/* Bytes that live as long as the set, aligned to 16, a zero byte behind them; NULL: no memory. */
void *kn_teg_names_keep(struct kn_teg_names *names, const void *bytes, size_t len);

/*
 * Room for one more element: array, or a larger copy of it, of which *room is the new length. NULL: no memory,
 * array is as it was. Start with NULL and 0.
 */
void *kn_teg_grow(void *array, uint32_t count, uint32_t *room, size_t each);

/* Gives back what kn_teg_grow made. */
void kn_teg_ungrow(void *array, uint32_t room, size_t each);

#endif
