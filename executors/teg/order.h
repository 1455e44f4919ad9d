/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who goes first: bottom levels, and the order of nodes by them. The level of a node is the cost of the longest
 * way from its beginning to an end of the graph. Of two nodes the one with the higher level goes first, then
 * the cheaper one, then the one with the lower index: so the order is total, and the place in it, the rank,
 * says all that a queue of ready nodes needs to know.
 */
#ifndef KN_TEG_ORDER_H
#define KN_TEG_ORDER_H

#include "executors/teg/graph.h"

/* Costs saturate. */
static inline uint64_t kn_teg_add_cost(uint64_t left, uint64_t right)
{
    return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

/* The levels of all nodes by the given costs. */
void kn_teg_levels(const struct koken_teg *teg, const uint64_t *costs, uint64_t *ret_levels);

/*
 * Sorts the indices 0 .. count - 1 into order. scratch has room for count of them. Cost: O(count) for each
 * byte in which the levels or the costs differ.
 */
void kn_teg_sort(const uint64_t *levels, const uint64_t *costs, uint32_t count, uint32_t *ret_order,
                 uint32_t *scratch);

/* Levels, order and ranks by static costs, for the check. False: no memory. */
bool kn_teg_order_static(struct koken_teg *teg);

#endif
