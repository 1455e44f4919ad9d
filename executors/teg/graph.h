/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph: what the builder collects (m: the building thread), and what koken_teg_check makes of it once and
 * for all (c: constant from then on). Nodes are indices 0 .. count - 1 here, koken_teg_node.number - 1.
 */
#ifndef KN_TEG_GRAPH_H
#define KN_TEG_GRAPH_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "executors/teg/names.h"

#include <koken/teg.h>

enum kn_teg_link_kind {
    KN_TEG_CAUSE,
    KN_TEG_RESOURCE, /* the maker of a resource, and who needs it */
    KN_TEG_CONTROL,
    KN_TEG_ENTRANT, /* into a race */
    KN_TEG_TURN,    /* users of an exclusive resource: carries no value and never breaks */
};

enum kn_teg_node_flag {
    KN_TEG_CACHED = 1u << 0,
    KN_TEG_CONTROLLED = 1u << 1, /* has control links into it */
    KN_TEG_ENTRANT_OF = 1u << 2, /* runs in a race */
    KN_TEG_HANDLED = 1u << 3,    /* somebody waits for its failure */
    KN_TEG_NEEDS_LINEAR = 1u << 4,
};

/* What running a node needs. */
struct kn_teg_node {
    int (*run)(struct koken_teg_call *call);
    const void *arg;
    uint64_t cost;
    uint32_t out, out_count;    /* (c) in outs */
    uint32_t in, in_count;      /* (c) in ins */
    uint32_t input_count;       /* (c) the first of them, that carry values */
    uint32_t key;               /* (c) in keys: kind, tag and domain */
    uint8_t kind, place, flags; /* enum koken_teg_kind, koken_teg_place, kn_teg_node_flag */
    uint8_t retries_more;       /* (c) whether cold.retries > 0 */
    uint32_t rank;              /* (c) its place in order, by static costs */
};
_Static_assert(sizeof(struct kn_teg_node) <= KN_CACHE_LINE, "a node is one line at most");

/* What it needs rarely. */
struct kn_teg_cold {
    const char *id;
    int (*undo)(struct koken_teg_call *call);
    size_t arg_size; /* copied bytes, 0: arg is the user's */
    uint64_t timeout_ns, retry_delay_ns;
    uint32_t retries;
};

/* A link as it was built. */
struct kn_teg_link {
    uint32_t from, to; /* nodes; or names of nodes, with is_named */
    uint8_t kind, when, is_named;
    int64_t operand;
};

struct kn_teg_out {
    uint32_t to;
    uint8_t kind, when;
    int64_t operand;
};

struct kn_teg_in {
    uint32_t from;
    uint32_t out; /* the same link in outs */
};

enum { KN_TEG_NEEDS, KN_TEG_MAKES };

/* A node and a resource. */
struct kn_teg_claim {
    uint32_t node, resource;
    uint8_t what;
};

struct kn_teg_resource {
    uint8_t use, is_initial;
    uint32_t maker; /* node + 1, 0: none */
};

struct koken_teg {
    kn_atomic(uint32_t) refs;   /* (a) the user's, and one per run */
    uint8_t is_checked;         /* (m) */
    enum koken_teg_wrong wrong; /* (m) what went wrong while it was built */
    uint32_t wrong_nodes[2];    /* (m) node + 1 */

    struct kn_teg_node *nodes; /* (m) until it is checked */
    struct kn_teg_cold *cold;  /* (m) */
    uint32_t count, node_room, cold_room;
    struct kn_teg_link *links; /* (m) turns are added by the check */
    uint32_t link_count, link_room;
    struct kn_teg_claim *claims; /* (m) */
    uint32_t claim_count, claim_room;
    struct kn_teg_resource *resources; /* (m) by name */
    uint32_t resource_room;
    uint32_t *id_nodes; /* (m) by name: node + 1, 0: only linked to so far */
    uint32_t id_room;

    struct kn_teg_names ids, keys, resource_names;

    /* (c) made by the check; all in one piece of memory */
    struct kn_teg_out *outs;
    struct kn_teg_in *ins;
    uint32_t *topo;   /* nodes, each after all it depends on; by index where there is a choice */
    uint64_t *levels; /* by node: cost of the longest way from its beginning to an end */
    uint32_t *order;  /* nodes by rank */
    void *frozen;
    size_t frozen_size;
    uint32_t source_count, sink_count;
    bool has_undo, has_cached; /* (m) of any node */
};

/* What a key is made of; see kn_teg_key_text. The parts live as long as the graph. */
struct kn_teg_key {
    enum koken_teg_kind kind;
    const char *tag, *domain;
};
struct kn_teg_key kn_teg_key_of(const struct koken_teg *teg, uint32_t key);

static inline bool kn_teg_is_node(const struct koken_teg *teg, koken_teg_node node)
{
    return node.number != 0 && node.number <= teg->count;
}

/* One more user of a checked graph; koken_teg_free takes it back. Thread: any that has one. */
void kn_teg_ref(struct koken_teg *teg);

/* Adds a link between nodes. False: no memory, which is remembered. */
bool kn_teg_add_link(struct koken_teg *teg, struct kn_teg_link link);

/* Remembers the first thing that goes wrong while the graph is built. */
void kn_teg_note(struct koken_teg *teg, enum koken_teg_wrong wrong, uint32_t node, uint32_t other);

/* The static cost of a kind. */
uint64_t kn_teg_kind_cost(enum koken_teg_kind kind);

#endif
