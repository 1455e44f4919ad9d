/* SPDX-License-Identifier: Apache-2.0 */
/* Stores, locations, shadow: between memory.c and access.c. */
#ifndef KN_TEST_MODEL_LIB_MEMORY_H
#define KN_TEST_MODEL_LIB_MEMORY_H

#include "test/model/lib/inside.h"

struct store {
    uint64_t value;
    struct view message; /* what an acquire that reads it learns */
    uint16_t loc;
    uint16_t place;            /* in the modification order */
    uint8_t stale_reads[TIDS]; /* so often each thread has read it when it was not the newest */
    bool is_taken;             /* a read-modify-write has read it: nothing comes between */
    bool is_rmw;
    uint32_t life; /* of its location */
};

struct loc {
    const void *p;
    size_t size;
    uint16_t count;
    uint16_t order[STORES_OF_LOC];
    uint16_t last; /* the store that was executed last */
    uint16_t atomic_writes[TIDS], atomic_reads[TIDS];
    uint32_t life;
    bool is_rewritten; /* by a plain write: its history is void */
};

/* Shadow of two bytes. Small, as each execution begins with all that it touches anew. */
struct cell {
    uint32_t execution; /* what it is of; older: nothing but the last two fields */
    uint16_t write, reads[TIDS];
    int16_t loc; /* -1: there have been no atomic accesses */
    uint8_t writer;
    bool is_freed;
    uint8_t touched, written; /* by whom, in all executions of the scenario */
};

extern struct loc locs[LOCS_MAX];
extern struct store stores[STORES_MAX];
extern struct view sc;    /* what fences and stores that are seq_cst have published; no clocks */
extern unsigned barriers; /* membarriers in this execution */

void join(struct view *to, const struct view *from);
void join_seen(struct view *to, const struct view *from);
uint16_t place_of(uint16_t store);
struct store *new_store(struct loc *loc, uint64_t value, unsigned place);
struct loc *loc_of(const void *p, size_t size);
void to_memory(const struct loc *loc);
unsigned changes_of(const void *p);
void atomic_access(const void *p, bool is_write);

#endif
