/* SPDX-License-Identifier: Apache-2.0 */
/* See order.h. */
#include "executors/teg/order.h"

#include "base/alloc.h"
#include "executors/teg/ready.h"

#include <errno.h>
#include <string.h>

void kn_teg_levels(const struct koken_teg *teg, const uint64_t *costs, uint64_t *ret_levels)
{
    for (uint32_t i = teg->count; i-- > 0;) {
        uint32_t index = teg->topo[i];
        const struct kn_teg_node *node = &teg->nodes[index];
        const struct kn_teg_out *outs = &teg->outs[node->out];
        uint64_t longest = 0;
        for (uint32_t j = 0; j < node->out_count; j++) {
            uint64_t level = ret_levels[outs[j].to];
            KN_ASSERT(outs[j].to != index);
            longest = level > longest ? level : longest;
        }
        ret_levels[index] = kn_teg_add_cost(longest, costs[index]);
    }
}

/* One pass over one byte of the keys: stable. False: all are alike in it, nothing was done. */
static bool pass(const uint64_t *keys, bool is_descending, unsigned byte, uint32_t count,
                 const uint32_t *from, uint32_t *to)
{
    uint32_t places[256] = {0}, at = 0;
    for (uint32_t i = 0; i < count; i++) {
        places[keys[i] >> 8 * byte & 255]++;
    }
    if (places[keys[0] >> 8 * byte & 255] == count) {
        return false;
    }
    for (unsigned i = 0; i < 256; i++) {
        unsigned digit = is_descending ? 255 - i : i;
        uint32_t here = places[digit];
        places[digit] = at;
        at += here;
    }
    KN_ASSERT(at == count);
    for (uint32_t i = 0; i < count; i++) {
        to[places[keys[from[i]] >> 8 * byte & 255]++] = from[i];
    }
    return true;
}

void kn_teg_sort(const uint64_t *levels, const uint64_t *costs, uint32_t count, uint32_t *ret_order,
                 uint32_t *scratch)
{
    uint32_t *from = ret_order, *to = scratch;
    KN_ASSERT(count == 0 || from != to);
    for (uint32_t i = 0; i < count; i++) {
        from[i] = i;
    }
    for (unsigned i = 0; i < 16 && count > 1; i++) { /* the less important key first */
        const uint64_t *keys = i < 8 ? costs : levels;
        if (pass(keys, /* is_descending= */ i >= 8, i % 8, count, from, to)) {
            uint32_t *swapped = from;
            from = to;
            to = swapped;
        }
    }
    if (from != ret_order) {
        memcpy(ret_order, from, count * sizeof *from);
    }
}

bool kn_teg_order_static(struct koken_teg *teg)
{
    size_t each = sizeof(uint64_t) + sizeof(uint32_t), size = teg->count * each + 1;
    uint64_t *costs = kn_alloc(size, _Alignof(uint64_t), -1);
    if (!costs) {
        return false;
    }
    for (uint32_t i = 0; i < teg->count; i++) {
        costs[i] = teg->nodes[i].cost;
    }
    kn_teg_levels(teg, costs, teg->levels);
    kn_teg_sort(teg->levels, costs, teg->count, teg->order, (uint32_t *)(costs + teg->count));
    for (uint32_t i = 0; i < teg->count; i++) {
        KN_ASSERT(teg->order[i] < teg->count);
        teg->nodes[teg->order[i]].rank = i;
    }
    kn_free(costs, size, _Alignof(uint64_t));
    return true;
}

int koken_teg_order(const struct koken_teg *teg, koken_teg_node *ret_nodes, uint32_t room)
{
    struct kn_teg_ready ready;
    size_t size = teg->count * sizeof(uint32_t) + 1;
    if (!teg->is_checked) {
        return -EINVAL;
    }
    uint32_t *degree = kn_alloc(size, _Alignof(uint32_t), -1), done = 0;
    if (!degree) {
        return -ENOMEM;
    }
    if (!kn_teg_ready_init(&ready, teg->count)) {
        kn_free(degree, size, _Alignof(uint32_t));
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < teg->count; i++) {
        degree[i] = teg->nodes[i].in_count;
        if (degree[i] == 0) {
            kn_teg_ready_push(&ready, teg->nodes[i].rank);
        }
    }
    while (ready.count > 0 && done < room) { /* ends: each node is ready once */
        uint32_t index = teg->order[kn_teg_ready_pop(&ready)];
        ret_nodes[done++] = (koken_teg_node){index + 1};
        for (uint32_t i = 0; i < teg->nodes[index].out_count; i++) {
            KN_ASSERT(done <= teg->count);
            uint32_t to = teg->outs[teg->nodes[index].out + i].to;
            KN_ASSERT(degree[to] > 0);
            if (--degree[to] == 0) {
                kn_teg_ready_push(&ready, teg->nodes[to].rank);
            }
        }
    }
    kn_teg_ready_fini(&ready);
    kn_free(degree, size, _Alignof(uint32_t));
    return (int)done;
}
